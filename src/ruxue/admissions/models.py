from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ruxue import crypto
from ruxue.applications.models import Application
from ruxue.places.models import School, Season


class Arrangement(models.Model):
    """How a season's district coordinates: its rule (by rank, or least total distance) and how far a child may go."""

    class Rule(models.TextChoices):
        RANK = "rank"
        DISTANCE = "distance"

    season = models.OneToOneField(Season, models.PROTECT, related_name="arrangement")
    rule = models.CharField(max_length=8, choices=Rule.choices, default=Rule.RANK)
    limit_m = models.PositiveIntegerField(null=True, help_text="no child is coordinated farther; empty for no limit")

    @property
    def limit_km(self) -> str:
        """The limit as people write it, "" for none."""
        return "" if self.limit_m is None else f"{self.limit_m / 1000:g}"


class Lottery(models.Model):
    """The witnessed draw of a round's tickets by ruxue-draw/1, bound to the round's inputs. Steps go one way only."""

    class State(models.TextChoices):
        PUBLISHED = "published"  # manifest and digest are public, witnesses commit
        REVEALING = "revealing"  # every commitment is in, witnesses reveal
        DRAWN = "drawn"
        VOID = "void"

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    season = models.ForeignKey(Season, models.PROTECT, related_name="lotteries")
    inputs_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PUBLISHED)
    manifest = models.JSONField()
    digest = models.CharField(max_length=64)
    seed = models.CharField(max_length=64, blank=True)
    result = models.JSONField(null=True)
    beacon = models.CharField(max_length=200, blank=True, help_text="the public value, where the manifest names one")
    ledger_entry = models.BigIntegerField(null=True)
    void_reason = models.CharField(max_length=200, blank=True)
    opened_at = models.DateTimeField()
    drawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["season"], condition=models.Q(state__in=["published", "revealing"]), name="one_open_lottery"
            )
        ]


class LotteryWitness(models.Model):
    """A witness of a lottery: joins by a link of its own; the secret is made on the witness's device."""

    lottery = models.ForeignKey(Lottery, models.CASCADE, related_name="witnesses")
    code = models.CharField(max_length=24)
    role = models.CharField(max_length=40)
    token = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    commitment = models.CharField(max_length=64, blank=True)
    committed_at = models.DateTimeField(null=True)
    secret = models.CharField(max_length=200, blank=True)
    revealed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lottery", "code"], name="one_lottery_witness")]
        ordering = ["id"]


class Round(models.Model):
    """One run of admission: its inputs' digest is in the ledger before anyone can look a result up.

    `inputs` and `seed` are all that the result depends on (`rounds.recompute`); `report` tells what coordination cost.
    Both are as large as the district and stand in a table of their own, for offers load their round.
    """

    class Kind(models.TextChoices):
        GENERAL = "general"
        APPEAL = "appeal"

    season = models.ForeignKey(Season, models.PROTECT, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.GENERAL)
    inputs_digest = models.CharField(max_length=64)
    seed = models.CharField(max_length=64, blank=True)
    lottery = models.ForeignKey(Lottery, models.PROTECT, null=True, related_name="rounds")
    run_at = models.DateTimeField()
    seated = models.PositiveIntegerField()
    coordinated = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "number"], name="one_round")]

    @property
    def inputs(self) -> dict[str, Any]:
        return self.record.inputs

    @property
    def report(self) -> dict[str, Any]:
        return self.record.report


class RoundRecord(models.Model):
    """What went into a round and what it tells: every application of the district, twice."""

    round = models.OneToOneField(Round, models.CASCADE, primary_key=True, related_name="record")
    inputs = models.JSONField(default=dict)
    report = models.JSONField(default=dict)


