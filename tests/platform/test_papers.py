"""What a reviewer reads off a paper: entered as a record, kept with its reason, and in force when it is verified again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from ruxue.accounts.models import User
from ruxue.applications import claims, evidence, retention, review, stored_facts, verify
from ruxue.applications.machine import By
from ruxue.applications.models import Application, Confirmation
from ruxue.applications.states import Actor, State
from ruxue.ledger import clock
from ruxue.places.models import Compound
from ruxue.policy import records
from ruxue.web.school import papers
from tests.platform.test_season import a_draft, picture

pytestmark = pytest.mark.usefixtures("db_world")

OWNERS = {
    "fact.dwelling.owners.0.who": "father",
    "fact.dwelling.owners.0.share": "50",
    "fact.dwelling.owners.1.who": "other",
    "fact.dwelling.owners.1.share": "33.33%",
    "fact.dwelling.owners.2.who": "",
    "fact.dwelling.owners.2.share": "",
}
LEASE = {
    "fact.lease.history.0.first": "2024-03-01",
    "fact.lease.history.0.last": "2026-12-31",
    "fact.lease.history.0.at": "zone",
}


@pytest.fixture
def row() -> Application:
    """A file that waits for the school, with a picture of a paper."""
    user, made = a_draft()
    claims.submit(made.key, user)
    verify.verify_waiting()
    review.upload(made.key, user, "certificate", picture(), "鲁(2019)潍坊市不动产权第0000001号")
    return Application.objects.select_related("season__district", "compound", "school").get(pk=made.pk)


def clerk(row: Application) -> User:
    return User.objects.get(roles__role="reviewer", roles__scope=row.school_id)


def test_a_form_reads_records(row: Application) -> None:
    home = row.compound
    assert home is not None
    typed = {
        **OWNERS,
        **LEASE,
        "fact.dwelling.in_zone": "true",
        "fact.child.hukou_entry_on": "2021/5/6",
        "fact.dwelling.family_share_bp": "62.5",
        "fact.place.dwelling": f"{home.address}3号楼2单元501室",
        "fact.dwelling.kind": "self_built",
        "fact.dwelling.seat_locks.none": "1",
        "fact.insurance.main.0.first": "2023-01-01",
        "fact.insurance.main.0.at": "district",
        "fact.insurance.main.0.kind": "pension",
        "fact.insurance.main.0.back_paid": "1",
        "fact.family.dwellings.kuiwen": "1",
        "fact.family.dwellings.gaoxin": "",
        "fact.no.such": "x",
        "note": "x",
    }
    spell = records.Spell(date(2023, 1, 1), None, "pension", "district", True)
    assert papers.read(row, typed) == {
        "dwelling.owners": records.Owners([records.Owner("father", 5000), records.Owner("other", 3333)]),
        "lease.history": records.History([records.Spell(date(2024, 3, 1), date(2026, 12, 31), "", "zone")]),
        "dwelling.in_zone": True,
        "child.hukou_entry_on": date(2021, 5, 6),
        "dwelling.family_share_bp": 6250,
        "place.dwelling": records.Place(f"{home.code}/3-2-501", "kuiwen"),
        "dwelling.kind": "self_built",
        "dwelling.seat_locks": records.SeatLocks(),
        "insurance.main": records.History([spell]),
        "family.dwellings": records.Dwellings({"kuiwen": 1}),
    }


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"fact.dwelling.owners.0.share": "50"}, "fact.dwelling.owners.0.who"),
        ({"fact.dwelling.owners.0.who": "father", "fact.dwelling.owners.0.share": "half"}, "fact.dwelling.owners.0.share"),
        ({**OWNERS, "fact.dwelling.owners.1.share": "51"}, "fact.dwelling.owners"),
        ({**OWNERS, "fact.dwelling.owners.none": "1"}, "fact.dwelling.owners"),
        ({**LEASE, "fact.lease.history.0.first": "last spring"}, "fact.lease.history.0.first"),
        ({**LEASE, "fact.lease.history.0.last": "2023-01-01"}, "fact.lease.history.0.last"),
        ({**LEASE, "fact.lease.history.0.at": ""}, "fact.lease.history.0.at"),
        ({"fact.insurance.main.0.first": "2023-01-01", "fact.insurance.main.0.at": "zone"}, "fact.insurance.main.0.kind"),
        ({"fact.dwelling.seat_locks.0.since": "2024"}, "fact.dwelling.seat_locks.0.stage"),
        ({"fact.dwelling.family_share_bp": "101"}, "fact.dwelling.family_share_bp"),
        ({"fact.dwelling.family_share_bp": "nan"}, "fact.dwelling.family_share_bp"),
        ({"fact.lease.months": "-3"}, "fact.lease.months"),
        ({"fact.child.hukou_entry_on": "31 May"}, "fact.child.hukou_entry_on"),
        ({"fact.place.dwelling": "无此路1号无此小区3号楼2单元501室"}, "fact.place.dwelling"),
        ({"fact.dwelling.kind": "castle"}, "fact.dwelling.kind"),
        ({"fact.family.dwellings.kuiwen": "two"}, "fact.family.dwellings.kuiwen"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_at_its_field(row: Application, typed: dict[str, str], field: str) -> None:
    with pytest.raises(papers.Mistakes) as caught:
        papers.read(row, typed)
    assert list(caught.value.fields) == [field] and caught.value.fields[field]


@pytest.mark.parametrize(
    ("lang", "says"), [("en", "The last day is before the first."), ("zh-hans", "最后一天早于第一天")]
)
def test_nothing_typed_is_lost_by_a_mistake(row: Application, lang: str, says: str) -> None:
    Application.objects.filter(pk=row.pk).update(needed_facts=["dwelling.owners", "lease.history", "dwelling.in_zone"])
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = lang
    client.force_login(clerk(row), backend="django.contrib.auth.backends.ModelBackend")
    typed = {**OWNERS, **LEASE, "fact.lease.history.0.last": "2023-01-01", "note": "原件已核对", "do": "accept"}
    page = client.post(reverse("school:file", args=[row.key]), typed)
    text = page.content.decode()
    assert says in text and 'value="2023-01-01"' in text and 'value="33.33%"' in text and "原件已核对" in text
    assert '<option value="other" selected>' in text
    row.refresh_from_db()
    assert row.state == State.SCHOOL_REVIEW and not Confirmation.objects.filter(application=row).exists()
    saved = client.post(reverse("school:file", args=[row.key]), {**typed, "fact.lease.history.0.last": ""})
    row.refresh_from_db()
    assert saved.status_code == 302 and row.state == State.CLASSIFIED
    assert Confirmation.objects.filter(application=row).count() == 2


CONFIRMED: dict[str, Any] = {
    "child.hukou_district": "kuiwen",
    "child.already_enrolled": False,
    "dwelling.owned_by_family": True,
    "dwelling.residential": True,
    "dwelling.in_zone": True,
    "dwelling.address_equals_hukou": True,
    "child.with_guardian_household": True,
    "dwelling.owners": records.Owners([records.Owner("father", 10_000)]),
    "child.born_on": date(2020, 3, 1),
}


def test_a_reviewers_word_is_a_record_and_outlives_verification(row: Application) -> None:
    by, paper = By(Actor.SCHOOL, clerk(row)), row.documents.get()
    made = review.accept(row.key, by, CONFIRMED, "原件已核对")
    assert made.category == "K1"
    kept = {c.fact: c for c in Confirmation.objects.filter(application=row)}
    assert set(kept) == set(CONFIRMED)
    owners = kept["dwelling.owners"]
    assert (owners.by, owners.note, owners.document, owners.claim_version) == (by.user, "原件已核对", paper, 1)
    assert owners.reason == "evidence_confirmed" and owners.at and owners.value == [{"who": "father", "bp": 10_000}]
    verify._recheck({row.key})
    verify.verify_waiting()
    row.refresh_from_db()
    assert (row.state, row.category) == (State.CLASSIFIED, "K1") and not row.needed
    facts = stored_facts.unpack(row.facts)
    for name, value in CONFIRMED.items():
        fact = facts[name]
        assert (fact.value, fact.source, fact.as_of) == (value, "officer", clock.today()), name
        assert fact.override and fact.override.reason == "evidence_confirmed" and fact.override.by == by.user.key
        assert fact.evidence == paper.key
    assert stored_facts.unpack(stored_facts.pack(facts)) == facts
    assert facts["dwelling.in_zone"].override and facts["dwelling.in_zone"].override.replaced is None


def test_what_a_register_had_said_is_deleted_with_its_answers(row: Application) -> None:
    said = {"dwelling.in_zone": [False, "NR1", "2026-03-01"]}
    Application.objects.filter(pk=row.pk).update(facts={**row.facts, **said})
    review.accept(row.key, By(Actor.SCHOOL, clerk(row)), CONFIRMED)
    kept = Confirmation.objects.filter(application=row, fact="dwelling.in_zone")
    assert [(c.value, c.replaced) for c in kept] == [(True, False)]
    retention.erase(row.season)
    assert [(c.value, c.replaced) for c in kept.all()] == [(True, None)]
    row.refresh_from_db()
    assert row.facts == {} and row.overrides["dwelling.in_zone"][0] is True
    assert all(fact[3]["override"][3] is None for fact in row.overrides.values())


def test_a_word_about_one_home_does_not_stand_for_another(row: Application) -> None:
    review.accept(row.key, By(Actor.SCHOOL, clerk(row)), CONFIRMED)
    row.refresh_from_db()
    other = Compound.objects.filter(district=row.season.district).exclude(pk=row.compound_id).first()
    row.compound = other
    standing = stored_facts.standing(row)
    assert set(standing) == {n for n in CONFIRMED if n.startswith("child.")}
    assert evidence.judge(row, {}, verify._places([row])).facts["dwelling.in_zone"].value is None
    row.claim = {**row.claim, "guardian": {**row.claim["guardian"], "id_number": "370799198001010017"}}
    assert stored_facts.standing(row) == {}


def test_who_was_decided_finally_is_not_asked_once_more_because_a_register_moved() -> None:
    user, made = a_draft()
    claims.submit(made.key, user)
    verify.verify_waiting()
    claims.go_on_without(made.key, user)
    verify._recheck({made.key})
    verify.verify_waiting()
    made.refresh_from_db()
    assert (made.state, made.category, made.needed) == (State.CLASSIFIED, "T", [])
    assert made.transitions.latest("id").name == "decide_again"
    said = made.messages.count()
    verify._recheck({made.key})
    verify.verify_waiting()
    assert made.messages.count() == said, "nothing changed: nothing is said"
    claims.submit(made.key, user)
    verify.verify_waiting()
    made.refresh_from_db()
    assert made.state == State.NEED_INFO, "a corrected claim has its say anew"
