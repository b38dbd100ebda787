"""`ruxue season` and `ruxue run`: a season in a synthetic city, without a browser or on the eve of its draws."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ruxue import embedded, processes
from ruxue.cli.base import Bars, close_database, console, django, migrate_database
from ruxue.processes import StartError

DEMO_PASSWORD = "ruxue-demo"
PRESETS = {"weifang-2019": (31_353, 47_570)}
ARTICLE = {  # the article's figures of 2019, to stand beside a season's
    "users": "47,570",
    "applications submitted": "31,353",
    "pass rate": "85.78 %",
    "household first try": "63.06 %",
    "property first try": "86.47 %",
    "property checks": "18,503",
    "household checks": "33,576",
}


def _drain(group: processes.Group) -> Callable[[], None]:
    """Waits until the worker has nothing left to do."""

    def wait() -> None:
        from django.db import connection

        from ruxue.applications.models import Application

        idle = 0
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    "select count(*) from procrastinate_jobs where task_name='verify' and status in ('todo','doing')"
                )
                busy = cursor.fetchone()[0]
            if not busy and not Application.objects.filter(state="verifying").exists():
                return
            if name := group.failed():
                raise StartError(
                    f"The process “{name}” ended during the season. Its log, {group.log_dir / (name + '.log')}, says why."
                )
            idle = idle + 1 if not busy else 0
            if idle and idle % 150 == 0:
                from ruxue.applications.jobs import verify_later

                verify_later(0)
            time.sleep(0.2)

    return wait


def _play(
    families: int, users: int | None, seed: int, year: int, var: Path, until: str, started: float
) -> tuple[Any, list[tuple[str, str]]]:
    """Generates the city, starts departments and worker, plays; returns the player and the staff's sign-ins."""
    from ruxue import crypto
    from ruxue.simulation import city as city_module
    from ruxue.simulation import registers, season

    bars = Bars()
    seconds: dict[str, float] = {}
    with bars.bars:
        with bars.phase("city", families) as tick:
            city = city_module.generate(families, seed, year, users, lambda n, _: tick(n))
        with bars.phase("registers", len(city.families)) as tick:
            registers.build(city, var / "departments.db", lambda n, _: tick(n))
        crypto.seed_public_keys(f"{seed}/{families}".encode())
        season.load_places(city)
        staff = season.make_staff(city, DEMO_PASSWORD)
        seconds["city"] = round(time.monotonic() - started, 1)
        with processes.group(var / "log") as group:
            port = processes.free_port()
            url = f"http://127.0.0.1:{port}"
            group.start(
                "departments",
                processes.departments_command("127.0.0.1", port),
                {"RUXUE_REGISTERS": str(var / "departments.db")},
            )
            processes.wait_for(url + "/PS/v1/health", group)
            os.environ["RUXUE_DEPARTMENTS"] = url
            from django.conf import settings

            settings.DEPARTMENTS_URL = url
            group.start(
                "worker",
                processes.worker_command(),
                {"RUXUE_DEPARTMENTS_RATE": "4000", "RUXUE_DEPARTMENTS": url, "RUXUE_SEAL": "0"},
            )
            player = season.Player(city, _drain(group), bars)
            player.seconds = seconds
            season.play(player, until)
        crypto.seed_public_keys(None)
    return player, staff


def _survive_no_crash() -> None:
    """Settings of a server whose data are thrown away: nothing is written twice or waited for."""
    from django.db import connection

    with connection.cursor() as cursor:
        for name, value in (
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("checkpoint_timeout", "1h"),
            ("max_wal_size", "8GB"),
        ):
            cursor.execute(f"alter system set {name} = '{value}'")
        cursor.execute("select pg_reload_conf()")


