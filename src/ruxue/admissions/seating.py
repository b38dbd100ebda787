"""Who gets which seat in one round: a function of the round's inputs and its seed alone, so that anyone can repeat it.

The inputs are plain data (whole numbers, texts, lists), as `rounds` freezes them and the ledger holds their digest:

season, policy (digest), categories (codes, the best first), lots (None where the rule names no lottery, else the
codes of the categories that it splits by lot alone), seats {school: left}, schools and homes {code: [longitude, latitude]} in millionths of a degree,
rule and limit_m of coordination, applications [{receipt, category, keys, school, group, household, home, late}].
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import rfc8785

from ruxue.algorithms import allocation, coordination, draw
from ruxue.policy.language import COORDINATE

Row = dict[str, Any]
Standing = tuple[int, list[tuple[bool, int]]]


@dataclass(frozen=True)
class Seat:
    """A seat and how it came about; ranks are those at the school of the child's zone (None: it asked for none)."""

    school: str
    kind: str
    rank: int | None = None
    applicants: int = 0
    seats: int = 0
    last_rank: int | None = None
    last_category: str = ""
    by_ticket: bool = False
    distance_m: int | None = None


@dataclass
class Solution:
    """Seats by receipt; `standing` of those whose zone's school was full; `report` for the public and the bureau."""

    seats: dict[str, Seat] = field(default_factory=dict)
    standing: dict[str, dict[str, Any]] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)


def digest(inputs: dict[str, Any]) -> bytes:
    """SHA-256 of the inputs' canonical JSON (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(inputs)).digest()


def _units(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[key] or row["receipt"], []).append(row)
    return found


def _place(inputs: dict[str, Any], row: Row) -> int:
    """The category's place in the order; who applied late stands behind everybody who did not."""
    order = [*inputs["categories"], COORDINATE]
    place = order.index(row["category"]) if row["category"] in order else len(order)
    return place + (len(order) + 1) * row["late"]


def _keys(inputs: dict[str, Any], row: Row) -> list[int | None]:
    return [] if row["category"] in (inputs["lots"] or ()) else row["keys"]


def _standing(inputs: dict[str, Any], members: list[Row]) -> Standing:
    """Where a unit stands before any lot: as its last member does."""
    return max((_place(inputs, r), [(k is None, k or 0) for k in _keys(inputs, r)]) for r in members)


def _asking(inputs: dict[str, Any]) -> list[Row]:
    return [r for r in inputs["applications"] if r["category"] != COORDINATE and r["school"] in inputs["seats"]]


def straddling(inputs: dict[str, Any]) -> tuple[dict[str, int], dict[str, list[str]], bool]:
    """What a lottery is needed for: seats by school and units by school of the batches that straddle the capacity, and
    whether families who may be coordinated stand equal too.
    """
    wanted: dict[str, list[tuple[Standing, str, int]]] = {}
    asking = _units(_asking(inputs), "group")
    for name, members in asking.items():
        wanted.setdefault(members[0]["school"], []).append((_standing(inputs, members), name, len(members)))
    seats: dict[str, int] = {}
    units: dict[str, list[str]] = {}
    open_ = [r for r in inputs["applications"] if (r["group"] or r["receipt"]) not in asking]
    for school, line in sorted(wanted.items()):
        left = max(0, inputs["seats"][school])
        for _, batch in groupby(sorted(line), key=lambda entry: entry[0]):
            equal = list(batch)
            need = sum(size for _, _, size in equal)
            if need <= left:
                left -= need
                continue
            open_ += [row for _, name, _ in equal for row in asking[name]]
            if left and len(equal) > 1 and school not in units:
                seats[school], units[school] = left, sorted(name for _, name, _ in equal)
                left = 0
    standings = sorted(_standing(inputs, members) for members in _units(open_, "household").values())
    return seats, units, any(a == b for a, b in pairwise(standings))


