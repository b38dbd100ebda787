"""The contract of the exchange: six departments, 18 data items, twelve extensions, one envelope.

One catalogue serves both sides: the platform's connectors and the simulated departments are made from it.
`CATALOGUE` holds the 18 items of every city, `EXTENSIONS` those that a city may switch on, `ITEMS` both.
Source: regulation on government data sharing in force 2025-08-01 (one source per datum, catalogue with legal
basis); the reconstruction of the 18 items that `docs/exchange.md` explains.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from ruxue.algorithms import canonical

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
    CIVIL_AFFAIRS = "CA"
    HEALTH = "HE"
    VETERANS = "VA"
    TALENT = "TA"
    EMERGENCY = "EM"
    TAXATION = "TX"
    DISABLED_PERSONS = "DP"
    UTILITIES = "UT"
    BIG_DATA = "BD"
    FOREIGN_AFFAIRS = "FA"
    HOUSING_FUND = "HF"


class Sensitivity(StrEnum):
    """How closely an item's answers are held: GB/T 35273 tells personal from sensitive personal information."""

    PUBLIC = "public"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


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
#
# An answer is stored as it came, so only the written forms of the contract are let in: a text "false" that counted as
# a no would be read as a yes later.


def _day(value: object) -> date:
    if type(value) is date:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return date.fromisoformat(value)
    raise ValueError("a day is written YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_day)]
Month = Annotated[str, Field(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$", description="YYYY-MM")]
Months = Annotated[StrictInt, Field(ge=0, le=1200)]


class PS1Fields(Record):
    sex: Literal["M", "F"]
    born_on: Day
    alive: StrictBool


class PS2Fields(Record):
    household_no: str
    kind: Literal["family", "collective"]
    region: str = Field(description="county code, GB/T 2260, or the functional zone's own code")
    address: str
    address_code: str | None = Field(description="code of the standard address (PS5), if linked")
    entered_on: Day
    entered_by_birth: StrictBool
    status: Literal["current", "moved_out", "cancelled"]


class Member(Record):
    name_masked: str
    relation: str = Field(description="to the head of household, GB/T 4761")
    id_digest: str = Field(description="SHA-256 of the ID number, hex: lets a claim be compared, not read")


class PS3Fields(Record):
    same_household: StrictBool
    kinship: Literal["parent", "grandparent", "other", "none"] = Field(
        description="how the person in `guardian_id` is related to the child by the register"
    )
    head_masked: str
    members: list[Member]
    through: Literal["father", "mother"] | None = Field(
        default=None, description="for a grandparent: which of the child's parents is this person's child"
    )
    parents_on_record: StrictInt | None = Field(
        default=None, description="how many living parents of the child the register knows, if it tells"
    )
    only_child: StrictBool | None = Field(
        default=None, description="for a grandparent: whether that parent is this person's only child, if known"
    )


class PS4Fields(Record):
    permit_no: str
    first_issued_on: Day
    last_endorsed_on: Day
    expires_on: Day
    address: str
    region: str
    unbroken_months: Months


class PS5Fields(Record):
    address_code: str
    canonical: str
    aliases: list[str]
    community: str
    lng: StrictFloat
    lat: StrictFloat


class Owner(Record):
    name_masked: str
    id_digest: str
    share_bp: StrictInt = Field(description="share in basis points of the whole")


Nature = Literal[
    "commercial", "self_built", "fund_raised", "ancestral", "military", "apartment", "dormitory", "unit_built", "other"
]


class Right(Record):
    unit_no: str = Field(description="28 characters")
    certificate_no: str
    location: str
    address_code: str | None
    use: str
    nature: Nature | None = Field(default=None, description="how the home came to be, as the register states it")
    area_cm2: StrictInt
    co_ownership: Literal["sole", "joint", "shares"]
    owners: list[Owner]
    registered_on: Day
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
    registered_on: Day
    owners: list[Owner]
    use: str
    nature: Nature | None = None


class NR3Fields(Record):
    count_by_region: dict[str, StrictInt]


class NR4Fields(Record):
    parcel_code: str
    building_no: str
    address_code: str
    lng: StrictFloat
    lat: StrictFloat


class HC1Fields(Record):
    contract_no: str
    filed_on: Day
    project: str
    location: str
    address_code: str | None
    use: str
    buyers: list[Owner]
    delivered_on: Day | None
    status: Literal["valid", "cancelled", "registered"]
    unit_no: str | None


class HC2Fields(Record):
    filing_no: str
    landlord_masked: str
    sole: StrictBool
    address_code: str | None
    location: str
    starts_on: Day
    ends_on: Day
    filed_on: Day
    status: Literal["valid", "ended", "cancelled"]
    unbroken_months: Months
    kind: Literal["private", "dormitory", "public_rental"] = "private"


class HC3Fields(Record):
    kind: Literal["public_rental", "resettlement"]
    agreement_no: str
    original_address: str
    original_address_code: str | None
    present_address: str | None
    present_address_code: str | None
    signed_on: Day
    status: Literal["valid", "ended"]


class InsuredPeriod(Record):
    """Months without a gap in one type of insurance; `last_month` None: it still runs."""

    kind: Literal["pension", "medical", "unemployment", "injury", "maternity"]
    region: str
    first_month: Month
    last_month: Month | None
    back_paid: StrictBool = False


class HR1Fields(Record):
    region: str
    first_month: Month
    last_month: Month
    unbroken_months: Months
    cumulative_months: Months
    back_paid_months: Months
    status: Literal["paying", "stopped"]
    periods: list[InsuredPeriod] = Field(default_factory=list, description="the same by type of insurance")


class HR2Fields(Record):
    region: str
    starts_on: Day
    ends_on: Day | None
    kind: Literal["contract", "flexible"]
    status: Literal["current", "ended"]
    address_code: str | None = Field(default=None, description="where the work is done, if registered")


class MR1Fields(Record):
    uscc: str
    region: str
    registered_on: Day
    status: Literal["active", "cancelled", "revoked"]
    address_code: str | None = Field(default=None, description="the premises, if registered")


class MR2Fields(Record):
    uscc: str
    role: Literal["legal_representative", "shareholder", "partner"]
    region: str
    registered_on: Day
    status: Literal["active", "cancelled", "revoked"]
    address_code: str | None = Field(default=None, description="the premises, if registered")


class ED1Fields(Record):
    register_no: str
    school_code: str
    grade: StrictInt
    stage: Literal["primary", "junior"]
    status: Literal["in_school", "graduated", "left"]


class Lock(Record):
    """A seat that the dwelling serves or served: who entered, not by name."""

    stage: Literal["primary", "junior", "nine_year"]
    school_code: str
    start_year: StrictInt
    grade: StrictInt = Field(description="the grade entered")
    left: Literal["", "graduated", "transferred_out", "transferred_within", "not_gone_up"]
    parents: list[str] = Field(description="digests of the pupil's parents' ID numbers")


class ED2Fields(Record):
    locked: StrictBool
    school_code: str | None
    stage: Literal["primary", "junior"] | None
    start_year: StrictInt | None
    unlock_year: StrictInt | None
    same_parents: StrictBool | None
    locks: list[Lock] = Field(default_factory=list, description="every seat on record, the ended ones too")


# Extensions: what a city may switch on in its connectors file.


class X1Fields(Record):
    married: StrictBool
    spouse_digest: str | None
    registered_on: Day | None


class X2Fields(Record):
    """Shown only to who asks about one of the two parents."""

    born_on: Day
    mother_digest: str
    father_digest: str | None


class X3Fields(Record):
    """A custody judgment says which of the parents raises the child."""

    kind: Literal["guardianship", "adoption", "custody"]
    guardian_digest: str
    since: Day
    until: Day | None = Field(description="null: until the child is of age")


class GroupFields(Record):
    """X4 and X6: a group to which the law or the city gives preference."""

    group: str
    since: Day
    until: Day | None


class X5Fields(Record):
    grade: str
    since: Day
    until: Day | None


class MonthsFields(Record):
    """X7 and X12: how long, never how much."""

    region: str
    first_month: Month
    last_month: Month
    unbroken_months: Months


class X8Fields(Record):
    kind: Literal["sight", "hearing", "speech", "limbs", "intellect", "mind", "several"]
    level: StrictInt = Field(ge=1, le=4, description="GB/T 26341")


class X9Fields(Record):
    address_code: str
    months_used: Months
    last_month: Month


class X10Fields(Record):
    """An electronic licence with the part of its data that the paper shows; what its kind lacks is null."""

    kind: Literal["property_certificate", "sale_contract", "lease_filing"]
    number: str
    unit_no: str | None = Field(default=None, description="28 characters, of a property certificate")
    holders: list[Owner]
    location: str
    address_code: str | None
    issued_on: Day
    valid_from: Day | None
    expires_on: Day | None
    status: Literal["valid", "expired", "revoked"]
    use: str | None = None
    nature: Nature | None = None
    sole: StrictBool | None = Field(default=None, description="of a lease: no other tenants")


class X11Fields(Record):
    """Permits whose number stands for an ID number. None of their holders has a hukou on the mainland."""

    kind: Literal["hk_macau", "taiwan", "foreign_permanent"]
    born_on: Day
    first_issued_on: Day
    expires_on: Day
    region: str | None = Field(description="where the holder lives by the permit, GB/T 2260; null: it does not say")


@dataclass(frozen=True)
class Item:
    """One entry of the catalogue.

    `keys` identify the record; `claims` are what may be compared; `decides` names the facts of the rule that an
    answer can settle (none for X8, which is advice); `mode` is the milder of the two that suffices: "verify" sends the
    claim out and gets yes or no per field (with the dates that a rule orders by), "fetch" gets values. `standards` maps a key or field to the
    standard of its codes. `freshness_days`: an answer older than that is asked again before a decision.
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
    decides: tuple[str, ...] = ()
    mode: Literal["verify", "fetch"] = "verify"
    sensitivity: Sensitivity = Sensitivity.PERSONAL
    standards: Mapping[str, str] = field(default_factory=dict)


_LAW = "义务教育法第十二条；政务数据共享条例"
_DEPENDANTS = "军人地位和权益保障法；退役军人保障法；政务数据共享条例"
_ID, _REGION, _DATE, _KIN = "GB 11643", "GB/T 2260", "GB/T 7408.1", "GB/T 4761"
_UNIT, _USCC, _SEX = "GB/T 37346", "GB 32100", "GB/T 2261.1"
_HOME = (
    "dwelling.in_zone",
    "dwelling.residential",
    "dwelling.full_ownership",
    "dwelling.family_share_bp",
    "dwelling.owners_within_kin",
    "dwelling.acquired_on",
    "dwelling.owners",
    "dwelling.kind",
    "place.dwelling",
)
_LEASE = (
    "lease.in_zone",
    "lease.sole",
    "lease.filed_on",
    "lease.months",
    "lease.history",
    "place.lease",
)
_KINSHIP = (
    "dwelling.owned_by_family",
    "dwelling.family_share_bp",
    "dwelling.full_ownership",
    "dwelling.owners_within_kin",
    "dwelling.owners",
    "dwelling.in_zone",
    "dwelling.seat_locks",
    "lease.in_zone",
    "family.no_dwelling_in_core",
    "family.dwellings",
)
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
            decides=("child.born_on", "main.age"),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID, "sex": _SEX, "born_on": _DATE},
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
            decides=(
                "child.hukou_district",
                "child.hukou_entry_on",
                "child.hukou_by_birth",
                "child.hukou_collective",
                "child.hukou_in_zone",
                "dwelling.address_equals_hukou",
                "hukou.history",
                "permit.not_possible",
                "place.hukou",
            ),
            mode="fetch",
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID, "region": _REGION, "entered_on": _DATE},
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
            decides=(
                "child.with_guardian_household",
                "child.with_grandparent_household",
                "child.hukou_with_parents",
                "father.sole_child",
                "mother.sole_daughter",
            ),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"child_id": _ID, "guardian_id": _ID, "members.relation": _KIN},
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
            decides=(
                "permit.first_issued_on",
                "permit.months",
                "permit.main",
                "permit.assistant",
                "permit.applied",
                "residence.history",
                "place.permit",
            ),
            mode="fetch",
            standards={"id": _ID, "region": _REGION, "first_issued_on": _DATE},
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
            decides=("dwelling.address_equals_hukou", "child.hukou_in_zone", "place.hukou", "place.permit"),
            mode="fetch",
            sensitivity=Sensitivity.PUBLIC,
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
            decides=(
                "dwelling.owned_by_family",
                "dwelling.owned_by_grandparent",
                "dwelling.registered_on",
                "residence.history",
                *_HOME,
            ),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID, "rights.unit_no": _UNIT, "rights.registered_on": _DATE},
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
            decides=("dwelling.owned_by_family", "dwelling.owned_by_grandparent", *_HOME),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID, "unit_no": _UNIT, "registered_on": _DATE},
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
            decides=("family.no_dwelling_in_core", "family.dwellings"),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"ids": _ID, "regions": _REGION},
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
            decides=("dwelling.in_zone", "place.dwelling"),
            mode="fetch",
            sensitivity=Sensitivity.PUBLIC,
            standards={"unit_no": _UNIT},
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
            decides=("dwelling.owned_by_family", "dwelling.is_contract", *_HOME),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID, "unit_no": _UNIT, "filed_on": _DATE},
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
            decides=(*_LEASE, "lease.kind", "residence.history"),
            standards={"id": _ID, "filed_on": _DATE},
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
            decides=(
                "dwelling.owned_by_family",
                "dwelling.is_resettlement",
                "dwelling.original_village_in_zone",
                *_HOME,
            ),
            standards={"id": _ID, "signed_on": _DATE},
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
            decides=("job.in_district", "job.started_on", "insurance.main", "insurance.assistant"),
            mode="fetch",
            standards={"id": _ID, "region": _REGION},
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
            decides=("job.in_district", "job.started_on", "work.main", "work.assistant"),
            mode="fetch",
            standards={"id": _ID, "region": _REGION, "starts_on": _DATE},
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
            decides=("job.in_district", "job.started_on", "business.main", "business.assistant"),
            mode="fetch",
            sensitivity=Sensitivity.PUBLIC,
            standards={"id": _ID, "uscc": _USCC, "region": _REGION},
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
            decides=("job.in_district", "job.started_on", "business.main", "business.assistant"),
            mode="fetch",
            sensitivity=Sensitivity.PUBLIC,
            standards={"id": _ID, "uscc": _USCC, "region": _REGION},
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
            decides=("child.already_enrolled", "child.graduates", "child.primary_school"),
            mode="fetch",
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID, "stage": "JY/T 1001"},
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
            decides=("dwelling.seat_locks", "dwelling.other_pupils"),
            mode="fetch",
            standards={"unit_no": _UNIT},
        ),
    )
}

EXTENSIONS: dict[str, Item] = {
    i.code: i
    for i in (
        Item(
            "X1",
            D.CIVIL_AFFAIRS,
            "婚姻登记",
            "marriage registration",
            ("name", "id"),
            ("spouse_id",),
            X1Fields,
            "核对另一位监护人或产权人是不是孩子父母的配偶",
            "to check that another guardian or owner is married to the child's parent",
            _LAW,
            30,
            decides=(
                "dwelling.family_share_bp",
                "dwelling.full_ownership",
                "dwelling.owners_within_kin",
                "dwelling.owners",
                "family.no_dwelling_in_core",
                "family.dwellings",
            ),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID, "registered_on": _DATE},
        ),
        Item(
            "X2",
            D.HEALTH,
            "出生医学证明",
            "birth certificate",
            ("child_id", "parent_id"),
            ("parent",),
            X2Fields,
            "户口簿看不出时，核对亲子关系",
            "to check who the child's parents are where the household book does not show it",
            _LAW,
            90,
            decides=_KINSHIP,
            sensitivity=Sensitivity.SENSITIVE,
            standards={"child_id": _ID, "parent_id": _ID, "born_on": _DATE},
        ),
        Item(
            "X3",
            D.CIVIL_AFFAIRS,
            "监护、收养、抚养",
            "guardianship, adoption and custody",
            ("child_id", "guardian_id"),
            ("guardian",),
            X3Fields,
            "核对监护、收养或抚养关系",
            "to check who is the child's guardian or raises it alone",
            _LAW,
            30,
            decides=(*_KINSHIP, "family.single_parent"),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"child_id": _ID, "guardian_id": _ID, "since": _DATE},
        ),
        Item(
            "X4",
            D.VETERANS,
            "军人、烈士子女优待",
            "soldiers' and martyrs' children",
            ("name", "id"),
            ("group",),
            GroupFields,
            "核对优待身份，您无需交证明",
            "to check a preference that the law gives, without a paper",
            _DEPENDANTS,
            30,
            decides=("family.special_group",),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID},
        ),
        Item(
            "X5",
            D.TALENT,
            "人才认定",
            "recognised talents",
            ("name", "id"),
            ("group",),
            X5Fields,
            "核对人才认定",
            "to check that a talent is recognised",
            _LAW,
            30,
            decides=("family.special_group",),
            standards={"id": _ID},
        ),
        Item(
            "X6",
            D.EMERGENCY,
            "英模、消防救援人员",
            "heroes and fire-rescue staff",
            ("name", "id"),
            ("group",),
            GroupFields,
            "核对优待身份，您无需交证明",
            "to check a preference that the law gives, without a paper",
            _LAW,
            30,
            decides=("family.special_group",),
            standards={"id": _ID},
        ),
        Item(
            "X7",
            D.TAXATION,
            "完税月数",
            "months taxed",
            ("name", "id"),
            ("region",),
            MonthsFields,
            "核对纳税月数（不看金额）",
            "to check months taxed (never amounts)",
            _LAW,
            31,
            decides=("job.in_district", "job.started_on", "tax.main", "tax.assistant"),
            mode="fetch",
            standards={"id": _ID, "region": _REGION},
        ),
        Item(
            "X8",
            D.DISABLED_PERSONS,
            "残疾人证",
            "disability certificate",
            ("name", "id"),
            (),
            X8Fields,
            "您申请时提供安置建议，不影响类别和顺序",
            "advice on the place where you ask for it; category and order never hang on it",
            _LAW,
            90,
            mode="fetch",
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID, "level": "GB/T 26341"},
        ),
        Item(
            "X9",
            D.UTILITIES,
            "用水用电",
            "water and power in use",
            ("name", "id"),
            ("address_code",),
            X9Fields,
            "核对是否实际居住",
            "to check that the family lives there",
            _LAW,
            31,
            decides=("family.reported_absent",),
            standards={"id": _ID},
        ),
        Item(
            "X10",
            D.BIG_DATA,
            "电子证照",
            "electronic licences",
            ("name", "id", "kind"),
            ("address_code", "number"),
            X10Fields,
            "登记信息里没有查到您的房屋时，调取电子证照，您无需上传",
            "to fetch the licence of a home that its register does not show, so that nothing is uploaded",
            _LAW,
            30,
            decides=(
                "dwelling.owned_by_family",
                "dwelling.owned_by_grandparent",
                "dwelling.is_contract",
                *_HOME,
                *_LEASE,
            ),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"id": _ID, "number": "GB/T 36904", "issued_on": _DATE},
        ),
        Item(
            "X11",
            D.FOREIGN_AFFAIRS,
            "港澳台居民居住证和外国人永久居留身份证",
            "permits of residents from Hong Kong, Macau, Taiwan and abroad",
            ("name", "permit_no"),
            ("name",),
            X11Fields,
            "没有居民身份证时，核对居住证或永久居留身份证",
            "to check the permit of a person who has no resident ID card",
            _LAW,
            30,
            decides=(
                "child.born_on",
                "child.hukou_district",
                "child.hukou_by_birth",
                "child.hukou_collective",
                "child.hukou_in_zone",
                "child.hukou_with_parents",
                "child.with_guardian_household",
                "dwelling.address_equals_hukou",
                "hukou.history",
                "permit.not_possible",
                "permit.first_issued_on",
                "permit.months",
                "permit.main",
                "permit.assistant",
                "residence.history",
                "main.age",
            ),
            sensitivity=Sensitivity.SENSITIVE,
            standards={"permit_no": _ID, "born_on": _DATE, "region": _REGION},
        ),
        Item(
            "X12",
            D.HOUSING_FUND,
            "住房公积金缴存",
            "housing fund",
            ("name", "id"),
            ("region",),
            MonthsFields,
            "核对缴存月数（不看金额）",
            "to check months paid (never amounts)",
            _LAW,
            31,
            decides=("job.in_district", "job.started_on", "fund.main", "fund.assistant"),
            mode="fetch",
            standards={"id": _ID, "region": _REGION},
        ),
    )
}

ITEMS: dict[str, Item] = {**CATALOGUE, **EXTENSIONS}

DEPARTMENT_NAMES: dict[Department, tuple[str, str]] = {
    D.PUBLIC_SECURITY: ("公安局", "Public Security Bureau"),
    D.NATURAL_RESOURCES: ("自然资源和规划局", "Natural Resources and Planning Bureau"),
    D.HOUSING: ("住房和城乡建设局", "Housing and Construction Bureau"),
    D.HUMAN_RESOURCES: ("人力资源和社会保障局", "Human Resources and Social Security Bureau"),
    D.MARKET_REGULATION: ("市场监督管理局", "Market Regulation Bureau"),
    D.EDUCATION: ("教育局", "Education Bureau"),
    D.CIVIL_AFFAIRS: ("民政局", "Civil Affairs Bureau"),
    D.HEALTH: ("卫生健康委员会", "Health Commission"),
    D.VETERANS: ("退役军人事务局", "Veterans Affairs Bureau"),
    D.TALENT: ("人才工作办公室", "Talent Office"),
    D.EMERGENCY: ("应急管理局", "Emergency Management Bureau"),
    D.TAXATION: ("税务局", "Taxation Bureau"),
    D.DISABLED_PERSONS: ("残疾人联合会", "Disabled Persons' Federation"),
    D.UTILITIES: ("供水供电公司", "Water and Power Supply"),
    D.BIG_DATA: ("大数据局", "Big Data Bureau"),
    D.FOREIGN_AFFAIRS: ("外事与港澳台事务办公室", "Foreign, Hong Kong, Macau and Taiwan Affairs Office"),
    D.HOUSING_FUND: ("住房公积金管理中心", "Housing Fund Centre"),
}


def sign(payload: dict[str, Any], key: bytes) -> str:
    """HMAC-SHA-256 (hex) over the RFC 8785 form of `payload` without its `sign`; dates as ISO text."""
    body = {k: v for k, v in payload.items() if k != "sign"}
    return hmac.new(key, canonical.encode(body), hashlib.sha256).hexdigest()


def id_digest(id_number: str) -> str:
    """How the contract names a person without showing the number: SHA-256 of its upper-case form, hex."""
    return hashlib.sha256(id_number.upper().encode()).hexdigest()
