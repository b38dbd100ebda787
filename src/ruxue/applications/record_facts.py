"""Facts that are more than one value, read off the departments' answers: kin and owners, places, histories, seats.

A register that was not asked, is silent or has a gap leaves its fact unknown; one that knows of nothing gives an empty
record. Roles come from the household register (PS3) and, where it shows none and the city has them connected, from
birth certificates, judgments and marriages (X2, X3, X1), never from what a family says of itself.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from ruxue.algorithms import address, identity
from ruxue.applications.models import Application
from ruxue.exchange.items import Code, id_digest
from ruxue.exchange.models import Query
from ruxue.policy.facts import UNKNOWN, Fact
from ruxue.policy.records import Dwellings, History, Owner, Owners, SeatLock, SeatLocks, Spell

Answers = Mapping[tuple[str, str], Query]
APPLICANTS = (("guardian", "main"), ("second_guardian", "assistant"))
PARENTS = frozenset({"father", "mother"})
FAMILY = PARENTS | {"child", "guardian"}
"""Whose home is the family's own: a guardian by judgment stands in the parents' place (Civil Code, art. 34)."""
GRANDPARENTS = frozenset(
    {"paternal_grandfather", "paternal_grandmother", "maternal_grandfather", "maternal_grandmother"}
)


def fields(query: Query | None) -> dict[str, Any] | None:
    """What an answer discloses; None where there is none, or where it says that nothing is on record."""
    return query.fields if query and query.code == Code.OK and query.fields else None


def answered(query: Query | None) -> bool:
    """Whether the department has said what it knows, be it that it knows of nothing."""
    known = (Code.OK, Code.NO_RECORD)
    return query is not None and query.state == Query.State.ANSWERED and query.code in known


def applicants(application: Application) -> list[tuple[str, dict[str, str]]]:
    """Guardians as typed, first and second."""
    claim = application.claim
    return [(n, claim[n]) for n in ("guardian", "second_guardian") if claim.get(n) and claim[n].get("id_number")]


def named(application: Application) -> list[tuple[str, dict[str, str]]]:
    """Guardians and grandparent as typed, with the part of the claim that names them."""
    claim = application.claim
    parts = ("guardian", "second_guardian", "grandparent")
    return [(p, claim[p]) for p in parts if claim.get(p) and claim[p].get("id_number")]


def roles(application: Application, answers: Answers) -> dict[str, str]:
    """What registers show people to be to the child, by digest of the ID number; whom none shows has no role."""
    found = {id_digest(application.claim["child"]["id_number"]): "child"}
    for part, person in named(application):
        known = fields(answers.get(("PS3", part)))
        if known is None:
            continue
        male = identity.sex(person["id_number"]) == "M"
        if known["kinship"] == "parent":
            found[id_digest(person["id_number"])] = "father" if male else "mother"
        elif known["kinship"] == "grandparent" and known.get("through"):
            side = "paternal" if known["through"] == "father" else "maternal"
            found[id_digest(person["id_number"])] = f"{side}_grand{'father' if male else 'mother'}"
    if not any(item[0] == "X" for item, _ in answers):
        return found
    _add_parents(application, answers, found)
    for part, person in named(application):
        wed = fields(answers.get(("X1", part)))
        if wed and wed["married"] and wed["spouse_digest"] and found.get(id_digest(person["id_number"])) in PARENTS:
            # A marriage makes no parent of anybody.
            found.setdefault(wed["spouse_digest"], "spouse")
    return found


def _add_parents(application: Application, answers: Answers, found: dict[str, str]) -> None:
    """Parents by birth certificate, adoption or custody, and guardians by judgment; what PS3 says stands."""
    other = set()
    for part, person in named(application):
        if (fields(answers.get(("PS3", part))) or {}).get("kinship") == "other":
            other.add(id_digest(person["id_number"]))

    def add(digest: str | None, role: str) -> None:
        if digest and digest not in other and (role == "guardian" or role not in found.values()):
            found.setdefault(digest, role)

    for part, person in named(application):
        if judged := judgment(application, answers, part):
            parent = "father" if identity.sex(person["id_number"]) == "M" else "mother"
            add(id_digest(person["id_number"]), "guardian" if judged["kind"] == "guardianship" else parent)
        if birth := fields(answers.get(("X2", part))):
            add(birth["mother_digest"], "mother")
            add(birth["father_digest"], "father")


def judgment(application: Application, answers: Answers, part: str) -> dict[str, Any] | None:
    """The guardianship, adoption or custody (X3) of this person that still holds when the child enters school."""
    judged = fields(answers.get(("X3", part)))
    if judged is None or judged["guardian_digest"] != id_digest(application.claim[part]["id_number"]):
        return None
    entry = date(application.season.year, 8, 31).isoformat()
    return judged if judged["until"] is None or judged["until"] > entry else None


def guardians(application: Application, answers: Answers) -> frozenset[str]:
    """Digests of those whom a judgment (X3) makes the child's guardian, grandparents among them."""
    people = named(application)
    found = ((person, judgment(application, answers, part)) for part, person in people)
    return frozenset(id_digest(p["id_number"]) for p, judged in found if judged and judged["kind"] == "guardianship")


