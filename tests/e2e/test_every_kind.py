"""Every kind of fault on a real edge or service of the shop, in one run: callers feel it, and the evidence counts it.

One phase for each kind. The shop's breakers are off, so that none of them keeps a fault from its evidence.
"""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any

import pytest

from tests.e2e.command import Folder, note
from workbench.adapters.obstacles import obstacles
from workbench.checks.sli import generator_lag
from workbench.engine.rundir import RunDirectory
from workbench.model.events import CleanVerified, FaultOff, ServiceDied
from workbench.model.faults import KINDS
from workbench.model.faults.base import Ability, RequestFault
from workbench.model.history import History
from workbench.model.outcome import Exit
from workbench.model.runtimes import RuntimeName
from workbench.model.verdict import Outcome

STARVED = "orders"
PAGES, STOCK, CAPTURES = "gateway:catalog", "catalog:inventory", "orders:payments"
"""The second one is gRPC, an edge of protocol tcp: what acts on connections and bytes is tried there."""

PLANS: dict[str, dict[str, Any]] = {
    "accept_then_close": {"edge": STOCK},
    "bandwidth": {"edge": PAGES, "rate": "10KB/s"},
    "blackhole": {"edge": STOCK},
    "brownout": {"edge": PAGES, "concurrent": 1, "queue": 2, "service_time": "50ms"},
    "corrupt_body": {"edge": PAGES, "how": "invalid_json"},
    "cpu": {"service": "catalog", "limit": "1%"},  # far less than it needs, however slow baseline was
    "every_nth": {"edge": PAGES, "n": 2},
    "fail_first": {"edge": PAGES, "count": 1, "per": {"by": "trace"}},
    "http_status": {"edge": PAGES, "status": 503, "retry_after": "1s", "share": "50%"},
    "latency": {"edge": PAGES, "delay": "300ms", "jitter": "50ms", "distribution": "normal", "share": "50%"},
    "pause": {"service": "inventory"},
    "partition": {"services": ["inventory"], "direction": "into", "how": "refuse", "min_evidence": 5},
    "refuse": {"edge": STOCK},
    "reset": {"edge": PAGES, "match": {"method": "GET"}},
    "response_lost": {"edge": CAPTURES, "answer": "replaced", "min_evidence": 5},
    "restart": {"service": "catalog", "min_evidence": 3},
    "slicer": {"edge": STOCK, "average": 20, "delay": "20ms", "min_evidence": 5},
    "slow_drip": {"edge": PAGES, "chunk": 10, "every": "50ms"},
    "slow_start": {"service": "inventory", "delay": "2s"},
    "surge": {"factor": 2},
    "broker_down": {"resource": "broker", "min_evidence": 3},
    "cache_down": {"resource": "catalog-cache", "min_evidence": 3},
    "db_error": {"resource": "inventory-db", "min_evidence": 5},
    "db_locked": {"resource": "payments-db", "min_evidence": 3},
    "db_readonly": {"resource": "payments-db", "min_evidence": 3},
    "db_slow": {"resource": "inventory-db", "delay": "200ms", "share": "50%", "min_evidence": 5},
    "duplicate_delivery": {"resource": "broker", "share": "50%", "min_evidence": 3},
    "reorder": {"resource": "broker", "share": "50%", "min_evidence": 3},
    "truncate": {"edge": PAGES, "after": 10},
    "packet_loss": {"edge": PAGES, "loss": "30%"},
    "packet_reorder": {"edge": PAGES, "reorder": "30%", "delay": "300ms"},
    "kill": {"service": STARVED},  # so that memory meets a process that has not grown yet
    "memory": {"service": STARVED, "headroom": "0B", "min_evidence": 5},
}
FLAPPING = {"id": "flapping", "kind": "http_status", "edge": PAGES, "status": 500, "schedule": {"period": "1s"}}
HERD = {"id": "herd", "kind": "surge", "at_once": 250, "schedule": {"start": "500ms"}}
"""A warm service lives within its memory; so many users at once may make it ask for more, which may be its end.

Whether they do is chance, so that memory may stay undecided there; a service that leaks shows that it is felt.
"""
CROWD = {"id": "crowd", "kind": "surge", "factor": 4}
"""A restarted service is back within a second, in which enough has to arrive for A2 to tell it from chance."""
NOT_HERE: set[str] = set()
if missing := obstacles(RuntimeName.NATIVE).get(Ability.PACKETS):
    NOT_HERE = {"packet_loss", "packet_reorder"}
    note(f"{NOT_HERE} are not tried: {missing}")
    PLANS = {kind: plan for kind, plan in PLANS.items() if kind not in NOT_HERE}
LASTS_S = 4
WITHIN_S = 390
TRIES = 3


def test_every_kind_has_a_plan() -> None:
    assert set(PLANS) | NOT_HERE == set(KINDS)


