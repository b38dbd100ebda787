"""Explanations: short first, in both languages, naming evidence, what helps and until when."""

from datetime import date
from pathlib import Path

import pytest

from ruxue.policy.cases import Case, read
from ruxue.policy.engine import Verdict, decide
from ruxue.policy.explain import (
    ANSWERABLE,
    Explanation,
    Standing,
    answer,
    explain,
    next_questions,
    render,
    render_policy,
    say_standing,
    self_check,
    with_standing,
)
from ruxue.policy.facts import VOCABULARY, Fact, Lang, Override, Truth
from ruxue.policy.language import Condition, Policy, load_file
from ruxue.policy.records import History

POLICIES = Path(__file__).parents[2] / "policies"
KUIWEN = load_file(POLICIES / "kuiwen-primary.yaml")
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
        "孩子的户口所在区不是奎文区",
        "孩子和监护人在这些地方没有住房：奎文区、潍城区、坊子区、寒亭区、高新区、经济区、保税区", "房子由您家单独承租",
        "租住的房子在本校片区内", "租赁备案时间早于2026年1月1日", "至少一位监护人在本区合法稳定就业",
    ]  # fmt: skip
    assert public.core == ["奎文区", "潍城区", "坊子区", "寒亭区", "高新区", "经济区", "保税区"]
    assert [("排序" in a, "年份" in a) for a in public.assumed] == [(True, False), (False, True)]
    assert public.rules == [
        "胜利东小学满足本片区后的余位，给缓冲区内符合“第一批次：房户一致”的孩子", "逾期报名的，只安排剩余学位",
    ]  # fmt: skip
    assert public.order[0] == "孩子的落户时间，早的在前"


def policy(name: str) -> Policy:
    return load_file(POLICIES / f"{name}.yaml")


def case(name: str, title: str) -> Case:
    book = read((Path(__file__).parent / "cases" / f"{name}.yaml").read_text(encoding="utf-8"))
    return next(c for c in book.cases if c.name == title)


def told(name: str, title: str, lang: Lang = "en") -> Explanation:
    rule, one = policy(name), case(name, title)
    return explain(rule, one.facts, decide(rule, one.facts, one.final), lang, UNTIL)


def test_points_are_told_with_what_they_were_counted_from() -> None:
    said = told("longgang-primary-2017", "type 4 beyond the first insured year", "zh")
    assert said.sentence == (
        "您的孩子属于“第四类：非深户籍、片区购房”，共82.9分，因为符合：非深户籍、片区购房（父母份额超过50%）。"
    )
    assert (said.points[0].title, said.points[0].proven) == ("第四类：非深户籍、片区购房", "80")
    assert [(p.title, p.proven, p.finding) for p in said.points if p.depth == 1] == [
        ("父母养老和医疗保险（满一年以后）", "2.4", "24个月（不动产登记，2026年7月1日）"),
        ("计划生育", "0.5", ""),
    ]
    assert said.total == "82.9"


def test_points_that_are_open_say_how_much_more_there_may_be() -> None:
    said = told("guangzhou-primary-2021", "the degree is open")
    degree = next(p for p in said.points if p.title == "degree")
    assert (degree.proven, degree.possible) == ("0", "30")
    assert said.sentence.startswith("What is certain so far: batch 2: by points with 94 points.")
    assert said.asks[0].todo == "upload the certificate of the degree (by 16 July 2026)"


def test_a_fallback_a_veto_and_the_end_of_a_category_are_told() -> None:
    assert told("longgang-primary-2017", "who owns in Futian falls to type 5").notes == []
    said = told("longgang-primary-2017", "without the proof it falls to type 5")
    third = next(s for s in said.better if s.code == "3")
    assert third.sentence.startswith("Not in type 3: hukou in the zone, special housing or lease: not proven")
    said = told("jining-gaoxin-primary", "false papers", "zh")
    assert said.notes == ["一票否决“虚假材料”：提供了虚假材料（不动产登记，2026年7月1日）。"]
    assert said.better[0].blocking.text == "没有提供虚假材料"
    assert "提供了虚假材料" in said.better[0].sentence
    said = told("gongshu-primary-2018", "lost a private draw", "zh")
    assert said.notes == ["排在本类末尾（民办派位落选）：孩子报名民办学校且未被派中（不动产登记，2026年7月1日）。"]


