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
_NICKNAMES = {"巴州": "6528", "博州": "6527", "克州": "6530", "版纳": "5328"}


def _stem(name: str, end: re.Pattern[str]) -> str:
    """A name without its people's names and its level's word: 恩施土家族苗族自治州 → 恩施. "" where too little is left."""
    short = end.sub("", _AUTONOMOUS.sub("", name))
    return short if len(short) >= 2 else ""


def short_name(name: str) -> str:
    """A city's or county's name without its level's word, the same for all its spellings; itself if nothing is left."""
    return _stem(name, _CITY_END) if name.endswith(("地区", "盟", "州")) else _stem(name, _COUNTY_END) or name


@dataclass(frozen=True)
class Table:
    """Spellings → codes: provinces (2 digits), cities (4), counties (6); `towns` by county code."""

    provinces: dict[str, str]
    cities: dict[str, tuple[str, ...]]
    counties: dict[str, tuple[str, ...]]
    towns: dict[str, str]
    full: frozenset[str]
    known: frozenset[str]
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
    for short, code in _NICKNAMES.items():
        cities.setdefault(short, []).append(code)
    return Table(
        provinces,
        {k: tuple(v) for k, v in cities.items()},
        {k: tuple(v) for k, v in counties.items()},
        towns,
        frozenset(full),
        frozenset((*provinces, *cities, *counties)),
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


# ---- reading divisions at the start of an address --------------------------------------------------------------------

_ROADLIKE = re.compile(
    r"(?:[东西南北中][一二三四五六七八九十]|[^\d\s]?)(?:大?路|大?街(?!道)|大道|巷|弄(?!口)|胡同)|街道|道\d"
    r"|[东西南北中]?(?:线|桥|湾|站|港|河|岛|门(?!源)|村|庄|里|镇|乡|社区|"
    r"小区|花园|新村|新苑|新城|公寓|广场|大厦|酒店|宾馆|饭店|大酒店|商场|市场|公园|医院|大学|学院|中学|小学|机场|银行|国际|"
    r"中心|工业|科技|经济|开发|高新|技术|人家|人民(?:医院|政府)|文化|名[邸苑城都]|豪[庭苑]|家[园苑]|府[邸苑]|苑|园|城(?![区关中东西南北])|集团|公司|有限|超市|百货|火车|汽车|"
    r"高铁|油田|电[子力商信]|体育|商业|大楼|楼|实业|服饰|水岸|水[乡景]|农[业商贸]|师范|职业|理工|工程|医|业)"
)
_ZONE = re.compile(
    r"(?:[^\d\s路街道镇乡村社]{0,8}?)(?:(?:国家级?)?经济技术开发区|高新技术产业开发区|高新技术开发区|高新技术产业园区|经济开发区|经开区|"
    r"高新园?区|高新(?=[^\d一-鿿]|$)|高技术产业开发区|综合保税区|保税区|度假区|开发区|(?<![小])新区|管理区|示范区|经济区|实验区|试验区)(?!街道|办事处|[路街]|大道)|工业园区(?=.)"
)
_COUNTYLIKE = re.compile(
    r"[^\d\s路街道镇乡村区县市旗州省]{1,4}(?<![小社园业发景校厂院库南北东西期大城都超一二三四五六七八九十])(?:区(?!街道|办事处)|县(?!前|城|医))|"
    r"[^\d\s路街道镇乡村区县市旗州省]{2,4}(?<![城都超])(?:市(?![场政民中区])|(?<!红)旗(?![舰路街袍]))"
)
# A functional zone that acts as a county and isn't in the table: 滨海区.
_COUNTY_FIRST = re.compile(
    r"[^\d\s路街道镇乡村区县市旗州省]{2}(?<![小社园业发景校厂院库南北东西期大城都超一二三四五六七八九十])区(?= ?[^\s\d])"
)
_TOWNLIKE = re.compile(
    r"[^\d\s村社]{1,3}[村社](?:[镇乡](?![路街])|街道)|(?:\d{1,3}|[一二三四五六七八九十]{1,4})团(?!结)"
    r"|[^\d\s路街]{1,5}区(?:街道办事处|街道|办事处)|[^\d\s路街村社镇]{2,6}(?:农场|林场|牧场|渔场|茶场|种畜场|原种场|良种场)(?![路街口])"
    r"|[^\d\s村社]{1,7}?(?:街道办事处|街道办|街道|地区办事处|办事处"
    r"|(?:(?<!小)镇|(?<![水侨新桐萍仙])乡(?!家园|花园|小区|人家)|苏木)(?![路街市]|(?<=^.[镇乡])[东西南北中]{1,2}[路街]|大道|港))"
)
_FILLER = re.compile(
    r"市辖区|县辖区|null|雄安新区|(?:新疆)?(?:生产建设)?兵团|第?[一二三四五六七八九十\d]+师"
    r"|[一二三四五六]环(?:[至到][一二三四五六]环(?:之间)?|以?[内外](?![路街环]))"
    r"|(?:省|自治区)?直辖(?:县级行政区划|县|市)?|(?:中国)?城?[城市]区(?![一-鿿]?[路街道])|(?:全区|全境|市里|县城(?:内|区)?)(?![路街])"
    r"|中国(?!银行|移动|电信|联通|石[化油]|邮政|人[民寿]|建设|农业|工商|铁[建路塔]|中[铁建车]|科|传媒|美术|大|国际|海洋|矿业|政法)"
)
_FIRM = re.compile(r"[^\d\s路街村镇]{1,16}(?:公司|集团|厂|店|局|所|学校|医院)")

_MUNICIPALITIES = ("北京", "上海", "天津", "重庆")
_SEPARATORS = " -#/"
_ACTING_COUNTY = re.compile(r"(?:高新|经开|经济开发|开发|高新技术(?:产业)?开发|经济技术开发)区(?=.)")
_SECOND_ADDRESS = re.compile(r"(?:中国)?[^\s\d市]{2,7}(?:省|自治区)")
_OFFICE = re.compile(r"地区(?:办事处)?|街道办事处|街道办|街道|街办|办事处|办(?!公|法|理)|管理处")
_NO_DIVISION = re.compile(r"(?:[^\s\d]{0,2}大学|学院|师范|农业|理工|[^\s\d]{0,4}(?:公司|银行))")
_ROAD_FOLLOWS = re.compile(r"[^\d\s]{2,6}?(?:路|街|大道)(?:[东西南北中]段)? ?\d")
_SECOND_TOWN = re.compile(r"[^\d\s路街巷]{2,3}街道(?= ?[^\d\s])")
_TOWN_BELOW = re.compile(r"[^\d\s]{1,4}?(?:镇|乡|苏木|街道)")


def skip(text: str, at: int) -> int:
    """Position of the first sign from `at` on that is no separator."""
    while at < len(text) and text[at] in _SEPARATORS:
        at += 1
    return at


def read_divisions(text: str, found: dict[str, str], rest: list[str]) -> int:
    """Reads province, city, district and town at the start of `text` into `found`; returns where they end.

    What is said twice counts once. A functional zone (高新区) is the district where no district is given, and is the
    level `zone` otherwise, as a second town is. A whole second address replaces a first one that contradicts it, as
    shops' forms prefill a region. What such forms put between (城区, 市辖区, null) is rest.
    """
    codes: tuple[str, ...] = ()
    at = skip(text, 0)
    if text.startswith("中国", at) and not text.startswith("中国银行", at) and read_divisions(text[at + 2 :], {}, []):
        rest.append("中国")
        at = skip(text, at + 2)
    while at < len(text):
        if said := _repeated(text, at, found):
            rest.append(said)
            at = skip(text, at + len(said))
            continue
        end, codes = _longest(text, at, codes, found, rest)
        if end == at and found and (filler := _FILLER.match(text, at)):
            rest.append(filler[0])
            end = filler.end()
        if end == at:
            break
        at = skip(text, end)
    at = _district_by_word(text, at, found)
    at = _town(text, at, codes, found, rest)
    if list(found) == ["town"]:
        later: dict[str, str] = {}
        end = at + read_divisions(text[at:], later, rest)
        if len(later) >= 2:
            rest.append(found.pop("town"))
            found.update(later)
            return end
    if found and _SECOND_ADDRESS.match(text, at):
        again: dict[str, str] = {}
        end = at + read_divisions(text[at:], again, rest)
        if len(again) >= 2 and again.get("province", "")[:2] != found.get("province", "")[:2]:
            rest.extend(found.values())
            found.clear()
            found.update(again)
            return end
    while "town" in found:
        said = _repeated(text, at, found, after_town=True)
        if not said and (filler := _FILLER.match(text, at)):
            said = filler[0]
        if not said:
            break
        rest.append(said)
        at = skip(text, at + len(said))
    for pattern in (_SECOND_TOWN, _ZONE) if found else ():
        if (m := pattern.match(text, at)) and (pattern is _ZONE or "town" in found):
            found["zone"] = found.get("zone", "") + m[0]
            at = skip(text, m.end())
    return at


def _repeated(text: str, at: int, found: dict[str, str], after_town: bool = False) -> str:
    """What was said before and is said again here; "" if nothing. Of 北京 北京市 the second is the city."""
    for said in found.values():
        end = at + len(said)
        if (
            text.startswith(said, at)
            and (after_town or "city" in found or said[:2] not in _MUNICIPALITIES)
            and text[end : end + 1] not in ("省", "市", "区", "县")
            and not _ROADLIKE.match(text, end)
        ):
            return said
    return ""


def _longest(
    text: str, at: int, codes: tuple[str, ...], found: dict[str, str], rest: list[str]
) -> tuple[int, tuple[str, ...]]:
    """Takes the longest division that is written here; returns where it ends (`at` if there is none) and the codes that
    everything below it must start with."""
    names = table()
    for size in range(min(names.longest, len(text) - at), 1, -1):
        piece = text[at : at + size]
        if piece not in names.known:
            continue
        level, narrowed = _division(piece, codes, found, text, at + size)
        if not level:
            continue
        if level == "district" and piece not in names.full and text[at + size : at + size + 1] in ("区", "县", "市"):
            piece = text[at : at + size + 1]
        before = found.get(level, "")
        if before and not (len(piece) > len(before) and piece.startswith(before)):
            rest.append(piece)
        else:
            if before:
                rest.append(before)
            found[level] = piece
        return at + len(piece), narrowed or codes
    return at, codes


def _district_by_word(text: str, at: int, found: dict[str, str]) -> int:
    """Districts that the table doesn't hold: functional zones and new or misspelled counties, known by their word."""
    m = None
    if not found:
        m = _ACTING_COUNTY.match(text, at) or _COUNTY_FIRST.match(text, at)
    elif "district" in found:
        if m := _ZONE.match(text, at):
            found["zone"] = m[0]
            return skip(text, m.end())
    elif "city" in found or "province" in found:
        m = _ZONE.match(text, at) or _COUNTYLIKE.match(text, at)
    if m is None:
        return at
    found["district"] = m[0]
    return skip(text, m.end())


def _division(
    piece: str, codes: tuple[str, ...], found: dict[str, str], text: str, end: int
) -> tuple[str, tuple[str, ...]]:
    """The level that `piece`, which ends at `end`, names here, and the codes that it narrows to; ("", ()) if none."""
    names = table()
    full = piece in names.full or (piece[-1] in "市县旗盟" and len(piece) > 2)
    more = text[end : end + 8]
    if full:
        if any(v[:2] == piece[:2] for v in found.values()) and _NO_DIVISION.match(more):
            return "", ()
        if "district" in found and (_OFFICE.match(more) or re.match(r"大?[路街]|大道", more)):
            return "", ()
    elif any(v.startswith(piece) for v in found.values()) and not _leads_on(text, end, piece):
        return "", ()  # 寿光市寿光蔬菜城
    elif (
        _ROADLIKE.match(more) or (not found and (_FIRM.match(text, end) or re.match(r"[^\d\s]?街道", more)))
    ) and not _leads_on(text, end, piece):
        return "", ()
    upper = "district" not in found and "town" not in found
    code = names.provinces.get(piece, "")
    again = bool(code and codes and codes[0].startswith(code)) and (full or _leads_on(text, end, piece))
    if code and (upper or again) and (level := _province_or_city(piece, code, found, text, end)):
        return level, (code,)
    if piece in names.counties and "town" not in found:
        within = tuple(c for c in names.counties[piece] if not codes or c.startswith(codes) or c[:4] in codes)
        cities = tuple(c for c in names.cities.get(piece, ()) if not codes or c.startswith(codes))
        if cities and "city" not in found and "district" not in found:
            return "city", cities
        # Former counties have the code of their city.
        inside = tuple(c[:4] if c.endswith("00") and c[:2] not in ("44", "46", "62") else c for c in within)
        if within and (
            full or "city" in found or "province" in found or (not found and _alone(piece, within, text, end))
        ):
            return "district", inside
        if full and (not codes or len(piece) > 2):
            return "district", names.counties[piece]
    if not full and not found and re.match(r"[^\d\s]?(?:街道|镇|乡)", more):
        return "", ()
    if piece in names.cities and upper:
        cities = tuple(c for c in names.cities[piece] if not codes or c.startswith(codes))
        if cities:
            return "city", cities
    if piece in names.cities and "district" in found and found.get("city", "")[:2] == piece[:2]:
        return "city", ()
    return "", ()


def _province_or_city(piece: str, code: str, found: dict[str, str], text: str, end: int) -> str:
    """The level of a province's name: a municipality said once is a city, said twice a province and a city."""
    municipality = code in ("11", "12", "31", "50")
    if "province" not in found and "city" not in found:
        once = municipality and not text.startswith(piece[:2], skip(text, end))
        return "city" if once else "province"
    if piece[:2] in (found.get("province", "")[:2], found.get("city", "")[:2]):
        return "city" if municipality and "city" not in found else "province"
    return ""


def _alone(piece: str, within: tuple[str, ...], text: str, end: int) -> bool:
    """Whether a county's short name may open an address: it is a city's (义乌), or unique, and doesn't start a firm's
    or of a town's name."""
    if _FIRM.match(text, end):
        return False
    below = _TOWN_BELOW.match(text, end)
    if below and len(below[0]) < 3 and below[0] not in towns_of(within):
        return False
    return piece + "市" in table().counties or (len(within) == 1 and len(text) > end + 2)


def _leads_on(text: str, end: int, piece: str) -> bool:
    """Whether a short division's name is followed by a division inside it, so that it is one although a road-like
    word follows: 杭州江干区, 温州龙港镇."""
    names = table()
    at = skip(text, end)
    if at > end:
        return True
    codes = (*names.cities.get(piece, ()), *names.counties.get(piece, ()), names.provinces.get(piece, "?"))
    if piece in names.cities and re.match(r"国?家?级?(?:经济|高新|开发区|保税|经开)", text[at:]):
        return True
    for size in range(min(8, len(text) - at), 1, -1):
        below = text[at : at + size]
        if size == 2 and re.match(r"[^\d\s]?(?:路|街|大道)", text[at + 2 :]):
            continue
        if any(c.startswith(codes) for c in (*names.counties.get(below, ()), *names.cities.get(below, ()))):
            return True
    if any(len(c) >= 4 for c in codes):
        known = towns_of(tuple(c for c in codes if len(c) >= 4))
        return any(known.get(text[at : at + size]) == text[at : at + size] for size in range(3, 8))
    return False


def _town(text: str, at: int, codes: tuple[str, ...], found: dict[str, str], rest: list[str]) -> int:
    """Reads a town: one of the county's or city's, by its full or short name, or any by its word."""
    if codes and len(codes[0]) >= 4:
        known = towns_of(codes)
        for size in range(min(12, len(text) - at), 1, -1):
            piece = text[at : at + size]
            if piece not in known:
                continue
            end = at + size
            more = text[end : end + 8]
            if piece[-1] == "街" and more[:1] == "道":
                found["town"] = piece + "道"
                return skip(text, end + 1)
            if piece == known[piece]:
                if re.match(r"[路街](?![上头道])", more):
                    continue
                office = re.match(r"办事处|办", more) if not piece.endswith(("办事处", "办")) else None
                found["town"] = piece + (office[0] if office else "")
                return skip(text, at + len(found["town"]))
            if suffix := re.match(rf"(?:{_OFFICE.pattern}|镇|乡)(?![路街]|[^\s\d]{{1,2}}[路街]$)", more):
                found["town"] = piece + suffix[0]
                return skip(text, end + suffix.end())
            if _short_town(piece, text, end, known):
                below: dict[str, str] = {}
                after = _town(text, skip(text, end), codes, below, rest)
                if below:
                    rest.append(piece)
                    found.update(below)
                    return after
                found["town"] = piece
                return skip(text, end)
        for size in range(min(8, len(text) - at), 2, -1):
            # 渤海街 for 渤海街道, if a road follows.
            piece = text[at : at + size]
            if text[at + size : at + size + 1] == "道" or text.startswith("街道", at + size):
                continue
            if piece + "道" in known and piece.endswith("街") and _ROAD_FOLLOWS.match(text, skip(text, at + size)):
                found["town"] = piece
                return skip(text, at + size)
    if m := _TOWNLIKE.match(text, at):
        road = re.search(r"[路街巷](?=[^道]{2,})(?!办事处)", m[0])
        if not road and not re.search(r"(?:小区|花园|市场|大厦|公司)", m[0]):
            found["town"] = m[0]
            return skip(text, m.end())
    return at


def _short_town(piece: str, text: str, end: int, known: dict[str, str]) -> bool:
    """Whether a town's name without its word stands for the town here, and not for a road, a compound or a bridge."""
    if piece[-1] in "路街道巷":
        return False
    more = text[end : end + 8]
    if _ROADLIKE.match(more) and not known.get(text[skip(text, end) :][:4]):
        return False
    if re.match(r"[一二三四五六七八九十]+村", more):
        return False
    return not re.match(
        r"(?:[^\d\s]|[一二三四五六七八九十]+[道号东西南北]?)?(?:路|街(?!道)|大道)| ?[东西南北]?[头一二三四五六七八九十]+[条区]",
        more,
    )
