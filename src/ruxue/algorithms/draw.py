"""ruxue-draw/1: draws that anyone can recompute. The protocol is in docs/draw-protocol.md, to the byte."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import rfc8785

PROTOCOL = "ruxue-draw/1"
MIN_SECRET = 16  # bytes
_TICKET = f"{PROTOCOL} ticket".encode() + b"\0"


class DrawError(ValueError):
    """A manifest, a secret or a parameter does not fit the protocol; the message says which and why."""


def H(tag: str, *parts: bytes) -> bytes:
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
    for name in ("witnesses", "entries"):
        if not isinstance(manifest[name], list) or not all(isinstance(row, dict) for row in manifest[name]):
            raise DrawError(f"{name} must be a list of objects")
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
    known = set(codes)
    for entry in manifest["entries"]:
        if "group" not in entry:
            continue
        group = entry["group"]
        if not isinstance(group, str) or not group:
            raise DrawError(f"the group of {entry['code']!r} must be a text that is not empty")
        if group in known:  # the two would share a ticket
            raise DrawError(f"group {group!r} has the name of an entry's code")


def manifest_digest(manifest: dict[str, Any]) -> bytes:
    """SHA-256 of the manifest's canonical JSON (RFC 8785). Raises DrawError for a manifest that does not fit."""
    check_manifest(manifest)
    try:
        return hashlib.sha256(rfc8785.dumps(manifest)).digest()
    except rfc8785.CanonicalizationError as error:
        raise DrawError(f"the manifest has no canonical JSON: {error}") from error


def _check_secret(secret: bytes, name: str) -> None:
    if len(secret) < MIN_SECRET:
        raise DrawError(f"{name} has {len(secret)} bytes; it must have at least {MIN_SECRET}")


def commitment(digest: bytes, witness: str, secret: bytes) -> bytes:
    """What a witness publishes before any secret is known: binds secret, witness and manifest.

    Raises DrawError for a secret of less than 16 bytes.
    """
    _check_secret(secret, f"the secret of {witness}")
    return H(f"{PROTOCOL} commit", digest, witness.encode(), secret)


def make_seed(digest: bytes, secrets: Sequence[bytes], beacon: str | None = None) -> bytes:
    """The seed from all secrets, in the manifest's order of witnesses, and the public beacon if one was named.

    Raises DrawError for a secret of less than 16 bytes or an empty beacon.
    """
    for number, secret in enumerate(secrets, 1):
        _check_secret(secret, f"secret {number}")
    if beacon == "":
        raise DrawError("the public beacon is empty")
    tail = [beacon.encode()] if beacon is not None else []
    return H(f"{PROTOCOL} seed", digest, *secrets, *tail)


def ticket(seed: bytes, unit: str) -> bytes:
    """32-byte lot of a unit; lower is earlier. Depends on nothing but the seed and the unit's own name."""
    return hmac.digest(seed, _TICKET + unit.encode(), "sha256")


def tickets(seed: bytes, units: Iterable[str]) -> list[bytes]:
    """The tickets of many units: as `ticket`, but HMAC's two padded keys are hashed only once (RFC 2104)."""
    key = (hashlib.sha256(seed).digest() if len(seed) > 64 else seed).ljust(64, b"\0")
    inner, outer = hashlib.sha256(bytes(b ^ 0x36 for b in key) + _TICKET), hashlib.sha256(bytes(b ^ 0x5C for b in key))
    drawn = []
    for unit in units:
        first, second = inner.copy(), outer.copy()
        first.update(unit.encode())
        second.update(first.digest())
        drawn.append(second.digest())
    return drawn


