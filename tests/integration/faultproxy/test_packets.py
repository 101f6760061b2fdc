"""Packets that are lost or overtake each other: those of one port only, counted, and nothing is left of it.

They are tried where this machine lets us do that; .ci/run does.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.integration.faultproxy.process import callee, plane_process
from tests.integration.faultproxy.rig import OK, Rig, in_loop, rigged, until
from workbench.faultproxy import netlink
from workbench.faultproxy.packets import Packets, obstacle
from workbench.faultproxy.plane import UnknownFaultError, UnsuitableError
from workbench.model.units import NS_PER_MS

able = pytest.mark.skipif(obstacle() is not None, reason=f"nobody may decide on packets here: {obstacle()}")
SETPRIV = shutil.which("setpriv")
ALL_TABLES = netlink._message(netlink._TABLES | 1, 0x301, socket.AF_UNSPEC, 0)
"""NFT_MSG_GETTABLE, of all."""
REORDERED: dict[str, Any] = {"kind": "packet_reorder", "reorder": "40%", "delay": "20ms"}


def tables(pid: int) -> int:
    """Return how many tables of a process there are, as anybody is told."""
    with netlink._opened() as asked:
        asked.send(ALL_TABLES)
        told = b""
        while not any(type_ == 3 for type_, _ in netlink._messages(told)):  # NLMSG_DONE
            told += asked.recv(1 << 16)
    return told.count(f"workbench_{pid}_".encode())


async def hit(rig: Rig, at_least: int = 1, fault: str = "odd") -> None:
    """Let requests pass until so many packets are hit of them; each is answered."""
    edge = rig.plane.edge("a:b")
    while rig.plane.fault(fault).state().counts.hit < at_least:
        caller = await rig.call(edge)
        assert await caller.get() == OK
        caller.close()


@able
@in_loop
async def test_what_is_lost_is_sent_again_and_counted() -> None:
    async with rigged() as rig:
        await rig.edge((await rig.callee()).address)
        fault = await rig.fault("odd", kind="packet_loss", loss="20%")
        assert (0, 0) == (fault.state().counts.eligible, fault.state().counts.hit)
        assert 1 == tables(os.getpid())
        await hit(rig, 3)
        await rig.plane.remove("odd")
        last = fault.state()
        assert last.counts.eligible == last.counts.hit + last.counts.passed
        assert last.counts.passed > last.counts.hit >= 3
        assert last.first_hit_ns is not None
        assert last.last_hit_ns is not None
        assert last.active_since_ns < last.first_hit_ns < last.last_hit_ns
        assert 0 == tables(os.getpid())
        assert await (await rig.call(rig.plane.edge("a:b"))).get() == OK
        assert last.counts == fault.state().counts


@able
@in_loop
async def test_packets_overtake_others_and_bytes_do_not() -> None:
    """Callers get what was sent, in order, and later."""
    async with rigged() as rig:
        body = bytes(range(256)) * 4096
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        edge = await rig.edge((await rig.callee(answer)).address)
        fault = await rig.fault("odd", **REORDERED)
        caller = await rig.call(edge)
        began = time.monotonic_ns()
        while not fault.state().counts.hit:
            assert await caller.get(answer=answer) == answer
        assert time.monotonic_ns() - began >= 20 * NS_PER_MS
        assert fault.state().counts.passed > 0


@able
@in_loop
async def test_what_waits_leaves_when_it_is_taken_off() -> None:
    async with rigged() as rig:
        edge = await rig.edge((await rig.callee()).address)
        caller = await rig.call(edge)
        assert await caller.get() == OK
        fault = await rig.fault("odd", kind="packet_reorder", reorder="0.0001%", delay="1h")
        asked = asyncio.create_task(caller.get())
        await until(lambda: fault.state().counts.eligible > 0, "a packet that waits")
        await rig.plane.remove("odd")
        assert await asked == OK


@able
@in_loop
async def test_packets_of_another_port_are_left_alone() -> None:
    async with rigged() as rig:
        edge = await rig.edge((await rig.callee()).address)
        other = await rig.edge((await rig.callee()).address, name="a:c")
        fault = await rig.fault("odd", kind="packet_loss", loss="100%")
        for _ in range(3):
            assert await (await rig.call(other)).get() == OK
        assert 0 == fault.state().counts.eligible
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(rig.call(edge), timeout=0.3)
        await until(lambda: fault.state().counts.hit >= 1, "a lost packet")
        assert 0 == fault.state().counts.passed


@able
@in_loop
async def test_an_edge_that_gives_its_port_away_does_nothing_to_who_has_it_next() -> None:
    """And it goes on, and counts on, where it listens next."""
    async with rigged() as rig:
        edge = await rig.edge((await rig.callee()).address)
        fault = await rig.fault("odd", kind="packet_loss", loss="20%")
        await hit(rig)
        await edge.disable()
        assert 0 == tables(os.getpid())
        before = fault.state().counts
        assert before.hit >= 1
        await edge.move("127.0.0.1:0", edge.upstream)
        await edge.enable()
        assert 1 == tables(os.getpid())
        await hit(rig, before.hit + 1)
        assert fault.state().counts.eligible > before.eligible


@able
@in_loop
async def test_one_that_flaps_hits_nothing_in_its_off_times() -> None:
    async with rigged() as rig:
        await rig.edge((await rig.callee()).address)
        fault = await rig.fault("odd", kind="packet_loss", loss="20%", schedule={"period": "100ms", "duty": "50%"})
        for _ in range(2):
            await until(lambda: fault.on, "an on-time")
            await hit(rig, fault.state().counts.hit + 1)
            await until(lambda: not fault.on, "an off-time")
            before = fault.state().counts
            while not fault.on:  # nothing else runs in between but what passes
                assert before == fault.state().counts
                await asyncio.sleep(0)


@able
@in_loop
async def test_one_whose_lease_is_over_hits_nothing_however_late_its_timer_is() -> None:
    async with rigged() as rig:
        edge = await rig.edge((await rig.callee()).address)
        fault = await rig.fault("odd", kind="packet_loss", loss="100%")
        fault.expires_at_ns = time.monotonic_ns()
        assert await (await rig.call(edge)).get() == OK
        assert 0 == fault.state().counts.eligible


@able
@in_loop
async def test_several_on_one_edge_are_several() -> None:
    async with rigged() as rig:
        await rig.edge((await rig.callee()).address)
        await rig.fault("odd", kind="packet_loss", loss="10%")
        await rig.fault("late", kind="latency", delay="1ms")
        await rig.fault("more", **REORDERED)
        assert 2 == tables(os.getpid())
        await hit(rig)
        assert {"odd", "late", "more"} == {fault.spec.id for fault in await rig.plane.remove_all()}
        assert 0 == tables(os.getpid())


@able
@in_loop
async def test_what_the_kernel_does_not_take_is_not_on() -> None:
    """Nor does it stay in the list: its id is free."""
    async with rigged() as rig:
        edge = await rig.edge((await rig.callee()).address)
        edge._listener.address = "10.0.0.1:80"
        with pytest.raises(UnsuitableError, match=r"odd cannot be put on a:b: address 10\.0\.0\.1:80: not a loopback"):
            await rig.fault("odd", kind="packet_loss", loss="20%")
        with pytest.raises(UnknownFaultError):
            rig.plane.fault("odd")
        assert 0 == tables(os.getpid())


@able
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_gone_with_the_plane_however_that_ends(number: signal.Signals) -> None:
    with plane_process() as plane, callee() as (upstream, _):
        order = {"name": "a:b", "listen": "127.0.0.1:0", "upstream": upstream}
        assert 201 == plane.send("POST", "/proxies", order).status
        fault = {"id": "odd", "edge": "a:b", "kind": "packet_loss", "loss": "30%"}
        assert 201 == plane.send("POST", "/faults", {"fault": fault, "seed": 1, "lease_ms": 60_000}).status
        assert 1 == tables(plane.process.pid)
        plane.process.send_signal(number)
        plane.process.wait(timeout=60)
        assert 0 == tables(plane.process.pid)


@able
@in_loop
async def test_addresses_of_both_families() -> None:
    """The second pass is of packets that the first one has met."""
    loop, met = asyncio.get_running_loop(), list[str]()

    async def talk(server: asyncio.Server) -> None:
        host, port = server.sockets[0].getsockname()[:2]
        _, writer = await asyncio.open_connection(host, port)
        writer.close()

    for host in ("127.0.0.1", "::1"):
        server = await asyncio.start_server(lambda _, writer: writer.close(), host, 0)
        port = server.sockets[0].getsockname()[1]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        packets = Packets(address, lambda _, host=host: met.append(host) or 0, loop)  # type: ignore[func-returns-value,misc]
        await talk(server)
        await until(lambda host=host: host in met, f"packets of {host}")  # type: ignore[misc]
        packets.end()
        before = len(met)
        await talk(server)
        assert before == len(met)
        server.close()
    with pytest.raises(ValueError, match="not a loopback address"):
        Packets("10.0.0.1:9", lambda _: 0, loop)


@pytest.mark.skipif(os.geteuid() != 0 or not SETPRIV, reason="needs root and setpriv, to give rights up")
def test_who_may_not_is_told_and_nothing_else_is_printed() -> None:
    assert SETPRIV
    asked = "from workbench.faultproxy.packets import obstacle; print(obstacle())"
    command = [SETPRIV, "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", asked]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ("it takes root, or CAP_NET_ADMIN\n", "") == (ran.stdout, ran.stderr)
