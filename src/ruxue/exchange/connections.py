"""How the city reaches its departments: a YAML or JSON file, so that connecting one takes no code.

`RUXUE_CONNECTORS` names the file; without it all 18 items, and the extensions that `RUXUE_EXTENSIONS` lists, are asked in
the platform's own protocol at `RUXUE_DEPARTMENTS`. docs/exchange.md explains every name and shows a department of foreign shape.
"""

from __future__ import annotations

import os
import re
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ruxue.exchange.items import CATALOGUE, DEPARTMENT_NAMES, EXTENSIONS, ITEMS, Code, Department
from ruxue.exchange.signing import Encoding, Method

CITY_ZONE = ZoneInfo("Asia/Shanghai")


class ConnectionsError(ValueError):
    """The connectors file can't be used; the message names the file, the entry and what is wrong with it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def secret(reference: str) -> str:
    """The secret that `env:NAME` or `file:PATH` points to: none stands in the connectors file itself.

    Raises ConnectionsError where it is not there.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and (value := os.environ.get(name)):
        return value
    if kind == "file" and Path(name).is_file():
        return Path(name).read_text(encoding="utf-8").strip()
    raise ConnectionsError(f"the secret {reference} is not there; write env:NAME or file:PATH and provide it")


class Hours(_Part):
    """When a department answers, in the city's time. `closes` before `opens`: over midnight; equal: the whole day."""

    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    opens: time = time(0, 0)
    closes: time = time(0, 0)
    closed_on: tuple[date, ...] = ()

    @field_validator("days")
    @classmethod
    def _weekdays(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if not days or set(days) - set(range(1, 8)):
            raise ValueError("days are 1 (Monday) to 7 (Sunday), at least one")
        return days

    def is_open(self, at: datetime) -> bool:
        local = at.astimezone(CITY_ZONE)
        now, today = local.time(), local.date()
        if self.opens == self.closes:
            return self._works(today)
        if self.opens < self.closes:
            return self._works(today) and self.opens <= now < self.closes
        return (self._works(today) and now >= self.opens) or (
            self._works(today - timedelta(days=1)) and now < self.closes
        )

    def _works(self, day: date) -> bool:
        return day.isoweekday() in self.days and day not in self.closed_on

    def next_opening(self, at: datetime) -> datetime:
        """The first moment from `at` on at which the department is open; `at` itself where it is."""
        if self.is_open(at):
            return at
        day = at.astimezone(CITY_ZONE).date()
        for n in range(400):
            whole_day = self.opens == self.closes
            start = datetime.combine(day + timedelta(days=n), time() if whole_day else self.opens, CITY_ZONE)
            if start > at and self.is_open(start):
                return start
        raise ConnectionsError("the department has no opening within a year")


class Signature(_Part):
    """How a message is signed. `over` says what is signed: any of {body} {client} {timestamp} {nonce} {path}."""

    method: Method = "hmac-sha256"
    key: str = ""
    header: str = "X-Signature"
    over: str = "{body}"
    encoding: Encoding = "hex"


class Tls(_Part):
    """Files of mutual TLS: the authority that signed the department's certificate, own certificate and key."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Value(_Part):
    """Where a value stands in a department's reply and how it is read.

    `path` is dotted, numbers index lists; `map` translates codes; `date` is a strptime form; `each` reads every
    member of a list. `same` compares with a value of the question instead ("claim.name") and gives Y, N or U.
    """

    path: str = ""
    const: Any = None
    map: dict[str, Any] | None = None
    default: Any = None
    date: str = ""
    scale: float | None = None
    each: dict[str, Value | str] | None = None
    same: str = ""
    how: Literal["equal", "contains"] = "equal"


class Reply(_Part):
    """How a foreign reply becomes an answer. Without `code`, a reply with a `record` is OK, one without NO_RECORD."""

    record: str = ""
    code: Value | None = None
    compared: dict[str, Value] = Field(default_factory=dict)
    fields: dict[str, Value | str] = Field(default_factory=dict)
    as_of: Value | str = ""
    trace: str = ""
    list: str = ""
    id: str = ""


class ItemSetup(_Part):
    """One item of a department of foreign shape. `request` is a template: "{keys.id}", "{claim.name}", "{request_id}".

    With `batch`, `request` is the form of one row and `batch` the whole body, whose "{rows}" is replaced by the rows;
    the answer's `list` and `id` then tell the rows of the reply apart.
    """

    path: str
    method: Literal["POST", "GET"] = "POST"
    form: Literal["json", "form"] = "json"
    request: dict[str, Any]
    batch: dict[str, Any] | None = None
    answer: Reply


class DepartmentSetup(_Part):
    """One department. `protocol` "ruxue" speaks the platform's own contract, "mapped" another by `items`."""

    url: str
    protocol: Literal["ruxue", "mapped"] = "ruxue"
    client: str = "ruxue"
    headers: dict[str, str] = Field(default_factory=dict)
    sign: Signature = Signature()
    answers: Signature = Signature()
    tls: Tls | None = None
    rate: float = Field(default=50.0, gt=0, description="queries a second, by all machines together")
    concurrency: int = Field(default=4, ge=1, le=64, description="requests at once, by all machines together")
    batch: int = Field(default=100, ge=1, le=200)
    timeout: float = Field(default=15.0, gt=0, description="seconds until a request is given up")
    hours: Hours = Hours()
    serves: tuple[str, ...] = ()
    items: dict[str, ItemSetup] = Field(default_factory=dict)
    corrections: str = Field(default="", description="path that takes correction requests; empty: by hand")

    @model_validator(mode="after")
    def _complete(self) -> DepartmentSetup:
        if self.protocol == "mapped" and not self.items:
            raise ValueError("protocol mapped needs items, each with path, request and answer")
        return self


class Connections(_Part):
    departments: dict[Department, DepartmentSetup]

    @model_validator(mode="after")
    def _known(self) -> Connections:
        for department, setup in self.departments.items():
            for code in (*setup.serves, *setup.items):
                item = ITEMS.get(code)
                if item is None or item.department != department:
                    raise ValueError(f"{code} is no item of {department} ({DEPARTMENT_NAMES[department][1]})")
        return self

    def items(self) -> dict[str, DepartmentSetup]:
        """Connected items with their departments, in the catalogue's order."""
        return self._items

    @cached_property
    def _items(self) -> dict[str, DepartmentSetup]:
        found = {}
        for code, item in ITEMS.items():
            setup = self.departments.get(item.department)
            if setup is None:
                continue
            named = setup.serves or tuple(setup.items)
            if code in named or (not named and code in CATALOGUE):
                found[code] = setup
        return found


def parse(text: str, where: str) -> Connections:
    """Connections from YAML or JSON text. Raises ConnectionsError, which names entry and fault."""
    try:
        return Connections.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConnectionsError(f"{where} is no YAML or JSON: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        entry = ".".join(str(p) for p in first["loc"]) or "the file"
        raise ConnectionsError(f"{where}: {entry}: {first['msg']}") from error


@lru_cache(maxsize=4)
def _load(path: Path, changed: float) -> Connections:
    return parse(path.read_text(encoding="utf-8"), str(path))


@lru_cache(maxsize=4)
def _own(
    url: str, client: str, rate: float, concurrency: int, batch: int, timeout: float, extensions: str
) -> Connections:
    setup = DepartmentSetup(url=url, client=client, rate=rate, concurrency=concurrency, batch=batch, timeout=timeout)
    listed = list(EXTENSIONS) if extensions == "all" else re.findall(r"\w+", extensions)
    if unknown := set(listed) - set(EXTENSIONS):
        raise ConnectionsError(f"RUXUE_EXTENSIONS lists {', '.join(sorted(unknown))}; known: {', '.join(EXTENSIONS)}")
    served: dict[Department, tuple[str, ...]] = {}
    for code in (*CATALOGUE, *listed):
        served[ITEMS[code].department] = (*served.get(ITEMS[code].department, ()), code)
    return Connections(departments={d: setup.model_copy(update={"serves": codes}) for d, codes in served.items()})


def current() -> Connections:
    """The connections in force: the file's, read anew when it changes, else one address for the 18 items and those that
    `RUXUE_EXTENSIONS` lists.

    Raises ConnectionsError where the file is missing or wrong.
    """
    from django.conf import settings

    if path := settings.CONNECTORS:
        try:
            return _load(Path(path), Path(path).stat().st_mtime)
        except OSError as error:
            raise ConnectionsError(f"the connectors file {path} can't be read: {error.strerror}") from error
    return _own(
        settings.DEPARTMENTS_URL,
        settings.DEPARTMENTS_CLIENT,
        settings.DEPARTMENTS_RATE,
        settings.DEPARTMENTS_CONCURRENCY,
        settings.DEPARTMENTS_BATCH,
        settings.DEPARTMENTS_TIMEOUT,
        settings.DEPARTMENTS_EXTENSIONS,
    )


# ── a foreign department's messages ─────────────────────────────────────────────────────────────────────────────


def fill(template: Any, values: dict[str, Any]) -> Any:
    """`template` with "{dotted.name}" replaced; a text that is one name alone keeps the value's type.

    A name that the question does not have becomes None, and a member of an object that is None is left out.
    """
    if isinstance(template, dict):
        filled = {k: fill(v, values) for k, v in template.items()}
        return {k: v for k, v in filled.items() if v is not None}
    if isinstance(template, list):
        return [fill(v, values) for v in template]
    if not isinstance(template, str) or "{" not in template:
        return template
    parts = template.split("{")
    if template.startswith("{") and template.endswith("}") and len(parts) == 2:
        return dig(values, template[1:-1])
    text = parts[0]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        value = dig(values, name)
        text += ("" if value is None else str(value)) + rest
    return text


def dig(data: Any, path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    for name in path.split(".") if path else ():
        if isinstance(data, dict):
            data = data.get(name)
        elif isinstance(data, list) and name.lstrip("-").isdigit() and -len(data) <= int(name) < len(data):
            data = data[int(name)]
        else:
            return None
    return data


def read(value: Value | str, data: Any, question: dict[str, Any]) -> Any:
    """What `value` describes of `data`. Raises ValueError for a date that is none."""
    if isinstance(value, str):
        return dig(data, value)
    found = value.const if value.const is not None else dig(data, value.path)
    if value.same:
        mine = dig(question, value.same)
        if mine is None or found is None:
            return "U"
        same = str(mine) == str(found) if value.how == "equal" else str(mine) in str(found)
        return "Y" if same else "N"
    if value.each is not None:
        return [{k: read(v, row, question) for k, v in value.each.items()} for row in found or []]
    if value.map is not None:
        return value.map.get(str(found), value.default)
    if found in (None, ""):
        return value.default
    if value.date:
        return datetime.strptime(str(found), value.date).date().isoformat()
    if value.scale is not None:
        return round(float(found) * value.scale)
    return found


def answer_of(reply: Reply, data: Any, question: dict[str, Any]) -> dict[str, Any]:
    """The contract's answer, unvalidated, from one foreign reply. Raises ValueError where it can't be read."""
    record = dig(data, reply.record) if reply.record else data
    if reply.code is not None:
        code = read(reply.code, data, question)
        if code is None:
            raise ValueError("the reply's code is not in the map")
    else:
        code = Code.OK if record else Code.NO_RECORD
    found = Code(int(code))
    compared: dict[str, str] = {}
    fields: dict[str, Any] = {}
    if found == Code.OK:
        compared = {k: read(v, record, question) or "U" for k, v in reply.compared.items()}
        compared = {k: v for k, v in compared.items() if k in question.get("claim", {}) or v != "U"}
        fields = {k: read(v, record, question) for k, v in reply.fields.items()}
    match = "N" if found == Code.NO_RECORD or "N" in compared.values() else "U"
    if found == Code.OK and compared and set(compared.values()) == {"Y"}:
        match = "Y"
    return {
        "request_id": question["request_id"],
        "item": question["item"],
        "code": int(found),
        "match": match,
        "compared": compared,
        "fields": fields,
        "as_of": read(reply.as_of, record or data, question) if reply.as_of else None,
        "source_system": question["item"],
        "trace_no": str(dig(data, reply.trace) or "")[:40] if reply.trace else "",
    }
