"""A2 for a surge: users that were planned and did not come leave the run undecided."""

from __future__ import annotations

from typing import Any

from tests.histories import RATE, SCENARIO, healthy, record
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import result
from workbench.checks.facts import Facts
from workbench.checks.fault_effective import fault_power
from workbench.engine.planning import make_plan
from workbench.model.events import FaultOff, FaultOn, FaultRequested, FaultUndoRequested
from workbench.model.scenario import Scenario
from workbench.model.verdict import Outcome, Value

EXTRA = 100


def surged(extra: int = EXTRA) -> HistoryBuilder:
    """Return the healthy run with more users in its fault phase, which is from 23 to 43 s of the plan."""
    run = healthy()
    scenario = SCENARIO | {"faults": [{"id": "crowd", "kind": "surge", "factor": 2}]}
    run.record = record(scenario)
    for kind in (FaultRequested, FaultOn, FaultUndoRequested, FaultOff):
        run.replace(kind, fault="crowd", target="load")
    for number in range(extra):
        run.journey("browse", 24 + number * 0.15, 0.02)
    return run


def test_users_who_came_are_the_evidence() -> None:
    seen = result(surged(), "A2:crowd")
    assert seen.outcome is Outcome.PASS
    assert f"of {20 * RATE + EXTRA} planned arrivals" in seen.reason
    assert f"where {20 * RATE} are usual" in seen.reason


def test_fewer_than_wanted_were_planned() -> None:
    seen = result(surged(9), "A2:crowd")
    assert seen.outcome is Outcome.INCONCLUSIVE
    assert "9 journeys more than usual were planned, at least 10 are wanted" in seen.reason


def test_users_who_did_not_come_leave_it_undecided() -> None:
    run = surged()
    came = [row for row in run.journeys if not ns(23) <= row.intended < ns(43)]
    run.journeys = came + [row for row in run.journeys if ns(23) <= row.intended < ns(43)][::2]
    seen = result(run, "A2:crowd")
    assert seen.outcome is Outcome.INCONCLUSIVE
    assert isinstance(seen.observed, Value)
    assert 0.49 < seen.observed.number < 0.51


def test_the_plan_tells_what_a_surge_will_show() -> None:
    def estimated(**fields: Any) -> list[bool]:
        scenario = Scenario.model_validate(
            SCENARIO | {"faults": [{"id": "crowd", "kind": "surge", **fields}], "expect": [], "slos": []}
        )
        run = record(SCENARIO)
        facts = Facts.declared(scenario, run.system, tuple(run.slos))
        return [e.sufficient for e in fault_power(facts, make_plan(scenario)[0])]

    assert estimated(factor=2) == [True]
    assert estimated(at_once=5) == [False]
