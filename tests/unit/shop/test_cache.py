from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from target_services.chassis import bugs, cache_guard
from target_services.chassis.bugs import Bug
from target_services.chassis.cache import Cache, Found, Store, StoreAway, Stored
from target_services.chassis.cache_guard import GuardedStore
from target_services.chassis.cache_memory import MemoryStore
from target_services.chassis.disturbances import Disturbances, Impossible, Wanted
from tests.unit.shop.clocks import FakeClock

FRESH_S, KEEP_S = 10.0, 60.0


class Source:
    """What is cached: answers the number of the time it was asked, as long as it works."""

    def __init__(self) -> None:
        self.asked = 0
        self.works = True
        self.opened = asyncio.Event()
        self.opened.set()

    async def __call__(self) -> bytes:
        self.asked += 1
        answer = str(self.asked).encode()
        await self.opened.wait()
        if not self.works:
            raise ConnectionError("the source is away")
        return answer


class Rig:
    def __init__(self, store: Store | None = None) -> None:
        self.clock = FakeClock()
        self.registry = CollectorRegistry()
        self.cache = Cache(
            "test",
            store or MemoryStore(clock=self.clock),
            fresh_s=FRESH_S,
            keep_s=KEEP_S,
            registry=self.registry,
        )

    def count(self, result: str) -> float | None:
        return self.registry.get_sample_value("cache_lookups_total", {"cache": "test", "result": result})


class AwayStore:
    """A store that is not there."""

    def __init__(self) -> None:
        self.asked = 0

    async def get(self, _: str) -> Stored | None:
        self.asked += 1
        raise StoreAway

    async def put(self, _: str, __: bytes, ___: float) -> None:
        self.asked += 1
        raise StoreAway

    async def take_turn(self, _: str, __: float) -> str | None:
        self.asked += 1
        raise StoreAway

    async def end_turn(self, _: str, __: str) -> None:
        raise AssertionError("nobody has a turn here")

    async def close(self) -> None:
        """Nothing to close."""


