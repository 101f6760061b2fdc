"""Faults on a server from the runner's side: Toxiproxy makes them, the supervisor holds them, services count them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.supervisor.rig import TOKEN
from tests.integration.supervisor.served import LEASE_MS, Counting, Served
from tests.ports import free_ports
from workbench.adapters.native.process_faults import ProcessFaults
from workbench.adapters.resource_faults import ResourceFaults
from workbench.adapters.server_faults import ServerFaults
from workbench.errors import HarnessError
from workbench.model.faults import KINDS
from workbench.model.faults.base import FaultBase
from workbench.model.stack import ResourceAddress, RunningStack


def faults_on(served: Served, service: str) -> ServerFaults:
    """Return what a runner has to make faults on the server with."""
    url = service.removesuffix("/disturbances")
    stack = RunningStack(
        stack_id="s",
        system="s",
        system_file="s",
        port_base=1,
        services={"reader": url},
        edges={},
        resources={
            "words": ResourceAddress(kind="database", disturb={"reader": service}, of=["reader"], server="words:1")
        },
        control_url=f"http://127.0.0.1:{served.rig.control}",
        plane_url=served.api,
        collector_url=url,
        token=TOKEN,
        abilities=[],
        owned=False,
    )
    supervisor = ProcessFaults(stack, None)
    return ServerFaults(stack, ResourceFaults(stack, supervisor.canary), supervisor)


def fault(kind: str, **fields: Any) -> FaultBase:
    return KINDS[kind].model_validate({"id": "f", "kind": kind, "resource": "words", "services": ["reader"]} | fields)


def test_toxiproxy_makes_it_and_the_service_counts(served: Served, counting: str) -> None:
    faults = faults_on(served, counting)
    faults.inject(fault("db_slow", delay="300ms"), 1, LEASE_MS)
    assert {"do": "watch", "delay_ns": 300_000_000, "share": 1.0}.items() <= Counting.held["f"].items()
    (state,) = faults.faults()
    assert ("f", "words", "db_slow", 7) == (state.id, state.target, state.kind, state.counts["hit"])
    assert [] == faults.renew(["f"], LEASE_MS)
    last = faults.undo("f")
    assert last is not None
    assert (7, 7) == (last.counts["hit"], last.counts["reader.eligible"])
    assert ([], {}, True) == (faults.faults(), Counting.held, served.is_whole())


def test_what_toxiproxy_cannot_make_is_made_by_the_service(served: Served, counting: str) -> None:
    faults = faults_on(served, counting)
    for kind, does in (("db_locked", "lock"), ("db_readonly", "read_only")):
        faults.inject(fault(kind), 1, LEASE_MS)
        assert does == Counting.held["f"]["do"]
        assert served.is_whole()
        faults.undo("f")
    faults.inject(fault("db_slow", share="50%"), 1, LEASE_MS)
    assert ("slow", 0.5) == (Counting.held["f"]["do"], Counting.held["f"]["share"])
    assert served.is_whole()


def test_one_of_which_a_part_is_gone_is_lost_whole(served: Served, counting: str) -> None:
    """A service that was started again does not count any more; a toxic without anybody who counts is no evidence."""
    faults = faults_on(served, counting)
    faults.inject(fault("db_error"), 1, LEASE_MS)
    Counting.held.clear()
    assert ["f"] == faults.renew(["f"], LEASE_MS)
    assert served.is_whole()
    faults.inject(fault("db_error"), 1, LEASE_MS)
    served.rig.send("DELETE", "/faults/f")
    assert ["f"] == faults.renew(["f"], LEASE_MS)
    assert {} == Counting.held


def test_what_ends_while_a_renewal_is_on_its_way_does_not_begin_again(
    served: Served, counting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as when somebody heals: a renewal renews what is there, and looks for it in the same request."""
    faults = faults_on(served, counting)
    faults.inject(fault("db_locked"), 1, LEASE_MS)

    def end_it(method: str) -> None:
        if method == "PUT":
            Counting.held.clear()

    monkeypatch.setattr(Counting, "before", end_it)
    assert ["f"] == faults.renew(["f"], LEASE_MS)
    assert {} == Counting.held


def test_one_that_another_runner_has_put_on_is_found_and_undone(served: Served, counting: str) -> None:
    faults_on(served, counting).inject(fault("db_error"), 1, LEASE_MS)
    stranger = faults_on(served, counting)
    assert ["f"] == [state.id for state in stranger.faults()]
    assert stranger.undo("f") is not None
    assert ([], {}, True) == (stranger.faults(), Counting.held, served.is_whole())


def test_a_service_that_cannot_count_keeps_it_from_staying_on(served: Served) -> None:
    (nobody,) = free_ports(1)
    faults = faults_on(served, f"http://127.0.0.1:{nobody}/disturbances")
    with pytest.raises(HarnessError):
        faults.inject(fault("db_error"), 1, LEASE_MS)
    faults.undo("f")
    assert served.is_whole()
