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
