"""The list of last runs, and the way to a report: by names of runs, and by nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.collector.live.past_runs import MOST_RUNS, PastRuns, report_of

RUN = "20260101T000000Z-latency-spike-abc123"
VERDICT = {"title": "It holds", "outcome": "PASS", "exit_code": 0, "reasons": ["because"]}


def kept(reports: Path, name: str = RUN, verdict: str | None = json.dumps(VERDICT)) -> Path:
    folder = reports / name
    folder.mkdir(parents=True)
    if verdict is not None:
        (folder / "verdict.json").write_text(verdict)
        (folder / "report.html").write_text("<!doctype html>")
    return folder


def test_the_newest_come_first_with_their_verdicts(tmp_path: Path) -> None:
    for number in range(MOST_RUNS + 3):
        kept(tmp_path, f"202601{number + 1:02}T000000Z-no-fault-abc123")
    (tmp_path / "latest").symlink_to(RUN)
    runs = PastRuns().newest(tmp_path)
    assert MOST_RUNS == len(runs)
    assert "20260115T000000Z-no-fault-abc123" == runs[0].id
    assert ("no-fault", "2026-01-15T00:00:00+00:00", "PASS", 0, True) == (
        runs[0].scenario,
        runs[0].started,
        runs[0].outcome,
        runs[0].exit_code,
        runs[0].report,
    )


@pytest.mark.parametrize("damaged", [None, "", "{}", "[]", '{"title": 1, "outcome": "PASS"', "\x00"])
def test_a_run_without_a_readable_verdict_has_none(tmp_path: Path, damaged: str | None) -> None:
    """It goes on, or was damaged: it is no PASS, and no error."""
    kept(tmp_path, verdict=damaged)
    (run,) = PastRuns().newest(tmp_path)
    assert (RUN, None, False) == (run.id, run.outcome, run.report)


def test_a_verdict_that_comes_later_is_seen(tmp_path: Path) -> None:
    """Judging takes a moment."""
    folder, past = kept(tmp_path, verdict=None), PastRuns()
    assert [None] == [run.outcome for run in past.newest(tmp_path)]
    (folder / "verdict.json").write_text(json.dumps(VERDICT))
    (folder / "report.html").write_text("<!doctype html>")
    assert [("PASS", True)] == [(run.outcome, run.report) for run in past.newest(tmp_path)]


def test_a_folder_that_is_not_there_has_no_runs(tmp_path: Path) -> None:
    assert [] == PastRuns().newest(tmp_path / "reports")


def test_only_reports_of_runs_are_found(tmp_path: Path) -> None:
    """No way up, no link, no other file."""
    reports = tmp_path / "reports"
    folder = kept(reports)
    (tmp_path / "report.html").write_text("not for you")
    (reports / "20260102T000000Z-linked-abc123").symlink_to(folder)
    other = kept(reports, "20260103T000000Z-linked-abc123", verdict=None)
    (other / "report.html").symlink_to(tmp_path / "report.html")
    assert folder / "report.html" == report_of(reports, RUN)
    for name in ("..", ".", "", "../reports", f"{RUN}/..", f"{RUN}\n", "20260102T000000Z-linked-abc123", other.name):
        assert report_of(reports, name) is None, name
