"""The order of the mechanisms on an edge, seen from what is sent and what is answered."""

from __future__ import annotations

import asyncio

import pytest

from target_services.chassis import bugs
from target_services.chassis.bugs import Bug
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.breaker import BreakerPolicy, State
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.deadline import Deadline
from target_services.chassis.resilience.outcomes import NEVER_SENT, CallFailed, Outcome
from target_services.chassis.resilience.wire import Answer, Call, judged
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.edges import Bench, answer, failed, never

ONE_SHOT = BreakerPolicy(failures=2, window=2, reset_s=60)


async def _time_is_over() -> Answer:
    """What a callee answers whose caller's deadline has passed."""
    return judged(answer(504, {"type": "urn:shop:problem:deadline-exceeded"}))


def _failure(bench: Bench, call: Call | None = None) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        asyncio.run(bench.ask(call))
    return caught.value


def test_a_transient_failure_is_retried() -> None:
    """503 and then 200: two attempts, one answer."""
    bench = Bench(failed(), answer(body={"a": 1}))
    assert asyncio.run(bench.ask()) == {"a": 1}
    assert len(bench.wire.sent) == 2


def test_the_call_fails_as_its_last_attempt_did() -> None:
    """Three attempts, three different failures: the last one names the call."""
    bench = Bench(failed(Outcome.TIMEOUT), failed(Outcome.CONNECTION_LOST), failed(Outcome.SERVER_ERROR))
    failure = _failure(bench)
    assert (failure.outcome, failure.attempts, failure.may_have_acted) == (Outcome.SERVER_ERROR, 3, True)


def test_a_4xx_is_an_answer() -> None:
    """It is neither retried nor counted against the callee."""
    bench = Bench(answer(409, {"type": "x"}), breaker=BreakerPolicy(failures=1, window=1))
    for _ in range(5):
        assert asyncio.run(bench.ask()) == {"type": "x"}
    assert len(bench.wire.sent) == 5
    assert bench.edge.breaker.state is State.CLOSED
    assert bench.count("edge_calls_total", outcome="client_error") == 5


def test_429_is_retried_but_does_not_speak_against_the_callee() -> None:
    """A callee that limits its rate is alive."""
    bench = Bench(failed(Outcome.RATE_LIMITED), breaker=BreakerPolicy(failures=1, window=1))
    assert _failure(bench).outcome is Outcome.RATE_LIMITED
    assert len(bench.wire.sent) == 3
    assert bench.edge.breaker.state is State.CLOSED


def test_a_post_without_a_key_is_not_sent_twice() -> None:
    """Whether the callee acted is unknown, so it cannot be repeated."""
    bench = Bench(failed(Outcome.CONNECTION_LOST))
    failure = _failure(bench, Call("POST", "/thing", {}))
    assert len(bench.wire.sent) == 1
    assert failure.may_have_acted


def test_a_post_with_a_key_is_retried_with_the_same_key() -> None:
    """Both attempts carry it."""
    bench = Bench(failed(Outcome.TIMEOUT), answer())
    asyncio.run(bench.ask(Call("POST", "/thing", {}, idempotency_key="k1")))
    assert [headers["idempotency-key"] for _, headers in bench.wire.sent] == ["k1", "k1"]


def test_a_post_without_a_key_is_retried_when_it_never_left() -> None:
    """A refused connection proves that the callee did not see the request."""
    bench = Bench(failed(Outcome.CONNECT_REFUSED), answer())
    asyncio.run(bench.ask(Call("POST", "/thing", {})))
    assert len(bench.wire.sent) == 2


def test_an_edge_can_retry_less_than_everything() -> None:
    """With `retry_on` a timeout is final."""
    bench = Bench(failed(Outcome.TIMEOUT), retry_on=NEVER_SENT)
    assert _failure(bench).attempts == 1


