"""Splits a Chinese address as people type it into its levels.

The text is cut in two: the head (divisions, community, road and number, compound) and the tail (building, unit, floor,
room). Heads and tails recur across a city, so each is parsed once and remembered. What a level holds is the text as
written, half-width and without spaces; `rest` holds what is none of the levels: remarks, phone numbers, sections of a
compound (A区, 二期), side roads, landmarks.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from ruxue.algorithms.divisions import table, towns_of
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
Found = dict[str, str]

_CN = "零〇一二两三四五六七八九十百"
_DASHES = re.compile(r"[‐‑‒–—―−－~～]+|-{2,}")
_ONE_FOR_DASH = re.compile(r"(?<=\d)一(?=\d)")
_INVISIBLE = re.compile(r"[\u200b-\u200f\ufeff\u00ad]")
_PUNCTUATION = re.compile(r"[\s,，。.;；:：、|/\\_>·!！?？\"'“”]+")
_BRACKETS = re.compile(r"[(\[【〔{《]([^()\[\]【】〔〕{}《》]*)[)\]】〕}》]")
_PHONE = re.compile(r"(?<!\d)(?:\+?86-?)?(?:1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}-?\d{7,8}|400-?\d{3}-?\d{4})(?!\d)")
_POSTCODE = re.compile(r"(?:邮编|邮政编码)\s*:?\s*\d{6}")
_PERSON = re.compile(r"(?:收货人|收件人|联系人|姓名|收)\s*[:：]\s*[\u4e00-\u9fff·]{2,8}(?=[\s,，;；。]|$|电话|手机|联系)")
_CAPTION = re.compile(
    r"(?:收货|收件|联系|家庭|现居住|现|详细|所在|居住|户籍|户口)?(?:地址|住址|地区|坐落)(?:是|为|:)?\s*|"
    r"(?:收货人|收件人|联系人|姓名|电话|手机号码?|联系电话|电联)\s*:?\s*"
)


def clean(text: str) -> tuple[str, list[str]]:
    """Half-width text with single spaces and dashes, and what was taken out of it: phones, remarks in brackets."""
    out: list[str] = []

    def take(match: re.Match[str]) -> str:
        out.append(match[0].strip())
        return " "

    def bracket(match: re.Match[str]) -> str:
        if match[1].endswith("店") or _SECTION.fullmatch(match[1]):
            return match[1]
        if _HEAD_WORD.search(match[1]):
            return " " + match[1] + " "
        return take(match)

    text = simplify(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    text = _DASHES.sub("-", text)
    text = _ONE_FOR_DASH.sub("-", text)
    if "(" in text or "【" in text or "[" in text or "〔" in text:
        text = _BRACKETS.sub(bracket, text)
    text = _PERSON.sub(take, _PHONE.sub(take, text))
    text = _POSTCODE.sub(take, text)
    text = _CAPTION.sub(lambda m: " ", text)
    text = _PUNCTUATION.sub(" ", text)
    return text.strip(" -"), out


# ---- the tail: building, unit, floor, room ------------------------------------------------------------------------

_NUMBER = rf"(?:\d+|[{_CN}]+)"
_BUILDING = re.compile(
    rf"第?(?:[A-Za-z]+-?\d*|\d+[A-Za-z]?(?:-\d+)?|[{_CN}]+|[东西南北中甲乙丙丁])(?:号楼|#楼|号大楼|号搂|幢|栋|座楼?|撞|#|排|号(?:别墅|公寓楼?|写字楼|宿舍楼?|商业楼|厂房))"
    rf"|[A-Za-z]\d*楼|\d+[A-Za-z]楼|[东西南北主副裙]楼(?=[ -]?\d)"
)
_UNIT = re.compile(rf"(?:\d+[A-Za-z]?|[A-Za-z]\d?|[{_CN}]+|[东西南北中甲乙丙丁])(?:单元|单无|门洞|梯|(?<!号)门(?![口市面诊店卫头前业]))")
_FLOOR = re.compile(
    rf"(?:第|负|地下|-)?(?:\d+[A-Za-z]?(?:-\d+)?|[BA-Z]\d?|[{_CN}]+)(?:层|楼|[Ff](?![A-Za-z]))|架空层|底层|首层|顶层|负[一二三\d]"
)
_ROOM_WORD = r"(?:办公室|室|号房间?|房间?|号铺|铺|户|号店铺|店铺?|商位|商铺|档|仓)"
_ROOM = re.compile(
    rf"[A-Za-z]{{0,2}}-?\d{{1,5}}[A-Za-z]?(?:[-/]?[A-Za-z]?\d{{1,4}}[A-Za-z]?)*(?:{_ROOM_WORD}|号(?!楼|院))?"
    rf"|[{_CN}]{{3,5}}{_ROOM_WORD}?|[{_CN}]+{_ROOM_WORD}|[东西南北中]{{1,2}}[户室]"
)
_GROUPS = re.compile(r"[A-Za-z]?\d+[A-Za-z]?(?:[-#][A-Za-z]?\d+[A-Za-z]?)+(?![\dA-Za-z])")
_NO = re.compile(rf"(?:[A-Za-z]?\d+(?:-\d+)?[A-Za-z]?|[{_CN}]+)号(?!线|院|小区|地块|公馆|店|楼)")
# Where a tail may start: a number or letter with a word of its own, a run of numbers, a number at the end.
_START = re.compile(
    rf"(?<![0-9A-Za-z{_CN}第])(?<![0-9A-Za-z]-)(?!4[sS]店)(?:"
    rf"{_BUILDING.pattern}"
    rf"|(?:[A-Za-z]?\d+|[A-Za-z]|[{_CN}]+|[东西南北中甲乙丙丁])(?:单元|单无|门洞|梯(?=\d)|门(?=\d))"
    rf"|(?:第|负|地下|-)?(?:\d+[A-Za-z]?(?:-\d+)?|[BA]\d|[{_CN}]+)(?:层|楼(?![上下道梯盘]))|架空层|底层|首层|顶层"
    rf"|[A-Za-z]?-?\d{{1,5}}[A-Za-z]?{_ROOM_WORD}(?![\u4e00-\u9fff])|[A-Za-z]?\d{{3,5}}室"
    rf"|[A-Za-z]{{0,2}}\d+[A-Za-z]?(?:[-#/ ][A-Za-z]?\d+[A-Za-z]?)+(?![\dA-Za-z路弄巷]|号线)"
    rf"|[A-Za-z](?:-\d+)+(?![\dA-Za-z路弄巷])"
    rf"|[A-Za-z]?\d+[A-Za-z]?[- #](?=(?:{_UNIT.pattern}|{_FLOOR.pattern}|{_BUILDING.pattern}))"
    rf"|[A-Za-z]{{0,2}}\d+[A-Za-z]?(?=[ -]*$)"
    rf"|[A-Za-z](?= ?\d{{3,4}}室?$)"
    rf"|(?<=号)[ -]?(?:[A-Za-z]-?\d*|\d{{2,}})(?=[^\dA-Za-z弄巷路米支])"
    rf"|\d+[A-Za-z]?号(?= ?(?:{_UNIT.pattern}|{_FLOOR.pattern}|{_ROOM.pattern}))"
    rf"|[{_CN}]{{3,4}}(?:室|房)"
    rf")"
)
_AFTER_ROAD = re.compile(r"(?:路|街|大道|道|巷|(?<!\d)弄|胡同|线|段|国道|省道|县道|(?<!新)村|[\d一二三四五六七八九十]组)-?$")
_SEPARATOR = re.compile(r"[- #/]*")


def _start(text: str) -> int:
    """Where the tail starts; the text's length if there is none. A number right after a road is the road's."""
    at = 0
    while match := _START.search(text, at):
        begin = match.start()
        if not _AFTER_ROAD.search(text[:begin]):
            return begin
        word = match[0]
        if re.search(r"(?:幢|栋|座|单元|层|室|号楼|#楼?|楼|户|房)$", word) and not re.match(r"\d+-\d+号楼", word):
            return begin
        number = _ROAD_NUMBER.match(text, begin)
        at = number.end() if number else match.end()
        if at == len(text):
            return at
    return len(text)


@lru_cache(maxsize=65536)
def tail(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """The levels of a tail in order, and what is left over."""
    found: Found = {}
    rest = ""
    at = 0
    order = ("building", "unit", "floor", "room")

    def put(level: str, value: str) -> None:
        found[level] = value.rstrip("-#/ ")

    while at < len(text):
        at = _SEPARATOR.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text):
            break
        last = max((order.index(k) for k in found), default=-1)
        piece = text[at:]
        if "building" not in found and (m := _BUILDING.match(piece)):
            put("building", m[0])
        elif last < 1 and (m := _UNIT.match(piece)):
            put("unit", m[0])
        elif last < 2 and (m := _FLOOR.match(piece)) and not _BUILDING.match(piece):
            more = piece[m.end() :]
            level = "building" if last < 0 and m[0].endswith("楼") and _UNIT.match(more) else "floor"
            put(level, m[0])
        elif last < 3 and (m := _GROUPS.match(piece)) and _spread(m[0], last, piece[m.end() :], found):
            at += len(found["room"]) - len(re.split("[-#]", m[0])[-1]) if "room" in found else 0
        elif last < 0 and (m := _NO.match(piece)) and piece[m.end() :].strip(" -"):
            put("building", m[0])
        elif last == 0 and (m := re.match(r"(?:\d+|[A-Za-z]\d?|[一二三四五六七八九十]+)座", piece)):
            put("unit", m[0])
        elif last == 0 and "unit" not in found and (m := _NO.match(piece)) and re.match(r"[ -]*[\dA-Z]", piece[m.end() :]):
            put("unit", m[0])
        elif last < 0 and (m := re.match(r"[A-Za-z]?\d+[A-Za-z]?|[A-Za-z](?=\s*\d)", piece)) and _bare_building(m[0], piece[m.end() :]):
            put("building", m[0])
        elif last < 3 and (m := _ROOM.match(piece)):
            put("room", m[0])
        else:
            rest = piece
            break
        at += m.end()
    return tuple(found.items()), rest.strip()


def _bare_building(number: str, more: str) -> bool:
    """Whether a number without a word is a building's: something of the building follows, or it is short."""
    more = more.strip(" -#")
    if more and (_UNIT.match(more) or _FLOOR.match(more) or _ROOM.match(more)):
        return True
    return len(re.sub(r"\D", "", number)) <= 2


