"""What a rule's arrangements mean for the seats."""

import pytest

from ruxue.policy import arrangements
from ruxue.policy.language import load

BASE = """
id: x-primary
version: 1
district: dongkou
level: primary
season: 2026
title: {zh: 试, en: t}
source: {zh: 试, en: t}
eligible: {fact: child.born_on, on_or_before: 2020-08-31}
categories:
  - {code: A, title: {zh: 甲, en: a}, bases: [{title: {zh: 甲, en: a}, when: {fact: dwelling.in_zone, is: true}}]}
  - {code: B, title: {zh: 乙, en: b}, bases: [{title: {zh: 乙, en: b}, when: {fact: lease.in_zone, is: true}}]}
order: []
coordinate: {zh: 统筹, en: coordination}
"""


def rule(more=""):
    return load(BASE + more)


def test_a_rule_without_preference_rounds_has_one_run_that_coordinates():
    (only,) = arrangements.stages(rule())
    assert only.kind == "all" and only.coordinates and only.categories is None


def test_preference_rounds_come_between_the_zones_and_what_is_left():
    made = arrangements.stages(
        rule("rounds: [{title: {zh: 志愿, en: choices}, categories: [B], choices: 4, by: choice_first, repeat: 2}]\n")
    )
    assert [(s.kind, s.number, s.coordinates) for s in made] == [
        ("zone", 0, False), ("preference", 1, False), ("preference", 2, False), ("rest", 3, True)
    ]  # fmt: skip
    assert made[0].categories == {"A"} and made[1].categories == {"B"}
    assert (made[1].choices, made[1].choice_first, made[2].zh, made[2].en) == (4, True, "志愿（2/2）", "choices (2/2)")


@pytest.mark.parametrize(
    ("quota", "plan", "kept"),
    [("{category: B, seats: 3}", 10, 3), ("{category: B, seats: 30}", 10, 10), ("{category: B, share: 25%}", 10, 2)],
)
def test_quotas_are_a_number_or_a_share_rounded_down_and_never_more_than_the_plan(quota, plan, kept):
    assert arrangements.reserved(rule(f"quotas: [{quota}]\n"), plan) == {"B": kept}


def test_the_loser_of_a_private_draw_goes_last_only_where_the_rule_says_so():
    said = "last_in_category: [{title: {zh: 落选, en: l}, when: {fact: child.lost_private_draw, is: true}}]\n"
    assert arrangements.loser_last(rule(said)) and not arrangements.loser_last(rule())
