"""What users do in the shop: Locust `User` classes, one pass of their task being one journey.

A journey says how it ended in `outcome` (ok, degraded, failed, indeterminate; None leaves it to the failed
requests) and what the user was promised in `ack`. It checks what it is given: an answer that makes no sense is
a failure whatever its status.
"""

from __future__ import annotations

import itertools
import json
import random
import uuid
from typing import Any

import gevent
from locust import FastHttpUser, task

_PRODUCTS = 600
_TIMEOUT_S = 6.0
_POLL_WAITS_S = (0.2, 0.4, 0.8)
_FINAL = ("confirmed", "cancelled", "queued")
_UNKNOWN = "indeterminate"

_numbers = itertools.count(1)


class _NoSense(Exception):
    """The answer is not what the API promises."""


class _Shopper(FastHttpUser):  # type: ignore[misc]  # Locust is not followed for types
    """One customer with one session. Does not think, because the arrivals are what is planned."""

    abstract = True
    connection_timeout = _TIMEOUT_S
    network_timeout = _TIMEOUT_S
    max_retries = 0
    max_redirects = 0

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.outcome: str | None = None
        self.ack: dict[str, str | None] | None = None
        self._customer = f"customer-{next(_numbers)}"
        self._rng = random.Random()

    def _ask(self, method: str, path: str, name: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Send a request and return status and document. Status 0 means that no answer came."""
        headers = {"x-customer-id": self._customer, **options.pop("headers", {})}
        with self.client.request(method, path, name=name, headers=headers, catch_response=True, **options) as response:
            status: int = response.status_code or 0
            document = _document(response.text) if status else {}
            if document is None:
                response.failure(f"{status} with a body that is not a JSON object")
            elif 200 <= status < 300:
                response.success()
            elif status:
                response.failure(f"{status} {document.get('title', '')}")
        if document is None:
            raise _NoSense(name)
        return status, document

    def _product(self, product_id: int) -> dict[str, Any] | None:
        """Look at a product; None when it cannot be had. Sets the outcome in that case."""
        status, product = self._ask("GET", f"/v1/products/{product_id}", "/v1/products/[id]")
        if status != 200:
            self.outcome = "failed" if status else _UNKNOWN
            return None
        if product.get("id") != product_id or not isinstance(product.get("price_cents"), int):
            raise _NoSense("product")
        if (product.get("stock") is None) and not product.get("degraded"):
            raise _NoSense("a product without stock has to say that it is degraded")
        return product

    def _run(self, journey: Any) -> None:
        try:
            journey()
        except _NoSense:
            self.outcome = "failed"


def _document(body: str | None) -> dict[str, Any] | None:
    try:
        document = json.loads(body or "")
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


class Browse(_Shopper):
    """Looks at a page of products, then at one of them."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._cursor: str | None = None

    @task  # type: ignore[untyped-decorator]
    def browse(self) -> None:
        """One journey."""
        self._run(self._browse)

    def _browse(self) -> None:
        path = f"/v1/products?cursor={self._cursor}" if self._cursor else "/v1/products"
        status, page = self._ask("GET", path, "/v1/products")
        if status != 200:
            self.outcome = "failed" if status else _UNKNOWN
            return
        items = page.get("items")
        if not isinstance(items, list) or not items:
            raise _NoSense("page")
        self._cursor = page.get("next_cursor")
        product = self._product(self._rng.choice(items)["id"])
        if product is not None:
            self.outcome = "degraded" if page.get("degraded") or product.get("degraded") else "ok"


class Checkout(_Shopper):
    """Looks at a product, orders it, and follows the order until its end is known."""

    @task  # type: ignore[untyped-decorator]
    def checkout(self) -> None:
        """One journey."""
        self._run(self._checkout)

    def _checkout(self) -> None:
        product = self._product(self._rng.randint(1, _PRODUCTS))
        if product is None:
            return
        key = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        order = {
            "product_id": product["id"],
            "quantity": self._rng.randint(1, 3),
            "unit_price_cents": product["price_cents"],
            "card": "tok_visa",
        }
        self.ack = {"id": None, "key": key, "state": _UNKNOWN}
        status, answer = self._ask("POST", "/v1/orders", "/v1/orders", json=order, headers={"idempotency-key": key})
        if status in (0, 502, 504):  # nobody can know whether there is an order now
            self.outcome = _UNKNOWN
            return
        if status not in (201, 202):
            self.ack["state"] = "failed"
            self.outcome = "failed"
            return
        state = self._follow(self._promised(answer))
        good = {"confirmed": "degraded" if product["degraded"] else "ok", "queued": "degraded"}
        self.outcome = good.get(state, "failed")

    def _promised(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Take down what the shop promised."""
        if not isinstance(answer.get("id"), str) or not isinstance(answer.get("state"), str):
            raise _NoSense("order")
        assert self.ack is not None
        self.ack |= {"id": answer["id"], "state": answer["state"]}
        return answer

    def _follow(self, order: dict[str, Any]) -> str:
        """Poll until the order is at an end; returns the last state that was seen."""
        for wait_s in _POLL_WAITS_S:
            if order["state"] in _FINAL:
                break
            gevent.sleep(wait_s)
            status, answer = self._ask("GET", f"/v1/orders/{order['id']}", "/v1/orders/[id]")
            if status == 200:
                order = self._promised(answer)
        return str(order["state"])
