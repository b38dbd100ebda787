"""Policies that can't be used are told where, what and how to mend it; those that can keep their digest."""

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import rfc8785
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.policy.engine import compiled, decide
from ruxue.policy.explain import render_policy
from ruxue.policy.facts import DISTRICTS, SOURCES, VOCABULARY, Fact, Truth, forbidden
from ruxue.policy.language import PolicyError, digest, load, load_file
from ruxue.policy.records import KIND_NAMES

FILES = sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))
TEXT = """\
id: test-primary
version: 1
district: kuiwen
level: primary
season: 2026
title: {zh: "办法", en: "rule"}
source: {zh: "试验", en: "test"}
parameters:
  filed_before: "${season}-01-01"
eligible: {fact: child.already_enrolled, is: false}
categories:
  - code: A
    title: {zh: "第一类", en: "category 1"}
    bases:
      - title: {zh: "租住", en: "renting"}
        when:
          all:
            - {fact: lease.filed_on, before: "${filed_before}"}
            - {fact: lease.sole, is: true}
order:
  - {fact: lease.filed_on, better: earlier}
coordinate: {zh: "统筹", en: "coordination"}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "zh", "en"),
    [
        ("lease.sole, is", "lease.soul, is", 19, "是否为 lease.sole", "did you mean lease.sole"),
        ("{fact: lease.sole, is: true}", "{fact: lease.sole, iss: true}", 19, "是否为 is", "did you mean is"),
        (
            "{fact: lease.sole, is: true}",
            "{fact: lease.sole}",
            19,
            "只写一个比较，可用：is",
            "exactly one comparison out of: is",
        ),
        ("{fact: lease.sole, is: true}", "{fact: lease.sole, at_least: 3}", 19, "可用：is", "out of: is"),
        (
            "{fact: lease.sole, is: true}",
            "{fact: lease.sole, is: maybe}",
            19,
            "true 或 false",
            "true or false",
        ),
        (
            "{fact: lease.sole, is: true}",
            "{is: true}",
            19,
            "每个条件只能写 all",
            "exactly one of all, any, not, use, fact",
        ),
        ("{fact: lease.sole, is: true}", "{all: []}", 19, "不能为空", "may not be empty"),
        (
            "{fact: lease.sole, is: true}",
            "{fact: child.hukou_district, equals: kuiwne}",
            19,
            "是否为 kuiwen",
            "did you mean kuiwen",
        ),
        ("${filed_before}", "${filed_befor}", 18, "是否为 filed_before", "did you mean filed_before"),
        ("${season}-01-01", "${season}-02-30", 9, "不是一个日期", "not a day of the calendar"),
        ("better: earlier", "better: larger", 21, "earlier, later", "earlier, later"),
        ("level: primary", "level: middle", 4, "只能写其中之一", "write one of"),
        ("version: 1\n", "", 1, "缺少这一项", "key is missing"),
        ("version: 1", "version: one", 2, "整数", "whole number"),
        ("- code: A", "- code: T", 12, "保留字 T", "reserved T"),
        (
            "            - {fact: lease.sole, is: true}",
            "          all: []",
            19,
            "第 17 行已经写过",
            "stands in line 17 already",
        ),
        ("district: kuiwen", "district: kuiwenn", 3, "是否为 kuiwen", "did you mean kuiwen"),
        ("order:\n", "assumed: {year: {zh: 甲, en: a}}\norder:\n", 20, "不是参数", "no parameter"),
        ("order:\n", "effective: {first: 2026-05-01, last: 2026-04-01}\norder:\n", 20, "早于", "ends before"),
        ("  filed_before:", "- filed_before:", 8, "名字: 值", "mapping of names"),
        ("lease.sole, is", "[lease.sole], is", 19, "没有名为", "no fact named"),
        ("version: 1", "version: &v [*v]", 2, "不能用 * 引用", "aliases can't be used"),
        ("id: test-primary", "id: [", 3, "YAML 写法有误", "not valid YAML"),
    ],
)
def test_an_error_names_line_and_fix(old: str, new: str, line: int, zh: str, en: str) -> None:
    assert old in TEXT
    with pytest.raises(PolicyError) as caught:
        load(TEXT.replace(old, new))
    assert caught.value.line == line
    assert zh in caught.value.zh and en in caught.value.en


WHEN = "            - {fact: lease.sole, is: true}"
COUNTED = "count: unbroken, unit: months, until: 2026-08-31"
MORE = """\
points:
  sum:
    - {code: permit, rate: 1, of: {of: [permit.main], count: unbroken, unit: months, until: 2026-08-31}}
    - {code: degree, best: [{when: {fact: main.degree, equals: master}, give: 8}, {give: 1}]}
seat_lock: {years: {primary: 6}, scope: district, last_year_blocks: false}
define:
  works: {fact: job.in_district, is: true}
