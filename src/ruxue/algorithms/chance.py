"""How likely a seat is, by doing the allocation over with other lots: nothing is estimated, the runs are counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruxue.algorithms.allocation import Ints, Market, allocate

WORDS = ((95, "very_likely"), (65, "likely"), (35, "even"), (5, "unlikely"), (0, "very_unlikely"))
"""From how many of a hundred runs on a word is used."""


def reruns(market: Market, runs: int, seed: int) -> Ints:
    """How often each option (O) of the market won the seat in `runs` allocations with fresh tickets.

    The same market, runs and seed give the same counts. The market's own tickets don't count. Raises ValueError where
    `runs` is not positive, and what `allocate` raises.
    """
    if runs < 1:
        raise ValueError("at least one run")
    lots = np.random.default_rng(seed)
    count = np.zeros(len(market.school), np.int64)
    rows = len(market.school) if market.option_tickets else len(market.start) - 1
    for _ in range(runs):
        tickets = lots.integers(0, 2**64, (rows, 2), np.uint64)
        got = allocate(replace(market, tickets=tickets)).option
        count[got[got >= 0]] += 1
    return count


def word(times: int, runs: int) -> str:
    """The word for `times` seats in `runs` runs: very_likely, likely, even, unlikely or very_unlikely."""
    return next(name for least, name in WORDS if 100 * times >= least * runs)
