"""A service's OpenAPI document: routes say what is theirs with `answers`, and the rest is the same everywhere.

    @app.post("/v1/reservations", **answers(ReservationShown, 201, problems={409: "out-of-stock"}))

What every route has is added here once: the headers that travel with a request, the problems that any request can
meet, tags and operation ids. The document is committed beside the service (`make docs`), and tests hold the running
service to it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, field_validator

from target_services.chassis import correlation
from target_services.chassis.openapi_parts import (
    BEARER,
    HEADERS,
    PARAMETERS,
    PROBLEM,
    SECURITY_SCHEMES,
    problem,
    ref,
)

_ANY_ROUTE = {
    400: "",
    413: "body-too-large",
    422: "invalid-request",
    500: "database-outcome-unknown",
    503: "database-unavailable database-away",
    504: "deadline-exceeded",
}
"""What any request can meet: it is no JSON, too large, not valid, something is broken or away, its caller has left."""

_A_CALLER = {502: "upstream-failed", 503: "upstream-unavailable", 504: "upstream-timeout"}
"""What else can be met where a service calls others."""

_RETRY_AFTER = frozenset({"409", "429", "500", "502", "503", "504"})
"""Statuses that may say when to come again."""

_NAMES = "x-problems"
"""Where the names of a status's problems wait in a route's declaration for the document to be made."""


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
    token: bool = False,
) -> dict[str, Any]:
    """Return what a route's decorator is told: the model shown, its statuses (200), its problems by status.

    The names of several problems of one status stand in one text, with spaces between them. `headers` are those of
    a success, such as `location`. `links` tell by operation id which of its parameters come from where in this
    exchange, such as `$response.body#/id`. `token`: nobody is answered without one.
    """
    first, *others = statuses or (200,)
    sent: dict[str, Any] = {"headers": {name: ref("headers", name) for name in headers}}
    if links:
        sent["links"] = {name: {"operationId": name, "parameters": {**links[name]}} for name in links}
    return {
        "status_code": first,
        "response_model": shown,
        "responses": {
            first: sent,
            **{status: {"model": shown, **sent} for status in others},
            **{status: {"description": "", _NAMES: names} for status, names in (problems or {}).items()},
        },
        "openapi_extra": {"security": [{BEARER: []}]} if token else {},
    }


class DescribedApp(FastAPI):
    """An application whose document is whole. Operation ids are the names of the functions."""

    def __init__(self, *, calls_others: bool, **options: Any) -> None:
        super().__init__(
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            generate_unique_id_function=_function_name,
            **options,
        )
        self._calls_others = calls_others

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document; made when it is first asked for."""
        if self.openapi_schema is None:
            document = get_openapi(title=self.title, version="1", description=self.description, routes=self.routes)
            _complete(document, [_ANY_ROUTE, *([_A_CALLER] if self._calls_others else [])])
            self.openapi_schema = document
        return self.openapi_schema


def description(kind: type) -> str:
    """Return what the package of a class says about itself: what a service is for, in its own words."""
    package = sys.modules[kind.__module__.rpartition(".")[0]]
    return (package.__doc__ or "").strip()


def _complete(document: dict[str, Any], everywhere: list[dict[int, str]]) -> None:
    """Add to a document what all routes have in common."""
    components = document.setdefault("components", {})
    schemas = {**components.get("schemas", {}), "Problem": PROBLEM}
    for leftover in ("HTTPValidationError", "ValidationError"):
        schemas.pop(leftover, None)
    components["schemas"] = dict(sorted(schemas.items()))
    components["parameters"] = PARAMETERS
    components["headers"] = HEADERS
    operations = [(path, operation) for path, methods in document["paths"].items() for operation in methods.values()]
    if any("security" in operation for _, operation in operations):
        components["securitySchemes"] = SECURITY_SCHEMES
    for path, operation in operations:
        operation["tags"] = [path.split("/")[2]]
        operation.setdefault("parameters", []).extend(ref("parameters", name) for name in PARAMETERS)
        operation["responses"] = _responses(operation["responses"], everywhere)
    document["tags"] = [{"name": tag} for tag in sorted({operation["tags"][0] for _, operation in operations})]


def _responses(declared: dict[str, Any], everywhere: list[dict[int, str]]) -> dict[str, Any]:
    named: dict[str, list[str]] = {}
    for status, response in declared.items():
        if status >= "400":
            named.setdefault(status, []).extend(response.get(_NAMES, "").split())
    for problems in everywhere:
        for number, names in problems.items():
            named.setdefault(str(number), []).extend(names.split())
    good = {status: response for status, response in declared.items() if status < "400"}
    bad = {status: problem(int(status), sorted(set(names))) for status, names in sorted(named.items())}
    for status, response in (responses := {**good, **bad}).items():
        headers = response.setdefault("headers", {})
        headers[correlation.HEADER] = ref("headers", correlation.HEADER)
        if status in _RETRY_AFTER:
            headers["retry-after"] = ref("headers", "retry-after")
    return responses


def _function_name(route: APIRoute) -> str:
    return route.name
