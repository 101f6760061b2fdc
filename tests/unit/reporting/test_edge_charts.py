"""Calls, attempts and breakers over time."""

from __future__ import annotations

import json

import pytest

from tests.histories import SCENARIO
from tests.history_builder import MetricRow, ns
from tests.unit.reporting.runs import EDGE, FAULT, healthy, with_breaker
from workbench.model.history import History
from workbench.model.scenario import Scenario
from workbench.pages.axis import Axis
from workbench.pages.charts import Chart
from workbench.reporting.edge_charts import Stretch, breaker_lanes, edge_charts
from workbench.reporting.timeline import axis


def of(history: History) -> Axis:
    found = axis(history, 300)
    assert found is not None
    return found


def charts(history: History) -> dict[str, Chart]:
    return {chart.id: chart for chart in edge_charts(history, of(history))}


def values(found: Chart, label: str) -> tuple[float | None, ...]:
    return next(series.values for series in found.series if series.label == label)


def test_attempts_calls_and_hits_of_the_faulted_edge_are_counted() -> None:
    """Before the fault each call makes one attempt; the open breaker lets no attempt through."""
    found = charts(healthy().build())
    attempts, per_call = found["attempts-orders-payments"], found["per-call-orders-payments"]
    assert [values(attempts, name)[10] for name in ("attempts", "calls", "hit by a fault")] == [6.0, 6.0, 0.0]
    assert [values(attempts, name)[26] for name in ("attempts", "calls", "hit by a fault")] == [0.0, 6.0, 0.0]
    assert max(value or 0 for value in values(attempts, "hit by a fault")) > 0
    assert (values(per_call, "attempts per call")[10], values(per_call, "attempts per call")[26]) == (1.0, 0.0)
    assert max(value or 0 for value in values(per_call, "attempts per call")) > 1


@pytest.mark.parametrize(
    "declared", [{"kind": "kill", "service": "payments"}, {"kind": "packet_loss", "edge": EDGE, "loss": "5%"}]
)
def test_hits_of_a_fault_that_picks_no_request_are_not_counted_rather_than_none(declared: dict[str, str]) -> None:
    run = healthy()
    fault = {"id": FAULT, **declared}
    run.record = run.record.model_copy(update={"scenario": Scenario.model_validate(SCENARIO | {"faults": [fault]})})
    attempts = charts(run.build())["attempts-orders-payments"]
    assert [series.label for series in attempts.series] == ["attempts", "calls"]


def test_a_slot_without_calls_has_no_attempts_per_call() -> None:
    """Nothing by nothing is a gap."""
    run = healthy()
    run.spans = [span for span in run.spans if not 10 <= span.started / 1e9 < 11]
    assert values(charts(run.build())["per-call-orders-payments"], "attempts per call")[10] is None


def test_without_call_spans_attempts_remain() -> None:
    """A system without traces shows what the fault plane saw, and says what is missing."""
    run = healthy()
    run.spans.clear()
    found = charts(run.build())
    assert [series.label for series in found["attempts-orders-payments"].series] == ["attempts", "hit by a fault"]
    assert found["per-call-orders-payments"].missing == f"the caller sends no call spans for {EDGE}"


def test_nothing_on_the_edge_is_said() -> None:
    """And is no line at zero."""
    run = healthy()
    run.spans.clear()
    run.attempts.clear()
    (only,) = charts(run.build()).values()
    assert only.missing == "nothing was seen on this edge"


def test_a_refused_connection_is_an_attempt_that_a_refusing_fault_hit() -> None:
    """The plane sees none of them; the callers' spans do."""
    run = healthy()
    faults = [{"id": FAULT, "kind": "refuse", "edge": EDGE}]
    run.record = run.record.model_copy(update={"scenario": Scenario.model_validate({**SCENARIO, "faults": faults})})
    before = values(charts(run.build())["attempts-orders-payments"], "attempts")
    for span in run.spans:
        if span.outcome == "timeout" and span.attempt is not None:
            span.outcome = "connect_refused"
    run.attempts = [attempt for attempt in run.attempts if not attempt.faults]
    refused = charts(run.build())["attempts-orders-payments"]
    assert values(refused, "attempts") == before
    assert sum(value or 0 for value in values(refused, "hit by a fault")) == 14


def test_without_a_fault_the_busiest_edge_is_shown() -> None:
    """A control has something to look at too."""
    run = healthy()
    run.record = run.record.model_copy(update={"scenario": Scenario.model_validate({**SCENARIO, "faults": []})})
    assert "attempts-front-orders" in charts(run.build())


def test_breakers_are_shown_from_scrape_to_scrape() -> None:
    """Equal states make one stretch; a breaker that never left closed needs no lane."""
    history = with_breaker(healthy()).build()
    lanes = {lane.edge: lane for lane in breaker_lanes(history, of(history))}
    assert list(lanes) == [EDGE]  # front:orders has no breaker by policy, and was never open
    assert lanes[EDGE].stretches == (
        Stretch(0.2, 24.2, "closed"),
        Stretch(24.2, 46.2, "open"),
        Stretch(46.2, 47.2, "half open"),
        Stretch(47.2, 63.1, "closed"),
    )
    assert not lanes[EDGE].calm


def test_a_breaker_that_stayed_closed_is_calm() -> None:
    """It is by its policy that it is known to be there."""
    run = healthy()
    for second in range(60):
        labels = json.dumps({"edge": EDGE})
        run.metrics.append(MetricRow(ns(second), "orders", "workbench_breaker_state", labels, 0.0))
    history = run.build()
    (lane,) = breaker_lanes(history, of(history))
    assert lane.calm


def test_without_metrics_there_are_no_breakers() -> None:
    """Not known is not closed."""
    history = healthy().build()
    assert breaker_lanes(history, of(history)) == []
