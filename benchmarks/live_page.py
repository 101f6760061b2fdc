"""What the live page costs: CPU of the collector without and with readers, of a browser that shows it, and memory.

    python -m benchmarks.live_page [--seconds 30] [--rates 20 200]

A collector without targets follows a run directory that is written beside it at the pace of a real run: rows of
journeys, of their requests and of attempts, each second, as the load and the fault plane write them. What it uses
beyond its rest is what the page costs. Then a run of four hours is written at once: how long it takes until the page
has caught up, and what is kept of it in memory.

The browser is Chromium without a window, so that it draws without a graphics card; it is left out where there is none.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from tests.browser import browser, program
from workbench.model.events import Clock
from workbench.model.run import RunRecord

SAMPLE = Path(__file__).parents[1] / "reports" / "sample" / "run.json"
KEY = "the-key-of-this-benchmark"
_numbers = itertools.count()

REQUESTS_EACH = 3
EDGES = ("gateway:orders", "orders:payments", "orders:inventory", "payments:provider", "gateway:users")
NS = 1_000_000_000
LONG_S = 4 * 3600


class Collector:
    """A real one, and a folder of runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environment = {**os.environ, "WORKBENCH_CONTROL_PORT": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workbench.collector"], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())["control_port"]
        self.usage = psutil.Process(self.process.pid)
        system = json.loads(SAMPLE.read_text())["system"]
        live = {"token": KEY, "stack_id": "b", "system": system, "state": str(folder), "reports": str(folder)}
        self.ask("PUT", "/targets", {"live": live})

    def ask(self, method: str, path: str, body: Any = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, json.dumps(body))
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said
        connection.close()

    def cpu_s(self) -> float:
        times = self.usage.cpu_times()
        return times.user + times.system

    def rss_mib(self) -> float:
        return self.usage.memory_info().rss / 2**20

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


class Reader(threading.Thread):
    """Takes events as a page does."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.connection.request("GET", "/live/events", headers={"Authorization": f"Bearer {KEY}"})
        self.response = self.connection.getresponse()
        self.bytes = 0
        self.newest: dict[str, Any] = {}

    def leave(self) -> None:
        self.response.close()
        self.connection.close()

    def run(self) -> None:
        name = ""
        try:
            while line := self.response.readline():
                self.bytes += len(line)
                field, _, value = line.decode().strip().partition(": ")
                if field == "event":
                    name = value
                elif field == "data" and value and name == "now":
                    self.newest = json.loads(value)
        except (OSError, ValueError, AttributeError):
            return


class Run:
    """Writes a run that began a while ago."""

    def __init__(self, collector: Collector, ago_s: float, length_s: float) -> None:
        shutil.rmtree(collector.folder, ignore_errors=True)
        run_id = f"20260101T000000Z-latency-spike-{next(_numbers):06x}"
        folder = collector.folder / run_id
        self.raw = folder / "raw"
        self.raw.mkdir(parents=True)
        record = RunRecord.model_validate_json(SAMPLE.read_bytes())
        self.zero = time.monotonic_ns() - round(ago_s * NS)
        wall = time.time_ns() - round(ago_s * NS)
        plan = record.plan.model_copy(update={"end_ns": round(length_s * NS), "horizon_ns": round(length_s * NS)})
        record = record.model_copy(update={"zero": Clock(monotonic_ns=self.zero, wall_ns=wall), "plan": plan})
        (folder / "run.json").write_text(record.model_dump_json())
        (folder / "journal.jsonl").write_text('{"event":"load_started","at_ns":0}\n')
        self.journeys = list(record.scenario.load.mix)
        self.files = {name: (self.raw / f"{name}.csv").open("a") for name in ("schedule", "requests", "attempts")}
        self.arrivals = 0
        collector.ask("PUT", "/recording", {"directory": str(self.raw), "run_id": run_id})

    def plan(self, rate: float, length_s: float) -> None:
        """Write the schedule."""
        at = 0.0
        lines = []
        while at < length_s:
            lines.append(f"{round(at * NS)},{len(lines) % len(self.journeys)}\n")
            at += 1 / rate
        self.files["schedule"].write("".join(lines))
        self.files["schedule"].flush()

    def write(self, rate: float, from_s: float, to_s: float) -> None:
        """Write the rows of what was meant to start in a stretch."""
        requests: list[str] = []
        attempts: list[str] = []
        at = from_s
        while at < to_s:
            number, journey = self.arrivals, self.journeys[self.arrivals % len(self.journeys)]
            start = self.zero + round(at * NS)
            times = f"{start},{start},{start},{start + round(random.lognormvariate(-3, 1) * NS)}"
            row = f"{number},{journey},GET /v1/products/{{id}},{times},200,ok,,{number:032x},{number:016x},\n"
            requests += [f"request,{row}"] * REQUESTS_EACH + [f"journey,{row}"]
            end = (
                f"{start},{start},{start},POST,/v1/captures,200,complete,0,200,300,{number:032x},{number:016x},False\n"
            )
            attempts += [f"{edge},{number},,,{end}" for edge in EDGES]
            self.arrivals += 1
            at += 1 / rate
        for name, lines in (("requests", requests), ("attempts", attempts)):
            self.files[name].write("".join(lines))
            self.files[name].flush()

    def end(self, collector: Collector) -> None:
        for file in self.files.values():
            file.close()
        collector.ask("DELETE", "/recording")


def paced(collector: Collector, rate: float, seconds: float, busy: Any = None) -> tuple[float, float]:
    """Follow a run at its pace; return the collector's share of a core, and that of `busy`."""
    run = Run(collector, 0.0, 85.0)
    run.plan(rate, 85.0)
    second, began, used, other = 0, time.monotonic(), collector.cpu_s(), busy() if busy else 0.0
    while second < seconds:
        run.write(rate, second, second + 1)
        second += 1
        time.sleep(max(0.0, began + second - time.monotonic()))
    took = time.monotonic() - began
    shares = (collector.cpu_s() - used) / took, ((busy() if busy else 0.0) - other) / took
    run.end(collector)
    return shares


def at_rest(collector: Collector, seconds: float) -> float:
    used = collector.cpu_s()
    time.sleep(seconds)
    return (collector.cpu_s() - used) / seconds


def long_run(collector: Collector, rate: float) -> None:
    """Four hours of rows, all at once."""
    before = collector.rss_mib()
    run = Run(collector, LONG_S + 1, LONG_S)
    run.plan(rate, LONG_S)
    for begin in range(0, LONG_S, 600):
        run.write(rate, begin, begin + 600)
    began, used = time.monotonic(), collector.cpu_s()
    reader = Reader(collector.port)
    reader.start()
    while reader.newest.get("journeys") != run.arrivals and time.monotonic() - began < 300:
        time.sleep(0.2)
    rows = run.arrivals * (REQUESTS_EACH + 1 + len(EDGES))
    took, cpu_s = time.monotonic() - began, collector.cpu_s() - used
    print(f"{LONG_S // 3600} h at {rate:g}/s, {run.arrivals} journeys, {rows} rows, written at once:")
    print(f"  shown after {took:.0f} s, {cpu_s:.0f} s of CPU; memory {before:.0f} -> {collector.rss_mib():.0f} MiB")
    start = reader.bytes
    used = collector.cpu_s()
    time.sleep(10)
    sent = (reader.bytes - start) / 10 / 1024
    print(f"  then {(collector.cpu_s() - used) / 10:.2%} of a core, {sent:.1f} KiB/s to a reader")
    reader.leave()
    run.end(collector)


def browser_cpu(collector: Collector, rate: float, seconds: float) -> None:
    if program() is None:
        print("no Chromium on the path")
        return
    with browser() as page:
        page.emulate(width=1600, height=1000)
        page.goto(f"http://127.0.0.1:{collector.port}/live/?token={KEY}")
        time.sleep(3)
        tree = [p for p in psutil.Process().children(recursive=True) if "chrom" in p.name()]

        def used() -> float:
            return sum(p.cpu_times().user + p.cpu_times().system for p in tree if p.is_running())

        rested = used()
        time.sleep(10)
        rest = (used() - rested) / 10
        share, chromium = paced(collector, rate, seconds, used)
        heap = page.evaluate("performance.memory.usedJSHeapSize / 2**20")
        print(
            f"Chromium at {rate:g}/s: {chromium:.1%} of a core during a run, {rest:.1%} at rest,"
            f" script heap {heap:.1f} MiB; collector {share:.2%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rates", type=float, nargs="+", default=[20, 200])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        collector = Collector(Path(folder))
        try:
            print(f"rest, no reader: {at_rest(collector, asked.seconds):.2%} of a core, {collector.rss_mib():.0f} MiB")
            for rate in asked.rates:
                for count in (0, 1, 4):
                    readers = [Reader(collector.port) for _ in range(count)]
                    for reader in readers:
                        reader.start()
                    share, _ = paced(collector, rate, asked.seconds)
                    sent = sum(reader.bytes for reader in readers) / max(count, 1) / asked.seconds / 1024
                    told = f"{share:.2%} of a core, {sent:.1f} KiB/s to each, {collector.rss_mib():.0f} MiB"
                    print(f"{rate:g}/s, {count} readers: {told}", flush=True)
                    for reader in readers:
                        reader.leave()
            browser_cpu(collector, asked.rates[0], asked.seconds)
            long_run(collector, asked.rates[0])
        finally:
            collector.end()


if __name__ == "__main__":
    main()
