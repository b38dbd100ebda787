"""Every text that people read has its Chinese words: sources and templates are read as Django reads them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

SOURCE = Path(__file__).parents[2] / "src" / "ruxue"
CATALOGUE = SOURCE / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
KEYWORDS = {**DEFAULT_KEYWORDS, "_": None, "gettext_lazy": None, "pgettext": ((1, "c"), 2)}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]")


def texts() -> Iterator[tuple[str, str]]:
    """(file, text) of everything marked for translation."""
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix not in (".html", ".py") or "static" in path.parts:
            continue
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            source = "\n".join(line.strip() for line in templatize(source).splitlines())  # it is no block of Python
        for _line, found, _comments, _context in extract("python", io.BytesIO(source.encode()), KEYWORDS):
            for text in found if isinstance(found, tuple) else (found,):
                if text:
                    yield str(path.relative_to(SOURCE)), text


def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file)


def test_every_text_is_translated():
    known = {m.id: m for m in catalogue() if m.id and m.string and not m.fuzzy}
    missing = sorted({f"{file}: {text}" for file, text in texts() if text not in known})
    assert not missing, "\n".join(missing)
    assert len(known) > 600


def test_translations_keep_their_placeholders():
    for m in catalogue():
        if isinstance(m.id, str) and m.id and isinstance(m.string, str):
            assert sorted(PLACEHOLDER.findall(m.id)) == sorted(PLACEHOLDER.findall(m.string)), m.id


def test_texts_speak_to_people_politely():
    """The Chinese pages say 您, never 你."""
    assert not [m.string for m in catalogue() if m.id and "你" in str(m.string)]
