"""Whom the extensions help, and whom not: families of the synthetic city before the simulated departments, in one process.

Each test has a family that its data leave open without the item and that passes with it, somebody for whom the item must
not speak, and a register that knows nothing, which leaves everything as it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings

from ruxue.algorithms import identity
from ruxue.applications import extensions, stored_facts
from ruxue.applications.evidence import Judgement
from ruxue.applications.models import Check
from ruxue.exchange.items import EXTENSIONS, id_digest
from ruxue.policy.engine import Verdict, decide
from ruxue.policy.language import load_file
from ruxue.policy.records import Spell
from ruxue.simulation import registers
from ruxue.simulation.city import generate
from ruxue.simulation.departments import Registers
from ruxue.simulation.inprocess import Bench
from ruxue.simulation.model import City, Claim, Family, Kin, Person, Share

ALL = frozenset(EXTENSIONS)
DISTRICTS = ("kuiwen", "gaoxin", "hanting", "jingkai", "binhai")


@pytest.fixture(scope="module")
def city() -> City:
    return generate(600, 41)


@pytest.fixture(scope="module")
def whole(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registers") / "all.db"
    registers.build(city, path)
    return path


class Desk:
    """The registers of one family, which a test may change, and the rule of its district."""

    def __init__(self, city: City, family: Family, path: Path) -> None:
        self.city, self.family, self.path = replace(city, families=[family]), family, path
        registers.build(self.city, path)
        for item in EXTENSIONS:
            self.drop(item)

    def put(self, item: str, key: str, body: Any) -> None:
        with sqlite3.connect(self.path) as db:
            db.execute("insert or replace into record values (?, ?, ?)", (item, key, orjson.dumps(body)))

    def drop(self, item: str) -> None:
        with sqlite3.connect(self.path) as db:
            db.execute("delete from record where item = ?", (item,))

    def change(self, item: str, key: str, **fields: Any) -> None:
        with sqlite3.connect(self.path) as db:
            row = orjson.loads(
                db.execute("select body from record where item = ? and k = ?", (item, key)).fetchone()[0]
            )
        self.put(item, key, {**row, **fields})

    def knows(self, person: Person) -> None:
        """The police know this person."""
        fields = {"sex": person.sex, "born_on": person.born_on.isoformat(), "alive": True}
        self.put("PS1", person.id_number, {"name": person.name, "fields": fields})

    def married(self, person: Person, spouse: Person | None) -> None:
        wed = {"married": spouse is not None, "spouse_digest": spouse and id_digest(spouse.id_number)}
        self.put("X1", person.id_number, {"name": person.name, "fields": {**wed, "registered_on": "2015-05-20"}})

    def born_to(self, mother: Person, father: Person | None) -> None:
        child = self.family.children[0]
        parents = {
            "mother_digest": id_digest(mother.id_number),
            "father_digest": father and id_digest(father.id_number),
        }
        self.put("X2", child.id_number, {"born_on": child.born_on.isoformat(), **parents})

    def judged(self, kind: str, guardian: Person, until: str | None = None) -> None:
        who = id_digest(guardian.id_number)
        body = {"kind": kind, "guardian_digest": who, "since": "2024-01-10", "until": until}
        self.put("X3", self.family.children[0].id_number, {who: body})

    def bench(self, *on: str) -> Bench:
        policy = load_file(settings.POLICIES / f"{self.family.district}-primary.yaml", season=2026)
        return Bench(self.city, Registers(self.path), policy, offered=frozenset(on))

    def judge(self, claim: Claim, *on: str) -> tuple[Judgement, Verdict]:
        bench = self.bench(*on)
        return bench.judge(bench.apply(self.family, 0, claim))

    def checks(self, claim: Claim, *on: str) -> list[Check]:
        """What the family sees of the extensions' answers."""
        bench = self.bench(*on)
        row = bench.apply(self.family, 0, claim)
        return extensions.checks(row, bench.answers(row))

    def category(self, claim: Claim, *on: str) -> str:
        """The category that data alone decide; "" where something is open."""
        judged, verdict = self.judge(claim, *on)
        stands = judged.blocking or judged.contradicting or verdict.state == "needs_facts"
        return "" if stands else verdict.category


