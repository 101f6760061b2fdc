"""Trace context and run id on every request of Locust's two HTTP clients.

Wraps the `request` method of both session classes, in this process only. That reaches every session whoever
made it, and costs less than one wrapper per user; which journey a request belongs to is told by the greenlet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from random import Random
from time import monotonic_ns
from typing import Any

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

from workbench.loadgen.journey import current_journey
from workbench.loadgen.locustfiles import REQUEST_TIMEOUT_S
from workbench.model.names import RUN_BAGGAGE

SENT = "workbench.sent"
"""Key under which the context of a request event holds what was sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """When a request left, and under which span id."""

    started: int
    span_id: str


class Ids:
    """Trace and span ids: seeded by run and seed, so that two runs with one seed do not share traces."""

    def __init__(self, run_id: str, seed: int) -> None:
        self._random = Random(f"{run_id}:{seed}")

    def trace_id(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def span_id(self) -> str:
        return f"{self._random.getrandbits(64):016x}"


def propagate(run_id: str, ids: Ids) -> None:
    """Wrap both session classes."""
    HttpSession.request = _wrapped(HttpSession.request, run_id, ids, {"timeout": REQUEST_TIMEOUT_S})
    FastHttpSession.request = _wrapped(FastHttpSession.request, run_id, ids, {})


def _wrapped(request: Callable[..., Any], run_id: str, ids: Ids, defaults: dict[str, Any]) -> Callable[..., Any]:
    names = [name for name in signature(request).parameters if name not in ("self", "method", "url")]
    baggage = f"{RUN_BAGGAGE}={run_id}"

    def traced(session: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        journey = current_journey()
        if journey is None:
            return request(session, method, url, *args, **kwargs)
        if args:
            kwargs |= dict(zip(names, args, strict=False))
        span_id = ids.span_id()
        own = kwargs.get("headers") or {}
        kwargs["headers"] = {
            **own,
            "traceparent": f"00-{journey.trace_id}-{span_id}-01",
            "baggage": f"{own['baggage']},{baggage}" if "baggage" in own else baggage,
        }
        kwargs["context"] = {**(kwargs.get("context") or {}), SENT: Sent(monotonic_ns(), span_id)}
        return request(session, method, url, **{**defaults, **kwargs})

    return traced
