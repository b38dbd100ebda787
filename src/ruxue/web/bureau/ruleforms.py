"""The forms of the rule editor: what they show of a text, and what each button does to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ruxue.places.ruletext import RuleText
from ruxue.policy.facts import DISTRICTS, KINDS, VOCABULARY, Lang, Truth
from ruxue.policy.language import FITTING, Condition, Order, Policy
from ruxue.policy.words import pick, words_of
from ruxue.web.bureau.rulefields import (
    FACTS,
    Choice,
    FormError,
    Path,
    Record,
    Section,
    Shapes,
    dotted,
    scalar,
    undotted,
)

BETTER: dict[str, Any] = {
    "earlier": gettext_lazy("the earlier first"),
    "later": gettext_lazy("the later first"),
    "larger": gettext_lazy("the larger first"),
    "smaller": gettext_lazy("the smaller first"),
    "met": gettext_lazy("who meets it first"),
    "unmet": gettext_lazy("who does not meet it first"),
}
TESTS: dict[str, Any] = {
    "is": gettext_lazy("is"),
    "equals": gettext_lazy("is"),
    "not_equals": gettext_lazy("is not"),
    "in": gettext_lazy("is one of"),
    "not_in": gettext_lazy("is none of"),
    "before": gettext_lazy("is before"),
    "on_or_before": gettext_lazy("is on or before"),
    "on_or_after": gettext_lazy("is on or after"),
    "at_least": gettext_lazy("is at least"),
    "at_most": gettext_lazy("is at most"),
}


@dataclass
class Row:
    """A condition as a line: its words; `open`: with controls. `heading`: "all" or "any" begins a group."""

    path: str
    text: str
    depth: int
    heading: str = ""
    simple: bool = False
    number: str | None = None
    open: bool = False
    facts: list[Choice] = field(default_factory=list)
    tests: list[Choice] = field(default_factory=list)
    values: list[Choice] = field(default_factory=list)
    value: str = ""
    kind: str = ""
    record: Record | None = None


def _tests(name: str) -> list[str]:
    fitting = [t.rstrip("_") for t in FITTING[VOCABULARY[name].kind]]
    return [t for test in fitting for t in ([test, f"not_{test}"] if VOCABULARY[name].kind is str else [test])]


def fact_choices(lang: Lang, chosen: str = "", only: tuple[type, ...] | None = None) -> list[Choice]:
    """The vocabulary as a list, in the page's words."""
    names = [n for n in FACTS if only is None or VOCABULARY[n].kind in only]
    return sorted((Choice(n, VOCABULARY[n].name(lang), n == chosen) for n in names), key=lambda c: c.text)


