"""Planted bugs break what they say, in the running system."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable

import pytest

from tests.integration.shop.between import Between
from tests.integration.shop.stack import Shop, wait_until

CHECKOUT = ("provider", "payments", "inventory", "orders")
ATTEMPTS = 'workbench_edge_attempts_total{{edge="{edge}",outcome="{outcome}"}}'


def test_idempotency_ignored_takes_the_money_twice(
    make_shop: Callable[..., Shop], put_between: Callable[[Shop, str], Between]
) -> None:
    """A late answer, a retry: two captures under one key."""
    shop = make_shop(bugs="idempotency-ignored")
    between = put_between(shop, "ORDERS_PAYMENTS_URL")
    shop.start(*CHECKOUT)
    between.delay_s = 0.8
    key = str(uuid.uuid4())
    shop.order(key, service="orders")
    wait_until("a second capture", lambda: _captured(shop).count(key) >= 2)


def _captured(shop: Shop) -> list[str]:
    return [row["key"] for row in shop.audit("payments")["effects"]]


def test_timeout_missing_waits_longer_than_the_policy_says(
    make_shop: Callable[..., Shop], put_between: Callable[[Shop, str], Between]
) -> None:
    """The policy still says 500 ms; an answer that is 800 ms late is waited for."""
    shop = make_shop(bugs="timeout-missing")
    between = put_between(shop, "ORDERS_PAYMENTS_URL")
    shop.start(*CHECKOUT)
    between.delay_s = 0.8

    def took_s() -> float | None:
        started_s = time.monotonic()
        confirmed = shop.order(str(uuid.uuid4()), service="orders").status == 201
        return time.monotonic() - started_s if confirmed else None

    assert wait_until("an order to be confirmed at once", took_s) >= 0.8
    policies = shop.ask("GET", "/policies", service="orders").body
    assert policies["edges"]["orders:payments"]["timeout"] == "500ms"
    assert shop.metric("orders", ATTEMPTS.format(edge="orders:payments", outcome="timeout")) == 0


def test_retries_unbounded_makes_more_attempts_than_the_policy_says(
    make_shop: Callable[..., Shop], put_between: Callable[[Shop, str], Between]
) -> None:
    """The provider fails every time: one capture makes more than three attempts."""
    shop = make_shop(bugs="retries-unbounded")
    put_between(shop, "PAYMENTS_PROVIDER_URL").error_every = 1
    shop.start(*CHECKOUT)
    capture = {"order_id": "o1", "amount_cents": 100, "currency": "EUR", "card": "tok_visa"}
    headers = {"idempotency-key": "k1", "x-deadline-ms": "9000"}
    assert shop.ask("POST", "/v1/captures", capture, service="payments", headers=headers).status == 502
    assert shop.metric("payments", ATTEMPTS.format(edge="payments:provider", outcome="server_error")) > 3


def test_breaker_off_keeps_asking(make_shop: Callable[..., Shop]) -> None:
    """Payments is down: every one of fifteen checkouts tries it."""
    shop = make_shop(bugs="breaker-off")
    shop.start("inventory", "orders")
    for _ in range(15):
        shop.order(str(uuid.uuid4()), service="orders")
    refused = ATTEMPTS.format(edge="orders:payments", outcome="connect_refused")
    wait_until("two attempts for each", lambda: shop.metric("orders", refused) >= 30)


@pytest.mark.parametrize("service", ["catalog", "orders"])
def test_fallback_off_fails_instead(make_shop: Callable[..., Shop], service: str) -> None:
    """Without inventory no product is shown; without payments no order is queued."""
    shop = make_shop(bugs="fallback-off")
    shop.start(service)
    if service == "catalog":
        assert shop.ask("GET", "/v1/products/3", service="catalog").status == 503
    else:
        assert shop.order(str(uuid.uuid4()), service="orders").status == 503


def test_bugs_are_refused_outside_the_workbench(make_shop: Callable[..., Shop]) -> None:
    """The process ends with status 2 and one line that says why."""
    shop = make_shop(bugs="breaker-off")
    environment = {name: value for name, value in shop.environment("orders").items() if name != "WORKBENCH_STACK"}
    ended = subprocess.run(
        [sys.executable, "-c", "from target_services.orders.app import main; main()"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "bugs are planted only under the workbench" in ended.stderr
    assert "Traceback" not in ended.stderr
