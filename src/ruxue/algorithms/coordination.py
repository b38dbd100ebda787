"""Coordination (统筹): everyone left gets a seat in the district, bound children together, nobody over the limit.

Two rules, of which the district publishes one. "rank": in the order of category, tie-breakers and ticket, each takes the
nearest school that leaves everybody after it a seat within the limit; so no exchange of two seats that both families may
hold would make the better-ranked one nearer. "distance": the least total distance over all children, whoever they are.
`compare` shows what each costs the other. docs/allocation.md states them in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

Ints = NDArray[np.int64]

NO_WAY = 1 << 40
"""Stands for a school over the limit; farther than any on Earth."""


@dataclass(frozen=True)
class Shortfall:
    """Why not everybody could be placed: these units have no other schools within the limit than these.

    `units` and `schools` by number; `children` in the units; `seats` in the schools. With as many seats as children the
    cause is that bound children need them in one school.
    """

    units: list[int]
    schools: list[int]
    children: int
    seats: int


@dataclass(frozen=True)
class Coordination:
    """`school` per unit (-1: none within the limit), the total distance in metres, and what proves it.

    `bound_m`: no placement of these units has a lower total (by the prices of a linear programme's dual, `price` per
    school); under the rule "distance" it differs from `total_m` only by what bound children cost. `proved`: under that
    rule, that `total_m` is the least. `shortfalls`: why some have no seat.
    """

    school: list[int]
    total_m: int
    bound_m: int
    price: Ints
    proved: bool
    shortfalls: list[Shortfall]


@dataclass(frozen=True)
class Comparison:
    """Both rules on the same children, and their cost to each other.

    `extra_m`: metres in all that "rank" costs over "distance"; `nearer_by_rank`, `nearer_by_distance`: children who go a
    shorter way under that rule; `passed_over`: units that under "distance" would be nearer at the seat of a unit placed
    after them.
    """

    by_rank: Coordination
    by_distance: Coordination
    extra_m: int
    nearer_by_rank: int
    nearer_by_distance: int
    passed_over: int


def distances(homes: ArrayLike, schools: ArrayLike, network_m: ArrayLike | None = None) -> Ints:
    """Whole metres from each home to each school: by the network where `network_m` knows it (0 or more), else straight.

    `homes` (U, 2), `schools` (S, 2): longitude and latitude in degrees. Straight is the great circle on a sphere of
    6,371 km (haversine).
    """
    home, school = (
        np.radians(np.asarray(homes, float).reshape(-1, 2)),
        np.radians(np.asarray(schools, float).reshape(-1, 2)),
    )
    d = home[:, None, :] - school[None, :, :]
    h = np.sin(d[..., 1] / 2) ** 2 + np.cos(home[:, 1])[:, None] * np.cos(school[:, 1]) * np.sin(d[..., 0] / 2) ** 2
    straight: Ints = np.rint(2 * 6_371_000 * np.arcsin(np.sqrt(h))).astype(np.int64)
    if network_m is None:
        return straight
    network = np.asarray(network_m, np.int64)
    return np.where(network >= 0, network, straight)


def coordinate(
    distance_m: Ints,
    members: Sequence[int],
    seats: Sequence[int],
    *,
    rule: Literal["rank", "distance"] = "rank",
    limit_m: int | None = None,
) -> Coordination:
    """Places units, given in the order of their rank (category, tie-breakers, ticket), by the district's rule.

    `distance_m[u, s]`: metres from unit u to school s; `members[u]`: children in it, who stay together; `seats[s]`: seats
    left; `limit_m`: no child goes farther. Where the seats within the limit don't suffice, the better-ranked are placed
    and `shortfalls` tells the rest. Equal distances go to the earlier school. Raises ValueError for what doesn't fit.
    """
    size = np.asarray(members, np.int64)
    room = np.asarray(seats, np.int64)
    cost = np.ascontiguousarray(distance_m, np.int64)
    if cost.ndim != 2 or cost.shape != (len(size), len(room)):
        raise ValueError(f"distances of shape {cost.shape} for {len(size)} units and {len(room)} schools")
    if (size < 1).any() or (room < 0).any() or (cost < 0).any():
        raise ValueError("members must be at least 1, seats and distances at least 0")
    if limit_m is not None:
        cost = np.where(cost <= limit_m, cost, NO_WAY)
    units = np.arange(len(size))
    school = np.full(len(size), -1, np.int64)
    price = np.zeros(len(room), np.int64)
    bound, proved, shortfalls = 0, True, list[Shortfall]()
    if len(size) and len(room):
        placed, shortfalls = _placeable(cost, size, room)
        while True:
            units = np.flatnonzero(placed)
            found, bound, price = _transport(cost[units], size[units], room)
            whole = _together(cost[units], size[units], room, found, bound, price)
            if whole is not None:
                break
            # Bound children for whom single seats remain, but not enough in one school: the last-ranked go without.
            last = int(units[size[units] > 1][-1])
            shortfalls.append(_shortfall(np.array([last]), cost, size, room))
            placed[last] = False
        school[units], proved = whole
        if rule == "rank" and len(units):
            school[units] = _by_rank(cost[units], size[units], room, school[units])
    elif len(size):
        shortfalls = [Shortfall(list(range(len(size))), [], int(size.sum()), 0)]
    held = school >= 0
    total = int((cost[held, school[held]] * size[held]).sum())
    return Coordination(school.tolist(), total, bound, price, proved and rule == "distance", shortfalls)


def compare(distance_m: Ints, members: Sequence[int], seats: Sequence[int], limit_m: int | None = None) -> Comparison:
    """Both rules on the same units, given in the order of their rank."""
    by_rank = coordinate(distance_m, members, seats, rule="rank", limit_m=limit_m)
    by_distance = coordinate(distance_m, members, seats, rule="distance", limit_m=limit_m)
    size, unit = np.asarray(members), np.arange(len(members))
    placed = np.array(by_distance.school) >= 0
    way = [np.where(placed, distance_m[unit, np.array(c.school)], 0) for c in (by_rank, by_distance)]
    last = np.full(len(seats), -1)
    np.maximum.at(last, np.array(by_distance.school)[placed], unit[placed])
    nearer = (distance_m < way[1][:, None]) & (last > unit[:, None])
    return Comparison(
        by_rank,
        by_distance,
        by_rank.total_m - by_distance.total_m,
        int(size[way[0] < way[1]].sum()),
        int(size[way[1] < way[0]].sum()),
        int((nearer.any(axis=1) & placed).sum()),
    )


def _placeable(cost: Ints, size: Ints, room: Ints) -> tuple[NDArray[np.bool_], list[Shortfall]]:
    """The best-ranked units that all fit within the limit, counted by children; and why the others don't."""
    left_out, reach, reached = _match_by_rank(cost, size, room)
    shortfalls = []
    for k in range(len(left_out)):
        schools = np.flatnonzero(reach[k])
        units = np.flatnonzero(reached[k])
        shortfalls.append(Shortfall(units.tolist(), schools.tolist(), int(size[units].sum()), int(room[schools].sum())))
    placed = np.ones(len(size), np.bool_)
    placed[left_out] = False
    merged: dict[tuple[int, ...], Shortfall] = {}
    for one in shortfalls:  # one for each set of schools
        before = merged.get(tuple(one.schools))
        every = sorted({*one.units, *(before.units if before else [])})
        merged[tuple(one.schools)] = Shortfall(every, one.schools, int(size[every].sum()), one.seats)
    return placed, list(merged.values())


