"""Sends a batch of questions to a department over HTTP and reads what comes back. Knows no database and no queue."""

from __future__ import annotations

import asyncio
import atexit
import email.utils
import hashlib
import secrets
import ssl
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import orjson
from django.conf import settings
from pydantic import ValidationError

from ruxue.algorithms import canonical
from ruxue.exchange import connections, signing
from ruxue.exchange.connections import ConnectionsError, DepartmentSetup, ItemSetup, Signature
from ruxue.exchange.items import ITEMS, Answer, Code, Department, Match, Query

T = TypeVar("T")


class DepartmentError(Exception):
    """A department gave no usable answer: unreachable, refused, malformed, or its signature is wrong."""


class _Unsigned(Exception):
    """A reply whose signature is missing or wrong."""


@dataclass
class Reply:
    """What one request came to. `failed` maps the request ids without an answer to the kind of failure.

    `digests` holds SHA-256 (hex) of what the department signed: of the answer without its signature in its RFC 8785
    form, or of a foreign reply as it came. `struck` is the kind of failure that struck the request as a whole ("" where
    answers came): timeout, unreachable, http, limited, refused, unsigned, malformed. `retry_after` is the department's
    own wish in seconds.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    struck: str = ""
    detail: str = ""
    retry_after: float | None = None
    seconds: float = 0.0


class _Loop:
    """One thread of the process that runs all HTTP; the caller's thread keeps the database."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._clients: dict[tuple[str, object], httpx.AsyncClient] = {}
        threading.Thread(target=self._loop.run_forever, name="departments", daemon=True).start()
        atexit.register(self._loop.call_soon_threadsafe, self._loop.stop)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def client(self, setup: DepartmentSetup) -> httpx.AsyncClient:
        key = (setup.url, setup.tls)
        if key not in self._clients:
            self._clients[key] = httpx.AsyncClient(
                base_url=setup.url, verify=trust(setup), limits=httpx.Limits(max_connections=None)
            )
        return self._clients[key]


_started: _Loop | None = None
_starting = threading.Lock()


def _loop() -> _Loop:
    global _started
    with _starting:
        _started = _started or _Loop()
    return _started


def trust(setup: DepartmentSetup) -> ssl.SSLContext | bool:
    """What a department's certificate is checked against. Raises OSError where the files of `tls` can't be used."""
    if setup.tls is None:
        return setup.url.startswith("https")
    context = ssl.create_default_context(cafile=setup.tls.authority)
    if setup.tls.certificate:
        context.load_cert_chain(setup.tls.certificate, setup.tls.key)
    return context


def send(setup: DepartmentSetup, item: str, queries: list[Query], wait: float = 0.0) -> Future[Reply]:
    """Asks one item of a department after `wait` seconds; the future never raises but for cancellation."""
    loop = _loop()
    return loop.submit(_send(loop, setup, item, queries, wait))


async def _send(loop: _Loop, setup: DepartmentSetup, item: str, queries: list[Query], wait: float) -> Reply:
    if wait > 0:
        await asyncio.sleep(wait)
    started = time.monotonic()
    reply = Reply()
    try:
        client = loop.client(setup)
        if setup.protocol == "ruxue":
            await _ask_own(client, setup, item, queries, reply)
        else:
            await _ask_mapped(client, setup, item, setup.items[item], queries, reply)
    except httpx.TimeoutException:
        reply.struck = "timeout"
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        reply.struck = "limited" if status == 429 else "http" if status >= 500 else "refused"
        reply.detail = str(status)
        reply.retry_after = _retry_after(error.response)
    except (httpx.HTTPError, OSError) as error:  # a refused or unusable certificate can come as a bare SSLError
        reply.struck, reply.detail = "unreachable", type(error).__name__
    except (ConnectionsError, signing.SigningError) as error:
        reply.struck, reply.detail = "refused", str(error)[:160]
    except _Unsigned:
        reply.struck = "unsigned"
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        reply.struck, reply.detail = "malformed", type(error).__name__
    reply.seconds = time.monotonic() - started
    for query in queries:
        if query.request_id not in reply.answers:
            reply.failed.setdefault(query.request_id, reply.struck or "missing")
    return reply


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def key_of(signature: Signature) -> str:
    """The key of a signature, from where the setup says; without a word about it the city's own."""
    return connections.secret(signature.key) if signature.key else settings.DEPARTMENTS_KEY


