"""The built-in fault plane against Toxiproxy: throughput and cost per request on one core, in the same run.

    python benchmarks/fault_plane.py [--seconds 1] [--rounds 7] [--connections 20]

Each plane has a core of its own, callee and generator share another one. What is compared is measured one right
after the other, in changing order, so that whatever else the machine does meets both alike. CPU time per request is
read from the plane's own process; requests per second also depend on how much the generator leaves over, and on who
else wants the core. The generator is `wrk` from PATH or WORKBENCH_WRK. Latency is measured in fault_plane_latency.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import uvloop
from plane_peers import BUILT_IN, OTHER_CORE, TOXIPROXY, Plane, Rig, middle, pin, say, show_machine

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{"ok":true,"items":[1,2,3]}'
TRACED_LUA = """local n = 0
function request() n = n + 1; return wrk.format("GET", "/v1/products?page=" .. n % 50,
  {["traceparent"] = string.format("00-%032x-%016x-01", n, n), ["Accept"] = "*/*"}) end
"""
HARDLY_EVER = 1e-9


class Callee(asyncio.Protocol):
    """Answers at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Callee, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@dataclass
class Measured:
    rate: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    name: str
    plane: Plane | None
    port: int
    traced: bool = False


PAIRS = (
    "HTTP",
    "HTTP, each request traced",
    "HTTP, a latency fault that hardly ever hits",
    "HTTP, each request traced, a latency fault that hardly ever hits",
    "HTTP, 1 ms late",
    "TCP",
)
"""What is compared. To Toxiproxy all is TCP. Traced: with a trace context of its own, so that no two are alike."""


def subjects(plane: Plane, callee: int) -> list[Subject]:
    """Return what each pair compares, in their order."""
    plain = plane.edge("plain:callee", callee)
    seldom = plane.edge("seldom:callee", callee)
    plane.delay("seldom:callee", 1, share=HARDLY_EVER)
    late = plane.edge("late:callee", callee)
    plane.delay("late:callee", 1)
    bytes_only = plane.edge("bytes:callee", callee, protocol="tcp")
    ports = [(plain, False), (plain, True), (seldom, False), (seldom, True), (late, False), (bytes_only, False)]
    return [Subject(f"{plane.name}, {name}", plane, *port) for name, port in zip(PAIRS, ports, strict=True)]


class Generator:
    def __init__(self, options: argparse.Namespace, rig: Rig) -> None:
        self._connections, self._seconds = options.connections, options.seconds
        self._wrk = os.environ.get("WORKBENCH_WRK") or shutil.which("wrk") or sys.exit("there is no wrk")
        self._script = rig.folder / "traced.lua"
        self._script.write_text(TRACED_LUA)

    def measure(self, subject: Subject, into: Measured) -> None:
        before = 0.0 if subject.plane is None else subject.plane.cpu_s()
        script = ["-s", str(self._script)] if subject.traced else []
        url = f"http://127.0.0.1:{subject.port}/v1/products"
        load = [f"-c{self._connections}", f"-d{self._seconds}s"]
        command = [self._wrk, "-t1", *load, "--latency", *script, url]
        done = subprocess.run(command, check=True, capture_output=True, text=True, preexec_fn=pin(OTHER_CORE))
        count = int(re.findall(r"(\d+) requests in", done.stdout)[0])
        errors = re.findall(r"Socket errors.*|Non-2xx.*", done.stdout)
        if errors:
            sys.exit(f"{subject.name}: {errors}")
        into.rate.append(count / self._seconds)
        cpu = 0.0 if subject.plane is None else subject.plane.cpu_s() - before
        into.cpu_us.append(cpu / count * 1e6)
        into.p50_ms.append(_quantile_ms(done.stdout, 50))
        into.p99_ms.append(_quantile_ms(done.stdout, 99))


def _quantile_ms(text: str, percent: int) -> float:
    """Read a quantile from what wrk says."""
    ((value, unit),) = re.findall(rf"{percent}%\s+([\d.]+)(us|ms|s)\b", text)
    return float(value) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def show(results: dict[str, Measured], options: argparse.Namespace) -> None:
    show_machine("generator wrk")
    print(f"{options.rounds} rounds of {options.seconds} s, {options.connections} connections; medians\n")
    print("| | requests/s | CPU (us/request) | p50 (ms) | p99 (ms) |\n|---|---|---|---|---|")
    for name, measured in results.items():
        rate, cpu = statistics.median(measured.rate), statistics.median(measured.cpu_us)
        quantiles = f"{statistics.median(measured.p50_ms):.2f} | {statistics.median(measured.p99_ms):.2f}"
        print(f"| {name} | {rate:.0f} | {f'{cpu:.1f}' if cpu else ''} | {quantiles} |")
    if f"{TOXIPROXY}, {PAIRS[0]}" not in results:
        return
    print("\nbuilt-in / Toxiproxy in the same round: median (lowest to highest)\n")
    print("| | requests/s | requests per CPU second |\n|---|---|---|")
    for name in PAIRS:
        mine, other = results[f"{BUILT_IN}, {name}"], results[f"{TOXIPROXY}, {name}"]
        rate = [m / o for m, o in zip(mine.rate, other.rate, strict=True)]
        cpu = [o / m for m, o in zip(mine.cpu_us, other.cpu_us, strict=True)]
        print(f"| {name} | {middle(rate, 2)} | {middle(cpu, 2)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=1, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--connections", type=int, default=20)
    options = parser.parse_args()
    with Rig() as rig:
        callee = rig.callee(__file__, "serve")
        pairs = zip(*(subjects(plane, callee) for plane in rig.planes()), strict=True)
        found = [Subject("direct", None, callee), *(subject for pair in pairs for subject in pair)]
        generator = Generator(options, rig)
        results = {subject.name: Measured() for subject in found}
        for number in range(options.rounds):
            for subject in found[:: 1 if number % 2 else -1]:
                say(f"round {number + 1} of {options.rounds}: {subject.name}")
                generator.measure(subject, results[subject.name])
        show(results, options)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        uvloop.run(serve())
    else:
        main()
