"""The season's steps, taken by the district: each with what it would do, its rehearsal, and the lottery before a round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ruxue.admissions import inputs, lottery, preferences, register, rounds
from ruxue.admissions.models import Lottery, Publication, Round, SeatLock
from ruxue.applications import review, verify
from ruxue.applications.machine import By, NotAllowed
from ruxue.applications.models import Application
from ruxue.applications.states import CHANGES, Actor, State
from ruxue.ledger import clock
from ruxue.places import rules, seasons
from ruxue.places.models import School, Season
from ruxue.policy.arrangements import stages
from ruxue.web.bureau.views import acting, season_of
from ruxue.web.staff import bureau_page, my_district, staff
from ruxue.web.templatetags.ruxue import chinese


def _beacon(request: HttpRequest) -> dict[str, str] | None:
    source, number = (request.POST.get(name, "").strip()[:80] for name in ("source", "round"))
    return {"source": source, "round": number} if source and number else None


def _actions(season: Season, beacon: dict[str, str] | None) -> dict[str, Callable[[By], Any]]:
    return {
        "close": lambda by: verify.close_open(season),
        "publish": lambda by: rounds.publish_preliminary(season, by),
        "lock": lambda by: rounds.lock(season, by),
        "lottery": lambda by: len(rounds.open_lottery(season, beacon).manifest["entries"]),
        "run": lambda by: rounds.run(season, by).seated,
        "offer": lambda by: rounds.send_offers(season, by),
        "lapse": lambda by: rounds.lapse(season),
        "no_show": lambda by: rounds.end_no_shows(season, by),
    }


def _listed(season: Season) -> list[dict[str, Any]]:
    mine = Application.objects.filter(season=season)
    overdue = mine.filter(deadline__lte=clock.now())
    waiting = mine.filter(state__in=[State.LOCKED, State.TO_COORDINATE]).count()
    owing = overdue.filter(state__in=[State.NEED_INFO, State.RETURNED, State.ONSITE_BOOKED])
    rows = [
        (
            "close",
            _("Close proofs"),
            _("Families whose time is over are placed by what is proven."),
            owing.count(),
            "correction",
        ),
        (
            "publish",
            _("Publish the preliminary result"),
            _("Every decided category becomes visible and open to objection, for at least five days."),
            mine.filter(state__in=[State.AUTO_PASSED, State.CLASSIFIED]).count(),
            "publication",
        ),
        (
            "lock",
            _("Make categories final"),
            _("After the objection window; open objections must be answered first."),
            mine.filter(state=State.PUBLISHED).count(),
            "objection",
        ),
        (
            "lottery",
            _("Open the lottery"),
            _("Only where the rule names a lottery and a seat depends on it: the list is frozen, witnesses commit."),
            waiting,
            "admission",
        ),
        (
            "run",
            _("Run admission and coordination"),
            _("Categories in order, tie-breakers, lot; never over plan; the rest is coordinated."),
            waiting,
            "admission",
        ),
        (
            "offer",
            _("Send offers and publish results"),
            _("The list is frozen and its digest logged before anyone can look it up."),
            mine.filter(state=State.SEATED).count(),
            "offer",
        ),
        (
            "lapse",
            _("End unanswered offers"),
            _("Offers past their deadline; the seats are free for the next round."),
            overdue.filter(state=State.OFFERED).count(),
            "offer",
        ),
        (
            "no_show",
            _("End seats of children who did not come"),
            _("After the days of reporting: their seats are free, and each family is told."),
            mine.filter(state=State.CLASSED).count(),
            "reporting",
        ),
    ]
    return [
        {
            "name": name,
            "label": label,
            "text": text,
            "count": count,
            "window": seasons.window(season, window),
            "rehearsed": name in ("close", "publish", "lock", "run", "offer"),
        }
        for name, label, text, count, window in rows
    ]


def error_text(error: rounds.StepError | lottery.LotteryError) -> str:
    """What stops a step, and what to do."""
    details = error.details
    return {
        "objection_open": _("The objection window is not over yet."),
        "objection_short": _(
            "Families must have at least five days to object after this step. Move the objection window first."
        ),
        "objections_waiting": _("%(n)s objections are not answered yet.") % {"n": details.get("count", "")},
        "nobody_waiting": _("Nobody is waiting for this step: it has been done."),
        "nothing_new": _(
            "%(n)s children still wait, but no seat has become free since the last round. Raise a plan or the limit of "
            "distance, or wait for answers."
        )
        % {"n": details.get("count", "")},
        "no_rule": _("This season has no published rule."),
        "no_lottery_needed": _("No seat depends on a lot in this round: you can run it."),
        "lottery_first": _("The rule names a lottery, and seats depend on it: open the lottery first."),
        "inputs_changed": _(
            "The list has changed since the lottery was opened. End that lottery with a reason and open a new one."
        ),
        "witnesses": _("Still missing: %(roles)s") % {"roles": "、".join(details.get("roles", []))},
        "already_open": _("Another lottery is open. Hold it, or end it with a reason."),
        "beacon_first": _(
            "The lottery before this one was ended after all had committed. Name a public value that will be fixed "
            "later, such as a share index's closing value of a day to come, when you open the new one."
        ),
        "beacon": _("Still missing: the public value (%(source)s).") % {"source": details.get("source", "")},
        "not_now": _("This step is not open now. Load the page again to see where the draw stands."),
        "no_round": _("No round has been run yet: use the objection instead."),
        "no_better_seat": _(
            "By the rule the family keeps the seat that it has: no better one is due to it. Nothing was changed."
        ),
        "reporting_open": _("The days of reporting are not over yet."),
    }.get(error.code, error.code)


def _arrange(request: HttpRequest, season: Season, by: By) -> None:
    text = request.POST.get("limit", "").strip()
    try:
        limit = round(float(text) * 1000) if text else None
        rounds.set_arrangement(season, request.POST.get("rule", ""), limit, str(by.user))
        messages.success(request, _("Saved."))
    except (ValueError, OverflowError):
        messages.error(request, _("Please choose a rule, and write the limit in kilometres, for example 3.5."))


def _leave(request: HttpRequest) -> None:
    """A pupil has left: the lock on its home ends if the rule says so."""
    try:
        register.leave(request.POST.get("receipt", ""), request.POST.get("how", ""), By(Actor.DISTRICT, request.user))  # type: ignore[arg-type]
        messages.success(request, _("Saved. Whether the home is free again is decided by the rule."))
    except (SeatLock.DoesNotExist, ValueError):
        messages.error(request, _("No registered pupil has this receipt. Please check it, and how the pupil left."))


def _remaining(season: Season) -> list[tuple[School, int]]:
    """Seats left after the last run, as published."""
    shown = preferences.remaining(season)
    seats: dict[str, int] = shown.payload["seats"] if shown else {}
    names = School.objects.in_bulk(seats)
    return [(names[code], n) for code, n in sorted(seats.items()) if code in names]


def _runs(season: Season) -> list[dict[str, Any]]:
    """The runs that the rule orders, for pages: title, and whether it is the next one."""
    policy = rules.in_force(season)
    plan = stages(policy) if policy else []
    if policy is None or len(plan) < 2:
        return []
    names = {"zone": _("By zone, without coordination"), "rest": _("What is left, and coordination")}
    coming = rounds.stage_next(season, policy).number
    return [{"title": names.get(s.kind) or (s.zh if chinese() else s.en), "next": s.number == coming} for s in plan]


@staff
def steps(request: HttpRequest) -> HttpResponse:
    """All steps with how many wait for each, what a rehearsal found, the lottery, coordination, and the rounds so far."""
    district = my_district(request)
    season = season_of(district)
    rehearsal = None
    if request.method == "POST":
        by = acting(request, district)
        wanted = request.POST.get("do", "")
        actions = _actions(season, _beacon(request))
        if wanted == "arrange":
            _arrange(request, season, by)
        elif wanted == "leave":
            _leave(request)
        elif wanted == "void":
            lottery.void(season, request.POST.get("why", ""))
        elif wanted == "beacon":
            try:
                lottery.name_beacon(season, request.POST.get("beacon", ""))
            except lottery.LotteryError as error:
                messages.error(request, error_text(error))
        elif wanted == "rehearse":
            try:
                rehearsal = rounds.rehearse(season, request.POST.get("step", ""), by)
            except KeyError:
                raise Http404 from None
        elif wanted not in actions:
            raise Http404
        else:
            try:
                messages.success(request, _("Done: %(n)s applications.") % {"n": actions[wanted](by)})
            except (rounds.StepError, lottery.LotteryError) as error:
                messages.error(request, error_text(error))
            except seasons.NotOpen:
                messages.error(
                    request, _("The calendar does not allow this step now. Change the calendar first if it should.")
                )
        if rehearsal is None:
            return redirect("bureau:steps")
    listed = _listed(season)
    labels = {s["name"]: s["label"] for s in listed}
    open_lottery = season.lotteries.exclude(state=Lottery.State.VOID).order_by("-id").first()
    witnesses = list(open_lottery.witnesses.all()) if open_lottery else []
    for w in witnesses:
        w.url = request.build_absolute_uri(reverse("public:lottery_witness", args=[w.token]))  # type: ignore[attr-defined]
    return bureau_page(
        request,
        "bureau/steps.html",
        district,
        steps=listed,
        rounds=Round.objects.filter(season=season).select_related("lottery").order_by("-number"),
        publication=Publication.objects.filter(season=season, kind="results").first(),
        arrangement=inputs.arrangement(season),
        lottery=open_lottery,
        lottery_waits=any(s["name"] == "lottery" and s["count"] for s in listed)
        and (open_lottery is None or open_lottery.state == Lottery.State.DRAWN),
        witnesses=witnesses,
        rehearsal=rehearsal,
        runs=_runs(season),
        remaining=_remaining(season),
        appeals=rounds.appeals_waiting(season),
        ways=SeatLock.Left.values if SeatLock.objects.filter(school__district=district).exists() else [],
        rehearsed=[
            (labels[name], count, error_text(rounds.StepError(code)) if code else "")
            for name, count, code in (rehearsal.steps if rehearsal else [])
        ],
    )


@staff
@require_POST
def appeal(request: HttpRequest) -> HttpResponse:
    """An appeal upheld after the round: first the family's facts are shown, then the district marks what is otherwise."""
    district = my_district(request)
    by = acting(request, district)
    season = season_of(district)
    receipt = request.POST.get("receipt", "").strip().upper()
    row = Application.objects.filter(season=season, receipt=receipt).select_related("season", "school").first()
    if row is None or row.state not in CHANGES["reopen"].sources:
        messages.error(
            request, _("No child with this receipt waits for a seat or has one that no class was drawn for yet.")
        )
        return redirect("bureau:steps")
    facts = review.disputable(row)
    if request.POST.get("do") == "uphold":
        confirmed = {
            name: request.POST[f"fact.{name}"] == "true"
            for name, _value in facts
            if request.POST.get(f"fact.{name}") in ("true", "false")
        }
        try:
            made = rounds.reopen(row.key, by, confirmed, request.POST.get("answer", ""))
            messages.success(
                request,
                _("Published as round %(n)s; the family has an offer.") % {"n": made.number}
                if made
                else _(
                    "Upheld. The seat that is due has none free: the family keeps what it has, and the next freed seat "
                    "there is given to it by itself and published."
                ),
            )
            return redirect("bureau:steps")
        except rounds.StepError as error:
            messages.error(request, error_text(error))
        except NotAllowed:
            messages.error(request, _("This is not possible at the moment."))
        except review.StillRefused:
            messages.error(
                request, _("With these facts the rule still refuses the child: please mark which fact is otherwise.")
            )
    return bureau_page(request, "bureau/appeal.html", district, row=row, facts=facts)
