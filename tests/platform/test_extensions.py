"""A city switches an item on in its connectors file; then it is asked for the claims that it decides, and decides them."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from ruxue.accounts import consent
from ruxue.accounts.models import Consent, Role, User
from ruxue.applications import claims, extensions, homes, review, stored_facts, verify
from ruxue.applications.machine import By
from ruxue.applications.models import Application, Check
from ruxue.applications.states import Actor, State
from ruxue.exchange import connections, inquiries
from ruxue.exchange.items import CATALOGUE, EXTENSIONS, id_digest
from ruxue.exchange.models import Query
from ruxue.policy.facts import Fact
from ruxue.policy.records import Spell

from ..conftest import World
from ..exchange import conftest as desks
from ..exchange.conftest import Desk, answer, serving

pytestmark = pytest.mark.usefixtures("db_world")
PAID = {"region": "", "first_month": "2019-01", "last_month": "2026-02", "unbroken_months": 30}


def connected(desk: Desk, monkeypatch: pytest.MonkeyPatch, *codes: str) -> None:
    """Connections to the city's departments and, for `codes`, to the desk's."""
    monkeypatch.setattr(desks, "KEY", settings.DEPARTMENTS_KEY)
    setups: dict[str, Any] = {d: {"url": settings.DEPARTMENTS_URL} for d in ("PS", "NR", "HC", "HR", "MR", "ED")}
    for department, code in {"TX": "X7", "HF": "X12", "UT": "X9", "BD": "X10", "DP": "X8"}.items():
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
    facts = stored_facts.unpack(row.facts)
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
    assert stored_facts.unpack(row.facts)["family.reported_absent"].source == "X9"


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


def everything_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DEPARTMENTS_EXTENSIONS", "all")


def page(row: Application, name: str, language: str) -> str:
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    client.force_login(row.guardian, backend="django.contrib.auth.backends.ModelBackend")
    return client.get(reverse(f"guardian:{name}", args=[row.key])).content.decode()


def without_home(world: World) -> Application:
    """A family whose home the property register lacked and whose certificate is on the platform of licences."""
    for row in Application.objects.filter(basis__in=["owned", "contract", "lease"]).select_related("season__district"):
        family, _ = world.player.family_of[row.key]
        missing = {"stale", "contract_missing", "lease_missing"} & set(family.truth.flaws)
        answers = inquiries.effective(row.key, row.claim_version)
        if missing and not family.fraud and homes.home_missing(row, answers):
            return row
    raise AssertionError("no such family in this city")


def test_a_home_that_its_register_lacks_is_shown_by_its_electronic_licence(
    db_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = without_home(db_world)
    family, _ = db_world.player.family_of[row.key]
    owner = row.claim["guardian"]
    home = (*family.dwellings, *family.contracts, *family.leases)[0]
    kind = homes.LICENCES[row.basis]
    body = {
        "kind": kind, "number": "DZ1", "unit_no": None, "location": home.address, "address_code": home.address_code,
        "holders": [{"name_masked": "*", "id_digest": id_digest(owner["id_number"]), "share_bp": 10_000}],
        "issued_on": "2025-01-10", "valid_from": "2025-01-10", "expires_on": None, "status": "valid", "use": "城镇住宅用地/住宅",
        "nature": None, "sole": True,
    }  # fmt: skip
    with serving() as desk:
        desk.handle = lambda p, h, b: (
            200,
            {},
            {
                "answers": [
                    answer(q, code=0, match="Y", compared={"address_code": "Y"}, fields=body)
                    if q["keys"]["id"] == owner["id_number"]
                    else answer(q)
                    for q in b["queries"]
                ]
            },
        )
        connected(desk, monkeypatch, "X10")
        row = again(row, "X10")
        asked = [q for _, _, sent in desk.asked for q in sent["queries"]]
    assert asked and all(q["keys"]["kind"] == kind for q in asked)
    assert row.state == State.AUTO_PASSED and not row.by_human
    shown = [f for f in stored_facts.unpack(row.facts).values() if f.source == "X10"]
    assert shown and all(f.as_of for f in shown)
    for language, department, name in (
        ("zh-hans", "大数据局", "电子证照"),
        ("en", "Big Data Bureau", "electronic licences"),
    ):
        told = page(row, "asked", language)
        assert department in told and name in told and str(EXTENSIONS["X10"].purpose_zh if language != "en" else EXTENSIONS["X10"].purpose_en) in told  # fmt: skip
        assert name in page(row, "status", language)


def test_all_twelve_can_be_asked_of_the_simulated_departments(db_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everything_on(monkeypatch)
    assert set(connections.current().items()) == {*CATALOGUE, *EXTENSIONS}
    before = {a.pk: a.category for a in Application.objects.all()}
    rows = list(Application.objects.filter(state=State.ACCEPTED).select_related("guardian").order_by("pk")[:25])
    for row in rows:
        row.claim["special_need"] = "yes"
        row.save()
        Consent.objects.filter(user=row.guardian).delete()
        consent.give(row.guardian, sorted(connections.current().items()), date(2027, 12, 31))
    Application.objects.filter(pk__in=[r.pk for r in rows]).update(state=State.VERIFYING, leased_until=None)
    verify.verify_waiting()
    keys = [r.key for r in rows]
    asked = Query.objects.filter(subject__in=keys, item__startswith="X")
    assert asked.filter(item="X8").count() == len(rows) and not asked.exclude(state="answered").exists()
    assert {"X7", "X12", "X9"} & set(asked.values_list("item", flat=True))
    for row in Application.objects.filter(pk__in=[r.pk for r in rows]):
        assert row.category == before[row.pk], "what was decided stays decided"


def test_advice_is_offered_where_its_register_is_connected_and_kept_apart(
    db_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Application.objects.filter(basis="owned", category__gt="").select_related("guardian").first()
    assert row is not None
    Application.objects.filter(pk=row.pk).update(state=State.NEED_INFO)
    assert "special_need" not in page(row, "child", "zh-hans")
    before, known = row.category, {"kind": "hearing", "level": 2}
    with serving() as desk:
        desk.handle = lambda p, h, b: (200, {}, {"answers": [answer(q, code=0, match="U", fields=known) for q in b["queries"]]})  # fmt: skip
        connected(desk, monkeypatch, "X8")
        assert 'name="special_need" value="yes"' in page(row, "child", "zh-hans")
        row = again(row, "X8")
        assert not desk.asked, "nobody asked for advice"
        Application.objects.filter(pk=row.pk).update(state=State.NEED_INFO)
        row.refresh_from_db()
        claims.save(row, {"special_need": "yes"})
        row = again(row, "X8")
    assert row.category == before
    check = Check.objects.get(application=row, item="X8")
    assert check.registered == {"disability": "hearing", "level": 2} and check.status == "information"
    assert "听力，2级" in page(row, "status", "zh-hans") and "hearing, level 2" in page(row, "status", "en")


def test_a_licence_that_agrees_in_part_is_handed_in_with_one_tap(
    db_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = without_home(db_world)
    family, _ = db_world.player.family_of[row.key]
    owner, home = row.claim["guardian"], (*family.dwellings, *family.contracts, *family.leases)[0]
    body = {
        "kind": homes.LICENCES[row.basis], "number": "DZ2", "unit_no": None, "location": home.address, "address_code": None,
        "holders": [{"name_masked": "*", "id_digest": id_digest(owner["id_number"]), "share_bp": 10_000}],
        "issued_on": "2025-01-10", "valid_from": None, "expires_on": None, "status": "valid", "use": None,
        "nature": None, "sole": None,
    }  # fmt: skip
    with serving() as desk:
        desk.handle = lambda p, h, b: (
            200,
            {},
            {"answers": [answer(q, code=0, match="U", fields=body) for q in b["queries"]]},
        )
        connected(desk, monkeypatch, "X10")
        row = again(row, "X10")
    assert row.state == State.NEED_INFO and "X10" not in {f.source for f in stored_facts.unpack(row.facts).values()}
    told = page(row, "status", "zh-hans")
    assert "查到了您的一份电子证照" in told and "DZ2" in told and home.address in told
    client = Client()
    client.force_login(row.guardian, backend="django.contrib.auth.backends.ModelBackend")
    client.post(reverse("guardian:licence", args=[row.key]))
    row.refresh_from_db()
    paper = row.documents.get(kind="licence")
    assert row.state == State.SCHOOL_REVIEW and paper.number == "DZ2" and not paper.image
    client.post(reverse("guardian:licence", args=[row.key]))
    assert row.documents.filter(kind="licence").count() == 1, "once is enough"
    clerk = User.objects.get(roles__role=Role.REVIEWER, roles__scope=row.school_id)
    client.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    file = client.get(reverse("school:file", args=[row.key])).content.decode()
    assert "DZ2" in file and home.address in file
    assert client.get(reverse("school:document", args=[paper.key])).status_code == 404
    truth = db_world.player._truth(row)
    seen = {name: truth[name] for name in row.needed_facts if truth[name] is not None}
    done = review.accept(row.key, By(Actor.SCHOOL, clerk), seen)
    assert done.state == State.CLASSIFIED and done.confirmations.filter(document=paper).exists()
