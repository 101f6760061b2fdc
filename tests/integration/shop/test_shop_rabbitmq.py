"""One notification for each confirmed order, whoever dies on the way; through RabbitMQ."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import aio_pika
import pytest
from sqlalchemy import Connection, select

from target_services.chassis import rabbitmq as chassis_rabbitmq
from target_services.chassis.database import Database
from target_services.notifications.domain import DEAD_LETTERS, SCHEMA
from tests.integration.server_rabbitmq import RabbitmqServer, new_rabbitmq
from tests.integration.shop.messages import CHECKOUT, Stream, buy, dead_letters, event, notified, settled
from tests.integration.shop.receiver import Receiver
from tests.integration.shop.stack import Shop, wait_until


@pytest.fixture
def own_rabbitmq() -> Iterator[RabbitmqServer]:
    """A server to be harmed."""
    server = new_rabbitmq()
    yield server
    server.close()


def on(url: str) -> dict[str, dict[str, str]]:
    """Return what sends messages through a broker: a setting, and nothing else."""
    return {service: {"BROKER_URL": url} for service in ("orders", "notifications")}


def publish(url: str, *bodies: bytes) -> None:
    """Put something into the exchange, past any outbox."""

    async def run() -> None:
        link = await chassis_rabbitmq.connect(url)
        exchange = await chassis_rabbitmq.declare_exchange(link.channel)
        for body in bodies:
            await exchange.publish(aio_pika.Message(body), "order.confirmed")
        await link.close()

    asyncio.run(run())


def test_a_confirmed_order_is_told_once_in_its_own_trace(
    make_shop: Callable[..., Shop], rabbitmq: RabbitmqServer, receiver: Receiver
) -> None:
    """From orders through the broker to notifications: one trace, one notification, nothing left on the way."""
    shop = make_shop(extra=on(rabbitmq.new_host()), traces_to=receiver.url)
    shop.start(*CHECKOUT)
    trace_id = os.urandom(16).hex()
    key = str(uuid.uuid4())
    placed = buy(shop, key, traceparent=f"00-{trace_id}-00f067aa0ba902b7-01")
    assert placed.status in (201, 202)  # a machine without room queues it
    wait_until("the notification", lambda: notified(shop))
    settled(shop)
    assert notified(shop) == [key]

    def told() -> bool:
        names = {span.name for span in receiver.trace(trace_id)}
        return names >= {"publish order.confirmed", "process order.confirmed"}

    wait_until("the spans of the message", told)


def test_a_broker_that_is_away_at_start_keeps_nobody_from_starting(
    make_shop: Callable[..., Shop], own_rabbitmq: RabbitmqServer
) -> None:
    """Orders are confirmed all the same, and told when it comes."""
    own_rabbitmq.kill()
    shop = make_shop(extra=on(own_rabbitmq.new_host()))
    shop.start(*CHECKOUT)
    keys = [str(uuid.uuid4()) for _ in range(5)]
    assert {buy(shop, key).status for key in keys} <= {201, 202}  # a machine without room queues some
    assert shop.audit("notifications")["pending"] >= 1, "nobody can tell what the broker holds"
    own_rabbitmq.start()
    settled(shop)
    assert sorted(notified(shop)) == sorted(keys)


@pytest.mark.timeout(900)
def test_killing_orders_notifications_and_the_broker_loses_nothing_and_repeats_nothing(
    make_shop: Callable[..., Shop], own_rabbitmq: RabbitmqServer
) -> None:
    """Twice each in the middle of a stream of orders: exactly one notification for each confirmed one."""
    shop = make_shop(extra=on(own_rabbitmq.new_host()))
    shop.start(*CHECKOUT)
    with Stream(shop) as stream:
        for victim in ("orders", "broker", "notifications") * 2:
            stream.wait_for_more(8)
            if victim == "broker":
                own_rabbitmq.kill()
                own_rabbitmq.start()
            else:
                shop.stop(victim, signal.SIGKILL)
                shop.start(victim)
        stream.wait_for_more(8)
    settled(shop)
    told_once(shop, stream)


def told_once(shop: Shop, stream: Stream) -> None:
    """Check that each confirmed order, and no other, was told once, and that none was promised and forgotten."""
    states = {row["key"]: row["state"] for row in shop.audit("orders")["records"]}
    confirmed = [key for key, state in states.items() if state == "confirmed"]
    assert set(stream.acknowledged) <= set(confirmed)
    assert Counter(notified(shop)) == Counter(confirmed)
    assert dead_letters(shop) == []


def test_what_cannot_be_parsed_is_put_aside_and_the_next_ones_are_read(
    make_shop: Callable[..., Shop], rabbitmq: RabbitmqServer
) -> None:
    """Bytes that are no text, no JSON, no message, and a message without money: four dead letters with their cause."""
    url = rabbitmq.new_host()
    shop = make_shop(extra=on(url))
    shop.start("notifications")
    wait_until("the queue", lambda: shop.audit("notifications")["pending"] == 0)
    poor: dict[str, Any] = event("message-poor")
    del poor["payload"]["total_cents"]
    good = json.dumps(event("message-good")).encode()
    publish(url, b"\xff\x00\xfe", b"{", b'{"id": 1}', json.dumps(poor).encode(), good, good)
    wait_until("the good one", lambda: notified(shop) == ["key-1"])
    wait_until("all to be taken in", lambda: shop.audit("notifications")["pending"] == 0)
    letters = {letter["id"]: letter for letter in dead_letters(shop)}
    assert len(letters) == 4
    assert letters["message-poor"]["cause"] == "total_cents: Field required"
    assert shop.audit("notifications")["totals"]["dead_letters"] == 4
    assert notified(shop) == ["key-1"]


def test_dead_letters_that_make_sense_by_now_are_replayed_once(
    make_shop: Callable[..., Shop], rabbitmq: RabbitmqServer
) -> None:
    """One is mended by hand, as a new version of the code would; it is sent, the others stay and are named."""
    url = rabbitmq.new_host()
    shop = make_shop(extra=on(url))
    shop.start("notifications")
    wait_until("the queue", lambda: shop.audit("notifications")["pending"] == 0)
    publish(url, json.dumps(event("message-1", topic="order.konfirmed")).encode(), b"{")
    wait_until("the dead letters", lambda: len(dead_letters(shop)) == 2)
    assert replay(shop, "message-1") == (1, "message-1: stays dead: nobody here knows the topic 'order.konfirmed'")
    mend(shop, b"konfirmed", b"confirmed")
    code, said = replay(shop)
    assert code == 1
    assert "message-1: done" in said
    assert notified(shop) == ["key-1"]
    assert len(dead_letters(shop)) == 1
    assert replay(shop, "message-1") == (1, "message-1: there is no such dead letter")


def mend(shop: Shop, wrong: bytes, right: bytes) -> None:
    """Change the bodies of dead letters."""

    def change(connection: Connection) -> None:
        for letter in connection.execute(select(DEAD_LETTERS)).all():
            mended = DEAD_LETTERS.update().values(body=letter.body.replace(wrong, right))
            connection.execute(mended.where(DEAD_LETTERS.c.id == letter.id))

    async def run() -> None:
        database = Database(shop.environment("notifications")["DATABASE_URL"], SCHEMA)
        await database.write(change)
        await database.close()

    asyncio.run(run())


def replay(shop: Shop, *letter_ids: str) -> tuple[int, str]:
    """Run the replay command beside the running service."""
    command = [sys.executable, "-m", "target_services.notifications.replay", *letter_ids]
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": shop.environment("notifications")["DATABASE_URL"]}
    if "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()
