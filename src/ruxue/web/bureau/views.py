"""Pages of the district bureaus, of the city and of auditors (who see the same and change nothing)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from shapely import Point
from shapely.geometry import shape

from ruxue.accounts.models import Access, StaffRole
from ruxue.admissions.models import Offer
from ruxue.applications import review
from ruxue.applications.machine import By, NotAllowed
from ruxue.applications.models import Application, Objection
from ruxue.applications.states import ANSWERED, HOLDS_SEAT, Actor, State
from ruxue.classes.models import Ceremony
from ruxue.exchange import health
from ruxue.exchange.connector import DepartmentError
from ruxue.insight import sources, warning
from ruxue.ledger import clock, log
from ruxue.places import seasons
from ruxue.places.models import Compound, District, School, Season, SeatPlan, Window, Zone
from ruxue.web.public.views import _collection, _feature, state_name
from ruxue.web.staff import bureau_page, my_district, scope, staff
from ruxue.web.templatetags.ruxue import staff_state, window_name

SEATED = sorted(HOLDS_SEAT)


def season_of(district: District) -> Season:
    found = seasons.current(district)
    if found is None:
        raise Http404
    return found


def acting(request: HttpRequest, district: District) -> By:
    """The official who acts; 404 for those who may only look."""
    if not scope(request).may_run(district.key):
        raise Http404
    return By(Actor.DISTRICT, request.user)  # type: ignore[arg-type]


def _loads(season: Season) -> list[dict[str, Any]]:
    wanted = dict(
        Application.objects.filter(season=season)
        .exclude(state__in=[State.DRAFT, State.WITHDRAWN, State.VOIDED])
        .values_list("school")
        .annotate(n=Count("id"))
    )
    plans = {p.school_id: p.seats for p in SeatPlan.objects.filter(season=season)}
    rows = []
    for z in Zone.objects.filter(season=season).select_related("school").order_by("school_id"):
        n, seats = wanted.get(z.school_id, 0), plans.get(z.school_id, 0)
        rows.append(
            {"zone": z, "school": z.school, "n": n, "seats": seats, "load": round(100 * n / seats) if seats else 0}
        )
    return rows


@staff
def overview(request: HttpRequest) -> HttpResponse:
    district = my_district(request)
    season = season_of(district)
    states = dict(Application.objects.filter(season=season).values_list("state").annotate(n=Count("id")))
    total = sum(n for s, n in states.items() if s != State.DRAFT)
    human = Application.objects.filter(season=season, by_human=True).count()
    seats = sum(SeatPlan.objects.filter(season=season).values_list("seats", flat=True))
    cards = [
        (_("Applications"), total),
        (_("Waiting for a school"), states.get(State.SCHOOL_REVIEW, 0)),
        (_("Decided without a person"), f"{100 * (total - human) // total if total else 0} %"),
        (_("Seats"), seats),
    ]
    named = [(staff_state(s), n) for s, n in sorted(states.items())]
    zones = _loads(season)
    warnings = [r for r in warning.loads(season) if r.level != "green"]
    shapes = _collection([_feature(z["zone"].geometry, label=z["school"].name, load=z["load"]) for z in zones])
    funnel = {
        "kind": "bar",
        "horizontal": True,
        "x": [a for a, _n in named],
        "unit": _("children"),
        "series": [{"name": _("Applications"), "data": [n for _a, n in named]}],
    }
    return bureau_page(
        request,
        "bureau/overview.html",
        district,
        cards=cards,
        states=named,
        zones=zones,
        warnings=warnings,
        red=warning.RED,
        shapes=shapes,
        funnel=funnel,
        health=[h for h in health.items() if h.asked],
    )


@staff
def calendar(request: HttpRequest) -> HttpResponse:
    district = my_district(request)
    season = season_of(district)
    if request.method == "POST":
        by = acting(request, district)
        if request.POST.get("kind") not in Window.Kind.values:
            raise Http404
        try:
            opens, closes = (
                datetime.fromisoformat(request.POST.get(n, "")).replace(tzinfo=clock.CITY_ZONE)
                for n in ("opens", "closes")
            )
            seasons.set_window(season, request.POST["kind"], opens, closes, str(by.user))
            messages.success(request, _("Saved."))
        except ValueError:
            messages.error(
                request,
                _("%(step)s: a step must close after it opens. Please check both times; nothing was changed.")
                % {"step": window_name(request.POST["kind"])},
            )
        return redirect(request.get_full_path())
    windows = []
    for kind in Window.Kind.values:
        w: Any = seasons.window(season, kind)
        if w:
            w.opens_local, w.closes_local = (
                t.astimezone(clock.CITY_ZONE).strftime("%Y-%m-%dT%H:%M") for t in (w.opens_at, w.closes_at)
            )
        windows.append((kind, w))
    return bureau_page(request, "bureau/calendar.html", district, windows=windows)


@transaction.atomic
def _save_zone(zone: Zone, geometry: dict[str, Any], shared: bool, actor: str) -> None:
    """New border: the compounds inside leave their old zones for this one, unless they are shared by several schools."""
    area = shape(geometry)
    if area.is_empty or area.geom_type not in ("Polygon", "MultiPolygon"):
        raise ValueError("no polygon")
    inside = [
        c.code for c in Compound.objects.filter(district=zone.season.district_id) if area.covers(Point(c.lng, c.lat))
    ]
    if not shared:
        for other in Zone.objects.filter(season=zone.season).exclude(pk=zone.pk):
            other.compounds.remove(*inside)  # type: ignore[arg-type]  # their keys are texts
    zone.geometry = geometry
    zone.save()
    zone.compounds.add(*inside)  # type: ignore[arg-type]
    log.append(
        "zone",
        zone.season.key,
        {"school": zone.school_id, "compounds": sorted(zone.compounds.values_list("code", flat=True)), "actor": actor},
    )


@staff
def plans(request: HttpRequest) -> HttpResponse:
    district = my_district(request)
    season = season_of(district)
    if request.method == "POST":
        by = acting(request, district)
        school = None
        try:
            if "plan" in request.POST:
                school = School.objects.get(code=request.POST["plan"], district=district)
                classes, size = int(request.POST["classes"]), int(request.POST["class_size"])
                if not (1 <= classes <= 40 and 5 <= size <= 55):
                    raise ValueError("plan")
                seasons.set_plan(season, school, classes, size, str(by.user))
                seasons.set_kind(season, school, "private" in request.POST, "nine_year" in request.POST, str(by.user))
            else:
                _save_zone(
                    Zone.objects.get(pk=request.POST.get("zone", ""), season=season),
                    json.loads(request.POST.get("geometry", "")),
                    "shared" in request.POST,
                    str(by.user),
                )
            messages.success(request, _("Saved."))
        except (ValueError, KeyError, TypeError):
            messages.error(
                request,
                _("%(school)s: please write 1 to 40 classes of 5 to 55 children each. Nothing was changed.")
                % {"school": school.name}
                if school
                else _("The border could not be read. Please draw it again on the map; nothing was changed."),
            )
        except (School.DoesNotExist, Zone.DoesNotExist):
            raise Http404 from None
        return redirect(request.get_full_path())
    chosen = Zone.objects.filter(season=season, school=request.GET.get("zone", "")).select_related("school").first()
    shapes = _collection(
        [
            _feature(z.geometry, label=z.school.name, here=chosen is not None and z.pk == chosen.pk)
            for z in Zone.objects.filter(season=season).select_related("school")
        ]
    )
    return bureau_page(
        request,
        "bureau/plans.html",
        district,
        plans=SeatPlan.objects.filter(season=season).select_related("school").order_by("school_id"),
        shapes=shapes,
        chosen=chosen,
        chosen_geometry=json.dumps(chosen.geometry) if chosen else "",
        chosen_compounds=chosen.compounds.order_by("name") if chosen else [],
    )


@staff
def objections(request: HttpRequest) -> HttpResponse:
    district = my_district(request)
    season = season_of(district)
    if request.method == "POST":
        by = acting(request, district)
        row = Objection.objects.filter(pk=request.POST.get("objection") or 0, application__season=season).first()
        if row is None:
            raise Http404
        confirmed = {
            name: request.POST[f"fact.{name}"] == "true"
            for name, _value in review.disputable(row.application)
            if request.POST.get(f"fact.{name}") in ("true", "false")
        }
        if not request.POST.get("answer", "").strip():
            messages.error(request, _("Please write the answer to the family."))
            return redirect(request.get_full_path())
        try:
            review.answer_objection(
                row.pk, by, request.POST.get("do") == "uphold", request.POST.get("answer", ""), confirmed
            )
            messages.success(request, _("The family has been told."))
        except NotAllowed:
            messages.error(request, _("This objection has been answered already."))
        except review.StillRefused:
            messages.error(
                request, _("With these facts the rule still refuses the child: please mark which fact is otherwise.")
            )
        return redirect(request.get_full_path())
    rows = list(
        Objection.objects.filter(application__season=season)
        .select_related("application")
        .order_by("answered_at", "made_at")
    )
    for o in rows:
        o.facts = review.disputable(o.application)  # type: ignore[attr-defined]
    return bureau_page(request, "bureau/objections.html", district, objections=rows)


@staff
def ceremonies(request: HttpRequest) -> HttpResponse:
    district = my_district(request)
    season = season_of(district)
    found = list(Ceremony.objects.filter(season=season, lot_of=None).order_by("id"))
    made = {(c.school_id, c.kind): c for c in found if c.state != Ceremony.State.VOID}
    for c in found:
        c.state_name = state_name(c)  # type: ignore[attr-defined]
    pupils = dict(
        Offer.objects.filter(round__season=season, application__state__in=ANSWERED)
        .values_list("school")
        .annotate(n=Count("id"))
    )
    schools = list(School.objects.filter(district=district).order_by("code"))
    for s in schools:
        s.n = pupils.get(s.code, 0)  # type: ignore[attr-defined]
        s.draws = [made.get((s.code, k)) for k in ("classes", "teachers", "late")]  # type: ignore[attr-defined]
        s.when = made.get((s.code, "classes"))  # type: ignore[attr-defined]
        s.void = [c for c in found if c.school_id == s.code and c.state == Ceremony.State.VOID]  # type: ignore[attr-defined]
    return bureau_page(request, "bureau/ceremonies.html", district, schools=schools)


def _band_chart(
    payload: dict[str, dict[str, int]], order: list[str], labels: dict[str, str], names: dict[str, str]
) -> dict[str, Any]:
    districts = [d for d in names if d in payload]
    return {
        "kind": "bar",
        "x": [names[d] for d in districts],
        "unit": _("parents"),
        "series": [
            {"name": labels[b], "stack": "all", "data": [payload[d].get(b, 0) for d in districts]} for b in order
        ],
        "rows": [[names[d], *(payload[d].get(b, 0) for b in order)] for d in districts],
    }


@staff
def insight(request: HttpRequest) -> HttpResponse:
    """Demand by zone and year, parents' bands, flows: thin but from real counts."""
    district = my_district(request)
    season = season_of(district)
    if request.method == "POST":
        acting(request, district)
        try:
            sources.refresh()
            messages.success(request, _("Saved."))
        except DepartmentError:
            messages.error(
                request, _("A department is silent at the moment; the older counts are kept. Please try later.")
            )
        return redirect("bureau:insight")
    outlook = sources.outlook(season)
    years = [o.year for o in outlook[0].years] if outlook else []
    total = lambda pick: [sum(pick(z.years[i]) for z in outlook if i < len(z.years)) for i in range(len(years))]  # noqa: E731
    seats = sum(z.seats for z in outlook)
    demand = {
        "kind": "line",
        "x": [str(y) for y in years],
        "unit": _("children"),
        "series": [
            {"name": _("expected"), "type": "bar", "data": total(lambda o: o.mid)},
            {"name": _("low"), "type": "line", "dashed": True, "data": total(lambda o: o.low)},
            {"name": _("high"), "type": "line", "dashed": True, "data": total(lambda o: o.high)},
            {"name": _("Seats"), "type": "line", "data": [seats] * len(years)},
        ],
    }
    loads = {z.school.code: z.load_percent for z in outlook}
    shapes = _collection(
        [
            _feature(z.geometry, label=z.school.name, load=loads.get(z.school_id))
            for z in Zone.objects.filter(season=season).select_related("school")
        ]
    )
    names = {d.key: d.name for d in District.objects.order_by("code")}
    ages, ages_at = sources.aggregate("parent_ages")
    education, education_at = sources.aggregate("education")
    levels = {
        "junior": _("junior school"),
        "senior": _("senior school"),
        "college": _("college"),
        "bachelor": _("bachelor"),
        "master": _("master and above"),
    }
    bands = [
        (
            _("Parents' age"),
            "ages",
            _band_chart(
                ages, ["<30", "30-34", "35-39", "40+"], {b: b for b in ("<30", "30-34", "35-39", "40+")}, names
            ),
            ages_at,
        ),
        (_("Parents' education"), "education", _band_chart(education, list(levels), levels, names), education_at),
    ]
    payload, _when = sources.aggregate("flows")
    links = []
    for origin, targets in sorted(payload.items()):
        for target, n in sorted(targets.items()):
            start = names.get(origin, _("other counties"))
            links.append(
                {
                    "source": f"{start}\u200b",  # invisible: the same place stands on both sides
                    "target": names.get(target, target),
                    "value": n,
                    "from": start,
                    "to": names.get(target, target),
                }
            )
    nodes = [{"name": n} for n in dict.fromkeys([x["source"] for x in links] + [x["target"] for x in links])]
    return bureau_page(
        request,
        "bureau/insight.html",
        district,
        outlook=outlook,
        years=years,
        demand=demand,
        shapes=shapes,
        bands=bands,
        flows={"kind": "sankey", "nodes": nodes, "links": links},
    )


