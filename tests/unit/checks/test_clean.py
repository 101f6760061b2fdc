"""A24: what is left behind, and what only looks like it."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, FAULT, healthy
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import result
from workbench.model.events import CleanVerified, FaultLost, FaultOff, FaultRequested, ServiceDied
from workbench.model.verdict import Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def left(**what: list[str]) -> HistoryBuilder:
    run = healthy()
    run.replace(CleanVerified, clean=False, **what)
    return run


def test_a_run_that_was_found_clean_passes() -> None:
    assert result(healthy(), "A24").outcome is PASS


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ({"faults": [f"{FAULT} on {EDGE}"]}, f"fault {FAULT} on {EDGE}"),
        ({"processes": ["orders: stopped"]}, "process orders: stopped"),
        ({"ledger": [FAULT]}, f"lease {FAULT}"),
    ],
)
def test_whatever_is_left_fails_and_is_named(what: dict[str, list[str]], text: str) -> None:
    seen = result(left(**what), "A24")
    assert seen.outcome is FAIL
    assert [e.text for e in seen.evidence] == [text]


def test_what_is_named_was_left_whatever_else_is_said() -> None:
    run = healthy()
    run.replace(CleanVerified, faults=[f"{FAULT} on {EDGE}"], ledger=[FAULT])
    assert result(run, "A24").outcome is FAIL


def test_a_run_that_was_not_clean_and_names_nothing_is_undecided() -> None:
    assert result(left(), "A24").outcome is INCONCLUSIVE


def test_a_service_that_died_unasked_is_not_something_we_left() -> None:
    """V5 makes such a run INCONCLUSIVE (exit 3); nothing is to be healed, so it is not DIRTY (exit 5)."""
    run = left(processes=["orders: signal 9"])
    run.journal.append(ServiceDied(at_ns=ns(30), service="orders", status="signal 9", log_tail=[]))
    assert result(run, "A24").outcome is PASS
    run.replace(CleanVerified, processes=["orders: signal 9", "payments: stopped"])
    assert result(run, "A24").outcome is FAIL


def test_a_run_that_ended_before_anybody_looked_is_undecided() -> None:
    run = healthy()
    run.drop(CleanVerified)
    assert result(run, "A24").outcome is INCONCLUSIVE


def test_a_fault_that_was_asked_for_and_never_verified_off_may_still_be_on() -> None:
    run = healthy()
    run.drop(CleanVerified, FaultOff)
    assert result(run, "A24").outcome is FAIL
    run.journal.append(FaultLost(at_ns=ns(30), fault=FAULT, target=EDGE, reason="its lease expired"))
    assert result(run, "A24").outcome is INCONCLUSIVE
    run.drop(FaultLost, FaultRequested)
    assert result(run, "A24").outcome is INCONCLUSIVE
