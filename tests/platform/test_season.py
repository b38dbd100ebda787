"""What must hold of a played season, and of the steps around it."""

from __future__ import annotations

import base64
import io
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from PIL import Image

from ruxue import crypto
from ruxue.accounts import consent, signin
from ruxue.accounts.models import PhoneCode, User
from ruxue.admissions import notices, rounds
from ruxue.admissions.models import Notice, Offer, Publication
from ruxue.algorithms import merkle
from ruxue.algorithms.identity import id_check_digit
from ruxue.applications import claims, review, stored_facts, verify
from ruxue.applications.machine import By, NotAllowed
from ruxue.applications.models import Application, Check, Transition
from ruxue.applications.reasons import REASONS
from ruxue.applications.states import CHANGES, Actor, State
from ruxue.exchange.models import Query
from ruxue.ledger import clock, log
from ruxue.ledger.models import Entry, TreeHead
from ruxue.places import seasons
from ruxue.places.models import Compound, Season, SeatPlan, Zone
from ruxue.simulation import season as play

pytestmark = pytest.mark.usefixtures("db_world")


def a_season() -> Season:
    found = seasons.current("kuiwen")
    assert found is not None
    return found


def at(month: int, day: int) -> None:
    clock.stop_at(play.at(2026, month, day))


def a_draft(serial: int = 901, phone: str = "14099999999", born: str = "20200301") -> tuple[User, Application]:
    """A family nobody has a register of, with a complete claim."""
    user = User.objects.guardian(phone)
    consent.give(user, ["PS1"], clock.today() + timedelta(days=300))
    at(3, 15)
    row = claims.start(user, a_season())

    def number(day: str, n: int) -> str:
        first = f"370799{day}{n:03d}"
        return first + id_check_digit(first)

    compound = Zone.objects.filter(season=a_season()).first().compounds.first()
    claims.save(
        row,
        {
            "child": {"name": "测试童", "id_number": number(born, serial)},
            "guardian": {"name": "测试父", "id_number": number("19900101", serial), "relation": "father"},
            "basis": "owned",
            "compound": compound.code,
        },
    )
    return user, row


def test_the_report_holds_what_the_platform_promises(db_world):
    result = play.report(db_world.player)
    assert result["decisions"]["wrong_pass"] == result["decisions"]["wrong_fail"] == 0
    assert result["decisions"]["frauds_passed"] == 0
    assert result["admission"]["over_plan"] == 0
    due = result["applications"]["submitted"] - result["applications"]["ineligible"]
    assert result["admission"]["seated"] + result["admission"]["gave_up"] == due
    assert 0 < result["admission"]["gave_up"] < 5
    assert result["zero_touch_rate"] >= 0.6
    assert result["ledger"]["entries"] == Entry.objects.exclude(index=None).count() > 0


def test_no_seat_beyond_a_plan_and_nobody_in_two():
    for plan in SeatPlan.objects.all():
        assert Offer.objects.filter(school=plan.school, application__state=State.ACCEPTED).count() <= plan.seats
    assert Offer.objects.count() == Offer.objects.values("application").distinct().count()


def test_every_transition_is_one_of_the_machine_and_stands_in_the_log():
    for t in Transition.objects.all():
        rule = CHANGES[t.name]
        assert t.source in rule.sources and t.target == rule.target and t.actor_kind in rule.actors
    assert Entry.objects.filter(kind="decision").count() == Transition.objects.count()


def test_every_reason_code_in_use_has_words():
    used = {c for row in Application.objects.all() for c in row.needed} | set(
        Check.objects.exclude(reason="").values_list("reason", flat=True)
    )
    assert used <= set(REASONS)


def test_the_log_can_only_grow():
    head = TreeHead.objects.order_by("-size").first()
    leaves = [bytes(x) for x in Entry.objects.exclude(index=None).order_by("index").values_list("leaf", flat=True)]
    assert merkle.root(leaves).hex() == head.root
    log.append("test", "x", {"a": 1})
    newer = log.seal()
    grown = [bytes(x) for x in Entry.objects.exclude(index=None).order_by("index").values_list("leaf", flat=True)]
    proof = merkle.consistency_proof(grown, head.size)
    assert merkle.verify_consistency(head.size, newer.size, bytes.fromhex(head.root), bytes.fromhex(newer.root), proof)


