"""What is left when the command is killed? SIGKILL of `workbench run`, or of its process group, at random moments.

    .venv/bin/python benchmarks/killed.py [times] [seed] [patience]

The run (killed.yaml) has faults on edges and on services: delayed and refused, killed, paused, throttled, restarted and
limited. Moments are drawn evenly over all of it: start, baseline, faults, recovery, judging. Every other run is on a
stack of its own, of which no process may be alive five seconds later; the others are on one stack that stays, of which
every process has to be there, ready, neither stopped nor limited, and every fault gone. Then `up` has to work.
"""

from __future__ import annotations

import json
import os
import random
import resource
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.adapters.machine import machine
from workbench.model.outcome import Exit

WORKBENCH = (sys.executable, "-m", "workbench")
SCENARIO = ["run", str(Path(__file__).with_suffix(".yaml")), "--allow-inconclusive"]
WHOLE_RUN_S = {"own": 20.0, "staying": 17.0}
"""How long a run takes, by its stack."""
PATIENCE_S = 5.0
MARK = "WORKBENCH_BENCHMARK_MARK"


class Folder:
    """A folder in which stacks are started, all of whose processes carry a mark in their environment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mark = secrets.token_hex(8)
        self.ports = ("--port-base", str(_free_block()))
        self.environment = {**os.environ, MARK: self.mark}

    def workbench(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*WORKBENCH, *arguments],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def killed_at(self, moment_s: float, *, whole_group: bool) -> str:
        """Kill a run at a moment; return what its journal came to last."""
        before = set(self.path.glob("reports/*/journal.jsonl"))
        process = subprocess.Popen(
            [*WORKBENCH, *SCENARIO, *self.ports],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(moment_s)
        if process.poll() == Exit.USAGE:
            raise SystemExit(f"workbench {' '.join(SCENARIO)} is refused; run it to see why")
        over = process.poll() is not None
        if not over and whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        elif not over:
            process.kill()
        process.wait()
        return "over" if over else self._last_event(before)

    def _last_event(self, before: set[Path]) -> str:
        journals = set(self.path.glob("reports/*/journal.jsonl")) - before
        journals = {path for path in journals if not path.parent.is_symlink()}
        if not journals:
            return "before the run"
        last: dict[str, Any] = {"event": "run begins"}
        for line in journals.pop().read_text().splitlines():
            try:
                last = json.loads(line)
            except ValueError:  # torn
                break
        return " ".join(filter(None, (last["event"], last.get("fault"))))

    # -- what is left ---------------------------------------------------------------------------------

    def processes(self) -> dict[int, str]:
        """Return the command lines of all processes with the mark."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found[int(folder.name)] = command
            except OSError:
                continue
        return found

    def left_of_own(self) -> list[str]:
        """Return what is left of a stack that has to be gone: processes, and ports that accept connections."""
        left = [f"process {pid}: {command[:80]}" for pid, command in self.processes().items()]
        return left + [f"port {port}" for port in self._ports() if _accepts(port)]

    def left_of_staying(self) -> list[str]:
        """Return what is wrong with a stack that has to stay: faults, stopped, limited, missing or superfluous ones."""
        asked = self.workbench("status", "--json")
        if asked.returncode:
            return [f"status ends with {asked.returncode}: {asked.stderr.strip()[-200:]}"]
        status = json.loads(asked.stdout)
        left = [f"fault {fault}" for fault in status["faults"]]
        left += [f"ledger {entry}" for entry in status["ledger"]]
        left += [f"{name} has ended" for name, state in status["processes"].items() if state["pid"] is None]
        for pid, command in self.processes().items():
            left += [f"process {pid} {wrong}: {command[:80]}" for wrong in _wrong_with(pid, command)]
        left += [f"{url} is not ready" for url in self._ready_urls() if not _answers(url)]
        return left

    def _spec(self) -> list[dict[str, Any]]:
        file = self.path / ".workbench" / "supervisor.json"
        return list(json.loads(file.read_text())["processes"]) if file.exists() else []

    def _ready_urls(self) -> list[str]:
        return [process["ready_url"] for process in self._spec()]

    def _ports(self) -> list[int]:
        return [int(url.split(":")[2].split("/")[0]) for url in self._ready_urls()]


