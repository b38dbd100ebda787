"""The season's steps on a small district of its own: lots, coordination, crashes, appeals, reporting, the register."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import rfc8785
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from python_calamine import CalamineWorkbook

from ruxue.accounts.models import Role, StaffRole, User
from ruxue.admissions import lottery, notices, preferences, register, rounds, seating
from ruxue.admissions.models import (
    Appeal,
    FormerOffer,
    Lottery,
    Notice,
    Offer,
    Publication,
    Round,
    RoundRecord,
    SeatLock,
)
from ruxue.admissions.why import why_not
from ruxue.algorithms import bundle, draw
from ruxue.algorithms.identity import id_check_digit
from ruxue.applications import machine, review
from ruxue.applications.machine import By, NotAllowed
from ruxue.applications.models import Application, Objection, Transition
from ruxue.applications.states import ANSWERED, CHANGES, HOLDS_SEAT, Actor, State
from ruxue.insight import warning
from ruxue.ledger import clock, log
from ruxue.ledger.models import Entry, TreeHead
from ruxue.places import rules, seasons
from ruxue.places.models import Community, Compound, District, School, Season, SeatPlan, Zone

DISTRICT = By(Actor.DISTRICT)
RULE = """
id: dongkou-primary
version: 1
district: dongkou
level: primary
season: 2026
title: {zh: 试验, en: trial}
source: {zh: 试验, en: trial}
eligible: {fact: child.born_on, on_or_before: 2020-08-31}
categories:
  - code: A
    title: {zh: 房户一致, en: own home and hukou}
    bases:
      - {title: {zh: 房户一致, en: both}, when: {fact: dwelling.address_equals_hukou, is: true}}
  - code: B
    title: {zh: 本区户籍, en: hukou}
    bases:
      - {title: {zh: 户籍, en: hukou}, when: {fact: child.with_guardian_household, is: true}}
