"""Says in plain words why a family has its category: read off rule and vocabulary, never written twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ruxue.policy.engine import Node, Verdict, compiled, decide, node
from ruxue.policy.facts import DISTRICTS, SOURCES, UNKNOWN, VOCABULARY, Fact, FactSheet, Lang, Truth, Value
from ruxue.policy.language import COORDINATE, Condition, Policy, Text


@dataclass(frozen=True)
class Line:
    """One condition of the rule, held against the evidence.

    `text`: what the rule asks; `truth`: whether it is met; `fact`, `value`, `source`, `as_of`: the evidence
    that decided it; `finding`: the same as a phrase; `todo`: what would change it and until when, "" where it
    is met or nothing can be done.
    """

    text: str
    truth: Truth
    fact: str
    value: str
    source: str
    as_of: date | None
    todo: str
    finding: str = ""


@dataclass(frozen=True)
class Skipped:
    """A better category that was not reached: its truth, the first condition in the way, and a sentence."""

    code: str
    title: str
    blocking: Line
    truth: Truth
    sentence: str


@dataclass(frozen=True)
class Ask:
    """An unknown fact that stands before a better category, and what the family can do about it."""

    fact: str
    text: str
    todo: str


@dataclass(frozen=True)
class Explanation:
    """A verdict in words: one sentence first, then the category's conditions, then the better categories."""

    sentence: str
    code: str
    title: str
    conditions: list[Line] = field(default_factory=list)
    better: list[Skipped] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)


def say_date(day: date, lang: Lang) -> str:
    """2026年7月16日, or 16 July 2026."""
    return f"{day.year}年{day.month}月{day.day}日" if lang == "zh" else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


# strftime would follow the server's locale.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _pick(text: Text, lang: Lang) -> str:
    return text.zh if lang == "zh" else text.en


def _say_value(name: str, value: Value | None, lang: Lang) -> str:
    zh = lang == "zh"
    if value is None:
        return "尚不清楚" if zh else "not known yet"
    if isinstance(value, bool):
        return ("是" if value else "否") if zh else ("yes" if value else "no")
    if isinstance(value, date):
        return say_date(value, lang)
    if isinstance(value, int):
        if name.endswith("_bp"):
            return f"{value // 100}{f'.{value % 100:02}'.rstrip('0') if value % 100 else ''}%"
        return f"{value}个月" if zh else f"{value} month{'' if value == 1 else 's'}"
    if name == "child.hukou_district" and value in DISTRICTS:
        return DISTRICTS[value][0 if zh else 1]
    return value or ("无" if zh else "none")


# (met, not met) in both languages; {f} is the fact, {v} the value asked for.
_WORDS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "equals": (("{f}是{v}", "{f}不是{v}"), ("{f} is {v}", "{f} is not {v}")),
    "in_": (("{f}是其中之一：{v}", "{f}不是其中任何一个：{v}"), ("{f} is one of {v}", "{f} is none of {v}")),
    "before": (("{f}早于{v}", "{f}不早于{v}"), ("{f} is before {v}", "{f} is not before {v}")),
    "on_or_before": (("{f}不晚于{v}", "{f}晚于{v}"), ("{f} is on or before {v}", "{f} is after {v}")),
    "on_or_after": (("{f}不早于{v}", "{f}早于{v}"), ("{f} is on or after {v}", "{f} is before {v}")),
    "at_least": (("{f}不少于{v}", "{f}少于{v}"), ("{f} is at least {v}", "{f} is less than {v}")),
    "at_most": (("{f}不超过{v}", "{f}超过{v}"), ("{f} is at most {v}", "{f} is more than {v}")),
    "none": (("没有{f}", "有{f}"), ("{f} is not claimed", "{f} is claimed")),
}


def _leaf_text(leaf: Condition, lang: Lang, negated: bool) -> str:
    name, test = leaf.fact or "", leaf.test
    term = VOCABULARY[name]
    wanted: Any = getattr(leaf, test)
    if test == "is_":
        return term.phrase(Truth.TRUE if wanted is not negated else Truth.FALSE, lang)
    many = wanted if isinstance(wanted, list) else [wanted]
    shown = ("、" if lang == "zh" else ", ").join(_say_value(name, w, lang) for w in many)
    words = _WORDS["none" if wanted == "" else test][0 if lang == "zh" else 1]
    return words[1 if negated else 0].format(f=term.name(lang), v=shown)


def say(condition: Condition, lang: Lang, negated: bool = False) -> str:
    """A condition in words; `negated` says its opposite (De Morgan's laws)."""
    if condition.negated is not None:
        return say(condition.negated, lang, not negated)
    if not condition.parts:
        return _leaf_text(condition, lang, negated)
    if len(condition.parts) == 1:
        return say(condition.parts[0], lang, negated)
    every = (condition.all is not None) is not negated
    joint = ("，并且" if every else "，或者") if lang == "zh" else (", and " if every else ", or ")
    said = [
        f"（{s}）"
        if lang == "zh" and part.parts and not part.negated
        else f"({s})"
        if part.parts and not part.negated
        else s
        for part in condition.parts
        for s in [say(part, lang, negated)]
    ]
    return joint.join(said)


