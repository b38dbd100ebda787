"""Says why a family has its category: read off rule, vocabulary and facts, never written twice.

Short first: one sentence; then conditions, points and better categories for who wants to know more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

from ruxue.policy import arrangements
from ruxue.policy.engine import Compiled, Ground, Node, Part, Range, Verdict, compiled, conjuncts, decide, node, trusted
from ruxue.policy.facts import UNKNOWN, VOCABULARY, Fact, FactSheet, Lang, Truth, Value
from ruxue.policy.language import COORDINATE, Condition, Policy, Quantity
from ruxue.policy.records import AT, KIND_NAMES, Dwellings, History, SeatLocks, Spell
from ruxue.policy.words import Words, deciding_fact, pick, say, say_date, say_points, words_of

__all__ = ["explain", "render", "render_policy", "say", "say_date", "say_standing", "self_check", "with_standing"]


class Line(NamedTuple):
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
    """An unknown fact that stands before something better, what the family can do about it, and the papers that the
    rule names for it."""

    fact: str
    text: str
    todo: str
    papers: list[str] = field(default_factory=list)


class PointLine(NamedTuple):
    """An item of points: proven and possible (in points, as text), and what it was counted from."""

    title: str
    proven: str
    possible: str
    finding: str
    depth: int


@dataclass(frozen=True)
class Option:
    """A basis that the family meets: its category, its ground, its points ("" where the rule gives none)."""

    code: str
    title: str
    ground: str
    points: str


@dataclass(frozen=True)
class Standing:
    """Where an admission round left a family, for the explanation: rank in its list (from 1), how many stood there,
    how many seats there were; the last admitted rank (None: nobody) and whether the family was admitted."""

    rank: int
    of: int
    seats: int
    last_rank: int | None
    admitted: bool
    last_points: int | None = None


@dataclass(frozen=True)
class Explanation:
    """A verdict in words: one sentence first, then the category's conditions, then the better categories.

    `points`: what each item gave, `total` their sum; `options`: every basis that the family meets, the best first;
    `notes`: a veto, a fallback, a place at the end of the category, buffer seats; `standing`: rank and last admitted.
    """

    sentence: str
    code: str
    title: str
    conditions: list[Line] = field(default_factory=list)
    better: list[Skipped] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    points: list[PointLine] = field(default_factory=list)
    total: str = ""
    options: list[Option] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    standing: str = ""


def _deciding(tree: Node, facts: FactSheet) -> Node:
    """The first leaf, in the rule's order, that gives the condition its truth."""
    if not tree.parts:
        return tree
    if tree.condition.negated is not None:
        return _deciding(tree.parts[0], facts)
    truth = tree.test(facts)
    return _deciding(next(part for part in tree.parts if part.test(facts) is truth), facts)


@dataclass(frozen=True, slots=True)
class _Teller:
    """What every line needs: the policy's words, the facts as the policy sees them, the last day to act."""

    policy: Policy
    rule: Compiled
    words: Words
    facts: FactSheet
    until: date | None

    @property
    def zh(self) -> bool:
        return self.words.zh

    def todo(self, name: str) -> str:
        """What a family can do about a fact and until when; the rule's own word comes before the vocabulary's."""
        own = (self.policy.ask or {}).get(name)
        todo = pick(own, self.words.lang) if own else VOCABULARY[name].todo(self.words.lang)
        if not todo or self.until is None:
            return todo
        day = say_date(self.until, self.words.lang)
        return f"{todo}（请在{day}前完成）" if self.zh else f"{todo} (by {day})"

    def line(self, tree: Node) -> Line:
        leaf = _deciding(tree, self.facts)
        name = deciding_fact(leaf, self.facts)
        fact, truth = self.facts.get(name, UNKNOWN), tree.test(self.facts)
        return Line(
            self.words.say(tree.condition),
            truth,
            name,
            self.words.value(name, fact.value),
            fact.source or VOCABULARY[name].items[0],
            fact.as_of,
            "" if truth is Truth.TRUE else self.todo(name),
            self.words.finding(leaf, self.facts),
        )

    def against(self, tree: Node) -> Line:
        """A condition that counts against the family, as the opposite that it would have to meet."""
        met = self.line(tree)
        return met._replace(text=self.words.say(tree.condition, True), truth=Truth.FALSE, todo=self.todo(met.fact))


