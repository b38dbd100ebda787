"""The claimed home as registers and electronic licences show it."""

from __future__ import annotations

from datetime import date
from typing import Any

from ruxue.applications.models import Application
from ruxue.applications.record_facts import Answers, fields
from ruxue.exchange.items import id_digest
from ruxue.exchange.models import Query
from ruxue.policy import records


def home_of(application: Application, answers: Answers) -> dict[str, Any] | None:
    """The claimed home as its register knows it: code, owners, nature and unit_no as far as known; None if not found."""
    if application.basis in ("owned", "grandparents"):
        for part, right in rights(application, answers):
            if in_compound(application, right, answers, part):
                return {**right, "code": code_of(right, answers, part)}
        return None
    found = paper(application, answers)
    if found is None:
        return None
    query, f = found
    item = {"contract": "HC1", "resettlement": "HC3"}.get(application.basis, "HC2")
    code = f["present_address_code" if item == "HC3" else "address_code"]
    return {**f, "code": code, "owners": f.get("buyers", []), "item": item, "shown_by": query}


def home_missing(application: Application, answers: Answers) -> bool:
    """Whether the claimed home's register has answered whoever was asked about, and does not show it."""
    items = {"contract": "HC1", "resettlement": "HC3", "lease": "HC2"}
    asked = of_item(answers, items.get(application.basis, "NR1"))
    if any(q.state != Query.State.ANSWERED for q in asked):
        return False
    return home_of(application, {key: q for key, q in answers.items() if key[0] != "X10"}) is None


def paper(application: Application, answers: Answers) -> tuple[Query, dict[str, Any]] | None:
    """The valid contract, agreement or lease of the claimed home, with its record: as its register holds it, else as
    its electronic licence (X10) shows it."""
    item, name = {"contract": ("HC1", "address_code"), "resettlement": ("HC3", "present_address_code")}.get(
        application.basis, ("HC2", "address_code")
    )
    for query in of_item(answers, item):
        f = fields(query)
        valid = f is not None and f["status"] in ("valid", "registered")
        if f is not None and valid and (f[name] or "").split("/")[0] == application.compound_id:
            return query, f
    kind = LICENCES.get(application.basis)
    for query in of_item(answers, "X10"):
        held = _licence(query, application)
        if held and held["kind"] == kind and held["address_code"].split("/")[0] == application.compound_id:
            return query, held
    return None


LICENCES = {
    "owned": "property_certificate",
    "grandparents": "property_certificate",
    "contract": "sale_contract",
    "lease": "lease_filing",
}
"""The kind of electronic licence that shows a home of each basis."""


def licence_held(query: Query, application: Application) -> dict[str, Any] | None:
    """A valid electronic licence (X10) of who was asked about, whether or not it agrees with what the family says."""
    held = fields(query)
    if held is None or held["status"] != "valid":
        return None
    if held["expires_on"] and query.as_of and held["expires_on"] < query.as_of.isoformat():
        return None
    mine = id_digest(application.claim[query.part]["id_number"])
    return held if mine in {o["id_digest"] for o in held["holders"]} else None


def _licence(query: Query, application: Application) -> dict[str, Any] | None:
    """A valid electronic licence of which all that the family says agrees, under the names that its register uses.

    None otherwise: what agrees in part only is for a person to judge.
    """
    held = licence_held(query, application)
    if held is None or query.match != "Y" or not held["address_code"]:
        return None
    since = held["valid_from"] or held["issued_on"]
    ends = min(held["expires_on"] or "9", f"{application.season.year}-08-31")
    span = date.fromisoformat(since).toordinal(), date.fromisoformat(ends).toordinal() - 1
    return {
        **held,
        "owners": held["holders"],
        "buyers": held["holders"],
        "registered_on": held["issued_on"],
        "filed_on": held["issued_on"],
        "starts_on": since,
        "ends_on": held["expires_on"],
        "delivered_on": None,
        "unbroken_months": max(records.length(span, "months"), 0),
        "status": "current" if held["kind"] == "property_certificate" else "valid",
        "item": "X10",
    }


def rights(application: Application, answers: Answers) -> list[tuple[str, dict[str, Any]]]:
    """Current rights by owner (NR1), certificates that name the family by their number (NR2), electronic ones (X10)."""
    found: list[tuple[str, dict[str, Any]]] = []
    for (item, part), query in sorted(answers.items()):
        if item == "NR1":
            rights = (fields(query) or {}).get("rights", [])
        elif item == "NR2" and query.match != "N":
            rights = [fields(query) or {}]
        elif item == "X10":
            rights = [_licence(query, application) or {}]
        else:
            continue
        found += [(part, {**right, "item": item}) for right in rights if right.get("status") == "current"]
    return found


def code_of(right: dict[str, Any], answers: Answers, part: str) -> str:
    if right["address_code"]:
        return str(right["address_code"])
    found = fields(answers.get(("NR4", f"{part}/{right['unit_no'][-8:]}")))
    return str(found["address_code"]) if found else ""


def in_compound(application: Application, right: dict[str, Any], answers: Answers, part: str) -> bool:
    return code_of(right, answers, part).split("/")[0] == application.compound_id


def of_item(answers: Answers, item: str) -> list[Query]:
    return [q for (i, _), q in sorted(answers.items()) if i == item]
