"""The control API does what its OpenAPI document says, whatever is sent to it: fuzzed from the document itself."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.faultproxy.process import TOKEN, PlaneProcess, plane_process
from workbench.faultproxy.control import build_app
from workbench.faultproxy.openapi import OPERATIONS, document
from workbench.faultproxy.options import Options
from workbench.faultproxy.plane import Plane

COMMITTED = Path(__file__).parents[2] / "docs" / "reference" / "schemas" / "fault-plane.openapi.json"
ASKED = [status_code_conformance, content_type_conformance, response_schema_conformance]
CANNOT_LISTEN = re.compile(r"listen tcp|missing port in address|invalid port|not a loopback address")
"""Toxiproxy answers 500 where an address cannot be listened on; nothing else may be the server's fault."""

TIMEOUT_S = 20.0

NO_COVERAGE = schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": False}}})
"""For the one body that has so many parts that to go through all of them takes a minute."""

schema = schemathesis.openapi.from_path(COMMITTED).exclude(path="/faults", method="POST")
faults = schemathesis.openapi.from_path(COMMITTED, config=NO_COVERAGE).include(path="/faults", method="POST")
bounded = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def plane() -> Iterator[PlaneProcess]:
    """A plane that stays while all are asked, with something in it to be found."""
    with plane_process() as plane:
        for name in ("a:b", "A"):
            plane.send("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"})
            plane.send("POST", f"/proxies/{name}/toxics", {"type": "noop", "name": "0"})
        yield plane
        assert plane.process.poll() is None
        assert plane.send("GET", "/health").status == 200


def test_every_route_is_in_the_document_and_no_other() -> None:
    loop = asyncio.new_event_loop()
    app = build_app(Plane(loop), Options(), random.Random(1))
    loop.close()
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    assert {(operation.method, operation.path) for operation in OPERATIONS} == served


def test_the_document_is_served(plane: PlaneProcess) -> None:
    assert plane.send("GET", "/openapi.json", token=None).json == document() == json.loads(COMMITTED.read_text())


@schema.parametrize()
@bounded
def test_whatever_is_asked_the_answer_is_documented(case: Any, plane: PlaneProcess, tmp_path_factory: Any) -> None:
    """No error of the server, no hang, no status and no body that the document does not tell."""
    ask(case, plane, tmp_path_factory)


@faults.parametrize()
@bounded
def test_whatever_fault_is_ordered_too(case: Any, plane: PlaneProcess, tmp_path_factory: Any) -> None:
    ask(case, plane, tmp_path_factory)


def ask(case: Any, plane: PlaneProcess, tmp_path_factory: Any) -> None:
    if case.path == "/recording" and isinstance(case.body, dict) and "directory" in case.body:
        case.body["directory"] = str(tmp_path_factory.getbasetemp()) if case.body["directory"] else "/nowhere"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    response = case.call(base_url=plane.url, headers=headers, timeout=TIMEOUT_S)
    case.validate_response(response, checks=ASKED)
    assert response.status_code < 500 or CANNOT_LISTEN.search(response.text), response.text
