"""The season's steps of admission: preliminary result, lock, round with coordination, offers, answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import rfc8785
from django.db import transaction
from django.db.models import Count

from ruxue.accounts.models import User
from ruxue.admissions.models import Notice, Offer, Publication, Round
from ruxue.algorithms import allocation, coordination, draw, identity
from ruxue.applications import machine
from ruxue.applications.machine import SYSTEM, By, change, change_many
from ruxue.applications.models import Application, Message
from ruxue.applications.states import Actor, State
from ruxue.ledger import clock, log
from ruxue.places import rules, seasons
from ruxue.places.models import Season, SeatPlan
from ruxue.policy.language import COORDINATE


class StepError(ValueError):
    """A step of the season that can't be taken now; `code` says why."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code, self.details = code, details


def _lock_season(season: Season) -> Season:
    """Two operators at once: the second waits and then finds the step done."""
    return Season.objects.select_for_update().get(pk=season.pk)


@transaction.atomic
def publish_preliminary(season: Season, by: By) -> int:
    """Publishes the category of every decided application and opens it to objection. Returns how many."""
    _lock_season(season)
    seasons.require_open(season, "publication", "objection", "late")
    rows = (
        Application.objects.select_for_update(of=("self",))
        .filter(season=season, state__in=[State.AUTO_PASSED, State.CLASSIFIED])
        .order_by("pk")
    )
    return change_many(rows, "publish", by, "published")


@transaction.atomic
def lock(season: Season, by: By) -> int:
    """After the objection window: categories are final. Raises StepError while objections are open."""
    _lock_season(season)
    if seasons.is_open(season, "objection") and not seasons.is_open(season, "late"):
        raise StepError("objection_open")
    waiting = Application.objects.filter(season=season, state=State.APPEALED).count()
    if waiting:
        raise StepError("objections_waiting", count=waiting)
    rows = (
        Application.objects.select_for_update(of=("self",)).filter(season=season, state=State.PUBLISHED).order_by("pk")
    )
    return change_many(rows, "lock", by)


@dataclass
class _Unit:
    """Children seated as one: a child, or twins."""

    rows: list[Application]

    @property
    def lead(self) -> Application:
        return self.rows[0]


def _units(rows: list[Application]) -> list[_Unit]:
    found: dict[str, _Unit] = {}
    for row in rows:
        found.setdefault(row.group or row.receipt, _Unit([])).rows.append(row)
    return list(found.values())


def seats_left(season: Season) -> dict[str, int]:
    """Seats of each school's plan that no live offer takes."""
    taken = dict(
        Offer.objects.filter(
            round__season=season, application__state__in=[State.SEATED, State.OFFERED, State.ACCEPTED, State.CLASSED]
        )
        .values_list("school")
        .annotate(n=Count("id"))
    )
    return {
        p.school_id: p.seats - taken.get(p.school_id, 0)
        for p in SeatPlan.objects.filter(season=season).order_by("school_id")
    }


