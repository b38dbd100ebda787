"""Pages for everyone."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import Any, Literal

from django.db.models import Count
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ruxue import crypto
from ruxue.admissions import notices
from ruxue.admissions.models import Notice, Offer, Publication
from ruxue.algorithms import identity
from ruxue.algorithms.bundle import to_bytes
from ruxue.applications import claims
from ruxue.applications.models import Application
from ruxue.applications.states import HOLDS_SEAT, State
from ruxue.classes import ceremony
from ruxue.classes.models import Ceremony
from ruxue.insight import warning
from ruxue.ledger import clock
from ruxue.ledger.models import Entry, TreeHead
from ruxue.places import rules, seasons, suggest
from ruxue.places.models import Compound, District, PolicyVersion, School, SeatPlan, Zone
from ruxue.policy.engine import decide
from ruxue.policy.explain import ANSWERABLE, answer, explain, next_questions, render_policy, self_check
from ruxue.policy.facts import VOCABULARY, Fact
from ruxue.web.templatetags.ruxue import chinese
from ruxue.web.witness.show import draw_context, state_name


def _districts() -> list[Any]:
    rows: list[Any] = list(District.objects.order_by("code"))
    now = clock.now()
    for d in rows:
        d.season = seasons.current(d)
        windows = sorted(d.season.windows.all(), key=lambda w: (w.opens_at, w.closes_at)) if d.season else []
        for w in windows:
            w.is_now = w.opens_at <= now < w.closes_at
        d.windows_sorted, d.open_windows = windows, [w for w in windows if w.is_now]
    return rows


def landing(request: HttpRequest, **context: Any) -> HttpResponse:
    return render(request, "public/landing.html", {"districts": _districts(), **context})


@require_POST
def lookup(request: HttpRequest) -> HttpResponse:
    """State of an application by its receipt: the state and the school, nothing about the child."""
    typed = request.POST.get("receipt", "").strip().upper()
    found = (
        Application.objects.filter(receipt=typed).exclude(state=State.DRAFT).select_related("school").first()
        if len(typed) == 10
        else None
    )
    return landing(request, found=found, lookup_error=found is None, typed=typed)


def timetable(request: HttpRequest) -> HttpResponse:
    return render(request, "public/timetable.html", {"districts": _districts()})


def _feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}


def schools(request: HttpRequest) -> HttpResponse:
    districts = _districts()
    shapes = []
    for d in districts:
        d.plans = (
            SeatPlan.objects.filter(season=d.season).select_related("school").order_by("school_id") if d.season else []
        )
        for z in Zone.objects.filter(season=d.season).select_related("school"):
            shapes.append(_feature(z.geometry, label=z.school.name, url=reverse("public:school", args=[z.school_id])))
    return render(request, "public/schools.html", {"districts": districts, "shapes": _collection(shapes)})


def school(request: HttpRequest, code: str) -> HttpResponse:
    row = get_object_or_404(School.objects.select_related("district"), code=code)
    season = seasons.current(row.district_id)
    zone = Zone.objects.filter(season=season, school=row).first()
    shapes = [_feature(zone.geometry, label=row.name, here=True)] if zone else []
    shapes.append(_feature({"type": "Point", "coordinates": [row.lng, row.lat]}, label=row.name))
    return render(
        request,
        "public/school.html",
        {
            "school": row,
            "plan": SeatPlan.objects.filter(season=season, school=row).first(),
            "shapes": _collection(shapes),
            "compounds": zone.compounds.order_by("name") if zone else [],
            "load": next((r for r in warning.loads(season) if r.school == row), None) if season else None,
            "draws": Ceremony.objects.filter(school=row).order_by("id"),
        },
    )


def suggest_compounds(request: HttpRequest) -> JsonResponse:
    found = suggest.compounds(request.GET.get("q", "")[:40], request.GET.get("district") or None)
    return JsonResponse({"compounds": [{"code": c.code, "name": c.name, "address": c.address} for c in found]})


def _assumed(district: str, hukou: str, basis: str) -> dict[str, Fact]:
    """Facts of a family that is as it says: for the self-check, which stores nothing."""
    owns = basis in ("owned", "contract", "resettlement")
    values: dict[str, Any] = {
        "child.hukou_district": "other" if hukou == "other" else district,
        "child.with_guardian_household": basis != "grandparents",
        "child.with_grandparent_household": basis == "grandparents",
        "child.already_enrolled": False,
        "dwelling.owned_by_family": owns,
        "dwelling.owned_by_grandparent": basis == "grandparents",
        "dwelling.in_zone": basis != "lease",
        "dwelling.residential": True,
        "dwelling.full_ownership": owns,
        "dwelling.family_share_bp": 10_000 if owns else 0,
        "dwelling.owners_within_kin": owns,
        "dwelling.address_equals_hukou": hukou == "home",
        "dwelling.is_contract": basis == "contract",
        "dwelling.is_resettlement": basis == "resettlement",
        "dwelling.original_village_in_zone": False,
        "family.no_dwelling_in_core": basis in ("lease", "grandparents"),
        "family.reported_absent": False,
        "family.special_group": "",
        "lease.in_zone": basis == "lease",
        "lease.sole": basis == "lease",
        "job.in_district": True,
        "lease.filed_on": clock.today().replace(year=clock.today().year - 1),
        "child.born_on": clock.today().replace(year=clock.today().year - 7),
    }
    return {k: Fact(v, "declared") for k, v in values.items()}


def which(request: HttpRequest) -> HttpResponse:
    """School and category by compound and the family's own word."""
    name, hukou, basis = (
        request.GET.get("name", "")[:40],
        request.GET.get("hukou", "home"),
        request.GET.get("basis", "owned"),
    )
    context: dict[str, Any] = {"name": name, "hukou": hukou, "basis": basis, "bases": claims.BASES}
    compound = Compound.objects.filter(pk=request.GET.get("compound", "")).first()
    if compound is None and name:
        context["choices"] = suggest.compounds(name)
        context["not_found"] = not context["choices"]
    if compound is not None:
        season = seasons.current(compound.district_id)
        row = seasons.zone_school(season, compound.code) if season else None
        policy = rules.in_force(season) if season else None
        context.update(compound=compound, school=row, name=compound.name)
        if policy and row:
            facts = _assumed(compound.district_id, hukou, basis)
            context["explanation"] = explain(
                policy, facts, decide(policy, facts, final=True), "zh" if chinese() else "en"
            )
            context["last"] = row.history[0] if row.history else None
    return render(request, "public/which.html", context)


