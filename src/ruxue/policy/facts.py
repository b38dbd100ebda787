"""Facts about a family, Kleene's three-valued logic over them, and the vocabulary that a policy may speak.

A fact has a source and a date. One that nobody knows is None and makes conditions unknown, never false.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Literal

from ruxue.policy.records import Dwellings, History, Kin, Owners, Place, Record, SeatLocks

Value = bool | int | str | date | Record
Lang = Literal["zh", "en"]


class Truth(IntEnum):
    """Kleene's values, ordered so that `and` is min and `or` is max (Kleene 1952, strong logic)."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2

    def negate(self) -> Truth:
        """Kleene's not: unknown stays unknown."""
        return _OPPOSITE[self]


_OPPOSITE = (Truth.TRUE, Truth.UNKNOWN, Truth.FALSE)


def all_of(values: Iterable[Truth]) -> Truth:
    """Kleene's and; TRUE over nothing."""
    return min(values, default=Truth.TRUE)


def any_of(values: Iterable[Truth]) -> Truth:
    """Kleene's or; FALSE over nothing."""
    return max(values, default=Truth.FALSE)


@dataclass(frozen=True, slots=True)
class Override:
    """A person's word in place of a register's: who, when, why, and the value that it replaced."""

    by: str
    on: date
    reason: str
    replaced: Value | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """A value with where it comes from; value None is unknown.

    `source` is an item's code ("PS2"), "document", "officer" or "declared"; `as_of` the day that the source
    speaks of; `evidence` a key of the paper or answer behind it; `override` who replaced the register's value;
    `confidence` 0 to 100: a policy may ask for more than a fact has, and then it counts as unknown.
    """

    value: Value | None
    source: str = ""
    as_of: date | None = None
    evidence: str | None = None
    override: Override | None = None
    confidence: int = 100


FactSheet = Mapping[str, Fact]
UNKNOWN = Fact(None)


@dataclass(frozen=True)
class Term:
    """An entry of the vocabulary.

    `kind` is the value's type, `items` the sources that can decide it. For a bool `zh`/`en` state it as met
    and `not_zh`/`not_en` as not met; otherwise they name the value. `todo_*` says what a family can do when
    it is unknown or not met, "" where nothing can be done. `unit` is what an int counts. `adverse`: speaks against
    a family, and counts only when it is shown. `banned`: the year since which it may not be asked, and the rule that
    says so; only rules of earlier seasons can be replayed with it.
    """

    kind: type
    items: tuple[str, ...]
    zh: str
    en: str
    not_zh: str = ""
    not_en: str = ""
    todo_zh: str = ""
    todo_en: str = ""
    unit: Literal["months", "share", "age", "yuan", "times"] = "months"
    adverse: bool = False
    banned: tuple[int, str, str] | None = None

    def name(self, lang: Lang) -> str:
        """The fact as a condition (bool) or as a noun (other types)."""
        return self.zh if lang == "zh" else self.en

    def phrase(self, truth: Truth, lang: Lang) -> str:
        """A bool fact as met, not met or not known yet; for other types the noun, or that it is open."""
        if truth is Truth.UNKNOWN:
            return f"还没有核实：{self.zh}" if lang == "zh" else f"not confirmed yet: {self.en}"
        if truth is Truth.FALSE and self.not_zh:
            return self.not_zh if lang == "zh" else self.not_en
        return self.name(lang)

    def todo(self, lang: Lang) -> str:
        """What a family can do; "" where nothing can be done."""
        return self.todo_zh if lang == "zh" else self.todo_en


