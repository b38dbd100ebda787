"""Policies as data: pydantic models of a YAML document, and errors that name line, key and likely fix."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    StrictInt,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from ruxue.policy.facts import DISTRICTS, KINDS, VOCABULARY, forbidden
from ruxue.policy.records import GROUPS, Dwellings, History, Kin, Owners, Place, SeatLocks

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads the same ten times faster
_PARAMETER = re.compile(r"\$\{(\w+)\}")
_UNION_MEMBER = re.compile(r"function-|constrained-|str$|int$|date$|bool$|decimal$|list\[|\[key\]")
COORDINATE = "T"
"""Code of the last category, coordination by the district (统筹), which takes every child of age."""


class PolicyError(ValueError):
    """A policy that can't be used: `line` (from 1), and in `zh`/`en` key, fault and likely fix."""

    def __init__(self, line: int | None, zh: str, en: str) -> None:
        super().__init__(f"line {line}: {en}" if line else en)
        self.line, self.zh, self.en = line, zh, en


def _wrong(zh: str, en: str, path: list[str | int] | None = None) -> ValueError:
    # Pydantic carries one string from a validator: both languages and the place travel in it, `load` parts them.
    return ValueError(f"{zh}\x1f{en}" + (f"\x1f{json.dumps(path)}" if path else ""))


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt key must not be a condition that nobody checks."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Strict):
    """Words for families, in both languages."""

    zh: str
    en: str


def _allowed(name: Any) -> Any:
    if ban := forbidden(str(name)):
        raise _wrong(f"法规不允许使用 {name}：{ban[0]}", f"the law forbids {name}: {ban[1]}")
    return name


def _known_fact(name: Any) -> Any:
    if str(_allowed(name)) not in VOCABULARY:
        near = difflib.get_close_matches(str(name), VOCABULARY, 1)
        raise _wrong(
            f"没有名为 {name} 的事实{f'，是否为 {near[0]}' if near else ''}",
            f"there is no fact named {name}{f'; did you mean {near[0]}' if near else ''}",
        )
    return name


ParameterName = Annotated[str, BeforeValidator(_allowed)]
FactName = Annotated[str, BeforeValidator(_known_fact), WithJsonSchema({"type": "string", "enum": sorted(VOCABULARY)})]
Scalar = Annotated[StrictBool | StrictInt | date | str, WithJsonSchema({"type": ["boolean", "number", "string"]})]
TESTS = ("is_", "equals", "in_", "before", "on_or_before", "on_or_after", "at_least", "at_most")
BOUNDS = ("at_least", "more_than", "equals", "less_than", "at_most")
FITTING: dict[type, tuple[str, ...]] = {
    bool: ("is_",),
    str: ("equals", "in_"),
    date: ("before", "on_or_before", "on_or_after"),
    int: ("equals", "at_least", "at_most"),
}
"""The comparisons that fit a fact's type; facts that are records have forms of their own."""
_FORM_OF: dict[type, str] = {
    Owners: "amount: {share: …} / owners_within",
    History: "amount: {of: …}",
    Place: "same_address / within",
    SeatLocks: "seat: free",
    Dwellings: "no_dwelling_in",
    Kin: "amount: {share: …} / owners_within",
}


def _share(value: Any) -> Any:
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+)(?:\.(\d{1,2}))?%", value)):
        return int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))
    return value


def _points(value: Any) -> Any:
    try:
        made = Decimal(str(value)) if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else None
    except InvalidOperation:
        made = None
    if made is None or not made.is_finite() or made * 1000 % 1:
        raise _wrong("分值要写数字，最多三位小数", "points are a number with at most three decimals")
    return made.normalize() + 0


def _group(name: Any) -> Any:
    if name not in GROUPS:
        near = difflib.get_close_matches(str(name), GROUPS, 1)
        raise _wrong(
            f"没有 {name} 这类亲属，可用：{'、'.join(GROUPS)}{f'；是否为 {near[0]}' if near else ''}",
            f"there is no kin group {name}; use {', '.join(GROUPS)}{f'; did you mean {near[0]}' if near else ''}",
        )
    return name


def _of_kind(kind: type, zh: str, en: str) -> tuple[Any, Any]:
    """A validator for names of facts of one kind, and what an editor is told of them."""

    def check(name: Any) -> Any:
        if VOCABULARY[_known_fact(name)].kind is not kind:
            fit = ", ".join(n for n, t in VOCABULARY.items() if t.kind is kind)
            raise _wrong(f"{name} 不是{zh}，可用：{fit}", f"{name} is no {en}; use one of: {fit}")
        return name

    names = sorted(n for n, t in VOCABULARY.items() if t.kind is kind)
    return BeforeValidator(check), WithJsonSchema({"type": "string", "enum": names})


