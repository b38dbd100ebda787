"""Facts as an application keeps them: as JSON, and with them what people confirmed and is still about the same claim."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ruxue import crypto
from ruxue.algorithms import canonical
from ruxue.applications import record_facts
from ruxue.applications.models import Application
from ruxue.policy import records
from ruxue.policy.facts import VOCABULARY, Fact, Override


def pack(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """Facts as JSON: value, source, as-of date, and what else is known of one: evidence, confidence, override."""
    return {name: _packed(fact) for name, fact in facts.items()}


def _packed(fact: Fact) -> list[Any]:
    row = [records.plain(fact.value), fact.source, fact.as_of.isoformat() if fact.as_of else None]
    more: dict[str, Any] = {}
    if fact.evidence:
        more["evidence"] = fact.evidence
    if fact.confidence != 100:
        more["confidence"] = fact.confidence
    if o := fact.override:
        more["override"] = [o.by, o.on.isoformat(), o.reason, records.plain(o.replaced)]
    return [*row, more] if more else row


def unpack(stored: Mapping[str, Any]) -> dict[str, Fact]:
    """Inverse of `pack`."""
    return {name: _unpacked(VOCABULARY[name].kind, *row) for name, row in stored.items()}


def _unpacked(kind: type, value: Any, source: str, as_of: str | None, more: Mapping[str, Any] | None = None) -> Fact:
    more, override = more or {}, None
    if told := more.get("override"):
        by, on, reason, replaced = told
        override = Override(by, date.fromisoformat(on), reason, records.parse(kind, replaced))
    day = date.fromisoformat(as_of) if as_of else None
    return Fact(records.parse(kind, value), source, day, more.get("evidence"), override, more.get("confidence", 100))


def standing(application: Application) -> dict[str, Fact]:
    """What a person has confirmed, as far as the claim is still the one that the papers were about."""
    return unpack(in_force(application))


def in_force(application: Application) -> dict[str, Any]:
    """The stored overrides that still speak of the claim as it stands."""
    return {
        name: row
        for name, row in application.overrides.items()
        if len(row) < 4 or row[3].get("about") in (None, about(application, name))
    }


_ABOUT_PEOPLE = ("child", "father", "mother", "family", "sibling", "history")
_ABOUT_APPLICANTS = ("main", "job", "permit", "insurance", "fund", "business", "tax", "work", "moved")


def about(application: Application, name: str) -> str:
    """A keyed digest of the part of the claim that a fact speaks of: another home or person is another fact."""
    people = {part: p["id_number"] for part, p in record_facts.named(application)}
    people["child"] = application.claim["child"]["id_number"]
    topic = name.split(".")[0]
    if topic in _ABOUT_APPLICANTS:
        parts: list[Any] = [people.get("guardian"), people.get("second_guardian")]
    elif topic in _ABOUT_PEOPLE:
        parts = [people]
    else:
        parts = [people, application.basis, application.compound_id, application.claim.get("room", "")]
    return crypto.blind_index(canonical.encode([topic, *parts]).decode(), "override")
