"""How the departments are: numbers by item for pages, alarms and metrics, and words for who waits for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Min, Sum
from django.utils import timezone

from ruxue.exchange import connections, delivery
from ruxue.exchange.items import Department
from ruxue.exchange.models import Health, Outstanding, Tally
from ruxue.ledger import clock

KEEP_HOURS = timedelta(days=60)
BEGINNING = datetime.fromtimestamp(0, tz=clock.CITY_ZONE)
OVERDUE = timedelta(minutes=30)
LATELY = timedelta(hours=3)  # an alarm ends that long after its cause: a failing question is asked within 1.4 hours


@dataclass
class ItemHealth:
    """One item over a span of time. Latency in seconds by request; `differs` counts answers of no by claimed field.

    `state` is open, closed (by hours), broken (breaker open) or trying (half open). `next_try` is platform time.
    """

    item: str
    department: Department
    state: str
    queue: int = 0
    oldest: datetime | None = None
    next_try: datetime | None = None
    failing_since: datetime | None = None
    last_answer_at: datetime | None = None
    last_error: str = ""
    asked: int = 0
    answers: int = 0
    matched: int = 0
    mismatched: int = 0
    no_record: int = 0
    stale: int = 0
    requests: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    differs: dict[str, int] = field(default_factory=dict)
    latency: dict[float, int] = field(default_factory=dict)
    latency_sum: float = 0.0
    alarms: list[str] = field(default_factory=list)

    @property
    def fault(self) -> str:
        """The kind of the last failed request, "" where the last one succeeded; `detail` is its status or message."""
        return self.last_error.partition(" ")[0]

    @property
    def detail(self) -> str:
        """A status of HTTP, or words about what can't be used; the name of a programmer's error says nothing to staff."""
        said = self.last_error.partition(" ")[2]
        return said if said.isdigit() or " " in said else ""

    @property
    def failures(self) -> int:
        """Questions that an asking did not answer; each is asked again."""
        return sum(self.failed.values())

    def percentile(self, share: float) -> float | None:
        """Latency below which `share` of the requests ended, interpolated within its bucket; None without requests."""
        total, below, low = sum(self.latency.values()), 0, 0.0
        if not total:
            return None
        for bound in sorted(self.latency):
            n = self.latency[bound]
            if n and below + n >= share * total:
                top = bound if bound != float("inf") else 2 * delivery.LATENCY[-1]
                return low + (top - low) * (share * total - below) / n
            below, low = below + n, bound
        return low

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts of requests by upper bound in seconds, as Prometheus wants them."""
        total, found = 0, []
        for bound in (*delivery.LATENCY, float("inf")):
            total += self.latency.get(bound, 0)
            found.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
        return found

    @property
    def p50(self) -> float | None:
        return self.percentile(0.5)

    @property
    def p99(self) -> float | None:
        return self.percentile(0.99)


def shown(real: datetime) -> datetime:
    """A moment of real time on the platform's clock, which a demo may have moved."""
    return clock.now() + (real - timezone.now())


def items(since: datetime | None = None) -> list[ItemHealth]:
    """Every connected item, in the catalogue's order. `since`, in real time, limits what is counted."""
    setups = connections.current().items()
    stored = Health.objects.in_bulk()
    queue = {
        q["item"]: (q["n"], q["oldest"], q["due"])
        for q in Outstanding.objects.filter(since__lte=timezone.now())
        .values("item")
        .annotate(n=Count("pk"), oldest=Min("since"), due=Min("next_try_at"))
    }
    tallies = Tally.objects.all() if since is None else Tally.objects.filter(hour__gte=since)
    now, found = timezone.now(), {}
    for item, setup in setups.items():
        row = stored.get(item) or Health(item=item)
        n, oldest, due = queue.get(item, (0, None, None))
        broken = row.failures >= delivery.TRIES_BEFORE_OPEN
        opening = setup.hours.next_opening(now)
        state = "closed" if opening > now else "open"
        if state == "open" and broken:
            state = "broken" if row.open_until and row.open_until > now else "trying"
        waits = [t for t in (opening, row.open_until if broken else None, due) if t and t > now]
        found[item] = ItemHealth(
            item,
            delivery.ITEMS[item].department,
            state,
            n,
            shown(oldest) if oldest else None,
            shown(max(waits)) if waits and (n or state != "open") else None,
            row.failing_since,
            row.last_answer_at,
            row.last_error,
        )
    for item, kind, total in tallies.values_list("item", "kind").annotate(total=Sum("n")):
        if item in found:
            _put(found[item], kind, total)
    for item, recent in _lately(found).items():
        found[item].alarms = _alarms(found[item], recent)
    return list(found.values())


