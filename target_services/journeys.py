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
from collections.abc import Callable
from typing import Any

import gevent
from locust import FastHttpUser, between, task

from target_services.logins import Login, shared

_PRODUCTS = 1000
_ACCOUNTS = 500
_SHOPPERS = 50
"""Accounts of those who buy: so few that a starved machine, which makes users without end, is not asked for logins."""

_PASSWORD = "correct horse battery staple"  # noqa: S105 - of the demo accounts
_TIMEOUT_S = 6.0
_POLL_WAITS_S = (0.2, 0.4, 0.8)
_FINAL = ("confirmed", "cancelled", "queued")
_UNKNOWN = "indeterminate"

_numbers = itertools.count()


class _NoSense(Exception):
    """The answer is not what the API promises."""


class _GaveUp(Exception):
    """The journey cannot go on. The message is its outcome."""


class _Visitor(FastHttpUser):  # type: ignore[misc]  # Locust is not followed for types
    """Somebody whom the shop does not know.

    Thinks between two journeys only where it is its own next arrival, in Locust's closed model (`locust -f`). The
    workbench's model is open: arrivals come as planned, and it never waits for a user to have thought.
    """

    abstract = True
    wait_time = between(1, 4)
    connection_timeout = _TIMEOUT_S
    network_timeout = _TIMEOUT_S
    max_retries = 0
    max_redirects = 0

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.outcome: str | None = None
        self.ack: dict[str, str | None] | None = None
        self._rng = random.Random()
        self._cursor: str | None = None

    def _ask(self, method: str, path: str, name: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Send a request and return status and document. Status 0 means that no answer came."""
        with self.client.request(method, path, name=name, catch_response=True, **options) as response:
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

    def _need(self, status: int, document: dict[str, Any], good: int = 200) -> dict[str, Any]:
        """Return the document of a request that the journey cannot do without."""
        if status != good:
            raise _GaveUp("failed" if status else _UNKNOWN)
        return document

    def _product(self, product_id: int) -> dict[str, Any]:
        """Look at a product."""
        product = self._need(*self._ask("GET", f"/v1/products/{product_id}", "/v1/products/[id]"))
        if product.get("id") != product_id or not isinstance(product.get("price_cents"), int):
            raise _NoSense("product")
        if (product.get("stock") is None) and not product.get("degraded"):
            raise _NoSense("a product without stock has to say that it is degraded")
        return product

    def _run(self, journey: Callable[[], object]) -> None:
        try:
            journey()
        except _NoSense:
            self.outcome = "failed"
        except _GaveUp as end:
            self.outcome = str(end)

    def _browse(self) -> None:
        path = f"/v1/products?cursor={self._cursor}" if self._cursor else "/v1/products"
        page = self._need(*self._ask("GET", path, "/v1/products"))
        items = _items(page)
        if not items:
            raise _NoSense("page")
        self._cursor = page.get("next_cursor")
        product = self._product(self._rng.choice(items)["id"])
        self.outcome = "degraded" if page.get("degraded") or product.get("degraded") else "ok"


def _document(body: str | None) -> dict[str, Any] | None:
    try:
        document = json.loads(body or "")
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _items(page: dict[str, Any]) -> list[dict[str, Any]]:
    items = page.get("items")
    if not isinstance(items, list):
        raise _NoSense("page")
    return items


class _Known(_Visitor):
    """Somebody with an account, logged in from the start on; a login that failed is tried again in the journey."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._login = self._who()

    def _who(self) -> Login:
        return shared(f"customer-{next(_numbers) % _SHOPPERS + 1}")

    def on_start(self) -> None:
        """Log in. What becomes of it is the next journey's business."""
        self._run(lambda: self._login.token(self._obtain))

    def _obtain(self, refresh_token: str | None) -> tuple[str, str, float]:
        """Ask for tokens."""
        if refresh_token is None:
            body = {"name": self._login.name, "password": _PASSWORD}
            tokens = self._need(*self._ask("POST", "/v1/sessions", "/v1/sessions", json=body), 201)
        else:
            body = {"refresh_token": refresh_token}
            tokens = self._need(*self._ask("POST", "/v1/sessions/refresh", "/v1/sessions/refresh", json=body))
        expected = {"access_token": str, "refresh_token": str, "expires_in": int}
        if not all(isinstance(tokens.get(name), kind) for name, kind in expected.items()):
            raise _NoSense("tokens")
        return tokens["access_token"], tokens["refresh_token"], float(tokens["expires_in"])

    def _ask_as_oneself(self, method: str, path: str, name: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Send a request that says who asks. Gives up when there is no token to be had."""
        token = self._login.token(self._obtain)
        headers = {"authorization": f"Bearer {token}", **options.pop("headers", {})}
        status, document = self._ask(method, path, name, headers=headers, **options)
        if status == 401:
            self._login.refused(token)
        return status, document

    def _checkout(self) -> None:
        product = self._product(self._rng.randint(1, _PRODUCTS))
        key = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        order = {
            "product_id": product["id"],
            "quantity": self._rng.randint(1, 3),
            "unit_price_cents": product["price_cents"],
            "card": "tok_visa",
        }
        self._login.token(self._obtain)  # who does not get in has been promised nothing
        self.ack = {"id": None, "key": key, "state": _UNKNOWN}
        headers = {"idempotency-key": key}
        status, answer = self._ask_as_oneself("POST", "/v1/orders", "/v1/orders", json=order, headers=headers)
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
            status, answer = self._ask_as_oneself("GET", f"/v1/orders/{order['id']}", "/v1/orders/[id]")
            if status == 200:
                order = self._promised(answer)
        return str(order["state"])

    def _account(self) -> None:
        account = self._need(*self._ask_as_oneself("GET", "/v1/account", "/v1/account"))
        if account.get("name") != self._login.name:
            raise _NoSense("somebody else's account")
        _items(self._need(*self._ask_as_oneself("GET", "/v1/orders?limit=5", "/v1/orders")))
        self._login.renewed(self._obtain)
        self.outcome = "ok"


class Browse(_Visitor):
    """Looks at a page of products, then at one of them."""

    @task  # type: ignore[untyped-decorator]
    def browse(self) -> None:
        """One journey."""
        self._run(self._browse)


class Checkout(_Known):
    """Looks at a product, orders it, and follows the order until its end is known."""

    @task  # type: ignore[untyped-decorator]
    def checkout(self) -> None:
        """One journey."""
        self._run(self._checkout)


class Account(_Known):
    """Looks at the own account and the latest orders, and stays logged in. Each user has a login of its own."""

    def _who(self) -> Login:
        return Login(f"customer-{next(_numbers) % _ACCOUNTS + 1}")

    @task  # type: ignore[untyped-decorator]
    def account(self) -> None:
        """One journey."""
        self._run(self._account)


class Admin(_Known):
    """Looks at everybody's latest orders, at the accounts and at the stock."""

    def _who(self) -> Login:
        return shared("admin")

    @task  # type: ignore[untyped-decorator]
    def admin(self) -> None:
        """One journey."""
        self._run(self._overview)

    def _overview(self) -> None:
        for list_ in ("orders", "accounts", "stock"):
            path = f"/v1/admin/{list_}"
            page = self._need(*self._ask_as_oneself("GET", path, path))
            if _items(page) and page.get("next_cursor"):
                more = self._ask_as_oneself("GET", f"{path}?cursor={page['next_cursor']}", path)
                _items(self._need(*more))
        self.outcome = "ok"


class Mixed(_Known):
    """What customers do, by weight: most of them look, some buy, a few look at their account."""

    @task(6)  # type: ignore[untyped-decorator]
    def browse(self) -> None:
        """One journey."""
        self._run(self._browse)

    @task(3)  # type: ignore[untyped-decorator]
    def checkout(self) -> None:
        """One journey."""
        self._run(self._checkout)

    @task(1)  # type: ignore[untyped-decorator]
    def account(self) -> None:
        """One journey."""
        self._run(self._account)
