"""Policies as data: pydantic models of a YAML document, and errors that name line, key and likely fix."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

from ruxue.policy.facts import DISTRICTS, VOCABULARY, forbidden

_PARAMETER = re.compile(r"\$\{(\w+)\}")
COORDINATE = "T"
"""Code of the last category, coordination by the district (统筹), which takes every child of age."""


class PolicyError(ValueError):
    """A policy that can't be used: `line` (from 1), and in `zh`/`en` key, fault and likely fix."""

    def __init__(self, line: int | None, zh: str, en: str) -> None:
        super().__init__(f"line {line}: {en}" if line else en)
        self.line, self.zh, self.en = line, zh, en


def _wrong(zh: str, en: str) -> ValueError:
    # Pydantic carries one string from a validator: both languages travel in it, `_explained` parts them.
    return ValueError(f"{zh}\x1f{en}")


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt key must not be a condition that nobody checks."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Strict):
    """Words for families, in both languages."""

    zh: str
    en: str


def _allowed(name: Any) -> Any:
    if ban := forbidden(str(name)):
        raise _wrong(f"法规不允许使用 {name}：{ban[0]}", f"the law forbids {name}: {ban[1]}")
    return name


def _known_fact(name: Any) -> Any:
    if str(_allowed(name)) not in VOCABULARY:
        near = difflib.get_close_matches(str(name), VOCABULARY, 1)
        raise _wrong(
            f"没有名为 {name} 的事实{f'，是否为 {near[0]}' if near else ''}",
            f"there is no fact named {name}{f'; did you mean {near[0]}' if near else ''}",
        )
    return name


ParameterName = Annotated[str, BeforeValidator(_allowed)]
FactName = Annotated[str, BeforeValidator(_known_fact)]
Scalar = StrictBool | StrictInt | date | str
TESTS = ("is_", "equals", "in_", "before", "on_or_before", "on_or_after", "at_least", "at_most")
FITTING: dict[type, tuple[str, ...]] = {
    bool: ("is_",),
    str: ("equals", "in_"),
    date: ("before", "on_or_before", "on_or_after"),
    int: ("equals", "at_least", "at_most"),
}


class Condition(Strict):
    """A tree of all/any/not over leaves; a leaf has one fact and one comparison that fits the fact's type."""

    all: list[Condition] | None = Field(None, min_length=1)
    any: list[Condition] | None = Field(None, min_length=1)
    negated: Condition | None = Field(None, alias="not")
    fact: FactName | None = None
    is_: StrictBool | None = Field(None, alias="is")
    equals: StrictInt | str | None = None
    in_: list[StrictInt | str] | None = Field(None, alias="in", min_length=1)
    before: date | None = None
    on_or_before: date | None = None
    on_or_after: date | None = None
    at_least: StrictInt | None = None
    at_most: StrictInt | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        forms = [f for f in ("all", "any", "negated", "fact") if getattr(self, f) is not None]
        if len(forms) != 1:
            raise _wrong(
                "每个条件只能写 all、any、not、fact 之一",
                "a condition has exactly one of all, any, not, fact",
            )
        tests = [t for t in TESTS if getattr(self, t) is not None]
        if self.fact is None:
            if tests:
                raise _wrong("比较要和 fact 写在一起", "a comparison stands beside a fact")
            return self
        fitting = FITTING[VOCABULARY[self.fact].kind]
        words = ", ".join(t.rstrip("_") for t in fitting)
        if len(tests) != 1 or tests[0] not in fitting:
            raise _wrong(
                f"{self.fact} 后面要写且只写一个比较，可用：{words}",
                f"{self.fact} needs exactly one comparison out of: {words}",
            )
        if self.fact == "child.hukou_district":
            _check_districts(self.in_ or [self.equals])
        return self

    @property
    def test(self) -> str:
        """The name of a leaf's comparison, one of TESTS."""
        return next(t for t in TESTS if getattr(self, t) is not None)

    @property
    def parts(self) -> list[Condition]:
        """The conditions inside; empty for a leaf."""
        return self.all or self.any or ([self.negated] if self.negated else [])

    def facts(self) -> Iterator[str]:
        """Names of the facts that the condition looks at, in the rule's order, with repeats."""
        if self.fact:
            yield self.fact
        for part in self.parts:
            yield from part.facts()


