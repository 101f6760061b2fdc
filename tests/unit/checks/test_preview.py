"""What a plan can decide, and what it lacks, before anything is run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories import EDGE, POLICIES, SCENARIO, healthy, plan, record
from tests.unit.checks.asking import rescripted
from workbench.checks import Facts, PowerEstimate, preview
from workbench.checks.asked import Preview
from workbench.checks.estimates import cases_estimate, moment_estimate, quantile_estimate, share_estimate
from workbench.model.run import RunRecord


def previewed(run: RunRecord) -> Preview:
    return preview(Facts.of_run(run), run.plan)


def with_rate(rate: str, **changes: Any) -> RunRecord:
    load = {**SCENARIO["load"], "arrivals": {"rate": rate}}
    return rescripted(healthy(), load=load, **changes).record


def estimate(run: RunRecord, id_: str) -> PowerEstimate:
    found = {e.id: e for e in previewed(run).estimates}
    assert id_ in found, f"no estimate {id_}; there are {list(found)}"
    return found[id_]


# -- the whole ----------------------------------------------------------------------------------------


def test_a_scenario_that_can_be_judged_has_no_problems() -> None:
    assert previewed(healthy().record).problems == []


def test_a_generous_plan_is_sufficient_for_every_claim() -> None:
    weak = [e for e in previewed(with_rate("40/s")).estimates if not e.sufficient]
    assert weak == []


def test_a_plan_with_too_few_arrivals_names_a_remedy_for_each_weak_claim() -> None:
    weak = [e for e in previewed(with_rate("3/s")).estimates if not e.sufficient]
    assert weak
    assert all(e.remedy and e.needed_n for e in weak)


def test_estimates_and_results_have_the_same_ids() -> None:
    from workbench.checks import results  # noqa: PLC0415 - the one test that needs both

    ids = {r.id for r in results(healthy().build())}
    assert {e.id for e in previewed(healthy().record).estimates} <= ids


def test_a_problem_that_two_expectations_have_is_told_once() -> None:
    expect = [{"kind": "no_lost_orders"}, {"kind": "no_lost_orders", "min_n": 20}]
    run = rescripted(healthy(), expect=expect)
    run.record = run.record.model_copy(update={"audited": []})
    assert len(previewed(run.record).problems) == 1


# -- shares -------------------------------------------------------------------------------------------


def share(samples: int, target: float = 0.95, expected: float = 0.995) -> PowerEstimate:
    facts = Facts.of_run(with_rate("24/s"))
    return share_estimate("A16:x", "claim", {"fault": samples}, facts, target=target, expected=expected)


def test_a_share_says_what_it_needs_and_both_ways_to_get_it() -> None:
    seen = share(190)
    assert not seen.sufficient
    assert seen.remedy == (
        "95 % at an expected 99.5 % needs 258 journeys in fault, this plan gives 190;"
        " raise the rate to 34/s or the phase fault to 28s"
    )


def test_the_remedy_of_a_share_is_enough() -> None:
    """34/s instead of 24/s: 190 x 34 / 24 = 269 journeys, of which 98 % are counted on."""
    assert share(190 * 34 // 24).sufficient
    assert share(190 * 28 // 20).sufficient


def test_the_phase_with_the_fewest_samples_decides() -> None:
    facts = Facts.of_run(with_rate("24/s"))
    samples = {"baseline": 1000, "fault": 100}
    seen = share_estimate("A1:x", "claim", samples, facts, target=0.95, expected=0.995)
    assert not seen.sufficient
    assert "in fault" in str(seen.remedy)


def test_a_target_that_is_what_is_expected_can_not_be_decided_by_any_plan() -> None:
    seen = share(10_000, target=0.995)
    assert seen.needed_n is None
    assert "move the limit away from what is expected" in str(seen.remedy)


def test_a_phase_without_arrivals_is_named() -> None:
    assert "nothing is planned in phase fault" in str(share(0).remedy)


def test_a_profile_of_rates_is_to_be_raised_as_a_whole() -> None:
    profile = [{"at": "0s", "rate": "2/s"}, {"at": "20s", "rate": "4/s"}]
    load = {**SCENARIO["load"], "arrivals": {"profile": profile}}
    facts = Facts.of_run(rescripted(healthy(), load=load).record)
    seen = share_estimate("A16:x", "claim", {"fault": 100}, facts, target=0.95, expected=0.995)
    assert "raise every rate 2.7-fold or the phase fault to 53s" in str(seen.remedy)


def test_recovery_counts_only_after_what_recovering_may_take() -> None:
    """20 s of recovery, 5 s to recover: 15 s are left of it."""
    seen = estimate(with_rate("12/s"), "A1:checkout-complete@recovery")
    assert seen.samples == {"recovery": 90}
    assert estimate(with_rate("12/s"), "A1:browse-latency@recovery").samples == {"recovery": 120}


def test_journeys_that_retries_save_need_no_fallback() -> None:
    """Half of the attempts hit and two attempts for each call: a quarter of the journeys."""
    fault = {"id": "f", "kind": "http_status", "edge": EDGE, "status": 503, "share": "50%"}
    expect = [{"kind": "fallback_served", "journey": "checkout", "at_least": "90%", "recovered_within": "5s"}]
    assert estimate(with_rate("12/s", faults=[fault], expect=expect), "A12:checkout").samples == {"fault": 30}


def test_a_fault_that_is_on_for_half_of_the_phase_disturbs_half_of_it() -> None:
    fault = {**SCENARIO["faults"][0], "schedule": {"duration": "10s"}}
    expect = [{"kind": "fallback_served", "journey": "checkout", "at_least": "90%", "recovered_within": "5s"}]
    run = with_rate("12/s", faults=[fault], expect=expect)
    assert estimate(run, "A12:checkout").samples == {"fault": 60}
    assert estimate(run, "A2:slow-payments").samples["fault"] <= 120


# -- quantiles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "sufficient"), [(73, False), (74, True)])
def test_p95_needs_72_samples_and_the_journeys_in_flight_are_not_counted_on(samples: int, *, sufficient: bool) -> None:
    seen = quantile_estimate("A13:x", "claim", {"fault": samples}, Facts.of_run(with_rate("24/s")), 0.95)
    assert seen.sufficient is sufficient
    assert (seen.remedy is None) is sufficient


def test_isolation_asks_baseline_and_fault_phase() -> None:
    assert set(estimate(with_rate("12/s"), "A13:browse/p95").samples) == {"baseline", "fault"}


# -- cases --------------------------------------------------------------------------------------------


def cases(arrivals: int, *, min_n: int = 10, chance: float = 1.0, most: int | None = None) -> PowerEstimate:
    facts = Facts.of_run(with_rate("24/s"))
    return cases_estimate("A2:x", "claim", {"fault": arrivals}, facts, min_n=min_n, chance=chance, most=most)


def test_ten_arrivals_are_ten_cases_if_each_is_hit() -> None:
    assert cases(10).sufficient
    assert not cases(9).sufficient


def test_a_partial_fault_needs_more_arrivals() -> None:
    assert not cases(30, chance=0.4).sufficient
    assert cases(60, chance=0.4).sufficient


def test_the_remedy_of_cases_is_enough() -> None:
    weak = cases(20, chance=0.4)
    assert weak.remedy is not None
    longer = int(weak.remedy.rsplit(" ", 1)[1].removesuffix("s"))
    assert cases(20 * longer // 20, chance=0.4).sufficient


def test_a_breaker_that_hides_the_fault_is_told_before_the_run() -> None:
    """Three failures open it, a handful is in flight, probes come every 10 s: ten hits cannot be had at 1/s."""
    breaker = {"failures_to_open": 3, "reset_timeout": "10s"}
    policies = {"edges": {EDGE: {"timeout": "100ms", "breaker": breaker}}}
    run = record({**SCENARIO, "load": {**SCENARIO["load"], "arrivals": {"rate": "1/s"}}, "expect": []}, policies)
    seen = estimate(run, "A2:slow-payments")
    assert not seen.sufficient
    assert "the breaker lets some 8 through" in str(seen.remedy)


def test_a_breaker_of_a_partial_fault_may_never_open() -> None:
    breaker = {"failures_to_open": 3, "reset_timeout": "10s"}
    policies = {"edges": {EDGE: {"timeout": "100ms", "breaker": breaker}}}
    fault = {**SCENARIO["faults"][0], "share": "90%"}
    run = record({**SCENARIO, "faults": [fault], "expect": []}, policies)
    assert estimate(run, "A2:slow-payments").sufficient


# -- moments ------------------------------------------------------------------------------------------


def moment(planned: int, hold_s: float) -> PowerEstimate:
    facts = Facts.of_run(with_rate("24/s"))
    return moment_estimate("A15:x", "claim", {"recovery": planned}, facts, hold_s=hold_s, fewest=3)


def test_a_stretch_has_to_hold_three_journeys() -> None:
    """20 s of recovery: 80 journeys are 12 in 3 s, 40 are 6."""
    assert moment(80, 3).sufficient
    seen = moment(40, 3)
    assert not seen.sufficient
    assert "3 s of recovery hold 6.0 journeys and 3 are needed" in str(seen.remedy)


def test_the_healthy_plan_is_the_one_of_its_scenario() -> None:
    scenario = healthy().record.scenario
    assert plan(scenario) == healthy().record.plan
    assert POLICIES["edges"]
