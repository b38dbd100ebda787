"""The synthetic city's map: real districts and streets of Weifang, communities and compounds placed in them."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from shapely import MultiPoint, Point, Polygon, contains_xy, unary_union, voronoi_polygons
from shapely.geometry import mapping, shape

from ruxue.simulation.model import DATA, Community, Compound, Json, Street


@dataclass(frozen=True)
class _Plan:
    """A district as planned: share of the city's entrants, yearly growth of its young families, streets by
    county."""

    zh: str
    en: str
    code: str
    share: float
    growth: float
    county: str
    streets: tuple[str, ...]


_K, _H, _W = "奎文区", "寒亭区", "潍城区"
DISTRICTS: dict[str, _Plan] = {
    "kuiwen": _Plan(
        "奎文区",
        "Kuiwen District",
        "370705",
        0.34,
        0.97,
        _K,
        tuple(f"3707050{n}" for n in ("01", "02", "03", "04", "05", "06", "07", "12")),
    ),
    "gaoxin": _Plan("高新区", "Gaoxin District", "3707GX", 0.24, 1.02, _K, ("370705009", "370705010")),
    "hanting": _Plan(
        "寒亭区",
        "Hanting District",
        "370703",
        0.18,
        1.03,
        _H,
        ("370703001", "370703002", "370703003", "370703006", "370703007"),
    ),
    "jingkai": _Plan("经济区", "Jingji District", "3707JK", 0.10, 1.04, _W, ("370702400", "370702005")),
    "binhai": _Plan("滨海区", "Binhai District", "370772", 0.14, 1.02, _H, ("370772004", "370772005")),
}
# Rough seats of the street offices: seeds of the Voronoi cells, no survey.
_SEEDS: dict[str, dict[str, tuple[float, float]]] = {
    _K: {
        "370705001": (119.116, 36.707),
        "370705002": (119.128, 36.727),
        "370705003": (119.145, 36.676),
        "370705004": (119.113, 36.662),
        "370705005": (119.112, 36.694),
        "370705006": (119.105, 36.765),
        "370705007": (119.137, 36.703),
        "370705012": (119.156, 36.734),
        "370705009": (119.205, 36.705),
        "370705010": (119.258, 36.675),
    },
    _H: {
        "370703001": (119.215, 36.765),
        "370703002": (119.195, 36.795),
        "370703003": (119.180, 36.885),
        "370703006": (119.060, 36.855),
        "370703007": (119.345, 36.790),
        "370772004": (119.220, 37.090),
        "370772005": (119.075, 37.110),
    },
    _W: {
        "370702001": (119.095, 36.712),
        "370702002": (119.090, 36.690),
        "370702003": (119.070, 36.705),
        "370702004": (119.085, 36.730),
        "370702006": (119.000, 36.650),
        "370702400": (119.045, 36.745),
        "370702005": (119.000, 36.755),
    },
}
OUTSIDE = {  # counties that families come from, GB/T 2260
    "370702": "潍坊市潍城区",
    "370704": "潍坊市坊子区",
    "370724": "潍坊市临朐县",
    "370725": "潍坊市昌乐县",
    "370781": "潍坊市青州市",
    "370782": "潍坊市诸城市",
    "370784": "潍坊市安丘市",
    "370786": "潍坊市昌邑市",
    "371302": "临沂市兰山区",
    "370112": "济南市历城区",
    "341204": "安徽省阜阳市颍泉区",
    "410724": "河南省新乡市获嘉县",
    "231202": "黑龙江省绥化市北林区",
    "150402": "内蒙古自治区赤峰市红山区",
}
_ROADS = (
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
    "樱前街",
    "宝通街",
    "潍县中路",
    "创新街",
    "银枫路",
    "清池路",
)
_OLD_ROADS = {
    "东风东街": "东风大街",
    "北宫东街": "北宫街",
    "玉清东街": "玉清街",
    "渤海路": "海港路",
    "健康东街": "健康街",
    "胜利东街": "胜利大街",
    "民主街": "人民街",
    "通亭街": "寒亭大街",
    "潍县中路": "潍州路北段",
    "宝通街": "宝通东街",
}
_FIRST = (
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
)
_SECOND = (
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
)
_PHASES = ("", "东区", "西区", "南区", "北区", "二期", "三期", "四期", "五期")
_BUILDERS = ("恒安", "鲁班", "昌建", "海通", "鑫源", "泰和", "中汇")
_SCHOOLS = (
    "实验",
    "新华",
    "胜利",
    "育英",
    "金马",
    "明德",
    "樱园",
    "春晓",
    "幸福",
    "中心",
    "卓越",
    "锦程",
    "德馨",
    "新城",
    "志远",
    "北海",
    "凤凰",
    "东方",
    "文华",
    "清平",
    "惠贤",
    "渤海",
    "海源",
    "永安",
    "友谊",
    "月河",
    "长宁",
    "崇文",
    "尚德",
    "润泽",
)
_COMMUNITY_ENDINGS = ("居民委员会", "村民委员会", "社区居委会", "居委会", "村委会", "社区")


def geojson(geometry: Any) -> Json:
    """GeoJSON with lists only, as it comes back from a file."""
    return json.loads(json.dumps(mapping(geometry)))


def _largest(geometry: Any) -> Polygon:
    parts = geometry.geoms if hasattr(geometry, "geoms") else [geometry]
    polygons = [p for p in parts if isinstance(p, Polygon)]
    return max(polygons, key=lambda p: p.area)


def territory() -> tuple[dict[str, Polygon], dict[str, Polygon]]:
    """Polygons of the districts and of their streets' cells; neither overlap."""
    features = json.loads((DATA / "counties.geojson").read_text(encoding="utf-8"))["features"]
    county = {f["properties"]["name"]: shape(f["geometry"]).buffer(0) for f in features}
    county[_W] = county[_W].difference(county[_K])
    county[_H] = county[_H].difference(unary_union([county[_K], county[_W]]))
    cells: dict[str, Any] = {}
    for name, seeds in _SEEDS.items():
        found = voronoi_polygons(MultiPoint(list(seeds.values())), extend_to=county[name]).geoms
        for street, at in seeds.items():
            cells[street] = next(c for c in found if c.contains(Point(at))).intersection(county[name])
    districts: dict[str, Polygon] = {}
    streets: dict[str, Polygon] = {}
    for key, plan in DISTRICTS.items():
        districts[key] = _largest(unary_union([cells[s] for s in plan.streets]).buffer(0))
        for street in plan.streets:
            streets[street] = _largest(cells[street].intersection(districts[key]))
    return districts, streets


