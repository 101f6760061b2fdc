"""Disturbances: counted, drawn by seed and ordinal, leased, and undone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from fastapi import APIRouter, FastAPI

from target_services.chassis import operations, problems
from target_services.chassis.disturbances import (
    Different,
    Disturbance,
    Disturbances,
    Impossible,
    Resource,
    Unknown,
    Wanted,
)
from tests.unit.shop.asgi import Reply, ask
from tests.unit.shop.clocks import FakeClock
from workbench.model.faults.seeded import is_hit

DOWN = Wanted(resource="cache", do="down", lease_ms=60_000)


@dataclass
class Cache:
    """A resource that writes down what is done to it, and cannot undo it as long as it is stuck."""

    done: list[str] = field(default_factory=list)
    stuck: bool = False

    def offered(self) -> Resource:
        return Resource(frozenset({"down", "slow", "watch"}), begin=self.begin, end=self.end)

    async def begin(self, one: Disturbance) -> None:
        self.done.append(f"begin {one.id}")

    async def end(self, one: Disturbance) -> None:
        if self.stuck:
            raise OSError("stuck")
        self.done.append(f"end {one.id}")


def _disturbances(cache: Cache | None = None, clock_s: Callable[[], float] | None = None) -> Disturbances:
    disturbances = Disturbances(clock_s) if clock_s else Disturbances()
    disturbances.offer("cache", (cache or Cache()).offered())
    return disturbances


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the condition has no event
            await asyncio.sleep(0.005)


def test_nothing_is_hit_when_nothing_is_disturbed() -> None:
    """Also other resources, and other operations of the same one."""

    async def test() -> None:
        disturbances = _disturbances()
        assert not disturbances.hits("cache", "down")
        await disturbances.put("a", DOWN)
        assert not disturbances.hits("broker", "down")
        assert not disturbances.hits("cache", "slow")
        assert disturbances.get("a").eligible == 0

    asyncio.run(test())


def test_who_is_hit_is_what_the_workbench_computes() -> None:
    """Seed, id and ordinal decide; hit and passed add up to what was eligible."""

    async def test() -> None:
        disturbances = _disturbances()
        await disturbances.put("f1.cache", DOWN.model_copy(update={"share": 0.3, "seed": 7}))
        hits = [bool(disturbances.hits("cache", "down")) for _ in range(200)]
        assert hits == [is_hit(7, "f1.cache", ordinal, 0.3) for ordinal in range(200)]
        document = disturbances.get("f1.cache").document()
        assert (document["eligible"], document["hit"], document["passed"]) == (200, sum(hits), 200 - sum(hits))

    asyncio.run(test())


def test_two_at_once_count_for_themselves() -> None:
    """Each sees every operation."""

    async def test() -> None:
        disturbances = _disturbances()
        await disturbances.put("a", DOWN)
        await disturbances.put("b", DOWN)
        hits = disturbances.hits("cache", "down")
        assert hits is not None
        assert [one.id for one in hits] == ["a", "b"]
        assert [one.hit for one in disturbances.all()] == [1, 1]

    asyncio.run(test())


def test_what_nobody_renews_ends_also_where_timers_are_early() -> None:
    """As uvloop's are: by the disturbances' own clock it is not yet time when the loop calls."""

    async def test() -> None:
        disturbances = _disturbances(clock_s=lambda: time.monotonic() * 0.9)
        await disturbances.put("a", DOWN.model_copy(update={"lease_ms": 100}))
        await _until(lambda: not disturbances.all())

    asyncio.run(test())


def test_a_renewed_lease_keeps_the_counts() -> None:
    """Until the end of the last lease, and not one moment longer."""

    async def test() -> None:
        clock, cache = FakeClock(), Cache()
        disturbances = _disturbances(cache, clock)
        await disturbances.put("a", DOWN)
        assert disturbances.hits("cache", "down")
        clock.forward(50)
        await disturbances.put("a", DOWN)
        clock.forward(59)
        assert disturbances.hits("cache", "down")
        assert disturbances.get("a").hit == 2
        clock.forward(2)
        assert not disturbances.hits("cache", "down")
        assert cache.done == ["begin a"]

    asyncio.run(test())


def test_who_only_renews_begins_nothing() -> None:
    """What has ended meanwhile stays ended; what is there lasts longer."""

    async def test() -> None:
        clock, cache = FakeClock(), Cache()
        disturbances = _disturbances(cache, clock)
        with pytest.raises(Unknown):
            await disturbances.put("a", DOWN, only_renew=True)
        assert cache.done == []
        await disturbances.put("a", DOWN)
        clock.forward(50)
        await disturbances.put("a", DOWN, only_renew=True)
        clock.forward(59)
        assert disturbances.hits("cache", "down")
        with pytest.raises(Different):
            await disturbances.put("a", DOWN.model_copy(update={"do": "watch"}), only_renew=True)

    asyncio.run(test())


def test_what_is_not_renewed_ends_by_itself() -> None:
    """It is undone and no longer there."""

    async def test() -> None:
        cache = Cache()
        disturbances = _disturbances(cache)
        await disturbances.put("a", DOWN.model_copy(update={"lease_ms": 10}))
        await _until(lambda: not disturbances.all())
        assert cache.done == ["begin a", "end a"]

    asyncio.run(test())


def test_what_cannot_be_undone_stays_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand it is an error; by itself it goes on until it works."""
    monkeypatch.setattr("target_services.chassis.disturbances._TRY_AGAIN_S", 0.01)

    async def test() -> None:
        cache = Cache(stuck=True)
        disturbances = _disturbances(cache)
        await disturbances.put("a", DOWN.model_copy(update={"lease_ms": 10}))
        with pytest.raises(OSError, match="stuck"):
            await disturbances.end("a")
        await asyncio.sleep(0.05)
        assert [one.id for one in disturbances.all()] == ["a"]
        cache.stuck = False
        await _until(lambda: not disturbances.all())
        assert cache.done == ["begin a", "end a"]

    asyncio.run(test())


