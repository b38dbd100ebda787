from __future__ import annotations

import uuid

from django.db import models

from ruxue.accounts.fields import EncryptedJSONField


class Query(models.Model):
    """One question to a department and its answer: the evidence. At most one for each version of a claim.

    `subject` is the application's key, `part` tells apart several questions of one item (two guardians, say).
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        ANSWERED = "answered"
        WAITING = "waiting"

    request_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    subject = models.CharField(max_length=24)
    district = models.CharField(max_length=24)
    item = models.CharField(max_length=4)
    part = models.CharField(max_length=24, default="")
    claim_version = models.PositiveSmallIntegerField()
    legal_basis = models.CharField(max_length=80)
    consent = models.CharField(max_length=24)
    requester = models.CharField(max_length=24, default="system")
    keys_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    code = models.SmallIntegerField(null=True)
    match = models.CharField(max_length=1, blank=True)
    compared = models.JSONField(default=dict)
    fields = EncryptedJSONField(null=True)
    as_of = models.DateField(null=True)
    trace_no = models.CharField(max_length=40, blank=True)
    answer_digest = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "item", "part", "claim_version"], name="one_answer_for_a_claim")
        ]


class Health(models.Model):
    """How a department answers, item by item: counters that pages and the breaker read."""

    item = models.CharField(max_length=4, primary_key=True)
    answered = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveBigIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    last_answer_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=160, blank=True)
