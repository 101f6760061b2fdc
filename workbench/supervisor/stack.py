"""A stack's life: start everything, tell when it is ready, undo faults when the runner is gone, end everything."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from workbench.calls import NoAnswer, call_json
from workbench.supervisor import state_file
from workbench.supervisor.children import Children
from workbench.supervisor.containers import Containers
from workbench.supervisor.disturbances import end_all
from workbench.supervisor.edges import Edges
from workbench.supervisor.faults import ProcessFaults
from workbench.supervisor.guard import Guard
from workbench.supervisor.log_files import indented_tail, log_tail
from workbench.supervisor.orders import Orders
from workbench.supervisor.planes import Plane
from workbench.supervisor.readiness import is_ready, not_ready
from workbench.supervisor.spec import ProcessSpec, StackSpec, StartFailure

_POLL_S = 0.03
_PAUSE_S = 1.0
"""Between two starts of a part that keeps dying."""
_BACK_WITHIN_S = 30.0
"""What was ended, by a fault or because it hung, has to be ready again within this."""
_COLLECTOR_S = 5.0
_RECORDING_S = 2.0
_ENGINE_NEEDS_S = 120.0
"""What creating and starting containers may take at the most, before what they need to become ready."""
_TOLD_TO_END = "it was told to end before it was ready"
_COLLECTOR = "collector"


class Stack:
    """What the control API and the main loop act on."""

    def __init__(self, spec: StackSpec, guard: Guard, lifeline: int, report: Callable[[dict[str, Any]], None]) -> None:
        self.spec = spec
        self._report = report
        logs = Path(spec.state_folder) / "logs"
        self._containers = None if spec.compose is None else Containers(spec.compose, logs)
        self._children = Children(guard, lifeline, self._died, self._containers)
        if self._containers is not None:
            guard.at_end([sys.executable, "-m", "workbench.supervisor.sweep", self._containers.label])
        self._listeners: list[queue.SimpleQueue[dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        """Held while stack.json is written, or removed for good."""
        self._respawned: dict[str, float] = {}
        self._plane_is_back = {plane.name: threading.Event() for plane in spec.planes}
        self._edges = {
            plane.name: Edges(
                Plane(plane.name, plane.url, spec.token), plane.proxies, partial(self._replace_plane, plane.name)
            )
            for plane in spec.planes
        }
        self._took_s = 0.0
        self.faults = ProcessFaults(
            Orders(spec, self._children, self._containers, guard, self._edges, self._bring_back).deed
        )
        self.ready = False
        """Everything answered once, and stack.json is written."""
        self.shutdown = threading.Event()
        self.quick = False
        """End without waiting for requests to drain: nobody is interested any more."""

    # -- up -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all processes and wait until each is ready. Raises StartFailure with the last log lines."""
        began = time.monotonic()
        until = began + self.spec.ready_within_s
        self._import(until)
        for process in self.spec.processes:
            if not process.container:
                self._children.start(process)
        if self._containers is not None:
            self._children.start_containers([one for one in self.spec.processes if one.container], self._engine_lost)
        waiting = {process.name: process for process in self.spec.processes}
        while waiting:
            self._all_run()
            for process in list(waiting.values()):
                if self._is_ready(process):
                    del waiting[process.name]
                    self._report({"event": "ready", "name": process.name})
                    self._set_up(process.name)
            if self._containers is not None and self._containers.starting:
                until = min(time.monotonic(), began + _ENGINE_NEEDS_S) + self.spec.ready_within_s
            if waiting and time.monotonic() > until:
                raise StartFailure(not_ready(list(waiting.values()), self.spec.ready_within_s))
            if self.shutdown.wait(_POLL_S):
                raise StartFailure(_TOLD_TO_END)
        _settle(_COLLECTOR, self._tell_collector)
        self._took_s = time.monotonic() - began
        self._write_state()
        self.ready = True
        self._report({"event": "up"})

    def _set_up(self, name: str) -> None:
        """Tell a part that has become ready what it needs to know before the others can be."""
        if name in self._edges:  # a service may need its edges to become ready
            _settle(name, self._edges[name].make)
            self._plane_is_back[name].set()
        if name == _COLLECTOR:  # Prometheus is ready when it has scraped the collector, which a relay has to lead to
            _settle(name, self._tell_collector)

    def _import(self, until: float) -> None:
        log = Path(self.spec.state_folder) / "logs" / "forkserver.log"
        self._report({"event": "starting", "what": "imports"})
        self._children.start_forkserver(self.spec.preload, self.spec.path, log)
        while not self._children.imported(_POLL_S):
            if self.shutdown.is_set():
                raise StartFailure(_TOLD_TO_END)
            if time.monotonic() > until:
                late = f"the modules to preload were not imported within {self.spec.ready_within_s:g} s"
                raise StartFailure(f"{late}. Last log lines:\n{indented_tail(str(log))}")

    def _all_run(self) -> None:
        if self._containers is not None and (why := self._containers.failure or self._containers.lost):
            raise StartFailure(why)
        for process in self.spec.processes:
            ended = self._children.ended(process.name)
            if ended is not None:
                said = indented_tail(process.log)
                raise StartFailure(f"{process.name} ended while starting: {ended}. Its last log lines:\n{said}")

    def _is_ready(self, process: ProcessSpec) -> bool:
        if process.name not in self._children.pids():
            return False
        if not process.ready_url:
            return self._containers is not None and self._containers.is_healthy(process.name)
        try:
            return is_ready(process)
        except NoAnswer:
            return False

    def _tell_collector(self) -> None:
        body = {**self.spec.targets, "processes": self._seen()}
        call_json(
            "PUT", f"{self.spec.collector_url}/targets", token=self.spec.token, body=body, deadline_s=_COLLECTOR_S
        )

    def _seen(self) -> dict[str, int]:
        """Return the processes that this machine knows by number: those in a virtual machine it does not."""
        seen = {name: pid for name, pid in self._children.pids().items() if pid > 0}
        return {**seen, "supervisor": os.getpid()}

    def _write_state(self) -> None:
        with self._writing:
            if not self.shutdown.is_set():
                state_file.write(Path(self.spec.state_folder), self.spec.stack, self._seen(), self._took_s)

    # -- while it runs --------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return every process: its number, or how it ended."""
        pids = self._children.pids()
        return {
            "stack_id": self.spec.stack["stack_id"],
            "ready": self.ready,
            "processes": {
                process.name: {"pid": pids.get(process.name), "ended": self._children.ended(process.name)}
                for process in self.spec.processes
            },
            "pids": self._seen(),
        }

    def adopt(self, processes: dict[str, int]) -> None:
        """Watch over processes of the runner, such as the load."""
        for name, pid in processes.items():
            self._children.adopt(name, pid)
        url = f"{self.spec.collector_url}/processes"
        call_json("PUT", url, token=self.spec.token, body=processes, deadline_s=_COLLECTOR_S)

    def listen(self) -> queue.SimpleQueue[dict[str, Any]]:
        """Return a queue that receives what happens from now on."""
        events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with self._lock:
            self._listeners.append(events)
        return events

    def forget(self, events: queue.SimpleQueue[dict[str, Any]]) -> None:
        """Stop feeding a queue."""
        with self._lock:
            self._listeners.remove(events)

    def _died(self, process: ProcessSpec, status: str) -> None:
        event = {"event": "died", "name": process.name, "status": status, "log_tail": log_tail(process.log)}
        with self._lock:
            for listener in self._listeners:
                listener.put(event)
        if process.essential and self.ready and not self.shutdown.is_set():
            if process.name in self._plane_is_back:
                self._plane_is_back[process.name].clear()
            # in a thread of its own: this one is needed to notice the next death
            threading.Thread(target=self._respawn, args=(process,), name=f"respawn-{process.name}", daemon=True).start()

    def _engine_lost(self, why: str) -> None:
        with self._lock:
            for listener in self._listeners:
                listener.put({"event": "engine_lost", "why": why})

    def _respawn(self, process: ProcessSpec) -> None:
        """Bring a part of the workbench itself back; a fault plane comes back with its edges open.

        One that cannot be started is tried again; one that is not back in time is killed.
        """
        started_s = self._start_again(process)
        until = time.monotonic() + self.spec.ready_within_s
        is_back = False
        while not self.shutdown.wait(_POLL_S):
            if self._children.ended(process.name) is not None or self._respawned[process.name] != started_s:
                return  # its death brings it back once more
            if not is_back and time.monotonic() > until:
                self._children.kill(process.name)
                until = time.monotonic() + self.spec.ready_within_s
            if not self._is_ready(process):
                continue
            with suppress(NoAnswer):
                if process.name in self._edges and not is_back:
                    self._edges[process.name].make()
                    self._plane_is_back[process.name].set()
                is_back = True
                with suppress(OSError):
                    self._write_state()
                self._tell_collector()
                return

    def _start_again(self, process: ProcessSpec) -> float:
        """Start it, with a pause between two attempts, until that succeeds or the stack ends; return the last time."""
        last_s = self._respawned.get(process.name, -_PAUSE_S)
        pause_s = _PAUSE_S if time.monotonic() - last_s < _PAUSE_S else 0
        while not self.shutdown.wait(pause_s):
            self._respawned[process.name] = last_s = time.monotonic()
            pause_s = _PAUSE_S
            with suppress(StartFailure):
                self._children.start(process)
                break
        return last_s

    def _bring_back(self, process: ProcessSpec) -> None:
        """Have a service running and ready that a fault had ended. Raises StartFailure with its last log lines."""
        if self.shutdown.is_set():
            raise StartFailure(_TOLD_TO_END)
        until = time.monotonic() + _BACK_WITHIN_S
        if process.name not in self._children.pids():
            self._children.start(process)
            self._children.wait_appeared(process.name, _BACK_WITHIN_S)
        while not self._is_ready(process):
            ended = self._children.ended(process.name)
            if ended is not None:
                said = indented_tail(process.log)
                raise StartFailure(f"it ended while starting: {ended}. Its last log lines:\n{said}")
            if time.monotonic() > until:
                raise StartFailure(not_ready([process], _BACK_WITHIN_S))
            if self.shutdown.wait(_POLL_S):
                raise StartFailure(_TOLD_TO_END)
        with suppress(NoAnswer, OSError):  # it is back; that its number is known matters less
            self._tell_collector()
            self._write_state()

    def _replace_plane(self, name: str) -> bool:
        if self._plane_is_back[name].is_set():  # else the next one is on its way
            self._plane_is_back[name].clear()
            self._children.kill(name)
        return self._plane_is_back[name].wait(_BACK_WITHIN_S)

    def _open_all(self, name: str) -> str | None:
        """Open the edges of a plane; of one that is being replaced, once it has its edges."""
        if not self._plane_is_back[name].wait(_BACK_WITHIN_S):
            return f"{name} has ended, and no other one came up"
        return self._edges[name].open_all()

    # -- the runner -----------------------------------------------------------------------------------

    def runner_released(self) -> None:
        """The runner has ended in good order."""
        self._children.release_adopted()

    def runner_gone(self) -> None:
        """The runner died: stop its load, undo its faults, close its files; end the stack if it was its own."""
        self._children.kill_adopted()
        self.undo_faults(of_services=not self.spec.owned)  # services that end in a moment are not started again
        for url in (self.spec.planes[0].url, self.spec.collector_url):
            with suppress(NoAnswer):
                call_json("DELETE", f"{url}/recording", token=self.spec.token, deadline_s=_RECORDING_S)
        if self.spec.owned:
            self.quick = True
            self.shutdown.set()

    def undo_faults(self, *, of_services: bool = True) -> list[str]:
        """Take all faults off and verify it; return why some may still be on.

        `of_services`: also those on services and on what they keep their work in.
        """
        problems: list[str] = []
        others = threading.Thread(target=lambda: problems.extend(self.faults.remove_all()), name="undo", daemon=True)
        if of_services:
            others.start()
        closed = [self._open_all(name) for name in self._edges]
        if of_services:
            others.join()
            problems += end_all(self.spec.disturbances, self.spec.token)  # last: a service that was stopped answers now
        problems += [problem for problem in closed if problem is not None]
        if not problems:
            self._clear_ledger()
        return problems

    def _clear_ledger(self) -> None:
        ledger = Path(self.spec.state_folder) / "ledger.jsonl"
        with suppress(OSError), ledger.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"op": "clear", "by": "supervisor"}) + "\n")
            lines.flush()
            os.fsync(lines.fileno())

    # -- down -----------------------------------------------------------------------------------------

    def end(self) -> None:
        """End every process, then remove the state file."""
        self.shutdown.set()
        with self._writing, suppress(OSError):
            (Path(self.spec.state_folder) / "stack.json").unlink()
        self.faults.close()
        self._children.kill_adopted()
        self._children.stop_all(grace_s=0.5 if self.quick else 5.0)


def _settle(name: str, tell: Callable[[], None]) -> None:
    try:
        tell()
    except NoAnswer as error:
        raise StartFailure(f"{name} did not accept its settings: {error}") from error
