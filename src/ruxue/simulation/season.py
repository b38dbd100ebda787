"""Plays a season: families, school clerks, officials and witnesses act through the same functions that the pages call."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from PIL import Image, ImageDraw

from ruxue import crypto
from ruxue.accounts import consent
from ruxue.accounts.models import Role, StaffRole, User
from ruxue.admissions import rounds
from ruxue.admissions.models import Offer
from ruxue.algorithms import bundle, draw
from ruxue.applications import claims, review, stored_facts, verify
from ruxue.applications.machine import By
from ruxue.applications.models import Application, Check, Objection, Transition
from ruxue.applications.states import HOLDS_SEAT, PASSED, Actor, State
from ruxue.classes import ceremony, prepare
from ruxue.classes.models import Ceremony, TeacherTeam
from ruxue.exchange import connections
from ruxue.exchange.models import Query
from ruxue.insight import sources
from ruxue.ledger import clock, log
from ruxue.ledger.models import TreeHead
from ruxue.places import rules
from ruxue.places.models import ChildCount, Community, Compound, District, School, Season, SeatPlan, Window, Zone
from ruxue.places.suggest import spell
from ruxue.policy.engine import decide
from ruxue.policy.facts import Fact
from ruxue.policy.language import COORDINATE
from ruxue.simulation import rounds as simulated_rounds
from ruxue.simulation.ground_truth import truth_facts
from ruxue.simulation.model import City, Claim, Family

WINDOWS = {  # month, day of opening and of closing
    "collection": ((3, 10), (3, 23)),
    "correction": ((3, 10), (5, 10)),
    "publication": ((7, 1), (7, 8)),
    "objection": ((7, 8), (7, 15)),
    "admission": ((7, 16), (7, 25)),
    "offer": ((7, 20), (7, 30)),
    "late": ((8, 10), (8, 25)),
    "late_objection": ((8, 11), (8, 16)),
    "classes": ((8, 18), (8, 31)),
    "reporting": ((8, 31), (9, 4)),
}


PAPER_FOR = {  # the paper that answers a reason, where it is not the one of the claimed home
    "hukou_address_unclear": "household_book",
    "identity_mismatch": "household_book",
    "household_not_together": "household_book",
    "job_not_found": "work",
}


class Progress(Protocol):
    """Shows how far a phase is; Rich in the command line, silence in tests."""

    def phase(self, name: str, total: int) -> AbstractContextManager[Callable[[int], None]]: ...


def at(year: int, month: int, day: int, hour: int = 9) -> datetime:
    return datetime(year, month, day, hour, tzinfo=clock.CITY_ZONE)


@transaction.atomic
def load_places(city: City) -> None:
    """Writes the city's map, schools, plans, zones, seasons, calendars and rules into the platform, on 1 March."""
    clock.stop_at(at(city.year, 3, 1))
    for d in city.districts:
        District.objects.update_or_create(
            key=d.key,
            defaults={
                "name_zh": d.name_zh,
                "name_en": d.name_en,
                "code": d.code,
                "lng": d.lng,
                "lat": d.lat,
                "phone": "0536-5550000",
            },
        )
    Community.objects.bulk_create(
        [
            Community(code=c.code, name=c.name, street=c.street, district_id=c.district, lng=c.lng, lat=c.lat)
            for c in city.communities
        ],
        batch_size=1000,
    )
    rows = []
    for c in city.compounds.values():
        pinyin, initials = spell(c.name)
        rows.append(
            Compound(
                code=c.code,
                name=c.name,
                address=c.address,
                aliases=list(c.aliases),
                pinyin=pinyin,
                initials=initials,
                community_id=c.community,
                district_id=c.district,
                lng=c.lng,
                lat=c.lat,
            )
        )
    Compound.objects.bulk_create(rows, batch_size=1000)
    School.objects.bulk_create(
        [
            School(
                code=s.code,
                name_zh=s.name_zh,
                name_en=s.name_en,
                district_id=s.district,
                address=s.address,
                phone=s.phone,
                lng=s.lng,
                lat=s.lat,
                history=s.history,
            )
            for s in city.schools
        ]
    )
    ChildCount.objects.bulk_create(
        [
            ChildCount(community_id=c, birth_year=y, children=n)
            for (c, y), n in sorted(city.children_by_community.items())
        ],
        batch_size=2000,
    )
    for d in city.districts:
        season = Season.objects.create(
            key=crypto.public_key(), district_id=d.key, year=city.year, retention_until=date(city.year + 1, 12, 31)
        )
        for kind, (opens, closes) in WINDOWS.items():
            Window.objects.create(
                season=season, kind=kind, opens_at=at(city.year, *opens, 8), closes_at=at(city.year, *closes, 18)
            )
        for s in (s for s in city.schools if s.district == d.key):
            SeatPlan.objects.create(
                season=season,
                school_id=s.code,
                classes=s.classes,
                class_size=s.class_size,
                seats=s.classes * s.class_size,
            )
            zone = Zone.objects.create(season=season, school_id=s.code, geometry=s.geometry)
            zone.compounds.add(*s.compounds)  # type: ignore[arg-type]  # their keys are texts
            TeacherTeam.objects.bulk_create(
                [
                    TeacherTeam(season=season, school_id=s.code, name=f"第{i}组", members=[])
                    for i in range(1, s.classes + 1)
                ]
            )
        rules.install(season, (settings.POLICIES / f"{d.key}-primary.yaml").read_text(encoding="utf-8"), "city")