def _inside(area: Polygon, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` points inside `area`, shape (count, 2), by rejection from its bounding box."""
    west, south, east, north = area.bounds
    found = np.empty((0, 2))
    while len(found) < count:
        tries = rng.uniform((west, south), (east, north), (4 * count + 16, 2))
        found = np.vstack([found, tries[contains_xy(area, tries[:, 0], tries[:, 1])]])
    return found[:count]


def _apart(area: Polygon, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points that keep their distance: each the furthest of eight tries from those before it (Mitchell
    1991)."""
    tries = _inside(area, count * 8, rng).reshape(count, 8, 2)
    chosen = tries[:1, 0]
    for some in tries[1:]:
        gaps = ((some[:, None, :] - chosen[None]) ** 2).sum(axis=2).min(axis=1)
        chosen = np.vstack([chosen, some[int(gaps.argmax())]])
    return chosen


def communities_of(streets: dict[str, Polygon], rng: np.random.Generator) -> tuple[list[Street], list[Community]]:
    rows = list(csv.DictReader((DATA / "divisions.csv").read_text(encoding="utf-8").splitlines()))
    name = {r["code"]: r["name"] for r in rows}
    made: list[Street] = []
    communities: list[Community] = []
    for key, plan in DISTRICTS.items():
        for street in plan.streets:
            made.append(Street(street, name[street], key))
            mine = [r for r in rows if r["parent_code"] == street]
            for row, (lng, lat) in zip(mine, _apart(streets[street], len(mine), rng), strict=True):
                short = row["name"]
                for ending in _COMMUNITY_ENDINGS:
                    short = short.removesuffix(ending) or short
                communities.append(
                    Community(
                        row["code"],
                        short,
                        street,
                        key,
                        round(float(lng), 6),
                        round(float(lat), 6),
                        name[street],
                    )
                )
    return made, communities


@dataclass
class Site:
    """A school before its seats are planned."""

    code: str
    name: str
    district: str
    lng: float
    lat: float
    address: str
    phone: str
    cell: Json
    compounds: list[str]


def compounds_of(
    areas: dict[str, Polygon],
    communities: list[Community],
    total: int,
    rng: random.Random,
    points: np.random.Generator,
) -> tuple[dict[str, Compound], list[Site]]:
    """Schools that keep their distance, their cells as zones, and the compounds in each cell."""
    compounds: dict[str, Compound] = {}
    sites: list[Site] = []
    for key, plan in DISTRICTS.items():
        area = areas[key]
        mine = [c for c in communities if c.district == key]
        centres = np.array([(c.lng, c.lat) for c in mine])
        count = max(2, round(total * plan.share / 150))
        seeds = _apart(area, count, points)
        cells = list(voronoi_polygons(MultiPoint(seeds), extend_to=area).geoms)
        labels = [a + b + phase for phase in _PHASES for a in _FIRST for b in _SECOND]
        per_zone = max(4, round(total * plan.share / count / 12))
        names = iter(_shuffled_in_thirds(labels, count * per_zone, rng))
        places = iter(_numbers(count * (per_zone + 1), rng))
        for n, (lng, lat) in enumerate(seeds):
            cell = next(c for c in cells if c.contains(Point(lng, lat))).intersection(area)
            road, number = next(places)
            base, again = _SCHOOLS[n % len(_SCHOOLS)], n // len(_SCHOOLS)
            ordinal = f"第{again + 1}" if again else ""
            name = f"{plan.zh.removesuffix('区')}{base}{ordinal}小学"
            site = Site(
                f"{plan.code}{n + 1:03d}",
                name,
                key,
                round(float(lng), 6),
                round(float(lat), 6),
                f"{plan.zh}{road}{number}号",
                f"0536-5550{len(sites):03d}",
                geojson(cell.simplify(0.0004)),
                [],
            )
            sites.append(site)
            for x, y in _inside(_largest(cell), per_zone, points):
                home = mine[int(((centres - (x, y)) ** 2).sum(axis=1).argmin())]
                road, number = next(places)
                code = f"C{len(compounds) + 1:05d}"
                made = _compound(code, next(names), plan.zh, road, number, home, rng, float(x), float(y))
                compounds[code] = made
                site.compounds.append(code)
    return compounds, sites


def _shuffled_in_thirds(labels: list[str], count: int, rng: random.Random) -> list[str]:
    """Names without repetition, plain ones before those with a phase."""
    plain, phased = labels[: len(_FIRST) * len(_SECOND)], labels[len(_FIRST) * len(_SECOND) :]
    rng.shuffle(plain)
    rng.shuffle(phased)
    return (plain + phased + [f"{a}{n}号苑" for n in range(1, count // 26 + 2) for a in _FIRST])[:count]


def _numbers(count: int, rng: random.Random) -> list[tuple[str, int]]:
    """Distinct pairs of road and number: no address is a part of another's."""
    return [
        (_ROADS[n % len(_ROADS)], 1 + n // len(_ROADS)) for n in rng.sample(range(len(_ROADS) * max(400, count)), count)
    ]


def _compound(
    code: str,
    name: str,
    zh: str,
    road: str,
    number: int,
    home: Community,
    rng: random.Random,
    lng: float,
    lat: float,
) -> Compound:
    kind: Literal["commercial", "work_unit", "village", "resettlement"] = rng.choices(
        ("commercial", "work_unit", "village", "resettlement"), (78, 9, 6, 7)
    )[0]
    built = rng.randint(1985, 2002) if kind in ("work_unit", "village") else rng.randint(1998, 2024)
    old_road = _OLD_ROADS.get(road, f"{road}旧路")
    aliases = (
        f"{zh}{old_road}{number}号{name}",
        f"{zh}{road}{number}号院",
        f"{zh}{rng.choice(_BUILDERS)}{name}",
    )
    return Compound(
        code,
        name,
        f"{zh}{road}{number}号{name}",
        aliases,
        home.code,
        home.district,
        round(lng, 6),
        round(lat, 6),
        built,
        kind,
        rng.randint(6, 30),
    )
