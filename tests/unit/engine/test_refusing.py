"""What a fault plane cannot do is refused before anything starts, each with what would do it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories import EDGE, SCENARIO, SYSTEM
from workbench.engine.refusing import plane_problems, refuse_obstacles, refuse_plane
from workbench.errors import UsageError
from workbench.model.faults.base import Ability, FaultBase
from workbench.model.planes import PlaneName
from workbench.model.scenario import Scenario
from workbench.model.system import System

BUILTIN, TOXIPROXY = PlaneName.BUILTIN, PlaneName.TOXIPROXY


def faults(*declared: dict[str, Any]) -> list[FaultBase]:
    named = [{"id": f"f{i}", "edge": EDGE, **one} for i, one in enumerate(declared)]
    return list(Scenario.model_validate({**SCENARIO, "faults": named, "expect": []}).faults)


def system(**orders: Any) -> System:
    services = SYSTEM["services"]
    return System.model_validate({**SYSTEM, "services": {**services, "orders": {**services["orders"], **orders}}})


def test_what_both_can_do_is_refused_by_neither() -> None:
    declared = faults({"kind": "latency", "delay": "1s", "jitter": "10ms"}, {"kind": "blackhole"}, {"kind": "refuse"})
    for plane in PlaneName:
        refuse_plane(plane, declared, system())


def test_each_fault_that_it_cannot_do_is_named_with_what_can() -> None:
    declared = faults({"kind": "http_status", "status": 503}, {"kind": "latency", "delay": "1s", "share": "10%"})
    with pytest.raises(UsageError) as refused:
        refuse_plane(TOXIPROXY, declared, system())
    assert "fault f0 (http_status) as declared needs http, per_request, which" in refused.value.message
    assert "fault f1 (latency) as declared needs per_request, seeded, which" in refused.value.message
    assert 2 == refused.value.message.count("--fault-plane builtin has it")
    refuse_plane(BUILTIN, declared, system())


LOSSY = {"kind": "packet_loss", "loss": "5%"}


def test_packets_are_for_ours_only() -> None:
    assert [] == plane_problems(BUILTIN, faults(LOSSY), system())
    (problem,) = plane_problems(TOXIPROXY, faults(LOSSY), system())
    assert "needs packets, which fault plane toxiproxy lacks; --fault-plane builtin has it" in problem


def test_what_the_machine_does_not_allow_is_refused_with_the_reason_of_each() -> None:
    declared = faults(LOSSY, {"kind": "latency", "delay": "1s"}, LOSSY)
    refuse_obstacles({}, declared)
    refuse_obstacles({Ability.MEMORY: "no"}, declared)
    with pytest.raises(UsageError) as refused:
        refuse_obstacles({Ability.PACKETS: "it takes root"}, declared)
    assert (
        "this cannot be done here:\n  fault f0 (packet_loss): it takes root\n  fault f2 (packet_loss): it takes root"
        == refused.value.message
    )


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"traces": False}, "orders sends no spans that would show them; send OTLP/HTTP spans"),
        (
            {"metrics": None},
            "orders counts them nowhere, so that missing spans would not be noticed; export workbench_",
        ),
    ],
)
def test_where_nobody_would_see_attempts_a_fault_is_refused(lacking: dict[str, Any], said: str) -> None:
    (problem,) = plane_problems(TOXIPROXY, faults({"kind": "blackhole"}), system(**lacking))
    assert said in problem
    assert "or use --fault-plane builtin" in problem
    assert [] == plane_problems(BUILTIN, faults({"kind": "blackhole"}), system(**lacking))


def test_a_fault_on_a_service_disturbs_the_edges_to_it() -> None:
    (killed,) = Scenario.model_validate(
        {**SCENARIO, "faults": [{"id": "dead", "kind": "kill", "service": "payments"}], "expect": []}
    ).faults
    assert [] == plane_problems(TOXIPROXY, [killed], system())
    (problem,) = plane_problems(TOXIPROXY, [killed], system(traces=False))
    assert "no record of attempts on orders:payments, and orders sends no spans" in problem


def test_the_load_is_nobody_s_edge() -> None:
    (surge,) = Scenario.model_validate(
        {**SCENARIO, "faults": [{"id": "crowd", "kind": "surge", "factor": 2}], "expect": []}
    ).faults
    assert [] == plane_problems(TOXIPROXY, [surge], system(traces=False))
