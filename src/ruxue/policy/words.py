"""How a policy is said: its conditions, quantities, points and order in plain Chinese and English.

Every phrase is put together from the rule and the vocabulary; nothing about a single policy stands here.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from ruxue.policy.engine import Node
from ruxue.policy.facts import DISTRICTS, KINDS, SOURCES, UNKNOWN, VOCABULARY, Fact, FactSheet, Lang, Truth, Value
from ruxue.policy.language import Amount, Condition, Item, Order, Policy, Quantity, Text
from ruxue.policy.records import GROUPS, Dwellings, Kin, Owners, Place


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


def pick(text: Text, lang: Lang) -> str:
    return text.zh if lang == "zh" else text.en


def say_points(thousandths: int) -> str:
    """Points as people write them: 81.5, never 81.500."""
    whole, rest = divmod(abs(thousandths), 1000)
    sign = "-" if thousandths < 0 else ""
    return f"{sign}{whole}.{rest:03}".rstrip("0") if rest else f"{sign}{whole}"


_UNITS: dict[str, tuple[str, str]] = {
    "days": ("天", "day"),
    "months": ("个月", "month"),
    "years": ("年", "year"),
    "age": ("岁", "year"),
    "yuan": ("元", "yuan"),
    "times": ("次", "time"),
}


def _say_number(number: int, unit: str, lang: Lang) -> str:
    if unit == "share":
        return f"{number // 100}{f'.{number % 100:02}'.rstrip('0') if number % 100 else ''}%"
    zh, en = _UNITS[unit]
    return f"{number}{zh}" if lang == "zh" else f"{number} {en}{'' if number == 1 or unit == 'yuan' else 's'}"


# (met, not met) in both languages; {f} is the fact, {v} the value asked for.
_WORDS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "equals": (("{f}是{v}", "{f}不是{v}"), ("{f} is {v}", "{f} is not {v}")),
    "in_": (("{f}是其中之一：{v}", "{f}不是其中任何一个：{v}"), ("{f} is one of {v}", "{f} is none of {v}")),
    "before": (("{f}早于{v}", "{f}不早于{v}"), ("{f} is before {v}", "{f} is not before {v}")),
    "on_or_before": (("{f}不晚于{v}", "{f}晚于{v}"), ("{f} is on or before {v}", "{f} is after {v}")),
    "on_or_after": (("{f}不早于{v}", "{f}早于{v}"), ("{f} is on or after {v}", "{f} is before {v}")),
    "at_least": (("{f}不少于{v}", "{f}少于{v}"), ("{f} is at least {v}", "{f} is less than {v}")),
    "more_than": (("{f}超过{v}", "{f}不超过{v}"), ("{f} is more than {v}", "{f} is at most {v}")),
    "less_than": (("{f}少于{v}", "{f}不少于{v}"), ("{f} is less than {v}", "{f} is at least {v}")),
    "at_most": (("{f}不超过{v}", "{f}超过{v}"), ("{f} is at most {v}", "{f} is more than {v}")),
    "none": (("没有{f}", "有{f}"), ("the family claims no {f}", "the family claims a {f}")),
    "owners_within": (
        ("产权人只有{v}", "产权人里有{v}以外的人"),
        ("only {v} own the home", "someone besides {v} owns a share of the home"),
    ),
    "no_dwelling_in": (
        ("孩子和监护人在这些地方没有住房：{v}", "孩子或监护人在这些地方有住房：{v}"),
        ("child and guardians own no dwelling in {v}", "child or guardian owns a dwelling in {v}"),
    ),
    "no_dwelling_in_set": (
        ("孩子和监护人在{v}没有住房", "孩子或监护人在{v}有住房"),
        ("child and guardians own no dwelling in {v}", "child or guardian owns a dwelling in {v}"),
    ),
    "hukou_in_set": (
        ("孩子的户口在{v}", "孩子的户口不在{v}"),
        ("the child's hukou is in {v}", "the child's hukou is not in {v}"),
    ),
    "same_address": (("{f}与{v}一致", "{f}与{v}不一致"), ("{f} and {v} are the same", "{f} and {v} differ")),
    "within": (("{f}在{v}内", "{f}不在{v}内"), ("{f} lies in {v}", "{f} does not lie in {v}")),
    "seat": (
        ("这处房子的学位没有被占用", "这处房子的学位已被占用"),
        ("the home's seat is free", "the home's seat is taken"),
    ),
    "feeder": (
        ("孩子从直升小学毕业，没有放弃直升", "孩子不从直升小学毕业，或已放弃直升"),
        ("the child leaves a feeder school and is promoted", "the child is not promoted by a feeder school"),
    ),
}
_AT: dict[str, tuple[str, str]] = {
    "zone": ("在本片区", "in the zone"),
    "district": ("在本区", "in the district"),
    "city": ("在本市", "in the city"),
}
_RECORD_FORMS = ("owners_within", "no_dwelling_in", "same_address", "within", "seat", "feeder")


class Words:
    """How a policy's conditions, quantities and points are said in one language."""

    def __init__(self, policy: Policy | None, lang: Lang) -> None:
        self.policy, self.lang, self.zh = policy, lang, lang == "zh"
        self._said: dict[tuple[int, bool], str] = {}
        self._kept: list[object] = []  # a cached id stays that of its object
        self._titles: dict[int, str] = {}
        self._days: dict[tuple[str, date | None], str] = {}

    def join(self, words: list[str], last: str = "") -> str:
        """A list of words; `last` joins the last two."""
        comma = "、" if self.zh else ", "
        if not last or len(words) < 2:
            return comma.join(words)
        return comma.join(words[:-1]) + last + words[-1]

    def place(self, at: str) -> str:
        """Where a spell was spent: one of records.AT."""
        return _AT[at][0 if self.zh else 1]

    def region(self, key: str) -> str:
        """A region's name; its key where nobody named it."""
        named = (self.policy.regions or {}).get(key) if self.policy else None
        if named:
            return pick(named, self.lang)
        return DISTRICTS.get(key, (key, key))[0 if self.zh else 1]

    def region_set(self, keys: list[str]) -> str:
        """The name of a set of regions: that of the parameter that holds it, or of its only one; "" if it has none."""
        if len(keys) == 1:
            return self.region(keys[0])
        if self.policy and self.policy.regions:
            for name, value in self.policy.parameters.items():
                if value == keys and name in self.policy.regions:
                    return self.region(name)
        return ""

    def value(self, name: str, value: Value | None) -> str:
        """A fact's value."""
        if value is None:
            return "尚不清楚" if self.zh else "not known yet"
        if isinstance(value, bool):
            return ("是" if value else "否") if self.zh else ("yes" if value else "no")
        if isinstance(value, date):
            return say_date(value, self.lang)
        if isinstance(value, int):
            return _say_number(value, VOCABULARY[name].unit, self.lang)
        if isinstance(value, str):
            if name == "child.hukou_district":
                return self.region(value)
            words = KINDS.get(value, (value, value))[0 if self.zh else 1]
            return words or ("无" if self.zh else "none")
        if isinstance(value, Owners):
            return self.join([self._owner(o.who, o.bp) for o in value]) or ("无" if self.zh else "nobody")
        if isinstance(value, Dwellings):
            owned = [self.region(region) for region, count in value.items() if count]
            return self.join(owned) or ("无" if self.zh else "none")
        if isinstance(value, Place):
            return value.code
        count = len(value) - (1 if isinstance(value, Kin) else 0)
        if not count:
            return "没有记录" if self.zh else "no record"
        return f"{count}条记录" if self.zh else f"{count} record{'' if count == 1 else 's'}"

    def number(self, number: int, unit: str) -> str:
        """A number with its unit: 3 months, 60%."""
        return _say_number(number, unit, self.lang)

    def _group(self, key: str) -> str:
        _, zh, en = GROUPS[key]
        return zh if self.zh else en

    def _owner(self, who: str, bp: int | None) -> str:
        word = self._group(who) if who in GROUPS else _ROLE_WORDS.get(who, (who, who))[0 if self.zh else 1]
        if bp is None:
            return f"{word}（共同共有）" if self.zh else f"{word} (jointly)"
        return f"{word} {_say_number(bp, 'share', self.lang)}"

    def quantity(self, q: Quantity) -> str:
        """A quantity as a noun."""
        zh = self.zh
        if q.inner:
            parts = [self.quantity(part) for part in q.inner]
            if q.sum_of:
                said = "与".join(parts) + "之和" if zh else "the sum of " + self.join(parts, " and ")
            else:
                said = "与".join(parts) + "中较长者" if zh else "the longer of " + self.join(parts, " and ")
        elif q.share:
            groups = self.groups(q.share)
            return f"{groups}的产权份额" if zh else f"the share of the home held by {groups}"
        elif q.fact:
            said = VOCABULARY[q.fact].name(self.lang)
        else:
            said = self._time(q)
        if q.less:
            taken = _say_number(q.less, q.measure, self.lang)
            said = f"{said}（减去{taken}）" if zh else f"{said} beyond {taken}"
        if q.cap is not None:
            most = _say_number(q.cap, q.measure, self.lang)
            said = f"{said}（最多计{most}）" if zh else f"{said} (counted up to {most})"
        return said

    def _time(self, q: Quantity) -> str:
        zh, unit = self.zh, _UNITS[q.unit or "months"][0 if self.zh else 1]
        until = say_date(q.until, self.lang) if q.until else ""
        full = ("满" if zh else "full ") if q.unit == "years" else ""
        if q.since:
            if zh:
                return f"从{self._first(q)}到{until}的{full}{unit.removeprefix('个')}数"
            return f"the {full}{unit}s from {self._first(q)} to {until}"
        counts = {
            "unbroken": ("连续", "unbroken "),
            "cumulative": ("累计", "cumulative "),
            "longest": ("最长一段", "longest run of "),
        }[q.count or "unbroken"][0 if zh else 1]
        if zh:
            return f"{self._spent(q)}截至{until}{counts}的{full}{unit.removeprefix('个')}数"
        return f"the {counts}{full}{unit}s of {self._spent(q)} up to {until}"

    def _first(self, q: Quantity) -> str:
        """The day that a time is counted from."""
        names = [q.since] if isinstance(q.since, str) else q.since or []
        return ("，或" if self.zh else " or, failing that, ").join([VOCABULARY[n].name(self.lang) for n in names])

    def _spent(self, q: Quantity) -> str:
        """The histories of a quantity, with what limits them."""
        zh, every = self.zh, q.together == "all"
        joint = ("和" if every else "或") if zh else (" and " if every else " or ")
        said = joint.join([VOCABULARY[n].name(self.lang) for n in q.of or ()])
        notes = []
        if q.kinds:
            notes.append(joint.join([KINDS[k][0 if zh else 1] for k in q.kinds]))
        if q.at:
            notes.append(self.place(q.at))
        if q.from_:
            notes.append(f"{say_date(q.from_, self.lang)}起" if zh else f"from {say_date(q.from_, self.lang)}")
        if q.back_paid:
            out = q.back_paid == "excluded"
            notes.append(
                ("补缴不计" if out else "补缴计入") if zh else f"back-payments {'excluded' if out else 'counted'}"
            )
        if not notes:
            return said
        return said + (f"（{'，'.join(notes)}）" if zh else f" ({', '.join(notes)})")

    def groups(self, groups: list[str]) -> str:
        """Groups of kin."""
        return self.join([self._group(g) for g in groups], "和" if self.zh else " and ")

    def leaf(self, leaf: Condition, negated: bool) -> str:
        """A leaf as met, or as its opposite."""
        index, lang = (0 if self.zh else 1), self.lang
        if leaf.amount:
            if short := self._plainly(leaf.amount, negated):
                return short
            words = _WORDS[leaf.amount.bound][index]
            wanted = _say_number(getattr(leaf.amount, leaf.amount.bound), leaf.amount.measure, lang)
            return words[negated].format(f=self.quantity(leaf.amount), v=wanted)
        for form in _RECORD_FORMS:
            if (made := getattr(leaf, form)) is None:
                continue
            subject = value = ""
            if form == "owners_within":
                value = self.groups(made)
            elif form == "no_dwelling_in":
                if named := self.region_set(made):
                    return _WORDS["no_dwelling_in_set"][index][negated].format(v=named)
                value = self.join([self.region(key) for key in made])
            elif form == "same_address":
                subject, value = (VOCABULARY[n].name(lang) for n in made)
            elif form == "within":
                zone = (self.policy.zones or {}).get(made.zone) if self.policy else None
                subject, value = VOCABULARY[made.place].name(lang), pick(zone.title, lang) if zone else made.zone
            return _WORDS[form][index][negated].format(f=subject, v=value)
        name, test = leaf.fact or "", leaf.test
        term = VOCABULARY[name]
        wanted_value: Any = getattr(leaf, test)
        if test == "is_":
            return term.phrase(Truth.TRUE if wanted_value is not negated else Truth.FALSE, lang)
        many = wanted_value if isinstance(wanted_value, list) else [wanted_value]
        shown = self.join([self.value(name, w) for w in many])
        named = self.region_set(wanted_value) if name == "child.hukou_district" and test == "in_" else ""
        if named:
            return _WORDS["hukou_in_set"][index][negated].format(v=named)
        form, noun = ("none", term.name(lang).removeprefix("the ")) if wanted_value == "" else (test, term.name(lang))
        return _WORDS[form][index][negated].format(f=noun, v=shown)

    def _plainly(self, amount: Amount, negated: bool) -> str:
        """The bounds that rules use most, as people say them; "" for others."""
        zh, not_ = self.zh, negated
        if amount.less or amount.cap is not None:
            return ""
        if amount.share and amount.more_than == 0:
            groups = self.join([self._group(g) for g in amount.share], "或" if zh else " or ")
            if zh:
                return f"产权人里{'没有' if not_ else '有'}{groups}"
            return f"the home is {'not ' if not_ else ''}owned by {groups}"
        if amount.of and amount.until and amount.unit == "days" and amount.more_than == 0:
            said, day = self._spent(amount), say_date(amount.until, self.lang)
            if amount.count == "unbroken":
                return (
                    f"{said}在{day}{'无效' if not_ else '有效'}"
                    if zh
                    else f"{said} {'does not run' if not_ else 'runs'} on {day}"
                )
            return (
                f"截至{day}{'没有' if not_ else '有'}{said}"
                if zh
                else f"there is {'no ' if not_ else 'a '}{said.removeprefix('the ')} up to {day}"
            )
        if amount.at_least is None or not amount.until or not (amount.of or amount.since):
            return ""
        day, least = say_date(amount.until, self.lang), _say_number(amount.at_least, amount.measure, self.lang)
        if amount.since:
            first = self._first(amount)
            if zh:
                return f"从{first}到{day}{'不满' if not_ else '满'}{least}"
            return f"{first} is {'less than' if not_ else 'at least'} {least} before {day}"
        said = self._spent(amount)
        if zh:
            run = {"unbroken": "连续", "cumulative": "累计", "longest": "最长一段"}[amount.count or "unbroken"]
            return f"{said}截至{day}{run}{'不满' if not_ else '满'}{least}"
        run = {"unbroken": "without a break", "cumulative": "in all", "longest": "in one run"}[
            amount.count or "unbroken"
        ]
        return f"{said} has run {run} for {'less than' if not_ else 'at least'} {least} by {day}"

    def say(self, condition: Condition, negated: bool = False) -> str:
        """A condition in words; `negated` says its opposite (De Morgan's laws)."""
        key = (id(condition), negated)
        if (found := self._said.get(key)) is None:
            found = self._said[key] = self._say(condition, negated)
            self._kept.append(condition)
        return found

    def _say(self, condition: Condition, negated: bool) -> str:
        if condition.use is not None:
            assert self.policy
            return self.say((self.policy.define or {})[condition.use], negated)
        if condition.negated is not None:
            return self.say(condition.negated, not negated)
        if not condition.parts:
            return self.leaf(condition, negated)
        if len(condition.parts) == 1:
            return self.say(condition.parts[0], negated)
        every = (condition.all is not None) is not negated
        joint = ("，并且" if every else "，或者") if self.zh else (", and " if every else ", or ")
        said = []
        for part in condition.parts:
            text = self.say(part, negated)
            kind = self._joins(part, negated)
            if kind is not None and kind is not every:
                text = f"（{text}）" if self.zh else f"({text})"
            said.append(text)
        return joint.join(said)

    def _joins(self, condition: Condition, negated: bool) -> bool | None:
        """Whether a condition, as it is said, joins its parts by "and"; None where it is one phrase."""
        while condition.use is not None or len(condition.parts) == 1:
            if condition.use is not None:
                assert self.policy
                condition = (self.policy.define or {})[condition.use]
            else:
                negated = negated is not (condition.negated is not None)
                condition = condition.parts[0]
        return (condition.all is not None) is not negated if condition.parts else None

    def finding(self, tree: Node, facts: FactSheet) -> str:
        """What the evidence says about a leaf, with source and day."""
        condition = tree.condition
        name = deciding_fact(tree, facts)
        fact = facts.get(name, UNKNOWN)
        term, index = VOCABULARY[name], (0 if self.zh else 1)
        if fact.value is None or (tree.test(facts) is Truth.UNKNOWN):
            open_ = self.leaf(condition, False) if not condition.fact else term.name(self.lang)
            return f"还没有核实：{open_}" if self.zh else f"not confirmed yet: {open_}"
        if condition.amount:
            said = self._counted(tree, facts)
        elif not condition.fact:
            said = self.leaf(condition, tree.test(facts) is Truth.FALSE)
        elif isinstance(fact.value, bool):
            said = term.phrase(Truth.TRUE if fact.value else Truth.FALSE, self.lang)
        elif fact.value == "":
            said = _WORDS["none"][index][0].format(f=term.name(self.lang).removeprefix("the "))
        else:
            said = _WORDS["equals"][index][0].format(f=term.name(self.lang), v=self.value(name, fact.value))
        return said + self.where(fact)

    def _counted(self, tree: Node, facts: FactSheet) -> str:
        amount = tree.condition.amount
        assert amount and tree.amount
        low, high = tree.amount(facts)
        words = "{f}是{v}" if self.zh else "{f} is {v}"
        shown = _say_number(low, amount.measure, self.lang)
        if low != high:
            words = "{f}至少{v}" if self.zh else "{f} is at least {v}"
            if tree.test(facts) is Truth.FALSE:
                words = "{f}最多{v}" if self.zh else "{f} is at most {v}"
                shown = _say_number(high, amount.measure, self.lang)
        return words.format(f=self.quantity(amount), v=shown)

    def where(self, fact: Fact) -> str:
        """Source and day of a fact in brackets, and who overrode it; "" where nothing is known of them."""
        if fact.override:
            return self._where(fact)
        key = (fact.source, fact.as_of)
        if (found := self._days.get(key)) is None:
            found = self._days[key] = self._where(fact)
        return found

    def _where(self, fact: Fact) -> str:
        source = SOURCES.get(fact.source, (fact.source, fact.source))[0 if self.zh else 1]
        parts = [source, say_date(fact.as_of, self.lang) if fact.as_of else ""]
        if fact.override:
            o = fact.override
            day = say_date(o.on, self.lang)
            parts.append(f"{o.by}于{day}更正：{o.reason}" if self.zh else f"corrected by {o.by} on {day}: {o.reason}")
        said = ("，" if self.zh else ", ").join(part for part in parts if part)
        return (f"（{said}）" if self.zh else f" ({said})") if said else ""

    def order(self, order: Order) -> str:
        """A tie-breaker."""
        if order.fact is not None:
            names = [VOCABULARY[n].name(self.lang) for n in order.names]
            said = ("；没有的按" if self.zh else "; failing that, ").join(names)
        elif order.amount:
            said = self.quantity(order.amount)
        elif order.when:
            said = self.say(order.when)
        elif order.points == "total":
            said = "总积分" if self.zh else "total points"
        else:
            item = next((i for _, i in self.policy.items() if i.code == order.points), None) if self.policy else None
            named = self.title(item) if item else order.points or ""
            said = f"“{named}”一项的积分" if self.zh else f'the points of the item "{named}"'
        return f"{said}{'，' if self.zh else ': '}{_BETTER[order.better][0 if self.zh else 1]}"

    def title(self, item: Item) -> str:
        """An item's title, or what it counts."""
        if (found := self._titles.get(id(item))) is None:
            found = self._titles[id(item)] = self._title(item)
            self._kept.append(item)
        return found

    def _title(self, item: Item) -> str:
        if item.title:
            return pick(item.title, self.lang)
        if item.of:
            return self.quantity(item.of)
        if item.when:
            return self.say(item.when)
        if item.sum:
            return "合计" if self.zh else "together"
        return "取最高的一项" if self.zh else "the best of" if item.best else say_points(int((item.give or 0) * 1000))

    def short(self, title: str) -> str:
        """A title up to its colon: "type 1: Longgang hukou" is type 1 where it is only pointed at."""
        return title.partition("：" if self.zh else ": ")[0]

    def item(self, item: Item, depth: int = 0) -> list[str]:
        """An item of points as lines, inner ones indented."""
        zh, text = self.zh, self.title(item)
        said = []
        if item.give is not None:
            said.append(f"{item.give:f}分" if zh else f"{item.give:f} point{'' if item.give == 1 else 's'}")
        if item.rate is not None and item.of:
            each, rate = item.each or 1, f"{item.rate:f}"
            unit = _say_number(each, item.of.measure, self.lang)
            if zh:
                said.append(f"每{re.sub('^1个?', '', unit) if each == 1 else unit}{rate}分")
            else:
                said.append(f"{rate} for each {unit.removeprefix('1 ')}")
            if item.title:
                said.append(f"按{self.quantity(item.of)}" if zh else f"by {self.quantity(item.of)}")
        if item.best and item.title:
            said.append("取最高的一项" if zh else "the best of these")
        if item.when and item.title:
            said.append(f"条件：{self.say(item.when)}" if zh else f"if {self.say(item.when)}")
        if item.categories and self.policy:
            titles = [self.short(pick(c.title, self.lang)) for c in self.policy.categories if c.code in item.categories]
            said.append(f"适用：{'、'.join(titles)}" if zh else f"for {self.join(titles, ' and ')}")
        if item.times:
            when = self.say(item.times.when)
            said.append(f"{when}的，乘以{item.times.by}" if zh else f"times {item.times.by} if {when}")
        if item.cap is not None:
            said.append(f"最多{item.cap:f}分" if zh else f"at most {item.cap:f}")
        if item.floor is not None:
            said.append(f"不低于{item.floor:f}分" if zh else f"not below {item.floor:f}")
        line = text + ("：" if zh else ": ") + ("；" if zh else "; ").join(said) if said else text
        return ["　" * depth + line, *(inner for part in item.parts for inner in self.item(part, depth + 1))]


