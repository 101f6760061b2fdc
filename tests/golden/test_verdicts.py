"""Runs that really happened are judged as they were, by the commands a user has; limits and gates do as they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.runs import GOLDEN, RUNS, Golden, what_was_said
from workbench.engine.rundir import RunDirectory
from workbench.model.outcome import MEANINGS, OF_OUTCOME, Exit
from workbench.model.verdict import Outcome, Verdict
from workbench.offline import judge_again

EACH = pytest.mark.parametrize(("name", "golden"), RUNS.items(), ids=RUNS)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return tmp_path / "reports"


def copy(name: str, reports: Path) -> Path:
    run = reports / name
    shutil.copytree(GOLDEN / name, run)
    return run


def workbench(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    return subprocess.run(
        [sys.executable, "-m", "workbench", *words], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def committed(name: str) -> Verdict:
    return RunDirectory(GOLDEN / name).read_verdict()


def test_every_golden_run_is_in_the_table() -> None:
    found = {path.parent.name for path in GOLDEN.glob("*/run.json")}
    assert set(RUNS) == found


@EACH
def test_each_run_is_judged_as_it_was(name: str, golden: Golden, reports: Path) -> None:
    verdict = judge_again(RunDirectory(copy(name, reports)))
    assert what_was_said(committed(name)) == what_was_said(verdict)


@EACH
def test_the_check_that_has_to_says_so(name: str, golden: Golden) -> None:
    """A planted bug fails the check about it, and the verdict's exit code is the outcome's."""
    verdict = committed(name)
    assert (golden.exit, golden.exit) == (verdict.exit_code, OF_OUTCOME[verdict.outcome])
    said = {r.id: r.outcome for r in verdict.checks}
    if golden.decided_by is None:
        assert {Outcome.PASS, Outcome.NOT_APPLICABLE} >= set(said.values())
    else:
        assert verdict.outcome is said[golden.decided_by]
        named = verdict.reasons[0].split(": ")[0]
        assert verdict.outcome is said[named], "the first reason is one that decides"


@EACH
def test_no_golden_run_is_large(name: str, golden: Golden) -> None:
    assert sum(file.stat().st_size for file in (GOLDEN / name).rglob("*") if file.is_file()) <= 1_000_000


@pytest.mark.parametrize(
    ("name", "change", "fails"),
    [
        ("latency-spike", "expect.breaker_opens.within=100ms", "A6:orders:payments"),
        ("latency-spike", "expect.recovers.within=100ms", "A15:checkout-complete"),
        ("error-burst", "expect.retry_amplification.at_most=1.1", "A3:payments:provider/amplification"),
    ],
)
def test_a_pass_fails_with_a_stricter_limit_and_keeps_its_verdict(
    name: str, change: str, fails: str, reports: Path
) -> None:
    run = copy(name, reports)
    before = (run / "verdict.json").read_bytes()
    done = workbench("judge", str(run), "--set", change, "--json", cwd=reports)
    verdict = Verdict.model_validate_json(done.stdout)
    assert (Exit.FAIL, Outcome.FAIL) == (done.returncode, verdict.outcome), done.stderr
    assert [fails] == [r.id for r in verdict.checks if r.outcome is Outcome.FAIL]
    assert dict([change.split("=")]) == verdict.changed_limits
    assert before == (run / "verdict.json").read_bytes()


def test_what_was_done_to_the_system_cannot_be_changed_afterwards(reports: Path) -> None:
    run = copy("latency-spike", reports)
    done = workbench("judge", str(run), "--set", "faults.slow-payments.delay=1s", cwd=reports)
    assert Exit.USAGE == done.returncode
    assert "faults" in done.stderr


GATED = {
    "latency-spike": Exit.PASS,
    "breaker-off": Exit.FAIL,
    "injector-off": Exit.INCONCLUSIVE,
}


@pytest.mark.parametrize(("name", "code"), GATED.items())
def test_the_gate_exits_as_the_verdict_says(name: str, code: Exit, reports: Path) -> None:
    done = workbench("gate", str(copy(name, reports)), cwd=reports)
    assert code == done.returncode, done.stderr
    assert f"exit {code:d}: {MEANINGS[code]}" == done.stdout.splitlines()[-1]


def test_a_lenient_policy_lets_an_undecided_run_pass_and_no_failed_one(reports: Path) -> None:
    policy = reports / "gate.yaml"
    runs = {name: copy(name, reports) for name in GATED}
    policy.write_text("inconclusive: pass\n", encoding="utf-8")
    codes = {
        name: workbench("gate", str(run), "--policy", str(policy), cwd=reports).returncode for name, run in runs.items()
    }
    assert {"latency-spike": Exit.PASS, "breaker-off": Exit.FAIL, "injector-off": Exit.PASS} == codes


def test_an_accepted_check_lets_a_failed_run_pass_until_its_day(reports: Path) -> None:
    run, policy = copy("idempotency-ignored", reports), reports / "gate.yaml"
    failed = [r.check for r in committed("idempotency-ignored").checks if r.outcome is Outcome.FAIL]
    codes = []
    for until in ("2999-01-01", "2020-01-01"):
        accept = [{"check": f"{check}:*", "until": until, "reason": "known"} for check in failed]
        policy.write_text(json.dumps({"accept": accept}), encoding="utf-8")
        codes.append(workbench("gate", str(run), "--policy", str(policy), cwd=reports).returncode)
    assert [Exit.PASS, Exit.FAIL] == codes


@pytest.mark.parametrize("name", ["latency-spike", "timeout-missing", "injector-off"])
def test_judging_and_reporting_by_command_write_reports_that_fetch_nothing(name: str, reports: Path) -> None:
    run = copy(name, reports)
    judged = workbench("judge", str(run), cwd=reports)
    assert RUNS[name].exit == judged.returncode, judged.stderr
    written = [run / "report.html", run / "report.md", run / "junit.xml"]
    for file in written:
        file.unlink()
    reported = workbench("report", str(run), cwd=reports)
    assert Exit.PASS == reported.returncode, reported.stderr
    assert {path.resolve() for path in written} <= {Path(line) for line in reported.stdout.splitlines()}
    page = written[0].read_text(encoding="utf-8")
    assert len(page.encode()) <= 150_000
    assert [] == re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//[^"'> ]*""", page)
    assert str(committed(name).outcome) in page


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    done = workbench("judge", str(tmp_path), cwd=tmp_path)
    assert Exit.USAGE == done.returncode
    assert f"{tmp_path} is not a run directory" in re.sub(r"\s+", " ", done.stderr)
