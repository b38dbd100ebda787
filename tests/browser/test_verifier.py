"""The page that verifies bundles, in a real browser: from the site, from a saved file, without network, on small screens."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from ruxue.algorithms import bundle, draw
from tests.algorithms.test_bundle import PUBLIC, TRUE
from tests.browser.conftest import Site, serious

PAGE = Path(__file__).parents[2] / "src" / "ruxue" / "web" / "static" / "dist" / "verifier.html"
SMALL = [
    (320, 700, True, "zh"),
    (390, 844, False, "zh"),
    (390, 844, False, "en"),
    (1440, 900, False, "zh"),
    (1440, 900, False, "en"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles of each kind as files, true and changed, and the page with the key of their log."""
    folder = tmp_path_factory.mktemp("bundles")
    for kind, body in TRUE.items():
        (folder / f"{kind}.json").write_bytes(bundle.to_bytes(body))
    true = bundle.to_bytes(TRUE["classes"])
    first = TRUE["classes"]["result"]["classes"]["1"][0]
    other = TRUE["classes"]["result"]["classes"]["2"][0]
    changed = true.replace(f'"1":["{first}"'.encode(), f'"1":["{other}"'.encode())
    assert changed != true
    (folder / "changed.json").write_bytes(changed)
    page = PAGE.read_text(encoding="utf-8").replace('log-key" content=""', f'log-key" content="{PUBLIC}"')
    (folder / "page.html").write_text(page, encoding="utf-8")
    return folder


def picture(page: Page, name: str) -> None:
    """Keeps a picture to be looked at, where `RUXUE_SHOTS=FOLDER` asks for them."""
    if folder := os.environ.get("RUXUE_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/verifier-{name}.png", full_page=True)


def verdict(page: Page) -> tuple[str, str, str]:
    """State, code and field of the verdict, once it is there."""
    found = page.locator("#verdict:not([data-state=working])")
    found.wait_for()
    return tuple(found.get_attribute(f"data-{name}") or "" for name in ("state", "code", "field"))  # type: ignore[return-value]


def offline(site: Site, page_file: Path, width: int = 390, height: int = 844) -> tuple[Page, list[str]]:
    """A page from a file in a browser without network, and what went wrong or was asked of the network."""
    context = site.browser.new_context(viewport={"width": width, "height": height})
    context.set_offline(True)
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    page.goto(page_file.as_uri())
    return page, wrong


@pytest.mark.parametrize(("width", "height", "large", "language"), SMALL)
def test_a_file_from_the_phone_is_checked_without_network(
    site: Site, files: Path, width: int, height: int, large: bool, language: str
) -> None:
    page, wrong = offline(site, files / "page.html", width, height)
    if language == "en":
        page.click("#language")
    if large:
        page.click("#larger")
    for kind in TRUE:
        page.set_input_files("#file", files / f"{kind}.json")
        assert verdict(page) == ("good", "ledger", ""), kind
        assert page.locator("ol.steps li.good").count() == 6
    page.set_input_files("#file", files / "classes.json")
    verdict(page)
    page.fill("#code", " p07 ")
    page.click("#look")
    number = next(n for n, codes in TRUE["classes"]["result"]["classes"].items() if "P07" in codes)
    assert number in page.inner_text(".child .answer")
    assert set(page.locator(".child li").all_inner_texts()) == set(TRUE["classes"]["result"]["classes"][number])
    picture(page, f"true-{language}-{width}")
    page.fill("#code", "X99")
    page.click("#look")
    assert "X99" in page.inner_text("#child .error")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert serious(page) == []
    page.set_input_files("#file", files / "changed.json")
    assert verdict(page) == ("bad", "result", "/result/classes/1/0")
    picture(page, f"changed-{language}-{width}")
    assert page.locator("#code").count() == 0  # who trusts no file looks for no child in it
    assert page.evaluate("document.activeElement.id") == "verdict"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert serious(page) == []
    assert wrong == []


def test_a_lottery_tells_rank_ticket_and_seat(site: Site, files: Path) -> None:
    page, _ = offline(site, files / "page.html")
    page.set_input_files("#file", files / "lottery.json")
    verdict(page)
    page.fill("#code", "A06")
    page.keyboard.press("Enter")
    text = page.inner_text(".child")
    assert "没有录取" in text and "第 6 位" in text and "A07" in text
    assert "fdd50f5cc077b2682817d9a2174e7cb526550281eadb7add3bbe1dbe5d7bc836" in text.replace("\n", "")


def test_a_text_is_pasted_and_languages_switch_from_the_keyboard(site: Site, files: Path) -> None:
    page, wrong = offline(site, files / "page.html")
    page.keyboard.press("Tab")  # the link to the content
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.click("summary:has-text('paste')")
    page.fill("#text", json.dumps(json.loads((files / "lottery.json").read_bytes()), indent=2, ensure_ascii=False))
    page.click("#check")
    assert verdict(page)[0] == "good"
    page.click("#language")
    assert "全部一致" in page.inner_text("#verdict")
    assert wrong == []


def test_another_key_of_the_log_is_refused(site: Site, files: Path) -> None:
    other = files / "other.html"
    other.write_text((files / "page.html").read_text(encoding="utf-8").replace(PUBLIC, "00" * 32), encoding="utf-8")
    page, _ = offline(site, other)
    page.set_input_files("#file", files / "lottery.json")
    assert verdict(page) == ("bad", "key", "/ledger/public_key")


@pytest.fixture(scope="module")
def drawn(site: Site, django_db_blocker: Any) -> Any:
    """A class assignment of the played season, drawn and sealed; held here if no other test has held one."""
    with django_db_blocker.unblock():
        from ruxue.applications.machine import By
        from ruxue.applications.states import Actor
        from ruxue.classes import ceremony
        from ruxue.classes.models import Ceremony
        from ruxue.ledger import clock, log
        from ruxue.places.models import School
        from ruxue.simulation import season as play

        made = Ceremony.objects.filter(state="drawn", kind="classes").first()
        if made is None:
            clock.stop_at(play.at(2026, 8, 20))
            school = School.objects.filter(offers__application__state="accepted").distinct().order_by("code").first()
            assert school is not None
            made = ceremony.open_classes(site.world.player.seasons[school.district_id], school)
            secrets = {w: hashlib.sha256(w.code.encode()).digest() for w in made.witnesses.all()}
            for witness, secret in secrets.items():
                digest = bytes.fromhex(made.digest)
                ceremony.commit(witness.token, draw.commitment(digest, witness.code, secret).hex())
            for witness, secret in secrets.items():
                ceremony.reveal(witness.token, secret.hex())
            made = ceremony.hold(made.key, By(Actor.DISTRICT))
        log.seal()
        return made


def test_a_draw_is_checked_on_the_site_saved_and_checked_again(site: Site, drawn: Any, tmp_path: Path) -> None:
    page = site.context("en").new_page()
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.goto(f"/draws/{drawn.key}")
    page.click("text=Check it yourself")
    assert verdict(page) == ("good", "ledger", "")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert serious(page) == []
    with page.expect_download() as download:
        page.click("#save")
    saved = tmp_path / "saved.html"
    download.value.save_as(saved)
    assert re.search(r'log-key" content="[0-9a-f]{64}"', saved.read_text(encoding="utf-8"))
    again, trouble = offline(site, saved)
    assert verdict(again) == ("good", "ledger", "")
    code = drawn.manifest["entries"][0]["code"]
    again.fill("#code", code)
    again.click("#look")
    assert again.locator(".child .me").inner_text() == code
    assert wrong == [] and trouble == []
    answer = page.goto("/verify")
    assert answer is not None and "connect-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
