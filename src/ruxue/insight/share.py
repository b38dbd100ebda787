"""What a helper process of a what-if runs. It knows no model until Django is set up there, so that it can start."""

from __future__ import annotations

import os
from typing import Any

_counter: Any = None


def begin(counter: Any, url: str, database: str) -> None:
    """Sets Django up on the parent's database; `counter` is where verdicts are counted for its progress."""
    global _counter
    os.environ.update({"DATABASE_URL": url, "RUXUE_DATABASE": database, "DJANGO_SETTINGS_MODULE": "ruxue.settings"})
    import django

    django.setup()
    _counter = counter


def part(season: int, schools: list[str | None], texts: tuple[str, str]) -> Any:
    """A share of a season's families, those of some schools: comparison and what was found in single families."""
    from ruxue.insight import whatif

    told = 0

    def step(done: int, todo: int) -> None:
        nonlocal told
        with _counter.get_lock():
            _counter.value += done - told
        told = done

    return whatif.of_schools(season, schools, texts, step)
