"""What a synthetic city consists of: its map, its people, and each family's truth, claim and papers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

DATA = Path(__file__).with_name("data")
PERSON_REGION = "370799"  # never issued: no ID number here is anybody's
Json = dict[str, Any]
Relation = Literal["father", "mother", "grandfather", "grandmother", "other"]


@dataclass(frozen=True)
class District:
    """`code` is GB/T 2260 where one exists, else a synthetic one (docs/simulation.md); `geometry` is
    a GeoJSON polygon."""

    key: str
    name_zh: str
    name_en: str
    code: str
    geometry: Json
    lng: float
    lat: float


@dataclass(frozen=True)
class Street:
    code: str
    name: str
    district: str


@dataclass(frozen=True)
class Community:
    """A neighbourhood or village committee; `street` is its street's name."""

    code: str
    name: str
    street_code: str
    district: str
    lng: float
    lat: float
    street: str


@dataclass(frozen=True)
class Compound:
    """A residential compound. `address` is canonical; `aliases` are the developer's, the police's and old
    names."""

    code: str
    name: str
    address: str
    aliases: tuple[str, ...]
    community: str
    district: str
    lng: float
    lat: float
    built_year: int
    kind: Literal["commercial", "work_unit", "village", "resettlement"]
    buildings: int


@dataclass(frozen=True)
class School:
    """`geometry` and `compounds` are its zone: the polygon is for the map, the compounds decide. `class_size` is
    at most 45. `history`: newest first, each with year, entries, registered (children of that age in the zone)
    and last_category."""

    code: str
    name_zh: str
    name_en: str
    district: str
    lng: float
    lat: float
    address: str
    phone: str
    classes: int
    class_size: int
    history: list[Json]
    geometry: Json
    compounds: tuple[str, ...]

    @property
    def seats(self) -> int:
        return self.classes * self.class_size


@dataclass(frozen=True)
class Person:
    id_number: str
    name: str
    sex: Literal["M", "F"]
    born_on: date


@dataclass(frozen=True)
class Kin:
    """A person and what he or she is to the children. Maternal grandparents carry `maternal`."""

    person: Person
    relation: Relation
    maternal: bool = False


@dataclass(frozen=True)
class Sibling:
    """An elder child in school."""

    person: Person
    school_code: str
    grade: int
    stage: Literal["primary", "junior"]


@dataclass(frozen=True)
class Share:
    person: Person
    share_bp: int


@dataclass(frozen=True)
class Dwelling:
    """A registered right."""

    unit_no: str
    certificate_no: str
    certificate_type: Literal["new", "old"]
    address_code: str
    address: str
    district: str
    use: str
    area_cm2: int
    owners: tuple[Share, ...]
    registered_on: date
    status: Literal["current", "historic"]
    nature: str = "commercial"


@dataclass(frozen=True)
class Contract:
    """A filed sale contract of a home without a certificate yet."""

    contract_no: str
    address_code: str
    address: str
    district: str
    buyers: tuple[Share, ...]
    filed_on: date
    delivered_on: date | None
    project: str


@dataclass(frozen=True)
class Lease:
    """`months`: unbroken months at the cut-off, 31 August of the season's year."""

    filing_no: str
    landlord: str
    tenant: Person
    address_code: str
    address: str
    sole: bool
    starts_on: date
    ends_on: date
    filed_on: date
    months: int
    kind: Literal["private", "dormitory", "public_rental"] = "private"


@dataclass(frozen=True)
class Lock:
    """A seat that a home serves or served: entered in `since`, into the stage's first grade; `left` says how it ended."""

    address_code: str
    unit_no: str
    stage: Literal["primary", "junior"]
    school_code: str
    since: int
    left: Literal["", "transferred_out"]
    parents: tuple[Person, ...]


@dataclass(frozen=True)
class Resettlement:
    agreement_no: str
    original_address: str
    original_address_code: str
    address_code: str
    address: str
    signed_on: date


@dataclass(frozen=True)
class Permit:
    """A residence permit; `months` unbroken at the registers' day."""

    person: Person
    permit_no: str
    first_issued_on: date
    months: int
    address: str
    region: str


