"""The workbench for a district's rule: drafts with forms and text, approval, publication, versions, what-ifs."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import xlsxwriter
from django.contrib import messages
from django.core.cache import cache
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ruxue import crypto
from ruxue.accounts import access
from ruxue.accounts.models import User
from ruxue.applications.models import Application
from ruxue.applications.states import State
from ruxue.insight import whatif
from ruxue.insight.models import WhatIf
from ruxue.ledger import clock
from ruxue.places import rules, seasons
from ruxue.places.models import District, PolicyVersion, RuleDraft, School, Season
from ruxue.policy import language
from ruxue.policy.compare import diff
from ruxue.policy.coverage import constants, examine
from ruxue.policy.explain import render_policy
from ruxue.policy.facts import Lang, Truth
from ruxue.policy.language import PolicyError
from ruxue.web import jobs
from ruxue.web.bureau import ruleforms
from ruxue.web.bureau.ruleforms import FormError, Forms
from ruxue.web.staff import bureau_page, my_district, scope, staff
from ruxue.web.templatetags.ruxue import chinese, day, draft_state, moment

SIZES = (1_200, 6_000, 31_353)
STALE = timedelta(minutes=10)


def _lang() -> Lang:
    return "zh" if chinese() else "en"


def _season(district: District) -> Season:
    found = seasons.current(district)
    if found is None:
        raise Http404
    return found


def _user(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]


def _drafting(request: HttpRequest, district: District) -> User:
    """The official who drafts; 404 for those who may only look."""
    if not scope(request).may_run(district.key):
        raise Http404
    return _user(request)


def _may_confirm(request: HttpRequest, district: District) -> bool:
    """The second person is another official of the district, or the city's bureau."""
    return scope(request).may_run(district.key) or scope(request).city()


def _draft(request: HttpRequest, key: str) -> tuple[RuleDraft, District]:
    row = RuleDraft.objects.select_related("season__district", "base", "made_by", "approved_by").filter(key=key).first()
    if row is None:
        raise Http404
    return row, my_district(request, row.season.district_id)


def _to(request: HttpRequest, name: str, *args: str) -> HttpResponse:
    return redirect(reverse(f"bureau:{name}", args=args))


def _said(error: PolicyError, text: str) -> dict[str, Any]:
    """An error for the page: its line with what stands there, the message, and the same in the other language."""
    lines = text.split("\n")
    shown = lines[error.line - 1].strip() if error.line and error.line <= len(lines) else ""
    both = (error.zh, error.en) if chinese() else (error.en, error.zh)
    return {"line": error.line, "shown": shown[:160], "text": both[0], "other": both[1]}


def _step_error(error: rules.RuleError) -> str:
    return {
        "state": _("This draft is no longer in the state that your page showed. Please look at it again."),
        "newer": _("Somebody else has saved this draft since you opened it. Please look at the new text first."),
        "own_draft": _("You have edited this draft yourself. A second person must approve and publish it."),
        "unchanged": _("The text says the same as the newest published version."),
        "too_early": _("This day can't be chosen: it is over, or lies outside the rule's own period."),
        "nothing_to_undo": _("There is nothing to take back."),
    }[error.code]


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its words, whether it is a number, where it leads, and an icon with its tone."""

    text: Any
    number: bool = False
    href: str = ""
    icon: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Row:
    """A line of a table; `soft`: it matters less than the others; `href`: where Enter leads."""

    cells: list[Cell]
    soft: bool = False
    href: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the workbench; `heads` with whether they stand over numbers, `empty`: said where there is no line."""

    title: str
    heads: list[tuple[str, bool]]
    rows: list[Row]
    empty: str = ""


def _heads(*words: str, numbers: tuple[int, ...] = ()) -> list[tuple[str, bool]]:
    return [(word, i in numbers) for i, word in enumerate(words)]


def _row(*values: Any, soft: bool = False) -> Row:
    cells = [v if isinstance(v, Cell) else Cell(v, isinstance(v, int)) for v in values]
    return Row(cells, soft, cells[0].href)


# ── overview ──────────────────────────────────────────────────────────────────────────────────────────────────