def test_a_family_that_only_falls_back_hears_why() -> None:
    rule = policy("longgang-primary-2017")
    facts = dict(case("longgang-primary-2017", "without the proof it falls to type 5").facts)
    facts["child.hukou_district"] = Fact("longgang", "PS2", DAY)
    only = rule.model_copy(
        update={
            "categories": [
                c if c.code != "5" else c.model_copy(update={"bases": [c.bases[0].model_copy(update={"when": NEVER})]})
                for c in rule.categories
            ]
        }
    )
    verdict = decide(only, facts, final=True)
    assert verdict.category == "5"
    assert explain(only, facts, verdict, "en").notes == [
        "Without the proof for type 3: hukou in the zone, special housing or lease it is treated as "
        "type 5: Longgang hukou, lease or special housing."
    ]


NEVER = Condition.model_validate({"all": [{"fact": "lease.sole", "is": True}, {"fact": "lease.sole", "is": False}]})


def test_every_basis_that_is_met_is_shown_the_best_first() -> None:
    said = told("longgang-primary-2017", "an ancestral house counts as type 1, and is met as type 5 too")
    assert [(o.code, o.points) for o in said.options] == [("1", "106.5"), ("5", "81.5"), ("5", "81.5")]
    assert said.options[0].ground == "hukou in the zone, ancestral house"


def test_a_rate_names_its_whole_step() -> None:
    zh, en = (render_policy(policy("xiamen-primary-2021"), lang).points for lang in ("zh", "en"))
    assert zh[2].strip("　").startswith("主申请人：每12个月4分；") and zh[2].endswith("最多48分")
    assert en[2].strip("　").startswith("main applicant: 4 for each 12 months;")
    assert "　居住证：每月1分；" in render_policy(policy("luozhuang-primary-2023"), "zh").points[1]


def test_an_unknown_fact_names_the_papers_that_the_rule_asks_for() -> None:
    said = told("longgang-primary-2017", "the proof is still out")
    assert [(a.fact, a.papers) for a in said.asks] == [
        ("family.dwellings", ["proof that you own no dwelling in Shenzhen"])
    ]


def test_a_record_says_what_was_found_in_it() -> None:
    def finding(name: str, title: str, code: str, lang: Lang = "zh") -> str:
        return next(s.blocking.finding for s in told(name, title, lang).better if s.code == code)

    assert finding("longgang-primary-2017", "half is not more than half", "1") == (
        "父母的产权份额是50%（不动产登记，2026年7月1日）"
    )
    assert finding("baoan-primary", "type 3 owns elsewhere", "2").startswith("孩子或监护人在深圳市有住房")
    assert finding("qingdao-gaoxin-primary-2022", "a day short of six months", "M", "en").startswith(
        "the longer of the unbroken months of the main applicant's residence permit up to 31 August 2022 and the "
        "unbroken months of the assistant applicant's residence permit up to 31 August 2022 is 5 months"
    )
    assert finding("weicheng-primary", "another address", "W1").startswith("户口地址与房子地址不一致")
    assert finding("dongcheng-primary", "a seat at the same school", "D1", "en").startswith("the home's seat is taken")
    assert finding("beijing-primary", "the permit's address is vague", "B").startswith(
        "还没有核实：居住证地址与居住证明地址一致"
    )


def test_an_override_is_part_of_the_finding() -> None:
    facts = OWNER | {
        "dwelling.address_equals_hukou": Fact(
            True, "officer", DAY, override=Override("学校审核", DAY, "门牌更名", replaced=False)
        )
    }
    said = explain(KUIWEN, facts, decide(KUIWEN, facts), "zh")
    line = next(x for x in said.conditions if x.fact == "dwelling.address_equals_hukou")
    assert line.finding == (
        "户口地址与房子地址一致（学校工作人员核对，2026年7月1日，学校审核于2026年7月1日更正：门牌更名）"
    )


def test_a_fact_that_is_not_sure_enough_is_asked_for() -> None:
    strict = KUIWEN.model_copy(update={"confidence_at_least": 90})
    facts = OWNER | {"dwelling.address_equals_hukou": Fact(True, "PS5", DAY, confidence=89)}
    assert decide(KUIWEN, facts).category == "K1"
    verdict = decide(strict, facts)
    assert (verdict.category, verdict.needed) == ("K2", ("dwelling.address_equals_hukou",))
    assert explain(strict, facts, verdict, "zh").better[0].truth is Truth.UNKNOWN
    surer = facts | {"dwelling.address_equals_hukou": Fact(True, "PS5", DAY, confidence=90)}
    assert decide(strict, surer).category == "K1"