def _shortfall(units: Ints, cost: Ints, size: Ints, room: Ints) -> Shortfall:
    schools = np.flatnonzero((cost[units] < NO_WAY).any(axis=0))
    return Shortfall(units.tolist(), schools.tolist(), int(size[units].sum()), int(room[schools].sum()))


@njit(cache=True)
def _match_by_rank(cost: Ints, size: Ints, room: Ints) -> Any:
    """Units in order, each child on an augmenting path of schools (greedy in a transversal matroid: the best-ranked fit).

    Returns the units left out, and for each the schools that it reaches and the units that sit there.
    """
    n, schools = cost.shape
    free = room.copy()
    children = size.sum()
    unit = np.empty(children, np.int64)
    at = np.full(children, -1, np.int64)
    first = np.empty(n, np.int64)
    c = 0
    for u in range(n):
        first[u] = c
        for _ in range(size[u]):
            unit[c] = u
            c += 1
    ways = np.zeros((schools, schools), np.int32)  # how many children at a may go to b
    came_by = np.empty(schools, np.int64)
    queue = np.empty(schools, np.int64)
    left_out = [0 for _ in range(0)]
    reach = [np.zeros(schools, np.bool_) for _ in range(0)]
    reached = [np.zeros(n, np.bool_) for _ in range(0)]
    for u in range(n):
        for c in range(first[u], first[u] + size[u]):
            came_by[:] = -2
            head, tail, goal = 0, 0, -1
            for s in range(schools):
                if cost[u, s] < NO_WAY:
                    came_by[s] = -1
                    queue[tail] = s
                    tail += 1
                    if free[s] > 0 and (goal < 0 or cost[u, s] < cost[u, goal]):
                        goal = s
            while goal < 0 and head < tail:
                a = queue[head]
                head += 1
                for b in range(schools):
                    if came_by[b] == -2 and ways[a, b] > 0:
                        came_by[b] = a
                        queue[tail] = b
                        tail += 1
                        if free[b] > 0:
                            goal = b
                            break
            if goal < 0:
                for k in range(first[u], c):
                    free[at[k]] += 1
                    for s in range(schools):
                        if cost[u, s] < NO_WAY:
                            ways[at[k], s] -= 1
                    at[k] = -1
                left_out.append(u)
                reach.append(came_by > -2)
                there = np.zeros(n, np.bool_)
                there[u] = True
                for k in range(first[u]):
                    if at[k] >= 0 and came_by[at[k]] > -2:
                        there[unit[k]] = True
                reached.append(there)
                break
            free[goal] -= 1
            while goal >= 0:  # back along the path: a child of a goes to goal
                a = came_by[goal]
                mover = c
                if a >= 0:
                    mover = first[u] - 1
                    while at[mover] != a or cost[unit[mover], goal] == NO_WAY:
                        mover -= 1
                if at[mover] >= 0:
                    for s in range(schools):
                        if cost[unit[mover], s] < NO_WAY:
                            ways[a, s] -= 1
                at[mover] = goal
                for s in range(schools):
                    if cost[unit[mover], s] < NO_WAY:
                        ways[goal, s] += 1
                goal = a
    gone = np.array(left_out, np.int64)
    return gone, reach, reached