@staff
def overview(request: HttpRequest) -> HttpResponse:
    """What is in force, what is coming, drafts, versions and what-ifs of the season."""
    district = my_district(request)
    season = _season(district)
    versions = list(season.policies.select_related("draft__approved_by", "publisher", "season").order_by("-version"))
    if request.method == "POST":
        by = _drafting(request, district)
        origin = request.POST.get("from", "")
        start, text = None, ""
        if origin.startswith("version:"):
            start = next((v for v in versions if f"version:{v.pk}" == origin), None)
            text = start.text if start else ""
        elif origin.startswith("earlier:"):
            found = _earlier(season).filter(pk=origin.removeprefix("earlier:")).first()
            text = found.text if found else ""
        if not text:
            raise Http404
        title = request.POST.get("title", "").strip() or _("Draft of %(day)s") % {"day": clock.today().isoformat()}
        return _to(request, "rule_draft", rules.start(season, by, title, text, start).key)
    now = rules.version_in_force(season)
    everywhere = scope(request).city() or scope(request).auditor()
    tail = f"?district={district.key}" if everywhere else ""
    drafts = season.drafts.select_related("made_by", "approved_by").order_by("-changed_at")[:30]
    return bureau_page(
        request,
        "bureau/rules.html",
        district,
        season=season,
        versions=versions,
        current=now,
        coming=[v for v in versions if v.effective_from > clock.today() and (now is None or v.version > now.version)],
        drafted=_drafted(drafts),
        published=_published(versions, tail),
        earlier=_earlier(season)[:10],
        runs=WhatIf.objects.filter(season=season).select_related("by").defer("result").order_by("-asked_at")[:12],
    )


def _drafted(drafts: Any) -> Table:
    rows = [
        _row(
            Cell(d.title, href=reverse("bureau:rule_draft", args=[d.key])),
            draft_state(d.state),
            d.made_by,
            moment(d.changed_at),
        )
        for d in drafts
    ]
    empty = _("No draft yet. A draft changes nothing until a second person has published it.")
    return Table(_("Drafts"), _heads(_("Draft"), _("State"), _("Edited by"), _("Changed")), rows, empty)


def _published(versions: list[PolicyVersion], tail: str) -> Table:
    def signature(v: PolicyVersion) -> Cell:
        valid = rules.signature_valid(v)
        return (
            Cell(_("valid"), icon="shield-check", tone="ok") if valid else Cell(_("not signed"), icon="x", tone="bad")
        )

    rows = [
        _row(
            Cell(_("version %(n)s") % {"n": v.version}, href=reverse("bureau:rule_version", args=[v.version]) + tail),
            day(v.effective_from),
            f"{moment(v.published_at)} · {v.published_by}",
            signature(v),
        )
        for v in versions
    ]
    heads = _heads(_("Version"), _("In force from"), _("Published"), _("Signature"))
    return Table(_("Published versions"), heads, rows)


def _earlier(season: Season) -> Any:
    """Published rules of the district's earlier seasons."""
    return (
        PolicyVersion.objects.filter(season__district=season.district_id, season__level=season.level)
        .filter(season__year__lt=season.year)
        .select_related("season")
        .order_by("-season__year", "-version")
    )


# ── a draft ───────────────────────────────────────────────────────────────────────────────────────────────────


@staff
def draft(request: HttpRequest, key: str) -> HttpResponse:
    """The editor while it is a draft; afterwards what it changes, and the steps that are left."""
    row, district = _draft(request, key)
    if row.state == RuleDraft.State.DRAFT and scope(request).may_run(district.key):
        return _editor(request, row, district)
    base = row.base or row.season.policies.order_by("-version").first()
    policy, problem = None, None
    try:
        policy = rules.read(row.season, row.text)
    except PolicyError as error:
        problem = _said(error, row.text)
    changes = [c.text(_lang()) for c in diff(rules.policy_of(base), policy, _lang())] if base and policy else []
    confirm = _may_confirm(request, district) and rules.may_confirm(row, _user(request))
    decided = Application.objects.filter(season=row.season).exclude(
        state__in=[State.DRAFT, State.WITHDRAWN, State.VOIDED]
    )
    return bureau_page(
        request,
        "bureau/rules_draft.html",
        district,
        draft=row,
        base=base,
        changes=changes,
        rule=render_policy(policy, _lang()) if policy else None,
        problem=problem,
        confirm=confirm,
        editors=rules.editors(row),
        first_day=rules.earliest(policy).isoformat() if policy else "",
        decided=decided.exclude(category="").count(),
        version=PolicyVersion.objects.filter(draft=row).first(),
        runs=WhatIf.objects.filter(after_text=row.text, season=row.season).defer("result").order_by("-asked_at")[:5],
        edits=row.edits.select_related("by").order_by("-revision")[:50],
        action_names=_action_names(),
    )


