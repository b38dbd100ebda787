"""What the pages of a ceremony say: its state in words, errors, and what the projector and the public page show."""

from __future__ import annotations

import io
from typing import Any

import segno
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from ruxue.classes import ceremony, lot, prepare, report
from ruxue.classes.minutes import role_text, title_text
from ruxue.classes.models import Act, Ceremony, Witness
from ruxue.classes.steps import State
from ruxue.web.templatetags.ruxue import chinese, moment


def state_name(made: Ceremony) -> str:
    return {
        "published": _("list published; witnesses join"),
        "committing": _("witnesses are committing"),
        "revealing": _("witnesses are revealing"),
        "drawn": _("drawn"),
        "void": _("void"),
    }[made.state]


def role_in_words(role: str) -> str:
    """A role as manifests write it, in the language of the page."""
    if chinese():
        return role
    if role.startswith("在场家长"):
        return f"{_('Parent in the hall')} {role.removeprefix('在场家长').removesuffix('号')}"
    names = {
        "parent": _("Parents' representative"),
        "committee": _("Parents' committee"),
        "bureau": _("Education bureau"),
    }
    for kind, text in prepare.ROLES.items():
        if role.startswith(text):
            return f"{names[kind]} {role.removeprefix(text)}".strip()
    return role


def error_text(error: prepare.CeremonyError) -> str:
    """What happened and what to do next, for operators, witnesses and families alike."""
    d = error.details
    if error.code == "infeasible":
        conflict = d["conflict"]
        return _("These rules contradict each other: %(why)s") % {
            "why": getattr(conflict, "zh", conflict) if chinese() else conflict
        }
    if error.code == "done_already":
        who = d["who"] or _("somebody else")
        return _("This was done already, by %(who)s on %(at)s. Nothing was done twice.") % {
            "who": who,
            "at": moment(d["at"]),
        }
    if error.code in ("witnesses", "only_withheld"):
        text = {
            "witnesses": _("Still missing: %(roles)s."),
            "only_withheld": _(
                "Secrets are being revealed: only a witness who withholds one can end the draw now. Choose who: %(roles)s."
            ),
        }[error.code]
        return text % {"roles": ("、" if chinese() else ", ").join(map(role_in_words, d["roles"]))}
    texts = {
        "already_open": _("This draw is published already."),
        "offers_open": _("Some families have not answered their offers yet."),
        "no_pupils": _("No child has accepted a seat here yet."),
        "no_late": _("No child is waiting for a class."),
        "classes_first": _("The classes are drawn first."),
        "teams": _("There must be as many teacher teams as classes: %(teams)s teams, %(classes)s classes."),
        "teams_fixed": _("The teams are in the published list; they can't be changed any more."),
        "cap": _("A class can have at most %(most)s pupils by the plan."),
        "classes_form": _("Please write a number of classes from 1 to 60."),
        "witness_counts": _("There must be 1 to 9 witnesses of each kind."),
        "pair_form": _("Please write two receipts of this list for each pair, one pair a line: %(line)s"),
        "date_form": _("Please write date and time like 2026-08-20 09:00."),
        "beacon_form": _("Please name the public beacon and which one it is, such as the day of the index."),
        "beacon_past": _("The beacon must become known in the future; please choose a later one."),
        "beacon_passed": _("The beacon's time has passed, so nobody may commit any more: declare this draw void."),
        "beacon_early": _("The beacon becomes known only on %(at)s."),
        "beacon_missing": _("Please enter the public beacon first."),
        "needs_beacon": _(
            "A draw was void because a secret was withheld: the repeat must name a public beacon that nobody knows yet."
        ),
        "taken": _("This place is taken. If it should be yours, tell the operator, who can free it in public."),
        "place_free": _("Nobody holds this place."),
        "name_form": _("Please write a name of 2 to 40 characters."),
        "why": _("Please write the reason; it will be public."),
        "already_committed": _("You have committed already; a commitment can't be changed."),
        "not_now": _("This step is not open now; the page shows where the draw stands."),
        "commitment_form": _(
            "Your phone did not send a commitment. Please use a current browser with scripts allowed."
        ),
        "wrong_secret": _(
            "This secret is not the one that you committed to, so it was refused, in public. Use the phone with which you "
            "committed; the right secret still counts."
        ),
        "already_revealed": _("You have revealed already."),
        "already_drawn": _("The draw has been held; it can't be undone."),
        "determined": _(
            "Every secret is revealed, so the result is fixed and can't be stopped: it only has to be drawn."
        ),
        "not_in_hall": _("This code is not the one that is shown in the hall. Please scan it anew."),
        "lot_begun": _("The lot has begun or is over; nobody can join it any more."),
        "lot_running": _("The lot is running. Please let it end first."),
        "receipt": _("This receipt is not in the list. It has 10 characters and stands on your application."),
        "receipt_taken": _(
            "Another phone has joined with this receipt. Sign in to your application on this phone to take over."
        ),
        "too_few": _(
            "%(present)s families are in the lot, and %(mixers)s phones give randomness; at least %(least)s phones must, "
            "and as many families as places."
        ),
    }
    text = texts.get(error.code, error.code)
    values = {k: moment(v) if k == "at" else v for k, v in d.items()}
    return text % values if "%(" in text else text


