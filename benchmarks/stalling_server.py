"""Does the load generator see what users would feel? On a server that freezes 1 s in every 5 s.

The server serves one request at a time, 2 ms each, and records when it was frozen. From that and the arrivals the
response time that every arrival would have had on an unlimited number of connections can be computed: the truth.
Ours (5 users) and, in the same run, plain Locust (5 users) and k6 (10 virtual users) are compared with it.

    .venv/bin/python benchmarks/stalling_server.py [seconds]
"""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import cast

import httptools
import uvloop
from load_peers import (
    Reported,
    ask,
    k6_executable,
    k6_reported,
    locust_reported,
    start_k6,
    start_locust,
    start_workbench,
    where,
)

CYCLE_S, FROZEN_S, SERVICE_S = 5.0, 1.0, 0.002
RATE = 100.0
OUR_USERS, LOCUST_USERS, K6_USERS = 5, 5, 10


class Server:
    """One worker, first in first out. Freezing blocks the event loop, so it is as frozen as a server can be."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.free_at = 0.0
        self.freezes: list[tuple[float, float]] = []
        self.next_freeze = loop.time() + CYCLE_S
        loop.call_at(self.next_freeze, self.freeze)

    def freeze(self) -> None:
        began = time.monotonic()
        time.sleep(max(0.0, self.next_freeze + FROZEN_S - self.loop.time()))
        self.freezes.append((began, time.monotonic()))
        self.next_freeze += CYCLE_S
        self.loop.call_at(self.next_freeze, self.freeze)

    def serve(self, connection: Connection) -> None:
        self.free_at = max(self.loop.time(), self.free_at) + SERVICE_S
        self.loop.call_at(self.free_at, connection.answer, b"ok")


class Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self.server = server
        self.path = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.path = url

    def on_message_complete(self) -> None:
        if self.path == b"/freezes":
            self.answer(json.dumps(self.server.freezes).encode())
        else:
            self.server.serve(self)

    def answer(self, body: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def run_server() -> None:
    loop = asyncio.get_running_loop()
    server = Server(loop)
    listener = await loop.create_server(lambda: Connection(server), "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


def truth(arrivals: Sequence[float], freezes: Sequence[tuple[float, float]]) -> list[float]:
    """Return the response time of every arrival by Lindley's recursion, paused while the server is frozen."""
    left = deque(freezes)
    free_at, response_times = 0.0, []
    for arrival in arrivals:
        while left and left[0][1] <= arrival:
            left.popleft()
        seen = left[0][1] if left and left[0][0] <= arrival else arrival
        free_at = max(seen, free_at) + SERVICE_S
        caught = next((end for began, end in left if began <= free_at < end), free_at)
        response_times.append(caught - arrival)
    return response_times


def quantile_ms(seconds: Sequence[float], share: float) -> float:
    return sorted(seconds)[ceil(share * len(seconds)) - 1] * 1000


def uniform(start: float, duration_s: int) -> list[float]:
    """Arrivals at the same rate, for tools that do not tell theirs; over whole cycles their phase does not matter."""
    return [start + number / RATE for number in range(round(duration_s * RATE))]


def run_ours(folder: Path, url: str, duration_s: int) -> tuple[list[float], list[float]]:
    """Return our arrivals, in seconds of the monotonic clock, and the response times that we report."""
    load, _ = start_workbench(folder, url, users=OUR_USERS, rate=RATE, duration_s=duration_s)
    load.wait_done(duration_s + 30)
    with (folder / "requests.csv").open() as rows:
        journeys = sorted((int(row[4]), int(row[7])) for row in csv.reader(rows) if row[0] == "journey")
    return [start / 1e9 for start, _ in journeys], [(end - start) / 1e9 for start, end in journeys]


def run_peer(process: subprocess.Popen[bytes], duration_s: int) -> float:
    """Wait for a tool; return when its load ended, which is close to when it exits."""
    process.wait(timeout=duration_s + 60)
    return time.monotonic()


def row(tool: str, reported: Reported, true_times: Sequence[float]) -> str:
    p95, p99 = quantile_ms(true_times, 0.95), quantile_ms(true_times, 0.99)
    return (
        f"| {tool} | {reported.p95_ms:.1f} | {p95:.1f} | {reported.p95_ms / p95 - 1:+.1%} "
        f"| {reported.p99_ms:.1f} | {p99:.1f} | {reported.p99_ms / p99 - 1:+.1%} |"
    )


def measure(folder: Path, url: str, duration_s: int) -> list[str]:
    rows = []

    def freezes() -> list[tuple[float, float]]:
        return [(began, end) for began, end in ask(f"{url}/freezes")]

    arrivals, seen = run_ours(folder, url, duration_s)
    ours = Reported(quantile_ms(seen, 0.95), quantile_ms(seen, 0.99))
    rows.append(row(f"workbench, {OUR_USERS} users", ours, truth(arrivals, freezes())))
    ended = run_peer(start_locust(folder, url, users=LOCUST_USERS, rate=RATE, duration_s=duration_s), duration_s)
    true_times = truth(uniform(ended - duration_s, duration_s), freezes())
    rows.append(row(f"plain Locust, {LOCUST_USERS} users", locust_reported(folder), true_times))
    k6 = k6_executable()
    if k6 is None:
        rows.append("| k6: not found | | | | | | |")
    else:
        ended = run_peer(start_k6(k6, folder, url, users=K6_USERS, rate=RATE, duration_s=duration_s), duration_s)
        true_times = truth(uniform(ended - duration_s, duration_s), freezes())
        rows.append(row(f"k6, {K6_USERS} virtual users", k6_reported(folder), true_times))
    return rows


def main(duration_s: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([sys.executable, __file__, "--server"], stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            rows = measure(Path(folder), f"http://127.0.0.1:{int(server.stdout.readline())}", duration_s)
        finally:
            server.kill()
    print(f"{RATE:g} requests/s for {duration_s} s, {SERVICE_S * 1000:g} ms of service each,", end=" ")
    print(f"frozen {FROZEN_S:g} s in every {CYCLE_S:g} s. {where()}.\n")
    print("| tool | p95 reported (ms) | p95 true | off by | p99 reported | p99 true | off by |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    print("\n".join(rows))


if __name__ == "__main__":
    if sys.argv[1:] == ["--server"]:
        uvloop.run(run_server())
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
