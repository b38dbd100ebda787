"""The forms of the rule editor: what they show of a text, and what each button does to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ruxue.places.ruletext import RuleText
from ruxue.policy.facts import DISTRICTS, KINDS, VOCABULARY, Lang, Truth
from ruxue.policy.language import FITTING, Condition, Order, Policy
from ruxue.policy.words import pick, words_of

Path = list[str | int]
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
FACTS = sorted(name for name, term in VOCABULARY.items() if term.kind in FITTING and not term.banned)
"""What a condition can ask for with one comparison; records have forms of their own, in the text."""


class FormError(ValueError):
    """What was filled in can't be used; the message is for the page."""


@dataclass
class Choice:
    """An option of a list: value, words, chosen."""

    value: str
    text: str
    on: bool = False


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


def dotted(path: Path) -> str:
    return ".".join(map(str, path))


def undotted(text: str) -> Path:
    return [int(p) if p.isdigit() else p for p in text.split(".")] if text else []


def _tests(name: str) -> list[str]:
    fitting = [t.rstrip("_") for t in FITTING[VOCABULARY[name].kind]]
    return [t for test in fitting for t in ([test, f"not_{test}"] if VOCABULARY[name].kind is str else [test])]


def fact_choices(lang: Lang, chosen: str = "", only: tuple[type, ...] | None = None) -> list[Choice]:
    """The vocabulary as a list, in the page's words."""
    names = [n for n in FACTS if only is None or VOCABULARY[n].kind in only]
    return sorted((Choice(n, VOCABULARY[n].name(lang), n == chosen) for n in names), key=lambda c: c.text)


class Forms:
    """What the editor shows beside a valid text."""

    def __init__(self, text: str, policy: Policy, lang: Lang, opened: str = "", fact: str = "") -> None:
        self.rule, self.policy, self.lang = RuleText(text), policy, lang
        self.words, self.opened, self.fact = words_of(policy, lang), opened, fact

    def orders(self) -> list[dict[str, Any]]:
        """Lists of tie-breakers: the rule's own, then those of categories."""
        lists: dict[str, dict[str, Any]] = {"order": {"path": "order", "title": "", "rows": []}}
        for path, order in self.policy.orders():
            place = dotted(path[:-1])
            title = "" if place == "order" else pick(self.policy.categories[int(path[1])].title, self.lang)
            mine = lists.setdefault(place, {"path": place, "title": title, "rows": []})
            better = [Choice(b, str(BETTER[b]), b == order.better) for b in _directions(order)]
            said = self.words.order(order).rpartition("，" if self.lang == "zh" else ": ")[0]
            mine["rows"].append({"path": dotted(path), "text": said, "better": better})
        return list(lists.values())

    def categories(self) -> list[dict[str, Any]]:
        """The categories with their codes and titles."""
        return [
            {
                "path": f"categories.{i}",
                "code": c.code,
                "zh": c.title.zh,
                "en": c.title.en,
                "title": pick(c.title, self.lang),
            }
            for i, c in enumerate(self.policy.categories)
        ]

    def new_code(self) -> str:
        """A code that no category has yet: the last one counted on."""
        codes = {c.code for c in self.policy.categories}
        last = self.policy.categories[-1].code.rstrip("0123456789") or "B"
        return next(f"{last}{n}" for n in range(len(codes) + 1, 1000) if f"{last}{n}" not in codes)

    def grounds(self) -> list[dict[str, Any]]:
        """Every list of conditions with its title: eligibility, definitions, vetoes, grounds, ends of categories."""
        out = []
        for path, condition in self.policy.conditions():
            if path[0] == "points" or "order" in path:
                continue
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
        category = p.categories[int(path[1])]
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
            row.number = str(self.rule.value([*at, "amount", leaf.amount.bound]))
        row.open = row.path == self.opened
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

Fields = Mapping[str, str]


def _scalar(text: str) -> Any:
    """A parameter's or bound's value as typed: number, day, reference or text; several with commas."""
    text = text.strip()
    if not text:
        raise FormError(_("Please fill in a value."))
    if "," in text or "，" in text:
        return [_scalar(part) for part in text.replace("，", ",").split(",") if part.strip()]
    if text.lstrip("-").isdigit():
        return int(text)
    return {"true": True, "false": False}.get(text, text)


