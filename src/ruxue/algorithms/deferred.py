"""Deferred acceptance on arrays, compiled by Numba: the inner part of `allocation`, which says what the arrays mean.

Three steps, each one function: `stand` packs every option's standing into one word, so that most comparisons touch nothing
else; `accept` finds who sits where; `explain` gives the ranks. The school's open seats and each of its reserves are *pools*:
pool s holds the open seats of school s of S, pool S+r the seats of reserve r. A pool is a heap with the last in standing
on top. Large arrays come from NumPy, not from compiled code: NumPy asks for huge pages, which halves the time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

CARD = np.dtype([("word", np.uint64), ("pool", np.int32), ("unit", np.int32)])  # an option: its standing, where it asks
PLACE = np.dtype([("word", np.uint64), ("option", np.int32), ("unit", np.int32)])  # a seat that is held, or a turn
POOL = np.dtype([("last", np.uint64), ("free", np.int64), ("base", np.int64), ("held", np.int64)])
# last: the word on top of the heap, 0 where nobody sits; base: where the heap begins; held: units in it
NEVER = np.uint64(0xFFFFFFFFFFFFFFFF)  # the word of an option that is closed
PATIENCE = 100  # how often a school looks again at what bound children left behind
UNKNOWN = np.iinfo(np.int64).min


@njit(cache=True)
def spans(keys: Ints) -> tuple[Ints, Ints, Any]:
    """Of each column of tie-breakers the least and the greatest (0 and -1: none), and whether some are unknown."""
    low, high = np.zeros(keys.shape[1], np.int64), np.full(keys.shape[1], -1, np.int64)
    some, seen = np.zeros(keys.shape[1], np.bool_), np.zeros(keys.shape[1], np.bool_)
    for i in range(keys.shape[0]):
        for k in range(keys.shape[1]):
            key = keys[i, k]
            if key == UNKNOWN:
                some[k] = True
            elif not seen[k]:
                low[k] = high[k] = key
                seen[k] = True
            else:
                low[k] = min(low[k], key)
                high[k] = max(high[k], key)
    return low, high, some


def pack(keys: Ints, low: Ints, high: Ints, bits: Words) -> Words:
    """Each row of tie-breakers as one word that compares as they do; `bits` that each column takes."""
    words = np.empty(len(keys), np.uint64)
    _pack(keys, low, high, bits, words)
    return words


@njit(cache=True)
def _pack(keys: Ints, low: Ints, high: Ints, bits: Words, words: Words) -> None:
    """Fills the words."""
    for i in range(keys.shape[0]):
        word = np.uint64(0)
        for k in range(keys.shape[1]):
            key = keys[i, k]
            word = (word << bits[k]) | np.uint64((high[k] + 1 if key == UNKNOWN else key) - low[k])
        words[i] = word


@njit(cache=True)
def live_locks(
    year: int, highest: int, released: Any, dwelling: Ints, family: Ints, school: Ints, first_year: Ints, years: Ints
) -> Any:
    """The locks in force, by dwelling 0 … highest: where each dwelling's begin, their families, their schools."""
    begin = np.zeros(highest + 2, np.int32)
    live = np.empty(dwelling.size, np.bool_)
    for k in range(dwelling.size):
        live[k] = first_year[k] <= year < first_year[k] + years[k] and not released[k] and 0 <= dwelling[k] <= highest
        if live[k]:
            begin[dwelling[k] + 1] += 1
    for d in range(highest + 1):
        begin[d + 1] += begin[d]
    filled = begin.copy()
    families, schools = np.empty(begin[-1], np.int64), np.empty(begin[-1], np.int64)
    for k in range(dwelling.size):
        if live[k]:
            at = filled[dwelling[k]]
            families[at], schools[at] = family[k], school[k]
            filled[dwelling[k]] += 1
    return begin, families, schools


