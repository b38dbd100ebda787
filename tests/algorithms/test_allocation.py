"""The engine against definitions: brute force, independent packages, and what must hold for every market."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ruxue.algorithms import allocation
from ruxue.algorithms.allocation import Market, Reserves

PEERS = json.loads((Path(__file__).parent / "data" / "peers.json").read_text())


class Tiny:
    """A market of a few units, small enough to try every placement. Priorities are strict and differ by school."""

    def __init__(self, rng, bound, reserved):
        self.schools = int(rng.integers(1, 4))
        self.seats = [int(rng.choice([0, 1, 1, 1, 2, 3])) for _ in range(self.schools)]
        units = int(rng.integers(1, 5))
        self.lists = [
            [int(s) for s in rng.permutation(self.schools)[: rng.choice([0, 1, 2, 3, 3, 3])]] for _ in range(units)
        ]
        self.priority = [[int(p) for p in rng.permutation(units)] for _ in range(self.schools)]
        self.size = [int(rng.choice([1, 1, 2, 3])) if bound else 1 for _ in range(units)]
        self.reserves = [(s, int(rng.integers(0, n + 1)), bool(rng.integers(2))) for s, n in enumerate(self.seats)]
        self.uses = [[reserved and bool(rng.integers(2)) for _ in wanted] for wanted in self.lists]

    def choose(self, school, asking):
        """The school's choice, as docs/allocation.md tells it."""
        _, quota, returns = self.reserves[school]
        if not any(uses for row in self.uses for uses in row):
            quota = 0
        order = sorted(asking, key=lambda u: self.priority[school][u])
        rest, chosen = quota, []
        for u in order:
            if self.uses[u][self.lists[u].index(school)] and self.size[u] <= rest:
                rest -= self.size[u]
                chosen.append(u)
        room = self.seats[school] - quota + (rest if returns else 0)
        for u in order:
            if u not in chosen and self.size[u] <= room:
                room -= self.size[u]
                chosen.append(u)
        return frozenset(chosen)

    def stable(self):
        """Every placement in which nobody has a claim: each unit's place in its list, its length for none."""
        units = range(len(self.lists))
        choice = {
            (s, asking): self.choose(s, asking)
            for s in range(self.schools)
            for n in range(len(self.lists) + 1)
            for asking in map(frozenset, itertools.combinations([u for u in units if s in self.lists[u]], n))
        }
        found = []
        for places in itertools.product(*(range(len(wanted) + 1) for wanted in self.lists)):
            held = [set() for _ in range(self.schools)]
            for u, place in enumerate(places):
                if place < len(self.lists[u]):
                    held[self.lists[u][place]].add(u)
            if any(choice[s, frozenset(h)] != h for s, h in enumerate(held)):
                continue
            if not any(u in choice[s, frozenset(held[s] | {u})] for u in units for s in self.lists[u][: places[u]]):
                found.append(places)
        return found


def merged(markets):
    """Many markets as one, with schools of their own: solved at once."""
    start, school, keys, size, seats, reserve, reserves = [0], [], [], [], [], [], []
    for market in markets:
        shift = len(seats)
        active = any(uses for row in market.uses for uses in row)
        for u, wanted in enumerate(market.lists):
            school += [shift + s for s in wanted]
            keys += [market.priority[s][u] for s in wanted]
            reserve += [shift + s if uses else -1 for s, uses in zip(wanted, market.uses[u], strict=True)]
            start.append(len(school))
        size += market.size
        seats += market.seats
        reserves += [(shift + s, quota if active else 0, returns) for s, quota, returns in market.reserves]
    return Market(
        start=np.array(start),
        school=np.array(school, np.int32),
        seats=np.array(seats),
        category=np.zeros(len(school), np.int16),
        keys=np.array(keys)[:, None],
        option_keys=True,
        tickets=np.zeros((len(size), 0), np.uint64),
        size=np.array(size),
        reserve=np.array(reserve, np.int32),
        reserves=Reserves(*map(np.array, zip(*reserves, strict=True))),
    )


def places(markets, market, result):
    """The result as each market's tuple of places in the lists."""
    option = np.where(result.option < 0, market.start[1:], result.option) - market.start[:-1]
    first = 0
    for one in markets:
        yield tuple(int(p) for p in option[first : first + len(one.lists)])
        first += len(one.lists)


