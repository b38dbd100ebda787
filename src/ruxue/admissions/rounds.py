"""The season's steps of admission: preliminary result, lock, rounds, offers, answers, appeals, those who do not come.

Each step locks its season, checks the calendar, and does everything in one transaction: after a crash nothing of it is
there, and whoever asks a second time finds it done. `rehearse` does them on a copy that is thrown away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import rfc8785
from django.db import transaction
from django.db.models import Count

from ruxue.accounts.models import User
from ruxue.admissions import inputs as frozen
from ruxue.admissions import lottery, seating
from ruxue.admissions.models import (
    Appeal,
    Arrangement,
    FormerOffer,
    Lottery,
    Notice,
    Offer,
    Publication,
    Round,
    RoundRecord,
)
from ruxue.algorithms import draw, identity
from ruxue.applications import machine, review, verify
from ruxue.applications.machine import SYSTEM, By, NotAllowed, change, change_many
from ruxue.applications.models import Application, Message
from ruxue.applications.states import CHANGES, HOLDS_SEAT, Actor, State
from ruxue.ledger import clock, log
from ruxue.places import rules, seasons
from ruxue.places.models import Season, SeatPlan
from ruxue.policy.arrangements import Stage, stages
from ruxue.policy.facts import Fact
from ruxue.policy.language import Policy

_WEEK = timedelta(days=7)
LEAST_OBJECTION = timedelta(days=5)


class StepError(ValueError):
    """A step of the season that can't be taken now; `code` says why."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code, self.details = code, details


def _lock_season(season: Season) -> Season:
    """Two operators at once: the second waits and then finds the step done."""
    return Season.objects.select_for_update(of=("self",)).select_related("district").get(pk=season.pk)


def _rows(season: Season, *states: State) -> Any:
    return Application.objects.select_for_update(of=("self",)).filter(season=season, state__in=states).order_by("pk")


@transaction.atomic
def publish_preliminary(season: Season, by: By) -> int:
    """Publishes the category of every decided application and opens it to objection. Returns how many.

    Raises NotOpen, and StepError("objection_short") where the calendar leaves less than five days to object.
    """
    _lock_season(season)
    seasons.require_open(season, "publication", "objection", "late")
    window = seasons.window(season, _objections(season))
    if window is None or window.closes_at - max(window.opens_at, clock.now()) < LEAST_OBJECTION:
        raise StepError("objection_short", days=LEAST_OBJECTION.days)
    return _publish(season, by)


def _objections(season: Season) -> str:
    """The window in which families may object to what is published now."""
    return "late_objection" if seasons.is_open(season, "late") else "objection"


def _publish(season: Season, by: By) -> int:
    return change_many(_rows(season, State.AUTO_PASSED, State.CLASSIFIED), "publish", by, "published")


@transaction.atomic
def lock(season: Season, by: By) -> int:
    """After the objection window: categories are final. Returns how many. Raises StepError while objections are open."""
    _lock_season(season)
    window = seasons.window(season, _objections(season))
    if window is None or clock.now() < window.closes_at:
        raise StepError("objection_open")
    return _lock(season, by)


def _lock(season: Season, by: By) -> int:
    waiting = Application.objects.filter(season=season, state=State.APPEALED).count()
    if waiting:
        raise StepError("objections_waiting", count=waiting)
    return change_many(_rows(season, State.PUBLISHED), "lock", by)


def seats_left(season: Season) -> dict[str, int]:
    """Seats of each school's plan that no child holds."""
    taken = dict(
        Offer.objects.filter(round__season=season, application__state__in=HOLDS_SEAT)
        .values_list("school")
        .annotate(n=Count("id"))
    )
    return {
        p.school_id: p.seats - taken.get(p.school_id, 0)
        for p in SeatPlan.objects.filter(season=season).order_by("school_id")
    }


