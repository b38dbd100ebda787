"""Seat warnings (学位预警) and the heat map: how many children a school's zone will send, against the seats of its plan."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count

from ruxue.applications.models import Application
from ruxue.applications.states import DEAD, State
from ruxue.insight import sources
from ruxue.places.models import School, Season, SeatPlan

RED, AMBER = 100, 90  # per cent of the plan; red line as Hangzhou publishes it
FRESH = 60  # seconds for which a count may be shown


@dataclass(frozen=True)
class SeatLoad:
    """A school's seats, the children expected by the register (None: not known), and the applications so far."""

    school: School
    seats: int
    expected: int | None
    applied: int

    @property
    def applied_percent(self) -> int:
        """Applications in per cent of the plan, rounded down: red begins where nobody more fits in."""
        return 100 * self.applied // self.seats if self.seats else 0

    @property
    def percent(self) -> int:
        """The larger of what is expected and what has applied, in per cent of the plan."""
        return 100 * max(self.expected or 0, self.applied) // self.seats if self.seats else 0

    @property
    def level(self) -> str:
        """red, amber or green."""
        return "red" if self.percent >= RED else "amber" if self.percent >= AMBER else "green"


def loads(season: Season) -> list[SeatLoad]:
    """Every school with a plan, the fullest first; at most a minute old."""
    key = f"seat-loads/{season.pk}"
    found: list[tuple[str, int, int | None, int]] | None = cache.get(key)
    if found is None:
        applied = dict(
            Application.objects.filter(season=season)
            .exclude(state__in=[State.DRAFT, State.REJECTED, *DEAD])
            .values_list("school")
            .annotate(n=Count("id"))
        )
        expected = {z.school.code: z.years[0].mid for z in sources.outlook(season, 1) if z.years}
        plans = SeatPlan.objects.filter(season=season)
        found = [(p.school_id, p.seats, expected.get(p.school_id), applied.get(p.school_id, 0)) for p in plans]
        cache.set(key, found, FRESH)
    schools = School.objects.in_bulk([code for code, *_ in found])
    rows = [SeatLoad(schools[code], seats, mid, n) for code, seats, mid, n in found if code in schools]
    return sorted(rows, key=lambda r: (-r.percent, r.school.code))
