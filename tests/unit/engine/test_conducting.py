"""A run that goes as planned: what happens, in which order, at which times, and what the directory says of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes.clock import STARTED_NS
from tests.unit.engine.stage import Stage, only, short
from workbench.engine import conducting
from workbench.engine.ports import RecordingState
from workbench.engine.rundir import RunDirectory
from workbench.errors import HarnessError
from workbench.model.events import (
    CleanVerified,
    Collected,
    Failed,
    FaultLost,
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultSkipped,
    FaultUndoRequested,
    GuardFired,
    LoadStopped,
    MachineProbed,
    PhaseEnded,
    PhaseStarted,
    ServiceDied,
    Settled,
    Warned,
)
from workbench.model.run import RunRecord
from workbench.model.units import NS_PER_S

Staged = Callable[..., Stage]

ALL_IN_ORDER = """
machine_probed load_started
phase_started warmup, phase_ended warmup
phase_started baseline, phase_ended baseline
fault_requested slow, fault_on slow, phase_started fault
fault_requested gone, fault_on gone, fault_undo_requested gone, fault_off gone
phase_ended fault, fault_undo_requested slow, fault_off slow
phase_started recovery, phase_ended recovery
load_stopped settled clean_verified collected run_ended
"""


def story(stage: Stage) -> list[str]:
    """Return the journal as words."""
    told = []
    for event in stage.events():
        subject = getattr(event, "phase", None) or getattr(event, "fault", None)
        told.append(f"{event.event} {subject}" if subject else event.event)
    return told


def seconds(at_ns: int) -> float:
    return round(at_ns / NS_PER_S, 1)


def test_everything_happens_in_order(staged: Staged) -> None:
    """Faults are on before their phase begins, and off before the next one does."""
    stage = staged()
    stage.conduct()
    expected = [
        word
        for line in ALL_IN_ORDER.strip().splitlines()
        for word in (line.split(", ") if "," in line else line.split())
    ]
    assert expected == story(stage)


def test_what_is_shown_is_what_is_kept(staged: Staged) -> None:
    stage = staged()
    stage.conduct()
    assert [e.event for e in stage.world.sink.events] == [e.event for e in stage.events()]


def test_faults_are_on_at_their_times(staged: Staged) -> None:
    """`schedule.start` counts from the verified start of the phase, `schedule.duration` from there."""
    stage = staged()
    events = stage.conduct()
    zero_ns = stage.directory.read_run().zero.monotonic_ns
    assert [("on", "slow", 3.0), ("on", "gone", 4.0), ("off", "gone", 6.0), ("off", "slow", 7.0)] == [
        (what, fault, seconds(at_ns - zero_ns)) for what, fault, at_ns in stage.world.plane.log
    ]
    assert {"slow": 7, "gone": 7} == stage.world.plane.seeds
    assert [{"canary": "refused"}] == [e.evidence for e in only(events, FaultOn) if e.fault == "gone"]
    assert [{"eligible": 12, "hit": 11, "passed": 1}] * 2 == [e.counts for e in only(events, FaultOff)]


def test_a_surge_is_part_of_the_plan_and_asks_nothing_of_the_plane(staged: Staged) -> None:
    stage = staged(short(faults=[{"id": "crowd", "kind": "surge", "factor": 2, "schedule": {"duration": "3s"}}]))
    events = stage.conduct()
    assert stage.world.plane.log == []
    assert [("crowd", "load", 3.0)] == [(e.fault, e.target, seconds(e.at_ns)) for e in only(events, FaultOn)]
    assert [("crowd", "load", 6.0)] == [(e.fault, e.target, seconds(e.at_ns)) for e in only(events, FaultOff)]
    assert [True] == [event.clean for event in only(events, CleanVerified)]


def test_a_slow_transition_moves_everything_behind_it(staged: Staged) -> None:
    """Each phase keeps its length; the fault phase begins when the fault is verified, not when it was asked for."""
    stage = staged(short(faults=short()["faults"][:1]))
    stage.world.plane.inject_takes_s = 1.5
    events = stage.conduct()
    began = {event.phase: seconds(event.at_ns) for event in only(events, PhaseStarted)}
    ended = {event.phase: seconds(event.at_ns) for event in only(events, PhaseEnded)}
    assert {"warmup": 0.0, "baseline": 1.0, "fault": 4.5, "recovery": 8.5} == began
    assert {"warmup": 1.0, "baseline": 3.0, "fault": 8.5, "recovery": 10.5} == ended
    assert [10.5] == [seconds(event.at_ns) for event in only(events, LoadStopped)]


def test_run_zero_is_one_moment_for_journal_load_and_directory(staged: Staged) -> None:
    stage = staged()
    stage.conduct()
    saved = stage.directory.read_run()
    assert saved.zero.monotonic_ns == stage.world.load.zero_ns
    assert saved.zero.monotonic_ns > STARTED_NS
    assert "executed" == saved.stage


def test_without_the_injector_nothing_is_injected_and_that_is_told(staged: Staged) -> None:
    stage = staged(no_faults=True)
    events = stage.conduct()
    assert [("slow", "--no-faults"), ("gone", "--no-faults")] == [
        (event.fault, event.reason) for event in only(events, FaultSkipped)
    ]
    assert ([], []) == (stage.world.plane.log, only(events, FaultRequested))
    assert ["warmup", "baseline", "fault", "recovery"] == [event.phase for event in only(events, PhaseStarted)]


def test_users_who_suffer_in_baseline_keep_the_faults_off(staged: Staged) -> None:
    """Faults would prove nothing; the run ends, tidily, before the first."""
    stage = staged()
    stage.world.load.slis = lambda at_s: {"checkout-complete": (int(at_s * 10), int(at_s * 20))}
    events = stage.conduct()
    (fired,) = only(events, GuardFired)
    assert ("checkout-complete", "skip_faults") == (fired.slo, fired.action)
    assert ([], []) == (only(events, FaultRequested), only(events, Failed))
    assert "run_ended" == events[-1].event


def test_the_start_is_judged_before_the_first_fault_only(staged: Staged) -> None:
    """Users suffer from the first fault: that is no unfair start for the second."""
    faults = short()["faults"]
    faults[1]["schedule"] = {"start": "3s", "duration": "500ms"}
    stage = staged(short(faults=faults))
    stage.world.load.slis = lambda at_s: {"checkout-complete": (int(min(at_s, 3) * 20), int(at_s * 20))}
    events = stage.conduct()
    assert [] == only(events, GuardFired)
    assert ["slow", "gone"] == [event.fault for event in only(events, FaultOn)]


def test_users_who_suffer_too_much_end_the_run_and_the_fault(staged: Staged) -> None:
    rule = {"slo": "checkout-complete", "below": "50%", "for": "2s"}
    stage = staged(short(abort_when=[rule], steady_state=[]))
    stage.world.load.slis = lambda at_s: {"checkout-complete": (int(min(at_s, 3) * 20), int(at_s * 20))}
    events = stage.conduct()
    (fired,) = only(events, GuardFired)
    assert "abort" == fired.action
    assert {"slow", "gone"} == {event.fault for event in only(events, FaultOff)}
    assert ["warmup", "baseline", "fault"] == [event.phase for event in only(events, PhaseEnded)]
    assert [] == only(events, Failed)


def test_a_fault_that_ends_by_itself_is_told_when_it_is_noticed(staged: Staged) -> None:
    stage = staged()
    stage.world.time.after(5.0, lambda: stage.world.plane.lose("slow"))
    events = stage.conduct()
    assert ["slow"] == [event.fault for event in only(events, FaultLost)]
    assert "slow" not in {event.fault for event in only(events, FaultUndoRequested)}


def test_a_fault_that_ended_unnoticed_is_told_when_it_is_undone(staged: Staged) -> None:
    """Such as in a runner that stood still: no renewal comes between the loss and the undo, which finds nothing on."""
    stage = staged(short(faults=short()["faults"][:1]))
    stage.world.time.after(7.05, lambda: stage.world.plane.lose("slow"))
    events = stage.conduct()
    assert ["slow"] == [event.fault for event in only(events, FaultLost)]
    assert [{}] == [event.counts for event in only(events, FaultOff)]


@pytest.mark.parametrize("at_s", [4.5, 7.099], ids=["in the middle", "a moment before the undo"])
def test_a_service_that_dies_is_told_and_the_run_goes_on(staged: Staged, at_s: float) -> None:
    """A dead callee answers no canary: that is its death, and no fault that may still be on."""
    stage = staged()
    stage.world.time.after(at_s, lambda: stage.world.services.die("payments"))
    stage.world.plane.canary_says = lambda edge: (
        "broken" if edge == "orders:payments" and stage.world.services.ended else None
    )
    events = stage.conduct()
    (died,) = only(events, ServiceDied)
    assert ("payments", ["Traceback", "boom"]) == (died.service, died.log_tail)
    assert [] == only(events, Failed)
    assert ["not sent: the callee has ended"] == [
        event.evidence["canary"] for event in only(events, FaultOff) if event.fault == "slow"
    ]
    clean = only(events, CleanVerified)[-1]
    assert ([], [], ["payments: ended with status 1"]) == (clean.faults, clean.ledger, clean.processes)


def test_a_service_that_dies_after_the_last_phase_is_told_before_it_is_found_missing(staged: Staged) -> None:
    """What is missing without a word of its death would count as left behind."""
    stage = staged()
    stage.world.services.pending = [0, 3, 0]
    stage.world.time.after(9.8, lambda: stage.world.services.die("orders"))
    events = stage.conduct()
    kinds = [event.event for event in events]
    assert ["orders"] == [event.service for event in only(events, ServiceDied)]
    assert kinds.index("load_stopped") < kinds.index("service_died") < kinds.index("clean_verified")


def test_a_death_that_is_seen_before_it_is_told_is_no_dirt(staged: Staged) -> None:
    """Who looks knows at once; the supervisor's word of it takes its way."""
    stage = staged()
    services = stage.world.services
    looked = services.leftovers

    def seen_now_and_told_in_a_moment() -> list[str]:
        stage.world.time.after(0.5, lambda: services.die("orders"))
        return [*looked(), "orders: killed by SIGKILL"]

    services.leftovers = seen_now_and_told_in_a_moment  # type: ignore[method-assign]
    events = stage.conduct()
    assert ["orders"] == [event.service for event in only(events, ServiceDied)]


