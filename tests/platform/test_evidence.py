"""What registers' answers mean for a family's facts."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ruxue.applications import evidence, questions, record_facts, stored_facts, verify
from ruxue.applications.models import Application
from ruxue.exchange import inquiries
from ruxue.exchange.items import id_digest
from ruxue.exchange.models import Query
from ruxue.places.models import Compound, District, Season
from ruxue.policy.facts import Fact, Override
from ruxue.policy.records import Owner, Owners, SeatLock, SeatLocks

CHILD, FATHER, MOTHER = "37079920200101001X", "370799198801010013", "370799198901010024"
ELDER, OTHER = "370799196001010017", "370799197001010016"


def told(item: str, part: str, fields: dict[str, Any] | None, **more: Any) -> Query:
    """An answer; `fields` None: the register knows of nothing."""
    code = 0 if fields is not None else 1
    return Query(item=item, part=part, state="answered", code=code, fields=fields, as_of=date(2026, 3, 1), **more)


def kin(part: str, kinship: str, **more: Any) -> tuple[tuple[str, str], Query]:
    fields = {"same_household": False, "kinship": kinship, "head_masked": "", "members": [], **more}
    return ("PS3", part), told("PS3", part, fields)


def family(*named: str) -> tuple[Application, dict[tuple[str, str], Query]]:
    """A claim that names these, and the household register's word on each."""
    people = {"guardian": FATHER, "second_guardian": MOTHER, "grandparent": ELDER}
    claim: dict[str, Any] = {"child": {"name": "孩子", "id_number": CHILD}}
    claim |= {part: {"name": part, "id_number": people[part], "relation": "father"} for part in named}
    answers = dict(kin(p, "parent") for p in named if p != "grandparent")
    if "grandparent" in named:
        answers |= dict([kin("grandparent", "grandparent", through="father")])
    return Application(claim=claim, season=Season(pk=1, district=District(key="kuiwen"), year=2026)), answers


ONE, BOTH, ALL = ("guardian",), ("guardian", "second_guardian"), ("guardian", "second_guardian", "grandparent")


@pytest.mark.parametrize(
    ("shares", "named", "expected"),
    [
        ({FATHER: 10_000}, ONE, (10_000, True, True)),
        ({FATHER: 5000, MOTHER: 5000}, BOTH, (10_000, True, True)),
        ({FATHER: 5000, MOTHER: 5000}, ONE, (None, None, None)),
        ({FATHER: 5000, ELDER: 5000}, BOTH, (5000, False, None)),
        ({FATHER: 5000, ELDER: 5000}, ALL, (5000, False, True)),
        # One named grandparent says nothing of the other three.
        ({FATHER: 5000, OTHER: 5000}, ALL, (5000, False, None)),
        ({CHILD: 10_000}, ONE, (10_000, True, True)),
        ({ELDER: 10_000}, ALL, (0, False, True)),
    ],
)
def test_an_owner_who_was_not_named_may_be_kin(shares, named, expected):
    row, answers = family(*named)
    held = [{"id_digest": id_digest(p), "share_bp": s} for p, s in shares.items()]
    roles = record_facts.roles(row, answers)
    found = record_facts.ownership(roles, held)
    assert tuple(found[f"dwelling.{n}"] for n in ("family_share_bp", "full_ownership", "owners_within_kin")) == expected
    owners = record_facts.owners(roles, held)
    low, high = owners.share(frozenset({"child", "father", "mother"}))
    assert low == sum(s for p, s in shares.items() if p in (CHILD, *[q for q in (FATHER, MOTHER) if q in row_ids(row)]))
    assert (expected[0] is None) <= (low < high)


def row_ids(row: Application) -> set[str]:
    return {p["id_number"] for p in row.claim.values()}


def test_kinship_is_the_registers_word_not_the_familys():
    row, answers = family(*ALL)
    assert record_facts.roles(row, answers)[id_digest(ELDER)] == "paternal_grandfather"
    for part in ALL:
        answers |= dict([kin(part, "none")])
    assert record_facts.roles(row, answers) == {id_digest(CHILD): "child"}
    assert record_facts.roles(row, {}) == {id_digest(CHILD): "child"}


def test_seats_are_the_familys_own_only_where_a_parent_is_the_same():
    row, answers = family(*BOTH)
    roles = record_facts.roles(row, answers)
    lock = {"stage": "primary", "school_code": "S1", "start_year": 2023, "grade": 1, "left": ""}

    def said(parents: list[str], known: dict[str, str] = roles) -> SeatLock:
        locks = [{**lock, "parents": [id_digest(p) for p in parents]}]
        fields = {"locked": True, "same_parents": None, "locks": locks}
        fact, others = record_facts.seat_locks(told("ED2", "", fields), known, "S1", "")
        assert isinstance(fact.value, SeatLocks) and others.value == {True: False, False: True, None: None}[fact.value[0].same_parents]  # fmt: skip
        return fact.value[0]

    assert said([FATHER, MOTHER]) == SeatLock("primary", 2023, 1, "", "", True, True)
    assert said([OTHER]).same_parents is False
    assert said([OTHER], {id_digest(FATHER): "father"}).same_parents is None
    assert record_facts.seat_locks(None, roles, "S1", "")[0].value is None


