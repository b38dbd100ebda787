"""A school's list of pupils, read from CSV or Excel, and its classes, written to either."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruxue.processes import StartError

EXCEL = (".xlsx", ".xls", ".xlsb", ".ods")
SHOWN = 20  # bad rows that a message lists before it only counts


@dataclass(frozen=True)
class Table:
    """Rows of text by column. `lines[i]` is where row i stands in the file; `encoding` that of a CSV file."""

    file: Path
    rows: list[dict[str, str]]
    lines: list[int]
    encoding: str


@dataclass(frozen=True)
class PupilList:
    """Entries as manifests have them, in the file's order; `levels[attribute]`: the integer that stands for each text.

    `rules` are the given ones with integers in place of texts.
    """

    entries: list[dict[str, Any]]
    rules: dict[str, Any]
    levels: dict[str, dict[str, int]]


class _Faults:
    """What is wrong with a file, row by row, told all at once in both languages."""

    def __init__(self, file: Path) -> None:
        self.file, self.found = file, list[tuple[int, str, str]]()

    def add(self, line: int, en: str, zh: str) -> None:
        self.found.append((line, en, zh))

    def check(self) -> None:
        if not self.found:
            return
        found = sorted(self.found)
        told = [f"  第 {line} 行：{zh}\n  row {line}: {en}" for line, en, zh in found[:SHOWN]]
        if len(found) > SHOWN:
            told.append(f"  …… 还有 {len(found) - SHOWN} 处\n  … and {len(found) - SHOWN} more")
        raise StartError(f"{self.file}: {len(found)} 处须改正 · to mend\n" + "\n".join(told))


def read_table(file: Path) -> Table:
    """The first sheet or the whole CSV file; its first row holds the columns' names. Raises StartError."""
    encoding = ""
    try:
        if file.suffix.lower() in EXCEL:
            grid = _read_excel(file)
        else:
            text, encoding = _decode(file)
            grid = list(csv.reader(io.StringIO(text, newline=""), _dialect(text)))
    except (OSError, csv.Error) as error:
        raise StartError(f"{file} 无法读取 · can't be read: {error}") from error
    if not grid or not any(cell.strip() for cell in grid[0]):
        raise StartError(
            f"{file}: 第 1 行须是列名，如 code、sex · row 1 must hold the columns' names, such as code and sex"
        )
    names = [cell.strip() for cell in grid[0]]
    for name, times in Counter(n for n in names if n).items():
        if times > 1:
            raise StartError(f"{file}: 列名“{name}”出现了 {times} 次 · the column {name} is there {times} times")
    rows, lines, faults = list[dict[str, str]](), list[int](), _Faults(file)
    for line, cells in enumerate(grid[1:], 2):
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if any(cells[len(names) :]):
            faults.add(line, f"it has more cells than the {len(names)} columns", f"单元格多于 {len(names)} 列")
        rows.append(dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=False)))
        lines.append(line)
    faults.check()
    if not rows:
        raise StartError(f"{file}: 列名之下没有学生 · no pupil stands below the columns' names")
    return Table(file, rows, lines, encoding)


def _decode(file: Path) -> tuple[str, str]:
    """Text and encoding: UTF-8 (with or without its mark), UTF-16 with its mark, or GB 18030, as Excel writes them."""
    raw = file.read_bytes()
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    known = [name for mark, name in marks if raw.startswith(mark)] or ["utf-8", "gb18030"]
    for encoding in known:
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise StartError(
        f"{file} 既不是 UTF-8 也不是 GB18030 文本 · is neither UTF-8 nor GB 18030 text; save it as CSV again"
    )


def _dialect(text: str) -> type[csv.Dialect]:
    """Comma, semicolon or tab: whichever the first row has most of."""

    class Found(csv.excel):
        delimiter = max(",;\t", key=text.partition("\n")[0].count)

    return Found


