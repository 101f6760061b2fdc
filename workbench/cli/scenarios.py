"""Commands about scenarios: run, list, plan, validate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli import rendering
from workbench.cli.console import RunConsole
from workbench.cli.options import (
    Bug,
    FaultPlane,
    Json,
    PortBase,
    ProfileOption,
    RateText,
    Reports,
    Runtime,
    ScenarioName,
    Seed,
    Set,
    SystemFile,
    With,
    Without,
    changes,
    placed,
    tools_and_plane,
)
from workbench.cli.streams import err, last_line, progress, say
from workbench.errors import InvalidInput, UsageError
from workbench.loading.overrides import Overrides
from workbench.model.planes import PlaneName
from workbench.model.runtimes import RuntimeName
from workbench.model.tools import Tool
from workbench.model.units import NS_PER_S
from workbench.pipeline import Request, plan_scenario
from workbench.pipeline import run as run_pipeline
from workbench.validating import validate_file
from workbench.wiring import LocalDesk


def run(
    scenario: ScenarioName,
    *,
    system: SystemFile = None,
    seed: Seed = None,
    rate: RateText = None,
    set_: Set = None,
    bug: Bug = None,
    no_faults: Annotated[
        bool,
        typer.Option("--no-faults", help="Switch the injector off: the run has to come out INCONCLUSIVE"),
    ] = False,
    allow_inconclusive: Annotated[
        bool,
        typer.Option("--allow-inconclusive", help="Run although some claims will probably not be decided"),
    ] = False,
    keep_up: Annotated[bool, typer.Option("--keep-up", help="Leave the stack running afterwards")] = False,
    port_base: PortBase = None,
    fault_plane: FaultPlane = PlaneName.BUILTIN,
    with_: With = None,
    runtime: Runtime = RuntimeName.NATIVE,
    profile: ProfileOption = None,
    without: Without = None,
    reports: Reports = Path("reports"),
    json: Json = False,
) -> int:
    """Run a scenario and say PASS, FAIL or INCONCLUSIVE, with evidence.

    Starts the system if none is up, and takes it down again.

    [bold]Example:[/]  workbench run latency-spike
    [bold]Example:[/]  workbench run latency-spike --bug breaker-off
    [bold]Example:[/]  workbench run latency-spike --fault-plane toxiproxy
    [bold]Example:[/]  workbench run latency-spike --with prometheus,jaeger
    [bold]Example:[/]  workbench run no-fault --rate 12/s --json > verdict.json
    """
    tools, plane = tools_and_plane(with_, fault_plane)
    placement, tools = placed(runtime, profile, tools, without)
    request = Request(
        scenario=scenario,
        overrides=Overrides(system=system, seed=seed, rate=rate, changes=changes(set_)),
        bugs=bug or [],
        no_faults=no_faults,
        allow_inconclusive=allow_inconclusive,
        keep_up=keep_up,
        port_base=port_base,
        plane=plane,
        tools=tools,
        placement=placement,
        command=["workbench", *sys.argv[1:]],
    )
    planned = plan_scenario(request)
    rendering.introduction(planned)
    console = RunConsole(err)
    desk = LocalDesk(reports=reports, sink=console, note=console.note, page=console.page)
    with console.live():
        verdict, directory = run_pipeline(request, planned, desk)
    rendering.verdict(verdict, directory.folder, as_json=json)
    last_line(verdict.exit_code, to_stdout=not json)
    return verdict.exit_code


def list_(
    label: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", help="Only those with this label (repeatable)", metavar="KEY=VALUE"),
    ] = None,
    json: Json = False,
) -> None:
    """List the scenarios with their claims.

    [bold]Example:[/]  workbench list -l area=network
    """
    wanted = [pair.partition("=") for pair in label or []]
    if wrong := [key for key, equals, _ in wanted if not equals]:
        raise UsageError(f"-l {wrong[0]}: has to be KEY=VALUE", hint="for example -l area=network")
    rendering.scenario_list({key: value for key, _, value in wanted}, as_json=json)


def plan(
    scenario: ScenarioName,
    *,
    system: SystemFile = None,
    seed: Seed = None,
    rate: RateText = None,
    set_: Set = None,
    fault_plane: FaultPlane = PlaneName.BUILTIN,
    with_: With = None,
    runtime: Runtime = RuntimeName.NATIVE,
    profile: ProfileOption = None,
    json: Json = False,
) -> int:
    """Show the timed steps of a scenario, who makes its faults, and for each claim whether the plan can decide it.

    [bold]Example:[/]  workbench plan latency-spike --rate 6/s
    [bold]Example:[/]  workbench plan db-slow --runtime docker
    """
    overrides = Overrides(system=system, seed=seed, rate=rate, changes=changes(set_))
    tools, plane = tools_and_plane(with_, fault_plane)
    placement, tools = placed(runtime, profile, tools, None)
    request = Request(scenario=scenario, overrides=overrides, plane=plane, tools=tools, placement=placement)
    return rendering.plan(plan_scenario(request), as_json=json)


def rules(
    scenario: ScenarioName,
    *,
    system: SystemFile = None,
    set_: Set = None,
) -> None:
    """Print the Prometheus rules of a scenario: burn rates and alerts of its SLOs, scaled to the length of the run.

    They are those that `run --with prometheus` puts in place.

    [bold]Example:[/]  workbench rules latency-spike > rules.yml
    """
    from workbench.adapters.prometheus.rules import rules as rules_of  # noqa: PLC0415 - no other command needs them
    from workbench.adapters.yaml_files import yaml_text  # noqa: PLC0415

    overrides = Overrides(system=system, changes=changes(set_))
    planned = plan_scenario(Request(scenario=scenario, overrides=overrides, tools=list(Tool)))
    say(yaml_text(rules_of(planned.counted, planned.plan.end_ns / NS_PER_S)).rstrip())


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scenarios, systems, SLOs, gate policies")],
    *,
    fault_plane: FaultPlane = PlaneName.BUILTIN,
) -> None:
    """Check files and name all their problems at once, with file, line and path.

    [bold]Example:[/]  workbench validate scenarios/*.yaml
    """
    problems = []
    for file in files:
        try:
            say(f"{file}: {validate_file(file, fault_plane)} is valid")
        except InvalidInput as error:
            problems += error.problems
        except UsageError as error:
            progress(f"{file}: {error.message}", "red")
            raise
    if problems:
        raise InvalidInput(problems)
