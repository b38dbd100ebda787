"""Verification: has the departments asked about claims, judges their answers, and decides by the rule in force."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from ruxue import bulk
from ruxue.accounts.models import Consent
from ruxue.applications import evidence, extensions, machine, questions, record_facts, stored_facts
from ruxue.applications.evidence import Judgement
from ruxue.applications.machine import SYSTEM, By
from ruxue.applications.models import Application, Check, Confirmation, Message, Transition
from ruxue.applications.questions import Places
from ruxue.applications.states import State
from ruxue.exchange import connections, delivery, inquiries
from ruxue.exchange.inquiries import Inquiry
from ruxue.exchange.items import ITEMS
from ruxue.exchange.models import Outstanding, Query
from ruxue.ledger import clock
from ruxue.ledger.models import Entry
from ruxue.places import rules, seasons
from ruxue.places.models import Compound, District, Season, Zone
from ruxue.policy.engine import Verdict, decide
from ruxue.policy.facts import UNKNOWN, Fact, Override
from ruxue.policy.language import Policy

BATCH = 100  # families at once, fewer where that takes long
LONG = 0.8  # seconds: a step well within delivery.AHEAD, so that no turn in a rate passes meanwhile
GATHER = 0.5  # seconds for which families whose answers are there gather to a batch, while others are on the way
PARKED = timedelta(minutes=30)  # a family that waits for answers is looked at again then, if nothing woke it
PATIENCE = timedelta(days=2)  # a silence longer than that opens the way by papers
TIME_TO_FIX = timedelta(days=14)
_WAITS = Outstanding.objects.filter(subject=OuterRef("key"), renewal=False)
_log = logging.getLogger(__name__)
_working, _more = threading.Lock(), threading.Event()


def verify_waiting(seconds: float | None = None, linger: float = 2.0) -> int:
    """Checks waiting applications until none can go on; returns how many came to an end.

    It stays on while questions become due within `linger` seconds, at most `seconds`. A process does this once at a
    time: whoever calls meanwhile returns at once, and the one at work goes on.
    """
    total = 0
    _more.set()
    while _working.acquire(blocking=False):
        try:
            total += _work(seconds, linger)
        finally:
            _working.release()
        if not _more.is_set():
            break
    return total


def _work(seconds: float | None, linger: float) -> int:
    post, total = delivery.Post(), 0
    until = time.monotonic() + seconds if seconds else None
    looked, ready, size = 0.0, BATCH, BATCH
    clock.refresh()
    while True:
        in_time = until is None or time.monotonic() < until
        if _more.is_set():
            _more.clear()
            ready = BATCH
        since, taken = time.monotonic() - looked, 0
        gathered = ready >= BATCH or not post.in_flight or since > GATHER
        if in_time and ((ready and gathered) or since > 1.0):
            clock.refresh()
            began = time.monotonic()
            taken, ended = advance(size)
            total += ended
            looked, ready = time.monotonic(), BATCH if taken == size else 0
            size = max(size // 2, 25) if looked - began > LONG else min(size * 2, BATCH)
        pause = post.start() if in_time else None
        if post.in_flight:
            wait = min(pause or GATHER, GATHER - (time.monotonic() - looked) if ready else GATHER)
            ready += hear(post.collect(0.0 if taken else wait))
        elif not in_time or (not taken and not ready and (pause is None or pause > linger)):
            return total
        elif not taken and not ready:
            time.sleep(min(pause or 0.0, GATHER))


def hear(news: delivery.News) -> int:
    """Wakes families whose answers are there, and has decided ones looked at anew where an answer changed.

    Returns how many there may be.
    """
    if news.ready:
        rows = Application.objects.filter(key__in=news.ready)
        rows.filter(state=State.VERIFYING).update(leased_until=timezone.now())
        silent = rows.filter(~Exists(_WAITS), state=State.NEED_INFO, needed__contains=["department_silent"])
        _recheck(set(silent.values_list("key", flat=True)))
        _complete(news.ready)
    if news.renewed:
        moved = _moved(news.renewed)
        _recheck(moved)
        _look_again(moved)
    return len(news.ready) + len(news.renewed)


_GONE_ON = (State.AUTO_PASSED, State.CLASSIFIED, State.REJECTED, State.SCHOOL_REVIEW)


def _complete(keys: set[str]) -> None:
    """Files that went on while an answer was on the way that could not matter: what it says is shown. Should it change
    what data alone decided, that is decided anew."""
    open_checks = Check.objects.filter(
        application=OuterRef("pk"), claim_version=OuterRef("claim_version"), status=Check.Status.WAITING
    )
    rows = list(
        Application.objects.filter(
            ~Exists(_WAITS), Exists(open_checks), key__in=keys, state__in=_GONE_ON
        ).select_related("season__district", "compound")
    )
    if not rows:
        return
    published = rules.in_force_by_season({row.season_id for row in rows})
    places, checks, changed = _places(rows, published), list[Check](), set[str]()
    for row in rows:
        judged = _judged(row, inquiries.effective(row.key, row.claim_version), places)
        if judged is None:
            continue
        verdict = decide(published[row.season_id][0], judged.facts)
        other = judged.blocking or judged.contradicting or verdict.category != row.category
        if other and row.state == State.AUTO_PASSED:
            changed.add(row.key)
        checks += judged.checks
    _save_checks(checks)
    _recheck(changed)


def _moved(subjects: set[str]) -> set[str]:
    """Subjects for whom a question asked again got another answer than before."""
    rows = Query.objects.filter(subject__in=subjects, state=Query.State.ANSWERED, used__isnull=False)
    return {
        q.subject
        for q in rows.exclude(renews=None).select_related("renews").distinct()
        if q.renews and (q.code, q.match, q.fields) != (q.renews.code, q.renews.match, q.renews.fields)
    }


_WITH_A_PERSON = (State.SCHOOL_REVIEW, State.RETURNED, State.ONSITE_BOOKED)


@transaction.atomic
def _look_again(keys: set[str]) -> None:
    """Files that a person is looking at, where a question asked again got another answer: who decides sees what the
    registers say now. A file that waits for the school, and that data can decide now, leaves its queue."""
    rows = list(
        Application.objects.select_for_update(of=("self",))
        .filter(key__in=keys, state__in=_WITH_A_PERSON)
        .select_related("season__district", "compound")
    )
    if not rows:
        return
    published = rules.in_force_by_season({row.season_id for row in rows})
    places, checks = _places(rows, published), list[Check]()
    for row in rows:
        judged = _judged(row, inquiries.effective(row.key, row.claim_version), places)
        if judged is None:
            continue
        verdict = _decided(row, judged.facts, rule=published.get(row.season_id))
        checks += judged.checks
        settled = verdict.state == "decided" and not (judged.blocking or judged.contradicting)
        if settled and row.state == State.SCHOOL_REVIEW:
            row.leased_until = None
            machine.change(row, "recheck", SYSTEM)
        else:
            row.needed = _missing(verdict, judged)
    _save_checks(checks)
    _save([row for row in rows if row.state in _WITH_A_PERSON])


@transaction.atomic
def _recheck(keys: set[str]) -> None:
    rows = Application.objects.select_for_update(of=("self",)).filter(
        key__in=keys, state__in=machine.CHANGES["recheck"].sources - {State.SCHOOL_REVIEW}
    )
    for row in rows:
        row.leased_until = None
        machine.change(row, "recheck", SYSTEM)


def wake_forgotten() -> int:
    """Wakes families that wait for nothing any more: what a crash between an answer and its family leaves behind."""
    rows = Application.objects.filter(state=State.VERIFYING, leased_until__gt=timezone.now())
    return rows.filter(~Exists(_WAITS)).update(leased_until=timezone.now())


def unfinished() -> bool:
    """Whether a family could go on now: the work of the next job."""
    rows = Application.objects.filter(state=State.VERIFYING)
    return rows.exclude(leased_until__gt=timezone.now()).exists()


def _places(rows: list[Application], published: Mapping[int, tuple[Policy, str]] | None = None) -> Places:
    """The map and the rules as far as this batch needs them; `published` where they were read before."""
    seasons_here = {row.season_id: row.season for row in rows}
    published = published or rules.in_force_by_season(seasons_here)
    policies = {pk: policy for pk, (policy, _) in published.items()}
    compounds = {row.compound_id for row in rows if row.compound_id}
    zone = Zone.compounds.through.objects.filter(zone__season__in=seasons_here).values_list(
        "compound_id", "zone__school_id"
    )
    rows_of = Compound.objects.filter(pk__in=compounds).values_list("code", "address", "name", "aliases")
    names = {code: (text, name, *aliases) for code, text, name, aliases in rows_of}
    return Places(
        compound_names=names,
        district_code=dict(District.objects.values_list("key", "code")),
        zone_of=dict(zone),
        compound_address={code: text for code, (text, *_) in names.items()},
        core={pk: _core(season, policies.get(pk)) for pk, season in seasons_here.items()},
        rules=policies,
    )


def _share_seasons(rows: list[Application]) -> None:
    """One season object for all its rows: what is asked of it is read once a batch."""
    shared = Season.objects.select_related("district").in_bulk({row.season_id for row in rows})
    for row in rows:
        row.season = shared[row.season_id]


def core(season: Season) -> tuple[str, ...]:
    """Districts in which the season's rule counts dwellings; the district itself where it counts none."""
    return _core(season, rules.in_force(season))


