"""Small lists with many attributes: are all levels within 1 wherever an exact solver finds that they can be?

Run: python benchmarks/balance_small.py [--lists N]

Lists of 12 to 90 pupils in 2 to 8 classes, 2 to 6 attributes of up to 12 levels, some with twins. Where the draw leaves
a level's counts apart by 2 or more, HiGHS (scipy.optimize.milp) says whether any placement has all of them within 1.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from random import Random

import numpy as np
from rich.console import Console
from scipy.optimize import Bounds, LinearConstraint, milp

from ruxue.algorithms import balance
from ruxue.algorithms.draw import Stream


def instance(r: Random) -> tuple[list[dict], dict]:
    n = r.randint(12, 90)
    depth = r.randint(2, 6)
    levels = [r.choice([2, 2, 3, 4, 6, 12]) for _ in range(depth)]
    entries = [
        {
            "code": f"P{i:03d}",
            "age": r.randrange(12),
            **{f"a{a}": min(r.randrange(m), r.randrange(m)) for a, m in enumerate(levels)},
        }
        for i in range(n)
    ]
    for g in range(r.choice([0, 0, 1, 2, 3])):
        for entry in entries[2 * g : 2 * g + 2]:
            entry["group"] = f"T{g}"
    return entries, {
        "classes": r.randint(2, min(8, n // 4)),
        "balance": [f"a{a}" for a in range(depth)],
        "mean": "age",
    }


def attainable(entries: list[dict], rules: dict) -> bool | None:
    """Whether all sizes and levels can be within 1 at once; None where the solver ran out of time."""
    k, names = rules["classes"], rules["balance"]
    units: dict[str, list[tuple[int, ...]]] = {}
    for e in entries:
        units.setdefault(e.get("group", e["code"]), []).append(tuple(e[a] for a in names))
    kinds = Counter(tuple(sorted(unit)) for unit in units.values())
    rows, low, high = [], [], []

    def within_one(weights: list[int], total: int) -> None:
        for c in range(k):
            row = np.zeros(len(kinds) * k)
            row[c::k] = weights
            rows.append(row)
            low.append(total // k)
            high.append(-(-total // k))

    for i, number in enumerate(kinds.values()):
        row = np.zeros(len(kinds) * k)
        row[i * k : (i + 1) * k] = 1
        rows.append(row)
        low.append(number)
        high.append(number)
    within_one([len(kind) for kind in kinds], len(entries))
    for a, name in enumerate(names):
        for level, total in Counter(e[name] for e in entries).items():
            within_one([sum(member[a] == level for member in kind) for kind in kinds], total)
    solved = milp(
        np.zeros(len(kinds) * k),
        integrality=np.ones(len(kinds) * k),
        bounds=Bounds(0, np.inf),
        constraints=LinearConstraint(np.array(rows), low, high),
        options={"time_limit": 20},
    )
    return {0: True, 2: False}.get(solved.status)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=int, default=1000)
    lists = parser.parse_args().lists
    r, seconds = Random(1), 0.0
    found: Counter[str] = Counter()
    for number in range(lists):
        entries, rules = instance(r)
        started = time.process_time()
        placed = balance.assign_classes(entries, rules, Stream(number.to_bytes(32, "big"), "classes"))
        seconds += time.process_time() - started
        report = balance.balance_report(entries, placed, rules)
        level = all(row["spread"] <= 1 for rows in report["attributes"].values() for row in rows.values())
        answer = True if level else attainable(entries, rules)
        found["within 1" if level else {True: "missed", False: "not attainable", None: "not told in 20 s"}[answer]] += 1
    console = Console()
    for name in ("within 1", "not attainable", "missed", "not told in 20 s"):
        console.print(f"{name:>18}  {found[name]:5}")
    console.print(f"{1000 * seconds / lists:.1f} ms a list; again: python benchmarks/balance_small.py --lists {lists}")


if __name__ == "__main__":
    main()
