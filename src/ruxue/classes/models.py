from __future__ import annotations

from django.db import models

from ruxue import crypto
from ruxue.accounts.fields import EncryptedJSONField
from ruxue.applications.models import Application
from ruxue.places.models import School, Season


class Ceremony(models.Model):
    """A witnessed draw: classes of a school, or the teachers of these classes. Steps go one way only."""

    class State(models.TextChoices):
        PUBLISHED = "published"  # manifest and digest are public, witnesses commit
        REVEALING = "revealing"  # every commitment is in, witnesses reveal
        DRAWN = "drawn"
        VOID = "void"

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    season = models.ForeignKey(Season, models.PROTECT, related_name="ceremonies")
    school = models.ForeignKey(School, models.PROTECT, related_name="ceremonies")
    kind = models.CharField(max_length=8)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PUBLISHED)
    manifest = models.JSONField()
    digest = models.CharField(max_length=64)
    seed = models.CharField(max_length=64, blank=True)
    result = models.JSONField(null=True)
    beacon = models.CharField(max_length=200, blank=True)
    ledger_entry = models.BigIntegerField(null=True)
    void_reason = models.CharField(max_length=200, blank=True)
    opened_at = models.DateTimeField()
    drawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["season", "school", "kind"], condition=~models.Q(state="void"), name="one_ceremony"
            )
        ]


class Witness(models.Model):
    """A witness of a ceremony: joins by a link of its own; the secret is made on the witness's device."""

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="witnesses")
    code = models.CharField(max_length=24)
    role = models.CharField(max_length=40)
    token = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    commitment = models.CharField(max_length=64, blank=True)
    committed_at = models.DateTimeField(null=True)
    secret = models.CharField(max_length=200, blank=True)
    revealed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ceremony", "code"], name="one_witness")]
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
