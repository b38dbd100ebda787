"""Decides a family's category from facts: better categories first; an unknown fact asks, it never refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from ruxue.policy.facts import UNKNOWN, Fact, FactSheet, Truth, all_of, any_of
from ruxue.policy.language import COORDINATE, TESTS, Condition, Policy

Test = Callable[[FactSheet], Truth]


@dataclass(frozen=True)
class Verdict:
    """What the rule says. `state`: "decided"; "needs_facts" (a better category hangs on `needed`); "ineligible".

    `category` is the decided category, or the best that is proven so far; `truths` holds each category's truth;
    `order_keys` are the tie-breakers, smaller is better, None (unknown) sorts last.
    """

    state: Literal["decided", "needs_facts", "ineligible"]
    category: str
    truths: dict[str, Truth]
    needed: tuple[str, ...]
    order_keys: tuple[int | None, ...]


def _compare(condition: Condition, name: str) -> Callable[[Any], bool]:
    wanted: Any = getattr(condition, name)
    if name in ("is_", "equals"):
        return lambda value: bool(value == wanted)
    if name == "one_of":
        return lambda value: value in wanted
    if name == "before":
        return lambda value: bool(value < wanted)
    if name == "on_or_before":
        return lambda value: bool(value <= wanted)
    return lambda value: bool(value >= wanted)


def compile_condition(condition: Condition) -> Test:
    """A closure that gives the condition's truth over a fact sheet."""
    if condition.all is not None:
        parts = [compile_condition(c) for c in condition.all]
        return lambda facts: all_of(p(facts) for p in parts)
    if condition.any is not None:
        parts = [compile_condition(c) for c in condition.any]
        return lambda facts: any_of(p(facts) for p in parts)
    if condition.negated is not None:
        inner = compile_condition(condition.negated)
        return lambda facts: inner(facts).negate()
    name = condition.fact or ""
    test = _compare(condition, next(t for t in TESTS if getattr(condition, t) is not None))

    def leaf(facts: FactSheet) -> Truth:
        value = facts.get(name, UNKNOWN).value
        if value is None:
            return Truth.UNKNOWN
        return Truth.TRUE if test(value) else Truth.FALSE

    return leaf


@dataclass(frozen=True)
class Compiled:
    policy: Policy
    eligible: Test
    categories: tuple[tuple[str, tuple[Test, ...]], ...]


_cache: dict[int, Compiled] = {}


def compiled(policy: Policy) -> Compiled:
    """The policy's compiled form, made once per object (the cache keeps the object, so its id stays its own)."""
    found = _cache.get(id(policy))
    if found is None:
        found = _cache[id(policy)] = Compiled(
            policy, compile_condition(policy.eligible),
            tuple((c.code, tuple(compile_condition(b.when) for b in c.bases)) for c in policy.categories),
        )
    return found


def unknown_leaves(condition: Condition, facts: FactSheet) -> list[str]:
    """Facts that keep the condition unknown, in the rule's order."""
    inner = condition.all or condition.any or ([condition.negated] if condition.negated else None)
    if inner is not None:
        if compile_condition(condition)(facts) != Truth.UNKNOWN:
            return []
        return [name for part in inner for name in unknown_leaves(part, facts)]
    return [condition.fact] if condition.fact and facts.get(condition.fact, UNKNOWN).value is None else []


def order_key(fact: Fact, better: str) -> int | None:
    """A tie-breaker as an integer, smaller is better; None where the fact is unknown."""
    value = fact.value
    if value is None or isinstance(value, str):
        return None
    number = value.toordinal() if isinstance(value, date) else int(value)
    return number if better in ("earlier", "smaller") else -number


def decide(policy: Policy, facts: FactSheet, final: bool = False) -> Verdict:
    """The category of a family.

    Before its time is up an unknown better category leaves the verdict open ("needs_facts"); with `final` what is
    not proven is passed over, and the explanation says so. A child of age always has a place: COORDINATE at worst.
    """
    rule = compiled(policy)
    truths = {code: any_of(test(facts) for test in tests) for code, tests in rule.categories}
    keys = tuple(order_key(facts.get(o.fact, UNKNOWN), o.better) for o in policy.order)
    eligible = rule.eligible(facts)
    if eligible == Truth.FALSE:
        return Verdict("ineligible", "", truths, (), keys)
    proven = next((code for code, truth in truths.items() if truth == Truth.TRUE), COORDINATE)
    better = list(truths)[: list(truths).index(proven)] if proven in truths else list(truths)
    open_codes = [code for code in better if truths[code] == Truth.UNKNOWN]
    needed: list[str] = [] if eligible == Truth.TRUE else unknown_leaves(policy.eligible, facts)
    for category in policy.categories:
        if category.code in open_codes:
            for basis in category.bases:
                needed += unknown_leaves(basis.when, facts)
    if eligible == Truth.UNKNOWN or (open_codes and not final):
        return Verdict("needs_facts", proven, truths, tuple(dict.fromkeys(needed)), keys)
    return Verdict("decided", proven, truths, tuple(dict.fromkeys(needed)), keys)
