"""The hand-labelled addresses: `text/label` by segments, as the files in data/ explain."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path

from ruxue.algorithms.address_levels import LEVELS, split

DATA = Path(__file__).with_name("data")
SETS = tuple(f"addresses_{name}.txt" for name in ("dev", "heldout", "heldout2", "heldout3", "heldout4"))
LABELS = dict(zip("pcdtmrnkbufh", LEVELS, strict=True))


def labelled(name: str) -> list[tuple[str, dict[str, str]]]:
    """Addresses with the levels that a person found in them."""
    rows = []
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        text, levels = "", {}
        for segment in line.split():
            piece, _, label = segment.rpartition("/")
            text += piece.replace("_", " ")
            if label != "x":
                levels[LABELS[label]] = unicodedata.normalize("NFKC", piece.replace("_", ""))
        rows.append((text, levels))
    return rows


def retyped(name: str) -> list[tuple[str, str, str]]:
    """Each address of a set as somebody else would type it: how, the text, the other text."""
    full = str.maketrans("0123456789", "０１２３４５６７８９")
    pairs = []
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        pieces = [segment.rpartition("/")[0].replace("_", " ") for segment in line.split()]
        text = "".join(pieces)
        pairs += [
            ("full width", text, text.translate(full)),
            ("person and phone", text, f"{text} 王女士 13800138000"),
            ("spaces around numbers", text, re.sub(r"(\d)(号|栋|幢|座|单元|层|楼|室)", r"\1 \2", text)),
            ("spaces", text, " ".join(p for p in pieces if p.strip())),
        ]
    return pairs


def score(
    rows: list[tuple[str, dict[str, str]]],
) -> tuple[float, dict[str, float], list[tuple[str, dict[str, str], dict[str, str]]]]:
    """F1 over all levels, F1 by level, and what went wrong. A level counts only if its value is right to the sign."""
    right, found, wanted = Counter[str](), Counter[str](), Counter[str]()
    wrong = []
    for text, levels in rows:
        got, _ = split(text)
        right.update(k for k, v in levels.items() if got.get(k) == v)
        found.update(got.keys())
        wanted.update(levels.keys())
        if got != levels:
            wrong.append((text, levels, got))
    by_level = {k: 2 * right[k] / (found[k] + wanted[k]) for k in LEVELS if found[k] + wanted[k]}
    return 2 * right.total() / (found.total() + wanted.total()), by_level, wrong
