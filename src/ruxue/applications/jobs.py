"""Background work of applications, over Procrastinate: a job is stored in the transaction of the row that it serves."""

from __future__ import annotations

from django.conf import settings
from procrastinate.contrib.django import app


@app.task(name="verify", queue="verify")
def verify(application: int) -> None:
    """Checks a batch of waiting applications, this one among them; a later job of the batch finds nothing to do."""
    from ruxue.applications.verify import verify_waiting

    verify_waiting()


@app.periodic(cron="* * * * *")
@app.task(name="sweep", queue="verify", queueing_lock="sweep")
def sweep(timestamp: int) -> None:
    """Once a minute: asks again where a department was silent, and seals the log."""
    from ruxue.applications.verify import verify_waiting
    from ruxue.ledger import log

    verify_waiting()
    if settings.SEAL_BY_WORKER:
        log.seal()


def verify_later(application: int) -> None:
    """Enqueues the check within the caller's transaction."""
    verify.defer(application=application)