_HOME = (
    "上传房产证或购房合同，或预约现场核对",
    "upload the property certificate or purchase contract, or book an on-site check",
)
_HUKOU = (
    "核对孩子和监护人的姓名、身份证号，或补充户口簿上的另一位监护人",
    "check names and ID numbers of child and guardian, or add the other guardian in the household book",
)
_LEASE = (
    "上传租赁备案证明，或到住建部门备案后再提交",
    "upload the lease's filing, or file the lease with the housing bureau and submit again",
)
_WORK = ("上传劳动合同或营业执照", "upload the work contract or the business licence")
_MOVED = ("上传拆迁安置协议", "upload the resettlement agreement")
_PERMIT = (
    "到派出所办理居住证，或上传居住证",
    "apply for a residence permit at the police station, or upload the permit",
)
_INSURANCE = (
    "到社保部门打印参保证明后上传",
    "upload the insurance record printed by the social insurance office",
)
_HOMES = ("NR1", "NR2", "HC1", "HC3", "X10")
_SHARES = ("NR1", "NR2", "HC1", "HC3", "X1", "X2", "X3", "X10")
_JOBS = ("HR1", "HR2", "MR1", "MR2", "X7", "X12")

VOCABULARY: dict[str, Term] = {
    "child.born_on": Term(
        date,
        ("PS1", "X11"),
        "孩子的出生日期",
        "the child's date of birth",
        "",
        "",
        "核对孩子的姓名和身份证号",
        "check the child's name and ID number",
    ),
    "child.hukou_district": Term(
        str, ("PS2", "X11"), "孩子的户口所在区", "the district of the child's hukou", "", "", *_HUKOU
    ),
    "child.hukou_entry_on": Term(
        date, ("PS2",), "孩子的落户时间", "the day on which the child's hukou was entered", "", "", *_HUKOU
    ),
    "child.hukou_by_birth": Term(
        bool,
        ("PS2", "X11"),
        "孩子是出生时落户",
        "the hukou was entered at birth",
        "孩子的户口是后来迁入的",
        "the hukou was moved in later",
        *_HUKOU,
    ),
    "child.hukou_collective": Term(
        bool,
        ("PS2", "X11"),
        "孩子是集体户口",
        "the hukou is a collective one",
        "孩子不是集体户口",
        "the hukou is not a collective one",
        *_HUKOU,
    ),
    "child.with_guardian_household": Term(
        bool,
        ("PS3", "X11"),
        "孩子与监护人在同一本户口簿",
        "child and guardian are in one household book",
        "孩子与监护人不在同一本户口簿",
        "child and guardian are not in one household book",
        *_HUKOU,
    ),
    "child.with_grandparent_household": Term(
        bool,
        ("PS3",),
        "孩子在祖辈的户口簿上",
        "the child is in a grandparent's household book",
        "孩子不在祖辈的户口簿上",
        "the child is not in a grandparent's household book",
        *_HUKOU,
    ),
    "child.already_enrolled": Term(
        bool,
        ("ED1",),
        "孩子已有小学学籍",
        "the child is already registered in a school",
        "孩子还没有小学学籍",
        "the child is not registered in a school yet",
        "联系学校更正学籍登记",
        "ask the school to correct the pupil register",
    ),
    "dwelling.owned_by_family": Term(
        bool,
        ("NR1", "NR2", "HC1", "HC3", "X2", "X3", "X10"),
        "房子由孩子或监护人所有",
        "child or guardian owns the home",
        "房子不属于孩子或监护人",
        "neither child nor guardian owns the home",
        *_HOME,
    ),
    "dwelling.owned_by_grandparent": Term(
        bool,
        ("NR1", "NR2", "X10"),
        "房子由祖辈所有",
        "a grandparent owns the home",
        "房子不属于祖辈",
        "no grandparent owns the home",
        *_HOME,
    ),
    "dwelling.in_zone": Term(
        bool,
        ("NR1", "NR2", "NR4", "HC1", "HC3", "X2", "X3", "X10"),
        "房子在本校片区内",
        "the home lies in the school's zone",
        "房子不在本校片区内",
        "the home does not lie in the school's zone",
        *_HOME,
    ),
    "dwelling.residential": Term(
        bool,
        _HOMES,
        "房子的用途是住宅",
        "the home's registered use is residential",
        "房子的用途不是住宅",
        "the home's registered use is not residential",
        *_HOME,
    ),
    "dwelling.address_equals_hukou": Term(
        bool,
        ("PS2", "PS5", "NR1", "X11"),
        "户口地址与房子地址一致",
        "hukou and home have the same address",
        "户口地址与房子地址不一致",
        "hukou and home have different addresses",
        "预约现场核对，登记的可能还是旧地名",
        "book an on-site check: the register may still have an old address",
    ),
    "dwelling.family_share_bp": Term(
        int,
        _SHARES,
        "父母或孩子的产权份额",
        "the parents' or child's share of the home",
        "",
        "",
        *_HOME,
        unit="share",
    ),
    "dwelling.full_ownership": Term(
        bool,
        _SHARES,
        "房子是完全产权",
        "the family owns the home in full",
        "房子不是完全产权",
        "the family does not own the home in full",
        *_HOME,
    ),
    "dwelling.owners_within_kin": Term(
        bool,
        _SHARES,
        "产权人只有孩子、父母和祖辈",
        "only child, parents and grandparents own the home",
        "产权人里有孩子、父母、祖辈以外的人",
        "someone besides child, parents and grandparents owns a share",
        *_HOME,
    ),
    "dwelling.registered_on": Term(
        date,
        ("NR1",),
        "房产登记时间",
        "the day on which the property was registered",
        "",
        "",
        *_HOME,
    ),
    "dwelling.acquired_on": Term(date, _HOMES, "购房时间", "the day on which the home was bought", "", "", *_HOME),
    "dwelling.is_contract": Term(
        bool,
        ("HC1", "X10"),
        "房子有备案合同、还没有办证",
        "the home has a filed contract and no certificate yet",
        "房子不是备案合同房",
        "the home is not held by a filed contract",
        *_HOME,
    ),
    "dwelling.is_resettlement": Term(
        bool,
        ("HC3",),
        "房子是拆迁安置房",
        "the home is a resettlement dwelling",
        "房子不是拆迁安置房",
        "the home is not a resettlement dwelling",
        *_MOVED,
    ),
    "dwelling.original_village_in_zone": Term(
        bool,
        ("HC3",),
        "拆迁前的房子在本校片区内",
        "the house before demolition lay in the zone",
        "拆迁前的房子不在本校片区内",
        "the house before demolition did not lie in the zone",
        *_MOVED,
    ),
    "family.no_dwelling_in_core": Term(
        bool,
        ("NR3", "X1", "X2", "X3"),
        "孩子和监护人在中心城区没有住房",
        "child and guardians own no dwelling in the city's core",
        "孩子或监护人在中心城区有住房",
        "child or guardian owns a dwelling in the city's core",
        "上传不动产登记部门出具的无房证明",
        "upload the property register's proof that you own none",
    ),
    "family.reported_absent": Term(
        bool,
        ("street", "X9"),
        "街道报告您家没有实际居住",
        "the street office reports that the family does not live there",
        "街道没有报告您家不住在这里",
        "the street office has not reported that the family lives elsewhere",
        "联系街道或学校说明居住情况",
        "tell the street office or the school how you live",
    ),
    "family.special_group": Term(
        str,
        ("document", "X4", "X5", "X6"),
        "优待类别",
        "the special group",
        "",
        "",
        "上传优待证明",
        "upload the certificate of the special group",
    ),
    "lease.in_zone": Term(
        bool,
        ("HC2", "X2", "X3", "X10"),
        "租住的房子在本校片区内",
        "the leased home lies in the school's zone",
        "租住的房子不在本校片区内",
        "the leased home does not lie in the school's zone",
        *_LEASE,
    ),
    "lease.sole": Term(
        bool,
        ("HC2", "X10"),
        "房子由您家单独承租",
        "the home is leased by the family alone",
        "房子是与别人合租的",
        "the home is leased together with others",
        *_LEASE,
    ),
    "lease.filed_on": Term(
        date, ("HC2", "X10"), "租赁备案时间", "the day on which the lease was filed", "", "", *_LEASE
    ),
    "lease.months": Term(int, ("HC2", "X10"), "连续租住的月数", "the length of the unbroken lease", "", "", *_LEASE),
    "job.in_district": Term(
        bool,
        _JOBS,
        "至少一位监护人在本区合法稳定就业",
        "at least one guardian works lawfully and stably in the district",
        "监护人都没有在本区合法稳定就业",
        "no guardian works lawfully and stably in the district",
        *_WORK,
    ),
    "job.started_on": Term(
        date,
        _JOBS,
        "就业起始时间",
        "the day on which the work began",
        "",
        "",
        *_WORK,
    ),
    "permit.first_issued_on": Term(
        date,
        ("PS4", "X11"),
        "居住证首次签发时间",
        "the day on which the residence permit was first issued",
        "",
        "",
        *_PERMIT,
    ),
    "permit.months": Term(
        int,
        ("PS4", "X11"),
        "居住证连续月数",
        "the length of the unbroken residence permit",
        "",
        "",
        *_PERMIT,
    ),
    "insurance.months": Term(
        int,
        ("HR1",),
        "连续参保月数",
        "the length of unbroken social insurance",
        "",
        "",
        *_INSURANCE,
    ),
}

