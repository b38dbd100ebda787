"""一数一源: who finds a register wrong asks its keeper to correct it; the keeper's answer closes the request.

A department that takes requests over its connector gets them signed, and again until it confirms; it is then asked
what came of them until it says so. Others find them on the departments' page and answer there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from ruxue.exchange import connections, connector, delivery
from ruxue.exchange.connector import DepartmentError
from ruxue.exchange.items import DEPARTMENT_NAMES, ITEMS
from ruxue.exchange.models import Correction, Query
from ruxue.ledger import clock, log

LIVE = (Correction.State.OPEN, Correction.State.SENT)
SOONEST, LATEST = timedelta(minutes=10), timedelta(hours=6)  # between two looks at what came of a request


@dataclass(frozen=True)
class Settled:
    """A department's answer over its connector: the request's key, whether the register is corrected, its words."""

    key: str
    corrected: bool
    answer: str


@transaction.atomic
def request(query: Query, wrong: str, says: str) -> Correction:
    """A request to correct what a query found. One is live for each question: a second words the first anew.

    `wrong` is a field of the item or "other"; `says` what the family says instead, at most 500 characters.
    Raises ValueError where the question has no answer or the item no such field.
    """
    if query.state != Query.State.ANSWERED:
        raise ValueError("the question has no answer that could be wrong")
    if wrong != "other" and wrong not in ITEMS[query.item].fields.model_fields:
        raise ValueError(f"{query.item} has no field {wrong}")
    live = Correction.objects.select_for_update().filter(query=query, state__in=LIVE).first()
    row = live or Correction(query=query, subject=query.subject, district=query.district, item=query.item)
    row.wrong, row.says, row.state = wrong, says.strip()[:500], Correction.State.OPEN
    row.made_at, row.next_try_at = clock.now(), timezone.now()
    row.save()
    log.append("correction", query.subject, {"item": query.item, "wrong": wrong, "request": row.key})
    return row


def exchange() -> list[Settled]:
    """Sends open requests to departments whose connector takes them, and asks what came of those that were sent.

    Returns what is answered; nothing of that is stored yet, see `answer`.
    """
    found = []
    setups = connections.current().departments
    rows = Correction.objects.filter(state__in=LIVE, next_try_at__lte=timezone.now())
    for row in rows.select_related("query").order_by("next_try_at")[:100]:
        setup = setups.get(ITEMS[row.item].department)
        if setup is None or not setup.corrections or not setup.hours.is_open(timezone.now()):
            continue
        try:
            sent = row.state == Correction.State.SENT
            reply = (
                connector.ask(setup, f"{setup.corrections}/{row.key}")
                if sent
                else connector.post(setup, setup.corrections, _words(row))
            )
        except DepartmentError:
            tries = max(0, int((clock.now() - row.made_at) / timedelta(minutes=1)))
            row.next_try_at = timezone.now() + timedelta(seconds=delivery.backoff(min(tries, 8), "http"))
        else:
            reply = reply if isinstance(reply, dict) else {}
            if not sent:
                row.state, row.sent_at = Correction.State.SENT, clock.now()
                row.reference = str(reply.get("reference", ""))[:40]
            waited = clock.now() - (row.sent_at or clock.now())
            row.next_try_at = timezone.now() + min(max(waited, SOONEST), LATEST)
            if reply.get("state") in (Correction.State.CORRECTED, Correction.State.KEPT):
                corrected = reply["state"] == Correction.State.CORRECTED
                found.append(Settled(row.key, corrected, str(reply.get("answer", ""))))
        known = {n: getattr(row, n) for n in ("state", "sent_at", "reference", "next_try_at")}
        Correction.objects.filter(pk=row.pk, state__in=LIVE).update(**known)  # somebody may have answered by hand
    return found


def _words(row: Correction) -> dict[str, Any]:
    return {
        "request_id": row.key,
        "item": row.item,
        "trace_no": row.query.trace_no,
        "answer_digest": row.query.answer_digest,
        "wrong": row.wrong,
        "says": row.says,
        "legal_basis": row.query.legal_basis,
    }


@transaction.atomic
def answer(key: str, corrected: bool, text: str, by: str) -> Correction:
    """The department's answer: its register is corrected, or stands. `by`: who brought it, "" for the department itself.

    Raises Correction.DoesNotExist, ValueError.
    """
    row = Correction.objects.select_for_update().select_related("query").get(key=key)
    if row.state not in LIVE:
        raise ValueError("the request is answered already")
    row.state = Correction.State.CORRECTED if corrected else Correction.State.KEPT
    by = by or DEPARTMENT_NAMES[ITEMS[row.item].department][0]
    row.answer, row.answered_at, row.answered_by = text.strip()[:1000], clock.now(), by[:60]
    row.save()
    log.append("correction", row.subject, {"item": row.item, "request": row.key, "state": str(row.state)})
    return row


def of_subject(subject: str) -> list[Correction]:
    """Requests of one application, newest first."""
    return list(Correction.objects.filter(subject=subject).select_related("query").order_by("-made_at"))


def is_live(subject: str) -> bool:
    """Whether a request of the application still waits for its department's answer."""
    return Correction.objects.filter(subject=subject, state__in=LIVE).exists()


def erase(subjects: Collection[str]) -> int:
    """Deletes the words of requests about these applications."""
    return Correction.objects.filter(subject__in=subjects).update(says="", answer="")
