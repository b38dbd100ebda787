"""Background work of applications, over Procrastinate: a job is stored in the transaction of the row that it serves."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection
from procrastinate.contrib.django import app

RUN = 120.0  # seconds after which a job ends and a fresh one goes on, so that none runs for a night
BEFORE_DECISION = timedelta(days=3)


@app.task(name="verify", queue="verify")
def verify(application: int) -> None:
    """Checks all waiting applications, this one among them, until nothing is due soon or its time is over."""
    from ruxue.applications.verify import unfinished, verify_waiting

    verify_waiting(seconds=RUN, linger=5.0)
    if unfinished():
        verify_later(0)


@app.periodic(cron="* * * * *")
@app.task(name="sweep", queue="upkeep", queueing_lock="sweep")
def sweep(timestamp: int) -> None:
    """Once a minute: goes on where a worker died, has asked again what is due, and seals the log."""
    from ruxue.applications import disputes
    from ruxue.applications.verify import wake_forgotten
    from ruxue.ledger import log

    wake_forgotten()
    verify_later(0)
    disputes.exchange()
    if settings.SEAL_BY_WORKER:
        log.seal()


@app.periodic(cron="40 3 * * *")
@app.task(name="nightly", queue="upkeep", queueing_lock="nightly")
def nightly(timestamp: int) -> None:
    """Once a night: asks again what is too old for who looks at papers or will be for the decision ahead, deletes what
    the season's rule ends.

    Where the clock is moved, a demo or a rehearsal says itself when.
    """
    from ruxue.applications import retention, verify
    from ruxue.applications.models import Application
    from ruxue.exchange import health
    from ruxue.ledger import clock
    from ruxue.places.models import Season, Window

    if clock.is_moved():
        return
    now = clock.now()
    ahead = Window.objects.filter(kind=Window.Kind.PUBLICATION, opens_at__range=(now, now + BEFORE_DECISION))
    for window in ahead.select_related("season"):
        verify.refresh(window.season, window.opens_at)
    waiting = Application.objects.filter(state__in=verify.BEFORE_A_PERSON).values("season")
    for season in Season.objects.filter(pk__in=waiting):
        verify.refresh(season, now, verify.BEFORE_A_PERSON)
    for season in Season.objects.filter(retention_until__lt=clock.today()):
        retention.erase(season)
    health.fold()


def verify_later(application: int) -> None:
    """Sees to it, within the caller's transaction, that a check begins after it.

    One waiting job serves all applications. The lock on it keeps workers from taking it before the caller commits.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select from procrastinate_jobs
            where queue_name = 'verify' and status = 'todo' and scheduled_at is null
            limit 1 for key share skip locked
            """
        )
        waiting = cursor.rowcount
        if not waiting:
            verify.defer(application=application)
