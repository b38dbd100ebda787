"""A register is wrong: its department is asked over the connector, and its answer closes the loop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from django.conf import settings
from django.utils import timezone

from ruxue.applications import disputes, jobs, stored_facts, verify
from ruxue.applications.machine import By
from ruxue.applications.models import Application, Message
from ruxue.applications.reasons import REASONS
from ruxue.applications.states import Actor, State
from ruxue.exchange import connections, inquiries
from ruxue.exchange.items import sign
from ruxue.exchange.models import Correction
from ruxue.ledger import clock

from .conftest import Desk

pytestmark = pytest.mark.usefixtures("db_world")
BOOK = "/ps/corrections"


@pytest.fixture
def family(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Application:
    """A family that data alone confirmed; the police take correction requests, and stand between it and the registers."""
    register = settings.DEPARTMENTS_URL
    state: dict[str, Any] = {"entered_on": None, "decision": "open"}
    desk.register = state  # type: ignore[attr-defined]

    def handle(path: str, headers: dict[str, str], body: Any) -> Any:
        if path.startswith(BOOK):
            said = {"state": state["decision"], "answer": "已核实" if state["decision"] != "open" else ""}
            return (200, {}, said) if path != BOOK else (200, {}, {"reference": "PS-7", "state": "open"})
        raw = orjson.dumps(body)
        sent = {k: v for k, v in headers.items() if k in ("x-client", "x-signature", "content-type")}
        reply = orjson.loads(httpx.post(register + path, content=raw, headers=sent).content)
        for answer in reply.get("answers", []):
            if state["entered_on"] and answer["item"] == "PS2" and answer["fields"]:
                answer["fields"]["entered_on"] = state["entered_on"]
                answer["sign"] = sign(answer, settings.DEPARTMENTS_KEY.encode())
        return 200, {}, reply

    desk.handle = handle
    setups = {
        d: {"url": desk.url if d == "PS" else register, "corrections": BOOK if d == "PS" else ""}
        for d in ("PS", "NR", "HC", "HR", "MR", "ED")
    }
    made = connections.parse(orjson.dumps({"departments": setups}).decode(), "test")
    monkeypatch.setattr(connections, "current", lambda: made)
    clock.stop_at(datetime(2026, 4, 6, 1, tzinfo=UTC))
    row = Application.objects.filter(basis="owned", by_human=False, claim_version=1).exclude(category="").first()
    assert row is not None
    row.state, row.deadline = State.AUTO_PASSED, None
    row.save()
    return Application.objects.select_related("season__district", "compound", "guardian").get(pk=row.pk)


def complain(family: Application) -> Correction:
    query = inquiries.effective(family.key, family.claim_version)["PS2", ""]
    return disputes.dispute(family.key, family.guardian, query.request_id, "entered_on", "2019年5月")


def requests(desk: Desk) -> list[Any]:
    return [(path, body) for path, _, body in desk.asked if path.startswith(BOOK)]


def look_again(made: Correction) -> None:
    """The time until the department is asked what came of it passes."""
    Correction.objects.filter(pk=made.pk).update(next_try_at=timezone.now() - timedelta(seconds=1))


def test_a_corrected_register_is_asked_again_and_the_family_is_decided_anew(family: Application, desk: Desk) -> None:
    made = complain(family)
    jobs.sweep(0)
    made.refresh_from_db()
    assert (made.state, made.reference) == ("sent", "PS-7")
    ((path, body),) = requests(desk)
    assert path == BOOK and (body["wrong"], body["says"], body["item"]) == ("entered_on", "2019年5月", "PS2")
    assert body["answer_digest"] == made.query.answer_digest and body["legal_basis"]

    jobs.sweep(0)
    assert len(requests(desk)) == 1, "the department is left time"
    look_again(made)
    jobs.sweep(0)
    made.refresh_from_db()
    assert made.state == "sent" and requests(desk)[1][0] == f"{BOOK}/{made.key}"

    desk.register.update(entered_on="2019-05-06", decision="corrected")  # type: ignore[attr-defined]
    look_again(made)
    jobs.sweep(0)
    made.refresh_from_db()
    assert (made.state, made.answer, made.answered_by) == ("corrected", "已核实", "公安局")
    verify.verify_waiting()
    family.refresh_from_db()
    assert family.state == State.AUTO_PASSED
    assert str(stored_facts.unpack(family.facts)["child.hukou_entry_on"].value) == "2019-05-06"
    look_again(made)
    before = len(requests(desk))
    jobs.sweep(0)
    assert len(requests(desk)) == before, "what is answered is not asked about"


def test_a_register_that_stands_leaves_the_way_by_papers(family: Application, desk: Desk) -> None:
    made = complain(family)
    desk.register.update(decision="kept")  # type: ignore[attr-defined]
    for _ in range(2):
        look_again(made)
        jobs.sweep(0)
    made.refresh_from_db()
    family.refresh_from_db()
    assert made.state == "kept" and family.state == State.NEED_INFO and family.needed == ["register_kept"]
    assert Message.objects.filter(application=family, code="register_kept").exists()


def test_a_correction_that_changes_nothing_leaves_a_next_step(family: Application, desk: Desk) -> None:
    made = complain(family)
    other = inquiries.effective(family.key, family.claim_version)["PS1", "child"]
    second = disputes.dispute(family.key, family.guardian, other.request_id, "other", "姓名用字")
    disputes.settle(second.key, False, "", By(Actor.DISTRICT))
    family.refresh_from_db()
    assert family.needed == ["register_disputed"], "one request is still open"
    disputes.settle(made.key, True, "已更正", By(Actor.DISTRICT))
    verify.verify_waiting()
    family.refresh_from_db()
    assert family.state == State.NEED_INFO and family.needed == ["register_corrected"]
    assert REASONS["register_corrected"].actions and REASONS["register_kept"].actions


def test_a_request_that_does_not_arrive_is_sent_again(family: Application, desk: Desk) -> None:
    made, right = complain(family), desk.handle
    desk.handle = lambda path, headers, body: (503, {}, {})
    jobs.sweep(0)
    made.refresh_from_db()
    assert made.state == "open" and made.next_try_at > timezone.now()
    desk.handle = right
    look_again(made)
    jobs.sweep(0)
    made.refresh_from_db()
    assert made.state == "sent"
