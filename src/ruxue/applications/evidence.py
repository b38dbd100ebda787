"""What the answers to a claim's questions mean: facts for the rule, checks for the family, and what stands in the way.

An answer that is missing or contradicts the claim leaves a fact unknown until the family has had its say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ruxue.algorithms import identity
from ruxue.algorithms.address import Directory
from ruxue.applications import record_facts
from ruxue.applications.homes import code_of, home_of, in_compound, of_item, paper, rights
from ruxue.applications.models import Application, Check
from ruxue.applications.questions import SPECIAL, Places, not_claimed
from ruxue.applications.record_facts import APPLICANTS, FAMILY, Answers, Nearness, applicants, fields, permit_held
from ruxue.applications.stored_facts import standing
from ruxue.exchange.items import Code, id_digest
from ruxue.exchange.models import Query
from ruxue.policy import records
from ruxue.policy.facts import UNKNOWN, VOCABULARY, Fact
from ruxue.policy.records import Dwellings, History, Owner, Owners, Place, SeatLocks, Spell

S = Check.Status


@dataclass
class Judgement:
    """What the answers come to: facts, the checks that the family sees, and what stands in the way."""

    facts: dict[str, Fact] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    reasons: dict[str, set[str]] = field(default_factory=dict)
    blocking: bool = False
    waiting: bool = False
    contradicting: bool = False

    def ask_for(self, reason: str, *facts: str) -> None:
        self.reasons.setdefault(reason, set()).update(facts)


def judge(application: Application, answers: Answers, places: Places) -> Judgement:
    """Facts and checks from the answers to one version of a claim."""
    out = Judgement()
    out.waiting = any(q.state != Query.State.ANSWERED for q in answers.values())
    out.facts = {name: Fact(value, "declared") for name, value in not_claimed(application).items()}
    _special(out, application, answers)
    _person(out, application, answers)
    _household(out, application, answers, places)
    {
        "owned": _owned,
        "grandparents": _grandparents,
        "contract": _contract,
        "resettlement": _resettlement,
        "lease": _lease,
    }[application.basis](out, application, answers, places)
    _work(out, application, answers, places)
    _records(out, application, answers, places)
    for name in contradicted(application, answers):
        for same in (name, *_SAME_AS.get(name, ())):
            out.facts[same] = UNKNOWN
        out.contradicting = True
        out.ask_for("registers_contradict", name)
    _say_who_did_not_say(out, answers)
    out.facts |= standing(application)
    out.contradicting = out.contradicting and not application.by_human
    return out


_SAID_BY = {
    "household_not_together": {"PS2", "PS3"},
    "parent_not_named": {"PS3"},
    "kinship_not_shown": {"PS3"},
    "property_not_found": {"NR1", "NR2"},
    "contract_not_found": {"HC1"},
    "lease_not_found": {"HC2"},
    "resettlement_not_found": {"HC3"},
    "permit_not_found": {"PS4"},
    "job_not_found": {"HR1", "HR2", "MR1", "MR2"},
    "hukou_address_unclear": {"PS2"},
}
"""Registers whose word a reason repeats: one that was not asked, or is not sure, has said nothing against the family."""


def _say_who_did_not_say(out: Judgement, answers: Answers) -> None:
    if not answers:
        out.ask_for("not_asked", *VOCABULARY)
    for code, registers in _SAID_BY.items():
        asked = [q for (item, _), q in answers.items() if item in registers]
        codes = {q.code for q in asked}
        if code in out.reasons and (not asked or codes == {Code.AMBIGUOUS}):
            out.ask_for("register_unsure" if asked else "not_asked", *out.reasons.pop(code))


_SAME_AS = {
    "family.no_dwelling_in_core": ("family.dwellings",),
    "dwelling.full_ownership": ("dwelling.owners", "dwelling.family_share_bp"),
    "dwelling.acquired_on": ("dwelling.registered_on",),
    "child.with_guardian_household": ("child.hukou_with_parents",),
}
"""Records that rest on the same answers as a plain fact."""


def contradicted(application: Application, answers: Answers) -> set[str]:
    """Facts about which two answers can't both be true: neither is believed, and a person looks at them.

    The ID number itself tells the child's birthday; one property has one entry, whoever is asked about it; a child is
    in one household, whoever is asked about it; who has no dwelling does not own the claimed one.
    """
    found: set[str] = set()
    child = fields(answers.get(("PS1", "child")))
    if child and application.born_on and child["born_on"] != application.born_on.isoformat():
        found.add("child.born_on")
    units: dict[str, Any] = {}
    for _, right in rights(application, answers):
        entry = (right["use"], right["registered_on"], sorted(o["id_digest"] for o in right["owners"]))
        if right["unit_no"] and units.setdefault(right["unit_no"], entry) != entry:
            found |= {"dwelling.full_ownership", "dwelling.owners_within_kin", "dwelling.acquired_on"}
    books = [f["members"] for q in of_item(answers, "PS3") if (f := fields(q))]
    if len({tuple(sorted(m["id_digest"] for m in members)) for members in books}) > 1:
        found |= {"child.with_guardian_household", "child.with_grandparent_household"}
    counted = fields(answers.get(("NR3", "")))
    mine = {id_digest(person["id_number"]) for _, person in applicants(application)}
    # Only the claimed home surely lies where dwellings were counted: a house in another city contradicts nothing.
    here = [right for part, right in rights(application, answers) if in_compound(application, right, answers, part)]
    owned = any(o["id_digest"] in mine for right in here for o in right["owners"])
    if counted and not any(counted["count_by_region"].values()) and owned:
        found.add("family.no_dwelling_in_core")
    return found


def _check(
    out: Judgement,
    application: Application,
    query: Query | None,
    status: Check.Status,
    reason: str = "",
    claimed: Any = None,
    registered: Any = None,
    first_try: bool | None = None,
) -> None:
    if query is None:
        return
    if query.state != Query.State.ANSWERED:
        status, reason, first_try = S.WAITING, "department_silent", False
    elif query.code == Code.AMBIGUOUS and query.item != "PS5":  # of an address several readings are no surprise
        status, reason, first_try = S.NOT_FOUND, "register_unsure", False
    out.checks.append(
        Check(
            application=application,
            claim_version=application.claim_version,
            item=query.item,
            part=query.part,
            status=status,
            reason=reason,
            claimed=claimed,
            registered=registered,
            as_of=query.as_of,
            first_try=query.match == "Y" if first_try is None else first_try,
        )
    )


def _special(out: Judgement, application: Application, answers: Answers) -> None:
    """A preference that the law gives, where the city has its register connected; else the school confirms it."""
    queries = [q for item in SPECIAL for q in of_item(answers, item)]
    found = next((q for q in queries if q.state == Query.State.ANSWERED and q.match == "Y"), None)
    if found:
        out.facts["family.special_group"] = Fact(application.claim["special_group"], found.item, found.as_of)
    for q in queries:
        _check(out, application, q, S.MATCHED if q is found else S.INFORMATION)


def _person(out: Judgement, application: Application, answers: Answers) -> None:
    claim = application.claim
    for part in ("child", "guardian", "second_guardian"):
        query = answers.get(("PS1", part))
        if query is None:
            continue
        person = claim[part]
        shown = {"name": person["name"], "id_number": identity.mask_id(person["id_number"])}
        if query.state == Query.State.ANSWERED and query.match != "Y" and permit_held(answers, part):
            _check(out, application, query, S.INFORMATION, "", shown)
        elif query.state == Query.State.ANSWERED and query.match != "Y":
            unsure = query.code == Code.AMBIGUOUS or query.match == "U"
            reason = "register_unsure" if unsure else "identity_mismatch"
            out.ask_for(reason)
            out.blocking = True
            _check(out, application, query, S.MISMATCHED, reason, shown)
        else:
            _check(out, application, query, S.MATCHED, "", shown)
    child = answers.get(("PS1", "child"))
    if not fields(child) and permit_held(answers, "child"):
        child = answers["X11", "child"]
    info = fields(child)
    out.facts["child.born_on"] = Fact(application.born_on, child.item, child.as_of) if child and info else UNKNOWN
    _pupil(out, application, answers)


def _pupil(out: Judgement, application: Application, answers: Answers) -> None:
    """The pupil register: nobody is enrolled twice, and who leaves primary school goes to a junior one."""
    enrolled = answers.get(("ED1", ""))
    if enrolled and record_facts.answered(enrolled):
        record = fields(enrolled)
        taken = bool(record and record["status"] == "in_school" and record["stage"] == application.season.level)
        out.facts["child.already_enrolled"] = Fact(taken, "ED1", enrolled.as_of)
        if application.season.level == "junior":
            leaves = record and (record["stage"], record["grade"]) == ("primary", 6) and record["status"] != "left"
            out.facts["child.graduates"] = Fact(bool(leaves), "ED1", enrolled.as_of) if record else UNKNOWN
            school = record["school_code"] if record else None
            out.facts["child.primary_school"] = Fact(school, "ED1", enrolled.as_of) if school else UNKNOWN
            if record is None:
                out.ask_for("pupil_not_found", "child.graduates", "child.primary_school")
        _check(
            out,
            application,
            enrolled,
            S.MISMATCHED if taken else S.MATCHED,
            "already_enrolled" if taken else "",
            first_try=not taken,
        )
    else:
        out.facts["child.already_enrolled"] = UNKNOWN
        if enrolled and enrolled.state == Query.State.ANSWERED:
            out.ask_for("register_unsure", "child.already_enrolled", "child.graduates", "child.primary_school")
        _check(out, application, enrolled, S.WAITING)


def _household(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    query = answers.get(("PS2", ""))
    hukou = fields(query)
    compound = application.compound_id or ""
    claimed = {"address": places.compound_address.get(compound, "")}
    if hukou is None and permit_held(answers, "child"):
        _without_hukou(out, answers["X11", "child"])
        _check(out, application, query, S.INFORMATION, first_try=False)
    elif hukou is None:
        for name in ("child.hukou_district", "child.hukou_entry_on", "dwelling.address_equals_hukou"):
            out.facts[name] = UNKNOWN
        if query is not None and query.state == Query.State.ANSWERED:
            unsure = query.code == Code.AMBIGUOUS
            out.ask_for("register_unsure" if unsure else "household_not_together", "child.hukou_district")
        _check(out, application, query, S.NOT_FOUND, "household_not_together", claimed)
    else:
        assert query is not None
        as_of = query.as_of
        key = next((k for k, code in places.district_code.items() if code == hukou["region"]), "other")
        out.facts["child.hukou_district"] = Fact(key, "PS2", as_of)
        out.facts["child.hukou_entry_on"] = Fact(date.fromisoformat(hukou["entered_on"]), "PS2", as_of)
        out.facts["child.hukou_by_birth"] = Fact(hukou["entered_by_birth"], "PS2", as_of)
        out.facts["child.hukou_collective"] = Fact(hukou["kind"] == "collective", "PS2", as_of)
        registered = {"address": hukou["address"]}
        code = hukou_code(answers, places.own(application))
        _hukou_place(out, application, places, hukou, key, code, as_of)
        if application.basis == "lease":
            _check(out, application, query, S.INFORMATION, "", None, registered)
        elif query.compared.get("address") == "Y":
            _check(out, application, query, S.MATCHED, "", claimed, registered)
        elif code and code.split("/")[0] == compound:
            _check(out, application, query, S.RESOLVED, "", claimed, registered)
        elif code or key != application.season.district_id:
            _check(out, application, query, S.MISMATCHED, "hukou_elsewhere", claimed, registered)
        else:
            _check(out, application, query, S.MISMATCHED, "hukou_address_unclear", claimed, registered)
        spelled = answers.get(("PS5", "hukou"))
        _check(
            out,
            application,
            spelled,
            S.RESOLVED if code else S.NOT_FOUND,
            "" if code else "hukou_address_unclear",
            first_try=bool(code),
        )
    together = [answers[("PS3", part)] for part in ("guardian", "second_guardian") if ("PS3", part) in answers]
    answered = [q for q in together if q.state == Query.State.ANSWERED]
    same = any((fields(q) or {}).get("same_household") for q in answered)
    with_elder = fields(answers.get(("PS3", "grandparent")))
    for q in together:
        mine = bool((fields(q) or {}).get("same_household"))
        _check(
            out,
            application,
            q,
            S.MATCHED if mine else (S.RESOLVED if same else S.MISMATCHED),
            "" if mine or same else "household_not_together",
        )
    _with_parents(out, application, answers)
    if same:
        out.facts["child.with_guardian_household"] = Fact(True, "PS3", answered[0].as_of)
    elif "child.with_guardian_household" in out.facts:
        pass  # a child without hukou is in no book
    elif with_elder and with_elder["same_household"]:
        out.facts["child.with_guardian_household"] = Fact(False, "PS3", answers[("PS3", "grandparent")].as_of)
    else:
        out.facts["child.with_guardian_household"] = UNKNOWN
        out.ask_for("household_not_together", "child.with_guardian_household")
    elder = answers.get(("PS3", "grandparent"))
    if elder is None:
        out.facts["child.with_grandparent_household"] = Fact(False, "declared")
    else:
        ok = bool(with_elder and with_elder["same_household"] and with_elder["kinship"] == "grandparent")
        claimed_so = application.basis == "grandparents"
        if ok or (with_elder and not claimed_so):
            out.facts["child.with_grandparent_household"] = Fact(ok, "PS3", elder.as_of)
        else:
            out.facts["child.with_grandparent_household"] = UNKNOWN
        if ok and claimed_so:
            # A family that claims the elder's home, in whose book the child is, says that it lives there.
            out.facts["child.lives_with_grandparents"] = Fact(True, "declared")
        if not ok and claimed_so:
            out.ask_for("household_not_together", "child.with_grandparent_household")
        if claimed_so:
            _check(out, application, elder, S.MATCHED if ok else S.MISMATCHED, "" if ok else "household_not_together")
        else:
            _check(out, application, elder, S.INFORMATION, first_try=True)


def _without_hukou(out: Judgement, query: Query) -> None:
    """A child from Hong Kong, Macau, Taiwan or abroad with a permit: what is asked of a hukou is answered, with no."""
    no = ("hukou_by_birth", "hukou_collective", "hukou_in_zone", "hukou_with_parents", "with_guardian_household")
    out.facts |= {f"child.{name}": Fact(False, "X11", query.as_of) for name in no}
    out.facts["child.hukou_district"] = Fact("other", "X11", query.as_of)
    out.facts["hukou.history"] = Fact(History(), "X11", query.as_of)
    out.facts["permit.not_possible"] = Fact(False, "X11", query.as_of)


def _with_parents(out: Judgement, application: Application, answers: Answers) -> None:
    """Whether the hukou of child and both parents are together, and what the books say of only children."""
    parents: dict[str, tuple[bool, Query]] = {}
    for part, person in record_facts.named(application):
        query = answers.get(("PS3", part))
        known = fields(query)
        if query is None or known is None:
            continue
        if known["kinship"] == "parent":
            parents[identity.sex(person["id_number"])] = known["same_household"], query
        elif known.get("through") and known.get("only_child") is not None:
            # Who has a sibling has one in whichever book: "no" stands, and so does the one "yes" that was asked for.
            name = "father.sole_child" if known["through"] == "father" else "mother.sole_daughter"
            out.facts[name] = Fact(known["only_child"], "PS3", query.as_of)
    first = next((q for q in of_item(answers, "PS3") if fields(q)), None)
    alone = (fields(first) or {}).get("parents_on_record") == 1
    if alone and first:
        out.facts["family.single_parent"] = Fact(True, "PS3", first.as_of)
    for q in of_item(answers, "X3"):
        judged = record_facts.judgment(application, answers, q.part)
        if judged and judged["kind"] == "custody":
            out.facts.setdefault("family.single_parent", Fact(True, "X3", q.as_of))
    apart = next((q for together, q in parents.values() if not together), None)
    if "child.hukou_with_parents" in out.facts:
        return
    if apart is not None or len(parents) == 2 or (alone and parents):
        day = (apart or next(iter(parents.values()))[1]).as_of
        out.facts["child.hukou_with_parents"] = Fact(apart is None, "PS3", day)
    else:
        out.facts["child.hukou_with_parents"] = UNKNOWN
        out.ask_for("parent_not_named", "child.hukou_with_parents", "family.single_parent")


def hukou_code(answers: Answers, own: Callable[[], Directory | None] = lambda: None) -> str:
    """Full standard address of the hukou, from the register or from PS5's reading of its text; "" if neither knows.

    Where the register of addresses knows no such place, the claimed compound's own names may (`own`).
    """
    hukou = fields(answers.get(("PS2", "")))
    if hukou is None:
        return ""
    if hukou["address_code"]:
        return str(hukou["address_code"])
    return _read_place(answers.get(("PS5", "hukou")), hukou["address"], own)


def _read_place(query: Query | None, text: str, own: Callable[[], Directory | None]) -> str:
    """A text's place by PS5. Several places are none; only where it knows no place at all, ours are looked at."""
    if found := fields(query):
        return str(found["address_code"])
    unknown = query is not None and query.state == Query.State.ANSWERED and query.code == Code.NO_RECORD
    directory = own() if unknown else None
    return record_facts.place_code(directory, text) if directory else ""


