"""Facts that are more than one value: owners, kin, histories, places, seat locks, dwellings by region.

Each record counts with what it knows: where a part is unknown, a sum has a lower and an upper bound, and a comparison
that the two don't settle is unknown. All values are immutable; `parse` reads them from plain JSON or YAML, `plain`
writes them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal

ENDLESS = 10**12
"""Upper bound of what nobody knows."""

GROUPS: dict[str, tuple[frozenset[str], str, str]] = {
    "child": (frozenset({"child"}), "孩子", "the child"),
    "father": (frozenset({"father"}), "父亲", "the father"),
    "mother": (frozenset({"mother"}), "母亲", "the mother"),
    "parents": (frozenset({"father", "mother"}), "父母", "the parents"),
    "guardians": (frozenset({"father", "mother", "guardian"}), "监护人", "the guardians"),
    "paternal_grandparents": (
        frozenset({"paternal_grandfather", "paternal_grandmother"}),
        "祖父母",
        "the father's parents",
    ),
    "maternal_grandparents": (
        frozenset({"maternal_grandfather", "maternal_grandmother"}),
        "外祖父母",
        "the mother's parents",
    ),
    "grandparents": (
        frozenset(
            {"paternal_grandfather", "paternal_grandmother", "maternal_grandfather", "maternal_grandmother"},
        ),
        "祖辈",
        "the grandparents",
    ),
    "siblings": (frozenset({"sibling"}), "兄弟姐妹", "siblings"),
    "spouses": (frozenset({"spouse"}), "父母的配偶", "a parent's spouse"),
}
"""Groups of kin that a policy may name: roles, and words in both languages."""
ROLES = frozenset({"other"}).union(*(roles for roles, _, _ in GROUPS.values()))
TIES = frozenset({"guardian", "spouse"})
"""Ties of law, not of blood: a rule that names no such group leaves open whether they count, and that is unknown."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in a child's kinship graph. `parents` are keys of others; the child's own key is "child"."""

    key: str
    sex: Literal["M", "F"]
    parents: tuple[str, ...] = ()
    guardian: bool = False


class Kin(tuple[Person, ...]):
    """The kinship graph around a child, as the household books show it."""

    __slots__ = ()

    def roles(self) -> dict[str, str]:
        """Each person's role towards the child, read off the graph; "other" for who is no kin of these degrees."""
        people = {person.key: person for person in self}
        found = {key: "guardian" if person.guardian else "other" for key, person in people.items()}
        child = people.get("child")
        if child is None:
            return found
        for key, person in people.items():
            if key != "child" and set(person.parents) & set(child.parents):
                found[key] = "sibling"
        for key in child.parents:
            if key in people:
                father = people[key].sex == "M"
                found[key] = "father" if father else "mother"
                for elder in people[key].parents:
                    if elder in people:
                        side = "paternal" if father else "maternal"
                        found[elder] = f"{side}_grand{'father' if people[elder].sex == 'M' else 'mother'}"
        found["child"] = "child"
        return found


@dataclass(frozen=True, slots=True)
class Owner:
    """A person on a certificate: a role, or a key of the kinship graph; `bp` the share in basis points, None where
    the owners hold jointly (共同共有) without stated shares."""

    who: str
    bp: int | None = None


