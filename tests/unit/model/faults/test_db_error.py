"""F17 db_error: transactions that fail."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability
from workbench.model.faults.db_error import DbError
from workbench.model.faults.resource_actions import Disturb
from workbench.model.faults.seeded import is_hit


def fault(**fields: object) -> DbError:
    return DbError.model_validate({"id": "f", "resource": "orders-db"} | fields)


def test_transactions_fail_as_the_driver_would() -> None:
    assert Disturb("fail") == fault().action()
    assert ("fails transactions", "fails transactions (50% of them)") == (
        fault().describe(),
        fault(share="50%").describe(),
    )
    assert ("database", True) == (fault().is_on, fault().is_felt)
    assert {Ability.RESOURCE} == fault().abilities_needed()


def test_a_share_of_the_transactions_is_drawn_by_the_seed() -> None:
    hit = [fault(share="40%").hits(7, ordinal) for ordinal in range(1_000)]
    assert hit == [is_hit(7, "f", ordinal, 0.4) for ordinal in range(1_000)]
    assert all(fault().hits(7, ordinal) for ordinal in range(100))
    with pytest.raises(ValidationError, match="share is 0 %"):
        fault(share="0%")


@pytest.mark.parametrize("fields", [{"edge": "a:b"}, {"schedule": {"period": "1s"}}, {"delay": "1s"}])
def test_what_is_for_edges_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)