def _core(season: Season, policy: Policy | None) -> tuple[str, ...]:
    return (questions.regions(policy) if policy else ()) or (season.district_id,)


@transaction.atomic
def advance(size: int = BATCH) -> tuple[int, int]:
    """Takes up to `size` families one step further: asks what is not asked, judges those whose answers are there.

    Asking comes first: while departments have questions to answer, judging costs no time.

    Questions and their families' rows change in one transaction, which other workers pass by: a crash leaves nothing
    half done. Returns how many families were taken and how many came to an end.
    """
    now = timezone.now()
    rows = list(
        Application.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(state=State.VERIFYING)
        .exclude(leased_until__gt=now)
        .select_related("compound")
        .defer("compound__aliases")
        .order_by(F("leased_until").asc(nulls_first=True), "submitted_at", "id")[:size]
    )
    if not rows:
        return 0, 0
    _share_seasons(rows)
    published = rules.in_force_by_season({row.season_id for row in rows})
    places = _places(rows, published)
    answers, unclear = _ask(rows, places)
    silent = set(delivery.silent_now())
    checks: list[Check] = []
    judged_rows: list[Application] = []
    transitions: list[Transition] = []
    entries: list[Entry] = []
    messages: list[Message] = []
    parked: list[Application] = []
    for row in rows:
        mine = answers.get(row.key, {})
        row.leased_until = now + PARKED
        if any(q.state != Query.State.ANSWERED and q.item not in silent for q in mine.values()):
            parked.append(row)
            continue
        row.overrides = stored_facts.in_force(row)
        judged = None if row.key in unclear else _judged(row, mine, places)
        judged_rows.append(row)
        made: tuple[Transition, Entry] | None
        if judged is None:
            row.needed = ["not_readable"]
            made = machine.prepare(row, "to_person", SYSTEM, "not_readable", "", {})
        else:
            checks += judged.checks
            made = _next(row, judged, published.get(row.season_id))
        if made is None:
            continue
        row.leased_until = None
        transitions.append(made[0])
        entries.append(made[1])
        codes = row.needed if row.state in (State.NEED_INFO, State.REJECTED, State.SCHOOL_REVIEW) else ["passed"]
        if row.state == State.CLASSIFIED:
            codes = [made[0].reason] if made[0].reason else []
        messages += [Message(application=row, code=code, at=row.changed_at) for code in codes]
    if parked:
        Application.objects.filter(pk__in=[r.pk for r in parked]).update(leased_until=now + PARKED)
    _save_checks(checks)
    _save(judged_rows)
    Transition.objects.bulk_create(transitions)
    Entry.objects.bulk_create(entries)
    Message.objects.bulk_create(messages)
    return len(rows), len(transitions)


