"""Decides a family's category and points from facts: an unknown fact asks, it never refuses.

What speaks for a family counts as far as it is proven; what speaks against it (a veto, a deduction, a place at the
end of a category) counts only once it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from ruxue.policy.facts import UNKNOWN, VOCABULARY, Fact, FactSheet, Truth
from ruxue.policy.language import COORDINATE, Amount, Condition, Item, Order, Policy, Quantity, SeatLockRule, Text
from ruxue.policy.records import ENDLESS, GROUPS, SeatLock, Span, common, counted, length, merged

Test = Callable[[FactSheet], Truth]
Range = tuple[int, int]
"""Least and greatest number that the facts leave possible; equal where they settle it."""
Measure = Callable[[FactSheet], Range]
_TRUE, _UNKNOWN, _FALSE = Truth.TRUE, Truth.UNKNOWN, Truth.FALSE
_NOTHING: Range = (0, 0)
_OPPOSITE = (_TRUE, _UNKNOWN, _FALSE)


@dataclass(frozen=True)
class Verdict:
    """What the rule says of one family.

    `state`: "decided"; "needs_facts" (a better category, more points or eligibility hang on `needed`); "ineligible".
    `category`: the decided category, or the best that is proven so far; "" where the child is ineligible.
    `truths`: each category's truth; `bases`: the truth of each of its grounds, in the rule's order.
    `needed`: names of the unknown facts that stand before something better, in the rule's order. In a decided verdict
    they were not proven in time.
    `order_keys`: the tie-breakers in the rule's order, smaller is better; None (unknown) sorts last. Where the rule
    puts families at the end of their category, the first key is 1 for these and 0 for others.
    `points`: proven and possible points in thousandths for every category that is not out of reach.
    `vetoed`: indexes of the policy's vetoes that are shown.
    `buffers`: codes of schools whose buffer seats the family may get, with the truth of its right.
    """

    state: Literal["decided", "needs_facts", "ineligible"]
    category: str
    truths: dict[str, Truth]
    needed: tuple[str, ...]
    order_keys: tuple[int | None, ...]
    bases: dict[str, tuple[Truth, ...]] = field(default_factory=dict)
    points: dict[str, Range] = field(default_factory=dict)
    vetoed: tuple[int, ...] = ()
    buffers: dict[str, Truth] = field(default_factory=dict)

    @property
    def proven(self) -> str:
        """The category that is sure, whatever the open facts turn out to be; "" if ineligible."""
        return self.category

    @property
    def total(self) -> int | None:
        """Proven points in thousandths in the verdict's category; None where the rule gives none."""
        found = self.points.get(self.category)
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Node:
    """A condition with its closure, so that explaining looks at the very tests that decided.

    `names`: a leaf's facts; `amount`: what an `amount` counts. `use` is resolved: the node of what it stands for takes
    its place.
    """

    condition: Condition
    test: Test
    parts: tuple[Node, ...]
    names: tuple[str, ...] = ()
    amount: Measure | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """An item of points with its closures; `value` gives proven and possible points in thousandths, `names` are the
    facts that its quantity counts."""

    item: Item
    value: Measure
    parts: tuple[Part, ...]
    when: Node | None
    times: Node | None
    amount: Measure | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """A ground of a category; `must`: what must all be met, one by one. Where it comes from a fallback, `origin` is the
    category whose proof is missing."""

    title: Text
    node: Node
    must: tuple[Node, ...]
    origin: str = ""


