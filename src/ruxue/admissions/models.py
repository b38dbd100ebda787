from __future__ import annotations

from django.db import models

from ruxue import crypto
from ruxue.applications.models import Application
from ruxue.places.models import School, Season


class Round(models.Model):
    """One run of admission: its inputs' digest is in the ledger before anyone can look a result up."""

    season = models.ForeignKey(Season, models.PROTECT, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    inputs_digest = models.CharField(max_length=64)
    run_at = models.DateTimeField()
    seated = models.PositiveIntegerField()
    coordinated = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "number"], name="one_round")]


class Offer(models.Model):
    """A seat for one child, and how it came about: what the explanation of the placement needs."""

    class Kind(models.TextChoices):
        ZONE = "zone"
        COORDINATED = "coordinated"

    application = models.OneToOneField(Application, models.PROTECT, related_name="offer")
    round = models.ForeignKey(Round, models.PROTECT, related_name="offers")
    school = models.ForeignKey(School, models.PROTECT, related_name="offers")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    category = models.CharField(max_length=8)
    rank = models.PositiveIntegerField(null=True, help_text="place among those who asked for the zone's school")
    applicants = models.PositiveIntegerField(default=0)
    seats = models.PositiveIntegerField(default=0)
    last_rank = models.PositiveIntegerField(null=True, help_text="place of the last who got a seat there")
    last_category = models.CharField(max_length=8, blank=True)
    distance_m = models.PositiveIntegerField(null=True)
    deadline = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)


class Notice(models.Model):
    """An admission notice: its number is random, its text signed; a public page tells whether it is real."""

    number = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    offer = models.OneToOneField(Offer, models.PROTECT, related_name="notice")
    signature = models.CharField(max_length=128)
    issued_at = models.DateTimeField()


class Publication(models.Model):
    """A list as it was published, frozen: its digest stands in the ledger before the page shows it."""

    season = models.ForeignKey(Season, models.PROTECT, related_name="publications")
    kind = models.CharField(max_length=16)
    payload = models.JSONField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "kind"], name="one_publication")]
