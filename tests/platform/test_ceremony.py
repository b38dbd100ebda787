"""Ceremonies without a browser: the machine, the failures that draw-protocol.md names, and what is published."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import translation

from ruxue import crypto
from ruxue.accounts.models import User
from ruxue.algorithms import bundle, draw
from ruxue.applications.machine import By
from ruxue.applications.models import Application, Message
from ruxue.applications.states import Actor, State
from ruxue.classes import ceremony, lot, minutes, prepare, steps
from ruxue.classes.ceremony import CeremonyError
from ruxue.classes.models import Act, Ceremony, Place, TeacherTeam
from ruxue.ledger import clock, log
from ruxue.ledger.models import Entry
from ruxue.places import seasons
from ruxue.places.models import School, SeatPlan
from ruxue.simulation import season as play
from ruxue.web.witness import show

pytestmark = pytest.mark.usefixtures("db_world")
BY = By(Actor.DISTRICT)


def a_school() -> School:
    clock.stop_at(play.at(2026, 8, 20))
    return SeatPlan.objects.filter(season=seasons.current("kuiwen")).first().school


def publish(kind: str = "classes") -> Ceremony:
    school = a_school()
    return ceremony.publish(seasons.current(school.district_id), school, kind, BY)


def secret_of(code: str) -> bytes:
    return f"the secret of {code} 0123456789".encode()


def join_all(made: Ceremony) -> None:
    for w in made.witnesses.all():
        if not w.holder:
            ceremony.join(w.token, "王小明")


def commit_all(made: Ceremony) -> None:
    join_all(made)
    ceremony.open_commitments(made.key, BY)
    for w in made.witnesses.all():
        ceremony.commit(w.holder, draw.commitment(bytes.fromhex(made.digest), w.code, secret_of(w.code)).hex())


def reveal_all(made: Ceremony) -> None:
    commit_all(made)
    for w in made.witnesses.all():
        ceremony.reveal(w.holder, secret_of(w.code).hex())


def drawn(kind: str = "classes") -> Ceremony:
    made = publish(kind)
    reveal_all(made)
    return ceremony.hold(made.key, BY)


def verified(made: Ceremony) -> bool:
    log.seal()
    return all(step.ok for step in bundle.verify_bundle(ceremony.published_bundle(made)))


def test_the_document_shows_the_machine():
    assert steps.diagram() in (Path(__file__).parents[2] / "docs" / "ceremony.md").read_text(encoding="utf-8")


def test_a_ceremony_goes_one_way_and_its_bundle_agrees():
    made = publish()
    first = made.witnesses.first()
    with pytest.raises(CeremonyError, match="witnesses"):
        ceremony.open_commitments(made.key, BY)
    join_all(made)
    with pytest.raises(CeremonyError, match="taken"):
        ceremony.join(first.token, "另一个人")
    first.refresh_from_db()
    with pytest.raises(CeremonyError, match="not_now"):
        ceremony.commit(first.holder, "0" * 64)
    ceremony.open_commitments(made.key, BY)
    with pytest.raises(CeremonyError, match="not_now"):
        ceremony.replace(made.key, first.code, BY, "手机没电")
    with pytest.raises(CeremonyError, match="not_now"):
        ceremony.reveal(first.holder, "00" * 20)
    for w in made.witnesses.all():
        value = draw.commitment(bytes.fromhex(made.digest), w.code, secret_of(w.code)).hex()
        ceremony.commit(w.holder, value)
        ceremony.commit(w.holder, value)
        with pytest.raises(CeremonyError, match="already_committed"):
            ceremony.commit(w.holder, "0" * 64)
    with pytest.raises(CeremonyError, match="witnesses"):
        ceremony.hold(made.key, BY)
    for w in made.witnesses.all():
        ceremony.reveal(w.holder, secret_of(w.code).hex())
        ceremony.reveal(w.holder, secret_of(w.code).hex())
    with pytest.raises(CeremonyError, match="determined"):
        ceremony.void(made.key, BY, "我不喜欢这个结果", "parent")
    held = ceremony.hold(made.key, BY)
    assert ceremony.hold(made.key, BY).seed == held.seed
    assert Act.objects.filter(ceremony=made, step="hold").count() == 1
    report = held.result["report"]
    assert report["size_spread"] <= 1 and all(v["spread"] <= 1 for v in report["attributes"]["sex"].values())
    assert verified(held)
    with pytest.raises(CeremonyError, match="already_drawn"):
        ceremony.void(made.key, BY, "too late")


def test_every_step_is_one_of_the_machine_and_stands_in_the_ledger():
    made = drawn()
    acts = list(made.acts.all())
    assert [a.step for a in acts] == [
        "publish",
        *["join"] * 3,
        "open",
        *["commit"] * 3,
        "close",
        *["reveal"] * 3,
        "hold",
    ]
    for a in acts:
        step = steps.STEPS[a.step]
        assert (a.source or None) in step.sources and a.target == (step.target or a.source)
        assert a.actor_kind in step.actors and Entry.objects.get(pk=a.entry).kind == step.ledger
    # The digest of the list stands in the ledger before the first commitment.
    entries = Entry.objects.filter(subject=made.manifest["id"]).order_by("pk")
    assert entries[0].kind == "manifest" and entries[0].body["digest"] == made.digest
    assert not any(name in str(e.body) for e in entries for name in ("王小明", "小明"))


def test_who_asks_again_after_a_lost_answer_gets_the_same_place():
    made = publish()
    w = made.witnesses.first()
    claim = crypto.public_key()
    taken = ceremony.join(w.token, "王小明", claim)
    assert taken.holder == claim and ceremony.join(w.token, "王小明", claim).pk == w.pk
    assert made.acts.filter(step="join").count() == 1
    with pytest.raises(CeremonyError, match="taken"):
        ceremony.join(w.token, "另一个人", crypto.public_key())
    # A key that another place has, or that is none, is not taken.
    other = made.witnesses.get(code="bureau")
    assert ceremony.join(other.token, "李四", claim).holder != claim
    assert ceremony.join(made.witnesses.get(code="committee").token, "王五", "../x").holder != "../x"
    receipt = sorted(prepare.families(made))[0]
    claim = crypto.public_key()
    one = lot.register(made.key, made.hall, receipt, None, claim)
    assert one.token == claim and lot.register(made.key, made.hall, receipt, None, claim).pk == one.pk


def test_a_missing_witness_is_replaced_in_public_before_commitments_open():
    made = publish()
    join_all(made)
    before = made.witnesses.get(code="committee")
    with pytest.raises(CeremonyError, match="why"):
        ceremony.replace(made.key, "committee", BY, " ")
    ceremony.replace(made.key, "committee", BY, "家委会代表没有到场")
    with pytest.raises(CeremonyError, match="witnesses"):
        ceremony.open_commitments(made.key, BY)
    after = made.witnesses.get(code="committee")
    assert after.token != before.token and after.holder is None
    assert Entry.objects.filter(kind="ceremony", body__step="replace", body__reason="家委会代表没有到场").exists()
    reveal_all(made)
    assert verified(ceremony.hold(made.key, BY))


def test_a_wrong_secret_is_refused_in_public_and_the_right_one_still_counts():
    made = publish()
    commit_all(made)
    w = made.witnesses.first()
    for wrong in (b"another secret of theirs".hex(), "zz", "", secret_of(w.code).hex().upper()):
        with pytest.raises(CeremonyError, match="wrong_secret"):
            ceremony.reveal(w.holder, wrong)
    assert made.acts.filter(step="refuse", witness=w).count() == 4
    assert Entry.objects.filter(body__step="refuse", body__witness=w.code).exists()
    assert ceremony.reveal(w.holder, secret_of(w.code).hex()).secret


def test_a_withheld_secret_voids_the_draw_and_the_repeat_names_a_later_beacon():
    made = publish()
    commit_all(made)
    rest = [w for w in made.witnesses.all() if w.code != "bureau"]
    for w in rest:
        ceremony.reveal(w.holder, secret_of(w.code).hex())
    with pytest.raises(CeremonyError, match="only_withheld"):
        ceremony.void(made.key, BY, "换一次", "parent")
    voided = ceremony.void(made.key, BY, "", "bureau")
    assert voided.void_reason == "区教体局代表未公开秘密"
    assert Entry.objects.filter(kind="void", body__withheld="bureau").exists()
    with pytest.raises(CeremonyError, match="not_now"):
        ceremony.hold(made.key, BY)
    with pytest.raises(CeremonyError, match="needs_beacon"):
        publish()
    school = a_school()
    season = seasons.current(school.district_id)
    wanted = prepare.wishes(season, school, "classes")
    known = clock.now() - timedelta(hours=1)
    wanted.beacon = {"source": "index", "round": "2026-08-19", "at": known.isoformat()}
    with pytest.raises(CeremonyError, match="beacon_past"):
        prepare.save(season, school, "classes", wanted, None)
    wanted.beacon = {"source": "index", "round": "2026-08-20", "at": play.at(2026, 8, 20, 15).isoformat()}
    prepare.save(season, school, "classes", wanted, None)
    again = publish()
    assert again.manifest["beacon"] == {"source": "上证指数收盘点位", "round": "2026-08-20"}
    assert again.manifest["id"] == made.manifest["id"] + "-repeat-1"
    reveal_all(again)
    with pytest.raises(CeremonyError, match="beacon_missing"):
        ceremony.hold(again.key, BY)
    with pytest.raises(CeremonyError, match="beacon_early"):
        ceremony.set_beacon(again.key, BY, "3766.21")
    clock.stop_at(play.at(2026, 8, 20, 16))
    ceremony.set_beacon(again.key, BY, "3766.21")
    with pytest.raises(CeremonyError, match="not_now"):
        ceremony.set_beacon(again.key, BY, "3766.22")
    assert verified(ceremony.hold(again.key, BY))


def test_nobody_commits_once_the_beacon_is_known():
    made = publish()
    join_all(made)
    Ceremony.objects.filter(pk=made.pk).update(beacon_at=clock.now() + timedelta(hours=1))
    ceremony.open_commitments(made.key, BY)
    clock.stop_at(play.at(2026, 8, 20, 11))
    with pytest.raises(CeremonyError, match="beacon_passed"):
        ceremony.commit(made.witnesses.first().holder, "0" * 64)


def test_rules_that_turn_out_impossible_leave_a_way_out():
    made = publish()
    reveal_all(made)
    made.refresh_from_db()
    made.manifest["rules"]["classes"] = 99
    made.save()
    with pytest.raises(CeremonyError, match="infeasible"):
        ceremony.hold(made.key, BY)
    assert ceremony.void(made.key, BY, "规则无法满足").state == "void"


def test_a_draw_that_ended_before_any_secret_needs_no_beacon():
    made = publish()
    with pytest.raises(CeremonyError, match="why"):
        ceremony.void(made.key, BY, "")
    ceremony.void(made.key, BY, "名单有误")
    assert Entry.objects.filter(kind="void", body__reason="名单有误").exists()
    assert "beacon" not in publish().manifest


def test_a_late_second_operator_is_told_who_was_first():
    made = publish()
    join_all(made)
    first = User.objects.get(username="kuiwen")
    ceremony.open_commitments(made.key, By(Actor.DISTRICT, first))
    with pytest.raises(CeremonyError, match="done_already") as late:
        ceremony.open_commitments(made.key, BY)
    assert late.value.details["who"] == str(first)


def register(made: Ceremony, count: int) -> list[str]:
    codes = sorted(prepare.families(made))[:count]
    return [lot.register(made.key, made.hall, code).token for code in codes]


def play_lot(made: Ceremony, running: Ceremony, *, without: str = "") -> None:
    rows = list(running.witnesses.all())
    for w in rows:
        ceremony.commit(w.holder, draw.commitment(bytes.fromhex(running.digest), w.code, secret_of(w.code)).hex())
    for w in rows:
        if w.code != without:
            ceremony.reveal(w.holder, secret_of(w.code).hex())


def test_the_parents_witness_is_drawn_by_those_present():
    made = publish()
    with pytest.raises(CeremonyError, match="not_in_hall"):
        lot.register(made.key, "guessed", sorted(prepare.families(made))[0])
    with pytest.raises(CeremonyError, match="receipt"):
        lot.register(made.key, made.hall, "NOBODY2345")
    tokens = register(made, 6)
    with pytest.raises(CeremonyError, match="receipt_taken"):
        lot.register(made.key, made.hall, sorted(prepare.families(made))[0])
    lot.mix(tokens[0], True)
    with pytest.raises(CeremonyError, match="too_few"):
        lot.start(made.key, BY)
    lot.mix(tokens[4], True)
    running = lot.start(made.key, BY)
    with pytest.raises(CeremonyError, match="lot_begun"):
        lot.mix(tokens[1], True)
    play_lot(made, running)
    running.refresh_from_db()
    assert running.state == "drawn" and verified(running)
    order = running.result["order"]
    first, second = (made.present.get(number=int(code[1:])) for code in order[:2])
    assert list(lot.offers(made)) == [first.pk]
    with pytest.raises(CeremonyError, match="not_now"):
        lot.accept(second.token, "李四")
    lot.decline(first.token)
    assert list(lot.offers(made)) == [second.pk]
    taken = lot.accept(second.token, "李四")
    assert taken.code == "parent" and lot.accept(second.token, "李四").holder == taken.holder
    # Missing again: the third is asked, nobody is chosen.
    ceremony.replace(made.key, "parent", BY, "离场")
    assert list(lot.offers(made)) == [made.present.get(number=int(order[2][1:])).pk]


def test_the_familys_own_phone_takes_over_from_one_that_typed_the_receipt():
    made = publish()
    row = prepare.waiting_pupils(made.season, made.school)[0]
    typed = lot.register(made.key, made.hall, row.receipt)
    own = lot.register(made.key, made.hall, row.receipt, row.guardian)
    assert own.number == typed.number and own.token != typed.token and made.present.count() == 1
    assert lot.register(made.key, made.hall, row.receipt, row.guardian).token == own.token


def test_a_phone_that_withholds_in_the_lot_brings_dice_into_the_repeat():
    made = publish()
    for token in register(made, 4)[:3]:
        lot.mix(token, True)
    running = lot.start(made.key, BY)
    play_lot(made, running, without="P0002")
    with pytest.raises(CeremonyError, match="only_withheld"):
        lot.give_up(running.key, BY)
    lot.give_up(running.key, BY, "P0002")
    assert not made.present.get(number=2).mixes and made.present.count() == 4
    with pytest.raises(CeremonyError, match="needs_beacon"):
        lot.start(made.key, BY)
    again = lot.start(made.key, BY, beacon=True)
    assert [w.code for w in again.witnesses.all()] == ["P0001", "P0003"]
    play_lot(made, again)
    again.refresh_from_db()
    assert again.state == "revealing"
    again = ceremony.set_beacon(again.key, BY, "3 5 1 6 2 2")
    assert again.state == "drawn" and verified(again)


def test_silent_phones_leave_the_lots_randomness_before_anything_is_known():
    made = publish()
    for token in register(made, 4):
        lot.mix(token, True)
    running = lot.start(made.key, BY)
    awake = running.witnesses.exclude(code="P0004")
    for w in awake:
        ceremony.commit(w.holder, draw.commitment(bytes.fromhex(running.digest), w.code, secret_of(w.code)).hex())
    given_up = lot.give_up(running.key, BY)
    assert given_up.void_reason == "4号手机没有应答"
    assert lot.start(made.key, BY).witnesses.count() == 3


def test_a_lot_by_hand_takes_a_public_reason():
    made = publish()
    with pytest.raises(CeremonyError, match="why"):
        lot.by_hand(made.key, BY, "")
    lot.by_hand(made.key, BY, "到场家长没有带手机，现场抽纸条")
    with pytest.raises(CeremonyError, match="lot_begun"):
        register(made, 1)
    assert Entry.objects.filter(body__step="lot_by_hand", body__reason__startswith="到场家长").exists()


def test_teachers_are_drawn_after_the_classes_by_a_parents_click():
    with pytest.raises(CeremonyError, match="classes_first"):
        publish("teachers")
    classes = drawn()
    number = classes.manifest["rules"]["classes"]
    season, school = classes.season, classes.school
    TeacherTeam.objects.filter(school=school).delete()
    with pytest.raises(CeremonyError, match="teams"):
        publish("teachers")
    with pytest.raises(CeremonyError, match="why"):
        ceremony.change_teams(season, school, BY, add="第一组")
    for n in range(number):
        ceremony.change_teams(season, school, BY, add=f"团队{n + 1}", members="王老师、李老师", why="名单补录")
    made = publish("teachers")
    with pytest.raises(CeremonyError, match="teams_fixed"):
        ceremony.change_teams(season, school, BY, remove="团队1", why="换人")
    assert all(w.holder and w.name == "王小明" for w in made.witnesses.all())
    reveal_all(made)
    with pytest.raises(CeremonyError, match="not_now"):
        ceremony.hold_by_witness(made.witnesses.get(code="bureau").holder)
    held = ceremony.hold_by_witness(made.witnesses.get(code="parent").holder)
    assert verified(held)
    numbers = TeacherTeam.objects.filter(school=school).values_list("number", flat=True)
    assert sorted(numbers) == list(range(1, number + 1))
    told = Message.objects.filter(code="teachers_drawn").count()
    assert told == Place.objects.filter(ceremony=classes).count() > 0


def test_late_arrivals_are_placed_by_a_draw_of_their_own_and_nobody_is_moved():
    school = a_school()
    late = prepare.waiting_pupils(seasons.current(school.district_id), school)[:2]
    Application.objects.filter(pk__in=[r.pk for r in late]).update(state=State.SEATED)
    drawn()
    before = dict(Place.objects.values_list("application_id", "number"))
    with pytest.raises(CeremonyError, match="no_late"):
        publish("late")
    Application.objects.filter(pk__in=[r.pk for r in late]).update(state=State.ACCEPTED)
    SeatPlan.objects.filter(school=school).update(class_size=55)
    held = drawn("late")
    after = dict(Place.objects.values_list("application_id", "number"))
    assert before.items() <= after.items() and set(after) - set(before) == {r.pk for r in late}
    assert verified(held) and held.manifest["id"].endswith("-late-1")
    for row in late:
        row.refresh_from_db()
        assert row.state == State.CLASSED and row.messages.filter(code="classed").exists()


def test_a_rehearsal_can_not_pass_for_a_draw():
    school = a_school()
    season = seasons.current(school.district_id)
    manifest = prepare.draft(season, school, "classes", prepare.wishes(season, school, "classes"))
    made = prepare.rehearsal(manifest)
    assert bytes.fromhex(made["seed"]).decode() == "rehearsal rehearsal rehearsal re"
    rows = [code for codes in made["result"]["classes"].values() for code in codes]
    assert len(rows) == len(manifest["entries"]) and all(code.startswith("演练-") for code in rows)
    assert "演练" in made["manifest"]["title"] and made["manifest"]["id"].startswith("rehearsal-")
    assert not all(step.ok for step in bundle.verify_bundle(made))
    # Nor once someone strips its marks and adds witnesses: no secrets give its seed.
    stripped = {k: v for k, v in made.items() if k != "rehearsal"}
    digest = draw.manifest_digest(stripped["manifest"])
    now = "2026-08-20T09:00:00+08:00"
    stripped["commitments"] = [
        {"witness": w["id"], "value": draw.commitment(digest, w["id"], secret_of(w["id"])).hex(), "time": now}
        for w in manifest["witnesses"]
    ]
    stripped["reveals"] = [
        {"witness": w["id"], "secret": secret_of(w["id"]).hex(), "time": now} for w in manifest["witnesses"]
    ]
    last = bundle.verify_bundle(stripped)[-1]
    assert not last.ok and last.code == "seed"
    assert not Ceremony.objects.filter(school=school, kind="classes").exists()


def test_rules_that_contradict_each_other_are_not_published():
    school = a_school()
    season = seasons.current(school.district_id)
    rows = prepare.waiting_pupils(season, school)
    wanted = prepare.wishes(season, school, "classes")
    wanted.classes = 2
    a, b, c = (r.receipt for r in rows[:3])
    wanted.forbidden = [[a, b], [b, c], [a, c]]
    SeatPlan.objects.filter(season=season, school=school).update(class_size=55)
    wanted.cap = 55
    prepare.save(season, school, "classes", wanted, None)
    with pytest.raises(CeremonyError, match="infeasible") as refused:
        publish()
    conflict = refused.value.details["conflict"]
    assert a in conflict.en and a in conflict.zh
    assert conflict.zh in show.error_text(refused.value)
    assert not Ceremony.objects.filter(school=school).exists()


def test_more_namesakes_than_classes_are_not_asked_apart_by_default():
    school = a_school()
    season = seasons.current(school.district_id)
    rows = prepare.waiting_pupils(season, school)
    assert prepare.wishes(season, school, "classes").same_names_apart
    for row in rows[: prepare.wishes(season, school, "classes").classes + 1]:
        row.claim = {**row.claim, "child": {**row.claim["child"], "name": "王梓涵"}}
        row.save()
    wanted = prepare.wishes(season, school, "classes")
    assert not wanted.same_names_apart
    assert prepare.conflict(prepare.draft(season, school, "classes", wanted)) is None
    wanted.same_names_apart = True
    assert prepare.conflict(prepare.draft(season, school, "classes", wanted)) is not None


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_refusal_has_words(language):
    source = Path(ceremony.__file__).parents[1]
    files = [*(source / "classes").glob("*.py"), *(source / "web" / "witness").glob("*.py")]
    files.append(source / "web" / "school" / "classes.py")
    codes = {c for f in files for c in re.findall(r'CeremonyError\(\s*"(\w+)"', f.read_text(encoding="utf-8"))}
    assert len(codes) > 30
    details = {
        "conflict": "x",
        "who": "",
        "at": clock.now(),
        "roles": ["家长代表2"],
        "teams": 1,
        "classes": 2,
        "most": 3,
    }
    details |= {"line": "", "present": 1, "mixers": 0, "least": 2}
    with translation.override(language):
        for code in codes:
            text = show.error_text(CeremonyError(code, **details))
            assert text != code and "%(" not in text, code


def test_the_manifest_holds_no_more_than_the_rules_use():
    made = publish()
    assert {k for e in made.manifest["entries"] for k in e} <= {"code", "group", "sex", "age_months"}
    text = str(made.manifest)
    assert "370799" not in text
    assert not any(name in text for name in prepare.names_of(made).values())


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_minutes_are_a_pdf_without_full_names(language):
    made = drawn()
    paper = minutes.pdf(made, language, "http://localhost/draws/x")
    assert paper.startswith(b"%PDF") and len(paper) > 10_000
    data = minutes.content(made, language)
    assert made.digest in str(data) and made.seed in str(data)
    assert "王小明" not in str(data) and "王*明" in str(data)
    assert not any(name in str(data) for name in prepare.names_of(made).values())


def test_the_database_holds_no_name_in_the_clear():
    made = publish()
    join_all(made)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from classes_witness t where t::text like '%王小明%'")
        assert cursor.fetchone()[0] == 0
