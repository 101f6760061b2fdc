"""What the shop's clients meet, and count, when the real Toxiproxy disturbs the PostgreSQL and the Redis behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Column, Connection, Integer, MetaData, Table, select

from target_services.chassis import cache_guard, cache_redis
from target_services.chassis.cache import StoreAway
from target_services.chassis.cache_guard import GuardedStore
from target_services.chassis.cache_redis import RedisStore
from target_services.chassis.database import Database
from target_services.chassis.database_errors import Cause, DatabaseUnavailable
from target_services.chassis.disturbances import Disturbances, Wanted
from tests.integration.databases import Databases
from tests.integration.faultproxy.toxiproxy_servers import real
from tests.integration.server_redis import RedisServer, redis  # noqa: F401 - fixtures
from tests.ports import free_ports
from workbench.supervisor.planes import TOXIPROXY, Plane

SCHEMA = MetaData()
THINGS = Table("things", SCHEMA, Column("count", Integer, nullable=False))
SLOW = {"name": "slow", "type": "latency", "stream": "downstream", "attributes": {"latency": 300, "jitter": 0}}


@pytest.fixture
def toxiproxy() -> Iterator[Plane]:
    with real() as port:
        yield Plane(TOXIPROXY, f"http://127.0.0.1:{port}", "")


def behind(toxiproxy: Plane, url: str) -> str:
    """Return the URL of a server with Toxiproxy in front of it, there under the name `server`."""
    before, _, rest = url.rpartition("127.0.0.1:")
    port, slash, path = rest.partition("/")
    (listen,) = free_ports(1)
    toxiproxy.make(
        [{"name": "server", "listen": f"127.0.0.1:{listen}", "upstream": f"127.0.0.1:{port}", "enabled": True}]
    )
    return f"{before}127.0.0.1:{listen}{slash}{path}"


def watch(resource: str, delay_ns: int = 0) -> Wanted:
    return Wanted.model_validate({"resource": resource, "do": "watch", "delay_ns": delay_ns, "lease_ms": 600_000})


def _count(connection: Connection) -> int:
    return len(connection.execute(select(THINGS)).all())


def _add(connection: Connection) -> None:
    connection.execute(THINGS.insert(), {"count": 1})


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
def test_transactions_are_held_up_and_fail_as_toxiproxy_has_it(toxiproxy: Plane, tmp_path: Path) -> None:
    async def test() -> None:
        database, disturbances = Database(behind(toxiproxy, Databases.url(tmp_path)), SCHEMA), Disturbances()
        await database.open()
        database.disturbed_by(disturbances)
        await database.write(_add)

        toxiproxy.add_toxic("server", SLOW)
        slow = await disturbances.put("slow", watch("database", 300_000_000))
        await database.write(_add)
        assert 2 == await database.read(_count)
        assert (2, 2) == (slow.eligible, slow.hit)
        await disturbances.end("slow")
        toxiproxy.remove_toxic("server", "slow")

        away = await disturbances.put("away", watch("database"))
        assert 2 == await database.read(_count)
        toxiproxy.enable("server", on=False)
        with pytest.raises(DatabaseUnavailable) as refused:
            await database.write(_add)
        assert Cause.AWAY is refused.value.cause
        assert not await database.is_there()
        toxiproxy.enable("server", on=True)
        assert 2 == await database.read(_count)
        assert (3, 1) == (away.eligible, away.hit)
        await disturbances.end_all()
        await database.close()

    asyncio.run(test())


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_a_cache_is_away_as_toxiproxy_has_it(
    toxiproxy: Plane,
    redis: RedisServer,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache_redis, "_TIMEOUT_S", 30.0)
    monkeypatch.setattr(cache_guard, "_POLICY", replace(cache_guard._POLICY, reset_s=60.0))

    async def test() -> None:
        disturbances = Disturbances()
        store = RedisStore(behind(toxiproxy, redis.new_database()), "t:")
        guarded = GuardedStore("test", store, disturbances, registry=CollectorRegistry())
        await guarded.put("k", b"v", 60)
        toxiproxy.enable("server", on=False)
        away = await disturbances.put("away", watch("cache"))
        for _ in range(5):  # its breaker opens after three
            with pytest.raises(StoreAway):
                await guarded.get("k")
        assert (3, 3) == (away.eligible, away.hit)
        await disturbances.end_all()
        toxiproxy.enable("server", on=True)
        guarded._breaker._open_until_s = 0.0
        assert await guarded.get("k") is not None
        await guarded.close()

    asyncio.run(test())