Count = Annotated[
    StrictInt, BeforeValidator(_share), WithJsonSchema({"anyOf": [{"type": "integer"}, {"pattern": r"^[\d.]+%$"}]})
]
Points = Annotated[Decimal, BeforeValidator(_points), WithJsonSchema({"type": "number"})]
Group = Annotated[str, BeforeValidator(_group), WithJsonSchema({"type": "string", "enum": sorted(GROUPS)})]
HistoryName = Annotated[str, *_of_kind(History, "经历记录", "history")]
DateName = Annotated[str, *_of_kind(date, "日期", "date")]
NumberName = Annotated[str, *_of_kind(int, "数", "number")]
PlaceName = Annotated[str, *_of_kind(Place, "地址", "address")]


class Quantity(Strict):
    """Something counted, exactly one of: `of` (spells of histories), `since` (time from a day), `fact` (a number),
    `share` (ownership of kin groups), `sum_of`, `longest_of`.

    `of` unites the histories named (`together: any`) or takes the days in all of them (`all`), each for its `kinds`
    of insurance; `at` keeps spells in the zone, district or city; `count` is what counts up to the day `until`.
    `unit` years are full years. `less` is taken off first (never below 0), then `cap` limits.
    """

    of: list[HistoryName] | None = Field(None, min_length=1)
    since: DateName | list[DateName] | None = None
    fact: NumberName | None = None
    share: list[Group] | None = Field(None, min_length=1)
    sum_of: list[Quantity] | None = Field(None, min_length=1)
    longest_of: list[Quantity] | None = Field(None, min_length=1)
    kinds: list[str] | None = Field(None, min_length=1)
    together: Literal["any", "all"] | None = None
    at: Literal["zone", "district", "city"] | None = None
    count: Literal["unbroken", "cumulative", "longest"] | None = None
    from_: date | None = Field(None, alias="from")
    until: date | None = None
    back_paid: Literal["excluded", "counts"] | None = None
    unit: Literal["days", "months", "years"] | None = None
    less: Count | None = None
    cap: Count | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Quantity:
        sources = [f for f in _SOURCES if getattr(self, f) is not None]
        if len(sources) != 1:
            raise _wrong(
                f"数量只能写 {'、'.join(_SOURCES)} 之一", f"a quantity has exactly one of {', '.join(_SOURCES)}"
            )
        fitting = _MODIFIERS[sources[0]]
        lost = [k.rstrip("_") for k in _ALL_MODIFIERS if getattr(self, k) is not None and k not in fitting]
        if lost:
            raise _wrong(f"{sources[0]} 不能带 {'、'.join(lost)}", f"{sources[0]} can't have {', '.join(lost)}")
        need = {"of": ("count", "until", "unit"), "since": ("until", "unit")}.get(sources[0], ())
        for key in need:
            if getattr(self, key) is None:
                raise _wrong(f"{sources[0]} 还要写 {key}", f"{sources[0]} needs {key} too")
        for kind in self.kinds or ():
            if kind not in KINDS:
                near = difflib.get_close_matches(kind, KINDS, 1)
                raise _wrong(
                    f"没有险种 {kind}{f'，是否为 {near[0]}' if near else ''}",
                    f"there is no kind {kind}{f'; did you mean {near[0]}' if near else ''}",
                )
        return self

    @property
    def inner(self) -> list[Quantity]:
        """The quantities that are added or compared; empty for a single one."""
        return self.sum_of or self.longest_of or []

    @property
    def measure(self) -> str:
        """What a number of it is: days, months, years, share, yuan or times."""
        if self.inner:
            return self.inner[0].measure
        if self.share:
            return "share"
        return VOCABULARY[self.fact].unit if self.fact else self.unit or "months"

    def facts(self) -> Iterator[str]:
        """Names of the facts that are counted."""
        yield from self.of or ()
        if self.since:
            yield from [self.since] if isinstance(self.since, str) else self.since
        if self.fact:
            yield self.fact
        if self.share:
            yield from ("dwelling.owners", "family.kin")
        for part in self.inner:
            yield from part.facts()


_SOURCES = ("of", "since", "fact", "share", "sum_of", "longest_of")
_SPELLS = ("kinds", "together", "at", "count", "from_", "until", "back_paid", "unit", "less", "cap")
_MODIFIERS: dict[str, tuple[str, ...]] = {
    "of": _SPELLS,
    "since": ("until", "unit", "less", "cap"),
    "fact": ("less", "cap"),
    "share": (),
    "sum_of": ("less", "cap"),
    "longest_of": ("less", "cap"),
}
_ALL_MODIFIERS = _SPELLS