def test_a_buffer_zone_is_told_where_it_is_a_right() -> None:
    said = told("kuiwen-junior", "a buffer zone of Beiyuan for batch 1", "zh")
    assert said.notes == ["北苑初中满足本片区后如有余位，您的孩子可以报名。"]
    assert told("kuiwen-junior", "a buffer zone is no right for batch 2").notes == []


def test_rank_and_last_admitted_rank_are_added_after_a_round() -> None:
    said = with_standing(explain(KUIWEN, OWNER, decide(KUIWEN, OWNER), "zh"), Standing(96, 120, 90, 90, False), "zh")
    assert said.standing == "在120名申请人中排第96位，共90个学位；录取到第90位，未录取。"
    assert say_standing(Standing(3, 120, 90, 90, True, 81_500), "en") == (
        "Rank 3 of 120 applicants for 90 seats; admitted down to rank 90 (81.5 points)."
    )
    assert say_standing(Standing(3, 3, 0, None, False), "en").endswith(
        "nobody was admitted in this round, so not admitted."
    )


def test_the_self_check_asks_what_still_matters() -> None:
    asked = next_questions(KUIWEN, {}, "zh")
    assert [q.fact for q in asked[:3]] == ["child.born_on", "child.already_enrolled", "child.hukou_district"]
    assert asked[2].options == [("kuiwen", "奎文区")] and asked[2].kind == "str"
    answers = {name: fact.value for name, fact in OWNER.items()}
    assert next_questions(KUIWEN, answers, "zh") == []
    del answers["dwelling.address_equals_hukou"]
    assert [q.text for q in next_questions(KUIWEN, answers, "en")] == ["hukou and home have the same address"]


@pytest.mark.parametrize("name", sorted(p.stem for p in POLICIES.glob("*.yaml")))
def test_a_visitor_gets_to_the_end_of_the_self_check(name: str) -> None:
    policy = load_file(POLICIES / f"{name}.yaml")
    typed = {"bool": "true", "int": "3", "date": "2010-01-01", "history": "2005-01-01 zone", "locks": "none"}
    answers: dict[str, object] = {
        "child.already_enrolled": False,
        "child.born_on": policy.season and date(policy.season - 6, 3, 1),
    }
    for _turn in range(60):
        asked = [q for q in next_questions(policy, answers, "en") if q.kind in ANSWERABLE]  # type: ignore[arg-type]
        if not asked:
            break
        first = asked[0]
        said = first.options[0][0] if first.kind == "str" and first.options else typed.get(first.kind, "none")
        answers[first.fact] = answer(policy, first.fact, said)
    assert not asked, "each question is asked once"
    told = self_check(policy, answers, "en")  # type: ignore[arg-type]
    open_kinds = {VOCABULARY[a.fact].kind for a in told.asks}
    assert told.code and not open_kinds & {bool, int, date, History}


def test_a_run_without_a_break_is_points() -> None:
    policy = load_file(POLICIES / "guangzhou-primary-2021.yaml")
    assert answer(policy, "insurance.main", "none") == History()
    since = answer(policy, "insurance.main", "2015-09-01 city")
    assert isinstance(since, History) and {"pension", "medical"} <= {s.kind for s in since}
    assert {s.first for s in since} == {date(2015, 9, 1)} and {s.at for s in since} == {"city"}
    plain = {"child.born_on": date(2015, 3, 1), "child.already_enrolled": False, "child.hukou_district": "elsewhere"}
    permit = {"permit.main": answer(policy, "permit.main", "2014-01-01 city"), "job.in_district": True}
    less, more = (self_check(policy, {**plain, **permit, "insurance.main": i}, "en") for i in (History(), since))
    assert float(more.total) > float(less.total) > 0
    assert any(p.title and float(p.proven) for p in more.points)
    with pytest.raises(ValueError, match="last year"):
        answer(policy, "insurance.main", "last year")
    assert answer(policy, "insurance.main", "") is None


def test_dwellings_are_answered_where_one_answer_is_enough() -> None:
    longgang = load_file(POLICIES / "longgang-primary-2020.yaml")
    none, some = (answer(longgang, "family.dwellings", typed) for typed in ("none", "some"))
    assert set(none.values()) == {0} and set(some.values()) == {1} and "futian" in none  # type: ignore[union-attr]
    assert answer(longgang, "dwelling.seat_locks", "some") is None
