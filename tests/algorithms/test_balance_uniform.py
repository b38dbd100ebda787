"""Nobody is likelier than another to land in a class, and like pairs meet equally often. Seeds are fixed: no flicker."""

import pytest
from benchmarks import uniformity

from ruxue.algorithms.draw import Stream


@pytest.mark.parametrize("name", list(uniformity.lists()))
def test_draws_are_uniform(name):
    found = uniformity.examine(*uniformity.lists()[name], seeds=400, shuffles=199)
    assert found["pupil_class"] > 0.001
    assert found["pairs"] > 0.005


def test_a_draw_that_does_not_always_shuffle_is_noticed(monkeypatch):
    shuffle = Stream.shuffle
    monkeypatch.setattr(Stream, "shuffle", lambda self, items: self.below(4) and shuffle(self, items))
    found = uniformity.examine(*uniformity.lists()["sex"], seeds=400, shuffles=199)
    assert found["pupil_class"] < 1e-6
    assert found["pairs"] <= 0.005
