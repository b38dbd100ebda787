"""`ruxue departments …`: the departments that share data, and their simulation."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ruxue import processes
from ruxue.cli.base import console, django
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
def list_(
    extensions: Annotated[bool, typer.Option(help="Also the items that a city may switch on.")] = False,
) -> None:
    """Lists the 18 items: who holds them, what is asked, why, and which facts of the rule they decide."""
    from ruxue.exchange.items import CATALOGUE, DEPARTMENT_NAMES, ITEMS

    table = Table("item", "department", "what", "mode", "keys", "purpose", "decides", "days fresh")
    for item in (ITEMS if extensions else CATALOGUE).values():
        table.add_row(
            item.code,
            DEPARTMENT_NAMES[item.department][1],
            item.en,
            item.mode,
            ", ".join(item.keys),
            item.purpose_en,
            ", ".join(item.decides) or "–",
            str(item.freshness_days),
        )
    console.print(table)


@app.command("check")
def check(
    connectors: Annotated[
        Path | None, typer.Option(help="Connectors file to try; else RUXUE_CONNECTORS or RUXUE_DEPARTMENTS.")
    ] = None,
) -> None:
    """Asks every connected item about a person who does not exist, and prints what works.

    Ends with status 1 where an item that is open now gives no readable answer.
    """
    from datetime import UTC, datetime

    django()
    from django.conf import settings

    from ruxue.exchange import connections, connector
    from ruxue.exchange.items import DEPARTMENT_NAMES, ITEMS

    if connectors is not None:
        settings.CONNECTORS = str(connectors)
    try:
        offered = connections.current().items()
    except connections.ConnectionsError as error:
        raise StartError(str(error)) from error
    table, broken, now = Table("item", "department", "address", "result", "ms"), 0, datetime.now(UTC)
    for code, setup in offered.items():
        opening = setup.hours.next_opening(now)
        if opening > now:
            result, ms = f"closed until {opening:%Y-%m-%d %H:%M}", "–"
        else:
            reply = connector.probe(setup, code)
            answer = next(iter(reply.answers.values()), None)
            kind = next(iter(reply.failed.values()), "")
            broken += answer is None and kind != "busy"
            ms = f"{reply.seconds * 1000:.0f}"
            if answer is not None:
                result = f"works: {answer.code.name.lower().replace('_', ' ')}"
            else:
                result = f"{_FAULTS.get(kind, kind)} {reply.detail}".strip()
        table.add_row(code, DEPARTMENT_NAMES[ITEMS[code].department][1], setup.url, result, ms)
    console.print(table)
    missing = sorted(set(ITEMS) - set(offered), key=list(ITEMS).index)
    console.print(f"Not connected, never asked: {', '.join(missing) or 'none'}.")
    if broken:
        console.print(f"{broken} item(s) gave no readable answer.")
        sys.exit(1)


_FAULTS = {
    "busy": "works, but is busy now",
    "unreachable": "no connection: compare url and tls, and whether the network lets it through",
    "timeout": "no answer in time",
    "http": "the department reports an error:",
    "limited": "over the rate that the department allows; lower rate",
    "refused": "refused; compare client, key and contract:",
    "malformed": "answers that can't be read; compare answer and its fields",
    "contradicting": "answers that contradict themselves",
    "unsigned": "answers without valid signatures; compare answers and its key",
    "missing": "the answer leaves the question out",
}
