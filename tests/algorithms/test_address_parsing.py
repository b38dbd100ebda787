import json
import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ruxue.algorithms.address import LEVELS, parse
from ruxue.algorithms.address_levels import ASIDES, clean, read, split
from tests.algorithms.address_sets import labelled, score


def test_addresses_that_the_parser_was_written_with():
    f1, _, wrong = score(labelled("addresses_dev.txt"))
    assert f1 >= 0.99, wrong


@pytest.mark.parametrize(
    ("name", "count", "provinces"),
    [
        ("addresses_heldout.txt", 180, 30),
        ("addresses_heldout2.txt", 60, 20),
        ("addresses_heldout3.txt", 180, 28),
        ("addresses_heldout4.txt", 110, 28),
    ],
)
def test_addresses_of_all_provinces_first_scored_when_the_parser_was_done(name, count, provinces):
    rows = labelled(name)
    f1, by_level, wrong = score(rows)
    assert len(rows) >= count and len({r[1].get("province", "")[:2] for r in rows}) >= provinces
    assert f1 >= 0.97, (f1, by_level, wrong)
    assert min(by_level.values()) >= 0.8, by_level


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("阳光花园3-2-501", {"compound": "阳光花园", "building": "3", "unit": "2", "room": "501"}),
        ("阳光花园3号楼2单元501室", {"compound": "阳光花园", "building": "3号楼", "unit": "2单元", "room": "501室"}),
        ("阳光花园3栋二单元五零一", {"compound": "阳光花园", "building": "3栋", "unit": "二单元", "room": "五零一"}),
        ("阳光花园3＃楼２单元５０１", {"compound": "阳光花园", "building": "3#楼", "unit": "2单元", "room": "501"}),
        ("陽光花園3號樓501", {"compound": "阳光花园", "building": "3号楼", "room": "501"}),
        ("人民路88号3-501", {"road": "人民路", "road_number": "88号", "building": "3", "room": "501"}),
        ("人民路88-3号", {"road": "人民路", "road_number": "88-3号"}),
        (
            "上海市柳营路669弄14号1102",
            {"city": "上海市", "road": "柳营路", "road_number": "669弄", "building": "14号", "room": "1102"},
        ),
        ("高新区健康东街6888号", {"district": "高新区", "road": "健康东街", "road_number": "6888号"}),
        ("张庄村6组12号", {"community": "张庄村", "road": "6组", "road_number": "12号"}),
        ("", {}),
        ("？？？", {}),
    ],
)
def test_notations(text, expected):
    found, _ = split(text)
    assert found == expected


def test_what_is_no_level_stands_in_the_rest():
    address = parse("泰和花园(北区)12号楼602 王女士 13800138000（放门口）")
    assert (address.compound, address.building, address.room) == ("泰和花园", "12号楼", "602")
    for piece in ("北区", "王女士", "13800138000", "放门口"):
        assert piece in address.rest


SIGNS = "山东省潍坊市奎文区广文街道樱园社区东风东街路号楼栋幢单元室层村组巷弄第一二三十甲ABC0123456789-#()（） 　，阳光花园对面与"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text(SIGNS, max_size=40))
@example("第")
@example("²号楼")
@example("٣号楼")
def test_any_text_is_split_and_nothing_is_invented(text):
    found, _ = split(text)
    assert set(found) <= set(LEVELS) and all(found.values())
    body = re.sub(r"\s", "", clean(text)[0])
    for value in found.values():
        assert value in body or value in re.sub(r"[ -]", "", body)


@settings(max_examples=200, deadline=None)
@given(st.text(SIGNS, max_size=40))
@example("一A　-0")
def test_no_number_is_lost(text):
    """Each digit of the text stands in a level or in the rest: a home can't lose a part of its number unseen."""
    parts = read(text)
    kept = "".join(parts.found.values()) + parts.rest
    digits = sorted(c for c in unicodedata.normalize("NFKC", text) if c.isdigit())
    assert digits == sorted(c for c in kept if c.isdigit())
    assert set(parts.found) <= {*LEVELS, *ASIDES}


def test_long_lines_take_no_longer_than_short_ones():
    found, rest = split("奎文区东风东街123号" + "阳光花园对面" * 5000)
    assert found["road"] == "东风东街" and len(rest) > 20_000


def test_command_line():
    text = "山东省潍坊市奎文区东风东街123号阳光花园3号楼2单元501室\n\n张庄村6组 电联\n"
    run = subprocess.run(
        [sys.executable, "-m", "ruxue.cli", "address", "parse"], input=text, capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert list(lines[0]) == [k for k in LEVELS if k not in ("town", "community", "floor")]
    assert lines[1] == {} and lines[2] == {"community": "张庄村", "road": "6组", "rest": "电联"}


def test_command_line_names_the_bad_line():
    run = subprocess.run(
        [sys.executable, "-m", "ruxue.cli", "address", "compare"],
        input="甲\t乙\n丙\n".encode(),
        capture_output=True,
    )
    assert run.returncode == 1 and "Line 2" in run.stderr.decode()
