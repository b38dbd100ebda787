"""The end of a season's data: what departments answered and families uploaded is deleted by the season's rule."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from ruxue.applications.models import Application, Check, Confirmation, Document
from ruxue.exchange import corrections, inquiries
from ruxue.places.models import Season

_BATCH = 500


def erase(season: Season) -> int:
    """Deletes the answers about every family of a season, what was compared, the facts read off them and the papers that
    were uploaded; returns how many answers.

    Who asked what, when, why and on which legal basis stays, and the decision with its reasons; not what was answered.
    """
    keys = list(Application.objects.filter(season=season).order_by("id").values_list("key", flat=True))
    erased = 0
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        with transaction.atomic():
            erased += inquiries.erase(batch)
            corrections.erase(batch)
            Check.objects.filter(application__key__in=batch).update(claimed=None, registered=None)
            Document.objects.filter(application__key__in=batch).update(number=None, image=None)
            Confirmation.objects.filter(application__key__in=batch).update(replaced=None)
            rows = Application.objects.select_for_update().filter(key__in=batch)
            for row in rows.exclude(overrides={}):
                row.overrides = {name: _without_replaced(kept) for name, kept in row.overrides.items()}
                row.save(update_fields=["overrides"])
            rows.update(facts={})
    return erased


def _without_replaced(kept: list[Any]) -> list[Any]:
    """A confirmed fact without what a register had said before it."""
    if len(kept) < 4 or not kept[3].get("override"):
        return kept
    return [*kept[:3], {**kept[3], "override": [*kept[3]["override"][:3], None]}]
