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

    "seat": the child sits there; "zone_full": its zone's school, full with families before it; "zone_lot": the lot
    decided among equals; "zone_category": coordination's category asks for no school; "not_zone_full": of another zone,
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
    if school.code == row.school_id:
        facts: dict[str, Any] = (
            {
                "rank": offer.rank,
                "applicants": offer.applicants,
                "seats": offer.seats,
                "last_rank": offer.last_rank,
                "last_category": offer.last_category,
                "by_ticket": offer.by_ticket,
            }
            if offer
            else dict(made.report.get("standing", {}).get(row.receipt, {}))
        )
        lot = facts.pop("by_ticket", False)
        if not facts.get("rank"):
            return Answer("zone_category", school, round=made.number)
        return Answer("zone_lot" if lot else "zone_full", school, **facts, round=made.number)
    seats = made.inputs["seats"].get(school.code, 0)
    in_zone = Offer.objects.filter(round=made, school=school, kind=Offer.Kind.ZONE).count()
    way = own = None
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
