"""One verdict from many results: the lattice, the exit codes and the reasons."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.histories import EDGE, FAULT, healthy, injector_off
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.test_breaker_opens import breaker_off
from workbench.checks import judge
from workbench.model.events import CleanVerified, Failed, FaultOff, GuardFired, InterruptedBy, ServiceDied
from workbench.model.outcome import MEANINGS, Exit, combined
from workbench.model.verdict import CheckClass, CheckResult, NoData, Outcome

PASS, FAIL, INCONCLUSIVE, NOT_APPLICABLE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_APPLICABLE,
)


def made(outcome: Outcome, check_class: CheckClass = CheckClass.PROPORTION) -> CheckResult:
    return CheckResult(
        id="A16:x",
        check="A16",
        kind="slo",
        claim="",
        check_class=check_class,
        outcome=outcome,
        reason="",
        observed=NoData(reason=""),
    )


# -- the lattice --------------------------------------------------------------------------------------

claims = st.lists(
    st.builds(
        made,
        st.sampled_from(list(Outcome)),
        st.sampled_from([c for c in CheckClass if c is not CheckClass.VALIDITY]),
    ),
    max_size=6,
)
validity = st.lists(
    st.builds(made, st.sampled_from([PASS, INCONCLUSIVE, NOT_APPLICABLE]), st.just(CheckClass.VALIDITY)), max_size=6
)
BADNESS = {PASS: 0, INCONCLUSIVE: 1, FAIL: 2}


@given(validity, claims)
def test_a_run_passes_only_if_everything_that_applies_passed(
    checks: list[CheckResult], results: list[CheckResult]
) -> None:
    everything = [*checks, *results]
    applying = [r.outcome for r in results if r.outcome is not NOT_APPLICABLE]
    undecided = any(r.outcome is INCONCLUSIVE for r in checks)
    assert (combined(everything) is PASS) is (bool(applying) and set(applying) == {PASS} and not undecided)


@given(validity, claims)
def test_a_run_fails_only_if_something_failed_in_a_fair_experiment(
    checks: list[CheckResult], results: list[CheckResult]
) -> None:
    failed = any(r.outcome is FAIL for r in results)
    unfair = any(r.outcome is INCONCLUSIVE for r in checks)
    assert (combined([*checks, *results]) is FAIL) is (failed and not unfair)


@given(validity, claims, st.randoms())
def test_the_order_of_results_has_no_part_in_it(
    checks: list[CheckResult], results: list[CheckResult], random: object
) -> None:
    everything = [*checks, *results]
    mixed = list(everything)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert combined(mixed) is combined(everything)


@given(validity, claims, st.integers(0, 5))
def test_a_better_result_never_makes_the_verdict_worse(
    checks: list[CheckResult], results: list[CheckResult], number: int
) -> None:
    """In a fair experiment; there PASS is better than INCONCLUSIVE, and that is better than FAIL."""
    fair = [r for r in checks if r.outcome is not INCONCLUSIVE]
    if number < len(results) and results[number].outcome is not NOT_APPLICABLE:
        before = combined([*fair, *results])
        for better in (o for o in BADNESS if BADNESS[o] <= BADNESS[results[number].outcome]):
            changed: Sequence[CheckResult] = [*results[:number], made(better), *results[number + 1 :]]
            assert BADNESS[combined([*fair, *changed])] <= BADNESS[before]


@given(validity)
def test_where_nothing_was_claimed_nothing_was_shown(checks: list[CheckResult]) -> None:
    assert combined(checks) is INCONCLUSIVE


def test_an_undecided_validity_check_stands_before_a_failure() -> None:
    assert combined([made(FAIL), made(INCONCLUSIVE, CheckClass.VALIDITY)]) is INCONCLUSIVE


# -- exit codes ---------------------------------------------------------------------------------------


def nothing(run: HistoryBuilder) -> None:
    pass


def died(run: HistoryBuilder) -> None:
    run.journal.append(ServiceDied(at_ns=ns(30), service="orders", status="signal 9", log_tail=[]))
    run.replace(CleanVerified, clean=False, processes=["orders: signal 9"])


def failed(run: HistoryBuilder) -> None:
    run.journal.append(Failed(at_ns=ns(30), error="HarnessError", message="no room on disk", hint=None))


def interrupted(run: HistoryBuilder) -> None:
    run.journal.append(InterruptedBy(at_ns=ns(30), signal="SIGINT"))


def terminated(run: HistoryBuilder) -> None:
    run.journal.append(InterruptedBy(at_ns=ns(30), signal="SIGTERM"))


def dirty(run: HistoryBuilder) -> None:
    run.replace(CleanVerified, clean=False, faults=[f"{FAULT} on {EDGE}"])


def aborted(run: HistoryBuilder) -> None:
    run.journal.append(
        GuardFired(at_ns=ns(30), slo="browse-latency", action="abort", good=1, total=50, reason="only 1/50")
    )


@pytest.mark.parametrize(
    ("happened", "code", "outcome"),
    [
        ([nothing], Exit.PASS, PASS),
        ([died], Exit.INCONCLUSIVE, INCONCLUSIVE),
        ([failed], Exit.FAILED, INCONCLUSIVE),
        ([interrupted], Exit.SIGINT, INCONCLUSIVE),
        ([terminated], Exit.SIGTERM, INCONCLUSIVE),
        ([dirty], Exit.DIRTY, FAIL),
        ([aborted], Exit.FAIL, FAIL),
        ([failed, interrupted], Exit.SIGINT, INCONCLUSIVE),
        ([dirty, interrupted, failed], Exit.DIRTY, INCONCLUSIVE),
        ([aborted, died], Exit.INCONCLUSIVE, INCONCLUSIVE),
        ([aborted, interrupted], Exit.SIGINT, INCONCLUSIVE),
    ],
)
def test_dirty_before_a_signal_before_a_failure_before_the_verdict(
    happened: list[Callable[[HistoryBuilder], None]], code: Exit, outcome: Outcome
) -> None:
    run = healthy()
    for change in happened:
        change(run)
    verdict = judge(run.build())
    assert (verdict.exit_code, verdict.outcome) == (code, outcome)
    assert verdict.meaning == MEANINGS[code]


def test_sighup_exits_as_sigterm() -> None:
    run = healthy()
    run.journal.append(InterruptedBy(at_ns=ns(30), signal="SIGHUP"))
    assert judge(run.build()).exit_code == Exit.SIGTERM


def test_a_fault_that_may_still_be_on_is_dirty_although_nobody_looked() -> None:
    run = healthy()
    run.drop(CleanVerified, FaultOff)
    assert judge(run.build()).exit_code == Exit.DIRTY


def test_a_planted_bug_fails_by_the_check_that_is_about_it() -> None:
    verdict = judge(breaker_off().build())
    assert verdict.exit_code == Exit.FAIL
    assert verdict.reasons[0].startswith(f"A6:{EDGE}: the breaker never opened")


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)


# -- reasons ------------------------------------------------------------------------------------------


def test_a_pass_says_what_held_each_kind_of_claim_once() -> None:
    reasons = judge(healthy().build()).reasons
    assert [reason.split(":")[0] for reason in reasons] == ["A16", "A6", "A12"]


def test_a_guard_that_ended_the_run_is_the_first_reason() -> None:
    run = breaker_off()
    aborted(run)
    assert judge(run.build()).reasons[0].startswith("G1:browse-latency: the run was ended: only 1/50")


def test_what_explains_the_rest_comes_first_among_undecided_validity_checks() -> None:
    run = injector_off()
    run.journeys = run.journeys[:-40]
    assert [r.split(":")[0] for r in judge(run.build()).reasons][:2] == ["A2", "V1"]


def test_an_interruption_is_the_first_reason() -> None:
    run = healthy()
    interrupted(run)
    assert judge(run.build()).reasons[0] == "stopped by SIGINT 30 s into the run"


def test_what_is_left_behind_is_said_before_anything_else() -> None:
    run = healthy()
    dirty(run)
    interrupted(run)
    assert judge(run.build()).reasons[0] == f"left behind: fault {FAULT} on {EDGE}"


def test_there_are_at_most_three_reasons() -> None:
    run = injector_off()
    run.problems = ("spans.parquet: missing",)
    run.journeys = run.journeys[:-40]
    died(run)
    assert len(judge(run.build()).reasons) == 3


def test_limits_that_were_changed_are_in_the_verdict() -> None:
    changed = {"expect.breaker_opens.within": "1s"}
    assert judge(healthy().build(), changed).changed_limits == changed
    assert judge(healthy().build()).changed_limits == {}