def _check_districts(keys: list[Any]) -> None:
    # Only near misses are errors: other cities have districts of their own.
    for key in keys:
        near = difflib.get_close_matches(str(key), DISTRICTS, 1, 0.8)
        if key not in DISTRICTS and near:
            raise _wrong(
                f"没有代码为 {key} 的区，是否为 {near[0]}",
                f"there is no district {key}; did you mean {near[0]}",
            )


class Basis(Strict):
    """One ground on which a family is in a category."""

    title: Text
    when: Condition


class Category(Strict):
    """One category (批次). `bases` are alternative grounds, any one is enough.

    `evidence`: papers that a family brings where data can't show it; `may`: what a family may choose to do.
    """

    code: str
    title: Text
    bases: list[Basis] = Field(min_length=1)
    evidence: list[Text] | None = None
    may: list[Text] | None = None


class Order(Strict):
    """A tie-breaker inside a category: the better value first, a missing one always last."""

    fact: FactName
    better: Literal["earlier", "later", "larger", "smaller"]

    @model_validator(mode="after")
    def _fits(self) -> Order:
        kind = VOCABULARY[self.fact].kind
        fitting = {date: ("earlier", "later"), int: ("larger", "smaller")}.get(kind, ())
        if self.better not in fitting:
            words = ", ".join(fitting)
            raise _wrong(
                f"{self.fact} 不能按 {self.better} 排序{f'，可用：{words}' if fitting else ''}",
                f"{self.fact} can't be ordered by {self.better}{f'; use one of: {words}' if fitting else ''}",
            )
        return self


class Effective(Strict):
    """First and last day on which the policy is in force."""

    first: date
    last: date


class Policy(Strict):
    """A district's rule of one season and level. Categories stand in strict order, the best first."""

    id: str
    version: int
    district: str
    level: Literal["primary", "junior"]
    season: int
    title: Text
    source: Text
    note: Text | None = None
    effective: Effective | None = None
    parameters: dict[ParameterName, Scalar | list[Scalar]] = Field(default_factory=dict)
    assumed: dict[str, Text] | None = Field(
        None, description="parameters whose value the published text lacks, with what was assumed instead"
    )
    eligible: Condition
    categories: list[Category] = Field(min_length=1)
    order: list[Order]
    coordinate: Text = Field(description="the last category, for every child of age whom no category above takes")
    _compiled: Any = PrivateAttr(None)  # the engine's closures; made on first use

    @model_validator(mode="after")
    def _whole(self) -> Policy:
        codes = [c.code for c in self.categories]
        if len(set(codes)) != len(codes) or COORDINATE in codes:
            raise _wrong(
                f"类别代码重复或用了保留字 {COORDINATE}",
                f"category codes repeat or use the reserved {COORDINATE}",
            )
        lost = set(self.assumed or {}) - set(self.parameters)
        if lost:
            names = ", ".join(sorted(lost))
            raise _wrong(f"assumed 里的 {names} 不是参数", f"assumed names {names}, which is no parameter")
        if self.effective and self.effective.last < self.effective.first:
            raise _wrong("effective 的 last 早于 first", "effective ends before it begins")
        _check_districts([self.district])
        return self


def load(text: str, season: int | None = None) -> Policy:
    """Reads a policy from YAML (or JSON). `season` moves one whose dates use `${season}` to another year.

    `${name}` stands for a parameter, `${season}` for the year, `${season_minus_6}` for six years before it.
    Raises PolicyError with the line of the first error.
    """
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                # A rule refers by parameters; an alias could hold itself, or grow without end.
                line = event.start_mark.line + 1 if event.start_mark else None
                raise PolicyError(line, "不能用 * 引用，请写参数", "* aliases can't be used; write a parameter")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except PolicyError:
        raise
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a day that no calendar has
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        line = mark.line + 1 if mark else None
        raise PolicyError(line, f"YAML 写法有误：{problem}", f"this is not valid YAML: {problem}") from error
    if not isinstance(raw, dict):
        raise PolicyError(1, "文件应是一组“键: 值”", "the file must be a mapping of keys to values")
    _no_repeats(tree)
    if season is not None:
        raw["season"] = season
    year = raw.get("season")
    start = {"season": year}
    parameters = raw.get("parameters") or {}
    if not isinstance(parameters, dict):
        line = _line(tree, ["parameters"])
        raise PolicyError(line, "parameters：应是一组“名字: 值”", "parameters: must be a mapping of names to values")
    known = {k: _fill(v, start, tree, ["parameters", k]) for k, v in parameters.items()}
    raw["parameters"] = known
    filled = {k: v if k == "parameters" else _fill(v, {**known, **start}, tree, [k]) for k, v in raw.items()}
    try:
        return Policy.model_validate(filled)
    except ValidationError as error:
        first = error.errors()[0]
        zh, en = _explained(first)
        # A union's member stands in the location too; what is no key of the text is left out.
        where = [p for p in first["loc"] if not re.match(r"function-|str$|int$|date$|bool$|list\[|\[key\]", str(p))]
        key = ".".join(str(p) for p in where)
        raise PolicyError(
            _line(tree, where) or 1, f"{key}：{zh}" if key else zh, f"{key}: {en}" if key else en
        ) from error


