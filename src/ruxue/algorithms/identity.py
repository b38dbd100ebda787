"""People's names, ID numbers and the numbers of papers, as families type them and as registers hold them.

A name is equal to another only sign by sign. What may be the same sign in another spelling (a register's substitute for
a rare sign, a merged traditional form, pinyin, a lost dot) is a `variant`: it needs a person or a second identifier,
which an equal ID number is. ID numbers follow GB 11643 (check digit ISO 7064 mod 11-2), unit numbers of real estate
GB/T 37346, unified social credit codes GB 32100.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple

# ---- names ---------------------------------------------------------------------------------------------------------

_DOTS = re.compile(r"[·•・．.‧∙⋅･ᐧ·⸱﹒ꞏ˙。◦●○⁃]")
# Signs that registers and input methods put for one another, besides traditional forms: each line is one sign's family.
_FAMILIES = (
    "国囯圀囻 哲喆悊 坤堃 淼渺 䶮龑 峰峯 昇升陞 叡睿壡 甦苏稣 煇辉晖 旾春 濬浚睿 邨村 菓果 巖岩喦嵒 槑梅 迺乃 竝并並 羣群 眞真 "
    "淸清 靑青 髙高 﨑崎 徳德 恵惠 戸户 説说 録录 査查 産产 衞卫 祎祎袆 犇奔 垚尧 燚焱 冲沖翀 涌湧 泽沢 荣栄 桜樱 広广 斉齐 辺边 "
    "晳皙 凃涂 甯宁寗 仝同 仴玥 晄晃 吿告 勲勋 靖竫 凉涼 决決 况況 净淨 兖兗 喜囍憙 琊玡 瑠琉 逹达 亊事 㑇㑳 "
    "珏玨 瑶瑤 啓启啟 彦彥 颜顏 赟贇 碁棋 䴙鸊 镕熔鎔 强強彊 恒恆 略畧 够夠 韵韻 鹅鵝鵞"
)
# Spelled out of its parts where the sign can't be typed.
_SPELLED = {
    "吉吉": "喆",
    "水水水": "淼",
    "火火火": "焱",
    "火火火火": "燚",
    "土土土": "垚",
    "金金金": "鑫",
    "木木木": "森",
    "牛牛牛": "犇",
    "石石石": "磊",
    "日日日": "晶",
    "方方土": "堃",
    "龙天": "䶮",
    "龍天": "䶮",
    "王韦": "玮",
    "王宁": "𤩽",
    "王英": "瑛",
    "火华": "烨",
    "日华": "晔",
    "羽中": "翀",
    "王月": "玥",
    "王民": "珉",
    "竹均": "筠",
    "王其": "琪",
    "王炎": "琰",
    "火玄": "炫",
    "女亭": "婷",
    "草泽": "𦶜",
    "水令": "泠",
}
_UNREADABLE = re.compile(r"[\ue000-\uf8ff\U000f0000-\U0010fffd?？□■〓�☐◻]")
_LATIN = re.compile(r"[a-zü:āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ]+[1-5]?")
_MASK = re.compile(r"[*＊×]")


@cache
def _signs() -> tuple[dict[int, int], dict[int, int], dict[int, str]]:
    """Translation tables: traditional → simplified where one to one; merged ones; the private-use codes of GBK, which
    hold signs that Unicode has given codes since (GB 18030-2022, table of the double-byte region FE50-FEA0)."""
    one, merged = (
        str.maketrans(*line.split("\t")[1:])
        for line in files("ruxue.algorithms").joinpath("data/traditional.tsv").read_text(encoding="utf-8").splitlines()
    )
    bytes_ = [*range(0x50, 0x7F), *range(0x80, 0xA1)]
    private = {0xE815 + i: bytes([0xFE, b]).decode("gb18030") for i, b in enumerate(bytes_)}
    private |= {
        0xE816: "\U00020087",
        0xE817: "\U00020089",
        0xE818: "\U000200cc",
        0xE81E: "\u9fb4",
        0xE826: "\u9fb5",
        0xE82B: "\u9fb6",
        0xE82C: "\u9fb7",
        0xE831: "\U000215d7",
        0xE832: "\u9fb8",
        0xE83B: "\U0002298f",
        0xE843: "\u9fb9",
        0xE854: "\u9fba",
        0xE855: "\U000241fe",
        0xE864: "\u9fbb",
    }
    return one, merged, private


@cache
def _families() -> dict[str, frozenset[int]]:
    """A sign → the families of substitutes that it stands in."""
    found: dict[str, set[int]] = {}
    for n, family in enumerate(" ".join(_FAMILIES.split()).split()):
        for sign in family:
            found.setdefault(sign, set()).add(n)
    return {k: frozenset(v) for k, v in found.items()}


def simplify(text: str) -> str:
    """Simplified forms for all traditional signs, merged ones too, if the text is written in traditional signs at all:
    a lone 於 is a sign of its own. 乾 stays: it stands in names of counties."""
    one, merged, _ = _signs()
    plain = text.translate(one)
    return plain if plain == text else plain.translate({**merged, ord("乾"): "乾"})


@lru_cache(maxsize=65536)
def normalize_name(name: str) -> str:
    """A name with one kind of dot, no spaces, half-width, Latin letters in lower case, and simplified where the sign
    has one simplified form that no other sign shares."""
    one, _, private = _signs()
    name = unicodedata.normalize("NFKC", name.translate(private)).translate(one)
    return (
        _DOTS.sub("·", re.sub(r"[\s\u200b-\u200f\ufe00-\ufe0f\U000e0100-\U000e01ef\ufeff]", "", name))
        .strip("·")
        .lower()
    )


Kind = Literal[
    "same", "writing", "dot", "substitute", "traditional", "spelled", "pinyin", "unreadable", "masked", "empty", "other"
]
_KINDS: dict[str, tuple[str, str]] = {
    "same": ("完全一致", "the same signs"),
    "writing": (
        "仅全角、空格、间隔号或繁体写法不同",
        "only width, spaces, the dot's code or a traditional form differ",
    ),
    "dot": ("间隔号有无不同", "one has a dot, the other none"),
    "substitute": ("可能是生僻字的替代字", "one sign may stand for the other, a rare one"),
    "traditional": (
        "可能是繁简写法，但该繁体字也可单独成字",
        "may be a traditional form, but of a sign that is shared",
    ),
    "spelled": ("可能把一个生僻字拆成几个字", "one sign may be spelled out of its parts"),
    "pinyin": ("用拼音代替了一个字", "pinyin stands for a sign"),
    "unreadable": ("有一个字在来源系统中无法显示", "a sign is unreadable in the source"),
    "masked": ("姓名被隐去部分", "a name is masked"),
    "empty": ("没有姓名", "no name"),
    "other": ("姓名不同", "the names differ"),
}


class NameMatch(NamedTuple):
    """`equal`; `variant` (a person or a second identifier decides); `different`; `unknown` (nothing to compare)."""

    verdict: Literal["equal", "variant", "different", "unknown"]
    kind: Kind

    @property
    def zh(self) -> str:
        return _KINDS[self.kind][0]

    @property
    def en(self) -> str:
        return _KINDS[self.kind][1]


@lru_cache(maxsize=65536)
def compare_names(a: str, b: str) -> NameMatch:
    """Compares two names sign by sign."""
    x, y = normalize_name(a), normalize_name(b)
    if not x or not y:
        return NameMatch("unknown", "empty")
    if x == y:
        if _UNREADABLE.search(x):
            return NameMatch("variant", "unreadable")
        if _MASK.search(x):
            return NameMatch("unknown", "masked")
        return NameMatch("equal", "same" if a == b else "writing")
    if _MASK.search(x) or _MASK.search(y):
        return _masked(x, y)
    _, merged, _ = _signs()
    kind: Kind = "dot"
    p, q = x.replace("·", ""), y.replace("·", "")
    if p == q:
        return NameMatch("variant", kind)
    for plain in (p, q):
        if not plain:
            return NameMatch("unknown", "empty")
    if len(p) == len(q) and not (p.isascii() or q.isascii()):
        kind = "substitute"
        for s, t in zip(p, q, strict=True):
            if s == t:
                continue
            if _UNREADABLE.match(s) or _UNREADABLE.match(t):
                kind = "unreadable"
            elif s.translate(merged) == t.translate(merged):
                kind = "traditional"
            elif not _families().get(s, frozenset()) & _families().get(t, frozenset()):
                break
        else:
            return NameMatch("variant", kind)
    if _spelled(p) == _spelled(q) or _spelled(p) == q or p == _spelled(q):
        return NameMatch("variant", "spelled")
    if _pinyin_stands(p, q) or _pinyin_stands(q, p):
        return NameMatch("variant", "pinyin")
    return NameMatch("different", "other")


def _masked(x: str, y: str) -> NameMatch:
    """张*明 may be 张小明 and can't be 李小明."""
    if _MASK.search(y):
        x, y = y, x
    if _MASK.search(y) or "·" in x:
        return NameMatch("unknown", "masked")
    fits = re.fullmatch(_MASK.sub(".", re.escape(x).replace(r"\*", "*")), y)
    return NameMatch("unknown", "masked") if fits else NameMatch("different", "other")


