"""Passes spans on to another receiver of OTLP, such as Jaeger. What it cannot take is counted, and holds up nobody."""

from __future__ import annotations

import asyncio
from collections import deque

import aiohttp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MOST_WAITING = 64 * 1024 * 1024
"""Bytes that wait to be sent."""

_TRIES = 3
_TIMEOUT_S = 5.0
_PAUSE_S = 0.3
_HEADERS = {"Content-Type": "application/x-protobuf"}


class Forwarder:
    """One receiver, or none. `forward_to` and `stop` belong to the event loop it runs in."""

    def __init__(self) -> None:
        self.dropped = 0
        """Spans that were not passed on, since the start of this process."""
        self._url: str | None = None
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def forward_to(self, url: str | None) -> None:
        """Send what is added from now on to this address; None: nowhere."""
        if url == self._url:
            return
        await self.stop()
        self._url = url
        if url is not None:
            self._task = asyncio.create_task(self._send_all(url))

    def add(self, spans: ExportTraceServiceRequest) -> None:
        """Take spans to be passed on; at once, or never."""
        if self._url is None:
            return
        body = spans.SerializeToString()
        count = sum(len(scope.spans) for resource in spans.resource_spans for scope in resource.scope_spans)
        if self._bytes + len(body) > MOST_WAITING:
            self.dropped += count
            return
        self._bytes += len(body)
        self._waiting.append((body, count))
        self._arrived.set()

    async def stop(self) -> None:
        """Pass nothing on any more."""
        task, self._task, self._url = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.dropped += sum(count for _, count in self._waiting)
        self._waiting.clear()
        self._bytes = 0

    async def _send_all(self, url: str) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S), headers=_HEADERS) as session:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    body, count = self._waiting.popleft()
                    self._bytes -= len(body)
                    if not await _sent(session, url, body):
                        self.dropped += count


async def _sent(session: aiohttp.ClientSession, url: str, body: bytes) -> bool:
    for attempt in range(_TRIES):
        if attempt:
            await asyncio.sleep(_PAUSE_S)
        try:
            async with session.post(url, data=body) as answer:
                if answer.status == 200:
                    return True
                if answer.status < 500 and answer.status != 429:
                    return False  # the same spans would be refused again
        except (aiohttp.ClientError, OSError, TimeoutError):
            continue
    return False
