"""Class assignment (阳光分班): balanced first, random among what is balanced. docs/class-assignment.md says how, exactly.

Pupils whom hard rules bind are placed by a search that goes back from dead ends; the others are dealt at random;
exchanges between two classes then even out each criterion, most important first, and the ages last. The classes'
numbers are drawn, so that no pupil is likelier than another to land in a class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruxue.algorithms import balance_search as search
from ruxue.algorithms.balance_rules import Contradiction, Entry, InfeasibleRules, Rules, Units
from ruxue.algorithms.contradiction import explain, settle
from ruxue.algorithms.draw import Stream

Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
ATTEMPTS = 50  # searches for the bound units' places, each from a new random start
SCALE = 13  # the power of 2 that a moment's standard deviation is scaled to
MOST_DEALS, DEALING = 5, 4_000_000  # deals, and a bound on deals × pupils²
MOST_PASSES, MENDING = 400, 40_000_000  # passes of mending, and a bound on passes × pupils²
EXACT = 1 << 53  # JavaScript's numbers are exact below

__all__ = ["InfeasibleRules", "assign_classes", "balance_report", "draw_teachers", "place_late"]


def assign_classes(
    entries: Sequence[Entry], rules: Mapping[str, Any], stream: Stream, progress: Progress | None = None
) -> dict[str, int]:
    """Class number (1 … K) by code.

    `entries` carry `code`, perhaps `group`, and integer attributes; `rules` are those of docs/class-assignment.md:
    `classes`, and perhaps `cap`, `balance`, `mean`, `together`, `apart`, `required`, `forbidden`, `names_apart`,
    `limit`, `fixed`. Hard: sizes within 1 and under the cap, and all but `balance` and `mean`. `progress` is told
    (round, pairs of classes that changed) after each round. Raises InfeasibleRules, which names the least set of rules
    that contradict each other, or what the rules name that the list lacks.
    """
    wanted = Rules.read(rules, entries)
    return _assign(wanted, stream, progress)


def place_late(
    placed: Mapping[str, int], entries: Sequence[Entry], late: Sequence[Entry], rules: Mapping[str, Any], stream: Stream
) -> dict[str, int]:
    """Classes (1 … K) of the late arrivals by code; `placed` holds those of `entries`, none of whom is moved.

    Hard rules bind late arrivals as they bind the others, and a class takes as many as the cap. Sizes are evened out
    first, then the criteria. Raises InfeasibleRules.
    """
    wanted = Rules.read({**rules, "placed": {e["code"]: placed.get(e["code"]) for e in entries}}, [*entries, *late])
    assigned = _assign(wanted, stream, None)
    return {e["code"]: assigned[e["code"]] for e in late}


def _assign(wanted: Rules, stream: Stream, progress: Progress | None) -> dict[str, int]:
    numbers = list(range(1, wanted.classes + 1))
    stream.shuffle(numbers)
    try:
        units = Units.form(wanted, wanted.hard)
        board = search.new_board(units, wanted.classes, [c.level for c in wanted.criteria], _moments(wanted, units))
        settle(board, units, {number: c for c, number in enumerate(numbers)}, wanted)
    except Contradiction:
        raise explain(wanted) from None
    bare, n = _copy(board), len(wanted.codes)
    rounds = _Rounds(board, progress)
    best: tuple[list[int], Ints] | None = None
    for _ in range(min(MOST_DEALS, max(1, DEALING // (n * n))) if wanted.placed is None else 1):
        _restore(board, bare)
        order = list(range(len(units.members)))
        stream.shuffle(order)
        if not _place_bound(board, [u for u in order if units.bound[u]], wanted, stream):
            break
        _deal(board, units, order)
        rounds.run()
        if wanted.placed is None:
            _mend(board, wanted, rounds)
        merit = [*_squares(board), int(np.abs(board.off).sum())]
        if best is None or merit < best[0]:
            best = merit, board.where.copy()
    if best is None:
        raise explain(wanted)
    return {wanted.codes[i]: numbers[best[1][u]] for u, unit in enumerate(units.members) for i in unit}


def _moments(wanted: Rules, units: Units) -> list[list[int]]:
    """For each ordered attribute its values and their squared distances from the mean, scaled and centred.

    A moment's standard deviation is made about 2^13, half of that for each attribute further down the order, so that
    the changes of all of them can be added; less where the sums would not stay below 2^53.
    """
    n, k, count = len(wanted.codes), wanted.classes, len(wanted.ordered)
    class_size = -(-n // k) if wanted.placed is None else min(n, wanted.places)
    unit_size = max(len(unit) for unit in units.members)
    for power in range(SCALE, -1, -1):
        moments = []
        for position, (_, values) in enumerate(wanted.ordered):
            least = min(values)
            x = [v - least for v in values]
            middle = (2 * sum(x) + n) // (2 * n)
            for moment in (x, [(v - middle) ** 2 for v in x]):
                total = sum(moment)
                spread = n * sum(v * v for v in moment) - total * total  # n² times the variance
                if spread > 0:
                    scale = max(1, isqrt(((1 << power) >> position) ** 2 * n * n // spread))
                    moments.append([scale * v - scale * total // n for v in moment])
        largest = max((max(map(abs, m)) for m in moments), default=0)
        if 64 * count * unit_size * class_size * largest**2 < EXACT:
            return moments
    names = ", ".join(name for name, _ in wanted.ordered)
    raise InfeasibleRules(
        f"the values of {names} are too far apart to be evened out exactly; use a coarser unit",
        f"{names} 的数值相差太大，无法精确均衡；请换用较大的单位",
    )


def _place_bound(board: search.Board, todo: list[int], wanted: Rules, stream: Stream) -> bool:
    """Finds classes for the units that hard rules bind; False where none were found."""
    bare = _copy(board)
    for attempt in range(ATTEMPTS):
        if attempt:
            stream.shuffle(todo)
        start = [stream.below(wanted.classes) for _ in todo]
        found = search.place(
            board,
            np.array(todo, np.int64),
            np.array(start, np.int64),
            wanted.places,
            wanted.larger,
            attempt % 2 == 1 or wanted.placed is not None,
            200 + 10 * len(todo),
        )
        if found != search.GAVE_UP:
            return found == search.FOUND
        _restore(board, bare)
    return False


def _deal(board: search.Board, units: Units, order: list[int]) -> None:
    """Puts each pupil who is left into the smallest class, in drawn order, and lists who may be exchanged."""
    for u in order:
        if board.where[u] < 0:
            search.put(board, u, int(np.argmin(board.pupils)), 1)
    for u in order:
        if not units.number[u]:
            c = board.where[u]
            board.lists[c, board.length[c]] = u
            board.length[c] += 1


def _mend(board: search.Board, wanted: Rules, rounds: _Rounds) -> None:
    """Makes criteria level that the rounds left uneven, if that can be found, by letting what is uneven weigh more."""
    passes = min(MOST_PASSES, max(3, MENDING // len(wanted.codes) ** 2))
    given_up: set[int] = set()
    for a in range(len(wanted.criteria)):
        if _level(board, a):
            continue
        sought = [c for c in range(a + 1) if c not in given_up]
        saved, before = _copy(board), _squares(board)
        worth = np.ones(board.counts.shape[1:], np.int64)
        while passes and not all(_level(board, c) for c in sought):
            passes -= 1
            if not search.mend(board, a + 1, worth):
                uneven = board.counts.max(axis=0) - board.counts.min(axis=0) > 1
                for c in sought:
                    worth[c] += uneven[c]
        rounds.run()
        if _squares(board) >= before:
            _restore(board, saved)
        if not _level(board, a):
            given_up.add(a)


def _copy(board: search.Board) -> list[Ints]:
    return [part.copy() for part in board]


def _restore(board: search.Board, saved: list[Ints]) -> None:
    for part, then in zip(board, saved, strict=True):
        part[...] = then


class _Rounds:
    """Rounds of exchanges; pairs of classes that stand still are not searched again."""

    def __init__(self, board: search.Board, progress: Progress | None) -> None:
        self.board, self.progress, self.count = board, progress, 0

    def run(self) -> None:
        k = self.board.pupils.size
        changed, checked, clock = np.zeros(k, np.int64), np.zeros((k, k), np.int64), np.zeros(1, np.int64)
        while made := search.run_round(self.board, changed, checked, clock):
            self.count += 1
            if self.progress:
                self.progress(self.count, made)


def _level(board: search.Board, criterion: int) -> bool:
    """Whether each of the criterion's counts is within 1 between any two classes."""
    counts = board.counts[:, criterion]
    return bool((counts.max(axis=0) - counts.min(axis=0) <= 1).all())


