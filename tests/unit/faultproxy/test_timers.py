"""Timers on a real loop: in order, never early, not at all once cancelled."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from time import monotonic_ns

import pytest
import uvloop

from workbench.faultproxy.timers import ExactTimers, LoopTimers, Timers

Story = Callable[[Timers], Coroutine[None, None, None]]
Run = Callable[[Story], None]

linux = pytest.mark.skipif(sys.platform != "linux", reason="timers that are descriptors are Linux's")


@pytest.fixture(params=[pytest.param(ExactTimers, marks=linux), LoopTimers])
def run(request: pytest.FixtureRequest) -> Run:
    """Return what runs a story with timers on a loop of its own."""

    def run_story(story: Story) -> None:
        async def with_timers() -> None:
            timers = request.param(asyncio.get_running_loop())
            async with asyncio.timeout(20):
                await story(timers)
            timers.close()

        uvloop.run(with_timers())

    return run_story


def test_they_come_in_the_order_in_which_they_are_due(
    run: Run,
) -> None:
    """Whatever the order in which they were asked for."""
    seen: list[int] = []

    async def story(timers: Timers) -> None:
        over = asyncio.Event()
        for ms in (30, 10, 20, 40):
            timers.call_later(ms / 1000, lambda ms=ms: seen.append(ms))  # type: ignore[misc]  # a default binds it
        timers.call_later(0.06, over.set)
        await over.wait()

    run(story)
    assert seen == [10, 20, 30, 40]


def test_one_that_was_cancelled_never_comes(
    run: Run,
) -> None:
    """Nor does it keep others from coming, be it the next one or a later one."""
    seen: list[str] = []

    async def story(timers: Timers) -> None:
        over = asyncio.Event()
        for ms in (5, 15):
            timers.call_later(ms / 1000, lambda: seen.append("cancelled")).cancel()
        timers.call_later(0.01, lambda: seen.append("kept"))
        timers.call_later(0.03, over.set)
        await over.wait()

    run(story)
    assert seen == ["kept"]


@linux
def test_those_that_were_cancelled_are_not_kept_until_they_would_be_due() -> None:
    """Requests that wait for a place have timers that are due after days, and are cancelled within a moment."""
    seen: list[str] = []

    async def story() -> None:
        timers = ExactTimers(asyncio.get_running_loop())
        over = asyncio.Event()
        timers.call_later(0.01, lambda: seen.append("kept"))
        for _ in range(20_000):
            timers.call_later(1e6, over.set).cancel()
        assert len(timers) < 5_000
        timers.call_later(0.02, over.set)
        await over.wait()
        timers.close()

    uvloop.run(story())
    assert seen == ["kept"]


def test_one_may_ask_for_the_next(run: Run) -> None:
    """Also for one that is due at once, which comes in another turn of the loop."""
    seen: list[str] = []

    async def story(timers: Timers) -> None:
        over = asyncio.Event()

        def first() -> None:
            timers.call_later(0, second)
            seen.append("first")

        def second() -> None:
            seen.append("second")
            over.set()

        timers.call_later(0.002, first)
        await over.wait()

    run(story)
    assert seen == ["first", "second"]


def test_one_that_fails_does_not_take_the_others_along(
    run: Run,
) -> None:
    """The loop hears of the failure, and the next ones come."""
    heard: list[object] = []

    async def story(timers: Timers) -> None:
        over = asyncio.Event()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["exception"]))

        def fail() -> None:
            raise ValueError

        timers.call_later(0.002, fail)
        timers.call_later(0.002, over.set)
        await over.wait()

    run(story)
    assert [type(error) for error in heard] == [ValueError]


@linux
def test_exact_ones_are_never_early() -> None:
    """A delay is at least what was asked for."""
    early: list[int] = []

    async def story() -> None:
        timers = ExactTimers(asyncio.get_running_loop())
        over = asyncio.Event()
        for tenths in range(1, 50):
            delay = tenths / 10_000
            due = monotonic_ns() + round(delay * 1e9)
            timers.call_later(delay, lambda due=due: early.append(max(0, due - monotonic_ns())))  # type: ignore[misc]  # as above
        timers.call_later(0.02, over.set)
        await over.wait()
        timers.close()

    uvloop.run(story())
    assert early == [0] * 49