order: []
coordinate: {zh: 统筹, en: coordination}
ties: lottery
"""


def day(month: int, number: int, hour: int = 9) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=clock.CITY_ZONE)


WINDOWS = {
    "collection": (day(3, 1), day(4, 1)),
    "publication": (day(7, 1), day(7, 8)),
    "objection": (day(7, 8), day(7, 15)),
    "admission": (day(7, 16), day(7, 25)),
    "offer": (day(7, 20), day(7, 30)),
    "late": (day(8, 10), day(8, 25)),
    "late_objection": (day(8, 10), day(8, 16)),
    "reporting": (day(8, 28), day(9, 3)),
}


def square(lng: float, half: float) -> dict[str, Any]:
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    return {"type": "Polygon", "coordinates": [[[lng + half * x, 36 + half * y] for x, y in corners]]}


class Town:
    """Three schools in a row, 1.1 km apart, each with a compound beside it; children are added where they wait."""

    def __init__(
        self, seats: tuple[int, ...] = (3, 2, 3), text: str = RULE, key: str = "dongkou", prefix: str = "DK"
    ) -> None:
        clock.stop_at(day(3, 1))
        self.prefix = prefix
        code = f"3707{sum(prefix.encode()) % 100:02d}"
        district = District.objects.create(key=key, code=code, lng=119, lat=36, name_zh="东口区", phone="1")
        community = Community.objects.create(
            code=f"{code}001001", name="一", street="一", district=district, lng=119, lat=36
        )
        self.season = Season.objects.create(district=district, year=2026, retention_until=day(12, 31).date())
        self.schools: list[School] = []
        for n, places in enumerate(seats):
            school = School.objects.create(
                code=f"{prefix}{n}",
                name_zh=f"东口{n}小",
                district=district,
                address="一",
                phone="1",
                lng=119 + n / 80,
                lat=36,
            )
            home = Compound.objects.create(
                code=f"{prefix}C{n}",
                name=f"小区{n}",
                address="东口路",
                pinyin="x",
                initials="x",
                community=community,
                district=district,
                lng=119 + n / 80,
                lat=36,
            )
            SeatPlan.objects.create(season=self.season, school=school, classes=1, class_size=places, seats=places)
            Zone.objects.create(season=self.season, school=school, geometry=square(119 + n / 80, 0.006)).compounds.add(
                home
            )
            self.schools.append(school)
        for kind, (opens, closes) in WINDOWS.items():
            seasons.set_window(self.season, kind, opens, closes, "test")
        rules.install(self.season, text.replace("dongkou", key), "test")
        self.children = 0

    def child(
        self, zone: int = 0, category: str = "A", state: State = State.LOCKED, group: str = "", **more: Any
    ) -> Application:
        self.children += 1
        number = f"37079920190301{self.children:03d}"
        user = more.pop("guardian", None) or User.objects.guardian(
            f"1411{sum(self.prefix.encode()):03d}{self.children:04d}"
        )
        return Application.objects.create(
            season=self.season,
            city_year="2026-primary",
            guardian=user,
            state=state,
            category=category,
            claim={"child": {"name": "测试童", "id_number": number + id_check_digit(number)}},
            claim_version=1,
            child_index=f"{self.prefix}{self.children}",
            group=group,
            sex="F",
            born_on=day(3, 1).date().replace(year=2019),
            compound_id=f"{self.prefix}C{zone}",
            school=self.schools[zone],
            facts={
                "child.born_on": ["2019-03-01", "PS", None],
                "dwelling.address_equals_hukou": [category == "A", "NR", None],
                "child.with_guardian_household": [category != "T", "PS", None],
            },
            created_at=clock.now(),
            changed_at=clock.now(),
            **more,
        )

    def draw(self, beacon: dict[str, str] | None = None) -> Lottery:
        """Opens the lottery; witnesses commit and reveal."""
        made = rounds.open_lottery(self.season, beacon)
        secrets = {w.token: f"secret of {w.code} 0123456789".encode() for w in made.witnesses.all()}
        for w in made.witnesses.all():
            lottery.commit(w.token, draw.commitment(bytes.fromhex(made.digest), w.code, secrets[w.token]).hex())
        for token, secret in secrets.items():
            lottery.reveal(token, secret.hex())
        return made

    def round(self) -> Round:
        """The lottery where one is needed, and the round."""
        try:
            self.draw()
        except rounds.StepError as error:
            if error.code != "no_lottery_needed":
                raise
        return rounds.run(self.season, DISTRICT)


@pytest.fixture
def empty(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)
        clock.refresh()


@pytest.fixture
def town(empty: None) -> Town:
    made = Town()
    clock.stop_at(day(7, 20))
    return made


def school_of(row: Application) -> str:
    return str(Offer.objects.get(application=row).school_id)


def test_the_lot_decides_only_in_the_batch_that_straddles_and_anyone_can_check_it(town):
    best = [town.child(category="A") for _ in range(2)]
    equal = [town.child(category="B") for _ in range(4)]
    with pytest.raises(rounds.StepError, match="lottery_first"):
        rounds.run(town.season, DISTRICT)
    made = town.draw()
    assert made.manifest["rules"]["seats"] == {"DK0": 1}
    assert set(made.manifest["rules"]["choices"]) == {r.receipt for r in equal}
    ran = rounds.run(town.season, DISTRICT)
    made.refresh_from_db()
    assert ran.lottery == made and ran.seed == made.seed
    zone = {o.application.receipt for o in Offer.objects.filter(round=ran, kind="zone")}
    assert zone == {r.receipt for r in best} | set(made.result["admitted"]["DK0"])
    told = {o.application.receipt: o.by_ticket for o in Offer.objects.filter(round=ran)}
    assert told == {**{r.receipt: False for r in best}, **{r.receipt: True for r in equal}}
    log.seal()
    assert all(step.ok for step in bundle.verify_bundle(lottery.published_bundle(made)))
    again = rounds.recompute(ran)
    assert {r: s.school for r, s in again.seats.items()} == {
        o.application.receipt: o.school_id for o in Offer.objects.filter(round=ran)
    }


def test_a_list_that_changes_after_the_commitments_needs_a_new_lottery(town):
    for _ in range(5):
        town.child()
    town.draw()
    town.child(category="B")
    with pytest.raises(rounds.StepError, match="inputs_changed"):
        rounds.run(town.season, DISTRICT)
    with pytest.raises(lottery.LotteryError, match="already_open"):
        rounds.open_lottery(town.season)
    assert lottery.void(town.season, "名单变动") == 1
    assert Entry.objects.filter(kind="void", body__reason="名单变动").exists()
    with pytest.raises(lottery.LotteryError, match="beacon_first"):  # the operator has seen every secret
        rounds.open_lottery(town.season)
    town.draw({"source": "sh000001", "round": "2026-07-21"})
    lottery.name_beacon(town.season, "3505.00")
    assert rounds.run(town.season, DISTRICT).seated == 6


def test_a_witness_who_withholds_stops_the_round(town):
    for _ in range(5):
        town.child()
    made = rounds.open_lottery(town.season)
    assert rounds.open_lottery(town.season) == made
    with pytest.raises(rounds.StepError, match="witnesses") as error:
        rounds.run(town.season, DISTRICT)
    assert len(error.value.details["roles"]) == 3
    token = made.witnesses.first().token
    with pytest.raises(lottery.LotteryError, match="not_now"):
        lottery.reveal(token, "00" * 20)
    with pytest.raises(lottery.LotteryError, match="commitment_form"):
        lottery.commit(token, "zz")


def test_the_repeat_of_a_lottery_that_a_witness_stopped_names_a_public_value(town):
    for _ in range(5):
        town.child(category="T")
    first = rounds.open_lottery(town.season)
    secrets = {w.token: (w.code, f"secret of {w.code} 0123456789".encode()) for w in first.witnesses.all()}
    for token, (code, secret) in secrets.items():
        lottery.commit(token, draw.commitment(bytes.fromhex(first.digest), code, secret).hex())
    lottery.void(town.season, "家长代表未公开")
    with pytest.raises(lottery.LotteryError, match="beacon_first"):
        rounds.open_lottery(town.season)
    made = rounds.open_lottery(town.season, {"source": "sh000001", "round": "2026-07-21"})
    assert made.manifest["id"] == first.manifest["id"] + "-2"
    with pytest.raises(lottery.LotteryError, match="not_now"):
        lottery.name_beacon(town.season, "3505.00")
    for w in made.witnesses.all():
        secret = f"another of {w.code} 0123456789".encode()
        lottery.commit(w.token, draw.commitment(bytes.fromhex(made.digest), w.code, secret).hex())
    for w in made.witnesses.all():
        lottery.reveal(w.token, f"another of {w.code} 0123456789".encode().hex())
    with pytest.raises(rounds.StepError, match="beacon"):
        rounds.run(town.season, DISTRICT)
    lottery.name_beacon(town.season, "3505.00")
    with pytest.raises(lottery.LotteryError, match="not_now"):
        lottery.name_beacon(town.season, "3506.00")
    rounds.run(town.season, DISTRICT)
    log.seal()
    made.refresh_from_db()
    steps = bundle.verify_bundle(lottery.published_bundle(made))
    assert all(step.ok for step in steps), [s.en for s in steps if not s.ok]


def test_without_a_lottery_in_the_rule_the_inputs_own_digest_breaks_ties(empty):
    town = Town(text=RULE.replace("ties: lottery", ""))
    clock.stop_at(day(7, 20))
    for _ in range(5):
        town.child()
    with pytest.raises(rounds.StepError, match="no_lottery_needed"):
        rounds.open_lottery(town.season)
    ran = rounds.run(town.season, DISTRICT)
    assert ran.lottery is None and ran.seed == draw.make_seed(seating.digest(ran.inputs), []).hex()


def test_twins_and_siblings_are_seated_together_and_the_limit_holds(town):
    for _ in range(3):
        town.child(category="A")
    twins = [town.child(category="B", group="tw") for _ in range(2)]
    ran = town.round()
    assert {school_of(r) for r in twins} == {"DK1"} and ran.coordinated == 2
    rounds.set_arrangement(town.season, "rank", 1500, "test")
    parent = User.objects.guardian("14122220000")
    brothers = [town.child(category="B", zone=1, guardian=parent) for _ in range(2)]
    town.round()
    assert {school_of(r) for r in brothers} == {"DK2"}
    far = town.child(category="B")
    last = town.round()
    far.refresh_from_db()
    assert far.state == State.TO_COORDINATE and last.report["shortfalls"][0]["receipts"] == [far.receipt]
    with pytest.raises(rounds.StepError, match="nothing_new"):
        rounds.run(town.season, DISTRICT)
    assert why_not(far, town.schools[0]).code == "zone_full"


def test_the_district_sees_what_each_rule_of_coordination_costs_the_other(empty):
    totals = {}
    for chosen in ("rank", "distance"):
        with transaction.atomic():
            town = Town(seats=(2, 2, 3))
            clock.stop_at(day(7, 20))
            rounds.set_arrangement(town.season, chosen, None, "test")
            for zone, count in ((0, 4), (1, 3)):
                for _ in range(count):
                    town.child(zone=zone)
            ran = town.round()
            totals[chosen] = ran.report["total_m"]
            assert ran.report[f"total_by_{chosen}_m"] == ran.report["total_m"]
            assert ran.report["total_by_distance_m"] <= ran.report["total_by_rank_m"]
            assert Entry.objects.filter(kind="arrangement", body__rule=chosen).count() == 1
            transaction.set_rollback(True)
    with pytest.raises(ValueError, match="rule"):
        rounds.set_arrangement(Town().season, "nearest", None, "test")


def test_steps_keep_the_calendar(town):
    row = town.child(state=State.CLASSIFIED)
    with pytest.raises(seasons.NotOpen):
        rounds.publish_preliminary(town.season, DISTRICT)
    clock.stop_at(day(7, 12))
    with pytest.raises(rounds.StepError, match="objection_short"):
        rounds.publish_preliminary(town.season, DISTRICT)
    clock.stop_at(day(7, 8))
    assert rounds.publish_preliminary(town.season, DISTRICT) == 1
    with pytest.raises(rounds.StepError, match="objection_open"):
        rounds.lock(town.season, DISTRICT)
    objection = review.object_to(row.key, row.guardian, "不对")
    clock.stop_at(day(7, 16))
    with pytest.raises(rounds.StepError, match="objections_waiting"):
        rounds.lock(town.season, DISTRICT)
    review.answer_objection(objection.pk, DISTRICT, False, "维持")
    assert rounds.lock(town.season, DISTRICT) == 1 and rounds.lock(town.season, DISTRICT) == 0
    rounds.run(town.season, DISTRICT)
    with pytest.raises(seasons.NotOpen):
        rounds.send_offers(town.season, DISTRICT)
    clock.stop_at(day(7, 26))
    town.child()
    with pytest.raises(seasons.NotOpen):
        rounds.run(town.season, DISTRICT)


TOUCHED = (
    Application, Transition, Offer, Round, Publication, Entry, TreeHead, Lottery, Notice, Objection, Appeal,
)  # fmt: skip


def everything() -> dict[str, Any]:
    """All rows that a step could touch."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in TOUCHED}


