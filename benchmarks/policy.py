"""Speed of deciding and explaining, and of a what-if over a city: python benchmarks/policy.py

Verdicts per second on one core (CPU time), over the families of each policy's golden cases; against a hand-written
function for Kuiwen (the least work in Python: no unknowns, no reasons) and against the ZEN engine's decision table
(GoRules, MIT, written in Rust; `pip install --group bench`). Then a what-if of 31,353 families, by the clock.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ruxue.policy.cases import read
from ruxue.policy.compare import Family, what_if
from ruxue.policy.engine import Sheet, decide
from ruxue.policy.explain import explain
from ruxue.policy.facts import Fact, FactSheet
from ruxue.policy.language import Policy, load_file

ROOT = Path(__file__).parents[1]
NINE = {
    "P1 Kuiwen": "kuiwen-primary",
    "P2 Weicheng": "weicheng-primary",
    "P3 Gaoxin": "gaoxin-primary",
    "P4 Longgang": "longgang-primary-2017",
    "P5 Guangzhou": "guangzhou-primary-2021",
    "P6 Gongshu": "gongshu-primary-2018",
    "P7 Lixia": "lixia-primary",
    "P8 Dongcheng": "dongcheng-primary",
    "P9 Dongkou": "dongkou-primary",
}
PLAIN, EXPLAINED, WHAT_IF = 20_000, 5_000, 15.0
FAMILIES = 31_353


def rate(work: Callable[[Any], object], items: Sequence[Any], seconds: float = 1.0) -> float:
    """How many items a second of CPU time does, over at least so many seconds; the best of three."""
    best = 0.0
    for _ in range(3):
        done, started = 0, time.process_time()
        while (spent := time.process_time() - started) < seconds / 3:
            for item in items:
                work(item)
            done += len(items)
        best = max(best, done / spent)
    return best


def loaded(name: str) -> tuple[Policy, list[FactSheet]]:
    book = read((ROOT / "tests" / "policy" / "cases" / f"{name}.yaml").read_text(encoding="utf-8"))
    return load_file(ROOT / "policies" / f"{name}.yaml", book.season), [case.facts for case in book.cases]


def by_hand(f: dict[str, Any]) -> str:
    """Kuiwen's five batches as a programmer would write them for known facts."""
    local, owner = f["child.hukou_district"] == "kuiwen", f["dwelling.owned_by_family"] and f["dwelling.in_zone"]
    owner = owner and f["dwelling.residential"] and not f["family.reported_absent"]
    if f["family.special_group"]:
        return "K1"
    if local and owner and f["child.with_guardian_household"] and f["dwelling.address_equals_hukou"]:
        return "K1"
    if local and owner:
        return "K2"
    tenant = f["family.no_dwelling_in_core"] and f["lease.sole"] and f["lease.in_zone"]
    if local and tenant:
        return "K3"
    if not local and owner:
        return "K4"
    if not local and tenant and f["lease.filed_on"] < date(2026, 1, 1) and f["job.in_district"]:
        return "K5"
    return "T"


def zen_table() -> dict[str, Any]:
    """The same rule as the ZEN engine's decision table."""
    owner = "owned and zone and residential and not absent"
    rules = [
        ("special != ''", "K1"),
        (f"local and {owner} and household and same", "K1"),
        (f"local and {owner}", "K2"),
        ("local and none and sole and leased", "K3"),
        (f"not local and {owner}", "K4"),
        ("not local and none and sole and leased and filed < 20260101 and job", "K5"),
        ("", "T"),
    ]
    node = {
        "hitPolicy": "first",
        "passThrough": False,
        "inputs": [{"id": "when", "name": "", "field": ""}],
        "outputs": [{"id": "then", "name": "", "field": "category"}],
        "rules": [{"_id": str(i), "when": w, "then": f"'{c}'"} for i, (w, c) in enumerate(rules)],
    }
    at = {"x": 0, "y": 0}
    return {
        "contentType": "application/vnd.gorules.decision",
        "nodes": [
            {"id": "i", "name": "i", "type": "inputNode", "position": at, "content": {}},
            {"id": "t", "name": "t", "type": "decisionTableNode", "position": at, "content": node},
            {"id": "o", "name": "o", "type": "outputNode", "position": at, "content": {}},
        ],
        "edges": [
            {"id": "1", "sourceId": "i", "targetId": "t", "type": "edge"},
            {"id": "2", "sourceId": "t", "targetId": "o", "type": "edge"},
        ],
    }


def for_zen(f: dict[str, Any]) -> dict[str, Any]:
    return {
        "local": f["child.hukou_district"] == "kuiwen",
        "household": f["child.with_guardian_household"],
        "owned": f["dwelling.owned_by_family"],
        "zone": f["dwelling.in_zone"],
        "residential": f["dwelling.residential"],
        "same": f["dwelling.address_equals_hukou"],
        "absent": f["family.reported_absent"],
        "special": f["family.special_group"],
        "none": f["family.no_dwelling_in_core"],
        "sole": f["lease.sole"],
        "leased": f["lease.in_zone"],
        "filed": int(f["lease.filed_on"].strftime("%Y%m%d")),
        "job": f["job.in_district"],
    }


