"""Bundles of each kind agree; whatever is changed in one is found and named, by Python and by the verifier's JavaScript,
also where the log's part is made anew to fit."""

import base64
import copy
import hashlib
import json
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from ruxue.algorithms import bundle, canonical, draw, merkle
from ruxue.cli import app
from tests.algorithms.node import ask
from tests.algorithms.test_draw import MANIFEST, SECRETS

PUPILS = [{"code": f"P{i:02d}", "sex": i % 2, "age_months": 72 + i % 13} for i in range(20)]
CLASSES = {
    **MANIFEST,
    "kind": "classes",
    "rules": {"classes": 3, "cap": 8, "balance": ["sex"], "mean": "age_months"},
    "entries": PUPILS,
}
PLACED = {f"P{i:02d}": 1 + i % 3 for i in range(15)}
TEAMS = sorted(["甲", "乙", "丙"])
LEVELS = [{**entry, "origin": 1 if entry["code"] < "A04" else 2} for entry in MANIFEST["entries"]]
CHOICES = {"A04": ["north"], "A05": ["south", "north"], "A02": ["south"], "T1": ["north"]}
KINDS = {
    "lottery": MANIFEST,
    "beacon": {**MANIFEST, "beacon": {"source": "sh000001", "round": "2025-07-16"}},
    "quotas": {
        **MANIFEST,
        "rules": {
            "seats": 5,
            "group_boundary": "skip",
            "quotas": {"attribute": "origin", "seats": {"1": 2, "2": 2}, "unused": "open"},
        },
        "entries": LEVELS,
    },
    "preference": {
        **MANIFEST,
        "rules": {
            "mode": "preference",
            "seats": {"north": 2, "south": 1},
            "choices": CHOICES,
            "tickets": "each",
            "group_boundary": "admit",
        },
    },
    "interval": {**MANIFEST, "rules": {"mode": "interval", "seats": 5}, "entries": PUPILS},
    "classes": CLASSES,
    "late": {**CLASSES, "rules": {**CLASSES["rules"], "placed": PLACED}},
    "teachers": {**MANIFEST, "kind": "teachers", "rules": {"classes": 3}, "entries": [{"code": t} for t in TEAMS]},
}
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def with_ledger(body, key=KEY):
    """The bundle with a log's entry, proof and signed head that fit it, whatever it says."""
    body = {k: v for k, v in body.items() if k != "ledger"}
    entry = {"kind": "draw", "at": "2026-08-20T09:06:00+08:00", **bundle.ledger_body(body)}
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(6)]
    leaves[4] = merkle.leaf_hash(canonical.dumps(entry))
    root = merkle.root(leaves).hex()
    body["ledger"] = {
        "entry": entry,
        "index": 4,
        "size": 6,
        "root": root,
        "proof": [p.hex() for p in merkle.inclusion_proof(leaves, 4)],
        "public_key": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
        "signature": key.sign(bundle.head_text(6, root)).hex(),
    }
    return body


def make(manifest, result=None):
    """A bundle with everything that follows from its manifest; with `result`, one that says another result."""
    digest = bytes.fromhex(hashlib.sha256(canonical.dumps(manifest)).hexdigest())
    witnesses = list(zip([w["id"] for w in manifest["witnesses"]], SECRETS, strict=True))
    beacon = "sh000001:2025-07-16:3505.00" if "beacon" in manifest else None
    seed = draw.make_seed(digest, SECRETS, beacon)
    body = {
        "manifest": manifest,
        "commitments": [
            {"witness": w, "value": draw.commitment(digest, w, s).hex(), "time": f"2026-08-20T09:0{i}:00+08:00"}
            for i, (w, s) in enumerate(witnesses)
        ],
        "reveals": [{"witness": w, "secret": s.hex(), "time": "2026-08-20T09:05:00.5+08:00"} for w, s in witnesses],
        "seed": seed.hex(),
        "result": bundle.build_result(manifest, seed) if result is None else result,
        **({"beacon": beacon} if beacon else {}),
    }
    return with_ledger(copy.deepcopy(body))


TRUE = {kind: make(manifest) for kind, manifest in KINDS.items()}


def judge(files, key=""):
    """The last step of each file as Python finds it, after seeing that JavaScript finds the same."""
    asked = [{"bundle": base64.b64encode(data).decode(), "key": key} for data in files]
    found = []
    for data, answer in zip(files, ask(asked), strict=True):
        step = bundle.verify_bundle(data, key)[-1]
        there = answer["steps"][-1]
        assert (there["ok"], there["code"]) == (step.ok, step.code), (step, there, data)
        assert there["field"].startswith(step.field) or step.code == "form", (step, there)
        found.append(step)
    return found