def test_an_id_belongs_to_its_content() -> None:
    """Only the lease may differ."""

    async def test() -> None:
        disturbances = _disturbances()
        await disturbances.put("a", DOWN)
        await disturbances.put("a", DOWN.model_copy(update={"lease_ms": 1000}))
        with pytest.raises(Different):
            await disturbances.put("a", DOWN.model_copy(update={"share": 0.5}))

    asyncio.run(test())


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(resource="broker", do="down"), "has no broker; it has: cache"),
        (Wanted(resource="cache", do="lock"), "what can be done to this cache is: down, slow, watch; not lock"),
        (Wanted(resource="cache", do="slow"), "delay_ns belongs to 'slow'"),
        (Wanted(resource="cache", do="down", delay_ns=5), "delay_ns belongs to 'slow'"),
    ],
)
def test_what_cannot_be_done_is_refused(wanted: Wanted, words: str) -> None:
    """The message says what can be done."""
    with pytest.raises(Impossible, match=words):
        asyncio.run(_disturbances().put("a", wanted))


def _asked(*requests: tuple[str, str, object], **headers: str) -> list[Reply]:
    async def run() -> list[Reply]:
        app, router = FastAPI(), APIRouter()
        problems.install(app)
        operations._add_disturbances(router, _disturbances(clock_s=FakeClock()))
        app.include_router(router)
        headers["content_type"] = "application/json"
        return [await ask(app, method, path, body, **headers) for method, path, body in requests]

    return asyncio.run(run())


def test_the_addresses() -> None:
    """Begin, renew, look, end one, end all."""
    down = {"resource": "cache", "do": "down"}
    shown = {"id": "a.1", **down, "eligible": 0, "hit": 0, "passed": 0}
    replies = _asked(
        ("PUT", "/disturbances/a.1", down),
        ("PUT", "/disturbances/a.1", {**down, "lease_ms": 9000}),
        ("GET", "/disturbances/a.1", None),
        ("GET", "/disturbances", None),
        ("DELETE", "/disturbances/a.1", None),
        ("GET", "/disturbances/a.1", None),
        ("DELETE", "/disturbances/a.1", None),
        ("PUT", "/disturbances/a.1", down),
        ("DELETE", "/disturbances", None),
        ("GET", "/disturbances", None),
    )
    assert [reply.status for reply in replies] == [200, 200, 200, 200, 200, 404, 404, 200, 200, 200]
    left = {0: 4000, 1: 9000, 2: 9000, 4: 9000, 7: 4000}
    assert {at: replies[at].json() for at in left} == {at: {**shown, "lease_left_ms": ms} for at, ms in left.items()}
    assert replies[3].json() == {"disturbances": [{**shown, "lease_left_ms": 9000}]}
    assert replies[8].json() == {"disturbances": [{**shown, "lease_left_ms": 4000}]}
    assert replies[9].json() == {"disturbances": []}
    assert {replies[index].json()["type"] for index in (5, 6)} == {"urn:shop:problem:unknown-disturbance"}


