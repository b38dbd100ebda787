"""Chinese addresses as people write them and as registers hold them: parse, compare, match to a standard address.

Equality is decided level by level on one way of writing (三号楼 = 3号楼 = 3#, 东风街东段 = 东风东街), never by similarity.
What was renamed or has several names is equal only through a table of aliases, which is data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from ruxue.algorithms import address_levels as levels
from ruxue.algorithms.address_levels import LEVELS
from ruxue.algorithms.divisions import short_name

__all__ = [
    "LEVELS",
    "Address",
    "Aliases",
    "Comparison",
    "Directory",
    "Match",
    "Standard",
    "compare",
    "normalize",
    "parse",
]

_WORDS: dict[str, tuple[str, str]] = {
    "province": ("省", "province"),
    "city": ("市", "city"),
    "district": ("区县", "district"),
    "town": ("街道或乡镇", "town"),
    "community": ("社区或村", "community"),
    "road": ("道路", "road"),
    "road_number": ("门牌号", "road number"),
    "lane": ("巷弄", "lane"),
    "zone": ("功能区", "zone"),
    "hamlet": ("自然村", "hamlet"),
    "near": ("参照位置", "landmark"),
    "part": ("附属部分", "annex"),
    "compound": ("小区", "compound"),
    "section": ("小区分区", "section of the compound"),
    "building": ("楼号", "building"),
    "unit": ("单元", "unit"),
    "floor": ("楼层", "floor"),
    "room": ("房间号", "room"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """The levels of an address as written (half-width, simplified, without spaces); "" where it gives none.

    `rest` is what is none of the levels: remarks, phone numbers, a compound's section (A区), side lanes.
    """

    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    community: str = ""
    road: str = ""
    road_number: str = ""
    compound: str = ""
    building: str = ""
    unit: str = ""
    floor: str = ""
    room: str = ""
    rest: str = ""


def parse(text: str) -> Address:
    """Splits an address into its levels. Never raises: what isn't recognized stands in `rest`."""
    found, rest = levels.split(text)
    return Address(**found, rest=rest)


# ---- one way of writing --------------------------------------------------------------------------------------------

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_NUMERAL = "零〇一二两三四五六七八九十百千"


def _number(text: str) -> str:
    """A Chinese numeral below 10,000 in digits: by place (二十三 → 23) or spelled (五零二 → 502)."""
    if not any(c in _TENS for c in text):
        return "".join(str(_DIGITS[c]) for c in text)
    total, digit = 0, 0
    for c in text:
        if c in _TENS:
            total += (digit or (1 if not total else 0)) * _TENS[c]
            digit = 0
        else:
            digit = _DIGITS[c]
    return str(total + digit)


_NUMERALS = re.compile(rf"[{_NUMERAL}]+")
_BEFORE_WORD = re.compile(
    rf"[{_NUMERAL}]+(?=号楼|栋|幢|座|单元|室|户|层|楼|号|组|队|社|弄|巷|期|区|街坊|门|号院|#)|(?<=第)[{_NUMERAL}]+|"
    rf"(?<=单元)[{_NUMERAL}]{{2,4}}(?![\u4e00-\u9fff])"
)
_BEFORE_ROAD = re.compile(rf"(?:第)?[{_NUMERAL}]+(?=号?(?:大街|大道|路|街|巷|弄|道|段|条|组|队|社))")
_STRETCH = re.compile(r"^(?P<name>.+?)(?P<kind>大街|大道|街|路)(?P<side>[东西南北中])段$")


def normalize(text: str) -> str:
    """A whole address in one way of writing, for look-ups by text: half-width, simplified, without spaces, remarks in
    brackets or phone numbers, digits for numerals before a level's word, 号楼 for 幢, 栋, 座 and #."""
    body, _ = levels.clean(text)
    body = body.replace(" ", "")
    body = _BEFORE_WORD.sub(lambda m: _number(m[0]), body)
    return re.sub(r"#楼?|栋|幢|座|号楼", "号楼", body)


def _plain(value: str) -> str:
    return _NUMERALS.sub(lambda m: _number(m[0]), value).upper()


def _strip(value: str, words: str) -> str:
    """`value` in digits without the words of its level and leading zeros; itself if nothing is left."""
    bare = re.sub(words, "", _plain(value)).strip("-")
    bare = re.sub(r"(?<![\d])0+(?=\d)", "", bare)
    return bare or value


_STEM = {
    "province": re.compile(r"(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)$"),
    "town": re.compile(r"(?:(?:街道?|地区|镇|乡|苏木)(?:办事处|办)?|办事处|办)$"),
    "community": re.compile(r"(?:社区?|行政|自然|村民|居民)?(?:居委会?|村委会?|民?委员?会|民委|社区|村)?$"),
}
_ZONE_WORDS = re.compile(r"(?:国家级)?(?:经济技术开发|高新技术产业开发|高新技术开发|经济开发|高新|经开|开发)区?$")
_ZONE_KIND = {
    "经济技术开发": "开发",
    "经济开发": "开发",
    "经开": "开发",
    "高新技术产业开发": "高新",
    "高新技术开发": "高新",
}


