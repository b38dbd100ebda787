"""After the offers: children report at their school with the notice, the school hands them to the pupil register, and
the register remembers whose home has used its seat (学位锁定)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import xlsxwriter
from django.db import transaction

from ruxue import crypto
from ruxue.admissions import notices
from ruxue.admissions.models import Notice, SeatLock
from ruxue.algorithms import identity
from ruxue.applications.machine import By, change_many
from ruxue.applications.models import Application
from ruxue.applications.states import State
from ruxue.ledger import clock, log
from ruxue.places.models import School, Season

COLUMNS = (
    "姓名",
    "性别",
    "出生日期",
    "出生地",
    "籍贯",
    "民族",
    "国籍/地区",
    "身份证件类型",
    "身份证件号",
    "港澳台侨外",
    "政治面貌",
    "健康状况",
    "照片",
    "姓名拼音",
    "曾用名",
    "证件有效期",
    "户口所在地",
    "户口性质",
    "特长",
    "学籍辅号",
    "班内学号",
    "年级",
    "班级",
    "入学年月",
    "入学方式",
    "就读方式",
    "学生来源",
    "现住址",
    "通信地址",
    "家庭地址",
    "联系电话",
    "邮编",
    "是否独生",
    "是否受过学前教育",
    "是否留守",
    "是否进城务工随迁",
    "是否孤儿",
    "是否烈士优抚",
    "随班就读",
    "残疾类型",
)
"""The columns of the national template, in its order. What may not be asked at application stays empty: the school asks
for it when the child reports.
"""


class NoticeError(ValueError):
    """A notice that no child can report with; `code` says why: unknown, elsewhere, used, not_classed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def report(number: str, school: School, by: By) -> Application:
    """A child reports at its school with its notice, whose number serves once. Raises NoticeError; nothing is changed."""
    return report_many([number], school, by)[0]


@transaction.atomic
def report_many(numbers: Sequence[str], school: School, by: By) -> list[Application]:
    """Children report with their notices, all or none. Raises NoticeError for the first that can't; nothing is changed."""
    wanted = [number.strip() for number in numbers]
    found = {
        n.number: n
        for n in Notice.objects.select_for_update(of=("self",))
        .select_related("offer__application__season")
        .defer("offer__application__claim")
        .filter(number__in=wanted)
    }
    reporting, now = [], clock.now()
    for number in wanted:
        notice = found.get(number)
        if notice is None or not notices.is_genuine(notice):
            raise NoticeError("unknown")
        if notice.offer.school_id != school.code:
            raise NoticeError("elsewhere")
        if notice.used_at is not None:
            raise NoticeError("used")
        notice.used_at = now
        reporting.append(notice.offer.application_id)
    rows = list(
        Application.objects.select_for_update(of=("self",)).defer("claim").filter(pk__in=reporting).order_by("pk")
    )
    if any(row.state != State.CLASSED for row in rows):
        raise NoticeError("not_classed")
    change_many(rows, "report", by)
    Notice.objects.filter(number__in=wanted).update(used_at=now)
    return rows


@transaction.atomic
def register(season: Season, school: School, by: By) -> int:
    """Hands all who have reported to the pupil register, and locks their homes' seats. Returns how many."""
    rows = list(
        Application.objects.select_for_update(of=("self",))
        .filter(season=season, offer__school=school, state=State.REPORTED)
        .order_by("pk")
    )
    stage = "nine_year" if school.nine_year else school.level
    SeatLock.objects.bulk_create(
        [
            SeatLock(
                application=row,
                school=school,
                dwelling=dwelling(row),
                parents=_parents(row),
                home="public_rental" if row.facts.get("dwelling.kind", [""])[0] == "public_rental" else "",
                stage=stage,
                since=season.year,
            )
            for row in rows
            if dwelling(row)
        ],
        batch_size=1000,
    )
    return change_many(rows, "register", by)


def dwelling(row: Application) -> str:
    """Keyed digest of the home that an application names, "" where compound or room is missing.

    Rooms are compared by their numbers, as 3号楼2单元501室 and 3-2-501 are one.
    """
    room = str(row.claim.get("room", ""))
    numbers = "-".join(re.findall(r"[0-9]+", room)) or "".join(room.split())
    return crypto.blind_index(f"{row.compound_id}/{numbers}", "dwelling") if row.compound_id and numbers else ""


