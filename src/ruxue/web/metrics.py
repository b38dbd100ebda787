"""/metrics: the exchange's counters for Prometheus. Not public: with the token of RUXUE_METRICS_TOKEN, or from the
machine itself where none is set."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from ruxue.exchange import connections, health


def _allowed(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return secrets.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    local = request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1")
    return local and "X-Forwarded-For" not in request.headers


class _Exchange:
    """Reads the shared tallies at each scrape, so that any web process answers for all workers."""

    def collect(self) -> Iterator[Metric]:
        asked = CounterMetricFamily("ruxue_exchange_asked", "Questions sent, repetitions included", labels=_LABELS)
        answers = CounterMetricFamily("ruxue_exchange_answers", "Answers by result", labels=[*_LABELS, "result"])
        failed = CounterMetricFamily("ruxue_exchange_failed", "Askings without an answer", labels=[*_LABELS, "kind"])
        differs = CounterMetricFamily("ruxue_exchange_differs", "Answers of no by field", labels=[*_LABELS, "field"])
        stale = CounterMetricFamily("ruxue_exchange_stale", "Answers from an old copy", labels=_LABELS)
        latency = HistogramMetricFamily("ruxue_exchange_latency_seconds", "Seconds by request", labels=_LABELS)
        queue = GaugeMetricFamily("ruxue_exchange_queue", "Questions waiting for an answer", labels=_LABELS)
        state = GaugeMetricFamily("ruxue_exchange_state", "1 for the present state", labels=[*_LABELS, "state"])
        alarms = GaugeMetricFamily("ruxue_exchange_alarm", "1 for each alarm that stands", labels=[*_LABELS, "alarm"])
        for row in health.items():
            name = [row.department.value, row.item]
            asked.add_metric(name, row.asked)
            for result, n in (("match", row.matched), ("mismatch", row.mismatched), ("no_record", row.no_record)):
                answers.add_metric([*name, result], n)
            for kind, n in sorted(row.failed.items()):
                failed.add_metric([*name, kind], n)
            for field, n in sorted(row.differs.items()):
                differs.add_metric([*name, field], n)
            stale.add_metric(name, row.stale)
            latency.add_metric(name, row.buckets(), row.latency_sum)
            queue.add_metric(name, row.queue)
            state.add_metric([*name, row.state], 1)
            for alarm in row.alarms:
                alarms.add_metric([*name, alarm], 1)
        faulty = GaugeMetricFamily(
            "ruxue_exchange_connectors_faulty", "1 while the connectors file is wrong and its former state is in force"
        )
        faulty.add_metric([], 1.0 if connections.fault() else 0.0)
        yield from (faulty, asked, answers, failed, differs, stale, latency, queue, state, alarms)


_LABELS = ["department", "item"]


def metrics(request: HttpRequest) -> HttpResponse:
    """The numbers in Prometheus' text format; whoever may not see them is told that there is no such page."""
    if not _allowed(request):
        raise Http404
    registry = CollectorRegistry()
    registry.register(_Exchange())
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")