class Owners(tuple[Owner, ...]):
    """Who owns the home."""

    __slots__ = ()

    def _named(self, group: frozenset[str], kin: Kin | None) -> list[tuple[str | None, int | None]]:
        roles = kin.roles() if kin is not None else {}
        unknown = "other" if kin is not None else None
        named = [(o.who if o.who in ROLES else roles.get(o.who, unknown), o.bp) for o in self]
        return [(None if role in TIES and role not in group else role, bp) for role, bp in named]

    def share(self, group: frozenset[str], kin: Kin | None = None) -> tuple[int, int]:
        """Least and greatest share of a group in basis points.

        Joint owners without shares hold what is left: all of it counts where all of them belong to the group, none
        where none does, and something between otherwise. A person whose kinship is unknown counts to the upper bound.
        """
        named = self._named(group, kin)
        low = sum(bp for role, bp in named if bp is not None and role in group)
        high = low + sum(bp for role, bp in named if bp is not None and role is None)
        joint = [role for role, bp in named if bp is None]
        left = 10_000 - sum(bp for _, bp in named if bp is not None)
        ours = sum(role in group for role in joint)
        others = sum(role is not None and role not in group for role in joint)
        if joint:
            # Who is on the certificate owns something, however little.
            low += left if ours == len(joint) else min(ours, left)
            high += 0 if others == len(joint) else left - min(others, left)
        return low, high

    def within(self, group: frozenset[str], kin: Kin | None = None) -> bool | None:
        """Whether nobody outside the group is on the certificate; None where a kinship is unknown."""
        roles = [role for role, _ in self._named(group, kin)]
        if not roles or any(role is not None and role not in group for role in roles):
            return False
        return None if None in roles else True


AT = ("zone", "district", "city")
"""Where a spell was spent, the nearest place first: a spell in the zone is one in the district and the city too."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of days, both ends counted; `last` None: it still runs. `kind`: of insurance (pension, medical …);
    `at`: one of AT, "" elsewhere or unsaid; `back_paid`: paid afterwards (补缴)."""

    first: date
    last: date | None = None
    kind: str = ""
    at: str = ""
    back_paid: bool = False


Span = tuple[int, int]


class History(tuple[Spell, ...]):
    """The spells of one person in one register; empty: the register knows of none."""

    __slots__ = ()

    def spans(self, start: int, end: int, kind: str | None, at: str | None, back_paid: bool) -> list[Span]:
        """Spells as day ordinals between two days, merged where they touch."""
        if not self:
            return []
        near = AT[: AT.index(at) + 1] if at else ()
        if len(self) == 1:
            s = self[0]
            if (kind is not None and s.kind != kind) or (near and s.at not in near) or (s.back_paid and not back_paid):
                return []
            one = (max(s.first.toordinal(), start), min(s.last.toordinal(), end) if s.last else end)
            return [one] if one[0] <= one[1] else []
        return merged(
            (max(s.first.toordinal(), start), min(s.last.toordinal() if s.last else end, end))
            for s in self
            if (kind is None or s.kind == kind) and (not near or s.at in near) and (back_paid or not s.back_paid)
        )


def merged(spans: Iterable[Span]) -> list[Span]:
    """The union of spans in order; spans that touch become one."""
    kept = [span for span in spans if span[0] <= span[1]]
    if len(kept) < 2:
        return kept
    kept.sort()
    out: list[Span] = []
    for first, last in kept:
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return out


def common(one: list[Span], two: list[Span]) -> list[Span]:
    """The days in both lists of merged spans."""
    return merged((max(a, c), min(b, d)) for a, b in one for c, d in two)


def length(span: Span, unit: str) -> int:
    """Days, full months or full years of a span, both ends counted."""
    if unit == "days":
        return span[1] - span[0] + 1
    first, after = date.fromordinal(span[0]), date.fromordinal(span[1] + 1)
    months = (after.year - first.year) * 12 + after.month - first.month - (after.day < first.day)
    return months if unit == "months" else months // 12


def counted(spans: list[Span], count: str, unit: str, end: int) -> int:
    """What is counted of merged spans: `unbroken` back from the day `end`, the `longest`, or all (`cumulative`).

    Cumulative years are full years of the months together: three times eight months are two years.
    """
    if not spans:
        return 0
    if len(spans) == 1 and count != "unbroken":
        return length(spans[0], unit)
    if count == "unbroken":
        return length(spans[-1], unit) if spans[-1][1] == end else 0
    if count == "longest":
        return max(length(span, unit) for span in spans)
    if unit == "years":
        return sum(length(span, "months") for span in spans) // 12
    return sum(length(span, unit) for span in spans)


