"""What the commands share: the console, the database, progress bars."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ruxue import embedded, processes

console = Console()


def django() -> None:
    """Connects to the database; everything below needs it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ruxue.settings")
    if url := os.environ.get("DATABASE_URL"):
        processes.require_database(url)
    else:
        os.environ["DATABASE_URL"] = embedded.start()
    import django

    django.setup()


def settings_alone() -> None:
    """Settings for commands that ask no database: none is started, and none need run."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ruxue.settings")
    os.environ.setdefault("DATABASE_URL", "postgresql://nowhere.invalid/none")


class Bars:
    """Progress of a season as Rich bars."""

    def __init__(self) -> None:
        self.bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        task = self.bars.add_task(name, total=total or 1)
        yield lambda n: self.bars.update(task, completed=n)
        self.bars.update(task, completed=total or 1)


def migrate_database() -> None:
    """Brings the connected database's tables up to date."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def close_database() -> None:
    """Lets go of the database and stops the embedded server if this process started it."""
    from django.db import connections

    connections.close_all()
    embedded.stop()