@dataclass
class Player:
    """One season, phase by phase. `drain` lets the background work finish (a worker process, or this one)."""

    city: City
    drain: Callable[[], None]
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.year = self.city.year
        self.seasons = {s.district_id: s for s in Season.objects.filter(year=self.year).prefetch_related("windows")}
        self.core = {s.pk: verify.core(s) for s in self.seasons.values()}
        self.rule = {s.pk: policy for s in self.seasons.values() if (policy := rules.in_force(s))}
        self.family_of: dict[str, tuple[Family, int]] = {}
        self.paper = _picture()

    def _timed(self, name: str, started: float) -> None:
        self.seconds[name] = round(self.seconds.get(name, 0) + time.monotonic() - started, 1)

    def collect(self) -> None:
        """Families sign up, consent, type and submit; some accounts never apply."""
        started = time.monotonic()
        clock.stop_at(at(self.year, 3, 12))
        index = {k: crypto.blind_index(k, "phone") for k in (f"142{n:08d}" for n in range(self.city.idle_users))}
        User.objects.bulk_create(
            [User(phone=p, phone_index=i, password="!", key=crypto.public_key()) for p, i in index.items()],
            batch_size=2000,
        )
        with self.progress.phase("collection", len(self.city.families)) as tick:
            later = simulated_rounds.late_families(self.city)
            for n, family in enumerate(self.city.families, 1):
                if family.key not in later:
                    self.apply(family)
                tick(n)
        self._timed("collection", started)

    def at(self, month: int, day: int, hour: int = 9) -> datetime:
        """A moment of the season's year."""
        return at(self.year, month, day, hour)

    def apply(self, family: Family) -> None:
        """A family signs up and applies for its children."""
        user = User.objects.guardian(family.phone)
        consent.give(user, sorted(connections.current().items()), date(self.year + 1, 12, 31))
        season = self.seasons[family.district]
        group = crypto.public_key() if len(family.children) > 1 else ""
        for i in range(len(family.children)):
            row = claims.start(user, season)
            _fill(row, family.claim, i)
            if group:
                Application.objects.filter(pk=row.pk).update(group=group)
            claims.submit(row.key, user)
            self.family_of[row.key] = (family, i)

    def verify(self) -> None:
        """The departments are asked; families correct and prove; what was silent is asked again."""
        started = time.monotonic()
        total = Application.objects.count()
        with self.progress.phase("verification", total) as tick:
            self.drain()
            tick(total)
        self._timed("verification", started)
        log.seal()

    def review(self) -> None:
        """Families correct what was wrong, upload papers; schools look, ask for originals, decide."""
        started = time.monotonic()
        for day in (4, 5, 6):
            clock.stop_at(at(self.year, 4, day))
            waiting = self._in(State.NEED_INFO, State.RETURNED)
            with self.progress.phase(f"corrections {day - 3}", len(waiting)) as tick:
                for n, row in enumerate(waiting, 1):
                    self._react(row)
                    tick(n)
            self.drain()
            for row in self._in(State.SCHOOL_REVIEW):
                self._look(row)
        self._plan_slots()
        for row in self._in(State.RETURNED, State.NEED_INFO):
            self._book(row)
        clock.stop_at(at(self.year, 4, 20, 18))
        for row in self._in(State.ONSITE_BOOKED):
            self._examine(row)
        clock.stop_at(at(self.year, 5, 11))
        for season in self.seasons.values():
            verify.close_open(season)
        log.seal()
        self._timed("review", started)

    def _in(self, *states: State) -> list[Application]:
        return list(
            Application.objects.filter(state__in=states)
            .select_related("guardian", "school", "season")
            .order_by("receipt")
        )

    def _react(self, row: Application) -> None:
        """A family does what the page tells it: correct first, then papers, then go on with what is proven."""
        family, i = self.family_of[row.key]
        if set(row.needed) == {"school_need_original"}:
            return
        if row.claim_version == 1 and family.corrected != family.claim and "correct" in self._actions(row):
            _fill(row, family.corrected, i)
            claims.submit(row.key, row.guardian)
            return
        claimed = {"contract": "contract", "resettlement": "resettlement", "lease": "lease"}.get(
            row.basis, "certificate"
        )
        kind = PAPER_FOR.get(row.needed[0] if row.needed else "", claimed)
        paper = next((p for p in family.papers if p.kind == kind), None)
        if paper:
            review.upload(row.key, row.guardian, paper.kind, self.paper, paper.number)
        elif "waive" in self._actions(row):
            claims.go_on_without(row.key, row.guardian)

    def _actions(self, row: Application) -> set[str]:
        from ruxue.applications.reasons import REASONS

        return {action for code in row.needed for action in REASONS[code].actions}

    def _look(self, row: Application) -> None:
        """A clerk: asks the register by the paper's number; what that can't show is to be seen in the original."""
        by = By(Actor.SCHOOL, self._clerk(row))
        paper = row.documents.order_by("-id").first()
        if paper and paper.kind == "certificate":
            answer = review.ask_by_number(row.key, by, str(paper.number))
            confirmed = review.confirmed_by(row, answer)
            if confirmed and set(row.needed) <= {"property_not_found"}:
                review.accept(row.key, by, confirmed)
                return
        review.give_back(row.key, by, "school_need_original")

    def _plan_slots(self) -> None:
        need = dict(
            Application.objects.filter(state__in=[State.RETURNED, State.NEED_INFO])
            .values_list("school")
            .annotate(n=Count("id"))
        )
        for school, count in sorted((s, n) for s, n in need.items() if s):
            row = School.objects.get(pk=school)
            review.plan_slots(
                row, self.seasons[row.district_id], [at(self.year, 4, 20, h) for h in range(9, 17)], count // 8 + 1
            )

    def _book(self, row: Application) -> None:
        slots = review.open_slots(row)
        if slots:
            review.book(row.key, row.guardian, slots[0].pk)
        else:
            claims.go_on_without(row.key, row.guardian)

    def _examine(self, row: Application) -> None:
        """At the window: originals are examined with the office that issued them; what is forged shows."""
        family, _ = self.family_of[row.key]
        by = By(Actor.SCHOOL, self._clerk(row))
        if not family.papers[0].authentic:
            review.refuse(row.key, by, "the issuing office does not know this paper")
            return
        facts = self._truth(row)
        seen = {n: facts[n] for n in row.needed_facts if facts.get(n) is not None}
        review.accept(row.key, by, seen)

    def _truth(self, row: Application) -> dict[str, Any]:
        family, i = self.family_of[row.key]
        return truth_facts(self.city, family, i, self.core[row.season_id])

    def due(self, row: Application) -> str:
        """The category that the rule gives to the truth."""
        truth = {k: Fact(v) for k, v in self._truth(row).items()}
        return decide(self.rule[row.season_id], truth, final=True).category

    def rank(self, row: Application, category: str) -> int:
        """A category's place in the rule's order, smaller is better; after coordination stands no category at all."""
        order = [c.code for c in self.rule[row.season_id].categories] + [COORDINATE]
        return order.index(category) if category in order else len(order)

    def _clerk(self, row: Application) -> User | None:
        return User.objects.filter(roles__role=Role.REVIEWER, roles__scope=row.school_id).first()

    def admit(self) -> None:
        """Publication, objections, lock, round with coordination, offers, answers."""
        started = time.monotonic()
        officials = self.officials()
        clock.stop_at(at(self.year, 7, 8))
        for key, season in self.seasons.items():
            rounds.publish_preliminary(season, officials[key])
        self._object(officials)
        simulated_rounds.admit(self, officials)
        self._timed("admission", started)

    def officials(self) -> dict[str, By]:
        """Each district's official, by the district's key."""
        return {
            key: By(Actor.DISTRICT, User.objects.filter(roles__role=Role.DISTRICT, roles__scope=key).first())
            for key in self.seasons
        }

    def _object(self, officials: dict[str, By]) -> None:
        """Families object whose result rests on what is not so, and whose papers were refused; the district sees all."""
        refused = set(Transition.objects.filter(name="refuse_evidence").values_list("application_id", flat=True))
        rows = self._in(State.PUBLISHED)
        with self.progress.phase("objections", len(rows)) as tick:
            for n, row in enumerate(rows, 1):
                wronged = self.rank(row, self.due(row)) < self.rank(row, row.category)
                if wronged or row.pk in refused:
                    clock.stop_at(at(self.year, 7, 10))
                    made = review.object_to(row.key, row.guardian, "公示的结果与我家实际情况不符，原件请核对")
                    clock.stop_at(at(self.year, 7, 13))
                    held = stored_facts.unpack(row.facts)
                    seen = {
                        k: v for k, v in self._truth(row).items() if v is not None and k in held and held[k].value != v
                    }
                    answer = "核对原件，情况属实" if wronged else "出具单位查无此件，维持原结果"
                    by = officials[row.season.district_id]
                    review.answer_objection(made.pk, by, wronged, answer, seen if wronged else None)
                tick(n)

    def hold_classes(self) -> None:
        """Every school's ceremony: classes, then teachers."""
        started = time.monotonic()
        clock.stop_at(at(self.year, 8, 20))
        schools = list(School.objects.filter(offers__application__state=State.ACCEPTED).distinct().order_by("code"))
        with self.progress.phase("classes", len(schools)) as tick:
            for n, school in enumerate(schools, 1):
                season = self.seasons[school.district_id]
                made = self._open_classes(season, school)
                self._witness(made)
                number = made.manifest["rules"]["classes"]
                TeacherTeam.objects.filter(season=season, school=school).exclude(
                    name__in=[f"第{i}组" for i in range(1, number + 1)]
                ).delete()
                self._witness(ceremony.open_teachers(season, school))
                tick(n)
        log.seal()
        self._timed("classes", started)

    def _open_classes(self, season: Season, school: School) -> Ceremony:
        """The list as the school's preparation wants it; where its rules contradict each other, names may meet."""
        try:
            return ceremony.open_classes(season, school)
        except prepare.CeremonyError as error:
            if error.code != "infeasible":
                raise
            wanted = replace(prepare.wishes(season, school, "classes"), same_names_apart=False)
            prepare.save(season, school, "classes", wanted, None)
            return ceremony.open_classes(season, school)

    def report(self) -> None:
        """Children report at school, and the schools hand them to the pupil register."""
        started = time.monotonic()
        simulated_rounds.report_and_register(self)
        self._timed("reporting", started)

    def _witness(self, made: Ceremony) -> None:
        secrets = {}
        for w in made.witnesses.all():
            if not w.holder:
                ceremony.join(w.token, "见证人")
        ceremony.open_commitments(made.key, By(Actor.DISTRICT))
        for w in made.witnesses.all():
            secrets[w.code] = hashlib.sha256(f"{self.city.seed}/{made.manifest['id']}/{w.code}".encode()).digest()
            ceremony.commit(str(w.holder), draw.commitment(bytes.fromhex(made.digest), w.code, secrets[w.code]).hex())
        for w in made.witnesses.all():
            ceremony.reveal(str(w.holder), secrets[w.code].hex())
        ceremony.hold(made.key, By(Actor.DISTRICT))

    def write_bundles(self, folder: Path) -> int:
        """Writes every ceremony's bundle as a file; returns how many."""
        folder.mkdir(parents=True, exist_ok=True)
        tree = log.Tree()
        count = 0
        for made in Ceremony.objects.filter(state=Ceremony.State.DRAWN).order_by("id"):
            body = ceremony.published_bundle(made, tree)
            (folder / f"{made.manifest['id']}.json").write_bytes(bundle.to_bytes(body))
            count += 1
        return count


