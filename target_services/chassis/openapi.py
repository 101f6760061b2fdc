"""A service's OpenAPI document: routes say what is theirs with `answers`, and the rest is the same everywhere.

    @app.post("/v1/reservations", **answers(ReservationShown, 201, problems={409: "out-of-stock"}))

What every route has is added here once: the headers that travel with a request, the problems that any request can
meet, tags and operation ids. The document is committed beside the service (`make docs`), and tests hold the running
service to it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, field_validator

from target_services.chassis import correlation
from target_services.chassis.problems import MEDIA_TYPE, TYPE_PREFIX, title
from target_services.chassis.resilience import deadline

_ANY_ROUTE = {400: "", 422: "invalid-request", 500: "", 503: "", 504: "deadline-exceeded"}
"""What any request can meet: it is no JSON, not valid, something is broken, a part is away, the caller has left."""

_RETRY_AFTER = frozenset({409, 429, 502, 503, 504})
"""Statuses that may say when to come again."""

_OBJECT = {"type": "object"}
_PROBLEM = {
    "title": "Problem",
    "description": "An error, as RFC 9457 has it. Problems can have members of their own beside these.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": f"{TYPE_PREFIX}NAME, or about:blank where the status says it all"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "what has happened, for people"},
        "trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "correlation_id": {"type": "string"},
        "edge": {"type": "string", "description": "CALLER:CALLEE, where a call between services has failed"},
        "problems": {
            "type": "array",
            "description": "all that is wrong with the request",
            "items": {
                "type": "object",
                "required": ["at", "message"],
                "properties": {"at": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_CORRELATION = {"type": "string", "pattern": "^[A-Za-z0-9._:/+=-]{1,128}$", "examples": ["3f0c9f9e6f0d4c5c"]}
_PARAMETERS = {
    correlation.HEADER: {
        "name": correlation.HEADER,
        "in": "header",
        "description": "one word for the whole request of a user; made up where it is missing or unfit for a log",
        "schema": {"type": "string", "examples": ["3f0c9f9e6f0d4c5c"]},
    },
    deadline.HEADER: {
        "name": deadline.HEADER,
        "in": "header",
        "description": "how many milliseconds the caller will wait; what cannot be done by then is not begun",
        "schema": {"type": "string", "examples": ["2500"]},
    },
}
_HEADERS = {
    correlation.HEADER: {"description": "the request's correlation id", "required": True, "schema": _CORRELATION},
    "retry-after": {"description": "seconds until it is worth asking again", "schema": {"type": "integer"}},
    "idempotent-replayed": {
        "description": "this answer was given before",
        "schema": {"type": "string", "const": "true"},
    },
    "location": {"description": "address of what was made", "schema": {"type": "string"}},
}


class Shape(BaseModel):
    """A body as the wire has it. Text and truth are no numbers here; 2.0 is 2, as JSON has only one kind of number."""

    model_config = ConfigDict(strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _whole(cls, value: object) -> object:
        return int(value) if isinstance(value, float) and value.is_integer() else value


def answers(
    shown: type[Shape],
    *statuses: int,
    problems: Mapping[int, str] | None = None,
    headers: tuple[str, ...] = (),
    links: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Return what a route's decorator is told: the model shown, its statuses (200), its problems by status.

    The names of several problems of one status stand in one text, with spaces between them. `headers` are those of
    a success: `location`, `idempotent-replayed`. `links` tell by operation id which of its parameters come from where
    in this exchange, such as `$response.body#/id`.
    """
    first, *others = statuses or (200,)
    own = dict(problems or {})
    every = {status: f"{_ANY_ROUTE.get(status, '')} {own.get(status, '')}".split() for status in {**_ANY_ROUTE, **own}}
    sent: dict[str, Any] = {"headers": {name: _ref("headers", name) for name in headers}}
    if links:
        sent["links"] = {name: {"operationId": name, "parameters": {**links[name]}} for name in links}
    return {
        "status_code": first,
        "response_model": shown,
        "responses": {
            first: sent,
            **{status: {"model": shown, **sent} for status in others},
            **{status: _problem(status, names) for status, names in sorted(every.items())},
        },
    }


class DescribedApp(FastAPI):
    """An application whose document is whole. Operation ids are the names of the functions."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            generate_unique_id_function=_function_name,
            **options,
        )

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document; made when it is first asked for."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(self)
        return self.openapi_schema


def description(kind: type) -> str:
    """Return what the package of a class says about itself: what a service is for, in its own words."""
    package = sys.modules[kind.__module__.rpartition(".")[0]]
    return (package.__doc__ or "").strip()


def _completed(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version="1", description=app.description, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for leftover in ("HTTPValidationError", "ValidationError"):
        schemas.pop(leftover, None)
    schemas["Problem"] = _PROBLEM
    components["schemas"] = dict(sorted(schemas.items()))
    components["parameters"] = _PARAMETERS
    components["headers"] = _HEADERS
    tags = set()
    for path, operations in document["paths"].items():
        tag = path.split("/")[2]
        tags.add(tag)
        for operation in operations.values():
            operation["tags"] = [tag]
            operation.setdefault("parameters", []).extend(_ref("parameters", name) for name in _PARAMETERS)
            for status, response in operation["responses"].items():
                _add_headers(int(status), response)
    document["tags"] = [{"name": tag} for tag in sorted(tags)]
    return document


def _add_headers(status: int, response: dict[str, Any]) -> None:
    headers = response.setdefault("headers", {})
    headers[correlation.HEADER] = _ref("headers", correlation.HEADER)
    if status in _RETRY_AFTER:
        headers["retry-after"] = _ref("headers", "retry-after")


def _problem(status: int, names: list[str]) -> dict[str, Any]:
    types = [TYPE_PREFIX + name for name in names] + ["about:blank"]
    known = {"properties": {"type": {"enum": types}, "status": {"const": status}}}
    examples = {name: {"value": _example(status, name)} for name in names} or {"plain": {"value": _example(status)}}
    content = {"schema": {"allOf": [_ref("schemas", "Problem"), {**_OBJECT, **known}]}, "examples": examples}
    description = "; ".join(title(name, status) for name in names) or HTTPStatus(status).phrase
    return {"description": description, "content": {MEDIA_TYPE: content}}


def _example(status: int, name: str | None = None) -> dict[str, object]:
    kind = TYPE_PREFIX + name if name else "about:blank"
    return {"type": kind, "title": title(name, status), "status": status, "detail": "what has happened"}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _function_name(route: APIRoute) -> str:
    return route.name
