"""Coordination of 20,000 overflow pupils over 400 schools, both rules, against the bound of a linear programme by HiGHS.

python benchmarks/coordination.py [--pupils 20000] [--schools 400]

Two times: on the clock, and of the processor. The programme has a column for each pupil and school, 8 million; HiGHS gets
some of them, and more by their reduced costs until none is left that could help: then its dual prices bound every placement
from below.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from ruxue.algorithms import coordination


def city(pupils: int, schools: int, twins: float) -> tuple[Any, Any, Any]:
    """Homes and schools around 30 centres; seats for 5 % more than all, spread unevenly. Distances, sizes, seats."""
    rng = np.random.default_rng(3)
    centres = rng.normal((119.1, 36.7), 0.1, (30, 2))
    size = np.where(rng.random(pupils) < twins, 2, 1)
    size = size[: int(np.searchsorted(np.cumsum(size), pupils)) + 1]
    school_at = centres[rng.integers(0, 30, schools)] + rng.normal(0, 0.03, (schools, 2))
    home_at = centres[rng.integers(0, 30, len(size))] + rng.normal(0, 0.03, (len(size), 2))
    distance = coordination.distances(home_at, school_at)
    seats = rng.multinomial(int(size.sum() * 1.05), rng.dirichlet(np.full(schools, 4.0)))
    return distance, size, seats


def bound_by_highs(distance: Any, size: Any, seats: Any, price: Any) -> tuple[int, int]:
    """The least total if bound children could be torn apart, and HiGHS's bound below every placement.

    `price` only chooses the columns to begin with; the bound is HiGHS's own, over all columns.
    """
    units, schools = distance.shape
    priced = distance + price
    columns = priced <= priced.min(axis=1, keepdims=True) + 200
    while True:
        unit, school = np.nonzero(columns)
        one, option = np.ones(unit.size), np.arange(unit.size)
        once = coo_array((one, (unit, option)), (units, unit.size)).tocsr()
        room = coo_array((one, (school, option)), (schools, unit.size)).tocsr()
        solved = linprog(distance[unit, school], room, seats, once, size, method="highs")
        priced = distance - solved.ineqlin.marginals
        missing = (priced < solved.eqlin.marginals[:, None] - 1e-6) & ~columns
        if not missing.any():  # weak duality over all columns: true whatever HiGHS's tolerances
            return round(solved.fun), int(np.floor(priced.min(axis=1) @ size + solved.ineqlin.marginals @ seats + 1e-3))
        columns |= missing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pupils", type=int, default=20_000)
    parser.add_argument("--schools", type=int, default=400)
    given = parser.parse_args()
    warm = city(300, 20, 0.05)
    coordination.compare(*warm, limit_m=100_000)  # compiles
    for twins in (0.0, 0.02):
        distance, size, seats = city(given.pupils, given.schools, twins)
        limit = int(np.quantile(distance.min(axis=1), 0.999)) * 3
        print(
            f"{size.sum():,} pupils ({(size > 1).sum()} pairs of twins), {given.schools} schools, {seats.sum():,} seats"
        )
        results = {}
        for name, rule, most in (
            ("least total distance", "distance", None),
            ("by rank", "rank", None),
            (f"least total, limit {limit:,} m", "distance", limit),
            (f"by rank, limit {limit:,} m", "rank", limit),
        ):
            begun, busy = time.perf_counter(), time.process_time()
            result = results[name] = coordination.coordinate(distance, size, seats, rule=rule, limit_m=most)
            seconds, busy = time.perf_counter() - begun, time.process_time() - busy
            held = np.array(result.school)
            placed = held >= 0
            way = distance[np.flatnonzero(placed), held[placed]]
            print(
                f"  {name:34} {seconds:6.2f} s {busy:6.2f} s   total {result.total_m:,} m, mean {result.total_m / size[placed].sum():,.0f}, "
                f"farthest {way.max():,}, without a seat {size[~placed].sum()}"
            )
        least = results["least total distance"]
        begun, busy = time.perf_counter(), time.process_time()
        optimum, bound = bound_by_highs(distance, size, seats, least.price)
        seconds, busy = time.perf_counter() - begun, time.process_time() - busy
        print(
            f"  {'HiGHS, linear programme':34} {seconds:6.2f} s {busy:6.2f} s   total {optimum:,} m, bound {bound:,} m"
        )
        print(
            f"  above HiGHS's bound: {least.total_m - bound} m; own bound {least.bound_m:,}; "
            f"proved the least with twins together: {least.proved}"
        )
        both = coordination.compare(distance, size, seats)
        print(
            f"  the rules' cost to each other: by rank {both.extra_m:,} m more; {both.nearer_by_rank:,} children nearer by "
            f"rank, {both.nearer_by_distance:,} by distance; {both.passed_over:,} families passed over by distance"
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{memory:.2f} GiB, Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print("Again: python benchmarks/coordination.py")


if __name__ == "__main__":
    main()
