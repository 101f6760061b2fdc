from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, select

from target_services.chassis import bugs, problems
from target_services.chassis.bugs import Bug
from target_services.chassis.consumer import TRIES, Again, Consumer, Dead, Done, Handle, Verdict
from target_services.chassis.database import Database
from target_services.chassis.database_errors import Cause, DatabaseUnavailable
from target_services.chassis.dead_letters import DeadLetter, DeadLetters
from target_services.chassis.disturbances import Disturbances, Wanted
from target_services.chassis.envelope import Envelope
from target_services.chassis.inbox import Inbox
from target_services.notifications.app import routes
from target_services.notifications.domain import DEAD_LETTERS, INBOX, NOTIFICATIONS, SCHEMA, notify
from tests.unit.shop.asgi import ask_once
from tests.unit.shop.databases import with_database


class Bench:
    """Notifications' own consumer, or one with another effect."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.letters = DeadLetters(database, DEAD_LETTERS)
        self.registry = CollectorRegistry()
        self.consumer = self.with_effect(notify, self.registry)

    def with_effect(self, handle: Handle, registry: CollectorRegistry | None = None) -> Consumer:
        inbox = Inbox(self.database, INBOX)
        registry = registry or CollectorRegistry()
        return Consumer(self.database, inbox, self.letters, handle, tracer=NoOpTracer(), registry=registry)

    async def sent(self) -> list[str]:
        query = select(NOTIFICATIONS.c.order_id).order_by(NOTIFICATIONS.c.created_ns)
        return list(await self.database.read(lambda c: c.execute(query).scalars().all()))

    async def dead(self) -> dict[str, DeadLetter]:
        letters = await self.database.read(lambda c: self.letters.page(c, (-1, ""), 100))
        return {letter.id: letter for letter in letters}

    def count(self, end: str) -> float:
        value = self.registry.get_sample_value("workbench_consumer_messages_total", {"end": end})
        assert value is not None
        return value


def with_bench(folder: Path, test: Callable[[Bench], Awaitable[None]]) -> None:
    with_database(folder, SCHEMA, lambda database: test(Bench(database)))


def message(message_id: str = "message-1", **changes: Any) -> bytes:
    payload: dict[str, Any] = {
        "order_id": "ord_1",
        "order_key": "key-1",
        "customer": "c1",
        "total_cents": 500,
        "currency": "EUR",
    }
    payload |= changes.pop("payload", {})
    whole = {"id": message_id, "topic": "order.confirmed", "key": "ord_1", "created_ns": 1, "payload": payload}
    return json.dumps(whole | changes).encode()


def test_what_is_delivered_ten_times_at_once_has_its_effect_once(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        verdicts = await asyncio.gather(*(bench.consumer.receive(message()) for _ in range(10)))
        assert sorted(verdicts, key=repr) == [Done(duplicate=False)] + [Done(duplicate=True)] * 9
        assert await bench.sent() == ["ord_1"]
        assert (bench.count("done"), bench.count("duplicate")) == (1, 9)

    with_bench(tmp_path, test)


@pytest.mark.usefixtures("planted")
def test_without_the_inbox_it_has_it_each_time(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        bugs.plant([Bug.CONSUMER_NOT_IDEMPOTENT])
        for _ in range(3):
            await bench.consumer.receive(message())
        assert await bench.sent() == ["ord_1"] * 3

    with_bench(tmp_path, test)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\xfe\x00", "Invalid JSON"),
        (b"[1]", "Input should be an object"),
        (b'{"id": "x"}', "topic: Field required"),
        (message(topic="order.eaten"), "nobody here knows the topic 'order.eaten'"),
        (message(payload={"total_cents": -1}), "total_cents: Input should be greater than 0"),
        (message(payload={"total_cents": 1.5}), "total_cents"),
        (message(payload={"total_cents": 2**63}), "total_cents: Input should be less than or equal to"),
        (message(payload={"total_cents": "500"}), "total_cents: Input should be a valid integer"),
        (message(payload={"currency": "euro"}), "currency: String should match pattern"),
        (message(payload={"customer": "a\u0000b"}), "customer: String should match pattern"),
        (message(payload={"customer": None}), "customer: Input should be a valid string"),
    ],
)
def test_what_says_nothing_intelligible_is_kept_at_once_as_it_came(tmp_path: Path, body: bytes, cause: str) -> None:
    """With the cause, once however often it comes; the next message is read."""

    async def test(bench: Bench) -> None:
        for _ in range(2):
            verdict = await bench.consumer.receive(body)
            assert isinstance(verdict, Dead)
            assert cause in verdict.cause
        (letter,) = (await bench.dead()).values()
        assert (letter.body, letter.attempts) == (body, 1)
        assert cause in letter.cause
        assert await bench.consumer.receive(message("message-2")) == Done(duplicate=False)
        assert await bench.sent() == ["ord_1"]

    with_bench(tmp_path, test)


def test_what_fails_otherwise_comes_again_and_is_dead_after_some_tries(tmp_path: Path) -> None:
    """A defect in the effect: nothing of it stays, neither effect nor inbox row, until it is given up."""

    async def test(bench: Bench) -> None:
        def half_an_effect(connection: Connection, envelope: Envelope) -> None:
            notify(connection, envelope)
            raise ZeroDivisionError

        broken = bench.with_effect(half_an_effect)
        for attempt in range(1, TRIES):
            assert isinstance(await broken.receive(message(), attempt=attempt), Again)
        assert isinstance(await broken.receive(message(), attempt=TRIES), Dead)
        assert await bench.sent() == []
        letter = (await bench.dead())["message-1"]
        assert (letter.attempts, letter.cause) == (TRIES, "ZeroDivisionError()")

    with_bench(tmp_path, test)


def test_while_the_database_is_away_nothing_dies(tmp_path: Path) -> None:
    """However often it is tried: it comes again, and has its effect when the database is back."""

    async def test(bench: Bench) -> None:
        def away(_: Connection, __: Envelope) -> None:
            raise DatabaseUnavailable(Cause.AWAY)

        without = bench.with_effect(away)
        no_try = Again("the database is away", counts=False)
        assert await without.receive(message(), attempt=99) == no_try
        disturbances = Disturbances()
        bench.database.disturbed_by(disturbances)
        fail = Wanted(resource="database", do="fail", lease_ms=600_000)
        await disturbances.put("d1", fail)
        assert await bench.consumer.receive(b"{") == no_try  # it cannot be kept as a dead letter either
        await disturbances.end("d1")
        assert await bench.dead() == {}
        assert await bench.consumer.receive(message(), attempt=100) == Done(duplicate=False)

    with_bench(tmp_path, test)


@pytest.mark.parametrize(
    ("verdict", "status", "slug"),
    [
        (Done(duplicate=True), 202, None),
        (Dead("a defect"), 202, None),
        (Again("a defect"), 500, "message-failed"),
        (Again("the database is away", counts=False), 503, "deliver-again"),
    ],
)
def test_over_http_what_was_no_try_is_told_from_what_was(verdict: Verdict, status: int, slug: str | None) -> None:
    """Who sends it counts the one and not the other."""

    async def receive(_: bytes, *, attempt: int | None = None) -> Verdict:
        assert attempt is None
        return verdict

    app = FastAPI()
    problems.install(app)
    routes(app, None, receive)  # type: ignore[arg-type]  # no notifications are asked for
    reply = ask_once(app, "POST", "/v1/events", message(), content_type="application/json")
    assert (reply.status, reply.json().get("type")) == (status, slug and f"urn:shop:problem:{slug}")
    assert reply.headers.get("retry-after") == ("1" if slug else None)


def test_what_cannot_be_kept_as_a_dead_letter_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the reason: it is neither lost nor in the way of the others."""

    async def test(bench: Bench) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(bench.letters, "keep", broken)
            assert await bench.consumer.receive(b"{") == Again("ZeroDivisionError()")
        assert isinstance(await bench.consumer.receive(b"{"), Dead)

    with_bench(tmp_path, test)


