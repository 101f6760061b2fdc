"""Load generators on the same target, ours and others, and where it all ran: for benchmarks that compare them.

k6 is used where it is on PATH or named by the variable K6.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.adapters.locust_load import LocustLoad
from workbench.adapters.machine import machine
from workbench.model.arrivals import schedule
from workbench.model.load import Arrivals, Load
from workbench.model.loadjob import JobJourney, LoadJob
from workbench.model.units import NS_PER_S, Rate

LOCUSTFILE = """
import random

from locust import FastHttpUser, constant_throughput, task


class Reader(FastHttpUser):
    wait_time = {wait_time}

    @task
    def read(self):
        self.client.get("/")
"""

K6_SCRIPT = """
import http from 'k6/http';
export const options = {{
  scenarios: {{ load: {{ executor: 'constant-arrival-rate', rate: {rate}, timeUnit: '1s', duration: '{duration}s',
                        preAllocatedVUs: {users}, maxVUs: {users} }} }},
  summaryTrendStats: ['p(95)', 'p(99)'],
}};
export default function () {{ http.get('{url}/'); }}
"""


@dataclass(frozen=True, slots=True)
class Reported:
    """Quantiles in ms, as the tool itself reports them."""

    p95_ms: float
    p99_ms: float


def start_locust(
    folder: Path, url: str, *, users: int, rate: float, duration_s: int, spread: bool = False
) -> subprocess.Popen[bytes]:
    """Start plain Locust: `users` closed-loop users that together send `rate` requests per second.

    They keep in step with each other, which is cheap for the sender; `spread` has them wait at random instead.
    """
    file = folder / "plain_locust.py"
    per_user = rate / users
    wait_time = f"lambda _: random.expovariate({per_user})" if spread else f"constant_throughput({per_user})"
    file.write_text(LOCUSTFILE.format(wait_time=wait_time))
    return _start(
        [
            sys.executable,
            "-m",
            "locust",
            *("-f", str(file), "--headless", "--only-summary", "--host", url, "--csv", str(folder / "locust")),
            *("-u", str(users), "-r", str(users), "-t", f"{duration_s}s"),
        ],
        folder / "locust.log",
    )


def start_workbench(folder: Path, url: str, *, users: int, rate: float, duration_s: int) -> tuple[LocustLoad, int]:
    """Start our load child on one GET per journey, with its rows in `folder`; return it, and its process."""
    file = folder / "locustfile.py"
    file.write_text(LOCUSTFILE.format(wait_time="lambda _: 0"))  # nobody asks for it in an open model
    planned = schedule(Load(mix={"read": 1}, arrivals=Arrivals(rate=Rate(rate))), duration_s * NS_PER_S, seed=1)
    lines = zip(planned.intended, planned.journey, strict=True)
    (folder / "schedule.csv").write_text("".join(f"{start},{journey}\n" for start, journey in lines))
    load = LocustLoad()
    job = LoadJob(
        run_id="benchmark",
        seed=1,
        journeys=[JobJourney(name="read", locustfile=str(file), user="Reader", host=url, weight=1)],
        schedule_file=str(folder / "schedule.csv"),
        rows_file=str(folder / "requests.csv"),
        urls={},
        max_users=users,
        drain_s=10,
        probe_journeys=5,
        slis=[],
    )
    pid = load.start(job, folder / "job.json")
    load.wait_ready(60)
    load.begin(time.monotonic_ns() + NS_PER_S // 5)
    return load, pid


def locust_reported(folder: Path) -> Reported:
    """Read what plain Locust says of its run."""
    header, *rows = (line.split(",") for line in (folder / "locust_stats.csv").read_text().splitlines())
    total = dict(zip(header, rows[-1], strict=True))
    return Reported(float(total["95%"]), float(total["99%"]))


def k6_executable() -> str | None:
    """Return k6, if there is one."""
    return os.environ.get("K6") or shutil.which("k6")


def start_k6(
    executable: str, folder: Path, url: str, *, users: int, rate: float, duration_s: int
) -> subprocess.Popen[bytes]:
    """Start k6 with its open executor and `users` virtual users."""
    script = folder / "k6.js"
    script.write_text(K6_SCRIPT.format(rate=round(rate), duration=duration_s, users=users, url=url))
    summary = str(folder / "k6.json")
    return _start(
        [executable, "run", "-q", "--no-usage-report", "--summary-export", summary, str(script)], folder / "k6.log"
    )


def k6_reported(folder: Path) -> Reported:
    """Read what k6 says of its run."""
    duration = json.loads((folder / "k6.json").read_text())["metrics"]["http_req_duration"]
    return Reported(duration["p(95)"], duration["p(99)"])


def ask(url: str) -> Any:
    """Return what an address of the target answers, as JSON."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", parts.path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def where() -> str:
    """Describe machine and versions, in one line of Markdown."""
    here = machine()
    parts = [
        f"{here.os} {here.arch}, {here.cores} cores, Python {here.python}",
        *(f"{name} {version(name)}" for name in ("locust", "gevent", "geventhttpclient")),
    ]
    k6 = k6_executable()
    if k6 is not None:
        said = subprocess.run([k6, "version"], capture_output=True, text=True, check=True).stdout.split()
        parts.append(f"k6 {said[1]}")
    return ", ".join(parts)


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
