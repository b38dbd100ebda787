"""Records count with what they know: shares by kin, spells, addresses, zones, seat locks."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.policy.engine import locked, measured
from ruxue.policy.facts import VOCABULARY, Fact
from ruxue.policy.language import Quantity, SeatLockRule
from ruxue.policy.records import (
    GROUPS,
    KIND_NAMES,
    Dwellings,
    History,
    Kin,
    Owner,
    Owners,
    Person,
    Place,
    SeatLock,
    SeatLocks,
    Spell,
    length,
    merged,
    parse,
    plain,
)  # fmt: skip

relaxed = settings(deadline=None, max_examples=80)
PARENTS, FAMILY = GROUPS["parents"][0], GROUPS["child"][0] | GROUPS["parents"][0]
GRAPH = Kin(
    [
        Person("child", "F", ("wang", "li")),
        Person("wang", "M", ("old wang", "zhao")),
        Person("li", "F", ("old li",)),
        Person("old wang", "M"),
        Person("zhao", "F"),
        Person("old li", "M"),
        Person("brother", "M", ("wang", "li")),
        Person("aunt", "F", ("old wang", "zhao"), guardian=True),
        Person("tenant", "M"),
    ]
)


def test_roles_are_read_off_the_kinship_graph() -> None:
    assert GRAPH.roles() == {
        "child": "child",
        "wang": "father",
        "li": "mother",
        "old wang": "paternal_grandfather",
        "zhao": "paternal_grandmother",
        "old li": "maternal_grandfather",
        "brother": "sibling",
        "aunt": "guardian",
        "tenant": "other",
    }
    assert Kin([Person("x", "M")]).roles() == {"x": "other"}


@pytest.mark.parametrize(
    ("owners", "kin", "share"),
    [
        ([("father", 5000), ("mother", 5000)], None, (10_000, 10_000)),
        ([("father", 5000), ("other", 5000)], None, (5000, 5000)),
        ([("wang", 5000), ("tenant", 5000)], GRAPH, (5000, 5000)),
        ([("wang", 5000), ("tenant", 5000)], None, (0, 10_000)),
        ([("wang", 5000), ("father", 5000)], None, (5000, 10_000)),
        ([("nobody known", 10_000)], GRAPH, (0, 0)),
        ([("father", None), ("mother", None)], None, (10_000, 10_000)),
        ([("father", None), ("other", None)], None, (1, 9_999)),
        ([("other", None), ("sibling", None)], None, (0, 0)),
        ([("father", None), ("wang", None)], None, (1, 10_000)),
        ([("other", 4000), ("father", None), ("mother", None)], None, (6000, 6000)),
        ([], None, (0, 0)),
    ],
)
def test_shares_have_a_least_and_a_greatest(owners: list[Any], kin: Kin | None, share: tuple[int, int]) -> None:
    assert Owners(Owner(who, bp) for who, bp in owners).share(PARENTS, kin) == share


@pytest.mark.parametrize(
    ("owners", "kin", "within"),
    [
        (["father", "child"], None, True),
        (["father", "other"], None, False),
        (["wang"], GRAPH, True),
        (["wang"], None, None),
        (["wang", "other"], None, False),
        ([], None, False),
    ],
)
def test_nobody_else_on_the_certificate(owners: list[str], kin: Kin | None, within: bool | None) -> None:
    assert Owners(map(Owner, owners)).within(FAMILY, kin) is within


DAYS = st.integers(0, 1200).map(lambda n: date(2020, 1, 1) + timedelta(n))
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(-3, 20)).map(lambda t: (t[0], t[0] + t[1])), max_size=6)


@relaxed
@given(SPANS)
def test_merged_spans_hold_the_same_days_and_never_touch(spans: list[tuple[int, int]]) -> None:
    out = merged(spans)
    assert {d for a, b in out for d in range(a, b + 1)} == {d for a, b in spans for d in range(a, b + 1)}
    assert all(one[1] + 1 < two[0] for one, two in pairwise(out))


@relaxed
@given(DAYS, st.integers(0, 900))
def test_months_are_full_months_of_the_calendar(first: date, days: int) -> None:
    last = first + timedelta(days)
    months = length((first.toordinal(), last.toordinal()), "months")
    after = last + timedelta(1)
    # Counted one by one: the day before the same day of a later month completes a month.
    counted = 0
    while True:
        year, month = divmod(first.year * 12 + first.month + counted, 12)
        if (after.year, after.month, after.day) < (year, month + 1, first.day):
            break
        counted += 1
    assert months == counted
    assert length((first.toordinal(), last.toordinal()), "years") == months // 12


def count(history: list[Spell], **more: Any) -> tuple[int, int]:
    raw = {"of": ["insurance.main"], "count": "unbroken", "unit": "months", "until": date(2024, 8, 31), **more}
    facts = {"insurance.main": Fact(History(history)), "business.main": Fact(History([Spell(date(2024, 1, 1))]))}
    return measured(Quantity.model_validate(raw))(facts)


LONG = [
    Spell(date(2020, 1, 1), date(2021, 12, 31), "pension", "zone"),
    Spell(date(2023, 1, 1), None, "pension", "city"),
]


@pytest.mark.parametrize(
    ("more", "number"),
    [
        ({}, 20),
        ({"count": "cumulative"}, 44),
        ({"count": "longest"}, 24),
        ({"count": "cumulative", "unit": "years"}, 3),
        ({"unit": "years"}, 1),
        ({"unit": "days"}, 609),
        ({"until": date(2022, 6, 30)}, 0),
        ({"from": date(2024, 1, 1)}, 8),
        ({"at": "zone"}, 0),
        ({"at": "city", "count": "cumulative"}, 44),
        ({"at": "zone", "count": "cumulative"}, 24),
        ({"kinds": ["medical"]}, 0),
        ({"less": 12}, 8),
        ({"less": 30}, 0),
        ({"cap": 6}, 6),
        ({"of": ["insurance.main", "business.main"], "together": "all"}, 8),
        ({"of": ["insurance.main", "business.main"]}, 20),
    ],
)
def test_what_is_counted_of_a_history(more: dict[str, Any], number: int) -> None:
    assert count(LONG, **more) == (number, number)


def test_back_payments_are_left_out_where_the_rule_says_so() -> None:
    paid = [Spell(date(2024, 1, 1), date(2024, 4, 30), back_paid=True), Spell(date(2024, 5, 1))]
    assert count(paid) == (8, 8)
    assert count(paid, back_paid="excluded") == (4, 4)


def test_an_unknown_history_bounds_what_it_can() -> None:
    quantity = Quantity.model_validate(
        {
            "of": ["insurance.main", "business.main"],
            "together": "all",
            "count": "unbroken",
            "unit": "months",
            "until": date(2024, 8, 31),
        }
    )
    assert measured(quantity)({"business.main": Fact(History([Spell(date(2024, 1, 1))]))}) == (0, 8)
    either = quantity.model_copy(update={"together": "any"})
    low, high = measured(either)({"business.main": Fact(History([Spell(date(2024, 1, 1))]))})
    assert low == 8 and high > 10**6


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("a/1/101", "a/1/101", True),
        ("a/1/101", "a/1/102", False),
        ("a/1", "a/1/102", None),
        ("a", "a/1/102", None),
        ("a/1", "a/12/102", False),
        ("b", "a/1/102", False),
        ("", "a/1/102", None),
    ],
)
def test_addresses_compare_as_far_as_both_are_known(one: str, two: str, same: bool | None) -> None:
    assert Place(one).same(Place(two)) is same
    assert Place(two).same(Place(one)) is same


def test_a_zone_is_compounds_and_a_polygon() -> None:
    square = ((119.0, 36.0), (120.0, 36.0), (120.0, 37.0), (119.0, 37.0))
    assert Place("a/1").inside({"a"}, ()) is True
    assert Place("b/1").inside({"a"}, ()) is False
    assert Place("b/1", lng=119.5, lat=36.5).inside({"a"}, square) is True
    assert Place("b/1", lng=120.5, lat=36.5).inside({"a"}, square) is False
    assert Place("b/1").inside({"a"}, square) is None
    dent = (*square[:2], (119.5, 36.5), *square[2:])
    assert Place("", lng=119.8, lat=36.5).inside((), dent) is False
    assert Place("", lng=119.2, lat=36.5).inside((), dent) is True


def rule(**more: Any) -> SeatLockRule:
    return SeatLockRule.model_validate({"scope": "district", "last_year_blocks": False, **more})


SHENZHEN = {"since": 2013, "years": {"primary": 6, "junior": 3, "nine_year": 9}, "exempt": ["same_parents"]}


@pytest.mark.parametrize(
    ("raw", "lock", "season", "binds"),
    [
        (SHENZHEN, SeatLock("primary", 2019, same_parents=False), 2024, True),
        (SHENZHEN, SeatLock("primary", 2019, same_parents=False), 2025, False),  # the year it ends one may apply
        ({**SHENZHEN, "last_year_blocks": True}, SeatLock("primary", 2019, same_parents=False), 2025, True),
        (SHENZHEN, SeatLock("junior", 2022, same_parents=False), 2024, True),
        (SHENZHEN, SeatLock("junior", 2022, same_parents=False), 2025, False),
        (SHENZHEN, SeatLock("primary", 2019, same_parents=True), 2020, False),
        (SHENZHEN, SeatLock("primary", 2019), 2020, None),
        (SHENZHEN, SeatLock("primary", 2012, same_parents=False), 2014, False),
        # Dapeng: who transfers in locks from that grade to the end of the stage.
        (SHENZHEN, SeatLock("primary", 2022, grade=4, same_parents=False), 2024, True),
        (SHENZHEN, SeatLock("primary", 2022, grade=4, same_parents=False), 2025, False),
        # Pingshan: as long as the pupil's register stays in the zone.
        ({"released_by": ["transferred_out", "graduated"]}, SeatLock("primary", 2001), 2024, True),
        ({"released_by": ["transferred_out", "graduated"]}, SeatLock("primary", 2001, left="graduated"), 2024, False),
        ({"released_by": ["graduated"]}, SeatLock("primary", 2023, left="transferred_out"), 2024, True),
        # Longhua: public rental housing was exempt in the text of 2018 and is not in that of 2020.
        ({**SHENZHEN, "exempt": ["public_rental"]}, SeatLock("primary", 2023, home="public_rental"), 2024, False),
        ({**SHENZHEN, "exempt": []}, SeatLock("primary", 2023, home="public_rental"), 2024, True),
        # Nanshan: nine years, over for the junior part where the child does not go up.
        ({**SHENZHEN, "released_by": ["not_gone_up"]}, SeatLock("nine_year", 2016, same_parents=False), 2024, True),
        ({**SHENZHEN, "released_by": ["not_gone_up"]}, SeatLock("nine_year", 2016, left="not_gone_up"), 2024, False),
        # Beijing and Shanghai: the same school only, later children of the parents exempt.
        ({"years": {"primary": 6}, "scope": "school"}, SeatLock("primary", 2023, same_school=False), 2024, False),
        ({"years": {"primary": 6}, "scope": "school"}, SeatLock("primary", 2023, same_school=True), 2024, True),
        ({"years": {"primary": 6}, "scope": "school"}, SeatLock("primary", 2023), 2024, None),
        ({"years": {"primary": 6}}, SeatLock("junior", 2023), 2024, False),
    ],
)
def test_seat_locks_of_several_cities(raw: dict[str, Any], lock: SeatLock, season: int, binds: bool | None) -> None:
    assert locked(rule(**raw), lock, season) is binds


SAMPLES: dict[type, Any] = {
    bool: True, int: 3, str: "x", date: date(2026, 1, 2), Kin: GRAPH, Owners: Owners([Owner("father"), Owner("x", 5)]),
    History: History(LONG), Place: Place("a/1", "kuiwen", 119.5, 36.5),
    SeatLocks: SeatLocks([SeatLock("junior", 2022, 2, "graduated", "public_rental", True, None)]),
    Dwellings: Dwellings({"kuiwen": 1}),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda k: k.__name__)
def test_records_survive_json(kind: type) -> None:
    import json

    assert set(SAMPLES) == set(KIND_NAMES) == {t.kind for t in VOCABULARY.values()}
    made = parse(kind, json.loads(json.dumps(plain(SAMPLES[kind]))))
    assert made == SAMPLES[kind] and type(made) is kind
    assert parse(kind, None) is None


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (bool, 1), (int, True), (str, 3), (Owners, "father"), (Owners, [{"whom": "father"}]), (Owners, ["father"]),
        (History, [{"first": "2020-13-01"}]), (Dwellings, []), (date, "soon"), (Place, 3),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(kind: type, raw: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        parse(kind, raw)