def _hukou_place(
    out: Judgement,
    application: Application,
    places: Places,
    hukou: dict[str, Any],
    key: str,
    code: str,
    as_of: date | None,
) -> None:
    here, source = key == application.season.district_id, "PS2" if hukou["address_code"] else "PS5"
    if code:
        out.facts["place.hukou"] = Fact(Place(code, key), source, as_of)
    if code or not here:
        inside = here and _zone(application, code, places)
        out.facts["child.hukou_in_zone"] = Fact(inside, source if here else "PS2", as_of)
    else:
        out.facts["child.hukou_in_zone"] = UNKNOWN
        out.ask_for("hukou_address_unclear", "child.hukou_in_zone", "place.hukou")
    if code or not here:
        at = _nearness(application, places)(hukou["region"], code)
        spell = Spell(date.fromisoformat(hukou["entered_on"]), None, "", at if at is not None else "")
        out.facts["hukou.history"] = Fact(History([spell]), "PS2", as_of)
    out.facts["permit.not_possible"] = Fact(key != "other", "PS2", as_of)


def _nearness(application: Application, places: Places) -> Nearness:
    codes = places.district_code
    return Nearness(
        codes[application.season.district_id], frozenset(codes.values()), lambda code: _zone(application, code, places)
    )


def _same_address(
    out: Judgement, application: Application, home: str, answers: Answers, as_of: date | None, places: Places
) -> None:
    hukou, book = hukou_code(answers, places.own(application)), fields(answers.get(("PS2", "")))
    if hukou and "/" in hukou and "/" in home:
        out.facts["dwelling.address_equals_hukou"] = Fact(hukou == home, "PS2", as_of)
    elif (hukou and hukou.split("/")[0] != home.split("/")[0]) or (book and book["kind"] == "collective"):
        out.facts["dwelling.address_equals_hukou"] = Fact(False, "PS2", as_of)
    elif book is None and permit_held(answers, "child"):
        out.facts["dwelling.address_equals_hukou"] = Fact(False, "X11", answers["X11", "child"].as_of)
    else:
        out.facts["dwelling.address_equals_hukou"] = UNKNOWN
        out.ask_for("hukou_address_unclear", "dwelling.address_equals_hukou")


