"""A family's claims before the departments and the rule, in this process: no database, no HTTP, no waiting.

Questions, comparisons and judgement are the platform's own; the answers come from the functions that the departments'
service calls. For the benchmark against the ground truth, and for trying other cities' rules on the synthetic city.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from ruxue.algorithms import identity
from ruxue.applications import evidence, extensions, questions
from ruxue.applications.evidence import Judgement
from ruxue.applications.models import Application
from ruxue.applications.questions import Places
from ruxue.applications.record_facts import Answers
from ruxue.exchange.inquiries import Inquiry
from ruxue.exchange.items import CATALOGUE, ITEMS
from ruxue.exchange.items import Query as Question
from ruxue.exchange.models import Query
from ruxue.places.models import Compound, District, Season
from ruxue.policy.engine import Verdict, decide
from ruxue.policy.facts import Fact
from ruxue.policy.language import COORDINATE, Policy
from ruxue.policy.records import Dwellings, Place
from ruxue.simulation.departments import Registers
from ruxue.simulation.ground_truth import truth_facts
from ruxue.simulation.model import City, Claim, Family

_SEASON = 1
_ASKED_AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Bench:
    """One rule over a city. `keys`: the city's district keys → those of the rule, for rules of other places; districts
    that it leaves out count as elsewhere. `offered`: extensions that are switched on. `asked` counts questions by item."""

    city: City
    registers: Registers
    policy: Policy
    keys: Mapping[str, str] = field(default_factory=dict)
    offered: frozenset[str] = frozenset()
    asked: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.key_of = dict(self.keys) or {d.key: d.key for d in self.city.districts}
        named = questions.regions(self.policy)
        self.core = [k for k, mine in self.key_of.items() if mine in named]
        codes = {self.key_of[d.key]: d.code for d in self.city.districts if d.key in self.key_of}
        self.places = Places(
            codes,
            self.city.zone_of,
            {code: c.address for code, c in self.city.compounds.items()},
            {_SEASON: named or (self.policy.district,)},
            {_SEASON: self.policy},
            {code: (c.address, c.name, *c.aliases) for code, c in self.city.compounds.items()},
        )

    def apply(self, family: Family, index: int, claim: Claim, version: int = 1) -> Application:
        """The application as the family submits it; not stored."""
        district = District(key=self.key_of[family.district])
        season = Season(pk=_SEASON, district=district, year=self.city.year, level=self.policy.level)
        compound = self.city.compounds[claim.compound]
        child = claim.children[index]
        return Application(
            key=f"{family.key}-{index}",
            season=season,
            basis=claim.basis,
            claim={
                "child": child,
                "guardian": claim.guardian,
                "second_guardian": claim.second_guardian,
                "grandparent": claim.grandparent,
                "room": claim.room,
                "certificate_no": claim.certificate_no,
                "special_group": "",
                "special_need": "",
            },
            claim_version=version,
            born_on=identity.birth_date(child["id_number"]),
            compound=Compound(code=compound.code, address=compound.address),
            school_id=self.city.school_of(compound.code),
        )

    def answers(self, row: Application) -> Answers:
        """All that the departments say about a claim, wave by wave, as the platform asks it."""
        found: dict[tuple[str, str], Query] = {}
        wave = questions.first_questions(row, "", self.places)
        wave += extensions.questions(row, "", self.offered, self.places, None)
        while wave:
            for inquiry in wave:
                found[inquiry.item, inquiry.part] = self.ask(inquiry)
            more = questions.further_questions(row, "", self.places, found)
            more += extensions.questions(row, "", self.offered, self.places, found)
            served = CATALOGUE.keys() | self.offered
            wave = [q for q in more if (q.item, q.part) not in found and q.item in served]
        return found

    def ask(self, inquiry: Inquiry) -> Query:
        """One question and its answer."""
        self.asked[inquiry.item] += 1
        question = Question(
            request_id=str(uuid.UUID(int=self.asked.total())),
            item=inquiry.item,
            app_no=inquiry.subject,
            legal_basis=ITEMS[inquiry.item].legal_basis,
            consent_id="",
            timestamp=_ASKED_AT,
            keys=inquiry.keys,
            claim=inquiry.claim,
        )
        said = self.registers.answer(question)
        return Query(
            subject=inquiry.subject,
            item=inquiry.item,
            part=inquiry.part,
            state=Query.State.ANSWERED,
            code=said["code"],
            match=said["match"],
            compared=said["compared"],
            fields=said["fields"] or None,
            as_of=date.fromisoformat(said["as_of"]),
            answered_at=_ASKED_AT,
        )

    def judge(self, row: Application) -> tuple[Judgement, Verdict]:
        """What the answers to a claim come to, and the rule's verdict on them."""
        answers = self.answers(row)
        judged = evidence.judge(row, answers, self.places)
        region = self.places.district_code[row.season.district_id]
        judged.facts |= extensions.facts(row, answers, region, judged.facts)
        return judged, decide(self.policy, judged.facts)

    def truth(self, family: Family, index: int) -> dict[str, Any]:
        """The true facts, in the rule's names of districts."""
        facts = truth_facts(self.city, family, index, self.core)
        named = {name: self._renamed(value) for name, value in facts.items()}
        named["child.hukou_district"] = self.key_of.get(facts["child.hukou_district"], "other")
        named["permit.not_possible"] = named["child.hukou_district"] != "other"
        return named

    def _renamed(self, value: Any) -> Any:
        if isinstance(value, Place):
            return replace(value, region=self.key_of.get(value.region, "other"))
        if isinstance(value, Dwellings):
            counts = Dwellings(dict.fromkeys(questions.regions(self.policy), 0))
            for key, n in value.items():
                counts[self.key_of.get(key, "other")] = counts.get(self.key_of.get(key, "other"), 0) + n
            return counts
        return value

    def due(self, family: Family, index: int) -> Verdict:
        """The verdict on the truth: what nobody can prove, because it is not so, counts as not proven."""
        return decide(self.policy, {k: Fact(v) for k, v in self.truth(family, index).items()}, final=True)

    def standing(self, verdict: Verdict) -> tuple[int, ...]:
        """How good a verdict is, smaller is better: the place of its category, or its points where points rank."""
        if verdict.state == "ineligible":
            return (10**9,)
        order = [c.code for c in self.policy.categories]
        points = -(verdict.total or 0)
        if self.policy.ranking:
            return (order.index(verdict.category) >= 0 if verdict.category in order else 10**6, points)
        place = order.index(verdict.category) if verdict.category in order else len(order)
        assert verdict.category in (*order, COORDINATE)
        return place, points
