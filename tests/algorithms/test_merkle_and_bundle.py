import copy
import hashlib

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ruxue.algorithms import bundle, draw, merkle
from tests.algorithms.test_draw import MANIFEST, SECRETS


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 20])
def test_inclusion_and_consistency(size):
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(size)]
    root = merkle.root(leaves)
    for i in range(size):
        path = merkle.inclusion_proof(leaves, i)
        assert merkle.verify_inclusion(leaves[i], i, size, path, root)
        assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), i, size, path, root)
    for old in range(1, size + 1):
        assert merkle.verify_consistency(
            old, size, merkle.root(leaves[:old]), root, merkle.consistency_proof(leaves, old)
        )
        assert not merkle.verify_consistency(
            old, size, hashlib.sha256(b"x").digest(), root, merkle.consistency_proof(leaves, old)
        )


def test_rfc_6962_vector():
    """Root of the eight leaves of the certificate-transparency reference tests."""
    data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [merkle.leaf_hash(bytes.fromhex(d)) for d in data]
    assert merkle.root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def make_bundle():
    digest = draw.manifest_digest(MANIFEST)
    ids = [w["id"] for w in MANIFEST["witnesses"]]
    seed = draw.make_seed(digest, SECRETS)
    body = {
        "manifest": MANIFEST,
        "commitments": [
            {"witness": w, "value": draw.commitment(digest, w, s).hex(), "time": "2026-08-20T09:00:00+08:00"}
            for w, s in zip(ids, SECRETS, strict=True)
        ],
        "reveals": [
            {"witness": w, "secret": s.hex(), "time": "2026-08-20T09:05:00+08:00"}
            for w, s in zip(ids, SECRETS, strict=True)
        ],
        "seed": seed.hex(),
        "result": bundle.build_result(MANIFEST, seed),
    }
    entry = {"kind": "draw", "digest": bundle.core_digest(body)}
    leaves = [merkle.leaf_hash(b"before"), merkle.leaf_hash(rfc8785.dumps(entry)), merkle.leaf_hash(b"after")]
    body["ledger"] = {
        "entry": entry,
        "index": 1,
        "size": 3,
        "root": merkle.root(leaves).hex(),
        "proof": [p.hex() for p in merkle.inclusion_proof(leaves, 1)],
    }
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    body["ledger"]["public_key"] = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    body["ledger"]["signature"] = key.sign(bundle.head_text(3, body["ledger"]["root"])).hex()
    return body


def test_a_true_bundle_agrees():
    steps = bundle.verify_bundle(make_bundle())
    assert [s.code for s in steps] == ["manifest", "commitments", "seed", "result", "ledger"]
    assert all(s.ok and s.zh and s.en for s in steps)


def leaves_of(value, path=()):
    if isinstance(value, dict):
        for k, v in value.items():
            yield from leaves_of(v, (*path, k))
    elif isinstance(value, list):
        for i, v in enumerate(value):
            yield from leaves_of(v, (*path, i))
    else:
        yield path


@pytest.mark.parametrize("path", list(leaves_of(make_bundle())), ids=str)
def test_any_changed_field_is_found(path):
    body = copy.deepcopy(make_bundle())
    *parents, last = path
    place = body
    for step in parents:
        place = place[step]
    old = place[last]
    place[last] = old + 1 if isinstance(old, int) else ("0" if old[:1] != "0" else "1") + old[1:]
    assert not bundle.verify_bundle(body)[-1].ok


def test_a_missing_part_is_told_without_a_traceback():
    for part in ("manifest", "commitments", "seed", "result", "ledger"):
        body = make_bundle()
        del body[part]
        assert not bundle.verify_bundle(body)[-1].ok
