"""What the departments of the twelve items hold that a city may switch on, derived from each family's truth.

Each family has a random stream of its own, so that these registers change nothing in the city and its 18 items, and are
the same whatever is switched on. They have gaps, and confirm nothing untrue; docs/simulation.md lists both. X4–X6 know
nobody: no synthetic family claims a preference.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from ruxue.algorithms.identity import mask_name, permit_of
from ruxue.exchange.items import id_digest
from ruxue.simulation.city import STRANGER, months_between, paid_months
from ruxue.simulation.model import City, Dwelling, Family, Person, Share

Row = tuple[str, str, Any]
_DISABILITIES = ("sight", "hearing", "speech", "limbs", "intellect", "mind", "several")


def records(city: City, f: Family) -> Iterator[Row]:
    """Rows of `registers.build` for one family: item, key, record."""
    rng = random.Random(f"ruxue-extensions/{city.seed}/{city.year}/{f.key}")
    yield from _marriage(f, rng)
    yield from _births(f, rng)
    yield from _custody(f, rng)
    yield from _months(city, f)
    yield from _needs(f, rng)
    yield from _use(city, f, rng)
    yield from _licences(f, rng)
    yield from _permits(city, f)


def _marriage(f: Family, rng: random.Random) -> Iterator[Row]:
    """Parents who are both there: 94 of 100 are married."""
    married, before = rng.random() < 0.94, rng.randint(200, 2200)
    if len(f.guardians) != 2:
        return
    one, two = (k.person for k in f.guardians)
    day = (f.children[0].born_on - timedelta(days=before)).isoformat()
    for person, other in ((one, two), (two, one)):
        fields = {
            "married": married,
            "spouse_digest": id_digest(other.id_number) if married else None,
            "registered_on": day if married else None,
        }
        yield "X1", person.id_number, {"name": person.name, "fields": fields}


def _births(f: Family, rng: random.Random) -> Iterator[Row]:
    """Certificates of births elsewhere are often in another province's register. A certificate names the mother."""
    missing = rng.random() < (0.6 if f.household.district == "other" else 0.04)
    parents = {k.relation: id_digest(k.person.id_number) for k in f.guardians}
    if missing or "mother" not in parents:
        return
    for child in f.children:
        yield (
            "X2",
            child.id_number,
            {
                "born_on": child.born_on.isoformat(),
                "mother_digest": parents["mother"],
                "father_digest": parents.get("father"),
            },
        )


def _custody(f: Family, rng: random.Random) -> Iterator[Row]:
    """Six in ten of the parents who raise their child alone have a judgment that says so."""
    judged, age = rng.random() < 0.6, rng.randint(300, 1800)
    if len(f.guardians) != 1 or not judged:
        return
    who = id_digest(f.guardians[0].person.id_number)
    for child in f.children:
        since = (child.born_on + timedelta(days=age)).isoformat()
        kept = {"kind": "custody", "guardian_digest": who, "since": since, "until": None}
        yield "X3", child.id_number, {who: kept}


def _months(city: City, f: Family) -> Iterator[Row]:
    for paid in paid_months(f, city.seed, city.year):
        fields = {
            "region": paid.region,
            "first_month": paid.first_month.strftime("%Y-%m"),
            "last_month": f"{city.year}-02",
            "unbroken_months": months_between(paid.first_month, city.register_day),
        }
        item = {"tax": "X7", "fund": "X12"}[paid.kind]
        yield item, paid.person.id_number, {"name": paid.person.name, "fields": fields}


def _needs(f: Family, rng: random.Random) -> Iterator[Row]:
    for child in f.children:
        kind, level, has = rng.choice(_DISABILITIES), rng.randint(1, 4), rng.random() < 0.012
        if has:
            yield "X8", child.id_number, {"name": child.name, "fields": {"kind": kind, "level": level}}