def test_a_rehearsal_tells_what_would_happen_and_touches_nothing(town):
    clock.stop_at(day(7, 8))
    for n in range(5):
        town.child(state=State.CLASSIFIED, zone=n % 2)
    before = everything()
    told = rounds.rehearse(town.season, "offer", DISTRICT)
    assert everything() == before
    assert told.steps == [("close", 0, ""), ("publish", 5, ""), ("lock", 5, ""), ("run", 5, ""), ("offer", 5, "")]
    assert sum(seated for _, _, seated in told.schools) == 5 and told.report["zone"] == 5
    with pytest.raises(KeyError):
        rounds.rehearse(town.season, "everything", DISTRICT)


@pytest.mark.parametrize("broken", ["bulk_create", "seal", "append"])
def test_after_a_crash_nothing_is_there_and_the_step_goes_through_once(town, monkeypatch, broken):
    for _ in range(4):
        town.child(category="A")
    town.draw()
    before = everything()
    target = {"bulk_create": (Offer.objects, "bulk_create"), "seal": (log, "seal"), "append": (log, "append")}[broken]

    def crash(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(*target, crash)
        for step in (rounds.run, rounds.send_offers):
            try:
                with transaction.atomic():
                    step(town.season, DISTRICT)
            except RuntimeError:
                assert everything() == before
                break
            before = everything()
        else:
            pytest.fail("nothing crashed")
    if step is rounds.run:
        rounds.run(town.season, DISTRICT)
    assert rounds.send_offers(town.season, DISTRICT) == 4
    with pytest.raises(rounds.StepError, match="nobody_waiting"):
        rounds.send_offers(town.season, DISTRICT)


def test_results_are_sealed_in_the_log_before_anyone_can_look(town):
    town.child()
    town.round()
    rounds.send_offers(town.season, DISTRICT)
    shown = Publication.objects.get(season=town.season)
    entry = Entry.objects.get(kind="results", subject=town.season.key, body__digest=shown.digest)
    assert entry.index is not None and entry.index < TreeHead.objects.order_by("-size").first().size
    sealed = Entry.objects.get(kind="round", body__inputs=shown.payload["rounds"][0]["inputs"])
    assert sealed.index is not None


def test_declined_and_lapsed_seats_go_to_the_next_round_and_families_may_ask_again(town):
    rows = [town.child(category=c) for c in "AAABB"]
    rounds.set_arrangement(town.season, "rank", 1, "test")
    town.round()
    rounds.send_offers(town.season, DISTRICT)
    rounds.answer(rows[0].key, rows[0].guardian, True)
    rounds.answer(rows[1].key, rows[1].guardian, False)
    assert rounds.answer(rows[1].key, rows[1].guardian, False).state == State.DECLINED
    clock.stop_at(day(7, 31))
    with pytest.raises(rounds.StepError, match="late"):
        rounds.answer(rows[2].key, rows[2].guardian, True)
    assert rounds.lapse(town.season) == 1 and rounds.lapse(town.season) == 0
    clock.stop_at(day(8, 11))
    rounds.ask_again(rows[1].key, rows[1].guardian)
    rounds.ask_again(rows[1].key, rows[1].guardian)
    second = town.round()
    offered = {o.application_id: o.school_id for o in Offer.objects.filter(round=second)}
    assert offered == {rows[3].pk: "DK0", rows[4].pk: "DK0"}  # who waited comes before who declined
    assert FormerOffer.objects.get(application=rows[1]).ended == "declined"
    rounds.send_offers(town.season, DISTRICT)
    assert school_of(rows[0]) == "DK0"


def test_answers_as_a_list_are_the_answers_of_the_families(town):
    rows = [town.child() for _ in range(3)]
    town.round()
    rounds.send_offers(town.season, DISTRICT)
    with CaptureQueriesContext(connection) as asked:
        rounds.answer(rows[0].key, rows[0].guardian, True)
    assert len(asked) <= 8  # a whole season answers within days
    told = {rows[0].receipt: True, rows[1].receipt: True, rows[2].receipt: False}
    assert rounds.answer_many(town.season, told) == 2 and rounds.answer_many(town.season, told) == 0
    states = [Application.objects.get(pk=r.pk).state for r in rows]
    assert states == [State.ACCEPTED, State.ACCEPTED, State.DECLINED]
    issued = Notice.objects.filter(offer__round__season=town.season)
    assert all(notices.is_genuine(n) for n in issued) and issued.count() == 2
    one, many = (r.transitions.get(name="accept") for r in rows[:2])
    assert one.actor == rows[0].guardian and many.actor == rows[1].guardian and one.actor_kind == many.actor_kind
    with pytest.raises(NotAllowed):
        rounds.answer_many(town.season, {rows[2].receipt: True})


def test_an_upheld_appeal_seats_one_family_by_the_rule_and_moves_nobody(town):
    rows = [town.child(category=c) for c in "AABB"]
    town.round()
    rounds.send_offers(town.season, DISTRICT)
    loser = next(r for r in rows if school_of(r) != "DK0")
    winner = next(r for r in rows[2:] if r != loser)
    rounds.answer(loser.key, loser.guardian, True)
    number = Notice.objects.get(offer__application=loser).number
    held = {o.application_id: o.school_id for o in Offer.objects.exclude(application=loser)}
    facts = {"dwelling.address_equals_hukou": True}
    before = everything()
    with pytest.raises(rounds.StepError, match="no_better_seat"), transaction.atomic():
        rounds.reopen(loser.key, DISTRICT, {"dwelling.address_equals_hukou": False}, "申诉不改变类别")
    assert everything() == before
    assert rounds.reopen(loser.key, DISTRICT, facts, "申诉成立") is None  # due, but nothing is free: it waits in public
    loser.refresh_from_db()
    assert (loser.state, school_of(loser)) == (State.ACCEPTED, "DK1")
    shown = Publication.objects.get(season=town.season).payload
    assert shown["appeals_waiting"] == [{"tail": loser.receipt_tail, "school": "DK0"}]
    assert rounds.serve_appeals(town.season) == []
    rounds.answer(winner.key, winner.guardian, False)  # the next freed seat is its own, by itself
    made = Round.objects.get(serves__application=loser)
    loser.refresh_from_db()
    assert (loser.state, loser.category, school_of(loser)) == (State.ACCEPTED, "A", "DK0")
    assert loser.deadline is None and notices.is_genuine(Notice.objects.get(offer__application=loser))
    assert {o.application_id: o.school_id for o in Offer.objects.exclude(application=loser)} == held
    assert made.kind == "appeal" and Entry.objects.filter(kind="round", body__inputs=made.inputs_digest).exists()
    shown = Publication.objects.get(season=town.season).payload
    assert shown["appeals_waiting"] == [] and shown["rounds"][-1] == {
        "number": made.number,
        "kind": "appeal",
        "inputs": made.inputs_digest,
    }
    assert not Notice.objects.filter(number=number).exists()
    assert FormerOffer.objects.get(application=loser).notice_number == number


def test_an_appeal_gives_a_family_without_a_seat_the_nearest_one(town):
    for _ in range(3):
        town.child()
    town.round()
    late = town.child(category="T")
    made = rounds.reopen(late.key, DISTRICT, {"child.with_guardian_household": True}, "成立")
    late.refresh_from_db()
    assert late.category == "B" and school_of(late) == "DK1" and not made.inputs["due"]
    with pytest.raises(NotAllowed):
        machine.change(late, "reopen", By(Actor.GUARDIAN, late.guardian))


def seats_of(rows: list[Application]) -> list[str]:
    """Where each child sits, "" where it has no seat."""
    return [Offer.objects.filter(application=r).values_list("school_id", flat=True).first() or "" for r in rows]


def with_rule(text: str, seats: tuple[int, ...] = (3, 2, 3)) -> Town:
    made = Town(seats, RULE + text)
    clock.stop_at(day(7, 20))
    return made


def prefer(town: Town, row: Application, *schools: str, declines: bool = False) -> None:
    """The family's list, kept while lists are open."""
    today = clock.now()
    seasons.set_window(town.season, "preference", day(6, 1), day(8, 1), "test")
    row.season.refresh_from_db()
    preferences.save(row.key, row.guardian, list(schools), declines)
    clock.stop_at(today)


def test_a_quota_keeps_seats_for_its_category_and_the_rest_is_open(empty):
    town = with_rule("quotas: [{category: B, seats: 1}]\n", (2, 1, 5))
    best = [town.child(category="A") for _ in range(3)]
    other = town.child(category="B")
    town.round()
    assert seats_of([other]) == ["DK0"] and sorted(seats_of(best)) == ["DK0", "DK1", "DK2"]
    ran = town.season.rounds.get()
    assert ran.inputs["reserves"]["DK0"] == {"B": 1} and ran.inputs["reserves"]["DK2"] == {"B": 1}
    town.child(zone=2, category="A")
    again = town.round()
    assert again.inputs["reserves"]["DK0"] == {"B": 0}  # it is used


def test_a_buffer_zone_gives_what_the_zone_leaves_to_its_category_only(empty):
    town = with_rule(
        """buffers:
  - {school: 东口2小, title: {zh: 东口2小, en: Third}, category: A}
  - {school: 无此校, title: {zh: 无此校, en: none}, category: A}
zones: {东口2小: {title: {zh: 缓冲, en: buffer}, compounds: [DKC0]}}
""",
        (1, 5, 2),
    )
    own = town.child(zone=2, category="B")
    near = [town.child(category="A") for _ in range(3)]
    second = town.child(category="B")
    ran = town.round()
    assert seats_of([own]) == ["DK2"] and sorted(seats_of(near)) == ["DK0", "DK1", "DK2"]
    assert Offer.objects.get(application__in=near, school="DK2").kind == "buffer"
    assert seats_of([second]) == ["DK1"] and ran.inputs["unknown_schools"] == ["无此校"]
    rounds.send_offers(town.season, DISTRICT)
    second.refresh_from_db()
    assert why_not(second, town.schools[2]).code == "buffer_closed"


def test_promotion_comes_before_everybody_unless_the_family_declines_it(empty):
    town = with_rule("feeders: [{primary: 东口九年, junior: 东口1小, opt_out: true}]\n", (3, 2, 3))
    left = ["东口九年", "ED", None]
    near = [town.child(zone=1, category="A") for _ in range(2)]
    up, stays = town.child(category="B"), town.child(category="B")
    for row in (up, stays):
        row.facts["child.primary_school"] = left
        row.save()
    assert preferences.terms(stays).feeder == town.schools[1]
    prefer(town, stays, declines=True)
    town.round()
    assert seats_of([up, stays]) == ["DK1", "DK0"] and sorted(seats_of(near)) == ["DK0", "DK1"]
    assert up.offer.kind == "feeder"


@pytest.mark.parametrize(
    ("since", "stage", "left", "same", "bound"),
    [
        (2021, "primary", "", False, True),
        (2020, "primary", "", False, False),  # six years are over
        (2020, "nine_year", "", False, True),  # nine are not
        (2021, "primary", "", True, False),  # the same parents
        (2021, "primary", "transferred_out", False, False),
        (2021, "primary", "transferred_within", False, True),  # the rule does not let go for that
    ],
)
def test_one_home_one_family_for_as_long_as_the_rule_says(empty, since, stage, left, same, bound):
    town = with_rule(
        """seat_lock:
  years: {primary: 6, junior: 3, nine_year: 9}
  exempt: [same_parents]
  released_by: [transferred_out]
  scope: district
  last_year_blocks: false
"""
    )
    elder, row = town.child(), town.child()
    for one, parent in ((elder, "37079919900101001X"), (row, "37079919900101001X" if same else "370799199001010028")):
        one.claim |= {"room": "3号楼2单元501室", "guardian": {"name": "x", "id_number": parent, "relation": "father"}}
        one.save()
    Application.objects.filter(pk=elder.pk).update(state=State.REPORTED)
    round_ = Round.objects.create(
        season=town.season, number=1, kind="appeal", run_at=clock.now(), seated=1, coordinated=0
    )
    RoundRecord.objects.create(round=round_)
    Offer.objects.create(application=elder, round=round_, school=town.schools[0], kind="zone", category="A")
    assert register.register(town.season, town.schools[0], By(Actor.SCHOOL)) == 1
    SeatLock.objects.update(since=since, stage=stage)
    if left:
        assert register.leave(elder.receipt, left, By(Actor.SCHOOL)).left == left
    ran = town.round()
    assert Offer.objects.get(application=row).kind == ("coordinated" if bound else "zone")
    if bound:
        assert ran.report["standing"][row.receipt]["DK0"] == {"closed": "locked"}


@pytest.mark.parametrize(("same", "bound"), [(True, True), (False, False), (None, False)])
def test_a_lock_that_the_departments_know_counts_too(empty, same, bound):
    town = with_rule("seat_lock: {years: {primary: 6}, scope: school, last_year_blocks: false}\n")
    row = town.child()
    lock = {"stage": "primary", "since": 2023, "grade": 1, "left": "", "home": "", "same_parents": False}
    row.facts["dwelling.seat_locks"] = [[lock | {"same_school": same}], "ED2", None]
    row.save()
    ran = town.round()
    assert Offer.objects.get(application=row).kind == ("coordinated" if bound else "zone")
    assert len(ran.inputs["applications"][0]["locks"]) == 1


def test_in_a_zone_of_two_schools_the_family_says_which_it_wants_first(empty):
    town = with_rule("", (1, 2, 3))
    Zone.objects.get(school="DK1").compounds.add("DKC0")
    rows = [town.child(category="A"), town.child(category="A"), town.child(category="B")]
    assert [s.code for s in preferences.terms(rows[0]).schools] == ["DK0", "DK1"]
    prefer(town, rows[0], "DK1")
    with pytest.raises(preferences.ListError, match="unknown_school"):
        prefer(town, rows[1], "DK2")
    town.round()
    assert seats_of(rows) == ["DK1", "DK0", "DK1"]
    rounds.send_offers(town.season, DISTRICT)
    rows[2].refresh_from_db()
    assert why_not(rows[2], town.schools[0]).code == "zone_full"
    assert why_not(rows[0], town.schools[0]).code == "wanted_less"


def test_preference_rounds_follow_the_zone_and_show_what_is_left_between_them(empty):
    town = with_rule(
        """rounds:
  - {title: {zh: 平行志愿, en: parallel choices}, categories: [B], choices: 2, by: rank_first, repeat: 2}
""",
        (2, 1, 2),
    )
    own = [town.child(category="A"), town.child(zone=1, category="A")]
    lists = [town.child(category="B", order_keys=[n]) for n in range(4)]
    for row, wanted in zip(lists, (["DK2"], ["DK1", "DK2"], ["DK2"], ["DK1"]), strict=True):
        prefer(town, row, *wanted)
    with pytest.raises(preferences.ListError, match="too_many"):
        prefer(town, lists[0], "DK0", "DK1", "DK2")
    first = town.round()
    assert first.inputs["stage"]["kind"] == "zone" and seats_of([*own, *lists]) == ["DK0", "DK1", "", "", "", ""]
    assert preferences.remaining(town.season).payload["seats"] == {"DK0": 1, "DK1": 0, "DK2": 2}
    cache.clear()
    client = Client()
    client.cookies["ruxue_language"] = "en"
    public = client.get("/seats").content.decode()
    assert "Seats left after round 1" in public and "4 children go on" in public
    second = town.round()
    assert second.inputs["stage"] == {
        "kind": "preference", "number": 1, "choices": 2, "choice_first": False, "coordinates": False
    }  # fmt: skip
    assert seats_of(lists) == ["DK2", "DK2", "DK0", ""]  # an own zone's school follows the list
    shown = preferences.remaining(town.season)
    assert shown.payload["seats"] == {"DK0": 0, "DK1": 0, "DK2": 0}
    assert Entry.objects.filter(kind="remaining", body__digest=shown.digest).exists()
    SeatPlan.objects.filter(school="DK1").update(seats=2)
    assert town.round().inputs["stage"]["number"] == 2 and seats_of(lists)[3] == "DK1"


def test_equal_families_with_lists_are_put_in_order_by_a_witnessed_lot(empty):
    town = with_rule(
        "rounds: [{title: {zh: 志愿, en: choices}, categories: [B], choices: 2, by: rank_first}]\n", (1, 1, 2)
    )
    rows = [town.child(category="B") for _ in range(4)]
    for row in rows:
        prefer(town, row, "DK1", "DK2")
    with pytest.raises(rounds.StepError, match="lottery_first"):
        rounds.run(town.season, DISTRICT)
    made = town.draw()
    ran = rounds.run(town.season, DISTRICT)
    made.refresh_from_db()
    assert ran.inputs["stage"]["kind"] == "preference" and ran.lottery == made
    by_lot = sorted(rows, key=lambda r: made.result["admitted"].index(r.receipt))
    assert seats_of(by_lot) == ["DK1", "DK2", "DK2", "DK0"]
    client = Client()
    client.cookies["ruxue_language"] = "en"
    assert "The order that was drawn" in client.get(f"/lotteries/{made.key}").content.decode()


def test_first_choices_come_first_where_the_rule_says_so(empty):
    town = with_rule(
        "rounds: [{title: {zh: 志愿, en: choices}, categories: [B], choices: 2, by: choice_first}]\n", (0, 1, 2)
    )
    strong, weak = town.child(category="B", order_keys=[1]), town.child(category="B", order_keys=[2])
    other = town.child(category="B", order_keys=[0])
    prefer(town, other, "DK1")
    prefer(town, strong, "DK1", "DK2")
    prefer(town, weak, "DK2")
    SeatPlan.objects.filter(school="DK2").update(seats=1)
    town.round()
    assert seats_of([other, strong, weak]) == ["DK1", "", "DK2"]


def test_private_schools_draw_by_lot_alone_and_the_loser_goes_last_in_its_class(empty):
    town = with_rule(
        """last_in_category:
  - {title: {zh: 民办落选, en: not drawn}, when: {fact: child.lost_private_draw, is: true}}
""",
        (2, 1, 5),
    )
    School.objects.filter(code="DK1").update(private=True)
    tried = [town.child(category=c, order_keys=[0]) for c in "AB"]
    faithful = [town.child(category="A", order_keys=[9]) for _ in range(2)]
    for row in tried:
        prefer(town, row, "DK1")
    assert preferences.terms(tried[0]).schools == [town.schools[0], School.objects.get(code="DK1")]
    made = town.draw()
    assert made.manifest["rules"] == {"seats": 4, "group_boundary": "skip"}
    rounds.run(town.season, DISTRICT)
    made.refresh_from_db()
    order = [c for c in made.result["admitted"] if c in {r.receipt for r in tried}]
    winner = next(r for r in tried if r.receipt == order[0])
    loser = next(r for r in tried if r != winner)
    assert seats_of([winner, *faithful, loser]) == ["DK1", "DK0", "DK0", "DK2"]  # never coordinated to a private one
    log.seal()
    assert all(step.ok for step in bundle.verify_bundle(lottery.published_bundle(made)))


def test_chances_count_re_runs_with_everybody_as_they_are(empty):
    town = with_rule("rounds: [{title: {zh: 志愿, en: x}, categories: [B], choices: 2, by: rank_first}]\n", (1, 1, 5))
    rows = [town.child(category="B") for _ in range(2)]
    for row in rows:
        prefer(town, row, "DK1", "DK2")
    told = preferences.chances(rows[0])
    assert [c.school for c in told] == ["DK1", "DK2", "DK0"] and sum(c.times for c in told) == preferences.RUNS
    assert 30 <= told[0].times <= 70 and told[0].word in ("even", "likely", "unlikely") and told[2].times == 0
    prefer(town, rows[0], "DK2")
    assert next((c.school, c.times, c.word) for c in preferences.chances(rows[0])) == ("DK2", 100, "very_likely")
    assert preferences.chances(town.child(category="")) == []


def test_who_does_not_report_gives_the_seat_up_after_the_last_day(town):
    rows = [town.child() for _ in range(2)]
    waiting = town.child(zone=0, category="B")
    SeatPlan.objects.filter(school="DK0").update(seats=2)
    rounds.set_arrangement(town.season, "rank", 1, "test")
    town.round()
    rounds.send_offers(town.season, DISTRICT)
    number = classed(town, rows[0]).number
    classed(town, rows[1])
    assert rounds.reopen(waiting.key, DISTRICT, {"dwelling.address_equals_hukou": True}, "成立") is None
    register.report(number, town.schools[0], By(Actor.SCHOOL))
    with pytest.raises(rounds.StepError, match="reporting_open"):
        rounds.end_no_shows(town.season, DISTRICT)
    clock.stop_at(day(9, 3))
    assert rounds.end_no_shows(town.season, DISTRICT) == 1 and rounds.end_no_shows(town.season, DISTRICT) == 0
    rows[1].refresh_from_db()
    waiting.refresh_from_db()
    assert rows[1].state == State.LAPSED and rows[1].messages.filter(code="no_show").exists()
    assert rows[1].transitions.filter(name="no_show").exists()
    assert (waiting.state, school_of(waiting)) == (State.OFFERED, "DK0")  # the freed seat was due to it


def test_results_of_the_late_round_can_be_objected_to(town):
    clock.stop_at(day(8, 12))
    row = town.child(state=State.CLASSIFIED, late=True)
    with pytest.raises(rounds.StepError, match="objection_short"):
        rounds.publish_preliminary(town.season, DISTRICT)
    clock.stop_at(day(8, 11))
    assert rounds.publish_preliminary(town.season, DISTRICT) == 1
    made = review.object_to(row.key, row.guardian, "不对")
    review.answer_objection(made.pk, DISTRICT, False, "维持")
    with pytest.raises(rounds.StepError, match="objection_open"):
        rounds.lock(town.season, DISTRICT)
    clock.stop_at(day(8, 16))
    assert rounds.lock(town.season, DISTRICT) == 1


def classed(town: Town, row: Application) -> Notice:
    """A child whose family has accepted and whose class is drawn."""
    row.refresh_from_db()
    rounds.answer(row.key, row.guardian, True)
    row.refresh_from_db()
    machine.change(row, "assign_class", DISTRICT)
    return Notice.objects.get(offer__application=row)


def test_a_notice_serves_once_at_its_own_school_and_a_changed_one_is_no_notice(town):
    rows = [town.child(), town.child()]
    town.round()
    rounds.send_offers(town.season, DISTRICT)
    first, second = (classed(town, row) for row in rows)
    clerk = By(Actor.SCHOOL)
    assert notices.is_genuine(first)
    with pytest.raises(register.NoticeError, match="unknown"):
        register.report("a number that nobody issued", town.schools[0], clerk)
    with pytest.raises(register.NoticeError, match="elsewhere"):
        register.report(first.number, town.schools[1], clerk)
    register.report(first.number, town.schools[0], clerk)
    with pytest.raises(register.NoticeError, match="used"):
        register.report(first.number, town.schools[0], clerk)
    Notice.objects.filter(pk=second.pk).update(signature=first.signature)
    with pytest.raises(register.NoticeError, match="unknown"):
        register.report(second.number, town.schools[0], clerk)
    assert register.register(town.season, town.schools[0], clerk) == 1
    assert register.register(town.season, town.schools[0], clerk) == 0
    rows[0].refresh_from_db()
    assert rows[0].state == State.REGISTERED and notices.is_genuine(Notice.objects.get(pk=first.pk))


def test_the_pupil_register_has_the_national_columns_and_every_digit(town):
    row = town.child()
    town.round()
    rounds.send_offers(town.season, DISTRICT)
    register.report(classed(town, row).number, town.schools[0], By(Actor.SCHOOL))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(register.workbook([row], "test"))).get_sheet_by_index(0)
    head, line = sheet.to_python()
    told = dict(zip(head, line, strict=True))
    assert tuple(head) == register.COLUMNS
    assert told["身份证件号"] == row.claim["child"]["id_number"] and told["出生日期"] == "20190301"
    assert (told["性别"], told["入学年月"], told["入学方式"]) == ("女", "202609", "11")


