"""Admission notices as PDF: signed, with a QR code that leads to the public page which verifies them."""

from __future__ import annotations

import io
import json
from datetime import datetime
from functools import cache
from pathlib import Path

import segno
import typst
from cryptography.exceptions import InvalidSignature
from django.conf import settings

from ruxue import crypto
from ruxue.admissions.models import Notice
from ruxue.applications.states import ANSWERED
from ruxue.ledger import clock
from ruxue.places import seasons
from ruxue.places.models import Window

_TEMPLATE = Path(__file__).with_name("notice.typ")
FONTS = settings.BASE / "web" / "static" / "dist" / "fonts"


def _signed_text(notice: Notice) -> bytes:
    offer = notice.offer
    return f"ruxue-notice/1 {notice.number} {offer.application.receipt} {offer.school_id} {offer.application.season.key}".encode()


def sign_notice(notice: Notice) -> str:
    """Ed25519 signature (hex) over number, receipt, school and season."""
    return crypto.signing_key().sign(_signed_text(notice)).hex()


def is_genuine(notice: Notice) -> bool:
    """True where the signature is ours and the seat is still accepted."""
    try:
        crypto.signing_key().public_key().verify(bytes.fromhex(notice.signature), _signed_text(notice))
    except (InvalidSignature, ValueError):
        return False
    return notice.offer.application.state in ANSWERED


@cache
def fonts() -> typst.Fonts:
    """The fonts, read once: searching them takes a quarter of the time of a page."""
    return typst.Fonts(include_system_fonts=not FONTS.exists(), font_paths=[str(FONTS)])


def _day(moment: datetime) -> str:
    local = moment.astimezone(clock.CITY_ZONE)
    return f"{local.month}月{local.day}日"


def _between(days: Window) -> str:
    first, last = (t.astimezone(clock.CITY_ZONE) for t in (days.opens_at, days.closes_at))
    return f"between {first.day} {first:%B} and {last.day} {last:%B}"


def pdf(notice: Notice, verify_url: str) -> bytes:
    """The notice as an A4 page. `verify_url` is what the QR code holds."""
    offer = notice.offer
    row = offer.application
    code = io.BytesIO()
    segno.make(verify_url, error="m").save(code, kind="svg", border=0)
    district, season = offer.school.district, row.season
    days = seasons.window(season, "reporting")
    issued = notice.issued_at.astimezone(clock.CITY_ZONE)
    data = {
        "name": row.child_name,
        "school": offer.school.name_zh,
        "school_en": offer.school.name_en or offer.school.name_zh,
        "grade": "七年级" if season.level == "junior" else "一年级",
        "grade_en": "grade 7" if season.level == "junior" else "grade 1",
        "days": f"于{_day(days.opens_at)}至{_day(days.closes_at)}到校报到" if days else "按学校通知的时间报到",
        "days_en": _between(days) if days else "on the day that the school tells you",
        "district": district.name_zh,
        "address": offer.school.address,
        "phone": offer.school.phone,
        "year": season.year,
        "receipt": row.receipt,
        "number": notice.number,
        "url": verify_url,
        "date": f"{issued.year}年{_day(issued)}",
    }
    return typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False), "qr": code.getvalue().decode()},
        font_paths=fonts(),
    )
