"""What the collector tells scrapers of a run."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from workbench.collector.run_metrics import Lost, RunMetrics
from workbench.collector.wire import RunNow, SliCount
from workbench.model.loadjob import Progress
from workbench.model.slo import OUTCOMES

NOTHING = Lost(spans_not_forwarded=0, spans_rejected=0, rows={"spans": 0}, scrapes={"orders": {"failed": 0}})
SAID_OF_TELEMETRY = {
    ("workbench_spans_not_forwarded_total", ()): 0,
    ("workbench_spans_rejected_total", ()): 0,
    ("workbench_rows_dropped_total", ("spans",)): 0,
    ("workbench_scrapes_total", ("failed", "orders")): 0,
}
RUN = RunNow(
    run="r1",
    scenario="spike",
    phases=["baseline", "fault"],
    journeys=["browse"],
    slis={"a": SliCount(good=0, total=0)},
    objectives={"a": 0.95},
    faults={"slow": "orders:payments"},
)


def read(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(state: RunNow, lost: Lost = NOTHING) -> dict[tuple[str, tuple[str, ...]], float]:
    metrics = RunMetrics()
    metrics.now(state)
    return read(metrics.render(lost, []))


def progress(finished: int, p95_ns: int | None) -> Progress:
    outcomes = dict.fromkeys(OUTCOMES, 0) | {"ok": finished}
    return Progress(
        at_ns=1,
        planned=9,
        dispatched=8,
        finished=finished,
        in_flight=1,
        queued=0,
        users=3,
        outcomes=outcomes,
        p95_ns=p95_ns,
        lag_p99_ns=None,
        slis={},
        journeys={"browse": outcomes},
        rows_error=None,
    )


def test_everything_is_there_at_zero_before_anything_is_counted() -> None:
    assert {
        ("workbench_run_info", ("r1", "spike")): 1,
        ("workbench_phase_active", ("baseline",)): 0,
        ("workbench_phase_active", ("fault",)): 0,
        ("workbench_fault_active", ("slow", "orders:payments")): 0,
        ("workbench_sli_events_total", ("a",)): 0,
        ("workbench_sli_good_total", ("a",)): 0,
        ("workbench_slo_objective", ("a",)): 0.95,
        ("workbench_arrivals_planned_total", ()): 0,
        ("workbench_arrivals_dispatched_total", ()): 0,
        **SAID_OF_TELEMETRY,
    } | {("workbench_journeys_total", ("browse", outcome)): 0 for outcome in OUTCOMES} == told(RUN)


def test_the_latest_state_counts() -> None:
    metrics = RunMetrics()
    for on, total in ((["slow"], 7), ([], 9)):
        metrics.now(RUN.model_copy(update={"slis": {"a": SliCount(good=5, total=total)}, "on": on, "phase": "fault"}))
        seen = read(metrics.render(NOTHING, []))
        assert total == seen["workbench_sli_events_total", ("a",)]
        assert len(on) == seen["workbench_fault_active", ("slow", "orders:payments")]
        assert (0, 1) == tuple(seen["workbench_phase_active", (phase,)] for phase in RUN.phases)


def test_what_the_load_has_no_figure_of_is_missing_and_not_0() -> None:
    slow = told(RUN.model_copy(update={"progress": progress(7, 250_000_000)}))
    assert 7 == slow["workbench_journeys_total", ("browse", "ok")]
    assert (9, 8) == tuple(slow[f"workbench_arrivals_{name}_total", ()] for name in ("planned", "dispatched"))
    assert 0.25 == slow["workbench_journey_p95_seconds", ()]
    assert ("workbench_load_lag_p99_seconds", ()) not in slow
    assert ("workbench_journey_p95_seconds", ()) not in told(RUN.model_copy(update={"progress": progress(0, None)}))


def test_without_a_run_there_is_still_something_to_join_with() -> None:
    """Queries are joined with the run's info; where nobody runs anything they still have to give something."""
    assert {("workbench_run_info", ("", "")): 1, **SAID_OF_TELEMETRY} == told(RunNow())
    ended = told(RUN.model_copy(update={"run": None}))
    assert 1 == ended["workbench_run_info", ("", "")]
    assert 0 == ended["workbench_sli_events_total", ("a",)], "counters stay until the next run: alerts still look"


def test_processes_are_told_as_they_were_measured() -> None:
    seen = read(RunMetrics().render(NOTHING, [(5, "orders", 77, 1.25, 4096, None)]))
    assert 1.25 == seen["workbench_process_cpu_seconds_total", ("orders",)]
    assert 4096 == seen["workbench_process_resident_bytes", ("orders",)]
    assert ("workbench_run_info", ("", "")) in seen


def test_what_was_lost_is_told_by_where_it_was_lost() -> None:
    lost = Lost(3, 4, {"spans": 5}, {"orders": {"failed": 6}})
    seen = told(RunNow(), lost)
    assert [3, 4, 5, 6] == [seen[name] for name in SAID_OF_TELEMETRY]
