"""Why not this school: rank, last admitted rank and the rule, for any school of the district."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruxue.admissions.models import Offer, Round
from ruxue.algorithms import coordination
from ruxue.applications.models import Application
from ruxue.places.models import School


@dataclass(frozen=True)
class Answer:
    """`code` names the rule that decided; the rest are its numbers.

    "seat": the child sits there; "zone_full": asked for by right, full with families before it; "list_full": the same
    of a school of the family's list; "zone_lot": the lot decided among equals; "locked": another family's pupil entered
    through the home; "buffer_closed": its buffer zone is for another category; "wanted_less": a seat that the family
    wanted more was given; "private": only who lists it asks for it; "zone_category": coordination's category asks for no school; "not_zone_full": of another zone,
    and its zone took all seats; "not_zone_nearer": seats were left, and families placed before it took them;
    "not_zone_farther": farther than the seat that the child has; "not_yet": no round has been run for the child.
    """

    code: str
    school: School
    rank: int | None = None
    applicants: int = 0
    seats: int = 0
    last_rank: int | None = None
    last_category: str = ""
    distance_m: int | None = None
    own_distance_m: int | None = None
    round: int | None = None


def _round_of(row: Application) -> Round | None:
    offer = getattr(row, "offer", None)
    if offer is not None:
        return Round.objects.get(pk=offer.round_id)
    ran = Round.objects.filter(season=row.season).order_by("-number")
    return next((r for r in ran if row.receipt in r.report.get("waiting", ())), None)


def why_not(row: Application, school: School) -> Answer:
    """The answer for one child and one school, from the round in which it stood."""
    offer: Offer | None = getattr(row, "offer", None)
    made = _round_of(row)
    if made is None or (offer and offer.deadline is None):
        return Answer("not_yet", school)
    if offer and offer.school_id == school.code:
        return Answer("seat", school, round=made.number)
    asked = made.report.get("standing", {}).get(row.receipt, {}).get(school.code)
    if asked and "closed" in asked:
        return Answer(str(asked["closed"]), school, round=made.number)
    if asked:
        facts: dict[str, Any] = dict(asked)
        lot, zone = facts.pop("by_ticket", False), school.code == row.school_id
        return Answer("zone_lot" if lot else "zone_full" if zone else "list_full", school, **facts, round=made.number)
    entry: dict[str, Any] = next((a for a in made.inputs["applications"] if a["receipt"] == row.receipt), {})
    asked_for = [*entry.get("zone", []), *entry.get("list", []), *entry.get("buffer", [])]
    if offer and offer.kind != Offer.Kind.COORDINATED and school.code in asked_for:
        return Answer("wanted_less", school, round=made.number)
    if school.private:
        return Answer("private", school, round=made.number)
    if school.code == row.school_id:
        return Answer("zone_category", school, round=made.number)
    seats = made.inputs["seats"].get(school.code, 0)
    in_zone = Offer.objects.filter(round=made, school=school).exclude(kind=Offer.Kind.COORDINATED).count()
    way: int | None = None
    own: int | None = None
    if row.compound:
        home = [(row.compound.lng, row.compound.lat)]
        way = int(coordination.distances(home, [(school.lng, school.lat)])[0, 0])
        if offer:
            own = int(coordination.distances(home, [(offer.school.lng, offer.school.lat)])[0, 0])
    code = (
        "not_zone_full"
        if in_zone >= seats
        else "not_zone_farther"
        if own is not None and way is not None and own <= way
        else "not_zone_nearer"
    )
    return Answer(code, school, seats=seats, distance_m=way, own_distance_m=own, round=made.number)
