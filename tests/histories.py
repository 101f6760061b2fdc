"""A healthy run of a small system, as a builder that tests change: three services, two edges, every check passes.

`front:orders` and `orders:payments`; payments answers 800 ms late during the fault phase, attempts time out after
500 ms, the breaker opens after five failures, orders are queued, and all is well again some 3 s after the undo.
"""

from __future__ import annotations

import json
from heapq import heapify, heappop, heappush
from typing import Any

from tests.history_builder import AS_THERE_ARE, HistoryBuilder, MetricRow, ProcessRow, ns
from workbench.model.audit import Audit, AuditEffect, AuditRecord
from workbench.model.events import (
    CleanVerified,
    Clock,
    Collected,
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultSkipped,
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

RUN_ID = "20260101T000000Z-latency-spike-abc123"
EDGE = "orders:payments"
FAULT = "slow-payments"
SERVICES = ("front", "orders", "payments")

ON, UNDO, OFF, END = 23.05, 43.05, 43.1, 63.1
"""Verified on, undo asked for, verified off, end of the load. The fault was asked for at 23.0."""

PRODUCED = ("requests", "attempts", "spans", "series", "metric_points", "processes")
"""Tables that producers write."""

PHASES = {"warmup": (0.0, 3.0), "baseline": (3.0, 23.0), "fault": (ON, UNDO), "recovery": (OFF, END)}
RATE = 12
TIMEOUT, BACKOFF, ANSWER, RESET, FAILURES = 0.5, 0.05, 0.015, 4.0, 5

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
    "sagas": {
        "order": {
            "ends": {
                "confirmed": {"capture": ["captured"]},
                "cancelled": {"capture": ["refunded", "none"]},
            }
        }
    },
    "conserved": {
        "stock": {"constant": ["orders.on_hand", "orders.sold"]},
        "money": {"equal": [["payments.captured", "-payments.refunded"], ["orders.earned"]]},
        "ledger": {"zero": ["payments.ledger"]},
    },
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
        {"kind": "timeout_bound", "edge": EDGE},
        {"kind": "fallback_served", "journey": "checkout", "at_least": "90%", "recovered_within": "5s"},
        {"kind": "isolated", "journey": "browse"},
        {"kind": "recovers", "slo": "checkout-complete", "within": "5s"},
        {"kind": "no_lost_orders"},
        {"kind": "no_duplicate_effects", "effects": ["order", "capture"]},
        {"kind": "saga_atomic"},
    ],
}