COMPLETE: dict[str, Any] = {
    "child.with_guardian_household": True, "dwelling.owned_by_family": False, "dwelling.in_zone": False,
    "dwelling.residential": False, "dwelling.address_equals_hukou": False, "family.no_dwelling_in_core": False,
    "lease.sole": False, "lease.in_zone": False, "lease.filed_on": date(2025, 6, 1), "job.in_district": False,
    "child.hukou_district": "kuiwen", "family.special_group": "", "family.reported_absent": False,
    "child.born_on": date(2020, 3, 15), "child.already_enrolled": False,
}  # fmt: skip


def city(sheets: Sequence[FactSheet]) -> list[Family]:
    """So many families, of every kind that the golden cases know, in twenty schools, with dates of their own."""
    draw = random.Random(20190710)
    families = []
    for i in range(FAMILIES):
        facts = dict(draw.choice(sheets))
        facts["child.hukou_entry_on"] = Fact(date.fromordinal(draw.randrange(737_000, 739_800)), "PS2")
        facts["lease.months"] = Fact(draw.randrange(1, 40), "HC2")
        school = f"school {draw.randrange(20):02}"
        families.append(Family(str(i), facts, {"school": school, "kind": "owner" if draw.random() < 0.6 else "tenant"}))
    return families


def main() -> None:
    console = Console()
    table = Table(title="Verdicts per second of CPU time, one core")
    for column in ("policy", "verdicts", f"of {PLAIN:,}", "with full explanations", f"of {EXPLAINED:,}"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for title, name in NINE.items():
        policy, sheets = loaded(name)

        def told(facts: FactSheet, policy: Policy = policy) -> None:
            sheet = Sheet(facts)
            explain(policy, sheet, decide(policy, sheet), "zh", date(policy.season, 7, 16))

        plain, full = rate(lambda facts, policy=policy: decide(policy, facts), sheets), rate(told, sheets)
        table.add_row(title, f"{plain:,.0f}", f"{plain / PLAIN:.1f}×", f"{full:,.0f}", f"{full / EXPLAINED:.1f}×")
    console.print(table)

    policy, sheets = loaded("kuiwen-primary")
    known = [{**COMPLETE, **{n: f.value for n, f in s.items() if f.value is not None}} for s in sheets]
    complete = [{n: Fact(v, "NR1") for n, v in values.items()} for values in known]
    mine = [decide(policy, facts) for facts in complete]
    assert all(v.state == "ineligible" or v.category == by_hand(k) for v, k in zip(mine, known, strict=True))
    ours, hand = rate(lambda facts: decide(policy, facts), complete), rate(by_hand, known)
    peers = Table(title="Kuiwen's five batches, all facts known, category only")
    for column in ("engine", "verdicts/s", "ours to it"):
        peers.add_column(column, justify="left" if column == "engine" else "right")
    peers.add_row("ruxue.policy (unknowns, all grounds, tie-breakers)", f"{ours:,.0f}", "1.00×")
    peers.add_row("a hand-written function (the limit)", f"{hand:,.0f}", f"{ours / hand:.2f}×")
    try:
        import zen
    except ImportError:
        peers.add_row("ZEN engine: not installed (pip install --group bench)", "–", "–")
    else:
        decision = zen.ZenEngine().create_decision(json.dumps(zen_table()))
        inputs = [for_zen(values) for values in known]
        for values, facts in zip(known, inputs, strict=True):
            assert decision.evaluate(facts)["result"]["category"] == by_hand(values)
        other = rate(decision.evaluate, inputs)
        peers.add_row("ZEN engine, decision table (Rust)", f"{other:,.0f}", f"{ours / other:.2f}×")
    console.print(peers)

    old, _ = loaded("kuiwen-primary-six")
    families, calls = city(sheets), 0

    def progress(done: int, total: int) -> None:
        nonlocal calls
        calls += 1

    started = time.perf_counter()
    found = what_if(old, policy, families, {f"school {i:02}": 1200 for i in range(20)}, progress)
    spent = time.perf_counter() - started
    console.print(
        f"What if {FAMILIES:,} families came under the five batches instead of the six: {spent:.1f} s by the clock "
        f"({WHAT_IF / spent:.1f}× faster than the {WHAT_IF:.0f} s allowed), progress told {calls} times; "
        f"{len(found.changed):,} families see a change, {len(found.won):,} win a seat and {len(found.lost):,} lose one."
    )
    console.print("Repeat: python benchmarks/policy.py")


if __name__ == "__main__":
    main()
