"""What publishers and consumers agree upon in RabbitMQ: a durable exchange, and queues that outlive everybody.

                 topic                       not done, delivery 1, 2, 3 ...
    shop.events -------> notifications --> consumer --------------> notifications.again.<ms>
                              ^                                              |
                              +---------- when its time is over -------------+

A queue belongs to its consumer, which declares it; a publisher knows the exchange only. Until the queue is there
a message cannot be routed and is returned, so it stays in its outbox.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractQueue
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from pamqp.common import FieldTable

EXCHANGE = "shop.events"
AGAIN_AFTER_MS = (250, 1000, 4000)
"""Delays before the second delivery, the third, and all later ones."""

CONNECT_S = 3.0
CLOSE_S = 0.3
HEARTBEAT_S = 5
ATTEMPT_HEADER = "x-attempt"
"""Which try it is, from 1: so many may fail."""

DELIVERY_HEADER = "x-delivery"
"""Which delivery it is, from 1, those included that were no tries: so long does it wait for the next one."""

BROKER_FAILED = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError, RuntimeError)
"""What the driver raises when the broker is away, goes away, or refuses."""


@dataclass(frozen=True, slots=True)
class Link:
    """A connection with one channel that confirms what it publishes and raises what cannot be routed.

    `lost` is set when either has gone, or when the broker has taken a consumer's queue away.
    """

    connection: AbstractConnection
    channel: AbstractChannel
    lost: asyncio.Event

    async def close(self) -> None:
        """Close both, or leave them to the operating system where the broker does not answer."""
        with contextlib.suppress(*BROKER_FAILED):
            async with asyncio.timeout(CLOSE_S):
                await self.connection.close()


async def connect(url: str) -> Link:
    """Connect to a broker. Raises one of BROKER_FAILED."""
    async with asyncio.timeout(CONNECT_S):
        connection = await aio_pika.connect(url, heartbeat=HEARTBEAT_S)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        link = Link(connection, channel, asyncio.Event())
        for closing in (connection.close_callbacks, channel.close_callbacks):
            closing.add(lambda *_: link.lost.set())
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: link.lost.set())
        return link


async def declare_exchange(channel: AbstractChannel) -> AbstractExchange:
    """Return the exchange that all events go to."""
    return await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)


async def declare_queue(channel: AbstractChannel, name: str, topics: tuple[str, ...]) -> AbstractQueue:
    """Return a consumer's queue, bound to its topics, with the queues in which failed messages wait."""
    exchange = await declare_exchange(channel)
    queue = await channel.declare_queue(name, durable=True)
    for topic in topics:
        await queue.bind(exchange, topic)
    for wait_ms in AGAIN_AFTER_MS:
        back: FieldTable = {
            "x-message-ttl": wait_ms,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": name,
        }
        await channel.declare_queue(waiting_queue(name, wait_ms), durable=True, arguments=back)
    return queue


def waiting_queue(name: str, wait_ms: int) -> str:
    """Return the name of the queue in which a consumer's messages wait so long."""
    return f"{name}.again.{wait_ms}"


def wait_ms(delivery: int) -> int:
    """Return how long to wait after delivery number `delivery`, counted from 1."""
    return AGAIN_AFTER_MS[min(delivery, len(AGAIN_AFTER_MS)) - 1]
