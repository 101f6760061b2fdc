"""What can be done to a service in a container and be undone again, by the engine: pause it, limit its CPU and memory.

Ending one and starting it again is the same as with a process (`deeds.Ended`). None of these has a deadline of its own:
when the supervisor is gone, the containers are removed.
"""

from __future__ import annotations

from typing import Any

from workbench.supervisor.children import Children
from workbench.supervisor.containers import Containers
from workbench.supervisor.deeds import Deed, NotDone
from workbench.supervisor.docker_engine import EngineGone
from workbench.supervisor.spec import ProcessSpec
from workbench.supervisor.wire import Evidence

_PERIOD_US = 100_000
_NO_QUOTA = -1
_NO_LIMIT = -1


class _OnContainer(Deed):
    """A deed on a container that has to be the same one, and running, from beginning to end."""

    def __init__(self, children: Children, containers: Containers, spec: ProcessSpec) -> None:
        self._children = children
        self._containers = containers
        self._name = spec.name
        self._pid: int | None = None

    def _running(self, done: str) -> dict[str, Any]:
        """Return what the engine knows of it. Raises NotDone where it does not run."""
        pid = self._children.pids().get(self._name)
        if pid is None:
            raise NotDone(f"{self._name} does not run, so it cannot be {done}")
        self._pid = pid
        return self._seen()

    def _seen(self) -> dict[str, Any]:
        try:
            return self._containers.inspect(self._name)
        except EngineGone as error:
            raise NotDone(str(error)) from error

    def _ask(self, what: str, **arguments: Any) -> None:
        try:
            self._containers.ask(self._name, what, **arguments)
        except EngineGone as error:
            raise NotDone(str(error)) from error

    def _is_other(self) -> bool:
        """Tell whether it was never done, or what it was done to has ended meanwhile."""
        return self._pid is None or self._children.pids().get(self._name) != self._pid

    def _ended(self) -> Evidence:
        return {} if self._pid is None else {"state": f"{self._name} has ended meanwhile"}


class Paused(_OnContainer):
    """Nothing in it runs; the engine's freezer holds it."""

    def do(self, lease_s: float) -> Evidence:  # noqa: ARG002 - the engine knows no leases
        container = self._running("paused")["Id"]
        self._ask("pause")
        if not self._seen()["State"]["Paused"]:
            raise NotDone(f"{self._name} was paused and runs on")
        return {"container": container[:12], "state": "paused"}

    def undo(self) -> Evidence:
        if self._is_other():
            return self._ended()
        if self._seen()["State"]["Paused"]:
            self._ask("unpause")
        if self._seen()["State"]["Paused"]:
            raise NotDone(f"{self._name} was told to continue and is still paused")
        return {"state": "runs"}


class Slowed(_OnContainer):
    """It gets so much of one core's time and no more."""

    def __init__(self, children: Children, containers: Containers, spec: ProcessSpec, action: dict[str, Any]) -> None:
        super().__init__(children, containers, spec)
        self._quota_us = max(1_000, round(float(action["share"]) * _PERIOD_US))
        self._before_us = _NO_QUOTA

    def do(self, lease_s: float) -> Evidence:  # noqa: ARG002 - the engine knows no leases
        limits = self._running("slowed down")["HostConfig"]
        if limits["NanoCpus"] or limits["CpuPeriod"] not in (0, _PERIOD_US):
            self._pid = None
            raise NotDone(f"{self._name} has a CPU limit by its compose file, which the engine cannot give back")
        self._before_us = limits["CpuQuota"] or _NO_QUOTA
        self._set(self._quota_us)
        return {"quota_us": self._quota_us, "period_us": _PERIOD_US}

    def undo(self) -> Evidence:
        if self._pid is None:
            return {}
        self._set(self._before_us)  # also after it was started again: its limits outlive its process
        return {"quota_us": self._before_us}

    def _set(self, quota_us: int) -> None:
        self._ask("update", cpu_period=_PERIOD_US, cpu_quota=quota_us)
        seen = self._seen()["HostConfig"]["CpuQuota"]
        if seen != quota_us:
            raise NotDone(f"the CPU quota of {self._name} was set to {quota_us} us and is {seen} us")


class Confined(_OnContainer):
    """It may use so much more memory than it has and no more; beyond that the kernel ends it."""

    def __init__(self, children: Children, containers: Containers, spec: ProcessSpec, action: dict[str, Any]) -> None:
        super().__init__(children, containers, spec)
        self._headroom = int(action["headroom_bytes"])
        self._before = (_NO_LIMIT, _NO_LIMIT)

    def do(self, lease_s: float) -> Evidence:  # noqa: ARG002 - the engine knows no leases
        limits = self._running("limited")["HostConfig"]
        try:
            has = self._containers.memory_bytes(self._name)
        except EngineGone as error:
            raise NotDone(str(error)) from error
        limit = has + self._headroom
        if limits["Memory"] and limits["Memory"] <= limit:
            self._pid = None
            raise NotDone(
                f"{self._name} has a limit of {limits['Memory']} bytes already, which {limit} would not lower"
            )
        self._before = (limits["Memory"] or _NO_LIMIT, limits["MemorySwap"] or _NO_LIMIT)
        self._set(limit, limit)
        return {"has_bytes": has, "limit_bytes": limit}

    def undo(self) -> Evidence:
        if self._pid is None:
            return {}
        self._set(*self._before)
        return {"limit_bytes": self._before[0]}

    def _set(self, memory: int, swap: int) -> None:
        self._ask("update", mem_limit=memory, memswap_limit=swap)
        seen = self._seen()["HostConfig"]["Memory"]
        if seen != max(memory, 0):
            raise NotDone(f"the memory limit of {self._name} was set to {memory} bytes and is {seen}")


def deed_on_container(
    action: dict[str, Any], spec: ProcessSpec, children: Children, containers: Containers
) -> Deed | None:
    """Return what an action means for a container; None where it means the same as for a process."""
    match action["do"]:
        case "throttle" if float(action["share"]) == 0:
            return Paused(children, containers, spec)
        case "throttle":
            return Slowed(children, containers, spec, action)
        case "limit_memory":
            return Confined(children, containers, spec, action)
        case _:
            return None
