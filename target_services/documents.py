"""The OpenAPI document of each service, made from its routes without starting it.

`make docs` writes them beside the services; a test compares.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message

from target_services.chassis.settings import ServiceSettings

_HERE = Path(__file__).parent
_NOBODY = {"url": "http://127.0.0.1:1", "database_url": "sqlite:///nowhere.db", "target": "127.0.0.1:1"}
"""Addresses where nobody is, by what the names of settings end with; the longest that fits counts."""


def services() -> list[str]:
    """Return the names of all services: packages with an `app` module."""
    return sorted(file.parent.name for file in _HERE.glob("*/app.py"))


def openapi(service: str) -> dict[str, Any]:
    """Return the document of a service."""
    module = importlib.import_module(f"target_services.{service}.app")
    document: dict[str, Any] = asyncio.run(_asked(module.build(_settings(service, module.Settings))))
    return document


def documents() -> Iterator[tuple[Path, str]]:
    """Yield each service's document as a file and its content."""
    for service in services():
        yield _HERE / service / "openapi.json", json.dumps(openapi(service), indent=2, ensure_ascii=False) + "\n"


async def _asked(application: ASGIApp) -> Any:
    """Return what a service answers whoever asks for its document."""
    body = b""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal body
        body += message.get("body", b"")

    path = "/openapi.json"
    request = {"method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": []}
    await application(
        {"type": "http", "http_version": "1.1", "root_path": "", "scheme": "http", **request}, receive, send
    )
    return json.loads(body)


def _settings(service: str, kind: type[ServiceSettings]) -> ServiceSettings:
    """Return settings that name no real neighbour: what is asked for a document never starts."""
    addresses = {}
    for name, field in kind.model_fields.items():
        end = max((end for end in _NOBODY if name.endswith(end)), key=len, default=None)
        if end is not None and (field.is_required() or name.startswith(service)):
            addresses[name] = _NOBODY[end]
    return kind.model_validate({**addresses, "service_name": service, "port": 1})
