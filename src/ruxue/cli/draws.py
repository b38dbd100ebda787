"""`ruxue verify`: a published draw recomputed from its bundle. `ruxue balance`: a school's classes, without a platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ruxue.cli.base import console
from ruxue.processes import StartError


def verify(
    bundle: Annotated[Path, typer.Argument(help="A published bundle (JSON).")],
    log_key: Annotated[str, typer.Option(help="The log's public key (hex), as you know it from elsewhere.")] = "",
) -> None:
    """Recomputes a published draw from its bundle alone: commitments, seed, result, and its place in the public log."""
    from ruxue.algorithms.bundle import verify_bundle

    try:
        data = bundle.read_bytes()
    except OSError as error:
        raise StartError(f"{bundle} can't be read: {error}") from error
    steps = verify_bundle(data, log_key.strip().lower())
    for step in steps:
        sign = "[green]✓[/]" if step.ok else "[red]✗[/]"
        console.print(f"{sign} {_plain(step.zh)}\n  {_plain(step.en)}", highlight=False)
    if not steps[-1].ok:
        raise typer.Exit(1)
    console.print("[green]All of it agrees. 全部一致。[/]")


def _plain(text: str) -> str:
    """A bundle's own words can neither color nor move what the terminal shows."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def balance(
    pupils: Annotated[
        Path, typer.Argument(help="The list: CSV or Excel, a column `code`, a column for each attribute.")
    ],
    seed: Annotated[str, typer.Option(help="64 hexadecimal digits, as a ceremony gives them.")],
    out: Annotated[Path, typer.Option(help="Where `code` and `class` go: CSV, or Excel by the name .xlsx.")],
    classes: Annotated[int | None, typer.Option(help="How many classes, if the rules don't say.")] = None,
    balance: Annotated[
        str, typer.Option(help="What each class gets equally many of, most important first: sex,category,sex*age/2.")
    ] = "",
    mean: Annotated[str, typer.Option(help="Whole numbers whose class means and spreads are evened out: age.")] = "",
    group: Annotated[str | None, typer.Option(help="Column of those who stay together, such as family.")] = None,
    rules: Annotated[Path | None, typer.Option(help="More rules (JSON), as docs/class-assignment.md has them.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write counts, sums and what the draw used to this JSON.")] = None,
) -> None:
    """Assigns a school's pupils to classes 1 … K: balanced, random, and the same for anyone with list, rules and seed."""
    from ruxue.algorithms import balance as algorithm
    from ruxue.algorithms import bundle
    from ruxue.algorithms.draw import Stream
    from ruxue.cli import pupil_list

    seed = seed.lower()
    if len(seed) != 64 or set(seed) - set("0123456789abcdef"):
        raise StartError(
            f"种子须是 64 位十六进制数（0–9、a–f），现有 {len(seed)} 位\n"
            f"a seed is 64 hexadecimal digits (0-9, a-f); this one has {len(seed)} characters"
        )
    given = _rules(rules, classes, balance, mean)
    table = pupil_list.read_table(pupils)
    listed = pupil_list.pupils(table, given, group)
    stream = Stream(bytes.fromhex(seed), "classes")
    with console.status("assigning (the first time on a machine, the code is compiled for some seconds) …") as status:
        try:
            assigned = _assign(
                listed, stream, lambda n, made: status.update(f"round {n}: {made} pairs of classes changed")
            )
        except algorithm.InfeasibleRules as error:
            raise StartError(f"{error.zh}\n{error.en}") from error
    found = algorithm.balance_report(listed.entries, assigned, listed.rules)
    rows = [(e["code"], assigned[e["code"]]) for e in listed.entries]
    pupil_list.write_classes(out, rows, table.encoding)
    if report:
        body = {
            "algorithm": bundle.algorithm(),
            "seed": seed,
            "rules": listed.rules,
            "levels": listed.levels,
            "report": found,
        }
        _write(report, json.dumps(body, ensure_ascii=False, indent=2) + "\n")
    _show(found, listed.levels)


def _rules(file: Path | None, classes: int | None, balance: str, mean: str) -> dict[str, Any]:
    """The rules of the file, those of the command line in place of its own. Raises StartError."""
    from ruxue.algorithms.balance_rules import InfeasibleRules, check_shape

    given: dict[str, Any] = {}
    if file:
        try:
            given = json.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise StartError(f"{file} 无法读作规则 · can't be read as rules: {error}") from error
        if not isinstance(given, dict):
            raise StartError(f"{file} 须是一个 JSON 对象 · must hold a JSON object")
    if classes is not None:
        given["classes"] = classes
    if "classes" not in given:
        raise StartError("缺少班数：--classes · the number of classes is missing: --classes")
    for key, text in (("balance", balance), ("mean", mean)):
        if text:
            given[key] = [name.strip() for name in text.split(",") if name.strip()]
    try:
        check_shape(given)
    except InfeasibleRules as error:
        raise StartError(f"{error.zh}\n{error.en}") from error
    return given


def _assign(listed: Any, stream: Any, progress: Any) -> dict[str, int]:
    from ruxue.algorithms import balance as algorithm

    placed = listed.rules.get("placed")
    if placed is None:
        return algorithm.assign_classes(listed.entries, listed.rules, stream, progress)
    there = [e for e in listed.entries if e["code"] in placed]
    late = [e for e in listed.entries if e["code"] not in placed]
    return {**placed, **algorithm.place_late(placed, there, late, listed.rules, stream)}


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StartError(f"{file} 无法写入 · can't be written: {error}") from error


def _show(report: dict[str, Any], levels: dict[str, dict[str, int]]) -> None:
    """Prints, for each level, the least and the largest count of a class."""
    table = Table("", "", "least 最少", "most 最多", box=None)
    table.add_row("pupils 人数", "", str(min(report["sizes"])), str(max(report["sizes"])))
    for name, rows in report["attributes"].items():
        texts = {str(number): text for text, number in levels.get(name, {}).items()}
        for label, row in rows.items():
            far = "" if row["spread"] <= 1 else " [yellow]![/]"
            table.add_row(name, texts.get(label, label), str(min(row["counts"])), f"{max(row['counts'])}{far}")
    for name, row in report["ordered"].items():
        means = [s / m for s, m in zip(row["sums"], report["sizes"], strict=True)]
        table.add_row(name, "mean 平均", f"{min(means):.2f}", f"{max(means):.2f}")
    console.print(table)
