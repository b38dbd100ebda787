"""Hard rules are kept wherever they can be; where they can't, the message names rules of which none can be spared."""

import json
from itertools import product
from pathlib import Path
from random import Random

import pytest

from ruxue.algorithms import balance, bundle
from ruxue.algorithms.balance_rules import Rules
from ruxue.algorithms.contradiction import conflict
from ruxue.algorithms.draw import Stream
from tests.algorithms import balance_by_the_text as text
from tests.algorithms.instances import any_rules, broken, feasible, school


def seeded(number):
    return Stream(number.to_bytes(32, "big"), "classes")


@pytest.mark.parametrize("count", [80, pytest.param(10_000, marks=pytest.mark.slow)])
def test_hard_rules_hold_on_random_feasible_instances(count):
    r = Random(20)
    for number in range(count):
        entries, rules = feasible(r)
        placed = balance.assign_classes(entries, rules, seeded(number))
        assert sorted(placed) == [e["code"] for e in entries]
        assert not broken(entries, rules, placed), (number, broken(entries, rules, placed))


@pytest.mark.parametrize("count", [25, pytest.param(500, marks=pytest.mark.slow)])
def test_the_compiled_draw_is_the_one_of_the_document(count):
    """Bit for bit what a plain reading of docs/class-assignment.md gives, late arrivals and refusals too."""
    r, refused = Random(4), 0
    for number in range(count):
        entries, rules = any_rules(r)
        try:
            placed = balance.assign_classes(entries, rules, seeded(number))
        except balance.InfeasibleRules:
            refused += 1
            with pytest.raises(text.NoResult):
                text.assign(entries, rules, seeded(number))
            continue
        assert text.assign(entries, rules, seeded(number)) == placed
        late = [{**r.choice(entries), "code": f"Z{i}"} for i in range(r.randint(1, 5))]
        rules["cap"] = -(-len(entries) // rules["classes"]) + r.randint(2, 5)
        try:
            added = balance.place_late(placed, entries, late, rules, seeded(number))
        except balance.InfeasibleRules:
            with pytest.raises(text.NoResult):
                text.assign([*entries, *late], {**rules, "placed": placed}, seeded(number))
            continue
        assert text.assign([*entries, *late], {**rules, "placed": placed}, seeded(number)) == {**placed, **added}
    assert 0 < refused < count


def kept(rule, where):
    """Whether one hard rule holds in a placement, by the plain meaning of its words."""
    classes = [where[p] for p in rule.pupils]
    match rule.kind:
        case "together" | "required":
            return len(set(classes)) == 1
        case "apart" | "forbidden" | "namesakes":
            return len(set(classes)) == len(classes)
        case "limit":
            return all(classes.count(c) <= rule.number for c in set(classes))
        case "fixed":
            return classes == [rule.number]


def small(r):
    """Seven pupils at most, with so many rules that they often contradict each other."""
    n, k = r.randint(3, 7), r.randint(2, 3)
    codes = [f"P{i}" for i in range(n)]
    entries = [{"code": c, "special": int(r.random() < 0.5), "name": r.choice([0, 0, 1, 2])} for c in codes]
    for entry in r.sample(entries, r.randint(0, 3)):
        entry["group"] = r.choice(["G", "H"])
    groups = sorted({e["group"] for e in entries if "group" in e})
    rules = {
        "classes": min(k, n),
        "apart": [g for g in groups if r.random() < 0.5],
        "required": [r.sample(codes, 2) for _ in range(r.randint(0, 2))],
        "forbidden": [r.sample(codes, 2) for _ in range(r.randint(0, 4))],
        "fixed": {c: r.randint(1, min(k, n)) for c in r.sample(codes, r.randint(0, 2))},
    }
    if r.random() < 0.5:
        rules["names_apart"] = "name"
    if r.random() < 0.5:
        rules["limit"] = [{"attribute": "special", "level": 1, "most": r.randint(0, 2)}]
    return entries, rules


@pytest.mark.parametrize("count", [150, pytest.param(1500, marks=pytest.mark.slow)])
def test_a_named_contradiction_is_real_and_minimal(count):
    r, refused = Random(7), 0
    for number in range(count):
        entries, rules = small(r)
        wanted = Rules.read(rules, entries)
        n, k = len(entries), rules["classes"]
        even = [
            where
            for where in product(range(1, k + 1), repeat=n)
            if max(map(where.count, range(1, k + 1))) - min(map(where.count, range(1, k + 1))) <= 1
        ]

        def possible(hard, even=even):
            return any(all(kept(rule, where) for rule in hard) for where in even)

        try:
            placed = balance.assign_classes(entries, rules, seeded(number))
            assert not broken(entries, rules, placed)
        except balance.InfeasibleRules as error:
            refused += 1
            named = conflict(wanted)
            assert not possible(named)
            for spared in named:
                assert possible([rule for rule in named if rule != spared])
            assert all(rule in wanted.hard for rule in named)
            assert "no placement was found" not in error.en and error.zh
        else:
            assert possible(wanted.hard)
    assert count / 5 < refused < count


def ten(**rules):
    entries = [{"code": f"P{i}", "special": int(i < 7), "name": int(i in (0, 2, 4, 6, 8))} for i in range(10)]
    return entries, {"classes": 4, **rules}


@pytest.mark.parametrize(
    ("rules", "en", "zh"),
    [
        (
            {"names_apart": "name"},
            "5 pupils of one name must be apart but there are 4 classes (P0, P2, P4, P6 and P8)",
            "同名的 5 名学生须分在不同的班，但只有 4 个班（P0、P2、P4、P6、P8）",
        ),
        (
            {"forbidden": [[f"P{a}", f"P{b}"] for a in range(6) for b in range(a) if {a, b} != {1, 5}]},
            "5 pupils must be apart but there are 4 classes (P0, P1, P2, P3 and P4)",
            "5 名学生须分在不同的班，但只有 4 个班（P0、P1、P2、P3、P4）",
        ),
        (
            {"limit": [{"attribute": "special", "level": 1, "most": 1}]},
            "a class takes at most 1 of those with special 1, and there are 7, which can't be: 4 classes of 2 or 3 pupils",
            "每班 special 1 的学生至多 1 名，而共有 7 名，但做不到：共 4 个班，每班 2 或 3 人",
        ),
        (
            {"required": [["P0", "P1"]], "fixed": {"P0": 1, "P1": 2, "P5": 3}},
            "these 3 rules contradict each other, though any one fewer could be kept (4 classes of 2 or 3 pupils): "
            "(1) P0 and P1 must be together; (2) P0 must be in class 1; (3) P1 must be in class 2",
            "以下 3 条规则互相矛盾，去掉任何一条即可（共 4 个班，每班 2 或 3 人）："
            "（1）P0、P1 须同班；（2）P0 须在 1 班；（3）P1 须在 2 班",
        ),
    ],
)
def test_a_contradiction_in_words(rules, en, zh):
    with pytest.raises(balance.InfeasibleRules) as caught:
        balance.assign_classes(*ten(**rules), seeded(1))
    assert (caught.value.en, caught.value.zh) == (en, zh)


def test_groups_too_large_for_any_class_are_named():
    entries, rules = ten()
    for entry in entries[:4]:
        entry["group"] = "G"
    with pytest.raises(balance.InfeasibleRules, match=r"group G must be together .*4 classes of 2 or 3"):
        balance.assign_classes(entries, rules, seeded(1))


def test_a_city_s_school_with_every_rule():
    entries = school(450, 3)
    for i in range(0, 12, 2):
        entries[i]["group"] = entries[i + 1]["group"] = f"T{i}"
    for i, entry in enumerate(entries):
        entry["name"] = i % 100 if i % 100 < 5 else 0
    rules = {
        "classes": 10,
        "cap": 45,
        "balance": ["sex", "sex*age_months/2", "origin", "area", "special"],
        "mean": "age_months",
        "apart": ["T0", "T2"],
        "forbidden": [["P00020", "P00030"]],
        "required": [["P00040", "P00050"]],
        "names_apart": "name",
        "limit": [{"attribute": "special", "level": 1, "most": 2}],
        "fixed": {"P00060": 3},
    }
    placed = balance.assign_classes(entries, rules, seeded(9))
    assert not broken(entries, rules, placed)
    report = balance.balance_report(entries, placed, rules)
    assert all(row["spread"] <= 1 for levels in report["attributes"].values() for row in levels.values())
    assert max(report["ordered"]["age_months"]["sums"]) - min(report["ordered"]["age_months"]["sums"]) <= 1


def test_late_arrivals_keep_the_balance_and_move_nobody():
    entries = school(120, 5)
    rules = {"classes": 4, "cap": 36, "balance": ["sex", "origin"], "mean": "age_months"}
    placed = balance.assign_classes(entries, rules, seeded(2))
    late = [{**entry, "code": f"Z{entry['code']}"} for entry in school(12, 6)]
    late[0]["group"] = late[1]["group"] = "T"
    added = balance.place_late(placed, entries, late, rules, seeded(3))
    assert sorted(added) == sorted(e["code"] for e in late) and added["ZP00000"] == added["ZP00001"]
    report = balance.balance_report([*entries, *late], {**placed, **added}, rules)
    assert report["size_spread"] == 0
    assert all(row["spread"] <= 1 for row in report["attributes"]["sex"].values())


def test_one_who_comes_late_goes_where_few_of_the_kind_are():
    entries = [{"code": f"P{i}", "sex": int(i in (0, 1, 2))} for i in range(12)]
    placed = {f"P{i}": i % 3 + 1 for i in range(12)}
    placed["P0"] = 2  # class 1: no girl and 3 pupils, class 2: two girls and 5
    late = [{"code": "Z", "sex": 1}]
    for number in range(10):
        added = balance.place_late(placed, entries, late, {"classes": 3, "balance": ["sex"]}, seeded(number))
        assert added == {"Z": 1}


def test_the_document_s_vector():
    page = (Path(__file__).parents[2] / "docs" / "class-assignment.md").read_text(encoding="utf-8")
    vector = json.loads(page.partition("```json")[2].partition("```")[0])
    manifest = {"kind": "classes", "rules": vector["rules"], "entries": vector["entries"]}
    seed = bytes.fromhex(vector["seed"])
    assert bundle.build_result(manifest, seed) == {"classes": vector["classes"], "report": vector["report"]}
    placed = {code: int(c) for c, codes in vector["classes"].items() for code in codes}
    manifest["rules"]["placed"] = placed
    manifest["entries"].append(vector["late"])
    assert bundle.build_result(manifest, seed)["classes"] == vector["classes_then"]
    assert text.assign(manifest["entries"], vector["rules"], Stream(seed, "classes")) == {
        code: int(c) for c, codes in vector["classes_then"].items() for code in codes
    }
