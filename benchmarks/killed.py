"""What is left when the command is killed? SIGKILL of `workbench run`, or of its process group, at random moments.

    .venv/bin/python benchmarks/killed.py [times] [seed]

Moments are drawn evenly over a whole run of a short scenario: start, baseline, fault, recovery, judging. Five seconds
later no process of the run may be alive and no port of its stack may be open.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workbench.adapters.machine import machine
from workbench.model.outcome import Exit

WORKBENCH = Path(sys.executable).with_name("workbench")
CHANGES = (
    *(f"phases.{phase}.duration={length}s" for phase, length in enumerate((2, 4, 10, 7))),
    "expect.recovers.within=1s",
    "expect.recovers.hold=1s",
    "expect.fallback_served.recovered_within=1s",
)
SCENARIO = ["run", "latency-spike", "--allow-inconclusive", *(f"--set={change}" for change in CHANGES)]
WHOLE_RUN_S = 34.0
PATIENCE_S = 5.0
MARK = "WORKBENCH_BENCHMARK_MARK"


def alive(mark: str) -> list[str]:
    """Return the command lines of all processes that were started with a mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def open_ports(state: Path) -> list[int]:
    """Return the ports of a stack that still accept connections."""
    if not (state / "supervisor.json").exists():
        return []
    ports = []
    for process in json.loads((state / "supervisor.json").read_text())["processes"]:
        port = int(process["ready_url"].split(":")[2].split("/")[0])
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                ports.append(port)
    return ports


def one(folder: Path, moment_s: float, *, whole_group: bool) -> tuple[str, list[str]]:
    """Kill a run at a moment; return the phase it was in and what was left."""
    mark = secrets.token_hex(8)
    process = subprocess.Popen(
        [WORKBENCH, *SCENARIO],
        cwd=folder,
        env={**os.environ, MARK: mark},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(moment_s)
    if process.poll() == Exit.USAGE:
        raise SystemExit(f"workbench {' '.join(SCENARIO)} is refused; run it to see why")
    phase = phase_of(folder) if process.poll() is None else "over"
    if process.poll() is None:
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    time.sleep(PATIENCE_S)
    return phase, [*alive(mark), *(f"port {port}" for port in open_ports(folder / ".workbench"))]


def phase_of(folder: Path) -> str:
    """Return what the newest run's journal came to last."""
    journals = sorted(folder.glob("reports/*/journal.jsonl"))
    if not journals:
        return "before the run"
    lines = journals[-1].read_text().splitlines()
    return str(json.loads(lines[-1])["event"]) if lines else "run begins"


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    draws = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    here = machine()
    print(f"{here.os} {here.arch}, {here.cores} cores, Python {here.python}\n")
    print("| killed | after (s) | last event | left after 5 s |\n|---|---|---|---|", flush=True)
    bad = 0
    for number in range(times):
        moment_s, whole_group = draws.uniform(0.2, WHOLE_RUN_S), number % 2 == 1
        with tempfile.TemporaryDirectory() as name:
            phase, left = one(Path(name), moment_s, whole_group=whole_group)
        bad += bool(left)
        what = "process group" if whole_group else "command"
        print(f"| {what} | {moment_s:.1f} | {phase} | {'; '.join(left) or 'nothing'} |", flush=True)
    print(f"\nsomething was left after {bad} of {times}")


if __name__ == "__main__":
    main()