def test_why_not_names_rank_last_rank_and_the_rule(town):
    rows = [town.child(category=c) for c in "AAABB"]
    town.round()
    assert why_not(rows[4], town.schools[0]).code == "not_yet"  # not before it is published
    rounds.send_offers(town.season, DISTRICT)
    row = Application.objects.get(pk=rows[4].pk)
    told = why_not(row, town.schools[0])
    assert (told.code, told.applicants, told.seats, told.last_rank, told.last_category) == ("zone_full", 5, 3, 3, "A")
    assert told.rank in (4, 5)
    assert why_not(row, town.schools[2]).code == "not_zone_farther"
    assert why_not(rows[0], town.schools[0]).code == "seat"


def test_the_warning_is_red_where_nobody_more_fits_in(town):
    for zone, count in ((0, 3), (1, 1)):
        for _ in range(count):
            town.child(zone=zone, state=State.VERIFYING)
    town.child(zone=2, state=State.DRAFT)
    cache.clear()
    levels = {r.school.code: (r.applied_percent, r.level) for r in warning.loads(town.season)}
    assert levels == {"DK0": (100, "red"), "DK1": (50, "green"), "DK2": (0, "green")}


def test_the_bureau_sees_runs_waiting_appeals_locks_and_warnings(empty):
    town = with_rule(
        "rounds: [{title: {zh: 平行志愿, en: Parallel choices}, categories: [B], choices: 2, by: rank_first}]\n"
        "feeders: [{primary: 甲, junior: 无此校, opt_out: true}]\n",
        (2, 1, 1),
    )
    rows = [town.child(category=c) for c in "AB"]
    town.round()
    rounds.send_offers(town.season, DISTRICT)
    SeatPlan.objects.filter(school="DK0").update(seats=1)  # the seat that was due is not there any more
    assert rounds.reopen(rows[1].key, DISTRICT, {"dwelling.address_equals_hukou": True}, "成立").kind == "appeal"
    official = User(username="dongkou", display_name="东口区招生办")
    official.set_password("x")
    official.save()
    StaffRole.objects.create(user=official, role=Role.DISTRICT, scope="dongkou")
    client = Client()
    client.force_login(official, backend="django.contrib.auth.backends.ModelBackend")
    client.cookies["ruxue_language"] = "en"
    page = client.get("/b/steps").content.decode()
    assert "Parallel choices" in page and "无此校" in page and f"…{rows[1].receipt_tail} · 东口0小" in page
    cache.clear()
    assert "red: 200 % of the plan" in client.get("/b/").content.decode()


