"""A ceremony: the projector in the hall with the operator's one button, and the witnesses' phones."""

from __future__ import annotations

import io

import segno
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from ruxue.accounts.access import scope_of
from ruxue.applications.machine import By
from ruxue.applications.states import Actor
from ruxue.classes import ceremony
from ruxue.classes.models import Ceremony, Witness
from ruxue.web.public.views import draw_context


def _error(error: ceremony.CeremonyError) -> str:
    texts = {
        "already_committed": _("This witness has committed already; a commitment can't be changed."),
        "not_now": _("This step is not open now. Load the page again to see where the draw stands."),
        "commitment_form": _(
            "Your phone did not send a commitment. Please use a current browser with scripts allowed."
        ),
        "wrong_secret": _("This secret is not the one you committed to. Use the phone with which you committed."),
        "already_revealed": _("This witness has revealed already."),
        "already_drawn": _("The draw has been held; it can't be undone."),
    }
    if error.code == "witnesses":
        return _("Still missing: %(roles)s") % {"roles": "、".join(error.details["roles"])}
    return texts.get(error.code, error.code)


def projector(request: HttpRequest, key: str) -> HttpResponse:
    """Shown in the hall. Only an official of the district or the school's staff can operate it."""
    made = get_object_or_404(Ceremony.objects.select_related("school", "season"), key=key)
    operator = request.user.is_authenticated and scope_of(request.user).may_review(
        made.school.district_id, made.school_id
    )
    if request.method == "POST":
        if not operator:
            raise Http404
        by = By(Actor.DISTRICT, request.user)  # type: ignore[arg-type]
        try:
            if request.POST.get("do") == "void":
                ceremony.void(key, by, request.POST.get("why", ""))
            else:
                ceremony.hold(key, by)
        except ceremony.CeremonyError as error:
            messages.error(request, _error(error))
        return redirect("witness:projector", key)
    context = draw_context(made)
    for w in context["witnesses"]:
        w.url = request.build_absolute_uri(reverse("witness:witness", args=[w.token]))
        out = io.BytesIO()
        segno.make(w.url, error="m").save(out, kind="svg", xmldecl=False, border=0, omitsize=True)
        w.qr = out.getvalue().decode()
    ready = made.state == Ceremony.State.REVEALING and all(w.secret for w in context["witnesses"])
    return render(request, "witness/projector.html", {**context, "operator": operator, "ready": ready})


def witness(request: HttpRequest, token: str) -> HttpResponse:
    """A witness's phone: commit, then reveal."""
    row = get_object_or_404(Witness.objects.select_related("ceremony"), token=token)
    error = ""
    if request.method == "POST":
        try:
            if request.POST.get("do") == "commit":
                ceremony.commit(token, request.POST.get("value", ""))
            else:
                ceremony.reveal(token, request.POST.get("secret", ""))
            return redirect("witness:witness", token)
        except ceremony.CeremonyError as failure:
            error = _error(failure)
    return render(
        request,
        "witness/witness.html",
        {"witness": row, "made": row.ceremony, "error": error},
        status=400 if error else 200,
    )
