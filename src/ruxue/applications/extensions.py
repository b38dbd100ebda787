"""Items that a city may switch on beside the 18, each asked where it can help a family whose data fall short.

Months of tax and of the housing fund (X7, X12), water and power in use (X9), marriages (X1), birth certificates (X2),
judgments on guardianship (X3), electronic licences (X10), permits of residents from elsewhere (X11), and the disability
certificate for advice on the place (X8). They are asked where their department is connected and the guardian agreed;
soldiers', talents' and heroes' registers (X4–X6) are evidence's own, as is the meaning of X1–X3, X10 and X11. What they
lack is left as it was: nobody loses by them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from ruxue.algorithms import identity
from ruxue.applications import homes, record_facts
from ruxue.applications.models import Application, Check
from ruxue.applications.questions import Places, hukou_district, useful
from ruxue.exchange.inquiries import Inquiry
from ruxue.exchange.items import Code, id_digest
from ruxue.exchange.models import Query
from ruxue.policy.facts import Fact
from ruxue.policy.records import History, Spell

RUNNING = 3  # months: a payment as recent as that still runs, registers learn of it with a delay
_HISTORIES = {"X7": "tax", "X12": "fund"}
_ASKED = ("X1", "X2", "X3", "X7", "X8", "X9", "X10", "X11", "X12")
_APPLICANTS = {"guardian": "main", "second_guardian": "assistant"}
Answers = Mapping[tuple[str, str], Query]
Asked = Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]  # item, part, keys, claim


def questions(
    row: Application, consent: str, offered: Collection[str], places: Places, answers: Answers | None
) -> list[Inquiry]:
    """What the switched-on items among `offered` can add: first, or with answers what depends on them."""
    if not any(item in offered for item in _ASKED):
        return []
    found = _at_once(row, places, offered) if answers is None else _further(row, places, answers, offered)
    return [
        Inquiry(row.key, row.season.district_id, item, row.claim_version, consent, keys, claim, part)
        for item, part, keys, claim in found
        if item in offered
    ]


def _at_once(row: Application, places: Places, offered: Collection[str]) -> Asked:
    """A permit where the number is one's, the home's use of water and power, advice that the family asked for."""
    absence = "X9" in offered and "family.reported_absent" in places.facts_of(row.season_id)
    lived_in = absence and row.basis != "grandparents"
    for part in ("child", "guardian", "second_guardian"):
        person = row.claim.get(part)
        if not person or not person.get("id_number"):
            continue
        who = {"name": person["name"], "id": person["id_number"]}
        if identity.permit_of(person["id_number"]):
            yield "X11", part, {"name": who["name"], "permit_no": who["id"]}, {"name": who["name"]}
        if part == "child" and row.claim.get("special_need"):
            yield "X8", part, who, {}
        if part != "child" and lived_in:
            yield "X9", part, who, {"address_code": row.compound_id}


def _further(row: Application, places: Places, answers: Answers, offered: Collection[str]) -> Asked:
    """Months where the rule can use them or needs to know of work, kinship that the household register does not show,
    licences of a home that its register does not show."""
    district = hukou_district(answers, places)
    can_use = useful(row, places, district) if district else frozenset()
    topics = {name.split(".")[0] for name in can_use}
    for part, person in record_facts.named(row):
        who = {"name": person["name"], "id": person["id_number"]}
        for item, topic in _HISTORIES.items():
            if part in _APPLICANTS and {topic, "job"} & topics:
                yield item, part, who, {}
    if any(item in offered for item in ("X1", "X2", "X3")):
        yield from _kinship(row, answers, can_use)
    if "X10" in offered and row.basis in homes.LICENCES and homes.home_missing(row, answers):
        claim = {"address_code": row.compound_id}
        if typed := row.claim.get("certificate_no"):
            claim["number"] = identity.read_paper(typed).number
        for part, person in record_facts.named(row):
            if (part == "grandparent") == (row.basis == "grandparents"):
                who = {"name": person["name"], "id": person["id_number"]}
                yield "X10", part, {**who, "kind": homes.LICENCES[row.basis]}, claim


_ALONE = {"family.single_parent", "family.no_dwelling_in_core", "family.dwellings", "child.hukou_with_parents"}


def _kinship(row: Application, answers: Answers, useful: Collection[str]) -> Asked:
    """Birth certificates of who is named as a parent and not shown to be one, judgments on guardians who are no parents
    or a parent alone, the marriage of a parent beside whom somebody stands whose kinship nobody shows."""

    def known_person(part: str) -> bool:
        """Who a person is comes first: nothing is shown of a number that is not this name's."""
        told = answers.get(("PS1", part))
        return told is None or told.match == "Y" or bool(record_facts.permit_held(answers, part))

    if not known_person("child"):
        return
    child = row.claim["child"]["id_number"]
    told = {part: q for part, _ in record_facts.named(row) if (q := answers.get(("PS3", part)))}
    kinship = {
        part: (record_facts.fields(q) or {}).get("kinship", "none")
        for part, q in told.items()
        if part in _APPLICANTS and record_facts.answered(q) and known_person(part)
    }
    parents = [part for part, known in kinship.items() if known == "parent"]
    # By the household register alone, so that an answer does not take back its own question.
    kin = {id_digest(row.claim[part]["id_number"]) for part in parents} | {id_digest(child)}
    kin |= {id_digest(row.claim["grandparent"]["id_number"])} if "grandparent" in told else set()
    home = homes.home_of(row, answers) if row.basis != "resettlement" else None
    owners = {o["id_digest"] for o in home["owners"]} if home else set()
    stranger = bool(owners - kin) and row.basis != "grandparents"
    alone = len(parents) == 1 and len(kinship) == 1
    one = any((record_facts.fields(q) or {}).get("parents_on_record") == 1 for q in told.values())
    # Where a parent is shown, the home is found and no dwelling is counted, nothing hangs on who owns no share.
    rented = row.basis in ("lease", "grandparents")
    counted = not parents or home is None or rented or bool(_ALONE & set(useful))
    others: list[str] = []
    for part, known in kinship.items():
        person = row.claim[part]
        if known != "parent" and not counted and id_digest(person["id_number"]) not in owners:
            continue
        if known == "none":
            others.append(person["id_number"])
        named_parent = person.get("relation") in record_facts.PARENTS
        if (known == "none" and named_parent) or (known == "parent" and alone and stranger):
            yield "X2", part, {"child_id": child, "parent_id": person["id_number"]}, {"parent": True}
        if known in ("none", "grandparent") or (known == "parent" and alone and not one and _ALONE & set(useful)):
            yield "X3", part, {"child_id": child, "guardian_id": person["id_number"]}, {"guardian": True}
    if len(parents) == 1 and (others or stranger):
        person = row.claim[parents[0]]
        claim = {"spouse_id": others[0]} if others else {}
        yield "X1", parents[0], {"name": person["name"], "id": person["id_number"]}, claim


