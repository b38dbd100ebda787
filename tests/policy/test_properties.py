"""Properties of deciding and explaining that hold for every family and every rule."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruxue.policy.cases import read
from ruxue.policy.engine import STAND_INS, Node, Part, choose, compiled, decide, node
from ruxue.policy.explain import explain, next_questions, render_policy
from ruxue.policy.facts import DISTRICTS, VOCABULARY, Fact, Truth, all_of, any_of
from ruxue.policy.language import COORDINATE, Condition, Policy, load, load_file
from ruxue.policy.records import AT, Dwellings, History, Kin, Owner, Owners, Person, Place, SeatLock, SeatLocks, Spell
from ruxue.policy.records import ROLES as KIN_ROLES

# A busy machine is no failure of a property.
relaxed = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
FILES = sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))
CASES = Path(__file__).parent / "cases"
POLICIES = [load_file(path) for path in FILES]
policies = st.sampled_from(POLICIES)
DAYS = st.sampled_from(
    [date(y, m, d) for y in (2010, 2013, 2016, 2017, 2018, 2020, 2023) for m, d in ((3, 1), (8, 31), (9, 1))]
)
ROLES = st.sampled_from(
    ["child", "father", "mother", "guardian", "paternal_grandfather", "maternal_grandmother", "other"]
)
OWNERS = st.sampled_from([10_000, 5_100, 5_000, 3_000]).flatmap(
    lambda bp: st.tuples(ROLES, ROLES).map(
        lambda two: Owners([Owner(two[0], bp)] + ([Owner(two[1], 10_000 - bp)] if bp < 10_000 else []))
    )
)
VAGUE_OWNERS = st.lists(st.sampled_from(["father", "other", "wang"]).map(Owner), min_size=1, max_size=3).map(Owners)
SPELLS = st.builds(
    Spell,
    DAYS,
    st.none() | DAYS,
    st.sampled_from(["", "pension", "medical", "fire_service"]),
    st.sampled_from(["", *AT]),
    st.booleans(),
)
PLACES = st.sampled_from([Place("a/1/1"), Place("a/1/2"), Place("b/1/1", lng=119.1, lat=36.7)])
REGIONS = sorted({k for p in POLICIES for k in (p.regions or {})} | set(DISTRICTS))
CLEAR: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    date: DAYS,
    int: st.sampled_from([0, 1, 11, 12, 40, 60, 4999, 5000, 10_000]),
    str: st.sampled_from(
        ["", "kuiwen", "gaoxin", "other", "longgang", "futian", "commercial", "self_built", "private"]
    ),
    Owners: st.just(Owners()) | OWNERS,
    History: st.lists(SPELLS, max_size=3).map(History),
    Place: PLACES,
    SeatLocks: st.lists(
        st.builds(
            SeatLock,
            st.sampled_from(["primary", "junior", "nine_year"]),
            st.sampled_from([2012, 2014, 2020, 2025]),
            same_parents=st.booleans(),
            same_school=st.booleans(),
        ),
        max_size=2,
    ).map(SeatLocks),
    Dwellings: st.sets(st.sampled_from(REGIONS), max_size=2).map(
        lambda own: Dwellings({region: int(region in own) for region in REGIONS})
    ),
    Kin: st.sampled_from(
        [Kin([Person("child", "F", ("wang",)), Person("wang", "M")]), Kin([Person("child", "F"), Person("wang", "M")])]
    ),
}
# What a register gives may be unclear in itself.
VALUES = CLEAR | {
    Owners: CLEAR[Owners] | VAGUE_OWNERS,
    Place: PLACES | st.just(Place("a")),
    SeatLocks: CLEAR[SeatLocks] | st.just(SeatLocks([SeatLock("primary", 2025)])),
    Dwellings: CLEAR[Dwellings] | st.just(Dwellings({"kuiwen": 0})),
}


def leaves(tree: Node) -> Iterator[Node]:
    if not tree.parts:
        yield tree
    for part in tree.parts:
        yield from leaves(part)


def parts(part: Part) -> Iterator[Part]:
    yield part
    for inner in part.parts:
        yield from parts(inner)


@cache
def names_of(policy_id: str) -> tuple[str, ...]:
    """Every fact that a policy looks at, those that stand for records included."""
    policy = next(p for p in POLICIES if policy_key(p) == policy_id)
    rule = compiled(policy)
    trees = [rule.eligible, *(g for _, grounds in rule.categories for g in grounds), *rule.penalties]
    trees += [veto for veto, _ in rule.vetoes]
    found = {name for tree in trees for leaf in leaves(tree) for name in leaf.names}
    for root in rule.points.values():
        for part in parts(root) if root else ():
            found |= set(part.item.of.facts()) if part.item.of else set()
            for tree in (part.when, part.times):
                found |= {name for leaf in leaves(tree) for name in leaf.names} if tree else set()
    return tuple(sorted(found))


def policy_key(policy: Policy) -> str:
    return f"{policy.id} {policy.version}"


@cache
def golden(policy_id: str) -> list[dict[str, Any]]:
    """The families of a policy's golden cases: between them they reach every category and every edge."""
    path = next(path for path in FILES if policy_key(load_file(path)) == policy_id)
    book = CASES / path.name
    if not book.exists():
        book = CASES / "kuiwen-primary.yaml"  # the districts that adopt Kuiwen's structure
    return [{n: f.value for n, f in case.facts.items()} for case in read(book.read_text(encoding="utf-8")).cases]


