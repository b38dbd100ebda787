"""What people decide: the school's review of what data could not show, documents, slots, objections."""

from __future__ import annotations

import base64
import io
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from PIL import Image, ImageOps, UnidentifiedImageError

from ruxue.accounts import consent
from ruxue.accounts.models import User
from ruxue.applications import evidence, homes, record_facts, stored_facts, verify
from ruxue.applications.machine import By, change, locked
from ruxue.applications.models import Application, Booking, Check, Document, Objection, Slot
from ruxue.applications.reasons import REASONS
from ruxue.applications.states import Actor, State
from ruxue.exchange import inquiries
from ruxue.exchange.inquiries import Inquiry
from ruxue.exchange.models import Query
from ruxue.ledger import clock
from ruxue.places import rules, seasons
from ruxue.policy.engine import decide
from ruxue.policy.facts import VOCABULARY, Fact, Value

DOCUMENT_KINDS = ("certificate", "contract", "lease", "resettlement", "household_book", "work", "other")
TAKES_PAPERS = (State.NEED_INFO, State.RETURNED, State.REJECTED, State.SCHOOL_REVIEW)
MAX_SIDE = 2000  # pixels: a page of A4 stays readable


class UploadError(ValueError):
    """A file that can't be taken; `code` says why: too_large, not_a_picture, closed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class StillRefused(ValueError):
    """The facts as confirmed leave the child without a category: the rule goes on refusing."""


def reencode(raw: bytes) -> bytes:
    """A fresh JPEG of the picture alone: no metadata, no hidden content. Raises UploadError."""
    if len(raw) > settings.UPLOAD_MAX_BYTES:
        raise UploadError("too_large")
    try:
        with Image.open(io.BytesIO(raw)) as picture:
            if picture.width * picture.height > 60_000_000:
                raise UploadError("too_large")
            page = ImageOps.exif_transpose(picture).convert("RGB")
            page.thumbnail((MAX_SIDE, MAX_SIDE))
            out = io.BytesIO()
            page.save(out, "JPEG", quality=82)
            return out.getvalue()
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError, SyntaxError) as error:
        raise UploadError("not_a_picture") from error


@transaction.atomic
def upload(key: str, user: User, kind: str, raw: bytes, number: str = "") -> Document:
    """A family's paper for what data could not show; the school is asked to look. Raises UploadError, NotAllowed."""
    row = Application.objects.select_for_update().get(key=key, guardian=user)
    if row.state not in TAKES_PAPERS:
        raise UploadError("closed")
    made = Document.objects.create(
        application=row,
        kind=kind if kind in DOCUMENT_KINDS else "other",
        number=number[:60],
        image=base64.b64encode(reencode(raw)).decode(),
        uploaded_at=clock.now(),
    )
    if row.state != State.SCHOOL_REVIEW:
        change(row, "to_school", By(Actor.GUARDIAN, user))
    return made


def licences(row: Application) -> list[dict[str, Any]]:
    """Valid electronic licences of the claimed home that agree with the claim in part only: for a person to judge.

    Empty where the family can't hand in anything now, or has handed one in.
    """
    if row.state not in TAKES_PAPERS or row.documents.filter(kind="licence").exists():
        return []
    rows = inquiries.of_subject(row.key, row.claim_version)
    found = (homes.licence_held(q, row) for q in rows if q.item == "X10" and q.state == Query.State.ANSWERED)
    return [held for held in found if held]


@transaction.atomic
def hand_in_licence(key: str, user: User) -> Document:
    """The family has the school look at its electronic licence instead of a picture. Raises UploadError, NotAllowed."""
    row = Application.objects.select_for_update().get(key=key, guardian=user)
    found = licences(row)
    if not found:
        raise UploadError("closed")
    made = Document.objects.create(
        application=row, kind="licence", number=found[0]["number"][:60], uploaded_at=clock.now()
    )
    if row.state != State.SCHOOL_REVIEW:
        change(row, "to_school", By(Actor.GUARDIAN, user))
    return made


