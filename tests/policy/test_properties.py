"""Properties of deciding and explaining that hold for every family and every rule."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.policy.engine import compiled, decide, node
from ruxue.policy.explain import explain, render_policy
from ruxue.policy.facts import VOCABULARY, Fact, Truth, all_of, any_of
from ruxue.policy.language import COORDINATE, Condition, Policy, load_file

# A busy machine is no failure of a property.
relaxed = settings(deadline=None, max_examples=80)
POLICIES = [load_file(p) for p in sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))]
DAYS = st.sampled_from([date(2019, 8, 31), date(2020, 8, 31), date(2020, 9, 1), date(2025, 12, 31), date(2026, 1, 1)])
VALUES: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    date: DAYS,
    int: st.sampled_from([0, 4999, 5000, 10_000]),
    str: st.sampled_from(["", "kuiwen", "gaoxin", "other"]),
}
NAMES = sorted(
    {n for p in POLICIES for n in p.eligible.facts()}
    | {n for p in POLICIES for c in p.categories for b in c.bases for n in b.when.facts()}
)
policies = st.sampled_from(POLICIES)
known = st.fixed_dictionaries({name: VALUES[VOCABULARY[name].kind] for name in NAMES})
# Facts that favour the family make the better categories, and so the interesting verdicts, frequent.
favourable = {n: True for n in NAMES if VOCABULARY[n].kind is bool} | {
    "child.already_enrolled": False,
    "family.reported_absent": False,
}
likely = known.flatmap(
    lambda k: st.sets(st.sampled_from(NAMES)).map(
        lambda own: {n: v if n in own else favourable.get(n, v) for n, v in k.items()}
    )
)


def sheet(values: dict[str, Any], hidden: set[str]) -> dict[str, Fact]:
    return {name: Fact(None if name in hidden else value, "NR1") for name, value in values.items()}


def conditions() -> st.SearchStrategy[Condition]:
    leaves = st.one_of(
        st.sampled_from(["dwelling.in_zone", "lease.sole", "job.in_district"]).flatmap(
            lambda name: st.booleans().map(lambda v: Condition.model_validate({"fact": name, "is": v}))
        ),
        st.sampled_from([4999, 5000]).map(
            lambda v: Condition.model_validate({"fact": "dwelling.family_share_bp", "at_least": v})
        ),
        DAYS.map(lambda v: Condition.model_validate({"fact": "lease.filed_on", "before": v})),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: Condition(all=parts)),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: Condition(any=parts)),
            inner.map(lambda part: Condition.model_validate({"not": part})),
        ),
        max_leaves=8,
    )


@relaxed
@given(conditions(), known, st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_adding_evidence_changes_only_what_was_unknown(
    rule: Condition, values: dict[str, Any], hidden: set[str], found: set[str]
) -> None:
    before, after = node(rule).test(sheet(values, hidden)), node(rule).test(sheet(values, hidden - found))
    assert before in (Truth.UNKNOWN, after)


@relaxed
@given(policies, likely, st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_adding_evidence_keeps_what_was_decided(
    policy: Policy, values: dict[str, Any], hidden: set[str], found: set[str]
) -> None:
    before, after = decide(policy, sheet(values, hidden)), decide(policy, sheet(values, hidden - found))
    assert all(truth in (Truth.UNKNOWN, after.truths[code]) for code, truth in before.truths.items())
    if before.state != "needs_facts":
        assert (after.state, after.category) == (before.state, before.category)


@relaxed
@given(policies, likely, st.sets(st.sampled_from(NAMES)))
def test_proof_never_worsens_what_was_proven(policy: Policy, values: dict[str, Any], hidden: set[str]) -> None:
    order = [c.code for c in policy.categories] + [COORDINATE]
    before, after = (
        decide(policy, sheet(values, hidden), final=True),
        decide(policy, sheet(values, set()), final=True),
    )
    if after.state != "ineligible":
        assert order.index(after.category) <= order.index(before.proven)


@relaxed
@given(policies, likely, known, st.sets(st.sampled_from(NAMES)), st.booleans())
def test_an_unknown_never_refuses(
    policy: Policy, values: dict[str, Any], other: dict[str, Any], hidden: set[str], final: bool
) -> None:
    verdict = decide(policy, sheet(values, hidden), final)
    if verdict.state == "ineligible":  # then it is so whatever the hidden facts are
        turned = {n: other[n] if n in hidden else v for n, v in values.items()}
        assert decide(policy, sheet(turned, set())).state == "ineligible"
    else:
        assert verdict.category
    if not final and verdict.state == "decided":  # nothing hidden could have given a better category
        turned = {n: other[n] if n in hidden else v for n, v in values.items()}
        assert decide(policy, sheet(turned, set())).category == verdict.category


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.id)
def test_nothing_known_asks_and_refuses_nobody(policy: Policy) -> None:
    for final in (False, True):
        verdict = decide(policy, {}, final)
        assert (verdict.state, verdict.category) == ("needs_facts", COORDINATE)
        assert verdict.needed[:2] == ("child.born_on", "child.already_enrolled")


@relaxed
@given(policies, likely, st.sets(st.sampled_from(NAMES)))
def test_what_is_needed_settles_the_verdict(policy: Policy, values: dict[str, Any], hidden: set[str]) -> None:
    """Asking for the needed facts, again and again, ends, and never asks for a fact that is known."""
    open_ = set(hidden)
    for _ in NAMES:
        verdict = decide(policy, sheet(values, open_))
        if verdict.state != "needs_facts":
            return
        assert verdict.needed and set(verdict.needed) <= open_
        open_ -= set(verdict.needed)
    raise AssertionError("never decided")


@relaxed
@given(policies, likely, st.sets(st.sampled_from(NAMES)), st.booleans(), st.sampled_from(["zh", "en"]))
def test_explanation_and_verdict_never_disagree(
    policy: Policy, values: dict[str, Any], hidden: set[str], final: bool, lang: Any
) -> None:
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
    assert [s.code for s in said.better] == codes[
        : codes.index(verdict.category) if verdict.category in codes else None
    ]
    for skipped in said.better:
        assert skipped.truth is skipped.blocking.truth is verdict.truths[skipped.code] is not Truth.TRUE
        assert (facts[skipped.blocking.fact].value is None) == (skipped.truth is Truth.UNKNOWN)
    assert tuple(ask.fact for ask in said.asks) == verdict.needed


@relaxed
@given(policies, likely, st.sets(st.sampled_from(NAMES)), st.booleans(), st.randoms(use_true_random=False))
def test_order_of_evaluation_does_not_matter(
    policy: Policy, values: dict[str, Any], hidden: set[str], final: bool, rng: Any
) -> None:
    def shuffled(raw: Any) -> Any:
        if isinstance(raw, dict):
            turned = {k: shuffled(v) for k, v in raw.items()}
            for key in ("all", "any", "bases"):
                if isinstance(turned.get(key), list):
                    rng.shuffle(turned[key])
            return turned
        return [shuffled(v) for v in raw] if isinstance(raw, list) else raw

    other = Policy.model_validate(shuffled(policy.model_dump(by_alias=True, exclude_none=True)))
    facts = sheet(values, hidden)
    mixed = list(facts.items())
    rng.shuffle(mixed)
    one, two = decide(policy, facts, final), decide(other, dict(mixed), final)
    assert (one.state, one.category, one.truths, one.order_keys) == (
        two.state,
        two.category,
        two.truths,
        two.order_keys,
    )
    assert set(one.needed) == set(two.needed)


@relaxed
@given(st.lists(st.sampled_from(Truth), max_size=4))
def test_kleene(values: list[Truth]) -> None:
    assert all_of(values).negate() is any_of(v.negate() for v in values)
    assert (all_of(values) is Truth.TRUE) == all(v is Truth.TRUE for v in values)
    assert (any_of(values) is Truth.TRUE) == any(v is Truth.TRUE for v in values)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.id)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_policy_renders_whole(policy: Policy, lang: Any) -> None:
    public = render_policy(policy, lang)
    assert [c.code for c in public.categories] == [c.code for c in policy.categories] + [COORDINATE]
    assert public.core and len(public.order) == len(policy.order)
    for (_, grounds), shown in zip(compiled(policy).categories, public.categories, strict=False):
        assert len(shown.bases) == len(grounds) and all(lines for _, lines in shown.bases)
