"""The loops of class assignment, compiled: placing bound units, and exchanges between two classes.

docs/class-assignment.md says what they do, exactly; names here are those of that text. All numbers are 64-bit integers
that stay below 2^53, so that JavaScript's numbers hold them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ruxue.algorithms.balance_rules import Units

Ints = NDArray[np.int64]
FOUND, IMPOSSIBLE, GAVE_UP = 1, 0, -1
NEAR, LONGEST = 4, 256  # the fine step: partners of one pupil, and exchanges looked at in a pair of classes


class Board(NamedTuple):
    """Units (rows, in drawn order) and the classes that they are in (`K` columns), with the sums that follow.

    `first[u] … first[u+1]` are the members' rows of `level` (member × criterion); `enemy[enemies[u] …]` the units that
    unit u may not meet; `weight[u, l]` its members that limit l counts, of which a class takes `most[l]`; `value[u, t]`
    the sum of its members' moment t; `kind[u]` equal for units with equal levels and weights; `free[u]`: one member, no
    enemy. `lists[c, :length[c]]` are the movable units of class c; `counts[c, a, level]`, `loads[c, l]` and `off[c, t]`
    add up all of its members.
    """

    size: Ints
    first: Ints
    level: Ints
    enemies: Ints
    enemy: Ints
    weight: Ints
    most: Ints
    value: Ints
    kind: Ints
    free: Ints
    where: Ints
    lists: Ints
    length: Ints
    pupils: Ints
    counts: Ints
    loads: Ints
    off: Ints


def new_board(units: Units, classes: int, criteria: Sequence[Sequence[int]], moments: Sequence[Sequence[int]]) -> Board:
    """A board with nobody in a class; `criteria` and `moments` hold a level or value for each pupil, by position."""
    n, pupils = len(units.members), [i for unit in units.members for i in unit]
    size = np.array([len(unit) for unit in units.members], np.int64)
    enemies = [sorted(others) for others in units.enemies]
    level = np.array([[levels[i] for levels in criteria] for i in pupils], np.int64).reshape(len(pupils), len(criteria))
    weight = np.array(units.weight, np.int64).reshape(n, len(units.most))
    kinds: dict[tuple[tuple[int, ...], ...], int] = {}
    kind = np.empty(n, np.int64)
    first = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    rows = [tuple(row) for row in level.tolist()]
    for u in range(n):
        of = (*sorted(rows[first[u] : first[u + 1]]), tuple(units.weight[u]))
        kind[u] = kinds.setdefault(of, len(kinds))
    value = np.array([[sum(m[i] for i in unit) for m in moments] for unit in units.members], np.int64)
    levels = max((max(c, default=0) + 1 for c in criteria), default=1)
    return Board(
        size,
        first,
        level,
        np.concatenate([[0], np.cumsum([len(e) for e in enemies])]).astype(np.int64),
        np.array([e for others in enemies for e in others], np.int64),
        weight,
        np.array(units.most, np.int64),
        value.reshape(n, len(moments)),
        kind,
        np.array([s == 1 and not e for s, e in zip(size, enemies, strict=True)], np.int64),
        np.full(n, -1, np.int64),
        np.zeros((classes, n), np.int64),
        np.zeros(classes, np.int64),
        np.zeros(classes, np.int64),
        np.zeros((classes, len(criteria), levels), np.int64),
        np.zeros((classes, len(units.most)), np.int64),
        np.zeros((classes, len(moments)), np.int64),
    )


@njit(cache=True)
def put(b: Board, u: int, c: int, sign: int) -> None:
    """Adds unit u to the sums of class c (sign 1), or takes it out of them (-1); `lists` stay as they are."""
    b.pupils[c] += sign * b.size[u]
    for m in range(b.first[u], b.first[u + 1]):
        for a in range(b.level.shape[1]):
            b.counts[c, a, b.level[m, a]] += sign
    for l in range(b.most.size):
        b.loads[c, l] += sign * b.weight[u, l]
    for t in range(b.value.shape[1]):
        b.off[c, t] += sign * b.value[u, t]
    b.where[u] = c if sign > 0 else -1


@njit(cache=True)
def fits(b: Board, u: int, c: int, places: int, larger: int) -> bool:
    """Whether class c takes unit u: at most `places` pupils, one more in `larger` classes; no enemy; the limits."""
    after = b.pupils[c] + b.size[u]
    if after > places:
        if after > places + 1:
            return False
        used = 0
        for other in range(b.pupils.size):
            if b.pupils[other] > places:
                used += 1
        if used >= larger:
            return False
    for e in range(b.enemies[u], b.enemies[u + 1]):
        if b.where[b.enemy[e]] == c:
            return False
    full = False
    for l in range(b.most.size):
        full = full or (b.weight[u, l] > 0 and b.loads[c, l] + b.weight[u, l] > b.most[l])
    return not full


@njit(cache=True)
def place(b: Board, todo: Ints, start: Ints, places: int, larger: int, by_size: bool, tries: int) -> int:
    """Places the units of `todo` by depth-first search; FOUND, IMPOSSIBLE (all was tried), or GAVE_UP after `tries`."""
    k, n = b.pupils.size, todo.size
    waiting = np.ones(n, np.bool_)
    chosen = np.empty(n, np.int64)  # by depth: the position in `todo`
    options = np.empty((n, k), np.int64)
    left = np.zeros(n, np.int64)
    next_ = np.zeros(n, np.int64)
    depth, descend = 0, True
    while True:
        if descend:
            if depth == n:
                return FOUND
            best, best_options, best_enemies = -1, 0, 0
            for p in range(n):
                if not waiting[p]:
                    continue
                u, found = todo[p], 0
                for c in range(k):
                    if fits(b, u, c, places, larger):
                        found += 1
                against = b.enemies[u + 1] - b.enemies[u]
                if best < 0 or (found, -b.size[u], -against) < (best_options, -b.size[todo[best]], -best_enemies):
                    best, best_options, best_enemies = p, found, against
            u = todo[best]
            waiting[best] = False
            chosen[depth], next_[depth], left[depth] = best, 0, 0
            empty_seen = False
            for step in range(k):
                c = (start[best] + step) % k
                if not fits(b, u, c, places, larger):
                    continue
                if b.pupils[c] == 0:
                    if empty_seen:
                        continue
                    empty_seen = True
                at = left[depth]
                if by_size:
                    while at > 0 and b.pupils[options[depth, at - 1]] > b.pupils[c]:
                        options[depth, at] = options[depth, at - 1]
                        at -= 1
                options[depth, at] = c
                left[depth] += 1
            descend = False
        u = todo[chosen[depth]]
        if b.where[u] >= 0:
            put(b, u, b.where[u], -1)
        if next_[depth] == left[depth]:
            waiting[chosen[depth]] = True
            depth -= 1
            if depth < 0:
                return IMPOSSIBLE
            continue
        if tries == 0:
            return GAVE_UP
        tries -= 1
        put(b, u, options[depth, next_[depth]], 1)
        next_[depth] += 1
        depth += 1
        descend = True


@njit(cache=True)
def allowed(b: Board, i: int, j: int, high: int, low: int) -> bool:
    """Whether the hard rules let i (of class high) and j (of low) change places; -1 stands for nobody."""
    for l in range(b.most.size):
        gain = (b.weight[i, l] if i >= 0 else 0) - (b.weight[j, l] if j >= 0 else 0)
        if gain > 0 and b.loads[low, l] + gain > b.most[l]:
            return False
        if gain < 0 and b.loads[high, l] - gain > b.most[l]:
            return False
    if i >= 0:
        for e in range(b.enemies[i], b.enemies[i + 1]):
            if b.where[b.enemy[e]] == low and b.enemy[e] != j:
                return False
    if j >= 0:
        for e in range(b.enemies[j], b.enemies[j + 1]):
            if b.where[b.enemy[e]] == high and b.enemy[e] != i:
                return False
    return True


@njit(cache=True)
def exchange(b: Board, high: int, low: int, p: int, q: int) -> None:
    """The units at positions p of high's list and q of low's change places; at -1 nobody does."""
    i = b.lists[high, p] if p >= 0 else -1
    j = b.lists[low, q] if q >= 0 else -1
    if i >= 0:
        put(b, i, high, -1)
    if j >= 0:
        put(b, j, low, -1)
    if i >= 0:
        put(b, i, low, 1)
    if j >= 0:
        put(b, j, high, 1)
    if i >= 0 and j >= 0:
        b.lists[high, p], b.lists[low, q] = j, i
    elif i >= 0:
        _transfer(b, high, low, p)
    else:
        _transfer(b, low, high, q)


@njit(cache=True)
def _transfer(b: Board, source: int, target: int, p: int) -> None:
    """Moves the entry at p to the end of the other list; those after it close up."""
    b.lists[target, b.length[target]] = b.lists[source, p]
    b.length[target] += 1
    for s in range(p, b.length[source] - 1):
        b.lists[source, s] = b.lists[source, s + 1]
    b.length[source] -= 1


@njit(cache=True)
def _alike(b: Board, i: int, j: int, a: int) -> int:
    """Sum over the levels of criterion a of (members of i with it) × (members of j with it)."""
    found = 0
    for m in range(b.first[i], b.first[i + 1]):
        for n in range(b.first[j], b.first[j + 1]):
            if b.level[m, a] == b.level[n, a]:
                found += 1
    return found


@njit(cache=True)
def _lean(b: Board, high: int, low: int, side: int, level: Ints, lean: Ints) -> None:
    """For each unit of one class (column; after the last: nobody) and criterion (row), what it brings to the change.

    `level` gets its level, or -1 where it has not just one member.
    """
    c = high if side > 0 else low
    count = b.length[c]
    for p in range(count):
        u = b.lists[c, p]
        single = b.size[u] == 1
        for a in range(b.level.shape[1]):
            total = 1 if single else _alike(b, u, u, a)
            for m in range(b.first[u], b.first[u + 1]):
                total += side * (b.counts[low, a, b.level[m, a]] - b.counts[high, a, b.level[m, a]])
            lean[a, p] = total
            level[a, p] = b.level[b.first[u], a] if single else -1
    lean[:, count] = 0
    level[:, count] = -1


@njit(cache=True)
def _coarse(b: Board, high: int, low: int, levels: Ints, leans: Ints, found: Ints, less: Ints, best: Ints) -> bool:
    """Makes the exchange between two classes with the least change, element by element, if that is less than zero."""
    criteria, moments = b.level.shape[1], b.value.shape[1]
    here, there = b.length[high], b.length[low]
    _lean(b, high, low, 1, levels[0], leans[0])
    _lean(b, high, low, -1, levels[1], leans[1])
    gap = b.pupils[low] - b.pupils[high]
    now = np.zeros(criteria + 2, np.int64)
    best[:] = 0
    best_p, best_q = -1, -1
    for p in range(here + 1):
        i = b.lists[high, p] if p < here else -1
        size = b.size[i] if i >= 0 else 0
        count = there + 1 if i >= 0 else there
        for q in range(count):
            found[q] = q
        if size == 1:  # only to be quick: drops partners whose change can't be the least, without a branch
            for q in range(count):
                less[q] = 0
            for a in range(criteria):
                mine, own, least, kept = leans[0, a, p], levels[0, a, p], best[a + 1], 0
                for s in range(count):
                    q = found[s]
                    change = mine + leans[1, a, q] - 2 * (levels[1, a, q] == own)
                    other = levels[1, a, q] < 0
                    before = less[s]
                    found[kept] = q
                    less[kept] = before | (change < least) | other
                    kept += before | (change <= least) | other
                count = kept
        for s in range(count):
            q = found[s]
            j = b.lists[low, q] if q < there else -1
            net = size - (b.size[j] if j >= 0 else 0)
            now[0] = net * (gap + net)
            if now[0] > best[0]:
                continue
            smaller = now[0] < best[0]
            worse = False
            for a in range(criteria):
                change = leans[0, a, p] + leans[1, a, q]
                if levels[0, a, p] >= 0 and levels[1, a, q] >= 0:
                    change -= 2 * (levels[0, a, p] == levels[1, a, q])
                elif i >= 0 and j >= 0:
                    change -= 2 * _alike(b, i, j, a)
                if not smaller:
                    if change > best[a + 1]:
                        worse = True
                        break
                    smaller = change < best[a + 1]
                now[a + 1] = change
            if worse:
                continue
            change = 0
            for t in range(moments):
                step = (b.value[i, t] if i >= 0 else 0) - (b.value[j, t] if j >= 0 else 0)
                change += step * (b.off[low, t] - b.off[high, t] + step)
            if (not smaller and change >= best[criteria + 1]) or not allowed(b, i, j, high, low):
                continue
            now[criteria + 1] = change
            best[:] = now
            best_p, best_q = (p if i >= 0 else -1), (q if j >= 0 else -1)
    if best_p < 0 and best_q < 0:
        return False
    exchange(b, high, low, best_p, best_q)
    return True


@njit(cache=True)
def _fine(b: Board, high: int, low: int, ends: Ints, steps: Ints) -> bool:
    """Makes the one or two exchanges of free units of a kind that lessen the moments' change most."""
    moments, found = b.value.shape[1], 0
    for p in range(b.length[high]):
        i, near = b.lists[high, p], 0
        if not b.free[i]:
            continue
        for q in range(b.length[low]):
            j = b.lists[low, q]
            if b.kind[i] != b.kind[j] or not b.free[j]:
                continue
            differ = False
            for t in range(moments):
                steps[found, t] = b.value[i, t] - b.value[j, t]
                differ = differ or steps[found, t] != 0
            if not differ:
                continue
            ends[found, 0], ends[found, 1] = p, q
            found += 1
            near += 1
            if near == NEAR or found == LONGEST:
                break
        if found == LONGEST:
            break
    best, best_e, best_f = 0, -1, -1
    for e in range(found):
        for f in range(e, found):
            if f > e and (ends[e, 0] == ends[f, 0] or ends[e, 1] == ends[f, 1]):
                continue
            change = 0
            for t in range(moments):
                step = steps[e, t] + (steps[f, t] if f > e else 0)
                change += step * (b.off[low, t] - b.off[high, t] + step)
            if change < best:
                best, best_e, best_f = change, e, f
    if best_e < 0:
        return False
    exchange(b, high, low, ends[best_e, 0], ends[best_e, 1])
    if best_f > best_e:
        exchange(b, high, low, ends[best_f, 0], ends[best_f, 1])
    return True


