"""What a paper shows, as a reviewer enters it: one value, or a record of rows such as owners with shares.

Fields are named `fact.NAME`, or `fact.NAME.ROW.COLUMN` for records. What is typed comes back as it was typed, each
mistake beside its field; an empty row says nothing, and "the paper shows none" is a record without rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from ruxue.algorithms import address
from ruxue.applications import questions, record_facts
from ruxue.applications.models import Application
from ruxue.places import rules
from ruxue.places.models import Compound, Season
from ruxue.policy import records
from ruxue.policy.facts import DISTRICTS, KINDS, VOCABULARY

Typed = Mapping[str, str]
SPARE = 2  # empty rows beyond the one that stands ready
_KIN = {
    "child": gettext_lazy("the child"),
    "father": pgettext_lazy("owner", "the father"),
    "mother": pgettext_lazy("owner", "the mother"),
    "paternal_grandfather": gettext_lazy("the father's father"),
    "paternal_grandmother": gettext_lazy("the father's mother"),
    "maternal_grandfather": gettext_lazy("the mother's father"),
    "maternal_grandmother": gettext_lazy("the mother's mother"),
    "guardian": gettext_lazy("another guardian"),
    "spouse": gettext_lazy("a parent's spouse"),
    "sibling": gettext_lazy("a brother or sister"),
    "other": gettext_lazy("somebody else"),
}
_AT = {
    "zone": gettext_lazy("in the school's zone"),
    "district": gettext_lazy("in the district"),
    "city": gettext_lazy("elsewhere in the city"),
    "-": gettext_lazy("outside the city"),
}
_YES = {"true": gettext_lazy("yes"), "false": gettext_lazy("no")}
_INSURED = ("pension", "medical", "unemployment", "injury", "maternity")
_WORDS_FOR = {
    "dwelling.kind": (
        "commercial",
        "self_built",
        "fund_raised",
        "ancestral",
        "military",
        "apartment",
        "dormitory",
        "unit_built",
        "other",
    ),
    "lease.kind": ("private", "dormitory", "public_rental"),
    "main.degree": ("doctor", "master", "bachelor", "college", "high_school", "none"),
    "main.skill": ("senior_technician", "technician", "senior_worker", "worker", "none"),
    "family.special_group": ("martyr", "military_child", "firefighter", "police", "talent"),
    "history.child_status": ("only", "legal_second", "other"),
}
_STAGES = {"primary": gettext_lazy("primary school"), "junior": gettext_lazy("junior school")}
_LEFT = {
    "graduated": gettext_lazy("graduated"),
    "transferred_out": gettext_lazy("moved to another district"),
    "transferred_within": gettext_lazy("moved to another school of the district"),
    "not_gone_up": gettext_lazy("did not go up"),
}


@dataclass(frozen=True)
class Cell:
    """One field: `kind` is select, date, text, number or check; `options` are (value, words)."""

    name: str
    label: str
    kind: str
    options: tuple[tuple[str, Any], ...] = ()
    value: str = ""
    error: str = ""


@dataclass(frozen=True)
class Entry:
    """One fact of the form: rows of cells, `more` of them folded away; `record`: rows that may be left empty; `none`:
    the cell that says that there is none."""

    name: str
    rows: tuple[tuple[Cell, ...], ...]
    record: bool
    none: Cell | None = None
    hint: str = ""
    error: str = ""
    more: tuple[tuple[Cell, ...], ...] = ()


Column = tuple[str, Any, str, Mapping[str, Any]]  # name, label, kind, options


def _columns(name: str) -> tuple[Column, ...]:
    """The columns of a record's rows."""
    kind = VOCABULARY[name].kind
    if kind is records.Owners:
        return (
            ("who", gettext_lazy("Owner"), "select", _KIN),
            ("share", gettext_lazy("Share in %, empty if held jointly"), "number", {}),
        )
    if kind is records.History:
        days: tuple[Column, ...] = (
            ("first", gettext_lazy("First day"), "date", {}),
            ("last", gettext_lazy("Last day, empty if it goes on"), "date", {}),
            ("at", gettext_lazy("Where"), "select", _AT),
        )
        if not name.startswith("insurance."):
            return days
        insured = {key: KINDS[key] for key in _INSURED}
        return (
            *days,
            ("kind", gettext_lazy("Type of insurance"), "select", insured),
            ("back_paid", gettext_lazy("paid later"), "check", {}),
        )
    return (
        ("stage", gettext_lazy("Stage"), "select", _STAGES),
        ("since", gettext_lazy("Year of entry"), "number", {}),
        ("left", gettext_lazy("Ended because the pupil"), "select", _LEFT),
        ("same_parents", gettext_lazy("Same parents"), "select", _YES),
        ("same_school", gettext_lazy("This school"), "select", _YES),
    )