Make = Callable[[Family], Desk]


@pytest.fixture
def desk(city: City, tmp_path: Path) -> Make:
    made: list[Path] = []

    def make(family: Family) -> Desk:
        made.append(tmp_path / f"{len(made)}.db")
        return Desk(city, family, made[-1])

    return make


def plain(city: City, district: str, kind: str, parents: int = 2) -> Family:
    """A family about whom everything is right, whose home its parents own or lease."""
    return next(
        f
        for f in city.families
        if (f.district, f.kind, len(f.guardians)) == (district, kind, parents)
        and not f.fraud
        and not f.truth.flaws
        and not f.truth.mistakes
        and len(f.children) == 1
        and not f.locks
        and all(o.person in {g.person for g in f.guardians} for d in f.dwellings for o in d.owners)
        and f.children[0].born_on <= date(2020, 8, 31)
    )


def person(number: str, name: str) -> Person:
    """Somebody new; `number` without its check digit."""
    whole = number + identity.id_check_digit(number)
    return Person(whole, name, identity.sex(whole), identity.birth_date(whole))


STEPFATHER = person("37079919850303951", "丁继平")
UNCLE = person("37079919830404953", "丁伯年")


def typed(who: Person, relation: str = "") -> dict[str, str]:
    return {"name": who.name, "id_number": who.id_number, **({"relation": relation} if relation else {})}


def parents_of(family: Family) -> tuple[Person, Person]:
    by = {k.relation: k.person for k in family.guardians}
    return by["father"], by["mother"]


def owned_by(family: Family, *shares: tuple[Person, int]) -> Family:
    home = replace(family.dwellings[0], owners=tuple(Share(p, bp) for p, bp in shares))
    return replace(family, dwellings=(home,))


# ── X1 marriage ─────────────────────────────────────────────────────────────────────────────────────────────────────


def with_stepfather(city: City, district: str, kind: str) -> tuple[Family, Claim]:
    """The mother has married again; her husband owns half of the home or leases with her, and is named as guardian."""
    family = plain(city, district, kind)
    _, mother = parents_of(family)
    book = replace(family.household, members=(Kin(mother, "mother"),), head=mother)
    family = replace(family, guardians=(Kin(mother, "mother"),), household=book)
    if family.dwellings:
        family = owned_by(family, (mother, 5000), (STEPFATHER, 5000))
    family = replace(family, leases=tuple(replace(x, tenant=mother) for x in family.leases))
    claim = replace(family.claim, guardian=typed(mother, "mother"), second_guardian=typed(STEPFATHER, "other"))
    return family, claim


def test_a_couples_home_is_the_familys(city: City, desk: Make) -> None:
    family, claim = with_stepfather(city, "gaoxin", "owned")
    d = desk(family)
    d.knows(STEPFATHER)
    assert d.category(claim) == d.category(claim, "X1") == "", "nobody knows who the other owner is"
    _, mother = parents_of(plain(city, "gaoxin", "owned"))
    d.married(mother, STEPFATHER)
    judged, verdict = d.judge(claim, "X1")
    assert d.category(claim, "X1") == "G1" == verdict.category
    assert judged.facts["dwelling.full_ownership"].value is judged.facts["dwelling.owners_within_kin"].value is True
    # He is no parent: a rule that counts the parents' own shares still has to see a paper.
    low, high = judged.facts["dwelling.owners"].value.share(frozenset({"father", "mother", "child"}))  # type: ignore[union-attr]
    assert (low, high) == (5000, 10_000)
    assert judged.facts["dwelling.owners"].value.share(frozenset({"mother", "spouse"})) == (10_000, 10_000)  # type: ignore[union-attr]


