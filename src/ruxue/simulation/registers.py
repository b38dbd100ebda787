"""What the six departments hold about the synthetic city: derived from the truth, with the errors that registers have.

An error makes a check fail or stay open; none of them confirms something untrue.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson

from ruxue.algorithms.address import mask_name, normalize
from ruxue.exchange.items import id_digest
from ruxue.simulation.city import City, Family, Person

_VARIANT = str.maketrans({"喆": "哲", "堃": "坤", "淼": "渺", "昇": "升", "峯": "峰", "·": ".", "涵": "函", "轩": "宣"})
Row = tuple[str, str, Any]


def build(city: City, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Writes the registers of all departments into the SQLite file `path` (replaced if it is there)."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as db:
        db.execute("create table record (item text, k text, body blob, primary key (item, k)) without rowid")
        db.execute("create table asked (item text, k text, n integer, primary key (item, k)) without rowid")
        insert = "insert or replace into record values (?, ?, ?)"
        db.executemany(insert, ((i, k, orjson.dumps(v)) for i, k, v in _places(city)))
        for n, family in enumerate(city.families, 1):
            db.executemany(insert, [(i, k, orjson.dumps(v)) for i, k, v in _family(city, family)])
            if progress and n % 100 == 0:
                progress(n, len(city.families))
    db.close()


def _places(city: City) -> Iterator[Row]:
    for c in city.compounds.values():
        yield "compound", c.code, [c.address, list(c.aliases), c.community, c.lng, c.lat]
        for text in (c.address, *c.aliases):
            yield "PS5", normalize(text), c.code
    yield "aggregate", "parent_ages", city.aggregates["parent_ages"]
    yield "aggregate", "flows", city.aggregates["flows"]
    yield "aggregate", "education", city.aggregates["education"]
    yield (
        "aggregate",
        "children",
        [[community, year, n] for (community, year), n in sorted(city.children_by_community.items())],
    )


def _room_text(code: str) -> str:
    building, unit, room = code.split("/")[1].split("-")
    return f"{building}号楼{unit}单元{room}室"


def address_text(city: City, code: str, old: bool = False) -> str:
    """How a register writes an address; `old`: with the compound's or road's former name."""
    compound = city.compounds.get(code.split("/")[0])
    if compound is None:
        return "外省市某县某镇某村"
    return (compound.aliases[0] if old else compound.address) + ("" if "/0-0-000" in code else _room_text(code))


def _owner(person: Person, share: int) -> dict[str, Any]:
    return {"name_masked": mask_name(person.name), "id_digest": id_digest(person.id_number), "share_bp": share}


def _unit_no(family: Family, extra: int = 0) -> str:
    return f"370799001{family.key // 100_000:03d}GB{family.key % 100_000:05d}F{extra:08d}"[:28]


def _family(city: City, f: Family) -> Iterator[Row]:
    today = date(city.year, 3, 1)
    region = next((d.code for d in city.districts if d.key == f.hukou_district), "110999")
    noise = f.noise
    split = noise["split_book"] and f.book != "elder"
    for person in (f.father, f.mother, f.elder, *f.children):
        name = person.name
        if person in f.children and noise["child_name_sign"]:
            name = name.translate(_VARIANT)
        yield (
            "PS1",
            person.id_number,
            {"name": name, "sex": person.sex, "born_on": person.born_on.isoformat(), "alive": True},
        )
    members = {"father": [f.father, f.mother], "mother": [f.mother, f.father], "elder": [f.elder, f.father, f.mother]}[
        f.book
    ]
    inside = [members[0]] if split else members
    head = inside[0]
    old, unreadable = noise["old_address"], noise["address_unreadable"]
    text = "老城区旧村平房（地址待更新）" if unreadable else address_text(city, f.hukou, old)
    linked = None if old or unreadable or noise["no_address_code"] else f.hukou
    for child in f.children:
        yield (
            "PS2",
            child.id_number,
            {
                "name": child.name.translate(_VARIANT) if noise["child_name_sign"] else child.name,
                "household_no": f"H{f.key:07d}",
                "kind": "collective" if f.kind == "collective" else "family",
                "region": region,
                "address": text,
                "address_code": linked,
                "entered_on": f.dates["entered"].isoformat(),
                "entered_by_birth": (f.dates["entered"] - f.children[0].born_on).days < 120,
                "status": "current",
            },
        )
        yield (
            "PS3",
            child.id_number,
            {
                "head": mask_name(head.name),
                "inside": [id_digest(p.id_number) for p in inside],
                "names": [mask_name(p.name) for p in inside],
                "kin": {
                    id_digest(f.father.id_number): "parent",
                    id_digest(f.mother.id_number): "parent",
                    id_digest(f.elder.id_number): "grandparent",
                },
            },
        )
    if not f.hukou.startswith("X") and old and not unreadable:
        yield "PS5", normalize(text), f.hukou
    if not f.hukou.startswith("X") and not old and not unreadable:
        yield "PS5", normalize(text), f.hukou
    yield from _homes(city, f, today)
    if f.kind == "migrant_lease":
        code = next(d.code for d in city.districts if d.key == f.district)
        worker = f.father if f.key % 3 else f.mother
        if f.key % 4 == 0:
            yield (
                "MR1",
                worker.id_number,
                {
                    "uscc": f"92370799{f.key:09d}X"[:18],
                    "region": code,
                    "registered_on": f.dates["job"].isoformat(),
                    "status": "active",
                },
            )
        else:
            months = (city.year - f.dates["job"].year) * 12 + 3 - f.dates["job"].month
            yield (
                "HR1",
                worker.id_number,
                {
                    "region": code,
                    "first_month": f.dates["job"].strftime("%Y-%m"),
                    "last_month": f"{city.year}-02",
                    "unbroken_months": months,
                    "cumulative_months": months,
                    "back_paid_months": 0,
                    "status": "paying",
                },
            )
            yield (
                "HR2",
                worker.id_number,
                {
                    "region": code,
                    "starts_on": f.dates["job"].isoformat(),
                    "ends_on": None,
                    "kind": "contract",
                    "status": "current",
                },
            )
        issued = f.dates["lease"] + timedelta(days=200)
        yield (
            "PS4",
            worker.id_number,
            {
                "permit_no": f"J{f.key:08d}",
                "first_issued_on": issued.isoformat(),
                "last_endorsed_on": f"{city.year - 1}-12-01",
                "expires_on": f"{city.year}-12-01",
                "address": address_text(city, f.address),
                "region": code,
                "unbroken_months": max(0, (today - issued).days // 30),
            },
        )


def _homes(city: City, f: Family, today: date) -> Iterator[Row]:
    noise = f.noise
    text = address_text(city, f.address)
    owners = {
        "both": [(f.father, 5000), (f.mother, 5000)],
        "father": [(f.father, 10_000)],
        "mother": [(f.mother, 10_000)],
    }[f.sole_owner]
    if f.kind == "grandparents":
        owners = [(f.elder, 10_000)]
    if f.kind in ("owned", "owned_away", "owned_outside", "collective", "grandparents"):
        right = {
            "unit_no": _unit_no(f),
            "certificate_no": f.papers[0].number,
            "location": text,
            "address_code": None if noise["right_unlinked"] else f.address,
            "use": "城镇住宅用地/住宅",
            "area_cm2": 1_050_000,
            "co_ownership": "sole" if len(owners) == 1 else "joint",
            "owners": [_owner(p, s) for p, s in owners],
            "registered_on": f.dates["bought"].isoformat(),
            "status": "current",
            "restrictions": [],
        }
        if not noise["right_stale"]:
            for person, _ in owners:
                yield "NR1", person.id_number, {"name": _registered(person, noise), "rights": [right]}
            yield (
                "NR4",
                right["unit_no"],
                {
                    "parcel_code": right["unit_no"][:19],
                    "building_no": "1",
                    "address_code": f.address,
                    "lng": 0.0,
                    "lat": 0.0,
                },
            )
        if noise["number_known"] or not noise["right_stale"]:
            yield "NR2", f.papers[0].number, {"right": right, "ids": [p.id_number for p, _ in owners]}
        code = next(d.code for d in city.districts if d.key == f.district)
        for person, _ in owners:
            yield "NR3", person.id_number, {code: 1}
    elif f.kind == "contract" and not noise["right_stale"]:
        for person, _ in owners:
            yield (
                "HC1",
                person.id_number,
                {
                    "contract_no": f.papers[0].number,
                    "filed_on": f.dates["bought"].isoformat(),
                    "project": text[:12],
                    "location": text,
                    "address_code": f.address,
                    "use": "住宅",
                    "buyers": [_owner(p, s) for p, s in owners],
                    "delivered_on": None,
                    "status": "valid",
                    "unit_no": None,
                },
            )
    elif f.kind == "resettlement" and not noise["right_stale"]:
        for person in (f.father, f.mother):
            yield (
                "HC3",
                person.id_number,
                {
                    "kind": "resettlement",
                    "agreement_no": f.papers[0].number,
                    "original_address": address_text(city, f.hukou, True),
                    "original_address_code": f.hukou,
                    "present_address": text,
                    "present_address_code": f.address,
                    "signed_on": f.dates["bought"].isoformat(),
                    "status": "valid",
                },
            )
    elif f.kind in ("local_lease", "migrant_lease") and not noise["right_stale"]:
        tenant = f.father if f.key % 2 else f.mother
        yield (
            "HC2",
            tenant.id_number,
            {
                "filing_no": f.papers[0].number,
                "landlord_masked": "刘*",
                "sole": True,
                "address_code": f.address,
                "location": text,
                "starts_on": f.dates["lease"].isoformat(),
                "ends_on": f"{city.year + 1}-08-31",
                "filed_on": f.dates["lease"].isoformat(),
                "status": "valid",
                "unbroken_months": max(0, f.lease_months),
            },
        )
    if f.fraud == "sold_home":
        sold = {
            "unit_no": _unit_no(f, 1),
            "certificate_no": "",
            "location": address_text(city, f.claim.compound + "/1-1-101"),
            "address_code": f.claim.compound + "/1-1-101",
            "use": "住宅",
            "area_cm2": 900_000,
            "co_ownership": "sole",
            "owners": [_owner(f.father, 10_000)],
            "registered_on": f"{city.year - 9}-05-01",
            "status": "historic",
            "restrictions": [],
        }
        yield "NR1", f.father.id_number, {"name": f.father.name, "rights": [sold]}


def _registered(person: Person, noise: dict[str, bool]) -> str:
    """The owner's name as the property register writes it."""
    if not noise["owner_rare_sign"]:
        return person.name
    changed = person.name.translate(_VARIANT)
    return changed if changed != person.name else person.name + " "