def _spread(groups: str, last: int, more: str, found: Found) -> bool:
    """Numbers joined by dashes go to the levels from building down to room: 3-2-501, 3-501, 2-501 after a building."""
    parts = re.split(r"[-#]", groups)
    word = re.match(rf"{_ROOM_WORD}|号(?!楼|院)", more)
    below = re.match(r"单元|层|楼|幢|栋|号楼", more)
    if below:
        return False
    if last < 0:
        names = {2: ["building", "room"], 3: ["building", "unit", "room"], 4: ["building", "unit", "floor", "room"]}
        if len(parts) == 2 and len(parts[1]) == 1 + parts[0].isdigit() and word is None:
            names[2] = ["building", "unit"]
    elif last == 0:
        names = {2: ["unit", "room"], 3: ["unit", "floor", "room"]}
        if len(parts) == 2 and len(parts[0]) >= 3:
            return False
    else:
        return False
    if len(parts) not in names:
        return False
    found.update(zip(names[len(parts)], parts, strict=True))
    if word and names[len(parts)][-1] == "room":
        found["room"] += word[0]
    return True


# ---- the head: divisions, community, road and number, compound ----------------------------------------------------

_ROADLIKE = re.compile(
    r"[^\d\s]?(?:大?路|大?街(?!道)|大道|巷|弄(?!口)|胡同)|街道|道\d|[东西南北中]?(?:线|桥|湾|站|港|河|岛|门(?!源)|村|庄|里|镇|乡|社区|"
    r"小区|花园|新村|新苑|新城|公寓|广场|大厦|酒店|宾馆|饭店|大酒店|商场|市场|公园|医院|大学|学院|中学|小学|机场|银行|国际|"
    r"中心|工业|科技|经济|开发|高新|技术|人家|人民(?:医院|政府)|文化|名[邸苑城都]|豪[庭苑]|家[园苑]|府[邸苑]|苑|园|城(?![区关中东西南北])|集团|公司|有限|超市|百货|火车|汽车|"
    r"高铁|电[子力商信]|体育|商业|大楼|楼|实业|服饰|水岸|水[乡景]|农[业商贸]|师范|职业|理工|工程|医|业)"
)
_ZONE = re.compile(
    r"(?:[^\d\s路街镇乡村社]{0,8}?)(?:(?:国家级?)?经济技术开发区|高新技术产业开发区|高新技术开发区|高新技术产业园区|经济开发区|经开区|"
    r"高新园?区|高新(?=[^\d一-鿿]|$)|高技术产业开发区|综合保税区|保税区|度假区|开发区|(?<![小])新区|管理区|示范区|经济区|实验区|试验区)|工业园区(?=.)"
)
_COUNTYLIKE = re.compile(
    r"[^\d\s路街道镇乡村区县市旗州省]{1,4}(?<![小社园业发景校厂院库南北东西期大城都超一二三四五六七八九十])(?:区|县(?!前|城|医))|"
    r"[^\d\s路街道镇乡村区县市旗州省]{2,4}(?<![城都超])(?:市(?![场政民中区])|(?<!红)旗(?![舰路街袍]))"
)
_TOWNLIKE = re.compile(
    r"(?:\d{1,3}|[一二三四五六七八九十]{1,4})团(?!结)|[^\d\s村社]{1,7}?(?:街道办事处|街道办|街道|地区办事处|办事处|(?:镇|(?<![水侨新桐萍仙])乡|苏木)(?![路街市]|(?<=^.[镇乡])[东西南北中]{1,2}[路街]|大道|港))"
)
_COMMUNITY = re.compile(
    r"[^\d\s]{1,10}?(?:社区居民委员会|社区居委会|居民委员会|村民委员会|社区|村居委会|居委会|村委会|行政村|自然村|村(?!镇|口|级|民)|嘎查)|(?:\d+|[一二三四五六七八九十]+)连(?=\d|$)"
)
_HAMLET = re.compile(r"[^\d\s路街道巷弄镇区市园厦场楼院]{1,4}(?:屯|庄|寨|堡|岙|坞|塆|屋)(?=[\d一二三四五六七八九十]+[组队号社]|$)"
    r"|[^\d\s路街道巷弄镇区市园厦场楼院村组东西南北]{2,4}(?=(?:\d+|[一二三四五六七八九十]+)(?:组(?!团)|队))"
)
_GROUP = re.compile(rf"(?:第?{_NUMBER}|[^\d\s路街道巷弄镇区市园厦场楼院]{{1,3}})(?:村民小组|小组|组(?!团)|队|社(?!区))(?=\d|[ -]|$|[^\s]{{1,6}}$)")
_ROAD = re.compile(
    r"(?:[GSXY]?\d{2,3}(?:国道|省道|县道|乡道)|[第]?[\d一二三四五六七八九十]+号?(?:大街|大道|路|街)(?!区|口)"
    r"|[^\d\s\-]{1,6}\d{1,2}(?:巷|路|街)(?=\d)|[^\d\s\-]{1,10}?(?:大道|大街|公路|马路|胡同|国道|省道|环线|路(?!桥|由|过)|街(?!道|区|坊)|(?<![里])巷|弄(?!堂)|道(?=\d)|条(?=\d+号)|(?<=[^里])里弄|线(?=\d+号)))"
    r"(?:[东西南北中上下内外]+[段路街]|第?[一二三四五六七八九十\d]+段)?"
)
_ROAD_NUMBER = re.compile(
    rf"(?:第|附|副|甲|乙|丙|新|老|临|自编)?(?:[A-Za-z]?\d+[A-Za-z]?(?:[-、甲乙丙丁][A-Za-z]?\d*[A-Za-z]?)*|[{_CN}]+(?=号))"
    r"(?:号(?:附\d+号?|之[一二三四五六七八九十\d]+)?院?|弄|#(?!楼)|好(?=[^\u4e00-\u9fff]|$))?"
    r"(?!幢|栋|座|号楼|单元|层|楼|室|米|路|大?街|组|队|期|区|分|元|门|大道|巷|支路|库|社|连|[\dA-Za-z])"
)
_SIDE = re.compile(rf"(?:{_NUMBER}|[^\d\s路街]{{1,3}})(?:弄|巷|支路)(?!小区|新村|花园|社区|口)(?:\d+号(?!楼))?|[东西南北中]段")
_SECTION = re.compile(
    rf"(?:[{_CN}]+|\d+|[A-Za-z]\d?|[东西南北中][东西南北]?|第[{_CN}\d]+)(?:区|期|标段|组团|地块|园区|厂区|校区)|[东西南北前后正侧]大?门|\d+号门"
)
_ASSIST = re.compile(
    r"(?:正?对面|对过|附近|旁边?|隔壁|门口|斜对面|后面|前面|边上|侧面|楼下|楼上|院内|内|里面|外|以[东西南北]|[东西南北]{1,2}[侧面边]|"
    r"[东西南北]?[行走约]*\d+米(?:处)?|交叉口?|交汇处|交界处|路口|口|村口|上)$"
)
_FILLER = re.compile(r"市辖区|县辖区|null|雄安新区|生产建设兵团|第?[一二三四五六七八九十\d]+师")
_FIRM = re.compile(r"[^\d\s路街村镇]{1,16}(?:公司|集团|厂|店|局|所|学校|医院)")
_BLOCKS = re.compile(r"(?:小区|花园|花苑|[^新]苑|家园|公寓|工业区|工业园区?|山庄|公馆|别墅|华庭)$")
_STALLS = re.compile(r"(?:市场|商城|商贸城|大厦|广场|商厦)$")
_LEADING = re.compile(r"(?:路?[东西南北]{1,2}[侧面边角]|路[东西南北](?![^\s]*[路街])|[东西南北]?(?:走|行|约)*\d+米(?:处|路)?(?:[东西南北]侧)?|(?:交叉口?|交汇处?|路口)[东西南北]{0,2}角?)+")
_CROSSING = re.compile(r"[东西南北]?(?:与|和|跟|、|交叉口?|交汇处?|交界处?|路口|口(?![腔岸])|近(?=[^\d\s]{2,5}路))")
_REMARK = re.compile(
    r"(?:请|务必|尽量|麻烦)?(?:送货上门|放(?:门口|前台|快递柜|保安室|驿站|门卫).*|电联|电话联系|不要?放|勿放|打电话|提前.*电话|工作日.*|周末.*|本人签收|"
    r"代收.*|菜鸟驿站.*|丰巢.*|快递柜.*|自提.*|转.{1,4}收|.{0,6}[收](?=$))"
)
_HEAD_WORD = re.compile(r"(?:省|市|区|县|镇|乡|街道|社区|村)[^\s]{0,4}$|\d+(?:号楼?|幢|栋|单元|室)|(?:路|街|大道|弄|巷)\d")
_NOT_ROAD = re.compile(
    r"(?:店|分店|分公司|小学|中学|幼儿园|医院|派出所|小区|社区|花园|菜场|农贸|支行|分行|市场|新村|桥|站|地铁|公寓|家园|校区|口腔|大厦)"
)
_NAME_END = (
    "小区|花园|花苑|家园|公寓|大厦|广场|新村|新苑|名苑|嘉苑|雅苑|佳苑|华苑|锦苑|景苑|家苑|公馆|山庄|别墅|华庭|名城|新城|大学|学院|中学|小学|幼儿园|医院|"
    "市场|商城|工业园区?|工业区|科技园区?|产业园区?|创业园|物流园|软件园|产业基地|大楼|酒店|宾馆|有限公司|公司|集团|中心|银行|超市|商场|国际城|电子城|建材城"
)
_AREA = re.compile(
    rf"[^\s]{{1,12}}?(?:{_NAME_END}|开发区|园区|产业园|[^\s]区)(?:[A-Z东西南北一二三四]+区)?(?= ?{_ROAD.pattern}\d)"
    rf"|[^\s]{{1,12}}?(?:工业园区?|工业区|开发区|科技园区?|产业园区?|[^小市校\s]园区|新区)(?= ?{_ROAD.pattern})"
)
_COMPOUND_END = re.compile(rf"^(?P<name>.{{1,14}}?(?:{_NAME_END}))(?P<more>.{{3,}})$")
_CONTINUES = re.compile(
    rf"^(?:店|分|附属|{_NAME_END}|[一二三四五六七八九十]+[村里坊苑]|[东西南北][苑区]?里|城$|花|有限|股份|集团|总|大|国际|银座|商务|文化|科技|世纪|服务|管理|监督|[^\d\s]{{0,6}}(?:店|局|处|所|站|部|委员会|支行|分行|营业厅|分公司)$)"
)


