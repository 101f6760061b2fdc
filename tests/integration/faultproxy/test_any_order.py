"""Faults put on and taken off in any order around traffic: every request meets exactly what a model says.

The model is one page: who is on, in which order, and how many requests each has met. Invariants: without a
fault the bytes pass untouched, counters add up, and nothing is left when everything has been taken off.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any, cast

import pytest
import uvloop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.integration.faultproxy.rig import OK, Caller, Rig, until
from workbench.faultproxy.toxiproxy.api import _Api
from workbench.faultproxy.toxiproxy.toxics import TOXICS, Toxic
from workbench.model.faults.seeded import is_hit

STATUS = 503
DECLARED: dict[str, dict[str, Any]] = {
    "latency": {"kind": "latency", "delay": "1ms"},
    "request": {"kind": "latency", "delay": "1ms", "side": "request"},
    "error": {"kind": "http_status", "status": STATUS},
    "hole": {"kind": "blackhole"},
    "refuse": {"kind": "refuse"},
    "nth": {"kind": "every_nth", "n": 3, "status": STATUS},
    "lost": {"kind": "response_lost", "answer": "replaced", "status": STATUS},
    "altered": {"kind": "corrupt_body", "how": "empty"},
    "picky": {"kind": "http_status", "status": STATUS, "match": {"method": "POST"}},
    "reset": {"kind": "reset"},
    "closed": {"kind": "accept_then_close"},
    "narrow": {"kind": "bandwidth", "rate": "10MB/s"},
    "sliced": {"kind": "slicer", "average": 10, "variation": 5, "delay": "10us"},
}
OUTCOMES = {
    "error": "error",
    "picky": "error",
    "hole": "nothing",
    "reset": "end",
    "closed": "end",
    "nth": "error",
    "lost": "lost",
}
"""What comes of a request that a fault hits; the others let it pass, sooner or later."""

HARMLESS: dict[str, dict[str, int]] = {
    "latency": {"latency": 1, "jitter": 1},
    "bandwidth": {"rate": 10_000},
    "slow_close": {"delay": 1},
    "slicer": {"average_size": 10, "size_variation": 5, "delay": 10},
    "limit_data": {"bytes": 10**9},
    "reset_peer": {"timeout": 0},
    "timeout": {"timeout": 0},
    "noop": {},
}
"""Toxics that let everything pass; two of them because they hit nobody."""

HARMFUL = {
    "timeout": ("nothing", {"timeout": 0}),
    "reset_peer": ("end", {"timeout": 0}),
    "limit_data": ("end", {"bytes": 0}),
}
"""Toxics that hit everybody, and what the caller then gets."""

STREAMS = st.sampled_from(["upstream", "downstream"])


ALTERED = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

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
        self.harmless: list[Toxic] = []
        self.harmful: dict[str, tuple[str, Toxic]] = {}
        """By stream: what comes of bytes that go that way."""
        self.chance = random.Random(1)
        self.enabled = True
        self.passed = b""
        self.attempts = 0
        self.number = 0
        self.altered = False
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
        self.altered = False
        for fault in self.on:
            if fault.what == "refuse" or (fault.what == "picky" and method != "POST"):
                continue
            hit = is_hit(1, fault.fault_id, fault.met, fault.share)
            if fault.what == "nth":
                hit = hit and fault.met % 3 == 2
            fault.met += 1
            self.altered = self.altered or (hit and fault.what == "altered")
            if hit and fault.what in OUTCOMES:
                return OUTCOMES[fault.what]
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

    @rule(kind=st.sampled_from(sorted(HARMLESS)), stream=STREAMS, toxicity=st.sampled_from([0.0, 0.5, 1.0]))
    def add_toxic(self, kind: str, stream: str, toxicity: float) -> None:
        toxicity = 0.0 if kind in ("timeout", "reset_peer") else toxicity
        self.harmless.append(self.add(kind, stream, toxicity, HARMLESS[kind]))

    def add(self, kind: str, stream: str, toxicity: float, attributes: dict[str, int]) -> Toxic:
        self.number += 1
        toxic = TOXICS[kind](f"t{self.number}", stream, toxicity, attributes, self.chance)
        self.run(self._in_loop(lambda: self.edge.add_rule(toxic)))
        return toxic

    @precondition(lambda self: self.harmless)
    @rule(index=st.integers(0, 99), toxicity=st.sampled_from([0.0, 0.5, 1.0]))
    def update_toxic(self, index: int, toxicity: float) -> None:
        toxic = self.harmless[index % len(self.harmless)]
        toxicity = 0.0 if toxic.type in ("timeout", "reset_peer") else toxicity
        self.run(self._in_loop(lambda: toxic.update(toxicity, dict(toxic.attributes))))

    @precondition(lambda self: self.harmless)
    @rule(index=st.integers(0, 99))
    def remove_toxic(self, index: int) -> None:
        toxic = self.harmless.pop(index % len(self.harmless))
        self.run(self._in_loop(lambda: self.edge.remove_rule(toxic)))

    @rule(kind=st.sampled_from(sorted(HARMFUL)), stream=STREAMS)
    def add_harm(self, kind: str, stream: str) -> None:
        if stream not in self.harmful:
            outcome, attributes = HARMFUL[kind]
            self.harmful[stream] = outcome, self.add(kind, stream, 1.0, attributes)

    @precondition(lambda self: self.harmful)
    @rule(stream=STREAMS)
    def remove_harm(self, stream: str) -> None:
        if stream in self.harmful:
            _, toxic = self.harmful.pop(stream)
            self.run(self._in_loop(lambda: self.edge.remove_rule(toxic)))
            self.forget_swallowed([toxic])

    def forget_swallowed(self, removed: list[Toxic]) -> None:
        """A connection cannot be used any more once bytes that vanished no longer do."""
        if any(toxic.type == "timeout" for toxic in removed):
            self.disconnect()

    @rule()
    def reset(self) -> None:
        """Toxiproxy's: everything off, everything enabled."""
        self.run(_Api(self.rig.plane, self.chance).reset(cast("Any", None)))
        removed = [toxic for _, toxic in self.harmful.values()]
        self.on.clear()
        self.harmless.clear()
        self.harmful.clear()
        self.enabled = True
        self.forget_swallowed(removed)
        assert (self.edge.rules, self.edge.faults, self.rig.plane.faults()) == ([], [], [])

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
        outcome, passes = self.predict(method), b""
        if outcome in ("answer", "lost"):
            outcome, passes = self.meet_harm("upstream", "answer" if outcome == "answer" else "error"), data
            if outcome in ("nothing", "end"):
                passes = b""
        if outcome in ("answer", "error"):
            outcome = self.meet_harm("downstream", outcome)
        await self.see(outcome, self.caller)
        await self.hear(passes, whole=outcome != "end")
        if outcome == "nothing":
            self.disconnect()

    def meet_harm(self, stream: str, outcome: str) -> str:
        return self.harmful[stream][0] if stream in self.harmful else outcome

    async def see(self, outcome: str, caller: Caller) -> None:
        """Read what the caller has to get."""
        match outcome:
            case "answer":
                expected = ALTERED if self.altered else OK
                assert await caller.reader.readexactly(len(expected)) == expected
            case "error":
                head = await caller.reader.readuntil(b"\r\n\r\n")
                assert head.startswith(f"HTTP/1.1 {STATUS} ".encode())
                await caller.reader.readuntil(b"}")
            case "end":
                assert await caller.gone()
                self.disconnect()
            case _:
                await until(lambda: self.edge.attempts == self.attempts, "the request to be decided")
                assert not caller.reader._buffer  # type: ignore[attr-defined]  # nothing came

    async def hear(self, data: bytes, *, whole: bool) -> None:
        """Wait until the callee has heard a request; if its connection was ended in the middle, maybe not all of it."""
        if whole:
            self.passed += data
            await until(lambda: self.callee.heard == self.passed, "the callee to hear it")
            return
        await until(lambda: not self.edge.connections, "the connection to be over")
        await asyncio.sleep(0.005)
        rest = self.callee.heard.removeprefix(self.passed)
        assert data.startswith(rest)
        self.passed += rest

    @rule()
    def disconnect(self) -> None:
        if self.caller is not None:
            self.caller.close()
            self.caller = None

    @rule()
    def switch(self) -> None:
        self.run(self.edge.disable() if self.enabled else self.edge.enable())
        self.enabled = not self.enabled
        self.disconnect()

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
        toxics = [*self.harmless, *(toxic for _, toxic in self.harmful.values())]
        await _Api(self.rig.plane, self.chance).reset(cast("Any", None))
        self.rig.hang_up()
        assert (self.rig.plane.faults(), self.edge.rules) == ([], [])
        await until(lambda: not self.edge.connections, "every connection to be over")
        assert not any(toxic._stages or toxic.touched for toxic in toxics)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