def _estate_key(value: str) -> str:
    return re.sub(r"(?<=..)(?:住宅小区|居民小区|小区)$", "", value)


@lru_cache(maxsize=65536)
def _key(level: str, value: str) -> str:
    """The one way of writing a level's value, by which it is compared."""
    if level in ("district", "zone"):
        if m := _ZONE_WORDS.search(value):
            kind = m[0].removesuffix("区").removeprefix("国家级")
            return value[: m.start()] + _ZONE_KIND.get(kind, kind)
        return short_name(value)
    if level == "city":
        return short_name(value)
    if level in _STEM:
        stem = _STEM[level].sub("", value)
        if level == "community":
            stem = re.sub(r"(?<=..)村$", "", stem)
        stem = stem if len(stem) >= 2 else value
        return _plain(stem) if level == "community" else stem
    if level == "road":
        value = re.sub(r"(?<=.)(?:村民小组|村小组|村民组|小组)$", "组", value.upper()).replace("小队", "队")
        value = _BEFORE_ROAD.sub(lambda m: _number(m[0].removeprefix("第")), value)
        value = re.sub(r"第(?=\d)", "", value)
        if m := _STRETCH.match(value):
            kind = m["kind"]
            return m["name"] + m["side"] + kind
        return re.sub(r"(?<=\d)号(?=大街|路|街|大道)|(?<=[路街道])辅[路道]$", "", value)
    if level == "road_number":
        return _strip(value.replace("付", "附"), r"第|副(?=\d)|号院|号|院|#|好")
    if level in ("lane", "hamlet", "near", "part"):
        return _plain(value)
    if level == "compound":
        value = _BEFORE_WORD.sub(lambda m: _number(m[0]), value.upper().replace("·", ""))
        return _estate_key(value)
    if level == "section":
        return re.sub("第(?=\\d)", "", _BEFORE_WORD.sub(lambda m: _number(m[0]), value.upper()))
    if level == "building":
        return _strip(value, r"第|号楼|号大楼|号搂|楼座|#楼|幢|栋|座|撞|懂|憧|舍|排|#|号$|楼$")
    if level == "unit":
        return _strip(value, r"第|单元|单无|单位?$|门洞|座|号门|门|梯|号$")
    if level == "floor":
        value = re.sub(r"底层|首层", "1层", value)
        value = re.sub(r"负|地下|^B(?=\d)", "-", value)
        under = value.startswith("-")
        bare = _strip(value.lstrip("-"), r"第|层|楼|搂|F$")
        return f"-{bare}" if under else bare
    return _strip(value, r"办公室|室|号?房间?|号铺|铺|号?店铺?|商位|商铺|号门[面市]房?|户|号$|市$")


_HEAD = (
    "province", "city", "district", "zone", "town", "community", "hamlet",
    "road", "road_number", "lane", "compound", "section", "near",
)  # fmt: skip
_TAIL = ("building", "unit", "floor", "room", "part")
_ORDER = (*_HEAD, *_TAIL)
_Keys = tuple[str, ...]


class Aliases:
    """Other names of roads, compounds, communities and divisions → the name that counts. Data, not code: renamed
    streets, a compound's name by its developer and by the police, villages that became communities."""

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._standard: dict[str, str] = {}
        for other, name in (names or {}).items():
            for level in ("road", "compound", "community", "town", "district", "section"):
                self._standard[_key(level, other)] = _key(level, name)
        self._heads: dict[_Keys, _Keys] = {}

    def apply(self, keys: _Keys) -> _Keys:
        """The keys of a head with standard names."""
        known = self._heads.get(keys)
        if known is None:
            names = self._standard
            known = tuple(
                names.get(k, k) if level in ("road", "compound", "community", "town", "district") else k
                for level, k in zip(_HEAD, keys, strict=True)
            )
            if len(self._heads) > 200_000:
                self._heads.clear()
            self._heads[keys] = known
        return known


_NONE = Aliases()

# The most usual forms can be cut in two without looking at each sign: a head without marks of any kind, then building,
# unit and room in one of the common notations. Both halves recur, so both are remembered.
_USUAL_TAIL = re.compile(
    r"(?<![0-9零〇一二两三四五六七八九十百千第路街道巷弄线段村组东西南北中甲乙丙丁附副A-Za-z-])"
    r"(?:((?:[0-9]{1,3}|[一二三四五六七八九十]{1,4})(?:号楼|幢|栋|座|#楼?)) ?((?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})单元)? ?"
    r"((?:[0-9]{3,4}|[零〇一二三四五六七八九]{3,4})[室户]?)?|([0-9]{1,3})-([0-9]{1,2})-([0-9]{3,4}室?))$"
)
_USUAL_HEAD = re.compile(r"[\u4e00-\u9fff][\u4e00-\u9fff0-9 ]*[\u4e00-\u9fff]")


