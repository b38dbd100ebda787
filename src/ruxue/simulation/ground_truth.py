"""What is true of a synthetic family, in the terms of the policies. For scoring only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from ruxue.policy.records import Dwellings, History, Owner, Owners, Place, SeatLock, SeatLocks, Spell
from ruxue.simulation.city import STRANGER, months_between, months_on, paid_months
from ruxue.simulation.model import City, Family


def truth_facts(city: City, family: Family, child_index: int, core: Collection[str]) -> dict[str, Any]:
    """The true value of every policy fact for a family's claim, None where it does not apply. For scoring only.

    Zones are relative to the school of the claimed compound: for honest families that of the home they live in.
    `core`: keys of the districts in which the rule forbids another dwelling.
    """
    held, book = family.truth.held_as, family.household
    school = city.school_of(family.corrected.compound)
    here = {d.key: d.code for d in city.districts}[family.district]
    owned = held in ("owned", "contract", "resettlement")
    dwelling = family.dwellings[0] if held in ("owned", "grandparents") else None
    contract = family.contracts[0] if held == "contract" else None
    moved = family.resettlements[0] if held == "resettlement" else None
    lease = family.leases[0] if held == "lease" else None
    owners = dwelling.owners if dwelling else contract.buyers if contract else ()
    near = {p.id_number for p in (*(g.person for g in family.guardians), *family.children)}
    kin = near | {g.person.id_number for g in family.grandparents}
    share = 10_000 if moved else sum(o.share_bp for o in owners if o.person.id_number in near)
    home_held = dwelling or contract or moved
    acquired = (
        dwelling.registered_on if dwelling else contract.filed_on if contract else moved.signed_on if moved else None
    )
    members = {m.person.id_number for m in book.members}
    local = [j for j in family.jobs if j.region == here]
    insured = [i.months for i in family.insurance]
    permit = family.permits[0] if family.permits else None
    in_core = any(
        w.status == "current" and w.district in core and {o.person.id_number for o in w.owners} & near
        for w in family.dwellings
    ) or any(c.district in core for c in family.contracts)
    return {
        "child.born_on": family.children[child_index].born_on,
        "child.hukou_district": book.district,
        "child.hukou_entry_on": book.entered_on,
        "child.hukou_by_birth": book.by_birth,
        "child.hukou_collective": book.collective,
        "child.with_guardian_household": bool(members & {g.person.id_number for g in family.guardians}),
        "child.with_grandparent_household": held == "grandparents"
        and bool(members & {g.person.id_number for g in family.grandparents}),
        "child.already_enrolled": False,
        "dwelling.owned_by_family": owned,
        "dwelling.owned_by_grandparent": held == "grandparents",
        "dwelling.in_zone": bool(home_held) and city.school_of(family.compound) == school,
        "dwelling.residential": bool(home_held) and (dwelling is None or "住宅" in dwelling.use),
        "dwelling.address_equals_hukou": bool(home_held) and book.address_code == family.address_code,
        "dwelling.family_share_bp": share if owned else 0 if dwelling else None,
        "dwelling.full_ownership": owned and share == 10_000,
        "dwelling.owners_within_kin": bool(home_held) and all(o.person.id_number in kin for o in owners),
        "dwelling.registered_on": dwelling.registered_on if dwelling else None,
        "dwelling.acquired_on": acquired,
        "dwelling.is_contract": bool(contract),
        "dwelling.is_resettlement": bool(moved),
        "dwelling.original_village_in_zone": bool(moved)
        and moved is not None
        and city.zone_of.get(moved.original_address_code.split("/")[0]) == school,
        "family.no_dwelling_in_core": not in_core and not family.resettlements,
        "family.reported_absent": False,
        "family.special_group": "",
        "lease.in_zone": bool(lease) and city.school_of(family.compound) == school,
        "lease.sole": bool(lease and lease.sole),
        "lease.filed_on": lease.filed_on if lease else None,
        "lease.months": lease.months if lease else None,
        "job.in_district": bool(local),
        "job.started_on": min((j.starts_on for j in local), default=None),
        "permit.first_issued_on": permit.first_issued_on if permit else None,
        "permit.months": permit.months if permit else None,
        "insurance.months": max(insured, default=None),
        **_truth_records(city, family, core),
    }


def _truth_records(city: City, family: Family, core: Collection[str]) -> dict[str, Any]:
    """The part of the truth that is more than one value: owners, places, histories, seats, dwellings by district."""
    held, book, claim = family.truth.held_as, family.household, family.corrected
    school = city.school_of(claim.compound)
    here = {d.key: d.code for d in city.districts}[family.district]
    role: dict[str, str] = {c.id_number: "child" for c in family.children}
    for kin in (*family.guardians, *family.grandparents):
        side = "" if kin.relation in ("father", "mother") else "maternal_" if kin.maternal else "paternal_"
        role[kin.person.id_number] = f"{side}{kin.relation}"
    dwelling = family.dwellings[0] if held in ("owned", "grandparents") else None
    contract = family.contracts[0] if held == "contract" else None
    moved = family.resettlements[0] if held == "resettlement" else None
    lease = family.leases[0] if held == "lease" else None
    owners = dwelling.owners if dwelling else contract.buyers if contract else ()
    shares = [Owner(role.get(o.person.id_number, "other"), o.share_bp) for o in owners]
    if moved:
        shares = [Owner(g.relation, 10_000 // len(family.guardians)) for g in family.guardians]
    rented = Place(lease.address_code, family.district) if lease else None
    home = Place(family.address_code, family.district) if dwelling or contract or moved else None

    def at(code: str, region: str) -> str:
        if region == here:
            return "zone" if city.zone_of.get(code.split("/")[0]) == school else "district"
        return "city" if region in {d.code for d in city.districts} else ""

    def spell(first: date, last: date | None, code: str, region: str, kind: str = "", back_paid: bool = False) -> Spell:
        return Spell(first, last, kind, at(code, region), back_paid)

    people = [claim.guardian, claim.second_guardian]
    facts: dict[str, Any] = {
        "child.hukou_in_zone": book.region == here and city.zone_of.get(book.address_code.split("/")[0]) == school,
        "child.hukou_with_parents": {g.person.id_number for g in family.guardians}
        <= {m.person.id_number for m in book.members},
        "child.lives_with_grandparents": held == "grandparents",
        "father.sole_child": "father" in family.only,
        "mother.sole_daughter": "mother" in family.only,
        "family.single_parent": len(family.guardians) == 1,
        "family.dwellings": Dwellings(dict.fromkeys(core, 0) | _owned_by_district(family)),
        "dwelling.owners": Owners(shares),
        "dwelling.kind": dwelling.nature if dwelling else "commercial" if contract else "other" if moved else "none",
        "dwelling.seat_locks": SeatLocks(
            SeatLock(
                k.stage,
                k.since,
                1,
                k.left,
                "public_rental" if lease and lease.kind == "public_rental" else "",
                k.parents != (STRANGER,),
                k.school_code == school,
            )
            for k in family.locks
            if home or rented
        ),
        "dwelling.other_pupils": any(k.parents == (STRANGER,) and not k.left for k in family.locks)
        and bool(home or rented),
        "place.hukou": Place(book.address_code, book.district),
        "place.dwelling": home,
        "place.lease": rented,
        "place.proof": home or rented,
        "place.permit": Place(family.address_code, family.district)
        if any(p.person.id_number == claim.guardian["id_number"] for p in family.permits)
        else None,
        "proof.machine_printed": True,
        "lease.kind": lease.kind if lease else "none",
        "lease.history": History([spell(lease.starts_on, lease.ends_on, lease.address_code, here)] if lease else []),
        "hukou.history": History([spell(book.entered_on, None, book.address_code, book.region)]),
        "permit.applied": False,
        "permit.not_possible": book.district != "other",
        "main.degree": "none",
        "main.skill": "none",
        "main.violations": 0,
        "tax.paid_yuan": 0,
        "history.child_status": "none",
        "history.donated_yuan": 0,
    }
    lived = [*facts["lease.history"]]
    if dwelling:
        lived.append(spell(dwelling.registered_on, None, dwelling.address_code, here))
    if contract and contract.delivered_on:
        lived.append(spell(contract.delivered_on, None, contract.address_code, here))
    if moved:
        lived.append(spell(moved.signed_on, None, moved.address_code, here))
    for who, person in zip(("main", "assistant"), people, strict=True):
        number = person["id_number"] if person else ""
        permits = [p for p in family.permits if p.person.id_number == number]
        spent = [spell(p.first_issued_on, date(city.year, 12, 1), family.address_code, p.region) for p in permits]
        lived += spent
        facts[f"permit.{who}"] = History(spent)
        facts[f"insurance.{who}"] = History(
            spell(p.first_month, _month_end(p.last_month), "", i.region, p.kind, p.back_paid)
            for i in family.insurance
            if i.person.id_number == number
            for p in i.periods
        )
        jobs = [j for j in family.jobs if j.person.id_number == number]
        firms = [j for j in jobs if j.kind in ("trader", "company")]
        facts[f"business.{who}"] = History(spell(j.starts_on, None, j.address_code, j.region) for j in firms)
        facts[f"work.{who}"] = History(
            spell(j.starts_on, None, j.address_code, j.region) for j in jobs if j not in firms
        )
        for name in ("fund", "tax"):
            facts[f"{name}.{who}"] = History(
                spell(p.first_month, None, "", p.region)
                for p in paid_months(family, city.seed, city.year)
                if p.kind == name and p.person.id_number == number
            )
        facts[f"moved.{who}"] = History()
    facts["residence.history"] = History(lived)
    if people[0]:
        born = date.fromisoformat(
            "-".join((people[0]["id_number"][6:10], people[0]["id_number"][10:12], people[0]["id_number"][12:14]))
        )
        facts["main.age"] = months_between(born, date(city.year, 8, 31)) // 12
    return facts


def _owned_by_district(family: Family) -> dict[str, int]:
    """How many dwellings child and parents own, by district; contracts count."""
    near = {p.id_number for p in (*(g.person for g in family.guardians), *family.children)}
    found: Counter[str] = Counter()
    for w in family.dwellings:
        if w.status == "current" and near & {o.person.id_number for o in w.owners}:
            found[w.district] += 1
    found.update(c.district for c in family.contracts)
    found.update(family.district for _ in family.resettlements)
    return dict(found)


def _month_end(first: date | None) -> date | None:
    return None if first is None else months_on(first, 1) - timedelta(days=1)
