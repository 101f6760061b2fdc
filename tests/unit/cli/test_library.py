"""The scenarios that come along can be run as they are, and are over in a minute and a half."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.documented import ROOT
from tests.unit.cli.terminal import Terminal

LONGEST_S = 90


@pytest.mark.parametrize("name", sorted(file.stem for file in (ROOT / "scenarios").glob("*.yaml")))
def test_a_scenario_of_the_library_can_decide_what_it_claims(
    workbench: Terminal, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    planned = workbench("plan", name)
    assert (planned.code, planned.err) == (0, ""), planned.out
    phases = json.loads(workbench("plan", name, "--json").out)["plan"]["phases"]
    assert phases[-1]["end_ns"] <= LONGEST_S * 1e9


@pytest.mark.parametrize(
    ("name", "placed", "maker"),
    [
        ("db-slow", (), "the services, at their own clients"),
        ("db-slow", ("--runtime", "docker"), "Toxiproxy"),
        ("db-slow", ("--runtime", "docker", "--profile", "core"), "the services, at their own clients"),
        ("db-locked", ("--runtime", "docker"), "the services, at their own clients"),
        ("latency-spike", ("--runtime", "docker"), "the built-in fault plane"),
        ("latency-spike", ("--fault-plane", "toxiproxy"), "Toxiproxy"),
    ],
)
def test_a_plan_says_who_makes_a_fault(workbench: Terminal, name: str, placed: tuple[str, ...], maker: str) -> None:
    assert f"made by {maker}" in " ".join(workbench("plan", name, *placed).out.split())
