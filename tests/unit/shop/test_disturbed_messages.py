from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from target_services.chassis import disturbed_messages
from target_services.chassis.consumer import Again, Done, Verdict
from target_services.chassis.disturbances import Disturbances, Impossible, Wanted
from target_services.chassis.disturbed_messages import OTHERS_FIRST, DisturbedDeliveries, DisturbedPublisher
from target_services.chassis.outbox import Message
from target_services.chassis.publisher import Away
from tests.unit.shop.publishers import ToldPublisher

MESSAGE = Message(1, "message-1", "order.confirmed", "k", {}, {}, 0, 1)


class Noted:
    def __init__(self) -> None:
        self.seen: list[bytes] = []

    async def receive(self, body: bytes, *, attempt: int | None = None) -> Verdict:  # noqa: ARG002 - as Receive
        self.seen.append(body)
        await asyncio.sleep(0)
        return Done(duplicate=self.seen.count(body) > 1)


def wanted(do: str, share: float = 1.0) -> Wanted:
    return Wanted.model_validate({"resource": "broker", "do": do, "share": share, "seed": 7, "lease_ms": 600_000})


def with_deliveries(test: Callable[[DisturbedDeliveries, Disturbances, Noted], Awaitable[None]]) -> None:
    async def run() -> None:
        noted, disturbances = Noted(), Disturbances()
        await test(DisturbedDeliveries(noted.receive, disturbances), disturbances, noted)
        await disturbances.end_all()

    asyncio.run(run())


def test_without_a_disturbance_everything_passes_once_and_in_order() -> None:
    async def test(deliveries: DisturbedDeliveries, _: Disturbances, noted: Noted) -> None:
        for number in range(5):
            assert await deliveries.receive_if_up(b"%d" % number) == Done(duplicate=False)
        assert noted.seen == [b"0", b"1", b"2", b"3", b"4"]

    with_deliveries(test)


def test_a_duplicated_delivery_is_answered_as_the_first_one() -> None:
    """Half of them, by the seed; what is counted is what was done."""

    async def test(deliveries: DisturbedDeliveries, disturbances: Disturbances, noted: Noted) -> None:
        counted = await disturbances.put("f1", wanted("duplicate", 0.5))
        for number in range(40):
            assert await deliveries.receive(b"%d" % number) == Done(duplicate=False)
        assert counted.eligible == 40
        assert 0 < counted.hit < 40
        assert len(noted.seen) == 40 + counted.hit

    with_deliveries(test)


def test_one_that_is_held_back_comes_after_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is held back; those that follow pass it, and it comes all the same."""
    monkeypatch.setattr(disturbed_messages, "HELD_S", 60.0)

    async def test(deliveries: DisturbedDeliveries, disturbances: Disturbances, noted: Noted) -> None:
        await disturbances.put("f1", wanted("reorder"))
        late = asyncio.create_task(deliveries.receive(b"late"))
        await asyncio.sleep(0)
        await disturbances.end("f1")
        for number in range(OTHERS_FIRST):
            await deliveries.receive(b"%d" % number)
        assert await late == Done(duplicate=False)
        assert noted.seen == [b"0", b"1", b"2", b"late"]

    with_deliveries(test)


def test_where_no_others_come_it_is_held_back_for_a_while_only() -> None:
    async def test(deliveries: DisturbedDeliveries, disturbances: Disturbances, noted: Noted) -> None:
        await disturbances.put("f1", wanted("reorder"))
        assert await asyncio.wait_for(deliveries.receive(b"alone"), 60) == Done(duplicate=False)
        assert noted.seen == [b"alone"]

    with_deliveries(test)


def test_while_the_broker_is_away_nothing_is_taken_in() -> None:
    async def test(deliveries: DisturbedDeliveries, disturbances: Disturbances, noted: Noted) -> None:
        await disturbances.put("f1", wanted("down"))
        assert deliveries.is_down()
        assert await deliveries.receive_if_up(b"1") == Again("the broker is away", counts=False)
        await disturbances.end("f1")
        assert await deliveries.receive_if_up(b"1") == Done(duplicate=False)
        assert noted.seen == [b"1"]

    with_deliveries(test)


def test_while_the_broker_is_away_nothing_is_published() -> None:
    """As if the connection were refused; it cannot be told to duplicate, which is the consumer's side."""

    async def run() -> None:
        told, disturbances = ToldPublisher(), Disturbances()
        publisher = DisturbedPublisher(told, disturbances)
        counted = await disturbances.put("f1", wanted("down"))
        with pytest.raises(Away):
            await publisher.publish(MESSAGE)
        with pytest.raises(Impossible):
            await disturbances.put("f2", wanted("duplicate"))
        await disturbances.end("f1")
        await publisher.publish(MESSAGE)
        assert (counted.eligible, counted.hit) == (1, 1)
        assert told.arrived == [MESSAGE]
        await publisher.close()
        assert told.closed

    asyncio.run(run())


def test_who_watches_a_broker_counts_what_cannot_be_published_and_what_cannot_be_reached() -> None:
    async def test(deliveries: DisturbedDeliveries, disturbances: Disturbances, _: Noted) -> None:
        watch = await disturbances.put("w", wanted("watch"))
        publisher = ToldPublisher()
        sender = DisturbedPublisher(publisher, disturbances)
        await sender.publish(MESSAGE)

        async def away(_: Message) -> None:
            raise Away("connection refused")

        publisher.behaviour = away
        with pytest.raises(Away):
            await sender.publish(MESSAGE)
        with pytest.raises(ConnectionRefusedError), deliveries.reaching():
            raise ConnectionRefusedError
        await deliveries.receive(b"1")
        assert (4, 2) == (watch.eligible, watch.hit)

    with_deliveries(test)
