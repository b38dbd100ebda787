"""Carries out changes of state: checks them against states.py, records them, and writes them to the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import transaction

from ruxue import crypto
from ruxue.accounts.models import User
from ruxue.algorithms import canonical
from ruxue.applications.models import Application, Message, Transition
from ruxue.applications.states import CHANGES, Actor
from ruxue.ledger import clock, log
from ruxue.ledger.models import Entry


class NotAllowed(ValueError):
    """The change is not possible from the application's state; nothing was changed."""

    def __init__(self, change: str, state: str) -> None:
        super().__init__(f"{change} is not possible while the application is {state}")
        self.change, self.state = change, state


@dataclass(frozen=True)
class By:
    """Who acts: `kind` is checked against the state machine."""

    kind: Actor
    user: User | None = None


SYSTEM = By(Actor.SYSTEM)


def snapshot_digest(application: Application) -> str:
    """Keyed digest of what a decision is about; without the city's key nobody can try names or numbers against it."""
    what = {
        "state": application.state,
        "category": application.category,
        "claim": application.claim_version,
        "child": application.child_index,
        "school": application.school_id or "",
        "order": application.order_keys,
    }
    return crypto.blind_index(hashlib.sha256(canonical.encode(what)).hexdigest(), "snapshot")


def change(application: Application, name: str, by: By, reason: str = "", note: str = "", **updates: object) -> None:
    """One change on a row that the caller has locked in a transaction. Raises NotAllowed."""
    transition, entry = prepare(application, name, by, reason, note, updates)
    application.save()
    transition.save()
    entry.save()
    if reason:
        Message.objects.create(application=application, code=reason, at=transition.at, parameters={})


def change_only(application: Application, name: str, by: By, **updates: object) -> None:
    """As `change`, but writes nothing but the state and `updates`: the claim isn't read or encrypted again."""
    transition, entry = prepare(application, name, by, "", "", updates)
    application.save(update_fields=["state", "changed_at", *updates])
    transition.save(force_insert=True)
    entry.save(force_insert=True)


def prepare(
    application: Application, name: str, by: By, reason: str, note: str, updates: dict[str, object]
) -> tuple[Transition, Entry]:
    """Applies a change to the object in memory and returns the rows that record it, all unsaved."""
    rule = CHANGES[name]
    if application.state not in rule.sources or by.kind not in rule.actors:
        raise NotAllowed(name, application.state)
    before, source = snapshot_digest(application), application.state
    application.state = rule.target
    application.changed_at = clock.now()
    for field, value in updates.items():
        setattr(application, field, value)
    after = snapshot_digest(application)
    transition = Transition(
        application=application,
        name=name,
        source=source,
        target=rule.target,
        actor=by.user,
        actor_kind=by.kind,
        reason=reason,
        note=note,
        before=before,
        after=after,
        at=application.changed_at,
    )
    body = {"change": name, "reason": reason, "by": str(by.kind), "before": before, "after": after}
    return transition, log.entry("decision", application.key, body)


@transaction.atomic
def change_many(
    applications: Iterable[Application],
    name: str,
    by: By | Callable[[Application], By],
    reason: str = "",
    columns: Iterable[str] = (),
) -> int:
    """The same change for many rows that the caller has locked; `columns` are further columns set on the objects, `by`
    who acts, for all of them or for each.
    """
    rows = list(applications)
    made = [prepare(row, name, by if isinstance(by, By) else by(row), reason, "", {}) for row in rows]
    if rows and columns:
        Application.objects.bulk_update(rows, ["state", "changed_at", *columns], batch_size=1000)
    elif rows:
        Application.objects.filter(pk__in=[r.pk for r in rows]).update(
            state=rows[0].state, changed_at=rows[0].changed_at
        )
    Transition.objects.bulk_create([t for t, _ in made], batch_size=1000)
    Entry.objects.bulk_create([e for _, e in made], batch_size=1000)
    if reason:
        now = clock.now()
        Message.objects.bulk_create([Message(application=r, code=reason, at=now) for r in rows], batch_size=1000)
    return len(rows)


def locked(key: str) -> Application:
    """The application, locked until the caller's transaction ends. Raises Application.DoesNotExist."""
    return Application.objects.select_for_update(of=("self",)).select_related("season__district", "school").get(key=key)
