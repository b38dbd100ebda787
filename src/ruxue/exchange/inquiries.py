"""Questions and their answers: who asked what about whom, when and why. Stored before they are asked.

A question has an id that follows from its content and the claim's version: a crash between asking and storing can't
make two of it. A corrected claim takes over the answers to whatever it did not change.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from ruxue import crypto
from ruxue.exchange import connections
from ruxue.exchange.items import ITEMS, canonical
from ruxue.exchange.models import Evidence, Outstanding, Query
from ruxue.ledger import clock

_NAMESPACE = uuid.UUID("5f1b8a52-7c0e-4b6e-9a83-2f6d52a4c0de")
_AHEAD = timedelta(hours=1)  # questions that complete a family come before those that begin one
Part = tuple[str, str]  # item and part
Answers = dict[str, dict[Part, Query]]


@dataclass(frozen=True)
class Inquiry:
    """A question about one version of a claim. `keys` and `claim` go to the department, kept sealed until it answers."""

    subject: str
    district: str
    item: str
    claim_version: int
    consent: str
    keys: dict[str, Any]
    claim: dict[str, Any] = field(default_factory=dict)
    part: str = ""
    requester: str = "system"

    @cached_property
    def content(self) -> str:
        """A keyed digest of what is asked: equal for equal questions, and tells nothing to who lacks the key."""
        return crypto.blind_index(canonical([self.item, self.keys, self.claim]).decode(), "question")

    def request_id(self, renewal: int = 0) -> uuid.UUID:
        """The same question of the same version has the same id; `renewal` counts its scheduled repetitions."""
        name = f"{self.subject}/{self.item}/{self.part}/{self.content}/{self.claim_version}"
        return uuid.uuid5(_NAMESPACE, f"{name}/{renewal}" if renewal else name)


def plan(
    inquiries: Iterable[Inquiry], unsettled: Collection[tuple[str, str, str]] = (), ahead: bool = False
) -> Answers:
    """Makes sure that every question stands, asked or answered; returns the queries by subject, item and part.

    What an earlier version of the claim asked in the same words is taken over where it was answered, is fresh, and is
    not `unsettled` (subject, item, part). Items that no connector serves are left out: they stay unknown.
    `ahead` puts the new questions before those that wait already. Call it in a transaction with the rows it serves.
    """
    offered = connections.current().items()
    wanted = {(i.subject, i.claim_version, i.item, i.part): i for i in inquiries if i.item in offered}
    if not wanted:
        return {}
    standing: dict[tuple[str, int, str, str], Query] = {}
    earlier: dict[tuple[str, str, str], Query] = {}
    rows = Evidence.objects.filter(subject__in={i.subject for i in wanted.values()}).select_related("query")
    for e in rows.order_by("claim_version"):
        standing[e.subject, e.claim_version, e.item, e.part] = e.query
        earlier[e.subject, e.item, e.part] = e.query
    found: Answers = {}
    made: dict[tuple[str, int, str, str], Query] = {}
    changed: list[Inquiry] = []
    asked: list[tuple[Inquiry, Query]] = []
    for key, inquiry in wanted.items():
        query = standing.get(key)
        if query is None:
            old = earlier.get((inquiry.subject, inquiry.item, inquiry.part))
            if old is not None and _serves(old, inquiry) and (inquiry.subject, old.item, old.part) not in unsettled:
                made[key] = query = old
            else:
                made[key] = query = _row(inquiry)
                asked.append((inquiry, query))
        elif query.content != inquiry.content:
            changed.append(inquiry)
        elif query.state == Query.State.WAITING:
            asked.append((inquiry, query))
        found.setdefault(inquiry.subject, {})[inquiry.item, inquiry.part] = query
    _insert(made, asked, ahead)
    if changed:
        renew(changed)
    return found


def _serves(old: Query, inquiry: Inquiry) -> bool:
    """Whether an earlier answer is one to this question, settled it, and is fresh."""
    fresh = old.answered_at and clock.now() - old.answered_at <= timedelta(days=ITEMS[old.item].freshness_days)
    return bool(
        fresh and old.state == Query.State.ANSWERED and old.erased_at is None and old.content == inquiry.content
    )


def _row(inquiry: Inquiry, renewal: int = 0, renews: Query | None = None) -> Query:
    return Query(
        request_id=inquiry.request_id(renewal),
        subject=inquiry.subject,
        district=inquiry.district,
        item=inquiry.item,
        part=inquiry.part,
        claim_version=inquiry.claim_version,
        content=inquiry.content,
        renews=renews,
        consent=inquiry.consent,
        requester=inquiry.requester,
        legal_basis=ITEMS[inquiry.item].legal_basis,
        asked_at=clock.now(),
        keys_digest=crypto.blind_index(canonical(inquiry.keys).decode(), "keys"),
    )


def _outstanding(inquiry: Inquiry, query: Query, renewal: bool, ahead: timedelta) -> Outstanding:
    now = timezone.now()
    return Outstanding(
        query=query,
        subject=inquiry.subject,
        item=inquiry.item,
        payload={"keys": inquiry.keys, "claim": inquiry.claim, "consent": inquiry.consent, "by": inquiry.requester},
        renewal=renewal,
        since=now,
        next_try_at=now - ahead,
    )


def _insert(
    made: dict[tuple[str, int, str, str], Query], asked: list[tuple[Inquiry, Query]], ahead: bool = False
) -> None:
    new = [q for _, q in asked if q._state.adding]
    with connection.cursor() as cursor:
        _copy(cursor, Query, new, _QUERY_COLUMNS)
        links = [
            Evidence(subject=subject, claim_version=version, item=item, part=part, query_id=query.request_id)
            for (subject, version, item, part), query in made.items()
        ]
        _copy(cursor, Evidence, links, _EVIDENCE_COLUMNS)
        rows = [_outstanding(i, q, False, _AHEAD if ahead else timedelta(0)) for i, q in asked]
        _copy(cursor, Outstanding, rows, _OUTSTANDING_COLUMNS)
    for query in new:
        query._state.adding = False


_QUERY_COLUMNS = {
    "request_id": "uuid",
    "subject": "text",
    "district": "text",
    "item": "text",
    "part": "text",
    "claim_version": "smallint",
    "content": "text",
    "legal_basis": "text",
    "consent": "text",
    "requester": "text",
    "keys_digest": "text",
    "state": "text",
    "attempts": "int",
    "asked_at": "timestamptz",
    "match": "text",
    "compared": "jsonb",
    "trace_no": "text",
    "answer_digest": "text",
    "signature": "text",
}
_EVIDENCE_COLUMNS = {"subject": "text", "claim_version": "smallint", "item": "text", "part": "text", "query_id": "uuid"}
_OUTSTANDING_COLUMNS = {
    "query_id": "uuid",
    "subject": "text",
    "item": "text",
    "payload": "bytea",
    "renewal": "boolean",
    "attempts": "int",
    "failures": "int",
    "since": "timestamptz",
    "next_try_at": "timestamptz",
    "last_error": "text",
}


def _copy(cursor: Any, table: type[models.Model], rows: Sequence[models.Model], columns: dict[str, str]) -> None:
    """Inserts rows that are not there yet, one array a column: a third of the time of a value each."""
    if not rows:
        return
    values = []
    for name in columns:
        prepare = table._meta.get_field(name.removesuffix("_id") if name == "query_id" else name).get_db_prep_save
        dumped = name == "compared"
        values.append(["{}" if dumped else prepare(getattr(row, name), connection) for row in rows])
    cursor.execute(
        f"insert into {table._meta.db_table} ({', '.join(columns)}) "
        f"select * from unnest({', '.join(f'%s::{kind}[]' for kind in columns.values())}) on conflict do nothing",
        values,
    )


@transaction.atomic
def renew(inquiries: Iterable[Inquiry], delay: timedelta = timedelta(0)) -> int:
    """Asks answered questions again; the old answers stay in force until the new ones are there. Returns how many.

    A question that is being asked, or whose last asking is not older than `delay`, is left alone.
    """
    wanted = {(i.subject, i.claim_version, i.item, i.part): i for i in inquiries}
    links = Evidence.objects.filter(subject__in={i.subject for i in wanted.values()}).select_related("query")
    queries: list[Query] = []
    rows: list[Outstanding] = []
    for link in links:
        inquiry = wanted.get((link.subject, link.claim_version, link.item, link.part))
        if inquiry is None or link.query.state != Query.State.ANSWERED:
            continue
        if Outstanding.objects.filter(query__renews=link.query).exists():
            continue
        n = Query.objects.filter(subject=link.subject, item=link.item, part=link.part).count()
        query = _row(inquiry, n, link.query)
        queries.append(query)
        rows.append(_outstanding(inquiry, query, True, -delay))
    Query.objects.bulk_create(queries, ignore_conflicts=True)
    Outstanding.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


@transaction.atomic
def drop(subjects: dict[str, int]) -> int:
    """Takes back the unanswered questions of versions before the given one, by subject. Returns how many."""
    old = Outstanding.objects.filter(subject__in=subjects).select_related("query")
    gone = [o.query_id for o in old if o.query.claim_version < subjects[o.subject]]
    if gone:
        Outstanding.objects.filter(query__in=gone).delete()
        Evidence.objects.filter(query__in=gone).delete()
        Query.objects.filter(request_id__in=gone).exclude(state=Query.State.ANSWERED).update(state=Query.State.DROPPED)
    return len(gone)


def ask_now(inquiry: Inquiry, seconds: float = 15.0) -> Query | None:
    """One question of a person who waits for it. Unanswered after `seconds` it goes on waiting in the queue."""
    from ruxue.exchange import delivery

    with transaction.atomic():
        query = plan([inquiry], ahead=True).get(inquiry.subject, {}).get((inquiry.item, inquiry.part))
    if query is not None and query.state != Query.State.ANSWERED:
        delivery.deliver_one(query.request_id, inquiry.item, seconds)
        query.refresh_from_db()
    return query


def of_subject(subject: str, claim_version: int | None = None) -> list[Query]:
    """Every question about one application, oldest first; with a version, the answers in force for it."""
    rows = Query.objects.filter(subject=subject)
    if claim_version is not None:
        rows = rows.filter(used__claim_version=claim_version, used__subject=subject)
    return list(rows.select_related("outstanding").order_by("asked_at", "item", "part"))


def effective(subject: str, claim_version: int) -> dict[Part, Query]:
    """The answers in force for one version of a claim."""
    return {(q.item, q.part): q for q in of_subject(subject, claim_version)}


@transaction.atomic
def erase(subjects: Collection[str]) -> int:
    """Deletes the content of answers, and questions still waiting; that somebody asked, and why, stays on record.

    Returns how many answers were deleted.
    """
    waiting = Outstanding.objects.filter(subject__in=subjects)
    Query.objects.filter(request_id__in=waiting.values("query_id")).update(state=Query.State.DROPPED)
    waiting.delete()
    rows = Query.objects.filter(subject__in=subjects, erased_at=None, state=Query.State.ANSWERED)
    return rows.update(fields=None, compared={}, keys_digest="", content="", erased_at=clock.now())
