"""How long `up` takes and how much memory a stack has, for each way to run it.

    python -m benchmarks.stacks_up [--rounds 3] [--without grafana]

Wall time of `workbench up` until it ends, images and components being there, and memory five seconds later: the
proportional set size of the stack's processes on this machine, and what the engine says containers use without pages
that the kernel may drop. Ways take turns; shown are median and range.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import docker

from benchmarks.whole_run import MIB, pss_bytes, timed
from workbench.adapters.docker.naming import STACK_LABEL
from workbench.adapters.machine import machine
from workbench.model.stack import RunningStack

WAYS = {
    "native": (),
    "native, `--with prometheus,jaeger`": ("--with", "prometheus,jaeger"),
    "containers, `--profile core`": ("--runtime", "docker", "--profile", "core"),
    "containers, `--profile full`": ("--runtime", "docker"),
}
SETTLE_S = 5.0


def own_mib(stack: RunningStack) -> float:
    """Return the memory of the stack's processes that this machine started itself, shared pages counted once."""
    own = (one.pid for one in stack.processes.values() if one.pid > 0 and not is_contained(one.pid))
    return sum(pss_bytes(pid) for pid in own) / MIB


def is_contained(pid: int) -> bool:
    """Tell whether a process of this machine is one of a container's, which the engine counts."""
    return "docker" in Path(f"/proc/{pid}/cgroup").read_text()


def contained_mib(stack: RunningStack) -> float:
    """Return the memory of the stack's containers."""
    if stack.runtime != "docker":
        return 0.0
    total = 0
    for container in docker.from_env().containers.list(filters={"label": f"{STACK_LABEL}={stack.stack_id}"}):
        stats: Any = container.stats(stream=False, one_shot=True)
        memory = stats["memory_stats"]
        details = memory["stats"]
        total += memory["usage"] - details.get("total_inactive_file", details.get("inactive_file", 0))
    return float(total / MIB)


def one_round(folder: Path, words: list[str]) -> tuple[float, float]:
    """Start a stack and end it; return the seconds until it was ready, and its memory in MiB."""
    took = timed(folder, "up", *words)
    try:
        time.sleep(SETTLE_S)
        stack = RunningStack.model_validate_json((folder / ".workbench" / "stack.json").read_text())
        return took, own_mib(stack) + contained_mib(stack)
    finally:
        timed(folder, "down")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", help="a tool that is not on this machine")
    asked = parser.parse_args()
    results: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        for number in range(asked.rounds):
            for way, words in WAYS.items():
                without = ["--without", asked.without] if asked.without and "full" in way else []
                results[way].append(one_round(Path(name), [*words, *without]))
                print(f"round {number + 1}, {way}: {results[way][-1]}", file=sys.stderr)
    here = machine()
    print(f"{here.os} {here.arch}, {here.cores} cores, Python {here.python}, {asked.rounds} rounds\n")
    print("| | until ready (s) | memory (MiB) |\n|---|---|---|")
    for way, rows in results.items():
        cells = [
            f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"
            for values in zip(*rows, strict=True)
        ]
        print(f"| {way} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
