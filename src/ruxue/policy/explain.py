"""Says in plain words why a family has its category: generated from the rule and the vocabulary, never written twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from ruxue.policy.engine import Verdict, compile_condition
from ruxue.policy.facts import UNKNOWN, VOCABULARY, Fact, FactSheet, Truth
from ruxue.policy.language import COORDINATE, TESTS, Basis, Category, Condition, Policy, Text

Lang = Literal["zh", "en"]
_DISTRICTS = {
    "kuiwen": ("奎文区", "Kuiwen"), "gaoxin": ("高新区", "Gaoxin"), "hanting": ("寒亭区", "Hanting"),
    "jingkai": ("经济区", "Jingji"), "binhai": ("滨海区", "Binhai"),
}


@dataclass(frozen=True)
class Line:
    """One condition: its words, whether it is met, what the evidence says and from where, what would change it."""

    text: str
    truth: Truth
    fact: str
    value: str
    source: str
    as_of: date | None
    todo: str


@dataclass(frozen=True)
class Skipped:
    """A better category that was not reached, and the first condition that stood in the way."""

    code: str
    title: str
    blocking: Line | None


@dataclass(frozen=True)
class Explanation:
    sentence: str
    code: str
    title: str
    conditions: list[Line] = field(default_factory=list)
    better: list[Skipped] = field(default_factory=list)


def say_date(day: date, lang: Lang) -> str:
    """2026年7月16日, or 16 July 2026."""
    return f"{day.year}年{day.month}月{day.day}日" if lang == "zh" else f"{day.day} {day:%B %Y}"


def _pick(text: Text, lang: Lang) -> str:
    return text.zh if lang == "zh" else text.en


def _say_value(value: Any, lang: Lang) -> str:
    zh = lang == "zh"
    if value is None:
        return "尚不清楚" if zh else "not known yet"
    if isinstance(value, bool):
        return ("是" if value else "否") if zh else ("yes" if value else "no")
    if isinstance(value, date):
        return say_date(value, lang)
    if value in _DISTRICTS:
        return _DISTRICTS[value][0 if zh else 1]
    if value == "other":
        return "其他区县" if zh else "another county"
    return str(value) or ("无" if zh else "none")


def leaf_text(condition: Condition, lang: Lang) -> str:
    """A leaf in words, from the vocabulary's phrase and the comparison."""
    term = VOCABULARY[condition.fact or ""]
    phrase = term.zh if lang == "zh" else term.en
    test = next(t for t in TESTS if getattr(condition, t) is not None)
    wanted = getattr(condition, test)
    share = condition.fact == "dwelling.family_share_bp"
    shown = f"{wanted / 100:g} %" if share else _say_value(wanted, lang)
    if test == "is_":
        return phrase if wanted else (f"不是“{phrase}”" if lang == "zh" else f"it is not so that {phrase}")
    if test == "one_of":
        shown = ("、" if lang == "zh" else ", ").join(_say_value(w, lang) for w in wanted)
    words = {
        "equals": ("是", "is"), "one_of": ("是其中之一：", "is one of"), "before": ("早于", "is before"),
        "on_or_before": ("不晚于", "is not after"), "on_or_after": ("不早于", "is not before"),
        "at_least": ("不少于", "is at least"),
    }[test]
    return f"{phrase}{words[0]}{shown}" if lang == "zh" else f"{phrase} {words[1]} {shown}"


def _leaves(condition: Condition, negated: bool = False) -> Iterator[tuple[Condition, bool]]:
    inner = condition.all or condition.any
    if inner:
        for part in inner:
            yield from _leaves(part, negated)
    elif condition.negated:
        yield from _leaves(condition.negated, not negated)
    else:
        yield condition, negated


def _line(leaf: Condition, negated: bool, facts: FactSheet, lang: Lang) -> Line:
    fact: Fact = facts.get(leaf.fact or "", UNKNOWN)
    truth = compile_condition(leaf)(facts)
    text = leaf_text(leaf, lang)
    if negated:
        truth = truth.negate()
        text = f"不是“{text}”" if lang == "zh" else f"it is not so that {text}"
    term = VOCABULARY[leaf.fact or ""]
    value: Any = fact.value
    said = f"{value / 100:g} %" if leaf.fact == "dwelling.family_share_bp" and value is not None else _say_value(value, lang)
    return Line(
        text, truth, leaf.fact or "", said, fact.source or "/".join(term.items), fact.as_of,
        "" if truth == Truth.TRUE else (term.todo_zh if lang == "zh" else term.todo_en),
    )