def _run(test: Callable[[], Awaitable[Any]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(whole())


def test_what_is_fresh_is_not_asked_again() -> None:
    async def test() -> None:
        rig, source = Rig(), Source()
        assert [await rig.cache.get("k", source) for _ in range(3)] == [Found(b"1")] * 3
        assert (rig.count("miss"), rig.count("hit")) == (1, 2)

    _run(test)


def test_what_is_no_longer_fresh_is_asked_again() -> None:
    async def test() -> None:
        rig, source = Rig(), Source()
        await rig.cache.get("k", source)
        rig.clock.forward(FRESH_S)
        assert await rig.cache.get("k", source) == Found(b"2")

    _run(test)


def test_what_is_not_there_is_none_and_is_not_kept() -> None:
    async def test() -> None:
        rig = Rig()

        async def nothing() -> None:
            return None

        assert await rig.cache.get("k", nothing) is None
        assert await rig.cache.get("k", Source()) == Found(b"1")

    _run(test)


@pytest.mark.usefixtures("planted")
def test_a_cache_that_must_be_there_fails_who_asks() -> None:
    """The planted bug: the store is away, and the source is not asked."""
    bugs.plant([Bug.CACHE_REQUIRED])

    async def test() -> None:
        source = Source()
        with pytest.raises(StoreAway):
            await Rig(AwayStore()).cache.get("k", source)
        assert source.asked == 0

    _run(test)


def test_a_hundred_who_miss_at_once_ask_once() -> None:
    """A stampede reaches the source as one question, per key."""

    async def test() -> None:
        rig, source, other = Rig(), Source(), Source()
        source.opened.clear()
        waiting = [asyncio.create_task(rig.cache.get("k", source)) for _ in range(100)]
        await rig.cache.get("other", other)
        source.opened.set()
        assert await asyncio.gather(*waiting) == [Found(b"1")] * 100
        assert (source.asked, other.asked) == (1, 1)

    _run(test)


def test_an_answer_that_came_just_before_the_turn_is_used() -> None:
    """Another process has answered and given its turn back between this one's look and its asking for the turn."""

    class JustAnswered(MemoryStore):
        async def take_turn(self, key: str, hold_s: float) -> str | None:
            await self.put(key, b"theirs", KEEP_S)
            return await super().take_turn(key, hold_s)

    async def test() -> None:
        store, source = JustAnswered(clock=FakeClock()), Source()
        assert await Rig(store).cache.get("k", source) == Found(b"theirs")
        assert source.asked == 0
        assert await store.take_turn("k", 1.0) is not None, "the turn was given back"

    _run(test)


def test_one_who_leaves_does_not_end_it_for_the_others() -> None:
    async def test() -> None:
        rig, source = Rig(), Source()
        source.opened.clear()
        first, second = (asyncio.create_task(rig.cache.get("k", source)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        source.opened.set()
        assert await second == Found(b"1")
        assert source.asked == 1

    _run(test)


def test_a_failure_is_told_to_all_who_wait_and_is_not_kept() -> None:
    async def test() -> None:
        rig, source = Rig(), Source()
        source.works = False
        answers = await asyncio.gather(*(rig.cache.get("k", source) for _ in range(5)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [ConnectionError] * 5
        source.works = True
        assert await rig.cache.get("k", source) == Found(b"2")

    _run(test)


def test_shortly_before_its_end_one_asker_renews_it_and_nobody_waits() -> None:
    """In the last fifth of its fresh time: the old value at once, the source asked once in the background."""

    async def test() -> None:
        rig, source = Rig(), Source()
        await rig.cache.get("k", source)
        rig.clock.forward(FRESH_S * 0.85)
        source.opened.clear()
        assert [await rig.cache.get("k", source) for _ in range(10)] == [Found(b"1")] * 10
        source.opened.set()
        while await rig.cache.get("k", source) != Found(b"2"):  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0)
        assert source.asked == 2

    _run(test)


def test_while_the_source_fails_the_old_value_is_served_with_its_age() -> None:
    async def test() -> None:
        rig, source = Rig(), Source()
        await rig.cache.get("k", source)
        source.works = False
        rig.clock.forward(FRESH_S + 5)
        assert await rig.cache.get("k", source) == Found(b"1", FRESH_S + 5)
        assert rig.count("stale") == 1
        rig.clock.forward(KEEP_S)
        with pytest.raises(ConnectionError):
            await rig.cache.get("k", source)

    _run(test)


def test_a_renewal_that_fails_disturbs_nobody() -> None:
    async def test() -> None:
        rig, source = Rig(), Source()
        await rig.cache.get("k", source)
        source.works = False
        rig.clock.forward(FRESH_S * 0.9)
        assert await rig.cache.get("k", source) == Found(b"1")
        while rig.cache._under_way:  # noqa: ASYNC110 - nobody is told, which is the point
            await asyncio.sleep(0)
        source.works = True
        rig.clock.forward(FRESH_S)
        found = await rig.cache.get("k", source)
        assert found is not None
        assert found.age_s is None

    _run(test)


def test_without_a_store_the_source_is_asked_each_time() -> None:
    async def test() -> None:
        rig, source = Rig(AwayStore()), Source()
        assert [await rig.cache.get("k", source) for _ in range(3)] == [Found(b"1"), Found(b"2"), Found(b"3")]

    _run(test)


def test_the_memory_store_forgets_what_was_used_longest_ago() -> None:
    async def test() -> None:
        store = MemoryStore(most=2, clock=FakeClock())
        await store.put("a", b"", 9)
        await store.put("b", b"", 9)
        await store.get("a")
        await store.put("c", b"", 9)
        assert [await store.get(key) is not None for key in "abc"] == [True, False, True]

    _run(test)


@pytest.fixture
def stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A breaker that has opened lets nobody look again while the test runs."""
    monkeypatch.setattr(cache_guard, "_POLICY", replace(cache_guard._POLICY, reset_s=60.0))


def _guarded(store: Store) -> tuple[GuardedStore, Disturbances, CollectorRegistry]:
    disturbances, registry = Disturbances(), CollectorRegistry()
    return GuardedStore("test", store, disturbances, registry=registry), disturbances, registry


@pytest.mark.usefixtures("stays_open")
def test_a_store_that_is_away_is_soon_not_asked_any_more() -> None:
    """Three failures open its breaker: the rest of the requests do not wait for it."""

    async def test() -> None:
        away = AwayStore()
        store, _, registry = _guarded(away)
        for _ in range(20):
            with pytest.raises(StoreAway):
                await store.get("k")
        assert away.asked == 3
        labels = {"cache": "test", "decision": "breaker.rejected"}
        assert registry.get_sample_value("cache_decisions_total", labels) == 17

    _run(test)


def test_a_cancelled_question_says_nothing_about_the_store() -> None:
    async def test() -> None:
        class Hangs(AwayStore):
            async def get(self, _: str) -> Stored | None:
                await asyncio.Event().wait()
                raise AssertionError

        store, _, registry = _guarded(Hangs())
        for _ in range(5):
            asking = asyncio.create_task(store.get("k"))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        labels = {"cache": "test", "decision": "breaker.left_out"}
        assert registry.get_sample_value("cache_decisions_total", labels) == 5

    _run(test)


@pytest.mark.usefixtures("stays_open")
def test_who_watches_counts_what_was_really_asked() -> None:
    """Not what the breaker kept from being asked."""

    async def test() -> None:
        store, disturbances, _ = _guarded(AwayStore())
        watch = await disturbances.put("w", Wanted(resource="cache", do="watch"))
        for _ in range(20):
            with pytest.raises(StoreAway):
                await store.get("k")
        assert (3, 3) == (watch.eligible, watch.hit)

    _run(test)


def test_it_can_be_disturbed() -> None:
    """`down` is as if the store was away, and is over when it ends."""

    async def test() -> None:
        store, disturbances, _ = _guarded(MemoryStore())
        await store.put("k", b"v", 60)
        await disturbances.put("d", Wanted(resource="cache", do="down"))
        with pytest.raises(StoreAway):
            await store.get("k")
        ended = await disturbances.end("d")
        assert (ended.eligible, ended.hit) == (1, 1)
        found = await store.get("k")
        assert found is not None
        assert found.value == b"v"
        with pytest.raises(Impossible):
            await disturbances.put("d", Wanted(resource="cache", do="slow", delay_ns=1))

    _run(test)