def _read_excel(file: Path) -> list[list[str]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sheet = CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0)
        return [[_cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    except (CalamineError, OSError) as error:
        raise StartError(f"{file} 不是可读的 Excel 文件 · is no Excel file that can be read: {error}") from error


def _cell(value: Any) -> str:
    """A cell as text; Excel keeps whole numbers as fractions, so 20250001.0 is 20250001."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def pupils(table: Table, rules: Mapping[str, Any], group: str | None) -> PupilList:
    """The entries that `rules` need, texts numbered. `group` names the column of those who stay together.

    Raises StartError for missing columns, then for all bad rows at once.
    """
    counted = {a for term in rules.get("balance", []) for a, whole in _terms(term) if not whole}
    ordered = {
        *_names(rules.get("mean")),
        *(a for term in rules.get("balance", []) for a, whole in _terms(term) if whole),
    }
    limited = {limit["attribute"] for limit in rules.get("limit", [])}
    namesakes = rules.get("names_apart")
    wanted = [
        "code",
        *sorted(counted | ordered | limited),
        *([group] if group else []),
        *([namesakes] if namesakes else []),
    ]
    missing = [name for name in dict.fromkeys(wanted) if name not in table.rows[0]]
    if missing:
        there = ", ".join(name for name in table.rows[0] if name)
        raise StartError(
            f"{table.file}: 缺少列 {'、'.join(missing)}；现有的列：{there}\n"
            f"the column {' and '.join(missing)} is missing; there are {there}"
        )
    faults = _Faults(table.file)
    entries: list[dict[str, Any]] = [{"code": row["code"]} for row in table.rows]
    _check_codes(table, faults)
    levels: dict[str, dict[str, int]] = {}
    for name in sorted(counted | ordered | limited):
        column = [row[name] for row in table.rows]
        if name in ordered:
            numbers = _whole(table, name, faults)
        else:
            for line, text in zip(table.lines, column, strict=True):
                if not text and name not in limited:
                    faults.add(line, f"{name} is empty", f"{name} 是空的")
            levels[name] = _numbered(column)
            numbers = [levels[name][text] for text in column]
        for entry, number in zip(entries, numbers, strict=True):
            entry[name] = number
    if namesakes:
        times = Counter(row[namesakes] for row in table.rows if row[namesakes])
        number_of = {text: i for i, text in enumerate(sorted(t for t, m in times.items() if m > 1), 1)}
        for entry, row in zip(entries, table.rows, strict=True):
            entry[namesakes] = number_of.get(row[namesakes], 0)
    if group:
        for entry, row in zip(entries, table.rows, strict=True):
            if row[group]:
                entry["group"] = row[group]
    faults.check()
    limits = [{**limit, "level": _level(levels, limit)} for limit in rules.get("limit", [])]
    return PupilList(entries, {**rules, **({"limit": limits} if limits else {})}, levels)


def _terms(criterion: Any) -> Iterable[tuple[str, bool]]:
    """Attributes of a criterion, and whether each is cut into parts and so has to be a number."""
    for term in str(criterion).split("*"):
        attribute, _, parts = term.partition("/")
        yield attribute, bool(parts)


def _names(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else value or []


def _check_codes(table: Table, faults: _Faults) -> None:
    first: dict[str, int] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        code = row["code"]
        if not code:
            faults.add(line, "code is empty", "code 是空的")
        elif code in first:
            faults.add(line, f"code {code} is that of row {first[code]} too", f"code {code} 与第 {first[code]} 行相同")
        else:
            first[code] = line


def _whole(table: Table, name: str, faults: _Faults) -> list[int]:
    numbers = []
    for line, row in zip(table.lines, table.rows, strict=True):
        text = row[name]
        try:
            numbers.append(int(text))
        except ValueError:
            numbers.append(0)
            said = f"“{text}”" if text else "空的"
            faults.add(
                line,
                f"{name} is {repr(text) if text else 'empty'}; it must be a whole number",
                f"{name} 是{said}，须为整数",
            )
    return numbers


def _numbered(column: list[str]) -> dict[str, int]:
    """Levels by text: the numbers themselves where all are whole, else 0, 1, … in the order of the texts."""
    texts = sorted(set(column))
    if all(t.isascii() and t.isdecimal() and str(int(t)) == t for t in texts):
        return {t: int(t) for t in texts}
    return {t: i for i, t in enumerate(texts)}


def _level(levels: dict[str, dict[str, int]], limit: Mapping[str, Any]) -> int:
    """The integer of a limit's level; one that nobody has stands outside all levels."""
    known = levels.get(limit["attribute"], {})
    text = str(limit["level"])
    if text in known:
        return known[text]
    raise StartError(
        f"limit：没有学生的 {limit['attribute']} 是“{text}”；现有 {'、'.join(known)}\n"
        f"limit: no pupil has {text!r} as {limit['attribute']}; there are {', '.join(known)}"
    )


def write_classes(file: Path, classes: Sequence[tuple[str, int]], encoding: str) -> None:
    """Writes `code,class` to CSV (in `encoding`) or, by the file's name, to Excel. Raises StartError."""
    try:
        if file.suffix.lower() == ".xlsx":
            import xlsxwriter

            with xlsxwriter.Workbook(str(file)) as book:
                sheet = book.add_worksheet()
                for r, row in enumerate([("code", "class"), *classes]):
                    sheet.write_row(r, 0, row)
        else:
            with file.open("w", encoding=encoding or "utf-8-sig", newline="") as out:
                csv.writer(out, lineterminator="\n").writerows([("code", "class"), *classes])
    except OSError as error:
        raise StartError(f"{file} 无法写入 · can't be written: {error}") from error
