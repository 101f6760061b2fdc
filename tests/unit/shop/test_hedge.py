from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from target_services.chassis.resilience.breaker import BreakerPolicy, State
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.decisions import Decision
from target_services.chassis.resilience.hedge import Hedge
from target_services.chassis.resilience.outcomes import AttemptFailed, CallFailed, Outcome
from target_services.chassis.resilience.wire import Answer, Call
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.edges import Bench, answer, failed, never, outcomes

PLENTY = 1000.0


class Asked:
    """What is asked by a hedge: notes what became of it."""

    def __init__(self, *ends: Callable[[], Awaitable[str]]) -> None:
        self._ends = list(ends)
        self.begun = 0
        self.cancelled = 0

    def __call__(self) -> Coroutine[Any, Any, str]:
        return self._run(self._ends.pop(0))

    async def _run(self, end: Callable[[], Awaitable[str]]) -> str:
        self.begun += 1
        try:
            return await end()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def _hangs() -> str:
    await asyncio.Event().wait()
    raise AssertionError


async def _answers() -> str:
    return "answer"


async def _fails() -> str:
    raise AttemptFailed(Outcome.SERVER_ERROR)


def _hedge(*, budget: float = PLENTY, **options: Any) -> Hedge:
    return Hedge(least_s=0, most_s=0, budget=RetryBudget(per_call=0, burst=budget), **options)


def _run(hedge: Hedge, asked: Asked) -> tuple[object, list[Decision]]:
    seen: list[Decision] = []

    def observer(decision: Decision, /, **_: str | float) -> None:
        seen.append(decision)

    async def run() -> str:
        async with asyncio.timeout(10):
            return await hedge.run(asked, asked, observer=observer)

    try:
        return asyncio.run(run()), seen
    except AttemptFailed as failure:
        return failure.outcome, seen


def test_what_is_answered_in_time_is_asked_once() -> None:
    asked = Asked(_answers)
    hedge = Hedge(least_s=5, most_s=5, budget=RetryBudget(per_call=0, burst=PLENTY))
    assert _run(hedge, asked) == ("answer", [])
    assert asked.begun == 1


def test_the_second_answer_wins_when_the_first_hangs_and_the_first_is_cancelled() -> None:
    asked = Asked(_hangs, _answers)
    assert _run(_hedge(), asked) == ("answer", [Decision.HEDGE_SENT, Decision.HEDGE_WON])
    assert (asked.begun, asked.cancelled) == (2, 1)


def test_the_first_answer_wins_when_it_comes_before_the_second() -> None:
    """Asked twice, answered by the first: the second one is the loser."""
    may_answer = asyncio.Event()

    async def answers_late() -> str:
        await may_answer.wait()
        return "late"

    async def lets_the_first_answer() -> str:
        may_answer.set()
        return await _hangs()

    asked = Asked(answers_late, lets_the_first_answer)
    assert _run(_hedge(), asked) == ("late", [Decision.HEDGE_SENT, Decision.HEDGE_LOST])
    assert asked.cancelled == 1


def test_a_failure_waits_for_the_other_one() -> None:
    """The second fails, the first answers: there is an answer."""
    may_answer = asyncio.Event()

    async def answers_late() -> str:
        await may_answer.wait()
        return "late"

    async def fails_first() -> str:
        may_answer.set()
        return await _fails()

    assert _run(_hedge(), Asked(answers_late, fails_first))[0] == "late"


def test_when_both_fail_the_first_failure_counts() -> None:
    """The second one is an extra; what it says of the callee is no better."""
    second_failed = asyncio.Event()

    async def fails_late() -> str:
        await second_failed.wait()
        raise AttemptFailed(Outcome.TIMEOUT)

    async def fails_first() -> str:
        second_failed.set()
        return await _fails()

    assert _run(_hedge(), Asked(fails_late, fails_first))[0] is Outcome.TIMEOUT


def test_without_budget_nothing_is_asked_twice() -> None:
    """One hedge is paid for, the next call waits for its first answer."""
    hedge = _hedge(budget=1)
    _run(hedge, Asked(_hangs, _answers))
    may_answer = asyncio.Event()

    async def answers_soon() -> str:
        asyncio.get_running_loop().call_later(0.01, may_answer.set)
        await may_answer.wait()
        return "answer"

    asked = Asked(answers_soon)
    assert _run(hedge, asked) == ("answer", [Decision.HEDGE_BUDGET_EXHAUSTED])