order:
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "en"),
    [
        (WHEN, "            - {amount: {of: [permit.main], at_least: 3}}", 19, "of needs count too"),
        (WHEN, f"            - {{amount: {{of: [permit.man], {COUNTED}, at_least: 3}}}}", 19, "mean permit.main"),
        (WHEN, f"            - {{amount: {{of: [lease.sole], {COUNTED}, at_least: 3}}}}", 19, "is no history"),
        (WHEN, "            - {amount: {share: [parents]}}", 19, "exactly one bound"),
        (WHEN, "            - {amount: {share: [parents], unit: months, at_least: 51%}}", 19, "share can't have unit"),
        (WHEN, "            - {amount: {share: [parent], at_least: 51%}}", 19, "did you mean parents"),
        (WHEN, "            - {amount: {share: [parents], fact: main.age, at_least: 3}}", 19, "one of of, since"),
        (
            WHEN, f"            - {{amount: {{of: [insurance.main], kinds: [pensoin], {COUNTED}, at_least: 3}}}}", 19,
            "did you mean pension",
        ),
        (WHEN, f"            - {{amount: {{since: lease.sole, {COUNTED}, at_least: 3}}}}", 19, "is no date"),
        (WHEN, "            - {fact: dwelling.owners, equals: x}", 19, "use amount: {share"),
        (WHEN, "            - {use: work}", 19, "did you mean works"),
        (WHEN, "            - {within: {place: place.dwelling, zone: east}}", 19, "there is no zone east"),
        (WHEN, "            - {feeder: promoted}", 19, "needs the key feeders"),
        (WHEN, "            - {no_dwelling_in: [kuiwne]}", 19, "did you mean kuiwen"),
        ("  works: {fact", "  works: {use: works}\n  other: {fact", 26, "leads back to itself"),
        (
            "seat_lock: {years: {primary: 6}, scope: district, last_year_blocks: false}",
            "veto: [{title: {zh: 甲, en: a}, when: {seat: free}}]", 24, "needs the key seat_lock",
        ),
        ("seat_lock: {", "quotas: [{category: B, seats: 3}]\nseat_lock: {", 24, "there is no category B"),
        ("seat_lock: {", "quotas: [{category: A, seats: 3, share: 10%}]\nseat_lock: {", 24, "either seats or a share"),
        (
            "seat_lock: {", "quotas: [{category: A, share: 60%}, {category: A, share: 60%}]\nseat_lock: {", 24,
            "more than 100 %",
        ),
        ("give: 8", "give: 8, rate: 1", 23, "exactly one of give, rate"),
        ("give: 8", "give: 0.0001", 23, "at most three decimals"),
        ("code: degree", "code: permit", 23, "repeats"),
        (WHEN, "            - {same_address: [place.hukou, place.permit, place.lease]}", 19, "at most 2 entries"),
        (WHEN, "            - {same_address: [place.hukou]}", 19, "at least 2 entries"),
        ("rate: 1,", "", 22, "exactly one of give"),
        ("unbroken, unit", "unbrokn, unit", 22, "write one of"),
        ("primary: 6", "primary: 60", 24, "may not be more than 12"),
        ("better: earlier", "better: earlier, points: total", 28, "exactly one of fact, amount, points, when"),
        ("fact: lease.filed_on, better: earlier", "points: degre, better: larger", 28, "did you mean degree"),
        (
            "fact: lease.filed_on, better: earlier", "fact: [lease.filed_on, lease.months], better: earlier", 28,
            "can't be ordered",
        ),
        ("fact: lease.filed_on, better: earlier", "when: {use: works}, better: larger", 28, "met, unmet"),
        ("level: primary", "level: primary\nranking: point", 5, "write one of"),
    ],
)  # fmt: skip
def test_an_error_of_a_newer_construct_names_line_and_fix(old: str, new: str, line: int, en: str) -> None:
    text = TEXT.replace("order:\n", MORE)
    load(text)
    assert old in text
    with pytest.raises(PolicyError) as caught:
        load(text.replace(old, new))
    assert en in caught.value.en and caught.value.zh
    assert caught.value.line == line


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, 7, True, "x", "${season}", "${nothing}", "2026-02-30", [], {}, ["x"], {"all": 1}, {"fact": []}]
)


@settings(deadline=None)
@given(st.integers(0, 10_000), JUNK)
def test_whatever_an_official_writes_there_is_an_answer(place: int, junk: Any) -> None:
    raw = yaml.safe_load(TEXT.replace("order:\n", MORE))
    spots: list[tuple[Any, Any]] = []

    def walk_raw(value: Any) -> None:
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            spots.append((value, key))
            walk_raw(value[key])

    walk_raw(raw)
    holder, key = spots[place % len(spots)]
    holder[key] = junk
    try:
        policy = load(yaml.dump(raw, allow_unicode=True))
    except PolicyError as error:
        assert re.search("[一-鿿]", error.zh) and "Input should" not in error.zh + error.en
    else:
        assert decide(policy, {}).state == "needs_facts"
        assert render_policy(policy, "zh").categories


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("parent.income", "income"), ("guardian.post", "posts"), ("child.vaccinated", "vaccination"),
        ("child.kindergarten", "pre-school"), ("child.score", "selection by tests"), ("孩子.成绩", "selection by tests"),
        ("child.contest_prizes", "contest certificates"), ("application.submitted_at", "order of submission"),
        ("家长.收入", "income"), ("family.only_child", "birth control"), ("family.donated", "donations"),
        ("child.over_age", "over-age"),
    ],
)  # fmt: skip
def test_what_law_forbids_cannot_be_named(name: str, rule: str) -> None:
    for old, new in (
        ("lease.sole, is", f"{name}, is"),
        ("lease.filed_on, better", f"{name}, better"),
        ("parameters:\n", f"parameters:\n  {name}: 1\n"),
    ):
        with pytest.raises(PolicyError) as caught:
            load(TEXT.replace(old, new))
        assert rule in caught.value.en and "法规不允许" in caught.value.zh
        assert caught.value.line is not None


