"""What one connection may make the plane hold, however long it lives and whatever its caller does."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.faultproxy.rig import GET, in_loop, rigged, until


@in_loop
async def test_a_kept_connection_whose_every_request_is_answered_here_keeps_none_of_them() -> None:
    """Neither with the callee between the answers nor without it."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        await rig.fault("err", kind="http_status", status=503, match={"path": "/bad"})
        caller = await rig.call(edge)
        for _ in range(50):
            assert await caller.status(GET.replace(b"/x", b"/bad")) == 503
        (connection,) = edge.connections
        assert len(list(connection.stream.open_attempts())) <= 1


@pytest.mark.parametrize("delay", [None, "50ms"])
@in_loop
async def test_a_caller_that_asks_on_and_reads_nothing_is_not_read_either(delay: str | None) -> None:
    """What it is owed stays below what one piece of requests can lead to; it gets all of it once it reads."""
    async with rigged() as rig:
        edge = await rig.edge("127.0.0.1:9")
        await rig.fault("err", kind="http_status", status=503)
        if delay is not None:
            await rig.fault("late", kind="latency", delay=delay)
        host, _, port = edge.listen.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        asked = 0
        piece = 500

        async def ask() -> None:
            nonlocal asked
            while asked < 60_000:
                writer.write(GET * piece)
                asked += piece
                await writer.drain()

        asking = asyncio.create_task(ask())
        await until(lambda: bool(edge.connections), "the connection")
        (connection,) = edge.connections
        await until(lambda: connection.up.full, "the caller to be stopped")
        before = edge.attempts
        for _ in range(20):
            await asyncio.sleep(0.002)
        assert edge.attempts == before
        assert connection.down.transport is not None
        owed = connection.down._queued + connection.down.transport.get_write_buffer_size()
        assert owed < 8 * 1024 * 1024
        got = 0
        while got < asked or not asking.done():
            got += (await reader.readuntil(b"}")).count(b"HTTP/1.1 503")
        assert got == asked == 60_000
        writer.close()
