"""Bundles of each kind agree, and what is changed in one is found, also where the log's part is made anew to fit."""

import copy

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.algorithms import bundle, draw, merkle
from tests.algorithms.test_draw import MANIFEST, SECRETS

PUPILS = [{"code": f"P{i:02d}", "sex": i % 2, "age_months": 72 + i % 13} for i in range(20)]
CLASSES = {
    **MANIFEST,
    "kind": "classes",
    "rules": {"classes": 3, "cap": 8, "balance": ["sex"], "mean": "age_months"},
    "entries": PUPILS,
}
PLACED = {f"P{i:02d}": 1 + i % 3 for i in range(15)}
LATE = {**CLASSES, "rules": {**CLASSES["rules"], "placed": PLACED}}
TEACHERS = {
    **MANIFEST,
    "kind": "teachers",
    "rules": {"classes": 3},
    "entries": [{"code": "甲"}, {"code": "乙"}, {"code": "丙"}],
}
TEACHERS["entries"].sort(key=lambda e: e["code"])
WITH_BEACON = {**MANIFEST, "beacon": {"source": "sh000001", "round": "2025-07-16"}}
KINDS = {"lottery": MANIFEST, "classes": CLASSES, "late": LATE, "teachers": TEACHERS, "beacon": WITH_BEACON}


def with_ledger(body):
    """The bundle with a log's entry, proof and signed head that fit it, whatever it says."""
    body = {k: v for k, v in body.items() if k != "ledger"}
    entry = {"kind": "draw", "digest": bundle.core_digest(body)}
    leaves = [merkle.leaf_hash(b"before"), merkle.leaf_hash(rfc8785.dumps(entry)), merkle.leaf_hash(b"after")]
    root, key = merkle.root(leaves).hex(), Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    body["ledger"] = {
        "entry": entry,
        "index": 1,
        "size": 3,
        "root": root,
        "proof": [p.hex() for p in merkle.inclusion_proof(leaves, 1)],
        "public_key": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
        "signature": key.sign(bundle.head_text(3, root)).hex(),
    }
    return body


def make(manifest):
    digest = draw.manifest_digest(manifest)
    witnesses = list(zip([w["id"] for w in manifest["witnesses"]], SECRETS, strict=True))
    beacon = "sh000001:2025-07-16:3505.00" if "beacon" in manifest else None
    seed = draw.make_seed(digest, SECRETS, beacon)
    body = {
        "manifest": manifest,
        "commitments": [
            {"witness": w, "value": draw.commitment(digest, w, s).hex(), "time": "2026-08-20T09:00:00+08:00"}
            for w, s in witnesses
        ],
        "reveals": [{"witness": w, "secret": s.hex(), "time": "2026-08-20T09:05:00+08:00"} for w, s in witnesses],
        "seed": seed.hex(),
        "result": bundle.build_result(manifest, seed),
        **({"beacon": beacon} if beacon else {}),
    }
    return with_ledger(copy.deepcopy(body))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_agrees(kind):
    steps = bundle.verify_bundle(make(KINDS[kind]))
    assert [s.code for s in steps if not s.ok] == []
    assert steps[-1].code == "ledger" and all(s.zh and s.en for s in steps)


def test_a_class_list_names_everyone_once_and_keeps_who_was_placed():
    rosters = make(LATE)["result"]["classes"]
    assert sorted(code for codes in rosters.values() for code in codes) == [p["code"] for p in PUPILS]
    assert all(code in rosters[str(c)] for code, c in PLACED.items())


def change(body, path, value):
    *parents, last = path
    place = body
    for step in parents:
        place = place[step]
    place[last] = value


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("manifest", "rules", "seats"), 4, "commitments"),
        (("manifest", "rules", "seats"), 3.0, "form"),
        (("commitments", 1, "value"), "00" * 32, "commitments"),
        (("reveals", 0, "secret"), "00" * 16, "commitments"),
        (("reveals", 0, "secret"), "00", "form"),
        (("reveals", 0, "witness"), "bureau", "reveals"),
        (("reveals", 2, "time"), "2026-08-20T08:59:59+08:00", "time"),
        (("reveals", 2, "time"), "2026-08-20T09:05:00", "form"),
        (("seed",), "00" * 32, "seed"),
        (("result", "admitted"), ["A05", "A02", "A04"], "result"),
        (("result", "excess"), False, "result"),
        (("beacon",), "sh000001:1", "beacon"),
        (("note",), "x", "form"),
    ],
)
def test_the_first_difference_is_named_even_if_the_log_was_made_to_fit(path, value, code):
    body = make(MANIFEST)
    change(body, path, value)
    last = bundle.verify_bundle(with_ledger(body))[-1]
    assert (last.ok, last.code) == (False, code)


def test_times_are_compared_as_moments():
    body = make(MANIFEST)
    for row in body["reveals"]:
        row["time"] = "2026-08-20T01:05:00+00:00"  # 09:05 in Shanghai
    assert bundle.verify_bundle(with_ledger(body))[-1].ok


def test_a_beacon_is_bound():
    body = make(WITH_BEACON)
    body["beacon"] = "sh000001:2025-07-16:3505.01"
    assert bundle.verify_bundle(with_ledger(body))[-1].code == "seed"
    del body["beacon"]
    assert bundle.verify_bundle(with_ledger(body))[-1].code == "beacon"


def test_not_yet_in_the_log():
    body = make(MANIFEST)
    del body["ledger"]
    last = bundle.verify_bundle(body)[-1]
    assert (last.ok, last.code) == (False, "ledger_missing")


TRUE = {kind: make(manifest) for kind, manifest in KINDS.items()}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(TRUE)), st.data())
def test_a_mutated_bundle_is_found(kind, data):
    body = copy.deepcopy(TRUE[kind])
    place, last = body, data.draw(st.sampled_from(sorted(body)))
    while isinstance(place[last], dict | list) and place[last]:
        place = place[last]
        last = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    old = place[last]
    others = st.one_of(st.integers(-5, 5), st.text(max_size=4), st.none(), st.booleans(), st.just([]))
    place[last] = data.draw(others.filter(lambda new: type(new) is not type(old) or new != old))
    assert not bundle.verify_bundle(body)[-1].ok
