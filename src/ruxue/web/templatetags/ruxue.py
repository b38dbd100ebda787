"""Filters: dates as people say them, icons, reasons, the names of items."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ruxue.algorithms import identity
from ruxue.applications.reasons import REASONS, Reason
from ruxue.applications.states import LABELS, State
from ruxue.exchange import health
from ruxue.exchange.items import DEPARTMENT_NAMES, ITEMS, Department
from ruxue.ledger import clock

register = template.Library()
_DAYS = "一二三四五六日"


def chinese() -> bool:
    return not (get_language() or "").startswith("en")


@register.filter
def day(value: date | datetime | None) -> str:
    """7月16日（周三）, or Wed 16 July; with the year where it is not the platform's present one."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        value = value.astimezone(clock.CITY_ZONE).date()
    other_year = value.year != clock.today().year
    if chinese():
        return f"{f'{value.year}年' if other_year else ''}{value.month}月{value.day}日（周{_DAYS[value.weekday()]}）"
    return f"{value:%a} {value.day} {value:%B}{f' {value.year}' if other_year else ''}"


@register.filter
def moment(value: datetime | None) -> str:
    """The day with the time, 7月16日（周三）17:30."""
    if value is None:
        return "–"
    return f"{day(value)}{'' if chinese() else ' '}{value.astimezone(clock.CITY_ZONE):%H:%M}"


@register.simple_tag
def colon() -> str:
    """Between a label and its value, as the page's language writes it."""
    return "：" if chinese() else ": "


@register.simple_tag
def comma() -> str:
    """Between the members of a list, as the page's language writes it."""
    return "、" if chinese() else ", "


@register.simple_tag
def icon(name: str, cls: str = "icon") -> SafeString:
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>', cls, static("dist/icons.svg"), name
    )


@register.filter
def reason(code: str) -> Reason:
    return REASONS.get(code) or Reason(code)


@register.filter
def item_name(code: str) -> str:
    item = ITEMS.get(code)
    return code if item is None else item.zh if chinese() else item.en


@register.filter
def item_department(code: str) -> str:
    item = ITEMS.get(code)
    return "" if item is None else DEPARTMENT_NAMES[item.department][0 if chinese() else 1]


@register.filter
def item_purpose(code: str) -> str:
    item = ITEMS.get(code)
    return "" if item is None else item.purpose_zh if chinese() else item.purpose_en


def disability_name(kind: str) -> str:
    """A kind of disability by GB/T 26341."""
    texts = {
        "sight": _("sight"),
        "hearing": _("hearing"),
        "speech": _("speech"),
        "limbs": _("limbs"),
        "intellect": _("intellect"),
        "mind": _("mind"),
        "several": _("several"),
    }
    return texts.get(kind, kind)


@register.filter
def department_name(code: str) -> str:
    return DEPARTMENT_NAMES[Department(code)][0 if chinese() else 1]


@register.filter
def department_state(state: str) -> str:
    texts = {
        "open": _("answers"),
        "closed": _("closed by its hours"),
        "broken": _("does not answer"),
        "trying": _("being tried again"),
    }
    return texts.get(state, state)


@register.filter
def alarm_text(alarm: str) -> str:
    """What an alarm of a department means and asks for, in a sentence for staff."""
    texts = {
        "silent": _("the department does not answer; its questions wait and are asked by themselves."),
        "waiting": _("questions have waited for more than half an hour; is a worker running?"),
        "unsigned": _("answers came without a valid signature and were not used; please call the department."),
        "malformed": _("answers could not be read; has the department changed its interface?"),
        "contradicting": _("answers contradicted themselves and were not used; please call the department."),
        "refused": _("questions were refused; please check the key and the contract with the department."),
        "stale": _("answers came from an old copy of the register."),
        "slow": _("one in a hundred requests takes longer than 8 seconds."),
    }
    return texts.get(alarm, alarm)


@register.filter
def failure_name(kind: str) -> str:
    texts = {
        "busy": _("busy"),
        "limited": _("over the limit"),
        "timeout": _("too slow"),
        "unreachable": _("unreachable"),
        "http": _("error of the department"),
        "refused": _("refused"),
        "malformed": _("unreadable"),
        "contradicting": _("contradicting"),
        "unsigned": _("unsigned"),
        "missing": _("left out"),
    }
    return texts.get(kind, kind)


