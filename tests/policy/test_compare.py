"""Two versions compared: in words, and by what they do to families and to the seats of schools."""

from pathlib import Path
from typing import Any

import pytest

from ruxue.policy.cases import read, sheet
from ruxue.policy.compare import Family, both_explained, diff, summary, what_if
from ruxue.policy.engine import decide
from ruxue.policy.language import Policy, load, load_file

POLICIES = Path(__file__).parents[2] / "policies"
FIVE, SIX = load_file(POLICIES / "kuiwen-primary.yaml"), load_file(POLICIES / "kuiwen-primary-six.yaml")
TEXT = (POLICIES / "kuiwen-primary.yaml").read_text(encoding="utf-8")
BOOK = read((Path(__file__).parent / "cases" / "kuiwen-primary-six.yaml").read_text(encoding="utf-8"))
OWNER: dict[str, Any] = {
    "child.born_on": "2020-03-15", "child.already_enrolled": False, "family.special_group": "",
    "family.reported_absent": False, "child.with_guardian_household": True, "child.hukou_district": "kuiwen",
    "dwelling.owned_by_family": True, "dwelling.residential": True, "dwelling.in_zone": True,
    "dwelling.address_equals_hukou": True, "family.no_dwelling_in_core": False, "lease.in_zone": False,
}  # fmt: skip


def said(old: Policy, new: Policy, lang: Any = "en") -> list[str]:
    return [change.text(lang) for change in diff(old, new, lang)]


def changed(old: str, new: str) -> list[str]:
    assert old in TEXT
    return said(FIVE, load(TEXT.replace(old, new, 1)))


def test_nothing_changed_says_nothing() -> None:
    assert said(FIVE, FIVE) == said(FIVE, load(TEXT)) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "- {fact: child.hukou_entry_on, better: earlier}\n  - {fact: dwelling.acquired_on, better: earlier}",
            "- {fact: dwelling.acquired_on, better: earlier}\n  - {fact: child.hukou_entry_on, better: earlier}",
            [
                "tie-breakers: added: the day on which the home was bought: earlier first",
                "tie-breakers: removed: the day on which the home was bought: earlier first",
            ],
        ),
        (
            "better: earlier}", "better: later}",
            [
                "tie-breakers: the day on which the child's hukou was entered: earlier first → "
                "the day on which the child's hukou was entered: later first"
            ],
        ),
        (
            'lease_filed_before: "${season}-01-01"', 'lease_filed_before: "${season}-03-01"',
            ["parameter lease_filed_before: 1 January 2026 → 1 March 2026"],
        ),
        (
            "            - {fact: lease.sole, is: true}\n", "",
            ["K3 batch 3: hukou here, renting: removed: the home is leased by the family alone"],
        ),
        (
            "late: remaining_seats", "late: remaining_seats\nties: lottery",
            ["arrangements: added: what is still equal is drawn by lot"],
        ),
    ],
)  # fmt: skip
def test_a_change_is_said_in_words(old: str, new: str, words: list[str]) -> None:
    assert changed(old, new) == words


def test_a_season_moved_is_one_change_and_not_one_in_every_sentence() -> None:
    moved = said(FIVE, load(TEXT, 2027))
    assert moved == [
        "season: 2026 → 2027",
        "parameter cutoff: 31 August 2026 → 31 August 2027",
        "parameter born_by: 31 August 2020 → 31 August 2021",
        "parameter lease_filed_before: 1 January 2026 → 1 January 2027",
    ]


def test_batches_that_were_renumbered_are_recognised() -> None:
    words = said(SIX, FIVE, "zh")
    assert "类别：“K6 第六批次：非本区户籍、租住满一年并就业”改为“K5 第五批次：非本区户籍、租住并就业”" in words
    assert "类别：删去“K5 第五批次：非本区户籍、有住房”" in words
    assert "K4 第四批次：非本区户籍、有住房：删去“至少一位监护人在本区合法稳定就业”" in words
    back = said(FIVE, SIX)
    assert "categories: added: K5 batch 5: hukou elsewhere, own home" in back


def test_an_added_batch_tells_its_grounds_and_what_moved() -> None:
    batch = """  - code: K0
    title: {zh: "本校职工子女", en: "siblings first"}
    bases:
      - title: {zh: "兄姐在校", en: "an elder sibling in the school"}
        when: {fact: sibling.in_school, is: true}
  - code: K1
"""
    words = changed("  - code: K1\n", batch)
    assert words[0] == "categories: added: K0 siblings first"
    assert words[1] == "K0 siblings first: added: an elder sibling in the school (an elder sibling is in the school)"
    assert len(words) == 2


