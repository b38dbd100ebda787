"""Two versions of a policy held against each other: what the text changes, and what that does to families.

Pure functions over facts; nothing here touches a decision. `what_if` tells of its progress through a callback.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import zip_longest
from typing import Any

from ruxue.policy.engine import Verdict, decide
from ruxue.policy.explain import Explanation, PublicCategory, explain, render_policy, say_date
from ruxue.policy.facts import FactSheet, Lang
from ruxue.policy.language import COORDINATE, Policy
from ruxue.policy.words import pick

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""
_EVERY = 500


# ── what the text changes ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Change:
    """One difference: the `section` it stands in, in words; `kind`; the `old` and the `new` words ("" where none)."""

    section: str
    kind: str
    old: str
    new: str

    def text(self, lang: Lang) -> str:
        """The change as a sentence."""
        if lang == "zh":
            words = {
                "added": "新增“{n}”",
                "removed": "删去“{o}”",
                "changed": "“{o}”改为“{n}”",
                "moved": "从第{o}位移到第{n}位",
            }
            return f"{self.section}：{words[self.kind].format(o=self.old, n=self.new)}"
        words = {
            "added": "added: {n}",
            "removed": "removed: {o}",
            "changed": "{o} → {n}",
            "moved": "moved from place {o} to {n}",
        }
        return f"{self.section}: {words[self.kind].format(o=self.old, n=self.new)}"


class _Reader:
    """Compares sentences as a reader does: a date that only moved with its parameter is no change of the sentence."""

    def __init__(self, old: Policy, new: Policy, lang: Lang) -> None:
        self.zh, self._moved = lang == "zh", {}
        for name, value in old.parameters.items():
            later = new.parameters.get(name)
            if isinstance(value, date) and isinstance(later, date) and value != later:
                self._moved[say_date(value, lang)] = say_date(later, lang)

    def _now(self, text: str) -> str:
        for before, after in self._moved.items():
            text = text.replace(before, after)
        return text

    def lists(self, section: str, old: Sequence[str], new: Sequence[str]) -> list[Change]:
        """Two lists of sentences: what stands in place of what, what is new, what is gone."""
        out = []
        left = [self._now(text) for text in old]
        for tag, a, b, c, d in difflib.SequenceMatcher(None, left, new, autojunk=False).get_opcodes():
            if tag == "equal":
                continue
            rest = list(new[c:d])
            for text, known in zip(old[a:b], left[a:b], strict=True):
                near = difflib.get_close_matches(known, rest, 1, 0.6)
                if near:
                    rest.remove(near[0])
                    out.append(Change(section, "changed", text, near[0]))
                else:
                    out.append(Change(section, "removed", text, ""))
            out += [Change(section, "added", "", text) for text in rest]
        return out

    def pairs(self, old: Sequence[_Piece], new: Sequence[_Piece]) -> list[tuple[int, int]]:
        """Pieces of both versions that are one and the same to a reader, whatever they are called now."""
        scores = []
        for i, one in enumerate(old):
            mine = {self._now(text) for text in one.lines}
            for j, two in enumerate(new):
                whole = len(mine | set(two.lines)) or 1
                score = (
                    len(mine & set(two.lines)) / whole + 0.2 * (one.code == two.code) + 0.3 * (one.title == two.title)
                )
                scores.append((-score, i, j))
        out: list[tuple[int, int]] = []
        for score, i, j in sorted(scores):
            if score <= -0.3 and all(i != a and j != b for a, b in out):
                out.append((i, j))
        return sorted(out, key=lambda pair: pair[1])

    def grounds(self, name: str, old: PublicCategory, new: PublicCategory) -> list[Change]:
        """What changed in a category's grounds."""
        before = [_Piece("", title, lines) for title, lines in old.bases]
        after = [_Piece("", title, lines) for title, lines in new.bases]
        pairs, out = self.pairs(before, after), []
        both = "；" if self.zh else "; "
        for i, (title, lines) in enumerate(old.bases):
            if i not in {a for a, _ in pairs}:
                out.append(
                    Change(
                        name,
                        "removed",
                        f"{title}（{both.join(lines)}）" if self.zh else f"{title} ({both.join(lines)})",
                        "",
                    )
                )
        for j, (title, lines) in enumerate(new.bases):
            i = next((a for a, b in pairs if b == j), -1)
            if i < 0:
                out.append(
                    Change(
                        name,
                        "added",
                        "",
                        f"{title}（{both.join(lines)}）" if self.zh else f"{title} ({both.join(lines)})",
                    )
                )
                continue
            where = f"{name}{'，' if self.zh else ', '}{title}" if len(new.bases) > 1 else name
            if old.bases[i][0] != title:
                out.append(Change(where, "changed", old.bases[i][0], title))
            out += self.lists(where, old.bases[i][1], lines)
        return out

    def categories(self, old: Sequence[PublicCategory], new: Sequence[PublicCategory]) -> list[Change]:
        """What changed in the categories and their order."""
        zh, where = self.zh, "类别" if self.zh else "categories"
        pieces = [
            [_Piece(c.code, c.title, [t for _, lines in c.bases for t in lines]) for c in side] for side in (old, new)
        ]
        pairs = self.pairs(*pieces)
        out = [
            Change(where, "removed", f"{c.code} {c.title}", "")
            for i, c in enumerate(old)
            if i not in {a for a, _ in pairs}
        ]
        kept = sorted(i for i, _ in pairs)
        for j, b in enumerate(new):
            i = next((x for x, y in pairs if y == j), -1)
            name = f"{b.code} {b.title}"
            if i < 0:
                out.append(Change(where, "added", "", name))
                out += self.grounds(name, PublicCategory(b.code, b.title, []), b)
                continue
            a = old[i]
            if (a.code, a.title) != (b.code, b.title):
                out.append(Change(where, "changed", f"{a.code} {a.title}", name))
            if kept.index(i) != [y for _, y in pairs].index(j):
                out.append(Change(name, "moved", str(i + 1), str(j + 1)))
            if a.points != b.points:
                out.append(
                    Change(
                        f"{name}{'，基础分' if zh else ', base points'}", "changed", a.points or "-", b.points or "-"
                    )
                )
            out += self.grounds(name, a, b)
            for word, left, right in (
                ("，材料" if zh else ", papers", a.evidence, b.evidence),
                ("，可选择" if zh else ", choices", a.may, b.may),
                ("，说明" if zh else ", remarks", a.notes, b.notes),
            ):
                out += self.lists(f"{name}{word}", left, right)
        return out