@transaction.atomic
def set_arrangement(season: Season, rule: str, limit_m: int | None, actor: str) -> Arrangement:
    """The district chooses its rule and limit; the choice is in the ledger. Raises ValueError for an unknown rule."""
    if rule not in Arrangement.Rule.values or (limit_m is not None and limit_m < 1):
        raise ValueError("rule or limit")
    made, _ = Arrangement.objects.update_or_create(season=season, defaults={"rule": rule, "limit_m": limit_m})
    log.append("arrangement", season.key, {"rule": rule, "limit_m": limit_m, "actor": actor})
    return made


def _waiting(season: Season) -> list[Application]:
    found = _rows(season, State.LOCKED, State.TO_COORDINATE).select_related("season")
    return list(found.defer("claim").order_by("receipt"))


def _policy(season: Season) -> Policy:
    policy = rules.in_force(season)
    if policy is None:
        raise StepError("no_rule")
    return policy


def stage_next(season: Season, policy: Policy) -> Stage:
    """The run of admission that comes next by the rule; the last kind repeats, and is the late round's too."""
    plan = stages(policy)
    ran = season.rounds.filter(kind=Round.Kind.GENERAL).order_by("-number")
    last = ran.values_list("record__inputs__stage__number", flat=True).first()
    number = 0 if last is None else last + 1
    if seasons.is_open(season, "late"):
        number = len(plan) - 1
    waiting = set(
        Application.objects.filter(season=season, state__in=[State.LOCKED, State.TO_COORDINATE])
        .values_list("category", flat=True)
        .distinct()
    )
    while number < len(plan) - 1 and not waiting & (plan[number].categories or waiting):
        number += 1
    return plan[min(number, len(plan) - 1)]


def _next_inputs(season: Season) -> tuple[list[Application], dict[str, Any]]:
    """The rows that take part, locked, and what the round depends on. Raises StepError where it could change nothing."""
    waiting = _waiting(season)
    if not waiting:
        raise StepError("nobody_waiting")
    policy = _policy(season)
    stage = stage_next(season, policy)
    rows = [r for r in waiting if stage.categories is None or r.category in stage.categories]
    made = frozen.freeze(season, policy, rows, seats_left(season), stage)
    before = (
        season.rounds.filter(kind=Round.Kind.GENERAL)
        .order_by("-number")
        .values_list("record__inputs__stage__number", "record__report__waiting", "record__report__left")
        .first()
    )
    if before == (stage.number, [r.receipt for r in rows], made["seats"]):
        raise StepError("nothing_new", count=len(rows))
    return rows, made


@transaction.atomic
def open_lottery(season: Season, beacon: dict[str, str] | None = None) -> Lottery:
    """Freezes the list of the next round's lottery and publishes it to the witnesses.

    Raises NotOpen, StepError where nobody waits or no seat depends on a lot, LotteryError where another one is open.
    """
    season = _lock_season(season)
    seasons.require_open(season, "admission", "late")
    _, inputs = _next_inputs(season)
    if not lottery.decides(inputs):
        raise StepError("no_lottery_needed")
    return lottery.open_for(season, season.rounds.count() + 1, inputs, beacon)


def _seed(season: Season, inputs: dict[str, Any], rehearsing: bool) -> tuple[bytes, Lottery | None]:
    """The witnessed seed where the rule names a lottery and a seat depends on it; else from the inputs' own digest,
    which is recomputable and fixed by the list alone, but has no witness.
    """
    digest = seating.digest(inputs)
    if rehearsing or not lottery.decides(inputs):
        return draw.make_seed(digest, []), None
    made = season.lotteries.exclude(state=Lottery.State.VOID).filter(inputs_digest=digest.hex()).first()
    if made is None:
        stale = season.lotteries.filter(state__in=[Lottery.State.PUBLISHED, Lottery.State.REVEALING]).exists()
        raise StepError("inputs_changed" if stale else "lottery_first")
    try:
        made = lottery.hold(made)
    except lottery.LotteryError as error:
        raise StepError(error.code, **error.details) from error
    return bytes.fromhex(made.seed), made