@register.filter
def claimed_name(field: str) -> str:
    """A field of a claim that a register denied, in words for staff."""
    texts = {
        "name": _("name"),
        "address": _("address"),
        "address_code": _("compound"),
        "region": _("district"),
        "same_household": _("same household"),
        "relation": _("relation"),
        "certificate_no": _("certificate number"),
        "contract_no": _("contract number"),
        "filing_no": _("filing number"),
        "agreement_no": _("agreement number"),
        "uscc": _("business number"),
        "group": _("special group"),
        "spouse_id": _("spouse"),
        "parent": _("kinship"),
        "guardian": _("guardianship"),
        "number": _("number"),
    }
    return texts.get(field, field)


@register.filter
def key_names(keys: Iterable[str]) -> str:
    """What identifies the record that is asked for, in words."""
    texts = {
        "name": _("name"),
        "id": _("ID number"),
        "ids": _("ID numbers of the family"),
        "child_id": _("ID number of the child"),
        "guardian_id": _("ID number of the guardian"),
        "parent_id": _("ID number of the parent"),
        "regions": _("districts"),
        "address": _("address"),
        "certificate_no": _("certificate number"),
        "unit_no": _("unit number of the home"),
        "permit_no": _("permit number"),
        "kind": _("kind of licence"),
    }
    return ("、" if chinese() else ", ").join(texts.get(key, key) for key in keys)


@register.filter
def weekday_names(days: Iterable[int]) -> str:
    """Weekdays by their numbers, 1 is Monday: 周一、周二, or Mon, Tue."""
    if chinese():
        return "、".join(f"周{_DAYS[n - 1]}" for n in sorted(days))
    return ", ".join(calendar.day_abbr[n - 1] for n in sorted(days))


@register.filter
def code_name(code: int) -> str:
    texts = {0: _("found"), 1: _("no record"), 2: _("ambiguous")}
    return texts.get(code, str(code))


@register.filter
def silences(subject: str) -> list[health.Silence]:
    """Departments that keep a family waiting now, for parts/silences.html."""
    return health.silences(subject)


@register.filter
def registered_name(field: str) -> str:
    """What a field of an answer is called where a family says that it is wrong."""
    texts = {
        "name": _("name"),
        "born_on": _("date of birth"),
        "address": _("address"),
        "entered_on": _("date of moving in"),
        "members": _("who belongs to the household"),
        "rights": _("home, owner or share"),
        "location": _("place of the home"),
        "owners": _("owner or share"),
        "buyers": _("buyer or share"),
        "sole": _("rented alone or shared"),
        "filed_on": _("date of filing"),
        "starts_on": _("from when"),
        "status": _("whether it is still valid"),
        "spouse_digest": _("who is married to whom"),
        "mother_digest": _("mother or father"),
        "guardian_digest": _("guardian"),
        "holders": _("holder or share"),
        "other": _("something else, or the entry is missing"),
    }
    return texts.get(field, field)


@register.filter
def masked(name: str) -> str:
    return identity.mask_name(name) if name else ""


@register.filter
def masked_id(number: str) -> str:
    return identity.mask_id(number) if number else ""


@register.filter
def lookup(mapping: dict[Any, Any], key: Any) -> Any:
    return mapping.get(key)


@register.filter
def in_brackets(text: str) -> str:
    """What explains the word before it, with the space that the page's language wants."""
    return "" if not text else f"（{text}）" if chinese() else f" ({text})"


@register.filter
def staff_state(state: str) -> str:
    """Where an application stands, for staff, whom the family's own words would tell to act."""
    texts = {
        State.NEED_INFO: _("waits for the family"),
        State.RETURNED: _("returned to the family"),
        State.OFFERED: _("seat offered"),
    }
    return texts.get(State(state)) or str(LABELS[State(state)])


@register.filter
def members(texts: Iterable[object]) -> str:
    """A list in one line, as the page's language writes it."""
    return comma().join(str(text) for text in texts)


@register.filter
def role_name(role: str) -> str:
    """What a member of staff is."""
    texts = {
        "reviewer": _("school reviewer"),
        "head": _("head of school"),
        "district": _("district official"),
        "city": _("city official"),
        "auditor": _("auditor"),
    }
    return texts.get(role, role)


@register.filter
def km(metres: int | None) -> str:
    return "" if metres is None else f"{metres / 1000:.1f} {'公里' if chinese() else 'km'}"


