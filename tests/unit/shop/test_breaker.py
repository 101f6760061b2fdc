from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_services.chassis import bugs
from target_services.chassis.bugs import Bug
from target_services.chassis.resilience.breaker import Breaker, BreakerOpen, BreakerPolicy, State
from target_services.chassis.resilience.decisions import Decision
from tests.unit.shop.clocks import FakeClock

POLICY = BreakerPolicy(failures=3, window=5, reset_s=4.0)


def _fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.admit().failed()


def _state(breaker: Breaker) -> State:
    return breaker.state  # behind a function, so that the type checker does not hold on to an earlier state


def _opened(clock: FakeClock, policy: BreakerPolicy = POLICY) -> Breaker:
    breaker = Breaker(policy, clock=clock)
    _fail(breaker, policy.failures)
    return breaker


def test_opens_when_enough_of_the_last_attempts_failed() -> None:
    """Three failures of the last five open it; two do not."""
    breaker = Breaker(POLICY, clock=FakeClock())
    _fail(breaker, 2)
    assert _state(breaker) is State.CLOSED
    breaker.admit().succeeded()
    _fail(breaker)
    assert _state(breaker) is State.OPEN


def test_failures_that_left_the_window_do_not_count() -> None:
    """Two old failures and one new one stay below the limit of three in five."""
    breaker = Breaker(POLICY, clock=FakeClock())
    _fail(breaker, 2)
    for _ in range(4):
        breaker.admit().succeeded()
    _fail(breaker)
    assert _state(breaker) is State.CLOSED


@given(
    limits=st.integers(1, 30).flatmap(lambda window: st.tuples(st.integers(1, window), st.just(window))),
    before=st.lists(st.booleans(), max_size=80),
)
def test_failures_to_open_is_the_worst_case(limits: tuple[int, int], before: list[bool]) -> None:
    """Whatever came before, `failures` failing attempts in a row open it; after successes not one less does."""
    failures, window = limits
    breaker = Breaker(BreakerPolicy(failures=failures, window=window), clock=FakeClock())
    for failed in before:
        if breaker.state is State.CLOSED:
            permit = breaker.admit()
            permit.failed() if failed else permit.succeeded()
    for _ in range(failures):
        if breaker.state is State.CLOSED:
            _fail(breaker)
    assert _state(breaker) is State.OPEN

    fresh = Breaker(BreakerPolicy(failures=failures, window=window), clock=FakeClock())
    for _ in range(window):
        fresh.admit().succeeded()
    _fail(fresh, failures - 1)
    assert _state(fresh) is State.CLOSED


def test_open_means_rejected_at_once_until_the_reset_time_is_over() -> None:
    """Nothing is let through for 4 s; then one probe is."""
    clock = FakeClock()
    breaker = _opened(clock)
    clock.forward(3.999)
    with pytest.raises(BreakerOpen):
        breaker.admit()
    clock.forward(0.001)
    breaker.admit()
    assert _state(breaker) is State.HALF_OPEN


def test_half_open_lets_no_more_than_its_probes_through() -> None:
    """With two probes out, a third is rejected at once instead of waiting."""
    clock = FakeClock()
    breaker = _opened(clock, BreakerPolicy(failures=3, window=5, reset_s=4.0, probes=2))
    clock.forward(4)
    first, _second = breaker.admit(), breaker.admit()
    with pytest.raises(BreakerOpen):
        breaker.admit()
    first.succeeded()
    with pytest.raises(BreakerOpen):
        breaker.admit()
    assert _state(breaker) is State.HALF_OPEN


def test_closes_when_all_probes_succeed_and_forgets_old_failures() -> None:
    """After closing it takes the full number of failures again to open it."""
    clock = FakeClock()
    breaker = _opened(clock)
    clock.forward(4)
    breaker.admit().succeeded()
    assert _state(breaker) is State.CLOSED
    _fail(breaker, 2)
    assert _state(breaker) is State.CLOSED


def test_a_failed_probe_opens_it_for_another_whole_reset_time() -> None:
    """The reset time counts from the failed probe."""
    clock = FakeClock()
    breaker = _opened(clock)
    clock.forward(5)
    probe = breaker.admit()
    clock.forward(1)
    probe.failed()
    assert _state(breaker) is State.OPEN
    clock.forward(3.9)
    with pytest.raises(BreakerOpen):
        breaker.admit()


def test_a_cancelled_probe_gives_its_place_back() -> None:
    """A cancellation counts as neither success nor failure, and does not leave the breaker half open for ever."""
    clock = FakeClock()
    breaker = _opened(clock)
    clock.forward(4)
    breaker.admit().left_out()
    assert _state(breaker) is State.HALF_OPEN
    breaker.admit().succeeded()
    assert _state(breaker) is State.CLOSED


