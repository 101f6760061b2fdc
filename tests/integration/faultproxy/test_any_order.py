"""Faults put on and taken off in any order around traffic: every request meets exactly what a model says.

The model is one page: who is on, in which order, and how many requests each has met. Invariants: without a
fault the bytes pass untouched, counters add up, and nothing is left when everything has been taken off.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.integration.faultproxy.rig import OK, Caller, Rig, until
from workbench.faultproxy.toxiproxy.toxics import Latency
from workbench.model.faults.seeded import is_hit

STATUS = 503
DECLARED: dict[str, dict[str, Any]] = {
    "latency": {"kind": "latency", "delay": "1ms"},
    "request": {"kind": "latency", "delay": "1ms", "side": "request"},
    "error": {"kind": "http_status", "status": STATUS},
    "hole": {"kind": "blackhole"},
    "refuse": {"kind": "refuse"},
    "picky": {"kind": "http_status", "status": STATUS, "match": {"method": "POST"}},
}


BODIES = st.binary(max_size=30).map(lambda body: body.replace(b"\n", b""))
"""The callee finds requests by their blank lines."""


@dataclass
class Modelled:
    """What the model knows of a fault that is on."""

    fault_id: str
    what: str
    share: float
    met: int = 0


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = uvloop.new_event_loop()
        self.on: list[Modelled] = []
        self.toxics: list[Latency] = []
        self.enabled = True
        self.passed = b""
        self.attempts = 0
        self.number = 0
        self.caller: Caller | None = None
        self.run(self.set_up())

    def run(self, action: Any) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(10):
                return await action

        return self.loop.run_until_complete(bounded())

    async def set_up(self) -> None:
        self.rig = Rig()
        self.callee = await self.rig.callee()
        self.edge = await self.rig.edge(self.callee.address)

    @property
    def reachable(self) -> bool:
        return self.enabled and not any(fault.what == "refuse" for fault in self.on)

    def predict(self, method: str) -> str:
        """Return what happens to the next request, and note whom it meets."""
        self.attempts += 1
        for fault in self.on:
            if fault.what == "refuse" or (fault.what == "picky" and method != "POST"):
                continue
            hit = is_hit(1, fault.fault_id, fault.met, fault.share)
            fault.met += 1
            if hit and fault.what in ("error", "picky"):
                return "error"
            if hit and fault.what == "hole":
                return "nothing"
        return "answer"

    # -- what can happen --------------------------------------------------------------------------------

    @rule(what=st.sampled_from(sorted(DECLARED)), share=st.sampled_from([1.0, 0.5]))
    def put_on(self, what: str, share: float) -> None:
        self.number += 1
        fault_id = f"f{self.number}"
        fields = DECLARED[what] if what == "refuse" else {**DECLARED[what], "share": share}
        self.run(self.rig.fault(fault_id, **fields))
        self.on.append(Modelled(fault_id, what, share))
        if what == "refuse":
            self.caller = None

    @precondition(lambda self: self.on)
    @rule(index=st.integers(0, 99))
    def take_off(self, index: int) -> None:
        fault = self.on.pop(index % len(self.on))
        counts = self.run(self.rig.plane.remove(fault.fault_id)).state().counts
        assert fault.met == counts.eligible == counts.hit + counts.passed

    @rule()
    def add_toxic(self) -> None:
        toxic = Latency(f"t{len(self.toxics)}", "downstream", 0.5, {"latency": 1, "jitter": 1}, random.Random(1))
        self.run(self._in_loop(lambda: self.edge.add_rule(toxic)))
        self.toxics.append(toxic)

    @precondition(lambda self: self.toxics)
    @rule()
    def remove_toxic(self) -> None:
        toxic = self.toxics.pop()
        self.run(self._in_loop(lambda: self.edge.remove_rule(toxic)))

    async def _in_loop(self, action: Any) -> None:
        action()

    @rule(method=st.sampled_from(["GET", "POST"]), body=BODIES, pieces=st.integers(1, 4))
    def send(self, method: str, body: bytes, pieces: int) -> None:
        if self.reachable:
            self.run(self.exchange(method, body, pieces))
        else:
            with pytest.raises(ConnectionRefusedError):
                self.run(self.rig.call(self.edge))

    async def exchange(self, method: str, body: bytes, pieces: int) -> None:
        if self.caller is None:
            self.caller = await self.rig.call(self.edge)
        data = f"{method} /x HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        size = -(-len(data) // pieces)
        for at in range(0, len(data), size):
            self.caller.writer.write(data[at : at + size])
            await asyncio.sleep(0)
        match self.predict(method):
            case "answer":
                self.passed += data
                assert await self.caller.reader.readexactly(len(OK)) == OK
            case "error":
                head = await self.caller.reader.readuntil(b"\r\n\r\n")
                assert head.startswith(f"HTTP/1.1 {STATUS} ".encode())
                await self.caller.reader.readuntil(b"}")
            case _:
                await until(lambda: self.edge.attempts == self.attempts, "the request to be decided")
                assert not self.caller.reader._buffer  # type: ignore[attr-defined]  # nothing came
                self.disconnect()

    @rule()
    def disconnect(self) -> None:
        if self.caller is not None:
            self.caller.close()
            self.caller = None

    @rule()
    def switch(self) -> None:
        self.run(self.edge.disable() if self.enabled else self.edge.enable())
        self.enabled = not self.enabled
        self.caller = None

    # -- what always holds ------------------------------------------------------------------------------

    @invariant()
    def the_callee_heard_what_passed(self) -> None:
        assert self.passed == self.callee.heard

    @invariant()
    def counters_add_up(self) -> None:
        assert self.attempts == self.edge.attempts
        for fault in self.on:
            counts = self.rig.plane.fault(fault.fault_id).state().counts
            assert fault.met == counts.eligible == counts.hit + counts.passed

    def teardown(self) -> None:
        self.run(self.nothing_is_left())
        self.run(self.rig.close())
        self.loop.close()

    async def nothing_is_left(self) -> None:
        await self.rig.plane.remove_all()
        self.rig.hang_up()
        assert self.rig.plane.faults() == []
        await until(lambda: not self.edge.connections, "every connection to be over")


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
