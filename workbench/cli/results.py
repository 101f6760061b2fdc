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
from workbench.cli.options import Json, Limits, Reports, RunDir, changes
from workbench.cli.streams import last_line, progress, say
from workbench.engine.collecting import COLLECTED, Sources
from workbench.engine.rundir import RunDirectory, finished_runs
from workbench.errors import EnvironmentFailure, UsageError
from workbench.gating import gate as apply_gate
from workbench.gating import read_policy
from workbench.model.tools import Tool
from workbench.offline import judge_again, judge_with, report_again, saved_verdict
from workbench.reporting.tool_pages import Stretch, page
from workbench.wiring import local_stack


class Openable(StrEnum):
    """What `open` opens."""

    REPORT = "report"
    LIVE = "live"
    PROMETHEUS = "prometheus"
    JAEGER = "jaeger"
    GRAFANA = "grafana"


class MetricsFrom(StrEnum):
    """Who has seen the metrics."""

    COLLECTOR = "collector"
    PROMETHEUS = "prometheus"


class SpansFrom(StrEnum):
    """Who has seen the spans."""

    COLLECTOR = "collector"
    JAEGER = "jaeger"


def judge(
    directory: RunDir,
    *,
    set_: Limits = None,
    metrics: Annotated[
        MetricsFrom, typer.Option("--metrics", help="From whose samples, of a run --with prometheus")
    ] = MetricsFrom.COLLECTOR,
    spans: Annotated[SpansFrom, typer.Option("--spans", help="From whose spans, of a run --with jaeger")] = (
        SpansFrom.COLLECTOR
    ),
    json: Json = False,
) -> int:
    """Judge a finished run again, from its directory alone.

    With --set the limits are changed, with --metrics or --spans others are believed; the result is then printed and
    not saved.

    [bold]Example:[/]  workbench judge reports/latest
    [bold]Example:[/]  workbench judge reports/latest --set expect.breaker_opens.within=1s
    [bold]Example:[/]  workbench judge reports/latest --metrics prometheus --spans jaeger
    """
    run = RunDirectory.existing(directory)
    asked = changes(set_)
    sources = Sources(metrics.value, spans.value)
    verdict = judge_again(run) if not asked and sources == COLLECTED else judge_with(run, asked, sources)
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
    verdict = saved_verdict(run)
    code, lines = apply_gate(verdict, read_policy(policy), date.today())  # noqa: DTZ011 - the user's own calendar
    if json:
        rendering.as_json({"exit_code": code, "outcome": verdict.outcome, "lines": lines})
    else:
        for line in lines:
            say(line)
    last_line(code, to_stdout=not json)
    return code


def open_(
    what: Annotated[Openable, typer.Argument(metavar="[WHAT]", help="What to open")] = Openable.REPORT,
    *,
    reports: Reports = Path("reports"),
) -> None:
    """Print the address of the latest report, of the live page, or of a tool at the time of the latest run.

    On a terminal it is opened in a browser as well.

    [bold]Example:[/]  workbench open report
    [bold]Example:[/]  workbench open live
    [bold]Example:[/]  workbench open jaeger
    """
    match what:
        case Openable.REPORT:
            address = _report(reports)
        case Openable.LIVE:
            address = local_stack().live_page()
        case _:
            address = _tool(Tool(what), reports)
    say(address)
    if sys.stdout.isatty():
        webbrowser.open(address)


def _report(reports: Path) -> str:
    latest = (reports / "latest" / "report.html").resolve()
    if not latest.is_file():
        raise UsageError(f"there is no report in {reports}", hint="workbench run latency-spike makes one")
    return latest.as_uri()


def _tool(tool: Tool, reports: Path) -> str:
    stack = local_stack().runtime.find()
    if stack is None or tool not in stack.tools:
        what = "nothing is up" if stack is None else f"the stack that is up has no {tool}"
        raise UsageError(what, hint=f"workbench up --with {tool} (after workbench down) starts one")
    latest = reports / "latest"
    run = RunDirectory(latest).read_run() if (latest / "run.json").is_file() else None
    stretch = None if run is None or stack.tools[tool] != run.tools.get(tool) else Stretch.of(run)
    entry, run_id = ("", "") if run is None else (run.system.entry, run.run_id)
    return page(tool, stack.tools[tool], stretch, entry, run_id)


def prune(
    *,
    keep: Annotated[int, typer.Option("--keep", help="How many of the newest runs to keep", min=0)] = 20,
    reports: Reports = Path("reports"),
) -> None:
    """Delete old run directories.

    [bold]Example:[/]  workbench prune --keep 10
    """
    old = finished_runs(reports)[keep:]
    left: list[str] = []
    for run in old:
        try:
            shutil.rmtree(run.folder)
        except OSError as error:
            left.append(f"  {run.folder}: {error.filename}: {error.strerror}")
        else:
            progress(f"deleted {run.folder}")
    latest = reports / "latest"
    if latest.is_symlink() and not latest.exists():
        latest.unlink()
    if left:
        lines = "\n".join(left)
        raise EnvironmentFailure(
            f"{len(left)} of {len(old)} could not be deleted:\n{lines}", hint="mend that, then the same command again"
        )
    say(f"{len(old)} deleted, {len(finished_runs(reports))} kept")