_ROLE_WORDS: dict[str, tuple[str, str]] = {
    "guardian": ("其他监护人", "another guardian"),
    "paternal_grandfather": ("祖父", "the father's father"),
    "paternal_grandmother": ("祖母", "the father's mother"),
    "maternal_grandfather": ("外祖父", "the mother's father"),
    "maternal_grandmother": ("外祖母", "the mother's mother"),
    "sibling": ("兄弟姐妹", "a sibling"),
    "other": ("其他人", "someone else"),
}
_BETTER = {
    "earlier": ("早的在前", "earlier first"),
    "later": ("晚的在前", "later first"),
    "larger": ("多的在前", "larger first"),
    "smaller": ("少的在前", "smaller first"),
    "met": ("符合的在前", "who meets it first"),
    "unmet": ("不符合的在前", "who does not meet it first"),
}


def words_of(policy: Policy, lang: Lang) -> Words:
    """The policy's words in a language, kept with the policy, so that each phrase is put together once."""
    kept = policy._words
    # A changed copy carries the private attribute of its origin: only one's own counts.
    if kept is None or kept[0] is not policy:
        kept = policy._words = (policy, {})
    found: Words | None = kept[1].get(lang)
    if found is None:
        found = kept[1][lang] = Words(policy, lang)
    return found


def say(condition: Condition, lang: Lang, negated: bool = False) -> str:
    """A condition in words, outside of a policy; `negated` says its opposite (De Morgan's laws)."""
    return Words(None, lang).say(condition, negated)


def deciding_fact(tree: Node, facts: FactSheet) -> str:
    """The fact that a leaf's truth hangs on: an unknown one where the leaf is unknown, else the first."""
    names = tree.names
    if len(names) > 1:
        unknown = [n for n in names if facts.get(n, UNKNOWN).value is None]
        if tree.test(facts) is Truth.UNKNOWN:
            return unknown[0] if unknown else names[0]
        return next((n for n in names if n not in unknown), names[0])
    return names[0]