def season(
    families: Annotated[int, typer.Option(help="Applications to be made; twins count twice.", min=20)] = 600,
    seed: Annotated[int, typer.Option(help="The same seed gives the same season, to the last decision.")] = 41,
    report: Annotated[Path | None, typer.Option(help="Write the season's report to this JSON file.")] = None,
    bundles: Annotated[Path | None, typer.Option(help="Write every ceremony's bundle into this folder.")] = None,
    preset: Annotated[str | None, typer.Option(help="weifang-2019: the article's magnitudes.")] = None,
    year: Annotated[int, typer.Option(help="The season's year.")] = 2026,
) -> None:
    """Plays a whole season in a synthetic city, without a browser, and reports how it went.

    Brings its own database (thrown away afterwards) unless DATABASE_URL is set, and its own departments.
    """
    users = None
    if preset:
        if preset not in PRESETS:
            raise StartError(f"There is no preset {preset}. Known: {', '.join(PRESETS)}.")
        families, users = PRESETS[preset]
    base = embedded.var_dir()
    var = Path(tempfile.mkdtemp(prefix="season-", dir=base))

    started = time.monotonic()
    try:
        if not os.environ.get("DATABASE_URL"):
            os.environ["RUXUE_VAR"] = str(var)
            os.environ["PGOPTIONS"] = "-c synchronous_commit=off"
            os.environ["RUXUE_MASTER_KEY"] = hashlib.sha256(f"season/{seed}/{families}".encode()).hexdigest()
        django()
        if not os.environ.get("DATABASE_URL"):
            _survive_no_crash()
        migrate_database()
        player, _ = _play(families, users, seed, year, var, "end", started)
        from ruxue.simulation.season import report as make_report

        result = make_report(player)
        if bundles:
            count = player.write_bundles(bundles)
            console.print(f"{count} bundles written to {bundles}; check one with: ruxue verify FILE")
        if report:
            report.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        _show(result)
    finally:
        close_database()
        shutil.rmtree(var, ignore_errors=True)


def _show(result: dict[str, Any]) -> None:
    rows = {
        "families": f"{result['families']:,}",
        "users": f"{result['users']:,}",
        "applications submitted": f"{result['applications']['submitted']:,}",
        "pass rate": f"{result['applications']['pass_rate']:.2%}",
        "household checks": f"{result['household_checks']['queried']:,}",
        "household first try": f"{result['household_checks']['rate']:.2%}",
        "property checks": f"{result['property_checks']['queried']:,}",
        "property first try": f"{result['property_checks']['rate']:.2%}",
        "zero touch": f"{result['zero_touch_rate']:.2%}",
        "visits to a school": f"{result['visits']:,}",
        "objections / upheld": f"{result['objections']['made']} / {result['objections']['upheld']}",
        "wrong pass / wrong fail": f"{result['decisions']['wrong_pass']} / {result['decisions']['wrong_fail']}",
        "frauds planted / passed": f"{result['decisions']['frauds_planted']} / {result['decisions']['frauds_passed']}",
        "seats / seated": f"{result['admission']['seats']:,} / {result['admission']['seated']:,}",
        "coordinated / over plan": f"{result['admission']['coordinated']:,} / {result['admission']['over_plan']}",
        "classes in schools": f"{result['classes']['classes']:,} in {result['classes']['schools']:,}",
        "largest spread of size / sex": f"{result['classes']['max_size_spread']} / {result['classes']['max_sex_spread']}",
        "ledger entries": f"{result['ledger']['entries']:,}",
        "seconds": f"{result['seconds']['total']:,}",
    }
    table = Table("figure", "this season", "Weifang 2019 (article)", title="The season's report")
    for name, value in rows.items():
        table.add_row(name, value, ARTICLE.get(name, ""))
    console.print(table)


