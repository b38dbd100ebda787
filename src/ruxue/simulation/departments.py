"""The six simulated departments: one HTTP process of its own, its own database file, with latency, limits and faults.

They compare as dumbly as registers do. Faults depend on the question and on how often it was asked, never on chance
at run time, so that a season can be repeated.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import os
import random
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from ruxue.algorithms.address import normalize
from ruxue.exchange.items import (
    CATALOGUE,
    DEPARTMENT_NAMES,
    Answer,
    Batch,
    BatchAnswer,
    Department,
    Query,
    id_digest,
    sign,
)

AGGREGATES = {"children": "PS", "parent_ages": "PS", "flows": "PS", "education": "ED"}


@dataclass(frozen=True)
class Config:
    """How the departments behave: milliseconds of latency (median and 99th percentile), shares of busy answers,
    requests a second before 429, departments that are down, hours (UTC) when they are closed."""

    key: str = "demo-departments-key"
    p50_ms: float = 5.0
    p99_ms: float = 40.0
    busy_share: float = 0.01
    rate: float = 2000.0
    down: tuple[str, ...] = ()
    closed_hours: tuple[int, ...] = ()
    as_of: str = "2026-03-01"
    seed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_env(cls) -> Config:
        """Reads `RUXUE_DEPARTMENTS_CONFIG`, a JSON object with these names."""
        raw = orjson.loads(os.environ.get("RUXUE_DEPARTMENTS_CONFIG") or "{}")
        for name in ("down", "closed_hours"):
            if name in raw:
                raw[name] = tuple(raw[name])
        return cls(**raw)


class Registers:
    """Answers one query from the SQLite file."""

    def __init__(self, path: Path, config: Config) -> None:
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("pragma journal_mode=off")
        self.db.execute("pragma synchronous=off")
        self.config = config
        self.asked: dict[str, int] = {}

    def get(self, item: str, key: str) -> Any:
        row = self.db.execute("select body from record where item=? and k=?", (item, key)).fetchone()
        return orjson.loads(row[0]) if row else None

    def _busy(self, query: dict[str, Any]) -> bool:
        digest = hashlib.sha256(
            orjson.dumps([self.config.seed, query["item"], query["keys"]], option=orjson.OPT_SORT_KEYS)
        ).digest()
        if int.from_bytes(digest[:4], "big") / 2**32 >= self.config.busy_share:
            return False
        name = digest.hex()
        self.asked[name] = self.asked.get(name, 0) + 1
        return self.asked[name] == 1

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        """The signed answer, as plain JSON."""
        body: dict[str, Any] = {
            "request_id": query["request_id"],
            "item": query["item"],
            "code": 0,
            "match": "U",
            "compared": {},
            "fields": {},
            "as_of": self.config.as_of,
            "source_system": f"sim-{CATALOGUE[query['item']].department}",
            "trace_no": hashlib.sha256(query["request_id"].encode()).hexdigest()[:20],
        }
        if self._busy(query):
            body["code"] = 3
        else:
            found = getattr(self, "_" + query["item"].lower())(query["keys"], query["claim"])
            if found is None:
                body["code"], body["match"] = 1, "N"
            else:
                body["compared"], body["fields"] = found
                values = set(body["compared"].values())
                body["match"] = "N" if "N" in values else "Y" if values else "U"
        body["sign"] = sign(body, self.config.key.encode())
        return body

    def _ps1(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        row = self.get("PS1", keys["id"].upper())
        if row is None:
            return None
        name = row.pop("name")
        return {"name": _yn(name == claim.get("name", keys.get("name")))}, row

    def _ps2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        row = self.get("PS2", keys["id"].upper())
        if row is None:
            return None
        name = row.pop("name")
        compared = {}
        if "name" in claim:
            compared["name"] = _yn(name == claim["name"])
        if "address" in claim:
            compared["address"] = _yn(bool(claim["address"]) and claim["address"] in row["address"])
        return compared, row

    def _ps3(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        row = self.get("PS3", keys["child_id"].upper())
        if row is None:
            return None
        who = id_digest(keys["guardian_id"])
        same = who in row["inside"]
        members = [
            {"name_masked": n, "relation": "", "id_digest": d} for n, d in zip(row["names"], row["inside"], strict=True)
        ]
        fields = {
            "same_household": same,
            "kinship": row["kin"].get(who, "none"),
            "head_masked": row["head"],
            "members": members,
        }
        return {"same_household": _yn(same)}, fields

    def _by_person(self, item: str, keys: dict[str, Any], claim: dict[str, Any], code: str = "address_code") -> Any:
        row = self.get(item, keys["id"].upper())
        if row is None:
            return None
        compared = {}
        if claim.get("address_code"):
            compared["address_code"] = _yn((row.get(code) or "").split("/")[0] == claim["address_code"])
        return compared, row

    def _ps4(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        return self._by_person("PS4", keys, {})

    def _ps5(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        text = normalize(keys["address"])
        code = self.get("PS5", text)
        if code is None:
            return None
        canonical, aliases, community, lng, lat = self.get("compound", code.split("/")[0])
        return {}, {
            "address_code": code,
            "canonical": canonical,
            "aliases": aliases,
            "community": community,
            "lng": lng,
            "lat": lat,
        }

    def _nr1(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        row = self.get("NR1", keys["id"].upper())
        if row is None:
            return None
        compared = {}
        if claim.get("address_code"):
            here = any(
                (r["address_code"] or "").split("/")[0] == claim["address_code"] and r["status"] == "current"
                for r in row["rights"]
            )
            compared["address_code"] = _yn(here)
        if "name" in claim:
            compared["name"] = _yn(row["name"] == claim["name"])
        return compared, {"rights": row["rights"]}

    def _nr2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        row = self.get("NR2", keys["certificate_no"])
        if row is None:
            return None
        right = row["right"]
        mine = keys["id"].upper() in row["ids"]
        here = (right["address_code"] or "").split("/")[0] == claim.get("address_code")
        if not mine:
            return {"name": "N"}, {}
        fields = {
            k: right[k] for k in ("unit_no", "status", "location", "address_code", "registered_on", "owners", "use")
        }
        return {"name": "Y", "address_code": _yn(here)}, {
            **fields,
            "certificate_type": "old" if "房权证" in keys["certificate_no"] else "new",
        }

    def _nr3(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        counts = dict.fromkeys(keys["regions"], 0)
        for number in keys["ids"]:
            for region, n in (self.get("NR3", number.upper()) or {}).items():
                if region in counts:
                    counts[region] += n
        return {}, {"count_by_region": counts}

    def _nr4(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        row = self.get("NR4", keys["unit_no"])
        return None if row is None else ({}, row)

    def _hc1(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        return self._by_person("HC1", keys, claim)

    def _hc2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        return self._by_person("HC2", keys, claim)

    def _hc3(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        return self._by_person("HC3", keys, claim, "present_address_code")

    def _hr1(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        return self._by_person("HR1", keys, {})

    def _hr2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        return self._by_person("HR2", keys, {})

    def _mr1(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        return self._by_person("MR1", keys, {})

    def _mr2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        return self._by_person("MR2", keys, {})

    def _ed1(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        return self._by_person("ED1", keys, {})

    def _ed2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Any:
        row = self.get("ED2", keys["unit_no"])
        return {}, row or {
            "locked": False,
            "school_code": None,
            "stage": None,
            "start_year": None,
            "unlock_year": None,
            "same_parents": None,
        }


def _yn(value: bool) -> str:
    return "Y" if value else "N"


class _Refused(Exception):
    def __init__(self, status: int, reason: str, retry_after: str = "") -> None:
        self.status, self.reason, self.retry_after = status, reason, retry_after


def create_app(path: Path, config: Config) -> FastAPI:
    """The ASGI application over one registers file."""
    registers = Registers(path, config)
    latency = random.Random(config.seed)
    sigma = math.log(config.p99_ms / config.p50_ms) / 2.326 if config.p99_ms > config.p50_ms > 0 else 0.0
    bucket = {d.value: (config.rate, time.monotonic()) for d in Department}
    app = FastAPI(title="Simulated departments", version="1", description="The 18 items of the enrollment exchange.")

    async def admit(department: str, request: Request, cost: int = 1) -> bytes:
        if department not in bucket:
            raise _Refused(404, f"there is no department {department}")
        raw = await request.body()
        mac = hmac.new(config.key.encode(), raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(mac, request.headers.get("x-signature", "")):
            raise _Refused(401, "the signature in X-Signature does not fit the body and the client's key")
        if department in config.down or time.gmtime().tm_hour in config.closed_hours:
            raise _Refused(503, "the department is closed", "600")
        left, seen = bucket[department]
        now = time.monotonic()
        left = min(config.rate, left + (now - seen) * config.rate) - cost
        bucket[department] = (max(left, -config.rate), now)
        if left < -config.rate / 2:
            raise _Refused(429, "too many requests", "1")
        await asyncio.sleep(config.p50_ms / 1000 * math.exp(latency.gauss(0, sigma)))
        return raw

    @app.exception_handler(_Refused)
    async def refused(request: Request, error: _Refused) -> Response:
        headers = {"Retry-After": error.retry_after} if error.retry_after else {}
        return JSONResponse({"error": error.reason}, error.status, headers)

    def check(department: str, queries: list[dict[str, Any]]) -> None:
        for query in queries:
            item = CATALOGUE.get(query.get("item", ""))
            if item is None or item.department != department:
                raise _Refused(400, f"{query.get('item')} is no item of {department}")
            missing = [k for k in item.keys if k not in query.get("keys", {})]
            if missing:
                raise _Refused(422, f"{item.code} needs the keys {', '.join(missing)}")
            if any(not isinstance(query["keys"][k], list if k in ("ids", "regions") else str) for k in item.keys):
                raise _Refused(422, f"the keys of {item.code} have the wrong type")

    @app.post("/{department}/v1/items/{item}", response_model=Answer, openapi_extra=_body(Query))
    async def one(department: str, item: str, request: Request) -> Response:
        """One question."""
        raw = await admit(department, request)
        try:
            query = Query.model_validate_json(raw).model_dump(mode="json")
        except ValueError:
            raise _Refused(422, "the body is not a query of the contract") from None
        if query["item"] != item:
            raise _Refused(400, "the item in the path is not the one in the body")
        check(department, [query])
        return Response(orjson.dumps(registers.answer(query)), media_type="application/json")

    @app.post("/{department}/v1/batch", response_model=BatchAnswer, openapi_extra=_body(Batch))
    async def batch(department: str, request: Request) -> Response:
        """Up to 200 questions at once."""
        raw = await admit(department, request)
        try:
            queries = Batch.model_validate_json(raw).model_dump(mode="json")["queries"]
        except ValueError:
            raise _Refused(422, "the body is not a batch of the contract") from None
        check(department, queries)
        return Response(
            orjson.dumps({"answers": [registers.answer(q) for q in queries]}), media_type="application/json"
        )

    @app.get("/{department}/v1/aggregates/{name}")
    async def aggregate(department: str, name: str, request: Request) -> Response:
        """Counts for planning: no person in them."""
        await admit(department, request)
        if AGGREGATES.get(name) != department:
            raise _Refused(404, f"{department} publishes no aggregate {name}")
        return Response(orjson.dumps(registers.get("aggregate", name)), media_type="application/json")

    @app.get("/{department}/v1/health")
    async def health(department: str) -> dict[str, str]:
        """Whether the department is open."""
        if department not in bucket:
            raise _Refused(404, f"there is no department {department}")
        return {
            "department": DEPARTMENT_NAMES[Department(department)][1],
            "status": "closed" if department in config.down else "open",
        }

    return app


def _body(model: Any) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    if model is Batch:
        schema["properties"]["queries"]["items"] = {k: v for k, v in Query.model_json_schema().items() if k != "$defs"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def app_from_env() -> FastAPI:
    """Entry point of the server process: `RUXUE_REGISTERS` names the file, `RUXUE_DEPARTMENTS_CONFIG` the behaviour."""
    return create_app(Path(os.environ["RUXUE_REGISTERS"]), Config.from_env())


def first_try_rates(path: Path, claims: list[tuple[Any, str]]) -> tuple[float, float]:
    """Shares of household and of property checks that the registers confirm as first typed; (claim, compound address)."""
    registers = Registers(path, Config(busy_share=0))
    household = matched = owned = confirmed = 0
    for claim, address in claims:
        for child in claim.children:
            household += 1
            asked = {"name": child["name"]} | ({"address": address} if claim.basis != "lease" else {})
            first = registers._ps1({"id": child["id_number"]}, {"name": child["name"]})
            second = registers._ps2({"id": child["id_number"]}, asked)
            third = registers._ps3({"child_id": child["id_number"], "guardian_id": claim.guardian["id_number"]}, {})
            matched += all(x is not None and "N" not in x[0].values() for x in (first, second, third))
            if claim.basis == "lease":
                continue
            owned += 1
            people = [claim.grandparent] if claim.basis == "grandparents" else [claim.guardian, claim.second_guardian]
            ask = {"contract": registers._hc1, "resettlement": registers._hc3}.get(claim.basis, registers._nr1)
            found = [
                ask(
                    {"id": p["id_number"]},
                    {"address_code": claim.compound, **({"name": p["name"]} if ask == registers._nr1 else {})},
                )
                for p in people
                if p
            ]
            confirmed += any(x is not None and "N" not in x[0].values() for x in found)
    return matched / household, confirmed / owned
