"""A partition is gone after loading: what stays are its parts, or problems with the line they are in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.loading.folder import edit
from tests.unit.loading.test_scenario_files import problems
from workbench.loading.scenario_files import load_scenario

SLOW = '{id: slow, kind: latency, edge: "front:orders", delay: 800ms}'


def test_the_scenario_has_the_parts_in_its_place(scenario: Path) -> None:
    edit(scenario, SLOW, f"{{id: cut, kind: partition, services: [orders]}}\n  - {SLOW}")
    loaded = load_scenario(scenario).scenario
    assert [("cut-front-orders", "blackhole"), ("slow", "latency")] == [(f.id, f.kind) for f in loaded.faults]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("services: [order]", "spike.yaml:13: faults.0.services.0: unknown service 'order'; did you mean 'orders'?"),
        ("services: [front, orders]", "spike.yaml:13: faults.0.services: cuts nothing: no edge leads across"),
        ("services: [orders], direction: out_of", "spike.yaml:13: faults.0.services: cuts nothing"),
        ("services: []", "spike.yaml:13: faults.0.services"),
    ],
)
def test_one_that_cuts_nothing_is_refused(scenario: Path, fault: str, told: str) -> None:
    edit(scenario, SLOW, f"{{id: cut, kind: partition, {fault}}}")
    assert any(problem.startswith(told) for problem in problems(scenario))


def test_a_part_needs_an_id_of_its_own(scenario: Path) -> None:
    other = SLOW.replace("slow", "cut-front-orders")
    edit(scenario, SLOW, f"{{id: cut, kind: partition, services: [orders]}}\n  - {other}")
    told = "spike.yaml:13: faults.0.id: part cut-front-orders of partition cut has the id of another fault"
    assert told in problems(scenario)
