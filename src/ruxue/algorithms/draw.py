"""ruxue-draw/1: draws that anyone can recompute. The protocol is in docs/draw-protocol.md, to the byte."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import rfc8785

PROTOCOL = "ruxue-draw/1"
MIN_SECRET = 16  # bytes


class DrawError(ValueError):
    """A manifest, a secret or a parameter does not fit the protocol; the message says which and why."""


def tagged_hash(tag: str, *parts: bytes) -> bytes:
    """SHA-256 over tag and parts, each preceded by its length as a 4-byte big-endian integer."""
    state = hashlib.sha256()
    for part in (tag.encode("ascii"), *parts):
        state.update(len(part).to_bytes(4, "big"))
        state.update(part)
    return state.digest()


def _refuse_fractions(value: Any, path: str) -> None:
    if isinstance(value, float):
        raise DrawError(f"{path} is a fraction ({value}); every number in a manifest is an integer")
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_fractions(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_fractions(inner, f"{path}[{index}]")


def check_manifest(manifest: dict[str, Any]) -> None:
    """Raises DrawError, naming the first thing that does not fit, where `manifest` is not one of this protocol."""
    _refuse_fractions(manifest, "manifest")
    if manifest.get("protocol") != PROTOCOL:
        raise DrawError(f"protocol is {manifest.get('protocol')!r}, not {PROTOCOL!r}")
    if manifest.get("kind") not in ("lottery", "classes", "teachers"):
        raise DrawError(f"kind is {manifest.get('kind')!r}; it must be lottery, classes or teachers")
    for name in ("id", "title", "rules", "witnesses", "entries"):
        if name not in manifest:
            raise DrawError(f"the manifest has no {name}")
    if not isinstance(manifest["rules"], dict):
        raise DrawError("rules must be an object")
    ids = [w.get("id") for w in manifest["witnesses"]]
    if not ids or len(set(ids)) != len(ids) or not all(isinstance(i, str) and i for i in ids):
        raise DrawError("witnesses must each have an id of their own, and there must be at least one")
    codes = [e.get("code") for e in manifest["entries"]]
    if not all(isinstance(c, str) and c for c in codes):
        raise DrawError("every entry needs a code")
    for before, after in pairwise(codes):
        if before == after:
            raise DrawError(f"code {before!r} occurs twice")
        if before > after:
            raise DrawError(f"entries are not sorted: {after!r} stands after {before!r}")


def manifest_digest(manifest: dict[str, Any]) -> bytes:
    """SHA-256 of the manifest's canonical JSON (RFC 8785). Raises DrawError for a manifest that does not fit."""
    check_manifest(manifest)
    return hashlib.sha256(rfc8785.dumps(manifest)).digest()


def commitment(digest: bytes, witness: str, secret: bytes) -> bytes:
    """What a witness publishes before any secret is known: binds secret, witness and manifest."""
    if len(secret) < MIN_SECRET:
        raise DrawError(f"the secret of {witness} has {len(secret)} bytes; it must have at least {MIN_SECRET}")
    return tagged_hash(f"{PROTOCOL} commit", digest, witness.encode(), secret)


def make_seed(digest: bytes, secrets: Sequence[bytes], beacon: str | None = None) -> bytes:
    """The seed from all secrets, in the manifest's order of witnesses, and the public beacon if one was named."""
    tail = [beacon.encode()] if beacon is not None else []
    return tagged_hash(f"{PROTOCOL} seed", digest, *secrets, *tail)


def ticket(seed: bytes, unit: str) -> bytes:
    """32-byte lot of a unit; lower is earlier. Depends on nothing but the seed and the unit's own name."""
    return hmac.new(seed, f"{PROTOCOL} ticket".encode() + b"\0" + unit.encode(), hashlib.sha256).digest()


class Stream:
    """The protocol's stream of integers for one label, without end."""

    def __init__(self, seed: bytes, label: str) -> None:
        self._seed = seed
        self._prefix = f"{PROTOCOL} stream".encode() + b"\0" + label.encode() + b"\0"
        self._counter = 0
        self._buffer: list[int] = []

    def next(self) -> int:
        """The next integer, 0 … 2^64-1."""
        if not self._buffer:
            block = hmac.new(self._seed, self._prefix + self._counter.to_bytes(8, "big"), hashlib.sha256).digest()
            self._counter += 1
            self._buffer = [int.from_bytes(block[i : i + 8], "big") for i in (24, 16, 8, 0)]
        return self._buffer.pop()

    def below(self, n: int) -> int:
        """The next integer below n, uniform by rejection."""
        if n < 1:
            raise DrawError("below() needs n of at least 1")
        limit = (1 << 64) // n * n
        while (x := self.next()) >= limit:
            pass
        return x % n

    def shuffle(self, items: list[Any]) -> None:
        """Fisher–Yates in place, from the last position down."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]


def units(entries: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Sorted codes by unit: an entry's group if it has one, else its own code."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(entry.get("group") or entry["code"], []).append(entry["code"])
    return {unit: sorted(codes) for unit, codes in found.items()}


@dataclass(frozen=True)
class Lottery:
    """Result of a lottery: units by rank, codes admitted in order, and seats given beyond the plan."""

    order: list[str]
    admitted: list[str]
    excess: int


def lottery(entries: Sequence[dict[str, Any]], seats: int, group_boundary: str, seed: bytes) -> Lottery:
    """Takes units by rank until the seats are gone.

    `group_boundary` says what happens to a group larger than what is left: "skip" tries the next unit, "admit"
    takes all of it over the plan. Raises DrawError for another value or negative seats.
    """
    if group_boundary not in ("skip", "admit"):
        raise DrawError(f"group_boundary is {group_boundary!r}; it must be skip or admit")
    if seats < 0:
        raise DrawError("seats can't be negative")
    members = units(entries)
    order = sorted(members, key=lambda unit: ticket(seed, unit))
    admitted: list[str] = []
    for unit in order:
        left = seats - len(admitted)
        if left <= 0:
            break
        if len(members[unit]) <= left or group_boundary == "admit":
            admitted.extend(members[unit])
    return Lottery(order, admitted, max(0, len(admitted) - seats))


def start_and_interval(count: int, start: int, interval: int, take: int) -> list[int]:
    """Nanchang's mode: numbers 1 … count in a circle; from `start` every `interval`-th is drawn and leaves it.

    Source: the published notice's example (20, 6, 3, 15).
    """
    if not 1 <= start <= count or interval < 1 or not 0 <= take <= count:
        raise DrawError("start must be one of the numbers, the interval at least 1, and no more taken than there are")
    circle = list(range(1, count + 1))
    position, drawn = start - 1, list[int]()
    while len(drawn) < take:
        drawn.append(circle.pop(position))
        if circle:
            position = (position + interval - 1) % len(circle)
    return drawn
