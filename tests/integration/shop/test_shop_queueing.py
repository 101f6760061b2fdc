"""Payments away, slow, or silent: orders are taken all the same, and finished when it is back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from tests.integration.shop.between import Between
from tests.integration.shop.stack import TOKEN, Shop, wait_until

BREAKER = 'workbench_breaker_state{edge="orders:payments"}'
ADMITTED = 'workbench_decisions_total{decision="breaker.admitted",edge="orders:payments"}'
PROBES = 'workbench_breaker_transitions_total{edge="orders:payments",to="half_open"}'
ORDERS = ("provider", "inventory", "orders")


def _order(shop: Shop) -> tuple[str, str]:
    """Order directly at orders; returns key and shown state."""
    key = str(uuid.uuid4())
    return key, shop.order(key, service="orders").body["state"]


def _captures(shop: Shop) -> list[str]:
    return sorted(row["key"] for row in shop.audit("payments")["effects"])


def test_orders_are_queued_while_payments_is_down_and_finished_afterwards(make_shop: Callable[..., Shop]) -> None:
    """202 queued each time; after payments has started all are confirmed, each captured once."""
    shop = make_shop()
    shop.start(*ORDERS)
    placed = [_order(shop) for _ in range(12)]
    assert {state for _, state in placed} == {"queued"}
    assert shop.metric("orders", BREAKER) == 2
    assert shop.open_orders() == 12
    shop.start("payments")
    wait_until("all orders to be finished", lambda: shop.open_orders() == 0)
    assert {row["state"] for row in shop.audit("orders")["records"]} == {"confirmed"}
    assert _captures(shop) == sorted(key for key, _ in placed)


def test_an_open_breaker_makes_answers_quick(
    make_shop: Callable[..., Shop], put_between: Callable[[Shop, str], Between]
) -> None:
    """Payments answers 800 ms late: some checkouts wait for that, then all are queued at once; nobody pays twice."""
    shop = make_shop()
    between = put_between(shop, "ORDERS_PAYMENTS_URL")
    shop.start(*ORDERS, "payments")
    shop.order_at_once(service="orders")
    between.delay_s = 0.8
    slow = 0
    while shop.metric("orders", BREAKER) != 2:
        assert _order(shop)[1] == "queued"
        slow += 1
        assert slow <= 10, "ten failing calls should have been enough for the breaker"
    probes, admitted = (shop.metric("orders", line) for line in (PROBES, ADMITTED))
    keys = [_order(shop) for _ in range(3)]
    assert {state for _, state in keys} == {"queued"}
    admitted = shop.metric("orders", ADMITTED) - admitted
    assert admitted <= shop.metric("orders", PROBES) - probes, "an open breaker let more than probes through"
    between.delay_s = 0.0
    wait_until("the breaker to close", lambda: shop.metric("orders", BREAKER) == 0)
    wait_until("all orders to be finished", lambda: shop.open_orders() == 0)
    assert _captures(shop) == sorted(row["key"] for row in shop.audit("orders")["records"])


def test_a_lost_answer_is_found_by_key(
    make_shop: Callable[..., Shop], put_between: Callable[[Shop, str], Between]
) -> None:
    """Payments acts and its answers are swallowed: the order is queued, then confirmed with its one capture."""
    shop = make_shop()
    between = put_between(shop, "ORDERS_PAYMENTS_URL")
    shop.start(*ORDERS, "payments")
    between.swallow = True
    key, state = _order(shop)
    assert state == "queued"
    wait_until("the money to be taken", lambda: _captures(shop) == [key])
    between.swallow = False
    wait_until("the order to be finished", lambda: shop.open_orders() == 0)
    assert _captures(shop) == [key]


def test_a_key_that_was_answered_as_queued_keeps_that_answer(make_shop: Callable[..., Shop]) -> None:
    """The order moves on; what was said to this request does not change."""
    shop = make_shop()
    shop.start(*ORDERS)
    key = str(uuid.uuid4())
    first = shop.order(key, service="orders")
    shop.start("payments")
    wait_until("the order to be finished", lambda: shop.open_orders() == 0)
    again = shop.order(key, service="orders")
    assert (again.status, again.body) == (first.status, first.body) == (202, first.body)


def test_retries_absorb_errors_of_the_provider(
    make_shop: Callable[..., Shop], put_between: Callable[[Shop, str], Between]
) -> None:
    """Every third answer is a 503: all checkouts are confirmed, and the breaker never opens."""
    shop = make_shop()
    between = put_between(shop, "PAYMENTS_PROVIDER_URL")
    between.error_every = 3
    shop.start(*ORDERS, "payments")
    assert {_order(shop)[1] for _ in range(12)} <= {"confirmed", "queued"}  # a machine without room queues some
    wait_until("all orders to be finished", lambda: shop.open_orders() == 0)
    assert {row["state"] for row in shop.audit("orders")["records"]} == {"confirmed"}
    attempts, calls = (
        shop.metric("payments", f'workbench_edge_{what}_total{{edge="payments:provider",outcome="server_error"}}')
        for what in ("attempts", "calls")
    )
    assert attempts >= 5
    assert calls < attempts, "nothing was absorbed"
    assert shop.metric("payments", 'workbench_breaker_transitions_total{edge="payments:provider",to="open"}') == 0


def test_a_worker_that_finishes_an_order_stays_in_its_trace(make_shop: Callable[..., Shop]) -> None:
    """The log line of the end has the trace and the run of the beginning."""
    shop = make_shop()
    shop.start(*ORDERS)
    trace_id = uuid.uuid4().hex
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "baggage": "workbench.run.id=run-9"}
    shop.order(str(uuid.uuid4()), service="orders", headers=headers)
    shop.start("payments")
    lines = wait_until(
        "the order to be finished",
        lambda: [line for line in shop.log("orders").splitlines() if '"order finished"' in line],
    )
    assert f'"trace_id": "{trace_id}"' in lines[0]
    assert '"run_id": "run-9"' in lines[0]


def test_the_audit_can_begin_at_a_moment(make_shop: Callable[..., Shop]) -> None:
    """Orders from before it are left out."""
    shop = make_shop()
    shop.start("inventory", "orders")
    _order(shop)
    since_ns = time.time_ns()
    key, _ = _order(shop)
    headers = {"authorization": f"Bearer {TOKEN}"}
    audit = shop.ask("GET", f"/audit?since_ns={since_ns}", service="orders", headers=headers).body
    assert [row["key"] for row in audit["records"]] == [key]
