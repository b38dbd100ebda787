"""Python and the verifier's JavaScript, written from the documents, agree bit for bit on random draws."""

import random

from ruxue.algorithms import bundle
from tests.algorithms.node import ask

NAMES = ["甲", "乙", "ab", "Z9", "é", "𠮷", "～", "b/1", "0", "10", "9", "__proto__"]


def random_entries(rng, most=14):
    """Codes of any script, some in groups of two or three; sorted by code."""
    codes = {rng.choice(NAMES) + str(rng.randrange(100)) for _ in range(rng.randint(1, most))}
    entries = [{"code": code} for code in codes]
    for i, entry in enumerate(entries):
        if rng.random() < 0.3:
            entry["group"] = f"G{i % 4}"
    return sorted(entries, key=lambda e: e["code"])


def random_lottery(rng):
    """Any mode, now and then with a rule that it does not have, or without one that it needs."""
    entries = random_entries(rng)
    units = sorted({e.get("group", e["code"]) for e in entries})
    mode = rng.choice([None, "quotas", "preference", "interval"])
    boundary = rng.choice(["skip", "admit"])
    if mode == "quotas":
        level = {unit: rng.randrange(3) for unit in units}
        entries = [{**e, "origin": level[e.get("group", e["code"])]} for e in entries]
        quotas = {str(n): rng.randint(0, 6) for n in range(3 if rng.random() < 0.9 else 2)}
        rules = {"mode": mode, "category": "origin", "quotas": quotas, "group_boundary": boundary}
    elif mode == "preference":
        seats = {school: rng.randint(0, 6) for school in ("north", "南", "10", "9")}
        choices = {unit: rng.sample(sorted(seats), rng.randint(0, 3)) for unit in units if rng.random() < 0.8}
        rules = {"mode": mode, "seats": seats, "choices": choices, "group_boundary": boundary}
        rules["tickets"] = rng.choice(["one", "each"])
    elif mode == "interval":
        entries = [{"code": e["code"]} for e in entries]
        rules = {"mode": mode, "seats": rng.randint(0, 16)}
    else:
        rules = {"seats": rng.randint(0, 16), "group_boundary": boundary}
    if rng.random() < 0.1:
        del rules[rng.choice(sorted(rules))]
    if rng.random() < 0.05:
        rules["spare"] = 1
    return {"rules": rules, "entries": entries}


def random_teachers(rng):
    names = sorted({rng.choice(NAMES) + str(rng.randrange(100)) for _ in range(rng.randint(1, 30))})
    return {"rules": {"classes": len(names)}, "entries": [{"code": name} for name in names]}


def agree(kind, make, count, seed):
    """Asks both for `count` random draws; returns how many could be carried out."""
    rng = random.Random(seed)
    asked = [{"manifest": {"kind": kind, **make(rng)}, "seed": rng.randbytes(32).hex()} for _ in range(count)]
    done = 0
    for request, answer in zip(asked, ask(asked), strict=True):
        try:
            expected = {"result": bundle.build_result(request["manifest"], bytes.fromhex(request["seed"]))}
            done += 1
        except ValueError:
            assert "refused" in answer, request
        else:
            assert answer == expected, request
    return done


def test_lotteries():
    assert agree("lottery", random_lottery, 400, 1) > 300


def test_teachers():
    assert agree("teachers", random_teachers, 200, 2) == 200