@njit(cache=True)
def run_round(b: Board, changed: Ints, checked: Ints, clock: Ints) -> int:
    """Each pair of classes makes at most one exchange of each step. Returns the number of pairs that changed.

    `changed[c]` and `checked[high, low]` hold when a class last changed and when a pair was last found without an
    exchange (`clock[0]` counts), so that no pair is searched again in vain.
    """
    k, criteria, moments = b.pupils.size, b.level.shape[1], b.value.shape[1]
    rows = b.lists.shape[1] + 1
    levels, leans = np.empty((2, criteria, rows), np.int64), np.empty((2, criteria, rows), np.int64)
    found, less = np.empty(rows, np.int64), np.empty(rows, np.int64)
    best = np.empty(criteria + 2, np.int64)
    ends, steps = np.empty((LONGEST, 2), np.int64), np.empty((LONGEST, moments), np.int64)
    made = 0
    for high in range(k):
        for low in range(high + 1, k):
            if checked[high, low] > max(changed[high], changed[low]):
                continue
            clock[0] += 1
            moved = _coarse(b, high, low, levels, leans, found, less, best)
            if moments and _fine(b, high, low, ends, steps):
                moved = True
            if moved:
                made += 1
                changed[high] = changed[low] = clock[0]
            else:
                checked[high, low] = clock[0]
    return made


