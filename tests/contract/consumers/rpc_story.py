"""One thing that a consumer needs of a provider over gRPC.

Pact has no gRPC without a plugin that is downloaded while it runs. What is recorded here is simpler: messages are
typed, and a provider's state can fix every value, so an answer is told by its values and needs no matchers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from target_services.chassis.grpc_status import PROBLEM_TRAILER, grpc_code
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.grpc_wire import GrpcWire
from target_services.protos import inventory_pb2
from tests.contract.consumers.story import asked


@dataclass(frozen=True, slots=True)
class RpcStory:
    """What one call is.

    `given` are the provider's states with their parameters. `answer` has the fields that the consumer reads; with a
    status other than 200 it is a problem document. `ask` is the consumer's own code, on an edge that leads to a stub;
    what it returns has to be `understood`.
    """

    what: str
    method: str
    request: Mapping[str, object]
    answer: Mapping[str, object]
    ask: Callable[[Edge], Awaitable[object]]
    understood: object
    status: int = 200
    given: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def play_rpc(consumer: str, provider: str, story: RpcStory) -> dict[str, Any]:
    """Let the consumer ask a stub, and return what it sent with what it was answered, as data.

    Raises AssertionError where it did not ask what the story tells, once, or did not understand the answer.
    """
    heard: list[tuple[str, bytes]] = []
    understood = asyncio.run(_played(consumer, provider, story, heard))
    ((path, sent),) = heard
    request = message_of(method_at(path).input_type, sent)
    assert (path, request) == (story.method, story.request), f"{consumer} asks {path} {request}"
    assert understood == story.understood, f"{consumer} takes {story.what} for {understood}"
    return {
        "description": story.what,
        "given": [{"state": state, "parameters": {**parameters}} for state, parameters in story.given.items()],
        "method": path,
        "request": request,
        "status": story.status,
        "answer": {**story.answer},
    }


def document(consumer: str, provider: str, played: list[dict[str, Any]]) -> str:
    """Return the file of a pair."""
    return json.dumps({"consumer": consumer, "provider": provider, "calls": played}, indent=2) + "\n"


def method_at(path: str) -> MethodDescriptor:
    """Return the method that a path on the wire stands for. Raises KeyError where there is none."""
    service, _, method = path.lstrip("/").partition("/")
    descriptor = inventory_pb2.DESCRIPTOR.services_by_name[service.rpartition(".")[2]]
    if descriptor.full_name != service:
        raise KeyError(path)
    return descriptor.methods_by_name[method]


def message_of(kind: Any, content: bytes) -> dict[str, Any]:
    """Return a message as data, with all its fields."""
    found: dict[str, Any] = MessageToDict(
        GetMessageClass(kind).FromString(content),
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    return found


def content_of(kind: Any, data: Mapping[str, object]) -> bytes:
    """Return the message that data stands for. Raises ParseError for a field that there is not."""
    message: Message = ParseDict({**data}, GetMessageClass(kind)())
    return message.SerializeToString(deterministic=True)


async def _played(consumer: str, provider: str, story: RpcStory, heard: list[tuple[str, bytes]]) -> object:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Stub(story, heard),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        return await asked(consumer, provider, GrpcWire(f"127.0.0.1:{port}"), story.ask)
    finally:
        await server.stop(0)


class _Stub(grpc.GenericRpcHandler):
    """Answers whatever it is asked as the story has it, and keeps what that was."""

    def __init__(self, story: RpcStory, heard: list[tuple[str, bytes]]) -> None:
        self._story = story
        self._heard = heard

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        async def answer(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            self._heard.append((handler_call_details.method, request))
            if self._story.status != 200:
                problem = json.dumps({"status": self._story.status, **self._story.answer}).encode()
                await context.abort(grpc_code(self._story.status), "refused", ((PROBLEM_TRAILER, problem),))
            return content_of(method_at(self._story.method).output_type, self._story.answer)

        return grpc.unary_unary_rpc_method_handler(answer)