@staff
def people(request: HttpRequest) -> HttpResponse:
    district = my_district(request)
    scopes = {district.key: district.name, **{s.code: s.name for s in School.objects.filter(district=district)}}
    return bureau_page(
        request,
        "bureau/people.html",
        district,
        scopes=scopes,
        roles=StaffRole.objects.filter(scope__in=list(scopes)).select_related("user").order_by("role", "scope"),
    )


@staff
def access_log(request: HttpRequest) -> HttpResponse:
    district = my_district(request)
    season = season_of(district)
    keys = Application.objects.filter(season=season).values("key")
    codes = School.objects.filter(district=district).values("code")
    rows = Access.objects.filter(subject__in=keys) | Access.objects.filter(subject__in=codes)
    return bureau_page(request, "bureau/log.html", district, rows=rows.select_related("actor").order_by("-at")[:300])


@staff
def city(request: HttpRequest) -> HttpResponse:
    """The same across districts, for the city and auditors."""
    if not (scope(request).city() or scope(request).auditor()):
        raise Http404
    rows: list[dict[str, Any]] = []
    for d in District.objects.order_by("code"):
        season = seasons.current(d)
        mine = Application.objects.filter(season=season).exclude(state=State.DRAFT)
        n = mine.count()
        offers = Offer.objects.filter(round__season=season, application__state__in=SEATED)
        rows.append(
            {
                "district": d,
                "n": n,
                "auto_percent": 100 * mine.filter(by_human=False).count() // n if n else 0,
                "review": mine.filter(state=State.SCHOOL_REVIEW).count(),
                "seats": sum(SeatPlan.objects.filter(season=season).values_list("seats", flat=True)),
                "seated": offers.count(),
                "coordinated": offers.filter(kind=Offer.Kind.COORDINATED).count(),
            }
        )
    chart = {
        "kind": "bar",
        "x": [r["district"].name for r in rows],
        "unit": _("children"),
        "series": [
            {"name": _("Applications"), "data": [r["n"] for r in rows]},
            {"name": _("Seats"), "data": [r["seats"] for r in rows]},
            {"name": _("Coordinated"), "data": [r["coordinated"] for r in rows]},
        ],
    }
    district = my_district(request)
    return bureau_page(request, "bureau/city.html", district, rows=rows, chart=chart, scope_label=_("City"))
