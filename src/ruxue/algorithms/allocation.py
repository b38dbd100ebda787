"""Seats by right: who sits where, from every rule that a district may publish, and why.

The student-optimal stable matching by deferred acceptance (Gale and Shapley 1962), families proposing, with reserved
seats as minimum guarantees (Hafalir, Yenmez and Yildirim 2013) and bound children as units that need several seats.
Nobody has a claim in the result: at no school that a unit likes better are enough seats for all of it free or held by
those placed after it. docs/allocation.md states the rules in full.

Two doors to one engine: `allocate` takes arrays and gives arrays (a city in a second); `place` takes and gives
dataclasses, with the reasons of every wish. Words: a *unit* is a child, or children bound to one another; an *option* is
one line of a unit's list, a school with the right by which it is asked for; a unit is *in line* at the school where it
sits and at all that it likes better.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Literal

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from ruxue.algorithms import draw

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

UNKNOWN = np.iinfo(np.int64).min
"""A tie-breaker that isn't known: placed after all that are."""


class Basis(IntEnum):
    """The right by which a school is asked for."""

    ZONE = 0
    """The child lives in the school's zone."""
    CHOICE = 1
    """The school may be chosen from afar: private, or of a preference round."""
    SIBLING = 2
    """An elder child of the family is a pupil there."""
    FEEDER = 3
    """The child comes up from the school's own lower stage; before everybody else."""
    BUFFER = 4
    """The child lives in the school's buffer zone; after everybody of the zone, the first category only."""


@dataclass(frozen=True)
class Rules:
    """What the district published, beyond categories and tie-breakers.

    `choice_first`: all first choices come before second ones (志愿优先); otherwise choices are parallel (平行志愿).
    `sibling`: children with an elder one at the school come first of all, first in their category, or as others do.
    `loser_last`: at a public school, who put a private one before it goes last in its category (同类靠后).
    `buffer_categories`: how many categories may use a buffer zone, counted from the first.
    """

    choice_first: bool = False
    sibling: Literal["first", "in_category", "none"] = "none"
    loser_last: bool = True
    buffer_categories: int = 1


@dataclass(frozen=True)
class Reserves:
    """Reserved seats, one row for each: they go to the options that name the row first, in the school's order.

    `school`; `seats`, part of the school's plan; `returns`: whether seats that are not used are open to all others.
    """

    school: Ints
    seats: Ints
    returns: NDArray[np.bool_]


@dataclass(frozen=True)
class Locks:
    """Seats locked by dwelling (学位锁定), one row for each pupil who entered through it.

    `dwelling` and `family`: numbers from 0, as in `Market` (one family: the same parents); `school`: where the lock
    holds, -1 for the whole district; `first_year`; `years`: 6 for primary, 3 for junior, 9 for nine-year schools;
    `released`: the pupil has left and the district's rule lets go of the dwelling. The year that a lock ends is free.
    """

    dwelling: Ints
    family: Ints
    school: Ints
    first_year: Ints
    years: Ints
    released: NDArray[np.bool_]


@dataclass(frozen=True)
class Market:
    """All that decides about seats. U units with O options in all, S schools; every number is an integer.

    `start` (U+1): unit u has the options start[u] … start[u+1]-1, most wanted first; `school` (O); `seats` (S);
    `category` (O): place in the strict order of categories, from 0; `keys` (U, K): tie-breakers, the lower before, UNKNOWN
    after all; `tickets` (U, W): the lot as unsigned words (see `ticket_words`); with `option_keys` or `option_tickets`
    these have O rows, for distances to each school or a fresh ticket for each choice; `basis` (O, Basis, default ZONE); `reserve` (O): row of `reserves` or -1; `size` (U): children bound, default 1;
    `private` (S); `dwelling`, `family` (U): for `locks`, -1 where there is none; `year` of the season.
    """

    start: Ints
    school: NDArray[np.int32]
    seats: Ints
    category: NDArray[np.int16]
    keys: Ints
    tickets: Words
    basis: NDArray[np.int8] | None = None
    reserve: NDArray[np.int32] | None = None
    reserves: Reserves | None = None
    size: Ints | None = None
    private: NDArray[np.bool_] | None = None
    dwelling: Ints | None = None
    family: Ints | None = None
    locks: Locks | None = None
    year: int = 0
    option_keys: bool = False
    option_tickets: bool = False
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True)
class Allocation:
    """The result and its reasons, as arrays.

    `option` (U): the option that each unit got, -1 for none; `school` (U): its school or -1; `reserved` (U): the row of
    reserves that seated it or -1; `rank` (O): place among the units in line at the school, from 1 (0: not in line, or
    closed to it); `line` (S): units in line; `last` (S): the worst rank that sits on an open seat (0: nobody);
    `by_ticket` (O): of the batch that straddles the capacity, in which the ticket alone decided; `left` (S) and
    `reserved_left` (R): seats for the next round; `closed` (O): 1 where the dwelling is locked, 2 where the category may
    not use the buffer zone, else 0; `settled`: False in the rare case that bound children left a claim (see docs/allocation.md).
    """

    option: Ints
    school: Ints
    reserved: Ints
    rank: NDArray[np.int32]
    line: Ints
    last: Ints
    by_ticket: NDArray[np.bool_]
    left: Ints
    reserved_left: Ints
    closed: NDArray[np.int8]
    settled: bool


def ticket_words(tickets: Sequence[bytes]) -> Words:
    """Tickets of equal length (a multiple of 8 bytes) as rows of words that compare as the bytes do."""
    if len(tickets) == 0:
        return np.empty((0, 4), np.uint64)
    return np.frombuffer(b"".join(tickets), ">u8").reshape(len(tickets), -1).astype(np.uint64)