def _zone(application: Application, code: str, places: Places) -> bool:
    return bool(application.school_id) and places.zone_of.get(code.split("/")[0]) == application.school_id


def _no_home(out: Judgement, application: Application, queries: list[Query], reason: str, *facts: str) -> None:
    for name in facts:
        out.facts[name] = UNKNOWN
    out.ask_for(reason, *facts)
    for query in queries:
        _check(out, application, query, S.NOT_FOUND, reason, _home_claim(application))


def _home_claim(application: Application) -> dict[str, str]:
    return {
        "address": application.compound.address if application.compound else "",
        "room": application.claim.get("room", ""),
    }


def _home_facts(
    out: Judgement,
    application: Application,
    right: dict[str, Any],
    code: str,
    source: str,
    as_of: date | None,
    places: Places,
    answers: Answers,
) -> None:
    out.facts["dwelling.in_zone"] = Fact(_zone(application, code, places), source, as_of)
    kin = record_facts.roles(application, answers)
    if not any(o["id_digest"] in kin for o in right.get("owners") or right.get("buyers") or []):
        # Somebody's home lies there; whether it is this family's is open.
        out.facts["dwelling.in_zone"] = UNKNOWN
        out.ask_for("kinship_not_shown", "dwelling.in_zone", "residence.history")
    use = right.get("use", "住宅")
    out.facts["dwelling.residential"] = UNKNOWN if use is None else Fact("住宅" in use, source, as_of)
    held = right.get("owners") or right.get("buyers") or []
    owned = record_facts.ownership(kin, held)
    out.facts.update({name: Fact(value, source, as_of) for name, value in owned.items()})
    out.facts["dwelling.owners"] = Fact(record_facts.owners(kin, held), source, as_of)
    if open_ := [name for name, value in owned.items() if value is None]:
        out.ask_for("owner_not_named", *open_, "dwelling.owners")


