"""Which questions a claim needs.

Only what the rule can use for such a family is asked: leases' questions only where a lease is claimed, work only where
its category or points may hang on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ruxue.algorithms import identity
from ruxue.algorithms.address import Directory, Standard
from ruxue.applications import record_facts
from ruxue.applications.homes import home_missing, home_of, rights
from ruxue.applications.models import Application
from ruxue.applications.record_facts import PARENTS, Answers, applicants, fields, permit_held
from ruxue.exchange.inquiries import Inquiry
from ruxue.exchange.items import ITEMS
from ruxue.policy.engine import compiled, decide, open_facts
from ruxue.policy.facts import Fact, Truth, Value
from ruxue.policy.language import Policy
from ruxue.policy.records import History, Owners

SPECIAL = ("X4", "X5", "X6")  # extensions that know groups with a preference


@dataclass(frozen=True)
class Places:
    """What questions and judgement need of the map: codes by district key, school by compound, addresses; by season,
    the districts in which its rule counts dwellings, and the rule itself."""

    district_code: dict[str, str]
    zone_of: dict[str, str]
    compound_address: dict[str, str]
    core: dict[int, tuple[str, ...]]
    rules: dict[int, Policy] = field(default_factory=dict)
    compound_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    known: dict[tuple[Any, ...], frozenset[str]] = field(default_factory=dict, compare=False)

    def zoned(self, season: int) -> frozenset[str]:
        """Histories of which the season's rule asks how long they lay in the zone."""
        key = (season,)
        if key not in self.known:
            self.known[key] = uses_zone(self.rules.get(season))
        return self.known[key]

    def facts_of(self, season: int) -> frozenset[str]:
        """Facts that conditions of the season's rule look at."""
        key, policy = (season, "facts", ""), self.rules.get(season)
        if key not in self.known:
            parts = (part for _, c in (policy.conditions() if policy else ()) for part in c.walk())
            self.known[key] = frozenset(name for part in parts for name in part.facts())
        return self.known[key]

    def own(self, application: Application) -> Callable[[], Directory | None]:
        """The claimed compound with all its names, for addresses that PS5 does not know; made when it is needed."""

        def made() -> Directory | None:
            names = self.compound_names.get(application.compound_id or "")
            return Directory([Standard(str(application.compound_id), names[0], names[1:])]) if names else None

        return made

    def keys(self) -> dict[str, str]:
        """District keys by code."""
        return {code: key for key, code in self.district_code.items()}


def useful(application: Application, places: Places, district: str) -> frozenset[str]:
    """Facts that the rule can use for a family of this basis with hukou in this district ("other": elsewhere).

    Found by asking the rule itself about a family of whom nothing more is known.
    """
    policy = places.rules.get(application.season_id)
    relations = tuple(p.get("relation") for _, p in applicants(application))
    key = application.season_id, application.basis, district, relations
    if key not in places.known:
        places.known[key] = frozenset() if policy is None else _probe(policy, application, district)
    return places.known[key]


def _probe(policy: Policy, application: Application, district: str) -> frozenset[str]:
    sheet = {name: Fact(value, "declared") for name, value in not_claimed(application).items()}
    sheet["child.hukou_district"] = Fact(district)
    verdict = decide(policy, sheet)
    found, rule = set(verdict.needed), compiled(policy)
    for code, truth in verdict.truths.items():
        part = rule.points.get(code)
        if part and truth is not Truth.FALSE:
            found.update(open_facts(part, sheet))
    for _, order in policy.orders():
        found.update(n for n in order.names if n.startswith("permit.") and district != application.season.district_id)
        if order.when:
            found.update(n for part in order.when.walk() for n in part.facts())
    return frozenset(found)


def regions(policy: Policy) -> tuple[str, ...]:
    """Districts in which a rule counts dwellings, in its order."""
    named = policy.parameters.get("city_core")
    lists: list[Any] = [named] if isinstance(named, list) else []
    lists += [part.no_dwelling_in for _, c in policy.conditions() for part in c.walk() if part.no_dwelling_in]
    return tuple(dict.fromkeys(str(key) for keys in lists for key in keys))


def uses_zone(policy: Policy | None) -> frozenset[str]:
    """Histories of which the rule asks how long they lay in the zone."""
    if policy is None:
        return frozenset()
    parts = [part for _, condition in policy.conditions() for part in condition.walk() if part.amount]
    amounts = [part.amount for part in parts if part.amount] + [i.of for _, i in policy.items() if i.of]
    return frozenset(name for q in amounts if q.at == "zone" for name in q.of or ())


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
    for part, person in applicants(application):
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
    elder = claim.get("grandparent")
    if elder and elder.get("id_number"):
        if application.basis == "grandparents":
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
        _ask_dwellings(ask, application, places)
    return ask.made


def _ask_dwellings(ask: _Asker, application: Application, places: Places) -> None:
    ids = [application.claim["child"]["id_number"], *(p["id_number"] for _, p in applicants(application))]
    regions = [places.district_code.get(k, k) for k in places.core[application.season_id]]
    ask("NR3", {"ids": ids, "regions": regions})


