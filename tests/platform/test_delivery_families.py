"""What answers that come late, change, contradict or are disputed mean for a family."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone
from django.utils.translation import override

from ruxue.accounts.models import StaffRole, User
from ruxue.applications import claims, disputes, evidence, questions, retention, review, stored_facts, verify
from ruxue.applications.machine import By
from ruxue.applications.models import Application, Check, Document
from ruxue.applications.states import Actor, State
from ruxue.exchange import connector, inquiries
from ruxue.exchange.items import ITEMS, Match
from ruxue.exchange.models import Correction, Evidence, Health, Outstanding, Query
from ruxue.ledger import clock
from ruxue.web.templatetags import ruxue as tags

pytestmark = pytest.mark.usefixtures("db_world")


@pytest.fixture
def passed() -> Application:
    """A family that data alone confirmed, in the time of corrections."""
    clock.stop_at(datetime(2026, 4, 6, 1, tzinfo=UTC))
    row = Application.objects.filter(basis="owned", by_human=False, claim_version=1).exclude(category="").first()
    assert row is not None
    row.state, row.deadline = State.AUTO_PASSED, None
    row.save()
    return Application.objects.select_related("season__district", "compound", "guardian").get(pk=row.pk)


def of(row: Application, item: str, part: str = "") -> Query:
    return inquiries.effective(row.key, row.claim_version)[item, part]


def tell_otherwise(monkeypatch: pytest.MonkeyPatch, item: str, changes: dict[str, Any]) -> None:
    """From now on the departments' answers to one item hold other fields."""
    real = connector._take

    def take(reply: Any, query: Any, answer: Any) -> None:
        if answer.item == item and answer.fields:
            answer = answer.model_copy(update={"fields": {**answer.fields, **changes}})
        real(reply, query, answer)

    monkeypatch.setattr(connector, "_take", take)


def test_every_answer_in_force_has_its_query_and_every_check_its_evidence() -> None:
    links = Evidence.objects.select_related("query")
    assert links.exists() and not Outstanding.objects.exists()
    assert all(e.query.state == "answered" and e.query.subject == e.subject for e in links)
    known = {(e.subject, e.claim_version, e.item, e.part) for e in links}
    checks = Check.objects.values_list("application__key", "claim_version", "item", "part")
    assert set(checks) <= known


def test_corrected_claims_asked_less_than_new_ones() -> None:
    corrected = Application.objects.filter(claim_version__gt=1).values_list("key", "claim_version")
    assert corrected
    new = sum(Query.objects.filter(subject=k, claim_version=v).count() for k, v in corrected)
    used = sum(Evidence.objects.filter(subject=k, claim_version=v).count() for k, v in corrected)
    assert 0 < new < used


def test_an_answer_that_stays_the_same_changes_nothing(passed: Application) -> None:
    before = (passed.state, passed.category, passed.changed_at)
    decision = clock.now() + timedelta(days=40)
    assert verify.refresh(passed.season, decision) >= 5
    assert verify.refresh(passed.season, decision) == 0, "asked once, however often the job runs"
    verify.verify_waiting()
    passed.refresh_from_db()
    assert (passed.state, passed.category, passed.changed_at) == before
    assert of(passed, "PS2").renews is not None and not Outstanding.objects.exists()