def families() -> list[Family]:
    return [Family(case.name, case.facts, {"kind": case.name[:1], "school": "a"}) for case in BOOK.cases]


def test_a_what_if_counts_what_deciding_one_by_one_gives() -> None:
    told: list[tuple[int, int]] = []
    found = what_if(SIX, FIVE, families() * 40, progress=lambda done, total: told.append((done, total)), sample=5)
    moves: dict[tuple[str, str], int] = {}
    for family in families():
        move = (decide(SIX, family.facts, True).category, decide(FIVE, family.facts, True).category)
        moves[move] = moves.get(move, 0) + 40
    assert found.moves == moves
    assert sum(found.moves.values()) == found.total == 40 * len(BOOK.cases)
    assert len(found.changed) == sum(n for (a, b), n in moves.items() if a != b)
    assert sum(n for values in found.by["kind"].values() for n in values.values()) == found.total
    assert told[-1] == (2 * found.total, 2 * found.total) and len(told) > 2
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(found.sample) == 5
    kinds = {
        (decide(SIX, f.facts, True).category, decide(FIVE, f.facts, True).category)
        for f in families()
        if f.key in found.sample
    }
    assert len(kinds) == min(5, len([m for m in moves if m[0] != m[1]]))
    assert {(r["before"], r["after"]): r["families"] for r in found.rows() if not r["group"]} == found.moves


def test_nothing_changes_under_the_same_policy() -> None:
    found = what_if(FIVE, FIVE, families(), {"a": 3})
    assert (found.changed, found.won, found.lost, found.sample) == ([], [], [], [])


def owners(*days: str) -> list[Family]:
    return [Family(day, sheet({**OWNER, "child.hukou_entry_on": day}), {"school": "a"}) for day in days]


def test_seats_go_by_category_and_tie_breakers_before_and_after() -> None:
    later = load(
        TEXT.replace("{fact: child.hukou_entry_on, better: earlier}", "{fact: child.hukou_entry_on, better: later}")
    )
    found = what_if(FIVE, later, owners("2018-01-01", "2019-01-01", "2020-04-01"), {"a": 1})
    assert (found.won, found.lost) == (["2020-04-01"], ["2018-01-01"])
    assert found.changed == []
    load_a = found.loads[0]
    assert (load_a.wanting, load_a.cut, load_a.overflow) == ((3, 3), ("K1", "K1"), (2, 2))


def test_equals_at_the_edge_wait_for_the_draw() -> None:
    found = what_if(FIVE, FIVE, owners("2018-01-01", "2019-01-01", "2019-01-01"), {"a": 2})
    assert found.won == found.lost == []
    plain = FIVE.model_copy(update={"order": []})
    found = what_if(FIVE, plain, owners("2018-01-01", "2019-01-01", "2019-01-02"), {"a": 2})
    assert found.lost == ["2018-01-01", "2019-01-01"]


def test_a_school_that_overflows_only_then_is_named() -> None:
    strict = load(
        TEXT.replace(
            "            - {fact: dwelling.residential, is: true}\n", "            - {fact: lease.sole, is: true}\n"
        )
    )
    found = what_if(strict, FIVE, owners("2018-01-01", "2019-01-01"), {"a": 1})
    assert found.loads[0].overflow == (0, 1)
    words = summary(found, strict, FIVE, "en")
    assert words[0] == "Of 2 families 2 see a change."
    assert "2: coordination by the district → batch 1: hukou and property consistent." in words
    assert "a: 0 over its seats before, 1 after." in words
    assert summary(found, strict, FIVE, "zh")[-1] == "a：超出学位从0人变为1人。"


def test_points_that_change_are_a_change() -> None:
    path = POLICIES / "guangzhou-primary-2021.yaml"
    old, book = (
        load_file(path),
        read((Path(__file__).parent / "cases" / f"{path.stem}.yaml").read_text(encoding="utf-8")),
    )
    new = load(path.read_text(encoding="utf-8").replace("bachelor: 30", "bachelor: 25"))
    families = [Family(c.name, c.facts) for c in book.cases]
    # Points break no tie between these categories, but rank families inside the second.
    ranked = [p.model_copy(update={"ranking": "points"}) for p in (old, new)]
    found = what_if(*ranked, families)
    assert "by points" in found.changed and "a college diploma and a technician" not in found.changed


def test_a_changed_family_is_explained_by_both() -> None:
    case = next(c for c in BOOK.cases if c.name == "from elsewhere with home and work")
    before, after = both_explained(SIX, FIVE, case.facts, "zh")
    assert before.title == "第四批次：非本区户籍、有住房并就业"
    assert after.title == "第四批次：非本区户籍、有住房"
