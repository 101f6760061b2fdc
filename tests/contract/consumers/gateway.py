"""What the gateway needs of users, catalog, orders and inventory: what its own users are shown."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pact import match

from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.wire import Answer
from target_services.gateway.domain import CUSTOMER_HEADER, Gateway
from target_services.gateway.keys import KeySet
from tests.contract.consumers.story import Story, made_up, one_of, problem

_PASSWORD = "correct horse battery staple"
_ACCOUNT = "acc_0123456789abcdef"
_ORDER = "ord_0123456789abcdef"
_WHO = {CUSTOMER_HEADER: made_up(_ACCOUNT, "${account_id}")}
_BUYER = {CUSTOMER_HEADER: "pact-buyer"}
_CURSOR = match.regex("WyJwYWdlIiwxXQ", regex="^[A-Za-z0-9_-]+$")
_X = base64.urlsafe_b64encode(
    Ed25519PrivateKey.from_private_bytes(b"\x01" * 32).public_key().public_bytes_raw()
).decode()


def _asking(work: Callable[[Gateway], Awaitable[Answer]]) -> Callable[[Edge], Awaitable[object]]:
    """Return what asks through the gateway's domain, and gives back the status that users would see."""

    async def ask(edge: Edge) -> object:
        return (await work(Gateway(users=edge, catalog=edge, orders=edge, inventory=edge))).status

    return ask


async def _knows_the_key(edge: Edge) -> object:
    return await KeySet(edge, fresh_s=60, at_most_every_s=0).find("key-1") is not None


def _account(name: Any = "pact-user") -> dict[str, Any]:
    return {
        "id": match.regex(_ACCOUNT, regex="^acc_[0-9a-f]{16}$"),
        "name": name,
        "display_name": match.str("Pact"),
        "roles": match.each_like(one_of("customer", "admin"), min=1),
    }


def _tokens() -> dict[str, Any]:
    return {
        "access_token": match.regex("a.b.c", regex=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"),
        "token_type": "Bearer",
        "expires_in": match.int(900),
        "refresh_token": match.str("rt_1"),
    }


USERS = (
    Story(
        "the keys that tokens are checked with",
        "GET",
        "/v1/jwks.json",
        status=200,
        answer={
            "keys": match.each_like(
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "alg": "EdDSA",
                    "kid": match.str("key-1"),
                    "x": match.regex(_X.rstrip("="), regex="^[A-Za-z0-9_-]{43}$"),
                },
                min=1,
            )
        },
        ask=_knows_the_key,
        understood=True,
    ),
    Story(
        "a new account",
        "POST",
        "/v1/accounts",
        body={"name": "pact-new", "password": _PASSWORD, "display_name": "Pact"},
        status=202,
        answer={"name": "pact-new", "state": "accepted"},
        ask=_asking(
            lambda gateway: gateway.enter(
                "/v1/accounts", {"name": "pact-new", "password": _PASSWORD, "display_name": "Pact"}
            )
        ),
        understood=202,
    ),
    Story(
        "a login",
        "POST",
        "/v1/sessions",
        given={"somebody has an account": {"name": "pact-user", "password": _PASSWORD}},
        body={"name": "pact-user", "password": _PASSWORD},
        status=201,
        answer=_tokens(),
        ask=_asking(lambda gateway: gateway.enter("/v1/sessions", {"name": "pact-user", "password": _PASSWORD})),
        understood=201,
    ),
    Story(
        "a login with a wrong password",
        "POST",
        "/v1/sessions",
        body={"name": "pact-nobody", "password": "wrong horse"},
        status=401,
        answer=problem("bad-credentials"),
        answer_headers={"www-authenticate": match.str('Bearer realm="shop"')},
        ask=_asking(lambda gateway: gateway.enter("/v1/sessions", {"name": "pact-nobody", "password": "wrong horse"})),
        understood=401,
    ),
    Story(
        "new tokens for a refresh token",
        "POST",
        "/v1/sessions/refresh",
        given={"somebody has an account": {"name": "pact-user", "password": _PASSWORD}},
        body={"refresh_token": made_up("rt_1", "${refresh_token}")},
        status=200,
        answer=_tokens(),
        ask=_asking(lambda gateway: gateway.enter("/v1/sessions/refresh", {"refresh_token": "rt_1"})),
        understood=200,
    ),
    Story(
        "somebody's own account",
        "GET",
        "/v1/account",
        given={"somebody has an account": {"name": "pact-user", "password": _PASSWORD}},
        headers=_WHO,
        status=200,
        answer=_account(),
        ask=_asking(lambda gateway: gateway.account(_ACCOUNT)),
        understood=200,
    ),
    Story(
        "another name to be called by",
        "PATCH",
        "/v1/account",
        given={"somebody has an account": {"name": "pact-user", "password": _PASSWORD}},
        headers=_WHO,
        body={"display_name": "Pactolus"},
        status=200,
        answer={**_account(), "display_name": "Pactolus"},
        ask=_asking(lambda gateway: gateway.account(_ACCOUNT, change={"display_name": "Pactolus"})),
        understood=200,
    ),
    Story(
        "the account of nobody",
        "GET",
        "/v1/account",
        headers={CUSTOMER_HEADER: "acc_of_nobody"},
        status=404,
        answer=problem("unknown-account"),
        ask=_asking(lambda gateway: gateway.account("acc_of_nobody")),
        understood=404,
    ),
    Story(
        "a page of all accounts",
        "GET",
        "/v1/admin/accounts",
        query={"limit": "2"},
        status=200,
        answer={"items": match.each_like(_account(match.str("pact-user")), min=2), "next_cursor": _CURSOR},
        ask=_asking(lambda gateway: gateway.accounts("limit=2")),
        understood=200,
    ),
)

