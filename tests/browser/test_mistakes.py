"""Bad input in the main forms: nothing typed is lost, the error names its field, and the focus is where it is mended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, sign_in_guardian, sign_in_staff

LANGUAGES = ["zh-hans", pytest.param("en", marks=pytest.mark.slow)]


@pytest.fixture
def family(site: Site, django_db_blocker: Any) -> Iterator[dict[str, str]]:
    """A family that may upload and object, in the late round; afterwards it stands where it stood."""
    from ruxue.applications.models import Application, Document, Objection
    from ruxue.ledger import clock
    from ruxue.simulation import season as play

    with django_db_blocker.unblock():
        if clock.now() != play.at(2026, 8, 20):
            clock.stop_at(play.at(2026, 8, 20))
            time.sleep(1.1)  # the web process looks at the clock each second
        row = Application.objects.filter(state="accepted", by_human=False).order_by("-id").first()
        assert row is not None
        before = {"state": row.state, "needed": row.needed, "deadline": row.deadline}
        mine = Application.objects.filter(pk=row.pk)
        mine.update(state="need_info", needed=["owner_not_named"], deadline=clock.now() + timedelta(days=5))
        yield {
            "key": row.key,
            "phone": str(row.guardian.phone),
            "district": row.season.district_id,
            "school": row.school_id or "",
        }
        mine.update(**before)
        assert not Document.objects.filter(application=row, uploaded_at=clock.now()).exists()
        assert not Objection.objects.filter(application=row, made_at=clock.now()).exists()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.className"))


def send(page: Page) -> None:
    page.locator("main form button.weui-btn_primary").last.click()
    page.wait_for_load_state()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_family_that_mistypes_loses_nothing(site: Site, language: str, family: dict[str, str]) -> None:
    page = site.context(language).new_page()
    page.goto("/g/signin")
    page.fill("#phone", "123")
    send(page)
    expect(page.locator("#phone")).to_have_value("123")
    assert focused(page) == "phone" and page.locator("#phone-error").inner_text()
    phone = "14055512345" if language == "en" else "14055512346"
    page.fill("#phone", phone)
    send(page)
    code = page.inner_text("strong.num")
    page.fill("#code", "111111" if code == "000000" else "000000")
    send(page)
    assert focused(page) == "code" and page.locator("#code-error").inner_text()
    page.fill("#code", code)
    send(page)
    if "/consent" in page.url:
        page.click("button[name=agree]")
    page.locator("form[action='/g/new'] button:not([disabled])").first.click()
    step = page.url.rsplit("/", 1)[0]

    typed = {"child.name": "王", "child.id_number": "37079920191023000"}
    for name, value in typed.items():
        page.fill(f"[name='{name}']", value)
    page.locator("[name='child.id_number']").press("Tab")  # the keyboard shows where it is, on a button too
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    for name, value in typed.items():
        expect(page.locator(f"[name='{name}']")).to_have_value(value)
    assert "errors" in focused(page)
    assert page.locator(".errors a").count() == 2
    page.locator(".errors a").last.press("Enter")
    assert focused(page) == "child.id_number"

    # The same number for child and guardian is named at the guardian, on the page where it can be changed.
    page.fill("[name='child.name']", "王小明")
    page.fill("[name='child.id_number']", "370799201910230003")
    send(page)
    page.fill("[name='guardian.name']", "王大明")
    page.fill("[name='guardian.id_number']", "370799201910230003")
    send(page)
    expect(page.locator("[name='guardian.name']")).to_have_value("王大明")
    assert page.locator("[id='guardian.id_number-error']").inner_text()
    page.locator(".errors a").last.press("Enter")
    assert focused(page) == "guardian.relation"

    # A home that was typed and not chosen; a grandparent typed before another ground was chosen asks for nothing.
    page.goto(f"{step}/home")
    page.fill("#compound-name", "没有这个小区")
    page.check("[name=basis][value=grandparents]")
    page.fill("[name='grandparent.id_number']", "12")
    send(page)
    expect(page.locator("#compound-name")).to_have_value("没有这个小区")
    expect(page.locator("[name='grandparent.id_number']")).to_have_value("12")
    assert page.locator(".errors a").count() == 3
    page.check("[name=basis][value=owned]")
    send(page)
    assert page.locator(".errors a").count() == 1

    # What is missing when it is submitted leads to its page and field.
    page.goto(f"{step}/check")
    send(page)
    page.locator(".errors a").last.click()
    page.wait_for_url("**/home#compound-name")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_paper_or_an_objection_that_can_not_be_taken(
    site: Site, language: str, family: dict[str, str], django_db_blocker: Any
) -> None:
    page = site.context(language).new_page()
    sign_in_guardian(page, family["phone"])
    page.goto(f"/g/a/{family['key']}/upload")
    page.check("[name=kind][value=household_book]")
    page.fill("[name=number]", "鲁(2019)第7号")
    for name, body in (("note.txt", b"not a picture"), ("large.png", b"\x89PNG\r\n" + b"0" * (10 << 20))):
        page.set_input_files("#file", {"name": name, "mimeType": "text/plain", "buffer": body})
        expect(page.locator("#judged")).not_to_be_empty()
        send(page)
        expect(page.locator("[name=kind][value=household_book]")).to_be_checked()
        expect(page.locator("[name=number]")).to_have_value("鲁(2019)第7号")
        assert focused(page) == "file" and page.locator("#file-error").inner_text()
    assert "10 MB" in page.locator("#file-error").inner_text()
    with django_db_blocker.unblock():
        from ruxue.applications.models import Application

        Application.objects.filter(key=family["key"]).update(state="published")
    page.goto(f"/g/a/{family['key']}/object")
    page.fill("#text", "   ")
    send(page)
    assert focused(page) == "text" and page.locator("#text-error").inner_text()
    page.fill("#text", "落户时间登记错了。")
    send(page)  # the window is over
    expect(page.locator("[role=alert]")).to_be_visible()
    expect(page.locator("#text")).to_have_value("落户时间登记错了。")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_seat_is_not_declined_by_a_slip_of_the_thumb(
    site: Site, language: str, family: dict[str, str], django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        from ruxue.applications.models import Application

        mine = Application.objects.filter(key=family["key"])
        mine.update(state="offered", needed=[])
        page = site.context(language).new_page()
        sign_in_guardian(page, family["phone"])
        page.goto(f"/g/a/{family['key']}/")
        asked: list[str] = []
        page.once("dialog", lambda d: (asked.append(d.message), d.dismiss()))
        page.click("button[value=decline]")
        page.wait_for_timeout(200)
        assert asked and mine.get().state == "offered"


@pytest.mark.parametrize("language", LANGUAGES)
def test_staff_find_what_they_typed_after_an_error(site: Site, language: str, family: dict[str, str]) -> None:
    page = site.context(language, 1280, 900).new_page()
    sign_in_staff(page, family["district"])
    page.goto("/b/calendar")
    row = page.locator("tr", has=page.locator("#f-objection"))
    row.locator("[name=opens]").fill("2026-07-20T08:00")
    row.locator("[name=closes]").fill("2026-07-10T08:00")
    row.locator("button").click()
    expect(page.locator(".alert-danger")).to_contain_text(row.locator("td").first.inner_text())
    expect(row.locator("[name=opens]")).to_have_value("2026-07-20T08:00")
    expect(row.locator("[name=closes]")).to_have_value("2026-07-10T08:00")
    assert row.locator("[name=opens]").evaluate("(e) => e === document.activeElement")
    page.goto("/b/calendar")  # a page that is opened anew shows what holds
    expect(row.locator("[name=opens]")).not_to_have_value("2026-07-20T08:00")

    page.goto("/b/steps")
    page.fill("#receipt", "NOBODY0000")
    page.locator("form", has=page.locator("#receipt")).locator("button").click()
    expect(page.locator(".alert-danger")).to_be_visible()
    expect(page.locator("#receipt")).to_have_value("NOBODY0000")
    assert focused(page) == "receipt"

    school = site.context(language, 1280, 900).new_page()
    sign_in_staff(school, f"school-{family['school'].lower()}")
    school.goto("/s/slots")
    school.fill("#day", "2026-08-21")
    school.fill("#from", "15")
    school.fill("#to", "12")
    school.locator("main form button").click()
    expect(school.locator(".alert-danger")).to_be_visible()
    assert [school.input_value(f"#{name}") for name in ("day", "from", "to")] == ["2026-08-21", "15", "12"]
    assert focused(school) == "day"
