"""Faults on real sockets: who is hit, what the caller sees, and that nothing is left when a fault is gone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.faultproxy.rig import GET, OK, in_loop, rigged, until
from workbench.faultproxy.edge import Protocol
from workbench.faultproxy.plane import AlreadyThereError, UnknownEdgeError, UnknownFaultError, UnsuitableError
from workbench.faultproxy.wire import MarkedRecordingOrder
from workbench.model.faults.seeded import is_hit

# -- blackhole and latency --------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["http", "tcp"])
@in_loop
async def test_a_hole_closes_when_it_is_removed(protocol: Protocol) -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address, protocol=protocol)
        caller = await rig.call(edge)
        assert await caller.get() == OK
        hole = await rig.fault("hole", kind="blackhole")
        caller.writer.write(GET)
        await until(lambda: hole.hit == 1, "the request to vanish")
        await rig.plane.remove("hole")
        assert await caller.gone()
        assert callee.heard == GET
        assert await (await rig.call(edge)).get() == OK


@pytest.mark.parametrize("protocol", ["http", "tcp"])
@in_loop
async def test_latency_comes_before_the_first_byte(protocol: Protocol) -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address, protocol=protocol)
        await rig.fault("late", kind="latency", delay="60ms")
        caller = await rig.call(edge)
        start = time.monotonic()
        assert await caller.get() == OK
        assert time.monotonic() - start >= 0.06


@in_loop
async def test_the_callee_acts_though_the_caller_has_left() -> None:
    """With a late answer it hears at once, with a late request it still hears."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        await rig.fault("late", kind="latency", delay="50ms", side="request")
        caller = await rig.call(edge)
        caller.writer.write(GET)
        await until(lambda: edge.attempts == 1, "the request to be counted")
        caller.writer.transport.abort()
        assert callee.heard == b""
        await until(lambda: callee.heard == GET, "the callee to hear the request")
        await until(lambda: not edge.connections, "the connection to be over")


@in_loop
async def test_counts_are_live_while_connections_are_open() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        fault = await rig.fault("err", kind="http_status", status=503, share=0.5)
        caller = await rig.call(edge)
        for done in range(1, 21):
            await caller.status()
            counts = fault.state().counts
            assert (done, done) == (counts.eligible, counts.hit + counts.passed)
        assert callee.requests == fault.state().counts.passed
        assert 0 < callee.requests < 20


# -- determinism ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 50])
@in_loop
async def test_the_same_seed_hits_the_same_ordinals(connections: int, tmp_path: Path) -> None:
    """On any number of connections; and they are those that seed and id alone give."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        rig.plane.start_recording(MarkedRecordingOrder(directory=str(tmp_path), run_id="r", canary="0123456789"))
        fault = await rig.fault("err", kind="http_status", status=500, share=0.25, seed=42)
        callers = [await rig.call(edge) for _ in range(connections)]

        async def work(number: int) -> int:
            return sum([await callers[number].status() == 500 for _ in range(300 // connections)])

        hits = sum(await asyncio.gather(*(work(number) for number in range(connections))))
        expected = [i for i in range(300) if is_hit(42, "err", i, 0.25)]
        assert len(expected) == hits == fault.state().counts.hit
        assert fault.state().counts.eligible == 300
        assert callee.requests == 300 - hits
        rig.plane.stop_recording()
        decisions = [line.split(",")[2] for line in (tmp_path / "attempts.csv").read_text().splitlines()]
        assert sorted(f"err={i}{'+' if i in expected else '-'}" for i in range(300)) == sorted(decisions)


# -- leases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["refuse", "blackhole"])
@in_loop
async def test_a_lease_ends_by_itself(kind: str) -> None:
    """Nobody has to do anything, and what the fault held is free."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        start = time.monotonic()
        await rig.fault("short", kind=kind, lease_ms=80)
        await until(lambda: not rig.plane.faults(), "the lease to end")
        assert time.monotonic() - start >= 0.08
        await until(lambda: edge.accepts, "the edge to be open")
        assert await (await rig.call(edge)).get() == OK


@in_loop
async def test_a_renewed_lease_goes_on() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        await rig.edge(callee.address)
        await rig.fault("short", kind="blackhole", lease_ms=2000)
        await rig.fault("other", kind="latency", delay="1ms", lease_ms=2000)
        renewal = rig.plane.renew(["short", "nobody"], 60_000)
        assert (renewal.renewed, renewal.unknown) == (["short"], ["nobody"])
        await until(lambda: len(rig.plane.faults()) == 1, "the other lease to end")
        assert [fault.spec.id for fault in rig.plane.faults()] == ["short"]
        assert rig.plane.renew(["other"], 100).unknown == ["other"]


@in_loop
async def test_a_lease_that_is_over_is_not_renewed() -> None:
    """The loop has not come to take the fault off, and it goes all the same."""
    async with rigged() as rig:
        callee = await rig.callee()
        await rig.edge(callee.address)
        fault = await rig.fault("f", kind="blackhole")
        fault.expires_at_ns = time.monotonic_ns()
        for timer_came_first in (False, True):
            if timer_came_first:
                rig.plane._expire()
            assert rig.plane.renew(["f"], 60_000).unknown == ["f"]
        await until(lambda: not rig.plane.faults(), "the lease to end")


