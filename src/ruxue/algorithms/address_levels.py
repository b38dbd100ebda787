"""Splits a Chinese address as people type it into its levels.

The text is cut in two: the head (divisions, community, road and number, compound) and the tail (building, unit, floor,
room), which starts at the first number that has a word of a building or below, or stands where one must. Each half is
read from left to right. What a level holds is the text as written, half-width, simplified and without spaces.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache, partial

from ruxue.algorithms.divisions import read_divisions, skip
from ruxue.algorithms.identity import simplify

LEVELS = (
    "province",
    "city",
    "district",
    "town",
    "community",
    "road",
    "road_number",
    "compound",
    "building",
    "unit",
    "floor",
    "room",
)
# Told apart for comparison only; in an answer they stand in the rest: a zone beside a district, a hamlet inside a
# village, a side lane, a part of a compound, what a place is near to (对面, a crossing), what belongs to a home (车库).
ASIDES = ("zone", "hamlet", "lane", "section", "near", "part")
Found = dict[str, str]

# Longer texts than any address: what follows is kept as rest, unread, so that no text takes long.
_LONGEST = 200

_DASHES = re.compile(r"[‐‑‒–—―−－~～]+|-{2,}")
_ONE_FOR_DASH = re.compile(r"(?<=\d)一(?=\d)")
_INVISIBLE = re.compile(r"[\u200b-\u200f\ufeff\u00ad]")
_PUNCTUATION = re.compile(r"[\s,，。.;；:：、|/\\_<>()\[\]【】{}!！?？\"'“”]+")
_BRACKETS = re.compile(r"[(\[【〔{《]([^()\[\]【】〔〕{}《》]*)[)\]】〕}》]")
_PHONE = re.compile(r"(?<!\d)(?:\+?86-?)?(?:1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}-?\d{7,8}|400-?\d{3}-?\d{4})(?!\d)")
_POSTCODE = re.compile(r"(?:邮编|邮政编码)\s*:?\s*\d{6}")
_PERSON = re.compile(
    r"(?:收货人|收件人|联系人|姓名|收)\s*[:：]\s*[\u4e00-\u9fff·]{2,8}(?=[\s,，;；。]|$|电话|手机|联系)"
)
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆"
    "郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_PERSON_CALLED = re.compile(rf"(?:(?<=[\s\d室号户])|^)[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}\s*(?={_PHONE.pattern})")
_PERSON_FIRST = re.compile(r"[\u4e00-\u9fff·]{2,4}(?: [先女]士)? +(?=[\u4e00-\u9fff]{2,8}?(?:省|市|自治区|区|县))")
_REMARK_AT_END = re.compile(
    r"(?:\s*(?:请|务必|尽量|麻烦|提前)?(?:电联|电话联系|打电话|送货上门|放门口|放前台|放快递柜|放驿站|谢谢))+\s*$"
)
# Spaces that some keyboards put around numbers: 9 号, 12 幢 3 单元, 26号 附8号.
_LOOSE_WORD = re.compile(
    r"(?<=[0-9A-Za-z]) (?=号|栋|幢|座|单元|层|楼|室|户|弄|组|排|#)|(?<=第) (?=\d)|(?<=号) (?=附\d)|(?<=[路街道]) (?=[东西南北中]段)"
)
_LOOSE_DASH = re.compile(r"(?<=[0-9A-Za-z]) ?- ?(?=[0-9A-Za-z])")
_CAPTION = re.compile(
    r"(?:收货|收件|联系|家庭|现居住|现|详细|所在|居住|户籍|户口)?(?:地址|住址|地区|坐落)(?:是|为|:)\s*"
    r"|^(?:收货|收件|家庭|现居住|详细|居住|户籍)(?:地址|住址)\s*"
    r"|(?:收货人|收件人|联系人|姓名|电话|手机号码?|联系电话)\s*:?\s*|门牌号?码?(?=\s?:?\d)"
)
_PLACE_IN_BRACKETS = re.compile(
    r"^\d+$|(?:省|市|区|县|镇|乡|街道|社区|村)[^\s]{0,4}$|\d+(?:号楼?|幢|栋|单元|室)|(?:路|街|大道|弄|巷)\d"
)


def clean(text: str) -> tuple[str, list[str]]:
    """Half-width, simplified text with single spaces and dashes, and what was taken out of it: phones, remarks in
    brackets, names with a caption."""
    out: list[str] = []

    def take(match: re.Match[str]) -> str:
        out.append(match[0].strip())
        return " "

    def bracket(match: re.Match[str]) -> str:
        if match[1].endswith("店") or _SECTION.fullmatch(match[1]):
            return match[1]
        return f" {match[1]} " if _PLACE_IN_BRACKETS.search(match[1]) else take(match)

    text = simplify(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    text = _LOOSE_WORD.sub("", _ONE_FOR_DASH.sub("-", _DASHES.sub("-", text)))
    text = _BRACKETS.sub(bracket, text)
    for pattern in (_PERSON_CALLED, _PHONE, _PERSON, _POSTCODE):
        text = pattern.sub(take, text)
    text = _PUNCTUATION.sub(" ", _CAPTION.sub(" ", text))
    text = _REMARK_AT_END.sub(take, _LOOSE_DASH.sub("-", text))
    return text.strip(" -"), out


# ---- the tail: building, unit, floor, room ------------------------------------------------------------------------

_CN = "零〇一二两三四五六七八九十百"
_NUMBER = rf"(?:\d+|[{_CN}]+)"
_SIDES = "东西南北中甲乙丙丁"
# A side before a building's number is the building's where the number starts a tail, and after a word that ends names.
_BUILDING_WORD = (
    r"(?:号?号楼|#楼|号大楼|号搂|幢|栋|座楼?|撞|懂|憧|#|排|舍|号(?:别墅|公寓楼?|写字楼|宿舍楼?|商业楼|厂房))"
)
_BUILDING_NUMBER = rf"\d+[A-Za-z]?(?:-\d+)?{_BUILDING_WORD}"
_BUILDING_OTHER = (
    rf"(?:(?<!门)第)?(?:[A-Za-z]+-?\d*|\d+[A-Za-z]?(?:-\d+)?|[{_CN}]+|[{_SIDES}]){_BUILDING_WORD}"
    rf"|[A-Za-z]\d*楼|\d+[A-Za-z]楼|\d+宿舍楼?(?=[ -]?\d)|[东西南北前后主副裙]楼(?=[ -]?(?:\d|[{_CN}]+(?:单元|门|层|楼)|$))"
)
_BUILDING = re.compile(rf"[{_SIDES}]{_BUILDING_NUMBER}|{_BUILDING_OTHER}")
_UNIT = re.compile(
    rf"(?:第?\d+[A-Za-z]?|[A-Za-z]\d?|第?[{_CN}]+|[{_SIDES}])(?:单元|单无|单位?(?=[- ]?\d)|门洞|梯)"
    rf"|(?:\d+[A-Za-z]?|[A-Za-z]|[{_CN}]+|[甲乙丙丁])号?门(?![口市面诊店卫头前业]|牌)"
)
_FLOOR = re.compile(
    rf"(?:第|负|地下|-)?(?:\d+-\d+(?=层)|\d+[A-Za-z]?|[BA-Z]\d?|[{_CN}]+)(?:层楼?|楼|搂|[Ff](?![A-Za-z]))"
    r"|架空层|底层|首层|顶层|负[一二三\d]"
)
_ROOM_WORD = r"(?:办公室|室|号房间?|房间?|号铺|铺|户|号店铺|号商铺|号门[面市]房?|店铺?(?!面)|商位|商铺|档|仓)"
_ROOM = re.compile(
    r"[A-Za-z]{0,2}-?\d{1,5}[A-Za-z]?(?:[-/]?[A-Za-z]?\d{1,4}(?:[A-Za-z](?![A-Za-z]))?)*(?:-[A-Za-z](?![A-Za-z\d]))?"
    rf"(?:{_ROOM_WORD}|号(?!楼|院))?|[{_CN}]{{3,5}}{_ROOM_WORD}?|[{_CN}]+{_ROOM_WORD}"
    rf"|[{_CN}]+号(?= *$)|[A-Za-z][室房]|[东西南北中]{{1,2}}[户室]"
)
_SIDE_UNIT = re.compile(rf"[{_SIDES}](?=\d{{3,4}}(?!\d))")  # 12乙302
_ATTACHED = re.compile(r"[附付]\d+号")
_GROUP_PART = r"(?:[A-Za-z]{0,2}\d+(?:[A-Za-z]\d{0,3})?|[A-Za-z])"
_GROUPS = re.compile(rf"{_GROUP_PART}(?:[-#]{_GROUP_PART})+(?![\dA-Za-z])")
_NO = re.compile(
    rf"(?:[A-Za-z]?\d+(?:-\d+)?[A-Za-z]?|[{_CN}]+)号(?:[甲乙丙丁](?= ?\d))?(?!线|院|小区|地块|公馆|店|楼|铺|商铺|房|档|仓|门)"
)
_BARE = re.compile(r"[A-Za-z]?\d+[A-Za-z]?|[A-Za-z](?=\s*\d)")
_TWO_IN_ONE = re.compile(r"\d{1,3}[A-Za-z](?=\d{3,4}(?:室|$))")
_BLOCK_IN_BUILDING = re.compile(r"(?:\d+|[A-Za-z]\d?|[一二三四五六七八九十]+)座")
_KIND_OF_BUILDING = re.compile(r"(?:宿舍|公寓|住宅|写字楼|办公楼)楼?")
_AISLE = re.compile(rf"{_NUMBER}街")
_PART = re.compile(
    r"(?:地下)?(?:车库|车位|储藏室|储藏间|地下室|阁楼|跃层|复式|商铺|门市房?|门面|店面)\d*号?"
    r"|[东西南北中]{1,2}[户室房屋间]|[^\s\d]{0,4}(?:办公室|会议室|教室|宿舍|仓库|车间)"
)
# Where a tail may start. A number behind another, behind 第 or 甲 belongs to what is before it.
_START = re.compile(
    rf"(?<![0-9A-Za-z](?=[0-9A-Za-z]))(?<!(?<!门)第)(?<![甲乙丙丁附副](?=\d))(?<![{_CN}](?=[{_CN}]))"
    r"(?<![0-9A-Za-z]-)(?!4[sS]店)(?:"
    rf"(?:[中甲乙丙丁]|(?<=[苑园区院庭寓厦])[东西南北]){_BUILDING_NUMBER}|{_BUILDING_OTHER}"
    rf"|(?:[A-Za-z]?\d+|[A-Za-z]|[{_CN}]+|[{_SIDES}])"
    rf"(?:单元|单无|单位?(?=[- ]?\d{{3}})|门洞|梯(?=\d)|(?<![{_SIDES}])门(?= ?[\d{_CN}]))"
    rf"|(?:第|负|地下|-)?(?:\d+-\d+(?=层)|\d+[A-Za-z]?|[BA]\d|[{_CN}]+)(?:层|楼(?![上下道梯盘]))"
    r"|\d{1,2}[Ff](?![A-Za-z])|架空层|底层|首层|顶层"
    rf"|[A-Za-z]?-?\d{{1,5}}[A-Za-z]?{_ROOM_WORD}(?![\u4e00-\u9fff])|[A-Za-z]?\d{{3,7}}室"
    r"|(?<=大厦|广场|中心|商城|公寓|大楼)[A-Za-z]?\d{3,5}(?=[\u4e00-\u9fff])(?![年路街号弄巷米])"
    rf"|{_GROUP_PART}(?:[-#/ ]{_GROUP_PART})+(?![\dA-Za-z路弄巷]|号线)|\d{{1,3}}[A-Za-z]\d{{2,4}}(?=室|$)"
    rf"|\d{{1,3}}{_SIDE_UNIT.pattern}"
    rf"|[A-Za-z]?\d+[A-Za-z]?[- #]?(?=(?:{_UNIT.pattern}|{_FLOOR.pattern}|{_BUILDING.pattern}))"
    r"|[A-Za-z]{0,2}\d+[A-Za-z]?(?=[ -]*$)"
    r"|[A-Za-z](?= ?\d{3,4}室?$)"
    r"|(?<=号)[ -]?(?:[A-Za-z]-?\d+|\d{2,})(?=[^\dA-Za-z弄巷路米支世度])"
    rf"|\d+[A-Za-z]?号[甲乙丙丁]?(?= ?(?:{_UNIT.pattern}|{_FLOOR.pattern}"
    rf"|(?!\d+-\d+-\d|{_BUILDING.pattern})(?:{_ROOM.pattern})))"
    rf"|[{_CN}]{{3,4}}(?:室|房)"
    r")"
)
_AFTER_ROAD = re.compile(
    r"(?:路|街|大道|道|巷|(?<!\d)弄|胡同|(?<!干)线|段|国道|省道|县道|(?<!新)村|[\d一二三四五六七八九十]组)-?$"
)
_OF_A_BUILDING = re.compile(r"(?:幢|栋|座|排|单元|层|室|号楼|#楼?|楼|户|房|梯)$")
_SEPARATOR = re.compile(r"[- #/]*")
_ORDER = ("building", "unit", "floor", "room")


def _start(text: str) -> int:
    """Where the tail starts; the text's length if there is none. A bare number right after a road is the road's."""
    at = 0
    while match := _START.search(text, at):
        begin, word = match.start(), match[0]
        before = text[:begin].rstrip(" ") if re.match(r"[\dA-Za-z-]+号(?!楼)", text[begin:]) else text[:begin]
        if not _AFTER_ROAD.search(before):
            return begin
        parts = re.split(r"[-#]", word)
        if text[begin - 1] == "村" and (len(parts) >= 3 or (len(parts) == 2 and re.search(r"\d{3}", parts[1]))):
            return begin
        if _OF_A_BUILDING.search(word) or (
            word[-1] in "号甲乙丙丁" and _NUMBERED_VILLAGE.search(before) and not re.search(r"[镇乡]", text[:begin])
        ):
            return begin
        number = _ROAD_NUMBER.match(text, begin)
        if number and _holds_home(number[0]):
            return begin + number[0].index("-") + 1
        at = number.end() if number else match.end()
        if at == len(text):
            return at
    return len(text)


def _holds_home(number: str) -> bool:
    """Whether a number after a road holds more than the road's: 路123-3-501."""
    return number.count("-") >= 2 and not number.endswith(("号", "院"))


