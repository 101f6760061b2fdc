"""Consuming from RabbitMQ: at most so many messages in hand, each acknowledged when its end is written down.

What has to come again is put into a queue in which it waits, confirmed, before it is acknowledged here; from there
the broker brings it back. Whatever was in hand when this process or the broker died is delivered again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from target_services.chassis import rabbitmq
from target_services.chassis.consumer import Again, Receive
from target_services.chassis.draining import Draining
from target_services.chassis.outbox import carried
from target_services.chassis.rabbitmq import ATTEMPT_HEADER, BROKER_FAILED, DELIVERY_HEADER, Link
from target_services.chassis.resilience.retry import Backoff

PREFETCH = 32
CONFIRM_S = 1.0
FINISH_S = 0.5
"""How long messages in hand may take when the service leaves; what is left comes again."""

_log = structlog.get_logger(__name__)


class RabbitConsumer:
    """Brings what is in one queue to a consumer until draining begins."""

    def __init__(
        self,
        url: str,
        queue: str,
        topics: tuple[str, ...],
        receive: Receive,
        *,
        is_down: Callable[[], bool] = lambda: False,
        reaching: Callable[[], AbstractContextManager[None]] = nullcontext,
        backoff: Backoff | None = None,
    ) -> None:
        """`is_down` tells whether to behave as if the broker were away, `reaching` looks on at each try to reach it."""
        self._url = url
        self._is_down = is_down
        self._reaching = reaching
        self._queue = queue
        self._topics = topics
        self._receive = receive
        self._backoff = backoff if backoff is not None else Backoff(first_s=0.1, most_s=2.0)
        self._rng = random.Random()
        self._link: Link | None = None
        self._in_hand: set[asyncio.Task[None]] = set()

    async def run(self, draining: Draining) -> None:
        """Consume until draining begins, from whichever connection there is."""
        failures = 0
        while not draining.begun:
            try:
                self._link = await self._connect()
                failures = 0
                await self._consume(self._link, draining)
            except BROKER_FAILED as error:
                failures += 1
                _log.warning("the broker is away", cause=repr(error), failures=failures)
            finally:
                await self._disconnect()
            await draining.wait(self._backoff.wait_s(max(1, failures), self._rng))

    async def on_their_way(self) -> int:
        """Return how many messages the broker or this process holds. At least 1 while nobody can tell."""
        link = self._link
        if link is None or link.lost.is_set():
            return 1
        # In the direction in which messages go, so that one that moves meanwhile is counted at least once.
        in_hand = len(self._in_hand)
        names = [*(rabbitmq.waiting_queue(self._queue, ms) for ms in rabbitmq.AGAIN_AFTER_MS), self._queue]
        try:
            async with asyncio.timeout(rabbitmq.CONNECT_S):
                counts = [(await link.channel.declare_queue(name, passive=True)).declaration_result for name in names]
        except BROKER_FAILED:
            return 1
        return max(in_hand, len(self._in_hand)) + sum(count.message_count or 0 for count in counts)

    async def _connect(self) -> Link:
        if self._is_down():
            raise ConnectionRefusedError("connection refused")
        with self._reaching():
            return await rabbitmq.connect(self._url)

    async def _consume(self, link: Link, draining: Draining) -> None:
        await link.channel.set_qos(prefetch_count=PREFETCH)
        queue = await rabbitmq.declare_queue(link.channel, self._queue, self._topics)
        tag = await queue.consume(self._deliver)
        _log.info("consuming", queue=self._queue)
        ends = [asyncio.create_task(link.lost.wait()), asyncio.create_task(draining.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        if link.lost.is_set():
            raise ConnectionResetError("the connection to the broker is lost")
        await queue.cancel(tag)
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=FINISH_S)

    async def _deliver(self, message: AbstractIncomingMessage) -> None:
        """Take one message to its end. The client runs this in a task of its own."""
        task = asyncio.current_task()
        assert task is not None
        self._in_hand.add(task)
        link, is_done = self._link, False
        try:
            if not self._is_down():
                await self._settle(message)
                is_done = True
        except BROKER_FAILED as error:
            _log.warning("not acknowledged", id=message.message_id, cause=repr(error))
        except Exception:  # noqa: BLE001 - whatever it is, the message must not stay in hand for ever
            _log.exception("not acknowledged", id=message.message_id)
        finally:
            self._in_hand.discard(task)
            if not is_done and link is not None:
                link.lost.set()  # the broker brings again what was not acknowledged, once the connection is gone

    async def _settle(self, message: AbstractIncomingMessage) -> None:
        attempt = _counted(message, ATTEMPT_HEADER)
        with carried({name: str(value) for name, value in message.headers.items()}):
            verdict = await self._receive(message.body, attempt=attempt)
            if isinstance(verdict, Again):
                await self._wait_for_another_try(message, attempt + verdict.counts)
        await message.ack()

    async def _wait_for_another_try(self, message: AbstractIncomingMessage, attempt: int) -> None:
        """Put a copy where it waits for this attempt. Returns when the broker has confirmed it."""
        assert self._link is not None
        delivery = _counted(message, DELIVERY_HEADER)
        again = Message(
            message.body,
            content_type=message.content_type,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=message.message_id,
            type=message.type,
            headers={**message.headers, ATTEMPT_HEADER: attempt, DELIVERY_HEADER: delivery + 1},
        )
        where = rabbitmq.waiting_queue(self._queue, rabbitmq.wait_ms(delivery))
        async with asyncio.timeout(CONFIRM_S):
            await self._link.channel.default_exchange.publish(again, where, mandatory=True)

    async def _disconnect(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()


def _counted(message: AbstractIncomingMessage, header: str) -> int:
    counted = message.headers.get(header)
    return counted if isinstance(counted, int) and counted >= 1 else 1
