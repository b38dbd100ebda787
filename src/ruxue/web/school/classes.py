"""A school prepares its ceremonies: teams, rules, feasibility, a rehearsal, and the list that is published."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from ruxue.algorithms import identity
from ruxue.algorithms.balance import InfeasibleRules
from ruxue.applications.machine import By
from ruxue.applications.models import Application
from ruxue.applications.states import ANSWERED, Actor, State
from ruxue.classes import ceremony, prepare, report
from ruxue.classes.minutes import title_text
from ruxue.classes.models import Ceremony, TeacherTeam
from ruxue.classes.prepare import CeremonyError, Wishes
from ruxue.ledger import clock
from ruxue.places import seasons
from ruxue.places.models import School, Season
from ruxue.web.staff import my_school, school_page, scope, staff
from ruxue.web.witness import show

KINDS = ("classes", "teachers", "late")


def _place(request: HttpRequest) -> tuple[School, Season]:
    school = my_school(request)
    season = seasons.current(school.district_id)
    if season is None:
        raise Http404
    return school, season


@staff
def classes(request: HttpRequest) -> HttpResponse:
    """Teacher teams, the preparation of each draw, and the draws that were published."""
    school, season = _place(request)
    if request.method == "POST":
        if not scope(request).may_review(school.district_id, school.code):
            raise Http404
        try:
            if made := _act(request, season, school):
                return redirect("witness:projector", made.key)
        except CeremonyError as error:
            messages.error(request, show.error_text(error))
        return redirect(request.get_full_path())
    draws = list(Ceremony.objects.filter(season=season, school=school, lot_of=None).order_by("id"))
    for made in draws:
        made.state_name, made.title = show.state_name(made), title_text(made)  # type: ignore[attr-defined]
    live = {d.kind: d for d in draws if d.state not in (Ceremony.State.VOID, Ceremony.State.DRAWN)}
    drawn = prepare.drawn_classes(season, school)
    teachers = next((d for d in draws if d.kind == "teachers" and d.state != Ceremony.State.VOID), None)
    return school_page(
        request,
        "school/classes.html",
        school,
        teams=TeacherTeam.objects.filter(season=season, school=school).order_by("number", "name"),
        teams_fixed=teachers is not None,
        drawn=drawn,
        draws=draws,
        preparations=_preparations(season, school, live, drawn, teachers),
        pupils=Application.objects.filter(season=season, offer__school=school, state__in=ANSWERED).count(),
        open_offers=Application.objects.filter(season=season, offer__school=school, state=State.OFFERED).count(),
    )


def _act(request: HttpRequest, season: Season, school: School) -> Ceremony | None:
    """Carries out a button; returns the ceremony that was published, if one was."""
    post, by = request.POST, By(Actor.DISTRICT, request.user)  # type: ignore[arg-type]
    do, kind = post.get("do", ""), post.get("kind", "")
    if do in ("team", "remove"):
        names = {"add": post.get("team", "")} if do == "team" else {"remove": post.get("name", "")}
        ceremony.change_teams(season, school, by, members=post.get("members", ""), why=post.get("why", ""), **names)
        return None
    if kind not in KINDS or do not in ("save", "publish"):
        raise Http404
    wanted, unreadable = _wishes(post, season, school, kind)
    prepare.save(season, school, kind, wanted, by.user)  # what can be read is kept, so that nobody types it twice
    if unreadable:
        raise unreadable
    if do == "publish":
        return ceremony.publish(season, school, kind, by)
    messages.success(request, _("Saved."))
    return None


def _wishes(post: Any, season: Season, school: School, kind: str) -> tuple[Wishes, CeremonyError | None]:
    """The form as typed, and the last thing in it that can't be read."""
    wanted = prepare.wishes(season, school, kind)
    wrong: list[CeremonyError] = []

    def number(name: str, before: int) -> int:
        text = post.get(name, "").strip()
        return int(text) if text.isascii() and text.isdigit() else (0 if text else before)

    def when(name: str) -> str:
        text = post.get(name, "").strip()
        try:
            return datetime.fromisoformat(text).replace(tzinfo=clock.CITY_ZONE).isoformat() if text else ""
        except ValueError:
            wrong.append(CeremonyError("date_form"))
            return ""

    wanted.place, wanted.planned_at = post.get("place", "").strip()[:120], when("planned_at")
    for name in ("parents", "committees", "bureaus"):
        setattr(wanted, name, number(name, getattr(wanted, name)))
    if kind != "teachers":
        wanted.cap = number("cap", wanted.cap)
    if kind == "classes":
        wanted.classes = number("classes", wanted.classes)
        wanted.balance = ["sex", *(["category"] if "category" in post else [])]
        wanted.apart, wanted.same_names_apart = post.getlist("apart"), "same_names_apart" in post
        try:
            known = {r.receipt for r in prepare.waiting_pupils(season, school)}
            wanted.forbidden = _pairs(post.get("forbidden", ""), known)
        except CeremonyError as error:
            wrong.append(error)
    wanted.beacon = None
    if post.get("beacon_source"):
        wanted.beacon = {
            "source": post["beacon_source"],
            "round": post.get("beacon_round", "").strip()[:60],
            "at": when("beacon_at"),
        }
        if not wanted.beacon["at"]:
            wanted.beacon = None
            wrong.append(CeremonyError("date_form"))
    return wanted, wrong[-1] if wrong else None