class Stream:
    """The protocol's stream of integers for one label, without end."""

    def __init__(self, seed: bytes, label: str) -> None:
        self._seed = seed
        self._prefix = f"{PROTOCOL} stream".encode() + b"\0" + label.encode() + b"\0"
        self._counter = 0
        self._buffer: list[int] = []

    def next_u64(self) -> int:
        """The next integer, 0 … 2^64-1."""
        if not self._buffer:
            block = hmac.digest(self._seed, self._prefix + self._counter.to_bytes(8, "big"), "sha256")
            self._counter += 1
            self._buffer = [int.from_bytes(block[i : i + 8], "big") for i in (24, 16, 8, 0)]
        return self._buffer.pop()

    def below(self, n: int) -> int:
        """The next integer below n, uniform by rejection."""
        if n < 1:
            raise DrawError("below() needs n of at least 1")
        limit = (1 << 64) // n * n
        while (x := self.next_u64()) >= limit:
            pass
        return x % n

    def shuffle(self, items: list[Any]) -> None:
        """Fisher–Yates in place, from the last position down."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]


def units(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
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


def ranked(names: Iterable[str], seed: bytes, choice: int | None = None) -> list[str]:
    """Units by rank, ascending by ticket. With `choice` (from 1), by the fresh ticket that each has for that choice."""
    suffix = "" if choice is None else f"/{choice}"
    units_ = list(names)
    drawn = dict(zip(units_, tickets(seed, [unit + suffix for unit in units_]), strict=True))
    return sorted(units_, key=drawn.__getitem__)


def _check_seats(seats: Any, group_boundary: Any) -> None:
    if group_boundary not in ("skip", "admit"):
        raise DrawError(f"group_boundary is {group_boundary!r}; it must be skip or admit")
    if type(seats) is not int or seats < 0:
        raise DrawError(f"seats is {seats!r}; it must be an integer of at least 0")


def _take(order: Iterable[str], members: Mapping[str, list[str]], seats: int, group_boundary: str) -> list[str]:
    """Units in `order` that get seats; "skip" passes over a group larger than what is left, "admit" takes all of it."""
    taken, left = list[str](), seats
    for unit in order:
        if left <= 0:
            break
        if len(members[unit]) <= left or group_boundary == "admit":
            taken.append(unit)
            left -= len(members[unit])
    return taken


def lottery(manifest: Mapping[str, Any], seed: bytes) -> Lottery:
    """Takes the manifest's units by rank until `rules.seats` are gone.

    `rules.group_boundary` says what happens to a group larger than what is left: "skip" tries the next unit, "admit"
    takes all of it over the plan. With `rules.quotas` (`attribute`, `seats` by level, `unused`), each level's units
    first take that level's seats, levels ascending; then all who are left take the seats without a quota, and, where
    `unused` is "open" rather than "closed", those that a level left over. Raises DrawError where the rules don't fit.
    """
    rules = manifest["rules"]
    seats, boundary = rules.get("seats"), rules.get("group_boundary")
    _check_seats(seats, boundary)
    members = units(manifest["entries"])
    order = ranked(members, seed)
    quotas, level = _quotas(rules, manifest["entries"], members)
    open_seats = seats - sum(quotas.values())
    taken, excess = list[str](), 0

    def portion(units_: Iterable[str], places: int) -> int:
        nonlocal excess
        found = _take(units_, members, places, boundary)
        taken.extend(found)
        over = sum(len(members[u]) for u in found) - places
        excess += max(0, over)
        return max(0, -over)

    for number, places in sorted(quotas.items()):
        unused = portion([u for u in order if level[u] == number], places)
        if rules["quotas"]["unused"] == "open":
            open_seats += unused
    there = set(taken)
    portion([u for u in order if u not in there], open_seats)
    return Lottery(order, [code for unit in taken for code in members[unit]], excess)


def _quotas(
    rules: Mapping[str, Any], entries: Iterable[Mapping[str, Any]], members: Mapping[str, list[str]]
) -> tuple[dict[int, int], dict[str, int]]:
    """Seats by level, and level by unit; both empty without quotas. Raises DrawError."""
    quotas = rules.get("quotas")
    if quotas is None:
        return {}, {}
    if not isinstance(quotas, dict) or set(quotas) != {"attribute", "seats", "unused"}:
        raise DrawError("quotas must have an attribute, seats and unused")
    if quotas["unused"] not in ("open", "closed"):
        raise DrawError(f"unused is {quotas['unused']!r}; it must be open or closed")
    seats: dict[int, int] = {}
    for text, places in quotas["seats"].items():
        _check_seats(places, rules["group_boundary"])
        if not text.isdecimal() or str(int(text)) != text:
            raise DrawError(f"the quota for {text!r} must be for a level, a whole number")
        seats[int(text)] = places
    if sum(seats.values()) > rules["seats"]:
        raise DrawError(f"the quotas add up to {sum(seats.values())} but there are {rules['seats']} seats")
    of = {entry["code"]: entry.get(quotas["attribute"]) for entry in entries}
    level: dict[str, int] = {}
    for unit, codes in members.items():
        found = {of[code] for code in codes}
        if len(found) > 1 or type(number := found.pop()) is not int:
            raise DrawError(f"{unit!r} must have one whole number as {quotas['attribute']}")
        level[unit] = number
    return seats, level


def preference_first(
    entries: Iterable[Mapping[str, Any]],
    choices: Mapping[str, Sequence[str]],
    seats: Mapping[str, int],
    group_boundary: str,
    seed: bytes,
    fresh: bool = False,
) -> dict[str, list[str]]:
    """Codes admitted by school: all first choices by rank, then second choices for the seats that are left, and so on.

    `choices` holds each unit's schools, most wanted first; `seats` the places by school. With `fresh`, each choice
    number has tickets of its own (unit + "/" + number, from 1). A unit is admitted once at most. Raises DrawError for
    a school without seats given, choices of an unknown unit, or a wrong `group_boundary`.
    """
    members = units(entries)
    for places in seats.values():
        _check_seats(places, group_boundary)
    for unit, wanted in choices.items():
        if unit not in members:
            raise DrawError(f"there are choices for {unit!r}, which is no unit of the list")
        for school in wanted:
            if school not in seats:
                raise DrawError(f"{unit!r} chose {school!r}, for which no seats are given")
    admitted: dict[str, list[str]] = {school: [] for school in seats}
    waiting = set(choices)
    for number in range(1, max(map(len, choices.values()), default=0) + 1):
        for school, places in seats.items():
            here = [u for u in waiting if len(choices[u]) >= number and choices[u][number - 1] == school]
            order = ranked(here, seed, number if fresh else None)
            taken = _take(order, members, places - len(admitted[school]), group_boundary)
            admitted[school].extend(code for unit in taken for code in members[unit])
            waiting.difference_update(taken)
    return admitted


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


_MODES = {
    None: {"seats", "group_boundary"},
    "preference": {"mode", "seats", "choices", "tickets", "group_boundary"},
    "interval": {"mode", "seats"},
}


def lottery_result(manifest: Mapping[str, Any], seed: bytes) -> dict[str, Any]:
    """The result of a lottery as its bundle publishes it, in the mode that `rules.mode` names (docs/draw-protocol.md).

    Raises DrawError for a rule that the mode lacks or does not have, so that nothing is passed over in silence.
    """
    rules, entries = manifest["rules"], manifest["entries"]
    mode = rules.get("mode")
    if mode not in _MODES or (mode is None and "mode" in rules):
        raise DrawError(f"the lottery's mode is {mode!r}; it must be preference or interval, or absent")
    if wrong := sorted(set(rules) - ({"quotas"} if mode is None else set()) ^ _MODES[mode]):
        raise DrawError(f"the rule {wrong[0]!r} is missing, or unknown to this mode")
    if mode is None:
        drawn = lottery(manifest, seed)
        return {"order": drawn.order, "admitted": drawn.admitted, "excess": drawn.excess}
    if mode == "interval":
        return _by_interval(entries, rules["seats"], seed)
    plan, choices, tickets = rules["seats"], rules["choices"], rules["tickets"]
    if not isinstance(plan, Mapping):
        raise DrawError("seats must be given by school")
    if tickets not in ("one", "each"):
        raise DrawError(f"tickets is {tickets!r}; it must be one or each")
    if not isinstance(choices, Mapping) or any(
        not isinstance(c, list) or len(set(map(str, c))) < len(c) for c in choices.values()
    ):
        raise DrawError("choices must hold a list of different schools for each unit")
    admitted = preference_first(entries, choices, plan, rules["group_boundary"], seed, tickets == "each")
    return {
        "admitted": admitted,
        "excess": {name: max(0, len(codes) - plan[name]) for name, codes in admitted.items()},
    }


def _by_interval(entries: Sequence[Mapping[str, Any]], seats: Any, seed: bytes) -> dict[str, Any]:
    """Numbers are the entries' places in the list; start and interval come from the stream `interval`."""
    _check_seats(seats, "skip")
    if any("group" in entry for entry in entries):
        raise DrawError("a lottery by start and interval knows no groups")
    codes, stream = sorted(entry["code"] for entry in entries), Stream(seed, "interval")
    start, interval = 1 + stream.below(len(codes)), 1 + stream.below(len(codes))
    numbers = start_and_interval(len(codes), start, interval, min(seats, len(codes)))
    return {"start": start, "interval": interval, "admitted": [codes[n - 1] for n in numbers]}
