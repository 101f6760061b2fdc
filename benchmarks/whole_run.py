"""What a user waits for around a run: starting the stack, getting the verdict, judging and reporting again.

    .venv/bin/python benchmarks/whole_run.py [rounds] [scenario]

Stack: wall time of `workbench up`, and the proportional set size (PSS: pages that processes share are counted once)
of all processes of the stack, after start and after a run. Time to verdict: wall time of `workbench run` on a running
stack, minus the planned phases, minus what waiting for verified transitions added, minus the wait for accepted work.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workbench.adapters.machine import machine

WORKBENCH = Path(sys.executable).with_name("workbench")
NS = 1e9
MIB = 1024**2


def timed(folder: Path, *arguments: str) -> float:
    """Run a command of the workbench to its end; return how long it took, in seconds."""
    began = time.monotonic()
    done = subprocess.run([WORKBENCH, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"workbench {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return took


def pss_mib(folder: Path) -> float:
    """Return the memory of all processes of the stack, shared pages counted once."""
    stack: dict[str, Any] = json.loads((folder / ".workbench" / "stack.json").read_text())
    return sum(pss_bytes(process["pid"]) for process in stack["processes"].values()) / MIB


def pss_bytes(pid: int) -> int:
    """Return the memory of one process, its part of shared pages counted."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def waited_for_the_plan(run: Path) -> float:
    """Return the seconds of a run that its scenario asked for: phases, transitions, accepted work."""
    events = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    load_off = next(event["at_ns"] for event in events if event["event"] == "load_stopped")
    settled = next(event["waited_ns"] for event in events if event["event"] == "settled")
    return float((load_off + settled) / NS)


def one_round(folder: Path, scenario: str, results: dict[str, list[float]]) -> None:
    """Start, run, judge, report, end."""
    results["`up` until ready (s)"].append(timed(folder, "up"))
    try:
        measure(folder, scenario, results)
    finally:
        results["`down` (s)"].append(timed(folder, "down"))


def measure(folder: Path, scenario: str, results: dict[str, list[float]]) -> None:
    """Run, judge and report on a stack that is up."""
    results["memory after start (MiB PSS)"].append(pss_mib(folder))
    took = timed(folder, "run", scenario)
    run = (folder / "reports" / "latest").resolve()
    results["memory after a run (MiB PSS)"].append(pss_mib(folder))
    results["time to verdict (s)"].append(took - waited_for_the_plan(run))
    results["`judge` (s)"].append(timed(folder, "judge", str(run)))
    results["`report` (s)"].append(timed(folder, "report", str(run)))
    results["report.html (KB)"].append((run / "report.html").stat().st_size / 1000)
    size = sum(file.stat().st_size for file in run.rglob("*") if file.is_file())
    results["run directory (MB)"].append(size / 1e6)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    scenario = sys.argv[2] if len(sys.argv) > 2 else "latency-spike"
    results: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            one_round(Path(name), scenario, results)
    here = machine()
    packages = ", ".join(f"{package} {version(package)}" for package in ("resilience-workbench", "duckdb", "locust"))
    print(f"{here.os} {here.arch}, {here.cores} cores, Python {here.python}, {packages}; {scenario}, {rounds} rounds\n")
    print("| | median | lowest | highest |\n|---|---|---|---|")
    for what, values in results.items():
        print(f"| {what} | {statistics.median(values):.3g} | {min(values):.3g} | {max(values):.3g} |")


if __name__ == "__main__":
    main()