@transaction.atomic
def run(season: Season, by: By) -> Round:
    """Gives every locked application a seat: its zone's school by category, tie-breakers and ticket, else the
    nearest school with seats. Never over plan; idempotent (without locked applications it raises StepError).
    """
    _lock_season(season)
    rows = list(
        Application.objects.select_for_update(of=("self",))
        .filter(season=season, state__in=[State.LOCKED, State.TO_COORDINATE])
        .select_related("season", "school", "compound")
        .order_by("receipt")
    )
    if not rows:
        raise StepError("nobody_waiting")
    policy = rules.in_force(season)
    if policy is None:
        raise StepError("no_rule")
    left = seats_left(season)
    rank_of = {c.code: i for i, c in enumerate(policy.categories)} | {COORDINATE: len(policy.categories)}
    inputs = [
        {"receipt": r.receipt, "category": r.category, "keys": r.order_keys, "school": r.school_id, "group": r.group}
        for r in rows
    ]
    digest = hashlib.sha256(
        rfc8785.dumps({"season": season.key, "policy": rows[0].policy_digest, "seats": left, "applications": inputs})
    ).digest()
    number = Round.objects.filter(season=season).count() + 1
    made = Round.objects.create(
        season=season, number=number, inputs_digest=digest.hex(), run_at=clock.now(), seated=0, coordinated=0
    )
    log.append("round", season.key, {"number": number, "inputs": digest.hex(), "applications": len(rows)})
    # The last tie is drawn from the inputs' own digest: recomputable, and fixed before anyone could know it.
    seed = draw.make_seed(digest, [])
    units = _units(rows)
    plan = [allocation.School(code, max(0, places)) for code, places in sorted(left.items())]
    applicants = [
        allocation.Applicant(
            row.receipt,
            [allocation.Wish(u.lead.school_id, rank_of.get(u.lead.category, len(rank_of)))],
            u.lead.order_keys,
            u.lead.group or u.lead.receipt,
        )
        for u in units
        if u.lead.category != COORDINATE and u.lead.school_id in left and u.lead.state == State.LOCKED
        for row in u.rows
    ]
    result = allocation.place(applicants, plan, allocation.unit_tickets(applicants, seed))
    row_of = {row.receipt: row for row in rows}
    category_of = {rank_of.get(row.category, len(rank_of)): row.category for row in rows}
    offers: list[Offer] = []
    seated: list[Application] = []
    facts: dict[str, dict[str, Any]] = {}
    for placement in result.placements:
        row, standing = row_of[placement.applicant], placement.standings[0]
        facts[row.receipt] = {
            "rank": standing.rank,
            "applicants": standing.line,
            "seats": standing.seats,
            "last_rank": standing.last_rank,
            "last_category": "" if standing.last_category is None else category_of[standing.last_category],
        }
        if placement.school is not None:
            left[placement.school] -= 1
            offers.append(
                Offer(
                    application=row,
                    round=made,
                    school_id=placement.school,
                    kind=Offer.Kind.ZONE,
                    category=row.category,
                    **facts[row.receipt],
                )
            )
            seated.append(row)
    got = {r.pk for r in seated}
    over = [u for u in units if u.lead.pk not in got]
    over.sort(  # by rank, as coordination takes them
        key=lambda u: (
            rank_of.get(u.lead.category, len(rank_of)),
            [(k is None, k or 0) for k in u.lead.order_keys],
            draw.ticket(seed, u.lead.group or u.lead.receipt),
        )
    )
    change_many([r for u in over for r in u.rows if r.state == State.LOCKED], "overflow", by)
    placed_over = _coordinate(season, made, over, left, facts)
    offers += placed_over
    change_many([*seated, *(o.application for o in placed_over)], "seat", by)
    Offer.objects.bulk_create(offers, batch_size=1000)
    made.seated, made.coordinated = len(offers), len(placed_over)
    made.save()
    return made


def _coordinate(
    season: Season, made: Round, over: list[_Unit], left: dict[str, int], facts: dict[str, dict[str, Any]]
) -> list[Offer]:
    """Overflow, in the order of its rank, to the nearest schools with seats."""
    plans = {p.school_id: p.school for p in SeatPlan.objects.filter(season=season).select_related("school")}
    schools = [s for s in sorted(plans) if left[s] > 0]
    over = [u for u in over if u.lead.compound is not None]
    if not over or not schools:
        return []
    distance = coordination.distances(
        [(u.lead.compound.lng, u.lead.compound.lat) for u in over if u.lead.compound],
        [(plans[s].lng, plans[s].lat) for s in schools],
    )
    solved = coordination.coordinate(distance, [len(u.rows) for u in over], [left[s] for s in schools])
    return [
        Offer(
            application=row,
            round=made,
            school_id=schools[s],
            kind=Offer.Kind.COORDINATED,
            category=row.category,
            distance_m=int(distance[i, s]),
            **facts.get(row.receipt, {}),
        )
        for i, (u, s) in enumerate(zip(over, solved.school, strict=True))
        if s >= 0
        for row in u.rows
    ]