_MUNICIPALITIES = ("北京", "上海", "天津", "重庆")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " -#/":
        at += 1
    return at


def _divisions(text: str, found: Found, rest: list[str]) -> int:
    """Reads divisions from the left; returns where they end. Said twice, they count once."""
    names = table()
    codes: tuple[str, ...] = ()
    at = _skip(text, 0)
    if text.startswith("中国", at) and not text.startswith("中国银行", at):
        if len(text) > at + 2 and _divisions(text[at + 2 :], {}, []):
            rest.append("中国")
            at = _skip(text, at + 2)
    while at < len(text):
        step = 0
        if found and (filler := _FILLER.match(text, at)):
            rest.append(filler[0])
            at = _skip(text, filler.end())
            continue
        for said in found.values():
            follows = text[at + len(said) : at + len(said) + 1]
            if text.startswith(said, at) and ("city" in found or said[:2] not in _MUNICIPALITIES) and follows not in ("省", "市", "区", "县") and not _ROADLIKE.match(text, at + len(said)):
                rest.append(said)
                step = len(said)
                break
        for size in range(min(names.longest, len(text) - at) if not step else 1, 1, -1):
            piece = text[at : at + size]
            level, narrowed = _division(piece, codes, found, text, at + size)
            if level:
                if level == "district" and piece not in names.full and text[at + size : at + size + 1] in ("区", "县", "市"):
                    size += 1
                    piece = text[at : at + size]
                if found.get(level):
                    longer = len(piece) > len(found[level]) and piece.startswith(found[level])
                    rest.append(found[level] if longer else piece)
                    if longer:
                        found[level] = piece
                else:
                    found[level] = piece
                codes = narrowed or codes
                step = size
                break
        if not step:
            break
        at = _skip(text, at + step)
    if not found.get("district"):
        if (m := _ZONE.match(text, at)) and ("city" in found or "province" in found):
            found["district"] = m[0]
            at = _skip(text, m.end())
        elif ("city" in found or "province" in found) and (m := _COUNTYLIKE.match(text, at)):
            found["district"] = m[0]
            at = _skip(text, m.end())
    elif m := _ZONE.match(text, at):
        rest.append(m[0])
        at = _skip(text, m.end())
    at = _town(text, at, codes, found, rest)
    if list(found) == ["town"]:
        later: Found = {}
        end = at + _divisions(text[at:], later, rest)
        if len(later) >= 2:
            rest.append(found.pop("town"))
            found.update(later)
            return end
    again: Found = {}
    if re.match(r"(?:中国)?[^\s\d市]{2,7}(?:省|自治区)", text[at:]) and found:
        again, said = {}, [*found.values()]
        end = at + _divisions(text[at:], again, rest)
        if len(again) >= 2 and again.get("province", "")[:2] != found.get("province", "")[:2]:
            found.clear()
            found.update(again)
            rest.extend(said)
            return end
    while "town" in found and (said := next((v for v in found.values() if text.startswith(v, at) and _whole(text, at + len(v))), "")):
        rest.append(said)
        at = _skip(text, at + len(said))
    if found and (m := _ZONE.match(text, at)):
        rest.append(m[0])
        at = _skip(text, m.end())
    return at


