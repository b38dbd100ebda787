"""Forecasts of first-graders from the register of younger children."""

import pytest

from ruxue.algorithms import forecast


def test_outlook_leaves_out_the_unborn_and_tells_its_error():
    rows = forecast.outlook({2020: 100, 2021: 80}, 1.05, 2026, 3)
    assert [(r.year, r.mid) for r in rows] == [(2026, 105), (2027, 84)]
    assert all(r.low < r.mid < r.high for r in rows)
    assert forecast.mape([100, 200], [110, 180]) == pytest.approx(10)