def test_an_answer_that_changes_is_decided_anew(passed: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_otherwise(monkeypatch, "PS2", {"region": "110101", "address_code": "elsewhere/1", "address": "北京市"})
    verify.refresh(passed.season, clock.now() + timedelta(days=40))
    verify.verify_waiting()
    passed.refresh_from_db()
    assert stored_facts.unpack(passed.facts)["child.hukou_district"].value == "other"
    assert "recheck" in passed.transitions.values_list("name", flat=True)


def test_a_disputed_register_opens_the_way_by_papers_and_its_answer_closes_the_loop(
    passed: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = disputes.dispute(passed.key, passed.guardian, of(passed, "PS2").request_id, "entered_on", "2019年5月")
    passed.refresh_from_db()
    assert passed.state == State.NEED_INFO and passed.needed == ["register_disputed"] and passed.deadline
    assert review.DOCUMENT_KINDS and request.state == "open"
    again = disputes.dispute(passed.key, passed.guardian, of(passed, "PS2").request_id, "address", "另一处")
    assert again.pk == request.pk and Correction.objects.count() == 1
    tell_otherwise(monkeypatch, "PS2", {"entered_on": "2019-05-06"})
    disputes.settle(request.key, True, "已更正", By(Actor.DISTRICT))
    verify.verify_waiting()
    passed.refresh_from_db()
    assert passed.state == State.AUTO_PASSED
    assert str(stored_facts.unpack(passed.facts)["child.hukou_entry_on"].value) == "2019-05-06"
    with pytest.raises(ValueError, match="answered already"):
        disputes.settle(request.key, False, "", By(Actor.DISTRICT))


def with_the_school(row: Application, state: State = State.SCHOOL_REVIEW) -> None:
    Application.objects.filter(pk=row.pk).update(state=state, needed=["household_address"], category="")


def test_who_looks_at_papers_sees_what_a_register_asked_again_says(
    passed: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_the_school(passed, State.RETURNED)
    tell_otherwise(monkeypatch, "PS2", {"entered_on": "2019-05-06"})
    assert verify.refresh(passed.season, clock.now() + timedelta(days=40)) == 0, "it is not decided"
    assert verify.refresh(passed.season, clock.now() + timedelta(days=40), verify.BEFORE_A_PERSON) >= 5
    verify.verify_waiting()
    passed.refresh_from_db()
    assert passed.state == State.RETURNED
    assert str(stored_facts.unpack(passed.facts)["child.hukou_entry_on"].value) == "2019-05-06"


def test_a_file_that_a_corrected_register_settles_leaves_the_schools_queue(
    passed: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_the_school(passed)
    request = disputes.dispute(passed.key, passed.guardian, of(passed, "PS2").request_id, "entered_on", "2019年5月")
    tell_otherwise(monkeypatch, "PS2", {"entered_on": "2019-05-06"})
    disputes.settle(request.key, True, "已更正", By(Actor.DISTRICT))
    verify.verify_waiting()
    passed.refresh_from_db()
    assert passed.state == State.AUTO_PASSED and passed.category and not passed.needed


def test_what_hangs_on_an_answer_that_came_second_is_asked_too(
    passed: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def further(row: Application, consent: str, places: Any, answers: Any) -> list[inquiries.Inquiry]:
        made = [("PS5", {"address": passed.compound.address}, "second")]
        if ("PS5", "second") in answers and answers["PS5", "second"].state == "answered":
            made.append(("PS5", {"address": "山东省潍坊市奎文区东风东街1号"}, "third"))
        return [
            inquiries.Inquiry(row.key, row.season.district_id, item, row.claim_version, consent, keys, {}, part)
            for item, keys, part in made
        ]

    monkeypatch.setattr(questions, "further_questions", further)
    Application.objects.filter(pk=passed.pk).update(state=State.VERIFYING, leased_until=None)
    verify.verify_waiting()
    passed.refresh_from_db()
    assert passed.state != State.VERIFYING and of(passed, "PS5", "third").state == "answered"


def test_a_family_that_cannot_be_judged_goes_to_a_person_and_stops_no_other(
    passed: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = (
        Application.objects.filter(by_human=False, claim_version=1).exclude(category="").exclude(pk=passed.pk).first()
    )
    assert other is not None
    Application.objects.filter(pk__in=[passed.pk, other.pk]).update(state=State.VERIFYING, leased_until=None)
    real = verify._judge

    def judge(row: Application, *rest: Any) -> Any:
        if row.pk == passed.pk:
            raise ValueError("a form that nobody thought of")
        return real(row, *rest)

    monkeypatch.setattr(verify, "_judge", judge)
    verify.verify_waiting()
    passed.refresh_from_db()
    other.refresh_from_db()
    assert other.state not in (State.VERIFYING, State.SCHOOL_REVIEW)
    assert passed.state == State.SCHOOL_REVIEW and passed.needed == ["not_readable"]
    client = Client()
    client.force_login(passed.guardian)
    assert client.get(f"/g/a/{passed.key}/").status_code == 200


def test_nobody_disputes_what_is_another_familys(passed: Application) -> None:
    other = Application.objects.exclude(guardian=passed.guardian).first()
    assert other is not None
    with pytest.raises(ValueError, match="no such question"):
        disputes.dispute(
            passed.key, passed.guardian, Query.objects.filter(subject=other.key)[0].request_id, "other", "x"
        )
    with pytest.raises(ValueError, match="not open"):
        disputes.dispute(passed.key, other.guardian, of(passed, "PS2").request_id, "other", "x")


def test_registers_that_contradict_each_other_are_not_believed_and_a_person_looks(
    passed: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_otherwise(monkeypatch, "PS1", {"born_on": "2019-01-01"})
    verify.refresh(passed.season, clock.now() + timedelta(days=90))
    verify.verify_waiting()
    passed.refresh_from_db()
    assert passed.state == State.SCHOOL_REVIEW and passed.needed == ["registers_contradict"]
    assert stored_facts.unpack(passed.facts)["child.born_on"].value is None


def test_a_long_silence_opens_the_way_by_papers_and_a_late_answer_is_still_used(passed: Application) -> None:
    query = of(passed, "PS2")
    Query.objects.filter(pk=query.pk).update(state="waiting", fields=None, code=None)
    asked = verify._all_questions(passed, verify._agreements([passed]), verify._places([passed]), {})
    mine = next(i for i in asked if (i.item, i.part) == ("PS2", ""))
    soon = timezone.now() + timedelta(hours=1)
    Outstanding.objects.bulk_create([inquiries._outstanding(mine, query, False, timedelta(0))])
    Outstanding.objects.update(next_try_at=soon, failures=3)
    Health.objects.filter(item="PS2").update(failures=3, open_until=soon)
    Application.objects.filter(pk=passed.pk).update(state=State.VERIFYING, changed_at=clock.now())
    verify.verify_waiting()
    passed.refresh_from_db()
    assert passed.state == State.VERIFYING and passed.needed == ["department_silent"]
    clock.stop_at(clock.now() + verify.PATIENCE + timedelta(hours=1))
    Application.objects.filter(pk=passed.pk).update(leased_until=None)
    verify.verify_waiting()
    passed.refresh_from_db()
    assert passed.state == State.NEED_INFO and passed.deadline is not None
    Outstanding.objects.update(next_try_at=timezone.now())
    Health.objects.filter(item="PS2").update(failures=0, open_until=None)
    verify.verify_waiting()
    passed.refresh_from_db()
    assert passed.state == State.AUTO_PASSED and not passed.needed


def test_an_answer_that_could_not_matter_is_shown_when_it_comes(
    passed: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = of(passed, "PS1", "guardian")
    Query.objects.filter(pk=query.pk).update(state="waiting", fields=None, code=None, match="")
    asked = verify._all_questions(passed, verify._agreements([passed]), verify._places([passed]), {})
    mine = next(i for i in asked if (i.item, i.part) == ("PS1", "guardian"))
    soon = timezone.now() + timedelta(hours=1)

    def silence() -> None:
        Outstanding.objects.bulk_create([inquiries._outstanding(mine, query, False, timedelta(0))])
        Outstanding.objects.update(next_try_at=soon, failures=3)
        Health.objects.filter(item="PS1").update(failures=3, open_until=soon)

    def answered() -> None:
        Outstanding.objects.update(next_try_at=timezone.now())
        Health.objects.filter(item="PS1").update(failures=0, open_until=None)
        verify.verify_waiting()
        passed.refresh_from_db()

    def shown() -> str:
        return str(passed.checks.get(claim_version=passed.claim_version, item="PS1", part="guardian").status)

    silence()
    Application.objects.filter(pk=passed.pk).update(state=State.VERIFYING, leased_until=None)
    verify.verify_waiting()
    passed.refresh_from_db()
    assert (passed.state, shown()) == (State.AUTO_PASSED, "waiting")
    changes = passed.transitions.count()
    answered()
    assert (passed.state, shown(), passed.transitions.count()) == (State.AUTO_PASSED, "matched", changes)

    Query.objects.filter(pk=query.pk).update(state="waiting", fields=None, code=None, match="")
    Check.objects.filter(application=passed, item="PS1", part="guardian").update(status="waiting")
    silence()
    real = connector._take
    monkeypatch.setattr(connector, "_take", lambda r, q, a: real(r, q, a.model_copy(update={"match": Match.NO, "compared": {}, "fields": {}})))  # fmt: skip
    answered()
    assert passed.state == State.NEED_INFO and passed.needed == ["identity_mismatch"]


def test_a_crash_between_answer_and_family_is_mended_by_the_sweep(passed: Application) -> None:
    far = timezone.now() + timedelta(minutes=30)
    Application.objects.filter(pk=passed.pk).update(state=State.VERIFYING, leased_until=far)
    assert not verify.unfinished()
    assert verify.wake_forgotten() == 1 and verify.unfinished()
    verify.verify_waiting()
    passed.refresh_from_db()
    assert passed.state == State.AUTO_PASSED


def test_a_stored_answer_can_be_replayed_through_todays_rule(passed: Application) -> None:
    then, now = verify.replay(of(passed, "NR1", "guardian")) or (None, None)
    assert then and now and then.category == now.category == passed.category
    lost = of(passed, "NR1", "guardian")
    lost.fields, lost.code = None, 1
    replayed = verify.replay(lost)
    passed.refresh_from_db()
    assert replayed and passed.category == then.category, "nothing is stored"


def wait_for_an_answer(row: Application, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The household register owes the family an answer; returns the items that are asked from now on."""
    old, asked = of(row, "PS2"), []
    inquiries.renew([inquiries.Inquiry(row.key, old.district, "PS2", row.claim_version, old.consent, {"id": "1"})])
    inquiry = inquiries.Inquiry(row.key, old.district, "PS2", row.claim_version, old.consent, {"id": "2"}, part="more")
    inquiries.plan([inquiry])
    application = {"application": row, "claim_version": row.claim_version, "item": "PS2", "part": "more"}
    Check.objects.create(**application, status=Check.Status.WAITING, reason="department_silent", first_try=False)
    monkeypatch.setattr(connector, "send", lambda setup, item, *more: asked.append(item))
    assert Outstanding.objects.filter(subject=row.key).count() == 2
    return asked


@pytest.mark.parametrize("state", [State.VERIFYING, State.NEED_INFO])
def test_with_the_consent_ends_what_waits_and_the_family_goes_on(
    passed: Application, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    asked = wait_for_an_answer(passed, monkeypatch)
    far = timezone.now() + timedelta(minutes=30)
    Application.objects.filter(pk=passed.pk).update(state=state, leased_until=far, needed=["department_silent"])
    claims.withdraw_consent(passed.guardian)
    verify.verify_waiting()
    assert not asked and not Outstanding.objects.filter(subject=passed.key).exists()
    assert set(Query.objects.filter(subject=passed.key, part="more").values_list("state", flat=True)) == {"dropped"}
    passed.refresh_from_db()
    assert passed.state == State.NEED_INFO and passed.needed == ["not_asked"]
    assert not passed.checks.filter(status=Check.Status.WAITING).exists()


def test_with_the_application_ends_what_waits(passed: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = wait_for_an_answer(passed, monkeypatch)
    claims.withdraw(passed.key, passed.guardian)
    verify.verify_waiting()
    assert not asked and not Outstanding.objects.filter(subject=passed.key).exists()
    assert of(passed, "PS2").state == "answered"


def test_a_seasons_answers_are_deleted_and_its_questions_are_not(passed: Application) -> None:
    season = passed.season
    Document.objects.create(application=passed, kind="booklet", number="1", image="AA==", uploaded_at=clock.now())
    assert retention.erase(season) > 0 and retention.erase(season) == 0
    mine = Query.objects.filter(subject=passed.key)
    assert mine.exists() and not mine.exclude(fields=None, code=None, match="", compared={}).exists()
    passed.refresh_from_db()
    paper = passed.documents.get()
    assert paper.image is None and paper.number is None and paper.kind == "booklet"
    assert passed.facts == {} and passed.category, "the decision stays, what it was read off does not"
    client = Client()
    client.force_login(passed.guardian)
    for page in ("", "asked"):
        assert client.get(f"/g/a/{passed.key}/{page}").status_code == 200
    checks = Check.objects.filter(application=passed)
    assert checks.exists() and not checks.exclude(claimed=None, registered=None).exists()


def official(key: str = "kuiwen") -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.cookies["ruxue_language"] = "en"
    client.force_login(User.objects.get(username=key))
    return client


def test_an_answer_is_found_by_its_receipt_and_its_record_is_complete(passed: Application) -> None:
    staff = StaffRole.objects.get(role="district", scope=passed.season.district_id).user
    client, query = official(staff.username), of(passed, "PS2")
    page = client.get("/b/departments/PS2", {"receipt": passed.receipt.lower()}).content.decode()
    assert passed.receipt in page and page.count("?replay=") == 1
    page = client.get("/b/departments/PS2", {"replay": query.request_id}).content.decode()
    query.refresh_from_db()
    record = (query.purpose, query.legal_basis, query.consent, query.keys_digest, query.answer_digest, query.signature)
    assert query.purpose == "RX-YWJY" and all(record) and all(part in page for part in record)
    assert str(query.request_id) in page and "the platform" in page
    assert "No answer of this receipt" in client.get("/b/departments/PS2", {"receipt": "NOBODY"}).content.decode()
    assert client.get("/b/departments/PS2", {"replay": "x"}).status_code == 404


def test_who_had_it_asked_is_on_record_by_name(passed: Application) -> None:
    clerk = StaffRole.objects.filter(role="reviewer", scope=passed.school_id).first()
    assert clerk is not None
    answer = review.ask_by_number(passed.key, By(Actor.SCHOOL, clerk.user), "鲁(2019)潍坊市不动产权第0000001号")
    assert answer is not None and answer.requester == clerk.user.key
    client = official()
    client.force_login(passed.guardian)
    page = client.get(f"/g/a/{passed.key}/asked").content.decode()
    assert "Asked by your school" in page and clerk.user.display_name in page


def test_a_faulty_connectors_file_is_named_on_the_page_and_in_the_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "connectors.yaml"
    file.write_text("departments: {PS: {url: http://x}}")
    monkeypatch.setattr(settings, "CONNECTORS", str(file))
    assert "ruxue_exchange_connectors_faulty 0.0" in Client().get("/metrics").content.decode()
    file.write_text("departments: {PS: {url: nowhere}}")
    os.utime(file, (1, 1))
    page = official().get("/b/departments").content.decode()
    assert "connectors file is faulty" in page and "departments.PS.url" in page
    assert "ruxue_exchange_connectors_faulty 1.0" in Client().get("/metrics").content.decode()


def test_metrics_are_for_who_holds_the_token() -> None:
    assert Client(REMOTE_ADDR="203.0.113.9").get("/metrics").status_code == 404
    assert Client().get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    text = Client().get("/metrics").content.decode()
    assert 'ruxue_exchange_answers_total{department="PS",item="PS1",result="match"}' in text
    assert 'ruxue_exchange_latency_seconds_bucket{department="PS",item="PS1",le="+Inf"}' in text
    with override_settings(METRICS_TOKEN="secret"):
        assert Client().get("/metrics").status_code == 404
        assert Client().get("/metrics", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_a_preference_is_shown_by_its_register_where_the_city_has_connected_it(passed: Application) -> None:
    passed.claim = {**passed.claim, "special_group": "martyr"}
    places = verify._places([passed])
    asked = [q for q in questions.first_questions(passed, "c", places) if q.item == "X4" and q.part == "guardian"]
    assert asked[0].claim == {"group": "martyr"}
    answers = inquiries.effective(passed.key, passed.claim_version)
    assert evidence.judge(passed, answers, places).facts["family.special_group"].value == ""
    answers["X4", "guardian"] = Query(item="X4", part="guardian", state="answered", code=0, match="Y", fields={})
    fact = evidence.judge(passed, answers, places).facts["family.special_group"]
    assert (fact.value, fact.source) == ("martyr", "X4")


def test_every_key_and_claim_of_the_contract_has_words_in_both_languages() -> None:
    for language, odd in (("en", "_"), ("zh-hans", "abcdefghijklmnopqrstuvwxyz")):
        with override(language):
            words = [tags.key_names(item.keys) for item in ITEMS.values()]
            words += [tags.claimed_name(name) for item in ITEMS.values() for name in item.claims]
        assert not [w for w in words if any(sign in w for sign in odd)], language
