"""Which questions a claim needs, and what their answers mean: claims → queries → checks and facts.

Only what the rule can use is asked: leases' questions only where a lease is claimed, work only where the hukou is
elsewhere. An answer that is missing or contradicts the claim leaves a fact unknown until the family has had its say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ruxue.algorithms import identity
from ruxue.applications.models import Application, Check
from ruxue.exchange.inquiries import Inquiry
from ruxue.exchange.items import Code, id_digest
from ruxue.exchange.models import Query
from ruxue.policy import records
from ruxue.policy.facts import UNKNOWN, VOCABULARY, Fact, Value

SPECIAL = ("X4", "X5", "X6")  # extensions that know groups with a preference
Answers = Mapping[tuple[str, str], Query]
S = Check.Status


def pack(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """Facts as JSON: value, source, as-of date."""
    return {
        name: [records.plain(f.value), f.source, f.as_of.isoformat() if f.as_of else None] for name, f in facts.items()
    }


def unpack(stored: Mapping[str, Any]) -> dict[str, Fact]:
    """Inverse of `pack`."""
    return {
        name: Fact(records.parse(VOCABULARY[name].kind, value), source, date.fromisoformat(as_of) if as_of else None)
        for name, (value, source, as_of) in stored.items()
    }


@dataclass(frozen=True)
class Places:
    """What questions and judgement need of the map: codes by district key, school by compound, addresses, and the
    districts of the city's core by season, as the rule names them."""

    district_code: dict[str, str]
    zone_of: dict[str, str]
    compound_address: dict[str, str]
    core: dict[int, tuple[str, ...]]


def _people(application: Application) -> list[tuple[str, dict[str, str]]]:
    """Guardians as typed, first and second."""
    claim = application.claim
    return [(n, claim[n]) for n in ("guardian", "second_guardian") if claim.get(n) and claim[n].get("id_number")]


class _Asker:
    def __init__(self, application: Application, consent: str) -> None:
        self.application, self.consent = application, consent
        self.made: list[Inquiry] = []

    def __call__(self, item: str, keys: dict[str, Any], claim: dict[str, Any] | None = None, part: str = "") -> None:
        a = self.application
        self.made.append(
            Inquiry(a.key, a.season.district_id, item, a.claim_version, self.consent, keys, claim or {}, part)
        )


def first_questions(application: Application, consent: str, places: Places) -> list[Inquiry]:
    """What can be asked at once."""
    ask = _Asker(application, consent)
    claim, compound = application.claim, application.compound_id or ""
    child = claim["child"]
    ask("PS1", {"name": child["name"], "id": child["id_number"]}, {"name": child["name"]}, "child")
    asked = {"name": child["name"]}
    if application.basis != "lease":
        asked["address"] = places.compound_address.get(compound, "")
    ask("PS2", {"id": child["id_number"]}, asked)
    ask("ED1", {"id": child["id_number"]})
    for part, person in _people(application):
        who = {"name": person["name"], "id": person["id_number"]}
        ask("PS1", who, {"name": person["name"]}, part)
        ask("PS3", {"child_id": child["id_number"], "guardian_id": person["id_number"]}, {"same_household": True}, part)
        if group := claim.get("special_group"):
            for item in SPECIAL:
                ask(item, who, {"group": group}, part)
        home = {"address_code": compound, "name": person["name"]}
        if application.basis == "owned":
            ask("NR1", who, home, part)
        elif application.basis in ("contract", "resettlement", "lease"):
            ask(
                {"contract": "HC1", "resettlement": "HC3", "lease": "HC2"}[application.basis],
                who,
                {"address_code": compound},
                part,
            )
    if application.basis == "grandparents" and claim.get("grandparent"):
        elder = claim["grandparent"]
        ask(
            "NR1",
            {"name": elder["name"], "id": elder["id_number"]},
            {"address_code": compound, "name": elder["name"]},
            "grandparent",
        )
        ask(
            "PS3",
            {"child_id": child["id_number"], "guardian_id": elder["id_number"]},
            {"same_household": True},
            "grandparent",
        )
    if application.basis in ("grandparents", "lease"):
        ids = [child["id_number"], *(p["id_number"] for _, p in _people(application))]
        ask(
            "NR3", {"ids": ids, "regions": [places.district_code.get(k, k) for k in places.core[application.season_id]]}
        )
    return ask.made


