"""The hand-written healthy run is one: otherwise no other test here shows what it seems to show."""

from __future__ import annotations

from tests.histories import healthy, injector_off
from workbench.checks import judge
from workbench.model.verdict import Outcome


def test_every_check_of_the_healthy_run_passes() -> None:
    verdict = judge(healthy().build())
    assert {c.id: c.reason for c in verdict.checks if c.outcome is not Outcome.PASS} == {}
    assert verdict.exit_code == 0


def test_every_expectation_and_every_validity_check_is_in_it() -> None:
    checks = {c.check for c in judge(healthy().build()).checks}
    validity = {"V1", "V2", "V3", "V4", "V5", "V6", "A2"}
    assert checks == validity | {"A1", "A3", "A6", "A7", "A10", "A12", "A13", "A15", "A16", "A18", "A19", "A20", "A24"}


def test_with_the_injector_off_the_run_is_inconclusive_because_nothing_was_injected() -> None:
    """The first promise: a fault that hit nothing is never green."""
    verdict = judge(injector_off().build())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.exit_code == 3
    assert verdict.reasons[0].startswith("A2:slow-payments: the injector was switched off")
    assert [c.id for c in verdict.checks if c.outcome is Outcome.FAIL] == []


def test_with_the_injector_off_no_check_of_the_fault_passes() -> None:
    about_the_fault = {"A2", "A3", "A6", "A7", "A10", "A13", "A15"}
    results = judge(injector_off().build()).checks
    assert {c.outcome for c in results if c.check in about_the_fault} == {Outcome.INCONCLUSIVE}