def _blocking(parts: tuple[Node, ...], facts: FactSheet) -> Node:
    """The first condition that keeps the whole from being true: an unmet one before an unknown one."""
    truths = [part.test(facts) for part in parts]
    return parts[truths.index(min(truths))]


def _closest(grounds: tuple[Ground, ...], facts: FactSheet) -> tuple[Node, ...]:
    """The ground nearest to being met, worth telling about: open before unmet, then the smallest gap."""
    if len(grounds) == 1:
        return grounds[0].must

    def gaps(ground: Ground) -> tuple[int, float]:
        truths = [part.test(facts) for part in ground.must]
        # A share, not a count: else a ground of one condition, unmet, would always look the nearest.
        return -min(truths), (2 * len(truths) - sum(truths)) / len(truths)

    return min(grounds, key=gaps).must


def _skipped(code: str, title: str, line: Line, decided: bool, zh: bool) -> Skipped:
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


def _point_lines(part: Part, tell: _Teller, depth: int, value: Range) -> list[PointLine]:
    (low, high), found = value, ""
    if part.amount and part.item.of:
        name = next((n for n in part.names if n in tell.facts), "")
        counted, bound = part.amount(tell.facts)
        unit = part.item.of.measure
        shown = tell.words.number(counted, unit)
        if counted != bound:
            shown = f"至少{shown}，尚未核实完" if tell.zh else f"at least {shown}, not all confirmed yet"
        found = shown + (tell.words.where(tell.facts[name]) if name else "")
    elif part.when:
        found = tell.line(part.when).finding
    proven = say_points(low)
    most = proven if high == low else _most(high, tell.zh)
    lines = [PointLine(tell.words.title(part.item), proven, most, found, depth)]
    for inner in part.parts:
        worth = inner.value(tell.facts)
        # Deep inside, an alternative that gives nothing and can't give anything tells a family nothing.
        if depth == 0 or worth != (0, 0):
            lines += _point_lines(inner, tell, depth + 1, worth)
    return lines


def _most(thousandths: int, zh: bool) -> str:
    # Beyond every table of points: the rule sets no limit there.
    return say_points(thousandths) if thousandths < 10**9 else ("不限" if zh else "no limit")


def explain(policy: Policy, facts: FactSheet, verdict: Verdict, lang: Lang, until: date | None = None) -> Explanation:
    """The verdict in words; every statement is read off the rule and the facts that decided it.

    `facts` are those that the verdict was made from; `until` is the last day on which the family can still
    prove or correct something, and is named beside each thing that it can do.
    """
    rule, words = compiled(policy), words_of(policy, lang)
    zh, facts = words.zh, trusted(policy, facts)
    tell = _Teller(policy, rule, words, facts, until)
    if verdict.state == "ineligible":
        line = tell.line(_blocking(conjuncts(rule.eligible), facts))
        sentence = (
            f"按规定这次还不能报名：{line.finding}；规定要求{line.text}。"
            if zh
            else f"This child can't be enrolled this time: {line.finding}; the rule asks that {line.text}."
        )
        return Explanation(sentence, "", "", [line])
    titles = {c.code: pick(c.title, lang) for c in policy.categories}
    titles[COORDINATE] = pick(policy.coordinate, lang)
    code, decided = verdict.category, verdict.state == "decided"
    better: list[Skipped] = []
    conditions: list[Line] = []
    notes: list[str] = []
    shown = {i: tell.against(rule.vetoes[i][0]) for i in verdict.vetoed}
    for i, line in shown.items():
        assert policy.veto
        title = pick(policy.veto[i].title, lang)
        notes.append(f"一票否决“{title}”：{line.finding}。" if zh else f"Ruled out by {title}: {line.finding}.")
    why = ""
    for other in _ahead(policy, rule, verdict):
        if other == code:
            continue
        veto = next((shown[i] for i in verdict.vetoed if other in rule.vetoes[i][1]), None)
        line = veto or tell.line(_blocking(_closest(rule.grounds[other], facts), facts))
        better.append(_skipped(other, titles[other], line, decided, zh))
    if code in rule.grounds:
        ground = next(g for g in rule.grounds[code] if g.node.test(facts) is Truth.TRUE)
        why = pick(ground.title, lang)
        conditions = [tell.line(part) for part in ground.must]
        if ground.origin:
            notes.append(
                f"“{titles[ground.origin]}”缺少证明，按“{titles[code]}”对待。"
                if zh
                else f"Without the proof for {titles[ground.origin]} it is treated as {titles[code]}."
            )
    notes += _notes(policy, verdict, tell)
    points: list[PointLine] = []
    part = rule.points.get(code)
    if code in verdict.points:
        if rule.base[code]:
            base = say_points(rule.base[code])
            points.append(PointLine(titles[code], base, base, why, 0))
        if part:
            points += _point_lines(part, tell, 0, part.value(facts))
    total = say_points(verdict.points[code][0]) if code in verdict.points else ""
    return Explanation(
        _sentence(verdict, titles[code], why, total, zh),
        code,
        titles[code],
        conditions,
        better,
        [_ask(policy, name, tell) for name in verdict.needed],
        points,
        total,
        _options(policy, verdict, titles, tell),
        notes,
    )


