"""The verifier's page in a phone-sized browser against Python, on the same bundles in the same run.

    python benchmarks/verifier.py [--runs 3]

For each instance: Python's `verify_bundle` from the file's bytes, the page in a Chromium of 390 × 844 as it is, and with
its processor slowed down four times (a cheap phone). The page's time runs from opening the file to the verdict.
Least of the runs. The promise is 3 s for 2,000 pupils in 40 classes; the last column is the page's share of it.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from ruxue.algorithms import bundle, canonical, draw, merkle

PAGE = Path(__file__).parents[1] / "src" / "ruxue" / "web" / "static" / "dist" / "verifier.html"
PROMISE = 3.0
WITNESSES = [{"id": code, "role": code} for code in ("parent", "committee", "bureau")]


def pupils(count: int, rng: random.Random) -> list[dict[str, Any]]:
    """Sex, age in months, an attribute of 4 levels and one of 12, 3 % special needs; 1 % twins."""
    rows = [
        {
            "code": f"K{i:06d}",
            "sex": rng.randrange(2),
            "age_months": rng.randint(72, 83),
            "category": rng.choices(range(4), (55, 25, 15, 5))[0],
            "origin": rng.choices(range(12), range(1, 13))[0],
            "special": int(rng.random() < 0.03),
        }
        for i in range(count)
    ]
    for i in range(0, count - 1, 200):
        rows[i]["group"] = rows[i + 1]["group"] = f"T{i}"
    return rows


def classes(count: int, number: int) -> dict[str, Any]:
    balance = ["sex", "special", "category", "origin"]
    rules = {"classes": number, "cap": -(-count // number), "balance": balance, "mean": "age_months"}
    return {"kind": "classes", "rules": rules, "entries": pupils(count, random.Random(count))}


def lottery(count: int, seats: int) -> dict[str, Any]:
    entries = [{"code": f"K{i:06d}"} for i in range(count)]
    return {"kind": "lottery", "rules": {"seats": seats, "group_boundary": "skip"}, "entries": entries}


def publish(part: dict[str, Any]) -> bytes:
    """A whole bundle with witnesses and a log of a thousand entries."""
    manifest = {"protocol": draw.PROTOCOL, "id": "bench", "title": "Benchmark", "witnesses": WITNESSES, **part}
    digest = draw.manifest_digest(manifest)
    secrets = [hashlib.sha256(w["id"].encode()).digest() for w in WITNESSES]
    seed = draw.make_seed(digest, secrets)
    rows = list(zip(WITNESSES, secrets, strict=True))
    at = "2026-08-20T09:00:00+08:00"
    body: dict[str, Any] = {
        "manifest": manifest,
        "commitments": [
            {"witness": w["id"], "value": draw.commitment(digest, w["id"], s).hex(), "time": at} for w, s in rows
        ],
        "reveals": [{"witness": w["id"], "secret": s.hex(), "time": at} for w, s in rows],
        "seed": seed.hex(),
        "result": bundle.build_result(manifest, seed),
    }
    entry = {"kind": "draw", **bundle.ledger_body(body)}
    leaves = [merkle.leaf_hash(canonical.dumps(entry if i == 700 else {"n": i})) for i in range(1000)]
    root, key = merkle.root(leaves).hex(), Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    body["ledger"] = {
        "entry": entry,
        "index": 700,
        "size": 1000,
        "root": root,
        "proof": [p.hex() for p in merkle.inclusion_proof(leaves, 700)],
        "public_key": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
        "signature": key.sign(bundle.head_text(1000, root)).hex(),
    }
    return bundle.to_bytes(body)


def in_python(data: bytes) -> float:
    started = time.perf_counter()
    last = bundle.verify_bundle(data)[-1]
    assert last.ok, last
    return time.perf_counter() - started


def in_page(page: Page, file: Path) -> float:
    page.goto(PAGE.as_uri())
    page.set_input_files("#file", file)
    found = page.locator("#verdict:not([data-state=working])")
    found.wait_for(timeout=120_000)
    assert found.get_attribute("data-state") == "good", found.inner_text()
    return float(found.get_attribute("data-took") or "nan") / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    instances = {
        "classes, 450 pupils in 10": classes(450, 10),
        "classes, 2,000 pupils in 40": classes(2000, 40),
        "lottery, 15,462 children": lottery(15_462, 1522),
    }
    chromium = next(p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n)))
    table = Table("draw", "file", "Python", "page", "page, processor ÷ 4", "page / Python", "page / 3 s")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True).new_page()
        tools = page.context.new_cdp_session(page)
        for name, part in instances.items():
            data = publish(part)
            file = Path(folder) / "bundle.json"
            file.write_bytes(data)
            in_python(data)  # compiles what is compiled
            python = min(in_python(data) for _ in range(runs))
            tools.send("Emulation.setCPUThrottlingRate", {"rate": 1})
            fast = min(in_page(page, file) for _ in range(runs))
            tools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            slow = min(in_page(page, file) for _ in range(runs))
            figures = (f"{python:.2f} s", f"{fast:.2f} s", f"{slow:.2f} s", f"{fast / python:.1f}")
            table.add_row(name, f"{len(data) / 1024:.0f} KB", *figures, f"{100 * fast / PROMISE:.0f} %")
        browser.close()
    console = Console(width=120)
    console.print(table)
    console.print(f"Repeat with: python benchmarks/verifier.py --runs {runs}")


if __name__ == "__main__":
    main()