def _conjuncts(tree: Node) -> list[Node]:
    """What must all be met, one by one: nested "all" unfolded, anything else left whole."""
    if tree.condition.all is None:
        return [tree]
    return [found for part in tree.parts for found in _conjuncts(part)]


def _deciding(tree: Node, facts: FactSheet) -> Condition:
    """The first leaf, in the rule's order, that gives the condition its truth."""
    if not tree.parts:
        return tree.condition
    if tree.condition.negated is not None:
        return _deciding(tree.parts[0], facts)
    truth = tree.test(facts)
    return _deciding(next(part for part in tree.parts if part.test(facts) is truth), facts)


def _finding(name: str, fact: Fact, lang: Lang) -> str:
    term, value = VOCABULARY[name], fact.value
    if value is None:
        return term.phrase(Truth.UNKNOWN, lang)
    if isinstance(value, bool):
        said = term.phrase(Truth.TRUE if value else Truth.FALSE, lang)
    elif value == "":
        said = _WORDS["none"][0 if lang == "zh" else 1][0].format(f=term.name(lang))
    else:
        said = _WORDS["equals"][0 if lang == "zh" else 1][0].format(f=term.name(lang), v=_say_value(name, value, lang))
    source = SOURCES.get(fact.source, (fact.source, fact.source))[0 if lang == "zh" else 1]
    day = say_date(fact.as_of, lang) if fact.as_of else ""
    where = ("，" if lang == "zh" else ", ").join(part for part in (source, day) if part)
    return said + (f"（{where}）" if lang == "zh" else f" ({where})") if where else said


def _todo(name: str, lang: Lang, until: date | None) -> str:
    todo = VOCABULARY[name].todo(lang)
    if not todo or until is None:
        return todo
    return f"{todo}（请在{say_date(until, lang)}前完成）" if lang == "zh" else f"{todo} (by {say_date(until, lang)})"


def _line(tree: Node, facts: FactSheet, lang: Lang, until: date | None) -> Line:
    name = _deciding(tree, facts).fact or ""
    fact, truth = facts.get(name, UNKNOWN), tree.test(facts)
    return Line(
        say(tree.condition, lang),
        truth,
        name,
        _say_value(name, fact.value, lang),
        fact.source or VOCABULARY[name].items[0],
        fact.as_of,
        "" if truth is Truth.TRUE else _todo(name, lang, until),
        _finding(name, fact, lang),
    )


def _blocking(tree: Node, facts: FactSheet) -> Node:
    """The first condition that keeps the whole from being true: an unmet one before an unknown one."""
    truth = tree.test(facts)
    return next(part for part in _conjuncts(tree) if part.test(facts) is truth)


def _closest(grounds: tuple[Node, ...], facts: FactSheet) -> Node:
    """The ground nearest to being met, worth telling about: open before unmet, then the smallest gap."""

    def gaps(tree: Node) -> tuple[int, float]:
        parts = _conjuncts(tree)
        # A share, not a count: else a ground of one condition, unmet, would always look the nearest.
        return -tree.test(facts), sum(2 - part.test(facts) for part in parts) / len(parts)

    return min(grounds, key=gaps)


def _skipped(code: str, title: str, line: Line, decided: bool, lang: Lang) -> Skipped:
    zh = lang == "zh"
    if line.truth is Truth.FALSE:
        said = f"没有进入“{title}”：{line.finding}。" if zh else f"Not in {title}: {line.finding}."
        if line.todo:
            said += f"如果与实际不符，{line.todo}。" if zh else f" If this is not so, {line.todo}."
    elif decided:
        said = (
            f"没有进入“{title}”：到期时没有证明“{line.text}”。"
            if zh
            else f"Not in {title}: not proven in time that {line.text}."
        )
    else:
        said = f"还不能确定“{title}”：{line.finding}。" if zh else f"{title} is still open: {line.finding}."
        if line.todo:
            said += f"您可以{line.todo}。" if zh else f" You can {line.todo}."
    return Skipped(code, title, line, line.truth, said)


