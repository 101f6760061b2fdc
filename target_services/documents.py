"""The OpenAPI document of each service, made from its routes without starting it.

`make docs` writes them beside the services; a test compares.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from target_services.chassis.settings import ServiceSettings

_HERE = Path(__file__).parent
_NOBODY = {"BaseUrl": "http://127.0.0.1:1", "DatabaseUrl": "sqlite:///nowhere.db"}


def services() -> list[str]:
    """Return the names of all services: packages with an `app` module."""
    return sorted(file.parent.name for file in _HERE.glob("*/app.py"))


def openapi(service: str) -> dict[str, Any]:
    """Return the document of a service."""
    module = importlib.import_module(f"target_services.{service}.app")
    application = module.build(_settings(service, module.Settings)).app
    assert isinstance(application, FastAPI)
    return application.openapi()


def documents() -> Iterator[tuple[Path, str]]:
    """Yield each service's document as a file and its content."""
    for service in services():
        yield _HERE / service / "openapi.json", json.dumps(openapi(service), indent=2, ensure_ascii=False) + "\n"


def _settings(service: str, kind: type[ServiceSettings]) -> ServiceSettings:
    """Return settings that name no real neighbour: what is asked for a document never starts."""
    fields = kind.model_fields.items()
    needed = {name for name, field in fields if field.is_required() or (name.startswith(service) and "_url" in name)}
    addresses = {name: _NOBODY["DatabaseUrl"] if "database" in name else _NOBODY["BaseUrl"] for name in needed}
    return kind.model_validate({**addresses, "service_name": service, "port": 1})