@transaction.atomic
def run(season: Season, by: By) -> Round:
    """The next run of admission by the rule: by right, list and lot, and in the last one coordination of who is left.

    Whoever waits for a seat by an upheld appeal is served first. Never over plan. Raises NotOpen; StepError where nobody waits, nothing has changed since the last round, or a
    lottery has to be held first.
    """
    season = _lock_season(season)
    seasons.require_open(season, "admission", "late")
    return _run(season, by)


def _run(season: Season, by: By, rehearsing: bool = False) -> Round:
    serve_appeals(season)
    rows, inputs = _next_inputs(season)
    seed, lot = _seed(season, inputs, rehearsing)
    made = _make_round(season, Round.Kind.GENERAL, inputs, seed, lot, len(rows))
    _give(made, rows, seating.solve(inputs, seed), by)
    if not inputs["stage"]["coordinates"]:
        _publish_remaining(made)
    return made


def _publish_remaining(made: Round) -> None:
    """Between rounds everybody may see which seats are left, and how many ask for the next one."""
    waiting = Application.objects.filter(season=made.season, state__in=[State.LOCKED, State.TO_COORDINATE])
    payload = {
        "season": made.season.key,
        "after": made.number,
        "seats": made.report["left"],
        "waiting": waiting.count(),
    }
    digest = hashlib.sha256(rfc8785.dumps(payload)).hexdigest()
    Publication.objects.update_or_create(
        season=made.season, kind="remaining", defaults={"payload": payload, "digest": digest, "at": clock.now()}
    )
    log.append("remaining", made.season.key, {"digest": digest, "round": made.number})


def _make_round(
    season: Season, kind: str, inputs: dict[str, Any], seed: bytes, lot: Lottery | None, count: int
) -> Round:
    made = Round.objects.create(
        season=season,
        number=season.rounds.count() + 1,
        kind=kind,
        inputs_digest=seating.digest(inputs).hex(),
        seed=seed.hex(),
        lottery=lot,
        run_at=clock.now(),
        seated=0,
        coordinated=0,
    )
    RoundRecord.objects.create(round=made, inputs=inputs)
    body = {"number": made.number, "kind": kind, "inputs": made.inputs_digest, "applications": count}
    log.append("round", season.key, {**body, "seed": made.seed, "witnessed": lot is not None})
    return made


def _give(made: Round, rows: list[Application], solved: seating.Solution, by: By) -> None:
    """Writes a solution down: offers, states, the round's report."""
    change_many([r for r in rows if r.state == State.LOCKED and not _by_right(solved, r)], "overflow", by)
    seated = [r for r in rows if r.receipt in solved.seats]
    for state in (State.LOCKED, State.TO_COORDINATE):
        change_many([r for r in seated if r.state == state], "seat", by)
    offers = []
    for row in seated:
        seat = solved.seats[row.receipt]
        facts = asdict(seat.facts) | {"kind": seat.kind, "distance_m": seat.distance_m}
        offers.append(Offer(application=row, round=made, school_id=seat.school, category=row.category, **facts))
    Offer.objects.bulk_create(offers, batch_size=1000)
    made.seated = len(seated)
    made.coordinated = sum(o.kind == Offer.Kind.COORDINATED for o in offers)
    made.save(update_fields=["seated", "coordinated"])
    made.record.report = {**solved.report, "standing": solved.standing}
    made.record.save(update_fields=["report"])


def _by_right(solved: seating.Solution, row: Application) -> bool:
    seat = solved.seats.get(row.receipt)
    return seat is not None and seat.kind != Offer.Kind.COORDINATED


def recompute(made: Round) -> seating.Solution:
    """The round once more from its frozen inputs and seed: what anyone who holds them finds."""
    return seating.solve(made.inputs, bytes.fromhex(made.seed))


@transaction.atomic
def send_offers(season: Season, by: By) -> int:
    """Offers every seat given so far and starts the time to answer. Returns how many.

    The list is frozen and its digest sealed into the ledger in the same transaction: nobody can look up what is not in
    it. Raises NotOpen, StepError("nobody_waiting").
    """
    season = _lock_season(season)
    seasons.require_open(season, "offer", "late")
    return _offer(season, by, _seated(season))


