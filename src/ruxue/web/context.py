from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from ruxue.ledger import clock


def page(request: HttpRequest) -> dict[str, Any]:
    """What every page shows: the platform's time where it is not the real one, and whether this is the demo."""
    return {"demo": settings.DEMO, "platform_now": clock.now(), "clock_moved": clock.is_moved(), "font_large": request.COOKIES.get("ruxue_font") == "large"}
