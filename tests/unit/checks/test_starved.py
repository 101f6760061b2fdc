"""A starved machine excuses lateness up to what processes waited for a core, and nothing else."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, END, healthy
from tests.history_builder import HistoryBuilder, ProcessRow, ns
from tests.unit.checks.asking import rescripted, result
from tests.unit.checks.test_timeout import lasting
from workbench.model.verdict import Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def starving(run: HistoryBuilder, waited_s: float, *, process: str = "orders") -> HistoryBuilder:
    """Let a process wait so long for a core in every second of the run."""
    run.processes += [
        ProcessRow(ns(second), process, 77, 0.1 * second, waited_s=waited_s * second) for second in range(int(END) + 3)
    ]
    return run


def late_browsing(seconds: float) -> HistoryBuilder:
    """Every browse of baseline and fault takes so long, where 500 ms is wanted of 95 %."""
    run = rescripted(healthy(), slos=[{"slo": "browse-latency", "phases": ["fault"], "target": 0.9}], expect=[])
    for row in run.in_phase("fault", "browse"):
        row.ended = row.started + ns(seconds)
    return run


def test_a_second_with_little_waiting_is_no_starvation() -> None:
    history = starving(healthy(), 0.19).build()
    assert not history.was_starved()


def test_starvation_between_two_moments_is_at_most_their_distance() -> None:
    history = starving(healthy(), 0.4).build()
    assert history.starved_ns(ns(10.1), ns(10.2)) == ns(0.1)
    assert history.starved_ns(ns(10.1), ns(10.9)) == ns(0.4)
    assert history.longest_starved_ns(ns(5), ns(20)) == ns(0.4)


@pytest.mark.parametrize(
    ("lasts_s", "waited_s", "outcome"),
    [(0.8, 0.0, FAIL), (0.8, 0.4, INCONCLUSIVE), (2.5, 0.4, FAIL), (0.4, 0.4, PASS)],
)
def test_late_journeys_are_excused_by_what_processes_waited(lasts_s: float, waited_s: float, outcome: Outcome) -> None:
    """2.5 s reach over at most four seconds with 0.4 s of waiting each; what is left is still more than 500 ms."""
    run = late_browsing(lasts_s)
    seen = result(starving(run, waited_s), "A16:browse-latency")
    assert seen.outcome is outcome
    assert ("starved" in seen.reason) is (outcome is INCONCLUSIVE)


@pytest.mark.parametrize(("waited_s", "outcome"), [(0.0, FAIL), (0.3, INCONCLUSIVE)])
def test_attempts_beyond_their_timeout_are_excused_one_by_one(waited_s: float, outcome: Outcome) -> None:
    run = healthy()
    lasting(run, run.on_edge(EDGE, hit=True)[5], plane_s=0.9)
    assert result(starving(run, waited_s), "A10:orders:payments").outcome is outcome


def test_one_attempt_that_starvation_does_not_explain_is_enough() -> None:
    run = starving(healthy(), 0.3)
    lasting(run, run.on_edge(EDGE, hit=True)[4], plane_s=0.9)
    lasting(run, run.on_edge(EDGE, hit=True)[5], plane_s=5.0)
    assert result(run, "A10:orders:payments").outcome is FAIL


def test_failed_journeys_are_never_excused() -> None:
    run = starving(healthy(), 0.9)
    for row in run.in_phase("fault", "checkout")[:60]:
        row.outcome = "failed"
    assert result(run, "A16:checkout-availability").outcome is FAIL


def test_nothing_is_excused_where_waiting_is_not_counted() -> None:
    run = late_browsing(0.8)
    run.processes += [ProcessRow(ns(second), "orders", 77, 0.1 * second, waited_s=None) for second in range(60)]
    assert result(run, "A16:browse-latency").outcome is FAIL
