"""Where and how a run took place, what the callers say they do on each edge, and how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.model.events import StackReady
from workbench.model.expectations import Expectation
from workbench.model.history import History
from workbench.model.policies import EdgePolicy
from workbench.reporting import figures

NOT_SAID = "–"

_LIMITS = ("within", "at_least", "at_most", "min_n")


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """What the caller says of one edge. A dash means that it has no such mechanism, or does not say."""

    edge: str
    timeout: str
    attempts: str
    breaker: str
    bulkhead: str
    fallback: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command to type, and what it is for."""

    purpose: str
    line: str


def facts(history: History) -> list[tuple[str, str]]:
    """Return what there is to know about the circumstances, as pairs of name and value."""
    run = history.run
    machine = run.machine
    load = run.scenario.load
    mix = ", ".join(f"{journey} {weight:g}" for journey, weight in load.mix.items())
    stack = next(iter(history.events(StackReady)), None)
    found = [
        ("run", run.run_id),
        ("started", figures.utc(run.zero.wall_ns)),
        ("scenario", run.scenario.name),
        ("system", run.system.name + (f": {run.system.title}" if run.system.title else "")),
        ("load", f"{load.arrivals.rate or 'varying rate'}, {load.arrivals.distribution} arrivals, open model; {mix}"),
        ("seed", str(run.plan.seed)),
        ("schedule", f"digest {run.plan.arrivals_digest}"),
        ("machine", f"{machine.os}, {machine.arch}, {machine.cores} cores, {figures.size(machine.memory_bytes)}"),
    ]
    if stack is not None:
        how = "started for this run" if stack.started_by_run else "was running before"
        found.append(("stack", f"{stack.stack_id}, {how}; {', '.join(stack.services)}"))
    if not run.fault_plane.records_attempts:
        found.append(("fault plane", f"{run.fault_plane}; attempts are those of the callers' spans"))
    versions = {"python": machine.python, **run.versions}
    found.append(("versions", ", ".join(f"{name} {version}" for name, version in versions.items())))
    return found


def policies(history: History) -> list[PolicyRow]:
    """Return what is known of every edge of the system, in its order."""
    return [_row(edge.name, history.policy(edge.name)) for edge in history.run.system.edges]


def _row(edge: str, policy: EdgePolicy | None) -> PolicyRow:
    if policy is None:
        return PolicyRow(edge, *["does not say"] * 2, *[NOT_SAID] * 3)
    breaker = policy.breaker
    return PolicyRow(
        edge=edge,
        timeout=NOT_SAID if policy.timeout is None else str(policy.timeout),
        attempts=str(policy.attempts),
        breaker=NOT_SAID
        if breaker is None
        else f"opens after {breaker.failures_to_open}, tries again after {breaker.reset_timeout}",
        bulkhead=NOT_SAID if policy.bulkhead is None else str(policy.bulkhead),
        fallback=policy.fallback or NOT_SAID,
    )


def commands(history: History) -> list[Command]:
    """Return how to repeat the run, and how to judge it again."""
    run = history.run
    asked = run.reproduce.command or ["workbench", "run", run.scenario.name]
    again = asked if "--seed" in asked else [*asked, "--seed", str(run.plan.seed)]
    folder = f"reports/{run.run_id}"
    found = [
        Command("run it again, with the same arrivals and the same hits", shlex.join(again)),
        Command("judge it again, from the run directory alone", shlex.join(["workbench", "judge", folder])),
    ]
    limit = _a_limit(run.scenario.expect)
    if limit is not None:
        line = shlex.join(["workbench", "judge", folder, "--set", limit])
        found.append(Command("judge it with another limit, such as this one changed", line))
    return found


def _a_limit(expectations: Sequence[Expectation]) -> str | None:
    """Return one limit as `judge --set` wants it, with its present value."""
    for expectation in expectations:
        for name in _LIMITS:
            value = getattr(expectation, name, None)
            if value is not None:
                return f"expect.{getattr(expectation, 'kind', '')}.{name}={value}"
    return None
