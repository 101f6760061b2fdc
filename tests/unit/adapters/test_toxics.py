"""Kinds of faults in Toxiproxy's words: each that it can do, and none that it cannot."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from workbench.adapters.toxics import Toxic, fault_of, toxics_of
from workbench.errors import UsageError
from workbench.model.faults import KINDS, EdgeFaultSpec
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
        ({"kind": "bandwidth", "rate": "50KB/s"}, [Toxic("f", "bandwidth", "downstream", {"rate": 50})]),
        (
            {"kind": "bandwidth", "rate": "2500B/s", "side": "request"},
            [Toxic("f", "bandwidth", "upstream", {"rate": 2})],
        ),
        (
            {"kind": "bandwidth", "rate": "500B/s"},
            [Toxic("f", "slicer", "downstream", {"average_size": 1, "size_variation": 0, "delay": 2_000})],
        ),
        (
            {"kind": "slow_drip", "chunk": 3, "every": "100ms"},
            [Toxic("f", "slicer", "downstream", {"average_size": 3, "size_variation": 0, "delay": 100_000})],
        ),
        (
            {"kind": "slicer", "average": 64, "variation": 8, "delay": "1ms", "side": "request"},
            [Toxic("f", "slicer", "upstream", {"average_size": 64, "size_variation": 8, "delay": 1_000})],
        ),
        ({"kind": "truncate", "after": 70}, [Toxic("f", "limit_data", "downstream", {"bytes": 70})]),
        (
            {"kind": "accept_then_close"},
            [
                Toxic("f.upstream", "timeout", "upstream", {"timeout": 1}),
                Toxic("f.downstream", "timeout", "downstream", {"timeout": 1}),
            ],
        ),
    ],
)
def test_kinds_are_put_into_toxics(declared: dict[str, Any], toxics: list[Toxic]) -> None:
    assert toxics == toxics_of(fault(**declared))
    assert {"f"} == {fault_of(toxic.name) for toxic in toxics}
    assert fault(**declared).abilities_needed() <= PlaneName.TOXIPROXY.abilities


@pytest.mark.parametrize(
    ("kind", "toxic"),
    [
        ("db_slow", Toxic("f", "latency", "downstream", {"latency": 200, "jitter": 0})),
        ("db_error", Toxic("f", "noop", "downstream", {})),
        ("cache_down", Toxic("f", "noop", "downstream", {})),
        ("broker_down", Toxic("f", "noop", "downstream", {})),
    ],
)
def test_what_is_done_in_front_of_a_server_is_slow_answers_or_a_closed_proxy(kind: str, toxic: Toxic) -> None:
    declared = KINDS[kind].model_validate({"id": "f", "kind": kind, "resource": "r", "services": ["a"]})
    assert [toxic] == toxics_of(declared)


@pytest.mark.parametrize(
    "declared",
    [
        {"kind": "http_status", "status": 503},
        {"kind": "latency", "delay": "1s", "share": "50%"},
        {"kind": "latency", "delay": "1s", "match": {"path": "/x"}},
        {"kind": "latency", "delay": "1s", "schedule": {"period": "2s"}},
        {"kind": "refuse", "schedule": {"period": "2s"}},
        {"kind": "latency", "delay": "1s", "jitter": "100ms", "distribution": "pareto"},
        {"kind": "latency", "delay": "1s", "ramp": "10s"},
        {"kind": "reset"},
    ],
)
def test_what_it_cannot_do_needs_an_ability_that_it_lacks(declared: dict[str, Any]) -> None:
    """So planning refuses it; a kind that came here nevertheless would be refused, not done otherwise."""
    assert not fault(**declared).abilities_needed() <= PlaneName.TOXIPROXY.abilities
    assert fault(**declared).abilities_needed() <= PlaneName.BUILTIN.abilities
    if declared["kind"] == "http_status":
        with pytest.raises(UsageError, match="cannot do http_status"):
            toxics_of(fault(**declared))
