"""The minutes of a ceremony as PDF: time, place, witnesses, digests, report, what went wrong; a QR to its public page."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import segno
import typst
from django.utils import translation
from django.utils.translation import gettext as _

from ruxue.admissions.notices import fonts
from ruxue.classes import report
from ruxue.classes.models import Act, Ceremony, Witness
from ruxue.ledger import clock

_TEMPLATE = Path(__file__).with_name("minutes.typ")


def title_text(made: Ceremony) -> str:
    """The title in the language of the page; the manifest's own is Chinese."""
    if not (translation.get_language() or "").startswith("en"):
        return str(made.manifest["title"])
    kinds = {
        "classes": _("class assignment"),
        "teachers": _("teachers' draw"),
        "late": _("classes of late arrivals"),
        "lot": _("lot of the parents' witnesses"),
    }
    return f"{made.school.name}: {kinds[made.kind]} {made.season.year}"


def step_text(act: Act) -> str:
    """What happened, in the language of the page."""
    texts = {
        "publish": _("List, rules and digest published"),
        "lot_by_hand": _("The parents' lot is drawn by hand"),
        "join": _("%(role)s joined"),
        "replace": _("%(role)s: the place was freed") if act.witness else _("The next family of the lot is asked"),
        "open": _("Commitments opened; nobody can be replaced any more"),
        "refuse": _("%(role)s: a secret that does not fit the commitment was refused"),
        "beacon": _("Public beacon entered"),
        "hold": _("Drawn"),
        "teams": _("List of teacher teams changed"),
        "void": _("Declared void"),
    }
    text = texts.get(act.step, act.step)
    return text % {"role": role_text(act.witness)} if "%(role)s" in text else text


def role_text(witness: Witness | None) -> str:
    """The role in the language of the page, with its number where there are several."""
    if witness is None:
        return ""
    names = {
        "parent": _("Parents' representative"),
        "committee": _("Parents' committee"),
        "bureau": _("Education bureau"),
        "present": _("Parent in the hall"),
    }
    number = witness.code.removeprefix("P").lstrip("0") if witness.kind == "present" else witness.code.partition("-")[2]
    return f"{names[witness.kind]} {number}".strip()


def reason_text(act: Act) -> str:
    texts = {
        "missing": _("missing"),
        "declined": _("declined"),
        "called_in_vain": _("called in vain"),
        "carried": _("from the class assignment"),
        "wrong_secret": "",
    }
    return act.note or texts.get(act.reason, "")


def _time(moment: datetime | None) -> str:
    return moment.astimezone(clock.CITY_ZONE).strftime("%Y-%m-%d %H:%M:%S") if moment else "–"


def content(made: Ceremony, language: str) -> dict[str, Any]:
    """What the minutes say, in one language; names are masked, as the paper is public."""
    with translation.override(language):
        witnesses = list(made.witnesses.all())
        facts = [
            (_("School"), made.school.name),
            (_("Venue"), made.place or made.school.address),
            (_("List published"), _time(made.opened_at)),
            (_("Drawn"), _time(made.drawn_at)),
            (_("Entries"), str(len(made.manifest["entries"]))),
        ]
        if made.state == Ceremony.State.VOID:
            facts.append((_("Declared void"), made.void_reason))
        digests = [(_("Digest of list and rules"), made.digest)]
        if "beacon" in made.manifest:
            named = made.manifest["beacon"]
            digests.append((_("Public beacon"), f"{named['source']} {named['round']}：{made.beacon or '–'}"))
        if made.seed:
            digests.append((_("Seed"), made.seed))
        table: list[list[str]] = []
        if made.result and "classes" in made.result:
            rows = report.balance_rows(made.manifest, made.result)
            table = [
                [_("Class"), *(str(r.number) for r in rows)],
                [_("Pupils"), *(str(r.size) for r in rows)],
                [_("Girls"), *(str(r.girls) for r in rows)],
                [_("Boys"), *(str(r.boys) for r in rows)],
                [_("Mean age (months)"), *(r.age for r in rows)],
                *(
                    [_("Category %(n)s") % {"n": level}, *(str(r.levels.get(level, 0)) for r in rows)]
                    for level in report.levels_of(rows)
                ),
            ]
        lot = _("Lot of the parents")
        teams = sorted((made.result or {}).get("teams", {}).items(), key=lambda p: p[1])
        return {
            "lang": "en" if language == "en" else "zh",
            "heading": _("Minutes of a witnessed draw"),
            "title": title_text(made),
            "facts": facts,
            "digests": digests,
            "labels": {
                "witnesses": _("Witnesses"),
                "role": _("Witness"),
                "name": _("Name (masked)"),
                "commitment": _("Commitment"),
                "secret": _("Secret"),
                "report": _("Balance"),
                "teams": _("Teachers"),
                "events": _("What happened"),
                "sign": _("Signature"),
                "check": _("Scan for the public page: list, result and the file with which anyone can recompute it."),
            },
            "witnesses": [
                {
                    "role": role_text(w),
                    "name": report.witness_name(w.name),
                    "commitment": w.commitment,
                    "committed": _time(w.committed_at),
                    "secret": w.secret,
                    "revealed": _time(w.revealed_at),
                }
                for w in witnesses
            ],
            "table": table,
            "teams": [[name, _("Class %(n)s") % {"n": n}] for name, n in teams],
            "events": [
                [
                    _time(a.at),
                    (f"[{lot}] " if a.ceremony_id != made.pk else "") + step_text(a),
                    reason_text(a),
                ]
                for a in report.events(made)
            ],
        }


def pdf(made: Ceremony, language: str, url: str) -> bytes:
    """The minutes as A4 pages. `url` is the public page of the draw, which the QR code holds."""
    code = io.BytesIO()
    segno.make(url, error="m").save(code, kind="svg", border=0)
    return typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        sys_inputs={
            "data": json.dumps({**content(made, language), "url": url}, ensure_ascii=False),
            "qr": code.getvalue().decode(),
        },
        font_paths=fonts(),
    )
