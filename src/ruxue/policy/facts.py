"""Facts about a family and Kleene's three-valued logic over them.

A fact has a source and a date. A fact that nobody knows has value None and makes conditions unknown, never false.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

Value = bool | int | str | date


class Truth(IntEnum):
    """Kleene's values, ordered so that `and` is min and `or` is max."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2

    def negate(self) -> Truth:
        return Truth(2 - self)


def all_of(values: Iterable[Truth]) -> Truth:
    return min(values, default=Truth.TRUE)


def any_of(values: Iterable[Truth]) -> Truth:
    return max(values, default=Truth.FALSE)


@dataclass(frozen=True, slots=True)
class Fact:
    """A value with where it comes from: an item's code, "document", "officer", "declared"; None is unknown."""

    value: Value | None
    source: str = ""
    as_of: date | None = None
    evidence: str = ""


FactSheet = Mapping[str, Fact]
UNKNOWN = Fact(None)


@dataclass(frozen=True)
class Term:
    """An entry of the vocabulary.

    `zh`/`en` state the fact as a condition ("您家的房子在本校片区内"); `todo_*` says what a family can do when it is
    unknown or not met.
    """

    kind: type
    items: tuple[str, ...]
    zh: str
    en: str
    todo_zh: str = ""
    todo_en: str = ""


_DOC_HOME = ("上传房产证或购房合同，或预约现场核对", "upload the property certificate or purchase contract, or book an on-site check")
_DOC_HUKOU = ("核对孩子和监护人的姓名、身份证号，或补充户口簿上的另一位监护人", "check names and ID numbers of child and guardian, or add the other guardian in the household book")
_DOC_LEASE = ("上传租赁备案证明，或到住建部门备案后再提交", "upload the lease's filing, or file the lease with the housing bureau and submit again")

