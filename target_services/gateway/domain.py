"""What the gateway adds to the services behind it: the last good pages of the catalog, for when it is away.

Bodies are passed on as they are, once they have proved readable.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable

from target_services.chassis.problems import unavailable
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.chassis.resilience.wire import Answer, Call

CUSTOMER_HEADER = "x-customer-id"


class StaleCatalog:
    """The last good answer per address, the oldest forgotten first."""

    def __init__(self, *, most: int = 1024, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def keep(self, path: str, body: bytes) -> None:
        """Remember a good answer."""
        self._kept[path] = (self._clock(), body)
        self._kept.move_to_end(path)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def find(self, path: str) -> bytes | None:
        """Return what was good once, marked as degraded and with its age."""
        if path not in self._kept:
            return None
        kept_s, body = self._kept[path]
        document = {**json.loads(body), "degraded": True, "age_s": round(self._clock() - kept_s, 1)}
        return json.dumps(document, separators=(",", ":")).encode()


class Gateway:
    """Passes requests on."""

    def __init__(self, catalog: Edge, orders: Edge) -> None:
        self._catalog = catalog
        self._orders = orders
        self._stale = StaleCatalog()

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

        return await self._catalog.call(Call("GET", path), fresh, fallback=stale)

    async def place_order(self, order: dict[str, object], key: str, customer: str) -> Answer:
        """Pass an order on."""
        headers = {CUSTOMER_HEADER: customer}
        return await self._orders.call(Call("POST", "/v1/orders", order, headers, idempotency_key=key), _readable)

    async def order(self, order_id: str, customer: str) -> Answer:
        """Return an order of a customer."""
        call = Call("GET", f"/v1/orders/{order_id}", headers={CUSTOMER_HEADER: customer})
        return await self._orders.call(call, _readable)


def _readable(answer: Answer) -> Answer:
    if not isinstance(answer.json(), dict):
        raise TypeError("the answer is not a JSON object")
    return answer