def explain(policy: Policy, facts: FactSheet, verdict: Verdict, lang: Lang, until: date | None = None) -> Explanation:
    """The verdict in words; every statement is read off the rule and the facts that decided it.

    `facts` are those that the verdict was made from; `until` is the last day on which the family can still
    prove or correct something, and is named beside each thing that it can do.
    """
    zh, rule = lang == "zh", compiled(policy)
    if verdict.state == "ineligible":
        line = _line(_blocking(rule.eligible, facts), facts, lang, until)
        sentence = (
            f"按规定这次还不能报名：{line.finding}；规定要求{line.text}。"
            if zh
            else f"This child can't be enrolled this time: {line.finding}; the rule asks that {line.text}."
        )
        return Explanation(sentence, "", "", [line])
    better: list[Skipped] = []
    conditions: list[Line] = []
    title, why = _pick(policy.coordinate, lang), ""
    for category, (code, grounds) in zip(policy.categories, rule.categories, strict=True):
        if code == verdict.category:
            at = (
                verdict.bases[code].index(Truth.TRUE)
                if verdict.bases
                else [g.test(facts) for g in grounds].index(Truth.TRUE)
            )
            title, why = _pick(category.title, lang), _pick(category.bases[at].title, lang)
            conditions = [_line(part, facts, lang, until) for part in _conjuncts(grounds[at])]
            break
        line = _line(_blocking(_closest(grounds, facts), facts), facts, lang, until)
        better.append(_skipped(code, _pick(category.title, lang), line, verdict.state == "decided", lang))
    asks = [
        Ask(name, VOCABULARY[name].phrase(Truth.UNKNOWN, lang), _todo(name, lang, until)) for name in verdict.needed
    ]
    if verdict.state == "needs_facts":
        sentence = (
            f"目前能确认的是“{title}”；还有信息没有核实，核实后可能更靠前。"
            if zh
            else f"What is certain so far: {title}. Some facts are open; they may lead to a better category."
        )
    elif verdict.category == COORDINATE:
        sentence = (
            "您的孩子将由区里统筹安排学位，因为前面各类的条件没有全部满足或证明。"
            if zh
            else "The district will arrange a school place for your child (coordination), "
            "as the conditions of no category before it are all met and proven."
        )
    else:
        sentence = (
            f"您的孩子属于“{title}”，因为符合：{why}。"
            if zh
            else f"Your child is in this category: {title}; reason: {why}."
        )
    return Explanation(sentence, verdict.category, title, conditions, better, asks)


def self_check(policy: Policy, answers: Mapping[str, Value | None], lang: Lang) -> Explanation:
    """ "Which category would we be?" from a visitor's own answers; stores nothing.

    Raises KeyError for a name outside the vocabulary and TypeError for an answer of another type.
    """
    for name, value in answers.items():
        kind = VOCABULARY[name].kind
        if value is not None and type(value) is not kind:
            raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")
    facts = {name: Fact(value, "declared") for name, value in answers.items()}
    return explain(policy, facts, decide(policy, facts), lang)


@dataclass(frozen=True)
class PublicCategory:
    """A category for the public page: grounds with conditions, papers to bring, what a family may choose."""

    code: str
    title: str
    bases: list[tuple[str, list[str]]]
    evidence: list[str] = field(default_factory=list)
    may: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PublicPolicy:
    """A whole rule in words. `core`: the districts in which "no dwelling in the city's core" is counted,
    from the parameter city_core; `assumed`: what the published text lacks and was supplied."""

    title: str
    source: str
    note: str
    eligible: list[str]
    categories: list[PublicCategory]
    order: list[str]
    core: list[str]
    assumed: list[str]


_BETTER = {
    "earlier": ("早的在前", "earlier first"),
    "later": ("晚的在前", "later first"),
    "larger": ("多的在前", "larger first"),
    "smaller": ("少的在前", "smaller first"),
}


def render_policy(policy: Policy, lang: Lang) -> PublicPolicy:
    """The whole rule in words for the public page, generated from the rule that decides."""
    zh = lang == "zh"

    def lines(condition: Condition) -> list[str]:
        return [say(part.condition, lang) for part in _conjuncts(node(condition))]

    categories = [
        PublicCategory(
            c.code,
            _pick(c.title, lang),
            [(_pick(b.title, lang), lines(b.when)) for b in c.bases],
            [_pick(t, lang) for t in c.evidence or []],
            [_pick(t, lang) for t in c.may or []],
        )
        for c in policy.categories
    ]
    order = [
        f"{VOCABULARY[o.fact].name(lang)}{'，' if zh else ': '}{_BETTER[o.better][0 if zh else 1]}"
        for o in policy.order
    ]
    core = policy.parameters.get("city_core", [])
    names = [_say_value("child.hukou_district", str(key), lang) for key in core] if isinstance(core, list) else []
    return PublicPolicy(
        _pick(policy.title, lang),
        _pick(policy.source, lang),
        _pick(policy.note, lang) if policy.note else "",
        lines(policy.eligible),
        [*categories, PublicCategory(COORDINATE, _pick(policy.coordinate, lang), [])],
        order,
        names,
        [_pick(t, lang) for t in (policy.assumed or {}).values()],
    )


def render(policy: Policy, lang: Lang) -> list[PublicCategory]:
    """The categories of `render_policy`, in order."""
    return render_policy(policy, lang).categories
