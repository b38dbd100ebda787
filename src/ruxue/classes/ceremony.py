"""A ceremony by ruxue-draw/1, step by step: publish, join, open, commit, reveal, draw; or void, in public.

Every function opens its own transaction, locks the ceremony's row, checks the step against steps.py, stores it with
actor, time and reason, and writes it to the ledger. All may be called again after a lost answer: what was done stays
done, and nothing is done twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from ruxue import crypto
from ruxue.accounts.models import User
from ruxue.algorithms import bundle, draw
from ruxue.algorithms.balance import InfeasibleRules
from ruxue.applications.machine import Actor as ApplicationActor
from ruxue.applications.machine import By, change_many
from ruxue.applications.models import Application, Message
from ruxue.classes import prepare
from ruxue.classes.models import Act, Ceremony, Place, TeacherTeam, Witness
from ruxue.classes.prepare import CeremonyError
from ruxue.classes.steps import STEPS, Actor, State
from ruxue.ledger import clock, log, witnessed
from ruxue.places.models import School, Season

MAX_REFUSALS = 10  # wrong secrets of one witness that are recorded; more say nothing new
DISTRICT = By(ApplicationActor.DISTRICT)


@dataclass(frozen=True)
class Doer:
    """Who takes a step: an operator, a witness, or the system where the step follows by itself."""

    kind: Actor
    user: User | None = None
    witness: Witness | None = None

    @classmethod
    def operator(cls, by: By) -> Doer:
        return cls(Actor.OPERATOR, by.user)


SYSTEM = Doer(Actor.SYSTEM)


def locked(key: str) -> Ceremony:
    """The ceremony, its row locked until the caller's transaction ends."""
    return Ceremony.objects.select_for_update(of=("self",)).select_related("season", "school").get(key=key)


def require(made: Ceremony, name: str, doer: Doer) -> None:
    """Raises CeremonyError where the step is not one of the machine now: `done_already` tells by whom and when."""
    step = STEPS[name]
    if made.state in step.sources and doer.kind in step.actors:
        return
    done = made.acts.filter(step=name).select_related("actor").last()
    if done and step.target and doer.kind in step.actors:
        raise CeremonyError("done_already", step=name, at=done.at, who=str(done.actor or ""))
    raise CeremonyError("not_now", state=made.state)


def act(made: Ceremony, name: str, doer: Doer, reason: str = "", note: str = "", **facts: Any) -> Act:
    """Takes a step on a locked ceremony, and records it in the table and in the ledger. Raises CeremonyError.

    `facts` go into the ledger's entry; they hold no personal data.
    """
    step = STEPS[name]
    source = "" if name == "publish" else made.state
    if source:
        require(made, name, doer)
    body = {"by": doer.kind.value, **facts}
    if step.ledger == "ceremony":
        body |= {"step": name, "manifest": made.digest}
    if doer.witness:
        body["witness"] = doer.witness.code
    if reason or note:
        body.setdefault("reason", note or reason)
    entry = log.append(step.ledger, made.manifest["id"], body)
    made.state = step.target or made.state
    return Act.objects.create(
        ceremony=made,
        step=name,
        source=source,
        target=made.state,
        actor_kind=doer.kind,
        actor=doer.user,
        witness=doer.witness,
        reason=reason,
        note=note[:200],
        entry=entry.pk,
        at=clock.now(),
    )


# Publication


def publish(season: Season, school: School, kind: str, by: By = DISTRICT) -> Ceremony:
    """Publishes the manifest of a school's draw and its digest, as its preparation wants it. Raises CeremonyError."""
    with transaction.atomic():
        Season.objects.select_for_update().get(pk=season.pk)
        serial = prepare.next_serial(season, school, kind)
        if (
            Ceremony.objects.filter(season=season, school=school, kind=kind, serial=serial)
            .exclude(state=State.VOID)
            .exists()
        ):
            raise CeremonyError("already_open")
        wanted = prepare.wishes(season, school, kind)
        manifest = prepare.draft(season, school, kind, wanted)
        if conflict := prepare.conflict(manifest):
            raise CeremonyError("infeasible", conflict=conflict)
        made = create(season, school, kind, manifest, Doer.operator(by), serial=serial, wanted=wanted)
        if kind == "teachers":
            _carry_over(made)
        return made


