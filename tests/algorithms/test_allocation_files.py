"""`ruxue allocate`: two files in, one out, and every bad row named at once."""

import csv
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ruxue.algorithms import draw
from ruxue.cli import app

SCHOOLS = "school,seats\n一小,1\n二小,2\n"


@pytest.fixture
def allocate(tmp_path):
    """Runs the command on these texts; gives the status, what was said, and the rows of the result."""

    def run(choices, schools=SCHOOLS, *more, encoding="utf-8"):
        (tmp_path / "choices.csv").write_bytes(choices if isinstance(choices, bytes) else choices.encode(encoding))
        (tmp_path / "schools.csv").write_bytes(schools.encode(encoding))
        out = tmp_path / "seats.csv"
        out.unlink(missing_ok=True)
        files = ["--choices", str(tmp_path / "choices.csv"), "--schools", str(tmp_path / "schools.csv")]
        done = CliRunner().invoke(app, ["allocate", *files, "--out", str(out), *more])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        rows = list(csv.reader(out.open(encoding="utf-8", newline=""))) if out.exists() else None
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
            ["choices.csv", "schools.csv"] + (["seats.csv"] if rows else [])
        )
        return done.exit_code, done.output, rows

    return run


def test_deferred_acceptance_with_priorities_of_each_school(allocate):
    status, said, rows = allocate(
        "applicant,school,preference,priority\n甲,一小,1,2\n甲,二小,2,1\n乙,二小,1,5\n乙,一小,2,1\n丙,二小,1,2\n丁,二小,7,3\n"
    )
    assert status == 0 and "4 applicants: 3 seated, 1 without a seat" in said
    assert rows == [
        ["applicant", "school", "preference"],
        ["甲", "二小", "2"],
        ["乙", "一小", "2"],
        ["丙", "二小", "1"],
        ["丁", "", ""],
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_column_order_blank_lines_and_quotes(allocate, encoding):
    text = 'priority, preference ,note,school,applicant\r\n1,1,"a, b",一小," 堃 "\r\n\r\n2,1,,一小,"O""Neil, Jr."\r\n'
    status, _, rows = allocate(text, SCHOOLS, encoding=encoding)
    assert status == 0 and rows[1:] == [["堃", "一小", "1"], ['O"Neil, Jr.', "", ""]]


def test_equal_priorities_are_split_by_the_protocols_ticket_of_the_unit(allocate):
    seed = bytes(range(32))
    names = [f"N{n}" for n in range(12)]
    groups = {"N3": "twins", "N4": "twins"}
    text = "applicant,school,preference,priority,group\n" + "".join(f"{n},S,1,5,{groups.get(n, '')}\n" for n in names)
    status, _, rows = allocate(text, "school,seats\nS,6\n", "--seed", seed.hex())
    entries = [{"code": n} | ({"group": groups[n]} if n in groups else {}) for n in names]
    drawn = draw.lottery({"rules": {"seats": 6, "group_boundary": "skip"}, "entries": entries}, seed).admitted
    assert status == 0 and {r[0] for r in rows[1:] if r[1]} == set(drawn)


def test_equal_priorities_that_decide_need_a_seed_and_those_that_do_not_need_none(allocate):
    head = "applicant,school,preference,priority\n"
    status, said, rows = allocate(head + "a,一小,1,5\nb,一小,1,5\n")
    assert status == 1 and rows is None and "--seed" in said and "'a' and 'b' share priority 5 at '一小'" in said
    status, _, rows = allocate(head + "a,二小,1,5\nb,二小,1,5\n")
    assert status == 0 and [r[1] for r in rows[1:]] == ["二小", "二小"]


def test_twins_sit_together_or_are_passed_over(allocate):
    head = "applicant,school,preference,priority,group\n"
    status, _, rows = allocate(
        head + "t1,一小,1,1,t\nt1,二小,2,9,t\nt2,二小,1,1,t\nt2,一小,2,1,t\nx,一小,1,3,\ny,二小,1,5,\n"
    )
    assert status == 0  # their place at 二小 is 9, the later of the two, but y leaves one seat only
    assert rows[1:] == [["t1", "", ""], ["t2", "", ""], ["x", "一小", "1"], ["y", "二小", "1"]]
    status, _, rows = allocate(head + "t1,一小,1,1,t\nt1,二小,2,3,t\nt2,二小,1,1,t\nx,一小,1,3,\ny,二小,1,5,\n")
    assert rows[1:] == [["t1", "二小", "2"], ["t2", "二小", "1"], ["x", "一小", "1"], ["y", "", ""]]


def test_every_bad_row_is_named_at_once(allocate):
    status, said, rows = allocate(
        "applicant,school,preference,priority,group\n甲,一小,x,5,\n乙,一小,1,5,\n\n乙,三小,2,3.5,g\n,二小,1,3,\n丙,二小,1\n"
        "乙,一小,3,4,\n乙,二小,1,7,\n丁,,1,1,乙\n",
        "seats,school\n1,一小\n-2,二小\n3,一小\n",
    )
    assert status == 1 and rows is None
    for words in (
        "choices.csv, row 2: preference is 'x'; it must be a whole number",
        "choices.csv, row 5: priority is '3.5'",
        "choices.csv, row 5: school '三小' is not in schools.csv",
        "choices.csv, row 5: applicant '乙' has another group",
        "choices.csv, row 6: applicant is empty",
        "choices.csv, row 7: has 3 fields where the heading has 5",
        "choices.csv, row 8: applicant '乙' has this school in row 3 already",
        "choices.csv, row 9: applicant '乙' has preference 1 in row 3 already",
        "choices.csv, row 10: school is empty",
        "choices.csv, row 10: group '乙' has the name of an applicant",
        "schools.csv, row 3: seats is '-2'; it must be a whole number of at least 0",
        "schools.csv, row 4: school '一小' is already in row 2",
    ):
        assert words in said.replace("\n", "\n"), said
    assert "12 problems; nothing was written." in said


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ("", "the heading lacks applicant, school, preference, priority (it has nothing)"),
        (
            "applicant,school,rank\na,一小,1\n",
            "the heading lacks preference, priority (it has applicant, school, rank)",
        ),
        ("applicant,school,school,preference,priority\n", "the heading has school more than once"),
        (b"applicant,school,preference,priority\n\xff\xff,\xff,1,1\n", "neither UTF-8 nor GB18030"),
    ],
)
def test_files_that_are_none(allocate, choices, words):
    status, said, rows = allocate(choices)
    assert status == 1 and rows is None and words in said


def test_nobody_applied_and_a_bad_seed_and_no_such_file(allocate, tmp_path):
    assert allocate("applicant,school,preference,priority\n")[2] == [["applicant", "school", "preference"]]
    assert "not hexadecimal" in allocate("applicant,school,preference,priority\n", SCHOOLS, "--seed", "xyz")[1]
    files = ["--choices", str(tmp_path / "none.csv"), "--schools", str(tmp_path / "none2.csv")]
    done = CliRunner().invoke(app, ["allocate", *files, "--out", str(tmp_path / "no" / "out.csv")])
    assert done.exit_code == 1
    assert all(words in done.output for words in ("none.csv", "none2.csv", "folder does not exist"))


def test_it_needs_no_database(tmp_path):
    (tmp_path / "c.csv").write_text("applicant,school,preference,priority\na,S,1,1\n")
    (tmp_path / "s.csv").write_text("school,seats\nS,1\n")
    line = [sys.executable, "-m", "ruxue.cli", "allocate", "--choices", "c.csv", "--schools", "s.csv", "--out", "o.csv"]
    environment = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "o.csv").read_text() == "applicant,school,preference\na,S,1\n", done
