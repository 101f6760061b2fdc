"""No request has a larger body than the service is made for: what says so is refused unread, what hides it midway."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from target_services.chassis.problems import Problem

_TOO_LARGE = "the body is too large; at most {most} bytes are taken"


class BodyLimit:
    """Passes requests on whose bodies have up to `most` bytes; answers all others with 413."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self._declared(scope) > self._most:
            # The rest of the body is on its way and will not be read: the connection cannot be used again.
            detail = _TOO_LARGE.format(most=self._most)
            refusal = Problem(413, detail, slug="body-too-large", headers={"connection": "close"})
            await refusal.response()(scope, receive, send)
            return
        await self.app(scope, _Counted(receive, self._most), send)

    def _declared(self, scope: Scope) -> int:
        values = [value for name, value in scope["headers"] if name == b"content-length"]
        return int(values[0]) if values and values[0].isdigit() else 0


class _Counted:
    """Counts what arrives of a body that did not say how long it is."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._got = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._got += len(message.get("body", b""))
        if self._got > self._most:
            # The one exception that the framework lets through while it reads a body.
            raise HTTPException(413, _TOO_LARGE.format(most=self._most), headers={"connection": "close"})
        return message