@lru_cache(maxsize=262144)
def _head_keys(head: str) -> _Keys | None:
    """Keys of a head that has no tail of its own; None if it has one or isn't plain."""
    if not _USUAL_HEAD.fullmatch(head):
        return None
    parts = levels.read(head, in_building=True)
    if any(level in parts.found for level in _TAIL) or levels.clean(head)[0] != head:
        return None
    return tuple(_key(level, parts.found[level]) if level in parts.found else "" for level in _HEAD)


@lru_cache(maxsize=65536)
def _slow_keys(text: str) -> tuple[_Keys, _Keys]:
    found = levels.read(text).found
    keys = {level: _key(level, value) for level, value in found.items()}
    return tuple(keys.get(k, "") for k in _HEAD), tuple(keys.get(k, "") for k in _TAIL)


def _keys(text: str) -> tuple[_Keys, _Keys]:
    """The keys of head and tail of an address."""
    m = _USUAL_TAIL.search(text)
    if m is None:
        text = unicodedata.normalize("NFKC", text)
        m = _USUAL_TAIL.search(text)
    if m is not None:
        head = _head_keys(text[: m.start()].rstrip(" "))
        if head is not None:
            building, unit, room, *groups = m.groups()
            if building is None:
                building, unit, room = groups
            return head, (
                _key("building", building),
                _key("unit", unit) if unit else "",
                "",
                _key("room", room) if room else "",
                "",
            )
    return _slow_keys(text)


# ---- comparison ----------------------------------------------------------------------------------------------------

Verdict = Literal["equal", "compatible", "different", "unknown"]
# Levels that must stand on both sides or on neither for two addresses to be equal. Province and city follow from the
# district; zone, town, community and floor follow from what is below them.
_NEEDED = frozenset((*_HEAD, *_TAIL)) - {"province", "city", "zone", "town", "community", "floor"}


class Comparison(NamedTuple):
    """The verdict, the level that decides it ("" if none), and that level in both addresses in one way of writing.

    `equal`: all that identifies the home stands on both sides and is the same. `compatible`: nothing contradicts, but
    one side lacks `level`. `different`: `level` contradicts. `unknown`: nothing comparable.
    """

    verdict: Verdict
    level: str = ""
    a: str = ""
    b: str = ""

    @property
    def zh(self) -> str:
        word = _WORDS[self.level][0] if self.level else ""
        return {
            "equal": "地址一致",
            "compatible": f"没有矛盾，但有一方没写{word}" + (f"（{self.a or self.b}）" if word else ""),
            "different": f"{word}不同：{self.a}与{self.b}",
            "unknown": "没有可以比较的内容",
        }[self.verdict]

    @property
    def en(self) -> str:
        word = _WORDS[self.level][1] if self.level else ""
        return {
            "equal": "the addresses are equal",
            "compatible": f"nothing contradicts, but one side lacks the {word}"
            + (f" ({self.a or self.b})" if word else ""),
            "different": f"the {word} differs: {self.a} and {self.b}",
            "unknown": "nothing can be compared",
        }[self.verdict]


def compare(a: str, b: str, aliases: Aliases | Mapping[str, str] | None = None) -> Comparison:
    """Compares two addresses level by level. `aliases`: other names of roads, compounds and divisions → the standard
    one (an `Aliases` made once is faster than a mapping)."""
    head_a, tail_a = _keys(a)
    head_b, tail_b = _keys(b)
    known = _NONE if aliases is None else aliases if isinstance(aliases, Aliases) else Aliases(aliases)
    if known is not _NONE:
        head_a, head_b = known.apply(head_a), known.apply(head_b)
    return _compare(head_a, tail_a, head_b, tail_b)


def _whole_estate(head: _Keys) -> str:
    """The compound and its section in one, wherever they were cut."""
    return _estate_key(re.sub(r"第(?=\d)", "", head[_COMPOUND] + head[_SECTION]))


