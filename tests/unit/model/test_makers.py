"""Who makes a fault follows from its target, from what stands around it, and from what the fault asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.loading.scenario_files import load_system
from workbench.model.faults import KINDS
from workbench.model.faults.base import FaultBase
from workbench.model.makers import Maker, maker_of, servers_of
from workbench.model.planes import PlaneName
from workbench.model.runtimes import NATIVE, Placement, Profile, RuntimeName

FULL = Placement(RuntimeName.DOCKER, Profile.FULL)
CORE = Placement(RuntimeName.DOCKER, Profile.CORE)
SHOP = load_system("shop", Path.cwd()).system


def fault(kind: str, **fields: Any) -> FaultBase:
    if "resource" in fields:
        fields = {"services": SHOP.resources[fields["resource"]].of} | fields
    return KINDS[kind].model_validate({"id": "f", "kind": kind, **fields})


@pytest.mark.parametrize(
    ("kind", "fields", "behind"),
    [
        ("db_slow", {"resource": "inventory-db"}, True),
        ("db_error", {"resource": "inventory-db"}, True),
        ("cache_down", {"resource": "catalog-cache"}, True),
        ("broker_down", {"resource": "broker"}, True),
        ("db_slow", {"resource": "inventory-db", "share": "30%"}, False),
        ("db_error", {"resource": "inventory-db", "share": "15%"}, False),
        ("broker_down", {"resource": "broker", "services": ["orders"]}, False),
        ("db_locked", {"resource": "inventory-db"}, False),
        ("db_readonly", {"resource": "inventory-db"}, False),
        ("duplicate_delivery", {"resource": "broker"}, False),
        ("reorder", {"resource": "broker"}, False),
    ],
)
def test_what_has_the_shape_of_a_network_is_made_in_front_of_a_real_server(
    kind: str, fields: dict[str, Any], behind: bool
) -> None:
    """A part of the work, or of the services, cannot be picked there."""
    found = maker_of(fault(kind, **fields), PlaneName.BUILTIN, servers_of(SHOP, FULL))
    assert (Maker.TOXIPROXY if behind else Maker.SERVICES) is found
    for placement in (NATIVE, CORE):
        assert Maker.SERVICES is maker_of(fault(kind, **fields), PlaneName.TOXIPROXY, servers_of(SHOP, placement))


def test_all_others_are_made_where_their_target_is() -> None:
    edge, service = fault("latency", edge="a:b", delay="1s"), fault("kill", service="b")
    assert Maker.FAULTPROXY is maker_of(edge, PlaneName.BUILTIN, {})
    assert Maker.TOXIPROXY is maker_of(edge, PlaneName.TOXIPROXY, {})
    assert Maker.SUPERVISOR is maker_of(service, PlaneName.TOXIPROXY, {})
    assert Maker.LOAD is maker_of(fault("surge", factor=2), PlaneName.BUILTIN, {})
