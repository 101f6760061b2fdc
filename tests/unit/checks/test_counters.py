"""A16 where Prometheus counts: what a phase added to two counters, or why that is not known."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.histories import END, ON, SCENARIO, UNDO, healthy, record
from tests.history_builder import HistoryBuilder, MetricRow, ns
from tests.unit.checks.asking import rescripted, result
from workbench.checks.facts import Facts
from workbench.checks.slo import slo_needs
from workbench.model.detection import SLO_GOOD, SLO_TOTAL
from workbench.model.slo import PromQl, Slo
from workbench.model.tools import Tool
from workbench.model.verdict import Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

NAME = "front-answers"
ID = f"A16:{NAME}"
COUNTED = Slo.model_validate(
    {
        "name": NAME,
        "title": "Front answers",
        "journey": "",
        "outcomes": [],
        "under": None,
        "target": 0.9,
        "promql": PromQl(good='sum(answers_total{code="200"})', total="sum(answers_total)"),
    }
)

Count = Callable[[float], float]


def counting(good: Count, total: Count, known: Callable[[float], bool] = lambda _: True) -> HistoryBuilder:
    """A run of which both counters are known each second."""
    run = rescripted(healthy(), expect=[], slos=[{"slo": NAME, "phases": ["fault"]}])
    run.record = run.record.model_copy(update={"slos": [*run.record.slos, COUNTED]})
    for second in range(int(END)):
        for name, counter in ((SLO_GOOD, good), (SLO_TOTAL, total)):
            if known(second):
                run.prometheus.append(MetricRow(ns(second), "", name, json.dumps({"slo": NAME}), counter(second)))
    return run


def ten_a_second(at_s: float) -> float:
    return 1000 + 10 * at_s


def test_what_the_phase_added_is_judged_and_not_what_was_before() -> None:
    run = counting(lambda s: ten_a_second(s) - 0.2 * max(0, min(s, UNDO) - ON), ten_a_second)
    seen = result(run, ID)
    assert PASS is seen.outcome, seen.reason
    assert Value(number=176 / 180, unit="ratio") == seen.observed
    assert 180 == seen.n


def test_a_phase_in_which_most_fail_fails() -> None:
    assert FAIL is result(counting(lambda s: 1000 + 5 * s, ten_a_second), ID).outcome


def test_few_events_leave_it_open() -> None:
    assert INCONCLUSIVE is result(counting(lambda s: s // 4, lambda s: s // 4), ID).outcome


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (lambda: counting(ten_a_second, ten_a_second, lambda _: False), "no answer"),
        (lambda: counting(ten_a_second, ten_a_second, lambda s: not 30 < s < 36), "more than 3 s"),
        (lambda: counting(ten_a_second, lambda s: ten_a_second(s) - (900 if s > 30 else 0)), "restarted"),
        (lambda: counting(ten_a_second, lambda s: float("nan") if s > 30 else s), "restarted"),
        (lambda: counting(lambda _: 5, lambda _: 5), "nothing was counted"),
        (lambda: counting(lambda s: 20 * s, ten_a_second), "has to be a part"),
    ],
    ids=["none", "gap", "restart", "nan", "idle", "more-good-than-all"],
)
def test_what_is_not_known_is_not_judged(run: Callable[[], HistoryBuilder], told: str) -> None:
    seen = result(run(), ID)
    assert INCONCLUSIVE is seen.outcome
    assert told in seen.reason


def test_it_needs_the_real_prometheus() -> None:
    run = record({**SCENARIO, "slos": [{"slo": NAME, "phases": ["fault"]}]})
    (spec,) = run.scenario.slos
    slos = (*run.slos, COUNTED)
    assert [] == slo_needs(spec, Facts.declared(run.scenario, run.system, slos, [Tool.PROMETHEUS]))
    (lack,) = slo_needs(spec, Facts.declared(run.scenario, run.system, slos))
    assert "--with prometheus" in lack
