from __future__ import annotations

import uuid

from django.db import models

from ruxue import crypto
from ruxue.accounts.fields import EncryptedJSONField
from ruxue.exchange.items import PURPOSE


class Query(models.Model):
    """One question to a department and its answer: the evidence. What was asked is kept as digests only.

    `subject` is the application's key, `part` tells apart several questions of one item (two guardians, say),
    `content` is a keyed digest of keys and claim: the same question has the same. `renews` is the question that this
    one asks again; `claim_version` the version of the claim for which it was first asked.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        ANSWERED = "answered"
        DROPPED = "dropped"

    request_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    subject = models.CharField(max_length=24)
    district = models.CharField(max_length=24)
    item = models.CharField(max_length=4)
    part = models.CharField(max_length=24, default="")
    claim_version = models.PositiveSmallIntegerField()
    content = models.CharField(max_length=64, default="")
    renews = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    purpose = models.CharField(max_length=12, db_default=PURPOSE)
    legal_basis = models.CharField(max_length=80)
    consent = models.CharField(max_length=24)
    requester = models.CharField(max_length=24, default="system", help_text="system, or the key of who had it asked")
    keys_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    code = models.SmallIntegerField(null=True)
    match = models.CharField(max_length=1, blank=True)
    compared = models.JSONField(default=dict)
    fields = EncryptedJSONField(null=True)
    as_of = models.DateField(null=True)
    trace_no = models.CharField(max_length=40, blank=True)
    answer_digest = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=200, blank=True)
    erased_at = models.DateTimeField(null=True, help_text="when the answer was deleted by the season's rule")

    class Meta:
        indexes = [models.Index(fields=["subject", "item", "part"], name="query_of_subject")]


class Evidence(models.Model):
    """Which query answers a question of one version of a claim: exactly one, by constraint.

    A corrected claim takes over the answers to questions that it did not change; a question asked again takes the
    old one's place when its answer is there.
    """

    subject = models.CharField(max_length=24)
    claim_version = models.PositiveSmallIntegerField()
    item = models.CharField(max_length=4)
    part = models.CharField(max_length=24, default="")
    query = models.ForeignKey(Query, models.CASCADE, related_name="used")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "claim_version", "item", "part"], name="one_answer_for_a_claim")
        ]


class Outstanding(models.Model):
    """A question without an answer: the queue. Deleted with its keys and claim the moment the answer is stored.

    `next_try_at`, in real time, is when it is due; a worker that takes it moves that to the end of its lease, so a
    dead worker's questions become due again by themselves.
    """

    query = models.OneToOneField(Query, models.CASCADE, primary_key=True, related_name="outstanding")
    subject = models.CharField(max_length=24)
    item = models.CharField(max_length=4)
    payload = EncryptedJSONField()
    renewal = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    next_try_at = models.DateTimeField()
    lease = models.UUIDField(null=True)
    last_error = models.CharField(max_length=16, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["item", "next_try_at"], name="outstanding_due"),
            models.Index(fields=["subject"], name="outstanding_subject"),
        ]


class Health(models.Model):
    """The breaker of one item, shared by all machines, and what its department last said."""

    item = models.CharField(max_length=4, primary_key=True)
    failures = models.PositiveIntegerField(default=0, help_text="requests in a row that failed as a whole")
    opened = models.PositiveIntegerField(default=0, help_text="times in a row that the breaker opened")
    open_until = models.DateTimeField(null=True, help_text="real time; until then nothing is asked")
    failing_since = models.DateTimeField(null=True)
    last_answer_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=160, blank=True)
    newest_as_of = models.DateField(null=True)


class Allowance(models.Model):
    """A department's rate: `next_at` is the real time at which the next question may go out (GCRA, ITU-T I.371)."""

    department = models.CharField(max_length=2, primary_key=True)
    next_at = models.DateTimeField()


class Line(models.Model):
    """One of the requests that may be open to a department at once; held by the worker that made the lease."""

    department = models.CharField(max_length=2)
    number = models.PositiveSmallIntegerField()
    lease = models.UUIDField(null=True)
    held_until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["department", "number"], name="one_line")]


class Tally(models.Model):
    """How often something happened to an item in an hour: answers by code, differences by field, latency, failures."""

    item = models.CharField(max_length=4)
    hour = models.DateTimeField()
    kind = models.CharField(max_length=40)
    n = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "hour", "kind"], name="one_tally")]


class Correction(models.Model):
    """A request to a department to correct its register (一数一源), and what came of it."""

    class State(models.TextChoices):
        OPEN = "open"
        SENT = "sent"
        CORRECTED = "corrected"
        KEPT = "kept"

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    query = models.ForeignKey(Query, models.PROTECT, related_name="corrections")
    subject = models.CharField(max_length=24, db_index=True)
    district = models.CharField(max_length=24)
    item = models.CharField(max_length=4)
    wrong = models.CharField(max_length=24, help_text="the field said to be wrong, or 'other'")
    says = EncryptedJSONField(help_text="what the family says instead")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(help_text="real time")
    reference = models.CharField(max_length=40, blank=True, help_text="the department's own number")
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)
    answered_by = models.CharField(max_length=60, blank=True)
