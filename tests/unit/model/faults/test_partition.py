"""F19 partition: which edges a border crosses, and what becomes of each."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.model.faults.partition import Partition

EDGES = ["web:orders", "web:catalog", "orders:payments", "payments:bank", "catalog:stock"]


def cut(**fields: Any) -> Partition:
    return Partition.model_validate({"id": "cut", "services": ["orders", "payments"], **fields})


@pytest.mark.parametrize(
    ("direction", "edges"),
    [
        ("both", ["web:orders", "payments:bank"]),
        ("into", ["web:orders"]),
        ("out_of", ["payments:bank"]),
    ],
)
def test_only_what_crosses_the_border_is_cut(direction: str, edges: list[str]) -> None:
    """Calls within a side go on: orders still reaches payments."""
    assert edges == [part.edge for part in cut(direction=direction).parts(EDGES)]
    assert edges == [edge for edge in EDGES if cut(direction=direction).touches(edge)]


@pytest.mark.parametrize("how", ["blackhole", "refuse"])
def test_its_parts_are_faults_of_their_own(how: str) -> None:
    fields: dict[str, Any] = {"phase": "storm", "min_evidence": 3, "seed": 5, "schedule": {"duration": "4s"}}
    first, second = cut(how=how, **fields).parts(EDGES)
    assert ["cut-web-orders", "cut-payments-bank"] == [first.id, second.id]
    for part in (first, second):
        assert (how, "storm", 3, 5, "4s") == (
            part.kind,
            part.phase,
            part.min_evidence,
            part.seed,
            str(part.schedule.duration),
        )


@pytest.mark.parametrize(
    ("direction", "says"),
    [
        ("both", "cannot reach the others, nor be reached"),
        ("into", "cannot be reached"),
        ("out_of", "reach nobody"),
    ],
)
def test_it_says_what_it_does(direction: str, says: str) -> None:
    assert says == cut(direction=direction).describe()
    assert "orders, payments" == cut().target
