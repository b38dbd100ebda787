"""The published bundle of a draw: its result recomputed, and every part of it checked, in plain words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ruxue.algorithms import balance, balance_rules, balance_search, canonical, draw, merkle
from ruxue.algorithms.canonical import FormError, pointer

_PART, _ENTRY = 16, 4  # hex digits by which a log's entry tells a part, and an entry of the list
_ENTRIES = "/manifest/entries/*"
_TIME = re.compile(
    r"(?:19[7-9]\d|2[01]\d\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


@dataclass(frozen=True)
class Step:
    """One thing that was checked, told to a parent in both languages; `field` (JSON pointer) is what differs."""

    ok: bool
    code: str
    zh: str
    en: str
    field: str = ""


def algorithm() -> dict[str, str]:
    """Name, version and digest of the published implementation, as manifests carry it."""
    modules = (draw, balance, balance_rules, balance_search)
    source = b"".join(Path(module.__file__ or "").read_bytes() for module in modules)
    return {"name": "ruxue", "version": "2", "digest": hashlib.sha256(source).hexdigest()}


def build_result(manifest: dict[str, Any], seed: bytes) -> dict[str, Any]:
    """The result that manifest and seed determine. Raises DrawError or InfeasibleRules."""
    rules, entries = manifest["rules"], manifest["entries"]
    if manifest["kind"] == "lottery":
        return draw.lottery_result(manifest, seed)
    if manifest["kind"] == "teachers":
        teams = [e["code"] for e in entries]
        return {"teams": balance.draw_teachers(teams, rules["classes"], draw.Stream(seed, "teachers"))}
    stream = draw.Stream(seed, "classes")
    if "placed" in rules:
        late = [e for e in entries if e["code"] not in rules["placed"]]
        there = [e for e in entries if e["code"] in rules["placed"]]
        assigned = {**rules["placed"], **balance.place_late(rules["placed"], there, late, rules, stream)}
    else:
        assigned = balance.assign_classes(entries, rules, stream)
    rosters: dict[str, list[str]] = {str(c): [] for c in range(1, rules["classes"] + 1)}
    for entry in entries:
        rosters[str(assigned[entry["code"]])].append(entry["code"])
    return {"classes": rosters, "report": balance.balance_report(entries, assigned, rules)}


def core_digest(bundle: dict[str, Any]) -> str:
    """SHA-256 (hex) of everything in the bundle but its ledger part: what the ledger's entry binds."""
    return _digest({k: v for k, v in bundle.items() if k != "ledger"})


def ledger_body(bundle: dict[str, Any]) -> dict[str, Any]:
    """What the log's entry says of a bundle without its ledger part: its digest, and the beginnings of its parts'.

    The digest binds everything; the parts only serve to name what was changed.
    """
    return {"digest": core_digest(bundle), "parts": _parts(bundle)}


def to_bytes(bundle: dict[str, Any]) -> bytes:
    """The bytes to publish: the one canonical spelling, so that any other is seen. Raises FormError."""
    return canonical.dumps(bundle)


def head_text(size: int, root: str) -> bytes:
    """What a tree head's signature covers: its size and its root (hex)."""
    return f"ruxue-head/1 {size} {root}".encode()


def verify_bundle(bundle: bytes | dict[str, Any], log_key: str = "") -> list[Step]:
    """Recomputes everything in a bundle; stops at the first thing that differs. Never asks a network.

    `bundle` is the published file's bytes, or what they say. `log_key` (hex) is the public key that the log is known
    to have; without it the key in the bundle is taken.
    """
    steps: list[Step] = []
    try:
        value = canonical.loads(bundle if isinstance(bundle, bytes) else canonical.dumps(bundle))
        _check_form(value)
        steps.append(Step(True, "form", "文件完整，写法规范", "the file is whole and in its one right spelling"))
        for code, zh, en in _checks(value, log_key):
            steps.append(Step(True, code, zh, en))
    except _Differs as differs:
        steps.append(differs.step)
    except FormError as error:
        zh = f"文件不完整，或不是公布时的写法：{error.field or '开头'}（{error.what}）"
        en = f"the file is incomplete or not as it was published: {error}"
        steps.append(Step(False, "form", zh, en, error.field))
    return steps


