"""Who is hit when requests are counted by key or decided by connection: the same in every run, on any connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.faultproxy.rig import GET, OK, Rig, in_loop, rigged
from workbench.faultproxy.wire import MarkedRecordingOrder
from workbench.model.faults.seeded import is_hit

REQUESTS = 200
TRACES = 20


def request(number: int) -> bytes:
    """One of twenty traces, in turn."""
    trace = f"traceparent: 00-{number % TRACES + 1:032x}-b7ad6b7169203331-01\r\n\r\n".encode()
    return GET[:-2] + trace


async def decided(rig: Rig, folder: Path, connections: int, **fault: Any) -> list[str]:
    """Send all requests over so many connections; return the decisions that were recorded."""
    callee = await rig.callee()
    edge = await rig.edge(callee.address)
    rig.plane.start_recording(MarkedRecordingOrder(directory=str(folder), run_id="r", canary="0123456789"))
    await rig.fault("f", seed=42, **fault)
    callers = [await rig.call(edge) for _ in range(connections)]

    async def work(number: int) -> None:
        for i in range(number, REQUESTS, connections):
            await callers[number].status(request(i))

    await asyncio.gather(*(work(number) for number in range(connections)))
    rig.plane.stop_recording()
    return sorted(line.split(",")[2] for line in (folder / "attempts.csv").read_text().splitlines())


KINDS: list[dict[str, Any]] = [
    {"kind": "fail_first", "count": 3, "per": {"by": "trace"}},
    {"kind": "every_nth", "n": 4, "per": {"by": "edge"}},
    {"kind": "every_nth", "n": 4, "per": {"by": "edge"}, "share": 0.5},
    {"kind": "corrupt_body", "how": "empty", "share": 0.25},
]


@pytest.mark.parametrize("fault", KINDS, ids=lambda fault: "-".join(map(str, fault.values())))
@in_loop
async def test_two_runs_and_any_number_of_connections_decide_alike(tmp_path: Path, fault: dict[str, Any]) -> None:
    """Which request gets which number is the order of arrival; what happens to the numbers is the seed's business."""
    seen = []
    folders = [tmp_path / name for name in ("one", "again", "fifty")]
    for folder in folders:
        folder.mkdir()
    for number, connections in enumerate((1, 1, 50)):
        async with rigged() as rig:
            seen.append(await decided(rig, folders[number], connections, **fault))
    one, again, fifty = seen
    assert one == again
    assert len(one) == len(fifty) == REQUESTS
    if fault["kind"] == "fail_first":
        # By key it is the request's number among those of its key that decides.
        def by_nth(marks: list[str]) -> Counter[str]:
            return Counter(mark.partition("/")[2] for mark in marks)

        assert by_nth(one) == by_nth(fifty) == Counter({f"{n}{'+' if n < 3 else '-'}": TRACES for n in range(10)})
    else:
        assert one == fifty


@pytest.mark.parametrize("protocol", ["http", "tcp"])
@in_loop
async def test_the_same_connections_are_hit_in_every_run(protocol: Any) -> None:
    """On an edge of bytes a connection is known by its being there, on HTTP by its first request."""
    expected = [is_hit(42, "f", number, 0.4) for number in range(30)]
    for _ in range(2):
        async with rigged() as rig:
            callee = await rig.callee()
            edge = await rig.edge(callee.address, protocol=protocol)
            fault = await rig.fault("f", seed=42, kind="latency", delay="1h", connection_share=0.4)
            hit = []
            for number in range(30):
                caller = await rig.call(edge)
                caller.writer.write(GET)
                passes = not expected[number]
                if passes:
                    assert await caller.reader.readexactly(len(OK)) == OK
                    assert await caller.get() == OK
                else:
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await caller.reader.read(1)
                hit.append(not passes)
            assert hit == expected
            assert fault.state().counts.hit >= sum(expected)
