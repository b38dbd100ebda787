"""The synthetic city: real districts, streets and communities of Weifang, invented people. Deterministic from a seed.

The functional zones without a county of their own are cut from the counties whose streets they administer:
Gaoxin from Kuiwen, Jingji from Weicheng, Binhai from Hanting's north (docs/simulation.md).
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from shapely import MultiPoint, Point, Polygon, box, voronoi_polygons
from shapely.geometry import mapping, shape

from ruxue.algorithms.address import id_check_digit

DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class District:
    key: str
    name_zh: str
    name_en: str
    code: str
    geometry: dict[str, Any]
    lng: float
    lat: float


@dataclass(frozen=True)
class Community:
    code: str
    name: str
    street: str
    district: str
    lng: float
    lat: float


@dataclass(frozen=True)
class Compound:
    code: str
    name: str
    address: str
    aliases: tuple[str, ...]
    community: str
    district: str
    lng: float
    lat: float


@dataclass
class School:
    code: str
    name_zh: str
    name_en: str
    district: str
    lng: float
    lat: float
    address: str
    phone: str
    geometry: dict[str, Any]
    compounds: list[str]
    classes: int = 1
    class_size: int = 45
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Person:
    id_number: str
    name: str
    sex: str
    born_on: date


@dataclass
class Claim:
    """What a family types."""

    guardian: dict[str, str]
    second_guardian: dict[str, str] | None
    children: list[dict[str, str]]
    grandparent: dict[str, str] | None
    basis: str
    compound: str
    room: str
    certificate_no: str = ""


@dataclass(frozen=True)
class Paper:
    """A document that the family holds: whether it is genuine shows only when its original is examined."""

    kind: str
    number: str
    authentic: bool


@dataclass
class Family:
    key: int
    phone: str
    district: str
    kind: str
    home: str
    address: str
    hukou: str
    hukou_district: str
    father: Person
    mother: Person
    elder: Person
    children: list[Person]
    book: str
    dates: dict[str, date]
    fraud: str
    claim: Claim
    corrected: Claim
    papers: list[Paper]
    noise: dict[str, bool]
    sole_owner: str = "both"
    lease_months: int = 0


@dataclass
class City:
    year: int
    seed: int
    districts: list[District]
    communities: list[Community]
    compounds: dict[str, Compound]
    schools: list[School]
    families: list[Family]
    idle_users: int
    children_by_community: dict[tuple[str, int], int]
    aggregates: dict[str, Any]

    def school_of(self, compound: str) -> str:
        return self._zone[compound]

    def __post_init__(self) -> None:
        self._zone = {c: s.code for s in self.schools for c in s.compounds}


_DISTRICTS = {  # share of entrants, streets
    "kuiwen": (
        "奎文区",
        "Kuiwen District",
        "370705",
        0.34,
        ["370705001", "370705002", "370705003", "370705004", "370705005", "370705006", "370705007", "370705012"],
    ),
    "gaoxin": ("高新区", "Gaoxin District", "3707GX", 0.24, ["370705009", "370705010"]),
    "hanting": (
        "寒亭区",
        "Hanting District",
        "370703",
        0.18,
        ["370703001", "370703002", "370703003", "370703006", "370703007"],
    ),
    "jingkai": ("经济区", "Jingji District", "3707JK", 0.10, ["370702400", "370702005"]),
    "binhai": ("滨海区", "Binhai District", "370772", 0.14, ["370772004", "370772005"]),
}
_ROADS = [
    "东风东街",
    "胜利东街",
    "健康东街",
    "北宫东街",
    "福寿东街",
    "玉清东街",
    "金马路",
    "文化路",
    "新华路",
    "四平路",
    "虞河路",
    "鸢飞路",
    "北海路",
    "志远路",
    "惠贤路",
    "民主街",
    "通亭街",
    "渤海路",
    "海源街",
    "友谊路",
    "月河路",
    "长宁街",
]
_OLD_ROADS = {
    "东风东街": "东风大街东段",
    "北宫东街": "北宫街东段",
    "玉清东街": "玉清街",
    "渤海路": "海港路",
    "健康东街": "健康街东段",
}
_FIRST = [
    "阳光",
    "新华",
    "金色",
    "书香",
    "翡翠",
    "东方",
    "滨河",
    "紫荆",
    "锦绣",
    "世纪",
    "恒信",
    "万达",
    "泰华",
    "中央",
    "凤凰",
    "盛世",
    "虞景",
    "白浪",
    "圣荣",
    "鸢都",
    "和平",
    "福泰",
    "金都",
    "学府",
    "华安",
    "昌大",
]
_SECOND = [
    "花园",
    "家园",
    "嘉苑",
    "名城",
    "小区",
    "华庭",
    "御景",
    "雅居",
    "新城",
    "丽都",
    "公馆",
    "水岸",
    "庭院",
    "领秀城",
]
_SURNAMES = "王李张刘陈杨赵孙周吴徐于马朱胡郭高林孔魏曲宫丛牟"
_RARE_SURNAMES = ["欧阳", "上官", "司马", "诸葛"]
_GIVEN = "明华伟芳娜静丽强磊军洋勇艳杰娟涛敏超秀霞平刚桂英子涵浩宇欣怡梓轩雨桐一诺晨曦俊熙思远佳琪瑞泽若汐语嫣承恩"
_RARE = ["喆", "堃", "淼", "昇", "峯"]
_MINORITY = ["买买提·艾力", "阿依古丽·吐尔逊", "古丽娜·肉孜", "帕提曼·艾山"]
KINDS = (  # kind, share in thousandths
    ("owned", 505),
    ("owned_away", 70),
    ("grandparents", 55),
    ("owned_outside", 110),
    ("contract", 60),
    ("resettlement", 20),
    ("local_lease", 30),
    ("migrant_lease", 140),
    ("collective", 10),
)
FRAUDS = ("no_home", "borrowed_certificate", "sold_home", "forged_contract", "forged_lease", "false_grandparent")


def _districts() -> tuple[list[District], dict[str, Polygon]]:
    counties = {
        f["properties"]["name"]: shape(f["geometry"]).buffer(0)
        for f in json.loads((DATA / "counties.geojson").read_text())["features"]
    }
    kuiwen, hanting, weicheng = (counties[n] for n in ("奎文区", "寒亭区", "潍城区"))
    hanting = hanting.difference(kuiwen).difference(weicheng)
    east, north = box(119.19, 30, 125, 40), box(110, 37.0, 125, 40)
    west_north = box(110, 36.745, 125, 40)
    parts = {
        "kuiwen": kuiwen.difference(east),
        "gaoxin": kuiwen.intersection(east),
        "hanting": hanting.difference(north),
        "binhai": hanting.intersection(north),
        "jingkai": weicheng.difference(kuiwen).intersection(west_north),
    }
    shapes = {k: max(getattr(p, "geoms", [p]), key=lambda g: g.area) for k, p in parts.items()}
    rows = []
    for key, (zh, en, code, _, _) in _DISTRICTS.items():
        point = shapes[key].representative_point()
        rows.append(
            District(
                key,
                zh,
                en,
                code,
                json.loads(json.dumps(mapping(shapes[key].simplify(0.0005)))),
                round(point.x, 6),
                round(point.y, 6),
            )
        )
    return rows, shapes


def _spread(area: Polygon, count: int, rng: random.Random) -> list[Point]:
    """Points inside `area` that keep their distance: each is the furthest of some tries from those before it."""
    west, south, east, north = area.bounds
    chosen: list[Point] = []
    while len(chosen) < count:
        tries: list[Point] = []
        while len(tries) < 6:
            point = Point(rng.uniform(west, east), rng.uniform(south, north))
            if area.contains(point):
                tries.append(point)
        near = chosen[-60:]
        chosen.append(max(tries, key=lambda p: min((p.distance(q) for q in near), default=0)))
    return chosen


class _Names:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.used: dict[tuple[date, str], int] = {}

    def person(self, sex: str, born: date, surname: str | None = None) -> Person:
        rng = self.rng
        if surname is None:
            surname = rng.choice(_RARE_SURNAMES) if rng.random() < 0.01 else rng.choice(_SURNAMES)
        if rng.random() < 0.008:
            name = rng.choice(_MINORITY)
        else:
            given = "".join(rng.choice(_GIVEN) for _ in range(1 if rng.random() < 0.22 else 2))
            if rng.random() < 0.03:
                given = given[:-1] + rng.choice(_RARE)
            name = surname + given
        n = self.used[born, sex] = self.used.get((born, sex), -1) + 1
        serial = (n * 2 + (1 if sex == "M" else 0)) % 1000
        first = f"370799{born:%Y%m%d}{serial:03d}"
        return Person(first + id_check_digit(first), name, sex, born)


def _surname(person: Person) -> str:
    return person.name[:2] if person.name[:2] in _RARE_SURNAMES else person.name[0]


def generate(
    families: int,
    seed: int,
    year: int = 2026,
    users: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> City:
    """A city whose `families` families have a child to enroll in `year`; `users` accounts in all (default 1.5 times).

    `families` counts applications: twins make two. The same arguments give the same city, to the byte.
    """
    rng = random.Random(f"ruxue-city/{seed}/{families}/{year}")
    districts, shapes = _districts()
    communities = _communities(shapes, rng)
    compounds, schools = _map(shapes, communities, families, rng)
    names = _Names(rng)
    made: list[Family] = []
    by_district = {k: [c for c in compounds.values() if c.district == k] for k in _DISTRICTS}
    shares = [v[3] for v in _DISTRICTS.values()]
    children = 0
    while children < families:
        district = rng.choices(list(_DISTRICTS), shares)[0]
        family = _family(len(made), district, by_district, compounds, names, rng, year, families - children)
        made.append(family)
        children += len(family.children)
        if progress:
            progress(children, families)
    _plan(schools, made, rng, year)
    city = City(
        year,
        seed,
        districts,
        communities,
        compounds,
        schools,
        made,
        max(0, (users if users is not None else families * 3 // 2) - len(made)),
        {},
        {},
    )
    city.children_by_community, city.aggregates = _population(city, rng)
    return city


def _communities(shapes: dict[str, Polygon], rng: random.Random) -> list[Community]:
    rows = list(csv.DictReader((DATA / "divisions.csv").read_text(encoding="utf-8").splitlines()))
    street_name = {r["code"]: r["name"] for r in rows if r["level"] == "street"}
    result = []
    for key, (_, _, _, _, streets) in _DISTRICTS.items():
        seeds = _spread(shapes[key], len(streets), rng)
        cells = voronoi_polygons(MultiPoint(seeds), extend_to=shapes[key]).geoms
        for street, point in zip(streets, seeds, strict=True):
            cell = next(c for c in cells if c.contains(point)).intersection(shapes[key])
            mine = [r for r in rows if r["parent_code"] == street][:40]
            west, south, east, north = cell.bounds
            for row in mine:
                while not cell.contains(spot := Point(rng.uniform(west, east), rng.uniform(south, north))):
                    pass
                name = (
                    row["name"]
                    .removesuffix("居民委员会")
                    .removesuffix("村民委员会")
                    .removesuffix("居委会")
                    .removesuffix("村委会")
                )
                result.append(
                    Community(row["code"], name, street_name[street], key, round(spot.x, 6), round(spot.y, 6))
                )
    return result


def _map(
    shapes: dict[str, Polygon], communities: list[Community], families: int, rng: random.Random
) -> tuple[dict[str, Compound], list[School]]:
    compounds: dict[str, Compound] = {}
    schools: list[School] = []
    for key, (zh, en, code, share, _) in _DISTRICTS.items():
        area, mine = shapes[key], [c for c in communities if c.district == key]
        count = max(2, round(families * share / 150))
        seeds = _spread(area, count, rng)
        cells = list(voronoi_polygons(MultiPoint(seeds), extend_to=area).geoms)
        used: set[str] = set()
        for n, point in enumerate(seeds, 1):
            cell = next(c for c in cells if c.contains(point)).intersection(area)
            road = rng.choice(_ROADS)
            name = (
                f"{zh.removesuffix('区')}{_FIRST[(n * 7) % len(_FIRST)]}小学"
                if n > 1
                else f"{zh.removesuffix('区')}实验小学"
            )
            if any(s.name_zh == name for s in schools):
                name = name.replace("小学", f"第{n}小学")
            school = School(
                f"{code}{n:03d}",
                name,
                f"{en.removesuffix(' District')} Primary School {n}",
                key,
                round(point.x, 6),
                round(point.y, 6),
                f"{zh}{road}{rng.randint(1, 999)}号",
                f"0536-5550{len(schools) % 1000:03d}",
                json.loads(json.dumps(mapping(cell.simplify(0.0004)))),
                [],
            )
            schools.append(school)
            near = sorted(mine, key=lambda c: (c.lng - point.x) ** 2 + (c.lat - point.y) ** 2)[:6]
            for _ in range(max(4, round(families * share / count / 12))):
                road, number = rng.choice(_ROADS), rng.randint(1, 9999)
                while (label := rng.choice(_FIRST) + rng.choice(_SECOND)) in used and len(used) < 300:
                    pass
                if label in used:
                    label = f"{label}{rng.choice('东南西北')}区{len(used)}"
                used.add(label)
                west, south, east, north = cell.bounds
                while not cell.contains(spot := Point(rng.uniform(west, east), rng.uniform(south, north))):
                    pass
                made = f"C{len(compounds) + 1:05d}"
                old = _OLD_ROADS.get(road, road + "旧段")
                compounds[made] = Compound(
                    made,
                    label,
                    f"{zh}{road}{number}号{label}",
                    (f"{zh}{old}{number}号{label}", f"{zh}{road}{number}号{label}一期"),
                    rng.choice(near).code,
                    key,
                    round(spot.x, 6),
                    round(spot.y, 6),
                )
                school.compounds.append(made)
    return compounds, schools


def _day(rng: random.Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randint(0, (last - first).days))


def _who(person: Person, relation: str = "") -> dict[str, str]:
    shown = {"name": person.name, "id_number": person.id_number}
    return {**shown, "relation": relation} if relation else shown


def _room(rng: random.Random) -> tuple[str, str]:
    building, unit, floor, door = rng.randint(1, 30), rng.randint(1, 4), rng.randint(1, 26), rng.randint(1, 4)
    return f"{building}-{unit}-{floor}0{door}", f"{building}号楼{unit}单元{floor}0{door}室"


def _family(
    key: int,
    district: str,
    by_district: dict[str, list[Compound]],
    compounds: dict[str, Compound],
    names: _Names,
    rng: random.Random,
    year: int,
    room_for: int,
) -> Family:
    kind = rng.choices([k for k, _ in KINDS], [s for _, s in KINDS])[0]
    here = by_district[district]
    home = rng.choice(here)
    code, said = _room(rng)
    address = f"{home.code}/{code}"
    # Outskirts grow: their parents are younger.
    age = rng.gauss(33.5 if district in ("kuiwen", "gaoxin") else 31.8, 4.0)
    born = _day(rng, date(year - 7, 9, 1), date(year - 6, 8, 31))
    father = names.person(
        "M",
        _day(
            rng, date(year - max(24, min(52, int(age + 2))), 1, 1), date(year - max(24, min(52, int(age + 2))), 12, 28)
        ),
    )
    mother = names.person(
        "F", _day(rng, date(year - max(23, min(48, int(age))), 1, 1), date(year - max(23, min(48, int(age))), 12, 28))
    )
    elder = names.person(
        "M",
        father.born_on.replace(year=father.born_on.year - rng.randint(22, 32), day=min(28, father.born_on.day)),
        _surname(father),
    )
    twins = room_for >= 2 and rng.random() < 0.015
    children = [names.person(rng.choice("MF"), born, _surname(father)) for _ in range(2 if twins else 1)]
    away = rng.choice([c for c in here if c is not home])
    hukou, hukou_district = address, district
    if kind in ("owned_away", "contract", "resettlement", "local_lease") and (kind != "contract" or rng.random() < 0.6):
        hukou = f"{away.code}/{_room(rng)[0]}"
    if kind in ("owned_outside", "migrant_lease"):
        other = rng.choice([k for k in by_district if k != district] + ["other", "other", "other"])
        hukou_district = other
        hukou = f"{rng.choice(by_district[other]).code}/{_room(rng)[0]}" if other != "other" else "X/1-1-101"
    if kind == "collective":
        hukou = f"{away.code}/0-0-000"
    book = "elder" if kind == "grandparents" else rng.choices(["father", "mother"], [68, 32])[0]
    entered = born + timedelta(days=rng.randint(20, 90)) if rng.random() < 0.8 else _day(rng, born, date(year, 1, 31))
    bought = _day(rng, date(year - 15, 1, 1), date(year - 1, 12, 20))
    lease = (
        _day(rng, date(year - 4, 1, 1), date(year - 1, 12, 20))
        if rng.random() < 0.93
        else _day(rng, date(year, 1, 5), date(year, 2, 20))
    )
    job = _day(rng, date(year - 8, 1, 1), date(year - 1, 10, 1))
    dates = {"entered": entered, "bought": bought, "lease": lease, "job": job}
    fraud = rng.choice(FRAUDS) if rng.random() < 0.015 else ""
    if fraud and kind not in ("owned_outside", "migrant_lease", "owned_away", "local_lease"):
        kind = "migrant_lease" if hukou_district != district else "local_lease"
    basis = {
        "owned": "owned",
        "owned_away": "owned",
        "owned_outside": "owned",
        "collective": "owned",
        "grandparents": "grandparents",
        "contract": "contract",
        "resettlement": "resettlement",
        "local_lease": "lease",
        "migrant_lease": "lease",
    }[kind]
    sole = rng.choices(["both", "father", "mother"], [45, 38, 17])[0]
    truth = Claim(
        _who(father, "father"),
        _who(mother, "mother"),
        [_who(c) for c in children],
        _who(elder) if kind == "grandparents" else None,
        basis,
        home.code,
        said,
    )
    claim, corrected = _typed(truth, father, mother, children, sole, rng)
    noise = _register_noise(kind, rng)
    papers = _papers(kind, noise, key, year, rng)
    if fraud:
        claim = corrected = _forge(fraud, truth, here, rng)
        kinds = {"forged_contract": "contract", "forged_lease": "lease"}
        papers = [Paper(kinds.get(fraud, "certificate"), f"鲁({year - 3})潍坊市不动产权第9{key:06d}号", False)]
    return Family(
        key,
        f"140{10_000_000 + key:08d}",
        district,
        kind,
        home.code,
        address,
        hukou,
        hukou_district,
        father,
        mother,
        elder,
        children,
        book,
        dates,
        fraud,
        claim,
        corrected,
        papers,
        noise,
        sole,
        (year - lease.year) * 12 + 8 - lease.month,
    )


def _typed(
    truth: Claim, father: Person, mother: Person, children: list[Person], sole: str, rng: random.Random
) -> tuple[Claim, Claim]:
    """The claim with the slips that families make, and what they type once they are told."""
    import copy

    first, second = (
        (truth.guardian, truth.second_guardian) if rng.random() < 0.5 else (truth.second_guardian, truth.guardian)
    )
    assert first is not None
    full = Claim(first, second, truth.children, truth.grandparent, truth.basis, truth.compound, truth.room)
    claim = copy.deepcopy(full)
    if rng.random() < 0.12:
        claim.second_guardian = None  # only one parent typed
    slip = rng.random()
    child = claim.children[0]
    if slip < 0.012:
        child["name"] = (
            child["name"].translate(str.maketrans("喆堃淼昇峯涵轩", "哲坤渺升峰函宣"))
            if any(c in child["name"] for c in "喆堃淼昇峯涵轩")
            else child["name"][:-1] + rng.choice("名化敬立")
        )
    elif slip < 0.018:
        child["id_number"] = _other_valid_id(child["id_number"], rng)
    elif slip < 0.03 and claim.basis == "owned":
        claim.guardian["name"] = (
            claim.guardian["name"].replace("·", "")
            if "·" in claim.guardian["name"]
            else claim.guardian["name"][:-1] + rng.choice("名化敬立")
        )
    return claim, full


def _other_valid_id(number: str, rng: random.Random) -> str:
    """Two digits of the serial exchanged for others, with a check digit that fits: a slip that the form can't see."""
    first = number[:14] + f"{(int(number[14:17]) + 2 * rng.randint(200, 400)) % 1000:03d}"
    return first + id_check_digit(first)


