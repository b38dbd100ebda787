"""Whatever a department may answer by the contract can be judged: one odd answer never stops a batch of families."""

from __future__ import annotations

from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from ruxue.applications import questions, stored_facts, verify
from ruxue.applications.models import Application
from ruxue.applications.questions import Places
from ruxue.applications.record_facts import Answers
from ruxue.exchange import inquiries
from ruxue.exchange.items import EXTENSIONS, ITEMS
from ruxue.exchange.models import Query
from ruxue.places import rules
from ruxue.policy.engine import decide

BASES = ("owned", "grandparents", "contract", "resettlement", "lease")
FURTHER = [(item, "guardian") for item in ("PS4", "HR1", "HR2", "MR1", "MR2", *EXTENSIONS)]
FURTHER += [("PS5", "hukou"), ("NR3", ""), ("ED2", ""), ("X8", "child"), ("X11", "child")]
Family = tuple[Application, Answers, Places, Any]


@pytest.fixture
def families(db_world: Any) -> dict[str, Family]:
    """One family of each basis with its answers, the map and the rule: judging them asks the database no more."""
    found = {}
    for basis in BASES:
        rows = Application.objects.filter(basis=basis).exclude(category="").order_by("id")
        row = rows.select_related("season__district", "compound").first()
        assert row is not None
        answers = inquiries.effective(row.key, row.claim_version)
        found[basis] = row, answers, verify._places([row]), rules.in_force(row.season)
    return found


def fits(form: Any, value: Any) -> bool:
    try:
        TypeAdapter(form).validate_python(value)
    except ValidationError:
        return False
    return True


def values(form: Any) -> st.SearchStrategy[Any]:
    """JSON values of a field's type, odd ones among them."""
    origin, inner = get_origin(form), get_args(form)
    if origin is Annotated and inner[0] is str:
        return st.dates(date(1000, 1, 1), date(2999, 12, 31)).map(lambda day: day.isoformat()[:7])
    if origin is Annotated and inner[0] is int and any(hasattr(m, "le") for m in inner):
        return st.sampled_from([n for n in (0, 1, 4, 1200) if fits(form, n)])
    if origin is Annotated:
        return values(inner[0])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, UnionType):
        return st.one_of(*(values(one) for one in inner))
    if origin is list:
        return st.lists(values(inner[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.sampled_from(["370705", "3707gx", "", "000000"]), values(inner[1]), max_size=3)
    if isinstance(form, type) and issubclass(form, BaseModel):
        hints = {n: f.rebuild_annotation() for n, f in form.model_fields.items()}
        return st.fixed_dictionaries({n: values(hint) for n, hint in hints.items()})
    return PLAIN[form]


PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(-1, 12_000),
    float: st.floats(-180, 180),
    date: st.dates().map(date.isoformat),
    str: st.sampled_from(["", "住宅", "370705", "3707gx", "x", "/", "a/b/c", "370799001001GB00001F00010001"]),
}
ANY = {item: values(contract.fields) for item, contract in ITEMS.items()}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_answer_of_the_contract_can_be_judged(families: dict[str, Family], data: st.DataObject) -> None:
    row, answers, places, policy = families[data.draw(st.sampled_from(BASES))]
    answers = dict(answers)
    names = sorted({*answers, *FURTHER})
    for item, part in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)):
        fields = data.draw(ANY[item])
        ITEMS[item].fields.model_validate(fields)
        home = {n: row.compound_id for n in ("address_code", "present_address_code") if n in fields}
        answers[item, part] = Query(
            item=item, part=part, state="answered", match=data.draw(st.sampled_from("YNU")),
            code=data.draw(st.sampled_from([0, 0, 1, 2])), fields={**fields, **(home if data.draw(st.booleans()) else {})},
        )  # fmt: skip
    judged = verify._judge(row, answers, places)
    assert decide(policy, stored_facts.unpack(stored_facts.pack(judged.facts))).state
    questions.further_questions(row, "consent", places, answers)
