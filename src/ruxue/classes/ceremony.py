"""The ceremony of class assignment by ruxue-draw/1: publish the list, commit, reveal, draw, publish the bundle."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from ruxue.algorithms import bundle, draw
from ruxue.applications.machine import By, change_many
from ruxue.applications.models import Application
from ruxue.applications.states import State
from ruxue.classes.models import Ceremony, Place, TeacherTeam, Witness
from ruxue.ledger import clock, log
from ruxue.places.models import School, Season, SeatPlan

WITNESSES = (("parent", "家长代表"), ("committee", "家委会代表"), ("bureau", "区教体局代表"))


class CeremonyError(ValueError):
    """A step that can't be taken now; `code` says why, `details` names who or what."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code, self.details = code, details


def _pupils(season: Season, school: School) -> list[Application]:
    return list(
        Application.objects.filter(season=season, state=State.ACCEPTED, offer__school=school).order_by("receipt")
    )


def class_manifest(season: Season, school: School, classes: int, cap: int) -> dict[str, Any]:
    """The list and the rules: receipts stand for children; sex and age in months are all that is used."""
    rows = _pupils(season, school)
    entries: list[dict[str, Any]] = []
    twins: dict[str, int] = {}
    for row in rows:
        if row.group:
            twins[row.group] = twins.get(row.group, 0) + 1
    for row in rows:
        born = row.born_on
        assert born is not None
        entry = {
            "code": row.receipt,
            "sex": 1 if row.sex == "F" else 0,
            "age_months": (season.year - born.year) * 12 + 8 - born.month,
        }
        if row.group and twins[row.group] > 1:
            entry["group"] = row.group.upper()
        entries.append(entry)
    return {
        "protocol": draw.PROTOCOL,
        "kind": "classes",
        "id": f"{season.year}-{school.code}-classes",
        "title": f"{school.name_zh}{season.year}级一年级分班",
        "algorithm": bundle.algorithm(),
        "rules": {"classes": classes, "cap": cap, "balance": ["sex"], "mean": "age_months"},
        "witnesses": [{"id": code, "role": role} for code, role in WITNESSES],
        "entries": sorted(entries, key=lambda e: e["code"]),
    }