def _ask(rows: list[Application], places: Places) -> tuple[inquiries.Answers, set[str]]:
    """Plans the questions of a batch; returns what is answered and what is not, by application, and the keys of those
    of whom nobody can say what to ask."""
    agreed = _agreements(rows)
    corrected = {row.key: row.claim_version for row in rows if row.claim_version > 1}
    unsettled: set[tuple[str, str, str]] = set()
    if corrected:
        inquiries.drop(corrected)
        unsettled = set(
            Check.objects.filter(
                application__key__in=corrected, status__in=[Check.Status.MISMATCHED, Check.Status.NOT_FOUND]
            ).values_list("application__key", "item", "part")
        )
    standing, offered = inquiries.Standing({row.key for row in rows}), connections.current().items()
    unclear: set[str] = set()

    def so_far(row: Application) -> dict[inquiries.Part, Query]:
        consent, held = agreed.get(row.guardian_id), standing.of_claim.get((row.key, row.claim_version), {})
        return {key: query for key, query in held.items() if consent and key[0] in consent.items}

    inquiries.plan(
        _of_each(rows, unclear, lambda row: _questions(row, agreed, places, None, offered)),
        unsettled,
        standing=standing,
    )
    # What depends on an answer may depend on one that itself came second: all that is in force counts.
    inquiries.plan(
        _of_each(rows, unclear, lambda row: _questions(row, agreed, places, so_far(row), offered)),
        unsettled,
        ahead=True,
        standing=standing,
    )
    return {row.key: so_far(row) for row in rows}, unclear


