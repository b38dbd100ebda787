"""The simulated departments: one HTTP process of its own, its own database file, with latency, limits and
faults.

They compare as registers should: a name sign by sign in one way of writing, an address level by level, numbers of
papers in one form; a likeness is never a match. Faults follow from
the question and from how often it was asked, never from chance at run time, so that a season can be repeated.
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
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError, create_model

from ruxue.algorithms.address import Directory, Standard
from ruxue.algorithms.identity import compare_names, long_id, read_paper
from ruxue.exchange.items import (
    DEPARTMENT_NAMES,
    ITEMS,
    PURPOSE,
    Answer,
    Batch,
    BatchAnswer,
    Code,
    Department,
    Item,
    Query,
    Record,
    id_digest,
    sign,
)
from ruxue.simulation.model import City, Claim
from ruxue.simulation.registers import split_address

AGGREGATES = {"children": "PS", "parent_ages": "PS", "flows": "PS", "education": "ED"}
_CITY_TIME = timezone(timedelta(hours=8))
_LISTS = ("ids", "regions")
Found = tuple[dict[str, str], dict[str, Any]]


@dataclass(frozen=True)
class Latency:
    """Milliseconds of a log-normal: median and 99th percentile."""

    p50: float = 5.0
    p99: float = 40.0


@dataclass(frozen=True)
class Config:
    """How the departments behave.

    `key` is shared with every client, `keys` overrides it by department; `clients` are the names let in
    (empty: any). `latency` by item, department or "*". `rate`: queries a second and department before 429.

    Faults, each a share of what is asked: `busy_share` of questions answered BUSY at a first or second asking,
    never at a third; `error_share` of requests that get a 503, `malformed_share` half an answer, `slow_share` an
    answer `slow_ms` late (time-outs). `stale_share` of questions are answered from a copy `stale_days` old, which
    lacks what was entered since. `down`: departments that are out; `outages`: by department the first and last
    request that fall into one. `night`: hours of the city's time, from and to, when all are closed.
    Source of the needs: domain reference §4, simulator.
    """

    key: str = "demo-departments-key"
    keys: dict[str, str] = field(default_factory=dict)
    clients: tuple[str, ...] = ()
    latency: dict[str, Latency] = field(default_factory=lambda: {"*": Latency()})
    busy_share: float = 0.01
    error_share: float = 0.0
    malformed_share: float = 0.0
    slow_share: float = 0.0
    slow_ms: float = 8000.0
    stale_share: float = 0.0
    stale_days: int = 60
    rate: float = 20_000.0
    down: tuple[str, ...] = ()
    outages: dict[str, tuple[int, int]] = field(default_factory=dict)
    night: tuple[int, int] | None = None
    as_of: str = "2026-03-01"
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> Config:
        """From a JSON object with these names. Raises ValueError or TypeError for another name or form."""
        raw = orjson.loads(text or "{}")
        for name in ("down", "clients"):
            raw[name] = tuple(raw.get(name, ()))
        if raw.get("night"):
            raw["night"] = tuple(raw["night"])
        raw["outages"] = {k: (first, last) for k, (first, last) in raw.get("outages", {}).items()}
        if "latency" in raw:
            raw["latency"] = {k: Latency(**v) for k, v in raw["latency"].items()}
        return cls(**raw)

    def key_of(self, department: str) -> bytes:
        return self.keys.get(department, self.key).encode()

    def latency_of(self, item: str) -> Latency:
        """Of an item ("NR1"), else of its department, else of all."""
        department = ITEMS[item].department.value if item in ITEMS else item
        return self.latency.get(item) or self.latency.get(department) or self.latency.get("*") or Latency()

    def closed(self, department: str, now: datetime) -> bool:
        """Whether the department is out or in its nightly window."""
        if department in self.down:
            return True
        if self.night is None:
            return False
        first, last = self.night
        return first <= now.hour < last if first <= last else now.hour >= first or now.hour < last


def signed(body: dict[str, Any], key: bytes) -> dict[str, Any]:
    """`body` with the signature that `items.sign` gives, thirty times as fast wherever orjson's sorted form is
    RFC 8785's own: with ASCII names and without whole-numbered floats. A test compares both."""
    fields = body["fields"]
    names = all(k.isascii() for k in fields.get("count_by_region", ()))
    if names and not any(float(fields.get(k, 0.5)).is_integer() for k in ("lng", "lat")):
        form = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        body["sign"] = hmac.new(key, form, hashlib.sha256).hexdigest()
    else:
        body["sign"] = sign(body, key)
    return body


