"""Stores each question before it is asked and its answer when it comes: who asked what about whom, when and why."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from django.db import transaction
from django.db.models import F

from ruxue import crypto
from ruxue.exchange import connector
from ruxue.exchange.items import CATALOGUE, PURPOSE, Answer
from ruxue.exchange.items import Query as WireQuery
from ruxue.exchange.models import Health, Query
from ruxue.ledger import clock

_NAMESPACE = uuid.UUID("5f1b8a52-7c0e-4b6e-9a83-2f6d52a4c0de")


@dataclass(frozen=True)
class Inquiry:
    """A question about one version of a claim. `keys` and `claim` go to the department and are not stored."""

    subject: str
    district: str
    item: str
    claim_version: int
    consent: str
    keys: dict[str, Any]
    claim: dict[str, Any] = field(default_factory=dict)
    part: str = ""
    mode: str = "verify"

    @property
    def request_id(self) -> uuid.UUID:
        """The same question has the same id: a crash between asking and storing can't make two of it."""
        return uuid.uuid5(_NAMESPACE, f"{self.subject}/{self.item}/{self.part}/{self.claim_version}")


def _row(inquiry: Inquiry) -> Query:
    return Query(
        request_id=inquiry.request_id,
        subject=inquiry.subject,
        district=inquiry.district,
        item=inquiry.item,
        part=inquiry.part,
        claim_version=inquiry.claim_version,
        consent=inquiry.consent,
        legal_basis=CATALOGUE[inquiry.item].legal_basis,
        asked_at=clock.now(),
        keys_digest=crypto.blind_index(rfc8785.dumps(inquiry.keys).decode(), "keys"),
    )


def _wire(inquiry: Inquiry) -> WireQuery:
    return WireQuery(
        request_id=str(inquiry.request_id),
        item=inquiry.item,
        app_no=inquiry.subject,
        purpose_code=PURPOSE,
        legal_basis=CATALOGUE[inquiry.item].legal_basis,
        consent_id=inquiry.consent,
        timestamp=clock.now(),
        mode="fetch" if inquiry.mode == "fetch" else "verify",
        keys=inquiry.keys,
        claim=inquiry.claim,
    )


def _store(row: Query, answer: Answer) -> None:
    body = answer.model_dump(mode="json")
    row.state = Query.State.ANSWERED
    row.answered_at = clock.now()
    row.code, row.match = int(answer.code), str(answer.match)
    row.compared = {k: str(v) for k, v in answer.compared.items()}
    row.fields, row.as_of, row.trace_no, row.signature = body["fields"], answer.as_of, answer.trace_no, answer.sign
    row.answer_digest = hashlib.sha256(rfc8785.dumps(body)).hexdigest()


_ANSWER_COLUMNS = [
    "state",
    "answered_at",
    "code",
    "match",
    "compared",
    "fields",
    "as_of",
    "trace_no",
    "signature",
    "answer_digest",
    "attempts",
]


def ask_all(inquiries: list[Inquiry], progress: Callable[[int], None] | None = None) -> dict[uuid.UUID, Query]:
    """Stores the questions, asks those without an answer, stores the answers; returns all rows by request id.

    Runs outside a transaction, so that no question is lost when the process dies while it waits. A row that got
    no answer is in state "waiting": unknown, never false.
    """
    wanted = {i.request_id: i for i in inquiries}
    Query.objects.bulk_create([_row(i) for i in wanted.values()], ignore_conflicts=True, batch_size=1000)
    rows = Query.objects.in_bulk(list(wanted))
    todo = [wanted[rid] for rid, row in rows.items() if row.state != Query.State.ANSWERED]
    if not todo:
        return rows
    outcome = asyncio.run(connector.ask([_wire(i) for i in todo]))
    changed = []
    for inquiry in todo:
        row = rows[inquiry.request_id]
        row.attempts += 1
        answer = outcome.answers.get(str(inquiry.request_id))
        if answer is not None:
            _store(row, answer)
        else:
            row.state = Query.State.WAITING
        changed.append(row)
    with transaction.atomic():
        Query.objects.bulk_create(
            changed, batch_size=500, update_conflicts=True, unique_fields=["request_id"], update_fields=_ANSWER_COLUMNS
        )
        _note_health(changed, outcome)
    if progress:
        progress(len(changed))
    return rows


def _note_health(rows: list[Query], outcome: connector.Outcome) -> None:
    now = clock.now()
    for item in sorted({row.item for row in rows}):
        mine = [row for row in rows if row.item == item]
        answered = sum(row.state == Query.State.ANSWERED for row in mine)
        failed = len(mine) - answered
        reason = next((outcome.failed[str(r.request_id)] for r in mine if str(r.request_id) in outcome.failed), "")
        Health.objects.get_or_create(item=item)
        Health.objects.filter(item=item).update(
            answered=F("answered") + answered,
            failed=F("failed") + failed,
            last_error=reason if failed else "",
            failing_since=now if failed and not answered else None,
            **({"last_answer_at": now} if answered else {}),
        )


def of_subject(subject: str, claim_version: int | None = None) -> list[Query]:
    """Every question about one application, oldest first: what the family's page shows."""
    rows = Query.objects.filter(subject=subject)
    if claim_version is not None:
        rows = rows.filter(claim_version=claim_version)
    return list(rows.order_by("asked_at", "item", "part"))


def waiting(limit: int) -> list[str]:
    """Subjects whose questions still wait for an answer."""
    return list(Query.objects.exclude(state=Query.State.ANSWERED).values_list("subject", flat=True).distinct()[:limit])
