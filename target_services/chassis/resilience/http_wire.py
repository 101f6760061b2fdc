"""HTTP: one client per process, and a wire of it for each callee."""

from __future__ import annotations

import json
from collections.abc import Mapping

import aiohttp

from target_services.chassis.resilience.outcomes import AttemptFailed, Outcome
from target_services.chassis.resilience.wire import Answer, Call, judged

IDLE_S = 15.0
"""How long an unused connection is kept. Shorter than the servers' limit, so that it is us who close it."""


class HttpClient:
    """The one HTTP client of the process. Whoever opens it first opens it for all of its wires."""

    def __init__(self) -> None:
        self.session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the client ready; needs the running event loop."""
        if self.session is not None:
            return
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S)
        self.session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # `edge` bounds the whole exchange
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
        )
        # aiohttp would silently send a GET a second time when a pooled connection turns out closed. An
        # attempt has to be one request on the wire, or retries cannot be counted. There is no public switch.
        self.session._retry_connection = False  # noqa: SLF001

    async def close(self) -> None:
        """Close all connections."""
        if self.session is not None:
            await self.session.close()


class HttpWire:
    """Carries calls as HTTP requests with JSON bodies."""

    def __init__(self, client: HttpClient, base_url: str) -> None:
        self._client = client
        self._base_url = base_url

    async def open(self) -> None:
        """Make the client ready."""
        await self._client.open()

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()

    def attributes(self, call: Call) -> dict[str, str]:
        """Return method and URL."""
        return {"http.request.method": call.method, "url.full": self._base_url + call.path}

    async def exchange(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """Send a request and read the whole answer. Raises AttemptFailed for everything that is no answer."""
        session = self._client.session
        assert session is not None, "the client is not open"
        sent = {"accept": "application/json", **headers}
        content = None
        if call.body is not None:
            sent["content-type"] = "application/json"
            content = json.dumps(call.body, separators=(",", ":")).encode()
        try:
            async with session.request(
                call.method, self._base_url + call.path, data=content, headers=sent, allow_redirects=False
            ) as response:
                answer = Answer(response.status, response.headers, await response.read())
        except aiohttp.ClientConnectorError as error:
            raise AttemptFailed(Outcome.CONNECT_REFUSED, detail=str(error)) from error
        except aiohttp.ClientConnectionError as error:
            raise AttemptFailed(Outcome.CONNECTION_LOST, detail=str(error)) from error
        except aiohttp.ClientError as error:
            lost = isinstance(error, aiohttp.ClientPayloadError)
            outcome = Outcome.CONNECTION_LOST if lost else Outcome.INVALID
            raise AttemptFailed(outcome, detail=str(error)) from error
        return judged(answer)