_KIN = (
    "上传户口簿、出生医学证明或结婚证",
    "upload the household book, the birth certificate or the marriage certificate",
)
_SCHOOL = ("联系学校更正学籍登记", "ask the school to correct the pupil register")
_DEGREE = ("上传学历证书", "upload the certificate of the degree")
_TAX = ("上传完税证明", "upload the tax certificate")
_SEAT = ("联系区教育部门核对学位登记", "ask the district's education bureau to check the register of seats")
_PROOF = ("上传实际住所居住证明", "upload the proof of residence")
_CREDIT = ("如记录有误，向记录部门申请更正", "if the record is wrong, ask the office that keeps it to correct it")
_PERSON = ("核对申请人的姓名和身份证号", "check the applicant's name and ID number")
_B22 = (
    2022,
    "教育部办公厅2022年招生入学通知：取消计划生育证明",
    "the Ministry of Education's enrollment notice of 2022: proof of birth control is abolished",
)
_B18 = (
    2018,
    "教育部招生“十项严禁”：不得与捐资挂钩",
    "the Ministry of Education's ten prohibitions for enrollment: no ties to donations",
)


def _history(items: tuple[str, ...], zh: str, en: str, todo: tuple[str, str]) -> dict[str, Term]:
    """A register's spells for the main and the assistant applicant, the two guardians as they apply."""
    return {
        who: Term(History, items, f"{person_zh}的{zh}", f"{person_en}'s {en}", "", "", *todo)
        for who, person_zh, person_en in (
            ("main", "主申请人", "the main applicant"),
            ("assistant", "辅申请人", "the assistant applicant"),
        )
    }


