"""Before a ceremony: the list, the wishes, whether the rules can hold, a rehearsal, and the manifest to be published."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from ruxue.accounts.models import User
from ruxue.algorithms import balance, bundle, draw
from ruxue.applications.models import Application
from ruxue.applications.states import State
from ruxue.classes.models import Ceremony, Place, Preparation, TeacherTeam, Witness
from ruxue.ledger import clock
from ruxue.places import rules as district_rules
from ruxue.places.models import School, Season, SeatPlan

ROLES = {"parent": "家长代表", "committee": "家委会代表", "bureau": "区教体局代表"}
TITLES = {
    "classes": "{school}{year}级一年级分班",
    "teachers": "{school}{year}级一年级教师团队抽签",
    "late": "{school}{year}级一年级补录新生第{serial}次分班",
}
# What may be named as a public beacon: everyone can look it up, and nobody knows it before its day.
BEACONS = {
    "index": "上证指数收盘点位",
    "lottery": "中国福利彩票双色球开奖号码",
    "drand": "drand 公共随机数（quicknet）",
    "dice": "家长当众掷出的六颗骰子",
}
REHEARSAL_SEED = b"rehearsal rehearsal rehearsal re"  # 32 bytes that read as what they are
REHEARSAL_MARK = "演练-"


class CeremonyError(ValueError):
    """A step that can't be taken now; `code` says why, `details` names who or what."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code, self.details = code, details


@dataclass
class Wishes:
    """What a school decides before the list is published. `beacon` holds source, round and at (ISO) where one is due."""

    classes: int = 1
    cap: int = 55
    balance: list[str] = field(default_factory=lambda: ["sex"])
    apart: list[str] = field(default_factory=list)
    forbidden: list[list[str]] = field(default_factory=list)
    same_names_apart: bool = True
    parents: int = 1
    committees: int = 1
    bureaus: int = 1
    place: str = ""
    planned_at: str = ""
    beacon: dict[str, str] | None = None

    def witnesses(self) -> list[dict[str, str]]:
        """The witnesses' places in the manifest's order: id and role, numbered where a role has several."""
        rows = []
        for kind, count in (("parent", self.parents), ("committee", self.committees), ("bureau", self.bureaus)):
            for n in range(1, count + 1):
                rows.append(
                    {"id": kind, "role": ROLES[kind]}
                    if count == 1
                    else {"id": f"{kind}-{n}", "role": f"{ROLES[kind]}{n}"}
                )
        return rows


def waiting_pupils(season: Season, school: School) -> list[Application]:
    """Children who accepted a seat of the school and are in no class yet, by receipt."""
    return list(
        Application.objects.filter(season=season, state=State.ACCEPTED, offer__school=school).order_by("receipt")
    )


def entries_of(season: Season, rows: list[Application]) -> list[dict[str, Any]]:
    """Manifest entries: receipts stand for children; sex 0 or 1, age in months on 31 August, category from 1."""
    policy = district_rules.in_force(season)
    order = {c.code: n for n, c in enumerate(policy.categories, 1)} if policy else {}
    together = Counter(r.group for r in rows if r.group)
    entries = []
    for row in rows:
        born = row.born_on
        assert born is not None
        entry: dict[str, Any] = {
            "code": row.receipt,
            "sex": 1 if row.sex == "F" else 0,
            "age_months": (season.year - born.year) * 12 + 8 - born.month,
            "category": order.get(row.category, 0),
        }
        if together[row.group] > 1:
            entry["group"] = row.group.upper()
        entries.append(entry)
    return sorted(entries, key=lambda e: str(e["code"]))


def siblings(rows: list[Application]) -> dict[str, list[Application]]:
    """Children born together, by the name that their group has in the manifest."""
    found: dict[str, list[Application]] = {}
    for row in rows:
        if row.group:
            found.setdefault(row.group.upper(), []).append(row)
    return {name: members for name, members in sorted(found.items()) if len(members) > 1}


def same_names(rows: list[Application]) -> list[list[str]]:
    """Pairs of receipts whose children have the same full name."""
    by_name: dict[str, list[str]] = {}
    for row in rows:
        by_name.setdefault(row.child_name, []).append(row.receipt)
    return [[a, b] for codes in by_name.values() for i, a in enumerate(codes) for b in codes[i + 1 :]]


