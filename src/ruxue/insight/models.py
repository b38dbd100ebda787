from django.conf import settings
from django.db import models

from ruxue import crypto
from ruxue.places.models import Season


class Aggregate(models.Model):
    """Counts that a department published for planning, as they were fetched: no person in them."""

    department = models.CharField(max_length=2)
    name = models.CharField(max_length=24)
    payload = models.JSONField()
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["department", "name"], name="one_aggregate")]


class WhatIf(models.Model):
    """Two texts of a rule run over the same families. The texts are kept, so that a result can be repeated; what comes
    out is counts and masked explanations, and no decision is touched."""

    class Source(models.TextChoices):
        NOW = "now"
        LAST = "last"
        SYNTHETIC = "synthetic"

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    season = models.ForeignKey(Season, models.CASCADE, related_name="+")
    source = models.CharField(max_length=12, choices=Source.choices)
    children = models.PositiveIntegerField(null=True, help_text="size of the synthetic city")
    before_label = models.CharField(max_length=160)
    before_text = models.TextField()
    after_label = models.CharField(max_length=160)
    after_text = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    phase = models.CharField(max_length=12, default="waiting", help_text="waiting, families, verdicts, done, failed")
    done = models.PositiveIntegerField(default=0)
    todo = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(null=True)
    result = models.JSONField(null=True)
