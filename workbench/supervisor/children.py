"""The children of the supervisor: started by fork or as commands, watched, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from workbench.supervisor.containers import Containers
from workbench.supervisor.docker_engine import EngineGone
from workbench.supervisor.forking import ForkServer
from workbench.supervisor.guard import Guard
from workbench.supervisor.lifeline import LIFELINE
from workbench.supervisor.log_files import private
from workbench.supervisor.spec import ProcessSpec, StartFailure

_PARTS_END_S = 5.0
"""What the workbench's own parts may take to end: the live page has to be told how the run came out."""


class Children:
    """All processes of a stack. Thread-safe; `on_exit(spec, status text)` is called for each unasked exit."""

    def __init__(
        self,
        guard: Guard,
        lifeline: int,
        on_exit: Callable[[ProcessSpec, str], None],
        containers: Containers | None = None,
    ) -> None:
        self._guard = guard
        self._containers = containers
        self._lifeline = lifeline
        self._on_exit = on_exit
        self._lock = threading.Lock()
        self._specs: dict[str, ProcessSpec] = {}
        self._pids: dict[str, int] = {}
        self._adopted: dict[str, int] = {}
        self._ended: dict[str, str] = {}
        self._asked: set[int] = set()
        """Processes that are to end because a fault says so: that is no news."""
        self._changed = threading.Condition(self._lock)
        self._stopping = False
        self._forkserver: ForkServer | None = None

    # -- starting -------------------------------------------------------------------------------------

    def start_forkserver(self, preload: list[str], path: list[str], log: Path) -> None:
        """Start the process that services are forked from; returns at once. `imported` tells when it is ready."""
        self._forkserver = ForkServer(preload, path, log, self._lifeline)
        self._guard.add(self._forkserver.pid)
        self._pids["forkserver"] = self._forkserver.pid

    def imported(self, within_s: float) -> bool:
        """Tell whether the modules are imported, waiting a little. Raises StartFailure if one cannot be."""
        assert self._forkserver is not None
        if not self._forkserver.imported(within_s):
            return False
        threading.Thread(target=self._follow_forkserver, name="forkserver", daemon=True).start()
        return True

    def start_containers(self, specs: list[ProcessSpec], lost: Callable[[str], None]) -> None:
        """Begin to start these, all containers of the stack; `lost` is told when the engine has gone."""
        assert self._containers is not None
        with self._lock:
            self._specs |= {spec.name: spec for spec in specs}
        try:
            self._guard.add(self._containers.up(self._appeared, self._vanished, lost).pid)
        except (EngineGone, OSError) as error:
            raise StartFailure(str(error)) from error

    def start(self, spec: ProcessSpec) -> None:
        """Start one process; returns at once. `pid` tells when it exists."""
        with self._lock:
            self._specs[spec.name] = spec
            self._ended.pop(spec.name, None)
        if spec.container:
            assert self._containers is not None
            try:
                self._containers.start(spec.name)
            except EngineGone as error:
                with self._lock:
                    self._ended[spec.name] = str(error)
                raise StartFailure(str(error)) from error
        elif spec.target is not None:
            assert self._forkserver is not None
            try:
                with self._lock:
                    self._forkserver.start(spec)
            except OSError as error:
                with self._lock:
                    self._ended[spec.name] = "the process that it is forked from has ended"
                raise StartFailure(f"{spec.name}: the process that it is forked from has ended") from error
        else:
            self._start_command(spec)

    def _start_command(self, spec: ProcessSpec) -> None:
        environment = {**os.environ, **spec.environment, LIFELINE: str(self._lifeline)}
        doing = f"open {spec.log}"
        try:
            with open(spec.log, "ab", opener=private) as log:
                doing = f"run {spec.argv[0]}"
                child = subprocess.Popen(
                    spec.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=spec.cwd,
                    env=environment,
                    pass_fds=(self._lifeline,),
                    start_new_session=True,
                )
        except OSError as error:
            failure = f"{spec.name}: cannot {doing}: {error.strerror}"
            with self._lock:
                self._ended[spec.name] = failure
            raise StartFailure(failure) from error
        self._appeared(spec.name, child.pid)
        threading.Thread(target=self._follow_command, args=(spec.name, child), daemon=True).start()

    def adopt(self, name: str, pid: int) -> None:
        """Kill this process too when the runner, or the supervisor, is gone. It is not a child."""
        self._guard.add(pid)
        with self._lock:
            self._adopted[name] = pid

    def kill_adopted(self) -> None:
        """Kill what the runner left behind."""
        with self._lock:
            adopted, self._adopted = self._adopted, {}
        for pid in adopted.values():
            signal_group(pid, signal.SIGKILL)
            self._guard.forget(pid)

    def release_adopted(self) -> None:
        """The runner has ended its processes itself."""
        with self._lock:
            adopted, self._adopted = self._adopted, {}
        for pid in adopted.values():
            self._guard.forget(pid)

    # -- watching -------------------------------------------------------------------------------------

    def pids(self) -> dict[str, int]:
        """Return the processes that are running, by name."""
        with self._lock:
            return {**self._pids, **self._adopted}

    def ended(self, name: str) -> str | None:
        """Return how a process ended, or None while it runs."""
        with self._lock:
            return self._ended.get(name)

    def _follow_forkserver(self) -> None:
        assert self._forkserver is not None
        for event in self._forkserver.events():
            if event["event"] == "started":
                self._appeared(event["name"], event["pid"])
            else:
                self._vanished(event["name"], event["pid"], _how(event["status"]))
        status = self._forkserver.wait()
        for name, spec in list(self._specs.items()):
            if spec.target is not None and self.ended(name) is None and name in self._pids:
                self._vanished(name, self._pids[name], _how(status))

    def _follow_command(self, name: str, child: subprocess.Popen[bytes]) -> None:
        self._vanished(name, child.pid, _how(child.wait()))

    def _appeared(self, name: str, pid: int) -> None:
        if not self._is_container(name):
            self._guard.add(pid)
        with self._changed:
            self._pids[name] = pid
            self._changed.notify_all()

    def _is_container(self, name: str) -> bool:
        spec = self._specs.get(name)
        return spec is not None and spec.container

    def _signal(self, name: str, pid: int, number: int) -> None:
        """Send a signal to a process and all that it has started, if they are there."""
        if self._is_container(name):
            assert self._containers is not None
            self._containers.send(name, number)
        else:
            signal_group(pid, number)

    def _vanished(self, name: str, pid: int, text: str) -> None:
        if not self._is_container(name):
            signal_group(pid, signal.SIGKILL)  # grandchildren that outlived it
            self._guard.forget(pid)
        with self._changed:
            if self._pids.get(name) == pid:
                del self._pids[name]
            self._ended[name] = text
            spec = self._specs.get(name)
            asked = self._stopping or pid in self._asked
            self._asked.discard(pid)
            self._changed.notify_all()
        if spec is not None and not asked:
            self._on_exit(spec, text)

    # -- ending ---------------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """Kill one process; `on_exit` is called as for any unasked exit."""
        with self._lock:
            pid = self._pids.get(name)
        if pid is not None:
            self._signal(name, pid, signal.SIGKILL)

    def end(self, name: str, number: int, grace_s: float) -> str:
        """End one process by a signal and kill it if that takes too long; `on_exit` is not called for it.

        Return how it ended. Raises TimeoutError if it is still there.
        """
        with self._lock:
            pid = self._pids.get(name)
            if pid is None:
                return self._ended.get(name, "it does not run")
            self._asked.add(pid)
        for signal_number, within_s in ((number, grace_s), (signal.SIGKILL, 2.0)):
            self._signal(name, pid, signal_number)
            self._wait_gone([name], within_s)
            ended = self.ended(name)
            if ended is not None:
                return ended
        raise TimeoutError(f"{name} (pid {pid}) is still there after SIGKILL")

    def wait_appeared(self, name: str, within_s: float) -> int | None:
        """Return the number of a process that was started, once it exists; None if it does not come to that."""
        with self._changed:
            self._changed.wait_for(lambda: name in self._pids or name in self._ended, within_s)
            return self._pids.get(name)

    def stop_all(self, grace_s: float) -> None:
        """Ask all to end, kill what has not ended after `grace_s`, then end the fork server."""
        with self._lock:
            self._stopping = True
        if self._containers is not None:
            self._containers.remove_all(grace_s)
        own = {name: spec for name, spec in self._specs.items() if not spec.container}
        self._stop([name for name, spec in own.items() if not spec.essential], grace_s)
        self._stop(list(own), _PARTS_END_S)
        if self._forkserver is not None:
            self._forkserver.end()
            self._guard.forget(self._forkserver.pid)

    def _stop(self, names: list[str], grace_s: float) -> None:
        for number, deadline in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 2.0)):
            with self._lock:
                running = {name: self._pids[name] for name in names if name in self._pids}
            for pid in running.values():
                signal_group(pid, number)
                if number == signal.SIGTERM:
                    signal_group(pid, signal.SIGCONT)  # a stopped process cannot handle SIGTERM
            self._wait_gone(names, deadline)

    def _wait_gone(self, names: list[str], seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            while any(name in self._pids for name in names):
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return


def _how(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a process and all that it has started, if they are there."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
