"""Consent: names departments, items, purposes and retention, apart from the terms of use, and can be taken back."""

from __future__ import annotations

from datetime import date

from ruxue.accounts.models import Consent, User
from ruxue.ledger import clock

TEXT_VERSION = "2026-1"


def give(user: User, items: list[str], retention_until: date) -> Consent:
    """Records consent to the queries of `items`; a live one to the same items is kept as it is."""
    live = current(user)
    if live and set(live.items) >= set(items) and live.text_version == TEXT_VERSION:
        return live
    return Consent.objects.create(
        user=user, text_version=TEXT_VERSION, items=items, retention_until=retention_until, given_at=clock.now()
    )


def current(user: User) -> Consent | None:
    """The newest live consent to the text in force."""
    live = Consent.objects.filter(user=user, withdrawn_at=None, text_version=TEXT_VERSION)
    return max(live, key=lambda row: row.pk, default=None)  # "order by id limit 1" would read the table from its end


def withdraw(user: User) -> int:
    """Ends every live consent; queries stop, and the family goes on with documents and the on-site window."""
    return Consent.objects.filter(user=user, withdrawn_at=None).update(withdrawn_at=clock.now())
