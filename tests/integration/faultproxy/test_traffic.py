"""Real sockets: bytes arrive whole, slow readers cost little, callees that are not there are told."""

from __future__ import annotations

import asyncio
import csv
import socket
from collections.abc import Callable
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from tests.integration.faultproxy.rig import GET, OK, Rig, dead_address, in_loop, rigged, until
from workbench.faultproxy.connection import DIAL_TIMEOUT_S
from workbench.faultproxy.edge import Protocol
from workbench.faultproxy.wire import MarkedRecordingOrder
from workbench.model.tables import ATTEMPTS

CANARY = "0123456789abcdef"
MIB = 1024 * 1024


def record(rig: Rig, folder: Path) -> None:
    rig.plane.start_recording(MarkedRecordingOrder(directory=str(folder), run_id="r", canary=CANARY))


def rows(rig: Rig, folder: Path) -> list[dict[str, str]]:
    rig.plane.stop_recording()
    columns = [column.name for column in ATTEMPTS.columns]
    with (folder / "attempts.csv").open(newline="") as lines:
        return [dict(zip(columns, row, strict=True)) for row in csv.reader(lines)]


@in_loop
async def test_requests_pass_on_kept_connections(tmp_path: Path) -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        record(rig, tmp_path)
        first, second = await rig.call(edge), await rig.call(edge)
        for caller in (first, second, first):
            assert await caller.get() == OK
        assert callee.heard == GET * 3
        assert callee.connections == 2
        told = [(row["ordinal"], row["status"], row["end_reason"]) for row in rows(rig, tmp_path)]
        assert told == [("0", "200", "complete"), ("1", "200", "complete"), ("2", "200", "complete")]


@in_loop
async def test_a_callee_that_refuses_is_told(tmp_path: Path) -> None:
    """As behind Toxiproxy, the caller sees its connection closed; the row knows better."""
    async with rigged() as rig:
        edge = await rig.edge(dead_address())
        record(rig, tmp_path)
        caller = await rig.call(edge)
        assert await caller.get() == b""
        assert [row["end_reason"] for row in rows(rig, tmp_path)] == ["upstream_refused"]


@in_loop
async def test_a_callee_that_hangs_keeps_nothing_once_the_edge_is_gone() -> None:
    """Its queue is full, so that it neither accepts nor refuses."""
    tasks = len(asyncio.all_tasks())
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hung, ExitStack() as fillers:
        for _ in range(3):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(hung.getsockname())
        async with rigged() as rig:
            edge = await rig.edge(f"127.0.0.1:{hung.getsockname()[1]}")
            caller = await rig.call(edge)
            caller.writer.write(GET)
            await until(lambda: len(asyncio.all_tasks()) > tasks, "the callee to be dialled")
            await rig.plane.remove_edge("a:b")
            await until(lambda: len(asyncio.all_tasks()) <= tasks, "the dialling to end", deadline_s=DIAL_TIMEOUT_S / 2)


@pytest.mark.parametrize("upstream", ["no-port", "127.0.0.1:99999", ":x", "host.invalid:1"])
@in_loop
async def test_an_upstream_that_is_none_only_closes_connections(upstream: str) -> None:
    async with rigged() as rig:
        edge = await rig.edge(upstream)
        caller = await rig.call(edge)
        assert await caller.get() == b""


@pytest.mark.parametrize("protocol", ["http", "tcp"])
@in_loop
async def test_half_closed_connections_carry_the_answer(protocol: Protocol) -> None:
    """The caller has finished sending; the callee answers after it has heard the end."""

    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = await reader.read()
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + heard)
        writer.close()

    async with rigged() as rig:
        edge = await rig.edge(await rig.server(answer_at_the_end), protocol=protocol)
        caller = await rig.call(edge)
        caller.writer.write(GET)
        caller.writer.write_eof()
        assert await caller.reader.read() == b"HTTP/1.1 200 OK\r\n\r\n" + GET
        await until(lambda: not edge.connections, "the connection to be over")


