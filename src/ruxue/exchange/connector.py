"""Asks departments over HTTP: signed, batched, rate-limited, retried. Knows nothing of applications."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import stamina
from aiolimiter import AsyncLimiter
from django.conf import settings
from pydantic import ValidationError

from ruxue.exchange.items import CATALOGUE, Answer, BatchAnswer, Code, Query


class DepartmentError(Exception):
    """A department gave no usable answer: unreachable, refused, malformed, or its signature is wrong."""


@dataclass(frozen=True)
class Outcome:
    """Answers by request id; `failed` maps the request ids that got none to a short reason."""

    answers: dict[str, Answer]
    failed: dict[str, str]


def _headers(body: bytes) -> dict[str, str]:
    mac = hmac.new(settings.DEPARTMENTS_KEY.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Client": settings.DEPARTMENTS_CLIENT, "X-Signature": mac, "Content-Type": "application/json"}


def _retry(error: Exception) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in (429, 502, 503, 504)
    return isinstance(error, httpx.TransportError)


async def _post(client: httpx.AsyncClient, path: str, body: bytes) -> bytes:
    async for attempt in stamina.retry_context(on=_retry, attempts=4, timeout=30, wait_initial=0.05, wait_max=3):
        with attempt:
            response = await client.post(path, content=body, headers=_headers(body))
            response.raise_for_status()
    return response.content


async def _ask_batch(
    client: httpx.AsyncClient, limiter: AsyncLimiter, department: str, queries: list[Query]
) -> Outcome:
    body = orjson.dumps({"queries": [q.model_dump(mode="json") for q in queries]})
    asked = {q.request_id: q for q in queries}
    await limiter.acquire(min(len(queries), limiter.max_rate))
    try:
        raw = await _post(client, f"/{department}/v1/batch", body)
        answers = BatchAnswer.model_validate_json(raw).answers
    except (httpx.HTTPError, ValidationError) as error:
        reason = f"{type(error).__name__}"
        return Outcome({}, dict.fromkeys(asked, reason))
    good: dict[str, Answer] = {}
    for answer in answers:
        query = asked.get(answer.request_id)
        if query is not None and answer.item == query.item and verify_signature(answer):
            good[answer.request_id] = answer
    return Outcome(good, {rid: "no valid signed answer" for rid in asked if rid not in good})


def verify_signature(answer: Answer) -> bool:
    """True where the answer carries the department's own HMAC."""
    from ruxue.exchange.items import sign

    expected = sign(answer.model_dump(mode="json"), settings.DEPARTMENTS_KEY.encode())
    return hmac.compare_digest(expected, answer.sign)


async def ask(queries: list[Query]) -> Outcome:
    """Asks all departments at once, each within its rate; busy answers are asked again up to three times.

    A department that is down fails its own queries only. Nothing is raised: what got no answer is in `failed`.
    """
    by_department: dict[str, list[Query]] = {}
    for query in queries:
        by_department.setdefault(CATALOGUE[query.item].department, []).append(query)
    slots = asyncio.Semaphore(settings.DEPARTMENTS_CONCURRENCY)
    answers: dict[str, Answer] = {}
    failed: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=settings.DEPARTMENTS_URL, timeout=settings.DEPARTMENTS_TIMEOUT) as client:

        async def department(name: str, rows: list[Query]) -> None:
            limiter = AsyncLimiter(settings.DEPARTMENTS_RATE, 1)

            async def one(chunk: list[Query]) -> Outcome:
                async with slots:
                    return await _ask_batch(client, limiter, name, chunk)

            for round_no in range(4):
                size = settings.DEPARTMENTS_BATCH
                outcomes = await asyncio.gather(*(one(rows[i : i + size]) for i in range(0, len(rows), size)))
                busy: list[Query] = []
                for outcome in outcomes:
                    failed.update(outcome.failed)
                    for rid, answer in outcome.answers.items():
                        if answer.code == Code.BUSY:
                            busy.append(next(q for q in rows if q.request_id == rid))
                            failed[rid] = "busy"
                        else:
                            failed.pop(rid, None)
                            answers[rid] = answer
                if not busy:
                    return
                rows = busy
                await asyncio.sleep(0.05 * 2**round_no)

        await asyncio.gather(*(department(name, rows) for name, rows in by_department.items()))
    return Outcome(answers, failed)


def aggregates(department: str, name: str) -> Any:
    """Counts that a department publishes for planning (no person in them). Raises DepartmentError."""
    path = f"/{department}/v1/aggregates/{name}"
    try:
        response = httpx.get(
            settings.DEPARTMENTS_URL + path, headers=_headers(b""), timeout=settings.DEPARTMENTS_TIMEOUT
        )
        response.raise_for_status()
        return orjson.loads(response.content)
    except (httpx.HTTPError, ValueError) as error:
        raise DepartmentError(f"{path}: {type(error).__name__}") from error
