"""What faults on requests have in common: shares of requests or of connections, and what decides on them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability, RequestFault
from workbench.model.faults.blackhole import Blackhole
from workbench.model.faults.http_status import HttpStatus
from workbench.model.faults.seeded import is_hit


def fault(**shares: float | str) -> RequestFault:
    return Blackhole.model_validate({"id": "f", "edge": "a:b"} | shares)


def test_either_share_is_drawn_by_the_ordinal() -> None:
    expected = [is_hit(1, "f", i, 0.3) for i in range(100)]
    for one in (fault(share=0.3), fault(connection_share=0.3)):
        assert [one.hits(1, i, 0) for i in range(100)] == expected
        assert one.part_hit == 0.3


def test_only_one_of_them_can_be_below_all() -> None:
    with pytest.raises(ValidationError, match="declare one of them"):
        fault(share=0.5, connection_share=0.5)
    assert not fault(share=0.5, connection_share=1.0).is_per_connection


@pytest.mark.parametrize("name", ["share", "connection_share"])
def test_nothing_is_no_share(name: str) -> None:
    with pytest.raises(ValidationError, match=rf"{name} is 0 %"):
        fault(**{name: "0%"})


def test_a_share_of_connections_asks_less_of_a_plane() -> None:
    assert fault(share=0.5).abilities_needed() == {Ability.NETWORK, Ability.PER_REQUEST, Ability.SEEDED}
    assert fault(connection_share=0.5).abilities_needed() == {Ability.NETWORK, Ability.SEEDED}


def test_it_is_told_in_words() -> None:
    assert fault(connection_share="30%").describe().endswith(" (30% of connections)")
    status = HttpStatus(id="f", edge="a:b", status=500, connection_share="30%")
    assert status.describe() == "answers 500 (30% of connections)"
