from django.db import models


class PlatformClock(models.Model):
    """What the platform takes for now: empty for the real clock; a demo or a rehearsal sets an offset or stops it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    offset_seconds = models.BigIntegerField(default=0)
    fixed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_clock")]


class Entry(models.Model):
    """One decision, as canonical JSON without personal data. `index` is empty until a seal puts it into the tree."""

    index = models.BigIntegerField(null=True, unique=True)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=64, db_index=True)
    body = models.JSONField()
    leaf = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(index=None), name="unsealed")]


class TreeHead(models.Model):
    """A signed state of the log (RFC 9162): whoever keeps one can prove later that nothing was changed before it."""

    size = models.BigIntegerField(unique=True)
    root = models.CharField(max_length=64)
    at = models.DateTimeField()
    signature = models.CharField(max_length=128)
    peaks = models.JSONField(default=list, help_text="roots of the complete subtrees, from which the next head grows")