def solve(inputs: dict[str, Any], seed: bytes) -> Solution:
    """Every child to its zone's school by category, tie-breakers and ticket; who finds it full is coordinated."""
    found = Solution()
    rows = {row["receipt"]: row for row in inputs["applications"]}
    asking = _asking(inputs)
    applicants = [
        allocation.Applicant(
            row["receipt"],
            [allocation.Wish(row["school"], _place(inputs, row))],
            _keys(inputs, row),
            row["group"] or row["receipt"],
        )
        for row in asking
    ]
    plan = [allocation.School(code, max(0, places)) for code, places in sorted(inputs["seats"].items())]
    placed = allocation.place(applicants, plan, allocation.unit_tickets(applicants, seed))
    category_of = {_place(inputs, row): row["category"] for row in asking}
    left = {school: max(0, places) for school, places in inputs["seats"].items()}
    for placement in placed.placements:
        told = placement.standings[0]
        facts = {
            "rank": told.rank,
            "applicants": told.line,
            "seats": told.seats,
            "last_rank": told.last_rank,
            "last_category": "" if told.last_category is None else category_of[told.last_category],
            "by_ticket": told.by_ticket,
        }
        if placement.school is None:
            found.standing[placement.applicant] = facts
        else:
            left[placement.school] -= 1
            found.seats[placement.applicant] = Seat(placement.school, "zone", **facts)
    over = [row for row in rows.values() if row["receipt"] not in found.seats]
    found.report = {"zone": len(found.seats), **_coordinate(inputs, seed, over, left, found)}
    found.report["left"] = left
    found.report["waiting"] = sorted(r["receipt"] for r in over if r["receipt"] not in found.seats)
    return found


def _coordinate(
    inputs: dict[str, Any], seed: bytes, over: list[Row], left: dict[str, int], found: Solution
) -> dict[str, Any]:
    """Overflow in the order of its rank, siblings together; `left` and `found.seats` are brought up to date."""
    units = list(_units((r for r in over if r["home"]), "household").values())
    schools = [code for code in sorted(left) if left[code] > 0]
    report: dict[str, Any] = {"rule": inputs["rule"], "limit_m": inputs["limit_m"], "coordinated": 0, "shortfalls": []}
    if not units or not schools:
        return report

    def ordered(some: list[list[Row]]) -> list[list[Row]]:
        lot = {id(u): min(draw.ticket(seed, r["group"] or r["receipt"]) for r in u) for u in some}
        return sorted(some, key=lambda u: (_standing(inputs, u), lot[id(u)]))

    def way(some: list[list[Row]], to: list[str]) -> coordination.Ints:
        degrees = [[[p / 1e6 for p in inputs["homes"][u[0]["home"]]] for u in some]]
        return coordination.distances(degrees[0], [[p / 1e6 for p in inputs["schools"][s]] for s in to])

    def seat(some: list[list[Row]], to: list[str], distance: coordination.Ints, at: list[int]) -> Iterator[list[Row]]:
        for i, (members, s) in enumerate(zip(some, at, strict=True)):
            if s < 0:
                yield members
                continue
            for row in members:
                facts = found.standing.get(row["receipt"], {})
                found.seats[row["receipt"]] = Seat(to[s], "coordinated", **facts, distance_m=int(distance[i, s]))
                left[to[s]] -= 1

    units = ordered(units)
    distance = way(units, schools)
    both = coordination.compare(distance, [len(u) for u in units], [left[s] for s in schools], inputs["limit_m"])
    chosen = both.by_rank if inputs["rule"] == "rank" else both.by_distance
    report |= {
        "total_m": chosen.total_m,
        "total_by_rank_m": both.by_rank.total_m,
        "total_by_distance_m": both.by_distance.total_m,
        "nearer_by_rank": both.nearer_by_rank,
        "nearer_by_distance": both.nearer_by_distance,
        "passed_over": both.passed_over,
        "shortfalls": [
            {
                "receipts": sorted(r["receipt"] for u in short.units for r in units[u]),
                "schools": [schools[s] for s in short.schools],
                "children": short.children,
                "seats": short.seats,
            }
            for short in chosen.shortfalls
        ],
    }
    without = list(seat(units, schools, distance, chosen.school))
    # Siblings for whom no school has room together are seated apart; children born together never are.
    apart = ordered([twins for members in without for twins in _units(members, "group").values()])
    room = [code for code in sorted(left) if left[code] > 0]
    if len(apart) > len(without) and room:
        distance = way(apart, room)
        solved = coordination.coordinate(
            distance,
            [len(u) for u in apart],
            [left[s] for s in room],
            rule=inputs["rule"],
            limit_m=inputs["limit_m"],
        )
        report["apart"] = int(np.sum(np.array(solved.school) >= 0))
        list(seat(apart, room, distance, solved.school))
    report["coordinated"] = sum(s.kind == "coordinated" for s in found.seats.values())
    return report
