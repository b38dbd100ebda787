"""What a round depends on, frozen as plain data: the rule's arrangements, plans, homes, lists and locks. See `seating`."""

from __future__ import annotations

from typing import Any

from ruxue.admissions import register
from ruxue.admissions.models import Arrangement, Offer, PreferenceList
from ruxue.applications.models import Application
from ruxue.applications.states import HOLDS_SEAT
from ruxue.places import rules
from ruxue.places.models import Compound, School, Season, SeatPlan, Zone
from ruxue.policy import arrangements
from ruxue.policy.arrangements import Stage
from ruxue.policy.language import Policy
from ruxue.policy.records import Place


def arrangement(season: Season) -> Arrangement:
    """The district's rule of coordination; by rank and without a limit where it chose nothing."""
    return Arrangement.objects.filter(season=season).first() or Arrangement(season=season)


def zones(season: Season, compounds: set[str]) -> dict[str, list[str]]:
    """The schools whose zones list each compound (one or several), in the order of their codes."""
    found: dict[str, list[str]] = {}
    rows = Zone.compounds.through.objects.filter(zone__season=season, compound_id__in=compounds)
    for compound, school in rows.order_by("zone__school_id").values_list("compound_id", "zone__school_id"):
        found.setdefault(compound, []).append(school)
    return found


class Names:
    """Finds the schools that a rule names, by name or code; `unknown` are names that no school of the season has."""

    def __init__(self, schools: list[School]) -> None:
        self._codes = {name: s.code for s in schools for name in (s.name_zh, s.code)}
        self.unknown: set[str] = set()

    def __call__(self, name: str) -> str | None:
        if name not in self._codes:
            self.unknown.add(name)
        return self._codes.get(name)


def _reserves(season: Season, policy: Policy, plans: list[SeatPlan]) -> dict[str, dict[str, int]]:
    """Reserved seats that are left: the quota, less the seats that children of the category hold already."""
    if not policy.quotas:
        return {}
    held: dict[tuple[str, str], int] = {}
    live = Offer.objects.filter(round__season=season, application__state__in=HOLDS_SEAT)
    for school, category in live.values_list("school", "category"):
        held[school, category] = held.get((school, category), 0) + 1
    return {
        p.school_id: {
            category: max(0, size - held.get((p.school_id, category), 0))
            for category, size in arrangements.reserved(policy, p.seats).items()
        }
        for p in plans
    }


def _lots(policy: Policy) -> list[str] | None:
    """The codes of categories in which the lot alone decides; None where the rule names no lottery at all."""
    inside = [c.code for c in policy.categories if c.straddle == "lottery"]
    return inside if inside or policy.ties else None


def fact(row: Application, name: str) -> Any:
    """A stored fact's value, None where it isn't known."""
    return row.facts.get(name, [None])[0]


def _place(thing: Any) -> list[int]:
    return [round(thing.lng * 1e6), round(thing.lat * 1e6)]


def freeze(
    season: Season, policy: Policy, rows: list[Application], left: dict[str, int], stage: Stage
) -> dict[str, Any]:
    """The inputs of a round for `rows`, in the order given. `left`: seats by school."""
    chosen = arrangement(season)
    plans = list(SeatPlan.objects.filter(season=season).select_related("school").order_by("school_id"))
    code_of = Names([p.school for p in plans])
    homes = {c.code: c for c in Compound.objects.filter(pk__in={r.compound_id for r in rows if r.compound_id})}
    zone_of = zones(season, set(homes))
    feeders = [(f, code_of(f.junior)) for f in policy.feeders or ()]
    buffers = {code: b for b in policy.buffers or () if (code := code_of(b.school))}
    lists = {p.application_id: p for p in PreferenceList.objects.filter(application__in=rows)}
    locks = register.locks_on(season, rows) if policy.seat_lock else {}
    households: dict[Any, list[str]] = {}
    for row in rows:
        households.setdefault((row.guardian_id, row.compound_id), []).append(row.receipt)

    def zone(row: Application) -> list[str]:
        first = [row.school_id] if row.school_id in left else []
        return list(dict.fromkeys([*first, *(s for s in zone_of.get(row.compound_id or "", []) if s in left)]))

    def feeder(row: Application, wanted: PreferenceList | None) -> str | None:
        declines = bool(fact(row, "child.declines_promotion")) or (wanted is not None and wanted.declines_feeder)
        primary = fact(row, "child.primary_school")
        return next((code for f, code in feeders if f.primary == primary and not (f.opt_out and declines)), None)

    def in_buffer(row: Application) -> list[str]:
        return sorted(code for code, b in buffers.items() if _in_buffer(policy, b.school, row, homes))

    def entry(row: Application) -> dict[str, Any]:
        wanted, household = lists.get(row.pk), households[row.guardian_id, row.compound_id]
        return {
            "receipt": row.receipt,
            "category": row.category,
            "keys": row.order_keys,
            "zone": zone(row),
            "list": [s for s in wanted.schools if s in left] if wanted else [],
            "feeder": feeder(row, wanted),
            "buffer": in_buffer(row),
            "locks": [*locks.get(row.pk, []), *(_asked_locks(row) if policy.seat_lock else [])],
            "group": row.group,
            "household": f"with {min(household)}" if len(household) > 1 else row.group,
            "home": row.compound_id,
            "late": row.late,
        }

    return {
        "season": season.key,
        "year": season.year,
        "policy": rules.digest_in_force(season),
        "stage": {
            "kind": stage.kind,
            "number": stage.number,
            "choices": stage.choices,
            "choice_first": stage.choice_first,
            "coordinates": stage.coordinates,
        },
        "categories": [c.code for c in policy.categories],
        "lots": _lots(policy),
        "rule": chosen.rule,
        "limit_m": chosen.limit_m,
        "seats": left,
        "private": [p.school_id for p in plans if p.school.private],
        "reserves": _reserves(season, policy, plans),
        "loser_last": arrangements.loser_last(policy),
        "buffers": {code: b.category for code, b in sorted(buffers.items())},
        "seat_lock": policy.seat_lock.model_dump(mode="json") if policy.seat_lock else None,
        "schools": {p.school_id: _place(p.school) for p in plans},
        "homes": {code: _place(c) for code, c in sorted(homes.items())},
        "unknown_schools": sorted(code_of.unknown),
        "applications": [entry(row) for row in rows],
    }


def _asked_locks(row: Application) -> list[dict[str, Any]]:
    """What the departments' register of seats said of the home: pupils of years before the platform."""
    schools = {True: row.school_id, False: ""}
    return [
        {
            "school": schools.get(lock.get("same_school")),
            **{name: lock.get(name) for name in ("stage", "since", "grade", "same_parents")},
            "left": lock.get("left", ""),
            "home": lock.get("home", ""),
        }
        for lock in fact(row, "dwelling.seat_locks") or []
    ]


def _in_buffer(policy: Policy, name: str, row: Application, homes: dict[str, Compound]) -> bool:
    """Whether the home lies in the school's buffer zone: by the register, else by the rule's zone of that name."""
    known = fact(row, "dwelling.buffer_school")
    if known is not None:
        return bool(known == name)
    area, home = (policy.zones or {}).get(name), homes.get(row.compound_id or "")
    if area is None or home is None:
        return False
    polygon = tuple((float(p[0]), float(p[1])) for p in area.polygon or ())
    return bool(Place(home.code, lng=home.lng, lat=home.lat).inside(area.compounds or (), polygon))
