"""A reviewer enters what a paper shows as a record: a mistake is named at its field, nothing typed is lost."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, serious, sign_in_staff


@pytest.fixture
def waiting(site: Site, django_db_blocker: Any) -> tuple[str, str]:
    """Key and school of a file that waits for its school, with owners and a lease to be shown."""
    with django_db_blocker.unblock():
        from ruxue.applications import review, verify
        from ruxue.applications.models import Application
        from ruxue.ledger import clock
        from ruxue.simulation import season as play
        from tests.platform.test_season import a_draft, claims, picture

        user, row = a_draft(serial=977, phone="14077777777")
        claims.submit(row.key, user)
        verify.verify_waiting()
        review.upload(row.key, user, "certificate", picture(), "鲁(2019)潍坊市不动产权第0000001号")
        facts = ["dwelling.in_zone", "dwelling.owners", "lease.history", "insurance.main", "place.dwelling"]
        Application.objects.filter(pk=row.pk).update(needed_facts=facts)
        clock.stop_at(play.at(2026, 8, 20))
        return row.key, Application.objects.get(pk=row.pk).school_id or ""


def test_a_reviewer_enters_owners_and_a_lease(site: Site, waiting: tuple[str, str], django_db_blocker: Any) -> None:
    key, school = waiting
    page = site.context("en", 1280, 900).new_page()
    sign_in_staff(page, f"school-{school.lower()}")
    page.goto(f"/s/file/{key}")
    field = lambda name: page.locator(f'[name="fact.{name}"]')  # noqa: E731
    field("dwelling.owners.0.who").select_option("father")
    field("dwelling.owners.0.share").fill("50")
    page.locator("details", has=field("dwelling.owners.1.share")).locator("summary").click()
    field("dwelling.owners.1.share").fill("50")
    field("lease.history.0.first").fill("2024-03-01")
    field("lease.history.0.at").select_option("zone")
    page.fill("#note", "seen at the window")
    page.click('button[value="accept"]')
    expect(page.get_by_text("Please choose who this is.")).to_be_visible()
    expect(field("dwelling.owners.1.share")).to_have_value("50")
    expect(field("lease.history.0.first")).to_have_value("2024-03-01")
    expect(page.locator("#note")).to_have_value("seen at the window")
    assert serious(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    field("dwelling.owners.1.who").select_option("mother")
    page.click('button[value="accept"]')
    page.wait_for_url("**/queue**")
    with django_db_blocker.unblock():
        from ruxue.applications.models import Confirmation

        made = {c.fact: c for c in Confirmation.objects.filter(application__key=key)}
    assert set(made) == {"dwelling.owners", "lease.history"}
    assert made["dwelling.owners"].value == [{"who": "father", "bp": 5000}, {"who": "mother", "bp": 5000}]
    assert made["lease.history"].note == "seen at the window" and made["lease.history"].by is not None