def open_classes(season: Season, school: School, by: By = DISTRICT) -> Ceremony:
    """Publishes the list of a school's class assignment. Raises CeremonyError."""
    return publish(season, school, "classes", by)


def open_teachers(season: Season, school: School, by: By = DISTRICT) -> Ceremony:
    """Publishes the draw of teacher teams, after the classes are drawn. Raises CeremonyError."""
    return publish(season, school, "teachers", by)


def create(
    season: Season,
    school: School,
    kind: str,
    manifest: dict[str, Any],
    doer: Doer,
    *,
    serial: int = 1,
    wanted: prepare.Wishes | None = None,
    lot_of: Ceremony | None = None,
) -> Ceremony:
    """Stores a ceremony with its witnesses' places, and puts the manifest's digest into the ledger."""
    wanted = wanted or prepare.Wishes()
    beacon_at = (wanted.beacon or {}).get("at")
    made = Ceremony.objects.create(
        season=season,
        school=school,
        kind=kind,
        serial=serial,
        lot_of=lot_of,
        place=wanted.place,
        planned_at=datetime.fromisoformat(wanted.planned_at) if wanted.planned_at else None,
        beacon_at=datetime.fromisoformat(beacon_at) if beacon_at else None,
        manifest=manifest,
        digest=draw.manifest_digest(manifest).hex(),
        opened_at=clock.now(),
    )
    for w in manifest["witnesses"]:
        kind_of = "present" if lot_of else w["id"].split("-")[0]
        Witness.objects.create(ceremony=made, code=w["id"], role=w["role"], kind=kind_of)
    act(made, "publish", doer, digest=made.digest, entries=len(manifest["entries"]))
    return made


def _carry_over(made: Ceremony) -> None:
    """The witnesses of the class assignment are still in the hall: their places are theirs in the teachers' draw."""
    for before, now in prepare.carry_over(made):
        if before.holder:
            now.name, now.present, now.carried_from = before.name, before.present, before
            now.holder, now.joined_at = crypto.public_key(), clock.now()
            now.save()
            act(made, "join", Doer(Actor.WITNESS, witness=now), reason="carried")


# Witnesses


def join(token: str, name: str, claim: str = "") -> Witness:
    """Takes a witness's place by the token of its QR; the caller keeps `holder`. Raises CeremonyError.

    `claim` is what the phone wants for its `holder`: the same phone may ask again where the answer got lost.
    """
    with transaction.atomic():
        witness = Witness.objects.select_related("present").get(token=token)
        made = locked(witness.ceremony.key)
        witness.refresh_from_db()
        return take_place(made, witness, name, claim)


def take_place(made: Ceremony, witness: Witness, name: str, claim: str = "") -> Witness:
    """Gives a place of a locked ceremony to whoever asks first."""
    if claim and witness.holder == claim:
        return witness
    doer = Doer(Actor.WITNESS, witness=witness)
    require(made, "join", doer)
    if witness.holder:
        raise CeremonyError("taken", role=witness.role)
    name = " ".join(name.split())
    if not 2 <= len(name) <= 40:
        raise CeremonyError("name_form")
    if not crypto.is_public_key(claim) or Witness.objects.filter(holder=claim).exists():
        claim = crypto.public_key()
    witness.name, witness.holder, witness.joined_at = name, claim, clock.now()
    witness.save()
    act(made, "join", doer)
    return witness


