"""The command-line program `ruxue`: each module holds the commands that its name suggests."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from ruxue.cli import address, departments, draws, policy, season, seats, service
from ruxue.embedded import StartFailed
from ruxue.processes import StartError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Ruxue (入学): a city enrolls its children in school.",
    pretty_exceptions_enable=False,
)
for command in (
    season.run,
    season.season,
    service.migrate,
    service.worker,
    service.createadmin,
    draws.verify,
    draws.balance,
    seats.allocate,
):
    app.command()(command)
app.add_typer(address.app, name="address")
app.add_typer(departments.app, name="departments")
app.add_typer(policy.app, name="policy")


def main() -> None:
    """Entry point: errors that a person can mend are told in one sentence, without a traceback."""
    try:
        app(standalone_mode=True)
    except (StartError, StartFailed) as error:
        Console(stderr=True).print(f"[red]✗[/] {error}", highlight=False)
        sys.exit(1)
    except OSError as error:
        if error.errno == 28:
            Console(stderr=True).print(
                "[red]✗[/] The disk is full. Free some space and start again; what was stored is kept.", highlight=False
            )
            sys.exit(1)
        raise
    except KeyboardInterrupt:
        sys.exit(130)