def _seated(season: Season) -> list[Application]:
    return list(_rows(season, State.SEATED).defer("claim"))


def _offer(season: Season, by: By, rows: list[Application]) -> int:
    if not rows:
        raise StepError("nobody_waiting")
    window = seasons.window(season, "offer")
    deadline = (
        window.closes_at
        if window and window.closes_at > clock.now()
        else clock.now() + (window.closes_at - window.opens_at if window else _WEEK)
    )
    given = Offer.objects.filter(application__in=rows)
    given.update(deadline=deadline)
    kind = dict(given.values_list("application", "kind"))
    Application.objects.filter(pk__in=[r.pk for r in rows]).update(deadline=deadline)
    change_many(rows, "offer", by)
    now = clock.now()
    Message.objects.bulk_create(
        [
            Message(application=r, code="coordinated" if kind[r.pk] == Offer.Kind.COORDINATED else "offered", at=now)
            for r in rows
        ],
        batch_size=1000,
    )
    publish_results(season)
    return len(rows)


def publish_results(season: Season) -> Publication:
    """Freezes the list of every school, masked, and seals its digest into the ledger with the rounds' inputs."""
    schools: dict[str, list[dict[str, Any]]] = {}
    for offer in (
        Offer.objects.filter(round__season=season, application__state__in=HOLDS_SEAT - {State.SEATED})
        .select_related("application", "round")
        .only("school_id", "category", "kind", "round__number", "application__receipt", "application__claim")
        .order_by("application__receipt")
    ):
        row = offer.application
        schools.setdefault(offer.school_id, []).append(
            {
                "name": identity.mask_name(row.child_name),
                "tail": row.receipt_tail,
                "category": offer.category,
                "kind": offer.kind,
                "round": offer.round.number,
            }
        )
    ran = season.rounds.order_by("number").values_list("number", "kind", "inputs_digest")
    payload: dict[str, Any] = {
        "season": season.key,
        "rounds": [{"number": n, "kind": kind, "inputs": digest} for n, kind, digest in ran],
        "schools": schools,
        "appeals_waiting": [
            {"tail": a.application.receipt_tail, "school": a.school_id or ""} for a in appeals_waiting(season)
        ],
    }
    digest = hashlib.sha256(rfc8785.dumps(payload)).hexdigest()
    made, _ = Publication.objects.update_or_create(
        season=season, kind="results", defaults={"payload": payload, "digest": digest, "at": clock.now()}
    )
    log.append("results", season.key, {"digest": digest})
    log.seal()
    return made


# What an answer needs to see: it reads neither what families typed nor their facts.
_ANSWERED = (
    "key",
    "receipt",
    "guardian",
    "state",
    "category",
    "claim_version",
    "child_index",
    "school",
    "order_keys",
    "deadline",
    "changed_at",
    "season__key",
    "offer__school",
)


@transaction.atomic
def answer(key: str, user: User, accepted: bool) -> Application:
    """A family's answer to its offer; the same answer twice is one. Raises StepError("late") after the deadline,
    NotAllowed.
    """
    row = _offered().get(key=key, guardian=user)
    name = "accept" if accepted else "decline"
    if row.state == CHANGES[name].target:
        return row
    if row.state == State.OFFERED and row.deadline and clock.now() > row.deadline:
        raise StepError("late")
    machine.change_only(row, name, By(Actor.GUARDIAN, user), deadline=None)
    Offer.objects.filter(pk=row.offer.pk).update(answered_at=clock.now())
    if accepted:
        issue_notice(row.offer)
    else:
        serve_appeals(row.season)
    return row


