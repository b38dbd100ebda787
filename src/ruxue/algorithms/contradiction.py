"""Which hard rules of a class assignment contradict each other: a set of which none can be spared, in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from ruxue.algorithms import balance_search as search
from ruxue.algorithms.balance_rules import Contradiction, Hard, InfeasibleRules, Rules, Units, listed

TRIES = 5_000  # by depth-first search, before the solver is asked
NODES = 20_000  # of the solver's tree, before the question counts as open


def settle(board: search.Board, units: Units, column: dict[int, int], wanted: Rules) -> None:
    """Puts the units that have a class into it: first those that are there, then those that come. May contradict."""
    for arriving in (False, True):
        for u, number in enumerate(units.number):
            if number and units.arriving[u] is arriving:
                c = column[number]
                if arriving and not search.fits(board, u, c, wanted.places, wanted.larger):
                    raise Contradiction
                search.put(board, u, c, 1)


def feasible(wanted: Rules, hard: Sequence[Hard]) -> bool | None:
    """Whether some placement meets these hard rules, with the sizes kept; None where that can't be told."""
    try:
        units = Units.form(wanted, hard)
        board = search.new_board(units, wanted.classes, [], [])
        settle(board, units, {number: number - 1 for number in range(1, wanted.classes + 1)}, wanted)
    except Contradiction:
        return False
    if any(sum(column) > wanted.classes * most for column, most in zip(zip(*units.weight), units.most)):  # noqa: B905
        return False
    todo = np.array([u for u, bound in enumerate(units.bound) if bound], np.int64)
    start = np.zeros(todo.size, np.int64)
    found = search.place(board, todo, start, wanted.places, wanted.larger, False, TRIES)
    if found != search.GAVE_UP:
        return found == search.FOUND
    return _solve(wanted, units)


def _solve(wanted: Rules, units: Units) -> bool | None:
    """The same question as an integer program: x[u, c] units in classes, y[c] the larger classes. Solved by HiGHS."""
    k = wanted.classes
    there = [0] * k
    for u, number in enumerate(units.number):
        if number and not units.arriving[u]:
            there[number - 1] += len(units.members[u])
    todo = [
        u
        for u, unit in enumerate(units.members)
        if units.bound[u] or (units.number[u] and units.arriving[u]) or not unit
    ]
    row = {u: r for r, u in enumerate(todo)}
    columns = len(todo) * k + k
    cells: list[tuple[int, int, int]] = []
    low: list[float] = []
    high: list[float] = []

    def add(terms: list[tuple[int, int]], least: float, most: float) -> None:
        cells.extend((len(low), column, value) for column, value in terms)
        low.append(least)
        high.append(most)

    for r in range(len(todo)):
        add([(r * k + c, 1) for c in range(k)], 1, 1)
    cliques = _cliques(todo, units)
    for c in range(k):
        sizes = [(row[u] * k + c, len(units.members[u])) for u in todo]
        add([*sizes, (len(todo) * k + c, -1)], -np.inf, max(0, wanted.places - there[c]))
        for l, most in enumerate(units.most):
            loaded = sum(
                units.weight[u][l] for u, number in enumerate(units.number) if number == c + 1 and not units.arriving[u]
            )
            add([(row[u] * k + c, units.weight[u][l]) for u in todo], -np.inf, max(0, most - loaded))
        for clique in cliques:
            add([(row[u] * k + c, 1) for u in clique], -np.inf, 1)
    add([(len(todo) * k + c, 1) for c in range(k)], -np.inf, wanted.larger)
    upper = np.ones(columns)
    for u in todo:
        for c in range(k):
            taken = any(units.number[e] == c + 1 and not units.arriving[e] for e in units.enemies[u])
            if taken or units.number[u] not in (0, c + 1):
                upper[row[u] * k + c] = 0
    rows, cols, values = zip(*cells, strict=True)
    matrix = csr_matrix((values, (rows, cols)), (len(low), columns))
    solved = milp(
        np.zeros(columns),
        integrality=np.ones(columns),
        bounds=Bounds(0, upper),
        constraints=LinearConstraint(matrix, low, high),
        options={"node_limit": NODES},
    )
    return {0: True, 2: False}.get(solved.status)


