"""`ruxue departments …`: the departments that share data, and their simulation."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ruxue import processes
from ruxue.cli.base import console
from ruxue.processes import StartError

app = typer.Typer(no_args_is_help=True, help="The departments that share data, and their simulation.")


@app.command("serve")
def serve(
    registers: Annotated[Path, typer.Option(help="The registers' SQLite file.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8101,
) -> None:
    """Serves the simulated departments over HTTP; RUXUE_DEPARTMENTS_CONFIG sets latency, limits and faults."""
    processes.require_free(port, "the simulated departments", "--port")
    if not registers.exists():
        raise StartError(f"There is no file {registers}. `ruxue run` and `ruxue season` make one.")
    os.environ["RUXUE_REGISTERS"] = str(registers)
    os.execv(sys.executable, processes.departments_command("127.0.0.1", port))


@app.command("list")
def list_() -> None:
    """Lists the 18 items: who holds them, what is asked, and why."""
    from ruxue.exchange.items import CATALOGUE, DEPARTMENT_NAMES

    table = Table("item", "department", "what", "keys", "purpose")
    for item in CATALOGUE.values():
        table.add_row(item.code, DEPARTMENT_NAMES[item.department][1], item.en, ", ".join(item.keys), item.purpose_en)
    console.print(table)
