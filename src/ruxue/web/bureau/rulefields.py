"""What a rule has beside its conditions, as records of fields: read off the policy, shown, and written back.

One table for showing and for writing: a field knows its place in the text, so a button changes that place alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, get_args

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ruxue.places.ruletext import RuleText
from ruxue.policy.facts import KINDS, VOCABULARY, Lang
from ruxue.policy.language import (
    FITTING,
    Category,
    Condition,
    Item,
    Order,
    Policy,
    Quantity,
    Round,
    SeatLockRule,
)
from ruxue.policy.records import GROUPS, History, Place
from ruxue.policy.words import pick, words_of

Path = list[str | int]
Key = tuple[str | int, ...]
_NUMBER = re.compile(r"-?\d+(\.\d{1,3})?")
_PARAMETER = re.compile(r"[^$]*\$\{\w+\}.*")
FACTS = sorted(name for name, term in VOCABULARY.items() if term.kind in FITTING and not term.banned)
"""What a condition can ask for with one comparison; records have forms of their own."""


class FormError(ValueError):
    """What was filled in can't be used; the message (lazy, so that a page can say it in both languages) is for the
    page."""

    def __init__(self, message: Any, field: str = "") -> None:
        super().__init__(message)
        self.message, self.field = message, field


@dataclass
class Choice:
    """An option of a list: value, words, chosen."""

    value: str
    text: str
    on: bool = False


@dataclass
class Field:
    """One control. `kind`: text, number, day, choice, many (several of the options) or condition (a new one)."""

    key: Key
    label: str
    kind: str = "text"
    needed: bool = False
    options: list[Choice] = field(default_factory=list)
    value: str = ""
    name: str = ""


@dataclass
class Record:
    """Fields of one place in the text. `first`, `last`: its place in a list, None where it does not stand in one;
    `drop`: it can be taken away; `new`: it is made by its button, `into` a list or a key."""

    path: str
    words: str
    fields: list[Field] = field(default_factory=list)
    first: bool | None = None
    last: bool | None = None
    drop: bool = False
    new: bool = False
    depth: int = 0
    inner: list[Record] = field(default_factory=list)


@dataclass
class Section:
    """A part of the editor: what is there, and what can be added."""

    id: str
    title: str
    records: list[Record]


def dotted(path: Iterable[str | int]) -> str:
    return ".".join(map(str, path))


def undotted(text: str) -> Path:
    # Names of facts hold dots themselves.
    if text.startswith("ask."):
        return ["ask", text.removeprefix("ask.")]
    return [int(p) if p.isdigit() else p for p in text.split(".")] if text else []


STAGES: dict[str, Any] = {
    "primary": gettext_lazy("years at primary school"),
    "junior": gettext_lazy("years at junior school"),
    "nine_year": gettext_lazy("years at a nine-year school"),
}
WORDS: dict[str, Any] = {
    "same_parents": gettext_lazy("children of the same parents"),
    "public_rental": gettext_lazy("public rental housing"),
    "graduated": gettext_lazy("graduation"),
    "transferred_out": gettext_lazy("transfer out of the district"),
    "transferred_within": gettext_lazy("transfer within the district"),
    "not_gone_up": gettext_lazy("not going up to the school's junior part"),
    "district": gettext_lazy("the whole district"),
    "school": gettext_lazy("the same school only"),
    "choice_first": gettext_lazy("choice first, then rank"),
    "rank_first": gettext_lazy("by rank over all choices"),
    "lottery": gettext_lazy("by lot"),
    "order": gettext_lazy("by the tie-breakers"),
    "points": gettext_lazy("by points, all batches together"),
    "together": gettext_lazy("placed together"),
    "bound": gettext_lazy("placed as one"),
    "remaining_seats": gettext_lazy("only seats that are left"),
    "true": gettext_lazy("yes"),
    "false": gettext_lazy("no"),
    "unbroken": gettext_lazy("without a break, back from the last day"),
    "cumulative": gettext_lazy("all added up"),
    "longest": gettext_lazy("the longest run"),
    "days": gettext_lazy("days"),
    "months": gettext_lazy("months"),
    "years": gettext_lazy("full years"),
    "any": gettext_lazy("any of them counts"),
    "all": gettext_lazy("only days in all of them"),
    "zone": gettext_lazy("in the zone"),
    "city": gettext_lazy("in the city"),
    "excluded": gettext_lazy("left out"),
    "counts": gettext_lazy("counted"),
}


def _choices(values: Iterable[str], words: Mapping[str, Any] = WORDS) -> list[Choice]:
    return [Choice(v, str(words.get(v, v))) for v in values]


def _yes() -> list[Choice]:
    return _choices(["true", "false"])


def _literals(model: Any, name: str) -> list[str]:
    """The words of a Literal, inside a list, a mapping's keys or an optional too."""

    def inside(kind: Any) -> list[str]:
        args = get_args(kind)
        plain = [a for a in args if isinstance(a, str)]
        return plain or [found for a in args for found in inside(a)]

    return inside(model.model_fields[name].annotation)


