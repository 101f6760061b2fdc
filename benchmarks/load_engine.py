"""What a request costs the load generator: requests per CPU-second, beside plain Locust and k6 at the same rate.

.venv/bin/python benchmarks/load_engine.py [requests per second ...]
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import httptools
import psutil
import uvloop
from load_peers import ask, k6_executable, start_k6, start_locust, start_workbench, where

WARM_S, MEASURED_S = 5, 10
DURATION_S = WARM_S + MEASURED_S + 5
USERS = 50


class Connection(asyncio.Protocol):
    """Answers at once, and counts."""

    served = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.counting = url == b"/served"

    def on_message_complete(self) -> None:
        Connection.served += not self.counting
        body = b"%d" % Connection.served
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def run_server() -> None:
    listener = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


def per_cpu_second(process: psutil.Process, url: str) -> tuple[float, float]:
    """Return (requests per second, requests per CPU-second) over the measured time."""

    def reading() -> tuple[float, float, int]:
        served = int(ask(f"{url}/served"))
        times = process.cpu_times()
        return time.monotonic(), times.user + times.system, served

    time.sleep(WARM_S)
    began, cpu_before, before = reading()
    time.sleep(MEASURED_S)
    ended, cpu_after, after = reading()
    return (after - before) / (ended - began), (after - before) / (cpu_after - cpu_before)


def ours(folder: Path, url: str, rate: float) -> tuple[float, float]:
    load, pid = start_workbench(folder, url, users=USERS, rate=rate, duration_s=DURATION_S)
    try:
        return per_cpu_second(psutil.Process(pid), url)
    finally:
        load.stop(10)


def peer(process: subprocess.Popen[bytes], url: str) -> tuple[float, float]:
    try:
        return per_cpu_second(psutil.Process(process.pid), url)
    finally:
        process.terminate()
        process.wait(timeout=30)


def measure(folder: Path, url: str, rate: float) -> list[str]:
    k6 = k6_executable()
    tools: dict[str, Callable[[], tuple[float, float]]] = {
        "workbench (open, rows kept)": lambda: ours(folder, url, rate),
        "plain Locust (closed, users in step)": lambda: peer(
            start_locust(folder, url, users=USERS, rate=rate, duration_s=DURATION_S + 30), url
        ),
        "plain Locust (closed, users at random)": lambda: peer(
            start_locust(folder, url, users=USERS, rate=rate, duration_s=DURATION_S + 30, spread=True), url
        ),
    }
    if k6 is not None:
        tools["k6 (open)"] = lambda: peer(
            start_k6(k6, folder, url, users=USERS, rate=rate, duration_s=DURATION_S + 30), url
        )
    rows = []
    for name, run in tools.items():
        achieved, cost = run()
        rows.append(f"| {rate:g}/s | {name} | {achieved:.0f}/s | {cost:.0f} | {1e6 / cost:.0f} |")
    return rows if k6 is not None else [*rows, f"| {rate:g}/s | k6: not found | | | |"]


def main(rates: list[float]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([sys.executable, __file__, "--server"], stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            rows = [row for rate in rates for row in measure(Path(folder), url, rate)]
        finally:
            server.kill()
    print(f"One GET per journey, up to {USERS} users, over {MEASURED_S} s. {where()}.\n")
    print("| planned | tool | achieved | requests per CPU-second | CPU per request (us) |")
    print("| ---: | --- | ---: | ---: | ---: |")
    print("\n".join(rows))


if __name__ == "__main__":
    if sys.argv[1:] == ["--server"]:
        uvloop.run(run_server())
    else:
        main([float(rate) for rate in sys.argv[1:]] or [200.0, 1000.0])
