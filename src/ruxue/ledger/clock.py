"""The platform's clock: one answer to "what time is it" for all processes, movable in a demo or a rehearsal."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from ruxue.ledger.models import PlatformClock

CITY_ZONE = ZoneInfo("Asia/Shanghai")
_seen: tuple[float, int, datetime | None] | None = None


def now() -> datetime:
    """Aware UTC time; read from the database at most once a second."""
    global _seen
    tick = time.monotonic()
    if _seen is None or tick - _seen[0] > 1.0:
        row = PlatformClock.objects.filter(pk=1).values_list("offset_seconds", "fixed_at").first() or (0, None)
        _seen = (tick, row[0], row[1])
    return _seen[2] or timezone.now() + timedelta(seconds=_seen[1])


def refresh() -> None:
    """Forgets what was read: background work looks at the clock anew before each batch."""
    global _seen
    _seen = None


def today() -> date:
    """The day in the city."""
    return now().astimezone(CITY_ZONE).date()


def stop_at(moment: datetime | None) -> None:
    """Stops the clock at `moment` (None: lets it run in real time)."""
    global _seen
    PlatformClock.objects.update_or_create(pk=1, defaults={"fixed_at": moment, "offset_seconds": 0})
    _seen = None


def run_from(moment: datetime) -> None:
    """Lets the clock run on from `moment`."""
    global _seen
    offset = int((moment - timezone.now()).total_seconds())
    PlatformClock.objects.update_or_create(pk=1, defaults={"fixed_at": None, "offset_seconds": offset})
    _seen = None


def is_moved() -> bool:
    """True where the platform's time is not the real time, which every page then says."""
    now()
    return _seen is not None and (_seen[2] is not None or _seen[1] != 0)
