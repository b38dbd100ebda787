"""`ruxue allocate`: seats from two files, with no database."""

from __future__ import annotations

import codecs
import os
import sys
import time
from collections import defaultdict
from csv import reader
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ruxue.cli.base import console

MAX_DIGITS = 18  # of a whole number: what 64 bits hold


@dataclass
class Problems:
    """What is wrong with the files: told all at once, in the order of the rows."""

    found: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, file: str, row: int, text: str) -> None:
        """`row` is counted as a spreadsheet does, the heading being row 1; 0 is the file as a whole."""
        self.found.append((file, row, text))

    def stop(self) -> None:
        """Ends the command with status 1 if there are any."""
        if not self.found:
            return
        for file, row, text in sorted(self.found):
            sys.stderr.write(f"✗ {file}, row {row}: {text}\n" if row else f"✗ {file}: {text}\n")
        count = len(self.found)
        sys.stderr.write(f"{count} problem{'s' if count > 1 else ''}; nothing was written.\n")
        raise typer.Exit(1)


def allocate(
    choices: Annotated[Path, typer.Option(help="CSV: applicant,school,preference,priority[,group].")],
    schools: Annotated[Path, typer.Option(help="CSV: school,seats.")],
    out: Annotated[Path, typer.Option(help="Where to write applicant,school,preference; no school where unseated.")],
    seed: Annotated[
        str, typer.Option(help="Hexadecimal seed of ruxue-draw/1; its tickets split equal priorities.")
    ] = "",
) -> None:
    """Seats by strict priorities: the best stable allocation for the applicants; lower numbers come first.

    The rules are in docs/allocation.md. Equal priorities that decide about a seat need --seed.
    """
    begun = time.perf_counter()
    problems = Problems()
    key = _seed(seed, problems)
    if not out.absolute().parent.is_dir():
        problems.add(str(out), 0, "its folder does not exist; make it first or name another")
    plan = _read(schools, ("school", "seats"), (), ("seats",), problems)
    wanted = _read(
        choices, ("applicant", "school", "preference", "priority"), ("group",), ("preference", "priority"), problems
    )
    if not plan or not wanted:
        problems.stop()
    result = _solve(choices.name, wanted, schools.name, plan, key, problems)
    problems.stop()
    seated = _write(out, *result)
    total = len(result[0])
    console.print(
        f"{total:,} applicants: {seated:,} seated, {total - seated:,} without a seat. "
        f"Written to {out} in {time.perf_counter() - begun:.1f} s.",
        highlight=False,
    )


def _seed(text: str, problems: Problems) -> bytes | None:
    try:
        return bytes.fromhex(text) or None
    except ValueError:
        problems.add("--seed", 0, f"{text!r} is not hexadecimal: give pairs of 0-9 and a-f, such as the bundle's seed")
        return None


