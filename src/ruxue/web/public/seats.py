"""Pages about seats for everyone: the heat map of applications against seats, and the lotteries of rounds."""

from __future__ import annotations

import io
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from ruxue.admissions import lottery, preferences
from ruxue.admissions.models import Lottery, LotteryWitness
from ruxue.algorithms.bundle import to_bytes
from ruxue.insight import warning
from ruxue.places import seasons
from ruxue.places.models import District, School, Zone
from ruxue.web.public.views import _collection, _feature


def heat(request: HttpRequest) -> HttpResponse:
    """Applications against seats by zone, live while a district collects; before that, what the register expects."""
    districts, shapes = list(District.objects.order_by("code")), []
    live = False
    for d in districts:
        season = seasons.current(d)
        d.loads = warning.loads(season) if season else []  # type: ignore[attr-defined]
        d.collecting = bool(season) and any(seasons.is_open(season, w) for w in ("collection", "correction", "late"))  # type: ignore[attr-defined,arg-type]
        live = live or d.collecting  # type: ignore[attr-defined]
        by_code = {r.school.code: r for r in d.loads}  # type: ignore[attr-defined]
        d.remaining = preferences.remaining(season) if season else None  # type: ignore[attr-defined]
        for code, n in (d.remaining.payload["seats"] if d.remaining else {}).items():  # type: ignore[attr-defined]
            if code in by_code:
                by_code[code].school.left = n
        for z in Zone.objects.filter(season=season).select_related("school"):
            row = by_code.get(z.school_id)
            shown = 0 if row is None else row.applied_percent if d.collecting else row.percent  # type: ignore[attr-defined]
            shapes.append(_feature(z.geometry, label=z.school.name, load=shown))
    answer = render(
        request, "public/heat.html", {"districts": districts, "shapes": _collection(shapes), "red": warning.RED}
    )
    if live:
        answer.headers["Refresh"] = str(warning.FRESH)  # no script is needed to stay up to date
    return answer


def _error(error: lottery.LotteryError) -> str:
    return {
        "already_committed": _("This witness has committed already; a commitment can't be changed."),
        "not_now": _("This step is not open now. Load the page again to see where the draw stands."),
        "commitment_form": _(
            "Your phone did not send a commitment. Please use a current browser with scripts allowed."
        ),
        "wrong_secret": _("This secret is not the one you committed to. Use the phone with which you committed."),
        "already_revealed": _("This witness has revealed already."),
    }.get(error.code, error.code)


def lottery_page(request: HttpRequest, key: str) -> HttpResponse:
    """A round's lottery: the list's digest, the witnesses, and after the draw who of each straddling batch was drawn, or
    the order of all where families have lists."""
    made = get_object_or_404(Lottery.objects.select_related("season__district"), key=key)
    by_school = made.manifest["rules"].get("mode") == "preference"
    seats = made.manifest["rules"]["seats"] if by_school else {}
    order = [c[-4:] for c in made.result["admitted"]] if made.result and not by_school else []
    names = School.objects.in_bulk(seats)
    choices: dict[str, int] = {}
    for wanted in made.manifest["rules"].get("choices", {}).values():
        choices[wanted[0]] = choices.get(wanted[0], 0) + 1
    rows: list[dict[str, Any]] = [
        {
            "school": names.get(code),
            "seats": places,
            "units": choices.get(code, 0),
            "admitted": [c[-4:] for c in made.result["admitted"].get(code, [])] if made.result else [],
        }
        for code, places in sorted(seats.items())
    ]
    context = {"made": made, "rows": rows, "order": order, "by_school": by_school}
    return render(request, "public/lottery.html", {**context, "witnesses": made.witnesses.all()})


def lottery_bundle(request: HttpRequest, key: str) -> FileResponse:
    """The bundle that anyone can verify."""
    made = get_object_or_404(Lottery, key=key, state=Lottery.State.DRAWN)
    return FileResponse(
        io.BytesIO(to_bytes(lottery.published_bundle(made))),
        content_type="application/json",
        as_attachment=True,
        filename=f"{made.manifest['id']}.json",
    )


def lottery_witness(request: HttpRequest, token: str) -> HttpResponse:
    """A witness's phone: commit, then reveal."""
    row = get_object_or_404(LotteryWitness.objects.select_related("lottery"), token=token)
    error = ""
    if request.method == "POST":
        try:
            if request.POST.get("do") == "commit":
                lottery.commit(token, request.POST.get("value", ""))
            else:
                lottery.reveal(token, request.POST.get("secret", ""))
            return redirect("public:lottery_witness", token)
        except lottery.LotteryError as failure:
            error = _error(failure)
    context = {"witness": row, "made": row.lottery, "error": error}
    return render(request, "public/lottery_witness.html", context, status=400 if error else 200)
