"""Whatever a mechanism decides is one count and one event on the span of the call, by the same name."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.deadline import Deadline
from target_services.chassis.resilience.decisions import Decision
from target_services.chassis.resilience.hedge import Hedge
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from target_services.chassis.resilience.wire import Answer
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.edges import Bench, answer, failed, never

OPENS_AT_ONCE = BreakerPolicy(failures=1, window=1, reset_s=60)


def _events(bench: Bench) -> Counter[str]:
    return Counter(event.name for span in bench.exporter.get_finished_spans() for event in span.events)


def _counts(bench: Bench) -> Counter[str]:
    counted = {decision.value: bench.count("decisions_total", decision=decision.value) for decision in Decision}
    return Counter({name: int(count) for name, count in counted.items() if count})


async def _late(bench: Bench) -> None:
    with deadlines.apply(Deadline.after(-1)):
        await bench.ask()


async def _cut(bench: Bench) -> None:
    with deadlines.apply(Deadline.after(0.5, FakeClock())):
        await bench.ask()


async def _with_fallback(bench: Bench) -> None:
    async def nothing(_: CallFailed) -> None:
        return None

    await bench.ask(fallback=nothing)


async def _two_at_once(bench: Bench) -> None:
    first = asyncio.create_task(bench.ask())
    await asyncio.sleep(0)
    try:
        await bench.ask()
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def _probe(bench: Bench) -> None:
    """Open the breaker, wait out its reset, and succeed."""
    with pytest.raises(CallFailed):
        await bench.ask()
    bench.edge.breaker._open_until_s = 0.0
    await bench.ask()


async def _hedge_twice(bench: Bench) -> None:
    """The budget is for one."""
    await bench.ask()
    second = asyncio.create_task(bench.ask())
    exhausted = Decision.HEDGE_BUDGET_EXHAUSTED.value
    while not (second.done() or bench.count("decisions_total", decision=exhausted)):  # noqa: ASYNC110 - as below
        await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


async def _overtaken(bench: Bench) -> None:
    """An attempt that is under way when the breaker opens comes late."""
    may_answer = asyncio.Event()

    async def answers_late() -> Answer:
        await may_answer.wait()
        return answer()

    bench.wire.script = [answers_late, failed()]
    first = asyncio.create_task(bench.ask())
    while not bench.wire.sent:  # noqa: ASYNC110 - there is nothing else to wait for
        await asyncio.sleep(0)
    with pytest.raises(CallFailed):
        await bench.ask()
    may_answer.set()
    await first


CASES: dict[str, tuple[Callable[[], Bench], Callable[[Bench], Awaitable[object]], set[Decision]]] = {
    "deadline refused": (lambda: Bench(answer()), _late, {Decision.DEADLINE_REFUSED}),
    "deadline expired": (lambda: Bench(never), _cut, {Decision.DEADLINE_EXPIRED, Decision.BREAKER_LEFT_OUT}),
    "fallback": (lambda: Bench(failed(), attempts=1), _with_fallback, {Decision.FALLBACK_SERVED}),
    "retry": (lambda: Bench(failed(), answer()), Bench.ask, {Decision.RETRY_SCHEDULED}),
    "no budget": (
        lambda: Bench(failed(), budget=RetryBudget(per_call=0, burst=1)),
        Bench.ask,
        {Decision.RETRY_BUDGET_EXHAUSTED},
    ),
    "no time": (
        lambda: Bench(failed(Outcome.RATE_LIMITED, retry_after_s=60)),
        Bench.ask,
        {Decision.RETRY_NO_TIME},
    ),
    "timeout": (lambda: Bench(never, timeout_s=0.01, attempts=1), Bench.ask, {Decision.TIMEOUT_EXPIRED}),
    "breaker": (
        lambda: Bench(failed(), attempts=2, breaker=OPENS_AT_ONCE),
        Bench.ask,
        {
            Decision.BREAKER_ADMITTED,
            Decision.BREAKER_COUNTED_FAILURE,
            Decision.BREAKER_OPENED,
            Decision.BREAKER_REJECTED,
        },
    ),
    "probe": (
        lambda: Bench(failed(), answer(), attempts=1, breaker=OPENS_AT_ONCE),
        _probe,
        {Decision.BREAKER_HALF_OPENED, Decision.BREAKER_COUNTED_SUCCESS, Decision.BREAKER_CLOSED},
    ),
    "late": (lambda: Bench(answer(), attempts=1, breaker=OPENS_AT_ONCE), _overtaken, {Decision.BREAKER_CAME_LATE}),
    "bulkhead": (lambda: Bench(never, bulkhead=1), _two_at_once, {Decision.BULKHEAD_REJECTED}),
    "hedge": (
        lambda: Bench(
            never, answer(), never, hedge=Hedge(least_s=0, most_s=0, budget=RetryBudget(per_call=0, burst=1))
        ),
        _hedge_twice,
        {Decision.HEDGE_SENT, Decision.HEDGE_WON, Decision.HEDGE_BUDGET_EXHAUSTED},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_decision_is_one_count_and_one_event(case: str) -> None:
    make, act, decided = CASES[case]

    async def run() -> Bench:
        bench = make()
        with suppress(CallFailed):
            await act(bench)
        return bench

    bench = asyncio.run(run())
    assert _events(bench) == _counts(bench)
    assert {decision.value for decision in decided} <= set(_counts(bench))


def test_every_decision_is_in_one_of_the_cases() -> None:
    """All but the loss of a hedge, which test_hedge shows, and which is counted by the same line."""
    assert set().union(*(decided for _, _, decided in CASES.values())) == set(Decision) - {Decision.HEDGE_LOST}


def test_an_event_stands_where_it_belongs_and_says_why() -> None:
    """On the span of the call; a fallback on its own span, as the call has ended by then."""
    bench = Bench(failed(), answer(), attempts=2)
    asyncio.run(bench.ask())
    (call,) = bench.spans(attempts=False)
    assert [event.name for event in call.events] == [
        "breaker.admitted",
        "breaker.counted_failure",
        "retry.scheduled",
        "breaker.admitted",
        "breaker.counted_success",
    ]
    (scheduled,) = (event for event in call.events if event.name == "retry.scheduled")
    assert scheduled.attributes is not None
    assert scheduled.attributes["after"] == "server_error"
    wait_s = scheduled.attributes["wait_s"]
    assert isinstance(wait_s, float)
    assert wait_s > 0


def test_the_fallback_is_an_event_of_its_own_span() -> None:
    bench = Bench(failed(), attempts=1)
    asyncio.run(_with_fallback(bench))
    spans: dict[str, ReadableSpan] = {span.name: span for span in bench.exporter.get_finished_spans()}
    (served,) = spans["fallback plan-b"].events
    assert (served.name, dict(served.attributes or {})) == (
        "fallback.served",
        {"kind": "plan-b", "instead_of": "server_error"},
    )
