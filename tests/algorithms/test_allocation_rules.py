"""Each rule of the field, told as a district would: dataclasses in, placements with reasons out."""

import pytest

from ruxue.algorithms import allocation, draw
from ruxue.algorithms.allocation import Applicant, Basis, Lock, Outcome, Rules, School, Wish, place, wishes

SEED = bytes(32)


def child(code, *wanted, keys=(), group=None, dwelling=None, family=None):
    return Applicant(code, wanted, keys, group, dwelling, family)


def run(children, schools, **given):
    result = place(children, schools, allocation.unit_tickets(children, SEED, given.get("fresh", False)), **given)
    return {p.applicant: p.school for p in result.placements}, result


def outcome(result, code, wish=0):
    return next(p for p in result.placements if p.applicant == code).standings[wish]


def test_categories_then_tie_breakers_unknown_last():
    zone = [
        child(c, Wish("S", cat), keys=keys)
        for c, cat, keys in (
            ("later", 0, (20, 1)),
            ("unknown", 0, (None, 0)),
            ("earlier", 0, (10, 9)),
            ("second", 1, (1, 1)),
        )
    ]
    seats, result = run(zone, [School("S", 2)])
    assert seats == {"later": "S", "unknown": None, "earlier": "S", "second": None}
    told = outcome(result, "second")
    assert (told.outcome, told.rank, told.line, told.seats, told.last_rank, told.last_category) == (
        Outcome.FULL,
        4,
        4,
        2,
        2,
        0,
    )
    assert not told.by_ticket


def test_lottery_inside_the_batch_that_straddles_the_capacity_follows_the_protocol():
    """Three of the first category, five of the second for two seats: the protocol's lottery of the five decides."""
    first = [child(f"A{n}", Wish("S", 0)) for n in range(3)]
    second = [child(f"B{n}", Wish("S", 1)) for n in range(5)]
    seats, result = run([*second, *first], [School("S", 5)])
    manifest = {"rules": {"seats": 2, "group_boundary": "skip"}, "entries": [{"code": c.code} for c in second]}
    drawn = draw.lottery(manifest, SEED).admitted
    assert sorted(c for c, s in seats.items() if s and c[0] == "B") == sorted(drawn)
    assert all(seats[c.code] for c in first)
    assert {c for c in seats if outcome(result, c).by_ticket} == {c.code for c in second}


def test_twins_at_the_boundary_agree_with_the_protocols_lottery():
    children = [child(f"C{n}", Wish("S", 0), group=f"twins{n // 2}" if n < 6 else None) for n in range(9)]
    for places in range(10):
        seats, _ = run(children, [School("S", places)])
        entries = [{"code": c.code} | ({"group": c.group} if c.group else {}) for c in children]
        manifest = {"rules": {"seats": places, "group_boundary": "skip"}, "entries": entries}
        assert sorted(c for c, s in seats.items() if s) == sorted(draw.lottery(manifest, SEED).admitted)


def test_a_school_passes_over_bound_children_that_do_not_fit_and_says_so():
    children = [
        child("a", Wish("S", 0), keys=(1,)),
        child("t1", Wish("S", 0), keys=(2,), group="t"),
        child("t2", Wish("S", 0), keys=(2,), group="t"),
        child("b", Wish("S", 0), keys=(3,)),
    ]
    seats, result = run(children, [School("S", 2)])
    assert seats == {"a": "S", "t1": None, "t2": None, "b": "S"}
    assert outcome(result, "t1").outcome == Outcome.GROUP_TOO_LARGE


def test_bound_children_stand_where_their_last_stands_and_share_one_list():
    twins = [
        child("t1", Wish("A", 0), Wish("B", 0), Wish("C", 0), keys=(1,), group="t"),
        child("t2", Wish("C", 1), Wish("A", 0), keys=(9,), group="t"),
    ]
    seats, result = run([*twins, child("x", Wish("A", 0), keys=(5,))], [School("A", 2), School("B", 9), School("C", 9)])
    assert seats == {"t1": "C", "t2": "C", "x": "A"}
    assert [s.school for s in result.placements[0].standings] == ["A", "C"]
    assert outcome(result, "t1", 1).category == 1


