"""What a rule would do: two texts decide the same families, side by side, and only counts and masked words come out.

Nothing here writes a verdict, a state or a message of an application: families are read, decided in memory and
counted. A season of 31,353 families takes one process a few seconds (benchmarks/whatif.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import close_old_connections

from ruxue.accounts.models import User
from ruxue.applications import stored_facts
from ruxue.applications.models import Application
from ruxue.applications.states import State
from ruxue.insight.models import WhatIf
from ruxue.ledger import clock
from ruxue.places.models import Season, SeatPlan, Window, Zone
from ruxue.policy import language
from ruxue.policy.compare import Comparison, Family, both_explained, fixed_days, summary, what_if
from ruxue.policy.coverage import reached
from ruxue.policy.engine import decide
from ruxue.policy.explain import Explanation
from ruxue.policy.language import COORDINATE, Policy
from ruxue.policy.words import pick

Source = WhatIf.Source
Step = Callable[[int, int], None]
SAMPLE = 20
_EVERY = 500
_LOOKS = 3_000  # families that tell which conditions are never put to the test


@dataclass(frozen=True)
class Collected:
    """Families with the names of the groups that they are counted in, and the seats of their schools."""

    families: list[Family]
    seats: dict[str, int]
    names: dict[str, str]


def ask(
    season: Season,
    source: str,
    before: tuple[str, str],
    after: tuple[str, str],
    by: User,
    children: int | None = None,
) -> WhatIf:
    """A what-if to be run; `before` and `after` are label and text. Raises PolicyError where a text is no policy in the
    year whose families are judged."""
    past = last_season(season) if source == Source.LAST else None
    for _label, text in (before, after):
        language.load(text, past.year if past else season.year)
    return WhatIf.objects.create(
        season=season,
        source=source,
        children=children,
        before_label=before[0][:160],
        before_text=before[1],
        after_label=after[0][:160],
        after_text=after[1],
        by=by,
        asked_at=clock.now(),
    )


def last_season(season: Season) -> Season | None:
    """The newest earlier season of the same district and level whose collection is over and has families with facts."""
    earlier = Season.objects.filter(district=season.district_id, level=season.level, year__lt=season.year)
    running = Window.objects.filter(kind=Window.Kind.COLLECTION, closes_at__gt=clock.now()).values("season")
    found = earlier.exclude(pk__in=running).order_by("-year")
    return next((past for past in found if _rows(past).exists()), None)


# ── families ──────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(season: Season) -> Any:
    return (
        Application.objects.filter(season=season)
        .exclude(state__in=[State.DRAFT, State.WITHDRAWN, State.VOIDED])
        .exclude(facts={})
    )


def _read(season: Season) -> Iterator[Family]:
    """Families of a season as they stand: stored facts, with what a person confirmed."""
    zones = dict(
        Zone.compounds.through.objects.filter(zone__season=season).values_list("compound_id", "zone__school_id")
    )
    found = _rows(season).order_by("pk").values_list("key", "facts", "overrides", "school_id", "compound_id", "basis")
    for key, facts, overrides, school, compound, basis in found.iterator(chunk_size=2_000):
        sheet = stored_facts.unpack({**facts, **overrides})
        hukou = sheet.get("child.hukou_district")
        home = "here" if hukou and hukou.value == season.district_id else "elsewhere"
        groups = {"school": school or "", "zone": zones.get(compound, ""), "kind": f"{basis}/{home}"}
        yield Family(key, sheet, {name: value for name, value in groups.items() if value})


def _plan(season: Season) -> tuple[dict[str, int], dict[str, str]]:
    plans = SeatPlan.objects.filter(season=season).select_related("school")
    return {p.school_id: p.seats for p in plans}, {p.school_id: p.school.name_zh for p in plans}


# ── deciding ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Found:
    """What is read off single families: the sample in words, and the sheets that conditions are tried on."""

    sample: list[dict[str, Any]]
    uses: dict[str, dict[str, list[int]]]


def _words(e: Explanation) -> dict[str, Any]:
    """An explanation without its evidence: what the rule asks and whether it is met, no value of anybody's."""
    return {
        "code": e.code,
        "title": e.title,
        "conditions": [[line.text, int(line.truth)] for line in e.conditions],
        "better": [[s.title, s.blocking.text, int(s.truth)] for s in e.better],
        "notes": len(e.notes),
        "total": e.total,
    }


