"""Faults by hand, while exploring: on at once, gone by themselves after a while, undone on request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from workbench.adapters.obstacles import obstacles
from workbench.engine.ports import FaultPlane, FaultState
from workbench.engine.refusing import refuse_inability, refuse_obstacles
from workbench.errors import HarnessError, UsageError
from workbench.loading.fault_options import read_fault
from workbench.loading.scenario_files import load_system
from workbench.loading.source import nearest
from workbench.model.faults.base import FaultBase
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.stack import RunningStack
from workbench.model.units import NS_PER_MS, Duration
from workbench.wiring import LocalStack

LONGEST = Duration.parse("24h")
LONGEST_ON_RESOURCES = Duration.parse("10m")
"""What services take (docs/how-to/disturb-a-resource.md)."""

_SEED = 1


class FaultsByHand:
    """The faults of the stack that runs in this folder. Raises UsageError where none runs."""

    def __init__(self, local: LocalStack) -> None:
        self._local = local

    def add(self, kind: str, target: str, options: Mapping[str, str], lasts: Duration) -> list[FaultState]:
        """Put a fault on for so long, and return it as it is; a partition is several.

        Raises InvalidInput with all problems, UsageError for a name that is taken.
        """
        if not 0 < lasts <= LONGEST:
            raise UsageError(f"--for {lasts} has to be above 0 and at most {LONGEST}")
        with self._local.state.exclusive(f"fault add {kind}"):
            stack = self._stack()
            if not stack.fault_plane.ends_faults:
                raise UsageError(
                    f"fault plane {stack.fault_plane} knows no end of a fault, and by hand none is put on without one",
                    hint="workbench down, then workbench up with the built-in plane",
                )
            faults = read_fault(kind, target, options, load_system(stack.system_file, Path.cwd()).system)
            if lasts > LONGEST_ON_RESOURCES and any(isinstance(fault, ResourceFault) for fault in faults):
                raise UsageError(
                    f"--for {lasts} is too long: services take faults on resources for {LONGEST_ON_RESOURCES} at most",
                    hint=f"--for {LONGEST_ON_RESOURCES}, and the same command again when it has ended",
                )
            plane = self._local.plane(stack)
            taken = {state.id for state in plane.faults()} & {fault.id for fault in faults}
            if taken:
                raise UsageError(f"{', '.join(sorted(taken))} is on already", hint="give this one a name with --id")
            refuse_obstacles(obstacles(stack.runtime), faults)
            refuse_inability(stack, faults)
            return self._inject(plane, faults, lasts)

    @staticmethod
    def _inject(plane: FaultPlane, faults: list[FaultBase], lasts: Duration) -> list[FaultState]:
        """Put all of them on, or none."""
        wanted = [fault.id for fault in faults]
        try:
            for fault in faults:
                plane.inject(fault, _SEED if fault.seed is None else fault.seed, lasts // NS_PER_MS)
        except HarnessError:
            for fault_id in wanted:
                with suppress(HarnessError):  # then its lease ends it
                    plane.undo(fault_id)
            raise
        on = [state for state in plane.faults() if state.id in wanted]
        if len(on) != len(faults):
            raise HarnessError("the plane does not report what it was asked for", hint="workbench fault list")
        return on

    def on(self) -> list[FaultState]:
        """Return what is on, by hand or by a run."""
        return self._plane().faults()

    def remove(self, fault_id: str) -> FaultState:
        """Take one fault off and return its last state. Raises UsageError if it is not on."""
        with self._local.state.exclusive(f"fault remove {fault_id}"):
            plane = self._plane()
            known = [state.id for state in plane.faults()]
            last = plane.undo(fault_id)
            if last is None:
                raise UsageError(f"no fault {fault_id!r} is on{nearest(fault_id, known)}", hint="workbench fault list")
            self._verify_off(plane, {fault_id})
            return last

    def clear(self) -> list[FaultState]:
        """Take every fault off and return their last states."""
        with self._local.state.exclusive("fault clear"):
            plane = self._plane()
            last = [plane.undo(state.id) for state in plane.faults()]
            self._verify_off(plane, {state.id for state in last if state is not None})
            return [state for state in last if state is not None]

    def _stack(self) -> RunningStack:
        stack = self._local.runtime.find()
        if stack is None:
            raise UsageError("no stack runs here", hint="workbench up starts the shop")
        return stack

    def _plane(self) -> FaultPlane:
        return self._local.plane(self._stack())

    @staticmethod
    def _verify_off(plane: FaultPlane, ids: set[str]) -> None:
        left = [state.id for state in plane.faults() if state.id in ids]
        if left:
            raise HarnessError(f"still on: {', '.join(left)}", hint="workbench heal")