class _Differs(Exception):
    def __init__(self, code: str, field: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.step = Step(False, code, f"{zh}（{field}）", f"{en} ({field})", field)


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical.dumps(value)).hexdigest()


def _parts(bundle: dict[str, Any]) -> dict[str, str]:
    found: dict[str, Any] = {}
    for key, value in bundle["manifest"].items():
        if isinstance(value, dict):
            found |= {pointer("manifest", key, inner): v for inner, v in value.items()}
        else:
            found[pointer("manifest", key)] = value
    for part in ("commitments", "reveals"):
        found |= {pointer(part, i, key): v for i, row in enumerate(bundle[part]) for key, v in row.items()}
    found |= {pointer(part): bundle[part] for part in ("beacon", "seed", "result") if part in bundle}
    entries = "".join(_digest(entry)[:_ENTRY] for entry in bundle["manifest"]["entries"])
    return {key: _digest(value)[:_PART] for key, value in found.items()} | {_ENTRIES: entries}


def _changed_part(bundle: dict[str, Any]) -> str:
    """Pointer of the first part that is not what the log's entry says of it; empty where the entry can't tell."""
    said = bundle.get("ledger", {}).get("entry", {}).get("parts")
    if said is None:
        return ""
    found = _parts(bundle)
    one, other = said.get(_ENTRIES, ""), found[_ENTRIES]
    if len(one) == len(other) and one != other:
        first = next(i for i in range(len(one)) if one[i] != other[i])
        return pointer("manifest", "entries", first // _ENTRY)
    changed = sorted(
        (key for key in {*said, *found} if said.get(key) != found.get(key)), key=lambda k: k.encode("utf-16-be")
    )
    return changed[0].replace("/*", "") if changed else ""


def _checks(bundle: dict[str, Any], log_key: str) -> Iterator[tuple[str, str, str]]:
    manifest = bundle["manifest"]
    digest = bytes.fromhex(_digest(manifest))
    count = len(manifest["entries"])
    yield (
        "manifest",
        f"名单和规则的指纹是 {digest.hex()}（{count} 条）",
        f"the list and the rules have the digest {digest.hex()} ({count} entries)",
    )
    _check_witnesses(bundle, digest)
    count = len(manifest["witnesses"])
    yield (
        "commitments",
        f"{count} 位见证人的秘密都与事先的承诺一致",
        f"the secrets of {count} witnesses fit what they had committed to before",
    )
    if ("beacon" in bundle) != ("beacon" in manifest):
        raise _Differs(
            "beacon",
            _changed_part(bundle) or ("/beacon" if "beacon" in bundle else "/manifest/beacon"),
            "公共随机数与规则不符",
            "a public beacon is given but not named, or named but not given",
        )
    seed = draw.make_seed(digest, [bytes.fromhex(row["secret"]) for row in bundle["reveals"]], bundle.get("beacon"))
    if seed.hex() != bundle["seed"]:
        raise _Differs(
            "seed",
            _changed_part(bundle) or "/seed",
            "种子与见证人的秘密不符",
            "the seed is not the one that the secrets give",
        )
    yield "seed", f"由这些秘密得到种子 {seed.hex()}", f"the secrets give the seed {seed.hex()}"
    try:
        result = build_result(manifest, seed)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _Differs(
            "rules", "/manifest/rules", f"规则无法执行：{error}", f"the rules can't be carried out: {error}"
        ) from error
    if (place := canonical.first_difference(bundle["result"], result, "result")) is not None:
        raise _Differs(
            "result", place, "重新计算的结果与公布的不同", "the recomputed result differs from the published one"
        )
    yield "result", "重新计算的结果与公布的完全相同", "the recomputed result is the published one, entry by entry"
    if "ledger" not in bundle:
        raise _Differs("ledger_missing", "/ledger", "还没有写入公开日志", "not yet in the public log")
    _check_ledger(bundle, log_key)
    index, root = bundle["ledger"]["index"], bundle["ledger"]["root"]
    yield (
        "ledger",
        f"已写入公开日志第 {index} 条，根为 {root}",
        f"it stands in the public log as entry {index}, under the root {root}",
    )


def _check_witnesses(bundle: dict[str, Any], digest: bytes) -> None:
    witnesses = bundle["manifest"]["witnesses"]
    for part in ("commitments", "reveals"):
        zh, en = "见证人与名单不符", f"the witnesses of {part} are not those of the manifest"
        if len(bundle[part]) != len(witnesses):
            raise _Differs(part, _changed_part(bundle) or f"/{part}", zh, en)
        for i, witness in enumerate(witnesses):
            if bundle[part][i]["witness"] != witness["id"]:
                raise _Differs(part, _changed_part(bundle) or pointer(part, i, "witness"), zh, en)
    last = max(datetime.fromisoformat(row["time"]) for row in bundle["commitments"])
    for i, witness in enumerate(witnesses):
        committed, revealed = bundle["commitments"][i], bundle["reveals"][i]
        if datetime.fromisoformat(revealed["time"]) < last:
            raise _Differs(
                "time",
                _changed_part(bundle) or pointer("reveals", i, "time"),
                "有秘密在全部承诺之前公开",
                "a secret was revealed before all commitments were in",
            )
        if draw.commitment(digest, witness["id"], bytes.fromhex(revealed["secret"])).hex() != committed["value"]:
            raise _Differs(
                "commitments",
                _changed_part(bundle) or pointer("commitments", i, "value"),
                f"{witness['role']}承诺的不是这份名单、规则和秘密",
                f"witness {witness['id']} did not commit to this list, these rules and this secret",
            )


def _check_ledger(bundle: dict[str, Any], log_key: str) -> None:
    ledger = bundle["ledger"]
    entry, size, root = ledger["entry"], ledger["size"], ledger["root"]
    changed = _changed_part(bundle)
    zh, en = "公开日志里记的不是这个文件", "the entry of the public log is not about this file"
    if entry["digest"] != core_digest(bundle):
        raise _Differs("ledger", changed or "/ledger/entry/digest", zh, en)
    if changed:
        raise _Differs("ledger", "/ledger/entry/parts", zh, en)
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(ledger["public_key"]))
        key.verify(bytes.fromhex(ledger["signature"]), head_text(size, root))
    except (InvalidSignature, ValueError) as error:
        raise _Differs(
            "ledger", "/ledger/signature", "公开日志的签名不成立", "the signature of the log's head does not hold"
        ) from error
    zh, en = "公开日志的证明不成立", "the proof from the public log does not hold"
    if ledger["index"] >= size:
        raise _Differs("ledger", "/ledger/index", zh, en)
    leaf, path = merkle.leaf_hash(canonical.dumps(entry)), [bytes.fromhex(p) for p in ledger["proof"]]
    if not merkle.verify_inclusion(leaf, ledger["index"], size, path, bytes.fromhex(root)):
        raise _Differs("ledger", "/ledger/proof", zh, en)
    if log_key and log_key != ledger["public_key"]:
        raise _Differs(
            "key", "/ledger/public_key", "公开日志的公钥不是您所知道的", "the log's public key is not the one you know"
        )