def replace(key: str, code: str, by: By, why: str) -> Witness:
    """Frees the place of a witness who is missing, before commitments open and in public; its old links are dead."""
    with transaction.atomic():
        made = locked(key)
        witness = made.witnesses.select_related("present").get(code=code)
        doer = Doer(Actor.OPERATOR, by.user, witness)
        require(made, "replace", doer)
        if not witness.holder:
            raise CeremonyError("place_free", role=witness.role)
        if not why.strip():
            raise CeremonyError("why")
        if witness.present:
            witness.present.passed = True
            witness.present.save()
        witness.name = witness.holder = witness.present = witness.joined_at = witness.carried_from = None
        witness.token = crypto.public_key()
        witness.save()
        act(made, "replace", doer, reason="missing", note=why.strip())
        return witness


def open_commitments(key: str, by: By = DISTRICT) -> Ceremony:
    """Lets the witnesses commit, once every place is taken; from here nobody can be replaced. Raises CeremonyError."""
    with transaction.atomic():
        made = locked(key)
        doer = Doer.operator(by)
        require(made, "open", doer)
        if free := [w.role for w in made.witnesses.all() if not w.holder]:
            raise CeremonyError("witnesses", roles=free)
        _check_beacon_ahead(made)
        act(made, "open", doer)
        made.save()
        return made


def _check_beacon_ahead(made: Ceremony) -> None:
    if made.beacon_at and clock.now() >= made.beacon_at:
        raise CeremonyError("beacon_passed", at=made.beacon_at)


def _held(holder: str) -> tuple[Witness, Ceremony]:
    witness = Witness.objects.select_related("ceremony").get(holder=holder)
    made = locked(witness.ceremony.key)
    witness.refresh_from_db()
    return witness, made


def commit(holder: str, value: str) -> Witness:
    """A witness's commitment (64 hex digits); can't be changed. The last one opens the revealing."""
    with transaction.atomic():
        witness, made = _held(holder)
        if witness.commitment == value:
            return witness
        if witness.commitment:
            raise CeremonyError("already_committed")
        doer = Doer(Actor.WITNESS, witness=witness)
        require(made, "commit", doer)
        if not witnessed.is_commitment(value):
            raise CeremonyError("commitment_form")
        _check_beacon_ahead(made)
        witness.commitment, witness.committed_at = value, clock.now()
        witness.save()
        act(made, "commit", doer, value=value)
        if not made.witnesses.filter(commitment="").exists():
            act(made, "close", SYSTEM)
            made.save()
        return witness


def reveal(holder: str, secret: str) -> Witness:
    """A witness's secret (hex), once all have committed. A wrong one is refused in public: CeremonyError("wrong_secret").

    The last reveal of a parents' lot draws it, as nobody has anything left to decide.
    """
    with transaction.atomic():
        witness, made = _held(holder)
        if witness.secret and witness.secret == secret:
            return witness
        if witness.secret:
            raise CeremonyError("already_revealed")
        doer = Doer(Actor.WITNESS, witness=witness)
        require(made, "reveal", doer)
        fits = witnessed.opens(made, witness, secret)
        if fits:
            witness.secret, witness.revealed_at = secret, clock.now()
            witness.save()
            act(made, "reveal", doer)
            if made.kind == "lot" and "beacon" not in made.manifest and not _unrevealed(made):
                _draw(made, SYSTEM, DISTRICT)
        elif made.acts.filter(step="refuse", witness=witness).count() < MAX_REFUSALS:
            act(made, "refuse", Doer(Actor.SYSTEM, witness=witness), reason="wrong_secret")
    if not fits:
        raise CeremonyError("wrong_secret", role=witness.role)
    return witness


def _unrevealed(made: Ceremony) -> list[Witness]:
    return [w for w in made.witnesses.all() if not w.secret]


# The draw


