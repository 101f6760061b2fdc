"""The table of objectives."""

from __future__ import annotations

import pytest

from tests.histories import SCENARIO
from tests.unit.reporting.runs import FAULT_WINDOW, healthy, nothing, result, verdict
from workbench.model.scenario import Scenario
from workbench.model.verdict import Limit, Outcome, Window
from workbench.reporting.objectives import Objective, objectives


def row(found: list[tuple[str, Objective]], slo: str, phase: str) -> Objective:
    (one,) = [row for name, row in found if name == slo and row.phase == phase]
    return one


def rows(run: object, *checks: object) -> list[tuple[str, Objective]]:
    seen = objectives(run, verdict(*checks))  # type: ignore[arg-type]
    return [(slo.name, row) for slo in seen for row in slo.rows]


def test_every_named_objective_is_counted_in_every_phase_but_warmup() -> None:
    """Also where nobody judged it, and then it says so."""
    found = rows(healthy().build())
    assert {"checkout-availability", "checkout-complete", "browse-latency"} == {name for name, _ in found}
    assert {"baseline", "fault", "recovery"} == {row.phase for _, row in found}
    assert all(row.check is None and row.outcome is None for _, row in found)
    fault = row(found, "checkout-complete", "fault")
    assert (fault.good, fault.total) == (0, 119)
    assert fault.interval == pytest.approx((0.0, 0.0305), abs=1e-3)


def test_a_judged_objective_shows_the_window_and_the_target_of_its_check() -> None:
    """The numbers of the table are the numbers of the verdict, also when recovery is judged from its moment on."""
    window = Window(phase="recovery", start_ns=50_000_000_000, end_ns=60_000_000_000)
    limit = Limit(comparison="at_least", number=0.9, unit="ratio")
    judged = result("A1:checkout-complete@recovery", kind="steady_state", windows=[window], limit=limit)
    one = row(rows(healthy().build(), judged), "checkout-complete", "recovery")
    assert (one.check, one.outcome, one.target) == (judged.id, Outcome.PASS, 0.9)
    assert (one.total, one.window) == (60, "from 50.0 s on")


def test_a_check_that_saw_the_whole_phase_needs_no_window() -> None:
    """The name of the phase says it."""
    one = row(rows(healthy().build(), result("A16:checkout-availability")), "checkout-availability", "fault")
    assert (one.window, one.check) == ("", "A16:checkout-availability")
    assert FAULT_WINDOW.phase == one.phase


def test_the_budget_is_bad_share_over_allowed_share() -> None:
    """Six of 120 bad with 5 % allowed is all of it."""
    run = healthy()
    for journey in run.in_phase("baseline", "checkout")[:6]:
        journey.outcome = "failed"
    one = row(rows(run.build()), "checkout-complete", "baseline")
    assert one.budget_spent == pytest.approx(1.0)


def test_a_target_of_all_has_no_budget_and_no_data_has_neither_share_nor_interval() -> None:
    """Dividing by nothing is not a number."""
    slos = [{"slo": "checkout-availability", "phases": ["fault"], "target": 1.0}]
    run = healthy()
    run.record = run.record.model_copy(update={"scenario": Scenario.model_validate({**SCENARIO, "slos": slos})})
    assert row(rows(run.build()), "checkout-availability", "fault").budget_spent is None
    run.journeys.clear()
    empty = row(rows(run.build()), "checkout-availability", "fault")
    assert (None, None, None) == (empty.share, empty.interval, empty.budget_spent)


def test_a_run_without_phases_has_no_rows() -> None:
    """And is no error."""
    assert rows(nothing().build()) == []
