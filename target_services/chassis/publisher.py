"""How a message leaves the outbox: one way over HTTP, one over RabbitMQ, told apart by nothing but the settings.

A publisher returns when the message has arrived for certain. Otherwise it says which of three things it was.
"""

from __future__ import annotations

from typing import Protocol

from target_services.chassis.outbox import Message


class NotNow(Exception):
    """The message was not taken this time. Others may be."""

    def __init__(self, cause: str, *, after_s: float = 0.0) -> None:
        super().__init__(cause)
        self.after_s = after_s


class Away(Exception):
    """Nobody can be told anything right now. It says nothing about the message."""


class Poison(Exception):
    """The message will never be taken as it is."""


class Publisher(Protocol):
    """Where messages go. `at_once`: how many of them it takes at the same time."""

    at_once: int

    async def publish(self, message: Message) -> None:
        """Return when the message has arrived for certain. Raises NotNow, Away or Poison."""

    async def close(self) -> None:
        """Give up whatever is held open."""
