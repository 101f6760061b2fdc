"""Each fault goes to who can inject it, and what one cannot answer keeps nothing of the other."""

from __future__ import annotations

import pytest

from tests.fakes.calls import Calls
from tests.fakes.clock import FakeTime
from tests.fakes.plane import FakePlane
from workbench.adapters.fault_planes import FaultPlanes
from workbench.errors import HarnessError
from workbench.model.faults.base import FaultBase
from workbench.model.faults.kill import Kill
from workbench.model.faults.refuse import Refuse

REFUSE = Refuse.model_validate({"id": "closed", "edge": "a:b"})
KILL = Kill.model_validate({"id": "killed", "service": "b"})


@pytest.fixture
def planes() -> tuple[FakePlane, FakePlane]:
    calls = Calls()
    time = FakeTime(calls)
    return FakePlane(calls, time), FakePlane(calls, time)


def both_on(planes: tuple[FakePlane, FakePlane]) -> FaultPlanes:
    router = FaultPlanes(*planes)
    for fault in (REFUSE, KILL):
        router.inject(fault, 1, 4_000)
    return router


def test_a_fault_goes_where_it_belongs_and_all_are_reported(planes: tuple[FakePlane, FakePlane]) -> None:
    router = both_on(planes)
    assert (["closed"], ["killed"]) == (planes[0].on, planes[1].on)
    assert ["closed", "killed"] == [state.id for state in router.faults()]


@pytest.mark.parametrize("fault", [REFUSE, KILL])
def test_it_is_undone_where_it_is(planes: tuple[FakePlane, FakePlane], fault: FaultBase) -> None:
    last = both_on(planes).undo(fault.id)
    assert last is not None
    assert fault.id == last.id
    assert 1 == len([*planes[0].on, *planes[1].on])


def test_what_somebody_else_has_injected_is_found(planes: tuple[FakePlane, FakePlane]) -> None:
    both_on(planes)
    stranger = FaultPlanes(*planes)
    assert ["closed", "killed"] == [last.id for last in map(stranger.undo, ("closed", "killed")) if last is not None]
    assert stranger.undo("killed") is None


def test_a_plane_that_is_broken_keeps_no_lease_of_the_other_from_being_renewed(
    planes: tuple[FakePlane, FakePlane],
) -> None:
    router = both_on(planes)
    planes[0].broken = True
    with pytest.raises(HarnessError):
        router.renew(["closed", "killed"], 60_000)
    planes[0].broken = False
    planes[0]._time.sleep(5)
    assert ["killed"] == [state.id for state in router.faults()]
    assert ["closed"] == router.renew(["closed", "killed"], 60_000)


def test_a_canary_goes_over_an_edge_or_to_a_service(planes: tuple[FakePlane, FakePlane]) -> None:
    router = both_on(planes)
    planes[1].canary_says = lambda target: f"{target} is asked"
    assert ("refused", "b is asked") == (router.canary("a:b"), router.canary("b"))
