"""Families on their phones, clerks and officials at their desks, from sign-in to class."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ruxue.simulation.model import Family
from tests.browser.conftest import Site, sign_in_guardian, sign_in_staff
from tests.conftest import World


def unflawed(world: World) -> list[Family]:
    """Three families who own their home, are in its book, and whose registers hold no error."""
    chosen = [
        f
        for f in world.city.families
        if f.kind == "owned"
        and not f.fraud
        and len(f.children) == 1
        and f.claim == f.corrected
        and f.claim.second_guardian
        and not f.truth.flaws
    ][:3]
    assert len(chosen) == 3
    return chosen


@pytest.fixture(scope="module")
def newcomers(site: Site, django_db_blocker: Any) -> list[Family]:
    """Families of the city's registers who have not applied yet: three who own their home and are in its book."""
    from ruxue.applications.models import Application
    from ruxue.ledger import clock
    from ruxue.simulation import season as play

    world = site.world
    chosen = unflawed(world)
    with django_db_blocker.unblock():
        from ruxue.admissions.models import Notice, Offer

        for family in chosen:
            key = next(k for k, (f, _) in world.player.family_of.items() if f is family)
            row = Application.objects.get(key=key)
            Notice.objects.filter(offer__application=row).delete()
            Offer.objects.filter(application=row).delete()
            row.delete()
        clock.stop_at(play.at(2026, 3, 16))
    return chosen


def move(django_db_blocker: Any, month: int, day: int) -> None:
    """Moves the platform's clock, as the demo does, and lets the web process notice."""
    import time

    from ruxue.ledger import clock
    from ruxue.simulation import season as play

    with django_db_blocker.unblock():
        clock.stop_at(play.at(2026, month, day))
    time.sleep(1.1)


def choose_home(page: Page, site: Site, code: str) -> None:
    compound = site.world.city.compounds[code]
    page.fill("#compound-name", "")
    page.locator("#compound-name").press_sequentially(compound.name)
    page.locator("[role=option]", has_text=compound.address).first.click()
    expect(page.locator("#compound")).to_have_value(code)


def apply(page: Page, site: Site, family: Family, home: str | None = None) -> str:
    """Types an application in the zero-proof lane, ten screens at most, and submits it; returns its address."""
    sign_in_guardian(page, family.phone)
    if "/consent" in page.url:
        page.click("button[name=agree]")
    page.click(f"button[value={family.district}]")
    claim = family.claim
    page.fill("[name='child.name']", claim.children[0]["name"])
    page.fill("[name='child.id_number']", claim.children[0]["id_number"])
    page.click("main form button.weui-btn_primary")
    for person, typed in (("guardian", claim.guardian), ("second_guardian", claim.second_guardian)):
        if person == "second_guardian" and not page.locator("[name='second_guardian.name']").is_visible():
            page.click("details summary")
        page.fill(f"[name='{person}.name']", typed["name"])
        page.fill(f"[name='{person}.id_number']", typed["id_number"])
        page.check(f"[name='{person}.relation'][value={typed['relation']}]")
    page.click("main form button.weui-btn_primary")
    choose_home(page, site, home or claim.compound)
    page.check("[name=basis][value=owned]")
    page.click("main form button.weui-btn_primary")
    expect(page.locator("main")).to_contain_text(claim.children[0]["name"])
    page.click("main form button.weui-btn_primary")
    page.wait_for_url("**/a/*/")
    return page.url


