"""A season whose departments lag, fail, lie and close ends with the decisions of one whose departments work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

FAULTS = {
    "latency": {"*": {"p50": 150, "p99": 8000}},
    "busy_share": 0.03,
    "error_share": 0.06,
    "malformed_share": 0.03,
    "slow_share": 0.01,
    "slow_ms": 20_000,
    "outages": {"NR": [4, 14], "ED": [2, 6]},
}


@pytest.fixture
def database(django_db_setup: Any, django_db_blocker: Any) -> Iterator[str]:
    """The address of an empty database beside the tests' own."""
    from django.db import connection

    with django_db_blocker.unblock():
        had = connection.settings_dict
        name = f"{had['NAME']}_faults"
        connection.ensure_connection()
        server = connection.connection.info
        where = f"user={server.user} host={server.host} port={server.port} password={server.password}"
    with psycopg.connect(f"{where} dbname=postgres", autocommit=True) as admin:
        admin.execute(f'drop database if exists "{name}" with (force)')
        admin.execute(f'create database "{name}"')
        yield f"postgresql://{server.user}:{server.password}@/{name}?host={server.host}&port={server.port}"
        admin.execute(f'drop database "{name}" with (force)')


def play(folder: Path, name: str, **env: str) -> dict[str, Any]:
    """Plays a season through the command line; its report."""
    report = folder / f"{name}.json"
    command = [
        sys.executable,
        "-m",
        "ruxue.cli",
        "season",
        "--families",
        "120",
        "--seed",
        "12",
        "--report",
        str(report),
    ]
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("RUXUE_", "DJANGO_", "DATABASE_URL"))}
    done = subprocess.run(
        command, env={**mine, "RUXUE_VAR": str(folder / name), **env}, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return dict(json.loads(report.read_text()))


@pytest.mark.slow
def test_faults_delay_decisions_and_change_none(tmp_path: Path, database: str) -> None:
    calm = play(tmp_path, "calm")
    rough = play(tmp_path, "rough", DATABASE_URL=database, RUXUE_DEPARTMENTS_CONFIG=json.dumps(FAULTS))
    for part in ("applications", "decisions", "household_checks", "property_checks", "visits", "admission"):
        assert rough[part] == calm[part], part
    assert rough["decisions"]["wrong_pass"] == rough["decisions"]["wrong_fail"] == 0

    with psycopg.connect(database) as connection:

        def count(sql: str) -> int:
            row = connection.execute(sql).fetchone()
            return int(row[0] or 0) if row else 0

        assert count("select count(*) from applications_application where state in "
                     "('draft', 'verifying', 'need_info', 'returned', 'school_review', 'onsite_booked')") == 0  # fmt: skip
        refused = connection.execute(
            "select facts->'child.already_enrolled'->>0, facts->'child.born_on'->>0 from applications_application "
            "where state = 'rejected'"
        ).fetchall()
        assert all(enrolled == "true" or born for enrolled, born in refused), "nobody is refused by an unknown"
        assert count("select count(*) from exchange_outstanding") == 0
        assert count("select count(*) from exchange_evidence e join exchange_query q on q.request_id = e.query_id "
                     "where q.state <> 'answered' or q.subject <> e.subject") == 0  # fmt: skip
        kinds = dict(
            connection.execute(
                "select kind, sum(n)::int from exchange_tally where kind like 'failed.%' group by kind"
            ).fetchall()
        )
        assert min(kinds.get(f"failed.{kind}", 0) for kind in ("http", "malformed", "busy")) > 0, kinds
        assert count("select count(*) from exchange_query where attempts > 1") > 50
