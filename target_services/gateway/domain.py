"""Passes requests on to the services behind. Bodies go as they are, once they have proved readable."""

from __future__ import annotations

from collections.abc import Callable

from target_services.chassis.problems import unavailable
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.chassis.resilience.wire import Answer, Call
from target_services.gateway.stale_catalog import StaleCatalog

CUSTOMER_HEADER = "x-customer-id"
"""How services behind are told who asks. They believe it, so it is made here and never passed on."""


class Gateway:
    """Passes requests on."""

    def __init__(
        self,
        *,
        users: Edge,
        catalog: Edge,
        orders: Edge,
        inventory: Edge,
        serves_stale: Callable[[], bool] = lambda: True,
    ) -> None:
        """`serves_stale`: whether what catalog said before may stand in for it right now."""
        self._users = users
        self._catalog = catalog
        self._orders = orders
        self._inventory = inventory
        self._stale = StaleCatalog()
        self._serves_stale = serves_stale

    async def browse(self, path: str) -> Answer:
        """Return a page or product; when catalog cannot be had, the last good one."""

        async def stale(failure: CallFailed) -> Answer:
            body = self._stale.find(path)
            if body is None:
                raise unavailable(failure)
            return Answer(200, {}, body)

        def fresh(answer: Answer) -> Answer:
            if _readable(answer).status == 200:
                self._stale.keep(path, answer.body)
            return answer

        return await self._catalog.call(Call("GET", path), fresh, fallback=stale if self._serves_stale() else None)

    async def enter(self, path: str, body: object) -> Answer:
        """Sign somebody up, or log them in: the name and the password are theirs, so nobody is asking yet."""
        return await self._users.call(Call("POST", path, body), _readable)

    async def account(self, customer: str, *, change: object = None) -> Answer:
        """Return somebody's own account, changed if so wished."""
        method = "GET" if change is None else "PATCH"
        return await self._users.call(Call(method, "/v1/account", change, {CUSTOMER_HEADER: customer}), _readable)

    async def accounts(self, query: str) -> Answer:
        """Return a page of all accounts."""
        return await self._users.call(Call("GET", _with(query, "/v1/admin/accounts")), _readable)

    async def place_order(self, order: dict[str, object], key: str, customer: str) -> Answer:
        """Pass an order on."""
        headers = {CUSTOMER_HEADER: customer}
        return await self._orders.call(Call("POST", "/v1/orders", order, headers, idempotency_key=key), _readable)

    async def order(self, order_id: str, customer: str) -> Answer:
        """Return an order of a customer."""
        call = Call("GET", f"/v1/orders/{order_id}", headers={CUSTOMER_HEADER: customer})
        return await self._orders.call(call, _readable)

    async def orders_of(self, customer: str, query: str) -> Answer:
        """Return a page of a customer's orders."""
        call = Call("GET", _with(query, "/v1/orders"), headers={CUSTOMER_HEADER: customer})
        return await self._orders.call(call, _readable)

    async def all_orders(self, query: str) -> Answer:
        """Return a page of all orders."""
        return await self._orders.call(Call("GET", _with(query, "/v1/admin/orders")), _readable)

    async def stock(self, query: str) -> Answer:
        """Return a page of the stock."""
        return await self._inventory.call(Call("GET", _with(query, "/v1/admin/stock")), _readable)


def _with(query: str, path: str) -> str:
    return f"{path}?{query}" if query else path


def _readable(answer: Answer) -> Answer:
    if not isinstance(answer.json(), dict):
        raise TypeError("the answer is not a JSON object")
    return answer
