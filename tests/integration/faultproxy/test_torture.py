"""HTTP as nobody should speak it, through real sockets: forwarded untouched or refused, never misattributed."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.faultproxy.rig import OK, Rig, in_loop, rigged, until
from workbench.faultproxy.edge import Edge
from workbench.faultproxy.heads import HEAD_LIMIT
from workbench.faultproxy.wire import MarkedRecordingOrder
from workbench.model.tables import ATTEMPTS

CHUNKED_OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nwiki\r\n0\r\nT: 1\r\n\r\n"
BARE_OK = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"
GET = b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
ADMIN = b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"

MESSAGES = {
    "no body": (GET, OK, 1),
    "length": (b"POST /first HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", CHUNKED_OK, 1),
    "chunks": (b"PUT /first HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: 1\r\n\r\n", OK, 1),
    "pipelined": (GET + b"POST /first HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi" + GET, OK + CHUNKED_OK + OK, 3),
    "until close": (GET, BARE_OK, 1),
}
"""Requests, their answers, and how many there are."""


@dataclass
class Stage:
    """A plane with one recorded edge, whose callee says what it is told and then ends, or stays."""

    rig: Rig
    edge: Edge
    answer: bytes = b""
    ends: bool = False
    heard: bytes = b""
    over: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.answer)
        with suppress(ConnectionError):
            if self.ends:
                writer.write_eof()
            while data := await reader.read(65536):
                self.heard += data
        self.over += 1
        writer.close()

    async def talk(self, *pieces: bytes, wanted: int) -> bytes:
        """Send pieces on a new connection, each in its own packet; return so many bytes, or up to the end."""
        self.heard = b""
        caller = await self.rig.call(self.edge)
        for piece in pieces:
            caller.writer.write(piece)
            await asyncio.sleep(0.001)
        got = b""
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(15):
                while len(got) < wanted and (data := await caller.reader.read(wanted - len(got))):
                    got += data
        self.rig.hang_up()
        return got

    async def settled(self) -> None:
        await until(lambda: not self.edge.connections, "every connection to be over")


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """Nothing that goes wrong in the loop goes unseen."""
    wrong: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: wrong.append(context))
    async with rigged() as rig:
        stage = Stage(rig, edge=await rig.edge("127.0.0.1:9"))
        await stage.edge.disable()
        await stage.edge.move(stage.edge.listen, await rig.server(stage.serve))
        await stage.edge.enable()
        order = MarkedRecordingOrder(directory=str(folder), run_id="r", canary="0123456789")
        rig.plane.start_recording(order)
        yield stage
        await stage.settled()
        rig.plane.stop_recording()
    assert wrong == []


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "attempts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, [column.name for column in ATTEMPTS.columns]))


def paths(folder: Path) -> set[str]:
    return {row["path"] for row in rows(folder)}


@pytest.mark.parametrize("name", MESSAGES)
@in_loop
async def test_messages_cut_at_every_byte(name: str, tmp_path: Path) -> None:
    """Requests pass untouched, and are told apart the same; answers to them, too (the callee speaks at once)."""
    requests, answers, count = MESSAGES[name]
    async with staged(tmp_path) as stage:
        for cut in range(1, len(requests)):
            stage.answer = answers if count == 1 else b""
            wanted = len(stage.answer) if name != "until close" else 0
            got = await stage.talk(requests[:cut], requests[cut:], wanted=wanted)
            assert got == stage.answer[:wanted]
            await until(lambda: stage.heard == requests, f"all bytes behind cut {cut}")
        await stage.settled()
    assert len(rows(tmp_path)) == count * (len(requests) - 1)
    assert paths(tmp_path) == {"/first"}


@pytest.mark.parametrize("name", MESSAGES)
@in_loop
async def test_callers_that_leave_at_every_byte(name: str, tmp_path: Path) -> None:
    """What a caller has sent arrives, or nothing does; nothing of it stays."""
    requests, _, _ = MESSAGES[name]
    async with staged(tmp_path) as stage:
        for cut in range(1, len(requests)):
            await stage.talk(requests[:cut], wanted=0)
            await stage.settled()
            assert requests.startswith(stage.heard)
    assert paths(tmp_path) <= {"/first", ""}


@pytest.mark.parametrize("answer", [OK, CHUNKED_OK, BARE_OK, b"HTTP/1.1 100 Continue\r\n\r\n" + OK])
@in_loop
async def test_callees_that_leave_at_every_byte(answer: bytes, tmp_path: Path) -> None:
    """The caller gets exactly what there was, and then the end."""
    async with staged(tmp_path) as stage:
        stage.ends = True
        for cut in range(len(answer)):
            stage.answer = answer[:cut]
            assert await stage.talk(GET, wanted=len(answer) + 1) == answer[:cut]
            await stage.settled()
    assert {row["end_reason"] for row in rows(tmp_path)} <= {"upstream_gone", "complete"}
    assert paths(tmp_path) == {"/first"}


def post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([b"POST /first HTTP/1.1", b"Host: a", *lines]) + b"\r\n\r\n" + body


CHUNKS = b"0\r\n\r\n" + ADMIN
SMUGGLED = {
    "CL.TE": post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=CHUNKS),
    "TE.CL": post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"5c\r\n" + ADMIN + b"\r\n0\r\n\r\n"),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: 35", body=ADMIN),
    "lengths in a list": post(b"Content-Length: 0, 35", body=ADMIN),
    "plus": post(b"Content-Length: +0", body=ADMIN),
    "minus": post(b"Content-Length: -1", body=ADMIN),
    "hex": post(b"Content-Length: 0x0", body=ADMIN),
    "wide": post(b"Content-Length: " + b"9" * 30, body=ADMIN),
    "unknown coding": post(b"Transfer-Encoding: xchunked", body=CHUNKS),
    "coding twice": post(b"Transfer-Encoding: chunked, chunked", body=CHUNKS),
    "coding not last": post(b"Transfer-Encoding: chunked, identity", body=CHUNKS),
    "coding in two lines": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=CHUNKS),
    "tab in coding": post(b"Transfer-Encoding: \x0bchunked", body=CHUNKS),
    "space before colon": post(b"Transfer-Encoding : chunked", body=CHUNKS),
    "space before name": post(b" Transfer-Encoding: chunked", body=CHUNKS),
    "folded": post(b"Transfer-Encoding:", b" chunked", body=CHUNKS),
    "NUL": post(b"X: a\0Content-Length: 5", body=ADMIN),
    "CR alone": post(b"X: a\rContent-Length: 5", body=ADMIN),
    "LF alone": post(b"X: a\nTransfer-Encoding: chunked", body=CHUNKS),
    "1.0 with chunks": post(b"Transfer-Encoding: chunked", body=CHUNKS).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "foreign version": post(body=ADMIN)
    .replace(b"HTTP/1.1", b"HTTP/1.7", 1)
    .replace(b"Host: a", b"Content-Length: 1e1"),
    "chunk size too large": post(b"Transfer-Encoding: chunked", body=b"F" * 17 + b"\r\n" + ADMIN),
    "chunk size below zero": post(b"Transfer-Encoding: chunked", body=b"-1\r\n" + ADMIN),
    "chunk size with 0x": post(b"Transfer-Encoding: chunked", body=b"0x0\r\n\r\n" + ADMIN),
    "chunk size with a line of its own": post(b"Transfer-Encoding: chunked", body=b"0\n\n" + ADMIN),
    "chunk size missing": post(b"Transfer-Encoding: chunked", body=b"\r\n\r\n" + ADMIN),
    "chunk with no end": post(b"Transfer-Encoding: chunked", body=b"1\r\nab\r\n0\r\n\r\n" + ADMIN),
    "extension with LF": post(b"Transfer-Encoding: chunked", body=b"0;a\nb\r\n\r\n" + ADMIN),
    "trailer that is none": post(b"Transfer-Encoding: chunked", body=b"0\r\nGET /admin HTTP/1.1\r\n\r\n" + ADMIN),
    "head too large": post(b"X: " + b"x" * HEAD_LIMIT, body=ADMIN),
    "line too large": b"GET /" + b"x" * HEAD_LIMIT + b" HTTP/1.1\r\n\r\n" + ADMIN,
    "many headers": post(*[b"X: y"] * 8000, body=ADMIN),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01" + ADMIN,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + ADMIN,
    "HTTP/0.9": b"GET /first\r\n" + ADMIN,
    "blank": b"\r\n" * 20 + b"\0" + ADMIN,
}
"""Behind something that two readers could understand differently there is a request for /admin, or not."""


@pytest.mark.parametrize("split", ["whole", "bytewise"])
@pytest.mark.parametrize("name", SMUGGLED)
@in_loop
async def test_what_has_two_meanings_passes_untouched_and_is_nobodys(name: str, split: str, tmp_path: Path) -> None:
    """A fault on /admin hits nothing, because nobody can tell whether it was asked for."""
    sent = SMUGGLED[name]
    step = len(sent) if split == "whole" or len(sent) > 1000 else 1
    async with staged(tmp_path) as stage:
        fault = await stage.rig.fault("err", kind="http_status", status=503, match={"path": "/admin"})
        stage.heard = b""
        caller = await stage.rig.call(stage.edge)
        for at in range(0, len(sent), step):
            caller.writer.write(sent[at : at + step])
            await asyncio.sleep(0)
        await until(lambda: stage.heard == sent, "all bytes to pass")
        assert fault.state().counts.hit == 0
        caller.close()
        await stage.settled()
    assert paths(tmp_path) <= {"/first", ""}
    assert len(rows(tmp_path)) <= 2


def test_the_same_request_without_a_trick_is_hit(tmp_path: Path) -> None:
    """So that the test above can fail."""

    @in_loop
    async def test() -> None:
        async with staged(tmp_path) as stage:
            fault = await stage.rig.fault("err", kind="http_status", status=503, match={"path": "/admin"})
            await stage.talk(post(b"Content-Length: 0", body=ADMIN), wanted=0)
            await until(lambda: fault.state().counts.hit == 1, "the hit")

    test()
    assert paths(tmp_path) == {"/first", "/admin"}


ANSWERS = {
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n0\r\n\r\n",
    "head too large": b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT + b"\r\n\r\n",
    "no HTTP": b"\0\1\2\3" * 10,
    "more than asked for": OK + b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nattack!",
}


@pytest.mark.parametrize("name", ANSWERS)
@in_loop
async def test_answers_with_two_meanings_pass_untouched(name: str, tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.answer = ANSWERS[name]
        assert await stage.talk(GET, wanted=len(stage.answer)) == stage.answer
    assert paths(tmp_path) <= {"/first", ""}
