"""Items that a city may switch on beside the 18, where one can decide a claim: months taxed (X7), the housing fund (X12),
water and power in use (X9). They are asked where their department is connected and the guardian agreed; soldiers',
talents' and heroes' registers (X4–X6) are evidence's own. What they lack is left as it was: nobody loses by them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

from ruxue.applications import evidence, record_facts
from ruxue.applications.evidence import Places
from ruxue.applications.models import Application, Check
from ruxue.exchange.inquiries import Inquiry
from ruxue.exchange.items import Code
from ruxue.exchange.models import Query
from ruxue.policy.facts import Fact
from ruxue.policy.records import History, Spell

RUNNING = 3  # months: a payment as recent as that still runs, registers learn of it with a delay
_HISTORIES = {"X7": "tax", "X12": "fund"}
_APPLICANTS = {"guardian": "main", "second_guardian": "assistant"}
Answers = Mapping[tuple[str, str], Query]


def questions(
    row: Application, consent: str, offered: Collection[str], places: Places, answers: Answers | None
) -> list[Inquiry]:
    """What the switched-on items among `offered` can add: first, or with answers what depends on them.

    Months of tax and of the housing fund are asked where the rule can use them or needs to know of work; use of water
    and power where the rule asks whether the family lives in the home of its own or the lease that it claims.
    """
    if not {*_HISTORIES, "X9"} & set(offered):
        return []
    hukou = record_facts.fields((answers or {}).get(("PS2", "")))
    topics: set[str] = set()
    if hukou:
        district = places.keys().get(hukou["region"], "other")
        topics = {name.split(".")[0] for name in evidence.useful(row, places, district)}
    made = []
    for part, person in record_facts.named(row):
        if part not in _APPLICANTS:
            continue
        who = {"name": person["name"], "id": person["id_number"]}
        items = [item for item, topic in _HISTORIES.items() if item in offered and {topic, "job"} & topics]
        if answers is None and "X9" in offered and row.basis != "grandparents" and _asks_absence(places, row):
            items.append("X9")
        for item in items:
            claim = {"address_code": row.compound_id} if item == "X9" else {}
            made.append(Inquiry(row.key, row.season.district_id, item, row.claim_version, consent, who, claim, part))
    return made


def _asks_absence(places: Places, row: Application) -> bool:
    policy = places.rules.get(row.season_id)
    conditions = policy.conditions() if policy else ()
    return any("family.reported_absent" in part.facts() for _, c in conditions for part in c.walk())


def facts(row: Application, answers: Answers, region: str, known: Mapping[str, Fact]) -> dict[str, Fact]:
    """What the answers show beyond `known`. `region`: the code of the season's district (GB/T 2260).

    What a person confirmed from papers stays as it is.
    """
    found: dict[str, Fact] = {}
    for (item, part), query in sorted(answers.items()):
        if query.state != Query.State.ANSWERED or item not in (*_HISTORIES, "X9"):
            continue
        months = query.fields if query.code == Code.OK else None
        if item == "X9":
            if months and months["months_used"] > 0 and months["address_code"].split("/")[0] == row.compound_id:
                found["family.reported_absent"] = Fact(False, item, query.as_of)
            continue
        spells = [_spell(months, region, query)] if months else []
        found[f"{_HISTORIES[item]}.{_APPLICANTS[part]}"] = Fact(History(spells), item, query.as_of)
        if spells and spells[0].last is None and spells[0].at == "district":
            job = found.get("job.started_on") or known.get("job.started_on")
            if job is None or job.value is None or spells[0].first < job.value:  # type: ignore[operator]
                found["job.in_district"] = Fact(True, item, query.as_of)
                found["job.started_on"] = Fact(spells[0].first, item, query.as_of)
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
    """How the family sees these answers: what was found, as information."""
    return [
        Check(
            application=row,
            claim_version=row.claim_version,
            item=item,
            part=part,
            status=Check.Status.INFORMATION if q.state == Query.State.ANSWERED else Check.Status.WAITING,
            reason="" if q.state == Query.State.ANSWERED else "department_silent",
            as_of=q.as_of,
            first_try=q.code == Code.OK,
        )
        for (item, part), q in sorted(answers.items())
        if item in (*_HISTORIES, "X9")
    ]
