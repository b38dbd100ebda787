"""What a draw says to people: the balance of its classes, rosters with masked names, who did what and when."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ruxue.algorithms import identity
from ruxue.classes import prepare
from ruxue.classes.models import Act, Ceremony, TeacherTeam


@dataclass(frozen=True)
class Row:
    """One class in the balance report; `age` is the mean in months to one decimal, `levels` counts by category."""

    number: int
    size: int
    girls: int
    boys: int
    age: str
    levels: dict[int, int]


def balance_rows(manifest: dict[str, Any], result: dict[str, Any]) -> list[Row]:
    """The balance of each class, counted anew from the list, so that it rests on nothing but list and result."""
    entry = {e["code"]: e for e in manifest["entries"]}
    rows = []
    for number, codes in sorted(((int(n), codes) for n, codes in result["classes"].items())):
        inside = [entry[c] for c in codes]
        girls = sum(e.get("sex", 0) for e in inside)
        tenths = (sum(e["age_months"] for e in inside) * 20 // len(inside) + 1) // 2 if inside else 0
        levels = Counter(e["category"] for e in inside if "category" in e)
        rows.append(Row(number, len(inside), girls, len(inside) - girls, f"{tenths // 10}.{tenths % 10}", dict(levels)))
    return rows


def spread(values: list[int]) -> int:
    """Largest less smallest."""
    return max(values) - min(values) if values else 0


def levels_of(rows: list[Row]) -> list[int]:
    """The categories that occur, in order; empty where the rules do not balance them."""
    return sorted({level for row in rows for level in row.levels})


def teams_by_class(made: Ceremony) -> dict[int, str]:
    teams = TeacherTeam.objects.filter(season=made.season_id, school=made.school_id).exclude(number=None)
    return {t.number: t.name for t in teams if t.number}


def rosters(made: Ceremony) -> list[tuple[int, str, list[tuple[str, str, bool]]]]:
    """By class: number, teachers' team, and of each child the masked name, the receipt's last 4 characters, and
    whether it came late.
    """
    names, teams = prepare.names_of(made), teams_by_class(made)
    placed = made.manifest["rules"].get("placed")
    return [
        (
            int(n),
            teams.get(int(n), ""),
            [(identity.mask_name(names.get(c, "?")), c[-4:], placed is not None and c not in placed) for c in codes],
        )
        for n, codes in sorted((made.result or {})["classes"].items(), key=lambda p: int(p[0]))
    ]


def witness_name(name: str | None) -> str:
    return identity.mask_name(name) if name else ""


def events(made: Ceremony) -> list[Act]:
    """Steps that the minutes tell: all but each single commitment and reveal, with those of the parents' lots."""
    shown = Act.objects.filter(ceremony__in=[made, *made.lots.all()]).exclude(step__in=["commit", "reveal", "close"])
    return list(shown.select_related("actor", "witness", "ceremony").order_by("id"))