def _editor(request: HttpRequest, row: RuleDraft, district: District) -> HttpResponse:
    """Forms and text side by side. Every button posts the whole text and all that was filled in: nothing is lost."""
    text, opened, fact, notice, fault, other = row.text, "", "", "", "", ""
    status, typed = 200, None
    if request.method == "POST":
        by = _drafting(request, district)
        do = request.POST.get("do", "save")
        text = request.POST.get("text", "").replace("\r\n", "\n")
        revision = request.POST.get("revision", "")
        typed = request.POST
        try:
            seen = int(revision) if revision.isdigit() else -1
            if do.startswith(("open:", "fact:")):
                opened = do[5:]
                fact = request.POST.get(f"fact:{opened}", "") if do.startswith("fact:") else ""
            elif do == "undo":
                row = rules.undo(row.pk, by, seen)
                text, notice, typed = row.text, _("Taken back."), None
            elif do == "save":
                row = rules.edit(row.pk, by, text, "text", seen)
                notice, typed = _("Saved."), None
            else:
                made = ruleforms.apply(text, rules.read(row.season, text), do, request.POST)
                rules.read(row.season, made)
                row = rules.edit(row.pk, by, made, do.split(":")[0], seen)
                text, notice = made, _("Changed and saved.")
                typed = ruleforms.left(request.POST, do)
                if do.startswith("add:"):
                    opened = ruleforms.added_path(made, do[4:])
        except FormError as error:
            fault, other = _both_languages(error)
            status = 400
        except PolicyError as error:
            said = _said(error, text)
            fault, other = _("This change can't stand: %(why)s") % {"why": said["text"]}, said["other"]
            status = 400
        except rules.RuleError as error:
            fault, status = _step_error(error), 409
        except (KeyError, IndexError):
            fault, status = _("The text has changed under this form. Please try again."), 409
        if fact not in ("", *ruleforms.FACTS):
            raise Http404
        if fault and do.startswith("condition:"):
            opened = do.partition(":")[2]
            fact = request.POST.get(f"fact:{opened}", "")
    policy, problem, forms = _read_forms(row, text, opened, fact, typed)
    changes = []
    if policy and row.base:
        changes = [c.text(_lang()) for c in diff(rules.policy_of(row.base), policy, _lang())]
    return bureau_page(
        request,
        "bureau/rules_edit.html",
        district,
        # htmx shows what comes with 200 only; without scripts the status tells.
        status=200 if request.headers.get("HX-Request") else status,
        draft=row,
        text=text,
        forms=forms,
        problem=problem,
        notice=notice,
        fault=fault,
        fault_other=other,
        changes=changes,
        lang=_lang(),
        sizes=SIZES,
        choices=_texts(row.season, row),
        has_last=whatif.last_season(row.season) is not None,
        edits=row.edits.select_related("by").order_by("-revision")[:20],
        action_names=_action_names(),
    )


def _both_languages(error: FormError) -> tuple[str, str]:
    """What is wrong with a control, in the page's language and in the other."""
    said = {}
    for lang in ("zh-hans", "en"):
        with translation.override(lang):
            said[lang] = f"{error.field}: {error.message}" if error.field else str(error.message)
    return (said["zh-hans"], said["en"]) if chinese() else (said["en"], said["zh-hans"])


def _read_forms(
    row: RuleDraft, text: str, opened: str = "", fact: str = "", typed: Any = None
) -> tuple[language.Policy | None, dict[str, Any] | None, Forms | None]:
    """The policy that a text gives, or what is wrong with it; and its forms, else those of the last text that was a
    rule, so that what was filled in stays."""
    try:
        policy = rules.read(row.season, text)
        return policy, None, Forms(text, policy, _lang(), opened, fact, typed)
    except PolicyError as error:
        problem = _said(error, text)
    for (older,) in row.edits.order_by("-revision").values_list("text")[:20].iterator():
        try:
            return None, problem, Forms(older, rules.read(row.season, older), _lang(), typed=typed)
        except PolicyError:
            continue
    return None, problem, None