def _of(name: str, terms: dict[str, Term]) -> dict[str, Term]:
    return {f"{name}.{who}": term for who, term in terms.items()}


VOCABULARY |= {
    "child.hukou_in_zone": Term(
        bool,
        ("PS2", "PS5", "X11"),
        "孩子的户口在本校片区内",
        "the child's hukou is in the school's zone",
        "孩子的户口不在本校片区内",
        "the child's hukou is not in the school's zone",
        *_HUKOU,
    ),
    "child.hukou_with_parents": Term(
        bool,
        ("PS3", "X11"),
        "孩子与父母的户口都在一起",
        "the hukou of child and both parents are together",
        "孩子与父母的户口没有都在一起",
        "the hukou of child and both parents are not all together",
        *_HUKOU,
    ),
    "child.lives_with_grandparents": Term(
        bool,
        ("street",),
        "孩子与祖辈一起居住",
        "the child lives with grandparents",
        "孩子没有与祖辈一起居住",
        "the child does not live with grandparents",
        "联系街道或学校说明居住情况",
        "tell the street office or the school how you live",
    ),
    "child.graduates": Term(
        bool,
        ("ED1",),
        "孩子是当年小学毕业生",
        "the child leaves primary school this year",
        "孩子不是当年小学毕业生",
        "the child does not leave primary school this year",
        *_SCHOOL,
    ),
    "child.primary_school": Term(
        str, ("ED1",), "孩子毕业的小学", "the primary school that the child leaves", "", "", *_SCHOOL
    ),
    "child.declines_promotion": Term(
        bool,
        ("declared",),
        "您放弃了直升",
        "you declined direct promotion",
        "您没有放弃直升",
        "you did not decline direct promotion",
        "在系统里选择是否直升",
        "choose in the application whether the child is promoted",
        adverse=True,
    ),
    "child.lost_private_draw": Term(
        bool,
        ("ED1",),
        "孩子报名民办学校且未被派中",
        "the child applied to a private school and was not drawn",
        "孩子没有在民办学校派位中落选",
        "the child did not lose a private school's draw",
        *_SCHOOL,
        adverse=True,
    ),
    "sibling.in_school": Term(
        bool,
        ("ED1",),
        "孩子的兄姐在本校就读",
        "an elder sibling is in the school",
        "孩子没有兄姐在本校就读",
        "no elder sibling is in the school",
        *_SCHOOL,
    ),
    "father.sole_child": Term(
        bool,
        ("PS3", "document"),
        "父亲是祖父母唯一的子女",
        "the father is his parents' only child",
        "父亲有兄弟姐妹",
        "the father has siblings",
        *_KIN,
    ),
    "mother.sole_daughter": Term(
        bool,
        ("PS3", "document"),
        "母亲是外祖父母的独女",
        "the mother is her parents' only child",
        "母亲有兄弟姐妹",
        "the mother has siblings",
        *_KIN,
    ),
    "family.kin": Term(Kin, ("PS3",), "亲属关系", "the family's kinship", "", "", *_KIN),
    "family.single_parent": Term(
        bool,
        ("document", "X3"),
        "孩子由单亲抚养",
        "one parent alone raises the child",
        "孩子不是单亲抚养",
        "two parents raise the child",
        "上传离婚证、判决书或死亡证明",
        "upload the divorce certificate, the judgment or the death certificate",
    ),
    "family.dwellings": Term(
        Dwellings,
        ("NR3", "X1", "X2", "X3"),
        "孩子和监护人的住房",
        "the dwellings of child and guardians",
        "",
        "",
        "上传不动产登记部门出具的无房证明",
        "upload the property register's proof that you own none",
    ),
    "family.false_papers": Term(
        bool,
        ("officer",),
        "提供了虚假材料",
        "false papers were given",
        "没有提供虚假材料",
        "no false papers were given",
        *_CREDIT,
        adverse=True,
    ),
    "family.disguised_repeat": Term(
        bool,
        ("ED1",),
        "孩子变相重读",
        "the child repeats a grade in disguise",
        "孩子没有变相重读",
        "the child does not repeat a grade",
        *_SCHOOL,
        adverse=True,
    ),
    "dwelling.owners": Term(
        Owners,
        _SHARES,
        "房子的产权人和份额",
        "the home's owners and shares",
        "",
        "",
        *_HOME,
    ),
    "dwelling.kind": Term(
        str, ("NR1", "NR2", "HC1", "HC3", "X10", "document"), "住房的类型", "the kind of home", "", "", *_HOME
    ),
    "dwelling.buffer_school": Term(
        str, ("NR4",), "房子所在的入学缓冲区", "the buffer zone in which the home lies", "", "", *_HOME
    ),
    "dwelling.seat_locks": Term(
        SeatLocks, ("ED2", "X2", "X3"), "房子占用学位的记录", "the seats that the home serves", "", "", *_SEAT
    ),
    "dwelling.other_pupils": Term(
        bool,
        ("ED2",),
        "这处房子另有在校生（兄弟姐妹除外）",
        "another family's pupil is in school from this home",
        "这处房子没有其他在校生",
        "no other family's pupil is in school from this home",
        *_SEAT,
    ),
    "place.hukou": Term(Place, ("PS2", "PS5"), "户口地址", "the address of the hukou", "", "", *_HUKOU),
    "place.dwelling": Term(
        Place, ("NR1", "NR2", "NR4", "HC1", "HC3", "X10"), "房子地址", "the address of the home", "", "", *_HOME
    ),
    "place.lease": Term(Place, ("HC2", "X10"), "租赁地址", "the address of the lease", "", "", *_LEASE),
    "place.permit": Term(Place, ("PS4", "PS5"), "居住证地址", "the address of the residence permit", "", "", *_PERMIT),
    "place.proof": Term(Place, ("document",), "居住证明地址", "the address of the proof of residence", "", "", *_PROOF),
    "proof.machine_printed": Term(
        bool,
        ("document",),
        "证明材料为机打",
        "the papers are machine-printed",
        "证明材料不是机打",
        "the papers are not machine-printed",
        *_PROOF,
    ),
    "lease.kind": Term(str, ("HC2", "HC3"), "租住的类型", "the kind of lease", "", "", *_LEASE),
    "lease.history": Term(History, ("HC2", "X10"), "租赁备案", "the filed lease", "", "", *_LEASE),
    "residence.history": Term(
        History, ("PS4", "NR1", "HC2", "X11"), "在本地的居住记录", "the record of residence", "", "", *_PROOF
    ),
    "hukou.history": Term(History, ("PS2", "X11"), "孩子的本地户口", "the child's local hukou", "", "", *_HUKOU),
    **_of("permit", _history(("PS4", "X11"), "居住证", "residence permit", _PERMIT)),
    **_of("insurance", _history(("HR1",), "社会保险", "social insurance", _INSURANCE)),
    **_of("fund", _history(("X12",), "住房公积金", "housing fund", _INSURANCE)),
    **_of("business", _history(("MR1", "MR2"), "营业执照", "business licence", _WORK)),
    **_of("tax", _history(("X7",), "纳税记录", "tax record", _TAX)),
    **_of("work", _history(("HR1", "HR2"), "工作记录", "record of work", _WORK)),
    **_of(
        "moved",
        _history(("PS4",), "迁出中心城区后的居住记录", "residence after moving out of the central districts", _PROOF),
    ),
    "permit.applied": Term(
        bool,
        ("PS4",),
        "已申请居住证、尚未领证",
        "a residence permit is applied for and not issued yet",
        "没有申请居住证",
        "no residence permit is applied for",
        *_PERMIT,
    ),
    "permit.not_possible": Term(
        bool,
        ("PS2", "X11"),
        "本市户籍，依规不能办理居住证",
        "the hukou is the city's own, so no residence permit can be issued",
        "可以办理居住证",
        "a residence permit can be issued",
        *_HUKOU,
    ),
    "tax.paid_yuan": Term(int, ("document",), "纳税金额", "the tax paid", "", "", *_TAX, unit="yuan"),
    "main.age": Term(int, ("PS1", "X11"), "主申请人的年龄", "the main applicant's age", "", "", *_PERSON, unit="age"),
    "main.degree": Term(str, ("document",), "主申请人的学历", "the main applicant's degree", "", "", *_DEGREE),
    "main.skill": Term(
        str, ("document",), "主申请人的职业技能等级", "the main applicant's skill level", "", "", *_DEGREE
    ),
    "main.violations": Term(
        int,
        ("officer",),
        "主申请人的失信或违法记录",
        "the main applicant's records of violations",
        "",
        "",
        *_CREDIT,
        unit="times",
        adverse=True,
    ),
    "history.child_status": Term(
        str,
        ("document",),
        "孩子的计划生育情况",
        "the child's status under birth control",
        "",
        "",
        "已不再要求",
        "no longer asked for",
        banned=_B22,
    ),
    "history.donated_yuan": Term(
        int,
        ("document",),
        "捐资金额",
        "the amount donated",
        "",
        "",
        "已不再要求",
        "no longer asked for",
        unit="yuan",
        banned=_B18,
    ),
}

