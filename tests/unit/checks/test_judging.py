"""All checks are evaluated, whatever goes wrong with one of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from tests.histories import EDGE, SCENARIO, healthy
from tests.unit.checks.asking import rescripted
from workbench.checks import EXPECTATIONS, judge, judging, results
from workbench.checks.asked import asked
from workbench.model.expectations import ExpectationSpec
from workbench.model.history import History
from workbench.model.outcome import combined
from workbench.model.verdict import CheckClass, CheckResult, Outcome, ProbeError

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "checks.md"


def broken(*_: object) -> list[CheckResult]:
    raise RuntimeError("division by zero")


def test_a_check_that_crashes_is_inconclusive_and_the_others_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(judging.ALWAYS, "V3", ("validity", broken))
    before = {r.id for r in results(healthy().build())}
    found = {r.id: r for r in results(healthy().build())}
    assert found["V3"].outcome is Outcome.INCONCLUSIVE
    assert found["V3"].reason == "the check itself failed: RuntimeError: division by zero"
    assert isinstance(found["V3"].observed, ProbeError)
    assert set(found) == before


def test_a_crashed_validity_check_makes_the_run_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(judging.ALWAYS, "V3", ("validity", broken))
    assert judge(healthy().build()).exit_code == 3


def test_a_table_that_is_missing_breaks_no_other_check() -> None:
    history = healthy().build()
    history.connection.execute("DROP TABLE processes")
    found = {r.id: r for r in results(history)}
    assert found["V3"].outcome is Outcome.INCONCLUSIVE
    assert "the check itself failed" in found["V3"].reason
    assert found[f"A6:{EDGE}"].outcome is Outcome.PASS


def test_an_expectation_that_is_written_twice_has_two_results() -> None:
    expect = [{"kind": "retries_bounded", "edge": EDGE}, {"kind": "retries_bounded", "edge": EDGE, "min_n": 50}]
    found = {r.id: r.outcome for r in results(rescripted(healthy(), expect=expect).build())}
    assert found[f"A3:{EDGE}"] is Outcome.PASS
    assert found[f"A3:{EDGE}#2"] is Outcome.INCONCLUSIVE


def test_an_expectation_that_finds_nothing_to_be_asked_of_is_undecided() -> None:
    """As limits that were changed afterwards can make it: nobody looks at the plan again."""
    run = rescripted(healthy(), expect=[{"kind": "breaker_opens", "edge": EDGE, "within": "5s", "phase": "recovery"}])
    found = [r for r in results(run.build()) if r.kind == "breaker_opens"]
    assert [Outcome.INCONCLUSIVE] == [r.outcome for r in found]
    assert "nothing in the run to ask it of" in found[0].reason


def test_a_run_that_shows_nothing_does_not_pass_for_having_cleaned_up() -> None:
    found = [r for r in results(healthy().build()) if r.check_class is CheckClass.VALIDITY or r.kind == "clean"]
    assert {Outcome.PASS} == {r.outcome for r in found}
    assert combined(found) is Outcome.INCONCLUSIVE


def test_ids_are_unique_and_stable() -> None:
    first, second = ([r.id for r in results(healthy().build())] for _ in range(2))
    assert len(set(first)) == len(first)
    assert first == second


def test_every_result_has_a_claim_a_reason_and_numbers_or_the_reason_why_not() -> None:
    for result in results(healthy().build()):
        assert result.claim, result.id
        assert result.reason, result.id
        assert result.observed.state in {"value", "no_data"}, result.id


def test_judging_twice_gives_the_same_verdict() -> None:
    """Nothing but the run has a part in it: no clock, no unseeded chance."""
    history: History = healthy().build()
    assert judge(history) == judge(history) == judge(healthy().build())


def test_every_kind_of_expectation_has_a_check() -> None:
    kinds = {model.model_fields["kind"].annotation for model in get_args(get_args(ExpectationSpec)[0])}
    assert set(EXPECTATIONS) == {get_args(kind)[0] for kind in kinds}


def test_every_claim_of_a_scenario_is_asked_in_its_order() -> None:
    claims = [claim.kind for claim in asked(healthy().record.scenario)]
    assert claims == ["steady_state", "steady_state", "slo", *(e["kind"] for e in SCENARIO["expect"])]


def test_every_check_has_a_section_in_the_reference() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    sections = set(re.findall(r"^### (\w+)", text, flags=re.MULTILINE))
    ids = {check.id for check in EXPECTATIONS.values()} | set(judging.ALWAYS) | {"A1", "A16", "A24", "G1"}
    assert sections == ids
    for kind in EXPECTATIONS:
        assert f"`{kind}`" in text
