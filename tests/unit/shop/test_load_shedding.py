from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from target_services.gateway.load_shedding import LoadShedding
from tests.unit.shop.asgi import Reply, ask


class _Busy:
    """An application that answers when it is let."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.fails = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/v1"):
            await self.gate.wait()
        if self.fails:
            raise RuntimeError
        await JSONResponse({})(scope, receive, send)


def test_beyond_the_limit_requests_are_refused_at_once_and_health_never() -> None:
    """While two are in flight the third gets 503 without waiting, and /readyz its answer; then there is room again."""

    async def crowd() -> None:
        registry, busy = CollectorRegistry(), _Busy()
        app = LoadShedding(busy, 2, registry)
        first = [asyncio.create_task(ask(app, "GET", "/v1/products")) for _ in range(2)]
        await asyncio.sleep(0)
        shed: Reply = await ask(app, "GET", "/v1/products")
        assert (shed.status, shed.headers["retry-after"]) == (503, "1")
        assert shed.json()["type"] == "urn:shop:problem:overloaded"
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await ask(app, "GET", path)).status == 200
        assert registry.get_sample_value("workbench_shed_total") == 1
        busy.gate.set()
        assert [reply.status for reply in await asyncio.gather(*first)] == [200, 200]
        assert (await ask(app, "GET", "/v1/products")).status == 200
        assert registry.get_sample_value("workbench_shed_total") == 1

    asyncio.run(crowd())


def test_failed_and_cancelled_requests_make_room_too() -> None:
    """However a request ends, it is not in flight any more."""

    async def crowd() -> None:
        busy = _Busy()
        app = LoadShedding(busy, 1, CollectorRegistry())
        left = asyncio.create_task(ask(app, "GET", "/v1/products"))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        busy.gate.set()
        busy.fails = True
        assert isinstance((await asyncio.gather(ask(app, "GET", "/v1/x"), return_exceptions=True))[0], RuntimeError)
        busy.fails = False
        assert (await ask(app, "GET", "/v1/products")).status == 200

    asyncio.run(crowd())
