"""A guardian's pages: each parses, calls one function of the domain, and renders."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ruxue.accounts import consent as consents
from ruxue.accounts import signin as signing
from ruxue.accounts.models import User
from ruxue.admissions import notices, preferences, rounds
from ruxue.admissions.models import Offer
from ruxue.admissions.why import Answer, why_not
from ruxue.algorithms import identity
from ruxue.applications import claims, review, stored_facts
from ruxue.applications.claims import AlreadyApplied, ClaimError
from ruxue.applications.machine import NotAllowed
from ruxue.applications.models import Application, Check
from ruxue.applications.reasons import REASONS
from ruxue.applications.states import EDITABLE, HOLDS_SEAT, State
from ruxue.exchange import connections
from ruxue.exchange.items import DEPARTMENT_NAMES, ITEMS
from ruxue.ledger import clock
from ruxue.places import rules, seasons, suggest
from ruxue.places.models import District, School
from ruxue.places.seasons import NotOpen
from ruxue.policy.engine import decide
from ruxue.policy.explain import Explanation, Standing, explain, with_standing
from ruxue.policy.facts import Lang
from ruxue.policy.language import Policy
from ruxue.web.templatetags.ruxue import chinese, day, disability_name, in_brackets, km, relation_name

View = Callable[..., HttpResponse]


def guardian(view: View) -> View:
    """Only for signed-in guardians; others are sent to the sign-in and back."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not (request.user.is_authenticated and request.user.is_guardian):
            return redirect(f"{reverse('guardian:signin')}?next={request.path}")
        return view(request, *args, **kwargs)

    return wrapped


def _mine(request: HttpRequest, key: str) -> Application:
    row = (
        Application.objects.select_related("season__district", "school", "compound")
        .filter(key=key, guardian=request.user.pk)
        .first()
    )
    if row is None:
        raise Http404
    return row


def signin(request: HttpRequest) -> HttpResponse:
    """Two steps on one address: the number, then the code."""
    if request.method == "POST" and "code" in request.POST:
        phone = request.POST.get("phone", "")
        try:
            user = signing.check_code(phone, request.POST["code"])
        except signing.SignInError as error:
            return render(request, "guardian/signin.html", {"phone": phone, "error": error.code}, status=400)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        target = request.GET.get("next", "")
        return redirect(target if target.startswith("/g/") else reverse("guardian:home"))
    if request.method == "POST":
        phone = "".join(c for c in request.POST.get("phone", "") if c.isdigit())
        try:
            sent = signing.send_code(phone, request.META.get("REMOTE_ADDR", "") or "unknown")
        except signing.SignInError as error:
            return render(
                request,
                "guardian/signin.html",
                {"typed": request.POST.get("phone", ""), "error": error.code},
                status=400,
            )
        return render(request, "guardian/signin.html", {"phone": phone, "on_page": sent.on_page})
    return render(request, "guardian/signin.html")


def _retention() -> Any:
    season = District.objects.first()
    newest = seasons.current(season) if season else None
    return newest.retention_until if newest else clock.today() + timedelta(days=365)


