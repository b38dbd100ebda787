"""`ruxue verify`: a published draw recomputed from its bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ruxue.cli.base import console
from ruxue.processes import StartError


def verify(bundle: Annotated[Path, typer.Argument(help="A published bundle (JSON).")]) -> None:
    """Recomputes a published draw from its bundle alone: commitments, seed, result, and its place in the public log."""
    from ruxue.algorithms.bundle import verify_bundle

    try:
        body = json.loads(bundle.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StartError(f"{bundle} can't be read as a bundle: {error}") from error
    steps = verify_bundle(body)
    for step in steps:
        console.print(
            f"[{'green' if step.ok else 'red'}]{'✓' if step.ok else '✗'}[/] {step.zh}\n  {step.en}", highlight=False
        )
    if not steps[-1].ok:
        raise typer.Exit(1)
    console.print("[green]All of it agrees. 全部一致。[/]")