class Forms:
    """What the editor shows beside a valid text. `typed`: what was filled in and not saved, which stays."""

    def __init__(
        self, text: str, policy: Policy, lang: Lang, opened: str = "", fact: str = "", typed: Any = None
    ) -> None:
        self.rule, self.policy, self.lang = RuleText(text), policy, lang
        self.words, self.opened, self.fact = words_of(policy, lang), opened, fact
        self.typed, self.shapes = typed, Shapes(self.rule, policy, lang, typed)

    def _kept(self, name: str, value: str) -> str:
        return str(self.typed[name]) if self.typed is not None and name in self.typed else value

    def starts(self) -> list[Choice]:
        """Every way in which a condition can begin."""
        return self.shapes.starts

    def sections(self) -> list[Section]:
        """What the rule has beside tie-breakers, batches, conditions and parameters."""
        return self.shapes.sections()

    def new_parameter(self) -> Record:
        """A parameter that is not there yet."""
        return self.shapes.parameter()

    def orders(self) -> list[dict[str, Any]]:
        """Lists of tie-breakers: the rule's own, then those of categories."""
        lists: dict[str, dict[str, Any]] = {"order": {"path": "order", "title": "", "rows": []}}
        for i, c in enumerate(self.policy.categories):
            place = f"categories.{i}.order"
            lists[place] = {"path": place, "title": pick(c.title, self.lang), "rows": [], "own": c.order is not None}
        for path, order in self.policy.orders():
            name = dotted(path)
            chosen = self._kept(f"better:{name}", order.better)
            better = [Choice(b, str(BETTER[b]), b == chosen) for b in _directions(order)]
            said = self.words.order(order).rpartition("，" if self.lang == "zh" else ": ")[0]
            record = self.shapes.order(order, path)
            lists[dotted(path[:-1])]["rows"].append({"path": name, "text": said, "better": better, "record": record})
        return sorted(lists.values(), key=lambda made: made["path"] != "order" and not made["own"])

    def order_facts(self) -> list[Choice]:
        """What a new tie-breaker can be: a day, a number, points."""
        items = [(i.code, pick(i.title, self.lang) if i.title else i.code) for _p, i in self.policy.items() if i.code]
        scored = self.policy.points or any(c.points is not None for c in self.policy.categories)
        total = [Choice("points:total", _("points in all"))] if scored else []
        points = [Choice(f"points:{code}", _("points: %(item)s") % {"item": title}) for code, title in items]
        met = [Choice(f"when:{c.value}", c.text) for c in fact_choices(self.lang, only=(bool,))]
        return [*total, *points, *fact_choices(self.lang, only=(date, int)), *met]

    def categories(self) -> list[dict[str, Any]]:
        """The categories with their codes, titles and fields."""
        return [
            {
                "path": f"categories.{i}",
                "code": c.code,
                "new": {key: self._kept(f"{key}:categories.{i}", first) for key, first in self._copy_of(i).items()},
                "title": pick(c.title, self.lang),
                "records": self.shapes.category(i, c),
            }
            for i, c in enumerate(self.policy.categories)
        ]

    def _copy_of(self, index: int) -> dict[str, str]:
        place = f"new.categories.{index}"
        return {"code": self.new_code(), "zh": self._kept(f"zh:{place}", ""), "en": self._kept(f"en:{place}", "")}

    def new_code(self) -> str:
        """A code that no category has yet: the last one counted on."""
        codes = {c.code for c in self.policy.categories}
        last = self.policy.categories[-1].code.rstrip("0123456789") or "B"
        return next(f"{last}{n}" for n in range(len(codes) + 1, 1000) if f"{last}{n}" not in codes)

    def grounds(self) -> list[dict[str, Any]]:
        """Every list of conditions with its title: eligibility, definitions, vetoes, grounds, ends of categories."""
        out = []
        for path, condition in self.policy.conditions():
            rows = self._rows(path, condition, 0)
            opened = any(row.open for row in rows)
            out.append({"path": dotted(path), "title": self._title(path), "rows": rows, "open": opened})
        return out

    def _title(self, path: Path) -> str:
        p, lang = self.policy, self.lang
        if path[0] == "eligible":
            return _("Who may be enrolled")
        if path[0] == "define":
            return f"{_('Definition')} {path[1]}"
        if path[0] == "veto":
            return f"{_('Veto')}: {pick((p.veto or [])[int(path[1])].title, lang)}"
        if path[0] == "last_in_category":
            return f"{_('End of the category')}: {pick((p.last_in_category or [])[int(path[1])].title, lang)}"
        if path[0] == "points":
            item = next(i for at, i in p.items() if at == path[: -2 if path[-2:] == ["times", "when"] else -1])
            named = pick(item.title, lang) if item.title else self.words.item(item)[0]
            part = _("Multiplier") if path[-2] == "times" else _("Points")
            return f"{part}: {named}"
        if path[0] == "order":
            return f"{_('Tie-breaker')} {int(path[1]) + 1}"
        category = p.categories[int(path[1])]
        if "order" in path:
            return f"{category.code} · {_('Tie-breaker')} {int(path[3]) + 1}"
        if "fallback" in path:
            return f"{category.code} · {_('the proof without which it falls back')}"
        return f"{category.code} · {pick(category.bases[int(path[3])].title, lang)}"

    def _rows(self, path: Path, condition: Condition, depth: int) -> list[Row]:
        parts = condition.all or condition.any
        if parts:
            key = "all" if condition.all else "any"
            # A list of conditions that must all be met needs no heading at the top.
            head = [] if depth == 0 and key == "all" else [Row(dotted(path), "", depth, key)]
            inner = [r for i, part in enumerate(parts) for r in self._rows([*path, key, i], part, depth + bool(head))]
            return head + inner
        row = Row(dotted(path), self.words.say(condition), depth)
        leaf, negated, at = condition, False, path
        if condition.negated is not None:
            leaf, negated, at = condition.negated, True, [*path, "not"]
        row.simple = leaf.fact in FACTS and (not negated or VOCABULARY[leaf.fact].kind is str)
        if leaf.amount and not negated:
            name = f"number:{row.path}"
            row.number = self._kept(name, str(self.rule.value([*at, "amount", leaf.amount.bound])))
        row.open = row.path == self.opened
        row.record = None if row.simple else self.shapes.leaf(leaf, at)
        if row.open and row.simple:
            self._controls(row, leaf, negated, at)
        return [row]

    def _controls(self, row: Row, leaf: Condition, negated: bool, at: Path) -> None:
        assert leaf.fact
        name = self.fact or leaf.fact
        same = name == leaf.fact
        test = leaf.test.rstrip("_")
        chosen = f"not_{test}" if negated else test
        row.kind = VOCABULARY[name].kind.__name__
        row.facts = fact_choices(self.lang, name)
        row.tests = [Choice(t, str(TESTS[t]), same and t == chosen) for t in _tests(name)]
        written = self.rule.value([*at, test]) if same else ""
        row.value = ", ".join(written) if isinstance(written, list) else str(written)
        if same:
            row.value = self._kept(f"value:{row.path}", row.value)
            test = self._kept(f"test:{row.path}", "")
            row.tests = [Choice(t.value, t.text, t.value == test if test else t.on) for t in row.tests]
        if row.kind == "bool":
            term, no = VOCABULARY[name], row.value == "false"
            said = [term.phrase(truth, self.lang) for truth in (Truth.TRUE, Truth.FALSE)]
            row.values = [Choice("true", said[0], not no), Choice("false", said[1], no)]
        elif row.kind == "date":
            days = {k: v for k, v in self.policy.parameters.items() if isinstance(v, date)}
            row.values = [Choice(f"${{{k}}}", f"{k} ({v})") for k, v in days.items()]
        else:
            row.values = [Choice(v, self.words.value(name, v)) for v in known_values(self.policy, name)]

    def parameters(self) -> list[dict[str, Any]]:
        """The parameters as they are written, and what they come to."""
        assumed = self.policy.assumed or {}
        out = []
        for name, value in self.policy.parameters.items():
            written = self.rule.value(["parameters", name])
            text = ", ".join(written) if isinstance(written, list) else str(written)
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            why = pick(assumed[name], self.lang) if name in assumed else ""
            text = self._kept(f"parameter:parameters.{name}", text)
            out.append({"name": name, "value": text, "shown": "" if shown == text else shown, "assumed": why})
        return out


