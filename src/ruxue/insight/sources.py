"""Fetches the departments' aggregates for planning and reads them: children, parents' bands, flows. Counts only."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from ruxue.algorithms import forecast
from ruxue.exchange import connector
from ruxue.insight.models import Aggregate
from ruxue.ledger import clock
from ruxue.places.models import ChildCount, Compound, Season, SeatPlan, Zone

SOURCES = (("PS", "parent_ages"), ("PS", "flows"), ("ED", "education"))


def refresh() -> None:
    """Fetches every aggregate anew. Raises DepartmentError where a department is silent; older counts stay."""
    for department, name in SOURCES:
        payload = connector.aggregates(department, name)
        Aggregate.objects.update_or_create(
            department=department, name=name, defaults={"payload": payload, "fetched_at": clock.now()}
        )


def aggregate(name: str) -> tuple[dict[str, Any], Any]:
    """Counts and when they were fetched; ({}, None) before the first fetch."""
    row = Aggregate.objects.filter(name=name).first()
    return (row.payload, row.fetched_at) if row else ({}, None)


@dataclass(frozen=True)
class ZoneOutlook:
    """One school's zone: seats of the plan and expected entrants by year, with the back-test of past years."""

    school: Any
    seats: int
    years: list[forecast.Outlook]
    error_percent: float | None
    load_percent: int


def outlook(season: Season, years: int = 6) -> list[ZoneOutlook]:
    """Expected first-graders of each zone from the register of younger children, the season's year first."""
    community_zone: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    zones = Zone.objects.filter(season=season).select_related("school")
    zone_of = dict(
        Zone.compounds.through.objects.filter(zone__season=season).values_list("compound_id", "zone__school_id")
    )
    for code, community in Compound.objects.filter(district=season.district_id).values_list("code", "community_id"):
        if code in zone_of:
            community_zone[community][zone_of[code]] += 1
    children: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for community, year, n in ChildCount.objects.filter(community__district=season.district_id).values_list(
        "community_id", "birth_year", "children"
    ):
        whole = sum(community_zone[community].values())
        for school, compounds in community_zone[community].items():
            children[school][year] += n * compounds / whole
    plans = {p.school_id: p.seats for p in SeatPlan.objects.filter(season=season)}
    past = {z.school_id: [(h["registered"], h["entries"]) for h in z.school.history] for z in zones}
    everyone = [pair for pairs in past.values() for pair in pairs]
    city = sum(e for _, e in everyone) / max(1, sum(r for r, _ in everyone))
    result = []
    for zone in zones:
        code = zone.school_id
        ratio = forecast.conversion(past[code], city)
        counts = {y: round(n) for y, n in children[code].items()}
        seen = forecast.outlook(counts, ratio, season.year, years)
        error = None
        if len(past[code]) > 1:
            before = forecast.conversion(past[code][1:], city)
            error = round(forecast.mape([past[code][0][1]], [past[code][0][0] * before]), 1)
        load = round(100 * seen[0].mid / plans[code]) if seen and plans.get(code) else 0
        result.append(ZoneOutlook(zone.school, plans.get(code, 0), seen, error, load))
    return sorted(result, key=lambda z: -z.load_percent)