def _sentence(verdict: Verdict, title: str, why: str, total: str, zh: bool) -> str:
    score = (f"，目前{total}分" if zh else f" with {total} points") if total else ""
    if verdict.state == "needs_facts":
        return (
            f"目前能确认的是“{title}”{score}；还有信息没有核实，核实后可能更靠前。"
            if zh
            else f"What is certain so far: {title}{score}. Some facts are open; they may lead to a better category."
        )
    if verdict.category == COORDINATE:
        return (
            "您的孩子将由区里统筹安排学位，因为前面各类的条件没有全部满足或证明。"
            if zh
            else "The district will arrange a school place for your child (coordination), "
            "as the conditions of no category before it are all met and proven."
        )
    score = (f"，共{total}分" if zh else f", with {total} points") if total else ""
    return (
        f"您的孩子属于“{title}”{score}，因为符合：{why}。"
        if zh
        else f"Your child is in this category: {title}{score}; reason: {why}."
    )


def _ahead(policy: Policy, rule: Compiled, verdict: Verdict) -> list[str]:
    """The better categories that were not reached: before the verdict's own, or worth more points where these rank."""
    codes = [c.code for c in policy.categories]
    if not policy.ranking:
        return codes[: codes.index(verdict.category) if verdict.category in codes else None]
    own = verdict.points.get(verdict.category, (-1, -1))[0]
    return [c for c in codes if verdict.truths[c] is not Truth.TRUE and rule.most[c] > own]


def _options(policy: Policy, verdict: Verdict, titles: Mapping[str, str], tell: _Teller) -> list[Option]:
    """Every basis that is met, the best first."""
    found = [
        (code, ground)
        for code, grounds in tell.rule.grounds.items()
        if verdict.truths[code] is Truth.TRUE
        for ground in grounds
        if ground.node.test(tell.facts) is Truth.TRUE
    ]
    if policy.ranking:
        found.sort(key=lambda f: -verdict.points[f[0]][0])
    return [
        Option(
            code,
            titles[code],
            pick(ground.title, tell.words.lang),
            say_points(verdict.points[code][0]) if code in verdict.points else "",
        )
        for code, ground in found
    ]