VOCABULARY: dict[str, Term] = {
    "child.born_on": Term(date, ("PS1",), "孩子的出生日期", "the child's date of birth"),
    "child.hukou_district": Term(str, ("PS2",), "孩子的户口所在区", "the district of the child's hukou", *_DOC_HUKOU),
    "child.hukou_entry_on": Term(date, ("PS2",), "孩子的落户时间", "when the child's hukou was entered"),
    "child.hukou_by_birth": Term(bool, ("PS2",), "孩子是出生时落户", "the hukou was entered at birth"),
    "child.hukou_collective": Term(bool, ("PS2",), "孩子是集体户口", "the hukou is a collective one"),
    "child.with_guardian_household": Term(bool, ("PS3",), "孩子与监护人在同一本户口簿", "child and guardian are in one household book", *_DOC_HUKOU),
    "child.with_grandparent_household": Term(bool, ("PS3",), "孩子在祖辈的户口簿上", "the child is in a grandparent's household book", *_DOC_HUKOU),
    "child.already_enrolled": Term(bool, ("ED1",), "孩子已有小学学籍", "the child is already registered in a school"),
    "dwelling.owned_by_family": Term(bool, ("NR1", "HC1", "HC3"), "房子由孩子或监护人所有", "child or guardian owns the home", *_DOC_HOME),
    "dwelling.owned_by_grandparent": Term(bool, ("NR1",), "房子由祖辈所有", "a grandparent owns the home", *_DOC_HOME),
    "dwelling.in_zone": Term(bool, ("NR1", "NR4", "HC1", "HC3"), "房子在本校片区内", "the home lies in the school's zone", *_DOC_HOME),
    "dwelling.residential": Term(bool, ("NR1", "HC1"), "房子的用途是住宅", "the home's registered use is residential", *_DOC_HOME),
    "dwelling.address_equals_hukou": Term(bool, ("PS2", "PS5", "NR1"), "户口地址与房子地址一致", "hukou and home have the same address", "如果登记的是旧地名，请预约现场核对", "if the register still has an old address, book an on-site check"),
    "dwelling.family_share_bp": Term(int, ("NR1",), "父母或孩子的产权份额", "parents' or child's share of the home", *_DOC_HOME),
    "dwelling.full_ownership": Term(bool, ("NR1",), "房子是完全产权", "the family owns the home in full", *_DOC_HOME),
    "dwelling.owners_within_kin": Term(bool, ("NR1",), "产权人只有孩子、父母和祖辈", "only child, parents and grandparents own the home", *_DOC_HOME),
    "dwelling.registered_on": Term(date, ("NR1",), "房产登记时间", "when the property was registered"),
    "dwelling.acquired_on": Term(date, ("NR1", "HC1"), "购房时间", "when the home was bought"),
    "dwelling.is_contract": Term(bool, ("HC1",), "房子有备案合同、还没有办证", "the home has a filed contract and no certificate yet"),
    "dwelling.is_resettlement": Term(bool, ("HC3",), "房子是拆迁安置房", "the home is a resettlement dwelling"),
    "dwelling.original_village_in_zone": Term(bool, ("HC3",), "拆迁前的房子在本校片区内", "the house before demolition lay in the zone", "上传拆迁安置协议", "upload the resettlement agreement"),
    "family.no_dwelling_in_core": Term(bool, ("NR3",), "孩子和监护人在中心城区没有住房", "child and guardians own no dwelling in the city's core"),
    "family.reported_absent": Term(bool, ("street",), "街道报告您家没有实际居住", "the street office reports that the family does not live there", "联系街道或学校说明居住情况", "tell the street office or the school how you live"),
    "family.special_group": Term(str, ("document",), "优待类别", "special group", "上传优待证明", "upload the certificate of the special group"),
    "lease.in_zone": Term(bool, ("HC2",), "租住的房子在本校片区内", "the leased home lies in the school's zone", *_DOC_LEASE),
    "lease.sole": Term(bool, ("HC2",), "房子由您家单独承租", "the home is leased by the family alone", *_DOC_LEASE),
    "lease.filed_on": Term(date, ("HC2",), "租赁备案时间", "when the lease was filed", *_DOC_LEASE),
    "lease.months": Term(int, ("HC2",), "连续租住的月数", "months of unbroken lease", *_DOC_LEASE),
    "job.in_district": Term(bool, ("HR1", "HR2", "MR1", "MR2"), "至少一位监护人在本区合法稳定就业", "at least one guardian works lawfully and stably in the district", "上传劳动合同或营业执照", "upload the work contract or the business licence"),
    "job.started_on": Term(date, ("HR1", "HR2", "MR1", "MR2"), "就业起始时间", "when the work began"),
    "permit.first_issued_on": Term(date, ("PS4",), "居住证首次签发时间", "when the residence permit was first issued", "到派出所办理居住证", "apply for a residence permit at the police station"),
    "permit.months": Term(int, ("PS4",), "居住证连续月数", "unbroken months of the residence permit"),
    "insurance.months": Term(int, ("HR1",), "连续参保月数", "unbroken months of social insurance"),
}

FORBIDDEN: dict[str, tuple[str, str]] = {
    "parent.post": ("2022年招生通知：不得采集父母职务", "2022 enrollment notice: parents' posts may not be collected"),
    "parent.income": ("2022年招生通知：不得采集父母收入", "2022 enrollment notice: parents' income may not be collected"),
    "child.vaccinated": ("2022年招生通知：预防接种证不得作为入学条件", "2022 enrollment notice: vaccination is no condition of entry"),
    "child.preschool": ("2022年招生通知：取消学前教育经历证明", "2022 enrollment notice: proof of pre-school is abolished"),
    "child.score": ("十项严禁：不得以考试成绩选拔学生", "ten prohibitions: no selection by tests"),
    "child.certificates": ("十项严禁：不得以竞赛证书为依据", "ten prohibitions: no contest certificates"),
    "application.submitted_at": ("提交先后不影响录取", "the order of submission may not matter"),
}
