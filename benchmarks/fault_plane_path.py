"""What one request costs the fault plane apart from system calls: real streams and pipes on transports that do nothing.

    python benchmarks/fault_plane_path.py [--requests 20000] [--repeats 15]

Requests and answers are those of fault_plane.py; rows are written to a file. The lowest of all repeats counts: whatever
else the machine does can only add to it. `profile` as the last word shows where the time goes, for one case.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import tempfile
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, cast

import uvloop
from fault_plane import ANSWER, HARDLY_EVER

from workbench.faultproxy.active_fault import activate
from workbench.faultproxy.caller_end import CallerEnd
from workbench.faultproxy.connection import CalleeEnd
from workbench.faultproxy.edge import Edge, Protocol
from workbench.faultproxy.recording import Evidence, Recording
from workbench.faultproxy.wire import FaultOrder, MarkedRecordingOrder

SAME = b"GET /v1/products HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
TRACED = (
    b"GET /v1/products?page=%d HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
    b"traceparent: 00-%032x-%016x-01\r\nAccept: */*\r\n\r\n"
)
CASES = ("TCP", "HTTP", "HTTP, traced", "HTTP, fault", "HTTP, traced, fault")


class Nothing:
    """A transport that takes everything."""

    def write(self, data: bytes) -> None:
        pass

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def close(self) -> None:
        pass


def case(name: str, evidence: Evidence, loop: asyncio.AbstractEventLoop, count: int) -> Callable[[], None]:
    """Return what passes so many requests and answers."""
    protocol: Protocol = "tcp" if name == "TCP" else "http"
    edge = Edge("plain:callee", "127.0.0.1:0", "127.0.0.1:9", protocol=protocol, evidence=evidence, loop=loop)
    edge.enabled = True
    caller = CallerEnd(edge, loop)
    caller.connection_made(cast("Any", Nothing()))
    (connection,) = edge.connections
    callee = CalleeEnd(connection)
    callee.connection_made(cast("Any", Nothing()))
    if "fault" in name:
        declared = {"id": "seldom", "edge": "plain:callee", "kind": "latency", "delay": "1ms", "share": HARDLY_EVER}
        order = FaultOrder.model_validate({"fault": declared, "seed": 1, "lease_ms": 1})
        fault = activate(order.fault, order.seed, 0, 1 << 62)
        loop.run_until_complete(edge.add_fault(fault, 0))
        fault.begin(0)
    heads = [TRACED % (n % 50, n, n) if "traced" in name else SAME for n in range(1, count + 1)]

    def run() -> None:
        request, answer = caller.data_received, callee.data_received
        for head in heads:
            request(head)
            answer(ANSWER)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--profile", choices=CASES, help="show where the time goes, for one case")
    options = parser.parse_args()
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory() as folder:
        evidence = Evidence()
        order = MarkedRecordingOrder(directory=folder, run_id="path", canary="0123456789")
        evidence.begin(recording := Recording(order, loop))
        runs = {name: case(name, evidence, loop, options.requests) for name in CASES}
        if options.profile:
            with cProfile.Profile() as profile:
                runs[options.profile]()
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
            return
        lowest = dict.fromkeys(CASES, float("inf"))
        for _ in range(options.repeats):
            for name, run in runs.items():
                start = perf_counter_ns()
                run()
                lowest[name] = min(lowest[name], (perf_counter_ns() - start) / options.requests)
        recording.close()
    print("| | ns/request |\n|---|---|")
    for name in CASES:
        print(f"| {name} | {lowest[name]:.0f} |")


if __name__ == "__main__":
    main()