def _spelled(name: str) -> str:
    """A rare sign written as its parts, also in brackets, put together again; what merely can be read so is kept."""
    bare = re.sub(r"[()+\[\]⿰⿱]", "", name)
    for parts, sign in sorted(_SPELLED.items(), key=lambda e: -len(e[0])):
        bare = bare.replace(parts, sign)
    return bare


def _pinyin_stands(latin: str, name: str) -> bool:
    """Whether `latin` is `name` with one sign put in pinyin: 王yan and 王䶮."""
    m = _LATIN.search(latin)
    if not m or m[0] == latin or len(latin) - len(m[0]) + 1 != len(name):
        return False
    at = m.start()
    if latin[:at] != name[:at] or latin[m.end() :] != name[at + 1 :]:
        return False
    from pypinyin import Style, pinyin

    said = re.sub(r"[1-5:]", "", unicodedata.normalize("NFD", m[0].replace("ü", "v")))
    said = "".join(c for c in said if not unicodedata.combining(c))
    return said in {s.replace("ü", "v") for s in pinyin(name[at], style=Style.NORMAL, heteronym=True)[0]}


class PersonMatch(NamedTuple):
    """Whether two records are one person: `same`, `different`, or `needs_person` (somebody looks at it)."""

    verdict: Literal["same", "different", "needs_person"]
    zh: str
    en: str


