"""What families, everybody and the district see of seats, looked at on a phone and on a desk, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import AXE, Site, sign_in_guardian, sign_in_staff
from tests.browser.test_screens import QUICK, VIEWS, look, views
from tests.platform.test_rounds import DISTRICT, RULE, Town, day

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


@pytest.mark.parametrize(("language", "size"), views(QUICK[0]))
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
    look(official, "seats", ["/b/", "/b/plans?zone=DK1", "/b/steps"], language, size)
    before = official.locator("h3.h4").count()
    official.locator("form", has=official.locator("input[value=run]")).locator("button").click()
    official.locator(".border-primary li").first.wait_for()
    assert official.locator("h3.h4").count() == before == 1  # a rehearsed round is nowhere


@pytest.fixture(scope="module")
def listing(site: Site, django_db_blocker: Any) -> dict[str, str]:
    """A district with a preference round and a private school; its zones have been seated, lists are open."""
    with django_db_blocker.unblock():
        from ruxue.admissions import preferences, rounds
        from ruxue.admissions.models import Offer
        from ruxue.ledger import clock
        from ruxue.places import seasons
        from ruxue.places.models import School

        text = "rounds: [{title: {zh: 平行志愿, en: Parallel choices}, categories: [B], choices: 3, by: rank_first}]\n"
        made = Town((3, 2, 4, 1), RULE + text, "lixia", "LX")
        years = [{"year": 2025 - n, "entries": 90, "last_category": c} for n, c in enumerate("ABB")]
        School.objects.filter(pk__startswith="LX").update(history=years)
        clock.stop_at(day(7, 20))
        seasons.set_window(made.season, "preference", day(6, 1), day(12, 30), "test")
        made.child(category="A")
        rows = [made.child(category="B") for _ in range(6)]
        for row in rows[1:]:
            preferences.save(row.key, row.guardian, ["LX1", "LX2"])
        rounds.run(made.season, DISTRICT)
        return {"phone": str(rows[0].guardian.phone), "key": rows[0].key, "seated": str(Offer.objects.count())}


@pytest.mark.parametrize(("language", "size"), VIEWS)
def test_a_family_ranks_schools_by_touch_and_by_keyboard(
    site: Site, listing: dict[str, str], language: str, size: tuple[int, int], django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        from ruxue.admissions.models import PreferenceList
        from ruxue.ledger import clock

        clock.stop_at(day(7, 20))
        PreferenceList.objects.filter(application__key=listing["key"]).delete()

    def kept() -> list[str]:
        with django_db_blocker.unblock():
            return list(PreferenceList.objects.get(application__key=listing["key"]).schools)

    page = site.context(language, *size).new_page()
    sign_in_guardian(page, listing["phone"])
    path = f"/g/a/{listing['key']}/choices"
    page.goto(path)
    for n, code in enumerate(("LX0", "LX2", "LX1"), 1):
        page.locator(f"button[value='add:{code}']").click()
        page.locator("ol.choices > li").nth(n - 1).wait_for()
    assert kept() == ["LX0", "LX2", "LX1"]
    assert page.locator("button[value^='add:']").count() == 0  # three is all that the rule lets
    up = page.locator("#up-LX1")
    up.focus()
    page.keyboard.press("Enter")
    page.locator("ol.choices > li:nth-child(2) #up-LX1").wait_for()
    assert kept() == ["LX0", "LX1", "LX2"]
    assert page.evaluate("document.activeElement.id") == "up-LX1"  # the next press goes on from here
    assert "2" in page.locator("#said").inner_text()  # and a screen reader hears where the school is now
    page.keyboard.press("Enter")
    page.locator("ol.choices > li:nth-child(1) #up-LX1").wait_for()
    page.locator("button[value='remove:LX0']").click()
    page.locator("ol.choices > li:nth-child(3)").wait_for(state="detached")
    assert kept() == ["LX1", "LX2"]
    page.locator("#chances li").first.wait_for()
    boxes = [b for b in (h.bounding_box() for h in page.locator(".moves button").all()) if b]
    assert boxes and all(b["height"] >= 44 and b["width"] >= 44 for b in boxes)
    look(page, "choices", [path, f"{path}/chances", f"/g/a/{listing['key']}/"], language, size)


def test_lists_work_without_script(site: Site, listing: dict[str, str], django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        from ruxue.admissions.models import PreferenceList

        PreferenceList.objects.filter(application__key=listing["key"]).delete()
    context = site.browser.new_context(java_script_enabled=False, base_url=site.address)
    page = context.new_page()
    sign_in_guardian(page, listing["phone"])
    page.goto(f"/g/a/{listing['key']}/choices")
    page.locator("button[value='add:LX2']").click()
    assert page.locator("ol.choices > li").count() == 1
    page.locator("a[href$='/chances']").click()
    assert page.locator("#chances li").count() >= 1