def allocate(market: Market) -> Allocation:
    """Gives every unit the best seat that its right and its lot allow. Never over plan; the order of units is nothing.

    Raises ValueError, naming the place, where arrays don't fit each other, a unit lists a school twice, reserves exceed
    the plan, or two units in line at a school have the same standing and the same ticket.
    """
    m = market
    units, options, schools = len(m.start) - 1, len(m.school), len(m.seats)
    start = _array("start", m.start, np.int64)
    school = _array("school", m.school, np.int32)
    seats = _array("seats", m.seats, np.int64)
    category = _array("category", m.category, np.int16, options)
    basis = _array("basis", m.basis, np.int8, options, 0)
    reserve = _array("reserve", m.reserve, np.int32, options, -1)
    size = _array("size", m.size, np.int32, units, 1)
    private = _array("private", m.private, np.bool_, schools, False)
    dwelling = _array("dwelling", m.dwelling, np.int64, units, -1)
    family = _array("family", m.family, np.int64, units, -1)
    reserves = m.reserves or Reserves(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))
    home = _array("reserves.school", reserves.school, np.int64)
    quota = _array("reserves.seats", reserves.seats, np.int64, len(home))
    returns = _array("reserves.returns", reserves.returns, np.bool_, len(home))
    count = np.zeros(schools, np.int64)
    fault, unit = _check(start, school, seats, category, reserve, home, quota, size, count)
    if fault:
        raise ValueError(_FAULTS[fault].format(unit))
    tickets = np.ascontiguousarray(m.tickets, np.uint64)
    layout, parts, spare, own = _standing(m, category, tickets, start)
    locks = _live_locks(m.locks, m.year, int(dwelling.max(initial=-1)))
    cards = np.empty(options + 1, CARD)
    closed = _stand(
        cards,
        start,
        school,
        category,
        basis,
        private,
        own,
        m.option_keys or m.option_tickets,
        layout,
        parts,
        m.rules.buffer_categories,
        dwelling,
        family,
        *locks,
    )
    pools = (seats, home, quota, returns, reserve, size)
    at, pool, dirty, heap, base, held, free = _defer(cards, start, *pools, count, tickets, m.option_tickets)
    settled = True
    if dirty.any():
        waiting = _claimed(
            *(cards, start, schools, home, returns, reserve, size, tickets, m.option_tickets),
            *(at, heap, base, held, free, dirty),
        )
        if waiting.any():
            settled = _repair(cards, start, *pools, count, tickets, m.option_tickets, at, pool, waiting)
    begin, in_line = _lines(cards, start, at, schools)
    rank, last, drawn, tie = _ranks(options, seats, begin, in_line, tickets, m.option_tickets, spare, at, pool)
    line = np.diff(begin)
    if tie[0] >= 0:
        raise ValueError(
            f"units {tie[0]} and {tie[1]} have the same standing and the same ticket: draw tickets before allocating"
        )
    got, at_school, reserved, left, reserved_left = _result(start, school, seats, quota, size, at, pool)
    return Allocation(got, at_school, reserved, rank, line, last, drawn, left, reserved_left, closed, bool(settled))


_FAULTS = {
    1: "unit {}: start must begin with 0, never fall, and end with the number of options",
    2: "unit {}: a school of its list is not among the schools",
    3: "unit {} lists a school twice",
    4: "unit {}: a reserve of its list is not among the reserves, or belongs to another school",
    5: "unit {}: a size must be at least 1, a category at least 0",
    6: "school {}: seats can't be negative, nor its reserves exceed them",
}


def _array(name: str, value: ArrayLike | None, kind: Any, length: int | None = None, default: Any = None) -> Any:
    if value is None:
        return np.full(length or 0, default, kind)
    array = np.asarray(value)
    if array.size and array.dtype != kind and not np.can_cast(array.dtype, kind, "same_kind"):
        raise ValueError(f"{name} holds {array.dtype}, not {np.dtype(kind)}")
    if length is not None and array.shape != (length,):
        raise ValueError(f"{name} has the shape {array.shape}, not ({length},)")
    return np.ascontiguousarray(array, kind)


def _standing(
    m: Market, category: NDArray[np.int16], tickets: Words, start: Ints
) -> tuple[Ints, NDArray[np.uint64], int, Words]:
    """How a standing is packed into one word, so that most comparisons touch nothing else.

    The highest bit is 0, so that no standing is NEVER. Then from above: tier, choice number, category, loser, no sibling,
    tie-breakers, first bits of the ticket. Returns the layout, the parts that a basis decides, how many bits are the
    ticket's, and the low bits of each unit, or of each option where keys or tickets are.
    """
    keys, units, options = np.asarray(m.keys), len(start) - 1, len(m.school)
    for name, rows, per_option in (("keys", keys, m.option_keys), ("tickets", tickets, m.option_tickets)):
        if rows.ndim != 2 or len(rows) != (options if per_option else units):
            raise ValueError(f"{name} has the shape {rows.shape}, not {options if per_option else units} rows of words")
    choices = int(np.diff(start).max(initial=1)) if m.rules.choice_first else 0
    bits = [2, choices.bit_length(), int(category.max(initial=0)).bit_length(), 1, 1]
    own, width = _pack(keys.astype(np.int64, copy=False), 63 - sum(bits))
    spare = 63 - sum(bits) - width
    first = np.zeros(len(tickets), np.uint64)
    if spare and tickets.shape[1]:
        first = tickets[:, 0] >> np.uint64(64 - spare)
    if m.option_keys != m.option_tickets:
        of = np.repeat(np.arange(units), np.diff(start))
        own, first = (own, first[of]) if m.option_keys else (own[of], first)
    layout = np.array([*(63 - np.cumsum(bits)), m.rules.choice_first, m.rules.loser_last], np.int64)
    tier = [2, 2, 1 if m.rules.sibling == "first" else 2, 0, 3]
    no_sibling = [1, 1, 0 if m.rules.sibling == "in_category" else 1, 1, 1]
    return layout, np.array([tier, no_sibling], np.uint64), spare, (own << np.uint64(spare)) | first