def same_person(name_a: str, id_a: str, name_b: str, id_b: str) -> PersonMatch:
    """Decides identity by ID number and name together. A name alone never identifies: there are many of one name."""
    names = compare_names(name_a, name_b)
    left, right = long_id(id_a), long_id(id_b)
    if not left or not right:
        if names.verdict == "different":
            return PersonMatch("different", "姓名不同", "the names differ")
        return PersonMatch(
            "needs_person", "缺少证件号码，不能只凭姓名认定", "no ID number; a name alone does not identify"
        )
    if left != right:
        return PersonMatch("different", "证件号码不同", "the ID numbers differ")
    if not valid_id(left):
        return PersonMatch("needs_person", "证件号码校验不通过", "the ID number fails its check")
    if names.verdict in ("equal", "variant"):
        return PersonMatch("same", f"证件号码一致；姓名{names.zh}", f"the ID numbers are equal; names: {names.en}")
    return PersonMatch("needs_person", f"证件号码一致，但{names.zh}", f"the ID numbers are equal, but: {names.en}")


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


def mask_name(name: str) -> str:
    """张明 → 张*, 张小明 → 张*明; of a name with ·, the part before it is kept."""
    if "·" in name:
        return name.split("·")[0] + "·*"
    return name[0] + "*" if len(name) <= 2 else name[0] + "*" * (len(name) - 2) + name[-1]


# ---- ID numbers ----------------------------------------------------------------------------------------------------

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def id_check_digit(first17: str) -> str:
    """The 18th sign of an ID number (GB 11643-1999)."""
    return "10X98765432"[sum(int(d) * w for d, w in zip(first17, _WEIGHTS, strict=True)) % 11]


def valid_id(text: str) -> bool:
    """18 signs, a real date of birth and the right check digit."""
    value = text.strip().upper()
    if not re.fullmatch(r"\d{17}[\dX]", value, re.ASCII) or id_check_digit(value[:17]) != value[17]:
        return False
    try:
        return birth_date(value).year >= 1900
    except ValueError:
        return False


def long_id(text: str) -> str:
    """The number half-width without spaces, 15 digits of before 1999 made 18; "" if nothing was given."""
    value = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()
    if re.fullmatch(r"\d{15}", value, re.ASCII):
        first = value[:6] + "19" + value[6:]
        return first + id_check_digit(first)
    return value


