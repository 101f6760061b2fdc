"""What can be done to a service's process and be undone again: end it, throttle it, limit its memory.

Each is verified on before `do` returns and verified off before `undo` does, and `undo` may be called again after it
failed. No kind of fault is known here.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from workbench.supervisor import throttle
from workbench.supervisor.children import Children, signal_group
from workbench.supervisor.guard import Guard
from workbench.supervisor.spec import ProcessSpec, StartFailure
from workbench.supervisor.wire import Evidence

_GRACE_S = 5.0
"""How long a process that was asked to end may take before it is killed."""
_LEAVES_WITHIN_S = 2.0
_SEEN_WITHIN_S = 10.0
"""A process that is told to stop does so when it gets a core the next time."""
_POLL_S = 0.005
_BEYOND_LEASE_S = 1.0
"""So much later than the lease the throttle leaves by itself, should the supervisor hang."""


class NotDone(Exception):
    """It could not be done, or not be undone. The message is for the user."""


class Deed(ABC):
    """One thing done to one service, or to one server."""

    alone: ClassVar[bool] = True
    """Whether nothing else can be done to the same one meanwhile."""

    @abstractmethod
    def do(self, lease_s: float) -> Evidence:
        """Do it and verify it. Raises NotDone."""

    @abstractmethod
    def undo(self) -> Evidence:
        """Undo it and verify that; does nothing where nothing is left to undo. Raises NotDone."""

    def renewed(self, lease_s: float) -> None:  # noqa: B027 - most deeds have no deadline of their own
        """It is to last for so long from now."""

    def over(self) -> bool:
        """Tell whether it has ended by itself, wholly or in part; it is undone then. May be asked beside `undo`."""
        return False

    def abandon(self) -> None:  # noqa: B027 - what ends with the process needs nothing
        """The stack ends: leave nothing stopped, start nothing."""


class Ended(Deed):
    """The process ends, and is started again after a while, or not before the undo."""

    def __init__(
        self, children: Children, spec: ProcessSpec, bring_back: Callable[[ProcessSpec], None], action: dict[str, Any]
    ) -> None:
        self._children = children
        self._spec = spec
        self._bring_back = bring_back
        self._signal = signal.Signals[action["signal"]]
        after_ns = action["again_after_ns"]
        self._again_after_s: float | None = None if after_ns is None else after_ns / 1e9
        self._done = False
        self._undone = threading.Event()
        self._starting = threading.Lock()
        self._again: threading.Thread | None = None

    def do(self, lease_s: float) -> Evidence:  # noqa: ARG002 - nothing of it has to be told
        pid = self._children.pids().get(self._spec.name)
        if pid is None:
            raise NotDone(f"{self._spec.name} does not run, so it cannot be ended")
        self._done = True
        try:
            how = self._children.end(self._spec.name, self._signal, _GRACE_S)
        except TimeoutError as error:
            raise NotDone(str(error)) from error
        if self._again_after_s is not None:
            self._again = threading.Thread(target=self._start_again, name=f"again-{self._spec.name}", daemon=True)
            self._again.start()
        return {"pid": pid, "ended": how}

    def _start_again(self) -> None:
        assert self._again_after_s is not None
        if not self._undone.wait(self._again_after_s):
            with suppress(NotDone):  # the undo tries again, and says so
                self._start()

    def _start(self) -> None:
        """Have it running and ready."""
        with self._starting:
            try:
                self._bring_back(self._spec)
            except StartFailure as failure:
                raise NotDone(f"{self._spec.name} was ended and cannot be started again: {failure}") from failure

    def undo(self) -> Evidence:
        self._undone.set()
        if not self._done:
            return {}  # a service that did not run before is not started
        self._start()
        return {"pid": self._children.pids().get(self._spec.name, 0)}

    def abandon(self) -> None:
        self._undone.set()


class Throttled(Deed):
    """The process group runs in a part of every slice of time, or not at all."""

    def __init__(self, children: Children, spec: ProcessSpec, guard: Guard, action: dict[str, Any]) -> None:
        self._children = children
        self._spec = spec
        self._guard = guard
        self._share = float(action["share"])
        self._throttle: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def do(self, lease_s: float) -> Evidence:
        pid = self._children.pids().get(self._spec.name)
        if pid is None:
            raise NotDone(f"{self._spec.name} does not run, so it cannot be stopped")
        self._pid = pid
        # isolated and without site: it starts in some 20 ms
        command = [sys.executable, "-I", "-S", throttle.__file__, str(pid), str(self._share)]
        try:
            self._throttle = subprocess.Popen(
                [*command, str(lease_s + _BEYOND_LEASE_S)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise NotDone(f"the process that stops {self._spec.name} cannot be started: {error.strerror}") from error
        self._guard.add(self._throttle.pid)
        assert self._throttle.stdout is not None
        if self._throttle.stdout.readline() != b"stopped\n":
            raise NotDone(f"{self._spec.name} could not be stopped: it has ended")
        if not self._share:
            _wait_for(lambda: is_stopped(pid), f"{self._spec.name} was told to stop and runs on")
        return {"pid": pid, "throttle_pid": self._throttle.pid, "state": "throttled" if self._share else "stopped"}

    def renewed(self, lease_s: float) -> None:
        if self._throttle is not None and self._throttle.stdin is not None:
            with suppress(OSError, ValueError):  # it has left: `over` says so
                self._throttle.stdin.write(f"{lease_s + _BEYOND_LEASE_S}\n".encode())
                self._throttle.stdin.flush()

    def over(self) -> bool:
        return self._throttle is not None and self._throttle.poll() is not None

    def undo(self) -> Evidence:
        self._let_go()
        if self._children.pids().get(self._spec.name) != self._pid:
            return {"state": f"{self._spec.name} has ended meanwhile"}
        _wait_for(lambda: not is_stopped(self._pid), f"{self._spec.name} was told to continue and is still stopped")
        return {"state": "runs"}

    def abandon(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        """End the throttle and continue the service, whatever has become of the throttle."""
        if self._throttle is not None:
            for pipe in (self._throttle.stdin, self._throttle.stdout):
                assert pipe is not None
                with suppress(OSError):
                    pipe.close()
            try:
                self._throttle.wait(_LEAVES_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._throttle.kill()
                self._throttle.wait()
            self._guard.forget(self._throttle.pid)
        if self._pid and self._children.pids().get(self._spec.name) == self._pid:
            signal_group(self._pid, signal.SIGCONT)


class Confined(Deed):
    """The address space of the process may grow by so much and no more (Linux)."""

    def __init__(self, children: Children, spec: ProcessSpec, action: dict[str, Any]) -> None:
        self._children = children
        self._spec = spec
        self._headroom = int(action["headroom_bytes"])
        self._pid = 0
        self._before: tuple[int, int] | None = None
        self._limit = 0

    def do(self, lease_s: float) -> Evidence:  # noqa: ARG002 - nothing of it has to be told
        import psutil  # noqa: PLC0415 - heavy, and seldom needed

        if not hasattr(resource, "prlimit"):
            raise NotDone("this operating system cannot limit the memory of a running process")
        pid = self._children.pids().get(self._spec.name)
        if pid is None:
            raise NotDone(f"{self._spec.name} does not run, so its memory cannot be limited")
        try:
            has = int(psutil.Process(pid).memory_info().vms)
            before = resource.prlimit(pid, resource.RLIMIT_AS)
        except (psutil.Error, OSError) as error:
            raise NotDone(f"the memory of {self._spec.name} cannot be read: {error}") from error
        self._limit = has + self._headroom
        lowest = min((limit for limit in before if limit != resource.RLIM_INFINITY), default=None)
        if lowest is not None and lowest <= self._limit:
            raise NotDone(
                f"{self._spec.name} has a limit of {lowest} bytes already, which {self._limit} would not lower"
            )
        self._pid, self._before = pid, before
        self._set(pid, (self._limit, before[1]))
        return {"pid": pid, "has_bytes": has, "limit_bytes": self._limit}

    def undo(self) -> Evidence:
        if self._before is None or self._children.pids().get(self._spec.name) != self._pid:
            return {"state": f"{self._spec.name} has ended meanwhile"} if self._before is not None else {}
        for pid in [self._pid, *_descendants(self._pid)]:  # those that it has started meanwhile have the limit too
            with suppress(ProcessLookupError):
                if resource.prlimit(pid, resource.RLIMIT_AS)[0] == self._limit:
                    self._set(pid, self._before)
        return {"limit_bytes": self._before[0]}

    def _set(self, pid: int, limits: tuple[int, int]) -> None:
        try:
            resource.prlimit(pid, resource.RLIMIT_AS, limits)
            seen = resource.prlimit(pid, resource.RLIMIT_AS)
        except ProcessLookupError:
            raise
        except (OSError, ValueError) as error:
            raise NotDone(f"the memory limit of {self._spec.name} cannot be set: {error}") from error
        if seen != limits:
            raise NotDone(f"the memory limit of {self._spec.name} was set to {limits[0]} bytes and is {seen[0]}")


def deed_for(
    action: dict[str, Any],
    spec: ProcessSpec,
    children: Children,
    guard: Guard,
    bring_back: Callable[[ProcessSpec], None],
) -> Deed:
    """Return what an action means for a service. Raises ValueError, KeyError or TypeError for one that is unknown."""
    match action["do"]:
        case "end":
            return Ended(children, spec, bring_back, action)
        case "throttle":
            return Throttled(children, spec, guard, action)
        case "limit_memory":
            return Confined(children, spec, action)
        case unknown:
            raise ValueError(f"unknown action {unknown!r}")


def is_stopped(pid: int) -> bool:
    """Tell whether a process is stopped by a signal."""
    import psutil  # noqa: PLC0415 - heavy, and seldom needed

    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


def _descendants(pid: int) -> list[int]:
    import psutil  # noqa: PLC0415 - heavy, and seldom needed

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _wait_for(condition: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + _SEEN_WITHIN_S
    while not condition():
        if time.monotonic() > until:
            raise NotDone(otherwise)
        time.sleep(_POLL_S)
