"""How many children will ask for a first-grade seat: cohort survival from the register of younger children.

Each zone's registered children of age a become entrants 6-a years later, times the zone's own ratio of entrants to
registered six-year-olds in past years, shrunk towards the city's where the zone is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True)
class Outlook:
    """Demand of one zone in one year: children, with an 80 % interval from counting noise and past error."""

    year: int
    low: int
    mid: int
    high: int


def conversion(past: Sequence[tuple[int, int]], city: float, weight: int = 60) -> float:
    """Entrants per registered child from past (registered, entrants) pairs, shrunk towards `city` by `weight` children."""
    registered = sum(r for r, _ in past)
    entrants = sum(e for _, e in past)
    return (entrants + city * weight) / (registered + weight)


def outlook(children_by_birth_year: Mapping[int, int], ratio: float, first_year: int, years: int) -> list[Outlook]:
    """Entrants of `years` seasons from `first_year`; a season's entrants are born six years before it.

    Years whose children are not born yet are left out.
    """
    result = []
    for ahead in range(years):
        year = first_year + ahead
        registered = children_by_birth_year.get(year - 6)
        if registered is None:
            continue
        mid = registered * ratio
        width = 1.28 * sqrt(mid + (0.02 * (ahead + 1) * mid) ** 2)
        result.append(Outlook(year, max(0, round(mid - width)), round(mid), round(mid + width)))
    return result


def mape(actual: Sequence[int], expected: Sequence[float]) -> float:
    """Mean absolute percentage error of a back-test, over the years with entrants. Raises ValueError without any."""
    pairs = [(a, e) for a, e in zip(actual, expected, strict=True) if a]
    if not pairs:
        raise ValueError("no year with entrants to compare")
    return sum(abs(a - e) / a for a, e in pairs) / len(pairs) * 100
