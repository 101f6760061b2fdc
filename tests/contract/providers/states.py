"""How real providers get into the states that pacts name: by what any client can ask of them.

A state can be asked for again and again, and is the same each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.integration.shop.stack import Reply, Shop

STOCK_OF_EACH = 100
"""So little that one reservation empties a shelf."""


def set_state(shop: Shop, state: str, parameters: dict[str, Any]) -> dict[str, object]:
    """Bring the shop into a state; returns what was made up on the way."""
    return {} if state == "" else STATES[state](shop, parameters)


def _sold_out(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    goods = {"product_id": parameters["product_id"], "quantity": STOCK_OF_EACH}
    return _did(shop.ask("POST", "/v1/reservations", goods, service="inventory", headers=_key("pact-hoard")))


def _reserved(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    goods = {name: parameters[name] for name in ("product_id", "quantity")}
    return _did(shop.ask("POST", "/v1/reservations", goods, service="inventory", headers=_key(parameters["key"])))


def _captured(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    key = parameters["key"]
    money = {"amount_cents": parameters["amount_cents"], "currency": "EUR"}
    payment = {"order_id": f"ord_of_{key}", **money, "card": "tok_visa"}
    reply = shop.ask("POST", "/v1/captures", payment, service="payments", headers=_key(key))
    return {} if reply.status == 409 else _did(reply)  # captured before, and given back in the meantime


def _given_up(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    key = parameters["key"]
    return _did(shop.ask("POST", f"/v1/captures/{key}/refund", service="payments", headers=_key(f"{key}-refund")))


def _key(key: str) -> dict[str, str]:
    return {"idempotency-key": key}


def _did(reply: Reply) -> dict[str, object]:
    assert reply.status < 300, reply.body
    return {}


STATES: dict[str, Callable[[Shop, dict[str, Any]], dict[str, object]]] = {
    "a product is sold out": _sold_out,
    "goods are reserved": _reserved,
    "money was captured": _captured,
    "a payment was given up": _given_up,
}
