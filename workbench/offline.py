"""Verdict and reports of a run that has ended, from its directory and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.checks import judge
from workbench.engine.collecting import COLLECTED, Sources
from workbench.engine.refusing import refuse_sources
from workbench.engine.rundir import RunDirectory
from workbench.errors import EnvironmentFailure, InvalidInput, Problem
from workbench.loading.changes import with_limits
from workbench.model.history import History
from workbench.model.outcome import OF_OUTCOME, Exit, combined
from workbench.model.run import RunRecord
from workbench.model.verdict import Outcome, Verdict
from workbench.reporting import write_reports


def judge_and_publish(directory: RunDirectory) -> Verdict:
    """Judge a run that has ended, as the latest one."""
    directory.publish()
    return judge_again(directory)


def judge_again(directory: RunDirectory) -> Verdict:
    """Judge a run directory and write verdict and reports. Needs nothing but the directory.

    The verdict of before goes first: should this be interrupted or fail, the directory has none, and never one that it
    did not come to. The run itself stays as it is, to be judged again.
    """
    path = _verdict_file(directory)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentFailure(
            f"cannot replace {path}: {error.strerror}", hint="make the folder writable, or judge a copy of it"
        ) from error
    return directory.read(lambda history: _judged(directory, history))


def _judged(directory: RunDirectory, history: History) -> Verdict:
    verdict = judge(history)
    directory.save_verdict(verdict)
    try:
        write_reports(directory.folder, history, verdict)
    except Exception as error:
        error.add_note(f"the verdict is {verdict.outcome} and is saved in {_verdict_file(directory)}")
        raise
    return verdict


def judge_with(directory: RunDirectory, changes: Mapping[str, str], sources: Sources = COLLECTED) -> Verdict:
    """Judge a run directory with other limits, or from what the real tools have seen.

    Nothing is written: the run's own verdict stays what it was. Raises UsageError for a tool that the run was without.
    """
    record = with_limits(directory.read_run(), changes)
    refuse_sources(record, sources)
    return directory.read(lambda history: judge(history, changes), record, sources)


def saved_verdict(directory: RunDirectory) -> Verdict:
    """Return the verdict in a run directory. Raises InvalidInput for one that is not what judging this run came to."""
    record = directory.read_run()  # refuses a directory of a newer format, whose verdict may mean something else
    verdict = directory.read_verdict()
    problems = [
        Problem(str(_verdict_file(directory)), 0, key, message) for key, message in _untrue(verdict, record).items()
    ]
    if problems:
        raise InvalidInput(problems, hint=f"workbench judge {directory.folder} makes it anew")
    return verdict


def _untrue(verdict: Verdict, record: RunRecord) -> dict[str, str]:
    """Return what cannot be so, by the key of the verdict that says it."""
    said: dict[str, str] = {}
    if verdict.run_id != record.run_id:
        said["run_id"] = f"is of another run: {verdict.run_id}, and this one is {record.run_id}"
    outcome = combined(verdict.checks)
    code = verdict.exit_code
    if code in OF_OUTCOME.values() and verdict.outcome is not outcome:
        said["outcome"] = f"is {verdict.outcome}, and the results combine to {outcome}"
    possible = {OF_OUTCOME.get(verdict.outcome), Exit.DIRTY}
    if verdict.outcome is Outcome.INCONCLUSIVE:  # also that of a run that was ended early
        possible |= {Exit.FAILED, Exit.SIGINT, Exit.SIGTERM}
    if code not in possible:
        said["exit_code"] = f"is {code}, which no run ends with whose outcome is {verdict.outcome}"
    return said


def report_again(directory: RunDirectory) -> list[Path]:
    """Write the reports of a run directory again, from its saved verdict."""
    verdict = saved_verdict(directory)
    return directory.read(lambda history: write_reports(directory.folder, history, verdict))


def _verdict_file(directory: RunDirectory) -> Path:
    return directory.folder / "verdict.json"
