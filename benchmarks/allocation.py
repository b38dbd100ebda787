"""Seats by all rules against a bare deferred acceptance, two packages, and the command line with files.

python benchmarks/allocation.py [--applicants 1000000] [--schools 5000] [--no-files]
python benchmarks/allocation.py --freeze    makes tests/algorithms/data/peers.json again, from the packages
python benchmarks/allocation.py --check     holds that file to the packages

The packages are in the dependency group `bench`. Times are processor seconds, the least of the rounds, in which
all take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit

from ruxue.algorithms import allocation, draw

FROZEN = Path(__file__).parent.parent / "tests" / "algorithms" / "data" / "peers.json"
CHOICES = 5


@njit(cache=True)
def bare(choices: Any, priority: Any, seats: Any) -> Any:
    """The limit: deferred acceptance and nothing else. One heap a school, singles only, strict ready-made priorities."""
    n, k = choices.shape
    base = np.zeros(seats.size + 1, np.int64)
    base[1:] = np.cumsum(seats)
    keys = np.empty(base[-1], np.int64)
    units = np.empty(base[-1], np.int32)
    held = np.zeros(seats.size, np.int64)
    at = np.zeros(n, np.int8)
    for first in range(n):
        u = first
        while at[u] < k:
            s, key = choices[u, at[u]], priority[u, at[u]]
            b, c = base[s], held[s]
            if c < seats[s]:
                j = c
                held[s] += 1
                while j > 0 and keys[b + ((j - 1) >> 1)] < key:
                    q = (j - 1) >> 1
                    keys[b + j], units[b + j] = keys[b + q], units[b + q]
                    j = q
                keys[b + j], units[b + j] = key, u
                break
            if c == 0 or keys[b] < key:
                at[u] += 1
                continue
            v, j = units[b], 0
            while 2 * j + 1 < c:
                q = 2 * j + 1
                if q + 1 < c and keys[b + q + 1] > keys[b + q]:
                    q += 1
                if keys[b + q] <= key:
                    break
                keys[b + j], units[b + j] = keys[b + q], units[b + q]
                j = q
            keys[b + j], units[b + j] = key, u
            at[v] += 1
            u = v
    school = np.full(n, -1, np.int32)
    for u in range(n):
        if at[u] < k:
            school[u] = choices[u, at[u]]
    return school


def draw_choices(rng: np.random.Generator, applicants: int, schools: int) -> Any:
    """Lists of five different schools each, some schools much more wanted than others."""
    weight = rng.random(schools) ** 2 + 0.05
    weight /= weight.sum()
    choices = rng.choice(schools, (applicants, CHOICES), p=weight).astype(np.int32)
    while True:
        ordered = np.sort(choices, axis=1)
        twice = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
        if not twice.any():
            return choices
        choices[twice] = rng.choice(schools, (int(twice.sum()), CHOICES))


def every_rule(rng: np.random.Generator, choices: Any, seats: Any, tickets: list[bytes]) -> allocation.Market:
    """Five categories, four dates, the protocol's tickets, twins, reserves of both kinds, locks, and every basis."""
    n, schools = len(choices), len(seats)
    options, dwellings, locks = n * CHOICES, n * 8 // 10, n * 3 // 10
    return allocation.Market(
        start=np.arange(n + 1) * CHOICES,
        school=choices.ravel(),
        seats=seats,
        category=rng.integers(0, 5, options).astype(np.int16),
        keys=np.where(rng.random((n, 4)) < 0.05, allocation.UNKNOWN, rng.integers(0, 7000, (n, 4))),
        tickets=allocation.ticket_words(tickets),
        basis=rng.choice(np.array([0, 1, 2, 3, 4], np.int8), options, p=[0.7, 0.1, 0.1, 0.02, 0.08]),
        reserve=np.where(rng.random(options) < 0.2, choices.ravel() * 2 + rng.integers(0, 2, options), -1).astype(
            np.int32
        ),
        reserves=allocation.Reserves(
            np.repeat(np.arange(schools), 2), np.tile([20, 10], schools), np.tile([True, False], schools)
        ),
        size=np.where(rng.random(n) < 0.015, 2, 1).astype(np.int32),
        private=rng.random(schools) < 0.1,
        dwelling=rng.integers(-1, dwellings, n),
        family=rng.integers(0, dwellings, n),
        locks=allocation.Locks(
            rng.integers(0, dwellings, locks),
            rng.integers(0, dwellings, locks),
            np.where(rng.random(locks) < 0.5, -1, rng.integers(0, schools, locks)),
            rng.integers(2017, 2025, locks),
            rng.choice([6, 9], locks),
            rng.random(locks) < 0.1,
        ),
        year=2025,
        rules=allocation.Rules(sibling="in_category"),
    )