def _notes(policy: Policy, verdict: Verdict, tell: _Teller) -> list[str]:
    """A place at the end of the category, and the right to a buffer zone's seats."""
    rule, zh, notes = tell.rule, tell.zh, []
    for penalty, basis in zip(rule.penalties, policy.last_in_category or (), strict=True):
        if penalty.test(tell.facts) is Truth.TRUE:
            title, line = pick(basis.title, tell.words.lang), tell.line(penalty)
            notes.append(
                f"排在本类末尾（{title}）：{line.finding}。"
                if zh
                else f"At the end of its category ({title}): {line.finding}."
            )
    for buffer in policy.buffers or ():
        if verdict.buffers.get(buffer.school) is Truth.TRUE:
            title = pick(buffer.title, tell.words.lang)
            notes.append(
                f"{title}满足本片区后如有余位，您的孩子可以报名。"
                if zh
                else f"Your child may get a seat that {title} has left after serving its own zone."
            )
    return notes


def _ask(policy: Policy, name: str, tell: _Teller) -> Ask:
    papers = [
        pick(paper, tell.words.lang)
        for category in policy.categories
        for paper in category.evidence or ()
        if name in (paper.shows or ())
    ]
    term = VOCABULARY[name]
    return Ask(name, term.phrase(Truth.UNKNOWN, tell.words.lang), tell.todo(name), list(dict.fromkeys(papers)))


def say_standing(standing: Standing, lang: Lang) -> str:
    """Rank and last admitted rank in words, as admissions knows them after a round."""
    zh, s = lang == "zh", standing
    said = (
        f"在{s.of}名申请人中排第{s.rank}位，共{s.seats}个学位"
        if zh
        else f"Rank {s.rank} of {s.of} applicants for {s.seats} seats"
    )
    if s.last_rank is None:
        said += "；没有人在这一轮录取" if zh else "; nobody was admitted in this round"
    else:
        said += f"；录取到第{s.last_rank}位" if zh else f"; admitted down to rank {s.last_rank}"
        if s.last_points is not None:
            points = say_points(s.last_points)
            said += f"（{points}分）" if zh else f" ({points} points)"
    return said + (
        ("，已录取。" if s.admitted else "，未录取。") if zh else ("." if s.admitted else ", so not admitted.")
    )


def with_standing(explanation: Explanation, standing: Standing, lang: Lang) -> Explanation:
    """The explanation after a round."""
    return replace(explanation, standing=say_standing(standing, lang))


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
class Question:
    """A question of the self-check: a fact, its words, its type's name, and the answers that make a difference: texts,
    or for a history the places that the rule tells apart."""

    fact: str
    text: str
    kind: str
    options: list[tuple[str, str]] = field(default_factory=list)


def next_questions(policy: Policy, answers: Mapping[str, Value | None], lang: Lang) -> list[Question]:
    """What the self-check still has to ask, the facts that matter most first; empty once the verdict is sure.

    Answered facts are never asked again, and facts that can no longer change anything are not asked at all.
    """
    words = words_of(policy, lang)
    facts = {name: Fact(value, "declared") for name, value in answers.items()}
    verdict = decide(policy, facts)
    out = []
    for name in verdict.needed if verdict.state == "needs_facts" else ():
        if name in answers:
            continue
        options = [(str(value), words.value(name, value)) for value in _mentioned(policy, name)]
        if VOCABULARY[name].kind is History and any(q.at for q in _spells(policy, name)):
            options = [(at, words.place(at)) for at in AT]
        out.append(Question(name, VOCABULARY[name].name(lang), KIND_NAMES[VOCABULARY[name].kind], options))
    return out


def _spells(policy: Policy, name: str) -> Iterator[Quantity]:
    """Every quantity of the rule that counts a history."""

    def inside(quantity: Quantity) -> Iterator[Quantity]:
        if name in (quantity.of or ()):
            yield quantity
        for part in quantity.inner:
            yield from inside(part)

    for _, condition in policy.conditions():
        for leaf in condition.walk():
            if leaf.amount:
                yield from inside(leaf.amount)
    for _, item in policy.items():
        if item.of:
            yield from inside(item.of)
    for _, order in policy.orders():
        if order.amount:
            yield from inside(order.amount)


