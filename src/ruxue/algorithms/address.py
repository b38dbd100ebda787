"""Chinese addresses, names, ID and certificate numbers as people write them: normalize, parse, compare, mask.

Equality is decided by structure, never by similarity. ID numbers follow GB 11643 (check digit ISO 7064 mod 11-2).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TRADITIONAL = str.maketrans("號樓區東單戶園縣莊華國門號", "号楼区东单户园县庄华国门号")
_VARIANTS = str.maketrans(
    {"囯": "国", "圀": "国", "喆": "哲", "堃": "坤", "淼": "渺", "䶮": "龑", "昇": "升", "峯": "峰"}
)
_DOTS = re.compile(r"[·•・．.‧∙⋅]")


def _numeral(text: str) -> int:
    """Chinese numeral below 10,000, positional (二十三) or spelled (五零二)."""
    if not re.search("[十百千]", text):
        return int("".join(str(_DIGITS[c]) for c in text))
    total, digit = 0, 0
    for c in text:
        if c in _DIGITS:
            digit = _DIGITS[c]
        else:
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[c]
            digit = 0
    return total + digit


def normalize(text: str) -> str:
    """One way of writing: half-width, simplified, no spaces, digits for numerals before building, unit and room."""
    text = unicodedata.normalize("NFKC", text).translate(_TRADITIONAL)
    text = re.sub(r"[\s,，。;；()（）]", "", text)
    text = re.sub(r"[—–－―~～_/]", "-", text)
    text = re.sub(
        r"([零〇一二两三四五六七八九十百千]+)(?=(?:号楼|栋|幢|座|单元|室|户|层|楼|号))",
        lambda m: str(_numeral(m[1])),
        text,
    )
    return re.sub(r"#楼?|栋|幢|座|号楼", "号楼", text)


@dataclass(frozen=True)
class Address:
    """Levels of an address; "" where the text does not give one."""

    district: str = ""
    road: str = ""
    road_number: str = ""
    compound: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""


_PLACE = re.compile(
    r"^(?:[^省]{2,4}省)?(?:[^市]{2,4}市)?(?P<district>[^区县市]{2,6}(?:区|县|市))?"
    r"(?:[^街镇乡]{1,6}(?:街道|镇|乡))?(?:[^社村]{1,8}(?:社区|居委会|村委会))?"
    r"(?P<road>[^路街道巷\d]{1,10}(?:路|街|大道|巷))?(?:(?P<road_number>\d+)号(?!楼))?(?P<rest>.*)$"
)
_ROOM = re.compile(
    r"^(?P<compound>.*?)(?:(?P<building>\d+|[A-Za-z]\d*)(?:号楼|-))?(?:(?P<unit>\d+)(?:单元|-))?(?:\d+层)?(?P<room>\d{3,4})?(?:室|户|号)?$"
)


def parse(text: str) -> Address:
    """Splits an address into its levels. Never raises: what is not recognized stays in `compound`."""
    place = _PLACE.match(normalize(text))
    if place is None:
        return Address(compound=normalize(text))
    inner = _ROOM.match(place["rest"])
    part = inner.groupdict() if inner else {"compound": place["rest"]}
    return Address(
        district=place["district"] or "",
        road=place["road"] or "",
        road_number=place["road_number"] or "",
        compound=part.get("compound") or "",
        building=(part.get("building") or "").lstrip("0"),
        unit=(part.get("unit") or "").lstrip("0"),
        room=part.get("room") or "",
    )


Verdict = Literal["equal", "compatible", "different", "unknown"]


def compare(a: str, b: str, aliases: Mapping[str, str] | None = None) -> tuple[Verdict, str]:
    """Verdict and the level that decides it. `aliases` maps roads' and compounds' other names to the standard one.

    "compatible": nothing contradicts, but one side lacks a level; "unknown": nothing can be compared.
    """
    left, right = parse(a), parse(b)
    known = aliases or {}
    missing = ""
    compared = False
    for field in fields(Address):
        x, y = getattr(left, field.name), getattr(right, field.name)
        if not x or not y:
            missing = missing or (field.name if x or y else "")
            continue
        if known.get(x, x) != known.get(y, y):
            return "different", field.name
        compared = compared or field.name in ("road", "compound", "building", "room")
    if not compared:
        return "unknown", ""
    return ("compatible", missing) if missing else ("equal", "")


def normalize_name(name: str) -> str:
    """A name with one kind of dot, no spaces, half-width and simplified where the sign has one simplified form."""
    return _DOTS.sub("·", re.sub(r"\s", "", unicodedata.normalize("NFKC", name)).translate(_TRADITIONAL))


def compare_names(a: str, b: str) -> Literal["equal", "variant", "different"]:
    """ "equal" only for the same signs; "variant" where a dot or a register's substitute sign explains the difference."""
    x, y = normalize_name(a), normalize_name(b)
    if x == y:
        return "equal"
    bare = [n.replace("·", "").replace("吉吉", "哲").translate(_VARIANTS) for n in (x, y)]
    return "variant" if bare[0] == bare[1] else "different"


def differing(a: str, b: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Both texts as (segment, same) pairs, so that a page can mark the signs that differ."""
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if j > i:
            left.append((a[i:j], tag == "equal"))
        if m > k:
            right.append((b[k:m], tag == "equal"))
    return left, right


Certificate = Literal["certificate", "old_certificate", "contract", "unit_number", "unknown"]


def classify_certificate(text: str) -> Certificate:
    """Which paper a number belongs to: families often type a contract's number for a certificate's."""
    value = re.sub(r"\s", "", unicodedata.normalize("NFKC", text))
    if "不动产权第" in value:
        return "certificate"
    if "房权证" in value:
        return "old_certificate"
    if re.fullmatch(r"\d{6}[0-9A-Z]{6}[A-Z]{2}\d{5}[FLQW]\d{8}", value):
        return "unit_number"
    if re.match(r"^(YS|HT|WQ|合同)", value.upper()) or "网签" in value:
        return "contract"
    return "unknown"


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def id_check_digit(first17: str) -> str:
    """The 18th sign of an ID number (GB 11643-1999)."""
    return "10X98765432"[sum(int(d) * w for d, w in zip(first17, _WEIGHTS, strict=True)) % 11]


def valid_id(text: str) -> bool:
    """18 signs, a real date of birth and the right check digit."""
    value = text.strip().upper()
    if not re.fullmatch(r"\d{17}[\dX]", value) or id_check_digit(value[:17]) != value[17]:
        return False
    try:
        return birth_date(value).year >= 1900
    except ValueError:
        return False


def birth_date(id_number: str) -> date:
    """Date of birth in an ID number. Raises ValueError where it is none."""
    return date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))


def sex(id_number: str) -> Literal["M", "F"]:
    return "M" if int(id_number[16]) % 2 else "F"


def mask_name(name: str) -> str:
    """张明 → 张*, 张小明 → 张*明; of a name with ·, the part before it is kept."""
    if "·" in name:
        return name.split("·")[0] + "·*"
    return name[0] + "*" if len(name) <= 2 else name[0] + "*" * (len(name) - 2) + name[-1]


def mask_id(id_number: str) -> str:
    return id_number[:3] + "*" * (len(id_number) - 7) + id_number[-4:]