def test_a_marriage_to_somebody_else_or_none_shows_nothing(city: City, desk: Make) -> None:
    family, claim = with_stepfather(city, "gaoxin", "owned")
    d, (_, mother) = desk(family), parents_of(plain(city, "gaoxin", "owned"))
    d.knows(STEPFATHER)
    for spouse in (UNCLE, None):
        d.married(mother, spouse)
        assert d.category(claim, "X1") == ""
    # The home of a spouse alone is not the child's or a parent's.
    d = desk(owned_by(family, (STEPFATHER, 10_000)))
    d.knows(STEPFATHER)
    d.married(mother, STEPFATHER)
    judged, _ = d.judge(claim, "X1")
    assert d.category(claim, "X1") == "" and judged.facts["dwelling.owned_by_family"].value is None
    assert judged.facts["dwelling.family_share_bp"].value is None


def test_an_owner_who_was_not_named_is_the_parents_spouse(city: City, desk: Make) -> None:
    family = plain(city, "gaoxin", "owned")
    father, mother = parents_of(family)
    family = owned_by(family, (father, 5000), (mother, 5000))
    claim = replace(family.claim, guardian=typed(father, "father"), second_guardian=None)
    d = desk(family)
    assert d.category(claim, "X1", "X2") == ""
    d.married(father, mother)
    assert d.category(claim, "X1") == "G1"
    d.drop("X1")
    d.born_to(mother, father)
    assert d.category(claim, "X2") == "G1"


def test_a_couple_who_rents_is_counted_together(city: City, desk: Make) -> None:
    family, claim = with_stepfather(city, "kuiwen", "local_lease")
    d, (_, mother) = desk(family), parents_of(plain(city, "kuiwen", "local_lease"))
    child = family.children[0].id_number
    d.knows(STEPFATHER)
    d.married(mother, STEPFATHER)
    d.change("PS3", child, parents=None)
    assert d.category(claim) == "" and d.category(claim, "X1") == "K3"
    d.change("PS3", child, parents=2)
    assert d.category(claim, "X1") == "", "the register tells of a father who was not asked about"
    d.change("PS3", child, parents=None)
    d.put("NR3", STEPFATHER.id_number, {"370703": 1})
    assert d.category(claim, "X1") != "K3", "what the spouse owns counts"


# ── X2 birth certificate ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_birth_certificate_shows_a_parent_whom_the_household_book_does_not(city: City, desk: Make) -> None:
    family = plain(city, "kuiwen", "owned")
    father, mother = parents_of(family)
    family = owned_by(family, (father, 10_000))
    d = desk(family)
    claim = replace(family.claim, guardian=typed(father, "father"), second_guardian=None)
    expected = d.category(claim)
    assert expected == "K1"
    d.change("PS3", family.children[0].id_number, kinship={})
    assert d.category(claim) == d.category(claim, "X2") == ""
    d.born_to(mother, father)
    assert d.category(claim, "X2") == expected
    assert d.judge(claim, "X2")[0].facts["dwelling.owned_by_family"].value is True
    assert [(c.item, c.status) for c in d.checks(claim, "X2")] == [("X2", "matched")]
    d.born_to(mother, UNCLE)
    assert d.category(claim, "X2") == "", "somebody else is the father"


def test_what_the_household_book_says_of_kinship_stands(city: City, desk: Make) -> None:
    family = plain(city, "kuiwen", "owned")
    father, mother = parents_of(family)
    family = owned_by(family, (father, 10_000))
    d, claim = desk(family), replace(family.claim, guardian=typed(father, "father"), second_guardian=None)
    d.change("PS3", family.children[0].id_number, kinship={id_digest(father.id_number): "other"})
    d.born_to(mother, father)
    assert d.category(claim, "X2") == "", "two registers differ: a person looks at it"
    claim = replace(claim, second_guardian=typed(mother, "mother"))
    judged, _ = d.judge(claim, "X2")
    assert "X2" in {c.item for c in d.checks(claim, "X2")}, "she is asked about"
    assert d.category(claim, "X2") == "" and judged.facts["dwelling.owned_by_family"].value is None


