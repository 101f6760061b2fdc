"""Options and arguments that several commands share, and how their values complete."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.errors import InvalidInput, Problem, UsageError
from workbench.loading.locations import scenario_files
from workbench.loading.source import nearest
from workbench.model.planes import PlaneName
from workbench.model.runtimes import Placement, Profile, RuntimeName
from workbench.model.tools import Tool, in_order


def complete_scenario(incomplete: str) -> list[str]:
    """Return scenario names for the shell."""
    return [name for name in scenario_files() if name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """Return run directories for the shell."""
    return [str(path.parent) for path in Path("reports").glob("*/run.json") if str(path.parent).startswith(incomplete)]


ScenarioName = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO", help="Name of a scenario, or path of its file", autocompletion=complete_scenario
    ),
]
SystemFile = Annotated[
    str | None,
    typer.Option("--system", help="Another system: a name, or the path of a system.yaml", metavar="F"),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Another seed: other arrivals, other requests hit", min=0)]
RateText = Annotated[str | None, typer.Option("--rate", help="Another rate of arrivals, such as 12/s", metavar="R")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a value, such as phases.fault.duration=40s (repeatable)", metavar="PATH=VALUE"),
]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Another limit, such as expect.breaker_opens.within=1s (repeatable)", metavar="PATH=VALUE"
    ),
]
Reports = Annotated[Path, typer.Option("--reports", help="Folder of the run directories", metavar="DIR")]
RunDir = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="A run directory, such as reports/latest", autocompletion=complete_run),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout")]
PortBase = Annotated[
    int | None,
    typer.Option(
        "--port-base", help="First port of the block to use (default: the first free block)", min=1024, max=65_336
    ),
]
FaultPlane = Annotated[
    PlaneName,
    typer.Option("--fault-plane", help="What injects faults on edges; toxiproxy needs toxiproxy-server on PATH"),
]
With = Annotated[
    str | None,
    typer.Option(
        "--with",
        help="Real tools beside the embedded parts: prometheus, jaeger, toxiproxy, grafana (comma-separated)",
        metavar="TOOLS",
        envvar="WORKBENCH_WITH",
    ),
]
Runtime = Annotated[
    RuntimeName,
    typer.Option(
        "--runtime", help="Where the system runs: as local processes, or in containers", envvar="WORKBENCH_RUNTIME"
    ),
]
ProfileOption = Annotated[
    Profile | None,
    typer.Option(
        "--profile",
        help="In containers: core is what runs natively, full has real servers and tools beside it (default)",
        show_default=False,
    ),
]
Without = Annotated[
    str | None,
    typer.Option("--without", help="Tools to leave out of profile full (comma-separated)", metavar="TOOLS"),
]
Bug = Annotated[list[str] | None, typer.Option("--bug", help="Plant a known defect (repeatable)", metavar="NAME")]


def tools_and_plane(with_: str | None, plane: PlaneName) -> tuple[list[Tool], PlaneName]:
    """Return the tools that run beside a stack, and what serves its edges: Toxiproxy, where it is one of them.

    Raises UsageError for a tool that nobody knows.
    """
    tools = _tools("--with", with_)
    beside: list[Tool] = [tool for tool in tools if tool is not Tool.TOXIPROXY]
    return beside, PlaneName.TOXIPROXY if Tool.TOXIPROXY in tools else plane


def _tools(option: str, text: str | None) -> list[Tool]:
    known = [str(tool) for tool in Tool]
    asked = [name.strip() for name in (text or "").split(",") if name.strip()]
    unknown = [f"{name!r}{nearest(name, known)}" for name in asked if name not in known]
    if unknown:
        raise UsageError(f"{option}: there is no tool {', '.join(unknown)}", hint=f"known are: {', '.join(known)}")
    return in_order([Tool(name) for name in asked])


def placed(
    runtime: RuntimeName, profile: Profile | None, tools: list[Tool], without: str | None
) -> tuple[Placement, list[Tool]]:
    """Return where a stack is to run, and the tools that stand beside it there.

    Raises UsageError for what only a stack in containers has.
    """
    left_out = _tools("--without", without)
    if runtime is RuntimeName.NATIVE:
        if profile is not None or left_out:
            raise UsageError("--profile and --without are about containers", hint="--runtime docker runs in them")
        return Placement(), tools
    chosen = profile or Profile.FULL
    if chosen is Profile.FULL:
        tools = [tool for tool in Tool if tool is not Tool.TOXIPROXY]
    return Placement(runtime, chosen), [tool for tool in tools if tool not in left_out]


def changes(pairs: list[str] | None) -> dict[str, str]:
    """Return `--set path=value` pairs. Raises InvalidInput for one without an equals sign."""
    wrong = [pair for pair in pairs or [] if "=" not in pair]
    if wrong:
        raise InvalidInput([Problem("--set", 0, pair, "has to be PATH=VALUE") for pair in wrong])
    return {path.strip(): value for path, _, value in (pair.partition("=") for pair in pairs or [])}