def _in_rows(name: str) -> bool:
    return VOCABULARY[name].kind in (records.Owners, records.History, records.SeatLocks)


def _said(options: Mapping[str, Any], zh: bool) -> tuple[tuple[str, Any], ...]:
    return tuple((k, v[0 if zh else 1] if isinstance(v, tuple) else v) for k, v in options.items())


def entries(names: list[str], season: Season, typed: Typed, errors: Mapping[str, str], zh: bool) -> list[Entry]:
    """The form's fields for these facts, filled with what was typed."""
    return [_entry(name, season, typed, errors, zh) for name in names if VOCABULARY[name].kind is not records.Kin]


def _entry(name: str, season: Season, typed: Typed, errors: Mapping[str, str], zh: bool) -> Entry:
    base, term = f"fact.{name}", VOCABULARY[name]

    def cell(field: str, label: Any, kind: str, options: Mapping[str, Any]) -> Cell:
        return Cell(field, str(label), kind, _said(options, zh), typed.get(field, ""), errors.get(field, ""))

    if _in_rows(name):
        used = [int(m[1]) + 1 for key in typed if (m := re.match(rf"{re.escape(base)}\.(\d)\.", key)) and typed[key]]
        shown = min(max([1, *used]), 9)
        rows = [
            tuple(cell(f"{base}.{n}.{column}", label, kind, options) for column, label, kind, options in _columns(name))
            for n in range(min(shown + SPARE, 9))
        ]
        none = cell(f"{base}.none", _("The paper shows that there is none"), "check", {})
        return Entry(name, tuple(rows[:shown]), True, none, "", errors.get(base, ""), tuple(rows[shown:]))
    if term.kind is records.Dwellings:
        keys = _regions(season)
        cells = tuple(
            cell(f"{base}.{key}", DISTRICTS.get(key, (key, key))[0 if zh else 1], "number", {}) for key in keys
        )
        return Entry(name, (cells,), True, None, _("How many dwellings the family owns there"), errors.get(base, ""))
    kind, hint = "text", ""
    options: dict[str, Any] = {}
    if term.kind is bool:
        kind, options = "select", dict(_YES)
    elif term.kind is date:
        kind = "date"
    elif term.kind is int:
        kind, hint = "number", _("in %") if term.unit == "share" else ""
    elif name in _WORDS_FOR:
        kind, options = "select", {key: KINDS[key] for key in _WORDS_FOR[name]}
    elif term.kind is records.Place:
        hint = _("the address as on the paper, with building, unit and room")
    return Entry(name, ((cell(base, term.name("zh" if zh else "en"), kind, options),),), False, None, hint)


def _regions(season: Season) -> tuple[str, ...]:
    policy = rules.in_force(season)
    return (questions.regions(policy) if policy else ()) or (season.district_id,)


