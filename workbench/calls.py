"""Short HTTP calls to our own processes, with a deadline. Standard library only, because every process imports it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from time import monotonic
from typing import Any
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """The other side is away, too slow, or did not answer 2xx. The message says which."""


class Refused(NoAnswer):
    """The other side answered with another status than 2xx."""

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__(f"status {status} {content[:300].decode(errors='replace').strip()}")
        self.status = status
        self.content = content


def call(
    method: str,
    url: str,
    *,
    token: str | None = None,
    body: str | None = None,
    deadline_s: float,
    more_headers: Mapping[str, str] | None = None,
) -> bytes:
    """Send one request, with JSON as its body, and return the body of a 2xx answer. Raises NoAnswer."""
    until = monotonic() + deadline_s
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=deadline_s)
    headers = {"Content-Type": "application/json", **(more_headers or {})}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, parts._replace(scheme="", netloc="", fragment="").geturl() or "/", body, headers)
        connection.sock.settimeout(max(until - monotonic(), 0.001))
        response = connection.getresponse()
        content = response.read()
    except TimeoutError as error:
        raise NoAnswer(f"no answer within {deadline_s:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(str(error) or type(error).__name__) from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        raise Refused(response.status, content)
    return content


def call_json(method: str, url: str, *, token: str | None = None, body: Any = None, deadline_s: float) -> Any:
    """Send one request and return what its JSON answer holds; None for an empty one. Raises NoAnswer."""
    text = None if body is None else json.dumps(body)
    try:
        content = call(method, url, token=token, body=text, deadline_s=deadline_s)
        return json.loads(content) if content else None
    except (NoAnswer, ValueError) as error:
        raise NoAnswer(f"{method} {url}: {error}") from error