@lru_cache(maxsize=65536)
def tail(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """The levels of a tail in order, and what is left over."""
    found: Found = {}
    rest = ""
    at = 0
    while at < len(text):
        at = _SEPARATOR.match(text, at).end()  # type: ignore[union-attr]
        piece = text[at:]
        if not piece:
            break
        if end := _take(piece, found):
            at += end
        elif "unit" in found and re.match(r"[东西南北中]\d{3}", piece):
            rest += piece[0] + " "
            at += 1
        elif "building" in found and (m := _BUILDING.match(piece)):
            # Two buildings: the one with a word of its own is meant, or the first.
            told = found["building"]
            if told.endswith("号"):
                found["building"] = m[0]
            rest += (told if told.endswith("号") else m[0]) + " "
            at += m.end()
        elif (
            found
            and (m := _SECTION.match(piece) or _KIND_OF_BUILDING.match(piece))
            and re.match(r"[ -]*[A-Za-z]?\d", piece[m.end() :])
        ):
            rest += m[0] + " "
            at += m.end()
        else:
            rest += piece
            break
    rest = rest.strip()
    if m := _PART.match(rest):
        found["part"] = m[0]
        rest = rest[m.end() :].strip()
    return tuple(found.items()), rest


def _take(piece: str, found: Found) -> int:
    """Takes the next level of a tail from the start of `piece`; returns how much was taken, 0 if nothing fits."""
    last = max((_ORDER.index(k) for k in found), default=-1)

    def put(level: str, match: re.Match[str]) -> int:
        found[level] = match[0].rstrip("-/ ")
        return match.end()

    if "building" not in found and (m := _BUILDING.match(piece)):
        return put("building", m)
    if "unit" not in found and (m := _UNIT.match(piece)) and (last < 1 or m[0].endswith("单元")):
        return put("unit", m)
    if last < 2 and (m := _FLOOR.match(piece)) and not _BUILDING.match(piece):
        return put("building" if last < 0 and _is_building(m[0], piece[m.end() :]) else "floor", m)
    if last < 1 and (m := _GROUPS.match(piece)) and (end := _spread(m[0], last, piece[m.end() :], found)):
        return end
    if m := _NO.match(piece):
        more = piece[m.end() :].strip(" -")
        if last < 0 and more:
            return put("building", m)
        if last == 0 and re.match(r"[\dA-Z]", more):
            return put("unit", m)
    if last == 0 and (m := _BLOCK_IN_BUILDING.match(piece)):
        return put("unit", m)
    if last < 0 and (m := _BARE.match(piece)) and _bare_building(m[0], piece[m.end() :]):
        return put("building", m)
    if last < 0 and (m := re.match(rf"\d{{1,3}}(?={_SIDE_UNIT.pattern})", piece)):
        return put("building", m)
    if last < 0 and (m := _TWO_IN_ONE.match(piece)):
        return put("building", m)
    if "floor" in found and "unit" not in found and (m := _AISLE.match(piece)):
        return put("unit", m)
    if last == 0 and (m := _SIDE_UNIT.match(piece) or re.match(r"[A-Za-z](?= \d{3})", piece)):
        return put("unit", m)
    if 0 <= last < 3 and (m := _ATTACHED.match(piece)):
        return put("room", m)
    if last < 3 and (m := _ROOM.match(piece)) and not ("building" in found and _BUILDING.match(piece)):
        return put("room", m)
    return 0


def _is_building(value: str, more: str) -> bool:
    """Whether N楼 is a building's number, not a floor: a unit follows, or no house is so high."""
    if not value.endswith("楼"):
        return False
    more = more.lstrip(" ")
    high = value[:-1].isdecimal() and int(value[:-1]) > 60 and re.match(r"[- ]?\d{3,4}(?!\d)", more)
    return bool(_UNIT.match(more) or high)


def _bare_building(number: str, more: str) -> bool:
    """Whether a number without a word is a building's: something of the building follows, or it is short."""
    more = more.strip(" -#")
    if re.match(r"[户室房]", more):
        return False
    if more and (_UNIT.match(more) or _FLOOR.match(more) or _ROOM.match(more)):
        return True
    return len(re.sub(r"\D", "", number)) <= 2 and not re.fullmatch(r"\d+[A-Za-z]", number)


def _spread(groups: str, last: int, more: str, found: Found) -> int:
    """Numbers joined by dashes go to the levels from building (or, after a building, from unit) down to the room:
    3-2-501, 3-501, 2-501 after a building. Returns how much was taken with the room's word; 0 if it is one number."""
    parts = re.split(r"[-#]", groups)
    if below := re.match(r"单元|层|楼|幢|栋|号楼", more):
        # The last number has a word of its own: 8-11-7楼.
        upper, above = parts[:-1], ["building", "unit"] if below[0] in ("层", "楼") else ["building"]
        above = above[max(last + 1, 0) :]
        if not above or len(upper) > len(above) or below[0] in ("幢", "栋", "号楼"):
            return 0
        found.update(zip(above, upper, strict=False))
        return sum(len(p) + 1 for p in upper)
    word = re.match(rf"{_ROOM_WORD}|号(?!楼|院)", more)
    if word and word[0] == "室" and all(p.isdecimal() and len(p) <= 2 for p in parts):
        return 0
    if last < 0:
        levels = {2: ["building", "room"], 3: ["building", "unit", "room"], 4: ["building", "unit", "floor", "room"]}
    else:
        levels = {2: ["unit", "room"], 3: ["unit", "floor", "room"]}
    names = levels.get(len(parts))
    if names is None:
        return 0
    if len(parts) == 2:
        first, second = parts
        numbers = first.isdecimal() and second.isdecimal()
        # 17-5 and 901-B are rooms, 322-324 a range of them.
        no = word is not None and word[0].startswith("号")
        if (last == 0 and not no and (len(first) >= 3 or len(second) <= 2)) or (second.isalpha() and len(first) >= 3):
            return 0
        if numbers and 3 <= len(first) == len(second) and 0 < int(second) - int(first) <= 20:
            return 0
        if re.fullmatch(r"[A-Za-z]+\d{3,}", first) and re.fullmatch(r"[A-Za-z]*\d{3,}", second):
            return 0
        if last < 0 and len(second) == 1 + first.isdigit() and word is None:
            names = ["building", "unit"]
    found.update(zip(names, parts, strict=True))
    if word and names[-1] == "room":
        found["room"] += word[0]
        return len(groups) + word.end()
    return len(groups)


# ---- the head: community, road and number, compound ----------------------------------------------------------------

_COMMUNITY = re.compile(
    r"[^\d\s]{1,10}?(?:社区居民委员会|社区居委会|居民委员会|村民委员会|社区|村居委会|社居委|居委会?"
    r"|村委会?(?!员)|村民委(?!员)|行政村|自然村"
    r"|村(?![镇口级民委居]|社区|村委|村民委|村居委|小组|改造|[组队](?=[\d ]|$))|嘎查|(?<![警防察勤巡管支总中])大队(?!部|长)|分场)"
    r"|(?:\d+|[一二三四五六七八九十]+)(?:连(?= ?\d|$)|委(?= ?(?:\d|[一二三四五六七八九十]+组)|$))"
)
# What makes sure that a name with 道 was a road: a dwelling follows.
_TO_NAME = r"[^\d\s路街道]{2,7}(?:小区|花园|花苑|家园|公寓|大厦|广场|新村|里|苑|园|府|居|庭|湾)(?:[\d\s]|$)"
_NO_ROAD_SIGN = r"[^\d\s路街道巷弄镇区市园厦场楼院]"
# A road and then a community (健康西路柳家沟村), not a community named after a road (建国路社区, 建国路第一社区).
_ROAD_BEFORE = re.compile(
    r"[^\s]{2,5}(?:路|街|大道|[^\s]线|高速)(?!第?[一二三四五六七八九十东西南北]*(?:社区|居委))[^\s]{1,7}(?:村|社区|委会|庄|屯)$"
)
_NUMBERED_VILLAGE = re.compile(r"..(?:[一二三四五六七八九十]|[东西南北])村$")
_TOWN_OF_CITY = re.compile(r"街道|街$")
_HAMLET = re.compile(
    rf"(?:{_NO_ROAD_SIGN}{{1,4}}(?:屯|(?<!山)庄|寨|堡|岙|坞|塆|屋)|\d+屯)"
    r"(?=[\d一二三四五六七八九十]+[组队号社]|[东西南北中前后]大?[街巷]\d|$)"
    r"|[^\d\s路街道巷弄镇区市园厦场楼院村组东西南北]{2,4}(?<![一二三四五六七八九十])"
    r"(?=(?:\d+|[一二三四五六七八九十]+)(?:组(?!团)|队))"
)
# After a village, a short name that ends like no shop, office or estate is a hamlet's.
_HAMLET_NAME = re.compile(r"[^\dA-Za-z\s]{1,3}[^\dA-Za-z\s店厂校园院行场站司局所馆处部市城楼厦苑墅府居座会铺台库]")
_VILLAGE_NAME = re.compile(r"[^\dA-Za-z\s]{1,2}[庄屯寨堡沟坪坝塘岭坑埠营圩垭集铺洼坡坞岙浜冲坳窑庙]")
_GROUP = re.compile(
    rf"第?{_NUMBER}(?:村民小组|村民组|小组|小队|组(?!团)|队(?!伍)|社(?!区))"
    rf"|{_NO_ROAD_SIGN}{{1,3}}(?:村民小组|小组|组(?!团)|(?<![中支部车警])队(?!伍)|社(?!区))(?=\d|[ -]|$)"
)
# In a village a group's name may end like anything.
_GROUP_OF_VILLAGE = re.compile(
    rf"{_GROUP.pattern}|[^\d\s路街巷]{{1,4}}(?:村民小组|村民组|村小组|小组|组(?!团)|(?<![部车警])队(?!伍)|(?<=新)社)"
    rf"(?=\d|[ -]|[{_CN}]+号|$)"
)
_HOUSE_IN_GROUP = re.compile(rf"[ -]*([{_CN}]+号|(?:附?\d+(?:-\d+)?号(?!楼)(?:附\d+号?)?|\d+(?:-\d+)?(?=[ -]*$)))")
_ROAD = re.compile(
    r"(?:[^\d\s\-路街巷]{1,4}?\d{1,2}号(?:大街|大道|路(?![劲口过由桥]))|[GSXY]?\d{2,3}(?:国道|省道|县道|乡道)"
    r"|[第]?[\d一二三四五六七八九十]+(?:号?(?:大街|大道|路|街)(?![区口坊])|巷(?=\d))"
    r"|[^\d\s\-]{1,6}(?<![路街])\d{1,2}(?:号?(?:大街|大道|道街|路|街)(?![区口坊])|巷(?=\d))"
    r"|[东西南北]{1,2}[一二三四五六]环(?:[东西南北]?路)?(?=[^\d]|\d+号|$)"
    r"|[^\d\s\-]{1,10}?(?:大道|大街|公路|马路|胡同|国道|省道|高速(?:公路)?|环线"
    r"|(?<![铁岔])(?<![十丁]字)路(?!桥|由|过|劲|虎|易)"
    r"|街(?!道|区|坊|大道|上|路|口[外内东西南北]?大?街)|(?<!里)巷(?!路)|弄(?!堂)"
    rf"|道(?=\d|{_TO_NAME})|(?<![街味足通隧频管古步赛栈匝车跑水])道(?=$| )"
    r"|头条|[一二三四五六七八九十]条(?= ?\d|$)|(?<=[^里])里弄"
    r"|(?<![干专])线(?=$)|[线堤](?=\d+号|与|[^\d\s线]{2,6}(?:村|社区))))"
    r"(?:步行街|[东西南北中上下内外]+[段路街]|[东西南北]?第?[一二三四五六七八九十\d]+段|[东西南北](?=\d+号)"
    r"|[东西南北]端|辅[路道]|延[长伸][线段])?"
)
_ROAD_NUMBER = re.compile(
    r"(?:第|附|副|付|甲|乙|丙|新|老|临|特|夹|自编)?(?:[A-Za-z]?\d++(?:[A-Za-z](?![A-Za-z]))?"
    rf"(?:[-、甲乙丙丁][A-Za-z]?\d*+(?:[A-Za-z](?![A-Za-z]))?)*|[{_CN}]+(?=号))"
    r"(?:号(?:[附付]\d+(?:-\d+)?号?|之[一二三四五六七八九十\d]+)?(?:院(?!内))?|弄|#(?!楼)|好(?=[^\u4e00-\u9fff]|$))?"
    r"(?!幢|栋|座|号楼|单元|层|楼|室|米|路|大?街|组|队|小队|期|区|分|元|门|大道|巷|支路|库|社|连"
    r"|委|排|片|梯|屯|号?小区|号?街坊|[国省县乡]道|高速"
    r"|-\d+(?:号楼|幢|栋))"
)
_NOT_ROAD = re.compile(
    r"店|超市|便利|子|分店|分公司|(?:小学|中学|幼儿园|医院|派出所)(?![路街])|小区|社区|花园(?!小区|新村)|菜场|农贸|支行|分行|市场|新村"
    r"|桥(?:$|[\d东西南北下边头])|站|地铁|公寓|家园|校区|口腔|大厦"
)
_LANE_OF_ESTATE = re.compile(r"(?:工业园?区?|园区|小区|花园|新村|家园|市场|[材贸]城)[一二三四五六七八九十]+[路街巷]$")
# What crosses a road is one too, whatever its name ends with: 外环立交与青年北路.
_CROSSED = re.compile(rf"[^\d\s与和路街道]{{2,8}}(?=与{_ROAD.pattern})")
_NAMED_LANE = re.compile(rf"((?![东西南北中上下]?[\d{_CN}]+[巷弄])[^\d\s路街]{{1,3}}[巷弄]) ?(\d+(?:-\d+)?号)(?!楼)")
_STREET = re.compile(r"(?:[^\d一二三四五六七八九十]路|[^\d一二三四五六七八九十]街|大道|胡同)(?:[东西南北中]段)?$")
_SIDE = re.compile(
    rf"(?:{_NUMBER}|[^\d\s路街]{{1,3}})(?:支?弄|巷|支路)(?!小区|新村|花园|社区|口)(?:\d+号(?!楼)(?:之[{_CN}\d]+)?)?|[东西南北中]段"
)
_CROSSING = re.compile(
    r"[东西南北]?(?:与|和|跟|、|近(?=[^\d\s]{2,5}路)|(?:交叉[口处]?|交汇[口处]?|交界[口处]?|交口|路口|口(?![腔岸]))"
    r"(?:[向往偏]?[东西南北]{1,2}(?:侧|角|面|边|方向|(?=\d|[^\d\s]{4}))(?![方湖山海江城岸苑区门关街路\d]))?)"
)
_SECTION = re.compile(
    rf"(?:[{_CN}]+|\d+[A-Za-z]?|[A-Za-z]\d?|(?<!门)第[{_CN}\d]+)(?:区|期|标段|组团|地块|园区|厂区|校区)"
    rf"|(?:(?<![江河湖])[东西南北中][东西南北]?[{_CN}]?|[东西南北]?交易|精品)(?:区|园区|厂区|校区)"
    r"|[东西南北前后正侧]{1,2}大?门|\d+号门"
)
_BESIDE = re.compile(
    r"(?:正?对面|对过|前台|总台|服务台|左边|右边|转角|街上|附近|旁边?|隔壁|门口|斜对面|后面|前面|边上|侧面|楼下|楼上|院内|内|里面|外"
    r"|以[东西南北]|[东西南北]{1,2}(?:[侧面边首头临邻]|方向)|[向往]?[东西南北]{0,2}[行走约]*\d+米(?:处)?|交叉口?|交汇处|交界处|路口|口|村口|上)$"
)
_BETWEEN = re.compile(
    r"斜?对面|对过|附近|旁边?(?=[^\d\s]{2})|隔壁|门口|后面|路口|交叉口|[东西南北]{1,2}侧|边上|楼[上下](?=[^\d\s]{2})"
    r"|[往向]?[东西南北]{1,2}\d+米|(?<![医学])院内|(?<=[园厦城场区院村学心楼])内(?=[^\d\s]{2})"
)
_BEFORE = re.compile(
    r"(?:旁(?:边|(?!边))|口|交口|转角|号|[边尾](?=[^\d\s]{2})|街上|村[东西南北头尾口中]头?(?=[\d\s]|[^\d\s]{3})"
    r"|路?[东西南北]{1,2}(?:[侧面边角首头临邻]|方向)|路[东西南北](?![^\s]*[路街])"
    r"|[往向]?[东西南北]{0,2}(?:走|行|约)*\d+米(?:处|路)?(?:路?[东西南北]侧?)?|(?:交叉口?|交汇处?|路口)[东西南北]{0,2}角?)+(?=.)"
)
_REMARK = re.compile(
    r"(?:请|务必|尽量|麻烦)?(?:送货上门|放(?:门口|前台|快递柜|保安室|驿站|门卫).*|电联|电话联系|不要?放|勿放|打电话|提前.*电话"
    r"|工作日.*|周末.*|本人签收|代收.*|菜鸟驿站.*|丰巢.*|快递柜.*|自[提取].*|转.{1,4}收|.{0,4}收(?=$)|(?:地址)?不详)"
)
_NAME_END = (
    "小区|花园|花苑|家园|公寓|大厦|广场|新村|新苑|名苑|嘉苑|雅苑|佳苑|华苑|锦苑|景苑|家苑|公馆|山庄|别墅|华庭|名城|新城|大学|学院|"
    "中学|小学|幼儿园|医院|市场|商城|工业园区?|工业区|科技园区?|产业园区?|创业园|物流园|软件园|产业基地|大楼|酒店|宾馆|有限公司|"
    "公司|集团|中心|银行|超市|商场|国际城|电子城|建材城|工业城|商贸城|农贸城|文创园|科创园|创意园|功能区|化工区|碧桂园|校区"
)
_NAMED = re.compile(rf"(?:{_NAME_END})$")
_NAME_INSIDE = re.compile(rf"(?:{_NAME_END}|开发区|园区)(?=[^\s]{{2,}})|(?<=[^\s]{{2}})苑(?=[^\s]{{3,}})")
# A zone or estate that a road follows.
_AREA = re.compile(
    rf"[^\s]{{1,12}}?(?:{_NAME_END}|开发区|园区|产业园|[^\s]区)(?:[A-Z东西南北一二三四]+区)?(?= ?{_ROAD.pattern}[\d{_CN}])"
    rf"|[^\s]{{1,12}}?(?:工业园区?|工业区|开发区|科技园区?|产业园区?|[^小市校\s]园区|新区)(?= ?{_ROAD.pattern})"
)
_NAME_ENDS = re.compile(_NAME_END)
_DWELLINGS = ("花园", "花苑", "家园", "小区", "新村", "名苑", "嘉苑", "公寓")
_CONTINUES = re.compile(
    rf"店|分|[^\s\d]{{0,5}}(?:家属[院楼区]|宿舍[楼区]?|生活区|大院|住宅[楼区]?|安置[房区]|[华王国]?府)"
    rf"|[一二三四五六七八九十]分[厂店]|[^\s\d]{{1,6}}校区|附属|{_NAME_END}|[一二三四五六七八九十]+[村里坊苑]|[东西南北][苑区]?里"
    r"|城$|花|有限|股份|集团|总|大|国际|银座|商务|文化|科技|世纪|服务|管理|监督"
    r"|[^\d\s]{0,6}(?:店|局|处|所|站|部|委员会|支行|分行|营业厅|分公司)$"
)
_NUMBER_AT_END = re.compile(
    r"(?P<name>.*?)(?P<number>[A-Za-z]?\d+(?:-\d+)?号(?:[附付]\d+号?)?|(?<=[村区园厦楼城里])[一二三四五六七八九十百]+号)"
)
_NUMBER_INSIDE = re.compile(
    r"(?P<name>\D*?)(?P<number>[A-Za-z]?\d+(?:-\d+)?号)(?!线|地块|院|街坊|小区)(?P<more>[^\d\s号].+)"
)
_ESTATE = re.compile(rf"^[^\s\d]+(?:{_NAME_END}|[苑园城府庭湾里居])$")
_NUMBER_BESIDE = re.compile(r"[A-Za-z]*\d[\dA-Za-z-]*")
_INDUSTRY = re.compile(r"(?:工业园区?|工业区|科技园区?|产业园区?|产业基地|功能区|化工区)$")
_BLOCKS = re.compile(r"(?:小区|花园|花苑|[^新]苑|家园|公寓|工业区|工业园区?|山庄|公馆|别墅|华庭)$")
_STALLS = re.compile(r"(?:市场|商城|商贸城|大厦|广场|商厦)$")


def _aside(found: Found, level: str, text: str) -> None:
    found[level] = found.get(level, "") + text.strip()


def _places(text: str, found: Found, rest: list[str], in_building: bool) -> None:
    """Community, road, number and compound of what follows the divisions; a building may follow this text."""
    at = skip(text, 0)
    area = ""
    before: list[str] = []
    while at < len(text):
        for step in (partial(_community, in_building=in_building), _group, _road):
            if (end := step(text, at, found)) > at:
                break
        else:
            m = _AREA.match(text, at) if "road" not in found else None
            gap = text.find(" ", at)
            if m:
                area, end = area + m[0], m.end()
            elif gap > 0 and _leads(text, gap + 1, found, in_building):
                before.append(text[at:gap])  # 阳光花园 东风街123号
                end = gap
            else:
                break
        at = skip(text, end)
    left = text[at:].strip(" -#")
    if before and (not left or (_NAMED.search(before[-1]) and not _NAMED.search(left))):
        before, left = ([left] if left else []), before[-1]
    for name in before:
        _aside(found, "near", name)
    if left:
        _compound(left, found, rest, in_building)
    if area:
        if area.endswith(("开发区", "高新区", "新区")):
            _aside(found, "zone", area)
        elif "compound" in found:
            _aside(found, "near", area)
        else:
            _compound(area, found, rest, in_building)


def _leads(text: str, at: int, found: Found, in_building: bool) -> bool:
    """Whether a community, a group or a road starts here."""
    trial = dict(found)
    return any(step(text, at, trial) > at for step in (partial(_community, in_building=in_building), _group, _road))


def _community(text: str, at: int, found: Found, in_building: bool) -> int:
    """Reads a village or residents' community with its house number; one inside another is a hamlet."""
    m = _COMMUNITY.match(text, at) or _HAMLET.match(text, at)
    if not m or not _is_community(m[0], text[m.end() :], found, in_building):
        return at
    if "road" in found and ("community" in found or "road_number" in found or not re.search(r"[区会村]$", m[0])):
        return at
    end = m.end()
    if m[0].endswith("村") and re.match(r"村(?=[^\s路街口委民东西南北头尾]|$)(?![^\s]{0,1}[路街])", text[end:]):
        end += 1
    if "community" in found:
        _aside(found, "hamlet", text[at:end])
    else:
        found["community"] = text[at:end]
    n = _ROAD_NUMBER.match(text, skip(text, end))
    if n and "road_number" not in found:
        found["road_number"] = n[0].rstrip("-")
        end = n.end()
    return end


def _is_community(name: str, more: str, found: Found, in_building: bool) -> bool:
    """Whether a name that ends like a community's is one, and not a compound's (曙光新村, 曹杨四村 in a city) or a road's
    (中关村大街)."""
    residents = name.endswith(("社区", "居委会", "居民委员会")) and "town" in found
    if not residents and re.search(r"大厦|花园|公寓|广场|小区|市场|国际|度假|生活村|公司|对面|医院|学校", name):
        return False
    if re.match(rf"(?:{_NAME_END})(?![^\s]?[路街]|[组队屯])", more):
        return False
    if _ROAD_BEFORE.match(name):
        return False
    if _GROUP.match(more) and name.endswith("村"):
        return len(name) >= 2
    if name.endswith(
        ("社区", "委会", "委员会", "村委", "居委", "行政村", "自然村", "嘎查", "连", "大队", "分场", "委")
    ):
        return not re.search(r"路|街|大道|巷", name[:-3]) or ("town" in found and len(name) <= 7)
    if name.endswith("村"):
        if (
            _NUMBERED_VILLAGE.search(name)
            and in_building
            and not _SECTION.sub("", more).strip()
            and _TOWN_OF_CITY.search(found.get("town", "街道"))
        ):
            return False
        if name.endswith(("新村", "新农村", "新邨")) or name in ("中关村", "农村") or len(name) < 2:
            return False
        if re.search(r"(?:[^\s]路|[^\s]街|大道|巷)(?=.{2,})", name[:-1]) or re.match(r"[口镇级民委屋]|里街", more):
            return False
        if re.match(r"[东西南北中]大?[路街]|[路街巷]|大街|大道", more):
            return len(name) >= 3 and "town" in found
    return True


def _group(text: str, at: int, found: Found) -> int:
    """Reads a villagers' group, which stands for the road, with its house number."""
    m = (_GROUP_OF_VILLAGE if "community" in found else _GROUP).match(text, at)
    if not m:
        return at
    if "road" in found:
        village = found.get("community", "").endswith(("村", "村委会", "村民委员会"))
        if not village or "road_number" in found or not found["road"].endswith(("路", "街", "大道")):
            return at
        _aside(found, "near", found["road"])  # a house in a village's group doesn't stand on the road that leads there
    found["road"] = m[0]
    number = _HOUSE_IN_GROUP.match(text, m.end())
    if number and "road_number" not in found:
        found["road_number"] = number[1]
        return number.end()
    return m.end()


def _road(text: str, at: int, found: Found) -> int:
    """Reads a road with its number. Of several roads the one that the number follows counts, the others and a crossing
    are what the place is near to; a numbered lane stands aside."""
    m = _CROSSED.match(text, at) or _ROAD.match(text, at)
    if not m or _NOT_ROAD.match(text, m.end()):
        return at
    inner = _NAME_INSIDE.search(m[0] + "-")
    if (
        inner
        and (inner.start() or inner[0] not in ("花园", "广场"))
        and (
            not re.match(r"(?:[东西南北中]|[一二三四五六七八九十]+)?(?:路|大?街|大道|巷)$", m[0][inner.end() :])
            or (inner.start() >= 2 and _LANE_OF_ESTATE.search(m[0]))
            or (inner.end() == len(m[0]) - 1 and text.startswith("口", m.end()))
        )
    ):
        return at
    end = m.end()
    n = _ROAD_NUMBER.match(text, skip(text, end))
    if "road" in found and n and "road_number" not in found and _STREET.search(m[0]):
        # The house stands on the road that the number follows.
        _aside(found, "near", found.pop("road"))
    if "road" in found:
        if not n and "road_number" in found and _NAMED.search(text[end:]):
            return at
        _aside(found, "near", m[0] + (n[0] if n else ""))
        return n.end() if n else end
    found["road"] = m[0]
    if n:
        number, end = n[0].rstrip("-"), n.end()
        if _holds_home(number):
            number = number.split("-")[0]
            end = n.start() + len(number)
        if "road_number" in found:
            _aside(found, "near", number)
        else:
            found["road_number"] = number
    while c := _CROSSING.match(text, skip(text, end)):
        other = _ROAD.match(text, skip(text, c.end()))
        if not other and c[0][-1] in "与和跟、":
            break
        _aside(found, "near", c[0] + (other[0] if other else ""))
        end = other.end() if other else c.end()
    lane = _NAMED_LANE.match(text, skip(text, end)) if "road_number" not in found else None
    if lane:
        _aside(found, "near", found["road"])
        found["road"], found["road_number"] = lane.groups()
        end = lane.end()
    elif s := _SIDE.match(text, skip(text, end)):
        if s[0][0].isdigit() and s[0].endswith("弄") and "road_number" not in found:
            found["road_number"] = s[0]
        else:
            _aside(found, "lane", s[0])
        end = s.end()
    return end


def _compound(text: str, found: Found, rest: list[str], in_building: bool) -> None:
    """Reads the compound from what is left of a head, and what stands around it."""
    text = _without_surroundings(text, found, rest)
    text, *others = [t for t in text.split(" ") if t.strip("-#")] or [""]
    for other in others:
        lone = _ROAD_NUMBER.fullmatch(other)
        if lone and other[-1] in "号院" and "road_number" not in found:
            found["road_number"] = other
        else:
            _aside(found, "section", other)
    if (m := _NUMBER_AT_END.fullmatch(text)) and not (in_building and _named_by_number(m["name"], m["number"], found)):
        text = m["name"]
        found[_level_of_number(m["number"], text, found)] = m["number"]
    while (section := _last_section(text)) and (
        _parts_off(text[: -len(section)], section) or (section == text and "community" in found)
    ):
        found["section"] = section + found.get("section", "")
        text = text[: -len(section)].strip(" -")
    text = _number_inside(text, found, rest)
    if "road" not in found and not in_building:
        if "community" in found and _HAMLET_NAME.fullmatch(text):
            _aside(found, "hamlet", text)
            return
        if "community" not in found and found.get("town", "")[-1:] in ("镇", "乡") and _VILLAGE_NAME.fullmatch(text):
            found["community"] = text
            return
    if "building" not in found and (m := re.search(r"(?<=[\u4e00-\u9fff])[A-Z]$", text)):
        found["building"] = m[0]
        text = text[: m.start()]
    for m in _NAME_ENDS.finditer(text):
        more = text[m.end() :]
        if m.start() and _INDUSTRY.search(m[0]) and _ESTATE.search(more):
            _aside(found, "near", text[: m.end()])  # 西山工业区碧水家园
            text = more
            break
        if m.start() and len(more) >= (2 if m[0] in _DWELLINGS else 3) and not _CONTINUES.match(more):
            found["section"] = more + found.get("section", "")
            text = text[: m.end()]
            break
    if text := text.removeprefix("#"):
        found["compound"] = text


def _parts_off(name: str, section: str) -> bool:
    """Whether a section stands apart from the name before it: 复兴一区 is a name, 阳光花园一区 a part of 阳光花园."""
    return len(name) > 3 or (bool(name) and (section[-1] in "期门" or name[-1] in "城都场园苑里庭府村庄"))


def _without_surroundings(text: str, found: Found, rest: list[str]) -> str:
    """`text` without what says where it is (对面, 路口东50米) and without remarks."""
    if m := _BEFORE.match(text):
        _aside(found, "near", m[0])
        text = text[m.end() :].strip(" -")
    m = _REMARK.search(text)
    if m and (m.start() == 0 or m.end() == len(text)):
        rest.append(text[m.start() :])
        text = text[: m.start()].strip(" -")
    while m := _BESIDE.search(text):
        if m.start() == 0:
            _aside(found, "near", text)
            return ""
        _aside(found, "near", m[0])
        text = text[: m.start()].strip(" -")
    m = _BETWEEN.search(text)
    if not m or m.end() == len(text):
        return text
    _aside(found, "near", m[0])
    if m.start() == 0:
        return text[m.end() :]
    rest.append(text[m.end() :])
    return text[: m.start()]


def _named_by_number(name: str, number: str, found: Found) -> bool:
    """Whether a number before a building belongs to the compound's name: 云顶1号2号楼, 湖畔六号."""
    return (
        2 <= len(name) <= 6
        and len(number) <= 3
        and number.isalnum()
        and not _NAMED.search(name)
        and ("road" in found or not {"community", "town"} & found.keys())
    )


def _level_of_number(number: str, name: str, found: Found) -> str:
    """What N号 after a compound is: a stall in a market, a building in an estate, else the road's number."""
    if _STALLS.search(name) or (number[0].isascii() and number[0].isalpha()):
        return "room"
    return "building" if "road_number" in found or _BLOCKS.search(name) else "road_number"


def _number_inside(text: str, found: Found, rest: list[str]) -> str:
    """Takes N号 between two names: the first is a compound, or a road without a word of its own (钟楼底9号医院)."""
    m = _NUMBER_INSIDE.fullmatch(text)
    if not m:
        return text
    name, number = m["name"], m["number"]
    if _NAMED.search(name) or _ESTATE.search(name) or _last_section(name):
        found["building" if "road_number" in found or _BLOCKS.search(name) else "road_number"] = number
        rest.append(m["more"])
        return name
    if len(name) > 6 or (name and "road_number" in found):
        return text
    if name and "road" not in found:
        found["road"] = name
    elif name:
        _aside(found, "near", name)
    found["building" if "road_number" in found else "road_number"] = number
    return m["more"]


def _last_section(text: str) -> str:
    """The section's name that `text` ends with (东区, 二期, 北门); "" if none."""
    return next((m[0] for m in _SECTION.finditer(text) if m.end() == len(text)), "")


# ---- the whole -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parts:
    """The levels found, those of `ASIDES` among them, and what is left over."""

    found: Found
    rest: str


@lru_cache(maxsize=65536)
def read(text: str, in_building: bool = False) -> Parts:
    """Reads an address: the levels of `LEVELS` and `ASIDES`, each as written, and the rest. Never raises.

    `in_building`: a building, cut off from `text`, follows it.
    """
    body, out = clean(text)
    if len(body) > _LONGEST:
        out.append(body[_LONGEST:])
        body = body[:_LONGEST]
    if (m := _PERSON_FIRST.match(body)) and not read_divisions(m[0].strip(), {}, []):
        out.insert(0, m[0].strip())
        body = body[m.end() :]
    body = _divisions_first(body)
    begin = _start(body)
    head = body[:begin].strip(" -")
    found: Found = {}
    over: list[str] = []
    inner, left = tail(body[begin:])
    _places(head[read_divisions(head, found, over) :], found, over, in_building or "building" in dict(inner))
    if inner and "zone" in found and not {"compound", "road", "community"} & found.keys():
        found["compound"] = found.pop("zone")
    if left and not {"road", "compound", "community"} & found.keys() and (not head or _ESTATE.search(left)):
        _places(left, found, over, in_building=True)  # 3号楼501 翡翠城
        left = ""
    for level, value in inner:
        if level in found:  # the part before named one already: nothing of a number may be lost
            _aside(found, "part", value)
        else:
            found[level] = value
    # A number that no level holds still tells two homes apart.
    beside = " ".join(t for t in (*over, left) if t)
    for number in _NUMBER_BESIDE.findall(beside):
        _aside(found, "part", number)
    beside = " ".join(_NUMBER_BESIDE.sub(" ", beside).split())
    rest = " ".join(r for r in (beside, *out) if r)
    return Parts({k: v.replace(" ", "") for k, v in found.items() if v}, rest)


def _divisions_first(text: str) -> str:
    """An address whose divisions stand at its end (3号楼501 翡翠城 奎文区), turned round; any other as it is."""
    first, *others = text.split(" ")
    if not others or read_divisions(first, {}, []):
        return text
    for i, piece in enumerate(others):
        found: Found = {}
        end = read_divisions(piece, found, [])
        if end and (len(found) >= 2 or end == len(piece)) and {"city", "district"} & found.keys():
            return " ".join([*others[i:], first, *others[:i]])
    return text


def split(text: str) -> tuple[Found, str]:
    """The levels in their order, and all that is none of them."""
    parts = read(text)
    aside = [v for k in ASIDES if (v := parts.found.get(k))]
    return {k: parts.found[k] for k in LEVELS if k in parts.found}, " ".join([*aside, parts.rest]).strip()
