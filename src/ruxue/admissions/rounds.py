"""The season's steps of admission: preliminary result, lock, rounds with coordination, offers, answers, appeals.

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
from ruxue.admissions import lottery, seating
from ruxue.admissions.models import Arrangement, FormerOffer, Lottery, Notice, Offer, Publication, Round
from ruxue.algorithms import draw, identity
from ruxue.applications import machine, review, verify
from ruxue.applications.machine import SYSTEM, By, NotAllowed, change, change_many
from ruxue.applications.models import Application, Message
from ruxue.applications.states import CHANGES, HOLDS_SEAT, Actor, State
from ruxue.ledger import clock, log
from ruxue.places import rules, seasons
from ruxue.places.models import Compound, Season, SeatPlan
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
    window = seasons.window(season, "objection")
    if not seasons.is_open(season, "late") and (
        window is None or window.closes_at - max(window.opens_at, clock.now()) < LEAST_OBJECTION
    ):
        raise StepError("objection_short", days=LEAST_OBJECTION.days)
    return _publish(season, by)


def _publish(season: Season, by: By) -> int:
    return change_many(_rows(season, State.AUTO_PASSED, State.CLASSIFIED), "publish", by, "published")


@transaction.atomic
def lock(season: Season, by: By) -> int:
    """After the objection window: categories are final. Returns how many. Raises StepError while objections are open."""
    _lock_season(season)
    window = seasons.window(season, "objection")
    if not seasons.is_open(season, "late") and (window is None or clock.now() < window.closes_at):
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


def arrangement(season: Season) -> Arrangement:
    """The district's rule of coordination; by rank and without a limit where it chose nothing."""
    return Arrangement.objects.filter(season=season).first() or Arrangement(season=season)


@transaction.atomic
def set_arrangement(season: Season, rule: str, limit_m: int | None, actor: str) -> Arrangement:
    """The district chooses its rule and limit; the choice is in the ledger. Raises ValueError for an unknown rule."""
    if rule not in Arrangement.Rule.values or (limit_m is not None and limit_m < 1):
        raise ValueError("rule or limit")
    made, _ = Arrangement.objects.update_or_create(season=season, defaults={"rule": rule, "limit_m": limit_m})
    log.append("arrangement", season.key, {"rule": rule, "limit_m": limit_m, "actor": actor})
    return made


def _lots(policy: Policy) -> list[str] | None:
    """The codes of categories in which the lot alone decides; None where the rule names no lottery at all."""
    inside = [c.code for c in policy.categories if c.straddle == "lottery"]
    return inside if inside or policy.ties else None


def _entry(row: Application, household: list[str]) -> dict[str, Any]:
    return {
        "receipt": row.receipt,
        "category": row.category,
        "keys": row.order_keys,
        "school": row.school_id,
        "group": row.group,
        "household": f"with {min(household)}" if len(household) > 1 else row.group,
        "home": row.compound_id,
        "late": row.late,
    }


def _inputs(season: Season, policy: Policy, rows: list[Application], left: dict[str, int]) -> dict[str, Any]:
    """Everything that a round depends on, frozen; see `seating`."""
    chosen = arrangement(season)
    households: dict[Any, list[str]] = {}
    for row in rows:
        households.setdefault((row.guardian_id, row.compound_id), []).append(row.receipt)

    def place(thing: Any) -> list[int]:
        return [round(thing.lng * 1e6), round(thing.lat * 1e6)]

    homes = Compound.objects.filter(pk__in={r.compound_id for r in rows if r.compound_id})
    plans = SeatPlan.objects.filter(season=season).select_related("school")
    return {
        "season": season.key,
        "policy": rules.digest_in_force(season),
        "categories": [c.code for c in policy.categories],
        "lots": _lots(policy),
        "rule": chosen.rule,
        "limit_m": chosen.limit_m,
        "seats": left,
        "schools": {p.school_id: place(p.school) for p in plans},
        "homes": {c.code: place(c) for c in homes},
        "applications": [_entry(row, households[row.guardian_id, row.compound_id]) for row in rows],
    }