@njit(cache=True)
def mend(b: Board, upto: int, worth: Ints) -> int:
    """One pass in which each pair of classes makes the exchange that lessens the weighted sum of squares most.

    Counts the criteria before `upto`; `worth[a, level]` weighs. Returns the number of exchanges.
    """
    k, made, rows = b.pupils.size, 0, b.lists.shape[1] + 1
    levels, lean = np.empty((2, upto, rows), np.int64), np.empty((2, rows), np.int64)
    for high in range(k):
        for low in range(high + 1, k):
            here, there, gap = b.length[high], b.length[low], b.pupils[low] - b.pupils[high]
            _weigh(b, high, low, 1, upto, worth, levels[0], lean[0])
            _weigh(b, high, low, -1, upto, worth, levels[1], lean[1])
            best, best_p, best_q = 0, -1, -1
            for p in range(here + 1):
                i = b.lists[high, p] if p < here else -1
                size = b.size[i] if i >= 0 else 0
                for q in range(there + (1 if i >= 0 else 0)):
                    j = b.lists[low, q] if q < there else -1
                    net = size - (b.size[j] if j >= 0 else 0)
                    if net * (gap + net) > 0:
                        continue
                    change = lean[0, p] + lean[1, q]
                    if size == 1 and net == 0:
                        for a in range(upto):
                            if levels[0, a, p] == levels[1, a, q]:
                                change -= 2 * worth[a, levels[0, a, p]]
                    elif i >= 0 and j >= 0:
                        change -= 2 * _shared(b, i, j, upto, worth)
                    if change < best and allowed(b, i, j, high, low):
                        best, best_p, best_q = change, (p if i >= 0 else -1), (q if j >= 0 else -1)
            if best < 0:
                exchange(b, high, low, best_p, best_q)
                made += 1
    return made


@njit(cache=True)
def _weigh(b: Board, high: int, low: int, side: int, upto: int, worth: Ints, level: Ints, lean: Ints) -> None:
    """As `_lean`, all criteria before `upto` weighed and added up."""
    c = high if side > 0 else low
    for p in range(b.length[c]):
        u = b.lists[c, p]
        total = _shared(b, u, u, upto, worth)
        for m in range(b.first[u], b.first[u + 1]):
            for a in range(upto):
                x = b.level[m, a]
                total += side * worth[a, x] * (b.counts[low, a, x] - b.counts[high, a, x])
                level[a, p] = x
        lean[p] = total
    lean[b.length[c]] = 0


@njit(cache=True)
def _shared(b: Board, i: int, j: int, upto: int, worth: Ints) -> int:
    """Sum over criteria and levels of weight × (members of i with the level) × (members of j with it)."""
    total = 0
    for m in range(b.first[i], b.first[i + 1]):
        for n in range(b.first[j], b.first[j + 1]):
            for a in range(upto):
                if b.level[m, a] == b.level[n, a]:
                    total += worth[a, b.level[m, a]]
    return total