def further_questions(application: Application, consent: str, places: Places, answers: Answers) -> list[Inquiry]:
    """What depends on an answer: other spellings of an address, a home without a code, work of families from elsewhere."""
    ask = _Asker(application, consent)
    hukou, district = fields(answers.get(("PS2", ""))), hukou_district(answers, places)
    if hukou and not hukou["address_code"]:
        ask("PS5", {"address": hukou["address"]}, part="hukou")
    for part, right in rights(application, answers):
        if not right["address_code"]:  # an electronic certificate always has one
            ask("NR4", {"unit_no": right["unit_no"]}, part=f"{part}/{right['unit_no'][-8:]}")
    missing = application.basis in ("owned", "grandparents") and home_missing(application, answers)
    if application.basis == "owned" and missing:
        child = application.claim["child"]
        ask(
            "NR1",
            {"name": child["name"], "id": child["id_number"]},
            {"address_code": application.compound_id, "name": child["name"]},
            "child",
        )
    if missing:
        _ask_by_number(ask, application)
    if district:
        can_use = useful(application, places, district)
        _ask_applicants(ask, application, can_use, district != application.season.district_id)
        _ask_about_home(ask, application, places, answers, can_use)
    return ask.made


def hukou_district(answers: Answers, places: Places) -> str:
    """The key of the district of the child's hukou, "other" outside the city; "" where it is not known.

    Who holds a permit of residents from elsewhere (X11) has no hukou.
    """
    hukou = fields(answers.get(("PS2", "")))
    if hukou is None:
        return "other" if permit_held(answers, "child") else ""
    return places.keys().get(hukou["region"], "other")


def _ask_by_number(ask: _Asker, application: Application) -> None:
    """The certificate by the number that the family typed, for whoever may own the home: new and old certificates that
    the register by owner lacks. A number that is none of a certificate is not asked."""
    paper = identity.read_paper(application.claim.get("certificate_no") or "")
    if paper.kind not in ("certificate", "old_certificate") or paper.slips:
        return
    for part, person in (*record_facts.named(application), ("child", application.claim["child"])):
        if (part == "grandparent") == (application.basis == "grandparents"):
            keys = {"certificate_no": paper.number, "name": person["name"], "id": person["id_number"]}
            ask("NR2", keys, {"address_code": application.compound_id}, part)


_WANTED_BY = {
    "HR1": {"insurance", "job"},
    "HR2": {"work", "job"},
    "MR1": {"business", "job"},
    "MR2": {"business", "job"},
    "PS4": {"permit", "residence"},
}


def _ask_applicants(ask: _Asker, application: Application, can_use: frozenset[str], elsewhere: bool) -> None:
    """Work, insurance, licences and permits of the applicants, as far as the rule can use them."""
    topics = {name.split(".")[0] for name in can_use} | ({"permit"} if "place.permit" in can_use else set())
    for part, person in applicants(application):
        who = {"name": person["name"], "id": person["id_number"]}
        for item, wanted in _WANTED_BY.items():
            # Who has the hukou here can't hold a permit.
            if not wanted & topics or (item == "PS4" and not elsewhere):
                continue
            keys = {k: v for k, v in who.items() if k in ITEMS[item].keys}
            ask(item, keys, {}, part)


def _ask_about_home(
    ask: _Asker, application: Application, places: Places, answers: Answers, can_use: frozenset[str]
) -> None:
    """Seats that the home serves; dwellings of who owns together with others or not by purchase; a permit's place."""
    home = home_of(application, answers)
    if home and {"dwelling.seat_locks", "dwelling.other_pupils"} & can_use:
        ask("ED2", {"unit_no": home.get("unit_no") or home["code"]})
    if application.basis == "owned" and "family.dwellings" in can_use and home:
        kin = record_facts.roles(application, answers)
        alone = all(kin.get(o["id_digest"]) in PARENTS | {"child"} for o in home["owners"])
        if not alone or home.get("nature") not in (None, "commercial", "apartment"):
            _ask_dwellings(ask, application, places)
    if "place.permit" in can_use or "permit.main" in places.zoned(application.season_id):
        for part, _ in applicants(application):
            if held := fields(answers.get(("PS4", part))):
                ask("PS5", {"address": held["address"]}, part=f"permit/{part}")


def not_claimed(application: Application) -> dict[str, Value]:
    """What a claim does not say is not so: homes of other bases than the claimed one, a second applicant's records."""
    found = {name: value for name, value in _NOT_CLAIMED.items() if name not in _CLAIMED[application.basis]}
    if application.basis == "lease":
        found |= {"dwelling.in_zone": False, "dwelling.owners": Owners(), "dwelling.kind": "none"}
        found |= {"dwelling.address_equals_hukou": False}
    else:
        found |= {"lease.kind": "none", "lease.history": History()}
    if application.basis != "grandparents":
        found["child.lives_with_grandparents"] = False
    if not application.claim.get("second_guardian"):
        found |= {f"{topic}.assistant": History() for topic in _HISTORIES}
    elif {p.get("relation") for _, p in applicants(application)} == {"father", "mother"}:
        found["family.single_parent"] = False
    return found


_CLAIMED = {
    "owned": ("dwelling.owned_by_family",),
    "grandparents": ("dwelling.owned_by_grandparent",),
    "contract": ("dwelling.owned_by_family", "dwelling.is_contract"),
    "resettlement": ("dwelling.owned_by_family", "dwelling.is_resettlement", "dwelling.original_village_in_zone"),
    "lease": ("lease.sole", "lease.in_zone"),
}
"""What a basis claims: open until its register has answered."""
_HISTORIES = ("permit", "insurance", "business", "work", "fund", "tax", "moved")
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
