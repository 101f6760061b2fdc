"""F18 cache_down: what is done, and to whom."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability
from workbench.model.faults.cache_down import CacheDown
from workbench.model.faults.resource_actions import Disturb


def fault(**fields: object) -> CacheDown:
    return CacheDown.model_validate({"id": "f", "resource": "catalog-cache"} | fields)


def test_every_access_fails() -> None:
    assert Disturb("down") == fault().action()
    assert "is away" == fault().describe()
    assert ("cache", False, 1.0) == (fault().is_on, fault().is_felt, fault().part_hit)
    assert {Ability.RESOURCE} == fault().abilities_needed()
    assert fault().used_by(["catalog"]).touches("gateway:catalog")


@pytest.mark.parametrize("fields", [{"edge": "a:b"}, {"schedule": {"period": "1s"}}, {"share": "50%"}])
def test_what_is_for_edges_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)
