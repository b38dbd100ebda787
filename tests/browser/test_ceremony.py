"""Ceremonies in real browsers: three witnesses on three phones, and every failure that the protocol names."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import AXE, Site, serious, sign_in_staff
from tests.browser.test_families import unflawed

SHOTS = os.environ.get("RUXUE_SHOTS")
WALL = (1440, 900)


@dataclass
class Hall:
    """The platform on a web process of its own, which a test may kill, and access to its database."""

    site: Site
    open: Callable[[], Any]
    kill: Callable[[], None]
    revive: Callable[[], None]

    def phone(self, language: str = "zh-hans") -> BrowserContext:
        return self.site.context(language)

    def operator(self, name: str, language: str = "zh-hans", size: tuple[int, int] = WALL) -> Page:
        page = self.site.context(language, *size).new_page()
        sign_in_staff(page, name)
        return page


@pytest.fixture(scope="module")
def hall(site: Site, django_db_blocker: Any) -> Iterator[Hall]:
    from django.conf import settings
    from django.db import connection

    from ruxue import processes
    from ruxue.ledger import clock
    from ruxue.simulation import season as play

    port = processes.free_port()
    address = f"http://127.0.0.1:{port}"
    env = {
        "DATABASE_URL": settings.DATABASE_URL,
        "RUXUE_DATABASE": connection.settings_dict["NAME"],
        "RUXUE_DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "ruxue.settings",
    }
    with django_db_blocker.unblock():
        clock.stop_at(play.at(2026, 8, 20))
    with processes.group(site.world.folder / "log") as group:

        def revive() -> None:
            group.start("hall", processes.web_command("127.0.0.1", port, 1), env)
            processes.wait_for(address + "/", group)

        def kill() -> None:
            _, child = group.running.pop()
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

        revive()
        yield Hall(Site(address, site.world, site.browser), django_db_blocker.unblock, kill, revive)


@pytest.fixture(scope="module")
def schools(hall: Hall) -> list[Any]:
    """Five schools whose classes can be drawn, the largest first; none of those that the families' tests go on with."""
    from collections import Counter

    from ruxue.applications.models import Application
    from ruxue.places.models import School

    world = hall.site.world
    others = unflawed(world)
    with hall.open():
        kept = {key for key, (family, _) in world.player.family_of.items() if any(family is f for f in others)}
        rows = Application.objects.filter(state="accepted").values_list("key", "offer__school")
        taken = {school for key, school in rows if key in kept}
        sizes = Counter(school for _, school in rows if school not in taken)
        found = [School.objects.get(code=code) for code, _ in sizes.most_common()[:5]]
        assert len(found) == 5 and sizes[found[1].code] >= 4
        return found


def published(hall: Hall, code: str, classes: int = 1, kind: str = "classes") -> Any:
    """A ceremony of a school, published by the district, with its witnesses' tokens."""
    from ruxue.applications.machine import By
    from ruxue.applications.states import Actor
    from ruxue.classes import ceremony, prepare
    from ruxue.places import seasons
    from ruxue.places.models import School

    with hall.open():
        school = School.objects.get(code=code)
        season = seasons.current(school.district_id)
        assert season is not None
        wanted = prepare.wishes(season, school, kind)
        wanted.classes = classes
        prepare.save(season, school, kind, wanted, None)
        return ceremony.publish(season, school, kind, By(Actor.DISTRICT))


def tokens(hall: Hall, made: Any) -> dict[str, str]:
    with hall.open():
        return {w.code: w.token for w in made.witnesses.all()}


def join(hall: Hall, token: str, name: str, language: str = "zh-hans") -> Page:
    page = hall.phone(language).new_page()
    page.goto(f"/w/{token}")
    page.fill("#name", name)
    page.click("main form button")
    expect(page.locator("main p.ok")).to_be_visible()
    return page


def join_all(hall: Hall, made: Any) -> dict[str, Page]:
    return {code: join(hall, token, f"见证{n}号") for n, (code, token) in enumerate(tokens(hall, made).items(), 1)}


def reveal_all(hall: Hall, made: Any) -> None:
    """All witnesses commit and reveal, without their phones."""
    from ruxue.algorithms import draw
    from ruxue.classes import ceremony

    with hall.open():
        secrets = {w.holder: (w.code, os.urandom(32)) for w in made.witnesses.all()}
        for holder, (code, secret) in secrets.items():
            ceremony.commit(holder, draw.commitment(bytes.fromhex(made.digest), code, secret).hex())
        for holder, (_code, secret) in secrets.items():
            ceremony.reveal(holder, secret.hex())


