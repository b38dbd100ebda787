"""A school's pages."""

from __future__ import annotations

import base64
import io
from datetime import date, datetime
from typing import Any

import xlsxwriter
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ruxue.accounts import access
from ruxue.admissions import register
from ruxue.admissions.models import Offer
from ruxue.applications import review
from ruxue.applications.machine import By, NotAllowed
from ruxue.applications.models import Application, Booking, Document, Slot
from ruxue.applications.reasons import STAFF_RETURN
from ruxue.applications.states import Actor, State
from ruxue.ledger import clock
from ruxue.places import seasons
from ruxue.web.guardian.views import explanation_of, shown_checks
from ruxue.web.school import papers
from ruxue.web.staff import my_school, school_page, scope, staff
from ruxue.web.templatetags.ruxue import staff_state

ACTABLE = (State.SCHOOL_REVIEW, State.ONSITE_BOOKED)


def _by(request: HttpRequest) -> By:
    return By(Actor.SCHOOL, request.user)  # type: ignore[arg-type]


@staff
def today(request: HttpRequest) -> HttpResponse:
    if not scope(request).schools() and not request.GET.get("school"):
        return redirect("bureau:overview")
    school = my_school(request)
    count = lambda *states: Application.objects.filter(school=school, state__in=states).count()  # noqa: E731
    queue = reverse("school:queue") + (f"?school={school.code}" if school.code not in scope(request).schools() else "")
    cards = [
        (_("To review"), count(State.SCHOOL_REVIEW), queue),
        (_("On-site booked"), count(State.ONSITE_BOOKED), ""),
        (_("Waiting for families"), count(State.NEED_INFO, State.RETURNED), ""),
        (_("Confirmed"), count(State.AUTO_PASSED, State.CLASSIFIED, State.PUBLISHED, State.LOCKED), ""),
    ]
    bookings = (
        Booking.objects.filter(slot__school=school, application__state=State.ONSITE_BOOKED)
        .select_related("slot", "application")
        .order_by("slot__starts_at")
    )
    return school_page(request, "school/today.html", school, cards=cards, bookings=bookings)


@staff
def queue(request: HttpRequest) -> HttpResponse:
    school = my_school(request)
    state = request.GET.get("state", "school_review")
    filters = [
        ("school_review", _("To review")),
        ("onsite_booked", _("On site")),
        ("returned", _("Returned")),
        ("need_info", _("With the family")),
        ("appealed", _("Objections")),
    ]
    if state not in dict(filters):
        raise Http404
    rows: list[Any] = list(
        Application.objects.filter(school=school, state=state)
        .select_related("compound", "season")
        .order_by("deadline", "id")[:500]
    )
    for row in rows:
        row.equal = state == "school_review" and review.is_spelling_only(row)
    return school_page(
        request,
        "school/queue.html",
        school,
        rows=rows,
        filters=filters,
        state=state,
        any_equal=any(r.equal for r in rows),
    )


@staff
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Accepts chosen files that differ in spelling only."""
    school = my_school(request)
    if not scope(request).may_review(school.district_id, school.code):
        raise Http404
    mine = list(
        Application.objects.filter(school=school, key__in=request.POST.getlist("keys")).values_list("key", flat=True)
    )
    done = review.accept_equals(mine, _by(request))
    messages.success(request, _("%(n)s files accepted.") % {"n": done})
    return redirect("school:queue")


def _file(request: HttpRequest, key: str) -> Application:
    row = (
        Application.objects.select_related("season__district", "school", "compound")
        .filter(key=key)
        .exclude(state=State.DRAFT)
        .first()
    )
    if row is None or not scope(request).may_see(row.season.district_id, row.school_id):
        raise Http404
    return row


@staff
def file(request: HttpRequest, key: str) -> HttpResponse:
    """One family's file: claim, evidence, decision."""
    row = _file(request, key)
    may_act = scope(request).may_review(row.season.district_id, row.school_id)
    answer, typed, errors = None, {k: str(v) for k, v in request.POST.items()}, {}
    if request.method == "POST":
        if not may_act:
            raise Http404
        if request.POST.get("do") == "ask":
            paper = row.documents.exclude(number="").order_by("-id").first()
            answer = review.ask_by_number(key, _by(request), str(paper.number)) if paper else None
        else:
            try:
                _decide(request, row)
                return redirect(reverse("school:queue"))
            except papers.Mistakes as mistakes:
                errors = mistakes.fields
                messages.error(request, _("Nothing was decided yet: please look at the marked fields."))
            except review.StillRefused:
                messages.error(
                    request,
                    _("With these facts the rule still refuses the child: please mark which fact is otherwise."),
                )
            except (NotAllowed, ValueError) as error:
                messages.error(request, _("This is not possible: %(why)s") % {"why": error})
                return redirect("school:file", key)
    access.record(request.user, "view", row.key)  # type: ignore[arg-type]
    suggested = review.confirmed_by(row, answer) if answer else {}
    documents: list[Any] = list(row.documents.order_by("-id"))
    for d in documents:
        d.status_text = {"uploaded": _("to be looked at"), "accepted": _("confirmed"), "refused": _("not accepted")}[
            d.status
        ]
    names = list(dict.fromkeys([*row.needed_facts, *suggested]))
    shown = {**papers.filled(suggested), **{k: v for k, v in typed.items() if v}}
    school = row.school
    if school is None:
        raise Http404
    return school_page(
        request,
        "school/file.html",
        school,
        row=row,
        checks=shown_checks(row),
        explanation=explanation_of(row),
        documents=documents,
        entries=papers.entries(names, row.season, shown, errors, zh=(get_language() or "").startswith("zh")),
        note=typed.get("note", ""),
        confirmations=row.confirmations.select_related("by", "document").order_by("-id"),
        actable=row.state in ACTABLE,
        may_act=may_act,
        return_reasons=STAFF_RETURN,
        answer=answer,
        has_number=any(d.number for d in documents),
        transitions=row.transitions.select_related("actor").order_by("-id"),
    )


