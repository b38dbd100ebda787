"""The synthetic city: real districts, streets and communities of Weifang, invented people. Deterministic from
a seed.

Everything follows from the arguments of `generate`: no wall clock, no hash order. ID numbers carry 370799, a
region code that was never issued, and a valid check digit (GB 11643-1999). How true life, typing mistakes and
the registers' flaws are dealt out is explained in docs/simulation.md.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import accumulate
from typing import Literal

import numpy as np
from pypinyin import lazy_pinyin
from stdnum.cn import uscc

from ruxue.algorithms.identity import id_check_digit
from ruxue.simulation.geography import DISTRICTS, OUTSIDE, Site, communities_of, compounds_of, geojson, territory
from ruxue.simulation.model import (
    PERSON_REGION,
    City,
    Claim,
    Compound,
    Contract,
    District,
    Dwelling,
    Family,
    Household,
    Insurance,
    Job,
    Json,
    Kin,
    Lease,
    Lock,
    Paid,
    Paper,
    Period,
    Permit,
    Person,
    Resettlement,
    School,
    Share,
    Sibling,
    Truth,
)

RARE = {
    "喆": "哲",
    "堃": "坤",
    "淼": "渺",
    "昇": "升",
    "翀": "冲",
    "犇": "奔",
    "囯": "国",
}  # sign: its substitute
_SURNAMES = "王李张刘陈杨赵孙周吴徐于马朱胡郭高林孔魏曲宫丛牟韩冯曹董袁邓许傅沈"
_SURNAME_WEIGHTS = list(accumulate([90, 80, 76, 62, 38, 30, 29, 26, 22, 20, 19, 18, 17] + [8] * 20))
_COMPOUND_SURNAMES = ("欧阳", "上官", "司马", "诸葛", "东方", "尉迟")
_GIVEN = "明华伟芳娜静丽强磊军洋勇艳杰娟涛敏超秀霞平刚桂英建国志文玉兰"
_GIVEN_CHILD = "子涵浩宇欣怡梓轩雨桐一诺晨曦俊熙思远佳琪瑞泽若汐语嫣承恩奕辰沐可安"
_MINORITY = {
    "M": ("买买提", "艾力", "吐尔逊", "阿卜杜拉", "玉素甫"),
    "F": ("阿依古丽", "古丽娜", "帕提曼", "热娜", "茹仙"),
}
_SLIPS = {"涵": "函", "轩": "宣", "梓": "子", "琪": "奇", "怡": "宜", "桐": "同", "曦": "希", "奕": "弈"}


# Somebody outside the family who owns a share of its home; in no register.
STRANGER = Person(
    f"{PERSON_REGION}19000101001{id_check_digit(PERSON_REGION + '19000101001')}", "某某", "M", date(1900, 1, 1)
)


class _People:
    """Hands out people; every ID number once."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.used: Counter[tuple[date, str]] = Counter()

    def number(self, born: date, sex: str) -> str:
        """The next unused ID number of that birthday and sex."""
        n = self.used[born, sex]
        self.used[born, sex] += 1
        if n > 499:
            raise ValueError(f"no ID number is left for {born}")
        first = f"{PERSON_REGION}{born:%Y%m%d}{2 * n + (sex == 'M'):03d}"
        return first + id_check_digit(first)

    def surname(self) -> str:
        rng = self.rng
        if rng.random() < 0.012:
            return rng.choice(_COMPOUND_SURNAMES)
        return rng.choices(_SURNAMES, cum_weights=_SURNAME_WEIGHTS)[0]

    def person(self, sex: Literal["M", "F"], born: date, surname: str, signs: str = _GIVEN) -> Person:
        """`surname` "·" makes a name of a minority."""
        rng = self.rng
        if surname == "·":
            name = f"{rng.choice(_MINORITY[sex])}·{rng.choice(_MINORITY['M'])}"
        else:
            given = rng.choice(signs) + (rng.choice(signs) if rng.random() < 0.8 else "")
            if rng.random() < 0.03:
                given = given[:-1] + rng.choice(list(RARE))
            name = surname + given
        return Person(self.number(born, sex), name, sex, born)


def _rare(person: Person) -> Person:
    """The same person with a sign that old registers can't write, unless the name is special already."""
    if "·" in person.name or any(c in RARE for c in person.name):
        return person
    return replace(person, name=person.name[:-1] + list(RARE)[int(person.id_number[14:17]) % len(RARE)])


def register_spelling(name: str) -> str:
    """How an old register writes a name: without rare signs, and without the dot between name parts."""
    return "".join({**RARE, "·": ""}.get(c, c) for c in name)


def _slip(name: str) -> str:
    """A name as somebody in a hurry types it."""
    if "·" in name:
        return name.replace("·", "")
    swapped = "".join({**RARE, **_SLIPS}.get(c, c) for c in name)
    return swapped if swapped != name else name[:-1] + ("敬" if name[-1] != "敬" else "静")


def _day(rng: random.Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randint(0, max(0, (last - first).days)))


def months_between(first: date, last: date) -> int:
    """Whole months from `first` to `last`."""
    return max(0, (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day))


# ── how the true city divides, and what goes wrong ───────────────────────────

KINDS = {  # per mille of families
    "owned": 447,
    "owned_away": 65,
    "grandparents": 60,
    "owned_outside": 105,
    "contract": 55,
    "resettlement": 20,
    "apartment": 25,
    "local_lease": 35,
    "migrant_lease": 120,
    "unfiled_lease": 58,
    "collective": 10,
}
_BASIS: dict[str, Literal["owned", "grandparents", "contract", "lease", "resettlement"]] = {
    "owned": "owned",
    "owned_away": "owned",
    "owned_outside": "owned",
    "collective": "owned",
    "apartment": "owned",
    "grandparents": "grandparents",
    "contract": "contract",
    "resettlement": "resettlement",
    "local_lease": "lease",
    "migrant_lease": "lease",
    "unfiled_lease": "lease",
}
FRAUDS = (
    "forged_contract",
    "forged_lease",
    "no_home",
    "borrowed_certificate",
    "false_grandparent",
    "sold_home",
)
_FRAUD_PER_MILLE = 12
_TWINS_PER_MILLE = 15
_TOO_YOUNG_PER_MILLE = 8  # families who apply a year early
HOUSEHOLD_FIRST_TRY = 0.63  # Weifang 2019: 63.06 %
PROPERTY_FIRST_TRY = 0.865  # Weifang 2019: 86.47 %
_PROPERTY_FAULTS = {  # what makes a first property check fail, in weights; domain reference §9, rows 2 and 3
    "stale": 24,
    "old_book": 18,
    "unlinked": 16,
    "owner_name_register": 12,
    "wrong_compound": 13,
    "owner_not_typed": 9,
    "guardian_name": 6,
    "guardian_id": 2,
}
_HOUSEHOLD_FAULTS = {  # likewise for household checks
    "hukou_alias": 46,
    "first_not_in_book": 22,
    "one_parent_not_in_book": 10,
    "child_name": 8,
    "child_id": 4,
    "hukou_unknown": 4,
    "hukou_ambiguous": 3,
    "hukou_moved": 2,
    "child_name_register": 3,
}
_MISTAKES = {  # the family's; all others are the registers'
    "wrong_compound",
    "owner_not_typed",
    "co_owner_not_typed",
    "guardian_name",
    "guardian_id",
    "first_not_in_book",
    "one_parent_not_in_book",
    "child_name",
    "child_id",
    "certificate_type",
}


