"""Questions on their way: leases, breakers, hours, rates, and one answer in force whatever dies."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ruxue.exchange import connections, delivery, health, inquiries
from ruxue.exchange.connector import Reply
from ruxue.exchange.delivery import News, Post
from ruxue.exchange.inquiries import Inquiry
from ruxue.exchange.items import Answer
from ruxue.exchange.models import Allowance, Evidence, Health, Outstanding, Query, Tally

from .conftest import Desk, answer, answer_all

pytestmark = pytest.mark.usefixtures("database")
FAST = {"rate": 5000}


def inquiry(subject: str = "s1", item: str = "ED1", version: int = 1, part: str = "", **keys: Any) -> Inquiry:
    return Inquiry(subject, "kuiwen", item, version, "consent", {"id": "1", **keys}, {}, part)


def carry(seconds: float = 10.0) -> None:
    """Delivers until nothing is due within a tenth of a second."""
    post, until = Post(), time.monotonic() + seconds
    while time.monotonic() < until:
        pause = post.start()
        if post.in_flight:
            post.collect(1.0)
        elif pause is None or pause > 0.1:
            return
        else:
            time.sleep(pause)


def test_a_question_is_asked_once_and_its_keys_are_forgotten(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})
    made = inquiries.plan([inquiry(), inquiry()])["s1"]["ED1", ""]
    inquiries.plan([inquiry()])
    assert Outstanding.objects.get().payload["keys"] == {"id": "1"}
    carry()
    inquiries.plan([inquiry()])
    carry()
    assert desk.ids() == [str(made.request_id)]
    made.refresh_from_db()
    assert made.state == "answered" and made.code == 1 and made.attempts == 1 and len(made.answer_digest) == 64
    assert not Outstanding.objects.exists()


def test_a_correction_asks_only_what_it_changes_or_left_open(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})
    inquiries.plan([inquiry(part="same"), inquiry(part="changed"), inquiry(part="open")])
    carry()
    desk.asked.clear()
    second = [
        inquiry(version=2, part="same"),
        inquiry(version=2, part="changed", id="2"),
        inquiry(version=2, part="open"),
    ]
    inquiries.plan(second, unsettled={("s1", "ED1", "open")})
    carry()
    assert {q["keys"]["id"] for _, _, b in desk.asked for q in b["queries"]} == {"1", "2"} and len(desk.ids()) == 2
    assert Evidence.objects.filter(claim_version=2).count() == 3
    assert {q.part: q.claim_version for q in inquiries.effective("s1", 2).values()} == {
        "same": 1,
        "changed": 2,
        "open": 2,
    }


def test_a_corrected_claim_takes_back_what_was_not_answered(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})
    inquiries.plan([inquiry()])
    assert inquiries.drop({"s1": 2}) == 1
    assert Query.objects.get().state == "dropped" and not Outstanding.objects.exists()
    carry()
    assert not desk.asked


def test_one_department_down_delays_no_other(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST, "NR": {**FAST, "url": desk.url + "/down"}})
    desk.handle = lambda path, h, body: (503, {}, {}) if path.startswith("/down") else answer_all(path, h, body)
    asked = [i for n in range(30) for i in (inquiry(f"s{n}"), inquiry(f"s{n}", "NR4", unit_no="1"))]
    inquiries.plan(asked)
    carry(1.0)
    assert Query.objects.filter(item="ED1", state="answered").count() == 30
    assert Query.objects.filter(item="NR4", state="answered").count() == 0
    for _ in range(3):
        Outstanding.objects.update(next_try_at=timezone.now())
        carry(1.0)
    broken = Health.objects.get(item="NR4")
    assert broken.failures >= 3 and broken.open_until is not None and broken.open_until > timezone.now()
    before = len(desk.asked)
    Outstanding.objects.update(next_try_at=timezone.now())
    carry(0.5)
    assert len(desk.asked) == before, "an open breaker lets nothing through"
    assert delivery.silent_now() == ["NR4"]
    assert delivery._only_silent(["NR4"], subjects={"s1"}) == {"s1"}, "the family waits for nothing but the silent item"
    row = next(r for r in health.items() if r.item == "NR4")
    assert row.state == "broken" and "silent" in row.alarms and row.failed["http"] > 0 and row.next_try is not None


def test_a_broken_item_is_tried_by_one_worker_and_closes_when_it_answers(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})
    inquiries.plan([inquiry(f"s{n}") for n in range(40)])
    Health.objects.create(item="ED1", failures=5, opened=2, open_until=timezone.now() - timedelta(seconds=1))
    one, other = Post(), Post()
    one.start()
    other.start()
    assert len(one.in_flight) + len(other.in_flight) == 1
    assert len(next(iter((one.in_flight | other.in_flight).values())).queries) <= 10
    (one if one.in_flight else other).collect(5)
    assert Health.objects.get(item="ED1").failures == 0
    carry()
    assert Query.objects.filter(state="answered").count() == 40


def test_a_closed_department_is_not_asked_and_the_family_is_told_until_when(desk: Desk, connect: Any) -> None:
    now = timezone.now().astimezone(connections.CITY_ZONE)
    tomorrow = (now + timedelta(days=1)).isoweekday()
    connect({"ED": {**FAST, "hours": {"days": [tomorrow], "opens": "08:00", "closes": "18:00"}}})
    inquiries.plan([inquiry()])
    carry(0.5)
    assert not desk.asked
    (found,) = health.silences("s1")
    assert found.closed and found.until is not None
    local = (timezone.now() + (found.until - health.shown(timezone.now()))).astimezone(connections.CITY_ZONE)
    assert (local + timedelta(seconds=30)).strftime("%H:%M") == "08:00" and local.date() > now.date()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"code": 0, "match": "Y", "compared": {"name": "N"}}, "contradicting"),
        ({"code": 1, "match": "N", "fields": {"grade": 3}}, "contradicting"),
        ({"code": 0, "match": "U", "fields": {"grade": "three"}}, "malformed"),
        ({"code": 0, "match": "U", "fields": {}}, "malformed"),
        ({"code": 3, "match": "U"}, "busy"),
        ({"code": 4, "match": "U"}, "refused"),
        ({"sign": "0" * 64}, "unsigned"),
    ],
)
def test_what_is_no_answer_stays_unknown_and_is_asked_again(
    desk: Desk, connect: Any, changes: dict[str, Any], kind: str
) -> None:
    connect({"ED": FAST})
    desk.handle = lambda p, h, body: (200, {}, {"answers": [{**answer(q, **changes), **changes} if kind == "unsigned" else answer(q, **changes) for q in body["queries"]]})  # fmt: skip
    inquiries.plan([inquiry()])
    post = Post()
    post.start()
    post.collect(5)
    waits = Outstanding.objects.get()
    assert waits.last_error == kind and waits.failures == 1 and waits.next_try_at > timezone.now()
    assert Query.objects.get().state == "waiting"
    desk.handle = answer_all
    Outstanding.objects.update(next_try_at=timezone.now())
    Health.objects.update(failures=0, open_until=None)
    carry()
    assert Query.objects.get().state == "answered" and Query.objects.get().attempts == 2


def test_half_a_reply_is_malformed(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})
    desk.handle = lambda p, h, body: (200, {}, b'{"answers": [{"request_')
    inquiries.plan([inquiry()])
    post = Post()
    post.start()
    post.collect(5)
    assert Outstanding.objects.get().last_error == "malformed"


def test_a_refused_question_spoils_no_other(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})

    def handle(path: str, headers: Any, body: Any) -> Any:
        bad = any(q["keys"]["id"] == "bad" for q in body["queries"])
        return (422, {}, {}) if bad else answer_all(path, headers, body)

    desk.handle = handle
    inquiries.plan([inquiry(f"s{n}", id="bad" if n == 7 else str(n)) for n in range(12)])
    for _ in range(14):
        carry(1.0)
        Outstanding.objects.update(next_try_at=timezone.now())
        Health.objects.update(failures=0, open_until=None)
    assert list(Query.objects.exclude(state="answered").values_list("subject", flat=True)) == ["s7"]


def test_a_department_without_a_batch_endpoint_is_asked_one_by_one(desk: Desk, connect: Any) -> None:
    connect({"ED": {**FAST, "batch": 1}})
    desk.handle = lambda path, headers, body: (200, {}, answer(body))
    inquiries.plan([inquiry(f"s{n}") for n in range(25)])
    carry()
    assert [path for path, _, _ in desk.asked] == ["/ED/v1/items/ED1"] * 25
    assert Query.objects.filter(state="answered").count() == 25


def test_a_late_reply_of_a_lost_lease_changes_nothing(desk: Desk, connect: Any) -> None:
    setup = connect({"ED": FAST}).items()["ED1"]
    inquiries.plan([inquiry()])
    (first, _), _ = delivery._lease("ED1", setup, 0, None)  # type: ignore[misc]
    Outstanding.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    (second, _), _ = delivery._lease("ED1", setup, 0, None)  # type: ignore[misc]
    rid = second.queries[0].request_id

    def reply(code: int) -> Reply:
        body = answer({"request_id": rid, "item": "ED1"}, code=code, match="N" if code == 1 else "U")
        return Reply({rid: Answer.model_validate(body)}, {rid: "0" * 64})

    news = News()
    delivery.store(first, reply(2), news)
    assert not news and Query.objects.get().state == "waiting"
    delivery.store(second, reply(1), news)
    delivery.store(first, reply(2), news)
    assert Query.objects.get().code == 1 and Query.objects.get().attempts == 2


def test_a_department_rate_is_shared_and_reserved_by_batches(desk: Desk, connect: Any) -> None:
    connect({"ED": {"rate": 100, "concurrency": 16}})
    inquiries.plan([inquiry(f"s{n}") for n in range(400)])
    one, other, started = Post(), Post(), time.monotonic()
    while Query.objects.filter(state="answered").count() < 300:
        one.start()
        other.start()
        one.collect(0.02)
        other.collect(0.02)
        assert time.monotonic() - started < 10
    seconds = time.monotonic() - started
    sent = len(desk.ids())
    assert sent <= 100 * (seconds + delivery.AHEAD) + 100, "two workers together keep the rate"
    assert sent >= 100 * seconds * 0.8
    assert Allowance.objects.get().department == "ED" and len(desk.asked) <= sent / 20


def test_no_more_requests_at_once_than_lines(desk: Desk, connect: Any) -> None:
    connect({"ED": {"rate": 100_000, "concurrency": 2, "batch": 5}})
    inquiries.plan([inquiry(f"s{n}") for n in range(100)])
    posts = [Post() for _ in range(3)]
    for post in posts:
        post.start()
    assert sum(len(p.in_flight) for p in posts) == 2
    for post in posts:
        post.collect(5)


def test_a_dead_workers_questions_become_due_again(desk: Desk, connect: Any) -> None:
    setup = connect({"ED": FAST}).items()["ED1"]
    inquiries.plan([inquiry()])
    delivery._lease("ED1", setup, 0, None)
    seconds = (Outstanding.objects.get().next_try_at - timezone.now()).total_seconds()
    assert setup.timeout < seconds < setup.timeout + 30
    assert delivery._lease("ED1", setup, 0, None)[0] is None


def test_a_renewed_answer_takes_the_old_ones_place_when_it_is_there(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})
    inquiries.plan([inquiry()])
    carry()
    old = Query.objects.get()
    assert inquiries.renew([inquiry()]) == 1 and inquiries.renew([inquiry()]) == 0
    assert inquiries.effective("s1", 1)["ED1", ""] == old
    carry()
    new = inquiries.effective("s1", 1)["ED1", ""]
    assert new.renews == old and new.state == "answered" and Evidence.objects.count() == 1
    assert len(set(desk.ids())) == 2


PUPIL = {"register_no": "G1", "school_code": "s", "grade": 1, "stage": "primary", "status": "in_school"}


def from_copy(day: str, **changes: Any) -> Any:
    """A department whose answers are of `day`."""
    return lambda p, h, b: (200, {}, {"answers": [answer(q, as_of=day, **changes) for q in b["queries"]]})


def test_yesterdays_denial_is_asked_for_again_the_next_day(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})
    desk.handle = from_copy("2026-03-02")
    inquiries.plan([inquiry("s0")])
    carry()
    desk.handle = from_copy("2026-03-01")
    inquiries.plan([inquiry("s1")])
    carry()
    old = inquiries.effective("s1", 1)["ED1", ""]
    assert old.state == "answered" and old.code == 1, "it is in force until a newer one is there"
    waits = Outstanding.objects.get()
    hours = (waits.next_try_at - timezone.now()).total_seconds() / 3600
    assert 23.9 < hours < 24.6 and waits.renewal and waits.query.renews == old
    assert waits.payload["keys"] == {"id": "1"} and Tally.objects.get(kind="stale").n == 1
    assert next(r for r in health.items() if r.item == "ED1").queue == 0, "nobody waits for it today"

    inquiries.drop({"s1": 2})
    desk.handle = from_copy("2026-03-02", code=2, match="U")
    Outstanding.objects.update(next_try_at=timezone.now())
    news, post = News(), Post()
    post.start()
    while post.in_flight:
        collected = post.collect(1.0)
        news.renewed |= collected.renewed
    assert news.renewed == {"s1"} and inquiries.effective("s1", 1)["ED1", ""].code == 2
    assert not Outstanding.objects.exists()


@pytest.mark.parametrize(
    ("day", "changes", "again"),
    [
        ("2026-03-01", {"code": 0, "match": "Y", "compared": {"name": "Y"}, "fields": PUPIL}, False),
        ("2026-02-01", {"code": 0, "match": "Y", "compared": {"name": "Y"}, "fields": PUPIL}, True),
        ("2026-03-02", {}, False),
    ],
)
def test_only_what_is_too_old_is_asked_for_again(
    desk: Desk, connect: Any, day: str, changes: dict[str, Any], again: bool
) -> None:
    connect({"ED": FAST})
    Health.objects.create(item="ED1", newest_as_of="2026-03-02")
    desk.handle = from_copy(day, **changes)
    inquiries.plan([inquiry()])
    carry()
    assert Outstanding.objects.exists() is again


def test_a_register_that_stays_behind_is_believed_in_the_end(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})
    Health.objects.create(item="ED1", newest_as_of="2026-03-02")
    desk.handle = from_copy("2026-03-01")
    inquiries.plan([inquiry()])
    for _ in range(6):
        Outstanding.objects.update(next_try_at=timezone.now())
        carry()
    assert len(desk.ids()) == 1 + delivery.RENEWALS and not Outstanding.objects.exists()
    assert Evidence.objects.count() == 1 and inquiries.effective("s1", 1)["ED1", ""].state == "answered"


def test_an_unconnected_item_is_never_asked(desk: Desk, connect: Any) -> None:
    connect({"ED": {**FAST, "serves": ["ED2"]}})
    assert inquiries.plan([inquiry()]) == {} and not Query.objects.exists()


def test_answers_are_deleted_and_that_somebody_asked_is_not(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})
    desk.handle = lambda p, h, b: (200, {}, {"answers": [answer(q, code=0, match="U", compared={"name": "U"}, fields=PUPIL) for q in b["queries"]]})  # fmt: skip
    inquiries.plan([inquiry()])
    carry()
    inquiries.plan([inquiry("s1", part="late")])
    assert inquiries.erase(["s1"]) == 1
    row = Query.objects.get(part="")
    assert row.fields is None and row.compared == {} and row.keys_digest == "" and row.erased_at is not None
    assert row.legal_basis and row.consent == "consent" and row.answer_digest
    assert not Outstanding.objects.exists() and Query.objects.get(part="late").state == "dropped"


def test_an_alarm_ends_some_hours_after_its_cause(desk: Desk, connect: Any) -> None:
    connect({"ED": FAST})

    def alarms(hours_ago: float, **kinds: int) -> set[str]:
        Tally.objects.all().delete()
        hour = timezone.now() - timedelta(hours=hours_ago)
        Tally.objects.bulk_create([Tally(item="ED1", hour=hour, kind=kind, n=n) for kind, n in kinds.items()])
        row = next(r for r in health.items() if r.item == "ED1")
        assert row.failed.get("malformed") == 3, "counts stay"
        return set(row.alarms)

    wrong = {"answers": 100, "stale": 5, "failed.malformed": 3, "failed.unsigned": 1, "latency.more": 30}
    assert alarms(1, **wrong) == {"malformed", "unsigned", "stale", "slow"}
    assert alarms(8, **wrong) == {"stale"}
    assert alarms(30, **wrong) == set()


def test_long_past_hours_are_folded_without_losing_a_count() -> None:
    for days in (0, 70, 80):
        Tally.objects.create(item="ED1", hour=timezone.now() - timedelta(days=days), kind="asked", n=5)
    health.fold()
    health.fold()
    assert sorted(Tally.objects.values_list("n", flat=True)) == [5, 10]


def test_a_pause_grows_has_jitter_and_keeps_the_departments_wish() -> None:
    means = [sum(delivery.backoff(n, "http") for _ in range(200)) / 200 for n in range(9)]
    assert means[:7] == sorted(means[:7]) and means[0] < 2  # from the seventh on, the longest pause
    assert all(3200 < mean < 4000 for mean in means[6:])
    assert len({delivery.backoff(2, "http") for _ in range(20)}) > 15
    assert delivery.backoff(0, "http", 600) == 600
    assert sum(delivery.backoff(n, "http") for n in range(60)) > 24 * 3600, "retries last for days"
