"""The abort guard's word in the verdict."""

from __future__ import annotations

import pytest

from tests.histories import healthy
from tests.history_builder import ns
from tests.unit.checks.asking import all_of, rescripted, result
from workbench.checks import wholly_below
from workbench.model.events import GuardFired
from workbench.model.verdict import Limit, Outcome, Value

FIRED = GuardFired(at_ns=ns(30), slo="browse-latency", action="abort", good=20, total=80, reason="20/80 over 10s")


def test_a_guard_that_ended_the_run_is_a_failure_of_its_slo() -> None:
    run = rescripted(healthy(), abort_when=[{"slo": "browse-latency", "below": "50%", "for": "10s"}])
    run.journal.append(FIRED)
    seen = result(run, "G1:browse-latency")
    assert seen.outcome is Outcome.FAIL
    assert seen.observed == Value(number=0.25, unit="ratio")
    assert seen.limit == Limit(comparison="at_least", number=0.5, unit="ratio")
    assert "20/80 over 10s" in seen.reason


def test_a_guard_that_did_not_fire_proves_nothing() -> None:
    assert all_of(healthy(), "G1") == []


def test_skipped_faults_are_no_failure_of_the_system() -> None:
    run = healthy()
    run.journal.append(FIRED.model_copy(update={"action": "skip_faults"}))
    assert all_of(run, "G1") == []


@pytest.mark.parametrize(
    ("good", "total", "answer"), [(0, 0, False), (0, 1, False), (0, 2, True), (85, 100, True), (94, 100, False)]
)
def test_wholly_below_asks_for_the_whole_interval(good: int, total: int, answer: bool) -> None:
    """0 of 1 is 0 % to 97.5 %, 0 of 2 is 0 % to 84.2 %; the target is 95 %."""
    assert wholly_below(good, total, 0.95) is answer