def _pack(keys: Ints, room: int) -> tuple[Words, int]:
    """Each row's tie-breakers as one word that compares as they do, and the bits that it takes (at most `room`)."""
    word = np.zeros(len(keys), np.uint64)
    width = 0
    for column in keys.T:
        unknown = column == UNKNOWN
        some = bool(unknown.any())
        known = column[~unknown] if some else column
        low, high = (int(known.min()), int(known.max())) if known.size else (0, -1)
        bits = (high - low + int(some)).bit_length()
        width += bits
        if width > room:
            return _pack_ranks(keys, room)
        place = column - low
        if some:
            place[unknown] = high - low + 1
        word <<= np.uint64(bits)
        word |= place.astype(np.uint64)
    return word, width


def _pack_ranks(keys: Ints, room: int) -> tuple[Words, int]:
    """As `_pack`, for tie-breakers of so wide a range that only their order fits."""
    columns = [part for column in keys.T for part in (column == UNKNOWN, column)]
    order = np.lexsort(columns[::-1])
    sorted_keys = keys[order]
    step = (sorted_keys[1:] != sorted_keys[:-1]).any(axis=1)
    word = np.empty(len(keys), np.uint64)
    word[order] = np.concatenate([[0], np.cumsum(step)])
    width = int(step.sum()).bit_length()
    if width > room:
        raise ValueError(f"{len(keys)} rows with as many standings are more than the engine can tell apart")
    return word, width


def _live_locks(locks: Locks | None, year: int, highest: int) -> Any:
    """The locks in force, by dwelling: where each dwelling's begin, their families, their schools."""
    if locks is None:
        return np.zeros(highest + 2, np.int32), np.empty(0, np.int32), np.empty(0, np.int32)
    live = (year >= locks.first_year) & (year < locks.first_year + locks.years) & ~locks.released
    live &= (locks.dwelling >= 0) & (locks.dwelling <= highest)
    order = np.argsort(locks.dwelling[live], kind="stable")
    begin = np.zeros(highest + 2, np.int32)
    begin[1:] = np.cumsum(np.bincount(locks.dwelling[live], minlength=highest + 1))
    return begin, locks.family[live][order].astype(np.int32), locks.school[live][order].astype(np.int32)


@dataclass(frozen=True)
class School:
    """A school with its plan. `reserves`: reserved seats by name, part of `seats`; those in `kept` stay empty if unused."""

    code: str
    seats: int
    private: bool = False
    reserves: Mapping[str, int] = field(default_factory=dict)
    kept: Collection[str] = ()


@dataclass(frozen=True)
class Wish:
    """A school that a child asks for, the child's category there (from 0), its right, and a reserve that it may use."""

    school: str
    category: int
    basis: Basis = Basis.ZONE
    reserve: str | None = None


@dataclass(frozen=True)
class Applicant:
    """A child: wishes, most wanted first; tie-breakers, the lower before, None after all; `group` if bound to others.

    `dwelling` and `family` (the same parents) are what seat locks look at.
    """

    code: str
    wishes: Sequence[Wish]
    keys: Sequence[int | None] = ()
    group: str | None = None
    dwelling: str | None = None
    family: str | None = None


@dataclass(frozen=True)
class Lock:
    """A seat locked by dwelling; see `Locks`. `school` None: in the whole district."""

    dwelling: str
    family: str
    first_year: int
    years: int
    school: str | None = None
    released: bool = False


class Outcome(StrEnum):
    """How a wish ended: the rule that decided it."""

    SEATED = "seated"
    RESERVED = "reserved"
    """Seated on a reserved seat."""
    FULL = "full"
    """All seats went to units placed before it."""
    GROUP_TOO_LARGE = "group_too_large"
    """Some seats were left when its turn came, but not for all of the bound children."""
    LOCKED = "locked"
    """Another family's pupil entered through the dwelling, and the lock still holds."""
    BUFFER_CLOSED = "buffer_closed"
    """The buffer zone is open to the first category only."""
    NOT_NEEDED = "not_needed"
    """A seat that the family wanted more was given."""
    UNSETTLED = "unsettled"
    """Bound children left seats that this unit could take: for a person to decide."""


@dataclass(frozen=True)
class Standing:
    """One wish and how it ended: what the answer to "why not this school" needs.

    `rank` among the `line` units in line (0: not in line); `last_rank`, `last_category`: of the last one on an open seat;
    `by_ticket`: of the batch that straddles the capacity, in which the ticket alone decided.
    """

    school: str
    category: int
    basis: Basis
    outcome: Outcome
    rank: int
    line: int
    seats: int
    last_rank: int | None
    last_category: int | None
    by_ticket: bool


@dataclass(frozen=True)
class Placement:
    """A child's seat (None: none) and how each of the unit's wishes ended, most wanted first."""

    applicant: str
    school: str | None
    standings: tuple[Standing, ...]


@dataclass(frozen=True)
class Placements:
    """All placements in the order of the applicants, and what is left for the next round: seats, and reserved ones."""

    placements: list[Placement]
    left: dict[str, int]
    reserved_left: dict[tuple[str, str], int]
    settled: bool


def wishes(
    category: int,
    zone: Sequence[str],
    preferences: Sequence[str] = (),
    *,
    feeder: str | None = None,
    declines_feeder: bool = False,
    sibling_at: Collection[str] = (),
    buffer: Sequence[str] = (),
    choices: Collection[str] = (),
) -> tuple[list[Wish], list[str]]:
    """A child's wishes from where it lives and what its family chose, and the schools that it has no right to ask for.

    The feeder's school comes first unless the family declines it; then `preferences` in the family's order; then the
    schools of its zone that it did not list (one or several, in the zone's order), so that leaving a list empty loses no
    right; then its buffer zones. `choices` are the schools that anybody may choose, such as private ones.
    """
    rights: list[tuple[Basis, Collection[str]]] = [
        (Basis.FEEDER, () if feeder is None or declines_feeder else (feeder,)),
        (Basis.SIBLING, sibling_at),
        (Basis.ZONE, zone),
        (Basis.CHOICE, choices),
        (Basis.BUFFER, buffer),
    ]
    listed = dict.fromkeys([*rights[0][1], *preferences, *zone, *buffer])
    found = {school: next((basis for basis, where in rights if school in where), None) for school in listed}
    return (
        [Wish(school, category, basis) for school, basis in found.items() if basis is not None],
        [school for school, basis in found.items() if basis is None],
    )