@njit(cache=True)
def _bars(bars: Any, dwelling: Ints, family: Ints, lock_begin: Any, lock_family: Ints, lock_school: Ints) -> None:
    """Where each unit is locked out by another family's pupil: -1 everywhere, -2 nowhere, -3 at several schools, else there.

    A loop of its own, so short that the processor fetches many dwellings at once.
    """
    for u in range(dwelling.size):
        bars[u] = -2
        if dwelling[u] >= 0:
            for k in range(lock_begin[dwelling[u]], lock_begin[dwelling[u] + 1]):
                if lock_family[k] != family[u] and bars[u] != -1:
                    s = lock_school[k]
                    bars[u] = s if s == -1 or bars[u] == -2 or bars[u] == s else -3


@njit(cache=True)
def _drawn(words: Words, tickets: Words, key: int, ticket: int, spare: Any) -> Any:
    """The low bits of a standing: tie-breakers, and as much of the ticket as there is room for."""
    low = words[key] << spare
    if spare and tickets.shape[1]:
        low |= tickets[ticket, 0] >> (np.uint64(64) - spare)
    return low


def stand(
    start: Ints,
    school: Any,
    seats: Ints,
    size: Any,
    options: Any,
    standing: Any,
    rules: Any,
    locks: Any,
) -> tuple[Any, NDArray[np.int8], Ints]:
    """Each option's card and one more to end the last list; why an option is closed (1: lock, 2: buffer zone, else 0); and
    how many options each school has.

    The tuples are parts of the arguments of `_stand`. Raises ValueError, naming the place, where they don't fit each other.
    """
    cards, closed, count = (
        np.empty(school.size + 1, CARD),
        np.zeros(school.size, np.int8),
        np.zeros(len(seats), np.int64),
    )
    bars = np.empty(len(size), np.int32)
    _bars(bars, *locks)
    fault, place = _stand(cards, closed, count, bars, start, school, seats, size, *options, *standing, *rules, *locks)
    if fault:
        raise ValueError(_FAULTS[fault].format(place))
    return cards, closed, count


_FAULTS = {
    1: "unit {}: start must begin with 0, never fall, and end with the number of options",
    2: "unit {}: a school of its list is not among the schools",
    3: "unit {} lists a school twice",
    4: "unit {}: a reserve of its list is not among the reserves, or belongs to another school",
    5: "unit {}: a size must be at least 1, a category at least 0",
    6: "school {}: seats can't be negative, nor its reserves exceed them",
}


@njit(cache=True)
def _stand(
    cards: Any,
    closed: Any,
    count: Ints,
    bars: Any,
    start: Ints,
    school: Any,
    seats: Ints,
    size: Any,
    category: Any,
    basis: Any,
    private: Any,
    reserve: Any,
    home: Ints,
    quota: Ints,
    right: Words,
    shifts: Words,
    words: Words,
    option_keys: bool,
    tickets: Words,
    option_tickets: bool,
    choice_first: bool,
    loser_last: bool,
    buffer_categories: int,
    dwelling: Ints,
    family: Ints,
    lock_begin: Any,
    lock_family: Ints,
    lock_school: Ints,
) -> tuple[int, int]:
    """Fills cards, reasons and counts; returns the first fault as (its number, unit or school), or (0, 0).

    `right` by basis: the bits of its tier and of "no sibling"; `shifts`: of choice number, category, loser, ticket;
    `words`: the packed tie-breakers. A unit too large for a reserve asks for open seats.
    """
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
    choice, below, loser, spare = shifts[0], shifts[1], shifts[2], shifts[3]
    for u in range(start.size - 1):
        if start[u] > start[u + 1] or start[u + 1] > school.size:
            return 1, u
        if size[u] < 1:
            return 5, u
        lost = np.uint64(0)
        mine = np.uint64(0) if option_keys or option_tickets else _drawn(words, tickets, u, u, spare)
        for o in range(start[u], start[u + 1]):
            s, b, r = school[o], basis[o], reserve[o]
            if s < 0 or s >= seats.size:
                return 2, u
            count[s] += 1
            if category[o] < 0:
                return 5, u
            for before in range(start[u], o):
                if school[before] == s:
                    return 3, u
            if r < -1 or r >= home.size or (r >= 0 and home[r] != s):
                return 4, u
            if option_keys or option_tickets:
                mine = _drawn(words, tickets, o if option_keys else u, o if option_tickets else u, spare)
            word = mine | right[b] | (np.uint64(category[o]) << below)
            if choice_first:
                word |= np.uint64(o - start[u]) << choice
            if private[s]:
                lost = np.uint64(loser_last)
            else:
                word |= lost << loser
            if b == 4 and category[o] >= buffer_categories:
                closed[o] = 2
            elif bars[u] != -2 and (b == 0 or b == 4):
                closed[o] = bars[u] == s or bars[u] == -1
                if bars[u] == -3:
                    for k in range(lock_begin[dwelling[u]], lock_begin[dwelling[u] + 1]):
                        closed[o] |= lock_school[k] == s and lock_family[k] != family[u]
            cards[o].word = NEVER if closed[o] else word
            cards[o].pool = s if r < 0 or size[u] > quota[r] else seats.size + r
            cards[o].unit = u
    cards[school.size].unit = -1
    return 0, 0


