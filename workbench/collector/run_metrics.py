"""What the collector itself tells scrapers: SLIs as users of the run felt them, and the windows of its faults.

Rules and alerts of SLOs are made on these series. Every label set is there at 0 before anything is counted.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from workbench.collector.wire import RunNow

TOTAL, GOOD = "workbench_sli_events", "workbench_sli_good"


class RunMetrics:
    """The state that the runner told last, as metrics."""

    def __init__(self) -> None:
        self._now = RunNow()
        self._dropped = 0
        self._registry = CollectorRegistry()
        self._registry.register(_Families(self))

    def now(self, state: RunNow) -> None:
        """Take the state of the run that goes on."""
        self._now = state

    def render(self, spans_dropped: int) -> str:
        """Return the exposition. `spans_dropped`: not passed on to Jaeger."""
        self._dropped = spans_dropped
        return generate_latest(self._registry).decode()

    def families(self) -> list[Metric]:
        """Return all metrics with their values."""
        total = CounterMetricFamily(TOTAL, "Journeys that count for an SLO", labels=["slo"])
        good = CounterMetricFamily(GOOD, "Journeys that were good by an SLO", labels=["slo"])
        for name, count in self._now.slis.items():
            total.add_metric([name], count.total)
            good.add_metric([name], count.good)
        fault = GaugeMetricFamily("workbench_fault_active", "1 while a fault is on", labels=["fault", "target"])
        for name, target in self._now.faults.items():
            fault.add_metric([name, target], name in self._now.on)
        dropped = CounterMetricFamily(
            "workbench_spans_not_forwarded", "Spans that another receiver did not take", value=self._dropped
        )
        return [total, good, fault, dropped]


class _Families(Collector):
    def __init__(self, metrics: RunMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics.families()
