"""F3 refuse: below the level of requests, so there is no share and no match."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability
from workbench.model.faults.refuse import Refuse


def fault(**fields: Any) -> Refuse:
    return Refuse.model_validate({"id": "f", "edge": "a:b"} | fields)


def test_it_is_about_the_listener() -> None:
    assert ("listener", "a:b", "refuses connections") == (fault().level, fault().target, fault().describe())
    assert {Ability.NETWORK} == fault().abilities_needed()
    assert "refuses connections, on for 50% of every 2s" == fault(schedule={"period": "2s"}).describe()


@pytest.mark.parametrize("field", [{"share": "50%"}, {"match": {"path": "/v1/*"}}])
def test_it_cannot_pick_requests(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        fault(**field)


def test_only_the_edge_itself_feels_it() -> None:
    assert [True, False, False] == [fault().touches(edge) for edge in ("a:b", "b:a", "x:b")]
