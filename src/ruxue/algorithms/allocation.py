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
from numpy.typing import ArrayLike, NDArray

from ruxue.algorithms import deferred, draw

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

UNKNOWN = deferred.UNKNOWN
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
    tickets = np.ascontiguousarray(m.tickets, np.uint64)
    right, shifts, words = _standing(m, category, tickets)
    locks = _live_locks(m.locks, m.year, int(dwelling.max(initial=-1)))
    cards, closed, count = deferred.stand(
        *(start, school, seats, size),
        (category, basis, private, reserve, home, quota),
        (right, shifts, words, m.option_keys, tickets, m.option_tickets),
        (m.rules.choice_first, m.rules.loser_last, m.rules.buffer_categories),
        (dwelling, family, *locks),
    )
    at, pool, settled = deferred.accept(
        cards, start, school, seats, home, quota, returns, size, count, tickets, m.option_tickets
    )
    rank, line, last, drawn, tie = deferred.explain(
        cards, closed, start, school, schools, tickets, m.option_tickets, shifts[-1], at, pool
    )
    if tie[0] >= 0:
        raise ValueError(
            f"units {tie[0]} and {tie[1]} have the same standing and the same ticket: draw tickets before allocating"
        )
    got, at_school, reserved, left, reserved_left = deferred.outcome(start, school, seats, quota, size, at, pool)
    return Allocation(got, at_school, reserved, rank, line, last, drawn, left, reserved_left, closed, settled)


def _array(name: str, value: ArrayLike | None, kind: Any, length: int | None = None, default: Any = None) -> Any:
    if value is None:
        return np.full(length or 0, default, kind)
    array = np.asarray(value)
    if array.size and array.dtype != kind and not np.can_cast(array.dtype, kind, "same_kind"):
        raise ValueError(f"{name} holds {array.dtype}, not {np.dtype(kind)}")
    if length is not None and array.shape != (length,):
        raise ValueError(f"{name} has the shape {array.shape}, not ({length},)")
    return np.ascontiguousarray(array, kind)


def _standing(m: Market, category: NDArray[np.int16], tickets: Words) -> tuple[Words, Words, Words]:
    """How a standing is packed into one word, so that most comparisons touch nothing else.

    The highest bit is 0, so that no standing is NEVER. Then from above: tier, choice number, category, loser, no sibling,
    tie-breakers, first bits of the ticket. Returns the bits that a basis decides, how far choice number, category and
    loser are shifted and how many bits are the ticket's, and the packed tie-breakers of each unit or option.
    """
    keys, units, options = np.ascontiguousarray(m.keys, np.int64), len(m.start) - 1, len(m.school)
    for name, rows, per_option in (("keys", keys, m.option_keys), ("tickets", tickets, m.option_tickets)):
        if rows.ndim != 2 or len(rows) != (options if per_option else units):
            raise ValueError(f"{name} has the shape {rows.shape}, not {options if per_option else units} rows of words")
    choices = int(np.diff(m.start).max(initial=1)) if m.rules.choice_first else 0
    bits = [2, choices.bit_length(), int(category.max(initial=0)).bit_length(), 1, 1]
    words, width = _pack(keys, 63 - sum(bits))
    tier, choice, below, loser, sibling = (63 - np.cumsum(bits)).tolist()
    tiers = [2, 2, 1 if m.rules.sibling == "first" else 2, 0, 3]
    no_sibling = [1, 1, 0 if m.rules.sibling == "in_category" else 1, 1, 1]
    right = np.array([t << tier | n << sibling for t, n in zip(tiers, no_sibling, strict=True)], np.uint64)
    return right, np.array([choice, below, loser, sibling - width], np.uint64), words


def _pack(keys: Ints, room: int) -> tuple[Words, int]:
    """Each row's tie-breakers as one word that compares as they do, and the bits that it takes (at most `room`)."""
    low, high, some = deferred.spans(keys)
    bits = [(int(h) - int(l) + int(s)).bit_length() for l, h, s in zip(low, high, some, strict=True)]
    if sum(bits) > room:
        return _pack_ranks(keys, room)
    return deferred.pack(keys, low, high, np.array(bits, np.uint64)), sum(bits)


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
        return np.zeros(highest + 2, np.int32), np.empty(0, np.int64), np.empty(0, np.int64)
    rows = [locks.dwelling, locks.family, locks.school, locks.first_year, locks.years]
    return deferred.live_locks(year, highest, locks.released, *(np.asarray(row, np.int64) for row in rows))


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
        names = {a.group or a.code for a in applicants}
    else:
        names = {f"{a.group or a.code}/{number + 1}" for a in applicants for number in range(len(a.wishes))}
    return dict(zip(names, draw.tickets(seed, names), strict=True))


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