def further_questions(application: Application, consent: str, places: Places, answers: Answers) -> list[Inquiry]:
    """What depends on an answer: other spellings of an address, a home without a code, work of families from elsewhere."""
    ask = _Asker(application, consent)
    hukou = _fields(answers.get(("PS2", "")))
    if hukou and not hukou["address_code"]:
        ask("PS5", {"address": hukou["address"]}, part="hukou")
    for part, right in _rights(answers):
        if not right["address_code"]:
            ask("NR4", {"unit_no": right["unit_no"]}, part=f"{part}/{right['unit_no'][-8:]}")
    owners_known = all(q.state == Query.State.ANSWERED for (item, _), q in answers.items() if item == "NR1")
    missing = not any(_in_compound(application, r, answers, p) for p, r in _rights(answers))
    if application.basis == "owned" and owners_known and missing:
        child = application.claim["child"]
        ask(
            "NR1",
            {"name": child["name"], "id": child["id_number"]},
            {"address_code": application.compound_id, "name": child["name"]},
            "child",
        )
    if (
        application.basis == "lease"
        and hukou
        and hukou["region"] != places.district_code[application.season.district_id]
    ):
        for part, person in _people(application):
            who = {"name": person["name"], "id": person["id_number"]}
            for item in ("HR1", "HR2", "MR1"):
                ask(item, who, {}, part)
            ask("MR2", {"id": person["id_number"]}, {}, part)
            ask("PS4", who, {}, part)
    return ask.made


def _fields(query: Query | None) -> dict[str, Any] | None:
    return query.fields if query and query.code == Code.OK and query.fields else None


def _rights(answers: Answers) -> list[tuple[str, dict[str, Any]]]:
    return [
        (part, right)
        for (item, part), query in sorted(answers.items())
        if item == "NR1"
        for right in (_fields(query) or {}).get("rights", [])
        if right["status"] == "current"
    ]


def _code_of(right: dict[str, Any], answers: Answers, part: str) -> str:
    if right["address_code"]:
        return str(right["address_code"])
    found = _fields(answers.get(("NR4", f"{part}/{right['unit_no'][-8:]}")))
    return str(found["address_code"]) if found else ""


def _in_compound(application: Application, right: dict[str, Any], answers: Answers, part: str) -> bool:
    return _code_of(right, answers, part).split("/")[0] == application.compound_id


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


_NOT_CLAIMED: dict[str, Value] = {
    "dwelling.owned_by_family": False,
    "dwelling.owned_by_grandparent": False,
    "dwelling.is_contract": False,
    "dwelling.is_resettlement": False,
    "dwelling.original_village_in_zone": False,
    "lease.sole": False,
    "lease.in_zone": False,
    "family.reported_absent": False,
    "family.special_group": "",
}


def judge(application: Application, answers: Answers, places: Places) -> Judgement:
    """Facts and checks from the answers to one version of a claim."""
    out = Judgement()
    out.waiting = any(q.state != Query.State.ANSWERED for q in answers.values())
    out.facts = {name: Fact(value, "declared") for name, value in _NOT_CLAIMED.items()}
    if application.basis == "lease":
        out.facts["dwelling.in_zone"] = Fact(False, "declared")
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
    for name in contradicted(application, answers):
        out.facts[name] = UNKNOWN
        out.contradicting = True
        out.ask_for("registers_contradict", name)
    for name, stored in unpack(application.overrides).items():
        out.facts[name] = stored
    out.contradicting = out.contradicting and not application.by_human
    return out