def test_run_zero_lies_ahead_however_long_it_takes_to_save_it(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the first arrivals would be late before the load has begun."""
    stage = staged()
    load, time, takes_s = stage.world.load, stage.world.time, iter([3.0, 3.0])
    save, begin = RunDirectory.save_run, load.begin
    begun_ns: list[int] = []

    def save_slowly(self: RunDirectory, record: RunRecord) -> None:
        if load.running and not begun_ns:
            time.pass_by(next(takes_s, 0.0))
        save(self, record)

    def begin_at(zero_ns: int) -> None:
        begun_ns.append(time.now_ns())
        begin(zero_ns)

    monkeypatch.setattr(RunDirectory, "save_run", save_slowly)
    monkeypatch.setattr(load, "begin", begin_at)
    stage.conduct()
    assert next(takes_s, None) is None, "it was saved slowly, twice"
    assert load.zero_ns is not None
    assert load.zero_ns > begun_ns[0]
    assert load.zero_ns == RunDirectory.existing(stage.directory.folder).read_run().zero.monotonic_ns


def test_unfinished_work_is_waited_for(staged: Staged) -> None:
    stage = staged()
    stage.world.services.pending = [0, 5, 3, 0]
    (settled,) = only(stage.conduct(), Settled)
    assert (0, 1.0) == (settled.pending, seconds(settled.waited_ns))


def test_work_that_never_finishes_is_waited_for_so_long_and_counted(staged: Staged) -> None:
    stage = staged(short(expect=[{"kind": "no_lost_orders", "settle": "4s"}]))
    stage.world.services.pending = [3]
    (settled,) = only(stage.conduct(), Settled)
    assert (3, 4.0) == (settled.pending, seconds(settled.waited_ns))


def test_rows_that_were_dropped_are_told_by_who_dropped_them(staged: Staged) -> None:
    (collected,) = only(staged().conduct(), Collected)
    assert {"requests": 2, "faultproxy-rows": 1, "collector-rows": 1} == collected.dropped
    assert {"faultproxy": 0, "collector": 0, "load": 3} == collected.clock_shift_ns


@pytest.mark.parametrize(("kept", "raw_stays"), [(90, False), (89, True)])
def test_raw_rows_go_only_when_all_are_in_the_tables(
    staged: Staged, monkeypatch: pytest.MonkeyPatch, kept: int, raw_stays: bool
) -> None:
    monkeypatch.setattr(conducting, "collect", lambda *_: {"requests": kept})
    stage = staged()
    stage.conduct()
    assert raw_stays == stage.directory.raw.exists()


def test_rows_that_were_written_and_are_in_no_table_are_lost(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn line, a sample of no series: beside what the producers themselves could not keep."""
    stage = staged()
    tables = {"requests": 88, "attempts": 7, "metrics": 10}
    monkeypatch.setattr(conducting, "collect", lambda *_: tables)
    plane, collector = stage.world.recorders
    for recorder, rows in (
        (plane, {"attempts": 7, "jaeger": 4}),
        (collector, {"metric_points": 13, "series": 5}),
    ):
        state = RecordingState(rows, dict.fromkeys(rows, 0), None, None)
        monkeypatch.setattr(recorder, "stop_recording", lambda state=state, **_: state)
    (collected,) = only(stage.conduct(), Collected)
    lost = {"requests": 2 + 2, "attempts": 0, "jaeger": 4, "metrics": 3, "metric_points": 0, "series": 0}
    assert lost == collected.dropped
    assert stage.directory.raw.exists()


def _no_answer(*, hurry: bool = False) -> RecordingState:
    raise HarnessError("the collector does not answer")


@pytest.mark.parametrize("loss", ["load", "recorder"])
def test_raw_rows_stay_when_somebody_did_not_say_how_many_there_are(
    staged: Staged, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    monkeypatch.setattr(conducting, "collect", lambda *_: {"attempts": 3})
    stage = staged()
    if loss == "load":
        stage.world.load.stubborn = True
    else:
        collector = stage.world.recorders[1]
        monkeypatch.setattr(collector, "stop_recording", _no_answer)
    events = stage.conduct()
    assert 1 == len(only(events, Warned))
    assert [["load"] if loss == "load" else ["collector"]] == [event.untold for event in only(events, Collected)]
    assert stage.directory.raw.exists()


def test_a_machine_that_is_too_slow_is_told_before_the_load_begins(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = staged()
    used = iter([1.0, 2.0])
    monkeypatch.setattr(stage.world.services, "cpu_seconds", lambda: next(used))
    events = stage.conduct()
    (probed,) = only(events, MachineProbed)
    assert (4, 0.25) == (probed.journeys, probed.cpu_s_per_journey)
    assert ["run with --rate 5/s"] == [event.remedy for event in only(events, Warned)]
    assert events[1].at_ns < 0, "what comes before run zero has a negative time"


def test_ticks_tell_what_is_on(staged: Staged) -> None:
    stage = staged()
    stage.conduct()
    ticks = stage.world.sink.ticks
    assert {(), ("slow",), ("slow", "gone")} == {tuple(tick.faults_on) for tick in ticks}
    assert {"warmup", "baseline", "fault", "recovery"} == {tick.phase for tick in ticks}
    assert all(0 <= tick.phase_left_ns <= tick.run_left_ns for tick in ticks)


@pytest.mark.parametrize("can_flush", [True, False])
def test_spans_that_nobody_can_be_asked_for_get_time_to_come(staged: Staged, can_flush: bool) -> None:
    """Exporters of foreign services send by their own clock, a moment after a span has ended."""
    stage = staged()
    stage.world.services.can_flush = can_flush
    events = stage.conduct()
    (settled,), (collected,) = only(events, Settled), only(events, Collected)
    waited_s = (collected.at_ns - settled.at_ns) / NS_PER_S
    assert can_flush == (waited_s < 2.0)