@guardian
def consent(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        assert isinstance(request.user, User)
        consents.give(request.user, sorted(connections.current().items()), _retention())
        return redirect("guardian:home")
    offered = connections.current().items()
    names = [
        (d_names[0 if chinese() else 1], mine)
        for d, d_names in DEPARTMENT_NAMES.items()
        if (mine := [c for c in offered if ITEMS[c].department == d])
    ]
    return render(
        request,
        "guardian/consent.html",
        {"departments": names, "until": _retention(), "back": reverse("guardian:home")},
    )


def _url(row: Application) -> str:
    return reverse("guardian:child" if row.state == State.DRAFT else "guardian:status", args=[row.key])


@guardian
def home(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    if consents.current(request.user) is None and not request.user.applications.exists():
        return redirect("guardian:consent")
    rows = list(
        Application.objects.filter(guardian=request.user)
        .exclude(state=State.WITHDRAWN)
        .select_related("season__district", "school")
        .order_by("-created_at")
    )
    for row in rows:
        row.get_url = _url(row)  # type: ignore[attr-defined]
    districts = list(District.objects.order_by("code"))
    for d in districts:
        season = seasons.current(d)
        d.late = bool(season and seasons.is_open(season, "late"))  # type: ignore[attr-defined]
        d.open = bool(season and (seasons.is_open(season, "collection") or seasons.is_open(season, "late")))  # type: ignore[attr-defined]
        window = seasons.window(season, "collection") if season else None
        d.opens = window.opens_at if window and window.opens_at > clock.now() else None  # type: ignore[attr-defined]
    return render(request, "guardian/home.html", {"rows": rows, "districts": districts})


@guardian
@require_POST
def new(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    if consents.current(request.user) is None:
        return redirect("guardian:consent")
    district = District.objects.filter(key=request.POST.get("district", "")).first()
    season = seasons.current(district) if district else None
    if season is None:
        raise Http404
    try:
        row = claims.start(request.user, season)
    except NotOpen as error:
        messages.error(request, _not_open(error))
        return redirect("guardian:home")
    return redirect("guardian:child", row.key)


def _not_open(error: NotOpen) -> str:
    if error.opens_at and error.opens_at > clock.now():
        return _("This is not open yet; it opens on %(day)s.") % {"day": day(error.opens_at)}
    if error.closes_at:
        return _("This closed on %(day)s. Please call the district; late children get a seat too.") % {
            "day": day(error.closes_at)
        }
    return _("The district has not said yet when this opens.")


def _posted(request: HttpRequest) -> dict[str, Any]:
    """Claim fields of a form, `person.field` gathered by person."""
    data: dict[str, Any] = {}
    for name, value in request.POST.items():
        person, _dot, field = name.partition(".")
        if field and person in claims.PEOPLE:
            data.setdefault(person, {})[field] = value
        elif name in ("room", "certificate_no", "basis", "special_need"):
            data[name] = value
    if "compound" in request.POST:
        data["compound"] = request.POST.get("compound_choice") or request.POST["compound"]
    return data


@guardian
@require_POST
def save(request: HttpRequest, key: str) -> HttpResponse:
    """Autosave: whatever is typed so far."""
    try:
        claims.save(_mine(request, key), _posted(request))
    except ClaimError as error:
        return JsonResponse({"errors": error.fields}, status=409)
    return JsonResponse({"saved": True})


def _mistakes(row: Application, errors: dict[str, str], here: bool) -> list[dict[str, str]]:
    """What parts/errors.html lists: the field's name, what is wrong, and where it is mended; `here`: on this page."""
    people = {
        "child": _("Child"),
        "guardian": _("Guardian"),
        "second_guardian": _("The other parent"),
        "grandparent": _("Grandparent"),
    }
    parts = {"name": _("Name"), "id_number": _("ID number"), "relation": _("Relation to the child")}
    order = ("", "child", "guardian", "second_guardian", "compound", "grandparent", "consent")  # as the pages come
    found = []
    for field, code in sorted(errors.items(), key=lambda e: order.index(e[0].partition(".")[0])):
        person, _dot, part = field.partition(".")
        view = {"child": "child", "guardian": "people", "second_guardian": "people", "consent": "consent"}
        name = view.get(person, "dwelling")
        page = "" if here else reverse(f"guardian:{name}", args=[row.key] if name != "consent" else [])
        label = f"{people[person]} · {parts[part]}" if part else _("Home") if field == "compound" else ""
        anchor = "compound-name" if field == "compound" else field
        found.append({"label": label, "code": code, "href": f"{page}#{anchor}"})
    return found


def _step(
    request: HttpRequest, key: str, template: str, fields: tuple[str, ...], following: str, back: str, **context: Any
) -> HttpResponse:
    """One page of the form: saves, shows what is wrong with its own fields, goes on to the next."""
    row = _mine(request, key)
    if row.state not in EDITABLE:
        return redirect("guardian:status", key)
    errors: dict[str, str] = {}
    if request.method == "POST":
        claims.save(row, _posted(request))
        row = _mine(request, key)
        errors = {f: c for f, c in claims.problems(row).items() if f.split(".")[0] in fields}
        if not errors:
            return redirect(following, key)
    people = []
    for name in ("guardian", "second_guardian"):
        people.append(
            {
                "second": name != "guardian",
                "person": row.claim.get(name) or {},
                "open": any(e.startswith(name) for e in errors),
                **{
                    f"n_{short}": f"{name}.{field}"
                    for short, field in (("name", "name"), ("id", "id_number"), ("relation", "relation"))
                },
                **{
                    f"e_{short}": errors.get(f"{name}.{field}", "")
                    for short, field in (("name", "name"), ("id", "id_number"), ("relation", "relation"))
                },
            }
        )
    typed, offered = request.POST.get("compound_name", ""), connections.current().items()
    return render(
        request,
        template,
        {
            "row": row,
            "claim": row.claim,
            "errors": errors,
            "mistakes": _mistakes(row, errors, here=True),
            "people": people,
            "relations": claims.RELATIONS,
            "bases": claims.BASES,
            "advice": "X8" in offered,
            "permits": "X11" in offered,
            "typed": typed,
            "choices": suggest.compounds(typed, row.season.district_id) if "compound" in errors else [],
            "back": reverse(back, args=[key]) if back != "guardian:home" else reverse(back),
            **context,
        },
        status=400 if errors else 200,
    )


@guardian
def child(request: HttpRequest, key: str) -> HttpResponse:
    return _step(request, key, "guardian/child.html", ("child",), "guardian:people", "guardian:home")


@guardian
def people(request: HttpRequest, key: str) -> HttpResponse:
    return _step(
        request, key, "guardian/people.html", ("guardian", "second_guardian"), "guardian:dwelling", "guardian:child"
    )


@guardian
def dwelling(request: HttpRequest, key: str) -> HttpResponse:
    return _step(
        request, key, "guardian/dwelling.html", ("compound", "grandparent"), "guardian:check", "guardian:people"
    )


@guardian
def check(request: HttpRequest, key: str) -> HttpResponse:
    """Everything once more, then submit."""
    row = _mine(request, key)
    if row.state not in EDITABLE:
        return redirect("guardian:status", key)
    errors: dict[str, str] = {}
    duplicate = None
    if request.method == "POST":
        assert isinstance(request.user, User)
        try:
            claims.submit(key, request.user)
            return redirect("guardian:status", key)
        except ClaimError as error:
            errors = error.fields
        except AlreadyApplied as error:
            duplicate = error
        except NotOpen as error:
            messages.error(request, _not_open(error))
    school = seasons.zone_school(row.season, row.compound_id or "")
    return render(
        request,
        "guardian/review.html",
        {
            "row": row,
            "claim": row.claim,
            "errors": errors,
            "mistakes": _mistakes(row, errors, here=False),
            "duplicate": duplicate,
            "school": school,
            "back": reverse("guardian:dwelling", args=[key]),
        },
        status=400 if errors or duplicate else 200,
    )


def explanation_of(row: Application) -> Explanation | None:
    """Why the application has its category, by the rule that decided it, in the language of the page; after a round
    with its place in the order."""
    policy = rules.that_decided(row.season, row.policy_digest)
    if policy is None or not row.facts:
        return None
    facts = stored_facts.unpack(row.facts)
    verdict = decide(
        policy,
        facts,
        final=row.state not in (State.NEED_INFO, State.RETURNED, State.SCHOOL_REVIEW, State.ONSITE_BOOKED),
    )
    if verdict.state != "ineligible" and row.state == State.NEED_INFO and verdict.state == "decided":
        verdict = replace(verdict, state="needs_facts")
    lang: Lang = "zh" if chinese() else "en"
    made = explain(policy, facts, verdict, lang, _until(row))
    standing = _standing(row, policy)
    return with_standing(made, standing, lang) if standing else made


def _until(row: Application) -> date | None:
    """The last day on which the family can still prove or correct something; None where it can't."""
    last = row.deadline if row.state != State.OFFERED else None
    if last is None and row.state in (State.AUTO_PASSED, State.CLASSIFIED, State.PUBLISHED, State.REJECTED):
        found = seasons.window(row.season, "objection")
        last = found.closes_at if found and found.closes_at > clock.now() else None
    return last.astimezone(clock.CITY_ZONE).date() if last else None


def _standing(row: Application, policy: Policy) -> Standing | None:
    """Where the round left the child at its zone's school; None before it is told, and where it did not ask there."""
    offer: Offer | None = getattr(row, "offer", None)
    if row.school is None:
        return None
    if offer is not None:
        told: Any = offer if offer.deadline and offer.rank else None
        made = offer.round if told else None
    else:
        found = why_not(row, row.school)
        told = found if found.rank else None
        made = row.season.rounds.filter(number=found.round).first() if told and found.round else None
    if told is None or made is None:
        return None
    admitted = offer is not None and offer.kind == Offer.Kind.ZONE
    last = made.offers.filter(school=row.school, kind=Offer.Kind.ZONE, rank=told.last_rank).first()
    points = decide(policy, stored_facts.unpack(last.application.facts), final=True).total if last else None
    return Standing(told.rank, told.applicants, told.seats, told.last_rank, admitted, points)


def shown_checks(row: Application) -> list[Check]:
    """The comparisons with their words and the differing characters marked."""
    texts = {
        "matched": _("agrees"),
        "resolved": _("agrees (written in another way)"),
        "mismatched": _("does not agree"),
        "not_found": _("not found in the register"),
        "waiting": _("no answer yet: we ask again, you need not do anything"),
        "information": _("taken note of"),
    }
    checks: list[Any] = review.current_checks(row)
    for c in checks:
        c.status_text = _("the register is not sure") if c.reason == "register_unsure" else texts[c.status]
        person = row.claim.get(c.part) if c.part in claims.PEOPLE else None
        c.person = person.get("name", "") + in_brackets(relation_name(person.get("relation") or "")) if person else ""
        if c.item == "X8" and c.registered:
            c.status_text = _("%(kind)s, level %(level)s: for advice on the place only") % {
                "kind": disability_name(c.registered["disability"]),
                "level": c.registered["level"],
            }
        if c.claimed and c.registered and c.status != "matched":
            left, right = str(c.claimed.get("address", "")), str(c.registered.get("address", ""))
            if left and right:
                c.mine, c.theirs = identity.differing(left, right)
    return checks


def _actions(row: Application) -> list[str]:
    """What the family can do now, the most promising first."""
    found = (
        [a for code in row.needed for a in REASONS[code].actions]
        if row.state in (State.NEED_INFO, State.RETURNED, State.REJECTED)
        else []
    )
    objections = "late_objection" if row.late else "objection"
    if row.state in (State.PUBLISHED, State.REJECTED) and seasons.is_open(row.season, objections):
        found.append("object")
    return [a for a in ("correct", "upload", "book", "waive", "object") if a in found]


def _next_text(row: Application) -> str:
    """What comes next and when, for each state."""

    def window(kind: str) -> Any:
        return seasons.window(row.season, kind)

    if row.state in (State.AUTO_PASSED, State.CLASSIFIED) and window("publication"):
        return _("Next: the preliminary result is published on %(day)s.") % {
            "day": day(window("publication").closes_at)
        }
    objections = window("late_objection" if row.late else "objection")
    if row.state == State.PUBLISHED and objections:
        return _("You can object until %(day)s; after that the category is final.") % {"day": day(objections.closes_at)}
    if row.state in (State.LOCKED, State.TO_COORDINATE, State.SEATED) and window("offer"):
        return _("Next: seats are offered on %(day)s.") % {"day": day(window("offer").opens_at)}
    if row.state == State.ACCEPTED and window("classes"):
        return _("Next: the classes are drawn in public from %(day)s on.") % {"day": day(window("classes").opens_at)}
    if row.state == State.REJECTED and window("objection"):
        return _("You can object to the refusal from %(first)s until %(last)s.") % {
            "first": day(window("objection").opens_at),
            "last": day(window("objection").closes_at),
        }
    if row.state == State.SCHOOL_REVIEW:
        return _("Next: the school looks at your papers, usually within three working days.")
    return ""


@guardian
def status(request: HttpRequest, key: str) -> HttpResponse:
    """The family's home: where am I, what is next, until when, what if I do nothing."""
    row = _mine(request, key)
    if row.state == State.DRAFT:
        return redirect("guardian:child", key)
    offer = getattr(row, "offer", None) if row.state != State.SEATED else None  # nothing is told before it is published
    place = getattr(row, "class_place", None)
    team = place.ceremony.school.teams.filter(season=row.season, number=place.number).first() if place else None
    return render(
        request,
        "guardian/status.html",
        {
            "row": row,
            "explanation": explanation_of(row),
            "until": _until(row),
            "checks": shown_checks(row),
            "actions": _actions(row),
            "licences": review.licences(row),
            "next_text": _next_text(row),
            "transitions": row.transitions.order_by("-id"),
            "documents": row.documents.order_by("id"),
            "objections": row.objections.order_by("id"),
            "offer": offer,
            "notice": getattr(offer, "notice", None) if offer else None,
            "place": place,
            "team": team,
            "booking": getattr(row, "booking", None) if row.state == State.ONSITE_BOOKED else None,
            "can_withdraw": row.state
            in (
                State.VERIFYING,
                State.NEED_INFO,
                State.RETURNED,
                State.SCHOOL_REVIEW,
                State.AUTO_PASSED,
                State.CLASSIFIED,
                State.PUBLISHED,
                State.REJECTED,
            ),
            "may_ask_again": row.state in (State.DECLINED, State.LAPSED) and seasons.is_open(row.season, "late"),
            "can_list": row.state not in HOLDS_SEAT and not preferences.terms(row).empty,
            "why_waiting": row.state == State.TO_COORDINATE,
            "back": reverse("guardian:home"),
        },
    )


def _why_lines(answer: Answer) -> list[str]:
    """The answer in words: what decided, and its numbers."""
    a, away = answer, km(answer.distance_m)
    place = [
        _("It had %(s)s seats for %(n)s families of its zone; your child's place in the order was %(r)s.")
        % {"s": a.seats, "n": a.applicants, "r": a.rank},
        _("The last admitted was number %(r)s (category %(c)s).") % {"r": a.last_rank, "c": a.last_category}
        if a.last_rank
        else "",
    ]
    other = _("Your home is not in its zone, and children of its zone come first.")
    told = {
        "not_yet": [_("Seats are not given yet. This page tells more when the offers are out.")],
        "seat": [_("Your child has a seat here.")],
        "zone_full": [
            *place,
            _("The rule: categories in their order, then the tie-breakers; all seats went to families before you."),
        ],
        "list_full": [
            _("It had %(s)s seats for %(n)s families who asked for it; your child's place in the order was %(r)s.")
            % {"s": a.seats, "n": a.applicants, "r": a.rank},
            place[1],
        ],
        "locked": [
            _("A pupil of another family entered through this home, and by the rule it gives no second seat yet.")
        ],
        "buffer_closed": [_("Your home lies in its buffer zone, whose seats are for another category.")],
        "wanted_less": [_("Your child got a seat that your family wanted more, so it did not need this one.")],
        "private": [_("It is a private school: only families who put it on their list ask for it.")],
        "zone_lot": [
            *place,
            _("You stood equal with others for the last seats, and the lot, drawn before all, decided."),
        ],
        "zone_category": [_("Your category asks for no school: the district arranges the seat.")],
        "not_zone_full": [other, _("All of its %(s)s seats went to its own zone.") % {"s": a.seats}],
        "not_zone_nearer": [
            other,
            _(
                "The seats that it had left went by coordination to children placed before yours, or it is over the limit of distance."
            ),
        ],
        "not_zone_farther": [
            other,
            _("It is %(d)s from your home, farther than the seat that your child has (%(o)s).")
            % {"d": away, "o": km(a.own_distance_m)},
        ],
    }
    return [line for line in told[a.code] if line]


@guardian
def why(request: HttpRequest, key: str) -> HttpResponse:
    """Why not this school: for any school of the district, first the zone's own."""
    row = _mine(request, key)
    schools = list(School.objects.filter(district=row.season.district_id, level=row.season.level).order_by("code"))
    wanted = request.GET.get("school") or row.school_id
    school = next((s for s in schools if s.code == wanted), schools[0] if schools else None)
    if school is None:
        raise Http404
    answer = why_not(row, school)
    return render(
        request,
        "guardian/why.html",
        {
            "row": row,
            "schools": schools,
            "answer": answer,
            "lines": _why_lines(answer),
            "back": reverse("guardian:status", args=[key]),
        },
    )


@guardian
@require_POST
def ask_again(request: HttpRequest, key: str) -> HttpResponse:
    """A family without a seat asks for one in the late round."""
    _mine(request, key)
    assert isinstance(request.user, User)
    try:
        rounds.ask_again(key, request.user)
        messages.success(request, _("Done."))
    except (NotAllowed, seasons.NotOpen):
        messages.error(request, _("This is not possible at the moment."))
    return redirect("guardian:status", key)


@guardian
def upload(request: HttpRequest, key: str) -> HttpResponse:
    row = _mine(request, key)
    error, kind = "", request.POST.get("kind") or review.DOCUMENT_KINDS[0]
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            assert isinstance(request.user, User)
            if file is None:
                raise review.UploadError("no_picture")
            if (file.size or 0) > 10 * 1024 * 1024:
                raise review.UploadError("too_large")
            review.upload(key, request.user, kind, file.read(), request.POST.get("number", ""))
            messages.success(request, _("Your paper has been sent to the school."))
            return redirect("guardian:status", key)
        except review.UploadError as failure:
            error = failure.code
        except NotAllowed:
            error = "closed"
    return render(
        request,
        "guardian/upload.html",
        {
            "row": row,
            "kinds": review.DOCUMENT_KINDS,
            "kind": kind,
            "error": error,
            "number": request.POST.get("number", row.claim.get("certificate_no", "")),
            "back": reverse("guardian:status", args=[key]),
        },
        status=400 if error else 200,
    )


@guardian
@require_POST
def licence(request: HttpRequest, key: str) -> HttpResponse:
    """The electronic licence that was found goes to the school in place of a picture."""
    _mine(request, key)
    assert isinstance(request.user, User)
    try:
        review.hand_in_licence(key, request.user)
        messages.success(request, _("Your paper has been sent to the school."))
    except (review.UploadError, NotAllowed):
        messages.error(request, _("This is not possible at the moment."))
    return redirect("guardian:status", key)


@guardian
def book(request: HttpRequest, key: str) -> HttpResponse:
    row = _mine(request, key)
    error = ""
    if request.method == "POST":
        assert isinstance(request.user, User)
        try:
            review.book(key, request.user, int(request.POST.get("slot") or 0))
            return redirect("guardian:status", key)
        except (review.UploadError, NotAllowed, review.Slot.DoesNotExist, ValueError):
            error = "full" if request.POST.get("slot") else "no_slot"
    return render(
        request,
        "guardian/book.html",
        {"row": row, "slots": review.open_slots(row), "error": error, "back": reverse("guardian:status", args=[key])},
        status=400 if error else 200,
    )


@guardian
def object_(request: HttpRequest, key: str) -> HttpResponse:
    row = _mine(request, key)
    text, error = request.POST.get("text", ""), ""
    if request.method == "POST" and not text.strip():
        error = "no_text"
    elif request.method == "POST":
        assert isinstance(request.user, User)
        try:
            review.object_to(key, request.user, text)
            messages.success(request, _("Your objection has been received."))
            return redirect("guardian:status", key)
        except NotOpen as closed:
            messages.error(request, _not_open(closed))
        except NotAllowed:
            messages.error(request, _("There is no published result to object to at the moment."))
    return render(
        request,
        "guardian/object.html",
        {"row": row, "text": text, "error": error, "back": reverse("guardian:status", args=[key])},
        status=400 if error else 200,
    )


@guardian
@require_POST
def answer(request: HttpRequest, key: str) -> HttpResponse:
    _mine(request, key)
    assert isinstance(request.user, User)
    try:
        rounds.answer(key, request.user, request.POST.get("answer") == "accept")
    except (rounds.StepError, NotAllowed):
        messages.error(
            request, _("This offer has been answered already, or its time is over. Please call the district.")
        )
    return redirect("guardian:status", key)


@guardian
@require_POST
def waive(request: HttpRequest, key: str) -> HttpResponse:
    _mine(request, key)
    assert isinstance(request.user, User)
    try:
        claims.go_on_without(key, request.user)
    except NotAllowed:
        messages.error(request, _("This is not possible at the moment."))
    return redirect("guardian:status", key)


@guardian
@require_POST
def withdraw(request: HttpRequest, key: str) -> HttpResponse:
    _mine(request, key)
    assert isinstance(request.user, User)
    try:
        claims.withdraw(key, request.user)
        messages.success(request, _("Done."))
    except NotAllowed:
        messages.error(request, _("This is not possible at the moment."))
    return redirect("guardian:home")


@guardian
def notice(request: HttpRequest, key: str) -> HttpResponse:
    """The admission notice as PDF."""
    row = _mine(request, key)
    found = getattr(getattr(row, "offer", None), "notice", None)
    if found is None:
        raise Http404
    url = request.build_absolute_uri(reverse("public:notice", args=[found.number]))
    return HttpResponse(
        notices.pdf(found, url),
        content_type="application/pdf",
        headers={"Content-Disposition": 'inline; filename="notice.pdf"'},
    )


@guardian
def settings(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    if request.method == "POST":
        if request.POST.get("do") == "leave":
            logout(request)
            return redirect("public:landing")
        claims.withdraw_consent(request.user)
        messages.success(request, _("Your consent is withdrawn. Nothing more is asked."))
        return redirect("guardian:settings")
    drafts = Application.objects.filter(guardian=request.user, state=State.DRAFT)
    return render(
        request,
        "guardian/settings.html",
        {"consent": consents.current(request.user), "drafts": drafts, "back": reverse("guardian:home")},
    )


def help_(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "guardian/help.html",
        {"districts": District.objects.order_by("code"), "back": reverse("guardian:home")},
    )
