"""The lot of the parents' witnesses among those present: itself a draw by ruxue-draw/1, with a bundle of its own.

Families register with their phones in the hall. Those who like give randomness: their phones are the witnesses of the
lot, so that whoever doubts it takes part in it, and one honest phone is enough. Ranks decide who is asked; who passes
is followed by the next rank.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max

from ruxue import crypto
from ruxue.accounts.models import User
from ruxue.algorithms import bundle, draw
from ruxue.applications.machine import By
from ruxue.applications.models import Application
from ruxue.classes import prepare
from ruxue.classes.ceremony import Doer, act, create, locked, require, take_place, void
from ruxue.classes.models import Ceremony, Present, Witness
from ruxue.classes.prepare import CeremonyError
from ruxue.classes.steps import Actor, State
from ruxue.ledger import clock

LEAST_MIXERS = 2  # phones that give randomness; with fewer there would be nobody to trust but one


def free_places(made: Ceremony) -> list[Witness]:
    """Parents' places that nobody has taken."""
    return [w for w in made.witnesses.all() if w.kind == Witness.Kind.PARENT and not w.holder]


def current(made: Ceremony) -> Ceremony | None:
    """The lot of a ceremony that is running or drawn."""
    return made.lots.exclude(state=State.VOID).first()


def register(key: str, hall: str, receipt: str, user: User | None = None, claim: str = "") -> Present:
    """A family in the hall takes part in the lot, by the receipt of its child; each once. Raises CeremonyError.

    A phone that is signed in as the family's own takes over from one that only typed the receipt. `claim` is what the
    phone wants for its `token`: the same phone may ask again where the answer got lost.
    """
    with transaction.atomic():
        made = locked(key)
        if made.hall != hall:
            raise CeremonyError("not_in_hall")
        if made.state != State.PUBLISHED or current(made) or made.lot_by_hand:
            raise CeremonyError("lot_begun")
        receipt = receipt.strip().upper()
        if receipt not in prepare.families(made):
            raise CeremonyError("receipt")
        own = user is not None and Application.objects.filter(receipt=receipt, guardian=user).exists()
        there = made.present.filter(receipt=receipt).first()
        if there and claim and there.token == claim:
            return there
        if there and own and not there.signed_in:
            number = there.number
            there.delete()
        elif there:
            if own:
                return there
            raise CeremonyError("receipt_taken")
        else:
            number = 1 + (made.present.aggregate(n=Max("number"))["n"] or 0)
        if not crypto.is_public_key(claim) or Present.objects.filter(token=claim).exists():
            claim = crypto.public_key()
        return Present.objects.create(
            ceremony=made, number=number, receipt=receipt, token=claim, signed_in=own, at=clock.now()
        )


def mix(token: str, wanted: bool) -> Present:
    """Whether this phone gives randomness to the lot; can be said until the lot begins."""
    with transaction.atomic():
        present = Present.objects.select_related("ceremony").get(token=token)
        made = locked(present.ceremony.key)
        if current(made):
            raise CeremonyError("lot_begun")
        present.mixes = wanted
        present.save()
        return present


def start(key: str, by: By, beacon: bool = False) -> Ceremony:
    """Closes the register and draws the lot of the parents' places: list and digest are public before any phone commits.

    `beacon` names dice that a parent throws on the stage; needed after a lot that was void because of a withheld secret.
    """
    with transaction.atomic():
        made = locked(key)
        require(made, "open", Doer.operator(by))
        if current(made):
            raise CeremonyError("lot_begun")
        voided = made.lots.filter(state=State.VOID)
        if prepare.needs_beacon(voided) and not beacon:
            raise CeremonyError("needs_beacon")
        rows, seats = list(made.present.filter(passed=False)), len(free_places(made))
        mixers = [p for p in rows if p.mixes]
        if not seats:
            raise CeremonyError("place_free")
        if len(rows) < seats or len(mixers) < LEAST_MIXERS:
            raise CeremonyError("too_few", present=len(rows), mixers=len(mixers), least=LEAST_MIXERS)
        number = voided.count() + 1
        manifest: dict[str, Any] = {
            "protocol": draw.PROTOCOL,
            "kind": "lottery",
            "id": f"{made.manifest['id']}-lot-{number}",
            "title": f"{made.manifest['title']}：家长代表抽签" + (f"（第{number}次）" if number > 1 else ""),
            "algorithm": bundle.algorithm(),
            "rules": {"seats": seats, "group_boundary": "skip"},
            "witnesses": [{"id": code_of(p), "role": f"在场家长{p.number}号"} for p in mixers],
            "entries": [{"code": code_of(p)} for p in rows],
        }
        if beacon:
            manifest["beacon"] = {"source": prepare.BEACONS["dice"], "round": f"第{number}次"}
        lot = create(made.season, made.school, "lot", manifest, Doer.operator(by), lot_of=made)
        for witness, present in zip(lot.witnesses.all(), mixers, strict=True):
            witness.present, witness.holder, witness.joined_at = present, crypto.public_key(), clock.now()
            witness.save()
        act(lot, "open", Doer(Actor.SYSTEM))
        lot.save()
        return lot