def test_words_of_the_vocabulary_are_never_forbidden() -> None:
    assert not [name for name in VOCABULARY if forbidden(name)]


def test_the_vocabulary_is_whole() -> None:
    for name, term in VOCABULARY.items():
        assert term.zh and term.en and term.kind in KIND_NAMES, name
        assert set(term.items) <= set(SOURCES), name
        assert term.todo_zh and term.todo_en, name
        for lang in ("zh", "en"):
            said = {term.phrase(truth, lang) for truth in Truth}
            assert len(said) == (3 if term.kind is bool else 2), name


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_policy_moves_to_another_season(path: Path) -> None:
    now = load_file(path)
    if now.historical:  # what law has abolished since can't be moved past the day that it did
        with pytest.raises(PolicyError, match="only in versions marked historical"):
            load_file(path, 2028)
        return
    later, years = load_file(path, 2028), 2028 - now.season
    for name in ("cutoff", "born_by"):
        if name in now.parameters:
            assert later.parameters[name].year == now.parameters[name].year + years  # type: ignore[union-attr]
    assert digest(now) != digest(later)
    facts = {"child.already_enrolled": Fact(False), "child.graduates": Fact(True)}
    young = facts | {"child.born_on": Fact(date(2022, 8, 31))}
    if now.level == "primary":
        assert decide(now, young).state == "ineligible"
    assert decide(later, young).state == "needs_facts"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_each_policy_names_its_own_district(path: Path) -> None:
    policy = load_file(path)
    assert path.stem.replace("-", "_").startswith(policy.id.replace("-", "_"))
    assert policy.id == f"{policy.district}-{policy.level}"
    assert policy.district in DISTRICTS or policy.district in (policy.regions or {})
    if policy.district in ADOPTING:
        assert policy.note and "assumption" in policy.note.en


def test_year_variants_are_versions_of_one_policy() -> None:
    versions = [(p.id, p.version) for p in map(load_file, FILES)]
    assert len(set(versions)) == len(versions)
    for many in ("kuiwen-primary", "longgang-primary", "guangzhou-primary"):
        assert len([v for name, v in versions if name == many]) == 2


def test_only_historical_versions_hold_what_law_has_abolished() -> None:
    for policy in map(load_file, FILES):
        used = {n for _, c in policy.conditions() for part in c.walk() for n in part.facts()}
        used |= {n for _, item in policy.items() if item.of for n in item.of.facts()}
        assert bool(policy.historical) == any(VOCABULARY[n].banned for n in used), policy.id


ADOPTING = ("hanting", "jingkai", "binhai")


def test_the_adopting_districts_have_kuiwens_structure() -> None:
    kuiwen = load_file(next(p for p in FILES if p.stem == "kuiwen-primary"))
    for path in FILES:
        policy = load_file(path)
        if policy.district in ADOPTING:
            assert [c.code for c in policy.categories] == [c.code for c in kuiwen.categories]
            assert policy.order == kuiwen.order


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_digest_is_that_of_rfc_8785(path: Path) -> None:
    policy = load_file(path)
    canonical = rfc8785.dumps(policy.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert digest(policy) == hashlib.sha256(canonical).hexdigest()
    assert digest(load(path.read_text(encoding="utf-8"))) == digest(policy)


def test_a_policy_published_before_keeps_its_digest() -> None:
    """A published text is never changed: what was added to the language later may not move its digest."""
    assert digest(load(TEXT)) == "9ec67b92e264f2e8a65d1ef3dbd6a9bb771de87633b661bf6aacaef07b958ccc"


def test_a_changed_copy_is_compiled_anew() -> None:
    policy = load(TEXT)
    first = compiled(policy)
    copy = policy.model_copy(update={"categories": []})
    assert compiled(policy) is first
    assert compiled(copy).categories == ()


def test_a_mistyped_fact_is_an_error_not_a_refusal() -> None:
    with pytest.raises(TypeError, match=r"lease.sole must be bool, not str"):
        decide(load(TEXT), {"lease.sole": Fact("no"), "lease.filed_on": Fact(date(2025, 1, 1))})


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_json_says_the_same_as_yaml(path: Path) -> None:
    text = json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), ensure_ascii=False, default=date.isoformat)
    assert digest(load(text)) == digest(load_file(path))


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_bytes(TEXT.encode("gbk"))
    with pytest.raises(PolicyError, match="UTF-8"):
        load_file(path)
