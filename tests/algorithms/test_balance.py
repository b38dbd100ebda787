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
    assert report["ordered"]["age_months"]["mean_spread_hundredths"] <= 3  # 1 of 45 pupils' months
    assert report["ordered"]["age_months"]["deviation_spread_hundredths"] <= 2


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
        (
            {"classes": 2, "required": [["P0000", "P0001"]], "forbidden": [["P0000", "P0001"]]},
            "these 2 rules contradict",
        ),
    ],
)
def test_contradicting_rules_are_named(rules, message):
    with pytest.raises(balance.InfeasibleRules, match=message):
        balance.assign_classes(pupils([0] * 10, [72] * 10), {**RULES, **rules}, Stream(b"s" * 32, "classes"))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"together": ["G"], "apart": ["G"]}, "group G must be together by one rule"),
        ({"apart": ["H"]}, "no pupil belongs"),
        ({"required": [["P0000", "X"]]}, "no such pupil"),
        ({"forbidden": [["P0000", "P0000"]]}, "with itself"),
        ({"balance": ["origin"]}, "not an integer"),
        ({"classes": 0}, "classes can't be 0"),
        ({"balance": "sex"}, "balance can't be"),
        ({"mean": 3}, "mean can't be"),
        ({"colour": []}, "unknown part"),
        ({"limit": [{"attribute": "sex", "most": 1}]}, "limit can't be"),
        ({"fixed": {"P0000": 3}}, "classes are 1 to 2"),
        ({"balance": ["age_months/1"]}, "2 to 100 parts"),
    ],
)
def test_rules_about_what_is_not_there_are_named(rules, message):
    entries = pupils([0] * 10, [72] * 10)
    entries[0]["group"] = entries[1]["group"] = "G"
    with pytest.raises(balance.InfeasibleRules, match=message):
        balance.assign_classes(entries, {**RULES, "classes": 2, **rules}, Stream(b"s" * 32, "classes"))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(20, 200), st.integers(2, 8), st.binary(min_size=32, max_size=32))
def test_a_second_attribute_is_within_one_without_harm_to_the_first(data, count, classes, seed):
    entries = pupils([data.draw(st.integers(0, 1)) for _ in range(count)], [72] * count)
    for i, entry in enumerate(entries):
        entry["origin"] = (i * 5 % 17) % 3
    rules = {"classes": classes, "balance": ["sex", "origin"]}
    report = balance.balance_report(entries, balance.assign_classes(entries, rules, Stream(seed, "classes")), rules)
    assert all(row["spread"] <= 1 for row in report["attributes"]["sex"].values())
    assert all(row["spread"] <= 1 for row in report["attributes"]["origin"].values())


def test_late_arrivals_move_nobody():
    entries = pupils([i % 2 for i in range(30)], [72] * 30)
    rules = {**RULES, "classes": 3, "cap": 12}
    placed = balance.assign_classes(entries, rules, Stream(b"s" * 32, "classes"))
    late = [{"code": f"Z{i}", "sex": i % 2, "age_months": 75} for i in range(3)]
    added = balance.place_late(placed, entries, late, rules, Stream(b"t" * 32, "classes"))
    report = balance.balance_report(entries + late, {**placed, **added}, rules)
    assert report["size_spread"] == 0


LATE = {**RULES, "classes": 3, "cap": 12}


def arrivals(*late, **rules):
    """Classes before, and of the late arrivals, in a school of 30 where P0000 has group G."""
    entries = pupils([i % 2 for i in range(30)], [72] * 30)
    entries[0]["group"] = "G"
    placed = balance.assign_classes(entries, LATE, Stream(b"s" * 32, "classes"))
    rows = [{"code": code, "sex": 1, "age_months": 75, **more} for code, more in late]
    return placed, balance.place_late(placed, entries, rows, {**LATE, **rules}, Stream(b"t" * 32, "classes"))


def test_a_late_twin_joins_and_late_pairs_are_kept_apart():
    placed, added = arrivals(("Z1", {"group": "G"}), ("Z2", {}), forbidden=[["P0001", "Z2"], ["Z1", "Z2"]])
    assert added["Z1"] == placed["P0000"]
    assert added["Z2"] not in (placed["P0001"], added["Z1"])


def test_late_arrivals_need_the_others_placed():
    entries = pupils([0] * 6, [72] * 6)
    for placed in ({}, {e["code"]: 0 for e in entries}):
        with pytest.raises(balance.InfeasibleRules, match="from 1 to 3"):
            balance.place_late(placed, entries, [], LATE, Stream(b"t" * 32, "classes"))


def test_a_late_twin_who_fits_nowhere_is_told():
    with pytest.raises(balance.InfeasibleRules, match="1 late arrivals don't fit into 0"):
        arrivals(("Z1", {"group": "G"}), cap=10)
    with pytest.raises(balance.InfeasibleRules, match="don't fit"):
        arrivals(("Z1", {}), cap=10)
    placed, _ = arrivals()
    mates = [code for code, c in placed.items() if c == placed["P0000"] and code != "P0000"]
    with pytest.raises(balance.InfeasibleRules, match="these 2 rules contradict each other"):
        arrivals(("Z1", {"group": "G"}), forbidden=[["Z1", mates[0]]])


def test_teachers_are_drawn_one_to_each_class():
    drawn = balance.draw_teachers(["a", "b", "c"], 3, Stream(b"s" * 32, "teachers"))
    assert sorted(drawn.values()) == [1, 2, 3]
    with pytest.raises(balance.InfeasibleRules):
        balance.draw_teachers(["a"], 2, Stream(b"s" * 32, "teachers"))
    with pytest.raises(balance.InfeasibleRules, match="twice"):
        balance.draw_teachers(["a", "a"], 2, Stream(b"s" * 32, "teachers"))