Key = Callable[[FactSheet], int | None]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy as closures: eligibility, each category's code with its grounds, points, order.

    `base` and `most`: each category's base points and the most that its families can have, in thousandths.
    """

    policy: Policy
    eligible: Node
    categories: tuple[tuple[str, tuple[Node, ...]], ...]
    grounds: dict[str, tuple[Ground, ...]]
    vetoes: tuple[tuple[Node, frozenset[str]], ...]
    penalties: tuple[Node, ...]
    points: dict[str, Part | None]
    base: dict[str, int]
    most: dict[str, int]
    orders: dict[str, tuple[Key, ...]]
    scored: bool


class Sheet(dict[str, Fact]):
    """A family's facts, and what was counted from them: one rule often counts the same thing in many places.

    Not to be changed. Whoever decides and explains one family may make it once for both.
    """

    __slots__ = ("memo",)

    def __init__(self, facts: FactSheet) -> None:
        super().__init__(facts)
        self.memo: dict[Any, Any] = {}


def _remembered(inner: Measure) -> Measure:
    """Counts only once for a Sheet."""
    key = object()

    def measure(facts: FactSheet) -> Range:
        if type(facts) is not Sheet:
            return inner(facts)
        memo = facts.memo
        found = memo.get(key)
        if found is None:
            found = memo[key] = inner(facts)
        return found

    return measure


def _once(test: Test) -> Test:
    """Tests only once for a Sheet: what a rule defines it asks in many places."""
    key = object()

    def once(facts: FactSheet) -> Truth:
        if type(facts) is not Sheet:
            return test(facts)
        memo = facts.memo
        found: Truth | None = memo.get(key)
        if found is None:
            found = memo[key] = test(facts)
        return found

    return once


# ── quantities ────────────────────────────────────────────────────────────────────────────────────────────────


def _value(facts: FactSheet, name: str) -> Any:
    """A fact's value, None where it is unknown. A mistyped one would compare as false: that is an error."""
    fact = facts.get(name)
    if fact is None or fact.value is None:
        return None
    kind = VOCABULARY[name].kind
    if type(fact.value) is not kind:
        raise TypeError(f"{name} must be {kind.__name__}, not {type(fact.value).__name__}")
    return fact.value


def _spells(q: Quantity) -> Measure:
    assert q.of and q.until and q.unit and q.count
    names, kinds, unit, count, at = tuple(q.of), tuple(q.kinds or (None,)), q.unit, q.count, q.at
    start, end = (q.from_ or date.min).toordinal(), q.until.toordinal()
    every, back_paid = q.together == "all", q.back_paid != "excluded"
    most = length((start, end), unit) if q.from_ else ENDLESS
    if len(names) == len(kinds) == 1:
        only, sort = names[0], kinds[0]

        def single(facts: FactSheet) -> Range:
            value = _value(facts, only)
            if value is None:
                return 0, most
            least = counted(value.spans(start, end, sort, at, back_paid), count, unit, end) if value else 0
            return least, least

        return single

    def measure(facts: FactSheet) -> Range:
        low: list[list[Span]] = []
        high: list[list[Span]] = []
        settled = True
        for name in names:
            value = _value(facts, name)
            if value is None:
                settled = False
                low += [[]] * len(kinds)
                high += [[(start, end)]] * len(kinds)
            else:
                found = [value.spans(start, end, kind, at, back_paid) for kind in kinds]
                low += found
                high += found
        least = counted(_joined(low, every), count, unit, end)
        if settled:
            return least, least
        # Without a first day the unknown register could reach back for ever, unless another one bounds it.
        most_spans = _joined(high, every)
        free = any(span[0] == start for span in most_spans)
        return least, most if free else counted(most_spans, count, unit, end)

    return measure


def _joined(lists: list[list[Span]], every: bool) -> list[Span]:
    if len(lists) == 1:
        return lists[0]
    if not every:
        return merged(span for spans in lists for span in spans)
    out = lists[0]
    for spans in lists[1:]:
        out = common(out, spans)
    return out


def _since(q: Quantity) -> Measure:
    assert q.since and q.until and q.unit
    names = (q.since,) if isinstance(q.since, str) else tuple(q.since)
    end, unit = q.until.toordinal(), q.unit

    def measure(facts: FactSheet) -> Range:
        for name in names:
            value = _value(facts, name)
            if value is not None:
                first = value.toordinal()
                made = length((first, end), unit) if first <= end else 0
                return made, made
        return 0, ENDLESS

    return measure


def measured(q: Quantity) -> Measure:
    """Compiles a quantity: the closure gives its least and greatest number over a sheet. Equal ones share it."""
    return _measured(q.model_dump_json(by_alias=True, exclude_none=True, include=_QUANTITY))


_QUANTITY = set(Quantity.model_fields)


@lru_cache(maxsize=4096)
def _measured(text: str) -> Measure:
    return _remembered(_compiled_quantity(Quantity.model_validate_json(text)))