def test_graduates_are_known_by_the_pupil_register():
    row, _ = family(*BOTH)
    row.season.level, row.born_on, row.school_id = "junior", date(2013, 1, 1), "J1"
    record = {"register_no": "G1", "school_code": "S7", "grade": 6, "stage": "primary", "status": "in_school"}
    for fields, leaves in ((record, True), ({**record, "grade": 5}, False), (None, None)):
        out = evidence.Judgement()
        evidence._pupil(out, row, {("ED1", ""): told("ED1", "", fields)})
        assert out.facts["child.graduates"].value is leaves
        assert out.facts["child.primary_school"].value == ("S7" if fields else None)
        assert out.facts["child.already_enrolled"].value is False


def test_a_fact_is_stored_with_all_that_is_known_of_it():
    word = Override("k3y", date(2026, 4, 1), "evidence_confirmed", Owners([Owner("other", 10_000)]))
    facts = {
        "dwelling.owners": Fact(Owners([Owner("father", 10_000)]), "officer", date(2026, 4, 1), "paper", word),
        "dwelling.in_zone": Fact(True, "NR1", date(2026, 3, 1)),
        "lease.kind": Fact("private", "document", None, None, None, 60),
        "family.single_parent": Fact(None),
    }
    assert stored_facts.unpack(stored_facts.pack(facts)) == facts


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("潍坊市奎文区东风东街12号阳光花园３幢二单元501", "C1/3-2-501"),
        ("潍坊市奎文区东风大街12号阳光花园3号楼2单元501室", "C1/3-2-501"),
        ("潍坊市奎文区东风东街12号阳光花园", "C1"),
        ("潍坊市奎文区东风东街13号阳光花园3号楼2单元501室", ""),
        ("潍坊市奎文区东风东街12号阳光家园3号楼2单元501室", ""),
        ("潍坊市老城区平房（地址待更新）", ""),
    ],
)
def test_an_address_that_the_register_does_not_know_may_be_the_claimed_compounds(text, code):
    names = {"C1": ("奎文区东风东街12号阳光花园", "阳光花园", "奎文区东风大街12号阳光花园")}
    places = questions.Places({"kuiwen": "370705"}, {}, {}, {}, {}, names)
    row = Application(compound=Compound(code="C1"))
    answers = {("PS2", ""): told("PS2", "", {"address_code": None, "address": text})}
    answers["PS5", "hukou"] = told("PS5", "hukou", None)
    assert evidence.hukou_code(answers, places.own(row)) == code
    answers["PS5", "hukou"].code = 2  # several places by the register of addresses: none of them is taken
    assert evidence.hukou_code(answers, places.own(row)) == ""


@pytest.mark.parametrize(("compound", "contradicts"), [("C00001", True), ("C99999", False)])
def test_a_house_elsewhere_does_not_contradict_that_none_was_counted_here(compound, contradicts):
    row, answers = family(*ALL)
    row.compound_id, row.basis = "C00001", "grandparents"
    held = [{"id_digest": id_digest(person), "share_bp": 5000} for person in (ELDER, FATHER)]
    right = {
        "unit_no": "1" * 28, "location": "", "address_code": f"{compound}/1-1-101", "use": "住宅", "nature": None,
        "owners": held, "registered_on": "2019-01-01", "status": "current",
    }  # fmt: skip
    answers[("NR1", "grandparent")] = told("NR1", "grandparent", {"rights": [right]})
    answers[("NR3", "")] = told("NR3", "", {"count_by_region": {"370705": 0}})
    assert ("family.no_dwelling_in_core" in evidence.contradicted(row, answers)) == contradicts


@pytest.mark.usefixtures("db_world")
@pytest.mark.parametrize(
    ("basis", "item", "part", "wrong", "fact"),
    [
        ("owned", "PS1", "guardian", "identity_mismatch", None),
        ("owned", "PS2", "", "household_not_together", "child.hukou_district"),
        ("owned", "NR1", "guardian", "property_not_found", "dwelling.owned_by_family"),
        ("owned", "ED1", "", "already_enrolled", "child.already_enrolled"),
        ("contract", "HC1", "guardian", "contract_not_found", "dwelling.owned_by_family"),
        ("lease", "HC2", "guardian", "lease_not_found", "lease.sole"),
        ("lease", "NR3", "", "department_silent", "family.no_dwelling_in_core"),
    ],
)
def test_a_register_that_is_not_sure_says_neither_yes_nor_no(basis, item, part, wrong, fact):
    row = Application.objects.filter(basis=basis).exclude(category="").select_related("season__district").first()
    answers = inquiries.effective(row.key, row.claim_version)
    for name in [n for n in answers if n[0] == item and (item != "PS1" or n[1] == part)]:
        answers[name] = Query(item=item, part=name[1], state="answered", code=2, match="U", fields={})
    judged = evidence.judge(row, answers, verify._places([row]))
    assert wrong not in judged.reasons and "register_unsure" in judged.reasons
    assert fact is None or judged.facts[fact].value is None
    shown = {(c.status, c.reason) for c in judged.checks if c.item == item and (item != "PS1" or c.part == part)}
    assert shown == {("not_found", "register_unsure")}
