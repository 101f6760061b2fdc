"""Faults on processes and servers of a stack: leases that expire here unless renewed. One at a time on each service.

A fault is listed from before it is done until it is verified to be undone, so that whoever asks never hears that
nothing is on while something may be. Thread-safe: each request of the control API has a thread of its own, and so has
the end of each fault, so that a server that does not answer keeps no other fault on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.supervisor.deeds import Deed, NotDone
from workbench.supervisor.wire import ProcessFaultOrder, ProcessFaultState

_LOOK_S = 0.05
_AGAIN_S = 5.0
"""An undo that failed is tried again after this."""
_NS_PER_S = 1_000_000_000
_ENDING = "the stack is ending"


class Clash(Exception):
    """There is a fault of that id, or on that service, already."""


@dataclass(slots=True, eq=False)
class _Held:
    """One fault. `lock` is held while it is done or undone."""

    state: ProcessFaultState
    deed: Deed
    lock: threading.Lock = field(default_factory=threading.Lock)
    expiring: bool = False


class ProcessFaults:
    """All of them. `deed_for` says how an order is carried out."""

    def __init__(self, deed_for: Callable[[ProcessFaultOrder], Deed]) -> None:
        self._deed_for = deed_for
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._closed = threading.Event()

    def inject(self, order: ProcessFaultOrder) -> ProcessFaultState:
        """Put a fault on; it is verified on when this returns. Raises Clash, NotDone, or what `deed_for` does."""
        expires_ns = time.monotonic_ns() + order.lease_ms * 1_000_000
        state = ProcessFaultState(order.id, order.kind, order.service, 0, expires_ns)
        held = _Held(state, self._deed_for(order))
        with held.lock:
            self._list(held)
            try:
                with _not_done(held):
                    threading.Thread(target=self._follow, args=(held,), name="process-lease", daemon=True).start()
                    evidence = held.deed.do(order.lease_ms / 1000)
            except NotDone:
                self._take_back(held)
                raise
            if self._closed.is_set():
                held.deed.abandon()  # `close` may have done so before there was anything to abandon
                raise NotDone(_ENDING)
            now_ns = time.monotonic_ns()  # a lease is as long as it says, however long the deed took
            expires_ns = now_ns + order.lease_ms * 1_000_000
            self._change(held, active_since_ns=now_ns, expires_at_ns=expires_ns, evidence=evidence)
            held.deed.renewed(order.lease_ms / 1000)
            return held.state

    def _take_back(self, held: _Held) -> None:
        """Undo what could not be done whole; it stays listed if that fails too, and is undone when its lease ends."""
        try:
            with _not_done(held):
                held.deed.undo()
        except NotDone as error:
            self._change(held, active_since_ns=time.monotonic_ns(), error=str(error))
        else:
            self._unlist(held)

    def _list(self, held: _Held) -> None:
        with self._lock:
            if self._closed.is_set():
                raise NotDone(_ENDING)
            for other in self._held.values():
                if other.state.id == held.state.id:
                    raise Clash(f"there is a fault {other.state.id} already")
                if held.deed.alone and other.state.service == held.state.service:
                    raise Clash(f"{other.state.service} is disturbed by {other.state.id} already; it takes one at once")
            self._held[held.state.id] = held

    def _is_listed(self, held: _Held) -> bool:
        """Tell whether it is: there may be another fault of the same id by now."""
        with self._lock:
            return self._held.get(held.state.id) is held

    def _unlist(self, held: _Held) -> None:
        with self._lock:
            if self._held.get(held.state.id) is held:
                del self._held[held.state.id]

    def _change(self, held: _Held, **fields: Any) -> None:
        with self._lock:  # a renewal changes it too
            held.state = replace(held.state, **fields)

    def states(self) -> list[ProcessFaultState]:
        """Return what is on, or may be."""
        with self._lock:
            return [held.state for held in self._held.values()]

    def renew(self, ids: list[str], lease_ms: int) -> dict[str, list[str]]:
        """Let leases end `lease_ms` from now; say which are there and which have expired or never were."""
        now_ns = time.monotonic_ns()
        renewed = []
        with self._lock:
            for fault_id in ids:
                held = self._held.get(fault_id)
                if held is not None and not held.expiring and held.state.expires_at_ns > now_ns:
                    held.state = replace(held.state, expires_at_ns=now_ns + lease_ms * 1_000_000)
                    held.deed.renewed(lease_ms / 1000)
                    renewed.append(fault_id)
        return {"renewed": renewed, "unknown": [fault_id for fault_id in ids if fault_id not in renewed]}

    def remove(self, fault_id: str) -> ProcessFaultState | None:
        """Take a fault off; it is verified off when this returns. None if it was not on. Raises NotDone."""
        with self._lock:
            held = self._held.get(fault_id)
        return None if held is None else self._undo(held)

    def _undo(self, held: _Held) -> ProcessFaultState | None:
        with held.lock:
            if not self._is_listed(held):
                return None  # somebody else has undone it meanwhile
            try:
                with _not_done(held):
                    evidence = held.deed.undo()
            except NotDone as error:
                again_ns = time.monotonic_ns() + round(_AGAIN_S * _NS_PER_S)
                self._change(held, error=str(error), expires_at_ns=again_ns)
                held.expiring = False
                raise
            self._change(held, error=None, evidence=evidence)
            self._unlist(held)
            return held.state

    def remove_all(self) -> list[str]:
        """Take all faults off, one beside the other; return why some could not be."""
        problems: list[str] = []

        def undo(held: _Held) -> None:
            try:
                self._undo(held)
            except NotDone as error:
                problems.append(str(error))

        with self._lock:
            all_held = list(self._held.values())
        threads = [threading.Thread(target=undo, args=(held,), daemon=True) for held in all_held]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return problems

    def close(self) -> None:
        """The stack ends: nothing stays stopped, and nothing is started any more."""
        self._closed.set()
        with self._lock:
            all_held = list(self._held.values())
        for held in all_held:
            held.deed.abandon()

    def _follow(self, held: _Held) -> None:
        """Undo what nobody has renewed, and what is left of what has ended by itself, until that has succeeded."""
        while self._is_listed(held) and not self._closed.wait(_LOOK_S):
            if held.lock.locked():
                continue  # it is being done, or undone
            with self._lock:
                held.expiring = held.state.expires_at_ns <= time.monotonic_ns()
            if held.expiring or _is_over(held):
                held.expiring = True
                with suppress(NotDone):  # it stays listed with its error, and is tried again
                    self._undo(held)


def _is_over(held: _Held) -> bool:
    """Tell whether it has ended by itself. An undo that has failed has begun to end it: only another one shows that."""
    with suppress(Exception):  # not known: its lease ends it
        return held.state.error is None and held.deed.over()
    return False


@contextmanager
def _not_done(held: _Held) -> Iterator[None]:
    """Raise NotDone whatever goes wrong: what nobody has foreseen is no success either."""
    try:
        yield
    except NotDone:
        raise
    except Exception as error:
        raise NotDone(f"{held.state.kind} on {held.state.service}: {type(error).__name__}: {error}") from error