def press(page: Page, name: str) -> None:
    page.click(f".operator button[value={name}]")


def commit(page: Page, words: str = "风筝 桥 七") -> None:
    page.fill("#words", words)
    page.click("form[data-witness=commit] button")
    expect(page.locator("form[data-witness=commit]")).to_have_count(0)


def reveal(page: Page) -> None:
    page.click("form[data-witness=reveal] button")
    expect(page.locator("[data-witness-done]")).to_be_visible()


def shot(page: Page, name: str) -> None:
    """With RUXUE_SHOTS=FOLDER keeps pictures to be looked at; of the wall also in English and at 1920 × 1080."""
    if not SHOTS:
        return
    Path(SHOTS).mkdir(parents=True, exist_ok=True)
    page.screenshot(path=f"{SHOTS}/{name}.png")
    if not name.startswith("wall"):
        return
    for language, width, height in (("en", 1440, 900), ("zh-hans", 1920, 1080)):
        context = page.context.browser.new_context(  # type: ignore[union-attr]
            storage_state=page.context.storage_state(),
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
        )
        context.add_cookies([{"name": "ruxue_language", "value": language, "url": page.url.partition("/p/")[0]}])
        other = context.new_page()
        other.goto(page.url)
        other.screenshot(path=f"{SHOTS}/{name}-{language}-{width}.png")
        context.close()


def checked(page: Page, name: str) -> None:
    """No serious finding of axe-core, and nothing wider than the screen."""
    if AXE.exists():
        assert not serious(page), (name, serious(page))
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1, name
    shot(page, name)


