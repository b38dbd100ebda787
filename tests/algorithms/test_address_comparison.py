from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.algorithms import address
from ruxue.algorithms.address import Aliases, Directory, Standard, compare
from tests.algorithms.address_pairs import ALIASES, by_hand, generate
from tests.algorithms.address_sets import SETS, labelled, retyped


@pytest.fixture(scope="module")
def verdicts():
    aliases = Aliases(ALIASES)
    return [(pair, compare(pair.a, pair.b, aliases)) for pair in (*generate(), *by_hand())]


def test_equality_is_precise_and_misses_little(verdicts):
    said = [p for p, r in verdicts if r.verdict == "equal"]
    true = [p for p, _ in verdicts if p.verdict == "equal"]
    right = sum(p.verdict == "equal" for p in said)
    assert len(verdicts) >= 2_400
    assert right / len(said) >= 0.999
    assert right / len(true) >= 0.97


def test_the_deciding_level_is_named(verdicts):
    wrong = [(p, r) for p, r in verdicts if p.level and (r.verdict, r.level) != (p.verdict, p.level)]
    assert len(wrong) <= 0.01 * len(verdicts), wrong[:5]


def test_no_kind_of_difference_is_missed(verdicts):
    asked, right = Counter(), Counter()
    for pair, result in verdicts:
        asked[pair.kind] += 1
        right[pair.kind] += pair.verdict == result.verdict
    assert {k: right[k] / n for k, n in asked.items() if right[k] / n < 0.95} == {}


def test_comparison_has_no_sides(verdicts):
    aliases = Aliases(ALIASES)
    for pair, result in verdicts[::7]:
        turned = compare(pair.b, pair.a, aliases)
        assert (turned.verdict, turned.level, turned.a, turned.b) == (result.verdict, result.level, result.b, result.a)


def test_the_short_cut_reads_like_the_long_way(verdicts):
    for text in {t for pair, _ in verdicts for t in (pair.a, pair.b)}:
        assert address._keys(text) == address._slow_keys(text), text


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("新都花园紫荆苑3号楼501", "新都花园丁香苑3号楼501", "different"),
        ("阳光花园 紫荆苑 3号楼501", "阳光花园 丁香苑 3号楼501", "different"),
        ("前岗乡双龙泉村徐家屯5号", "前岗乡双龙泉村李家屯5号", "different"),
        ("奎文区东风街123号对面阳光花园", "奎文区东风街123号阳光花园", "compatible"),
        ("奎文区东风街与文化路交叉口", "奎文区东风街与新华路交叉口", "different"),
        ("阳光花园3号楼2单元501车库", "阳光花园3号楼2单元501", "compatible"),
        ("阳光花园3号楼2单元501 602", "阳光花园3号楼2单元501 603", "different"),
    ],
)
def test_what_stands_aside_still_counts(a, b, verdict):
    assert compare(a, b).verdict == verdict


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 60), st.integers(1, 6), st.integers(101, 3304), st.sampled_from([0, 1, 2]))
def test_another_number_is_never_equal(building, unit, room, place):
    numbers = [building, unit, room]
    other = list(numbers)
    other[place] += 1
    texts = ["奎文区樱园{}号楼{}单元{}室", "奎文区樱园{}-{}-{}", "奎文区樱园 {}幢 {}单元 {}"]
    for mine in texts:
        for theirs in texts:
            assert compare(mine.format(*numbers), theirs.format(*numbers)).verdict == "equal"
            assert compare(mine.format(*numbers), theirs.format(*other)).verdict == "different"


def test_reasons_in_words_of_both_languages():
    result = compare("阳光花园3-2-501", "阳光花园3-2-502")
    assert result.zh == "房间号不同：501与502" and result.en == "the room differs: 501 and 502"
    result = compare("奎文区阳光花园3-2-501", "阳光花园3-2-501")
    assert "区县" in result.zh and "district" in result.en


