"""Golden cases: facts in, verdict and first failing condition out."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from ruxue.policy.engine import decide
from ruxue.policy.explain import explain
from ruxue.policy.facts import Fact
from ruxue.policy.language import load_file

HERE = Path(__file__).parent
POLICIES = HERE.parents[1] / "policies"
FILES = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((HERE / "cases").glob("*.yaml"))
}
ALL = [pytest.param(book, case, id=f"{name}: {case['name']}") for name, book in FILES.items() for case in book["cases"]]


@pytest.mark.parametrize("name", ["kuiwen-primary", "gaoxin-primary"])
def test_each_published_policy_has_thirty_cases(name: str) -> None:
    cases = FILES[name]["cases"]
    assert len(cases) >= 30
    assert len({case["name"] for case in cases}) == len(cases)
    reached = {case["expect"]["category"] for case in cases}
    assert reached == {c.code for c in load_file(POLICIES / f"{name}.yaml").categories} | {"T", ""}


@pytest.mark.parametrize(("book", "case"), ALL)
def test_golden_case(book: dict[str, Any], case: dict[str, Any]) -> None:
    policy = load_file(POLICIES / f"{book['policy']}.yaml", book["season"])
    values = {**book["families"][case["like"]], **case.get("with", {})}
    facts = {name: Fact(value, "NR1", date(2026, 7, 1)) for name, value in values.items()}
    expect = case["expect"]

    verdict = decide(policy, facts, case.get("final", False))

    assert (verdict.state, verdict.category) == (expect["state"], expect["category"])
    if "needed" in expect:
        assert list(verdict.needed) == expect["needed"]
    if "order" in expect:
        assert list(verdict.order_keys) == [day.toordinal() if day else None for day in expect["order"]]
    said = explain(policy, facts, verdict, "zh")
    failed = {s.code: s.blocking.fact for s in said.better}
    if verdict.state == "ineligible":
        failed = {"": said.conditions[0].fact}
    for code, fact in expect.get("failed", {}).items():
        assert failed[code] == fact