@pytest.mark.parametrize(("kept", "taken"), [((), 3), (("migrant",), 2)])
def test_reserved_seats_are_a_guarantee_and_return_unless_kept(kept, taken):
    locals_ = [child(f"L{n}", Wish("S", 0)) for n in range(4)]
    migrant = child("M", Wish("S", 5, reserve="migrant"))
    school = School("S", 3, reserves={"migrant": 1}, kept=kept)
    seats, result = run([*locals_, migrant], [school])
    assert seats["M"] == "S" and outcome(result, "M").outcome == Outcome.RESERVED
    assert sum(s is not None for s in seats.values()) == 3
    seats, result = run(locals_, [school])
    assert sum(s is not None for s in seats.values()) == taken
    assert result.reserved_left == {("S", "migrant"): 1}


def test_zones_of_one_and_of_several_schools_and_who_has_no_right():
    assert wishes(2, ["S"]) == ([Wish("S", 2)], [])
    asked, refused = wishes(0, ["A", "B", "C"], ["C", "X", "P", "A"], choices={"P"})
    assert [(w.school, w.basis) for w in asked] == [
        ("C", Basis.ZONE),
        ("P", Basis.CHOICE),
        ("A", Basis.ZONE),
        ("B", Basis.ZONE),
    ]
    assert refused == ["X"]


def test_buffer_zones_get_what_the_zone_leaves_and_only_the_first_category():
    def near(code, category):
        return child(code, *wishes(category, ["Own"], ["Hot", "Own"], buffer=["Hot"])[0])

    children = [child("zone", Wish("Hot", 3)), near("first", 0), near("also", 0), near("second", 1)]
    seats, result = run(children, [School("Hot", 2), School("Own", 2)])
    assert seats["zone"] == "Hot" and sorted([seats["first"], seats["also"]]) == ["Hot", "Own"]
    assert seats["second"] == "Own"
    assert outcome(result, "second").outcome == Outcome.BUFFER_CLOSED
    seats, _ = run(
        [child(f"z{n}", Wish("Hot", 4)) for n in range(2)] + children[1:], [School("Hot", 2), School("Own", 3)]
    )
    assert seats["z0"] == seats["z1"] == "Hot"


def test_feeder_promotion_comes_first_unless_the_family_declines():
    def graduate(code, declines):
        return child(code, *wishes(3, ["Zone"], feeder="Nine", declines_feeder=declines)[0])

    children = [child("zone", Wish("Nine", 0)), graduate("goes", False), graduate("stays", True)]
    seats, _ = run(children, [School("Nine", 1), School("Zone", 5)])
    assert seats == {"zone": None, "goes": "Nine", "stays": "Zone"}


@pytest.mark.parametrize(("rule", "winner"), [("first", "sib2"), ("in_category", "sib1"), ("none", "early")])
def test_siblings_of_pupils(rule, winner):
    children = [
        child("early", Wish("S", 0), keys=(1,)),
        child("sib1", Wish("S", 0, Basis.SIBLING), keys=(9,)),
        child("sib2", Wish("S", 1, Basis.SIBLING), keys=(5,)),
    ]
    if rule == "first":
        children = [children[0], children[2]]
    assert run(children, [School("S", 1)], rules=Rules(sibling=rule))[0][winner] == "S"


def test_public_and_private_at_the_same_time_the_loser_goes_last_in_its_class():
    def both(code):
        return child(code, Wish("P", 0, Basis.CHOICE), Wish("Z", 0), keys=(1,))

    children = [both("x"), both("y"), child("z", Wish("Z", 0), keys=(9,)), child("second", Wish("Z", 1), keys=(0,))]
    schools = [School("P", 1, private=True), School("Z", 2)]
    seats, result = run(children, schools)
    loser = next(c for c in "xy" if seats[c] != "P")
    assert sorted(seats[c] for c in "xy") == ["P", "Z"] and seats["z"] == "Z" and seats["second"] is None
    assert outcome(result, loser, 1).rank == 2 and outcome(result, loser).by_ticket
    seats, result = run(children, schools, rules=Rules(loser_last=False))
    assert outcome(result, loser, 1).rank == 1


@pytest.mark.parametrize(
    ("choice_first", "got"), [(False, {"a": "S", "b": "T", "c": None}), (True, {"a": None, "b": "T", "c": "S"})]
)
def test_parallel_choices_and_choices_first(choice_first, got):
    children = [
        child("a", Wish("T", 0), Wish("S", 0), keys=(2,)),
        child("b", Wish("T", 0), keys=(1,)),
        child("c", Wish("S", 0), keys=(3,)),
    ]
    assert run(children, [School("S", 1), School("T", 1)], rules=Rules(choice_first=choice_first))[0] == got