@transaction.atomic
def open_classes(season: Season, school: School, classes: int | None = None) -> Ceremony:
    """Publishes the manifest of a school's class assignment and its digest. Raises CeremonyError.

    Without `classes`, as few as the plan's class size allows, at most the plan's number.
    """
    Season.objects.select_for_update().get(pk=season.pk)
    if (
        Ceremony.objects.filter(season=season, school=school, kind="classes")
        .exclude(state=Ceremony.State.VOID)
        .exists()
    ):
        raise CeremonyError("already_open")
    if Application.objects.filter(season=season, state=State.OFFERED, offer__school=school).exists():
        raise CeremonyError("offers_open")
    count = len(_pupils(season, school))
    if not count:
        raise CeremonyError("no_pupils")
    plan = SeatPlan.objects.get(season=season, school=school)
    number = classes or min(plan.classes, -(-count // plan.class_size))
    return _open(season, school, class_manifest(season, school, number, plan.class_size))


def _open(season: Season, school: School, manifest: dict[str, Any]) -> Ceremony:
    made = Ceremony.objects.create(
        season=season,
        school=school,
        kind=manifest["kind"],
        manifest=manifest,
        digest=draw.manifest_digest(manifest).hex(),
        opened_at=clock.now(),
    )
    Witness.objects.bulk_create([Witness(ceremony=made, code=w["id"], role=w["role"]) for w in manifest["witnesses"]])
    log.append("manifest", manifest["id"], {"digest": made.digest, "entries": len(manifest["entries"])})
    return made


@transaction.atomic
def open_teachers(season: Season, school: School) -> Ceremony:
    """Publishes the draw of teacher teams, after the classes are drawn. Raises CeremonyError."""
    classes = (
        Ceremony.objects.select_for_update()
        .filter(season=season, school=school, kind="classes", state=Ceremony.State.DRAWN)
        .first()
    )
    if classes is None:
        raise CeremonyError("classes_first")
    if (
        Ceremony.objects.filter(season=season, school=school, kind="teachers")
        .exclude(state=Ceremony.State.VOID)
        .exists()
    ):
        raise CeremonyError("already_open")
    number = classes.manifest["rules"]["classes"]
    teams = sorted(TeacherTeam.objects.filter(season=season, school=school).values_list("name", flat=True))
    if len(teams) != number:
        raise CeremonyError("teams", teams=len(teams), classes=number)
    return _open(
        season,
        school,
        {
            "protocol": draw.PROTOCOL,
            "kind": "teachers",
            "id": f"{season.year}-{school.code}-teachers",
            "title": f"{school.name_zh}{season.year}级一年级教师团队抽签",
            "algorithm": bundle.algorithm(),
            "rules": {"classes": number},
            "witnesses": [{"id": code, "role": role} for code, role in WITNESSES],
            "entries": [{"code": t} for t in teams],
        },
    )


@transaction.atomic
def commit(token: str, value: str) -> Witness:
    """A witness's commitment (64 hex digits); can't be changed. The last one opens the revealing."""
    witness, made = _witness(token)
    if witness.commitment == value:
        return witness
    if made.state != Ceremony.State.PUBLISHED or witness.commitment:
        raise CeremonyError("already_committed" if witness.commitment else "not_now")
    if len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise CeremonyError("commitment_form")
    witness.commitment, witness.committed_at = value, clock.now()
    witness.save()
    if not made.witnesses.filter(commitment="").exists():
        made.state = Ceremony.State.REVEALING
        made.save()
    return witness


@transaction.atomic
def reveal(token: str, secret: str) -> Witness:
    """A witness's secret (hex), once all have committed. Raises CeremonyError("wrong_secret") where it does not fit."""
    witness, made = _witness(token)
    if witness.secret and witness.secret == secret:
        return witness
    if made.state != Ceremony.State.REVEALING or witness.secret:
        raise CeremonyError("already_revealed" if witness.secret else "not_now")
    try:
        raw = bytes.fromhex(secret)
        fits = draw.commitment(bytes.fromhex(made.digest), witness.code, raw).hex() == witness.commitment
    except ValueError as error:
        raise CeremonyError("wrong_secret", role=witness.role) from error
    if not fits or raw.hex() != secret:
        raise CeremonyError("wrong_secret", role=witness.role)
    witness.secret, witness.revealed_at = secret, clock.now()
    witness.save()
    return witness


def _witness(token: str) -> tuple[Witness, Ceremony]:
    witness = Witness.objects.get(token=token)
    return witness, Ceremony.objects.select_for_update().get(pk=witness.ceremony_id)


@transaction.atomic
def hold(key: str, by: By) -> Ceremony:
    """The one click: draws once all secrets are in, stores the result and puts the bundle's digest into the ledger.

    Idempotent: a second click returns what was drawn. Raises CeremonyError("witnesses") naming who is missing.
    """
    made = Ceremony.objects.select_for_update(of=("self",)).select_related("season", "school").get(key=key)
    if made.state == Ceremony.State.DRAWN:
        return made
    missing = [w.role for w in made.witnesses.all() if not w.secret]
    if made.state != Ceremony.State.REVEALING or missing:
        raise CeremonyError("witnesses", roles=missing)
    secrets = [bytes.fromhex(w.secret) for w in made.witnesses.all()]
    seed = draw.make_seed(bytes.fromhex(made.digest), secrets)
    made.seed, made.result = seed.hex(), bundle.build_result(made.manifest, seed)
    made.state, made.drawn_at = Ceremony.State.DRAWN, clock.now()
    entry = log.append("draw", made.manifest["id"], {**bundle.ledger_body(_core(made)), "seed": made.seed})
    made.ledger_entry = entry.pk
    made.save()
    if made.kind == "classes":
        _place(made, by)
    else:
        for name, number in made.result["teams"].items():
            TeacherTeam.objects.filter(season=made.season, school=made.school, name=name).update(number=number)
    return made


def _place(made: Ceremony, by: By) -> None:
    number = {code: int(c) for c, codes in (made.result or {})["classes"].items() for code in codes}
    rows = list(Application.objects.select_for_update().filter(season=made.season, receipt__in=number).order_by("pk"))
    Place.objects.bulk_create([Place(ceremony=made, application=r, number=number[r.receipt]) for r in rows])
    change_many(rows, "assign_class", by, "classed")


@transaction.atomic
def void(key: str, by: By, reason: str) -> Ceremony:
    """Ends a ceremony whose witness would not reveal: publicly, with the reason; a repeat needs a new manifest."""
    made = Ceremony.objects.select_for_update().get(key=key)
    if made.state == Ceremony.State.DRAWN:
        raise CeremonyError("already_drawn")
    made.state, made.void_reason = Ceremony.State.VOID, reason[:200]
    made.save()
    log.append("void", made.manifest["id"], {"digest": made.digest, "reason": made.void_reason})
    return made


def _core(made: Ceremony) -> dict[str, Any]:
    witnesses = list(made.witnesses.all())
    return {
        "manifest": made.manifest,
        "commitments": [{"witness": w.code, "value": w.commitment, "time": _iso(w.committed_at)} for w in witnesses],
        "reveals": [{"witness": w.code, "secret": w.secret, "time": _iso(w.revealed_at)} for w in witnesses],
        "seed": made.seed,
        "result": made.result,
    }


def _iso(moment: Any) -> str:
    return str(moment.astimezone(clock.CITY_ZONE).isoformat())


def published_bundle(made: Ceremony, tree: log.Tree | None = None) -> dict[str, Any]:
    """The bundle that anyone can verify; its ledger part is there once the log is sealed.

    `tree` lets many bundles share one reading of the log.
    """
    body = _core(made)
    if made.ledger_entry and (part := (tree or log.Tree()).prove(made.ledger_entry)):
        body["ledger"] = part
    return body