def accept(
    cards: Any,
    start: Ints,
    school: Any,
    seats: Ints,
    home: Ints,
    quota: Ints,
    returns: Any,
    size: Any,
    count: Ints,
    tickets: Words,
    per_option: bool,
) -> tuple[Any, Any, bool]:
    """Each unit's option (the end of its list: none) and its pool (-1), and whether nobody has a claim.

    `count`: options of each school; `per_option`: whether `tickets` has a row for each option, else for each unit.
    """
    pools = np.zeros(len(seats) + len(home), POOL)
    heap = np.empty(_lay(pools, seats, home, quota, returns, count), PLACE)
    at, pool = start[1:].astype(np.int32), np.full(len(size), -1, np.int32)
    stack = np.empty(len(size) + 1, np.int32)
    dirty = _defer(cards, start, home, returns, size, tickets, per_option, pools, heap, stack, at, pool, len(seats))
    if not dirty.any():
        return at, pool, True
    waiting = _claimed(cards, start, home, returns, size, tickets, per_option, pools, heap, at, dirty)
    if not waiting.any():
        return at, pool, True
    order = np.empty(len(school), np.int32)
    settled = _repair(
        cards, start, school, seats, home, quota, returns, size, count, tickets, per_option, at, pool, waiting, order
    )
    return at, pool, bool(settled)


@njit(cache=True)
def _after(tickets: Words, row1: int, row2: int) -> bool:
    """Whether, of two equal standings, the first's ticket is drawn later; a tie, which `explain` reports, is by row."""
    for k in range(tickets.shape[1]):
        if tickets[row1, k] != tickets[row2, k]:
            return bool(tickets[row1, k] > tickets[row2, k])
    return row1 > row2


@njit(cache=True)
def _behind(tickets: Words, per_option: bool, word: Any, o: int, u: int, word2: Any, o2: int, u2: int) -> bool:
    """Whether option o of unit u stands behind option o2 of unit u2."""
    if word != word2:
        return bool(word > word2)
    return bool(_after(tickets, o, o2)) if per_option else bool(_after(tickets, u, u2))


@njit(cache=True)
def _lay(pools: Any, seats: Ints, home: Ints, quota: Ints, returns: Any, count: Ints) -> int:
    """Gives the pools their seats and their heaps' places, of which there are so many. Kept reserves are not open."""
    schools = seats.size
    for s in range(schools):
        pools[s].free = seats[s]
    for r in range(home.size):
        pools[schools + r].free = quota[r]
        if not returns[r]:
            pools[home[r]].free -= quota[r]
    room = 0
    for p in range(pools.size):
        pools[p].base = room
        room += min(pools[p].free, count[p if p < schools else home[p - schools]]) + 1
    return room