def permit_held(answers: Answers, part: str) -> dict[str, Any] | None:
    """The permit (X11) that stands for this person's ID card: the name is the holder's, and it has not run out."""
    query = answers.get(("X11", part))
    held = fields(query)
    if query is None or held is None or query.match != "Y":
        return None
    return held if query.as_of is None or held["expires_on"] >= query.as_of.isoformat() else None


def place_code(directory: address.Directory, text: str) -> str:
    """The standard code of the one place that a text names or lies in, with its room where all of it is written: ""
    where none or several fit, or a level that identifies it is missing."""
    found = directory.match(text)
    if found.verdict != "equal" or found.standard is None:
        return ""
    parts = address.parse(address.normalize(text))
    numbers = [re.sub(r"\D", "", part) for part in (parts.building, parts.unit, parts.room)]
    room = f"/{int(numbers[0])}-{int(numbers[1])}-{numbers[2]}" if all(numbers) else ""
    return found.standard.code + room


def all_parents_named(application: Application, answers: Answers) -> bool:
    """Whether the guardians whom the claim names are shown to be all who count: both parents, the only one that the
    register knows or to whom custody was given, a guardian by judgment, or a parent with the spouse.

    A spouse completes the count only where the register does not tell of another parent.
    """
    kin, people = roles(application, answers), [part for part, _ in named(application) if part != "grandparent"]
    mine = {kin.get(id_digest(application.claim[part]["id_number"])) for part in people}
    told = (fields(answers.get(("PS3", part))) for part, _ in named(application))
    known = next((f["parents_on_record"] for f in told if f and f.get("parents_on_record") is not None), None)
    if len(PARENTS & mine) >= (2 if known is None else known):
        return True
    kinds = {judged["kind"] for part in people if (judged := judgment(application, answers, part))}
    if "guardianship" in kinds or ("spouse" in mine and PARENTS & mine and known is None):
        return True
    wed = any(role == "spouse" for role in kin.values())
    return "custody" in kinds and bool(PARENTS & mine) and (not wed or "spouse" in mine)


def owners(kin: Mapping[str, str], held: list[dict[str, Any]]) -> Owners:
    """Owners with their shares: by role where the register shows it, else by a key that says nothing."""
    return Owners(Owner(kin.get(o["id_digest"], f"owner {n}"), o["share_bp"]) for n, o in enumerate(held, 1))


def ownership(kin: Mapping[str, str], held: list[dict[str, Any]]) -> dict[str, int | bool | None]:
    """What owners of a home (id_digest, share_bp) are to the family, in the plain facts that say the same.

    A couple's home is its own: a parent's spouse counts where parent or child owns a share too.
    None where an owner who is not known may be the other parent or a grandparent.
    """
    near = {digest for digest, role in kin.items() if role in FAMILY}
    if any(o["id_digest"] in near for o in held):
        near |= {digest for digest, role in kin.items() if role == "spouse"}
    share = sum(o["share_bp"] for o in held if o["id_digest"] in near)
    strangers = any(o["id_digest"] not in near and kin.get(o["id_digest"]) not in GRANDPARENTS for o in held)
    parent_missing = strangers and len(PARENTS & set(kin.values())) < 2
    return {
        "dwelling.family_share_bp": None if parent_missing else share,
        "dwelling.full_ownership": None if parent_missing else share == 10_000,
        "dwelling.owners_within_kin": None if strangers else True,
    }


def dwellings(query: Query | None, keys: Mapping[str, str]) -> Fact:
    """The count of NR3 by district key (`keys`: from the codes that were asked)."""
    counted = fields(query)
    if query is None or counted is None:
        return UNKNOWN
    by_code = counted["count_by_region"]
    return Fact(Dwellings({keys.get(c, c): n for c, n in by_code.items()}), "NR3", query.as_of)


def seat_locks(query: Query | None, kin: Mapping[str, str], school: str | None, home: str) -> tuple[Fact, Fact]:
    """The seats that a home serves (ED2), and whether another family's pupil is in school from it."""
    known = fields(query)
    if query is None or known is None:
        return UNKNOWN, UNKNOWN
    parents = {digest for digest, role in kin.items() if role in PARENTS}
    held = []
    for lock in known.get("locks") or _single(known):
        theirs = set(lock["parents"])
        same: bool | None = None
        if theirs & parents:
            same = True
        elif len(theirs) > 1 or (theirs and len(parents) > 1):
            same = False
        elif not theirs:
            same = known["same_parents"]
        here = None if school is None else lock["school_code"] == school
        held.append(SeatLock(lock["stage"], lock["start_year"], lock["grade"], lock["left"], home, same, here))
    running = [lock.same_parents for lock in held if not lock.left]
    others = True if False in running else None if None in running else False
    return Fact(SeatLocks(held), "ED2", query.as_of), Fact(others, "ED2", query.as_of)


