"""The keys of users: kept, renewed in overlap, and never shown whole."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import jwt

from target_services.chassis.database import Database
from target_services.users.signing import KeyPolicy, SigningKeys
from target_services.users.tables import SCHEMA
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.databases import with_database

POLICY = KeyPolicy(rotate_after_s=1000, overlap_s=100, token_s=50)


def _keys(database: Database, clock: FakeClock) -> SigningKeys:
    return SigningKeys(database, POLICY, lambda: int(clock() * 1e9))


def _with_keys(folder: Path, test: Callable[[SigningKeys, FakeClock, Database], Awaitable[None]]) -> None:
    async def opened(database: Database) -> None:
        clock = FakeClock()
        keys = _keys(database, clock)
        await keys.tend()
        await test(keys, clock, database)

    with_database(folder, SCHEMA, opened)


def _published(keys: SigningKeys) -> list[str]:
    return [entry["kid"] for entry in keys.published()["keys"]]


def _signs(keys: SigningKeys) -> str:
    token = keys.sign({"sub": "a", "exp": int(time.time()) + 60})
    kid: str = jwt.get_unverified_header(token)["kid"]
    (entry,) = [entry for entry in keys.published()["keys"] if entry["kid"] == kid]
    assert jwt.decode(token, jwt.PyJWK(entry).key, algorithms=["EdDSA"])["sub"] == "a"
    return kid


def test_only_public_parts_are_published(tmp_path: Path) -> None:
    """Kind, curve, use, algorithm, id and the public point; nothing that could sign."""

    async def test(keys: SigningKeys, _c: FakeClock, _d: Database) -> None:
        (entry,) = keys.published()["keys"]
        assert set(entry) == {"kty", "crv", "use", "alg", "kid", "x"}

    _with_keys(tmp_path, test)


def test_a_restart_signs_with_the_same_key(tmp_path: Path) -> None:
    """What was signed before stays good."""

    async def test(keys: SigningKeys, clock: FakeClock, database: Database) -> None:
        restarted = _keys(database, clock)
        await restarted.tend()
        assert _signs(restarted) == _signs(keys)

    _with_keys(tmp_path, test)


def test_keys_are_renewed_in_overlap(tmp_path: Path) -> None:
    """The next is published before it signs, the last stays until its tokens have expired."""

    async def test(keys: SigningKeys, clock: FakeClock, _d: Database) -> None:
        first = _signs(keys)

        async def after(seconds: float) -> tuple[str, int]:
            clock.forward(seconds)
            await keys.tend()
            return _signs(keys), len(_published(keys))

        assert await after(999) == (first, 1)
        assert await after(1) == (first, 2), "published, and not used yet"
        assert await after(99) == (first, 2)
        second, published = await after(1)
        assert (second != first, published) == (True, 2), "used, and the old one still published"
        assert await after(50) == (second, 2), "a gateway may still have to fetch the set"
        assert await after(100) == (second, 1)
        assert first not in _published(keys)

    _with_keys(tmp_path, test)


def test_a_clock_that_goes_back_before_every_key_does_not_stop_logins(tmp_path: Path) -> None:
    """The oldest key signs then."""

    async def test(keys: SigningKeys, clock: FakeClock, _d: Database) -> None:
        first = _signs(keys)
        clock.forward(-500)
        await keys.tend()
        assert _signs(keys) == first

    _with_keys(tmp_path, test)


def test_two_processes_know_each_others_keys(tmp_path: Path) -> None:
    """A key that one makes is the other's too, from the next time that it looks."""

    async def test(keys: SigningKeys, clock: FakeClock, database: Database) -> None:
        other = _keys(database, clock)
        clock.forward(1000)
        await other.tend()
        await keys.tend()
        assert _published(keys) == _published(other)
        assert len(_published(keys)) == 2

    _with_keys(tmp_path, test)