def test_an_open_breaker_ends_the_retries() -> None:
    """Two failures open it: the third attempt is not made, and the call keeps the outcome of its last attempt."""
    bench = Bench(failed(Outcome.TIMEOUT), attempts=5, breaker=ONE_SHOT)
    failure = _failure(bench)
    assert (failure.outcome, failure.attempts) == (Outcome.TIMEOUT, 2)
    assert bench.edge.breaker.state is State.OPEN


def test_an_open_breaker_sends_nothing() -> None:
    """A call that finds it open ends as rejected_breaker, has not acted, and leaves no attempt span."""
    bench = Bench(failed(Outcome.TIMEOUT), attempts=2, breaker=ONE_SHOT)
    _failure(bench)
    failure = _failure(bench)
    assert (failure.outcome, failure.attempts, failure.may_have_acted) == (Outcome.REJECTED_BREAKER, 0, False)
    assert len(bench.wire.sent) == 2
    assert bench.count("breaker_state") == 2
    assert bench.count("breaker_transitions_total", to="open") == 1


def test_a_full_bulkhead_rejects_and_does_not_trip_the_breaker() -> None:
    """One slot, two calls: the second is refused at once; the breaker hears nothing of it."""
    bench = Bench(never, bulkhead=1, breaker=BreakerPolicy(failures=1, window=1))

    async def two() -> CallFailed:
        first = asyncio.create_task(bench.ask())
        await asyncio.sleep(0)
        with pytest.raises(CallFailed) as caught:
            await bench.ask()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        return caught.value

    assert asyncio.run(two()).outcome is Outcome.REJECTED_BULKHEAD
    assert bench.edge.breaker.state is State.CLOSED
    assert bench.count("bulkhead_rejected_total") == 1
    assert bench.edge.bulkhead.in_use == 0


def test_each_attempt_has_its_own_timeout() -> None:
    """A callee that never answers costs attempts x timeout, and ends as timeout."""
    bench = Bench(never, attempts=2, timeout_s=0.01)
    failure = _failure(bench)
    assert (failure.outcome, failure.attempts) == (Outcome.TIMEOUT, 2)


def test_the_deadline_ends_the_call_and_the_attempt_counts_as_neither() -> None:
    """Cut by the caller's own deadline, an attempt says nothing about the callee."""
    bench = Bench(never, breaker=BreakerPolicy(failures=1, window=1))

    async def hurried() -> None:
        with deadlines.apply(Deadline.after(0.5, FakeClock())):
            await bench.ask()

    with pytest.raises(CallFailed) as caught:
        asyncio.run(hurried())
    assert (caught.value.outcome, caught.value.may_have_acted) == (Outcome.DEADLINE, True)
    assert bench.edge.breaker.state is State.CLOSED
    assert bench.count("edge_attempts_total", outcome="cancelled") == 1


def test_a_callee_that_was_given_too_little_time_is_not_to_blame() -> None:
    """The deadline was shorter than the edge's own timeout: the call is not repeated, and the breaker hears nothing."""
    bench = Bench(_time_is_over, timeout_s=60, breaker=BreakerPolicy(failures=1, window=1))

    async def hurried() -> None:
        with deadlines.apply(Deadline.after(30, FakeClock())):
            await bench.ask()

    for _ in range(3):
        with pytest.raises(CallFailed) as caught:
            asyncio.run(hurried())
        ended = caught.value
        assert (ended.outcome, ended.attempts, ended.may_have_acted) == (Outcome.DEADLINE, 1, True)
    assert bench.edge.breaker.state is State.CLOSED
    assert bench.count("decisions_total", decision="breaker.left_out") == 3
    assert bench.count("edge_attempts_total", outcome="deadline") == 3


