"""The shared time axis and the charts on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.histories import record
from tests.unit.reporting.runs import EDGE, FAULT, ON, healthy, nothing
from workbench.model.events import FaultLost, FaultOff, LoadStarted, LoadStopped, PhaseStarted
from workbench.model.history import History
from workbench.model.units import NS_PER_S
from workbench.pages.axis import Axis
from workbench.pages.charts import Chart
from workbench.reporting.journey_charts import journey_charts
from workbench.reporting.timeline import axis, fault_bands, starved

_CONNECTION = healthy().build().connection


def of(history: History, most: int = 300) -> Axis:
    found = axis(history, most)
    assert found is not None
    return found


def chart(history: History, id_: str) -> tuple[Axis, Chart]:
    """Return one of the journeys' charts."""
    found = of(history)
    return found, next(c for c in journey_charts(history, found) if c.id == id_)


def values(found: Chart, label: str) -> tuple[float | None, ...]:
    return next(series.values for series in found.series if series.label == label)


def test_a_run_without_load_has_no_axis() -> None:
    """Nothing to draw is not a chart of zeros."""
    assert axis(nothing().build(), 300) is None


@given(st.integers(1, 10**7), st.integers(1, 400))
def test_no_run_is_too_long_for_its_points(seconds: int, most: int) -> None:
    """At most so many slots, which cover the run but for a remainder too short to say anything."""
    journal = (LoadStarted(at_ns=0), PhaseStarted(at_ns=0, phase="warmup"))
    stopped = LoadStopped(at_ns=seconds * NS_PER_S, journeys=0, unfinished=0)
    history = History(record(), (*journal, stopped), {}, {}, _CONNECTION)
    found = of(history, most)
    assert 1 <= found.slots <= most + 1
    covered = sum(found.width_s(slot) for slot in range(found.slots))
    assert (found.end_ns - found.start_ns) / NS_PER_S - covered <= 0.3 * found.slot_ns / NS_PER_S + 1e-6


def test_rates_count_what_began_in_a_slot() -> None:
    """Twelve a second were planned, and twelve came."""
    found, arrivals = chart(healthy().build(), "arrivals")
    assert found.slot_ns == NS_PER_S
    assert {12.0} == set(values(arrivals, "planned")[:60])
    assert {12.0} == set(values(arrivals, "achieved")[:60])


def test_the_last_slot_is_a_rate_of_what_it_covers() -> None:
    """Half a slot with half the arrivals is the same rate."""
    cut = Axis(0, 10_500_000_000, NS_PER_S)
    assert cut.slots == 11
    assert cut.rates({9: 12, 10: 6})[-2:] == (12.0, 12.0)
    assert Axis(0, 10_200_000_000, NS_PER_S).slots == 10


def test_late_dispatch_shows_in_achieved_arrivals() -> None:
    """Achieved belongs to the moment of the dispatch, planned to the intended one."""
    run = healthy()
    for journey in run.journeys:
        if journey.intended // NS_PER_S == 10:
            journey.dispatched += NS_PER_S
    _, arrivals = chart(run.build(), "arrivals")
    assert (values(arrivals, "planned")[10], values(arrivals, "achieved")[10:12]) == (12.0, (0.0, 24.0))


def test_a_slot_without_journeys_has_no_latency() -> None:
    """It is a gap, not 0 ms."""
    run = healthy()
    run.journeys = [j for j in run.journeys if j.intended // NS_PER_S != 10]
    _, latency = chart(run.build(), "latency-browse")
    assert values(latency, "p95")[9:12] == (20.0, None, 20.0)


def test_latency_counts_from_the_intended_start_and_service_time_does_not() -> None:
    """The wait for a free user is the difference."""
    run = healthy()
    for journey in run.in_phase("baseline", "browse"):
        journey.started += 80_000_000
        journey.ended += 80_000_000
    _, latency = chart(run.build(), "latency-browse")
    assert (values(latency, "p50")[5], values(latency, "service time p95")[5]) == (100.0, 20.0)


def test_journeys_not_served_in_full_are_told_apart() -> None:
    """Degraded, indeterminate and failed, each as a rate."""
    run = healthy()
    run.in_phase("baseline", "browse")[0].outcome = "failed"
    run.in_phase("baseline", "browse")[1].outcome = "indeterminate"
    _, outcomes = chart(run.build(), "outcomes")
    assert outcomes.stacked
    assert [values(outcomes, name)[3] for name in ("degraded", "indeterminate", "failed")] == [0.0, 1.0, 1.0]
    assert values(outcomes, "degraded")[30] == 6.0


def test_what_was_not_recorded_is_no_chart_of_zeros() -> None:
    """Each chart says what is missing."""
    run = healthy()
    run.journeys.clear()
    run.arrivals.clear()
    history = run.build()
    for found in journey_charts(history, of(history)):
        assert found.missing
        assert found.series == ()


def test_a_lost_fault_ends_on_the_axis_where_it_was_lost() -> None:
    """Not where its undo was verified."""
    run = healthy()
    run.journal.append(FaultLost(at_ns=30 * NS_PER_S, fault=FAULT, target=EDGE, reason="lease expired"))
    history = run.build()
    (band,) = fault_bands(history, of(history))
    assert (band.on_s, band.off_s, band.ended) == (ON, 30.0, "then lost")


def test_a_fault_that_never_went_off_reaches_to_the_end() -> None:
    """And is not called verified."""
    run = healthy()
    run.drop(FaultOff)
    history = run.build()
    (band,) = fault_bands(history, of(history))
    assert band.off_s == pytest.approx(63.1)
    assert band.ended == "never verified off"


def test_seconds_in_which_a_process_had_no_core_are_told() -> None:
    """Neighbouring ones as one stretch; without them nothing is hatched."""
    run = healthy()
    history = run.build()
    assert starved(history, of(history)) == []
    for row in run.processes:
        row.waited_s = 0.5 * min(max(row.time // NS_PER_S - 10, 0), 3)  # from 11 to 13 s
    history = run.build()
    (stretch,) = starved(history, of(history))
    assert stretch == pytest.approx((10.1, 13.1))