@transaction.atomic
def answer_many(season: Season, answers: dict[str, bool]) -> int:
    """Answers that come as a list, by receipt, as each family gave it; all or none. Returns how many were new.

    Raises StepError("late") where a deadline is over, NotAllowed where there is no offer to answer.
    """
    rows = list(_offered().filter(season=season, receipt__in=answers).order_by("pk"))
    new = [r for r in rows if r.state != CHANGES["accept" if answers[r.receipt] else "decline"].target]
    now = clock.now()
    if any(r.state == State.OFFERED and r.deadline and now > r.deadline for r in new):
        raise StepError("late")
    for name, accepted in (("accept", True), ("decline", False)):
        some = [r for r in new if answers[r.receipt] is accepted]
        machine.change_many(some, name, lambda row: By(Actor.GUARDIAN, User(pk=row.guardian_id)))
        Application.objects.filter(pk__in=[r.pk for r in some]).update(deadline=None)
        Offer.objects.filter(application__in=some).update(answered_at=now)
        if accepted:
            Notice.objects.bulk_create([_signed(r.offer) for r in some], batch_size=1000)
    serve_appeals(season)
    return len(new)


def _offered() -> Any:
    found = Application.objects.select_for_update(of=("self",)).select_related("season", "offer")
    return found.only(*_ANSWERED)


def issue_notice(offer: Offer) -> Notice:
    """Signs the notice of an accepted seat; made once."""
    made = _signed(offer)
    made.save(force_insert=True)
    return made


def _signed(offer: Offer) -> Notice:
    from ruxue.admissions.notices import sign_notice

    made = Notice(offer=offer, issued_at=clock.now())
    made.signature = sign_notice(made)
    return made


@transaction.atomic
def lapse(season: Season) -> int:
    """Ends offers without an answer after their deadline; their seats are free again."""
    season = _lock_season(season)
    count = change_many(_rows(season, State.OFFERED).defer("claim").filter(deadline__lte=clock.now()), "lapse", SYSTEM)
    if count:
        serve_appeals(season)
    return count


@transaction.atomic
def end_no_shows(season: Season, by: By) -> int:
    """After the days of reporting: who did not come gives the seat up; families are told. Returns how many.

    Raises StepError("reporting_open") before the reporting window has closed.
    """
    season = _lock_season(season)
    window = seasons.window(season, "reporting")
    if window is None or clock.now() < window.closes_at:
        raise StepError("reporting_open")
    count = change_many(_rows(season, State.CLASSED).defer("claim"), "no_show", by, "no_show")
    if count:
        serve_appeals(season)
    return count


def _end_offer(row: Application, why: str) -> None:
    """Takes the offer off the application and keeps its trace; a notice of it is no longer valid."""
    offer = Offer.objects.select_related("notice").filter(application=row).first()
    if offer is None:
        return
    notice = getattr(offer, "notice", None)
    FormerOffer.objects.create(
        application=row,
        round_id=offer.round_id,
        school_id=offer.school_id,
        kind=offer.kind,
        ended=why,
        notice_number=notice.number if notice else "",
        ended_at=clock.now(),
    )
    if notice:
        notice.delete()
    offer.delete()
    row.deadline = None
    row._state.fields_cache.pop("offer", None)


@transaction.atomic
def ask_again(key: str, user: User) -> Application:
    """A family that declined or did not answer asks for a seat in the late round, after all others.

    Raises NotOpen outside the late round, NotAllowed.
    """
    row = Application.objects.select_for_update(of=("self",)).select_related("season").get(key=key, guardian=user)
    if row.state == State.LOCKED:
        return row
    seasons.require_open(row.season, "late")
    place = getattr(row, "class_place", None)
    ended, row.late = "no_show" if place else row.state, True
    change(row, "ask_again", By(Actor.GUARDIAN, user))
    if place:
        place.delete()  # the draw's published result keeps it
    _end_offer(row, ended)
    row.save()
    return row


class _Waits(Exception):
    """An upheld appeal for which no seat is free: `school` is due (None: any)."""

    def __init__(self, school: str | None, of: Round) -> None:
        super().__init__(school)
        self.school, self.of = school, of


