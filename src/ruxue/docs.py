"""Generates docs/states.md, docs/tables.md and docs/policy.schema.json from the code; `--check` fails where they are stale."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def states() -> str:
    from ruxue.applications.states import CHANGES, diagram

    rows = "\n".join(
        f"| {c.name} | {', '.join(sorted(c.sources))} | {c.target} | {', '.join(sorted(c.actors))} |"
        for c in CHANGES.values()
    )
    return (
        "# States of an application\nGenerated from `src/ruxue/applications/states.py` by `make diagrams`.\n\n```mermaid\n"
        f"{diagram()}```\n\n| change | from | to | by |\n|---|---|---|---|\n{rows}\n"
    )


def tables() -> str:
    from django.apps import apps

    lines = ["# Tables", "Generated from the models by `make diagrams`.", "", "```mermaid", "erDiagram"]
    listed = []
    for config in sorted((c for c in apps.get_app_configs() if c.name.startswith("ruxue.")), key=lambda c: c.name):
        for model in config.get_models():
            name = model.__name__
            listed.append((config.label, name, (model.__doc__ or "").strip().split("\n")[0]))
            lines += [
                f"    {f.related_model.__name__} ||--o{{ {name} : {f.name}"
                for f in model._meta.get_fields()
                if f.many_to_one and f.concrete and f.related_model
            ]
    lines += ["```", "", "| app | table | meaning |", "|---|---|---|"]
    lines += [f"| {app} | {name} | {'' if text.startswith(name + '(') else text} |" for app, name, text in listed]
    return "\n".join(lines) + "\n"


def policy_schema() -> str:
    import json

    from ruxue.policy.schema import schema

    return json.dumps(schema(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> int:
    """Writes the pages, or with --check tells which are stale. Returns the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ruxue.settings")
    import django

    django.setup()
    stale = []
    for name, text in (
        ("states.md", states()),
        ("tables.md", tables()),
        ("policy.schema.json", policy_schema()),
    ):
        path = DOCS / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
    from ruxue import embedded

    embedded.stop()
    if stale:
        print(f"✗ docs/{', docs/'.join(stale)} no longer fit the code: run make diagrams")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
