from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_services.chassis import bugs
from target_services.chassis.bugs import Bug
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.outcomes import AttemptFailed, Outcome
from target_services.chassis.resilience.retry import Backoff, BudgetExhausted, Retry


class Sleeps(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def _retry(attempts: int = 3, *, sleeps: Sleeps | None = None, budget: RetryBudget | None = None) -> Retry:
    return Retry(
        attempts=attempts,
        budget=budget if budget is not None else RetryBudget(per_call=10, burst=100),
        backoff=Backoff(first_s=0.04, most_s=0.15),
        sleep=sleeps if sleeps is not None else Sleeps(),
        rng=random.Random(1),
    )


def _failing(times: int, failure: Callable[[], AttemptFailed] | None = None) -> tuple[list[int], object]:
    made: list[int] = []

    async def attempt(number: int) -> str:
        made.append(number)
        if len(made) <= times:
            raise failure() if failure is not None else AttemptFailed(Outcome.SERVER_ERROR)
        return "done"

    return made, attempt


def _run(retry: Retry, attempt: object, **options: object) -> str:
    options.setdefault("retryable", lambda _: True)
    return asyncio.run(retry.run(attempt, **options))  # type: ignore[arg-type]


def test_returns_the_first_success() -> None:
    """Two failures, then success: three attempts, numbered from 1."""
    made, attempt = _failing(2)
    assert _run(_retry(), attempt) == "done"
    assert made == [1, 2, 3]


def test_makes_no_more_attempts_than_allowed() -> None:
    """The failure of the last attempt is raised."""
    made, attempt = _failing(99)
    with pytest.raises(AttemptFailed):
        _run(_retry(3), attempt)
    assert made == [1, 2, 3]


def test_a_call_can_ask_for_fewer_attempts_but_not_for_more() -> None:
    """`at_most` lowers the bound of the policy."""
    made, attempt = _failing(99)
    with pytest.raises(AttemptFailed):
        _run(_retry(3), attempt, at_most=1)
    assert made == [1]
    made, attempt = _failing(99)
    with pytest.raises(AttemptFailed):
        _run(_retry(3), attempt, at_most=9)
    assert made == [1, 2, 3]


def test_what_is_not_retryable_is_raised_at_once() -> None:
    """One attempt, no sleep."""
    sleeps = Sleeps()
    made, attempt = _failing(99)
    with pytest.raises(AttemptFailed):
        _run(_retry(sleeps=sleeps), attempt, retryable=lambda _: False)
    assert made == [1]
    assert sleeps == []


def test_waits_grow_and_are_jittered() -> None:
    """Each wait is in the upper half of a range that doubles up to the maximum."""
    sleeps = Sleeps()
    _, attempt = _failing(99)
    with pytest.raises(AttemptFailed):
        _run(_retry(5, sleeps=sleeps), attempt)
    for wait_s, ceiling_s in zip(sleeps, [0.04, 0.08, 0.15, 0.15], strict=True):
        assert ceiling_s / 2 <= wait_s <= ceiling_s
    assert len(set(sleeps)) == 4


@given(attempt=st.integers(1, 10_000), first_ms=st.integers(1, 100), most_ms=st.integers(1, 1000))
def test_no_wait_is_longer_than_the_longest(attempt: int, first_ms: int, most_ms: int) -> None:
    """Also after very many attempts, where the exponential would overflow."""
    wait_s = Backoff(first_ms / 1000, most_ms / 1000).wait_s(attempt, random.Random(attempt))
    assert 0 < wait_s <= most_ms / 1000


def test_retry_after_is_honoured() -> None:
    """The callee's wish counts where it is longer than the backoff."""
    sleeps = Sleeps()
    _, attempt = _failing(1, lambda: AttemptFailed(Outcome.RATE_LIMITED, retry_after_s=0.4))
    assert _run(_retry(sleeps=sleeps), attempt) == "done"
    assert sleeps == [0.4]


def test_a_callee_that_asks_for_more_time_than_we_have_is_not_asked_again() -> None:
    """Retry-After beyond the longest wait ends the call instead of blocking it."""
    made, attempt = _failing(99, lambda: AttemptFailed(Outcome.SERVER_ERROR, retry_after_s=1))
    with pytest.raises(AttemptFailed):
        _run(_retry(), attempt)
    assert made == [1]


def test_no_retry_that_would_begin_after_the_deadline() -> None:
    """With less time left than the wait, the failure is raised at once."""
    sleeps = Sleeps()
    made, attempt = _failing(99)
    with pytest.raises(AttemptFailed):
        _run(_retry(sleeps=sleeps), attempt, remaining_s=lambda: 0.01)
    assert made == [1]
    assert sleeps == []


def test_an_exhausted_budget_ends_the_call_and_says_so() -> None:
    """One token: the first retry is made, the second is not."""
    budget = RetryBudget(per_call=0, burst=1)
    made, attempt = _failing(99)
    with pytest.raises(BudgetExhausted) as caught:
        _run(_retry(3, budget=budget), attempt)
    assert made == [1, 2]
    assert caught.value.outcome is Outcome.RETRY_BUDGET


def test_the_last_attempt_does_not_cost_budget() -> None:
    """A retry that never happens is not paid for."""
    budget = RetryBudget(per_call=0, burst=2)
    _, attempt = _failing(99)
    with pytest.raises(AttemptFailed):
        _run(_retry(2, budget=budget), attempt)
    assert budget.take()
    assert not budget.take()


def test_planted_retries_unbounded_knows_no_limit_and_no_budget(planted: None) -> None:
    """The bug: it goes on for as long as the callee fails."""
    bugs.plant({Bug.RETRIES_UNBOUNDED})
    made, attempt = _failing(40)
    assert _run(_retry(3, budget=RetryBudget(per_call=0, burst=1)), attempt) == "done"
    assert len(made) == 41


@given(
    calls=st.lists(st.integers(0, 4), max_size=60),
    per_call=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    burst=st.integers(1, 10),
)
def test_retries_stay_a_bounded_share_of_calls(calls: list[int], per_call: float, burst: int) -> None:
    """However many retries are wanted, no more than burst + per_call x calls are given."""
    budget = RetryBudget(per_call=per_call, burst=burst)
    given_ = 0
    for wanted in calls:
        budget.note_call()
        given_ += sum(budget.take() for _ in range(wanted))
    assert given_ <= burst + per_call * len(calls) + 1e-6
