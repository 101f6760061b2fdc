"""Verdict and reports of a run that has ended, from its directory and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.checks import judge
from workbench.engine.collecting import COLLECTED, Sources
from workbench.engine.refusing import refuse_sources
from workbench.engine.rundir import RunDirectory
from workbench.loading.changes import with_limits
from workbench.model.history import History
from workbench.model.verdict import Verdict
from workbench.reporting import write_reports


def judge_and_publish(directory: RunDirectory) -> Verdict:
    """Judge a run that has ended, as the latest one."""
    directory.publish()
    return judge_again(directory)


def judge_again(directory: RunDirectory) -> Verdict:
    """Judge a run directory and write verdict and reports. Needs nothing but the directory."""
    return directory.read(lambda history: _judged(directory, history))


def _judged(directory: RunDirectory, history: History) -> Verdict:
    verdict = judge(history)
    directory.save_verdict(verdict)
    try:
        write_reports(directory.folder, history, verdict)
    except Exception as error:
        error.add_note(f"the verdict is {verdict.outcome} and is saved in {directory.folder / 'verdict.json'}")
        raise
    return verdict


def judge_with(directory: RunDirectory, changes: Mapping[str, str], sources: Sources = COLLECTED) -> Verdict:
    """Judge a run directory with other limits, or from what the real tools have seen.

    Nothing is written: the run's own verdict stays what it was. Raises UsageError for a tool that the run was without.
    """
    record = with_limits(directory.read_run(), changes)
    refuse_sources(record, sources)
    return directory.read(lambda history: judge(history, changes), record, sources)


def report_again(directory: RunDirectory) -> list[Path]:
    """Write the reports of a run directory again, from its saved verdict."""
    verdict = directory.read_verdict()
    return directory.read(lambda history: write_reports(directory.folder, history, verdict))