def _lately(found: dict[str, ItemHealth]) -> dict[str, ItemHealth]:
    """What alarms look at: failures and latency of the last hours; answers from old copies of a day, as long as they
    stand before they are asked again."""
    now = timezone.now()
    recent = {item: ItemHealth(item, health.department, health.state) for item, health in found.items()}
    totals: Counter[tuple[str, str]] = Counter()
    rows = Tally.objects.filter(hour__gte=now - timedelta(days=1), item__in=recent)
    for item, kind, hour, n in rows.values_list("item", "kind", "hour", "n"):
        if hour >= now - LATELY or kind in ("answers", "stale"):
            totals[item, kind] += n
    for (item, kind), n in totals.items():
        _put(recent[item], kind, n)
    return recent


def _put(health: ItemHealth, kind: str, n: int) -> None:
    head, _, tail = kind.partition(".")
    if head == "latency":
        health.latency[float("inf") if tail == "more" else float(tail)] = n
    elif head == "milliseconds":
        health.latency_sum = n / 1000
    elif head == "failed":
        health.failed[tail] = n
    elif head == "differs":
        health.differs[tail] = n
    elif kind == "match.Y":
        health.matched = n
    elif kind == "match.N":
        health.mismatched = n
    elif kind == "code.1":
        health.no_record = n
    elif head in ("asked", "answers", "requests", "stale"):
        setattr(health, head, n)


def _alarms(health: ItemHealth, recent: ItemHealth) -> list[str]:
    """What a person should look at now: silent, waiting, unsigned, malformed, contradicting, refused, stale, slow."""
    found = []
    if health.state in ("broken", "trying"):
        found.append("silent")
    if health.state == "open" and health.oldest and clock.now() - health.oldest > OVERDUE:
        found.append("waiting")
    found += [kind for kind in ("unsigned", "malformed", "contradicting", "refused") if recent.failed.get(kind)]
    if recent.answers and recent.stale > 0.01 * recent.answers:
        found.append("stale")
    if (p99 := recent.p99) is not None and p99 > 8 and sum(recent.latency.values()) >= 20:
        found.append("slow")
    return found


@dataclass(frozen=True)
class Silence:
    """A department that keeps a family waiting. `closed` by its hours; else it does not answer. `until`: asked again."""

    department: Department
    closed: bool
    until: datetime | None


def silences(subject: str) -> list[Silence]:
    """Departments that owe a family an answer and have failed to give it, or are closed now."""
    now, setups = timezone.now(), connections.current().items()
    stored = Health.objects.in_bulk()
    found: dict[Department, Silence] = {}
    for row in Outstanding.objects.filter(subject=subject, renewal=False).order_by("next_try_at"):
        setup, department = setups.get(row.item), delivery.ITEMS[row.item].department
        if setup is None:
            continue
        opening = setup.hours.next_opening(now)
        health = stored.get(row.item)
        broken = health is not None and health.failures >= delivery.TRIES_BEFORE_OPEN
        if opening <= now and not broken and not row.failures:
            continue
        until = max([t for t in (opening, health.open_until if broken and health else None, row.next_try_at) if t])
        if department not in found or (found[department].until or until) > shown(until):
            found[department] = Silence(department, opening > now, shown(until) if until > now else None)
    return list(found.values())


@transaction.atomic
def fold() -> None:
    """Adds hours that are long past into one row for each count: totals go on growing, the table does not."""
    old = timezone.now() - KEEP_HOURS
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with gone as (
              delete from exchange_tally where hour < %(old)s and hour > %(beginning)s returning item, kind, n
            )
            insert into exchange_tally as t (item, hour, kind, n)
            select item, %(beginning)s, kind, sum(n) from gone group by item, kind
            on conflict (item, hour, kind) do update set n = t.n + excluded.n
            """,
            {"old": old, "beginning": BEGINNING},
        )
