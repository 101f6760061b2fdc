"""Something that stands between a caller and a callee and can spoil it: late answers, errors, a refused door."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

_ANSWER = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\n\r\n{}"


class Between:
    """A TCP proxy in a thread of its own.

    `delay_s` holds answers back after the callee has acted. `error_every` answers every n-th request with 503
    itself. `swallow` forwards requests and drops their answers. `callee_port` is where new connections lead to.
    """

    def __init__(self, port: int, callee_port: int) -> None:
        self.delay_s = 0.0
        self.error_every = 0
        self.swallow = False
        self.requests = 0
        self.callee_port = callee_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(lambda: asyncio.start_server(self._serve, "127.0.0.1", port))

    def close(self) -> None:
        self._call(self._leave)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run_coroutine_threadsafe(make(), self._loop).result(10)

    async def _leave(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.callee_port)
        except OSError:
            writer.close()
            return
        answers = asyncio.create_task(self._answers(upstream_reader, writer))
        try:
            while request := await reader.read(65536):  # small requests: one read is one request
                self.requests += 1
                if self.error_every and self.requests % self.error_every == 0:
                    writer.write(_ANSWER)
                else:
                    upstream_writer.write(request)
        except OSError:
            pass
        finally:
            answers.cancel()
            upstream_writer.close()
            writer.close()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answer := await reader.read(65536):
            await asyncio.sleep(self.delay_s)
            if not self.swallow:
                writer.write(answer)
        writer.close()
