from django.db import models


class Aggregate(models.Model):
    """Counts that a department published for planning, as they were fetched: no person in them."""

    department = models.CharField(max_length=2)
    name = models.CharField(max_length=24)
    payload = models.JSONField()
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["department", "name"], name="one_aggregate")]
