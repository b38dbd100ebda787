"""Class assignment (阳光分班): balanced first, random among what is balanced. Integers only; docs/class-assignment.md.

Pupils who are bound (together, apart, in pairs) are placed first, by a search that goes back from dead ends, so that a
refusal means a contradiction; the others are dealt in random turns; exchanges then even out each attribute and the
ages without touching a hard rule; the classes' numbers are drawn last, so that no pupil is likelier than another to
land in a class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruxue.algorithms.draw import Stream

Entry = Mapping[str, Any]
_Kind = tuple[tuple[int, ...], ...]  # the sorted cells of a unit's members, a cell being a pupil's levels
MAX_TRIES = 10_000  # placements tried for bound pupils before the search gives up


class InfeasibleRules(ValueError):
    """The rules contradict each other or name what is not there; the message says which, in a plain sentence."""


@dataclass(frozen=True)
class _Rules:
    classes: int
    cap: int
    balance: list[str]
    mean: str | None
    apart: set[str]
    required: list[tuple[str, str]]
    forbidden: list[tuple[str, str]]

    @classmethod
    def read(cls, rules: Mapping[str, Any], entries: Sequence[Entry]) -> _Rules:
        """The rules, checked against the entries that they speak of."""
        mean = rules.get("mean")
        read = cls(
            classes=rules["classes"],
            cap=rules.get("cap", 10**9),
            balance=list(rules.get("balance", [])),
            mean=mean,
            apart=set(rules.get("apart", [])),
            required=[(a, b) for a, b in rules.get("required", [])],
            forbidden=[(a, b) for a, b in rules.get("forbidden", [])],
        )
        if read.classes < 1:
            raise InfeasibleRules(f"there must be at least one class, not {read.classes}")
        codes = {e["code"] for e in entries}
        if len(codes) < len(entries):
            raise InfeasibleRules("a code occurs twice in the list")
        for name in [*read.balance, *([mean] if mean else [])]:
            for entry in entries:
                if type(entry.get(name)) is not int:
                    raise InfeasibleRules(f"the rules use {name} but that of {entry['code']} is not an integer")
        groups = {e["group"] for e in entries if e.get("group")}
        together = set(rules.get("together", []))
        for group in sorted(together | read.apart):
            if group not in groups:
                raise InfeasibleRules(f"the rules name group {group} but no pupil belongs to it")
            if group in together and group in read.apart:
                raise InfeasibleRules(f"group {group} must be together by one rule and apart by another")
        for pair in [*read.required, *read.forbidden]:
            for code in pair:
                if code not in codes:
                    raise InfeasibleRules(f"the rules name {code} in a pair but the list has no such pupil")
            if pair[0] == pair[1]:
                raise InfeasibleRules(f"the rules pair {pair[0]} with itself")
        return read


@dataclass
class _Unit:
    """Pupils that stay together, by code: one, or several. `enemies` are units that may not share its class."""

    members: list[Entry]
    enemies: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        return " and ".join(str(e["code"]) for e in self.members)


def _units(entries: Sequence[Entry], rules: _Rules) -> list[_Unit]:
    """Units in the order of their first code, with the units that each may not meet."""
    parent = {e["code"]: e["code"] for e in entries}

    def find(code: str) -> str:
        while parent[code] != code:
            parent[code] = code = parent[parent[code]]
        return code

    groups: dict[str, list[str]] = {}
    for entry in entries:
        if entry.get("group"):
            groups.setdefault(entry["group"], []).append(entry["code"])
    joined = [(codes[0], b) for name, codes in groups.items() if name not in rules.apart for b in codes[1:]]
    for a, b in [*joined, *rules.required]:
        first, second = sorted((find(a), find(b)))
        parent[second] = first
    by_root: dict[str, _Unit] = {}
    for entry in sorted(entries, key=lambda e: str(e["code"])):
        by_root.setdefault(find(entry["code"]), _Unit([])).members.append(entry)
    units = list(by_root.values())
    place = {e["code"]: i for i, unit in enumerate(units) for e in unit.members}
    pairs = [(a, b) for name in sorted(rules.apart) for a in groups[name] for b in groups[name] if a < b]
    for a, b in [*pairs, *rules.forbidden]:
        if place[a] == place[b]:
            raise InfeasibleRules(f"{a} and {b} must be together by one rule and apart by another")
        units[place[a]].enemies.add(place[b])
        units[place[b]].enemies.add(place[a])
    for name in sorted(rules.apart):
        if len(groups[name]) > rules.classes:
            raise InfeasibleRules(
                f"{len(groups[name])} pupils of group {name} must be apart but there are {rules.classes} classes"
            )
    return units


class _Placement:
    """Which class (0 … K-1, or -1 for none yet) each unit is in, with the counts that follow from it."""

    def __init__(self, units: list[_Unit], rules: _Rules, room: list[int]) -> None:
        self.units, self.rules, self.left = units, rules, list(room)
        self.where = [-1] * len(units)
        self.size = [0] * len(room)
        self.kind: list[_Kind] = [
            tuple(sorted(tuple(e[name] for name in rules.balance) for e in u.members)) for u in units
        ]
        # levels[i][a]: how many members of unit i have each level of attribute a
        self.levels = [[Counter(int(e[name]) for e in u.members) for name in rules.balance] for u in units]
        seen = [sorted({level for row in self.levels for level in row[a]}) for a in range(len(rules.balance))]
        self.counts = [{level: [0] * len(room) for level in levels} for levels in seen]

    def move(self, i: int, c: int) -> None:
        """Puts unit i into class c, or takes it out (c = -1)."""
        for target, sign in ((self.where[i], -1), (c, 1)):
            if target >= 0:
                self.size[target] += sign * len(self.units[i].members)
                self.left[target] -= sign * len(self.units[i].members)
                for a, levels in enumerate(self.levels[i]):
                    for level, n in levels.items():
                        self.counts[a][level][target] += sign * n
        self.where[i] = c

    def clash(self, i: int, c: int) -> bool:
        return any(self.where[other] == c for other in self.units[i].enemies)

    def options(self, i: int) -> list[int]:
        """Classes with room for unit i and without its enemies."""
        blocked = {self.where[other] for other in self.units[i].enemies}
        need = len(self.units[i].members)
        return [c for c, left in enumerate(self.left) if left >= need and c not in blocked]

    def crowding(self, i: int, c: int) -> tuple[int, ...]:
        """How many pupils like those of unit i class c has already, attribute by attribute."""
        return tuple(
            sum(n * self.counts[a][level][c] for level, n in levels.items()) for a, levels in enumerate(self.levels[i])
        )

    def exchangeable(self, i: int, j: int) -> bool:
        return not self.clash(i, self.where[j]) and not self.clash(j, self.where[i])

    def exchange(self, i: int, j: int) -> None:
        there, here = self.where[j], self.where[i]
        self.move(i, there)
        self.move(j, here)


def assign_classes(entries: Sequence[Entry], rules: Mapping[str, Any], stream: Stream) -> dict[str, int]:
    """Class number (1 … K) by code.

    `entries` carry `code`, perhaps `group`, and small-integer attributes. `rules`: `classes` K; optional `cap`,
    `balance` (attributes, most important first), `mean` (an attribute whose class means are evened out), `together`
    and `apart` (groups; one in neither stays together), `required` and `forbidden` (pairs of codes).
    Hard: sizes within 1 and under the cap, groups, pairs. Raises InfeasibleRules, also for rules that name unknown
    pupils, groups or attributes.
    """
    wanted = _Rules.read(rules, entries)
    count, k = len(entries), wanted.classes
    if k > count:
        raise InfeasibleRules(f"{count} pupils can't fill {k} classes")
    places = -(-count // k)
    if places > wanted.cap:
        raise InfeasibleRules(f"{count} pupils in {k} classes need {places} places a class; the cap is {wanted.cap}")
    units = _units(entries, wanted)
    placement = _Placement(units, wanted, [count // k + (1 if c < count % k else 0) for c in range(k)])
    order = list(range(len(units)))
    stream.shuffle(order)
    turn = list(range(k))
    stream.shuffle(turn)
    rank = {c: n for n, c in enumerate(turn)}
    bound = [i for i in order if len(units[i].members) > 1 or units[i].enemies]
    _check_sizes(units, placement)
    _search(
        placement,
        bound,
        lambda i, c: (*placement.crowding(i, c), placement.size[c], rank[c]),
    )
    _deal(placement, [i for i in order if placement.where[i] < 0], stream)
    _level_out(placement, order)
    if wanted.mean:
        _even_out(placement, order, wanted.mean)
    labels = list(range(1, k + 1))
    stream.shuffle(labels)
    return {e["code"]: labels[placement.where[i]] for i, unit in enumerate(units) for e in unit.members}


def _check_sizes(units: list[_Unit], placement: _Placement) -> None:
    """Refuses what no search could place, with the exact count."""
    for size in sorted({len(u.members) for u in units if len(u.members) > 1}):
        large = sum(len(u.members) >= size for u in units)
        fit = sum(left // size for left in placement.left)
        if large > fit:
            raise InfeasibleRules(
                f"{large} groups or pairs of at least {size} must be together, but classes whose sizes differ by at "
                f"most 1 hold {fit}"
            )


def _search(placement: _Placement, todo: Sequence[int], preference: Callable[[int, int], tuple[int, ...]]) -> None:
    """Places the units of `todo` by depth-first search, the unit with the fewest options next.

    Options are tried by `preference`, lowest first. Of the empty classes with equal room only the first is tried,
    since they are alike. Raises InfeasibleRules where all is tried in vain, or after MAX_TRIES.
    """
    order = {i: n for n, i in enumerate(todo)}
    open_, path, tries = set(todo), list[tuple[int, list[int]]](), 0
    hardest = todo[0] if todo else -1

    def urgency(i: int) -> tuple[int, int, int, int]:
        unit = placement.units[i]
        return len(placement.options(i)), -len(unit.members), -len(unit.enemies), order[i]

    def descend() -> None:
        nonlocal hardest
        i = min(open_, key=urgency)
        found, alike = list[int](), set[int]()
        for c in sorted(placement.options(i), key=lambda c: preference(i, c)):
            if placement.size[c] == 0:
                if placement.left[c] in alike:
                    continue
                alike.add(placement.left[c])
            found.append(c)
        if not found:
            hardest = i
        open_.discard(i)
        path.append((i, found[::-1]))

    if todo:
        descend()
    while path:
        i, found = path[-1]
        placement.move(i, -1)  # a unit met again stands at a dead end
        if not found:
            open_.add(i)
            path.pop()
            continue
        if (tries := tries + 1) > MAX_TRIES:
            raise InfeasibleRules(
                f"no placement of the groups and pairs was found in {MAX_TRIES} tries; "
                f"{placement.units[hardest].name} is hardest to place"
            )
        placement.move(i, found.pop())
        if not open_:
            return
        descend()
    if todo:
        raise InfeasibleRules(
            f"{placement.units[hardest].name} can be in no class: each is full or holds a pupil to be kept apart, "
            "however the groups and pairs of the rules are placed"
        )


def _deal(placement: _Placement, singles: list[int], stream: Stream) -> None:
    """Deals pupils sorted by attributes and age in turns of all classes, each turn in an order of its own."""
    rules = placement.rules
    names = [*rules.balance, *([rules.mean] if rules.mean else [])]
    turn: list[int] = []
    for i in sorted(singles, key=lambda i: tuple(placement.units[i].members[0][name] for name in names)):
        pick = next((c for c in turn if placement.left[c] > 0), None)
        if pick is None:
            turn = list(range(len(placement.left)))
            stream.shuffle(turn)
            pick = next(c for c in turn if placement.left[c] > 0)
        turn.remove(pick)
        placement.move(i, pick)


def _level_out(placement: _Placement, order: list[int]) -> None:
    """Exchanges units of equal size, attribute by attribute, while some level's counts differ by 2 or more.

    An exchange must lessen, in the order of the attributes, the sum of squared counts: a later attribute never
    worsens an earlier one, and the loop ends.
    """
    for a in range(len(placement.counts)):
        while _level_step(placement, order, a):
            pass


def _level_step(placement: _Placement, order: list[int], a: int) -> bool:
    kinds: list[dict[_Kind, list[int]]] = [{} for _ in placement.left]  # units in drawn order
    for i in order:
        kinds[placement.where[i]].setdefault(placement.kind[i], []).append(i)
    for level in sorted(placement.counts[a]):
        row = placement.counts[a][level]
        classes = range(len(row))
        for high in sorted(classes, key=lambda c: (-row[c], c)):
            for low in sorted(classes, key=lambda c: (row[c], c)):
                if row[high] - row[low] < 2:
                    break
                if pair := _best_pair(placement, kinds[high], kinds[low], high, low, a, level):
                    placement.exchange(*pair)
                    return True
    return False


def _best_pair(
    placement: _Placement,
    mine: Mapping[_Kind, list[int]],
    theirs: Mapping[_Kind, list[int]],
    high: int,
    low: int,
    a: int,
    level: int,
) -> tuple[int, int] | None:
    """The exchange between two classes that lessens the squares of attributes 0 … a most; None where none does."""
    nothing = (0,) * (a + 1)
    ranked: list[tuple[tuple[int, ...], _Kind, _Kind]] = []
    for p, i in ((p, units[0]) for p, units in mine.items()):
        for q, j in ((q, units[0]) for q, units in theirs.items()):
            given, taken = placement.levels[i], placement.levels[j]
            if len(p) != len(q) or given[a][level] <= taken[a][level]:
                continue
            change = tuple(
                sum(
                    (net := taken[b][lv] - given[b][lv])
                    * (placement.counts[b][lv][high] - placement.counts[b][lv][low] + net)
                    for lv in given[b].keys() | taken[b].keys()
                )
                for b in range(a + 1)
            )
            if change < nothing:
                ranked.append((change, p, q))
    for _, p, q in sorted(ranked):
        for i in mine[p]:
            for j in theirs[q]:
                if placement.exchangeable(i, j):
                    return i, j
    return None


def _even_out(placement: _Placement, order: list[int], mean: str) -> None:
    """Exchanges units of a kind between two classes while that brings both nearer to the mean of all.

    off(c) = sum(c)·n - total·size(c), in units of 1/n. The pair of classes furthest apart that has a helpful exchange
    makes its best one (least sum of squared off), at most 40 K times.
    """
    k = len(placement.left)
    value = [sum(int(e[mean]) for e in u.members) for u in placement.units]
    count, total = sum(placement.size), sum(value)
    sums = [0] * k
    for i, c in enumerate(placement.where):
        sums[c] += value[i]
    for _ in range(40 * k):
        off = [sums[c] * count - total * placement.size[c] for c in range(k)]
        inside: list[dict[_Kind, dict[int, list[int]]]] = [{} for _ in range(k)]  # units in drawn order
        for i in order:
            of_kind = inside[placement.where[i]].setdefault(placement.kind[i], {})
            of_kind.setdefault(value[i], []).append(i)
        pairs = sorted(
            ((high, low) for high in range(k) for low in range(k) if off[high] > off[low]),
            key=lambda p: (off[p[1]] - off[p[0]], p),
        )
        for high, low in pairs:
            gap = off[high] - off[low]
            steps = sorted(
                (abs(gap - 2 * (x - y) * count), kind, x, y)
                for kind in inside[high].keys() & inside[low].keys()
                for x in inside[high][kind]
                for y in inside[low][kind]
                if 0 < (x - y) * count < gap
            )
            found = next(
                (
                    (i, j)
                    for _, kind, x, y in steps
                    for i in inside[high][kind][x]
                    for j in inside[low][kind][y]
                    if placement.exchangeable(i, j)
                ),
                None,
            )
            if found:
                i, j = found
                placement.exchange(i, j)
                sums[high] += value[j] - value[i]
                sums[low] += value[i] - value[j]
                break
        else:
            return


def place_late(
    placed: Mapping[str, int], entries: Sequence[Entry], late: Sequence[Entry], rules: Mapping[str, Any], stream: Stream
) -> dict[str, int]:
    """Classes (1 … K) of the late arrivals by code; `placed` holds those of `entries`, none of whom is moved.

    Groups, pairs and the cap bind late arrivals as they bind the others. Each goes to the smallest class, then to the
    one with fewest pupils of its levels, ties by lot. Raises InfeasibleRules.
    """
    everyone = [*entries, *late]
    wanted = _Rules.read(rules, everyone)
    k = wanted.classes
    for entry in entries:
        if placed.get(entry["code"]) not in range(1, k + 1):
            raise InfeasibleRules(f"{entry['code']} must be placed in a class from 1 to {k} before late arrivals are")
    units = _units(everyone, wanted)
    placement = _Placement(units, wanted, [wanted.cap] * k)
    arriving = {e["code"] for e in late}
    joining: list[int] = []
    for i, unit in enumerate(units):
        classes = {placed[e["code"]] - 1 for e in unit.members if e["code"] not in arriving}
        if len(classes) > 1:
            raise InfeasibleRules(f"{unit.name} must be together but are already in different classes")
        if classes and any(e["code"] in arriving for e in unit.members):
            joining.append(i)
        if classes:
            placement.move(i, classes.pop())
    for i in joining:
        c = placement.where[i]
        if placement.left[c] < 0:
            raise InfeasibleRules(f"{units[i].name} must be together but class {c + 1} has {wanted.cap} pupils already")
        if placement.clash(i, c):
            raise InfeasibleRules(f"{units[i].name} must be together but class {c + 1} holds one to be kept apart")
    todo = [i for i, c in enumerate(placement.where) if c < 0]
    stream.shuffle(todo)
    if sum(len(units[i].members) for i in todo) > sum(max(0, left) for left in placement.left):
        raise InfeasibleRules(f"{len(late)} late arrivals don't fit: the cap is {wanted.cap} pupils a class")
    lots: dict[int, dict[int, int]] = {}
    for i in todo:
        turn = list(range(k))
        stream.shuffle(turn)
        lots[i] = {c: n for n, c in enumerate(turn)}
    _search(placement, todo, lambda i, c: (placement.size[c], *placement.crowding(i, c), lots[i][c]))
    return {e["code"]: placement.where[i] + 1 for i, u in enumerate(units) for e in u.members if e["code"] in arriving}


def balance_report(entries: Sequence[Entry], assignment: Mapping[str, int], rules: Mapping[str, Any]) -> dict[str, Any]:
    """What a witness reads: sizes, counts of each level by class, their spreads, sums of the mean attribute.

    `spread` is the largest less the smallest count; `feasible` is the least spread that the totals allow.
    """
    wanted = _Rules.read(rules, entries)
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
    if len(set(teams)) < len(teams):
        raise InfeasibleRules("a teacher team is listed twice")
    if len(teams) != classes:
        raise InfeasibleRules(f"{len(teams)} teacher teams can't lead {classes} classes")
    order, numbers = sorted(teams), list(range(1, classes + 1))
    stream.shuffle(order)
    stream.shuffle(numbers)
    return dict(zip(order, numbers, strict=True))
