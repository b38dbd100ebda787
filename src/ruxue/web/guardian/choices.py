"""The family's list of schools: add, remove, move; every press is saved at once, with or without script."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ruxue.accounts.models import User
from ruxue.admissions import preferences
from ruxue.admissions.models import PreferenceList
from ruxue.admissions.preferences import ListError, Terms
from ruxue.applications.models import Application
from ruxue.places import seasons
from ruxue.places.models import School, SeatPlan
from ruxue.web.guardian.views import _mine, guardian
from ruxue.web.templatetags.ruxue import chinese


def _listed(row: Application) -> PreferenceList:
    return PreferenceList.objects.filter(application=row).first() or PreferenceList(application=row, schools=[])


def _shown(row: Application, terms: Terms) -> list[School]:
    """The schools with what a family weighs them by: plan, seats left after a round, last years' admitted categories."""
    plans = dict(SeatPlan.objects.filter(season=row.season).values_list("school_id", "seats"))
    published = preferences.remaining(row.season)
    left = published.payload["seats"] if published else {}
    for s in terms.schools:
        s.plan, s.left = plans.get(s.code), left.get(s.code)  # type: ignore[attr-defined]
        s.of_zone = s.code in terms.zone  # type: ignore[attr-defined]
        s.years = sorted(s.history, key=lambda h: -h["year"])[:3]  # type: ignore[attr-defined]
    return terms.schools


def _error(error: ListError, terms: Terms) -> str:
    return {
        "closed": _("Lists can't be changed now. What you saved counts."),
        "too_many": _("You can list at most %(n)s schools. Remove one first.") % {"n": terms.limit},
        "twice": _("This school is on your list already."),
        "unknown_school": _("This school can't be listed by your child."),
        "one_private": _("One private school can be listed. Remove the other one first."),
    }[error.code]


def _changed(schools: list[str], do: str) -> tuple[list[str], str, int]:
    """The list after a press such as "up:SCHOOL", what was done, and the school's new place (0: none)."""
    what, _colon, school = do.partition(":")
    wanted = list(schools)
    if what == "add" and school:
        wanted.append(school)
    elif school in wanted:
        at = wanted.index(school)
        wanted.pop(at)
        if what in ("up", "down"):
            wanted.insert(max(0, at - 1) if what == "up" else at + 1, school)
    return wanted, school, wanted.index(school) + 1 if school in wanted else 0


@guardian
def choices(request: HttpRequest, key: str) -> HttpResponse:
    """The list, its schools with what is known of them, and what may be added."""
    row = _mine(request, key)
    terms = preferences.terms(row)
    if terms.empty:
        raise Http404
    listed = _listed(row)
    said, error = "", ""
    if request.method == "POST":
        assert isinstance(request.user, User)
        wanted, school, place = _changed(listed.schools, request.POST.get("do", ""))
        try:
            listed = preferences.save(key, request.user, wanted, listed.declines_feeder)
            name = next((s.name for s in terms.schools if s.code == school), "")
            said = (
                _("Saved: %(school)s is number %(n)s of %(all)s.") % {"school": name, "n": place, "all": len(wanted)}
                if place
                else _("Saved: %(school)s is off your list.") % {"school": name}
                if name
                else _("Saved.")
            )
        except ListError as failure:
            error = _error(failure, terms)
        if "HX-Request" not in request.headers:
            (messages.error if error else messages.success)(request, error or said)
            return redirect("guardian:choices", key)
    shown = {s.code: s for s in _shown(row, terms)}
    mine = [shown[code] for code in listed.schools if code in shown]
    context: dict[str, Any] = {
        "row": row,
        "terms": terms,
        "title": (terms.stage.zh if chinese() else terms.stage.en),
        "mine": mine,
        "others": [s for s in shown.values() if s not in mine],
        "full": len(mine) >= terms.limit,
        "declines": listed.declines_feeder,
        "changed_at": listed.changed_at if listed.pk else None,
        "until": window.closes_at if (window := seasons.window(row.season, "preference")) else None,
        "said": said,
        "error": error,
        "back": reverse("guardian:status", args=[key]),
    }
    return render(request, "guardian/choices.html", context)


@guardian
def chances(request: HttpRequest, key: str) -> HttpResponse:
    """How likely each school of the list is, in words, with the counted runs."""
    row = _mine(request, key)
    terms = preferences.terms(row)
    words = {
        "very_likely": _("very likely"),
        "likely": _("likely"),
        "even": _("about even"),
        "unlikely": _("unlikely"),
        "very_unlikely": _("very unlikely"),
    }
    names = {s.code: s for s in School.objects.filter(district=row.season.district_id)}
    found = preferences.chances(row)
    runs = found[0].runs if found else preferences.RUNS
    nowhere = runs - sum(c.times for c in found)
    return render(
        request,
        "guardian/chances.html",
        {
            "row": row,
            "rows": [(names[c.school], words[c.word], c) for c in found if c.school in names],
            "nowhere": nowhere,
            "runs": runs,
            "terms": terms,
            "back": reverse("guardian:choices", args=[key]),
        },
    )


@guardian
@require_POST
def promotion(request: HttpRequest, key: str) -> HttpResponse:
    """Whether the child goes up to its own school's junior part."""
    row = _mine(request, key)
    assert isinstance(request.user, User)
    try:
        preferences.save(key, request.user, _listed(row).schools, request.POST.get("declines") == "yes")
        messages.success(request, _("Saved."))
    except ListError as failure:
        messages.error(request, _error(failure, preferences.terms(row)))
    return redirect("guardian:choices", key)