def filled(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as the form's fields hold them: what a register suggests stands there ready."""
    found: dict[str, str] = {}
    for name, value in values.items():
        base = f"fact.{name}"
        if isinstance(value, records.Owners):
            for n, owner in enumerate(o for o in value if o.who in _KIN):
                found[f"{base}.{n}.who"] = owner.who
                found[f"{base}.{n}.share"] = "" if owner.bp is None else f"{Decimal(owner.bp) / 100:f}"
        elif isinstance(value, bool):
            found[base] = "true" if value else "false"
        elif isinstance(value, int) and VOCABULARY[name].unit == "share":
            found[base] = f"{Decimal(value) / 100:f}"
        elif isinstance(value, (int, str, date)):
            found[base] = str(value)
    return found


class Mistakes(ValueError):
    """Fields that can't be read, each with what to do; nothing was decided."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in fields.items()))
        self.fields = fields


def read(row: Application, typed: Typed) -> dict[str, Any]:
    """The facts that the form confirms: those with something typed. Raises Mistakes, which names every field."""
    names = dict.fromkeys(".".join(key.split(".")[1:3]) for key in typed if key.startswith("fact."))
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name in names:
        if name in VOCABULARY:
            value = _read(name, row, typed, errors)
            if value is not None:
                found[name] = value
    if errors:
        raise Mistakes(errors)
    return found


def _read(name: str, row: Application, typed: Typed, errors: dict[str, str]) -> Any:
    base, kind = f"fact.{name}", VOCABULARY[name].kind
    if _in_rows(name):
        return _rows(name, typed, errors)
    if kind is records.Dwellings:
        return _counts(base, _regions(row.season), typed, errors)
    text = typed.get(base, "").strip()
    if not text:
        return None
    if kind is bool:
        return text == "true"
    if kind is date:
        return _date(base, text, errors)
    if kind is int:
        return _share(base, text, errors) if VOCABULARY[name].unit == "share" else _whole(base, text, errors)
    if kind is records.Place:
        return _place(base, text, row, errors)
    if name in _WORDS_FOR and text not in _WORDS_FOR[name]:
        errors[base] = _("Please choose one of the list.")
        return None
    return text[:80]


def _date(field: str, text: str, errors: dict[str, str]) -> date | None:
    try:
        year, month, day = re.split(r"[-/.年月]", text.rstrip("日"))
        return date(int(year), int(month), int(day))
    except ValueError:
        errors[field] = _("Please write the day as year-month-day, such as 2024-03-01.")
        return None


def _whole(field: str, text: str, errors: dict[str, str]) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    errors[field] = _("Please write a whole number.")
    return None


def _share(field: str, text: str, errors: dict[str, str]) -> int | None:
    try:
        share = Decimal(text.rstrip("%％ ")) * 100
        if share.is_finite() and 0 <= share <= 10_000:
            return int(share.to_integral_value())
    except InvalidOperation:
        pass
    errors[field] = _("Please write a share from 0 to 100, such as 50 or 33.33.")
    return None


def _rows(name: str, typed: Typed, errors: dict[str, str]) -> Any:
    base, columns = f"fact.{name}", [column for column, *_ in _columns(name)]
    made: list[Any] = []
    for n in range(9):
        cells = {c: typed.get(f"{base}.{n}.{c}", "").strip() for c in columns}
        if any(cells.values()):
            entry = _entry_of(name, f"{base}.{n}", cells, errors)
            made += [entry] if entry is not None else []
    kind = VOCABULARY[name].kind
    none, wrong = bool(typed.get(f"{base}.none")), any(field.startswith(base + ".") for field in errors)
    if made and none:
        errors[base] = _("You entered rows and also said that there is none; please leave one of the two.")
    if kind is records.Owners and sum(o.bp or 0 for o in made) > 10_000:
        errors[base] = _("The shares come to more than 100 %.")
    return kind(made) if (made or none) and not wrong and base not in errors else None


def _entry_of(name: str, at: str, cells: dict[str, str], errors: dict[str, str]) -> Any:
    kind = VOCABULARY[name].kind
    if kind is records.Owners:
        if cells["who"] not in _KIN:
            errors[f"{at}.who"] = _("Please choose who this is.")
        share = _share(f"{at}.share", cells["share"], errors) if cells["share"] else None
        return records.Owner(cells["who"], share)
    if kind is records.History:
        first = _date(f"{at}.first", cells["first"], errors)
        last = _date(f"{at}.last", cells["last"], errors) if cells["last"] else None
        if first and last and last < first:
            errors[f"{at}.last"] = _("The last day is before the first.")
        if cells["at"] not in _AT:
            errors[f"{at}.at"] = _("Please choose where this was.")
        insured = cells.get("kind", "")
        if name.startswith("insurance.") and insured not in _INSURED:
            errors[f"{at}.kind"] = _("Please choose the type of insurance.")
        if first is None:
            return None
        return records.Spell(first, last, insured, cells["at"].strip("-"), bool(cells.get("back_paid")))
    since = _whole(f"{at}.since", cells["since"], errors)
    if cells["stage"] not in _STAGES:
        errors[f"{at}.stage"] = _("Please choose the stage.")
    if since is None or cells["stage"] not in _STAGES:
        return None
    said = {"true": True, "false": False}
    left: Any = cells["left"] if cells["left"] in _LEFT else ""
    stage: Any = cells["stage"]
    return records.SeatLock(stage, since, 1, left, "", said.get(cells["same_parents"]), said.get(cells["same_school"]))


def _counts(base: str, keys: tuple[str, ...], typed: Typed, errors: dict[str, str]) -> records.Dwellings | None:
    texts = {key: typed.get(f"{base}.{key}", "").strip() for key in keys}
    if not any(texts.values()):
        return None
    made = {key: _whole(f"{base}.{key}", text, errors) for key, text in texts.items() if text}
    return records.Dwellings({key: n for key, n in made.items() if n is not None})


@lru_cache(maxsize=16)
def _directory(district: str, count: int) -> address.Directory:
    rows = Compound.objects.filter(district=district).values_list("code", "address", "name", "aliases")
    return address.Directory(address.Standard(c, text, (name, *aliases)) for c, text, name, aliases in rows)


def _place(field: str, text: str, row: Application, errors: dict[str, str]) -> records.Place | None:
    """A place of the district by its address; never the likeliest one, only the one that it names."""
    district = row.season.district_id
    directory = _directory(district, Compound.objects.filter(district=district).count())
    code = record_facts.place_code(directory, text)
    if "/" in code:
        return records.Place(code, district)
    if code:
        errors[field] = _("Please write building, unit and room, such as 3号楼2单元501室.")
    elif directory.match(text).candidates:
        errors[field] = _("This address names several places of the district; please write road, number and compound.")
    else:
        errors[field] = _("No compound of the district has this address; please write it as on the paper.")
    return None
