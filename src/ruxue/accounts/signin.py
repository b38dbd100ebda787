"""Sign-in of guardians by phone code: throttled by number and by address, six digits, five minutes, five tries."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from ruxue import crypto
from ruxue.accounts import sms
from ruxue.accounts.models import PhoneCode, User
from ruxue.ledger import clock

LIFETIME = timedelta(minutes=5)
PHONE = re.compile(r"1[3-9]\d{9}")


class SignInError(ValueError):
    """`code` names the reason: phone_form, wait, too_many, wrong_code, expired."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Sent:
    on_page: str | None


@transaction.atomic
def send_code(phone: str, address: str) -> Sent:
    """Sends a fresh code. At most one a minute and ten an hour to a number, sixty an hour from an address."""
    if not PHONE.fullmatch(phone):
        raise SignInError("phone_form")
    index, now = crypto.blind_index(phone, "phone"), clock.now()
    recent = PhoneCode.objects.filter(phone_index=index, sent_at__gt=now - timedelta(hours=1), sent_at__lte=now)
    if recent.filter(sent_at__gt=now - timedelta(seconds=60), used=False).exists():
        raise SignInError("wait")
    from_here = PhoneCode.objects.filter(address=address, sent_at__gt=now - timedelta(hours=1), sent_at__lte=now)
    if recent.count() >= 10 or from_here.count() >= 60:
        raise SignInError("too_many")
    code = f"{secrets.randbelow(10**6):06d}"
    PhoneCode.objects.create(
        phone_index=index, address=address, sent_at=now, digest=crypto.blind_index(f"{index}{code}", "code")
    )
    gateway = sms.gateway()
    gateway.send(phone, code)
    return Sent(code if gateway.shows_on_page else None)


def check_code(phone: str, code: str) -> User:
    """The account of `phone` where `code` is its newest, unused and fresh one; raises SignInError otherwise."""
    index, now = crypto.blind_index(phone, "phone"), clock.now()
    row = PhoneCode.objects.filter(phone_index=index, used=False).order_by("-sent_at", "-id").first()
    if row is None or now - row.sent_at > LIFETIME:
        raise SignInError("expired")
    if row.attempts >= 5:
        raise SignInError("too_many")
    if not secrets.compare_digest(row.digest, crypto.blind_index(f"{index}{code.strip()}", "code")):
        PhoneCode.objects.filter(pk=row.pk).update(attempts=F("attempts") + 1)
        raise SignInError("wrong_code")
    if not PhoneCode.objects.filter(pk=row.pk, used=False).update(used=True):
        raise SignInError("expired")
    return User.objects.guardian(phone)