def families(policy: Policy, values: dict[type, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Families of the golden cases with up to two facts of their own; what a case leaves out is unknown."""
    names = names_of(policy_key(policy))
    other = st.dictionaries(st.sampled_from(names), st.just(None), max_size=2).flatmap(
        lambda own: st.fixed_dictionaries({n: values[VOCABULARY[n].kind] for n in own})
    )
    unknown = dict.fromkeys(names)
    return st.tuples(st.sampled_from(golden(policy_key(policy))), other).map(
        lambda two: {**unknown, **two[0], **two[1]}
    )


def hidden_of(policy: Policy) -> st.SearchStrategy[set[str]]:
    """Facts that nobody knows; those that speak against a family are left out: unknown, they don't count at all."""
    return st.sets(st.sampled_from([n for n in names_of(policy_key(policy)) if not VOCABULARY[n].adverse]), max_size=3)


@st.composite
def situations(
    draw: Any, values: dict[type, st.SearchStrategy[Any]] = VALUES
) -> tuple[Policy, dict[str, Any], set[str]]:
    policy = draw(policies)
    return policy, draw(families(policy, values)), draw(hidden_of(policy))


def sheet(values: dict[str, Any], hidden: set[str]) -> dict[str, Fact]:
    return {name: Fact(None if name in hidden else value, "NR1") for name, value in values.items()}


def _condition(**raw: Any) -> Condition:
    return Condition.model_validate({k.rstrip("_"): v for k, v in raw.items()})


HISTORIES = st.sampled_from([["permit.main"], ["insurance.main", "business.main"]])
LEAVES = st.one_of(
    st.booleans().map(lambda v: _condition(fact="lease.sole", is_=v)),
    DAYS.map(lambda v: _condition(fact="lease.filed_on", before=v)),
    st.builds(
        lambda of, together, count, unit, bound, n: _condition(
            amount={"of": of, "together": together, "count": count, "unit": unit, "until": date(2023, 8, 31), bound: n}
        ),
        HISTORIES,
        st.sampled_from(["any", "all"]),
        st.sampled_from(["unbroken", "cumulative", "longest"]),
        st.sampled_from(["days", "months", "years"]),
        st.sampled_from(["at_least", "more_than", "equals", "less_than", "at_most"]),
        st.sampled_from([0, 1, 12, 72]),
    ),
    st.builds(
        lambda groups, bound, n: _condition(amount={"share": groups, bound: n}),
        st.sampled_from([["parents"], ["child", "parents"], ["grandparents"]]),
        st.sampled_from(["at_least", "more_than", "equals", "less_than", "at_most"]),
        st.sampled_from([0, 5000, 5100, 10_000]),
    ),
    st.builds(
        lambda bound, n: _condition(amount={"fact": "main.age", bound: n}),
        st.sampled_from(["at_least", "more_than", "equals", "less_than", "at_most"]),
        st.sampled_from([0, 12, 40]),
    ),
    st.just(_condition(owners_within=["child", "parents", "grandparents"])),
    st.just(_condition(owners_within=["parents"])),
    st.just(_condition(same_address=["place.hukou", "place.dwelling"])),
    st.just(_condition(no_dwelling_in=["kuiwen", "gaoxin"])),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda p: _condition(all=p)),
        st.lists(inner, min_size=1, max_size=3).map(lambda p: _condition(any=p)),
        inner.map(lambda part: Condition.model_validate({"not": part})),
    ),
    max_leaves=8,
)
LOOKED_AT = [
    "lease.sole", "lease.filed_on", "main.age", "permit.main", "insurance.main", "business.main", "dwelling.owners",
    "family.kin", "dwelling.family_share_bp", "dwelling.owners_within_kin", "dwelling.address_equals_hukou", "place.hukou",
    "place.dwelling", "family.dwellings",
]  # fmt: skip
looked_at = st.fixed_dictionaries({name: VALUES[VOCABULARY[name].kind] for name in LOOKED_AT})
some = st.sets(st.sampled_from(LOOKED_AT))