def _headers(setup: DepartmentSetup, path: str, body: bytes) -> dict[str, str]:
    stamp = {
        "client": setup.client,
        "timestamp": str(int(time.time() * 1000)),
        "nonce": secrets.token_hex(8),
        "path": path,
    }
    headers = {k: connections.fill(v, stamp) for k, v in setup.headers.items()}
    if setup.protocol == "ruxue":
        headers["X-Client"] = setup.client
    if setup.sign.method != "none":
        data = body if setup.sign.over == "{body}" else setup.sign.over.format(body=body.decode(), **stamp).encode()
        headers[setup.sign.header] = signing.make(setup.sign.method, key_of(setup.sign), data, setup.sign.encoding)
    return headers


async def _post(client: httpx.AsyncClient, setup: DepartmentSetup, path: str, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/json", **_headers(setup, path, body)}
    response = await client.post(path, content=body, headers=headers, timeout=setup.timeout)
    response.raise_for_status()
    return response


async def _ask_own(
    client: httpx.AsyncClient, setup: DepartmentSetup, item: str, queries: list[Query], reply: Reply
) -> None:
    at = f"/{ITEMS[item].department}/v1"
    if setup.batch > 1:
        body = orjson.dumps({"queries": [vars(q) for q in queries]})
        response = await _post(client, setup, f"{at}/batch", body)
        _read_own(setup, queries, orjson.loads(response.content)["answers"], reply)
        return
    for query in queries:
        response = await _post(client, setup, f"{at}/items/{item}", orjson.dumps(vars(query)))
        _read_own(setup, [query], [orjson.loads(response.content)], reply)


def _read_own(setup: DepartmentSetup, queries: list[Query], answers: list[dict[str, Any]], reply: Reply) -> None:
    asked = {q.request_id: q for q in queries}
    key = key_of(setup.answers)
    for raw in answers:
        query = asked.get(raw.get("request_id", ""))
        if query is None or raw.get("item") != query.item:
            continue
        signed = canonical.encode({k: v for k, v in raw.items() if k != "sign"})
        given = str(raw.get("sign", ""))
        if not signing.is_valid(setup.answers.method, key, signed, given, setup.answers.encoding):
            reply.failed[query.request_id] = "unsigned"
            continue
        reply.digests[query.request_id] = hashlib.sha256(signed).hexdigest()
        try:
            answer = Answer.model_validate(raw)
        except ValidationError:
            reply.failed[query.request_id] = "malformed"
        else:
            _take(reply, query, answer)


async def _ask_mapped(
    client: httpx.AsyncClient,
    setup: DepartmentSetup,
    item: str,
    how: ItemSetup,
    queries: list[Query],
    reply: Reply,
) -> None:
    questions = [q.model_dump(mode="json") for q in queries]
    if how.batch is None:
        for query, question in zip(queries, questions, strict=True):
            response = await _foreign(client, setup, how, connections.fill(how.request, question))
            _read(reply, query, how, response.json(), question, response, setup)
        return
    rows = [connections.fill(how.request, question) for question in questions]
    response = await _foreign(
        client, setup, how, connections.fill(how.batch, {"rows": rows, **_envelope(questions[0])})
    )
    data = response.json()
    found = {str(connections.dig(row, how.answer.id)): row for row in connections.dig(data, how.answer.list) or []}
    for query, question in zip(queries, questions, strict=True):
        if query.request_id in found:
            _read(reply, query, how, found[query.request_id], question, response, setup)


def _envelope(question: dict[str, Any]) -> dict[str, Any]:
    return {k: question[k] for k in ("purpose_code", "legal_basis", "timestamp", "item")}


async def _foreign(
    client: httpx.AsyncClient, setup: DepartmentSetup, how: ItemSetup, body: dict[str, Any]
) -> httpx.Response:
    if how.method == "GET" or how.form == "form":
        flat = {k: str(v) for k, v in body.items()}
        text = str(httpx.QueryParams(flat)).encode()
        headers = _headers(setup, how.path, text)
        response = (
            await client.get(how.path, params=flat, headers=headers, timeout=setup.timeout)
            if how.method == "GET"
            else await client.post(
                how.path,
                content=text,
                headers={"Content-Type": "application/x-www-form-urlencoded", **headers},
                timeout=setup.timeout,
            )
        )
        response.raise_for_status()
    else:
        response = await _post(client, setup, how.path, orjson.dumps(body))
    given = response.headers.get(setup.answers.header, "")
    if not signing.is_valid(
        setup.answers.method, key_of(setup.answers), response.content, given, setup.answers.encoding
    ):
        raise _Unsigned
    return response


def _read(
    reply: Reply,
    query: Query,
    how: ItemSetup,
    data: Any,
    question: dict[str, Any],
    response: httpx.Response,
    setup: DepartmentSetup,
) -> None:
    try:
        made = connections.answer_of(how.answer, data, question)
        reply.digests[query.request_id] = hashlib.sha256(response.content).hexdigest()
        answer = Answer.model_validate({**made, "sign": response.headers.get(setup.answers.header, "")[:200]})
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError):
        reply.failed[query.request_id] = "malformed"
    else:
        _take(reply, query, answer)


