"""Workers die and departments fail at random; then every question has exactly one answer, and none was repeated
without need. The large run, which also kills the web process and PostgreSQL, is benchmarks/exchange.py chaos."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ruxue.exchange import inquiries
from ruxue.exchange.inquiries import Inquiry
from ruxue.exchange.models import Allowance, Evidence, Health, Line, Outstanding, Query

from .conftest import KEY, Desk, answer_all

CARRIER = """
import os, sys, time
import django
django.setup()
from ruxue.exchange.delivery import Post
post = Post()
while True:
    pause = post.start()
    if post.in_flight:
        post.collect(0.2)
    else:
        time.sleep(min(pause or 0.1, 0.1))
"""


@pytest.fixture
def committed(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """The database with real commits, for processes beside the test; its rows are taken away at the end."""
    with django_db_blocker.unblock():
        yield
        Evidence.objects.filter(subject__startswith="chaos").delete()
        Query.objects.filter(subject__startswith="chaos").delete()
        Health.objects.filter(item__in=["NR4", "ED2"]).delete()
        Line.objects.filter(department__in=["NR", "ED"]).delete()
        Allowance.objects.filter(department__in=["NR", "ED"]).delete()


@pytest.mark.usefixtures("committed")
def test_killed_workers_and_outages_lose_nothing_and_repeat_no_more_than_they_must(desk: Desk, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    chance = random.Random(5)

    def handle(path: str, headers: Any, body: Any) -> Any:
        seen.update(q["request_id"] for q in body["queries"])
        time.sleep(chance.uniform(0.01, 0.08))
        if chance.random() < 0.1:
            return 503, {"Retry-After": "1"}, {}
        return answer_all(path, headers, body)

    desk.handle = handle
    connectors = tmp_path / "connectors.json"
    setup = {"url": desk.url, "rate": 2000, "batch": 10, "timeout": 1.5}
    connectors.write_text(json.dumps({"departments": {"ED": setup, "NR": setup}}))
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ruxue.settings",
        "RUXUE_DATABASE": connection.settings_dict["NAME"],
        "RUXUE_CONNECTORS": str(connectors),
        "RUXUE_DEPARTMENTS_KEY": KEY,
    }
    asked = [
        Inquiry(f"chaos{n}", "kuiwen", item, 1, "consent", {"unit_no": str(n)})
        for n in range(120)
        for item in ("ED2", "NR4")
    ]
    with transaction.atomic():
        inquiries.plan(asked)
    mine = Query.objects.filter(subject__startswith="chaos")

    def begin() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", CARRIER], env=env, start_new_session=True)

    workers, kills = [begin(), begin()], 0
    until = time.monotonic() + 150
    try:
        while mine.exclude(state="answered").exists() and time.monotonic() < until:
            time.sleep(0.3)
            if kills < 4 and seen.total() > 30 * (kills + 1):
                os.killpg(workers[0].pid, signal.SIGKILL)
                workers[0].wait()
                workers = [workers[1], begin()]
                kills += 1
                # The dead worker's leases end at once here; the length of a lease has a test of its own.
                Outstanding.objects.filter(lease__isnull=False).update(
                    next_try_at=timezone.now() + timedelta(seconds=1.2)
                )
                with connection.cursor() as cursor:
                    cursor.execute("update exchange_line set held_until = now() + interval '1 second'")
    finally:
        for worker in workers:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
    assert kills == 4
    assert not mine.exclude(state="answered").exists() and not Outstanding.objects.filter(subject__startswith="chaos")
    links = Evidence.objects.filter(subject__startswith="chaos")
    assert links.count() == len(asked) == len({(e.subject, e.claim_version, e.item, e.part) for e in links})
    attempts = {str(rid): n for rid, n in mine.values_list("request_id", "attempts")}
    assert set(seen) == set(attempts), "nothing was asked that is not on record, and all of it was asked"
    assert all(seen[rid] <= n for rid, n in attempts.items()), "no question went out without being recorded first"