def qr(url: str) -> str:
    """A QR code as SVG that takes the size of its box."""
    out = io.BytesIO()
    segno.make(url, error="m").save(out, kind="svg", xmldecl=False, border=2, omitsize=True)
    return out.getvalue().decode()


def version(made: Ceremony, hall: bool) -> str:
    """Changes whenever a page of this school's ceremonies would look different; halls also count those present.

    Steps are counted, since the newest number may be seen before an older one, whose transaction took longer.
    """
    steps = Act.objects.filter(ceremony__season=made.season_id, ceremony__school=made.school_id).count()
    if not hall:
        return str(steps)
    return f"{steps}.{made.present.count()}.{made.present.filter(mixes=True).count()}"


def witness_rows(made: Ceremony, request: HttpRequest | None = None) -> list[dict[str, Any]]:
    """The witnesses as the hall sees them; with `request` (an operator's) the QR of each free place."""
    rows = []
    for w in made.witnesses.all():
        row = {
            "code": w.code,
            "kind": w.kind,
            "role": role_text(w),
            "name": report.witness_name(w.name),
            "joined": w.holder is not None,
            "commitment": w.commitment,
            "secret": w.secret,
        }
        scannable = w.kind != Witness.Kind.PARENT or made.lot_by_hand
        if request and made.state == State.PUBLISHED and not w.holder and scannable:
            row["url"] = request.build_absolute_uri(reverse("witness:witness", args=[w.token]))
            row["qr"] = qr(str(row["url"]))
        rows.append(row)
    return rows


def lot_context(made: Ceremony) -> dict[str, Any]:
    """Where the lot of the parents' witnesses stands."""
    running = lot.current(made)
    context: dict[str, Any] = {
        "lot": running,
        "present": made.present.count(),
        "mixers": made.present.filter(mixes=True).count(),
        "lots_void": list(made.lots.filter(state=State.VOID).order_by("id")),
    }
    if running and running.state == State.DRAWN:
        asked = made.present.filter(pk__in=lot.offers(made))
        context["asked"] = list(asked)
    elif running:
        witnesses = list(running.witnesses.all())
        context["lot_of"] = len(witnesses)
        context["lot_committed"] = sum(bool(w.commitment) for w in witnesses)
        context["lot_revealed"] = sum(bool(w.secret) for w in witnesses)
        context["lot_silent"] = [
            w for w in witnesses if not (w.commitment if running.state == State.COMMITTING else w.secret)
        ]
        context["lot_waits_for_beacon"] = (
            running.state == State.REVEALING and "beacon" in running.manifest and not context["lot_silent"]
        )
    context["lot_needs_beacon"] = prepare.needs_beacon(made.lots.filter(state=State.VOID))
    return context


def draw_context(made: Ceremony) -> dict[str, Any]:
    """What the public page and the projector show of a draw: masked names, receipts' tails."""
    context: dict[str, Any] = {
        "made": made,
        "title": title_text(made),
        "state_name": state_name(made),
        "witnesses": witness_rows(made),
        "beacon": made.manifest.get("beacon"),
        "refused": [role_text(a.witness) for a in made.acts.filter(step="refuse").select_related("witness")],
        "lots": list(made.lots.order_by("id")),
    }
    if made.state != State.DRAWN or not made.result:
        return context
    if "classes" in made.result:
        rows = report.balance_rows(made.manifest, made.result)
        levels = report.levels_of(rows)
        context |= {
            "report": rows,
            "levels": [(level, [r.levels.get(level, 0) for r in rows]) for level in levels],
            "spreads": [
                (_("Class sizes"), report.spread([r.size for r in rows])),
                (_("Girls"), report.spread([r.girls for r in rows])),
                (_("Boys"), report.spread([r.boys for r in rows])),
            ],
            "rosters": report.rosters(made),
        }
    elif "teams" in made.result:
        context["teams"] = sorted(made.result["teams"].items(), key=lambda p: p[1])
    else:
        seats = made.manifest["rules"]["seats"]
        context["ranks"] = [int(code[1:]) for code in made.result["order"]]
        context["seats"] = seats
    return context


def next_button(made: Ceremony) -> dict[str, Any]:
    """The operator's one button: what it does, its words, and for whom the ceremony waits where there is none."""
    following = ceremony.next_step(made)
    labels = {"open": _("Open the commitments"), "hold": _("Draw now"), "start_lot": _("Draw the parents' witnesses")}
    name, waiting = following.name, list(following.waiting)
    parents_free = made.state == State.PUBLISHED and not made.lot_by_hand and lot.free_places(made)
    if parents_free:
        name = "" if lot.current(made) else "start_lot"
    elif waiting and name == "open":
        name = ""
    return {"name": name, "label": labels.get(name, ""), "waiting": [role_in_words(r) for r in waiting]}