def _compiled_quantity(q: Quantity) -> Measure:
    inner: Measure
    if q.of:
        inner = _spells(q)
    elif q.since:
        inner = _since(q)
    elif q.fact:
        name = q.fact

        def inner(facts: FactSheet) -> Range:
            value = _value(facts, name)
            return (0, ENDLESS) if value is None else (value, value)
    elif q.share:
        group, known = _roles(q.share), stand_in(q)

        def inner(facts: FactSheet) -> Range:
            said = _value(facts, known) if known else None
            if said is not None:
                return said, said
            owners = _value(facts, "dwelling.owners")
            return (0, 10_000) if owners is None else owners.share(group, _value(facts, "family.kin"))
    else:
        measures, total = tuple(measured(part) for part in q.inner), bool(q.sum_of)

        def inner(facts: FactSheet) -> Range:
            found = [m(facts) for m in measures]
            lows, highs = [f[0] for f in found], [f[1] for f in found]
            return (sum(lows), sum(highs)) if total else (max(lows), max(highs))

    less, cap = q.less or 0, q.cap
    if not less and cap is None:
        return inner

    def limited(facts: FactSheet) -> Range:
        low, high = inner(facts)
        low, high = max(low - less, 0), max(high - less, 0)
        return (low, high) if cap is None else (min(low, cap), min(high, cap))

    return limited


# ── conditions ────────────────────────────────────────────────────────────────────────────────────────────────


def _leaf(condition: Condition) -> Test:
    name, test = condition.fact or "", condition.test
    kind = VOCABULARY[name].kind
    wanted: Any = getattr(condition, test)
    holds: dict[str, Callable[[Any], bool]] = {
        "in_": lambda value: value in wanted,
        "before": lambda value: bool(value < wanted),
        "on_or_before": lambda value: bool(value <= wanted),
        "on_or_after": lambda value: bool(value >= wanted),
        "at_least": lambda value: bool(value >= wanted),
        "at_most": lambda value: bool(value <= wanted),
    }
    fits = holds.get(test)

    def leaf(facts: FactSheet) -> Truth:
        fact = facts.get(name)
        if fact is None:
            return _UNKNOWN
        value = fact.value
        if value is None:
            return _UNKNOWN
        if type(value) is not kind:
            # A mistyped value would compare as false, and only evidence may make a condition false.
            raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")
        return _TRUE if fits(value) else _FALSE  # type: ignore[misc]

    def alike(facts: FactSheet) -> Truth:
        # Most conditions ask for one value: the same leaf without a call.
        fact = facts.get(name)
        if fact is None:
            return _UNKNOWN
        value = fact.value
        if value is None:
            return _UNKNOWN
        if type(value) is not kind:
            raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")
        return _TRUE if value == wanted else _FALSE

    return alike if test in ("is_", "equals") else leaf


def _bound(amount: Amount, measure: Measure) -> Test:
    bound = amount.bound
    wanted: int = getattr(amount, bound)
    # Each bound is one or two thresholds on whole numbers: at least `need`, or the opposite of at least `need`.
    need = {"at_least": wanted, "more_than": wanted + 1, "less_than": wanted, "at_most": wanted + 1}.get(bound, wanted)

    def at_least(facts: FactSheet) -> Truth:
        low, high = measure(facts)
        return _TRUE if low >= need else _FALSE if high < need else _UNKNOWN

    def below(facts: FactSheet) -> Truth:
        low, high = measure(facts)
        return _TRUE if high < need else _FALSE if low >= need else _UNKNOWN

    def exactly(facts: FactSheet) -> Truth:
        low, high = measure(facts)
        return _TRUE if low == high == wanted else _FALSE if not low <= wanted <= high else _UNKNOWN

    return {"at_least": at_least, "more_than": at_least, "equals": exactly}.get(bound, below)


def _truth(value: bool | None) -> Truth:
    return _UNKNOWN if value is None else _TRUE if value else _FALSE


def locked(rule: SeatLockRule, lock: SeatLock, season: int) -> bool | None:
    """Whether a lock binds a family that applies in `season`; None where a fact about the lock is unknown."""
    if lock.left and lock.left in (rule.released_by or ()):
        return False
    if rule.since is not None and lock.since < rule.since:
        return False
    if rule.years is not None:
        years = rule.years.get(lock.stage)
        if years is None:
            return False
        end = lock.since + years - (lock.grade - 1)
        if season > end or (season == end and not rule.last_year_blocks):
            return False
    exempt = rule.exempt or ()
    if "public_rental" in exempt and lock.home == "public_rental":
        return False
    unclear = False
    if rule.scope == "school":
        if lock.same_school is False:
            return False
        unclear = lock.same_school is None
    if "same_parents" in exempt:
        if lock.same_parents:
            return False
        unclear = unclear or lock.same_parents is None
    return None if unclear else True


