"""Ask one check of a hand-written history."""

from __future__ import annotations

from typing import Any

from tests.histories import SCENARIO, record
from tests.history_builder import HistoryBuilder
from workbench.checks.asked import asked
from workbench.checks.clean import judge_clean
from workbench.checks.guard import judge_guard
from workbench.checks.judging import ALWAYS
from workbench.model.history import History
from workbench.model.verdict import CheckResult


def result(run: HistoryBuilder | History, id_: str) -> CheckResult:
    """Return the result of that id; only its own check is asked."""
    found = {r.id: r for r in all_of(run, id_.split(":", maxsplit=1)[0])}
    assert id_ in found, f"no result {id_}; there are {list(found)}"
    return found[id_]


def all_of(run: HistoryBuilder | History, check: str) -> list[CheckResult]:
    """Return all results of one check."""
    history = run.build() if isinstance(run, HistoryBuilder) else run
    if check in ALWAYS:
        return ALWAYS[check][1](history)
    if check == "A24":
        return judge_clean(history)
    if check == "G1":
        return judge_guard(history)
    return [r for claim in asked(history.run.scenario) if claim.check.id == check for r in claim.judge(history)]


def rescripted(run: HistoryBuilder, **changes: Any) -> HistoryBuilder:
    """Return the run with other parts of its scenario, as a scenario file would say them."""
    run.record = record({**SCENARIO, **changes})
    return run


def expecting(run: HistoryBuilder, **expectation: Any) -> HistoryBuilder:
    """Return the run with this one expectation."""
    return rescripted(run, expect=[expectation])
