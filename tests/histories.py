"""A healthy run of a small system, as a builder that tests change: three services, two edges, every check passes.

`front:orders` and `orders:payments`; payments answers 800 ms late during the fault phase, attempts time out after
500 ms, the breaker opens after five failures, orders are queued, and all is well again some 3 s after the undo.
"""

from __future__ import annotations

import json
from typing import Any

from tests.history_builder import HistoryBuilder, MetricRow, ProcessRow, ns
from workbench.model.audit import Audit, AuditEffect, AuditRecord
from workbench.model.events import (
    CleanVerified,
    Clock,
    Collected,
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultUndoRequested,
    LoadStarted,
    LoadStopped,
    PhaseEnded,
    PhaseStarted,
    RunEnded,
    RunStarted,
    Settled,
)
from workbench.model.plan import PhaseSlot, Plan
from workbench.model.policies import Policies
from workbench.model.run import Machine, Reproduce, RunRecord
from workbench.model.scenario import Scenario
from workbench.model.slo import Slo
from workbench.model.system import System

EDGE = "orders:payments"
FAULT = "slow-payments"
SERVICES = ("front", "orders", "payments")

ON, UNDO, OFF, END = 23.05, 43.05, 43.1, 63.1
"""Verified on, undo asked for, verified off, end of the load. The fault was asked for at 23.0."""

PHASES = {"warmup": (0.0, 3.0), "baseline": (3.0, 23.0), "fault": (ON, UNDO), "recovery": (OFF, END)}
RATE = 12
TIMEOUT, RESET, FAILURES = 0.5, 4.0, 5

SYSTEM: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "services": {
        name: {
            "command": ["serve", name],
            "metrics": "/metrics",
            "policies": "/policies",
            "traces": True,
            **({} if name == "front" else {"audit": "/audit"}),
        }
        for name in SERVICES
    },
    "edges": [
        {"caller": "front", "callee": "orders", "env": "ORDERS_URL"},
        {"caller": "orders", "callee": "payments", "env": "PAYMENTS_URL"},
    ],
    "entry": "front",
    "journeys": {name: {"locustfile": "users.py", "user": name.title()} for name in ("browse", "checkout")},
}

SCENARIO: dict[str, Any] = {
    "version": 1,
    "name": "latency-spike",
    "title": "Payments answers 800 ms late",
    "hypothesis": "Orders are queued instead of lost.",
    "system": "small",
    "seed": 7,
    "load": {"mix": {"browse": 1, "checkout": 1}, "arrivals": {"rate": f"{RATE}/s"}},
    "phases": [
        {"name": "warmup", "duration": "3s"},
        {"name": "baseline", "duration": "20s"},
        {"name": "fault", "duration": "20s"},
        {"name": "recovery", "duration": "20s"},
    ],
    "faults": [{"id": FAULT, "kind": "latency", "edge": EDGE, "delay": "800ms", "jitter": "100ms"}],
    "steady_state": [{"slo": "checkout-complete", "expected": "99.9%"}, {"slo": "browse-latency", "expected": "99.9%"}],
    "slos": [{"slo": "checkout-availability", "phases": ["fault"]}],
    "expect": [
        {"kind": "breaker_opens", "edge": EDGE, "within": "3s"},
        {"kind": "breaker_holds", "edge": EDGE},
        {"kind": "retries_bounded", "edge": EDGE},
        {"kind": "retry_amplification", "edge": EDGE, "at_most": 2},
        {"kind": "timeout_bound", "edge": EDGE},
        {"kind": "fallback_served", "journey": "checkout", "at_least": "90%", "recovered_within": "5s"},
        {"kind": "isolated", "journey": "browse"},
        {"kind": "recovers", "slo": "checkout-complete", "within": "5s"},
        {"kind": "no_lost_orders"},
        {"kind": "no_duplicate_effects", "effects": ["order", "capture"]},
    ],
}