def _directions(order: Order) -> tuple[str, ...]:
    if order.fact is None:
        return ("met", "unmet") if order.when else ("larger", "smaller")
    return ("earlier", "later") if VOCABULARY[order.names[0]].kind is date else ("larger", "smaller")


def known_values(policy: Policy, name: str) -> list[str]:
    """Texts that a fact can be compared with: districts, kinds, and what this rule or its regions already say."""
    said = [t for _p, c in policy.conditions() for leaf in c.walk() if leaf.fact == name for t in leaf.texts if t]
    if VOCABULARY[name].kind is not str:
        return []
    if name == "child.hukou_district":
        said += [*DISTRICTS, *(policy.regions or {})]
    elif name.endswith((".kind", "special_group", "dwelling_kind")):
        said += list(KINDS)
    return list(dict.fromkeys(said))


# ── what the buttons do ───────────────────────────────────────────────────────────────────────────────────────

Fields = Any
"""What was posted: get and getlist (Django's QueryDict)."""


def _wanted(name: str, test: str, fields: Fields, path: str) -> dict[str, Any]:
    """The condition that a row's controls describe."""
    if name not in FACTS:
        raise FormError(gettext_lazy("Please choose a fact from the list."))
    fitting = _tests(name)
    if test not in fitting:
        test = fitting[0]
    kind, typed = VOCABULARY[name].kind, fields.get(f"value:{path}", "").strip()
    value: Any
    if kind is bool:
        value = typed != "false"
    elif not typed and kind is not str:
        raise FormError(gettext_lazy("Please fill in a value."))
    elif typed.startswith("${"):
        value = typed
    elif kind is date:
        try:
            value = date.fromisoformat(typed)
        except ValueError:
            raise FormError(gettext_lazy("Please write the day like 2026-08-31, or choose a parameter.")) from None
    elif kind is int:
        if not typed.rstrip("%").isdigit():
            raise FormError(gettext_lazy("Please write a whole number.")) from None
        value = int(typed)
    else:
        value = typed
    bare = test.removeprefix("not_")
    if bare == "in":
        value = [v.strip() for v in str(value).replace("，", ",").split(",") if v.strip()]
    made = {"fact": name, bare: value}
    return {"not": made} if test.startswith("not_") else made


def apply(text: str, policy: Policy, do: str, fields: Fields) -> str:
    """The text after a button: `do` is "what:path". Raises FormError for what can't be used, KeyError for a place
    that the text does not have."""
    what, _colon, place = do.partition(":")
    path, rule = undotted(place), RuleText(text)
    index = path[-1] if path and isinstance(path[-1], int) else 0
    actions: dict[str, Callable[[], str]] = {
        "up": lambda: rule.move(path[:-1], index, index - 1),
        "down": lambda: rule.move(path[:-1], index, index + 1),
        "remove": lambda: _remove(rule, path),
        "better": lambda: rule.set([*path, "better"], fields.get(f"better:{place}", "")),
        "order": lambda: _add_order(rule, path, fields),
        "fields": lambda: Shapes(rule, policy, "en").change(place, fields),
        "new": lambda: Shapes(rule, policy, "en").add(place, fields),
        "drop": lambda: _drop(rule, path),
        "not": lambda: rule.turn(path),
        "copy": lambda: rule.copy(
            path[:-1], index, {("code",): _code(fields, place, policy), ("title",): _title(fields, f"new.{place}")}
        ),
        "condition": lambda: rule.set(
            path, _wanted(fields.get(f"fact:{place}", ""), fields.get(f"test:{place}", ""), fields, place)
        ),
        "number": lambda: _number(rule, policy, path, fields.get(f"number:{place}", "")),
        "add": lambda: _add_condition(rule, path, policy, fields.get(f"new:{place}", "")),
        "parameter": lambda: rule.set(path, scalar(fields.get(f"parameter:{place}", ""))),
    }
    if what not in actions:
        raise KeyError(what)
    return actions[what]()