def test_the_bureau_says_which_schools_are_private_and_which_share_a_zone(town):
    official = User(username="dongkou", display_name="东口区招生办")
    official.set_password("x")
    official.save()
    StaffRole.objects.create(user=official, role=Role.DISTRICT, scope="dongkou")
    client = Client()
    client.force_login(official, backend="django.contrib.auth.backends.ModelBackend")
    for _ in range(2):
        client.post("/b/plans", {"plan": "DK1", "classes": 1, "class_size": 40, "private": "on", "nine_year": "on"})
    school = School.objects.get(code="DK1")
    assert school.private and school.nine_year and SeatPlan.objects.get(school=school).seats == 40
    assert Entry.objects.filter(kind="school", body__school="DK1").count() == 1
    zone = Zone.objects.get(school="DK2")
    border = json.dumps(square(119, 0.05))
    client.post("/b/plans", {"zone": zone.pk, "geometry": border, "shared": "on"})
    row = town.child()
    assert [s.code for s in preferences.terms(row).schools] == ["DK0", "DK1", "DK2"]
    client.post("/b/plans", {"zone": zone.pk, "geometry": border})
    assert preferences.terms(row).zone == ["DK2"]


class Crash(Exception):
    pass


REFUSED = (rounds.StepError, seasons.NotOpen, NotAllowed, lottery.LotteryError, preferences.ListError)
VARIANTS = {
    "plain": "",
    "arrangements": """quotas: [{category: B, seats: 1}]
buffers: [{school: 东口2小, title: {zh: 东口2小, en: Third}, category: A}]
zones: {东口2小: {title: {zh: 缓冲, en: buffer}, compounds: [DKC0]}}
seat_lock: {years: {primary: 6}, exempt: [same_parents], scope: school, last_year_blocks: false}
""",
    "lists": "rounds: [{title: {zh: 志愿, en: x}, categories: [B], choices: 2, by: rank_first, repeat: 2}]\n",
    "private": """last_in_category:
  - {title: {zh: 民办落选, en: not drawn}, when: {fact: child.lost_private_draw, is: true}}
""",
}


