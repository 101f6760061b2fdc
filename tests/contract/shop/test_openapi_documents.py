"""The services' documents are whole: whoever reads one knows every answer, every header and every problem."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from target_services.chassis.problems import MEDIA_TYPE
from target_services.documents import openapi, services

EVERY = {"400", "413", "422", "500", "503", "504"}


class Operation(NamedTuple):
    document: Any
    path: str
    told: Any


def operations() -> list[Any]:
    return [
        pytest.param(Operation(document, path, told), id=f"{service} {method.upper()} {path}")
        for service, document in ((service, openapi(service)) for service in services())
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]


@pytest.mark.parametrize("operation", operations())
class TestEachOperation:
    def test_has_a_version_a_name_a_purpose_and_a_tag(self, operation: Operation) -> None:
        assert operation.path.startswith("/v1/")
        assert operation.told["operationId"]
        assert operation.told["description"]
        assert set(operation.told["tags"]) <= {tag["name"] for tag in operation.document["tags"]}

    def test_shows_a_known_form_on_success(self, operation: Operation) -> None:
        good = {status: answer for status, answer in operation.told["responses"].items() if status < "400"}
        assert good
        for answer in good.values():
            assert resolved(operation.document, answer["content"]["application/json"]["schema"])["properties"]

    def test_answers_every_error_as_a_problem(self, operation: Operation) -> None:
        bad = {status: answer for status, answer in operation.told["responses"].items() if status >= "400"}
        assert set(bad) >= EVERY
        for status, answer in bad.items():
            assert list(answer["content"]) == [MEDIA_TYPE]
            schema = answer["content"][MEDIA_TYPE]["schema"]
            assert {"$ref": "#/components/schemas/Problem"} in schema["allOf"]
            for example in answer["content"][MEDIA_TYPE]["examples"].values():
                assert example["value"]["status"] == int(status)

    def test_tells_the_headers_that_travel(self, operation: Operation) -> None:
        sent = {resolved(operation.document, parameter)["name"] for parameter in operation.told["parameters"]}
        assert {"x-correlation-id", "x-deadline-ms"} <= sent
        for status, answer in operation.told["responses"].items():
            assert "x-correlation-id" in answer["headers"]
            assert ("retry-after" in answer["headers"]) is (status in ("409", "429", "500", "502", "503", "504"))

    def test_has_examples_of_all_that_is_sent(self, operation: Operation) -> None:
        for parameter in operation.told["parameters"]:
            whole = resolved(operation.document, parameter)
            schema = resolved(operation.document, whole["schema"])
            assert "examples" in schema or "enum" in schema or "default" in schema, whole["name"]
        if "requestBody" in operation.told:
            body = resolved(operation.document, operation.told["requestBody"]["content"]["application/json"]["schema"])
            for name, schema in body["properties"].items():
                assert "examples" in schema or "enum" in schema or "const" in schema, name


@pytest.mark.parametrize("service", services())
def test_operation_ids_are_unique_and_every_reference_leads_somewhere(service: str) -> None:
    document = openapi(service)
    named = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(named) == len(set(named))
    for reference in references(document):
        resolved(document, {"$ref": reference})


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolved(document: Any, part: Any) -> Any:
    while "$ref" in part:
        found = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part