def facts(row: Application, answers: Answers, region: str, known: Mapping[str, Fact]) -> dict[str, Fact]:
    """What the answers show beyond `known`. `region`: the code of the season's district (GB/T 2260).

    What a person confirmed from papers stays as it is.
    """
    found: dict[str, Fact] = {}
    for (item, part), query in sorted(answers.items()):
        if item not in (*_HISTORIES, "X9") or query.state != Query.State.ANSWERED:
            continue
        months = query.fields if query.code == Code.OK else None
        if item == "X9":
            if months and months["months_used"] > 0 and months["address_code"].split("/")[0] == row.compound_id:
                found["family.reported_absent"] = Fact(False, item, query.as_of)
            continue
        if not months:  # paid in another city, perhaps: a certificate may show it
            continue
        spell = _spell(months, region, query)
        found[f"{_HISTORIES[item]}.{_APPLICANTS[part]}"] = Fact(History([spell]), item, query.as_of)
        if spell.last is None and spell.at == "district":
            job = found.get("job.started_on") or known.get("job.started_on")
            if job is None or job.value is None or spell.first < job.value:  # type: ignore[operator]
                found["job.in_district"] = Fact(True, item, query.as_of)
                found["job.started_on"] = Fact(spell.first, item, query.as_of)
    return {name: fact for name, fact in found.items() if name not in row.overrides}


def _spell(months: dict[str, object], region: str, query: Query) -> Spell:
    """The unbroken months up to the last one; without an end where that is recent by the answer's own date."""
    last = _month(f"{months['last_month']}-01")
    runs = query.as_of is None or last >= _month(query.as_of.isoformat()) - RUNNING
    first = _first(last - int(str(months["unbroken_months"])) + 1)
    place = str(months["region"])
    at = "district" if place == region else "city" if place[:4] == region[:4] else ""
    return Spell(first, None if runs else _first(last + 1) - timedelta(days=1), at=at)


def _month(day: str) -> int:
    """Months since the year 0, from an ISO date."""
    return 12 * int(day[:4]) + int(day[5:7]) - 1


def _first(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def checks(row: Application, answers: Answers) -> list[Check]:
    """How the family sees these answers: what was confirmed or found; what was not found changes nothing."""
    return [_check(row, q) for (item, _), q in sorted(answers.items()) if item in _ASKED]


def _check(row: Application, query: Query) -> Check:
    known = record_facts.fields(query)
    status, reason = Check.Status.INFORMATION, ""
    claimed: Any = None
    registered: Any = None
    if query.state != Query.State.ANSWERED:
        status, reason = Check.Status.WAITING, "department_silent"
    elif query.match == "Y":
        status = Check.Status.MATCHED
    if known and query.item == "X8":
        registered = {"disability": known["kind"], "level": known["level"]}
    elif known and query.item == "X10":
        claimed = {"address": row.compound.address if row.compound else ""}
        registered = {"address": known["location"], "number": known["number"], "issued_on": known["issued_on"]}
        status = status if known["status"] == "valid" else Check.Status.INFORMATION
    elif (
        query.item == "X11"
        and status == Check.Status.MATCHED
        and not record_facts.permit_held({(query.item, query.part): query}, query.part)
    ):
        status = Check.Status.INFORMATION
    return Check(
        application=row,
        claim_version=row.claim_version,
        item=query.item,
        part=query.part,
        status=status,
        reason=reason,
        claimed=claimed,
        registered=registered,
        as_of=query.as_of,
        first_try=query.code == Code.OK,
    )
