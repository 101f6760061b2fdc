"""A consumer of messages that may come twice, late, in any order, or damaged. Each has its effect once.

    delivered -> read -> inbox and effect in one transaction -> done
                  |                     |
                  |                     +-> database away: again later, for as long as it takes; it counts as no try
                  |                     +-> any other failure: again later, dead after `tries`
                  +-> says nothing intelligible: dead at once

How a message comes, and how it is made to come again, is the business of the transport.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from prometheus_client import CollectorRegistry, Counter
from pydantic import ValidationError
from sqlalchemy import Connection

from target_services.chassis.database import Database
from target_services.chassis.database_errors import DatabaseUnavailable
from target_services.chassis.dead_letters import DeadLetters
from target_services.chassis.envelope import Envelope, Unintelligible, describe
from target_services.chassis.inbox import Inbox

TRIES = 5

Handle = Callable[[Connection, Envelope], None]
"""Has the effect of a message. Raises Unintelligible when there cannot be any."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """The message has had its effect, now or before."""

    duplicate: bool


@dataclass(frozen=True, slots=True)
class Dead:
    """The message is a dead letter by now."""

    cause: str


@dataclass(frozen=True, slots=True)
class Again:
    """The message must be delivered again, later. `counts`: it was a try, of which a message has so many."""

    cause: str
    counts: bool = True


Verdict = Done | Dead | Again


class Receive(Protocol):
    """What takes in a delivery."""

    def __call__(self, body: bytes, *, attempt: int | None = None) -> Awaitable[Verdict]:
        """Take in one delivery. `attempt` counts from 1; without it the message's own count is taken."""


class Consumer:
    """Takes messages in, whatever brings them."""

    def __init__(
        self,
        database: Database,
        inbox: Inbox,
        dead_letters: DeadLetters,
        handle: Handle,
        *,
        tracer: Tracer,
        registry: CollectorRegistry,
        tries: int = TRIES,
    ) -> None:
        self._db = database
        self._inbox = inbox
        self._dead_letters = dead_letters
        self._handle = handle
        self._tracer = tracer
        self._tries = tries
        ends = Counter("workbench_consumer_messages", "Deliveries by how they ended", ("end",), registry=registry)
        self._ends = {end: ends.labels(end) for end in ("done", "duplicate", "dead", "again")}

    async def receive(self, body: bytes, *, attempt: int | None = None) -> Verdict:
        """Take in one delivery. `attempt` counts from 1; without it the message's own count is taken."""
        with self._tracer.start_as_current_span("process message", kind=SpanKind.CONSUMER) as span:
            try:
                envelope = Envelope.model_validate_json(body)
            except ValidationError as error:
                verdict = await self._died(None, body, describe(error), attempt or 1)
            else:
                span.update_name(f"process {envelope.topic}")
                span.set_attribute("messaging.message.id", envelope.id)
                span.set_attribute("shop.message.key", envelope.key)
                verdict = await self._take_in(envelope, body, attempt or envelope.attempt)
            end = _name(verdict)
            self._ends[end].inc()
            span.set_attribute("shop.message.end", end)
            if not isinstance(verdict, Done):
                span.set_status(StatusCode.ERROR, verdict.cause)
        return verdict

    async def replay(self, letter_id: str) -> Verdict | None:
        """Take a dead letter in once more, in one transaction with its removal. None when it is not there."""

        def again(connection: Connection) -> Verdict | None:
            letter = self._dead_letters.take(connection, letter_id)
            if letter is None:
                return None
            try:
                return self._effect(connection, Envelope.model_validate_json(letter.body))
            except ValidationError as error:
                raise Unintelligible(describe(error)) from error

        try:
            return await self._db.write(again)
        except Exception as error:  # noqa: BLE001 - whatever it is, it stays dead and the next one gets its turn
            return Dead(str(error) or repr(error))

    async def _take_in(self, envelope: Envelope, body: bytes, attempt: int) -> Verdict:
        try:
            return await self._db.write(lambda connection: self._effect(connection, envelope))
        except Unintelligible as error:
            return await self._died(envelope.id, body, str(error), attempt)
        except DatabaseUnavailable as error:
            return Again(str(error), counts=False)
        except Exception as error:  # noqa: BLE001 - one message must not keep the others
            _log.exception("message failed", id=envelope.id, topic=envelope.topic, attempt=attempt)
            if attempt < self._tries:
                return Again(repr(error))
            return await self._died(envelope.id, body, repr(error), attempt)

    def _effect(self, connection: Connection, envelope: Envelope) -> Done:
        self._dead_letters.take(connection, envelope.id)  # it may have died, and been delivered once more
        if not self._inbox.is_first(connection, envelope.id):
            return Done(duplicate=True)
        self._handle(connection, envelope)
        return Done(duplicate=False)

    async def _died(self, message_id: str | None, body: bytes, cause: str, attempts: int) -> Verdict:
        """Keep a message as a dead letter. While that cannot be written down, it has to come again."""
        try:
            await self._db.write(
                lambda connection: self._dead_letters.keep(connection, message_id, body, cause, attempts)
            )
        except DatabaseUnavailable as error:
            return Again(str(error), counts=False)
        except Exception as error:  # noqa: BLE001 - what cannot be kept must not be lost, nor keep the others
            _log.exception("no dead letter could be kept", id=message_id, cause=cause, attempts=attempts)
            return Again(repr(error))
        _log.error("dead letter", id=message_id, cause=cause, attempts=attempts)
        return Dead(cause)


def _name(verdict: Verdict) -> str:
    match verdict:
        case Done(duplicate=True):
            return "duplicate"
        case Done():
            return "done"
        case Dead():
            return "dead"
        case Again():
            return "again"
