"""Brownout with real sockets: the callee never has more than it may, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.integration.faultproxy.rig import GET, OK, in_loop, rigged, until


class Slow:
    """A callee that takes its time, and knows how many it has at a time."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.served = 0
        self.go_on = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.now += 1
                self.most = max(self.most, self.now)
                await self.go_on.wait()
                await asyncio.sleep(0.002)
                self.now -= 1
                self.served += 1
                writer.write(OK)
        writer.close()


@in_loop
async def test_so_many_are_inside_so_many_wait_and_the_others_are_refused() -> None:
    async with rigged() as rig:
        slow = Slow()
        edge = await rig.edge(await rig.server(slow.serve))
        fault = await rig.fault("busy", kind="brownout", concurrent=3, queue=4, service_time="1ms")
        callers = [await rig.call(edge) for _ in range(12)]
        answers = [asyncio.ensure_future(caller.status()) for caller in callers]
        await until(lambda: slow.now == 3 and fault.state().counts.hit == 12, "three to be inside")
        await until(lambda: sum(answer.done() for answer in answers) == 5, "the others to be refused")
        slow.go_on.set()
        statuses = await asyncio.gather(*answers)
        assert (statuses.count(200), statuses.count(503)) == (7, 5)
        assert (slow.most, slow.served) == (3, 7)
        # The places are free again.
        assert [await callers[0].status() for _ in range(5)] == [200] * 5


@in_loop
async def test_callers_that_leave_leave_their_places() -> None:
    """Those that are with the callee, which goes on with what it has, and those that wait.

    One that waits may get the place of one that left before it leaves itself; the callee then hears of it.
    """
    async with rigged() as rig:
        slow = Slow()
        edge = await rig.edge(await rig.server(slow.serve))
        fault = await rig.fault("busy", kind="brownout", concurrent=2, queue=2, service_time="1ms")
        for number in range(1, 6):
            leaving = [await rig.call(edge) for _ in range(4)]
            for caller in leaving:
                caller.writer.write(GET)
            await until(lambda n=number: fault.eligible == 4 * n and slow.now >= 2 * n, "two more to be inside")  # type: ignore[misc]  # mypy does not infer defaults
            for caller in leaving:
                caller.close()
            await until(lambda: len(fault.effect._open) == 0, "all attempts to be over")
        assert slow.served == 0
        slow.go_on.set()
        staying = await rig.call(edge)
        assert await staying.status() == 200


@in_loop
async def test_taken_off_everybody_goes_on() -> None:
    async with rigged() as rig:
        slow = Slow()
        slow.go_on.set()
        edge = await rig.edge(await rig.server(slow.serve))
        await rig.fault("busy", kind="brownout", concurrent=1, queue=50, service_time="1h")
        callers = [await rig.call(edge) for _ in range(20)]
        answers = [asyncio.ensure_future(caller.status()) for caller in callers]
        await until(lambda: rig.plane.fault("busy").state().counts.hit == 20, "all to wait")
        assert slow.served == 0
        await rig.plane.remove("busy")
        assert await asyncio.gather(*answers) == [200] * 20