@relaxed
@given(CONDITIONS, looked_at, some, some)
def test_adding_evidence_changes_only_what_was_unknown(
    rule: Condition, values: dict[str, Any], hidden: set[str], found: set[str]
) -> None:
    # A person's word stands for a record: it is evidence of its own, and may say something else than the record.
    hidden |= STAND_INS
    found -= STAND_INS
    before, after = node(rule).test(sheet(values, hidden)), node(rule).test(sheet(values, hidden - found))
    assert before in (Truth.UNKNOWN, after)


@settings(relaxed, max_examples=300)
@given(LEAVES, looked_at)
def test_evidence_on_a_single_condition_changes_only_what_was_unknown(rule: Condition, values: dict[str, Any]) -> None:
    own = sorted(set(rule.facts()))
    subsets = [set(names) for n in range(len(own) + 1) for names in combinations(own, n)]
    truths = [(hidden, node(rule).test(sheet(values, hidden | STAND_INS))) for hidden in subsets]
    for (more, before), (less, after) in product(truths, truths):
        assert not less <= more or before in (Truth.UNKNOWN, after)


TIE = """
id: kuiwen-primary
version: 1
district: kuiwen
level: primary
season: 2026
title: {zh: 甲, en: a}
source: {zh: 甲, en: a}
eligible: {fact: child.already_enrolled, is: false}
ranking: points
categories:
  - {code: A, title: {zh: 甲, en: a}, points: 5, bases: [{title: {zh: 甲, en: a}, when: {fact: lease.sole, is: true}}]}
  - {code: B, title: {zh: 乙, en: b}, points: 5, bases: [{title: {zh: 乙, en: b}, when: {fact: lease.in_zone, is: true}}]}
order: []
coordinate: {zh: 统筹, en: coordination}
"""


def test_a_category_of_equal_points_that_stands_first_keeps_the_verdict_open() -> None:
    rule = load(TIE)
    known = {"child.already_enrolled": Fact(False), "lease.in_zone": Fact(True)}
    assert (decide(rule, known).state, decide(rule, known).needed) == ("needs_facts", ("lease.sole",))
    assert decide(rule, known | {"lease.sole": Fact(True)}).category == "A"
    turned = {"child.already_enrolled": Fact(False), "lease.sole": Fact(True)}
    assert (decide(rule, turned).state, decide(rule, turned).category) == ("decided", "A")


@relaxed
@given(situations(), st.data())
def test_adding_evidence_keeps_what_was_decided(situation: Any, data: Any) -> None:
    policy, values, hidden = situation
    # Where a person's word differs from the record that it stands for, it is a correction and no further evidence.
    words = {n for n in hidden if n in STAND_INS}
    found = data.draw(st.sets(st.sampled_from(sorted(hidden - words)))) if hidden - words else set()
    before, after = decide(policy, sheet(values, hidden)), decide(policy, sheet(values, hidden - found))
    assert all(truth in (Truth.UNKNOWN, after.truths[code]) for code, truth in before.truths.items())
    for code, (low, high) in before.points.items():
        if code in after.points:
            assert low <= after.points[code][0] <= after.points[code][1] <= high
    if before.state != "needs_facts":
        assert (after.state, after.category, after.total) == (before.state, before.category, before.total)


