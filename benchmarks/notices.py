"""Admission notices: how long 10,000 of them take, signed, with QR code, as PDF; and how fast the public page checks one.

One process, as the platform makes them one by one; times are of the processor. To compare, in the same run: one page
again and again, of which Typst keeps all that it has set before.
Repeat: python benchmarks/notices.py [--notices 10000]
"""

from __future__ import annotations

import argparse
import os
import time
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notices", type=int, default=10_000)
    count = parser.parse_args().notices
    start()
    from ruxue.admissions import notices

    one = notice(0)
    pages = len(notices.pdf(one, "https://example.cn/n/0"))
    began = time.process_time()
    for _ in range(200):
        notices.pdf(one, "https://example.cn/n/0")
    bare = (time.process_time() - began) / 200
    began = time.process_time()
    checked = sum(notices.is_genuine(one) for _ in range(2_000))
    check = (time.process_time() - began) / 2_000
    assert checked == 2_000
    clock, began = time.perf_counter(), time.process_time()
    size = 0
    for made in map(notice, range(count)):
        size += len(notices.pdf(made, f"https://example.cn/n/{made.number}"))
    busy, clock = time.process_time() - began, time.perf_counter() - clock
    assert size > count * pages // 2
    print(f"{'':34}{'ms each':>10}{'seconds':>10}")
    print(f"{'the same page again':34}{1000 * bare:>10.1f}{count * bare:>10.0f}")
    print(f"{f'{count:,} notices':34}{1000 * busy / count:>10.1f}{busy:>10.0f}")
    print(f"{'on the clock':34}{1000 * clock / count:>10.1f}{clock:>10.0f}")
    print(f"{'check of a signature':34}{1000 * check:>10.2f}")
    print(f"ratio {busy / (count * bare):.2f}; {size / count / 1000:.0f} kB each; load {os.getloadavg()[0]:.1f}")
    print(f"Again: python benchmarks/notices.py --notices {count}")


if __name__ == "__main__":
    main()
