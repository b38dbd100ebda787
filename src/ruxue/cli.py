"""The command-line program `ruxue`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ruxue import embedded, processes
from ruxue.embedded import StartFailed
from ruxue.processes import StartError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Ruxue (入学): a city enrolls its children in school.",
    pretty_exceptions_enable=False,
)
departments_app = typer.Typer(no_args_is_help=True, help="The departments that share data, and their simulation.")
policy_app = typer.Typer(no_args_is_help=True, help="Policies: the districts' rules as data.")
app.add_typer(departments_app, name="departments")
app.add_typer(policy_app, name="policy")
console = Console()
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


def django() -> None:
    """Connects to the database; everything below needs it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ruxue.settings")
    if url := os.environ.get("DATABASE_URL"):
        processes.require_database(url)
    else:
        os.environ["DATABASE_URL"] = embedded.start()
    import django

    django.setup()


class Bars:
    """Progress of a season as Rich bars."""

    def __init__(self) -> None:
        self.bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        task = self.bars.add_task(name, total=total or 1)
        yield lambda n: self.bars.update(task, completed=n)
        self.bars.update(task, completed=total or 1)


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
) -> tuple[Any, dict[str, float]]:
    """Generates the city, starts departments and worker, plays; returns the player."""
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
    player.staff = staff
    return player, seconds


def _migrate() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


@app.command()
def migrate() -> None:
    """Creates or updates the database's tables."""
    django()
    _migrate()
    console.print("The database is up to date.")


@app.command()
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
    import hashlib

    started = time.monotonic()
    try:
        if not os.environ.get("DATABASE_URL"):
            os.environ["RUXUE_VAR"] = str(var)
            os.environ["RUXUE_MASTER_KEY"] = hashlib.sha256(f"season/{seed}/{families}".encode()).hexdigest()
        django()
        _migrate()
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
        from django.db import connections

        connections.close_all()
        embedded.stop()
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


@app.command()
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
    os.environ["RUXUE_DEMO"] = "1"
    processes.require_free(port, "the web pages", "--port (make run PORT=…)")
    processes.require_free(departments_port, "the simulated departments", "--departments-port")
    url = f"http://127.0.0.1:{departments_port}"
    os.environ["RUXUE_DEPARTMENTS"] = url
    var = embedded.var_dir()
    marker = var / "demo.json"
    if not marker.exists() and (var / "pg").exists() and not os.environ.get("DATABASE_URL"):
        console.print("The demo was not finished last time; it starts over.")
        shutil.rmtree(var / "pg")
    started = time.monotonic()
    django()
    _migrate()
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
        stop = [False]
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.__setitem__(0, True))
        while not stop[0]:
            if name := group.failed():
                raise StartError(f"The process “{name}” ended. Its log, {group.log_dir / (name + '.log')}, says why.")
            time.sleep(0.3)
        console.print("\nStopping …")
    _end()


def _end() -> None:
    from django.db import connections

    connections.close_all()
    embedded.stop()


def _make_demo(families: int, seed: int, var: Path, marker: Path, started: float) -> None:
    from ruxue.places.models import District

    if District.objects.exists():
        raise StartError("The database that DATABASE_URL names holds data already; the demo wants an empty one.")
    console.print(
        f"Making the demo city with {families:,} families and playing its season; this takes a few minutes once."
    )
    player, _ = _play(families, None, seed, 2026, var, "eve", started)
    sample = [f for f in player.city.families if not f.fraud][:3]
    marker.write_text(
        json.dumps(
            {
                "staff": player.staff,
                "guardians": [[f.phone, f.children[0].name, f.kind] for f in sample],
            },
            ensure_ascii=False,
        ),
        encoding="utf-8",
    )


def _sign_ins(state: dict[str, Any], address: str, seconds: float) -> None:
    table = Table(
        "who",
        "sign in at",
        "name or phone",
        "password or code",
        title=f"Ruxue is ready after {seconds:.0f} s: {address}",
    )
    table.add_row("public", address + "/", "–", "–")
    for phone, child, kind in state["guardians"]:
        table.add_row(f"guardian of {child} ({kind})", address + "/g/", phone, "the code appears on the page")
    table.add_row(
        "a guardian of your own", address + "/g/", "any 140 number, 11 digits", "the code appears on the page"
    )
    shown: set[str] = set()
    for name, title in state["staff"]:
        kind = title.split(" of ")[0]
        if kind not in shown:
            shown.add(kind)
            table.add_row(title, address + "/staff/", name, DEMO_PASSWORD)
    console.print(table)
    console.print("Witnesses of a ceremony join by the links on its projector page. Ctrl-C stops everything.")


