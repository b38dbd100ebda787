"""Edits the text of a rule where a form asks for it, and leaves every other character as it stands.

A YAML library that writes a document anew would move comments to the neighbours of what moves, and re-align what an
official has aligned. Here the parser only says where each piece stands; the piece is cut, moved or replaced in the
text. Paths are those of the document: keys and indexes, as the policy's models name them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import yaml

from ruxue.policy.language import PolicyError

Path = Sequence[str | int]
_PLAIN = re.compile(r"[A-Za-z_][\w.\-]*|-?\d+|\d{4}-\d\d-\d\d")


def flow(value: Any) -> str:
    """A value as one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, date, Decimal)):
        return str(value)
    text = str(value)
    # A text that YAML would read as something else (no, 12, a day) is quoted.
    if _PLAIN.fullmatch(text) and isinstance(yaml.safe_load(text), str):
        return text
    return json.dumps(text, ensure_ascii=False)


class RuleText:
    """A rule's text with its places. Methods give the new text; the object itself stays.

    Raises PolicyError where the text is no YAML, and KeyError for a place that it does not have.
    """

    def __init__(self, text: str) -> None:
        self.text = text if text.endswith("\n") else text + "\n"
        self.lines = self.text.split("\n")
        try:
            self.root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise PolicyError(mark.line + 1 if mark else None, "YAML 写法有误", "this is not valid YAML") from error

    # ── places ──

    def node(self, path: Path) -> Any:
        """The node at a path."""
        node: Any = self.root
        for step in path:
            node = self._entry(node, step)[1]
        return node

    def _entry(self, node: Any, step: str | int) -> tuple[Any, Any]:
        """The key's node (None in a list) and the value's."""
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    return key, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
            return None, node.value[step]
        raise KeyError(step)

    def has(self, path: Path) -> bool:
        """Whether the document has this place."""
        try:
            self.node(path)
        except KeyError:
            return False
        return True

    def value(self, path: Path) -> Any:
        """What stands there as it is written, parameters unfilled: texts, lists and mappings."""

        def plain(node: Any) -> Any:
            if isinstance(node, yaml.MappingNode):
                return {key.value: plain(v) for key, v in node.value}
            if isinstance(node, yaml.SequenceNode):
                return [plain(v) for v in node.value]
            return node.value

        return plain(self.node(path))

    def _end(self, node: Any) -> int:
        """Where the content of a node ends; a block's own mark lies behind the comments and blank lines after it."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end(last[1] if isinstance(last, tuple) else last)
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            return len(self.text[: node.end_mark.index].rstrip())
        return node.end_mark.index

    def _chunks(self, node: Any) -> list[tuple[int, int]]:
        """First line and line after the last of each item of a block list, with the comments that stand before it."""
        firsts, lasts = [], []
        for item in node.value:
            first = item.start_mark.line
            while not self.lines[first].lstrip().startswith("-"):
                first -= 1
            firsts.append(first)
            lasts.append(self.text.count("\n", 0, self._end(item)) + 1)
        out = []
        for i, first in enumerate(firsts):
            floor = lasts[i - 1] if i else 0
            while first > floor and self.lines[first - 1].lstrip().startswith("#"):
                first -= 1
            out.append((first, lasts[i]))
        return out

    # ── edits ──

    def set(self, path: Path, value: Any) -> str:
        """Replaces what stands there, or adds the key to its mapping."""
        parent = self.node(path[:-1])
        try:
            _, old = self._entry(parent, path[-1])
        except KeyError:
            return self._add(parent, str(path[-1]), value)
        block = isinstance(old, yaml.CollectionNode) and not old.flow_style
        start, glue = old.start_mark.index, ""
        if block and isinstance(parent, yaml.MappingNode):
            # A block begins under its key; on one line it stands behind it.
            start, glue = self._entry(parent, path[-1])[0].end_mark.index + 1, " "
        return self.text[:start] + glue + flow(value) + self.text[self._end(old) :]

    def _add(self, parent: Any, key: str, value: Any) -> str:
        if not isinstance(parent, yaml.MappingNode):
            raise KeyError(key)
        said = f"{key}: {flow(value)}"
        if parent.flow_style:
            at = self._end(parent) - 1
            glue = ", " if parent.value else ""
            return self.text[:at].rstrip() + glue + said + self.text[at:]
        at, indent = self._line_end(self._end(parent)), " " * parent.start_mark.column
        if isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            said = "\n".join([f"{key}:", *(f"{indent}  - {flow(v)}" for v in value)])
        return f"{self.text[:at]}\n{indent}{said}{self.text[at:]}"

    def put(self, path: Path, value: Any) -> str:
        """`set`, which makes the mappings on the way where they are not there yet."""
        deep = len(path) - 1
        while deep and not self.has(path[:deep]):
            deep -= 1
            value = {path[deep + 1]: value}
        return self.set(path[: deep + 1], value)

    def drop(self, path: Path) -> str:
        """Takes a key out of its mapping, with the comments that stand before it; a mapping that held nothing else
        goes with it."""
        parent, key = self.node(path[:-1]), str(path[-1])
        keys = [k.value for k, _v in parent.value] if isinstance(parent, yaml.MappingNode) else []
        if key not in keys:
            raise KeyError(key)
        if len(keys) == 1:
            return self.remove(path[:-2], path[-2]) if isinstance(path[-2], int) else self.drop(path[:-1])
        index = keys.index(key)
        if parent.flow_style:
            kept = [self.text[k.start_mark.index : self._end(v)] for i, (k, v) in enumerate(parent.value) if i != index]
            return f"{self.text[: parent.start_mark.index]}{{{', '.join(kept)}}}{self.text[self._end(parent) :]}"
        name, value = parent.value[index]
        first, after = name.start_mark.line, self.text.count("\n", 0, self._end(value)) + 1
        if index == 0:
            # The first key of a list's item stands behind the dash, which stays.
            start, rest = name.start_mark, parent.value[1][0].start_mark
            between = self.lines[after : rest.line]
            head = self.lines[first][: start.column] + self.lines[rest.line][rest.column :]
            return self._lines(first, rest.line + 1, [*between, head])
        floor = self.text.count("\n", 0, self._end(parent.value[index - 1][1])) + 1
        while first > floor and self.lines[first - 1].lstrip().startswith("#"):
            first -= 1
        return self._lines(first, after, [])

    def _line_end(self, index: int) -> int:
        return self.text.index("\n", index)

    def insert(self, path: Path, index: int, value: Any) -> str:
        """Puts a value into a list before the item `index` (its length: at the end); makes the list where it is not."""
        if not self.has(path):
            return self.set(path, [value])
        node = self.node(path)
        if not isinstance(node, yaml.SequenceNode):
            raise KeyError(path[-1])
        if node.flow_style or not node.value:
            items = [self.text[n.start_mark.index : self._end(n)] for n in node.value]
            items.insert(index, flow(value))
            return self._whole(node, items)
        chunks = self._chunks(node)
        at = chunks[index][0] if index < len(chunks) else chunks[-1][1]
        return self._lines(at, at, [" " * node.start_mark.column + "- " + flow(value)])

    def remove(self, path: Path, index: int) -> str:
        """Takes an item out of a list, with the comments that stand before it."""
        node = self.node(path)
        self._entry(node, index)
        if len(node.value) == 1:
            return self.set(path, [])
        if node.flow_style:
            items = [self.text[n.start_mark.index : self._end(n)] for n in node.value]
            del items[index]
            return self._whole(node, items)
        return self._lines(*self._chunks(node)[index], [])

    def move(self, path: Path, index: int, to: int) -> str:
        """Moves an item of a list to another place, with the comments that stand before it."""
        node = self.node(path)
        self._entry(node, index)
        self._entry(node, to)
        if node.flow_style:
            items = [self.text[n.start_mark.index : self._end(n)] for n in node.value]
            items.insert(to, items.pop(index))
            return self._whole(node, items)
        chunks = self._chunks(node)
        parts = [self.lines[a:b] for a, b in chunks]
        # What stands between two items (blank lines) stays between the same places.
        gaps = [self.lines[b:c] for (_, b), (c, _) in pairwise(chunks)] + [[]]
        parts.insert(to, parts.pop(index))
        made = [line for part, gap in zip(parts, gaps, strict=True) for line in [*part, *gap]]
        return self._lines(chunks[0][0], chunks[-1][1], made)

    def copy(self, path: Path, index: int, changes: Mapping[tuple[str | int, ...], Any]) -> str:
        """Copies an item of a list behind itself; `changes`: new values at paths inside the copy."""
        node = self.node(path)
        item = self._entry(node, index)[1]
        if node.flow_style:
            items = [self.text[n.start_mark.index : self._end(n)] for n in node.value]
            items.insert(index + 1, items[index])
            made = self._whole(node, items)
        else:
            end = self._chunks(node)[index][1]
            first = item.start_mark.line
            while not self.lines[first].lstrip().startswith("-"):
                first -= 1
            made = self._lines(end, end, self.lines[first:end])
        for inner, value in changes.items():
            made = RuleText(made).set([*path, index + 1, *inner], value)
        return made

    def wrap(self, path: Path, value: Any) -> str:
        """Makes one condition a list of conditions that must all be met: the old one and `value`."""
        old = self.value(path)
        return self.set(path, {"all": [_typed(self, path, old), value]})

    def turn(self, path: Path) -> str:
        """Makes a condition its opposite; the opposite of an opposite is the condition itself."""
        old = self.value(path)
        if isinstance(old, dict) and list(old) == ["not"]:
            return self.set(path, _typed(self, [*path, "not"], old["not"]))
        return self.set(path, {"not": _typed(self, path, old)})

    def _whole(self, node: Any, items: list[str]) -> str:
        return f"{self.text[: node.start_mark.index]}[{', '.join(items)}]{self.text[self._end(node) :]}"

    def _lines(self, first: int, after: int, new: list[str]) -> str:
        return "\n".join([*self.lines[:first], *new, *self.lines[after:]])


def _typed(rule: RuleText, path: Path, value: Any) -> Any:
    """A value as YAML reads it (a quoted 12 stays text), for writing it again."""
    if isinstance(value, dict):
        return {k: _typed(rule, [*path, k], v) for k, v in value.items()}
    if isinstance(value, list):
        return [_typed(rule, [*path, i], v) for i, v in enumerate(value)]
    node = rule.node(path)
    return value if node.style in ("'", '"', "|", ">") else yaml.safe_load(value)