def birth_date(id_number: str) -> date:
    """Date of birth in an ID number. Raises ValueError where it is none."""
    return date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))


def sex(id_number: str) -> Literal["M", "F"]:
    return "M" if int(id_number[16]) % 2 else "F"


Permit = Literal["hk", "macau", "taiwan", "foreign"]
_PERMITS: dict[str, Permit] = {"81": "hk", "82": "macau", "83": "taiwan"}


def permit_of(id_number: str) -> Permit | None:
    """Whose permit a number of 18 signs is, where it is none of a resident ID card.

    Residence permits for residents of Hong Kong, Macau and Taiwan carry 810000, 820000 or 830000 in place of a county
    (State Council, 2018), permanent residence cards of foreigners a leading 9 (National Immigration Administration,
    since December 2023). Day of birth, sex and check digit stand where GB 11643 has them.
    """
    return "foreign" if id_number[:1] == "9" else _PERMITS.get(id_number[:2])


def mask_id(id_number: str) -> str:
    return id_number[:3] + "*" * (len(id_number) - 7) + id_number[-4:]


# ---- numbers of papers ---------------------------------------------------------------------------------------------

PaperKind = Literal[
    "certificate",
    "registration_proof",
    "old_certificate",
    "land_certificate",
    "contract",
    "lease",
    "presale_permit",
    "unit_number",
    "sheet_number",
    "id_number",
    "credit_code",
    "unknown",
]
_PAPERS: dict[str, tuple[str, str]] = {
    "certificate": ("不动产权证书号", "a real-estate certificate's number"),
    "registration_proof": (
        "不动产登记证明号（预告、抵押等）",
        "a registration proof's number (advance notice, mortgage)",
    ),
    "old_certificate": ("旧版房屋所有权证号", "an old house certificate's number"),
    "land_certificate": ("土地使用证号", "a land-use certificate's number"),
    "contract": ("购房合同备案号", "a filed sale contract's number"),
    "lease": ("租赁合同备案号", "a filed lease's number"),
    "presale_permit": ("商品房预售许可证号", "a presale permit's number"),
    "unit_number": ("不动产单元号", "a real-estate unit's number"),
    "sheet_number": ("证书封皮上的印制编号", "the serial printed on the booklet"),
    "id_number": ("身份证号码", "an ID card's number"),
    "credit_code": ("统一社会信用代码", "a unified social credit code"),
    "unknown": ("无法识别的号码", "an unrecognized number"),
}
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_CERTIFICATE = re.compile(
    rf"(?P<province>[{_PROVINCES}])?\(?(?P<year>\d{{2,4}})?\)?年?(?P<place>[^\d()]*?)(?P<word>不动产(?:权证书|权证|权|证明))(?:第|字第|字|号)*"
    r"(?P<serial>[0-9OoIl]*)号?$"
)
_OLD = re.compile(
    r"^(?P<place>.*?)(?P<word>房屋?所有权证|房地?产?权证|房地证|房产证|房权|房字)(?P<mid>.*?)(?:第)?(?P<serial>[A-Za-z]*\d[\d-]*)号?$"
)
_OLD_SHANGHAI = re.compile(r"^沪?房地(?P<mid>[\u4e00-\u9fff]{1,2})字?\(?\d{4}\)?第?(?P<serial>\d{5,6})号?$")
_UNIT = re.compile(
    r"(?P<county>\d{6})(?P<zone>\d{6})(?P<parcel>[A-Z]{2})(?P<no>\d{5})(?P<kind>[FLQW])(?P<part>\d{8})", re.ASCII
)


class Paper(NamedTuple):
    """What a number is. `number` is its one way of writing; `slips` says in both languages what looks mistyped, and is
    empty for a well-formed number."""

    kind: PaperKind
    number: str
    slips: tuple[tuple[str, str], ...] = ()

    @property
    def zh(self) -> str:
        return _PAPERS[self.kind][0]

    @property
    def en(self) -> str:
        return _PAPERS[self.kind][1]


