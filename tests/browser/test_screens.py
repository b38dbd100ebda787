"""Every page on a phone and on a desk, in both languages: no serious finding of axe-core, nothing wider than the screen
or squeezed, no error in the console. `RUXUE_SHOTS=FOLDER` keeps the pictures to be looked at."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import AXE, Site, serious, sign_in_guardian, sign_in_staff

SHOTS = os.environ.get("RUXUE_SHOTS")
PHONE, DESK = (390, 844), (1440, 900)
QUICK = [("zh-hans", PHONE), ("en", DESK)]
FULL = [("zh-hans", DESK), ("en", PHONE)]


def views(*quick: tuple[str, tuple[int, int]]) -> list[Any]:
    """All four views as parameters; those that are not `quick` run with the slow tests."""
    marks = {view: () if view in quick else (pytest.mark.slow,) for view in (*QUICK, *FULL)}
    return [pytest.param(*v, id=f"{v[0]}-{v[1][0]}", marks=mark) for v, mark in marks.items()]


VIEWS = views(*QUICK)

# Cells whose words stand a sign or two a line: a table that is too wide for its screen.
SQUEEZED = """() => [...document.querySelectorAll("td, th")].filter((cell) => {
  const head = cell.closest("thead");
  if (head && getComputedStyle(head).position === "absolute") return false; // for screen readers only
  const range = document.createRange();
  range.selectNodeContents(cell);
  const lines = [...range.getClientRects()].filter((r) => r.width);
  return new Set(lines.map((r) => Math.round(r.top))).size > 3 && Math.max(...lines.map((r) => r.width)) < 40;
}).map((cell) => cell.innerText)"""

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not built: run make setup")


def look(page: Page, name: str, paths: list[str], language: str, size: tuple[int, int]) -> None:
    """Visits pages and gathers what is wrong with them."""
    wrong: list[str] = []
    page.on(
        "console",
        lambda m: wrong.append(f"{page.url}: {m.text}") if m.type == "error" and "404" not in m.text else None,
    )
    for path in paths:
        answer = page.goto(path)
        page.wait_for_timeout(200)
        if answer is None or answer.status >= 500:
            wrong.append(f"{path}: {answer and answer.status}")
        wrong += [f"{path}: {finding}" for finding in serious(page)]
        failed = page.locator("#texts").get_attribute("data-failed") if page.locator("#texts").count() else None
        if failed and page.get_by_text(failed, exact=True).count():
            wrong.append(f"{path}: a map or chart could not be drawn")
        wrong += [f"{path}: squeezed: {text!r}" for text in page.evaluate(SQUEEZED)]
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 1:
            wrong.append(f"{path}: {wider} pixels wider than the screen")
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            file = re.sub(r"\W+", "-", f"{name}-{path.split('?')[0]}").strip("-")
            page.screenshot(path=f"{SHOTS}/{file}-{language}-{size[0]}.png", full_page=True)
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def known(site: Site, django_db_blocker: Any) -> dict[str, str]:
    """Keys of the season's things that pages show."""
    with django_db_blocker.unblock():
        from ruxue.admissions.models import Notice
        from ruxue.applications.models import Application
        from ruxue.ledger import clock
        from ruxue.simulation import season as play

        clock.stop_at(play.at(2026, 8, 20))
        row = Application.objects.filter(state="accepted").select_related("offer").first()
        assert row is not None
        human = Application.objects.filter(state="accepted", by_human=True).first() or row
        return {
            "phone": str(row.guardian.phone),
            "key": row.key,
            "school": row.offer.school_id,
            "district": row.season.district_id,
            "compound": row.compound_id or "",
            "human": human.key,
            "human_school": human.school_id or "",
            "notice": Notice.objects.first().number,  # type: ignore[union-attr]
        }


@pytest.mark.parametrize(("language", "size"), VIEWS)
def test_public_pages(site: Site, known: dict[str, str], language: str, size: tuple[int, int]) -> None:
    page = site.context(language, *size).new_page()
    look(
        page,
        "public",
        [
            "/",
            "/timetable",
            "/schools",
            f"/schools/{known['school']}",
            f"/which?compound={known['compound']}&hukou=home&basis=owned",
            f"/rules/{known['district']}",
            "/results",
            f"/results/{known['school']}",
            "/statistics",
            "/draws",
            "/log",
            "/help",
            "/accessibility",
            "/privacy",
            f"/n/{known['notice']}",
            "/n/forged",
            "/nowhere",
            "/g/signin",
            "/staff/",
        ],
        language,
        size,
    )


@pytest.mark.parametrize(("language", "size"), VIEWS)
def test_guardian_pages(site: Site, known: dict[str, str], language: str, size: tuple[int, int]) -> None:
    page = site.context(language, *size).new_page()
    sign_in_guardian(page, known["phone"])
    one = f"/g/a/{known['key']}"
    page.goto("/g/")
    page.locator("form[action='/g/new'] button:not([disabled])").first.click()
    draft = "/g/a/" + page.url.split("/a/")[1].split("/")[0]
    look(
        page,
        "guardian",
        [
            "/g/",
            "/g/consent",
            "/g/settings",
            "/g/help",
            f"{one}/",
            f"{one}/asked",
            f"{one}/upload",
            f"{one}/book",
            f"{one}/object",
            f"{draft}/child",
            f"{draft}/guardians",
            f"{draft}/home",
            f"{draft}/check",
        ],
        language,
        size,
    )
    page.goto("/g/settings")
    page.once("dialog", lambda d: d.accept())
    page.locator("form[action$='/withdraw'] button").first.click()


@pytest.mark.parametrize(("language", "size"), views(QUICK[0]))
def test_staff_pages(site: Site, known: dict[str, str], language: str, size: tuple[int, int]) -> None:
    context = site.context(language, *size)
    page = context.new_page()
    sign_in_staff(page, known["district"])
    look(
        page,
        "bureau",
        [
            "/b/",
            "/b/calendar",
            f"/b/plans?zone={known['school']}",
            "/b/rules",
            "/b/steps",
            "/b/objections",
            "/b/ceremonies",
            "/b/insight",
            "/b/people",
            "/b/log",
        ],
        language,
        size,
    )
    city = site.context(language, *size).new_page()
    sign_in_staff(city, "city")
    look(city, "city", ["/b/city", f"/s/file/{known['human']}"], language, size)
    clerk = site.context(language, *size).new_page()
    sign_in_staff(clerk, f"school-{known['school'].lower()}")
    look(clerk, "school", ["/s/", "/s/queue", "/s/slots", "/s/results", "/s/classes"], language, size)


@pytest.mark.parametrize(("language", "size"), VIEWS)
def test_ceremony_pages(
    site: Site, known: dict[str, str], language: str, size: tuple[int, int], django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        from ruxue.classes import ceremony
        from ruxue.classes.models import Ceremony
        from ruxue.places import seasons
        from ruxue.places.models import School

        school = School.objects.get(code=known["school"])
        season = seasons.current(school.district_id)
        assert season is not None
        made = Ceremony.objects.filter(season=season, school=school, kind="classes").exclude(
            state="void"
        ).first() or ceremony.open_classes(season, school)
        token = made.witnesses.all()[0].token
    page = site.context(language, *size).new_page()
    sign_in_staff(page, f"school-{known['school'].lower()}")
    look(page, "ceremony", [f"/p/{made.key}", f"/w/{token}", f"/draws/{made.key}"], language, size)
