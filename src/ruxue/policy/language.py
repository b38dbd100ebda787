"""Policies as data: pydantic models of a YAML document, and errors that name line, key and likely fix."""

from __future__ import annotations

import difflib
import hashlib
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import rfc8785
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ruxue.policy.facts import FORBIDDEN, VOCABULARY

_PARAMETER = re.compile(r"\$\{(\w+)\}")


class PolicyError(ValueError):
    """A policy that can't be used; `line` is where, `zh`/`en` say what is wrong and the likely fix."""

    def __init__(self, line: int | None, zh: str, en: str) -> None:
        super().__init__(f"line {line}: {en}" if line else en)
        self.line, self.zh, self.en = line, zh, en


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Strict):
    zh: str
    en: str


def _known_fact(name: Any) -> Any:
    if name in FORBIDDEN:
        raise ValueError(f"forbidden|{FORBIDDEN[name][0]}|{FORBIDDEN[name][1]}")
    if name not in VOCABULARY:
        near = difflib.get_close_matches(str(name), VOCABULARY, 1)
        hint_zh = f"，是否为 {near[0]}" if near else ""
        hint_en = f"; did you mean {near[0]}" if near else ""
        raise ValueError(f"unknown|没有名为 {name} 的事实{hint_zh}|there is no fact named {name}{hint_en}")
    return name


FactName = Annotated[str, BeforeValidator(_known_fact)]
Scalar = bool | int | date | str


class Condition(Strict):
    """A tree of all/any/not over leaves; a leaf names one fact and one comparison."""

    all: list[Condition] | None = None
    any: list[Condition] | None = None
    negated: Condition | None = Field(None, alias="not")
    fact: FactName | None = None
    is_: bool | None = Field(None, alias="is")
    equals: Scalar | None = None
    one_of: list[Scalar] | None = None
    before: date | None = None
    on_or_before: date | None = None
    on_or_after: date | None = None
    at_least: int | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        forms = [f for f in ("all", "any", "negated", "fact") if getattr(self, f) is not None]
        if len(forms) != 1:
            raise ValueError("form|每个条件只能写 all、any、not、fact 之一|a condition has exactly one of all, any, not, fact")
        tests = [t for t in TESTS if getattr(self, t) is not None]
        if (self.fact is not None) != (len(tests) == 1):
            raise ValueError(
                "form|fact 后面要写且只写一个比较（is、equals、one_of、before、on_or_before、on_or_after、at_least）|"
                "a fact needs exactly one comparison (is, equals, one_of, before, on_or_before, on_or_after, at_least)"
            )
        return self


TESTS = ("is_", "equals", "one_of", "before", "on_or_before", "on_or_after", "at_least")


class Category(Strict):
    """One category (批次). `bases` are alternative grounds, each a condition; any one is enough."""

    code: str
    title: Text
    bases: list[Basis] = Field(min_length=1)


class Basis(Strict):
    title: Text
    when: Condition


class Order(Strict):
    """A tie-breaker inside a category: the better value first, a missing one last."""

    fact: FactName
    better: Literal["earlier", "later", "larger", "smaller"]


class Policy(Strict):
    """A district's rule of one season and level."""

    id: str
    version: int
    district: str
    level: Literal["primary", "junior"]
    season: int
    title: Text
    source: Text
    note: Text | None = None
    parameters: dict[str, Scalar | list[Scalar]] = Field(default_factory=dict)
    eligible: Condition
    categories: list[Category] = Field(min_length=1)
    order: list[Order]
    coordinate: Text = Field(description="the last category, for every child of age whom no category above takes")

    @model_validator(mode="after")
    def _codes(self) -> Policy:
        codes = [c.code for c in self.categories]
        if len(set(codes)) != len(codes) or COORDINATE in codes:
            raise ValueError(f"codes|类别代码重复或用了保留字 {COORDINATE}|category codes repeat or use the reserved {COORDINATE}")
        return self


Category.model_rebuild()
COORDINATE = "T"


def load(text: str, season: int | None = None) -> Policy:
    """Reads a policy from YAML. `season` moves a policy with dates given by parameters to another year.

    `${name}` stands for a parameter, `${season}` for the year. Raises PolicyError.
    """
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise PolicyError(line, f"YAML 写法有误：{error}", f"this is not valid YAML: {error}") from error
    if not isinstance(raw, dict):
        raise PolicyError(1, "文件应是一组“键: 值”", "the file must be a mapping of keys to values")
    if season is not None:
        raw["season"] = season
    year = raw.get("season")
    known = {k: _fill(v, {"season": year}, tree, []) for k, v in (raw.get("parameters") or {}).items()}
    raw["parameters"] = known
    filled = {k: (v if k == "parameters" else _fill(v, {**known, "season": year}, tree, [k])) for k, v in raw.items()}
    try:
        return Policy.model_validate(filled)
    except ValidationError as error:
        first = error.errors()[0]
        line = _line(tree, [p for p in first["loc"]])
        key = ".".join(str(p) for p in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if message.count("|") == 2:
            kind, zh, en = message.split("|")
            if kind == "forbidden":
                zh, en = f"法规不允许使用：{zh}", f"the law forbids this: {en}"
            raise PolicyError(line, f"{key}：{zh}", f"{key}: {en}") from error
        raise PolicyError(line, f"{key}：{message}", f"{key}: {message}") from error


def load_file(path: Path, season: int | None = None) -> Policy:
    return load(path.read_text(encoding="utf-8"), season)


def digest(policy: Policy) -> str:
    """SHA-256 (hex) of the policy's canonical JSON: what a publication and each verdict name."""
    return hashlib.sha256(rfc8785.dumps(policy.model_dump(mode="json", by_alias=True, exclude_none=True))).hexdigest()


def _fill(value: Any, known: dict[str, Any], tree: Any, path: list[Any]) -> Any:
    if isinstance(value, dict):
        return {k: _fill(v, known, tree, [*path, k]) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, known, tree, [*path, i]) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value
    whole = _PARAMETER.fullmatch(value)

    def look(name: str) -> Any:
        match = re.fullmatch(r"season_minus_(\d+)", name)
        if match and known.get("season") is not None:
            return int(known["season"]) - int(match[1])
        if name not in known:
            raise PolicyError(_line(tree, path), f"没有定义参数 {name}", f"the parameter {name} is not defined")
        return known[name]

    if whole:
        return look(whole[1])
    text = _PARAMETER.sub(lambda m: str(look(m[1])), value)
    return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text


def _line(node: Any, path: list[Any]) -> int | None:
    line = None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if found is None:
                continue
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line