@njit(cache=True)
def _push(heap: Any, pools: Any, p: int, tickets: Words, per_option: bool, word: Any, o: int, u: int) -> None:
    """Seats option o of unit u in pool p."""
    base, j = pools[p].base, pools[p].held
    while j > 0:
        q = (j - 1) >> 2
        x = heap[base + q]
        if not _behind(tickets, per_option, word, o, u, x.word, x.option, x.unit):
            break
        heap[base + j] = x
        j = q
    heap[base + j].word = word
    heap[base + j].option = o
    heap[base + j].unit = u
    pools[p].held += 1
    pools[p].last = heap[base].word


@njit(cache=True)
def _replace(heap: Any, pools: Any, p: int, tickets: Words, per_option: bool, word: Any, o: int, u: int) -> None:
    """Seats option o of unit u in pool p instead of the last in standing there."""
    base, n, j = pools[p].base, pools[p].held, 0
    while True:
        q = 4 * j + 1
        if q >= n:
            break
        x = heap[base + q]
        for k in range(q + 1, min(q + 4, n)):
            y = heap[base + k]
            if _behind(tickets, per_option, y.word, y.option, y.unit, x.word, x.option, x.unit):
                q = k
                x = y
        if not _behind(tickets, per_option, x.word, x.option, x.unit, word, o, u):
            break
        heap[base + j] = x
        j = q
    heap[base + j].word = word
    heap[base + j].option = o
    heap[base + j].unit = u
    pools[p].last = heap[base].word


@njit(cache=True)
def _trim(heap: Any, pools: Any, p: int, tickets: Words, per_option: bool, size: Any, out: Any) -> tuple[int, bool]:
    """Sends away from pool p those last in standing until it is within its seats; what still fits comes back.

    Writes the places sent away to `out`; returns how many, and whether some sent away earlier might now fit.
    """
    n, base = 0, pools[p].base
    while pools[p].free < 0:
        out[n] = heap[base]
        pools[p].free += size[out[n].unit]
        n += 1
        pools[p].held -= 1
        if pools[p].held:
            x = heap[base + pools[p].held]
            _replace(heap, pools, p, tickets, per_option, x.word, x.option, x.unit)
        else:
            pools[p].last = 0
    gone = n
    for k in range(n - 2, -1, -1):  # out[n-1] overflowed; those after it in standing return where they fit
        x = out[k]
        if size[x.unit] <= pools[p].free:
            _push(heap, pools, p, tickets, per_option, x.word, x.option, x.unit)
            pools[p].free -= size[x.unit]
            gone -= 1
            for j in range(k, gone):
                out[j] = out[j + 1]
    return gone, n > 0 and (gone < n or pools[p].free > 0)


