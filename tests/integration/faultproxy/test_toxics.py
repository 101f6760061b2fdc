"""Toxics on open connections: changes are felt at once, and no timer outlives its connection."""

from __future__ import annotations

from tests.integration.faultproxy.rig import GET, OK, in_loop, rigged, until
from workbench.faultproxy.toxiproxy.toxics import Latency, Timeout


@in_loop
async def test_a_timeout_that_is_shortened_is_felt_by_open_connections() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        caller = await rig.call(edge)
        assert await caller.get() == OK
        toxic = Timeout("t", "downstream", 1.0, {"timeout": 0})
        edge.add_rule(toxic)
        toxic.update(1.0, {"timeout": 30}, edge.connections)
        assert await caller.gone()


@in_loop
async def test_no_timer_outlives_its_connection() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        toxic = Timeout("t", "downstream", 1.0, {"timeout": 3_600_000})
        edge.add_rule(toxic)
        caller = await rig.call(edge)
        caller.writer.write(GET)
        await until(lambda: len(toxic._timers) == 1, "the timer to be set")
        caller.close()
        await until(lambda: not edge.connections, "the connection to be over")
        assert (toxic._timers, toxic.touched) == ({}, set())


@in_loop
async def test_toxicity_is_drawn_anew_when_it_changes() -> None:
    """From nobody to everybody and back, for a connection that is open all the time."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        caller = await rig.call(edge)
        assert await caller.get() == OK
        toxic = Latency("t", "downstream", 0.0, {"latency": 1, "jitter": 0})
        edge.add_rule(toxic)
        assert not toxic.touched
        toxic.update(1.0, toxic.attributes, edge.connections)
        assert len(toxic.touched) == 1
        assert await caller.get() == OK
        toxic.update(0.0, toxic.attributes, edge.connections)
        assert not toxic.touched
        assert await caller.get() == OK
