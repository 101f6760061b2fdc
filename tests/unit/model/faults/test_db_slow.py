"""F17 db_slow: how long transactions are held up, and which."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability
from workbench.model.faults.db_slow import DbSlow
from workbench.model.faults.resource_actions import Disturb
from workbench.model.faults.seeded import is_hit


def fault(**fields: object) -> DbSlow:
    return DbSlow.model_validate({"id": "f", "resource": "orders-db"} | fields)


def test_transactions_are_held_up_for_the_delay() -> None:
    assert Disturb("slow", delay_ns=200_000_000) == fault().action()
    assert Disturb("slow", delay_ns=1_000_000) == fault(delay="1ms").action()
    assert "holds up transactions for 1s (30% of them)" == fault(delay="1s", share="30%").describe()
    with pytest.raises(ValidationError):
        fault(delay="0s")


def test_it_is_on_a_resource_and_felt_by_those_who_call_the_services_that_use_it() -> None:
    assert ("resource", "orders-db") == (fault().level, fault().target)
    assert {Ability.RESOURCE} == fault().abilities_needed()
    assert not fault().touches("gateway:orders"), "nobody is known to use it before the system is"
    used = fault().used_by(["orders"])
    assert used.is_felt
    assert used.touches("gateway:orders")
    assert not used.touches("orders:payments")
    assert ["billing"] == fault(services=["billing"]).used_by(["orders", "billing"]).services
    assert 7 == used.disturbs_ns(7)


def test_a_share_of_the_transactions_is_drawn_by_the_seed() -> None:
    hit = [fault(share="40%").hits(7, ordinal) for ordinal in range(1_000)]
    assert hit == [is_hit(7, "f", ordinal, 0.4) for ordinal in range(1_000)]
    assert all(fault().hits(7, ordinal) for ordinal in range(100))
    with pytest.raises(ValidationError, match="share is 0 %"):
        fault(share="0%")


@pytest.mark.parametrize("fields", [{"edge": "a:b"}, {"schedule": {"period": "1s"}}])
def test_what_is_for_edges_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)
