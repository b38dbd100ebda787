"""The steps of a ceremony as data: from which states, by whom. The diagram in docs/ceremony.md is made from this file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    PUBLISHED = "published"  # list, rules and digest are public; witnesses join
    COMMITTING = "committing"  # every witness is there; nobody can be replaced any more
    REVEALING = "revealing"  # every commitment is in
    DRAWN = "drawn"
    VOID = "void"


class Actor(StrEnum):
    OPERATOR = "operator"
    WITNESS = "witness"
    SYSTEM = "system"


@dataclass(frozen=True)
class Step:
    """One permitted step: from which states, to which (None: the state stays), by whom, and its kind in the ledger."""

    name: str
    sources: frozenset[State | None]
    target: State | None
    actors: frozenset[Actor]
    ledger: str


def _step(
    name: str, sources: set[State | None], target: State | None, *actors: Actor, ledger: str = "ceremony"
) -> Step:
    return Step(name, frozenset(sources), target, frozenset(actors), ledger)


S, A = State, Actor
STEPS: dict[str, Step] = {
    s.name: s
    for s in (
        _step("publish", {None}, S.PUBLISHED, A.OPERATOR, A.SYSTEM, ledger="manifest"),
        _step("lot_by_hand", {S.PUBLISHED}, None, A.OPERATOR),
        _step("join", {S.PUBLISHED}, None, A.WITNESS),
        _step("replace", {S.PUBLISHED}, None, A.OPERATOR, A.WITNESS),
        _step("open", {S.PUBLISHED}, S.COMMITTING, A.OPERATOR, A.SYSTEM),
        _step("commit", {S.COMMITTING}, None, A.WITNESS),
        _step("close", {S.COMMITTING}, S.REVEALING, A.SYSTEM),
        _step("reveal", {S.REVEALING}, None, A.WITNESS),
        _step("refuse", {S.REVEALING}, None, A.SYSTEM),
        _step("beacon", {S.REVEALING}, None, A.OPERATOR),
        _step("hold", {S.REVEALING}, S.DRAWN, A.OPERATOR, A.WITNESS, A.SYSTEM, ledger="draw"),
        _step("teams", {S.DRAWN}, None, A.OPERATOR),
        _step("void", {S.PUBLISHED, S.COMMITTING, S.REVEALING}, S.VOID, A.OPERATOR, ledger="void"),
    )
}


def diagram() -> str:
    """The machine as a Mermaid state diagram, for docs/ceremony.md."""
    lines = ["stateDiagram-v2", "    [*] --> published: publish (operator/system)"]
    for step in STEPS.values():
        who = "/".join(sorted(step.actors))
        for source in sorted(s for s in step.sources if s is not None):
            lines.append(f"    {source} --> {step.target or source}: {step.name} ({who})")
    return "\n".join(lines) + "\n"
