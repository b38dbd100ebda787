"""What the departments hold about the synthetic city: derived from the truth, with the errors that registers have.

An error makes a check fail or stay open; none confirms something untrue. Which family has which error is
`Family.truth.flaws`; what each means here is in docs/simulation.md.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from ruxue.algorithms.address import normalize
from ruxue.algorithms.identity import mask_name, permit_of, read_paper
from ruxue.exchange.items import id_digest
from ruxue.simulation import extensions
from ruxue.simulation.city import STRANGER, months_between, register_spelling, room_text
from ruxue.simulation.model import City, Compound, Dwelling, Family, Household, Kin, Person, Share

Row = tuple[str, str, Any]
_ROOM = re.compile(r"(\d+)(?:号楼|-)(\d+)(?:单元|-)(\d{3,4})(?:室|户)?$")
# Relation to the head of household by GB/T 4761: head, spouse, child, child's wife, grandchild.
_HEAD, _SPOUSE, _CHILD, _IN_LAW, _GRANDCHILD = "02", "10", "20", "28", "40"


def build(city: City, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Writes the registers of all departments into the SQLite file `path`, replacing it.

    One table `record(item, k, body)`: the item's code, what identifies the record, the record as JSON.
    `progress` is called with families written and in all.
    """
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.execute("pragma journal_mode=off")
    db.execute("pragma synchronous=off")
    db.execute("create table record (item text, k text, body blob, primary key (item, k)) without rowid")
    writer = _Writer(city)
    insert = "insert or replace into record values (?, ?, ?)"
    for n, family in enumerate(city.families, 1):
        db.executemany(insert, ((i, k, orjson.dumps(v)) for i, k, v in writer.family(family)))
        if progress and (n % 100 == 0 or n == len(city.families)):
            progress(n, len(city.families))
    db.executemany(insert, ((i, k, orjson.dumps(v)) for i, k, v in writer.places()))
    db.commit()
    db.close()


def split_address(text: str) -> tuple[str, str]:
    """The register of addresses' reading of a text: its place without province and city, and "3-2-501" or "".

    Different notations of the building and the room come to the same; nothing is guessed by similarity.
    """
    whole = re.sub(r"^(?:山东省)?(?:潍坊市)?", "", normalize(text))
    found = _ROOM.search(whole)
    if found is None:
        return whole, ""
    return whole[: found.start()], f"{int(found[1])}-{int(found[2])}-{found[3]}"