def _parents(row: Application) -> list[str]:
    people = (row.claim.get(part) or {} for part in ("guardian", "second_guardian"))
    return sorted(
        crypto.blind_index(p["id_number"], "parent")
        for p in people
        if p.get("id_number") and p.get("relation") in ("father", "mother")
    )


def locks_on(season: Season, rows: Iterable[Application]) -> dict[int, list[dict[str, Any]]]:
    """The locks on the homes that applications name, as a round's inputs hold them, by application.

    `same_parents`: whether a parent is the same; None where either side knows none.
    """
    named = {row.pk: (dwelling(row), set(_parents(row))) for row in rows}
    found: dict[str, list[SeatLock]] = {}
    held = SeatLock.objects.filter(dwelling__in={home for home, _ in named.values() if home}, since__lt=season.year)
    for lock in held.order_by("since", "pk"):
        found.setdefault(lock.dwelling, []).append(lock)
    return {
        pk: [
            {
                "school": lock.school_id,
                "stage": lock.stage,
                "since": lock.since,
                "grade": 1,
                "left": lock.left,
                "home": lock.home,
                "same_parents": bool(parents & set(lock.parents)) if parents and lock.parents else None,
            }
            for lock in found[home]
        ]
        for pk, (home, parents) in named.items()
        if home in found
    }


@transaction.atomic
def leave(receipt: str, how: str, by: By) -> SeatLock:
    """A pupil has left: whether that frees the home for another family is the rule's to say. Once said it stays.

    Raises SeatLock.DoesNotExist, and ValueError for a way to leave that is none.
    """
    if how not in SeatLock.Left.values:
        raise ValueError(how)
    lock = (
        SeatLock.objects.select_for_update(of=("self",))
        .select_related("application")
        .get(application__receipt=receipt.strip().upper())
    )
    if not lock.left:
        lock.left, lock.left_at = how, clock.now()
        lock.save()
        log.append("seat_lock", lock.application.key, {"left": how, "by": str(by.kind)})
    return lock


_ID_TYPES = {None: "1", "hk": "6", "macau": "7", "taiwan": "8", "foreign": "9"}
"""Codes of the template's 身份证件类型 by whose permit the number is."""


def _cells(row: Application) -> dict[str, str]:
    child = row.claim["child"]
    number = str(child["id_number"]).upper()
    permit = identity.permit_of(number)
    place = getattr(row, "class_place", None)
    hukou = row.facts.get("child.hukou_district")
    near = row.offer.kind == "zone"
    home = f"{row.compound.address}{row.compound.name}{row.claim.get('room', '')}" if row.compound else ""
    return {
        "姓名": str(child["name"]),
        "性别": "女" if row.sex == "F" else "男",
        "出生日期": f"{row.born_on:%Y%m%d}" if row.born_on else "",
        # What a permit's number does not say, its holder does when the child reports.
        "国籍/地区": "" if permit else "中国",
        "身份证件类型": _ID_TYPES[permit],
        "身份证件号": number,
        "港澳台侨外": "" if permit else "00",
        "年级": "一年级" if row.season.level == "primary" else "七年级",
        "班级": f"{place.number}班" if place else "",
        "入学年月": f"{row.season.year}09",
        "入学方式": "11" if near else "12",
        "现住址": home,
        "家庭地址": home,
        "联系电话": str(row.guardian.phone or ""),
        "户口所在地": "" if not hukou else row.season.district.name_zh if hukou[0] == row.season.district_id else "",
    }


def workbook(rows: Sequence[Application], footer: str) -> bytes:
    """The register's import sheet (.xlsx), all cells as text so that no digit of a number is lost; `footer` on print."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False})
    sheet = book.add_worksheet("学籍")
    text = book.add_format({"num_format": "@"})
    for column, name in enumerate(COLUMNS):
        sheet.write_string(0, column, name, text)
    for line, row in enumerate(rows, 1):
        known = _cells(row)
        for column, name in enumerate(COLUMNS):
            sheet.write_string(line, column, known.get(name, ""), text)
    sheet.set_footer(f"&L{footer}")
    book.close()
    return out.getvalue()