def test_no_identity_number_or_name_stands_in_the_clear():
    family = Application.objects.first().claim
    with connection.cursor() as cursor:
        for table in (
            "applications_application",
            "exchange_query",
            "ledger_entry",
            "accounts_user",
            "applications_check",
        ):
            cursor.execute(
                f"select count(*) from {table} t where t::text like %s or t::text like %s",
                [f"%{family['child']['id_number']}%", f"%{family['guardian']['name']}%"],
            )
            assert cursor.fetchone()[0] == 0


def test_one_answer_for_a_claim_and_no_evidence_without_its_query():
    assert not Query.objects.exclude(state="answered").exists()
    assert Query.objects.count() == Query.objects.values("subject", "item", "part", "claim_version").distinct().count()
    assert not Check.objects.exclude(item__in=Query.objects.values("item")).exists()


def test_a_child_can_be_applied_for_once():
    user, row = a_draft()
    claims.submit(row.key, user)
    other, second = a_draft(phone="14099999998")
    with pytest.raises(claims.AlreadyApplied) as error:
        claims.submit(second.key, other)
    assert error.value.receipt_tail == row.receipt_tail and not error.value.mine
    second.refresh_from_db()
    assert second.state == State.DRAFT and second.claim["child"]["name"] == "测试童"


def test_what_is_wrong_is_named_field_by_field_and_nothing_typed_is_lost():
    user, row = a_draft()
    claims.save(row, {"child": {"name": "测", "id_number": "37079920200301001X1"}, "compound": ""})
    with pytest.raises(claims.ClaimError) as error:
        claims.submit(row.key, user)
    assert error.value.fields == {"child.name": "name_form", "child.id_number": "id_form", "compound": "compound"}
    row.refresh_from_db()
    assert row.claim["child"]["name"] == "测"


def test_without_consent_nothing_is_asked():
    user, row = a_draft()
    consent.withdraw(user)
    with pytest.raises(claims.ClaimError) as error:
        claims.submit(row.key, user)
    assert error.value.fields == {"consent": "consent"}


def test_outside_the_windows_nothing_is_submitted():
    user, row = a_draft()
    at(8, 30)
    with pytest.raises(seasons.NotOpen):
        claims.submit(row.key, user)


def test_a_silent_department_leaves_unknown_never_false(monkeypatch):
    user, row = a_draft()
    claims.submit(row.key, user)
    monkeypatch.setattr(settings, "DEPARTMENTS_URL", "http://127.0.0.1:9")
    for _ in range(10):  # a busy machine takes longer over the three tries that open a breaker
        verify.verify_waiting(linger=5.0)
        row.refresh_from_db()
        if row.facts:
            break
    assert row.state == State.VERIFYING
    facts = stored_facts.unpack(row.facts)
    assert facts["child.hukou_district"].value is None and facts["dwelling.owned_by_family"].value is None
    assert {c.status for c in row.checks.all()} == {"waiting"}


def test_an_unknown_family_is_asked_and_at_last_has_a_place():
    user, row = a_draft()
    claims.submit(row.key, user)
    verify.verify_waiting()
    row.refresh_from_db()
    assert row.state == State.NEED_INFO and "identity_mismatch" in row.needed and row.deadline is not None
    claims.go_on_without(row.key, user)
    row.refresh_from_db()
    assert row.state == State.CLASSIFIED and row.category == "T"


def picture() -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "a secret description"
    Image.new("RGB", (3000, 2000), "white").save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_pictures_are_made_anew():
    user, row = a_draft()
    claims.submit(row.key, user)
    verify.verify_waiting()
    paper = review.upload(row.key, user, "certificate", picture(), "鲁(2019)潍坊市不动产权第0000001号")
    stored = base64.b64decode(paper.image)
    assert b"secret description" not in stored
    assert max(Image.open(io.BytesIO(stored)).size) <= review.MAX_SIDE
    with pytest.raises(review.UploadError, match="not_a_picture"):
        review.upload(row.key, user, "certificate", b"<svg onload=alert(1)>")
    row.refresh_from_db()
    assert row.state == State.SCHOOL_REVIEW