@dataclass
class _Draft:
    """A family while faults are dealt out. Parents are named "father" and "mother" in `book`, `owners`,
    `typed`."""

    key: int
    kind: str
    district: str
    home: str
    room: tuple[int, int, str]
    people: dict[str, Person]
    children: list[Person]
    siblings: list[Sibling]
    hukou_code: str
    hukou_district: str
    hukou_region: str
    entered: date
    by_birth: bool
    book: list[str]
    owners: list[tuple[str, int]]
    acquired: date
    typed: list[str]
    basis: Literal["owned", "grandparents", "contract", "lease", "resettlement"]
    claimed: str
    fraud: str | None = None
    faults: set[str] = field(default_factory=set)
    elder: str = ""
    accomplice: Person | None = None
    borrowed: str = ""
    mistyped: str = ""  # a number of nobody, where one is typed wrong

    @property
    def count(self) -> int:
        return len(self.children)

    @property
    def parents(self) -> list[str]:
        return [w for w in ("father", "mother") if w in self.people]

    @property
    def home_code(self) -> str:
        building, unit, room = self.room
        return f"{self.home}/{building}-{unit}-{room}"

    def household_ok(self) -> bool:
        """Whether the first household check would match, were there no faults. Leases compare no address."""
        here = self.basis == "lease" or self.hukou_code.split("/")[0] == self.claimed
        return here and self.typed[0] in self.book

    def property_ok(self) -> bool:
        """Whether the first property check would match, were there no faults."""
        if self.fraud:
            return self.fraud == "false_grandparent"
        if self.basis == "grandparents":
            return True
        return any(who in self.typed for who, _ in self.owners)


def _quota(shares: dict[str, int], count: int, rng: random.Random) -> list[str]:
    """`count` names in the proportions of `shares` (largest remainders), shuffled: no sampling error in the
    mix."""
    whole = sum(shares.values())
    exact = {k: s * count / whole for k, s in shares.items()}
    rows = [k for k, x in exact.items() for _ in range(int(x))]
    rest = sorted(exact, key=lambda k: (int(exact[k]) - exact[k], k))
    rows += rest[: count - len(rows)]
    rng.shuffle(rows)
    return rows