# ── X3 guardianship, adoption, custody ──────────────────────────────────────────────────────────────────────────────


def ward(city: City, guardian: Person, relation: str) -> tuple[Family, Claim]:
    """A child in the book and the home of somebody who is no parent."""
    family = plain(city, "kuiwen", "owned")
    book = replace(family.household, members=(Kin(guardian, "other"),), head=guardian)
    family = replace(owned_by(family, (guardian, 10_000)), household=book)
    return family, replace(family.claim, guardian=typed(guardian, relation), second_guardian=None)


def test_a_guardian_by_judgment_stands_in_the_parents_place(city: City, desk: Make) -> None:
    family, claim = ward(city, UNCLE, "other")
    d = desk(family)
    d.knows(UNCLE)
    assert d.category(claim) == d.category(claim, "X3") == ""
    d.judged("guardianship", UNCLE)
    assert d.category(claim, "X3") == "K1"
    d.judged("guardianship", UNCLE, until="2026-06-30")
    assert d.category(claim, "X3") == "", "it ends before the child enters school"
    d.judged("guardianship", STEPFATHER)
    assert d.category(claim, "X3") == "", "somebody else is the guardian"


def test_a_grandmother_who_is_the_guardian_owns_the_familys_home(city: City, desk: Make) -> None:
    elder = next(k.person for k in plain(city, "kuiwen", "owned").grandparents if k.relation == "grandmother")
    family, claim = ward(city, elder, "grandmother")
    d = desk(family)
    assert d.category(claim) == d.category(claim, "X3") == ""
    d.judged("guardianship", elder)
    assert d.category(claim, "X3") == "K1"


def test_an_adoption_makes_a_parent(city: City, desk: Make) -> None:
    family, claim = ward(city, UNCLE, "father")
    d = desk(family)
    d.knows(UNCLE)
    d.judged("adoption", UNCLE)
    judged, _ = d.judge(claim, "X3")
    assert d.category(claim, "X3") == "K1"
    assert judged.facts["dwelling.owners"].value.share(frozenset({"father"})) == (10_000, 10_000)  # type: ignore[union-attr]


def test_custody_shows_that_one_parent_raises_the_child(city: City, desk: Make) -> None:
    family = plain(city, "kuiwen", "local_lease")
    father, mother = parents_of(family)
    family = replace(
        family, guardians=(Kin(mother, "mother"),), leases=tuple(replace(x, tenant=mother) for x in family.leases),
        household=replace(family.household, members=(Kin(mother, "mother"),), head=mother),
    )  # fmt: skip
    d, claim = desk(family), replace(family.claim, guardian=typed(mother, "mother"), second_guardian=None)
    d.change("PS3", family.children[0].id_number, parents=2)
    assert d.category(claim) == d.category(claim, "X3") == ""
    d.judged("custody", mother)
    assert d.category(claim, "X3") == "K3"
    assert d.judge(claim, "X3")[0].facts["family.single_parent"].value is True
    d.judged("custody", father)
    assert d.category(claim, "X3") == "", "the other parent raises it"


# ── X10 electronic licences ─────────────────────────────────────────────────────────────────────────────────────────


def licence(d: Desk, claim: Claim, **changes: Any) -> str:
    """The category with the family's electronic licences changed."""
    with sqlite3.connect(d.path) as db:
        rows = db.execute("select k, body from record where item = 'X10'").fetchall()
    for key, body in rows:
        held = orjson.loads(body)
        d.put("X10", key, {**held, "licences": [{**x, **changes} for x in held["licences"]]})
    found = d.category(claim, "X10")
    for key, body in rows:
        d.put("X10", key, orjson.loads(body))
    return found


