from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.algorithms import balance
from ruxue.algorithms.draw import Stream


def pupils(sexes, ages):
    return [{"code": f"P{i:04d}", "sex": s, "age_months": a} for i, (s, a) in enumerate(zip(sexes, ages, strict=True))]


RULES = {"balance": ["sex"], "mean": "age_months"}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(70, 84)), min_size=1, max_size=120),
    st.integers(1, 9),
    st.binary(min_size=32, max_size=32),
)
def test_sizes_and_sexes_within_one(rows, classes, seed):
    classes = min(classes, len(rows))
    entries = pupils(*zip(*rows, strict=True))
    rules = {**RULES, "classes": classes}
    placed = balance.assign_classes(entries, rules, Stream(seed, "classes"))
    report = balance.balance_report(entries, placed, rules)
    assert set(placed) == {e["code"] for e in entries}
    assert report["size_spread"] <= 1
    assert all(level["spread"] <= 1 for level in report["attributes"]["sex"].values())


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 80), st.integers(2, 5), st.binary(min_size=32, max_size=32))
def test_groups_together_or_apart(count, classes, seed):
    entries = pupils([i % 2 for i in range(count)], [72 + i % 12 for i in range(count)])
    entries[0]["group"] = entries[1]["group"] = "T1"
    entries[2]["group"] = entries[4]["group"] = "T2"
    placed = balance.assign_classes(entries, {**RULES, "classes": classes, "apart": ["T2"]}, Stream(seed, "classes"))
    assert placed["P0000"] == placed["P0001"]
    assert placed["P0002"] != placed["P0004"]


def test_ages_are_evened_out():
    entries = pupils([i % 2 for i in range(450)], [(i * 7919) % 13 + 72 for i in range(450)])
    rules = {**RULES, "classes": 10}
    report = balance.balance_report(
        entries, balance.assign_classes(entries, rules, Stream(b"s" * 32, "classes")), rules
    )
    assert report["mean_spread_hundredths"] <= 5


def test_every_class_is_as_likely():
    entries = pupils([i % 2 for i in range(12)], [72 + i for i in range(12)])
    seen = Counter()
    for n in range(900):
        placed = balance.assign_classes(entries, {**RULES, "classes": 3}, Stream(n.to_bytes(32, "big"), "classes"))
        seen[placed["P0000"]] += 1
    chi2 = sum((seen[c] - 300) ** 2 / 300 for c in (1, 2, 3))
    assert chi2 < 18.4  # 1 in 10,000 with 2 degrees of freedom; seeds are fixed, so this never flickers


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"classes": 2, "cap": 4}, "places a class"),
        ({"classes": 11}, "can't fill"),
        ({"classes": 2, "required": [["P0000", "P0001"]], "forbidden": [["P0000", "P0001"]]}, "together by one rule"),
    ],
)
def test_contradicting_rules_are_named(rules, message):
    with pytest.raises(balance.InfeasibleRules, match=message):
        balance.assign_classes(pupils([0] * 10, [72] * 10), {**RULES, **rules}, Stream(b"s" * 32, "classes"))


def test_late_arrivals_move_nobody():
    entries = pupils([i % 2 for i in range(30)], [72] * 30)
    rules = {**RULES, "classes": 3, "cap": 12}
    placed = balance.assign_classes(entries, rules, Stream(b"s" * 32, "classes"))
    late = [{"code": f"Z{i}", "sex": i % 2, "age_months": 75} for i in range(3)]
    added = balance.place_late(placed, entries, late, rules, Stream(b"t" * 32, "classes"))
    report = balance.balance_report(entries + late, {**placed, **added}, rules)
    assert report["size_spread"] == 0


def test_teachers_are_drawn_one_to_each_class():
    drawn = balance.draw_teachers(["a", "b", "c"], 3, Stream(b"s" * 32, "teachers"))
    assert sorted(drawn.values()) == [1, 2, 3]
    with pytest.raises(balance.InfeasibleRules):
        balance.draw_teachers(["a"], 2, Stream(b"s" * 32, "teachers"))