class Amount(Quantity):
    """A quantity held against one bound: `at_least`, `more_than`, `equals`, `less_than` or `at_most`."""

    at_least: Count | None = None
    more_than: Count | None = None
    equals: Count | None = None
    less_than: Count | None = None
    at_most: Count | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Amount:
        if len([b for b in BOUNDS if getattr(self, b) is not None]) != 1:
            words = ", ".join(BOUNDS)
            raise _wrong(f"数量要写且只写一个界限，可用：{words}", f"an amount needs exactly one bound out of: {words}")
        return self

    @property
    def bound(self) -> str:
        """The name of the bound, one of BOUNDS."""
        return next(b for b in BOUNDS if getattr(self, b) is not None)


class Within(Strict):
    """An address inside one of the policy's zones."""

    place: PlaceName
    zone: str


class Condition(Strict):
    """A tree of all/any/not over leaves; `use` stands for a condition of `define`.

    A leaf is a fact with one comparison that fits its type, or one form over a record: `amount`, `owners_within`
    (nobody else on the certificate), `no_dwelling_in` (regions), `same_address`, `within`, `seat` (by `seat_lock`),
    `feeder` (by `feeders`).
    """

    all: list[Condition] | None = Field(None, min_length=1)
    any: list[Condition] | None = Field(None, min_length=1)
    negated: Condition | None = Field(None, alias="not")
    use: str | None = None
    fact: FactName | None = None
    amount: Amount | None = None
    owners_within: list[Group] | None = Field(None, min_length=1)
    no_dwelling_in: list[str] | None = Field(None, min_length=1)
    same_address: list[PlaceName] | None = Field(None, min_length=2, max_length=2)
    within: Within | None = None
    seat: Literal["free"] | None = None
    feeder: Literal["promoted"] | None = None
    is_: StrictBool | None = Field(None, alias="is")
    equals: StrictInt | str | None = None
    in_: list[StrictInt | str] | None = Field(None, alias="in", min_length=1)
    before: date | None = None
    on_or_before: date | None = None
    on_or_after: date | None = None
    at_least: StrictInt | None = None
    at_most: StrictInt | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        forms = [f for f in FORMS if getattr(self, f) is not None]
        if len(forms) != 1:
            words = ", ".join("not" if f == "negated" else f for f in FORMS)
            raise _wrong(f"每个条件只能写 {words} 之一", f"a condition has exactly one of {words}")
        tests = [t for t in TESTS if getattr(self, t) is not None]
        if self.fact is None:
            if tests:
                raise _wrong("比较要和 fact 写在一起", "a comparison stands beside a fact")
            return self
        kind = VOCABULARY[self.fact].kind
        if kind not in FITTING:
            form = _FORM_OF[kind]
            raise _wrong(f"{self.fact} 不能这样比较，请用 {form}", f"{self.fact} can't be compared so; use {form}")
        words = ", ".join(t.rstrip("_") for t in FITTING[kind])
        if len(tests) != 1 or tests[0] not in FITTING[kind]:
            raise _wrong(
                f"{self.fact} 后面要写且只写一个比较，可用：{words}",
                f"{self.fact} needs exactly one comparison out of: {words}",
            )
        return self

    @property
    def test(self) -> str:
        """The name of a leaf's comparison, one of TESTS."""
        return next(t for t in TESTS if getattr(self, t) is not None)

    @property
    def texts(self) -> list[str]:
        """The texts that a leaf compares its fact with."""
        wanted: list[Any] = [*(self.in_ or ()), self.equals]
        return [v for v in wanted if isinstance(v, str)]

    @property
    def parts(self) -> list[Condition]:
        """The conditions inside; empty for a leaf and for `use`."""
        return self.all or self.any or ([self.negated] if self.negated else [])

    def facts(self) -> Iterator[str]:
        """Names of the facts that the condition looks at, in the rule's order, with repeats; not those of `use`."""
        if self.fact:
            yield self.fact
        elif self.amount:
            yield from self.amount.facts()
        elif self.owners_within:
            yield from ("dwelling.owners", "family.kin")
        elif self.no_dwelling_in:
            yield "family.dwellings"
        elif self.same_address:
            yield from self.same_address
        elif self.within:
            yield self.within.place
        elif self.seat:
            yield "dwelling.seat_locks"
        elif self.feeder:
            yield from ("child.primary_school", "child.declines_promotion")
        for part in self.parts:
            yield from part.facts()

    def walk(self) -> Iterator[Condition]:
        """The condition and all inside it."""
        for _, part in self.paths([]):
            yield part

    def paths(self, path: list[str | int]) -> Iterator[tuple[list[str | int], Condition]]:
        """The condition and all inside it, with their paths in the document."""
        yield path, self
        for i, part in enumerate(self.parts):
            inner: list[str | int] = ["not"] if self.negated else ["all" if self.all else "any", i]
            yield from part.paths([*path, *inner])