def contradicted(application: Application, answers: Answers) -> set[str]:
    """Facts about which two answers can't both be true: neither is believed, and a person looks at them.

    The ID number itself tells the child's birthday; one property has one entry, whoever is asked about it; a child is
    in one household, whoever is asked about it; who has no dwelling owns none.
    """
    found: set[str] = set()
    child = _fields(answers.get(("PS1", "child")))
    if child and child["born_on"] != application.born_on.isoformat():
        found.add("child.born_on")
    units: dict[str, Any] = {}
    for _, right in _rights(answers):
        entry = (right["use"], right["registered_on"], sorted(o["id_digest"] for o in right["owners"]))
        if units.setdefault(right["unit_no"], entry) != entry:
            found |= {"dwelling.full_ownership", "dwelling.owners_within_kin", "dwelling.acquired_on"}
    books = [f["members"] for q in _of(answers, "PS3") if (f := _fields(q))]
    if len({tuple(sorted(m["id_digest"] for m in members)) for members in books}) > 1:
        found |= {"child.with_guardian_household", "child.with_grandparent_household"}
    counted = _fields(answers.get(("NR3", "")))
    mine = {id_digest(person["id_number"]) for _, person in _people(application)}
    owned = any(o["id_digest"] in mine for _, right in _rights(answers) for o in right["owners"])
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
    queries = [q for item in SPECIAL for q in _of(answers, item)]
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
        if query.state == Query.State.ANSWERED and query.match != "Y":
            out.ask_for("identity_mismatch")
            out.blocking = True
            _check(out, application, query, S.MISMATCHED, "identity_mismatch", shown)
        else:
            _check(out, application, query, S.MATCHED, "", shown)
    child = answers.get(("PS1", "child"))
    info = _fields(child)
    out.facts["child.born_on"] = Fact(application.born_on, "PS1", child.as_of if child else None) if info else UNKNOWN
    enrolled = answers.get(("ED1", ""))
    if enrolled and enrolled.state == Query.State.ANSWERED:
        record = _fields(enrolled)
        taken = bool(record and record["status"] == "in_school" and record["stage"] == application.season.level)
        out.facts["child.already_enrolled"] = Fact(taken, "ED1", enrolled.as_of)
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
        _check(out, application, enrolled, S.WAITING)


