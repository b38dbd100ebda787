"""Who gets which seat in one round: a function of the round's inputs and its seed alone, so that anyone can repeat it.

The inputs are plain data (whole numbers, texts, lists), as `inputs.freeze` makes them and the ledger holds their digest:

season, year, policy (digest), stage {kind, number, choices, choice_first, coordinates}, categories (codes, the best
first), lots (None where the rule names no lottery, else the codes of the categories that it splits by lot alone),
seats {school: left}, private (schools), reserves {school: {category: left}}, loser_last, buffers {school: category},
seat_lock (the rule or None), schools and homes {code: [longitude, latitude]} in millionths of a degree, rule and
limit_m of coordination, applications [{receipt, category, keys, zone (schools), list (schools), feeder, buffer
(schools), locks, group, household, home, late}].
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import rfc8785

from ruxue.algorithms import allocation, coordination, draw
from ruxue.algorithms.allocation import Basis
from ruxue.policy.engine import locked
from ruxue.policy.language import COORDINATE, SeatLockRule
from ruxue.policy.records import SeatLock

Row = dict[str, Any]
Standing = tuple[int, list[tuple[bool, int]]]
KINDS = {Basis.ZONE: "zone", Basis.FEEDER: "feeder", Basis.BUFFER: "buffer", Basis.CHOICE: "choice"}
_RIGHTS = [Basis.FEEDER, Basis.ZONE, Basis.CHOICE, Basis.BUFFER]
_TIER = {Basis.FEEDER: 0, Basis.ZONE: 1, Basis.CHOICE: 1, Basis.BUFFER: 2}


@dataclass(frozen=True)
class Facts:
    """How a wish stood at its school: place among those in line, seats, and the last one admitted."""

    rank: int | None = None
    applicants: int = 0
    seats: int = 0
    last_rank: int | None = None
    last_category: str = ""
    by_ticket: bool = False


@dataclass(frozen=True)
class Seat:
    """A seat and how it came about: `facts` at this school, or, where coordinated, at the first one asked for."""

    school: str
    kind: str
    facts: Facts = Facts()
    distance_m: int | None = None


@dataclass
class Solution:
    """Seats by receipt; `standing` of every wish that was not granted: {receipt: {school: facts, or why it is closed}};
    `report` for the public and the bureau.
    """

    seats: dict[str, Seat] = field(default_factory=dict)
    standing: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
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


def wishes(inputs: dict[str, Any], row: Row) -> tuple[list[tuple[str, Basis]], dict[str, str]]:
    """The schools that a child asks for in this round with its right to each, and those closed to it with the reason.

    First the school that it goes up to, then the family's list, then the schools of its zone that it did not list, then
    its buffer zones. Reasons: "locked" (a seat lock on its home), "buffer_closed" (another category).
    """
    stage, private, seats = inputs["stage"], inputs["private"], inputs["seats"]
    by_right = row["category"] != COORDINATE
    zone = [s for s in row["zone"] if by_right]
    chosen = row["list"][: stage["choices"]]
    if stage["kind"] == "preference":
        choices = [s for s in chosen if s not in private]
    elif stage["kind"] == "rest":
        choices = []
    else:
        choices = [s for s in chosen if s in private]
    buffer = [s for s in row["buffer"] if by_right]
    # Who comes late stands behind all others: promotion is no way past them.
    feeder = row["feeder"] if by_right and not row["late"] else None
    listed, _ = allocation.wishes(0, zone, chosen, feeder=feeder, choices=choices, buffer=buffer)
    closed: dict[str, str] = {}
    for wish in listed:
        if wish.basis == Basis.BUFFER and inputs["buffers"].get(wish.school) != row["category"]:
            closed[wish.school] = "buffer_closed"
        elif wish.basis in (Basis.ZONE, Basis.BUFFER) and _locked(inputs, row, wish.school):
            closed[wish.school] = "locked"
    return [(w.school, w.basis) for w in listed if w.school in seats and w.school not in closed], closed


def _locked(inputs: dict[str, Any], row: Row, school: str) -> bool:
    if not row["locks"] or inputs["seat_lock"] is None:
        return False
    rule = SeatLockRule.model_validate(inputs["seat_lock"])
    held = [
        SeatLock(
            k["stage"],
            k["since"],
            k["grade"],
            k["left"],
            k["home"],
            k["same_parents"],
            None if k["school"] is None else k["school"] == school,
        )
        for k in row["locks"]
    ]
    return any(locked(rule, lock, inputs["year"]) for lock in held)


@dataclass(frozen=True)
class Lines:
    """A round as the engine takes it. `units` names the market's units, `members` their rows, `options` what each option
    asks for and the category under which; `closed` as `wishes` tells it, by receipt.
    """

    market: allocation.Market
    units: list[str]
    members: list[list[Row]]
    options: list[tuple[str, Basis, str]]
    closed: dict[str, dict[str, str]]


def lines(inputs: dict[str, Any]) -> Lines:
    """Who asks where and how each stands there, before any lot: the market's tickets are all 0."""
    schools = {code: s for s, code in enumerate(sorted(inputs["seats"]))}
    seats = [max(0, inputs["seats"][code]) for code in schools]
    private = [code in inputs["private"] for code in schools]
    reserves: dict[tuple[str, str], int] = {}
    room = dict(zip(schools, seats, strict=True))
    for code, sizes in sorted(inputs["reserves"].items()):
        for category, size in sorted(sizes.items()):
            if size and code in room:
                reserves[code, category] = min(size, room[code])
                room[code] -= reserves[code, category]
    row_of = {name: r for r, name in enumerate(reserves)}
    units, groups, options, start = [], [], [], [0]
    closed: dict[str, dict[str, str]] = {}
    place, keys, reserve = [], [], []
    width = max((len(r["keys"]) for r in inputs["applications"]), default=0)
    for name, members in _units(inputs["applications"], "group").items():
        asked = [wishes(inputs, row) for row in members]
        closed |= {row["receipt"]: shut for row, (_, shut) in zip(members, asked, strict=True) if shut}
        wanted = _common([listed for listed, _ in asked])
        if not wanted:
            continue
        last = max(members, key=lambda row: _standing(inputs, [row]))
        own = [allocation.UNKNOWN if k is None else k for k in _keys(inputs, last)]
        for code, basis in wanted:
            lot_only = private[schools[code]]
            options.append((code, basis, last["category"]))
            place.append(0 if lot_only else _place(inputs, last))
            keys.append([0] * width if lot_only else own + [0] * (width - len(own)))
            alike = {row["category"] for row in members} == {last["category"]}
            reserve.append(row_of.get((code, last["category"]), -1) if alike else -1)
        units.append(name)
        groups.append(members)
        start.append(len(options))
    market = allocation.Market(
        start=np.array(start, np.int64),
        school=np.array([schools[code] for code, _, _ in options], np.int32),
        seats=np.array(seats, np.int64),
        category=np.array(place, np.int16),
        keys=np.array(keys, np.int64).reshape(len(options), width),
        tickets=np.zeros((len(units), 4), np.uint64),
        basis=np.array([basis for _, basis, _ in options], np.int8),
        reserve=np.array(reserve, np.int32),
        reserves=allocation.Reserves(
            np.array([schools[code] for code, _ in reserves], np.int64),
            np.array(list(reserves.values()), np.int64),
            np.ones(len(reserves), np.bool_),
        ),
        size=np.array([len(members) for members in groups], np.int64),
        private=np.array(private, np.bool_),
        option_keys=True,
        # A buffer zone's category is the rule's own, and looked at where wishes are made.
        rules=allocation.Rules(
            choice_first=inputs["stage"]["choice_first"], loser_last=inputs["loser_last"], buffer_categories=2**15
        ),
    )
    return Lines(market, units, groups, options, closed)