def test_who_only_wants_to_change_what_is_there_is_told_that_nothing_is() -> None:
    """And nothing begins."""
    refused, left = _asked(
        ("PUT", "/disturbances/a", {"resource": "cache", "do": "down"}), ("GET", "/disturbances", None), if_match="*"
    )
    assert (refused.status, refused.json()["type"]) == (412, "urn:shop:problem:unknown-disturbance")
    assert left.json() == {"disturbances": []}


@pytest.mark.parametrize(
    ("wanted", "status", "slug"),
    [
        ({"resource": "broker", "do": "down"}, 422, "impossible-disturbance"),
        ({"resource": "cache", "do": "explode"}, 422, "invalid-request"),
        ({"resource": "cache", "do": "down", "share": 0}, 422, "invalid-request"),
        ({"resource": "cache", "do": "down", "extra": 1}, 422, "invalid-request"),
        ({"resource": "cache", "do": "down", "share": 0.5}, 409, "disturbance-differs"),
    ],
)
def test_refusals_are_problem_documents(wanted: dict[str, object], status: int, slug: str) -> None:
    """Each of its own type."""
    *_, reply = _asked(
        ("PUT", "/disturbances/a", {"resource": "cache", "do": "down"}), ("PUT", "/disturbances/a", wanted)
    )
    assert (reply.status, reply.json()["type"]) == (status, f"urn:shop:problem:{slug}")


def _watch(**changes: object) -> Wanted:
    return Wanted.model_validate({"resource": "cache", "do": "watch", "lease_ms": 60_000} | changes)


def test_who_watches_counts_what_fails_because_the_server_is_away() -> None:
    """And nothing else: an error of the work's own is none of the server's."""

    async def test() -> None:
        disturbances = _disturbances()
        watch = await disturbances.put("w", _watch())
        with disturbances.watched("cache", OSError):
            pass
        for error in (OSError, ValueError):
            with pytest.raises(error), disturbances.watched("cache", OSError):
                raise error
        with disturbances.watched("broker", OSError):
            pass
        assert (3, 1) == (watch.eligible, watch.hit)
        assert not disturbances.hits("cache", "down", "slow")

    asyncio.run(test())


def test_who_watches_counts_what_is_held_up() -> None:
    async def test() -> None:
        clock = FakeClock()
        disturbances = _disturbances(clock_s=clock)
        watch = await disturbances.put("w", _watch(delay_ns=200_000_000))
        for lasts_s in (0.1, 0.25, 0.3):
            with disturbances.watched("cache", OSError):
                clock.forward(lasts_s)
        assert (3, 2) == (watch.eligible, watch.hit)

    asyncio.run(test())


def test_what_is_given_up_before_it_could_be_held_up_is_not_counted() -> None:
    """The slower one of two hedged reads, say: it shows neither."""

    async def test() -> None:
        clock = FakeClock()
        disturbances = _disturbances(clock_s=clock)
        watch = await disturbances.put("w", _watch(delay_ns=200_000_000))
        for lasts_s in (0.1, 0.3):

            def give_up(lasts_s: float = lasts_s) -> None:
                with disturbances.watched("cache", OSError):
                    clock.forward(lasts_s)
                    raise asyncio.CancelledError

            with pytest.raises(asyncio.CancelledError):
                give_up()
        assert (1, 1) == (watch.eligible, watch.hit)

    asyncio.run(test())


def test_who_watches_sees_everything_or_is_refused() -> None:
    async def test() -> None:
        with pytest.raises(Impossible, match="share has to be 1"):
            await _disturbances().put("w", _watch(share=0.5))

    asyncio.run(test())
