"""A real browser against the platform's real processes: web, worker and departments, on the tests' database."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import World

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in str(item.path.parent.name):
            item.add_marker("browser")
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="NO CHROMIUM ON THIS MACHINE: the browser tests did not run"))
    if CHROMIUM is None and items:
        warnings.warn("NO CHROMIUM ON THIS MACHINE: the browser tests are skipped", stacklevel=1)


@dataclass
class Site:
    address: str
    world: World
    browser: Browser

    def context(self, language: str = "zh-hans", width: int = 390, height: int = 844) -> BrowserContext:
        made = self.browser.new_context(viewport={"width": width, "height": height}, base_url=self.address)
        made.add_cookies([{"name": "ruxue_language", "value": language, "url": self.address}])
        made.set_default_timeout(20_000)
        return made


@pytest.fixture(scope="session")
def site(world: World, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    from django.conf import settings
    from django.db import connection

    from ruxue import processes

    port = processes.free_port()
    address = f"http://127.0.0.1:{port}"
    env = {
        "DATABASE_URL": settings.DATABASE_URL,
        "RUXUE_DATABASE": connection.settings_dict["NAME"],
        "RUXUE_DEMO": "1",
        "RUXUE_DEPARTMENTS": world.departments,
        "RUXUE_SEAL": "1",
        "DJANGO_SETTINGS_MODULE": "ruxue.settings",
    }
    with processes.group(world.folder / "log") as group, sync_playwright() as playwright:
        group.start("web", processes.web_command("127.0.0.1", port, 1), env)
        group.start("worker", processes.worker_command(), env)
        processes.wait_for(address + "/", group)
        arguments = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield Site(address, world, browser)
        browser.close()


def sign_in_guardian(page: Page, phone: str) -> None:
    page.goto("/g/signin")
    page.fill("#phone", phone)
    page.click("main form button")
    code = page.inner_text("strong.num")
    page.fill("#code", code)
    page.click("main form button")
    page.wait_for_url("**/g/**")


def sign_in_staff(page: Page, name: str) -> None:
    page.goto("/staff/")
    page.fill("#u", name)
    page.fill("#p", "ruxue-demo")
    page.click("main form button")
    page.wait_for_load_state()


def serious(page: Page) -> list[str]:
    """axe-core's findings of level serious or worse."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:160]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]