def load_file(path: Path, season: int | None = None) -> Policy:
    """`load` for a file. Raises PolicyError, and OSError where the file can't be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(
            None, "文件不是 UTF-8 编码，请另存为 UTF-8", "the file is not UTF-8; save it as UTF-8"
        ) from error
    return load(text, season)


def digest(policy: Policy) -> str:
    """SHA-256 (hex) of the policy's canonical JSON (RFC 8785): what a publication and each verdict name."""
    plain = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    # Without floats, sorted keys and no spaces are all that RFC 8785 asks for.
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


KEYS = sorted(
    {
        field.alias or name
        for model in (Text, Condition, Basis, Category, Order, Effective, Policy)
        for name, field in model.model_fields.items()
    }
)
_ZH: dict[str, tuple[str, str]] = {
    "missing": ("缺少这一项，请补上", "this key is missing; add it"),
    "bool": ("要写 true 或 false", "write true or false"),
    "int": ("要写整数", "write a whole number"),
    "date": ("要写日期，例如 2026-08-31", "write a date such as 2026-08-31"),
    "string": ("要写文字", "write text"),
    "list": ("要写成列表（每行以 - 开头）", "write a list (each line begins with -)"),
    "dict": ("要写成一组“键: 值”", "write a mapping of keys to values"),
    "model": ("要写成一组“键: 值”", "write a mapping of keys to values"),
    "too": ("列表不能为空", "the list may not be empty"),
}


def _explained(error: Any) -> tuple[str, str]:
    kind, message = str(error["type"]), str(error["msg"])
    if "\x1f" in message:
        zh, en = message.removeprefix("Value error, ").split("\x1f")
        return zh, en
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        if ban := forbidden(name):
            return f"法规不允许使用：{ban[0]}", f"the law forbids this: {ban[1]}"
        near = difflib.get_close_matches(name, KEYS, 1)
        return (
            f"没有这个键{f'，是否为 {near[0]}' if near else ''}",
            f"there is no such key{f'; did you mean {near[0]}' if near else ''}",
        )
    if kind == "literal_error":
        return f"只能写其中之一：{error['ctx']['expected']}", f"write one of: {error['ctx']['expected']}"
    return _ZH.get(kind.split("_")[0], (f"写法不对（{message}）", message))


def _no_repeats(node: Any) -> None:
    """YAML lets the last of two equal keys win in silence; here that would drop a condition."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                first = seen[key.value]
                raise PolicyError(
                    line,
                    f"{key.value}：第 {first} 行已经写过，请合并",
                    f"{key.value}: stands in line {first} already; merge them",
                )
            seen[key.value] = line
            _no_repeats(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _no_repeats(value)


def _fill(value: Any, known: dict[str, Any], tree: Any, path: list[Any]) -> Any:
    if isinstance(value, dict):
        return {k: _fill(v, known, tree, [*path, k]) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, known, tree, [*path, i]) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value

    def look(name: str) -> Any:
        match = re.fullmatch(r"season_minus_(\d+)", name)
        if match and isinstance(known.get("season"), int):
            return known["season"] - int(match[1])
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise PolicyError(
                _line(tree, path),
                f"没有定义参数 {name}{f'，是否为 {near[0]}' if near else ''}",
                f"the parameter {name} is not defined{f'; did you mean {near[0]}' if near else ''}",
            )
        return known[name]

    whole = _PARAMETER.fullmatch(value)
    if whole:
        return look(whole[1])
    text = _PARAMETER.sub(lambda m: str(look(m[1])), value)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PolicyError(_line(tree, path), f"{text} 不是一个日期", f"{text} is not a day of the calendar") from None


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