@pytest.mark.parametrize(("flaw", "least"), [("stale", 3), ("contract_missing", 2), ("lease_missing", 1)])
def test_an_electronic_licence_answers_as_the_paper_does(city: City, tmp_path: Path, flaw: str, least: int) -> None:
    tried = 0
    for family in city.families:
        if flaw not in family.truth.flaws or family.fraud or len(family.children) > 1:
            continue
        claim, d = family.corrected, Desk(city, family, tmp_path / f"{family.key}.db")
        registers.build(d.city, d.path)  # with what the platform of licences holds
        without, judged = d.category(claim), d.judge(claim, "X10")[0]
        expected = d.category(claim, "X10")
        if without or not expected:
            continue  # the office's own books know it, or the platform of licences lacks it too
        tried += 1
        assert "X10" in {f.source for f in judged.facts.values()}
        assert (
            licence(d, claim, status="revoked") == "" == licence(d, claim, number="鲁(2020)潍坊市不动产权第0000009号")
        )
        assert licence(d, claim, address_code="C00000/1-1-101") == "" == licence(d, claim, address_code=None)
        assert licence(d, claim, expires_on="2026-01-31") == ""
        stranger = [{"name_masked": "丁*", "id_digest": id_digest(UNCLE.id_number), "share_bp": 10_000}]
        assert licence(d, claim, holders=stranger) == ""
    assert tried >= least


# ── X11 permits ─────────────────────────────────────────────────────────────────────────────────────────────────────
# 819999, 839999 and 937999 were never issued: no number here is anybody's.


def permit(d: Desk, who: Person, **changes: Any) -> None:
    fields = {
        "kind": "hk_macau", "born_on": who.born_on.isoformat(), "first_issued_on": "2021-09-01",
        "expires_on": "2027-08-31", "region": "370705", **changes,
    }  # fmt: skip
    d.put("X11", who.id_number, {"name": who.name, "fields": fields})


@pytest.mark.parametrize(("prefix", "kind"), [("819999", "hk_macau"), ("839999", "taiwan"), ("937999", "foreign_permanent")])  # fmt: skip
def test_a_child_with_a_permit_is_known_by_it(city: City, desk: Make, prefix: str, kind: str) -> None:
    family = plain(city, "kuiwen", "owned")
    born = family.children[0].born_on
    child = person(f"{prefix}{born:%Y%m%d}951", family.children[0].name)
    family = replace(family, children=(child,))
    claim = replace(family.claim, children=[typed(child)])
    d, (father, mother) = desk(family), parents_of(family)
    assert d.judge(claim)[0].blocking and d.judge(claim, "X11", "X2")[0].blocking
    permit(d, child, kind=kind)
    d.born_to(mother, father)
    judged, _ = d.judge(claim, "X11")
    assert not judged.blocking and judged.facts["child.born_on"].source == "X11"
    assert d.category(claim, "X11") == "", "whose child it is, the permit does not say"
    assert d.category(claim, "X11", "X2") == "K4"
    permit(d, child, kind=kind, expires_on="2026-01-31")
    assert d.judge(claim, "X11", "X2")[0].blocking, "the permit has run out"
    permit(d, replace(child, name="别人"), kind=kind)
    assert d.judge(claim, "X11", "X2")[0].blocking, "the number is another's"


