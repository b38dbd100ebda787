"""The rules of class assignment, read and checked; hard rules in words; the units that they make of the pupils."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any, Literal

Entry = Mapping[str, Any]
Kind = Literal["together", "required", "apart", "forbidden", "namesakes", "limit", "fixed"]
TEXT, PAIR = "a text", "a pair of codes"
SHAPE: dict[
    str, tuple[type[list[Any]] | type[dict[str, Any]], str]
] = {  # each rule: list or object, and what its parts are
    "balance": (list, TEXT),
    "together": (list, TEXT),
    "apart": (list, TEXT),
    "required": (list, PAIR),
    "forbidden": (list, PAIR),
    "limit": (list, "a limit"),
    "fixed": (dict, TEXT),
    "placed": (dict, TEXT),
}
KNOWN = {"classes", "cap", "mean", "names_apart", *SHAPE}
SHOWN = 8  # codes that a message lists before it only counts


class InfeasibleRules(ValueError):
    """The rules contradict each other or name what is not there. `en` and `zh` say which, for people."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en, self.zh = en, zh


def check_shape(rules: Mapping[str, Any]) -> None:
    """Raises InfeasibleRules for unknown rules, and for those that are not built as docs/class-assignment.md has them."""
    for key, value in rules.items():
        if key not in KNOWN:
            raise InfeasibleRules(f"the rules have an unknown part {key!r}", f"规则里有不认识的部分“{key}”")
        if key in SHAPE:
            container, part = SHAPE[key]
            fits = isinstance(value, container) and all(_is(part, item) for item in value)
        elif key == "mean":
            fits = all(isinstance(item, str) for item in value) if isinstance(value, list) else isinstance(value, str)
        elif key == "names_apart":
            fits = isinstance(value, str)
        else:
            fits = type(value) is int and value >= 1
        if not fits:
            raise InfeasibleRules(
                f"{key} can't be {value!r}: the guide to class assignment shows how it is written",
                f"{key} 不能写作 {value!r}；写法见分班说明",
            )


def _is(part: str, item: Any) -> bool:
    if part == TEXT:
        return isinstance(item, str)
    if part == PAIR:
        return isinstance(item, list | tuple) and len(item) == 2 and all(isinstance(code, str) for code in item)
    return (
        isinstance(item, dict)
        and set(item) == {"attribute", "level", "most"}
        and isinstance(item["attribute"], str)
        and type(item["most"]) is int
        and item["most"] >= 0
    )


class Contradiction(Exception):
    """The hard rules at hand can't all hold; which of them, is for `contradiction.explain` to find."""


@dataclass(frozen=True)
class Hard:
    """One hard rule: its kind, the pupils that it speaks of (positions in the list), and its number or name.

    `number` is the class of `fixed` and the most of `limit`; `name` the group, the limit's attribute and level, or "".
    """

    kind: Kind
    pupils: tuple[int, ...]
    name: str = ""
    number: int = 0

    def say(self, codes: Sequence[str]) -> tuple[str, str]:
        """The rule in English and in Chinese, without a full stop."""
        en, zh = listed(self.pupils, codes)
        count = len(self.pupils)
        match self.kind:
            case "together":
                return f"group {self.name} must be together ({en})", f"{self.name} 组须同班（{zh}）"
            case "required":
                return f"{en} must be together", f"{zh}须同班"
            case "apart":
                return f"{count} pupils of group {self.name} must be apart ({en})", (
                    f"{self.name} 组 {count} 人须分在不同的班（{zh}）"
                )
            case "forbidden":
                return f"{en} must be apart", f"{zh}不得同班"
            case "namesakes":
                return f"{count} pupils of one name must be apart ({en})", f"{count} 名同名学生须分在不同的班（{zh}）"
            case "limit":
                return (
                    f"a class takes at most {self.number} of those with {self.name}, and there are {count}",
                    f"每班 {self.name} 的学生至多 {self.number} 名，而共有 {count} 名",
                )
            case "fixed":
                return f"{en} must be in class {self.number}", f"{zh}须在 {self.number} 班"


