"""`ruxue migrate`, `ruxue worker`, `ruxue createadmin`: what an installation needs."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from ruxue.cli.base import console, django, migrate_database
from ruxue.processes import StartError


def migrate() -> None:
    """Creates or updates the database's tables."""
    django()
    migrate_database()
    console.print("The database is up to date.")


def worker() -> None:
    """Runs the background work: verification and the sealing of the log. Start as many as you like, on any machine."""
    django()
    from procrastinate.contrib.django import app as jobs

    from ruxue.exchange import connections

    try:
        connections.current()
    except connections.ConnectionsError as error:
        raise StartError(str(error)) from error
    runner = jobs.with_connector(jobs.connector.get_worker_connector())  # type: ignore[attr-defined]
    options: dict[str, Any] = {"fetch_job_polling_interval": 1.0, "delete_jobs": "successful"}

    async def both() -> None:
        async with runner.open_async():
            # One check at a time takes all families along; what must not wait behind it has a line of its own.
            upkeep = asyncio.create_task(
                runner.run_worker_async(queues=["upkeep", "what_if"], install_signal_handlers=False, **options)
            )
            try:
                await runner.run_worker_async(queues=["verify"], **options)
            finally:
                upkeep.cancel()
                await asyncio.gather(upkeep, return_exceptions=True)

    asyncio.run(both())


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
