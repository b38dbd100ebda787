"""`ruxue departments check` asks about nobody and says what works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from typer.testing import CliRunner

from ruxue import processes
from ruxue.algorithms.identity import valid_id
from ruxue.cli import departments

from .conftest import KEY, Desk, answer


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setups: dict[str, Any]) -> Any:
    file = tmp_path / "connectors.json"
    file.write_text(json.dumps({"departments": setups}))
    monkeypatch.setattr(settings, "DEPARTMENTS_KEY", KEY)
    monkeypatch.setattr(settings, "CONNECTORS", "")
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


LEASE = {
    "url": "http://127.0.0.1:9",
    "protocol": "mapped",
    "items": {
        "HC2": {
            "path": "/zl",
            "request": {"xh": "{request_id}", "zjhm": "{keys.id}"},
            "batch": {"cxlb": "{rows}"},
            "answer": {
                "list": "fh",
                "id": "xh",
                "record": "sj",
                "fields": {
                    "filing_no": "bah", "landlord_masked": {"path": "fd", "mask": True}, "location": "zl",
                    "sole": {"path": "dz", "map": {"1": True, "0": False}},
                    "starts_on": {"path": "q", "date": "%Y%m%d"}, "ends_on": {"path": "z", "date": "%Y%m%d"},
                    "filed_on": {"path": "b", "date": "%Y%m%d"}, "status": {"path": "zt", "map": {"A": "valid"}},
                    "unbroken_months": {"path": "ys", "scale": 1},
                },
            },
        }
    },
}  # fmt: skip
ROW = {
    "bah": "1",
    "fd": "李四",
    "zl": "x",
    "dz": "1",
    "q": "20240301",
    "z": "20270228",
    "b": "20240305",
    "zt": "A",
    "ys": "24",
}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"fh": [{"xh": "1", "sj": ROW}]}, ""),
        ({"fh": [{"xh": "1", "sj": {**ROW, "q": "2024-03-01"}}]}, "answer: time data '2024-03-01' does not match"),
        ({"fh": [{"xh": "1", "sj": {**ROW, "zt": "Z"}}]}, "fields.status: must be 'valid', 'ended' or 'cancelled'"),
        ({"fh": [{"xh": "1", "sj": {**ROW, "bah": 7}}]}, "fields.filing_no: must be a text"),
        ({"fh": [{"xh": "1"}]}, "record: there is nothing at sj"),
        ({"fh": [{"sj": ROW}]}, "id: the first row has nothing at xh"),
        ({"rows": []}, "list: there are no rows at fh"),
    ],
)  # fmt: skip
def test_a_sample_reply_shows_whether_every_field_is_found(tmp_path: Path, reply: Any, said: str) -> None:
    file, sample = tmp_path / "connectors.json", tmp_path / "reply.json"
    file.write_text(json.dumps({"departments": {"HC": LEASE}}))
    sample.write_text(json.dumps(reply))
    command = ["read", "HC2", str(sample), "--connectors", str(file)]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(departments.app, command)
    assert (result.exit_code == 0) == (not said), result.output
    assert said in " ".join(result.output.split())
    if not said:
        assert json.loads(result.output)["fields"]["landlord_masked"] == "李*"


def test_an_items_contract_is_shown_and_an_unknown_item_named() -> None:
    result = CliRunner().invoke(departments.app, ["show", "hc2"])
    assert result.exit_code == 0 and "GB 11643" in result.output and "unbroken_months" in result.output
    assert "There is no item HC9" in str(CliRunner().invoke(departments.app, ["show", "HC9"]).exception)


def test_certificates_that_can_not_be_used_are_named(tmp_path: Path, monkeypatch: Any) -> None:
    bad = tmp_path / "ca.pem"
    bad.write_text("no certificate")
    result = run(tmp_path, monkeypatch, {"ED": {"url": "https://127.0.0.1:9", "tls": {"authority": str(bad)}}})
    assert result.exit_code == 1 and "tls: its files can't be used" in result.output


@pytest.mark.parametrize("config", ['{"downn": ["NR"]}', "{", "[]", '{"latency": {"*": {"p5": 1}}}'])
def test_a_mistake_in_how_departments_are_simulated_is_named(tmp_path: Path, monkeypatch: Any, config: str) -> None:
    monkeypatch.setenv("RUXUE_DEPARTMENTS_CONFIG", config)
    registers = tmp_path / "departments.db"
    registers.touch()
    command = ["serve", "--registers", str(registers), "--port", str(processes.free_port())]
    result = CliRunner().invoke(departments.app, command)
    assert "RUXUE_DEPARTMENTS_CONFIG can't be used" in str(result.exception)
