from __future__ import annotations

from django.conf import settings
from django.db import models

from ruxue import crypto


class Named(models.Model):
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=120, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name_zh

    @property
    def name(self) -> str:
        """The name in the language of the page."""
        from django.utils.translation import get_language

        return self.name_en if (get_language() or "").startswith("en") and self.name_en else self.name_zh


class District(Named):
    key = models.SlugField(max_length=24, primary_key=True)
    code = models.CharField(max_length=6, unique=True)
    lng = models.FloatField()
    lat = models.FloatField()
    phone = models.CharField(max_length=24, blank=True)


class Community(models.Model):
    code = models.CharField(max_length=12, primary_key=True)
    name = models.CharField(max_length=80)
    street = models.CharField(max_length=80)
    district = models.ForeignKey(District, models.PROTECT, related_name="communities")
    lng = models.FloatField()
    lat = models.FloatField()


class School(Named):
    code = models.CharField(max_length=24, primary_key=True)
    district = models.ForeignKey(District, models.PROTECT, related_name="schools")
    level = models.CharField(max_length=8, default="primary")
    private = models.BooleanField(default=False, help_text="families ask for it by their list; the lot alone decides")
    nine_year = models.BooleanField(default=False, help_text="primary and junior school in one (九年一贯制)")
    address = models.CharField(max_length=160)
    phone = models.CharField(max_length=24)
    lng = models.FloatField()
    lat = models.FloatField()
    history = models.JSONField(default=list, help_text="past years: year, entries, last admitted category")


class Compound(models.Model):
    """A residential compound (小区): what a family picks as its home."""

    code = models.CharField(max_length=24, primary_key=True)
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=160)
    aliases = models.JSONField(default=list)
    pinyin = models.CharField(max_length=240, db_index=True)
    initials = models.CharField(max_length=80, db_index=True)
    community = models.ForeignKey(Community, models.PROTECT)
    district = models.ForeignKey(District, models.PROTECT)
    lng = models.FloatField()
    lat = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["district", "name"])]


class Season(models.Model):
    """One district's enrollment of one year and level."""

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    district = models.ForeignKey(District, models.PROTECT, related_name="seasons")
    year = models.PositiveSmallIntegerField()
    level = models.CharField(max_length=8, default="primary")
    retention_until = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["district", "year", "level"], name="one_season")]


class Window(models.Model):
    """When a step of the season is open. Nothing but its end ever depends on when a family submitted."""

    class Kind(models.TextChoices):
        COLLECTION = "collection"
        CORRECTION = "correction"
        PUBLICATION = "publication"
        OBJECTION = "objection"
        PREFERENCE = "preference"
        ADMISSION = "admission"
        OFFER = "offer"
        LATE = "late"
        LATE_OBJECTION = "late_objection"
        CLASSES = "classes"
        REPORTING = "reporting"

    season = models.ForeignKey(Season, models.CASCADE, related_name="windows")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["season", "kind"], name="one_window"),
            models.CheckConstraint(condition=models.Q(closes_at__gt=models.F("opens_at")), name="window_order"),
        ]


class SeatPlan(models.Model):
    """How many children a school may take in a season: the number that admission never exceeds."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="plans")
    school = models.ForeignKey(School, models.PROTECT, related_name="plans")
    classes = models.PositiveSmallIntegerField()
    class_size = models.PositiveSmallIntegerField()
    seats = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "school"], name="one_plan")]


class Zone(models.Model):
    """The attendance zone of a school: a polygon for the map and the list of compounds that decides."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="zones")
    school = models.ForeignKey(School, models.PROTECT, related_name="zones")
    geometry = models.JSONField()
    compounds = models.ManyToManyField(Compound, related_name="zones")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "school"], name="one_zone")]


class ChildCount(models.Model):
    """Registered children by community and year of birth, from the register's aggregate: counts only."""

    community = models.ForeignKey(Community, models.CASCADE)
    birth_year = models.PositiveSmallIntegerField()
    children = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["community", "birth_year"], name="one_count")]


class RuleDraft(models.Model):
    """A rule on its way to publication. Whoever edited it can neither approve nor publish it; triggers of the database
    hold that too, and that a text under approval or approved stays as it is."""

    class State(models.TextChoices):
        DRAFT = "draft"
        SUBMITTED = "submitted"
        APPROVED = "approved"
        PUBLISHED = "published"
        DROPPED = "dropped"

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    season = models.ForeignKey(Season, models.PROTECT, related_name="drafts")
    base = models.ForeignKey("PolicyVersion", models.PROTECT, null=True, related_name="followers")
    title = models.CharField(max_length=120)
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    text = models.TextField()
    revision = models.PositiveIntegerField(
        default=0, help_text="edits so far: an older page can't overwrite a newer one"
    )
    digest = models.CharField(max_length=64, blank=True, help_text="of the policy that was submitted for approval")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    remark = models.TextField(blank=True, help_text="why it was sent back")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state__in=["approved", "published"]) | models.Q(approved_by__isnull=False),
                name="approved_by_somebody",
            )
        ]


class RuleEdit(models.Model):
    """One edit of a draft, append-only: who, when, which action, and the whole text after it."""

    draft = models.ForeignKey(RuleDraft, models.PROTECT, related_name="edits")
    revision = models.PositiveIntegerField()
    action = models.CharField(max_length=24)
    text = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["draft", "revision"], name="one_rule_edit")]


class PolicyVersion(models.Model):
    """A district's published rule of one season. What is published never changes (a trigger of the database refuses
    it); a newer version follows it. `signature` (hex, Ed25519) is over `rules.signed_text`. The first version of a
    season may be installed without a draft; every later one needs one that a second person approved."""

    season = models.ForeignKey(Season, models.PROTECT, related_name="policies")
    version = models.PositiveSmallIntegerField()
    text = models.TextField()
    digest = models.CharField(max_length=64)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=60)
    effective_from = models.DateField(help_text="the first day on which it decides")
    signature = models.CharField(max_length=128, blank=True)
    draft = models.OneToOneField(RuleDraft, models.PROTECT, null=True, related_name="version")
    publisher = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "version"], name="one_policy_version")]