SLOS = [
    Slo.model_validate(
        {"name": name, "title": name, "journey": journey, "outcomes": ends, "under": under, "target": 0.95}
    )
    for name, journey, ends, under in (
        ("checkout-availability", "checkout", ["ok", "degraded"], None),
        ("checkout-complete", "checkout", ["ok"], None),
        ("browse-latency", "browse", ["ok", "degraded"], "500ms"),
    )
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
        run_id=RUN_ID,
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
    return _run(ON, UNDO)


def injector_off() -> HistoryBuilder:
    """Return a run of the same scenario in which no fault was injected, and everything is well."""
    run = _run(float("inf"), float("inf"))
    run.drop(FaultRequested, FaultOn, FaultUndoRequested, FaultOff)
    run.journal.append(FaultSkipped(at_ns=ns(23.0), fault=FAULT, reason="--no-faults"))
    reproduce = run.record.reproduce.model_copy(update={"faults_disabled": True})
    run.record = run.record.model_copy(update={"reproduce": reproduce})
    return run


def _run(on: float, undo: float) -> HistoryBuilder:
    run = HistoryBuilder(record())
    run.journal = _journal()
    starts = [i / RATE for i in range(round(END * RATE))]
    attempts = iter(_walk_of_attempts([at + 0.005 for at in starts[::2]], on, undo))
    for i, at in enumerate(starts):
        if i % 2:
            run.journey("browse", at, 0.02)
        else:
            _checkout(run, at, next(attempts), (on, undo))
    _telemetry(run)
    _accounts(run)
    return run


def _journal() -> list[Any]:
    events: list[Any] = [RunStarted(at_ns=ns(-5), run_id=RUN_ID, scenario="latency-spike"), LoadStarted(at_ns=0)]
    for name, (start, end) in PHASES.items():
        events += [PhaseStarted(at_ns=ns(start), phase=name), PhaseEnded(at_ns=ns(end), phase=name)]
    return [
        *events,
        FaultRequested(at_ns=ns(23.0), fault=FAULT, target=EDGE),
        FaultOn(at_ns=ns(ON), fault=FAULT, target=EDGE),
        FaultUndoRequested(at_ns=ns(UNDO), fault=FAULT, target=EDGE),
        FaultOff(at_ns=ns(OFF), fault=FAULT, target=EDGE, counts=dict.fromkeys(("eligible", "hit"), AS_THERE_ARE)),
        LoadStopped(at_ns=ns(END), journeys=AS_THERE_ARE, unfinished=0),
        Settled(at_ns=ns(END + 2), pending=0, waited_ns=ns(2)),
        CleanVerified(at_ns=ns(END + 3), clean=True, faults=[], processes=[], ledger=[]),
        Collected(
            at_ns=ns(END + 4),
            rows={},
            dropped=dict.fromkeys(PRODUCED, 0),
            clock_shift_ns={"load": 1_000_000, "faultproxy": 0, "collector": 0},
        ),
        RunEnded(at_ns=ns(END + 4)),
    ]


def _walk_of_attempts(calls: list[float], on: float, undo: float) -> list[list[float]]:
    """Return for each call when its attempts begin: two at most, and none while the breaker is open.

    During the fault an attempt ends after its timeout. Five failures open the breaker; after the reset timeout
    one probe is let through, and its failure opens it again.
    """
    attempts: list[list[float]] = [[] for _ in calls]
    due = [(at, i, "begin") for i, at in enumerate(calls)]
    failures, open_until, probing = 0, 0.0, False
    heapify(due)
    while due:
        at, i, what = heappop(due)
        if what == "begin" and at >= open_until and not probing:
            attempts[i].append(at)
            probing = open_until > 0
            heappush(due, (at + TIMEOUT, i, "fail") if on <= at < undo else (at + ANSWER, i, "succeed"))
        elif what == "fail":
            failures, probing = failures + 1, False
            if failures >= FAILURES:
                open_until = max(open_until, at + RESET) if failures == FAILURES or at >= open_until else open_until
            if len(attempts[i]) < 2:
                heappush(due, (at + BACKOFF, i, "begin"))
        elif what == "succeed":
            failures, open_until, probing = 0, 0.0, False
    return attempts


def _checkout(run: HistoryBuilder, at: float, attempts: list[float], fault: tuple[float, float]) -> None:
    """Add one checkout: front calls orders, orders calls payments, or answers from its fallback."""
    number, (on, undo) = len(run.journeys), fault
    degraded = not attempts or on <= attempts[-1] < undo
    ends = [start + (TIMEOUT if on <= start < undo else ANSWER) for start in attempts]
    took = ends[-1] - at - 0.005 if ends else 0.0
    ack = {"id": f"o-{number}", "key": f"k-{number}", "state": "queued" if degraded else "confirmed"}
    outcome = "degraded" if degraded else "ok"
    journey = run.journey("checkout", at, 0.06 + took, outcome=outcome, ack=json.dumps(ack))
    trace = journey.trace_id
    assert trace is not None
    first = run.call("front:orders", trace, None, at + 0.001, 0.05 + took)
    outer = run.attempt(first, at + 0.002, 0.048 + took, path="/v1/orders")
    server = run.span(
        trace, outer.parent_span_id, "orders", at + 0.003, 0.045 + took, name="POST /v1/orders", kind="server"
    )
    said = "rejected_breaker" if not attempts else "timeout" if degraded else "ok"
    call = run.call(EDGE, trace, server, at + 0.004, 0.001 + took, outcome=said)
    if degraded:
        run.span(trace, server, "orders", at + 0.006 + took, 0.002, name="queue", fallback="queue", edge=EDGE)
    for i, (start, end) in enumerate(zip(attempts, ends, strict=True), 1):
        if on <= start < undo:
            late: dict[str, Any] = {"status": None, "end_reason": "client_gone", "delay_ns": ns(0.8)}
            run.attempt(call, start, end - start, number=i, outcome="timeout", fault=FAULT, **late)
        else:
            run.attempt(call, start, end - start, number=i)


def _telemetry(run: HistoryBuilder) -> None:
    for second in range(round(END) + 3):
        for service in SERVICES:
            run.metrics.append(MetricRow(ns(second + 0.2), service, "up", "{}", 1.0))
            run.metrics.append(MetricRow(ns(second + 0.2), service, "workbench_spans_dropped_total", "{}", 0.0))
        run.processes.append(ProcessRow(ns(second + 0.1), "load", 4711, 2 + 0.3 * second))


def _accounts(run: HistoryBuilder) -> None:
    acks = [json.loads(journey.ack) for journey in run.journeys if journey.ack is not None]
    run.audits_before = {
        "orders": Audit(service="orders", totals={"on_hand": 1_000, "sold": 0, "earned": 0}),
        "payments": Audit(service="payments", totals={"captured": 0, "refunded": 0, "ledger": 0}),
    }
    run.audits_after = {
        "orders": Audit(
            service="orders",
            records=[
                AuditRecord(kind="order", id=a["id"], key=a["key"], state="confirmed", terminal=True) for a in acks
            ],
            effects=[AuditEffect(kind="order", key=a["key"], id=a["id"]) for a in acks],
            totals={"on_hand": 1_000 - len(acks), "sold": len(acks), "earned": 500 * len(acks)},
        ),
        "payments": Audit(
            service="payments",
            effects=[AuditEffect(kind="capture", key=a["key"], id=f"c-{a['id']}", state="captured") for a in acks],
            totals={"captured": 500 * len(acks), "refunded": 0, "ledger": 0},
        ),
    }
