"""Golden cases of the nine policies: facts in, verdict and first failing condition out."""

from functools import cache
from pathlib import Path

import pytest

from ruxue.policy.cases import CaseError, differences, read
from ruxue.policy.language import Policy, load_file

HERE = Path(__file__).parent
POLICIES = HERE.parents[1] / "policies"
BOOKS = {path.stem: read(path.read_text(encoding="utf-8")) for path in sorted((HERE / "cases").glob("*.yaml"))}
NINE = {
    "P1": ["kuiwen-primary", "kuiwen-primary-six", "kuiwen-junior"],
    "P2": ["weicheng-primary"],
    "P3": ["gaoxin-primary"],
    "P4": ["longgang-primary-2017", "longgang-primary-2020", "baoan-primary", "futian-primary-2021", "nanshan-primary"],
    "P5": [
        "huaiyin-primary-2024",
        "luozhuang-primary-2023",
        "qingdao-gaoxin-primary-2022",
        "jining-gaoxin-primary",
        "jining-primary-2017",
        "xiamen-primary-2021",
        "guangzhou-primary-2021",
        "guangzhou-primary-2018",
    ],
    "P6": ["gongshu-primary-2018"],
    "P7": ["lixia-primary"],
    "P8": ["beijing-primary", "dongcheng-primary"],
    "P9": ["dongkou-primary"],
}
ALL = [pytest.param(name, case, id=f"{name}: {case.name}") for name, book in BOOKS.items() for case in book.cases]


@cache
def loaded(name: str) -> Policy:
    return load_file(POLICIES / f"{name}.yaml", BOOKS[name].season)


@pytest.mark.parametrize("policy", NINE)
def test_each_of_the_nine_policies_has_thirty_cases(policy: str) -> None:
    cases = [case for name in NINE[policy] for case in BOOKS[name].cases]
    assert len(cases) >= 30
    for name in NINE[policy]:
        book = BOOKS[name]
        assert len({case.name for case in book.cases}) == len(book.cases)
        assert book.policy == name
        reached = {str(case.expect["category"]) for case in book.cases}
        assert reached == {c.code for c in loaded(name).categories} | {"T", ""}, name


@pytest.mark.parametrize(("name", "case"), ALL)
def test_golden_case(name, case) -> None:  # type: ignore[no-untyped-def]
    policy = loaded(name)
    assert differences(policy, case) == []


def test_a_wrong_expectation_is_seen() -> None:
    """The comparison itself must be able to fail, key by key."""
    policy, case = loaded("kuiwen-primary"), BOOKS["kuiwen-primary"].cases[2]
    assert differences(policy, case) == []
    for key, wrong in {
        "state": "ineligible", "category": "K5", "needed": ["lease.sole"], "order": [1], "failed": {"K1": "lease.sole"},
        "points": 3, "better_points": 3, "buffers": {"x": "true"}, "options": ["K5"],
    }.items():  # fmt: skip
        changed = type(case)(case.name, case.facts, {**case.expect, key: wrong}, case.final)
        assert len(differences(policy, changed)) == 1, key


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[", "not valid YAML"),
        ("a: 1", "needs a list of cases"),
        ("cases: [{name: x}]", "what to expect"),
        ("cases: [{name: x, like: nobody, expect: {}}]", "no family nobody"),
        ("cases: [{name: x, expect: {catgory: A}}]", "expect knows no catgory"),
        ("cases: [{name: x, with: {lease.soul: true}, expect: {}}]", "no fact named lease.soul"),
        ("cases: [{name: x, with: {lease.sole: 3}, expect: {}}]", "not well written"),
    ],
)
def test_cases_that_cannot_be_read(text: str, fault: str) -> None:
    with pytest.raises(CaseError) as caught:
        read(text)
    assert fault in caught.value.en and caught.value.zh