def _picture() -> bytes:
    """A page that stands for a photographed paper: synthetic, without any data."""
    page = Image.new("RGB", (600, 800), "#f4f1ea")
    pen = ImageDraw.Draw(page)
    for y in range(80, 720, 40):
        pen.line((60, y, 540, y), fill="#8a8577", width=3)
    out = io.BytesIO()
    page.save(out, "JPEG", quality=70)
    return out.getvalue()


def _fill(row: Application, claim: Claim, index: int) -> None:
    claims.save(
        row,
        {
            "child": claim.children[index],
            "guardian": claim.guardian,
            "second_guardian": claim.second_guardian,
            "grandparent": claim.grandparent,
            "basis": claim.basis,
            "compound": claim.compound,
            "room": claim.room,
            "certificate_no": claim.certificate_no,
        },
    )


def make_staff(city: City, password: str) -> list[tuple[str, str]]:
    """Accounts of the demo's staff: (user name, what it is)."""
    made = [
        ("city", "city official", "潍坊市教育局", Role.CITY, ""),
        ("auditor", "auditor", "监督员", Role.AUDITOR, ""),
    ]
    made += [(d.key, f"official of {d.name_en}", f"{d.name_zh}招生办", Role.DISTRICT, d.key) for d in city.districts]
    made += [
        (f"school-{s.code.lower()}", f"clerk of {s.name_en}", f"{s.name_zh}招生老师", Role.REVIEWER, s.code)
        for s in city.schools
    ]
    hashed = User()
    hashed.set_password(password)
    for name, _title, shown, role, scope in made:
        user = User.objects.create(username=name, display_name=shown, password=hashed.password, key=crypto.public_key())
        StaffRole.objects.create(user=user, role=role, scope=scope)
    return [(name, title) for name, title, *_ in made]


