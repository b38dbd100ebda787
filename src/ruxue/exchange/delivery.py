"""Carries outstanding questions to the departments, in batches of one item each.

All machines together keep a department's rate (one row reserves a whole batch), its number of open requests (one row
for each) and its hours. Nothing is lost when a worker dies: its lease ends and the questions are due again. What is
stored is fenced by the lease, so that a question has one answer in force however many workers believe they hold it.
An item that fails opens its own breaker and delays no other.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils import timezone

from ruxue import bulk, crypto
from ruxue.exchange import connections, connector
from ruxue.exchange.connections import DepartmentSetup
from ruxue.exchange.connector import Reply
from ruxue.exchange.items import ITEMS, PURPOSE, Answer, Match
from ruxue.exchange.items import Query as WireQuery
from ruxue.exchange.models import Health, Outstanding, Query
from ruxue.ledger import clock

LATENCY = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)  # seconds, upper bounds
AHEAD = 2.0  # seconds: how far ahead a worker reserves its turn in a rate, so that none passes while it judges
TRIES_BEFORE_OPEN = 3
RENEWALS = 3  # days in a row on which an outdated answer is asked for again
_MARGIN = 10.0  # seconds that a lease outlives its request's time-out
_LONGEST = 3600.0


@dataclass
class Batch:
    """Questions of one item that this worker holds under one lease."""

    lease: uuid.UUID
    item: str
    setup: DepartmentSetup
    queries: list[WireQuery]
    subjects: dict[str, str]
    tries: dict[str, int]
    renewals: set[str]


@dataclass
class News:
    """What came of collecting: subjects with nothing outstanding but what is silent, and those with a new answer to
    a question that had one already."""

    ready: set[str] = field(default_factory=set)
    renewed: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.ready or self.renewed)


class Post:
    """One worker's dealings with the departments. Every database statement runs in the caller's thread."""

    def __init__(self, only: tuple[uuid.UUID, str] | None = None) -> None:
        self.only = only
        self.in_flight: dict[Future[Reply], Batch] = {}
        self._open_requests: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._looked = 0.0
        self._breakers: dict[str, tuple[int, datetime | None]] = {}
        self._silent: list[str] = []

    def start(self) -> float | None:
        """Sends what is due and may go out; returns the seconds until more may be due, None where nothing waits."""
        setups = connections.current().items()
        self._look(setups)
        due = _due([self.only[1]] if self.only else list(setups))
        soonest = None
        for item, seconds in sorted(due.items(), key=lambda pair: pair[1]):
            delay = max(seconds, self._delay(item, setups[item]))
            while delay <= 0 and self._open_requests[_lane(item)] < setups[item].concurrency:
                held, delay = _lease(item, setups[item], self._breakers.get(item, (0, None))[0], self.only)
                if held is None:
                    self._not_before[item] = time.monotonic() + delay
                    continue
                self._send(*held)
                if 1 < len(held[0].queries) < _size(item, setups[item]):
                    break  # no more are due; one alone may be one that was refused before
            if delay > 0:
                soonest = delay if soonest is None else min(soonest, delay)
        return soonest

    def _delay(self, item: str, setup: DepartmentSetup) -> float:
        """Seconds for which an item is not asked: closed, broken, or out of turn."""
        now = timezone.now()
        opening = (setup.hours.next_opening(now) - now).total_seconds()
        until = self._breakers.get(item, (0, None))[1]
        broken = (until - now).total_seconds() if until else 0.0
        return max(opening, broken, self._not_before.get(item, 0.0) - time.monotonic())

    def _look(self, setups: dict[str, DepartmentSetup]) -> None:
        """Reads the shared breakers, at most every quarter of a second."""
        if time.monotonic() - self._looked < 0.25:
            return
        self._looked = time.monotonic()
        rows = Health.objects.values_list("item", "failures", "open_until")
        self._breakers = {item: (failures, until) for item, failures, until in rows}
        self._silent = silent(setups, self._breakers)

    def _send(self, batch: Batch, wait_for: float) -> None:
        self._open_requests[_lane(batch.item)] += 1
        self.in_flight[connector.send(batch.setup, batch.item, batch.queries, wait_for)] = batch

    def collect(self, seconds: float) -> News:
        """Waits up to `seconds` for replies and stores those that are there, as many as a moment allows."""
        news = News()
        if not self.in_flight:
            return news
        done, _ = wait(self.in_flight, timeout=max(seconds, 0.0), return_when=FIRST_COMPLETED)
        until = time.monotonic() + AHEAD / 5
        for future in done:
            if time.monotonic() > until:
                break  # the rest next time: turns of others wait to be taken
            batch = self.in_flight.pop(future)
            self._open_requests[_lane(batch.item)] -= 1
            opened = store(batch, future.result(), news)
            if opened or not future.result().answers:
                self._looked = 0.0
                self._look(connections.current().items())
            if opened:
                news.ready |= _only_silent(self._silent, item=batch.item)
        if done:
            news.ready = _only_silent(self._silent, subjects=news.ready)
        return news


def _lane(item: str) -> str:
    return ITEMS[item].department


def silent(setups: dict[str, DepartmentSetup], breakers: dict[str, tuple[int, datetime | None]]) -> list[str]:
    """Items that nobody answers now: the breaker is open or being tried, or the department is closed."""
    now = timezone.now()
    return [
        item
        for item, setup in setups.items()
        if breakers.get(item, (0, None))[0] >= TRIES_BEFORE_OPEN or not setup.hours.is_open(now)
    ]


def silent_now() -> list[str]:
    """`silent` by the shared breakers and the departments' hours."""
    rows = Health.objects.values_list("item", "failures", "open_until")
    return silent(connections.current().items(), {item: (failures, until) for item, failures, until in rows})