KINDS: dict[str, tuple[str, str]] = {
    "commercial": ("商品住宅", "a purchased dwelling"),
    "self_built": ("自建房", "a self-built house"),
    "fund_raised": ("集资房", "a fund-raised dwelling"),
    "ancestral": ("祖屋", "an ancestral house"),
    "military": ("军产房", "military housing"),
    "apartment": ("商务公寓", "a commercial apartment"),
    "dormitory": ("宿舍", "a dormitory"),
    "unit_built": ("单位自建房", "housing built by the work unit"),
    "public_rental": ("公租房", "public rental housing"),
    "private": ("普通租房", "a private lease"),
    "martyr": ("烈士子女", "a martyr's child"),
    "military_child": ("军人子女", "a soldier's child"),
    "firefighter": ("政府专职消防员子女", "a full-time government firefighter's child"),
    "fire_service": ("消防救援服务", "fire service"),
    "police": ("公安英模或消防救援人员子女", "a police hero's or fire rescuer's child"),
    "talent": ("人才子女", "a recognised talent's child"),
    "doctor": ("博士", "a doctorate"),
    "master": ("硕士", "a master's degree"),
    "bachelor": ("本科", "a bachelor's degree"),
    "college": ("大专", "a college diploma"),
    "high_school": ("高中或中专", "a high-school diploma"),
    "senior_technician": ("高级技师", "senior technician"),
    "technician": ("技师", "technician"),
    "senior_worker": ("高级工", "senior worker"),
    "worker": ("中级工", "worker"),
    "only": ("独生子女", "an only child"),
    "legal_second": ("政策内二孩", "a lawful second child"),
    "other": ("其他", "other"),
    "none": ("无", "none"),
    "pension": ("养老保险", "pension"),
    "medical": ("医疗保险", "medical"),
    "unemployment": ("失业保险", "unemployment"),
    "injury": ("工伤保险", "work injury"),
    "maternity": ("生育保险", "maternity"),
}
"""Words for the values of text facts and for kinds of insurance."""