@app.command()
def worker() -> None:
    """Runs the background work: verification and the sealing of the log. Start as many as you like, on any machine."""
    django()
    from procrastinate.contrib.django import app as jobs

    runner = jobs.with_connector(jobs.connector.get_worker_connector())  # type: ignore[attr-defined]
    runner.run_worker(concurrency=2, fetch_job_polling_interval=1.0, delete_jobs="successful")


@app.command()
def createadmin(
    username: Annotated[str, typer.Argument(help="Sign-in name of the new member of staff.")],
    role: Annotated[str, typer.Option(help="reviewer, head, district, city or auditor.")] = "city",
    scope: Annotated[str, typer.Option(help="School code or district key; empty for the city.")] = "",
    name: Annotated[str, typer.Option(help="Name shown on pages.")] = "",
) -> None:
    """Creates a staff account; asks for its password."""
    django()
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from ruxue.accounts.models import Role, StaffRole, User

    if role not in Role.values:
        raise StartError(f"There is no role {role}. Known: {', '.join(Role.values)}.")
    if User.objects.filter(username=username).exists():
        raise StartError(f"There is an account named {username} already.")
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        validate_password(password)
    except ValidationError as error:
        raise StartError(" ".join(error.messages)) from error
    StaffRole.objects.create(user=User.objects.staff(username, password, name or username), role=role, scope=scope)
    console.print(f"{username} can sign in at /staff/.")


@app.command()
def verify(bundle: Annotated[Path, typer.Argument(help="A published bundle (JSON).")]) -> None:
    """Recomputes a published draw from its bundle alone: commitments, seed, result, and its place in the public log."""
    from ruxue.algorithms.bundle import verify_bundle

    try:
        body = json.loads(bundle.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StartError(f"{bundle} can't be read as a bundle: {error}") from error
    steps = verify_bundle(body)
    for step in steps:
        console.print(
            f"[{'green' if step.ok else 'red'}]{'✓' if step.ok else '✗'}[/] {step.zh}\n  {step.en}", highlight=False
        )
    if not steps[-1].ok:
        raise typer.Exit(1)
    console.print("[green]All of it agrees. 全部一致。[/]")


@departments_app.command("serve")
def departments_serve(
    registers: Annotated[Path, typer.Option(help="The registers' SQLite file.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8101,
) -> None:
    """Serves the simulated departments over HTTP; RUXUE_DEPARTMENTS_CONFIG sets latency, limits and faults."""
    processes.require_free(port, "the simulated departments", "--port")
    if not registers.exists():
        raise StartError(f"There is no file {registers}. `ruxue run` and `ruxue season` make one.")
    os.environ["RUXUE_REGISTERS"] = str(registers)
    os.execv(sys.executable, processes.departments_command("127.0.0.1", port))


@departments_app.command("list")
def departments_list() -> None:
    """Lists the 18 items: who holds them, what is asked, and why."""
    from ruxue.exchange.items import CATALOGUE, DEPARTMENT_NAMES

    table = Table("item", "department", "what", "keys", "purpose")
    for item in CATALOGUE.values():
        table.add_row(item.code, DEPARTMENT_NAMES[item.department][1], item.en, ", ".join(item.keys), item.purpose_en)
    console.print(table)


@policy_app.command("check")
def policy_check(file: Annotated[Path, typer.Argument(help="A policy (YAML).")]) -> None:
    """Checks a policy; an error names the line, the key and the likely fix."""
    from ruxue.policy import language

    try:
        policy = language.load_file(file)
    except OSError as error:
        raise StartError(f"{file} can't be read: {error}") from error
    except language.PolicyError as error:
        where = f"{file}, line {error.line}" if error.line else str(file)
        raise StartError(f"{where}\n{error.zh}\n{error.en}") from error
    console.print(
        f"{policy.id} version {policy.version} for {policy.district} {policy.season}: {len(policy.categories)} categories, digest {language.digest(policy)[:16]}"
    )


@policy_app.command("explain")
def policy_explain(
    file: Annotated[Path, typer.Argument(help="A policy (YAML).")],
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """Prints a policy in plain words, as its public page shows it."""
    from ruxue.policy import language as lang_module
    from ruxue.policy.explain import render

    for category in render(lang_module.load_file(file), "en" if language == "en" else "zh"):
        console.print(f"[bold]{category.code}[/] {category.title}")
        for title, conditions in category.bases:
            console.print(f"  {title}")
            for condition in conditions:
                console.print(f"    · {condition}")


def main() -> None:
    """Entry point: errors that a person can mend are told in one sentence, without a traceback."""
    try:
        app(standalone_mode=True)
    except (StartError, StartFailed) as error:
        Console(stderr=True).print(f"[red]✗[/] {error}", highlight=False)
        sys.exit(1)
    except OSError as error:
        if error.errno == 28:
            Console(stderr=True).print(
                "[red]✗[/] The disk is full. Free some space and start again; what was stored is kept.", highlight=False
            )
            sys.exit(1)
        raise
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
