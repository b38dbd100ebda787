"""Questions and their answers: who asked what about whom, when and why. Stored before they are asked.

A question has an id that follows from its content and the claim's version: a crash between asking and storing can't
make two of it. A corrected claim takes over the answers to whatever it did not change.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from ruxue import bulk, crypto
from ruxue.exchange import connections
from ruxue.exchange.items import ITEMS
from ruxue.exchange.models import Evidence, Outstanding, Query
from ruxue.ledger import clock

_NAMESPACE = uuid.UUID("5f1b8a52-7c0e-4b6e-9a83-2f6d52a4c0de")
_AHEAD = timedelta(hours=1)  # questions that complete a family come before those that begin one
Part = tuple[str, str]  # item and part
Answers = dict[str, dict[Part, Query]]


@dataclass(frozen=True)
class Inquiry:
    """A question about one version of a claim. `keys` and `claim` go to the department, kept sealed until it answers.

    `requester` is "system", or the key of the person who had it asked.
    """

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
        return crypto.blind_index(_spelled([self.item, self.keys, self.claim]), "question")

    def request_id(self, renewal: int = 0) -> uuid.UUID:
        """The same question of the same version has the same id; `renewal` counts its scheduled repetitions."""
        name = f"{self.subject}/{self.item}/{self.part}/{self.content}/{self.claim_version}"
        return uuid.uuid5(_NAMESPACE, f"{name}/{renewal}" if renewal else name)


def _spelled(asked: Any) -> str:
    """One spelling of what is asked: texts, lists and yes or no, for which this is the form of RFC 8785."""
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS).decode()


class Standing:
    """What has been asked about some applications, read once; `plan` keeps it up to date while it adds to it."""

    def __init__(self, subjects: Collection[str]) -> None:
        self.subjects = set(subjects)
        self.of_version: dict[tuple[str, int, str, str], Query] = {}
        self.latest: dict[tuple[str, str, str], Query] = {}
        self.of_claim: dict[tuple[str, int], dict[Part, Query]] = {}
        rows = Query.objects.filter(used__subject__in=self.subjects).only(*_READ)
        for query in rows.annotate(of=F("used__subject"), version=F("used__claim_version")).order_by("version"):
            self.add((query.of, query.version, query.item, query.part), query)

    def add(self, key: tuple[str, int, str, str], query: Query) -> None:
        subject, version, item, part = key
        self.of_version[key] = self.latest[subject, item, part] = query
        self.of_claim.setdefault((subject, version), {})[item, part] = query


# What deciding needs of a question; the rest of the row is for who reads it up later.
_READ = (
    "subject",
    "item",
    "part",
    "claim_version",
    "content",
    "state",
    "answered_at",
    "code",
    "match",
    "compared",
    "fields",
    "as_of",
    "erased_at",
)


def plan(
    inquiries: Iterable[Inquiry],
    unsettled: Collection[tuple[str, str, str]] = (),
    ahead: bool = False,
    standing: Standing | None = None,
) -> Answers:
    """Makes sure that every question stands, asked or answered; returns the queries by subject, item and part.

    What an earlier version of the claim asked in the same words is taken over where it was answered, is fresh, and is
    not `unsettled` (subject, item, part). Items that no connector serves are left out: they stay unknown.
    `ahead` puts the new questions before those that wait already; `standing` spares reading twice what was asked.
    Call it in a transaction with the rows it serves.
    """
    offered = connections.current().items()
    wanted = {(i.subject, i.claim_version, i.item, i.part): i for i in inquiries if i.item in offered}
    if not wanted:
        return {}
    standing = standing or Standing({i.subject for i in wanted.values()})
    found: Answers = {}
    made: list[tuple[Inquiry, Query]] = []
    taken_over: list[tuple[Inquiry, Query]] = []
    changed: list[Inquiry] = []
    for key, inquiry in wanted.items():
        query = standing.of_version.get(key)
        if query is None:
            name = (inquiry.subject, inquiry.item, inquiry.part)
            old = standing.latest.get(name)
            if old is not None and _serves(old, inquiry) and name not in unsettled:
                query = old
                taken_over.append((inquiry, query))
            else:
                query = _row(inquiry)
                made.append((inquiry, query))
            standing.add(key, query)
        elif query.content != inquiry.content:
            changed.append(inquiry)
        found.setdefault(inquiry.subject, {})[inquiry.item, inquiry.part] = query
    _insert(made, taken_over, ahead)
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
    known = {
        "request_id": inquiry.request_id(renewal),
        "subject": inquiry.subject,
        "district": inquiry.district,
        "item": inquiry.item,
        "part": inquiry.part,
        "claim_version": inquiry.claim_version,
        "content": inquiry.content,
        "renews_id": renews.pk if renews else None,
        "consent": inquiry.consent,
        "requester": inquiry.requester,
        "legal_basis": ITEMS[inquiry.item].legal_basis,
        "asked_at": clock.now(),
        "keys_digest": crypto.blind_index(_spelled(inquiry.keys), "keys"),
        "compared": {},
    }
    return Query(*(_columns() | known).values())  # type: ignore[misc]


@cache
def _columns() -> dict[str, Any]:
    """A question's columns and their defaults in order: by position a row is made in half the time."""
    return {f.attname: f.get_default() for f in Query._meta.concrete_fields}


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