def set_beacon(key: str, by: By, value: str) -> Ceremony:
    """The named public beacon's value, once all secrets are revealed and its time has come. Raises CeremonyError."""
    with transaction.atomic():
        made = locked(key)
        doer = Doer.operator(by)
        require(made, "beacon", doer)
        value = " ".join(value.split())
        if made.beacon and made.beacon == value:
            return made
        if "beacon" not in made.manifest or made.beacon:
            raise CeremonyError("not_now", state=made.state)
        if missing := _unrevealed(made):
            raise CeremonyError("witnesses", roles=[w.role for w in missing])
        if made.beacon_at and clock.now() < made.beacon_at:
            raise CeremonyError("beacon_early", at=made.beacon_at)
        if not 1 <= len(value) <= 200:
            raise CeremonyError("beacon_form")
        made.beacon = value
        act(made, "beacon", doer, value=value)
        made.save()
        if made.kind == "lot":
            _draw(made, SYSTEM, by)
        return made


def hold(key: str, by: By) -> Ceremony:
    """The one click: draws, stores the result, and puts the bundle's digest into the ledger before anyone can look.

    A second click returns what was drawn. Raises CeremonyError("witnesses") naming who is missing.
    """
    with transaction.atomic():
        made = locked(key)
        if made.state != State.DRAWN:
            _draw(made, Doer.operator(by), by)
        return made


def hold_by_witness(holder: str) -> Ceremony:
    """The parents run the teachers' draw: the click of a parents' representative. Raises CeremonyError."""
    with transaction.atomic():
        witness, made = _held(holder)
        if made.kind != "teachers" or witness.kind != Witness.Kind.PARENT:
            raise CeremonyError("not_now", state=made.state)
        if made.state != State.DRAWN:
            _draw(made, Doer(Actor.WITNESS, witness=witness), DISTRICT)
        return made


def _draw(made: Ceremony, doer: Doer, by: By) -> None:
    require(made, "hold", doer)
    if missing := _unrevealed(made):
        raise CeremonyError("witnesses", roles=[w.role for w in missing])
    if "beacon" in made.manifest and not made.beacon:
        raise CeremonyError("beacon_missing")
    made.seed, made.result = _result(made)
    made.drawn_at = clock.now()
    made.ledger_entry = act(
        made, "hold", doer, **bundle.ledger_body(witnessed.core(made, made.witnesses.all())), seed=made.seed
    ).entry
    made.save()
    if made.kind in ("classes", "late"):
        _place(made, by)
    elif made.kind == "teachers":
        _give_teachers(made)


def _result(made: Ceremony) -> tuple[str, dict[str, Any]]:
    """Seed (hex) and result of a ceremony whose secrets are all revealed. Raises CeremonyError("infeasible")."""
    seed = witnessed.seed(made, made.witnesses.all())
    try:
        return seed.hex(), bundle.build_result(made.manifest, seed)
    except (InfeasibleRules, draw.DrawError) as conflict:
        raise CeremonyError("infeasible", conflict=conflict) from conflict


def _can_be_drawn(made: Ceremony) -> bool:
    try:
        return bool(_result(made))
    except CeremonyError:
        return False


def _place(made: Ceremony, by: By) -> None:
    """Children who have no class yet get theirs, and their families are told."""
    there = made.manifest["rules"].get("placed", {})
    number = {
        code: int(c) for c, codes in (made.result or {})["classes"].items() for code in codes if code not in there
    }
    rows = list(Application.objects.select_for_update().filter(season=made.season, receipt__in=number).order_by("pk"))
    Place.objects.bulk_create([Place(ceremony=made, application=r, number=number[r.receipt]) for r in rows])
    change_many(rows, "assign_class", By(ApplicationActor.DISTRICT, by.user), "classed")


def _give_teachers(made: Ceremony) -> None:
    for name, number in (made.result or {})["teams"].items():
        TeacherTeam.objects.filter(season=made.season, school=made.school, name=name).update(number=number)
    placed = Place.objects.filter(ceremony__season=made.season, ceremony__school=made.school)
    told = placed.order_by("application").values_list("application", flat=True)
    Message.objects.bulk_create([Message(application_id=pk, code="teachers_drawn", at=clock.now()) for pk in told])


