"""Whether a connectors file can work, found without asking anybody; and the entry to fill in for an item.

A check of a connection asks about nobody, so no reply with fields ever shows a mistake in them: it is found here, by
the item's contract.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from ruxue.exchange.connections import (
    CITY_ZONE,
    Connections,
    ConnectionsError,
    DepartmentSetup,
    ItemSetup,
    Reply,
    Signature,
    Value,
    answer_of,
    dig,
    in_words,
    meant,
)
from ruxue.exchange.items import DEPARTMENT_NAMES, ITEMS, Answer, Code, Department, Item


def faults(made: Connections) -> Iterator[str]:
    """What is well formed and yet can't work: found here, not by the first family whose answer can't be read."""
    for department, setup in made.departments.items():
        here = f"departments.{department.value}"
        yield from (f"{here}{fault}" for fault in _department_faults(department, setup))
        for code, how in setup.items.items():
            item = ITEMS.get(code)
            if item is not None and item.department == department:
                yield from (f"{here}.items.{code}.{fault}" for fault in _item_faults(item, how))


def _department_faults(department: Department, setup: DepartmentSetup) -> Iterator[str]:
    for code in dict.fromkeys((*setup.serves, *setup.items)):
        if (item := ITEMS.get(code)) is None or item.department != department:
            own = [c for c, i in ITEMS.items() if i.department == department]
            yield f": {code} is no item of {department} ({DEPARTMENT_NAMES[department][1]}); its items: {', '.join(own)}"
    if setup.protocol == "mapped":
        if not setup.items:
            yield ": protocol mapped needs items, each with path, request and answer"
        yield from (
            f".serves: {c} is served but not described under items" for c in setup.serves if c not in setup.items
        )
    elif setup.items:
        yield ": items describe another protocol: add protocol: mapped, or leave them out"
    stamps = {"client", "timestamp", "nonce", "path"}
    for name, text in setup.headers.items():
        yield from (f".headers.{name}: {fault}" for fault in _template_faults(text, stamps))
    if not all(text.isascii() for text in (*setup.headers, *setup.headers.values(), setup.client)):
        yield ": client and headers may hold only Latin letters, digits and signs"
    for name in ("sign", "answers"):
        signature: Signature = getattr(setup, name)
        yield from (f".{name}.over: {fault}" for fault in _template_faults(signature.over, stamps | {"body"}))
        if signature.method != "none" and not _names(signature.over):
            yield f".{name}.over: says what is signed and must hold {{body}} or another of {_braces(stamps)}"
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", signature.header):
            yield f".{name}.header: {signature.header} is no name of a header"
    if setup.tls is not None:
        yield from (f".tls: {fault}" for fault in _tls_faults(setup))
    if setup.corrections and not setup.corrections.startswith("/"):
        yield ".corrections: a path begins with /"
    try:
        setup.hours.next_opening(datetime.now(CITY_ZONE))
    except ConnectionsError as error:
        yield f".hours: {error}"


def _tls_faults(setup: DepartmentSetup) -> Iterator[str]:
    assert setup.tls is not None
    if not setup.url.startswith("https://"):
        yield "needs a url that begins with https://"
    if (setup.tls.certificate is None) != (setup.tls.key is None):
        yield "certificate and key go together"
    for name in ("authority", "certificate", "key"):
        file = getattr(setup.tls, name)
        if file is not None and not file.is_file():
            yield f"the file {file} of {name} is not there"


_QUESTION = {
    "request_id",
    "item",
    "app_no",
    "purpose_code",
    "legal_basis",
    "consent_id",
    "operator",
    "timestamp",
    "mode",
}
_BY_WORD = {"PS1", "X4", "X5", "X6", "X10", "X11"}  # items of which the department's yes counts, not a field
_ENVELOPE = {"rows", "purpose_code", "legal_basis", "timestamp", "item"}


def _item_faults(item: Item, how: ItemSetup) -> Iterator[str]:
    if not how.path.startswith("/"):
        yield "path: a path begins with /"
    claims = {f"claim.{name}" for name in (*item.claims, "name")}
    known = _QUESTION | {f"keys.{name}" for name in item.keys} | claims
    for entry, text in _texts_of(how.request):
        yield from (f"request{entry}: {fault}" for fault in _template_faults(text, known))
    asked = {name for _, text in _texts_of(how.request) for name in _names(text)}
    if not any(name.startswith("keys.") for name in asked):
        yield f"request: says nobody to ask about; put in {_braces(f'keys.{name}' for name in item.keys)}"
    if how.batch is not None:
        for entry, text in _texts_of(how.batch):
            yield from (f"batch{entry}: {fault}" for fault in _template_faults(text, _ENVELOPE))
        if "{rows}" not in {text for _, text in _texts_of(how.batch)}:
            yield 'batch: must hold "{rows}" where the rows go'
        if "request_id" not in asked:
            yield "request: must send {request_id}, which tells the rows of a batch apart"
        if not how.answer.list or not how.answer.id:
            yield "answer: a batch needs list (where the rows stand) and id (where a row names its request_id)"
    if (how.method == "GET" or how.form == "form") and (
        how.batch is not None or any(isinstance(v, dict | list) for v in how.request.values())
    ):
        yield "request: GET and form send plain names and values only, and no batch"
    yield from (f"answer.{fault}" for fault in _answer_faults(item, how.answer, claims))


def _answer_faults(item: Item, reply: Reply, claims: set[str]) -> Iterator[str]:
    if reply.code is not None:
        results = [*(reply.code.map or {}).values(), reply.code.default, reply.code.const]
        if wrong := [v for v in results if v is not None and (isinstance(v, bool) or v not in list(Code))]:
            codes = ", ".join(f"{c.value} {c.name.lower().replace('_', ' ')}" for c in Code)
            yield f"code: {wrong[0]} is none of {codes}"
    if item.code in _BY_WORD and not reply.compared:
        yield f"compared: {item.code} counts by what it confirms; say where {', '.join(item.claims)} is confirmed"
    for name, value in reply.compared.items():
        if f"claim.{name}" not in claims:
            known = sorted(c.removeprefix("claim.") for c in claims)
            yield f"compared.{name}: {item.code} compares {', '.join(known)}"
        if value.same and value.same not in claims | {f"keys.{key}" for key in item.keys}:
            yield f"compared.{name}.same: the question has no {value.same}"
        if not value.same and (
            wrong := [v for v in (*(value.map or {}).values(), value.default) if v not in ("Y", "N", "U", None)]
        ):
            yield f"compared.{name}: {wrong[0]} is none of Y, N, U"
    if reply.fields:  # none: the department says yes or no and discloses nothing
        yield from (f"fields{fault}" for fault in _record_faults(item.code, item.fields, reply.fields))


def _record_faults(what: str, form: type[BaseModel], given: dict[str, Value]) -> Iterator[str]:
    known = form.model_fields
    for name in given:
        if name not in known:
            yield f".{name}: {what} has no such field{meant(name, known)}; its fields: {', '.join(known)}"
    lacking = [
        n for n, f in known.items() if n not in given and f.is_required() and not _fits(f.rebuild_annotation(), None)
    ]
    if lacking:
        yield f": {what} needs {', '.join(lacking)} too; say where each stands, or give it a const"
    for name, value in given.items():
        if name not in known or value.same:
            continue
        hint = known[name].rebuild_annotation()
        for v in (*(value.map or {}).values(), value.const, value.default):
            if v is not None and value.each is None and not _fits(hint, v):
                yield f".{name}: {v!r} is no value of {what}.{name}, which is {_kind(hint)}"
        inner = _member(hint)
        if value.each is not None and inner is None:
            yield f".{name}.each: {what}.{name} is no list of records"
        elif value.each is not None and inner is not None:
            yield from (f".{name}.each{fault}" for fault in _record_faults(f"{what}.{name}", inner, value.each))


def _fits(form: Any, value: Any) -> bool:
    try:
        TypeAdapter(form).validate_python(value)
    except ValidationError:
        return False
    return True


_KINDS = {"string": "text", "boolean": "true or false", "integer": "whole number", "array": "list", "object": "object"}


def _part(form: Any) -> dict[str, Any]:
    """A field's JSON schema, without the possibility that there is nothing."""
    schema = TypeAdapter(form).json_schema()
    return next((p for p in schema.get("anyOf", [schema]) if p.get("type") != "null"), schema)