def _due(items: list[str]) -> dict[str, float]:
    """Seconds until the next question of each item is due; 0 or less: now. Items without questions are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select i.item, extract(epoch from h.at - clock_timestamp())::float8
            from unnest(%s::text[]) as i(item),
              lateral (select min(next_try_at) as at from exchange_outstanding o where o.item = i.item) h
            where h.at is not null
            """,
            [items],
        )
        return dict(cursor.fetchall())


@transaction.atomic
def _lease(
    item: str, setup: DepartmentSetup, failures: int, only: tuple[uuid.UUID, str] | None
) -> tuple[tuple[Batch, float] | None, float]:
    """Takes a line, due questions and a turn in the rate, all or none; else None and seconds to wait.

    An item whose breaker has run out is tried by one worker with a few questions.
    """
    department, lease = ITEMS[item].department.value, uuid.uuid4()
    with connection.cursor() as cursor:
        if failures >= TRIES_BEFORE_OPEN:
            cursor.execute(
                """
                update exchange_health set open_until = clock_timestamp() + make_interval(secs => %s)
                where item = %s and (open_until is null or open_until <= clock_timestamp()) returning item
                """,
                [setup.timeout + AHEAD + 1, item],
            )
            if cursor.fetchone() is None:
                return None, 1.0
        turn = _turn(cursor, department)
        if turn > AHEAD:
            return None, max(turn - AHEAD, AHEAD / 10)
        held = setup.timeout * (setup.batch if _one_by_one(setup, item) else 1) + AHEAD + _MARGIN
        if not _take_line(cursor, department, setup.concurrency, lease, held):
            return None, 0.05
        size = _size(item, setup)
        rows = _take_due(cursor, item, min(size, 10) if failures >= TRIES_BEFORE_OPEN else size, lease, held, only)
        reserved = _reserve(cursor, department, len(rows), setup.rate) if rows else None
        if reserved is None:
            transaction.set_rollback(True)
            return None, 0.2
    batch = Batch(lease, item, setup, [], {}, {}, set())
    for request_id, subject, payload, tries, renewal in rows:
        asked = orjson.loads(crypto.decrypt(bytes(payload), "exchange_outstanding.payload"))
        rid = str(request_id)
        batch.queries.append(_wire(rid, subject, item, asked))
        batch.subjects[rid], batch.tries[rid] = subject, tries
        if renewal:
            batch.renewals.add(rid)
    return (batch, reserved), 0.0


