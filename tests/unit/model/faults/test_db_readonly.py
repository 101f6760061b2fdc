"""F17 db_readonly: what is done, and that it is done to all of the database."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability
from workbench.model.faults.db_readonly import DbReadonly
from workbench.model.faults.resource_actions import Disturb


def fault(**fields: object) -> DbReadonly:
    return DbReadonly.model_validate({"id": "f", "resource": "orders-db"} | fields)


def test_it_is_done_to_the_whole_database() -> None:
    assert Disturb("read_only") == fault().action()
    assert "refuses writes" == fault().describe()
    assert ("database", True, 1.0) == (fault().is_on, fault().is_felt, fault().part_hit)
    assert {Ability.RESOURCE} == fault().abilities_needed()
    assert all(fault().hits(1, ordinal) for ordinal in range(100))


@pytest.mark.parametrize("fields", [{"edge": "a:b"}, {"schedule": {"period": "1s"}}, {"share": "50%"}])
def test_what_is_for_edges_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)
