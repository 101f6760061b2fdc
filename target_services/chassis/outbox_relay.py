"""The relay: brings what is in the outbox to its consumers, at least once, in order of each key.

Only the holder of the lease publishes, and only for as long as the lease is certainly its own. It forgets a
message after it has arrived, so a crash between the two sends it again, under the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass

import structlog
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.database import Database
from target_services.chassis.draining import Draining
from target_services.chassis.lease import Lease
from target_services.chassis.outbox import LONGEST_WAIT_S, Message, Outbox, carried
from target_services.chassis.publisher import Away, NotNow, Poison, Publisher
from target_services.chassis.resilience.retry import Backoff

BATCH = 64
LINGER_S = 0.02
"""After a message is added, for more of them to come, and for its transaction to end."""

LOOK_EVERY_S = 0.5
"""How often the table is looked at when nobody in this process adds anything."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _End:
    """What became of one message. `failure` is None when it has arrived."""

    message: Message
    failure: NotNow | Away | Poison | None


class RelayMetrics:
    """How far behind the outbox is, and how the tries end."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ends = Counter("workbench_outbox_tries", "Tries to publish by how they ended", ("end",), registry=registry)
        self._ends = {kind: ends.labels(name) for kind, name in _END_NAMES.items()}
        self.undelivered = Gauge(
            "workbench_outbox_undelivered", "Messages that have not arrived yet", registry=registry
        )
        self.parked = Gauge("workbench_outbox_parked", "Messages that nobody tries any more", registry=registry)
        self.lag = Gauge("workbench_outbox_lag_seconds", "Age of the oldest undelivered message", registry=registry)

    def ended(self, end: _End) -> None:
        """Count a try."""
        self._ends[type(end.failure)].inc()


_END_NAMES: dict[type, str] = {type(None): "arrived", NotNow: "not_now", Away: "away", Poison: "parked"}


class Relay:
    """Publishes until draining begins."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        lease: Lease,
        publisher: Publisher,
        *,
        tracer: Tracer,
        metrics: RelayMetrics,
        backoff: Backoff | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._db = database
        self._outbox = outbox
        self._lease = lease
        self._publisher = publisher
        self._tracer = tracer
        self._metrics = metrics
        self._backoff = backoff if backoff is not None else Backoff(first_s=0.1, most_s=LONGEST_WAIT_S / 2)
        self._rng = rng if rng is not None else random.Random()
        self._at_once = asyncio.Semaphore(publisher.at_once)
        self._setbacks = 0
        self._counted_s = -math.inf

    async def run(self, draining: Draining) -> None:
        """Work until draining begins."""
        wake = asyncio.Event()
        self._outbox.wakes(wake)
        leaving = asyncio.create_task(draining.wait())
        leaving.add_done_callback(lambda _: wake.set())
        idle_s = LINGER_S
        try:
            while not draining.begun:
                wake.clear()
                found = await self._look_or_stumble()
                if self._setbacks:
                    await draining.wait(self._backoff.wait_s(self._setbacks, self._rng))
                elif found == BATCH:
                    idle_s = LINGER_S
                elif await _woken(wake, idle_s):
                    idle_s = LINGER_S
                    await draining.wait(LINGER_S)
                else:
                    idle_s = min(LOOK_EVERY_S, 3 * idle_s)
        finally:
            leaving.cancel()
            await self._publisher.close()
        with contextlib.suppress(SQLAlchemyError):  # then the next one waits until it has run out
            await self._lease.give_back()

    async def look(self) -> int:
        """Publish what is due, if the lease is ours. Returns how many messages were tried."""
        if not await self._lease.keep():
            return 0
        await self._count()
        messages = await self._db.read(lambda connection: self._outbox.due(connection, BATCH))
        ends = await asyncio.gather(*(self._deliver(message) for message in messages))
        if ends:
            await self._write_down(ends)
        self._setbacks = _setbacks(self._setbacks, ends)
        return len(ends)

    async def _look_or_stumble(self) -> int:
        try:
            return await self.look()
        except Exception as error:  # noqa: BLE001 - whatever is wrong, what was promised must not be forgotten
            self._setbacks += 1
            _log.warning("the relay stumbled", cause=repr(error), setbacks=self._setbacks)
            return 0

    async def _count(self) -> None:
        if time.monotonic() - self._counted_s < LOOK_EVERY_S:
            return
        self._counted_s = time.monotonic()
        backlog = await self._db.read(self._outbox.backlog)
        self._metrics.undelivered.set(backlog.undelivered)
        self._metrics.parked.set(backlog.parked)
        self._metrics.lag.set(self._outbox.lag_s(backlog))

    async def _deliver(self, message: Message) -> _End:
        async with self._at_once:
            with carried(message.headers), self._span(message) as span:
                failure = await self._failure(message)
                if failure is not None:
                    span.set_status(StatusCode.ERROR, str(failure))
        end = _End(message, failure)
        self._metrics.ended(end)
        return end

    async def _failure(self, message: Message) -> NotNow | Away | Poison | None:
        remaining_s = self._lease.remaining_s()
        if remaining_s <= 0:  # a timeout that is over would cut it only where it first waits, with the message sent
            return Away("the lease was over before it was begun")
        try:
            async with asyncio.timeout(remaining_s):
                await self._publisher.publish(message)
        except (NotNow, Away, Poison) as failure:
            return None if is_planted(Bug.PUBLISH_UNCONFIRMED) else failure
        except TimeoutError:
            return Away("no confirmation while the lease was ours")
        except Exception as error:  # noqa: BLE001 - it must not keep the other messages of the batch
            return NotNow(repr(error))
        return None

    def _span(self, message: Message) -> AbstractContextManager[Span]:
        """Return a span in the trace that the message was written in."""
        return self._tracer.start_as_current_span(
            f"publish {message.topic}",
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.message.id": message.id,
                "messaging.destination.name": message.topic,
                "shop.message.key": message.key,
                "shop.message.attempt": message.tries + 1,
            },
        )

    async def _write_down(self, ends: list[_End]) -> None:
        for end in ends:
            if isinstance(end.failure, Poison):
                _log.error("message parked", id=end.message.id, topic=end.message.topic, cause=str(end.failure))
        if away := [end for end in ends if isinstance(end.failure, Away)]:
            _log.warning("nobody takes messages", waiting=len(away), cause=str(away[0].failure))

        def write(connection: Connection) -> None:
            self._outbox.arrived(connection, [end.message for end in ends if end.failure is None])
            for end in ends:
                match end.failure:
                    case Poison() as poison:
                        self._outbox.park(connection, end.message, str(poison))
                    case NotNow() as not_now:
                        after_s = self._backoff.wait_s(end.message.tries + 1, self._rng)
                        self._outbox.postpone(connection, end.message, max(after_s, not_now.after_s))

        if any(not isinstance(end.failure, Away) for end in ends):
            await self._db.write(write)


def _setbacks(before: int, ends: list[_End]) -> int:
    """Return how many times in a row nothing arrived. Where something did and somebody was away, that is once."""
    if any(end.failure is None for end in ends):
        return int(any(isinstance(end.failure, Away) for end in ends))
    return before + 1 if ends else 0


async def _woken(wake: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await wake.wait()
    except TimeoutError:
        return False
    return True
