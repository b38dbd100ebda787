"""A department that a test scripts: an HTTP server whose answers are a function of the request."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import transaction

from ruxue.exchange import connections
from ruxue.exchange.items import sign

KEY = "a key for tests"
Handler = Callable[[str, dict[str, str], Any], tuple[int, dict[str, str], Any]]


@dataclass
class Desk:
    """The scripted department. `handle` answers (path, headers, body) with status, headers and body."""

    url: str
    handle: Handler
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def ids(self) -> list[str]:
        return [q["request_id"] for _, _, body in self.asked for q in (body or {}).get("queries", [])]


def answer(query: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A signed answer of the platform's own protocol: found, nothing compared, unless `changes` say otherwise."""
    body = {
        "request_id": query["request_id"],
        "item": query["item"],
        "code": 1,
        "match": "N",
        "compared": {},
        "fields": {},
        "as_of": "2026-03-01",
        "source_system": "desk",
        "trace_no": "t",
        **changes,
    }
    return {**body, "sign": sign(body, KEY.encode())}


def answer_all(path: str, headers: dict[str, str], body: Any) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"answers": [answer(q) for q in body["queries"]]}


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Desk]:
    """A department that answers every question with "no record" until a test says otherwise."""

    class Serve(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            try:
                body = orjson.loads(raw) if raw else None
            except orjson.JSONDecodeError:
                body = raw.decode()
            headers = {k.lower(): v for k, v in self.headers.items()}
            made.asked.append((self.path, headers, body))
            status, out, reply = made.handle(self.path, headers, body)
            data = reply if isinstance(reply, bytes) else orjson.dumps(reply)
            self.send_response(status)
            for name, value in {"content-length": str(len(data)), **out}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a refused handshake is what some tests want

    server = Server(("127.0.0.1", 0), Serve)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made = Desk(f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}", answer_all)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with serving() as made:
        yield made


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> Callable[[dict[str, Any]], connections.Connections]:
    """Puts connections in force; each department's url and key are the desk's unless it names others."""

    def put(departments: dict[str, Any]) -> connections.Connections:
        monkeypatch.setattr(settings, "DEPARTMENTS_KEY", KEY)
        full = {"departments": {d: {"url": desk.url, **setup} for d, setup in departments.items()}}
        made = connections.parse(orjson.dumps(full).decode(), "test")
        monkeypatch.setattr(connections, "current", lambda: made)
        return made

    return put


@pytest.fixture
def database(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """The database, open and without anything asked yet; what a test changes here is rolled back."""
    from ruxue.exchange.models import Allowance, Health, Line, Query, Tally

    with django_db_blocker.unblock(), transaction.atomic():
        for table in (Query, Health, Allowance, Line, Tally):
            table.objects.all().delete()
        yield
        transaction.set_rollback(True)