def test_aliases_are_data():
    a, b = "奎文区东风大街东段123号", "奎文区东风东街123号"
    assert compare(a, b).verdict == "different"
    assert compare(a, b, {"东风大街东段": "东风东街"}).verdict == "equal"


@pytest.fixture(scope="module")
def directory():
    return Directory(
        [
            Standard("C1", "奎文区东风东街123号阳光花园", ("奎文区阳光小区", "东风大街东段123号"), "s1"),
            Standard("C2", "潍城区向阳路5号阳光花园", (), "s2"),
            Standard("C3", "奎文区文化路8号樱园", (), "s3"),
            Standard("C4", "寒亭区固堤街道屯西村", (), "s4"),
        ],
        {"樱桃园": "樱园"},
    )


@pytest.mark.parametrize(
    ("text", "verdict", "code"),
    [
        ("潍坊市奎文区东风东街123号阳光花园3号楼2单元501室", "equal", "C1"),
        ("奎文区阳光花园3-2-501", "compatible", "C1"),
        ("奎文区阳光小区3-2-501", "equal", "C1"),
        ("东风大街东段123号3号楼501", "equal", "C1"),
        ("阳光花园3-2-501", "unknown", None),
        ("潍城区阳光花园3-2-501", "compatible", "C2"),
        ("奎文区文化路8号樱桃园1号楼", "equal", "C3"),
        ("奎文区文化路9号樱园1号楼", "unknown", None),
        ("寒亭区屯西村12号", "equal", "C4"),
        ("坊子区月亮湾1号楼", "unknown", None),
    ],
)
def test_match_to_a_standard_address_and_its_zone(directory, text, verdict, code):
    match = directory.match(text)
    assert match.verdict == verdict
    assert (match.standard.code if match.standard else None) == code
    assert match.zone == ("s" + code[1:] if code else "")


def test_several_that_fit_are_offered(directory):
    assert [s.code for s in directory.match("阳光花园3-2-501").candidates] == ["C1", "C2"]


def test_one_way_of_writing_for_look_ups():
    assert address.normalize("阳光花园 三号楼２单元") == address.normalize("阳光花园3幢二单元") == "阳光花园3号楼2单元"


@pytest.mark.parametrize("name", SETS)
def test_no_sign_of_a_level_can_change_unseen(name):
    """Each digit of a number and each sign of a name, changed alone, makes another address."""
    for text, levels in labelled(name):
        for level, value in levels.items():
            if level in ("province", "city") or (start := text.find(value)) < 0:
                continue
            named = level in ("district", "town", "community", "road", "compound")
            for at, sign in enumerate(value, start):
                if not (sign.isdigit() or sign.isascii() or (named and at < start + len(value) - 2)):
                    continue
                other = str((int(sign) + 1) % 10) if sign.isdecimal() else "某"
                changed = text[:at] + other + text[at + 1 :]
                assert compare(text, changed).verdict != "equal", changed


def test_a_standard_address_may_end_in_a_section():
    place = Directory([Standard("C", "奎文区东风东街12号阳光花园东区")])
    assert place.match("奎文区东风东街12号阳光花园东区3号楼2单元501室").verdict == "equal"
    assert place.match("奎文区东风东街12号阳光花园西区3号楼2单元501室").verdict == "unknown"


def test_the_same_address_typed_otherwise_is_equal():
    """Full-width digits, spaces around numbers and people with phones never count; spaces between names only where
    they show what no sign showed before."""
    asked, right = Counter(), Counter()
    for name in SETS:
        for how, text, other in retyped(name):
            if compare(text, text).verdict == "equal":
                asked[how] += 1
                right[how] += compare(text, other).verdict == "equal"
    assert right["full width"] == asked["full width"] >= 550
    assert right["person and phone"] == asked["person and phone"] >= 550
    assert right["spaces around numbers"] == asked["spaces around numbers"] >= 550
    assert right["spaces"] / asked["spaces"] >= 0.95
