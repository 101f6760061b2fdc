"""What is lost, done twice or not accounted for when answers get lost and services are killed, run after run.

    .venv/bin/python benchmarks/integrity.py [runs] [rate]

First a short search for the highest checkout rate that the machine holds: `no-fault`'s load at rising rates, until less
than 99 % of the checkouts end well or the generator is not what was planned. Then so many runs (20) of `kill-service`
and `response-lost` at that rate, and each planted bug of integrity once at the rate of its scenario. `rate` skips the
search. Every number is read from verdict.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.adapters.machine import machine
from workbench.model.outcome import Exit

WORKBENCH = Path(sys.executable).with_name("workbench")
SCENARIOS = ("kill-service", "response-lost")
PLANTED = (
    ("response-lost", "idempotency-ignored"),
    ("db-error", "outbox-outside"),
    ("card-declined", "compensation-lost"),
    ("hot-products", "oversell"),
    ("duplicate-delivery", "consumer-not-idempotent"),
)
RATES = (8, 14, 20, 24, 28, 32, 36, 40, 48)


@dataclass(slots=True)
class Tally:
    """Sums over runs."""

    runs: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    lost: int = 0
    twice: int = 0
    torn: int = 0
    stock: int = 0
    money_cents: int = 0
    offender: str = ""

    def add(self, verdict: dict[str, Any]) -> None:
        """Add one run."""
        self.runs += 1
        self.outcomes[verdict["outcome"]] = self.outcomes.get(verdict["outcome"], 0) + 1
        checks = {check["id"]: check for check in verdict["checks"]}
        self.orders += checks["A18:order"]["n"] or 0
        self.lost += _number(checks["A18:order"])
        self.twice += sum(_number(check) for check in verdict["checks"] if check["check"] == "A19")
        if "A20:order" in checks:
            self.torn += _number(checks["A20:order"])
            self.stock += _number(checks["A20:stock"])
            self.money_cents += sum(_number(checks[f"A20:{rule}"]) for rule in ("money", "provider", "ledger"))
        for check in verdict["checks"]:
            if check["outcome"] == "FAIL" and check["check"] in ("A18", "A19", "A20") and check["evidence"]:
                self.offender = self.offender or f"{check['check']} {check['evidence'][0]['ref']}"

    def row(self, what: str) -> str:
        """Return one line of the table."""
        outcomes = ", ".join(f"{number} {outcome}" for outcome, number in sorted(self.outcomes.items()))
        cells = (what, self.runs, outcomes, self.orders, self.lost, self.twice, self.torn, self.stock, self.money_cents)
        return f"| {' | '.join(map(str, cells))} | {self.offender} |"


def _number(check: dict[str, Any]) -> int:
    observed = check["observed"]
    return int(observed["number"]) if observed["state"] == "value" else 0


def run(folder: Path, scenario: str, *options: str) -> dict[str, Any]:
    """Run a scenario and return its verdict."""
    words = [WORKBENCH, "run", scenario, "--json", "--allow-inconclusive", *options]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if not done.stdout.strip() or done.returncode == Exit.FAILED:
        raise SystemExit(f"workbench run {scenario} ended with {done.returncode}:\n{done.stderr}")
    verdict: dict[str, Any] = json.loads(done.stdout)
    print(f"{scenario} {' '.join(options)}: {verdict['outcome']}", file=sys.stderr, flush=True)
    return verdict


def holds(folder: Path, rate: int) -> bool:
    """Tell whether the machine serves so many checkouts a second, without any fault."""
    quiet = ["faults=[]", "expect=[]", "load.mix={checkout: 1}", f"load.arrivals.rate={rate}/s"]
    options = [word for change in quiet for word in ("--set", change)]
    verdict = run(folder, "response-lost", *options)
    checks = [check for check in verdict["checks"] if check["check"] in ("A16", "A1", "V1", "V3")]
    return all(check["outcome"] == "PASS" for check in checks)


def highest(folder: Path) -> int:
    """Return the highest of the rates that the machine holds; each is tried once, from the lowest on."""
    held = RATES[0]
    for rate in RATES:
        if not holds(folder, rate):
            break
        held = rate
    return held


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = len(sys.argv) > 2
        rate = int(sys.argv[2]) if given else highest(folder)
        rows = []
        for scenario in SCENARIOS:
            tally = Tally()
            for _ in range(runs):
                tally.add(run(folder, scenario, "--rate", f"{rate}/s"))
                print(tally.row(f"{scenario}, {rate}/s, so far"), file=sys.stderr, flush=True)
            rows.append(tally.row(f"{scenario}, {rate}/s"))
        for scenario, bug in PLANTED:
            tally = Tally()
            tally.add(run(folder, scenario, "--bug", bug))
            rows.append(tally.row(f"{scenario}, {bug}"))
    here = machine()
    found = "given" if given else "the highest that was held"
    print(f"{here.os} {here.arch}, {here.cores} cores, Python {here.python}; rate {rate}/s ({found})\n")
    print("| | runs | outcomes | orders | lost | twice | torn | stock | cents | first offender |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