def unit_tickets(applicants: Iterable[Applicant], seed: bytes, fresh: bool = False) -> dict[str, bytes]:
    """The protocol's ticket of each unit (group or code); with `fresh`, one for each choice, by "unit/number"."""
    if not fresh:
        return {unit: draw.ticket(seed, unit) for unit in {a.group or a.code for a in applicants}}
    names = {f"{a.group or a.code}/{number + 1}" for a in applicants for number in range(len(a.wishes))}
    return {name: draw.ticket(seed, name) for name in names}


def interval_tickets(units: Sequence[str], start: int, interval: int) -> dict[str, bytes]:
    """Tickets by Nanchang's mode: `units` are numbered from 1 as listed and drawn by start number and interval."""
    drawn = draw.start_and_interval(len(units), start, interval, len(units))
    return {units[number - 1]: place.to_bytes(8, "big") for place, number in enumerate(drawn)}


def place(
    applicants: Sequence[Applicant],
    schools: Sequence[School],
    tickets: Mapping[str, bytes],
    rules: Rules | None = None,
    locks: Iterable[Lock] = (),
    year: int = 0,
    fresh: bool = False,
) -> Placements:
    """Gives every child its seat, with the reasons; the rules are those of `allocate`.

    `tickets` by unit, or by "unit/number of the choice" with `fresh`, all of one length. Children of a group are one
    unit: it asks for the schools that all of them list, in the order of the least wanted place that any of them gave it,
    and stands where its last member stands. Raises ValueError, naming it, for a school, reserve or ticket that isn't there,
    or codes that occur twice.
    """
    index = {school.code: s for s, school in enumerate(schools)}
    if len(index) < len(schools) or len({a.code for a in applicants}) < len(applicants):
        raise ValueError("a code of a school or an applicant occurs twice")
    rows = [(s.code, name) for s in schools for name in s.reserves]
    row_of = {row: r for r, row in enumerate(rows)}
    units: dict[str, list[Applicant]] = {}
    for applicant in applicants:
        units.setdefault(applicant.group or applicant.code, []).append(applicant)
    lists = [_common(members) for members in units.values()]
    flat = [wish for wanted in lists for wish in wanted]
    for wish in flat:
        if wish.school not in index:
            raise ValueError(f"a wish names the school {wish.school!r}, which is not among the schools")
        if wish.reserve is not None and (wish.school, wish.reserve) not in row_of:
            raise ValueError(f"the school {wish.school!r} has no reserve {wish.reserve!r}")
    names = [f"{u}/{n + 1}" for u, wanted in zip(units, lists, strict=True) for n in range(len(wanted))]
    names = names if fresh else list(units)
    if missing := next((name for name in names if name not in tickets), None):
        raise ValueError(f"{missing!r} has no ticket")
    width = max((len(a.keys) for a in applicants), default=0)
    keys = [_last_keys(members, width) for members in units.values()]
    sizes = np.array([len(members) for members in units.values()], np.int64)
    lengths = np.array([len(wanted) for wanted in lists], np.int64)
    every = list(locks)
    dwellings = {d: n for n, d in enumerate(dict.fromkeys(lock.dwelling for lock in every))}
    families: dict[str | None, int] = {}
    leads = [members[0] for members in units.values()]
    market = Market(
        start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        school=np.array([index[w.school] for w in flat], np.int32),
        seats=np.array([s.seats for s in schools], np.int64),
        category=np.array([w.category for w in flat], np.int16),
        keys=np.array(keys, np.int64).reshape(len(units), width),
        tickets=ticket_words([tickets[name] for name in names]),
        basis=np.array([w.basis for w in flat], np.int8),
        reserve=np.array([-1 if w.reserve is None else row_of[w.school, w.reserve] for w in flat], np.int32),
        reserves=Reserves(
            np.array([index[code] for code, _ in rows], np.int64),
            np.array([schools[index[code]].reserves[name] for code, name in rows], np.int64),
            np.array([name not in schools[index[code]].kept for code, name in rows], np.bool_),
        ),
        size=sizes,
        private=np.array([s.private for s in schools], np.bool_),
        dwelling=np.array([dwellings.get(a.dwelling or "", -1) for a in leads], np.int64),
        family=np.array([families.setdefault(a.family, len(families)) for a in leads], np.int64),
        locks=Locks(
            np.array([dwellings[lock.dwelling] for lock in every], np.int64),
            np.array([families.setdefault(lock.family, len(families)) for lock in every], np.int64),
            np.array([-1 if lock.school is None else index.get(lock.school, -2) for lock in every], np.int64),
            np.array([lock.first_year for lock in every], np.int64),
            np.array([lock.years for lock in every], np.int64),
            np.array([lock.released for lock in every], np.bool_),
        ),
        year=year,
        option_tickets=fresh,
        rules=rules or Rules(),
    )
    result = allocate(market)
    told = _tell(market, result, flat, schools)
    of_unit = {unit: u for u, unit in enumerate(units)}
    placements = []
    for applicant in applicants:
        u = of_unit[applicant.group or applicant.code]
        got = int(result.school[u])
        standings = tuple(told[market.start[u] : market.start[u + 1]])
        placements.append(Placement(applicant.code, schools[got].code if got >= 0 else None, standings))
    return Placements(
        placements,
        {s.code: int(n) for s, n in zip(schools, result.left, strict=True)},
        {row: int(n) for row, n in zip(rows, result.reserved_left, strict=True)},
        result.settled,
    )


