"""What users felt, by journey and phase."""

from __future__ import annotations

from tests.unit.reporting.runs import healthy, nothing
from workbench.reporting.felt import Felt, what_users_felt


def test_outcomes_are_counted_by_phase() -> None:
    """Degraded answers count as available and are shown apart; failed and indeterminate ones are not available."""
    run = healthy()
    first, second = run.in_phase("baseline", "browse")[:2]
    first.outcome, second.outcome = "failed", "indeterminate"
    browse, checkout = what_users_felt(run.build())
    baseline, fault, _ = browse.phases
    assert (118, 0, 1, 1) == (baseline.ok, baseline.degraded, baseline.failed, baseline.indeterminate)
    assert baseline.availability == 118 / 120
    assert fault.availability == 1
    assert checkout.phases[1].degraded_share == 1
    assert checkout.phases[1].availability == 1


def test_journeys_in_flight_at_a_transition_are_counted_apart() -> None:
    """They belong to no phase: neither their outcome nor their time is counted."""
    run = healthy()
    *_, still_good, failed = run.in_phase("baseline", "browse")
    for journey in (still_good, failed):
        journey.lasts(5)
    failed.outcome = "failed"
    baseline = what_users_felt(run.build())[0].phases[0]
    assert baseline.crossing == 2
    assert (baseline.total, baseline.failed) == (118, 0)
    assert baseline.p95_ns == 20_000_000


def test_a_phase_without_journeys_has_no_numbers() -> None:
    """Missing is not zero: neither 0 % available nor 0 ms."""
    for journey in what_users_felt(nothing().build()):
        assert ["baseline", "fault", "recovery"] == [felt.phase for felt in journey.phases]
        for felt in journey.phases:
            assert (None, None, None, None) == (felt.availability, felt.degraded_share, felt.p50_ns, felt.p95_ns)


def test_times_count_from_the_intended_start() -> None:
    """A journey that waited for a free user felt that wait."""
    run = healthy()
    for journey in run.in_phase("baseline", "browse"):
        journey.dispatched += 50_000_000
        journey.started += 50_000_000
        journey.ended += 50_000_000
    felt: Felt = what_users_felt(run.build())[0].phases[0]
    assert felt.p50_ns == 70_000_000
