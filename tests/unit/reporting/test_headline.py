"""The answer in one sentence, the reasons, and the banners."""

from __future__ import annotations

import pytest

from tests.unit.reporting.runs import ALL_PASSED, EDGE, FAULT, ONE_OF_EACH, healthy, nothing, result, validity, verdict
from workbench.model.events import CleanVerified, GuardFired, InterruptedBy, ServiceDied, Warned
from workbench.model.outcome import Exit
from workbench.model.run import Reproduce
from workbench.model.verdict import Outcome, Verdict
from workbench.reporting.headline import answer, banners, reasons, tally


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (verdict(*ALL_PASSED), "It held: all 5 claims passed."),
        (verdict(result("A16:s")), "It held: the one claim passed."),
        (verdict(*ONE_OF_EACH), "It did not hold: 1 of 3 claims failed, and 1 could not be decided."),
        (verdict(result("A16:s", Outcome.INCONCLUSIVE)), "No answer: 1 of 1 claim could not be decided."),
        (
            verdict(result("A16:s"), validity("V1", Outcome.INCONCLUSIVE)),
            "No answer: this was not a fair experiment (1 validity check undecided).",
        ),
        (verdict(), "No answer: nothing was shown."),
        (
            verdict(result("A16:s", Outcome.INCONCLUSIVE), exit_code=Exit.FAILED),
            "No answer: the workbench or its environment failed.",
        ),
        (
            verdict(result("A16:s", Outcome.INCONCLUSIVE), exit_code=Exit.SIGTERM),
            "No answer: the run was stopped before its end.",
        ),
    ],
)
def test_the_answer_says_no_more_than_the_verdict(said: Verdict, sentence: str) -> None:
    """One sentence for each way in which a run can end."""
    assert answer(said) == sentence


def test_claims_are_counted_without_validity_and_without_what_does_not_apply() -> None:
    """Neither is a claim about the system."""
    assert tally(verdict(*ONE_OF_EACH)) == "1 failed, 1 undecided, 1 passed"
    assert tally(verdict()) == "no claims"


def test_a_reason_finds_its_check_although_ids_begin_alike() -> None:
    """`A12:checkout` is the beginning of `A12:checkout/edge`; a reason without a check stays as it is."""
    said = verdict(*ONE_OF_EACH, reasons=["A12:checkout/edge: it called", "A12:checkout: too few", "stopped by SIGINT"])
    edge, served, stopped = reasons(said)
    assert (edge.check and edge.check.id, edge.text) == ("A12:checkout/edge", "it called")
    assert (served.check and served.check.id, served.text) == ("A12:checkout", "too few")
    assert (stopped.check, stopped.text) == (None, "stopped by SIGINT")


def test_a_healthy_run_has_no_banner() -> None:
    """Nothing to warn of."""
    assert banners(healthy().build(), verdict(*ALL_PASSED)) == []


def test_everything_special_is_said_the_worst_first() -> None:
    """What was left behind, what ended the run, what was changed, what could not be read."""
    run = healthy()
    run.replace(CleanVerified, clean=False, faults=[f"{FAULT} on {EDGE}"])
    run.journal += [
        InterruptedBy(at_ns=31_000_000_000, signal="SIGTERM"),
        ServiceDied(at_ns=30_000_000_000, service="orders", status="killed by SIGKILL", log_tail=[]),
        GuardFired(at_ns=1, slo="s", action="abort", good=1, total=9, reason="s was outside"),
        Warned(at_ns=2, message="the machine is slow"),
    ]
    run.problems = ("spans.parquet: torn",)
    asked = Reproduce(command=[], bugs=["breaker-off"], faults_disabled=True, rate_override="40/s", changes={"a": "b"})
    run.record = run.record.model_copy(update={"reproduce": asked})
    found = banners(run.build(), verdict(*ALL_PASSED, changed_limits={"expect.recovers.within": "1s"}))
    texts = " ".join(banner.text for banner in found)
    for said in (
        "DIRTY",
        "stopped by SIGTERM, 31.0 s into the run",
        "orders died unasked",
        "the guard fired",
        "--no-faults",
        "breaker-off",
        "40/s",
        "a=b",
        "expect.recovers.within=1s",
        "the machine is slow",
        "spans.parquet: torn",
    ):
        assert said in texts
    assert [banner.weight for banner in found] == ["bad"] * 4 + ["warning"] * 3 + ["note"] * 4


def test_a_run_that_failed_says_so_with_its_hint() -> None:
    """The first thing to read is what to do about it."""
    (banner,) = banners(nothing().build(), verdict())
    assert banner.text == "The run could not go on: orders did not start (workbench logs orders)"
