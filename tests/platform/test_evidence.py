"""What registers' answers mean for a family's facts."""

from __future__ import annotations

import pytest

from ruxue.applications import evidence
from ruxue.applications.models import Application
from ruxue.exchange.items import id_digest

CHILD, FATHER, MOTHER, ELDER, OTHER = ("37079920200101001X", "f", "m", "e", "o")


def owned(shares: dict[str, int], **claim: dict[str, str]) -> tuple[object, object, object]:
    row = Application(claim={"child": {"id_number": CHILD}, **claim})
    found = evidence.ownership(row, [{"id_digest": id_digest(p), "share_bp": s} for p, s in shares.items()])
    return tuple(found[f"dwelling.{n}"] for n in ("family_share_bp", "full_ownership", "owners_within_kin"))


FATHER_NAMED = {"guardian": {"id_number": FATHER, "relation": "father"}}
BOTH_NAMED = {**FATHER_NAMED, "second_guardian": {"id_number": MOTHER, "relation": "mother"}}
ALL_NAMED = {**BOTH_NAMED, "grandparent": {"id_number": ELDER}}


@pytest.mark.parametrize(
    ("shares", "claim", "expected"),
    [
        ({FATHER: 10_000}, FATHER_NAMED, (10_000, True, True)),
        ({FATHER: 5000, MOTHER: 5000}, BOTH_NAMED, (10_000, True, True)),
        ({FATHER: 5000, MOTHER: 5000}, FATHER_NAMED, (None, None, None)),
        ({FATHER: 5000, ELDER: 5000}, BOTH_NAMED, (5000, False, None)),
        ({FATHER: 5000, ELDER: 5000}, ALL_NAMED, (5000, False, True)),
        ({FATHER: 5000, OTHER: 5000}, ALL_NAMED, (5000, False, False)),
        ({CHILD: 10_000}, FATHER_NAMED, (10_000, True, True)),
        ({ELDER: 10_000}, {**BOTH_NAMED, "grandparent": {"id_number": ELDER}}, (0, False, True)),
    ],
)
def test_an_owner_who_was_not_named_may_be_kin(shares, claim, expected):
    assert owned(shares, **claim) == expected