def _common(members: Sequence[Applicant]) -> Sequence[Wish]:
    """The wishes of bound children: the schools that all of them list; the lesser right where theirs differ."""
    if len(members) == 1:
        return members[0].wishes
    places = [{wish.school: (n, wish) for n, wish in enumerate(a.wishes)} for a in members]
    shared = [school for school in places[0] if all(school in other for other in places)]
    shared.sort(key=lambda s: (max(p[s][0] for p in places), sum(p[s][0] for p in places), s))
    return [
        max((p[s][1] for p in places), key=lambda w: (w.category, _RIGHT.index(w.basis), w.reserve is None))
        for s in shared
    ]


_RIGHT = [Basis.FEEDER, Basis.SIBLING, Basis.ZONE, Basis.CHOICE, Basis.BUFFER]


def _last_keys(members: Sequence[Applicant], width: int) -> list[int]:
    """The tie-breakers of the member placed last."""
    full = [[*a.keys, *[None] * (width - len(a.keys))] for a in members]
    last = max(full, key=lambda keys: [(k is None, k or 0) for k in keys])
    return [UNKNOWN if k is None else k for k in last]


def _tell(m: Market, result: Allocation, flat: Sequence[Wish], schools: Sequence[School]) -> list[Standing]:
    """How each option ended, in words that a page can use."""
    unit = np.repeat(np.arange(len(m.start) - 1), np.diff(m.start))
    assert m.size is not None and m.reserves is not None
    size, kept = m.size, ~m.reserves.returns
    open_seat = (result.option[unit] == np.arange(len(flat))) & (result.reserved[unit] < 0)
    ahead = np.zeros(len(flat), np.int64)
    room, last_of = [], []
    for s in range(len(schools)):
        line = np.flatnonzero((m.school == s) & (result.rank > 0))
        line = line[np.argsort(result.rank[line])]
        taken = np.where(open_seat[line], size[unit[line]], 0)
        ahead[line] = np.cumsum(taken) - taken
        room.append(int(taken.sum() + result.left[s] - result.reserved_left[kept & (m.reserves.school == s)].sum()))
        last_of.append(int(line[result.last[s] - 1]) if result.last[s] else -1)
    told = []
    for o, wish in enumerate(flat):
        s, u = int(m.school[o]), int(unit[o])
        got = int(result.option[u])
        if got == o:
            outcome = Outcome.RESERVED if result.reserved[u] >= 0 else Outcome.SEATED
        elif result.closed[o]:
            outcome = Outcome.LOCKED if result.closed[o] == 1 else Outcome.BUFFER_CLOSED
        elif 0 <= got < o:
            outcome = Outcome.NOT_NEEDED
        elif room[s] - ahead[o] >= size[u]:
            outcome = Outcome.UNSETTLED
        else:
            outcome = Outcome.FULL if room[s] <= ahead[o] else Outcome.GROUP_TOO_LARGE
        last = last_of[s]
        told.append(
            Standing(
                wish.school,
                wish.category,
                wish.basis,
                outcome,
                int(result.rank[o]),
                int(result.line[s]),
                int(m.seats[s]),
                int(result.last[s]) or None,
                flat[last].category if last >= 0 else None,
                bool(result.by_ticket[o]),
            )
        )
    return told


@njit(cache=True)
def _check(
    start: Ints,
    school: Ints,
    seats: Ints,
    category: Ints,
    reserve: Ints,
    home: Ints,
    quota: Ints,
    size: Ints,
    count: Ints,
) -> tuple[int, int]:
    """The first fault as (its number, unit or school), or (0, 0); counts the options of each school."""
    kept = np.zeros(seats.size, np.int64)
    for r in range(home.size):
        if home[r] < 0 or home[r] >= seats.size or quota[r] < 0:
            return 6, home[r]
        kept[home[r]] += quota[r]
    for s in range(seats.size):
        if seats[s] < kept[s]:
            return 6, s
    if start.size == 0 or start[0] != 0 or start[-1] != school.size:
        return 1, 0
    for u in range(start.size - 1):
        if start[u] > start[u + 1]:
            return 1, u
        if size[u] < 1:
            return 5, u
        for o in range(start[u], start[u + 1]):
            s = school[o]
            if s < 0 or s >= seats.size:
                return 2, u
            count[s] += 1
            if category[o] < 0:
                return 5, u
            for before in range(start[u], o):
                if school[before] == s:
                    return 3, u
            r = reserve[o]
            if r < -1 or r >= home.size or (r >= 0 and home[r] != s):
                return 4, u
    return 0, 0


CARD = np.dtype([("word", np.uint64), ("school", np.int32), ("unit", np.int32)])
PLACE = np.dtype([("word", np.uint64), ("option", np.int32), ("unit", np.int32)])
NEVER = np.uint64(0xFFFFFFFFFFFFFFFF)
PATIENCE = 100  # how often a school looks again at what bound children left behind


@njit(cache=True)
def _stand(
    cards: Any,
    start: Ints,
    school: Any,
    category: Any,
    basis: Any,
    private: Any,
    own: Words,
    per_option: bool,
    layout: Ints,
    parts: Words,
    buffer_categories: int,
    dwelling: Ints,
    family: Ints,
    lock_start: Ints,
    lock_family: Ints,
    lock_school: Ints,
) -> Any:
    """Fills each option's card: standing as one word (the lower before), school, unit; says why it can't be used."""
    closed = np.zeros(school.size, np.int8)
    tier, choice, below, loser, sibling = layout[0], layout[1], layout[2], layout[3], layout[4]
    for u in range(start.size - 1):
        lost = np.uint64(0)
        d = dwelling[u]
        lock, locks = (lock_start[d], lock_start[d + 1]) if d >= 0 else (0, 0)
        for o in range(start[u], start[u + 1]):
            s, b = school[o], basis[o]
            w = (parts[0, b] << np.uint64(tier)) | (np.uint64(category[o]) << np.uint64(below))
            w |= parts[1, b] << np.uint64(sibling)
            if layout[5]:
                w |= np.uint64(o - start[u]) << np.uint64(choice)
            if private[s]:
                lost = np.uint64(layout[6])
            else:
                w |= lost << np.uint64(loser)
            if b == 4 and category[o] >= buffer_categories:
                closed[o] = 2
            elif lock < locks and (b == 0 or b == 4):
                for k in range(lock, locks):
                    if (lock_school[k] == s or lock_school[k] == -1) and lock_family[k] != family[u]:
                        closed[o] = 1
            cards[o].word = NEVER if closed[o] else w | own[o if per_option else u]
            cards[o].school = s
            cards[o].unit = u
    cards[school.size].unit = -1
    return closed


