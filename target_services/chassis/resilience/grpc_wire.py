"""gRPC: one channel to one callee, kept as an HTTP client keeps its connections.

gRPC would do much of an edge's work by itself: try calls again, connect in the background, wait between two tries
to connect. All of it is off, because an attempt has to be one call on the wire, and a breaker that probes has to
meet the callee and not a back-off. A channel that failed a call, or let it wait too long, gets no new ones, nor does
one whose callee says that it is leaving: the next attempt connects afresh. It is closed when the last of its calls
has ended.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message

from target_services.chassis.grpc_status import LEAVING_TRAILER, PROBLEM_TRAILER, http_status
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.outcomes import CALLEE_FAILED, AttemptFailed, Outcome
from target_services.chassis.resilience.wire import Answer, Call, judged

M = TypeVar("M", bound=Message)

_OPTIONS = (
    ("grpc.enable_retries", 0),  # the transparent ones too
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),  # or a new channel would inherit the back-off of the last one
)
_CHANNEL_IS_BAD = CALLEE_FAILED - {Outcome.SERVER_ERROR}
_LATER_S = 0.05
"""How much later than the edge gRPC itself would give up, so that it is the edge who does and says why."""

_NEVER_CONNECTED = "failed to connect to all addresses"
"""How gRPC begins to say that a call was not sent; test_grpc_wire.py would notice if it changed its mind."""


def rpc(path: str, request: Message, *, reads: bool = False, idempotency_key: str | None = None) -> Call:
    """Return a call of the method at `path`, such as /shop.inventory.v1.Inventory/GetStock."""
    return Call("POST", path, request, read_only=reads, idempotency_key=idempotency_key)


def message(kind: type[M], answer: Answer) -> M:
    """Return the message that an answer is. Raises ValueError where it is something else."""
    if answer.status != 200:
        raise ValueError(f"the answer has status {answer.status}")
    try:
        return kind.FromString(answer.body)
    except DecodeError as error:
        raise ValueError(str(error)) from error


class _Channel:
    __slots__ = ("calls", "grpc")

    def __init__(self, target: str) -> None:
        self.grpc = grpc.aio.insecure_channel(target, options=_OPTIONS)
        self.calls = 0


class GrpcWire:
    """Carries calls as unary gRPC calls. The answer's body is the message, or a problem as JSON."""

    def __init__(self, target: str) -> None:
        """`target`: host:port. Nothing is connected, and no gRPC thread started, before the first call."""
        self._target = target
        self._channel: _Channel | None = None

    async def open(self) -> None:
        """Do nothing: a channel is made when it is needed."""

    async def close(self) -> None:
        """Close the channel."""
        if self._channel is not None:
            await self._channel.grpc.close()

    def attributes(self, call: Call) -> dict[str, str]:
        """Return service, method and address."""
        service, _, method = call.path.lstrip("/").partition("/")
        return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method, "server.address": self._target}

    async def exchange(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """Send a call and return its answer. Raises AttemptFailed for everything that is no answer."""
        assert isinstance(call.body, Message)
        channel = self._channel = self._channel or _Channel(self._target)
        offered_s = deadlines.from_header(headers.get(deadlines.HEADER))
        started_s = time.monotonic()
        channel.calls += 1
        try:
            answer = await _ask(channel, call.path, call.body, headers, offered_s)
        except AttemptFailed as failure:
            if failure.outcome in _CHANNEL_IS_BAD:
                self._give_up(channel)
            raise
        except asyncio.CancelledError:
            if offered_s is not None and time.monotonic() - started_s >= offered_s:  # by a timeout, not by a hedge
                self._give_up(channel)
            raise
        else:
            if LEAVING_TRAILER in answer.headers:
                self._give_up(channel)
            return judged(answer)
        finally:
            channel.calls -= 1
            if channel is not self._channel and channel.calls == 0:
                await channel.grpc.close()

    def _give_up(self, channel: _Channel) -> None:
        if channel is self._channel:
            self._channel = None


async def _ask(
    channel: _Channel, path: str, request: Message, headers: Mapping[str, str], offered_s: float | None
) -> Answer:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.grpc.unary_unary(path)
    timeout_s = None if offered_s is None else offered_s + _LATER_S
    try:
        call = method(request.SerializeToString(), timeout=timeout_s, metadata=(*headers.items(),))
        body = await call
        trailers: dict[str, Any] = dict(await call.trailing_metadata() or ())
        return Answer(200, trailers, body)
    except grpc.aio.AioRpcError as error:
        return _told(error)
    except grpc.aio.UsageError as error:  # the process is about to end, and has closed the wire
        raise AttemptFailed(Outcome.CONNECTION_LOST, detail=str(error)) from error


def _told(error: grpc.aio.AioRpcError) -> Answer:
    """Return what the callee said in place of an answer. Raises AttemptFailed where that speaks against it."""
    code, detail = error.code(), error.details() or ""
    trailers: dict[str, Any] = dict(error.trailing_metadata() or ())
    document = trailers.get(PROBLEM_TRAILER)
    if isinstance(document, bytes):  # it was the callee who spoke, not gRPC
        return Answer(http_status(code, document), trailers, document)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise AttemptFailed(Outcome.TIMEOUT, detail=detail) from error
    if code is grpc.StatusCode.UNAVAILABLE:
        never = detail.startswith(_NEVER_CONNECTED)
        raise AttemptFailed(Outcome.CONNECT_REFUSED if never else Outcome.CONNECTION_LOST, detail=detail) from error
    if code is grpc.StatusCode.CANCELLED:
        raise AttemptFailed(Outcome.CONNECTION_LOST, detail=detail) from error
    return Answer(http_status(code), trailers, json.dumps({"detail": detail}).encode())
