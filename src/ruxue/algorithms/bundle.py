"""The published bundle of a draw: its result recomputed, and every part of it checked, in plain words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ruxue.algorithms import balance, balance_rules, balance_search, draw, merkle


@dataclass(frozen=True)
class Step:
    """One thing that was checked, told to a parent in both languages."""

    ok: bool
    code: str
    zh: str
    en: str


def algorithm() -> dict[str, str]:
    """Name, version and digest of the published implementation, as manifests carry it."""
    modules = (draw, balance, balance_rules, balance_search)
    source = b"".join(Path(module.__file__ or "").read_bytes() for module in modules)
    return {"name": "ruxue", "version": "2", "digest": hashlib.sha256(source).hexdigest()}


def build_result(manifest: dict[str, Any], seed: bytes) -> dict[str, Any]:
    """The result that manifest and seed determine. Raises DrawError or InfeasibleRules."""
    rules, entries = manifest["rules"], manifest["entries"]
    if manifest["kind"] == "lottery":
        drawn = draw.lottery(manifest, seed)
        return {"order": drawn.order, "admitted": drawn.admitted, "excess": drawn.excess}
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
    core = {k: v for k, v in bundle.items() if k != "ledger"}
    return hashlib.sha256(rfc8785.dumps(core)).hexdigest()


class _Differs(Exception):
    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.step = Step(False, code, zh, en)


def verify_bundle(bundle: dict[str, Any]) -> list[Step]:
    """Recomputes everything in a bundle; stops at the first thing that differs. Never asks a network."""
    steps: list[Step] = []
    try:
        for code, zh, en in _checks(bundle):
            steps.append(Step(True, code, zh, en))
    except _Differs as differs:
        steps.append(differs.step)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        steps.append(
            Step(False, "form", f"文件不完整或格式不对：{error}", f"the file is incomplete or malformed: {error}")
        )
    return steps


def head_text(size: int, root: str) -> bytes:
    """What a tree head's signature covers: its size and its root (hex)."""
    return f"ruxue-head/1 {size} {root}".encode()


def _hex(text: str) -> bytes:
    value = bytes.fromhex(text)
    if value.hex() != text:
        raise ValueError("not in plain hex")
    return value


def _moment(row: dict[str, Any]) -> datetime:
    """Time of a commitment or reveal; compared as moments, since zones may differ."""
    moment = datetime.fromisoformat(row["time"])
    if moment.tzinfo is None:
        raise ValueError(f"the time {row['time']} has no zone")
    return moment


def _checks(bundle: dict[str, Any]) -> Any:
    known = {"manifest", "commitments", "reveals", "beacon", "seed", "result", "ledger"}
    if extra := set(bundle) - known:
        raise _Differs("form", f"文件里有不认识的部分：{sorted(extra)}", f"the file has unknown parts: {sorted(extra)}")
    manifest = bundle["manifest"]
    digest = draw.manifest_digest(manifest)
    yield (
        "manifest",
        f"名单和规则的指纹是 {digest.hex()}（{len(manifest['entries'])} 条）",
        (f"the list and the rules have the digest {digest.hex()} ({len(manifest['entries'])} entries)"),
    )
    witnesses = [w["id"] for w in manifest["witnesses"]]
    for part in ("commitments", "reveals"):
        if [row["witness"] for row in bundle[part]] != witnesses:
            raise _Differs(part, "见证人与名单不符", f"the witnesses of {part} are not those of the manifest")
        for row in bundle[part]:
            if set(row) - {"witness", "value", "secret", "time"}:
                raise _Differs(part, "见证人记录里有多余内容", f"a row of {part} holds something unknown")
    secrets = []
    last_commitment = max(map(_moment, bundle["commitments"]))
    for committed, revealed in zip(bundle["commitments"], bundle["reveals"], strict=True):
        if _moment(revealed) < last_commitment:
            raise _Differs("time", "有秘密在全部承诺之前公开", "a secret was revealed before all commitments were in")
        secret = bytes.fromhex(revealed["secret"])
        if revealed["secret"] != secret.hex():
            raise _Differs("reveals", "秘密的写法不规范", f"the secret of {revealed['witness']} is not in plain hex")
        if draw.commitment(digest, committed["witness"], secret).hex() != committed["value"]:
            raise _Differs(
                "commitments",
                f"见证人 {committed['witness']} 公开的秘密与其承诺不符",
                f"the secret of witness {committed['witness']} does not fit the commitment",
            )
        secrets.append(secret)
    yield (
        "commitments",
        f"{len(secrets)} 位见证人的秘密都与事先的承诺一致",
        (f"the secrets of {len(secrets)} witnesses fit what they had committed to before"),
    )
    if ("beacon" in bundle) != ("beacon" in manifest):
        raise _Differs(
            "beacon", "公共随机数与规则不符", "a public beacon is given but not named, or named but not given"
        )
    seed = draw.make_seed(digest, secrets, bundle.get("beacon"))
    if seed.hex() != bundle["seed"]:
        raise _Differs("seed", "种子与见证人的秘密不符", "the seed is not the one that the secrets give")
    yield "seed", f"由这些秘密得到种子 {seed.hex()}", f"the secrets give the seed {seed.hex()}"
    # canonical bytes, since Python's == takes true for 1
    if rfc8785.dumps(build_result(manifest, seed)) != rfc8785.dumps(bundle["result"]):
        raise _Differs("result", "重新计算的结果与公布的不同", "the recomputed result differs from the published one")
    yield "result", "重新计算的结果与公布的完全相同", "the recomputed result is the published one, entry by entry"
    ledger = bundle.get("ledger")
    if not ledger:
        raise _Differs("ledger_missing", "还没有写入公开日志", "not yet in the public log")
    if set(ledger) != {"entry", "index", "size", "root", "proof", "signature", "public_key"} or ledger["entry"].get(
        "digest"
    ) != core_digest(bundle):
        raise _Differs("ledger", "公开日志里记的不是这个文件", "the entry of the public log is not about this file")
    leaf = merkle.leaf_hash(rfc8785.dumps(ledger["entry"]))
    path = [bytes.fromhex(p) for p in ledger["proof"]]
    if [p.hex() for p in path] != ledger["proof"] or not merkle.verify_inclusion(
        leaf, ledger["index"], ledger["size"], path, bytes.fromhex(ledger["root"])
    ):
        raise _Differs("ledger", "公开日志的证明不成立", "the proof from the public log does not hold")
    try:
        key = Ed25519PublicKey.from_public_bytes(_hex(ledger["public_key"]))
        key.verify(_hex(ledger["signature"]), head_text(ledger["size"], ledger["root"]))
    except (InvalidSignature, ValueError) as error:
        raise _Differs("ledger", "公开日志的签名不成立", "the signature of the log's head does not hold") from error
    yield (
        "ledger",
        f"已写入公开日志第 {ledger['index']} 条，根为 {ledger['root']}",
        (f"it stands in the public log as entry {ledger['index']}, under the root {ledger['root']}"),
    )
