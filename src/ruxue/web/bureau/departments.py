"""How the departments answer, what they are asked to correct, and what today's rules make of a stored answer."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from ruxue.accounts.models import User
from ruxue.applications import disputes, verify
from ruxue.applications.machine import By
from ruxue.applications.models import Application
from ruxue.applications.states import Actor
from ruxue.exchange import connections, health
from ruxue.exchange.items import ITEMS
from ruxue.exchange.models import Correction, Query
from ruxue.web.staff import bureau_page, my_district, scope, staff

SPANS = {"day": timedelta(days=1), "week": timedelta(days=7), "all": None}


@staff
def departments(request: HttpRequest) -> HttpResponse:
    """All items with their numbers, alarms first in words, and the open correction requests of the district."""
    district = my_district(request)
    if request.method == "POST":
        if not scope(request).may_run(district.key):
            raise Http404
        return _answer(request, district.key)
    span = request.GET.get("span", "all")
    length = SPANS.get(span)
    rows = health.items(timezone.now() - length if length else None)
    by_department: dict[str, list[health.ItemHealth]] = {}
    for row in rows:
        by_department.setdefault(row.department, []).append(row)
    requests = list(
        Correction.objects.filter(district=district.key)
        .select_related("query")
        .order_by("answered_at", "-made_at")[:200]
    )
    receipts = dict(Application.objects.filter(key__in={c.subject for c in requests}).values_list("key", "receipt"))
    for c in requests:
        c.receipt = receipts.get(c.subject, "")  # type: ignore[attr-defined]
    return bureau_page(
        request,
        "bureau/departments.html",
        district,
        departments=by_department.items(),
        alarms=[(row, alarm) for row in rows for alarm in row.alarms],
        fault=connections.fault(),
        queue=sum(row.queue for row in rows),
        corrections=requests,
        span=span,
        spans=[("day", _("24 hours")), ("week", _("7 days")), ("all", _("all"))],
    )


def _answer(request: HttpRequest, district: str) -> HttpResponse:
    row = Correction.objects.filter(key=request.POST.get("correction", ""), district=district).first()
    if row is None:
        raise Http404
    try:
        by = By(Actor.DISTRICT, request.user)  # type: ignore[arg-type]
        disputes.settle(row.key, request.POST.get("do") == "corrected", request.POST.get("answer", ""), by)
        messages.success(request, _("Saved. The family is told, and a corrected register is asked again."))
    except ValueError:
        messages.error(request, _("This request has been answered already."))
    return redirect("bureau:departments")


@staff
def item(request: HttpRequest, item: str) -> HttpResponse:
    """One item: its contract, its numbers, the newest answers of the district or those of one receipt, and of one of
    them its record and what today's rule makes of it."""
    district = my_district(request)
    found = next((row for row in health.items() if row.item == item), None)
    if found is None:
        raise Http404
    queries = Query.objects.filter(item=item, district=district.key, state=Query.State.ANSWERED, erased_at=None)
    chosen = replayed = None
    if wanted := request.GET.get("replay"):
        try:
            chosen = queries.filter(request_id=uuid.UUID(wanted)).first()
        except ValueError:
            raise Http404 from None
        if chosen is None:
            raise Http404
        replayed = verify.replay(chosen)
        chosen.asked_by = _requester(chosen)  # type: ignore[attr-defined]
    receipt = request.GET.get("receipt", "").strip().upper()
    if receipt:
        queries = queries.filter(subject__in=Application.objects.filter(receipt=receipt).values("key"))
    newest = list(queries.order_by("-answered_at", "request_id")[:25])
    receipts = dict(Application.objects.filter(key__in={q.subject for q in newest}).values_list("key", "receipt"))
    for q in newest:
        q.receipt = receipts.get(q.subject, "")  # type: ignore[attr-defined]
    return bureau_page(
        request,
        "bureau/department_item.html",
        district,
        health=found,
        hours=connections.current().items()[item].hours,
        item=ITEMS[item],
        queries=newest,
        receipt=receipt,
        chosen=chosen,
        replayed=replayed,
    )


def _requester(query: Query) -> str:
    """Who had it asked: the platform by itself, or a member of staff by name."""
    if query.requester == "system":
        return _("the platform")
    who = User.objects.filter(key=query.requester).first()
    return who.display_name if who else query.requester
