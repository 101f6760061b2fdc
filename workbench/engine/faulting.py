"""Faults from request to verified end: ledger first, then the plane, renewed until undone, verified off.

An error in any step is a harness error or DIRTY, never silence.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from workbench.engine.journal import Journal
from workbench.engine.ledger import Ledger
from workbench.engine.ports import FaultPlane, FaultState, TimeSource
from workbench.errors import DirtyError, HarnessError, Interrupted, WorkbenchError
from workbench.model.events import (
    CleanVerified,
    FaultLost,
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultUndoRequested,
)
from workbench.model.faults.base import CalleeFault, FaultBase, Level
from workbench.model.units import NS_PER_MS

LEASE_MS = 4_000
_RENEW_S = 1.0
_VERIFY_POLL_S = 0.02
_SLOW_TRIES = 5
_HOLDERS = ("process", "resource", "edge")
"""Who holds leases: the supervisor, the services, and the fault plane."""


class Injector:
    """Holds the leases of one run. They are renewed in threads of their own, so that nothing else can delay it."""

    def __init__(
        self, plane: FaultPlane, ledger: Ledger, journal: Journal, time_source: TimeSource, run_id: str
    ) -> None:
        self._plane = plane
        self._ledger = ledger
        self._journal = journal
        self._time = time_source
        self._now = journal.now
        self._run_id = run_id
        self._lock = threading.Lock()
        self._held: dict[str, FaultBase] = {}
        self._renewed: dict[str, int] = {}  # fault id -> when its lease was last confirmed
        self._lost: list[str] = []
        self._last: dict[str, FaultState] = {}  # fault id -> how it was when it was taken off
        self._dead: set[str] = set()
        self._stop = threading.Event()
        self._renewers = [
            threading.Thread(target=self._keep_renewing, args=(holder,), name=f"{holder} leases", daemon=True)
            for holder in _HOLDERS
        ]
        for renewer in self._renewers:
            renewer.start()

    @property
    def on(self) -> list[str]:
        """Ids of the faults that are on."""
        with self._lock:
            return list(self._held)

    def inject(self, fault: FaultBase, seed: int) -> None:
        """Put a fault on and verify it. Raises HarnessError if it does not come on within the transition."""
        with self._lock:
            self._held[fault.id] = fault  # first of all: whatever comes now, `undo_all` knows of it
        self._journal.write(FaultRequested(at_ns=self._now(), fault=fault.id, target=fault.target))
        if fault.level == "load":  # its arrivals are part of the plan; there is nothing to inject
            self._journal.write(FaultOn(at_ns=self._now(), fault=fault.id, target=fault.target))
            return
        self._ledger.open(fault.id, fault.target, fault.kind, self._run_id)
        put_on = self._plane.inject(fault, fault.seed if fault.seed is not None else seed, LEASE_MS)
        with self._lock:
            self._renewed[fault.id] = self._time.now_ns()
        evidence = dict(put_on.evidence)
        if fault.schedule.period is not None:
            evidence["active_since_ns"] = self._now() - (self._time.now_ns() - put_on.active_since_ns)
        if fault.level == "listener":
            evidence["canary"] = self._refused_canary(fault)
            if evidence["canary"] != "refused":
                raise HarnessError(f"a canary request on {fault.target} was {evidence['canary']}, not refused")
        elif fault.id not in [state.id for state in self._plane.faults()]:
            raise HarnessError(f"fault {fault.id} was asked for, but the plane does not report it")
        self._journal.write(FaultOn(at_ns=self._now(), fault=fault.id, target=fault.target, evidence=evidence))

    def _refused_canary(self, fault: FaultBase) -> str:
        """Return what the last canary was; whoever is too slow to refuse anything is asked again for a while."""
        for _ in range(_SLOW_TRIES):
            if (seen := self._await_canary(fault, "refused")) != "slow":
                break
        return seen

    def undo(self, fault_id: str) -> None:
        """Take a fault off and verify it: the plane reports none, and a canary request comes through.

        It stays held until that is shown, so that an undo which was cut short can be begun again.
        Raises DirtyError if it cannot be shown within the transition.
        """
        with self._lock:
            fault = self._held[fault_id]
            if fault.level == "load":
                del self._held[fault_id]
            meant_on = self._renewed.pop(fault_id, None) is not None  # from here on its absence is no loss
        self._journal.write(FaultUndoRequested(at_ns=self._now(), fault=fault.id, target=fault.target))
        if fault.level == "load":
            self._journal.write(FaultOff(at_ns=self._now(), fault=fault.id, target=fault.target))
            return
        try:
            found = self._take_off(fault)
            if meant_on and not found:
                reason = "it was no longer on when it was to be undone"
                self._journal.write(FaultLost(at_ns=self._now(), fault=fault.id, target=fault.target, reason=reason))
            evidence: dict[str, str | int | float | bool] = {"canary": self._undone_canary(fault)}
        except HarnessError as error:
            raise DirtyError(
                f"fault {fault.id} on {fault.target} may still be on: {error}", hint="workbench heal"
            ) from error
        counts: dict[str, int] = {}
        if fault.id in self._last:
            last = self._last[fault.id]
            counts = dict(last.counts)
            evidence |= last.evidence
            all_the_time = self._time.now_ns() - last.active_since_ns
            evidence["closed_ns"] = all_the_time if last.on_ns is None else last.on_ns
        self._ledger.close(fault.id)
        with self._lock:
            del self._held[fault.id]
        self._journal.write(
            FaultOff(at_ns=self._now(), fault=fault.id, target=fault.target, counts=counts, evidence=evidence)
        )

    def _take_off(self, fault: FaultBase) -> bool:
        """Return whether the plane had the fault on. Raises HarnessError if it has it still."""
        last = self._plane.undo(fault.id)
        if last is not None:
            self._last[fault.id] = last
        if fault.id in [state.id for state in self._plane.faults()]:
            raise HarnessError("the plane still reports it after it was removed")
        return last is not None

    def _undone_canary(self, fault: FaultBase) -> str:
        """Show that requests come through again, where somebody is able to answer them.

        A callee that answers nobody, also past the plane, is what the fault has left behind, and not the fault: a
        retry storm, a full queue. Whether it recovers is for the checks to say.
        """
        target = fault.target
        callee = target.partition(":")[2] or target
        if callee in self._dead:
            return "not sent: the callee has ended"
        seen = self._await_canary(fault, "answered")
        if seen == "answered":
            return seen
        direct = self._plane.canary(target, past_the_plane=True)
        if direct == "answered" and isinstance(fault, CalleeFault):  # there is no way around it: it is just back
            return direct
        if direct == "answered" and (seen := self._await_canary(fault, "answered")) == "answered":
            return seen  # the callee came back between the two
        if direct == "answered":
            raise HarnessError(f"a canary request on {target} was {seen}, and {callee} itself answers")
        return f"{seen}, and {direct} past the plane: {callee} answers nobody"

    def undo_all(self) -> None:
        """Undo everything that is still on; one that fails does not keep the others from being undone.

        A service that is stopped cannot undo what it does itself, so faults on processes come first.
        """
        failures: list[WorkbenchError] = []
        with self._lock:
            on = sorted(self._held, key=lambda fault_id: self._held[fault_id].level != "process")
        for fault_id in on:
            try:
                self.undo(fault_id)
            except Interrupted:
                raise
            except WorkbenchError as error:
                failures.append(error)
        if failures:
            raise DirtyError("; ".join(error.message for error in failures), hint="workbench heal")

    def expect_no_answer(self, service: str) -> None:
        """Note that a service has ended: that nothing comes through to it shows nothing about a fault."""
        self._dead.add(service)

    def lost(self) -> list[FaultBase]:
        """Return the faults that ended by themselves and are still held."""
        self._note_lost([])  # also what a renewal that hangs has not noted
        with self._lock:
            return [self._held[fault_id] for fault_id in self._lost if fault_id in self._held]

    def forget(self, fault: FaultBase) -> None:
        """Hold a lost fault no longer. Once its loss is written: a signal may come between any two steps."""
        self._ledger.close(fault.id)
        with self._lock:
            del self._held[fault.id]
            self._renewed.pop(fault.id, None)
            self._lost.remove(fault.id)

    def verify_clean(self, leftovers: list[str]) -> CleanVerified:
        """Return what is left: faults in the plane, processes, ledger entries."""
        try:
            faults = [f"{state.id} on {state.target}" for state in self._plane.faults()]
        except HarnessError as error:
            faults = [f"unknown: {error}"]
        ledger = self._ledger.entries()
        clean = not (faults or leftovers or ledger)
        return CleanVerified(at_ns=self._now(), clean=clean, faults=faults, processes=leftovers, ledger=ledger)

    def close(self) -> None:
        """Stop renewing. What is still on now expires by itself."""
        self._stop.set()
        until_s = time.monotonic() + 2 * _RENEW_S
        for renewer in self._renewers:
            renewer.join(timeout=max(0.0, until_s - time.monotonic()))

    def _await_canary(self, fault: FaultBase, wanted: str) -> str:
        """Return what the last canary was when the one that is wanted came, or the time for it was over."""
        until = self._time.now_ns() + fault.longest_transition
        while True:
            seen = self._plane.canary(fault.target)
            if seen == wanted or self._time.now_ns() > until:
                return seen
            self._time.sleep(_VERIFY_POLL_S)

    def renew(self) -> None:
        """Renew all leases once, and note those that are lost."""
        for holder in _HOLDERS:
            self._renew_at(holder)

    def _renew_at(self, holder: str) -> None:
        with self._lock:
            own = [fault_id for fault_id in self._renewed if _holder(self._held[fault_id].level) == holder]
        missing: list[str] = []
        if own:
            with suppress(HarnessError):  # a renewal may fail; the lease is lost only once it has expired
                missing = self._plane.renew(own, LEASE_MS)
                self._confirm(set(own) - set(missing))
        self._note_lost(missing)

    def _keep_renewing(self, holder: str) -> None:
        """Renew what one holds, once a second. In a thread for each: one that hangs keeps no other from renewing."""
        due_s = time.monotonic() + _RENEW_S
        while not self._stop.wait(max(0.0, due_s - time.monotonic())):
            due_s = time.monotonic() + _RENEW_S
            self._renew_at(holder)

    def _confirm(self, ids: set[str]) -> None:
        with self._lock:
            for fault_id in ids & self._renewed.keys():
                self._renewed[fault_id] = self._time.now_ns()

    def _note_lost(self, gone: list[str]) -> None:
        expired_ns = self._time.now_ns() - LEASE_MS * NS_PER_MS
        with self._lock:
            for fault_id, renewed_ns in self._renewed.items():
                if (fault_id in gone or renewed_ns < expired_ns) and fault_id not in self._lost:
                    self._lost.append(fault_id)


def _holder(level: Level) -> str:
    return level if level in _HOLDERS else "edge"