@njit(cache=True)
def _defer(
    cards: Any,
    start: Ints,
    home: Ints,
    returns: Any,
    size: Any,
    tickets: Words,
    per_option: bool,
    pools: Any,
    heap: Any,
    stack: Any,
    at: Any,
    pool: Any,
    schools: int,
) -> Any:
    """Deferred acceptance, which fills the pools, and then `at` and `pool`. `stack`: room for options to be tried next.

    Returns for each school whether bound children that were sent away left seats which others, sent away before, might
    take (1: open ones only).
    """
    n = start.size - 1
    dirty = np.zeros(schools, np.int8)
    largest = size.max() if n else 1
    bound = largest > 1
    moved = np.empty(largest + 2, PLACE)
    out = np.empty(largest + 2, PLACE)
    for first in range(n):
        if start[first] == start[first + 1]:
            continue
        top = 1
        stack[0] = start[first]
        while top:
            top -= 1
            o = stack[top]
            u = cards[o].unit
            while cards[o].unit == u:
                word, p = cards[o].word, cards[o].pool
                if word == NEVER:
                    o += 1
                    continue
                s: Any = p if p < schools else np.int32(home[p - schools])
                if pools[s].free != 0 or pools[p].free != 0 or (bound and size[u] > 1):
                    break
                group = False
                while True:  # the common case, one in, one out: of the reserved seats, then of the open ones
                    last = pools[p].last
                    if word <= last:
                        x = heap[pools[p].base]
                        y = x.option
                        v = x.unit
                        if _behind(tickets, per_option, last, y, v, word, o, u):
                            group = bound and size[v] > 1
                            if group:
                                break
                            _replace(heap, pools, p, tickets, per_option, word, o, u)
                            word, o, u = last, y, v
                    if p == s:
                        break
                    p = s
                if group:
                    break
                o += 1
            if cards[o].unit != u:
                continue
            word, p, z = cards[o].word, cards[o].pool, size[u]
            s = p if p < schools else np.int32(home[p - schools])
            come = 1
            if p != s:
                before = pools[p].free
                _push(heap, pools, p, tickets, per_option, word, o, u)
                pools[p].free -= z
                come = 0
                if pools[p].free < 0:
                    come, loose = _trim(heap, pools, p, tickets, per_option, size, moved)
                    dirty[s] |= 2 * loose
                if returns[p - schools]:
                    pools[s].free += pools[p].free - before
            else:
                moved[0].word = word
                moved[0].option = o
                moved[0].unit = u
            for k in range(max(come, 1)):  # the open seats shrink even where nobody comes to them
                if come:
                    x = moved[k]
                    _push(heap, pools, s, tickets, per_option, x.word, x.option, x.unit)
                    pools[s].free -= size[x.unit]
                if pools[s].free >= 0:
                    continue
                gone, loose = _trim(heap, pools, s, tickets, per_option, size, out)
                dirty[s] |= loose
                for j in range(gone):
                    if cards[out[j].option + 1].unit == out[j].unit:
                        stack[top] = out[j].option + 1
                        top += 1
    for p in range(pools.size):
        for k in range(pools[p].base, pools[p].base + pools[p].held):
            at[heap[k].unit] = heap[k].option
            pool[heap[k].unit] = p
    return dirty


@njit(cache=True)
def _sort(tickets: Words, per_option: bool, line: Any) -> None:
    """Sorts the places in one school's line by standing: byte by byte from the lowest, then equal words by ticket."""
    n = line.size
    here, there = line, np.empty(n, PLACE)
    ends = np.empty(256, np.int64)
    moved = False
    for byte in range(8):
        shift = np.uint64(8 * byte)
        ends[:] = 0
        for i in range(n):
            ends[(here[i].word >> shift) & np.uint64(255)] += 1
        total, same = 0, False
        for value in range(256):
            same |= ends[value] == n
            total += ends[value]
            ends[value] = total - ends[value]
        if same:
            continue
        for i in range(n):
            value = (here[i].word >> shift) & np.uint64(255)
            there[ends[value]] = here[i]
            ends[value] += 1
        here, there = there, here
        moved = not moved
    if moved:
        line[:] = here
    for i in range(1, n):
        word, option, unit = line[i].word, line[i].option, line[i].unit
        j = i
        while j > 0 and line[j - 1].word == word:
            x = line[j - 1]
            if not _behind(tickets, per_option, word, x.option, x.unit, word, option, unit):
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
    home: Ints,
    returns: Any,
    size: Any,
    tickets: Words,
    per_option: bool,
    pools: Any,
    heap: Any,
    at: Any,
    dirty: Any,
) -> Any:
    """Of the schools in doubt, those where somebody has a claim: enough seats for all of it are free or behind it."""
    schools = dirty.size
    claimed = np.zeros(schools, np.bool_)
    for r in range(home.size):  # seats kept for the reserve, while some who may use it sit on open ones
        s = home[r]
        if dirty[s] >= 2 and not returns[r]:
            for k in range(pools[s].base, pools[s].base + pools[s].held):
                x = heap[k]
                claimed[s] |= cards[x.option].pool == schools + r and size[x.unit] <= pools[schools + r].free
    for u in range(start.size - 1):
        for o in range(start[u], at[u]):
            word, own = cards[o].word, cards[o].pool
            s = own if own < schools else np.int32(home[own - schools])
            if not dirty[s] or claimed[s] or word == NEVER:
                continue
            for p in (s, own):
                if pools[p].free < size[u] and word > pools[p].last:
                    continue
                behind = pools[p].free
                for k in range(pools[p].base, pools[p].base + pools[p].held):
                    x = heap[k]
                    if _behind(tickets, per_option, x.word, x.option, x.unit, word, o, u):
                        behind += size[x.unit]
                claimed[s] |= behind >= size[u]
    return claimed


