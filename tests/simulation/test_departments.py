"""The departments' HTTP process: its contract, who may ask, and how it fails."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from ruxue.exchange.items import CATALOGUE, BatchAnswer, Code, Query, sign
from ruxue.simulation.departments import Config, Latency, Registers, create_app, signed
from ruxue.simulation.model import City

KEY = "a key for tests"
FAST = {"*": Latency(0, 0)}


def _ask(app: Any, method: str, path: str, body: Any = None, key: str = KEY, **headers: str) -> httpx.Response:
    raw = orjson.dumps(body) if body is not None else b""
    mac = hmac.new(key.encode(), raw, hashlib.sha256).hexdigest()
    sent = {"X-Client": "test", "X-Signature": mac, "Content-Type": "application/json", **headers}

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://departments") as client:
            return await client.request(method, path, content=raw, headers=sent)

    return asyncio.run(go())


def _query(item: str, keys: dict[str, Any], claim: dict[str, Any] | None = None, rid: str = "r1") -> dict[str, Any]:
    return {
        "request_id": rid,
        "item": item,
        "app_no": "a",
        "legal_basis": "l",
        "consent_id": "c",
        "timestamp": "2026-03-12T09:00:00+08:00",
        "keys": keys,
        "claim": claim or {},
    }


@pytest.fixture(scope="module")
def app(db: Path) -> Any:
    return create_app(db, Config(key=KEY, latency=FAST, busy_share=0))


def _mixed(city: City, count: int) -> dict[str, list[dict[str, Any]]]:
    """Queries of all items by department, `count` of each item."""
    made: dict[str, list[dict[str, Any]]] = {}
    for n, f in enumerate(city.families[:count]):
        parent, child = f.guardians[0].person, f.children[0]
        known = {
            "name": parent.name,
            "id": parent.id_number,
            "child_id": child.id_number,
            "guardian_id": parent.id_number,
            "address": f.address,
            "certificate_no": f.papers[0].number,
            "ids": [parent.id_number],
            "regions": ["370705"],
            "unit_no": f.dwellings[0].unit_no if f.dwellings else "none",
        }
        for item in CATALOGUE.values():
            keys = {k: known[k] for k in item.keys}
            claim = {"address_code": f.compound} if "address_code" in item.claims else {}
            made.setdefault(item.department, []).append(_query(item.code, keys, claim, f"{item.code}-{n}"))
    return made


def test_answers_carry_the_contract_s_own_signature(app: Any, city: City) -> None:
    for department, queries in _mixed(city, 20).items():
        response = _ask(app, "POST", f"/{department}/v1/batch", {"queries": queries})
        assert response.status_code == 200
        answers = response.json()["answers"]
        assert [a["request_id"] for a in answers] == [q["request_id"] for q in queries]
        for answer, checked in zip(answers, BatchAnswer.model_validate(response.json()).answers, strict=True):
            assert answer["sign"] == sign(answer, KEY.encode()) == sign(checked.model_dump(mode="json"), KEY.encode())


def test_a_single_question(app: Any, city: City) -> None:
    child = city.families[0].children[0]
    query = _query("PS1", {"name": child.name, "id": child.id_number}, {"name": child.name})
    answer = _ask(app, "POST", "/PS/v1/items/PS1", query).json()
    assert (answer["code"], answer["match"], answer["compared"]) == (Code.OK, "Y", {"name": "Y"})


def test_wrong_signature_client_department_and_item_are_refused(app: Any, db: Path) -> None:
    query = _query("PS1", {"name": "某", "id": "1"})
    assert _ask(app, "POST", "/PS/v1/items/PS1", query, key="another").status_code == 401
    assert "X-Signature" in _ask(app, "POST", "/PS/v1/items/PS1", query, key="another").json()["error"]
    assert _ask(app, "POST", "/PS/v1/items/PS1", query, **{"X-Client": ""}).status_code == 401
    assert _ask(app, "POST", "/XX/v1/batch", {"queries": [query]}).status_code == 404
    assert _ask(app, "POST", "/NR/v1/items/PS1", query).status_code == 404
    assert _ask(app, "POST", "/NR/v1/batch", {"queries": [query]}).status_code == 400
    assert _ask(app, "POST", "/PS/v1/items/PS2", query).status_code == 400
    assert _ask(app, "POST", "/PS/v1/items/PS1", _query("PS1", {"id": 5})).status_code == 422
    assert _ask(app, "POST", "/PS/v1/batch", {"queries": [query] * 201}).status_code == 422
    own = create_app(db, Config(key=KEY, keys={"NR": "its own"}, clients=("ruxue",), latency=FAST))
    assert _ask(own, "GET", "/NR/v1/aggregates/flows").status_code == 401
    assert _ask(own, "GET", "/PS/v1/aggregates/flows", **{"X-Client": "ruxue"}).status_code == 200


def test_aggregates_only_from_their_owner_and_without_people(app: Any) -> None:
    owners = {"children": "PS", "parent_ages": "PS", "flows": "PS", "education": "ED"}
    for name, department in owners.items():
        response = _ask(app, "GET", f"/{department}/v1/aggregates/{name}")
        assert response.status_code == 200
        assert b"370799" not in response.content
        assert _ask(app, "GET", f"/HC/v1/aggregates/{name}").status_code == 404


def test_busy_at_first_never_at_the_third_and_the_same_again(db: Path, city: City) -> None:
    queries = _mixed(city, 60)["PS"][:200]
    config = Config(key=KEY, latency=FAST, busy_share=0.3)
    runs = []
    for _ in range(2):
        app = create_app(db, config)
        codes = [
            [a["code"] for a in _ask(app, "POST", "/PS/v1/batch", {"queries": queries}).json()["answers"]]
            for _ in range(3)
        ]
        runs.append(codes)
    assert runs[0] == runs[1]
    assert int(Code.BUSY) in runs[0][0]
    assert int(Code.BUSY) not in runs[0][2]


def test_limits_outages_nights_and_faults(db: Path) -> None:
    query = {"queries": [_query("PS1", {"name": "某", "id": "1"})] * 6}
    limited = create_app(db, Config(key=KEY, latency=FAST, rate=10))
    assert _ask(limited, "POST", "/PS/v1/batch", query).status_code == 200
    refused = _ask(limited, "POST", "/PS/v1/batch", query)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    for config in (
        Config(key=KEY, down=("PS",)),
        Config(key=KEY, night=(0, 24)),
        Config(key=KEY, latency=FAST, error_share=1.0),
    ):
        response = _ask(create_app(db, config), "POST", "/PS/v1/batch", query)
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) >= 1
    down = create_app(db, Config(key=KEY, down=("PS",)))
    assert _ask(down, "GET", "/PS/v1/health").json()["status"] == "closed"
    assert _ask(down, "GET", "/NR/v1/health").json()["status"] == "open"


def test_configuration_as_json() -> None:
    config = Config.parse('{"latency": {"NR1": {"p50": 300, "p99": 8000}}, "night": [23, 6], "keys": {"NR": "k"}}')
    assert config.latency_of("NR1").p99 == 8000
    assert config.latency_of("PS1") == Latency()
    assert (config.key_of("NR"), config.key_of("PS")) == (b"k", b"demo-departments-key")
    with pytest.raises(TypeError):
        Config.parse('{"speed": 3}')


def _signing(app: Any) -> Any:
    """The departments behind a client who signs whatever it sends."""

    async def signing(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        raw, more = b"", True
        while more:
            message = await receive()
            raw, more = raw + message.get("body", b""), message.get("more_body", False)
        mac = hmac.new(KEY.encode(), raw, hashlib.sha256).hexdigest().encode()
        kept = [(k, v) for k, v in scope["headers"] if k not in (b"x-client", b"x-signature")]
        scope = {**scope, "headers": [*kept, (b"x-client", b"test"), (b"x-signature", mac)]}

        async def again() -> Any:
            return {"type": "http.request", "body": raw, "more_body": False}

        return await app(scope, again, send)

    return signing


def _contract(app: Any, labels: str, examples: int) -> None:
    """Whatever the contract allows is answered as the contract says, by Schemathesis' checks."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app).include(path_regex=labels)
    for operation in (found.ok() for found in schema.get_all_operations()):

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            case.call_and_validate()

        check()