def _rule_versions(request: HttpRequest, district: str) -> tuple[PolicyVersion, PolicyVersion | None]:
    """The published version that is asked for (?v=, else the one in force), and the one that is in force."""
    season = seasons.current(district)
    current = rules.version_in_force(season) if season else None
    wanted, shown = request.GET.get("v", ""), current
    if season and wanted:
        shown = season.policies.filter(version=int(wanted)).first() if wanted.isdigit() and len(wanted) < 5 else None
    if shown is None:
        raise Http404
    return shown, current


def rule(request: HttpRequest, district: str) -> HttpResponse:
    """A published rule in words, generated from the text that decides, with its signature and its other versions."""
    shown, current = _rule_versions(request, district)
    return render(
        request,
        "public/rule.html",
        {
            "rule": render_policy(rules.policy_of(shown), "zh" if chinese() else "en"),
            "version": shown,
            "current": current,
            "versions": shown.season.policies.order_by("-version"),
            "district": district,
            "public_key": crypto.public_signing_key(),
        },
    )


def rule_text(request: HttpRequest, district: str) -> HttpResponse:
    """The very text that was signed, for whoever wants to recompute its digest."""
    shown, _current = _rule_versions(request, district)
    return HttpResponse(shown.text, content_type="text/plain; charset=utf-8")


_ASKED_AT_ONCE = 4


def rule_check(request: HttpRequest, district: str) -> HttpResponse:
    """Which category would we be? Asks what the rule in force needs, a few questions at a time, and stores nothing:
    answers travel in the form, not in the address."""
    _shown, current = _rule_versions(request, district)
    if current is None:
        raise Http404
    policy = rules.policy_of(current)
    lang: Literal["zh", "en"] = "zh" if chinese() else "en"
    answers: dict[str, Any] = {}
    kept: dict[str, str] = {}
    wrong: set[str] = set()
    for name in request.POST:
        fact, typed = name.removeprefix("a."), " ".join(v.strip()[:40] for v in request.POST.getlist(name) if v.strip())
        # "?" stands for a question that was left open: it is asked again.
        if not name.startswith("a.") or fact not in VOCABULARY or typed == "?":
            continue
        try:
            answers[fact] = answer(policy, fact, typed)
            kept[name] = typed if answers[fact] is not None else "-"
        except ValueError:
            wrong.add(fact)
    asked = [q for q in next_questions(policy, answers, lang) if q.kind in ANSWERABLE]
    return render(
        request,
        "public/rule_check.html",
        {
            "district": district,
            "policy_title": policy.title.zh if lang == "zh" else policy.title.en,
            "answers": kept.items(),
            "asked": asked[:_ASKED_AT_ONCE],
            "left": len(asked),
            "wrong": wrong,
            "explanation": self_check(policy, answers, lang) if answers else None,
        },
    )