@relaxed
@given(situations())
def test_proof_never_worsens_what_was_proven(situation: Any) -> None:
    policy, values, hidden = situation
    hidden -= STAND_INS
    order = [c.code for c in policy.categories] + [COORDINATE]
    before = decide(policy, sheet(values, hidden), final=True)
    after = decide(policy, sheet(values, set()), final=True)
    if after.state == "ineligible":
        return
    if policy.ranking:
        assert (after.total or 0) >= (before.total or 0)
    else:
        assert order.index(after.category) <= order.index(before.proven)


@relaxed
@given(situations(), st.booleans(), st.data())
def test_an_unknown_never_refuses(situation: Any, final: bool, data: Any) -> None:
    policy, values, hidden = situation
    verdict = decide(policy, sheet(values, hidden), final)
    other = data.draw(families(policy, VALUES))
    turned = {n: other[n] if n in hidden - STAND_INS else v for n, v in values.items()}
    known = sheet(turned, hidden & STAND_INS)
    if verdict.state == "ineligible":  # then it is so whatever the hidden facts are
        assert decide(policy, known).state == "ineligible"
    else:
        assert verdict.category
    if not final and verdict.state == "decided":  # nothing hidden could have given something better
        again = decide(policy, known)
        assert (again.category, again.total) == (verdict.category, verdict.total)


@pytest.mark.parametrize("policy", POLICIES, ids=policy_key)
def test_nothing_known_asks_and_refuses_nobody(policy: Policy) -> None:
    for final in (False, True):
        verdict = decide(policy, {}, final)
        assert (verdict.state, verdict.category) == ("needs_facts", COORDINATE)
        assert set(policy.eligible.facts()) <= set(verdict.needed)


def vague(value: Any) -> bool:
    """Whether a value is unknown, or a record that leaves something open in itself."""
    if isinstance(value, Place):
        return value.code.count("/") < 2
    if isinstance(value, Owners):
        return any(o.bp is None or o.who not in KIN_ROLES for o in value)
    if isinstance(value, SeatLocks):
        return any(lock.same_parents is None or lock.same_school is None for lock in value)
    return value is None or isinstance(value, Dwellings)


@st.composite
def clear_situations(draw: Any) -> tuple[Policy, dict[str, Any], set[str]]:
    policy, values, hidden = draw(situations(CLEAR))
    missing = {n: CLEAR[VOCABULARY[n].kind] for n, v in values.items() if vague(v)}
    return policy, {**values, **draw(st.fixed_dictionaries(missing))}, hidden


@relaxed
@given(clear_situations())
def test_what_is_needed_settles_the_verdict(situation: Any) -> None:
    """Asking for the needed facts, again and again, ends, and never asks for a fact that is known."""
    policy, values, hidden = situation
    open_ = set(hidden)
    for _ in values:
        verdict = decide(policy, sheet(values, open_))
        if verdict.state != "needs_facts":
            assert next_questions(policy, {n: None if n in open_ else v for n, v in values.items()}, "zh") == []
            return
        assert verdict.needed and set(verdict.needed) <= open_
        open_ -= set(verdict.needed)
    raise AssertionError("never decided")