@pytest.mark.parametrize("protocol", ["http", "tcp"])
@in_loop
async def test_much_data_arrives_whole_both_ways(protocol: Protocol) -> None:
    size = 16 * MIB
    block = bytes(range(256)) * 256

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(0, size, len(block)):
            writer.write(await reader.readexactly(len(block)))
            await writer.drain()
        writer.close()

    async with rigged() as rig:
        edge = await rig.edge(await rig.server(echo), protocol=protocol)
        caller = await rig.call(edge)

        async def upload() -> None:
            caller.writer.write(f"PUT /x HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode())
            for _ in range(0, size, len(block)):
                caller.writer.write(block)
                await caller.writer.drain()

        sending = asyncio.create_task(upload())
        await caller.reader.readuntil(b"\r\n\r\n")
        heard = sha256()
        for _ in range(0, size, MIB):
            heard.update(await caller.reader.readexactly(MIB))
        await sending
        assert sha256(block * (size // len(block))).digest() == heard.digest()


@pytest.mark.parametrize("slow", ["nothing", "latency"])
@in_loop
async def test_a_stalled_reader_holds_little(slow: str) -> None:
    """The callee is stopped, too, and nothing is lost once the reader goes on."""
    size = 32 * MIB

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(0, size, MIB):
            writer.write(b"x" * MIB)
            await writer.drain()

    async with rigged() as rig:
        edge = await rig.edge(await rig.server(flood), protocol="tcp" if slow == "latency" else "http")
        if slow == "latency":
            await rig.fault("late", kind="latency", delay="1ms")
        host, _, port = edge.listen.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(GET)
        await until(lambda: bool(edge.connections), "the connection")
        (connection,) = edge.connections
        down = connection.down

        def held() -> int:
            assert down.transport is not None
            return down._queued + down.transport.get_write_buffer_size()

        most = 0

        def stalled() -> bool:
            nonlocal most
            most = max(most, held())
            return down._blocked

        await until(stalled, "the reader to stall")
        for _ in range(50):
            await asyncio.sleep(0.002)
            most = max(most, held())
        assert 0 < most <= 256 * 1024
        total = len(await reader.readuntil(b"\r\n\r\n")) * 0
        while total < size:
            total += len(await reader.read(MIB))
            most = max(most, held())
        assert size == total
        assert most <= 256 * 1024
        writer.close()


@in_loop
async def test_open_attempts_are_in_the_file_when_a_recording_ends(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with rigged() as rig:
        edge = await rig.edge(await rig.server(silent))
        record(rig, tmp_path)
        caller = await rig.call(edge)
        caller.writer.write(GET)
        await until(lambda: edge.attempts == 1, "the request to be counted")
        (row,) = rows(rig, tmp_path)
        assert (row["end_reason"], row["status"]) == ("open", "")
        assert int(row["ended"]) >= int(row["accepted"])


@in_loop
async def test_what_began_before_a_recording_is_not_in_it(tmp_path: Path) -> None:
    """Ordinals count from the recording's first request."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        caller = await rig.call(edge)
        caller.writer.write(GET[:-1])
        await caller.writer.drain()
        assert await (await rig.call(edge)).get() == OK
        record(rig, tmp_path)
        assert await (await rig.call(edge)).get() == OK
        assert [row["ordinal"] for row in rows(rig, tmp_path)] == ["0"]


@in_loop
async def test_a_full_disk_does_not_hurt_the_traffic(tmp_path: Path) -> None:
    """Rows are dropped and counted, the error is kept, requests pass."""
    (tmp_path / "attempts.csv").symlink_to("/dev/full")
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        record(rig, tmp_path)
        caller = await rig.call(edge)
        assert await caller.get() == OK
        await until(lambda: rig.plane.recording_state().error is not None, "the error to be noticed")
        assert await caller.get() == OK
        state = rig.plane.recording_state()
        assert state.error == "attempts: No space left on device"
        end = rig.plane.stop_recording()
        assert end is not None
        assert (end.rows, end.dropped) == ({"attempts": 0}, {"attempts": 2})


@in_loop
async def test_a_new_recording_ends_the_old_one(tmp_path: Path) -> None:
    """A runner that was killed does not keep the next one from recording."""
    folders = [tmp_path / "one", tmp_path / "two"]
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        for folder in folders:
            folder.mkdir()
            record(rig, folder)
            assert await (await rig.call(edge)).get() == OK
        rig.plane.stop_recording()
        kept = [len((folder / "attempts.csv").read_text().splitlines()) for folder in folders]
        assert kept == [1, 1]
        assert rig.plane.stop_recording() is None


@in_loop
async def test_an_error_in_our_own_code_ends_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no other, and not the process."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        good, bad = await rig.call(edge), await rig.call(edge)
        assert await bad.get() == OK
        reported: list[str] = []
        rig.loop.set_exception_handler(lambda _loop, context: reported.append(str(context["exception"])))
        take: Callable[[], int] = edge.take_ordinal
        monkeypatch.setattr(edge, "take_ordinal", lambda: 1 // 0)
        assert await bad.get() == b""
        monkeypatch.setattr(edge, "take_ordinal", take)
        assert await good.get() == OK
        assert reported == ["integer division or modulo by zero"]