def _household(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    query = answers.get(("PS2", ""))
    hukou = _fields(query)
    compound = application.compound_id or ""
    claimed = {"address": places.compound_address.get(compound, "")}
    if hukou is None:
        for name in ("child.hukou_district", "child.hukou_entry_on", "dwelling.address_equals_hukou"):
            out.facts[name] = UNKNOWN
        if query is not None and query.state == Query.State.ANSWERED:
            out.ask_for("household_not_together", "child.hukou_district")
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
        code = hukou_code(answers)
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
    same = any((_fields(q) or {}).get("same_household") for q in answered)
    with_elder = _fields(answers.get(("PS3", "grandparent")))
    for q in together:
        mine = bool((_fields(q) or {}).get("same_household"))
        _check(
            out,
            application,
            q,
            S.MATCHED if mine else (S.RESOLVED if same else S.MISMATCHED),
            "" if mine or same else "household_not_together",
        )
    if same:
        out.facts["child.with_guardian_household"] = Fact(True, "PS3", answered[0].as_of)
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
        out.facts["child.with_grandparent_household"] = Fact(True, "PS3", elder.as_of) if ok else UNKNOWN
        if not ok:
            out.ask_for("household_not_together", "child.with_grandparent_household")
        _check(out, application, elder, S.MATCHED if ok else S.MISMATCHED, "" if ok else "household_not_together")


def hukou_code(answers: Answers) -> str:
    """Full standard address of the hukou, from the register or from PS5's reading of its text; "" if neither knows."""
    hukou = _fields(answers.get(("PS2", "")))
    if hukou is None:
        return ""
    if hukou["address_code"]:
        return str(hukou["address_code"])
    found = _fields(answers.get(("PS5", "hukou")))
    return str(found["address_code"]) if found else ""


def _same_address(out: Judgement, home: str, answers: Answers, as_of: date | None) -> None:
    hukou = hukou_code(answers)
    if hukou and "/" in hukou and "/" in home:
        out.facts["dwelling.address_equals_hukou"] = Fact(hukou == home, "PS2", as_of)
    elif (hukou and hukou.split("/")[0] != home.split("/")[0]) or (
        (hukou_fields := _fields(answers.get(("PS2", "")))) is not None and hukou_fields["kind"] == "collective"
    ):
        out.facts["dwelling.address_equals_hukou"] = Fact(False, "PS2", as_of)
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


def _of(answers: Answers, item: str) -> list[Query]:
    return [q for (i, _), q in sorted(answers.items()) if i == item]


def _home_facts(
    out: Judgement,
    application: Application,
    right: dict[str, Any],
    code: str,
    source: str,
    as_of: date | None,
    places: Places,
) -> None:
    out.facts["dwelling.in_zone"] = Fact(_zone(application, code, places), source, as_of)
    out.facts["dwelling.residential"] = Fact("住宅" in right.get("use", "住宅"), source, as_of)
    owned = ownership(application, right.get("owners") or right.get("buyers") or [])
    out.facts.update({name: Fact(value, source, as_of) for name, value in owned.items()})
    if open_ := [name for name, value in owned.items() if value is None]:
        out.ask_for("owner_not_named", *open_)


def ownership(application: Application, owners: list[dict[str, Any]]) -> dict[str, Value | None]:
    """What the owners of a home (id_digest, share_bp) are to the family.

    None where an owner whom the family did not name may be the other parent or a grandparent: that is not known yet.
    """
    parents = {id_digest(p["id_number"]) for _, p in _people(application) if p.get("relation") in ("father", "mother")}
    near = parents | {id_digest(application.claim["child"]["id_number"])}
    elder = application.claim.get("grandparent")
    elders = {id_digest(elder["id_number"])} if elder and elder.get("id_number") else set()
    share = sum(o["share_bp"] for o in owners if o["id_digest"] in near)
    others = any(o["id_digest"] not in near | elders for o in owners)
    parent_missing = others and len(parents) < 2
    return {
        "dwelling.family_share_bp": None if parent_missing else share,
        "dwelling.full_ownership": None if parent_missing else share == 10_000,
        "dwelling.owners_within_kin": None if parent_missing or (others and not elders) else not others,
    }


def _owned(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    queries = _of(answers, "NR1")
    found = next(((p, r) for p, r in _rights(answers) if _in_compound(application, r, answers, p)), None)
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
    query = answers[("NR1", part)]
    code = _code_of(right, answers, part)
    out.facts["dwelling.owned_by_family"] = Fact(True, "NR1", query.as_of)
    _home_facts(out, application, right, code, "NR1", query.as_of, places)
    bought = date.fromisoformat(right["registered_on"])
    out.facts["dwelling.registered_on"] = out.facts["dwelling.acquired_on"] = Fact(bought, "NR1", query.as_of)
    _same_address(out, code, answers, query.as_of)
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


def _not_renting(out: Judgement) -> None:
    out.facts.setdefault("family.no_dwelling_in_core", Fact(False, "declared"))


def _grandparents(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    _no_dwelling(out, application, answers)
    queries = _of(answers, "NR1")
    found = next(((p, r) for p, r in _rights(answers) if _in_compound(application, r, answers, p)), None)
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
    query = answers[("NR1", part)]
    code = _code_of(right, answers, part)
    out.facts["dwelling.owned_by_grandparent"] = Fact(True, "NR1", query.as_of)
    _home_facts(out, application, right, code, "NR1", query.as_of, places)
    out.facts["dwelling.acquired_on"] = Fact(date.fromisoformat(right["registered_on"]), "NR1", query.as_of)
    _same_address(out, code, answers, query.as_of)
    _check(
        out,
        application,
        query,
        S.MATCHED if query.match == "Y" else S.RESOLVED,
        "",
        _home_claim(application),
        {"address": right["location"]},
    )


def _contract(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    queries = _of(answers, "HC1")
    found = next(
        (
            q
            for q in queries
            if (f := _fields(q))
            and f["status"] in ("valid", "registered")
            and (f["address_code"] or "").split("/")[0] == application.compound_id
        ),
        None,
    )
    if found is None:
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
    contract = found.fields or {}
    out.facts["dwelling.owned_by_family"] = out.facts["dwelling.is_contract"] = Fact(True, "HC1", found.as_of)
    _home_facts(out, application, contract, contract["address_code"], "HC1", found.as_of, places)
    out.facts["dwelling.acquired_on"] = Fact(date.fromisoformat(contract["filed_on"]), "HC1", found.as_of)
    _same_address(out, contract["address_code"], answers, found.as_of)
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
    queries = _of(answers, "HC3")
    found = next(
        (
            q
            for q in queries
            if (f := _fields(q))
            and f["status"] == "valid"
            and (f["present_address_code"] or "").split("/")[0] == application.compound_id
        ),
        None,
    )
    if found is None:
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
    agreement = found.fields or {}
    code = agreement["present_address_code"]
    out.facts["dwelling.owned_by_family"] = out.facts["dwelling.is_resettlement"] = Fact(True, "HC3", found.as_of)
    _home_facts(
        out,
        application,
        {"owners": [{"id_digest": id_digest(application.claim["child"]["id_number"]), "share_bp": 10_000}]},
        code,
        "HC3",
        found.as_of,
        places,
    )
    out.facts["dwelling.original_village_in_zone"] = Fact(
        _zone(application, agreement["original_address_code"] or "", places), "HC3", found.as_of
    )
    out.facts["dwelling.acquired_on"] = Fact(date.fromisoformat(agreement["signed_on"]), "HC3", found.as_of)
    _same_address(out, code, answers, found.as_of)
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


def _no_dwelling(out: Judgement, application: Application, answers: Answers) -> None:
    query = answers.get(("NR3", ""))
    counted = _fields(query)
    if counted is None or query is None:
        out.facts["family.no_dwelling_in_core"] = UNKNOWN
        _check(out, application, query, S.WAITING)
        return
    none = not any(counted["count_by_region"].values())
    out.facts["family.no_dwelling_in_core"] = Fact(none, "NR3", query.as_of)
    _check(out, application, query, S.MATCHED if none else S.INFORMATION, first_try=none)


def _lease(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    _no_dwelling(out, application, answers)
    queries = _of(answers, "HC2")
    found = next(
        (
            q
            for q in queries
            if (f := _fields(q))
            and f["status"] == "valid"
            and (f["address_code"] or "").split("/")[0] == application.compound_id
        ),
        None,
    )
    if found is None:
        _no_home(out, application, queries, "lease_not_found", "lease.in_zone", "lease.sole", "lease.filed_on")
    else:
        lease = found.fields or {}
        out.facts["lease.in_zone"] = Fact(_zone(application, lease["address_code"], places), "HC2", found.as_of)
        out.facts["lease.sole"] = Fact(lease["sole"], "HC2", found.as_of)
        out.facts["lease.filed_on"] = Fact(date.fromisoformat(lease["filed_on"]), "HC2", found.as_of)
        out.facts["lease.months"] = Fact(lease["unbroken_months"], "HC2", found.as_of)
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
    _work(out, application, answers, places)


def _work(out: Judgement, application: Application, answers: Answers, places: Places) -> None:
    code = places.district_code[application.season.district_id]
    started: list[tuple[date, str, date | None]] = []
    asked = [q for item in ("HR1", "HR2", "MR1", "MR2") for q in _of(answers, item)]
    for q in asked:
        f = _fields(q)
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
        _check(out, application, q, S.INFORMATION, "", first_try=bool(_fields(q)))
    for q in _of(answers, "PS4"):
        permit = _fields(q)
        if permit:
            out.facts["permit.first_issued_on"] = Fact(date.fromisoformat(permit["first_issued_on"]), "PS4", q.as_of)
            out.facts["permit.months"] = Fact(permit["unbroken_months"], "PS4", q.as_of)
        _check(out, application, q, S.INFORMATION, "", first_try=bool(permit))
