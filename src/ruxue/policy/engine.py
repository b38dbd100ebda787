"""Decides a family's category from facts: better categories first; an unknown fact asks, it never refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from ruxue.policy.facts import UNKNOWN, VOCABULARY, Fact, FactSheet, Truth
from ruxue.policy.language import COORDINATE, Condition, Policy

Test = Callable[[FactSheet], Truth]
_TRUE, _UNKNOWN, _FALSE = Truth.TRUE, Truth.UNKNOWN, Truth.FALSE


@dataclass(frozen=True)
class Verdict:
    """What the rule says of one family.

    `state`: "decided"; "needs_facts" (a better category, or eligibility, hangs on `needed`); "ineligible".
    `category`: the decided category, or the best that is proven so far; "" where the child is ineligible.
    `truths`: each category's truth; `bases`: the truth of each of its grounds, in the rule's order.
    `needed`: names of the unknown facts that stand before a better category, in the rule's order. In a
    decided verdict they were not proven in time.
    `order_keys`: the tie-breakers in the rule's order, smaller is better; None (unknown) sorts last.
    """

    state: Literal["decided", "needs_facts", "ineligible"]
    category: str
    truths: dict[str, Truth]
    needed: tuple[str, ...]
    order_keys: tuple[int | None, ...]
    bases: dict[str, tuple[Truth, ...]] = field(default_factory=dict)

    @property
    def proven(self) -> str:
        """The category that is sure, whatever the open facts turn out to be; "" if ineligible."""
        return self.category


@dataclass(frozen=True, slots=True)
class Node:
    """A condition with its closure, so that explaining looks at the very tests that decided."""

    condition: Condition
    test: Test
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy as closures: eligibility, and each category's code with its grounds."""

    policy: Policy
    eligible: Node
    categories: tuple[tuple[str, tuple[Node, ...]], ...]


def _leaf(condition: Condition) -> Test:
    name, test = condition.fact or "", condition.test
    kind = VOCABULARY[name].kind
    wanted: Any = getattr(condition, test)
    holds: Callable[[Any], bool] = {
        "is_": lambda value: value is wanted,  # the leaf has made sure that both are bools
        "equals": lambda value: bool(value == wanted),
        "in_": lambda value: value in wanted,
        "before": lambda value: bool(value < wanted),
        "on_or_before": lambda value: bool(value <= wanted),
        "on_or_after": lambda value: bool(value >= wanted),
        "at_least": lambda value: bool(value >= wanted),
        "at_most": lambda value: bool(value <= wanted),
    }[test]

    def leaf(facts: FactSheet) -> Truth:
        fact = facts.get(name)
        if fact is None or fact.value is None:
            return _UNKNOWN
        value = fact.value
        if type(value) is not kind:
            # A mistyped value would compare as false, and only evidence may make a condition false.
            raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")
        return _TRUE if holds(value) else _FALSE

    return leaf


def _all(tests: tuple[Test, ...]) -> Test:
    def conjunction(facts: FactSheet) -> Truth:
        result = _TRUE
        for test in tests:
            truth = test(facts)
            if truth is _FALSE:
                return _FALSE
            if truth is _UNKNOWN:
                result = _UNKNOWN
        return result

    return conjunction


def _any(tests: tuple[Test, ...]) -> Test:
    def disjunction(facts: FactSheet) -> Truth:
        result = _FALSE
        for test in tests:
            truth = test(facts)
            if truth is _TRUE:
                return _TRUE
            if truth is _UNKNOWN:
                result = _UNKNOWN
        return result

    return disjunction


def node(condition: Condition) -> Node:
    """Compiles a condition. The closure gives its truth over a sheet; TypeError for a mistyped fact."""
    parts = tuple(node(part) for part in condition.parts)
    tests = tuple(part.test for part in parts)
    if condition.all is not None:
        return Node(condition, _all(tests), parts)
    if condition.any is not None:
        return Node(condition, _any(tests), parts)
    if condition.negated is not None:
        inner = tests[0]
        return Node(condition, lambda facts: inner(facts).negate(), parts)
    return Node(condition, _leaf(condition), ())


def compiled(policy: Policy) -> Compiled:
    """The policy's compiled form, made once per object."""
    found = policy._compiled
    # A changed copy carries the private attribute of its origin: only one's own counts.
    if not isinstance(found, Compiled) or found.policy is not policy:
        found = policy._compiled = Compiled(
            policy,
            node(policy.eligible),
            tuple((c.code, tuple(node(b.when) for b in c.bases)) for c in policy.categories),
        )
    return found


def unknown_facts(tree: Node, facts: FactSheet) -> list[str]:
    """The facts that keep a condition unknown, in the rule's order; empty where it is true or false."""
    if tree.test(facts) is not _UNKNOWN:
        return []
    if not tree.parts:
        return [tree.condition.fact or ""]
    return [name for part in tree.parts for name in unknown_facts(part, facts)]


def order_key(fact: Fact, better: str) -> int | None:
    """A tie-breaker as an integer (days or units), smaller is better; None where the fact is unknown."""
    value = fact.value
    if value is None or isinstance(value, str):
        return None
    number = value.toordinal() if isinstance(value, date) else int(value)
    return number if better in ("earlier", "smaller") else -number


def decide(policy: Policy, facts: FactSheet, final: bool = False) -> Verdict:
    """The category of a family.

    Before its time is up an unknown better category leaves the verdict open ("needs_facts"); with `final`
    (deadline passed, or the family waived) what is not proven is passed over, and the explanation says so.
    Unknown eligibility stays open even then: an unknown never refuses. A child of age always has a place:
    COORDINATE at worst.
    Raises TypeError for a fact whose value has another type than the vocabulary's.
    """
    rule = compiled(policy)
    keys = tuple(order_key(facts.get(o.fact, UNKNOWN), o.better) for o in policy.order)
    bases: dict[str, tuple[Truth, ...]] = {}
    truths: dict[str, Truth] = {}
    for code, grounds in rule.categories:
        bases[code] = found = tuple([ground.test(facts) for ground in grounds])
        truths[code] = _TRUE if _TRUE in found else _UNKNOWN if _UNKNOWN in found else _FALSE
    eligible = rule.eligible.test(facts)
    if eligible is _FALSE:
        return Verdict("ineligible", "", truths, (), keys, bases)
    needed: list[str] = unknown_facts(rule.eligible, facts)
    proven, open_ = COORDINATE, False
    for code, grounds in rule.categories:
        if truths[code] is _TRUE:
            proven = code
            break
        if truths[code] is _UNKNOWN:
            open_ = True
            for ground in grounds:
                needed += unknown_facts(ground, facts)
    waits = eligible is _UNKNOWN or (open_ and not final)
    return Verdict("needs_facts" if waits else "decided", proven, truths, tuple(dict.fromkeys(needed)), keys, bases)
