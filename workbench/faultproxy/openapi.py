"""The control API as an OpenAPI document, from the models that read and write its bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from workbench import __version__
from workbench.faultproxy.toxiproxy import states
from workbench.faultproxy.toxiproxy.documents import NAME, NewProxy
from workbench.faultproxy.wire import (
    EdgeStats,
    FaultList,
    FaultOrder,
    FaultState,
    Lease,
    MarkedRecordingOrder,
    Renewal,
    RenewOrder,
)
from workbench.model.recording import Health, RecordingEnd, RecordingStarted, RecordingState, Refusal

PATH = "/openapi.json"

_TEXT: Final = "text"
Answer = type[BaseModel] | Literal["text"] | None
"""Body of an answer: a model as JSON, text, or none."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `refusals` are the statuses of errors besides those that every path has."""

    method: str
    path: str
    summary: str
    answers: dict[int, Answer]
    refusals: tuple[int, ...] = ()
    takes: type[BaseModel] | None = None

    @property
    def is_ours(self) -> bool:
        """It is none of Toxiproxy's."""
        return self.path.startswith(("/faults", "/recording", "/health", "/metrics", PATH)) or self.path == _STATS

    @property
    def wants_token(self) -> bool:
        return self.path.startswith(("/faults", "/recording"))


_STATS = "/proxies/{proxy}/stats"
_PROXY, _TOXICS, _TOXIC = "/proxies/{proxy}", "/proxies/{proxy}/toxics", "/proxies/{proxy}/toxics/{toxic}"

OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/version", "Which Toxiproxy this stands in for", {200: states.Version}),
    Operation("POST", "/reset", "Enable every proxy; remove every toxic and every fault", {204: None}, (500,)),
    Operation("GET", "/proxies", "All proxies by name", {200: states.Proxies}),
    Operation("POST", "/proxies", "Make a proxy", {201: states.Proxy}, (400, 409, 413, 500), NewProxy),
    Operation(
        "POST",
        "/populate",
        "Make many; those that are there as asked for stay",
        {201: states.Populated, 400: states.Populated, 500: states.Populated, 409: states.Populated},
        (413,),
        states.Population,
    ),
    Operation("GET", _PROXY, "One proxy", {200: states.Proxy}, (404,)),
    *(
        Operation(method, _PROXY, "Change a proxy", {200: states.Proxy}, (400, 404, 413, 500), states.ProxyChanges)
        for method in ("PATCH", "POST")
    ),
    Operation("DELETE", _PROXY, "Remove a proxy with all that is on it", {204: None}, (404,)),
    Operation("GET", _TOXICS, "Toxics of a proxy, those towards the callee first", {200: states.Toxics}, (404,)),
    Operation("POST", _TOXICS, "Put a toxic on", {200: states.Toxic}, (400, 404, 409, 413), states.NewToxic),
    Operation("GET", _TOXIC, "One toxic", {200: states.Toxic}, (404,)),
    *(
        Operation(method, _TOXIC, "Change a toxic", {200: states.Toxic}, (400, 404, 413), states.ToxicChanges)
        for method in ("PATCH", "POST")
    ),
    Operation("DELETE", _TOXIC, "Take a toxic off", {204: None}, (404,)),
    Operation("GET", "/faults", "Faults that are on, with their counts", {200: FaultList}),
    Operation(
        "POST", "/faults", "Put a fault on, for as long as its lease", {201: Lease}, (400, 404, 409, 413), FaultOrder
    ),
    Operation("DELETE", "/faults", "Take all faults off", {200: FaultList}, (500,)),
    Operation("POST", "/faults/renew", "Lengthen leases", {200: Renewal}, (400, 413), RenewOrder),
    Operation("GET", "/faults/{id}", "One fault with its counts", {200: FaultState}, (404,)),
    Operation("DELETE", "/faults/{id}", "Take a fault off", {200: FaultState}, (404, 500)),
    Operation("GET", "/recording", "What was recorded so far", {200: RecordingState}),
    Operation("PUT", "/recording", "Record attempts", {200: RecordingStarted}, (400, 413), MarkedRecordingOrder),
    Operation("DELETE", "/recording", "End the recording", {200: RecordingEnd}, (404,)),
    Operation("GET", _STATS, "What passed one proxy, and what its faults did", {200: EdgeStats}, (404,)),
    Operation("GET", "/health", "Whether the plane answers", {200: Health}),
    Operation("GET", "/metrics", "Prometheus metrics", {200: _TEXT}),
    Operation("GET", PATH, "This document", {200: states.OpenApi}),
)

_MEANINGS = {
    200: "done",
    201: "made",
    204: "done",
    400: "the body cannot be read, or does not hold",
    401: "the token is missing or wrong",
    403: "asked by a browser, or by a name that is not this machine's",
    404: "there is none",
    409: "the name is taken",
    413: "the body is too large",
    500: "the address cannot be listened on",
}


def document() -> dict[str, Any]:
    """Return the document."""
    models = _models()
    refs, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fault plane",
            "version": __version__,
            "description": "Toxiproxy's API as of 2.12, and the plane's own for faults, recording, health and metrics.",
        },
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


@cache
def as_json() -> str:
    """Return the document as text."""
    return json.dumps(document())


Refs = Mapping[Any, dict[str, Any]]


def _models() -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    found: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Refusal, "serialization"): None}
    for operation in OPERATIONS:
        if operation.takes is not None:
            found[operation.takes, "validation"] = None
        for answer in operation.answers.values():
            if isinstance(answer, type):
                found[answer, "serialization"] = None
    return list(found)


def _described(operation: Operation, refs: Refs) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}{re.sub('[^a-zA-Z]+', '_', operation.path).rstrip('_')}",
        "summary": operation.summary,
        "responses": {str(status): answer for status, answer in sorted(_answers(operation, refs).items())},
    }
    names = re.findall(r"\{(\w+)\}", operation.path)
    if names:
        pattern = f"^{NAME}$" if not operation.is_ours else "^[a-z][a-z0-9-]{0,62}$"
        described["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}
            for name in names
        ]
    if operation.takes is not None:
        content = {"application/json": {"schema": refs[operation.takes, "validation"]}}
        described["requestBody"] = {"required": True, "content": content}
    if operation.wants_token:
        described["security"] = [{"token": []}]
    return described


def _answers(operation: Operation, refs: Refs) -> dict[int, dict[str, Any]]:
    answers = {status: _answer(status, body, refs) for status, body in operation.answers.items()}
    refusal: Answer = Refusal if operation.is_ours else _TEXT
    for status in operation.refusals:
        answers[status] = _answer(status, _TEXT if status == 413 else refusal, refs)
    answers[403] = _answer(403, _TEXT, refs)
    if operation.wants_token:
        answers[401] = _answer(401, Refusal, refs)
    return answers


def _answer(status: int, body: Answer, refs: Refs) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _MEANINGS[status]}
    if body == _TEXT:
        described["content"] = {"text/plain": {"schema": {"type": "string"}}}
    elif isinstance(body, type):
        described["content"] = {"application/json": {"schema": refs[body, "serialization"]}}
    return described
