"""The rule of a season: drafts, a second person's approval, signed publication, and the version that is in force.

draft → submitted → approved → published; submitted and approved can be sent back, a draft can be dropped. Whoever
edited a draft neither approves nor publishes it. What is published never changes, it is only followed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from django.db import transaction

from ruxue import crypto
from ruxue.accounts.models import User
from ruxue.ledger import clock, log
from ruxue.places.models import PolicyVersion, RuleDraft, RuleEdit, Season
from ruxue.policy import language
from ruxue.policy.language import Policy, PolicyError

S = RuleDraft.State


class RuleError(Exception):
    """A step that can't be taken. `code`: state, newer, own_draft, unchanged, too_early, nothing_to_undo."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# ── what may become a season's rule ───────────────────────────────────────────────────────────────────────────


def read(season: Season, text: str) -> Policy:
    """A text as the season's policy. Raises PolicyError where it is no policy, another district's, or historical."""
    policy = language.load(text, season.year)
    if (policy.district, policy.level) != (season.district_id, season.level):
        raise PolicyError(
            None,
            f"这份办法属于 {policy.district}（{policy.level}），请改 district 和 level",
            f"this policy belongs to {policy.district} ({policy.level}); change district and level",
        )
    if policy.historical:
        raise PolicyError(
            None, "这是历史版本，只能重演，不能发布", "this is a historical version: it can be replayed, not published"
        )
    return policy


def signed_text(season: str, version: int, digest: str, effective_from: date) -> bytes:
    """The bytes under a publication's signature: what the rule is, of which season, from which day."""
    return f"ruxue-rule/1\n{season}\n{version}\n{digest}\n{effective_from.isoformat()}\n".encode()


def signature_valid(row: PolicyVersion) -> bool:
    """Whether the platform signed this version, and the text still gives the digest that was signed."""
    said = signed_text(row.season.key, row.version, row.digest, row.effective_from)
    try:
        crypto.signing_key().public_key().verify(bytes.fromhex(row.signature), said)
        return language.digest(read(row.season, row.text)) == row.digest
    except (InvalidSignature, ValueError):
        return False


def _written(
    season: Season, text: str, by: str, effective_from: date, draft: RuleDraft | None, publisher: User | None
) -> PolicyVersion:
    newest = season.policies.order_by("-version").first()
    version, digest = newest.version + 1 if newest else 1, language.digest(read(season, text))
    row = PolicyVersion.objects.create(
        season=season,
        version=version,
        text=text,
        digest=digest,
        published_at=clock.now(),
        published_by=by,
        effective_from=effective_from,
        signature=crypto.signing_key().sign(signed_text(season.key, version, digest, effective_from)).hex(),
        draft=draft,
        publisher=publisher,
    )
    body = {"version": version, "digest": digest, "effective_from": effective_from.isoformat(), "actor": by}
    if draft and draft.approved_by:
        body |= {"drafted_by": [str(u) for u in editors(draft)], "approved_by": str(draft.approved_by)}
    log.append("policy", season.key, {**body, "signature": row.signature})
    return row


@transaction.atomic
def install(season: Season, text: str, by: str) -> PolicyVersion:
    """The rule that a season starts with, as it was published elsewhere. Raises PolicyError, and RuleError "state"
    where the season has a rule: from then on a draft and a second person are needed."""
    Season.objects.select_for_update().get(pk=season.pk)
    if season.policies.exists():
        raise RuleError("state")
    policy = read(season, text)
    return _written(season, text, by, policy.effective.first if policy.effective else clock.today(), None, None)


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────


def editors(draft: RuleDraft) -> list[User]:
    """Everyone who edited the draft, its maker first."""
    others = User.objects.filter(pk__in=draft.edits.values("by")).exclude(pk=draft.made_by_id).order_by("pk")
    return [draft.made_by, *others]


def may_confirm(draft: RuleDraft, user: User) -> bool:
    """Whether the person had no hand in the draft, and so can approve and publish it."""
    return user.pk != draft.made_by_id and not draft.edits.filter(by=user).exists()


def _locked(pk: int, *states: str) -> RuleDraft:
    draft = RuleDraft.objects.select_for_update(of=("self",)).select_related("season", "made_by").get(pk=pk)
    if draft.state not in states:
        raise RuleError("state")
    return draft


@transaction.atomic
def start(season: Season, by: User, title: str, text: str, base: PolicyVersion | None = None) -> RuleDraft:
    """A new draft; `base` is the published version that it begins from."""
    now = clock.now()
    draft = RuleDraft.objects.create(
        season=season, base=base, title=title[:120], text=text, made_by=by, made_at=now, changed_at=now
    )
    RuleEdit.objects.create(draft=draft, revision=0, action="start", text=text, by=by, at=now)
    return draft


@transaction.atomic
def edit(pk: int, by: User, text: str, action: str, revision: int) -> RuleDraft:
    """Saves a draft's text, valid or not: work may be left half done. `revision` is the one that the person saw.

    Raises RuleError "newer" where somebody else has saved since, "state" where it is no longer a draft.
    """
    draft = _locked(pk, S.DRAFT)
    if draft.revision != revision:
        raise RuleError("newer")
    if text == draft.text:
        return draft
    draft.text, draft.revision, draft.changed_at = text, revision + 1, clock.now()
    draft.save(update_fields=["text", "revision", "changed_at"])
    RuleEdit.objects.create(draft=draft, revision=revision + 1, action=action, text=text, by=by, at=draft.changed_at)
    return draft