def _size(item: str, setup: DepartmentSetup) -> int:
    """How many questions go together: at most a quarter of a second of the department's rate."""
    return max(1, min(10 if _one_by_one(setup, item) else setup.batch, int(setup.rate / 4)))


def _one_by_one(setup: DepartmentSetup, item: str) -> bool:
    return setup.batch == 1 or (setup.protocol == "mapped" and setup.items[item].batch is None)


def _take_line(cursor: Any, department: str, lines: int, lease: uuid.UUID, seconds: float) -> bool:
    take = """
        update exchange_line set lease = %s, held_until = clock_timestamp() + make_interval(secs => %s)
        where id = (select id from exchange_line where department = %s and number < %s
                    and held_until <= clock_timestamp() order by number limit 1 for update skip locked)
        returning id
        """
    cursor.execute(take, [lease, seconds, department, lines])
    if cursor.fetchone():
        return True
    cursor.execute("select count(*) from exchange_line where department = %s", [department])
    if cursor.fetchone()[0] >= lines:
        return False
    cursor.execute(
        """
        insert into exchange_line (department, number, held_until)
        select %s, n, to_timestamp(0) from generate_series(0, %s) as n on conflict do nothing
        """,
        [department, lines - 1],
    )
    cursor.execute(take, [lease, seconds, department, lines])
    return cursor.fetchone() is not None


def _take_due(
    cursor: Any, item: str, size: int, lease: uuid.UUID, seconds: float, only: tuple[uuid.UUID, str] | None
) -> list[Any]:
    """Due questions under the lease. One that the department refused before goes alone, to spoil no other's batch."""
    cursor.execute(
        """
        with head as (
          select last_error = 'refused' as alone from exchange_outstanding
          where item = %(item)s and next_try_at <= clock_timestamp() order by next_try_at limit 1
        ), due as (
          select query_id from exchange_outstanding
          where item = %(item)s and next_try_at <= clock_timestamp() and (%(only)s::uuid is null or query_id = %(only)s)
            and ((select alone from head) or last_error <> 'refused')
          order by next_try_at, query_id
          limit case when (select alone from head) then 1 else %(size)s end for update skip locked
        )
        update exchange_outstanding o
        set lease = %(lease)s, next_try_at = clock_timestamp() + make_interval(secs => %(seconds)s),
          attempts = attempts + 1
        from due where o.query_id = due.query_id
        returning o.query_id, o.subject, o.payload, o.failures, o.renewal
        """,
        {"item": item, "size": size, "lease": lease, "seconds": seconds, "only": only[0] if only else None},
    )
    return list(cursor.fetchall())


def _turn(cursor: Any, department: str) -> float:
    """Seconds until a department's rate has room again; 0 or less: now."""
    cursor.execute(
        "select extract(epoch from next_at - clock_timestamp())::float8 from exchange_allowance where department = %s",
        [department],
    )
    row = cursor.fetchone()
    return row[0] if row else 0.0


def _reserve(cursor: Any, department: str, n: int, rate: float) -> float | None:
    """A turn for `n` questions in a department's rate: seconds until it comes, None where it is too far off."""
    cursor.execute(
        """
        insert into exchange_allowance as a (department, next_at)
        values (%(d)s, clock_timestamp() + make_interval(secs => %(cost)s))
        on conflict (department) do update
        set next_at = greatest(a.next_at, clock_timestamp()) + make_interval(secs => %(cost)s)
        where a.next_at <= clock_timestamp() + make_interval(secs => %(ahead)s)
        returning extract(epoch from next_at - clock_timestamp())::float8
        """,
        {"d": department, "cost": n / rate, "ahead": AHEAD},
    )
    row = cursor.fetchone()
    return None if row is None else max(0.0, row[0] - n / rate)


def _wire(request_id: str, subject: str, item: str, asked: dict[str, Any]) -> WireQuery:
    return WireQuery.model_construct(  # our own row, checked when it was made
        request_id=request_id,
        item=item,
        app_no=subject,
        purpose_code=PURPOSE,
        legal_basis=ITEMS[item].legal_basis,
        consent_id=asked["consent"],
        operator="system" if asked["by"] == "system" else "user",
        timestamp=clock.now(),
        mode=ITEMS[item].mode,
        keys=asked["keys"],
        claim=asked["claim"],
    )


