"""Amounts, quantities and currencies that make no sense are problems, and nothing happens."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.shop.stack import Reply, Shop, wait_until

PATHS = {"orders": "/v1/orders", "payments": "/v1/captures", "provider": "/v1/charges"}
GOOD: dict[str, dict[str, Any]] = {
    "orders": {"product_id": 1, "quantity": 1, "unit_price_cents": 1, "currency": "EUR", "card": "tok_visa"},
    "payments": {"order_id": "o1", "amount_cents": 500, "currency": "EUR", "card": "tok_visa"},
    "provider": {"amount_cents": 500, "currency": "EUR", "card": "tok_visa"},
}
NO_AMOUNT = [-1, 0, 1_000_000_001, 2**63, 10**30, 5.5, 0.1, "5", True, None, [5]]
NO_CURRENCY = ["USD", "eur", "", "EURO", "XXX", None, 978]


@pytest.fixture(scope="module")
def money(tmp_path_factory: pytest.TempPathFactory, database_kind: str) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("money"))
    try:
        shop.start(*PATHS)
        yield shop
    finally:
        shop.close()


def _refused(shop: Shop, service: str, **spoiled: Any) -> None:
    headers = {"idempotency-key": str(uuid.uuid4()), "x-customer-id": "c1"}
    reply = shop.ask("POST", PATHS[service], GOOD[service] | spoiled, service=service, headers=headers)
    assert (reply.status, reply.body["type"]) == (422, "urn:shop:problem:invalid-request"), spoiled
    (problem,) = reply.body["problems"]
    assert problem["at"] == f"body/{next(iter(spoiled))}"


@pytest.mark.parametrize("service", PATHS)
def test_amounts_are_whole_positive_and_bounded(money: Shop, service: str) -> None:
    """Negative, zero, huge, floating, text: 422 at the field, and no effect."""
    field = "unit_price_cents" if service == "orders" else "amount_cents"
    for amount in NO_AMOUNT:
        _refused(money, service, **{field: amount})
    assert money.audit(service)["effects"] == []


@pytest.mark.parametrize("service", PATHS)
def test_an_unknown_currency_is_refused(money: Shop, service: str) -> None:
    for currency in NO_CURRENCY:
        _refused(money, service, currency=currency)
    assert money.audit(service)["effects"] == []


def test_quantities_are_whole_positive_and_bounded(money: Shop) -> None:
    for quantity in (-1, 0, 11, 2**63, 1.5, "1", True):
        _refused(money, "orders", quantity=quantity)


@pytest.mark.parametrize("service", ["payments", "provider"])
def test_a_key_belongs_to_its_body(money: Shop, service: str) -> None:
    """The same key for another amount, or another card: 409, and the first one stays as it is."""
    headers = {"idempotency-key": f"reused-{service}"}

    def taken() -> Reply | None:
        reply = money.ask("POST", PATHS[service], GOOD[service], service=service, headers=headers)
        return reply if reply.status == 201 else None

    first = wait_until("the money to be taken", taken)
    for change in ({"amount_cents": 501}, {"card": "tok_other"}):
        reply = money.ask("POST", PATHS[service], GOOD[service] | change, service=service, headers=headers)
        assert (reply.status, reply.body["type"]) == (409, "urn:shop:problem:idempotency-key-reused")
    again = money.ask("POST", PATHS[service], GOOD[service], service=service, headers=headers)
    assert (again.status, again.body) == (first.status, first.body) == (201, first.body)