def _need(fine: bool, what: str, *path: str | int) -> None:
    if not fine:
        raise FormError(what, pointer(*path))


def _exactly(value: Any, needed: str, optional: str, *path: str | int) -> None:
    _need(isinstance(value, dict), "not an object", *path)
    for key in needed.split():
        _need(key in value, "missing", *path, key)
    for key in sorted(value):
        _need(key in needed.split() or key in optional.split(), "unknown", *path, key)


def _name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _hex(least: int, most: int | None = None) -> Callable[[Any], bool]:
    """Tests for lower-case hex of so many bytes."""
    form = re.compile(f"([0-9a-f]{{2}}){{{least},{most or least}}}")
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def _moment(value: Any) -> bool:
    """True for a time with its zone, such as 2026-08-20T09:00:00+08:00."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _check_form(bundle: Any) -> None:
    """Raises FormError at the first part that is missing, unknown or of another kind."""
    _exactly(bundle, "manifest commitments reveals seed result", "beacon ledger")
    _check_manifest(bundle["manifest"])
    for part, key, fits in (("commitments", "value", _hex(32)), ("reveals", "secret", _hex(16, 1024))):
        _need(isinstance(bundle[part], list), "not a list", part)
        for i, row in enumerate(bundle[part]):
            _exactly(row, f"witness {key} time", "", part, i)
            _need(_name(row["witness"]), "not a name", part, i, "witness")
            _need(fits(row[key]), "not hex of the right length", part, i, key)
            _need(_moment(row["time"]), "not a time with its zone", part, i, "time")
    if "beacon" in bundle:
        _need(_name(bundle["beacon"]), "not a text", "beacon")
    _need(_hex(32)(bundle["seed"]), "not 64 hex digits", "seed")
    _need(isinstance(bundle["result"], dict), "not an object", "result")
    if "ledger" in bundle:
        _check_ledger_form(bundle["ledger"])


def _check_manifest(manifest: Any) -> None:
    _need(isinstance(manifest, dict), "not an object", "manifest")
    for key in ("protocol", "kind", "id", "title", "rules", "witnesses", "entries"):
        _need(key in manifest, "missing", "manifest", key)
    _need(manifest["protocol"] == draw.PROTOCOL, "not this protocol", "manifest", "protocol")
    kinds = ("lottery", "classes", "teachers")
    _need(manifest["kind"] in kinds, "not a kind of draw", "manifest", "kind")
    for key in ("id", "title"):
        _need(_name(manifest[key]), "not a text", "manifest", key)
    _need(isinstance(manifest["rules"], dict), "not an object", "manifest", "rules")
    rows = manifest["witnesses"]
    _need(isinstance(rows, list) and bool(rows), "not a list of witnesses", "manifest", "witnesses")
    seen: set[str] = set()
    for i, row in enumerate(rows):
        _need(isinstance(row, dict), "not an object", "manifest", "witnesses", i)
        _need(_name(row.get("id")) and row["id"] not in seen, "no name of its own", "manifest", "witnesses", i, "id")
        _need(_name(row.get("role")), "not a text", "manifest", "witnesses", i, "role")
        seen.add(row["id"])
    rows = manifest["entries"]
    _need(isinstance(rows, list) and bool(rows), "not a list", "manifest", "entries")
    for i, row in enumerate(rows):
        _need(isinstance(row, dict), "not an object", "manifest", "entries", i)
        _need(_name(row.get("code")), "not a text", "manifest", "entries", i, "code")
        _need(i == 0 or rows[i - 1]["code"] < row["code"], "not sorted", "manifest", "entries", i, "code")
    codes = {row["code"] for row in rows}
    for i, row in enumerate(rows):
        if "group" in row:
            fine = _name(row["group"]) and row["group"] not in codes
            _need(fine, "no name, or that of an entry", "manifest", "entries", i, "group")
    if "beacon" in manifest:
        _exactly(manifest["beacon"], "source round", "", "manifest", "beacon")
        for key in ("source", "round"):
            _need(_name(manifest["beacon"][key]), "not a text", "manifest", "beacon", key)


def _check_ledger_form(ledger: Any) -> None:
    _exactly(ledger, "entry index size root proof signature public_key", "", "ledger")
    entry = ledger["entry"]
    _need(isinstance(entry, dict), "not an object", "ledger", "entry")
    _need(_hex(32)(entry.get("digest")), "not 64 hex digits", "ledger", "entry", "digest")
    if "parts" in entry:
        _need(isinstance(entry["parts"], dict), "not an object", "ledger", "entry", "parts")
        for key in sorted(entry["parts"]):
            _need(isinstance(entry["parts"][key], str), "not a text", "ledger", "entry", "parts", key)
    for key in ("index", "size"):
        _need(type(ledger[key]) is int and ledger[key] >= 0, "not a count", "ledger", key)
    _need(_hex(32)(ledger["root"]), "not 64 hex digits", "ledger", "root")
    _need(isinstance(ledger["proof"], list), "not a list", "ledger", "proof")
    for i, node in enumerate(ledger["proof"]):
        _need(_hex(32)(node), "not 64 hex digits", "ledger", "proof", i)
    _need(_hex(64)(ledger["signature"]), "not 128 hex digits", "ledger", "signature")
    _need(_hex(32)(ledger["public_key"]), "not 64 hex digits", "ledger", "public_key")
