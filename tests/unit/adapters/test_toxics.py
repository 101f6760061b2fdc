"""Kinds of faults in Toxiproxy's words: each that it can do, and none that it cannot."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from workbench.adapters.toxics import Toxic, fault_of, toxics_of
from workbench.errors import UsageError
from workbench.model.faults import EdgeFaultSpec
from workbench.model.faults.base import EdgeFault
from workbench.model.planes import PlaneName

_FAULT: TypeAdapter[EdgeFault] = TypeAdapter(EdgeFaultSpec)


def fault(**fields: Any) -> EdgeFault:
    return _FAULT.validate_python({"id": "f", "edge": "a:b", **fields})


@pytest.mark.parametrize(
    ("declared", "toxics"),
    [
        (
            {"kind": "latency", "delay": "800ms", "jitter": "100ms"},
            [Toxic("f", "latency", "downstream", {"latency": 800, "jitter": 100})],
        ),
        (
            {"kind": "latency", "delay": "2s", "side": "request"},
            [Toxic("f", "latency", "upstream", {"latency": 2000, "jitter": 0})],
        ),
        ({"kind": "latency", "delay": "100us"}, [Toxic("f", "latency", "downstream", {"latency": 1, "jitter": 0})]),
        (
            {"kind": "blackhole"},
            [
                Toxic("f.upstream", "timeout", "upstream", {"timeout": 0}),
                Toxic("f.downstream", "timeout", "downstream", {"timeout": 0}),
            ],
        ),
        ({"kind": "refuse"}, [Toxic("f", "noop", "downstream", {})]),
    ],
)
def test_kinds_are_put_into_toxics(declared: dict[str, Any], toxics: list[Toxic]) -> None:
    assert toxics == toxics_of(fault(**declared))
    assert {"f"} == {fault_of(toxic.name) for toxic in toxics}
    assert fault(**declared).abilities_needed() <= PlaneName.TOXIPROXY.abilities


@pytest.mark.parametrize(
    "declared",
    [
        {"kind": "http_status", "status": 503},
        {"kind": "latency", "delay": "1s", "share": "50%"},
        {"kind": "latency", "delay": "1s", "match": {"path": "/x"}},
        {"kind": "latency", "delay": "1s", "schedule": {"period": "2s"}},
        {"kind": "refuse", "schedule": {"period": "2s"}},
    ],
)
def test_what_it_cannot_do_needs_an_ability_that_it_lacks(declared: dict[str, Any]) -> None:
    """So planning refuses it; a kind that came here nevertheless would be refused, not done otherwise."""
    assert not fault(**declared).abilities_needed() <= PlaneName.TOXIPROXY.abilities
    assert fault(**declared).abilities_needed() <= PlaneName.BUILTIN.abilities
    if declared["kind"] == "http_status":
        with pytest.raises(UsageError, match="cannot do http_status"):
            toxics_of(fault(**declared))