class Offer(models.Model):
    """A seat for one child, and how it came about: what the explanation of the placement needs."""

    class Kind(models.TextChoices):
        """The right by which the child has it; ranks are those at this school, with COORDINATED those at the first
        school that it asked for."""

        ZONE = "zone"
        FEEDER = "feeder"
        BUFFER = "buffer"
        CHOICE = "choice"
        COORDINATED = "coordinated"

    application = models.OneToOneField(Application, models.PROTECT, related_name="offer")
    round = models.ForeignKey(Round, models.PROTECT, related_name="offers")
    school = models.ForeignKey(School, models.PROTECT, related_name="offers")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    category = models.CharField(max_length=8)
    rank = models.PositiveIntegerField(null=True, help_text="place among those who asked for the school")
    applicants = models.PositiveIntegerField(default=0)
    seats = models.PositiveIntegerField(default=0)
    last_rank = models.PositiveIntegerField(null=True, help_text="place of the last who got a seat there")
    last_category = models.CharField(max_length=8, blank=True)
    by_ticket = models.BooleanField(default=False, help_text="the lot decided, all else being equal")
    distance_m = models.PositiveIntegerField(null=True)
    deadline = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)


class FormerOffer(models.Model):
    """A seat that a child held before and no longer holds: kept, so that every seat's way can be told."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="former_offers")
    round = models.ForeignKey(Round, models.PROTECT, related_name="former_offers")
    school = models.ForeignKey(School, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12)
    ended = models.CharField(max_length=16, help_text="declined, lapsed, no_show or reopened")
    notice_number = models.CharField(max_length=24, blank=True)
    ended_at = models.DateTimeField()


class Notice(models.Model):
    """An admission notice: its number is random, its text signed; a public page tells whether it is real.

    It serves once: `used_at` is when the child reported at the school with it.
    """

    number = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    offer = models.OneToOneField(Offer, models.PROTECT, related_name="notice")
    signature = models.CharField(max_length=128)
    issued_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Publication(models.Model):
    """A list as it was published, frozen: its digest stands in the ledger before the page shows it."""

    season = models.ForeignKey(Season, models.PROTECT, related_name="publications")
    kind = models.CharField(max_length=16)
    payload = models.JSONField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "kind"], name="one_publication")]


class PreferenceList(models.Model):
    """A family's list of schools, most wanted first, and whether it declines direct promotion (直升)."""

    application = models.OneToOneField(Application, models.CASCADE, related_name="preferences")
    schools = models.JSONField(default=list)
    declines_feeder = models.BooleanField(default=False)
    changed_at = models.DateTimeField()


class SeatLock(models.Model):
    """A dwelling whose seat a pupil uses (学位锁定): kept by `register`, asked when seats are given.

    `dwelling` and `parents` are keyed digests: an equal home or parent is found, none can be read.
    """

    class Stage(models.TextChoices):
        PRIMARY = "primary"
        JUNIOR = "junior"
        NINE_YEAR = "nine_year"

    class Left(models.TextChoices):
        GRADUATED = "graduated"
        TRANSFERRED_OUT = "transferred_out"
        TRANSFERRED_WITHIN = "transferred_within"
        NOT_GONE_UP = "not_gone_up"

    application = models.OneToOneField(Application, models.PROTECT, related_name="seat_lock")
    school = models.ForeignKey(School, models.PROTECT, related_name="seat_locks")
    dwelling = models.CharField(max_length=64, db_index=True)
    parents = models.JSONField(default=list)
    home = models.CharField(max_length=24, blank=True, help_text="public_rental, where a lock may not bind")
    stage = models.CharField(max_length=12, choices=Stage.choices)
    since = models.PositiveSmallIntegerField(help_text="year of entry")
    left = models.CharField(max_length=20, blank=True, choices=Left.choices)
    left_at = models.DateTimeField(null=True)


class Appeal(models.Model):
    """An appeal upheld after a round. `school` is due to the family by the rule ("": the nearest seat); while no seat
    is free it waits, and the next one freed is its own. `served` is the round that gave it.
    """

    application = models.ForeignKey(Application, models.PROTECT, related_name="appeals")
    round = models.ForeignKey(Round, models.PROTECT, related_name="appeals")
    school = models.ForeignKey(School, models.PROTECT, null=True, related_name="+")
    confirmed = models.JSONField(default=dict)
    note = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField()
    served = models.OneToOneField(Round, models.PROTECT, null=True, related_name="serves")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application"], condition=models.Q(served=None), name="one_waiting_appeal")
        ]
