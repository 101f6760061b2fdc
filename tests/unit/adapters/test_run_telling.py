"""Scrapers see a fault and a phase as long as they last, and the run until it has ended."""

from __future__ import annotations

from typing import cast

from tests.fakes.world import World
from tests.unit.engine.stage import record_of, short
from workbench.adapters.collector_client import CollectorClient
from workbench.adapters.run_telling import RunTelling
from workbench.collector.wire import RunNow
from workbench.model.events import FaultOff, FaultOn, PhaseEnded, PhaseStarted


class Taken:
    """A collector that remembers what it was told."""

    def __init__(self) -> None:
        self.states: list[RunNow] = []

    def put_run(self, state: RunNow) -> None:
        self.states.append(state)


def test_the_latest_state_is_told_and_its_end() -> None:
    taken, world, record = Taken(), World(), record_of(short())
    fault, *_ = record.scenario.faults
    telling = RunTelling(world.sink, cast("CollectorClient", taken), "r1", record.scenario, record.slos)
    telling.begin()
    assert ("r1", record.scenario.name, None, []) == _told(taken.states[0])
    assert {one.id: one.target for one in record.scenario.faults} == taken.states[0].faults
    telling.event(PhaseStarted(at_ns=1, phase="fault"))
    telling.event(FaultOn(at_ns=2, fault=fault.id, target=fault.target))
    assert ["phase_started", "fault_on"] == [event.event for event in world.sink.events], "passed on as well"
    telling.end()
    assert (None, record.scenario.name, None, [fault.id]) == _told(taken.states[-1])


def test_a_fault_and_a_phase_end() -> None:
    taken, record = Taken(), record_of(short())
    fault, *_ = record.scenario.faults
    telling = RunTelling(World().sink, cast("CollectorClient", taken), "r1", record.scenario, record.slos)
    telling.event(PhaseStarted(at_ns=1, phase="fault"))
    telling.event(FaultOn(at_ns=2, fault=fault.id, target=fault.target))
    telling.event(FaultOff(at_ns=3, fault=fault.id, target=fault.target, counts={}))
    telling.event(PhaseEnded(at_ns=4, phase="fault"))
    telling.begin()
    assert ("r1", record.scenario.name, None, []) == _told(taken.states[0])
    telling.end()


def _told(state: RunNow) -> tuple[str | None, str, str | None, list[str]]:
    return state.run, state.scenario, state.phase, state.on