def _wrong_with(pid: int, command: str) -> list[str]:
    wrong = []
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state in "Tt":
            wrong.append("is stopped")
        if resource.prlimit(pid, resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
            wrong.append("is limited")
        if any(word in command for word in ("throttle.py", "workbench.loadgen", "workbench run")):
            wrong.append("is still there")
    except OSError:
        pass
    return wrong


def _free_block() -> int:
    """Return the base of a block of ports that nobody listens on.

    Above those that other stacks on this machine choose from (two that start at once could choose the same one), and
    below the ephemeral ports.
    """
    while True:
        base = 31_200 + 200 * secrets.randbelow(7)
        if not any(_accepts(base + offset) for offset in range(200)):
            return base


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - http on loopback
            return True
    except (urllib.error.URLError, OSError):
        return False


def after(patience_s: float, look: Callable[[], list[str]]) -> list[str]:
    """Return what is left after five seconds, or, if more patience is asked for, what is left even then."""
    time.sleep(min(patience_s, PATIENCE_S))
    until = time.monotonic() + patience_s - PATIENCE_S
    while (left := look()) and time.monotonic() < until:
        time.sleep(0.5)
    return left


def next_up(folder: Folder) -> list[str]:
    """Return why `up` does not work, if it does not."""
    up = folder.workbench("up", *folder.ports)
    return [] if up.returncode == 0 else [f"up ends with {up.returncode}: {up.stderr.strip()[-200:]}"]


def one_own(folder: Folder, moment_s: float, patience_s: float, *, whole_group: bool) -> tuple[str, list[str]]:
    """Kill a run with a stack of its own; return what it came to, and what was left of it."""
    phase = folder.killed_at(moment_s, whole_group=whole_group)
    left = after(patience_s, folder.left_of_own)
    left += next_up(folder)
    folder.workbench("down")
    return phase, left + [f"after down: {text}" for text in folder.left_of_own()]


def one_staying(folder: Folder, moment_s: float, patience_s: float, *, whole_group: bool) -> tuple[str, list[str]]:
    """Kill a run on a stack that stays; return what it came to, and what was left of it."""
    phase = folder.killed_at(moment_s, whole_group=whole_group)
    return phase, after(patience_s, folder.left_of_staying) + next_up(folder)


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    draws = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    patience_s = float(sys.argv[3]) if len(sys.argv) > 3 else PATIENCE_S
    here = machine()
    print(f"{here.os} {here.arch}, {here.cores} cores, Python {here.python}\n")
    print("| killed | stack | after (s) | last event | left after 5 s |\n|---|---|---|---|---|", flush=True)
    bad = 0
    phases: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        staying = Folder(Path(name))
        staying.workbench("up", *staying.ports)
        for number in range(times):
            whole_group, stack = number % 2 == 1, "own" if number // 2 % 2 else "staying"
            moment_s = draws.uniform(0.2, WHOLE_RUN_S[stack])
            if stack == "own":
                with tempfile.TemporaryDirectory() as own:
                    phase, left = one_own(Folder(Path(own)), moment_s, patience_s, whole_group=whole_group)
            else:
                phase, left = one_staying(staying, moment_s, patience_s, whole_group=whole_group)
            bad += bool(left)
            phases[phase.split()[0]] += 1
            what = "process group" if whole_group else "command"
            print(f"| {what} | {stack} | {moment_s:.1f} | {phase} | {'; '.join(left) or 'nothing'} |", flush=True)
        staying.workbench("down")
        bad += bool(staying.left_of_own())
    print(f"\nsomething was left after {bad} of {times}; killed at: {', '.join(f'{n} {p}' for p, n in phases.items())}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
