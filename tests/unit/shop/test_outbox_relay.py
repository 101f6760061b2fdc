from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from sqlalchemy import MetaData, select

from target_services.chassis import bugs, correlation
from target_services.chassis.bugs import Bug
from target_services.chassis.database import Database
from target_services.chassis.draining import Draining
from target_services.chassis.lease import LENGTH_S, Lease, lease_table
from target_services.chassis.outbox import LONGEST_WAIT_S, Message, Outbox, outbox_table
from target_services.chassis.outbox_relay import BATCH, Relay, RelayMetrics
from target_services.chassis.publisher import Away, NotNow, Poison
from target_services.chassis.resilience.retry import Backoff
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.databases import with_database
from tests.unit.shop.publishers import ToldPublisher

SCHEMA = MetaData()
OUTBOX, LEASES = outbox_table(SCHEMA), lease_table(SCHEMA)


class Bench:
    """An outbox on a clock that moves when told, and any number of relays on it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.wall = FakeClock()
        self.monotonic = FakeClock()
        self.outbox = Outbox(OUTBOX, clock_ns=lambda: int(self.wall.now_s * 1e9))
        self.registry = CollectorRegistry()
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")

    def relay(
        self, publisher: ToldPublisher, *, registry: CollectorRegistry | None = None, kind: type[Relay] = Relay
    ) -> Relay:
        return kind(
            self.database,
            self.outbox,
            Lease(self.database, LEASES, "outbox", clock=self.monotonic),
            publisher,
            tracer=self.tracer,
            metrics=RelayMetrics(registry or self.registry),
            backoff=Backoff(first_s=0.5, most_s=2.0),
            rng=random.Random(1),
        )

    async def add(self, key: str, **payload: object) -> str:
        return await self.database.write(lambda c: self.outbox.add(c, "order.confirmed", key, payload))

    async def left(self) -> list[str]:
        query = select(OUTBOX.c.id).order_by(OUTBOX.c.position)
        return list(await self.database.read(lambda c: c.execute(query).scalars().all()))

    def forward(self, seconds: float) -> None:
        self.wall.forward(seconds)
        self.monotonic.forward(seconds)

    def metric(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"workbench_outbox_{name}", labels)
        assert value is not None
        return value


class _Crashing(Relay):
    """Dies when messages have arrived and are not forgotten yet."""

    async def _write_down(self, _: object) -> None:
        raise SystemExit


def _with_bench(folder: Path, test: Callable[[Bench], Awaitable[None]]) -> None:
    with_database(folder, SCHEMA, lambda database: test(Bench(database)))


def test_a_message_is_as_lasting_as_its_transaction(tmp_path: Path) -> None:
    """What is rolled back was never said."""

    async def test(bench: Bench) -> None:
        def undone(connection: object) -> None:
            bench.outbox.add(connection, "order.confirmed", "k", {})  # type: ignore[arg-type]  # it is a connection
            raise RuntimeError

        with pytest.raises(RuntimeError):
            await bench.database.write(undone)
        kept = await bench.add("k")
        assert await bench.left() == [kept]

    _with_bench(tmp_path, test)


def test_messages_arrive_whole_and_are_forgotten(tmp_path: Path) -> None:
    """Once each, with what they carry; then nothing is left and the metrics say so."""

    async def test(bench: Bench) -> None:
        publisher = ToldPublisher()
        relay = bench.relay(publisher)
        ids = [await bench.add(f"k{number}", number=number) for number in range(BATCH + 3)]
        assert [await relay.look() for _ in range(3)] == [BATCH, 3, 0]
        assert sorted(message.id for message in publisher.arrived) == sorted(ids)
        assert {message.payload["number"] for message in publisher.arrived} == set(range(BATCH + 3))
        assert await bench.left() == []
        assert bench.metric("tries_total", end="arrived") == BATCH + 3

    _with_bench(tmp_path, test)


def test_a_key_keeps_its_order_and_holds_up_no_other(tmp_path: Path) -> None:
    """The first of key a is refused twice: the second waits behind it, and all of key b pass."""

    async def test(bench: Bench) -> None:
        async def refuse_early_a(message: Message) -> None:
            if message.key == "a" and message.payload["n"] == 1 and message.tries < 2:
                raise NotNow("not yet")

        publisher = ToldPublisher(refuse_early_a)
        relay = bench.relay(publisher)
        for n in (1, 2):
            await bench.add("a", n=n)
            await bench.add("b", n=n)
        for _ in range(8):
            await relay.look()
            bench.forward(1.0)
        arrived = [(message.key, message.payload["n"]) for message in publisher.arrived]
        assert arrived == [("b", 1), ("b", 2), ("a", 1), ("a", 2)]
        assert [message.tries for message in publisher.arrived] == [0, 0, 2, 0]

    _with_bench(tmp_path, test)


def test_waits_grow_and_are_bounded(tmp_path: Path) -> None:
    """A message that is refused for ever is tried at growing distances, also where its consumer asks for an hour."""

    async def test(bench: Bench) -> None:
        async def refuse(_: Message) -> None:
            raise NotNow("no", after_s=3600.0 if len(publisher.asked) > 5 else 0.0)

        publisher = ToldPublisher(refuse)
        relay = bench.relay(publisher)
        await bench.add("a")
        tried_at_s: list[float] = []
        while len(tried_at_s) < 8:
            if await relay.look():
                tried_at_s.append(bench.wall.now_s)
            bench.forward(0.05)
        waits_s = [later - earlier for earlier, later in itertools.pairwise(tried_at_s)]
        assert waits_s[0] < waits_s[2] < waits_s[-1]
        assert max(waits_s) <= LONGEST_WAIT_S + 0.1

    _with_bench(tmp_path, test)


def test_a_clock_that_is_set_back_stalls_nothing(tmp_path: Path) -> None:
    """An hour back while a message waits, and with a lease of a relay that is gone: it arrives all the same."""

    async def test(bench: Bench) -> None:
        async def refuse_once(message: Message) -> None:
            if message.tries == 0:
                raise NotNow("not yet")

        await bench.add("a")
        assert await bench.relay(ToldPublisher(refuse_once)).look() == 1
        bench.wall.forward(-3600.0)
        publisher = ToldPublisher(refuse_once)
        relay = bench.relay(publisher, registry=CollectorRegistry())
        assert await relay.look() == 0  # the lease of the first one
        bench.monotonic.forward(LENGTH_S + 0.01)
        assert await relay.look() == 1
        assert len(publisher.arrived) == 1
        assert await bench.left() == []

    _with_bench(tmp_path, test)


def test_poison_is_parked_and_the_others_pass(tmp_path: Path) -> None:
    """It stays with its cause, counts as undelivered, and is never tried again."""

    async def test(bench: Bench) -> None:
        async def refuse_bad(message: Message) -> None:
            if message.payload.get("bad"):
                raise Poison("answered 422")

        publisher = ToldPublisher(refuse_bad)
        relay = bench.relay(publisher)
        bad = await bench.add("a", bad=True)
        await bench.add("a")
        for _ in range(4):
            await relay.look()
            bench.forward(10)
        assert [message.payload for message in publisher.arrived] == [{}]
        assert len(publisher.asked) == 2
        assert await bench.left() == [bad]
        backlog = await bench.database.read(bench.outbox.backlog)
        assert (backlog.undelivered, backlog.parked) == (1, 1)
        assert bench.outbox.lag_s(backlog) == pytest.approx(40)

    _with_bench(tmp_path, test)


@pytest.mark.usefixtures("planted")
def test_what_is_taken_for_arrived_without_being_told_is_lost(tmp_path: Path) -> None:
    """The planted bug: nobody was there, and the message is forgotten."""
    bugs.plant([Bug.PUBLISH_UNCONFIRMED])

    async def test(bench: Bench) -> None:
        async def nobody(_: Message) -> None:
            raise Away("connection refused")

        publisher = ToldPublisher(nobody)
        await bench.add("a")
        await bench.relay(publisher).look()
        assert (publisher.arrived, await bench.left()) == ([], [])

    _with_bench(tmp_path, test)


def test_who_is_away_costs_a_message_no_try(tmp_path: Path) -> None:
    """It is due at once when somebody is there again."""

    async def test(bench: Bench) -> None:
        async def nobody(_: Message) -> None:
            raise Away("refused")

        publisher = ToldPublisher(nobody)
        relay = bench.relay(publisher)
        await bench.add("a")
        assert [await relay.look() for _ in range(3)] == [1, 1, 1]
        assert [message.tries for message in publisher.asked] == [0, 0, 0]

    _with_bench(tmp_path, test)


def test_a_crash_between_arrival_and_forgetting_sends_it_again_under_the_same_id(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        publisher = ToldPublisher()
        crashing = bench.relay(publisher, kind=_Crashing)
        sent = await bench.add("a")
        with pytest.raises(SystemExit):
            await crashing.look()
        bench.monotonic.forward(LENGTH_S / 2)
        after = bench.relay(publisher, registry=CollectorRegistry())
        assert await after.look() == 0
        bench.monotonic.forward(LENGTH_S + 0.01)
        assert await after.look() == 1
        assert [message.id for message in publisher.arrived] == [sent, sent]
        assert await bench.left() == []

    _with_bench(tmp_path, test)


def test_two_relays_never_publish_at_the_same_time(tmp_path: Path) -> None:
    """Sixty messages, two relays that look all the time, one frozen for longer than its lease: no overlap."""

    async def test(bench: Bench) -> None:
        busy: set[str] = set()
        overlaps = 0

        def publisher(name: str) -> ToldPublisher:
            async def note(_: Message) -> None:
                nonlocal overlaps
                overlaps += bool(busy - {name})
                busy.add(name)
                await asyncio.sleep(0.0005)
                busy.discard(name)

            return ToldPublisher(note, at_once=1)

        publishers = [publisher("one"), publisher("two")]
        relays = [bench.relay(p, registry=CollectorRegistry()) for p in publishers]
        for number in range(60):
            await bench.add(f"k{number % 7}", n=number)
        while await bench.left():
            await asyncio.gather(*(relay.look() for relay in relays))
            bench.monotonic.forward(0.3)
            fewer, more = sorted((len(p.arrived), number) for number, p in enumerate(publishers))
            if more[0] > 20 and not fewer[0]:
                await relays[fewer[1]].look()
                bench.monotonic.forward(LENGTH_S + 0.1)  # the one that has the lease does nothing meanwhile
                await relays[fewer[1]].look()
        assert overlaps == 0
        assert publishers[0].arrived
        assert publishers[1].arrived
        assert sorted(m.payload["n"] for p in publishers for m in p.arrived) == list(range(60))  # type: ignore[type-var]

    _with_bench(tmp_path, test)


def test_nothing_is_begun_when_the_lease_is_over(tmp_path: Path) -> None:
    """Each takes most of a lease: two are begun, and the third, which is due all the same, costs it no try."""

    async def test(bench: Bench) -> None:
        async def slow(_: Message) -> None:
            bench.monotonic.forward(0.6 * LENGTH_S)

        publisher = ToldPublisher(slow, at_once=1)
        relay = bench.relay(publisher)
        ids = [await bench.add(f"k{number}") for number in range(3)]
        assert await relay.look() == 3
        assert [message.id for message in publisher.asked] == ids[:2]
        assert await bench.left() == ids[2:]
        assert bench.metric("tries_total", end="away") == 1
        assert await relay.look() == 1
        assert [(message.id, message.tries) for message in publisher.asked[2:]] == [(ids[2], 0)]

    _with_bench(tmp_path, test)


def test_what_a_message_tells_of_and_its_way_are_one_trace(tmp_path: Path) -> None:
    """Trace, baggage and correlation id of where it was written are there when it is published."""

    async def test(bench: Bench) -> None:
        seen: list[str | None] = []

        async def look(_: Message) -> None:
            seen.append(correlation.current.get())

        relay = bench.relay(ToldPublisher(look))
        with bench.tracer.start_as_current_span("confirm") as origin:
            token = correlation.current.set("c-17")
            await bench.add("a")
            correlation.current.reset(token)
        assert not trace.get_current_span(otel_context.get_current()).is_recording()
        await relay.look()
        (published,) = [span for span in bench.exporter.get_finished_spans() if span.name.startswith("publish")]
        assert published.parent is not None
        assert published.parent.span_id == origin.get_span_context().span_id
        assert seen == ["c-17"]

    _with_bench(tmp_path, test)


def test_it_wakes_at_once_and_leaves_with_draining(tmp_path: Path) -> None:
    """A message that is added while it sleeps arrives; then it ends, closes its publisher and frees the lease."""

    async def test(bench: Bench) -> None:
        came = asyncio.Event()

        async def note(_: Message) -> None:
            came.set()

        publisher, draining = ToldPublisher(note), Draining()
        running = asyncio.create_task(bench.relay(publisher).run(draining))
        await asyncio.sleep(0.05)
        await bench.add("a")
        await asyncio.wait_for(came.wait(), 10)
        draining.begin()
        await asyncio.wait_for(running, 10)
        assert publisher.closed
        assert await Lease(bench.database, LEASES, "outbox", length_s=60.0).keep()

    _with_bench(tmp_path, test)