def results(request: HttpRequest) -> HttpResponse:
    publications: list[Any] = list(
        Publication.objects.filter(kind="results").select_related("season__district").order_by("season__district__code")
    )
    names = {s.code: s for s in School.objects.all()}
    for p in publications:
        p.rounds = p.season.rounds.select_related("lottery").order_by("number")
        p.schools = [
            {"code": c, "name": names[c].name, "count": len(v)} for c, v in sorted(p.payload["schools"].items())
        ]
    return render(request, "public/results.html", {"publications": publications})


def results_school(request: HttpRequest, code: str) -> HttpResponse:
    row = get_object_or_404(School, code=code)
    season = seasons.current(row.district_id)
    publication = Publication.objects.filter(season=season, kind="results").first()
    return render(
        request,
        "public/results_school.html",
        {"school": row, "rows": publication.payload["schools"].get(code, []) if publication else []},
    )


def statistics(request: HttpRequest) -> HttpResponse:
    rows = []
    for d in _districts():
        states: dict[bool, int] = dict(
            Application.objects.filter(season=d.season)
            .exclude(state=State.DRAFT)
            .values_list("by_human")
            .annotate(n=Count("id"))
        )
        rows.append(
            {
                "district": d,
                "applications": sum(states.values()),
                "auto": states.get(False, 0),
                "seats": sum(SeatPlan.objects.filter(season=d.season).values_list("seats", flat=True)),
                "seated": Offer.objects.filter(
                    round__season=d.season, application__state__in=HOLDS_SEAT - {State.SEATED}
                ).count(),
            }
        )
    chart = {
        "kind": "bar",
        "x": [r["district"].name for r in rows],
        "unit": _("children"),
        "series": [
            {"name": _("Applications"), "data": [r["applications"] for r in rows]},
            {"name": _("Seats"), "data": [r["seats"] for r in rows]},
            {"name": _("Seated"), "data": [r["seated"] for r in rows]},
        ],
    }
    return render(request, "public/statistics.html", {"rows": rows, "chart": chart})


def draws(request: HttpRequest) -> HttpResponse:
    rows: list[Any] = list(Ceremony.objects.order_by("-id")[:500])
    for r in rows:
        r.state_name = state_name(r)
    return render(request, "public/draws.html", {"draws": rows})


def draw(request: HttpRequest, key: str) -> HttpResponse:
    made = get_object_or_404(Ceremony.objects.select_related("school", "season"), key=key)
    return render(request, "public/draw.html", draw_context(made))


def bundle(request: HttpRequest, key: str) -> FileResponse:
    made = get_object_or_404(Ceremony, key=key, state=Ceremony.State.DRAWN)
    return FileResponse(
        io.BytesIO(to_bytes(ceremony.published_bundle(made))),
        content_type="application/json",
        as_attachment=True,
        filename=f"{made.manifest['id']}.json",
    )


_VERIFIER = Path(__file__).parents[1] / "static" / "dist" / "verifier.html"
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')