def _common(lists: list[list[tuple[str, Basis]]]) -> list[tuple[str, Basis]]:
    """What bound children ask for: the schools that all of them list, by the least wanted place; the lesser right."""
    if len(lists) == 1:
        return lists[0]
    places = [{school: (n, basis) for n, (school, basis) in enumerate(listed)} for listed in lists]
    shared = [school for school in places[0] if all(school in other for other in places)]
    shared.sort(key=lambda s: (max(p[s][0] for p in places), sum(p[s][0] for p in places), s))
    return [(s, max((p[s][1] for p in places), key=_RIGHTS.index)) for s in shared]


def drawn(asked: Lines, seed: bytes) -> allocation.Allocation:
    """The allocation under a seed: each unit's ticket is the draw protocol's."""
    tickets = allocation.ticket_words([draw.ticket(seed, unit) for unit in asked.units])
    return allocation.allocate(replace(asked.market, tickets=tickets))


@dataclass(frozen=True)
class Straddling:
    """What a lottery is needed for. Where each asks for one school, seats by school and units by school of the batches
    that straddle the capacity (else None: the lot is every child's place in one order); `decides`: whether a seat
    depends on it.
    """

    batches: tuple[dict[str, int], dict[str, list[str]]] | None
    decides: bool


def straddling(inputs: dict[str, Any]) -> Straddling:
    """Whether, and for what, a round needs a lottery."""
    asked = lines(inputs)
    simple = np.diff(asked.market.start).max(initial=0) <= 1 and not len(asked.market.reserves.seats)  # type: ignore[union-attr]
    batches, open_ = _batches(inputs, asked) if simple else (None, _in_doubt(asked, digest(inputs)))
    if (batches and batches[1]) or (not simple and open_):
        return Straddling(batches, True)
    if not inputs["stage"]["coordinates"]:
        return Straddling(batches, False)
    asking = set(asked.units)
    open_ += [r for r in inputs["applications"] if (r["group"] or r["receipt"]) not in asking]
    standings = sorted(_standing(inputs, members) for members in _units(open_, "household").values())
    return Straddling(batches, any(a == b for a, b in pairwise(standings)))


