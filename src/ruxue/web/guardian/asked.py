"""Who asked what about a family, when and why; and the way to say that a register is wrong."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ruxue.accounts.models import Access, User
from ruxue.applications import disputes
from ruxue.applications.models import Application
from ruxue.exchange import corrections, inquiries
from ruxue.exchange.items import ITEMS
from ruxue.exchange.models import Query
from ruxue.web.guardian.views import _mine, guardian

# What a family can judge for itself in an answer; for other items it says in its own words what is wrong.
_JUDGED = (
    "name",
    "born_on",
    "address",
    "entered_on",
    "members",
    "rights",
    "location",
    "owners",
    "buyers",
    "sole",
    "filed_on",
    "starts_on",
    "spouse_digest",
    "mother_digest",
    "guardian_digest",
    "holders",
    "status",
)


@guardian
def asked(request: HttpRequest, key: str) -> HttpResponse:
    row = _mine(request, key)
    requests: dict[uuid.UUID, list[Any]] = {}
    for correction in corrections.of_subject(row.key):
        requests.setdefault(correction.query_id, []).append(correction)
    departments: dict[str, list[Query]] = {}
    queries = inquiries.of_subject(row.key)
    staff = {str(u.key): u.display_name for u in User.objects.filter(key__in={q.requester for q in queries})}
    for query in queries:
        query.asked_by = staff.get(query.requester, "")  # type: ignore[attr-defined]
        query.keys = ITEMS[query.item].keys  # type: ignore[attr-defined]
        query.person = _person(row, query.part)  # type: ignore[attr-defined]
        query.requests = requests.get(query.request_id, [])  # type: ignore[attr-defined]
        live = any(c.state in corrections.LIVE for c in query.requests)  # type: ignore[attr-defined]
        query.disputable = [] if live else _disputable(row, query)  # type: ignore[attr-defined]
        departments.setdefault(ITEMS[query.item].department, []).append(query)
    return render(
        request,
        "guardian/asked.html",
        {
            "row": row,
            "departments": departments.items(),
            "accesses": Access.objects.filter(subject=row.key).select_related("actor").order_by("-at")[:50],
            "back": reverse("guardian:status", args=[key]),
        },
    )


def _person(row: Application, part: str) -> str:
    """The name of the person whom a question is about, as the family wrote it."""
    person = row.claim.get(part.split("/")[0])
    return str(person.get("name", "")) if isinstance(person, dict) else ""


def _disputable(row: Application, query: Query) -> list[str]:
    if query.state != Query.State.ANSWERED or query.erased_at or row.state not in disputes.OPEN_TO:
        return []
    return [*(n for n in _JUDGED if n in ITEMS[query.item].fields.model_fields), "other"]


@require_POST
@guardian
def dispute(request: HttpRequest, key: str, request_id: uuid.UUID) -> HttpResponse:
    row = _mine(request, key)
    assert isinstance(request.user, User)
    says = request.POST.get("says", "").strip()
    if not says:
        messages.error(request, _("Please write what is right, so that the department knows what to look at."))
        return redirect("guardian:asked", key=key)
    try:
        disputes.dispute(row.key, request.user, request_id, request.POST.get("wrong", "other"), says)
    except ValueError:
        messages.error(request, _("This can't be changed at the moment. Please call the school."))
        return redirect("guardian:asked", key=key)
    messages.success(
        request, _("The department is asked to correct its register. You can send us a picture of the paper now.")
    )
    return redirect("guardian:upload", key=key)