@relaxed
@given(situations(), st.booleans(), st.sampled_from(["zh", "en"]))
def test_explanation_and_verdict_never_disagree(situation: Any, final: bool, lang: Any) -> None:
    policy, values, hidden = situation
    facts = sheet(values, hidden)
    verdict = decide(policy, facts, final)
    said = explain(policy, facts, verdict, lang, date(2026, 7, 16))
    assert said.code == verdict.category
    if verdict.state == "ineligible":
        assert [line.truth for line in said.conditions] == [Truth.FALSE]
        return
    assert all(line.truth is Truth.TRUE and not line.todo for line in said.conditions)
    assert bool(said.conditions) == (verdict.category != COORDINATE)
    codes = [c.code for c in policy.categories]
    if policy.ranking:
        assert all(verdict.truths[s.code] is not Truth.TRUE for s in said.better)
    else:
        before = codes[: codes.index(verdict.category) if verdict.category in codes else None]
        assert [s.code for s in said.better] == before
    for skipped in said.better:
        assert skipped.truth is skipped.blocking.truth is verdict.truths[skipped.code] is not Truth.TRUE
    assert tuple(ask.fact for ask in said.asks) == verdict.needed
    assert {o.code for o in said.options} == {code for code, truth in verdict.truths.items() if truth is Truth.TRUE}
    if verdict.total is not None:
        assert Decimal(said.total) * 1000 == verdict.total
        assert sum(Decimal(line.proven) for line in said.points if line.depth == 0) == Decimal(said.total)
    assert all(said.sentence and line.text and line.finding for line in said.conditions)


@relaxed
@given(situations(), st.booleans(), st.randoms(use_true_random=False))
def test_order_of_evaluation_does_not_matter(situation: Any, final: bool, rng: Any) -> None:
    policy, values, hidden = situation

    def shuffled(raw: Any) -> Any:
        if isinstance(raw, dict):
            turned = {k: shuffled(v) for k, v in raw.items()}
            for key in ("all", "any", "bases", "sum", "best", "veto", "of", "sum_of", "longest_of", "owners_within"):
                if isinstance(turned.get(key), list):
                    rng.shuffle(turned[key])
            return turned
        return [shuffled(v) for v in raw] if isinstance(raw, list) else raw

    other = Policy.model_validate(shuffled(policy.model_dump(by_alias=True, exclude_none=True)))
    facts = sheet(values, hidden)
    mixed = list(facts.items())
    rng.shuffle(mixed)
    one, two = decide(policy, facts, final), decide(other, dict(mixed), final)
    assert (one.state, one.category, one.truths, one.order_keys, one.points) == (
        two.state,
        two.category,
        two.truths,
        two.order_keys,
        two.points,
    )
    assert set(one.needed) == set(two.needed)


@relaxed
@given(policies, st.data())
def test_the_best_of_several_homes_is_proposed(policy: Policy, data: Any) -> None:
    options = {key: sheet(data.draw(families(policy, VALUES)), set()) for key in ("own", "grandparents")}
    choice = choose(policy, options, final=True)
    best = choice.verdicts[choice.best]
    codes = [c.code for c in policy.categories] + [COORDINATE, ""]
    for verdict in choice.verdicts.values():
        assert verdict == decide(policy, options[next(k for k, v in choice.verdicts.items() if v is verdict)], True)
        if policy.ranking and "ineligible" not in (best.state, verdict.state):
            assert (best.total or 0) >= (verdict.total or 0)
        elif not policy.ranking:
            assert codes.index(best.category) <= codes.index(verdict.category)


@relaxed
@given(st.lists(st.sampled_from(Truth), max_size=4))
def test_kleene(values: list[Truth]) -> None:
    assert all_of(values).negate() is any_of(v.negate() for v in values)
    assert (all_of(values) is Truth.TRUE) == all(v is Truth.TRUE for v in values)
    assert (any_of(values) is Truth.TRUE) == any(v is Truth.TRUE for v in values)


@pytest.mark.parametrize("policy", POLICIES, ids=policy_key)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_policy_renders_whole(policy: Policy, lang: Any) -> None:
    public = render_policy(policy, lang)
    assert [c.code for c in public.categories] == [c.code for c in policy.categories] + [COORDINATE]
    assert len(public.order) == len(policy.order)
    assert bool(public.points) == bool(policy.points) and len(public.assumed) == len(policy.assumed or {})
    for c, shown in zip(policy.categories, public.categories, strict=False):
        assert len(shown.bases) == len(c.bases) and all(lines for _, lines in shown.bases)
    texts = [line for c in public.categories for _, lines in c.bases for line in lines]
    texts += [*public.points, *public.rules, *public.order, *public.eligible]
    assert not [t for t in texts if "None" in t or "${" in t or "{" in t]
    if lang == "zh":
        assert not [t for t in texts if all(ord(ch) < 128 for ch in t)]
