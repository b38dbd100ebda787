"""A department of foreign shape is connected by configuration alone; mistakes in it are named."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from ruxue.exchange import connections, connector, connector_check, signing
from ruxue.exchange.connections import ConnectionsError
from ruxue.exchange.items import ITEMS, Code, Query, id_digest

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
    assert connector.send(setup, "PS2", [_query("PS2")]).result(10).struck == "unsigned"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "departments: must name at least one"),
        ("- PS", "departments: must name at least one"),
        ("departments: {PS: {}}", "departments.PS.url: is missing"),
        ("departments: {ZZ: {url: http://x}}", "departments.ZZ: is no department; the departments are PS, NR"),
        ("departments: {PS: {url: x.example}}", "departments.PS.url: an address begins with http:// or https://"),
        ("departments: {PS: {url: http://x, rate: 0}}", "departments.PS.rate: must be greater than 0, not 0"),
        ("departments: {PS: {url: http://x, rates: 3}}", "departments.PS.rates: there is no such setting (is rate meant?)"),
        ("departments: {PS: {url: http://x, serves: [NR1]}}", "NR1 is no item of PS"),
        ("departments: {PS: {url: http://x, protocol: mapped}}", "needs items"),
        ("departments: {PS: {url: http://x, hours: {days: [8]}}}", "1 (Monday) to 7"),
        ("departments: {PS: {url: http://x, hours: {opens: soon}}}", "hours.opens: a time of day is written 08:30"),
        ("departments: {PS: {url: http://x, headers: {A: '{nobody}'}}}", "headers.A: there is no {nobody} to put in"),
        ("departments: {PS: {url: http://x, sign: {over: '{bdy}'}}}", "sign.over: there is no {bdy} to put in"),
        ("departments: {PS: {url: http://x, client: 潍坊}}", "only Latin letters"),
        ("departments: {PS: {url: https://x, tls: {authority: /nowhere}}}", "the file /nowhere of authority is not there"),
        ("departments: {PS: {url: http://x}, PS: {url: http://y}}", "PS stands there twice"),
        ("departments: [", "line 1: no YAML or JSON"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named(text: str, said: str) -> None:
    with pytest.raises(ConnectionsError) as error:
        connections.parse(text, "connectors.yaml")
    assert said in str(error.value) and "connectors.yaml" in str(error.value)


@pytest.mark.parametrize(
    ("item", "entry", "value", "said"),
    [
        ("PS2", "path", "rkk", "path: a path begins with /"),
        ("PS2", "request.sfzh", "{keys.number}", "request.sfzh: there is no {keys.number} to put in"),
        ("PS2", "request.sfzh", "{keys.id", "request.sfzh: {keys.id: a brace is not closed"),
        ("PS2", "request", {"a": "b"}, "request: says nobody to ask about; put in {keys.id}"),
        ("PS2", "method", "GET", None),
        ("PS2", "answer.code.map.200", 7, "answer.code: 7 is none of 0 ok, 1 no record"),
        ("PS2", "answer.compared.name.map.1", "yes", "answer.compared.name: yes is none of Y, N, U"),
        ("PS2", "answer.compared.address.same", "claim.adress", "the question has no claim.adress"),
        ("PS2", "answer.fields.adress", "zzxz", "answer.fields.adress: PS2 has no such field (is address meant?)"),
        ("PS2", "answer.fields.entered_on", {"path": "q", "date": "yyyyMMdd"}, "yyyyMMdd reads no day"),
        ("PS2", "answer.fields.kind.map.20", "many", "'many' is no value of PS2.kind, which is one of family, collective"),
        ("PS2", "answer.fields.status", None, "answer.fields: PS2 needs status too"),
        ("PS2", "answer.fields.address_code", None, None),
        ("PS3", "method", "GET", "GET and form send plain names and values only"),
        ("PS3", "batch", {"sy": "x"}, 'batch: must hold "{rows}"'),
        ("PS3", "request.id", None, "request: must send {request_id}"),
        ("PS3", "answer.list", None, "answer: a batch needs list"),
        ("PS3", "answer.fields.members.each.shoe", "x", "answer.fields.members.each.shoe: PS3.members has no such field"),
        ("PS3", "answer.fields.members.each.relation", None, "answer.fields.members.each: PS3.members needs relation too"),
        ("PS3", "answer.fields.head_masked", {"each": {"a": "b"}}, "PS3.head_masked is no list of records"),
    ],
)  # fmt: skip
def test_what_can_not_work_is_found_without_asking_anybody(item: str, entry: str, value: Any, said: str | None) -> None:
    """A check asks about nobody, so no reply with fields would ever show a mistake in them."""
    setup = copy.deepcopy(FOREIGN)
    *way, last = entry.split(".")
    place = setup["items"][item]
    for name in way:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    text = yaml.safe_dump({"departments": {"PS": {"url": "http://x", **setup}}})
    if said is None:
        assert connections.parse(text, "f").items()
        return
    with pytest.raises(ConnectionsError) as error:
        connections.parse(text, "f")
    assert f"f: departments.PS.items.{item}." in str(error.value) and said in str(error.value)


def test_all_mistakes_are_named_at_once_and_no_secret_with_them() -> None:
    text = "departments: {PS: {url: http://x, rate: -1, batch: 0, sign: {key: pa55word}}}"
    with pytest.raises(ConnectionsError) as error:
        connections.parse(text, "f")
    lines = str(error.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == [f"departments.PS.{n}" for n in ("sign.key", "rate", "batch")]
    assert "pa55word" not in str(error.value) and "env:NAME or file:PATH" in lines[0]


def test_what_an_engineer_writes_is_what_is_read() -> None:
    text = """
    departments:
      HC:
        url: http://x/
        protocol: mapped
        hours: {opens: 8:30, closes: 18:00}
        items:
          HC2:
            path: /zl
            request: {zjhm: "{keys.id}"}
            answer:
              code: {path: jg, map: {00: 0, 04: 1, yes: 2}}
              fields: {filing_no: a, landlord_masked: b, sole: {path: dz, map: {true: true, 0: false}}, location: c,
                       starts_on: d, ends_on: e, filed_on: f, status: {const: valid}, unbroken_months: {path: m, scale: 1}}
    """
    setup = connections.parse(text, "f").departments["HC"]  # type: ignore[index]
    assert (str(setup.hours.opens), str(setup.hours.closes), setup.url) == ("08:30:00", "18:00:00", "http://x")
    reply = setup.items["HC2"].answer
    data = {"jg": "00", "dz": True, "d": "2024-01-01", "m": "12"}
    made = connections.answer_of(reply, data, {"request_id": "r", "item": "HC2"})
    assert made["code"] == 0 and made["fields"]["sole"] is True and made["fields"]["unbroken_months"] == 12
    assert made["fields"]["address_code"] is None
    assert connections.answer_of(reply, {"jg": "04"}, {"request_id": "r", "item": "HC2"})["code"] == 1
    month = connections.Value(path="m", month="%Y%m")
    assert connections.read(month, {"m": "202403"}, {}) == "2024-03"


def test_an_identity_that_confirms_nothing_would_refuse_everybody() -> None:
    entry = connector_check.skeleton(ITEMS["PS1"])
    without = re.sub(r" +compared:\n +name: .*\n", "", entry)
    assert without != entry
    with pytest.raises(ConnectionsError, match="PS1 counts by what it confirms; say where name is confirmed"):
        connections.parse(without, "f")


def test_a_server_does_not_start_with_a_file_that_was_never_right(tmp_path: Path) -> None:
    file = tmp_path / "connectors.yaml"
    file.write_text("departments: {PS: {url: nowhere}}", encoding="utf-8")
    env = {**os.environ, "RUXUE_CONNECTORS": str(file), "DATABASE_URL": "postgresql://nowhere.invalid/none"}
    ended = subprocess.run([sys.executable, "-c", "import ruxue.web.wsgi"], env=env, capture_output=True, text=True)
    assert ended.returncode == 1 and "departments.PS.url: an address begins with http" in ended.stderr


def test_numbers_and_names_of_people_arrive_as_the_contract_shows_them() -> None:
    rights = connections.Value.model_validate(
        {"path": "fw", "each": {"owner": {"path": "zjh", "digest": True}, "name": {"path": "xm", "mask": True}}}
    )
    person = {"zjh": "37079919880101001x", "xm": "张小明"}
    assert connections.read(rights, {"fw": [person]}, {}) == [
        {"owner": id_digest("37079919880101001X"), "name": "张*明"}
    ]
    counts = connections.Value.model_validate(
        {"path": "ts", "pairs": {"name": "xzqh", "value": {"path": "n", "scale": 1}}}
    )
    assert connections.read(counts, {"ts": [{"xzqh": 370705, "n": "2"}]}, {}) == {"370705": 2}
    assert connections.read(counts, {}, {}) == {}


@pytest.mark.parametrize("code", ITEMS)
def test_every_item_has_an_entry_to_fill_in(code: str) -> None:
    text = connector_check.skeleton(ITEMS[code])
    assert list(connections.parse(text, "f").items()) == [code]
    fields = yaml.safe_load(text)["departments"][ITEMS[code].department]["items"][code]["answer"]["fields"]
    assert set(fields) == set(ITEMS[code].fields.model_fields)


def test_the_example_in_the_docs_can_be_used() -> None:
    text = (Path(__file__).parents[2] / "docs" / "exchange.md").read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    without_files = "\n".join(line for line in example.splitlines() if not line.strip().startswith("tls:"))
    assert set(connections.parse(without_files, "docs").items()) == {"NR1", "NR2", "NR3", "NR4", "PS2"}


def test_a_file_that_breaks_while_it_is_in_use_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "connectors.yaml"
    monkeypatch.setattr(settings, "CONNECTORS", str(file))
    with pytest.raises(ConnectionsError, match=re.escape(str(file))):
        connections.current()
    assert str(file) in connections.fault()

    def write(text: str, when: int) -> None:
        file.write_text(text, encoding="utf-8")
        os.utime(file, (when, when))

    write("departments: {PS: {url: http://x, rate: 7}}", 1)
    assert connections.current().departments["PS"].rate == 7 and not connections.fault()  # type: ignore[index]
    write("departments: {PS: {url: http://x, rate: -7}}", 2)
    assert connections.current().departments["PS"].rate == 7  # type: ignore[index]
    assert "departments.PS.rate: must be greater than 0" in connections.fault()
    file.unlink()
    assert connections.current().departments["PS"].rate == 7 and connections.fault()  # type: ignore[index]
    write("departments: {PS: {url: http://x, rate: 8}}", 3)
    assert connections.current().departments["PS"].rate == 8 and not connections.fault()  # type: ignore[index]


def test_extensions_are_off_until_a_city_names_them() -> None:
    text = "departments: {VA: {url: http://x}, PS: {url: http://x}, HF: {url: http://x, serves: [X12]}}"
    offered = connections.parse(text, "f").items()
    assert set(offered) == {"PS1", "PS2", "PS3", "PS4", "PS5", "X12"}


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(ConnectionsError, match="env:NOT_THERE"):
        connections.secret("env:NOT_THERE")
