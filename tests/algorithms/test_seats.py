import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.algorithms import allocation, coordination, forecast


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 3), unique=True, max_size=4), min_size=1, max_size=12),
    st.lists(st.integers(0, 4), min_size=4, max_size=4),
    st.randoms(),
)
def test_no_justified_envy_and_never_over_plan(choices, seats, random):
    order = list(range(len(choices)))
    random.shuffle(order)
    result = allocation.allocate(choices, np.array(order, np.int64), seats)
    taken = [sum(int(s) == school for s in result.school) for school in range(4)]
    assert all(t <= s for t, s in zip(taken, seats, strict=True))
    for i, wanted in enumerate(choices):
        got = int(result.school[i])
        better = wanted[: wanted.index(got)] if got >= 0 else wanted
        for school in better:
            assert taken[school] == seats[school]
            assert all(order[j] < order[i] for j in range(len(choices)) if int(result.school[j]) == school)


def test_equal_priorities_are_refused():
    with pytest.raises(ValueError, match="share a priority"):
        allocation.allocate([[0], [0]], np.array([1, 1]), [1])


def test_twins_are_seated_together_or_passed_over():
    result = allocation.allocate([[0], [0]], np.array([0, 1]), [1], [2, 1])
    assert list(result.school) == [-1, 0]


def test_order_puts_the_unknown_last_and_splits_by_ticket():
    order = allocation.strict_order([(1, None), (1, 5), (0, 9), (1, 5)], [b"a", b"z", b"c", b"b"])
    assert list(order) == [3, 2, 0, 1]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=1, max_size=5),
    st.lists(st.integers(0, 3), min_size=3, max_size=3),
)
def test_coordination_is_optimal(rows, seats):
    distance = np.array(rows, np.int64)
    result = coordination.coordinate(distance, [1] * len(rows), seats)
    placed = sum(s >= 0 for s in result.school)
    assert placed == min(len(rows), sum(seats))
    best = None
    for combination in itertools.product([-1, 0, 1, 2], repeat=len(rows)):
        if sum(s >= 0 for s in combination) != placed or any(combination.count(s) > seats[s] for s in range(3)):
            continue
        total = sum(rows[i][s] for i, s in enumerate(combination) if s >= 0)
        best = total if best is None else min(best, total)
    assert result.total_m == best


def test_coordination_keeps_twins_together():
    result = coordination.coordinate(np.array([[1, 50], [2, 60]], np.int64), [2, 1], [2, 1])
    assert result.school == [0, 1]


def test_outlook_leaves_out_the_unborn_and_tells_its_error():
    rows = forecast.outlook({2020: 100, 2021: 80}, 1.05, 2026, 3)
    assert [(r.year, r.mid) for r in rows] == [(2026, 105), (2027, 84)]
    assert all(r.low < r.mid < r.high for r in rows)
    assert forecast.mape([100, 200], [110, 180]) == pytest.approx(10)