def wishes(season: Season, school: School, kind: str) -> Wishes:
    """What was saved, else as few classes as the plan's size allows, at most the plan's number.

    Same names stand apart by default, unless more children share one than there are classes.
    """
    saved = Preparation.objects.filter(season=season, school=school, kind=kind).first()
    if saved:
        return Wishes(**saved.wishes)
    plan = SeatPlan.objects.get(season=season, school=school)
    rows = waiting_pupils(season, school) if kind == "classes" else []
    classes = max(1, min(plan.classes, -(-len(rows) // plan.class_size)))
    namesakes = max(Counter(row.child_name for row in rows).values(), default=1)
    return Wishes(classes=classes, cap=plan.class_size, same_names_apart=namesakes <= classes)


def save(season: Season, school: School, kind: str, wanted: Wishes, user: User | None) -> None:
    """Keeps what the school wants. Raises CeremonyError where it can't be meant."""
    plan = SeatPlan.objects.get(season=season, school=school)
    if not 1 <= wanted.cap <= plan.class_size:
        raise CeremonyError("cap", most=plan.class_size)
    if not 1 <= wanted.classes <= 60:
        raise CeremonyError("classes_form")
    for count in (wanted.parents, wanted.committees, wanted.bureaus):
        if not 1 <= count <= 9:
            raise CeremonyError("witness_counts")
    if wanted.beacon:
        _check_beacon(wanted.beacon)
    Preparation.objects.update_or_create(
        season=season,
        school=school,
        kind=kind,
        defaults={"wishes": asdict(wanted), "changed_at": clock.now(), "changed_by": user},
    )


def _check_beacon(beacon: dict[str, str]) -> None:
    # Dice are for lots in the hall alone: the repeat of a draw takes what nobody there can touch.
    if beacon.get("source") not in BEACONS.keys() - {"dice"} or not beacon.get("round", "").strip():
        raise CeremonyError("beacon_form")
    if datetime.fromisoformat(beacon["at"]) <= clock.now():
        raise CeremonyError("beacon_past")


def attempts(season: Season, school: School, kind: str, serial: int, lot_of: Ceremony | None = None) -> Any:
    """The draws of this kind that were declared void, oldest first."""
    return Ceremony.objects.filter(
        season=season, school=school, kind=kind, serial=serial, lot_of=lot_of, state=Ceremony.State.VOID
    ).order_by("id")


def needs_beacon(voided: Any) -> bool:
    """A repeat must name a beacon once a draw was void after its commitments were opened: someone may have computed."""
    return bool(voided.filter(acts__step="void", acts__source=Ceremony.State.REVEALING).exists())


def next_serial(season: Season, school: School, kind: str) -> int:
    """1, but late arrivals are drawn as often as they come."""
    if kind != "late":
        return 1
    return 1 + Ceremony.objects.filter(season=season, school=school, kind=kind, state=Ceremony.State.DRAWN).count()


def draft(season: Season, school: School, kind: str, wanted: Wishes) -> dict[str, Any]:
    """The manifest as it would be published now. Raises CeremonyError where something is missing first."""
    serial = next_serial(season, school, kind)
    voided = attempts(season, school, kind, serial)
    number = voided.count() + 1
    if kind == "classes":
        rules, entries = _class_part(season, school, wanted)
    elif kind == "late":
        rules, entries = _late_part(season, school, wanted)
    else:
        rules, entries = _teacher_part(season, school)
    tail = (f"-{serial}" if kind == "late" else "") + (f"-repeat-{number - 1}" if number > 1 else "")
    manifest: dict[str, Any] = {
        "protocol": draw.PROTOCOL,
        "kind": "teachers" if kind == "teachers" else "classes",
        "id": f"{season.year}-{school.code}-{kind}{tail}",
        "title": TITLES[kind].format(school=school.name_zh, year=season.year, serial=serial)
        + (f"（第{number}次）" if number > 1 else ""),
        "algorithm": bundle.algorithm(),
        "rules": rules,
        "witnesses": wanted.witnesses(),
        "entries": entries,
    }
    if wanted.beacon:
        manifest["beacon"] = {"source": BEACONS[wanted.beacon["source"]], "round": wanted.beacon["round"]}
    elif needs_beacon(voided):
        raise CeremonyError("needs_beacon")
    return manifest


def _class_part(season: Season, school: School, wanted: Wishes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if Application.objects.filter(season=season, state=State.OFFERED, offer__school=school).exists():
        raise CeremonyError("offers_open")
    rows = waiting_pupils(season, school)
    if not rows:
        raise CeremonyError("no_pupils")
    rules: dict[str, Any] = {
        "classes": wanted.classes,
        "cap": wanted.cap,
        "balance": wanted.balance,
        "mean": "age_months",
    }
    groups, codes = siblings(rows), {r.receipt for r in rows}
    apart = sorted(set(wanted.apart) & groups.keys())
    pairs = [*wanted.forbidden, *(same_names(rows) if wanted.same_names_apart else [])]
    forbidden = sorted({(min(p), max(p)) for p in pairs if set(p) <= codes})
    if apart:
        rules["apart"] = apart
    if forbidden:
        rules["forbidden"] = [list(p) for p in forbidden]
    return rules, _only_used(entries_of(season, rows), wanted.balance)


def _only_used(entries: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """Entries carry the attributes that the rules use, and no other."""
    wanted = {"code", "group", "age_months", *names}
    return [{k: v for k, v in e.items() if k in wanted} for e in entries]


def drawn_classes(season: Season, school: School) -> Ceremony | None:
    """The school's class assignment, once it has been drawn."""
    return Ceremony.objects.filter(season=season, school=school, kind="classes", state=Ceremony.State.DRAWN).first()


def _late_part(season: Season, school: School, wanted: Wishes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    first = drawn_classes(season, school)
    if first is None:
        raise CeremonyError("classes_first")
    late = waiting_pupils(season, school)
    if not late:
        raise CeremonyError("no_late")
    places = Place.objects.filter(ceremony__season=season, ceremony__school=school).select_related("application")
    placed = {p.application.receipt: p.number for p in places}
    old = first.manifest["rules"]
    rules = {k: old[k] for k in ("classes", "balance", "mean")} | {"cap": wanted.cap, "placed": placed}
    rows = [*(p.application for p in places), *late]
    groups = siblings(rows)
    if apart := sorted(set(old.get("apart", [])) & groups.keys()):
        rules["apart"] = apart
    if "forbidden" in old:
        rules["forbidden"] = old["forbidden"]
    return rules, _only_used(entries_of(season, rows), old["balance"])


def _teacher_part(season: Season, school: School) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    classes = drawn_classes(season, school)
    if classes is None:
        raise CeremonyError("classes_first")
    number = classes.manifest["rules"]["classes"]
    teams = sorted(TeacherTeam.objects.filter(season=season, school=school).values_list("name", flat=True))
    if len(teams) != number:
        raise CeremonyError("teams", teams=len(teams), classes=number)
    return {"classes": number}, [{"code": t} for t in teams]


def conflict(manifest: dict[str, Any]) -> Exception | None:
    """What contradicts itself in the rules, in words; None where they can hold."""
    try:
        bundle.build_result(manifest, REHEARSAL_SEED)
    except (balance.InfeasibleRules, draw.DrawError) as error:
        return error
    return None


def rehearsal(manifest: dict[str, Any]) -> dict[str, Any]:
    """A dry run that can't pass for a draw: its seed reads “rehearsal”, its id, title and every row say so, and no
    verifier takes it. The seed is always the same, so that nothing can be tried with it. Raises InfeasibleRules.
    """
    mark = lambda code: REHEARSAL_MARK + code  # noqa: E731
    rules = dict(manifest["rules"])
    if "forbidden" in rules:
        rules["forbidden"] = [[mark(a), mark(b)] for a, b in rules["forbidden"]]
    if "placed" in rules:
        rules["placed"] = {mark(c): n for c, n in rules["placed"].items()}
    marked = {
        **manifest,
        "id": f"rehearsal-{manifest['id']}",
        "title": f"【演练，不作数】{manifest['title']}",
        "rules": rules,
        "entries": [{**e, "code": mark(e["code"])} for e in manifest["entries"]],
    }
    return {
        "rehearsal": "演练，不是抽签结果。A rehearsal, not the result of a draw.",
        "manifest": marked,
        "seed": REHEARSAL_SEED.hex(),
        "result": bundle.build_result(marked, REHEARSAL_SEED),
    }


def names_of(made: Ceremony) -> dict[str, str]:
    """Children's full names by receipt, of all who stand in the ceremony's list."""
    codes = [e["code"] for e in made.manifest["entries"]]
    return {a.receipt: a.child_name for a in Application.objects.filter(season=made.season_id, receipt__in=codes)}


def families(made: Ceremony) -> set[str]:
    """Receipts of the families whom the ceremony concerns: they may take part in the lot of its witnesses."""
    if made.kind == "teachers":
        drawn = Q(ceremony__season=made.season_id, ceremony__school=made.school_id)
        return set(Place.objects.filter(drawn).values_list("application__receipt", flat=True))
    return {e["code"] for e in made.manifest["entries"]}


def carry_over(made: Ceremony) -> list[tuple[Witness, Witness]]:
    """Pairs (before, now) of the same places in the class assignment and in this draw."""
    before = {w.code: w for c in [drawn_classes(made.season, made.school)] if c for w in c.witnesses.all()}
    return [(before[w.code], w) for w in made.witnesses.all() if w.code in before]