def _action_names() -> dict[str, str]:
    return {
        "start": _("begun"),
        "text": _("text written"),
        "undo": _("taken back"),
        "up": _("moved up"),
        "down": _("moved down"),
        "remove": _("taken away"),
        "better": _("direction of a tie-breaker"),
        "order": _("tie-breaker added"),
        "fields": _("values changed"),
        "new": _("entry added"),
        "drop": _("entry taken away"),
        "not": _("condition turned into its opposite"),
        "title": _("title changed"),
        "copy": _("batch added"),
        "condition": _("condition changed"),
        "number": _("number changed"),
        "add": _("condition added"),
        "parameter": _("parameter changed"),
    }


@staff
@require_POST
def check(request: HttpRequest, key: str) -> HttpResponse:
    """While somebody types: the first error, or that the text is a rule."""
    row, district = _draft(request, key)
    _drafting(request, district)
    text = request.POST.get("text", "").replace("\r\n", "\n")
    _policy, problem, forms = _read_forms(row, text)
    # The forms follow the text; while it has a mistake they stay as they are.
    shown = {"problem": problem, "lang": _lang(), "forms": None if problem else forms}
    return render(request, "bureau/rules_check.html", shown)


@staff
def remarks(request: HttpRequest, key: str) -> HttpResponse:
    """What the text leaves out or doubles: a search over its conditions, said in words."""
    row, district = _draft(request, key)
    found, problem = [], None
    try:
        policy = rules.read(row.season, row.text)
        name = f"remarks/{language.digest(policy)}/{_lang()}"
        found = cache.get(name)
        if found is None:
            made = [*constants(policy, row.text), *examine(policy)]
            found = [{"kind": r.kind, "text": r.text(_lang())} for r in made]
            cache.set(name, found, 3600)
    except PolicyError as error:
        problem = _said(error, row.text)
    return bureau_page(
        request, "bureau/rules_remarks.html", district, draft=row, remarks=found, problem=problem, lang=_lang()
    )


@staff
@require_POST
def step(request: HttpRequest, key: str) -> HttpResponse:
    """Submit, send back, approve, publish, drop."""
    row, district = _draft(request, key)
    do = request.POST.get("do", "")
    user = _user(request)
    try:
        if do == "submit":
            _drafting(request, district)
            seen = request.POST.get("revision", "")
            rules.submit(row.pk, user, int(seen) if seen.isdigit() else -1)
            messages.success(request, _("Sent to approval. A second person reads and approves it now."))
        elif do == "drop":
            _drafting(request, district)
            rules.drop(row.pk, user)
            messages.success(request, _("The draft has ended."))
            return _to(request, "rules")
        elif do == "back":
            if not _may_confirm(request, district):
                raise Http404
            rules.send_back(row.pk, user, request.POST.get("remark", ""))
            messages.success(request, _("It is a draft again."))
        elif do == "approve":
            if not _may_confirm(request, district):
                raise Http404
            rules.approve(row.pk, user, request.POST.get("digest", ""))
            messages.success(request, _("Approved. It decides nothing until it is published."))
        elif do == "publish":
            if not _may_confirm(request, district):
                raise Http404
            made = rules.publish(row.pk, user, date.fromisoformat(request.POST.get("effective_from", "")))
            messages.success(request, _("Signed and published as version %(n)s.") % {"n": made.version})
            return _to(request, "rule_version", str(made.version))
        else:
            raise Http404
    except rules.RuleError as error:
        messages.error(request, _step_error(error))
    except PolicyError as error:
        messages.error(request, _said(error, row.text)["text"])
    except ValueError:
        messages.error(request, _("Please write the day like 2026-08-31, or choose a parameter."))
    return _to(request, "rule_draft", key)


