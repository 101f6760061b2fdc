"""What every answer of the gateway carries: headers that keep browsers from harm, and what was said on its way."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "cache-control": "no-store",
}
"""An API has no scripts, frames or pages; what it tells one user is for nobody else's cache."""

_ADDED = "shop.answer_headers"


def add_to_answer(scope: MutableMapping[str, Any], headers: Mapping[str, str]) -> None:
    """Have the answer to this request carry these headers, whoever gives it."""
    scope[_ADDED] = headers


class AnswerHeaders:
    """Adds headers to answers that do not have them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                added = SECURITY | scope.get(_ADDED, {})
                more = [(name.encode(), value.encode()) for name, value in added.items()]
                message["headers"] = [*message["headers"], *(pair for pair in more if pair[0] not in there)]
            await send(message)

        await self.app(scope, receive, send_with_headers)
