"""What families type: drafts that save themselves, submission, correction, withdrawal."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from ruxue import crypto
from ruxue.accounts import consent
from ruxue.accounts.models import User
from ruxue.algorithms import identity
from ruxue.applications import jobs
from ruxue.applications.machine import By, change
from ruxue.applications.models import Application, Check
from ruxue.applications.states import DEAD, EDITABLE, Actor, State
from ruxue.exchange import delivery, inquiries
from ruxue.ledger import clock
from ruxue.places import seasons
from ruxue.places.models import Compound, Season

RELATIONS = ("father", "mother", "grandfather", "grandmother", "other")
BASES = ("owned", "grandparents", "contract", "resettlement", "lease")
PEOPLE = ("child", "guardian", "second_guardian", "grandparent")
EMPTY: dict[str, Any] = {
    "child": {"name": "", "id_number": ""},
    "guardian": {"name": "", "id_number": "", "relation": ""},
    "second_guardian": None,
    "grandparent": None,
    "room": "",
    "certificate_no": "",
    "special_group": "",
    "special_need": "",
}


class ClaimError(ValueError):
    """What can't be submitted as it is: `fields` maps a field to a code of its reason."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(", ".join(f"{k}: {v}" for k, v in fields.items()))
        self.fields = fields


class AlreadyApplied(ValueError):
    """The child has a live application of this season in the city; `receipt_tail` and `mine` say which."""

    def __init__(self, receipt_tail: str, mine: bool) -> None:
        super().__init__(receipt_tail)
        self.receipt_tail, self.mine = receipt_tail, mine


@transaction.atomic
def start(user: User, season: Season) -> Application:
    """A new draft in a season. Raises NotOpen outside collection and the late round."""
    seasons.require_open(season, "collection", "late")
    now = clock.now()
    return Application.objects.create(
        season=season,
        city_year=f"{season.year}-{season.level}",
        guardian=user,
        claim=dict(EMPTY),
        created_at=now,
        changed_at=now,
    )


@transaction.atomic
def save(application: Application, data: dict[str, Any]) -> None:
    """Keeps what was typed, complete or not. `data` may hold claim fields, `lane`, `basis` and `compound`.

    Raises NotEditable where the application is not the family's to change now.
    """
    row = Application.objects.select_for_update().get(pk=application.pk)
    if row.state not in EDITABLE:
        raise ClaimError({"": "not_editable"})
    claim = {**EMPTY, **row.claim}
    for name in PEOPLE:
        if name in data:
            person = data[name]
            claim[name] = (
                {k: str(v).strip()[:60] for k, v in person.items()} if person and any(person.values()) else EMPTY[name]
            )
    for name in ("room", "certificate_no", "special_group", "special_need"):
        if name in data:
            claim[name] = str(data[name]).strip()[:80]
    if data.get("basis") in BASES:
        row.basis = data["basis"]
        row.lane = "zero" if row.basis in ("owned", "grandparents") and not claim["certificate_no"] else "standard"
    if "compound" in data:
        row.compound = Compound.objects.filter(pk=data["compound"]).first() if data["compound"] else None
    row.claim, row.changed_at = claim, clock.now()
    row.save(update_fields=["claim", "basis", "lane", "compound", "changed_at"])
    for field in ("claim", "basis", "lane", "compound_id", "changed_at"):
        setattr(application, field, getattr(row, field))


def problems(application: Application) -> dict[str, str]:
    """Fields that keep the claim from being submitted, each with a code."""
    claim, found = application.claim, {}
    numbers: set[str] = set()
    for name in PEOPLE:
        person = claim.get(name)
        if person is None or (name in ("second_guardian", "grandparent") and not any(person.values())):
            continue
        if name == "grandparent" and application.basis != "grandparents":
            continue  # typed before another ground was chosen: its fields are no longer shown
        number = person.get("id_number", "").upper()
        if not 2 <= len(identity.normalize_name(person.get("name", ""))) <= 40:
            found[f"{name}.name"] = "name_form"
        if not identity.valid_id(number):
            found[f"{name}.id_number"] = "id_form"
        elif number in numbers:
            found[f"{name}.id_number"] = "id_twice"
        numbers.add(number)
        if name in ("guardian", "second_guardian") and person.get("relation") not in RELATIONS:
            found[f"{name}.relation"] = "relation"
    if application.compound is None:
        found["compound"] = "compound"
    if application.basis == "grandparents" and not claim.get("grandparent"):
        found["grandparent.name"] = "grandparent"
    return found


