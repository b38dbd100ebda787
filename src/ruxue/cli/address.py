"""`ruxue address …`: Chinese addresses, one a line: split into levels, compared in pairs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from ruxue.processes import StartError

app = typer.Typer(no_args_is_help=True, help="Addresses: split into levels, compared.")
File = Annotated[Path | None, typer.Argument(help="UTF-8 text; standard input if left out.")]


def _lines(file: Path | None) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends; a line that isn't UTF-8 is an error that names it."""
    try:
        source = sys.stdin.buffer if file is None or str(file) == "-" else file.open("rb")
    except OSError as error:
        raise StartError(f"{file} can't be read: {error.strerror}") from error
    for number, raw in enumerate(source, 1):
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise StartError(f"Line {number} isn't UTF-8. Save the file as UTF-8 and try again.") from error
        yield number, text.rstrip("\r\n")


def _write(value: dict[str, str]) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


@app.command("parse")
def parse(file: File = None) -> None:
    """One address a line in, one JSON object a line out: the levels found, as written; `rest` is what is none of them."""
    from ruxue.algorithms.address_levels import split

    for _, line in _lines(file):
        found, rest = split(line)
        _write({**found, "rest": rest} if rest else found)
    sys.stdout.flush()


@app.command("compare")
def compare(
    file: File = None,
    aliases: Annotated[
        Path | None, typer.Option(help="Other names of roads and compounds: `other name<TAB>standard name` a line.")
    ] = None,
) -> None:
    """Two addresses a line, parted by a tab, in; one JSON object a line out: verdict, level, and the reason in both languages."""
    from ruxue.algorithms.address import Aliases
    from ruxue.algorithms.address import compare as compare_addresses

    names: dict[str, str] = {}
    if aliases is not None:
        for number, line in _lines(aliases):
            if line.strip() and not line.startswith("#"):
                names.update([_two(line, aliases, number)])
    known = Aliases(names)
    for number, line in _lines(file):
        result = compare_addresses(*_two(line, file, number), known)
        _write({"verdict": result.verdict, "level": result.level, "zh": result.zh, "en": result.en})
    sys.stdout.flush()


def _two(line: str, file: Path | None, number: int) -> tuple[str, str]:
    parts = line.split("\t")
    if len(parts) != 2:
        where = f"{file}, line {number}" if file else f"Line {number}"
        raise StartError(f"{where} must have two columns parted by a tab; it has {len(parts)}.")
    return parts[0].strip(), parts[1].strip()