def test_a_guardian_with_a_permit_does_not_stop_the_family(city: City, desk: Make) -> None:
    family = plain(city, "kuiwen", "owned")
    father, mother = parents_of(family)
    abroad = person(f"839999{mother.born_on:%Y%m%d}952", mother.name)
    book = replace(family.household, members=(Kin(father, "father"),), head=father)
    guardians = (Kin(father, "father"), Kin(abroad, "mother"))
    family = owned_by(replace(family, guardians=guardians, household=book), (father, 10_000))
    claim = replace(family.claim, guardian=typed(father, "father"), second_guardian=typed(abroad, "mother"))
    d = desk(family)
    assert d.judge(claim, "X11")[0].blocking
    permit(d, abroad, kind="taiwan")
    assert d.category(claim, "X11") == "K1"
    # The permit is the residence permit of who can have no other.
    claim = replace(claim, guardian=typed(abroad, "mother"), second_guardian=typed(father, "father"))
    judged, _ = d.judge(claim, "X11")
    held = judged.facts["permit.main"]
    assert held.value == (Spell(date(2021, 9, 1), date(2027, 8, 31), at="district"),) and held.source == "X11"
    assert judged.facts["permit.months"].value == 54 and judged.facts["main.age"].source == "X11"


# ── all of them ─────────────────────────────────────────────────────────────────────────────────────────────────────


def benches(city: City, path: Path, district: str, *offered: frozenset[str]) -> list[Bench]:
    policy = load_file(settings.POLICIES / f"{district}-primary.yaml", season=2026)
    held = Registers(path)
    return [Bench(city, held, policy, offered=on) for on in (frozenset[str](), *offered)]


def closed(judged: Judgement, verdict: Verdict) -> bool:
    return not (judged.blocking or judged.contradicting or verdict.state == "needs_facts")


def test_nobody_loses_no_fraud_gains_and_many_need_no_paper(city: City, whole: Path) -> None:
    gained = 0
    for district in DISTRICTS:
        off, on = benches(city, whole, district, ALL)
        for family in (f for f in city.families if f.district == district):
            for said in [family.claim] if family.corrected == family.claim else [family.claim, family.corrected]:
                before, after = (b.judge(b.apply(family, 0, said)) for b in (off, on))
                assert closed(*after) or not closed(*before), f"{family.key} is no longer decided"
                gained += closed(*after) and not closed(*before)
                final = [off.standing(decide(off.policy, judged.facts, final=True)) for judged, _ in (before, after)]
                assert final[1] <= final[0], f"{family.key} loses"
                there = city.school_of(said.compound) == city.school_of(family.corrected.compound)
                if there or family.fraud:
                    assert final[1] >= min(final[0], off.standing(off.due(family, 0))), f"{family.key} passes wrongly"
    assert gained >= 15


def test_registers_that_know_nothing_change_nothing(city: City, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "silent.db"
    path.write_bytes(whole.read_bytes())
    with sqlite3.connect(path) as db:
        db.execute("delete from record where item like 'X%'")
    asked = 0
    for district in DISTRICTS[:2]:
        off, on = benches(city, path, district, ALL)
        for family in (f for f in city.families if f.district == district):
            before, after = (b.judge(b.apply(family, 0, family.claim)) for b in (off, on))
            assert stored_facts.pack(before[0].facts) == stored_facts.pack(after[0].facts)
            assert before[0].reasons == after[0].reasons
        asked += sum(n for item, n in on.asked.items() if item in EXTENSIONS)
        assert not any(item in EXTENSIONS for item in off.asked)
    assert asked > 100


def test_a_disability_is_asked_about_only_on_request_and_decides_nothing(city: City, desk: Make) -> None:
    family = plain(city, "kuiwen", "owned")
    d, child = desk(family), family.children[0]
    policy = load_file(settings.POLICIES / "kuiwen-primary.yaml", season=2026)
    plain_facts = stored_facts.pack(d.judge(family.claim)[0].facts)
    for fields in (None, {"kind": "hearing", "level": 1}, {"kind": "mind", "level": 4}):
        if fields:
            d.put("X8", child.id_number, {"name": child.name, "fields": fields})
        for wish in ("", "yes"):
            bench = Bench(d.city, Registers(d.path), policy, offered=ALL)
            row = bench.apply(family, 0, family.claim)
            row.claim["special_need"] = wish
            judged, _ = bench.judge(row)
            assert bench.asked["X8"] == (wish == "yes")
            assert stored_facts.pack(judged.facts) == plain_facts