def test_a_whole_ceremony_with_three_witnesses_on_three_phones(hall: Hall, schools: list[Any]) -> None:
    from ruxue.algorithms.bundle import verify_bundle
    from ruxue.applications.models import Application
    from ruxue.classes import prepare
    from ruxue.classes.models import Ceremony, Place, TeacherTeam

    school = schools[0].code
    with hall.open():
        pupils = Application.objects.filter(state="accepted", offer__school=school).count()
    wall = hall.operator(f"school-{school.lower()}")
    wall.goto("/s/classes")
    wall.fill("#team", "第二组")
    wall.fill("#members", "周老师、吴老师")
    wall.click("button[value=team]")
    expect(wall.locator("main")).to_contain_text("周老师、吴老师")
    wall.fill("#classes-place", "学校礼堂")
    wall.fill("#classes-at", "2026-08-20T09:30")
    wall.fill("#classes", "2")
    wall.fill("#forbidden", "nobody")
    wall.click("button[value=save]")
    expect(wall.locator(".alert-danger")).to_contain_text("NOBODY")
    expect(wall.locator("#classes-place")).to_have_value("学校礼堂")
    expect(wall.locator("#forbidden")).to_have_value("nobody")
    wall.fill("#forbidden", "")
    wall.click("button[value=save]")
    expect(wall.locator(".alert-success").last).to_contain_text("演练")
    checked(wall, "prepare-zh")
    wall.click("a:has-text('演练一次')")
    rows = wall.locator("main ol li")
    assert rows.count() == pupils and all(text.startswith("演练-") for text in rows.all_inner_texts())
    checked(wall, "rehearsal-zh")
    wall.go_back()
    wall.once("dialog", lambda d: d.accept())
    wall.click("button[value=publish]")
    wall.wait_for_url("**/p/*")
    key = wall.url.rsplit("/", 1)[1]
    with hall.open():
        made = Ceremony.objects.get(key=key)
        receipts = sorted(prepare.families(made))
        codes = {w.code: w.token for w in made.witnesses.all()}
    expect(wall.locator("body")).to_contain_text(made.digest)

    # The parents' witness is drawn by lot from those present, on their own phones.
    link = wall.locator(".hall-lot a").get_attribute("href") or ""
    parents = []
    for receipt in receipts[:2]:
        page = hall.phone().new_page()
        page.goto(link)
        if not parents:
            checked(page, "phone-0-here-zh")
        page.fill("#receipt", receipt.lower())
        page.click("main form button")
        page.click("button[name=mixes]")
        expect(page.locator("main p.ok")).to_be_visible()
        parents.append(page)
    expect(wall.locator(".hall-lot")).to_contain_text("2 个家庭", timeout=8000)
    checked(wall, "wall-1-lot-zh")
    checked(parents[0], "phone-1-present-zh")
    press(wall, "start_lot")
    asked = wall.locator(".hall-numbers span")
    expect(asked).to_have_count(1, timeout=15_000)
    number = asked.inner_text()
    first = next(p for p in parents if p.locator(".big-number").inner_text() == number)
    expect(first.locator("button[value=accept]")).to_be_visible(timeout=8000)
    checked(first, "phone-2-drawn-zh")
    shot(wall, "wall-2-asked-zh")
    first.fill("#name", "陈大文")
    first.click("button[value=accept]")
    first.wait_for_url("**/w/*")
    committee = join(hall, codes["committee"], "李小红")
    look = hall.phone("en").new_page()
    look.goto(f"/w/{codes['bureau']}")
    checked(look, "phone-join-en")
    bureau = join(hall, codes["bureau"], "张三", "en")

    # A second phone that scans a code that was taken gets nothing; the first finds its page again.
    stranger = hall.phone().new_page()
    stranger.goto(f"/w/{codes['committee']}")
    expect(stranger.locator("[role=alert]")).to_contain_text("已经有人")
    again = committee.context.new_page()
    again.goto(f"/w/{codes['committee']}")
    assert again.url == committee.url
    again.close()

    wall.reload()
    press(wall, "open")
    witnesses = [first, committee, bureau]
    for n, page in enumerate(witnesses):
        expect(page.locator("#words")).to_be_visible(timeout=8000)
        (checked if n == 2 else shot)(page, f"phone-3-commit-{n}")
        commit(page, f"随便几个字 {n}")
    for n, page in enumerate(witnesses):
        page.reload()  # nothing is lost
        (checked if n == 0 else shot)(page, f"phone-4-reveal-{n}")
        reveal(page)
        assert page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('witness:')).length") == 0
    expect(wall.locator("button[value=hold]")).to_be_visible(timeout=8000)
    checked(wall, "wall-3-revealed-zh")
    press(wall, "hold")
    expect(wall.locator(".tile")).to_have_count(2)
    expect(wall.locator(".to-come")).to_have_count(0, timeout=15_000)
    checked(wall, "wall-4-drawn-zh")
    wall.click(".shows a:has-text('均衡情况')")
    checked(wall, "wall-5-balance-zh")
    wall.click(".shows a:has-text('2') >> nth=-1")
    expect(wall.locator(".roster li").first).to_contain_text("*")
    shot(wall, "wall-6-roster-zh")

    # What is public: the bundle with its proof, the minutes, masked rosters; and every family is told.
    public = hall.phone().new_page()
    public.goto(f"/schools/{school}")
    href = public.locator(f"a[href='/draws/{key}/bundle.json']").first.get_attribute("href") or ""
    assert all(step.ok for step in verify_bundle(public.request.get(href).json()))
    public.goto(f"/draws/{key}")
    checked(public, "public-zh")
    paper = public.request.get(public.locator("a[href$='minutes.pdf']").get_attribute("href") or "")
    assert paper.ok and paper.body().startswith(b"%PDF")
    with hall.open():
        names = prepare.names_of(made).values()
        assert Place.objects.filter(ceremony=made, application__messages__code="classed").count() == pupils
    text = public.inner_text("body")
    assert not any(name in text for name in names)

    # The teachers' draw: the same witnesses, and the button on the parents' phone.
    wall.goto("/s/classes")
    wall.once("dialog", lambda d: d.accept())
    wall.click("button[value=publish]")
    wall.wait_for_url("**/p/*")
    press(wall, "open")
    for page in witnesses:
        page.click("main .note a")
        commit(page)
    for page in witnesses:
        page.reload()
        reveal(page)
    first.click("button[value=hold]")
    expect(first.locator("a.btn[href^='/draws/']")).to_be_visible()
    expect(wall.locator(".pairs li")).to_have_count(2, timeout=8000)
    checked(wall, "wall-7-teachers-zh")
    with hall.open():
        drawn = TeacherTeam.objects.filter(school=school).values_list("number", flat=True)
        assert sorted(drawn) == [1, 2]


