"""Golden cases: a family's facts in, verdict and first failing condition out; a policy is checked against them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import yaml

from ruxue.policy.engine import decide, thousandths
from ruxue.policy.explain import explain
from ruxue.policy.facts import VOCABULARY, Fact, FactSheet, Lang, Value
from ruxue.policy.language import Policy
from ruxue.policy.records import parse

AS_OF = date(2026, 7, 1)
"""The day that the facts of cases speak of."""


@dataclass(frozen=True)
class Case:
    """One family and what the text says of it; `expect` has the keys of EXPECTED, those left out are not compared."""

    name: str
    facts: FactSheet
    expect: dict[str, Any]
    final: bool = False


EXPECTED = ("state", "category", "needed", "order", "failed", "points", "better_points", "buffers", "options")


@dataclass(frozen=True)
class Book:
    """A file of cases: the policy that they are for (its file's stem), the season to load it for, the cases."""

    policy: str
    season: int | None
    cases: list[Case] = field(default_factory=list)


class CaseError(ValueError):
    """A case that can't be read; its name and the fault in both languages."""

    def __init__(self, name: str, zh: str, en: str) -> None:
        super().__init__(f"{name}: {en}")
        self.name, self.zh, self.en = name, zh, en


def sheet(values: dict[str, Any], source: str = "NR1", as_of: date | None = AS_OF) -> dict[str, Fact]:
    """Facts from plain values, as cases and forms give them. Raises KeyError, TypeError, ValueError."""
    return {name: Fact(_value(name, value), source, as_of) for name, value in values.items()}


def _value(name: str, value: Any) -> Value | None:
    made: Value | None = parse(VOCABULARY[name].kind, value)
    return made


def read(text: str) -> Book:
    """Reads a file of cases (YAML). Raises CaseError."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CaseError("-", f"YAML 写法有误：{error}", f"this is not valid YAML: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("cases"), list):
        raise CaseError("-", "文件要有 cases 列表", "the file needs a list of cases")
    families, cases = raw.get("families") or {}, []
    for entry in raw["cases"]:
        name = str(entry.get("name") if isinstance(entry, dict) else entry)
        if not isinstance(entry, dict) or not isinstance(entry.get("expect"), dict):
            raise CaseError(name, "每个案例要有 name 和 expect", "each case has a name and what to expect")
        if entry.get("like") is not None and entry["like"] not in families:
            raise CaseError(name, f"没有家庭 {entry['like']}", f"there is no family {entry['like']}")
        if lost := sorted(set(entry["expect"]) - set(EXPECTED)):
            raise CaseError(name, f"expect 里没有 {lost[0]}", f"expect knows no {lost[0]}")
        values = {**families.get(entry.get("like"), {}), **(entry.get("with") or {})}
        try:
            facts = sheet(values)
        except KeyError as error:
            raise CaseError(name, f"没有名为 {error.args[0]} 的事实", f"no fact named {error.args[0]}") from error
        except (TypeError, ValueError) as error:
            raise CaseError(name, f"事实的写法不对：{error}", f"a fact is not well written: {error}") from error
        cases.append(Case(name, facts, entry["expect"], bool(entry.get("final"))))
    return Book(str(raw.get("policy") or ""), raw.get("season"), cases)


def differences(policy: Policy, case: Case, lang: Lang = "en") -> list[str]:
    """What a case expects and the policy does not give, one sentence each; empty where they agree."""
    verdict = decide(policy, case.facts, case.final)
    said = explain(policy, case.facts, verdict, lang)
    failed = {s.code: s.blocking.fact for s in said.better}
    if verdict.state == "ineligible":
        failed = {"": said.conditions[0].fact}
    own = verdict.points.get(verdict.category)
    found: dict[str, Any] = {
        "state": verdict.state,
        "category": verdict.category,
        "needed": list(verdict.needed),
        "order": list(verdict.order_keys),
        "points": own[0] if own else None,
        "better_points": own[1] if own else None,
        "buffers": {school: truth.name.lower() for school, truth in verdict.buffers.items()},
        "options": [option.code for option in said.options],
    }
    out = []
    for key, wanted in case.expect.items():
        if key == "failed":
            for code, fact in wanted.items():
                if failed.get(str(code)) != fact:
                    out.append(f"failed {code}: {failed.get(str(code))}, not {fact}")
            continue
        made = found[key]
        if key in ("points", "better_points") and wanted is not None:
            wanted = thousandths(Decimal(str(wanted)))
        if key == "order":
            wanted = [w.toordinal() if isinstance(w, date) else w for w in wanted]
        if made != (str(wanted) if key == "category" else wanted):
            out.append(f"{key}: {made}, not {wanted}")
    return out
