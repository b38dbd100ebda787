"""How the city reaches its departments: a YAML or JSON file, so that connecting one takes no code.

`RUXUE_CONNECTORS` names the file; without it all 18 items, and the extensions that `RUXUE_EXTENSIONS` lists, are asked in
the platform's own protocol at `RUXUE_DEPARTMENTS`. docs/exchange.md explains every name and shows a department of foreign shape.
"""

from __future__ import annotations

import contextlib
import difflib
import logging
import os
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from ruxue.algorithms import identity
from ruxue.exchange.items import CATALOGUE, DEPARTMENT_NAMES, EXTENSIONS, ITEMS, Code, Department, id_digest
from ruxue.exchange.signing import Encoding, Method

CITY_ZONE = ZoneInfo("Asia/Shanghai")
logger = logging.getLogger(__name__)


class ConnectionsError(ValueError):
    """The connectors file can't be used; the message names the file, each faulty entry and what to write instead."""


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

    @field_validator("opens", "closes", mode="before")
    @classmethod
    def _clock(cls, given: Any) -> time:
        if isinstance(given, time):
            return given
        found = re.fullmatch(r"(\d{1,2}):(\d\d)", str(given).strip(), re.ASCII)
        if not found or int(found[1]) > 23 or int(found[2]) > 59:
            raise ValueError("a time of day is written 08:30")
        return time(int(found[1]), int(found[2]))

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
    key: str = Field(default="", repr=False)
    header: str = "X-Signature"
    over: str = "{body}"
    encoding: Encoding = "hex"

    @field_validator("key")
    @classmethod
    def _reference(cls, key: str) -> str:
        if key and not re.fullmatch(r"(env|file):.+", key):  # what stands there may be the secret: it is not repeated
            raise ValueError("a secret does not stand in this file: write env:NAME or file:PATH")
        return key


class Tls(_Part):
    """Files of mutual TLS: the authority that signed the department's certificate, own certificate and key."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Value(_Part):
    """Where a value stands in a department's reply and how it is read.

    A text alone is a `path`: dotted, numbers index lists. `map` translates codes; `date` and `month` are strptime
    forms; `each` reads every member of a list, `pairs` makes an object of it (a count by region, say). `digest` turns
    an ID number into the form that lets it be compared, not read; `mask` hides most of a name. `same` compares with a
    value of the question instead ("claim.name") and gives Y, N or U.
    """

    path: str = ""
    const: Any = None
    map: dict[str, Any] | None = None
    default: Any = None
    date: str = ""
    month: str = ""
    scale: float | None = None
    each: dict[str, Value] | None = None
    pairs: Pairs | None = None
    digest: bool = False
    mask: bool = False
    same: str = ""
    how: Literal["equal", "contains"] = "equal"

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, given: Any) -> Any:
        return {"path": given} if isinstance(given, str) else given

    @field_validator("map", mode="before")
    @classmethod
    def _texts(cls, codes: Any) -> Any:
        return {_text(k): v for k, v in codes.items()} if isinstance(codes, dict) else codes

    @field_validator("date", "month")
    @classmethod
    def _form(cls, form: str) -> str:
        day = datetime(2024, 12, 31, 23, 58, 59)
        try:
            if form and datetime.strptime(day.strftime(form), form).date().replace(day=1) != date(2024, 12, 1):
                raise ValueError
        except ValueError:
            raise ValueError(f"{form} reads no day: write a form such as %Y%m%d or %Y-%m-%d %H:%M:%S") from None
        return form


class Pairs(_Part):
    """Of every member of a list the value that names an entry of an object, and the entry itself."""

    name: str
    value: Value


class Reply(_Part):
    """How a foreign reply becomes an answer. Without `code`, a reply with a `record` is OK, one without NO_RECORD."""

    record: str = ""
    code: Value | None = None
    compared: dict[str, Value] = Field(default_factory=dict)
    fields: dict[str, Value] = Field(default_factory=dict)
    as_of: Value | None = None
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

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", url):
            raise ValueError("an address begins with http:// or https:// and names a host")
        return url.rstrip("/")


class Connections(_Part):
    departments: dict[Department, DepartmentSetup]

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
    """Connections from YAML or JSON text. Raises ConnectionsError, which names every faulty entry, one a line."""
    from ruxue.exchange import connector_check

    try:
        raw = yaml.load(text, _Reader)
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConnectionsError(f"{where}{place}: no YAML or JSON: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConnectionsError(f"{where} is no YAML or JSON: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("departments"), dict) or not raw["departments"]:
        raise ConnectionsError(f"{where}: departments: must name at least one department with its url")
    try:
        made = Connections.model_validate(raw)
        faults = list(connector_check.faults(made))
    except ValidationError as error:
        faults = [in_words(e) for e in error.errors()]
    if faults:
        raise ConnectionsError("\n".join(f"{where}: {fault}" for fault in faults))
    return made


class _Reader(yaml.SafeLoader):
    """YAML whose texts stay what an engineer writes: 8:30 is no number of minutes, 01 no octal, yes no truth; a name
    that stands twice is a mistake."""


def _plainly(reader: _Reader, node: yaml.ScalarNode) -> Any:
    odd = ":" in node.value or re.fullmatch(r"0[0-9]+|yes|no|on|off", node.value, re.IGNORECASE)
    return node.value if odd else yaml.SafeLoader.yaml_constructors[node.tag](reader, node)


def _once(reader: _Reader, node: yaml.MappingNode) -> Iterator[dict[Any, Any]]:
    names = [name.value for name, _ in node.value]
    if twice := sorted({name for name in names if names.count(name) > 1 and isinstance(name, str)}):
        raise yaml.constructor.ConstructorError(None, None, f"{twice[0]} stands there twice", node.start_mark)
    return yaml.SafeLoader.yaml_constructors[node.tag](reader, node)


for _tag in ("int", "float", "bool"):
    _Reader.add_constructor(f"tag:yaml.org,2002:{_tag}", _plainly)
_Reader.add_constructor("tag:yaml.org,2002:map", _once)


def meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f" (is {close[0]} meant?)" if close else ""


_FORMS = {
    "string_type": "must be a text; put it in quotes",
    "tuple_type": "must be a list, such as [1, 2]",
    "dict_type": "must hold names and values, such as {name: value}",
    "float_parsing": "must be a number",
    "int_parsing": "must be a whole number",
}


def in_words(error: Any) -> str:
    """One of pydantic's errors as a line: the entry and what is wrong with it."""
    entry = ".".join(str(p) for p in error["loc"] if p != "[key]") or "the file"
    kind, name = error["type"], str(error["loc"][-1]) if error["loc"] else ""
    if kind == "missing":
        return f"{entry}: is missing"
    if kind == "extra_forbidden":
        names = {
            n for part in (DepartmentSetup, Hours, Signature, Tls, ItemSetup, Reply, Value) for n in part.model_fields
        }
        return f"{entry}: there is no such setting{meant(name, names)}; docs/exchange.md names all"
    if error["loc"][-1:] == ("[key]",):
        return f"{entry}: is no department; the departments are {', '.join(DEPARTMENT_NAMES)}"
    if kind == "value_error":
        return f"{entry}: {error['ctx']['error']}"
    if kind in _FORMS:
        return f"{entry}: {_FORMS[kind]}"
    given = error.get("input")
    shown = f", not {given!r}" if isinstance(given, (str, int, float)) and name != "key" else ""
    return f"{entry}: {error['msg'].replace('Input should be', 'must be')}{shown}"