@njit(cache=True)
def _after(tickets: Words, row1: int, row2: int) -> bool:
    """Whether, of two equal standings, the first's ticket is drawn later; a tie, which _ranks reports, is by row."""
    for k in range(tickets.shape[1]):
        if tickets[row1, k] != tickets[row2, k]:
            return bool(tickets[row1, k] > tickets[row2, k])
    return row1 > row2


@njit(cache=True)
def _push(heap: Any, tickets: Words, per_option: bool, base: int, n: int, word: Any, o: int, u: int) -> None:
    """Puts option o of unit u at the n-th place of the heap that begins at base; on top is the last in standing."""
    j = n
    while j > 0:
        q = (j - 1) >> 1
        x = heap[base + q]
        if x.word > word or (
            x.word == word and not _after(tickets, o if per_option else u, x.option if per_option else x.unit)
        ):
            break
        heap[base + j] = x
        j = q
    heap[base + j].word = word
    heap[base + j].option = o
    heap[base + j].unit = u


@njit(cache=True)
def _sink(heap: Any, tickets: Words, per_option: bool, base: int, n: int, word: Any, o: int, u: int) -> None:
    """Puts option o of unit u in place of the top of the heap of n that begins at base."""
    j = 0
    while True:
        q = 2 * j + 1
        if q >= n:
            break
        x = heap[base + q]
        if q + 1 < n:
            y = heap[base + q + 1]
            if y.word > x.word or (
                y.word == x.word
                and _after(tickets, y.option if per_option else y.unit, x.option if per_option else x.unit)
            ):
                q += 1
                x = y
        if x.word < word or (
            x.word == word and not _after(tickets, x.option if per_option else x.unit, o if per_option else u)
        ):
            break
        heap[base + j] = x
        j = q
    heap[base + j].word = word
    heap[base + j].option = o
    heap[base + j].unit = u


@njit(cache=True)
def _trim(
    heap: Any, tickets: Words, per_option: bool, p: int, base: int, free: Ints, held: Ints, size: Any, out: Any
) -> tuple[int, bool]:
    """Sends away from pool p those last in standing until it is within its seats; what still fits comes back.

    Writes the places sent away to `out`; returns how many, and whether some sent away earlier might now fit.
    """
    n = 0
    while free[p] < 0:
        out[n] = heap[base]
        free[p] += size[out[n].unit]
        n += 1
        held[p] -= 1
        if held[p]:
            x = heap[base + held[p]]
            _sink(heap, tickets, per_option, base, held[p], x.word, x.option, x.unit)
    gone = n
    for k in range(n - 2, -1, -1):  # out[n-1] overflowed; those after it in standing return where they fit
        if size[out[k].unit] <= free[p]:
            _push(heap, tickets, per_option, base, held[p], out[k].word, out[k].option, out[k].unit)
            held[p] += 1
            free[p] -= size[out[k].unit]
            gone -= 1
            for j in range(k, gone):
                out[j] = out[j + 1]
    return gone, n > 0 and (gone < n or free[p] > 0)


@njit(cache=True)
def _defer(
    cards: Any,
    start: Ints,
    seats: Ints,
    home: Ints,
    quota: Ints,
    returns: Any,
    reserve: Any,
    size: Any,
    count: Ints,
    tickets: Words,
    per_option: bool,
) -> Any:
    """Deferred acceptance. Pool s holds the open seats of school s, pool S+r those of reserve r.

    Returns for each unit its option (the end of its list: none) and its pool; for each school whether bound children
    that were sent away left seats which others, sent away before, might take (1: open ones only); and the pools.
    """
    schools, n = seats.size, start.size - 1
    total = schools + home.size
    free = np.empty(total, np.int64)
    free[:schools] = seats
    for r in range(home.size):
        free[schools + r] = quota[r]
        if not returns[r]:
            free[home[r]] -= quota[r]
    base = np.zeros(total + 1, np.int64)
    for p in range(total):
        s = p if p < schools else home[p - schools]
        base[p + 1] = base[p] + min(free[p], count[s]) + 1
    heap = np.empty(base[total], PLACE)
    held = np.zeros(total, np.int64)
    dirty = np.zeros(schools, np.int8)
    largest = size.max() if n else 1
    bound = largest > 1
    moved = np.empty(largest + 2, PLACE)
    out = np.empty(largest + 2, PLACE)
    stack = np.empty(n + 1, np.int32)  # options to be tried next
    for first in range(n):
        if start[first] == start[first + 1]:
            continue
        top = 1
        stack[0] = start[first]
        while top:
            top -= 1
            o = stack[top]
            u = cards[o].unit
            r, p = -1, -1
            while cards[o].unit == u:
                word, s = cards[o].word, cards[o].school
                if word == NEVER:
                    o += 1
                    continue
                if home.size:
                    r = reserve[o]
                    if r >= 0 and size[u] > quota[r]:
                        r = -1
                p = s if r < 0 else schools + r
                if free[s] != 0 or (bound and size[u] > 1) or free[p] != 0:
                    break
                group = False
                while True:  # the common case, one in, one out: of the reserved seats, then of the open ones
                    b = base[p]
                    x = heap[b]
                    y = x.option
                    v = x.unit
                    if held[p] and (
                        word < x.word
                        or (word == x.word and _after(tickets, y if per_option else v, o if per_option else u))
                    ):
                        group = bound and size[v] > 1
                        if group:
                            break
                        w = x.word
                        _sink(heap, tickets, per_option, b, held[p], word, o, u)
                        word, o, u = w, y, v
                    if p == s:
                        break
                    p = s
                if group:
                    p = s if r < 0 else schools + r
                    break
                o += 1
            if cards[o].unit != u:
                continue
            word, s, z = cards[o].word, cards[o].school, size[u]
            come = 1
            if p != s:
                before = free[p]
                _push(heap, tickets, per_option, base[p], held[p], word, o, u)
                held[p] += 1
                free[p] -= z
                come = 0
                if free[p] < 0:
                    come, loose = _trim(heap, tickets, per_option, p, base[p], free, held, size, moved)
                    dirty[s] |= 2 * loose
                if returns[r]:
                    free[s] += free[p] - before
            else:
                moved[0].word = word
                moved[0].option = o
                moved[0].unit = u
            for k in range(max(come, 1)):  # the open seats shrink even where nobody comes to them
                if come:
                    x = moved[k]
                    _push(heap, tickets, per_option, base[s], held[s], x.word, x.option, x.unit)
                    held[s] += 1
                    free[s] -= size[x.unit]
                if free[s] >= 0:
                    continue
                gone, loose = _trim(heap, tickets, per_option, s, base[s], free, held, size, out)
                dirty[s] |= loose
                for j in range(gone):
                    if cards[out[j].option + 1].unit == out[j].unit:
                        stack[top] = out[j].option + 1
                        top += 1
    at = start[1:].copy()
    pool = np.full(n, -1, np.int32)
    for p in range(total):
        for k in range(base[p], base[p] + held[p]):
            at[heap[k].unit] = heap[k].option
            pool[heap[k].unit] = p
    return at, pool, dirty, heap, base, held, free