def test_a_reviewer_confirms_facts_and_the_rule_decides():
    user, row = a_draft()
    claims.submit(row.key, user)
    verify.verify_waiting()
    review.upload(row.key, user, "certificate", picture())
    clerk = By(Actor.SCHOOL, User.objects.filter(roles__role="reviewer").first())
    facts = {
        "child.hukou_district": "kuiwen",
        "child.already_enrolled": False,
        "child.with_guardian_household": True,
        "dwelling.owned_by_family": True,
        "dwelling.residential": True,
        "dwelling.in_zone": True,
        "dwelling.address_equals_hukou": True,
        "child.born_on": row.born_on or clock.today().replace(year=2020),
    }
    assert review.accept(row.key, clerk, facts).category == "K1"
    with pytest.raises(NotAllowed):
        review.accept(row.key, clerk, facts)


def test_sign_in_codes_are_throttled_and_die(monkeypatch):
    monkeypatch.setattr(settings, "SMS_GATEWAY", "ruxue.accounts.sms.OnPageGateway")
    sent = signin.send_code("14088888888", "10.0.0.1")
    assert sent.on_page and not PhoneCode.objects.filter(digest__contains=sent.on_page).exists()
    with pytest.raises(signin.SignInError, match="wait"):
        signin.send_code("14088888888", "10.0.0.1")
    for _ in range(5):
        with pytest.raises(signin.SignInError, match="wrong_code"):
            signin.check_code("14088888888", "000000" if sent.on_page != "000000" else "111111")
    with pytest.raises(signin.SignInError, match="too_many"):
        signin.check_code("14088888888", sent.on_page)


def test_an_objection_can_change_the_category_by_the_rule_only():
    row = Application.objects.filter(state=State.ACCEPTED, season=a_season(), category="K2").first()
    Application.objects.filter(pk=row.pk).update(state=State.PUBLISHED)
    at(7, 10)
    made = review.object_to(row.key, row.guardian, "户口地址就是这套房")
    official = By(Actor.DISTRICT, User.objects.get(username="kuiwen"))
    at(7, 16)
    with pytest.raises(rounds.StepError, match="objection"):
        rounds.lock(a_season(), official)
    changed = review.answer_objection(
        made.pk,
        official,
        True,
        "核实无误",
        {"dwelling.address_equals_hukou": True, "child.with_guardian_household": True},
    )
    assert changed.category == "K1" and changed.state == State.PUBLISHED


def test_a_refusal_is_not_the_last_word():
    row = Application.objects.filter(state=State.ACCEPTED, season=a_season()).first()
    before = row.category
    enrolled = {**row.facts, "child.already_enrolled": [True, "ED1", "2026-03-01"]}
    Application.objects.filter(pk=row.pk).update(state=State.REJECTED, category="", facts=enrolled, needed=[])
    at(7, 10)
    official = By(Actor.DISTRICT, User.objects.get(username="kuiwen"))
    denied = review.answer_objection(review.object_to(row.key, row.guardian, "不是").pk, official, False, "学籍仍在")
    assert denied.state == State.REJECTED
    again = review.object_to(row.key, row.guardian, "学籍已注销，见证明")
    with pytest.raises(review.StillRefused):
        review.answer_objection(again.pk, official, True, "属实")
    upheld = review.answer_objection(again.pk, official, True, "属实", {"child.already_enrolled": False})
    assert (upheld.state, upheld.category) == (State.PUBLISHED, before)


def test_a_refused_family_may_leave_and_apply_anew():
    row = Application.objects.filter(state=State.ACCEPTED, season=a_season()).first()
    Application.objects.filter(pk=row.pk).update(state=State.REJECTED)
    claims.withdraw(row.key, row.guardian)
    assert Application.objects.get(pk=row.pk).state == State.WITHDRAWN