def _codes(form: Any) -> list[str]:
    """The codes that a field knows, if it is one of codes."""
    schema = TypeAdapter(form).json_schema()
    parts = schema.get("anyOf", [schema])
    return [str(c) for p in parts for c in p.get("enum", [p["const"]] if "const" in p else [])]


def _kind(form: Any) -> str:
    """What a field may hold, in words."""
    if codes := _codes(form):
        return f"one of {', '.join(codes)}"
    part = _part(form)
    return str(part.get("format") or _KINDS.get(part.get("type", ""), part.get("type", "record")))


def _member(form: Any) -> type[BaseModel] | None:
    """The record that a list of records holds."""
    inner = getattr(form, "__args__", ())
    return inner[0] if inner and isinstance(inner[0], type) and issubclass(inner[0], BaseModel) else None


def _texts_of(template: Any, entry: str = "") -> Iterator[tuple[str, str]]:
    """All texts of a template, each with where it stands in it."""
    if isinstance(template, str):
        yield entry, template
    members = (
        template.items() if isinstance(template, dict) else enumerate(template) if isinstance(template, list) else ()
    )
    for name, inner in members:
        yield from _texts_of(inner, f"{entry}.{name}")


def _names(text: str) -> list[str]:
    return re.findall(r"\{([^{}]*)\}", text)