def _wanted(name: str, test: str, fields: Fields, path: str) -> dict[str, Any]:
    """The condition that a row's controls describe."""
    if name not in FACTS:
        raise FormError(_("Please choose a fact from the list."))
    fitting = _tests(name)
    if test not in fitting:
        test = fitting[0]
    kind, typed = VOCABULARY[name].kind, fields.get(f"value:{path}", "").strip()
    value: Any
    if kind is bool:
        value = typed != "false"
    elif not typed and kind is not str:
        raise FormError(_("Please fill in a value."))
    elif typed.startswith("${"):
        value = typed
    elif kind is date:
        try:
            value = date.fromisoformat(typed)
        except ValueError:
            raise FormError(_("Please write the day like 2026-08-31, or choose a parameter.")) from None
    elif kind is int:
        if not typed.rstrip("%").isdigit():
            raise FormError(_("Please write a whole number.")) from None
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
        "title": lambda: rule.set([*path, "title"], _title(fields, place)),
        "copy": lambda: rule.copy(
            path[:-1], index, {("code",): _code(fields, place, policy), ("title",): _title(fields, f"new.{place}")}
        ),
        "condition": lambda: rule.set(
            path, _wanted(fields.get(f"fact:{place}", ""), fields.get(f"test:{place}", ""), fields, place)
        ),
        "number": lambda: _number(rule, policy, path, fields.get(f"number:{place}", "")),
        "add": lambda: _add_condition(rule, path, fields.get(f"new:{place}", "")),
        "parameter": lambda: rule.set(path, _scalar(fields.get(f"parameter:{place}", ""))),
    }
    if what not in actions:
        raise KeyError(what)
    return actions[what]()


def _remove(rule: RuleText, path: Path) -> str:
    if not isinstance(path[-1], int):
        raise FormError(_("A single condition can't be taken away: change it instead."))
    if len(rule.value(path[:-1])) == 1 and path[-2] in ("all", "any"):
        raise FormError(_("The last condition can't be taken away: everybody would meet it."))
    return rule.remove(path[:-1], path[-1])


def _title(fields: Fields, place: str) -> dict[str, str]:
    zh, en = fields.get(f"zh:{place}", "").strip(), fields.get(f"en:{place}", "").strip()
    if not zh or not en:
        raise FormError(_("Please write the title in both languages."))
    return {"zh": zh, "en": en}


def _code(fields: Fields, place: str, policy: Policy) -> str:
    code = fields.get(f"code:{place}", "").strip()
    if not code or not code.isalnum():
        raise FormError(_("Please write a code of letters and digits, such as K6."))
    if code in {c.code for c in policy.categories}:
        raise FormError(_("This code is used already: please choose another."))
    return code


def _add_order(rule: RuleText, path: Path, fields: Fields) -> str:
    name, place = fields.get(f"fact:{dotted(path)}", ""), dotted(path)
    if name not in VOCABULARY or VOCABULARY[name].kind not in (date, int):
        raise FormError(_("Please choose a fact from the list."))
    fitting = ("earlier", "later") if VOCABULARY[name].kind is date else ("larger", "smaller")
    better = fields.get(f"better:new.{place}", "")
    made = {"fact": name, "better": better if better in fitting else fitting[0]}
    return rule.insert(path, len(rule.value(path)), made)


def _add_condition(rule: RuleText, path: Path, name: str) -> str:
    if name not in FACTS:
        raise FormError(_("Please choose a fact from the list."))
    test, kind = _tests(name)[0], VOCABULARY[name].kind
    # A value to begin with, which the opened row then asks for.
    value: Any = True if kind is bool else 0 if kind is int else "${season}-01-01" if kind is date else ""
    made = {"fact": name, test: value}
    if rule.has([*path, "all"]):
        return rule.insert([*path, "all"], len(rule.value([*path, "all"])), made)
    return rule.wrap(path, made)


def _number(rule: RuleText, policy: Policy, path: Path, typed: str) -> str:
    condition = next(c for start, top in policy.conditions() for p, c in top.paths(start) if p == path)
    if condition.amount is None:
        raise KeyError(dotted(path))
    return rule.set([*path, "amount", condition.amount.bound], _scalar(typed))


def added_path(text: str, place: str) -> str:
    """Where the condition that was just added to a list stands."""
    rule, path = RuleText(text), undotted(place)
    return dotted([*path, "all", len(rule.value([*path, "all"])) - 1])
