"""The lottery of a round by ruxue-draw/1: one witnessed draw of tickets for all who wait, bound to the round's inputs.

It decides only inside the batches that straddle a school's seats, and between families who stand equal in coordination.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from ruxue.admissions import seating
from ruxue.admissions.models import Lottery, LotteryWitness
from ruxue.algorithms import bundle, draw
from ruxue.ledger import clock, log, witnessed
from ruxue.places.models import Season

WITNESSES = (("parent", "家长代表"), ("committee", "家委会代表"), ("bureau", "区教体局代表"))


class LotteryError(ValueError):
    """A step that can't be taken now; `code` says why, `details` names who or what."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code, self.details = code, details


def decides(inputs: dict[str, Any]) -> bool:
    """True where the rule names a lottery and somebody's seat depends on it."""
    return inputs["lots"] is not None and seating.straddling(inputs).decides


def manifest(season: Season, name: str, number: int, inputs: dict[str, Any]) -> dict[str, Any]:
    """The list and the rules: receipts stand for children. Where each asks for one school, every straddling batch asks
    for its school's last seats; where families have lists, the lot puts all in one order, and the round follows it.
    """
    batches = seating.straddling(inputs).batches
    entries = sorted(
        ({"code": r["receipt"], **({"group": r["group"]} if r["group"] else {})} for r in inputs["applications"]),
        key=lambda e: e["code"],
    )
    if batches is None:
        how: dict[str, Any] = {"seats": len(entries)}
    else:
        choices = {unit: [school] for school, names in batches[1].items() for unit in names}
        how = {"mode": "preference", "seats": batches[0], "choices": choices, "tickets": "one"}
    return {
        "protocol": draw.PROTOCOL,
        "kind": "lottery",
        "id": name,
        "title": f"{season.district.name_zh}{season.year}年第{number}轮录取同类派位",
        "algorithm": bundle.algorithm(),
        "rules": {**how, "group_boundary": "skip"},
        "witnesses": [{"id": code, "role": role} for code, role in WITNESSES],
        "entries": entries,
    }


@transaction.atomic
def open_for(season: Season, number: int, inputs: dict[str, Any], beacon: dict[str, str] | None = None) -> Lottery:
    """Publishes a round's list and its digest; idempotent for the same inputs. Raises LotteryError("already_open").

    `beacon` (source, round): a public value that is fixed only after the commitments. The repeat of a lottery that was
    ended after all had committed must name one, or raises LotteryError("beacon_first"): who withheld a secret had seen
    the others'.
    """
    digest = seating.digest(inputs).hex()
    found = season.lotteries.exclude(state=Lottery.State.VOID).filter(inputs_digest=digest).first()
    if found:
        return found
    if season.lotteries.filter(state__in=[Lottery.State.PUBLISHED, Lottery.State.REVEALING]).exists():
        raise LotteryError("already_open")
    name = f"{season.year}-{season.district_id}-{season.level}-round-{number}"
    before = season.lotteries.filter(state=Lottery.State.VOID, manifest__id__startswith=name)
    if beacon is None and any(not b.witnesses.filter(commitment="").exists() for b in before):
        raise LotteryError("beacon_first")
    listed = manifest(season, f"{name}-{len(before) + 1}" if before else name, number, inputs)
    if beacon is not None:
        listed["beacon"] = {"source": beacon["source"], "round": beacon["round"]}
    made = Lottery.objects.create(
        season=season,
        inputs_digest=digest,
        manifest=listed,
        digest=draw.manifest_digest(listed).hex(),
        opened_at=clock.now(),
    )
    LotteryWitness.objects.bulk_create([LotteryWitness(lottery=made, code=c, role=r) for c, r in WITNESSES])
    log.append("manifest", listed["id"], {"digest": made.digest, "inputs": digest, "entries": len(listed["entries"])})
    return made