# ── storing ─────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def store(batch: Batch, reply: Reply, news: News) -> bool:
    """Stores what a request came to; adds the subjects that it concerns to `news`. True where the breaker opened.

    Answers to questions that this lease no longer holds are left aside: another worker has them.
    """
    tally: Counter[str] = Counter()
    with connection.cursor() as cursor:
        newest = _newest(cursor, batch.item, reply)
        outdated = {rid for rid, answer in reply.answers.items() if is_outdated(answer, newest)}
        if outdated:
            _ask_tomorrow(cursor, batch, sorted(outdated))
        held = _settle(cursor, batch, reply)
        for rid in held:
            _count(tally, reply.answers[rid])
        if outdated:
            tally["stale"] += len(outdated & held)
        news.ready |= {batch.subjects[rid] for rid in held if rid not in batch.renewals}
        if renewed := [rid for rid in held if rid in batch.renewals]:
            _replace(cursor, renewed)
            news.renewed |= {batch.subjects[rid] for rid in renewed}
        failed = {rid: kind for rid, kind in reply.failed.items() if rid not in reply.answers}
        if failed:
            _postpone(cursor, batch, reply, failed)
            tally.update(f"failed.{kind}" for kind in failed.values())
        tally["asked"] = len(batch.queries)
        tally["requests"] = 1
        bound = next((b for b in LATENCY if reply.seconds <= b), None)
        tally[f"latency.{bound if bound else 'more'}"] = 1
        tally["milliseconds"] = round(reply.seconds * 1000)
        _close(cursor, batch, tally)
        return _note(cursor, batch, reply, failed)


def _newest(cursor: Any, item: str, reply: Reply) -> date | None:
    """The newest as-of date that an item ever gave, this reply included."""
    if not reply.answers:
        return None
    cursor.execute("select newest_as_of from exchange_health where item = %s", [item])
    row = cursor.fetchone()
    days = [a.as_of for a in reply.answers.values() if a.as_of] + ([row[0]] if row and row[0] else [])
    return max(days, default=None)


def is_outdated(answer: Answer, newest: date | None) -> bool:
    """Whether an answer came from a copy that is too old: behind the newest that its item gave by more than the item
    allows, or at all where it denies what the family says and the copy may lack what was entered since."""
    if newest is None or answer.as_of is None:
        return False
    behind = (newest - answer.as_of).days
    return behind > ITEMS[answer.item].freshness_days or (behind >= 1 and answer.match == Match.NO)


def _ask_tomorrow(cursor: Any, batch: Batch, outdated: list[str]) -> None:
    """Puts questions whose answers are outdated into the queue for the next day, before their keys are forgotten.

    The outdated answer stays in force until the new one is there.
    """
    cursor.execute(
        """
        with old as (
          select q.*, o.payload, u.id from unnest(%(old)s::uuid[], %(new)s::uuid[]) as u(old, id)
          join exchange_outstanding o on o.query_id = u.old and o.lease = %(lease)s
          join exchange_query q on q.request_id = u.old
          where (select count(*) from exchange_query e where e.subject = q.subject and e.item = q.item
                 and e.part = q.part and e.renews_id is not null) < %(most)s
        ), asked as (
          insert into exchange_query (request_id, subject, district, item, part, claim_version, content, renews_id,
            legal_basis, consent, requester, keys_digest, state, attempts, asked_at, match, compared, trace_no,
            answer_digest, signature)
          select id, subject, district, item, part, claim_version, content, request_id, legal_basis, consent,
            requester, keys_digest, 'waiting', 0, %(now)s, '', '{}', '', '', '' from old
          on conflict do nothing
        )
        insert into exchange_outstanding (query_id, subject, item, payload, renewal, attempts, failures, since,
          next_try_at, last_error)
        select id, subject, item, payload, true, 0, 0, due, due, ''
        from old, lateral (select clock_timestamp() + make_interval(hours => 24, mins => (random() * 30)::int) as due)
        on conflict do nothing
        """,
        {
            "old": outdated,
            "new": [uuid.uuid5(uuid.UUID(rid), "renewal") for rid in outdated],
            "lease": batch.lease,
            "most": RENEWALS,
            "now": clock.now(),
        },
    )