def _pairs(text: str, known: set[str]) -> list[list[str]]:
    pairs = []
    for line in text.upper().splitlines():
        codes = line.replace(",", " ").replace("，", " ").split()
        if not codes:
            continue
        if len(codes) != 2 or not set(codes) <= known or codes[0] == codes[1]:
            raise CeremonyError("pair_form", line=line.strip()[:60])
        pairs.append(codes)
    return pairs


def _preparations(
    season: Season, school: School, live: dict[str, Ceremony], drawn: Ceremony | None, teachers: Ceremony | None
) -> list[dict[str, Any]]:
    """The draws that can be prepared now, each with what it still lacks."""
    waiting = prepare.waiting_pupils(season, school)
    kinds = []
    if drawn is None and "classes" not in live:
        kinds.append(("classes", _("Class assignment")))
    if drawn and waiting and "late" not in live:
        kinds.append(("late", _("Late arrivals")))
    if drawn and teachers is None:
        kinds.append(("teachers", _("Teachers")))
    rows = []
    for kind, label in kinds:
        wanted = prepare.wishes(season, school, kind)
        row: dict[str, Any] = {"kind": kind, "label": label, "wishes": wanted, "count": len(waiting)}
        row["needs_beacon"] = prepare.needs_beacon(
            prepare.attempts(season, school, kind, prepare.next_serial(season, school, kind))
        )
        try:
            manifest = prepare.draft(season, school, kind, wanted)
            conflict = prepare.conflict(manifest)
            row["feasible"] = conflict is None
            if conflict:
                row["problem"] = show.error_text(CeremonyError("infeasible", conflict=conflict))
        except CeremonyError as error:
            row["problem"] = show.error_text(error)
        if kind == "classes":
            row["siblings"] = [
                {
                    "group": name,
                    "names": "、".join(identity.mask_name(m.child_name) + " " + m.receipt[-4:] for m in members),
                    "apart": name in wanted.apart,
                }
                for name, members in prepare.siblings(waiting).items()
            ]
            row["same_names"] = len(prepare.same_names(waiting))
            row["pairs"] = "\n".join(" ".join(p) for p in wanted.forbidden)
        row["planned_at"] = wanted.planned_at[:16]
        row["beacon_at"] = (wanted.beacon or {}).get("at", "")[:16]
        row["beacons"] = [
            ("index", _("Closing value of the Shanghai Composite Index")),
            ("lottery", _("Numbers of the state lottery")),
            ("drand", _("A round of drand")),
        ]
        rows.append(row)
    return rows


def _rehearse(request: HttpRequest) -> tuple[School, dict[str, Any]]:
    school, season = _place(request)
    kind = request.GET.get("kind", "classes")
    if kind not in KINDS:
        raise Http404
    return school, prepare.rehearsal(prepare.draft(season, school, kind, prepare.wishes(season, school, kind)))


@staff
def rehearsal(request: HttpRequest) -> HttpResponse:
    """A dry run of the draw as prepared, marked as such in every row; the same each time, and nothing is stored."""
    try:
        school, made = _rehearse(request)
    except CeremonyError as error:
        messages.error(request, show.error_text(error))
        return redirect("school:classes")
    except InfeasibleRules as conflict:
        messages.error(request, show.error_text(CeremonyError("infeasible", conflict=conflict)))
        return redirect("school:classes")
    context: dict[str, Any] = {"teams": sorted(made["result"].get("teams", {}).items(), key=lambda p: p[1])}
    if "classes" in made["result"]:
        context["report"] = report.balance_rows(made["manifest"], made["result"])
        context["levels"] = [
            (level, [r.levels.get(level, 0) for r in context["report"]])
            for level in report.levels_of(context["report"])
        ]
        context["rosters"] = sorted(made["result"]["classes"].items(), key=lambda p: int(p[0]))
    seed = bytes.fromhex(made["seed"]).decode("ascii")
    return school_page(
        request,
        "school/rehearsal.html",
        school,
        made=made,
        seed=seed,
        kind=request.GET.get("kind", "classes"),
        **context,
    )


@staff
def rehearsal_bundle(request: HttpRequest) -> HttpResponse:
    """The rehearsal as a file; no verifier takes it for a draw."""
    try:
        _school, made = _rehearse(request)
    except (CeremonyError, InfeasibleRules):
        raise Http404 from None
    name = f"{made['manifest']['id']}.json"
    return JsonResponse(
        made,
        json_dumps_params={"ensure_ascii": False, "indent": 1},
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