def ask_by_number(key: str, by: By, number: str) -> Query | None:
    """Asks the property register for a certificate by its number, for the guardian, then the second guardian.

    Returns the answer that names one of them as owner, else the last; None without consent or guardian.
    """
    row = Application.objects.select_related("season").get(key=key)
    agreed = consent.current(row.guardian)
    last = None
    for part in ("guardian", "second_guardian", "grandparent"):
        person = row.claim.get(part)
        if agreed is None or not person or not person.get("id_number"):
            continue
        keys = {"certificate_no": number, "name": person["name"], "id": person["id_number"]}
        asked = Inquiry(
            row.key,
            row.season.district_id,
            "NR2",
            row.claim_version,
            agreed.key,
            keys,
            {"address_code": row.compound_id},
            part,
            str(by.user.key) if by.user else by.kind.value,
        )
        last = inquiries.ask_now(asked) or last
        if last is not None and last.match == "Y":
            return last
    return last


def confirmed_by(row: Application, answer: Query | None) -> dict[str, Any]:
    """The open facts that a certificate's own record settles; empty where it does not name the family and its home."""
    if answer is None or answer.match != "Y" or not answer.fields or answer.fields["status"] != "current":
        return {}
    answers = {(q.item, q.part): q for q in inquiries.of_subject(row.key, row.claim_version)}
    kin = record_facts.roles(row, answers)
    known: dict[str, Any] = {
        "dwelling.owned_by_family": answer.part != "grandparent",
        "dwelling.owned_by_grandparent": answer.part == "grandparent",
        "dwelling.in_zone": True,
        "dwelling.residential": "住宅" in answer.fields["use"],
        **record_facts.ownership(kin, answer.fields["owners"]),
        "dwelling.owners": record_facts.owners(kin, answer.fields["owners"]),
        "dwelling.acquired_on": date.fromisoformat(answer.fields["registered_on"]),
    }
    if hukou := evidence.hukou_code(answers):
        known["dwelling.address_equals_hukou"] = hukou == answer.fields["address_code"]
    wanted = {*row.needed_facts, "dwelling.acquired_on"}
    return {n: v for n, v in known.items() if v is not None and n in wanted}


@transaction.atomic
def accept(key: str, by: By, confirmed: dict[str, Any], note: str = "") -> Application:
    """The reviewer confirms open facts from papers and decides. `confirmed` maps facts to values of their kind, records
    among them; an uploaded paper is kept as what shows them.

    Raises NotAllowed, StillRefused, and ValueError for a fact that the vocabulary does not know.
    """
    row = locked(key)
    paper = row.documents.exclude(status=Document.Status.REFUSED).order_by("-id").first()
    facts = {}
    for name, value in confirmed.items():
        kind: Any = VOCABULARY[name].kind
        if not isinstance(value, kind):
            raise ValueError(f"{name} must be {kind.__name__}")
        facts[name] = Fact(value, "officer", clock.today(), paper.key if paper else None)
    if not preview(row, confirmed):
        raise StillRefused
    row.documents.filter(status=Document.Status.UPLOADED).update(status=Document.Status.ACCEPTED)
    verify.decide_with(row, facts, by, "accept_review", "evidence_confirmed", note)
    return row


@transaction.atomic
def accept_equals(keys: list[str], by: By) -> int:
    """Accepts many files whose only open points are other spellings of a name or an address. Returns how many."""
    done = 0
    for key in keys:
        row = locked(key)
        if row.state == State.SCHOOL_REVIEW and is_spelling_only(row):
            confirmed = {n: True for n in row.needed_facts if VOCABULARY[n].kind is bool}
            accept(key, by, confirmed, "bulk")
            done += 1
    return done


def is_spelling_only(row: Application) -> bool:
    """True where every open reason is about how something is written."""
    return bool(row.needed) and set(row.needed) <= {"hukou_address_unclear", "name_variant"}


@transaction.atomic
def give_back(key: str, by: By, reason: str, note: str = "") -> Application:
    """Returns a file to the family with a reason; its time to answer starts anew. Raises NotAllowed, ValueError."""
    if reason not in REASONS or not REASONS[reason].actions:
        raise ValueError(f"{reason} is no reason to return a file")
    row = locked(key)
    row.by_human, row.needed, row.deadline = True, [reason], verify.deadline(row.season)
    row.documents.filter(status=Document.Status.UPLOADED).update(status=Document.Status.REFUSED, reason=reason)
    change(
        row,
        "ask_onsite" if reason == "school_need_original" and row.state == State.SCHOOL_REVIEW else "return",
        by,
        reason,
        note,
    )
    return row


