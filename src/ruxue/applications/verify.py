"""Verification: asks the departments about a batch of claims, judges the answers, and decides by the rule in force."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from ruxue.accounts.models import Consent
from ruxue.applications import evidence, machine
from ruxue.applications.evidence import Judgement, Places
from ruxue.applications.machine import SYSTEM, By
from ruxue.applications.models import Application, Check, Message, Transition
from ruxue.applications.states import State
from ruxue.exchange import inquiries
from ruxue.exchange.models import Query
from ruxue.ledger import clock
from ruxue.ledger.models import Entry
from ruxue.places import rules, seasons
from ruxue.places.models import Compound, District, Season, Zone
from ruxue.policy.engine import Verdict, decide
from ruxue.policy.facts import Fact

BATCH = 100
LEASE = timedelta(minutes=3)  # longer than the slowest batch; after it another worker may take over
TIME_TO_FIX = timedelta(days=14)


def verify_waiting(limit: int | None = None) -> int:
    """Checks waiting applications batch by batch until none is left (or `limit` batches are done); returns how many."""
    total = 0
    clock.refresh()
    while limit is None or limit > 0:
        taken = _take()
        if not taken:
            return total
        total += _verify(taken)
        limit = None if limit is None else limit - 1
    return total


@transaction.atomic
def _take() -> list[int]:
    """Leases a batch to this worker; others skip it, and a dead worker's lease runs out."""
    now = timezone.now()
    rows = list(
        Application.objects.select_for_update(skip_locked=True)
        .filter(state=State.VERIFYING)
        .exclude(leased_until__gt=now)
        .order_by("submitted_at", "id")
        .values_list("pk", flat=True)[:BATCH]
    )
    Application.objects.filter(pk__in=rows).update(leased_until=now + LEASE)
    return rows


def _places(rows: list[Application]) -> Places:
    """The map as far as this batch needs it."""
    seasons_here = {row.season_id for row in rows}
    compounds = {row.compound_id for row in rows if row.compound_id}
    zone = Zone.compounds.through.objects.filter(zone__season__in=seasons_here).values_list(
        "compound_id", "zone__school_id"
    )
    return Places(
        district_code=dict(District.objects.values_list("key", "code")),
        zone_of=dict(zone),
        compound_address=dict(Compound.objects.filter(pk__in=compounds).values_list("code", "address")),
        core={season.pk: core(season) for season in {row.season_id: row.season for row in rows}.values()},
    )


def core(season: Season) -> tuple[str, ...]:
    """Districts that count as the city's core by the season's rule; the district itself where it names none."""
    policy = rules.in_force(season)
    named = policy.parameters.get("city_core") if policy else None
    return tuple(str(k) for k in named) if isinstance(named, list) else (season.district_id,)


def _verify(taken: list[int]) -> int:
    rows = list(Application.objects.filter(pk__in=taken).select_related("season__district", "compound").order_by("pk"))
    places = _places(rows)
    consents: dict[int, str] = {}
    for user, key in (
        Consent.objects.filter(user__in={r.guardian_id for r in rows}, withdrawn_at=None)
        .order_by("id")
        .values_list("user_id", "key")
    ):
        consents[user] = key
    agreed = [row for row in rows if row.guardian_id in consents]
    first = [q for row in agreed for q in evidence.first_questions(row, consents[row.guardian_id], places)]
    answers = _by_subject(inquiries.ask_all(first).values())
    further = [
        q
        for row in agreed
        for q in evidence.further_questions(row, consents[row.guardian_id], places, answers.get(row.key, {}))
    ]
    for subject, more in _by_subject(inquiries.ask_all(further).values()).items():
        answers.setdefault(subject, {}).update(more)
    _conclude(taken, {r.pk: r.claim_version for r in rows}, answers, places)
    return len(rows)


def _by_subject(queries: Iterable[Query]) -> dict[str, dict[tuple[str, str], Query]]:
    found: dict[str, dict[tuple[str, str], Query]] = {}
    for query in queries:
        found.setdefault(query.subject, {})[query.item, query.part] = query
    return found


