"""Labelled pairs of names and of papers' numbers, by kind of difference. Synthetic people."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

_SURNAMES = [
    "王",
    "李",
    "张",
    "刘",
    "陈",
    "杨",
    "赵",
    "黄",
    "周",
    "吴",
    "徐",
    "孙",
    "马",
    "朱",
    "胡",
    "郭",
    "何",
    "高",
    "林",
    "罗",
    "郑",
    "梁",
    "谢",
    "宋",
    "唐",
    "许",
    "韩",
    "冯",
    "邓",
    "曹",
    "欧阳",
    "司马",
    "上官",
    "诸葛",
]
_GIVEN = [
    "伟",
    "芳",
    "娜",
    "秀英",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀兰",
    "霞",
    "平",
    "刚",
    "桂英",
    "子涵",
    "浩宇",
    "欣怡",
    "梓轩",
    "雨桐",
    "一诺",
    "晨曦",
    "俊熙",
    "思远",
    "佳琪",
    "瑞泽",
    "若汐",
    "语嫣",
    "承恩",
    "国强",
    "建华",
    "志远",
    "文博",
    "嘉懿",
    "沐宸",
    "奕辰",
    "诗涵",
    "宇航",
    "梦琪",
    "天佑",
    "博文",
    "雅静",
]
_MINORITY = [
    "买买提·艾力",
    "阿依古丽·吐尔逊",
    "古丽娜·肉孜",
    "帕提曼·艾山",
    "艾尔肯·阿不都",
    "卓玛·央金",
    "巴特尔·哈森",
    "迪丽拜尔·尤努斯",
]
_TRADITIONAL = {
    "伟": "偉",
    "强": "強",
    "军": "軍",
    "国": "國",
    "华": "華",
    "远": "遠",
    "丽": "麗",
    "刚": "剛",
    "张": "張",
    "刘": "劉",
    "陈": "陳",
    "杨": "楊",
    "赵": "趙",
    "吴": "吳",
    "孙": "孫",
    "马": "馬",
    "罗": "羅",
    "郑": "鄭",
    "谢": "謝",
    "许": "許",
    "韩": "韓",
    "冯": "馮",
    "邓": "鄧",
}
_MERGED = {"杰": "傑", "志": "誌", "涂": "塗", "范": "範", "于": "於", "钟": "鐘", "余": "餘", "云": "雲", "后": "後"}
_SUBSTITUTES = ["喆哲", "堃坤", "淼渺", "昇升", "囯国", "濬浚", "犇奔", "甯宁", "邨村"]
# Other signs that sound or look alike: never the same name.
_LOOKALIKES = [
    "涵函",
    "轩宣",
    "伟玮",
    "玮炜",
    "静婧",
    "明铭",
    "宇雨",
    "辰晨",
    "欣新",
    "浩昊",
    "佳嘉",
    "梓子",
    "奕弈弈",
    "宸辰",
    "未末",
    "日曰",
    "己已",
]
_PRIVATE = {"䶮": "\ue863", "䦆": "\ue84f"}
_BEYOND = ["\U0002c3d1", "\U0002b5af", "\U00020087", "\U0002ac06", "\U00030edd"]
_PINYIN = {"䶮": "yan", "喆": "zhe", "堃": "kun", "垚": "yao", "燚": "yi", "犇": "ben"}
_PARTS = {"喆": "吉吉", "淼": "水水水", "犇": "牛牛牛", "垚": "土土土", "堃": "方方土"}


@dataclass(frozen=True)
class Pair:
    kind: str
    a: str
    b: str
    verdict: str


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def names(count: int = 360, seed: int = 1) -> list[Pair]:
    """`count` pairs of names, evenly over the kinds."""
    rng = random.Random(seed)

    def name() -> str:
        return rng.choice(_SURNAMES) + rng.choice(_GIVEN)

    def with_sign(sign: str) -> str:
        return rng.choice(_SURNAMES) + rng.choice(["", "文", "子", "思"]) + sign

    def swap(table: dict[str, str]) -> tuple[str, str]:
        sign = rng.choice([s for s in table if len(s) == 1])
        given = with_sign(sign)
        return given, given.replace(sign, table[sign])

    def spaced() -> tuple[str, str]:
        n = name()
        return n, n[0] + rng.choice([" ", "  ", "\u3000"]) + n[1:]

    def dots() -> tuple[str, str]:
        n = rng.choice(_MINORITY)
        return n, n.replace("·", rng.choice("•・．‧∙⋅."))

    def lookalike() -> tuple[str, str]:
        pair = rng.choice(_LOOKALIKES)
        surname = rng.choice(_SURNAMES)
        return surname + pair[0], surname + pair[1]

    def beyond() -> tuple[str, str]:
        n = with_sign(rng.choice(_BEYOND))
        return n, n

    def beyond_other() -> tuple[str, str]:
        x, y = rng.sample(_BEYOND, 2)
        return "王" + x, "王" + y

    def unreadable() -> tuple[str, str]:
        sign = rng.choice([*_BEYOND, "䶮", "喆"])
        n = with_sign(sign)
        return n, n.replace(sign, rng.choice("?□■〓\uf001"))

    def masked(fits: bool) -> tuple[str, str]:
        surname, given = rng.choice(_SURNAMES[:30]), "小" + rng.choice("明丽华")
        return f"{surname}*{given[1]}", (surname if fits else "钱") + given

    def turned() -> tuple[str, str]:
        surname = rng.choice(_SURNAMES[:30])
        return surname + "文博", surname + "博文"

    def more() -> tuple[str, str]:
        n = name()
        return n, n + "儿"

    def foreign() -> tuple[str, str]:
        n = rng.choice(["John Smith", "Anna Müller", "Kim Minsu"])
        return n, rng.choice([n.upper(), _wide(n)])

    kinds: dict[str, tuple[str, Callable[[], tuple[str, str]]]] = {
        "the same": ("equal", lambda: ((n := name()), n)),
        "spaces": ("equal", spaced),
        "dot's code": ("equal", dots),
        "traditional, one to one": ("equal", lambda: swap(_TRADITIONAL)),
        "private-use code": ("equal", lambda: swap(_PRIVATE)),
        "beyond the basic plane": ("equal", beyond),
        "Latin case and width": ("equal", foreign),
        "traditional, merged": ("variant", lambda: swap(_MERGED)),
        "no dot": ("variant", lambda: ((n := rng.choice(_MINORITY)), n.replace("·", rng.choice(["", " "])))),
        "substitute": ("variant", lambda: swap({p[0]: p[1] for p in _SUBSTITUTES})),
        "unreadable sign": ("variant", unreadable),
        "pinyin for a sign": ("variant", lambda: swap(_PINYIN)),
        "sign in its parts": ("variant", lambda: swap(_PARTS)),
        "masked": ("unknown", lambda: masked(True)),
        "masked, other": ("different", lambda: masked(False)),
        "look-alike": ("different", lookalike),
        "beyond the basic plane, other": ("different", beyond_other),
        "signs turned round": ("different", turned),
        "a sign more": ("different", more),
    }
    makers = list(kinds.items())
    return [Pair((m := makers[i % len(makers)])[0], *m[1][1](), m[1][0]) for i in range(count)]


def papers(count: int = 240, seed: int = 1) -> list[Pair]:
    """`count` pairs of papers' numbers, evenly over the kinds."""
    rng = random.Random(seed)

    def new() -> str:
        place = rng.choice(["潍坊市", "寿光市", "济南市", "青岛市黄岛区", "诸城市", "临朐县"])
        return f"鲁({rng.randint(2016, 2026)}){place}不动产权第{rng.randint(1, 9_999_999):07d}号"

    def old() -> str:
        return f"潍房权证{rng.choice(['奎文', '潍城', '高新', '市属'])}字第{rng.randint(1, 999_999):06d}号"

    def unit() -> str:
        return f"370705{rng.randint(1, 999):03d}{rng.randint(1, 999):03d}GB{rng.randint(1, 99999):05d}F{rng.randint(1, 99_999_999):08d}"

    def writings(number: str) -> tuple[str, str]:
        bare = number.replace("(", "").replace(")", "")
        return number, rng.choice(
            [
                number.replace("(", "（").replace(")", "）"),
                _wide(number),
                bare,
                number.replace("第", " 第 "),
                number[:-1],
                number.replace("(", "〔").replace(")", "〕"),
            ]
        )

    def one_digit(number: str) -> tuple[str, str]:
        at = rng.choice([i for i, c in enumerate(number) if c.isdigit() and i > 7])
        return number, number[:at] + str((int(number[at]) + rng.randint(1, 9)) % 10) + number[at + 1 :]

    def dropped(number: str) -> tuple[str, str]:
        at = rng.choice([i for i, c in enumerate(number) if c.isdigit() and i > 12])
        return number, number[:at] + number[at + 1 :]

    def grouped() -> tuple[str, str]:
        n = unit()
        return n, rng.choice(
            [
                f"{n[:6]} {n[6:12]} {n[12:19]} {n[19:]}",
                f"{n[:6]}-{n[6:12]}-{n[12:19]}-{n[19:]}",
                n.lower(),
                "不动产单元号：" + n,
            ]
        )

    kinds: dict[str, tuple[str, Callable[[], tuple[str, str]]]] = {
        "certificate, other writing": ("equal", lambda: writings(new())),
        "certificate, one digit": ("different", lambda: one_digit(new())),
        "certificate, a digit missing": ("unknown", lambda: dropped(new())),
        "old certificate, other writing": (
            "equal",
            lambda: ((n := old()), rng.choice([_wide(n), n[:-1], n.replace("字", " 字 ")])),
        ),
        "old certificate, one digit": ("different", lambda: one_digit(old())),
        "unit number, other writing": ("equal", grouped),
        "unit number, one digit": ("different", lambda: one_digit(unit())),
        "unit number, a digit missing": ("unknown", lambda: dropped(unit())),
        "contract for certificate": (
            "unknown",
            lambda: (new(), f"HT{rng.randint(2015, 2026)}{rng.randint(1, 9_999_999):07d}"),
        ),
        "old for new": ("unknown", lambda: (new(), old())),
        "serial only": ("unknown", lambda: ((n := new()), n[-8:-1])),
        "booklet's serial": ("unknown", lambda: (new(), f"D37{rng.randint(1, 999_999_999):09d}")),
    }
    makers = list(kinds.items())
    return [Pair((m := makers[i % len(makers)])[0], *m[1][1](), m[1][0]) for i in range(count)]
