"""F14 kill: what is done to the process, and what is said of it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability, FaultBase
from workbench.model.faults.kill import Kill
from workbench.model.faults.process_actions import End
from workbench.model.units import NS_PER_S


def fault(**fields: object) -> Kill:
    return Kill.model_validate({"id": "f", "service": "payments"} | fields)


def test_it_is_killed_and_not_started_before_the_undo() -> None:
    assert End("SIGKILL", again_after_ns=None) == fault().action()
    assert "is killed and stays down" == fault().describe()


def test_it_is_about_a_service_and_felt_on_every_edge_to_it() -> None:
    assert ("process", "payments") == (fault().level, fault().target)
    assert {Ability.PROCESS} == fault().abilities_needed()
    assert fault().touches("orders:payments")
    assert not fault().touches("payments:provider")
    assert 7 == fault().disturbs_ns(7)


def test_its_transitions_may_take_longer_than_those_of_an_edge() -> None:
    assert (2 * NS_PER_S, 10 * NS_PER_S) == (FaultBase.longest_transition, fault().longest_transition)


@pytest.mark.parametrize("fields", [{"edge": "a:b"}, {"share": "50%"}, {"schedule": {"period": "1s"}}])
def test_what_is_for_edges_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)