@dataclass(frozen=True, slots=True)
class Place:
    """A standard address: `code` of PS5 ("compound/building/room", or only its beginning), the region's key, and the
    coordinate where it is known (degrees)."""

    code: str
    region: str = ""
    lng: float | None = None
    lat: float | None = None

    def same(self, other: Place) -> bool | None:
        """Whether both are one address; None where one of them is known only as far as the building or compound."""
        if self.code == other.code:
            return True
        short, long_ = sorted((self.code, other.code), key=len)
        return None if not short or long_.startswith(short.rstrip("/") + "/") else False

    def inside(self, compounds: Iterable[str], polygon: tuple[tuple[float, float], ...]) -> bool | None:
        """Whether it lies in a zone of compounds and a polygon; None where the polygon needs an unknown coordinate."""
        if self.code.split("/")[0] in compounds:
            return True
        if not polygon:
            return False
        if self.lng is None or self.lat is None:
            return None
        inside, x, y = False, self.lng, self.lat
        for (x1, y1), (x2, y2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
            # Ray casting (Shimrat 1962): each edge that a ray to the east crosses flips the side.
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                inside = not inside
        return inside


@dataclass(frozen=True, slots=True)
class SeatLock:
    """A seat that a dwelling already serves (ED2). `since`: year of entry, into `grade`; `left`: "" while the pupil
    holds it, else how it ended; `home`: "public_rental" where that is; None: unknown."""

    stage: Literal["primary", "junior", "nine_year"]
    since: int
    grade: int = 1
    left: Literal["", "graduated", "transferred_out", "transferred_within", "not_gone_up"] = ""
    home: str = ""
    same_parents: bool | None = None
    same_school: bool | None = None


class SeatLocks(tuple[SeatLock, ...]):
    """All locks on a dwelling; empty: none."""

    __slots__ = ()


class Dwellings(dict[str, int]):
    """How many dwellings child and guardians own, by region (NR3); a region that was not asked is missing."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


Record = Kin | Owners | History | Place | SeatLocks | Dwellings
_LISTS: dict[type, type] = {Kin: Person, Owners: Owner, History: Spell, SeatLocks: SeatLock}
KIND_NAMES: dict[type, str] = {
    bool: "bool", int: "int", date: "date", str: "str", Kin: "kin", Owners: "owners", History: "history",
    Place: "place", SeatLocks: "locks", Dwellings: "dwellings",
}  # fmt: skip


def _one(kind: type, raw: Any) -> Any:
    if not isinstance(raw, Mapping):
        raise TypeError(f"{kind.__name__} must be a mapping, not {raw!r}")
    known = {f.name for f in fields(kind)}
    if set(raw) - known:
        raise TypeError(f"{kind.__name__} knows {', '.join(sorted(known))}, not {', '.join(sorted(set(raw) - known))}")
    made = {}
    for name, value in raw.items():
        if name in ("first", "last") and isinstance(value, str):
            value = date.fromisoformat(value)
        made[name] = tuple(value) if name == "parents" else value
    return kind(**made)


def parse(kind: type, raw: Any) -> Any:
    """A value of a vocabulary's kind from plain JSON or YAML; None stays None. Raises TypeError, ValueError."""
    if raw is None or (kind in (bool, int, str) and type(raw) is kind):
        return raw
    if kind is date:
        return raw if isinstance(raw, date) else date.fromisoformat(raw)
    if kind in _LISTS and isinstance(raw, list):
        return kind(_one(_LISTS[kind], entry) for entry in raw)
    if kind is Dwellings and isinstance(raw, Mapping):
        return Dwellings(raw)
    if kind is Place:
        return Place(raw) if isinstance(raw, str) else _one(Place, raw)
    raise TypeError(f"{raw!r} is no {KIND_NAMES[kind]}")


def plain(value: Any) -> Any:
    """The inverse of `parse`: what JSON can hold."""
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (Kin, Owners, History, SeatLocks)):
        return [plain(entry) for entry in value]
    if isinstance(value, (Person, Owner, Spell, SeatLock, Place)):
        held = ((f.name, getattr(value, f.name)) for f in fields(value))
        return {name: list(entry) if isinstance(entry, tuple) else plain(entry) for name, entry in held}
    return dict(value) if isinstance(value, Dwellings) else value
