"""Is the verdict the same every time? Runs each scenario again and again and prints a table of all runs.

    .venv/bin/python benchmarks/repeated_runs.py [times] [folder] [scenario or "scenario --option value" ...]

Scenarios take turns, so that none gets all the quiet minutes. What the machine was like is told beside each verdict:
the load average before the run, how late the load generator was, and the longest wait of any process of the run for a
core within one second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from workbench.adapters.machine import machine

WORKBENCH = Path(sys.executable).with_name("workbench")
SCENARIOS = ("no-fault", "latency-spike", "dependency-down", "error-burst")
ALLOWED_S = 600


@dataclass(frozen=True, slots=True)
class Row:
    """One run."""

    scenario: str
    verdict: str
    exit_code: int
    load_average: float
    lag_p99_ms: float
    waited_ms: float
    wall_s: float
    reason: str

    def cells(self) -> list[str]:
        """Return the row as a table shows it."""
        figures = [f"{self.load_average:.1f}", f"{self.lag_p99_ms:.1f}", f"{self.waited_ms:.0f}", f"{self.wall_s:.0f}"]
        return [f"`{self.scenario}`", self.verdict, str(self.exit_code), *figures, self.reason]


def run(scenario: str, folder: Path) -> Row:
    """Run one scenario and return what came of it."""
    busy, began = os.getloadavg()[0], time.monotonic()
    command = [str(WORKBENCH), "run", *scenario.split(), "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=ALLOWED_S, check=False)
    wall_s = time.monotonic() - began
    if not done.stdout.strip():
        return Row(scenario, "none", done.returncode, busy, 0, 0, wall_s, done.stderr.strip().splitlines()[-1])
    verdict = json.loads(done.stdout)
    reason = "" if verdict["outcome"] == "PASS" else verdict["reasons"][0]
    lag, waited = machine_in(folder / "reports" / verdict["run_id"])
    return Row(scenario, verdict["outcome"], done.returncode, busy, lag, waited, wall_s, reason)


def machine_in(run: Path) -> tuple[float, float]:
    """Return the load generator's delay (p99, ms) and the longest wait for a core (ms within one second)."""
    lag = f"SELECT quantile_cont(started - intended, 0.99) / 1e6 FROM '{run}/requests.parquet' WHERE kind = 'journey'"
    waited = f"""SELECT max(waited) * 1000 FROM (
        SELECT waited_s - lag(waited_s) OVER (PARTITION BY pid ORDER BY time) AS waited FROM '{run}/processes.parquet'
        WHERE time > 0)"""
    with duckdb.connect() as database:
        return tuple(float((database.execute(query).fetchone() or [0])[0] or 0) for query in (lag, waited))  # type: ignore[return-value]


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("repeated-runs")
    scenarios = sys.argv[3:] or list(SCENARIOS)
    folder.mkdir(parents=True, exist_ok=True)
    here = machine()
    print(f"{here.os} {here.arch}, {here.cores} cores, Python {here.python}\n")
    print("| run | scenario | verdict | exit | load average | lag p99 (ms) | waited for a core (ms) | wall (s) | |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for number in range(times * len(scenarios)):
        row = run(scenarios[number % len(scenarios)], folder)
        print(f"| {number + 1} | {' | '.join(row.cells())} |", flush=True)


if __name__ == "__main__":
    main()
