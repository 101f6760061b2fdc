"""Toxics on open connections: changes are felt at once, and no timer outlives its connection."""

from __future__ import annotations

import random
import time

from tests.integration.faultproxy.rig import GET, OK, in_loop, rigged, until
from workbench.faultproxy.toxiproxy.toxic_stages import Silence
from workbench.faultproxy.toxiproxy.toxics import Latency, Timeout

CHANCE = random.Random(1)


@in_loop
async def test_a_timeout_that_is_shortened_is_felt_by_open_connections() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        caller = await rig.call(edge)
        assert await caller.get() == OK
        toxic = Timeout("t", "downstream", 1.0, {"timeout": 0}, CHANCE)
        edge.add_rule(toxic)
        toxic.update(1.0, {"timeout": 30})
        assert await caller.gone()


@in_loop
async def test_no_timer_outlives_its_connection() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        toxic = Timeout("t", "downstream", 1.0, {"timeout": 3_600_000}, CHANCE)
        edge.add_rule(toxic)
        caller = await rig.call(edge)
        caller.writer.write(GET)
        await until(lambda: bool(edge.connections), "the connection")
        (stage,) = toxic._stages.values()
        assert isinstance(stage, Silence)
        assert stage._timer is not None
        caller.close()
        await until(lambda: not edge.connections, "the connection to be over")
        assert not any((stage._timer, toxic._stages, toxic.touched))


@in_loop
async def test_toxicity_is_drawn_anew_when_it_changes() -> None:
    """From nobody to everybody and back, for a connection that is open all the time."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        caller = await rig.call(edge)
        assert await caller.get() == OK
        toxic = Latency("t", "downstream", 0.0, {"latency": 30, "jitter": 0}, CHANCE)
        edge.add_rule(toxic)
        (stage,) = toxic._stages.values()
        assert not stage.hit
        toxic.update(1.0, toxic.attributes)
        start = time.monotonic()
        assert await caller.get() == OK
        assert time.monotonic() - start >= 0.03
        toxic.update(0.0, toxic.attributes)
        assert not stage.hit
        assert await caller.get() == OK
