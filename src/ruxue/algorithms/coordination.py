"""Coordination (统筹): everyone left gets a seat at the least total distance, families' children together.

A transportation problem: solved as a linear programme it is integral; with groups, as a mixed-integer one (HiGHS).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, milp
from scipy.sparse import coo_array


@dataclass(frozen=True)
class Coordination:
    """`school` per unit (-1: no seat left), and the total distance in metres."""

    school: list[int]
    total_m: int


def coordinate(distance_m: NDArray[np.int64], members: Sequence[int], seats: Sequence[int]) -> Coordination:
    """Places units (one child, or twins) at the least total distance, as many as possible first.

    `distance_m[u, s]`: metres from the home of unit u to school s, an integer; `members[u]`: children in it;
    `seats[s]`: seats left. Deterministic: equal distances are told apart by a preference for the earlier school.
    """
    units, schools = distance_m.shape
    if units == 0:
        return Coordination([], 0)
    if all(m == 1 for m in members):
        return _by_seat(distance_m, seats)
    size = np.asarray(members, float)
    far = int(distance_m.max()) * units + 1
    cost = distance_m.astype(float) * size[:, None] - far * size[:, None]
    unit, school = np.divmod(np.arange(units * schools), schools)
    once = coo_array((np.ones(unit.size), (unit, np.arange(unit.size))), (units, unit.size)).tocsr()
    room = coo_array((size[unit], (school, np.arange(unit.size))), (schools, unit.size)).tocsr()
    solved = milp(
        cost.ravel(),
        integrality=np.ones(unit.size),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(once, 0, 1), LinearConstraint(room, 0, np.asarray(seats, float))],
    )
    if solved.x is None:
        raise RuntimeError(f"the coordination could not be solved: {solved.message}")
    chosen = solved.x.reshape(units, schools) > 0.5
    result = [int(np.argmax(row)) if row.any() else -1 for row in chosen]
    return Coordination(result, _total(distance_m, members, result))


def _by_seat(distance_m: NDArray[np.int64], seats: Sequence[int]) -> Coordination:
    """Single children: an assignment of units to seats, exact."""
    units = distance_m.shape[0]
    column = np.repeat(np.arange(len(seats)), [min(int(s), units) for s in seats])
    if column.size == 0:
        return Coordination([-1] * units, 0)
    rows, cols = linear_sum_assignment(distance_m[:, column])
    result = [-1] * units
    for row, col in zip(rows, cols, strict=True):
        result[row] = int(column[col])
    return Coordination(result, _total(distance_m, [1] * units, result))


def _total(distance_m: NDArray[np.int64], members: Sequence[int], school: Sequence[int]) -> int:
    return sum(int(distance_m[u, s]) * members[u] for u, s in enumerate(school) if s >= 0)


def metres(lng1: float, lat1: float, lng2: float, lat2: float) -> int:
    """Straight-line distance on the sphere (haversine, radius 6,371 km), in whole metres."""
    a, b, c, d = np.radians([lng1, lat1, lng2, lat2])
    h = np.sin((d - b) / 2) ** 2 + np.cos(b) * np.cos(d) * np.sin((c - a) / 2) ** 2
    return round(2 * 6_371_000 * float(np.arcsin(np.sqrt(h))))