FORMS = (
    "all", "any", "negated", "use", "fact", "amount", "owners_within", "no_dwelling_in", "same_address", "within",
    "seat", "feeder",
)  # fmt: skip


class Basis(Strict):
    """One ground on which a family is in a category."""

    title: Text
    when: Condition


class Paper(Text):
    """A paper to bring where data can't show something; `shows`: the facts that it shows."""

    shows: list[FactName] | None = None


class Fallback(Strict):
    """Without `proof` a family of this category is treated as one of the category `to`."""

    proof: Condition
    to: str


class Order(Strict):
    """A tie-breaker inside a category: the better value first, a missing one always last.

    Exactly one of `fact` (a list: the first that is known), `amount`, `points` ("total" or an item's code), `when`
    (better `met` or `unmet`).
    """

    fact: FactName | list[FactName] | None = None
    amount: Quantity | None = None
    points: str | None = None
    when: Condition | None = None
    better: Literal["earlier", "later", "larger", "smaller", "met", "unmet"]

    @model_validator(mode="after")
    def _fits(self) -> Order:
        forms = [f for f in ("fact", "amount", "points", "when") if getattr(self, f) is not None]
        if len(forms) != 1:
            raise _wrong(
                "排序只能写 fact、amount、points、when 之一", "an order has exactly one of fact, amount, points, when"
            )
        if self.fact is None:
            fitting: tuple[str, ...] = ("met", "unmet") if self.when else ("larger", "smaller")
        else:
            kinds = {VOCABULARY[name].kind for name in self.names}
            kind = kinds.pop() if len(kinds) == 1 else None
            fitting = {date: ("earlier", "later"), int: ("larger", "smaller")}.get(kind or str, ())
        if self.better not in fitting:
            words, said = ", ".join(fitting), ", ".join(self.names) or forms[0]
            raise _wrong(
                f"{said} 不能按 {self.better} 排序{f'，可用：{words}' if fitting else ''}",
                f"{said} can't be ordered by {self.better}{f'; use one of: {words}' if fitting else ''}",
            )
        return self

    @property
    def names(self) -> list[str]:
        """The facts of `fact`, the first that is known decides."""
        return [self.fact] if isinstance(self.fact, str) else self.fact or []


class Category(Strict):
    """One category (批次). `bases` are alternative grounds, any one is enough.

    `evidence`: papers that a family brings where data can't show it; `may`: what a family may choose to do; `points`:
    the base that its type gives; `fallback`: where a family stands without a proof; `order`: tie-breakers of its own;
    `straddle`: whom the last seats go to where the category is larger than what is left.
    """

    code: str
    title: Text
    bases: list[Basis] = Field(min_length=1)
    evidence: list[Paper] | None = None
    may: list[Text] | None = None
    points: Points | None = None
    fallback: Fallback | None = None
    order: list[Order] | None = None
    straddle: Literal["lottery", "order"] | None = None


class Times(Strict):
    """A multiplier (whole number), where its condition is met."""

    by: Annotated[StrictInt, Field(ge=2, le=10)]
    when: Condition


class Item(Strict):
    """Points, exactly one of: `give` (fixed), `rate` (for each `each` units `of` a quantity), `sum`, `best`.

    `categories` limits it to families of these; `when` must be met; then `times` multiplies, `cap` and `floor` limit.
    Parts of a point are kept to the thousandth, rounded down. What takes points away counts only when it is shown.
    """

    code: str | None = None
    title: Text | None = None
    categories: list[str] | None = Field(None, min_length=1)
    when: Condition | None = None
    give: Points | None = None
    rate: Points | None = None
    each: Annotated[StrictInt, Field(ge=1)] | None = None
    of: Quantity | None = None
    sum: list[Item] | None = Field(None, min_length=1)
    best: list[Item] | None = Field(None, min_length=1)
    times: Times | None = None
    cap: Points | None = None
    floor: Points | None = None

    @model_validator(mode="after")
    def _one_value(self) -> Item:
        forms = [f for f in ("give", "rate", "sum", "best") if getattr(self, f) is not None]
        if len(forms) != 1:
            raise _wrong(
                "每个积分项只能写 give、rate、sum、best 之一", "an item has exactly one of give, rate, sum, best"
            )
        if (self.rate is None) is not (self.of is None) or (self.each is not None and self.rate is None):
            raise _wrong("rate 和 of 要写在一起，each 可省略", "rate and of stand together; each may be left out")
        return self

    @property
    def parts(self) -> list[Item]:
        """The items inside; empty for `give` and `rate`."""
        return self.sum or self.best or []

    def walk(self) -> Iterator[Item]:
        """The item and all inside it."""
        yield self
        for part in self.parts:
            yield from part.walk()


class Veto(Strict):
    """What shuts a family out of the categories `blocks` (all, if left out) once it is shown; unknown, it does not."""

    title: Text
    when: Condition
    blocks: list[str] | None = None


