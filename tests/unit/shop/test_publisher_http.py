from __future__ import annotations

import asyncio

import pytest

from target_services.chassis.outbox import Message
from target_services.chassis.publisher import Away, NotNow, Poison
from target_services.chassis.publisher_http import HttpPublisher
from target_services.chassis.resilience.outcomes import Outcome
from tests.unit.shop.edges import Bench, Step, answer, failed

MESSAGE = Message(1, "message-1", "order.confirmed", "k", {"n": 1}, {}, 2, 1)


def publish(*script: Step) -> Bench:
    bench = Bench(*script, name="orders:notifications", attempts=1)
    asyncio.run(HttpPublisher(bench.edge).publish(MESSAGE))
    return bench


def test_a_message_is_posted_under_its_id() -> None:
    """With the number of the try, and its id as idempotency key."""
    bench = publish(answer(202))
    ((call, headers),) = bench.wire.sent
    assert (call.method, call.path) == ("POST", "/v1/events")
    assert headers["idempotency-key"] == "message-1"
    assert call.body == {
        "id": "message-1",
        "topic": "order.confirmed",
        "key": "k",
        "created_ns": 1,
        "attempt": 3,
        "payload": {"n": 1},
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_only_a_success_means_that_it_has_arrived(status: int) -> None:
    publish(answer(status))


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_is_judged_to_be_wrong_is_poison(status: int) -> None:
    """And says how it was judged."""
    with pytest.raises(Poison, match=rf"answered {status} .*urn:shop"):
        publish(answer(status, {"type": "urn:shop:problem:invalid-request"}))


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405, 408, 409, 425])
def test_an_answer_that_tells_of_the_way_is_no_judgement(status: int) -> None:
    """A wrong address or a missing right can be mended, and then the message arrives."""
    with pytest.raises(NotNow):
        publish(answer(status))


@pytest.mark.parametrize("outcome", [Outcome.SERVER_ERROR, Outcome.RATE_LIMITED])
def test_a_refusal_for_now_says_when_to_come_again(outcome: Outcome) -> None:
    with pytest.raises(NotNow) as caught:
        publish(failed(outcome, retry_after_s=3.0))
    assert caught.value.after_s == 3.0


def test_who_is_unavailable_is_away_too() -> None:
    """As while the consumer's database is away: that is no try of the message. A defect is."""
    with pytest.raises(Away):
        publish(failed(Outcome.SERVER_ERROR, status=503, retry_after_s=1.0))
    with pytest.raises(NotNow):
        publish(failed(Outcome.SERVER_ERROR, status=500))


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.CONNECT_REFUSED, Outcome.CONNECTION_LOST])
def test_who_cannot_be_reached_is_away(outcome: Outcome) -> None:
    with pytest.raises(Away):
        publish(failed(outcome))
