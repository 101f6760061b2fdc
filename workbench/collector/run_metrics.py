"""What the collector itself tells scrapers: how the run goes as its users feel it, and what of telemetry was lost.

Rules and alerts of SLOs are made on these series. Every label set is there at 0 before anything is counted. The run
is told once, as `workbench_run_info`, and never as a label of what is measured: a query joins the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from workbench.collector.processes import Row
from workbench.collector.wire import RunNow
from workbench.model.slo import OUTCOMES
from workbench.model.units import NS_PER_S

TOTAL, GOOD = "workbench_sli_events", "workbench_sli_good"


@dataclass(frozen=True, slots=True)
class Lost:
    """Telemetry that is missing somewhere, counted since the collector began."""

    spans_not_forwarded: int
    spans_rejected: int
    rows: Mapping[str, int]
    """By table."""
    scrapes: Mapping[str, Mapping[str, int]]
    """All of them, by target and by how they ended."""


class RunMetrics:
    """The state that the runner told last, as metrics."""

    def __init__(self) -> None:
        self._now = RunNow()
        self._lost: Lost | None = None
        self._processes: Sequence[Row] = ()
        self._registry = CollectorRegistry()
        self._registry.register(_Families(self))

    def now(self, state: RunNow) -> None:
        """Take the state of the run that goes on."""
        self._now = state

    def render(self, lost: Lost, processes: Sequence[Row]) -> str:
        """Return the exposition. `processes`: as measured last, none while nothing is recorded."""
        self._lost, self._processes = lost, processes
        return generate_latest(self._registry).decode()

    def families(self) -> Iterator[Metric]:
        """Yield all metrics with their values."""
        yield from _of_run(self._now)
        yield from _of_load(self._now)
        yield from _of_processes(self._processes)
        if self._lost is not None:
            yield from _of_telemetry(self._lost)


def _of_run(now: RunNow) -> Iterator[Metric]:
    # always there, so that queries can be joined with it; without a run its labels are empty
    info = GaugeMetricFamily("workbench_run_info", "The run that goes on", labels=["run", "scenario"])
    info.add_metric([now.run or "", now.scenario if now.run else ""], 1)
    phase = GaugeMetricFamily("workbench_phase_active", "1 while a phase goes on", labels=["phase"])
    for name in now.phases:
        phase.add_metric([name], name == now.phase)
    fault = GaugeMetricFamily("workbench_fault_active", "1 while a fault is on", labels=["fault", "target"])
    for name, target in now.faults.items():
        fault.add_metric([name, target], name in now.on)
    total = CounterMetricFamily(TOTAL, "Journeys that count for an SLO", labels=["slo"])
    good = CounterMetricFamily(GOOD, "Journeys that were good by an SLO", labels=["slo"])
    for name, count in now.slis.items():
        total.add_metric([name], count.total)
        good.add_metric([name], count.good)
    objective = GaugeMetricFamily("workbench_slo_objective", "Share that is to be good", labels=["slo"])
    for name, share in now.objectives.items():
        objective.add_metric([name], share)
    yield from (info, phase, fault, total, good, objective)


def _of_load(now: RunNow) -> Iterator[Metric]:
    ended = CounterMetricFamily("workbench_journeys", "Journeys that ended", labels=["journey", "outcome"])
    progress = now.progress
    for journey in now.journeys:
        for outcome in OUTCOMES:
            ended.add_metric([journey, outcome], 0 if progress is None else progress.journeys[journey][outcome])
    yield ended
    for name, count in (
        ("planned", 0 if progress is None else progress.planned),
        ("dispatched", 0 if progress is None else progress.dispatched),
    ):
        if now.journeys:
            yield CounterMetricFamily(f"workbench_arrivals_{name}", f"Arrivals {name} so far", value=count)
    if progress is None:
        return
    yield GaugeMetricFamily("workbench_journeys_in_flight", "Journeys that go on", value=progress.in_flight)
    for name, text, ns in (
        ("journey_p95", "95th percentile over 5 s, from the intended start", progress.p95_ns),
        ("load_lag_p99", "How late the load is, 99th percentile over 5 s", progress.lag_p99_ns),
    ):
        if ns is not None:
            yield GaugeMetricFamily(f"workbench_{name}_seconds", text, value=ns / NS_PER_S)


def _of_processes(rows: Sequence[Row]) -> Iterator[Metric]:
    cpu = CounterMetricFamily("workbench_process_cpu_seconds", "CPU time used by a process", labels=["process"])
    memory = GaugeMetricFamily("workbench_process_resident_bytes", "Memory held by a process", labels=["process"])
    for _, name, _, cpu_s, resident, _ in rows:
        cpu.add_metric([name], cpu_s)
        memory.add_metric([name], resident)
    yield from (cpu, memory)


def _of_telemetry(lost: Lost) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "workbench_spans_not_forwarded", "Spans that another receiver did not take", value=lost.spans_not_forwarded
    )
    yield CounterMetricFamily("workbench_spans_rejected", "Spans without valid ids", value=lost.spans_rejected)
    rows = CounterMetricFamily("workbench_rows_dropped", "Rows that could not be kept", labels=["table"])
    for table, count in lost.rows.items():
        rows.add_metric([table], count)
    scrapes = CounterMetricFamily("workbench_scrapes", "Scrapes by how they ended", labels=["target", "end"])
    for target, ends in lost.scrapes.items():
        for end, count in ends.items():
            scrapes.add_metric([target, end], count)
    yield from (rows, scrapes)


class _Families(Collector):
    def __init__(self, metrics: RunMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return self._metrics.families()