def listed(pupils: Sequence[int], codes: Sequence[str]) -> tuple[str, str]:
    """The pupils' codes as a list in English and in Chinese, cut after a few."""
    names = [codes[p] for p in pupils[:SHOWN]]
    if len(pupils) > SHOWN:
        return f"{', '.join(names)} and {len(pupils) - SHOWN} more", f"{'、'.join(names)} 等 {len(pupils)} 名"
    english = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return english, f"{'、'.join(names)} "


@dataclass(frozen=True)
class Criterion:
    """What is counted by class: the pupils' levels (0 … in order) of one attribute, or of several crossed."""

    name: str
    level: list[int]
    labels: list[str]


@dataclass(frozen=True)
class Rules:
    """Checked rules beside the list that they speak of, which is sorted by code."""

    classes: int
    cap: int | None
    entries: list[Entry]
    codes: list[str]
    criteria: list[Criterion]
    ordered: list[tuple[str, list[int]]]
    hard: list[Hard]
    placed: dict[int, int] | None  # class by position, in a draw for late arrivals

    @property
    def places(self) -> int:
        """Pupils that any class takes."""
        return len(self.codes) // self.classes if self.placed is None else self.cap or len(self.codes)

    @property
    def larger(self) -> int:
        """Classes that take one pupil more."""
        return len(self.codes) % self.classes if self.placed is None else 0

    @classmethod
    def read(cls, rules: Mapping[str, Any], entries: Iterable[Entry]) -> Rules:
        """Raises InfeasibleRules where a rule has no meaning, or where there are too few pupils or places."""
        check_shape(rules)
        rows = sorted(entries, key=lambda e: str(e["code"]))
        codes = [str(e["code"]) for e in rows]
        for a, b in pairwise(codes):
            if a == b:
                raise InfeasibleRules(f"code {a} occurs twice in the list", f"名单里编号 {a} 出现两次")
        reader = _Reader(rules, rows, {code: i for i, code in enumerate(codes)})
        if "classes" not in rules:
            raise InfeasibleRules("the rules don't say how many classes there are", "规则没有写明班数")
        classes, cap = rules["classes"], rules.get("cap")
        placed = reader.placed(classes) if rules.get("placed") is not None else None
        read = cls(
            classes,
            cap,
            rows,
            codes,
            [reader.criterion(name) for name in rules.get("balance", [])],
            [(name, reader.values(name)) for name in reader.means()],
            reader.hard(classes),
            placed,
        )
        read._check_room()
        return read

    def _check_room(self) -> None:
        n, k = len(self.codes), self.classes
        if self.placed is None:
            if k > n:
                raise InfeasibleRules(f"{n} pupils can't fill {k} classes", f"{n} 名学生不够分成 {k} 个班")
            if self.cap is not None and n > k * self.cap:
                raise InfeasibleRules(
                    f"{n} pupils in {k} classes need {-(-n // k)} places a class; the cap is {self.cap}",
                    f"{n} 名学生分成 {k} 个班，每班要 {-(-n // k)} 个座位，而每班至多 {self.cap} 人",
                )
            return
        if self.cap is not None:
            there = [0] * k
            for number in self.placed.values():
                there[number - 1] += 1
            free, late = sum(max(0, self.cap - m) for m in there), n - len(self.placed)
            if late > free:
                raise InfeasibleRules(
                    f"{late} late arrivals don't fit into {free} free places: the cap is {self.cap} pupils a class",
                    f"后到的 {late} 名学生只有 {free} 个空位：每班至多 {self.cap} 人",
                )


