"""What the runner is told while the load goes on."""

from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from workbench.loadgen.journey import Finished
from workbench.loadgen.tally import TICKS, Tally
from workbench.model.slo import OutcomeName, Slo
from workbench.model.units import Duration, Ratio


def _finished(journey: int = 0, outcome: str = "ok", response_ns: int = 1, lag_ns: int = 0) -> Finished:
    return Finished(journey, outcome, None, response_ns, lag_ns, response_ns)


def _slo(name: str, journey: str, outcomes: tuple[OutcomeName, ...], under: str | None) -> Slo:
    limit = None if under is None else Duration.parse(under)
    return Slo(name=name, title="", journey=journey, outcomes=outcomes, under=limit, target=Ratio(0.9))


def test_slis_count_their_own_journey_outcome_and_limit() -> None:
    """A journey of another kind does not count; a late or a bad one counts as not good."""
    available = _slo("available", "browse", ("ok", "degraded"), None)
    fast = _slo("fast", "browse", ("ok",), "100ns")
    tally = Tally(["browse", "checkout"], [available, fast])

    for outcome, response_ns in (("ok", 100), ("ok", 101), ("degraded", 50), ("failed", 1), ("indeterminate", 1)):
        tally.add(_finished(0, outcome, response_ns))
    tally.add(_finished(1))

    assert {"available": (3, 5), "fast": (1, 5)} == tally.slis
    assert {"ok": 3, "degraded": 1, "failed": 1, "indeterminate": 1} == tally.outcomes
    assert {"ok": 1, "degraded": 0, "failed": 0, "indeterminate": 0} == tally.journeys["checkout"]
    assert 6 == tally.finished


def test_quantiles_forget_what_is_older_than_the_window() -> None:
    """No samples in five seconds is no quantile, not the last one."""
    tally = Tally(["browse"], [])
    tally.add(_finished(response_ns=7, lag_ns=3))

    seen = [tally.tick() for _ in range(TICKS + 1)]

    assert [(7, 3)] * TICKS + [(None, None)] == seen


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=300))
def test_the_quantile_is_an_observed_value_that_enough_samples_do_not_exceed(values: list[int]) -> None:
    """p95 is the smallest sample with at least 95 % of the samples at or below it."""
    tally = Tally(["browse"], [])
    for value in values:
        tally.add(_finished(response_ns=value, lag_ns=value))

    p95, p99 = tally.tick()

    assert sorted(values)[ceil(0.95 * len(values)) - 1] == p95
    assert sorted(values)[ceil(0.99 * len(values)) - 1] == p99