def _waiting(season: Season) -> list[Application]:
    return list(_rows(season, State.LOCKED, State.TO_COORDINATE).select_related("season").order_by("receipt"))


def _policy(season: Season) -> Policy:
    policy = rules.in_force(season)
    if policy is None:
        raise StepError("no_rule")
    return policy


def _next_inputs(season: Season) -> tuple[list[Application], dict[str, Any]]:
    """The waiting rows, locked, and what the next round depends on. Raises StepError where it could change nothing."""
    rows = _waiting(season)
    if not rows:
        raise StepError("nobody_waiting")
    inputs = _inputs(season, _policy(season), rows, seats_left(season))
    before = season.rounds.filter(kind=Round.Kind.GENERAL).order_by("-number").first()
    if before and (before.report["waiting"], before.report["left"]) == ([r.receipt for r in rows], inputs["seats"]):
        raise StepError("nothing_new", count=len(rows))
    return rows, inputs


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
    """Gives every waiting application a seat: its zone's school by category, tie-breakers and lot, else coordination.

    Never over plan. Raises NotOpen; StepError where nobody waits, nothing has changed since the last round, or a
    lottery has to be held first.
    """
    season = _lock_season(season)
    seasons.require_open(season, "admission", "late")
    return _run(season, by)


def _run(season: Season, by: By, rehearsing: bool = False) -> Round:
    rows, inputs = _next_inputs(season)
    seed, lot = _seed(season, inputs, rehearsing)
    made = _make_round(season, Round.Kind.GENERAL, inputs, seed, lot, len(rows))
    solved = seating.solve(inputs, seed)
    _give(made, rows, solved, by)
    return made


def _make_round(
    season: Season, kind: str, inputs: dict[str, Any], seed: bytes, lot: Lottery | None, count: int
) -> Round:
    made = Round.objects.create(
        season=season,
        number=season.rounds.count() + 1,
        kind=kind,
        inputs=inputs,
        inputs_digest=seating.digest(inputs).hex(),
        seed=seed.hex(),
        lottery=lot,
        run_at=clock.now(),
        seated=0,
        coordinated=0,
    )
    body = {"number": made.number, "kind": kind, "inputs": made.inputs_digest, "applications": count}
    log.append("round", season.key, {**body, "seed": made.seed, "witnessed": lot is not None})
    return made


def _give(made: Round, rows: list[Application], solved: seating.Solution, by: By) -> None:
    """Writes a solution down: offers, states, the round's report."""
    over = [r for r in rows if r.state == State.LOCKED and not _in_zone(solved, r)]
    change_many(over, "overflow", by)
    seated = [r for r in rows if r.receipt in solved.seats]
    zone = [r for r in seated if _in_zone(solved, r)]
    change_many(zone, "seat", by)
    change_many([r for r in seated if not _in_zone(solved, r)], "seat", by)
    offers = []
    for row in seated:
        facts = asdict(solved.seats[row.receipt])
        school = facts.pop("school")
        offers.append(Offer(application=row, round=made, school_id=school, category=row.category, **facts))
    Offer.objects.bulk_create(offers, batch_size=1000)
    made.seated, made.coordinated = len(seated), len(seated) - len(zone)
    made.report = {**solved.report, "standing": {k: v for k, v in solved.standing.items() if k not in solved.seats}}
    made.save()


