"""Explanations: short first, in both languages, naming evidence, what helps and until when."""

import time
from datetime import date
from pathlib import Path

import pytest

from ruxue.policy.engine import Verdict, decide
from ruxue.policy.explain import explain, render, render_policy, self_check
from ruxue.policy.facts import Fact
from ruxue.policy.language import load_file

KUIWEN = load_file(Path(__file__).parents[2] / "policies" / "kuiwen-primary.yaml")
DAY, UNTIL = date(2026, 7, 1), date(2026, 7, 16)
OWNER = {
    "child.born_on": Fact(date(2020, 3, 15), "PS1", DAY), "child.already_enrolled": Fact(False, "ED1", DAY),
    "child.hukou_district": Fact("kuiwen", "PS2", DAY), "child.with_guardian_household": Fact(True, "PS3", DAY),
    "dwelling.owned_by_family": Fact(True, "NR1", DAY), "dwelling.residential": Fact(True, "NR1", DAY),
    "dwelling.in_zone": Fact(True, "NR1", DAY), "dwelling.address_equals_hukou": Fact(False, "PS2", DAY),
    "family.reported_absent": Fact(False, "street"), "family.special_group": Fact("", "declared"),
    "family.no_dwelling_in_core": Fact(False, "NR3", DAY),
}  # fmt: skip


def test_the_first_sentence_says_category_and_why() -> None:
    verdict = decide(KUIWEN, OWNER)
    assert explain(KUIWEN, OWNER, verdict, "zh").sentence == (
        "您的孩子属于“第二批次：户籍与住房不一致”，因为符合：本区户籍、片区内有住房。"
    )
    assert explain(KUIWEN, OWNER, verdict, "en").sentence == (
        "Your child is in this category: batch 2: hukou here, home at another address; "
        "reason: hukou in the district, own home in the zone."
    )


def test_a_better_category_names_evidence_day_and_what_helps() -> None:
    said = explain(KUIWEN, OWNER, decide(KUIWEN, OWNER), "zh", UNTIL).better[0]
    assert said.sentence == (
        "没有进入“第一批次：房户一致”：户口地址与房子地址不一致（公安部门的户籍信息，2026年7月1日）。"
        "如果与实际不符，预约现场核对，登记的可能还是旧地名（请在2026年7月16日前完成）。"
    )
    assert (said.blocking.source, said.blocking.as_of) == ("PS2", DAY)


def test_what_was_not_proven_in_time_is_not_called_untrue() -> None:
    facts = OWNER | {"dwelling.address_equals_hukou": Fact(None)}
    said = explain(KUIWEN, facts, decide(KUIWEN, facts, final=True), "zh").better[0]
    assert said.sentence == "没有进入“第一批次：房户一致”：到期时没有证明“户口地址与房子地址一致”。"
    assert "not proven in time" in explain(KUIWEN, facts, decide(KUIWEN, facts, final=True), "en").better[0].sentence


def test_an_open_verdict_says_what_is_sure_and_asks() -> None:
    facts = OWNER | {"dwelling.address_equals_hukou": Fact(None)}
    said = explain(KUIWEN, facts, decide(KUIWEN, facts), "en", UNTIL)
    assert said.sentence.startswith("What is certain so far: batch 2")
    assert [(a.text, a.todo) for a in said.asks] == [
        (
            "not confirmed yet: hukou and home have the same address",
            "book an on-site check: the register may still have an old address (by 16 July 2026)",
        )
    ]


def test_too_young_is_told_with_both_days() -> None:
    facts = OWNER | {"child.born_on": Fact(date(2020, 9, 1), "PS1", DAY)}
    said = explain(KUIWEN, facts, decide(KUIWEN, facts), "zh")
    assert said.sentence == (
        "按规定这次还不能报名：孩子的出生日期是2020年9月1日（公安部门的人口信息，2026年7月1日）；"
        "规定要求孩子的出生日期不晚于2020年8月31日。"
    )


def test_a_special_group_nobody_claims_is_not_the_reason() -> None:
    facts = OWNER | {"child.hukou_district": Fact("other", "PS2", DAY)}
    assert explain(KUIWEN, facts, decide(KUIWEN, facts), "zh").better[0].blocking.fact == "child.hukou_district"


def test_a_verdict_without_its_grounds_is_explained_too() -> None:
    full = decide(KUIWEN, OWNER)
    bare = Verdict(full.state, full.category, full.truths, full.needed, full.order_keys)
    assert explain(KUIWEN, OWNER, bare, "zh") == explain(KUIWEN, OWNER, full, "zh")


def test_self_check_answers_from_a_visitors_own_words() -> None:
    answers = {name: fact.value for name, fact in OWNER.items()}
    assert self_check(KUIWEN, answers, "zh").code == "K2"
    assert self_check(KUIWEN, {}, "zh").code == "T"
    with pytest.raises(TypeError, match=r"dwelling.in_zone must be bool"):
        self_check(KUIWEN, {"dwelling.in_zone": "yes"}, "zh")
    with pytest.raises(KeyError):
        self_check(KUIWEN, {"dwelling.price": 1}, "zh")


def test_the_public_text() -> None:
    public = render_policy(KUIWEN, "zh")
    assert public.eligible == ["孩子的出生日期不晚于2020年8月31日", "孩子还没有小学学籍"]
    assert public.categories == render(KUIWEN, "zh")
    fifth = public.categories[4]
    assert fifth.bases[0][1] == [
        "孩子的户口所在区不是奎文区", "孩子和监护人在中心城区没有住房", "房子由您家单独承租",
        "租住的房子在本校片区内", "租赁备案时间早于2026年1月1日", "至少一位监护人在本区合法稳定就业",
    ]  # fmt: skip
    assert public.core == ["奎文区", "潍城区", "坊子区", "寒亭区", "高新区", "经济区", "保税区"]
    assert len(public.assumed) == 1 and "年份" in public.assumed[0]
    assert public.order[0] == "孩子的落户时间，早的在前"


def test_deciding_is_fast_enough_for_a_city() -> None:
    """A guard against a slip of an order of magnitude; the real figure stands in the benchmark, not here."""
    facts = OWNER | {"child.hukou_district": Fact("other", "PS2"), "dwelling.in_zone": Fact(None)}
    decide(KUIWEN, facts)
    started = time.process_time()
    for _ in range(2000):
        decide(KUIWEN, facts)
    assert 2000 / (time.process_time() - started) > 4000