def test_contract_of_some_items(app: Any) -> None:
    _contract(_signing(app), "PS3|NR3|health", 8)
    _contract(app, "NR3", 3)


@pytest.mark.slow
def test_contract_of_all(app: Any) -> None:
    _contract(_signing(app), "", 25)
    _contract(app, "", 3)


def test_contract_names_every_item_s_fields(app: Any) -> None:
    paths = app.openapi()["paths"]
    assert {f"/{i.department}/v1/items/{i.code}" for i in CATALOGUE.values()} < set(paths)
    body = paths["/HC/v1/items/HC2"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["keys"]["required"] == ["name", "id"]
    assert "unbroken_months" in app.openapi()["components"]["schemas"]["HC2Fields"]["properties"]


def test_faults_follow_from_the_question_and_repeat(db: Path, city: City) -> None:
    queries = {"queries": _mixed(city, 5)["NR"]}
    broken = Config(key=KEY, latency=FAST, malformed_share=1.0)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(_ask(create_app(db, broken), "POST", "/NR/v1/batch", queries).content)
    out = create_app(db, Config(key=KEY, latency=FAST, outages={"NR": (2, 3)}))
    assert [_ask(out, "POST", "/NR/v1/batch", queries).status_code for _ in range(4)] == [200, 503, 503, 200]
    some = Config(key=KEY, latency=FAST, error_share=0.5)
    runs = [
        [_ask(app, "POST", "/PS/v1/batch", {"queries": [q]}).status_code for q in _mixed(city, 5)["PS"]]
        for app in (create_app(db, some), create_app(db, some))
    ]
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


def test_a_stale_copy_lacks_what_was_entered_since(db: Path, city: City) -> None:
    held = Registers(db, Config(busy_share=0, stale_share=1.0, stale_days=3000))
    day = "2017-12-13"
    old_and_new = [(f.dwellings[0], f) for f in city.families if f.truth.held_as == "owned" and not f.truth.flaws]
    seen = set()
    for dwelling, f in old_and_new[:60]:
        owner = dwelling.owners[0].person
        query = Query.model_validate(_query("NR1", {"name": owner.name, "id": owner.id_number}))
        answer = held.answer(query)
        assert answer["as_of"] == day
        known = any(r["unit_no"] == dwelling.unit_no for r in answer["fields"].get("rights", []))
        assert known == (dwelling.registered_on.isoformat() <= day), f.key
        seen.add(known)
    assert seen == {True, False}


def test_signature_where_the_fast_form_does_not_hold() -> None:
    for fields in (
        {"lng": 119.0, "lat": 36.7},
        {"count_by_region": {"\ue000": 1, "𠮷": 2}},
        {"lng": 119.25, "lat": 36.7},
    ):
        body = {"item": "PS5", "fields": fields}
        assert signed(dict(body), b"k")["sign"] == sign(body, b"k")