@pytest.mark.parametrize("deadline", [deadlines.NEVER, Deadline.after(60, FakeClock())])
def test_a_callee_too_slow_for_everybody_is_to_blame(deadline: Deadline) -> None:
    """It says that the time is over which the edge itself grants: a failure, repeated and counted like any other."""
    bench = Bench(_time_is_over, timeout_s=30, attempts=3, breaker=BreakerPolicy(failures=3, window=3))

    async def patient() -> None:
        with deadlines.apply(deadline):
            await bench.ask()

    with pytest.raises(CallFailed) as caught:
        asyncio.run(patient())
    assert (caught.value.outcome, caught.value.attempts) == (Outcome.SERVER_ERROR, 3)
    assert bench.edge.breaker.state is State.OPEN


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"type":"urn:shop:problem:upstream-timeout"}'])
def test_a_504_that_says_something_else_is_the_callees(body: bytes) -> None:
    """Of a callee whose own callee is slow, or of a proxy: counted, however little time it was given."""

    async def slow() -> Answer:
        return judged(Answer(504, {}, body))

    bench = Bench(slow, timeout_s=60, attempts=1, breaker=BreakerPolicy(failures=1, window=1))

    async def hurried() -> None:
        with deadlines.apply(Deadline.after(30, FakeClock())):
            await bench.ask()

    with pytest.raises(CallFailed) as caught:
        asyncio.run(hurried())
    assert caught.value.outcome is Outcome.SERVER_ERROR
    assert bench.edge.breaker.state is State.OPEN


@pytest.mark.parametrize("left_s", [-1, 0.001, 0.0069])
def test_nothing_is_sent_without_time_for_the_callee(left_s: float) -> None:
    """A call is refused early when the deadline has passed, or will have when the callee could begin."""
    bench = Bench(answer())

    async def late() -> None:
        with deadlines.apply(Deadline.after(left_s, FakeClock())):
            await bench.ask()

    with pytest.raises(CallFailed) as caught:
        asyncio.run(late())
    assert (caught.value.outcome, caught.value.attempts) == (Outcome.DEADLINE, 0)
    assert bench.wire.sent == []


def test_the_callee_is_told_how_long_we_wait() -> None:
    """The header carries the smaller of the attempt's timeout and what is left of the deadline."""
    bench = Bench(answer(), timeout_s=0.5)

    async def twice() -> None:
        await bench.ask()
        with deadlines.apply(Deadline.after(0.2, FakeClock())):
            await bench.ask()

    asyncio.run(twice())
    first, second = (int(headers[deadlines.HEADER]) for _, headers in bench.wire.sent)
    assert 480 <= first <= 495
    assert second <= 195


def test_an_unreadable_answer_is_a_failure() -> None:
    """A 200 whose body makes no sense is retried, and counts against the callee."""
    bench = Bench(Answer(200, {}, b"<html>"), breaker=BreakerPolicy(failures=3, window=3))
    assert _failure(bench).outcome is Outcome.INVALID
    assert bench.edge.breaker.state is State.OPEN


def test_an_exhausted_budget_names_the_call() -> None:
    """The retry that was wanted is not made."""
    bench = Bench(failed(), budget=RetryBudget(per_call=0, burst=1))
    failure = _failure(bench)
    assert (failure.outcome, failure.attempts) == (Outcome.RETRY_BUDGET, 2)
    assert bench.count("retry_budget_exhausted_total") == 1


def test_a_cancelled_call_counts_as_neither() -> None:
    """The breaker hears nothing, the bulkhead gets its slot back, the metrics say cancelled."""
    bench = Bench(never, breaker=BreakerPolicy(failures=1, window=1))

    async def cancel() -> None:
        task = asyncio.create_task(bench.ask())
        await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())
    assert bench.edge.breaker.state is State.CLOSED
    assert bench.edge.bulkhead.in_use == 0
    assert bench.count("edge_calls_total", outcome="cancelled") == 1


def test_planted_timeout_missing_removes_the_timeout_of_one_edge(planted: None) -> None:
    """orders:payments waits for ever; another edge does not."""
    bugs.plant({Bug.TIMEOUT_MISSING})
    other = Bench(never, name="orders:inventory", attempts=1, timeout_s=0.01)
    assert _failure(other).outcome is Outcome.TIMEOUT
    bench = Bench(never, attempts=1, timeout_s=0.01)

    async def waits() -> bool:
        task = asyncio.create_task(bench.ask())
        done, _ = await asyncio.wait({task}, timeout=0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return not done

    assert asyncio.run(waits())