def _register_noise(kind: str, rng: random.Random) -> dict[str, bool]:
    """Errors of the registers about this family; none of them can confirm something untrue."""
    stale = rng.random() < (
        0.048 if kind in ("owned", "owned_away", "owned_outside", "collective", "grandparents") else 0.06
    )
    return {
        "old_address": rng.random() < 0.14,
        "address_unreadable": rng.random() < 0.008,
        "no_address_code": rng.random() < 0.25,
        "right_stale": stale,
        "right_unlinked": not stale and rng.random() < 0.02,
        "owner_rare_sign": not stale and rng.random() < 0.038,
        "number_known": rng.random() < 0.6,
        "child_name_sign": rng.random() < 0.006,
        "split_book": rng.random() < 0.035,
    }


def _papers(kind: str, noise: dict[str, bool], key: int, year: int, rng: random.Random) -> list[Paper]:
    number = (
        f"鲁({year - rng.randint(1, 9)})潍坊市不动产权第{key:07d}号"
        if rng.random() < 0.8
        else f"潍房权证{year - 14}字第{key:06d}号"
    )
    made = {
        "contract": Paper("contract", f"HT{year - 1}{key:07d}", True),
        "resettlement": Paper("resettlement", f"CQ{year - 3}{key:06d}", True),
        "local_lease": Paper("lease", f"ZL{year - 1}{key:07d}", True),
        "migrant_lease": Paper("lease", f"ZL{year - 1}{key:07d}", True),
    }
    return [made.get(kind, Paper("certificate", number, True)), Paper("household_book", f"HK{key:08d}", True)]