@njit(cache=True)
def _lines(cards: Any, start: Ints, until: Ints, schools: int) -> Any:
    """The options of each school that can be used, up to `until` of each unit: where each line begins, the lines."""
    begin = np.zeros(schools + 1, np.int64)
    for u in range(start.size - 1):
        for o in range(start[u], min(until[u] + 1, start[u + 1])):
            if cards[o].word != NEVER:
                begin[cards[o].school + 1] += 1
    for s in range(schools):
        begin[s + 1] += begin[s]
    filled = begin[:-1].copy()
    lines = np.empty(begin[schools], PLACE)
    for u in range(start.size - 1):
        for o in range(start[u], min(until[u] + 1, start[u + 1])):
            word, s = cards[o].word, cards[o].school
            if word != NEVER:
                lines[filled[s]].word = word
                lines[filled[s]].option = o
                lines[filled[s]].unit = u
                filled[s] += 1
    return begin, lines


@njit(cache=True)
def _sort(tickets: Words, per_option: bool, line: Any) -> None:
    """Sorts the places in one school's line by standing."""
    words = np.empty(line.size, np.uint64)
    for i in range(line.size):
        words[i] = line[i].word
    line[:] = line[np.argsort(words)]
    for i in range(1, line.size):
        if line[i].word != line[i - 1].word:
            continue
        word, option, unit = line[i].word, line[i].option, line[i].unit
        j = i
        while j > 0 and line[j - 1].word == word:
            x = line[j - 1]
            if not _after(tickets, x.option if per_option else x.unit, option if per_option else unit):
                break
            line[j] = x
            j -= 1
        line[j].word = word
        line[j].option = option
        line[j].unit = unit


@njit(cache=True)
def _claimed(
    cards: Any,
    start: Ints,
    schools: int,
    home: Ints,
    returns: Any,
    reserve: Any,
    size: Any,
    tickets: Words,
    per_option: bool,
    at: Ints,
    heap: Any,
    base: Ints,
    held: Ints,
    free: Ints,
    dirty: Any,
) -> Any:
    """Of the schools in doubt, those where somebody has a claim: enough seats for all of it are free or behind it."""
    claimed = np.zeros(schools, np.bool_)
    for r in range(home.size):  # seats kept for the reserve, while some who may use it sit on open ones
        s = home[r]
        if dirty[s] >= 2 and not returns[r]:
            for k in range(base[s], base[s] + held[s]):
                x = heap[k]
                claimed[s] |= reserve[x.option] == r and size[x.unit] <= free[schools + r]
    for u in range(start.size - 1):
        for o in range(start[u], at[u]):
            word, s = cards[o].word, np.int64(cards[o].school)
            if not dirty[s] or claimed[s] or word == NEVER:
                continue
            for p in (s, s if reserve[o] < 0 else schools + reserve[o]):
                x = heap[base[p]]
                if free[p] < size[u] and not (held[p] and word <= x.word):
                    continue
                behind = free[p]
                for k in range(base[p], base[p] + held[p]):
                    x = heap[k]
                    if word < x.word or (
                        word == x.word and _after(tickets, x.option if per_option else x.unit, o if per_option else u)
                    ):
                        behind += size[x.unit]
                claimed[s] |= behind >= size[u]
    return claimed


@njit(cache=True)
def _choose(
    s: int,
    only: int,
    line: Any,
    kept: int,
    seats: Ints,
    quota: Ints,
    returns: Any,
    reserve: Any,
    size: Any,
    at: Ints,
    rest: Ints,
    chosen: Ints,
) -> None:
    """What school s chooses among those who sit there and those who want to (or `only` one of these).

    By standing: first into the reserved seats, then into the open ones; a unit that does not fit is passed over.
    Writes each option's pool into `chosen`, -1 for none and -2 for those who don't ask.
    """
    room = seats[s] - kept
    for place in line:
        r = reserve[place.option]
        if r >= 0:
            rest[r] = quota[r]
    for i in range(line.size):
        o, u = line[i].option, line[i].unit
        r = reserve[o]
        chosen[i] = -1 if at[u] == o or (at[u] > o and (only < 0 or u == only)) else -2
        if chosen[i] == -1 and r >= 0 and rest[r] >= size[u]:
            rest[r] -= size[u]
            if returns[r]:
                room -= size[u]
            chosen[i] = seats.size + r
    for i in range(line.size):
        if chosen[i] == -1 and room >= size[line[i].unit]:
            room -= size[line[i].unit]
            chosen[i] = s