def test_each_kind_agrees():
    for kind, body in TRUE.items():
        steps = bundle.verify_bundle(body)
        assert [s.code for s in steps] == ["form", "manifest", "commitments", "seed", "result", "ledger"], kind
        assert all(s.ok and s.zh and s.en for s in steps)
    assert all(step.ok for step in judge([bundle.to_bytes(body) for body in TRUE.values()], PUBLIC))


def test_a_class_list_names_everyone_once_and_keeps_who_was_placed():
    rosters = TRUE["late"]["result"]["classes"]
    assert sorted(code for codes in rosters.values() for code in codes) == [p["code"] for p in PUPILS]
    assert all(code in rosters[str(c)] for code, c in PLACED.items())


def change(body, path, value):
    *parents, last = path
    place = body
    for step in parents:
        place = place[step]
    place[last] = value


@pytest.mark.parametrize(
    ("path", "value", "code", "field"),
    [
        (("manifest", "rules", "seats"), 4, "commitments", "/commitments/0/value"),
        (("manifest", "rules", "seats"), 3.0, "form", "/manifest/rules/seats"),
        (("manifest", "entries", 1, "code"), "A01", "form", "/manifest/entries/1/code"),
        (("commitments", 1, "value"), "00" * 32, "commitments", "/commitments/1/value"),
        (("reveals", 0, "secret"), "00" * 16, "commitments", "/commitments/0/value"),
        (("reveals", 0, "secret"), "00", "form", "/reveals/0/secret"),
        (("reveals", 0, "witness"), "bureau", "reveals", "/reveals/0/witness"),
        (("reveals", 2, "time"), "2026-08-20T08:59:59+08:00", "time", "/reveals/2/time"),
        (("reveals", 2, "time"), "2026-08-20T09:05:00", "form", "/reveals/2/time"),
        (("reveals", 2, "time"), "2026-02-30T09:05:00Z", "form", "/reveals/2/time"),
        (("seed",), "00" * 32, "seed", "/seed"),
        (("result", "admitted"), ["A05", "A02", "A04"], "result", "/result/admitted/2"),
        (("result", "excess"), False, "result", "/result/excess"),
        (("beacon",), "sh000001:1", "beacon", "/beacon"),
        (("note",), "x", "form", "/note"),
        (("commitments", 0, "secret"), "x", "form", "/commitments/0/secret"),
    ],
)
def test_the_first_difference_is_named_even_if_the_log_was_made_to_fit(path, value, code, field):
    body = copy.deepcopy(TRUE["lottery"])
    change(body, path, value)
    if not isinstance(value, float):
        body = with_ledger(body)
    last = bundle.verify_bundle(body)[-1]
    assert (last.ok, last.code, last.field) == (False, code, field)


def test_times_are_compared_as_moments():
    body = copy.deepcopy(TRUE["lottery"])
    for row in body["reveals"]:
        row["time"] = "2026-08-20T01:05:00+00:00"  # 09:05 in Shanghai
    before = copy.deepcopy(body)
    change(before, ("reveals", 1, "time"), "2026-08-20T09:01:59.999999+08:00")
    kept, found = judge([bundle.to_bytes(with_ledger(b)) for b in (body, before)])
    assert kept.ok and (found.code, found.field) == ("time", "/reveals/1/time")


def test_a_beacon_is_bound():
    body = copy.deepcopy(TRUE["beacon"])
    body["beacon"] = "sh000001:2025-07-16:3505.01"
    without = {k: v for k, v in body.items() if k != "beacon"}
    steps = judge([bundle.to_bytes(with_ledger(b)) for b in (body, without)])
    assert [(s.code, s.field) for s in steps] == [("seed", "/seed"), ("beacon", "/manifest/beacon")]


def test_not_yet_in_the_log():
    body = {k: v for k, v in TRUE["lottery"].items() if k != "ledger"}
    [last] = judge([bundle.to_bytes(body)])
    assert (last.ok, last.code) == (False, "ledger_missing")


def test_a_log_with_another_key_is_seen_by_who_knows_the_key():
    forged = bundle.to_bytes(with_ledger(TRUE["lottery"], Ed25519PrivateKey.from_private_bytes(b"f" * 32)))
    assert judge([forged])[0].ok
    assert [(s.ok, s.code) for s in judge([forged], PUBLIC)] == [(False, "key")]