def _squares(board: search.Board) -> list[int]:
    """By criterion, the sum of squared counts."""
    return [int(v) for v in (board.counts**2).sum(axis=(0, 2))]


def balance_report(entries: Sequence[Entry], assignment: Mapping[str, int], rules: Mapping[str, Any]) -> dict[str, Any]:
    """What a witness reads, by class: sizes, counts of each level, sums of each ordered attribute; all integers.

    `spread` is the largest less the smallest count, `feasible` the least spread that the total allows. Means and
    standard deviations are in hundredths, rounded down.
    """
    wanted = Rules.read(rules, entries)
    k = wanted.classes
    columns = [assignment[code] - 1 for code in wanted.codes]
    sizes = [0] * k
    for c in columns:
        sizes[c] += 1
    report: dict[str, Any] = {"sizes": sizes, "size_spread": max(sizes) - min(sizes), "attributes": {}, "ordered": {}}
    for criterion in wanted.criteria:
        counts = [[0] * k for _ in criterion.labels]
        for c, level in zip(columns, criterion.level, strict=True):
            counts[level][c] += 1
        report["attributes"][criterion.name] = {
            label: {"counts": row, "spread": max(row) - min(row), "feasible": 1 if sum(row) % k else 0}
            for label, row in zip(criterion.labels, counts, strict=True)
        }
    for name, values in wanted.ordered:
        least = min(values)
        sums, squares = [0] * k, [0] * k
        for c, value in zip(columns, values, strict=True):
            sums[c] += value - least
            squares[c] += (value - least) ** 2
        means = [100 * s // max(1, m) for s, m in zip(sums, sizes, strict=True)]
        deviations = [
            isqrt(10_000 * (m * q - s * s)) // max(1, m) for m, s, q in zip(sizes, sums, squares, strict=True)
        ]
        report["ordered"][name] = {
            "sums": [s + least * m for s, m in zip(sums, sizes, strict=True)],
            "mean_spread_hundredths": max(means) - min(means),
            "deviation_spread_hundredths": max(deviations) - min(deviations),
        }
    return report


def draw_teachers(teams: Sequence[str], classes: int, stream: Stream) -> dict[str, int]:
    """Class by team: the teams' order is drawn, then each team's class. Raises InfeasibleRules where counts differ."""
    if len(set(teams)) < len(teams):
        raise InfeasibleRules("a teacher team is listed twice", "有教师团队重复")
    if len(teams) != classes:
        raise InfeasibleRules(
            f"{len(teams)} teacher teams can't lead {classes} classes",
            f"{len(teams)} 个教师团队与 {classes} 个班不相等",
        )
    order, numbers = sorted(teams), list(range(1, classes + 1))
    stream.shuffle(order)
    stream.shuffle(numbers)
    return dict(zip(order, numbers, strict=True))