DISTRICTS: dict[str, tuple[str, str]] = {
    "kuiwen": ("奎文区", "Kuiwen"),
    "weicheng": ("潍城区", "Weicheng"),
    "fangzi": ("坊子区", "Fangzi"),
    "hanting": ("寒亭区", "Hanting"),
    "gaoxin": ("高新区", "Gaoxin"),
    "jingkai": ("经济区", "Jingji"),
    "baoshui": ("保税区", "Baoshui"),
    "binhai": ("滨海区", "Binhai"),
    "other": ("其他区县", "another county"),
}

SOURCES: dict[str, tuple[str, str]] = {
    "PS1": ("公安部门的人口信息", "the police's population register"),
    "PS2": ("公安部门的户籍信息", "the police's hukou register"),
    "PS3": ("公安部门的户籍关系", "the police's household books"),
    "PS4": ("公安部门的居住证信息", "the police's residence permits"),
    "PS5": ("公安部门的标准地址", "the police's register of addresses"),
    "NR1": ("不动产登记", "the property register"),
    "NR2": ("不动产权证核验", "the check of the property certificate"),
    "NR3": ("不动产登记的住房查询", "the property register's count of dwellings"),
    "NR4": ("不动产登记的位置信息", "the property register's map"),
    "HC1": ("住建部门的备案合同", "the housing bureau's filed contracts"),
    "HC2": ("住建部门的租赁备案", "the housing bureau's filed leases"),
    "HC3": ("住建部门的安置房信息", "the housing bureau's resettlement records"),
    "HR1": ("人社部门的参保信息", "the social insurance record"),
    "HR2": ("人社部门的就业登记", "the employment register"),
    "MR1": ("市场监管部门的个体工商户登记", "the register of sole traders"),
    "MR2": ("市场监管部门的企业登记", "the register of companies"),
    "ED1": ("教育部门的学籍信息", "the pupil register"),
    "ED2": ("教育部门的学位信息", "the register of seats"),
    "X1": ("民政部门的婚姻登记", "the register of marriages"),
    "X2": ("出生医学证明", "the birth certificate"),
    "X3": ("民政部门的监护、收养、抚养登记", "the record of guardianship, adoption and custody"),
    "X4": ("退役军人部门的优待信息", "the veterans' register"),
    "X5": ("人才部门的认定信息", "the register of talents"),
    "X6": ("应急部门的优待信息", "the emergency bureau's register"),
    "X7": ("税务部门的完税信息", "the tax office's record"),
    "X9": ("供水供电记录", "the record of water and power in use"),
    "X10": ("电子证照", "the electronic licence"),
    "X11": ("居住证或永久居留身份证", "the permit of a resident from elsewhere"),
    "X12": ("公积金中心的缴存信息", "the housing fund's record"),
    "street": ("街道办事处", "the street office"),
    "document": ("您上传的材料", "the papers that you uploaded"),
    "officer": ("学校工作人员核对", "the school's check"),
    "declared": ("您的填报", "what you stated"),
}

