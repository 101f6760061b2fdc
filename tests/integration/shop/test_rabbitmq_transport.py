"""Publisher and consumer on a real RabbitMQ: confirmed is there, failed waits, in hand is bounded."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable

import pytest

from target_services.chassis import rabbitmq as chassis_rabbitmq
from target_services.chassis.consumer import Again, Done, Verdict
from target_services.chassis.consumer_rabbitmq import PREFETCH, RabbitConsumer
from target_services.chassis.draining import Draining
from target_services.chassis.outbox import Message
from target_services.chassis.publisher import Away
from target_services.chassis.publisher_rabbitmq import RabbitPublisher
from tests.integration.server_rabbitmq import RabbitmqServer

TOPIC = "order.confirmed"

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)  # none of these opens one


class Deliveries:
    """Notes what is delivered, and answers as told."""

    def __init__(self, answer: Callable[[str, int], Awaitable[Verdict]]) -> None:
        self._answer = answer
        self.seen: list[tuple[str, int]] = []
        self.at_s: list[float] = []

    async def receive(self, body: bytes, *, attempt: int | None = None) -> Verdict:
        assert attempt is not None
        message_id = json.loads(body)["id"]
        self.seen.append((message_id, attempt))
        self.at_s.append(time.monotonic())
        return await self._answer(message_id, attempt)


async def done(_: str, __: int) -> Verdict:
    return Done(duplicate=False)


def message(number: int) -> Message:
    return Message(number, f"message-{number}", TOPIC, f"k{number}", {"n": number}, {}, 0, 1)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


def with_consumer(
    url: str, deliveries: Deliveries, test: Callable[[RabbitPublisher, RabbitConsumer], Awaitable[None]]
) -> None:
    async def run() -> None:
        publisher, draining = RabbitPublisher(url), Draining()
        consumer = RabbitConsumer(url, "notifications", (TOPIC,), deliveries.receive)
        running = asyncio.create_task(consumer.run(draining))
        try:
            await eventually_published(publisher, message(0))
            await until(lambda: bool(deliveries.seen))
            await test(publisher, consumer)
        finally:
            draining.begin()
            await asyncio.wait_for(running, 30)
            await publisher.close()

    asyncio.run(run())


async def eventually_published(publisher: RabbitPublisher, first: Message) -> None:
    """As the relay does: until the queue is there nothing arrives."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await publisher.publish(first)
            except Away:
                await asyncio.sleep(0.05)


def test_what_nobody_has_a_queue_for_has_not_arrived(rabbitmq: RabbitmqServer) -> None:
    """It stays with its publisher; once a consumer has made its queue, it arrives, also while that is away."""
    url = rabbitmq.new_host()

    async def test() -> None:
        publisher = RabbitPublisher(url)
        with pytest.raises(Away, match=r"no queue takes order\.confirmed"):
            await publisher.publish(message(1))
        link = await chassis_rabbitmq.connect(url)
        queue = await chassis_rabbitmq.declare_queue(link.channel, "notifications", (TOPIC,))
        await publisher.publish(message(1))
        found = await queue.get()
        assert found is not None
        assert (found.message_id, found.delivery_mode, found.type) == ("message-1", 2, TOPIC)
        assert json.loads(found.body)["payload"] == {"n": 1}
        await link.close()
        await publisher.close()

    asyncio.run(test())


def test_who_is_not_there_is_away(rabbitmq: RabbitmqServer) -> None:
    """A port that nobody listens on, and a virtual host that does not exist."""

    async def test() -> None:
        for url in ("amqp://shop:shop@127.0.0.1:1/t1", rabbitmq.url("no-such-host")):
            with pytest.raises(Away):
                await RabbitPublisher(url).publish(message(1))

    asyncio.run(test())


def test_what_fails_comes_again_later_each_time_and_is_counted(rabbitmq: RabbitmqServer) -> None:
    """Three tries, each after at least its delay; meanwhile it is on its way, and afterwards nothing is."""

    async def third_time(message_id: str, attempt: int) -> Verdict:
        return Again("not yet") if message_id == "message-1" and attempt < 3 else Done(duplicate=False)

    deliveries = Deliveries(third_time)

    async def test(publisher: RabbitPublisher, consumer: RabbitConsumer) -> None:
        await publisher.publish(message(1))
        await until(lambda: len(deliveries.seen) == 2)
        assert await consumer.on_their_way() >= 1
        await until(lambda: len(deliveries.seen) == 4)
        assert deliveries.seen == [("message-0", 1), ("message-1", 1), ("message-1", 2), ("message-1", 3)]
        waits_s = [deliveries.at_s[2] - deliveries.at_s[1], deliveries.at_s[3] - deliveries.at_s[2]]
        assert waits_s[0] >= 0.25
        assert waits_s[1] >= 1.0
        async with asyncio.timeout(30):
            while True:
                if await consumer.on_their_way() == 0:
                    break
                await asyncio.sleep(0.02)

    with_consumer(rabbitmq.new_host(), deliveries, test)