def _of_each(rows: list[Application], unclear: set[str], make: Callable[[Application], list[Inquiry]]) -> list[Inquiry]:
    """The questions about all rows; a row with which `make` fails is added to `unclear`, and stops no other."""
    made: list[Inquiry] = []
    for row in rows:
        try:
            made += make(row)
        except DatabaseError:
            raise
        except Exception:
            _log.exception("no questions can be made for application %s", row.key)
            unclear.add(row.key)
    return made


def _questions(
    row: Application,
    agreed: dict[int, Consent],
    places: Places,
    answers: record_facts.Answers | None,
    offered: Collection[str],
) -> list[Inquiry]:
    """The first questions, or with answers the further ones; none beyond what the guardian agreed to. `offered`: the
    items that are connected."""
    consent = agreed.get(row.guardian_id)
    if consent is None:
        return []
    if answers is None:
        made = questions.first_questions(row, consent.key, places)
    else:
        made = questions.further_questions(row, consent.key, places, answers)
    made += extensions.questions(row, consent.key, offered, places, answers)
    return [q for q in made if q.item in consent.items]


def _all_questions(
    row: Application, agreed: dict[int, Consent], places: Places, answers: record_facts.Answers
) -> list[Inquiry]:
    offered = connections.current().items()
    return _questions(row, agreed, places, None, offered) + _questions(row, agreed, places, answers, offered)


def _judge(row: Application, answers: record_facts.Answers, places: Places) -> Judgement:
    """What the answers come to, those of the items that the city switched on included."""
    judged = evidence.judge(row, answers, places)
    region = places.district_code[row.season.district_id]
    judged.facts |= extensions.facts(row, answers, region, judged.facts)
    judged.checks += extensions.checks(row, answers)
    return judged


def _judged(row: Application, answers: record_facts.Answers, places: Places) -> Judgement | None:
    """As `_judge`; None, with an entry in the log, where what stands there can't be judged: no family stops others."""
    try:
        return _judge(row, answers, places)
    except DatabaseError:
        raise
    except Exception:
        _log.exception("the answers about application %s can't be judged", row.key)
        return None


def _agreements(rows: list[Application]) -> dict[int, Consent]:
    live = Consent.objects.filter(user__in={r.guardian_id for r in rows}, withdrawn_at=None).order_by("id")
    return {consent.user_id: consent for consent in live}


DECIDED = (State.AUTO_PASSED, State.CLASSIFIED)
BEFORE_A_PERSON = (*_WITH_A_PERSON, State.NEED_INFO)  # a school will decide on what the registers said


def refresh(season: Season, by: datetime, states: Collection[State] = DECIDED) -> int:
    """Has departments asked again, before a decision at `by`, what will then be older than its item may be.

    Families in these states only; whoever's answers stay the same notices nothing. Returns how many questions go out.
    """
    asked = 0
    rows = Application.objects.filter(season=season, state__in=states)
    keys = list(rows.order_by("id").values_list("pk", flat=True))
    for start in range(0, len(keys), BATCH):
        batch = list(rows.filter(pk__in=keys[start : start + BATCH]).select_related("season__district", "compound"))
        agreed, places = _agreements(batch), _places(batch)

        def aged(row: Application, agreed: dict[int, Consent] = agreed, places: Places = places) -> list[Inquiry]:
            answers = inquiries.effective(row.key, row.claim_version)
            made = _all_questions(row, agreed, places, answers)
            return [q for q in made if (old := answers.get((q.item, q.part))) and _ages(old, by)]

        asked += inquiries.renew(_of_each(batch, set(), aged))
    return asked


def _ages(query: Query, by: datetime) -> bool:
    return query.answered_at is not None and by - query.answered_at > timedelta(days=ITEMS[query.item].freshness_days)


def ask_again(row: Application, item: str, part: str) -> int:
    """Asks one question of a family again: a register was corrected. Returns how many questions go out."""
    agreed, places = _agreements([row]), _places([row])
    answers = inquiries.effective(row.key, row.claim_version)
    made = _all_questions(row, agreed, places, answers)
    return inquiries.renew([q for q in made if (q.item, q.part) == (item, part)])


