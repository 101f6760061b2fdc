"""A real collector process, and a look at the rows that it wrote."""

from __future__ import annotations

import csv
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.adapters.collector_client import CollectorClient

TOKEN = "let-me-in"
DEADLINE_S = 60.0


@dataclass
class Rig:
    process: subprocess.Popen[str]
    port: int
    raw: Path

    @property
    def client(self) -> CollectorClient:
        return CollectorClient(f"http://127.0.0.1:{self.port}", TOKEN)

    def rows(self, table: str) -> list[list[str]]:
        return list(csv.reader((self.raw / f"{table}.csv").read_text().splitlines()))

    def samples(self) -> list[tuple[int, str, str, dict[str, str], str]]:
        """(time, service, name, labels, value) of everything scraped."""
        points = self.rows("metric_points")  # before the series, which may be more by then
        series = {number: (service, name, json.loads(labels)) for number, service, name, labels in self.rows("series")}
        return [(int(at), *series[number], value) for at, number, value in points]

    def values(self, service: str, name: str) -> list[str]:
        return [value for _, found, metric, _, value in self.samples() if (found, metric) == (service, name)]

    def ups(self, service: str) -> list[str]:
        """Return how the scrapes of a service have ended so far."""
        self.client.recording()  # writes what it has
        return self.values(service, "up")

    def send(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> tuple[int, bytes]:
        """Send a request without the client's help; header names have _ for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def send_spans(self, body: bytes, /, **headers: str) -> tuple[int, bytes]:
        return self.send("POST", "/v1/traces", body, **{"Content_Type": "application/x-protobuf", **headers})

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < until, f"waited {DEADLINE_S:g} s until {what}"
            time.sleep(0.02)

    def wait_rows(self, table: str, count: int) -> None:
        self.wait_for(
            f"{table} has {count} rows, {self.client.recording().rows}",
            lambda: self.client.recording().rows[table] >= count,
        )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=DEADLINE_S)


def start_rig(folder: Path, **environment: str) -> Rig:
    """Start a collector on a free port."""
    raw = folder / "raw"
    raw.mkdir()
    variables = {"WORKBENCH_CONTROL_PORT": "0", "WORKBENCH_TOKEN": TOKEN, **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.collector"],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    return Rig(process, int(first["control_port"]), raw)
