"""A department of foreign shape is connected by configuration alone; mistakes in it are named."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from ruxue.exchange import connections, connector, signing
from ruxue.exchange.connections import ConnectionsError
from ruxue.exchange.items import Code, Query

from .conftest import Desk

FOREIGN = yaml.safe_load(
    textwrap.dedent("""
    client: rx-2026
    protocol: mapped
    headers: {X-App-Id: "{client}", X-Time: "{timestamp}"}
    sign: {method: hmac-sm3, key: "env:TEST_PS_KEY", header: X-Sign, over: "{client}{timestamp}{body}", encoding: base64}
    answers: {method: hmac-sm3, key: "env:TEST_PS_KEY", header: X-Sign, encoding: base64}
    items:
      PS2:
        path: /rkk/hjxx
        request: {ywlsh: "{request_id}", sfzh: "{keys.id}", xm: "{claim.name}", hjdz: "{claim.address}", sy: RX-YWJY}
        answer:
          record: data.0
          code: {path: status, map: {"200": 0, "204": 1, "300": 2, "503": 3}, default: 4}
          compared:
            name: {path: xmbd, map: {"1": Y, "0": N}, default: U}
            address: {same: claim.address, path: zzxz, how: contains}
          fields:
            household_no: hh
            kind: {path: hklx, map: {"10": family, "20": collective}}
            region: xzqh
            address: zzxz
            address_code: dzbm
            entered_on: {path: qrrq, date: "%Y%m%d"}
            entered_by_birth: {path: qryy, map: {"01": true}, default: false}
            status: {path: hjzt, map: {"1": current, "2": moved_out, "3": cancelled}}
          as_of: {path: gxsj, date: "%Y%m%d%H%M%S"}
          trace: lsh
      PS3:
        path: /rkk/hjgx
        request: {id: "{request_id}", zj: "{keys.child_id}", fm: "{keys.guardian_id}"}
        batch: {sy: "{purpose_code}", rows: "{rows}"}
        answer:
          list: body.rows
          id: id
          record: d
          compared: {same_household: {path: th, map: {"1": Y, "0": N}}}
          fields:
            same_household: {path: th, map: {"1": true, "0": false}}
            kinship: {path: gx, map: {"30": parent, "60": grandparent}, default: other}
            head_masked: hz
            members: {path: cy, each: {name_masked: xm, relation: gx, id_digest: zy}}
    """)
)
RECORD = {
    "xmbd": "1", "hh": "370701", "hklx": "10", "xzqh": "370705", "zzxz": "潍坊市奎文区东风东街1号", "dzbm": None,
    "qrrq": "20200507", "qryy": "01", "hjzt": "1", "gxsj": "20260301120000",
}  # fmt: skip


def _query(item: str, rid: str = "r1", **claim: Any) -> Query:
    keys = {"id": "1"} if item == "PS2" else {"child_id": "1", "guardian_id": "2"}
    return Query(
        request_id=rid, item=item, app_no="a", legal_basis="l", consent_id="c",
        timestamp=datetime(2026, 3, 1, tzinfo=UTC), keys=keys, claim=claim,
    )  # fmt: skip


def _signed(body: Any) -> tuple[int, dict[str, str], bytes]:
    raw = yaml.safe_dump(body).encode() if isinstance(body, str) else __import__("orjson").dumps(body)
    return 200, {"X-Sign": signing.make("hmac-sm3", "secret", raw, "base64")}, raw


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_PS_KEY", "secret")


def test_a_foreign_register_is_asked_and_read_by_configuration(desk: Desk, connect: Any) -> None:
    setup = connect({"PS": FOREIGN}).items()["PS2"]
    desk.handle = lambda path, headers, body: _signed({"status": 200, "lsh": "T1", "data": [RECORD]})
    reply = connector.send(setup, "PS2", [_query("PS2", name="张明", address="东风东街1号")]).result(10)
    answer = reply.answers["r1"]
    assert (answer.code, answer.match, answer.compared) == (Code.OK, "Y", {"name": "Y", "address": "Y"})
    assert answer.fields["kind"] == "family" and answer.fields["entered_on"] == "2020-05-07"
    assert answer.fields["entered_by_birth"] is True and str(answer.as_of) == "2026-03-01" and answer.trace_no == "T1"
    path, headers, body = desk.asked[0]
    assert path == "/rkk/hjxx" and headers["x-app-id"] == "rx-2026"
    assert body == {"ywlsh": "r1", "sfzh": "1", "xm": "张明", "hjdz": "东风东街1号", "sy": "RX-YWJY"}
    raw = __import__("orjson").dumps(body).decode()
    over = f"rx-2026{headers['x-time']}{raw}".encode()
    assert signing.is_valid("hmac-sm3", "secret", over, headers["x-sign"], "base64")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"status": 503}, "busy"),
        ({"status": 401}, "refused"),
        ({"status": 200, "data": [{**RECORD, "qrrq": "soon"}]}, "malformed"),
        ({"status": 200, "data": [{**RECORD, "hklx": "99"}]}, "malformed"),
        ({"status": 200, "data": "none"}, "malformed"),
    ],
)
def test_a_reply_that_is_no_answer_is_unknown(desk: Desk, connect: Any, reply: Any, kind: str) -> None:
    setup = connect({"PS": FOREIGN}).items()["PS2"]
    desk.handle = lambda path, headers, body: _signed(reply)
    got = connector.send(setup, "PS2", [_query("PS2", name="张明")]).result(10)
    assert not got.answers and got.failed == {"r1": kind}


def test_no_record_and_what_is_not_claimed(desk: Desk, connect: Any) -> None:
    setup = connect({"PS": FOREIGN}).items()["PS2"]
    desk.handle = lambda path, headers, body: _signed({"status": 204})
    assert connector.send(setup, "PS2", [_query("PS2")]).result(10).answers["r1"].code == Code.NO_RECORD
    assert "xm" not in desk.asked[0][2] and "hjdz" not in desk.asked[0][2]


def test_rows_of_a_foreign_batch_find_their_questions(desk: Desk, connect: Any) -> None:
    setup = connect({"PS": FOREIGN}).items()["PS3"]

    def handle(path: str, headers: dict[str, str], body: Any) -> Any:
        assert body["sy"] == "RX-YWJY"
        rows = [
            {"id": r["id"], "d": {"th": "1", "gx": "30", "hz": "张*", "cy": [{"xm": "张*", "gx": "30", "zy": "x"}]}}
            for r in reversed(body["rows"])
        ]
        return _signed({"body": {"rows": rows[:-1]}})

    desk.handle = handle
    reply = connector.send(setup, "PS3", [_query("PS3", f"r{n}", same_household=True) for n in range(3)]).result(10)
    assert set(reply.answers) == {"r1", "r2"} and reply.failed == {"r0": "missing"}
    assert reply.answers["r1"].match == "Y" and reply.answers["r1"].fields["members"][0]["relation"] == "30"


def test_a_wrong_signature_of_the_reply_is_not_believed(desk: Desk, connect: Any) -> None:
    setup = connect({"PS": FOREIGN}).items()["PS2"]
    desk.handle = lambda path, headers, body: (200, {"X-Sign": "AAAA"}, {"status": 200, "data": [RECORD]})
    assert connector.send(setup, "PS2", [_query("PS2")]).result(10).struck == "malformed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("departments: {PS: {}}", "departments.PS.url"),
        ("departments: {PS: {url: http://x, rate: 0}}", "departments.PS.rate"),
        ("departments: {PS: {url: http://x, speed: 3}}", "departments.PS.speed"),
        ("departments: {PS: {url: http://x, serves: [NR1]}}", "NR1 is no item of PS"),
        ("departments: {PS: {url: http://x, protocol: mapped}}", "needs items"),
        ("departments: {PS: {url: http://x, hours: {days: [8]}}}", "1 (Monday) to 7"),
        ("departments: [", "no YAML or JSON"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, said: str) -> None:
    with pytest.raises(ConnectionsError) as error:
        connections.parse(text, "connectors.yaml")
    assert said in str(error.value) and "connectors.yaml" in str(error.value)


def test_extensions_are_off_until_a_city_names_them() -> None:
    text = "departments: {VA: {url: http://x}, PS: {url: http://x}, HF: {url: http://x, serves: [X12]}}"
    offered = connections.parse(text, "f").items()
    assert set(offered) == {"PS1", "PS2", "PS3", "PS4", "PS5", "X12"}


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(ConnectionsError, match="env:NOT_THERE"):
        connections.secret("env:NOT_THERE")
