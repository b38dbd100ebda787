"""Suggestions of compounds while a family types: characters, pinyin or initials."""

from __future__ import annotations

import re

from django.db.models import Q

from ruxue.places.models import Compound


def spell(name: str) -> tuple[str, str]:
    """Pinyin and initials of a name, lower case, without tones: 阳光花园 → ("yangguanghuayuan", "yghy")."""
    from pypinyin import Style, lazy_pinyin

    return "".join(lazy_pinyin(name)).lower(), "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()


def compounds(text: str, district: str | None = None, limit: int = 8) -> list[Compound]:
    """Compounds whose name, alias, address, pinyin or initials hold `text`, best first."""
    text = re.sub(r"\s+", "", text)
    if not text:
        return []
    rows = Compound.objects.select_related("district", "community")
    if district:
        rows = rows.filter(district_id=district)
    if text.isascii() and text.isalpha():
        found = rows.filter(Q(initials__startswith=text.lower()) | Q(pinyin__startswith=text.lower()))
    else:
        found = rows.filter(Q(name__contains=text) | Q(address__contains=text) | Q(aliases__icontains=text))
    return sorted(found[:200], key=lambda c: (not c.name.startswith(text), len(c.name), c.name))[:limit]