class Zone(Strict):
    """An area: compounds by their standard code, and a polygon of [longitude, latitude] in degrees ("119.1")."""

    title: Text
    compounds: list[str] | None = None
    polygon: list[Annotated[list[Points], Field(min_length=2, max_length=2)]] | None = Field(None, min_length=3)

    @model_validator(mode="after")
    def _somewhere(self) -> Zone:
        if not self.compounds and not self.polygon:
            raise _wrong("片区要写 compounds 或 polygon", "a zone needs compounds or a polygon")
        return self


class SeatLockRule(Strict):
    """One dwelling, one family (学位锁定). `years`: how long a lock of each stage holds; left out, until it is released.

    `since`: the first year of entry that locks; `exempt`: whom a lock does not bind; `released_by`: what ends it early;
    `scope`: whether locks of other schools bind too; `last_year_blocks`: whether the year in which it ends still does.
    """

    since: StrictInt | None = None
    years: dict[Literal["primary", "junior", "nine_year"], Annotated[StrictInt, Field(ge=1, le=12)]] | None = None
    exempt: list[Literal["same_parents", "public_rental"]] | None = None
    released_by: list[Literal["graduated", "transferred_out", "transferred_within", "not_gone_up"]] | None = None
    scope: Literal["district", "school"]
    last_year_blocks: StrictBool


class Quota(Strict):
    """Seats set aside for a category: a number, or a share of the plan."""

    category: str
    seats: Annotated[StrictInt, Field(ge=0)] | None = None
    share: Count | None = None

    @model_validator(mode="after")
    def _one_size(self) -> Quota:
        if (self.seats is None) is (self.share is None):
            raise _wrong("名额写 seats 或 share 之一", "a quota has either seats or a share")
        return self


class Feeder(Strict):
    """Direct promotion (直升): graduates of `primary` go first to `junior`; `opt_out`: a family may decline."""

    primary: str
    junior: str
    opt_out: StrictBool


class Buffer(Strict):
    """A buffer zone (入学缓冲区): seats that its zone leaves go to buffer-zone children of `category`."""

    school: str
    title: Text
    category: str


class Round(Strict):
    """A round of preferences: `choices` schools each; `by` choice first and then rank, or by rank over all choices."""

    title: Text
    categories: list[str]
    choices: Annotated[StrictInt, Field(ge=1, le=20)]
    by: Literal["choice_first", "rank_first"]
    repeat: Annotated[StrictInt, Field(ge=1, le=10)] | None = None


class Effective(Strict):
    """First and last day on which the policy is in force."""

    first: date
    last: date


