"""Background work that pages ask for: a what-if may take long, and the page that asked may be left."""

from __future__ import annotations

from procrastinate.contrib.django import app


@app.task(name="what_if", queue="what_if")
def what_if(pk: int) -> None:
    """Runs a what-if; it reads families and writes only its own row."""
    from ruxue.insight import whatif
    from ruxue.simulation.whatif import families

    whatif.run(pk, families)


def what_if_later(pk: int) -> None:
    """Enqueues the run within the caller's transaction."""
    what_if.defer(pk=pk)
