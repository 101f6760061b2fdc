"""Publishing to RabbitMQ. A message has arrived when the broker confirms that it is in a queue, on disk."""

from __future__ import annotations

import asyncio
import json

import structlog
from aio_pika import DeliveryMode
from aio_pika import Message as Wrapped
from aio_pika.abc import AbstractExchange
from aio_pika.exceptions import DeliveryError
from opentelemetry import propagate

from target_services.chassis import correlation, rabbitmq
from target_services.chassis.outbox import Message
from target_services.chassis.publisher import Away
from target_services.chassis.rabbitmq import BROKER_FAILED, Link

CONFIRM_S = 1.0

_log = structlog.get_logger(__name__)


class RabbitPublisher:
    """Connects when there is something to publish, and again after a failure; who calls it waits in between."""

    def __init__(self, url: str, *, at_once: int = 64) -> None:
        self.at_once = at_once
        self._url = url
        self._connecting = asyncio.Lock()
        self._link: Link | None = None
        self._exchange: AbstractExchange | None = None

    async def publish(self, message: Message) -> None:
        """Return when the message has arrived for certain. Raises Away."""
        try:
            exchange = await self._connected()
            async with asyncio.timeout(CONFIRM_S):
                await exchange.publish(_wrapped(message), message.topic, mandatory=True)
        except DeliveryError as error:
            raise Away(f"no queue takes {message.topic}: {error!r}") from error
        except BROKER_FAILED as error:
            await self.close()
            raise Away(repr(error)) from error

    async def close(self) -> None:
        """Give up the connection."""
        link, self._link, self._exchange = self._link, None, None
        if link is not None:
            await link.close()

    async def _connected(self) -> AbstractExchange:
        async with self._connecting:
            if self._link is None or self._exchange is None or self._link.lost.is_set():
                await self.close()
                self._link = await rabbitmq.connect(self._url)
                self._exchange = await rabbitmq.declare_exchange(self._link.channel)
                _log.info("connected to the broker")
            return self._exchange


def _wrapped(message: Message) -> Wrapped:
    headers: dict[str, str] = {}
    propagate.inject(headers)
    if (request := correlation.current.get()) is not None:
        headers[correlation.HEADER] = request
    return Wrapped(
        json.dumps(message.document(), separators=(",", ":")).encode(),
        content_type="application/json",
        delivery_mode=DeliveryMode.PERSISTENT,
        message_id=message.id,
        type=message.topic,
        headers=dict(headers),
    )
