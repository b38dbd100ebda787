"""`ruxue departments check` asks about nobody and says what works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from typer.testing import CliRunner

from ruxue.algorithms.identity import valid_id
from ruxue.cli import departments

from .conftest import KEY, Desk, answer


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setups: dict[str, Any]) -> Any:
    file = tmp_path / "connectors.json"
    file.write_text(json.dumps({"departments": setups}))
    monkeypatch.setattr(settings, "DEPARTMENTS_KEY", KEY)
    monkeypatch.setattr(settings, "CONNECTORS", "")
    monkeypatch.setattr(departments, "django", lambda: None)
    return CliRunner(env={"COLUMNS": "200"}).invoke(departments.app, ["check", "--connectors", str(file)])


def test_what_works_is_said_and_nobody_real_is_asked(desk: Desk, tmp_path: Path, monkeypatch: Any) -> None:
    result = run(tmp_path, monkeypatch, {"ED": {"url": desk.url}, "NR": {"url": desk.url, "serves": ["NR1"]}})
    assert result.exit_code == 0, result.output
    assert result.output.count("works: no record") == 3 and "PS1" in result.output.split("never asked:")[1]
    people = [q["keys"]["id"] for _, _, b in desk.asked for q in b["queries"] if "id" in q["keys"]]
    assert people and all(valid_id(p) and p.startswith("370799") for p in people)


@pytest.mark.parametrize(
    ("handle", "said"),
    [
        (lambda p, h, b: (401, {}, {}), "compare client, key and contract: 401"),
        (
            lambda p, h, b: (200, {}, {"answers": [{**answer(q), "sign": "0"} for q in b["queries"]]}),
            "valid signatures",
        ),
        (lambda p, h, b: (200, {}, b"<html>"), "can't be read"),
    ],
)
def test_what_does_not_work_is_named(desk: Desk, tmp_path: Path, monkeypatch: Any, handle: Any, said: str) -> None:
    desk.handle = handle
    result = run(tmp_path, monkeypatch, {"ED": {"url": desk.url}})
    assert result.exit_code == 1 and said in " ".join(result.output.split())


def test_a_wrong_file_and_an_unreachable_department(desk: Desk, tmp_path: Path, monkeypatch: Any) -> None:
    result = run(tmp_path, monkeypatch, {"ED": {"url": desk.url, "rate": -1}})
    assert "departments.ED.rate" in str(result.exception)
    unreachable = {"url": "http://127.0.0.1:9", "timeout": 1}
    assert run(tmp_path, monkeypatch, {"ED": unreachable}).exit_code == 1
