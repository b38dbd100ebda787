"""The synthetic city: repeatable, plausible, nobody real."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from shapely.geometry import Point, shape
from stdnum.cn import ric, uscc

from ruxue.algorithms.identity import valid_id
from ruxue.policy.engine import decide
from ruxue.policy.facts import VOCABULARY, Fact
from ruxue.policy.language import load_file
from ruxue.simulation.city import KINDS, generate
from ruxue.simulation.ground_truth import truth_facts
from ruxue.simulation.model import City, Claim, Family, Person

POLICIES = Path(__file__).parents[2] / "policies"
CORE = ("kuiwen", "weicheng", "fangzi", "hanting", "gaoxin", "jingkai", "baoshui")
_PRINT = (
    "import hashlib; from ruxue.simulation.city import generate; c = generate(120, 7); "
    "print(hashlib.sha256(repr((c.districts, c.compounds, c.schools, c.families, c.children_by_community, "
    "c.aggregates)).encode()).hexdigest())"
)


def _digest(hash_seed: str) -> str:
    command = [sys.executable, "-c", _PRINT]
    return subprocess.run(command, env={"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True).stdout


def test_same_seed_same_city_whatever_the_hash_seed() -> None:
    assert _digest("1") == _digest("2")


def test_other_seed_other_city() -> None:
    assert generate(60, 1).families != generate(60, 2).families


def _people(family: Family) -> Iterator[Person]:
    yield from (k.person for k in (*family.guardians, *family.grandparents))
    yield from family.children
    yield from (s.person for s in family.siblings)


def test_every_person_has_a_number_of_nobody_real(city: City) -> None:
    numbers = Counter(p.id_number for f in city.families for p in _people(f))
    assert max(numbers.values()) == 1
    assert all(n.startswith("370799") and valid_id(n) for n in numbers)
    assert all(n[-1] == ric.calc_check_digit(n) for n in list(numbers)[:500])


def _typed(claim: Claim) -> Iterator[dict[str, str]]:
    others = (claim.second_guardian, claim.grandparent)
    yield from (claim.guardian, *claim.children, *(p for p in others if p))


def test_typed_numbers_are_well_formed_even_where_wrong(city: City) -> None:
    for family in city.families:
        for person in (*_typed(family.claim), *_typed(family.corrected)):
            assert person["id_number"].startswith("370799")
            assert valid_id(person["id_number"])


def test_no_two_claims_name_the_same_child(city: City) -> None:
    typed = Counter(c["id_number"] for f in city.families for c in f.claim.children)
    assert max(typed.values()) == 1


def test_corrected_claims_of_honest_families_are_true(city: City) -> None:
    for f in (f for f in city.families if not f.fraud):
        people = {p.id_number: p.name for p in _people(f)}
        assert all(people[p["id_number"]] == p["name"] for p in _typed(f.corrected))
        assert f.corrected.compound == f.compound
        assert [c["id_number"] for c in f.corrected.children] == [c.id_number for c in f.children]
        mother_and_father = {k.person.id_number for k in f.guardians}
        owners = {o.person.id_number for w in f.dwellings[:1] for o in w.owners} & mother_and_father
        if f.claim.basis == "owned":
            assert owners <= {p["id_number"] for p in _typed(f.corrected)}


def test_mix_of_families(city: City) -> None:
    found = Counter(f.kind for f in city.families)
    for kind, per_mille in KINDS.items():
        assert abs(found[kind] * 1000 / len(city.families) - per_mille) < 1
    assert 10 <= sum(bool(f.fraud) for f in city.families) * 1000 / len(city.families) <= 14
    assert sum(len(f.children) for f in city.families) == 2000


def test_a_city_has_as_many_accounts_as_asked() -> None:
    city = generate(50, 3, users=90)
    assert city.idle_users == 90 - len(city.families)
    assert sum(len(f.children) for f in city.families) == 50
    with pytest.raises(ValueError, match="20 families"):
        generate(19, 3)


def test_names_are_as_varied_as_registers_fear(city: City) -> None:
    names = [p.name for f in city.families for p in _people(f)]
    assert any("·" in n for n in names)
    assert any("堃" in n for n in names)
    assert any(n.startswith("欧阳") for n in names)
    assert max(Counter(names).values()) > 1


def test_districts_do_not_overlap_and_hold_their_places(city: City) -> None:
    area = {d.key: shape(d.geometry) for d in city.districts}
    assert all(p.is_valid and p.geom_type == "Polygon" for p in area.values())
    for one, other in combinations(area.values(), 2):
        assert one.intersection(other).area < 1e-9
    for compound in city.compounds.values():
        assert area[compound.district].buffer(1e-5).contains(Point(compound.lng, compound.lat))


def test_zones_cover_every_compound_once_and_seats_suffice(city: City) -> None:
    assert sorted(c for s in city.schools for c in s.compounds) == sorted(city.compounds)
    wanted: Counter[str] = Counter()
    for f in city.families:
        wanted[city.school_of(f.claim.compound)] += len(f.children)
    assert all(s.class_size <= 45 and s.seats == s.classes * s.class_size for s in city.schools)
    for d in city.districts:
        mine = [s for s in city.schools if s.district == d.key]
        assert len(mine) >= 2
        assert sum(s.seats for s in mine) - sum(wanted[s.code] for s in mine) > 0
    assert sum(s.seats for s in city.schools) <= 2000 * 1.08
    assert any(wanted[s.code] > s.seats for s in city.schools)


def test_births_fall_and_entrants_agree(city: City) -> None:
    by_year: Counter[int] = Counter()
    for (_, year), n in city.children_by_community.items():
        by_year[year] += n
    assert by_year[city.year - 6] == 2000
    assert by_year[2017] > by_year[2019] > by_year[2021] > by_year[2023]


def test_truth_speaks_the_policy_s_vocabulary(city: City) -> None:
    rules = {d.key: load_file(POLICIES / f"{d.key}-primary.yaml", city.year) for d in city.districts}
    for family in city.families[:300]:
        facts = truth_facts(city, family, 0, CORE)
        assert set(facts) <= set(VOCABULARY)
        truth = {name: Fact(value) for name, value in facts.items()}
        assert decide(rules[family.district], truth).state != "needs_facts"  # the rule asks nothing that truth lacks
        for name, value in facts.items():
            assert value is None or type(value) is VOCABULARY[name].kind, name
        if family.fraud:
            assert not facts["dwelling.in_zone"]
            assert not facts["lease.in_zone"]


def test_invented_firms_have_valid_codes(city: City) -> None:
    codes = [j.uscc for f in city.families[:200] for j in f.jobs]
    assert all(uscc.is_valid(c) for c in codes)