def report(player: Player) -> dict[str, Any]:
    """The season's report. Decisions are scored against the ground truth; everything else is read off the tables."""
    city = player.city
    rows = list(Application.objects.all())
    passed = [r for r in rows if r.state in PASSED and r.category != COORDINATE]
    first: dict[int, dict[str, list[bool]]] = {}
    for pk, item, part, ok in Check.objects.filter(claim_version=1).values_list(
        "application_id", "item", "part", "first_try"
    ):
        kind = (
            "household"
            if (item, part) in (("PS1", "child"), ("PS2", ""), ("PS3", "guardian"))
            else "property"
            if item in ("NR1", "HC1", "HC3") and part in ("guardian", "second_guardian", "grandparent")
            else ""
        )
        if kind:
            first.setdefault(pk, {}).setdefault(kind, []).append(ok)
    household = [all(f["household"]) for f in first.values() if "household" in f]
    owned = [any(f["property"]) for f in first.values() if "property" in f]
    visited = set(
        Transition.objects.filter(name="accept_review", source=State.ONSITE_BOOKED).values_list(
            "application_id", flat=True
        )
    )
    touched = _touched()
    zero = [r for r in rows if r.pk not in touched and not r.by_human and r.state in PASSED]
    wrong_pass = wrong_fail = frauds = frauds_passed = 0
    for row in rows:
        family, _ = player.family_of[row.key]
        due, got = player.rank(row, player.due(row)), player.rank(row, row.category)
        frauds += bool(family.fraud)
        wrong_pass += got < due
        frauds_passed += bool(family.fraud) and got < due
        wrong_fail += got > due
    offers = Offer.objects.filter(application__state__in=HOLDS_SEAT - {State.SEATED})
    seated = dict(offers.values_list("school").annotate(n=Count("id")))
    plans = {p.school_id: p.seats for p in SeatPlan.objects.all()}
    drawn = [
        c.result["report"] for c in Ceremony.objects.filter(kind="classes", state=Ceremony.State.DRAWN) if c.result
    ]
    sexes = [(lv["spread"], lv["feasible"]) for d in drawn for lv in d["attributes"]["sex"].values()]
    head = TreeHead.objects.order_by("-size").first()
    total = round(sum(player.seconds.values()), 1)
    return {
        "families": len(city.families),
        "users": User.objects.exclude(phone_index=None).count(),
        "applications": {
            "submitted": len(rows),
            "ineligible": sum(r.state == State.REJECTED for r in rows),
            "passed": len(passed),
            "pass_rate": _rate(len(passed), len(rows)),
        },
        "household_checks": {
            "queried": len(household),
            "matched_first": sum(household),
            "rate": _rate(sum(household), len(household)),
        },
        "property_checks": {"queried": len(owned), "matched_first": sum(owned), "rate": _rate(sum(owned), len(owned))},
        "zero_touch_rate": _rate(len(zero), len(rows)),
        "visits": len(visited),
        "objections": {
            "made": Objection.objects.count(),
            "upheld": Objection.objects.filter(upheld=True).count(),
        },
        "decisions": {
            "wrong_pass": wrong_pass,
            "wrong_fail": wrong_fail,
            "frauds_planted": frauds,
            "frauds_passed": frauds_passed,
        },
        "admission": {
            "seats": sum(plans.values()),
            "seated": sum(seated.values()),
            "coordinated": offers.filter(kind=Offer.Kind.COORDINATED).count(),
            "gave_up": sum(r.state in (State.DECLINED, State.LAPSED) for r in rows),
            "over_plan": sum(max(0, n - plans[s]) for s, n in seated.items()),
        },
        "classes": {
            "schools": len(drawn),
            "classes": sum(len(d["sizes"]) for d in drawn),
            "max_size_spread": max((d["size_spread"] for d in drawn), default=0),
            "max_sex_spread": max((s for s, _ in sexes), default=0),
        },
        "ledger": {"entries": head.size if head else 0, "root": head.root if head else ""},
        "queries": Query.objects.count(),
        "seconds": {**player.seconds, "total": total},
    }


def _touched() -> set[int]:
    """Applications for which a family did more than submit once, or a person did anything."""
    return set(
        Transition.objects.exclude(name="submit")
        .filter(
            name__in=[
                "resubmit",
                "to_school",
                "book",
                "return",
                "ask_onsite",
                "accept_review",
                "refuse_evidence",
                "object",
            ]
        )
        .values_list("application_id", flat=True)
    )


def _rate(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def play(player: Player, until: str = "end") -> None:
    """The whole season; `until` "eve" stops before the class assignment, so that a visitor can hold it."""
    player.collect()
    player.verify()
    player.review()
    player.admit()
    sources.refresh()
    if until == "end":
        player.hold_classes()
        player.report()
    else:
        clock.run_from(at(player.city.year, 8, 18, 9))