@staff
def version(request: HttpRequest, number: int) -> HttpResponse:
    """A published version: its signature, who made it, and what it changed."""
    district = my_district(request)
    season = _season(district)
    row = (
        season.policies.select_related("draft__made_by", "draft__approved_by", "publisher", "season")
        .filter(version=number)
        .first()
    )
    if row is None:
        raise Http404
    policy = rules.policy_of(row)
    before = season.policies.filter(version__lt=number).order_by("-version").first()
    changes = [c.text(_lang()) for c in diff(rules.policy_of(before), policy, _lang())] if before else []
    return bureau_page(
        request,
        "bureau/rules_version.html",
        district,
        version=row,
        before=before,
        changes=changes,
        rule=render_policy(policy, _lang()),
        signed=rules.signature_valid(row),
        public_key=crypto.public_signing_key(),
        editors=rules.editors(row.draft) if row.draft else [],
    )


# ── what if ───────────────────────────────────────────────────────────────────────────────────────────────────


def _texts(season: Season, own: RuleDraft) -> list[tuple[str, str]]:
    """What a draft can be compared with: the rule in force, published versions, other drafts."""
    out = [(f"version:{v.pk}", _("version %(n)s") % {"n": v.version}) for v in season.policies.order_by("-version")]
    others = season.drafts.exclude(pk=own.pk).filter(
        state__in=[RuleDraft.State.DRAFT, RuleDraft.State.SUBMITTED, RuleDraft.State.APPROVED]
    )
    return out + [(f"draft:{d.key}", d.title) for d in others.order_by("-changed_at")]


@staff
@require_POST
def ask(request: HttpRequest, key: str) -> HttpResponse:
    """Starts a what-if of a draft's saved text."""
    row, district = _draft(request, key)
    if not _may_confirm(request, district):
        raise Http404
    chosen = request.POST.get("against", "")
    kind, _colon, name = chosen.partition(":")
    label = dict(_texts(row.season, row)).get(chosen)
    if label is None:
        raise Http404
    against: Any = (
        RuleDraft.objects.get(key=name, season=row.season)
        if kind == "draft"
        else PolicyVersion.objects.get(pk=name, season=row.season)
    )
    source, size = request.POST.get("source", ""), request.POST.get("children", "")
    children = int(size) if size.isdigit() and int(size) in SIZES else SIZES[0]
    if source not in WhatIf.Source.values:
        raise Http404
    try:
        with transaction.atomic():
            made = whatif.ask(
                row.season,
                source,
                (label, against.text),
                (row.title, row.text),
                _user(request),
                children if source == WhatIf.Source.SYNTHETIC else None,
            )
            jobs.what_if_later(made.pk)
    except PolicyError as error:
        messages.error(request, _said(error, row.text)["text"])
        return _to(request, "rule_draft", key)
    return _to(request, "what_if", made.key)


def _run(request: HttpRequest, key: str) -> tuple[WhatIf, District]:
    row = WhatIf.objects.select_related("season__district", "by").filter(key=key).first()
    if row is None:
        raise Http404
    return row, my_district(request, row.season.district_id)


def _source_name(row: WhatIf) -> str:
    return {
        "now": _("this season's families"),
        "last": _("last season's families"),
        "synthetic": _("the district's families in a synthetic city of %(n)s children") % {"n": row.children},
    }[row.source]


def kind_name(value: str) -> str:
    """A kind of family in words: how the home is held, and where the hukou is."""
    held, _slash, home = value.partition("/")
    names = {
        "owned": _("own home"),
        "grandparents": _("grandparents' home"),
        "contract": _("purchase contract"),
        "resettlement": _("resettlement"),
        "lease": _("lease"),
        "none": _("no home"),
    }
    place = _("hukou here") if home == "here" else _("hukou elsewhere")
    return f"{names.get(held, held)} · {place}"