class Policy(Strict):
    """A district's rule of one season and level. Categories stand in strict order, the best first; with `ranking:
    points` all are ranked together by their points, and each family has the category that gives it the most."""

    id: str
    version: int
    district: str
    level: Literal["primary", "junior"]
    season: int
    title: Text
    source: Text
    note: Text | None = None
    effective: Effective | None = None
    parameters: dict[ParameterName, Scalar | list[Scalar]] = Field(default_factory=dict)
    assumed: dict[str, Text] | None = Field(
        None,
        description="parameters, categories, items, conditions or keys that the text lacks, and what is assumed",
    )
    eligible: Condition
    categories: list[Category] = Field(min_length=1)
    order: list[Order]
    coordinate: Text = Field(description="the last category, for every child of age whom no category above takes")
    historical: Literal[True] | None = None
    schools: list[str] | None = Field(None, min_length=1, description="codes of the schools that it is limited to")
    ranking: Literal["points"] | None = None
    regions: dict[str, Text] | None = None
    zones: dict[str, Zone] | None = None
    define: dict[str, Condition] | None = None
    points: Item | None = None
    veto: list[Veto] | None = None
    last_in_category: list[Basis] | None = None
    seat_lock: SeatLockRule | None = None
    quotas: list[Quota] | None = None
    feeders: list[Feeder] | None = None
    buffers: list[Buffer] | None = None
    rounds: list[Round] | None = None
    siblings: Literal["together"] | None = None
    multiples: Literal["bound"] | None = None
    late: Literal["remaining_seats"] | None = None
    ties: Literal["lottery"] | None = None
    ask: dict[FactName, Text] | None = Field(None, description="what to ask for where a fact is unknown")
    confidence_at_least: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    _compiled: Any = PrivateAttr(None)  # the engine's closures; made on first use
    _words: Any = PrivateAttr(None)  # the phrases of both languages; made on first use

    @model_validator(mode="after")
    def _whole(self) -> Policy:
        codes = [c.code for c in self.categories]
        for index, code in enumerate(codes):
            if code == COORDINATE or code in codes[:index]:
                raise _wrong(
                    f"类别代码重复或用了保留字 {COORDINATE}",
                    f"category codes repeat or use the reserved {COORDINATE}",
                    ["categories", index, "code"],
                )
        items = {item.code for _, item in self.items()}
        for name in self.assumed or {}:
            if name not in {*self.parameters, *codes, *items, *(self.define or ()), *type(self).model_fields}:
                raise _wrong(
                    f"assumed 里的 {name} 不是参数", f"assumed names {name}, which is no parameter", ["assumed", name]
                )
        if self.effective and self.effective.last < self.effective.first:
            raise _wrong("effective 的 last 早于 first", "effective ends before it begins", ["effective", "last"])
        self._region(self.district, ["district"])
        if self.ranking and not self.points and not any(c.points is not None for c in self.categories):
            raise _wrong("按积分排序要写 points", "ranking by points needs points", ["ranking"])
        self._references(codes)
        self._history()
        return self

    def conditions(self) -> Iterator[tuple[list[str | int], Condition]]:
        """Every condition with its path in the document, in the rule's order; those of `define` first."""
        for name, defined in (self.define or {}).items():
            yield ["define", name], defined
        yield ["eligible"], self.eligible
        for i, veto in enumerate(self.veto or ()):
            yield ["veto", i, "when"], veto.when
        for i, c in enumerate(self.categories):
            for j, basis in enumerate(c.bases):
                yield ["categories", i, "bases", j, "when"], basis.when
            if c.fallback:
                yield ["categories", i, "fallback", "proof"], c.fallback.proof
        for path, order in self.orders():
            if order.when:
                yield [*path, "when"], order.when
        for i, penalty in enumerate(self.last_in_category or ()):
            yield ["last_in_category", i, "when"], penalty.when
        for path, item in self.items():
            if item.when:
                yield [*path, "when"], item.when
            if item.times:
                yield [*path, "times", "when"], item.times.when

    def orders(self) -> Iterator[tuple[list[str | int], Order]]:
        """Every tie-breaker with its path."""
        for i, order in enumerate(self.order):
            yield ["order", i], order
        for i, c in enumerate(self.categories):
            for j, order in enumerate(c.order or ()):
                yield ["categories", i, "order", j], order

    def items(self) -> Iterator[tuple[list[str | int], Item]]:
        """Every item of the points with its path."""

        def inside(path: list[str | int], item: Item) -> Iterator[tuple[list[str | int], Item]]:
            yield path, item
            for i, part in enumerate(item.parts):
                yield from inside([*path, "sum" if item.sum else "best", i], part)

        if self.points:
            yield from inside(["points"], self.points)

    def _references(self, codes: list[str]) -> None:
        """Names that stand for something else in the document must be there, and may not run in circles."""

        def must(name: str, known: Iterable[str], path: list[str | int], zh: str, en: str) -> None:
            names = list(known)
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                raise _wrong(
                    f"没有{zh} {name}{f'，是否为 {near[0]}' if near else ''}",
                    f"there is no {en} {name}{f'; did you mean {near[0]}' if near else ''}",
                    path,
                )

        defined = self.define or {}
        for start, condition in self.conditions():
            for path, part in condition.paths(start):
                if part.use is not None:
                    must(part.use, defined, path, " define 条件", "condition in define named")
                if part.within:
                    must(part.within.zone, self.zones or {}, path, "片区", "zone")
                if part.seat and not self.seat_lock:
                    raise _wrong("写 seat 要先写 seat_lock", "seat needs the key seat_lock", path)
                if part.feeder and not self.feeders:
                    raise _wrong("写 feeder 要先写 feeders", "feeder needs the key feeders", path)
                for key in part.no_dwelling_in or (part.texts if part.fact == "child.hukou_district" else ()):
                    self._region(key, path)
        for name in defined:
            seen, names = {name}, [p.use for p in defined[name].walk() if p.use]
            while names:
                used = names.pop()
                if used == name:
                    raise _wrong(
                        f"define 的 {name} 绕回自己", f"{name} in define leads back to itself", ["define", name]
                    )
                if used not in seen:
                    seen.add(used)
                    names += [p.use for p in defined[used].walk() if p.use]
        pieces: list[tuple[str, list[str | int]]] = []
        for i, c in enumerate(self.categories):
            if c.fallback:
                pieces.append((c.fallback.to, ["categories", i, "fallback", "to"]))
                if c.fallback.to == c.code:
                    raise _wrong(
                        "fallback 不能指向自己", "a fallback can't lead to itself", ["categories", i, "fallback"]
                    )
        for path, item in self.items():
            pieces += [(code, [*path, "categories"]) for code in item.categories or ()]
        pieces += [(code, ["veto", i, "blocks"]) for i, v in enumerate(self.veto or ()) for code in v.blocks or ()]
        pieces += [(q.category, ["quotas", i, "category"]) for i, q in enumerate(self.quotas or ())]
        pieces += [(b.category, ["buffers", i, "category"]) for i, b in enumerate(self.buffers or ())]
        pieces += [
            (code, ["rounds", i, "categories"]) for i, r in enumerate(self.rounds or ()) for code in r.categories
        ]
        for code, path in pieces:
            must(code, codes, path, "类别", "category")
        known = [item.code for _, item in self.items() if item.code]
        for path, order in self.orders():
            if order.points is not None:
                must(order.points, ["total", *known], [*path, "points"], "积分项", "item of points")
        named: set[str] = set()
        for path, item in self.items():
            if item.code in named:
                raise _wrong(f"积分项 {item.code} 重复", f"the item {item.code} repeats", [*path, "code"])
            named |= {item.code} if item.code else set()
        if sum(q.share or 0 for q in self.quotas or ()) > 10_000:
            raise _wrong("名额比例合计超过 100%", "the quotas' shares are more than 100 %", ["quotas"])

    def _region(self, key: str, path: list[str | int]) -> None:
        """A key that nobody named is an error where the policy names its regions, and where it looks misspelt."""
        names = {*DISTRICTS, *(self.regions or ())}
        near = difflib.get_close_matches(key, sorted(names), 1, 0.6 if self.regions else 0.8)
        if key not in names and (near or self.regions):
            raise _wrong(
                f"没有代码为 {key} 的区{f'，是否为 {near[0]}' if near else '，请写进 regions'}",
                f"there is no district {key}; {f'did you mean {near[0]}' if near else 'name it in regions'}",
                path,
            )

    def _history(self) -> None:
        """What law has abolished can be replayed for seasons before it did, in versions marked historical."""
        used = [
            (path, name)
            for start, c in self.conditions()
            for path, part in c.paths(start)
            if not part.parts
            for name in part.facts()
        ]
        used += [(path, n) for path, o in self.orders() for n in [*o.names, *(o.amount.facts() if o.amount else ())]]
        used += [(path, n) for path, item in self.items() if item.of for n in item.of.facts()]
        for path, name in used:
            banned = VOCABULARY[name].banned
            if banned and not (self.historical and self.season < banned[0]):
                year, zh, en = banned
                raise _wrong(
                    f"法规不允许使用 {name}：{zh}；只能在 {year} 年以前、标明 historical: true 的版本中重演",
                    f"the law forbids {name}: {en}; it can be replayed only in versions marked historical: true, "
                    f"for seasons before {year}",
                    path,
                )