def test_one_family_from_sign_in_to_class(site: Site, newcomers: list[Family], django_db_blocker: Any) -> None:
    family = newcomers[0]
    phone = site.context()
    page = phone.new_page()
    address = apply(page, site, family)
    expect(page.locator(".state").first).to_have_text("数据已确认", timeout=30_000)
    expect(page.locator("main")).to_contain_text("第一批次")
    other = site.context().new_page()
    sign_in_guardian(other, "14012345678")
    if "/consent" in other.url:
        other.click("button[name=agree]")
    other.click(f"button[value={family.district}]")
    key = other.url.split("/a/")[1].split("/")[0]
    other.fill("[name='child.name']", family.claim.children[0]["name"])
    other.fill("[name='child.id_number']", family.claim.children[0]["id_number"])
    other.click("main form button.weui-btn_primary")
    for field, value in (("name", family.claim.guardian["name"]), ("id_number", family.claim.guardian["id_number"])):
        other.fill(f"[name='guardian.{field}']", value)
    other.check(f"[name='guardian.relation'][value={family.claim.guardian['relation']}]")
    other.click("main form button.weui-btn_primary")
    choose_home(other, site, family.claim.compound)
    other.click("main form button.weui-btn_primary")
    other.click("main form button.weui-btn_primary")
    expect(other.locator("[role=alert]")).to_contain_text("已经有一份申请")
    other.goto(f"/g/a/{key}/child")
    expect(other.locator("[name='child.name']")).to_have_value(family.claim.children[0]["name"])

    desk = site.context(width=1440, height=900)
    official = desk.new_page()
    sign_in_staff(official, family.district)

    def step(name: str) -> None:
        official.goto("/b/steps")
        official.once("dialog", lambda d: d.accept())
        official.click(f"button[value={name}]")
        expect(official.locator(".alert-success")).to_be_visible()

    move(django_db_blocker, 7, 8)
    step("publish")
    page.goto(address)
    expect(page.locator(".state").first).to_have_text("初步结果已公布")
    move(django_db_blocker, 7, 16)
    step("lock")
    step("run")
    move(django_db_blocker, 7, 21)
    step("offer")
    page.goto(address)
    page.click("button[value=accept]")
    expect(page.locator(".state").first).to_have_text("已确认学位")
    notice = page.request.get(page.locator("a[href$='notice.pdf']").get_attribute("href") or "")
    assert notice.ok and notice.body().startswith(b"%PDF")

    move(django_db_blocker, 8, 20)
    with django_db_blocker.unblock():
        from ruxue.applications.models import Application

        row = Application.objects.select_related("offer__school", "offer__notice").get(
            key=address.rstrip("/").split("/")[-1]
        )
        school, number = row.offer.school, row.offer.notice.number
    page.goto(f"/n/{number}")
    expect(page.locator(".note.good")).to_contain_text("是真的")
    clerk = site.context(width=1440, height=900).new_page()
    sign_in_staff(clerk, f"school-{school.code.lower()}")
    clerk.goto("/s/classes")
    clerk.once("dialog", lambda d: d.accept())
    clerk.click("button[value=publish]")
    clerk.wait_for_url("**/p/*")
    projector = clerk.url
    clerk.click(".operator summary")
    clerk.fill("#hand", "现场抽纸条")
    clerk.click("button[value=by_hand]")
    links = [a.get_attribute("href") for a in clerk.locator(".people a").all()]
    assert len(links) == 3
    witnesses = [site.context().new_page() for _ in links]
    for n, (witness, link) in enumerate(zip(witnesses, links, strict=True)):
        witness.goto(link or "")
        witness.fill("#name", f"见证人{n}")
        witness.click("main form button")
        expect(witness.locator("main .ok").first).to_be_visible()
    clerk.goto(projector)
    clerk.click("button[value=open]")
    for n, witness in enumerate(witnesses):
        witness.reload()
        witness.fill("#words", f"随便几个字 {n}")
        witness.click("form[data-witness] button")
        expect(witness.locator("form[data-witness=commit]")).to_have_count(0)
    for witness in witnesses:
        witness.reload()
        witness.click("form[data-witness] button")
        expect(witness.locator("main")).to_contain_text("您的秘密已经计入")
    clerk.goto(projector)
    clerk.click("button[value=hold]")
    expect(clerk.locator("main")).to_contain_text("均衡情况")
    page.goto(address)
    expect(page.locator(".state").first).to_have_text("已分班")
    expect(page.locator("main")).to_contain_text("班")
    bundle = page.request.get(projector.replace("/p/", "/draws/") + "/bundle.json").json()
    from ruxue.algorithms.bundle import verify_bundle

    assert all(s.ok for s in verify_bundle(bundle))


@pytest.mark.slow
def test_a_wrong_compound_is_corrected(site: Site, newcomers: list[Family], django_db_blocker: Any) -> None:
    family = newcomers[1]
    move(django_db_blocker, 3, 17)
    wrong = next(
        c.code
        for c in site.world.city.compounds.values()
        if c.district == family.district and c.code != family.claim.compound
    )
    page = site.context().new_page()
    address = apply(page, site, family, wrong)
    expect(page.locator(".state").first).to_have_text("需要您处理", timeout=30_000)
    expect(page.locator("main")).to_contain_text("没有查到登记在您填写的姓名下的住房")
    page.click("a:has-text('更正我填写的内容')")
    page.click("main form button.weui-btn_primary")
    page.click("main form button.weui-btn_primary")
    choose_home(page, site, family.claim.compound)
    page.click("main form button.weui-btn_primary")
    page.click("main form button.weui-btn_primary")
    expect(page.locator(".state").first).to_have_text("数据已确认", timeout=30_000)
    assert page.url == address


@pytest.mark.slow
def test_a_family_objects_and_is_answered(site: Site, newcomers: list[Family], django_db_blocker: Any) -> None:
    family = newcomers[2]
    move(django_db_blocker, 3, 18)
    page = site.context().new_page()
    address = apply(page, site, family)
    expect(page.locator(".state").first).to_have_text("数据已确认", timeout=30_000)
    official = site.context(width=1440, height=900).new_page()
    sign_in_staff(official, family.district)
    move(django_db_blocker, 7, 9)
    official.goto("/b/steps")
    official.once("dialog", lambda d: d.accept())
    official.click("button[value=publish]")
    page.goto(address)
    page.click("a:has-text('对结果提出异议')")
    page.fill("#text", "我们认为落户时间登记错了。")
    page.click("main form button.weui-btn_primary")
    expect(page.locator(".state").first).to_have_text("异议处理中")
    official.goto("/b/objections")
    official.fill("textarea[name=answer]", "已与公安核对，登记无误。")
    official.click("button[value=deny]")
    page.goto(address)
    expect(page.locator("main")).to_contain_text("已与公安核对，登记无误。")
    expect(page.locator(".state").first).to_have_text("初步结果已公布")
