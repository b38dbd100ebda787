"""Seats by strict priorities: deferred acceptance with applicants proposing (Gale and Shapley 1962).

The result is the applicants' optimal stable matching: nobody misses a seat that went to someone with less right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Allocation:
    """`school` per applicant (-1: none); `last` per school: the priority of the last admitted (-1: none)."""

    school: Ints
    last: Ints


def strict_order(keys: Sequence[Sequence[int | None]], tickets: Sequence[bytes]) -> Ints:
    """Position (0 is best) of each applicant by its keys in turn, unknown last, then by its ticket."""
    order = sorted(
        range(len(keys)), key=lambda i: (tuple((k is None, 0 if k is None else k) for k in keys[i]), tickets[i])
    )
    position = np.empty(len(keys), np.int64)
    position[order] = np.arange(len(keys))
    return position


def allocate(
    choices: Sequence[Sequence[int]], priority: Ints, seats: Sequence[int], size: Sequence[int] | None = None
) -> Allocation:
    """Assigns applicants to schools.

    `choices[i]`: schools wanted by applicant i, best first; `priority[i]`: its place in one strict order, lower is
    better; `seats[s]` per school; `size[i]`: children seated as one (twins, default 1), passed over by a school that has
    fewer seats left. Raises ValueError where two applicants share a priority or a seat is negative.
    """
    if len(np.unique(priority)) != len(priority):
        raise ValueError("two applicants share a priority: break ties before allocating")
    if any(s < 0 for s in seats):
        raise ValueError("seats can't be negative")
    start = np.zeros(len(choices) + 1, np.int64)
    start[1:] = np.cumsum([len(c) for c in choices])
    flat = np.fromiter((s for c in choices for s in c), np.int64, int(start[-1]))
    school = _serial(
        np.argsort(priority),
        start,
        flat,
        np.asarray(seats, np.int64),
        np.ones(len(choices), np.int64) if size is None else np.asarray(size, np.int64),
    )
    last = np.full(len(seats), -1, np.int64)
    placed = school >= 0
    np.maximum.at(last, school[placed], np.asarray(priority)[placed])
    return Allocation(school, last)


@njit(cache=True)
def _serial(order: Ints, start: Ints, flat: Ints, seats: Ints, size: Ints) -> Ints:
    """With one order at all schools, deferred acceptance is serial choice in that order."""
    left = seats.copy()
    school = np.full(order.size, -1, np.int64)
    for i in order:
        for position in range(start[i], start[i + 1]):
            s = flat[position]
            if left[s] >= size[i]:
                left[s] -= size[i]
                school[i] = s
                break
    return school
