"""The verifier's JavaScript, asked in one Node process for a whole batch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_BATCH = Path(__file__).parents[2] / "frontend" / "tests" / "verifier-batch.mjs"


def ask(requests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers of frontend/tests/verifier-batch.mjs, one for each request. Without Node there is no front end at all."""
    node = shutil.which("node", path=os.environ["PATH"] + os.pathsep + str(Path(sys.executable).parent))
    assert node, "Node is needed: run make setup, which installs it where there is none"
    lines = "".join(json.dumps(r) + "\n" for r in requests)
    done = subprocess.run([node, str(_BATCH)], input=lines, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]
