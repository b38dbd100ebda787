"""A city switches an item on in its connectors file; then it is asked for the claims that it decides, and decides them."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest
from django.conf import settings

from ruxue.accounts import consent
from ruxue.accounts.models import Consent
from ruxue.applications import evidence, extensions, verify
from ruxue.applications.models import Application, Check
from ruxue.applications.states import State
from ruxue.exchange import connections
from ruxue.exchange.items import CATALOGUE
from ruxue.exchange.models import Query
from ruxue.policy.facts import Fact
from ruxue.policy.records import Spell

from ..exchange import conftest as desks
from ..exchange.conftest import Desk, answer, serving

pytestmark = pytest.mark.usefixtures("db_world")
PAID = {"region": "", "first_month": "2019-01", "last_month": "2026-02", "unbroken_months": 30}


def connected(desk: Desk, monkeypatch: pytest.MonkeyPatch, *codes: str) -> None:
    """Connections to the city's departments and, for `codes`, to the desk's."""
    monkeypatch.setattr(desks, "KEY", settings.DEPARTMENTS_KEY)
    setups: dict[str, Any] = {d: {"url": settings.DEPARTMENTS_URL} for d in ("PS", "NR", "HC", "HR", "MR", "ED")}
    for department, code in {"TX": "X7", "HF": "X12", "UT": "X9"}.items():
        if code in codes:
            setups[department] = {"url": desk.url, "serves": [code]}
    made = connections.parse(orjson.dumps({"departments": setups}).decode(), "test")
    monkeypatch.setattr(connections, "current", lambda: made)


def again(row: Application, *items: str) -> Application:
    """The family agrees to these items too, and is checked anew."""
    Consent.objects.filter(user=row.guardian).delete()
    consent.give(row.guardian, [*CATALOGUE, *items], date(2027, 12, 31))
    Application.objects.filter(pk=row.pk).update(state=State.VERIFYING, leased_until=None, by_human=False, overrides={})
    verify.verify_waiting()
    return Application.objects.select_related("season__district").get(pk=row.pk)


def tenant() -> Application:
    """A family that rents, from elsewhere, whose work was asked about."""
    asked = Query.objects.filter(item="HR1").values("subject")
    row = Application.objects.filter(basis="lease", key__in=asked).select_related("season__district").first()
    assert row is not None
    return row


def test_what_is_not_switched_on_is_not_asked_and_changes_nothing() -> None:
    row = again(tenant(), "X7", "X12", "X9")
    assert not Query.objects.filter(subject=row.key, item__startswith="X").exists()


@pytest.mark.parametrize("code", ["X7", "X12"])
def test_months_of_tax_or_fund_show_work_and_since_when(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = tenant()
    paid = {**PAID, "region": row.season.district.code}
    with serving() as desk:
        desk.handle = lambda p, h, b: (200, {}, {"answers": [answer(q, code=0, match="U", fields=paid) for q in b["queries"]]})  # fmt: skip
        connected(desk, monkeypatch, code)
        row = again(row, code)
    facts = evidence.unpack(row.facts)
    assert facts["job.in_district"].value is True and facts["job.started_on"].value <= date(2023, 9, 1)  # type: ignore[operator]
    name = {"X7": "tax.main", "X12": "fund.main"}[code]
    assert facts[name].value == (Spell(date(2023, 9, 1), at="district"),) and facts[name].source == code
    shown = Check.objects.filter(application=row, claim_version=row.claim_version, item=code)
    assert {c.part for c in shown} >= {"guardian"} and all(c.status == "information" for c in shown)
    query = Query.objects.filter(subject=row.key, item=code, part="guardian").get()
    assert query.legal_basis and query.state == "answered"


def test_without_consent_a_switched_on_item_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as desk:
        connected(desk, monkeypatch, "X7")
        row = again(tenant())
        assert not desk.asked and not Query.objects.filter(subject=row.key, item="X7").exists()


def test_use_of_water_and_power_is_asked_where_the_rule_asks_whether_a_family_lives_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = Application.objects.filter(basis="owned", category__gt="", season__district="kuiwen").first()
    assert row is not None
    used = {"address_code": f"{row.compound_id}/1-1-101", "months_used": 11, "last_month": "2026-02"}
    with serving() as desk:
        desk.handle = lambda p, h, b: (200, {}, {"answers": [answer(q, code=0, match="Y", fields=used) for q in b["queries"]]})  # fmt: skip
        connected(desk, monkeypatch, "X9")
        row = again(row, "X9")
        asked = [q for _, _, body in desk.asked for q in body["queries"]]
    assert asked and all(q["claim"] == {"address_code": row.compound_id} for q in asked)
    assert evidence.unpack(row.facts)["family.reported_absent"].source == "X9"


def test_water_and_power_can_only_speak_for_a_family() -> None:
    row = Application.objects.filter(basis="owned").select_related("season").first()
    assert row is not None

    def said(months: int, where: str) -> dict[str, Fact]:
        used = {"address_code": where, "months_used": months, "last_month": "2026-02"}
        query = Query(item="X9", part="guardian", state="answered", code=0, match="Y", fields=used)
        return extensions.facts(row, {("X9", "guardian"): query}, "370705", {})

    assert said(11, f"{row.compound_id}/1-1-101")["family.reported_absent"] == Fact(False, "X9")
    assert said(0, f"{row.compound_id}/1-1-101") == said(11, "elsewhere/1") == {}
    row.overrides = {"family.reported_absent": [True, "officer", None]}
    assert said(11, f"{row.compound_id}/1-1-101") == {}, "what a person found out stands"


def test_what_was_paid_long_ago_or_elsewhere_is_no_work_here() -> None:
    row = Application.objects.filter(basis="lease").first()
    assert row is not None

    def said(**changes: Any) -> dict[str, Fact]:
        fields = {**PAID, "region": "370705", **changes}
        query = Query(item="X7", part="guardian", state="answered", code=0, fields=fields, as_of=date(2026, 3, 1))
        return extensions.facts(row, {("X7", "guardian"): query}, "370705", {})

    assert said()["job.started_on"].value == date(2023, 9, 1)
    ended = said(last_month="2025-06", unbroken_months=6)
    assert ended["tax.main"].value == (Spell(date(2025, 1, 1), date(2025, 6, 30), at="district"),)
    assert "job.in_district" not in ended
    assert said(region="370702")["tax.main"].value == (Spell(date(2023, 9, 1), at="city"),)
    assert "job.in_district" not in said(region="370702") and said(region="110101")["tax.main"].value[0].at == ""  # type: ignore[index]
