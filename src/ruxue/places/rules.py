"""The rule in force in a season: published versions of a policy, never changed, only followed."""

from __future__ import annotations

from functools import lru_cache

from django.db import transaction

from ruxue.ledger import clock, log
from ruxue.places.models import PolicyVersion, Season
from ruxue.policy import language
from ruxue.policy.language import Policy


@transaction.atomic
def publish(season: Season, text: str, by: str) -> PolicyVersion:
    """Publishes a policy for a season. Raises PolicyError where the text is no policy or is another district's."""
    policy = language.load(text, season.year)
    if (policy.district, policy.level) != (season.district_id, season.level):
        raise language.PolicyError(
            None,
            f"这份办法属于 {policy.district}（{policy.level}）",
            f"this policy belongs to {policy.district} ({policy.level})",
        )
    if policy.historical:
        raise language.PolicyError(
            None, "这是历史版本，只能重演，不能发布", "this is a historical version: it can be replayed, not published"
        )
    newest = season.policies.order_by("-version").first()
    row = PolicyVersion.objects.create(
        season=season,
        version=newest.version + 1 if newest else 1,
        text=text,
        digest=language.digest(policy),
        published_at=clock.now(),
        published_by=by,
    )
    log.append("policy", season.key, {"version": row.version, "digest": row.digest, "actor": by})
    return row


@lru_cache(maxsize=64)
def _read(version: int) -> Policy:
    row = PolicyVersion.objects.select_related("season").get(pk=version)
    return language.load(row.text, row.season.year)


def in_force(season: Season) -> Policy | None:
    """The newest published policy of the season."""
    pk = season.policies.order_by("-version").values_list("pk", flat=True).first()
    return _read(pk) if pk else None


def digest_in_force(season: Season) -> str:
    """Digest of the newest published policy, "" where there is none."""
    return season.policies.order_by("-version").values_list("digest", flat=True).first() or ""
