"""The built-in fault plane behind the engine's ports: it injects faults, and it records attempts."""

from __future__ import annotations

from pathlib import Path

from workbench.adapters.canary import Canary
from workbench.adapters.plane_client import PlaneClient
from workbench.adapters.shared_folder import SharedFolder
from workbench.engine import ports
from workbench.errors import HarnessError
from workbench.faultproxy.wire import FaultState
from workbench.model.faults import KINDS
from workbench.model.faults.base import EdgeFault, FaultBase
from workbench.model.stack import RunningStack
from workbench.model.system import System


class BuiltinPlane:
    """One stack's fault plane. `system` tells where canary requests may go without doing harm."""

    name = "faultproxy"

    def __init__(self, stack: RunningStack, system: System | None) -> None:
        self._client = PlaneClient(stack.plane_url, stack.token)
        self._canary = Canary(stack, system)
        self._shared = SharedFolder(stack.recordings)

    # -- faults ---------------------------------------------------------------------------------------

    def inject(self, fault: FaultBase, seed: int, lease_ms: int) -> ports.FaultState:
        assert isinstance(fault, EdgeFault)
        lease = self._client.add_fault(fault, seed, lease_ms)
        return ports.FaultState(lease.id, lease.edge, lease.active_since_ns)

    def faults(self) -> list[ports.FaultState]:
        return [_state(fault) for fault in self._client.faults()]

    def renew(self, ids: list[str], lease_ms: int) -> list[str]:
        return self._client.renew(ids, lease_ms).unknown

    def undo(self, fault_id: str) -> ports.FaultState | None:
        last = self._client.remove(fault_id)
        return None if last is None else _state(last)

    def canary(self, target: str, *, past_the_plane: bool = False) -> str:
        return self._canary.send(target, past_the_plane=past_the_plane)

    # -- attempts -------------------------------------------------------------------------------------

    def start_recording(self, folder: Path, run_id: str) -> ports.RecordingState:
        seen = self._shared.enter(folder, run_id)
        return ports.RecordingState({}, {}, None, self._client.start_recording(seen, run_id, self._canary.token).clock)

    def recording(self) -> ports.RecordingState:
        state = self._client.recording()
        if not state.active:
            raise HarnessError("the fault plane was started anew, and records nothing", hint="see logs/faultproxy.log")
        return ports.RecordingState(state.rows, state.dropped, state.error, None)

    def stop_recording(self, *, hurry: bool = False) -> ports.RecordingState:  # noqa: ARG002 - it is quick
        end = self._client.stop_recording()
        self._shared.leave()
        return ports.RecordingState(end.rows, end.dropped, end.error, end.clock)


def _state(fault: FaultState) -> ports.FaultState:
    counted, counts = fault.counts, dict[str, int]()
    if KINDS[fault.kind].level == "packet":
        counts = {"packets": counted.eligible, "packets_hit": counted.hit}
    else:
        counts = {"eligible": counted.eligible, "hit": counted.hit, "passed": counted.passed}
        counts |= {"bytes_in": fault.bytes_in, "bytes_out": fault.bytes_out, "delay_ns": fault.delay_ns}
    for name, hit_ns in (("first_hit_after_ns", fault.first_hit_ns), ("last_hit_after_ns", fault.last_hit_ns)):
        if hit_ns is not None:
            counts[name] = hit_ns - fault.active_since_ns
    return ports.FaultState(
        fault.id, fault.edge, fault.active_since_ns, counts, fault.kind, fault.expires_at_ns, on_ns=fault.on_ns
    )
