"""Load shedding: beyond so many requests at once, the next is refused at once.

A queue would make everybody wait, until nobody is served in time. Health and metrics are never shed: a gateway that
is full is not ill, and whoever restarts it for that makes it worse.
"""

from __future__ import annotations

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from target_services.chassis.problems import Problem


class LoadShedding:
    """Lets up to `most` requests in at the same time. Only paths below /v1 are requests."""

    def __init__(self, app: ASGIApp, most: int, registry: CollectorRegistry) -> None:
        self.app = app
        self._most = most
        self._in_flight = 0
        self._shed = Counter("workbench_shed", "Requests refused because too many were in flight", registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1"):
            await self.app(scope, receive, send)
            return
        if self._in_flight >= self._most:
            self._shed.inc()
            trace.get_current_span().add_event("request shed", {"in_flight": self._in_flight})
            refusal = Problem(503, "too many requests at once", slug="overloaded", headers={"retry-after": "1"})
            await refusal.response()(scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._in_flight -= 1
