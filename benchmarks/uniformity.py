"""Is everyone equally likely in every class, and do pairs that no rule ties meet equally often? Chi-square tests.

Run: python benchmarks/uniformity.py [--seeds N]

For each list the draw is made with seeds 0, 1, 2 …. *pupil x class*: observed against seeds/K in each cell; as the sizes
are fixed, the sum is scaled by (n-1)/n and has (n-1)(K-1) degrees of freedom. *pairs* of pupils whom the rules treat
alike: meetings against the mean of all pairs of the same two sorts; its p-value comes from 999 random exchanges of the
pupils of each sort in each draw, since the meetings of pairs are not independent. The last column is the range, over
pairs of sorts, of how often two pupils meet: what the rules themselves bring about.
"""

from __future__ import annotations

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import chi2

from ruxue.algorithms import balance
from ruxue.algorithms.draw import Stream


def lists() -> dict[str, tuple[list[dict], dict]]:
    plain = [
        {"code": f"P{i:02d}", "sex": i % 2, "age": 72 + i // 2 % 6, "special": int(i in (4, 5))} for i in range(24)
    ]
    twins = [dict(e) for e in plain]
    for i, name in ((0, "T1"), (2, "T1"), (1, "T2"), (3, "T2")):
        twins[i]["group"] = name
    return {
        "no rule": (plain, {"classes": 3}),
        "sex": (plain, {"classes": 3, "balance": ["sex"]}),
        "sex, age": (plain, {"classes": 3, "balance": ["sex"], "mean": "age"}),
        "twins, limit, pair apart": (
            twins,
            {
                "classes": 3,
                "balance": ["sex", "special"],
                "mean": "age",
                "limit": [{"attribute": "special", "level": 1, "most": 1}],
                "forbidden": [["P06", "P07"]],
            },
        ),
    }


def sorts(entries: list[dict], rules: dict) -> np.ndarray:
    """A number for each pupil, equal for those whom the rules treat alike."""
    used = [*rules.get("balance", []), *([rules["mean"]] if "mean" in rules else [])]
    tied = {code for pair in rules.get("forbidden", []) for code in pair}
    keys = [
        (tuple(e[a] for a in used), e["code"] if e["code"] in tied or "group" in e else "", len(used)) for e in entries
    ]
    return np.array([sorted(set(keys)).index(key) for key in keys])


def meetings(classes: np.ndarray) -> np.ndarray:
    """How often each two pupils are in one class; `classes` is draws × pupils."""
    n = classes.shape[1]
    together = np.zeros((n, n))
    for c in np.unique(classes):
        here = (classes == c).astype(np.float32)
        together += here.T @ here
    return together


def unevenness(together: np.ndarray, sort: np.ndarray) -> float:
    """Sum over pairs of sorts of (meetings - their mean)² / mean."""
    first, second = np.triu_indices(len(sort), 1)
    low, high = np.minimum(sort[first], sort[second]), np.maximum(sort[first], sort[second])
    key, seen = low * len(sort) + high, together[first, second]
    numbers = np.bincount(key)
    mean = np.bincount(key, seen) / np.maximum(numbers, 1)
    return float(((seen - mean[key]) ** 2 / np.maximum(mean[key], 1)).sum())


def mixed(classes: np.ndarray, sort: np.ndarray, random: np.random.Generator) -> np.ndarray:
    made = classes.copy()
    for s in np.unique(sort):
        same = np.flatnonzero(sort == s)
        made[:, same] = random.permuted(classes[:, same], axis=1)
    return made


def examine(entries: list[dict], rules: dict, seeds: int, shuffles: int = 999) -> dict[str, float]:
    """p-values of pupil × class and of pairs, and the least and largest share of draws in which two sorts meet."""
    k, n = rules["classes"], len(entries)
    classes = np.empty((seeds, n), np.int8)
    for number in range(seeds):
        placed = balance.assign_classes(entries, rules, Stream(number.to_bytes(32, "big"), "classes"))
        classes[number] = [placed[e["code"]] for e in entries]
    cells = np.stack([(classes == c).sum(axis=0) for c in range(1, k + 1)])
    statistic = float(((cells - seeds / k) ** 2 / (seeds / k)).sum()) * (n - 1) / n
    sort, random = sorts(entries, rules), np.random.default_rng(1)
    together = meetings(classes)
    observed = unevenness(together, sort)
    beyond = sum(unevenness(meetings(mixed(classes, sort, random)), sort) >= observed for _ in range(shuffles))
    first, second = np.triu_indices(n, 1)
    pairs: dict[tuple[int, int], list[float]] = {}
    for a, b in zip(first, second, strict=True):
        pairs.setdefault((min(sort[a], sort[b]), max(sort[a], sort[b])), []).append(together[a, b] / seeds)
    means = [float(np.mean(v)) for v in pairs.values()]
    return {
        "pupil_class": float(chi2.sf(statistic, (n - 1) * (k - 1))),
        "pairs": (beyond + 1) / (shuffles + 1),
        "least": min(means),
        "most": max(means),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10_000)
    seeds = parser.parse_args().seeds
    table = Table("24 pupils in 3 classes", "p, pupil x class", "p, pairs", "two sorts meet", title=f"{seeds:,} seeds")
    for name, (entries, rules) in lists().items():
        found = examine(entries, rules, seeds)
        span = f"{found['least']:.3f} - {found['most']:.3f}"
        table.add_row(name, f"{found['pupil_class']:.3f}", f"{found['pairs']:.3f}", span)
    console = Console()
    console.print(table)
    console.print(f"again: python benchmarks/uniformity.py --seeds {seeds}")


if __name__ == "__main__":
    main()