def _take(reply: Reply, query: Query, answer: Answer) -> None:
    """Keeps an answer that makes sense; one that contradicts itself or lacks what it must hold is none."""
    if answer.code == Code.BUSY:
        reply.failed[query.request_id] = "busy"
    elif answer.code == Code.REFUSED:
        reply.failed[query.request_id] = "refused"
    elif fault := _fault(answer):
        reply.failed[query.request_id] = fault
    else:
        reply.answers[query.request_id] = answer


def _fault(answer: Answer) -> str:
    said = set(answer.compared.values())
    if answer.match == Match.YES and Match.NO in said:
        return "contradicting"
    if answer.code == Code.NO_RECORD and (answer.fields or answer.match == Match.YES):
        return "contradicting"
    if answer.code == Code.OK and (answer.fields or ITEMS[answer.item].mode == "fetch"):
        try:
            ITEMS[answer.item].fields.model_validate(answer.fields)
        except ValidationError:
            return "malformed"
    return ""


def aggregates(department: str, name: str) -> Any:
    """Counts that a department publishes for planning (no person in them). Raises DepartmentError."""
    setup = connections.current().departments.get(Department(department))
    if setup is None:
        raise DepartmentError(f"{department} is not connected")
    return ask(setup, f"/{department}/v1/aggregates/{name}")


def post(setup: DepartmentSetup, path: str, body: dict[str, Any]) -> Any:
    """One signed message outside the queue, such as a correction request; its reply. Raises DepartmentError."""
    return _message(setup, "POST", path, orjson.dumps(body))


def ask(setup: DepartmentSetup, path: str) -> Any:
    """What stands at a path of the department, asked for with a signature. Raises DepartmentError."""
    return _message(setup, "GET", path, b"")


def _message(setup: DepartmentSetup, method: str, path: str, raw: bytes) -> Any:
    try:
        headers = {"Content-Type": "application/json", **_headers(setup, path, raw)}
        response = httpx.request(
            method, setup.url + path, content=raw, headers=headers, timeout=setup.timeout, verify=trust(setup)
        )
        response.raise_for_status()
        return orjson.loads(response.content or b"{}")
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise DepartmentError(f"{path}: {type(error).__name__}") from error


def probe(setup: DepartmentSetup, item: str) -> Reply:
    """Asks an item about a person who does not exist: what a check of the connection may ask.

    The made-up ID number has a region code that was never issued.
    """
    person = {"name": "入学测试", "id": "370799201901010017"}
    keys: dict[str, Any] = {}
    for name in ITEMS[item].keys:
        if name in ("ids", "regions"):
            keys[name] = [person["id"] if name == "ids" else "370799"]
        elif name.endswith("id"):
            keys[name] = person["id"]
        else:
            keys[name] = {"name": person["name"], "unit_no": "3707990010010000" + "1F00010001"}.get(name, "入学测试")
    query = Query(
        request_id=f"check-{secrets.token_hex(8)}",
        item=item,
        app_no="check",
        legal_basis=ITEMS[item].legal_basis,
        consent_id="none",
        operator="system",
        timestamp=datetime.now(UTC),
        mode=ITEMS[item].mode,
        keys=keys,
    )
    return send(setup, item, [query]).result()