def scenario() -> dict[str, Any]:
    """Return a scenario with a phase for each kind, and one for a fault that flaps."""
    faults = [{"id": kind.replace("_", "-"), "kind": kind, **plan} for kind, plan in PLANS.items()]
    faults.insert(0, dict(FLAPPING))
    for fault in faults:
        fault["phase"] = f"with-{fault['id']}"
    phases = [fault["phase"] for fault in faults]
    faults += [HERD | {"phase": "with-memory"}, CROWD | {"phase": "with-restart"}]
    return {
        "version": 1,
        "name": "every-kind",
        "title": "Every kind of fault is felt",
        "hypothesis": "Callers feel each of them, and the evidence counts it.",
        "system": "shop",
        "seed": 7,
        "load": {"mix": {"browse": 4, "checkout": 2, "admin": 2}, "arrivals": {"rate": "14/s"}, "max_users": 400},
        "phases": [
            {"name": "baseline", "duration": "8s"},
            *({"name": name, "duration": f"{LASTS_S}s"} for name in phases[:-1]),
            {"name": phases[-1], "duration": f"{3 * LASTS_S}s"},
            {"name": "recovery", "duration": "4s"},
        ],
        "faults": faults,
        "steady_state": [{"slo": "browse-availability", "target": "90%"}],
    }


LEAKING: dict[str, Any] = {
    "version": 1,
    "name": "leaking",
    "title": "A service that leaks gets no more memory",
    "hypothesis": "Callers feel that.",
    "system": "shop",
    "load": {"mix": {"browse": 1}, "arrivals": {"rate": "8/s"}},
    "phases": [
        {"name": "baseline", "duration": "6s"},
        {"name": "fault", "duration": "20s"},
        {"name": "recovery", "duration": "4s"},
    ],
    "faults": [{"id": "memory", "kind": "memory", "service": "catalog", "headroom": "0B"}],
    "steady_state": [{"slo": "browse-availability", "target": "90%"}],
}


def felt(folder: Folder) -> tuple[History, dict[str, str]]:
    """Run it; return its history and the reason of each fault that is not shown to have been felt."""
    words = ["run", "./every-kind.yaml", "--bug", "breaker-off", "--allow-inconclusive", "--json"]
    ended = folder.run(*words, "--port-base", str(folder.port_base), within_s=WITHIN_S)
    assert ended.stdout.strip(), ended.said()
    assert ended.code in (Exit.PASS, Exit.FAIL, Exit.INCONCLUSIVE), ended.said()
    history = RunDirectory.existing(folder.path / "reports" / "latest").history()
    checks = {result.id: result for result in ended.verdict().checks if result.check == "A2"}
    assert {f"A2:{fault.id}" for fault in history.run.scenario.faults} == set(checks)
    undecided = {id_: result.reason for id_, result in checks.items() if result.outcome is not Outcome.PASS}
    if undecided.pop("A2:memory", None) is not None:
        note("memory was not felt: a service that does not grow does not notice its limit")
    return history, undecided


def assert_counted(history: History, undecided: Container[str]) -> None:
    """What was shown to have been felt was counted by the plane, where it sees requests."""
    counted = {event.fault: event.counts for event in history.events(FaultOff)}
    for fault in history.run.scenario.faults:
        if isinstance(fault, RequestFault) and fault.edge != STOCK and f"A2:{fault.id}" not in undecided:
            counts = counted[fault.id]
            assert counts["hit"] >= fault.min_evidence
            assert counts["hit"] + counts["passed"] == counts["eligible"]
            assert fault.share == 1.0 or counts["passed"] > 0


@pytest.mark.timeout(TRIES * WITHIN_S + 60)
def test_every_kind_is_felt_on_an_edge_of_the_shop_and_counted(folder: Folder) -> None:
    """Again, if a fault is undecided on a machine that was too busy: it may have had too few requests to hit.

    On such a machine it may be another one each time, so what has been felt once need not be felt again.
    """
    (folder.path / "every-kind.yaml").write_text(json.dumps(scenario()))  # JSON is YAML
    never_felt: dict[str, str] | None = None
    for left in reversed(range(TRIES)):
        history, undecided = felt(folder)
        assert_counted(history, undecided)
        known = undecided if never_felt is None else never_felt
        never_felt = {id_: reason for id_, reason in undecided.items() if id_ in known}
        if not (left and never_felt and (history.was_starved() or generator_lag(history).beyond)):
            break
        note(f"the machine was busy, {left} more tries: {never_felt}")
    assert never_felt == {}
    latest = folder.path / "reports" / "latest"
    assert {death.service for death in history.events(ServiceDied)} <= {STARVED}, "the other deaths were asked for"
    clean = history.events(CleanVerified)[-1]
    assert ([], []) == (clean.faults, clean.ledger)
    folder.assert_nothing_left(json.loads((latest / "stack.json").read_text(encoding="utf-8")))


@pytest.mark.timeout(TRIES * WITHIN_S)
def test_a_service_that_leaks_feels_that_it_gets_no_more_memory(folder: Folder) -> None:
    """Without the leak it stays within what it has, and nobody feels anything."""
    (folder.path / "leaking.yaml").write_text(json.dumps(LEAKING))
    words = ["run", "./leaking.yaml", "--bug", "breaker-off", "--bug", "memory-leak", "--allow-inconclusive", "--json"]
    ended = folder.run(*words, "--port-base", str(folder.port_base), within_s=WITHIN_S)
    assert ended.stdout.strip(), ended.said()
    (memory,) = [result for result in ended.verdict().checks if result.id == "A2:memory"]
    assert memory.outcome is Outcome.PASS, memory.reason
    folder.assert_nothing_left(json.loads((folder.path / "reports" / "latest" / "stack.json").read_text("utf-8")))
