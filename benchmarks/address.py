"""Addresses: how well they are parsed and compared by kind of difference, and how fast.

    python benchmarks/address.py [--pairs N]

The limit is rapidfuzz.fuzz.ratio on the same strings in the same run: similarity in C++, which decides nothing. It
comes with the dependency group `bench` (pip install rapidfuzz).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.algorithms import address_pairs, address_sets, identity_pairs

from ruxue.algorithms import address, address_levels
from ruxue.algorithms.address import Aliases, compare
from ruxue.algorithms.identity import compare_names, compare_papers

console = Console(width=110)


def parsing() -> None:
    table = Table(
        "addresses", "count", "all levels right", "F1", *address_levels.LEVELS, title="Parsing, labelled by hand"
    )
    for name in address_sets.SETS:
        rows = address_sets.labelled(name)
        f1, by_level, wrong = address_sets.score(rows)
        table.add_row(
            name,
            str(len(rows)),
            f"{1 - len(wrong) / len(rows):.1%}",
            f"{f1:.4f}",
            *(f"{by_level[k]:.3f}" if k in by_level else "-" for k in address_levels.LEVELS),
        )
    Console(width=200).print(table)


def retyping() -> None:
    table = Table(
        "typed otherwise", "pairs", "equal", title="The hand-labelled addresses, as somebody else would type them"
    )
    pairs = [
        (how, compare(a, b).verdict)
        for name in address_sets.SETS
        for how, a, b in address_sets.retyped(name)
        if compare(a, a).verdict == "equal"
    ]
    for how in dict.fromkeys(h for h, _ in pairs):
        results = [v for h, v in pairs if h == how]
        table.add_row(how, str(len(results)), f"{results.count('equal') / len(results):.1%}")
    console.print(table)


def verdicts(title: str, rows: list[tuple[str, str, str]]) -> None:
    """A table of (kind, wanted verdict, verdict)."""
    table = Table("kind of difference", "pairs", "wanted", "right", "most often instead", title=title)
    kinds: dict[str, list[tuple[str, str]]] = {}
    for kind, wanted, got in rows:
        kinds.setdefault(kind, []).append((wanted, got))
    for kind, results in kinds.items():
        wanted = Counter(w for w, _ in results)
        wrong = Counter(g for w, g in results if w != g).most_common(1)
        right = sum(w == g for w, g in results) / len(results)
        table.add_row(
            kind,
            str(len(results)),
            "/".join(wanted),
            f"{right:.1%}",
            f"{wrong[0][0]} ({wrong[0][1]})" if wrong else "",
        )
    said = sum(g == "equal" for _, _, g in rows)
    true = sum(w == "equal" for _, w, _ in rows)
    both = sum(w == g == "equal" for _, w, g in rows)
    console.print(table)
    console.print(
        f"  equal: precision {both / said:.5f} ({said - both} of {said} wrong), recall {both / true:.5f} of {true}\n"
    )


def city(count: int, rng: random.Random) -> list[tuple[str, str]]:
    """Distinct pairs of one city in the usual notations: 3,000 compounds, each in three spellings of its place."""
    names = [
        f"{a}{b}"
        for a in ["阳光", "新华", "金色", "书香", "翡翠", "东方", "滨河", "紫荆", "锦绣", "世纪"]
        for b in ["花园", "家园", "嘉苑", "小区", "华庭", "公馆"]
    ]
    roads = ["东风东街", "胜利东街", "健康东街", "文化路", "新华路", "四平路", "虞河路", "北海路", "志远路", "金马路"]
    places = [(rng.choice(roads), rng.randint(1, 999), rng.choice(names)) for _ in range(3000)]
    pairs: dict[tuple[str, str], None] = {}
    while len(pairs) < count:
        road, number, name = rng.choice(places)
        b, u, r = rng.randint(1, 60), rng.randint(1, 6), rng.randint(1, 33) * 100 + rng.randint(1, 4)
        other = r if rng.random() < 0.5 else r + 1
        up = rng.choice(["奎文区", "潍坊市奎文区", "山东省潍坊市奎文区"])
        mine = rng.choice([f"{b}-{u}-{other}", f"{b}栋{u}单元{other}", f"{b}#楼{u}单元{other}室"])
        pairs[f"奎文区{road}{number}号{name}{b}号楼{u}单元{r}室", f"{up}{road}{number}号{name}{mine}"] = None
    return list(pairs)


def clear() -> None:
    for cached in (address._head_keys, address._slow_keys, address._key, address_levels.read, address_levels.tail):
        cached.cache_clear()


def rate(pairs: list[tuple[str, str]], what: object) -> float:
    """Comparisons a second of this process's time."""
    aliases = Aliases(address_pairs.ALIASES)
    start = time.process_time()
    if what is compare:
        for a, b in pairs:
            compare(a, b, aliases)
    else:
        for a, b in pairs:
            what(a, b)  # type: ignore[operator]
    return len(pairs) / (time.process_time() - start)


def speed(count: int) -> None:
    try:
        from rapidfuzz.fuzz import ratio
    except ImportError:
        console.print(
            "rapidfuzz isn't installed (pip install rapidfuzz); without it there is no limit to compare with."
        )
        sys.exit(1)
    usual = city(count, random.Random(1))
    mixed = [(p.a, p.b) for p in address_pairs.generate(max(2400, count // 20), seed=2)]
    table = Table("texts", "pairs", "comparisons/s", "rapidfuzz ratio/s", "of the limit", title="Speed on one core")
    for title, pairs, warm in (
        ("one city, usual notations, all new", usual, False),
        ("every kind of the labelled set, all new", mixed, False),
        ("the same, seen before", mixed, True),
    ):
        if not warm:
            clear()
        mine, limit = rate(pairs, compare), rate(pairs, ratio)
        table.add_row(title, f"{len(pairs):,}", f"{mine:,.0f}", f"{limit:,.0f}", f"{mine / limit:.0%}")
    console.print(table)
    clear()
    texts = [t for t, _ in address_sets.labelled("addresses_heldout.txt")]
    start = time.process_time()
    for text in texts:
        address_levels.split(text)
    console.print(f"  parsing, all new: {len(texts) / (time.process_time() - start):,.0f} addresses/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200_000, help="pairs of the speed test")
    count = parser.parse_args().pairs
    aliases = Aliases(address_pairs.ALIASES)
    parsing()
    retyping()
    pairs = [*address_pairs.generate(), *address_pairs.by_hand()]
    verdicts("Addresses", [(p.kind, p.verdict, compare(p.a, p.b, aliases).verdict) for p in pairs])
    verdicts("Names", [(p.kind, p.verdict, compare_names(p.a, p.b).verdict) for p in identity_pairs.names()])
    verdicts(
        "Papers' numbers", [(p.kind, p.verdict, compare_papers(p.a, p.b).verdict) for p in identity_pairs.papers()]
    )
    speed(count)
    console.print("\nRepeat with: python benchmarks/address.py")