class _File:
    """The connectors file as last read. While it is faulty, what was read from it before goes on."""

    def __init__(self, path: Path) -> None:
        self.path, self.changed, self.fault = path, -1.0, ""
        self.made: Connections | None = None

    def read(self) -> Connections:
        try:
            changed = self.path.stat().st_mtime
            if changed != self.changed:
                self.changed, self.fault = changed, ""
                self.made = parse(self.path.read_text(encoding="utf-8"), str(self.path))
        except (OSError, UnicodeDecodeError) as error:
            self.changed, self.fault = -1.0, f"the connectors file {self.path} can't be read: {error}"
        except ConnectionsError as error:
            self.fault = str(error)
            if self.made is not None:
                logger.error("%s; what it said before goes on", self.fault)
        if self.made is None:
            raise ConnectionsError(self.fault)
        return self.made


@lru_cache(maxsize=4)
def _file(path: Path) -> _File:
    return _File(path)


def fault() -> str:
    """What is wrong with the connectors file, "" where nothing is: until it is mended, its former state is in force."""
    from django.conf import settings

    if not settings.CONNECTORS:
        return ""
    file = _file(Path(settings.CONNECTORS))
    with contextlib.suppress(ConnectionsError):
        file.read()
    return file.fault


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

    A file that becomes faulty while the process runs changes nothing, see `fault`. Raises ConnectionsError where it was
    never right.
    """
    from django.conf import settings

    if path := settings.CONNECTORS:
        return _file(Path(path)).read()
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


def _text(value: Any) -> str:
    """How a code is written in a `map`: JSON's true and false too."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(value: Value, data: Any, question: dict[str, Any]) -> Any:
    """What `value` describes of `data`. Raises ValueError for a date that is none."""
    found = value.const if value.const is not None else dig(data, value.path)
    if value.same:
        mine = dig(question, value.same)
        if mine is None or found is None:
            return "U"
        same = str(mine) == str(found) if value.how == "equal" else str(mine) in str(found)
        return "Y" if same else "N"
    if value.each is not None:
        return [{k: read(v, row, question) for k, v in value.each.items()} for row in found or []]
    if value.pairs is not None:
        return {_text(dig(row, value.pairs.name)): read(value.pairs.value, row, question) for row in found or []}
    if value.map is not None:
        return value.map.get(_text(found), value.default)
    if found in (None, ""):
        return value.default
    if value.date:
        return datetime.strptime(str(found), value.date).date().isoformat()
    if value.month:
        return datetime.strptime(str(found), value.month).date().isoformat()[:7]
    if value.digest:
        return id_digest(str(found).strip())
    if value.mask:
        return identity.mask_name(str(found).strip())
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
        known = ITEMS[question["item"]].fields.model_fields  # what may be empty need not be mapped
        fields = (
            {k: None for k, f in known.items() if f.is_required() and k not in reply.fields} if reply.fields else {}
        )
        fields |= {k: read(v, record, question) for k, v in reply.fields.items()}
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
