"""Faults on the services of the shop: each is felt on a real edge, counted, and gone; nothing of one is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.command import Folder, note
from tests.e2e.test_scenarios import RUN_WITHIN_S
from workbench.engine.rundir import RunDirectory
from workbench.model.events import CleanVerified, FaultOff, FaultOn, ServiceDied
from workbench.model.outcome import Exit
from workbench.model.verdict import Outcome

HERE = Path(__file__).parent
KILLS = 4
PATIENCE_S = 30
"""Longer than the 5 s that are promised: a loaded machine must not fail the test."""


def test_every_fault_on_a_service_of_the_shop_is_felt_and_undone(folder: Folder) -> None:
    scenario = str(HERE / "services.yaml")
    ended = folder.run("run", scenario, "--allow-inconclusive", "--json", within_s=RUN_WITHIN_S)
    verdict = ended.verdict()
    assert ended.code in (Exit.PASS, Exit.INCONCLUSIVE), ended.stderr
    felt = {check.id: check for check in verdict.checks if check.check == "A2"}
    for name in ("killed", "held", "starved", "late", "restarted"):
        assert felt[f"A2:{name}"].outcome is Outcome.PASS, felt[f"A2:{name}"].reason
    assert felt["A2:tight"].outcome is Outcome.INCONCLUSIVE, "a warm service asks for no more memory"

    history = RunDirectory.existing(folder.path / "reports" / "latest").history()
    ids = ["killed", "held", "starved", "late", "restarted", "tight"]
    assert ids == [event.fault for event in history.events(FaultOn)]
    assert ids == [event.fault for event in history.events(FaultOff)]
    assert "limit_bytes" in history.events(FaultOn)[-1].evidence
    assert [] == history.events(ServiceDied), "these deaths were asked for"
    assert history.events(CleanVerified)[-1].clean
    folder.assert_nothing_left(json.loads((folder.path / "reports" / "latest" / "stack.json").read_text()))


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