@njit(cache=True)
def _transport(cost: Ints, size: Ints, room: Ints) -> Any:
    """Least total distance with every child on its own: successive shortest paths on the graph of schools.

    Begins with everybody at the nearest school and price 0, then moves children out of overfull schools along shortest
    paths, which raises prices. Every child sits where distance plus price is least, and schools with seats left cost
    nothing, so the prices prove the optimum. Returns each child's school, the total, and the prices. All must fit.
    """
    n, schools = cost.shape
    children = size.sum()
    unit = np.empty(children, np.int64)
    at = np.empty(children, np.int64)
    held = np.zeros(schools, np.int64)
    c = 0
    for u in range(n):
        for _ in range(size[u]):
            unit[c] = u
            at[c] = np.argmin(cost[u])
            held[at[c]] += 1
            c += 1
    price = np.zeros(schools, np.int64)
    pupils = np.empty((schools, children if children < 64 else 64), np.int64)
    count = np.zeros(schools, np.int64)
    detour = np.full((schools, schools), NO_WAY, np.int64)  # least further way from a to b of a child at a
    who = np.full((schools, schools), -1, np.int64)
    for c in range(children):
        a, u = at[c], unit[c]
        if count[a] == pupils.shape[1]:
            more = np.empty((schools, 2 * pupils.shape[1]), np.int64)
            more[:, : pupils.shape[1]] = pupils
            pupils = more
        pupils[a, count[a]] = c
        count[a] += 1
        for b in range(schools):
            if cost[u, b] < NO_WAY and cost[u, b] - cost[u, a] < detour[a, b]:
                detour[a, b] = cost[u, b] - cost[u, a]
                who[a, b] = c
    way = np.empty(schools, np.int64)
    came_by = np.empty(schools, np.int64)
    done = np.empty(schools, np.bool_)
    excess = 0
    for s in range(schools):
        excess += max(0, held[s] - room[s])
    while excess > 0:
        for s in range(schools):
            way[s] = 0 if held[s] > room[s] else NO_WAY
            came_by[s] = -1
            done[s] = False
        goal, far = -1, NO_WAY
        while True:
            a = -1
            for s in range(schools):
                if not done[s] and way[s] < NO_WAY and (a < 0 or way[s] < way[a]):
                    a = s
            if a < 0 or held[a] < room[a]:
                goal = a
                break
            done[a] = True
            for b in range(schools):
                if not done[b] and detour[a, b] < NO_WAY:
                    w = way[a] + detour[a, b] + price[b] - price[a]
                    if w < way[b]:
                        way[b] = w
                        came_by[b] = a
        far = way[goal]
        for s in range(schools):
            if done[s]:
                price[s] += far - way[s]
        held[goal] += 1
        b = goal
        while came_by[b] >= 0:
            a = came_by[b]
            c = who[a, b]
            u = unit[c]
            for k in range(count[a]):
                if pupils[a, k] == c:
                    count[a] -= 1
                    pupils[a, k] = pupils[a, count[a]]
                    break
            for s in range(schools):
                if who[a, s] == c:
                    detour[a, s] = NO_WAY
                    who[a, s] = -1
                    for k in range(count[a]):
                        v = unit[pupils[a, k]]
                        if cost[v, s] < NO_WAY and cost[v, s] - cost[v, a] < detour[a, s]:
                            detour[a, s] = cost[v, s] - cost[v, a]
                            who[a, s] = pupils[a, k]
            if count[b] == pupils.shape[1]:
                more = np.empty((schools, 2 * pupils.shape[1]), np.int64)
                more[:, : pupils.shape[1]] = pupils
                pupils = more
            at[c] = b
            pupils[b, count[b]] = c
            count[b] += 1
            for s in range(schools):
                if cost[u, s] < NO_WAY and cost[u, s] - cost[u, b] < detour[b, s]:
                    detour[b, s] = cost[u, s] - cost[u, b]
                    who[b, s] = c
            b = a
        held[b] -= 1
        excess -= 1
    total = 0
    for c in range(children):
        total += cost[unit[c], at[c]]
    return at, total, price