def _whole(text: str, end: int) -> bool:
    """Whether a name that ends here isn't the start of a longer one: a road, a market."""
    return not re.match(r"省|市|区|县", text[end:]) and not _ROADLIKE.match(text, end)


def _division(piece: str, codes: tuple[str, ...], found: Found, text: str, end: int) -> tuple[str, tuple[str, ...]]:
    """The level that `piece` names here and the codes that it narrows to; ("", ()) if none."""
    names = table()
    full = piece in names.full or piece[-1] in "市县旗盟" and len(piece) > 2
    more = text[end : end + 8]
    if not full and _ROADLIKE.match(more) and not _leads_on(text, end, piece):
        return "", ()
    if full and found and re.match(r"(?:[^\s\d]{0,2}大学|学院|师范|农业|理工|[^\s\d]{0,4}(?:公司|银行))", more):
        return "", ()
    if not full and not found and _FIRM.match(text, end) and not _leads_on(text, end, piece):
        return "", ()
    code = names.provinces.get(piece)
    if code and (codes and codes[0].startswith(code) and (full or _leads_on(text, end, piece)) or "district" not in found and "town" not in found):
        municipality = code in ("11", "12", "31", "50")
        if "province" not in found and "city" not in found:
            if municipality and not text[_skip(text, end) :].startswith(piece[:2]):
                return "city", (code,)
            return "province", (code,)
        if found.get("province", "")[:2] == piece[:2] or found.get("city", "")[:2] == piece[:2]:
            if municipality and "city" not in found:
                return "city", (code,)
            return "province", (code,)
    if piece in names.counties and "town" not in found:
        within = tuple(c for c in names.counties[piece] if not codes or c.startswith(codes) or c[:4] in codes)
        former = within and within[0].endswith("00") and within[0][:2] not in ("44", "46", "62")
        if piece in names.cities and "city" not in found and not ("district" in found):
            inside = tuple(c for c in names.cities[piece] if not codes or c.startswith(codes))
            if inside and not (within and "city" in found):
                return "city", inside
        below = re.match(r"[^\d\s]{1,4}?(?:镇|乡|苏木|街道)", text[end:])
        alone = not found and not _FIRM.match(text, end) and not (below and below[0] not in towns_of(within or ("?",))) and (piece + "市" in names.counties or len(within) == 1 and len(text) > end + 2)
        if within and (full or "city" in found or "province" in found or alone):
            return "district", within if not former else tuple(c[:4] for c in within)
        if full and codes and len(piece) > 2:
            return "district", names.counties[piece]
        if full and not codes:
            return "district", names.counties[piece]
    if not full and not found and (below := re.match(r"[^\d\s]{0,2}?(?:街道|镇|乡)", more)):
        return "", ()
    if piece in names.cities and "district" not in found and "town" not in found:
        inside = tuple(c for c in names.cities[piece] if not codes or c.startswith(codes))
        if inside:
            return "city", inside
    if found.get("city") and piece in names.cities and "district" in found and piece[:2] == found["city"][:2]:
        return "city", ()
    return "", ()


