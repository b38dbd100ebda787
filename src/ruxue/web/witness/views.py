"""A ceremony: the projector in the hall with the operator's one button, and the phones of witnesses and families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ruxue import crypto
from ruxue.accounts.access import scope_of
from ruxue.applications.machine import By
from ruxue.applications.models import Application
from ruxue.applications.states import Actor
from ruxue.classes import ceremony, lot, minutes, prepare
from ruxue.classes.minutes import role_text, title_text
from ruxue.classes.models import Ceremony, Present, Witness
from ruxue.classes.prepare import CeremonyError
from ruxue.classes.steps import State
from ruxue.ledger import log
from ruxue.web.witness import show

DAY = 24 * 3600


def _ceremony(key: str) -> Ceremony:
    return get_object_or_404(Ceremony.objects.select_related("school", "season", "lot_of"), key=key)


Row = TypeVar("Row", Ceremony, Present, Witness)


def _with_version(fetch: Callable[[], Row], hall: bool = False) -> tuple[Row, str]:
    """What a page shows, and its version, which is read before: a page that is newer than its version is fetched once
    more, but one that is older would wait for a change that has been."""
    row = fetch()
    version = show.version(row if isinstance(row, Ceremony) else row.ceremony, hall)
    return fetch(), version


def _operates(request: HttpRequest, made: Ceremony) -> bool:
    return request.user.is_authenticated and scope_of(request.user).may_review(made.school.district_id, made.school_id)


def projector(request: HttpRequest, key: str) -> HttpResponse:
    """Shown in the hall. Only an official of the district or the school's staff can operate it."""
    made, version = _with_version(lambda: _ceremony(key), hall=True)
    if made.lot_of:
        return redirect("public:draw", key)
    operator = _operates(request, made)
    if request.method == "POST":
        if not operator:
            raise Http404
        _operate(request, made)
        return redirect("witness:projector", key)
    context = show.draw_context(made) | show.lot_context(made)
    wanted = request.GET.get("show", "")
    rosters = context.get("rosters", [])
    context |= {
        "operator": operator,
        "button": show.next_button(made),
        "version": version,
        "following": _following(made),
        "chosen": next((r for r in rosters if str(r[0]) == wanted), None),
        "show": wanted if wanted in ("balance", "draw") else ("roster" if wanted else "draw"),
        "stage": list(State).index(State(made.state)) + 1 if made.state != State.VOID else 0,
    }
    if operator:
        context["witnesses"] = show.witness_rows(made, request)
        if made.state == State.PUBLISHED and not made.lot_by_hand and not context["lot"] and lot.free_places(made):
            url = request.build_absolute_uri(reverse("witness:here", args=[made.key, made.hall]))
            context |= {"hall_url": url, "hall_qr": show.qr(url)}
    return render(request, "witness/projector.html", context)


def _following(made: Ceremony) -> Ceremony | None:
    """The draw that goes on where this one ended: the repeat of a void one, the teachers' draw after the classes."""
    later = Ceremony.objects.filter(season=made.season_id, school=made.school_id, lot_of=None, pk__gt=made.pk)
    if made.state == State.VOID:
        return later.filter(kind=made.kind, serial=made.serial).first()
    if made.kind == "classes" and made.state == State.DRAWN:
        return later.filter(kind="teachers").exclude(state=State.VOID).first()
    return None