def test_brute_force_finds_no_better_stable_placement():
    rng = np.random.default_rng(370799)
    markets = [Tiny(rng, bound=False, reserved=bool(n % 2)) for n in range(10_000)]
    market = merged(markets)
    result = allocation.allocate(market)
    assert result.settled
    several = 0
    for one, got in zip(markets, places(markets, market, result), strict=True):
        stable = one.stable()
        assert got == tuple(map(min, zip(*stable, strict=True)))
        several += len(stable) > 1
        # Rural hospitals: every stable placement seats the same units and fills each school alike.
        for other in stable:
            assert [p < len(w) for p, w in zip(other, one.lists, strict=True)] == [
                p < len(w) for p, w in zip(got, one.lists, strict=True)
            ]
    assert several > 50


def test_bound_children_leave_no_claim_unless_it_is_said():
    rng = np.random.default_rng(7)
    markets = [Tiny(rng, bound=True, reserved=bool(n % 2)) for n in range(5_000)]
    market = merged(markets)
    result = allocation.allocate(market)
    assert (result.left >= 0).all()
    missed = []
    for one, got in zip(markets, places(markets, market, result), strict=True):
        if got not in one.stable():
            missed.append(one)
    assert len([one for one in missed if one.stable()]) <= 2  # finding one wherever it exists is NP-hard
    assert not any(allocation.allocate(merged([one])).settled for one in missed)


def test_where_bound_children_make_a_settled_placement_impossible_it_says_so():
    """P (two children) wants A; u wants B, then A; v wants A, then B. A: u, P, v; B: v, u. Whoever sits, one has a claim."""
    knot = Tiny(np.random.default_rng(0), bound=False, reserved=False)
    knot.schools, knot.seats, knot.size = 2, [2, 1], [2, 1, 1]
    knot.lists, knot.priority = [[0], [1, 0], [0, 1]], [[1, 0, 2], [9, 1, 0]]
    knot.reserves, knot.uses = [(0, 0, True), (1, 0, True)], [[False], [False, False], [False, False]]
    assert knot.stable() == []
    market = merged([knot])
    result = allocation.allocate(market)
    assert not result.settled
    assert (result.left >= 0).all()
    assert [(result.school == s).dot(market.size) for s in (0, 1)] == [2 - result.left[0], 1 - result.left[1]]


def truthful(one, unit, rng):
    """Copies of a market in which one unit tells every other list of the schools."""
    for n in range(one.schools + 1):
        for told in itertools.permutations(range(one.schools), n):
            lie = Tiny(rng, bound=False, reserved=False)
            lie.__dict__ |= one.__dict__
            lie.lists = [*one.lists[:unit], list(told), *one.lists[unit + 1 :]]
            lie.uses = [*one.uses[:unit], [False] * n, *one.uses[unit + 1 :]]
            yield lie