@register.filter
def error_text(code: str) -> str:
    """What is wrong with a field, and what to do."""
    texts = {
        "name_form": _("Please write the full name as in the household book, 2 to 40 characters."),
        "id_form": _(
            "This ID number is not complete or one digit is wrong: it has 18 characters, the last may be X. Compare it digit by digit."
        ),
        "relation": _("Please choose how this person is related to the child."),
        "id_twice": _("The same ID number is written for two people. The child's own number is in the household book."),
        "compound": _("Please choose your home from the suggestions that appear while you type."),
        "compound_elsewhere": _("This home is in another district. Please apply in the district where you live."),
        "grandparent": _("Please write the name of the grandparent who owns the home."),
        "consent": _("Please agree to the questions to the departments first, or book a time at the school."),
        "not_editable": _("This application can't be changed at the moment."),
        "phone_form": _("A mobile number has 11 digits and starts with 1."),
        "wait": _("A code was sent less than a minute ago. Please use it, or wait a minute."),
        "too_many": _("Too many tries. Please wait an hour, or call the number below."),
        "wrong_code": _("This is not the code that was sent. Please compare it again."),
        "expired": _("This code is too old. Please send a new one."),
        "no_picture": _("Please take or choose a picture of the paper."),
        "too_large": _("The picture is larger than 10 MB. Please take it again."),
        "not_a_picture": _("This file is not a picture. Please take a photo of the page, or choose a JPG or PNG."),
        "no_slot": _("Please choose a time."),
        "no_text": _("Please write what is wrong, in your own words."),
        "closed": _("Papers can't be added at the moment."),
        "full": _("This time has just been taken. Please choose another."),
        "late": _("The time to answer is over. Please call the district."),
    }
    return texts.get(code, code)


@register.filter
def change_name(name: str) -> str:
    texts = {
        "submit": _("You submitted the application"),
        "resubmit": _("You corrected and submitted again"),
        "pass_by_data": _("All confirmed by data"),
        "ask_family": _("Something is needed from you"),
        "ineligible": _("Can't be enrolled under the rule"),
        "to_person": _("Two registers disagree: the school looks at it"),
        "recheck": _("A department's answer came or changed: checked again"),
        "decide_again": _("Decided again by what is proven and what people confirmed"),
        "dispute": _("You told us that a register is wrong"),
        "to_school": _("You sent papers to the school"),
        "book": _("On-site check booked"),
        "accept_review": _("The school confirmed your papers"),
        "return": _("The school returned it to you"),
        "ask_onsite": _("The school asks for the original"),
        "refuse_evidence": _("The papers could not be confirmed"),
        "close": _("Decided by what is proven"),
        "publish": _("Preliminary result published"),
        "object": _("You objected"),
        "uphold": _("Your objection was upheld"),
        "deny": _("Your objection was denied"),
        "keep_refusal": _("Your objection was denied"),
        "lock": _("Category final"),
        "seat": _("A seat was given"),
        "overflow": _("The zone's school is full: the district arranges a seat"),
        "offer": _("Seat offered"),
        "accept": _("You accepted the seat"),
        "keep_accepted": _("The better seat is yours, accepted as the one before"),
        "decline": _("You declined the seat"),
        "lapse": _("The offer ended"),
        "assign_class": _("Class drawn"),
        "report": _("Your child reported at the school"),
        "register": _("Handed to the pupil register"),
        "no_show": _("Did not report in time"),
        "ask_again": _("You asked for a seat in the late round"),
        "reopen": _("Your appeal was upheld"),
        "withdraw": _("You withdrew the application"),
        "void": _("Declared void"),
    }
    return texts.get(name, name)


@register.filter
def event_name(name: str) -> str:
    """A change, a look or an entry of the log in words for staff and the public, who are not the family."""
    texts = {
        "decision": _("decision"),
        "round": _("admission round"),
        "results": _("results published"),
        "zone": _("zone changed"),
        "plan": _("seat plan changed"),
        "window": _("calendar changed"),
        "policy": _("rule published"),
        "manifest": _("list of a draw published"),
        "draw": _("result of a draw"),
        "view": _("opened the file"),
        "document": _("opened a paper"),
        "export": _("exported a list"),
        "submit": _("submitted"),
        "resubmit": _("corrected and submitted again"),
        "pass_by_data": _("confirmed by data"),
        "ask_family": _("family asked"),
        "ineligible": _("can't be enrolled under the rule"),
        "to_person": _("two registers disagree"),
        "recheck": _("checked again"),
        "decide_again": _("decided again"),
        "dispute": _("register disputed"),
        "to_school": _("papers sent to the school"),
        "book": _("on-site check booked"),
        "accept_review": _("papers confirmed"),
        "return": _("returned to the family"),
        "ask_onsite": _("original asked for"),
        "refuse_evidence": _("papers not confirmed"),
        "close": _("decided by what is proven"),
        "publish": _("preliminary result published"),
        "object": _("objection made"),
        "uphold": _("objection upheld"),
        "deny": _("objection denied"),
        "keep_refusal": _("objection denied, refusal kept"),
        "lock": _("category final"),
        "seat": _("seat given"),
        "overflow": _("to be coordinated"),
        "offer": _("seat offered"),
        "accept": _("seat accepted"),
        "keep_accepted": _("better seat kept as accepted"),
        "decline": _("seat declined"),
        "lapse": _("offer ended"),
        "assign_class": _("class drawn"),
        "report": _("reported at the school"),
        "register": _("handed to the pupil register"),
        "no_show": _("did not report in time"),
        "ask_again": _("asked again in the late round"),
        "reopen": _("appeal upheld after the round"),
        "arrangement": _("rule of coordination chosen"),
        "withdraw": _("withdrawn"),
        "void": _("declared void"),
    }
    return texts.get(name, name)


