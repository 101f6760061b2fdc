"""How the gateway keeps the keys of users."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from target_services.chassis.problems import Problem
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.deadline import Deadline
from target_services.chassis.resilience.outcomes import Outcome
from target_services.gateway.keys import KeySet
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.edges import Bench, Step, answer, failed
from tests.unit.shop.people import entry, jwks, users


def _keys(bench: Bench, clock: FakeClock) -> KeySet:
    return KeySet(bench.edge, fresh_s=300, at_most_every_s=2, clock=clock)


async def _settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_known_key_is_not_asked_for_again() -> None:
    """One request to users, however many tokens come."""
    bench = users(jwks())

    async def ask() -> None:
        keys = _keys(bench, FakeClock())
        for _ in range(10):
            assert isinstance(await keys.find("k1"), Ed25519PublicKey)

    asyncio.run(ask())
    assert len(bench.wire.sent) == 1


def test_an_unknown_key_is_asked_for_but_not_all_the_time() -> None:
    """Whoever invents key ids makes the gateway ask once in two seconds, and never forget what it knows."""
    bench, clock = users(jwks("k1"), jwks("k1"), jwks("k1", "k2")), FakeClock()

    async def ask() -> None:
        keys = _keys(bench, clock)
        assert await keys.find("k1") is not None
        for _ in range(10):
            assert await keys.find("k2") is None
        assert len(bench.wire.sent) == 1, "too soon"
        clock.forward(2)
        assert await keys.find("invented") is None
        assert len(bench.wire.sent) == 2
        clock.forward(2)
        assert await keys.find("k2") is not None
        assert len(bench.wire.sent) == 3

    asyncio.run(ask())


def test_many_who_wait_for_the_first_set_ask_once() -> None:
    """Single flight: a thousand first requests are one request to users."""
    bench = users(jwks())

    async def ask() -> None:
        keys = _keys(bench, FakeClock())
        assert all(await asyncio.gather(*(keys.find("k1") for _ in range(100))))

    asyncio.run(ask())
    assert len(bench.wire.sent) == 1


def test_one_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    """The first to ask is cancelled; the second gets the key from the same request."""
    gate = asyncio.Event()

    async def late() -> object:
        await gate.wait()
        return jwks()

    bench = users(late)  # type: ignore[arg-type]

    async def ask() -> None:
        keys = _keys(bench, FakeClock())
        first, second = (asyncio.create_task(keys.find("k1")) for _ in range(2))
        await _settled()
        first.cancel()
        gate.set()
        assert await second is not None

    asyncio.run(ask())
    assert len(bench.wire.sent) == 1


@pytest.mark.parametrize("left_s", [-1.0, 0.01])
def test_one_in_a_hurry_does_not_take_the_answer_from_the_others(left_s: float) -> None:
    """The first to ask gives up; the second gets the key from the same request, however long users takes."""
    gate = asyncio.Event()

    async def late() -> object:
        await gate.wait()
        return jwks()

    bench = users(late)  # type: ignore[arg-type]

    async def hurried(keys: KeySet) -> object:
        with deadlines.apply(Deadline.after(left_s)):
            return await keys.find("k1")

    async def ask() -> None:
        keys = _keys(bench, FakeClock())
        first = asyncio.create_task(hurried(keys))
        second = asyncio.create_task(keys.find("k1"))
        with pytest.raises(Problem) as caught:
            await first
        assert (caught.value.status, caught.value.slug) == (504, "deadline-exceeded")
        gate.set()
        assert await second is not None

    asyncio.run(ask())
    assert len(bench.wire.sent) == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        failed(Outcome.CONNECT_REFUSED),
        answer(404),
        answer(body=[]),
        answer(body={"keys": []}),
        answer(body={"keys": [{"kty": "oct", "k": "AAAA", "kid": "k1"}]}),
        answer(body={"keys": [entry() | {"x": "short"}]}),
        answer(body={"keys": [entry() | {"d": "A" * 43}]}),
        answer(body={"keys": "k1"}),
        answer(body={"keys": ["k1"]}),
    ],
)
def test_the_last_good_set_stays_when_users_is_away_or_talks_nonsense(spoilt: Step) -> None:
    """An old set is asked for again, meanwhile used, and used on when the answer cannot be."""
    bench, clock = users(jwks(), spoilt), FakeClock()

    async def ask() -> None:
        keys = _keys(bench, clock)
        known = await keys.find("k1")
        clock.forward(301)
        assert await keys.find("k1") is known
        await _settled()
        assert len(bench.wire.sent) == 2, "an old set is renewed"
        for _ in range(3):
            clock.forward(1000)
            assert await keys.find("k1") is known
            await _settled()

    asyncio.run(ask())


def test_a_key_that_users_has_withdrawn_is_forgotten() -> None:
    """A renewed set replaces the old one as a whole."""
    bench, clock = users(jwks("k1"), jwks("k2")), FakeClock()

    async def ask() -> None:
        keys = _keys(bench, clock)
        assert await keys.find("k1") is not None
        clock.forward(301)
        await keys.find("k1")
        await _settled()
        assert await keys.find("k1") is None
        assert await keys.find("k2") is not None

    asyncio.run(ask())


def test_before_there_was_any_set_nobody_is_called_a_liar() -> None:
    """503 with Retry-After: the token may be good, and the client should keep it."""

    async def ask() -> None:
        keys = _keys(users(failed(Outcome.CONNECT_REFUSED)), FakeClock())
        for _ in range(2):
            with pytest.raises(Problem) as caught:
                await keys.find("k1")
            assert (caught.value.status, caught.value.headers["retry-after"]) == (503, "1")

    asyncio.run(ask())
