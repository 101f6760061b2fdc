"""Do Docker and native give the same verdict? Runs each scenario natively and in containers, and compares the checks.

    python -m benchmarks.runtimes [--without grafana] [scenario ...]

The same file and the same options twice, one after the other, each with a stack of its own. Scenarios of 20/s get 11/s
and phases that are longer by as much: sixteen containers and the load on two cores hold no more. A row says both
verdicts, and which checks ended otherwise in containers; a check that one of them did not decide (INCONCLUSIVE) is
told too, but contradicts nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.integrity import WORKBENCH, run
from workbench.adapters.machine import machine

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
HELD_PER_S = 11


def slowed(scenario: str) -> list[str]:
    """Return the options with which two cores hold a scenario in containers, with as many requests in all."""
    text = YAML(typ="safe").load(SCENARIOS / f"{scenario}.yaml")
    rate = float(text["load"]["arrivals"]["rate"].removesuffix("/s"))
    if rate <= HELD_PER_S:
        return []
    longer = rate / HELD_PER_S
    options = ["--rate", f"{HELD_PER_S}/s"]
    for phase in text["phases"]:
        seconds = float(phase["duration"].removesuffix("s")) * longer
        options += ["--set", f"phases.{phase['name']}.duration={seconds:.0f}s"]
    return options


def outcomes(verdict: dict[str, Any]) -> dict[str, str]:
    """Return how each check ended."""
    return {check["id"]: check["outcome"] for check in verdict["checks"]}


def differences(native: dict[str, Any], contained: dict[str, Any]) -> str:
    """Name the checks that did not end alike."""
    one, other = outcomes(native), outcomes(contained)
    return "; ".join(
        f"{check}: {one.get(check, 'absent')}, {other.get(check, 'absent')}"
        for check in sorted(one | other)
        if one.get(check) != other.get(check)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", default=sorted(file.stem for file in SCENARIOS.glob("*.yaml")))
    parser.add_argument("--without", help="a tool that is not on this machine")
    asked = parser.parse_args()
    without = ["--without", asked.without] if asked.without else []
    runtimes = (["--runtime", "native"], ["--runtime", "docker", *without])
    here = machine()
    print(f"{here.os} {here.arch}, {here.cores} cores, Python {here.python}\n")
    print("| scenario | native | in containers | checks that ended otherwise (native, in containers) |")
    print("|---|---|---|---|", flush=True)
    subprocess.run([WORKBENCH, "build"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as name:
        for scenario in asked.scenarios:
            verdicts = [run(Path(name), scenario, *words, *slowed(scenario)) for words in runtimes]
            told = " | ".join(verdict["outcome"] for verdict in verdicts)
            print(f"| `{scenario}` | {told} | {differences(*verdicts)} |", flush=True)


if __name__ == "__main__":
    main()