class Registers:
    """Answers questions from the file that `registers.build` wrote."""

    def __init__(self, path: Path, config: Config | None = None) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"there are no registers at {path}")
        self.db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        self.config = config or Config(busy_share=0)
        self.asked: Counter[bytes] = Counter()
        self.copy_of = ""  # the day of the copy that is asked, "" for the register itself
        self.handlers: dict[str, Callable[[dict[str, Any], dict[str, Any]], Found | Code]] = {
            code: getattr(self, f"_{code.lower()}", self._plain(code)) for code in ITEMS
        }
        self.keys_of = {d.value: self.config.key_of(d.value) for d in Department}

    def get(self, item: str, key: str) -> Any:
        """A record, or None."""
        found = self.db.execute("select body from record where item=? and k=?", (item, key)).fetchone()
        row = orjson.loads(found[0]) if found else None
        return _known(row, self.copy_of) if self.copy_of and isinstance(row, dict) else row

    def busy(self, item: str, keys: dict[str, Any]) -> bool:
        """Whether this asking of this question meets a busy source."""
        if not self.config.busy_share:
            return False
        name = orjson.dumps([self.config.seed, item, keys], option=orjson.OPT_SORT_KEYS)
        self.asked[name] = nth = self.asked[name] + 1 if name in self.asked else 1
        return nth < 3 and _fraction(name + b"#%d" % nth) < self.config.busy_share

    def stale(self, item: str, keys: dict[str, Any]) -> bool:
        """Whether this question, however often asked, meets an old copy."""
        name = orjson.dumps([self.config.seed, "stale", item, keys], option=orjson.OPT_SORT_KEYS)
        return self.config.stale_share > 0 and _fraction(name) < self.config.stale_share

    def look_up(self, item: str, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        """What is compared and disclosed, or the code of an answer without it; never busy."""
        return self.handlers[item](keys, claim)

    def answer(self, query: Query) -> dict[str, Any]:
        """The signed answer as plain JSON."""
        item = query.item
        body: dict[str, Any] = {
            "request_id": query.request_id,
            "item": item,
            "code": 0,
            "match": "U",
            "compared": {},
            "fields": {},
            "as_of": self.config.as_of,
            "source_system": f"sim-{ITEMS[item].department.value}",
            "trace_no": hashlib.sha256(query.request_id.encode()).hexdigest()[:20],
        }
        if self.busy(item, query.keys):
            body["code"] = int(Code.BUSY)
        else:
            if self.stale(item, query.keys):
                day = date.fromisoformat(self.config.as_of) - timedelta(days=self.config.stale_days)
                body["as_of"] = self.copy_of = day.isoformat()
            found = self.look_up(item, query.keys, query.claim)
            self.copy_of = ""
            if isinstance(found, Code):
                body["code"] = int(found)
                body["match"] = "N" if found == Code.NO_RECORD else "U"
            else:
                body["compared"], body["fields"] = found
                body["match"] = _all(found[0])
        return signed(body, self.keys_of[ITEMS[item].department.value])

    # ── the items ───────────────────────────────────────────

    def _ps1(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("PS1", long_id(keys["id"]))
        if row is None:
            return Code.NO_RECORD
        same = _same_name(row["name"], claim.get("name", keys["name"]))
        return {"name": _yn(same)}, row["fields"] if same else {}

    def _ps2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("PS2", keys["id"].upper())
        if row is None:
            return Code.NO_RECORD
        fields, compared = row["fields"], {}
        if "name" in claim:
            compared["name"] = _yn(_same_name(row["name"], claim["name"]))
        if "region" in claim:
            compared["region"] = _yn(fields["region"] == claim["region"])
        if "address" in claim:
            text = claim["address"]
            compared["address"] = _yn(isinstance(text, str) and _lies_in(fields["address"], text))
        return compared, fields

    def _ps3(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("PS3", keys["child_id"].upper())
        if row is None:
            return Code.NO_RECORD
        who = id_digest(keys["guardian_id"])
        same = any(m["id_digest"] == who for m in row["members"])
        kinship = row["kinship"].get(who, "none")
        compared = {"same_household": _yn(same)}
        if "relation" in claim:
            compared["relation"] = _yn(kinship == claim["relation"])
        through = row["through"].get(who)
        return compared, {
            "same_household": same,
            "kinship": kinship,
            "through": through,
            "parents_on_record": row["parents"],
            "only_child": through in row["only"] if through else None,
            "head_masked": row["head_masked"],
            "members": row["members"],
        }

    def _ps5(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        place, room = split_address(keys["address"])
        codes = self.get("PS5", place)
        if not codes:
            return Code.NO_RECORD
        if len(codes) > 1:
            return Code.AMBIGUOUS
        canonical, aliases, community, lng, lat = self.get("compound", codes[0])
        code = f"{codes[0]}/{room}" if room else codes[0]
        return {}, {
            "address_code": code,
            "canonical": canonical,
            "aliases": aliases,
            "community": community,
            "lng": lng,
            "lat": lat,
        }

    def _nr1(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("NR1", keys["id"].upper())
        if row is None:
            return Code.NO_RECORD
        compared = {"name": _yn(_same_name(row["name"], claim.get("name", keys["name"])))}
        if claim.get("address_code"):
            here = any(
                r["status"] == "current" and _under(r["address_code"], claim["address_code"]) for r in row["rights"]
            )
            compared["address_code"] = _yn(here)
        return compared, {"rights": row["rights"]}

    def _nr2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("NR2", read_paper(keys["certificate_no"]).number)
        if row is None:
            return Code.NO_RECORD
        # Somebody else's certificate is not shown to whoever knows its number.
        if not _same_name(row["names"].get(long_id(keys["id"]), ""), keys["name"]):
            return {"certificate_no": "Y", "name": "N"}, {}
        right = row["right"]
        compared = {"certificate_no": "Y", "name": "Y"}
        if claim.get("address_code"):
            here = right["status"] == "current" and _under(right["address_code"], claim["address_code"])
            compared["address_code"] = _yn(here)
        shown = ("unit_no", "status", "location", "address_code", "registered_on", "owners", "use", "nature")
        return compared, {**{k: right[k] for k in shown}, "certificate_type": row["type"]}

    def _nr3(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        counts = dict.fromkeys(keys["regions"], 0)
        for number in dict.fromkeys(n.upper() for n in keys["ids"]):
            for region, n in (self.get("NR3", number) or {}).items():
                if region in counts:
                    counts[region] += n
        return {}, {"count_by_region": counts}

    def _ed2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        free: dict[str, Any] = {
            "locked": False,
            "school_code": None,
            "stage": None,
            "start_year": None,
            "unlock_year": None,
            "same_parents": None,
            "locks": [],
        }
        return {}, self.get("ED2", keys["unit_no"]) or free

    def _x1(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("X1", keys["id"].upper())
        if row is None or not _same_name(row["name"], keys["name"]):
            return Code.NO_RECORD
        spouse = row["fields"]["spouse_digest"]
        asked = claim.get("spouse_id")
        return {"spouse_id": _yn(id_digest(asked) == spouse)} if isinstance(asked, str) else {}, row["fields"]

    def _x2(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("X2", keys["child_id"].upper())
        if row is None:
            return Code.NO_RECORD
        theirs = id_digest(keys["parent_id"]) in (row["mother_digest"], row["father_digest"])
        # Who is no parent learns nothing about the parents.
        return {"parent": _yn(theirs)}, row if theirs else {}

    def _x3(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("X3", keys["child_id"].upper())
        mine = (row or {}).get(id_digest(keys["guardian_id"]))
        return ({"guardian": "Y"}, mine) if mine else Code.NO_RECORD

    def _x9(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("X9", keys["id"].upper())
        if row is None or not _same_name(row["name"], keys["name"]):
            return Code.NO_RECORD
        here = _under(row["fields"]["address_code"], claim.get("address_code"))
        # Where somebody lives who does not live here is not told.
        return {"address_code": _yn(here)}, row["fields"] if here else {}

    def _x10(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("X10", f"{keys['id'].upper()}/{keys['kind']}")
        if row is None or not _same_name(row["name"], keys["name"]):
            return Code.NO_RECORD
        there = claim.get("address_code")
        # One without a code may be of the place asked about; of another place none is shown.
        fitting = [k for k in row["licences"] if not there or not k["address_code"] or _under(k["address_code"], there)]
        if not fitting:
            return {"address_code": "N"}, {}
        shown = min(fitting, key=lambda k: (k["address_code"] is None, k["number"]))
        compared = {"address_code": "Y" if shown["address_code"] else "U"} if there else {}
        if isinstance(number := claim.get("number"), str):
            compared["number"] = _yn(read_paper(number).number == read_paper(shown["number"]).number)
        return compared, shown

    def _x11(self, keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
        row = self.get("X11", keys["permit_no"].upper())
        if row is None:
            return Code.NO_RECORD
        same = _same_name(row["name"], claim.get("name", keys["name"]))
        return {"name": _yn(same)}, row["fields"] if same else {}

    def _plain(self, item: str) -> Callable[[dict[str, Any], dict[str, Any]], Found | Code]:
        """An item with one record for each person or unit; claims are compared with the fields of the same
        name."""
        of_person = "name" in ITEMS[item].keys
        key = "unit_no" if "unit_no" in ITEMS[item].keys else "id"
        source = {"address_code": "present_address_code"} if item == "HC3" else {}

        def look(keys: dict[str, Any], claim: dict[str, Any]) -> Found | Code:
            row = self.get(item, keys[key].upper())
            if row is None or (of_person and not _same_name(row["name"], keys["name"])):
                return Code.NO_RECORD
            compared = {}
            for name in ("address_code", "region", "contract_no", "filing_no", "agreement_no", "uscc", "group"):
                column = source.get(name, name)
                if claim.get(name) and column in row["fields"]:
                    held = row["fields"][column]
                    same = _under(held, claim[name]) if name == "address_code" else held == claim[name]
                    compared[name] = _yn(same)
            return compared, row["fields"]

        return look


_ENTERED = ("registered_on", "filed_on", "signed_on", "starts_on", "first_issued_on", "entered_on")


def _known(row: Any, day: str) -> Any:
    """What a copy of `day` (ISO date) has of a record: nothing that was entered later; None for nothing at all."""
    if "rights" in row:
        rights = [r for r in row["rights"] if r["registered_on"] <= day]
        return {**row, "rights": rights} if rights else None
    fields = row.get("right") or row.get("fields") or {}
    return row if next((fields[name] for name in _ENTERED if name in fields), day) <= day else None


def _same_name(held: str, typed: object) -> bool:
    """Whether two names are the same signs; width, spaces and forms of one sign don't count, likeness is no match."""
    return isinstance(typed, str) and compare_names(held, typed).verdict == "equal"


@lru_cache(maxsize=4096)
def _place_of(text: str) -> Directory:
    return Directory([Standard("", text)])


def _lies_in(address: str, place: str) -> bool:
    """Whether an address is the place or lies in it, level by level."""
    return bool(place) and _place_of(place).match(address).verdict == "equal"


def _yn(value: bool) -> str:
    return "Y" if value else "N"


def _all(compared: dict[str, str]) -> str:
    """Y where all that was compared agrees, U where something could not be."""
    return "N" if "N" in compared.values() else "Y" if compared and "U" not in compared.values() else "U"


def _under(code: str | None, claimed: object) -> bool:
    """Whether an address code is the claimed one or lies in the claimed compound."""
    return bool(code) and (code == claimed or str(code).split("/")[0] == claimed)


def _fraction(data: bytes) -> float:
    """A number in [0, 1) that follows from `data`."""
    return int.from_bytes(hashlib.sha256(data).digest()[:6], "big") / 2**48


class _Refused(Exception):
    def __init__(self, status: int, reason: str, retry_after: str = "") -> None:
        self.status, self.reason, self.retry_after = status, reason, retry_after


class _Gate:
    """What stands before every question: signature, windows, rate, latency, faults."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.requests: Counter[str] = Counter()
        self.asked: Counter[bytes] = Counter()
        self.buckets = {d.value: (config.rate, time.monotonic()) for d in Department}

    async def body(self, department: str, request: Request) -> bytes:
        """The raw body of a request that may come in. Raises _Refused with 404, 401 or 503."""
        if department not in self.buckets:
            raise _Refused(404, f"there is no department {department}")
        raw = await request.body()
        client = request.headers.get("x-client", "")
        if not client or (self.config.clients and client not in self.config.clients):
            raise _Refused(401, "the header X-Client is missing or names no client of this department")
        mac = hmac.new(self.config.key_of(department), raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(mac.encode(), request.headers.get("x-signature", "").encode()):
            raise _Refused(
                401,
                "X-Signature is not the HMAC-SHA-256 of the body under the key shared with the department",
            )
        if self.config.closed(department, datetime.now(_CITY_TIME)):
            raise _Refused(503, "the department is closed now", "600")
        return raw

    async def admit(self, department: str, items: list[str], name: bytes) -> bool:
        """Charges the rate, then waits as long as the slowest item takes; whether the answer is to arrive whole.

        `name` says what is asked, so that faults do not hang on the order in which requests come in.
        Raises _Refused with 429 or 503.
        """
        left, seen = self.buckets[department]
        now = time.monotonic()
        left = min(self.config.rate, left + (now - seen) * self.config.rate)
        if left < min(len(items), self.config.rate):
            self.buckets[department] = (left, now)
            raise _Refused(429, "too many queries", str(math.ceil((len(items) - left) / self.config.rate) or 1))
        self.buckets[department] = (left - len(items), now)
        self.requests[department] += 1
        first, last = self.config.outages.get(department, (0, 0))
        if first <= self.requests[department] <= last:
            raise _Refused(503, "the department is out", "1")
        name = hashlib.sha256(department.encode() + name).digest()
        self.asked[name] += 1
        mark = b"%d/%s/%d/" % (self.config.seed, name, self.asked[name])
        if _fraction(mark + b"error") < self.config.error_share:
            raise _Refused(503, "the source did not answer", "1")
        wait = max((self._latency(i, mark) for i in set(items)), default=0.0)
        if _fraction(mark + b"slow") < self.config.slow_share:
            wait += self.config.slow_ms
        if wait:
            await asyncio.sleep(wait / 1000)
        return _fraction(mark + b"malformed") >= self.config.malformed_share

    def _latency(self, item: str, mark: bytes) -> float:
        latency = self.config.latency_of(item)
        if latency.p50 <= 0:
            return 0.0
        sigma = math.log(max(latency.p99 / latency.p50, 1.0)) / 2.326
        return latency.p50 * math.exp(random.Random(mark + item.encode()).gauss(0, sigma))


class _Nothing(Record):
    """The fields of an answer without a record."""


def _question(item: Item) -> type[Query]:
    """The query of one item: the contract's, with the item's own keys and claims."""
    keys: dict[str, Any] = {k: (list[str] if k in _LISTS else str, ...) for k in item.keys}
    claims: dict[str, Any] = dict.fromkeys((*item.claims, "name"), (bool | str | None, None))
    return create_model(
        f"{item.code}Query",
        __base__=Query,
        item=(Literal[item.code], ...),  # type: ignore[arg-type]
        keys=(create_model(f"{item.code}Keys", __base__=Record, **keys), ...),
        claim=(create_model(f"{item.code}Claim", __base__=Record, **claims), Field(default_factory=dict)),
    )


def _reply(item: Item) -> type[Answer]:
    """The answer of one item: the contract's, with the item's own fields."""
    return create_model(f"{item.code}Answer", __base__=Answer, fields=(item.fields | _Nothing, ...))  # type: ignore[arg-type]


_QUESTIONS = {code: _question(item) for code, item in ITEMS.items()}


def _checked(department: str, query: Query) -> Query:
    """A query that is one of the department's. Raises _Refused with 400 or 422 where it is not."""
    item = ITEMS.get(query.item)
    if item is None or item.department != department:
        raise _Refused(400, f"{query.item!r} is no item of {department}")
    try:
        _QUESTIONS[item.code].model_validate(query.model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        raise _Refused(422, f"{'.'.join(map(str, first['loc']))} of {item.code}: {first['msg']}") from None
    return query


def _terms(item: Item) -> str:
    """On which terms an item is asked: what the catalogue holds beside keys and fields."""
    names = [*item.keys, *(n for fields in (item.claims, tuple(item.fields.model_fields)) for n in fields)]
    standards = ", ".join(f"{name}: {item.standards[name]}" for name in dict.fromkeys(names) if name in item.standards)
    lines = {
        "Purpose": f"{PURPOSE} {item.purpose_en}",
        "Legal basis": item.legal_basis,
        "Mode": item.mode,
        "Fresh for": f"{item.freshness_days} days",
        "Sensitivity": str(item.sensitivity),
        "Standards": standards,
        "Decides": ", ".join(item.decides),
    }
    return "  \n".join(f"{name}: {text}" for name, text in lines.items() if text)


class Refusal(BaseModel):
    """Why a request was refused."""

    error: str


_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": text}
    for status, text in (
        (400, "not an item of this department"),
        (401, "unknown client or wrong signature"),
        (404, "no such thing"),
        (422, "not of the contract's form"),
        (429, "too many queries; Retry-After says when"),
        (503, "closed or out; Retry-After says when"),
    )
}
_HEADERS = [
    {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": text}
    for name, text in (("X-Client", "who asks"), ("X-Signature", "HMAC-SHA-256 of the raw body, hex"))
]


def create_app(path: Path, config: Config) -> FastAPI:
    """The ASGI application over one registers file. Raises FileNotFoundError where there is none."""
    registers, gate = Registers(path, config), _Gate(config)
    app = FastAPI(
        title="Simulated departments",
        version="1",
        description="The data items of the enrollment exchange, 18 and those that a city may switch on; "
        "docs/exchange.md explains them.",
    )

    @app.exception_handler(_Refused)
    async def refused(request: Request, error: _Refused) -> Response:
        headers = {"Retry-After": error.retry_after} if error.retry_after else {}
        return JSONResponse({"error": error.reason}, error.status, headers)

    def serve(item: Item) -> None:
        department = item.department.value

        @app.post(
            f"/{department}/v1/items/{item.code}",
            summary=f"{item.zh} {item.en}",
            description=_terms(item),
            operation_id=item.code,
            response_model=_reply(item),
            responses=_REFUSALS,
            openapi_extra=_takes(_QUESTIONS[item.code]),
        )
        async def one(request: Request) -> Response:
            """One question."""
            raw = await gate.body(department, request)
            try:
                query = Query.model_validate_json(raw)
            except ValidationError:
                raise _Refused(422, "the body is not a query of the contract") from None
            if query.item != item.code:
                raise _Refused(400, "the item in the path is not the one in the body")
            _checked(department, query)
            whole = await gate.admit(department, [item.code], query.request_id.encode())
            return _json(registers.answer(query), whole)

    for item in ITEMS.values():
        serve(item)

    @app.post("/{department}/v1/batch", response_model=BatchAnswer, responses=_REFUSALS, openapi_extra=_takes(Batch))
    async def batch(department: str, request: Request) -> Response:
        """Up to 200 questions at once."""
        raw = await gate.body(department, request)
        try:
            queries = Batch.model_validate_json(raw).queries
        except ValidationError:
            raise _Refused(422, "the body is not a batch of the contract") from None
        for query in queries:
            _checked(department, query)
        name = "/".join(q.request_id for q in queries).encode()
        whole = await gate.admit(department, [q.item for q in queries], name)
        return _json({"answers": [registers.answer(q) for q in queries]}, whole)

    @app.get("/{department}/v1/aggregates/{name}", responses=_REFUSALS, openapi_extra={"parameters": _HEADERS})
    async def aggregate(department: str, name: str, request: Request) -> Response:
        """Counts for planning; no person is in them."""
        await gate.body(department, request)
        if AGGREGATES.get(name) != department:
            raise _Refused(404, f"{department} publishes no aggregate {name}")
        whole = await gate.admit(department, [department], name.encode())
        return _json(registers.get("aggregate", name), whole)

    @app.get("/{department}/v1/health", responses={404: _REFUSALS[404]})
    async def health(department: str) -> dict[str, str]:
        """Whether the department is open."""
        if department not in gate.buckets:
            raise _Refused(404, f"there is no department {department}")
        state = "closed" if config.closed(department, datetime.now(_CITY_TIME)) else "open"
        return {"department": DEPARTMENT_NAMES[Department(department)][1], "status": state}

    return app


def _json(body: Any, whole: bool) -> Response:
    """The answer, or the first half of its bytes, as a broken gateway passes it on."""
    raw = orjson.dumps(body)
    return Response(raw if whole else raw[: len(raw) // 2], media_type="application/json")


def _takes(model: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI of a body that is read raw, because its signature covers the raw bytes."""
    schema = model.model_json_schema()
    whole = _inline(schema, schema.get("$defs", {}))
    return {
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": whole}}},
    }


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    """A JSON schema with its own definitions put where they are named: OpenAPI knows none but its components."""
    if isinstance(schema, list):
        return [_inline(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    return {k: _inline(v, definitions) for k, v in schema.items() if k != "$defs"}


def app_from_env() -> FastAPI:
    """Entry point of the server process: `RUXUE_REGISTERS` names the file, `RUXUE_DEPARTMENTS_CONFIG` holds a
    Config as JSON. Raises KeyError, FileNotFoundError or ValueError where they are missing or wrong."""
    config = Config.parse(os.environ.get("RUXUE_DEPARTMENTS_CONFIG", ""))
    return create_app(Path(os.environ["RUXUE_REGISTERS"]), config)


# ── how the registers fare against what families type ─────────────────────────


@dataclass(frozen=True)
class Rates:
    """First-try rates by child, as shares. `household` compares no address of families who lease (their hukou
    can't be there), as the platform does; `household_all` compares everybody's. `decidable`: honest claims
    that the registers settle without a correction or a paper."""

    household: float
    household_all: float
    property: float
    decidable: float


def first_try_rates(city: City, db: Path) -> Rates:
    """Asks the register functions directly about every claim as first typed; no HTTP, no faults."""
    registers = Registers(db)
    tally: Counter[str] = Counter()
    for family in city.families:
        claim = family.claim
        address = city.compounds[claim.compound].address
        property_ok = any(_matches(registers.look_up(*q)) for q in _property_questions(claim))
        for index in range(len(family.children)):
            child = claim.children[index]
            named = all(
                _matches(registers.look_up(*q))
                for q in (
                    ("PS1", {"name": child["name"], "id": child["id_number"]}, {"name": child["name"]}),
                    ("PS2", {"id": child["id_number"]}, {"name": child["name"]}),
                    ("PS3", {"child_id": child["id_number"], "guardian_id": claim.guardian["id_number"]}, {}),
                )
            )
            there = _matches(registers.look_up("PS2", {"id": child["id_number"]}, {"address": address}))
            tally["children"] += 1
            tally["household_all"] += named and there
            tally["household"] += named and (there or claim.basis == "lease")
            if claim.basis != "lease":
                tally["claims"] += 1
                tally["property"] += property_ok
            if not family.fraud:
                tally["honest"] += 1
                tally["decidable"] += _decidable(registers, claim, child)
    return Rates(
        tally["household"] / tally["children"],
        tally["household_all"] / tally["children"],
        tally["property"] / tally["claims"],
        tally["decidable"] / tally["honest"],
    )


def _matches(found: Found | Code) -> bool:
    return not isinstance(found, Code) and _all(found[0]) == "Y"


def _property_questions(claim: Claim) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The questions about the claimed home, one for each person who may hold it."""
    item = {"owned": "NR1", "grandparents": "NR1", "contract": "HC1", "resettlement": "HC3", "lease": "HC2"}[
        claim.basis
    ]
    people = [claim.grandparent] if claim.basis == "grandparents" else [claim.guardian, claim.second_guardian]
    return [
        (
            item,
            {"name": p["name"], "id": p["id_number"]},
            {"address_code": claim.compound, "name": p["name"]},
        )
        for p in people
        if p
    ]


def _decidable(registers: Registers, claim: Claim, child: dict[str, str]) -> bool:
    """Whether every check of a claim comes to an answer, right or lower, from data alone."""
    people = [p for p in (claim.guardian, claim.second_guardian) if p]
    for person in (child, *people):
        if not _matches(registers.look_up("PS1", {"name": person["name"], "id": person["id_number"]}, {})):
            return False
    books = [
        registers.look_up("PS3", {"child_id": child["id_number"], "guardian_id": p["id_number"]}, {})
        for p in (*people, *([claim.grandparent] if claim.grandparent else []))
    ]
    if not any(_matches(b) for b in books):
        return False
    hukou = registers.look_up("PS2", {"id": child["id_number"]}, {})
    if isinstance(hukou, Code):
        return False
    unlinked = claim.basis != "lease" and not hukou[1]["address_code"]
    if unlinked and isinstance(registers.look_up("PS5", {"address": hukou[1]["address"]}, {}), Code):
        return False
    return any(_holds(registers, registers.look_up(*q), claim.compound) for q in _property_questions(claim))


def _holds(registers: Registers, found: Found | Code, compound: str) -> bool:
    """Whether an answer shows the home in the compound, by its own code or by the property's place on the
    map."""
    if isinstance(found, Code):
        return False
    rights = found[1].get("rights")
    if rights is None:
        return _under(found[1].get("address_code") or found[1].get("present_address_code"), compound)
    for right in (r for r in rights if r["status"] == "current"):
        code = right["address_code"]
        if code is None:
            place = registers.look_up("NR4", {"unit_no": right["unit_no"]}, {})
            code = None if isinstance(place, Code) else place[1]["address_code"]
        if _under(code, compound):
            return True
    return False