def _roles(groups: list[str]) -> frozenset[str]:
    return frozenset().union(*(GROUPS[g][0] for g in groups))


def stand_in(form: Condition | Quantity, policy: Policy | None = None) -> str | None:
    """The plain fact that says the same as a form over a record, if there is one.

    A person can confirm it where no register answers; once it is known it stands for the record, and as long as
    neither is known it is the one to ask for.
    """
    if isinstance(form, Quantity):
        return "dwelling.family_share_bp" if form.share and _roles(form.share) == _FAMILY else None
    if form.amount:
        return stand_in(form.amount)
    if form.owners_within:
        return "dwelling.owners_within_kin" if _roles(form.owners_within) == _FAMILY | _ELDERS else None
    if form.same_address:
        same = set(form.same_address) == {"place.hukou", "place.dwelling"}
        return "dwelling.address_equals_hukou" if same else None
    if form.no_dwelling_in and policy and form.no_dwelling_in == policy.parameters.get("city_core"):
        return "family.no_dwelling_in_core"
    return None


STAND_INS = frozenset(
    {
        "dwelling.family_share_bp",
        "dwelling.owners_within_kin",
        "dwelling.address_equals_hukou",
        "family.no_dwelling_in_core",
    }
)
_FAMILY, _ELDERS = _roles(["child", "parents"]), _roles(["grandparents"])


def _form(condition: Condition, policy: Policy | None) -> Test:
    """The closure of a leaf that looks at a record, or at the fact that stands for it."""
    test, known = _record(condition, policy), stand_in(condition, policy)
    if known is None:
        return test

    def either(facts: FactSheet) -> Truth:
        said = _value(facts, known)
        return test(facts) if said is None else _TRUE if said else _FALSE

    return either


def _record(condition: Condition, policy: Policy | None) -> Test:
    if condition.owners_within:
        group = _roles(condition.owners_within)

        def owners(facts: FactSheet) -> Truth:
            found = _value(facts, "dwelling.owners")
            return _UNKNOWN if found is None else _truth(found.within(group, _value(facts, "family.kin")))

        return owners
    if condition.no_dwelling_in:
        regions = tuple(condition.no_dwelling_in)

        def none(facts: FactSheet) -> Truth:
            found = _value(facts, "family.dwellings")
            if found is None:
                return _UNKNOWN
            counts = [found.get(region) for region in regions]
            return _FALSE if any(counts) else _UNKNOWN if None in counts else _TRUE

        return none
    if condition.same_address:
        one, two = condition.same_address

        def same(facts: FactSheet) -> Truth:
            a, b = _value(facts, one), _value(facts, two)
            return _UNKNOWN if a is None or b is None else _truth(a.same(b))

        return same
    if policy is None:
        raise ValueError("within, seat and feeder stand in a policy")
    if condition.within:
        name, zone = condition.within.place, (policy.zones or {})[condition.within.zone]
        compounds = frozenset(zone.compounds or ())
        polygon = tuple((float(p[0]), float(p[1])) for p in zone.polygon or ())

        def within(facts: FactSheet) -> Truth:
            place = _value(facts, name)
            return _UNKNOWN if place is None else _truth(place.inside(compounds, polygon))

        return within
    if condition.seat:
        rule, season = policy.seat_lock, policy.season
        assert rule

        def seat(facts: FactSheet) -> Truth:
            locks = _value(facts, "dwelling.seat_locks")
            if locks is None:
                return _UNKNOWN
            bound = [locked(rule, lock, season) for lock in locks]
            return _FALSE if True in bound else _UNKNOWN if None in bound else _TRUE

        return seat
    return _promoted(policy)


def _promoted(policy: Policy) -> Test:
    primaries = {f.primary: f.opt_out for f in policy.feeders or ()}

    def promoted(facts: FactSheet) -> Truth:
        school = _value(facts, "child.primary_school")
        if school is None:
            return _UNKNOWN
        if school not in primaries:
            return _FALSE
        # Who has not declined is promoted: silence takes nothing away.
        return _FALSE if primaries[school] and _value(facts, "child.declines_promotion") else _TRUE

    return promoted


def _all(tests: tuple[Test, ...]) -> Test:
    def conjunction(facts: FactSheet) -> Truth:
        result = _TRUE
        for test in tests:
            truth = test(facts)
            if truth is _FALSE:
                return _FALSE
            if truth is _UNKNOWN:
                result = _UNKNOWN
        return result

    return conjunction


