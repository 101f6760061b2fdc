"""One HTTP exchange, and what became of it in the words of `outcomes`. It decides nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from target_services.chassis.resilience.outcomes import AttemptFailed, Outcome

IDLE_S = 15.0
"""How long an unused connection is kept. Shorter than the servers' limit, so that it is us who close it."""

_IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of a callee. `attempts` lowers the number of attempts of the edge's policy."""

    method: str
    path: str
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    attempts: int | None = None

    @property
    def repeatable(self) -> bool:
        """Tell whether it may be sent twice."""
        return self.method in _IDEMPOTENT_METHODS or self.idempotency_key is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer that is not a failure: 2xx, 3xx, or a 4xx that says something."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the body as data. Raises ValueError when it is not JSON."""
        return json.loads(self.body)

    def problem(self) -> str | None:
        """Return the slug of the problem that a 4xx answer states."""
        if self.status < 400:
            return None
        document = self.json()
        kind = document.get("type") if isinstance(document, dict) else None
        return kind.rpartition(":")[2] if isinstance(kind, str) else None


class Wire:
    """The one HTTP client of the process."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the client ready; needs the running event loop."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # `edge` bounds the whole exchange
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
        )
        # aiohttp would silently send a GET a second time when a pooled connection turns out closed. An
        # attempt has to be one request on the wire, or retries cannot be counted. There is no public switch.
        self._session._retry_connection = False  # noqa: SLF001

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def exchange(self, url: str, call: Call, headers: Mapping[str, str]) -> Answer:
        """Send a request and read the whole answer. Raises AttemptFailed for everything that is no answer."""
        assert self._session is not None, "the client is not open"
        content = None if call.body is None else json.dumps(call.body, separators=(",", ":")).encode()
        try:
            async with self._session.request(
                call.method, url, data=content, headers=headers, allow_redirects=False
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
        return _judged(answer)


def _judged(answer: Answer) -> Answer:
    if answer.status == 429:
        outcome = Outcome.RATE_LIMITED
    elif answer.status >= 500:
        outcome = Outcome.SERVER_ERROR
    else:
        return answer
    raise AttemptFailed(outcome, status=answer.status, retry_after_s=_retry_after_s(answer))


def _retry_after_s(answer: Answer) -> float | None:
    """Read Retry-After in seconds. Its other form, a date, is not used between services and is left out."""
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None
