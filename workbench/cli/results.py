"""Commands about finished runs: judge, report, gate, open, prune."""

from __future__ import annotations

import shutil
import sys
import webbrowser
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli import rendering
from workbench.cli.options import Json, Reports, RunDir, Set, changes
from workbench.cli.streams import last_line, progress, say
from workbench.engine.rundir import RunDirectory, finished_runs
from workbench.errors import UsageError
from workbench.gating import gate as apply_gate
from workbench.gating import read_policy
from workbench.pipeline import judge_again, judge_with, report_again


class Openable(StrEnum):
    """What `open` opens."""

    REPORT = "report"


def judge(directory: RunDir, *, set_: Set = None, json: Json = False) -> int:
    """Judge a finished run again, from its directory alone.

    With --set the limits are changed; the result is then printed and not saved.

    [bold]Example:[/]  workbench judge reports/latest
    [bold]Example:[/]  workbench judge reports/latest --set expect.breaker_opens.within=1s
    """
    run = RunDirectory.existing(directory)
    asked = changes(set_)
    verdict = judge_with(run, asked) if asked else judge_again(run)
    rendering.verdict(verdict, run.folder, as_json=json)
    last_line(verdict.exit_code, to_stdout=not json)
    return verdict.exit_code


def report(directory: RunDir) -> None:
    """Write the reports of a finished run again: HTML, Markdown, JUnit.

    [bold]Example:[/]  workbench report reports/latest
    """
    run = RunDirectory.existing(directory)
    for path in report_again(run):
        say(str(path))


def gate(
    directory: RunDir,
    *,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="A gate policy (default: only PASS passes)", metavar="FILE"),
    ] = None,
    json: Json = False,
) -> int:
    """Turn a verdict into an exit code for CI. INCONCLUSIVE fails unless a policy says otherwise.

    [bold]Example:[/]  workbench gate reports/latest
    [bold]Example:[/]  workbench gate reports/latest --policy gate.yaml
    """
    run = RunDirectory.existing(directory)
    run.read_run()  # refuses a directory of a newer format, whose verdict may mean something else
    verdict = run.read_verdict()
    code, lines = apply_gate(verdict, read_policy(policy), date.today())  # noqa: DTZ011 - the user's own calendar
    if json:
        rendering.as_json({"exit_code": code, "outcome": verdict.outcome, "lines": lines})
    else:
        for line in lines:
            say(line)
    last_line(code, to_stdout=not json)
    return code


def open_(
    what: Annotated[Openable, typer.Argument(help="What to open")] = Openable.REPORT,
    *,
    reports: Reports = Path("reports"),
) -> None:
    """Print the address of the latest report, and open it where there is a browser.

    [bold]Example:[/]  workbench open report
    """
    latest = (reports / "latest" / f"{what}.html").resolve()
    if not latest.is_file():
        raise UsageError(f"there is no report in {reports}", hint="workbench run latency-spike makes one")
    say(latest.as_uri())
    if sys.stdout.isatty():
        webbrowser.open(latest.as_uri())


def prune(
    *,
    keep: Annotated[int, typer.Option("--keep", help="How many of the newest runs to keep", min=0)] = 20,
    reports: Reports = Path("reports"),
) -> None:
    """Delete old run directories.

    [bold]Example:[/]  workbench prune --keep 10
    """
    old = finished_runs(reports)[keep:]
    for run in old:
        shutil.rmtree(run.folder)
        progress(f"deleted {run.folder}")
    latest = reports / "latest"
    if latest.is_symlink() and not latest.exists():
        latest.unlink()
    say(f"{len(old)} deleted, {len(finished_runs(reports))} kept")
