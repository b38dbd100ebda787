"""The protocol's own vectors, to the byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruxue.algorithms import draw

MANIFEST = json.loads(
    '{"protocol":"ruxue-draw/1","kind":"lottery","id":"demo-2025-01","title":"示例小学摇号","rules":{"seats":3,"group_boundary":"skip"},'
    '"witnesses":[{"id":"parent","role":"家长代表"},{"id":"committee","role":"家委会代表"},{"id":"bureau","role":"区教体局代表"}],'
    '"entries":[{"code":"A01"},{"code":"A02"},{"code":"A03"},{"code":"A04"},{"code":"A05"},{"code":"A06","group":"T1"},{"code":"A07","group":"T1"}]}'
)
SECRETS = [b"first secret 0001", b"second secret 002", b"third secret 0003"]
SEED = bytes.fromhex("0e8aaf89c6f4c646dde5f6dc609a6134a772ed762843997e54f88403a5c051ab")


def test_digest_commitments_and_seed():
    digest = draw.manifest_digest(MANIFEST)
    assert digest.hex() == "e4b1ee525196c8e9de1730881215af7e8856a981e6e53cf976b0d5af0b28baa2"
    made = [draw.commitment(digest, w["id"], s).hex() for w, s in zip(MANIFEST["witnesses"], SECRETS, strict=True)]
    assert made == [
        "79f53c26c26513a46bd0565b47e7e904f192f69aa4dd7e063b37f4c7d2020015",
        "6ecd820aa9ecbb0d3ab65a5829705e84546966a7c93586ad24f8f5bb8cf266d7",
        "8635ba59a66c22677852d072fdca523d02f2de0aa8050239dcd00e9ae11e9cbf",
    ]
    assert draw.make_seed(digest, SECRETS) == SEED
    with_beacon = draw.make_seed(digest, SECRETS, "sh000001:2025-07-16:3505.00")
    assert with_beacon.hex() == "0c23f1b76d088be9429e130f20bb40c68195d4b1f5b2fba9af6bb543a5f8292b"


def test_tickets_order_and_stream():
    assert draw.ticket(SEED, "A01").hex() == "dd283a4ad0011c54bec8a09cdf76ab7c20ea77e8f61e2dba4d20bbd4dc2ffe53"
    assert draw.ticket(SEED, "T1").hex() == "fdd50f5cc077b2682817d9a2174e7cb526550281eadb7add3bbe1dbe5d7bc836"
    assert draw.lottery(MANIFEST, SEED).order == ["A05", "A02", "A03", "A01", "A04", "T1"]
    stream = draw.Stream(SEED, "classes")
    assert [stream.next_u64() for _ in range(3)] == [11860400296719285253, 11192452493873713578, 12988076313515975025]
    stream = draw.Stream(SEED, "classes")
    assert [stream.below(10) for _ in range(10)] == [3, 8, 5, 8, 1, 5, 7, 4, 4, 1]


@pytest.mark.parametrize("seed", [b"", SEED, b"x" * 64, b"y" * 65])
def test_many_tickets_at_once_are_the_same(seed):
    names = ["A01", "T1", "", "测试", "long " * 40]
    assert draw.tickets(seed, names) == [draw.ticket(seed, name) for name in names]


def test_nanchang():
    assert draw.start_and_interval(20, 6, 3, 15) == [6, 9, 12, 15, 18, 1, 4, 8, 13, 17, 2, 7, 14, 20, 10]


def ruled(seats, boundary, entries=MANIFEST["entries"]):
    return {**MANIFEST, "rules": {"seats": seats, "group_boundary": boundary}, "entries": entries}


def test_groups_at_the_boundary():
    skipped = draw.lottery(ruled(6, "skip"), SEED)
    assert skipped.admitted == ["A05", "A02", "A03", "A01", "A04"] and skipped.excess == 0
    over = draw.lottery(ruled(6, "admit"), SEED)
    assert len(over.admitted) == 7 and over.excess == 1


@pytest.mark.parametrize(("seats", "boundary"), [(-1, "skip"), (True, "skip"), ("3", "skip"), (3, "drop"), (3, None)])
def test_rules_that_no_lottery_has_are_refused(seats, boundary):
    with pytest.raises(draw.DrawError, match=r"seats|group_boundary"):
        draw.lottery(ruled(seats, boundary), SEED)


def test_a_fresh_ticket_for_each_choice():
    names = ["A01", "A02", "A03"]
    assert draw.ranked(names, SEED, 2) == sorted(names, key=lambda n: draw.ticket(SEED, n + "/2"))


def test_first_choices_come_before_better_ranks():
    choices = {"A04": ["north"], "A05": ["south", "north"], "A02": ["south"], "T1": ["north"]}
    admitted = draw.preference_first(MANIFEST["entries"], choices, {"north": 2, "south": 1}, "skip", SEED)
    # A05 ranks first of all and takes south; north's first choices are A04, then T1, which no longer fits
    assert admitted == {"north": ["A04"], "south": ["A05"]}
    choices["A05"] = ["south"]
    choices["A02"] = ["south", "north"]
    admitted = draw.preference_first(MANIFEST["entries"], choices, {"north": 2, "south": 1}, "skip", SEED)
    assert admitted == {"north": ["A04", "A02"], "south": ["A05"]}
    for bad, message in (({"A99": ["north"]}, "no unit"), ({"A01": ["west"]}, "no seats")):
        with pytest.raises(draw.DrawError, match=message):
            draw.preference_first(MANIFEST["entries"], bad, {"north": 1}, "skip", SEED)


QUOTAS = {"attribute": "kind", "seats": {"1": 2, "2": 1}, "unused": "open"}
KINDS = {"A01": 1, "A02": 1, "A03": 2, "A04": 3, "A05": 1, "A06": 2, "A07": 2}  # order: A05 A02 A03 A01 A04 T1


def by_quota(plan, boundary="skip", kinds=KINDS, **change):
    entries = [{**e, "kind": kinds[e["code"]]} for e in MANIFEST["entries"]]
    rules = {"seats": plan, "group_boundary": boundary, "quotas": {**QUOTAS, **change}}
    return draw.lottery({**MANIFEST, "rules": rules, "entries": entries}, SEED)


def test_each_level_has_seats_of_its_own_and_the_rest_are_open():
    drawn = by_quota(4)
    assert (drawn.admitted, drawn.excess) == (["A05", "A02", "A03", "A01"], 0)
    assert drawn.order == ["A05", "A02", "A03", "A01", "A04", "T1"]
    assert by_quota(3).admitted == ["A05", "A02", "A03"]


def test_seats_that_a_level_leaves_unused_are_open_or_stay_empty():
    none = dict.fromkeys(KINDS, 3)
    assert by_quota(4, kinds=none).admitted == ["A05", "A02", "A03", "A01"]
    assert by_quota(4, kinds=none, unused="closed").admitted == ["A05"]


def test_a_group_at_a_quota_s_boundary():
    assert by_quota(3, seats={"2": 2}).admitted == ["A03", "A05", "A02"]  # T1 needs two seats; the one left is open
    over = by_quota(3, "admit", seats={"2": 2})
    assert (over.admitted, over.excess) == (["A03", "A06", "A07", "A05"], 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seats": {"1": 3, "2": 2}}, "add up to 5"),
        ({"seats": {"x": 1}}, "a whole number"),
        ({"seats": {"01": 1}}, "a whole number"),
        ({"seats": {"1": -1}}, "at least 0"),
        ({"unused": "lost"}, "open or closed"),
        ({"colour": 1}, "must have an attribute"),
        ({"kinds": {**KINDS, "A07": 1}}, "'T1' must have one"),
        ({"kinds": {**KINDS, "A05": "1"}}, "'A05' must have one"),
    ],
)
def test_quotas_that_make_no_sense_are_refused(change, message):
    with pytest.raises(draw.DrawError, match=message):
        by_quota(4, **change)


def test_integers_below_n_are_uniform():
    stream = draw.Stream(SEED, "smoke")
    seen = [0] * 7
    for _ in range(7000):
        seen[stream.below(7)] += 1
    assert sum((n - 1000) ** 2 / 1000 for n in seen) < 27.9  # 1 in 10,000 with 6 degrees; the seed is fixed


def test_tickets_favour_no_place_in_the_list():
    first = [0] * 5
    entries = [{"code": f"B{i}"} for i in range(5)]
    for n in range(2000):
        order = draw.lottery(ruled(1, "skip", entries), n.to_bytes(32, "big")).order
        first[int(order[0][1])] += 1
    assert sum((n - 400) ** 2 / 400 for n in first) < 23.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rules": {"seats": 1.5}}, "fraction"),
        ({"protocol": "x"}, "protocol"),
        ({"kind": "x"}, "kind"),
        ({"entries": [{"code": "B"}, {"code": "A"}]}, "not sorted"),
        ({"entries": [{"code": "A"}, {"code": "A"}]}, "twice"),
        ({"witnesses": []}, "witnesses"),
        ({"witnesses": ["parent"]}, "list of objects"),
        ({"entries": {"code": "A"}}, "list of objects"),
        ({"entries": [{"code": "A", "group": ""}]}, "not empty"),
        ({"entries": [{"code": "A"}, {"code": "B", "group": "A"}]}, "name of an entry"),
        ({"entries": [{"code": "A", "x": 2**60}]}, "canonical"),
    ],
)
def test_a_manifest_that_does_not_fit_is_named(change, message):
    with pytest.raises(draw.DrawError, match=message):
        draw.manifest_digest({**MANIFEST, **change})


def test_a_short_secret_is_refused():
    with pytest.raises(draw.DrawError, match="at least 16"):
        draw.commitment(b"x" * 32, "parent", b"short")


def test_a_seed_takes_no_short_secret_and_no_empty_beacon():
    with pytest.raises(draw.DrawError, match="secret 2"):
        draw.make_seed(b"x" * 32, [b"y" * 16, b"short"])
    with pytest.raises(draw.DrawError, match="beacon"):
        draw.make_seed(b"x" * 32, [b"y" * 16], "")


@pytest.mark.parametrize("numbers", [(20, 0, 3, 5), (20, 21, 3, 5), (20, 1, 0, 5), (20, 1, 3, 21)])
def test_a_walk_outside_the_circle_is_refused(numbers):
    with pytest.raises(draw.DrawError, match="start must be"):
        draw.start_and_interval(*numbers)


@given(st.permutations(MANIFEST["entries"]), st.integers(0, 7), st.sampled_from(["skip", "admit"]))
def test_the_order_of_the_list_does_not_matter(entries, seats, boundary):
    assert draw.lottery(ruled(seats, boundary, entries), SEED) == draw.lottery(ruled(seats, boundary), SEED)
