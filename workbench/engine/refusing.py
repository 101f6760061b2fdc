"""What is refused before a run that could not come to anything: each with the remedy. Raises UsageError."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.checks import Preview
from workbench.engine.collecting import Sources
from workbench.engine.ports import FaultState
from workbench.errors import UsageError
from workbench.model.faults.base import Ability, FaultBase
from workbench.model.planes import PlaneName
from workbench.model.run import RunRecord
from workbench.model.runtimes import NATIVE, Placement
from workbench.model.stack import RunningStack
from workbench.model.system import Edge, System
from workbench.model.tools import Tool

_BUILTIN = f"--fault-plane {PlaneName.BUILTIN}"


def refuse_undecidable(expected: Preview, *, allowed: bool) -> None:
    """Refuse claims that cannot be judged at all, and, unless `allowed`, those that probably would not be decided."""
    if expected.problems:
        raise UsageError("this cannot be judged:\n" + "\n".join(f"  {problem}" for problem in expected.problems))
    weak = [estimate for estimate in expected.estimates if not estimate.sufficient]
    if weak and not allowed:
        lines = "\n".join(f"  {e.id}: {e.claim}\n    {e.remedy}" for e in weak)
        raise UsageError(
            f"{len(weak)} of {len(expected.estimates)} claims would probably not be decided:\n{lines}",
            hint="--allow-inconclusive runs it nevertheless; workbench plan shows all of them",
        )


def refuse_plane(plane: PlaneName, faults: Sequence[FaultBase], system: System) -> None:
    """Refuse faults that a fault plane cannot inject, or whose effect nobody would see with it."""
    problems = plane_problems(plane, faults, system)
    if problems:
        raise UsageError(f"this cannot be done with {plane}:\n" + "\n".join(f"  {problem}" for problem in problems))


def plane_problems(plane: PlaneName, faults: Sequence[FaultBase], system: System) -> list[str]:
    """Say for each fault what keeps a fault plane from it, and the remedy."""
    problems = []
    for fault in faults:
        missing = sorted(fault.abilities_needed() - plane.abilities)
        if missing:
            lack = f"needs {', '.join(missing)}, which fault plane {plane} lacks; {_BUILTIN} has it"
            problems.append(f"fault {fault.id} ({fault.kind}) as declared {lack}")
        elif not plane.records_attempts:
            problems += [
                text for edge in system.edges if fault.touches(edge.name) for text in _unseen(plane, edge, system)
            ]
    return list(dict.fromkeys(problems))


def _unseen(plane: PlaneName, edge: Edge, system: System) -> list[str]:
    """Say what keeps attempts on a disturbed edge from being seen, where the plane keeps no record of them."""
    caller, missing = system.services[edge.caller], []
    if not caller.traces:
        remedy = "send OTLP/HTTP spans of attempts and say `traces: true`"
        missing.append(("sends no spans that would show them", remedy))
    if caller.metrics is None:
        remedy = "export workbench_edge_attempts_total and give the address as `metrics`"
        missing.append(("counts them nowhere, so that missing spans would not be noticed", remedy))
    return [
        f"{plane} keeps no record of attempts on {edge.name}, and {edge.caller} {lack}; {remedy} at service"
        f" {edge.caller}, or use {_BUILTIN}"
        for lack, remedy in missing
    ]


def refuse_other_stack(
    found: RunningStack,
    system: str,
    *,
    bugs: Sequence[str],
    plane: PlaneName,
    tools: Sequence[Tool] = (),
    placement: Placement = NATIVE,
) -> None:
    """Refuse a running stack that is not what was asked for."""
    if found.runtime != placement.runtime:
        raise UsageError(
            f"a stack of runtime {found.runtime} is running here, not {placement.runtime}",
            hint=f"--runtime {found.runtime} uses it as it is; workbench down ends it",
        )
    if found.fault_plane != plane:
        raise UsageError(
            f"the edges of the stack that is running here are served by fault plane {found.fault_plane}, not {plane}",
            hint=f"--fault-plane {found.fault_plane} uses it as it is; workbench down ends it",
        )
    if found.profile != placement.profile:
        raise UsageError(
            f"the stack that is running here is of profile {found.profile}, not {placement.profile}",
            hint=f"--profile {found.profile} uses it as it is; workbench down ends it",
        )
    if found.system != system:
        raise UsageError(
            f"a stack of system {found.system} is running here, and the scenario wants {system}",
            hint="workbench down ends it",
        )
    missing = [tool for tool in tools if tool not in found.tools]
    if missing:
        raise UsageError(
            f"the stack that is running here was started without {', '.join(missing)}",
            hint="workbench down, then the same command again starts a stack of its own",
        )
    if sorted(found.bugs) != sorted(bugs):
        has = ", ".join(found.bugs) or "none"
        raise UsageError(
            f"bugs are planted when services start; the running stack has: {has}",
            hint="workbench down, then the same command again starts a stack of its own",
        )


def refuse_sources(run: RunRecord, sources: Sources) -> None:
    """Refuse to judge from a tool that the run was without."""
    for tool in (sources.metrics, sources.spans):
        if tool != "collector" and tool not in run.tools:
            raise UsageError(
                f"the run was made without {tool}, so there is nothing of it to judge from",
                hint=f"workbench run {run.scenario.name} --with {tool} makes one",
            )


def refuse_foreign_faults(on: Sequence[FaultState]) -> None:
    """Refuse to begin while faults are on that are not of this run: what they do would be taken for the system's."""
    if on:
        raise UsageError(
            f"{'; '.join(f'fault {state.id} is on {state.target}' for state in on)}, put there by hand",
            hint="workbench fault clear takes everything off",
        )


def refuse_obstacles(obstacles: Mapping[Ability, str], faults: Sequence[FaultBase]) -> None:
    """Refuse faults that need what this machine does not allow."""
    problems = [
        f"  fault {fault.id} ({fault.kind}): {obstacles[ability]}"
        for fault in faults
        for ability in sorted(fault.abilities_needed() & obstacles.keys())
    ]
    if problems:
        raise UsageError("this cannot be done here:\n" + "\n".join(problems))


def refuse_inability(stack: RunningStack, faults: Sequence[FaultBase]) -> None:
    """Refuse faults that the stack's runtime cannot inject."""
    for fault in faults:
        missing = sorted(fault.abilities_needed() - set(stack.abilities))
        if missing:
            raise UsageError(
                f"fault {fault.id} ({fault.kind}) needs {', '.join(missing)}, which runtime {stack.runtime} lacks",
                hint="workbench down, then the same command starts a stack of its own",
            )
