from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from ruxue.ledger import clock


def _public_nav(request: HttpRequest) -> list[tuple[str, str, bool]]:
    pages = [
        ("which", _("Which school")),
        ("schools", _("Schools")),
        ("timetable", _("Timetable")),
        ("results", _("Results")),
        ("statistics", _("Statistics")),
        ("bundles", _("Draws")),
        ("log", _("Log")),
        ("help", _("Help")),
    ]
    return [(url := reverse(f"public:{name}"), label, request.path == url) for name, label in pages]


def page(request: HttpRequest) -> dict[str, Any]:
    """What every page shows: the platform's time where it is not the real one, and whether this is the demo."""
    return {
        "demo": settings.DEMO,
        "platform_now": clock.now(),
        "clock_moved": clock.is_moved(),
        "font_large": request.COOKIES.get("ruxue_font") == "large",
        "public_nav": _public_nav(request),
    }