def answer(policy: Policy, name: str, typed: str) -> Value | None:
    """A visitor's answer to a question as a value; None where they don't know, or where it leaves the fact open.

    A history is answered by the day since which it has run without a break, and where ("2020-05-01 zone"), or by
    "none"; seats that a home serves and dwellings by "none" or "some". Raises ValueError for what can't be read.
    """
    kind = VOCABULARY[name].kind
    if typed == "-" or (not typed and kind is not str):
        return None
    if kind is str:
        return typed
    if kind is bool:
        return {"true": True, "false": False}.get(typed)
    if kind is int:
        return int(typed)
    if kind is date:
        return date.fromisoformat(typed)
    if kind is History:
        if "none" in typed.split():
            return History()
        first, _space, at = typed.partition(" ")
        if at and at not in AT:
            raise ValueError(typed)
        kinds = dict.fromkeys(["", *(k for q in _spells(policy, name) for k in q.kinds or ())])
        return History(Spell(date.fromisoformat(first), kind=k, at=at) for k in kinds)
    if kind is SeatLocks:
        return SeatLocks() if typed == "none" else None
    if kind is Dwellings:
        asked = [leaf.no_dwelling_in for _, c in policy.conditions() for leaf in c.walk() if leaf.no_dwelling_in]
        # Where the rule tells several sets of districts apart, "some" does not say in which.
        one = all(regions == asked[0] for regions in asked)
        count = 0 if typed == "none" else 1
        return Dwellings({r: count for regions in asked for r in regions}) if one or not count else None
    return None


ANSWERABLE = ("bool", "int", "date", "str", "history", "locks", "dwellings")
"""Kinds of questions that a visitor can answer; the others are for the offices' records."""


def _mentioned(policy: Policy, name: str) -> list[str]:
    """Texts that the rule compares a fact with, in its order."""
    found: list[str] = []
    for _, condition in policy.conditions():
        for leaf in condition.walk():
            if leaf.fact == name:
                found += [text for text in leaf.texts if text]
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class PublicCategory:
    """A category for the public page: grounds with conditions, papers to bring, what a family may choose, base points,
    and what else the rule says of it (fallback, order of its own, who gets the last seats)."""

    code: str
    title: str
    bases: list[tuple[str, list[str]]]
    evidence: list[str] = field(default_factory=list)
    may: list[str] = field(default_factory=list)
    points: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PublicPolicy:
    """A whole rule in words. `core`: the districts in which "no dwelling in the city's core" is counted,
    from the parameter city_core; `assumed`: what the published text lacks and was supplied; `points`: the table of
    points, inner items indented; `rules`: vetoes, locks, quotas, rounds and the other arrangements."""

    title: str
    source: str
    note: str
    eligible: list[str]
    categories: list[PublicCategory]
    order: list[str]
    core: list[str]
    assumed: list[str]
    points: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)


def render_policy(policy: Policy, lang: Lang) -> PublicPolicy:
    """The whole rule in words for the public page, generated from the rule that decides."""
    words = words_of(policy, lang)

    def lines(condition: Condition) -> list[str]:
        return [words.say(part.condition) for part in conjuncts(node(condition, policy))]

    categories = [
        PublicCategory(
            c.code,
            pick(c.title, lang),
            [(pick(b.title, lang), lines(b.when)) for b in c.bases],
            [pick(t, lang) for t in c.evidence or []],
            [pick(t, lang) for t in c.may or []],
            "" if c.points is None else f"{c.points:f}",
            arrangements.of_category(policy, c, words),
        )
        for c in policy.categories
    ]
    core = policy.parameters.get("city_core", [])
    return PublicPolicy(
        pick(policy.title, lang),
        pick(policy.source, lang),
        pick(policy.note, lang) if policy.note else "",
        lines(policy.eligible),
        [*categories, PublicCategory(COORDINATE, pick(policy.coordinate, lang), [])],
        [words.order(o) for o in policy.order],
        [words.region(str(key)) for key in core] if isinstance(core, list) else [],
        [pick(t, lang) for t in (policy.assumed or {}).values()],
        words.item(policy.points) if policy.points else [],
        arrangements.of_policy(policy, words),
    )


def render(policy: Policy, lang: Lang) -> list[PublicCategory]:
    """The categories of `render_policy`, in order."""
    return render_policy(policy, lang).categories
