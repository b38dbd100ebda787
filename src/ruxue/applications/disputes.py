"""A family says that a register is wrong: its keeper is asked to correct it, and papers count from the same moment."""

from __future__ import annotations

import uuid

from django.db import transaction

from ruxue.accounts.models import User
from ruxue.applications import verify
from ruxue.applications.machine import SYSTEM, By, change, locked
from ruxue.applications.models import Application, Message
from ruxue.applications.states import Actor, State
from ruxue.exchange import corrections
from ruxue.exchange.models import Correction, Query
from ruxue.ledger import clock

OPEN_TO = frozenset({State.NEED_INFO, State.RETURNED, State.SCHOOL_REVIEW, State.AUTO_PASSED, State.CLASSIFIED})


@transaction.atomic
def dispute(key: str, user: User, request_id: uuid.UUID, wrong: str, says: str) -> Correction:
    """Sends a correction request and opens the way by papers at once.

    Raises ValueError where the answer is not the family's, is missing, or the result is published already.
    """
    row = locked(key)
    if row.guardian_id != user.pk or row.state not in OPEN_TO:
        raise ValueError("this application is not open to corrections of registers now")
    query = Query.objects.filter(request_id=request_id, subject=row.key).first()
    if query is None:
        raise ValueError("there is no such question about this application")
    made = corrections.request(query, wrong, says)
    if row.state in (State.AUTO_PASSED, State.CLASSIFIED):
        row.deadline = verify.deadline(row.season)
        change(row, "dispute", By(Actor.GUARDIAN, user), "register_disputed", needed=["register_disputed"])
    elif "register_disputed" not in row.needed:
        row.needed = [*row.needed, "register_disputed"]
        row.save(update_fields=["needed"])
    return made


@transaction.atomic
def settle(key: str, corrected: bool, answer: str, by: By) -> Correction:
    """The department's answer to a correction request. Corrected: the question is asked again, and what it changes
    is decided anew. Raises Correction.DoesNotExist, ValueError."""
    made = corrections.answer(key, corrected, answer, str(by.user) if by.user else "")
    row = Application.objects.select_related("season__district", "compound").filter(key=made.subject).first()
    if row is not None:
        code = "register_corrected" if corrected else "register_kept"
        _close(row, code)
        Message.objects.create(application=row, code=code, at=clock.now())
        if corrected:
            verify.ask_again(row, made.item, made.query.part)
    return made


def _close(row: Application, code: str) -> None:
    """What the family's page says instead of the open dispute, once the last of its requests is answered."""
    kept = locked(row.key)
    if "register_disputed" in kept.needed and not corrections.is_live(row.key):
        kept.needed = list(dict.fromkeys(code if n == "register_disputed" else n for n in kept.needed))
        kept.save(update_fields=["needed"])


def exchange() -> int:
    """Takes correction requests to the departments and their answers back; returns how many were answered."""
    taken = 0
    for found in corrections.exchange():
        try:
            settle(found.key, found.corrected, found.answer, SYSTEM)
        except ValueError:  # answered by hand meanwhile
            continue
        taken += 1
    return taken