def _witness(token: str) -> tuple[LotteryWitness, Lottery]:
    row = LotteryWitness.objects.get(token=token)
    made = Lottery.objects.select_for_update().get(pk=row.lottery_id)
    row.refresh_from_db()
    return row, made


@transaction.atomic
def commit(token: str, value: str) -> LotteryWitness:
    """A witness's commitment (64 hex digits); can't be changed. The last one opens the revealing. Raises LotteryError."""
    witness, made = _witness(token)
    if witness.commitment == value:
        return witness
    if made.state != Lottery.State.PUBLISHED or witness.commitment:
        raise LotteryError("already_committed" if witness.commitment else "not_now")
    if not witnessed.is_commitment(value):
        raise LotteryError("commitment_form")
    witness.commitment, witness.committed_at = value, clock.now()
    witness.save()
    if not made.witnesses.filter(commitment="").exists():
        made.state = Lottery.State.REVEALING
        made.save()
    return witness


@transaction.atomic
def reveal(token: str, secret: str) -> LotteryWitness:
    """A witness's secret (hex), once all have committed. Raises LotteryError("wrong_secret") where it does not fit."""
    witness, made = _witness(token)
    if secret and witness.secret == secret:
        return witness
    if made.state != Lottery.State.REVEALING or witness.secret:
        raise LotteryError("already_revealed" if witness.secret else "not_now")
    if not witnessed.opens(made, witness, secret):
        raise LotteryError("wrong_secret", role=witness.role)
    witness.secret, witness.revealed_at = secret, clock.now()
    witness.save()
    return witness


@transaction.atomic
def name_beacon(season: Season, text: str) -> Lottery:
    """The public beacon's value, once it is out and all have committed; can't be changed. Raises LotteryError."""
    made = season.lotteries.select_for_update().filter(state=Lottery.State.REVEALING).first()
    if made is None or "beacon" not in made.manifest or not text.strip() or made.beacon not in ("", text.strip()[:200]):
        raise LotteryError("not_now")
    made.beacon = text.strip()[:200]
    made.save()
    return made


def missing(made: Lottery) -> list[str]:
    """Roles of the witnesses whose secrets are not in."""
    return [w.role for w in made.witnesses.all() if not w.secret]


@transaction.atomic
def hold(made: Lottery) -> Lottery:
    """Draws once all secrets are in; the bundle's digest goes into the ledger. Idempotent. Raises LotteryError."""
    made = Lottery.objects.select_for_update().get(pk=made.pk)
    if made.state == Lottery.State.DRAWN:
        return made
    waiting = missing(made)
    if made.state != Lottery.State.REVEALING or waiting:
        raise LotteryError("witnesses", roles=waiting)
    if "beacon" in made.manifest and not made.beacon:
        raise LotteryError("beacon", source=made.manifest["beacon"]["source"])
    seed = witnessed.seed(made, made.witnesses.all())
    made.seed, made.result = seed.hex(), bundle.build_result(made.manifest, seed)
    made.state, made.drawn_at = Lottery.State.DRAWN, clock.now()
    entry = log.append(
        "draw",
        made.manifest["id"],
        {**bundle.ledger_body(witnessed.core(made, made.witnesses.all())), "seed": made.seed},
    )
    made.ledger_entry = entry.pk
    made.save()
    return made


@transaction.atomic
def void(season: Season, reason: str) -> int:
    """Ends an open lottery publicly, with the reason: a witness would not reveal, or the list changed. Returns how many."""
    rows = season.lotteries.select_for_update().filter(state__in=[Lottery.State.PUBLISHED, Lottery.State.REVEALING])
    for made in rows:
        made.state, made.void_reason = Lottery.State.VOID, reason[:200]
        made.save()
        log.append("void", made.manifest["id"], {"digest": made.digest, "reason": made.void_reason})
    return len(rows)


def published_bundle(made: Lottery, tree: log.Tree | None = None) -> dict[str, Any]:
    """The bundle of a drawn lottery that anyone can verify."""
    return witnessed.published(made, made.witnesses.all(), tree)