@transaction.atomic
def send_offers(season: Season, by: By) -> int:
    """Offers every seat given so far, publishes the list first, and starts the time to answer. Returns how many."""
    _lock_season(season)
    rows = list(
        Application.objects.select_for_update(of=("self",))
        .filter(season=season, state=State.SEATED)
        .select_related("offer")
        .order_by("pk")
    )
    if not rows:
        raise StepError("nobody_waiting")
    window = seasons.window(season, "offer")
    deadline = (
        window.closes_at
        if window and window.closes_at > clock.now()
        else clock.now() + (window.closes_at - window.opens_at if window else _WEEK)
    )
    Offer.objects.filter(application__in=rows).update(deadline=deadline)
    for row in rows:
        row.deadline = deadline
    change_many(rows, "offer", by, columns=["deadline"])
    now = clock.now()
    Message.objects.bulk_create(
        [
            Message(application=r, code="coordinated" if r.offer.kind == Offer.Kind.COORDINATED else "offered", at=now)
            for r in rows
        ],
        batch_size=1000,
    )
    publish_results(season)
    return len(rows)


def publish_results(season: Season) -> Publication:
    """Freezes the list of every school, masked, and puts its digest into the ledger before the page shows it."""
    schools: dict[str, list[dict[str, str]]] = {}
    live = [State.OFFERED, State.ACCEPTED, State.CLASSED]
    for offer in (
        Offer.objects.filter(round__season=season, application__state__in=live)
        .select_related("application")
        .order_by("application__receipt")
    ):
        row = offer.application
        schools.setdefault(offer.school_id, []).append(
            {
                "name": identity.mask_name(row.child_name),
                "tail": row.receipt_tail,
                "category": offer.category,
                "kind": offer.kind,
            }
        )
    payload = {"season": season.key, "schools": schools}
    digest = hashlib.sha256(rfc8785.dumps(payload)).hexdigest()
    made, _ = Publication.objects.update_or_create(
        season=season, kind="results", defaults={"payload": payload, "digest": digest, "at": clock.now()}
    )
    log.append("results", season.key, {"digest": digest})
    return made


_WEEK = timedelta(days=7)


@transaction.atomic
def answer(key: str, user: User, accepted: bool) -> Application:
    """A family's answer to its offer. Raises StepError("late") after the deadline, NotAllowed."""
    row = (
        Application.objects.select_for_update(of=("self",))
        .select_related("season", "offer")
        .get(key=key, guardian=user)
    )
    if row.state == State.OFFERED and row.deadline and clock.now() > row.deadline:
        raise StepError("late")
    change(row, "accept" if accepted else "decline", By(Actor.GUARDIAN, user), deadline=None)
    Offer.objects.filter(application=row).update(answered_at=clock.now())
    if accepted:
        issue_notice(row.offer)
    return row


def issue_notice(offer: Offer) -> Notice:
    """Signs the notice of an accepted seat; made once."""
    from ruxue.admissions.notices import sign_notice

    made = Notice(offer=offer, issued_at=clock.now())
    made.signature = sign_notice(made)
    made.save()
    return made


@transaction.atomic
def lapse(season: Season) -> int:
    """Ends offers without an answer after their deadline; their seats are free again."""
    rows = Application.objects.select_for_update(of=("self",)).filter(
        season=season, state=State.OFFERED, deadline__lte=clock.now()
    )
    return change_many(rows, "lapse", SYSTEM)


@transaction.atomic
def void(key: str, by: By, note: str) -> Application:
    """Ends an application for forged papers, after a hearing. Raises NotAllowed."""
    row = machine.locked(key)
    row.by_human = True
    change(row, "void", by, "forged", note)
    return row