@lru_cache(maxsize=65536)
def read_paper(text: str) -> Paper:
    """Recognizes the number of a paper and names the likely slip. Never raises."""
    value = re.sub(r"[\s_:,，。、]", "", unicodedata.normalize("NFKC", simplify(text)))
    value = value.translate(str.maketrans("[]【】〔〕{}<>《》「」", "()()()()()()()"))
    value = re.sub(r"^(?:房产证|不动产证|产权证|证书?|合同|备案)?(?:编?号|号码)(?=[^\d])", "", value)
    upper = value.upper()
    bare = re.sub(r"[-.]", "", upper)
    if re.fullmatch(r"\d{17}[\dX]", upper, re.ASCII) and valid_id(upper):
        return Paper("id_number", upper, ((_SAY_ID),))
    if re.fullmatch(r"9[1-3]\d{6}[0-9A-HJ-NP-RTUWXY]{10}", upper, re.ASCII):
        return Paper("credit_code", upper, (_SAY_CREDIT,))
    if "预售" in value or "房预" in value:
        return Paper("presale_permit", value, (_SAY_PRESALE,))
    if "租赁" in value or "租备" in value or re.match(r"(?:ZL|FWZL)[-\d]", upper):
        return Paper("lease", upper, (_SAY_LEASE,))
    if re.match(r"(?:YS|HT|WQ|SPF|BA)[-\d]", upper) or re.search(r"网签|合同|备案", value):
        return Paper("contract", upper, (_SAY_CONTRACT,))
    if "不动产单元" in value:
        return read_paper(re.sub(r".*?([0-9A-Za-z][0-9A-Za-z-]+)$", r"\1", value))
    if "不动产" in value and (m := _CERTIFICATE.search(value)):
        return _certificate(m)
    if "国用" in value or "集用" in value or "土地使用" in value:
        return Paper("land_certificate", value, (_SAY_LAND,))
    if (m := _OLD_SHANGHAI.match(value)) or (m := _OLD.match(value)):
        serial = m["serial"].upper()
        return Paper(
            "old_certificate",
            value if value.endswith("号") else value + "号",
            () if len(serial) >= 3 else (_SAY_SHORT,),
        )
    if (unit := _unit(bare)) is not None:
        return unit
    if re.fullmatch(r"(?:NO|N0|[A-Z])?\d{11}", bare):
        return Paper("sheet_number", bare, (_SAY_SHEET,))
    if re.fullmatch(r"20\d{8,16}", bare):
        return Paper("contract", bare, (_SAY_CONTRACT,))
    if re.fullmatch(r"\d{7}", bare):
        return Paper("unknown", bare, (_SAY_SERIAL,))
    return Paper("unknown", value, (_SAY_UNKNOWN,))


_SAY_ID = ("这是身份证号码，请填写证书上的编号", "this is an ID card's number; give the certificate's")
_SAY_CREDIT = ("这是统一社会信用代码，不是房产证号", "this is a unified social credit code, not a certificate's number")
_SAY_PRESALE = ("这是开发商的预售许可证号，请填写您自己的证书或合同号", "this is the developer's presale permit")
_SAY_LEASE = ("这是租赁备案号，请在“租房”一项填写", "this is a filed lease's number")
_SAY_CONTRACT = ("这是购房合同备案号；还没有房产证时请选“购房合同”", "this is a filed contract's number")
_SAY_LAND = ("这是土地使用证号，请填写房产证号", "this is a land-use certificate's number")
_SAY_SHEET = ("这是证书封皮上的印制编号，请填写“不动产权第……号”", "this is the serial printed on the booklet")
_SAY_SERIAL = (
    "只有七位顺序号，缺少省简称、年份和地名，如“鲁(2019)潍坊市不动产权第0000001号”",
    "only the seven-digit serial; province, year and place are missing",
)
_SAY_SHORT = ("证号的数字太短，可能少了几位", "the serial is too short; digits are missing")
_SAY_UNKNOWN = ("无法识别，请对照证书重新填写", "not recognized; compare it with the paper")