@transaction.atomic
def refuse(key: str, by: By, note: str = "") -> Application:
    """The papers could not be confirmed: the category rests on what is proven. Raises NotAllowed."""
    row = locked(key)
    row.documents.filter(status=Document.Status.UPLOADED).update(
        status=Document.Status.REFUSED, reason="evidence_refused"
    )
    verify.decide_with(row, {}, by, "refuse_evidence", "evidence_refused", note)
    return row


@transaction.atomic
def book(key: str, user: User, slot_pk: int) -> Booking:
    """Books a time at the school's window. Raises UploadError("full"), NotAllowed."""
    row = Application.objects.select_for_update().get(key=key, guardian=user)
    slot = Slot.objects.select_for_update().get(pk=slot_pk, school=row.school, starts_at__gt=clock.now())
    if slot.bookings.count() >= slot.places:
        raise UploadError("full")
    made, _ = Booking.objects.update_or_create(application=row, defaults={"slot": slot})
    if row.state != State.ONSITE_BOOKED:
        row.deadline = slot.starts_at
        change(row, "book", By(Actor.GUARDIAN, user), "onsite_booked")
    return made


def open_slots(row: Application) -> list[Slot]:
    """Times at the application's school that still have room."""
    slots = (
        Slot.objects.filter(school=row.school, starts_at__gt=clock.now())
        .prefetch_related("bookings")
        .order_by("starts_at")
    )
    return [s for s in slots if len(s.bookings.all()) < s.places]


@transaction.atomic
def plan_slots(school: Any, season: Any, starts: list[datetime], places: int) -> int:
    """Opens times at a school's window; existing ones are kept."""
    made = Slot.objects.bulk_create(
        [Slot(school=school, season=season, starts_at=s, places=places) for s in starts], ignore_conflicts=True
    )
    return len(made)


@transaction.atomic
def object_to(key: str, user: User, text: str) -> Objection:
    """An objection to the published preliminary result, inside its window. Raises NotOpen, NotAllowed."""
    row = Application.objects.select_for_update(of=("self",)).select_related("season").get(key=key, guardian=user)
    seasons.require_open(row.season, "late_objection" if row.late else "objection")
    made = Objection.objects.create(application=row, text=text[:2000], made_at=clock.now())
    change(row, "object", By(Actor.GUARDIAN, user))
    return made


@transaction.atomic
def answer_objection(
    pk: int, by: By, upheld: bool, answer: str, confirmed: dict[str, Any] | None = None
) -> Application:
    """The district's answer. Upheld: `confirmed` facts change the category by the rule.

    Raises NotAllowed, and StillRefused where the rule refuses the child with these facts too: nothing is stored then.
    """
    objection = Objection.objects.select_for_update(of=("self",)).select_related("application").get(pk=pk)
    row = locked(objection.application.key)
    objection.upheld, objection.answer = upheld, answer[:2000]
    objection.answered_at, objection.answered_by = clock.now(), by.user
    objection.save()
    row.by_human = True
    if upheld:
        if not preview(row, confirmed or {}):
            raise StillRefused
        facts = {n: Fact(v, "officer", clock.today()) for n, v in (confirmed or {}).items()}
        verify.decide_with(row, facts, by, "uphold", "objection_upheld", answer)
    else:
        change(row, "deny" if row.category else "keep_refusal", by, "objection_denied", answer)
    return row


def disputable(row: Application) -> list[tuple[str, bool | None]]:
    """The yes-or-no facts that an application's category rests on, with their present value (None: not known)."""
    return [
        (name, fact.value if isinstance(fact.value, bool) else None)
        for name, fact in stored_facts.unpack(row.facts).items()
        if VOCABULARY[name].kind is bool
    ]


def preview(row: Application, confirmed: dict[str, Value]) -> str:
    """The category that the file would get if these facts were confirmed: shown to the reviewer before deciding."""
    policy = rules.in_force(row.season)
    facts = {**stored_facts.unpack(row.facts), **{n: Fact(v, "officer") for n, v in confirmed.items()}}
    return decide(policy, facts, final=True).category if policy else ""


def current_checks(row: Application) -> list[Check]:
    """The comparisons of the claim as it stands, in the order of the catalogue."""
    return list(row.checks.filter(claim_version=row.claim_version).order_by("item", "part"))
