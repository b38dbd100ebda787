"""What families, everybody and the district see of seats, looked at on a phone and on a desk, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import AXE, Site, sign_in_guardian, sign_in_staff
from tests.browser.test_screens import VIEWS, look
from tests.platform.test_rounds import DISTRICT, Town, day

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not built: run make setup")


@pytest.fixture(scope="module")
def town(site: Site, django_db_blocker: Any) -> dict[str, str]:
    """A small district beside the city: a lottery was held, one family was coordinated, offers are out."""
    with django_db_blocker.unblock():
        from ruxue.accounts.models import Role, StaffRole, User
        from ruxue.admissions import rounds
        from ruxue.admissions.models import Offer
        from ruxue.ledger import clock

        made = Town()
        clock.stop_at(day(7, 20))
        for category in "AABBB":
            made.child(category=category)
        made.round()
        made.child(zone=1, category="B")
        rounds.send_offers(made.season, DISTRICT)
        official = User(username="dongkou", display_name="东口区招生办")
        official.set_password("ruxue-demo")
        official.save()
        StaffRole.objects.create(user=official, role=Role.DISTRICT, scope="dongkou")
        row = Offer.objects.filter(round__season=made.season, kind="coordinated").first().application  # type: ignore[union-attr]
        lot = made.season.lotteries.get()
        return {
            "phone": str(row.guardian.phone),
            "key": row.key,
            "receipt": row.receipt,
            "lottery": lot.key,
            "token": lot.witnesses.first().token,  # type: ignore[union-attr]
        }


@pytest.mark.parametrize(("language", "size"), VIEWS)
def test_seats_lotteries_answers_and_steps(
    site: Site, town: dict[str, str], language: str, size: tuple[int, int], django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        from ruxue.ledger import clock

        clock.stop_at(day(7, 20))
    page = site.context(language, *size).new_page()
    public = ["/seats", "/schools/DK0", f"/lotteries/{town['lottery']}", f"/lotteries/w/{town['token']}", "/results"]
    look(page, "seats", public, language, size)
    family = site.context(language, *size).new_page()
    sign_in_guardian(family, town["phone"])
    mine = f"/g/a/{town['key']}/"
    look(family, "seats", [mine, f"{mine}why", f"{mine}why?school=DK2"], language, size)
    family.goto(f"{mine}why")
    assert family.locator(".panel h2").inner_text() == "东口0小"
    official = site.context(language, *size).new_page()
    sign_in_staff(official, "dongkou")
    look(official, "seats", ["/b/steps"], language, size)
    before = official.locator("h3.h4").count()
    official.locator("form", has=official.locator("input[value=run]")).locator("button").click()
    official.locator(".border-primary li").first.wait_for()
    assert official.locator("h3.h4").count() == before == 1  # a rehearsed round is nowhere
