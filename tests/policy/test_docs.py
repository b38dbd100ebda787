"""The reference manual says what the language does: every example is executed, every construct has one."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from ruxue.policy.cases import differences, read, sheet
from ruxue.policy.engine import decide
from ruxue.policy.explain import explain, render_policy, say_points
from ruxue.policy.facts import VOCABULARY
from ruxue.policy.language import FITTING, KEYS, PolicyError, load
from ruxue.policy.records import KIND_NAMES
from ruxue.policy.schema import schema

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
BLOCKS = [(m[1], m[2].rstrip("\n")) for m in re.finditer(r"^```(\w*[^\n]*)\n(.*?)^```$", MANUAL, re.M | re.S)]
WHOLE = next(text for kind, text in BLOCKS if kind == "yaml")


def written(example: str) -> str:
    """The whole policy with the example's top-level keys in place of its own."""
    return yaml.dump({**yaml.safe_load(WHOLE), **yaml.safe_load(example)}, allow_unicode=True, sort_keys=False)


def claims() -> list[Any]:
    """(example, kind, text) for every block that says something of the example above it."""
    found, example = [], WHOLE
    for i, (kind, text) in enumerate(BLOCKS):
        if kind == "yaml":
            example = text
        elif kind:
            found.append(pytest.param(example, kind, text, id=f"{i}: {kind}"))
    return found


@pytest.mark.parametrize(("example", "kind", "expected"), claims())
def test_an_example_says_what_the_manual_says(example: str, kind: str, expected: str) -> None:
    verb, _, more = kind.partition(" ")
    if verb == "fails":
        with pytest.raises(PolicyError) as caught:
            load(written(example))
        assert caught.value.en == expected
        return
    policy = load(written(example), int(more) if more.isdigit() else None)
    if verb in ("decides", "asks"):
        given, wanted = expected.split("→ ")
        facts = sheet(yaml.safe_load(given))
        verdict = decide(policy, facts, final=more == "final")
        if verb == "asks":
            ask = explain(policy, facts, verdict, "en").asks[0]
            assert f"{ask.todo}; bring: {', '.join(ask.papers)}" == wanted
            return
        said = f"{verdict.state} {verdict.category}".strip()
        said += f", {say_points(verdict.total)} points" if verdict.total is not None else ""
        assert said + (f", asks {', '.join(verdict.needed)}" if verdict.needed else "") == wanted
        return
    public = render_policy(policy, "en")
    shown: dict[str, Any] = {
        "says": public.eligible,
        "orders": public.order,
        "points": [line.strip("　") for line in public.points],
        "rules": public.rules,
        "notes": public.categories[0].notes,
        "grounds": [line for _, lines in public.categories[0].bases for line in lines],
    }
    assert shown[verb] == expected.splitlines()


def test_no_example_stands_unchecked() -> None:
    kinds = {kind.split()[0] for kind, _ in BLOCKS if kind}
    assert kinds == {
        "yaml", "says", "decides", "orders", "fails", "points", "rules", "notes", "grounds", "asks",
    }  # fmt: skip
    assert len(claims()) >= 40
    assert load(WHOLE).assumed


def test_the_manuals_cases_hold() -> None:
    text = next(text for kind, text in BLOCKS if not kind)
    book = read(text)
    assert len(book.cases) == 2
    assert [differences(load(WHOLE), case) for case in book.cases] == [[], []]


def test_every_construct_has_an_example() -> None:
    examples = "\n".join(text for kind, text in BLOCKS if kind == "yaml")
    assert [key for key in KEYS if not re.search(rf"\b{key}:", examples)] == []
    assert all(f"`{test.rstrip('_')}`" in MANUAL for tests in FITTING.values() for test in tests)


def test_the_vocabulary_is_documented_as_it_is() -> None:
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (\w+) \| (.*?) \| (.*?) \| (.*?) \|$", MANUAL, re.M)
    assert rows == [(n, KIND_NAMES[t.kind], ", ".join(t.items), t.zh, t.en) for n, t in VOCABULARY.items()]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value.isoformat() if isinstance(value, date) else value


def test_the_published_schema_fits_every_policy_and_example_and_refuses_errors() -> None:
    published = json.loads((ROOT / "docs" / "policy.schema.json").read_text(encoding="utf-8"))
    assert published == schema()
    judge = jsonschema_rs.validator_for(published)
    for path in sorted((ROOT / "policies").glob("*.yaml")):
        faults = list(judge.iter_errors(_plain(yaml.safe_load(path.read_text(encoding="utf-8")))))
        assert not faults, f"{path.name}: {faults[0].message[:200]}"
    for i, (kind, text) in enumerate(BLOCKS):
        if kind == "yaml" and BLOCKS[i + 1][0] != "fails":
            assert judge.is_valid(_plain(yaml.safe_load(written(text)))), text
    whole = _plain(yaml.safe_load(WHOLE))
    for key, wrong in {"eligible": {"fact": "lease.soul", "is": True}, "levl": "primary", "level": "middle"}.items():
        assert not judge.is_valid({**whole, key: wrong})