@transaction.atomic
def _conclude(
    taken: list[int], versions: dict[int, int], answers: dict[str, dict[tuple[str, str], Query]], places: Places
) -> None:
    rows = list(
        Application.objects.select_for_update(of=("self",))
        .filter(pk__in=taken, state=State.VERIFYING)
        .select_related("season__district", "compound")
        .order_by("pk")
    )
    checks: list[Check] = []
    transitions: list[Transition] = []
    entries: list[Entry] = []
    messages: list[Message] = []
    silent = timezone.now() + timedelta(seconds=45)
    for row in rows:
        if row.claim_version != versions[row.pk]:
            row.leased_until = None
            continue
        judged = evidence.judge(row, answers.get(row.key, {}), places)
        checks += judged.checks
        row.leased_until = silent if judged.waiting else None
        made = _next(row, judged)
        if made is None:
            continue
        transitions.append(made[0])
        entries.append(made[1])
        codes = row.needed if row.state in (State.NEED_INFO, State.REJECTED) else ["passed"]
        messages += [Message(application=row, code=code, at=row.changed_at) for code in codes]
    Check.objects.bulk_create(
        checks,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["application", "claim_version", "item", "part"],
        update_fields=["status", "reason", "claimed", "registered", "as_of", "first_try"],
    )
    _save(rows)
    Transition.objects.bulk_create(transitions)
    Entry.objects.bulk_create(entries)
    Message.objects.bulk_create(messages)


_COLUMNS = [
    "state",
    "facts",
    "needed",
    "needed_facts",
    "category",
    "order_keys",
    "policy_digest",
    "deadline",
    "changed_at",
    "leased_until",
]


def _save(rows: list[Application]) -> None:
    for row in rows:
        row.save(update_fields=_COLUMNS)


def _decided(row: Application, facts: dict[str, Fact], final: bool = False) -> Verdict:
    """Puts the rule's verdict on the application and returns it."""
    policy = rules.in_force(row.season)
    if policy is None:
        raise LookupError(f"season {row.season.key} has no published rule")
    verdict = decide(policy, facts, final)
    row.facts = evidence.pack(facts)
    row.category, row.order_keys = verdict.category, list(verdict.order_keys)
    row.policy_digest = rules.digest_in_force(row.season)
    row.needed_facts = list(verdict.needed)
    return verdict


def _next(row: Application, judged: Judgement) -> tuple[Transition, Entry] | None:
    """The change that the judgement leads to; None while a department is silent about something that matters."""
    verdict = _decided(row, judged.facts)
    if verdict.state == "ineligible":
        row.needed = ["already_enrolled" if judged.facts["child.already_enrolled"].value else "too_young"]
        return machine.prepare(row, "ineligible", SYSTEM, row.needed[0], "", {})
    if verdict.state == "decided" and not judged.blocking:
        row.needed, row.deadline = [], None
        return machine.prepare(row, "pass_by_data", SYSTEM, "passed", "", {})
    if judged.waiting:
        row.needed = ["department_silent"]
        return None
    open_facts = set(verdict.needed)
    row.needed = [code for code, facts in judged.reasons.items() if not facts or facts & open_facts]
    row.deadline = deadline(row.season)
    return machine.prepare(row, "ask_family", SYSTEM, row.needed[0] if row.needed else "property_not_found", "", {})


def deadline(season: Season) -> datetime:
    """Until when a family can correct or prove: two weeks, but not beyond the correction window."""
    window = seasons.window(season, "correction")
    latest = clock.now() + TIME_TO_FIX
    return min(latest, window.closes_at) if window and window.closes_at > clock.now() else latest


def decide_final(row: Application, by: By, reason: str) -> None:
    """Decides by what is proven, on a row that the caller has locked: what is unknown stays unproven, not untrue."""
    verdict = _decided(row, evidence.unpack(row.facts), final=True)
    row.needed = []
    machine.change(row, "close", by, reason, category=verdict.category)


def decide_with(row: Application, confirmed: dict[str, Fact], by: By, change: str, reason: str, note: str = "") -> None:
    """Decides after a person looked at papers: `confirmed` facts override what the registers left open."""
    row.overrides = {**row.overrides, **evidence.pack(confirmed)}
    facts = {**evidence.unpack(row.facts), **confirmed}
    _decided(row, facts, final=True)
    row.by_human, row.needed = True, []
    machine.change(row, change, by, reason, note)


@transaction.atomic
def close_open(season: Season) -> int:
    """After the correction window: whoever still owes a proof is placed by what is proven. Returns how many."""
    rows = (
        Application.objects.select_for_update(of=("self",))
        .filter(
            season=season, state__in=[State.NEED_INFO, State.RETURNED, State.ONSITE_BOOKED], deadline__lte=clock.now()
        )
        .select_related("season__district")
    )
    count = 0
    for row in rows:
        decide_final(row, SYSTEM, "closed_without_proof")
        count += 1
    return count
