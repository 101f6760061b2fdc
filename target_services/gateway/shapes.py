"""What the gateway is asked and what it shows.

It passes bodies on as they are, so they have the forms that the services behind it give them: its document tells those,
as a second copy could only come to differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import Body
from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

from target_services.chassis.cursors import LONGEST
from target_services.chassis.openapi import Shape, answers
from target_services.users.shapes import AccountChange, Login, Refresh, SignUp

_DEEPEST = 32
"""Levels of a body that is passed on; far more than any form has, and far fewer than JSON can be written again with."""

_LIMITS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


def _passed_on(form: type[Shape]) -> Any:
    """Return the type of a JSON object that only the service that it is for looks into."""
    return Annotated[dict[str, Any], AfterValidator(_not_too_deep), Body(), WithJsonSchema(form.model_json_schema())]


def _not_too_deep(body: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [body]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return body
    raise ValueError("this is nested too deeply")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


SignUpBody = _passed_on(SignUp)
LoginBody = _passed_on(Login)
RefreshBody = _passed_on(Refresh)
AccountChangeBody = _passed_on(AccountChange)


class ListQuery(BaseModel):
    """Which page of a list."""

    cursor: str | None = Field(default=None, max_length=LONGEST, examples=[None])
    limit: int = Field(default=20, ge=1, le=100)


def to_anybody(
    shown: type[Shape],
    *statuses: int,
    problems: Mapping[int, str] | None = None,
    query: type[BaseModel] | None = None,
) -> dict[str, Any]:
    """Return what the route's decorator is told of an operation that asks for no token."""
    also = {429: "rate-limited", 503: "overloaded"}
    return _asked_by(query, answers(shown, *statuses, problems=_joined(problems or {}, also), headers=_LIMITS))


def to_known(
    shown: type[Shape],
    *statuses: int,
    problems: Mapping[int, str] | None = None,
    headers: tuple[str, ...] = (),
    links: Mapping[str, Mapping[str, str]] | None = None,
    query: type[BaseModel] | None = None,
) -> dict[str, Any]:
    """Return what the route's decorator is told of an operation that asks for a token."""
    also = {401: "unauthenticated", 403: "forbidden", 429: "rate-limited", 503: "overloaded keys-unavailable"}
    own = _joined(problems or {}, also)
    told = answers(shown, *statuses, problems=own, headers=(*_LIMITS, *headers), links=links, token=True)
    return _asked_by(query, told)


def _asked_by(query: type[BaseModel] | None, told: dict[str, Any]) -> dict[str, Any]:
    """Add the parameters of a query that is passed on as it is."""
    if query is None:
        return told
    schema = query.model_json_schema()
    enums = {f"#/$defs/{name}": enum for name, enum in schema.get("$defs", {}).items()}
    parameters = [
        {"name": name, "in": "query", "schema": {**enums.get(part.pop("$ref", ""), {}), **part}}
        for name, part in schema["properties"].items()
    ]
    return {**told, "openapi_extra": {**told["openapi_extra"], "parameters": parameters}}


def _joined(one: Mapping[int, str], other: Mapping[int, str]) -> dict[int, str]:
    return {status: f"{one.get(status, '')} {other.get(status, '')}" for status in {**one, **other}}
