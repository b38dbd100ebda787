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
        seats = {str(n): rng.randint(0, 4) for n in rng.sample(range(12), 4) if n < 3 or rng.random() < 0.1}
        quotas = {"attribute": "origin", "seats": seats, "unused": rng.choice(["open", "closed"])}
        rules = {"seats": rng.randint(2, 16), "group_boundary": boundary, "quotas": quotas}
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


def random_pupils(rng):
    """Up to 60 pupils with levels, ordered attributes, equal names, special needs and multiple births."""
    span, entries = rng.choice([3, 13]), []
    for i in range(rng.randint(1, rng.choice([12, 30, 60]))):
        entries.append(
            {
                "code": rng.choice("ABcé甲") + f"{i:03d}",
                "sex": rng.randrange(2),
                "age_months": rng.randint(70, 70 + span),
                "origin": rng.randrange(4),
                "special": int(rng.random() < 0.08),
                "name": rng.choice([0, 0, 0, 0, 0, 0, 1, 2]),
                "score": rng.randint(-50, 1000),
            }
        )
    for g in range(rng.randint(0, 4)):
        for entry in rng.sample(entries, min(len(entries), rng.randint(1, 3))):
            entry["group"] = f"G{g}"
    return sorted(entries, key=lambda e: e["code"])


CRITERIA = ["sex", "origin", "special", "sex*age_months/2", "age_months/4", "sex*origin", "score/3"]


def random_classes(rng):
    """Any rules of class assignment together; some contradict each other, some are no rules at all."""
    entries = random_pupils(rng)
    codes, groups = [e["code"] for e in entries], sorted({e["group"] for e in entries if "group" in e})
    n, often = len(entries), lambda share: rng.random() < share
    classes = rng.randint(1, max(1, min(n // 2, 8)))
    rules = {"classes": classes if often(0.98) else n + 1}
    if often(0.7):
        rules["cap"] = -(-n // classes) + rng.choice([0, 1, 3]) - often(0.02)
    if often(0.9):
        rules["balance"] = rng.sample(CRITERIA, rng.randint(0, 4))
    if often(0.7):
        rules["mean"] = rng.choice(["age_months", ["score"], ["age_months", "score"], []])
    if groups and often(0.5):
        some = rng.sample(groups, rng.randint(0, len(groups)))
        rules["apart"], rules["together"] = some[: len(some) // 3], some[len(some) // 3 :]
    for key, most, share in (("required", 2, 0.3), ("forbidden", 4, 0.4)):
        if n > 1 and often(share):
            rules[key] = [rng.sample(codes, 2) for _ in range(rng.randint(0, most))]
    if often(0.3):
        rules["names_apart"] = "name"
    if often(0.3):
        rules["limit"] = [{"attribute": "special", "level": 1, "most": rng.randint(2, 4)}]
    if often(0.2):
        rules["fixed"] = {code: rng.randint(1, classes) for code in rng.sample(codes, min(n, 2))}
    if often(0.25):
        placed = rng.sample(codes, rng.randint(0, n - 1))
        rules["placed"] = {code: 1 + i % classes for i, code in enumerate(placed)}
        if "fixed" in rules and often(0.9):
            rules["fixed"] = {c: number for c, number in rules["fixed"].items() if c not in placed}
    if often(0.02):
        rules["spare"] = 1
    return {"rules": rules, "entries": entries}


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


def test_a_thousand_class_assignments():
    assert agree("classes", random_classes, 1400, 3) > 1000  # the others contradict themselves, which both find


def test_a_school_of_450_with_all_that_schools_ask_for():
    """Large enough that a class's lists, deals and passes come near their limits."""
    rng = random.Random(4)
    entries = [
        {
            "code": f"K{i:04d}",
            "sex": rng.randrange(2),
            "age_months": rng.randint(72, 83),
            "category": rng.choices(range(4), (55, 25, 15, 5))[0],
            "origin": rng.choices(range(12), range(1, 13))[0],
            "special": int(rng.random() < 0.03),
        }
        for i in range(450)
    ]
    for i in range(0, 440, 44):
        entries[i]["group"] = entries[i + 1]["group"] = f"T{i}"
    rules = {
        "classes": 10,
        "cap": 46,
        "balance": ["sex", "special", "category", "origin", "sex*age_months/2"],
        "mean": "age_months",
        "apart": ["T0", "T44"],
        "limit": [{"attribute": "special", "level": 1, "most": 3}],
        "forbidden": [["K0100", "K0101"], ["K0101", "K0102"]],
    }
    assert agree("classes", lambda _: {"rules": rules, "entries": entries}, 2, 5) == 2
