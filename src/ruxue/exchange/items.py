"""The contract of the exchange: six departments, 18 data items, one envelope.

One catalogue serves both sides: the platform's connectors and the simulated departments are made from it.
Source: regulation on government data sharing in force 2025-08-01 (one source per datum, catalogue with legal
basis); the reconstruction of the 18 items that `docs/exchange.md` explains.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field

PURPOSE = "RX-YWJY"  # compulsory-school enrollment


class Code(IntEnum):
    """Result codes of every answer."""

    OK = 0
    NO_RECORD = 1
    AMBIGUOUS = 2
    BUSY = 3
    REFUSED = 4


class Match(StrEnum):
    YES = "Y"
    NO = "N"
    UNKNOWN = "U"


class Department(StrEnum):
    PUBLIC_SECURITY = "PS"
    NATURAL_RESOURCES = "NR"
    HOUSING = "HC"
    HUMAN_RESOURCES = "HR"
    MARKET_REGULATION = "MR"
    EDUCATION = "ED"


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Query(Record):
    """One question to one department about one person or thing."""

    request_id: str
    item: str
    app_no: str
    purpose_code: str = PURPOSE
    legal_basis: str
    consent_id: str
    operator: Literal["system", "user"] = "system"
    timestamp: datetime
    mode: Literal["verify", "fetch"] = "verify"
    keys: dict[str, Any] = Field(default_factory=dict, description="what identifies the record asked for")
    claim: dict[str, Any] = Field(default_factory=dict, description="what the family says, to be compared")


class Answer(Record):
    """What the department says. `fields` holds only what the item may disclose; `compared` is Y/N/U per claim."""

    request_id: str
    item: str
    code: Code
    match: Match
    compared: dict[str, Match] = Field(default_factory=dict)
    fields: dict[str, Any] = Field(default_factory=dict)
    as_of: date | None = None
    source_system: str
    trace_no: str
    sign: str = ""


class Batch(Record):
    queries: list[Query] = Field(max_length=200)


class BatchAnswer(Record):
    answers: list[Answer]


# ── fields of the answers, by item ────────────────────────────────────────────────────────────────────────────


class PS1Fields(Record):
    sex: Literal["M", "F"]
    born_on: date
    alive: bool


class PS2Fields(Record):
    household_no: str
    kind: Literal["family", "collective"]
    region: str = Field(description="county code, GB/T 2260, or the functional zone's own code")
    address: str
    address_code: str | None = Field(description="code of the standard address (PS5), if linked")
    entered_on: date
    entered_by_birth: bool
    status: Literal["current", "moved_out", "cancelled"]


class Member(Record):
    name_masked: str
    relation: str = Field(description="to the head of household, GB/T 4761")
    id_digest: str = Field(description="SHA-256 of the ID number, hex: lets a claim be compared, not read")


class PS3Fields(Record):
    same_household: bool
    kinship: Literal["parent", "grandparent", "other", "none"] = Field(
        description="how the person in `guardian_id` is related to the child by the register"
    )
    head_masked: str
    members: list[Member]


class PS4Fields(Record):
    permit_no: str
    first_issued_on: date
    last_endorsed_on: date
    expires_on: date
    address: str
    region: str
    unbroken_months: int


class PS5Fields(Record):
    address_code: str
    canonical: str
    aliases: list[str]
    community: str
    lng: float
    lat: float


class Owner(Record):
    name_masked: str
    id_digest: str
    share_bp: int = Field(description="share in basis points of the whole")


class Right(Record):
    unit_no: str = Field(description="28 characters")
    certificate_no: str
    location: str
    address_code: str | None
    use: str
    area_cm2: int
    co_ownership: Literal["sole", "joint", "shares"]
    owners: list[Owner]
    registered_on: date
    status: Literal["current", "historic"]
    restrictions: list[str] = Field(default_factory=list)


class NR1Fields(Record):
    rights: list[Right]


class NR2Fields(Record):
    unit_no: str
    certificate_type: Literal["new", "old"]
    status: Literal["current", "historic"]
    location: str
    address_code: str | None
    registered_on: date
    owners: list[Owner]
    use: str


class NR3Fields(Record):
    count_by_region: dict[str, int]


class NR4Fields(Record):
    parcel_code: str
    building_no: str
    address_code: str
    lng: float
    lat: float


class HC1Fields(Record):
    contract_no: str
    filed_on: date
    project: str
    location: str
    address_code: str | None
    use: str
    buyers: list[Owner]
    delivered_on: date | None
    status: Literal["valid", "cancelled", "registered"]
    unit_no: str | None


class HC2Fields(Record):
    filing_no: str
    landlord_masked: str
    sole: bool
    address_code: str | None
    location: str
    starts_on: date
    ends_on: date
    filed_on: date
    status: Literal["valid", "ended", "cancelled"]
    unbroken_months: int


class HC3Fields(Record):
    kind: Literal["public_rental", "resettlement"]
    agreement_no: str
    original_address: str
    original_address_code: str | None
    present_address: str | None
    present_address_code: str | None
    signed_on: date
    status: Literal["valid", "ended"]


class HR1Fields(Record):
    region: str
    first_month: str = Field(description="YYYY-MM")
    last_month: str
    unbroken_months: int
    cumulative_months: int
    back_paid_months: int
    status: Literal["paying", "stopped"]


class HR2Fields(Record):
    region: str
    starts_on: date
    ends_on: date | None
    kind: Literal["contract", "flexible"]
    status: Literal["current", "ended"]


class MR1Fields(Record):
    uscc: str
    region: str
    registered_on: date
    status: Literal["active", "cancelled", "revoked"]


class MR2Fields(Record):
    uscc: str
    role: Literal["legal_representative", "shareholder", "partner"]
    region: str
    registered_on: date
    status: Literal["active", "cancelled", "revoked"]


class ED1Fields(Record):
    register_no: str
    school_code: str
    grade: int
    stage: Literal["primary", "junior"]
    status: Literal["in_school", "graduated", "left"]


class ED2Fields(Record):
    locked: bool
    school_code: str | None
    stage: Literal["primary", "junior"] | None
    start_year: int | None
    unlock_year: int | None
    same_parents: bool | None


@dataclass(frozen=True)
class Item:
    """One entry of the catalogue.

    `keys` identify the record; `claims` are what may be compared; `aggregate` items also answer counts.
    """

    code: str
    department: Department
    zh: str
    en: str
    keys: tuple[str, ...]
    claims: tuple[str, ...]
    fields: type[Record]
    purpose_zh: str
    purpose_en: str
    legal_basis: str
    freshness_days: int


_LAW = "义务教育法第十二条；政务数据共享条例"
D = Department

CATALOGUE: dict[str, Item] = {
    i.code: i
    for i in (
        Item(
            "PS1",
            D.PUBLIC_SECURITY,
            "人口基本信息核验",
            "identity",
            ("name", "id"),
            ("name",),
            PS1Fields,
            "核对姓名和身份证号码是否一致",
            "to check that name and ID number belong together",
            _LAW,
            30,
        ),
        Item(
            "PS2",
            D.PUBLIC_SECURITY,
            "户籍信息",
            "household register",
            ("id",),
            ("name", "region", "address"),
            PS2Fields,
            "核对户口所在地和落户时间",
            "to check where the hukou is and since when",
            _LAW,
            7,
        ),
        Item(
            "PS3",
            D.PUBLIC_SECURITY,
            "户籍关系",
            "household relation",
            ("child_id", "guardian_id"),
            ("same_household", "relation"),
            PS3Fields,
            "核对孩子与监护人是否在同一户口簿",
            "to check that child and guardian are in one household book",
            _LAW,
            7,
        ),
        Item(
            "PS4",
            D.PUBLIC_SECURITY,
            "居住证",
            "residence permit",
            ("name", "id"),
            ("region",),
            PS4Fields,
            "核对居住证和居住时长",
            "to check the residence permit and for how long",
            _LAW,
            7,
        ),
        Item(
            "PS5",
            D.PUBLIC_SECURITY,
            "标准地址",
            "standard address",
            ("address",),
            (),
            PS5Fields,
            "把不同写法的地址对应到同一处",
            "to see that two spellings of an address are one place",
            _LAW,
            90,
        ),
        Item(
            "NR1",
            D.NATURAL_RESOURCES,
            "不动产权登记（按权利人）",
            "property register by owner",
            ("name", "id"),
            ("address_code",),
            NR1Fields,
            "核对您家在片区内的住房",
            "to check your home in the zone",
            _LAW,
            7,
        ),
        Item(
            "NR2",
            D.NATURAL_RESOURCES,
            "不动产权证核验（按证号）",
            "property certificate by number",
            ("certificate_no", "name", "id"),
            ("certificate_no", "name", "address_code"),
            NR2Fields,
            "按证号核对房产证",
            "to check a property certificate by its number",
            _LAW,
            7,
        ),
        Item(
            "NR3",
            D.NATURAL_RESOURCES,
            "无房核验",
            "no-dwelling check",
            ("ids", "regions"),
            (),
            NR3Fields,
            "核对家庭在规定区域内有无住房（只返回套数）",
            "to check whether the family owns a dwelling in the area (a count only)",
            _LAW,
            7,
        ),
        Item(
            "NR4",
            D.NATURAL_RESOURCES,
            "不动产坐落空间信息",
            "location of a property",
            ("unit_no",),
            (),
            NR4Fields,
            "确定住房属于哪个片区",
            "to see which zone a home lies in",
            _LAW,
            90,
        ),
        Item(
            "HC1",
            D.HOUSING,
            "商品房网签备案合同",
            "filed sale contract",
            ("name", "id"),
            ("contract_no", "address_code"),
            HC1Fields,
            "未办证时核对购房合同",
            "to check the purchase contract where there is no certificate yet",
            _LAW,
            7,
        ),
        Item(
            "HC2",
            D.HOUSING,
            "房屋租赁登记备案",
            "filed lease",
            ("name", "id"),
            ("filing_no", "address_code"),
            HC2Fields,
            "核对租房备案",
            "to check the filed lease",
            _LAW,
            7,
        ),
        Item(
            "HC3",
            D.HOUSING,
            "保障房/拆迁安置",
            "public or resettlement housing",
            ("name", "id"),
            ("agreement_no", "address_code"),
            HC3Fields,
            "核对拆迁安置协议或公租房",
            "to check a resettlement agreement or public rental",
            _LAW,
            7,
        ),
        Item(
            "HR1",
            D.HUMAN_RESOURCES,
            "个人参保缴费",
            "social insurance",
            ("name", "id"),
            ("region",),
            HR1Fields,
            "核对参保月数（不看工资）",
            "to check months insured (never pay)",
            _LAW,
            31,
        ),
        Item(
            "HR2",
            D.HUMAN_RESOURCES,
            "就业登记",
            "employment registration",
            ("name", "id"),
            ("region",),
            HR2Fields,
            "核对是否在本区稳定就业（不看单位职务和收入）",
            "to check lawful stable work in the district (never post or income)",
            _LAW,
            31,
        ),
        Item(
            "MR1",
            D.MARKET_REGULATION,
            "个体工商户登记",
            "sole trader registration",
            ("name", "id"),
            ("uscc",),
            MR1Fields,
            "核对个体营业执照",
            "to check a sole trader's licence",
            _LAW,
            31,
        ),
        Item(
            "MR2",
            D.MARKET_REGULATION,
            "企业法人/股东基本信息",
            "company registration",
            ("id",),
            ("uscc",),
            MR2Fields,
            "核对企业登记",
            "to check a company registration",
            _LAW,
            31,
        ),
        Item(
            "ED1",
            D.EDUCATION,
            "学籍信息",
            "pupil register",
            ("id",),
            (),
            ED1Fields,
            "防止重复入学，核对哥哥姐姐是否在校",
            "to prevent double enrollment and see siblings in school",
            _LAW,
            7,
        ),
        Item(
            "ED2",
            D.EDUCATION,
            "房屋学位占用",
            "seat lock of a dwelling",
            ("unit_no",),
            (),
            ED2Fields,
            "核对住房的学位是否已被占用",
            "to check whether the dwelling's seat is taken",
            _LAW,
            7,
        ),
    )
}

DEPARTMENT_NAMES: dict[Department, tuple[str, str]] = {
    D.PUBLIC_SECURITY: ("公安局", "Public Security Bureau"),
    D.NATURAL_RESOURCES: ("自然资源和规划局", "Natural Resources and Planning Bureau"),
    D.HOUSING: ("住房和城乡建设局", "Housing and Construction Bureau"),
    D.HUMAN_RESOURCES: ("人力资源和社会保障局", "Human Resources and Social Security Bureau"),
    D.MARKET_REGULATION: ("市场监督管理局", "Market Regulation Bureau"),
    D.EDUCATION: ("教育局", "Education Bureau"),
}


def sign(payload: dict[str, Any], key: bytes) -> str:
    """HMAC-SHA-256 (hex) over the RFC 8785 form of `payload` without its `sign`; dates as ISO text."""
    body = {k: v for k, v in payload.items() if k != "sign"}
    return hmac.new(key, rfc8785.dumps(body), hashlib.sha256).hexdigest()


def id_digest(id_number: str) -> str:
    """How the contract names a person without showing the number: SHA-256 of its upper-case form, hex."""
    return hashlib.sha256(id_number.upper().encode()).hexdigest()
