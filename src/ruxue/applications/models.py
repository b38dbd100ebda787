from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ruxue import crypto
from ruxue.accounts.fields import EncryptedJSONField
from ruxue.applications.states import DEAD, LABELS, State
from ruxue.places.models import Compound, School, Season


def receipt_code() -> str:
    return crypto.public_key(10).upper()


class Application(models.Model):
    """One child's application of one season. What the family types is `claim`, encrypted as a whole:

    child {name, id_number}, guardian {name, id_number, relation}, second_guardian or None, grandparent or None,
    basis, room, certificate_no, special_group, special_need ("yes" asks for advice). `claim_version` counts its
    submissions.
    """

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    receipt = models.CharField(max_length=12, unique=True, default=receipt_code)
    season = models.ForeignKey(Season, models.PROTECT, related_name="applications")
    city_year = models.CharField(
        max_length=16, help_text="year and level: a child has one live application in the city"
    )
    guardian = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="applications")
    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in State], default=State.DRAFT)
    lane = models.CharField(max_length=8, default="zero")
    basis = models.CharField(max_length=16, default="owned")
    claim = EncryptedJSONField(default=dict)
    claim_version = models.PositiveSmallIntegerField(default=0)
    child_index = models.CharField(max_length=64, blank=True)
    group = models.CharField(max_length=24, blank=True, help_text="children born together, seated as one")
    sex = models.CharField(max_length=1, blank=True)
    born_on = models.DateField(null=True)
    compound = models.ForeignKey(Compound, models.PROTECT, null=True)
    school = models.ForeignKey(School, models.PROTECT, null=True, related_name="applications")
    facts = models.JSONField(default=dict)
    overrides = models.JSONField(default=dict, help_text="facts that a person confirmed from papers")
    needed = models.JSONField(default=list, help_text="what the family is asked for: codes of applications.reasons")
    needed_facts = models.JSONField(default=list)
    category = models.CharField(max_length=8, blank=True)
    order_keys = models.JSONField(default=list)
    policy_digest = models.CharField(max_length=64, blank=True)
    deadline = models.DateTimeField(null=True)
    by_human = models.BooleanField(default=False, help_text="a person decided something about it")
    leased_until = models.DateTimeField(null=True, help_text="its checks wait for answers, at most until then")
    late = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["child_index", "city_year"],
                name="one_live_application",
                condition=~models.Q(state__in=sorted(DEAD)) & ~models.Q(child_index=""),
            )
        ]
        indexes = [
            models.Index(fields=["season", "state", "deadline"]),
            models.Index(fields=["school", "state", "deadline"]),
            models.Index(fields=["submitted_at", "id"], name="being_verified", condition=models.Q(state="verifying")),
        ]

    @property
    def child_name(self) -> str:
        return str(self.claim.get("child", {}).get("name", ""))

    @property
    def state_label(self) -> Any:
        return LABELS[State(self.state)]

    @property
    def receipt_tail(self) -> str:
        return self.receipt[-4:]


class Transition(models.Model):
    """A change of state: who, when, why, and the digests before and after. Append-only."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="transitions")
    name = models.CharField(max_length=20)
    source = models.CharField(max_length=16)
    target = models.CharField(max_length=16)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    actor_kind = models.CharField(max_length=10)
    reason = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True)
    before = models.CharField(max_length=64)
    after = models.CharField(max_length=64)
    at = models.DateTimeField()


class Check(models.Model):
    """What one comparison came to, as the family sees it: which item, status, the register's side and what differs."""

    class Status(models.TextChoices):
        MATCHED = "matched"
        RESOLVED = "resolved"
        MISMATCHED = "mismatched"
        NOT_FOUND = "not_found"
        WAITING = "waiting"
        INFORMATION = "information"

    application = models.ForeignKey(Application, models.CASCADE, related_name="checks")
    claim_version = models.PositiveSmallIntegerField()
    item = models.CharField(max_length=4)
    part = models.CharField(max_length=24, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices)
    reason = models.CharField(max_length=40, blank=True)
    claimed = EncryptedJSONField(null=True)
    registered = EncryptedJSONField(null=True)
    as_of = models.DateField(null=True)
    first_try = models.BooleanField(help_text="whether the department's first answer confirmed the claim as it stood")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "claim_version", "item", "part"], name="one_check")
        ]


class Document(models.Model):
    """A paper that a family uploads for what data could not show; re-encoded, never the original bytes."""

    class Status(models.TextChoices):
        UPLOADED = "uploaded"
        ACCEPTED = "accepted"
        REFUSED = "refused"

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    application = models.ForeignKey(Application, models.CASCADE, related_name="documents")
    kind = models.CharField(max_length=16)
    number = EncryptedJSONField(null=True)
    image = EncryptedJSONField(null=True, help_text="JPEG as base64, encrypted")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.UPLOADED)
    reason = models.CharField(max_length=40, blank=True)
    uploaded_at = models.DateTimeField()


class Confirmation(models.Model):
    """A person's decision on a fact: what a paper or an original showed, why, by whom and when. Append-only.

    `Application.overrides` holds the ones in force; `about` is a keyed digest of the part of the claim that it speaks
    of: once a family names another home or person, it no longer counts.
    """

    application = models.ForeignKey(Application, models.CASCADE, related_name="confirmations")
    fact = models.CharField(max_length=40)
    value = EncryptedJSONField(help_text="as `policy.records.plain` writes it")
    replaced = EncryptedJSONField(null=True, help_text="what the registers had said; null: nothing")
    reason = models.CharField(max_length=40)
    note = models.TextField(blank=True)
    document = models.ForeignKey(Document, models.SET_NULL, null=True, help_text="the paper that shows it")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    at = models.DateTimeField()
    claim_version = models.PositiveSmallIntegerField()
    about = models.CharField(max_length=64)


class Message(models.Model):
    """A line to the family: a reason code with parameters; its words are made in the reader's language."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="messages")
    code = models.CharField(max_length=40)
    parameters = models.JSONField(default=dict)
    at = models.DateTimeField()


class Slot(models.Model):
    """A time at the school's window for checks on site."""

    school = models.ForeignKey(School, models.CASCADE, related_name="slots")
    season = models.ForeignKey(Season, models.CASCADE)
    starts_at = models.DateTimeField()
    places = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["school", "starts_at"], name="one_slot")]


class Booking(models.Model):
    slot = models.ForeignKey(Slot, models.PROTECT, related_name="bookings")
    application = models.OneToOneField(Application, models.CASCADE, related_name="booking")


class Objection(models.Model):
    """A family's objection to its preliminary result, and the district's answer."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="objections")
    text = EncryptedJSONField()
    made_at = models.DateTimeField()
    upheld = models.BooleanField(null=True)
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
