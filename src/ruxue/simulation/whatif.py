"""Families of a synthetic city for a what-if: their true facts, and no row of the platform."""

from __future__ import annotations

from collections.abc import Callable

from ruxue.insight.whatif import Collected
from ruxue.places import rules
from ruxue.places.models import Season
from ruxue.policy.compare import Family
from ruxue.policy.facts import VOCABULARY, Fact
from ruxue.simulation.city import generate
from ruxue.simulation.ground_truth import truth_facts

SEED = 20260715


def families(season: Season, children: int, step: Callable[[int, int], None]) -> Collected:
    """The district's families out of a city with so many children, always the same ones for the same size and year."""
    city = generate(children, SEED, season.year, progress=step)
    policy = rules.in_force(season)
    named = policy.parameters.get("city_core") if policy else None
    core = [str(k) for k in named] if isinstance(named, list) else [season.district_id]
    found = []
    for family in (f for f in city.families if f.district == season.district_id):
        school = city.school_of(family.corrected.compound)
        home = "here" if family.household.district == season.district_id else "elsewhere"
        groups = {"school": school, "zone": school, "kind": f"{family.truth.held_as}/{home}"}
        for child in range(len(family.children)):
            truth = truth_facts(city, family, child, core)
            sheet = {
                name: Fact(value, VOCABULARY[name].items[0], city.register_day)
                for name, value in truth.items()
                if name in VOCABULARY
            }
            found.append(Family(f"{family.key}/{child}", sheet, groups))
    mine = [s for s in city.schools if s.district == season.district_id]
    return Collected(found, {s.code: s.classes * s.class_size for s in mine}, {s.code: s.name_zh for s in mine})
