"""A2 for faults on resources: what was hit is what the seed says, enough of it, and felt where the kind promises it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories import FAULT, ON, healthy, plan
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import rescripted, result
from tests.unit.checks.test_process_fault import disturbed, during, fail
from workbench.checks.facts import Facts
from workbench.checks.fault_effective import fault_power
from workbench.checks.process_fault import process_fault_needs
from workbench.model.events import FaultLost, FaultOff
from workbench.model.faults.seeded import is_hit
from workbench.model.makers import Maker
from workbench.model.verdict import Outcome

PASS, INCONCLUSIVE = Outcome.PASS, Outcome.INCONCLUSIVE
ID = f"A2:{FAULT}"
SEED = 7


def counts(share: float = 1.0, **eligible: int) -> dict[str, int]:
    """Return what services count that had so many transactions, by the seed."""
    found: dict[str, int] = {}
    for service, number in eligible.items():
        hit = sum(is_hit(SEED, FAULT, ordinal, share) for ordinal in range(number))
        found |= {f"{service}.eligible": number, f"{service}.hit": hit, f"{service}.passed": number - hit}
    for name in ("eligible", "hit", "passed"):
        found[name] = sum(found[f"{service}.{name}"] for service in eligible)
    return found


def on_resource(
    kind: str, counted: dict[str, int], services: tuple[str, ...] = ("payments",), **fields: Any
) -> HistoryBuilder:
    """The run of a fault on a service, with one on a resource in its place."""
    run = disturbed()
    fault = {"id": FAULT, "kind": kind, "resource": "books", "services": list(services)} | fields
    rescripted(run, faults=[fault], expect=[{"kind": "no_lost_orders"}])
    run.replace(FaultOff, counts=counted)
    return run


def test_deliveries_that_were_hit_are_the_evidence_whatever_callers_felt() -> None:
    seen = result(on_resource("duplicate_delivery", counts(0.5, payments=60), share="50%"), ID)
    assert seen.outcome is PASS
    assert "of 60 messages, exactly those its seed says" in seen.reason
    assert "and it was met" in seen.claim


def test_what_several_services_hit_is_added_up_and_told_apart() -> None:
    counted = counts(orders=8, payments=4)
    seen = result(on_resource("broker_down", counted, ("orders", "payments")), ID)
    assert (PASS, 12) == (seen.outcome, seen.n)
    assert "it hit 12 of 12 messages (8 at orders and 4 at payments)" in seen.reason


@pytest.mark.parametrize(("hit", "outcome"), [(9, INCONCLUSIVE), (10, PASS)])
def test_enough_has_to_be_hit(hit: int, outcome: Outcome) -> None:
    seen = result(on_resource("broker_down", counts(payments=hit)), ID)
    assert outcome is seen.outcome


@pytest.mark.parametrize("change", [{"payments.hit": 1}, {"payments.passed": 1}, {"payments.eligible": 1}])
def test_counts_that_are_not_those_of_the_seed_are_no_evidence(change: dict[str, int]) -> None:
    counted = counts(0.5, payments=60)
    counted = {name: number + change.get(name, 0) for name, number in counted.items()}
    seen = result(on_resource("duplicate_delivery", counted, share="50%"), ID)
    assert seen.outcome is INCONCLUSIVE
    assert "by the seed it is" in seen.reason


def test_a_service_that_said_nothing_is_no_evidence() -> None:
    seen = result(on_resource("broker_down", counts(orders=40), ("orders", "payments")), ID)
    assert (INCONCLUSIVE, "payments did not say what it hit") == (seen.outcome, seen.reason)


@pytest.mark.parametrize("kind", ["db_slow", "db_error", "db_readonly", "db_locked"])
def test_where_the_kind_promises_it_callers_have_to_feel_it_too(kind: str) -> None:
    run = on_resource(kind, counts(payments=60))
    unfelt = result(run, ID)
    assert (INCONCLUSIVE, True) == (unfelt.outcome, "callers felt it 0 times" in unfelt.reason)
    fail(during(run))
    felt = result(run, ID)
    assert PASS is felt.outcome
    assert "it hit 60 of 60 transactions, exactly those its seed says; of " in felt.reason


def test_one_that_was_lost_is_undecided_with_the_reason() -> None:
    run = on_resource("broker_down", counts(payments=40))
    why = "its lease expired, or one of its services was started again"
    run.journal.append(FaultLost(at_ns=ns(ON + 1), fault=FAULT, target="books", reason=why))
    seen = result(run, ID)
    assert INCONCLUSIVE is seen.outcome
    assert why in seen.reason


@pytest.mark.parametrize(("kind", "wanted"), [("db_slow", 1), ("broker_down", 0)])
def test_what_is_felt_by_time_needs_a_baseline(kind: str, wanted: int) -> None:
    run = on_resource(kind, {})
    phases = [{"name": "fault", "duration": "20s"}]
    faults = [{"id": FAULT, "kind": kind, "resource": "books"}]
    scenario = rescripted(
        run, faults=faults, phases=phases, slos=[], expect=[{"kind": "no_lost_orders"}]
    ).record.scenario
    assert wanted == len(process_fault_needs(Facts.of_run(run.record.model_copy(update={"scenario": scenario}))))


def test_a_plan_counts_the_share_that_is_hit() -> None:
    run = on_resource("reorder", {}, share="10%", min_evidence=24)
    (estimate,) = fault_power(Facts.of_run(run.record), plan(run.record.scenario))
    assert 24 == estimate.samples["fault"]
    assert not estimate.sufficient


def test_the_healthy_run_stays_what_it_is() -> None:
    assert PASS is result(healthy(), ID).outcome


@pytest.mark.parametrize("name", ["eligible", "hit", "passed"])
def test_a_count_that_is_missing_is_not_zero(name: str) -> None:
    counted = counts(0.0, orders=40)
    del counted[f"orders.{name}"]
    seen = result(on_resource("duplicate_delivery", counted, ("orders",)), ID)
    assert (INCONCLUSIVE, "orders did not say what it hit") == (seen.outcome, seen.reason)


def in_front(kind: str, counted: dict[str, int], services: tuple[str, ...] = ("payments",)) -> HistoryBuilder:
    """The same, made by Toxiproxy in front of a real server."""
    run = on_resource(kind, counted, services)
    made = run.record.plan.model_copy(update={"makers": {FAULT: Maker.TOXIPROXY}})
    run.record = run.record.model_copy(update={"plan": made})
    return run


def seen_by(service: str, *, hit: int, passed: int) -> dict[str, int]:
    """Return what a service counts that watched."""
    counted = {"eligible": hit + passed, "hit": hit, "passed": passed}
    return counted | {f"{service}.{name}": number for name, number in counted.items()}


@pytest.mark.parametrize(
    ("hit", "passed", "outcome"),
    [(10, 0, PASS), (9, 0, INCONCLUSIVE), (40, 10, PASS), (40, 11, INCONCLUSIVE), (0, 60, INCONCLUSIVE)],
)
def test_what_stands_in_front_of_a_server_has_to_be_met_by_nearly_all(hit: int, passed: int, outcome: Outcome) -> None:
    seen = result(in_front("broker_down", seen_by("payments", hit=hit, passed=passed)), ID)
    assert outcome is seen.outcome, seen.reason
    if outcome is PASS:
        assert "by Toxiproxy, as the services counted" in seen.reason


def test_in_front_of_a_server_callers_have_to_feel_it_too_where_the_kind_promises_it() -> None:
    run = in_front("db_slow", seen_by("payments", hit=60, passed=0))
    assert INCONCLUSIVE is result(run, ID).outcome
    fail(during(run))
    assert PASS is result(run, ID).outcome


def test_counts_of_a_service_that_do_not_add_up_are_no_evidence() -> None:
    counted = seen_by("payments", hit=60, passed=0) | {"payments.eligible": 70}
    seen = result(in_front("cache_down", counted), ID)
    assert (INCONCLUSIVE, "payments counted 60 hit and 0 not hit of 70") == (seen.outcome, seen.reason)
