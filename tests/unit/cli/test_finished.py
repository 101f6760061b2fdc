"""Commands about finished runs: which verdict they believe, and what they delete."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.golden.runs import GOLDEN
from tests.unit.cli.terminal import Terminal
from workbench import offline


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that FAILed."""
    return shutil.copytree(GOLDEN / "breaker-off", tmp_path / "run")


def change(run: Path, **changes: Any) -> None:
    path = run / "verdict.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_verdict_of_another_run_is_not_believed(workbench: Terminal, run: Path) -> None:
    assert 1 == workbench("gate", str(run)).code
    shutil.copy(GOLDEN / "latency-spike" / "verdict.json", run)
    for command in ("gate", "report"):
        workbench(command, str(run)).refused(
            2, f"{run}/verdict.json: run_id: is of another run: ", f"workbench judge {run} makes it anew"
        )


def test_a_verdict_that_is_not_what_its_results_come_to_is_not_believed(workbench: Terminal, run: Path) -> None:
    results = json.loads((run / "verdict.json").read_text())["checks"]
    passed = [result for result in results if result["outcome"] not in ("FAIL", "INCONCLUSIVE")]
    change(run, checks=passed)
    workbench("gate", str(run)).refused(2, "verdict.json: outcome: is FAIL, and the results combine to PASS")
    change(run, checks=results, outcome="PASS", exit_code=0)
    workbench("gate", str(run)).refused(2, "verdict.json: outcome: is PASS, and the results combine to FAIL")


@pytest.mark.parametrize(
    ("outcome", "code"), [("FAIL", 0), ("FAIL", 3), ("FAIL", 4), ("FAIL", 77), ("PASS", 130), ("INCONCLUSIVE", 2)]
)
def test_an_exit_code_that_does_not_fit_is_not_believed(
    workbench: Terminal, run: Path, outcome: str, code: int
) -> None:
    change(run, outcome=outcome, exit_code=code)
    workbench("gate", str(run)).refused(
        2, f"verdict.json: exit_code: is {code}, which no run ends with whose outcome is {outcome}"
    )


@pytest.mark.parametrize(("outcome", "code"), [("FAIL", 1), ("FAIL", 5), ("INCONCLUSIVE", 4), ("INCONCLUSIVE", 143)])
def test_how_a_run_can_end_is_believed(workbench: Terminal, run: Path, outcome: str, code: int) -> None:
    change(run, outcome=outcome, exit_code=code)
    assert code == workbench("gate", str(run)).code


def test_what_could_not_be_judged_again_keeps_no_verdict(
    workbench: Terminal, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {path.name for path in run.iterdir()} - {"verdict.json"}

    def broken(*_: object) -> None:
        raise RuntimeError("a check that is broken")

    monkeypatch.setattr(offline, "judge", broken)
    assert 4 == workbench("judge", str(run)).code
    assert kept == {path.name for path in run.iterdir()}, "the run itself is not lost"
    workbench("gate", str(run)).refused(2, "verdict.json: cannot be read: ", f"workbench judge {run}")


def test_where_nothing_can_be_written_judging_says_so(workbench: Terminal, run: Path) -> None:
    (run / "verdict.json").unlink()
    (run / "verdict.json").mkdir()  # also for who may write everywhere
    workbench("judge", str(run)).refused(4, f"cannot replace {run}/verdict.json: ", "make the folder writable")


def test_what_cannot_be_deleted_is_named_and_the_rest_goes(
    workbench: Terminal, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2, 3, 4):
        (pair / "reports" / f"2026010{day}T000000Z-asked-{day}").mkdir(parents=True)
        (pair / "reports" / f"2026010{day}T000000Z-asked-{day}" / "run.json").touch()
    really = shutil.rmtree

    def refusing(folder: Path) -> None:
        if folder.name.endswith(("-1", "-3")):
            raise PermissionError(13, "Permission denied", str(folder / "run.json"))
        really(folder)

    monkeypatch.setattr(shutil, "rmtree", refusing)
    workbench("prune", "--keep", "1").refused(
        4, "2 of 3 could not be deleted:", "asked-1/run.json: Permission denied", "asked-3/run.json: Permission denied"
    )
    assert 3 == len(list((pair / "reports").iterdir()))
