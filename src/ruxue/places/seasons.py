"""Seasons and their windows: which step is open, and changes of the calendar."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import prefetch_related_objects

from ruxue.ledger import clock, log
from ruxue.places.models import District, School, Season, SeatPlan, Window, Zone


class NotOpen(ValueError):
    """A step was tried outside its window; `kind` names the window, `opens_at`/`closes_at` say when (None: not planned)."""

    def __init__(self, kind: str, window: Window | None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.opens_at = window.opens_at if window else None
        self.closes_at = window.closes_at if window else None


def window(season: Season, kind: str) -> Window | None:
    prefetch_related_objects([season], "windows")  # once for each object, however many steps are asked about
    return next((w for w in season.windows.all() if w.kind == kind), None)


def is_open(season: Season, kind: str) -> bool:
    found = window(season, kind)
    return found is not None and found.opens_at <= clock.now() < found.closes_at


def require_open(season: Season, *kinds: str) -> None:
    """Raises NotOpen for the first kind where none of `kinds` is open."""
    if not any(is_open(season, kind) for kind in kinds):
        raise NotOpen(kinds[0], window(season, kinds[0]))


def current(district: District | str, level: str = "primary") -> Season | None:
    """The newest season of a district."""
    key = district if isinstance(district, str) else district.key
    return (
        Season.objects.filter(district_id=key, level=level)
        .select_related("district")
        .prefetch_related("windows")
        .order_by("-year")
        .first()
    )


@transaction.atomic
def set_window(season: Season, kind: str, opens_at: datetime, closes_at: datetime, actor: str) -> Window:
    """Plans or moves a window; the change is in the ledger. Raises ValueError where it would close before it opens."""
    if closes_at <= opens_at:
        raise ValueError("closes_before_opens")
    found, _ = Window.objects.update_or_create(
        season=season, kind=kind, defaults={"opens_at": opens_at, "closes_at": closes_at}
    )
    getattr(season, "_prefetched_objects_cache", {}).pop("windows", None)
    log.append(
        "window",
        season.key,
        {"window": kind, "opens_at": opens_at.isoformat(), "closes_at": closes_at.isoformat(), "actor": actor},
    )
    return found


@transaction.atomic
def set_plan(season: Season, school: School, classes: int, class_size: int, actor: str) -> SeatPlan:
    """Sets a school's plan."""
    plan, _ = SeatPlan.objects.update_or_create(
        season=season,
        school=school,
        defaults={"classes": classes, "class_size": class_size, "seats": classes * class_size},
    )
    log.append(
        "plan", season.key, {"school": school.code, "classes": classes, "class_size": class_size, "actor": actor}
    )
    return plan


@transaction.atomic
def set_kind(season: Season, school: School, private: bool, nine_year: bool, actor: str) -> None:
    """Says whether a school is private, and whether it holds primary and junior stage; a change is in the ledger."""
    if (school.private, school.nine_year) == (private, nine_year):
        return
    school.private, school.nine_year = private, nine_year
    school.save(update_fields=["private", "nine_year"])
    log.append(
        "school", season.key, {"school": school.code, "private": private, "nine_year": nine_year, "actor": actor}
    )


def zone_school_code(season: Season, compound_code: str) -> str | None:
    """The code of the school whose zone lists the compound; of several the first by code."""
    listed = Zone.compounds.through.objects.filter(compound=compound_code, zone__season=season)
    return min(listed.values_list("zone__school", flat=True), default=None)


def zone_school(season: Season, compound_code: str) -> School | None:
    """The school whose zone lists the compound; of several the first by code."""
    code = zone_school_code(season, compound_code)
    return School.objects.get(pk=code) if code else None
