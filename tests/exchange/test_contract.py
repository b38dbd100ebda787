"""The catalogue, signatures and opening hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ruxue.algorithms import canonical
from ruxue.exchange import signing
from ruxue.exchange.connections import CITY_ZONE, Hours
from ruxue.exchange.items import CATALOGUE, EXTENSIONS, ITEMS
from ruxue.policy.facts import VOCABULARY

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_the_catalogue_is_complete() -> None:
    assert len(CATALOGUE) == 18 and len(EXTENSIONS) == 12 and set(ITEMS) == {*CATALOGUE, *EXTENSIONS}
    for item in ITEMS.values():
        assert item.keys and item.purpose_zh and item.purpose_en and item.legal_basis and item.freshness_days > 0
        assert {name for name in item.decides if item.code in VOCABULARY[name].items} == set(item.decides), item.code
        assert item.decides or item.code == "X8", f"{item.code} is asked for nothing"
        known = {*item.keys, *item.fields.model_fields}
        assert {name.split(".")[0] for name in item.standards} <= known, item.code


def test_every_switched_on_item_that_a_fact_names_can_decide_it() -> None:
    for name, term in VOCABULARY.items():
        for code in set(term.items) & set(EXTENSIONS):
            assert name in EXTENSIONS[code].decides, (name, code)


def test_what_must_not_be_asked_is_in_no_item() -> None:
    names = {name for item in ITEMS.values() for name in (*item.keys, *item.claims, *item.fields.model_fields)}
    for word in ("income", "salary", "post", "vaccin", "kindergarten", "score"):
        assert not [n for n in names if word in n.lower()]


@given(VALUES)
def test_canonical_is_rfc_8785(value: object) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


def test_hmac_sm3_stands_on_the_standard_hash() -> None:
    digest = hashes.Hash(hashes.SM3())
    digest.update(b"abc")  # GB/T 32905, appendix A.1
    assert digest.finalize().hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    made = signing.make("hmac-sm3", "key", b"body")
    assert signing.is_valid("hmac-sm3", "key", b"body", made)
    assert not signing.is_valid("hmac-sm3", "key", b"body2", made)
    assert not signing.is_valid("hmac-sha256", "key", b"body", made)
    assert not signing.is_valid("hmac-sm3", "key", b"body", "not hex")


def test_sm2_signs_and_finds_a_changed_message() -> None:
    gmalg = pytest.importorskip("gmalg", reason="the extra ruxue[sm2] is not installed")
    pairs = iter(gmalg.SM2().generate_keypair, None)  # the library drops leading zeros of keys
    private, public = next(pair for pair in pairs if [len(key) for key in pair] == [32, 65])
    made = signing.make("sm2", private.hex(), b"body", "base64")
    assert signing.is_valid("sm2", public.hex(), b"body", made, "base64")
    assert not signing.is_valid("sm2", public.hex(), b"bodY", made, "base64")
    with pytest.raises(signing.SigningError, match="64 hex digits"):
        signing.make("sm2", "00", b"body")


@given(
    st.sets(st.integers(1, 7), min_size=1),
    st.times(),
    st.times(),
    st.sets(st.integers(0, 20), max_size=5),
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 15)),
)
def test_the_next_opening_is_the_first(days: set[int], opens: time, closes: time, off: set[int], at: datetime) -> None:
    opens, closes = opens.replace(second=0, microsecond=0), closes.replace(second=0, microsecond=0)
    hours = Hours(
        days=tuple(days),
        opens=opens,
        closes=closes,
        closed_on=tuple(date(2026, 3, 1) + timedelta(days=n) for n in off),
    )
    at = at.replace(tzinfo=UTC)
    found = hours.next_opening(at)
    assert found >= at and hours.is_open(found)
    step = (found - at) / 40
    assert found == at or not any(hours.is_open(at + step * n) for n in range(40))


def test_closed_at_night_opens_at_eight() -> None:
    hours = Hours(days=(1, 2, 3, 4, 5), opens=time(8), closes=time(18), closed_on=(date(2026, 3, 9),))
    friday_evening = datetime(2026, 3, 6, 20, 0, tzinfo=CITY_ZONE)
    assert hours.next_opening(friday_evening) == datetime(2026, 3, 10, 8, 0, tzinfo=CITY_ZONE)


HOUSEHOLD = {"same_household": True, "kinship": "parent", "head_masked": "张*", "members": []}
INSURED = {
    "region": "370705", "first_month": "2024-03", "last_month": "2026-02", "unbroken_months": 24,
    "cumulative_months": 24, "back_paid_months": 0, "status": "paying",
}  # fmt: skip


@pytest.mark.parametrize(
    ("item", "good", "odd"),
    [
        ("PS3", HOUSEHOLD, {"same_household": "false"}),
        ("PS3", HOUSEHOLD, {"same_household": 0}),
        ("NR3", {"count_by_region": {"370705": 0}}, {"count_by_region": {"370705": "0"}}),
        ("PS1", {"sex": "M", "born_on": "2020-01-02", "alive": True}, {"born_on": 1577923200}),
        ("PS1", {"sex": "M", "born_on": "2020-01-02", "alive": True}, {"born_on": "2020-01-02T00:00:00"}),
        ("HR1", INSURED, {"first_month": "202403"}),
        ("HR1", INSURED, {"first_month": "0000-01"}),
        ("HR1", INSURED, {"unbroken_months": "24"}),
        ("HR1", INSURED, {"unbroken_months": 10**9}),
    ],
)
def test_only_the_written_forms_of_the_contract_are_let_in(
    item: str, good: dict[str, Any], odd: dict[str, Any]
) -> None:
    """An answer is stored as it came: a "false" that passed for a no would be read as a yes."""
    assert ITEMS[item].fields.model_validate(good).model_dump(mode="json", exclude_unset=True) == good
    with pytest.raises(ValidationError):
        ITEMS[item].fields.model_validate({**good, **odd})