def _looked(before: Policy, after: Policy, families: Sequence[Family], made: Comparison) -> Found:
    by_key = {f.key: f for f in families}
    # Families whose seat hangs on the change are worth a look too, where no category moves.
    wanted = list(dict.fromkeys([*made.sample, *made.won[: SAMPLE // 4], *made.lost[: SAMPLE // 4]]))
    sample = []
    for key in wanted:
        family = by_key[key]
        both = {lang: [_words(e) for e in both_explained(before, after, family.facts, lang)] for lang in ("zh", "en")}
        keys = [list(decide(p, family.facts, final=True).order_keys) for p in (before, after)]
        seat = "won" if key in set(made.won) else "lost" if key in set(made.lost) else ""
        sample.append({"groups": dict(family.groups), "words": both, "seat": seat, "order": keys[0] != keys[1]})
    sheets = [f.facts for f in families[:_LOOKS]]
    uses: dict[str, dict[str, list[int]]] = {}
    counts = [[u.met, u.unmet, u.unknown] for u in reached(after, sheets, "zh")]
    for lang in ("zh", "en"):
        said = [f"{u.place}\x1f{u.text}" for u in reached(after, [], lang)]
        uses[lang] = dict(zip(said, counts, strict=True))
    return Found(sample, uses)


def compared(before: Policy, after: Policy, collected: Collected, step: Step) -> tuple[Comparison, Found]:
    """Both rules over families that are at hand, in this process."""
    made = what_if(before, after, collected.families, collected.seats, step, SAMPLE)
    return made, _looked(before, after, collected.families, made)


# ── a what-if from beginning to end ───────────────────────────────────────────────────────────────────────────


def run(pk: int, synthetic: Callable[[Season, int, Step], Collected] | None = None) -> None:
    """Runs a what-if and stores what came out; its row tells the progress. A second start finds nothing to do.

    `synthetic` makes the families of a city that nobody lives in; who starts the job hands it in.
    """
    row = WhatIf.objects.select_related("season").get(pk=pk)
    if row.phase != "waiting":
        return
    started = time.monotonic()
    said = [0.0]

    def tell(phase: str) -> Step:
        def step(done: int, todo: int) -> None:
            # The page looks every second; more often would only cost.
            if time.monotonic() - said[0] > 0.4 or done == todo:
                said[0] = time.monotonic()
                WhatIf.objects.filter(pk=pk).update(phase=phase, done=done, todo=todo)

        return step

    tell("families")(0, 0)
    try:
        result = _result(row, tell, synthetic)
        WhatIf.objects.filter(pk=pk).update(
            phase="done", result=result, milliseconds=round(1000 * (time.monotonic() - started))
        )
    except Exception:
        close_old_connections()
        WhatIf.objects.filter(pk=pk).update(phase="failed")
        raise


def _result(
    row: WhatIf, tell: Callable[[str], Step], synthetic: Callable[[Season, int, Step], Collected] | None
) -> dict[str, Any]:
    season = row.season
    before, after = (language.load(text, season.year) for text in (row.before_text, row.after_text))
    if row.source == Source.SYNTHETIC:
        assert synthetic is not None
        collected = synthetic(season, row.children or 0, tell("families"))
        made, found = compared(before, after, collected, tell("verdicts"))
        names, fixed = collected.names, []
    else:
        place = season if row.source == Source.NOW else last_season(season)
        if place is None:
            return _told(Comparison(0, {}, {}, (0, 0), [], []), Found([], {}), before, after, {}, [])
        # Days that are written with ${season} move to the year whose families are judged; others are told.
        moved = language.load(row.after_text, place.year)
        fixed = fixed_days(after, moved) if place.year != season.year else []
        before, after = language.load(row.before_text, place.year), moved
        seats, names = _plan(place)
        families, total = [], _rows(place).count()
        step = tell("families")
        for family in _read(place):
            families.append(family)
            if len(families) % _EVERY == 0:
                step(len(families), total)
        made, found = compared(before, after, Collected(families, seats, names), tell("verdicts"))
    return _told(made, found, before, after, names, fixed)


def _told(
    made: Comparison, found: Found, before: Policy, after: Policy, names: Mapping[str, str], fixed: list[str]
) -> dict[str, Any]:
    """The result as it is stored: no key of a family, no value of a fact. `fixed`: days that stayed as written."""
    titles = {
        lang: [
            {c.code: pick(c.title, lang) for c in p.categories} | {COORDINATE: pick(p.coordinate, lang)}
            for p in (before, after)
        ]
        for lang in ("zh", "en")
    }
    return {
        "total": made.total,
        "changed": len(made.changed),
        "open": list(made.open),
        "won": len(made.won),
        "lost": len(made.lost),
        "moves": [[a, b, n] for (a, b), n in sorted(made.moves.items(), key=lambda m: (-m[1], m[0]))],
        "by": {
            group: {value: [[a, b, n] for (a, b), n in sorted(moves.items())] for value, moves in values.items()}
            for group, values in made.by.items()
        },
        "loads": [asdict(load) for load in made.loads],
        "titles": titles,
        "names": dict(names),
        "summary": {lang: summary(made, before, after, lang)[: 1 if not made.loads else None] for lang in ("zh", "en")},
        "sample": found.sample,
        "fixed": fixed,
        "unused": {lang: _untested(uses) for lang, uses in found.uses.items()},
    }


def _untested(uses: Mapping[str, list[int]]) -> list[dict[str, Any]]:
    """Conditions that nobody meets or nobody fails, each said once."""
    out: dict[tuple[str, bool], dict[str, Any]] = {}
    for place, (met, unmet, unknown) in uses.items():
        text = place.split("\x1f")[1]
        if not (met and unmet):
            out.setdefault((text, bool(met)), {"text": text, "met": met, "unmet": unmet, "unknown": unknown})
    return list(out.values())