def _both(label: str, *key: str | int, needed: bool = True) -> list[Field]:
    return [
        Field((*key, "zh"), _("%(what)s in Chinese") % {"what": label}, needed=needed),
        Field((*key, "en"), _("%(what)s in English") % {"what": label}, needed=needed),
    ]


class Shapes:
    """The records of a policy in the page's language. `typed`: what somebody has filled in and not saved yet."""

    def __init__(self, rule: RuleText, policy: Policy, lang: Lang, typed: Any = None) -> None:
        self.rule, self.policy, self.lang, self.typed = rule, policy, lang, typed
        self.words = words_of(policy, lang)
        self.codes = [Choice(c.code, f"{c.code} {pick(c.title, lang)}") for c in policy.categories]
        days = {k: v for k, v in policy.parameters.items() if isinstance(v, date)}
        self.days = [Choice(f"${{{k}}}", f"{k} ({v})") for k, v in days.items()]
        used = dict.fromkeys(n for _p, c in policy.conditions() for part in c.walk() for n in part.facts())
        counted = dict.fromkeys(n for _p, i in policy.items() if i.of for n in i.of.facts())
        self.used = self._facts({**used, **counted})
        self.starts = self._starts()

    def _facts(self, names: Iterable[str]) -> list[Choice]:
        return sorted((Choice(n, VOCABULARY[n].name(self.lang)) for n in names), key=lambda c: c.text)

    def _of_kind(self, kind: type) -> list[Choice]:
        return self._facts(n for n, t in VOCABULARY.items() if t.kind is kind and not t.banned)

    def _starts(self) -> list[Choice]:
        """Every way in which a condition can begin."""
        counted = _("how long: %(what)s")
        histories = [Choice(f"of:{c.value}", counted % {"what": c.text}) for c in self._of_kind(History)]
        defined = [Choice(f"use:{n}", f"{_('Definition')} {n}") for n in self.policy.define or ()]
        more = [
            Choice("share", _("a share of the home held by kin")),
            Choice("owners", _("nobody but kin on the certificate")),
            Choice("regions", _("no dwelling in some districts")),
            Choice("same", _("two addresses are one")),
        ]
        if self.policy.zones:
            more.append(Choice("within", _("an address in a zone")))
        if self.policy.seat_lock:
            more.append(Choice("seat", _("the home's seat is free")))
        if self.policy.feeders:
            more.append(Choice("feeder", _("direct promotion from a feeder school")))
        return [*self._facts(FACTS), *histories, *defined, *more]

    def start(self, typed: str) -> dict[str, Any]:
        """A condition to begin with, whose values its row then asks for; named by its words or by its key."""
        said: dict[str, str] = {}
        languages: tuple[tuple[Lang, str], ...] = (("zh", "zh-hans"), ("en", "en"))
        for lang, locale in languages:
            with translation.override(locale):
                said |= {c.text: c.value for c in Shapes(self.rule, self.policy, lang).starts}
        chosen = said.get(typed.strip(), typed.strip())
        kind, _colon, name = chosen.partition(":")
        until = self.days[0].value if self.days else "${season}-08-31"
        spell = {"count": "cumulative", "unit": "months", "until": until}
        made: dict[str, Any] = {
            "share": {"amount": {"share": ["child", "parents"], "at_least": "50%"}},
            "owners": {"owners_within": ["child", "parents"]},
            "regions": {"no_dwelling_in": [self.policy.district]},
            "same": {"same_address": ["place.hukou", "place.dwelling"]},
            "seat": {"seat": "free"},
            "feeder": {"feeder": "promoted"},
            "within": {"within": {"place": "place.dwelling", "zone": next(iter(self.policy.zones or {}), "")}},
            "use": {"use": name},
            "of": {"amount": {"of": [name], **spell, "at_least": 1}},
        }
        if kind in made:
            return made[kind]
        if chosen not in FACTS:
            raise FormError(gettext_lazy("Please choose a fact from the list."))
        of = VOCABULARY[chosen].kind
        test = FITTING[of][0].rstrip("_")
        value: Any = True if of is bool else 0 if of is int else "${season}-01-01" if of is date else ""
        return {"fact": chosen, test: value}

    # ── records ──

    def _written(self, path: Path, key: Key) -> Any:
        try:
            return self.rule.value([*path, *key])
        except KeyError:
            return ""

    def filled(self, record: Record) -> Record:
        """A record with names, and with what stands in the text or what somebody typed over it."""
        path = undotted(record.path)
        for f in record.fields:
            f.name = f"{'n' if record.new else 'f'}:{record.path}:{dotted(f.key)}"
            value: Any = f.value if record.new else self._written(path, f.key)
            if isinstance(value, list) and f.kind != "many":
                value = ", ".join(map(str, value))
            chosen = list(map(str, value)) if isinstance(value, list) else [str(value)]
            if f.kind == "many" and isinstance(value, str):
                chosen = [value] if value else []
            if self.typed is not None and f.name in self.typed:
                chosen = [t for t in self.typed.getlist(f.name) if t or f.kind != "many"]
            f.value = chosen[0] if chosen and f.kind != "many" else ""
            known = {o.value for o in f.options}
            if f.kind in ("choice", "many"):
                # What the text says stays choosable, even where no list knows it (a parameter).
                f.options = [*f.options, *(Choice(c, c) for c in chosen if c and c not in known)]
                if f.kind == "choice" and not f.needed:
                    f.options = [Choice("", "–"), *f.options]
            f.options = [Choice(o.value, o.text, o.value in chosen) for o in f.options]
        return record

    def _list(self, path: Path, made: list[tuple[str, list[Field]]]) -> list[Record]:
        """Records of the entries of a list, in its order."""
        n = len(made) - 1
        return [
            self.filled(Record(dotted([*path, i]), words, fields, i == 0, i == n, True))
            for i, (words, fields) in enumerate(made)
        ]

    def _one(self, path: Path, words: str, fields: list[Field], drop: bool = False) -> Record:
        return self.filled(Record(dotted(path), words, fields, drop=drop))

    def _new(self, path: Path, words: str, fields: list[Field]) -> Record:
        return self.filled(Record(dotted(path), words, fields, new=True))

    def _condition(self, key: str = "when") -> Field:
        return Field((key,), _("Condition to begin with"), "condition", True, self.starts)

    def quantity(self, q: Quantity, *key: str | int, mark: str = "") -> list[Field]:
        """The fields of something counted."""

        def of(name: str, label: str, kind: str, needed: bool = False, options: Iterable[Choice] = ()) -> Field:
            return Field((*key, name), f"{mark}{label}", kind, needed, list(options))

        def words(name: str) -> list[Choice]:
            return _choices(_literals(Quantity, name))

        found: list[Field] = []
        limits = [of("less", _("Taken off first"), "number"), of("cap", _("Counted up to"), "number")]
        until = [
            of("unit", _("Unit"), "choice", True, words("unit")),
            of("until", _("Counted up to the day"), "day", True, self.days),
        ]
        if q.of:
            kinds = [Choice(k, KINDS[k][0 if self.lang == "zh" else 1]) for k in _INSURANCES]
            several = len(q.of) > 1
            what = of("of", _("What is counted"), "many", True, self._of_kind(History))
            if not several:
                what = Field((*key, "of", 0), what.label, "choice", True, what.options)
            joint = of("together", _("Where there are several"), "choice", False, words("together"))
            found = [
                what,
                of("count", _("How it is counted"), "choice", True, words("count")),
                *until,
                of("from", _("From the day"), "day", False, self.days),
                of("kinds", _("Kinds of insurance"), "many", False, kinds),
                *([joint] if several or q.kinds else []),
                of("at", _("Where it must be"), "choice", False, words("at")),
                of("back_paid", _("What was paid afterwards"), "choice", False, words("back_paid")),
                *limits,
            ]
        elif q.since:
            dates = self._of_kind(date)
            if isinstance(q.since, str):
                found = [of("since", _("Counted from"), "choice", True, dates)]
            else:
                found = [
                    Field(
                        (*key, "since", i),
                        mark + (_("Counted from") if not i else _("or else from")),
                        "choice",
                        True,
                        dates,
                    )
                    for i in range(len(q.since))
                ]
            found += [*until, *limits]
        elif q.fact:
            found = [of("fact", _("What is counted"), "choice", True, self._of_kind(int)), *limits]
        elif q.share:
            found = [of("share", _("Whose share"), "many", True, self._groups())]
        else:
            name = "sum_of" if q.sum_of else "longest_of"
            for i, part in enumerate(q.inner):
                found += self.quantity(part, *key, name, i, mark=f"{mark}{i + 1}. ")
            found += limits
        return found

    def _groups(self) -> list[Choice]:
        return [Choice(g, str(GROUPS[g][1 if self.lang == "zh" else 2])) for g in GROUPS]

    def leaf(self, condition: Condition, path: Path) -> Record | None:
        """The fields of a condition over a record; None where it has none."""
        fields: list[Field] = []
        if condition.amount:
            fields = [
                *self.quantity(condition.amount, "amount"),
                Field(("amount", condition.amount.bound), _("Number"), "number", True),
            ]
        elif condition.owners_within:
            fields = [Field(("owners_within",), _("Who may stand on the certificate"), "many", True, self._groups())]
        elif condition.no_dwelling_in:
            fields = [Field(("no_dwelling_in",), _("Districts"), "text", True)]
        elif condition.same_address:
            places = self._of_kind(Place)
            fields = [Field(("same_address", i), _("Address"), "choice", True, places) for i in range(2)]
        elif condition.within:
            zones = [Choice(k, pick(z.title, self.lang)) for k, z in (self.policy.zones or {}).items()]
            fields = [
                Field(("within", "place"), _("Address"), "choice", True, self._of_kind(Place)),
                Field(("within", "zone"), _("Zone"), "choice", True, zones),
            ]
        return self._one(path, "", fields) if fields else None

    # ── the parts of a policy ──

    def category(self, index: int, c: Category) -> list[Record]:
        """A batch: title, base points, who gets the last seats; its fallback, papers, choices and grounds."""
        path: Path = ["categories", index]
        others = [o for o in self.codes if o.value != c.code]
        last = _choices(_literals(Category, "straddle"))
        own = [
            *_both(_("Title")),
            Field(("points",), _("Base points"), "number"),
            Field(("straddle",), _("Where seats end inside it"), "choice", False, last),
        ]
        for f in own[:2]:
            f.key = ("title", *f.key)
        made = [self._one(path, _("Title and points"), own)]
        to = Field(("to",), _("Without the proof it is treated as"), "choice", True, others)
        if c.fallback:
            made.append(self._one([*path, "fallback"], _("Fallback"), [to], drop=True))
        elif others:
            made.append(self._new([*path, "fallback"], _("New fallback"), [to, self._condition("proof")]))
        papers = [
            (pick(p, self.lang), [*_both(_("Paper")), Field(("shows",), _("What it shows"), "many", False, self.used)])
            for p in c.evidence or ()
        ]
        made += self._list([*path, "evidence"], papers)
        shows = Field(("shows",), _("What it shows"), "many", False, self.used)
        made.append(self._new([*path, "evidence"], _("New paper to bring"), [*_both(_("Paper")), shows]))
        made += self._list(
            [*path, "may"],
            [(f"{_('Choice')}: {pick(m, self.lang)}", _both(_("What a family may choose"))) for m in c.may or ()],
        )
        made.append(self._new([*path, "may"], _("New choice of the family"), _both(_("What a family may choose"))))
        grounds = [(f"{_('Ground')}: {pick(b.title, self.lang)}", _both(_("Title"), "title")) for b in c.bases]
        made += self._list([*path, "bases"], grounds)
        made.append(self._new([*path, "bases"], _("New ground"), [*_both(_("Title"), "title"), self._condition()]))
        return made

    def _item(self, path: Path, item: Item, root: bool) -> list[Field]:
        fields = [*_both(_("Title"), "title", needed=False)]
        if not root:
            fields += [
                Field(("code",), _("Code")),
                Field(("categories",), _("Only for"), "many", False, self.codes),
            ]
        if item.give is not None:
            fields.append(Field(("give",), _("Points"), "number", True))
        if item.of:
            fields += [
                Field(("rate",), _("Points for each"), "number", True),
                Field(("each",), _("so many units (empty: one)"), "number"),
                *self.quantity(item.of, "of"),
            ]
        if item.times:
            fields.append(Field(("times", "by"), _("Multiplied by"), "number", True))
        return [*fields, Field(("cap",), _("At most"), "number"), Field(("floor",), _("At least"), "number")]

    def _new_items(self, path: Path) -> list[Record]:
        """A new item in a list: fixed points, or points for each unit of something counted."""
        name = [*_both(_("Title"), "title"), Field(("code",), _("Code"))]
        only = Field(("categories",), _("Only for"), "many", False, self.codes)
        countable = [
            *(Choice(f"of:{c.value}", c.text) for c in self._of_kind(History)),
            *(Choice(f"since:{c.value}", c.text) for c in self._of_kind(date)),
            *(Choice(f"fact:{c.value}", c.text) for c in self._of_kind(int)),
        ]
        fixed = [*name, only, Field(("give",), _("Points"), "number", True), self._condition()]
        counted = [
            *[Field(f.key, f.label, f.kind, f.needed) for f in name],
            Field(("categories",), _("Only for"), "many", False, self.codes),
            Field(("rate",), _("Points for each"), "number", True),
            Field(("of",), _("What is counted"), "choice", True, countable),
            Field(("cap",), _("At most"), "number"),
        ]
        return [
            self._new(path, _("New item: fixed points under a condition"), fixed),
            self._new([*path, "counted"], _("New item: points for what is counted"), counted),
        ]

    def points(self) -> Section:
        """The table of points, its items indented, each with what can be added to it."""
        made: list[Record] = []
        for path, item in self.policy.items():
            root = path == ["points"]
            words = pick(item.title, self.lang) if item.title else self.words.item(item)[0]
            record = self._one(path, words, self._item(path, item, root), drop=True)
            record.depth = len([p for p in path if isinstance(p, int)])
            if not root:
                around = self.rule.value(path[:-1])
                record.first, record.last = path[-1] == 0, path[-1] == len(around) - 1
            if item.when is None:
                record.inner.append(self._new([*path, "when"], _("Only under a condition"), [self._condition("")]))
            else:
                record.inner.append(self._one([*path, "when"], _("Condition: see Conditions"), [], drop=True))
            if item.times is None:
                by = Field(("by",), _("Multiplied by"), "number", True)
                record.inner.append(self._new([*path, "times"], _("Multiplier"), [by, self._condition()]))
            else:
                record.inner.append(self._one([*path, "times"], _("Multiplier"), [], drop=True))
            if item.parts:
                record.inner += self._new_items([*path, "sum" if item.sum else "best"])
            made.append(record)
        if not self.policy.points:
            first = [
                *_both(_("Title"), "title"),
                Field(("give",), _("Points"), "number", True),
                self._condition(),
            ]
            made.append(self._new(["points"], _("A table of points, with its first item"), first))
        return Section("points", _("Points"), made)

    def sections(self) -> list[Section]:
        """Everything beside tie-breakers, batches, conditions and parameters."""
        p, lang, codes = self.policy, self.lang, self.codes

        def both(label: str) -> list[Field]:
            return _both(label, "title")

        def entries(key: str, title: str, new: str, words: list[str], fields: Any, more: list[Field]) -> Section:
            made = self._list([key], [(said, fields()) for said in words])
            return Section(key, title, [*made, self._new([key], new, [*fields(), *more])])

        def veto() -> list[Field]:
            return [*both(_("Title")), Field(("blocks",), _("Shuts out of (none: all)"), "many", False, codes)]

        def quota() -> list[Field]:
            return [
                Field(("category",), _("Batch"), "choice", True, codes),
                Field(("seats",), _("Seats"), "number"),
                Field(("share",), _("or a share of the plan, such as 50%"), "number"),
            ]

        def buffer() -> list[Field]:
            return [
                Field(("school",), _("School's code"), needed=True),
                *both(_("Title")),
                Field(("category",), _("Children of the batch"), "choice", True, codes),
            ]

        def feeder() -> list[Field]:
            return [
                Field(("primary",), _("Primary school"), needed=True),
                Field(("junior",), _("Junior school"), needed=True),
                Field(("opt_out",), _("A family may decline"), "choice", True, _yes()),
            ]

        def round_() -> list[Field]:
            return [
                *both(_("Title")),
                Field(("categories",), _("Batches"), "many", True, codes),
                Field(("choices",), _("Schools to choose"), "number", True),
                Field(("by",), _("Decided"), "choice", True, _choices(_literals(Round, "by"))),
                Field(("repeat",), _("Times (empty: once)"), "number"),
            ]

        said = {c.value: c.text for c in codes}
        end = [pick(b.title, lang) for b in p.last_in_category or ()]
        return [
            self.points(),
            entries(
                "veto",
                _("Vetoes"),
                _("New veto"),
                [pick(v.title, lang) for v in p.veto or ()],
                veto,
                [self._condition()],
            ),
            entries(
                "last_in_category",
                _("End of the category"),
                _("New rule for the end of the category"),
                end,
                lambda: both(_("Title")),
                [self._condition()],
            ),
            self._seat_lock(),
            entries("quotas", _("Quotas"), _("New quota"), [said[q.category] for q in p.quotas or ()], quota, []),
            entries(
                "buffers",
                _("Buffer zones"),
                _("New buffer zone"),
                [pick(b.title, lang) for b in p.buffers or ()],
                buffer,
                [],
            ),
            entries(
                "feeders",
                _("Feeder schools"),
                _("New feeder school"),
                [f"{f.primary} → {f.junior}" for f in p.feeders or ()],
                feeder,
                [],
            ),
            entries(
                "rounds",
                _("Rounds of choices"),
                _("New round"),
                [pick(r.title, lang) for r in p.rounds or ()],
                round_,
                [],
            ),
            self._asks(),
            self._whole(),
        ]

    def _seat_lock(self) -> Section:
        lock = self.policy.seat_lock
        years = [Field(("years", s), str(STAGES[s]), "number") for s in _literals(SeatLockRule, "years")]
        exempt = _choices(_literals(SeatLockRule, "exempt"))
        released = _choices(_literals(SeatLockRule, "released_by"))
        scope = Field(("scope",), _("Seats that count"), "choice", True, _choices(_literals(SeatLockRule, "scope")))
        blocks = Field(("last_year_blocks",), _("The year in which it ends still blocks"), "choice", True, _yes())
        fields = [
            Field(("since",), _("First year of entry that locks"), "number"),
            *years,
            Field(("exempt",), _("Not for"), "many", False, exempt),
            Field(("released_by",), _("Ended early by"), "many", False, released),
            scope,
            blocks,
        ]
        record = (
            self._one(["seat_lock"], _("One home, one family"), fields, drop=True)
            if lock
            else self._new(["seat_lock"], _("New seat lock"), fields)
        )
        return Section("seat-lock", _("Seat lock"), [record])

    def _asks(self) -> Section:
        made = [
            self._one(["ask", name], VOCABULARY[name].name(self.lang), _both(_("What the family can do")), drop=True)
            for name in self.policy.ask or ()
        ]
        rest = [c for c in self.used if c.value not in (self.policy.ask or {})]
        fact = Field(("*",), _("Fact that is unknown"), "choice", True, rest)
        new = self._new(["ask"], _("New word on what to ask"), [fact, *_both(_("What the family can do"))])
        return Section("ask", _("What to ask where something is unknown"), [*made, new])

    def _whole(self) -> Section:
        """What holds for the whole rule."""

        def choice(key: str, label: str) -> Field:
            return Field((key,), label, "choice", False, _choices(_literals(Policy, key)))

        fields = [
            *_both(_("Title"), "title"),
            *_both(_("Source"), "source"),
            *_both(_("Note"), "note", needed=False),
            *_both(_("The last category"), "coordinate"),
            Field(("effective", "first"), _("First day in force"), "day", False, self.days),
            Field(("effective", "last"), _("Last day in force"), "day", False, self.days),
            choice("ranking", _("Ranking")),
            choice("ties", _("What is still equal")),
            choice("siblings", _("Siblings")),
            choice("multiples", _("Twins and multiples")),
            choice("late", _("Who applies late gets")),
            Field(("confidence_at_least",), _("Facts less sure than this (1–100) are to be confirmed"), "number"),
        ]
        return Section("whole", _("The rule as a whole"), [self._one([], _("Title, days and arrangements"), fields)])

    def order(self, order: Order, path: Path) -> Record | None:
        """The fields of a tie-breaker that counts something."""
        return self._one(path, "", self.quantity(order.amount, "amount")) if order.amount else None

    def parameter(self) -> Record:
        """A new parameter."""
        fields = [Field(("*",), _("Name"), needed=True), Field(("value",), _("Value"), needed=True)]
        return self._new(["parameters"], _("New parameter"), fields)

    # ── writing ──

    @cached_property
    def records(self) -> dict[tuple[str, bool], Record]:
        """Every record by its path, with whether it is a new one."""
        found: dict[tuple[str, bool], Record] = {}

        def take(record: Record | None) -> None:
            if record:
                found[record.path, record.new] = record
                for inner in record.inner:
                    take(inner)

        for section in self.sections():
            for record in section.records:
                take(record)
        for i, c in enumerate(self.policy.categories):
            for record in self.category(i, c):
                take(record)
        for start, top in self.policy.conditions():
            for path, part in top.paths(start):
                take(self.leaf(part, path))
        for path, order in self.policy.orders():
            take(self.order(order, path))
        take(self.parameter())
        return found

    def change(self, path: str, fields: Any) -> str:
        """The text with the record's changed fields written; nothing else moves. KeyError where it is not there."""
        record, place, made = self.records[path, False], undotted(path), self.rule
        for f in record.fields:
            if f.name not in fields:
                continue
            now = self._written(place, f.key)
            new = _typed(f, fields)
            if f.key[-1:] == ("no_dwelling_in",) and isinstance(new, str) and not _PARAMETER.fullmatch(new):
                new = [v.strip() for v in new.replace("，", ",").split(",") if v.strip()]
            if _same(now, new):
                continue
            where = [*place, *f.key]
            if new in ("", []):
                made = RuleText(made.drop(where)) if made.has(where) else made
            else:
                made = RuleText(made.put(where, new))
        return made.text

    def add(self, path: str, fields: Any) -> str:
        """The text with a new record in its list or under its key."""
        record, place = self.records[path, True], undotted(path)
        value: dict[str, Any] = {}
        for f in record.fields:
            new: Any = _typed(f, fields)
            if new in ("", []):
                continue
            if f.kind == "condition":
                new = self.start(str(new))
            if f.key == ("",):
                value = new
                continue
            inner = value
            for step in f.key[:-1]:
                inner = inner.setdefault(str(step), {})
            inner[str(f.key[-1])] = new
        if place[0] == "points" and place[-1] == "counted":
            kind, _colon, name = str(value["of"]).partition(":")
            until = self.days[0].value if self.days else "${season}-08-31"
            span = {} if kind == "fact" else {"unit": "months", "until": until}
            count = {"count": "cumulative"} if kind == "of" else {}
            value["of"] = {kind: [name] if kind == "of" else name, **count, **span}
            place = place[:-1]
        if place == ["points"]:
            value = {"title": value.pop("title"), "sum": [value]}
        elif "*" in value:
            name = str(value.pop("*"))
            if name in (self.rule.value(place) if self.rule.has(place) else {}):
                raise FormError(gettext_lazy("This name is used already: please choose another."))
            return self.rule.put([*place, name], value.get("value", value))
        if place[-1] in _KEYS:
            return self.rule.put(place, value)
        there = self.rule.has(place)
        return self.rule.insert(place, len(self.rule.value(place)) if there else 0, value)