@pytest.mark.slow
def test_nothing_is_lost_when_the_server_is_killed_at_any_step(hall: Hall, schools: list[Any]) -> None:
    from ruxue.algorithms.bundle import verify_bundle

    made = published(hall, schools[1].code, 2)
    wall = hall.operator(schools[1].district_id)
    wall.goto(f"/p/{made.key}")
    links = tokens(hall, made)
    pages = {code: join(hall, links[code], "见证人") for code in ("parent", "committee")}
    third = hall.phone().new_page()
    third.goto(f"/w/{links['bureau']}")
    third.fill("#name", "张三")

    def survive(step: Callable[[], None], page: Page) -> None:
        """The step is taken while no server is there; once it is back, the page goes on by itself."""
        hall.kill()
        step()
        expect(page.locator("#offline")).to_be_visible(timeout=8000)
        hall.revive()
        expect(page.locator("#offline")).to_be_hidden(timeout=8000)

    survive(lambda: third.click("main form button"), third)
    expect(third.locator("main p.ok")).to_be_visible()
    pages["bureau"] = third
    wall.reload()
    hall.kill()
    expect(wall.locator("#offline")).to_be_visible(timeout=8000)
    hall.revive()
    expect(wall.locator("#offline")).to_be_hidden(timeout=8000)
    press(wall, "open")
    for page in pages.values():
        expect(page.locator("#words")).to_be_visible(timeout=8000)
        page.fill("#words", "几个字")

    def send_commitment() -> None:
        third.click("form[data-witness=commit] button")

    survive(send_commitment, third)
    expect(third.locator("form[data-witness=commit]")).to_have_count(0)
    commit(pages["parent"])
    commit(pages["committee"])
    expect(third.locator("form[data-witness=reveal]")).to_be_visible(timeout=8000)
    survive(lambda: third.click("form[data-witness=reveal] button"), third)
    expect(third.locator("[data-witness-done]")).to_be_visible()
    for code in ("parent", "committee"):
        pages[code].reload()
        reveal(pages[code])
    wall.reload()
    hall.kill()  # before the click
    hall.revive()
    press(wall, "hold")
    expect(wall.locator(".tile")).to_have_count(2)
    hall.kill()  # and after it
    hall.revive()
    bundle = wall.request.get(f"/draws/{made.key}/bundle.json").json()
    assert all(step.ok for step in verify_bundle(bundle))


@pytest.mark.slow
def test_a_phone_without_network_keeps_its_words_and_its_secret(hall: Hall, schools: list[Any]) -> None:
    made = published(hall, schools[2].code)
    pages = join_all(hall, made)
    wall = hall.operator(schools[2].district_id)
    wall.goto(f"/p/{made.key}")
    press(wall, "open")
    page = pages["parent"]
    expect(page.locator("#words")).to_be_visible(timeout=8000)
    page.fill("#words", "还没写完")
    commit(pages["committee"])
    page.wait_for_timeout(3000)  # the page renews itself under the typing
    assert page.input_value("#words") == "还没写完"
    page.context.set_offline(True)
    page.click("form[data-witness=commit] button")
    expect(page.locator("#offline")).to_be_visible(timeout=8000)
    secrets = "Object.entries(localStorage).filter(([k]) => k.startsWith('witness:')).map(([, v]) => v)"
    before = page.evaluate(secrets)
    page.context.set_offline(False)
    expect(page.locator("form[data-witness=commit]")).to_have_count(0, timeout=8000)
    assert page.evaluate(secrets) == before and len(before) == 1

    # A wrong secret is refused in public; the right one still counts. The bureau's witness lost its phone's memory.
    commit(pages["bureau"])
    lost = pages["bureau"]
    right = lost.evaluate(secrets)[0]
    lost.evaluate("localStorage.clear()")
    lost.reload()
    lost.fill("#secret", "ab" * 32)
    lost.click("form[data-witness=reveal] button")
    expect(lost.locator("[role=alert]").first).to_contain_text("没有接受")
    expect(wall.locator(".hall .bad")).to_contain_text("区教体局代表", timeout=8000)
    lost.fill("#secret", right)
    reveal(lost)
    page.reload()
    reveal(page)

    # The committee's withholds: the draw is void with its role, nobody can draw, and the repeat names a beacon.
    wall.reload()
    assert wall.locator("button[value=hold]").count() == 0
    wall.click(".operator summary")
    wall.click("button[value=void]")
    expect(wall.locator(".verdict")).to_be_visible()
    expect(wall.locator("#live")).to_contain_text("家委会代表未公开秘密")
    checked(wall, "wall-void-zh")
    expect(pages["committee"].locator(".bad-note")).to_contain_text("作废", timeout=8000)
    token = wall.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value") or ""
    headers = {"Referer": wall.url}
    wall.request.post(wall.url, form={"do": "hold", "csrfmiddlewaretoken": token}, headers=headers)
    wall.goto(f"/s/classes?school={schools[2].code}")
    expect(wall.locator("#classes-source")).to_be_visible()
    wall.fill("#classes-round", "2026-08-20")
    wall.fill("#classes-known", "2026-08-20T15:00")
    wall.once("dialog", lambda d: d.accept())
    wall.click("main button[value=publish]")
    wall.wait_for_url("**/p/*")
    expect(wall.locator("#live")).to_contain_text("上证指数收盘点位 2026-08-20")
    from ruxue.classes.models import Ceremony

    with hall.open():
        states = list(Ceremony.objects.filter(school=schools[2].code).order_by("id").values_list("state", "seed"))
    assert states == [("void", ""), ("published", "")]


