"""The golden runs, and what each of them is there to show.

They are made again with `python -m tests.golden.trim RUN_DIR NAME` from a run of the command named here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.model.outcome import Exit
from workbench.model.verdict import Verdict

GOLDEN = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Golden:
    """A run: how it was made, how it ended, and which check is the one that has to say so."""

    command: str
    exit: Exit
    decided_by: str | None = None


RUNS: dict[str, Golden] = {
    "no-fault": Golden("workbench run no-fault", Exit.PASS),
    "latency-spike": Golden("workbench run latency-spike", Exit.PASS),
    "dependency-down": Golden("workbench run dependency-down", Exit.PASS),
    "error-burst": Golden("workbench run error-burst", Exit.PASS),
    "breaker-off": Golden("workbench run latency-spike --bug breaker-off", Exit.FAIL, "A6:orders:payments"),
    "retries-unbounded": Golden("workbench run error-burst --bug retries-unbounded", Exit.FAIL, "A3:payments:provider"),
    "fallback-off": Golden("workbench run dependency-down --bug fallback-off", Exit.FAIL, "A12:browse"),
    "timeout-missing": Golden("workbench run latency-spike --bug timeout-missing", Exit.FAIL, "A10:orders:payments"),
    "idempotency-ignored": Golden("workbench run latency-spike --bug idempotency-ignored", Exit.FAIL, "A19:capture"),
    "toxiproxy-spike": Golden("workbench run latency-spike --fault-plane toxiproxy", Exit.PASS),
    "toxiproxy-breaker-off": Golden(
        "workbench run latency-spike --fault-plane toxiproxy --bug breaker-off", Exit.FAIL, "A6:orders:payments"
    ),
    "injector-off": Golden("workbench run latency-spike --no-faults", Exit.INCONCLUSIVE, "A2:slow-payments"),
}


def what_was_said(verdict: Verdict) -> list[tuple[object, ...]]:
    """Return the verdict, then each result with its outcome and numbers, sorted by id.

    Left out is what may differ between two judgements of one run: the wording, and which examples are named.
    """
    results: list[tuple[object, ...]] = [
        (r.id, r.outcome, r.observed, r.limit, r.interval, r.n, r.needed_n, r.windows) for r in verdict.checks
    ]
    return [(verdict.outcome, verdict.exit_code), *sorted(results, key=lambda row: str(row[0]))]