def _use(city: City, f: Family, rng: random.Random) -> Iterator[Row]:
    """The account of the home in which the family lives is one adult's; one in ten has it in a landlord's name."""
    holder, months, own = rng.choice(f.guardians).person, rng.randint(6, 48), rng.random() < 0.9
    if own:
        used = {"address_code": f.address_code, "months_used": months, "last_month": f"{city.year}-02"}
        yield "X9", holder.id_number, {"name": holder.name, "fields": used}


def _licences(f: Family, rng: random.Random) -> Iterator[Row]:
    """Electronic licences of the family's papers: of new certificates, contracts and leases, with gaps of their own.

    What was sold stays on the platform as revoked.
    """
    held: dict[tuple[str, str], tuple[Person, list[dict[str, Any]]]] = {}
    linked = rng.random() < 0.9

    def add(kind: str, holders: tuple[Share, ...], body: dict[str, Any]) -> None:
        licence = {
            "kind": kind,
            "unit_no": None,
            "holders": [_holder(s) for s in holders],
            "valid_from": None,
            "expires_on": None,
            "use": None,
            "nature": None,
            "sole": None,
            **body,
        }
        if not linked:
            licence["address_code"] = None
        for share in holders:
            if share.person is not STRANGER:
                held.setdefault((share.person.id_number, kind), (share.person, []))[1].append(licence)

    for dwelling in f.dwellings:
        if rng.random() < 0.85 and dwelling.certificate_type == "new":
            add("property_certificate", dwelling.owners, _certificate(dwelling))
    for contract in f.contracts:
        if rng.random() < 0.7:
            body: dict[str, Any] = {
                "number": contract.contract_no,
                "location": contract.address,
                "address_code": contract.address_code,
                "issued_on": contract.filed_on.isoformat(),
                "use": "住宅",
                "status": "valid",
            }
            add("sale_contract", contract.buyers, body)
    for lease in f.leases:
        if rng.random() < 0.7:
            body = {
                "number": lease.filing_no,
                "location": lease.address,
                "address_code": lease.address_code,
                "issued_on": lease.filed_on.isoformat(),
                "valid_from": lease.starts_on.isoformat(),
                "expires_on": lease.ends_on.isoformat(),
                "sole": lease.sole,
                "status": "valid",
            }
            add("lease_filing", (Share(lease.tenant, 10_000),), body)
    for (number, kind), (person, licences) in held.items():
        yield "X10", f"{number}/{kind}", {"name": person.name, "licences": licences}


def _certificate(dwelling: Dwelling) -> dict[str, Any]:
    return {
        "number": dwelling.certificate_no,
        "unit_no": dwelling.unit_no,
        "location": dwelling.address,
        "address_code": dwelling.address_code,
        "issued_on": dwelling.registered_on.isoformat(),
        "use": dwelling.use,
        "nature": dwelling.nature,
        "status": "valid" if dwelling.status == "current" else "revoked",
    }


def _holder(share: Share) -> dict[str, Any]:
    number = share.person.id_number
    return {"name_masked": mask_name(share.person.name), "id_digest": id_digest(number), "share_bp": share.share_bp}


def _permits(city: City, f: Family) -> Iterator[Row]:
    """Who has another number than a resident ID card's stands here, and not in the police's registers."""
    region = next(d.code for d in city.districts if d.key == f.district)
    for person in (*(k.person for k in f.guardians), *f.children):
        whose = permit_of(person.id_number)
        if whose is None:
            continue
        kind = {"hk": "hk_macau", "macau": "hk_macau", "taiwan": "taiwan"}.get(whose, "foreign_permanent")
        first = max(date(city.year - 4, 9, 1), person.born_on + timedelta(days=200))
        fields = {
            "kind": kind,
            "born_on": person.born_on.isoformat(),
            "first_issued_on": first.isoformat(),
            "expires_on": date(city.year + 1, 8, 31).isoformat(),
            "region": None if kind == "foreign_permanent" else region,
        }
        yield "X11", person.id_number, {"name": person.name, "fields": fields}