def code_of(present: Present) -> str:
    """The name of a family in the lot: its number in the hall, which says nothing about the child."""
    return f"P{present.number:04d}"


def give_up(key: str, by: By, withheld: str = "") -> Ceremony:
    """Declares a lot void in public: phones that have not committed fell silent, or one (`withheld`) won't reveal.

    Those phones give no randomness to the repeat; their families stay in the lot.
    """
    with transaction.atomic():
        lot = locked(key)
        silent = [w for w in lot.witnesses.all() if (w.code == withheld if withheld else not w.commitment)]
        if lot.state == State.COMMITTING and not silent:
            raise CeremonyError("not_now", state=lot.state)
        numbers = "、".join(str(w.present.number) for w in silent if w.present)
        made = void(key, by, "" if lot.state == State.REVEALING else f"{numbers}号手机没有应答", withheld)
        Present.objects.filter(places__in=silent).update(mixes=False)
        return made


def by_hand(key: str, by: By, why: str) -> Ceremony:
    """The parents draw their representatives by hand, in public, with the reason: the places' QR appear then."""
    with transaction.atomic():
        made = locked(key)
        doer = Doer.operator(by)
        require(made, "lot_by_hand", doer)
        lot = current(made)
        if lot and lot.state != State.DRAWN:
            raise CeremonyError("lot_running")
        if not why.strip():
            raise CeremonyError("why")
        if not made.lot_by_hand:
            made.lot_by_hand = True
            act(made, "lot_by_hand", doer, reason="by_hand", note=why.strip())
            made.save()
        return made


def offers(made: Ceremony) -> dict[int, Witness]:
    """Who is asked to witness now: the parents' free places by present family (primary key), by rank of the lot."""
    lot = current(made)
    if lot is None or lot.state != State.DRAWN or made.lot_by_hand:
        return {}
    seated = {w.present_id for w in made.witnesses.all() if w.holder}
    by_code = {code_of(p): p for p in made.present.filter(passed=False)}
    ranked = [by_code[c] for c in (lot.result or {})["order"] if c in by_code and by_code[c].pk not in seated]
    return {p.pk: w for p, w in zip(ranked, free_places(made), strict=False)}


def accept(token: str, name: str) -> Witness:
    """A drawn family's representative takes the place. Raises CeremonyError."""
    with transaction.atomic():
        present = Present.objects.select_related("ceremony").get(token=token)
        made = locked(present.ceremony.key)
        if mine := made.witnesses.filter(present=present, holder__isnull=False).first():
            return mine
        witness = offers(made).get(present.pk)
        if witness is None:
            raise CeremonyError("not_now", state=made.state)
        witness.present = present
        return take_place(made, witness, name)


def decline(token: str, by: By | None = None) -> Present:
    """A drawn family passes, by itself or because the operator called it in vain; the next rank is asked, in public."""
    with transaction.atomic():
        present = Present.objects.select_related("ceremony").get(token=token)
        made = locked(present.ceremony.key)
        if present.passed:
            return present
        if present.pk not in offers(made):
            raise CeremonyError("not_now", state=made.state)
        present.passed = True
        present.save()
        doer = Doer.operator(by) if by else Doer(Actor.WITNESS)
        act(made, "replace", doer, reason="called_in_vain" if by else "declined", place=code_of(present))
        return present
