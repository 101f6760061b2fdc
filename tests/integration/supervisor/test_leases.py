"""Leases of faults on services, from the supervisor's side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.integration.supervisor.marks import DEADLINE_S, wait_until
from workbench.supervisor.deeds import Deed, NotDone
from workbench.supervisor.faults import ProcessFaults
from workbench.supervisor.wire import Evidence, ProcessFaultOrder

LEASE_MS = 200
LONG_MS = 600_000


class Told(Deed):
    """Does as its test says; knows how often it was asked."""

    alone = False

    def __init__(
        self,
        do: Callable[[], object] = str,
        undo: Callable[[], object] = str,
        over: Callable[[], bool] = bool,
    ) -> None:
        self._do, self._undo, self._over = do, undo, over
        self.asked = 0
        """Whether it is over."""
        self.undone = 0
        self.said: list[str] = []

    def do(self, lease_s: float) -> Evidence:  # noqa: ARG002 - it has none of its own
        self._do()
        self.said.append("done")
        return {}

    def undo(self) -> Evidence:
        self.undone += 1
        self._undo()
        return {}

    def over(self) -> bool:
        self.asked += 1
        return self._over()

    def abandon(self) -> None:
        self.said.append("abandoned")


def faults_of(**deeds: Deed) -> ProcessFaults:
    """Return what carries out each deed for the order of its name."""
    return ProcessFaults(lambda order: deeds[order.service])


def put_on(faults: ProcessFaults, name: str, service: str | None = None, lease_ms: int = LONG_MS) -> None:
    faults.inject(ProcessFaultOrder(name, "pause", service or name, {}, lease_ms))


def on(faults: ProcessFaults) -> list[str]:
    return [state.id for state in faults.states()]


def looked_twice(deed: Told) -> None:
    """Wait until it was looked twice from now whether a fault is over."""
    before = deed.asked
    wait_until("it was looked twice", lambda: deed.asked >= before + 2)


class Slow(Deed):
    """Takes longer to do than its lease is."""

    def __init__(self) -> None:
        self.renewed_for_s: list[float] = []

    def do(self, lease_s: float) -> Evidence:
        time.sleep(2 * lease_s)
        return {}

    def undo(self) -> Evidence:
        return {}

    def renewed(self, lease_s: float) -> None:
        self.renewed_for_s.append(lease_s)


def test_a_lease_counts_from_when_its_fault_is_on() -> None:
    """Nobody can renew before that; else what takes long to do would be over at once."""
    deed = Slow()
    faults = ProcessFaults(lambda _: deed)
    state = faults.inject(ProcessFaultOrder("f", "restart", "a", {}, LEASE_MS))
    assert LEASE_MS * 1_000_000 == state.expires_at_ns - state.active_since_ns
    assert [LEASE_MS / 1000] == deed.renewed_for_s
    faults.close()


def test_a_fault_stays_listed_while_it_is_undone_and_until_an_undo_succeeds() -> None:
    """An undo ends it before that is verified, so it looks over meanwhile; and afterwards, if the undo has failed."""
    gone, finish, is_well = threading.Event(), threading.Event(), threading.Event()

    def undo() -> None:
        gone.set()
        assert finish.wait(DEADLINE_S)
        if not is_well.is_set():
            raise NotDone("f is still stopped")

    deed, other = Told(undo=undo, over=gone.is_set), Told()
    faults = faults_of(f=deed, other=other)
    put_on(faults, "f")
    put_on(faults, "other")
    problems: list[str] = []
    undoing = threading.Thread(target=lambda: problems.extend(faults.remove_all()))
    undoing.start()
    assert gone.wait(DEADLINE_S)
    looked = other.asked + 2
    wait_until("it was looked what is over", lambda: other.asked >= looked or on(faults) != ["f", "other"])
    assert "f" in on(faults)
    finish.set()
    undoing.join()
    assert ["f is still stopped"] == problems
    assert [("f", "f is still stopped")] == [(state.id, state.error) for state in faults.states()]
    is_well.set()
    wait_until("it is tried again", lambda: on(faults) == [])
    assert deed.undone >= 2
    faults.close()


def test_what_has_ended_by_itself_is_undone_and_listed_until_then() -> None:
    """What is left of it has to go too."""
    finish = threading.Event()
    deed = Told(undo=lambda: finish.wait(DEADLINE_S), over=lambda: True)
    faults = faults_of(f=deed)
    put_on(faults, "f")
    wait_until("its undo has begun", lambda: deed.undone == 1)
    assert ["f"] == on(faults)
    assert {"renewed": [], "unknown": ["f"]} == faults.renew(["f"], LONG_MS)
    finish.set()
    wait_until("it is over", lambda: on(faults) == [])
    faults.close()


def test_what_is_said_late_of_a_fault_is_not_said_of_the_next_one_of_its_name() -> None:
    entered, answer = threading.Event(), threading.Event()

    def over() -> bool:
        entered.set()
        return answer.wait(DEADLINE_S)

    other, second = Told(), Told()
    faults = faults_of(first=Told(over=over), other=other, second=second)
    put_on(faults, "f", "first")
    put_on(faults, "other")
    assert entered.wait(DEADLINE_S)
    faults.remove("f")
    put_on(faults, "f", "second")
    answer.set()
    looked_twice(other)
    assert ["other", "f"] == on(faults)
    assert 0 == second.undone
    faults.close()


def test_an_undo_that_fails_as_nobody_has_foreseen_has_failed_and_is_tried_again() -> None:
    is_full = threading.Event()
    is_full.set()

    def undo() -> None:
        if is_full.is_set():
            raise OSError(28, "No space left on device")

    why = "pause on f: OSError: [Errno 28] No space left on device"
    deed = Told(undo=undo)
    faults = faults_of(f=deed)
    put_on(faults, "f")
    assert [why] == faults.remove_all()
    with pytest.raises(NotDone, match="No space left"):
        faults.remove("f")
    assert [why] == [state.error for state in faults.states()]
    wait_until("it is tried again", lambda: deed.undone >= 3)
    is_full.clear()
    wait_until("it is undone at last", lambda: on(faults) == [])
    faults.close()


def test_a_deed_that_fails_as_nobody_has_foreseen_is_taken_back() -> None:
    def do() -> None:
        raise ProcessLookupError(3, "No such process")

    deed = Told(do=do)
    faults = faults_of(f=deed)
    with pytest.raises(NotDone, match=r"pause on f: ProcessLookupError: \[Errno 3\] No such process"):
        put_on(faults, "f")
    assert ([], 1) == (on(faults), deed.undone)
    faults.close()


def test_one_of_which_nothing_is_heard_keeps_no_other_lease_from_ending() -> None:
    """Such as one at a Toxiproxy that does not answer."""
    answer = threading.Event()
    mute = Told(over=lambda: answer.wait(DEADLINE_S))
    faults = faults_of(mute=mute, f=Told())
    put_on(faults, "mute")
    wait_until("it is waited for its answer", lambda: mute.asked == 1)
    put_on(faults, "f", lease_ms=LEASE_MS)
    wait_until("the other one has expired", lambda: on(faults) == ["mute"], within_s=DEADLINE_S / 2)
    answer.set()
    faults.close()


def test_what_cannot_be_asked_whether_it_is_over_ends_with_its_lease() -> None:
    def over() -> bool:
        raise KeyError("toxics")

    faults = faults_of(f=Told(over=over))
    put_on(faults, "f", lease_ms=LEASE_MS)
    wait_until("it has expired", lambda: on(faults) == [])
    faults.close()


def test_what_is_put_on_while_the_stack_ends_is_abandoned_once_it_is_on() -> None:
    """Before that there may be nothing to abandon."""
    entered, go = threading.Event(), threading.Event()

    def do() -> None:
        entered.set()
        assert go.wait(DEADLINE_S)

    deed = Told(do=do)
    faults = faults_of(f=deed)
    problems: list[str] = []

    def put() -> None:
        try:
            put_on(faults, "f")
        except NotDone as error:
            problems.append(str(error))

    putting = threading.Thread(target=put)
    putting.start()
    assert entered.wait(DEADLINE_S)
    faults.close()
    go.set()
    putting.join()
    assert (["the stack is ending"], "abandoned") == (problems, deed.said[-1])