@register.filter
def actor_name(kind: str) -> str:
    texts = {
        "guardian": _("family"),
        "system": _("platform"),
        "school": _("school"),
        "district": _("district"),
    }
    return texts.get(kind, kind)


@register.filter
def left_name(how: str) -> str:
    """How a pupil left, as the register of seat locks knows it."""
    texts = {
        "graduated": _("finished the school"),
        "transferred_out": _("moved to a school outside the district"),
        "transferred_within": _("moved to a school of the district"),
        "not_gone_up": _("did not go up to the junior part"),
    }
    return texts.get(how, how)


@register.filter
def offer_kind(kind: str) -> str:
    """The right by which a child has its seat."""
    texts = {
        "zone": _("the zone"),
        "feeder": _("direct promotion"),
        "buffer": _("the buffer zone"),
        "choice": _("the family's list"),
        "coordinated": _("coordination"),
    }
    return texts.get(kind, kind)


@register.filter
def window_name(kind: str) -> str:
    texts = {
        "collection": _("Applying"),
        "correction": _("Correcting and proving"),
        "publication": _("Publication of preliminary results"),
        "objection": _("Objections"),
        "preference": _("Ranking schools"),
        "admission": _("Admission"),
        "offer": _("Accepting the seat"),
        "late": _("Late applications"),
        "late_objection": _("Objections of the late round"),
        "classes": _("Class assignment"),
        "reporting": _("Reporting at school"),
    }
    return texts.get(kind, kind)


@register.filter
def basis_name(code: str) -> str:
    texts = {
        "owned": _("Our own home (certificate in the name of child or parents)"),
        "grandparents": _("A grandparent's home, where we live together"),
        "contract": _("Bought, no certificate yet"),
        "resettlement": _("Resettlement home"),
        "lease": _("Rented"),
    }
    return texts.get(code, code)


@register.filter
def relation_name(code: str) -> str:
    texts = {
        "father": _("father"),
        "mother": _("mother"),
        "grandfather": _("grandfather"),
        "grandmother": _("grandmother"),
        "other": _("other guardian"),
    }
    return texts.get(code, code)


@register.filter
def document_name(code: str) -> str:
    texts = {
        "certificate": _("property certificate"),
        "contract": _("purchase contract"),
        "lease": _("filing of the lease"),
        "resettlement": _("resettlement agreement"),
        "household_book": _("household book"),
        "work": _("work contract or business licence"),
        "licence": _("electronic licence"),
        "other": _("another paper"),
    }
    return texts.get(code, code)


@register.filter
def fact_name(code: str) -> str:
    from ruxue.policy.facts import VOCABULARY

    term = VOCABULARY.get(code)
    return code if term is None else term.zh if chinese() else term.en


@register.filter
def draft_state(state: str) -> str:
    """What a rule's draft waits for."""
    return {
        "draft": _("draft"),
        "submitted": _("waits for approval"),
        "approved": _("approved, not published yet"),
        "published": _("published"),
        "dropped": _("ended"),
    }.get(state, state)


@register.filter
def run_source(source: str) -> str:
    return {"now": _("this season's families"), "last": _("last season's families")}.get(source, _("a synthetic city"))


@register.filter
def run_phase(phase: str) -> str:
    """How far a what-if is."""
    return {
        "waiting": _("waits for its turn"),
        "families": _("gathering the families"),
        "verdicts": _("deciding by both rules"),
        "done": _("done"),
        "failed": _("failed"),
    }.get(phase, phase)