def _single(known: dict[str, Any]) -> list[dict[str, Any]]:
    """The lock of a register that tells of the running one only."""
    if not known["locked"]:
        return []
    start = {"stage": known["stage"], "school_code": known["school_code"], "start_year": known["start_year"]}
    return [{**start, "grade": 1, "left": "", "parents": []}]


At = Literal["zone", "district", "city", ""]


class Nearness:
    """Where a spell was spent, as a rule counts it: in the school's zone, the district, the city, or elsewhere."""

    def __init__(self, district: str, city: frozenset[str], in_zone: Any) -> None:
        self.district, self.city, self.in_zone = district, city, in_zone

    def __call__(self, region: str, code: str | None) -> At | None:
        """None where it depends on an address that is not known."""
        if region != self.district:
            return "city" if region in self.city else ""
        if not code:
            return None
        return "zone" if self.in_zone(code) else "district"


def _spells(query: Query | None, entries: list[tuple[date, date | None, str, str, str | None, bool]], near: Nearness,
            zoned: bool) -> Fact:  # fmt: skip
    """A history; `zoned`: the rule asks for the zone, so that a missing address leaves it unknown."""
    spells = []
    for first, last, kind, region, code, back_paid in entries:
        at = near(region, code)
        if at is None and zoned:
            return UNKNOWN
        spells.append(Spell(first, last, kind, at if at is not None else "district", back_paid))
    return Fact(History(spells), query.item if query else "declared", query.as_of if query else None)


def permit(query: Query | None, code: str, near: Nearness, zoned: bool, other: Query | None = None) -> Fact:
    """Residence permit (PS4), or the permit of a resident from elsewhere (X11: `other`) which is one; `code` of its
    address, where it is known."""
    if other is not None and (held := fields(other)) and held["region"] and not fields(query):
        return _spells(
            other,
            [(_day(held["first_issued_on"]), _day(held["expires_on"]), "", held["region"], None, False)],
            near,
            zoned,
        )
    if not answered(query):
        return UNKNOWN
    p = fields(query)
    spell = [(_day(p["first_issued_on"]), _day(p["expires_on"]), "", p["region"], code, False)] if p else []
    return _spells(query, spell, near, zoned)  # type: ignore[arg-type]


def insurance(query: Query | None, near: Nearness) -> Fact:
    """Social insurance by type (HR1). A register that does not tell types apart leaves the history unknown."""
    if not answered(query):
        return UNKNOWN
    known = fields(query)
    if known and not known.get("periods"):
        return UNKNOWN
    entries = [
        (_month(p["first_month"]), _month(p["last_month"], True), p["kind"], p["region"], None, p["back_paid"])
        for p in (known or {}).get("periods", [])
    ]
    return _spells(query, entries, near, False)  # type: ignore[arg-type]


def work(query: Query | None, near: Nearness, zoned: bool) -> Fact:
    """Work by the employment register (HR2)."""
    if not answered(query):
        return UNKNOWN
    w = fields(query)
    ends = _day(w["ends_on"]) if w and w["ends_on"] else None
    spell = [(_day(w["starts_on"]), ends, "", w["region"], w.get("address_code"), False)] if w else []
    return _spells(query, spell, near, zoned)


def business(queries: list[Query | None], near: Nearness, zoned: bool) -> Fact:
    """Licences of both registers (MR1, MR2). One that has ended has no last day there: its history is unknown."""
    if not all(answered(q) for q in queries):
        return UNKNOWN
    firms = [f for q in queries if (f := fields(q))]
    if any(f["status"] != "active" for f in firms):
        return UNKNOWN
    entries: list[Any] = [
        (_day(f["registered_on"]), None, "", f["region"], f.get("address_code"), False) for f in firms
    ]
    shown = next((q for q in queries if fields(q)), queries[0] if queries else None)
    return _spells(shown, entries, near, zoned)


def lease(query: Query, f: Mapping[str, Any], near: Nearness) -> Fact:
    """The filed lease of the claimed home, `f` as HC2 has it."""
    ends = _day(f["ends_on"]) if f["ends_on"] else None
    entry = (_day(f["starts_on"]), ends, "", near.district, f["address_code"], False)
    return _spells(query, [entry], near, True)


def residence(facts: Mapping[str, Fact], home: Spell | None, source: str, as_of: date | None) -> Fact:
    """Where the family has lived by permits, the lease and the home: all of them must be known."""
    parts: list[Any] = [facts.get(name, UNKNOWN).value for name in ("permit.main", "permit.assistant", "lease.history")]
    if None in parts:
        return UNKNOWN
    spells = [spell for part in parts for spell in part]
    return Fact(History([*spells, *([home] if home else [])]), source, as_of)


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _month(text: str | None, end: bool = False) -> date | None:
    """First or last day of "YYYY-MM"."""
    if text is None:
        return None
    year, month = int(text[:4]), int(text[5:7])
    return date(year, month, monthrange(year, month)[1] if end else 1)