def _settle(cursor: Any, batch: Batch, reply: Reply) -> set[str]:
    """Stores answers and takes their questions off the queue where this lease still holds them; their request ids."""
    if not reply.answers:
        return set()
    rows = [
        {
            "id": rid,
            "code": int(a.code),
            "match": a.match,
            "compared": a.compared,
            "fields": crypto.encrypt(orjson.dumps(a.fields), "exchange_query.fields"),
            "as_of": a.as_of,
            "trace": a.trace_no.replace("\0", "")[:40],  # no text of PostgreSQL may hold it
            "digest": reply.digests[rid],
            "sign": a.sign[:200],
        }
        for rid, a in reply.answers.items()
    ]
    cursor.execute(
        """
        with given as materialized (
          select * from json_to_recordset(%s::json) as r(id uuid, code smallint, match text, compared jsonb,
            fields text, as_of date, trace text, digest text, sign text)
        ), gone as (
          delete from exchange_outstanding o using given where o.query_id = given.id and o.lease = %s
          returning o.query_id, o.attempts
        ), saved as (
          update exchange_query q set state = 'answered', answered_at = %s, code = a.code, match = a.match,
            compared = a.compared, fields = decode(a.fields, 'base64'), as_of = a.as_of, trace_no = a.trace,
            answer_digest = a.digest, signature = a.sign, attempts = gone.attempts
          from given a join gone on gone.query_id = a.id
          where q.request_id = a.id and q.state <> 'answered'
        )
        select query_id::text from gone
        """,
        [bulk.packed(rows), batch.lease, clock.now()],
    )
    return {row[0] for row in cursor.fetchall()}


def _replace(cursor: Any, renewed: list[str]) -> None:
    """New answers take the place of those that they renew, in every version of the claim that relies on them."""
    cursor.execute(
        """
        update exchange_evidence e set query_id = q.request_id from exchange_query q
        where q.request_id = any(%s::uuid[]) and e.query_id = q.renews_id
        """,
        [renewed],
    )


def _postpone(cursor: Any, batch: Batch, reply: Reply, failed: dict[str, str]) -> None:
    ids = sorted(failed)
    seconds = [backoff(batch.tries[rid], failed[rid], reply.retry_after) for rid in ids]
    cursor.execute(
        """
        update exchange_outstanding o set lease = null, failures = failures + 1, last_error = f.kind,
          next_try_at = clock_timestamp() + make_interval(secs => f.seconds)
        from unnest(%s::uuid[], %s::float8[], %s::text[]) as f(id, seconds, kind)
        where o.query_id = f.id and o.lease = %s
        """,
        [ids, seconds, [failed[rid] for rid in ids], batch.lease],
    )


def backoff(failures: int, kind: str, wish: float | None = None) -> float:
    """Seconds until a question is asked again: four times as long after each failure, up to an hour, with jitter.

    A busy source recovers soon, so its first pauses are short. A department's own wish is kept, never undercut.
    """
    base = 0.2 if kind in ("busy", "limited") else 1.0
    pause = min(_LONGEST, base * 4.0 ** min(failures, 8))
    return max(pause * random.uniform(0.6, 1.4), min(wish or 0.0, _LONGEST))


def _count(tally: Counter[str], answer: Answer) -> None:
    tally["answers"] += 1
    tally[f"code.{int(answer.code)}"] += 1
    tally[f"match.{answer.match}"] += 1
    tally.update(f"differs.{name}" for name, said in answer.compared.items() if said == "N")