@dataclass(frozen=True)
class Period:
    """Months insured in one type, up to today where `last_month` is None."""

    kind: Literal["pension", "medical", "unemployment", "injury", "maternity"]
    first_month: date
    last_month: date | None
    back_paid: bool


@dataclass(frozen=True)
class Insurance:
    person: Person
    region: str
    first_month: date
    months: int
    back_paid: int
    periods: tuple[Period, ...]


@dataclass(frozen=True)
class Job:
    """Where somebody works and since when: never the post, the pay or the employer's name."""

    person: Person
    kind: Literal["contract", "flexible", "trader", "company"]
    region: str
    starts_on: date
    uscc: str
    address_code: str


@dataclass(frozen=True)
class Paid:
    """Months for which somebody paid tax or into the housing fund without a gap, from `first_month` to this year's
    register day; never how much."""

    person: Person
    kind: Literal["tax", "fund"]
    region: str
    first_month: date


@dataclass(frozen=True)
class Household:
    """The children's household book: who is in it, where and since when."""

    number: str
    collective: bool
    district: str
    region: str
    address: str
    address_code: str
    entered_on: date
    by_birth: bool
    head: Person
    members: tuple[Kin, ...]


@dataclass(frozen=True)
class Claim:
    """What a family types. `room` and `certificate_no`, as typed, only in the standard lane, else "".

    People are {name, id_number} and, for guardians, relation. `grandparent` is the owner when `basis` is
    "grandparents", or a co-owner of the family's own home.
    """

    guardian: dict[str, str]
    second_guardian: dict[str, str] | None
    children: list[dict[str, str]]
    basis: Literal["owned", "grandparents", "contract", "lease", "resettlement"]
    compound: str
    room: str
    certificate_no: str
    grandparent: dict[str, str] | None


@dataclass(frozen=True)
class Paper:
    """A paper that the family holds: whether it is genuine shows only when its original is examined."""

    kind: Literal["certificate", "contract", "lease", "resettlement", "household_book", "work"]
    number: str
    authentic: bool
    fields: dict[str, str]


@dataclass(frozen=True)
class Truth:
    """For scoring and for the registers only: how the claimed home is really held, and what was planted.

    `mistakes` are the family's in `claim`; `flaws` the registers' about this family.
    """

    held_as: Literal["owned", "grandparents", "contract", "resettlement", "lease", "none"]
    mistakes: tuple[str, ...]
    flaws: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """Three generations and what they live by. `compound`, `address_code` and `address` are the home they really
    live in; `papers` begin with the one that carries the claim. `only`: parents who are their parents' only child."""

    key: int
    phone: str
    kind: str
    district: str
    compound: str
    address: str
    address_code: str
    guardians: tuple[Kin, ...]
    grandparents: tuple[Kin, ...]
    children: tuple[Person, ...]
    siblings: tuple[Sibling, ...]
    household: Household
    dwellings: tuple[Dwelling, ...]
    contracts: tuple[Contract, ...]
    leases: tuple[Lease, ...]
    resettlements: tuple[Resettlement, ...]
    permits: tuple[Permit, ...]
    insurance: tuple[Insurance, ...]
    jobs: tuple[Job, ...]
    locks: tuple[Lock, ...]
    only: tuple[Literal["father", "mother"], ...]
    fraud: str | None
    claim: Claim
    corrected: Claim
    papers: tuple[Paper, ...]
    truth: Truth


@dataclass
class City:
    """All of it. `idle_users` are accounts that never apply; `children_by_community` maps (community, birth
    year) to a count; `aggregates` holds counts by district: parent_ages, education, and flows (hukou's
    district → school's)."""

    year: int
    seed: int
    districts: list[District]
    streets: list[Street]
    communities: list[Community]
    compounds: dict[str, Compound]
    schools: list[School]
    families: list[Family]
    idle_users: int
    children_by_community: dict[tuple[str, int], int]
    aggregates: dict[str, dict[str, dict[str, int]]]
    zone_of: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.zone_of = {c: s.code for s in self.schools for c in s.compounds}

    def school_of(self, compound: str) -> str:
        """The school in whose zone a compound lies. Raises KeyError for a compound outside the city."""
        return self.zone_of[compound]

    @property
    def register_day(self) -> date:
        """The day that the registers speak of."""
        return date(self.year, 3, 1)