def _in_zone(solved: seating.Solution, row: Application) -> bool:
    seat = solved.seats.get(row.receipt)
    return seat is not None and seat.kind == Offer.Kind.ZONE


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
    return _offer(season, by, list(_rows(season, State.SEATED)))


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
    for row in rows:
        row.deadline = deadline
    change_many(rows, "offer", by, columns=["deadline"])
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
    schools: dict[str, list[dict[str, str]]] = {}
    for offer in (
        Offer.objects.filter(round__season=season, application__state__in=HOLDS_SEAT - {State.SEATED})
        .select_related("application", "round")
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
    payload = {
        "season": season.key,
        "rounds": [{"number": n, "kind": kind, "inputs": digest} for n, kind, digest in ran],
        "schools": schools,
    }
    digest = hashlib.sha256(rfc8785.dumps(payload)).hexdigest()
    made, _ = Publication.objects.update_or_create(
        season=season, kind="results", defaults={"payload": payload, "digest": digest, "at": clock.now()}
    )
    log.append("results", season.key, {"digest": digest})
    log.seal()
    return made


@transaction.atomic
def answer(key: str, user: User, accepted: bool) -> Application:
    """A family's answer to its offer; the same answer twice is one. Raises StepError("late") after the deadline,
    NotAllowed.
    """
    row = (
        Application.objects.select_for_update(of=("self",))
        .select_related("season", "offer")
        .get(key=key, guardian=user)
    )
    name = "accept" if accepted else "decline"
    if row.state == CHANGES[name].target:
        return row
    if row.state == State.OFFERED and row.deadline and clock.now() > row.deadline:
        raise StepError("late")
    change(row, name, By(Actor.GUARDIAN, user), deadline=None)
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
    _lock_season(season)
    return change_many(_rows(season, State.OFFERED).filter(deadline__lte=clock.now()), "lapse", SYSTEM)


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
    ended, row.late = row.state, True
    change(row, "ask_again", By(Actor.GUARDIAN, user))
    _end_offer(row, ended)
    row.save()
    return row


@transaction.atomic
def reopen(key: str, by: By, confirmed: dict[str, Any], note: str) -> Round:
    """An appeal upheld after the round: one family, with children bound to the child, gets its seat by the rule.

    The round in which the family stood is computed again with the confirmed facts and the same seed, everybody else as
    they were: that tells whether its zone's school is due to it. It gets the seat if one is free there; without a seat
    so far, otherwise the nearest free one. Nobody else moves, and the result is published as a round of its own.
    Raises NotAllowed, StillRefused; StepError "no_round" before the first round, "no_better_seat" where the family
    keeps what it has (nothing is stored then), "no_seat" where none is free within the limit.
    """
    row = machine.locked(key)
    season = _lock_season(row.season)
    row.refresh_from_db()
    if row.state not in CHANGES["reopen"].sources:
        raise NotAllowed("reopen", row.state)
    held = getattr(row, "offer", None) if row.state in HOLDS_SEAT else None
    stood = season.rounds.filter(kind=Round.Kind.GENERAL).order_by("number")
    of = next((r for r in stood if any(a["receipt"] == row.receipt for a in r.inputs["applications"])), stood.last())
    if of is None:
        raise StepError("no_round")
    if not review.preview(row, confirmed):
        raise review.StillRefused
    bound = _rows(season, *CHANGES["reopen"].sources).filter(group=row.group) if row.group else [row]
    rows = [row, *(r for r in bound if r.pk != row.pk)]
    facts = {n: Fact(v, "officer", clock.today()) for n, v in confirmed.items()}
    for one in rows:
        verify.decide_with(one, facts, by, "reopen", "appeal_upheld", note)
        _end_offer(one, "reopened")
        one.save()
    left = seats_left(season)
    mine = _inputs(season, _policy(season), rows, left)
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
    due = all(_in_zone(again, one) for one in rows) and left.get(rows[0].school_id or "", 0) >= len(rows)
    if held and (not due or held.school_id == row.school_id):
        raise StepError("no_better_seat")
    inputs = {**mine, "of_round": of.number, "zone_due": due}
    if due:
        solved = seating.Solution({r.receipt: again.seats[r.receipt] for r in rows})
    else:
        alone = {**mine, "applications": [{**a, "school": None} for a in mine["applications"]]}
        solved = seating.solve(alone, bytes.fromhex(of.seed))
        if not receipts <= set(solved.seats):
            raise StepError("no_seat")
    made = _make_round(season, Round.Kind.APPEAL, inputs, bytes.fromhex(of.seed), of.lottery, len(rows))
    _give(made, rows, solved, by)
    _offer(season, by, rows)
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
        "offer": lambda: _offer(season, by, list(_rows(season, State.SEATED))),
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
