"""Admission notices: how long 10,000 of them take, signed, with QR code, as PDF; and how fast the public page checks one.

The limit measured in the same run is Typst alone: the same page compiled again and again without signature, QR code and
data of its own. Repeat: python benchmarks/notices.py [--notices 10000] [--processes 2]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ruxue.settings")
os.environ.setdefault("RUXUE_DEMO", "1")
os.environ.setdefault("RUXUE_MASTER_KEY", "00" * 32)


def start() -> None:
    """Django with no database: nothing here asks it."""
    import django

    django.setup()


def notice(n: int) -> Any:
    """A notice as the database would give it."""
    from datetime import UTC, datetime

    from ruxue.admissions import notices

    district = SimpleNamespace(name_zh="奎文区")
    school = SimpleNamespace(
        name_zh="胜利东小学", name_en="Shengli East", district=district, address="胜利东街", phone="0536-5550000"
    )
    row = SimpleNamespace(child_name=f"测试{n % 97:02d}", receipt=f"R{n:09d}", state="accepted")
    season = SimpleNamespace(key="season", year=2026)
    offer = SimpleNamespace(application=row, school=school, school_id="KW01", round=SimpleNamespace(season=season))
    made = SimpleNamespace(number=f"N{n:020d}", offer=offer, issued_at=datetime(2026, 7, 22, tzinfo=UTC), signature="")
    made.signature = notices.sign_notice(made)  # type: ignore[arg-type]
    return made


def print_some(numbers: range) -> int:
    """Bytes of these notices' pages."""
    from ruxue.admissions import notices

    return sum(len(notices.pdf(made, f"https://example.cn/n/{made.number}")) for made in map(notice, numbers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notices", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    wanted = parser.parse_args()
    start()
    from ruxue.admissions import notices

    one = notice(0)
    notices.pdf(one, "https://example.cn/n/0")
    began = time.perf_counter()
    for _ in range(200):
        notices.pdf(one, "https://example.cn/n/0")
    bare = (time.perf_counter() - began) / 200
    began = time.perf_counter()
    checked = sum(notices.is_genuine(one) for _ in range(2_000))
    check = (time.perf_counter() - began) / 2_000
    step = -(-wanted.notices // (wanted.processes * 8))
    parts = [range(a, min(a + step, wanted.notices)) for a in range(0, wanted.notices, step)]
    began = time.perf_counter()
    spawn = multiprocessing.get_context("spawn")  # Typst has threads, which a fork would leave behind locked
    with ProcessPoolExecutor(wanted.processes, spawn, start) as pool:
        size = sum(pool.map(print_some, parts))
    whole = time.perf_counter() - began
    assert checked == 2_000
    print(f"{'':34}{'ms each':>10}{'seconds':>10}")
    print(f"{'the same page again (limit)':34}{1000 * bare:>10.1f}{wanted.notices * bare / wanted.processes:>10.0f}")
    print(
        f"{f'{wanted.notices} notices, {wanted.processes} processes':34}{1000 * whole / wanted.notices:>10.1f}{whole:>10.0f}"
    )
    print(f"{'check of a signature':34}{1000 * check:>10.2f}")
    print(
        f"ratio to the limit {whole / (wanted.notices * bare / wanted.processes):.2f}; {size / wanted.notices / 1000:.0f} kB each"
    )
    print(f"repeat: python benchmarks/notices.py --notices {wanted.notices} --processes {wanted.processes}")


if __name__ == "__main__":
    main()
