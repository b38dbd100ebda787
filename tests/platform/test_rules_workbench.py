"""A rule's way from draft to law, the editor's edits of the text, and what-ifs that touch no decision."""

from __future__ import annotations

import copy
import html
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import DatabaseError, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from ruxue.places.ruletext import RuleText
from tests.conftest import World

POLICIES = sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))
TEXTS = {p.stem: p.read_text(encoding="utf-8") for p in POLICIES}


# ── the text ──────────────────────────────────────────────────────────────────────────────────────────────────


def lists(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths of all lists of a document that are not empty."""
    found = [path] if isinstance(value, list) and value else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += lists(inner, (*path, key))
    return found


PLACES = [(name, path) for name, text in TEXTS.items() for path in lists(yaml.safe_load(text))]


def at(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(PLACES), st.sampled_from(["move", "remove", "insert", "copy"]), st.data())
def test_an_edit_changes_what_was_asked_and_nothing_else(place: Any, action: str, data: Any) -> None:
    name, path = place
    text, document = TEXTS[name], yaml.safe_load(TEXTS[name])
    rule, wanted = RuleText(text), copy.deepcopy(document)
    mine = at(wanted, path)
    index = data.draw(st.integers(0, len(mine) - 1))
    if action == "move":
        to = data.draw(st.integers(0, len(mine) - 1))
        made = rule.move(path, index, to)
        mine.insert(to, mine.pop(index))
    elif action == "remove":
        made = rule.remove(path, index)
        mine.pop(index)
    elif action == "insert":
        made = rule.insert(path, index, {"fact": "child.born_on", "before": date(2020, 1, 1)})
        mine.insert(index, {"fact": "child.born_on", "before": date(2020, 1, 1)})
    else:
        made = rule.copy(path, index, {})
        mine.insert(index + 1, copy.deepcopy(mine[index]))
    assert yaml.safe_load(made) == wanted
    comments = re.findall(r"^\s*#.*$", text, re.MULTILINE)
    if action != "remove":
        assert sorted(re.findall(r"^\s*#.*$", made, re.MULTILINE))[: len(comments)] and all(c in made for c in comments)


@pytest.mark.parametrize(
    "value",
    ["no", "12", "2026-01-01", "${cutoff}", "a: b", '"', "第一批次", "", "null", True, 7, date(2026, 8, 31), ["a", 1]],
)
def test_a_value_comes_back_as_it_was_written(value: Any) -> None:
    made = RuleText("a: 1 # why\nb: {c: 2}\n").set(["b", "c"], value)
    assert yaml.safe_load(made) == {"a": 1, "b": {"c": value}}
    assert made.startswith("a: 1 # why\n")


def test_a_block_becomes_a_line_and_a_missing_key_is_added() -> None:
    text = "parameters:\n  core:\n    - a\n    - b\n  # why\n  day: 2026-01-01\n"
    made = RuleText(text).set(["parameters", "core"], ["c"])
    assert made == "parameters:\n  core: [c]\n  # why\n  day: 2026-01-01\n"
    assert yaml.safe_load(RuleText(made).set(["parameters", "more"], 3))["parameters"]["more"] == 3


def test_a_key_goes_with_its_comment_and_leaves_the_others() -> None:
    text = "a: 1\n# of b\nb: {c: 1, d: 2}\n# of e\ne:\n  - x: 1  # one\n    y: 2\n"
    rule = RuleText(text)
    assert rule.drop(["b"]) == "a: 1\n# of e\ne:\n  - x: 1  # one\n    y: 2\n"
    assert rule.drop(["b", "c"]) == text.replace("{c: 1, d: 2}", "{d: 2}")
    assert rule.drop(["e", 0, "y"]) == text.replace("    y: 2\n", "")
    assert rule.drop(["e", 0, "x"]) == text.replace("x: 1  # one\n    y: 2", "y: 2")
    assert yaml.safe_load(RuleText(rule.drop(["b", "c"])).drop(["b", "d"])) == {"a": 1, "e": [{"x": 1, "y": 2}]}
    assert yaml.safe_load(rule.put(["f", "g", "h"], 3))["f"] == {"g": {"h": 3}}
    assert rule.insert(["q"], 0, {"n": 1}).endswith("q:\n  - {n: 1}\n")


# ── the forms ─────────────────────────────────────────────────────────────────────────────────────────────────


def filled(text: str, **changed: Any) -> Any:
    """The controls of a text as a browser posts them; `changed`: controls by name with another content."""
    from django.http import QueryDict

    from ruxue.policy import language
    from ruxue.web.bureau.rulefields import Shapes

    sent = QueryDict(mutable=True)
    for record in Shapes(RuleText(text), language.load(text), "en").records.values():
        for f in record.fields:
            several = f.kind == "many"
            sent.setlist(f.name, ["", *(o.value for o in f.options if o.on)] if several else [f.value])
    for name, value in changed.items():
        sent.setlist(name, value if isinstance(value, list) else [value])
    return sent


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_what_a_form_shows_and_nobody_changes_is_written_as_it_stood(name: str) -> None:
    from ruxue.policy import language
    from ruxue.web.bureau.rulefields import Shapes

    text = TEXTS[name]
    shapes, sent = Shapes(RuleText(text), language.load(text), "zh"), filled(text)
    shown = [r for r in shapes.records.values() if not r.new and r.fields]
    assert len(shown) > 5
    for record in shown:
        assert shapes.change(record.path, sent) == text, record.path


EDITS: list[tuple[str, str, dict[str, Any], tuple[Any, ...], Any]] = [
    # policy, button, controls, place in the document, what stands there then
    ("longgang-primary-2020", "fields:categories.0", {"f:categories.0:points": "102.5"}, ("categories", 0, "points"), 102.5),
    ("longgang-primary-2020", "fields:points", {"f:points:cap": "12"}, ("points", "cap"), 12),
    ("longgang-primary-2020", "fields:points", {"f:points:cap": ""}, ("points", "cap"), None),
    (
        "longgang-primary-2020",
        "fields:points.sum.0",
        {"f:points.sum.0:rate": "0.1", "f:points.sum.0:categories": ["", "1"]},
        ("points", "sum", 0, "rate"),
        0.1,
    ),
    (
        "longgang-primary-2020",
        "fields:points.sum.3",
        {"f:points.sum.3:of.longest_of.1.count": "unbroken"},
        ("points", "sum", 3, "of", "longest_of", 1, "count"),
        "unbroken",
    ),
    (
        "longgang-primary-2020",
        "new:points.sum",
        {
            "n:points.sum:title.zh": "无房",
            "n:points.sum:title.en": "no dwelling",
            "n:points.sum:give": "2",
            "n:points.sum:when": "no dwelling in some districts",
        },
        ("points", "sum", 5),
        {
            "title": {"zh": "无房", "en": "no dwelling"},
            "give": 2,
            "when": {"no_dwelling_in": ["longgang"]},
        },
    ),
    (
        "longgang-primary-2020",
        "new:points.sum.counted",
        {
            "n:points.sum.counted:title.zh": "公积金",
            "n:points.sum.counted:title.en": "housing fund",
            "n:points.sum.counted:rate": "0.1",
            "n:points.sum.counted:of": "of:fund.main",
        },
        ("points", "sum", 5, "of"),
        {"of": ["fund.main"], "count": "cumulative", "unit": "months", "until": "${cutoff}"},
    ),
    (
        "longgang-primary-2020",
        "new:points.sum.0.times",
        {"n:points.sum.0.times:by": "2", "n:points.sum.0.times:when": "the child's hukou is in the school's zone"},
        ("points", "sum", 0, "times"),
        None,
    ),
    ("luozhuang-primary-2023", "fields:points", {"f:points:times.by": "3"}, ("points", "times", "by"), 3),
    ("luozhuang-primary-2023", "drop:points.times", {}, ("points", "times"), None),
    ("longgang-primary-2020", "fields:categories.2.fallback", {"f:categories.2.fallback:to": "6"}, ("categories", 2, "fallback", "to"), "6"),
    ("longgang-primary-2020", "drop:categories.2.fallback", {}, ("categories", 2, "fallback"), None),
    (
        "longgang-primary-2020",
        "new:categories.0.fallback",
        {"n:categories.0.fallback:to": "5", "n:categories.0.fallback:proof": "use:local"},
        ("categories", 0, "fallback"),
        {"to": "5", "proof": {"use": "local"}},
    ),
    ("longgang-primary-2020", "fields:seat_lock", {"f:seat_lock:years.junior": ""}, ("seat_lock", "years"), {"primary": 6}),
    (
        "longgang-primary-2020",
        "fields:seat_lock",
        {"f:seat_lock:released_by": ["", "graduated"]},
        ("seat_lock", "released_by"),
        ["graduated"],
    ),
    (
        "kuiwen-primary",
        "new:seat_lock",
        {
            "n:seat_lock:years.primary": "6",
            "n:seat_lock:scope": "school",
            "n:seat_lock:last_year_blocks": "false",
        },
        ("seat_lock",),
        {"years": {"primary": 6}, "scope": "school", "last_year_blocks": False},
    ),
    (
        "kuiwen-primary",
        "new:quotas",
        {"n:quotas:category": "K5", "n:quotas:share": "50%"},
        ("quotas",),
        [{"category": "K5", "share": "50%"}],
    ),
    (
        "kuiwen-primary",
        "fields:buffers.0",
        {"f:buffers.0:category": "K2"},
        ("buffers", 0, "category"),
        "K2",
    ),
    ("kuiwen-primary", "drop:buffers.0", {}, ("buffers",), None),
    ("kuiwen-junior", "fields:feeders.0", {"f:feeders.0:opt_out": "false"}, ("feeders", 0, "opt_out"), False),
    ("lixia-primary", "fields:rounds.0", {"f:rounds.0:choices": "5"}, ("rounds", 0, "choices"), 5),
    (
        "kuiwen-primary",
        "new:rounds",
        {
            "n:rounds:title.zh": "平行志愿",
            "n:rounds:title.en": "parallel choices",
            "n:rounds:categories": ["", "K5"],
            "n:rounds:choices": "4",
            "n:rounds:by": "rank_first",
        },
        ("rounds", 0, "by"),
        "rank_first",
    ),
    (
        "kuiwen-primary",
        "new:veto",
        {"n:veto:title.zh": "虚假材料", "n:veto:title.en": "false papers", "n:veto:when": "family.false_papers"},
        ("veto", 0, "when"),
        {"fact": "family.false_papers", "is": True},
    ),
    (
        "kuiwen-primary",
        "new:categories.2.evidence",
        {
            "n:categories.2.evidence:zh": "租赁合同",
            "n:categories.2.evidence:en": "the lease",
            "n:categories.2.evidence:shows": ["", "lease.sole"],
        },
        ("categories", 2, "evidence", -1, "shows"),
        ["lease.sole"],
    ),
    (
        "kuiwen-primary",
        "new:ask",
        {"n:ask:*": "lease.sole", "n:ask:zh": "请到住建局备案", "n:ask:en": "file the lease"},
        ("ask", "lease.sole", "en"),
        "file the lease",
    ),
    (
        "kuiwen-primary",
        "new:parameters",
        {"n:parameters:*": "seats", "n:parameters:value": "40"},
        ("parameters", "seats"),
        40,
    ),
    (
        "kuiwen-primary",
        "order:order",
        {"fact:order": "when:sibling.in_school", "better:new.order": "met"},
        ("order", -1),
        {"when": {"fact": "sibling.in_school", "is": True}, "better": "met"},
    ),
    (
        "luozhuang-primary-2023",
        "fields:order.1",
        {"f:order.1:amount.unit": "days"},
        ("order", 1, "amount", "unit"),
        "days",
    ),
    (
        "longgang-primary-2020",
        "order:categories.1.order",
        {"fact:categories.1.order": "points:certificate"},
        ("categories", 1, "order"),
        [{"points": "certificate", "better": "larger"}],
    ),
    ("kuiwen-primary", "fields:", {"f::ties": "lottery"}, ("ties",), "lottery"),
    ("longgang-primary-2020", "not:define.local", {}, ("define", "local", "not", "equals"), "longgang"),
    (
        "longgang-primary-2020",
        "fields:define.bought.all.2",
        {"f:define.bought.all.2:amount.share": ["", "child", "parents"], "f:define.bought.all.2:amount.more_than": "60%"},
        ("define", "bought", "all", 2, "amount"),
        {"share": ["child", "parents"], "more_than": "60%"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "button", "controls", "place", "wanted"), EDITS, ids=lambda v: str(v)[:40])
def test_a_form_changes_its_own_lines_and_leaves_a_valid_rule(
    name: str, button: str, controls: dict[str, Any], place: tuple[Any, ...], wanted: Any
) -> None:
    from difflib import ndiff

    from ruxue.policy import language
    from ruxue.web.bureau import ruleforms

    text = TEXTS[name]
    made = ruleforms.apply(text, language.load(text), button, filled(text, **controls))
    language.load(made)
    found: Any = yaml.safe_load(made)
    for step in place:
        found = found.get(step) if isinstance(found, dict) else found[step]
    if wanted is not None or not button.startswith("new:"):
        assert found == wanted
    gone = [line for line in ndiff(text.splitlines(), made.splitlines()) if line.startswith("- ")]
    assert len(gone) <= (6 if button.startswith("drop:") else 2), "only its own lines change"
    assert all(line in made for line in text.splitlines() if line.lstrip().startswith("#"))


@pytest.mark.parametrize(
    ("button", "controls", "said"),
    [
        ("fields:points", {"f:points:cap": "ten"}, "number"),
        ("fields:points", {"f:points:cap": "0.12345"}, "number"),
        ("fields:seat_lock", {"f:seat_lock:scope": "moon"}, "choose from the list"),
        ("new:quotas", {"n:quotas:category": ""}, "fill in"),
        (
            "new:veto",
            {"n:veto:title.zh": "x", "n:veto:title.en": "x", "n:veto:when": "father's income"},
            "choose a fact",
        ),
        ("new:rounds", {"n:rounds:title.zh": "x", "n:rounds:title.en": "x"}, "at least one"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_control(button: str, controls: dict[str, str], said: str) -> None:
    from ruxue.policy import language
    from ruxue.web.bureau import ruleforms
    from ruxue.web.bureau.rulefields import FormError

    text = TEXTS["longgang-primary-2020"]
    with pytest.raises(FormError) as error:
        ruleforms.apply(text, language.load(text), button, filled(text, **controls))
    with translation.override("en"):
        assert said in str(error.value.message)


@pytest.mark.parametrize(
    ("button", "stays", "goes"),
    [
        ("fields:", "f:quotas.0:seats", "f::ties"),
        ("drop:seat_lock", "f::ties", "f:seat_lock:since"),
        ("up:order.1", "f:categories.0:points", "better:order.0"),
        ("new:quotas", "f:buffers.0:school", "n:quotas:seats"),
        ("fields:buffers.0", "f:buffers.1:school", "f:buffers.0:school"),
        ("copy:categories.2", "parameter:parameters.cutoff", "f:categories.4:points"),
    ],
)
def test_what_was_filled_in_elsewhere_stays(button: str, stays: str, goes: str) -> None:
    from django.http import QueryDict

    from ruxue.web.bureau import ruleforms

    sent = QueryDict(mutable=True)
    sent[stays], sent[goes] = "kept", "done"
    left = ruleforms.left(sent, button)
    assert stays in left and goes not in left


# ── from draft to law ─────────────────────────────────────────────────────────────────────────────────────────


def official(name: str, district: str) -> Any:
    from ruxue.accounts.models import Role, StaffRole, User

    user = User.objects.filter(username=name).first() or User.objects.staff(name, "ruxue-demo", name)
    StaffRole.objects.get_or_create(user=user, role=Role.DISTRICT, scope=district)
    return user


@pytest.fixture
def season(db_world: World) -> Any:
    from ruxue.places.models import Season

    return Season.objects.get(district="kuiwen")


def begun(season: Any, by: Any, text: str | None = None) -> Any:
    from ruxue.places import rules

    base = season.policies.order_by("-version").first()
    draft = rules.start(season, by, "next year", base.text, base)
    changed = text or RuleText(base.text).move(["order"], 0, 1)
    return rules.edit(draft.pk, by, changed, "down", 0)


def test_two_people_and_a_signature_make_a_version(season: Any) -> None:
    from ruxue.ledger import clock
    from ruxue.ledger.models import Entry
    from ruxue.places import rules

    one, two = official("kuiwen", "kuiwen"), official("kuiwen-two", "kuiwen")
    draft = begun(season, one)
    old = rules.digest_in_force(season)
    rules.submit(draft.pk, one, 1)
    draft.refresh_from_db()
    with pytest.raises(rules.RuleError, match="own_draft"):
        rules.approve(draft.pk, one, draft.digest)
    with pytest.raises(rules.RuleError, match="newer"):
        rules.approve(draft.pk, two, "another digest")
    rules.approve(draft.pk, two, draft.digest)
    assert rules.digest_in_force(season) == old, "approved is not published"
    with pytest.raises(rules.RuleError, match="own_draft"):
        rules.publish(draft.pk, one, clock.today())
    made = rules.publish(draft.pk, two, clock.today())
    assert rules.digest_in_force(season) == made.digest == draft.digest
    assert rules.signature_valid(made)
    entry = Entry.objects.filter(kind="policy").order_by("-pk").first()
    assert entry is not None and entry.body["digest"] == made.digest
    assert entry.body["drafted_by"] == [str(one)] and entry.body["approved_by"] == str(two)
    made.signature = made.signature[:-2] + ("00" if made.signature[-2:] != "00" else "11")
    assert not rules.signature_valid(made)


def test_a_version_decides_from_its_own_day(season: Any) -> None:
    from datetime import timedelta

    from ruxue.ledger import clock
    from ruxue.places import rules

    one, two = official("kuiwen", "kuiwen"), official("kuiwen-two", "kuiwen")
    draft, old = begun(season, one), rules.digest_in_force(season)
    rules.submit(draft.pk, one, 1)
    draft.refresh_from_db()
    rules.approve(draft.pk, two, draft.digest)
    with pytest.raises(rules.RuleError, match="too_early"):
        rules.publish(draft.pk, two, clock.today() - timedelta(1))
    later = clock.today() + timedelta(2)
    made = rules.publish(draft.pk, two, later)
    assert rules.digest_in_force(season) == old
    now = clock.now()
    try:
        clock.stop_at(now + timedelta(3))
        assert rules.digest_in_force(season) == made.digest
        assert rules.in_force(season) == rules.policy_of(made)
    finally:
        clock.stop_at(now)


def test_the_database_refuses_what_code_would_not_do(season: Any) -> None:
    from ruxue.ledger import clock
    from ruxue.places import rules
    from ruxue.places.models import PolicyVersion, RuleDraft, RuleEdit

    one, two = official("kuiwen", "kuiwen"), official("kuiwen-two", "kuiwen")
    draft = begun(season, one)
    version = season.policies.first()

    def refused(action: Any) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            action()

    row = RuleDraft.objects.filter(pk=draft.pk)
    refused(lambda: PolicyVersion.objects.filter(pk=version.pk).update(text="other"))
    refused(lambda: PolicyVersion.objects.filter(pk=version.pk).delete())
    refused(lambda: RuleEdit.objects.filter(draft=draft).update(by=two))
    refused(lambda: row.update(state="approved"))
    refused(lambda: row.update(state="approved", approved_by=one))
    rules.submit(draft.pk, one, 1)
    draft.refresh_from_db()
    refused(lambda: row.update(text="other"))
    refused(lambda: RuleEdit.objects.create(draft=draft, revision=9, action="text", text="", by=two, at=clock.now()))
    rules.approve(draft.pk, two, draft.digest)

    def second(**other: Any) -> None:
        said = {"text": draft.text, "digest": draft.digest, "draft": draft, "publisher": two, **other}
        PolicyVersion.objects.create(
            season=season, version=2, published_at=clock.now(), published_by="x", effective_from=clock.today(), **said
        )

    refused(lambda: second(publisher=one))
    refused(lambda: second(publisher=None))
    refused(lambda: second(text=draft.text + "\n"))
    refused(lambda: second(draft=None, publisher=None))
    second()


def test_an_older_page_does_not_overwrite_a_newer_text(season: Any) -> None:
    from ruxue.places import rules

    one, two = official("kuiwen", "kuiwen"), official("kuiwen-two", "kuiwen")
    draft = begun(season, one)
    with pytest.raises(rules.RuleError, match="newer"):
        rules.edit(draft.pk, two, "other", "text", 0)
    rules.edit(draft.pk, one, "half done: [", "text", 1)
    back = rules.undo(draft.pk, one, 2)
    assert back.text == draft.text
    assert rules.undo(draft.pk, one, 3).text == season.policies.first().text
    with pytest.raises(rules.RuleError, match="nothing_to_undo"):
        rules.undo(draft.pk, one, 4)
    with pytest.raises(rules.RuleError, match="unchanged"):
        rules.submit(draft.pk, one, 4)


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────


def client(user: Any) -> Client:
    made = Client(headers={"accept-language": "en"})
    made.cookies["ruxue_language"] = "en"
    made.force_login(user)
    return made


def test_forms_write_the_text_and_name_what_is_wrong(season: Any) -> None:
    from ruxue.places import rules

    one = official("kuiwen", "kuiwen")
    base = season.policies.first()
    draft = rules.start(season, one, "forms", base.text, base)
    web, url = client(one), f"/b/rules/drafts/{draft.key}"

    def press(do: str, **fields: str) -> Any:
        draft.refresh_from_db()
        names = {k.replace("__", ":").replace("_new_", "new."): v for k, v in fields.items()}
        sent = {"text": draft.text, "revision": draft.revision, "do": do, **names}
        answer = web.post(url, sent)
        draft.refresh_from_db()
        return answer

    assert press("down:order.0").status_code == 200
    assert rules.read(season, draft.text).order[1].names == ["child.hukou_entry_on"]
    press("better:order.1", **{"better:order.1": "later"})
    assert rules.read(season, draft.text).order[1].better == "later"
    press("order:order", **{"fact:order": "permit.months", "better:new.order": "larger"})
    assert rules.read(season, draft.text).order[-1].names == ["permit.months"]
    press(
        "copy:categories.4",
        **{"code:categories.4": "K6", "zh:new.categories.4": "第六批次", "en:new.categories.4": "batch 6"},
    )
    policy = rules.read(season, draft.text)
    assert [c.code for c in policy.categories][-2:] == ["K5", "K6"] and policy.categories[5].title.en == "batch 6"
    place = "categories.5.bases.0.when.all.4"
    press(
        f"condition:{place}", **{f"fact:{place}": "lease.months", f"test:{place}": "at_least", f"value:{place}": "12"}
    )
    leaf = rules.read(season, draft.text).categories[5].bases[0].when.parts[4]
    assert (leaf.fact, leaf.at_least) == ("lease.months", 12)
    press("add:eligible", **{"new:eligible": "family.reported_absent"})
    assert rules.read(season, draft.text).eligible.parts[-1].fact == "family.reported_absent"
    press("parameter:parameters.cutoff", **{"parameter:parameters.cutoff": "2026-09-01"})
    assert rules.read(season, draft.text).parameters["cutoff"] == date(2026, 9, 1)
    assert "# No earliest birthday" in draft.text

    before = draft.text
    answer = press("remove:categories.0")
    assert answer.status_code == 400 and "buffers" in answer.content.decode() and draft.text == before
    answer = press("save", text="order: [")
    assert answer.status_code == 200
    answer = web.post(f"{url}/check", {"text": before.replace("child.already_enrolled", "child.already_enroled")})
    page = answer.content.decode()
    assert "did you mean child.already_enrolled" in page and "是否为 child.already_enrolled" in page
    assert re.search(r'data-line="\d+"', page)

    # What was filled in stays, wherever it was: beside a mistake of another control, and beside a text that is wrong.
    more = {"f:buffers.0:title.en": "the eastern buffer", "n:quotas:category": "K5", "n:quotas:seats": "many"}
    press("undo")
    answer = press("new:quotas", **more)
    page = answer.content.decode()
    assert answer.status_code == 400 and draft.text == before
    assert 'value="the eastern buffer"' in page and 'value="many"' in page
    assert "Seats: Please write a number" in page and "请填写数字" in page
    page = press(
        "parameter:parameters.cutoff", **{"parameter:parameters.cutoff": "2026-08-30", **more}
    ).content.decode()
    assert 'value="the eastern buffer"' in page and 'value="2026-08-30"' in page
    page = press("fields:buffers.0", text="order: [", **more).content.decode()
    assert 'value="the eastern buffer"' in page and "order: [</textarea>" in page
    page = web.post(
        f"{url}/check", {"text": draft.text.replace("better: earlier", "better: later", 1)}
    ).content.decode()
    assert 'hx-swap-oob="true"' in page and re.search(r'value="later" selected', page), "the forms follow the text"


def test_only_the_district_and_the_city_can_act(season: Any) -> None:
    from ruxue.accounts.models import User
    from ruxue.places import rules

    one = official("kuiwen", "kuiwen")
    draft = begun(season, one)
    rules.submit(draft.pk, one, 1)
    draft.refresh_from_db()
    url, approve = f"/b/rules/drafts/{draft.key}", {"do": "approve", "digest": draft.digest}
    assert client(User.objects.get(username="gaoxin")).get(url).status_code == 404
    auditor = client(User.objects.get(username="auditor"))
    assert auditor.get(url).status_code == 200
    assert auditor.post(f"{url}/step", approve).status_code == 404
    own = client(one).post(f"{url}/step", approve, follow=True)
    assert "A second person must approve" in own.content.decode()
    client(User.objects.get(username="city")).post(f"{url}/step", approve)
    draft.refresh_from_db()
    assert draft.state == "approved"


# ── what if ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_what_if_counts_and_touches_nothing(season: Any) -> None:
    from io import BytesIO
    from zipfile import ZipFile

    from ruxue.applications.models import Application, Message, Transition
    from ruxue.insight import whatif
    from ruxue.ledger.models import Entry

    one = official("kuiwen", "kuiwen")
    six = TEXTS["kuiwen-primary-six"]
    state = [list(m.objects.order_by("pk").values()) for m in (Application, Message, Transition, Entry)]
    row = whatif.ask(season, "now", ("five", season.policies.first().text), ("six", six), one)
    whatif.run(row.pk)
    row.refresh_from_db()
    assert row.phase == "done" and (row.done, row.todo) == (2 * row.result["total"],) * 2
    assert [list(m.objects.order_by("pk").values()) for m in (Application, Message, Transition, Entry)] == state
    families = Application.objects.filter(season=season).exclude(facts={}).count()
    assert 0 < row.result["total"] <= families
    assert sum(n for _a, _b, n in row.result["moves"]) == row.result["total"]
    assert sum(n for a, b, n in row.result["moves"] if a != b) == row.result["changed"] > 0
    for values in row.result["by"].values():
        assert sum(n for moves in values.values() for _a, _b, n in moves) == row.result["total"]
    kept = str(row.result["sample"])
    for a in Application.objects.filter(season=season):
        assert a.key not in kept and a.child_name not in kept
    web = client(one)
    page = web.get(f"/b/rules/what-if/{row.key}").content.decode()
    assert f'id="changed">{row.result["changed"]}<' in page
    book = web.get(f"/b/rules/what-if/{row.key}.xlsx")
    assert "Families that change" in ZipFile(BytesIO(book.content)).read("xl/sharedStrings.xml").decode()


def year_before(value: Any) -> Any:
    if not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        return value
    return f"{int(value[:4]) - 1}{value[4:]}".replace("-02-29", "-02-28")


def last_year(season: Any) -> Any:
    """The season before, finished: the same families a year older, at the same schools with a seat less each."""
    from datetime import timedelta

    from ruxue.applications.models import Application, receipt_code
    from ruxue.crypto import public_key
    from ruxue.ledger import clock
    from ruxue.places.models import Season, SeatPlan, Window

    past = Season.objects.create(
        district_id=season.district_id, year=season.year - 1, level=season.level, retention_until=clock.today()
    )
    over = clock.now() - timedelta(300)
    Window.objects.create(season=past, kind="collection", opens_at=over - timedelta(20), closes_at=over)
    for plan in SeatPlan.objects.filter(season=season):
        SeatPlan.objects.create(season=past, school=plan.school, classes=1, class_size=1, seats=1)
    for zone in season.zones.all():
        compounds = list(zone.compounds.all())
        zone.pk, zone.season, zone._state.adding = None, past, True
        zone.save()
        zone.compounds.set(compounds)
    for row in Application.objects.filter(season=season):
        row.pk, row.season, row.key, row.receipt = None, past, public_key(), receipt_code()
        row.city_year = f"{past.year}:primary"
        row.facts = {name: [year_before(value), *rest] for name, (value, *rest) in row.facts.items()}
        row.save()
    return past


def test_last_season_stands_in_for_families(season: Any) -> None:
    from ruxue.insight import whatif
    from ruxue.insight.models import WhatIf
    from ruxue.places import rules
    from ruxue.places.models import Window

    one = official("kuiwen", "kuiwen")
    assert whatif.last_season(season) is None
    base = season.policies.first()
    draft = rules.start(season, one, "six batches", TEXTS["kuiwen-primary-six"], base)
    web = client(one)
    page = web.get(f"/b/rules/drafts/{draft.key}").content.decode()
    assert 'value="last"' not in page
    past = last_year(season)
    assert whatif.last_season(season) == past
    window = Window.objects.get(season=past, kind="collection")
    Window.objects.filter(pk=window.pk).update(closes_at=rules.clock.now() + timedelta(9))
    assert whatif.last_season(season) is None, "a season that still collects is not finished"
    Window.objects.filter(pk=window.pk).update(closes_at=window.closes_at)

    asked = {"against": f"version:{base.pk}", "source": "last"}
    answer = web.post(f"/b/rules/drafts/{draft.key}/what-if", asked)
    row = WhatIf.objects.get(key=answer["Location"].rpartition("/")[2])
    whatif.run(row.pk)
    this = whatif.ask(season, "now", ("five", base.text), ("six", TEXTS["kuiwen-primary-six"]), one)
    whatif.run(this.pk)
    row.refresh_from_db()
    this.refresh_from_db()
    assert row.phase == "done" and row.result["total"] == this.result["total"] > 0
    # The rule's ${season} days have moved with the children: the same categories as this year.
    assert row.result["moves"] == this.result["moves"] and row.result["by"] == this.result["by"]
    assert {load["seats"] for load in row.result["loads"]} == {1}, "last season's plan"
    page = web.get(f"/b/rules/what-if/{row.key}").content.decode()
    assert "families of last season" in page or "last season&#x27;s families" in page


def test_days_that_do_not_move_with_the_season_are_told(season: Any) -> None:
    from ruxue.insight import whatif

    one = official("kuiwen", "kuiwen")
    last_year(season)
    base = season.policies.first().text
    draft = RuleText(base).put(["parameters", "cutoff"], date(season.year, 9, 1))
    row = whatif.ask(season, "last", ("now", base), ("draft", draft), one)
    whatif.run(row.pk)
    row.refresh_from_db()
    assert f"parameters.cutoff: {season.year}-09-01" in row.result["fixed"]
    assert f"parameters.cutoff: {season.year}-09-01" in client(one).get(f"/b/rules/what-if/{row.key}").content.decode()


def test_two_drafts_are_compared_and_exported_without_small_counts(season: Any) -> None:
    from csv import reader

    from ruxue.accounts.models import Access
    from ruxue.insight import whatif
    from ruxue.insight.models import WhatIf
    from ruxue.places import rules

    one, base = official("kuiwen", "kuiwen"), season.policies.first()
    five = rules.start(season, one, "five batches", base.text, base)
    six = rules.start(season, one, "six batches", TEXTS["kuiwen-primary-six"], base)
    web = client(one)
    answer = web.post(f"/b/rules/drafts/{six.key}/what-if", {"against": f"draft:{five.key}", "source": "now"})
    row = WhatIf.objects.get(key=answer["Location"].rpartition("/")[2])
    assert (row.before_label, row.after_label) == ("five batches", "six batches")
    whatif.run(row.pk)
    row.refresh_from_db()
    answer = web.get(f"/b/rules/what-if/{row.key}.csv")
    lines = list(reader(answer.content.decode("utf-8-sig").splitlines()))
    assert ["Families that change", str(row.result["changed"])] in lines
    moves = [[*line[:2], int(line[2])] for line in lines[lines.index(["Categories"]) + 2 : lines.index(["Zone"]) - 1]]
    assert sum(n for _a, _b, n in moves) == row.result["total"]
    groups = lines[lines.index(["Zone"]) + 2 : lines.index(["Overflow"]) - 1]
    counts = [cell for line in groups if len(line) == 6 for cell in (line[1], line[2], line[5]) if cell != "Families"]
    assert "<3" in counts and not {"1", "2"} & set(counts)
    assert Access.objects.filter(action="export", detail__what_if=row.key).exists()


def test_a_synthetic_city_stands_in_for_families(season: Any) -> None:
    from ruxue.insight import whatif
    from ruxue.simulation.whatif import families

    one = official("kuiwen", "kuiwen")
    text = season.policies.first().text
    row = whatif.ask(season, "synthetic", ("now", text), ("six", TEXTS["kuiwen-primary-six"]), one, 300)
    whatif.run(row.pk, families)
    row.refresh_from_db()
    assert row.phase == "done" and row.result["total"] > 30 and row.result["loads"]


def test_the_public_page_shows_the_rule_in_force_and_its_signature(season: Any) -> None:
    from ruxue.places import rules

    version = rules.version_in_force(season)
    assert version is not None
    page = Client().get("/rules/kuiwen").content.decode()
    assert version.digest in page and version.signature in page
    assert Client().get("/rules/kuiwen/text?v=1").content.decode() == version.text


def test_the_family_reads_its_place_in_the_order(season: Any) -> None:
    from ruxue.admissions.models import Offer
    from ruxue.web.guardian.views import explanation_of

    offer = Offer.objects.filter(round__season=season, deadline__isnull=False, rank__isnull=False).first()
    assert offer is not None
    row = offer.application
    web = client(row.guardian)
    page = web.get(f"/g/a/{row.key}/").content.decode()
    assert f"Rank {offer.rank} of {offer.applicants} applicants for {offer.seats} seats" in page
    assert f"admitted down to rank {offer.last_rank}" in page
    Offer.objects.filter(pk=offer.pk).update(deadline=None)
    try:
        row = type(row).objects.get(pk=row.pk)
        said = explanation_of(row)
        assert said is not None and not said.standing, "nothing is told before it is published"
    finally:
        Offer.objects.filter(pk=offer.pk).update(deadline=offer.deadline)


def published(season: Any, text: str) -> None:
    """A rule in force from today on, by two people."""
    from ruxue.ledger import clock
    from ruxue.places import rules

    one, two = official("kuiwen", "kuiwen"), official("kuiwen-two", "kuiwen")
    base = season.policies.order_by("-version").first()
    draft = rules.start(season, one, "changed", base.text, base)
    rules.edit(draft.pk, one, text, "text", 0)
    rules.submit(draft.pk, one, 1)
    draft.refresh_from_db()
    rules.approve(draft.pk, two, draft.digest)
    rules.publish(draft.pk, two, clock.today())


def test_a_family_is_told_by_the_rule_that_decided(season: Any) -> None:
    from ruxue.applications.models import Application
    from ruxue.places import rules
    from ruxue.web.guardian.views import explanation_of

    row = Application.objects.filter(season=season, category="K1").exclude(policy_digest="").first()
    assert row is not None
    base = season.policies.order_by("-version").first()
    published(season, RuleText(base.text).put(["categories", 0, "title", "zh"], "改名的第一批次"))
    now = rules.in_force(season)
    assert now is not None and now.categories[0].title.zh == "改名的第一批次"
    with translation.override("zh-hans"):
        said = explanation_of(row)
    assert said is not None and said.title != "改名的第一批次" and said.code == "K1"


def spoken(template: str, context: dict[str, Any]) -> str:
    return html.unescape(render_to_string(template, context))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_points_and_grounds_are_told_short_first(season: Any, lang: Any) -> None:
    from ruxue.policy.cases import read
    from ruxue.policy.engine import decide
    from ruxue.policy.explain import explain
    from ruxue.policy.language import load

    name = "longgang-primary-2017"
    book = read((Path(__file__).parents[1] / "policy" / "cases" / f"{name}.yaml").read_text(encoding="utf-8"))
    policy = load(TEXTS[name], book.season)
    told = [explain(policy, c.facts, decide(policy, c.facts), lang, date(2017, 5, 31)) for c in book.cases]
    scored = max(told, key=lambda e: (len(e.options), len(e.points)))
    assert len(scored.options) > 1 and scored.points
    with translation.override("zh-hans" if lang == "zh" else "en"):
        page = spoken("parts/explanation.html", {"explanation": scored, "until": date(2017, 5, 31)})
    assert scored.total in page and all(p.title in page and p.proven in page for p in scored.points)
    assert all(o.ground in page for o in scored.options)
    assert page.count("<details") >= 2 and page.index("<details") > page.index("</ul>"), "short first"
    open_ = next(e for e in told if e.asks)
    with translation.override("zh-hans" if lang == "zh" else "en"):
        page = spoken("parts/explanation.html", {"explanation": open_, "until": date(2017, 5, 31)})
    assert open_.asks[0].text in page and ("5月31日" in page if lang == "zh" else "31 May" in page or "May 31" in page)


def test_the_self_check_asks_until_it_is_sure_and_stores_nothing(season: Any) -> None:
    web, answers = Client(), {"a.child.born_on": "2020-01-01"}
    web.cookies["ruxue_language"] = "en"
    for _turn in range(12):
        page = web.post("/rules/kuiwen/check", answers).content.decode()
        asked = re.findall(r'<(?:select|input)[^>]* name="(a\.[^"]+)"[^>]*data-asked', page)
        if not asked:
            break
        for name in asked:
            answers[name] = {
                "a.child.hukou_district": "kuiwen",
                "a.child.born_on": "2020-01-01",
                "a.family.special_group": "",
                "a.child.already_enrolled": "false",
                "a.family.reported_absent": "false",
            }.get(name, "true")
    assert "batch 1: hukou and property consistent" in page
    assert not web.cookies.get("sessionid")


def test_the_self_check_counts_points_from_a_run_without_a_break(season: Any) -> None:
    from ruxue.applications.models import Application

    points = """points:
  title: {zh: 积分, en: points}
  sum:
    - title: {zh: 居住证, en: permit}
      rate: 1
      of: {of: [permit.main], at: district, count: unbroken, unit: months, until: "${season}-08-31"}
"""
    published(season, season.policies.order_by("-version").first().text + points)
    before = Application.objects.count()
    web = Client()
    web.cookies["ruxue_language"] = "en"
    answers: dict[str, Any] = {
        "a.child.born_on": "2020-01-01",
        "a.permit.main": [f"{season.year - 1}-01-01", "district"],
    }
    for _turn in range(12):
        page = web.post("/rules/kuiwen/check", answers).content.decode()
        asked = re.findall(r'<(?:select|input)[^>]* name="(a\.[^"]+)"[^>]*data-asked', page)
        if not asked:
            break
        for name in asked:
            known = {"a.child.hukou_district": "kuiwen", "a.family.special_group": "", "a.child.born_on": "2020-01-01"}
            refused = ("a.child.already_enrolled", "a.family.reported_absent")
            answers[name] = known.get(name, "false" if name in refused else "true")
    assert not asked and "20 points: how they come about" in page
    del answers["a.permit.main"]
    page = web.post("/rules/kuiwen/check", answers).content.decode()
    assert 'name="a.permit.main"' in page and "since which day" in page and 'value="none"' in page
    answers["a.permit.main"] = ["", "", "none"]
    page = web.post("/rules/kuiwen/check", answers).content.decode()
    assert "0 points: how they come about" in page
    assert Application.objects.count() == before and not web.cookies.get("sessionid")