@dataclass(frozen=True)
class _Reader:
    rules: Mapping[str, Any]
    rows: list[Entry]
    place: dict[str, int]

    def means(self) -> list[str]:
        mean = self.rules.get("mean") or []
        return [mean] if isinstance(mean, str) else list(mean)

    def values(self, name: str) -> list[int]:
        values = []
        for entry in self.rows:
            value = entry.get(name)
            if type(value) is not int:
                raise InfeasibleRules(
                    f"the rules use {name} but that of {entry['code']} is not an integer",
                    f"规则用到 {name}，而 {entry['code']} 的 {name} 不是整数",
                )
            values.append(value)
        return values

    def criterion(self, name: str) -> Criterion:
        """`name` is terms joined by "*"; a term is an attribute, or attribute/p: which p-th of the list it falls in."""
        terms = []
        for term in str(name).split("*"):
            attribute, _, parts = term.partition("/")
            values = self.values(attribute)
            if parts:
                if not parts.isdecimal() or not 2 <= int(parts) <= 100:
                    raise InfeasibleRules(
                        f"{term} must divide {attribute} into 2 to 100 parts",
                        f"{term} 须把 {attribute} 分为 2 至 100 份",
                    )
                ranked = sorted(values)
                values = [bisect_left(ranked, v) * int(parts) // len(ranked) for v in values]
            terms.append(values)
        cells = list(zip(*terms, strict=True))
        known = sorted(set(cells))
        number = {cell: i for i, cell in enumerate(known)}
        return Criterion(str(name), [number[c] for c in cells], ["*".join(map(str, c)) for c in known])

    def position(self, code: Any) -> int:
        if code not in self.place:
            raise InfeasibleRules(
                f"the rules name {code} but the list has no such pupil", f"规则提到 {code}，而名单里没有这名学生"
            )
        return self.place[code]

    def pairs(self, key: str) -> list[tuple[int, ...]]:
        found = []
        for pair in self.rules.get(key, []):
            if pair[0] == pair[1]:
                raise InfeasibleRules(f"the rules pair {pair[0]} with itself", f"规则把 {pair[0]} 与其本人配对")
            found.append(tuple(sorted(self.position(code) for code in pair)))
        return list(dict.fromkeys(found))

    def placed(self, classes: int) -> dict[int, int]:
        found = {}
        for code, number in self.rules["placed"].items():
            if type(number) is not int or not 1 <= number <= classes:
                raise InfeasibleRules(
                    f"{code} must be placed in a class from 1 to {classes} before late arrivals are",
                    f"后到学生编班之前，{code} 须已在 1 至 {classes} 班中的一个班",
                )
            found[self.position(code)] = number
        return found

    def hard(self, classes: int) -> list[Hard]:
        return [*self._groups(), *self._pairs_and_names(), *self._limits(), *self._fixed(classes)]

    def _groups(self) -> list[Hard]:
        groups: dict[str, list[int]] = {}
        for i, entry in enumerate(self.rows):
            if entry.get("group"):
                groups.setdefault(str(entry["group"]), []).append(i)
        together, apart = set(self.rules.get("together", [])), set(self.rules.get("apart", []))
        for name in sorted(together | apart):
            if name not in groups:
                raise InfeasibleRules(
                    f"the rules name group {name} but no pupil belongs to it", f"规则提到 {name} 组，而组里没有学生"
                )
            if name in together and name in apart:
                raise InfeasibleRules(
                    f"group {name} must be together by one rule and apart by another",
                    f"{name} 组一条规则要同班，另一条规则要分开",
                )
        return [
            Hard("apart" if name in apart else "together", tuple(groups[name]), name)
            for name in sorted(groups)
            if len(groups[name]) > 1
        ]

    def _pairs_and_names(self) -> list[Hard]:
        hard = [Hard("required", pair) for pair in self.pairs("required")]
        hard += [Hard("forbidden", pair) for pair in self.pairs("forbidden")]
        if name := self.rules.get("names_apart"):
            alike: dict[int, list[int]] = {}
            for i, value in enumerate(self.values(name)):
                if value:
                    alike.setdefault(value, []).append(i)
            hard += [Hard("namesakes", tuple(alike[v])) for v in sorted(alike) if len(alike[v]) > 1]
        return hard

    def _limits(self) -> list[Hard]:
        hard = []
        for limit in self.rules.get("limit", []):
            attribute, level, most = limit["attribute"], limit["level"], limit["most"]
            if type(level) is not int:
                raise InfeasibleRules(
                    f"the level of a limit must be a whole number, not {level!r}",
                    f"limit 的 level 须为整数，而不是 {level!r}",
                )
            counted = tuple(i for i, v in enumerate(self.values(attribute)) if v == level)
            hard.append(Hard("limit", counted, f"{attribute} {level}", most))
        return hard

    def _fixed(self, classes: int) -> list[Hard]:
        hard = []
        for code, number in sorted(self.rules.get("fixed", {}).items()):
            if type(number) is not int or not 1 <= number <= classes:
                raise InfeasibleRules(
                    f"{code} is fixed to class {number!r}; the classes are 1 to {classes}",
                    f"{code} 指定在 {number!r} 班，而班号是 1 至 {classes}",
                )
            hard.append(Hard("fixed", (self.position(code),), "", number))
        return hard


@dataclass
class Units:
    """Pupils who stay together, by position; `enemies[u]`: units that may not share u's class; `number[u]`: its class.

    `weight[u]` has, for each limit among the rules, the members that it counts; `most` what a class takes of them.
    `arriving[u]`: some member is not placed yet.
    """

    members: list[list[int]]
    enemies: list[set[int]]
    number: list[int]  # 0: any
    weight: list[list[int]]
    most: list[int]
    arriving: list[bool]
    bound: list[bool] = field(default_factory=list)

    @classmethod
    def form(cls, wanted: Rules, hard: Sequence[Hard], order: Sequence[int] | None = None) -> Units:
        """Units in the order of their first code, or of `order` (a permutation). Raises Contradiction.

        Two who are placed already are tied by no rule: that is past.
        """
        there = wanted.placed or {}
        parent = list(range(len(wanted.codes)))

        def find(i: int) -> int:
            while parent[i] != i:
                parent[i] = i = parent[parent[i]]
            return i

        for rule in hard:
            if rule.kind in ("together", "required"):
                arriving = [i for i in rule.pupils if i not in there]
                for i in arriving[:1]:
                    for other in rule.pupils:
                        first, second = sorted((find(i), find(other)))
                        parent[second] = first
        members: dict[int, list[int]] = {}
        for i in range(len(parent)):
            members.setdefault(find(i), []).append(i)
        listed_ = list(members.values())
        if order is not None:
            listed_ = [listed_[o] for o in order]
        of = {i: u for u, unit in enumerate(listed_) for i in unit}
        limits = [rule for rule in hard if rule.kind == "limit"]
        units = cls(
            listed_,
            [set() for _ in listed_],
            [0] * len(listed_),
            [[0] * len(limits) for _ in listed_],
            [rule.number for rule in limits],
            [any(i not in there for i in unit) for unit in listed_],
        )
        for l, rule in enumerate(limits):
            for i in rule.pupils:
                units.weight[of[i]][l] += 1
        for rule in hard:
            if rule.kind in ("apart", "forbidden", "namesakes"):
                for a, b in combinations(rule.pupils, 2):
                    if a in there and b in there:
                        continue
                    if of[a] == of[b]:
                        raise Contradiction
                    units.enemies[of[a]].add(of[b])
                    units.enemies[of[b]].add(of[a])
        fixed = [(rule.pupils[0], rule.number) for rule in hard if rule.kind == "fixed" and rule.pupils[0] not in there]
        for i, number in [*there.items(), *fixed]:
            if units.number[of[i]] not in (0, number):
                raise Contradiction
            units.number[of[i]] = number
        units.bound = [
            not units.number[u] and (len(unit) > 1 or bool(units.enemies[u]) or any(units.weight[u]))
            for u, unit in enumerate(listed_)
        ]
        return units
