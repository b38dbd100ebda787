"""A district's official changes the rule without help, sees what it does, and a second one makes it law."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import AXE, Site, serious, sign_in_staff
from tests.browser.test_screens import DESK, PHONE, QUICK, look, views

SHOTS = os.environ.get("RUXUE_SHOTS")
pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not built: run make setup")


@pytest.fixture(scope="module")
def second(site: Site, django_db_blocker: Any) -> str:
    """Another official of the district."""
    with django_db_blocker.unblock():
        from ruxue.accounts.models import Role, StaffRole, User

        user = User.objects.staff("kuiwen-second", "ruxue-demo", "奎文区复核员")
        StaffRole.objects.create(user=user, role=Role.DISTRICT, scope="kuiwen")
    return "kuiwen-second"


def shot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/rules-{name}.png", full_page=True)


def clean(page: Page) -> None:
    found = serious(page)
    assert not found, "\n".join(found)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1


def test_a_rule_from_draft_to_law(site: Site, second: str) -> None:
    page = site.context("en", *DESK).new_page()
    sign_in_staff(page, "kuiwen")
    page.goto("/b/rules")
    page.fill("#title", "Six batches")
    page.get_by_role("button", name="Begin the draft").click()

    # A tie-breaker: the second becomes the first, and a new one is added behind.
    words = page.locator("#part-order .rule-words")
    expect(words.first).to_have_text("the day on which the child's hukou was entered")
    page.get_by_role("button", name="Up: the day on which the home was bought").click()
    expect(words.first).to_have_text("the day on which the home was bought")
    page.select_option('[name="fact:order"]', "permit.first_issued_on")
    page.get_by_role("button", name="Add the tie-breaker").click()
    expect(words).to_have_count(5)
    assert "permit.first_issued_on, better: earlier" in page.input_value("#text")

    # A batch: the fourth copied, and who does not work here stays in the copy.
    page.locator('[id="more-categories.3"] > summary').click()
    page.fill('[name="zh:new.categories.3"]', "第五批次：非本区户籍、有住房未就业")
    page.fill('[name="en:new.categories.3"]', "batch 5: hukou elsewhere, own home, no work here")
    page.locator('[name="do"][value="copy:categories.3"]').click()
    expect(page.locator("#part-categories .rule-words")).to_have_count(6)
    page.locator('[id="ground-categories.3.bases.0.when"] > summary').click()
    page.fill(
        '[name="new:categories.3.bases.0.when"]', "at least one guardian works lawfully and stably in the district"
    )
    page.locator('[value="add:categories.3.bases.0.when"]').click()
    expect(page.locator("#fact")).to_have_value("job.in_district")
    clean(page)
    shot(page, "edit-open")

    expect(page.locator("#history")).to_contain_text("condition added")

    # What else a rule has: a quota; what was typed wrong stays, and is named in both languages.
    page.locator("#part-quotas > summary").click()
    page.locator('[id="new-quotas"] > summary').click()
    page.select_option('[name="n:quotas:category"]', "K5")
    page.fill('[name="n:quotas:seats"]', "ten")
    page.locator('[value="new:quotas"]').click()
    expect(page.get_by_role("alert").first).to_contain_text("Seats: Please write a number")
    expect(page.get_by_role("alert").first).to_contain_text("请填写数字")
    expect(page.locator('[name="n:quotas:seats"]')).to_have_value("ten")
    shot(page, "edit-quota")
    page.fill('[name="n:quotas:seats"]', "10")
    page.locator('[value="new:quotas"]').click()
    expect(page.locator("#notice, [role=status]").first).to_contain_text("Changed and saved.")
    assert "quotas:\n  - {category: K5, seats: 10}" in page.input_value("#text")

    # The forms follow the text while it is typed.
    page.fill("#text", page.input_value("#text").replace("seats: 10", "seats: 12"))
    expect(page.locator('[name="f:quotas.0:seats"]')).to_have_value("12")

    # A mistake in the text is named while it is typed, with its line and the likely fix.
    text = page.input_value("#text")
    page.fill("#text", text.replace("dwelling.residential", "dwelling.residental", 1))
    expect(page.locator("#verdict")).to_contain_text("did you mean dwelling.residential")
    expect(page.locator("#verdict")).to_contain_text("是否为 dwelling.residential")
    page.locator("#verdict [data-line]").click()
    chosen = page.evaluate(
        "(() => { const t = document.getElementById('text'); return t.value.slice(t.selectionStart, t.selectionEnd) })()"
    )
    assert "dwelling.residental" in chosen
    shot(page, "edit-mistake")
    page.fill("#text", text)
    expect(page.locator("#verdict")).to_contain_text("The text is a valid rule.")
    expect(page.locator("#remarks")).to_contain_text("K4")

    # What it would do.
    page.get_by_role("button", name="Show the effect").click()
    expect(page.locator("#changed")).to_be_visible(timeout=60_000)
    assert int(page.inner_text("#changed")) > 0
    clean(page)
    page.locator("details summary").evaluate_all("all => all.forEach(s => s.parentElement.open = true)")
    shot(page, "effect")
    effect = page.url
    with page.expect_download() as got:
        page.get_by_role("link", name="Excel").click()
    assert got.value.suggested_filename.endswith(".xlsx")

    # Approval by the same person is not offered; a second one approves and publishes.
    page.goto("/b/rules")
    page.get_by_role("link", name="Six batches").first.click()
    page.get_by_role("button", name="Send to approval").click()
    expect(page.get_by_text("You have edited this draft yourself.")).to_be_visible()
    assert not page.get_by_role("button", name="Approve this text").count()
    draft = page.url
    other = site.context("zh-hans", *DESK).new_page()
    sign_in_staff(other, second)
    other.goto(draft)
    expect(other.get_by_role("heading", name="与第1版相比的变化")).to_be_visible()
    clean(other)
    shot(other, "approval")
    other.get_by_role("button", name="批准这份文本").click()
    other.fill("#effective", "2026-12-30")
    other.on("dialog", lambda d: d.accept())
    other.get_by_role("button", name="签名并发布").click()
    expect(other.get_by_text("有效 ·")).to_be_visible()
    assert re.search(r"/b/rules/versions/2$", other.url)
    clean(other)
    shot(other, "version")
    public = site.context("en", *PHONE).new_page()
    public.goto("/rules/kuiwen?v=2")
    expect(public.get_by_text("batch 5: hukou elsewhere, own home, no work here").first).to_be_visible()
    expect(public.get_by_text("This version is in force from")).to_be_visible()
    clean(public)
    page.goto(effect)
    expect(page.locator("#changed")).to_be_visible()


@pytest.mark.parametrize(("language", "size"), views(QUICK[1]))
def test_the_workbench_on_every_screen(
    site: Site, second: str, django_db_blocker: Any, language: str, size: tuple[int, int]
) -> None:
    with django_db_blocker.unblock():
        from ruxue.accounts.models import User
        from ruxue.insight.models import WhatIf
        from ruxue.places import rules
        from ruxue.places.models import Season

        season = Season.objects.get(district="kuiwen")
        base = season.policies.order_by("version").first()
        draft = season.drafts.filter(state="draft").first() or rules.start(
            season, User.objects.get(username="kuiwen"), "草稿", base.text, base
        )
        run = WhatIf.objects.filter(phase="done").first()
    page = site.context(language, *size).new_page()
    sign_in_staff(page, "kuiwen")
    paths = ["/b/rules", f"/b/rules/drafts/{draft.key}", f"/b/rules/drafts/{draft.key}/remarks", "/b/rules/versions/1"]
    look(page, "workbench", paths + ([f"/b/rules/what-if/{run.key}"] if run else []), language, size)
    look(page, "public", ["/rules/kuiwen", "/rules/kuiwen/check"], language, size)
