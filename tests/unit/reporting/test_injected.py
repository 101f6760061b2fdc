"""What was done to the system, told as what it was."""

from __future__ import annotations

from tests.histories import SCENARIO
from tests.unit.reporting.runs import EDGE, FAULT, healthy
from workbench.model.events import (
    FaultLost,
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultSkipped,
    FaultUndoRequested,
)
from workbench.model.scenario import Scenario
from workbench.reporting.injected import State, what_was_done


def test_a_fault_is_told_with_its_verified_times_and_hits() -> None:
    """From the rows, where the plane's final counts are missing."""
    (fault,) = what_was_done(healthy().build())
    assert State.DONE is fault.state
    assert fault.when == "verified on at 23.1 s, verified off at 43.1 s (20 s)"
    assert fault.hits == "hit 14 of 14 eligible requests"


def test_the_final_counts_of_the_plane_are_told() -> None:
    """They are what the run says of itself; the rows stand in where they are missing."""
    run = healthy()
    run.replace(FaultOff, counts={"eligible": 40, "hit": 13, "passed": 27})
    assert what_was_done(run.build())[0].hits == "hit 13 of 40 eligible requests"


def test_of_packets_the_count_is_told() -> None:
    run = healthy()
    lossy = {"id": FAULT, "kind": "packet_loss", "edge": EDGE, "loss": "5%"}
    scenario = Scenario.model_validate({**SCENARIO, "faults": [lossy]})
    run.record = run.record.model_copy(update={"scenario": scenario})
    assert what_was_done(run.build())[0].hits == "how many packets were lost is not known"
    run.replace(FaultOff, counts={"packets": 400, "packets_hit": 21})
    assert what_was_done(run.build())[0].hits == "21 of 400 packets were lost"


def test_a_fault_that_never_came_on_does_not_read_like_one_that_did() -> None:
    """Nor does it get a place on the map or the time axis."""
    run = healthy()
    run.drop(FaultRequested, FaultOn, FaultUndoRequested, FaultOff)
    (fault,) = what_was_done(run.build())
    assert State.NEVER_ON is fault.state
    assert not fault.was_on
    assert (fault.when, fault.hits) == ("never injected", "hit nothing: it was never asked for")


def test_a_fault_that_was_asked_for_in_vain_says_so() -> None:
    """Asked for and never verified is not the same as never asked for."""
    run = healthy()
    run.drop(FaultOn, FaultUndoRequested, FaultOff)
    assert what_was_done(run.build())[0].when == "asked for, never verified on"


def test_a_skipped_fault_gives_the_reason() -> None:
    """Such as an unfair start."""
    run = healthy()
    run.drop(FaultRequested, FaultOn, FaultUndoRequested, FaultOff)
    run.journal.append(FaultSkipped(at_ns=1, fault=FAULT, reason="baseline was broken"))
    (fault,) = what_was_done(run.build())
    assert State.SKIPPED is fault.state
    assert fault.when == "not injected: baseline was broken"


def test_a_lost_fault_says_when_it_was_lost() -> None:
    """Its undo, which came later, is not what ended it."""
    run = healthy()
    run.journal.append(FaultLost(at_ns=30_000_000_000, fault=FAULT, target=EDGE, reason="lease expired"))
    (fault,) = what_was_done(run.build())
    assert State.LOST is fault.state
    assert fault.when == "verified on at 23.1 s, ended by itself at 30.0 s: lease expired"


def test_a_fault_without_a_verified_end_says_so() -> None:
    """It may still be on."""
    run = healthy()
    run.drop(FaultOff)
    (fault,) = what_was_done(run.build())
    assert State.OPEN is fault.state
    assert fault.when == "verified on at 23.1 s, never verified off"


def test_refused_connections_are_those_that_the_caller_saw() -> None:
    """The plane cannot count what the kernel refuses."""
    run = healthy()
    faults = [{"id": FAULT, "kind": "refuse", "edge": EDGE}]
    run.record = run.record.model_copy(update={"scenario": Scenario.model_validate({**SCENARIO, "faults": faults})})
    for span in run.spans:
        if span.outcome == "timeout" and span.attempt is not None:
            span.outcome = "connect_refused"
    assert what_was_done(run.build())[0].hits == "14 connections refused, as the caller saw it"
    run.spans.clear()
    run.record = run.record.model_copy(update={"traced": []})
    assert "not counted" in what_was_done(run.build())[0].hits


def test_of_a_fault_on_a_service_its_callers_are_told() -> None:
    """Nothing decides which requests it hits, so what they saw is all there is, beside what they usually see."""
    run = healthy()
    fault = {"id": FAULT, "kind": "pause", "service": EDGE.partition(":")[2]}
    run.record = run.record.model_copy(update={"scenario": Scenario.model_validate(SCENARIO | {"faults": [fault]})})
    for row in run.attempts:
        row.faults = row.decisions = ""
    (told,) = what_was_done(run.build())
    assert (told.target, told.does) == ("payments", "hangs: its processes are stopped")
    assert told.hits == (
        "of 15 attempts on orders:payments while it was on, 14 failed and 0 took longer than twice the usual"
        " (in baseline 0 % and 0 %)"
    )