def submit(key: str, user: User) -> Application:
    """Submits a draft or a corrected claim; its checks start in the same transaction, so none is lost.

    Raises ClaimError, AlreadyApplied, NotOpen, NotAllowed; nothing typed is lost by any of them.
    """
    row = Application()
    try:
        with transaction.atomic():
            row = (
                Application.objects.select_for_update(of=("self",))
                .select_related("season__district", "compound")
                .get(key=key, guardian=user)
            )
            _submit(row, user)
    except IntegrityError as error:  # the database lets one live application of a child stand
        live = Application.objects.filter(child_index=row.child_index, city_year=row.city_year)
        other = live.exclude(pk=row.pk).exclude(state__in=DEAD).first()
        if other is None:
            raise
        raise AlreadyApplied(other.receipt_tail, other.guardian_id == user.pk) from error
    return row


def _submit(row: Application, user: User) -> None:
    season, first = row.season, row.state == State.DRAFT
    if first:
        seasons.require_open(season, "collection", "late")
    else:
        seasons.require_open(season, "collection", "correction", "late")
    found = problems(row)
    if row.compound and row.compound.district_id != season.district_id:
        found["compound"] = "compound_elsewhere"
    agreed = consent.current(user)
    if agreed is None:
        found["consent"] = "consent"
    if found:
        raise ClaimError(found)
    if row.basis != "grandparents":
        row.claim["grandparent"] = None  # no department is asked about somebody whom the ground does not need
    child = row.claim["child"]["id_number"].upper()
    row.child_index = crypto.blind_index(child, "child")
    row.sex, row.born_on = identity.sex(child), identity.birth_date(child)
    row.school_id = seasons.zone_school_code(season, row.compound_id or "")
    row.claim_version += 1
    row.needed, row.deadline = [], None
    if first:
        row.submitted_at, row.late = clock.now(), not seasons.is_open(season, "collection")
    change(row, "submit" if first else "resubmit", By(Actor.GUARDIAN, user))
    jobs.verify_later(row.pk)


@transaction.atomic
def go_on_without(key: str, user: User) -> Application:
    """The family asks to be placed by what is proven instead of handing in more. Raises NotAllowed."""
    from ruxue.applications.verify import decide_final

    row = Application.objects.select_for_update().get(key=key, guardian=user)
    decide_final(row, By(Actor.GUARDIAN, user), "waived")
    return row


@transaction.atomic
def withdraw(key: str, user: User) -> None:
    """Takes an application back; a draft is deleted with all that was typed. Raises NotAllowed."""
    row = Application.objects.select_for_update().get(key=key, guardian=user)
    if row.state == State.DRAFT:
        row.delete()
        return
    change(row, "withdraw", By(Actor.GUARDIAN, user))
    inquiries.stop([row.key])


@transaction.atomic
def withdraw_consent(user: User) -> None:
    """Ends the consent: nothing more is asked, nor what waits for an answer. Who was being checked goes on with papers."""
    from ruxue.applications.verify import hear

    rows = Application.objects.select_for_update().filter(guardian=user).exclude(state=State.DRAFT)
    keys = {row.key for row in rows}  # locked: no worker plans questions meanwhile
    consent.withdraw(user)
    inquiries.stop(keys)
    Check.objects.filter(application__key__in=keys, status=Check.Status.WAITING).delete()
    hear(delivery.News(ready=keys))
    jobs.verify_later(0)