def _any(tests: tuple[Test, ...]) -> Test:
    def disjunction(facts: FactSheet) -> Truth:
        result = _FALSE
        for test in tests:
            truth = test(facts)
            if truth is _TRUE:
                return _TRUE
            if truth is _UNKNOWN:
                result = _UNKNOWN
        return result

    return disjunction


Defined = dict[str, Node]
"""What `define` names, compiled once for all places that use it."""


def node(condition: Condition, policy: Policy | None = None, defined: Defined | None = None) -> Node:
    """Compiles a condition of a policy. The closure gives its truth over a sheet; TypeError for a mistyped fact."""
    if condition.use is not None:
        if policy is None:
            raise ValueError(f"{condition.use} stands for a condition of a policy")
        return _used(condition.use, policy, {} if defined is None else defined)
    parts = tuple(node(part, policy, defined) for part in condition.parts)
    tests = tuple(part.test for part in parts)
    if condition.all is not None:
        return Node(condition, _all(tests), parts)
    if condition.any is not None:
        return Node(condition, _any(tests), parts)
    if condition.negated is not None:
        inner = tests[0]
        return Node(condition, lambda facts: _OPPOSITE[inner(facts)], parts)
    known = stand_in(condition, policy)
    names = tuple(dict.fromkeys([*([known] if known else ()), *condition.facts()]))
    if condition.amount:
        measure = measured(condition.amount)
        return Node(condition, _bound(condition.amount, measure), (), names, measure)
    return Node(condition, _leaf(condition) if condition.fact else _form(condition, policy), (), names)


def _used(name: str, policy: Policy, defined: Defined) -> Node:
    if name not in defined:
        made = node((policy.define or {})[name], policy, defined)
        # A plain fact is as quickly looked at as remembered.
        defined[name] = made if made.condition.fact else replace(made, test=_once(made.test))
    return defined[name]


# ── points ────────────────────────────────────────────────────────────────────────────────────────────────────


def thousandths(points: Any) -> int:
    """Points (a Decimal, or None for 0) as whole thousandths."""
    return int((points or 0) * 1000)


def _part(item: Item, policy: Policy, category: str, shared: dict[int, Part | None], defined: Defined) -> Part | None:
    """An item as it counts for a category; None where it is another category's. `shared`: items for every category."""
    if id(item) in shared:
        return shared[id(item)]
    made = _own_part(item, policy, category, shared, defined)
    if not any(inner.categories for inner in item.walk()):
        shared[id(item)] = made
    return made


def _own_part(
    item: Item, policy: Policy, category: str, shared: dict[int, Part | None], defined: Defined
) -> Part | None:
    if item.categories and category not in item.categories:
        return None
    when = node(item.when, policy, defined) if item.when else None
    times = node(item.times.when, policy, defined) if item.times else None
    parts = tuple(p for inner in item.parts if (p := _part(inner, policy, category, shared, defined)))
    amount = measured(item.of) if item.of else None
    value = _valued(
        item, amount, tuple(p.value for p in parts), when.test if when else None, times.test if times else None
    )

    if item.parts and not parts:
        return None
    # A single item is as quickly counted as looked up; what it counts is remembered anyway.
    names = tuple(item.of.facts()) if item.of else ()
    return Part(item, _remembered(value) if parts else value, parts, when, times, amount, names)


def _valued(
    item: Item, amount: Measure | None, values: tuple[Measure, ...], when: Test | None, times: Test | None
) -> Measure:
    """The closure of an item's points, put together from the parts that it has: each is looked at a million times."""
    inner = _plainly(item, amount, values)
    by = item.times.by if item.times else 1
    cap = None if item.cap is None else thousandths(item.cap)
    floor = None if item.floor is None else thousandths(item.floor)

    def limited(proven: int, possible: int) -> Range:
        if cap is not None:
            proven, possible = min(proven, cap), min(possible, cap)
        if floor is not None:
            proven, possible = max(proven, floor), max(possible, floor)
        return proven, possible

    whole = inner
    if times is not None:

        def multiplied(facts: FactSheet) -> Range:
            proven, possible = inner(facts)
            more = times(facts)
            if more is _TRUE:
                return limited(proven * by, possible * by)
            return limited(proven, max(possible, possible * by) if more is _UNKNOWN else possible)

        whole = multiplied
    elif cap is not None or floor is not None:

        def bounded(facts: FactSheet) -> Range:
            return limited(*inner(facts))

        whole = bounded
    if when is None:
        return whole
    if item.give is not None and times is None:
        full = limited(thousandths(item.give), thousandths(item.give))
        maybe = (0, max(0, full[1]))

        def given(facts: FactSheet) -> Range:
            met = when(facts)
            return full if met is _TRUE else _NOTHING if met is _FALSE else maybe

        return given

    def under(facts: FactSheet) -> Range:
        met = when(facts)
        if met is _FALSE:
            return _NOTHING
        proven, possible = whole(facts)
        return (proven, possible) if met is _TRUE else (0, max(0, possible))

    return under


