"""Fault planes on one core, ours and Toxiproxy: what the benchmarks that compare them share.

Each plane is pinned to one core, whoever talks to it to another one. `toxiproxy-server` is looked for on PATH or in
WORKBENCH_TOXIPROXY; without it only the built-in plane is measured.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

PLANE_CORE, OTHER_CORE = 0, (os.cpu_count() or 1) - 1
BUILT_IN, TOXIPROXY = "built-in", "toxiproxy"
LEASE_MS = 3_600_000
START_S = 10
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Plane:
    """A running fault plane."""

    name: str
    pid: int
    control: int

    def call(self, method: str, path: str, body: Any = None, timeout_s: float = 60) -> Any:
        """Send a control call; return its JSON. Raises OSError."""
        data = None if body is None else json.dumps(body).encode()
        order = urllib.request.Request(f"http://127.0.0.1:{self.control}{path}", data, method=method)
        with urllib.request.urlopen(order, timeout=timeout_s) as answer:  # noqa: S310 - its own process
            content = answer.read()
        return json.loads(content) if content else None

    def edge(self, name: str, callee: int, *, protocol: str = "http") -> int:
        """Make a listener in front of a callee's port; return its own. Toxiproxy knows no protocols."""
        order = {"name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{callee}"}
        if self.name == BUILT_IN:
            order["protocol"] = protocol
        return int(self.call("POST", "/proxies", order)["listen"].rpartition(":")[2])

    def delay(self, edge: str, ms: int, *, share: float = 1.0) -> None:
        """Let answers wait, the way that comes first in each plane: a fault here, a toxic there."""
        if self.name == BUILT_IN:
            fault = {"id": edge.partition(":")[0], "kind": "latency", "edge": edge, "delay": f"{ms}ms", "share": share}
            self.call("POST", "/faults", {"fault": fault, "seed": 1, "lease_ms": LEASE_MS})
        else:
            toxic = {"type": "latency", "toxicity": share, "attributes": {"latency": ms}}
            self.call("POST", f"/proxies/{edge}/toxics", toxic)

    def cpu_s(self) -> float:
        """Return the CPU time that its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mib(self, *, highest: bool = False) -> float:
        """Return the resident memory of its process, or the highest since `forget_highest`."""
        wanted = "VmHWM:" if highest else "VmRSS:"
        (line,) = [x for x in Path(f"/proc/{self.pid}/status").read_text().splitlines() if x.startswith(wanted)]
        return int(line.split()[1]) / 1024

    def forget_highest(self) -> None:
        """Let the highest memory begin anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


class Rig(ExitStack):
    """Processes on cores, ended with it; `folder` is for what they write."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))

    def start(self, command: Sequence[str], core: int, *, read: bool = False) -> subprocess.Popen[str]:
        """Start a process on a core."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if read else subprocess.DEVNULL,
            stdout=subprocess.PIPE if read else subprocess.DEVNULL,
            stderr=None if read else subprocess.DEVNULL,
            text=True,
            preexec_fn=pin(core),  # noqa: PLW1509
        )
        self.callback(process.wait)
        self.callback(process.kill)
        return process

    def start_role(self, script: str, *words: object) -> subprocess.Popen[str]:
        """Start a part of a benchmark's own script on the other core; it says a line when it is ready."""
        return self.start([sys.executable, script, *map(str, words)], OTHER_CORE, read=True)

    def callee(self, script: str, *words: object) -> int:
        """Start a callee; its first line is its port."""
        return int(read_line(self.start_role(script, *words)))

    def planes(self, *names: str) -> list[Plane]:
        """Start the planes of these names, or all: Toxiproxy, if there is one, and the built-in one, which records."""
        found = []
        program = os.environ.get("WORKBENCH_TOXIPROXY") or shutil.which("toxiproxy-server")
        if program is not None and (not names or TOXIPROXY in names):
            found.append(self._toxiproxy(program))
        if not names or BUILT_IN in names:
            found.append(self._built_in())
        return found

    def _built_in(self) -> Plane:
        command = ["env", "WORKBENCH_CONTROL_PORT=0", sys.executable, "-m", "workbench.faultproxy"]
        process = self.start(command, PLANE_CORE, read=True)
        plane = Plane(BUILT_IN, process.pid, json.loads(read_line(process))["control_port"])
        order = {"directory": str(self.folder), "run_id": "bench", "canary": "0123456789"}
        plane.call("PUT", "/recording", order)
        return plane

    def _toxiproxy(self, program: str) -> Plane:
        control = free_port()
        plane = Plane(TOXIPROXY, self.start([program, "-port", str(control)], PLANE_CORE).pid, control)
        wait_until(lambda: _answers(plane), "toxiproxy-server to answer")
        return plane


def pin(core: int) -> Callable[[], None]:
    """Return what puts a process, with all threads it will have, on one core."""
    return lambda: os.sched_setaffinity(0, {core})


def read_line(process: subprocess.Popen[str]) -> str:
    """Read the next line that a process says."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        sys.exit(f"{process.args} ended with {process.wait()}")
    return line


def wait_until(condition: Callable[[], bool], what: str, within_s: float = START_S) -> None:
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited {within_s} s for {what}")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of all are not above."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


def middle(values: Sequence[float], digits: int = 1) -> str:
    """Return the median, and the lowest and highest in brackets."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def show_machine(*more: str) -> None:
    """Print where it was measured."""
    model = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "?")
    print(f"machine   {model.partition(': ')[2]}, {os.cpu_count()} cores, Linux {platform.release()}")
    print(", ".join((f"versions  Python {platform.python_version()}", f"uvloop {uvloop.__version__}", *more)))


def say(text: str) -> None:
    """Tell on stderr how far it is."""
    print(text, file=sys.stderr)


def _answers(plane: Plane) -> bool:
    try:
        plane.call("GET", "/version", timeout_s=1)
    except OSError:
        return False
    return True