def test_steps_are_taken_once():
    official = By(Actor.DISTRICT, User.objects.get(username="kuiwen"))
    at(7, 17)
    with pytest.raises(rounds.StepError, match="nobody_waiting"):
        rounds.run(a_season(), official)


def test_published_lists_are_masked():
    for row in Publication.objects.all():
        text = str(row.payload)
        assert "370799" not in text
        assert all("*" in entry["name"] for entries in row.payload["schools"].values() for entry in entries)


def test_notices_can_be_verified_and_not_forged():
    found = Notice.objects.first()
    assert notices.is_genuine(found)
    found.signature = "00" * 64
    assert not notices.is_genuine(found)
    assert notices.pdf(Notice.objects.first(), "http://localhost/n/x").startswith(b"%PDF")


def client_of(name: str) -> Client:
    client = Client(headers={"accept-language": "zh"})
    client.force_login(User.objects.get(username=name), backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_what_is_outside_a_scope_is_not_there():
    mine = SeatPlan.objects.filter(season=a_season()).first().school
    clerk = client_of(f"school-{mine.code.lower()}")
    foreign = Application.objects.exclude(school=mine).first()
    own = Application.objects.filter(school=mine).first()
    assert clerk.get(f"/s/file/{own.key}").status_code == 200
    assert clerk.get(f"/s/file/{foreign.key}").status_code == 404
    assert clerk.get("/b/").status_code == 404
    assert client_of("kuiwen").get("/b/?district=gaoxin").status_code == 404
    assert client_of("auditor").post("/b/steps?district=kuiwen", {"do": "publish"}).status_code == 404
    family = Client()
    family.force_login(own.guardian, backend="django.contrib.auth.backends.ModelBackend")
    other = Application.objects.exclude(guardian=own.guardian).first()
    assert family.get(f"/g/a/{own.key}/").status_code == 200
    assert family.get(f"/g/a/{other.key}/").status_code == 404
    assert family.get(f"/s/file/{own.key}").status_code == 404


def test_looks_at_a_file_are_logged_and_shown_to_the_family():
    row = Application.objects.first()
    client_of("city").get(f"/s/file/{row.key}")
    family = Client()
    family.force_login(row.guardian, backend="django.contrib.auth.backends.ModelBackend")
    assert "潍坊市教育局 · 查看申请" in family.get(f"/g/a/{row.key}/asked").content.decode()


def test_security_headers_and_cookies():
    page = Client().get("/")
    assert "script-src 'self'" in page["Content-Security-Policy"] and page["X-Frame-Options"] == "DENY"
    assert Client(enforce_csrf_checks=True).post("/g/signin", {"phone": "14000000000"}).status_code == 403


def test_every_public_page_answers_in_both_languages():
    compound = Compound.objects.first()
    school = SeatPlan.objects.first().school
    for language, word in (("zh-hans", "提交先后不影响录取"), ("en", "The order of submission makes no difference")):
        client = Client()
        client.cookies["ruxue_language"] = language
        for path in (
            "/",
            "/timetable",
            "/schools",
            f"/schools/{school.code}",
            f"/which?compound={compound.code}",
            "/rules/kuiwen",
            "/results",
            f"/results/{school.code}",
            "/statistics",
            "/draws",
            "/log",
            "/help",
            "/accessibility",
            "/privacy",
        ):
            page = client.get(path)
            assert page.status_code == 200 and word in page.content.decode(), (language, path)


def test_master_keys_do_not_open_each_other(settings):
    sealed = crypto.encrypt(b"text", "a")
    assert crypto.decrypt(sealed, "a") == b"text"
    with pytest.raises(crypto.CryptoError):
        crypto.decrypt(sealed, "b")
    settings.RUXUE_CRYPTO = "sm"
    chinese = crypto.encrypt(b"text", "a")
    assert chinese[:1] != sealed[:1] and crypto.decrypt(chinese, "a") == crypto.decrypt(sealed, "a") == b"text"