def _operate(request: HttpRequest, made: Ceremony) -> None:
    """The button, or one of the acts for what went wrong; each is checked against the machine under the row's lock."""
    by, post = By(Actor.DISTRICT, request.user), request.POST  # type: ignore[arg-type]
    why = post.get("why", "")[:200]
    running = lot.current(made)

    def of_lot(step: Callable[[str], Any]) -> Any:
        if running is None:
            raise CeremonyError("not_now", state=made.state)
        return step(running.key)

    acts: dict[str, Callable[[], Any]] = {
        "start_lot": lambda: lot.start(made.key, by, beacon=post.get("beacon") == "dice"),
        "open": lambda: ceremony.open_commitments(made.key, by),
        "hold": lambda: ceremony.hold(made.key, by),
        "beacon": lambda: ceremony.set_beacon(made.key, by, post.get("value", "")),
        "lot_beacon": lambda: of_lot(lambda key: ceremony.set_beacon(key, by, post.get("value", ""))),
        "give_up": lambda: of_lot(lambda key: lot.give_up(key, by, post.get("withheld", ""))),
        "by_hand": lambda: lot.by_hand(made.key, by, why),
        "pass": lambda: lot.decline(_asked(made, post.get("number", "")), by),
        "replace": lambda: ceremony.replace(made.key, post.get("witness", ""), by, why),
        "void": lambda: ceremony.void(made.key, by, why, post.get("witness", "")),
    }
    act = acts.get(post.get("do", ""))
    if act is None:
        raise Http404
    try:
        act()
        if post["do"] in ("open", "hold"):
            log.seal()  # the digest is in the signed tree before anyone commits, and before anyone looks
    except CeremonyError as error:
        level = messages.info if error.code == "done_already" else messages.error
        level(request, show.error_text(error))
    except (Witness.DoesNotExist, Present.DoesNotExist):
        raise Http404 from None


def _asked(made: Ceremony, number: str) -> str:
    return made.present.get(number=int(number) if number.isdigit() else 0).token


def pulse(request: HttpRequest, key: str) -> JsonResponse:
    """Versions of the ceremony's pages, which they ask for every few seconds."""
    made = get_object_or_404(Ceremony, key=key)
    return JsonResponse({"hall": show.version(made, True), "phone": show.version(made, False)})


def paper(request: HttpRequest, key: str) -> HttpResponse:
    """The minutes as PDF, once the ceremony is over."""
    made = _ceremony(key)
    if made.state not in (State.DRAWN, State.VOID):
        raise Http404
    url = request.build_absolute_uri(reverse("public:draw", args=[key]))
    body = minutes.pdf(made, "en" if (get_language() or "").startswith("en") else "zh-hans", url)
    name = f"{made.manifest['id']}-minutes.pdf"
    return HttpResponse(
        body, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'}
    )


# Phones


def _claim(request: HttpRequest, made: Ceremony, kind: str) -> str:
    """The key under which this phone takes part, chosen before it is used: so it finds its page again whatever answer
    got lost, and when it scans the same code once more."""
    return request.COOKIES.get(f"ruxue_{kind}_{made.pk}") or crypto.public_key()


def _remember(answer: HttpResponse, made: Ceremony, kind: str, claim: str) -> HttpResponse:
    answer.set_cookie(f"ruxue_{kind}_{made.pk}", claim, max_age=DAY, httponly=True, samesite="Lax")
    return answer


def here(request: HttpRequest, key: str, hall: str) -> HttpResponse:
    """A family in the hall joins the lot of the parents' witnesses, by the code on the wall and its receipt."""
    made, version = _with_version(lambda: _ceremony(key))
    claim = _claim(request, made, "here")
    if made.present.filter(token=claim).exists():
        return redirect("witness:present", claim)
    user = request.user if request.user.is_authenticated and request.user.is_guardian else None
    error = ""
    if request.method == "POST":
        try:
            row = lot.register(key, hall, request.POST.get("receipt", ""), user, claim)
            return _remember(redirect("witness:present", row.token), made, "here", row.token)
        except CeremonyError as failure:
            error = show.error_text(failure)
    mine = Application.objects.filter(guardian=user, receipt__in=prepare.families(made)).first() if user else None
    page = render(
        request,
        "witness/here.html",
        {
            "made": made,
            "title": title_text(made),
            "error": error,
            "receipt": request.POST.get("receipt") or (mine.receipt if mine else ""),
            "version": version,
        },
        status=400 if error else 200,
    )
    return _remember(page, made, "here", claim)


