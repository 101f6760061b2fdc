"""A real supervisor over a stack of tiny services: fault plane, collector and one service, all of them tiny."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from tests.integration.supervisor import tiny
from tests.integration.supervisor.marks import DEADLINE_S, MARK, marked, nothing_left
from tests.ports import free_ports
from workbench.supervisor.spec import PlaneSpec, ProcessSpec, StackSpec

TOKEN = "let-me-in"
_ROOT = Path(__file__).parents[3]
_TINY = f"{tiny.__name__}:main"


@dataclass
class Rig:
    """One stack. `processes` may be changed before `launch`."""

    folder: Path
    owned: bool = False
    ready_within_s: float = DEADLINE_S
    preload: list[str] = field(default_factory=lambda: [tiny.__name__])
    path: list[str] = field(default_factory=lambda: [str(_ROOT)])

    def __post_init__(self) -> None:
        (self.folder / "logs").mkdir()
        self.mark = secrets.token_hex(8)
        plane, collector, service, self.control = free_ports(4)
        self.ports = {"faultproxy": plane, "collector": collector, "shelf": service}
        self.processes = {
            name: ProcessSpec(
                name=name,
                target=_TINY,
                argv=[],
                environment={"TINY_PORT": str(port), "TINY_LOG": str(self.folder / f"{name}.requests")},
                cwd=str(self.folder),
                log=str(self.folder / "logs" / f"{name}.log"),
                ready_url=f"http://127.0.0.1:{port}/ready",
                essential=name != "shelf",
            )
            for name, port in self.ports.items()
        }
        self.disturbances: dict[str, str] = {}
        self.planes: list[PlaneSpec] = []
        """Beside the one that is always there."""
        self._owner: int | None = None
        self._reports = -1
        self._unread = b""

    # -- starting -------------------------------------------------------------------------------------

    def change(self, name: str, *, argv: list[str] | None = None, **environment: str) -> None:
        """Give a process other variables, or a command instead of a forked function."""
        old = self.processes[name]
        target = _TINY if argv is None else None
        self.processes[name] = replace(old, target=target, argv=argv or [], environment=old.environment | environment)

    def launch(self) -> None:
        """Start the supervisor and do not wait."""
        urls = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}
        spec = StackSpec(
            state_folder=str(self.folder),
            stack={"stack_id": self.mark},
            control_port=self.control,
            token=TOKEN,
            planes=[PlaneSpec("faultproxy", urls["faultproxy"], [{"name": "a:b"}]), *self.planes],
            collector_url=urls["collector"],
            targets={"services": {}},
            disturbances=self.disturbances,
            processes=list(self.processes.values()),
            preload=self.preload,
            path=self.path,
            owned=self.owned,
            ready_within_s=self.ready_within_s,
        )
        spec.write(self.folder / "supervisor.json")
        owner, self._owner = os.pipe()
        self._reports, reporting = os.pipe()
        command = [sys.executable, "-m", "workbench.supervisor", str(self.folder / "supervisor.json")]
        launched = subprocess.Popen(
            [*command, str(owner), str(reporting)],
            stdin=subprocess.DEVNULL,
            pass_fds=(owner, reporting),
            start_new_session=True,
            env={**os.environ, MARK: self.mark},
        )
        os.close(owner)
        os.close(reporting)
        assert launched.wait(DEADLINE_S) == 0

    def reports(self) -> Iterator[dict[str, Any]]:
        """Yield what the supervisor reports, up to the end of its reports."""
        until = time.monotonic() + DEADLINE_S
        while True:
            left = max(until - time.monotonic(), 0)
            assert select.select([self._reports], [], [], left)[0], f"no report within {DEADLINE_S:g} s"
            chunk = os.read(self._reports, 65536)
            if not chunk:
                return
            *lines, self._unread = (self._unread + chunk).split(b"\n")
            yield from map(json.loads, lines)

    def up(self) -> list[dict[str, Any]]:
        """Launch, and wait until the stack is up."""
        self.launch()
        seen = []
        for event in self.reports():
            seen.append(event)
            assert event["event"] != "failed", event["message"]
            if event["event"] == "up":
                return seen
        raise AssertionError(f"the supervisor ended after {seen}\n{self.log('supervisor')}")

    def failure(self) -> str:
        """Launch a stack that cannot start; return the message once every process of it is gone."""
        self.launch()
        last = list(self.reports())[-1]
        assert last["event"] == "failed"
        nothing_left(self.mark)
        return str(last["message"])

    # -- asking ---------------------------------------------------------------------------------------

    def send(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.control, timeout=DEADLINE_S)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def status(self) -> dict[str, Any]:
        code, answer = self.send("GET", "/status")
        assert code == 200
        return dict(answer)

    def pid(self, name: str) -> int:
        return int(self.status()["pids"][name])

    def guard(self) -> int:
        """Return the process that kills what the supervisor leaves behind."""
        supervisor = self.pid("supervisor")
        (found,) = [process.pid for process in self.named("workbench.supervisor") if process.pid != supervisor]
        return found

    def named(self, word: str) -> list[psutil.Process]:
        """Return the processes of this stack with a word in their command, oldest first."""
        found = []
        for process in marked(self.mark):
            with contextlib.suppress(psutil.Error):
                if word in process.cmdline():
                    found.append(process)
        return sorted(found, key=lambda process: process.pid)

    def requests(self, name: str) -> list[str]:
        """Return what a process was asked, readiness left out."""
        log = self.folder / f"{name}.requests"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.strip() for line in lines if "/ready" not in line]

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text()

    def attach(self) -> Runner:
        return Runner(self)

    # -- ending ---------------------------------------------------------------------------------------

    def let_go(self) -> None:
        """Close the owner's end: whoever asked for the stack is gone."""
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None

    def signal(self, name: str, number: signal.Signals) -> int:
        pid = self.guard() if name == "guard" else self.pid(name)
        os.kill(pid, number)
        return pid

    def end(self) -> None:
        """End the stack if it still runs, and assert that nothing of it is left."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.send("POST", "/shutdown", {"quick": True})
        self.let_go()
        nothing_left(self.mark)
        if self._reports >= 0:
            os.close(self._reports)


class Runner:
    """The runner's end of an attachment, without the help of the real one, so that it can vanish."""

    def __init__(self, rig: Rig) -> None:
        self._socket = socket.create_connection(("127.0.0.1", rig.control), timeout=DEADLINE_S)
        self._socket.sendall(
            f"POST /attach HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        self._lines = self._socket.makefile("rb")
        assert b" 200 " in self._lines.readline()
        while self._lines.readline() != b"\r\n":
            pass
        self._load: subprocess.Popen[bytes] | None = None
        self._rig = rig

    def start_load(self) -> int:
        """Start a process of our own and hand it to the supervisor to watch over."""
        self._load = subprocess.Popen(
            ["sleep", "600"], start_new_session=True, env={**os.environ, MARK: self._rig.mark}
        )
        assert self._rig.send("POST", "/processes", {"load": self._load.pid})[0] == 200
        return self._load.pid

    def event(self) -> dict[str, Any]:
        """Return the next event."""
        line = self._lines.readline()
        assert line, "the supervisor closed the attachment"
        return dict(json.loads(line))

    def release(self) -> None:
        """Let go in good order, and wait until the supervisor has taken note."""
        self._socket.sendall(b"release\n")
        assert self._lines.read() == b""
        self._close()

    def vanish(self) -> None:
        """Be gone without a word, as after SIGKILL."""
        self._close()

    def _close(self) -> None:
        self._lines.close()
        self._socket.close()

    def load_status(self) -> int:
        """Return how the load ended."""
        assert self._load is not None
        return self._load.wait(DEADLINE_S)

    def end_load(self) -> None:
        assert self._load is not None
        self._load.kill()
        self._load.wait(DEADLINE_S)
