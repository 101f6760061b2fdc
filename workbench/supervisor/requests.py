"""Short HTTP requests to our own processes, with a deadline. Standard library, because the supervisor is small."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """The other side is away, too slow, or did not answer 2xx. The message says which."""


def call(method: str, url: str, *, token: str = "", body: Any = None, deadline_s: float = 2.0) -> Any:
    """Send one request and return the JSON answer (None if there is none). Raises NoAnswer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=deadline_s)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    content = None
    if body is not None:
        content = json.dumps(body)
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, parts.path or "/", content, headers)
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{method} {url}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        raise NoAnswer(f"{method} {url}: status {response.status} {text[:300].decode(errors='replace')}")
    return json.loads(text) if text and "json" in (response.getheader("content-type") or "") else None