def test_cancelled_attempts_do_not_count() -> None:
    """Any number of cancellations leaves a closed breaker closed, and dilutes nothing."""
    breaker = Breaker(POLICY, clock=FakeClock())
    _fail(breaker, 2)
    for _ in range(50):
        breaker.admit().left_out()
    assert _state(breaker) is State.CLOSED
    _fail(breaker)
    assert _state(breaker) is State.OPEN


def test_results_from_before_the_last_change_are_ignored() -> None:
    """An attempt admitted while closed neither closes an open breaker nor spoils a half-open one."""
    clock = FakeClock()
    breaker = Breaker(POLICY, clock=clock)
    late_success, late_failure = breaker.admit(), breaker.admit()
    _fail(breaker, 3)
    late_success.succeeded()
    assert _state(breaker) is State.OPEN
    clock.forward(4)
    probe = breaker.admit()
    late_failure.failed()
    assert _state(breaker) is State.HALF_OPEN
    probe.succeeded()
    assert _state(breaker) is State.CLOSED


def test_slow_successes_open_it() -> None:
    """A callee that answers, but always late, is left alone like one that fails."""
    clock = FakeClock()
    breaker = Breaker(BreakerPolicy(failures=5, window=5, slow=3, slow_s=0.5), clock=clock)
    for _ in range(3):
        permit = breaker.admit()
        clock.forward(0.5)
        permit.succeeded()
    assert _state(breaker) is State.OPEN


def test_slow_attempts_are_forgotten_with_their_window() -> None:
    """Two slow ones of every six never add up to three of the last five; and slow is not failed."""
    clock = FakeClock()
    breaker = Breaker(BreakerPolicy(failures=2, window=5, slow=3, slow_s=0.5), clock=clock)
    for _ in range(10):
        for took_s in (0.5, 0.5, 0.1, 0.1, 0.1, 0.1):
            permit = breaker.admit()
            clock.forward(took_s)
            permit.succeeded()
    assert _state(breaker) is State.CLOSED


def test_a_slow_probe_does_not_close_it() -> None:
    """Half open, a late success is no proof of health."""
    clock = FakeClock()
    breaker = _opened(clock, BreakerPolicy(failures=3, window=5, reset_s=4.0, slow=5, slow_s=0.5))
    clock.forward(4)
    probe = breaker.admit()
    clock.forward(0.6)
    probe.succeeded()
    assert _state(breaker) is State.OPEN


def test_every_decision_is_an_event() -> None:
    """Observers see each admission, rejection, count and change, in order."""
    clock = FakeClock()
    seen: list[Decision] = []

    def observer(decision: Decision, /, **_: str | float) -> None:
        seen.append(decision)

    breaker = Breaker(BreakerPolicy(failures=1, window=1, reset_s=4.0), clock=clock, observer=observer)
    late = breaker.admit()
    breaker.admit().failed()
    with pytest.raises(BreakerOpen):
        breaker.admit()
    late.succeeded()
    clock.forward(4)
    breaker.admit().left_out()
    breaker.admit().succeeded()
    assert seen == [
        Decision.BREAKER_ADMITTED,
        Decision.BREAKER_ADMITTED,
        Decision.BREAKER_COUNTED_FAILURE,
        Decision.BREAKER_OPENED,
        Decision.BREAKER_REJECTED,
        Decision.BREAKER_CAME_LATE,
        Decision.BREAKER_HALF_OPENED,
        Decision.BREAKER_ADMITTED,
        Decision.BREAKER_LEFT_OUT,
        Decision.BREAKER_ADMITTED,
        Decision.BREAKER_COUNTED_SUCCESS,
        Decision.BREAKER_CLOSED,
    ]


def test_planted_breaker_off_lets_everything_through(planted: None) -> None:
    """The bug is where it would be: nothing is ever rejected."""
    bugs.plant({Bug.BREAKER_OFF})
    breaker = _opened(FakeClock())
    for _ in range(20):
        breaker.admit().failed()


@pytest.mark.parametrize(
    "wrong", [{"failures": 0}, {"failures": 6, "window": 5}, {"probes": 0}, {"reset_s": 0}, {"slow": 21}]
)
def test_senseless_policies_are_refused(wrong: dict[str, int]) -> None:
    """A policy that could never open, or never close, is an error where it is written."""
    with pytest.raises(ValueError, match="must be"):
        BreakerPolicy(**wrong)