def _leads_on(text: str, end: int, piece: str) -> bool:
    """Whether a short division's name is followed by a division inside it, so that it is one although a road-like
    word follows: 杭州江干区, 温州龙港镇."""
    names = table()
    at = _skip(text, end)
    if at > end:
        return True
    codes = names.cities.get(piece) or names.counties.get(piece) or ((names.provinces[piece],) if piece in names.provinces else ())
    for size in range(min(8, len(text) - at), 1, -1):
        below = text[at : at + size]
        if piece in names.cities and re.match(r"国?家?级?(?:经济|高新|开发区|保税|经开)", below):
            return True
        if size == 2 and re.match(r"[^\d\s]?(?:路|街|大道)", text[at + 2 :]):
            continue
        if any(c.startswith(codes) for c in names.counties.get(below, ())) or any(
            c.startswith(codes) for c in names.cities.get(below, ())
        ):
            return True
    if any(len(c) == 6 for c in codes):
        known = towns_of(tuple(codes))
        return any(known.get(text[at : at + size]) == text[at : at + size] for size in range(3, 8))
    return False


def _town(text: str, at: int, codes: tuple[str, ...], found: Found, rest: list[str]) -> int:
    if codes and len(codes[0]) >= 4:
        known = towns_of(codes)
        for size in range(min(12, len(text) - at), 1, -1):
            piece = text[at : at + size]
            if piece in known:
                more = text[at + size : at + size + 8]
                if piece == known[piece]:
                    if more[:1] in ("路", "街"):
                        continue
                    more = re.match(r"办事处|办", more)
                    found["town"] = piece + (more[0] if more and not piece.endswith(("办事处", "办")) else "")
                    return _skip(text, at + len(found["town"]))
                if piece[-1] not in "路街道巷" and (not _ROADLIKE.match(more) or known.get(text[_skip(text, at + size) :][:4])) and not re.match(
                    r"(?:[^\d\s]|[一二三四五六七八九十]+道)?(?:路|街(?!道)|大道)", more
                ):
                    inner: Found = {}
                    end = _town(text, _skip(text, at + size), codes, inner, rest)
                    if inner:
                        rest.append(piece)
                        found.update(inner)
                        return end
                    found["town"] = piece
                    return _skip(text, at + size)
    if m := _TOWNLIKE.match(text, at):
        inner = re.search(r"[路街巷](?=[^道]{2,})(?!办事处)", m[0])
        if not inner and not re.search(r"(?:小区|花园|市场|大厦|公司)", m[0]):
            found["town"] = m[0]
            return _skip(text, m.end())
    return at