class Shown:
    """A result in the page's language."""

    def __init__(self, row: WhatIf) -> None:
        assert row.result is not None
        self.row, lang = row, _lang()
        self.result: dict[str, Any] = row.result
        self.titles = self.result["titles"][lang]
        named = {s.code: s.name for s in School.objects.filter(code__in=self.result["names"])}
        # A synthetic city has schools of its own; where the platform has no such name, the result's is used.
        synthetic = row.source == WhatIf.Source.SYNTHETIC
        self.schools = self.result["names"] if synthetic else {**self.result["names"], **named}

    def title(self, code: str, side: int) -> str:
        if not code:
            return _("not eligible")
        return f"{code} · {self.titles[side].get(code, '')}"

    def moves(self) -> list[dict[str, Any]]:
        """All moves, the changed ones first."""
        rows = [
            {"before": self.title(a, 0), "after": self.title(b, 1), "n": n, "same": a == b}
            for a, b, n in self.result["moves"]
        ]
        return sorted(rows, key=lambda r: r["same"])

    def groups(self) -> list[dict[str, Any]]:
        """For each grouping its values with how many change."""
        heads = {"zone": _("Zone"), "school": _("School"), "kind": _("Kind of family")}
        out = []
        for group, head in heads.items():
            values = []
            for value, moves in self.result["by"].get(group, {}).items():
                changed = [(a, b, n) for a, b, n in moves if a != b]
                values.append(
                    {
                        "name": kind_name(value) if group == "kind" else self.schools.get(value, value),
                        "total": sum(n for _a, _b, n in moves),
                        "changed": sum(n for _a, _b, n in changed),
                        "pairs": changed,
                        "moves": [f"{a or '–'} → {b or '–'}: {n}" for a, b, n in changed],
                    }
                )
            values.sort(key=lambda v: (-v["changed"], v["name"]))
            if values:
                out.append({"name": head, "values": values})
        return out

    def loads(self) -> list[dict[str, Any]]:
        """Schools that overflow by either rule, the largest change first."""
        rows = []
        for load in self.result["loads"]:
            was, now = (max(0, n - load["seats"]) for n in load["wanting"])
            if was or now:
                rows.append(
                    {
                        "name": self.schools.get(load["school"], load["school"]),
                        "seats": load["seats"],
                        "wanting": load["wanting"],
                        "over": (was, now),
                        "cut": [self.title(c, i) if c else "–" for i, c in enumerate(load["cut"])],
                        "differs": was != now or load["cut"][0] != load["cut"][1],
                    }
                )
        return sorted(rows, key=lambda r: (not r["differs"], -r["over"][1], r["name"]))

    def counts(self) -> list[tuple[str, int, str]]:
        """The four numbers at the top: words, count, id."""
        said = {
            "total": _("Families"),
            "changed": _("Change category"),
            "won": _("Fit into the seats only then"),
            "lost": _("No longer fit"),
        }
        return [(words, self.result[key], key) for key, words in said.items()]

    def moved(self) -> Table:
        """Categories before and after."""
        rows = [
            _row(m["before"], _("the same") if m["same"] else m["after"], m["n"], soft=m["same"]) for m in self.moves()
        ]
        return Table(_("Category before and after"), _heads(_("Before"), _("After"), _("Families"), numbers=(2,)), rows)

    def overflow(self) -> Table:
        """Schools that overflow."""
        heads = _heads(_("School"), _("Seats"), _("Over before"), _("Over after"), _("Seats end in"), numbers=(1, 2, 3))
        rows = [_row(r["name"], r["seats"], *r["over"], " → ".join(dict.fromkeys(r["cut"]))) for r in self.loads()]
        empty = _("Every school has enough seats, before and after.")
        return Table(_("Schools that overflow"), heads, rows, empty)

    def grouped(self) -> list[Table]:
        """Each grouping with its moves."""
        return [
            Table(
                g["name"],
                _heads(g["name"], _("Families"), _("Change category"), _("Moves"), numbers=(1, 2)),
                [_row(v["name"], v["total"], v["changed"], "; ".join(v["moves"])) for v in g["values"]],
            )
            for g in self.groups()
        ]

    def sample(self) -> list[dict[str, Any]]:
        """Changed families without a name, an address or a value of a fact."""
        out = []
        for n, one in enumerate(self.result["sample"], 1):
            both = []
            for side, words in enumerate(one["words"][_lang()]):
                both.append(
                    {
                        "side": side,
                        "title": self.title(words["code"], side),
                        "total": words["total"],
                        "conditions": [{"text": t, "truth": Truth(v)} for t, v in words["conditions"]],
                        "better": [{"title": a, "text": b, "truth": Truth(v)} for a, b, v in words["better"]],
                    }
                )
            groups = one["groups"]
            out.append(
                {
                    "n": n,
                    "kind": kind_name(groups.get("kind", "")),
                    "school": self.schools.get(groups.get("school", ""), ""),
                    "both": both,
                    "seat": one["seat"],
                    "order": one["order"],
                }
            )
        return out