@njit(cache=True)
def _choose(
    s: int,
    line: Any,
    cards: Any,
    room: int,
    schools: int,
    quota: Ints,
    returns: Any,
    size: Any,
    rest: Ints,
    chosen: Ints,
) -> None:
    """What school s, with so much room, chooses among its line: writes each one's pool into `chosen`, -1 for none.

    By standing: first into the reserved seats, then into the open ones; a unit that does not fit is passed over.
    """
    for x in line:
        r = cards[x.option].pool - schools
        if r >= 0:
            rest[r] = quota[r]
    for i in range(line.size):
        z, r = size[line[i].unit], cards[line[i].option].pool - schools
        chosen[i] = -1
        if r >= 0 and rest[r] >= z:
            rest[r] -= z
            if returns[r]:
                room -= z
            chosen[i] = schools + r
    for i in range(line.size):
        z = size[line[i].unit]
        if chosen[i] == -1 and room >= z:
            room -= z
            chosen[i] = s


@njit(cache=True)
def _repair(
    cards: Any,
    start: Ints,
    school: Any,
    seats: Ints,
    home: Ints,
    quota: Ints,
    returns: Any,
    size: Any,
    count: Ints,
    tickets: Words,
    per_option: bool,
    at: Any,
    pool: Any,
    dirty: Any,
    order: Any,
) -> bool:
    """Where bound children left seats behind, lets those who want them come, until nobody has a claim.

    Changes `at` and `pool`; `order` is room for all schools' options. Such a placement need not exist once sizes
    differ: a school that changed its choice too often calls nobody back any more, and the answer is False.
    """
    schools = seats.size
    open_seats = seats.copy()
    for r in range(home.size):
        if not returns[r]:
            open_seats[home[r]] -= quota[r]
    rest = np.empty(home.size, np.int64)
    visits = np.zeros(schools, np.int64)
    below = np.full(start.size - 1, -1, np.int32)  # the last option that sent a unit away
    chosen = np.empty(count.max(), np.int64)
    begin = np.zeros(schools + 1, np.int64)
    for s in range(schools):
        begin[s + 1] = begin[s] + count[s]
    end = begin[:-1].copy()
    for o in range(school.size):
        order[end[school[o]]] = o
        end[school[o]] += 1
    room = np.empty(count.max(), PLACE)
    queue = [s for s in range(schools) if dirty[s]]
    loose = [0 for _ in range(0)]
    settled = True
    head = 0
    while head < len(queue) or loose:
        v = loose.pop() if loose else -1
        for o in range(start[v] if v >= 0 else 0, start[v + 1] if v >= 0 else 1):
            if v >= 0:
                if o >= at[v]:  # it sits here, or another school's visit seated it no worse meanwhile
                    break
                if cards[o].word == NEVER:
                    continue
                s = school[o]
            else:
                s = queue[head]
                head += 1
                dirty[s] = False
            visits[s] += 1
            tired = visits[s] > PATIENCE
            settled &= not tired
            if tired and (v < 0 or o <= below[v]):
                continue
            n = 0
            for i in range(begin[s], end[s]):  # who sits there, and who wants to; a tired school hears v only
                card, u = cards[order[i]], cards[order[i]].unit
                if card.word != NEVER and (at[u] == order[i] or (at[u] > order[i] and (not tired or u == v))):
                    room[n].option = order[i]
                    room[n].word = card.word
                    room[n].unit = u
                    n += 1
            line = room[:n]
            _sort(tickets, per_option, line)
            _choose(s, line, cards, open_seats[s], schools, quota, returns, size, rest, chosen)
            for i in range(n):
                taken, u = line[i].option, line[i].unit
                if chosen[i] >= 0:
                    if at[u] != taken and at[u] < start[u + 1]:
                        old = school[at[u]]
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
    return settled


