"""The admission of a played season, all rounds of it: offers, declines, lapses, freed seats, the late round, reporting.

Families' choices come from the city's seed: a few decline, a few never answer, a few apply late, a few do not come.
Each kind has at least one family, so that even a small season goes through every step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from ruxue.accounts.models import Role, User
from ruxue.admissions import lottery, register, rounds
from ruxue.admissions.models import Lottery, Notice
from ruxue.algorithms import draw
from ruxue.applications import claims
from ruxue.applications.machine import By, NotAllowed
from ruxue.applications.models import Application
from ruxue.applications.states import Actor, State
from ruxue.ledger import clock, log
from ruxue.places.models import School, Season
from ruxue.simulation.model import City, Family

LATE, DECLINES, SILENT, STAYS_AWAY = 8, 6, 3, 2  # of a thousand families


def _few(seed: int, what: str, keys: Iterable[Any], of_thousand: int) -> set[Any]:
    """Those of `keys` who do `what`: the same for the same seed."""
    listed = list(keys)
    order = sorted(listed, key=lambda k: hashlib.sha256(f"{seed}/{what}/{k}".encode()).digest())
    return set(order[: max(1, len(listed) * of_thousand // 1000)])


def late_families(city: City) -> set[int]:
    """Keys of the families who come only in August: such as need no papers and no corrections."""

    def plain(f: Family) -> bool:
        return not (f.fraud or f.truth.mistakes or f.truth.flaws) and f.claim == f.corrected and len(f.children) == 1

    named = [f.key for f in city.families if plain(f) and f.truth.held_as == "owned"]
    return _few(city.seed, "late", named, LATE) if named else set()


def admit(player: Any, officials: dict[str, By]) -> None:
    """From final categories to answers: the first round, the second with what families gave back, the late round."""
    for key, season in player.seasons.items():
        clock.stop_at(player.at(7, 16))
        rounds.lock(season, officials[key])
    log.seal()
    _run_and_offer(player, officials, player.at(7, 20))
    clock.stop_at(player.at(7, 22))
    offered = _rows(State.OFFERED)
    declines = _few(player.city.seed, "declines", offered, DECLINES)
    silent = _few(player.city.seed, "silent", offered.keys() - declines, SILENT)
    _answer(player, offered, declines, silent)
    _run_and_offer(player, officials, player.at(7, 24))
    clock.stop_at(player.at(7, 28))
    _answer(player, {k: r for k, r in _rows(State.OFFERED).items() if k not in silent}, set(), set())
    clock.stop_at(player.at(7, 31))
    for season in player.seasons.values():
        rounds.lapse(season)
    _late(player, officials)
    log.seal()


def _rows(*states: State) -> dict[str, Application]:
    """Applications by receipt, without what families typed."""
    found = Application.objects.filter(state__in=states).select_related("guardian").defer("claim", "facts")
    return {row.receipt: row for row in found.order_by("receipt")}


def _answer(player: Any, offered: dict[str, Application], declines: set[str], silent: set[str]) -> None:
    by_season: dict[int, dict[str, bool]] = {}
    for receipt, row in offered.items():
        if receipt not in silent:
            by_season.setdefault(row.season_id, {})[receipt] = receipt not in declines
    done = 0
    with player.progress.phase("answers", len(offered)) as tick:
        for season in player.seasons.values():
            done += rounds.answer_many(season, by_season.get(season.pk, {}))
            tick(done)
    log.seal()


def _run_and_offer(player: Any, officials: dict[str, By], moment: Any) -> None:
    clock.stop_at(moment)
    with player.progress.phase("admission", len(player.seasons)) as tick:
        for n, (key, season) in enumerate(player.seasons.items(), 1):
            try:
                _run(player, season, officials[key])
                log.seal()
                rounds.send_offers(season, officials[key])
            except rounds.StepError as error:
                if error.code not in ("nobody_waiting", "nothing_new"):
                    raise
            log.seal()
            tick(n)


def _run(player: Any, season: Season, by: By) -> None:
    """The runs of admission until the last kind has been run, each with its lottery where the rule wants one."""
    while True:
        try:
            made = rounds.run(season, by)
        except rounds.StepError as error:
            if error.code != "lottery_first":
                raise
            _witness(player, rounds.open_lottery(season))
            made = rounds.run(season, by)
        if made.inputs["stage"]["coordinates"]:
            return


def _witness(player: Any, made: Lottery) -> None:
    def secret(code: str) -> bytes:
        return hashlib.sha256(f"{player.city.seed}/{made.manifest['id']}/{code}".encode()).digest()

    witnesses = list(made.witnesses.all())
    for w in witnesses:
        lottery.commit(w.token, draw.commitment(bytes.fromhex(made.digest), w.code, secret(w.code)).hex())
    for w in witnesses:
        lottery.reveal(w.token, secret(w.code).hex())


def _late(player: Any, officials: dict[str, By]) -> None:
    """Who applies only now, and every second of those who gave a seat back: checked, published, seated, answered."""
    clock.stop_at(player.at(8, 10))
    for n, row in enumerate(_rows(State.DECLINED, State.LAPSED).values()):
        if n % 2 == 0:
            rounds.ask_again(row.key, row.guardian)
    late = late_families(player.city)
    for family in player.city.families:
        if family.key in late:
            player.apply(family)
    player.drain()
    for row in _rows(State.NEED_INFO, State.RETURNED).values():
        try:
            claims.go_on_without(row.key, row.guardian)
        except NotAllowed:
            continue
    clock.stop_at(player.at(8, 10, 15))
    for key, season in player.seasons.items():
        rounds.publish_preliminary(season, officials[key])
    clock.stop_at(player.at(8, 16, 19))
    for key, season in player.seasons.items():
        rounds.lock(season, officials[key])
    _run_and_offer(player, officials, player.at(8, 16, 19))
    clock.stop_at(player.at(8, 17))
    _answer(player, _rows(State.OFFERED), set(), set())


def report_and_register(player: Any) -> None:
    """The first days of school: children report with their notices; who stays away gives the seat up; the register."""
    clock.stop_at(player.at(9, 1))
    numbers = dict(
        Notice.objects.filter(offer__application__state=State.CLASSED).values_list(
            "offer__application__receipt", "number"
        )
    )
    away = _few(player.city.seed, "away", sorted(numbers), STAYS_AWAY)
    clerks = dict(User.objects.filter(roles__role=Role.REVIEWER).values_list("roles__scope", "pk"))
    users = User.objects.in_bulk(set(clerks.values()))
    of_school: dict[str, list[str]] = {}
    for school, receipt in Application.objects.filter(receipt__in=numbers.keys() - away).values_list(
        "offer__school", "receipt"
    ):
        of_school.setdefault(school, []).append(numbers[receipt])
    schools = School.objects.in_bulk(of_school)

    def by(code: str) -> By:
        return By(Actor.SCHOOL, users.get(clerks.get(code, 0)))

    for code, mine in sorted(of_school.items()):
        register.report_many(sorted(mine), schools[code], by(code))
    clock.stop_at(player.at(9, 4, 18))
    officials = player.officials()
    for key, season in player.seasons.items():
        rounds.end_no_shows(season, officials[key])
    for code in sorted(of_school):
        register.register(player.seasons[schools[code].district_id], schools[code], by(code))
    log.seal()
