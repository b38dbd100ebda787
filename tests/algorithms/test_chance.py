"""Chances are counted allocations: against what can be known by hand, and what must hold of any market."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.algorithms import chance
from ruxue.algorithms.allocation import Market


def market(lists, seats, category=None):
    lengths = [len(wanted) for wanted in lists]
    school = [s for wanted in lists for s in wanted]
    return Market(
        start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        school=np.array(school, np.int32),
        seats=np.array(seats, np.int64),
        category=np.array(category or [0] * len(school), np.int16),
        keys=np.zeros((len(lists), 0), np.int64),
        tickets=np.zeros((len(lists), 2), np.uint64),
    )


def test_three_for_one_seat_have_a_third_each():
    times = chance.reruns(market([[0], [0], [0]], [1]), 3000, 1)
    assert times.sum() == 3000 and all(abs(n - 1000) < 110 for n in times)  # four standard deviations


def test_who_comes_before_gets_it_in_every_run_and_the_next_wish_takes_what_is_left():
    times = chance.reruns(market([[0], [0, 1], [0, 1]], [2, 1], [0, 1, 1, 1, 1]), 400, 2)
    assert times[0] == 400 and times[1] + times[3] == 400 and times[2] + times[4] == 400
    assert times[1] + times[2] == 400


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_runs_never_give_more_than_the_seats_nor_a_child_two(data):
    seats = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=3))
    lists = data.draw(st.lists(st.permutations(range(len(seats))), min_size=1, max_size=5))
    made, runs = market(lists, seats), 7
    times = chance.reruns(made, runs, data.draw(st.integers(0, 99)))
    assert all(times[made.school == s].sum() <= n * runs for s, n in enumerate(seats))
    assert all(times[made.start[u] : made.start[u + 1]].sum() <= runs for u in range(len(lists)))
    assert times.sum() == runs * min(len(lists), sum(seats))


def test_the_same_seed_counts_the_same_and_another_one_does_not():
    made = market([[0]] * 6, [3])
    assert (chance.reruns(made, 50, 4) == chance.reruns(made, 50, 4)).all()
    assert (chance.reruns(made, 50, 4) != chance.reruns(made, 50, 5)).any()
    with pytest.raises(ValueError, match="one run"):
        chance.reruns(made, 0, 1)


@pytest.mark.parametrize(
    ("share", "word"),
    [(1, "very_likely"), (0.95, "very_likely"), (0.94, "likely"), (0.65, "likely"), (0.64, "even"), (0.35, "even"),
     (0.34, "unlikely"), (0.05, "unlikely"), (0.04, "very_unlikely"), (0, "very_unlikely")],
)  # fmt: skip
def test_words_begin_where_the_page_says(share, word):
    assert chance.word(int(Fraction(str(share)) * 100), 100) == word
