"""Coordination against brute force and a linear programme, both rules, limits, and what is said when seats don't suffice."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from ruxue.algorithms import coordination
from ruxue.algorithms.coordination import coordinate


def tiny(rng, bound):
    """Up to five units, three schools, distances that are all different."""
    units, schools = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    distance = rng.permutation(1000)[: units * schools].reshape(units, schools).astype(np.int64)
    size = [int(rng.choice([1, 1, 2, 3])) if bound else 1 for _ in range(units)]
    limit = int(rng.integers(300, 1100))
    return distance, size, [int(n) for n in rng.integers(0, 4, schools)], limit


def placements(distance, size, seats, limit):
    """Every way to place all units."""
    units, schools = distance.shape
    for places in itertools.product(range(schools), repeat=units):
        taken = np.bincount(places, size, schools)
        if (taken <= seats).all() and all(distance[u, s] <= limit for u, s in enumerate(places)):
            yield places


@pytest.mark.parametrize("bound", [False, True])
def test_least_total_and_fairest_by_brute_force(bound):
    rng = np.random.default_rng(370799 + bound)
    feasible = 0
    for _ in range(400):
        distance, size, seats, limit = tiny(rng, bound)
        every = list(placements(distance, size, seats, limit))
        least = coordinate(distance, size, seats, rule="distance", limit_m=limit)
        ranked = coordinate(distance, size, seats, rule="rank", limit_m=limit)
        assert (-1 not in least.school) == (-1 not in ranked.school) == bool(every) or bound
        for result in (least, ranked):
            held = [(u, s) for u, s in enumerate(result.school) if s >= 0]
            assert all(distance[u, s] <= limit for u, s in held)
            assert (np.bincount([s for _, s in held], [size[u] for u, _ in held], len(seats)) <= seats).all()
            assert result.total_m == sum(distance[u, s] * size[u] for u, s in held)
            assert bool(result.shortfalls) == (-1 in result.school)
        if not every or -1 in least.school:
            continue
        feasible += 1
        ways = [[int(distance[u, s]) for u, s in enumerate(places)] for places in every]
        assert least.proved and least.bound_m <= least.total_m
        assert least.total_m == min(np.dot(way, size) for way in ways)
        if not bound:
            assert least.bound_m == least.total_m
            assert [int(distance[u, s]) for u, s in enumerate(ranked.school)] == min(ways)
    assert feasible > 60


def test_bound_children_are_placed_wherever_all_singles_could_be():
    """Where it gives up on bound children, brute force finds no way either."""
    rng = np.random.default_rng(11)
    for _ in range(300):
        distance, size, seats, limit = tiny(rng, True)
        if -1 in coordinate(distance, size, seats, rule="distance", limit_m=limit).school:
            assert not list(placements(distance, size, seats, limit))


def test_the_total_equals_a_linear_programme_and_its_prices_prove_it():
    rng = np.random.default_rng(3)
    distance = rng.integers(0, 5000, (60, 8)).astype(np.int64)
    seats = rng.multinomial(64, np.ones(8) / 8)
    result = coordinate(distance, [1] * 60, seats, rule="distance")
    once, room = np.kron(np.eye(60), np.ones(8)), np.kron(np.ones(60), np.eye(8))
    solved = linprog(distance.ravel(), room, seats, once, np.ones(60), method="highs")
    assert result.total_m == result.bound_m == round(solved.fun)
    prices = result.price
    assert (prices >= 0).all() and (distance + prices).min(axis=1).sum() - prices @ seats == result.total_m


def test_no_exchange_makes_a_better_ranked_family_nearer():
    rng = np.random.default_rng(8)
    distance = rng.integers(0, 9000, (300, 12)).astype(np.int64)
    size = rng.choice([1, 1, 1, 1, 2], 300)
    seats = rng.multinomial(int(size.sum()) + 25, np.ones(12) / 12)
    limit = 4000
    fair = coordinate(distance, size, seats, rule="rank", limit_m=limit)
    assert -1 not in fair.school

    def exchanges(school):
        """Pairs of equal size, the better-ranked first, who may swap so that the first is nearer."""
        for u, v in itertools.combinations(range(300), 2):
            mine, other = school[u], school[v]
            if size[u] == size[v] and distance[u, other] < distance[u, mine] and distance[v, mine] <= limit:
                yield u, v

    assert not list(exchanges(fair.school))
    assert list(exchanges(coordinate(distance, size, seats, rule="distance", limit_m=limit).school))


def test_whom_the_limit_leaves_without_a_seat_and_why():
    distance = np.array([[100, 9000], [200, 9000], [300, 9000], [9000, 100], [8000, 8000]], np.int64)
    result = coordinate(distance, [1] * 5, [2, 5], limit_m=3000)
    assert result.school == [0, 0, -1, 1, -1]
    assert result.shortfalls == [
        coordination.Shortfall([0, 1, 2], [0], 3, 2),
        coordination.Shortfall([4], [], 1, 0),
    ]


def test_twins_for_whom_single_seats_do_not_suffice():
    result = coordinate(np.array([[5, 5], [9, 9]], np.int64), [1, 2], [1, 1])
    assert result.school == [0, -1] and result.shortfalls[0].units[-1] == 1
    result = coordinate(np.array([[1, 7], [9, 9]], np.int64), [1, 2], [2, 1])
    assert result.school == [1, 0] and result.shortfalls == []  # the twins' only school stays open to them


def test_both_rules_and_their_cost_to_each_other():
    distance = np.array([[100, 200], [150, 900]], np.int64)
    both = coordination.compare(distance, [1, 1], [1, 1])
    assert (both.by_rank.school, both.by_distance.school) == ([0, 1], [1, 0])
    assert (both.extra_m, both.nearer_by_rank, both.nearer_by_distance, both.passed_over) == (650, 1, 1, 1)
    assert not both.by_rank.proved and both.by_distance.proved


def test_network_distances_are_used_where_they_are_known():
    straight = coordination.distances([(119.10, 36.70)], [(119.11, 36.70), (119.10, 36.71)])
    assert straight.tolist() == [[892, 1112]]
    assert coordination.distances([(119.10, 36.70)], [(119.11, 36.70), (119.10, 36.71)], [[1300, -1]]).tolist() == [
        [1300, 1112]
    ]


def test_nobody_and_no_school_and_what_does_not_fit():
    assert coordinate(np.empty((0, 2), np.int64), [], [1, 1]).school == []
    assert coordinate(np.empty((2, 0), np.int64), [1, 1], []).shortfalls == [coordination.Shortfall([0, 1], [], 2, 0)]
    with pytest.raises(ValueError, match="distances of shape"):
        coordinate(np.zeros((2, 2), np.int64), [1], [1, 1])
    with pytest.raises(ValueError, match="at least"):
        coordinate(np.zeros((1, 1), np.int64), [0], [1])