@dataclass(frozen=True)
class _Piece:
    code: str
    title: str
    lines: list[str]


def _value(value: object, lang: Lang) -> str:
    if isinstance(value, list):
        return ("、" if lang == "zh" else ", ").join(_value(v, lang) for v in value)
    return say_date(value, lang) if isinstance(value, date) else str(value)


def diff(old: Policy, new: Policy, lang: Lang) -> list[Change]:
    """What a reader would find changed between two versions, in the order of the text."""
    zh, reader = lang == "zh", _Reader(old, new, lang)
    a, b = render_policy(old, lang), render_policy(new, lang)

    def one(section: str, left: str, right: str) -> list[Change]:
        if left == right:
            return []
        return [Change(section, "changed" if left and right else "added" if right else "removed", left, right)]

    out = one("标题" if zh else "title", a.title, b.title)
    out += one("来源" if zh else "source", a.source, b.source)
    out += one("年度" if zh else "season", str(old.season), str(new.season))
    out += one("说明" if zh else "note", a.note, b.note)
    for name in dict.fromkeys([*old.parameters, *new.parameters]):
        left, right = (_value(p.parameters[name], lang) if name in p.parameters else "" for p in (old, new))
        out += one(f"{'参数' if zh else 'parameter'} {name}", left, right)
    out += reader.lists("报名条件" if zh else "who may be enrolled", a.eligible, b.eligible)
    out += reader.categories(a.categories, b.categories)
    out += reader.lists("排序" if zh else "tie-breakers", a.order, b.order)
    out += reader.lists(
        "积分" if zh else "points", [t.strip("　") for t in a.points], [t.strip("　") for t in b.points]
    )
    out += reader.lists("其他规定" if zh else "arrangements", a.rules, b.rules)
    out += reader.lists("留存文本缺失、暂时假设" if zh else "missing in the text and assumed", a.assumed, b.assumed)
    return out


# ── what it does to families ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Family:
    """A family for a what-if: a key that the caller knows it by, its facts, and what it is counted by (zone, school,
    kind …). The group "school" is the school that it would be served by."""

    key: str
    facts: FactSheet
    groups: Mapping[str, str] = field(default_factory=dict)


