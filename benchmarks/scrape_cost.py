"""What scraping costs in containers: CPU of the services, of who scrapes them, and of the ways in between.

    python -m benchmarks.scrape_cost [--rounds 6] [--seconds 10] [--without grafana]

The shop in containers, in full, at rest: no load, so that what is used is what it does by itself. In rounds whose order
changes, nobody scrapes it, the collector does (each service once a second, by ports that are published), or the
collector and Prometheus do (once a second each, Prometheus from inside). Prometheus is paused meanwhile or it runs;
the collector is told of no targets or of all. The engine says what containers have used, the process table the rest.
Shown are shares of one core, median and range; what one way costs is what is used with it beyond what is used without.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import psutil

from workbench.adapters.docker.naming import STACK_LABEL
from workbench.adapters.machine import machine
from workbench.calls import call, call_json
from workbench.model.stack import RunningStack
from workbench.model.tools import Tool
from workbench.supervisor.spec import StackSpec

NOBODY, COLLECTOR, BOTH = "nobody", "collector", "collector and Prometheus"
VARIANTS = (NOBODY, COLLECTOR, BOTH)
SETTLE_S = 2.0
NS = 1e9


class Shop:
    """The shop in containers, up in a folder of its own."""

    def __init__(self, folder: Path, words: list[str]) -> None:
        self._folder = folder
        self.command("up", "--runtime", "docker", *words)
        self.stack = RunningStack.model_validate_json((folder / ".workbench" / "stack.json").read_text())
        self._targets = StackSpec.read(folder / ".workbench" / "supervisor.json").targets
        self._engine = docker.from_env()
        label = {"label": f"{STACK_LABEL}={self.stack.stack_id}"}
        self._containers = {
            one.labels["com.docker.compose.service"]: one for one in self._engine.containers.list(filters=label)
        }

    def command(self, *words: str) -> None:
        subprocess.run([sys.executable, "-m", "workbench", *words], cwd=self._folder, env=os.environ, check=True)

    def scraped_by(self, variant: str) -> None:
        """Have only these scrape."""
        services = {} if variant == NOBODY else self._targets["services"]
        body = {**self._targets, "services": services, "processes": {}}
        call_json("PUT", f"{self.stack.collector_url}/targets", token=self.stack.token, body=body, deadline_s=5)
        prometheus = self._containers[Tool.PROMETHEUS]
        prometheus.reload()
        if (variant == BOTH) == (prometheus.status == "paused"):
            prometheus.unpause() if variant == BOTH else prometheus.pause()

    def used_s(self) -> dict[str, float]:
        """Return the CPU seconds of each group so far."""
        used: dict[str, float] = defaultdict(float)
        with ThreadPoolExecutor(len(self._containers)) as at_once:  # the engine takes a second for each
            seconds = at_once.map(_contained_cpu_s, self._containers.values())
            for name, cpu_s in zip(self._containers, seconds, strict=True):
                used["services" if name in self.stack.services else name] += cpu_s
        used["collector"] = _cpu_s(psutil.Process(self.stack.processes["collector"].pid))
        for process in psutil.process_iter(["name"]):
            if process.info["name"] in ("docker-proxy", "dockerd", "containerd"):
                used[process.info["name"]] += _cpu_s(process)
        return used

    def lines(self) -> int:
        """Return how many lines all services together answer to one scrape."""
        return sum(
            len(call("GET", target["metrics_url"], deadline_s=5).splitlines())
            for target in self._targets["services"].values()
        )


def _contained_cpu_s(container: Any) -> float:
    return float(container.stats(stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"]) / NS


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def measured(shop: Shop, rounds: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Return the share of one core that each group used, by variant and round."""
    shares: dict[str, dict[str, list[float]]] = {variant: defaultdict(list) for variant in VARIANTS}
    order = random.Random(1)
    for number in range(rounds):
        for variant in order.sample(VARIANTS, len(VARIANTS)):
            shop.scraped_by(variant)
            time.sleep(SETTLE_S)
            before, began = shop.used_s(), time.monotonic()
            time.sleep(seconds)
            after, took = shop.used_s(), time.monotonic() - began
            for group, used in after.items():
                shares[variant][group].append((used - before[group]) / took)
            print(f"round {number + 1}, {variant}: {sum(after.values()) - sum(before.values()):.2f} s", file=sys.stderr)
    return shares


def told(shares: dict[str, dict[str, list[float]]]) -> None:
    """Print what each way costs, by group and in all."""
    groups = sorted({group for by_group in shares.values() for group in by_group})
    print(f"{'share of one core':<24}" + "".join(f"{variant:>28}" for variant in VARIANTS))
    for group in [*groups, "all"]:
        cells = []
        for variant in VARIANTS:
            rows = shares[variant]
            all_rounds = [sum(rows[one][n] for one in groups) for n in range(len(rows[groups[0]]))]
            values = all_rounds if group == "all" else rows[group]
            cells.append(f"{statistics.median(values):.2%} ({min(values):.2%} to {max(values):.2%})")
        print(f"{group:<24}" + "".join(f"{cell:>28}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--without", default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), ["--without", asked.without] if asked.without else [])
        try:
            about: dict[str, Any] = {"machine": machine().model_dump(), "lines in one scrape of all": shop.lines()}
            print(json.dumps(about))
            told(measured(shop, asked.rounds, asked.seconds))
        finally:
            shop.scraped_by(BOTH)
            shop.command("down")


if __name__ == "__main__":
    main()