_KEYS = ("seat_lock", "points", "times", "when", "fallback")
_INSURANCES = ("pension", "medical", "unemployment", "injury", "maternity")


def _same(now: Any, new: Any) -> bool:
    if isinstance(now, list):
        return isinstance(new, list) and sorted(map(str, now)) == sorted(map(str, new))
    shown = str(new).lower() if isinstance(new, bool) else new.isoformat() if isinstance(new, date) else str(new)
    return str(now) == shown


def _typed(f: Field, fields: Any) -> Any:
    """A control's content as a value; "" or [] for nothing. Raises FormError, which names the control."""

    def wrong(message: Any) -> FormError:
        return FormError(message, f.label)

    if f.kind == "many":
        chosen = [v for v in fields.getlist(f.name) if v]
        if f.needed and not chosen:
            raise wrong(gettext_lazy("Please choose at least one."))
        return chosen
    typed = fields.get(f.name, "").strip()
    if not typed:
        if f.needed:
            raise wrong(gettext_lazy("Please fill in a value."))
        return ""
    if f.key == ("value",):
        return scalar(typed)
    if f.kind == "choice":
        if typed not in {o.value for o in f.options}:
            raise wrong(gettext_lazy("Please choose from the list."))
        return {"true": True, "false": False}.get(typed, typed)
    if _PARAMETER.fullmatch(typed):
        return typed
    if f.kind == "number":
        bare = typed.removesuffix("%")
        if not _NUMBER.fullmatch(bare):
            raise wrong(gettext_lazy("Please write a number, such as 12, 0.5 or 50%."))
        return typed if bare != typed else int(bare) if "." not in bare else Decimal(bare)
    if f.kind == "day":
        try:
            return date.fromisoformat(typed)
        except ValueError:
            raise wrong(gettext_lazy("Please write the day like 2026-08-31, or choose a parameter.")) from None
    return typed


def scalar(text: str) -> Any:
    """A parameter's or bound's value as typed: number, day, reference or text; several with commas."""
    text = text.strip()
    if not text:
        raise FormError(gettext_lazy("Please fill in a value."))
    if "," in text or "，" in text:
        return [scalar(part) for part in text.replace("，", ",").split(",") if part.strip()]
    if text.lstrip("-").isdigit():
        return int(text)
    return {"true": True, "false": False}.get(text, text)