def replay(query: Query) -> tuple[Verdict, Verdict] | None:
    """What the rule in force makes of an application as it was decided, and with this answer read anew today.

    Nothing is stored. None where the application or its rule is gone.
    """
    row = Application.objects.filter(key=query.subject).select_related("season__district", "compound").first()
    policy = rules.in_force(row.season) if row else None
    if row is None or policy is None:
        return None
    answers = inquiries.effective(row.key, row.claim_version)
    answers[query.item, query.part] = query
    judged = _judge(row, answers, _places([row]))
    return decide(policy, stored_facts.unpack(row.facts), True), decide(policy, judged.facts, True)


_COLUMNS = [
    "state",
    "facts",
    "overrides",
    "needed",
    "needed_facts",
    "category",
    "order_keys",
    "policy_digest",
    "deadline",
    "changed_at",
    "leased_until",
]


def _save(rows: list[Application]) -> None:
    """What judging changed, in one statement for all rows."""
    columns = {name: Application._meta.get_field(name).db_type(connection) for name in _COLUMNS}
    with connection.cursor() as cursor:
        cursor.execute(
            f"update applications_application a set {', '.join(f'{name} = r.{name}' for name in columns)} "
            f"from json_to_recordset(%s::json) as r(id bigint, {', '.join(f'{n} {t}' for n, t in columns.items())}) "
            "where a.id = r.id",
            [bulk.packed({"id": row.pk, **{name: getattr(row, name) for name in columns}} for row in rows)],
        )