def void(key: str, by: By, why: str, withheld: str = "") -> Ceremony:
    """Ends a draw in public, with the reason. Once secrets are being revealed only a witness who withholds one
    (`withheld`, a witness's code) ends it, or rules that no result can keep; the repeat must name a public beacon.
    Raises CeremonyError.
    """
    with transaction.atomic():
        made = locked(key)
        doer = Doer.operator(by)
        if made.state == State.DRAWN:
            raise CeremonyError("already_drawn")
        require(made, "void", doer)
        why = " ".join(why.split())
        facts = {}
        missing = _unrevealed(made)
        if made.state == State.REVEALING and (missing or _can_be_drawn(made)):
            if not missing:
                raise CeremonyError("determined")
            witness = next((w for w in missing if w.code == withheld), None)
            if witness is None:
                raise CeremonyError("only_withheld", roles=[w.role for w in missing])
            facts = {"withheld": withheld}
            why = f"{witness.role}未公开秘密" + (f"：{why}" if why else "")
        elif not why:
            raise CeremonyError("why")
        made.void_reason = why[:200]
        act(made, "void", doer, reason="withheld" if facts else "operator", note=why, digest=made.digest, **facts)
        made.save()
        for lot in made.lots.exclude(state__in=[State.DRAWN, State.VOID]):
            lot.void_reason = made.void_reason
            act(lot, "void", doer, reason="with_its_draw", note=made.void_reason, digest=lot.digest)
            lot.save()
        return made


def change_teams(
    season: Season, school: School, by: By, *, add: str = "", remove: str = "", members: str = "", why: str = ""
) -> None:
    """Adds or removes a teacher team. Once the classes are drawn this takes a reason, which stands in the ledger."""
    with transaction.atomic():
        Season.objects.select_for_update().get(pk=season.pk)
        if Ceremony.objects.filter(season=season, school=school, kind="teachers").exclude(state=State.VOID).exists():
            raise CeremonyError("teams_fixed")
        classes = prepare.drawn_classes(season, school)
        if classes and not why.strip():
            raise CeremonyError("why")
        name = " ".join(add.split())[:60]
        if add and len(name) < 2:
            raise CeremonyError("name_form")
        if name:
            people = [p for p in members.replace("，", "、").replace(",", "、").split("、") if p.strip()]
            TeacherTeam.objects.update_or_create(
                season=season, school=school, name=name, defaults={"members": [p.strip() for p in people]}
            )
        if remove:
            TeacherTeam.objects.filter(season=season, school=school, name=remove).delete()
        if classes:
            teams = sorted(TeacherTeam.objects.filter(season=season, school=school).values_list("name", flat=True))
            act(classes, "teams", Doer.operator(by), reason="teams", note=why.strip(), teams=teams)


# What comes next, and what is published


@dataclass(frozen=True)
class Next:
    """The operator's next step: its name, empty where there is none, and whom it waits for."""

    name: str
    waiting: tuple[str, ...] = ()


def next_step(made: Ceremony) -> Next:
    """The one step that the operator can take next; with someone to wait for, it can't be taken yet."""
    witnesses = list(made.witnesses.all())
    if made.state == State.PUBLISHED:
        return Next("open", tuple(w.role for w in witnesses if not w.holder))
    if made.state == State.COMMITTING:
        return Next("", tuple(w.role for w in witnesses if not w.commitment))
    if made.state == State.REVEALING:
        if missing := tuple(w.role for w in witnesses if not w.secret):
            return Next("", missing)
        return Next("beacon" if "beacon" in made.manifest and not made.beacon else "hold")
    return Next("")


def published_bundle(made: Ceremony, tree: log.Tree | None = None) -> dict[str, Any]:
    """The bundle that anyone can verify; `tree` lets many share one reading of the log."""
    return witnessed.published(made, made.witnesses.all(), tree)
