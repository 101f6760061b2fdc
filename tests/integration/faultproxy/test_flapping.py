"""Faults that flap, in a plane whose timers run: they come and go by themselves until they are taken off."""

from __future__ import annotations

import asyncio
from time import monotonic_ns

import pytest

from tests.integration.faultproxy.rig import GET, OK, in_loop, rigged, until
from workbench.faultproxy import plane
from workbench.faultproxy.edge import Edge
from workbench.model.units import NS_PER_MS

FAST = {"period": "200ms", "duty": "50%"}


async def turns(edge: Edge, refuses: bool) -> None:
    await until(lambda: edge.accepts is not refuses, "the edge to refuse" if refuses else "the edge to accept")


async def stays(edge: Edge, refuses: bool) -> int:
    """Wait until the edge refuses, or accepts, and until it no longer does; return for how long it was seen to, in ns.

    Each turn of the loop is looked at, so what came in between is not missed.
    """
    await turns(edge, refuses)
    first = last = monotonic_ns()
    while edge.accepts is not refuses:
        last = monotonic_ns()
        await asyncio.sleep(0)
    return last - first


@in_loop
async def test_refusing_comes_and_goes() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        began = monotonic_ns()
        fault = await rig.fault("down", kind="refuse", schedule=FAST)
        refused_ns = accepted_ns = 0
        for _ in range(3):
            refused_ns += await stays(edge, refuses=True)
            accepted_ns += await stays(edge, refuses=False)
        state = fault.state()
        assert 0 < refused_ns <= state.on_ns <= monotonic_ns() - began - accepted_ns
        await rig.plane.remove("down")
        assert edge.accepts
        assert await (await rig.call(edge)).get() == OK


@in_loop
async def test_it_never_comes_back_once_it_was_taken_off() -> None:
    """In whatever part of its period that is."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        for wait_s in (0.0, 0.05, 0.11):
            await rig.fault("down", kind="refuse", schedule={"period": "100ms", "duty": "50%"})
            await asyncio.sleep(wait_s)
            await rig.plane.remove("down")
            for _ in range(25):
                assert edge.accepts
                await asyncio.sleep(0.01)
        assert not rig.plane._turns


@in_loop
async def test_its_lease_ends_it_in_an_off_time_too() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        fault = await rig.fault("down", kind="refuse", schedule={"period": "10m", "duty": "0.02%"})
        await turns(edge, refuses=False)
        assert not fault.state().on
        assert [f.spec.id for f in rig.plane.faults()] == ["down"]
        rig.plane.renew(["down"], 50)
        await until(lambda: not rig.plane.faults(), "the lease to end")
        assert not rig.plane._turns


@in_loop
async def test_no_turn_is_missed_where_a_machine_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its whole on-time may go by between two looks at the clock: it is taken off late, not ten minutes later."""
    stood_ns = 0

    def late_clock() -> int:
        nonlocal stood_ns
        stood_ns += 200 * NS_PER_MS
        return monotonic_ns() + stood_ns

    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        monkeypatch.setattr(plane, "monotonic_ns", late_clock)
        await rig.fault("down", kind="refuse", lease_ms=3_600_000, schedule={"period": "10m", "duty": "0.02%"})
        await turns(edge, refuses=False)


@pytest.mark.parametrize("kind", ["blackhole", "reset"])
@in_loop
async def test_requests_pass_in_between(kind: str) -> None:
    """One connection after the other; those of on-times end without an answer, and only those are counted."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        fault = await rig.fault("f", kind=kind, schedule=FAST)
        passed = ended = 0
        while passed < 3 or ended < 3:
            caller = await rig.call(edge)
            try:
                answer = await caller.get()
            except ConnectionError:
                answer = b""
            passed, ended = passed + (answer == OK), ended + (answer == b"")
        assert callee.heard == passed * GET
        assert fault.hit == fault.eligible == ended


@in_loop
async def test_removing_its_edge_ends_it() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        await rig.edge(callee.address)
        await rig.fault("down", kind="refuse", schedule=FAST)
        await rig.plane.remove_edge("a:b")
        assert not rig.plane._turns
        assert rig.plane.faults() == []