def _braces(names: Iterable[str]) -> str:
    return " ".join(f"{{{name}}}" for name in sorted(names))


def _template_faults(text: str, known: set[str]) -> Iterator[str]:
    if text.count("{") != text.count("}") or len(_names(text)) != text.count("{"):
        yield f"{text}: a brace is not closed"
    for name in _names(text):
        if name not in known:
            yield f"there is no {{{name}}} to put in; there are {_braces(known)}"


def skeleton(item: Item) -> str:
    """The entry of a connectors file for an item of another shape: every "…" is for the department's own names."""
    sent = [f"keys.{name}" for name in item.keys] + [f"claim.{name}" for name in item.claims if name not in item.keys]
    request = ", ".join(f'{name.partition(".")[2]}: "{{{name}}}"' for name in sent)
    codes = ", ".join(f"{c.value} {c.name.lower().replace('_', ' ')}" for c in Code)
    lines = [
        "departments:",
        f"  {item.department.value}:",
        "    url: https://…",
        "    protocol: mapped",
        "    items:",
        f"      {item.code}:",
        "        path: /…",
        f"        request: {{{request}}}",
        "        answer:",
        f'          code: {{path: …, map: {{"…1": 0, "…2": 1}}, default: 4}}  # {codes}',
        *(["          compared:"] if item.claims else []),
        *(f'            {name}: {{path: …, map: {{"…1": Y, "…2": N}}}}' for name in item.claims),
        "          fields:",
        *_skeleton(item.fields, "            "),
    ]
    return "\n".join(lines)


def _skeleton(form: type[BaseModel], margin: str) -> Iterator[str]:
    for name, field in form.model_fields.items():
        hint = field.rebuild_annotation()
        part, codes, inner = _part(hint), _codes(hint), _member(hint)
        free = "" if field.is_required() and not _fits(hint, None) else "may be left out"
        words = "a list of records" if inner is not None else "" if codes else _kind(hint)
        note = "; ".join(filter(None, (words, field.description, free)))
        note = f"  # {note}" if note else ""
        if inner is not None:
            yield from (f"{margin}{name}:{note}", f"{margin}  path: …", f"{margin}  each:")
            yield from _skeleton(inner, margin + "    ")
        else:
            yield f"{margin}{name}: {_blank(name, part, codes)}{note}"


def _blank(name: str, part: dict[str, Any], codes: list[str]) -> str:
    """How such a field is most often read, to be filled in."""
    if codes or part.get("type") == "boolean":
        pairs = ", ".join(f'"…{n}": {code}' for n, code in enumerate(codes or ["true", "false"], 1))
        return f"{{path: …, map: {{{pairs}}}}}"
    if part.get("type") == "object":
        return "{path: …, pairs: {name: …, value: …}}"
    if part.get("format") == "date":
        return '{path: …, date: "%Y%m%d"}'
    if part.get("description") == "YYYY-MM":
        return '{path: …, month: "%Y%m"}'
    if part.get("type") == "integer":
        return "{path: …, scale: 1}"
    if name.endswith("_digest"):
        return "{path: …, digest: true}"
    return "{path: …, mask: true}" if name.endswith("_masked") else "…"


def sample(code: str, how: ItemSetup, data: Any) -> tuple[dict[str, Any], list[str]]:
    """The answer that a reply becomes by a mapping, and what is wrong with it, entry by entry. Nothing is asked."""
    question: dict[str, Any] = {"request_id": "sample", "item": code, "keys": {}, "claim": {}}
    if how.batch is not None:
        rows = dig(data, how.answer.list)
        if not isinstance(rows, list) or not rows:
            return {}, [f"list: there are no rows at {how.answer.list}"]
        if dig(rows[0], how.answer.id) is None:
            return {}, [f"id: the first row has nothing at {how.answer.id}"]
        data = rows[0]
    if how.answer.record and dig(data, how.answer.record) is None:
        return {}, [f"record: there is nothing at {how.answer.record}; this reads as a reply without a record"]
    try:
        made = answer_of(how.answer, data, question)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return {}, [f"answer: {error}"]
    faults = []
    for form, given, entry in ((Answer, made, ""), (ITEMS[code].fields, made["fields"], "fields.")):
        try:
            if given or form is Answer:
                form.model_validate(given)
        except ValidationError as error:
            faults += [f"{entry}{in_words(e)}" for e in error.errors()]
    return made, faults
