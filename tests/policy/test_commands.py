"""`ruxue policy check | explain | diff`, as an official types them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ruxue.cli import app
from ruxue.processes import StartError

ROOT = Path(__file__).parents[2]
KUIWEN, CASES = ROOT / "policies" / "kuiwen-primary.yaml", Path(__file__).parent / "cases" / "kuiwen-primary.yaml"


def run(*words: object) -> str:
    result = CliRunner().invoke(app, ["policy", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_check_names_the_policy_and_what_looks_wrong() -> None:
    said = run("check", KUIWEN, "--lang", "en")
    assert "kuiwen-primary version 3 for kuiwen 2026: 5 categories, digest " in said
    assert "some children are in no category" in said


def test_check_holds_a_policy_against_cases() -> None:
    assert f"{CASES.read_text(encoding='utf-8').count('expect:')} cases hold" in run("check", KUIWEN, "--cases", CASES)


def test_cases_that_do_not_hold_are_named_and_the_command_fails(tmp_path: Path) -> None:
    wrong = tmp_path / "cases.yaml"
    wrong.write_text(
        CASES.read_text(encoding="utf-8").replace(
            "like: owner, expect: {state: decided, category: K1}", "like: owner, expect: {category: K2}", 1
        ),
        encoding="utf-8",
    )
    result = CliRunner().invoke(app, ["policy", "check", str(KUIWEN), "--cases", str(wrong)])
    assert isinstance(result.exception, StartError)
    assert "✗ hukou and home at one address: category: K1, not K2" in result.output
    assert "1 of" in str(result.exception)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lease.sole", "lease.soul", ["line 69", "did you mean lease.sole", "是否为 lease.sole"]),
        ("id: kuiwen-primary", "id: [", ["not valid YAML", "YAML 写法有误"]),
    ],
)
def test_an_error_names_file_line_and_fix(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(KUIWEN.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    for command in ("check", "explain"):
        with pytest.raises(StartError) as caught:
            run(command, path)
        assert all(word in str(caught.value) for word in [*words, str(path)])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="can't be read"):
        run("check", tmp_path / "none.yaml")
    path = tmp_path / "gbk.yaml"
    path.write_bytes("title: 办法".encode("gbk"))
    with pytest.raises(StartError, match="UTF-8"):
        run("explain", path)
    path.write_text("a: 1", encoding="utf-8")
    with pytest.raises(StartError, match="list of cases"):
        run("check", KUIWEN, "--cases", path)


def test_explain_prints_the_whole_rule_in_either_language() -> None:
    zh, en = (
        run("explain", ROOT / "policies" / "longgang-primary-2017.yaml"),
        run("explain", ROOT / "policies" / "longgang-primary-2017.yaml", "--lang", "en"),
    )
    assert "3 第三类：片区户籍、特殊住房或租房（90分）" in zh and "加分：最多10分" in zh
    assert "3 type 3: hukou in the zone, special housing or lease (90 points)" in en
    assert "one home serves one family" in en and "all categories are ranked together" in en


def test_diff_says_what_changed() -> None:
    said = run(
        "diff",
        ROOT / "policies" / "guangzhou-primary-2018.yaml",
        ROOT / "policies" / "guangzhou-primary-2021.yaml",
        "--lang",
        "en",
    )
    assert "· parameter permit_rate: 3 → 8" in said
    assert run("diff", KUIWEN, KUIWEN) == "没有变化\n"