def _middle(text: str, found: Found, rest: list[str]) -> None:
    """Community, road, number and compound of what follows the divisions."""
    at = _skip(text, 0)
    area = ""
    while at < len(text):
        for step in (_community, _group, _road):
            end = step(text, at, found, rest)
            if end > at:
                break
        else:
            m = _AREA.match(text, at)
            if not m or "road" in found:
                break
            area, end = area + m[0], m.end()
        at = _skip(text, end)
    left = text[at:].strip(" -#")
    if left:
        _compound(left, found, rest)
    if area:
        if "compound" in found:
            rest.insert(0, area)
        else:
            _compound(area, found, rest)


def _community(text: str, at: int, found: Found, rest: list[str]) -> int:
    """A village or residents' community; one inside another goes to the rest."""
    if "road" in found:
        return at
    m = _COMMUNITY.match(text, at) or _HAMLET.match(text, at)
    if not m or not _is_community(m[0], text[m.end() :], found):
        return at
    end = m.end()
    if m[0].endswith("村") and (more := re.match(r"村(?=[^\s路街]|$)(?![^\s]{0,2}[路街])", text[end:])):
        end += more.end()
    if "community" in found:
        rest.append(text[at:end])
    else:
        found["community"] = text[at:end]
    if "road_number" not in found and (n := _ROAD_NUMBER.match(text, _skip(text, end))) and n.end() > end:
        found["road_number"] = n[0].rstrip("-")
        end = n.end()
    return end


