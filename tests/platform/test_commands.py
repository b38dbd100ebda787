"""The program's own failures: one clear message each, no traceback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ruxue import embedded
from ruxue.cli import app

ROOT = Path(__file__).parents[2]


def ruxue(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ruxue.cli", *arguments],
        env={**os.environ, "COLUMNS": "200", **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def said(run: subprocess.CompletedProcess[str]) -> str:
    """What it printed for people; fails on a traceback or a success."""
    assert run.returncode == 1, run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    return " ".join(run.stderr.split())


def test_a_taken_port_is_named(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        text = said(ruxue("run", "--port", port, RUXUE_VAR=str(tmp_path)))
    assert f"Port {port}" in text and "--port" in text
    assert not (tmp_path / "pg").exists()


def test_an_unreachable_database_is_named(tmp_path: Path):
    text = said(ruxue("migrate", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none", RUXUE_VAR=str(tmp_path)))
    assert "DATABASE_URL" in text and "can't be reached" in text


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(embedded.StartFailed, match="at least 300 MB"):
        embedded.start(tmp_path)


def test_an_old_python_is_named(tmp_path: Path):
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        old = tmp_path / name
        old.write_text("#!/bin/sh\nexit 1\n")
        old.chmod(0o755)
    run = subprocess.run(
        ["make", "--no-print-directory", f"VENV={tmp_path / 'venv'}", str(tmp_path / "venv" / ".ready")],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin", "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
    )
    assert run.returncode and "needs Python 3.11 or newer" in run.stdout + run.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("season",), ("run",), ("departments",), ("worker",), ("migrate",), ("createadmin",), ("policy",)]
)
def test_every_command_explains_itself(arguments: tuple[str, ...]):
    run = CliRunner().invoke(app, [*arguments, "--help"])
    assert run.exit_code == 0 and len(run.output) > 200