def run(
    port: Annotated[int, typer.Option(help="Port of the web pages.")] = int(os.environ.get("RUXUE_PORT", "8100")),
    departments_port: Annotated[int, typer.Option(help="Port of the simulated departments.")] = int(
        os.environ.get("RUXUE_DEPARTMENTS_PORT", "8101")
    ),
    families: Annotated[int, typer.Option(help="Families of the demo city.")] = 1200,
    seed: Annotated[int, typer.Option(help="Seed of the demo city.")] = 2026,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Starts the demo: a synthetic city whose season stands on the eve of class assignment. Ctrl-C stops all of it."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal ends it as tidily as Ctrl-C
        signal.signal(number, signal.default_int_handler)
    os.environ["RUXUE_DEMO"] = "1"
    processes.require_free(port, "the web pages", "--port (make run PORT=…)")
    processes.require_free(departments_port, "the simulated departments", "--departments-port")
    url = f"http://127.0.0.1:{departments_port}"
    os.environ["RUXUE_DEPARTMENTS"] = url
    var = embedded.var_dir()
    marker, begun = var / "demo.json", var / "demo.begun"
    if begun.exists() and not marker.exists() and not os.environ.get("DATABASE_URL"):
        console.print("The demo was not finished last time; it starts over.")
        shutil.rmtree(var / "pg", ignore_errors=True)
        begun.unlink()
    started = time.monotonic()
    django()
    migrate_database()
    if not marker.exists():
        _make_demo(families, seed, var, marker, started)
    state = json.loads(marker.read_text(encoding="utf-8"))
    with processes.group(var / "log") as group:
        env = {
            "RUXUE_REGISTERS": str(var / "departments.db"),
            "RUXUE_DEPARTMENTS": url,
            "RUXUE_HOSTS": os.environ.get("RUXUE_HOSTS", f"localhost,127.0.0.1,{host}"),
        }
        group.start("departments", processes.departments_command("127.0.0.1", departments_port), env)
        group.start("worker", processes.worker_command(), env)
        group.start("web", processes.web_command(host, port, 2), env)
        processes.wait_for(f"http://127.0.0.1:{port}/", group)
        processes.wait_for(url + "/PS/v1/health", group)
        _sign_ins(state, f"http://{'localhost' if host == '127.0.0.1' else host}:{port}", time.monotonic() - started)
        try:
            while not (name := group.failed()):
                time.sleep(0.3)
            raise StartError(f"The process “{name}” ended. Its log, {group.log_dir / (name + '.log')}, says why.")
        except KeyboardInterrupt:
            console.print("\nStopping …")
    close_database()


def _make_demo(families: int, seed: int, var: Path, marker: Path, started: float) -> None:
    from ruxue.places.models import District

    if District.objects.exists():
        raise StartError("The database that DATABASE_URL names holds data already; the demo wants an empty one.")
    console.print(
        f"Making the demo city with {families:,} families and playing its season; this takes a few minutes once."
    )
    marker.with_name("demo.begun").touch()  # what is half made may be thrown away, other data may not
    player, staff = _play(families, None, seed, 2026, var, "eve", started)
    sample = [f for f in player.city.families if not f.fraud][:3]
    marker.write_text(
        json.dumps(
            {
                "staff": staff,
                "guardians": [[f.phone, f.children[0].name, f.kind] for f in sample],
            },
            ensure_ascii=False,
        ),
        encoding="utf-8",
    )


def _sign_ins(state: dict[str, Any], address: str, seconds: float) -> None:
    table = Table("who", "page", "name or phone", "password")
    table.add_row("everyone", "/", "–", "–")
    for phone, child, kind in state["guardians"]:
        table.add_row(f"guardian of {child} ({kind.replace('_', ' ')})", "/g/", phone, "code on the page")
    table.add_row("a new guardian", "/g/", "140 and 8 digits", "code on the page")
    shown: set[str] = set()
    for name, title in state["staff"]:
        kind = title.split(" of ")[0]
        if kind not in shown:
            shown.add(kind)
            table.add_row(title, "/staff/", name, DEMO_PASSWORD)
    console.print(f"Ruxue is ready after {seconds:.0f} s: [bold]{address}[/]")
    console.print(table)
    console.print("Witnesses of a ceremony join by the links on its projector page. Ctrl-C stops everything.")