def _plainly(item: Item, amount: Measure | None, values: tuple[Measure, ...]) -> Measure:
    """An item's points without its condition, multiplier and limits."""
    if amount:
        rate, each = thousandths(item.rate), item.each or 1

        def for_each(facts: FactSheet) -> Range:
            low, high = amount(facts)
            proven = low * rate // each
            # What is taken away counts by what is shown, so it is not "possible" to lose more.
            return proven, proven if high == low or rate <= 0 else high * rate // each

        return for_each
    if not values:
        fixed = (thousandths(item.give), thousandths(item.give))
        return lambda facts: fixed
    if item.sum is not None:

        def added(facts: FactSheet) -> Range:
            proven = possible = 0
            for value in values:
                low, high = value(facts)
                proven += low
                possible += high
            return proven, possible

        return added

    def best(facts: FactSheet) -> Range:
        proven, possible = values[0](facts)
        for value in values[1:]:
            low, high = value(facts)
            if low > proven:
                proven = low
            if high > possible:
                possible = high
        return proven, possible

    return best


def open_facts(part: Part, facts: FactSheet) -> list[str]:
    """Unknown facts that could add to an item, in the rule's order."""
    low, high = part.value(facts)
    if low >= high:
        return []
    found = unknown_facts(part.when, facts) if part.when else []
    if part.item.of:
        found += [n for n in part.names if facts.get(n, UNKNOWN).value is None]
    for inner in part.parts:
        found += open_facts(inner, facts)
    return found + (unknown_facts(part.times, facts) if part.times else [])


# ── the policy ────────────────────────────────────────────────────────────────────────────────────────────────


def order_key(fact: Fact, better: str) -> int | None:
    """A tie-breaker as an integer (days or units), smaller is better; None where the fact is unknown."""
    value = fact.value
    if not isinstance(value, (date, int)):
        return None
    number = value.toordinal() if isinstance(value, date) else int(value)
    return number if better in ("earlier", "smaller") else -number


def _item_of(part: Part | None, code: str) -> Part | None:
    if part is None or part.item.code == code:
        return part
    return next((found for inner in part.parts if (found := _item_of(inner, code))), None)


def _key(order: Order, policy: Policy, part: Part | None, base: int, defined: Defined) -> Key:
    better = order.better
    if order.fact is not None:
        names = tuple(order.names)

        def by_fact(facts: FactSheet) -> int | None:
            return next((k for n in names if (k := order_key(facts.get(n, UNKNOWN), better)) is not None), None)

        return by_fact
    if order.when:
        test, met = node(order.when, policy, defined).test, _TRUE if better == "met" else _FALSE

        def by_condition(facts: FactSheet) -> int | None:
            truth = test(facts)
            return None if truth is _UNKNOWN else int(truth is not met)

        return by_condition
    sign = -1 if better == "larger" else 1
    if order.amount:
        measure = measured(order.amount)

        def by_amount(facts: FactSheet) -> int | None:
            low, high = measure(facts)
            return sign * low if low == high else None

        return by_amount
    found, base = (part, base) if order.points == "total" else (_item_of(part, order.points or ""), 0)
    return lambda facts: sign * (base + (found.value(facts)[0] if found else 0))


def compiled(policy: Policy) -> Compiled:
    """The policy's compiled form, made once per object."""
    found = policy._compiled
    # A changed copy carries the private attribute of its origin: only one's own counts.
    if not isinstance(found, Compiled) or found.policy is not policy:
        found = policy._compiled = _compile(policy)
    return found


def conjuncts(tree: Node) -> tuple[Node, ...]:
    """What must all be met, one by one: nested "all" unfolded, anything else left whole."""
    if tree.condition.all is None:
        return (tree,)
    return tuple(found for part in tree.parts for found in conjuncts(part))


