"""The only place that builds adapters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from workbench.adapters.builtin_plane import BuiltinPlane
from workbench.adapters.collector_client import CollectorClient
from workbench.adapters.collector_recorder import CollectorRecorder
from workbench.adapters.components import finding
from workbench.adapters.fault_planes import FaultPlanes
from workbench.adapters.grafana.noting import grafana_notes
from workbench.adapters.host_time import HostTime
from workbench.adapters.locust_load import LocustLoad
from workbench.adapters.machine import machine, versions
from workbench.adapters.native.process_faults import ProcessFaults
from workbench.adapters.native.runtime import LocalRuntime
from workbench.adapters.native.services import StackServices, force_undo
from workbench.adapters.native.session import StackSession
from workbench.adapters.native.state import State
from workbench.adapters.native.tools import RULES_FILE
from workbench.adapters.obstacles import obstacles
from workbench.adapters.resource_faults import ResourceFaults
from workbench.adapters.run_telling import RunTelling
from workbench.adapters.server_faults import ServerFaults
from workbench.adapters.signals import SignalTrap
from workbench.engine.ledger import Ledger
from workbench.engine.ports import EventSink, FaultPlane, FaultState, Interruption, Recorder, Rim, TimeSource
from workbench.engine.refusing import refuse_other_stack
from workbench.engine.rundir import RunDirectory
from workbench.errors import EnvironmentFailure, HarnessError, UsageError
from workbench.holding import ask_to_end
from workbench.loading.scenario_files import LoadedSystem, load_system
from workbench.model.faults.base import Ability
from workbench.model.planes import PlaneName
from workbench.model.run import Machine
from workbench.model.runtimes import Placement, RuntimeName
from workbench.model.stack import RunningStack
from workbench.model.system import System
from workbench.model.tools import Tool
from workbench.model.units import NS_PER_S
from workbench.pipeline import OpenStack, Planned, refuse_other_ports

STATE_FOLDER = ".workbench"


class LocalDesk:
    """Everything a run needs, on this machine and in this folder."""

    def __init__(
        self, *, reports: Path, sink: EventSink, note: Callable[[str], None], page: Callable[[str], None]
    ) -> None:
        self.reports = reports.resolve()
        self.sink = sink
        self.time: TimeSource = HostTime()
        self._state = State(Path.cwd() / STATE_FOLDER)
        self.ledger = Ledger(self._state.ledger_file)
        self._runtime = LocalRuntime(self._state)
        self._note = note
        self._page = page
        """Told where the live page is, once there is one."""

    def exclusive(self, doing: str) -> AbstractContextManager[None]:
        return self._state.exclusive(doing)

    def interruption(self) -> AbstractContextManager[SignalTrap]:
        return SignalTrap()

    def find(self) -> RunningStack | None:
        return self._runtime.find()

    def up(
        self,
        system: LoadedSystem,
        *,
        port_base: int | None,
        bugs: list[str],
        plane: PlaneName,
        tools: Sequence[Tool],
        placement: Placement,
        owned: bool,
    ) -> RunningStack:
        return self._runtime.up(
            system,
            port_base=port_base,
            bugs=bugs,
            plane=plane,
            tools=tools,
            placement=placement,
            owned=owned,
            progress=self._note,
        )

    def down(self, stack: RunningStack) -> None:
        self._runtime.down(stack, quick=True)

    def obstacles(self, placement: Placement) -> Mapping[Ability, str]:
        return obstacles(placement.runtime)

    def circumstances(
        self, plane: PlaneName, tools: Sequence[Tool], placement: Placement
    ) -> tuple[Machine, dict[str, str]]:
        found = versions()
        if placement.runtime is RuntimeName.DOCKER:
            from workbench.adapters.docker.engine import docker_versions  # noqa: PLC0415 - it needs an extra

            return machine(), found | docker_versions()
        for tool in (*tools, *([Tool.TOXIPROXY] if plane is PlaneName.TOXIPROXY else [])):
            program = finding.find(tool)
            found[tool] = (program and finding.version(tool, program.path)) or "unknown"
        return machine(), found

    @contextmanager
    def open(
        self, stack: RunningStack, planned: Planned, run_id: str, interruption: Interruption
    ) -> Iterator[OpenStack]:
        """Attach to the stack; whatever happens to us while attached, the supervisor cleans up."""
        system = planned.loaded.loaded_system
        log_ends = {path.name: path.stat().st_size for path in self._state.logs.glob("*.log")}
        session = StackSession(stack)
        services = StackServices(self._runtime, stack, system.system, session)
        load = LocustLoad()
        plane = _fault_plane(stack, system.system)
        client = CollectorClient(stack.collector_url, stack.token)
        collector = CollectorRecorder(client)
        telling = RunTelling(self.sink, client, run_id, planned.loaded.scenario, planned.slis)
        scenario = planned.loaded.scenario
        notes = grafana_notes(
            telling, stack, state=self._state.folder, run_id=run_id, scenario=scenario, say=self._note
        )
        rim = Rim(
            time=self.time,
            plane=_fault_planes(plane, stack, system.system),
            recorders=[
                *([plane] if isinstance(plane, BuiltinPlane) else []),
                collector,
                *_tool_recorders(stack, planned, self._state.folder),
            ],
            load=load,
            services=services,
            sink=notes or telling,
            interruption=interruption,
        )

        def save_logs(directory: RunDirectory) -> None:
            directory.save_logs(self._state.logs, log_ends, system.system.masks)

        try:
            telling.begin()
            self._page(self._runtime.live_page(stack))
            yield OpenStack(rim=rim, policies=services.policies, save_logs=save_logs)
        finally:
            load.kill()
            telling.end()
            if notes is not None:
                notes.end()
            session.release()


def _tool_recorders(stack: RunningStack, planned: Planned, state: Path) -> list[Recorder]:
    """Return who keeps what the real tools have seen."""
    recorders: list[Recorder] = []
    if Tool.PROMETHEUS in stack.tools:
        # imported only where it is used: it writes YAML, and Jaeger's spans come as JSON of protobuf
        from workbench.adapters.prometheus.client import PrometheusClient  # noqa: PLC0415
        from workbench.adapters.prometheus.recorder import PrometheusRecorder  # noqa: PLC0415

        prometheus = PrometheusClient(stack.tools[Tool.PROMETHEUS])
        run_s = planned.plan.end_ns / NS_PER_S
        recorders.append(PrometheusRecorder(prometheus, state / RULES_FILE, planned.counted, run_s))
    if Tool.JAEGER in stack.tools:
        from workbench.adapters.jaeger.client import JaegerClient  # noqa: PLC0415
        from workbench.adapters.jaeger.recorder import JaegerRecorder  # noqa: PLC0415

        recorders.append(JaegerRecorder(JaegerClient(stack.tools[Tool.JAEGER]), planned.loaded.system.entry))
    return recorders


def _fault_plane(stack: RunningStack, system: System | None) -> FaultPlane:
    if stack.fault_plane is PlaneName.BUILTIN:
        return BuiltinPlane(stack, system)
    from workbench.adapters.toxiproxy_plane import ToxiproxyPlane  # noqa: PLC0415 - it imports `requests`

    return ToxiproxyPlane(stack, system)


def local_stack() -> LocalStack:
    """Return what runs in the current folder."""
    return LocalStack(State(Path.cwd() / STATE_FOLDER))


class LocalStack:
    """The stack of a folder, for the commands that explore it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.runtime = LocalRuntime(state)
        self.ledger = Ledger(state.ledger_file)

    def up(
        self,
        system: str,
        *,
        port_base: int | None,
        bugs: list[str],
        plane: PlaneName,
        tools: Sequence[Tool],
        placement: Placement,
        progress: Callable[[str], None],
    ) -> tuple[RunningStack, bool]:
        """Start a system, or return the one that runs already; the second value says which."""
        loaded = load_system(system, Path.cwd())
        loaded.refuse_unknown_bugs(bugs)
        with self.state.exclusive(f"up {loaded.system.name}"):
            found = self.runtime.find()
            if found is None:
                stack = self.runtime.up(
                    loaded,
                    port_base=port_base,
                    bugs=bugs,
                    plane=plane,
                    tools=tools,
                    placement=placement,
                    owned=False,
                    progress=progress,
                )
                return stack, True
            if found.system != loaded.system.name or sorted(found.bugs) != sorted(bugs):
                raise UsageError(
                    f"another stack runs here: {found.system}, bugs: {', '.join(found.bugs) or 'none'}",
                    hint="workbench down ends it",
                )
            refuse_other_stack(found, loaded.system.name, bugs=bugs, plane=plane, tools=tools, placement=placement)
            refuse_other_ports(found, port_base)
            return found, False

    def live_page(self) -> str:
        """Return the address of the live page. Raises UsageError where nothing is up that could serve it."""
        stack = self.runtime.find()
        if stack is None:
            raise UsageError("nothing is up that serves the live page", hint="workbench up, or workbench run NAME")
        return self.runtime.live_page(stack)

    def plane(self, stack: RunningStack) -> FaultPlane:
        """Return what injects faults into a stack."""
        return _planes(stack)

    def down(self) -> RunningStack | None:
        """End the stack; refused while a run uses it."""
        if not self.state.folder.exists():  # nothing was ever started here
            return None
        with self.state.exclusive("down"):
            found = self.runtime.find()
            if found is not None:
                self.runtime.down(found)
            else:
                self.runtime.sweep()
            return found

    def status(self) -> dict[str, Any]:
        """Return what runs, as plain data."""
        stack = self.runtime.find()
        pid = self.state.holder_pid()
        seen: dict[str, Any] = {
            "stack": None if stack is None else stack.model_dump(mode="json", exclude={"token"}),
            "processes": {},
            "faults": [],
            "bugs": [] if stack is None else stack.bugs,
            "busy": None if pid is None else self.state.holder(),
            "ledger": self.ledger.entries(),
        }
        if stack is not None:
            seen["processes"] = self.runtime.status(stack)["processes"]
            seen["faults"] = [f"{fault.id} on {fault.target}, {_ends(fault)}" for fault in self.plane(stack).faults()]
        return seen

    def stop(self, within_s: float) -> int | None:
        """Ask the run that holds this folder to end, and wait until it has."""
        pid = ask_to_end(self.state.folder)
        if pid is None:
            return None
        until = time.monotonic() + within_s
        while self.state.holder_pid() == pid:
            if time.monotonic() > until:
                raise EnvironmentFailure(
                    f"the run (pid {pid}) did not end within {within_s:g} s",
                    hint=f"kill -9 {pid}; the supervisor then undoes its faults",
                )
            time.sleep(0.05)
        return pid

    def heal(self) -> list[str]:
        """Undo what may still be on; return what was found and done."""
        said = []
        stack = self.runtime.find()
        if stack is None:
            said.append("no stack runs here, so no fault can be on: the fault plane ends with its supervisor")
        else:
            said += _heal(stack)
        open_entries = self.ledger.entries()
        if open_entries:
            self.ledger.clear("heal")
            said.append(f"cleared {len(open_entries)} entries of the ledger: {'; '.join(open_entries)}")
        else:
            said.append("the ledger is empty")
        return said