@pytest.mark.slow
def test_a_missing_witness_is_replaced_and_two_operators_do_it_once(hall: Hall, schools: list[Any]) -> None:
    from ruxue.classes.models import Act

    made = published(hall, schools[3].code)
    pages = join_all(hall, made)
    one, two = hall.operator(schools[3].district_id), hall.operator(f"school-{schools[3].code.lower()}")
    one.goto(f"/p/{made.key}")
    two.goto(f"/p/{made.key}")
    one.click(".operator summary")
    one.select_option("#who", "bureau")
    one.fill("#gone", "临时有事，没有到场")
    one.click("button[value=replace]")
    expect(one.locator(".seat-qr")).to_have_count(1)
    assert one.locator("button[value=open]").count() == 0
    link = one.locator(".people a").get_attribute("href") or ""
    pages["bureau"].goto(pages["bureau"].url)
    expect(pages["bureau"].locator("h1")).to_contain_text(re.compile("."))
    assert pages["bureau"].locator("#words, form").count() <= 1  # the old link is dead
    pages["bureau"] = join(hall, link.rsplit("/", 1)[1], "赵六")
    for page in (one, two):
        page.reload()
    expect(two.locator("button[value=open]")).to_be_visible()
    press(one, "open")
    press(two, "open")  # a late second operator
    expect(two.locator(".note.good")).to_contain_text("做过这一步")
    reveal_all(hall, made)

    # Both click at the same moment.
    def click(page: Page) -> dict[str, Any]:
        token = page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value") or ""
        cookies = {c["name"]: c["value"] for c in page.context.cookies()}
        return {"data": {"do": "hold", "csrfmiddlewaretoken": token}, "cookies": cookies}

    import httpx

    answers: list[int] = []
    sent = [click(one), click(two)]
    url = f"{hall.site.address}/p/{made.key}"
    threads = [
        threading.Thread(target=lambda s=s: answers.append(httpx.post(url, headers={"Referer": url}, **s).status_code))
        for s in sent
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [302, 302]
    with hall.open():
        made.refresh_from_db()
        assert made.state == "drawn" and Act.objects.filter(ceremony=made, step="hold").count() == 1
        steps = list(Act.objects.filter(ceremony=made, step="replace").values_list("note", flat=True))
    assert steps == ["临时有事，没有到场"]
    public = hall.phone().new_page()
    paper = public.request.get(f"/p/{made.key}/minutes.pdf")
    assert paper.ok


def test_strangers_can_neither_operate_nor_join(hall: Hall, schools: list[Any]) -> None:
    made = published(hall, schools[4].code)
    page = hall.phone().new_page()
    page.goto(f"/p/{made.key}")
    assert page.locator("svg.segno, .hall-qr, .seat-qr, .operator").count() == 0
    token = page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value") or ""
    for do in ("open", "hold", "void", "start_lot"):
        answer = page.request.post(
            f"/p/{made.key}", form={"do": do, "why": "x", "csrfmiddlewaretoken": token}, headers={"Referer": page.url}
        )
        assert answer.status == 404
    page.goto(f"/p/{made.key}/here/guessed")
    page.fill("#receipt", made.manifest["entries"][0]["code"])
    page.click("main form button")
    expect(page.locator("[role=alert]")).to_contain_text("重新扫码")
    assert page.request.get(f"/w/{made.key}").status == 404
