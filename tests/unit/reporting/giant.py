"""A run that is as large as can be in every way that shows in a report, with text that grows when it is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.histories import POLICIES, SCENARIO, SLOS, SYSTEM, record
from tests.history_builder import ArrivalRow, AttemptRow, HistoryBuilder, JourneyRow, MetricRow, SpanRow, ns
from tests.unit.reporting.runs import result, told, validity, verdict
from workbench.model.events import (
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultUndoRequested,
    LoadStarted,
    LoadStopped,
    PhaseEnded,
    PhaseStarted,
    Warned,
)
from workbench.model.policies import Policies
from workbench.model.scenario import Scenario
from workbench.model.system import System
from workbench.model.verdict import Evidence, Outcome
from workbench.reporting.report import Report

SERVICES, PHASES, FAULTS, CHECKS, PHASE_S = 91, 30, 24, 240, 120
"""An hour, and as many edges as a system may have."""

WORST = "\"&'<>" * 1_000
"""Every character is five bytes once it is escaped."""

LONG = "n" * 40


def giant() -> Report:
    """Return its report."""
    random = Random(7)
    edges = [f"s{i // 3}-{LONG}:s{i + 1}-{LONG}" for i in range(SERVICES - 1)]
    run = HistoryBuilder(_record(edges))
    run.journal = [*_journal()]
    run.problems = (WORST,) * 40
    for i, at_s in enumerate(range(0, PHASES * PHASE_S, 3)):
        for name in _journeys():
            _journey(run, random, f"{name}", i, at_s)
    for edge in edges[:3]:
        for at_s in range(PHASES * PHASE_S):
            run.attempts += [_attempt(edge, ns(at_s + k / 9)) for k in range(random.randrange(3))]
    for edge in edges[:12]:
        for at_s in range(0, PHASES * PHASE_S, 2):
            labels = json.dumps({"edge": edge})
            run.metrics.append(MetricRow(ns(at_s), "s", "workbench_breaker_state", labels, random.randrange(3)))
    return told(run, verdict(*_checks(), title=WORST, reasons=[WORST] * 30))


def _journeys() -> list[str]:
    return [f"journey{i}-{LONG}" for i in range(14)]


def _record(edges: list[str]) -> Any:
    phases = [{"name": f"fault-{i}-{LONG}", "duration": f"{PHASE_S}s"} for i in range(PHASES)]
    faults = [
        {"id": f"fault{i}-{LONG}", "kind": "latency", "edge": edges[i], "phase": phases[i]["name"], "delay": "1s"}
        for i in range(FAULTS)
    ]
    slos = [SLOS[0].model_copy(update={"name": f"slo{i}-{LONG}", "journey": _journeys()[0]}) for i in range(20)]
    scenario = {
        **SCENARIO,
        "load": {"mix": dict.fromkeys(_journeys(), 1), "arrivals": {"rate": "5/s"}},
        "phases": phases,
        "faults": faults,
        "steady_state": [],
        "slos": [{"slo": slo.name, "phases": [phase["name"] for phase in phases]} for slo in slos],
        "expect": [],
    }
    services = {f"s{i}-{LONG}": {"command": ["x"]} for i in range(SERVICES)}
    system = {
        **SYSTEM,
        "title": WORST,
        "services": services,
        "edges": [dict(zip(("caller", "callee"), e.split(":"), strict=True), env=f"E{i}") for i, e in enumerate(edges)],
        "conserved": {},
        "entry": f"s0-{LONG}",
        "journeys": {name: {"locustfile": "u.py", "user": "U", "description": WORST} for name in _journeys()},
    }
    small = record()
    return small.model_copy(
        update={
            "scenario": Scenario.model_validate(scenario),
            "system": System.model_validate(system),
            "slos": slos,
            "policies": Policies.model_validate({"edges": dict.fromkeys(edges, POLICIES["edges"]["orders:payments"])}),
            "versions": {f"package{i}": WORST for i in range(40)},
            "reproduce": small.reproduce.model_copy(update={"command": ["workbench", WORST], "bugs": [WORST] * 9}),
        }
    )


def _journal() -> Iterator[Any]:
    yield LoadStarted(at_ns=0)
    for i in range(PHASES):
        begin, end = ns(i * PHASE_S), ns((i + 1) * PHASE_S)
        yield PhaseStarted(at_ns=begin, phase=f"fault-{i}-{LONG}")
        yield PhaseEnded(at_ns=end, phase=f"fault-{i}-{LONG}")
        if i < FAULTS:
            fault = {"fault": f"fault{i}-{LONG}", "edge": "s0:s1"}
            yield FaultRequested(at_ns=begin, **fault)
            yield FaultOn(at_ns=begin + ns(1), **fault)
            yield FaultUndoRequested(at_ns=end - ns(2), **fault)
            yield FaultOff(at_ns=end - ns(1), **fault)
    for i in range(300):
        yield Warned(at_ns=ns(i), message=WORST, remedy=WORST)
    yield LoadStopped(at_ns=ns(PHASES * PHASE_S), journeys=1, unfinished=0)


def _journey(run: HistoryBuilder, random: Random, name: str, number: int, at_s: int) -> None:
    at, outcome = ns(at_s), random.choice(["ok", "degraded", "failed", "indeterminate"])
    trace = run.id(32)
    run.arrivals.append(ArrivalRow(number, at, name))
    ended = at + ns(random.random() * 60)
    run.journeys.append(
        JourneyRow("journey", number, name, name, at, at, at, ended, outcome=outcome, error=WORST[:300], trace_id=trace)
    )
    if number % 40 == 0:
        said: dict[str, Any] = {"edge": "a:b", "call_id": "c", "outcome": WORST[:300], "fallback": WORST[:300]}
        run.spans += [
            SpanRow(trace, run.id(), None, WORST[:50], WORST[:200], "client", at + k, ended, attempt=k, **said)
            for k in range(40)
        ]


def _attempt(edge: str, at_ns: int) -> AttemptRow:
    return AttemptRow(edge, 0, "", "", at_ns, None, at_ns + 1)


def _checks() -> Iterator[Any]:
    evidence = [Evidence(kind="log", ref=WORST[:999], text=WORST[:999])] * 30
    for i in range(CHECKS):
        outcome = list(Outcome)[i % 4]
        yield result(f"A{i}:{WORST}", outcome, claim=WORST, reason=WORST, evidence=evidence)
        yield validity(f"V{i}", outcome, claim=WORST, reason=WORST)