@transaction.atomic
def reopen(key: str, by: By, confirmed: dict[str, Any], note: str) -> Round | None:
    """An appeal upheld after the round: one family, with children bound to the child, gets its seat by the rule.

    The round in which the family stood is computed again with the confirmed facts and the same seed, everybody else as
    they were: that tells which school is due to it. It gets the seat if one is free there; without a seat so far and
    none due, the nearest free one. Where none is free the family keeps what it has, the appeal waits in public, and the
    next freed seat is its own (`serve_appeals`): then None is returned. Nobody else moves, and each seat given is
    published as a round of its own. Raises NotAllowed, StillRefused; StepError "no_round" before the first round,
    "no_better_seat" where the rule gives the family nothing better than it has (nothing is stored then).
    """
    row = machine.locked(key)
    season = _lock_season(row.season)
    try:
        with transaction.atomic():
            made = _seat_by_appeal(season, row, by, confirmed, note)
    except _Waits as waits:
        _wait(row, waits.of, waits.school, by, confirmed, note)
        return None
    due = made.inputs["due"]
    if due and not made.offers.filter(application_id=row.pk, school=due).exists():
        _wait(row, made, due, by, confirmed, note)  # the nearest seat until its own is free
    serve_appeals(season)
    return made


def _wait(row: Application, of: Round, school: str | None, by: By, confirmed: dict[str, Any], note: str) -> None:
    known = {"confirmed": confirmed, "note": note, "by": by.user, "made_at": clock.now()}
    Appeal.objects.update_or_create(
        application_id=row.pk, served=None, defaults={"round": of, "school_id": school, **known}
    )
    log.append("appeal", row.key, {"school": school or "", "round": of.number})
    Message.objects.create(application_id=row.pk, code="appeal_waits", at=clock.now())
    if Publication.objects.filter(season=row.season_id, kind="results").exists():
        publish_results(row.season)


def appeals_waiting(season: Season) -> list[Appeal]:
    """Upheld appeals that wait for a freed seat, the first one first."""
    found = Appeal.objects.filter(served=None, application__season=season).select_related("application", "by")
    return list(found.order_by("made_at", "pk"))


def serve_appeals(season: Season) -> list[Round]:
    """Gives freed seats to the upheld appeals that wait for them, in the order in which they were upheld.

    Who moves frees a seat, which may be another one's: it goes on until nothing more can be given.
    """
    made: list[Round] = []
    while given := _serve_next(season):
        made.append(given)
    return made


def _serve_next(season: Season) -> Round | None:
    for appeal in appeals_waiting(season):
        left = seats_left(season)
        if (left.get(appeal.school_id, 0) if appeal.school_id else sum(n for n in left.values() if n > 0)) < 1:
            continue
        row = machine.locked(appeal.application.key)
        try:
            with transaction.atomic():
                by = By(Actor.DISTRICT, appeal.by)
                return _seat_by_appeal(season, row, by, appeal.confirmed, appeal.note)
        except (_Waits, StepError, NotAllowed, review.StillRefused):
            continue
    return None


def _stood_in(season: Season, row: Application) -> Round:
    ran = season.rounds.filter(kind=Round.Kind.GENERAL).order_by("number")
    held = ran.filter(record__inputs__applications__contains=[{"receipt": row.receipt}])
    found = held.first() or ran.last()
    if found is None:
        raise StepError("no_round")
    return found


