"""What a policy leaves out is found: by proof over plain facts, by search over records."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.policy.cases import read
from ruxue.policy.coverage import Remark, constants, examine, reached
from ruxue.policy.engine import decide
from ruxue.policy.facts import Fact, Truth
from ruxue.policy.language import COORDINATE, Policy, load, load_file

POLICIES = Path(__file__).parents[2] / "policies"
HEAD = """\
id: kuiwen-primary
version: 1
district: kuiwen
level: primary
season: 2026
title: {zh: "办法", en: "rule"}
source: {zh: "试验", en: "test"}
eligible: {fact: child.born_on, on_or_before: 2020-08-31}
order: []
coordinate: {zh: "统筹", en: "coordination"}
"""


def policy(*categories: Any, more: str = "") -> Policy:
    text = HEAD + more + "categories:\n"
    for i, grounds in enumerate(categories):
        text += f'  - code: "C{i + 1}"\n    title: {{zh: "第{i + 1}类", en: "category {i + 1}"}}\n    bases:\n'
        for j, ground in enumerate(grounds if isinstance(grounds, list) else [grounds]):
            text += f'      - {{title: {{zh: "条件{j + 1}", en: "ground {j + 1}"}}, when: {ground}}}\n'
    return load(text)


ZONE, SOLE = "{fact: lease.in_zone, is: true}", "{fact: lease.sole, is: true}"
A = "title: {zh: 甲, en: a}"
ONE = f"categories:\n  - {{code: C1, {A}, bases: [{{{A}, when: {ZONE}}}]}}\n"
PERMIT = "of: [permit.main], count: unbroken, unit: months, until: 2026-08-31"
BOTH = f"{{all: [{ZONE}, {SOLE}]}}"


def found(rule: Policy, kind: str) -> list[Remark]:
    return [r for r in examine(rule) if r.kind == kind]


def test_a_ground_that_a_better_category_swallows_is_dead() -> None:
    dead = found(policy(ZONE, BOTH), "dead_ground")
    assert [(r.place, r.proof) for r in dead] == [("categories.1.bases.0", True)]
    assert dead[0].text("en") == (
        "nobody needs “ground 1” of category 2: who meets it is in a better category (proven)"
    )
    assert dead[0].text("zh").endswith("（已证明）")
    assert found(policy(BOTH, ZONE), "dead_ground") == []


def test_a_contradiction_is_dead() -> None:
    months = "{fact: lease.months, at_least: 12}", "{fact: lease.months, at_most: 11}"
    assert found(policy(f"{{all: [{', '.join(months)}]}}"), "dead_ground")
    days = "{fact: lease.filed_on, before: 2026-01-01}", "{fact: lease.filed_on, on_or_after: 2025-12-31}"
    assert not found(policy(f"{{all: [{', '.join(days)}]}}"), "dead_ground")  # the last day of the year is both
    early = "{fact: child.born_on, on_or_before: 2021-08-31}"
    assert found(policy(f"{{not: {early}}}"), "dead_ground")  # no eligible child is that young


def test_a_condition_that_the_rest_implies_is_idle() -> None:
    idle = found(
        policy("{all: [{fact: lease.months, at_least: 12}, {fact: lease.months, at_least: 6}]}"), "idle_condition"
    )
    assert [r.proof for r in idle] == [True]
    assert "at least 6 months" in idle[0].en and "不少于6个月" in idle[0].zh
    assert found(policy(BOTH), "idle_condition") == []


def test_records_are_searched_and_not_proven() -> None:
    more = "{all: [{amount: {share: [parents], more_than: 50%}}, {amount: {share: [parents], more_than: 0}}]}"
    idle = found(policy(more), "idle_condition")
    assert [r.proof for r in idle] == [False]
    assert idle[0].text("en").endswith("(a search found nothing else)")
    permit = "{of: [permit.main], count: unbroken, unit: months, until: 2026-08-31, "
    steps = f"{{all: [{{amount: {permit} at_least: 6}}}}, {{amount: {permit} at_most: 5}}}}]}}"
    assert found(policy(steps), "dead_ground")
    fits = f"{{all: [{{amount: {permit} at_least: 6}}}}, {{amount: {permit} at_most: 6}}}}]}}"
    assert not found(policy(fits), "dead_ground")


def test_an_overlap_comes_with_a_family_that_shows_it() -> None:
    rule = policy(ZONE, SOLE)
    overlap = found(rule, "overlap")
    assert [r.en for r in overlap] == ["C1 can be met together with C2; the better one counts"]
    truths = decide(rule, overlap[0].example).truths
    assert truths == {"C1": Truth.TRUE, "C2": Truth.TRUE}
    assert found(policy(ZONE, f"{{not: {ZONE}}}"), "overlap") == []


def test_who_is_in_no_category_is_told_in_few_words() -> None:
    rule = policy(ZONE, SOLE)
    nobody = found(rule, "nobody")
    verdict = decide(rule, nobody[0].example)
    assert (verdict.state, verdict.category) == ("decided", COORDINATE)
    assert set(nobody[0].example) == {"child.born_on", "lease.in_zone", "lease.sole"}
    assert "the leased home does not lie in the school's zone" in nobody[0].en
    assert found(policy(ZONE, f"{{not: {ZONE}}}"), "nobody") == []


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(
            st.sampled_from([ZONE, SOLE, BOTH, f"{{not: {SOLE}}}", f"{{any: [{ZONE}, {SOLE}]}}"]),
            min_size=1,
            max_size=2,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_proofs_agree_with_trying_every_family(categories: list[Any]) -> None:
    rule = policy(*categories)
    day = Fact(load(HEAD + ONE).eligible.on_or_before)
    every = [
        {"child.born_on": day, "lease.in_zone": Fact(zone), "lease.sole": Fact(sole)}
        for zone, sole in product([True, False], repeat=2)
    ]
    verdicts = [decide(rule, facts) for facts in every]
    dead = {r.place for r in found(rule, "dead_ground")}
    for i, grounds in enumerate(categories):
        for j in range(len(grounds)):
            used = any(v.category == f"C{i + 1}" and v.bases[f"C{i + 1}"][j] is Truth.TRUE for v in verdicts)
            assert (f"categories.{i}.bases.{j}" in dead) is not used
    assert bool(found(rule, "nobody")) == any(v.category == COORDINATE for v in verdicts)
    overlaps = {r.en[:2]: r.en.partition(";")[0] for r in found(rule, "overlap")}
    codes = [f"C{i + 1}" for i in range(len(categories))]
    for a, b in product(codes, repeat=2):
        if a < b:
            both = any(v.truths[a] is v.truths[b] is Truth.TRUE for v in verdicts)
            assert (b in overlaps.get(a, "")) is both


def test_an_idle_condition_says_why() -> None:
    elsewhere = "{not: {fact: child.hukou_district, equals: kuiwen}}"
    here = f"{{all: [{{fact: child.hukou_district, equals: kuiwen}}, {ZONE}]}}"
    (idle,) = found(policy(here, f"{{all: [{elsewhere}, {ZONE}]}}"), "idle_condition")
    assert "better category already" in idle.en and "更靠前" in idle.zh
    (idle,) = found(
        policy("{all: [{fact: lease.months, at_least: 12}, {fact: lease.months, at_least: 6}]}"), "idle_condition"
    )
    assert "say it already" in idle.en


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.yaml")), ids=lambda p: p.stem)
def test_the_nine_policies_have_no_dead_ground_and_no_strange_constant(path: Path) -> None:
    rule, told = load_file(path), []
    remarks = examine(rule, lambda done, total: told.append((done, total)))
    assert [r.text("en") for r in remarks if r.kind == "dead_ground"] == []
    assert told and all(done <= total for done, total in told)
    assert [r.en for r in constants(rule, path.read_text(encoding="utf-8"))] == []
    for remark in remarks:
        assert remark.zh and remark.en
        if remark.kind == "nobody":
            verdict = decide(rule, remark.example, final=True)
            assert (verdict.state, verdict.category) == ("decided", COORDINATE)


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("2020-08-31", "2019-08-31", "", ""),
        ("2020-08-31", "2021-08-31", "eligible", "primary entry at 5"),
        (ZONE, "{fact: lease.filed_on, before: 2206-01-01}", "categories.0.bases.0.when", "far from the season"),
        (ZONE, "{fact: child.hukou_district, in: [kuiwen, kuiwen]}", "categories.0.bases.0.when", "stands twice"),
        (ZONE, "{amount: {share: [parents], at_least: 51}}", "categories.0.bases.0.when", "write 51%"),
        (ZONE, "{amount: {share: [parents], at_least: 510%}}", "categories.0.bases.0.when", "510% is strange"),
        (ZONE, f"{{amount: {{{PERMIT}, at_least: 720}}}}", "categories.0.bases.0.when", "very long"),
        (ZONE, f"{{amount: {{{PERMIT}, cap: 6, at_least: 12}}}}", "categories.0.bases.0.when", "never reached"),
        ("order: []", "order: []\nparameters: {city_core: [gaoxin]}", "parameters.city_core", "leaves out its own"),
        ("order: []", "order: []\nparameters: {spare: 3}", "parameters.spare", "is never used"),
        ("order: []", "order: []\ndefine: {spare: {fact: lease.sole, is: true}}", "define.spare", "is never used"),
        ("order: []", "order: []\neffective: {first: 2025-01-01, last: 2025-12-31}", "effective", "not in force"),
        ("order: []", "order: []\nquotas: [{category: C1, seats: 0}]", "quotas", "no seat"),
        ("order: []", f"order: []\npoints: {{cap: 5, best: [{{when: {SOLE}, give: 8}}]}}", "points", "its cap"),
        ("order: []", "order: []\npoints: {cap: 5, floor: 6, give: 5}", "points", "floor is above"),
        ("order: []", "order: []\npoints: {give: 9, cap: 5}", "points", "more than its cap"),
    ],
)  # fmt: skip
def test_constants_that_look_wrong(old: str, new: str, place: str, words: str) -> None:
    text = HEAD + ONE
    assert constants(load(text), text) == []
    text = text.replace(old, new)
    remarks = constants(load(text), text)
    assert [(r.place, words in r.en, bool(r.zh)) for r in remarks] == ([(place, True, True)] if words else [])


def test_conditions_that_no_case_puts_to_the_test() -> None:
    rule = policy(BOTH)
    families = [{"lease.in_zone": Fact(True), "lease.sole": Fact(sole)} for sole in (True, True, False)]
    uses = {u.place + u.text: u for u in reached(rule, families, "en")}
    sole = uses["categories.0.bases.0the home is leased by the family alone"]
    assert (sole.met, sole.unmet, sole.unknown, sole.reached) == (2, 1, 0, True)
    zone = uses["categories.0.bases.0the leased home lies in the school's zone"]
    assert (zone.met, zone.unmet, zone.reached) == (3, 0, False)
    born = next(u for u in uses.values() if u.place == "eligible")
    assert (born.unknown, born.reached) == (3, False)


CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize(
    "name",
    [
        "kuiwen-primary",
        "gaoxin-primary",
        "weicheng-primary",
        "gongshu-primary-2018",
        "lixia-primary",
        "dongkou-primary",
    ],
)
def test_the_golden_cases_put_nearly_every_condition_to_the_test(name: str) -> None:
    book = read((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    uses = reached(load_file(POLICIES / f"{name}.yaml", book.season), [c.facts for c in book.cases], "zh")
    untried = [u for u in uses if not u.reached]
    assert len(untried) <= len(uses) // 10, [f"{u.place} {u.text}" for u in untried]
