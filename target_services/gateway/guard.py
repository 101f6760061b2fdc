"""What each request passes before its route: who is it, is it too often, may it. Before its body is even read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter
from starlette.responses import Response

from target_services.chassis.problems import Problem
from target_services.gateway.access import OPEN, ROLES
from target_services.gateway.answer_headers import add_to_answer
from target_services.gateway.rate_limit import RateLimit
from target_services.gateway.tokens import Principal, Refusal, TokenRefused, Tokens

_PRINCIPAL = "shop.principal"


class Guard:
    """Lets requests through to their routes, or refuses them."""

    def __init__(self, tokens: Tokens, registry: CollectorRegistry, *, user_rate: str, address_rate: str) -> None:
        limited = Counter("workbench_rate_limited", "Requests refused by a rate limit", ("per",), registry=registry)
        refused = Counter("workbench_token_refused", "Requests without a good token", ("why",), registry=registry)
        self._tokens = tokens
        self._refused = {refusal: refused.labels(refusal.value) for refusal in Refusal}
        self._per_user = RateLimit(user_rate, limited.labels("user"))
        self._per_address = RateLimit(address_rate, limited.labels("address"))

    async def admit(self, request: Request, roles: frozenset[str]) -> None:
        """Let a request through that asks for a route of these roles. Raises Problem 401, 403, 429 or 503."""
        address = request.client.host if request.client is not None else ""
        if roles is OPEN:
            await _within(request, self._per_address, address)
            return
        try:
            principal = await self._tokens.principal(request.headers.get("authorization"))
        except TokenRefused as refused:
            self._refused[refused.refusal].inc()
            trace.get_current_span().add_event("token refused", {"why": refused.refusal.value})
            await _within(request, self._per_address, address)  # guessing is not for free
            raise
        await _within(request, self._per_user, principal.subject)
        if not principal.roles & roles:
            challenge = {"www-authenticate": 'Bearer realm="shop", error="insufficient_scope"'}
            raise Problem(403, "this is not for your role", slug="forbidden", headers=challenge)
        request.scope[_PRINCIPAL] = principal


async def _within(request: Request, limit: RateLimit, name: str) -> None:
    spent = await limit.spend(name)
    add_to_answer(request.scope, spent.headers)
    if spent.refused is not None:
        trace.get_current_span().add_event("rate limited", {"limit": spent.headers["ratelimit-limit"]})
        raise spent.refused


def guarded_by(guard: Guard) -> type[APIRoute]:
    """Return the kind of route that nobody reaches without having passed the guard."""

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()
            assert self.methods is not None
            (method,) = self.methods
            roles = ROLES[method, self.path]  # a route that is not in the table cannot be made

            async def guarded(request: Request) -> Response:
                await guard.admit(request, roles)
                return await handle(request)

            return guarded

    return GuardedRoute


def _subject(request: Request) -> str:
    principal: Principal = request.scope[_PRINCIPAL]
    return principal.subject


Subject = Annotated[str, Depends(_subject)]
"""Id of the account that asks: of its token, never of anything else that a client can send."""