SLOS = [
    Slo.model_validate(slo)
    for slo in (
        {"name": "checkout-availability", "journey": "checkout", "outcomes": ["ok", "degraded"], "under": None},
        {"name": "checkout-complete", "journey": "checkout", "outcomes": ["ok"], "under": None},
        {"name": "browse-latency", "journey": "browse", "outcomes": ["ok", "degraded"], "under": "500ms"},
    )
    for slo in ({**slo, "title": slo["name"], "target": 0.95},)
]

POLICIES: dict[str, Any] = {
    "edges": {
        "front:orders": {"timeout": "3s"},
        EDGE: {
            "timeout": "500ms",
            "attempts": 2,
            "breaker": {"failures_to_open": FAILURES, "reset_timeout": "4s"},
            "fallback": "queue",
        },
    }
}


def record(scenario: dict[str, Any] | None = None, policies: dict[str, Any] | None = None) -> RunRecord:
    """Return what a run of the small system was made of."""
    parsed = Scenario.model_validate(SCENARIO if scenario is None else scenario)
    return RunRecord(
        run_id="20260101T000000Z-latency-spike-abc123",
        scenario=parsed,
        system=System.model_validate(SYSTEM),
        slos=SLOS,
        plan=plan(parsed),
        policies=Policies.model_validate(POLICIES if policies is None else policies),
        audited=["orders", "payments"],
        traced=list(SERVICES),
        scraped=list(SERVICES),
        zero=Clock(monotonic_ns=10**12, wall_ns=1_767_225_600 * 10**9),
        versions={"workbench": "0.1.0"},
        machine=Machine(os="Linux", arch="x86_64", python="3.11.7", cores=2, memory_bytes=8 * 2**30),
        reproduce=Reproduce(command=["workbench", "run", "latency-spike"]),
        stage="executed",
    )


def plan(scenario: Scenario, rate: float | None = None) -> Plan:
    """Return a plan with evenly spread arrivals, half of them of each journey."""
    rate = float(scenario.load.arrivals.rate or RATE) if rate is None else rate
    slots, at = [], 0
    for phase in scenario.phases:
        number = round(rate * phase.duration.s / len(scenario.load.mix))
        slots.append(
            PhaseSlot(
                name=phase.name,
                role=phase.role,
                start_ns=at,
                end_ns=at + phase.duration,
                arrivals=dict.fromkeys(sorted(scenario.load.mix), number),
            )
        )
        at += phase.duration
    return Plan(seed=scenario.seed, phases=slots, steps=[], end_ns=at, horizon_ns=at, arrivals_digest="0" * 16)


def healthy() -> HistoryBuilder:
    """Return a run in which every check passes."""
    run = HistoryBuilder(record())
    run.journal = _journal()
    breaker = _Breaker()
    step = 1 / RATE
    for i in range(round(END / step)):
        at = i * step
        if i % 2:
            run.journey("browse", at, 0.02)
        else:
            _checkout(run, at, breaker)
    _telemetry(run)
    _accounts(run)
    return run


def _journal() -> list[Any]:
    events: list[Any] = [RunStarted(at_ns=ns(-5), run_id="run", scenario="latency-spike"), LoadStarted(at_ns=0)]
    for name, (start, end) in PHASES.items():
        events += [PhaseStarted(at_ns=ns(start), phase=name), PhaseEnded(at_ns=ns(end), phase=name)]
    return [
        *events,
        FaultRequested(at_ns=ns(23.0), fault=FAULT, edge=EDGE),
        FaultOn(at_ns=ns(ON), fault=FAULT, edge=EDGE),
        FaultUndoRequested(at_ns=ns(UNDO), fault=FAULT, edge=EDGE),
        FaultOff(at_ns=ns(OFF), fault=FAULT, edge=EDGE),
        LoadStopped(at_ns=ns(END), journeys=757, unfinished=0),
        Settled(at_ns=ns(END + 2), pending=0, waited_ns=ns(2)),
        CleanVerified(at_ns=ns(END + 3), clean=True, faults=[], processes=[], ledger=[]),
        Collected(at_ns=ns(END + 4), rows={}, dropped={"spans": 0}, clock_shift_ns={"load": 1_000_000}),
        RunEnded(at_ns=ns(END + 4)),
    ]


