"""How real providers get into the states that pacts name: by what any client can ask of them.

A state can be asked for again and again, and is the same each time. What a provider makes up on the way (the id of an
account, the key of an order) is returned, for the requests that are made from it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from tests.integration.shop.stack import Reply, Shop, wait_until

STOCK_OF_EACH = 1000
"""So little that a few reservations empty a shelf."""

BUYER = {"x-customer-id": "pact-buyer"}


def set_state(shop: Shop, state: str, parameters: dict[str, Any]) -> dict[str, object]:
    """Bring the shop into a state; returns what was made up on the way."""
    return {} if state == "" else STATES[state](shop, parameters)


def _sold_out(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    for number in range(STOCK_OF_EACH // 100):
        goods = {"product_id": parameters["product_id"], "quantity": 100}
        _post(shop, "inventory", "/v1/reservations", goods, f"pact-hoard-{number}")
    return {}


def _so_many_left(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    product, left = parameters["product_id"], parameters["left"]
    taken = STOCK_OF_EACH - left
    for number, quantity in enumerate([100] * (taken // 100) + ([taken % 100] if taken % 100 else [])):
        goods = {"product_id": product, "quantity": quantity}
        _post(shop, "inventory", "/v1/reservations", goods, f"pact-left-{product}-{left}-{number}")
    return {}


def _reserved(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    goods = {name: parameters[name] for name in ("product_id", "quantity")}
    _post(shop, "inventory", "/v1/reservations", goods, parameters["key"])
    return {}


def _capture_answered(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    key = parameters["key"]
    payment = {"order_id": f"ord_of_{key}", "amount_cents": 1299, "currency": "EUR", "card": parameters["card"]}
    _post(shop, "payments", "/v1/captures", payment, key, good=(201, 402, 409))
    return {}


def _capture_given_up(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    _post(shop, "payments", f"/v1/captures/{parameters['key']}/refund", None, None, good=(200,))
    return {}


def _charged(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    charge = {"amount_cents": 1299, "currency": "EUR", "card": "tok_visa"}
    _post(shop, "provider", "/v1/charges", charge, parameters["key"], good=(201,))
    return {}


def _charge_given_up(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    _post(shop, "provider", f"/v1/charges/{parameters['key']}/refund", None, None, good=(200,))
    return {}


def _account(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    _post(shop, "users", "/v1/accounts", {**parameters, "display_name": "Pact"}, None, good=(202,))
    session = _post(shop, "users", "/v1/sessions", parameters, None, good=(201,)).body
    accounts = shop.ask("GET", "/v1/admin/accounts?limit=100", service="users").body["items"]
    (account,) = [account for account in accounts if account["name"] == parameters["name"]]
    return {"account_id": account["id"], "refresh_token": session["refresh_token"]}


def _badge_to_be_had(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    path = f"/v1/products/{parameters['product_id']}"
    wait_until("a stock badge", lambda: shop.ask("GET", path, service="catalog").body["stock"], within_s=60)
    return {}


def _order_answered(shop: Shop, parameters: dict[str, Any]) -> dict[str, object]:
    """Order until one is answered at once: on a machine without room, some are queued instead."""
    product = parameters["product_id"]
    wish = {
        "product_id": product,
        "quantity": parameters["quantity"],
        "unit_price_cents": shop.price(product),
        "currency": "EUR",
        "card": parameters["card"],
    }

    def answered() -> dict[str, object] | None:
        key = f"pact-{uuid.uuid4()}"
        reply = shop.ask("POST", "/v1/orders", wish, service="orders", headers={"idempotency-key": key, **BUYER})
        if reply.status != parameters["status"]:
            return None
        return {"key": key, "order_id": (reply.body.get("order") or reply.body)["id"]}

    found: dict[str, object] = wait_until("an order to be answered at once", answered, within_s=60)
    return found


def _post(shop: Shop, service: str, path: str, body: Any, key: str | None, *, good: tuple[int, ...] = (201,)) -> Reply:
    """Post until it is answered as it should be: on a machine without room, some calls are given up."""

    def posted() -> Reply | None:
        headers = {"idempotency-key": key} if key is not None else {}
        reply = shop.ask("POST", path, body, service=service, headers=headers)
        return reply if reply.status in good else None

    reply: Reply = wait_until(f"{path} of {service} to answer {good}", posted, within_s=60)
    return reply


STATES: dict[str, Callable[[Shop, dict[str, Any]], dict[str, object]]] = {
    "a product is sold out": _sold_out,
    "so many of a product are left": _so_many_left,
    "goods are reserved": _reserved,
    "money was captured": _capture_answered,
    "a card was declined": _capture_answered,
    "a capture was given up": _capture_given_up,
    "a card was charged": _charged,
    "a charge was given up": _charge_given_up,
    "somebody has an account": _account,
    "inventory was asked for a product": _badge_to_be_had,
    "an order was answered": _order_answered,
}