def _close(cursor: Any, batch: Batch, tally: Counter[str]) -> None:
    """Gives the line back and adds up what came of the request."""
    kinds = sorted(tally)
    cursor.execute(
        """
        with line as (update exchange_line set held_until = to_timestamp(0) where lease = %s)
        insert into exchange_tally as t (item, hour, kind, n)
        select %s, date_trunc('hour', clock_timestamp()), k, n from unnest(%s::text[], %s::bigint[]) as u(k, n)
        on conflict (item, hour, kind) do update set n = t.n + excluded.n
        """,
        [batch.lease, batch.item, kinds, [tally[k] for k in kinds]],
    )


def _note(cursor: Any, batch: Batch, reply: Reply, failed: dict[str, str]) -> bool:
    """Puts a request's end into the shared breaker; True where it opened now."""
    faults = [kind for kind in failed.values() if kind not in ("busy", "limited")]
    struck = bool(faults) and not reply.answers and not (reply.struck == "refused" and len(batch.queries) > 1)
    if reply.struck == "limited":
        cursor.execute(
            """
            update exchange_allowance
            set next_at = greatest(next_at, clock_timestamp() + make_interval(secs => least(%s, 60)))
            where department = %s
            """,
            [reply.retry_after or 1.0, _lane(batch.item)],
        )
    if not struck:
        if reply.answers:
            as_of = max((a.as_of for a in reply.answers.values() if a.as_of), default=None)
            cursor.execute(
                """
                insert into exchange_health as h
                  (item, failures, opened, last_answer_at, last_error, newest_as_of)
                values (%s, 0, 0, %s, '', %s)
                on conflict (item) do update set failures = 0, opened = 0, open_until = null, failing_since = null,
                  last_answer_at = excluded.last_answer_at, last_error = '',
                  newest_as_of = greatest(h.newest_as_of, excluded.newest_as_of)
                """,
                [batch.item, clock.now(), as_of],
            )
        return False
    said = f"{reply.struck or faults[0]} {reply.detail}".strip()[:160]
    cursor.execute(
        """
        insert into exchange_health as h (item, failures, opened, failing_since, last_error)
        values (%(item)s, 1, 0, %(now)s, %(said)s)
        on conflict (item) do update set failures = h.failures + 1, last_error = excluded.last_error,
          failing_since = coalesce(h.failing_since, excluded.failing_since),
          opened = h.opened + (h.failures + 1 >= %(tries)s)::int,
          open_until = case when h.failures + 1 >= %(tries)s then clock_timestamp() + make_interval(
            secs => least(greatest(%(wish)s, %(jitter)s * 5 * power(2, least(h.opened, 7))), 3600)) end
        returning failures
        """,
        {
            "item": batch.item,
            "now": clock.now(),
            "said": said,
            "tries": TRIES_BEFORE_OPEN,
            "wish": reply.retry_after or 0.0,
            "jitter": random.uniform(0.8, 1.2),
        },
    )
    return bool(cursor.fetchone()[0] == TRIES_BEFORE_OPEN)


def _only_silent(silent_items: list[str], subjects: set[str] | None = None, item: str = "") -> set[str]:
    """Of these subjects (or of all that wait for `item`) those that wait for nothing but silent items."""
    if subjects is not None and not subjects:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select s.subject from (
              select unnest(%(subjects)s::text[]) as subject
              union
              select subject from exchange_outstanding where item = %(item)s
            ) s
            where not exists (
              select from exchange_outstanding o
              where o.subject = s.subject and not o.renewal and o.item <> all(%(silent)s::text[]))
            """,
            {"subjects": sorted(subjects or ()), "item": item, "silent": silent_items},
        )
        return {row[0] for row in cursor.fetchall()}


def deliver_one(request_id: uuid.UUID, item: str, seconds: float) -> bool:
    """Carries one question and waits for its answer, at most `seconds`. True where it came."""
    post, until = Post(only=(request_id, item)), time.monotonic() + seconds
    while time.monotonic() < until:
        pause = post.start()
        if post.in_flight:
            post.collect(until - time.monotonic())
        elif pause is None or not Outstanding.objects.filter(query=request_id).exists():
            break
        else:
            time.sleep(min(pause, max(until - time.monotonic(), 0.0), 0.5))
    return Query.objects.filter(request_id=request_id, state=Query.State.ANSWERED).exists()
