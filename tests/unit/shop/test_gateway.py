from __future__ import annotations

import asyncio
import json

import pytest

from target_services.chassis.problems import Problem
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from target_services.chassis.resilience.wire import Answer
from target_services.gateway.domain import Gateway
from target_services.gateway.stale_catalog import StaleCatalog
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.edges import Bench, Step, answer, failed


def _gateway(*catalog: Step) -> Gateway:
    bench = Bench(*catalog, name="gateway:catalog", attempts=1)
    others = Bench(answer(), name="gateway:orders")
    return Gateway(users=others.edge, catalog=bench.edge, orders=others.edge, inventory=others.edge)


def test_the_last_good_page_is_served_when_catalog_is_away() -> None:
    """Marked as degraded, with its age; and again, without being taken for fresh."""
    gateway = _gateway(answer(body={"items": [1], "degraded": False}), failed(Outcome.CONNECT_REFUSED))

    async def visit() -> list[dict[str, object]]:
        return [json.loads((await gateway.browse("/v1/products")).body) for _ in range(3)]

    fresh, stale, stale_again = asyncio.run(visit())
    assert fresh == {"items": [1], "degraded": False}
    assert (stale["items"], stale["degraded"]) == ([1], True)
    assert stale_again["degraded"] is True


def test_what_was_never_seen_cannot_be_served() -> None:
    """Another address fails as a problem document."""
    gateway = _gateway(failed(Outcome.CONNECT_REFUSED))
    with pytest.raises(Problem) as caught:
        asyncio.run(gateway.browse("/v1/products/7"))
    assert caught.value.status == 503


def test_errors_of_catalog_are_passed_on_and_not_kept() -> None:
    """A 404 is an answer, but nothing to serve when catalog is away."""
    gateway = _gateway(answer(404, {"type": "x"}), failed(Outcome.CONNECT_REFUSED))
    assert asyncio.run(gateway.browse("/v1/products/9")).status == 404
    with pytest.raises(Problem):
        asyncio.run(gateway.browse("/v1/products/9"))


def test_an_order_whose_fate_is_unknown_is_not_called_refused() -> None:
    """A lost answer fails the call as possibly acted upon, after one attempt."""
    orders = Bench(failed(Outcome.CONNECTION_LOST), name="gateway:orders", retry_on=frozenset())
    others = Bench(answer(), name="gateway:catalog")
    gateway = Gateway(users=others.edge, catalog=others.edge, orders=orders.edge, inventory=others.edge)
    with pytest.raises(CallFailed) as caught:
        asyncio.run(gateway.place_order({}, "k", "c1"))
    assert caught.value.may_have_acted
    assert orders.wire.sent[0][1]["x-customer-id"] == "c1"


def test_the_memory_of_pages_is_bounded_and_knows_their_age() -> None:
    """The oldest is forgotten first."""
    clock = FakeClock()
    kept = StaleCatalog(most=2, clock=clock)
    for path in ("/a", "/b", "/c"):
        kept.keep(path, b'{"items":[]}')
    clock.forward(3)
    assert kept.find("/a") is None
    assert json.loads(kept.find("/c") or b"") == {"items": [], "degraded": True, "age_s": 3.0}


@pytest.mark.parametrize(("said", "age_s"), [(500.0, 503.0), (0.5, 3.5), (0, 3.0), (None, 3.0)])
def test_what_was_old_when_it_came_is_as_old_as_it_says_and_older(said: float | None, age_s: float) -> None:
    """Catalog may have shown what it had kept itself."""
    clock = FakeClock()
    kept = StaleCatalog(clock=clock)
    kept.keep("/a", json.dumps({"items": [], "degraded": True, "age_s": said}).encode())
    clock.forward(3)
    assert json.loads(kept.find("/a") or b"")["age_s"] == age_s


def test_a_body_that_is_not_an_object_is_no_answer() -> None:
    """A page that cannot be read is a failure of catalog, not passed on to users."""
    gateway = _gateway(Answer(200, {}, b"[]"))
    with pytest.raises(Problem):
        asyncio.run(gateway.browse("/v1/products"))