def _in_doubt(asked: Lines, probe: bytes) -> list[Row]:
    """Rows of units about whose seat a ticket decided: none under one seed, then none under any."""
    found = drawn(asked, probe)
    unit = np.repeat(np.arange(len(asked.units)), np.diff(asked.market.start))
    return [row for u in np.unique(unit[found.by_ticket]) for row in asked.members[u]]


def _batches(inputs: dict[str, Any], asked: Lines) -> tuple[tuple[dict[str, int], dict[str, list[str]]], list[Row]]:
    """The batches that straddle their school's seats, and the rows that will or may be without a seat of their own."""
    wanted: dict[str, list[tuple[tuple[int, Standing], int, int]]] = {}
    for u, (school, basis, _) in enumerate(asked.options):
        stands = (0, []) if school in inputs["private"] else _standing(inputs, asked.members[u])
        wanted.setdefault(school, []).append(((_TIER[basis], stands), u, len(asked.members[u])))
    seats: dict[str, int] = {}
    units: dict[str, list[str]] = {}
    open_: list[Row] = []
    for school, line in sorted(wanted.items()):
        left = max(0, inputs["seats"][school])
        for _, batch in groupby(sorted(line), key=lambda entry: entry[0]):
            equal = list(batch)
            need = sum(size for _, _, size in equal)
            if need <= left:
                left -= need
                continue
            open_ += [row for _, u, _ in equal for row in asked.members[u]]
            if left and len(equal) > 1 and school not in units:
                seats[school], units[school] = left, sorted(asked.units[u] for _, u, _ in equal)
                left = 0
    return (seats, units), open_


def solve(inputs: dict[str, Any], seed: bytes) -> Solution:
    """Every child to the best school of its wishes that its right and its lot allow; the rest is coordinated."""
    found = Solution()
    asked = lines(inputs)
    result = drawn(asked, seed)
    rows = {row["receipt"]: row for row in inputs["applications"]}
    last = {
        int(asked.market.school[o]): asked.options[o][2]
        for o in np.flatnonzero(result.rank > 0)
        if result.rank[o] == result.last[asked.market.school[o]]
    }

    def facts(o: int) -> Facts:
        s = int(asked.market.school[o])
        return Facts(
            int(result.rank[o]) or None,
            int(result.line[s]),
            int(asked.market.seats[s]),
            int(result.last[s]) or None,
            last.get(s, ""),
            bool(result.by_ticket[o]),
        )

    left = {school: max(0, places) for school, places in inputs["seats"].items()}
    for u, members in enumerate(asked.members):
        first, end, got = int(asked.market.start[u]), int(asked.market.start[u + 1]), int(result.option[u])
        missed = {asked.options[o][0]: asdict(facts(o)) for o in range(first, end if got < 0 else got)}
        for row in members:
            if missed:
                found.standing[row["receipt"]] = dict(missed)
            if got >= 0:
                school, basis, _ = asked.options[got]
                found.seats[row["receipt"]] = Seat(school, KINDS[basis], facts(got))
                left[school] -= 1
    for receipt, shut in asked.closed.items():
        told = found.standing.setdefault(receipt, {})
        told.update({school: {"closed": reason} for school, reason in shut.items()})
    by_kind = {kind: sum(s.kind == kind for s in found.seats.values()) for kind in sorted(KINDS.values())}
    found.report = {**by_kind, "by_right": len(found.seats), "settled": result.settled, "coordinated": 0}
    over = [row for row in rows.values() if row["receipt"] not in found.seats]
    if inputs["stage"]["coordinates"]:
        found.report |= _coordinate(inputs, seed, over, left, found)
    found.report["left"] = left
    found.report["waiting"] = sorted(r["receipt"] for r in over if r["receipt"] not in found.seats)
    return found


def _coordinate(
    inputs: dict[str, Any], seed: bytes, over: list[Row], left: dict[str, int], found: Solution
) -> dict[str, Any]:
    """Overflow in the order of its rank, siblings together; `left` and `found.seats` are brought up to date."""
    units = list(_units((r for r in over if r["home"]), "household").values())
    schools = [code for code in sorted(left) if left[code] > 0 and code not in inputs["private"]]
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
                asked = (f for f in found.standing.get(row["receipt"], {}).values() if "closed" not in f)
                found.seats[row["receipt"]] = Seat(to[s], "coordinated", Facts(**next(asked, {})), int(distance[i, s]))
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
    room = [code for code in schools if left[code] > 0]
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
