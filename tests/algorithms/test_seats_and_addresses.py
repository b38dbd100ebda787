import pytest

from ruxue.algorithms import address, forecast


@pytest.mark.parametrize(
    "text",
    [
        "奎文区东风东街123号阳光花园3号楼2单元501室",
        "山东省潍坊市奎文区东风东街１２３号阳光花园三号楼二单元501",
        "奎文区东风东街123号阳光花园3#楼2单元501",
        "奎文区东风东街123号阳光花园3幢2单元501户",
    ],
)
def test_notations_of_one_address_parse_alike(text):
    parsed = address.parse(text)
    assert (parsed.road, parsed.road_number, parsed.compound, parsed.building, parsed.unit, parsed.room) == (
        "东风东街",
        "123",
        "阳光花园",
        "3",
        "2",
        "501",
    )


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("阳光花园3-2-501", "阳光花园三号楼2单元501室", "equal"),
        ("阳光花园3-2-501", "阳光花园3-2-502", "different"),
        ("阳光花园3-2-501", "月亮花园3-2-501", "different"),
        ("奎文区东风东街123号阳光花园3-2-501", "阳光花园3-2-501", "compatible"),
        ("奎文区", "阳光花园", "unknown"),
    ],
)
def test_comparison_of_addresses(a, b, verdict):
    assert address.compare(a, b)[0] == verdict


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("买买提·艾力", "买买提．艾力", "equal"),
        ("王喆", "王哲", "variant"),
        ("张 伟", "张伟", "equal"),
        ("张伟", "张玮", "different"),
        ("买买提·艾力", "买买提艾力", "variant"),
    ],
)
def test_names_are_equal_only_sign_by_sign(a, b, verdict):
    assert address.compare_names(a, b) == verdict


def test_numbers_of_papers_and_people():
    assert address.classify_certificate("鲁(2019)潍坊市不动产权第0000001号") == "certificate"
    assert address.classify_certificate("潍房权证奎文字第00123号") == "old_certificate"
    assert address.classify_certificate("HT20250000012") == "contract"
    good = "37079920200101001" + address.id_check_digit("37079920200101001")
    assert address.valid_id(good)
    assert not address.valid_id(good[:-1] + ("0" if good[-1] != "0" else "1"))
    assert not address.valid_id("370799202013010014")
    assert address.mask_name("张小明") == "张*明" and address.mask_name("张明") == "张*"
    assert good[3:14] not in address.mask_id(good)


def test_differing_signs_are_marked():
    mine, theirs = address.differing("东风东街123号", "东风大街东段123号")
    assert "".join(t for t, _ in mine) == "东风东街123号" and any(not same for _, same in theirs)


def test_outlook_leaves_out_the_unborn_and_tells_its_error():
    rows = forecast.outlook({2020: 100, 2021: 80}, 1.05, 2026, 3)
    assert [(r.year, r.mid) for r in rows] == [(2026, 105), (2027, 84)]
    assert all(r.low < r.mid < r.high for r in rows)
    assert forecast.mape([100, 200], [110, 180]) == pytest.approx(10)
