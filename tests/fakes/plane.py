"""A fault plane in memory: faults with leases, a canary that feels them, and a way to break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes.calls import Calls
from workbench.engine.ports import FaultState, TimeSource
from workbench.errors import HarnessError
from workbench.model.faults.base import FaultBase
from workbench.model.units import NS_PER_MS


@dataclass(slots=True)
class Held:
    """A fault that is on."""

    fault: FaultBase
    seed: int
    since_ns: int
    expires_ns: int


class FakePlane:
    """Leases expire on the fake clock. `broken`: no call is answered. `deaf`: faults cannot be taken off."""

    def __init__(self, calls: Calls, time: TimeSource) -> None:
        self._calls = calls
        self._time = time
        self._on: dict[str, Held] = {}
        self.log: list[tuple[str, str, int]] = []
        """("on" or "off", fault id, absolute time)."""
        self.seeds: dict[str, int] = {}
        self.broken = False
        self.deaf = False
        self.inject_takes_s = 0.0
        self.callee_says = "answered"
        self.canary_says: Callable[[str], str | None] = lambda _: None

    @property
    def on(self) -> list[str]:
        """Ids of the faults that are on now."""
        now_ns = self._time.now_ns()
        return [fault_id for fault_id, held in self._on.items() if held.expires_ns > now_ns]

    def lose(self, fault_id: str) -> None:
        """Take a fault off without being asked."""
        del self._on[fault_id]

    def replace(self) -> None:
        """Become a new process without any fault."""
        self.broken = self.deaf = False
        self._on.clear()

    def inject(self, fault: FaultBase, seed: int, lease_ms: int) -> FaultState:
        with self._calls.passing("plane.inject"):
            self._answer()
            if self.inject_takes_s:
                self._time.sleep(self.inject_takes_s)
            now_ns = self._time.now_ns()
            self._on[fault.id] = Held(fault, seed, now_ns, now_ns + lease_ms * NS_PER_MS)
            self.seeds[fault.id] = seed
            self.log.append(("on", fault.id, now_ns))
            return FaultState(fault.id, fault.target, now_ns)

    def faults(self) -> list[FaultState]:
        with self._calls.passing("plane.faults"):
            self._answer()
            return [self._state(fault_id) for fault_id in self.on]

    def renew(self, ids: list[str], lease_ms: int) -> list[str]:
        """Not a counted call: a thread of its own makes it, and signals never come there."""
        self._answer()
        for fault_id in self.on:
            if fault_id in ids:
                self._on[fault_id].expires_ns = self._time.now_ns() + lease_ms * NS_PER_MS
        return [fault_id for fault_id in ids if fault_id not in self.on]

    def undo(self, fault_id: str) -> FaultState | None:
        with self._calls.passing("plane.undo"):
            self._answer()
            if fault_id not in self.on:
                return None
            state = self._state(fault_id)
            if not self.deaf:
                del self._on[fault_id]
                self.log.append(("off", fault_id, self._time.now_ns()))
            return state

    def canary(self, target: str, *, past_the_plane: bool = False) -> str:
        with self._calls.passing("plane.canary"):
            if past_the_plane:
                return self.callee_says
            said = self.canary_says(target)
            if said is not None:
                return said
            refused = [self._on[i] for i in self.on if self._on[i].fault.target == target]
            return "refused" if any(held.fault.level == "listener" for held in refused) else "answered"

    def _state(self, fault_id: str) -> FaultState:
        held = self._on[fault_id]
        counts = {"eligible": 12, "hit": 11, "passed": 1}
        return FaultState(fault_id, held.fault.target, held.since_ns, counts)

    def _answer(self) -> None:
        if self.broken:
            raise HarnessError("the fault plane does not answer")