@pytest.mark.parametrize("what", ["lease", "turn"])
@in_loop
async def test_a_timer_that_comes_while_its_fault_is_taken_off_leaves_the_next_one_of_its_id(what: str) -> None:
    """It has no work left: what it would have done to the first is not done to the second, and the first is off."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        flaps: dict[str, Any] = {"schedule": {"period": "20m", "duty": "50%"}}
        first = await rig.fault("f", kind="refuse", **flaps)
        if what == "lease":
            first.expires_at_ns = time.monotonic_ns()
            rig.plane._expire()
        else:
            rig.plane._keep(rig.plane._turn(first, edge))
        await rig.plane.remove("f")
        second = await rig.fault("f", kind="refuse", **flaps)
        await until(lambda: not rig.plane._working, "the timer's work to be done")
        assert (rig.plane.faults(), first.on, second.on) == ([second], False, True)
        await rig.plane.remove("f")
        assert not rig.plane._turns
        assert await (await rig.call(edge)).get() == OK


@in_loop
async def test_an_expired_fault_hits_nothing_though_the_loop_is_late() -> None:
    """Whatever keeps the loop busy, the first request after the end of the lease passes."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        fault = await rig.fault("err", kind="http_status", status=500, lease_ms=30)
        caller = await rig.call(edge)
        caller.writer.write(GET)
        while time.monotonic_ns() < fault.expires_at_ns:
            pass  # the loop cannot run its timers
        assert await caller.reader.readexactly(len(OK)) == OK


@in_loop
async def test_a_lease_that_ends_frees_connections_that_are_open() -> None:
    """What was held leaves, what was swallowed is cut, and what comes next on a kept connection passes."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        late = await rig.fault("late", kind="latency", delay="1h", match={"path": "/late"})
        hole = await rig.fault("hole", kind="blackhole", match={"path": "/hole"})
        held, swallowed = await rig.call(edge), await rig.call(edge)
        held.writer.write(GET.replace(b"/x", b"/late"))
        swallowed.writer.write(GET.replace(b"/x", b"/hole"))
        await until(lambda: late.hit == hole.hit == 1, "both to be hit")
        rig.plane.renew(["late", "hole"], 50)
        assert await held.reader.readexactly(len(OK)) == OK
        assert await swallowed.gone()
        assert await held.get() == OK
        assert rig.plane.faults() == []


@in_loop
async def test_leases_end_though_the_edge_of_one_is_being_removed() -> None:
    """The edge is away while its faults still are on their way off; other leases are not forgotten over it."""
    async with rigged() as rig:
        callee = await rig.callee()
        await rig.edge(callee.address)
        gone = await rig.plane.add_edge("a:gone", "127.0.0.1:0", callee.address)
        await rig.fault("first", edge="a:gone", kind="blackhole")
        await rig.fault("other", kind="blackhole")
        del rig.plane.edges["a:gone"]  # as `remove_edge` does before it takes its faults off
        rig.plane.renew(["first"], 50)
        rig.plane.renew(["other"], 100)
        await until(lambda: [f.spec.id for f in rig.plane.faults()] == ["first"], "the other lease to end")
        rig.plane.edges["a:gone"] = gone
        await rig.plane.remove_edge("a:gone")
        assert rig.plane.faults() == []


# -- what is refused --------------------------------------------------------------------------------------------


@in_loop
async def test_what_cannot_be_put_on() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        await rig.edge(callee.address, protocol="tcp")
        with pytest.raises(UnknownEdgeError):
            await rig.fault("late", edge="no:body", kind="latency", delay="1ms")
        for fields in ({"kind": "http_status", "status": 500}, {"kind": "blackhole", "match": {"method": "GET"}}):
            with pytest.raises(UnsuitableError, match="a:b is not an HTTP edge"):
                await rig.fault("late", **fields)
        await rig.fault("late", kind="latency", delay="1ms")
        with pytest.raises(AlreadyThereError):
            await rig.fault("late", kind="latency", delay="1ms")
        with pytest.raises(UnknownFaultError):
            await rig.plane.remove("nobody")


# -- nothing is left --------------------------------------------------------------------------------------------


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


KINDS: list[dict[str, Any]] = [
    {"kind": "refuse"},
    {"kind": "blackhole"},
    {"kind": "latency", "delay": "1h"},
    {"kind": "http_status", "status": 500},
]


@in_loop
async def test_500_proxies_and_faults_leave_nothing_behind() -> None:
    """No descriptor, no task, no connection, no fault, with traffic under way."""
    tasks = len(asyncio.all_tasks())
    async with rigged() as rig:
        callee = await rig.callee()
        before = descriptors()
        for number in range(500):
            name = f"a:b{number}"
            edge = await rig.plane.add_edge(name, "127.0.0.1:0", callee.address, protocol="http")
            caller = await rig.call(edge) if number % 10 == 0 else None
            if caller is not None:
                assert await caller.get() == OK
            await rig.fault(f"f{number}", edge=name, **KINDS[number // 10 % 4])
            if caller is not None:
                caller.writer.write(GET)
        assert len(rig.plane.faults()) == 500
        for number in range(0, 500, 2):
            await rig.plane.remove(f"f{number}")
        for name in list(rig.plane.edges):
            await rig.plane.remove_edge(name)
        assert rig.plane.faults() == []
        rig.hang_up()
        await until(lambda: descriptors() <= before, "every descriptor to be closed")
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "every task to end")