def _certificate(m: re.Match[str]) -> Paper:
    slips: list[tuple[str, str]] = []
    proof = m["word"] == "不动产证明"
    serial = m["serial"].upper().translate(str.maketrans("OIL", "011"))
    if serial != m["serial"]:
        slips.append(("顺序号里的字母O、I应为数字0、1", "letters O or I stand for the digits 0 or 1"))
    if not m["province"]:
        slips.append(("缺少省简称，如“鲁”", "the province's sign, such as 鲁, is missing"))
    year = m["year"] or ""
    if not year:
        slips.append(("缺少年份", "the year is missing"))
    elif len(year) != 4 or not 2015 <= int(year) <= 2099:
        slips.append(("年份应为2015年以后的四位数", "the year must have four digits, from 2015 on"))
    if not m["place"]:
        slips.append(("缺少市县名", "the city's or county's name is missing"))
    if not serial:
        slips.append(("“第”后缺少顺序号", "the serial after 第 is missing"))
    elif len(serial) < 7:
        slips.append(
            (
                f"“第”后应有七位数字，少了{7 - len(serial)}位",
                f"{7 - len(serial)} of the seven digits after 第 are missing",
            )
        )
    elif len(serial) > 7:
        slips.append((f"“第”后应有七位数字，多了{len(serial) - 7}位", f"{len(serial) - 7} digits too many after 第"))
    word = "不动产证明" if proof else "不动产权"
    number = f"{m['province'] or ''}({year}){m['place']}{word}第{serial}号"
    if proof:
        slips.insert(
            0, ("这是不动产登记证明，不是产权证书", "this is a registration proof, not a certificate of ownership")
        )
    return Paper("registration_proof" if proof else "certificate", number, tuple(slips))


def _unit(bare: str) -> Paper | None:
    """A unit's number (GB/T 37346): county 6, cadastral zone 3, sub-zone 3, parcel's feature 2 letters, parcel 5, fixture's
    feature 1 letter, fixture 8; None if the text isn't meant as one."""
    if _UNIT.fullmatch(bare):
        return Paper("unit_number", bare)
    if not 22 <= len(bare) <= 34 or not re.match(r"\d{6}", bare) or not re.fullmatch(r"[0-9A-Z]+", bare):
        return None
    parcel = re.search(r"(?<=\d)[A-Z]{2}(?=[\dOIL])", bare[6:])
    if not parcel:
        return None
    slips: list[tuple[str, str]] = []
    first, rest = bare[: 6 + parcel.start()], bare[6 + parcel.end() :]
    fixture = re.search(r"[FLQW](?=[\dOIL]{4,})", rest)

    def count(piece: str, wanted: int, after_zh: str, after_en: str) -> None:
        if re.search(r"[OIL]", piece):
            slips.append((f"{after_zh}有字母O、I，应为数字0、1", f"letters O or I {after_en} stand for digits"))
        if len(piece) < wanted:
            slips.append(
                (f"{after_zh}少了{wanted - len(piece)}位数字", f"{wanted - len(piece)} digits are missing {after_en}")
            )
        elif len(piece) > wanted:
            slips.append(
                (f"{after_zh}多了{len(piece) - wanted}位数字", f"{len(piece) - wanted} digits too many {after_en}")
            )

    count(first, 12, f"“{parcel[0]}”之前", f"before {parcel[0]}")
    if fixture:
        count(rest[: fixture.start()], 5, f"“{parcel[0]}”之后", f"after {parcel[0]}")
        count(rest[fixture.end() :], 8, f"“{fixture[0]}”之后", f"after {fixture[0]}")
    else:
        slips.append(("缺少定着物特征码（F、L、Q或W）", "the fixture's letter (F, L, Q or W) is missing"))
    return Paper("unit_number", bare, tuple(slips))


class PaperMatch(NamedTuple):
    """`equal`, `different`, or `unknown` (of different kinds, or one of them not well-formed)."""

    verdict: Literal["equal", "different", "unknown"]
    zh: str
    en: str


def compare_papers(a: str, b: str) -> PaperMatch:
    """Compares two numbers of papers, sign by sign after writing both in one way."""
    x, y = read_paper(a), read_paper(b)
    if x.kind == "unknown" or y.kind == "unknown":
        return PaperMatch("unknown", "有一个号码无法识别", "one of the numbers isn't recognized")
    if x.kind != y.kind:
        return PaperMatch("unknown", f"一个是{x.zh}，一个是{y.zh}", f"one is {x.en}, the other {y.en}")
    if x.number == y.number:
        return PaperMatch("equal", "号码一致", "the numbers are equal")
    slips = [s for s in (*x.slips, *y.slips) if s not in (_SAY_ID, _SAY_CONTRACT)]
    if slips:
        return PaperMatch("unknown", slips[0][0], slips[0][1])
    return PaperMatch("different", "号码不同", "the numbers differ")