_LISTED = {
    "id": match.int(1),
    "name": match.str("Aalto Oak Lamp"),
    "price_cents": match.int(8419),
    "currency": one_of("EUR"),
}

CATALOG = (
    Story(
        "a page of products",
        "GET",
        "/v1/products",
        query={"limit": "2"},
        status=200,
        answer={"items": match.each_like(_LISTED, min=2), "next_cursor": _CURSOR, "degraded": match.bool(False)},
        ask=_asking(lambda gateway: gateway.browse("/v1/products?limit=2")),
        understood=200,
    ),
    Story(
        "a page that no cursor leads to",
        "GET",
        "/v1/products",
        query={"cursor": "nonsense"},
        status=400,
        answer=problem("bad-cursor"),
        ask=_asking(lambda gateway: gateway.browse("/v1/products?cursor=nonsense")),
        understood=400,
    ),
    Story(
        "a product",
        "GET",
        "/v1/products/1",
        given={"inventory was asked for a product": {"product_id": 1}},
        status=200,
        answer={
            **_LISTED,
            "description": match.str("A lamp"),
            "degraded": match.bool(False),
            "stock": {"level": one_of("in_stock", "low", "sold_out"), "on_hand": match.int(12)},
        },
        ask=_asking(lambda gateway: gateway.browse("/v1/products/1")),
        understood=200,
    ),
    Story(
        "a product that there is not",
        "GET",
        "/v1/products/999999",
        status=404,
        answer=problem("unknown-product"),
        ask=_asking(lambda gateway: gateway.browse("/v1/products/999999")),
        understood=404,
    ),
)

_SHOWN = {
    "id": match.regex(_ORDER, regex="^ord_[0-9a-f]{16}$"),
    "state": one_of("confirmed", "pending", "reserved", "paid", "compensating", "cancelled", "queued"),
    "total_cents": match.int(16838),
    "currency": one_of("EUR"),
    "degraded": match.bool(False),
}


def _wish(price: int, product: int = 1, card: str = "tok_visa") -> dict[str, object]:
    return {"product_id": product, "quantity": 2, "unit_price_cents": price, "currency": "EUR", "card": card}