def test_switched_off_it_only_asks() -> None:
    on = False
    hedge = _hedge(enabled=lambda: on)
    assert _run(hedge, Asked(_answers)) == ("answer", [])
    on = True
    assert _run(hedge, Asked(_hangs, _answers))[0] == "answer"


def test_whoever_stops_waiting_cancels_both() -> None:
    asked = Asked(_hangs, _hangs)

    async def run() -> None:
        waiting = asyncio.create_task(_hedge().run(asked, asked))
        async with asyncio.timeout(10):
            while asked.begun < 2:  # noqa: ASYNC110 - there is nothing else to wait for
                await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(run())
    assert asked.cancelled == 2


def test_the_wait_follows_what_answers_take_within_its_bounds() -> None:
    """At first the longest wait; then what 95 of 100 answers stay below, never less than the least."""
    clock = FakeClock()
    hedge = Hedge(least_s=0.02, most_s=0.2, budget=RetryBudget(per_call=0, burst=1), clock=clock)

    def took(seconds: float, times: int) -> None:
        async def answers() -> str:
            clock.forward(seconds)
            return ""

        for _ in range(times):
            _run(hedge, Asked(answers))

    assert hedge.wait_s == 0.2
    took(0.05, 94)
    took(0.09, 6)
    assert hedge.wait_s == pytest.approx(0.09)
    took(0.001, 100)
    assert hedge.wait_s == 0.02
    took(3.0, 100)
    assert hedge.wait_s == 0.2


def _bench(*script: Any, **options: Any) -> Bench:
    return Bench(*script, hedge=_hedge(), **options)


def test_the_loser_is_left_out_of_the_breaker() -> None:
    """A read whose first attempt hangs: one good attempt, one cancelled, and the breaker knows of the good one only."""
    bench = _bench(never, answer(body={"a": 1}), breaker=BreakerPolicy(failures=1, window=1))
    assert asyncio.run(bench.ask()) == {"a": 1}
    assert bench.edge.breaker.state is State.CLOSED
    assert bench.count("edge_attempts_total", outcome="cancelled") == 1
    assert bench.count("decisions_total", decision="breaker.left_out") == 1
    assert bench.count("decisions_total", decision="breaker.counted_success") == 1
    assert bench.count("decisions_total", decision="breaker.counted_failure") == 0
    assert sorted(map(str, outcomes(bench.spans(attempts=True)))) == ["cancelled", "ok"]


def test_only_reads_are_asked_twice() -> None:
    """A POST with a key may be repeated, but not be under way twice."""
    slow_answer = asyncio.Event()

    async def answers_later() -> Answer:
        asyncio.get_running_loop().call_later(0.01, slow_answer.set)
        await slow_answer.wait()
        return answer()

    bench = _bench(answers_later)
    asyncio.run(bench.ask(Call("POST", "/thing", {}, idempotency_key="k")))
    assert len(bench.wire.sent) == 1


def test_an_open_breaker_refuses_the_second_attempt_too() -> None:
    """The hedge is inside what protects the callee: it is rejected, and the first answer is waited for."""
    may_answer = asyncio.Event()

    async def answers_late() -> Answer:
        await may_answer.wait()
        return answer(body={"late": True})

    bench = _bench(answers_late, attempts=1, breaker=BreakerPolicy(failures=1, window=1, reset_s=60))

    async def run() -> object:
        call = asyncio.create_task(bench.ask())
        while not bench.wire.sent:  # noqa: ASYNC110 - there is nothing else to wait for
            await asyncio.sleep(0)
        bench.edge.breaker.admit().failed()
        while not bench.count("decisions_total", decision="breaker.rejected"):  # noqa: ASYNC110
            await asyncio.sleep(0)
        may_answer.set()
        return await call

    assert asyncio.run(run()) == {"late": True}
    assert len(bench.wire.sent) == 1


def test_with_both_failed_the_call_fails_and_tells_all_its_attempts() -> None:
    bench = _bench(failed(Outcome.TIMEOUT), attempts=2)
    with pytest.raises(CallFailed) as caught:
        asyncio.run(bench.ask())
    assert caught.value.outcome is Outcome.TIMEOUT
    assert caught.value.attempts <= 3