def _cliques(todo: list[int], units: Units) -> list[list[int]]:
    """Sets of units that are all enemies of each other, which cover every pair of enemies; greedily large."""
    known = set(todo)
    open_ = {(u, e) for u in todo for e in units.enemies[u] if e in known and u < e}
    found = []
    for u, e in sorted(open_):
        if (u, e) not in open_:
            continue
        clique = [u, e]
        for other in sorted(units.enemies[u] & units.enemies[e] & known):
            if all(other in units.enemies[member] for member in clique):
                clique.append(other)
        open_.difference_update(combinations(sorted(clique), 2))
        found.append(clique)
    return found


def explain(wanted: Rules) -> InfeasibleRules:
    """The contradiction among the hard rules, of which none can be spared, as an error that says it in words."""
    if feasible(wanted, wanted.hard) is not False:
        return InfeasibleRules(
            "no placement was found; the rules may still allow one. Loosen a rule, or draw again",
            "没有找到符合全部规则的分法，但不能断定没有。请放宽一条规则，或重新抽签",
        )
    return _worded(wanted, conflict(wanted))


def conflict(wanted: Rules) -> list[Hard]:
    """An irreducible set: together these rules can't be kept, without any one of them they can (Junker 2004)."""
    for rule in wanted.hard:
        if feasible(wanted, [rule]) is False:
            return [rule]

    def least(background: list[Hard], added: bool, rules: list[Hard]) -> list[Hard]:
        if added and feasible(wanted, background) is False:
            return []
        if len(rules) == 1:
            return rules
        half = len(rules) // 2
        second = least([*background, *rules[:half]], True, rules[half:])
        first = least([*background, *second], bool(second), rules[:half])
        return [*first, *second]

    return least([], False, wanted.hard)


def _worded(wanted: Rules, rules: list[Hard]) -> InfeasibleRules:
    k, codes = wanted.classes, wanted.codes
    en_sizes, zh_sizes = _sizes(wanted)
    apart = [rule for rule in rules if rule.kind in ("apart", "forbidden", "namesakes")]
    if len(apart) == len(rules) and not wanted.placed:
        pupils = sorted({p for rule in apart for p in rule.pupils})
        pairs = {pair for rule in apart for pair in combinations(rule.pupils, 2)}
        if len(pupils) > k and len(pairs) == len(pupils) * (len(pupils) - 1) // 2:
            en, zh = listed(pupils, codes)
            whose_en = f" of group {rules[0].name}" if rules[0].kind == "apart" and len(rules) == 1 else ""
            whose_zh = f"{rules[0].name} 组的 " if whose_en else ""
            alike_en = " of one name" if rules[0].kind == "namesakes" and len(rules) == 1 else ""
            alike_zh = "同名的 " if alike_en else ""
            return InfeasibleRules(
                f"{len(pupils)} pupils{whose_en}{alike_en} must be apart but there are {k} classes ({en})",
                f"{whose_zh}{alike_zh}{len(pupils)} 名学生须分在不同的班，但只有 {k} 个班（{zh.strip()}）",
            )
    said = [rule.say(codes) for rule in rules]
    if len(said) == 1:
        return InfeasibleRules(f"{said[0][0]}, which can't be: {en_sizes}", f"{said[0][1]}，但做不到：{zh_sizes}")
    return InfeasibleRules(
        f"these {len(said)} rules contradict each other, though any one fewer could be kept ({en_sizes}): "
        + "; ".join(f"({i}) {en}" for i, (en, _) in enumerate(said, 1)),
        f"以下 {len(said)} 条规则互相矛盾，去掉任何一条即可（{zh_sizes}）："
        + "；".join(f"（{i}）{zh}" for i, (_, zh) in enumerate(said, 1)),
    )


def _sizes(wanted: Rules) -> tuple[str, str]:
    k, n = wanted.classes, len(wanted.codes)
    if wanted.placed is not None:
        if wanted.cap is None:
            return f"{k} classes, nobody of whom is moved", f"共 {k} 个班，已编入的学生不动"
        return (
            f"{k} classes of at most {wanted.cap}, nobody of whom is moved",
            f"共 {k} 个班，每班至多 {wanted.cap} 人，已编入的学生不动",
        )
    span = f"{n // k}" if n % k == 0 else f"{n // k} or {n // k + 1}"
    span_zh = f"{n // k}" if n % k == 0 else f"{n // k} 或 {n // k + 1}"
    return f"{k} classes of {span} pupils", f"共 {k} 个班，每班 {span_zh} 人"