def left(fields: Fields, do: str) -> Any:
    """What was filled in elsewhere when a button was pressed: it stays on the page. What lies in the place that the
    button changed goes, with its neighbours where these have moved."""
    what, _colon, place = do.partition(":")
    moved = what in ("up", "down", "remove", "copy", "drop")
    gone = (place.rpartition(".")[0] or place) if moved else place
    kept = fields.copy()
    for name in fields:
        _kind, _sep, rest = name.partition(":")
        at = rest.removeprefix("new.").partition(":")[0]
        if at == gone or (gone and at.startswith(f"{gone}.")):
            del kept[name]
    return kept


def _remove(rule: RuleText, path: Path) -> str:
    if not isinstance(path[-1], int):
        raise FormError(gettext_lazy("A single condition can't be taken away: change it instead."))
    if len(rule.value(path[:-1])) == 1 and path[-2] in ("all", "any"):
        raise FormError(gettext_lazy("The last condition can't be taken away: everybody would meet it."))
    return rule.remove(path[:-1], path[-1])


def _drop(rule: RuleText, path: Path) -> str:
    """Takes away a record; an optional list that held nothing else goes with it."""
    if not isinstance(path[-1], int):
        return rule.drop(path)
    if path[-2] not in ("order", "bases", "categories") and len(rule.value(path[:-1])) == 1:
        return rule.drop(path[:-1])
    return rule.remove(path[:-1], path[-1])


def _title(fields: Fields, place: str) -> dict[str, str]:
    zh, en = fields.get(f"zh:{place}", "").strip(), fields.get(f"en:{place}", "").strip()
    if not zh or not en:
        raise FormError(gettext_lazy("Please write the title in both languages."))
    return {"zh": zh, "en": en}


def _code(fields: Fields, place: str, policy: Policy) -> str:
    code = fields.get(f"code:{place}", "").strip()
    if not code or not code.isalnum():
        raise FormError(gettext_lazy("Please write a code of letters and digits, such as K6."))
    if code in {c.code for c in policy.categories}:
        raise FormError(gettext_lazy("This code is used already: please choose another."))
    return code


def _add_order(rule: RuleText, path: Path, fields: Fields) -> str:
    name, place = fields.get(f"fact:{dotted(path)}", ""), dotted(path)
    kind, _colon, item = name.partition(":")
    better = fields.get(f"better:new.{place}", "")
    made: dict[str, Any]
    if kind == "when" and item in FACTS and VOCABULARY[item].kind is bool:
        made = {"when": {"fact": item, "is": True}, "better": better if better in ("met", "unmet") else "met"}
    elif kind == "points":
        made = {"points": item, "better": better if better in ("larger", "smaller") else "larger"}
    elif name in VOCABULARY and VOCABULARY[name].kind in (date, int):
        fitting = ("earlier", "later") if VOCABULARY[name].kind is date else ("larger", "smaller")
        made = {"fact": name, "better": better if better in fitting else fitting[0]}
    else:
        raise FormError(gettext_lazy("Please choose a fact from the list."))
    return rule.insert(path, len(rule.value(path)) if rule.has(path) else 0, made)


def _add_condition(rule: RuleText, path: Path, policy: Policy, name: str) -> str:
    made = Shapes(rule, policy, "en").start(name)
    if rule.has([*path, "all"]):
        return rule.insert([*path, "all"], len(rule.value([*path, "all"])), made)
    return rule.wrap(path, made)


def _number(rule: RuleText, policy: Policy, path: Path, typed: str) -> str:
    condition = next(c for start, top in policy.conditions() for p, c in top.paths(start) if p == path)
    if condition.amount is None:
        raise KeyError(dotted(path))
    return rule.set([*path, "amount", condition.amount.bound], scalar(typed))


def added_path(text: str, place: str) -> str:
    """Where the condition that was just added to a list stands."""
    rule, path = RuleText(text), undotted(place)
    return dotted([*path, "all", len(rule.value([*path, "all"])) - 1])