def _decide(request: HttpRequest, row: Application) -> None:
    """Carries out the reviewer's button."""
    do, note = request.POST.get("do"), request.POST.get("note", "")[:300]
    if do == "accept":
        confirmed = papers.read(row, {k: str(v) for k, v in request.POST.items()})
        review.accept(row.key, _by(request), confirmed, note)
    elif do == "refuse":
        review.refuse(row.key, _by(request), note)
    else:
        review.give_back(
            row.key, _by(request), "school_need_original" if do == "onsite" else request.POST.get("reason", ""), note
        )


@staff
def document(request: HttpRequest, key: str) -> HttpResponse:
    """A paper's picture; each look is logged."""
    paper = Document.objects.select_related("application__season").filter(key=key).first()
    if (
        paper is None
        or not paper.image
        or not scope(request).may_see(paper.application.season.district_id, paper.application.school_id)
    ):
        raise Http404
    access.record(request.user, "document", paper.application.key)  # type: ignore[arg-type]
    return HttpResponse(base64.b64decode(str(paper.image)), content_type="image/jpeg")


@staff
def slots(request: HttpRequest) -> HttpResponse:
    school = my_school(request)
    season = seasons.current(school.district_id)
    if request.method == "POST":
        if not scope(request).may_review(school.district_id, school.code) or season is None:
            raise Http404
        try:
            day = date.fromisoformat(request.POST.get("day", ""))
            hours = range(int(request.POST.get("from", 9)), int(request.POST.get("to", 12)))
            starts = [datetime(day.year, day.month, day.day, h, tzinfo=clock.CITY_ZONE) for h in hours]
            if not starts or starts[0] < clock.now():
                raise ValueError("hours")
            made = review.plan_slots(school, season, starts, max(1, min(20, int(request.POST.get("places", 4)))))
            messages.success(request, _("Times opened: %(n)s.") % {"n": made})
        except ValueError:
            messages.error(
                request,
                _("Please write a day to come, and full hours of which the second is later, for example from 9 to 12."),
            )
        return redirect(request.get_full_path())
    rows = list(Slot.objects.filter(school=school).prefetch_related("bookings").order_by("starts_at"))
    for r in rows:
        r.taken = len(r.bookings.all())  # type: ignore[attr-defined]
    return school_page(request, "school/slots.html", school, slots=rows)


def _offers(school: Any) -> Any:
    return (
        Offer.objects.filter(school=school)
        .select_related("application", "application__class_place")
        .order_by("application__receipt")
    )


@staff
def results(request: HttpRequest) -> HttpResponse:
    school = my_school(request)
    if request.method == "POST":
        if not scope(request).may_review(school.district_id, school.code):
            raise Http404
        try:
            if request.POST.get("do") == "report":
                row = register.report(request.POST.get("number", ""), school, _by(request))
                messages.success(request, _("%(receipt)s has reported.") % {"receipt": row.receipt})
            else:
                season = seasons.current(school.district_id)
                count = register.register(season, school, _by(request)) if season else 0
                messages.success(request, _("Done: %(n)s applications.") % {"n": count})
        except register.NoticeError as error:
            messages.error(
                request,
                {
                    "unknown": _("We have not issued this notice, or it is no longer valid. Please call the district."),
                    "elsewhere": _("This notice is for another school."),
                    "used": _("A child has reported with this notice already."),
                    "not_classed": _("The classes are drawn first; then children report."),
                }[error.code],
            )
        return redirect(request.get_full_path())
    return school_page(request, "school/results.html", school, offers=_offers(school))


@staff
def pupil_register(request: HttpRequest) -> HttpResponse:
    """The sheet for the national pupil register, with full numbers; only for the school itself, and logged."""
    school = my_school(request)
    if not scope(request).may_review(school.district_id, school.code):
        raise Http404
    rows = list(
        Application.objects.filter(offer__school=school, state__in=[State.REPORTED, State.REGISTERED])
        .select_related("season__district", "guardian", "compound", "offer", "class_place")
        .order_by("class_place__number", "receipt")
    )
    access.record(request.user, "export", school.code)  # type: ignore[arg-type]
    return HttpResponse(
        register.workbook(rows, f"{request.user} {clock.now():%Y-%m-%d %H:%M}"),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="{school.code}-register.xlsx"'},
    )


@staff
def export(request: HttpRequest) -> HttpResponse:
    """The list as Excel, names masked; the export is logged."""
    school = my_school(request)
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("list")
    sheet.write_row(0, 0, [_("Receipt"), _("Name"), _("Category"), _("State")])
    from ruxue.algorithms.identity import mask_name

    for n, o in enumerate(_offers(school), 1):
        sheet.write_row(
            n,
            0,
            [o.application.receipt, mask_name(o.application.child_name), o.category, staff_state(o.application.state)],
        )
    sheet.set_footer(f"&L{request.user}&R{clock.now():%Y-%m-%d %H:%M}")
    book.close()
    access.record(request.user, "export", school.code)  # type: ignore[arg-type]
    return HttpResponse(
        out.getvalue(),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="{school.code}.xlsx"'},
    )
