"""What the pages of all staff share: sign-in, scopes, navigation. What is outside a scope answers 404."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ruxue.accounts.access import Scope, scope_of
from ruxue.applications.models import Application
from ruxue.applications.states import State
from ruxue.places.models import District, School

View = Callable[..., HttpResponse]
TRIES, PAUSE = 8, timedelta(minutes=15)


def signin(request: HttpRequest) -> HttpResponse:
    """By name and password, throttled by name and by address."""
    username = request.POST.get("username", "")[:60]
    if request.method == "POST":
        keys = [f"signin/{username}", f"signin/{request.META.get('REMOTE_ADDR')}"]
        if any(cache.get(k, 0) >= TRIES * (1 if i == 0 else 10) for i, k in enumerate(keys)):
            return render(
                request,
                "staff/signin.html",
                {"username": username, "error": _("Too many tries. Please wait a quarter of an hour.")},
                status=429,
            )
        user = authenticate(request, username=username, password=request.POST.get("password", ""))
        if user is not None:
            login(request, user)
            return redirect("staff:signin")
        for k in keys:
            cache.set(k, cache.get(k, 0) + 1, PAUSE.total_seconds())
        return render(
            request,
            "staff/signin.html",
            {"username": username, "error": _("Name and password do not belong together.")},
            status=400,
        )
    if request.user.is_authenticated and not request.user.is_guardian:
        scope = scope_of(request.user)
        return redirect("school:today" if scope.schools() else "bureau:overview")
    return render(request, "staff/signin.html", {"username": username})


@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("staff:signin")


def staff(view: View) -> View:
    """Only for signed-in staff; `request.scope` holds their roles."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect("staff:signin")
        scope = scope_of(request.user)
        if not scope.roles:
            raise Http404
        request.scope = scope  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)

    return wrapped


def scope(request: HttpRequest) -> Scope:
    return request.scope  # type: ignore[attr-defined]


def my_school(request: HttpRequest, code: str | None = None) -> School:
    """The school whose pages are shown: of the person's own, or any within a bureau's or auditor's sight."""
    code = code or request.GET.get("school") or next(iter(sorted(scope(request).schools())), None)
    row = School.objects.select_related("district").filter(code=code).first()
    if row is None or not scope(request).may_see(row.district_id, row.code):
        raise Http404
    return row


def my_district(request: HttpRequest, key: str | None = None) -> District:
    """The district whose pages are shown. City and auditor may choose with ?district=."""
    mine = sorted(scope(request).districts())
    everywhere = scope(request).city() or scope(request).auditor()
    key = key or request.GET.get("district") or (mine[0] if mine else None)
    if key is None and everywhere:
        first = District.objects.order_by("code").first()
        key = first.key if first else None
    row = District.objects.filter(key=key).first()
    if row is None or not (everywhere or row.key in mine):
        raise Http404
    return row


def school_page(request: HttpRequest, template: str, school: School, status: int = 200, **context: Any) -> HttpResponse:
    tail = "" if school.code in scope(request).schools() else f"?school={school.code}"
    waiting = Application.objects.filter(school=school, state=State.SCHOOL_REVIEW).count()
    pages = [
        ("today", _("Today"), 0),
        ("queue", _("Queue"), waiting),
        ("slots", _("Times"), 0),
        ("results", _("Results"), 0),
        ("classes", _("Classes"), 0),
    ]
    nav = [
        (reverse(f"school:{n}") + tail, label, request.path == reverse(f"school:{n}"), count)
        for n, label, count in pages
    ]
    if tail:
        back = reverse("bureau:overview") + (
            "" if school.district_id in scope(request).districts() else f"?district={school.district_id}"
        )
        nav.insert(0, (back, f"← {school.district.name}", False, 0))
    return render(
        request,
        template,
        {
            "school": school,
            "nav": nav,
            "scope_label": school.name,
            "tail": tail,
            "may_act": scope(request).may_review(school.district_id, school.code),
            **context,
        },
        status=status,
    )


def bureau_page(
    request: HttpRequest, template: str, district: District, status: int = 200, **context: Any
) -> HttpResponse:
    everywhere = scope(request).city() or scope(request).auditor()
    tail = f"?district={district.key}" if everywhere else ""
    pages = [
        ("overview", _("Overview")),
        ("calendar", _("Calendar")),
        ("plans", _("Plans and zones")),
        ("rules", _("Rule")),
        ("steps", _("Admission")),
        ("objections", _("Objections")),
        ("ceremonies", _("Ceremonies")),
        ("insight", _("Insight")),
        ("people", _("People")),
        ("departments", _("Departments")),
        ("log", _("Access log")),
    ]
    nav = []
    for n, label in pages:
        url = reverse(f"bureau:{n}")
        here = request.path == url or (n != "overview" and request.path.startswith(url + "/"))
        nav.append((url + tail, label, here, 0))
    if everywhere:
        nav.insert(0, (reverse("bureau:city"), _("City"), request.path == reverse("bureau:city"), 0))
    return render(
        request,
        template,
        {
            "district": district,
            "nav": nav,
            "scope_label": district.name,
            "tail": tail,
            "may_act": scope(request).may_run(district.key),
            "districts": District.objects.order_by("code") if everywhere else [],
            **context,
        },
        status=status,
    )