def plain_market(choices: Any, priority: Any, seats: Any) -> allocation.Market:
    """What the limit solves, for the engine."""
    return allocation.Market(
        start=np.arange(len(choices) + 1) * choices.shape[1],
        school=choices.ravel(),
        seats=seats,
        category=np.zeros(choices.size, np.int16),
        keys=priority.reshape(-1, 1),
        option_keys=True,
        tickets=np.zeros((len(choices), 0), np.uint64),
    )


def by_matching(lists: Any, priority: Any, seats: Any) -> list[int]:
    """`matching`: HospitalResident, residents' optimum. A hospital must rank exactly those who rank it."""
    from matching.games import HospitalResident

    wanted = {f"u{u}": [f"s{s}" for s in row] for u, row in enumerate(lists) if len(row)}
    ranked = {
        f"s{s}": [f"u{u}" for u in np.argsort(priority[s]) if s in lists[u]]
        for s in range(len(seats))
        if any(s in row for row in lists)
    }
    game = HospitalResident.create_from_dictionaries(wanted, ranked, {s: int(seats[int(s[1:])]) for s in ranked})
    seated = [-1] * len(lists)
    for hospital, residents in game.solve(optimal="resident").items():
        for resident in residents:
            seated[int(resident.name[1:])] = int(hospital.name[1:])
    return seated


def by_py_school_match(lists: Any, priority: Any, seats: Any) -> list[int]:
    """`py-school-match`: DA with one criterion for each school; the higher value comes first."""
    # Its other algorithms import graph-tool, which PyPI doesn't have; deferred acceptance doesn't use it.
    absent = ModuleType("graph_tool.all")
    absent.__dict__.update(dict.fromkeys(("Graph", "graph_draw", "all_circuits", "sfdp_layout", "arf_layout")))
    sys.modules |= {"graph_tool": ModuleType("graph_tool"), "graph_tool.all": absent}
    import py_school_match as psm
    from py_school_match.algorithms import DA

    schools = [psm.School(int(n), id_=f"s{s}") for s, n in enumerate(seats)]
    rank = psm.Criteria("rank", int)
    students = []
    for u, row in enumerate(lists):
        student = psm.Student(id_=f"u{u}")
        student.preferences = [schools[s] for s in row]
        students.append(student)
    planner = psm.SocialPlanner([s for s in students if s.preferences], schools, psm.RuleSet([psm.Rule(rank)]))
    for s, school in enumerate(schools):
        own = psm.Criteria(f"rank at {s}", int)
        for u, row in enumerate(lists):
            if s in row:
                students[u].add_characteristic(psm.Characteristic(own, -int(priority[s][u])))
        planner.change_ruleset(school, psm.RuleSet([psm.Rule(own)]))
    planner.run_matching(DA())
    seated = [-1] * len(lists)
    for s, school in enumerate(schools):
        for student in school.assignation.get_all_students():
            seated[int(student.id[1:])] = s
    return seated


PEERS: dict[str, Callable[[Any, Any, Any], list[int]]] = {
    "matching 1.4.3": by_matching,
    "py-school-match 0.2.0": by_py_school_match,
}


def instances() -> Any:
    """The markets that the packages are compared on: 25, of 10 to 58 applicants."""
    rng = np.random.default_rng(370799)
    for number in range(25):
        applicants, schools = 10 + 2 * number, 3 + number % 5
        lists = [[int(s) for s in rng.permutation(schools)[: rng.integers(1, schools + 1)]] for _ in range(applicants)]
        priority = [[int(p) for p in rng.permutation(applicants)] for _ in range(schools)]
        yield number, lists, priority, [int(n) for n in rng.integers(1, 12, schools)]


