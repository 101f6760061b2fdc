"""The gate: strict by default, exceptions end on a date, and nothing makes a broken run pass."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InvalidInput
from workbench.gating import GatePolicy, gate, read_policy
from workbench.model.outcome import MEANINGS, OF_OUTCOME, Exit, combined
from workbench.model.verdict import CheckClass, CheckResult, NoData, Outcome, Verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
TODAY = date(2026, 3, 1)


def result(id_: str, outcome: Outcome, check_class: CheckClass = CheckClass.PROPORTION) -> CheckResult:
    return CheckResult(
        id=id_,
        check=id_.split(":", maxsplit=1)[0],
        kind="slo",
        claim="a claim",
        check_class=check_class,
        outcome=outcome,
        reason="because",
        observed=NoData(reason="because"),
    )


def verdict(*checks: CheckResult, exit_code: Exit | None = None) -> Verdict:
    outcome = combined(checks)
    code = OF_OUTCOME[outcome] if exit_code is None else exit_code
    return Verdict(
        run_id="run",
        scenario="latency-spike",
        title="Payments is late",
        outcome=outcome,
        exit_code=code,
        meaning=MEANINGS[code],
        reasons=[],
        checks=list(checks),
    )


def accepting(check: str, until: str = "2026-03-01", *, inconclusive: str = "fail") -> GatePolicy:
    accept = [{"check": check, "until": until, "reason": "ticket 4711"}]
    return GatePolicy.model_validate({"accept": accept, "inconclusive": inconclusive})


ONE_FAILS = verdict(result("A13:browse/p95", FAIL), result("A24", PASS))


@pytest.mark.parametrize(("outcome", "code"), [(PASS, Exit.PASS), (FAIL, Exit.FAIL), (INCONCLUSIVE, Exit.INCONCLUSIVE)])
def test_without_a_policy_only_pass_passes(outcome: Outcome, code: Exit) -> None:
    assert gate(verdict(result("A16:x", outcome)), GatePolicy(), TODAY)[0] == code


def test_an_undecided_run_passes_only_if_the_policy_says_so() -> None:
    code, lines = gate(verdict(result("A16:x", INCONCLUSIVE)), GatePolicy(inconclusive="pass"), TODAY)
    assert code == Exit.PASS
    assert lines == [
        "INCONCLUSIVE passes by policy (`inconclusive: pass`)",
        "gate: passed, latency-spike is INCONCLUSIVE",
    ]


def test_a_lenient_policy_does_not_let_a_failure_pass() -> None:
    assert gate(ONE_FAILS, GatePolicy(inconclusive="pass"), TODAY)[0] == Exit.FAIL


def test_an_accepted_failure_passes_up_to_its_last_day() -> None:
    code, lines = gate(ONE_FAILS, accepting("A13:*"), TODAY)
    assert code == Exit.PASS
    assert lines[0] == "A13:browse/p95 FAIL is accepted until 2026-03-01 (ticket 4711)"
    assert lines[1] == "FAIL becomes PASS by what the policy accepts"


def test_an_acceptance_counts_no_longer_on_the_day_after() -> None:
    code, lines = gate(ONE_FAILS, accepting("A13:*", "2026-02-28"), TODAY)
    assert code == Exit.FAIL
    assert lines[0] == "A13:browse/p95 counts again: accepted until 2026-02-28 (ticket 4711)"


def test_an_acceptance_is_about_the_checks_it_names() -> None:
    code, lines = gate(ONE_FAILS, accepting("A16:*"), TODAY)
    assert code == Exit.FAIL
    assert lines[0] == "nothing to accept for A16:*: take it out of the policy (ticket 4711)"


def test_an_acceptance_leaves_other_failures_alone() -> None:
    both = verdict(result("A13:browse/p95", FAIL), result("A6:orders:payments", FAIL))
    assert gate(both, accepting("A13:*"), TODAY)[0] == Exit.FAIL


def test_an_accepted_undecided_result_can_leave_a_pass() -> None:
    both = verdict(result("A13:browse/p95", INCONCLUSIVE), result("A24", PASS))
    assert gate(both, accepting("A13:browse/p95"), TODAY)[0] == Exit.PASS


def test_a_run_that_was_no_fair_experiment_cannot_be_accepted() -> None:
    unfair = verdict(result("A2:slow", INCONCLUSIVE, CheckClass.VALIDITY), result("A24", PASS))
    code, lines = gate(unfair, accepting("*"), TODAY)
    assert code == Exit.INCONCLUSIVE
    assert lines[0] == "A2:slow cannot be accepted: without it no result of the run means anything"


def test_accepting_everything_leaves_nothing_that_was_shown() -> None:
    assert gate(verdict(result("A16:x", FAIL)), accepting("*"), TODAY)[0] == Exit.INCONCLUSIVE


@pytest.mark.parametrize("code", [Exit.FAILED, Exit.DIRTY, Exit.SIGINT, Exit.SIGTERM, Exit.USAGE])
def test_no_policy_changes_how_a_run_ended(code: Exit) -> None:
    broken = verdict(result("A16:x", FAIL), exit_code=code)
    found, lines = gate(broken, accepting("*", inconclusive="pass"), TODAY)
    assert found == code
    assert lines == [f"no policy changes exit code {code:d}: {MEANINGS[code]}"]


ids = st.sampled_from(["A1:a", "A6:a:b", "A13:x/p95", "A16:y"])
checks = st.lists(st.builds(result, ids, st.sampled_from([PASS, FAIL, INCONCLUSIVE])), min_size=1, max_size=5)


@given(checks, st.sampled_from(["A6:*", "*", "A1:a"]), st.sampled_from(["2026-02-28", "2026-03-01"]))
def test_an_acceptance_never_makes_a_gate_stricter_for_a_run_with_something_left(
    found: list[CheckResult], glob: str, until: str
) -> None:
    policy = accepting(glob, until)
    kept = [r for r in found if not policy.accept[0].covers(r.id) or r.outcome is PASS]
    badness = {Exit.PASS: 0, Exit.INCONCLUSIVE: 1, Exit.FAIL: 2}
    if kept:
        strict, lenient = (gate(verdict(*found), p, TODAY)[0] for p in (GatePolicy(), policy))
        assert badness[Exit(lenient)] <= badness[Exit(strict)]


# -- the file -----------------------------------------------------------------------------------------


def test_no_file_is_the_strict_policy() -> None:
    assert read_policy(None) == GatePolicy()


def test_a_policy_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text(
        "inconclusive: pass\naccept:\n  - {check: 'A13:*', until: 2026-12-31, reason: ticket 12}\n", encoding="utf-8"
    )
    policy = read_policy(file)
    assert policy.inconclusive == "pass"
    assert policy.accept[0].until == date(2026, 12, 31)


def test_all_problems_of_a_policy_file_are_told_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text("inconclusive: maybe\naccept:\n  - {check: 'A13:*', untill: 2026-12-31}\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as raised:
        read_policy(file)
    lines = {problem.line for problem in raised.value.problems}
    assert {1, 3} <= lines
    assert len(raised.value.problems) >= 3
