"""China's provinces, cities, counties and towns: how their names are written and what lies in what.

The table is part of the package (data/divisions.tsv, see data/ATTRIBUTION.md) and is read once, at first use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_PEOPLES = (
    "柯尔克孜|哈萨克|维吾尔|达斡尔|鄂温克|鄂伦春|蒙古|土家|布依|傈僳|仡佬|毛南|仫佬|哈尼|景颇|裕固|保安|东乡|撒拉|"
    "锡伯|塔吉克|布朗|普米|阿昌|独龙|朝鲜|壮|回|藏|彝|苗|侗|瑶|白|傣|黎|畲|羌|满|土|水|佤|怒|拉祜|纳西|各"
)
_AUTONOMOUS = re.compile(rf"(?:(?:{_PEOPLES})族?)+(?=自治)")
_CITY_END = re.compile(r"(?:市|地区|盟|自治州|州)$")
_COUNTY_END = re.compile(r"(?:自治县|自治旗|林区|特区|新区|区|县|市|旗)$")
_TOWN_END = re.compile(r"(?:(?:街道|地区|镇|乡|苏木)(?:办事处)?)$")
_SHORT_PROVINCE = re.compile(r"(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)$")

# Counties that were merged or renamed since about 2000 and still stand in household books and in people's heads.
_FORMER = {
    "1101": "崇文区 宣武区",
    "1201": "塘沽区 汉沽区 大港区 蓟县 静海县 宁河县",
    "1301": "桥东区",
    "3101": "卢湾区 南市区 闸北区 南汇区 崇明县",
    "3201": "白下区 下关区 江宁县 溧水县 高淳县",
    "3202": "崇安区 南长区 北塘区 锡山市",
    "3204": "戚墅堰区 武进市",
    "3205": "沧浪区 平江区 金阊区 吴江市",
    "3206": "港闸区 通州市 海门市 海安县",
    "3210": "维扬区 江都市",
    "3301": "江干区 下城区 萧山市 余杭市 富阳市 临安市",
    "3302": "江东区 鄞县 奉化市",
    "3303": "洞头县",
    "3304": "秀城区",
    "3306": "绍兴县 上虞市",
    "3307": "金华县",
    "3310": "黄岩市 玉环县",
    "3401": "巢湖市",
    "3402": "三山区 鸠江区 芜湖县 繁昌县",
    "3501": "长乐市",
    "3502": "同安县",
    "3503": "莆田县",
    "3505": "晋江县",
    "3701": "历城县 长清县 章丘市 济阳县 莱芜市",
    "3702": "四方区 胶南市 即墨市",
    "3707": "潍县",
    "3708": "市中区 兖州市",
    "3715": "茌平县",
    "3716": "沾化县 邹平县",
    "3717": "定陶县",
    "4101": "中牟县",
    "4103": "吉利区 偃师市 孟津县",
    "4201": "汉阳县 武昌县",
    "4401": "东山区 芳村区 萝岗区 增城市 从化市",
    "4403": "宝安县",
    "4406": "顺德市 南海市 三水市 高明市",
    "4407": "新会市",
    "5001": "双桥区 万盛区 綦江县 大足县 璧山县 铜梁县 潼南县 荣昌县 开县 梁平县 武隆县",
    "5101": "郫县 双流县 新都县 温江县 新津县 简阳市",
    "6101": "户县 高陵县 临潼县 长安县 蓝田县",
}


def _stem(name: str, end: re.Pattern[str]) -> str:
    """A name without its people's names and its level's word: 恩施土家族苗族自治州 → 恩施. "" where too little is left."""
    short = end.sub("", _AUTONOMOUS.sub("", name))
    return short if len(short) >= 2 else ""


@dataclass(frozen=True)
class Table:
    """Spellings → codes: provinces (2 digits), cities (4), counties (6); `towns` by county code."""

    provinces: dict[str, str]
    cities: dict[str, tuple[str, ...]]
    counties: dict[str, tuple[str, ...]]
    towns: dict[str, str]
    full: frozenset[str]
    longest: int


@cache
def table() -> Table:
    """The whole table, indexed."""
    provinces: dict[str, str] = {}
    cities: dict[str, list[str]] = {}
    counties: dict[str, list[str]] = {}
    towns: dict[str, str] = {}
    full: set[str] = set()

    def add(index: dict[str, list[str]], name: str, short: str, code: str, *others: str) -> None:
        full.add(name)
        for spelling in (name, short, *others):
            if spelling and code not in index.setdefault(spelling, []):
                index[spelling].append(code)

    text = files("ruxue.algorithms").joinpath("data/divisions.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        code, name, *below = line.split("\t")
        if len(code) == 2:
            stem = _SHORT_PROVINCE.sub("", name)
            full.update((name, stem + "省"))
            for spelling in (name, stem, stem + "省", stem + "自治区"):
                provinces[spelling] = code
            if name.endswith("市"):
                full.add(name)
                add(cities, name, stem, code + "01")
        elif len(code) == 4:
            if name not in ("市辖区", "县") and "直辖" not in name:
                short = _stem(name, _CITY_END)
                add(cities, name, short, code, short + "州" if name.endswith("自治州") else "")
                for old in _FORMER.get(code, "").split():
                    add(counties, old, _stem(old, _COUNTY_END), code + "00")
        else:
            short = _stem(name, _COUNTY_END)
            other = short + name[-1] if _AUTONOMOUS.search(name) else ""
            add(counties, name, short, code, other)
            towns[code] = below[0] if below else ""
    for municipality in ("11", "12", "31", "50"):
        for old in _FORMER.get(municipality + "01", "").split():
            add(counties, old, _stem(old, _COUNTY_END), municipality + "0100")
    provinces["内蒙"] = "15"
    return Table(
        provinces,
        {k: tuple(v) for k, v in cities.items()},
        {k: tuple(v) for k, v in counties.items()},
        towns,
        frozenset(full),
        max(map(len, (*provinces, *cities, *counties))),
    )


@cache
def towns_of(codes: tuple[str, ...]) -> dict[str, str]:
    """Spellings of the towns in the counties whose codes start so → the town's full name."""
    found: dict[str, str] = {}
    for code, names in table().towns.items():
        if code.startswith(codes):
            for name in names.split():
                found[name] = name
                short = _stem(name, _TOWN_END)
                if short:
                    found.setdefault(short, name)
    return found
