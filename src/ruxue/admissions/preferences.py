"""A family's list of schools: what it may hold, how it is kept, and the chance that it has today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import transaction

from ruxue.accounts.models import User
from ruxue.admissions import inputs as frozen
from ruxue.admissions import rounds, seating
from ruxue.admissions.models import Lottery, PreferenceList, Publication
from ruxue.algorithms import chance
from ruxue.applications.models import Application
from ruxue.applications.states import DEAD, HOLDS_SEAT, State
from ruxue.ledger import clock
from ruxue.places import rules, seasons
from ruxue.places.models import School, Season
from ruxue.policy import arrangements
from ruxue.policy.arrangements import Stage

RUNS = 100
FRESH = 60  # seconds for which everybody else's list counts as current
_NO_SEAT_WANTED = HOLDS_SEAT | DEAD | {State.REJECTED}


class ListError(ValueError):
    """A list that can't be kept; `code` says why: closed, too_many, twice, unknown_school, one_private."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Terms:
    """What a family may list now: schools in the order of their codes, at most `limit`, of them `zone` by right;
    `stage`: the run for which the list counts; `feeder`: the school that the child goes up to, `may_decline` if the
    rule lets the family; `loser_last`: a private school listed first and not drawn costs the place in the category;
    `open`: whether the list can be changed now.
    """

    schools: list[School]
    limit: int
    zone: list[str]
    stage: Stage
    feeder: School | None
    may_decline: bool
    loser_last: bool
    open: bool

    @property
    def empty(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.schools) < 2 and self.feeder is None and not any(s.private for s in self.schools)


def _stage(season: Season, row: Application) -> Stage:
    """The run for which the child's list counts: a preference round of its category, else the first one."""
    policy = rules.in_force(season)
    plan = arrangements.stages(policy) if policy else [Stage("all", 0)]
    if policy is None:
        return plan[0]
    now = rounds.stage_next(season, policy).number
    ahead = [s for s in plan if s.kind == "preference" and (not row.category or row.category in (s.categories or ()))]
    return next((s for s in ahead if s.number >= now), ahead[-1] if ahead else plan[0])


def terms(row: Application) -> Terms:
    """What the family of an application may list."""
    season = row.season
    policy, stage = rules.in_force(season), _stage(season, row)
    plans = {p.school_id: p.school for p in season.plans.select_related("school").order_by("school_id")}
    zone = frozen.zones(season, {row.compound_id or ""}).get(row.compound_id or "", [])
    private = [code for code, s in plans.items() if s.private]
    public = [code for code in plans if code not in private]
    allowed = public if stage.kind == "preference" else sorted({*zone, *private} & plans.keys())
    feeders = {f.primary: f for f in (policy.feeders if policy else None) or ()}
    promoted = feeders.get(str(frozen.fact(row, "child.primary_school")))
    junior = next((s for s in plans.values() if promoted and promoted.junior in (s.name_zh, s.code)), None)
    drawing = season.lotteries.filter(state__in=[Lottery.State.PUBLISHED, Lottery.State.REVEALING]).exists()
    return Terms(
        [plans[code] for code in allowed],
        min(stage.choices, len(allowed)),
        [s for s in zone if s in plans],
        stage,
        junior,
        bool(junior and promoted and promoted.opt_out),
        bool(policy and arrangements.loser_last(policy) and set(allowed) & set(private)),
        seasons.is_open(season, "preference") and row.state not in _NO_SEAT_WANTED and not drawing,
    )


@transaction.atomic
def save(key: str, user: User, schools: list[str], declines_feeder: bool = False) -> PreferenceList:
    """Keeps a family's list, most wanted first. Children born together have one list, kept for each of them.

    Raises ListError; nothing is changed then. A private school can be listed once: its lottery is held at the same time
    for all, so a second one would never be asked.
    """
    row = Application.objects.select_for_update(of=("self",)).select_related("season").get(key=key, guardian=user)
    allowed = terms(row)
    if not allowed.open:
        raise ListError("closed")
    codes = {s.code: s for s in allowed.schools}
    if len(schools) > allowed.limit:
        raise ListError("too_many")
    if len(set(schools)) < len(schools):
        raise ListError("twice")
    if not set(schools) <= codes.keys():
        raise ListError("unknown_school")
    if sum(codes[s].private for s in schools) > 1:
        raise ListError("one_private")
    bound = Application.objects.filter(season=row.season, guardian=user, group=row.group) if row.group else [row]
    declines = declines_feeder and allowed.may_decline
    kept = {"schools": schools, "declines_feeder": declines, "changed_at": clock.now()}
    for one in bound:
        PreferenceList.objects.update_or_create(application=one, defaults=kept)
    return PreferenceList.objects.get(application=row)


def remaining(season: Season) -> Publication | None:
    """The seats that were left after the last round, as published; None before that."""
    return Publication.objects.filter(season=season, kind="remaining").first()


@dataclass(frozen=True)
class Chance:
    """How often the child got this seat when the allocation was done over: `times` of `runs`, and the word for it."""

    school: str
    times: int
    runs: int

    @property
    def word(self) -> str:
        return chance.word(self.times, self.runs)


def chances(row: Application) -> list[Chance]:
    """For each school that the child asks for by right or list: how often it got the seat in `RUNS` allocations with
    other lots, everybody else's application and list as they are now. Empty before a category is known.
    """
    policy = rules.in_force(row.season)
    if policy is None or not row.category:
        return []
    stage = _stage(row.season, row)
    others = _everybody(row.season, stage)
    mine = frozen.freeze(row.season, policy, [row], others["seats"], stage)
    # Done over a district it takes a second: who looks again at the same list sees the same count for a while.
    key = f"chance/{row.pk}/{seating.digest(mine).hex()}"
    known: list[Chance] | None = cache.get(key)
    if known is not None:
        return known
    group = {a["receipt"] for a in others["applications"] if row.group and a["group"] == row.group} | {row.receipt}
    bound = [
        {**a, "list": mine["applications"][0]["list"]}
        for a in others["applications"]
        if a["receipt"] in group and a["receipt"] != row.receipt
    ]
    rest = [a for a in others["applications"] if a["receipt"] not in group]
    asked = seating.lines({**others, "applications": [*rest, *bound, *mine["applications"]]})
    unit = row.group or row.receipt
    if unit not in asked.units:
        return []
    counts = chance.reruns(asked.market, RUNS, row.season_id)
    u = asked.units.index(unit)
    span = range(int(asked.market.start[u]), int(asked.market.start[u + 1]))
    found = [Chance(asked.options[o][0], int(counts[o]), RUNS) for o in span]
    cache.set(key, found, FRESH)
    return found


def _everybody(season: Season, stage: Stage) -> dict[str, Any]:
    """The inputs as they would be if the round were run now with every decided application of its categories."""
    key = f"chance/{season.pk}/{stage.number}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        policy = rules.in_force(season)
        assert policy is not None
        rows = Application.objects.filter(season=season).exclude(category="").exclude(state__in=_NO_SEAT_WANTED)
        if stage.categories is not None:
            rows = rows.filter(category__in=stage.categories)
        waiting = list(rows.select_related("season").order_by("receipt"))
        found = frozen.freeze(season, policy, waiting, rounds.seats_left(season), stage)
        cache.set(key, found, FRESH)
    return found
