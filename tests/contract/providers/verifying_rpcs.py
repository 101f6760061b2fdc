"""Holds a provider to the calls over gRPC that its consumers have recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from target_services.chassis.grpc_status import PROBLEM_TRAILER, http_status
from tests.contract.consumers.rpc_story import content_of, message_of, method_at
from tests.contract.providers.states import set_state
from tests.integration.shop.stack import Shop


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `data`: the message with all its fields, or the problem document."""

    status: int
    data: Mapping[str, Any]


Spoil = Callable[[Reply], Reply]
"""Turns a reply into that of a provider that has changed."""


def verify_call(call: Mapping[str, Any], shop: Shop, spoil: Spoil = lambda reply: reply) -> None:
    """Make a recorded call to the real process. Raises AssertionError with the differences."""
    for given in call["given"]:
        set_state(shop, given["state"], given["parameters"])
    reply = spoil(_asked(call, shop.grpc_port))
    assert reply.status == call["status"], f"{call['description']}: status {reply.status}, not {call['status']}"
    expected = call["answer"]
    read = {name: reply.data[name] if name in reply.data else "nothing" for name in expected}
    assert read == expected, f"{call['description']}: {read}, not {expected}"


def _asked(call: Mapping[str, Any], port: int) -> Reply:
    method = method_at(call["method"])
    request = content_of(method.input_type, call["request"])
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(call["method"])
        answered = ask.future(request, timeout=60, wait_for_ready=True)
        code = answered.code()  # waits for the answer
        if code is grpc.StatusCode.OK:
            return Reply(200, message_of(method.output_type, answered.result()))
        trailers: dict[str, Any] = dict(answered.trailing_metadata() or ())
    assert PROBLEM_TRAILER in trailers, f"{call['description']}: {code} without a problem document"
    problem = trailers[PROBLEM_TRAILER]
    return Reply(http_status(code, problem), json.loads(problem))