def _compare(head_a: _Keys, tail_a: _Keys, head_b: _Keys, tail_b: _Keys) -> Comparison:
    if head_a[_COMPOUND] != head_b[_COMPOUND] and _whole_estate(head_a) == _whole_estate(head_b):
        # Only cut otherwise: 柳林 西里 and 柳林西里.
        head_b = tuple(head_a[k] if k in (_COMPOUND, _SECTION) else key for k, key in enumerate(head_b))
    if head_a == head_b:
        anchored = _anchored(head_a)
        if tail_a == tail_b:
            return _EQUAL if anchored else _UNKNOWN
        for level, x, y in zip(_TAIL, tail_a, tail_b, strict=True):
            if x != y and x and y:
                return Comparison("different", level, x, y)
    missing: tuple[str, str, str] | None = None
    # Without a room, the floor is what is lived on.
    homeless = not tail_a[_ROOM] and not tail_b[_ROOM]
    # Along a road without numbers, the village is what tells places apart.
    vague = not any(head[k] for head in (head_a, head_b) for k in (_NUMBER, _COMPOUND))
    anchor = False
    left, right = head_a + tail_a, head_b + tail_b
    for level, x, y in zip(_ORDER, left, right, strict=True):
        if x == y:
            anchor = anchor or (bool(x) and level in ("road", "compound", "community"))
        elif x and y:
            return Comparison("different", level, x, y)
        elif missing is None and (
            level in _NEEDED or (level == "floor" and homeless) or (level == "community" and vague)
        ):
            missing = level, x, y
    if not anchor:
        return _UNKNOWN
    if missing is not None:
        return Comparison("compatible", *missing)
    return _EQUAL


_EQUAL, _UNKNOWN = Comparison("equal"), Comparison("unknown")
_ROOM = _TAIL.index("room")
_ROAD, _NUMBER, _COMPOUND, _SECTION, _COMMUNITY = (
    _HEAD.index(k) for k in ("road", "road_number", "compound", "section", "community")
)


def _anchored(head: _Keys) -> bool:
    """Whether a head names a place: a compound, a road or a community."""
    return bool(head[_COMPOUND] or head[_ROAD] or head[_COMMUNITY])


# ---- standard addresses --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard address: its code, text, other texts or names of the same place, and the zone it lies in."""

    code: str
    text: str
    others: tuple[str, ...] = ()
    zone: str = ""


class Match(NamedTuple):
    """The standard address that a text names. `equal`: it alone fits and nothing that identifies it is missing;
    `compatible`: it alone fits, but `level` is missing; `unknown`: none or several fit (`candidates`, at most 8)."""

    verdict: Literal["equal", "compatible", "unknown"]
    standard: Standard | None
    level: str = ""
    candidates: tuple[Standard, ...] = ()

    @property
    def zone(self) -> str:
        return self.standard.zone if self.standard else ""


class Directory:
    """Standard addresses, found by compound, road and number or community. What lies inside a standard address (a house
    in a village, a building in a compound) may stand in the text."""

    def __init__(self, standards: Iterable[Standard], aliases: Aliases | Mapping[str, str] | None = None) -> None:
        self._aliases = aliases if isinstance(aliases, Aliases) else Aliases(aliases)
        self._found: dict[tuple[str, ...], list[tuple[Standard, _Keys, _Keys]]] = {}
        for standard in standards:
            for text in (standard.text, *standard.others):
                head, tail = _keys(text)
                entry = (standard, self._aliases.apply(head), tail)
                for anchor in self._anchors(entry[1]):
                    self._found.setdefault(anchor, []).append(entry)

    @staticmethod
    def _anchors(head: _Keys) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        if head[_COMPOUND]:
            found.append(("compound", head[_COMPOUND]))
        if head[_ROAD] and head[_NUMBER]:
            found.append(("road", head[_ROAD], head[_NUMBER]))
        if head[_COMMUNITY]:
            found.append(("community", head[_COMMUNITY]))
        return found

    def match(self, text: str) -> Match:
        """The one standard address that `text` names or lies in."""
        head, tail = _keys(text)
        head = self._aliases.apply(head)
        best: dict[str, tuple[int, str, Standard]] = {}
        for anchor in self._anchors(head):
            for standard, its_head, its_tail in self._found.get(anchor, ()):
                depth = max(i for i, key in enumerate(its_head) if key)
                last = len(head) - 1
                outer = head if depth == last else (*head[: depth + 1], *([""] * (last - depth - 1)), head[-1])
                kept = tuple(x if y else "" for x, y in zip(tail, its_tail, strict=True))
                result = _compare(outer, kept, its_head, its_tail)
                if result.verdict not in ("equal", "compatible"):
                    continue
                gaps = sum(bool(x) != bool(y) for x, y in zip(outer + kept, its_head + its_tail, strict=True))
                level = result.level if result.verdict == "compatible" else ""
                if standard.code not in best or gaps < best[standard.code][0]:
                    best[standard.code] = gaps, level, standard
        if not best:
            return Match("unknown", None)
        if len(best) > 1:
            whole = [b for b in best.values() if not b[1]]
            if len(whole) != 1:
                some = tuple(b[2] for b in sorted(best.values(), key=lambda b: (b[0], b[2].code)))
                return Match("unknown", None, "", some[:8])
            return Match("equal", whole[0][2])
        ((_, level, standard),) = best.values()
        return Match("compatible" if level else "equal", standard, level)