def _owned(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    queries = of_item(answers, "NR1") + of_item(answers, "NR2")
    found = next(((p, r) for p, r in rights(application, answers) if in_compound(application, r, answers, p)), None)
    if found is None:
        _no_home(
            out,
            application,
            queries,
            "property_not_found",
            "dwelling.owned_by_family",
            "dwelling.in_zone",
            "dwelling.residential",
            "dwelling.full_ownership",
            "dwelling.address_equals_hukou",
            "dwelling.family_share_bp",
            "dwelling.owners_within_kin",
        )
        return
    part, right = found
    query = answers[(right["item"], part)]
    code = code_of(right, answers, part)
    _ours(out, application, answers, [o["id_digest"] for o in right["owners"]], query)
    _home_facts(out, application, right, code, right["item"], query.as_of, places, answers)
    bought = date.fromisoformat(right["registered_on"])
    out.facts["dwelling.registered_on"] = out.facts["dwelling.acquired_on"] = Fact(bought, right["item"], query.as_of)
    _same_address(out, application, code, answers, query.as_of, places)
    _not_renting(out)
    for q in queries:
        status = (S.MATCHED if q.match == "Y" else S.RESOLVED) if q is query else S.RESOLVED
        _check(
            out,
            application,
            q,
            status,
            "",
            _home_claim(application),
            {"address": right["location"]} if q is query else None,
        )


def _ours(out: Judgement, application: Application, answers: Answers, owners: list[str], query: Query) -> None:
    """The family owns the home if an owner is shown to be the child, a parent or a guardian by judgment."""
    kin, wards = record_facts.roles(application, answers), record_facts.guardians(application, answers)
    if any(kin.get(digest) in FAMILY or digest in wards for digest in owners):
        out.facts["dwelling.owned_by_family"] = Fact(True, query.item, query.as_of)
    else:
        out.facts["dwelling.owned_by_family"] = UNKNOWN
        out.ask_for("kinship_not_shown", "dwelling.owned_by_family", "dwelling.owners")


def _not_renting(out: Judgement) -> None:
    out.facts.setdefault("family.no_dwelling_in_core", Fact(False, "declared"))


def _grandparents(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    _no_dwelling(out, application, answers, places)
    queries = of_item(answers, "NR1") + of_item(answers, "NR2")
    found = next(((p, r) for p, r in rights(application, answers) if in_compound(application, r, answers, p)), None)
    if found is None:
        _no_home(
            out,
            application,
            queries,
            "property_not_found",
            "dwelling.owned_by_grandparent",
            "dwelling.in_zone",
            "dwelling.address_equals_hukou",
        )
        return
    part, right = found
    query = answers[(right["item"], part)]
    code = code_of(right, answers, part)
    kin = record_facts.roles(application, answers)
    elder = any(kin.get(o["id_digest"]) in record_facts.GRANDPARENTS for o in right["owners"])
    out.facts["dwelling.owned_by_grandparent"] = Fact(True, right["item"], query.as_of) if elder else UNKNOWN
    if not elder:
        out.ask_for("kinship_not_shown", "dwelling.owned_by_grandparent", "dwelling.owners")
    _home_facts(out, application, right, code, right["item"], query.as_of, places, answers)
    out.facts["dwelling.acquired_on"] = Fact(date.fromisoformat(right["registered_on"]), right["item"], query.as_of)
    _same_address(out, application, code, answers, query.as_of, places)
    for q in queries:
        status = S.MATCHED if q is query and q.match == "Y" else S.RESOLVED
        shown = {"address": right["location"]} if q is query else None
        _check(out, application, q, status, "", _home_claim(application), shown)


def _contract(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    queries, shown = of_item(answers, "HC1"), paper(application, answers)
    if shown is None:
        _no_home(
            out,
            application,
            queries,
            "contract_not_found",
            "dwelling.owned_by_family",
            "dwelling.in_zone",
            "dwelling.residential",
            "dwelling.full_ownership",
            "dwelling.address_equals_hukou",
            "dwelling.family_share_bp",
            "dwelling.owners_within_kin",
        )
        return
    found, contract = shown
    out.facts["dwelling.is_contract"] = Fact(True, found.item, found.as_of)
    _ours(out, application, answers, [o["id_digest"] for o in contract["buyers"]], found)
    _home_facts(out, application, contract, contract["address_code"], found.item, found.as_of, places, answers)
    out.facts["dwelling.acquired_on"] = Fact(date.fromisoformat(contract["filed_on"]), found.item, found.as_of)
    _same_address(out, application, contract["address_code"], answers, found.as_of, places)
    _not_renting(out)
    for q in queries:
        _check(
            out,
            application,
            q,
            S.MATCHED if q.match == "Y" else S.RESOLVED,
            "",
            _home_claim(application),
            {"address": contract["location"]} if q is found else None,
        )


def _resettlement(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    queries, shown = of_item(answers, "HC3"), paper(application, answers)
    if shown is None:
        _no_home(
            out,
            application,
            queries,
            "resettlement_not_found",
            "dwelling.owned_by_family",
            "dwelling.in_zone",
            "dwelling.residential",
            "dwelling.full_ownership",
            "dwelling.address_equals_hukou",
            "dwelling.is_resettlement",
            "dwelling.original_village_in_zone",
            "dwelling.owners_within_kin",
        )
        return
    found, agreement = shown
    code = agreement["present_address_code"]
    out.facts["dwelling.is_resettlement"] = Fact(True, "HC3", found.as_of)
    holders = [id_digest(p["id_number"]) for part, p in applicants(application) if fields(answers.get(("HC3", part)))]
    _ours(out, application, answers, holders, found)
    _home_facts(
        out,
        application,
        {"owners": [{"id_digest": id_digest(application.claim["child"]["id_number"]), "share_bp": 10_000}]},
        code,
        "HC3",
        found.as_of,
        places,
        answers,
    )
    kin = record_facts.roles(application, answers)
    out.facts["dwelling.owners"] = Fact(Owners(Owner(kin.get(h, "owner")) for h in holders), "HC3", found.as_of)
    out.facts["dwelling.original_village_in_zone"] = Fact(
        _zone(application, agreement["original_address_code"] or "", places), "HC3", found.as_of
    )
    out.facts["dwelling.acquired_on"] = Fact(date.fromisoformat(agreement["signed_on"]), "HC3", found.as_of)
    _same_address(out, application, code, answers, found.as_of, places)
    _not_renting(out)
    for q in queries:
        _check(
            out,
            application,
            q,
            S.MATCHED if q.match == "Y" else S.RESOLVED,
            "",
            _home_claim(application),
            {"address": agreement["present_address"]} if q is found else None,
        )


def _no_dwelling(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    query = answers.get(("NR3", ""))
    counted = fields(query)
    if counted is None or query is None:
        out.facts["family.no_dwelling_in_core"] = UNKNOWN
        if query is not None and query.state == Query.State.ANSWERED:
            out.ask_for("register_unsure", "family.no_dwelling_in_core", "family.dwellings")
        _check(out, application, query, S.NOT_FOUND, "register_unsure")
        return
    none = not any(counted["count_by_region"].values())
    if none and not record_facts.all_parents_named(application, answers):
        # Who is not named was not asked about, and may own one.
        out.facts["family.no_dwelling_in_core"] = out.facts["family.dwellings"] = UNKNOWN
        out.ask_for("parent_not_named", "family.no_dwelling_in_core", "family.dwellings")
    else:
        out.facts["family.no_dwelling_in_core"] = Fact(none, "NR3", query.as_of)
        out.facts["family.dwellings"] = record_facts.dwellings(query, places.keys())
    _check(out, application, query, S.MATCHED if none else S.INFORMATION, first_try=none)


def _lease(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    _no_dwelling(out, application, answers, places)
    queries, shown = of_item(answers, "HC2"), paper(application, answers)
    if shown is None:
        _no_home(out, application, queries, "lease_not_found", "lease.in_zone", "lease.sole", "lease.filed_on")
    else:
        found, lease = shown
        inside = Fact(_zone(application, lease["address_code"], places), found.item, found.as_of)
        tenant = id_digest(application.claim[found.part]["id_number"])
        out.facts["lease.in_zone"] = inside if tenant in record_facts.roles(application, answers) else UNKNOWN
        if out.facts["lease.in_zone"] is UNKNOWN:
            out.ask_for("kinship_not_shown", "lease.in_zone")
        out.facts["lease.sole"] = Fact(lease["sole"], found.item, found.as_of)
        out.facts["lease.filed_on"] = Fact(date.fromisoformat(lease["filed_on"]), found.item, found.as_of)
        out.facts["lease.months"] = Fact(lease["unbroken_months"], found.item, found.as_of)
        if out.facts["lease.in_zone"] is not UNKNOWN:
            out.facts["lease.history"] = record_facts.lease(found, lease, _nearness(application, places))
        for q in queries:
            _check(
                out,
                application,
                q,
                S.MATCHED if q is found else S.RESOLVED,
                "",
                _home_claim(application),
                {"address": lease["location"]} if q is found else None,
            )


def _records(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    """Facts that are more than one value, as far as the answers tell; what was not asked stays as it is."""
    near, zoned = _nearness(application, places), places.zoned(application.season_id)
    home, hukou = home_of(application, answers), fields(answers.get(("PS2", "")))
    here = hukou is not None and hukou["region"] == near.district
    for part, who in APPLICANTS:
        if not application.claim.get(part):
            continue
        found = {
            f"permit.{who}": _permit(answers, part, near, zoned, here, places.own(application)),
            f"insurance.{who}": record_facts.insurance(answers.get(("HR1", part)), near),
            f"work.{who}": record_facts.work(answers.get(("HR2", part)), near, f"work.{who}" in zoned),
            f"business.{who}": record_facts.business(
                [answers.get(("MR1", part)), answers.get(("MR2", part))], near, f"business.{who}" in zoned
            ),
        }
        out.facts |= {name: fact for name, fact in found.items() if fact is not UNKNOWN}
        for item, name in (("PS4", "permit"), ("HR1", "insurance"), ("HR2", "work"), ("MR1", "business")):
            if (item, part) in answers and found[f"{name}.{who}"] is UNKNOWN:
                out.ask_for("job_not_found" if name != "permit" else "permit_not_found", f"{name}.{who}")
    _permit_facts(out, application, answers, places)
    item = "PS1" if fields(answers.get(("PS1", "guardian"))) else "X11"
    born = fields(answers.get((item, "guardian")))
    if born and (item == "PS1" or permit_held(answers, "guardian")):
        age = _age(date.fromisoformat(born["born_on"]), application.season.year)
        out.facts["main.age"] = Fact(age, item, answers[item, "guardian"].as_of)
    _home_records(out, application, answers, places, home)


def _age(born: date, year: int) -> int:
    """Full years on 31 August of the season's year."""
    return year - born.year - ((born.month, born.day) > (8, 31))


def _permit(
    answers: Answers, part: str, near: Nearness, zoned: frozenset[str], here: bool, own: Callable[[], Directory | None]
) -> Fact:
    """A residence permit; who has the hukou in the district can have none."""
    query = answers.get(("PS4", part))
    other = answers["X11", part] if permit_held(answers, part) else None
    if query is None and here and other is None:
        return Fact(History(), "PS2", answers["PS2", ""].as_of)
    held = fields(query)
    code = _read_place(answers.get(("PS5", f"permit/{part}")), held["address"], own) if held else ""
    return record_facts.permit(query, code, near, "permit.main" in zoned, other)


def _permit_facts(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    held = [(q, f) for q in of_item(answers, "PS4") if (f := fields(q))]
    for q in of_item(answers, "PS4"):
        _check(out, application, q, S.INFORMATION, "", first_try=bool(fields(q)))
    if held:
        query, first = held[0]
        out.facts["permit.first_issued_on"] = Fact(date.fromisoformat(first["first_issued_on"]), "PS4", query.as_of)
        out.facts["permit.months"] = Fact(first["unbroken_months"], "PS4", query.as_of)
        out.facts["permit.applied"] = Fact(False, "PS4", query.as_of)
        asked = answers.get(("PS5", f"permit/{query.part}"))
        if code := _read_place(asked, first["address"], places.own(application)):
            out.facts["place.permit"] = Fact(
                Place(code, places.keys().get(first["region"], "other")), "PS5", query.as_of
            )
    elif (main := permit_held(answers, "guardian")) and out.facts.get("permit.main", UNKNOWN).value:
        day, since = answers["X11", "guardian"].as_of, date.fromisoformat(main["first_issued_on"])
        out.facts["permit.first_issued_on"] = Fact(since, "X11", day)
        if day:
            months = records.length((since.toordinal(), day.toordinal() - 1), "months")
            out.facts["permit.months"] = Fact(max(months, 0), "X11", day)
    for q in (q for q in of_item(answers, "PS5") if q.part.startswith("permit/")):
        _check(out, application, q, S.INFORMATION, "", first_try=bool(fields(q)))


def _home_records(
    out: Judgement, application: Application, answers: Answers, places: Places, home: dict[str, Any] | None
) -> None:
    """The home's place and kind, the seats that it serves, the dwellings that come with it, the time lived there."""
    item = {"contract": "HC1", "resettlement": "HC3", "lease": "HC2"}.get(application.basis, "NR1")
    item = (home or {}).get("item", item)
    source = (home or {}).get("shown_by") or next((q for q in of_item(answers, item) if fields(q)), None)
    as_of, district = source.as_of if source else None, application.season.district_id
    shown = source.item if source else item
    lived: Spell | None = None
    if home is None:
        names = (
            ["dwelling.owners", "dwelling.kind", "place.dwelling"] if item != "HC2" else ["lease.kind", "lease.history"]
        )
        for name in names:
            out.facts[name] = UNKNOWN
        out.ask_for(_NOT_FOUND[item], *names, "dwelling.seat_locks", "residence.history")
    elif item == "HC2":
        out.facts["place.lease"] = Fact(Place(home["code"], district), shown, as_of)
        # An electronic filing does not say what kind of lease it is.
        out.facts["lease.kind"] = Fact(home.get("kind", "private"), item, as_of) if shown == "HC2" else UNKNOWN
    else:
        out.facts["place.dwelling"] = Fact(Place(home["code"], district), shown, as_of)
        kind = {"HC1": "commercial", "HC3": "other"}.get(item) or home.get("nature")
        out.facts["dwelling.kind"] = Fact(kind, shown, as_of) if kind else UNKNOWN
        since = home.get("registered_on") or home.get("delivered_on") or home.get("signed_on")
        if since:
            at = "zone" if _zone(application, home["code"], places) else "district"
            lived = Spell(date.fromisoformat(since), None, "", at)
    if home is not None:
        kin = record_facts.roles(application, answers)
        rented = "public_rental" if home.get("kind") == "public_rental" and item == "HC2" else ""
        seats = record_facts.seat_locks(answers.get(("ED2", "")), kin, application.school_id, rented)
        out.facts["dwelling.seat_locks"], out.facts["dwelling.other_pupils"] = seats
        if not seats[0].value and ("ED2", "") in answers and seats[0] is UNKNOWN:
            out.ask_for("seat_unclear", "dwelling.seat_locks", "dwelling.other_pupils")
        locks: Any = seats[0].value or SeatLocks()
        if None in [lock.same_parents for lock in locks]:
            out.ask_for("seat_unclear", "dwelling.seat_locks", "dwelling.other_pupils")
    _check(out, application, answers.get(("ED2", "")), S.INFORMATION, first_try=True)
    _dwellings(out, application, answers, places)
    ours = out.facts["lease.in_zone" if item == "HC2" else "dwelling.in_zone"].value is not None
    known = home is not None and ours
    out.facts["residence.history"] = record_facts.residence(out.facts, lived, shown, as_of) if known else UNKNOWN


_NOT_FOUND = {
    "NR1": "property_not_found",
    "HC1": "contract_not_found",
    "HC2": "lease_not_found",
    "HC3": "resettlement_not_found",
}


def _dwellings(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    """Dwellings by district: the register's count, or the claimed home itself, which is one."""
    query = answers.get(("NR3", ""))
    if application.basis in ("grandparents", "lease"):
        return
    if query is not None:
        _no_dwelling(out, application, answers, places)
    elif (owned := out.facts["dwelling.owned_by_family"]).value:
        one = Dwellings({application.season.district_id: 1})
        out.facts["family.dwellings"] = Fact(one, owned.source, owned.as_of)


def _work(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    code = places.district_code[application.season.district_id]
    started: list[tuple[date, str, date | None]] = []
    asked = [q for item in ("HR1", "HR2", "MR1", "MR2") for q in of_item(answers, item)]
    for q in asked:
        f = fields(q)
        if not f or f["region"] != code:
            continue
        if q.item == "HR1" and f["status"] == "paying":
            started.append((date.fromisoformat(f["first_month"] + "-01"), "HR1", q.as_of))
        elif q.item == "HR2" and f["status"] == "current":
            started.append((date.fromisoformat(f["starts_on"]), "HR2", q.as_of))
        elif q.item in ("MR1", "MR2") and f["status"] == "active":
            started.append((date.fromisoformat(f["registered_on"]), q.item, q.as_of))
    if started:
        first, source, as_of = min(started, key=lambda s: (s[0], s[1]))
        out.facts["job.in_district"] = Fact(True, source, as_of)
        out.facts["job.started_on"] = Fact(first, source, as_of)
    elif asked:
        out.facts["job.in_district"] = UNKNOWN
        out.ask_for("job_not_found", "job.in_district")
    for q in asked:
        _check(out, application, q, S.INFORMATION, "", first_try=bool(fields(q)))