def _read(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...], numbers: tuple[str, ...], problems: Problems
) -> dict[str, Any]:
    """The named columns as Arrow arrays, trimmed, numbers as 64-bit integers, and `row`: each one's row in the file.

    Names all that does not fit; a file that can't be read at all gives no columns.
    """
    import pyarrow as pa
    from pyarrow import csv

    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        problems.add(str(path), 0, f"can't be read ({error.strerror}); check its name and rights")
        return {}
    try:
        data.decode()
    except UnicodeDecodeError:
        try:
            data = data.decode("gb18030").encode()
        except UnicodeDecodeError:
            problems.add(path.name, 0, "is neither UTF-8 nor GB18030; save it as CSV in UTF-8")
            return {}
    raw = next(reader([data.split(b"\n", 1)[0].decode()]), [])
    names = [name.strip() for name in raw]
    if missing := [name for name in needed if name not in names]:
        there = ", ".join(names) or "nothing"
        problems.add(path.name, 1, f"the heading lacks {', '.join(missing)} (it has {there}); add what is missing")
    if twice := [name for name in (*needed, *optional) if names.count(name) > 1]:
        problems.add(path.name, 1, f"the heading has {', '.join(twice)} more than once; keep one of each")
    if missing or twice:
        return {}
    odd: list[Any] = []

    def skip(row: Any) -> str:
        odd.append(row)
        return "skip"

    try:
        table = csv.read_csv(
            pa.py_buffer(data),
            csv.ReadOptions(use_threads=False, block_size=16 << 20),
            csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=skip),
            csv.ConvertOptions(column_types=dict.fromkeys(raw, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        problems.add(path.name, 0, f"is no CSV ({error}); save it as one")
        return {}
    del data
    for row in odd:
        text = f"has {row.actual_columns} fields where the heading has {row.expected_columns}; put a text with commas in quotes"
        problems.add(path.name, row.number, text)
    rows = np.delete(np.arange(table.num_rows + len(odd)) + 2, [row.number - 2 for row in odd])
    columns = {name: _trimmed(table.column(names.index(name))) for name in (*needed, *optional) if name in names}
    del table
    blank = np.logical_and.reduce([_lengths(column) == 0 for column in columns.values()])
    if blank.any():
        rows = rows[~blank]
        columns = {name: column.filter(pa.array(~blank)) for name, column in columns.items()}
    sound = np.ones(len(rows), np.bool_)
    for name in needed:
        if name not in numbers:
            empty = _lengths(columns[name]) == 0
            sound &= ~empty
            for i in np.flatnonzero(empty):
                problems.add(path.name, int(rows[i]), f"{name} is empty; fill it in or delete the row")
    for name in numbers:
        columns[name] = _integers(path.name, name, columns[name], rows, sound, problems)
    return {**columns, "row": rows, "sound": sound}


def _trimmed(column: Any) -> Any:
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(column.combine_chunks())


def _lengths(column: Any) -> Any:
    import pyarrow.compute as pc

    return pc.binary_length(column).to_numpy(zero_copy_only=False)


def _integers(file: str, name: str, column: Any, rows: Any, sound: Any, problems: Problems) -> Any:
    """The column as whole numbers; what is none is named and marked as not sound, with 0 in its place."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        whole = pc.cast(column, pa.int64()).to_numpy()
        fits = np.abs(whole) < 10**MAX_DIGITS
    except pa.ArrowInvalid:
        fits = pc.match_substring_regex(column, rf"^-?[0-9]{{1,{MAX_DIGITS}}}$").to_numpy(zero_copy_only=False)
        whole = pc.cast(pc.if_else(pa.array(fits), column, "0"), pa.int64()).to_numpy()
    if name == "seats":
        fits = fits & (whole >= 0)
    sound &= fits
    for i in np.flatnonzero(~fits):
        what = "a whole number of at least 0" if name == "seats" else f"a whole number of at most {MAX_DIGITS} digits"
        problems.add(file, int(rows[i]), f"{name} is {column[int(i)].as_py()!r}; it must be {what}")
    return np.where(fits, whole, 0)


def _codes(column: Any) -> tuple[Any, Any]:
    """Numbers from 0 by first appearance, and the texts that they stand for."""
    coded = column.dictionary_encode()
    return coded.indices.to_numpy(), coded.dictionary


def _report_twice(file: str, first: Any, second: Any, wanted: dict[str, Any], text: Any, problems: Problems) -> None:
    """Names the rows whose pair of numbers occurred before; `text` makes the message from this index and that row."""
    rows, sound = wanted["row"], np.flatnonzero(wanted["sound"])
    pair = first[sound].astype(np.int64) * (int(second.max(initial=0)) + 1) + second[sound]
    ordered = np.sort(pair)
    if (ordered[1:] > ordered[:-1]).all():
        return
    order = np.argsort(pair, kind="stable")
    for k in np.flatnonzero(pair[order[1:]] == pair[order[:-1]]):
        before, again = int(sound[order[k]]), int(sound[order[k + 1]])
        problems.add(file, int(rows[again]), text(again, int(rows[before])))


def _solve(
    file: str, wanted: dict[str, Any], plan_file: str, plan: dict[str, Any], seed: bytes | None, problems: Problems
) -> tuple[Any, Any, Any, Any]:
    """Applicants, the school index of each (-1: none), its preference there, and the schools' names."""
    import pyarrow.compute as pc

    from ruxue.algorithms import allocation

    school_names = plan["school"]
    row_of: dict[str, int] = {}
    for i, name in enumerate(school_names.to_pylist()):
        first = row_of.setdefault(name, i)
        if first < i and name:
            text = f"school {name!r} is already in row {plan['row'][first]}; keep one row for each school"
            problems.add(plan_file, int(plan["row"][i]), text)
    rows = wanted["row"]
    school = pc.index_in(wanted["school"], school_names).fill_null(-1).to_numpy()
    for at in np.flatnonzero((school < 0) & (_lengths(wanted["school"]) > 0)):
        i = int(at)
        name = wanted["school"][i].as_py()
        problems.add(file, int(rows[i]), f"school {name!r} is not in {plan_file}; correct it or add the school there")
    applicant, applicants = _codes(wanted["applicant"])
    preference, priority = wanted["preference"], wanted["priority"]

    def name_of(i: int) -> str:
        return repr(applicants[int(applicant[i])].as_py())

    _report_twice(
        file,
        applicant,
        np.where(school < 0, len(school_names) + np.arange(school.size), school),
        wanted,
        lambda i, before: f"applicant {name_of(i)} has this school in row {before} already; keep one of the two",
        problems,
    )
    low, high = int(preference.min(initial=0)), int(preference.max(initial=0))
    narrow = high - low < 2**31
    place = preference - low if narrow else np.unique(preference, return_inverse=True)[1]
    _report_twice(
        file,
        applicant,
        place,
        wanted,
        lambda i, before: (
            f"applicant {name_of(i)} has preference {preference[i]} in row {before} already; number them apart"
        ),
        problems,
    )
    group, groups = _groups(file, wanted, applicant, applicants, problems)
    problems.stop()
    unit, option_school, option_place, option_priority, own = _options(
        applicant, group, school, preference, priority, len(applicants)
    )
    units = int(unit.max(initial=-1)) + 1 if unit.size else 0
    units = max(units, int(own.max(initial=-1)) + 1)
    order = np.lexsort((option_place, unit))
    unit, option_school, option_priority = unit[order], option_school[order], option_priority[order]
    option_place = option_place[order]
    start = np.concatenate([[0], np.cumsum(np.bincount(unit, minlength=units))]).astype(np.int64)
    size = np.bincount(own, minlength=units)
    tickets = _tickets(
        unit,
        option_school,
        option_priority,
        size,
        plan["seats"],
        own,
        applicants,
        group,
        groups,
        seed,
        (file, school_names),
        problems,
    )
    problems.stop()
    options = len(unit)
    result = allocation.allocate(
        allocation.Market(
            start=start,
            school=option_school.astype(np.int32),
            seats=plan["seats"],
            category=np.zeros(options, np.int16),
            keys=option_priority[:, None],
            tickets=tickets,
            option_keys=True,
            size=size,
        )
    )
    if not result.settled:
        console.print(
            "Some groups left seats that others could take: see 'Groups' in docs/allocation.md.", style="yellow"
        )
    at = result.school[own]
    shown = np.zeros(len(applicants), np.int64)
    single = group < 0
    got = result.option[own]
    shown[single & (got >= 0)] = option_place[got[single & (got >= 0)]]
    mine = np.flatnonzero((group[applicant] >= 0) & (at[applicant] == school))
    shown[applicant[mine]] = preference[mine]
    return applicants, at, shown, school_names


def _groups(file: str, wanted: dict[str, Any], applicant: Any, applicants: Any, problems: Problems) -> tuple[Any, Any]:
    """The group of each applicant (-1: none) and the groups' names; names the applicants with more than one."""
    import pyarrow.compute as pc

    if "group" not in wanted:
        return np.full(len(applicants), -1), None
    code, names = _codes(wanted["group"])
    empty = pc.index(names, "").as_py()
    code = np.where(code == empty, -1, code)
    first = np.full(len(applicants), -2, np.int64)
    first[applicant[::-1]] = code[::-1]
    for at in np.flatnonzero(first[applicant] != code):
        i = int(at)
        text = f"applicant {applicants[int(applicant[i])].as_py()!r} has another group than in its first row; give all the same"
        problems.add(file, int(wanted["row"][i]), text)
    shared = pc.index_in(names, applicants).fill_null(-1).to_numpy()
    for g in np.flatnonzero((shared >= 0) & (np.arange(len(names)) != empty)):
        i = int(np.flatnonzero(code == g)[0])
        text = f"group {names[int(g)].as_py()!r} has the name of an applicant, and so its ticket; name it otherwise"
        problems.add(file, int(wanted["row"][i]), text)
    return first, names


def _options(
    applicant: Any, group: Any, school: Any, preference: Any, priority: Any, count: int
) -> tuple[Any, Any, Any, Any, Any]:
    """Unit, school, place and priority of each option, and the unit of each applicant.

    Bound applicants are one unit: it asks for the schools that all of them list, by the largest preference that one of
    them gave it, then the sum, then the school's row; it has the largest priority of its members.
    """
    own = np.arange(count)
    if not (group >= 0).any():
        return applicant, school, preference, priority, own
    of_group: dict[int, int] = {}
    for a in np.flatnonzero(group >= 0):
        own[a] = of_group.setdefault(int(group[a]), int(a))
    own = np.unique(own, return_inverse=True)[1]
    members = np.bincount(own)
    bound = np.flatnonzero(group[applicant] >= 0)
    lists: dict[int, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for i in bound:
        lists[int(own[applicant[i]])][int(school[i])].append((int(preference[i]), int(priority[i])))
    lines = []
    for u, by_school in lists.items():
        shared = [
            (max(p for p, _ in given), sum(p for p, _ in given), s, max(q for _, q in given))
            for s, given in by_school.items()
            if len(given) == members[u]
        ]
        lines += [(u, s, n, worst) for n, (_, _, s, worst) in enumerate(sorted(shared))]
    more = np.array(lines, np.int64).reshape(-1, 4)
    single = group[applicant] < 0
    return (
        np.concatenate([own[applicant[single]], more[:, 0]]),
        np.concatenate([school[single], more[:, 1]]),
        np.concatenate([preference[single], more[:, 2]]),
        np.concatenate([priority[single], more[:, 3]]),
        own,
    )


def _tickets(
    unit: Any,
    school: Any,
    priority: Any,
    size: Any,
    seats: Any,
    own: Any,
    applicants: Any,
    group: Any,
    groups: Any,
    seed: bytes | None,
    names: tuple[str, Any],
    problems: Problems,
) -> Any:
    """A ticket for each unit that shares a priority where not all who ask can sit; what else is equal decides nothing."""
    from ruxue.algorithms import allocation, draw

    asked = np.bincount(school, size[unit], len(seats))
    crowded = np.flatnonzero((asked > seats)[school])
    order = crowded[np.lexsort((priority[crowded], school[crowded]))]
    same = (school[order[1:]] == school[order[:-1]]) & (priority[order[1:]] == priority[order[:-1]])
    tickets = np.zeros((len(size), 5), np.uint64)
    tickets[:, 4] = np.arange(len(size))
    if not same.any():
        return tickets
    lead = np.empty(len(size), np.int64)
    lead[own[::-1]] = np.arange(len(own))[::-1]

    def names_of(which: Any) -> list[str]:
        a = lead[which]
        found = applicants.take(a).to_pylist()
        for k in np.flatnonzero(group[a] >= 0):
            found[k] = groups[int(group[a[k]])].as_py()
        return found

    if seed is None:
        file, school_names = names
        first = np.flatnonzero(same)
        first = first[np.unique(school[order[first]], return_index=True)[1]]
        for k in first:
            a, b = names_of(unit[order[k : k + 2]])
            where = school_names[int(school[order[k]])].as_py()
            text = f"{a!r} and {b!r} share priority {priority[order[k]]} at {where!r}, which can't seat all who ask"
            problems.add(file, 0, f"{text}: give --seed to draw between them, or other priorities")
        return tickets
    equal = np.zeros(len(size), np.bool_)
    equal[unit[order[:-1][same]]] = equal[unit[order[1:][same]]] = True
    drawn = np.flatnonzero(equal)
    tickets[drawn, :4] = allocation.ticket_words(draw.tickets(seed, names_of(drawn)))
    return tickets


def _write(out: Path, applicants: Any, at: Any, preference: Any, school_names: Any) -> int:
    """Writes the seats whole or not at all; returns how many there are."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    none = at < 0
    table = pa.table(
        {
            "applicant": applicants,
            "school": school_names.take(pa.array(np.where(none, 0, at), mask=none)),
            "preference": pa.array(preference, mask=none),
        }
    )
    special = any(
        pc.any(pc.match_substring_regex(table.column(name), '[",\r\n]')).as_py() for name in ("applicant", "school")
    )
    style = csv.WriteOptions(include_header=False, quoting_style="needed" if special else "none")
    partial = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            file.write(b"applicant,school,preference\n")
            csv.write_csv(table, file, style)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return int((~none).sum())