Move = tuple[str, str]
"""Category before and after; "" is ineligible."""


@dataclass(frozen=True)
class Load:
    """A school before and after: seats, families with a category of their own, and how many of these fit. `cut`: the
    category in which the seats end, "" where all fit."""

    school: str
    seats: int
    wanting: tuple[int, int]
    cut: tuple[str, str]

    @property
    def overflow(self) -> tuple[int, int]:
        """How many families find no seat there, before and after."""
        return max(0, self.wanting[0] - self.seats), max(0, self.wanting[1] - self.seats)


@dataclass(frozen=True)
class Comparison:
    """What a second policy does to the same families.

    `moves`: how many families have which category before and after, changed or not; `by`: the same for each value of
    each group; `open`: how many verdicts wait for facts; `changed`: keys of families whose category, or whose points
    where these rank, change; `sample`: some of them, from every kind of move; `won` and `lost`: families that fit into
    their school's seats only after, or only before; `loads`: the schools, where seats were given.
    """

    total: int
    moves: dict[Move, int]
    by: dict[str, dict[str, dict[Move, int]]]
    open: tuple[int, int]
    changed: list[str]
    sample: list[str]
    won: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)

    def rows(self) -> list[dict[str, str | int]]:
        """A table for export: group, value, category before, category after, families."""
        out: list[dict[str, str | int]] = [
            {"group": "", "value": "", "before": a, "after": b, "families": n}
            for (a, b), n in sorted(self.moves.items())
        ]
        for group, values in sorted(self.by.items()):
            for value, moves in sorted(values.items()):
                out += [
                    {"group": group, "value": value, "before": a, "after": b, "families": n}
                    for (a, b), n in sorted(moves.items())
                ]
        return out


def _place(policy: Policy, verdict: Verdict, codes: Mapping[str, int]) -> tuple[tuple[bool, int], ...]:
    """Where a verdict stands in a school's list, smaller is better; unknown tie-breakers last."""
    first = -(verdict.total or 0) if policy.ranking else codes[verdict.category]
    return ((False, first), *((key is None, key or 0) for key in verdict.order_keys))


def _seated(
    policy: Policy, verdicts: Sequence[Verdict], members: Mapping[str, list[int]], seats: Mapping[str, int]
) -> tuple[set[int], dict[str, tuple[int, str]]]:
    """Who fits, by category and tie-breakers; for each school how many want a seat and where the seats end.

    Equals at the edge all count as fitting or none: a lottery would decide, and it is not drawn here.
    """
    codes = {code: i for i, code in enumerate([*(c.code for c in policy.categories), COORDINATE])}
    fits: set[int] = set()
    loads: dict[str, tuple[int, str]] = {}
    for school, indexes in members.items():
        wanting = [i for i in indexes if verdicts[i].category not in ("", COORDINATE)]
        places = {i: _place(policy, verdicts[i], codes) for i in wanting}
        wanting.sort(key=places.__getitem__)
        room, cut = seats.get(school, 0), ""
        if len(wanting) > room:
            edge = places[wanting[room]]
            cut = verdicts[wanting[room]].category
            fits |= {i for i in wanting[:room] if places[i] < edge}
        else:
            fits |= set(wanting)
        loads[school] = (len(wanting), cut)
    return fits, loads