def test_a_second_and_a_late_round_get_what_is_left():
    schools = [School("S", 1), School("T", 2)]
    first, result = run([child("a", Wish("S", 0), keys=(1,)), child("b", Wish("S", 0), keys=(2,))], schools)
    assert first == {"a": "S", "b": None} and result.left == {"S": 0, "T": 2}
    again = [School(s.code, result.left[s.code]) for s in schools]
    second, result = run([child("b", Wish("S", 0), Wish("T", 4)), child("late", Wish("S", 0), Wish("T", 5))], again)
    assert second == {"b": "T", "late": "T"} and result.left == {"S": 0, "T": 0}


@pytest.mark.parametrize(
    ("lock", "seated"),
    [
        (Lock("flat", "Li", 2020, 6), False),
        (Lock("flat", "Li", 2019, 6), True),  # the lock's pupil leaves this summer
        (Lock("flat", "Li", 2017, 9), False),
        (Lock("flat", "Wang", 2020, 6), True),  # the same parents
        (Lock("flat", "Li", 2020, 6, released=True), True),
        (Lock("flat", "Li", 2020, 6, school="Other"), True),
        (Lock("flat", "Li", 2020, 6, school="S"), False),
        (Lock("other", "Li", 2020, 6), True),
    ],
)
def test_seat_locks_by_dwelling(lock, seated):
    wang = child("w", Wish("S", 0), Wish("Private", 0, Basis.CHOICE), dwelling="flat", family="Wang")
    seats, result = run([wang], [School("S", 1), School("Private", 1, private=True)], locks=[lock], year=2025)
    assert seats == {"w": "S" if seated else "Private"}
    assert outcome(result, "w").outcome == (Outcome.SEATED if seated else Outcome.LOCKED)


def test_nanchangs_start_number_and_interval():
    """The notice's example: 20 numbers, start 6, interval 3, 15 drawn."""
    children = [child(f"{n:02}", Wish("P", 0, Basis.CHOICE)) for n in range(1, 21)]
    tickets = allocation.interval_tickets([c.code for c in children], 6, 3)
    result = place(children, [School("P", 15, private=True)], tickets)
    ranks = sorted((p.standings[0].rank, p.applicant) for p in result.placements if p.school)
    assert [int(code) for _, code in ranks] == [6, 9, 12, 15, 18, 1, 4, 8, 13, 17, 2, 7, 14, 20, 10]


def test_baiyuns_unique_numbers_ranked_by_school():
    """One number for each child, ascending among those of each school, until the plan is full."""
    children = [child(f"c{n}", Wish("PQ"[n % 2], 0, Basis.CHOICE)) for n in range(40)]
    seats, result = run(children, [School("P", 7, private=True), School("Q", 3, private=True)])
    for school, places in (("P", 7), ("Q", 3)):
        order = draw.ranked([c.code for c in children if c.wishes[0].school == school], SEED)
        assert [outcome(result, code).rank for code in order] == list(range(1, 21))
        assert [c for c in order if seats[c]] == order[:places]


def test_a_fresh_ticket_for_each_choice():
    children = [child(f"c{n}", Wish("P", 0), Wish("Q", 0)) for n in range(12)]
    seats, result = run(children, [School("P", 3), School("Q", 3)], fresh=True)
    first = draw.ranked([c.code for c in children], SEED, 1)
    assert {c for c in seats if seats[c] == "P"} == set(first[:3])
    second = [c for c in draw.ranked([c.code for c in children], SEED, 2) if c not in first[:3]]
    assert {c for c in seats if seats[c] == "Q"} == set(second[:3])
    assert outcome(result, first[0], 1).outcome == Outcome.NOT_NEEDED


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="'X'"):
        run([child("a", Wish("X", 0))], [School("S", 1)])
    with pytest.raises(ValueError, match="no reserve 'r'"):
        run([child("a", Wish("S", 0, reserve="r"))], [School("S", 1)])
    with pytest.raises(ValueError, match="'a' has no ticket"):
        place([child("a", Wish("S", 0))], [School("S", 1)], {})
    with pytest.raises(ValueError, match="occurs twice"):
        run([child("a", Wish("S", 0)), child("a", Wish("S", 0))], [School("S", 1)])
