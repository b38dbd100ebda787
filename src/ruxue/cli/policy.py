"""`ruxue policy …`: the districts' rules as data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from ruxue.cli.base import console
from ruxue.processes import StartError

if TYPE_CHECKING:
    from ruxue.policy.language import Policy

app = typer.Typer(no_args_is_help=True, help="Policies: the districts' rules as data.")
File = Annotated[Path, typer.Argument(help="A policy (YAML or JSON).")]
Lang = Annotated[Literal["zh", "en"], typer.Option("--lang", help="The language of the words.")]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise StartError(f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StartError(f"{file} is not UTF-8; save it as UTF-8") from error


def _load(file: Path, season: int | None = None) -> Policy:
    from ruxue.policy import language

    try:
        return language.load(_read(file), season)
    except language.PolicyError as error:
        where = f"{file}, line {error.line}" if error.line else str(file)
        raise StartError(f"{where}\n{escape(error.zh)}\n{escape(error.en)}") from error


def _say(text: str) -> None:
    console.print(escape(text), highlight=False, soft_wrap=True)


@app.command("check")
def check(
    file: File,
    cases: Annotated[Path | None, typer.Option(help="Golden cases (YAML): facts in, verdict out.")] = None,
    lang: Lang = "zh",
) -> None:
    """Checks a policy; an error names the line, the key and the likely fix.

    Tells what looks wrong: grounds that nobody can use, conditions that never matter, children in no category,
    strange constants. With cases, tells which fail and which conditions none of them puts to the test.
    """
    from ruxue.policy import coverage, language
    from ruxue.policy.cases import CaseError, differences, read

    policy = _load(file)
    _say(
        f"{policy.id} version {policy.version} for {policy.district} {policy.season}: "
        f"{len(policy.categories)} categories, digest {language.digest(policy)[:16]}"
    )
    for remark in [*coverage.constants(policy, _read(file)), *coverage.examine(policy)]:
        if remark.kind != "overlap":
            _say(f"· {remark.text(lang)}")
    if cases is None:
        return
    try:
        book = read(_read(cases))
    except CaseError as error:
        raise StartError(f"{cases}, {error.name}\n{escape(error.zh)}\n{escape(error.en)}") from error
    if book.season is not None:
        policy = _load(file, book.season)
    failed = 0
    for case in book.cases:
        wrong = differences(policy, case)
        failed += bool(wrong)
        for difference in wrong:
            _say(f"✗ {case.name}: {difference}")
    for use in coverage.reached(policy, [case.facts for case in book.cases], lang):
        if not use.reached:
            words = (
                f"没有案例同时考验过：{use.text}（{use.place}）"
                if lang == "zh"
                else f"no case has it met and another unmet: {use.text} ({use.place})"
            )
            _say(f"· {words}")
    if failed:
        raise StartError(f"{failed} of {len(book.cases)} cases do not hold")
    _say(f"{len(book.cases)} cases hold")


@app.command("explain")
def explain(file: File, lang: Lang = "zh") -> None:
    """Prints a policy in plain words, as its public page shows it."""
    from ruxue.policy.explain import render_policy

    public, zh = render_policy(_load(file), lang), lang == "zh"
    _say(public.title)
    _say(public.source)
    if public.note:
        _say(public.note)
    for heading, lines in (
        ("报名条件" if zh else "Who may be enrolled", public.eligible),
        ("", []),
        ("积分" if zh else "Points", public.points),
        ("同类别内的先后" if zh else "Tie-breakers", public.order),
        ("其他规定" if zh else "Arrangements", public.rules),
        ("留存文本缺失、暂时假设" if zh else "Missing in the published text and assumed", public.assumed),
    ):
        if not heading:
            for category in public.categories:
                points = (
                    (f"（{category.points}分）" if zh else f" ({category.points} points)") if category.points else ""
                )
                _say(f"\n{category.code} {category.title}{points}")
                for title, conditions in category.bases:
                    _say(f"  {title}")
                    for condition in conditions:
                        _say(f"    · {condition}")
                for line in [*category.evidence, *category.may, *category.notes]:
                    _say(f"  – {line}")
        elif lines:
            _say(f"\n{heading}")
            for line in lines:
                _say(f"  · {line}")


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The version before.")],
    new: Annotated[Path, typer.Argument(help="The version after.")],
    lang: Lang = "zh",
) -> None:
    """Says in words what changed between two versions of a policy."""
    from ruxue.policy.compare import diff as differences

    changes = differences(_load(old), _load(new), lang)
    for change in changes:
        _say(f"· {change.text(lang)}")
    if not changes:
        _say("没有变化" if lang == "zh" else "nothing changed")