class _Breaker:
    """Opens when the fifth failure in a row ends, lets one probe through after the reset timeout."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.open_until: float | None = None
        self.probe_ends = 0.0

    def allows(self, at: float) -> bool:
        if self.open_until is not None:
            return at >= max(self.open_until, self.probe_ends)
        return len(self.ends) < FAILURES or at < sorted(self.ends)[FAILURES - 1]

    def failed(self, end: float) -> None:
        self.ends.append(end)
        if len(self.ends) >= FAILURES:
            opened = sorted(self.ends)[FAILURES - 1] if len(self.ends) < 2 * FAILURES + 1 else end
            self.open_until, self.probe_ends = opened + RESET, end

    def succeeded(self) -> None:
        self.ends, self.open_until = [], None


def _checkout(run: HistoryBuilder, at: float, breaker: _Breaker) -> None:
    """Add one checkout: front calls orders, orders calls payments, or answers from its fallback."""
    number = len(run.journeys)
    ack = {"id": f"o-{number}", "key": f"k-{number}", "state": "confirmed"}
    journey = run.journey("checkout", at, 0.06, ack=json.dumps(ack))
    trace = journey.trace_id
    assert trace is not None
    first = run.call("front:orders", trace, None, at + 0.001, 0.05)
    outer = run.attempt(first, at + 0.002, 0.048, path="/v1/orders")
    server = run.span(trace, outer.parent_span_id, "orders", at + 0.003, 0.045, name="POST /v1/orders", kind="server")
    call = run.call(EDGE, trace, server, at + 0.004, 0.001, "rejected_breaker")
    took = _attempts(run, call, at + 0.005, breaker)
    if call.outcome != "ok":
        run.span(trace, server, "orders", at + 0.005 + took, 0.002, name="queue", fallback="queue", edge=EDGE)
        journey.ack = json.dumps({**ack, "state": "queued"})
        journey.outcome = "degraded"
    call.ended = call.started + ns(took + 0.001)
    journey.ended += ns(took)
    outer.ended += ns(took)


def _attempts(run: HistoryBuilder, call: Any, at: float, breaker: _Breaker) -> float:
    """Add the attempts that the breaker allows, and return how long they took."""
    start = at
    for number in (1, 2):
        if not breaker.allows(at):
            break
        if not ON <= at < UNDO:
            run.attempt(call, at, 0.015, number=number)
            call.outcome = "ok"
            breaker.succeeded()
            return at + 0.015 - start
        run.attempt(
            call,
            at,
            TIMEOUT,
            number=number,
            outcome="timeout",
            fault=FAULT,
            status=None,
            end_reason="client_gone",
            delay_ns=ns(0.8),
        )
        call.outcome = "timeout"
        breaker.failed(at + TIMEOUT)
        at += TIMEOUT + 0.05
    return at - start


def _telemetry(run: HistoryBuilder) -> None:
    for second in range(round(END) + 3):
        for service in SERVICES:
            run.metrics.append(MetricRow(ns(second + 0.2), service, "up", "{}", 1.0))
            run.metrics.append(MetricRow(ns(second + 0.2), service, "workbench_spans_dropped_total", "{}", 0.0))
        run.processes.append(ProcessRow(ns(second + 0.1), "load", 4711, 2 + 0.3 * second))


def _accounts(run: HistoryBuilder) -> None:
    acks = [json.loads(journey.ack) for journey in run.journeys if journey.ack is not None]
    run.audits_after = {
        "orders": Audit(
            service="orders",
            records=[
                AuditRecord(kind="order", id=a["id"], key=a["key"], state="confirmed", terminal=True) for a in acks
            ],
            effects=[AuditEffect(kind="order", key=a["key"], id=a["id"]) for a in acks],
        ),
        "payments": Audit(
            service="payments",
            effects=[AuditEffect(kind="capture", key=a["key"], id=f"c-{a['id']}") for a in acks],
        ),
    }