def test_what_was_no_try_counts_as_none_and_waits_longer_each_time_all_the_same(rabbitmq: RabbitmqServer) -> None:
    """Twice the consumer's database is away, then a try fails: the next one is the second."""
    away = Again("away", counts=False)
    verdicts: list[Verdict] = [away, away, Again("a defect"), Done(duplicate=False)]

    async def in_turn(message_id: str, _: int) -> Verdict:
        return verdicts.pop(0) if message_id == "message-1" else Done(duplicate=False)

    deliveries = Deliveries(in_turn)

    async def test(publisher: RabbitPublisher, _: RabbitConsumer) -> None:
        await publisher.publish(message(1))
        await until(lambda: len(deliveries.seen) == 5)
        assert [attempt for _, attempt in deliveries.seen[1:]] == [1, 1, 1, 2]
        waits_s = [later - earlier for earlier, later in itertools.pairwise(deliveries.at_s[1:])]
        assert all(wait_s >= ms / 1000 for wait_s, ms in zip(waits_s, chassis_rabbitmq.AGAIN_AFTER_MS, strict=True))

    with_consumer(rabbitmq.new_host(), deliveries, test)


def test_what_could_not_be_acknowledged_comes_again(rabbitmq: RabbitmqServer) -> None:
    """First a defect on the way to the consumer; then the queue is gone in which it was to wait."""
    url = rabbitmq.new_host()

    async def in_turn(message_id: str, _: int) -> Verdict:
        times = sum(seen == message_id for seen, _ in deliveries.seen)
        if message_id == "message-0" or times > 2:
            return Done(duplicate=False)
        if times == 1:
            raise ZeroDivisionError
        link = await chassis_rabbitmq.connect(url)
        await link.channel.queue_delete(chassis_rabbitmq.waiting_queue("notifications", chassis_rabbitmq.wait_ms(1)))
        await link.close()
        return Again("a defect")

    deliveries = Deliveries(in_turn)

    async def test(publisher: RabbitPublisher, consumer: RabbitConsumer) -> None:
        await publisher.publish(message(1))
        await until(lambda: len(deliveries.seen) == 4)
        assert deliveries.seen[1:] == [("message-1", 1)] * 3
        async with asyncio.timeout(60):
            while await consumer.on_their_way():  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.01)

    with_consumer(url, deliveries, test)


def test_no_more_is_in_hand_than_was_asked_for(rabbitmq: RabbitmqServer) -> None:
    """Of three times as many messages, none comes before one of those in hand is done; none comes twice."""
    gate = asyncio.Event()
    in_hand = most = 0

    async def slow(message_id: str, _: int) -> Verdict:
        nonlocal in_hand, most
        in_hand += 1
        most = max(most, in_hand)
        if message_id != "message-0":
            await gate.wait()
        in_hand -= 1
        return Done(duplicate=False)

    deliveries = Deliveries(slow)

    async def test(publisher: RabbitPublisher, consumer: RabbitConsumer) -> None:
        await asyncio.gather(*(publisher.publish(message(number)) for number in range(1, 3 * PREFETCH + 1)))
        await until(lambda: in_hand == PREFETCH)
        await asyncio.sleep(0.2)
        assert await consumer.on_their_way() == 3 * PREFETCH
        gate.set()
        await until(lambda: len(deliveries.seen) == 3 * PREFETCH + 1)
        assert most == PREFETCH

    with_consumer(rabbitmq.new_host(), deliveries, test)
    assert len(set(deliveries.seen)) == len(deliveries.seen)


def test_what_was_in_hand_when_the_consumer_left_comes_again(rabbitmq: RabbitmqServer) -> None:
    """Never acknowledged, so the next consumer gets it, under the same id."""
    url = rabbitmq.new_host()

    async def never(message_id: str, _: int) -> Verdict:
        if message_id != "message-0":
            await asyncio.Event().wait()
        return Done(duplicate=False)

    stuck, after = Deliveries(never), Deliveries(done)

    async def leave(publisher: RabbitPublisher, _: RabbitConsumer) -> None:
        await publisher.publish(message(1))
        await until(lambda: ("message-1", 1) in stuck.seen)

    async def come_back(_: RabbitPublisher, __: RabbitConsumer) -> None:
        await until(lambda: ("message-1", 1) in after.seen)

    with_consumer(url, stuck, leave)
    with_consumer(url, after, come_back)


def test_a_consumer_whose_queue_is_deleted_makes_it_anew(rabbitmq: RabbitmqServer) -> None:
    """Somebody deletes the queue under it: it notices, declares it again, and goes on."""
    url = rabbitmq.new_host()
    deliveries = Deliveries(done)

    async def test(publisher: RabbitPublisher, _: RabbitConsumer) -> None:
        link = await chassis_rabbitmq.connect(url)
        await link.channel.queue_delete("notifications")
        await link.close()
        await eventually_published(publisher, message(1))
        await until(lambda: ("message-1", 1) in deliveries.seen)

    with_consumer(url, deliveries, test)
