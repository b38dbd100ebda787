"""Who may act where, and the log of who looked at what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruxue.accounts.models import Access, Role, StaffRole, User
from ruxue.ledger import clock


@dataclass(frozen=True)
class Scope:
    """The roles of one member of staff."""

    roles: tuple[tuple[str, str], ...]

    def schools(self) -> set[str]:
        """Codes of the schools where the person works."""
        return {scope for role, scope in self.roles if role in (Role.REVIEWER, Role.HEAD)}

    def districts(self) -> set[str]:
        """Keys of the districts whose official the person is."""
        return {scope for role, scope in self.roles if role == Role.DISTRICT}

    def city(self) -> bool:
        return any(role == Role.CITY for role, _ in self.roles)

    def auditor(self) -> bool:
        return any(role == Role.AUDITOR for role, _ in self.roles)

    def may_see(self, district: str, school: str | None) -> bool:
        return self.city() or self.auditor() or district in self.districts() or (school or "") in self.schools()

    def may_review(self, district: str, school: str | None) -> bool:
        return district in self.districts() or (school or "") in self.schools()

    def may_run(self, district: str) -> bool:
        return district in self.districts()


def scope_of(user: User) -> Scope:
    return Scope(tuple(StaffRole.objects.filter(user=user).order_by("id").values_list("role", "scope")))


def record(actor: User, action: str, subject: str, **detail: Any) -> None:
    """Logs one look or one export (`action`: view, document, export); `subject` is an application's key or a school's
    code. The actor's roles at that moment are kept with it."""
    role = ",".join(f"{name}@{place}" if place else name for name, place in scope_of(actor).roles)[:40]
    Access.objects.create(actor=actor, role=role, action=action, subject=subject, detail=detail, at=clock.now())