def test_the_messages_own_count_is_taken_where_the_transport_has_none(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        def broken(_: Connection, __: Envelope) -> None:
            raise ZeroDivisionError

        consumer = bench.with_effect(broken)
        assert isinstance(await consumer.receive(message(attempt=TRIES - 1)), Again)
        assert isinstance(await consumer.receive(message(attempt=TRIES)), Dead)

    with_bench(tmp_path, test)


def test_what_died_and_has_its_effect_after_all_is_no_dead_letter_any_more(tmp_path: Path) -> None:
    """The answer that it is dead was lost, so it comes again. Replayed in a year, it would have its effect twice."""

    async def test(bench: Bench) -> None:
        def broken(_: Connection, __: Envelope) -> None:
            raise ZeroDivisionError

        for message_id in ("message-1", "message-2"):
            await bench.with_effect(broken).receive(message(message_id), attempt=TRIES)
        assert isinstance(await bench.with_effect(broken).receive(message(), attempt=TRIES - 1), Again)
        assert set(await bench.dead()) == {"message-1", "message-2"}
        assert await bench.consumer.receive(message(), attempt=TRIES + 1) == Done(duplicate=False)
        assert list(await bench.dead()) == ["message-2"]
        assert await bench.consumer.replay("message-1") is None

    with_bench(tmp_path, test)


def test_a_dead_letter_is_replayed_once_and_only_where_it_makes_sense(tmp_path: Path) -> None:
    """One replayed ten times at once is sent once; one that still fails stays, with nothing half done."""

    async def test(bench: Bench) -> None:
        def broken(connection: Connection, envelope: Envelope) -> None:
            notify(connection, envelope)
            raise ZeroDivisionError

        await bench.with_effect(broken).receive(message(), attempt=TRIES)
        await bench.consumer.receive(b"{")
        assert isinstance(await bench.with_effect(broken).replay("message-1"), Dead)
        assert set(await bench.dead()) >= {"message-1"}
        verdicts = await asyncio.gather(*(bench.consumer.replay("message-1") for _ in range(10)))
        assert [verdict for verdict in verdicts if verdict is not None] == [Done(duplicate=False)]
        (other,) = await bench.dead()
        assert isinstance(await bench.consumer.replay(other), Dead)
        assert list(await bench.dead()) == [other]
        assert await bench.sent() == ["ord_1"]
        assert await bench.consumer.receive(message()) == Done(duplicate=True)

    with_bench(tmp_path, test)