class Seasons(RuleBasedStateMachine):
    """Families, two operators, a moving clock and crashes between any two writes of a step."""

    def __init__(self) -> None:
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.accepted: dict[int, str] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.outer.__exit__(None, None, None)
        clock.refresh()

    @initialize(
        start=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ABT")), min_size=4, max_size=7),
        ahead=st.sampled_from([4, 3, 0]),
        variant=st.sampled_from(["arrangements", "lists", "lists", "private", "plain"]),
    )
    def begin(self, start: list[tuple[int, str]], ahead: int, variant: str) -> None:
        self.town = Town((1, 1, 2), RULE + VARIANTS[variant])
        if variant == "private":
            School.objects.filter(code="DK1").update(private=True)
        if variant == "arrangements":
            Zone.objects.get(school="DK1").compounds.add("DKC0")
        seasons.set_window(self.town.season, "preference", day(6, 1), day(8, 30), "test")
        if variant == "lists":
            start = [*start, (0, "B"), (0, "B")]  # two for whom lists are
        for zone, category in start:
            row = self.town.child(zone, category, State.CLASSIFIED)
            row.claim |= {"room": "1-1-101"}  # one of two homes in each zone is locked where the rule locks homes
            row.save()
        if variant == "arrangements":
            self.lock_a_home()
        clock.stop_at(day(7, 8))
        for _ in range(ahead):
            self.season_goes_on(0, False)

    def lock_a_home(self) -> None:
        """A pupil of another family entered through the home in the first zone five years ago."""
        before = Season.objects.create(
            district=self.town.season.district, year=2021, retention_until=day(12, 31).date()
        )
        elder = self.town.child(0, "A", State.REGISTERED)
        Application.objects.filter(pk=elder.pk).update(season=before, city_year="2021-primary")
        home = Application.objects.filter(season=self.town.season, compound="DKC0").first() or elder
        SeatLock.objects.create(
            application=elder, school=self.town.schools[0], dwelling=register.dwelling(home), parents=["x"],
            stage="primary", since=2021,
        )  # fmt: skip

    def step(self, act: Any, crash: int) -> None:
        """Does a step; with `crash` the power goes at its n-th entry into the ledger, and somebody tries again."""
        made = log.entry
        count = 0

        def failing(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == crash:
                raise Crash
            return made(*args, **kwargs)

        before = everything() if crash else None
        log.entry = failing  # type: ignore[assignment]
        try:
            with transaction.atomic():
                act()
            return
        except Crash:
            log.entry = made
            assert everything() == before
        except REFUSED:
            return
        finally:
            log.entry = made
        try:
            with transaction.atomic():
                act()
        except REFUSED:
            pass

    crashes = st.integers(0, 3)

    @rule(crash=crashes, twice=st.booleans())
    def season_goes_on(self, crash: int, twice: bool) -> None:
        """The step that is due, on its day."""
        states = set(Application.objects.filter(season=self.town.season).values_list("state", flat=True))
        late = Application.objects.filter(season=self.town.season, late=True).exists()
        due = [
            ("publish", State.CLASSIFIED, day(7, 8)),
            ("lock", State.PUBLISHED, day(7, 16)),
            ("round", State.LOCKED, day(7, 20)),
            *([("round", State.TO_COORDINATE, day(7, 20))] if self.more_runs() else []),
            ("offer", State.SEATED, day(7, 20)),
            ("lapse", State.OFFERED, day(7, 31)),
        ]
        for name, state, moment in due:
            if state in states:
                later = day(8, 10) if name == "publish" else day(8, 17)
                clock.stop_at(later if late and name != "lapse" else moment)
                return self.operator_acts(name, crash, twice)

    @rule(name=st.sampled_from(["publish", "lock", "round", "offer", "lapse"]), crash=crashes, twice=st.booleans())
    def operator(self, name: str, crash: int, twice: bool) -> None:
        self.operator_acts(name, crash, twice)

    def more_runs(self) -> bool:
        """Whether the rule has runs of admission that are still to come."""
        season = self.town.season
        last = Round.objects.filter(season=season, kind="general").order_by("-number").first()
        return last is not None and not last.inputs["stage"]["coordinates"]

    def operator_acts(self, name: str, crash: int, twice: bool) -> None:
        season = Season.objects.get(pk=self.town.season.pk)
        acts = {
            "publish": lambda: rounds.publish_preliminary(season, DISTRICT),
            "lock": lambda: rounds.lock(season, DISTRICT),
            "round": self.town.round,
            "offer": lambda: rounds.send_offers(season, DISTRICT),
            "lapse": lambda: rounds.lapse(season),
        }
        for _ in range(1 + twice):
            self.step(acts[name], crash)

    @rule(moment=st.sampled_from([day(7, 16), day(7, 20), day(7, 31), day(8, 10), day(8, 17)]))
    def clock_moves(self, moment: datetime) -> None:
        clock.stop_at(moment)

    @rule(pick=st.integers(0, 20), yes=st.booleans(), crash=crashes)
    def family_answers(self, pick: int, yes: bool, crash: int) -> None:
        rows = list(Application.objects.filter(season=self.town.season, state=State.OFFERED).order_by("pk"))
        if not rows:
            return
        row = rows[pick % len(rows)]
        self.step(lambda: rounds.answer(row.key, row.guardian, yes), crash)
        row.refresh_from_db()
        if row.state == State.ACCEPTED:
            self.accepted[row.pk] = school_of(row)

    @rule(pick=st.integers(0, 20), crash=crashes)
    def family_asks_again(self, pick: int, crash: int) -> None:
        rows = list(
            Application.objects.filter(season=self.town.season, state__in=["declined", "lapsed"]).order_by("pk")
        )
        if rows:
            row = rows[pick % len(rows)]
            clock.stop_at(day(8, 10))
            self.step(lambda: rounds.ask_again(row.key, row.guardian), crash)

    @rule(zone=st.integers(0, 2), crash=crashes)
    def late_round(self, zone: int, crash: int) -> None:
        """All families with an offer accept it; then a late one goes through all steps."""
        for row in Application.objects.filter(season=self.town.season, state=State.OFFERED).order_by("pk"):
            self.step(lambda row=row: rounds.answer(row.key, row.guardian, True), crash)  # type: ignore[misc]
            row.refresh_from_db()
            if row.state == State.ACCEPTED:
                self.accepted[row.pk] = school_of(row)
        self.town.child(zone, "A", State.CLASSIFIED, late=True)
        for _ in range(3):
            self.season_goes_on(crash, False)

    @rule(pick=st.integers(0, 20), crash=crashes)
    def appeal(self, pick: int, crash: int) -> None:
        rows = list(Application.objects.filter(season=self.town.season).exclude(state="classified").order_by("pk"))
        without = [r for r in rows if not Offer.objects.filter(application=r, school_id=r.school_id).exists()]
        rows = without or rows  # first those to whom it could bring something
        if not rows:
            return
        row = rows[pick % len(rows)]
        served = {a.application_id for a in rounds.appeals_waiting(self.town.season)} | {row.pk}
        others = {o.application_id: o.school_id for o in Offer.objects.exclude(application__in=served)}
        facts = {"dwelling.address_equals_hukou": True}
        self.step(lambda: rounds.reopen(row.key, DISTRICT, facts, "成立"), crash)
        assert {o.application_id: o.school_id for o in Offer.objects.exclude(application__in=served)} == others

    @rule(pick=st.integers(0, 20), order=st.permutations(["DK0", "DK1", "DK2"]), crash=crashes)
    def family_ranks_schools(self, pick: int, order: list[str], crash: int) -> None:
        rows = list(Application.objects.filter(season=self.town.season).order_by("pk"))
        row = rows[pick % len(rows)]
        allowed = preferences.terms(row)
        wanted = [c for c in order if c in {s.code for s in allowed.schools}][: allowed.limit]
        self.step(lambda: preferences.save(row.key, row.guardian, wanted), crash)

    @rule(away=st.integers(0, 3), crash=crashes)
    def school_begins(self, away: int, crash: int) -> None:
        """Classes are drawn, children report but for some, whose seats are free after the last day."""
        rows = list(Application.objects.filter(season=self.town.season, state=State.ACCEPTED).order_by("pk"))
        if not rows:
            return
        machine.change_many(rows, "assign_class", DISTRICT)
        for n, row in enumerate(rows):
            if n != away:
                number = Notice.objects.get(offer__application=row).number
                school = Offer.objects.get(application=row).school
                self.step(lambda number=number, school=school: register.report(number, school, DISTRICT), crash)  # type: ignore[misc]
        clock.stop_at(day(9, 3))
        self.step(lambda: rounds.end_no_shows(self.town.season, DISTRICT), crash)
        for row in Application.objects.filter(pk__in=self.accepted, state=State.LAPSED):
            assert row.transitions.filter(name="no_show").exists()
            del self.accepted[row.pk]

    def moved_by_appeal(self) -> None:
        """The family of an upheld appeal asked for the better seat: it gave the other one up."""
        for row in Application.objects.filter(pk__in=self.accepted, state=State.OFFERED):
            given = Offer.objects.select_related("round").get(application=row)
            assert given.round.kind == "appeal" and given.round.inputs["due"] == given.school_id
            assert given.school_id != self.accepted.pop(row.pk)

    @invariant()
    def never_over_plan_nobody_in_two_no_accepted_seat_lost_ledger_complete(self) -> None:
        season = self.town.season
        self.moved_by_appeal()
        live = Offer.objects.filter(round__season=season, application__state__in=HOLDS_SEAT)
        taken: dict[str, int] = {}
        for offer in live:
            taken[offer.school_id] = taken.get(offer.school_id, 0) + 1
        assert all(taken.get(p.school_id, 0) <= p.seats for p in SeatPlan.objects.filter(season=season))
        assert live.count() == live.values("application").distinct().count()
        assert not live.filter(kind="coordinated", school__private=True).exists()
        for appeal in rounds.appeals_waiting(season):  # nobody waits for a seat that is free
            held = live.filter(application=appeal.application_id).first()
            if appeal.application.state in CHANGES["reopen"].sources and not (
                held and held.school_id == appeal.school_id
            ):
                assert appeal.school_id is None or rounds.seats_left(season)[appeal.school_id] < 1
        seated = Application.objects.filter(season=season, state__in=HOLDS_SEAT)
        assert seated.count() == live.count()
        kept = {o.application_id: o.school_id for o in live.filter(application__state__in=ANSWERED)}
        assert kept == self.accepted
        changes = Transition.objects.filter(application__season=season)
        keys = Application.objects.filter(season=season).values("key")
        assert Entry.objects.filter(kind="decision", subject__in=keys).count() == changes.count()
        ran = list(Round.objects.filter(season=season).order_by("number"))
        assert [r.number for r in ran] == list(range(1, len(ran) + 1))
        assert Entry.objects.filter(kind="round", subject=season.key).count() == len(ran)
        for made in ran:
            assert made.inputs_digest == seating.digest(made.inputs).hex()
        published = Publication.objects.filter(season=season, kind="results").first()
        if published is None:
            assert not live.exclude(application__state=State.SEATED).exists()
        else:
            assert Entry.objects.filter(kind="results", body__digest=published.digest).exists()
            assert rfc8785.dumps(published.payload)


@pytest.mark.parametrize("examples", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_the_season_holds_through_crashes_clocks_and_double_clicks(empty, examples):
    run_state_machine_as_test(
        Seasons,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=timedelta(seconds=30),
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