def verifier(request: HttpRequest, key: str = "") -> FileResponse:
    """The page that verifies bundles, one file without network; with `key` it carries that draw's bundle.

    It also carries the log's key, so that a copy saved today knows a log with another key. `?save` downloads it.
    """
    page, name = _VERIFIER.read_text(encoding="utf-8"), "ruxue-verify"
    policy = _POLICY.search(page)
    assert policy is not None
    page = page.replace(
        'name="ruxue-log-key" content=""', f'name="ruxue-log-key" content="{crypto.public_signing_key()}"'
    )
    if get_language() == "en":
        page = page.replace('<html lang="zh-CN">', '<html lang="en">')
    if key:
        made = get_object_or_404(Ceremony, key=key, state=Ceremony.State.DRAWN)
        name = f"{made.manifest['id']}-verify"
        carried = html.escape(to_bytes(ceremony.published_bundle(made)).decode())
        page = page.replace('<pre id="bundle" hidden>', '<pre id="bundle" hidden>' + carried)
    answer = FileResponse(
        io.BytesIO(page.encode()),
        content_type="text/html; charset=utf-8",
        as_attachment="save" in request.GET,
        filename=f"{name}.html",
    )
    answer.headers["Content-Security-Policy"] = policy[1] + "; frame-ancestors 'none'"
    return answer


def log(request: HttpRequest) -> HttpResponse:
    head = TreeHead.objects.order_by("-size").first()
    entries = Entry.objects.exclude(index=None).order_by("-index")[:20]
    return render(request, "public/log.html", {"head": head, "entries": entries, "key": crypto.public_signing_key()})


def head(request: HttpRequest) -> JsonResponse:
    newest = TreeHead.objects.order_by("-size").first()
    if newest is None:
        return JsonResponse({"size": 0})
    return JsonResponse(
        {
            "size": newest.size,
            "root": newest.root,
            "at": newest.at.isoformat(),
            "signature": newest.signature,
            "public_key": crypto.public_signing_key(),
        }
    )


def notice(request: HttpRequest, number: str) -> HttpResponse:
    """Tells whether an admission notice is real; the name is masked."""
    row = (
        Notice.objects.filter(number=number)
        .select_related("offer__application", "offer__school", "offer__round__season")
        .first()
    )
    if row is None or not notices.is_genuine(row):
        return render(request, "public/notice.html", {"genuine": False}, status=404)
    app = row.offer.application
    return render(
        request,
        "public/notice.html",
        {
            "genuine": True,
            "notice": row,
            "name": identity.mask_name(app.child_name),
            "school": row.offer.school,
            "year": row.offer.round.season.year,
            "tail": app.receipt_tail,
        },
    )


def help_(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "public/text.html",
        {
            "heading": _("Help"),
            "districts": District.objects.order_by("code"),
            "sections": [
                (
                    _("What do I need?"),
                    _(
                        "The household book. If you own your home, nothing else; if not, the number of the contract, lease or agreement."
                    ),
                ),
                (
                    _("Does it matter when I apply?"),
                    _("No. As long as applying is open, the first and the last have the same chance."),
                ),
                (
                    _("Something does not agree. Am I refused?"),
                    _(
                        "No. The page says what differs and what you can do: correct it, upload a picture, book a time, or go on with what is proven."
                    ),
                ),
                (
                    _("I can't use a phone."),
                    _("Every school applies with you at its window. Bring the household book."),
                ),
                (
                    _("How do I check a draw?"),
                    _(
                        "On the page of the draw, press “Check it yourself”: your phone computes the draw again, without network, and finds your child by the receipt's code. The program “ruxue verify FILE” does the same on a computer."
                    ),
                ),
            ],
        },
    )


def accessibility(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "public/text.html",
        {
            "heading": _("Accessibility"),
            "districts": District.objects.order_by("code"),
            "sections": [
                (
                    _("What we aim for"),
                    _(
                        "All pages work with a keyboard, a screen reader, letters twice as large, and on screens 320 pixels wide; we test them against WCAG 2.2 AA."
                    ),
                ),
                (
                    _("Something does not work for you?"),
                    _("Call the district; the same service is given at every school's window."),
                ),
            ],
        },
    )


def privacy(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "public/text.html",
        {
            "heading": _("Privacy"),
            "districts": District.objects.order_by("code"),
            "sections": [
                (
                    _("What is collected"),
                    _(
                        "Names, ID numbers and relation of child and guardians, the home, and the departments' answers that the rule needs. Never: posts, income, vaccination, kindergarten."
                    ),
                ),
                (
                    _("How it is kept"),
                    _(
                        "Encrypted in the database; each look at a file is logged and shown to the family; public lists are masked."
                    ),
                ),
                (_("How long"), _("Until the end of the year after the season; then answers and papers are deleted.")),
                (
                    _("Your rights"),
                    _("See who asked what, correct it, take your consent back, delete a draft: all on your pages."),
                ),
            ],
        },
    )
