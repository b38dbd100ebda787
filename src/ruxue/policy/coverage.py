"""What a policy leaves out: grounds nobody can use, conditions that never matter, categories that overlap, children
in none, constants that look wrong.

Facts of a rule fall into independent groups: two facts belong together where one condition looks at both. For each
group the values that its conditions can tell apart are few. A search branches over these groups with Kleene's logic
and cuts whatever is settled already. Where all groups are plain facts (bool, number, date, text) the values are
complete, so "impossible" is a proof; where records are among them they are samples, and it is a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice, product
from typing import Any, Literal

from ruxue.policy.engine import STAND_INS, Node, Part, compiled, conjuncts
from ruxue.policy.facts import UNKNOWN, VOCABULARY, Fact, FactSheet, Lang, Truth, all_of
from ruxue.policy.language import Item, Policy, Quantity
from ruxue.policy.records import GROUPS, Dwellings, History, Kin, Owner, Owners, Place, SeatLock, SeatLocks, Spell
from ruxue.policy.words import pick, words_of

Progress = Callable[[int, int], None]
_SOURCE = "declared"
_EFFORT = 20_000  # tests of a goal before a question is given up as undecided
_SAMPLES = 3_000  # combinations of records that are tried in one group


# ── the values that the conditions can tell apart ─────────────────────────────────────────────────────────────


def _leaves(tree: Node) -> Iterator[Node]:
    if not tree.parts:
        yield tree
    for part in tree.parts:
        yield from _leaves(part)


def _part_leaves(part: Part) -> Iterator[Node]:
    for tree in (part.when, part.times):
        if tree:
            yield from _leaves(tree)
    for inner in part.parts:
        yield from _part_leaves(inner)


def _back(day: date, months: int) -> date:
    """The first day of a span that ends on `day` and is exactly so many months long."""
    after = day + timedelta(1)
    total = after.year * 12 + after.month - 1 - months
    year, month = divmod(total, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(1)).day
    return date(year, month + 1, min(after.day, last))


def _quantities(q: Quantity) -> Iterator[tuple[Quantity, Quantity]]:
    """Single quantities, each with the whole that bounds it."""
    inner = [q]
    while inner:
        one = inner.pop()
        if one.inner:
            inner += one.inner
        else:
            yield one, q


def _thresholds(leaf: Node) -> Iterator[tuple[Quantity, int]]:
    amount = leaf.condition.amount
    if amount:
        bound = getattr(amount, amount.bound) + (amount.less or 0)
        for one, _ in _quantities(amount):
            for number in {bound, bound + 1, bound + (one.less or 0)}:
                yield one, number


def _starts(q: Quantity, number: int) -> list[date]:
    assert q.until
    if q.unit == "days":
        return [q.until - timedelta(n) for n in (number - 1, number) if n >= 0]
    months = number * (12 if q.unit == "years" else 1)
    exact = _back(q.until, months)
    return [exact, exact + timedelta(1)] if exact <= q.until else [exact]


def _values(name: str, leaves: Sequence[Node], policy: Policy) -> list[Any]:
    """Values of a fact that its conditions might tell apart; complete for plain facts, samples for records."""
    kind = VOCABULARY[name].kind
    wanted: list[Any] = []
    for leaf in leaves:
        c = leaf.condition
        if c.fact == name:
            made = getattr(c, c.test)
            wanted += made if isinstance(made, list) else [made]
    amounts = [(q, n) for leaf in leaves for q, n in _thresholds(leaf) if name in q.facts()]
    if kind is bool:
        return [True, False]
    if kind is date:
        days = {d + timedelta(n) for d in wanted for n in (-1, 0, 1)}
        days |= {d for q, n in amounts for d in _starts(q, n)}
        return sorted(days) or [date(policy.season, 1, 1)]
    if kind is int:
        numbers = {n + d for n in [*wanted, *(n for _, n in amounts)] for d in (-1, 0, 1) if n + d >= 0} | {0}
        return sorted(numbers)
    if kind is str:
        feeders = [f.primary for f in policy.feeders or ()] if name == "child.primary_school" else []
        return [*dict.fromkeys([*wanted, *feeders]), "·"]
    return _records(name, kind, leaves, amounts, policy)


def _records(
    name: str, kind: type, leaves: Sequence[Node], amounts: list[tuple[Quantity, int]], policy: Policy
) -> list[Any]:
    if kind is Owners:
        roles = sorted({"other"}.union(*(GROUPS[g][0] for g in GROUPS)))
        shares = sorted({n for q, n in amounts if q.share and 0 < n < 10_000} | {5_000})
        pairs = product(roles, roles, shares)
        two = [Owners([Owner(a, bp), Owner(b, 10_000 - bp)]) for a, b, bp in pairs if a != b]
        return [Owners(), *(Owners([Owner(role, 10_000)]) for role in roles), *two]
    if kind is Kin:
        return [None]
    if kind is History:
        at: list[Any] = [*sorted({q.at for q, _ in amounts if q.at}), ""]
        starts = sorted({(d, q.until) for q, n in amounts for d in _starts(q, n)}, key=str)
        kinds = sorted({k for q, _ in amounts for k in q.kinds or [""]}) or [""]
        runs = [History(Spell(d, None, k, a) for k in kinds) for d, _ in starts for a in at]
        one = [History([Spell(d, None, k, at[0])]) for d, _ in starts for k in kinds] if len(kinds) > 1 else []
        return [History(), *runs, *one]
    if kind is Place:
        zones = [(policy.zones or {})[leaf.condition.within.zone] for leaf in leaves if leaf.condition.within]
        inside = [Place(f"{zone.compounds[0]}/1/1") for zone in zones if zone.compounds]
        return [Place("·a/1/1"), Place("·b/1/1"), *inside]
    if kind is SeatLocks:
        binding = SeatLock(policy.level, policy.season - 1, same_parents=False, same_school=True)
        return [SeatLocks(), SeatLocks([binding])]
    regions = sorted({r for leaf in leaves for r in leaf.condition.no_dwelling_in or ()})
    none = dict.fromkeys(regions, 0)
    return [Dwellings(none), *(Dwellings({**none, region: 1}) for region in regions)]


@dataclass(frozen=True)
class _Group:
    """Facts that conditions look at together, and one assignment for each way in which the conditions can come out."""

    names: tuple[str, ...]
    choices: tuple[FactSheet, ...]
    complete: bool


class _World:
    """All groups of a policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy, rule = policy, compiled(policy)
        trees = [rule.eligible, *(g for _, grounds in rule.categories for g in grounds), *rule.penalties]
        trees += [veto for veto, _ in rule.vetoes]
        leaves = [leaf for tree in trees for leaf in _leaves(tree)]
        # A fact that stands for a record takes its place, unless another condition looks at the record itself.
        seen = [set(leaf.names) for leaf in leaves]
        alone = {
            name
            for name in STAND_INS
            if all(
                not (set(leaf.names) & names) or leaf.names[0] == name
                for names in seen
                if name in names
                for leaf in leaves
            )
        }
        groups: list[tuple[set[str], list[Node]]] = []
        for leaf in leaves:
            names = (
                {leaf.names[0]}
                if leaf.names[0] in alone
                else {n for n in leaf.names if n not in STAND_INS or leaf.condition.fact}
            )
            joined = [g for g in groups if g[0] & names]
            groups = [g for g in groups if not g[0] & names]
            groups.append((names.union(*(g[0] for g in joined)), [leaf, *(x for g in joined for x in g[1])]))
        self.groups = [self._group(sorted(names), found) for names, found in groups]
        self.of = {name: group for group in self.groups for name in group.names}

    def _group(self, names: list[str], leaves: list[Node]) -> _Group:
        pools = [_values(name, leaves, self.policy) for name in names]
        count = 1
        for pool in pools:
            count *= len(pool)
        # Evenly spread over the product where it is too large to be walked through.
        step = max(1, count // _SAMPLES)
        found: dict[tuple[Truth, ...], FactSheet] = {}
        for values in islice(product(*pools), 0, None, step):
            sheet = {n: Fact(v, _SOURCE) if v is not None else UNKNOWN for n, v in zip(names, values, strict=True)}
            found.setdefault(tuple(leaf.test(sheet) for leaf in leaves), sheet)
        plain = all(VOCABULARY[n].kind in (bool, int, str, date) for n in names)
        return _Group(tuple(names), tuple(found.values()), plain and step == 1)

    def find(self, goals: Sequence[tuple[Node, Truth]]) -> tuple[FactSheet | None, bool]:
        """Facts under which each node has the truth that is asked, and whether "none" is a proof."""
        effort = 0
        complete = True

        def truth(facts: FactSheet) -> Truth:
            return all_of(_is(node.test(facts), wanted) for node, wanted in goals)

        def search(facts: dict[str, Fact]) -> FactSheet | None:
            nonlocal effort, complete
            effort += 1
            if effort > _EFFORT:
                complete = False
                return None
            now = truth(facts)
            if now is not Truth.UNKNOWN:
                return facts if now is Truth.TRUE else None
            opened = (
                self.of[name]
                for node, wanted in goals
                if _is(node.test(facts), wanted) is Truth.UNKNOWN
                for name in _open(node, facts)
                if name in self.of
            )
            if (group := next(opened, None)) is None:  # a tie that one condition names and another does not
                return None
            complete = complete and group.complete
            for choice in group.choices:
                if (found := search({**facts, **choice})) is not None:
                    return found
            return None

        found = search({})
        # What can be left unknown is no part of the example.
        for name in list(found or {}):
            less = {k: v for k, v in (found or {}).items() if k != name}
            if truth(less) is Truth.TRUE:
                found = less
        return found, complete


def _is(truth: Truth, wanted: Truth) -> Truth:
    return truth if wanted is Truth.TRUE else truth.negate()


def _open(tree: Node, facts: FactSheet) -> Iterator[str]:
    """Facts not assigned yet that an unknown node hangs on."""
    if tree.test(facts) is not Truth.UNKNOWN:
        return
    if not tree.parts:
        yield from (n for n in tree.names if n not in facts)
    for part in tree.parts:
        yield from _open(part, facts)


# ── what is asked of it ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Remark:
    """Something to look at. `kind`: dead_ground, idle_condition, overlap, nobody, undecided, constant, unused;
    `place`: where in the document; `zh`, `en`: the sentence; `proof`: shown for every family, not only searched for;
    `example`: facts that show it, where some do."""

    kind: Literal["dead_ground", "idle_condition", "overlap", "nobody", "constant", "unused"]
    place: str
    zh: str
    en: str
    proof: bool
    example: FactSheet = field(default_factory=dict)

    def text(self, lang: Lang) -> str:
        """The remark in a language, with how sure it is."""
        if self.kind in ("constant", "unused", "overlap", "nobody"):
            return self.zh if lang == "zh" else self.en
        if lang == "zh":
            return self.zh + ("（已证明）" if self.proof else "（搜索未找到反例）")
        return self.en + (" (proven)" if self.proof else " (a search found nothing else)")


def examine(policy: Policy, progress: Progress | None = None) -> list[Remark]:
    """Grounds nobody can use, conditions that never matter, categories that overlap, and whom no category takes.

    A ground is dead where no eligible child meets it without a better category; with ranking by points, where none
    meets it at all. A condition is idle where the rest of its ground never holds without it. Overlaps are said once
    for each category, with all that stand behind it: with strict order the better one counts.
    """
    rule, world = compiled(policy), _World(policy)
    zh_words, en_words = words_of(policy, "zh"), words_of(policy, "en")
    eligible = (rule.eligible, Truth.TRUE)
    out: list[Remark] = []
    todo = sum(len(g) + 1 for _, g in rule.categories) + len(rule.categories) ** 2 // 2 + 1
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(min(done, todo), todo)

    better: list[tuple[Node, Truth]] = []
    for index, (category, (code, grounds)) in enumerate(zip(policy.categories, rule.categories, strict=True)):
        titles = (pick(category.title, "zh"), pick(category.title, "en"))
        before = [] if policy.ranking else better
        for j, ground in enumerate(grounds):
            step()
            own = rule.grounds[code][j]
            if own.origin:
                continue
            place = f"categories.{index}.bases.{j}"
            name = (pick(own.title, "zh"), pick(own.title, "en"))
            found, proof = world.find([eligible, (ground, Truth.TRUE), *before])
            if found is None:
                out.append(
                    Remark(
                        "dead_ground",
                        place,
                        f"“{titles[0]}”的“{name[0]}”没有人用得上：符合的孩子都已在更靠前的类别",
                        f"nobody needs “{name[1]}” of {titles[1]}: who meets it is in a better category",
                        proof,
                    )
                )
                continue
            parts = conjuncts(ground)
            for part in parts if len(parts) > 1 else ():
                rest = [(other, Truth.TRUE) for other in parts if other is not part]
                found, proof = world.find([eligible, *rest, *before, (part, Truth.FALSE)])
                if found is None:
                    said = (zh_words.say(part.condition), en_words.say(part.condition))
                    alone = before and world.find([eligible, *rest, (part, Truth.FALSE)])[0] is not None
                    why = (
                        ("不符合它的孩子已经在更靠前的类别", "who fails it is in a better category already")
                        if alone
                        else ("同一条里的其他条件已经包含它", "the other conditions say it already")
                    )
                    out.append(
                        Remark(
                            "idle_condition",
                            place,
                            f"“{titles[0]}”的“{name[0]}”里，“{said[0]}”不影响结果：{why[0]}",
                            f"in “{name[1]}” ({titles[1]}) this changes nothing: {said[1]}; {why[1]}",
                            proof,
                        )
                    )
        better += [(ground, Truth.FALSE) for ground in grounds]
    for i, (one, grounds) in enumerate(rule.categories):
        also: dict[str, FactSheet] = {}
        for other, others in rule.categories[i + 1 :]:
            step()
            pairs = product(grounds, others)
            tried = (world.find([eligible, (a, Truth.TRUE), (b, Truth.TRUE)])[0] for a, b in pairs)
            if found := next(filter(None, tried), None):
                also[other] = found
        if also:
            zh = "积分高的算" if policy.ranking else "靠前的算"
            en = "the one with more points counts" if policy.ranking else "the better one counts"
            out.append(
                Remark(
                    "overlap",
                    f"categories.{i}",
                    f"{one}可以和{zh_words.join(list(also))}同时符合，{zh}",
                    f"{one} can be met together with {en_words.join(list(also))}; {en}",
                    True,
                    next(iter(also.values())),
                )
            )
    step()
    found, _ = world.find([eligible, *((g, Truth.FALSE) for _, grounds in rule.categories for g in grounds)])
    if found:
        out.append(
            Remark(
                "nobody",
                "categories",
                f"有孩子不在任何类别，只能统筹：{_told(found, policy, 'zh')}",
                f"some children are in no category and are left to coordination: {_told(found, policy, 'en')}",
                True,
                found,
            )
        )
    return out


def _told(facts: FactSheet, policy: Policy, lang: Lang) -> str:
    """An example in words: only facts that differ from nothing known."""
    words = words_of(policy, lang)
    said = []
    for name, fact in sorted(facts.items()):
        term = VOCABULARY[name]
        if fact.value is None:
            continue
        if term.kind is bool:
            said.append(term.phrase(Truth.TRUE if fact.value else Truth.FALSE, lang))
        else:
            shown = ("其他" if lang == "zh" else "another") if fact.value == "·" else words.value(name, fact.value)
            said.append(f"{term.name(lang)}：{shown}" if lang == "zh" else f"{term.name(lang)}: {shown}")
    return ("；" if lang == "zh" else "; ").join(said)


@dataclass(frozen=True)
class Use:
    """How often a condition came out how over many families; `place`: where in the document, `text`: its words."""

    place: str
    text: str
    met: int
    unmet: int
    unknown: int

    @property
    def reached(self) -> bool:
        """Whether the families show both what meeting it and what failing it does."""
        return bool(self.met and self.unmet)


def reached(policy: Policy, sheets: Iterable[FactSheet], lang: Lang) -> list[Use]:
    """Which conditions the families (golden cases, last season's) put to the test, in the rule's order."""
    rule, words = compiled(policy), words_of(policy, lang)
    trees = [("eligible", part) for part in conjuncts(rule.eligible)]
    for i, (code, grounds) in enumerate(rule.categories):
        for j, ground in enumerate(grounds):
            if not rule.grounds[code][j].origin:
                trees += [(f"categories.{i}.bases.{j}", part) for part in conjuncts(ground)]
    trees += [(f"veto.{i}", veto) for i, (veto, _) in enumerate(rule.vetoes)]
    trees += [(f"last_in_category.{i}", penalty) for i, penalty in enumerate(rule.penalties)]
    # Items that count for several categories are one condition of the rule.
    items = {id(leaf.condition): leaf for part in rule.points.values() if part for leaf in _part_leaves(part)}
    trees += [("points", leaf) for leaf in items.values()]
    counts: list[dict[Truth, int]] = [dict.fromkeys(Truth, 0) for _ in trees]
    for sheet in sheets:
        for count, (_, tree) in zip(counts, trees, strict=True):
            count[tree.test(sheet)] += 1
    return [
        Use(place, words.say(tree.condition), count[Truth.TRUE], count[Truth.FALSE], count[Truth.UNKNOWN])
        for count, (place, tree) in zip(counts, trees, strict=True)
    ]


# ── constants that look wrong ─────────────────────────────────────────────────────────────────────────────────

_LONGEST = {"days": 366 * 30, "months": 360, "years": 30}


def constants(policy: Policy, source: str = "") -> list[Remark]:
    """Constants that look wrong, and what is defined and never used (`source`: the text, to see which parameters are).

    Source of the age: Compulsory Education Law art. 11, six by 31 August, seven where conditions lack.
    """
    out: list[Remark] = []

    def note(place: str, zh: str, en: str, kind: Literal["constant", "unused"] = "constant") -> None:
        out.append(Remark(kind, place, zh, en, True))

    def far(place: str, day: date) -> None:
        if not policy.season - 12 <= day.year <= policy.season + 1:
            note(
                place,
                f"日期 {day} 离入学年度 {policy.season} 很远",
                f"the day {day} is far from the season {policy.season}",
            )

    for path, condition in policy.conditions():
        for inner, part in condition.paths(path):
            place = ".".join(map(str, inner))
            for test in ("before", "on_or_before", "on_or_after"):
                day = getattr(part, test)
                if day is None:
                    continue
                if part.fact == "child.born_on":
                    if policy.level == "primary" and policy.season - day.year not in (6, 7):
                        age = policy.season - day.year
                        note(
                            place,
                            f"小学入学年龄是{age}岁；法律规定满六周岁（条件不具备的可到七周岁）",
                            f"primary entry at {age}; the law says six, or seven where conditions lack",
                        )
                else:
                    far(place, day)
            for group in (part.in_ or [], part.no_dwelling_in or []):
                if len(set(group)) != len(group):
                    note(place, "列表里有重复", "a value stands twice in the list")
            if part.amount:
                _amount(part.amount, getattr(part.amount, part.amount.bound), place, note, far)
    for path, item in policy.items():
        _item(item, ".".join(map(str, path)), note)
        if item.of:
            for one, _ in _quantities(item.of):
                _amount(one, None, ".".join(map(str, [*path, "of"])), note, far)
    core = policy.parameters.get("city_core")
    if isinstance(core, list) and policy.district not in core:
        note(
            "parameters.city_core",
            f"中心城区里没有本区 {policy.district}",
            f"the city's core leaves out its own district {policy.district}",
        )
    if policy.effective and not policy.effective.first.year <= policy.season <= policy.effective.last.year:
        note(
            "effective",
            f"有效期不包括入学年度 {policy.season}",
            f"it is not in force in its own season {policy.season}",
        )
    for quota in policy.quotas or ():
        if quota.seats == 0 or quota.share == 0:
            note("quotas", f"{quota.category} 的名额是 0", f"no seat is set aside for {quota.category}")
    used = {part.use for _, c in policy.conditions() for part in c.walk()}
    for name in policy.define or ():
        if name not in used:
            note(f"define.{name}", f"define 的 {name} 没有用到", f"{name} in define is never used", "unused")
    for name in policy.parameters if source else ():
        if f"${{{name}}}" not in source and name not in ("city_core", "cutoff"):
            note(f"parameters.{name}", f"参数 {name} 没有用到", f"the parameter {name} is never used", "unused")
    return out


def _amount(
    amount: Quantity,
    bound: int | None,
    place: str,
    note: Callable[[str, str, str], None],
    far: Callable[[str, date], None],
) -> None:
    for one, _ in _quantities(amount):
        for day in (one.until, one.from_):
            if day:
                far(place, day)
        for number in (bound, one.less, one.cap):
            if number is None:
                continue
            most = _LONGEST.get(one.measure)
            if most and number > most:
                note(place, f"{number}（{one.measure}）太长", f"{number} {one.measure} are very long")
            if one.measure == "share" and (0 < number < 100 or number > 10_000):
                note(
                    place,
                    f"份额 {number / 100:g}% 不合常理",
                    f"a share of {number / 100:g}% is strange; write 51% for fifty-one per cent",
                )
    if bound is not None and amount.cap is not None and bound > amount.cap:
        note(
            place,
            f"界限 {bound} 超过上限 {amount.cap}，永远达不到",
            f"the bound {bound} is beyond the cap {amount.cap}: it is never reached",
        )


def _item(item: Item, place: str, note: Callable[[str, str, str], None]) -> None:
    gives = [part.give for part in item.walk() if part is not item and part.give is not None]
    if item.cap is not None and item.floor is not None and item.floor > item.cap:
        note(place, "下限高于上限", "its floor is above its cap")
    if item.cap is not None and item.best and len(gives) == len(item.best) and max(gives) > item.cap:
        note(
            place,
            f"最高 {max(gives):f} 分超过上限 {item.cap:f}",
            f"its best gives {max(gives):f}, more than its cap of {item.cap:f}",
        )
    if item.give is not None and item.cap is not None and item.give > item.cap:
        note(
            place,
            f"{item.give:f} 分超过上限 {item.cap:f}",
            f"it gives {item.give:f}, more than its cap of {item.cap:f}",
        )
