"""A17: the alert fires in time, clears in time, is silent in baseline; and what nobody looked at is not silence."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.histories import END, FAULT, OFF, ON, SCENARIO, healthy, injector_off, record
from tests.history_builder import HistoryBuilder, MetricRow, ns
from tests.unit.checks.asking import all_of, expecting, result
from workbench.checks.detection import detects_needs
from workbench.checks.facts import Facts
from workbench.model.detection import ALERT, EVALUATED
from workbench.model.events import FaultOff
from workbench.model.expectations import Detects
from workbench.model.tools import Tool
from workbench.model.verdict import Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

SLO = "checkout-complete"
FIRES, CLEARS, SILENT = f"A17:{SLO}", f"A17:{SLO}/clears", f"A17:{SLO}/silent"

Moment = Callable[[float], bool]


def always(_: float) -> bool:
    return True


def alerting(fires: Moment, evaluated: Moment = always, *, severity: str = "page", slo: str = SLO) -> HistoryBuilder:
    """A run whose rules were evaluated at every full second plus 0.4 s, and whose alert fired then if `fires`."""
    spec = {"kind": "detects", "slo": SLO, "within": "5s", "clears_within": "8s"}
    run = expecting(healthy(), **spec)
    for second in range(int(END)):
        at_s = second + 0.4
        if not evaluated(at_s):
            continue
        run.prometheus.append(MetricRow(ns(at_s), "", EVALUATED, json.dumps({"slo": SLO}), 1.0))
        if fires(at_s):
            labels = {"alertname": ALERT, "alertstate": "firing", "slo": slo, "severity": severity, "window": "7s"}
            run.prometheus.append(MetricRow(ns(at_s), "", "ALERTS", json.dumps(labels), 1.0))
    return run


def as_it_should(at_s: float) -> bool:
    return ON + 3 < at_s < OFF + 4


def outcomes(run: HistoryBuilder) -> dict[str, Outcome]:
    return {found.id: found.outcome for found in all_of(run, "A17")}


def test_an_alert_that_does_as_it_should_passes_in_all_three() -> None:
    run = alerting(as_it_should)
    assert {FIRES: PASS, CLEARS: PASS, SILENT: PASS} == outcomes(run)
    fired = result(run, FIRES)
    assert fired.observed == Value(number=ns(26.4) - ns(ON), unit="ns")
    assert fired.interval == (ns(25.4) - ns(ON), ns(26.4) - ns(ON))
    cleared = result(run, CLEARS)
    assert cleared.interval == (ns(46.4) - ns(OFF), ns(47.4) - ns(OFF))


def test_an_alert_that_never_fires_fails_and_has_nothing_to_clear() -> None:
    assert {FIRES: FAIL, CLEARS: INCONCLUSIVE, SILENT: PASS} == outcomes(alerting(lambda _: False))


@pytest.mark.parametrize(
    ("after_s", "expected"),
    [(4.0, PASS), (5.0, INCONCLUSIVE), (8.0, FAIL)],
    ids=["in-time", "between-two-evaluations", "late"],
)
def test_the_first_evaluation_in_which_it_fires_decides(after_s: float, expected: Outcome) -> None:
    run = alerting(lambda at_s: ON + after_s < at_s < OFF + 1)
    assert expected is outcomes(run)[FIRES]


@pytest.mark.parametrize(
    ("after_s", "expected"),
    [(5.0, PASS), (7.5, INCONCLUSIVE), (12.0, FAIL), (99.0, FAIL)],
    ids=["in-time", "between-two-evaluations", "late", "to-the-end"],
)
def test_the_evaluation_in_which_it_is_silent_again_decides(after_s: float, expected: Outcome) -> None:
    run = alerting(lambda at_s: ON + 2 < at_s < OFF + after_s)
    assert expected is outcomes(run)[CLEARS]


def test_a_relapse_counts_to_its_end() -> None:
    run = alerting(lambda at_s: ON + 2 < at_s < OFF + 2 or OFF + 14 < at_s < OFF + 16)
    assert FAIL is outcomes(run)[CLEARS]


def test_one_that_fires_in_baseline_fails_and_says_nothing_about_the_fault_it_met() -> None:
    run = alerting(lambda at_s: 15 < at_s < OFF + 2)
    assert {FIRES: INCONCLUSIVE, CLEARS: PASS, SILENT: FAIL} == outcomes(run)
    assert "firing already" in result(run, FIRES).reason


def test_a_false_alarm_long_before_the_fault_fails_silence_only() -> None:
    run = alerting(lambda at_s: 5 < at_s < 7 or as_it_should(at_s))
    assert {FIRES: PASS, CLEARS: PASS, SILENT: FAIL} == outcomes(run)


def test_rules_that_were_not_evaluated_are_not_silent() -> None:
    """Prometheus was away over baseline, or from the fault on: that is no sample of silence."""
    away = alerting(as_it_should, lambda at_s: at_s > 20)
    assert INCONCLUSIVE is outcomes(away)[SILENT]
    gone = alerting(lambda _: False, lambda at_s: at_s < ON + 1 or at_s > OFF)
    assert {FIRES: INCONCLUSIVE, CLEARS: INCONCLUSIVE, SILENT: PASS} == outcomes(gone)
    nothing = alerting(as_it_should, lambda _: False)
    assert {INCONCLUSIVE} == set(outcomes(nothing).values())
    assert "no evaluation" in result(nothing, SILENT).reason


def test_alerts_of_others_are_no_alerts_of_this_slo() -> None:
    assert FAIL is outcomes(alerting(as_it_should, severity="ticket"))[FIRES]
    assert FAIL is outcomes(alerting(as_it_should, slo="browse-latency"))[FIRES]


def test_without_a_fault_there_is_nothing_to_detect() -> None:
    run = alerting(lambda _: False)
    run.journal = injector_off().journal
    assert {FIRES: INCONCLUSIVE, CLEARS: INCONCLUSIVE, SILENT: PASS} == outcomes(run)


def test_a_fault_that_was_never_verified_off_leaves_clearing_open() -> None:
    run = alerting(as_it_should)
    run.drop(FaultOff)
    assert INCONCLUSIVE is outcomes(run)[CLEARS]


def needs(*, tools: list[Tool], **changes: object) -> list[str]:
    run = record({**SCENARIO, **changes})
    facts = Facts.declared(run.scenario, run.system, tuple(run.slos), tools)
    spec = Detects.model_validate({"kind": "detects", "slo": SLO, "within": "5s", "clears_within": "8s"})
    return detects_needs(spec, facts)


def test_it_needs_the_real_prometheus_and_a_fault() -> None:
    assert [] == needs(tools=[Tool.PROMETHEUS])
    (lack,) = needs(tools=[])
    assert "--with prometheus" in lack
    (lack,) = needs(tools=[Tool.PROMETHEUS], faults=[], expect=[])
    assert "needs a fault" in lack
    assert FAULT == SCENARIO["faults"][0]["id"]