def _seat_by_appeal(season: Season, row: Application, by: By, confirmed: dict[str, Any], note: str) -> Round:
    """Changes the family's facts, state and seat. Raises what `reopen` does, and _Waits; the caller rolls back then."""
    row.refresh_from_db()
    if row.state not in CHANGES["reopen"].sources:
        raise NotAllowed("reopen", row.state)
    held = getattr(row, "offer", None) if row.state in HOLDS_SEAT else None
    of = _stood_in(season, row)
    if not review.preview(row, confirmed):
        raise review.StillRefused
    bound = _rows(season, *CHANGES["reopen"].sources).filter(group=row.group) if row.group else [row]
    rows = [row, *(r for r in bound if r.pk != row.pk)]
    facts = {n: Fact(v, "officer", clock.today()) for n, v in confirmed.items()}
    accepted = [one for one in rows if one.state == State.ACCEPTED]
    for one in rows:
        verify.decide_with(one, facts, by, "reopen", "appeal_upheld", note)
        _end_offer(one, "reopened")
        one.save()
    policy = _policy(season)
    plan = stages(policy)
    left = seats_left(season)
    mine = frozen.freeze(season, policy, rows, left, plan[min(of.inputs["stage"]["number"], len(plan) - 1)])
    receipts = {one.receipt for one in rows}
    others = [a for a in of.inputs["applications"] if a["receipt"] not in receipts]
    again = seating.solve(
        {
            **of.inputs,
            "homes": {**of.inputs["homes"], **mine["homes"]},
            "applications": [*others, *mine["applications"]],
        },
        bytes.fromhex(of.seed),
    )
    due = again.seats[row.receipt].school if all(_by_right(again, one) for one in rows) else None
    if held and (due is None or due == held.school_id):
        raise StepError("no_better_seat")
    if due is not None and left.get(due, 0) >= len(rows):
        solved = seating.Solution({r.receipt: again.seats[r.receipt] for r in rows})
    elif held:
        raise _Waits(due, of)
    else:
        nowhere: dict[str, Any] = {"zone": [], "list": [], "feeder": None, "buffer": []}
        alone = {
            **mine,
            "stage": {**mine["stage"], "kind": "rest", "coordinates": True},
            "applications": [{**a, **nowhere} for a in mine["applications"]],
        }
        solved = seating.solve(alone, bytes.fromhex(of.seed))
        if not receipts <= set(solved.seats):
            raise _Waits(due, of)
    inputs = {**mine, "of_round": of.number, "due": due or ""}
    made = _make_round(season, Round.Kind.APPEAL, inputs, bytes.fromhex(of.seed), of.lottery, len(rows))
    Appeal.objects.filter(application=row, served=None).update(served=made)
    _give(made, rows, solved, by)
    _offer(season, by, rows)
    for one in accepted:  # it asked for this seat: a deadline that it misses must not cost it both
        machine.change_only(one, "keep_accepted", by, deadline=None)
        offer = Offer.objects.get(application=one)
        Offer.objects.filter(pk=offer.pk).update(answered_at=clock.now())
        issue_notice(offer)
    return made


@transaction.atomic
def void(key: str, by: By, note: str) -> Application:
    """Ends an application for forged papers, after a hearing. Raises NotAllowed."""
    row = machine.locked(key)
    row.by_human = True
    change(row, "void", by, "forged", note)
    return row


@dataclass
class Rehearsal:
    """What the steps up to one would do now: how many each, or the code of what stops it; seats by school after them."""

    steps: list[tuple[str, int | None, str]] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    schools: list[tuple[str, int, int]] = field(default_factory=list)


def rehearse(season: Season, upto: str, by: By) -> Rehearsal:
    """Takes the steps in order up to `upto` on a copy that is thrown away: nothing stays, not even in the ledger.

    It looks past the calendar, and draws with a seed of its own where a lottery will be held. Raises KeyError for an
    unknown step.
    """
    actions: dict[str, Callable[[], int]] = {
        "close": lambda: verify.close_open(season),
        "publish": lambda: _publish(season, by),
        "lock": lambda: _lock(season, by),
        "run": lambda: _run(season, by, rehearsing=True).seated,
        "offer": lambda: _offer(season, by, _seated(season)),
    }
    wanted = list(actions)[: list(actions).index(upto) + 1] if upto in actions else None
    if wanted is None:
        raise KeyError(upto)
    told = Rehearsal()
    with transaction.atomic():
        season = _lock_season(season)
        for name in wanted:
            try:
                told.steps.append((name, actions[name](), ""))
            except StepError as error:
                told.steps.append((name, None, error.code))
                if error.code not in ("nobody_waiting", "nothing_new"):
                    break
        made = season.rounds.order_by("-number").first()
        told.report = made.report if made else {}
        left = seats_left(season)
        told.schools = [
            (p.school.name, p.seats, p.seats - left[p.school_id])
            for p in SeatPlan.objects.filter(season=season).select_related("school").order_by("school_id")
        ]
        transaction.set_rollback(True)
    return told
