"""10 000 idle connections through the built-in fault plane and through Toxiproxy: memory, drops, and the control API.

    python benchmarks/fault_plane_idle.py [--connections 10000] [--calls 100]

Each connection sends one request and gets its answer, so that the plane has a connection to the callee behind it, and
is then kept. While all are idle each control call is timed: what only reads, and adding, updating and removing a toxic
or a fault that acts on all of them. Then every connection is asked once more; those that do not answer were dropped.

Each proxied connection takes two descriptors of the plane. Where the limit (`ulimit -Hn`) is too low for all, the rest
only connect to the built-in plane, which dials at the first byte; Toxiproxy dials at once and gets fewer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import uvloop
from plane_peers import BUILT_IN, LEASE_MS, Plane, Rig, quantile, read_line, say, show_machine

REQUEST = b"GET /v1/products HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
EDGE = "idle:callee"
AT_ONCE = 100
ANSWER_S = 20.0
OWN_DESCRIPTORS = 64


# -- callee and callers, each a process of its own -----------------------------------------------------------------


class Callee(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - it came
        self.transport.write(ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Callee, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Caller(asyncio.Protocol):
    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - it came
        self.answered.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is gone
        self.lost = True
        self.answered.set()

    async def ask(self) -> None:
        self.answered.clear()
        self.transport.write(REQUEST)
        await self.answered.wait()


async def keep(port: int, count: int, asking: int) -> None:
    """Open connections, of which the first `asking` send a request; do so again at each line on stdin."""
    loop = asyncio.get_running_loop()
    callers: list[Caller] = []

    async def open_one(number: int) -> None:
        _, caller = await loop.create_connection(Caller, "127.0.0.1", port)
        callers.append(caller)
        if number < asking:
            await caller.ask()

    for begin in range(0, count, AT_ONCE):
        await asyncio.gather(*(open_one(number) for number in range(begin, min(begin + AT_ONCE, count))))
    while True:
        print(json.dumps({"open": sum(not caller.lost for caller in callers)}), flush=True)
        if not await loop.run_in_executor(None, sys.stdin.readline):
            return
        asked = [caller for caller in callers[:asking] if not caller.lost]
        for begin in range(0, len(asked), AT_ONCE):
            waits = [asyncio.create_task(caller.ask()) for caller in asked[begin : begin + AT_ONCE]]
            await asyncio.wait(waits, timeout=ANSWER_S)
        # Whoever was not answered is as good as lost.
        for caller in asked:
            caller.lost |= not caller.answered.is_set()


# -- measuring -----------------------------------------------------------------------------------------------------


def timed_ms(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e3


def control_calls(plane: Plane) -> dict[str, Callable[[], Any]]:
    """Return what is timed, in an order that can be repeated."""
    toxics = f"/proxies/{EDGE}/toxics"
    late = {"name": "late", "type": "latency", "attributes": {"latency": 5}}
    calls = {
        "read": lambda: plane.call("GET", f"/proxies/{EDGE}"),
        "add a toxic": lambda: plane.call("POST", toxics, late),
        "update it": lambda: plane.call("POST", f"{toxics}/late", {"attributes": {"latency": 9}}),
        "remove it": lambda: plane.call("DELETE", f"{toxics}/late"),
        "reset": lambda: plane.call("POST", "/reset"),
    }
    if plane.name == BUILT_IN:
        fault = {"id": "late", "kind": "latency", "edge": EDGE, "delay": "5ms"}
        order = {"fault": fault, "seed": 1, "lease_ms": LEASE_MS}
        calls["add a fault"] = lambda: plane.call("POST", "/faults", order)
        calls["remove the fault"] = lambda: plane.call("DELETE", "/faults/late")
    return calls


def measure(rig: Rig, plane: Plane, callee: int, options: argparse.Namespace) -> dict[str, list[float]]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    pairs = min(options.connections, (hard - OWN_DESCRIPTORS) // 2)
    count = pairs
    if plane.name == BUILT_IN:
        count = options.connections
        pairs = min(count, hard - OWN_DESCRIPTORS - count)
    before = plane.memory_mib()
    port = plane.edge(EDGE, callee)
    callers = rig.start_role(__file__, "keep", port, count, pairs)
    json.loads(read_line(callers))
    time.sleep(1)
    idle_mib = plane.memory_mib()
    taken: dict[str, list[float]] = {name: [] for name in control_calls(plane)}
    for _ in range(options.calls):
        for name, call in control_calls(plane).items():
            taken[name].append(timed_ms(call))
    assert callers.stdin is not None
    callers.stdin.write("\n")
    callers.stdin.flush()
    still = json.loads(read_line(callers))["open"]
    print(
        f"| {plane.name} | {count} | {pairs} | {before:.0f} | {idle_mib:.0f} | {plane.memory_mib():.0f} |"
        f" {(idle_mib - before) * 1024 / count:.1f} | {count - still} |",
        flush=True,
    )
    callers.kill()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=100, help="control calls of each sort")
    options = parser.parse_args()
    show_machine()
    print("\n| | connections | of them used | MiB before | MiB idle | MiB at the end | KiB each | dropped |")
    print("|---|---|---|---|---|---|---|---|")
    taken = {}
    with Rig() as rig:
        callee = rig.callee(__file__, "serve")
        for plane in rig.planes():
            say(plane.name)
            taken[plane.name] = measure(rig, plane, callee, options)
    print(
        f"\n{options.calls} control calls of each sort\n\n| | p50 (ms) | p99 (ms) | highest (ms) |\n|---|---|---|---|"
    )
    for plane_name, calls in taken.items():
        for name, ms in calls.items():
            figures = f"{quantile(ms, 0.5):.1f} | {quantile(ms, 0.99):.1f} | {max(ms):.1f}"
            print(f"| {plane_name}, {name} | {figures} |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            uvloop.run(serve())
        case ["keep", port, count, asking]:
            uvloop.run(keep(int(port), int(count), int(asking)))
        case _:
            main()
