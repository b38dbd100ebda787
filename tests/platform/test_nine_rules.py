"""Every published rule decides families of the synthetic city, from claims to verdict, and never beyond the truth."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from ruxue.applications import questions
from ruxue.policy.engine import Verdict, decide
from ruxue.policy.facts import Fact, Truth
from ruxue.policy.language import load_file
from ruxue.simulation import registers
from ruxue.simulation.city import generate
from ruxue.simulation.departments import Registers
from ruxue.simulation.inprocess import Bench
from ruxue.simulation.model import City, Family

HOME = "kuiwen"
FAMILIES = 500  # of the whole city, six frauds among them; a third live in the district that a rule is tried on
VARIANTS = ("kuiwen-primary-six", "hanting", "jingkai", "binhai", "longgang-primary-2017", "guangzhou-primary-2018")
FILES = [
    pytest.param(p.name, marks=[pytest.mark.slow] if p.name.startswith(VARIANTS) else [])
    for p in sorted(settings.POLICIES.glob("*-primary*.yaml"))
]


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A city and its registers for a season; a rule of a past year is played in that year."""
    made: dict[int, tuple[City, Registers]] = {}

    def of(year: int) -> tuple[City, Registers]:
        if year not in made:
            city = generate(FAMILIES, 11, year)
            path: Path = tmp_path_factory.mktemp("registers") / f"{year}.db"
            registers.build(city, path)
            made[year] = city, Registers(path)
        return made[year]

    return of


def bench(cities: Any, name: str, home: str = "") -> Bench:
    """A rule over the city, where the district `home` stands for the rule's own: itself, if the city has it."""
    policy = load_file(settings.POLICIES / name)
    if not policy.historical:
        policy = load_file(settings.POLICIES / name, season=2026)
    city, held = cities(policy.season)
    known = policy.district in {d.key for d in city.districts}
    home = home or (policy.district if known else HOME)
    if home == policy.district:
        return Bench(city, held, policy)
    # The city's own districts stand for those of the rule: its home first, then the others that it names.
    named = [key for key in questions.regions(policy) if key != policy.district]
    others = [d.key for d in city.districts if d.key != home]
    return Bench(city, held, policy, {home: policy.district, **dict(zip(others, named, strict=False))})


def mine(bench: Bench) -> list[tuple[Family, int]]:
    home = next(k for k, v in bench.key_of.items() if v == bench.policy.district)
    return [(f, i) for f in bench.city.families if f.district == home for i in range(len(f.children))]


def attainable(bench: Bench, verdict: Verdict, due: Verdict) -> bool:
    """Whether the true outcome still stands open: nothing unknown has shut it out."""
    if due.category not in verdict.truths:
        return True
    most = verdict.points.get(due.category)
    enough = most is None or due.total is None or most[1] >= due.total
    return verdict.truths[due.category] is not Truth.FALSE and enough


@pytest.mark.parametrize("name", FILES)
def test_no_rule_lets_a_fraud_pass(cities: Any, name: str) -> None:
    seen = 0
    for home in ("kuiwen", "gaoxin", "hanting", "jingkai", "binhai"):
        b = bench(cities, name, home)
        for family, i in mine(b):
            if family.fraud:
                judged, verdict = b.judge(b.apply(family, i, family.claim))
                seen += 1
                due = b.due(family, i)
                for said in (verdict, decide(b.policy, judged.facts, final=True)):
                    assert b.standing(said) >= b.standing(due), f"{name} {family.fraud} {family.key}: {said} / {due}"
    assert seen >= 6


@pytest.mark.parametrize("name", FILES)
def test_a_rule_decides_by_evidence_what_it_decides_by_truth(cities: Any, name: str) -> None:
    b = bench(cities, name)
    counts: Counter[str] = Counter()
    for family, i in mine(b):
        due = b.due(family, i)
        claims = [family.claim] if family.corrected == family.claim else [family.claim, family.corrected]
        # A register that is wrong, not silent, is put right by an objection; it never speaks for a family.
        misled = bool({"hukou_moved", "job_missing"} & set(family.truth.flaws))
        for version, claim in enumerate(claims, 1):
            told = version == len(claims) and not family.fraud and not misled
            row = b.apply(family, i, claim, version)
            judged, verdict = b.judge(row)
            where = f"{name} family {family.key} ({family.kind}, {family.truth}) version {version}: {verdict} / {due}"
            if judged.blocking or judged.contradicting:
                continue
            # A compound typed by mistake may lie in another school's zone: the truth speaks of the right one.
            if b.city.school_of(claim.compound) == b.city.school_of(family.corrected.compound):
                assert b.standing(verdict) >= b.standing(due), f"wrong pass: {where}"
            if verdict.state != "needs_facts" and told:
                assert b.standing(verdict) == b.standing(due), f"refused: {where}"
            if verdict.state == "needs_facts" and told:
                assert attainable(b, verdict, due), f"shut out by an unknown: {where}"
            for fact_name, fact in judged.facts.items():
                assert fact.value is None or fact.source, fact_name
                assert fact.value is None or fact.source == "declared" or fact.as_of, fact_name
        counts["automatic" if verdict.state != "needs_facts" and not judged.blocking else "open"] += 1
        if family.fraud:
            final = decide(b.policy, judged.facts, final=True)
            assert b.standing(final) >= b.standing(due), f"a fraud passes: {where}"
            continue
        # What no register shows is read off the papers that the family holds.
        truth = b.truth(family, i)
        asked = ["dwelling.owners" if n == "family.kin" else n for n in verdict.needed]
        seen = {n: Fact(truth[n], "officer") for n in asked if truth.get(n) is not None}
        final = decide(b.policy, {**judged.facts, **seen}, final=True)
        if not judged.blocking and not misled:
            assert b.standing(final) == b.standing(due), f"papers do not settle it: {where} {seen}"
    assert counts["automatic"] + counts["open"] >= 40  # a tenth of the city lives in the smallest district