def _blocking(condition: Condition, facts: FactSheet, lang: Lang, negated: bool = False) -> Line | None:
    """The first leaf, in the rule's order, that keeps the condition from being true."""
    value = compile_condition(condition)(facts)
    if (value.negate() if negated else value) == Truth.TRUE:
        return None
    if condition.negated:
        return _blocking(condition.negated, facts, lang, not negated)
    inner = condition.all or condition.any
    if not inner:
        return _line(condition, negated, facts, lang)
    worst = [part for part in inner if compile_condition(part)(facts) == (Truth.TRUE if negated else Truth.FALSE)]
    for part in [*worst, *inner]:
        found = _blocking(part, facts, lang, negated)
        if found:
            return found
    return None


def _closest(category: Category, facts: FactSheet) -> Basis:
    """The basis with the fewest unmet conditions: the one worth telling the family about."""

    def unmet(basis: Basis) -> int:
        leaves = list(_leaves(basis.when))
        return sum((2 - (t.negate() if n else t)) for leaf, n in leaves for t in [compile_condition(leaf)(facts)])

    return min(category.bases, key=unmet)


def explain(policy: Policy, facts: FactSheet, verdict: Verdict, lang: Lang) -> Explanation:
    """The verdict in words; every statement is read off the rule and the facts that decided it."""
    zh = lang == "zh"
    if verdict.state == "ineligible":
        line = _blocking(policy.eligible, facts, lang)
        reason = line.text if line else ""
        return Explanation(
            f"按规定暂不能报名：需要满足“{reason}”。" if zh else f"This child can't be enrolled under the rule: it requires that {reason}.",
            "", "", [line] if line else [], [],
        )
    skipped = []
    conditions: list[Line] = []
    title = _pick(policy.coordinate, lang)
    for category in policy.categories:
        if category.code == verdict.category:
            basis = next(b for b in category.bases if compile_condition(b.when)(facts) == Truth.TRUE)
            title = _pick(category.title, lang)
            conditions = [_line(leaf, n, facts, lang) for leaf, n in _leaves(basis.when)]
            break
        basis = _closest(category, facts)
        skipped.append(Skipped(category.code, _pick(category.title, lang), _blocking(basis.when, facts, lang)))
    if verdict.state == "needs_facts":
        sentence = (
            f"目前能确认的是{title}；还有信息没有核实，核实后可能更靠前。" if zh
            else f"What is certain so far: {title}. Some facts are still open; they may lead to a better category."
        )
    elif verdict.category == COORDINATE:
        sentence = (
            "您的孩子将由区里统筹安排学位。" if zh else "The district will arrange a school place for your child (coordination)."
        )
    else:
        sentence = f"您的孩子属于{title}。" if zh else f"Your child is in this category: {title}."
    return Explanation(sentence, verdict.category, title, conditions, skipped)


@dataclass(frozen=True)
class PublicCategory:
    code: str
    title: str
    bases: list[tuple[str, list[str]]]


def render(policy: Policy, lang: Lang) -> list[PublicCategory]:
    """The whole rule in words for the public page: categories in order, each with its bases and their conditions."""
    shown = [
        PublicCategory(
            c.code, _pick(c.title, lang),
            [(_pick(b.title, lang), [_say_leaf(leaf, n, lang) for leaf, n in _leaves(b.when)]) for b in c.bases],
        )
        for c in policy.categories
    ]
    return [*shown, PublicCategory(COORDINATE, _pick(policy.coordinate, lang), [])]


def _say_leaf(leaf: Condition, negated: bool, lang: Lang) -> str:
    text = leaf_text(leaf, lang)
    return text if not negated else (f"不是“{text}”" if lang == "zh" else f"it is not so that {text}")