def _is_community(name: str, more: str, found: Found) -> bool:
    if re.search(r"(?:大厦|花园|公寓|广场|小区|市场|国际|度假|生活村)", name) or re.match(rf"(?:{_NAME_END})(?![^\s]?[路街])", more):
        return False
    if name.endswith(("社区", "委会", "委员会", "行政村", "自然村", "嘎查", "连")):
        road = re.search(r"(?:路|街|大道|巷)", name[:-3])
        return not road or "town" in found and len(name) <= 7
    if name.endswith("村"):
        if name.endswith(("新村", "新农村")) or name == "中关村":
            return False
        if re.search(r"(?:[^\s]路|[^\s]街|大道|巷)(?=.{2,})", name[:-1]) or len(name) < 2:
            return False
        if re.match(r"(?:口|镇|级|民|委|屋|里街)", more):
            return False
        if re.match(r"(?:[东西南北中][大]?[路街]|[路街巷]|大街|大道)", more):
            return len(name) >= 3 and "town" in found
    return True


def _group(text: str, at: int, found: Found, rest: list[str]) -> int:
    """A villagers' group stands for the road."""
    m = _GROUP.match(text, at)
    if not m or "road" in found:
        return at
    found["road"] = m[0]
    end = m.end()
    number = re.match(r"[ -]*((?:附?\d+(?:-\d+)?号(?!楼)(?:附\d+号?)?|\d+(?:-\d+)?(?=[ -]*$)))", text[end:])
    if number and "road_number" not in found:
        found["road_number"] = number[1]
        end += number.end()
    return end


