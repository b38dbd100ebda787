"""Fixtures: a season played once for the whole session, in a database of its own, and the platform's real processes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("RUXUE_DEMO", "1")
os.environ["RUXUE_SEAL"] = "0"

# Playwright keeps an event loop in the tests' thread; Django would refuse to ask the database beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

FAMILIES, SEED = 90, 7


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: they go on with the season that the others look at."""
    items.sort(key=lambda item: item.path.parent.name == "browser")


class Silent:
    """Progress that shows nothing."""

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[Any]:
        yield lambda n: None


@dataclass
class World:
    """A city whose season stands on the eve of class assignment, and its departments."""

    city: Any
    player: Any
    departments: str
    folder: Path


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ruxue-test-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def city() -> Any:
    from ruxue.simulation import city as module

    return module.generate(FAMILIES, SEED)


@pytest.fixture(scope="session")
def departments(city: Any, folder: Path) -> Iterator[str]:
    """The simulated departments as a process of their own; yields their address."""
    from django.conf import settings

    from ruxue import processes
    from ruxue.simulation import registers

    registers.build(city, folder / "departments.db")
    with processes.group(folder / "log") as group:
        port = processes.free_port()
        group.start(
            "departments",
            processes.departments_command("127.0.0.1", port),
            {"RUXUE_REGISTERS": str(folder / "departments.db")},
        )
        url = f"http://127.0.0.1:{port}"
        processes.wait_for(url + "/PS/v1/health", group)
        settings.DEPARTMENTS_URL = os.environ["RUXUE_DEPARTMENTS"] = url
        yield url


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: Any, django_db_blocker: Any) -> Iterator[None]:
    """A database of the tests' own, made once and dropped at the end; nothing else is ever touched.

    pytest-django makes one only for tests with its mark, which would roll back the season between tests.
    """
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    with django_db_blocker.unblock():
        if half := os.environ.get("RUXUE_TESTS"):  # two halves of the suite run at once
            connection.settings_dict["TEST"]["NAME"] = f"test_{half}"
        made = setup_databases(verbosity=0, interactive=False)
        assert connection.settings_dict["NAME"].startswith("test_")
    yield
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
                [name],
            )
        teardown_databases(made, verbosity=0)


def drain() -> None:
    """Verifies until nothing waits: on a busy machine a department may be asked more than once."""
    from ruxue.applications import verify
    from ruxue.applications.models import Application

    until = time.monotonic() + 180
    verify.verify_waiting()
    while Application.objects.filter(state="verifying").exists():
        assert time.monotonic() < until, "the departments went on being silent"
        time.sleep(1)
        verify.verify_waiting()


@pytest.fixture(scope="session")
def world(django_db_setup: Any, django_db_blocker: Any, city: Any, departments: str, folder: Path) -> Iterator[World]:
    """The season played once, for all tests that look at it or go on from it."""
    from ruxue.cli.season import DEMO_PASSWORD
    from ruxue.simulation import season

    with django_db_blocker.unblock():
        season.load_places(city)
        season.make_staff(city, DEMO_PASSWORD)
        player = season.Player(city, drain, Silent())
        season.play(player, "eve")
        yield World(city, player, departments, folder)


@pytest.fixture
def db_world(world: World, django_db_blocker: Any) -> Iterator[World]:
    """The played season with the database open; what a test changes here is rolled back."""
    from django.db import transaction

    from ruxue.ledger import clock

    with django_db_blocker.unblock(), transaction.atomic():
        clock.refresh()  # the test before may have stopped it, and that was rolled back
        yield world
        transaction.set_rollback(True)