def _ground(title: Text, when: Condition, policy: Policy, defined: Defined, origin: str = "") -> Ground:
    made = node(when, policy, defined)
    return Ground(title, made, conjuncts(made), origin)


def _compile(policy: Policy) -> Compiled:
    defined: Defined = {}
    grounds: dict[str, list[Ground]] = {c.code: [] for c in policy.categories}
    fallen: dict[str, list[Ground]] = {c.code: [] for c in policy.categories}
    for c in policy.categories:
        for basis in c.bases:
            when = basis.when
            if c.fallback:
                fallen[c.fallback.to].append(_ground(basis.title, when, policy, defined, c.code))
                when = Condition.model_validate({"all": [when, c.fallback.proof]})
            grounds[c.code].append(_ground(basis.title, when, policy, defined))
    whole = {code: (*own, *fallen[code]) for code, own in grounds.items()}
    shared: dict[int, Part | None] = {}
    points = {
        c.code: _part(policy.points, policy, c.code, shared, defined) if policy.points else None
        for c in policy.categories
    }
    base = {c.code: thousandths(c.points) for c in policy.categories}
    longest = max([len(policy.order), *(len(c.order or ()) for c in policy.categories)])
    orders = {
        c.code: tuple(
            _key(o, policy, points[c.code], base[c.code], defined)
            for o in (policy.order if c.order is None else c.order)
        )
        for c in policy.categories
    }
    orders[COORDINATE] = tuple(_key(o, policy, None, 0, defined) for o in policy.order)
    for code, keys in orders.items():
        # Keys of all categories are compared in one list: each has the same length.
        orders[code] = keys + (lambda facts: 0,) * (longest - len(keys))
    most = {code: base[code] + (part.value({})[1] if part else 0) for code, part in points.items()}
    return Compiled(
        policy,
        node(policy.eligible, policy, defined),
        tuple((code, tuple(g.node for g in found)) for code, found in whole.items()),
        whole,
        tuple((node(v.when, policy, defined), frozenset(v.blocks or whole)) for v in policy.veto or ()),
        tuple(node(p.when, policy, defined) for p in policy.last_in_category or ()),
        points,
        base,
        most,
        orders,
        bool(policy.points) or any(c.points is not None for c in policy.categories),
    )


def unknown_facts(tree: Node, facts: FactSheet) -> list[str]:
    """The facts that keep a condition unknown, in the rule's order; empty where it is true or false."""
    if tree.test(facts) is not _UNKNOWN:
        return []
    if not tree.parts:
        # A record that is there may be unclear in itself: then it is the one to ask about.
        unknown = [n for n in tree.names if facts.get(n, UNKNOWN).value is None] or [tree.names[0]]
        return unknown[:1] if unknown[0] in STAND_INS else unknown
    return [name for part in tree.parts for name in unknown_facts(part, facts)]


def trusted(policy: Policy, facts: FactSheet) -> FactSheet:
    """The sheet as the policy sees it: what is less sure than `confidence_at_least` is unknown."""
    least = policy.confidence_at_least
    if least is None:
        return facts if type(facts) is Sheet else Sheet(facts)
    return Sheet(
        {
            name: fact if fact.confidence >= least or fact.value is None else Fact(None, fact.source, fact.as_of)
            for name, fact in facts.items()
        }
    )


