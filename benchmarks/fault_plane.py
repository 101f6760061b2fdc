"""The built-in fault plane against Toxiproxy: cost per request and added latency, on one core, in the same run.

    python benchmarks/fault_plane.py [--seconds 3] [--rounds 5] [--connections 20]

Each proxy has a core of its own, callee and generator share another one. Rounds are interleaved, so that
whatever else the machine does meets all alike. What decides is CPU time per request, read from the proxy's own
process: requests per second also depend on how much the generator leaves over. `toxiproxy-server` is looked for
on PATH or in WORKBENCH_TOXIPROXY; without it only the built-in plane is measured. The generator is `wrk` from
PATH or WORKBENCH_WRK, else the small one in this file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{"ok":true,"items":[1,2,3]}'
TICKS = os.sysconf("SC_CLK_TCK")
PROXY_CORE, OTHER_CORE = 0, (os.cpu_count() or 1) - 1
TRACED_LUA = """local n = 0
function request() n = n + 1; return wrk.format("GET", "/v1/products?page=" .. n % 50,
  {["traceparent"] = string.format("00-%032x-%016x-01", n, n), ["Accept"] = "*/*"}) end
"""


def request(number: int, *, traced: bool) -> bytes:
    if not traced:
        return b"GET /v1/products HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    head = f"GET /v1/products?page={number % 50} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
    return f"{head}traceparent: 00-{number:032x}-{number + 1:016x}-01\r\n\r\n".encode()


# -- callee and generator, each a process of its own -------------------------------------------------------------


class Callee(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Callee, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Sender(asyncio.Protocol):
    """One connection: the next request as soon as the answer is complete."""

    times: list[float]
    number = 0

    def __init__(self, times: list[float], *, traced: bool) -> None:
        self.times = times
        self.traced = traced
        self.missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.send()

    def send(self) -> None:
        Sender.number += 1
        self.missing = len(ANSWER)
        self.sent = time.perf_counter()
        self.transport.write(request(Sender.number, traced=self.traced))

    def data_received(self, data: bytes) -> None:
        self.missing -= len(data)
        if self.missing <= 0:
            self.times.append(time.perf_counter() - self.sent)
            self.send()


async def generate(port: int, connections: int, seconds: float, *, traced: bool) -> None:
    loop, times = asyncio.get_running_loop(), list[float]()
    for _ in range(connections):
        await loop.create_connection(lambda: Sender(times, traced=traced), "127.0.0.1", port)
    await asyncio.sleep(seconds)
    times.sort()
    count = len(times)
    print(json.dumps({"count": count, "p50_ms": times[count // 2] * 1e3, "p99_ms": times[count * 99 // 100] * 1e3}))


# -- measuring ---------------------------------------------------------------------------------------------------


@dataclass
class Measured:
    rate: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    name: str
    port: int
    pid: int | None
    traced: bool = False


class Bench:
    def __init__(self, options: argparse.Namespace, stack: ExitStack) -> None:
        self.options = options
        self.stack = stack
        self.wrk = os.environ.get("WORKBENCH_WRK") or shutil.which("wrk")
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (self.folder / "traced.lua").write_text(TRACED_LUA)
        self.callee = int(self.start([sys.executable, __file__, "serve"], OTHER_CORE, read=True)[1])

    def start(self, command: list[str], core: int, *, read: bool = False, **variables: str) -> tuple[int, str]:
        """Start a process on a core; return its pid and its first line."""
        output = subprocess.PIPE if read else subprocess.DEVNULL
        environment = {**os.environ, **variables}
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
            preexec_fn=pin(core),  # noqa: PLW1509
        )
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process.pid, process.stdout.readline() if process.stdout else ""

    def subjects(self) -> list[Subject]:
        pid, line = self.start(
            [sys.executable, "-m", "workbench.faultproxy"], PROXY_CORE, read=True, WORKBENCH_CONTROL_PORT="0"
        )
        control = json.loads(line)["control_port"]
        call(control, "PUT", "/recording", {"directory": str(self.folder), "run_id": "bench", "canary": "0123456789"})
        http = self.proxy(control, "plain:http", protocol="http")
        late = self.proxy(control, "late:http", protocol="http")
        fault = {"id": "late", "kind": "latency", "edge": "late:http", "delay": "1ms", "share": 1e-9}
        call(control, "POST", "/faults", {"fault": fault, "seed": 1, "lease_ms": 3_600_000})
        found = [
            Subject("direct", self.callee, None),
            Subject("built-in, HTTP", http, pid),
            Subject("built-in, HTTP, each request traced", http, pid, traced=True),
            Subject("built-in, HTTP, a latency fault on", late, pid),
            Subject("built-in, TCP", self.proxy(control, "plain:tcp", protocol="tcp"), pid),
        ]
        program = os.environ.get("WORKBENCH_TOXIPROXY") or shutil.which("toxiproxy-server")
        if program is not None:
            control = free_port()
            pid, _ = self.start([program, "-port", str(control)], PROXY_CORE)
            wait_until(lambda: answers(control))
            port = self.proxy(control, "plain")
            found[1:1] = [Subject("toxiproxy", port, pid), Subject("toxiproxy, each request traced", port, pid, True)]
        return found

    def proxy(self, control: int, name: str, **more: str) -> int:
        order = {"name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{self.callee}", **more}
        return int(call(control, "POST", "/proxies", order)["listen"].rpartition(":")[2])

    def measure(self, subject: Subject, into: Measured) -> None:
        before = cpu_s(subject.pid)
        seen = self.generate(subject)
        cpu = cpu_s(subject.pid) - before
        into.rate.append(seen["count"] / self.options.seconds)
        into.cpu_us.append(cpu / seen["count"] * 1e6)
        into.p50_ms.append(seen["p50_ms"])
        into.p99_ms.append(seen["p99_ms"])

    def generate(self, subject: Subject) -> dict[str, float]:
        connections, seconds = str(self.options.connections), str(self.options.seconds)
        own = [sys.executable, __file__, "generate", str(subject.port), connections, seconds, str(int(subject.traced))]
        script = ["-s", str(self.folder / "traced.lua")] if subject.traced else []
        command = own
        if self.wrk is not None:
            url = f"http://127.0.0.1:{subject.port}/v1/products"
            command = [self.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *script, url]
        done = subprocess.run(command, check=True, capture_output=True, text=True, preexec_fn=pin(OTHER_CORE))
        return json.loads(done.stdout) if command is own else read_wrk(done.stdout)


def pin(core: int) -> Callable[[], None]:
    """Return what puts a process, with all threads it will have, on one core."""
    return lambda: os.sched_setaffinity(0, {core})


def read_wrk(text: str) -> dict[str, float]:
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    quantiles = {q: float(v) * units[u] for q, v, u in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)\b", text)}
    (count,) = re.findall(r"(\d+) requests in", text)
    return {"count": int(count), "p50_ms": quantiles["50"], "p99_ms": quantiles["99"]}


def call(port: int, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, method=method), timeout=5
    ) as answer:
        return json.load(answer)


def answers(port: int) -> bool:
    try:
        call(port, "GET", "/version")
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        if time.monotonic() > end:
            sys.exit("toxiproxy-server did not answer within 10 s")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def cpu_s(pid: int | None) -> float:
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def show(results: dict[str, Measured], generator: str) -> None:
    model = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "?")
    print(f"machine    {model.partition(': ')[2]}, {os.cpu_count()} cores, {platform.release()}")
    print(f"versions   Python {platform.python_version()}, uvloop {uvloop.__version__}, generator {generator}")
    direct = results["direct"]
    base = statistics.median(direct.p50_ms), statistics.median(direct.p99_ms)
    print(f"\n{'median of rounds':38}{'CPU us/req':>11}{'req/s':>9}{'added p50 ms':>14}{'added p99 ms':>14}")
    for name, measured in results.items():
        cpu, rate = statistics.median(measured.cpu_us), statistics.median(measured.rate)
        p50, p99 = statistics.median(measured.p50_ms) - base[0], statistics.median(measured.p99_ms) - base[1]
        print(f"{name:38}{cpu or float('nan'):11.1f}{rate:9.0f}{p50:14.3f}{p99:14.3f}")
    for ours, theirs in (
        ("built-in, HTTP", "toxiproxy"),
        ("built-in, HTTP, each request traced", "toxiproxy, each request traced"),
        ("built-in, HTTP, a latency fault on", "toxiproxy"),
        ("built-in, TCP", "toxiproxy"),
    ):
        if theirs in results:
            ratios = [t / o for o, t in zip(results[ours].cpu_us, results[theirs].cpu_us, strict=True)]
            print(f"{ours}: {statistics.median(ratios):.2f} x {theirs} (requests per CPU second, same round)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=20)
    options = parser.parse_args()
    with ExitStack() as stack:
        bench = Bench(options, stack)
        subjects = bench.subjects()
        results = {subject.name: Measured() for subject in subjects}
        for number in range(options.rounds):
            for subject in subjects:
                print(f"round {number + 1} of {options.rounds}: {subject.name}", file=sys.stderr)
                bench.measure(subject, results[subject.name])
        show(results, "wrk" if bench.wrk else "own")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            uvloop.run(serve())
        case ["generate", port, connections, seconds, traced]:
            uvloop.run(generate(int(port), int(connections), float(seconds), traced=traced == "1"))
        case _:
            main()