def what_if(
    old: Policy,
    new: Policy,
    families: Sequence[Family],
    seats: Mapping[str, int] | None = None,
    progress: Progress | None = None,
    sample: int = 20,
) -> Comparison:
    """Decides every family by both policies, as at the end of the correction window (what is unknown is not proven).

    `seats`: plan by school; then it is told who would fit. `progress` is called every few hundred verdicts.
    Raises TypeError for a mistyped fact.
    """
    todo, done = 2 * len(families), 0
    both: list[list[Verdict]] = []
    for policy in (old, new):
        verdicts = []
        for family in families:
            verdicts.append(decide(policy, family.facts, final=True))
            done += 1
            if progress and done % _EVERY == 0:
                progress(done, todo)
        both.append(verdicts)
    moves: Counter[Move] = Counter()
    by: dict[str, dict[str, Counter[Move]]] = {}
    changed: list[str] = []
    kinds: dict[tuple[Move, int], list[str]] = {}
    members: dict[str, list[int]] = {}
    for i, (family, a, b) in enumerate(zip(families, *both, strict=True)):
        move = (a.category, b.category)
        moves[move] += 1
        for group, value in family.groups.items():
            by.setdefault(group, {}).setdefault(value, Counter())[move] += 1
        if "school" in family.groups:
            members.setdefault(family.groups["school"], []).append(i)
        gain = (b.total or 0) - (a.total or 0) if old.ranking or new.ranking else 0
        if move[0] != move[1] or gain:
            changed.append(family.key)
            kinds.setdefault((move, (gain > 0) - (gain < 0)), []).append(family.key)
    # One of each kind of move in turn, so that rare ones are seen too.
    turns = (key for row in zip_longest(*kinds.values()) for key in row if key is not None)
    picked = [key for _, key in zip(range(sample), turns, strict=False)]
    won: list[str] = []
    lost: list[str] = []
    loads: list[Load] = []
    if seats is not None:
        fits_a, loads_a = _seated(old, both[0], members, seats)
        fits_b, loads_b = _seated(new, both[1], members, seats)
        won = [families[i].key for i in sorted(fits_b - fits_a)]
        lost = [families[i].key for i in sorted(fits_a - fits_b)]
        loads = [
            Load(s, seats.get(s, 0), (loads_a[s][0], loads_b[s][0]), (loads_a[s][1], loads_b[s][1]))
            for s in sorted(members)
        ]
    if progress:
        progress(todo, todo)
    waiting = [sum(v.state == "needs_facts" for v in verdicts) for verdicts in both]
    return Comparison(
        len(families),
        dict(moves),
        {group: {value: dict(found) for value, found in values.items()} for group, values in by.items()},
        (waiting[0], waiting[1]),
        changed,
        picked,
        won,
        lost,
        loads,
    )


def fixed_days(one: Policy, other: Policy) -> list[str]:
    """Days of a policy that are the same in two seasons, as "place: day": who replays last season must know of them."""

    def days(value: Any, place: str) -> Iterator[tuple[str, date]]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            yield from days(inner, f"{place}.{key}" if place else str(key))
        if isinstance(value, date):
            yield place, value

    def whole(policy: Policy) -> dict[str, date]:
        return dict(days(policy.model_dump(by_alias=True, exclude_none=True, exclude={"effective"}), ""))

    moved = whole(other)
    return [f"{place}: {day}" for place, day in whole(one).items() if moved.get(place) == day]


def both_explained(old: Policy, new: Policy, facts: FactSheet, lang: Lang) -> tuple[Explanation, Explanation]:
    """A family's verdict by both policies in words."""
    one, two = decide(old, facts, final=True), decide(new, facts, final=True)
    return explain(old, facts, one, lang), explain(new, facts, two, lang)


def summary(comparison: Comparison, old: Policy, new: Policy, lang: Lang) -> list[str]:
    """The comparison in sentences, the largest moves first."""
    zh, c = lang == "zh", comparison
    rest = "不符合报名条件" if zh else "not eligible"
    titles = [
        {x.code: pick(x.title, lang) for x in p.categories} | {COORDINATE: pick(p.coordinate, lang), "": rest}
        for p in (old, new)
    ]
    said = [
        f"{c.total}个家庭中，{len(c.changed)}个有变化。"
        if zh
        else f"Of {c.total} families {len(c.changed)} see a change."
    ]
    for (a, b), n in sorted(c.moves.items(), key=lambda m: (-m[1], m[0])):
        if a != b:
            said.append(
                f"{n}个：“{titles[0][a]}”→“{titles[1][b]}”。" if zh else f"{n}: {titles[0][a]} → {titles[1][b]}."
            )
    if c.loads:
        said.append(
            f"{len(c.won)}个家庭因此能排进学位，{len(c.lost)}个因此排不进。"
            if zh
            else f"{len(c.won)} families fit into the seats only then, {len(c.lost)} no longer."
        )
        for load in c.loads:
            if load.overflow[0] != load.overflow[1]:
                was, now = load.overflow
                said.append(
                    f"{load.school}：超出学位从{was}人变为{now}人。"
                    if zh
                    else f"{load.school}: {was} over its seats before, {now} after."
                )
    return said
