"""The catalog's cache in a real Redis: what it saves, and that nobody notices when it is away, hangs or comes back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from target_services.chassis import cache_redis
from target_services.chassis.cache import StoreAway
from target_services.chassis.cache_redis import RedisStore
from tests.integration.server_redis import RedisServer, new_redis, redis  # noqa: F401 - fixtures
from tests.integration.shop.stack import TOKEN, Shop, wait_until

DOWN = 'cache_decisions_total{cache="catalog",decision="breaker.opened"}'
HITS = 'cache_lookups_total{cache="catalog",result="hit"}'


def _with_store(url: str, test: Callable[[RedisStore], Awaitable[Any]]) -> None:
    async def whole() -> None:
        store = RedisStore(url, "test:")
        try:
            async with asyncio.timeout(60):
                await test(store)
        finally:
            await store.close()

    asyncio.run(whole())


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores that wait: a busy machine is not a Redis that is away."""
    monkeypatch.setattr(cache_redis, "_TIMEOUT_S", 30.0)


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server to be harmed."""
    server = new_redis()
    yield server
    server.kill()


@pytest.mark.usefixtures("patient")
def test_what_is_put_is_there_until_its_time_is_over(redis: RedisServer) -> None:  # noqa: F811 - the fixture
    async def test(store: RedisStore) -> None:
        assert await store.get("k") is None
        await store.put("k", b"\x00value", 60)
        found = await store.get("k")
        assert found is not None
        assert found.value == b"\x00value"
        assert 0 < found.left_s <= 60
        await store.put("k", b"", 0.001)
        while await store.get("k") is not None:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)

    _with_store(redis.new_database(), test)


@pytest.mark.usefixtures("patient")
def test_a_store_that_hangs_or_dies_is_away_and_comes_back(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks is told soon; a connection that broke under it does not stay broken."""

    async def test(store: RedisStore) -> None:
        await store.put("k", b"v", 60)
        own_redis.hang()
        monkeypatch.setattr(cache_redis, "_TIMEOUT_S", 0.1)
        for _ in range(3):
            with pytest.raises(StoreAway):
                await store.get("k")
        own_redis.go_on()
        await _comes_back(store)
        own_redis.kill()
        with pytest.raises(StoreAway):
            await store.put("k", b"v", 60)
        own_redis.start()
        await _comes_back(store)

    _with_store(own_redis.new_database(), test)


async def _comes_back(store: RedisStore) -> None:
    while True:
        try:
            await store.put("again", b"v", 60)
        except StoreAway:
            await asyncio.sleep(0.01)
        else:
            found = await store.get("again")
            if found is not None and found.value == b"v":  # and no answer of another question
                return


@pytest.mark.usefixtures("patient")
def test_one_has_the_turn_until_it_is_ended_or_over(redis: RedisServer) -> None:  # noqa: F811 - the fixture
    """Whoever comes too late to end a turn does not end that of another."""

    async def test(store: RedisStore) -> None:
        first = await store.take_turn("k", 60)
        assert first is not None
        assert await store.take_turn("k", 60) is None
        assert await store.take_turn("other", 60) is not None
        await store.end_turn("k", "not the token")
        assert await store.take_turn("k", 60) is None
        await store.end_turn("k", first)
        short = await store.take_turn("k", 0.001)
        assert short is not None
        while (second := await store.take_turn("k", 60)) is None:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)
        await store.end_turn("k", short)
        assert await store.take_turn("k", 60) is None
        await store.end_turn("k", second)

    _with_store(redis.new_database(), test)


_STAMPEDE = """
import asyncio, sys, time
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from target_services.chassis import cache as caching, cache_redis
from target_services.chassis.cache import Cache
from target_services.chassis.cache_redis import RedisStore
url, elsewhere, askers, caching._TURN_S = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
cache_redis._TIMEOUT_S = 30.0  # a busy machine is not a Redis that is away

async def main():
    together = Redis.from_url(elsewhere)
    cache = Cache("test", RedisStore(url, "test:"), fresh_s=60, keep_s=60, registry=CollectorRegistry())
    async def load():
        asked = await together.incr("asked")
        await asyncio.sleep(0.15)
        until_s = time.monotonic() + 20
        while int(await together.get("asked")) < askers and time.monotonic() < until_s:
            await asyncio.sleep(0.01)
        return b"%d" % asked
    await together.incr("here")
    while int(await together.get("here")) < 2:
        await asyncio.sleep(0.001)
    found = await asyncio.gather(*(cache.get("k", load) for _ in range(50)))
    print(*{one.value.decode() for one in found})
    await cache.close()
    await together.aclose()

asyncio.run(main())
"""