def _ends(fault: FaultState) -> str:
    left_ns = fault.left_ns(time.monotonic_ns())
    return "no end set" if left_ns is None else f"{left_ns // NS_PER_S} s left"


def _heal(stack: RunningStack) -> list[str]:
    """Undo every fault of a stack; return what was on. Raises HarnessError if something still is."""
    planes = _planes(stack)
    on: list[FaultState] = []
    try:
        for _ in range(2):  # a service that hung says only now what else is on in it
            found = planes.faults()
            on += found
            for fault in found:
                planes.undo(fault.id)
        left = planes.faults()
    except HarnessError as error:
        force_undo(stack)
        undone = [f"undone by the supervisor: {fault.id} on {fault.target}" for fault in on]
        return [f"{error.message}; the supervisor has undone all faults, and edges are open", *undone]
    if left:
        raise HarnessError(f"still on: {', '.join(fault.id for fault in left)}", hint="workbench down")
    if not on:
        return ["no fault is on"]
    return [f"undone: {fault.id} on {fault.target}" for fault in on]


def _planes(stack: RunningStack) -> FaultPlanes:
    """Return what injects faults into a stack of which no more is known."""
    return _fault_planes(_fault_plane(stack, None), stack, None)


def _fault_planes(edges: FaultPlane, stack: RunningStack, system: System | None) -> FaultPlanes:
    processes = ProcessFaults(stack, system)
    clients = ResourceFaults(stack, processes.canary)
    resources = ServerFaults(stack, clients, processes) if stack.servers else clients
    return FaultPlanes(edges, processes, resources, stack.resources)
