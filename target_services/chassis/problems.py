"""Errors as RFC 9457 problem details: every error a service answers has this one form.

A problem that a caller has to tell from others has a type of its own; the rest are told by their status.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from opentelemetry import trace
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from target_services.chassis import correlation
from target_services.chassis.database_errors import DatabaseUnavailable
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.outcomes import CallFailed, Outcome

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:shop:problem:"


class Problem(Exception):
    """An error to be answered. `slug` names a problem that callers tell from others."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        slug: str | None = None,
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.slug = slug
        self.headers = dict(headers or {})
        self.members = members

    def document(self) -> dict[str, object]:
        """Return the problem as JSON data, with what ties it to traces and logs."""
        document: dict[str, object] = {
            "type": TYPE_PREFIX + self.slug if self.slug else "about:blank",
            "title": title(self.slug, self.status),
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            document["trace_id"] = f"{context.trace_id:032x}"
        if (request := correlation.current.get()) is not None:
            document["correlation_id"] = request
        return document

    def response(self) -> Response:
        """Return the problem as an answer."""
        body = json.dumps(self.document(), separators=(",", ":"))
        return Response(body, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def title(slug: str | None, status: int) -> str:
    """Return the title of a problem: its name in words, or what its status means."""
    return slug.replace("-", " ").capitalize() if slug else HTTPStatus(status).phrase


def unavailable(failure: CallFailed) -> Problem:
    """Return what a service answers when a call it could not do without has failed.

    503 only when the callee has certainly not acted. Retry-After keeps callers from multiplying our own retries. Where
    the time that our caller gave us was over, that is said, so that it is not taken for our failure.
    """
    callee = failure.edge.partition(":")[2]
    later = {"retry-after": "1"}
    if failure.outcome in (Outcome.TIMEOUT, Outcome.DEADLINE):
        detail = f"{callee} did not answer in time"
        slug = deadlines.SLUG if failure.outcome is Outcome.DEADLINE else "upstream-timeout"
        return Problem(504, detail, slug=slug, headers=later, edge=failure.edge)
    if failure.may_have_acted:
        detail = f"{callee} failed, and may have done what it was asked to"
        return Problem(502, detail, slug="upstream-failed", headers=later, edge=failure.edge)
    detail = f"{callee} cannot be used right now"
    return Problem(503, detail, slug="upstream-unavailable", headers=later, edge=failure.edge)


def database_failed(failure: DatabaseUnavailable) -> Problem:
    """Return what a service answers when its own database could not do its part.

    503 only when nothing was committed for certain.
    """
    if failure.may_have_acted:
        detail = f"{failure}; what was asked for may have been done, and can be asked for again under the same key"
        return Problem(500, detail, slug="database-outcome-unknown", headers={"retry-after": "1"})
    return Problem(503, str(failure), slug="database-unavailable", headers={"retry-after": "1"}, cause=failure.cause)


def _allowed(request: Request) -> dict[str, str]:
    """Return the methods of an address. The framework would name those of one of its routes only."""
    routes = [route for route in request.app.routes if isinstance(route, APIRoute)]
    methods = {method for r in routes if r.matches(request.scope)[0] is not Match.NONE for method in r.methods or ()}
    return {"allow": ", ".join(sorted(methods))}


def install(app: FastAPI) -> None:
    """Make an application answer all its errors as problem details."""

    async def problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    async def call_failed(_: Request, error: Exception) -> Response:
        assert isinstance(error, CallFailed)
        return unavailable(error).response()

    async def database_away(_: Request, error: Exception) -> Response:
        assert isinstance(error, DatabaseUnavailable)
        return database_failed(error).response()

    async def not_storable(_: Request, __: Exception) -> Response:
        return Problem(422, "a value is none that the database can hold", slug="invalid-request").response()

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = _allowed(request) if error.status_code == 405 else error.headers
        return Problem(error.status_code, str(error.detail), headers=headers).response()

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = [{"at": "/".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
        return Problem(422, "the request is not valid", slug="invalid-request", problems=problems).response()

    async def unexpected(_: Request, __: Exception) -> Response:
        return Problem(500, "an unexpected error; the log has it under this trace id").response()

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(CallFailed, call_failed)
    app.add_exception_handler(DatabaseUnavailable, database_away)
    app.add_exception_handler(DataError, not_storable)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unexpected)
