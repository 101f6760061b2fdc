"""What all OpenAPI documents of the shop have in common: the form of problems, and the headers that travel."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from target_services.chassis import correlation
from target_services.chassis.problems import MEDIA_TYPE, TYPE_PREFIX, title
from target_services.chassis.resilience import deadline

PROBLEM = {
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
PARAMETERS = {
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
HEADERS = {
    correlation.HEADER: {"description": "the request's correlation id", "required": True, "schema": _CORRELATION},
    "retry-after": {"description": "seconds until it is worth asking again", "schema": {"type": "integer"}},
    "idempotent-replayed": {
        "description": "this answer was given before",
        "schema": {"type": "string", "const": "true"},
    },
    "ratelimit-limit": {"description": "requests allowed in a window", "schema": {"type": "integer"}},
    "ratelimit-remaining": {"description": "how many are left of them", "schema": {"type": "integer"}},
    "ratelimit-reset": {"description": "seconds until the window ends", "schema": {"type": "integer"}},
    "location": {"description": "address of what was made", "schema": {"type": "string"}},
}

BEARER = "bearer"
SECURITY_SCHEMES = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "the access token of a session; which roles may ask is told by each operation",
    }
}


def ref(kind: str, name: str) -> dict[str, str]:
    """Return a reference to one of the document's components."""
    return {"$ref": f"#/components/{kind}/{name}"}


def problem(status: int, names: list[str]) -> dict[str, Any]:
    """Return the response of one error status: which problems it can be."""
    types = [TYPE_PREFIX + name for name in names] + ["about:blank"]
    known = {"type": "object", "properties": {"type": {"enum": types}, "status": {"const": status}}}
    examples = {name: {"value": _example(status, name)} for name in names} or {"plain": {"value": _example(status)}}
    content = {"schema": {"allOf": [ref("schemas", "Problem"), known]}, "examples": examples}
    description = "; ".join(title(name, status) for name in names) or HTTPStatus(status).phrase
    return {"description": description, "content": {MEDIA_TYPE: content}}


def _example(status: int, name: str | None = None) -> dict[str, object]:
    kind = TYPE_PREFIX + name if name else "about:blank"
    return {"type": kind, "title": title(name, status), "status": status, "detail": "what has happened"}