@njit(cache=True)
def _repair(
    cards: Any,
    start: Ints,
    seats: Ints,
    home: Ints,
    quota: Ints,
    returns: Any,
    reserve: Any,
    size: Any,
    count: Ints,
    tickets: Words,
    per_option: bool,
    at: Ints,
    pool: Any,
    dirty: Any,
) -> bool:
    """Where bound children left seats behind, lets those who want them come, until nobody has a claim.

    Changes `at` and `pool`. Such a placement need not exist once sizes differ: a school that changed its choice too
    often calls nobody back any more, and the answer is False.
    """
    schools = seats.size
    kept = np.zeros(schools, np.int64)
    for r in range(home.size):
        if not returns[r]:
            kept[home[r]] += quota[r]
    rest = np.empty(home.size, np.int64)
    visits = np.zeros(schools, np.int64)
    below = np.full(start.size - 1, -1, np.int64)  # the last option that sent a unit away
    chosen = np.empty(count.max(), np.int64)
    begin = np.zeros(schools + 1, np.int64)
    for s in range(schools):
        begin[s + 1] = begin[s] + count[s]
    end = begin[:-1].copy()
    order = np.empty(cards.size - 1, np.int32)
    for o in range(cards.size - 1):
        if cards[o].word != NEVER:
            s = cards[o].school
            order[end[s]] = o
            end[s] += 1
    room = np.empty(count.max(), PLACE)
    queue = [s for s in range(schools) if dirty[s]]
    loose = [0 for _ in range(0)]
    settled = True
    head = 0
    while head < len(queue) or loose:
        v = loose.pop() if loose else -1
        if v >= 0 and at[v] < start[v + 1]:
            continue
        for o in range(start[v] if v >= 0 else 0, start[v + 1] if v >= 0 else 1):
            if v >= 0:
                if cards[o].word == NEVER:
                    continue
                s = cards[o].school
            else:
                s = queue[head]
                head += 1
                dirty[s] = False
            line = room[: end[s] - begin[s]]
            for i in range(line.size):
                line[i].option = order[begin[s] + i]
                line[i].word = cards[line[i].option].word
                line[i].unit = cards[line[i].option].unit
            if visits[s] == 0:
                _sort(tickets, per_option, line)
                for i in range(line.size):
                    order[begin[s] + i] = line[i].option
            visits[s] += 1
            tired = visits[s] > PATIENCE
            settled &= not tired
            if tired and (v < 0 or o <= below[v]):
                continue
            _choose(s, v if tired else -1, line, kept[s], seats, quota, returns, reserve, size, at, rest, chosen)
            for i in range(line.size):
                taken, u = line[i].option, line[i].unit
                if chosen[i] >= 0:
                    if at[u] != taken and at[u] < start[u + 1]:
                        old = cards[at[u]].school
                        if not dirty[old]:
                            dirty[old] = True
                            queue.append(old)
                    at[u] = taken
                    pool[u] = chosen[i]
                elif at[u] == taken:
                    at[u] = start[u + 1]
                    pool[u] = -1
                    below[u] = taken
                    loose.append(u)
            if v >= 0 and at[v] < start[v + 1]:
                break
    return settled


@njit(cache=True)
def _result(start: Ints, school: Any, seats: Ints, quota: Ints, size: Any, at: Ints, pool: Any) -> Any:
    """Each unit's option, school and reserve, -1 for none; the seats and the reserved seats that are left."""
    got = np.full(at.size, -1, np.int64)
    at_school = np.full(at.size, -1, np.int64)
    reserved = np.full(at.size, -1, np.int64)
    left, reserved_left = seats.copy(), quota.copy()
    for u in range(at.size):
        if at[u] < start[u + 1]:
            got[u] = at[u]
            at_school[u] = school[at[u]]
            left[at_school[u]] -= size[u]
            if pool[u] >= seats.size:
                reserved[u] = pool[u] - seats.size
                reserved_left[reserved[u]] -= size[u]
    return got, at_school, reserved, left, reserved_left


@njit(cache=True)
def _ranks(
    options: int,
    seats: Ints,
    begin: Ints,
    lines: Any,
    tickets: Words,
    per_option: bool,
    spare: int,
    at: Ints,
    pool: Any,
) -> Any:
    """Everybody's place in line at each school, how each line ends, and two units that can't be told apart."""
    rank = np.zeros(options, np.int32)
    last = np.zeros(seats.size, np.int64)
    drawn = np.zeros(options, np.bool_)
    tie = np.full(2, -1, np.int64)
    for s in range(seats.size):
        line = lines[begin[s] : begin[s + 1]]
        _sort(tickets, per_option, line)
        refused = -1
        for i in range(line.size):
            o, u = line[i].option, line[i].unit
            rank[o] = i + 1
            if at[u] != o:
                refused = i if refused < 0 else refused
            elif pool[u] == s:
                last[s] = i + 1
                refused = -1
            if i > 0 and line[i].word == line[i - 1].word:
                x = line[i - 1]
                row1, row2 = (x.option, o) if per_option else (x.unit, u)
                if (tickets[row1] == tickets[row2]).all():
                    tie[0], tie[1] = x.unit, u
        if refused >= 0 and last[s]:
            batch = line[last[s] - 1].word >> np.uint64(spare)
            if line[refused].word >> np.uint64(spare) == batch:
                for x in line:
                    drawn[x.option] = x.word >> np.uint64(spare) == batch
    return rank, last, drawn, tie