def _forge(fraud: str, truth: Claim, here: list[Compound], rng: random.Random) -> Claim:
    wanted = rng.choice(here).code
    basis = {"forged_contract": "contract", "forged_lease": "lease", "false_grandparent": "grandparents"}.get(
        fraud, "owned"
    )
    grandparent = None
    if fraud == "false_grandparent":
        first = f"3707991958{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(700, 999)}"
        grandparent = {
            "name": "王" + rng.choice(_GIVEN) + rng.choice(_GIVEN),
            "id_number": first + id_check_digit(first),
        }
    return Claim(truth.guardian, truth.second_guardian, truth.children, grandparent, basis, wanted, truth.room)


def _plan(schools: list[School], families: list[Family], rng: random.Random, year: int) -> None:
    """Seats: popular zones have fewer than their children, the district as a whole has a few per cent to spare."""
    zone = {c: s for s in schools for c in s.compounds}
    living: dict[str, int] = {}
    for f in families:
        code = zone[f.claim.compound].code
        living[code] = living.get(code, 0) + len(f.children)
    for key in _DISTRICTS:
        mine = [s for s in schools if s.district == key]
        need = sum(living.get(s.code, 0) for s in mine)
        spare = int(need * 0.05) + 6
        popular = [s for i, s in enumerate(mine) if i % 3 == 0]
        missing = 0
        seats = {}
        for s in mine:
            n = living.get(s.code, 0)
            seats[s.code] = max(8, int(n * 0.93)) if s in popular else n
            missing += n - seats[s.code]
        others = [s for s in mine if s not in popular] or mine
        for i in range(missing + spare):
            seats[others[i % len(others)].code] += 1
        for s in mine:
            s.classes = max(1, -(-seats[s.code] // 45))
            s.class_size = -(-seats[s.code] // s.classes)
            n = living.get(s.code, 0)
            s.history = [
                {
                    "year": year - back,
                    "entries": max(1, round(n * (1 + 0.03 * back) * rng.uniform(0.95, 1.05))),
                    "registered": max(1, round(n * (1 + 0.03 * back) / rng.uniform(0.97, 1.06))),
                    "last_category": rng.choice(["K2", "K4", "K5"]),
                }
                for back in range(1, 6)
            ]


def _population(city: City, rng: random.Random) -> tuple[dict[tuple[str, int], int], dict[str, Any]]:
    """Registered children by community and year of birth: this year's entrants, then fewer births, more on the outskirts."""
    entrants: dict[str, int] = {}
    for f in city.families:
        community = city.compounds[f.home].community
        entrants[community] = entrants.get(community, 0) + len(f.children)
    births = {
        -5: 1.12,
        -4: 1.10,
        -3: 1.08,
        -2: 1.06,
        -1: 1.03,
        0: 1.0,
        1: 0.93,
        2: 0.85,
        3: 0.76,
        4: 0.70,
        5: 0.66,
        6: 0.62,
    }
    growth = {"kuiwen": 0.97, "gaoxin": 1.02, "hanting": 1.03, "jingkai": 1.04, "binhai": 1.02}
    where = {c.code: c.district for c in city.communities}
    counts = {
        (community, city.year - 6 + ahead): max(
            0, round(n * factor * growth[where[community]] ** ahead * rng.uniform(0.9, 1.1))
        )
        for community, n in sorted(entrants.items())
        for ahead, factor in births.items()
    }
    parents = [(f.district, p) for f in city.families for p in (f.father, f.mother)]
    bands: dict[str, dict[str, int]] = {}
    education: dict[str, dict[str, int]] = {}
    for district, p in parents:
        age = city.year - p.born_on.year
        band = "<30" if age < 30 else "30-34" if age < 35 else "35-39" if age < 40 else "40+"
        bands.setdefault(district, {}).setdefault(band, 0)
        bands[district][band] += 1
        level = rng.choices(
            ["junior", "senior", "college", "bachelor", "master"],
            [18, 24, 26, 27, 5] if district in ("kuiwen", "gaoxin") else [30, 30, 22, 16, 2],
        )[0]
        education.setdefault(district, {}).setdefault(level, 0)
        education[district][level] += 1
    flows: dict[str, dict[str, int]] = {}
    for f in city.families:
        row = flows.setdefault(f.hukou_district, {})
        row[f.district] = row.get(f.district, 0) + len(f.children)
    return counts, {"parent_ages": bands, "education": education, "flows": flows}


def truth_facts(city: City, family: Family, index: int) -> dict[str, Any]:
    """The true value of every fact about child `index` of a family, for the claim that it makes: for scoring only."""
    k, claim = family.kind, family.claim
    honest = not family.fraud
    owns = honest and k in ("owned", "owned_away", "owned_outside", "collective", "contract", "resettlement")
    leases = k in ("local_lease", "migrant_lease") and claim.basis == "lease" and claim.compound == family.home
    same = family.hukou == family.address
    return {
        "child.born_on": family.children[index].born_on,
        "child.already_enrolled": False,
        "child.hukou_district": family.hukou_district,
        "child.hukou_entry_on": family.dates["entered"],
        "child.with_guardian_household": family.book != "elder",
        "child.with_grandparent_household": family.book == "elder" and claim.basis == "grandparents",
        "dwelling.owned_by_family": owns,
        "dwelling.owned_by_grandparent": honest and k == "grandparents",
        "dwelling.in_zone": owns or (honest and k == "grandparents"),
        "dwelling.residential": owns,
        "dwelling.full_ownership": owns,
        "dwelling.family_share_bp": 10_000 if owns else 0,
        "dwelling.owners_within_kin": owns,
        "dwelling.address_equals_hukou": honest and same and k in ("owned", "contract", "resettlement", "grandparents"),
        "dwelling.is_contract": honest and k == "contract",
        "dwelling.is_resettlement": honest and k == "resettlement",
        "dwelling.original_village_in_zone": honest
        and k == "resettlement"
        and city.school_of(family.hukou.split("/")[0]) == city.school_of(family.home),
        "dwelling.acquired_on": family.dates["bought"],
        "family.no_dwelling_in_core": k in ("grandparents", "local_lease", "migrant_lease"),
        "family.reported_absent": False,
        "family.special_group": "",
        "lease.in_zone": leases,
        "lease.sole": leases,
        "lease.filed_on": family.dates["lease"],
        "lease.months": family.lease_months,
        "job.in_district": k == "migrant_lease",
        "job.started_on": family.dates["job"],
    }
