"""What every witnessed draw of the platform shares: commitments that open, the seed, and the bundle for verifiers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from ruxue.algorithms import draw
from ruxue.ledger import clock, log


class Witness(Protocol):
    """A row of a witness: `code` in the manifest, commitment and secret as hex, and when they came."""

    code: Any
    commitment: Any
    committed_at: Any
    secret: Any
    revealed_at: Any


class Draw(Protocol):
    """A row of a draw: its manifest and digest, and after the draw seed, result, beacon and the ledger's entry."""

    manifest: Any
    digest: Any
    seed: Any
    result: Any
    beacon: Any
    ledger_entry: Any


def is_commitment(value: str) -> bool:
    """Whether a text has the form of a commitment: 64 lower hex digits."""
    return len(value) == 64 and not set(value) - set("0123456789abcdef")


def opens(made: Draw, witness: Witness, secret: str) -> bool:
    """Whether a secret (lower hex, at most 200 digits) is the one that the witness committed to."""
    try:
        raw = bytes.fromhex(secret)
        return (
            raw.hex() == secret
            and len(secret) <= 200
            and draw.commitment(bytes.fromhex(made.digest), witness.code, raw).hex() == witness.commitment
        )
    except ValueError:
        return False


def seed(made: Draw, witnesses: Iterable[Witness]) -> bytes:
    """The seed of a draw whose secrets are all revealed; `witnesses` in the manifest's order."""
    secrets = [bytes.fromhex(w.secret) for w in witnesses]
    return draw.make_seed(bytes.fromhex(made.digest), secrets, made.beacon or None)


def core(made: Draw, witnesses: Iterable[Witness]) -> dict[str, Any]:
    """The bundle but for its part of the ledger."""
    listed = list(witnesses)
    return {
        "manifest": made.manifest,
        "commitments": [{"witness": w.code, "value": w.commitment, "time": _iso(w.committed_at)} for w in listed],
        "reveals": [{"witness": w.code, "secret": w.secret, "time": _iso(w.revealed_at)} for w in listed],
        "seed": made.seed,
        "result": made.result,
        **({"beacon": made.beacon} if made.beacon else {}),
    }


def published(made: Draw, witnesses: Iterable[Witness], tree: log.Tree | None = None) -> dict[str, Any]:
    """The bundle that anyone can verify; its ledger part is there once the log is sealed.

    `tree` lets many bundles share one reading of the log.
    """
    body = core(made, witnesses)
    if made.ledger_entry and (part := (tree or log.Tree()).prove(made.ledger_entry)):
        body["ledger"] = part
    return body


def _iso(moment: datetime) -> str:
    return str(moment.astimezone(clock.CITY_ZONE).isoformat())
