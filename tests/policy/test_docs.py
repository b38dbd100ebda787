"""The reference manual says what the language does: every example is executed, every construct has one."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ruxue.policy.engine import decide
from ruxue.policy.explain import render_policy
from ruxue.policy.facts import VOCABULARY, Fact
from ruxue.policy.language import FITTING, KEYS, PolicyError, load

MANUAL = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
BLOCKS = [(m[1], m[2].rstrip("\n")) for m in re.finditer(r"^```(\w[^\n]*)\n(.*?)^```$", MANUAL, re.M | re.S)]
WHOLE = BLOCKS[0][1]


def written(example: str) -> str:
    """The whole policy with the example's top-level keys in place of its own."""
    return yaml.dump({**yaml.safe_load(WHOLE), **yaml.safe_load(example)}, allow_unicode=True, sort_keys=False)


PAIRS = [
    pytest.param(example, *BLOCKS[i + 1], id=f"{i}: {BLOCKS[i + 1][0]}")
    for i, (kind, example) in enumerate(BLOCKS)
    if kind == "yaml" and i > 0
]


@pytest.mark.parametrize(("example", "kind", "expected"), PAIRS)
def test_an_example_says_what_the_manual_says(example: str, kind: str, expected: str) -> None:
    verb, _, year = kind.partition(" ")
    if verb == "fails":
        with pytest.raises(PolicyError) as caught:
            load(written(example))
        assert caught.value.en == expected
        return
    public = render_policy(load(written(example), int(year) if year else None), "en")
    shown: dict[str, Any] = {"says": public.eligible, "orders": public.order}
    assert shown[verb] == expected.splitlines()


@pytest.mark.parametrize(("kind", "text"), [b for b in BLOCKS if b[0].startswith("decides")])
def test_a_family_is_decided_as_the_manual_says(kind: str, text: str) -> None:
    given, expected = text.split("→ ")
    facts = {name: Fact(value, "NR1") for name, value in yaml.safe_load(given).items()}
    verdict = decide(load(WHOLE), facts, final=kind.endswith("final"))
    said = f"{verdict.state} {verdict.category}".strip()
    assert said + (f", asks {', '.join(verdict.needed)}" if verdict.needed else "") == expected


def test_no_example_stands_unchecked() -> None:
    kinds = {kind.split()[0] for kind, _ in BLOCKS}
    assert kinds == {"yaml", "says", "decides", "orders", "fails"}
    assert len(PAIRS) >= 9
    assert load(WHOLE).assumed


def test_every_construct_has_an_example() -> None:
    examples = "\n".join(text for kind, text in BLOCKS if kind == "yaml")
    assert [key for key in KEYS if not re.search(rf"\b{key}:", examples)] == []
    assert all(f"`{test.rstrip('_')}`" in MANUAL for tests in FITTING.values() for test in tests)


def test_the_vocabulary_is_documented_as_it_is() -> None:
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (\w+) \| (.*?) \| (.*?) \| (.*?) \|$", MANUAL, re.M)
    assert rows == [(n, t.kind.__name__, ", ".join(t.items), t.zh, t.en) for n, t in VOCABULARY.items()]
