"""Labelled pairs of addresses, by kind of difference: made from real streets, communities and compounds.

The maker writes an address by its own rules and knows nothing of the parser's; what a pair's verdict must be follows
from how the second text was made from the first address.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files

from tests.algorithms.address_sets import DATA

# Old and police names, as a city would load them.
ALIASES = {
    "东风大街东段": "东风东街",
    "北宫街": "北宫东街",
    "海港路": "渤海路",
    "鸢飞大街": "鸢飞路",
    "奎文门小区": "樱园",
    "国贸宿舍": "国贸佳苑",
    "八里庄旧村": "虞景嘉园",
}
_RENAMED_ROADS = {"东风东街": "东风大街东段", "北宫东街": "北宫街", "渤海路": "海港路", "鸢飞路": "鸢飞大街"}
_RENAMED_COMPOUNDS = {"樱园": "奎文门小区", "国贸佳苑": "国贸宿舍", "虞景嘉园": "八里庄旧村"}
_ROADS = [
    "东风东街",
    "胜利东街",
    "健康东街",
    "福寿东街",
    "玉清东街",
    "民生东街",
    "北宫东街",
    "卧龙东街",
    "樱前街",
    "宝通东街",
    "文化路",
    "新华路",
    "四平路",
    "虞河路",
    "鸢飞路",
    "北海路",
    "志远路",
    "惠贤路",
    "金马路",
    "潍州路",
    "渤海路",
    "月河路",
    "友谊路",
    "长松路",
    "永安路",
    "清溪街",
    "通亭街",
    "庄检路",
    "健民街",
    "梨园街",
    "新城西街",
    "道口街",
    "院校街",
    "中学街",
    "工农路",
    "民主街",
    "向阳路",
    "安丘路",
    "南下河街",
    "豪德路",
    "志勤路",
    "创新街",
    "高新二路",
    "桃园街",
    "梅村街",
    "银枫路",
    "蓉花路",
]
_COMPOUNDS = [
    "阳光花园",
    "金宸公馆",
    "樱园",
    "国贸佳苑",
    "虞景嘉园",
    "泰华城",
    "新华小区",
    "万达公馆",
    "恒信宝龙城",
    "圣荣小区",
    "鸢都国际",
    "中和园",
    "金沙苑",
    "奎文华府",
    "歌尔绿城",
    "白浪河小区",
    "御景花园",
    "东方嘉苑",
    "世纪泰华",
    "上城国际",
    "盛世豪庭",
    "潍柴生活区",
    "风华园",
    "丽景嘉园",
    "德润天玺",
    "中央名邸",
    "翰林新城",
    "鲁发名城",
    "凤凰国际",
    "学府家园",
    "紫御华府",
    "书香门第",
    "富华小区",
    "北海国际",
    "松鹤园",
    "水岸名居",
    "怡和苑",
    "锦绣华府",
    "恒大名都",
    "碧桂园翡翠湾",
    "天润华庭",
    "城投帝景",
    "新元居",
    "南苑小区",
    "幸福家园",
    "四季花城",
    "东明小区",
    "玄武小区",
    "双羊新城",
    "银座花园",
    "阳光新城",
    "福泰花园",
    "金茂悦",
    "绿地城",
    "保利堂悦",
    "中骏雍景湾",
]
_TWINS = {
    "花园": "家园",
    "小区": "新村",
    "国际": "公寓",
    "嘉苑": "佳苑",
    "名城": "新城",
    "华府": "华庭",
    "家园": "花园",
    "苑": "园",
}
_CN = "零一二三四五六七八九"


def _spelled(n: int) -> str:
    """0–99 as a Chinese numeral."""
    tens, ones = divmod(n, 10)
    if not tens:
        return _CN[ones]
    return ("" if tens == 1 else _CN[tens]) + "十" + (_CN[ones] if ones else "")


@dataclass(frozen=True)
class Home:
    """A home by its parts; "" and 0 where there is none."""

    city: str
    district: str
    town: str
    community: str
    road: str
    number: int
    compound: str
    section: str
    building: int
    unit: int
    room: int

    def place(self) -> str:
        return f"{self.road}{self.number}号{self.compound}{self.section}"

    def plain(self, up: str | None = None) -> str:
        return (self.district if up is None else up) + self.place() + f"{self.building}号楼{self.unit}单元{self.room}室"


@dataclass(frozen=True)
class Pair:
    kind: str
    a: str
    b: str
    verdict: str
    level: str = ""


def _homes(rng: random.Random) -> Iterator[Home]:
    rows = list(
        csv.DictReader(files("ruxue.simulation").joinpath("data/divisions.csv").read_text("utf-8").splitlines())
    )
    counties = {"370702": "潍城区", "370703": "寒亭区", "370704": "坊子区", "370705": "奎文区", "370772": "滨海区"}
    streets = [r for r in rows if r["level"] == "street" and r["parent_code"] in counties]
    communities: dict[str, list[str]] = {}
    for r in rows:
        if r["level"] == "community" and r["name"].endswith(("社区居民委员会", "社区居委会")):
            communities.setdefault(r["parent_code"], []).append(r["name"].split("社区")[0] + "社区")
    while True:
        street = rng.choice(streets)
        nearby = communities.get(street["code"]) or ["樱园社区"]
        yield Home(
            "潍坊市",
            counties[street["parent_code"]],
            street["name"].removesuffix("办事处"),
            rng.choice(nearby),
            rng.choice(_ROADS),
            rng.randint(1, 9999),
            rng.choice(_COMPOUNDS),
            "",
            rng.randint(1, 68),
            rng.randint(1, 6),
            rng.randint(1, 33) * 100 + rng.randint(1, 4),
        )


_TRADITIONAL = str.maketrans(
    "号楼单园东华风国庄县区阳兴马门级库苏坛汉泽龙凤绿丽银锦", "號樓單園東華風國莊縣區陽興馬門級庫蘇壇漢澤龍鳳綠麗銀錦"
)


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _shaken(n: int, rng: random.Random) -> int:
    return n + rng.choice([-1, 1]) if n > 1 else n + 1


Maker = Callable[[Home, random.Random], tuple[str, str]]
_SAME: dict[str, Maker] = {
    "full width": lambda h, r: (h.plain(), _wide(h.plain())),
    "numerals": lambda h, r: (
        h.plain(),
        h.district
        + h.place()
        + f"{_spelled(h.building)}号楼{_spelled(h.unit)}单元{''.join(_CN[int(d)] for d in str(h.room))}室",
    ),
    "dashes": lambda h, r: (
        h.plain(),
        h.district + h.place() + r.choice(["-", "—", "－"]).join(map(str, (h.building, h.unit, h.room))),
    ),
    "building's word": lambda h, r: (
        h.plain(),
        h.district
        + h.place()
        + f"{h.building}{r.choice(['幢', '栋', '#', '#楼', '座'])}{h.unit}单元{h.room}{r.choice(['', '户', '号', '室'])}",
    ),
    "spaces": lambda h, r: (h.plain(), f"{h.district} {h.place()} {h.building}号楼 {h.unit}单元 {h.room}"),
    "city before it": lambda h, r: (
        h.plain(),
        h.plain(r.choice(["山东省潍坊市", "潍坊市", "山东潍坊", "潍坊"]) + h.district),
    ),
    "town between": lambda h, r: (h.plain(), h.plain(h.district + h.town)),
    "community between": lambda h, r: (h.plain(), h.plain(h.district + h.town + h.community)),
    "traditional": lambda h, r: (h.plain(), h.plain().translate(_TRADITIONAL)),
    "remark in brackets": lambda h, r: (
        h.plain(),
        h.plain() + r.choice(["（快递放门口）", "(电话联系)", "【周末收】"]),
    ),
    "phone and name": lambda h, r: (h.plain(), h.plain() + f" 王女士 138{r.randint(10**7, 10**8 - 1)}"),
    "小区 after the name": lambda h, r: (
        h.plain(),
        h.district
        + f"{h.road}{h.number}号{h.compound.removesuffix('小区')}{'' if h.compound.endswith('小区') else '小区'}"
        f"{h.building}号楼{h.unit}单元{h.room}室",
    ),
    "leading zeros": lambda h, r: (
        h.plain(),
        h.district + h.place() + f"{h.building:02d}号楼{h.unit:02d}单元{h.room:04d}",
    ),
    "floor written too": lambda h, r: (
        h.plain(),
        h.district + h.place() + f"{h.building}号楼{h.unit}单元{h.room // 100}楼{h.room}室",
    ),
}
_LACKING: dict[str, tuple[str, Maker]] = {
    "no room": ("room", lambda h, r: (h.plain(), h.district + h.place() + f"{h.building}号楼{h.unit}单元")),
    "no unit": ("unit", lambda h, r: (h.plain(), h.district + h.place() + f"{h.building}号楼{h.room}室")),
    "no road": ("road", lambda h, r: (h.plain(), h.district + f"{h.compound}{h.building}号楼{h.unit}单元{h.room}室")),
    "no district": ("district", lambda h, r: (h.plain(), h.plain(""))),
    "no compound": (
        "compound",
        lambda h, r: (h.plain(), h.district + f"{h.road}{h.number}号{h.building}号楼{h.unit}单元{h.room}室"),
    ),
}


def _other(h: Home, rng: random.Random, level: str) -> Home:
    if level == "building":
        # 1 and 11, 7 and 71: a sign too many or too few
        return replace(
            h,
            building=rng.choice(
                [n for n in (_shaken(h.building, rng), h.building + 10, h.building * 10 + 1) if n < 100]
            ),
        )
    if level == "unit":
        return replace(h, unit=_shaken(h.unit, rng))
    if level == "room":
        return replace(
            h,
            room=rng.choice(
                [h.room + 100, h.room + 1, h.room + 1000 * (h.room < 1000)]
                if h.room < 1000
                else [h.room + 100, h.room + 1]
            ),
        )
    if level == "road_number":
        return replace(h, number=rng.choice([_shaken(h.number, rng), h.number + 100, h.number * 10]))
    if level == "district":
        return replace(h, district=rng.choice([d for d in ("奎文区", "潍城区", "坊子区", "寒亭区") if d != h.district]))
    if level == "road":
        turned = {"东": "西", "西": "东"}
        for side, other in turned.items():
            if side in h.road[-2:]:
                return replace(h, road=h.road[:-2] + h.road[-2:].replace(side, other))
        return replace(h, road=rng.choice([x for x in _ROADS if x != h.road]))
    assert level == "compound"
    for end, other in _TWINS.items():
        if h.compound.endswith(end) and rng.random() < 0.7:
            return replace(h, compound=h.compound.removesuffix(end) + other)
    return replace(h, compound=rng.choice([x for x in _COMPOUNDS if x not in h.compound and h.compound not in x]))


_WRITINGS: list[Callable[[Home], str]] = [
    lambda h: h.plain(),
    lambda h: h.plain("潍坊市" + h.district),
    lambda h: h.plain(h.district + h.town),
    lambda h: h.district + h.place() + f"{h.building}-{h.unit}-{h.room}",
    lambda h: h.district + h.place() + f"{_spelled(h.building)}号楼{_spelled(h.unit)}单元{h.room}",
    lambda h: _wide(h.plain()),
]


def generate(count: int = 2400, seed: int = 1) -> list[Pair]:
    """`count` pairs, evenly over the kinds; the same arguments give the same pairs."""
    rng = random.Random(seed)
    homes = _homes(rng)
    kinds: list[Callable[[], Pair]] = []

    def same(kind: str, make: Maker) -> Callable[[], Pair]:
        return lambda: Pair(kind, *make(next(homes), rng), "equal")

    def lacking(kind: str, level: str, make: Maker) -> Callable[[], Pair]:
        return lambda: Pair(kind, *make(next(homes), rng), "compatible", level)

    def differs(level: str) -> Callable[[], Pair]:
        def make() -> Pair:
            h = next(homes)
            return Pair(
                f"other {level}",
                rng.choice(_WRITINGS)(h),
                rng.choice(_WRITINGS)(_other(h, rng, level)),
                "different",
                level,
            )

        return make

    def section(kind: str, names: list[str]) -> Callable[[], Pair]:
        def make() -> Pair:
            h = next(homes)
            x, y = rng.sample(names, 2)
            h = replace(h, compound=h.compound if len(h.compound) > 3 else "阳光花园")
            return Pair(kind, replace(h, section=x).plain(), replace(h, section=y).plain(), "different", "section")

        return make

    def renamed_road() -> Pair:
        h = replace(next(homes), road=rng.choice(list(_RENAMED_ROADS)))
        return Pair("renamed road", h.plain(), replace(h, road=_RENAMED_ROADS[h.road]).plain(), "equal")

    def renamed_compound() -> Pair:
        h = replace(next(homes), compound=rng.choice(list(_RENAMED_COMPOUNDS)))
        return Pair(
            "police name of a compound", h.plain(), replace(h, compound=_RENAMED_COMPOUNDS[h.compound]).plain(), "equal"
        )

    def stretch() -> Pair:
        h = replace(next(homes), road=rng.choice([x for x in _ROADS if x.endswith("东街")]))
        return Pair("东街 and 街东段", h.plain(), replace(h, road=h.road[:-2] + "街东段").plain(), "equal")

    def village() -> Pair:
        h = next(homes)
        name = rng.choice(["屯西村", "李家营村", "北十里村", "张家埠村", "西王松村", "后邓村"])
        up = h.district + h.town + name
        n = rng.randint(1, 400)
        if rng.random() < 0.5:
            return Pair("house in a village", f"{up}{n}号", f"潍坊市{up}{n}号", "equal")
        return Pair(
            "house in a village, other number", f"{up}{n}号", f"{up}{_shaken(n, rng)}号", "different", "road_number"
        )

    kinds += [same(k, m) for k, m in _SAME.items()]
    kinds += [lacking(k, level, m) for k, (level, m) in _LACKING.items()]
    kinds += [differs(level) for level in ("building", "unit", "room", "road_number", "district", "road", "compound")]
    kinds += [
        section("other phase", ["一期", "二期", "三期"]),
        section("other section", ["A区", "B区", "东区", "西区", "一区", "二区"]),
    ]
    kinds += [renamed_road, renamed_compound, stretch, village]
    return [kinds[i % len(kinds)]() for i in range(count)]


def by_hand() -> list[Pair]:
    """The pairs of data/address_pairs.tsv."""
    pairs = []
    for line in (DATA / "address_pairs.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            a, b, verdict, level = line.split("\t")
            pairs.append(Pair("by hand", a, b, verdict, level.strip("-")))
    return pairs
