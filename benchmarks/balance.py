"""Class assignment beside today's practice, anticlust and the limit that integers set, on lists of three sizes.

Run: python benchmarks/balance.py [--lists N] [--slow]

Excess is the sum, over attributes, levels and classes, of |count - n/K|, less the least that integers allow. Spreads
are the largest less the smallest class mean, and standard deviation, of the age in months. Times are those of the
processor (one core, compiled code warm), so that a busy machine does not blur them. anticlust (https://github.com/m-Py/anticlust, MIT) is run where Rscript finds it:
apt install r-base-core r-cran-matrix r-cran-rann r-cran-lpsolve; git clone the repository; R CMD INSTALL anticlust.
Its k-plus and exchange take minutes for 5,000 pupils and are run there with --slow.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.algorithms.instances import ATTRIBUTES, school

from ruxue.algorithms import balance, draw

SIZES = ((450, 10), (2000, 40), (5000, 100))
CITY = 15_462  # first-year pupils
METHODS = ("k-plus", "exchange", "fast")
Entries = list[dict]


def excess(entries: Entries, classes: dict[str, int], k: int) -> float:
    beyond = Fraction(0)
    for name in ATTRIBUTES["balance"]:
        counts = Counter((e[name], classes[e["code"]]) for e in entries)
        for level, n in Counter(e[name] for e in entries).items():
            mean, q = Fraction(n, k), n // k
            beyond += sum(abs(counts[level, c] - mean) for c in range(1, k + 1))
            beyond -= (n % k) * (q + 1 - mean) + (k - n % k) * (mean - q)
    return float(beyond)


def age_spreads(entries: Entries, classes: dict[str, int], k: int) -> tuple[float, float]:
    ages: list[list[int]] = [[] for _ in range(k)]
    for e in entries:
        ages[classes[e["code"]] - 1].append(e["age_months"])
    means, deviations = [statistics.fmean(a) for a in ages], [statistics.stdev(a) for a in ages]
    return max(means) - min(means), max(deviations) - min(deviations)


def ruxue(entries: Entries, k: int, number: int) -> dict[str, int]:
    stream = draw.Stream(number.to_bytes(32, "big"), "classes")
    return balance.assign_classes(entries, {**ATTRIBUTES, "classes": k}, stream)


def serpentine(entries: Entries, k: int, number: int) -> dict[str, int]:
    """Today's practice: sexes apart, from old to young, classes 1 … K and back."""
    classes: dict[str, int] = {}
    for sex in (0, 1):
        ordered = sorted((e for e in entries if e["sex"] == sex), key=lambda e: -e["age_months"])
        for i, e in enumerate(ordered):
            turn, at = divmod(i, k)
            classes[e["code"]] = at + 1 if turn % 2 == 0 else k - at
    return classes


def plain_random(entries: Entries, k: int, number: int) -> dict[str, int]:
    ordered = [e["code"] for e in entries]
    Random(number).shuffle(ordered)
    return {code: i % k + 1 for i, code in enumerate(ordered)}


def timed(method: Callable[[Entries, int, int], dict[str, int]], entries: Entries, k: int, number: int):
    started = time.process_time()
    return method(entries, k, number), time.process_time() - started


def anticlust(entries: Entries, k: int, method: str):
    """Classes and seconds of the call alone, without R's start."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "list.csv"), Path(folder, "classes.csv")
        with source.open("w", newline="") as out:
            rows = csv.DictWriter(out, entries[0].keys())
            rows.writeheader()
            rows.writerows(entries)
        script = Path(__file__).with_name("anticlust.R")
        done = subprocess.run(
            ["Rscript", str(script), str(source), str(k), method, str(target)],
            capture_output=True,
            text=True,
            check=True,
        )
        with target.open(newline="") as made:
            numbers = [int(row["class"]) for row in csv.DictReader(made)]
    return {e["code"]: c for e, c in zip(entries, numbers, strict=True)}, float(done.stdout)


def anticlust_is_there() -> bool:
    if not shutil.which("Rscript"):
        return False
    return subprocess.run(["Rscript", "-e", "library(anticlust)"], capture_output=True).returncode == 0


def compare(lists: int, slow: bool, console: Console) -> None:
    peer = anticlust_is_there()
    ruxue(school(60, 0), 3, 0)  # compiles, or loads what was compiled before
    for n, k in SIZES:
        table = Table("method", "seconds", "excess", "spread of mean age", "of its deviation", title=f"{n:,} in {k}")
        rows: dict[str, list[tuple[float, ...]]] = {}
        for number in range(lists):
            entries = school(n, number)
            for name, method in (("ruxue", ruxue), ("serpentine", serpentine), ("plain random", plain_random)):
                classes, seconds = timed(method, entries, k, number)
                rows.setdefault(name, []).append(
                    (seconds, excess(entries, classes, k), *age_spreads(entries, classes, k))
                )
            for name in METHODS if peer and number == 0 else ():
                if name == "fast" or n < 5000 or slow:
                    classes, seconds = anticlust(entries, k, name)
                    rows[f"anticlust, {name}"] = [
                        (seconds, excess(entries, classes, k), *age_spreads(entries, classes, k))
                    ]
        for name, found in rows.items():
            seconds, over, mean, deviation = map(statistics.fmean, zip(*found, strict=True))
            worst = f" (most {max(f[3] for f in found):.3f})" if len(found) > 1 else ""
            table.add_row(name, f"{seconds:.3f}", f"{over:.1f}", f"{mean:.3f}", f"{deviation:.3f}{worst}")
        entries = school(n, 0)
        limit = 0 if sum(e["age_months"] for e in entries) % k == 0 else k / n
        table.add_row("limit (first list)", "", "0.0", f"{limit:.3f}", "0 or more")
        console.print(table)
    if not peer:
        console.print("anticlust was not run: Rscript does not find it")
    console.print(f"mean of {lists} lists; anticlust on the first one\n")


def city(console: Console) -> None:
    r, schools, left = Random(1), [], CITY
    while left:
        n = min(left, r.randint(90, 600))
        schools.append(school(n, left))
        left -= n
    started = time.process_time()
    for number, entries in enumerate(schools):
        ruxue(entries, -(-len(entries) // 45), number)
    console.print(f"{CITY:,} pupils in {len(schools)} schools: {time.process_time() - started:.2f} s (aim: 5)")
    manifest = {
        "rules": {"seats": 5000, "group_boundary": "skip"},
        "entries": [{"code": f"P{i:05d}"} for i in range(CITY)],
    }
    started = time.process_time()
    draw.lottery(manifest, bytes(32))
    console.print(f"lottery of {CITY:,}: {time.process_time() - started:.3f} s (aim: 0.1)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=int, default=5, help="lists of each size")
    parser.add_argument("--slow", action="store_true", help="anticlust's k-plus and exchange on 5,000 pupils too")
    chosen = parser.parse_args()
    console = Console(width=110)
    compare(chosen.lists, chosen.slow, console)
    city(console)
    console.print("again: python benchmarks/balance.py")


if __name__ == "__main__":
    main()
