"""What families and staff see while a department is silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.browser.conftest import AXE, Site, sign_in_guardian, sign_in_staff
from tests.browser.test_screens import VIEWS, look

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not built: run make setup")


@pytest.fixture(scope="module")
def outage(site: Site, django_db_blocker: Any) -> Iterator[dict[str, str]]:
    """The property register is down; one family waits for it, another has disputed what the household register holds."""
    with django_db_blocker.unblock():
        from django.utils import timezone

        from ruxue.applications.models import Application
        from ruxue.exchange import corrections, delivery
        from ruxue.exchange.inquiries import Inquiry, plan
        from ruxue.exchange.models import Correction, Health, Outstanding, Query

        row = (
            Application.objects.filter(basis="owned", season__district="kuiwen")
            .exclude(category="")
            .order_by("id")
            .first()
        )
        assert row is not None
        plan([Inquiry(row.key, "kuiwen", "NR1", row.claim_version, "consent", {"name": "x", "id": "y"}, part="screen")])
        soon = timezone.now() + timedelta(minutes=40)
        Outstanding.objects.filter(subject=row.key).update(failures=4, last_error="timeout", next_try_at=soon)
        Health.objects.filter(item="NR1").update(
            failures=delivery.TRIES_BEFORE_OPEN, open_until=soon, failing_since=timezone.now(), last_error="timeout"
        )
        wrong = Query.objects.filter(subject=row.key, item="PS2", state="answered").first()
        assert wrong is not None
        corrections.request(wrong, "entered_on", "落户日期是2019年5月，登记簿写成了2021年。")
        phone = str(row.guardian.phone)
    yield {"key": row.key, "phone": phone}
    with django_db_blocker.unblock():
        Correction.objects.all().delete()
        Query.objects.filter(subject=row.key, part="screen").delete()
        Health.objects.filter(item="NR1").update(failures=0, open_until=None, failing_since=None, last_error="")


@pytest.mark.parametrize(("language", "size"), VIEWS)
def test_pages_during_an_outage(site: Site, outage: dict[str, str], language: str, size: tuple[int, int]) -> None:
    page = site.context(language, *size).new_page()
    sign_in_guardian(page, outage["phone"])
    look(page, "outage", [f"/g/a/{outage['key']}/asked"], language, size)
    said = "没有答复" if language == "zh-hans" else "does not answer at the moment; we ask again at"
    assert page.get_by_text(said).first.is_visible()
    page = site.context(language, *size).new_page()
    sign_in_staff(page, "kuiwen")
    look(page, "outage", ["/b/departments", "/b/departments/PS2"], language, size)
    page.get_by_role("link", name="重新判断" if language == "zh-hans" else "Replay").first.click()
    assert page.get_by_text("类别" if language == "zh-hans" else "category").first.is_visible()
