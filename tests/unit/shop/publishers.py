"""A publisher that does what the test says, and remembers what it was asked and what has arrived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from target_services.chassis.outbox import Message

Behaviour = Callable[[Message], Awaitable[None]]


async def take(_: Message) -> None:
    """Take every message."""


class ToldPublisher:
    def __init__(self, behaviour: Behaviour = take, *, at_once: int = 8) -> None:
        self.behaviour = behaviour
        self.at_once = at_once
        self.asked: list[Message] = []
        self.arrived: list[Message] = []
        self.closed = False

    async def publish(self, message: Message) -> None:
        self.asked.append(message)
        await self.behaviour(message)
        self.arrived.append(message)

    async def close(self) -> None:
        self.closed = True
