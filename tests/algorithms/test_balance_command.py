"""`ruxue balance`: a school's list in, its classes out, without a platform; what is wrong is told with its row."""

import csv
import json
import sys

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from ruxue import cli

SEED = "0e8aaf89c6f4c646dde5f6dc609a6134a772ed762843997e54f88403a5c051ab"
HEAD = ["code", "sex", "category", "age", "family", "name", "special"]


def rows(count=60):
    return [
        [
            f"S{i:03d}",
            "男女"[i * 7 % 11 % 2],
            ["户籍", "随迁", "统筹"][i % 3],
            str(70 + i * 5 % 13),
            f"F{i // 2}" if i < 6 else "",
            "王梓涵" if i % 20 == 0 else f"学生{i}",
            "是" if i % 17 == 0 else "",
        ]
        for i in range(count)
    ]


def write(path, table, encoding="utf-8", end="\n"):
    path.write_bytes(end.join(",".join(row) for row in [HEAD, *table]).encode(encoding))
    return path


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def run(*words):
        """Exit code, output and errors of `ruxue balance`, with the options that every draw needs."""
        monkeypatch.setattr(sys, "argv", ["ruxue", "balance", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return ended.value.code or 0, told.out, told.err.replace("\n", "")

    return run


USUAL = ("--classes", "4", "--seed", SEED, "--balance", "sex,category", "--mean", "age", "--group", "family")


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["code"]: int(row["class"]) for row in csv.DictReader(file)}


def test_a_list_becomes_classes_with_a_report(run, tmp_path):
    out, report = tmp_path / "classes.csv", tmp_path / "report.json"
    code, shown, _ = run(write(tmp_path / "p.csv", rows()), *USUAL, "--out", out, "--report", report)
    assert code == 0 and "户籍" in shown
    assert out.read_text().splitlines()[0] == "code,class"
    placed = read(out)
    assert list(placed) == [row[0] for row in rows()]
    assert placed["S000"] == placed["S001"] and placed["S004"] == placed["S005"]
    told = json.loads(report.read_text())
    assert told["levels"]["sex"] == {"女": 0, "男": 1} and told["report"]["sizes"] == [15] * 4
    assert all(row["spread"] <= 1 for levels in told["report"]["attributes"].values() for row in levels.values())


@pytest.mark.parametrize(("encoding", "end"), [("gb18030", "\r\n"), ("utf-8-sig", "\r\n"), ("utf-16", "\n")])
def test_files_as_a_chinese_excel_writes_them(run, tmp_path, encoding, end):
    plain, out = tmp_path / "plain.csv", tmp_path / "out.csv"
    assert run(write(tmp_path / "p.csv", rows()), *USUAL, "--out", plain)[0] == 0
    assert run(write(tmp_path / "q.csv", rows(), encoding, end), *USUAL, "--out", out)[0] == 0
    assert out.read_text(encoding=encoding) == plain.read_text()


def test_from_excel_and_to_excel(run, tmp_path):
    source, out, plain = tmp_path / "p.xlsx", tmp_path / "out.xlsx", tmp_path / "out.csv"
    with xlsxwriter.Workbook(str(source)) as book:
        sheet = book.add_worksheet()
        for r, row in enumerate([HEAD, *rows()]):
            sheet.write_row(r, 0, [int(v) if v.isdecimal() else v for v in row])  # ages as numbers, which are floats
    assert run(source, *USUAL, "--out", out)[0] == 0
    assert run(write(tmp_path / "p.csv", rows()), *USUAL, "--out", plain)[0] == 0
    made = CalamineWorkbook.from_path(str(out)).get_sheet_by_index(0).to_python()
    assert made[0] == ["code", "class"]
    assert {code: int(c) for code, c in made[1:]} == read(plain)


def test_rules_of_a_file_with_texts_as_levels(run, tmp_path):
    rules, out = tmp_path / "rules.json", tmp_path / "out.csv"
    limit = [{"attribute": "special", "level": "是", "most": 1}]
    rules.write_text(json.dumps({"names_apart": "name", "limit": limit, "apart": ["F1"], "fixed": {"S010": 2}}))
    assert run(write(tmp_path / "p.csv", rows()), *USUAL, "--out", out, "--rules", rules)[0] == 0
    placed = read(out)
    assert len({placed[f"S{i:03d}"] for i in (0, 20, 40)}) == 3
    assert len({placed[f"S{i:03d}"] for i in (0, 17, 34, 51)}) == 4
    assert placed["S002"] != placed["S003"] and placed["S010"] == 2


def test_a_second_split_moves_nobody(run, tmp_path):
    first, rules, second = tmp_path / "first.csv", tmp_path / "rules.json", tmp_path / "second.csv"
    assert run(write(tmp_path / "p.csv", rows(60)), *USUAL, "--out", first)[0] == 0
    rules.write_text(json.dumps({"placed": read(first), "cap": 18}))
    assert run(write(tmp_path / "q.csv", rows(66)), *USUAL, "--out", second, "--rules", rules)[0] == 0
    both = read(second)
    assert len(both) == 66 and read(first).items() <= both.items()
    counts = [list(both.values()).count(c) for c in (1, 2, 3, 4)]
    assert max(counts) - min(counts) == 1


def test_all_bad_rows_are_told_at_once(run, tmp_path):
    table = rows()
    table[3][3], table[5][0], table[7][1], table[9][3] = "七岁", "S001", "", "75.5"
    code, _, told = run(write(tmp_path / "p.csv", table), *USUAL, "--out", tmp_path / "out.csv")
    assert code == 1
    for part in (
        "row 5: age is '七岁'",
        "row 7: code S001 is that of row 3",
        "row 9: sex is empty",
        "row 11: age is '75",
    ):
        assert part in told
    assert "第 5 行" in told and not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--balance", "colour"), "column colour is missing; there are code, sex"),
        (("--seed", "12"), "64 hexadecimal digits"),
        (("--classes", "61"), "60 pupils can't fill 61 classes"),
        (("--classes", "0"), "classes can't be 0"),
        (("--rules", "none.json"), "can't be read as rules"),
        (("--out", "none/out.csv"), "can't be written"),
    ],
)
def test_what_can_t_be_is_told_in_a_sentence(run, tmp_path, words, told):
    code, _, error = run(write(tmp_path / "p.csv", rows()), *USUAL, "--out", tmp_path / "out.csv", *words)
    assert code == 1 and told in error


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "row 1 must hold"),
        (b"code,sex\n", "no pupil stands"),
        (b"code,sex,sex\nA,1,1\n", "column sex is there 2 times"),
        (b"code,sex\nA,1,5\nB,1\n", "row 2: it has more cells"),
        (b"\xff\xff\xff\xff,\n", "neither UTF-8 nor GB 18030"),
    ],
)
def test_a_file_that_is_no_list_is_told(run, tmp_path, content, told):
    (tmp_path / "p.csv").write_bytes(content)
    code, _, error = run(tmp_path / "p.csv", "--classes", "1", "--seed", SEED, "--out", tmp_path / "out.csv")
    assert code == 1 and told in error


def test_an_excel_file_that_is_none_is_told(run, tmp_path):
    (tmp_path / "p.xlsx").write_text("code,sex")
    for name in ("p.xlsx", "none.xlsx"):
        code, _, error = run(tmp_path / name, "--classes", "1", "--seed", SEED, "--out", tmp_path / "out.csv")
        assert code == 1 and "no Excel file" in error


def test_rules_of_another_form_are_told(run, tmp_path):
    rules = tmp_path / "rules.json"
    for content, told in (
        ('{"limit": [{"attribute": "special"}]}', "limit can't be"),
        ('{"limit": [{"attribute": "special", "level": "no", "most": 1}]}', "no pupil has 'no' as special"),
        ('{"required": [["S001", "S999"]]}', "the list has no such pupil"),
        ("[1]", "must hold a JSON object"),
    ):
        rules.write_text(content)
        code, _, error = run(write(tmp_path / "p.csv", rows()), *USUAL, "--out", tmp_path / "out.csv", "--rules", rules)
        assert code == 1 and told in error