def undo(pk: int, by: User, revision: int) -> RuleDraft:
    """Goes back to the text before the last edit, as a new edit; edits taken back already are passed over."""
    edits = list(RuleEdit.objects.filter(draft=pk).order_by("revision"))
    stack: list[RuleEdit] = []
    for row in edits:
        if row.action == "undo":
            stack.pop()
        else:
            stack.append(row)
    if len(stack) < 2:
        raise RuleError("nothing_to_undo")
    return edit(pk, by, stack[-2].text, "undo", revision)


def _step(draft: RuleDraft, state: str, by: User, **more: object) -> RuleDraft:
    draft.state, draft.changed_at = state, clock.now()
    for name, value in more.items():
        setattr(draft, name, value)
    draft.save()
    log.append(
        "policy_draft", draft.season.key, {"draft": draft.key, "state": state, "digest": draft.digest, "actor": str(by)}
    )
    return draft


@transaction.atomic
def submit(pk: int, by: User, revision: int) -> RuleDraft:
    """Asks for approval. Raises PolicyError where the text is no rule of this season, RuleError "unchanged" where it
    says what is published already."""
    draft = _locked(pk, S.DRAFT)
    if draft.revision != revision:
        raise RuleError("newer")
    found = language.digest(read(draft.season, draft.text))
    newest = draft.season.policies.order_by("-version").first()
    if newest and newest.digest == found:
        raise RuleError("unchanged")
    return _step(draft, S.SUBMITTED, by, digest=found, remark="")


@transaction.atomic
def send_back(pk: int, by: User, remark: str) -> RuleDraft:
    """Makes it a draft again: a drafter takes it back, or a second person says what is wrong."""
    draft = _locked(pk, S.SUBMITTED, S.APPROVED)
    return _step(draft, S.DRAFT, by, approved_by=None, approved_at=None, digest="", remark=remark[:2000])


@transaction.atomic
def approve(pk: int, by: User, digest: str) -> RuleDraft:
    """A second person approves the text with this digest, the one that they read. Raises RuleError "own_draft" for
    one who edited it."""
    draft = _locked(pk, S.SUBMITTED)
    if not may_confirm(draft, by):
        raise RuleError("own_draft")
    if draft.digest != digest:
        raise RuleError("newer")
    return _step(draft, S.APPROVED, by, approved_by=by, approved_at=clock.now())


@transaction.atomic
def drop(pk: int, by: User) -> RuleDraft:
    """Ends a draft that will not be used; it stays readable."""
    return _step(_locked(pk, S.DRAFT), S.DROPPED, by)


@transaction.atomic
def publish(pk: int, by: User, effective_from: date) -> PolicyVersion:
    """Signs and publishes an approved draft, in force from a day that is not over yet and lies in the policy's own
    period. Raises RuleError "own_draft", "too_early"."""
    draft = _locked(pk, S.APPROVED)
    season = Season.objects.select_for_update().get(pk=draft.season_id)
    if not may_confirm(draft, by):
        raise RuleError("own_draft")
    policy = read(season, draft.text)
    if effective_from < earliest(policy) or (policy.effective and effective_from > policy.effective.last):
        raise RuleError("too_early")
    row = _written(season, draft.text, str(by), effective_from, draft, by)
    _step(draft, S.PUBLISHED, by)
    return row


def earliest(policy: Policy) -> date:
    """The first day from which a rule can decide when it is published today."""
    return max(clock.today(), policy.effective.first) if policy.effective else clock.today()


# ── what is in force ──────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=64)
def _read(version: int) -> Policy:
    row = PolicyVersion.objects.select_related("season").get(pk=version)
    return language.load(row.text, row.season.year)


def policy_of(row: PolicyVersion) -> Policy:
    """A published version, read once for all."""
    return _read(row.pk)


def version_in_force(season: Season) -> PolicyVersion | None:
    """The newest published version whose day has come."""
    return season.policies.filter(effective_from__lte=clock.today()).order_by("-version").first()


def in_force_by_season(seasons: Iterable[int]) -> dict[int, tuple[Policy, str]]:
    """The policy in force and its digest, by the seasons' primary keys; seasons without one are left out."""
    rows = PolicyVersion.objects.filter(season__in=seasons, effective_from__lte=clock.today())
    newest = rows.order_by("season", "-version").distinct("season").values_list("season", "pk", "digest")
    return {season: (_read(pk), digest) for season, pk, digest in newest}


def in_force(season: Season) -> Policy | None:
    """The policy of the newest published version whose day has come."""
    found = season.policies.filter(effective_from__lte=clock.today()).order_by("-version").values_list("pk", flat=True)
    pk = found.first()
    return _read(pk) if pk else None


def that_decided(season: Season, digest: str) -> Policy | None:
    """The rule that a verdict names; the one in force where it names none."""
    found = season.policies.filter(digest=digest).order_by("-version").first() if digest else None
    return policy_of(found) if found else in_force(season)


def digest_in_force(season: Season) -> str:
    """Digest of the rule in force, "" where there is none."""
    row = version_in_force(season)
    return row.digest if row else ""
