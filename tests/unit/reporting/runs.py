"""Runs for the reports: a healthy one, one with every outcome, one of which next to nothing is left.

Verdicts are written by hand, so that these tests do not move when a check learns to judge better.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.histories import EDGE, FAULT, OFF, ON, UNDO, healthy, record
from tests.history_builder import HistoryBuilder, MetricRow, ns
from workbench.model.events import Failed, RunStarted
from workbench.model.history import History
from workbench.model.outcome import MEANINGS, OF_OUTCOME, combined
from workbench.model.verdict import (
    CheckClass,
    CheckResult,
    Evidence,
    Limit,
    NoData,
    Outcome,
    Value,
    Verdict,
    Window,
)
from workbench.reporting.report import Report, gather

FAULT_WINDOW = Window(phase="fault", start_ns=ns(ON), end_ns=ns(UNDO))


def result(id_: str, outcome: Outcome = Outcome.PASS, kind: str = "slo", **fields: Any) -> CheckResult:
    """Return a result with everything that a test does not care about filled in."""
    filled: dict[str, Any] = {
        "id": id_,
        "check": id_.partition(":")[0],
        "kind": kind,
        "claim": f"the claim of {id_}",
        "check_class": CheckClass.PROPORTION,
        "outcome": outcome,
        "reason": f"the reason of {id_}",
        "observed": Value(number=0.98, unit="ratio"),
        "limit": Limit(comparison="at_least", number=0.95, unit="ratio"),
        "interval": (0.96, 0.99),
        "n": 119,
        "windows": [FAULT_WINDOW],
    }
    return CheckResult(**(filled | fields))


def validity(id_: str, outcome: Outcome = Outcome.PASS, **fields: Any) -> CheckResult:
    """Return a validity result."""
    return result(id_, outcome, "validity", check_class=CheckClass.VALIDITY, **fields)


ALL_PASSED = (
    validity("V1"),
    result("A1:checkout-complete@baseline", kind="steady_state", windows=[]),
    result("A16:checkout-availability"),
    result("A6:orders:payments", kind="breaker_opens", check_class=CheckClass.EVENT_TIME),
    result("A18:order", kind="no_lost_orders", check_class=CheckClass.UNIVERSAL),
    result("A24", kind="clean", check_class=CheckClass.UNIVERSAL),
)

ONE_OF_EACH = (
    validity("V1"),
    result(
        "A16:checkout-availability",
        Outcome.FAIL,
        evidence=[Evidence(kind="trace", ref="000000000000000000000000000004e4", text="checkout failed")],
    ),
    result("A12:checkout", Outcome.INCONCLUSIVE, kind="fallback_served", n=7, needed_n=290),
    result("A12:checkout/edge", kind="fallback_served", n=119, needed_n=290),
    result(
        "A13:browse/p95",
        Outcome.NOT_APPLICABLE,
        kind="isolated",
        observed=NoData(reason="no browse journey"),
        limit=None,
        interval=None,
        n=None,
    ),
)


def verdict(*checks: CheckResult, reasons: list[str] | None = None, **fields: Any) -> Verdict:
    """Return a verdict on some results."""
    outcome = combined(checks)
    filled: dict[str, Any] = {
        "run_id": "20260101T000000Z-latency-spike-abc123",
        "scenario": "latency-spike",
        "title": "Payments answers 800 ms late",
        "outcome": outcome,
        "exit_code": OF_OUTCOME[outcome],
        "meaning": MEANINGS[OF_OUTCOME[outcome]],
        "reasons": [f"{checks[-1].id}: {checks[-1].reason}"] if reasons is None and checks else reasons or [],
        "checks": list(checks),
    }
    return Verdict(**(filled | fields))


def with_breaker(run: HistoryBuilder) -> HistoryBuilder:
    """Add what a service says of its breaker: closed, open from 24 s on, half open for a scrape, closed after 46 s."""
    for second in range(64):
        state = 2 if 24 <= second < 46 else 1 if second == 46 else 0
        for edge, value in ((EDGE, state), ("front:orders", 0)):
            labels = json.dumps({"edge": edge})
            run.metrics.append(MetricRow(ns(second + 0.2), "orders", "workbench_breaker_state", labels, float(value)))
    return run


@cache
def passed() -> Report:
    """Return the report of a healthy run."""
    return told(with_breaker(healthy()), verdict(*ALL_PASSED))


@cache
def mixed() -> Report:
    """Return the report of the same run with every outcome in its verdict."""
    failed = ONE_OF_EACH[1]
    return told(with_breaker(healthy()), verdict(*ONE_OF_EACH, reasons=[f"{failed.id}: {failed.reason}"]))


def nothing() -> HistoryBuilder:
    """Return a run that failed before anything was on."""
    run = HistoryBuilder(record())
    run.journal = [
        RunStarted(at_ns=ns(-5), run_id="run", scenario="latency-spike"),
        Failed(at_ns=ns(1), error="EnvironmentFailure", message="orders did not start", hint="workbench logs orders"),
    ]
    return run


def told(run: HistoryBuilder | History, said: Verdict) -> Report:
    """Gather the report of a run."""
    return gather(run.build() if isinstance(run, HistoryBuilder) else run, said)


__all__ = ["EDGE", "FAULT", "OFF", "ON", "UNDO", "healthy"]