def _together(cost: Ints, size: Ints, room: Ints, child_at: Ints, bound: int, price: Ints) -> tuple[Ints, bool] | None:
    """Bound children in one school, at the least total; with whether that is proved. None where they can't be.

    An integer programme (HiGHS) over the options whose price is at most `slack` above the unit's best. An option left out
    adds more than `slack` to the bound, so a solution within `bound + slack` is the best of all.
    """
    first = np.cumsum(size) - size
    if not (size > 1).any():
        return child_at, True
    school = child_at[first]
    torn = np.add.reduceat(child_at != np.repeat(school, size), first) > 0
    if not torn.any():
        return school, True
    units, schools = cost.shape
    priced = (cost + price) * size[:, None]
    above = priced - priced.min(axis=1, keepdims=True)
    above[cost == NO_WAY] = NO_WAY
    further = cost - cost.min(axis=1, keepdims=True)
    slack = int(4 * np.partition(above[torn], 1, axis=1)[:, 1].sum()) + 1
    while True:
        unit, column = np.nonzero(above <= min(slack, NO_WAY - 1))
        option = np.arange(unit.size)
        once = coo_array((np.ones(unit.size), (unit, option)), (units, unit.size)).tocsr()
        taken = coo_array((size[unit].astype(float), (column, option)), (schools, unit.size)).tocsr()
        solved = milp(
            (further[unit, column] * size[unit]).astype(float),
            integrality=np.ones(unit.size),
            bounds=Bounds(0, 1),
            constraints=[LinearConstraint(once, 1, 1), LinearConstraint(taken, 0, room.astype(float))],
            options={"mip_rel_gap": 0},
        )
        if solved.x is None and unit.size == (above < NO_WAY).sum():
            return None
        if solved.x is not None:
            chosen = solved.x > 0.5
            school[unit[chosen]] = column[chosen]
            gap = int((cost[np.arange(units), school] * size).sum()) - bound
            if gap <= slack or unit.size == (above < NO_WAY).sum():
                return school, bool(solved.status == 0)
            slack = gap
        else:
            slack = min(8 * slack, NO_WAY - 1)