@staff
def what_if(request: HttpRequest, key: str) -> HttpResponse:
    """Progress, then the effect; the page may be left in between."""
    row, district = _run(request, key)
    shown = Shown(row) if row.phase == "done" else None
    stale = row.phase not in ("done", "failed") and clock.now() - row.asked_at > STALE
    return bureau_page(
        request,
        "bureau/rules_whatif.html",
        district,
        run=row,
        source=_source_name(row),
        seconds=f"{(row.milliseconds or 0) / 1000:.1f}",
        percent=min(100, 100 * row.done // row.todo) if row.todo else 0,
        waits=row.phase in ("waiting", "families", "verdicts"),
        stale=stale,
        shown=shown,
        result=row.result,
        summary=row.result["summary"][_lang()][:1] if row.result else [],
        fixed=row.result.get("fixed", []) if row.result else [],
        unused=row.result["unused"].get(_lang(), []) if row.result else [],
    )


FEW = 3
"""In what leaves the platform, fewer families than this are not told apart by zone, school or kind."""


def _masked(n: int) -> int | str:
    return f"<{FEW}" if 0 < n < FEW else n


def _tables(row: WhatIf) -> list[tuple[str, list[str], list[list[Any]]]]:
    """The result as tables for an export: name, heads, lines; no family, and no count that points at one."""
    shown = Shown(row)
    about = [
        [_("Families"), _source_name(row)],
        [_("Before"), row.before_label],
        [_("After"), row.after_label],
        [_("Asked on"), row.asked_at.astimezone(clock.CITY_ZONE).strftime("%Y-%m-%d %H:%M")],
        [_("Families in all"), shown.result["total"]],
        [_("Families that change"), shown.result["changed"]],
        [_("Fit into the seats only then"), shown.result["won"]],
        [_("No longer fit"), shown.result["lost"]],
    ]
    moves = [[m["before"], m["after"], m["n"]] for m in shown.moves()]
    groups = [
        (
            group["name"],
            [group["name"], _("Families"), _("Families that change"), _("Before"), _("After"), _("Families")],
            [
                [v["name"], _masked(v["total"]), _masked(v["changed"]), a, b, _masked(n)]
                for v in group["values"]
                for a, b, n in v["pairs"] or [("", "", 0)]
            ],
        )
        for group in shown.groups()
    ]
    loads = [[r["name"], r["seats"], *r["wanting"], *r["over"], *r["cut"]] for r in shown.loads()]
    heads = [
        _("School"),
        _("Seats"),
        _("Wanted before"),
        _("Wanted after"),
        _("Over before"),
        _("Over after"),
        _("Seats end before in"),
        _("Seats end after in"),
    ]
    return [
        (_("About"), ["", ""], about),
        (_("Categories"), [_("Before"), _("After"), _("Families")], moves),
        *groups,
        (_("Overflow"), heads, loads),
    ]


@staff
def export(request: HttpRequest, key: str, form: str) -> HttpResponse:
    """The result as an Excel file or as CSV: counts only; the export is logged."""
    row, district = _run(request, key)
    if row.phase != "done":
        raise Http404
    tables = _tables(row)
    if form == "csv":
        text = io.StringIO()
        writer = csv.writer(text)
        for name, heads, lines in tables:
            writer.writerows([[name], heads, *lines, []])
        # The mark tells Excel that it is UTF-8.
        content, kind = text.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8"
    else:
        content, kind = _workbook(tables), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    access.record(_user(request), "export", district.key, what_if=row.key)
    named = {"Content-Disposition": f'attachment; filename="what-if-{row.key}.{form}"'}
    return HttpResponse(content, content_type=kind, headers=named)


def _workbook(tables: list[tuple[str, list[str], list[list[Any]]]]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    bold = book.add_format({"bold": True})
    for name, heads, lines in tables:
        sheet = book.add_worksheet(name[:31])
        sheet.write_row(0, 0, heads, bold)
        for n, line in enumerate(lines, 1):
            sheet.write_row(n, 0, line)
        sheet.set_column(0, 2, 36)
        sheet.freeze_panes(1, 0)
    book.close()
    return out.getvalue()