def test_no_list_serves_a_family_better_than_the_true_one():
    rng = np.random.default_rng(5)
    honest = [Tiny(rng, bound=False, reserved=False) for _ in range(300)]
    lies = [list(truthful(one, 0, rng)) for one in honest]
    every = [*honest, *itertools.chain(*lies)]
    market = merged(every)
    got = list(places(every, market, allocation.allocate(market)))
    of = iter(got[len(honest) :])
    for one, mine, told in zip(honest, got, lies, strict=False):
        for lie in told:
            place = next(of)[0]
            if place < len(lie.lists[0]) and lie.lists[0][place] in one.lists[0]:
                assert one.lists[0].index(lie.lists[0][place]) >= mine[0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
@example(860)  # a unit that another school had seated meanwhile never asked the better one again
def test_no_justified_envy_no_waste_never_over_plan(seed):
    rng = np.random.default_rng(seed)
    units, schools = int(rng.integers(1, 60)), int(rng.integers(1, 8))
    lists = [rng.permutation(schools)[: rng.integers(0, schools + 1)] for _ in range(units)]
    start = np.concatenate([[0], np.cumsum([len(w) for w in lists])]).astype(np.int64)
    market = Market(
        start=start,
        school=np.concatenate([*lists, np.empty(0)]).astype(np.int32),
        seats=rng.integers(0, 12, schools),
        category=rng.integers(0, 3, start[-1]).astype(np.int16),
        keys=np.where(rng.random((units, 2)) < 0.2, allocation.UNKNOWN, rng.integers(-5, 5, (units, 2))),
        tickets=rng.integers(0, 2**63, (units, 4)).astype(np.uint64),
        size=rng.choice([1, 1, 1, 2, 3], units),
    )
    result = allocation.allocate(market)
    taken = np.bincount(result.school[result.school >= 0], market.size[result.school >= 0], schools)
    assert (market.seats - taken == result.left).all() and (result.left >= 0).all()

    def standing(u, o):
        keys = [(k == allocation.UNKNOWN, k) for k in market.keys[u].tolist()]
        return market.category[o], keys, market.tickets[u].tolist()

    option_at = {(u, int(market.school[o])): o for u in range(units) for o in range(start[u], start[u + 1])}
    for u in range(units):
        end = start[u + 1] if result.option[u] < 0 else result.option[u]
        for o in range(start[u], end):
            s = int(market.school[o])
            behind = [
                v for v in range(units) if result.school[v] == s and standing(v, option_at[v, s]) > standing(u, o)
            ]
            claim = result.left[s] + market.size[behind].sum() >= market.size[u]
            assert not (result.settled and claim)


@pytest.mark.parametrize("case", PEERS, ids=lambda case: f"{case['peer']}-{case['number']}")
def test_independent_packages_seat_alike(case):
    """The results were made by the packages themselves; `benchmarks/allocation.py --freeze` makes them again."""
    lists = case["lists"]
    market = Market(
        start=np.concatenate([[0], np.cumsum([len(w) for w in lists])]),
        school=np.array([s for wanted in lists for s in wanted], np.int32),
        seats=np.array(case["seats"]),
        category=np.zeros(sum(map(len, lists)), np.int16),
        keys=np.array([case["priority"][s][u] for u, wanted in enumerate(lists) for s in wanted])[:, None],
        option_keys=True,
        tickets=np.zeros((len(lists), 0), np.uint64),
    )
    assert allocation.allocate(market).school.tolist() == case["seated"]


def test_both_packages_are_compared():
    assert {case["peer"] for case in PEERS} == {"matching 1.4.3", "py-school-match 0.2.0"} and len(PEERS) >= 40


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"school": np.array([0, 0], np.int32)}, "unit 0 lists a school twice"),
        ({"school": np.array([0, 7], np.int32)}, "unit 0: a school of its list"),
        ({"seats": np.array([1, -1])}, "school 1: seats can't be negative"),
        ({"size": np.array([0])}, "unit 0: a size"),
        ({"tickets": np.zeros((3, 1), np.uint64)}, "tickets has the shape"),
        ({"reserve": np.array([0, -1], np.int32)}, "unit 0: a reserve"),
        (
            {"start": np.array([0, 9, 2]), "keys": np.zeros((2, 0), np.int64), "tickets": np.zeros((2, 1), np.uint64)},
            "unit 0: start must",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, words):
    fits = {
        "start": np.array([0, 2]),
        "school": np.array([0, 1], np.int32),
        "seats": np.array([1, 1]),
        "category": np.zeros(2, np.int16),
        "keys": np.zeros((1, 0), np.int64),
        "tickets": np.zeros((1, 1), np.uint64),
    }
    with pytest.raises(ValueError, match=words):
        allocation.allocate(Market(**fits | change))


def test_an_undrawn_tie_is_refused_and_wide_keys_are_ordered():
    two = {
        "start": np.array([0, 1, 2]),
        "school": np.zeros(2, np.int32),
        "seats": np.array([1]),
        "category": np.zeros(2, np.int16),
    }
    with pytest.raises(ValueError, match="units 0 and 1 have the same standing"):
        allocation.allocate(Market(**two, keys=np.zeros((2, 1), np.int64), tickets=np.zeros((2, 4), np.uint64)))
    wide = np.array([[5, 2**62, 1], [5, -(2**62), 9]])
    result = allocation.allocate(Market(**two, keys=wide, tickets=np.zeros((2, 1), np.uint64)))
    assert result.school.tolist() == [-1, 0] and result.rank.tolist() == [2, 1] and not result.by_ticket.any()
