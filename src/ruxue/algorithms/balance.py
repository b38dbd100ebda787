"""Class assignment (阳光分班): balanced first, random among what is balanced. Integers only; docs/class-assignment.md.

Pupils are dealt from a random order sorted by the attributes to balance, blocks of one pupil a class, so that sizes
and the levels of the first attribute differ by at most 1; exchanges between equals then even out the ages; the
classes' numbers are drawn last, so that no pupil is likelier than another to land in a class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruxue.algorithms.draw import Stream

Entry = Mapping[str, Any]


class InfeasibleRules(ValueError):
    """The rules contradict each other; the message names the contradiction."""


@dataclass
class _Rules:
    classes: int
    cap: int
    balance: list[str]
    mean: str | None
    together: set[str]
    apart: set[str]
    required: list[tuple[str, str]]
    forbidden: list[tuple[str, str]]

    @classmethod
    def read(cls, rules: Mapping[str, Any]) -> _Rules:
        return cls(
            classes=rules["classes"],
            cap=rules.get("cap", 10**9),
            balance=list(rules.get("balance", [])),
            mean=rules.get("mean"),
            together=set(rules.get("together", [])),
            apart=set(rules.get("apart", [])),
            required=[(a, b) for a, b in rules.get("required", [])],
            forbidden=[(a, b) for a, b in rules.get("forbidden", [])],
        )


@dataclass
class _Unit:
    """Pupils that stay together: one, or a group."""

    members: list[Entry]
    enemies: set[int] = field(default_factory=set)


def _units(entries: Sequence[Entry], rules: _Rules) -> list[_Unit]:
    """Units in the order of their first code, with the pairs that must not meet."""
    parent = {e["code"]: e["code"] for e in entries}

    def find(code: str) -> str:
        while parent[code] != code:
            code = parent[code]
        return code

    def join(a: str, b: str) -> None:
        first, second = sorted((find(a), find(b)))
        parent[second] = first

    groups: dict[str, list[str]] = {}
    for entry in entries:
        if entry.get("group"):
            groups.setdefault(entry["group"], []).append(entry["code"])
    for name in sorted(groups):
        if name not in rules.apart:
            for other in groups[name][1:]:
                join(groups[name][0], other)
    for a, b in rules.required:
        join(a, b)
    by_root: dict[str, _Unit] = {}
    for entry in sorted(entries, key=lambda e: str(e["code"])):
        by_root.setdefault(find(entry["code"]), _Unit([])).members.append(entry)
    units = list(by_root.values())
    place = {e["code"]: i for i, unit in enumerate(units) for e in unit.members}
    pairs = [(a, b) for name in sorted(rules.apart) for a in groups.get(name, []) for b in groups[name] if a < b]
    for a, b in [*pairs, *rules.forbidden]:
        if place[a] == place[b]:
            raise InfeasibleRules(f"{a} and {b} must be together by one rule and apart by another")
        units[place[a]].enemies.add(place[b])
        units[place[b]].enemies.add(place[a])
    for name in sorted(rules.apart):
        if len(groups.get(name, [])) > rules.classes:
            raise InfeasibleRules(
                f"{len(groups[name])} pupils of group {name} must be apart but there are {rules.classes} classes"
            )
    return units


def assign_classes(entries: Sequence[Entry], rules: Mapping[str, Any], stream: Stream) -> dict[str, int]:
    """Class number (1 … K) by code.

    `entries` carry `code`, perhaps `group`, and small-integer attributes. `rules`: `classes` K; optional `cap`,
    `balance` (attributes, most important first), `mean` (an attribute whose class means are evened out), `apart`
    (groups that are split; others stay together), `required` and `forbidden` (pairs of codes).
    Hard: sizes within 1 (where groups allow) and under the cap, groups, pairs. Raises InfeasibleRules.
    """
    wanted = _Rules.read(rules)
    count, k = len(entries), wanted.classes
    if k < 1 or k > max(1, count):
        raise InfeasibleRules(f"{count} pupils can't fill {k} classes")
    if -(-count // k) > wanted.cap:
        raise InfeasibleRules(
            f"{count} pupils in {k} classes need {-(-count // k)} places a class; the cap is {wanted.cap}"
        )
    units = _units(entries, wanted)
    largest = max(len(u.members) for u in units)
    if largest > -(-count // k):
        raise InfeasibleRules(f"{largest} pupils must be together but a class has {-(-count // k)} places")
    room = [count // k + (1 if c < count % k else 0) for c in range(k)]
    where = _deal(units, wanted, room, stream)
    _separate(units, wanted, where, k)
    if wanted.mean and k > 1:
        _even_out(units, wanted, where, k)
    labels = list(range(1, k + 1))
    stream.shuffle(labels)
    return {e["code"]: labels[where[i]] for i, unit in enumerate(units) for e in unit.members}


def _cell(entry: Entry, rules: _Rules) -> tuple[int, ...]:
    return tuple(entry[name] for name in rules.balance)


def _deal(units: list[_Unit], rules: _Rules, room: list[int], stream: Stream) -> list[int]:
    """First placement: groups by what each class lacks, then single pupils cell by cell, oldest first."""
    k = len(room)
    order = list(range(len(units)))
    stream.shuffle(order)
    where = [-1] * len(units)
    left = list(room)
    seats = _level_seats(units, rules, room)
    for i in sorted((i for i in order if len(units[i].members) > 1), key=lambda i: -len(units[i].members)):
        members = units[i].members
        need = Counter(_first(e, rules) for e in members)
        options = [c for c in range(k) if left[c] >= len(members) and not _clash(units[i], where, c)]
        if not options:
            raise InfeasibleRules("the groups that must be together do not fit into classes of equal size")
        best = min(options, key=lambda c: (sum(max(0, n - seats[c][lv]) for lv, n in need.items()), -left[c], c))
        where[i] = best
        left[best] -= len(members)
        for level, n in need.items():
            seats[best][level] -= n
    singles = [i for i in order if where[i] < 0]
    mean = rules.mean
    singles.sort(key=lambda i: (_cell(units[i].members[0], rules), units[i].members[0][mean] if mean else 0))
    waiting: list[int] = []
    turn: list[int] = []
    for i in singles:
        level = _first(units[i].members[0], rules)
        if not turn:
            turn = list(range(k))
            stream.shuffle(turn)
        pick = next((c for c in turn if left[c] > 0 and seats[c][level] > 0), None)
        if pick is None:
            fresh = list(range(k))
            stream.shuffle(fresh)
            pick = next((c for c in fresh if left[c] > 0 and seats[c][level] > 0), None)
        if pick is None:
            waiting.append(i)
            continue
        if pick in turn:
            turn.remove(pick)
        where[i], left[pick] = pick, left[pick] - 1
        seats[pick][level] -= 1
    for i in waiting:
        level = _first(units[i].members[0], rules)
        pick = max((c for c in range(k) if left[c] > 0), key=lambda c: (seats[c][level], left[c], -c))
        where[i], left[pick] = pick, left[pick] - 1
        seats[pick][level] -= 1
    return where


def _first(entry: Entry, rules: _Rules) -> int:
    return int(entry[rules.balance[0]]) if rules.balance else 0


def _level_seats(units: list[_Unit], rules: _Rules, room: list[int]) -> list[Counter[int]]:
    """Seats of each class for each level of the first attribute: rows sum to its room, columns differ by at most 1."""
    k = len(room)
    totals = Counter(_first(e, rules) for u in units for e in u.members)
    seats: list[Counter[int]] = [Counter() for _ in range(k)]
    start = 0
    for level in sorted(totals):
        for c in range(k):
            seats[c][level] = totals[level] // k
        for step in range(totals[level] % k):
            seats[(start + step) % k][level] += 1
        start = (start + totals[level]) % k
    return seats


def _clash(unit: _Unit, where: list[int], c: int) -> bool:
    return any(where[other] == c for other in unit.enemies)


def _separate(units: list[_Unit], rules: _Rules, where: list[int], k: int) -> None:
    """Moves pupils that must not meet by exchanging them with an equal of another class."""
    for i, unit in enumerate(units):
        if not _clash(unit, where, where[i]):
            continue
        mine = _profile(unit, rules)
        partners = [
            j
            for j, other in enumerate(units)
            if where[j] != where[i]
            and len(other.members) == len(unit.members)
            and not _clash(unit, where, where[j])
            and not _clash(other, where, where[i])
        ]
        if not partners:
            raise InfeasibleRules(f"{unit.members[0]['code']} has a pupil to be kept apart from in every class")
        j = min(partners, key=lambda j: (_profile(units[j], rules) != mine, j))
        where[i], where[j] = where[j], where[i]


def _profile(unit: _Unit, rules: _Rules) -> tuple[tuple[int, ...], ...]:
    return tuple(sorted(_cell(e, rules) for e in unit.members))


def _even_out(units: list[_Unit], rules: _Rules, where: list[int], k: int) -> None:
    """Exchanges equals between the classes whose means lie furthest apart until no exchange helps."""
    name = rules.mean or ""
    value = [sum(int(e[name]) for e in u.members) for u in units]
    profile = [_profile(u, rules) for u in units]
    count = sum(len(u.members) for u in units)
    total = sum(value)
    sizes, sums = [0] * k, [0] * k
    inside: list[list[int]] = [[] for _ in range(k)]
    for i, c in enumerate(where):
        sizes[c] += len(units[i].members)
        sums[c] += value[i]
        inside[c].append(i)

    def off(c: int) -> int:
        return sums[c] * count - total * sizes[c]

    for _ in range(40 * k):
        ranked = sorted(range(k), key=lambda c: (off(c), c))
        done = True
        for low, high in ((ranked[0], ranked[-1]), (ranked[0], ranked[-2]), (ranked[1], ranked[-1])):
            if low == high:
                continue
            gap = abs(off(low)) + abs(off(high))
            best: tuple[int, int, int] | None = None
            for i in inside[high]:
                for j in inside[low]:
                    step = (value[i] - value[j]) * count
                    if step <= 0 or profile[i] != profile[j]:
                        continue
                    after = abs(off(low) + step) + abs(off(high) - step)
                    better = after < gap if best is None else after < best[0]
                    if better and not _clash(units[i], where, low) and not _clash(units[j], where, high):
                        best = (after, i, j)
            if best:
                _, i, j = best
                where[i], where[j] = low, high
                inside[high].remove(i)
                inside[low].remove(j)
                inside[high].append(j)
                inside[low].append(i)
                sums[high] += value[j] - value[i]
                sums[low] += value[i] - value[j]
                done = False
                break
        if done:
            return


def place_late(
    placed: Mapping[str, int], entries: Sequence[Entry], late: Sequence[Entry], rules: Mapping[str, Any], stream: Stream
) -> dict[str, int]:
    """Classes for late arrivals, nobody moved: smallest class first, then the one that lacks the pupil's levels.

    Raises InfeasibleRules where every class is at its cap.
    """
    wanted = _Rules.read(rules)
    by_class: dict[int, list[Entry]] = {c: [] for c in range(1, wanted.classes + 1)}
    for entry in entries:
        by_class[placed[entry["code"]]].append(entry)
    order = sorted(late, key=lambda e: str(e["code"]))
    stream.shuffle(order)
    result: dict[str, int] = {}
    for entry in order:

        def rank(c: int, entry: Entry = entry) -> tuple[int, ...]:
            return (len(by_class[c]), *(sum(e[n] == entry[n] for e in by_class[c]) for n in wanted.balance))

        best = min(rank(c) for c in by_class)
        if best[0] >= wanted.cap:
            raise InfeasibleRules(f"every class has {wanted.cap} pupils already")
        ties = [c for c in sorted(by_class) if rank(c) == best]
        result[entry["code"]] = pick = ties[stream.below(len(ties))]
        by_class[pick].append(entry)
    return result


def balance_report(entries: Sequence[Entry], assignment: Mapping[str, int], rules: Mapping[str, Any]) -> dict[str, Any]:
    """What a witness reads: sizes, counts of each level by class, their spreads, sums of the mean attribute.

    `spread` is the largest less the smallest count; `feasible` is the least spread that the totals allow.
    """
    wanted = _Rules.read(rules)
    classes = range(1, wanted.classes + 1)
    sizes = Counter(assignment[e["code"]] for e in entries)
    report: dict[str, Any] = {
        "sizes": [sizes[c] for c in classes],
        "size_spread": max(sizes[c] for c in classes) - min(sizes[c] for c in classes),
        "attributes": {},
    }
    for name in wanted.balance:
        counts = Counter((int(e[name]), assignment[e["code"]]) for e in entries)
        report["attributes"][name] = {
            str(level): {
                "counts": (row := [counts[level, c] for c in classes]),
                "spread": max(row) - min(row),
                "feasible": 0 if sum(row) % wanted.classes == 0 else 1,
            }
            for level in sorted({int(e[name]) for e in entries})
        }
    if wanted.mean:
        sums: Counter[int] = Counter()
        for e in entries:
            sums[assignment[e["code"]]] += int(e[wanted.mean])
        report["sums"] = [sums[c] for c in classes]
        report["mean_spread_hundredths"] = max(sums[c] * 100 // max(1, sizes[c]) for c in classes) - min(
            sums[c] * 100 // max(1, sizes[c]) for c in classes
        )
    return report


def draw_teachers(teams: Sequence[str], classes: int, stream: Stream) -> dict[str, int]:
    """Class by team: the teams' order is drawn, then each team's class. Raises InfeasibleRules where counts differ."""
    if len(set(teams)) != classes:
        raise InfeasibleRules(f"{len(set(teams))} teacher teams can't lead {classes} classes")
    order, numbers = sorted(teams), list(range(1, classes + 1))
    stream.shuffle(order)
    stream.shuffle(numbers)
    return dict(zip(order, numbers, strict=True))
