from __future__ import annotations

from django.conf import settings
from django.db import models

from ruxue import crypto
from ruxue.accounts.fields import EncryptedJSONField
from ruxue.applications.models import Application
from ruxue.classes import steps
from ruxue.places.models import School, Season


class Preparation(models.Model):
    """What a school wants of a ceremony before its list is published: place, time, rules, witnesses. May be changed."""

    season = models.ForeignKey(Season, models.CASCADE)
    school = models.ForeignKey(School, models.CASCADE)
    kind = models.CharField(max_length=8)
    wishes = models.JSONField(default=dict)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "school", "kind"], name="one_preparation")]


class Ceremony(models.Model):
    """A witnessed draw of a school: its classes, their teachers, late arrivals, or the lot of parents who witness."""

    class Kind(models.TextChoices):
        CLASSES = "classes"
        TEACHERS = "teachers"
        LATE = "late"
        LOT = "lot"

    class State(models.TextChoices):
        PUBLISHED = steps.State.PUBLISHED.value
        COMMITTING = steps.State.COMMITTING.value
        REVEALING = steps.State.REVEALING.value
        DRAWN = steps.State.DRAWN.value
        VOID = steps.State.VOID.value

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    hall = models.CharField(max_length=24, default=crypto.public_key, help_text="part of the QR in the hall")
    season = models.ForeignKey(Season, models.PROTECT, related_name="ceremonies")
    school = models.ForeignKey(School, models.PROTECT, related_name="ceremonies")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    serial = models.PositiveIntegerField(default=1, help_text="of late arrivals' draws; 1 of the others")
    lot_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="lots")
    place = models.CharField(max_length=120, blank=True)
    planned_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PUBLISHED)
    manifest = models.JSONField()
    digest = models.CharField(max_length=64)
    seed = models.CharField(max_length=64, blank=True)
    result = models.JSONField(null=True)
    beacon = models.CharField(max_length=200, blank=True)
    beacon_at = models.DateTimeField(null=True, help_text="when the named beacon becomes known")
    lot_by_hand = models.BooleanField(default=False, help_text="the parents' lot is drawn by hand")
    ledger_entry = models.BigIntegerField(null=True)
    void_reason = models.CharField(max_length=200, blank=True)
    opened_at = models.DateTimeField()
    drawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["season", "school", "kind", "serial"],
                condition=models.Q(lot_of=None) & ~models.Q(state="void"),
                name="one_ceremony",
            ),
            models.UniqueConstraint(fields=["lot_of"], condition=~models.Q(state="void"), name="one_lot"),
        ]


class Witness(models.Model):
    """A witness's place in a ceremony. Whoever scans `token` takes it and then holds `holder`, which nobody else sees.

    The secret is made on the witness's device and stands here only once it is revealed.
    """

    class Kind(models.TextChoices):
        PARENT = "parent"
        COMMITTEE = "committee"
        BUREAU = "bureau"
        PRESENT = "present"  # of a parents' lot: a phone in the hall

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="witnesses")
    code = models.CharField(max_length=24)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PARENT)
    role = models.CharField(max_length=40)
    token = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    holder = models.CharField(max_length=24, unique=True, null=True)
    name = EncryptedJSONField(null=True)
    joined_at = models.DateTimeField(null=True)
    present = models.ForeignKey("Present", models.PROTECT, null=True, related_name="places")
    carried_from = models.OneToOneField("self", models.SET_NULL, null=True, related_name="carried_to")
    commitment = models.CharField(max_length=64, blank=True)
    committed_at = models.DateTimeField(null=True)
    secret = models.CharField(max_length=200, blank=True)
    revealed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ceremony", "code"], name="one_witness")]
        ordering = ["id"]


class Present(models.Model):
    """A family in the hall that takes part in the lot of the parents' witnesses, by its receipt."""

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="present")
    number = models.PositiveIntegerField()
    receipt = models.CharField(max_length=12)
    token = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    signed_in = models.BooleanField(default=False, help_text="the phone was signed in as this family's")
    mixes = models.BooleanField(default=False, help_text="this phone gives randomness to the lot")
    passed = models.BooleanField(default=False, help_text="was drawn and did not take the place")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ceremony", "number"], name="one_number"),
            models.UniqueConstraint(fields=["ceremony", "receipt"], name="one_family_once"),
        ]
        ordering = ["number"]


class Act(models.Model):
    """A step that was taken: who, when, from which state to which, and why. Append-only; each stands in the ledger."""

    ceremony = models.ForeignKey(Ceremony, models.PROTECT, related_name="acts")
    step = models.CharField(max_length=12)
    source = models.CharField(max_length=10, blank=True)
    target = models.CharField(max_length=10)
    actor_kind = models.CharField(max_length=10)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    witness = models.ForeignKey(Witness, models.PROTECT, null=True)
    reason = models.CharField(max_length=24, blank=True)
    note = models.CharField(max_length=200, blank=True)
    entry = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]


class Place(models.Model):
    """A child in a class."""

    ceremony = models.ForeignKey(Ceremony, models.PROTECT, related_name="places")
    application = models.OneToOneField(Application, models.PROTECT, related_name="class_place")
    number = models.PositiveSmallIntegerField()


class TeacherTeam(models.Model):
    """A class's teachers, entered before the draw and tied to no class until then."""

    school = models.ForeignKey(School, models.CASCADE, related_name="teams")
    season = models.ForeignKey(Season, models.CASCADE)
    name = models.CharField(max_length=60)
    members = EncryptedJSONField(default=list)
    number = models.PositiveSmallIntegerField(null=True, help_text="class, after the draw")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "school", "name"], name="one_team")]