def decide(policy: Policy, facts: FactSheet, final: bool = False) -> Verdict:
    """The category and points of a family.

    Before its time is up an unknown better category, or points that it may still get, leave the verdict open
    ("needs_facts"); with `final` (deadline passed, or the family waived) what is not proven is passed over, and the
    explanation says so. Unknown eligibility stays open even then: an unknown never refuses. A child of age always
    has a place: COORDINATE at worst.
    Raises TypeError for a fact whose value has another type than the vocabulary's.
    """
    rule = compiled(policy)
    facts = trusted(policy, facts)
    bases: dict[str, tuple[Truth, ...]] = {}
    truths: dict[str, Truth] = {}
    for code, grounds in rule.categories:
        bases[code] = found = tuple([ground.test(facts) for ground in grounds])
        truths[code] = _TRUE if _TRUE in found else _UNKNOWN if _UNKNOWN in found else _FALSE
    vetoed: tuple[int, ...] = ()
    if rule.vetoes:
        vetoed = tuple(i for i, (veto, _) in enumerate(rule.vetoes) if veto.test(facts) is _TRUE)
        for i in vetoed:
            for code in rule.vetoes[i][1]:
                truths[code] = _FALSE
    eligible = rule.eligible.test(facts)
    if eligible is _FALSE:
        keys = _keys(rule, COORDINATE, facts)
        return Verdict("ineligible", "", truths, (), keys, bases, {}, vetoed)
    needed: list[str] = unknown_facts(rule.eligible, facts) if eligible is _UNKNOWN else []
    points: dict[str, Range] = {}
    if rule.scored:
        for code, truth in truths.items():
            if truth is not _FALSE:
                part, base = rule.points[code], rule.base[code]
                low, high = part.value(facts) if part else _NOTHING
                points[code] = (base + low, base + high)
    if policy.ranking:
        proven, ahead = _by_points(truths, points)
    else:
        proven, ahead = COORDINATE, []
        for code, truth in truths.items():
            if truth is _TRUE:
                proven = code
                break
            if truth is _UNKNOWN:
                ahead.append(code)
    for code, grounds in rule.categories if ahead else ():
        if code in ahead and truths[code] is _UNKNOWN:
            for ground in grounds:
                needed += unknown_facts(ground, facts)
    open_ = bool(ahead)
    for code in (proven, *(ahead if policy.ranking else ())):
        part = rule.points.get(code)
        if part and code in points and points[code][0] < points[code][1]:
            needed += open_facts(part, facts)
            open_ = True
    waits = eligible is _UNKNOWN or (open_ and not final)
    buffers = _buffers(policy, truths, facts) if policy.buffers else {}
    return Verdict(
        "needs_facts" if waits else "decided",
        proven,
        truths,
        tuple(dict.fromkeys(needed)),
        _keys(rule, proven, facts),
        bases,
        points,
        vetoed,
        buffers,
    )


def _by_points(truths: Mapping[str, Truth], points: Mapping[str, Range]) -> tuple[str, list[str]]:
    """The proven category with the most points (the rule's first of equals), and those that may still beat it."""
    met = [code for code, truth in truths.items() if truth is _TRUE]
    proven = max(met, key=lambda code: points[code][0]) if met else COORDINATE
    least, codes = points[proven][0] if met else -1, list(truths)
    first = codes.index(proven) if met else 0

    def may_beat(code: str) -> bool:
        low, high = points[code]
        if truths[code] is _TRUE and low == high:
            return False  # it is settled, and was not the best
        return high > least or (high == least and codes.index(code) < first)

    return proven, [code for code in codes if code != proven and code in points and may_beat(code)]


def _keys(rule: Compiled, code: str, facts: FactSheet) -> tuple[int | None, ...]:
    keys = tuple([key(facts) for key in rule.orders[code]])
    if not rule.penalties:
        return keys
    return (int(any(p.test(facts) is _TRUE for p in rule.penalties)), *keys)


def _buffers(policy: Policy, truths: Mapping[str, Truth], facts: FactSheet) -> dict[str, Truth]:
    """The truth of each right to a buffer zone's left-over seats, where the home is not known to lie elsewhere."""
    lies = facts.get("dwelling.buffer_school", UNKNOWN).value
    return {
        b.school: min(truths[b.category], _UNKNOWN if lies is None else _TRUE)
        for b in policy.buffers or ()
        if lies is None or lies == b.school
    }


@dataclass(frozen=True)
class Choice:
    """Verdicts on each home that a family could apply by, and the key of the best."""

    best: str
    verdicts: dict[str, Verdict]


def choose(policy: Policy, options: Mapping[str, FactSheet], final: bool = False) -> Choice:
    """Decides all of a family's possible bases (say, its own home and the grandparents') and proposes the best.

    The best is the one with the highest proven category, or the most points where these rank; of equals the one with
    the better tie-breakers, then the first. Raises ValueError without options.
    """
    if not options:
        raise ValueError("a family needs at least one home to apply by")
    codes = [c.code for c in policy.categories] + [COORDINATE, ""]
    verdicts = {key: decide(policy, facts, final) for key, facts in options.items()}

    def rank(key: str) -> tuple[Any, ...]:
        v = verdicts[key]
        place = -(v.total or 0) if policy.ranking else 0
        tie = [(k is None, k or 0) for k in v.order_keys]
        return v.state == "ineligible", place, codes.index(v.category), tie

    return Choice(min(verdicts, key=rank), verdicts)
