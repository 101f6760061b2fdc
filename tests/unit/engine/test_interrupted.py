"""Whatever moment a signal comes at: no fault stays on, nothing keeps running, and the directory can be read."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import duckdb
import pytest

from tests.fakes.calls import Calls, FakeInterruption, Moment
from tests.unit.engine.stage import Stage, only, short
from workbench.adapters.signals import SignalTrap
from workbench.engine.ports import Interruption
from workbench.errors import Interrupted
from workbench.model.events import (
    CleanVerified,
    Collected,
    FaultOff,
    FaultOn,
    FaultRequested,
    InterruptedBy,
    LoadStarted,
    LoadStopped,
    PhaseEnded,
    PhaseStarted,
)

Staged = Callable[..., Stage]

LONG = "SELECT count(*) FROM range(1_000_000) a, range(1_000) b WHERE a.range % 7 = b.range % 7"
"""About a second of work."""


def wrong_with(stage: Stage) -> list[str]:
    """Return what an interrupted run must not leave."""
    wrong = [f"{name} still goes on" for name in stage.world.left_on()]
    wrong += [f"ledger: {entry}" for entry in stage.ledger.entries()]
    events = stage.events()
    names = [type(event).__name__ for event in events]
    if "RunEnded" not in names[-2:]:
        wrong.append(f"the journal ends with {names[-3:]}")
    if ["SIGINT"] != [event.signal for event in only(events, InterruptedBy)]:
        wrong.append("the journal does not name the signal once")
    if not only(events, CleanVerified) or not only(events, CleanVerified)[-1].clean:
        wrong.append(f"not verified clean: {only(events, CleanVerified)}")
    off = {event.fault for event in only(events, FaultOff)}
    asked = {event.fault for event in only(events, FaultRequested)}
    if asked != off:
        wrong.append(f"asked for {sorted(asked)}, and off are {sorted(off)}")
    if {event.fault for event in only(events, FaultOn)} - asked:
        wrong.append("a fault is on that was not asked for")
    begun = [event.phase for event in only(events, PhaseStarted)]
    if begun != [event.phase for event in only(events, PhaseEnded)]:
        wrong.append(f"phases {begun} began, {[e.phase for e in only(events, PhaseEnded)]} ended")
    if len(only(events, LoadStopped)) != len(only(events, LoadStarted)):
        wrong.append("the load's start and end do not fit together")
    if "executed" != stage.directory.read_run().stage:
        wrong.append("run.json says the run was not carried out")
    return wrong


def swept(staged: Staged, moment: Moment, prepare: Callable[[Stage], None], **scenario: Any) -> tuple[int, list[str]]:
    """Interrupt a run at its first call, then at its second, and so on; return how many it has, and what was wrong."""
    found: list[str] = []
    for number in count():
        stage = staged(short(**scenario), step_s=0.9)
        prepare(stage)
        stage.world.interruption.strike_at(number, moment)
        try:
            stage.conduct()
        except Exception as error:  # noqa: BLE001 - whatever it is, it names the call
            found.append(f"call {number}: {error!r}")
        if stage.world.interruption.received is None:
            return number, found
        name = f"{moment} call {number}, {stage.world.calls.made[number]}"
        found += [f"{name}: {text}" for text in wrong_with(stage)]
    raise AssertionError


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_signal_at_any_call_undoes_everything_and_saves(staged: Staged, moment: Moment) -> None:
    """At every call on any port, and at every write: before it has an effect, and after it."""
    calls, found = swept(staged, moment, lambda _: None)
    assert [] == found
    assert 100 < calls, "the run has fewer calls than its phases need"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_signal_while_an_aborted_run_is_undone_is_still_a_signal(staged: Staged, moment: Moment) -> None:
    """Both faults are on when the guard ends the run, so undoing them is not behind the shield yet."""

    def users_suffer(stage: Stage) -> None:
        stage.world.load.slis = lambda at_s: {"checkout-complete": (0, int(at_s * 20))}

    rule = {"slo": "checkout-complete", "below": "50%", "for": "5s"}
    calls, found = swept(staged, moment, users_suffer, abort_when=[rule], steady_state=[])
    assert [] == found
    assert 70 < calls


@pytest.mark.parametrize("moment", ["before", "after"])
def test_tables_are_not_made_again_from_rows_that_are_gone(staged: Staged, moment: Moment) -> None:
    """A signal that comes while the raw rows are removed would else leave empty tables in place of whole ones."""
    stage = staged()

    def strike(_number: int, name: str, at: Moment) -> None:
        if name == "directory.drop_raw" and at == moment:
            stage.world.interruption.signal()

    stage.world.calls.strike = strike
    events = stage.conduct()
    assert 1 == len(only(events, Collected))
    assert ["SIGINT"] == [event.signal for event in only(events, InterruptedBy)]
    assert not stage.directory.raw.exists()


@pytest.fixture(params=["fake", "real"])
def trapped(request: pytest.FixtureRequest) -> Iterator[tuple[Interruption, Callable[[], None]]]:
    """An interruption, and how to have a signal come: the fake keeps the promises of the real one."""
    if request.param == "fake":
        fake = FakeInterruption(Calls())
        yield fake, fake.signal
    else:
        with SignalTrap() as trap:
            yield trap, lambda: signal.raise_signal(signal.SIGINT)


def test_the_first_signal_interrupts_and_no_other_does(
    trapped: tuple[Interruption, Callable[[], None]],
) -> None:
    _, come = trapped
    with pytest.raises(Interrupted) as raised:
        come()
    assert ("SIGINT", 130) == (raised.value.signal_name, raised.value.exit_code)
    come()


def test_a_signal_waits_where_it_is_deferred(trapped: tuple[Interruption, Callable[[], None]]) -> None:
    """What was begun is finished; the signal is not forgotten."""
    interruption, come = trapped
    done = []

    def work() -> None:
        with interruption.deferred():
            come()
            come()
            done.append("finished")

    with pytest.raises(Interrupted):
        work()
    assert ["finished"] == done


def test_nothing_comes_of_deferring_without_a_signal_or_behind_the_shield(
    trapped: tuple[Interruption, Callable[[], None]],
) -> None:
    interruption, come = trapped
    with interruption.deferred():
        pass
    interruption.check()
    interruption.shield()
    with interruption.deferred():
        come()
    interruption.check()


def test_a_signal_that_was_raised_where_exceptions_are_lost_is_raised_again(
    trapped: tuple[Interruption, Callable[[], None]],
) -> None:
    interruption, come = trapped
    with suppress(Interrupted):
        come()
    with pytest.raises(Interrupted):
        interruption.check()


def test_a_query_that_a_signal_meets_is_finished_first() -> None:
    """DuckDB makes an error of its own of what is raised while it works, which nobody could tell from a defect."""
    enough = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    found = []

    def ask(trap: SignalTrap) -> None:
        with trap.deferred():
            enough.start()
            found.extend(duckdb.connect().execute(LONG).fetchall())
            enough.join()

    with SignalTrap() as trap, pytest.raises(Interrupted):
        ask(trap)
    assert 1 == len(found)


def test_nothing_interrupts_behind_the_shield(trapped: tuple[Interruption, Callable[[], None]]) -> None:
    interruption, come = trapped
    interruption.shield()
    come()
