"""`ruxue policy …`: the districts' rules as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruxue.cli.base import console
from ruxue.processes import StartError

app = typer.Typer(no_args_is_help=True, help="Policies: the districts' rules as data.")


@app.command("check")
def check(file: Annotated[Path, typer.Argument(help="A policy (YAML).")]) -> None:
    """Checks a policy; an error names the line, the key and the likely fix."""
    from ruxue.policy import language

    try:
        policy = language.load_file(file)
    except OSError as error:
        raise StartError(f"{file} can't be read: {error}") from error
    except language.PolicyError as error:
        where = f"{file}, line {error.line}" if error.line else str(file)
        raise StartError(f"{where}\n{error.zh}\n{error.en}") from error
    console.print(
        f"{policy.id} version {policy.version} for {policy.district} {policy.season}: {len(policy.categories)} categories, digest {language.digest(policy)[:16]}"
    )


@app.command("explain")
def explain(
    file: Annotated[Path, typer.Argument(help="A policy (YAML).")],
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """Prints a policy in plain words, as its public page shows it."""
    from ruxue.policy import language as lang_module
    from ruxue.policy.explain import render

    for category in render(lang_module.load_file(file), "en" if language == "en" else "zh"):
        console.print(f"[bold]{category.code}[/] {category.title}")
        for title, conditions in category.bases:
            console.print(f"  {title}")
            for condition in conditions:
                console.print(f"    · {condition}")
