"""Results for the terminal. Text for people by default; JSON where it was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from workbench.cli.streams import err, item, out, say
from workbench.errors import InvalidInput
from workbench.loading.locations import scenario_files
from workbench.loading.source import read
from workbench.loading.validated import validated
from workbench.model.outcome import Exit
from workbench.model.plan import Plan
from workbench.model.scenario import Scenario
from workbench.model.units import NS_PER_S
from workbench.model.verdict import CheckResult, Outcome, Verdict
from workbench.pipeline import Planned

STYLES = {
    Outcome.PASS: "bold green",
    Outcome.FAIL: "bold red",
    Outcome.INCONCLUSIVE: "bold yellow",
    Outcome.NOT_APPLICABLE: "dim",
}
_MARKS = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.INCONCLUSIVE: "?", Outcome.NOT_APPLICABLE: "·"}


def as_json(data: Any) -> None:
    """Print plain data as JSON, unwrapped."""
    out.print(json.dumps(data, indent=2, default=str), soft_wrap=True, markup=False)


def introduction(planned: Planned) -> None:
    """Say what is claimed and what to watch, before the wait begins."""
    scenario = planned.loaded.scenario
    err.print(Text.assemble((scenario.name, "bold"), f"  {scenario.title}"), soft_wrap=False)
    item(err, Text("  "), Text(scenario.hypothesis))
    for line in scenario.watch:
        item(err, Text("  watch  ", style="dim"), Text(line))
    phases = ", ".join(f"{phase.name} {phase.duration}" for phase in scenario.phases)
    length = _seconds(planned.plan.end_ns)
    item(err, Text("  "), Text(f"{length}: {phases}; {_rate(planned)}, seed {scenario.seed}", style="dim"))


def _rate(planned: Planned) -> str:
    arrivals = planned.loaded.scenario.load.arrivals
    mix = " + ".join(planned.loaded.scenario.load.mix)
    return f"{arrivals.rate or 'a varying rate'} ({mix})"


def _seconds(ns: int) -> str:
    return f"{ns / NS_PER_S:g} s"


def verdict(result: Verdict, folder: Path, *, as_json: bool) -> None:
    """Say the verdict, its checks, the three most important reasons, and where the report is."""
    if as_json:
        out.print(result.model_dump_json(indent=2, ensure_ascii=True), soft_wrap=True, markup=False)
    target = err if as_json else out
    target.print()
    for check in result.checks:
        if check.outcome is not Outcome.NOT_APPLICABLE:
            item(target, *_check_line(check))
    target.print()
    target.print(Text.assemble((f" {result.outcome} ", f"{STYLES[result.outcome]} reverse"), f" {result.title}"))
    for reason in result.reasons[:3]:
        item(target, Text("  - "), Text(reason))
    for path, value in result.changed_limits.items():
        target.print(Text(f"  judged with another limit: {path} = {value}", style="yellow"))
    report = folder / "report.html"
    if report.exists():
        target.print(Text.assemble(("  report: ", "dim"), str(_relative(report))), soft_wrap=True)


def _check_line(check: CheckResult) -> tuple[Text, Text]:
    lead = Text.assemble((f"  {_MARKS[check.outcome]} ", STYLES[check.outcome]), (f"{check.check:<4}", "dim"))
    text = Text(check.claim)
    if check.outcome is not Outcome.PASS:
        text.append(f": {check.reason}", style="" if check.outcome is Outcome.FAIL else "yellow")
    return lead, text


def _relative(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def scenario_list(labels: dict[str, str], *, as_json: bool) -> None:
    """Show the scenarios that have all these labels; a file that does not hold is shown as such."""
    found: list[tuple[str, Scenario | None, Path]] = []
    for name, path in scenario_files().items():
        try:
            scenario = validated(read(path), Scenario)
        except InvalidInput:
            found.append((name, None, path))
            continue
        if labels.items() <= scenario.labels.items():
            found.append((name, scenario, path))
    if as_json:
        rows = [
            {
                "name": n,
                "file": str(p),
                "valid": s is not None,
                "title": s.title if s else None,
                "labels": s.labels if s else {},
            }
            for n, s, p in found
        ]
        out.print(json.dumps(rows, indent=2), soft_wrap=True, markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("scenario", no_wrap=True)
    table.add_column("claim")
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("labels", style="dim")
    for name, valid, path in found:
        if valid is None:
            table.add_row(name, Text(f"not valid: workbench validate {path}", style="red"), "", "")
            continue
        length = _seconds(sum(phase.duration for phase in valid.phases))
        table.add_row(name, valid.title, length, " ".join(f"{k}={v}" for k, v in valid.labels.items()))
    out.print(table)
    if not found:
        say("no scenario has these labels")


def plan(planned: Planned, *, as_json: bool) -> int:
    """Show the steps and what can be decided; return the exit code `run` would refuse with."""
    weak = [estimate for estimate in planned.preview.estimates if not estimate.sufficient]
    code = Exit.USAGE if planned.preview.problems or weak else Exit.PASS
    if as_json:
        data = {
            "plan": planned.plan.model_dump(mode="json"),
            "estimates": [estimate.model_dump(mode="json") for estimate in planned.preview.estimates],
            "problems": list(planned.preview.problems),
        }
        out.print(json.dumps(data, indent=2), soft_wrap=True, markup=False)
        return code
    _steps(planned.plan, planned.loaded.scenario)
    _estimates(planned)
    for problem in planned.preview.problems:
        say(f"cannot be judged: {problem}", "red")
    if code:
        say("run would refuse this (exit 2); --allow-inconclusive runs it nevertheless", "yellow")
    return code


def _steps(plan: Plan, scenario: Scenario) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="steps", title_justify="left")
    table.add_column("at", justify="right", no_wrap=True)
    table.add_column("what")
    table.add_column("arrivals", justify="right")
    faults = {fault.id: fault for fault in scenario.faults}
    for step in plan.steps:
        match step.action:
            case "phase":
                slot = plan.phase(step.name)
                assert slot is not None
                arrivals = ", ".join(f"{journey} {count}" for journey, count in slot.arrivals.items())
                table.add_row(_seconds(step.at_ns), f"phase {step.name}", arrivals)
            case "fault_on":
                fault = faults[step.name]
                what = Text(f"{fault.target} {fault.describe()}", style="magenta")
                what.append(f"\n  made by {plan.makers[fault.id].in_words}", style="dim")
                table.add_row(_seconds(step.at_ns), what, "")
            case "fault_off":
                table.add_row(_seconds(step.at_ns), Text(f"{step.name} undone", style="magenta"), "")
            case "load_on" | "load_off":
                table.add_row(_seconds(step.at_ns), step.action.replace("_", " "), "")
    out.print(table)


def _estimates(planned: Planned) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="what this plan can decide", title_justify="left")
    table.add_column("claim")
    table.add_column("samples", justify="right")
    table.add_column("decided", justify="right", no_wrap=True)
    for estimate in planned.preview.estimates:
        chance = f"{estimate.probability:.2%}"
        samples = ", ".join(f"{phase} {count}" for phase, count in estimate.samples.items())
        claim = Text(estimate.claim)
        if not estimate.sufficient:
            claim.append(f"\n{estimate.remedy}", style="yellow")
        table.add_row(claim, samples, Text(chance, style="" if estimate.sufficient else "bold yellow"))
    out.print(table)
