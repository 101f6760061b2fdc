"""Lost packets: by the kernel, on one port only, counted there, and gone with whoever asked for them.

They are tried where this machine lets us do that; .ci/run does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.faultproxy.process import callee, plane_process
from tests.integration.faultproxy.rig import OK, Rig, in_loop, rigged, until
from workbench.faultproxy import dropping
from workbench.faultproxy.dropping import Loss, obstacle
from workbench.faultproxy.plane import UnknownFaultError, UnsuitableError

able = pytest.mark.skipif(obstacle() is not None, reason=f"packets cannot be lost here: {obstacle()}")


def tables(pid: int) -> int:
    """Return how many tables of a process there are, as anybody is told."""
    asked = dropping._Tables()
    try:
        return asked.run("list tables").count(f"workbench_{pid}_")
    finally:
        asked.close()


async def lost(rig: Rig, at_least: int = 1) -> None:
    """Let requests pass until so many packets are lost of them; each is answered."""
    edge = rig.plane.edge("a:b")
    while rig.plane.fault("lossy").state().counts.hit < at_least:
        caller = await rig.call(edge)
        assert await caller.get() == OK
        caller.close()


@able
@in_loop
async def test_what_is_lost_is_sent_again_and_counted_by_the_kernel() -> None:
    async with rigged() as rig:
        await rig.edge((await rig.callee()).address)
        fault = await rig.fault("lossy", kind="packet_loss", loss="20%")
        assert (0, 0) == (fault.state().counts.eligible, fault.state().counts.hit)
        assert 1 == tables(os.getpid())
        await lost(rig, 3)
        await rig.plane.remove("lossy")
        last = fault.state()
        assert last.counts.eligible == last.counts.hit + last.counts.passed
        assert last.counts.passed > last.counts.hit >= 3
        assert last.first_hit_ns is not None
        assert last.last_hit_ns is not None
        assert last.active_since_ns < last.first_hit_ns <= last.last_hit_ns
        assert 0 == tables(os.getpid())
        assert await (await rig.call(rig.plane.edge("a:b"))).get() == OK
        assert last.counts == fault.state().counts


@able
@in_loop
async def test_of_another_port_nothing_is_lost() -> None:
    async with rigged() as rig:
        edge = await rig.edge((await rig.callee()).address)
        other = await rig.edge((await rig.callee()).address, name="a:c")
        fault = await rig.fault("lossy", kind="packet_loss", loss="100%")
        for _ in range(3):
            assert await (await rig.call(other)).get() == OK
        assert 0 == fault.state().counts.eligible
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(rig.call(edge), timeout=0.3)
        assert fault.state().counts.hit >= 1
        assert 0 == fault.state().counts.passed


@able
@in_loop
async def test_an_edge_that_gives_its_port_away_loses_nothing_of_who_has_it_next() -> None:
    """And it loses packets again, and counts on, where it listens next."""
    async with rigged() as rig:
        edge = await rig.edge((await rig.callee()).address)
        fault = await rig.fault("lossy", kind="packet_loss", loss="20%")
        await lost(rig)
        await edge.disable()
        assert 0 == tables(os.getpid())
        before = fault.state().counts
        assert before.hit >= 1
        await edge.move("127.0.0.1:0", edge.upstream)
        await edge.enable()
        assert 1 == tables(os.getpid())
        await lost(rig, before.hit + 1)
        assert fault.state().counts.eligible > before.eligible


@able
@in_loop
async def test_one_that_flaps_comes_and_goes_and_counts_on() -> None:
    async with rigged() as rig:
        await rig.edge((await rig.callee()).address)
        fault = await rig.fault("lossy", kind="packet_loss", loss="20%", schedule={"period": "100ms", "duty": "50%"})
        for _ in range(2):
            await until(lambda: tables(os.getpid()) == 0, "an off-time")
            before = fault.state().counts
            await until(lambda: tables(os.getpid()) == 1, "an on-time")
            await lost(rig, before.hit + 1)
        await rig.plane.remove("lossy")
        assert 0 == tables(os.getpid())


@able
@in_loop
async def test_two_on_one_edge_are_two() -> None:
    async with rigged() as rig:
        await rig.edge((await rig.callee()).address)
        await rig.fault("lossy", kind="packet_loss", loss="10%")
        await rig.fault("late", kind="latency", delay="1ms")
        await rig.fault("more", kind="packet_loss", loss="10%")
        assert 2 == tables(os.getpid())
        await lost(rig)
        assert {"lossy", "late", "more"} == {fault.spec.id for fault in await rig.plane.remove_all()}
        assert 0 == tables(os.getpid())


@able
@in_loop
async def test_what_the_kernel_does_not_take_is_not_on() -> None:
    """Nor does it stay in the list: its id is free."""
    async with rigged() as rig:
        edge = await rig.edge((await rig.callee()).address)
        edge._listener.address = "10.0.0.1:80"
        with pytest.raises(UnsuitableError, match=r"lossy cannot be put on a:b: address 10\.0\.0\.1:80: not a loop"):
            await rig.fault("lossy", kind="packet_loss", loss="20%")
        with pytest.raises(UnknownFaultError):
            rig.plane.fault("lossy")
        assert 0 == tables(os.getpid())


@able
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_gone_with_the_plane_however_that_ends(number: signal.Signals) -> None:
    with plane_process() as plane, callee() as (upstream, _):
        order = {"name": "a:b", "listen": "127.0.0.1:0", "upstream": upstream}
        assert 201 == plane.send("POST", "/proxies", order).status
        fault = {"id": "lossy", "edge": "a:b", "kind": "packet_loss", "loss": "30%"}
        assert 201 == plane.send("POST", "/faults", {"fault": fault, "seed": 1, "lease_ms": 60_000}).status
        assert 1 == tables(plane.process.pid)
        plane.process.send_signal(number)
        plane.process.wait(timeout=20)
        assert 0 == tables(plane.process.pid)


@able
def test_addresses_of_both_families() -> None:
    for address in ("127.0.0.1:9", "[::1]:9", "localhost:9"):
        loss = Loss(address, 0.5)
        assert (0, 0) == loss.end()
    with pytest.raises(ValueError, match="not a loopback address"):
        Loss("10.0.0.1:9", 0.5)


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/bin/setpriv").exists(), reason="needs root, to give it up")
def test_who_may_not_is_told_and_nothing_else_is_printed() -> None:
    asked = "from workbench.faultproxy.dropping import obstacle; print(obstacle())"
    command = ["/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", asked]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ("it takes root, or CAP_NET_ADMIN\n", "") == (ran.stdout, ran.stderr)