def present(request: HttpRequest, token: str) -> HttpResponse:
    """The phone of a family in the hall: gives randomness to the lot if it likes, and sees whether it is drawn."""
    related = Present.objects.select_related("ceremony__school", "ceremony__season")
    row, version = _with_version(lambda: get_object_or_404(related, token=token))
    made, error = row.ceremony, ""
    if request.method == "POST":
        try:
            do = request.POST.get("do")
            if do == "mix":
                lot.mix(token, request.POST.get("mixes") == "1")
            elif do == "accept":
                taken = lot.accept(token, request.POST.get("name", ""))
                return _remember(redirect("witness:witness", taken.holder), made, "seat", str(taken.holder))
            elif do == "decline":
                lot.decline(token)
            return redirect("witness:present", token)
        except CeremonyError as failure:
            error = show.error_text(failure)
    place = made.witnesses.filter(present=row, holder__isnull=False).first()
    if place:
        return redirect("witness:witness", place.holder)
    running = lot.current(made)
    mine = running.witnesses.filter(present=row).first() if running else None
    drawn = running is not None and running.state == State.DRAWN
    return render(
        request,
        "witness/present.html",
        {
            "made": made,
            "title": title_text(made),
            "row": row,
            "lot": running,
            "mine": mine,
            "drawn": drawn,
            "asked": drawn and row.pk in lot.offers(made),
            "rank": 1 + (running.result or {})["order"].index(lot.code_of(row)) if running and drawn else 0,
            "error": error,
            "version": version,
        },
        status=400 if error else 200,
    )


def witness(request: HttpRequest, token: str) -> HttpResponse:
    """A witness's phone. The QR's token leads to taking the place, the holder's own to committing and revealing."""
    related = Witness.objects.select_related("ceremony__school", "ceremony__season")
    if not related.filter(holder=token).exists():
        return _join(request, *_with_version(lambda: get_object_or_404(related, token=token)))
    row, version = _with_version(lambda: get_object_or_404(related, holder=token))
    made, error = row.ceremony, ""
    if request.method == "POST":
        do, post = request.POST.get("do"), request.POST
        try:
            if do == "commit":
                ceremony.commit(token, post.get("value", ""))
            elif do == "reveal":
                ceremony.reveal(token, post.get("secret", ""))
            elif do == "hold":
                ceremony.hold_by_witness(token)
                log.seal()
            if row.present and made.lot_of:
                return redirect("witness:present", row.present.token)
            return redirect("witness:witness", token)
        except CeremonyError as failure:
            error = show.error_text(failure)
            made.refresh_from_db()
            row.refresh_from_db()
    following = ceremony.next_step(made)
    carried = Witness.objects.filter(carried_from=row).first()
    repeat = _following(made) if made.state == State.VOID else None
    return render(
        request,
        "witness/witness.html",
        {
            "witness": row,
            "role": role_text(row),
            "made": made,
            "title": title_text(made),
            "error": error,
            "others": [show.role_in_words(role) for role in following.waiting],
            "may_draw": made.kind == "teachers" and row.kind == "parent" and following.name == "hold",
            "carried": carried,
            "repeat": repeat,
            "version": version,
        },
        status=400 if error else 200,
    )


def _join(request: HttpRequest, place: Witness, version: str) -> HttpResponse:
    made, error = place.ceremony, ""
    claim = _claim(request, made, "seat")
    if place.holder == claim:
        return redirect("witness:witness", claim)
    if request.method == "POST":
        try:
            taken = ceremony.join(place.token, request.POST.get("name", ""), claim)
            return _remember(redirect("witness:witness", taken.holder), made, "seat", str(taken.holder))
        except CeremonyError as failure:
            error = show.error_text(failure)
    if place.holder and not error:
        error = show.error_text(CeremonyError("taken"))
    page = render(
        request,
        "witness/join.html",
        {
            "witness": place,
            "role": role_text(place),
            "made": made,
            "title": title_text(made),
            "error": error,
            "open": made.state == State.PUBLISHED and not place.holder,
            "version": version,
            "heading": _("Witness of a draw"),
        },
        status=400 if request.method == "POST" and error else 200,
    )
    return _remember(page, made, "seat", claim)