def _save_checks(checks: list[Check]) -> None:
    columns: dict[str, Any] = {n: Check._meta.get_field(n) for n in ("claimed", "registered")}
    seal = {n: column.sealed for n, column in columns.items()}
    rows = [
        {
            "application": check.application_id,
            "version": check.claim_version,
            "item": check.item,
            "part": check.part,
            "status": str(check.status),
            "reason": check.reason,
            "as_of": check.as_of,
            "first_try": check.first_try,
            **{name: sealed(getattr(check, name)) for name, sealed in seal.items()},
        }
        for check in checks
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into applications_check (application_id, claim_version, item, part, status, reason, claimed,
              registered, as_of, first_try)
            select application, version, item, part, status, reason, decode(claimed, 'base64'),
              decode(registered, 'base64'), as_of, first_try
            from json_to_recordset(%s::json) as r(application bigint, version smallint, item text, part text,
              status text, reason text, claimed text, registered text, as_of date, first_try boolean)
            on conflict (application_id, claim_version, item, part) do update
            set status = excluded.status, reason = excluded.reason, claimed = excluded.claimed,
              registered = excluded.registered, as_of = excluded.as_of, first_try = excluded.first_try
            """,
            [bulk.packed(rows)],
        )


def _rule(season: Season) -> tuple[Policy, str]:
    """The rule in force and its digest. Raises LookupError where none is published."""
    version = rules.version_in_force(season)
    if version is None:
        raise LookupError(f"season {season.key} has no published rule")
    return rules.policy_of(version), version.digest


def _decided(
    row: Application, facts: dict[str, Fact], final: bool = False, rule: tuple[Policy, str] | None = None
) -> Verdict:
    """Puts the rule's verdict on the application and returns it."""
    policy, digest = rule or _rule(row.season)
    verdict = decide(policy, facts, final)
    row.facts = stored_facts.pack(facts)
    row.category, row.order_keys = verdict.category, list(verdict.order_keys)
    row.policy_digest = digest
    # Whose kinship is open is an owner: the paper that shows it shows owners and shares.
    named = ("dwelling.owners" if name == "family.kin" else name for name in verdict.needed)
    row.needed_facts = list(dict.fromkeys(named))
    return verdict


def _next(row: Application, judged: Judgement, rule: tuple[Policy, str] | None) -> tuple[Transition, Entry] | None:
    """The change that the judgement leads to; None while a department is silent about something that matters."""
    category = row.category
    verdict = _decided(row, judged.facts, rule=rule)
    if judged.contradicting:
        row.needed = ["registers_contradict"]
        return machine.prepare(row, "to_person", SYSTEM, "registers_contradict", "", {})
    if verdict.state == "ineligible":
        row.needed = ["already_enrolled" if judged.facts["child.already_enrolled"].value else "too_young"]
        return machine.prepare(row, "ineligible", SYSTEM, row.needed[0], "", {})
    if category and _was_settled(row):
        # Who has had a say, or let the time for it pass, is not asked once more because a register moved.
        row.needed, row.deadline = [], None
        again = _decided(row, judged.facts, final=True, rule=rule).category
        return machine.prepare(row, "decide_again", SYSTEM, "" if again == category else "answer_changed", "", {})
    if verdict.state == "decided" and not judged.blocking:
        row.needed, row.deadline = [], None
        return machine.prepare(row, "pass_by_data", SYSTEM, "passed", "", {})
    if judged.waiting:
        row.needed = ["department_silent"]
        if clock.now() - row.changed_at <= PATIENCE:
            return None
        row.deadline = deadline(row.season)
        return machine.prepare(row, "ask_family", SYSTEM, "department_silent", "", {})
    row.needed, row.deadline = _missing(verdict, judged), deadline(row.season)
    return machine.prepare(row, "ask_family", SYSTEM, row.needed[0], "", {})


def _missing(verdict: Verdict, judged: Judgement) -> list[str]:
    """Codes of what stands between a claim and its decision, for the family and for who looks at its papers."""
    open_facts = set(verdict.needed)
    found = [code for code, facts in judged.reasons.items() if not facts or facts & open_facts]
    if open_facts - {name for facts in judged.reasons.values() for name in facts} or not found:
        found.append("paper_needed")
    return found


_FINAL = frozenset({"close", "accept_review", "refuse_evidence", "decide_again"})
_OPENS = frozenset({"submit", "resubmit", "dispute", "pass_by_data"})


def _was_settled(row: Application) -> bool:
    """Whether the application is verified again after a final decision, with nothing new from the family since."""
    names = list(row.transitions.order_by("-id").values_list("name", flat=True)[:20])
    last = next((name for name in names if name in _FINAL | _OPENS), "")
    return names[:1] == ["recheck"] and last in _FINAL


def deadline(season: Season) -> datetime:
    """Until when a family can correct or prove: two weeks, but not beyond the correction window."""
    window = seasons.window(season, "correction")
    latest = clock.now() + TIME_TO_FIX
    return min(latest, window.closes_at) if window and window.closes_at > clock.now() else latest


def decide_final(row: Application, by: By, reason: str) -> None:
    """Decides by what is proven, on a row that the caller has locked: what is unknown stays unproven, not untrue."""
    verdict = _decided(row, stored_facts.unpack(row.facts), final=True)
    row.needed = []
    machine.change(row, "close", by, reason, category=verdict.category)


def decide_with(row: Application, confirmed: dict[str, Fact], by: By, change: str, reason: str, note: str = "") -> None:
    """Decides after a person looked at papers: `confirmed` facts override what the registers left open.

    Each is stored with its reason, who decided and when, and stays in force when the claim is verified again, as long
    as the claim speaks of the same home and people.
    """
    held, papers = stored_facts.unpack(row.facts), {d.key: d for d in row.documents.all()}
    who, now = str(by.user.key) if by.user else by.kind.value, clock.now()
    marked: dict[str, Fact] = {}
    made: list[Confirmation] = []
    overrides = stored_facts.in_force(row)
    for name, fact in confirmed.items():
        old = held.get(name, UNKNOWN).value
        marked[name] = replace(fact, override=Override(who, clock.today(), reason, old))
        about = stored_facts.about(row, name)
        packed = stored_facts.pack({name: marked[name]})[name]
        overrides[name] = [*packed[:3], {**packed[3], "about": about}]
        made.append(
            Confirmation(
                application=row,
                fact=name,
                value=packed[0],
                replaced=packed[3]["override"][3],
                reason=reason,
                note=note,
                document=papers.get(fact.evidence or ""),
                by=by.user,
                at=now,
                claim_version=row.claim_version,
                about=about,
            )
        )
    Confirmation.objects.bulk_create(made)
    row.overrides = overrides
    facts = {**held, **marked}
    _decided(row, facts, final=True)
    row.by_human, row.needed = True, []
    machine.change(row, change, by, reason, note)


@transaction.atomic
def close_open(season: Season) -> int:
    """After the correction window: whoever still owes a proof is placed by what is proven. Returns how many."""
    rows = (
        Application.objects.select_for_update(of=("self",))
        .filter(
            season=season, state__in=[State.NEED_INFO, State.RETURNED, State.ONSITE_BOOKED], deadline__lte=clock.now()
        )
        .select_related("season__district")
    )
    count = 0
    for row in rows:
        decide_final(row, SYSTEM, "closed_without_proof")
        count += 1
    return count
