"""Statuses of gRPC and of HTTP, and what travels in the trailers of a gRPC answer: a problem document, a farewell."""

from __future__ import annotations

import json

from grpc import StatusCode

PROBLEM_TRAILER = "problem-bin"
"""Trailer that carries the problem document, as JSON."""

LEAVING_TRAILER = "x-leaving"
"""Trailer that asks the caller to connect afresh, because this instance is about to go: HTTP's `connection: close`."""

_CODES = {
    200: StatusCode.OK,
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    409: StatusCode.FAILED_PRECONDITION,
    422: StatusCode.INVALID_ARGUMENT,
    429: StatusCode.RESOURCE_EXHAUSTED,
    499: StatusCode.CANCELLED,
    500: StatusCode.INTERNAL,
    501: StatusCode.UNIMPLEMENTED,
    502: StatusCode.UNAVAILABLE,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}
_STATUSES = {
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.ABORTED: 409,
    StatusCode.FAILED_PRECONDITION: 409,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DEADLINE_EXCEEDED: 504,
}


def grpc_code(status: int) -> StatusCode:
    """Return the code for the status of a problem."""
    if status in _CODES:
        return _CODES[status]
    return StatusCode.FAILED_PRECONDITION if status < 500 else StatusCode.INTERNAL


def http_status(code: StatusCode, problem: bytes = b"") -> int:
    """Return the status that a problem document states, or else the one that a code comes closest to."""
    try:
        document = json.loads(problem)
    except ValueError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("status"), int):
        return int(document["status"])
    return _STATUSES[code] if code in _STATUSES else 500