def explain(
    cards: Any,
    closed: Any,
    start: Ints,
    school: Any,
    schools: int,
    tickets: Words,
    per_option: bool,
    spare: Any,
    at: Any,
    pool: Any,
) -> tuple[Any, Ints, Ints, Any, Ints]:
    """Rank by option; length of each school's line, and the last rank on an open seat; options of a batch that the ticket
    alone split; and two units that can't be told apart (-1: none). `spare`: how many low bits of a word are the ticket's.
    """
    rank, drawn, lines = np.zeros(len(school), np.int32), np.zeros(len(school), np.bool_), np.empty(len(school), PLACE)
    begin = _lines(cards, closed, start, school, at, schools, lines)
    last, tie = _ranks(begin, lines, tickets, per_option, spare, at, pool, rank, drawn)
    return rank, np.diff(begin), last, drawn, tie


@njit(cache=True)
def _lines(cards: Any, closed: Any, start: Ints, school: Any, until: Any, schools: int, lines: Any) -> Ints:
    """Writes to `lines`, school by school, the options that can be used, up to `until` of each unit; where each begins."""
    begin = np.zeros(schools + 1, np.int64)
    for u in range(start.size - 1):
        for o in range(start[u], min(np.int64(until[u]) + 1, start[u + 1])):
            if not closed[o]:
                begin[school[o] + 1] += 1
    for s in range(schools):
        begin[s + 1] += begin[s]
    filled = begin[:-1].copy()
    for u in range(start.size - 1):
        for o in range(start[u], min(np.int64(until[u]) + 1, start[u + 1])):
            s = school[o]
            if not closed[o]:
                lines[filled[s]].word = cards[o].word
                lines[filled[s]].option = o
                lines[filled[s]].unit = u
                filled[s] += 1
    return begin


@njit(cache=True)
def _ranks(
    begin: Ints, lines: Any, tickets: Words, per_option: bool, spare: Any, at: Any, pool: Any, rank: Any, drawn: Any
) -> tuple[Ints, Ints]:
    """Fills `rank` and `drawn`; returns each school's last rank on an open seat, and two units that can't be told apart."""
    last = np.zeros(begin.size - 1, np.int64)
    tie = np.full(2, -1, np.int64)
    for s in range(begin.size - 1):
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
            batch = line[last[s] - 1].word >> spare
            if line[refused].word >> spare == batch:
                for x in line:
                    drawn[x.option] = x.word >> spare == batch
    return last, tie


def outcome(
    start: Ints, school: Any, seats: Ints, quota: Ints, size: Any, at: Any, pool: Any
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Each unit's option, school and reserve, -1 for none; the seats and the reserved seats that are left."""
    got, at_school, reserved = (np.full(len(at), -1, np.int64) for _ in range(3))
    left, reserved_left = seats.copy(), quota.copy()
    _outcome(start, school, size, at, pool, got, at_school, reserved, left, reserved_left)
    return got, at_school, reserved, left, reserved_left


@njit(cache=True)
def _outcome(
    start: Ints,
    school: Any,
    size: Any,
    at: Any,
    pool: Any,
    got: Ints,
    at_school: Ints,
    reserved: Ints,
    left: Ints,
    reserved_left: Ints,
) -> None:
    """Fills the arrays that `outcome` returns."""
    for u in range(at.size):
        if at[u] < start[u + 1]:
            got[u] = at[u]
            at_school[u] = school[at[u]]
            left[at_school[u]] -= size[u]
            if pool[u] >= left.size:
                reserved[u] = pool[u] - left.size
                reserved_left[reserved[u]] -= size[u]