def generate(
    families: int,
    seed: int,
    year: int = 2026,
    users: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> City:
    """A city in which children are enrolled in `year`; the same arguments give the same city, to the byte.

    `families` is the number of children to enroll, as on the command line: twins count twice. `users`: accounts in
    all, by default half as many again as families. `progress` is called with children made so far and in all.
    Raises ValueError for fewer than 20 families.
    """
    total = families
    if total < 20:
        raise ValueError("a city needs 20 families or more")
    rng = random.Random(f"ruxue-city/{seed}/{total}/{year}")
    points = np.random.default_rng([seed & 0xFFFFFFFF, total, year])
    areas, cells = territory()
    districts = [
        District(
            k,
            p.zh,
            p.en,
            p.code,
            geojson(areas[k]),
            round(areas[k].representative_point().x, 6),
            round(areas[k].representative_point().y, 6),
        )
        for k, p in DISTRICTS.items()
    ]
    streets, communities = communities_of(cells, points)
    compounds, sites = compounds_of(areas, communities, total, rng, points)
    twins = round(total * _TWINS_PER_MILLE / 1000)
    map_ = _Map(compounds, sites)
    people = _People(rng)
    drafts = _drafts(total, total - twins, twins, map_, people, year, rng, progress)
    _deal_out(drafts, map_, people, rng)
    schools = _schools(sites, drafts, map_, year, rng)
    made = [_finish(d, map_, year, rng) for d in drafts]
    idle = max(0, (users if users is not None else len(made) * 3 // 2) - len(made))
    city = City(year, seed, districts, streets, communities, compounds, schools, made, idle, {}, {})
    city.children_by_community = _children(city, rng)
    city.aggregates = _aggregates(city, rng)
    return city


class _Map:
    """Look-ups that families need."""

    def __init__(self, compounds: dict[str, Compound], sites: list[Site]) -> None:
        self.compounds = compounds
        self.zone = {c: s.code for s in sites for c in s.compounds}
        self.members = {s.code: s.compounds for s in sites}
        self.here = {k: [c for s in sites if s.district == k for c in s.compounds] for k in DISTRICTS}
        self.rooms: set[str] = set()

    def room(self, compound: str, rng: random.Random) -> tuple[int, int, str]:
        """A room that nobody has yet."""
        while True:
            floors = 26 if self.compounds[compound].built_year > 2005 else 6
            room = (
                rng.randint(1, self.compounds[compound].buildings),
                rng.randint(1, 4),
                f"{rng.randint(1, floors)}0{rng.randint(1, 4)}",
            )
            code = f"{compound}/{room[0]}-{room[1]}-{room[2]}"
            if code not in self.rooms:
                self.rooms.add(code)
                return room

    def code(self, compound: str, rng: random.Random) -> str:
        building, unit, room = self.room(compound, rng)
        return f"{compound}/{building}-{unit}-{room}"

    def text(self, code: str) -> str:
        """Full standard address; outside the city the county and an invented village."""
        head, _, rest = code.partition("/")
        if head.startswith("X"):
            return f"{OUTSIDE[head[1:7]]}向阳村{rest.split('-')[-1]}号"
        return self.compounds[head].address + room_text(rest)

    def elsewhere(self, home: str, district: str, rng: random.Random) -> str:
        """A compound of the district in another zone than `home`'s."""
        mine = self.here[district]
        while True:
            other = rng.choice(mine)
            if self.zone[other] != self.zone[home]:
                return other


def room_text(room: str) -> str:
    """ "3-2-501" as people write it; "" stays empty."""
    if not room:
        return ""
    building, unit, number = room.split("-")
    return f"{building}号楼{unit}单元{number}室"


def _drafts(
    total: int,
    count: int,
    twins: int,
    map_: _Map,
    people: _People,
    year: int,
    rng: random.Random,
    progress: Callable[[int, int], None] | None,
) -> list[_Draft]:
    kinds = _quota(KINDS, count, rng)
    where = _quota({k: round(p.share * 1000) for k, p in DISTRICTS.items()}, count, rng)
    twin_keys = set(rng.sample(range(count), twins))
    made: list[_Draft] = []
    children = 0
    for key in range(count):
        draft = _draft(key, kinds[key], where[key], key in twin_keys, map_, people, year, rng)
        made.append(draft)
        children += draft.count
        if progress:
            progress(children, total)
    return made


def _draft(
    key: int,
    kind: str,
    district: str,
    twins: bool,
    map_: _Map,
    people: _People,
    year: int,
    rng: random.Random,
) -> _Draft:
    home = rng.choice(map_.here[district])
    room = map_.room(home, rng)
    home_code = f"{home}/{room[0]}-{room[1]}-{room[2]}"
    who, surname = _elders_and_parents(district, people, year, rng)
    born = _day(rng, date(year - 7, 9, 1), date(year - 6, 8, 31))
    if rng.random() < _TOO_YOUNG_PER_MILLE / 1000:
        born = _day(rng, date(year - 6, 9, 1), date(year - 6, 12, 31))
    sexes: list[Literal["M", "F"]] = [rng.choice(("M", "F")) for _ in range(2 if twins else 1)]
    children = [people.person(s, born, surname, _GIVEN_CHILD) for s in sexes]
    siblings = _siblings(surname, born, people, map_.zone[home], year, rng)
    code, hukou_district, region = _hukou(kind, home, home_code, district, map_, rng)
    parents: list[str] = [w for w in ("father", "mother") if w in who]
    book = list(parents) if len(parents) == 1 or rng.random() < 0.72 else [rng.choices(parents, (65, 35))[0]]
    if kind == "grandparents":
        elders = ["grandfather", "grandmother"]
        book = elders + (book if rng.random() < 0.92 else [])
    elif kind == "collective":
        book = [rng.choice(parents)]
    acquired = _day(rng, date(year - 14, 1, 1), date(year - 1, 12, 20))
    by_birth = rng.random() < 0.8
    entered = born + timedelta(days=rng.randint(15, 80))
    if code == home_code and kind != "grandparents" and entered < acquired:
        by_birth, entered = False, min(date(year, 2, 10), acquired + timedelta(days=rng.randint(10, 400)))
    elif not by_birth:
        entered = _day(rng, born + timedelta(days=90), date(year, 1, 31))
    owners = _owners(kind, parents, rng)
    inside: list[str] = [w for w in parents if w in book] or parents
    typed = [rng.choice(inside)]
    typed += [w for w in parents if w not in typed]
    # Where nobody typed owns the home is a fault of its own, dealt out later.
    faults: set[str] = set()
    named_owner = not owners or typed[0] in {w for w, _ in owners}
    if len(typed) == 2 and named_owner and rng.random() < 0.12:
        left_out = typed.pop()
        faults |= {"co_owner_not_typed" for w, _ in owners if w == left_out}
    draft = _Draft(
        key,
        kind,
        district,
        home,
        room,
        who,
        children,
        siblings,
        code,
        hukou_district,
        region,
        entered,
        by_birth,
        book,
        owners,
        acquired,
        typed,
        _BASIS[kind],
        home,
        faults=faults,
    )
    if kind == "grandparents":
        draft.elder = rng.choice(("grandfather", "grandmother"))
        draft.owners = [(draft.elder, 10_000)]
        other = "grandmother" if draft.elder == "grandfather" else "grandfather"
        if set(parents) & set(book) and rng.random() < 0.1:
            draft.typed = [other, typed[0]]  # the grandparent who looks after the child fills in the form
    elif any(w == "grandfather" for w, _ in owners):
        draft.elder = "grandfather"
        if rng.random() < 0.5:
            faults.add("co_owner_not_typed")
    return draft


def _elders_and_parents(district: str, people: _People, year: int, rng: random.Random) -> tuple[dict[str, Person], str]:
    """Parents (one in about 3 % of families), both pairs of grandparents, and the children's surname."""
    minority = rng.random() < 0.008
    surname, mothers = ("·", "·") if minority else (people.surname(), people.surname())
    # The outskirts are younger.
    age = round(rng.gauss(33.5 if district in ("kuiwen", "gaoxin") else 31.5, 4.0))
    his = date(year - max(25, min(54, age + 2)), rng.randint(1, 12), rng.randint(1, 28))
    hers = date(year - max(24, min(48, age)), rng.randint(1, 12), rng.randint(1, 28))
    who = {"father": people.person("M", his, surname), "mother": people.person("F", hers, mothers)}
    for prefix, born, family in (("", his, surname), ("maternal_", hers, mothers)):
        gap = rng.randint(22, 32)
        old = date(born.year - gap, rng.randint(1, 12), rng.randint(1, 28))
        who[f"{prefix}grandfather"] = people.person("M", old, family)
        other = people.surname() if family != "·" else "·"
        who[f"{prefix}grandmother"] = people.person("F", old + timedelta(days=rng.randint(30, 1400)), other)
    if rng.random() < 0.03:
        del who[rng.choice(("father", "mother"))]
    return who, surname


def _siblings(surname: str, born: date, people: _People, school: str, year: int, rng: random.Random) -> list[Sibling]:
    if rng.random() > 0.35:
        return []
    older = rng.randint(2, 8)
    day = date(born.year - older, born.month, min(28, born.day))
    sex: Literal["M", "F"] = rng.choice(("M", "F"))
    person = people.person(sex, day, surname, _GIVEN_CHILD)
    if older <= 5:
        return [Sibling(person, school, older, "primary")]
    return [Sibling(person, f"J{school[:6]}01", older - 5, "junior")]


def _hukou(kind: str, home: str, home_code: str, district: str, map_: _Map, rng: random.Random) -> tuple[str, str, str]:
    """Where the children are registered: address code, district key, region code."""
    chance = rng.random()
    own = DISTRICTS[district].code
    if (
        kind in ("owned", "grandparents")
        or (kind == "contract" and chance < 0.4)
        or (kind == "resettlement" and chance < 0.3)
    ):
        return home_code, district, own
    if kind == "resettlement":
        village = rng.choice(map_.members[map_.zone[home]]) if chance < 0.65 else map_.elsewhere(home, district, rng)
        return (map_.code(village, rng) if village != home else home_code), district, own
    if kind == "collective":
        return map_.elsewhere(home, district, rng), district, own
    outside = kind in ("owned_outside", "migrant_lease") or (
        kind in ("contract", "apartment", "unfiled_lease")
        and chance > {"contract": 0.85, "apartment": 0.5, "unfiled_lease": 0.2}[kind]
    )
    if not outside:
        return map_.code(map_.elsewhere(home, district, rng), rng), district, own
    if rng.random() < 0.35:
        other = rng.choice([k for k in DISTRICTS if k != district])
        return map_.code(rng.choice(map_.here[other]), rng), other, DISTRICTS[other].code
    region = rng.choice(list(OUTSIDE))
    return f"X{region}/1-1-{rng.randint(1, 999)}", "other", region


def _owners(kind: str, parents: list[str], rng: random.Random) -> list[tuple[str, int]]:
    """Who owns, buys or leases the home, with shares in basis points."""
    if _BASIS[kind] == "lease":
        return []
    if kind == "resettlement":
        return [(w, 10_000 // len(parents)) for w in parents]
    chance = rng.random()
    if chance < 0.01 and kind != "contract":
        return [("child", 10_000)]
    if chance < 0.025 and kind in ("owned", "owned_away"):
        return [(parents[0], 5000), ("grandfather", 5000)]
    if chance < 0.035 and kind in ("owned", "owned_away", "owned_outside"):
        return [(parents[0], 5000), ("friend", 5000)]
    if len(parents) == 1 or chance > 0.5:
        return [(rng.choices(parents, (66, 34)[: len(parents)])[0], 10_000)]
    return [(w, 5000) for w in parents]


def _deal_out(drafts: list[_Draft], map_: _Map, people: _People, rng: random.Random) -> None:
    """Plants frauds, then as many faults as bring the first-try rates to the article's; both by quota."""
    order = list(drafts)
    rng.shuffle(order)
    _plant_frauds(order, drafts, map_, rng)
    honest = [d for d in order if not d.fraud]
    claims = [d for d in drafts if d.basis != "lease"]
    asked = sum(d.count for d in claims)
    surplus = sum(d.count for d in claims if d.property_ok()) - round(PROPERTY_FIRST_TRY * asked)
    for d in honest:
        if surplus <= 0:
            break
        if d.basis != "lease" and d.property_ok():
            _property_fault(d, map_, rng)
            surplus -= d.count
    forced = {"wrong_compound", "guardian_id"}
    total = sum(d.count for d in drafts)
    matched = sum(d.count for d in drafts if d.household_ok() and not d.faults & forced)
    surplus = matched - round(HOUSEHOLD_FIRST_TRY * total)
    for d in rng.sample(honest, len(honest)):
        if surplus <= 0:
            break
        if d.household_ok() and not d.faults & forced:
            _household_fault(d, rng)
            surplus -= 1 if "child_id" in d.faults else d.count
    for d in honest:
        if wrong := {"child_id", "guardian_id"} & d.faults:
            who = d.children[0] if "child_id" in wrong else d.people[d.typed[0]]
            d.mistyped = people.number(who.born_on, who.sex)
        if d.basis == "lease" and rng.random() < 0.08:
            d.faults.add("lease_missing")
        if d.kind == "migrant_lease" and rng.random() < 0.03:
            d.faults.add("job_missing")
        if d.basis in ("owned", "contract") and rng.random() < 0.04:
            d.faults.add("certificate_type")


def _plant_frauds(order: list[_Draft], drafts: list[_Draft], map_: _Map, rng: random.Random) -> None:
    """Families who have no home in the zone that they want, and claim one."""
    wanted = max(1, round(len(order) * _FRAUD_PER_MILLE / 1000))
    poor = [d for d in order if d.kind in ("migrant_lease", "local_lease", "owned_away", "owned_outside")][:wanted]
    victims: dict[str, list[_Draft]] = {}
    for d in drafts:
        if d.kind in ("owned", "grandparents") and d not in poor:
            victims.setdefault(d.district, []).append(d)
    for n, d in enumerate(poor):
        d.fraud = FRAUDS[n % len(FRAUDS)]
        others = [v for v in victims.get(d.district, []) if map_.zone[v.home] != map_.zone[d.home]]
        elders = [v for v in others if v.kind == "grandparents"]
        if (d.fraud == "false_grandparent" and not elders) or (d.fraud == "borrowed_certificate" and not others):
            d.fraud = "no_home"
        d.basis = {
            "forged_contract": "contract",
            "forged_lease": "lease",
            "false_grandparent": "grandparents",
        }.get(d.fraud, "owned")  # type: ignore[assignment]
        d.claimed = map_.elsewhere(d.home, d.district, rng)
        if d.fraud == "false_grandparent":
            victim = rng.choice(elders)
            d.claimed, d.accomplice = victim.home, victim.people[victim.elder]
        elif d.fraud == "borrowed_certificate":
            victim = rng.choice(others)
            d.claimed, d.borrowed = victim.home, _certificate_no(victim)


def _property_fault(d: _Draft, map_: _Map, rng: random.Random) -> None:
    """One fault that makes the first property check fail."""
    if d.basis in ("contract", "resettlement"):
        d.faults.add(f"{d.basis}_missing")
        return
    fault = rng.choices(list(_PROPERTY_FAULTS), list(_PROPERTY_FAULTS.values()))[0]
    first = d.typed[0]
    shared = any(w in ("grandfather", "friend") for w, _ in d.owners) and d.basis == "owned"
    if fault in ("owner_name_register", "guardian_name", "owner_not_typed", "guardian_id") and shared:
        fault = "unlinked"
    if fault == "owner_name_register":
        if d.basis == "owned":
            d.owners = [(first, 10_000)]
        owner = d.owners[0][0]
        d.people[owner] = _rare(d.people[owner])
    elif fault == "wrong_compound":
        d.claimed = rng.choice([c for c in map_.here[d.district] if c != d.home])
    elif fault == "owner_not_typed":
        if d.basis == "grandparents":
            d.elder = "grandmother" if d.elder == "grandfather" else "grandfather"
            d.typed = [w for w in d.typed if w != d.elder] or d.parents[:1]
        elif len(d.parents) == 2:
            d.typed = [first]
            d.owners = [(next(w for w in d.parents if w != first), 10_000)]
        else:
            fault = "stale"
    elif (fault == "guardian_name" and d.basis == "owned") or (fault == "guardian_id" and d.basis == "owned"):
        d.owners = [(first, 10_000)]
    elif fault == "guardian_id":
        fault = "old_book"
    if fault == "stale":
        d.faults.add("stale")
        return
    d.faults.add(fault)


def _household_fault(d: _Draft, rng: random.Random) -> None:
    """One fault that makes the first household check fail."""
    fault = rng.choices(list(_HOUSEHOLD_FAULTS), list(_HOUSEHOLD_FAULTS.values()))[0]
    free = not d.faults and d.basis != "grandparents" and len(d.parents) == 2
    simple = all(w in ("father", "mother") for w, _ in d.owners)
    if d.basis == "lease" and fault.startswith("hukou_"):
        fault = "first_not_in_book" if free else "child_name"
    if fault in ("first_not_in_book", "one_parent_not_in_book") and not (free and simple and len(d.typed) == 2):
        fault = "child_name" if d.basis == "lease" else "hukou_alias"
    if fault in ("first_not_in_book", "one_parent_not_in_book"):
        d.book = [d.typed[1]]
        if fault == "one_parent_not_in_book":
            d.typed = d.typed[:1]
            d.owners = [(d.typed[0], 10_000)] if d.owners else []
    elif fault == "child_name_register" or (fault == "child_name" and rng.random() < 0.4):
        d.children = [_rare(c) for c in d.children]
    d.faults.add(fault)


# ── seats ───────────────────────────────────────────────


def _schools(sites: list[Site], drafts: list[_Draft], map_: _Map, year: int, rng: random.Random) -> list[School]:
    """Plans seats: central zones are sought and short of them, the outskirts have room, a district a few per
    cent."""
    wanted = Counter[str]()
    for d in drafts:
        wanted[map_.zone[d.claimed]] += d.count
    made = []
    for key in DISTRICTS:
        mine = [s for s in sites if s.district == key]
        x, y = sum(s.lng for s in mine) / len(mine), sum(s.lat for s in mine) / len(mine)
        central = sorted(mine, key=lambda s: ((s.lng - x) ** 2 + (s.lat - y) ** 2, s.code))
        popular = {s.code for s in central[: max(1, len(mine) // 3)]}
        plan = {s.code: _seats(int(wanted[s.code] * 0.92), False) for s in mine if s.code in popular}
        rest = [s for s in mine if s.code not in popular]
        open_ = -(-sum(wanted[s.code] for s in mine) * 103 // 100) + 2 - sum(c * n for c, n in plan.values())
        base = sum(wanted[s.code] for s in rest)
        for s in rest:
            share = wanted[s.code] + -(-(open_ - base) // len(rest))
            plan[s.code] = _seats(share, True)
        made += [_school(s, plan[s.code], wanted[s.code], year, rng) for s in mine]
    return made


def _seats(need: int, up: bool) -> tuple[int, int]:
    """Classes and their size, at most 45, for `need` children, rounded up or down."""
    need = max(8, need)
    classes = -(-need // 45)
    return classes, -(-need // classes) if up else need // classes


def _school(site: Site, plan: tuple[int, int], wanted: int, year: int, rng: random.Random) -> School:
    classes, size = plan
    categories = ("G2", "G3") if site.district == "gaoxin" else ("K2", "K3", "K4", "K5")
    history: list[Json] = []
    for back in range(1, 6):
        children = wanted * (1 + 0.03 * back)
        history.append(
            {
                "year": year - back,
                "entries": max(1, round(children * rng.uniform(0.95, 1.05))),
                "registered": max(1, round(children / rng.uniform(0.97, 1.06))),
                "last_category": categories[0] if classes * size < wanted else rng.choice(categories),
            }
        )
    spelled = "".join(lazy_pinyin(site.name.removesuffix("小学"))).capitalize()
    return School(
        site.code,
        site.name,
        f"{spelled} Primary School",
        site.district,
        site.lng,
        site.lat,
        site.address,
        site.phone,
        classes,
        size,
        history,
        site.cell,
        tuple(site.compounds),
    )


# ── from drafts to families ──────────────────────────────────────


def _number(d: _Draft, salt: int, below: int) -> int:
    """A stable number of a family, spread over the range (multiplicative hashing)."""
    return (d.key * 2_654_435_761 + salt * 40_503) % below


def _certificate_no(d: _Draft) -> str:
    # Certificates of the unified register exist since 2015; some older ones were exchanged.
    before = d.acquired.year < 2015 and "stale" not in d.faults and _number(d, 1, 3)
    if "old_book" in d.faults or before or _number(d, 1, 10) == 0:
        return f"潍房权证{'奎高寒经滨'[list(DISTRICTS).index(d.district)]}字第{d.key + 1:08d}号"
    return f"鲁({max(2015, d.acquired.year)})潍坊市不动产权第{d.key + 1:07d}号"


def _unit_no(key: int, extra: int = 0) -> str:
    """28 signs: county, cadastral zone and sub-zone, parcel, fixture (the county's part was never issued)."""
    return f"{PERSON_REGION}{1 + key // 100_000:03d}001GB{key % 100_000:05d}F{extra:08d}"


def _finish(d: _Draft, map_: _Map, year: int, rng: random.Random) -> Family:
    """The family as it is, what it types, and what it holds."""
    people, today = d.people, date(year, 3, 1)
    home, home_text = d.home_code, map_.text(d.home_code)
    who = {**people, "child": d.children[0], "friend": STRANGER}
    owners = tuple(Share(who[w], s) for w, s in d.owners)
    acquired = today - timedelta(days=1 + _number(d, 2, 39)) if "stale" in d.faults else d.acquired
    dwellings: tuple[Dwelling, ...] = ()
    contracts: tuple[Contract, ...] = ()
    leases: tuple[Lease, ...] = ()
    resettlements: tuple[Resettlement, ...] = ()
    basis = _BASIS[d.kind]
    if basis in ("owned", "grandparents"):
        number = _certificate_no(d)
        dwellings = (
            Dwelling(
                _unit_no(d.key),
                number,
                "old" if "房权证" in number else "new",
                home,
                home_text,
                d.district,
                "商务金融用地/公寓" if d.kind == "apartment" else "城镇住宅用地/住宅",
                600_000 + _number(d, 3, 900_000),
                owners,
                acquired,
                "current",
                _nature(d, map_),
            ),
        )
    elif basis == "contract":
        contracts = (
            Contract(
                f"HT{acquired.year}{d.key + 1:07d}",
                home,
                home_text,
                d.district,
                owners,
                acquired,
                acquired + timedelta(days=500) if acquired.year < year - 2 else None,
                map_.compounds[d.home].name,
            ),
        )
    elif basis == "resettlement":
        resettlements = (
            Resettlement(
                f"CQ{d.acquired.year}{d.key + 1:06d}",
                map_.text(d.hukou_code),
                d.hukou_code,
                home,
                home_text,
                d.acquired,
            ),
        )
    elif d.kind != "unfiled_lease":
        filed = _day(rng, date(year - 4, 1, 1), date(year - 1, 12, 20))
        if rng.random() < 0.07:
            filed = _day(rng, date(year, 1, 5), date(year, 2, 20))
        leases = (
            Lease(
                f"ZL{filed.year}{d.key + 1:07d}",
                rng.choice("王李张刘陈杨赵孙") + "某",
                people[d.typed[0]],
                home,
                home_text,
                rng.random() > 0.06,
                filed,
                date(year + 1, 8, 31),
                filed,
                months_between(filed, date(year, 8, 31)),
                _lease_kind(d, map_),
            ),
        )
        if d.kind == "migrant_lease" and not d.fraud and rng.random() < 0.03:
            dwellings = (_elsewhere(d, map_, people[d.typed[0]], rng),)
    if d.kind == "grandparents" and rng.random() < 0.05:
        dwellings += (_elsewhere(d, map_, people[d.parents[0]], rng),)
    if d.fraud == "sold_home":
        dwellings += (
            Dwelling(
                _unit_no(d.key, 2),
                f"鲁({year - 9})潍坊市不动产权第{9_000_000 + d.key:07d}号",
                "new",
                *_sold(d, map_),
                d.district,
                "城镇住宅用地/住宅",
                900_000,
                (Share(people[d.typed[0]], 10_000),),
                date(year - 9, 5, 1),
                "historic",
            ),
        )
    jobs, insurance, permits = _work(d, map_, year, rng)
    corrected = _true_claim(d, dwellings, contracts, leases, resettlements, map_, year)
    claim = _typed(d, corrected, map_)
    if d.fraud:
        corrected = claim
    kin = tuple(
        Kin(p, r.removeprefix("maternal_"), r.startswith("maternal_"))  # type: ignore[arg-type]
        for r, p in people.items()
    )
    faults = d.faults
    held: Literal["owned", "grandparents", "contract", "resettlement", "lease", "none"] = (
        "none" if d.fraud or d.kind == "unfiled_lease" else basis
    )
    return Family(
        d.key,
        f"140{10_000_000 + d.key:08d}",
        d.kind,
        d.district,
        d.home,
        home_text,
        home,
        tuple(k for k in kin if k.relation in ("father", "mother")),
        tuple(k for k in kin if k.relation not in ("father", "mother")),
        tuple(d.children),
        tuple(d.siblings),
        _household(d, map_),
        dwellings,
        contracts,
        leases,
        resettlements,
        permits,
        insurance,
        jobs,
        _locks(d, map_, year, bool(dwellings)),
        tuple(w for n, w in enumerate(("father", "mother")) if w in people and _number(d, 40 + n, 3) == 0),  # type: ignore[misc]
        d.fraud,
        claim,
        corrected,
        _papers(d, claim, dwellings, contracts, leases, resettlements, year),
        Truth(held, tuple(sorted(faults & _MISTAKES)), tuple(sorted(faults - _MISTAKES))),
    )


def _nature(d: _Draft, map_: _Map) -> str:
    """How the home came to be, by its compound: homes of one compound differ only where both are usual."""
    if d.kind == "apartment":
        return "apartment"
    first = _number(d, 21, 2) == 0
    return {
        "work_unit": "fund_raised" if first else "unit_built",
        "village": "self_built" if first else "ancestral",
        "resettlement": "other",
    }.get(map_.compounds[d.home].kind, "commercial")


def _lease_kind(d: _Draft, map_: _Map) -> Literal["private", "dormitory", "public_rental"]:
    kind = map_.compounds[d.home].kind
    return "dormitory" if kind == "work_unit" else "public_rental" if kind == "resettlement" else "private"


def _locks(d: _Draft, map_: _Map, year: int, registered: bool) -> tuple[Lock, ...]:
    """The seats that the home serves: of the children's own siblings, and in 4 % of homes of an earlier family."""
    unit = _unit_no(d.key) if registered else ""
    parents = tuple(d.people[w] for w in d.parents)
    found = [
        Lock(d.home_code, unit, s.stage, s.school_code, year - s.grade, "", parents)
        for s in d.siblings
        if not d.fraud and d.kind != "unfiled_lease"
    ]
    if _number(d, 31, 25) == 0:
        since = year - 1 - _number(d, 32, 6)
        left: Literal["", "transferred_out"] = "transferred_out" if _number(d, 33, 4) == 0 else ""
        found.append(Lock(d.home_code, unit, "primary", map_.zone[d.home], since, left, (STRANGER,)))
    return tuple(found)


def _elsewhere(d: _Draft, map_: _Map, owner: Person, rng: random.Random) -> Dwelling:
    """A second home in another district of the city's core."""
    other = rng.choice([k for k in DISTRICTS if k != d.district])
    code = map_.code(rng.choice(map_.here[other]), rng)
    return Dwelling(
        _unit_no(d.key, 1),
        f"鲁({d.acquired.year})潍坊市不动产权第{8_000_000 + d.key:07d}号",
        "new",
        code,
        map_.text(code),
        other,
        "城镇住宅用地/住宅",
        800_000,
        (Share(owner, 10_000),),
        d.acquired,
        "current",
    )


def _sold(d: _Draft, map_: _Map) -> tuple[str, str]:
    code = f"{d.claimed}/1-1-101"
    return code, map_.text(code)


def _household(d: _Draft, map_: _Map) -> Household:
    members = tuple(Kin(d.people[w], w) for w in d.book)  # type: ignore[arg-type]
    collective = d.kind == "collective"
    text = map_.text(d.hukou_code) + ("集体户" if collective else "")
    return Household(
        f"H{d.key + 1:08d}",
        collective,
        d.hukou_district,
        d.hukou_region,
        text,
        d.hukou_code,
        d.entered,
        d.by_birth,
        members[0].person,
        members,
    )


def _work(
    d: _Draft, map_: _Map, year: int, rng: random.Random
) -> tuple[tuple[Job, ...], tuple[Insurance, ...], tuple[Permit, ...]]:
    """Jobs of the parents typed first; the permit of whoever lives away from the hukou's city."""
    today, here = date(year, 3, 1), DISTRICTS[d.district].code
    jobs: list[Job] = []
    insurance: list[Insurance] = []
    for n, w in enumerate(w for w in (*d.typed, *d.parents) if w in ("father", "mother")):
        person = d.people[w]
        if any(j.person is person for j in jobs) or (n and rng.random() < 0.3):
            continue
        away = rng.random() < (0.15 if n == 0 else 0.4)
        region = rng.choice([p.code for k, p in DISTRICTS.items() if k != d.district]) if away else here
        start = date(rng.randint(year - 8, year - 1), rng.randint(1, 9), 1)
        kinds: tuple[Literal["contract", "flexible", "trader", "company"], ...] = (
            "contract",
            "flexible",
            "trader",
            "company",
        )
        kind = rng.choices(kinds, (68, 10, 18, 4))[0]
        digits = f"{'92' if kind == 'trader' else '91'}{PERSON_REGION}{d.key * 10 + n:09d}"
        work = _workplace(d, n, region, here, map_)
        jobs.append(Job(person, kind, region, start, digits + uscc.calc_check_digit(digits), work))
        if kind == "contract":
            months = months_between(start, today)
            back_paid = rng.choice((0, 0, 0, 0, 2)) if months > 6 else 0
            insurance.append(
                Insurance(person, region, start, months, back_paid, _periods(d, n, start, back_paid, today))
            )
    permits: tuple[Permit, ...] = ()
    if d.basis == "lease" and d.hukou_district == "other":
        issued = _day(rng, date(year - 4, 1, 1), date(year - 1, 11, 30))
        others = [w for w in d.parents if w != d.typed[0]][: _number(d, 51, 2)]
        permits = tuple(
            Permit(
                d.people[w],
                f"J{d.key + 1:09d}{n or ''}",
                day,
                months_between(day, today),
                map_.text(d.home_code),
                here,
            )
            for n, (w, day) in enumerate(
                [(d.typed[0], issued), *((w, date(year - 1, 1 + _number(d, 52, 11), 15)) for w in others)]
            )
        )
    return tuple(jobs), tuple(insurance), permits


def _workplace(d: _Draft, n: int, region: str, here: str, map_: _Map) -> str:
    """Where somebody works: a third of those who work in the home's district do so in the home's zone."""
    if region == here and _number(d, 61 + n, 3) == 0:
        mine = map_.members[map_.zone[d.home]]
    else:
        mine = next(map_.here[k] for k, p in DISTRICTS.items() if p.code == region)
    return mine[_number(d, 63 + n, len(mine))]


def _periods(d: _Draft, n: int, start: date, back_paid: int, today: date) -> tuple[Period, ...]:
    """Months insured by type: some have no medical insurance in their first half year, some a gap, some paid late."""
    found: list[Period] = []
    kinds: tuple[Literal["pension", "medical", "unemployment", "injury", "maternity"], ...] = (
        "pension",
        "medical",
        "unemployment",
        "injury",
        "maternity",
    )
    for kind in kinds:
        first = start
        if back_paid:
            first = months_on(start, back_paid)
            found.append(Period(kind, start, months_on(start, back_paid - 1), True))
        if kind == "medical" and _number(d, 71 + n, 6) == 0 and months_between(first, today) > 12:
            first = months_on(first, 6)
        if _number(d, 73 + n, 12) == 0 and months_between(first, today) > 24:
            found.append(Period(kind, first, months_on(first, 8), False))
            first = months_on(first, 11)
        found.append(Period(kind, first, None, False))
    return tuple(found)


def months_on(first: date, months: int) -> date:
    """The first of the month `months` later."""
    whole = first.year * 12 + first.month - 1 + months
    return date(whole // 12, whole % 12 + 1, 1)


def _who(person: Person, relation: str = "") -> dict[str, str]:
    shown = {"name": person.name, "id_number": person.id_number}
    return {**shown, "relation": relation} if relation else shown


def _named(d: _Draft) -> list[str]:
    """Whom a family names as guardians, once it knows whom it left out of the home's owners and of the book."""
    typed = list(d.typed)
    if {"owner_not_typed", "co_owner_not_typed", "one_parent_not_in_book"} & d.faults and d.basis != "grandparents":
        typed += [w for w in d.parents if w not in typed]
    if d.basis == "grandparents" and not d.accomplice:
        typed = [w for w in typed if w != d.owners[0][0]]
    return typed


def _true_claim(
    d: _Draft,
    dwellings: tuple[Dwelling, ...],
    contracts: tuple[Contract, ...],
    leases: tuple[Lease, ...],
    resettlements: tuple[Resettlement, ...],
    map_: _Map,
    year: int,
) -> Claim:
    """The claim without mistakes: what an honest family types once it is told what is wrong. Frauds claim
    their lie."""
    typed = _named(d)
    if d.basis in ("lease", "grandparents") and not d.fraud:
        # Where nobody may own a dwelling, both parents are asked about.
        typed = [w for w in typed if w in d.parents] + [w for w in d.parents if w not in typed]
    elder = None
    if d.basis == "grandparents":
        elder = _who(d.accomplice) if d.accomplice else _who(d.people[d.owners[0][0]])
    elif d.elder:
        elder = _who(d.people[d.elder])
    standard = (
        d.basis in ("contract", "lease", "resettlement")
        or bool({"old_book", "certificate_type", "stale"} & d.faults)
        or bool(d.borrowed)
    )
    number = room = ""
    if standard:
        room = room_text(d.home_code.split("/")[1]) if not d.fraud else room_text("1-1-101")
        number = d.borrowed or _paper_number(d, dwellings, contracts, leases, resettlements, year)
    first, *second = [_who(d.people[w], w) for w in typed]
    return Claim(
        first,
        second[0] if second else None,
        [_who(c) for c in d.children],
        d.basis,
        d.claimed if d.fraud else d.home,
        room,
        number,
        elder,
    )


def _paper_number(
    d: _Draft,
    dwellings: tuple[Dwelling, ...],
    contracts: tuple[Contract, ...],
    leases: tuple[Lease, ...],
    resettlements: tuple[Resettlement, ...],
    year: int,
) -> str:
    if d.fraud:
        prefix = {"contract": "HT", "lease": "ZL"}.get(d.basis)
        return (
            f"{prefix}{year - 2}9{d.key:06d}" if prefix else f"鲁({year - 3})潍坊市不动产权第{7_000_000 + d.key:07d}号"
        )
    held: Iterable[str] = (
        *(c.contract_no for c in contracts),
        *(r.agreement_no for r in resettlements),
        *(x.filing_no for x in leases),
        *(w.certificate_no for w in dwellings),
    )
    return next(iter(held), "")


def _typed(d: _Draft, true: Claim, map_: _Map) -> Claim:
    """The claim as first typed, with the family's mistakes. Numbers stay well-formed: the form checks the
    digit."""
    faults, claim = d.faults, replace(true, compound=d.claimed)
    named, children = [_who(d.people[w], w) for w in _named(d)], [dict(c) for c in claim.children]
    guardian, second = named[0], named[1] if len(named) > 1 and len(d.typed) > 1 else None
    elder = dict(claim.grandparent) if claim.grandparent else None
    if "owner_not_typed" in faults and d.basis == "grandparents":
        elder = _who(d.people[d.elder])
        guardian = _who(d.people[d.typed[0]], d.typed[0])
        second = _who(d.people[d.typed[1]], d.typed[1]) if len(d.typed) > 1 else None
    if "co_owner_not_typed" in faults and d.basis != "grandparents":
        elder = None
    if "guardian_name" in faults:
        target = elder if elder and d.basis == "grandparents" else guardian
        target["name"] = _slip(target["name"])
    if "guardian_id" in faults:
        guardian["id_number"] = d.mistyped
    for n, child in enumerate(children):
        if "child_name" in faults:
            child["name"] = _slip(child["name"])
        if "child_id" in faults and n == 0:
            # An elder sibling's number where one leaves primary school, else a number of nobody.
            older = [s.person.id_number for s in d.siblings if s.stage == "junior"]
            child["id_number"] = older[0] if older else d.mistyped
    # Who holds a new certificate types its number only when the register by owner does not know it yet.
    number, room = ("", "") if "stale" in faults and d.basis != "contract" else (claim.certificate_no, claim.room)
    if "certificate_type" in faults and number:
        number = (
            f"HT{d.acquired.year}{d.key + 1:07d}"
            if d.basis == "owned"
            else f"鲁({d.acquired.year})潍坊市不动产权第{d.key + 1:07d}号"
        )
    return replace(
        claim,
        guardian=guardian,
        second_guardian=second,
        children=children,
        grandparent=elder,
        room=room,
        certificate_no=number,
    )


def _papers(
    d: _Draft,
    claim: Claim,
    dwellings: tuple[Dwelling, ...],
    contracts: tuple[Contract, ...],
    leases: tuple[Lease, ...],
    resettlements: tuple[Resettlement, ...],
    year: int,
) -> tuple[Paper, ...]:
    """The paper behind the claim first, where there is one: a lease that was never filed has none that counts.
    Forged ones show what the claim says."""
    kind: Literal["certificate", "contract", "lease", "resettlement"] = {
        "contract": "contract",
        "lease": "lease",
        "resettlement": "resettlement",
    }.get(d.basis, "certificate")  # type: ignore[assignment]
    if d.fraud == "sold_home":
        sold = dwellings[-1]
        main = Paper(
            "certificate",
            sold.certificate_no,
            True,
            {"owner": claim.guardian["name"], "address": sold.address},
        )
    elif d.fraud:
        number = d.borrowed or _paper_number(d, dwellings, contracts, leases, resettlements, year)
        main = Paper(kind, number, False, {"owner": claim.guardian["name"], "compound": claim.compound})
    else:
        number = _paper_number(d, dwellings, contracts, leases, resettlements, year)
        held: list[Dwelling | Contract | Lease | Resettlement]
        held = [*dwellings[:1], *contracts, *leases, *resettlements]
        owner = d.people[d.owners[0][0]].name if d.owners and d.owners[0][0] in d.people else claim.guardian["name"]
        main = Paper(kind, number, True, {"owner": owner, "address": held[0].address if held else ""})
    book = Paper("household_book", f"HK{d.key + 1:08d}", True, {"children": "、".join(c.name for c in d.children)})
    work = Paper("work", f"LD{d.key + 1:08d}", True, {"name": d.people[d.parents[0]].name})
    return (book, work) if d.kind == "unfiled_lease" and not d.fraud else (main, book, work)


def paid_months(family: Family, seed: int, year: int) -> list[Paid]:
    """What a family's work leads to: most employees pay into the housing fund, most of them and of traders tax.

    From a random stream of the family's own, so that it moves nothing else in the city.
    """
    rng = random.Random(f"ruxue-paid/{seed}/{year}/{family.key}")
    found: list[Paid] = []
    for job in family.jobs:
        taxed, fund = rng.random(), rng.random()
        if taxed < {"contract": 0.6, "flexible": 0.3}.get(job.kind, 0.8):
            found.append(Paid(job.person, "tax", job.region, job.starts_on))
        if job.kind == "contract" and fund < 0.7:
            found.append(Paid(job.person, "fund", job.region, job.starts_on))
    return found


# ── population and aggregates ─────────────────────────────────────

# National births by year, millions (National Bureau of Statistics; from 2025 on assumed): the shape is used.
_BIRTHS = {
    2012: 16.4,
    2013: 16.4,
    2014: 16.9,
    2015: 16.6,
    2016: 17.9,
    2017: 17.2,
    2018: 15.2,
    2019: 14.7,
    2020: 12.0,
    2021: 10.6,
    2022: 9.6,
    2023: 9.0,
    2024: 9.5,
    2025: 8.9,
}
_LEVELS = ("junior", "senior", "college", "bachelor", "master")


def _births(year: int) -> float:
    return _BIRTHS[min(max(year, 2012), 2025)]


def _children(city: City, rng: random.Random) -> dict[tuple[str, int], int]:
    """Registered children by community and birth year, ages 0 to 11: this year's entrants carried to other
    cohorts by the shape of births and the district's growth, rounded at random so that small communities stay
    unbiased."""
    entrants = Counter[str]()
    for f in city.families:
        entrants[city.compounds[f.compound].community] += len(f.children)
    growth = {k: p.growth for k, p in DISTRICTS.items()}
    entry = city.year - 6
    counts: dict[tuple[str, int], int] = {}
    for community in city.communities:
        n = entrants[community.code]
        for year in range(city.year - 11, city.year + 1):
            if not n:
                break
            part = 2 / 12 if year == city.year else 1.0  # the register's day is 1 March
            expected = n * part * _births(year) / _births(entry) * growth[community.district] ** (year - entry)
            spread = expected * (1.0 if year == entry else rng.uniform(0.92, 1.08))
            counts[community.code, year] = n if year == entry else int(spread + rng.random())
    return counts


def _aggregates(city: City, rng: random.Random) -> dict[str, dict[str, dict[str, int]]]:
    """Counts by district: parents' ages and education in bands, and hukou's district → school's district."""
    edges, bands = (30, 35, 40), ("<30", "30-34", "35-39", "40+")
    ages: dict[str, dict[str, int]] = {d.key: dict.fromkeys(bands, 0) for d in city.districts}
    education: dict[str, dict[str, int]] = {d.key: dict.fromkeys(_LEVELS, 0) for d in city.districts}
    flows: dict[str, dict[str, int]] = {}
    for f in city.families:
        weights = (16, 24, 27, 28, 5) if f.district in ("kuiwen", "gaoxin") else (30, 30, 22, 16, 2)
        for g in f.guardians:
            age = months_between(g.person.born_on, city.register_day) // 12
            ages[f.district][bands[bisect_left(edges, age + 1)]] += 1
            education[f.district][rng.choices(_LEVELS, weights)[0]] += 1
        row = flows.setdefault(f.household.district, {})
        row[f.district] = row.get(f.district, 0) + len(f.children)
    return {"parent_ages": ages, "education": education, "flows": flows}
