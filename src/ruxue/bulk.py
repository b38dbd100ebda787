"""Many rows in one statement: they go to PostgreSQL as one JSON text, for a fifth of what a parameter each costs."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import orjson


def packed(rows: Iterable[dict[str, Any]]) -> str:
    """Rows for `json_to_recordset(%s)`: times and UUIDs as text, bytes as base64 for `decode(…, 'base64')`."""
    return orjson.dumps(list(rows), default=_text).decode()


def _text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, str):  # a choice of Django's, whose class orjson does not know
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