ORDERS = (
    Story(
        "an order",
        "POST",
        "/v1/orders",
        given={"an order was answered": {"card": "tok_visa", "status": 201, "product_id": 1, "quantity": 2}},
        headers={**_BUYER, "idempotency-key": made_up("pact-order-1", "${key}")},
        body={**_wish(8419), "unit_price_cents": 8419},
        status=201,
        answer={**_SHOWN, "state": "confirmed"},
        answer_headers={"idempotent-replayed": "true"},
        ask=_asking(lambda gateway: gateway.place_order(_wish(8419), "pact-order-1", "pact-buyer")),
        understood=201,
    ),
    Story(
        "an order with a card that is declined",
        "POST",
        "/v1/orders",
        given={"an order was answered": {"card": "tok_declined", "status": 402, "product_id": 1, "quantity": 2}},
        headers={**_BUYER, "idempotency-key": made_up("pact-order-2", "${key}")},
        body=_wish(8419, card="tok_declined"),
        status=402,
        answer=problem("payment-declined"),
        ask=_asking(
            lambda gateway: gateway.place_order(_wish(8419, card="tok_declined"), "pact-order-2", "pact-buyer")
        ),
        understood=402,
    ),
    Story(
        "an order at a price that is none",
        "POST",
        "/v1/orders",
        headers={**_BUYER, "idempotency-key": "pact-order-3"},
        body=_wish(1),
        status=409,
        answer={**problem("price-changed"), "unit_price_cents": match.int(8419)},
        ask=_asking(lambda gateway: gateway.place_order(_wish(1), "pact-order-3", "pact-buyer")),
        understood=409,
    ),
    Story(
        "an order of a product that there is not",
        "POST",
        "/v1/orders",
        headers={**_BUYER, "idempotency-key": "pact-order-4"},
        body=_wish(8419, product=999_999),
        status=404,
        answer=problem("unknown-product"),
        ask=_asking(lambda gateway: gateway.place_order(_wish(8419, product=999_999), "pact-order-4", "pact-buyer")),
        understood=404,
    ),
    Story(
        "how far an order has come",
        "GET",
        made_up(f"/v1/orders/{_ORDER}", "/v1/orders/${order_id}"),
        given={"an order was answered": {"card": "tok_visa", "status": 201, "product_id": 1, "quantity": 2}},
        headers=_BUYER,
        status=200,
        answer={**_SHOWN, "state": "confirmed"},
        ask=_asking(lambda gateway: gateway.order(_ORDER, "pact-buyer")),
        understood=200,
    ),
    Story(
        "an order that there is not",
        "GET",
        "/v1/orders/ord_ffffffffffffffff",
        headers=_BUYER,
        status=404,
        answer=problem("unknown-order"),
        ask=_asking(lambda gateway: gateway.order("ord_ffffffffffffffff", "pact-buyer")),
        understood=404,
    ),
    Story(
        "a page of somebody's orders",
        "GET",
        "/v1/orders",
        given={"an order was answered": {"card": "tok_visa", "status": 201, "product_id": 1, "quantity": 2}},
        headers=_BUYER,
        query={"limit": "1"},
        status=200,
        answer={"items": match.each_like(_SHOWN, min=1)},
        ask=_asking(lambda gateway: gateway.orders_of("pact-buyer", "limit=1")),
        understood=200,
    ),
    Story(
        "a page of everybody's orders",
        "GET",
        "/v1/admin/orders",
        given={"an order was answered": {"card": "tok_visa", "status": 201, "product_id": 1, "quantity": 2}},
        query={"limit": "1"},
        status=200,
        answer={"items": match.each_like({**_SHOWN, "customer": match.str("pact-buyer")}, min=1)},
        ask=_asking(lambda gateway: gateway.all_orders("limit=1")),
        understood=200,
    ),
)

_PIECES = {"product_id": match.int(1), "on_hand": match.int(12), "reserved": match.int(2), "sold": match.int(6)}

INVENTORY = (
    Story(
        "a page of the stock",
        "GET",
        "/v1/admin/stock",
        query={"limit": "2"},
        status=200,
        answer={"items": match.each_like(_PIECES, min=2), "next_cursor": _CURSOR},
        ask=_asking(lambda gateway: gateway.stock("limit=2")),
        understood=200,
    ),
    Story(
        "a page of the stock that no cursor leads to",
        "GET",
        "/v1/admin/stock",
        query={"cursor": "nonsense"},
        status=400,
        answer=problem("bad-cursor"),
        ask=_asking(lambda gateway: gateway.stock("cursor=nonsense")),
        understood=400,
    ),
)