def _road(text: str, at: int, found: Found, rest: list[str]) -> int:
    """A road with its number; a second road, a crossing or a lane goes to the rest."""
    m = _ROAD.match(text, at)
    if not m:
        return at
    if (inner := re.search(rf"(?:{_NAME_END}|开发区)(?=[^\s]{{2,}})", m[0][:-1])) and not re.match(
        r"(?:[东西南北中]|[一二三四五六七八九十]+)?(?:路|街|大道|巷)", m[0][inner.end() :]
    ):
        return at
    if _NOT_ROAD.match(text, m.end()):
        return at
    end = m.end()
    if "road" in found:
        rest.append(m[0])
        if n := _ROAD_NUMBER.match(text, _skip(text, end)):
            rest.append(n[0])
            end = n.end()
        return end
    found["road"] = m[0]
    n = _ROAD_NUMBER.match(text, _skip(text, end))
    if n:
        if "road_number" in found:
            rest.append(n[0])
        else:
            found["road_number"] = n[0].rstrip("-")
        end = n.end()
    while c := _CROSSING.match(text, end):
        other = _ROAD.match(text, _skip(text, c.end()))
        rest.append(c[0])
        end = c.end()
        if other:
            rest.append(other[0])
            end = other.end()
    if s := _SIDE.match(text, _skip(text, end)):
        if s[0][0].isdigit() and s[0].endswith("弄") and "road_number" not in found:
            found["road_number"] = s[0]
        else:
            found["lane"] = s[0]
        end = s.end()
    return end


def _compound(text: str, found: Found, rest: list[str]) -> None:
    if m := _LEADING.match(text):
        rest.append(m[0])
        text = text[m.end() :].strip(" -")
    if m := _REMARK.search(text):
        if m.start() == 0 or m.end() == len(text):
            rest.append(text[m.start() :])
            text = text[: m.start()].strip(" -")
    while m := _ASSIST.search(text):
        if m.start() == 0:
            rest.append(text)
            return
        rest.append(m[0])
        text = text[: m.start()].strip(" -")
    assist = re.search(r"(?:斜?对面|对过|附近|旁边|隔壁|门口|后面|路口|交叉口|东侧|西侧|南侧|北侧|边上)", text)
    if assist and assist.end() < len(text):
        before, after = text[: assist.start()], text[assist.end() :]
        rest.append(assist[0])
        if before:
            rest.append(after)
            text = before
        else:
            text = after
    first, *others = [t for t in text.split(" ") if t.strip("-#")] or [""]
    if others:
        rest.extend(others)
    text = first
    if m := re.fullmatch(r"(?P<name>.*?)(?P<no>[A-Za-z]?\d+(?:-\d+)?号|(?<=\D)[一二三四五六七八九十百]+号)", text):
        level = "building" if "road_number" in found or _BLOCKS.search(m["name"]) else "road_number"
        found["room" if _STALLS.search(m["name"]) or not m["no"][0].isdigit() and m["no"][0].isascii() else level] = m["no"]
        text = m["name"]
    while (m := _last_section(text)) is not None and (m.start() > 3 or m.start() > 0 and m[0][-1] in "期门"):
        found["section"] = m[0] + found.get("section", "")
        text = text[: m.start()].strip(" -")
    if m := _COMPOUND_END.match(text):
        if not _CONTINUES.match(m["more"]):
            rest.insert(0, m["more"])
            text = m["name"]
    if text.startswith("#"):
        text = text[1:]
    if text:
        found["compound"] = text


def _last_section(text: str) -> re.Match[str] | None:
    for m in _SECTION.finditer(text):
        if m.end() == len(text):
            return m
    return None


_NAME_FIRST = re.compile(r"[\u4e00-\u9fff·]{2,4}(?: [先女]士)? +(?=[\u4e00-\u9fff]{2,8}?(?:省|市|自治区|区|县))")


@dataclass(frozen=True, slots=True)
class Parts:
    """The levels found in a head or in a whole address, with `lane` and `section`, and what is left over."""

    found: Found
    rest: str


@lru_cache(maxsize=65536)
def read(text: str) -> Parts:
    """Reads an address: the levels of `LEVELS`, `lane` and `section`, each as written, and the rest."""
    body, out = clean(text)
    if (m := _NAME_FIRST.match(body)) and not _divisions(m[0].strip(), {}, []):
        out.insert(0, m[0].strip())
        body = body[m.end() :]
    begin = _start(body)
    found: Found = {}
    over: list[str] = []
    head = body[:begin].strip(" -")
    _middle(head[_divisions(head, found, over) :], found, over)
    inner, left = tail(body[begin:])
    for level, value in inner:
        found.setdefault(level, value)
    rest = " ".join(r for r in (*over, left, *out) if r)
    return Parts({k: v.replace(" ", "") for k, v in found.items() if v}, rest)


def split(text: str) -> tuple[Found, str]:
    """The levels in their order, and all that is none of them."""
    parts = read(text)
    aside = [v for k in ("lane", "section") if (v := parts.found.get(k))]
    return {k: parts.found[k] for k in LEVELS if k in parts.found}, " ".join([*aside, parts.rest]).strip()
