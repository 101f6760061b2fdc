"""The containers of a stack: started by `docker compose`, watched, signalled and removed through the engine's API.

A stack is one compose project. Whatever bears its label is ours, and nothing else is ever touched.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.supervisor.docker_engine import EngineGone, client, remove_labelled, told
from workbench.supervisor.spec import ComposeSpec

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_PROGRESS = re.compile(r" *(Container|Network|Volume) ")
"""Lines of `docker compose up` that are no news where something else went wrong."""

Appeared = Callable[[str, int], None]
Vanished = Callable[[str, int, str], None]


class Containers:
    """The containers of one project. Thread-safe."""

    def __init__(self, spec: ComposeSpec, logs: Path) -> None:
        self._spec = spec
        self.label = f"{_PROJECT}={spec.project}"
        """What everything bears that is ours."""
        self._logs = logs
        self._client: Any = None
        """Made when the containers are started."""
        self._ids: dict[str, str] = {}
        self._pids: dict[str, int] = {}
        self._compose: subprocess.Popen[str] | None = None
        self._said: list[str] = []
        self._closed = False
        self.failure: str | None = None
        """Why the containers could not be started."""
        self.lost: str | None = None
        """Why nothing is known of them any more."""

    # -- starting -------------------------------------------------------------------------------------

    def up(self, appeared: Appeared, vanished: Vanished, lost: Callable[[str], None]) -> subprocess.Popen[str]:
        """Begin to start them all; `failure` tells if that does not succeed. Return the process that does it."""
        self._client = client()
        events = self._client.events(decode=True, filters={"label": self.label})
        threading.Thread(target=self._watch, args=(events, appeared, vanished, lost), daemon=True).start()
        self._compose = subprocess.Popen(
            [*self._spec.command, "up", "--detach", "--no-build", "--pull", "never"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._follow_compose, args=(self._compose,), daemon=True).start()
        return self._compose

    def _follow_compose(self, compose: subprocess.Popen[str]) -> None:
        assert compose.stdout is not None
        for line in compose.stdout:
            if not _PROGRESS.match(line):
                self._said = [*self._said[-20:], line.rstrip()]
        if compose.wait() and not self._closed:
            self.failure = "docker compose up failed:\n" + "\n".join(f"    {line}" for line in self._said)

    @property
    def starting(self) -> bool:
        """Tell whether the engine is still at creating and starting them."""
        return self._compose is not None and self._compose.poll() is None

    def start(self, name: str) -> None:
        """Start a container that has ended; returns once the engine has done so. Raises EngineGone."""
        with told(f"{name} cannot be started"):
            self.container(name).start()

    # -- watching -------------------------------------------------------------------------------------

    def _watch(self, events: Any, appeared: Appeared, vanished: Vanished, lost: Callable[[str], None]) -> None:
        try:
            for event in events:
                self._take(event, appeared, vanished)
            why = "the Docker engine has ended"
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing is heard of containers any more
            why = f"the Docker engine does not tell any more what its containers do: {error}"
        if not self._closed:
            self.lost = why
            lost(why)

    def _take(self, event: dict[str, Any], appeared: Appeared, vanished: Vanished) -> None:
        if event.get("Type") != "container":
            return
        attributes = event["Actor"]["Attributes"]
        name = attributes.get(_SERVICE)
        if name is None:
            return
        match event["Action"]:
            case "start":
                self._ids[name] = event["Actor"]["ID"]
                self._started(name, event["timeNano"] / 1e9, appeared)
            case "die":
                vanished(name, self._pids.pop(name, 0), self._how(name, int(attributes.get("exitCode", "-1"))))

    def _started(self, name: str, at_s: float, appeared: Appeared) -> None:
        try:
            state = self.inspect(name)["State"]
        except EngineGone:
            return  # it has ended already, which is the next event
        pid = int(state["Pid"])
        if pid:
            self._pids[name] = pid if self._is_seen(pid, name) else -pid
            appeared(name, self._pids[name])
        threading.Thread(target=self._keep_log, args=(name, at_s), name=f"log-{name}", daemon=True).start()

    def _is_seen(self, pid: int, name: str) -> bool:
        """Tell whether a process number of the engine's means the same here: it may run in a virtual machine."""
        try:
            return self._ids[name] in Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii")
        except OSError:
            return False

    def _how(self, name: str, code: int) -> str:
        with suppress(EngineGone):
            seen = self.inspect(name)
            if seen["State"].get("OOMKilled"):
                return _out_of_memory(int(seen["HostConfig"]["Memory"]))
        if code > 128:
            with suppress(ValueError):
                return f"killed by {signal.Signals(code - 128).name}"
        return f"exit status {code}"

    def _keep_log(self, name: str, since_s: float) -> None:
        """Append what a container says to its log file, until it ends."""
        since = datetime.fromtimestamp(since_s, UTC).timestamp()
        with suppress(Exception), (self._logs / f"{name}.log").open("ab") as log:
            for piece in self._client.containers.get(self._ids[name]).logs(stream=True, follow=True, since=since):
                log.write(piece)
                log.flush()

    def container(self, name: str) -> Any:
        """Return one container, as the engine's library has it. Raises EngineGone."""
        if name not in self._ids:
            raise EngineGone(f"there is no container of {name}")
        with told(f"the container of {name} cannot be looked at"):
            return self._client.containers.get(self._ids[name])

    def inspect(self, name: str) -> dict[str, Any]:
        """Return all that the engine knows of a container. Raises EngineGone."""
        found: dict[str, Any] = self.container(name).attrs
        return found

    def is_healthy(self, name: str) -> bool:
        """Tell whether a container's own health check says so; one without any is healthy while it runs."""
        try:
            state = self.inspect(name)["State"]
        except EngineGone:
            return False
        health = state.get("Health")
        return bool(state["Running"]) and (health is None or health["Status"] == "healthy")

    # -- disturbing -----------------------------------------------------------------------------------

    def ask(self, name: str, what: str, **arguments: Any) -> None:
        """Have the engine do something to a container, by the name that its library has for it. Raises EngineGone."""
        with told(f"{name}: {what} failed"):
            getattr(self.container(name), what)(**arguments)

    def memory_bytes(self, name: str) -> int:
        """Return what the processes of a container use, without what the kernel may drop. Raises EngineGone."""
        with told(f"the memory of {name} cannot be read"):
            memory = self.container(name).stats(stream=False)["memory_stats"]
            details = memory["stats"]
            dropped = details["total_inactive_file"] if "total_inactive_file" in details else details["inactive_file"]
            return int(memory["usage"]) - int(dropped)

    # -- ending ---------------------------------------------------------------------------------------

    def send(self, name: str, number: int) -> None:
        """Send a signal to a container's first process; nothing if it does not run."""
        with suppress(EngineGone), told(name):
            container = self.container(name)
            if container.status == "paused" and number in (signal.SIGTERM, signal.SIGKILL):
                container.unpause()
            container.kill(number)

    def remove_all(self, grace_s: float) -> None:
        """End and remove all that is ours. The overlay of the project stays where something resists: `down` looks."""
        self._closed = True
        if self._compose is not None and self._compose.poll() is None:
            self._compose.kill()
            self._compose.wait()
        problems = [] if self._client is None else remove_labelled(self._client, self.label, grace_s)
        for problem in problems:
            sys.stderr.write(f"left behind: {problem}\n")
        if not problems:
            Path(self._spec.overlay).unlink(missing_ok=True)


def _out_of_memory(limit: int) -> str:
    at = f"its limit of {limit / 2**20:.0f} MiB" if limit else "the limit of this machine"
    return f"out of memory: the kernel ended it at {at} (`mem_limit` in the compose file sets one, or a `memory` fault)"