def fields(value, path=()):
    """Paths of all values inside `value`, parts before what is in them."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from fields(inner, (*path, key))


def mutations(kind):
    """(path, bundle) for every value of a bundle: changed by one bit, of another kind, gone, renamed, doubled."""
    true = TRUE[kind]
    rng = random.Random(kind)
    for path in fields(true):
        *parents, last = path
        holder = true
        for step in parents:
            holder = holder[step]
        old = holder[last]
        changed = []
        if isinstance(old, str) and old:
            i = rng.randrange(len(old))
            changed.append(old[:i] + chr(ord(old[i]) ^ 1) + old[i + 1 :])
        elif isinstance(old, int):
            changed.append(old ^ 1)
        changed.append(rng.choice([v for v in (None, True, 0, "", [], {}, [old]) if type(v) is not type(old)]))
        for value in changed:
            body = copy.deepcopy(true)
            change(body, path, value)
            yield path, body
        body = copy.deepcopy(true)
        place = body
        for step in parents:
            place = place[step]
        if isinstance(place, dict):
            place[last + "'"] = place.pop(last)
            yield path, body
        else:  # which of a list's items is one too many, or missing, can't always be said
            place[last : last + 1] = rng.choice([[], [old, old]])
            yield parents, body


def named(path, step):
    """Whether a step names what was changed: the place itself, what it stands in, or what stands in it."""
    if path[0] == "ledger":  # a proof or a signature holds or not; which of its numbers is wrong can't be known
        return step.field.startswith("/ledger")
    place = canonical.pointer(*path)
    if path[:2] == ("manifest", "entries") and len(path) > 2 and step.code == "form":
        return step.field in (place, canonical.pointer(*path[:2], path[2] + 1, "code"))  # out of order: one of the two
    if step.field.startswith(place + "'"):  # renamed
        return True
    return (step.field + "/").startswith(place + "/") or (place + "/").startswith(step.field + "/")


THOROUGH = pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 5])


@THOROUGH
@pytest.mark.parametrize("kind", TRUE)
def test_every_field_changed_is_found_and_named(kind, every):
    changed = list(mutations(kind))
    assert len(changed) > 150
    changed = changed[::every]
    for (path, _), step in zip(changed, judge([canonical.dumps(b) for _, b in changed]), strict=True):
        assert not step.ok, path
        assert named(path, step), (path, step)


@THOROUGH
@pytest.mark.parametrize("kind", TRUE)
def test_every_byte_changed_is_found(kind, every):
    data = bundle.to_bytes(TRUE[kind])
    rng = random.Random(kind)
    files = []
    for i in range(0, len(data), 1 if every == 1 else 29):
        flipped = bytearray(data)
        flipped[i] ^= 1 << rng.randrange(8)
        files.append(bytes(flipped))
    assert not any(step.ok for step in judge(files))


@pytest.mark.parametrize("kind", TRUE)
def test_a_draw_by_other_rules_than_the_published_is_found(kind):
    """All is made anew to fit the changed rules or list, log and commitments too, but for the result."""
    parts = ("rules", "entries", "kind")
    manifests = [
        body["manifest"]
        for path, body in mutations(kind)
        if len(path) > 2
        and path[0] == "manifest"
        and path[1] in parts
        and isinstance(body["manifest"]["entries"], list)
    ]
    files = [bundle.to_bytes(make(m, TRUE[kind]["result"])) for m in manifests[:: 1 if kind == "teachers" else 3]]
    assert len(files) > 10
    found = judge(files)
    assert {step.code for step in found if not step.ok} <= {"form", "rules", "result"}
    # a choice that nobody could have any more, or a wider cap, changes no result: there is nothing to find
    assert sum(step.ok for step in found) <= 3


def test_white_space_between_tokens_is_free():
    body = json.loads(bundle.to_bytes(TRUE["classes"]))
    pretty = json.dumps(body, indent=2, ensure_ascii=False, sort_keys=True).replace("\n", "\r\n\t")
    assert judge([pretty.encode() + b"\n"])[0].ok


SEATS = b'"seats":3'
SPELLINGS = {
    "a fraction": (SEATS, b'"seats":3.0'),
    "a power of ten": (SEATS, b'"seats":3e0'),
    "minus zero": (b'"excess":0', b'"excess":-0'),
    "a leading zero": (SEATS, b'"seats":03'),
    "a number too large": (SEATS, b'"seats":9007199254740993'),
    "no number": (SEATS, b'"seats":NaN'),
    "infinity": (SEATS, b'"seats":1e999'),
    "thousands of digits": (SEATS, b'"seats":' + b"9" * 5000),
    "the name twice, last one true": (SEATS, b'"seats":9,' + SEATS),
    "the name twice, first one true": (SEATS, SEATS + b',"seats":9'),
    "the same twice": (SEATS, SEATS + b"," + SEATS),
    "names out of order": (b'"group_boundary":"skip",' + SEATS, SEATS + b',"group_boundary":"skip"'),
    "an escaped letter": (b'"skip"', b'"\\u0073kip"'),
    "an escaped slash": (b'"2026-08', b'"\\/2026-08'),
    "an escaped character": ("示".encode(), b"\\u793a"),
    "half a pair, escaped": ("示".encode(), b"\\ud83d"),
    "half a pair, as bytes": ("示".encode(), b"\xed\xa0\xbd"),
    "a byte that is no character": ("示".encode(), b"\xff"),
    "an overlong slash": ("示".encode(), b"\xc0\xaf"),
    "a control character": ("示".encode(), b"\x01"),
    "a replacement character": ("示".encode(), "\ufffd".encode()),
    "a comma at the end": (b'"skip",' + SEATS + b"}", b'"skip",' + SEATS + b",}"),
    "another white space": (SEATS, b'"seats":\xc2\xa03'),
    "a comment": (SEATS, b'"seats":/**/3'),
    "single quotes": (b'"skip"', b"'skip'"),
    "true for a number": (b'"index":4', b'"index":true'),
    "an unknown part": (b'{"commitments"', b'{"__proto__":{},"commitments"'),
    "an unknown part in a row": (b'{"time":', b'{"note":"","time":'),
    "an unknown part in the log": (b'"ledger":{', b'"ledger":{"at":"",'),
    "upper-case hex": (b'"seed":"0e8a', b'"seed":"0E8a'),
}


def test_other_spellings_are_refused():
    data = bundle.to_bytes(TRUE["lottery"])
    files = {}
    for name, (old, new) in SPELLINGS.items():
        assert old in data, name
        files[name] = data.replace(old, new, 1)
    files |= {
        "a byte order mark": b"\xef\xbb\xbf" + data,
        "UTF-16": data.decode().encode("utf-16"),
        "nothing": b"",
        "white space": b" \n",
        "two": data + data,
        "a tail": data + b"\0",
        "cut short": data[:-1],
        "brackets without end": b"[" * 100_000,
        "a list": b"[]",
        "null": b"null",
    }
    for name, step in zip(files, judge(list(files.values())), strict=True):
        expected = "commitments" if name == "a replacement character" else "form"
        assert (step.ok, step.code) == (False, expected), name


def test_a_wrong_spelling_is_named():
    data = bundle.to_bytes(TRUE["lottery"])
    for old, new, field in (
        (SEATS, b'"seats":3.0', "/manifest/rules/seats"),
        ("示".encode(), b"\xff", "/manifest/title"),
        (b'"A03"', b'"A03', "/manifest/entries/2"),
    ):
        changed = data.replace(old, new, 1)
        [answer] = ask([{"bundle": base64.b64encode(changed).decode()}])
        assert bundle.verify_bundle(changed)[-1].field.startswith(field)
        assert answer["steps"][-1]["field"].startswith(field)


def test_canonical_text_of_random_values_is_the_same():
    rng = random.Random(5)
    texts = ["", "é", "𠮷", "\u2028", "\x7f", "\0", '"\\/', "\ue000", "a", "__proto__", "10", "9"]

    def value(depth):
        kind = rng.randrange(5 if depth else 3)
        if kind == 3:
            return [value(depth - 1) for _ in range(rng.randrange(4))]
        if kind == 4:
            return {rng.choice(texts) + rng.choice(texts): value(depth - 1) for _ in range(rng.randrange(5))}
        return [rng.choice(texts), rng.choice([0, -1, 2**53 - 1, 1 - 2**53, 7]), rng.choice([None, True, False])][kind]

    values = [canonical.dumps(value(4)) for _ in range(300)]
    answers = ask({"canonical": base64.b64encode(data).decode()} for data in values)
    assert [a["text"].encode() for a in answers] == values
    assert all(canonical.loads(data) is not ... for data in values)


def test_the_command_tells_each_step_and_fails_where_something_differs(tmp_path):
    true, changed, odd = tmp_path / "true.json", tmp_path / "changed.json", tmp_path / "odd.json"
    true.write_bytes(bundle.to_bytes(TRUE["classes"]))
    changed.write_bytes(true.read_bytes().replace(b'"time":"2026-08-20T09:01', b'"time":"2026-08-20T09:02'))
    body = copy.deepcopy(TRUE["lottery"])
    body["manifest"]["witnesses"][0]["role"] = "[/red]\x1b[2J"
    odd.write_bytes(bundle.to_bytes(body))

    def run(*arguments):
        done = CliRunner().invoke(app, ["verify", *map(str, arguments)])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, " ".join(done.output.split())

    code, text = run(true)
    assert code == 0 and text.count("✓") == 6 and "全部一致" in text
    code, text = run(changed)
    assert code == 1 and "✗" in text and "/commitments/1/time" in text
    assert run(true, "--log-key", PUBLIC.upper())[0] == 0
    assert run(true, "--log-key", "00" * 32)[0] == 1
    code, text = run(odd)
    assert code == 1 and "[/red]" in text and "\x1b" not in text
