"""Policies that can't be used are told where, what and how to mend it; those that can keep their digest."""

import hashlib
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
from ruxue.policy.language import Condition, Policy, PolicyError, digest, load, load_file
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


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, 7, True, "x", "${season}", "${nothing}", "2026-02-30", [], {}, ["x"], {"all": 1}, {"fact": []}]
)


@settings(deadline=None)
@given(st.integers(0, 10_000), JUNK)
def test_whatever_an_official_writes_there_is_an_answer(place: int, junk: Any) -> None:
    raw = yaml.safe_load(TEXT)
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
        assert error.zh and error.en
    else:
        assert decide(policy, {}).state == "needs_facts"
        assert render_policy(policy, "zh").categories


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("parent.income", "income"), ("guardian.post", "posts"), ("child.vaccinated", "vaccination"),
        ("child.kindergarten", "pre-school"), ("child.score", "selection by tests"), ("孩子.成绩", "selection by tests"),
        ("child.contest_prizes", "contest certificates"), ("application.submitted_at", "order of submission"),
        ("家长.收入", "income"), ("family.only_child", "birth control"), ("family.donated", "donations"), ("child.over_age", "over-age"),
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
    now, later = load_file(path), load_file(path, 2028)
    assert (now.parameters["cutoff"], later.parameters["cutoff"]) == (date(2026, 8, 31), date(2028, 8, 31))
    assert later.parameters["born_by"] == date(2022, 8, 31)
    assert digest(now) != digest(later)
    young = {"child.born_on": Fact(date(2022, 8, 31)), "child.already_enrolled": Fact(False)}
    assert decide(now, young).state == "ineligible"
    assert decide(later, young).state == "needs_facts"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_each_policy_names_its_own_district(path: Path) -> None:
    policy = load_file(path)
    assert path.stem == policy.id == f"{policy.district}-{policy.level}"
    assert policy.district in DISTRICTS
    named = {c.equals for c in walk(policy) if c.fact == "child.hukou_district"}
    assert named == {policy.district}
    if policy.district not in ("kuiwen", "gaoxin"):
        assert policy.note and "assumption" in policy.note.en


def test_the_adopting_districts_have_kuiwens_structure() -> None:
    kuiwen = load_file(next(p for p in FILES if p.stem == "kuiwen-primary"))
    for path in FILES:
        policy = load_file(path)
        if policy.district in ("hanting", "jingkai", "binhai"):
            assert [c.code for c in policy.categories] == [c.code for c in kuiwen.categories]
            assert policy.order == kuiwen.order


def walk(policy: Policy) -> list[Condition]:
    found = [policy.eligible, *(b.when for c in policy.categories for b in c.bases)]
    for condition in found:
        found += condition.parts
    return found


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


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_bytes(TEXT.encode("gbk"))
    with pytest.raises(PolicyError, match="UTF-8"):
        load_file(path)
