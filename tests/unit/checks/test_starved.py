"""A starved machine excuses lateness up to what processes waited for a core, and what failed while others had them."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, END, FAULT, OFF, ON, UNDO, healthy
from tests.history_builder import HistoryBuilder, ProcessRow, ns
from tests.unit.checks.asking import rescripted, result
from tests.unit.checks.test_process_fault import disturbed, during
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


def failing(journey: str, phase: str = "fault", outcome: str = "failed") -> HistoryBuilder:
    """Sixty journeys of a phase end so."""
    run = healthy()
    for row in run.in_phase(phase, journey)[:60]:
        row.outcome = outcome
    return run


def taking_the_cores(run: HistoryBuilder, cores: float) -> HistoryBuilder:
    """Let a process of the run use so many of the two cores."""
    run.processes += [ProcessRow(ns(second), "payments", 78, cores * second) for second in range(int(END) + 3)]
    return run


SHARES = [
    ("A16:checkout-availability", failing("checkout")),
    ("A12:checkout", failing("checkout")),
    ("A13:browse/errors", failing("browse")),
    ("A12:checkout@baseline/none", failing("checkout", "baseline", "degraded")),
    ("A15:checkout-complete", failing("checkout", "recovery")),
]


@pytest.mark.parametrize(("check", "run"), SHARES, ids=[check for check, _ in SHARES])
def test_journeys_that_failed_while_others_had_the_cores_decide_nothing(check: str, run: HistoryBuilder) -> None:
    assert result(run, check).outcome is FAIL
    seen = result(starving(run, 0.9), check)
    assert seen.outcome is INCONCLUSIVE
    assert "but the machine was starved" in seen.reason


@pytest.mark.parametrize(("cores", "outcome"), [(1.0, INCONCLUSIVE), (1.5, FAIL)])
def test_a_run_that_took_the_cores_itself_has_failed(cores: float, outcome: Outcome) -> None:
    """An overload of the system's own making is what users would feel."""
    run = taking_the_cores(starving(failing("checkout"), 0.9), cores)
    assert result(run, "A16:checkout-availability").outcome is outcome


def test_journeys_that_failed_at_another_time_are_not_excused() -> None:
    run = starving(failing("checkout"), 0.9)
    run.processes = [row for row in run.processes if row.time < ns(ON - 1)]
    assert run.build().was_starved()
    assert result(run, "A16:checkout-availability").outcome is FAIL


def test_who_is_kept_from_running_by_a_fault_waits_for_the_fault() -> None:
    fault = {"id": FAULT, "kind": "cpu", "service": "orders", "limit": "50%"}
    history = rescripted(starving(healthy(), 0.4), faults=[fault], expect=[]).build()
    assert not history.starved_ns(ns(ON), ns(UNDO))
    assert history.starved_ns(ns(ON - 3), ns(ON - 2))
    assert history.starved_ns(ns(OFF + 2), ns(OFF + 3))


@pytest.mark.parametrize(("waited_s", "outcome"), [(0.0, PASS), (0.4, INCONCLUSIVE)])
def test_what_a_starved_machine_makes_late_is_no_evidence_of_a_fault(waited_s: float, outcome: Outcome) -> None:
    run = disturbed("pause")
    for row in during(run)[:12]:
        row.ended = row.accepted + ns(0.3)
    assert result(starving(run, waited_s), f"A2:{FAULT}").outcome is outcome


def test_nothing_is_excused_where_waiting_is_not_counted() -> None:
    run = late_browsing(0.8)
    run.processes += [ProcessRow(ns(second), "orders", 77, 0.1 * second, waited_s=None) for second in range(60)]
    assert result(run, "A16:browse-latency").outcome is FAIL