def _stampede(cache: str, elsewhere: str, askers: int = 1, turn_s: float = 60.0) -> list[str]:
    """Let 50 in each of two processes miss the same key at once; return what each process saw.

    The source answers when so many have asked it, or after 20 s.
    """
    command = [sys.executable, "-c", _STAMPEDE, cache, elsewhere, str(askers), str(turn_s)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    seen = [process.communicate(timeout=60)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    return seen


def test_of_two_processes_one_asks_the_source(redis: RedisServer) -> None:  # noqa: F811 - the fixture
    """The other waits for what the first one finds out."""
    assert _stampede(redis.new_database(), redis.new_database()) == ["1", "1"]


def test_a_source_that_takes_longer_than_a_turn_is_asked_by_each(redis: RedisServer) -> None:  # noqa: F811
    """Nobody waits for ever for a process that may be gone."""
    assert sorted(_stampede(redis.new_database(), redis.new_database(), askers=2, turn_s=1.0)) == ["1", "2"]


def test_without_redis_each_process_asks_once(
    redis: RedisServer,  # noqa: F811 - the fixture
    own_redis: RedisServer,
) -> None:
    """As if each were alone."""
    away = own_redis.new_database()
    own_redis.kill()
    assert sorted(_stampede(away, redis.new_database())) == ["1", "2"]


def test_products_are_shown_whatever_becomes_of_the_cache(
    make_shop: Callable[..., Shop], own_redis: RedisServer
) -> None:
    """With it, hanging, killed, back: 200 each time. The breaker of the cache opens; no request waits long for it."""
    shop = make_shop(extra={"catalog": {"CACHE_URL": own_redis.new_database()}})
    shop.start("catalog", "inventory")

    def all_shown() -> None:
        for number in range(1, 30):
            product = shop.ask("GET", f"/v1/products/{number}", service="catalog")
            assert product.status == 200
            assert "age_s" not in product.body

    all_shown()
    own_redis.hang()
    all_shown()
    assert shop.metric("catalog", DOWN) >= 1
    own_redis.kill()
    all_shown()
    own_redis.start()
    before = shop.metric("catalog", HITS)
    wait_until("the cache to be used again", lambda: _hits(shop, 1) > before)


def _hits(shop: Shop, product: int) -> float:
    """Look at a product, and return how many were found in the cache so far."""
    assert shop.ask("GET", f"/v1/products/{product}", service="catalog").status == 200
    return shop.metric("catalog", HITS)


@pytest.mark.parametrize("where", ["memory", "redis"])
def test_a_product_that_is_kept_is_shown_while_the_database_fails(
    make_shop: Callable[..., Shop],
    redis: RedisServer,  # noqa: F811 - the fixture
    where: str,
) -> None:
    """Stale while error: it says that it is degraded and how old it is; what was never seen is an error."""
    cached = {"CACHE_URL": redis.new_database()} if where == "redis" else {}
    shop = make_shop(extra={"catalog": cached})
    shop.start("catalog", "inventory")
    wait_until("the product to be kept", lambda: _hits(shop, 3))
    failing = {"resource": "database", "do": "fail", "seed": 7, "lease_ms": 600_000}
    token = {"authorization": f"Bearer {TOKEN}"}
    assert shop.ask("PUT", "/disturbances/failing", failing, service="catalog", headers=token).status == 200

    def stale() -> Any:
        product = shop.ask("GET", "/v1/products/3", service="catalog")
        if product.status == 503 and where == "redis":  # which was too slow this time
            return None
        assert product.status == 200
        return "age_s" in product.body and product.body["stock"] and product.body

    product = wait_until("the product to be stale", stale)
    assert product["degraded"] is True
    assert product["stock"]["level"] == "in_stock"
    assert product["age_s"] >= 2
    assert shop.ask("GET", "/v1/products/77", service="catalog").status == 503


def test_the_cache_can_be_disturbed(make_shop: Callable[..., Shop]) -> None:
    """`down` under the workbench: products are shown, and the lookups that it hit are counted."""
    shop = make_shop()
    shop.start("catalog", "inventory")
    token = {"authorization": f"Bearer {TOKEN}"}
    wanted = {"resource": "cache", "do": "down", "lease_ms": 600_000}
    assert shop.ask("PUT", "/disturbances/d", wanted, service="catalog", headers=token).status == 200
    for _ in range(10):
        assert shop.ask("GET", "/v1/products/5", service="catalog").status == 200
    ended = shop.ask("DELETE", "/disturbances/d", service="catalog", headers=token)
    assert ended.status == 200
    assert ended.body["hit"] >= 3
