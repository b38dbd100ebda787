from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.algorithms import identity
from ruxue.algorithms.identity import compare_names, compare_papers, read_paper, same_person
from tests.algorithms.identity_pairs import names, papers


@pytest.mark.parametrize(("pairs", "compare"), [(names(), compare_names), (papers(), compare_papers)])
def test_labelled_pairs(pairs, compare):
    results = [(p, compare(p.a, p.b)) for p in pairs]
    said = [p for p, r in results if r.verdict == "equal"]
    assert all(p.verdict == "equal" for p in said)
    assert len(said) >= 0.97 * sum(p.verdict == "equal" for p in pairs)
    asked, right = Counter(), Counter()
    for pair, result in results:
        asked[pair.kind] += 1
        right[pair.kind] += pair.verdict == result.verdict
    assert {k for k in asked if right[k] < 0.95 * asked[k]} == set()


def test_the_sets_are_large_enough():
    assert len(names()) + len(papers()) >= 500


HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)


@settings(max_examples=300, deadline=None)
@given(st.text(HAN, min_size=2, max_size=4), st.integers(0, 3), HAN)
def test_names_with_another_sign_are_equal_only_in_another_form_of_the_sign(name, at, sign):
    at %= len(name)
    other = name[:at] + sign + name[at + 1 :]
    result = compare_names(name, other)
    assert compare_names(other, name).verdict == result.verdict
    if result.verdict == "equal":
        assert identity.normalize_name(name[at]) == identity.normalize_name(sign)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_can_be_compared(a, b):
    compare_names(a, b)
    compare_papers(a, b)


def person(serial):
    first = f"37079919900101{serial:03d}"
    return first + identity.id_check_digit(first)


@pytest.mark.parametrize(
    ("a", "b", "same_id", "verdict"),
    [
        ("王喆", "王喆", True, "same"),
        ("王喆", "王哲", True, "same"),
        ("王喆", "王伟", True, "needs_person"),
        ("王喆", "王喆", False, "different"),
        ("王喆", "王喆", None, "needs_person"),
        ("王喆", "王哲", None, "needs_person"),
        ("王喆", "李哲", None, "different"),
    ],
)
def test_identity_needs_the_number_as_well(a, b, same_id, verdict):
    other = "" if same_id is None else person(1) if same_id else person(2)
    result = same_person(a, person(1), b, other)
    assert result.verdict == verdict and result.zh and result.en


def test_a_wrong_check_digit_identifies_nobody():
    bad = person(1)[:-1] + ("0" if person(1)[-1] != "0" else "1")
    assert same_person("王伟", bad, "王伟", bad).verdict == "needs_person"


@pytest.mark.parametrize(
    ("text", "kind", "slip"),
    [
        ("鲁(2019)潍坊市不动产权第0000001号", "certificate", ""),
        ("鲁（2019）潍坊市不动产权第000001号", "certificate", "少了1位"),
        ("鲁(2019)潍坊市不动产权第00000O1号", "certificate", "字母"),
        ("(2019)潍坊市不动产权第0000001号", "certificate", "省简称"),
        ("鲁潍坊市不动产权第0000001号", "certificate", "年份"),
        ("鲁(2021)潍坊市不动产证明第0012345号", "registration_proof", "登记证明"),
        ("潍房权证奎文字第00123号", "old_certificate", ""),
        ("X京房权证海字第123456号", "old_certificate", ""),
        ("沪房地浦字(2005)第012345号", "old_certificate", ""),
        ("粤房地权证穗字第0120012345号", "old_certificate", ""),
        ("潍国用(2005)第A012号", "land_certificate", "土地"),
        ("HT20250000012", "contract", "合同备案号"),
        ("20190801001234", "contract", "合同备案号"),
        ("(2019)潍房预售证第012号", "presale_permit", "预售"),
        ("潍房租备字2024第123号", "lease", "租赁"),
        ("370705001001GB00012F00010023", "unit_number", ""),
        ("370705 001001 GB00012 F00010023", "unit_number", ""),
        ("37070500100GB00012F00010023", "unit_number", "“GB”之前少了1位"),
        ("370705001001GB0012F00010023", "unit_number", "“GB”之后少了1位"),
        ("370705001001GB00012F0001002", "unit_number", "“F”之后少了1位"),
        ("370705001001GB00012F0O010023", "unit_number", "字母"),
        ("D37001234567", "sheet_number", "印制编号"),
        ("0000001", "unknown", "七位顺序号"),
        ("随便写的", "unknown", "无法识别"),
        ("", "unknown", "无法识别"),
    ],
)
def test_papers_and_their_slips(text, kind, slip):
    paper = read_paper(text)
    assert paper.kind == kind
    assert bool(paper.slips) == bool(slip)
    assert slip in "".join(zh for zh, _ in paper.slips)
    assert all(en and zh != en for zh, en in paper.slips)


def test_id_numbers_and_masks():
    good = person(1)
    assert identity.valid_id(good)
    assert not identity.valid_id(good[:-1] + ("0" if good[-1] != "0" else "1"))
    assert not identity.valid_id("370799202013010014")
    assert identity.long_id("３７０７９９900101001") == identity.long_id("370799 19900101 0013"[:6] + "900101001")
    assert identity.mask_name("张小明") == "张*明" and identity.mask_name("张明") == "张*"
    assert good[3:14] not in identity.mask_id(good)


def test_differing_signs_are_marked():
    mine, theirs = identity.differing("东风东街123号", "东风大街东段123号")
    assert "".join(t for t, _ in mine) == "东风东街123号" and any(not same for _, same in theirs)
