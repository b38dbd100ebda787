"""The end of a season's data: what departments answered is deleted when the season's rule says so."""

from __future__ import annotations

from django.db import transaction

from ruxue.applications.models import Application, Check, Confirmation
from ruxue.exchange import corrections, inquiries
from ruxue.places.models import Season

_BATCH = 500


def erase(season: Season) -> int:
    """Deletes the answers about every family of a season, and what was compared; returns how many answers.

    Who asked what, when, why and on which legal basis stays, without anything that was answered.
    """
    keys = list(Application.objects.filter(season=season).order_by("id").values_list("key", flat=True))
    erased = 0
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        with transaction.atomic():
            erased += inquiries.erase(batch)
            corrections.erase(batch)
            Check.objects.filter(application__key__in=batch).update(claimed=None, registered=None)
            Confirmation.objects.filter(application__key__in=batch).update(replaced=None)
    return erased