def load(text: str, season: int | None = None) -> Policy:
    """Reads a policy from YAML (or JSON). `season` moves one whose dates use `${season}` to another year.

    `${name}` stands for a parameter, `${season}` for the year, `${season_minus_6}` for six years before it.
    Raises PolicyError with the line of the first error.
    """
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                # A rule refers by parameters; an alias could hold itself, or grow without end.
                line = event.start_mark.line + 1 if event.start_mark else None
                raise PolicyError(line, "不能用 * 引用，请写参数", "* aliases can't be used; write a parameter")
        loader = _Loader(text)
        tree = loader.get_single_node()
        raw = loader.construct_document(tree) if tree else None
    except PolicyError:
        raise
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a day that no calendar has
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        line = mark.line + 1 if mark else None
        raise PolicyError(line, f"YAML 写法有误：{problem}", f"this is not valid YAML: {problem}") from error
    if not isinstance(raw, dict):
        raise PolicyError(1, "文件应是一组“键: 值”", "the file must be a mapping of keys to values")
    _no_repeats(tree)
    if season is not None:
        raw["season"] = season
    raw = _exact(raw)
    year = raw.get("season")
    start = {"season": year}
    parameters = raw.get("parameters") or {}
    if not isinstance(parameters, dict):
        line = _line(tree, ["parameters"])
        raise PolicyError(line, "parameters：应是一组“名字: 值”", "parameters: must be a mapping of names to values")
    known = {k: _fill(v, start, tree, ["parameters", k]) for k, v in parameters.items()}
    raw["parameters"] = known
    filled = {k: v if k == "parameters" else _fill(v, {**known, **start}, tree, [k]) for k, v in raw.items()}
    try:
        return Policy.model_validate(filled)
    except ValidationError as error:
        first = error.errors()[0]
        zh, en = _explained(first)
        # A union's member stands in the location too; what is no key of the text is left out.
        where: list[Any] = [p for p in first["loc"] if not _UNION_MEMBER.match(str(p))]
        where += json.loads(path) if (path := first["msg"].partition("\x1f")[2].partition("\x1f")[2]) else []
        key = ".".join(str(p) for p in where)
        raise PolicyError(
            _line(tree, where) or 1, f"{key}：{zh}" if key else zh, f"{key}: {en}" if key else en
        ) from error