def _insert(made: list[tuple[Inquiry, Query]], taken_over: list[tuple[Inquiry, Query]], ahead: bool) -> None:
    """Stores new questions with their place in the queue, and links to answers that serve a new version too."""
    if not made and not taken_over:
        return
    now = timezone.now()
    rows = [
        {
            "id": query.request_id,
            "subject": i.subject,
            "district": i.district,
            "item": i.item,
            "part": i.part,
            "version": i.claim_version,
            "content": i.content,
            "basis": query.legal_basis,
            "consent": i.consent,
            "requester": i.requester,
            "keys": query.keys_digest,
            "payload": crypto.encrypt(
                orjson.dumps({"keys": i.keys, "claim": i.claim, "consent": i.consent, "by": i.requester}),
                "exchange_outstanding.payload",
            ),
        }
        for i, query in made
    ]
    rows += [
        {"id": q.request_id, "subject": i.subject, "item": i.item, "part": i.part, "version": i.claim_version}
        for i, q in taken_over
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with given as materialized (
              select * from json_to_recordset(%(rows)s::json) as r(id uuid, subject text, district text, item text,
                part text, version smallint, content text, basis text, consent text, requester text, keys text,
                payload text)
            ), asked as (
              insert into exchange_query (request_id, subject, district, item, part, claim_version, content,
                legal_basis, consent, requester, keys_digest, state, attempts, asked_at, match, compared, trace_no,
                answer_digest, signature)
              select id, subject, district, item, part, version, content, basis, consent, requester, keys, 'waiting',
                0, %(asked_at)s, '', '{}', '', '', '' from given where payload is not null
              on conflict do nothing
            ), used as (
              insert into exchange_evidence (subject, claim_version, item, part, query_id)
              select subject, version, item, part, id from given on conflict do nothing
            )
            insert into exchange_outstanding (query_id, subject, item, payload, renewal, attempts, failures, since,
              next_try_at, last_error)
            select id, subject, item, decode(payload, 'base64'), false, 0, 0, %(now)s, %(due)s, ''
            from given where payload is not null
            on conflict do nothing
            """,
            {
                "rows": bulk.packed(rows),
                "asked_at": clock.now(),
                "now": now,
                "due": now - (_AHEAD if ahead else timedelta(0)),
            },
        )
    for _, query in made:
        query._state.adding = False


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
    """Takes back the unanswered questions of versions before the given one, by subject. Returns how many.

    Answers that are being renewed may serve the new version too: their renewal goes on.
    """
    old = Outstanding.objects.filter(subject__in=subjects, renewal=False).select_related("query")
    return _take_back([o.query_id for o in old if o.query.claim_version < subjects[o.subject]])


@transaction.atomic
def stop(subjects: Collection[str]) -> int:
    """Takes back all that these applications wait for, answers being renewed among it. Returns how many questions.

    An answer that is on its way already finds no question any more and is not stored.
    """
    return _take_back(Outstanding.objects.filter(subject__in=subjects).values_list("query_id", flat=True))


def _take_back(questions: Iterable[uuid.UUID]) -> int:
    gone = list(questions)
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
    stop(subjects)
    rows = Query.objects.filter(subject__in=subjects, erased_at=None, state=Query.State.ANSWERED)
    nothing: dict[str, Any] = {
        "code": None,
        "match": "",
        "fields": None,
        "compared": {},
        "keys_digest": "",
        "content": "",
    }
    return rows.update(**nothing, erased_at=clock.now())
