"""Runs with faults on edges and services, killed at random moments: nothing of one is left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.command import note

HERE = Path(__file__).parent
KILLS = 2
PATIENCE_S = 30
"""Longer than the 5 s that are promised: a loaded machine must not fail the test."""


def test_runs_killed_at_random_moments_leave_nothing_on(tmp_path: Path) -> None:
    """A few of the moments of benchmarks/killed.py, with faults on edges and on services on."""
    script = HERE.parents[1] / "benchmarks" / "killed.py"
    done = subprocess.run(
        [sys.executable, str(script), str(KILLS), "7", str(PATIENCE_S)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    note(done.stdout)
    assert f"something was left after 0 of {KILLS}" in done.stdout, done.stdout + done.stderr
