"""`ruxue departments …`: the departments that share data, and their simulation."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ruxue import processes
from ruxue.cli.base import console, settings_alone
from ruxue.processes import StartError

app = typer.Typer(no_args_is_help=True, help="The departments that share data, and their simulation.")


@app.command("serve")
def serve(
    registers: Annotated[Path, typer.Option(help="The registers' SQLite file.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8101,
) -> None:
    """Serves the simulated departments over HTTP; RUXUE_DEPARTMENTS_CONFIG sets latency, limits and faults."""
    from ruxue.simulation.departments import Config

    processes.require_free(port, "the simulated departments", "--port")
    if not registers.exists():
        raise StartError(f"There is no file {registers}. `ruxue run` and `ruxue season` make one.")
    try:
        Config.parse(os.environ.get("RUXUE_DEPARTMENTS_CONFIG", ""))
    except (ValueError, TypeError, AttributeError) as error:
        raise StartError(
            f"RUXUE_DEPARTMENTS_CONFIG can't be used: {error}. docs/simulation.md says what it sets."
        ) from error
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


@app.command("show")
def show(item: Annotated[str, typer.Argument(help="An item's code, such as HC2.")]) -> None:
    """Shows one item's contract, and the entry of a connectors file that describes a department of another shape."""
    from ruxue.exchange import connector_check
    from ruxue.exchange.items import DEPARTMENT_NAMES, ITEMS

    entry = ITEMS.get(item.upper())
    if entry is None:
        raise StartError(f"There is no item {item}. The items: {', '.join(ITEMS)}.")
    standards = {name: f" ({standard})" for name, standard in entry.standards.items()}
    rows = {
        "item": f"{entry.code} {entry.zh}, {entry.en}",
        "department": " ".join((entry.department, *DEPARTMENT_NAMES[entry.department])),
        "purpose": f"{entry.purpose_zh}; {entry.purpose_en}",
        "legal basis": entry.legal_basis,
        "mode": f"{entry.mode}, {entry.sensitivity}, fresh for {entry.freshness_days} days",
        "keys": ", ".join(name + standards.get(name, "") for name in entry.keys),
        "compared": ", ".join(entry.claims) or "nothing",
        "decides": ", ".join(entry.decides) or "nothing",
    }
    for name, text in rows.items():
        typer.echo(f"{name:<12}{text}")
    typer.echo(f"\n{connector_check.skeleton(entry)}")


@app.command("read")
def read(
    item: Annotated[str, typer.Argument(help="An item's code, such as HC2.")],
    reply: Annotated[
        Path, typer.Argument(help="A reply of the department, as JSON: a sample from its documents, say.")
    ],
    connectors: Annotated[Path, typer.Option(help="Connectors file that says how it is read.")],
) -> None:
    """Reads a department's reply as the connectors file says, and prints the answer or what is wrong with it.

    A check asks about nobody, so only a reply about somebody shows whether every field is found. Status 1: it can't be
    used.
    """
    import orjson

    from ruxue.exchange import connections, connector_check

    try:
        offered = connections.parse(_text(connectors), str(connectors)).items()
        setup = offered.get(item.upper())
        if setup is None or setup.protocol != "mapped":
            raise StartError(f"{connectors} does not describe {item}: it needs an entry under items.")
        answer, faults = connector_check.sample(item.upper(), setup.items[item.upper()], orjson.loads(_text(reply)))
    except connections.ConnectionsError as error:
        raise StartError(str(error)) from error
    except orjson.JSONDecodeError as error:
        raise StartError(f"{reply} is no JSON: {error}.") from error
    typer.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    for fault in faults:
        console.print(f"✗ {fault}", style="red", highlight=False, markup=False)
    if faults:
        sys.exit(1)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{file} can't be read: {error}.") from error


@app.command("check")
def check(
    connectors: Annotated[
        Path | None, typer.Option(help="Connectors file to try; else RUXUE_CONNECTORS or RUXUE_DEPARTMENTS.")
    ] = None,
) -> None:
    """Asks every connected item about a person who does not exist, and prints what works. Needs no database.

    Ends with status 1 where an item that is open now gives no readable answer.
    """
    from datetime import UTC, datetime

    settings_alone()
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
            result, ms, works = _probed(connector, setup, code)
            broken += not works
        table.add_row(code, DEPARTMENT_NAMES[ITEMS[code].department][1], setup.url, result, ms)
    console.print(table)
    missing = sorted(set(ITEMS) - set(offered), key=list(ITEMS).index)
    console.print(f"Not connected, never asked: {', '.join(missing) or 'none'}.")
    if any(setup.protocol == "mapped" for setup in offered.values()):
        console.print("Nobody was asked about, so no fields came: try a reply with `ruxue departments read`.")
    if broken:
        console.print(f"{broken} item(s) gave no readable answer.")
        sys.exit(1)


def _probed(connector: Any, setup: Any, code: str) -> tuple[str, str, bool]:
    """What came of one question: in words, in milliseconds, and whether the item works."""
    try:
        connector.trust(setup)
    except OSError as error:
        return f"tls: its files can't be used: {error}", "–", False
    reply = connector.probe(setup, code)
    answer = next(iter(reply.answers.values()), None)
    kind = next(iter(reply.failed.values()), "")
    if answer is not None:
        result = f"works: {answer.code.name.lower().replace('_', ' ')}"
    else:
        result = f"{_FAULTS.get(kind, kind)} {reply.detail}".strip()
    return result, f"{reply.seconds * 1000:.0f}", answer is not None or kind == "busy"


_FAULTS = {
    "busy": "works, but is busy now",
    "unreachable": "no connection: compare url and tls, and whether the network lets it through",
    "timeout": "no answer in time",
    "http": "the department reports an error:",
    "limited": "over the rate that the department allows; lower rate",
    "refused": "refused; compare client, key and contract:",
    "malformed": "answers that can't be read or whose signature is wrong; compare answers and the items' answer:",
    "contradicting": "answers that contradict themselves",
    "unsigned": "answers without valid signatures; compare answers and its key",
    "missing": "the answer leaves the question out",
}