@njit(cache=True)
def _by_rank(cost: Ints, size: Ints, room: Ints, start: Ints) -> Ints:
    """In order, each unit takes the nearest school from which all after it can still be placed.

    `start` is a placement of all of them. A unit that wants a school with no seat left moves those after it along paths of
    schools; bound children among those after it move as a whole, to a school with room.
    """
    n, schools = cost.shape
    at = start.copy()
    free = room.copy()
    ways = np.zeros((schools, schools), np.int32)  # how many single children, not yet fixed, at a may go to b
    for u in range(n):
        free[at[u]] -= size[u]
        if size[u] == 1:
            for s in range(schools):
                ways[at[u], s] += cost[u, s] < NO_WAY
    came_by = np.empty(schools, np.int64)
    queue = np.empty(schools, np.int64)
    moved = np.empty(n + schools, np.int64)
    left = np.empty(n + schools, np.int64)
    for u in range(n):
        own = at[u]
        free[own] += size[u]
        if size[u] == 1:
            for s in range(schools):
                ways[own, s] -= cost[u, s] < NO_WAY
        for s in np.argsort(cost[u], kind="mergesort"):
            if cost[u, s] >= cost[u, own]:
                s = own
            steps = 0
            while free[s] < size[u]:
                came_by[:] = -2
                came_by[s] = -1
                queue[0] = s
                head, tail, goal = 0, 1, -1
                while goal < 0 and head < tail:
                    a = queue[head]
                    head += 1
                    for b in range(schools):
                        if came_by[b] == -2 and ways[a, b] > 0:
                            came_by[b] = a
                            queue[tail] = b
                            tail += 1
                            if free[b] > 0:
                                goal = b
                                break
                before = steps
                while goal >= 0 and came_by[goal] >= 0:
                    a = came_by[goal]
                    v = n - 1  # the last in rank that may
                    while at[v] != a or size[v] > 1 or cost[v, goal] == NO_WAY:
                        v -= 1
                    moved[steps], left[steps] = v, a
                    steps += 1
                    at[v] = goal
                    free[goal] -= 1
                    free[a] += 1
                    for b in range(schools):
                        if cost[v, b] < NO_WAY:
                            ways[a, b] -= 1
                            ways[goal, b] += 1
                    goal = a
                if steps == before:
                    for v in range(n - 1, u, -1):
                        if at[v] == s and size[v] > 1:
                            for b in range(schools):
                                if b != s and cost[v, b] < NO_WAY and free[b] >= size[v]:
                                    moved[steps], left[steps] = v, s
                                    steps += 1
                                    at[v] = b
                                    free[b] -= size[v]
                                    free[s] += size[v]
                                    break
                        if steps > before:
                            break
                if steps == before:
                    break
            if free[s] >= size[u]:
                at[u] = s
                break
            for k in range(steps - 1, -1, -1):
                v, b = moved[k], at[moved[k]]
                at[v] = left[k]
                free[b] += size[v]
                free[left[k]] -= size[v]
                if size[v] == 1:
                    for y in range(schools):
                        if cost[v, y] < NO_WAY:
                            ways[b, y] -= 1
                            ways[left[k], y] += 1
        free[at[u]] -= size[u]
    return at
