from __future__ import annotations

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
    boundary = models.JSONField()
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
        ADMISSION = "admission"
        OFFER = "offer"
        LATE = "late"
        CLASSES = "classes"

    season = models.ForeignKey(Season, models.CASCADE, related_name="windows")
    kind = models.CharField(max_length=12, choices=Kind.choices)
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


class PolicyVersion(models.Model):
    """A district's published rule of one season. What is published never changes; a newer version follows it."""

    season = models.ForeignKey(Season, models.PROTECT, related_name="policies")
    version = models.PositiveSmallIntegerField()
    text = models.TextField()
    digest = models.CharField(max_length=64)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=60)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["season", "version"], name="one_policy_version")]