def frozen() -> list[dict[str, Any]]:
    """What the packages answer."""
    return [
        {
            "peer": peer,
            "number": n,
            "lists": lists,
            "priority": priority,
            "seats": seats,
            "seated": solve(lists, priority, seats),
        }
        for n, lists, priority, seats in instances()
        for peer, solve in PEERS.items()
    ]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds (all of this is single-threaded, so that a busy machine falsifies them least), and the result."""
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def command_line(choices: Any, seats: Any) -> tuple[float, float, int]:
    """Seconds, processor seconds and peak memory (KiB) of `ruxue allocate` with files of that size, priorities tied by the thousand."""
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(2)
    n, schools = len(choices), len(seats)
    with tempfile.TemporaryDirectory() as folder:
        names = np.char.add("School ", np.arange(schools).astype(str))
        files = {
            "choices": pa.table(
                {
                    "applicant": np.repeat(np.char.add("A", np.arange(n).astype(str)), CHOICES),
                    "school": names[choices.ravel()],
                    "preference": np.tile(np.arange(1, CHOICES + 1), n),
                    "priority": rng.integers(0, 1000, n * CHOICES),
                }
            ),
            "schools": pa.table({"school": names, "seats": seats}),
        }
        for name, table in files.items():
            csv.write_csv(table, f"{folder}/{name}.csv")
        del files
        line = [sys.executable, "-m", "ruxue.cli", "allocate", "--seed", "00" * 32, "--out", f"{folder}/out.csv"]
        line += ["--choices", f"{folder}/choices.csv", "--schools", f"{folder}/schools.csv"]
        begun = time.perf_counter()
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit("ruxue allocate failed")
        process.returncode = status
        return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--applicants", type=int, default=1_000_000)
    parser.add_argument("--schools", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-files", action="store_true")
    parser.add_argument("--freeze", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if given.freeze:
        FROZEN.parent.mkdir(exist_ok=True)
        FROZEN.write_text(json.dumps(frozen(), separators=(",", ":")) + "\n")
        return
    if given.check:
        raise SystemExit(None if frozen() == json.loads(FROZEN.read_text()) else "the packages answer otherwise")
    rng = np.random.default_rng(1)
    choices = draw_choices(rng, given.applicants, given.schools)
    priority = rng.permutation(choices.size).reshape(choices.shape).astype(np.int64)
    seats = np.full(given.schools, given.applicants * 95 // 100 // given.schools)
    codes = [f"A{n:07d}" for n in range(given.applicants)]
    lots = min((timed(lambda: draw.tickets(bytes(32), codes)) for _ in range(3)), key=lambda r: r[0])
    plain, full = plain_market(choices, priority, seats), every_rule(rng, choices, seats, lots[1])
    contenders: dict[str, Callable[[], Any]] = {
        "limit: bare deferred acceptance": lambda: bare(choices, priority, seats),
        "ruxue, the same task, with reasons": lambda: allocation.allocate(plain),
        "ruxue, all rules on, with reasons": lambda: allocation.allocate(full),
    }
    first = {name: timed(work) for name, work in contenders.items()}  # compiles
    same = bool(
        (first["limit: bare deferred acceptance"][1] == first["ruxue, the same task, with reasons"][1].school).all()
    )
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(given.rounds):
        for name, work in contenders.items():
            best[name] = min(best[name], timed(work)[0])
    limit = best["limit: bare deferred acceptance"]
    print(f"{given.applicants:,} applicants × {CHOICES} choices × {given.schools:,} schools, {seats.sum():,} seats")
    for name, seconds in best.items():
        print(f"  {name:38} {seconds:8.3f} s   {seconds / limit:5.2f} × the limit")
    print(f"  {'drawing the tickets, which it is given':38} {lots[0]:8.3f} s")
    print(f"  the same seats as the limit: {same}; settled: {first['ruxue, all rules on, with reasons'][1].settled}")
    for size in (1_000, 10_000):
        small = draw_choices(rng, size, size // 50)
        orders = [rng.permutation(size) for _ in range(size // 50)]
        places = np.full(size // 50, 47)
        keys = np.array([[orders[s][u] for s in row] for u, row in enumerate(small)])
        market = plain_market(small, keys, places)
        mine, result = min((timed(lambda m=market: allocation.allocate(m)) for _ in range(5)), key=lambda r: r[0])
        print(f"{size:,} applicants × {CHOICES} × {size // 50} schools\n  {'ruxue':38} {mine:8.4f} s")
        for peer, solve in PEERS.items():
            if size > 1_000 and peer.startswith("py-school-match"):
                continue  # half an hour
            try:
                seconds, seated = timed(lambda s=solve, a=small, o=orders, p=places: s(a.tolist(), o, p))
                agrees = seated == result.school.tolist()
                print(f"  {peer:38} {seconds:8.4f} s   {seconds / mine:5.0f} × ours; the same seats: {agrees}")
            except RecursionError:
                print(f"  {peer:38} fails: recursion too deep")
    if not given.no_files:
        seconds, busy, memory = command_line(choices, seats)
        print(
            f"`ruxue allocate` with files of {given.applicants * CHOICES:,} rows: {seconds:.1f} s "
            f"({busy:.1f} s of processor), peak memory {memory / 2**20:.2f} GiB"
        )
    print(f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("Again: python benchmarks/allocation.py")


if __name__ == "__main__":
    main()