_N22 = "教育部办公厅2022年招生入学通知"
_E22 = "the Ministry of Education's enrollment notice of 2022"
_BAN = "教育部招生“十项严禁”"
_EBAN = "the Ministry of Education's ten prohibitions for enrollment"
_FORBIDDEN: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), zh, en)
    for pattern, zh, en in (
        (
            r"income|salary|wage|收入|工资",
            f"{_N22}：不得采集父母收入",
            f"{_E22}: parents' income may not be collected",
        ),
        (
            r"(^|[._])(post|position|occupation|profession|employer|job_title|rank)($|[._])|职务|职业",
            f"{_N22}：不得采集父母职务",
            f"{_E22}: parents' posts may not be collected",
        ),
        (
            r"vaccin|immuni[sz]|疫苗|接种",
            f"{_N22}：预防接种证不得作为入学条件",
            f"{_E22}: vaccination is no condition of entry",
        ),
        (
            r"pre_?school|kindergarten|幼儿园|学前",
            f"{_N22}：取消学前教育经历证明",
            f"{_E22}: proof of pre-school is abolished",
        ),
        (
            r"only_?child|birth_?control|family_?planning|独生|计划生育|计生",
            f"{_N22}：取消计划生育证明",
            f"{_E22}: proof of birth control is abolished",
        ),
        (r"over_?age|超龄", f"{_N22}：取消超龄入学证明", f"{_E22}: proof of over-age is abolished"),
        (
            r"(^|[._])(scores?|exams?|tests?|grades?|marks?|interview)($|[._])|成绩|考试|面试",
            f"{_BAN}：不得以考试选拔学生",
            f"{_EBAN}: no selection by tests",
        ),
        (
            r"contest|prize|award|olympiad|competition|child\.certificate|竞赛|奖|特长",
            f"{_BAN}：不得以竞赛证书为依据",
            f"{_EBAN}: contest certificates are no basis",
        ),
        (r"donat|sponsor|捐|赞助", f"{_BAN}：不得与捐资挂钩", f"{_EBAN}: no ties to donations"),
        (
            r"submi|applied_(at|on)|arrival|queue|first_come|提交|先后|排队",
            "提交先后不影响录取（招生公平原则）",
            "the order of submission may not matter (equal treatment)",
        ),
    )
)


def forbidden(name: str) -> tuple[str, str] | None:
    """The rule (Chinese, English) that forbids deciding by `name`; None where the law says nothing about it.

    Source: the national notices that each entry names. Names of the vocabulary are always allowed.
    """
    if name in VOCABULARY:
        return None
    return next(((zh, en) for pattern, zh, en in _FORBIDDEN if pattern.search(name.lower())), None)