def load_file(path: Path, season: int | None = None) -> Policy:
    """`load` for a file. Raises PolicyError, and OSError where the file can't be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(
            None, "文件不是 UTF-8 编码，请另存为 UTF-8", "the file is not UTF-8; save it as UTF-8"
        ) from error
    return load(text, season)


def digest(policy: Policy) -> str:
    """SHA-256 (hex) of the policy's canonical JSON (RFC 8785): what a publication and each verdict name."""
    plain = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    # Without floats, sorted keys and no spaces are all that RFC 8785 asks for.
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


MODELS = (
    Text, Paper, Quantity, Amount, Within, Condition, Basis, Fallback, Order, Category, Times, Item, Veto, Zone,
    SeatLockRule, Quota, Feeder, Buffer, Round, Effective, Policy,
)  # fmt: skip
KEYS = sorted({field.alias or name for model in MODELS for name, field in model.model_fields.items()})
"""Every key that a policy can have."""
_ZH: dict[str, tuple[str, str]] = {
    "missing": ("缺少这一项，请补上", "this key is missing; add it"),
    "bool": ("要写 true 或 false", "write true or false"),
    "int": ("要写整数", "write a whole number"),
    "date": ("要写日期，例如 2026-08-31", "write a date such as 2026-08-31"),
    "string": ("要写文字", "write text"),
    "list": ("要写成列表（每行以 - 开头）", "write a list (each line begins with -)"),
    "dict": ("要写成一组“键: 值”", "write a mapping of keys to values"),
    "model": ("要写成一组“键: 值”", "write a mapping of keys to values"),
}


def _explained(error: Any) -> tuple[str, str]:
    kind, message = str(error["type"]), str(error["msg"])
    if "\x1f" in message:
        zh, en = message.removeprefix("Value error, ").split("\x1f")[:2]
        return zh, en
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        if ban := forbidden(name):
            return f"法规不允许使用：{ban[0]}", f"the law forbids this: {ban[1]}"
        near = difflib.get_close_matches(name, KEYS, 1)
        return (
            f"没有这个键{f'，是否为 {near[0]}' if near else ''}",
            f"there is no such key{f'; did you mean {near[0]}' if near else ''}",
        )
    if kind.startswith(("less_than", "greater_than")):
        (limit,) = error["ctx"].values()
        return (
            f"不能{'大于' if kind.startswith('less') else '小于'} {limit}",
            f"may not be {'more' if kind.startswith('less') else 'less'} than {limit}",
        )
    if kind in ("too_long", "too_short"):
        most = error["ctx"].get("max_length")
        least = error["ctx"].get("min_length")
        return (
            (f"最多 {most} 项", f"has at most {most} entries")
            if most is not None
            else (f"至少 {least} 项，不能为空", f"needs at least {least} entries: the list may not be empty")
        )
    if kind == "literal_error":
        return f"只能写其中之一：{error['ctx']['expected']}", f"write one of: {error['ctx']['expected']}"
    return _ZH.get(kind.split("_")[0], (f"写法不对（{message}）", message))


def _exact(value: Any) -> Any:
    """Numbers with a point become their text: points and rates are decimals, never binary fractions."""
    if isinstance(value, dict):
        return {k: _exact(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_exact(v) for v in value]
    return repr(value) if isinstance(value, float) else value


def _no_repeats(node: Any) -> None:
    """YAML lets the last of two equal keys win in silence; here that would drop a condition."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                first = seen[key.value]
                raise PolicyError(
                    line,
                    f"{key.value}：第 {first} 行已经写过，请合并",
                    f"{key.value}: stands in line {first} already; merge them",
                )
            seen[key.value] = line
            _no_repeats(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _no_repeats(value)


def _fill(value: Any, known: dict[str, Any], tree: Any, path: list[Any]) -> Any:
    if isinstance(value, dict):
        return {k: _fill(v, known, tree, [*path, k]) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, known, tree, [*path, i]) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value

    def look(name: str) -> Any:
        match = re.fullmatch(r"season_minus_(\d+)", name)
        if match and isinstance(known.get("season"), int):
            return known["season"] - int(match[1])
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise PolicyError(
                _line(tree, path),
                f"没有定义参数 {name}{f'，是否为 {near[0]}' if near else ''}",
                f"the parameter {name} is not defined{f'; did you mean {near[0]}' if near else ''}",
            )
        return known[name]

    whole = _PARAMETER.fullmatch(value)
    if whole:
        return look(whole[1])
    text = _PARAMETER.sub(lambda m: str(look(m[1])), value)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PolicyError(_line(tree, path), f"{text} 不是一个日期", f"{text} is not a day of the calendar") from None


def _line(node: Any, path: list[Any]) -> int | None:
    line = None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if found is None:
                continue
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line