@dataclass
class _Writer:
    city: City

    def __post_init__(self) -> None:
        self.code_of = {d.key: d.code for d in self.city.districts}
        self.name_of = {d.key: d.name_zh for d in self.city.districts}
        self.mine: dict[str, list[Compound]] = defaultdict(list)
        for compound in self.city.compounds.values():
            self.mine[compound.district].append(compound)
        self.shared: dict[str, set[str]] = defaultdict(set)

    # ── places ─────────────────────────────────────────────

    def places(self) -> Iterator[Row]:
        """Addresses with every name that leads to them, and the counts for planning. After all families: some
        old names are shared by several compounds, which only families' records show."""
        names: dict[str, set[str]] = defaultdict(set)
        for c in self.city.compounds.values():
            yield "compound", c.code, [c.address, list(c.aliases), c.community, c.lng, c.lat]
            for text in (c.address, *c.aliases, c.name):
                names[split_address(text)[0]].add(c.code)
        for text, codes in self.shared.items():
            names[split_address(text)[0]] |= codes
        for text, codes in names.items():
            yield "PS5", text, sorted(codes)
        for name, counts in self.city.aggregates.items():
            yield "aggregate", name, counts
        children = sorted(self.city.children_by_community.items())
        yield "aggregate", "children", [[community, year, n] for (community, year), n in children]

    # ── families ────────────────────────────────────────────

    def family(self, f: Family) -> Iterator[Row]:
        yield from self._people(f)
        yield from self._household(f)
        yield from self._homes(f)
        yield from self._seats(f)
        yield from self._contracts(f)
        if "job_missing" not in f.truth.flaws:
            yield from self._work(f)
        for s in f.siblings:
            yield (
                "ED1",
                s.person.id_number,
                {
                    "name": s.person.name,
                    "fields": {
                        "register_no": f"G{s.person.id_number}",
                        "school_code": s.school_code,
                        "grade": s.grade,
                        "stage": s.stage,
                        "status": "in_school",
                    },
                },
            )
        yield from extensions.records(self.city, f)

    def _people(self, f: Family) -> Iterator[Row]:
        adults = [k.person for k in (*f.guardians, *f.grandparents)]
        for person in (*adults, *f.children, *(s.person for s in f.siblings)):
            if permit_of(person.id_number):  # no resident ID card, no hukou
                continue
            yield (
                "PS1",
                person.id_number,
                {
                    "name": self._name(f, person),
                    "fields": {"sex": person.sex, "born_on": person.born_on.isoformat(), "alive": True},
                },
            )

    def _name(self, f: Family, person: Person) -> str:
        """A child's name as the police's register writes it."""
        wrong = "child_name_register" in f.truth.flaws and person in f.children
        return register_spelling(person.name) if wrong else person.name

    def _household(self, f: Family) -> Iterator[Row]:
        book = f.household
        text, code = self._hukou_address(f, book)
        members = [
            {
                "name_masked": mask_name(m.person.name),
                "relation": _relation(m, book),
                "id_digest": id_digest(m.person.id_number),
            }
            for m in book.members
        ]
        to_child = _GRANDCHILD if book.members[0].relation in ("grandfather", "grandmother") else _CHILD
        kinship = {id_digest(g.person.id_number): "parent" for g in f.guardians}
        kinship |= {id_digest(g.person.id_number): "grandparent" for g in f.grandparents}
        through = {id_digest(g.person.id_number): "mother" if g.maternal else "father" for g in f.grandparents}
        young = (*f.children, *(s.person for s in f.siblings))
        inside = [
            {"name_masked": mask_name(c.name), "relation": to_child, "id_digest": id_digest(c.id_number)} for c in young
        ]
        for person in (*young, *(m.person for m in book.members)):
            if permit_of(person.id_number):
                continue
            yield (
                "PS2",
                person.id_number,
                {
                    "name": self._name(f, person),
                    "fields": {
                        "household_no": book.number,
                        "kind": "collective" if book.collective else "family",
                        "region": book.region,
                        "address": text,
                        "address_code": code,
                        "entered_on": book.entered_on.isoformat(),
                        "entered_by_birth": book.by_birth,
                        "status": "current",
                    },
                },
            )
        for child in young:
            if permit_of(child.id_number):
                continue
            yield (
                "PS3",
                child.id_number,
                {
                    "kinship": kinship,
                    "through": through,
                    "only": f.only,
                    "parents": len(f.guardians),
                    "head_masked": mask_name(book.head.name),
                    "members": members + inside,
                },
            )

    def _hukou_address(self, f: Family, book: Household) -> tuple[str, str | None]:
        """The household book's address as the police write it, and its code where the two have been
        linked."""
        flaws, code = f.truth.flaws, book.address_code
        head, _, room = code.partition("/")
        compound = self.city.compounds.get(head)
        if compound is None:
            return book.address, code
        if "hukou_alias" in flaws:
            return f"潍坊市{compound.aliases[f.key % len(compound.aliases)]}{room_text(room)}", None
        if "hukou_unknown" in flaws:
            return "潍坊市老城区平房（地址待更新）", None
        if "hukou_ambiguous" in flaws:
            text = f"{self.name_of[compound.district]}第{f.key}职工宿舍"
            self.shared[text] = {compound.code, self._other(compound, f.key).code}
            return text + room_text(room), None
        if "hukou_moved" in flaws:
            before = self._other(compound, f.key)
            return f"潍坊市{before.address}{room_text('1-1-101')}", f"{before.code}/1-1-101"
        linked = book.collective or f.key % 4 != 0
        return f"潍坊市{book.address}", code if linked else None

    def _other(self, compound: Compound, key: int) -> Compound:
        """Another compound of the same district, in another school's zone."""
        zone = self.city.zone_of[compound.code]
        others = [c for c in self.mine[compound.district] if self.city.zone_of[c.code] != zone]
        return others[key % len(others)]

    def _homes(self, f: Family) -> Iterator[Row]:
        flaws = f.truth.flaws
        by_owner: dict[str, tuple[Person, list[dict[str, Any]]]] = {}
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for n, dwelling in enumerate(f.dwellings):
            first = n == 0
            right = _right(dwelling, linked=not (first and "unlinked" in flaws))
            people = [o.person for o in dwelling.owners if o.person is not STRANGER]
            if dwelling.status == "current":
                for person in people:
                    counts[person.id_number][self.code_of[dwelling.district]] += 1
            if not (first and {"stale", "old_book"} & set(flaws)):
                for person in people:
                    by_owner.setdefault(person.id_number, (person, []))[1].append(right)
            # The office's own books know half of the certificates that the shared register still lacks.
            if not (first and "stale" in flaws and f.key % 2):
                yield (
                    "NR2",
                    read_paper(dwelling.certificate_no).number,
                    {
                        "names": {p.id_number: p.name for p in people},
                        "type": dwelling.certificate_type,
                        "right": _right(dwelling, linked=True),
                    },
                )
            compound = self.city.compounds[dwelling.address_code.split("/")[0]]
            yield (
                "NR4",
                dwelling.unit_no,
                {
                    "name": "",
                    "fields": {
                        "parcel_code": dwelling.unit_no[:19],
                        "building_no": dwelling.address_code.split("/")[1].split("-")[0],
                        "address_code": dwelling.address_code,
                        "lng": compound.lng,
                        "lat": compound.lat,
                    },
                },
            )
        for contract in f.contracts:
            for share in contract.buyers:
                counts[share.person.id_number][self.code_of[contract.district]] += 1
        for number, (person, rights) in by_owner.items():
            wrong = "owner_name_register" in flaws
            yield (
                "NR1",
                number,
                {"name": register_spelling(person.name) if wrong else person.name, "rights": rights},
            )
        for number, count in counts.items():
            yield "NR3", number, count

    def _seats(self, f: Family) -> Iterator[Row]:
        """The seats of a home, found by its unit's number or by its standard address."""
        locks = [
            {
                "stage": k.stage,
                "school_code": k.school_code,
                "start_year": k.since,
                "grade": 1,
                "left": k.left,
                "parents": [id_digest(p.id_number) for p in k.parents],
            }
            for k in f.locks
        ]
        held = next((k for k in f.locks if not k.left), None)
        if not locks:
            return
        years = 6 if held and held.stage == "primary" else 3
        body = {
            "locked": held is not None,
            "school_code": held.school_code if held else None,
            "stage": held.stage if held else None,
            "start_year": held.since if held else None,
            "unlock_year": held.since + years if held else None,
            "same_parents": held.parents != (STRANGER,) if held else None,
            "locks": locks,
        }
        for key in {f.locks[0].address_code, f.locks[0].unit_no} - {""}:
            yield "ED2", key, body

    def _contracts(self, f: Family) -> Iterator[Row]:
        flaws, city = f.truth.flaws, self.city
        for contract in () if "contract_missing" in flaws else f.contracts:
            for share in contract.buyers:
                yield (
                    "HC1",
                    share.person.id_number,
                    {
                        "name": share.person.name,
                        "fields": {
                            "contract_no": contract.contract_no,
                            "filed_on": contract.filed_on.isoformat(),
                            "project": contract.project,
                            "location": contract.address,
                            "address_code": contract.address_code,
                            "use": "住宅",
                            "buyers": _owners(contract.buyers),
                            "delivered_on": contract.delivered_on.isoformat() if contract.delivered_on else None,
                            "status": "valid",
                            "unit_no": None,
                        },
                    },
                )
        for lease in () if "lease_missing" in flaws else f.leases:
            yield (
                "HC2",
                lease.tenant.id_number,
                {
                    "name": lease.tenant.name,
                    "fields": {
                        "filing_no": lease.filing_no,
                        "landlord_masked": mask_name(lease.landlord),
                        "sole": lease.sole,
                        "address_code": lease.address_code,
                        "location": lease.address,
                        "starts_on": lease.starts_on.isoformat(),
                        "ends_on": lease.ends_on.isoformat(),
                        "filed_on": lease.filed_on.isoformat(),
                        "status": "valid",
                        "unbroken_months": lease.months,
                        "kind": lease.kind,
                    },
                },
            )
        for moved in () if "resettlement_missing" in flaws else f.resettlements:
            for parent in f.guardians:
                yield (
                    "HC3",
                    parent.person.id_number,
                    {
                        "name": parent.person.name,
                        "fields": {
                            "kind": "resettlement",
                            "agreement_no": moved.agreement_no,
                            "original_address": moved.original_address,
                            "original_address_code": moved.original_address_code,
                            "present_address": moved.address,
                            "present_address_code": moved.address_code,
                            "signed_on": moved.signed_on.isoformat(),
                            "status": "valid",
                        },
                    },
                )
        for permit in f.permits:
            yield (
                "PS4",
                permit.person.id_number,
                {
                    "name": permit.person.name,
                    "fields": {
                        "permit_no": permit.permit_no,
                        "first_issued_on": permit.first_issued_on.isoformat(),
                        "last_endorsed_on": date(city.year - 1, 12, 1).isoformat(),
                        "expires_on": date(city.year, 12, 1).isoformat(),
                        "address": permit.address,
                        "region": permit.region,
                        "unbroken_months": permit.months,
                    },
                },
            )

    def _work(self, f: Family) -> Iterator[Row]:
        for job in f.jobs:
            who, started = job.person.id_number, job.starts_on.isoformat()
            firm = {
                "uscc": job.uscc,
                "region": job.region,
                "registered_on": started,
                "status": "active",
                "address_code": job.address_code,
            }
            if job.kind == "trader":
                yield "MR1", who, {"name": job.person.name, "fields": firm}
            elif job.kind == "company":
                yield (
                    "MR2",
                    who,
                    {"name": job.person.name, "fields": {**firm, "role": "legal_representative"}},
                )
            else:
                yield (
                    "HR2",
                    who,
                    {
                        "name": job.person.name,
                        "fields": {
                            "region": job.region,
                            "starts_on": started,
                            "ends_on": None,
                            "kind": job.kind,
                            "status": "current",
                            "address_code": job.address_code,
                        },
                    },
                )
        for i in f.insurance:
            months = months_between(i.first_month, self.city.register_day)
            yield (
                "HR1",
                i.person.id_number,
                {
                    "name": i.person.name,
                    "fields": {
                        "region": i.region,
                        "first_month": i.first_month.strftime("%Y-%m"),
                        "last_month": f"{self.city.year}-02",
                        "unbroken_months": i.months,
                        "cumulative_months": months,
                        "back_paid_months": i.back_paid,
                        "status": "paying",
                        "periods": [
                            {
                                "kind": p.kind,
                                "region": i.region,
                                "first_month": p.first_month.strftime("%Y-%m"),
                                "last_month": p.last_month.strftime("%Y-%m") if p.last_month else None,
                                "back_paid": p.back_paid,
                            }
                            for p in i.periods
                        ],
                    },
                },
            )


def _relation(member: Kin, book: Household) -> str:
    """How a member is related to the head, GB/T 4761."""
    head = book.members[0]
    if member is head:
        return _HEAD
    if head.relation in ("grandfather", "grandmother"):
        return {"father": _CHILD, "mother": _IN_LAW}.get(member.relation, _SPOUSE)
    return _SPOUSE


def _owners(shares: tuple[Share, ...]) -> list[dict[str, Any]]:
    return [
        {
            "name_masked": mask_name(s.person.name),
            "id_digest": id_digest(s.person.id_number),
            "share_bp": s.share_bp,
        }
        for s in shares
    ]


def _right(dwelling: Dwelling, linked: bool) -> dict[str, Any]:
    return {
        "unit_no": dwelling.unit_no,
        "certificate_no": dwelling.certificate_no,
        "location": dwelling.address,
        "address_code": dwelling.address_code if linked else None,
        "use": dwelling.use,
        "nature": dwelling.nature,
        "area_cm2": dwelling.area_cm2,
        "co_ownership": "sole" if len(dwelling.owners) == 1 else "shares",
        "owners": _owners(dwelling.owners),
        "registered_on": dwelling.registered_on.isoformat(),
        "status": dwelling.status,
        "restrictions": [],
    }
