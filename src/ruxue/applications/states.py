"""The states of an application and every change between them, as data. docs/states.md is generated from this file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _


class State(StrEnum):
    DRAFT = "draft"
    VERIFYING = "verifying"
    NEED_INFO = "need_info"
    SCHOOL_REVIEW = "school_review"
    RETURNED = "returned"
    ONSITE_BOOKED = "onsite_booked"
    REJECTED = "rejected"
    AUTO_PASSED = "auto_passed"
    CLASSIFIED = "classified"
    PUBLISHED = "published"
    APPEALED = "appealed"
    LOCKED = "locked"
    TO_COORDINATE = "to_coordinate"
    SEATED = "seated"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    CLASSED = "classed"
    REPORTED = "reported"
    REGISTERED = "registered"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"


LABELS = {
    State.DRAFT: _("draft"),
    State.VERIFYING: _("being checked with the departments"),
    State.NEED_INFO: _("needs something from you"),
    State.SCHOOL_REVIEW: _("being looked at by the school"),
    State.RETURNED: _("returned to you to correct"),
    State.ONSITE_BOOKED: _("on-site check booked"),
    State.REJECTED: _("can't be enrolled this year"),
    State.AUTO_PASSED: _("confirmed by data"),
    State.CLASSIFIED: _("confirmed by the school"),
    State.PUBLISHED: _("preliminary result published"),
    State.APPEALED: _("objection being looked at"),
    State.LOCKED: _("category final"),
    State.TO_COORDINATE: _("the district is arranging a seat"),
    State.SEATED: _("has a seat"),
    State.OFFERED: _("seat offered: please answer"),
    State.ACCEPTED: _("seat accepted"),
    State.DECLINED: _("seat declined"),
    State.LAPSED: _("offer ended without an answer"),
    State.CLASSED: _("in a class"),
    State.REPORTED: _("reported at the school"),
    State.REGISTERED: _("in the pupil register"),
    State.WITHDRAWN: _("withdrawn"),
    State.VOIDED: _("void: forged papers"),
}


class Actor(StrEnum):
    GUARDIAN = "guardian"
    SYSTEM = "system"
    SCHOOL = "school"
    DISTRICT = "district"


@dataclass(frozen=True)
class Change:
    """One permitted change: from which states, by whom, and its name in the log."""

    name: str
    sources: frozenset[State]
    target: State
    actors: frozenset[Actor]


S, A = State, Actor
_OPEN = {
    S.VERIFYING,
    S.NEED_INFO,
    S.RETURNED,
    S.SCHOOL_REVIEW,
    S.ONSITE_BOOKED,
    S.AUTO_PASSED,
    S.CLASSIFIED,
    S.PUBLISHED,
}


_AFTER_ROUND = {S.LOCKED, S.TO_COORDINATE, S.SEATED, S.OFFERED, S.ACCEPTED, S.DECLINED, S.LAPSED}


def _change(name: str, sources: set[State], target: State, *actors: Actor) -> Change:
    return Change(name, frozenset(sources), target, frozenset(actors))


CHANGES: dict[str, Change] = {
    c.name: c
    for c in (
        _change("submit", {S.DRAFT}, S.VERIFYING, A.GUARDIAN),
        _change(
            "resubmit", {S.NEED_INFO, S.RETURNED, S.REJECTED, S.AUTO_PASSED, S.CLASSIFIED}, S.VERIFYING, A.GUARDIAN
        ),
        _change("pass_by_data", {S.VERIFYING}, S.AUTO_PASSED, A.SYSTEM),
        _change("ask_family", {S.VERIFYING}, S.NEED_INFO, A.SYSTEM),
        _change("ineligible", {S.VERIFYING}, S.REJECTED, A.SYSTEM),
        _change("to_person", {S.VERIFYING}, S.SCHOOL_REVIEW, A.SYSTEM),
        _change("recheck", {S.NEED_INFO, S.SCHOOL_REVIEW, S.AUTO_PASSED, S.CLASSIFIED}, S.VERIFYING, A.SYSTEM),
        _change("decide_again", {S.VERIFYING}, S.CLASSIFIED, A.SYSTEM),
        _change("to_school", {S.NEED_INFO, S.RETURNED, S.REJECTED}, S.SCHOOL_REVIEW, A.GUARDIAN),
        _change("book", {S.NEED_INFO, S.RETURNED, S.REJECTED, S.SCHOOL_REVIEW}, S.ONSITE_BOOKED, A.GUARDIAN, A.SCHOOL),
        _change("dispute", {S.AUTO_PASSED, S.CLASSIFIED}, S.NEED_INFO, A.GUARDIAN),
        _change("accept_review", {S.SCHOOL_REVIEW, S.ONSITE_BOOKED}, S.CLASSIFIED, A.SCHOOL, A.DISTRICT),
        _change("return", {S.SCHOOL_REVIEW, S.ONSITE_BOOKED}, S.RETURNED, A.SCHOOL, A.DISTRICT),
        _change("ask_onsite", {S.SCHOOL_REVIEW}, S.RETURNED, A.SCHOOL, A.DISTRICT),
        _change("refuse_evidence", {S.SCHOOL_REVIEW, S.ONSITE_BOOKED}, S.CLASSIFIED, A.SCHOOL, A.DISTRICT),
        _change(
            "close", {S.NEED_INFO, S.RETURNED, S.SCHOOL_REVIEW, S.ONSITE_BOOKED}, S.CLASSIFIED, A.SYSTEM, A.GUARDIAN
        ),
        _change("publish", {S.AUTO_PASSED, S.CLASSIFIED}, S.PUBLISHED, A.DISTRICT),
        _change("object", {S.PUBLISHED, S.REJECTED}, S.APPEALED, A.GUARDIAN),
        _change("uphold", {S.APPEALED}, S.PUBLISHED, A.DISTRICT),
        _change("deny", {S.APPEALED}, S.PUBLISHED, A.DISTRICT),
        _change("keep_refusal", {S.APPEALED}, S.REJECTED, A.DISTRICT),
        _change("lock", {S.PUBLISHED}, S.LOCKED, A.DISTRICT),
        _change("seat", {S.LOCKED, S.TO_COORDINATE}, S.SEATED, A.DISTRICT),
        _change("overflow", {S.LOCKED}, S.TO_COORDINATE, A.DISTRICT),
        _change("offer", {S.SEATED}, S.OFFERED, A.DISTRICT),
        _change("accept", {S.OFFERED}, S.ACCEPTED, A.GUARDIAN),
        _change("keep_accepted", {S.OFFERED}, S.ACCEPTED, A.DISTRICT),
        _change("decline", {S.OFFERED}, S.DECLINED, A.GUARDIAN),
        _change("lapse", {S.OFFERED}, S.LAPSED, A.SYSTEM),
        _change("assign_class", {S.ACCEPTED}, S.CLASSED, A.DISTRICT),
        _change("report", {S.CLASSED}, S.REPORTED, A.SCHOOL, A.DISTRICT),
        _change("register", {S.REPORTED}, S.REGISTERED, A.SCHOOL, A.DISTRICT),
        _change("no_show", {S.CLASSED}, S.LAPSED, A.DISTRICT),
        _change("ask_again", {S.DECLINED, S.LAPSED}, S.LOCKED, A.GUARDIAN),
        _change("reopen", _AFTER_ROUND, S.LOCKED, A.DISTRICT),
        _change("withdraw", _OPEN | {S.DRAFT, S.REJECTED}, S.WITHDRAWN, A.GUARDIAN),
        _change("void", _OPEN, S.VOIDED, A.DISTRICT),
    )
}

HOLDS_SEAT = frozenset({S.SEATED, S.OFFERED, S.ACCEPTED, S.CLASSED, S.REPORTED, S.REGISTERED})
ANSWERED = frozenset({S.ACCEPTED, S.CLASSED, S.REPORTED, S.REGISTERED})
"""The family has accepted its seat: nobody can take it away."""
DEAD = frozenset({S.WITHDRAWN, S.VOIDED})
PASSED = frozenset(
    {
        S.AUTO_PASSED,
        S.CLASSIFIED,
        S.PUBLISHED,
        S.APPEALED,
        S.LOCKED,
        S.TO_COORDINATE,
        S.SEATED,
        S.OFFERED,
        S.ACCEPTED,
        S.DECLINED,
        S.LAPSED,
        S.CLASSED,
        S.REPORTED,
        S.REGISTERED,
    }
)
EDITABLE = frozenset({S.DRAFT, S.NEED_INFO, S.RETURNED, S.REJECTED})


def diagram() -> str:
    """The machine as a Mermaid state diagram, for docs/states.md."""
    lines = ["stateDiagram-v2", "    [*] --> draft"]
    for change in CHANGES.values():
        who = "/".join(sorted(change.actors))
        lines += [f"    {source} --> {change.target}: {change.name} ({who})" for source in sorted(change.sources)]
    return "\n".join(lines) + "\n"
