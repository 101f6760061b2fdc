"""What goes wrong on purpose with messages, whatever brings them: nobody takes them, or they come twice or late.

    down        publishing fails as the driver would, and nothing is consumed
    duplicate   what was delivered is delivered again
    reorder     what was delivered is held back until others have passed

Only under the workbench; see `disturbances`.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AbstractContextManager

from target_services.chassis.consumer import Again, Receive, Verdict
from target_services.chassis.disturbances import Disturbances, Resource
from target_services.chassis.outbox import Message
from target_services.chassis.publisher import Away, Publisher

BROKER = "broker"
SENDING = Resource(frozenset({"down", "watch"}))
RECEIVING = Resource(frozenset({"down", "duplicate", "reorder", "watch"}))

OTHERS_FIRST = 3
"""So many others pass one that is held back."""

HELD_S = 0.4
"""Where no others come, it is held back for so long; shorter than the sender waits for an answer."""


class DisturbedPublisher:
    """A publisher whose broker can be away."""

    def __init__(self, publisher: Publisher, disturbances: Disturbances) -> None:
        disturbances.offer(BROKER, SENDING)
        self.at_once = publisher.at_once
        self._publisher = publisher
        self._disturbances = disturbances

    async def publish(self, message: Message) -> None:
        """Return when the message has arrived for certain. Raises NotNow, Away or Poison."""
        if self._disturbances.hits(BROKER, "down"):
            raise Away("connection refused")
        with self._disturbances.watched(BROKER, Away):
            await self._publisher.publish(message)

    async def close(self) -> None:
        """Give up whatever is held open."""
        await self._publisher.close()


class DisturbedDeliveries:
    """What stands at the entry of a consumer."""

    def __init__(self, receive: Receive, disturbances: Disturbances) -> None:
        disturbances.offer(BROKER, RECEIVING)
        self._receive = receive
        self._disturbances = disturbances
        self._passed = 0
        self._passing = asyncio.Condition()

    def is_down(self) -> bool:
        """Tell whether the broker is to be away now, for who would use it now."""
        return bool(self._disturbances.hits(BROKER, "down"))

    def reaching(self) -> AbstractContextManager[None]:
        """Have a try to reach the broker counted."""
        return self._disturbances.watched(BROKER, Exception)

    async def receive_if_up(self, body: bytes, *, attempt: int | None = None) -> Verdict:
        """Take in one delivery, or none while the broker is away. For who has no broker that could be away."""
        if self.is_down():
            return Again("the broker is away", counts=False)
        return await self.receive(body, attempt=attempt)

    async def receive(self, body: bytes, *, attempt: int | None = None) -> Verdict:
        """Take in one delivery: late if it is held back, twice if it is duplicated."""
        if self._disturbances.hits(BROKER, "reorder"):
            await self._let_others_pass()
        with self._disturbances.watched(BROKER):
            verdict = await self._receive(body, attempt=attempt)
        if self._disturbances.hits(BROKER, "duplicate"):
            await self._receive(body, attempt=attempt)
        async with self._passing:
            self._passed += 1
            self._passing.notify_all()
        return verdict

    async def _let_others_pass(self) -> None:
        enough = self._passed + OTHERS_FIRST
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HELD_S), self._passing:
                await self._passing.wait_for(lambda: self._passed >= enough)
