"""Each fault goes to who can inject it, and what one cannot answer keeps nothing of the other."""

from __future__ import annotations

import threading

import pytest

from tests.fakes.calls import Calls
from tests.fakes.clock import FakeTime
from tests.fakes.plane import FakePlane
from workbench.adapters.fault_planes import FaultPlanes
from workbench.errors import HarnessError
from workbench.model.faults.base import FaultBase
from workbench.model.faults.db_locked import DbLocked
from workbench.model.faults.kill import Kill
from workbench.model.faults.refuse import Refuse

REFUSE = Refuse.model_validate({"id": "closed", "edge": "a:b"})
KILL = Kill.model_validate({"id": "killed", "service": "b"})
LOCK = DbLocked.model_validate({"id": "locked", "resource": "b-db", "services": ["b"]})
NAMES = ["closed", "killed", "locked"]

Planes = tuple[FakePlane, FakePlane, FakePlane]


@pytest.fixture
def planes() -> Planes:
    calls = Calls()
    time = FakeTime(calls)
    return FakePlane(calls, time), FakePlane(calls, time), FakePlane(calls, time)


def both_on(planes: Planes) -> FaultPlanes:
    router = FaultPlanes(*planes, ["b-db"])
    for fault in (REFUSE, KILL, LOCK):
        router.inject(fault, 1, 4_000)
    return router


def test_a_fault_goes_where_it_belongs_and_all_are_reported(planes: Planes) -> None:
    router = both_on(planes)
    assert [[name] for name in NAMES] == [plane.on for plane in planes]
    assert NAMES == [state.id for state in router.faults()]


@pytest.mark.parametrize("fault", [REFUSE, KILL, LOCK])
def test_it_is_undone_where_it_is(planes: Planes, fault: FaultBase) -> None:
    last = both_on(planes).undo(fault.id)
    assert last is not None
    assert fault.id == last.id
    assert [name for name in NAMES if name != fault.id] == [name for plane in planes for name in plane.on]


def test_what_somebody_else_has_injected_is_found(planes: Planes) -> None:
    both_on(planes)
    stranger = FaultPlanes(*planes, ["b-db"])
    assert NAMES == [last.id for last in map(stranger.undo, NAMES) if last is not None]
    assert stranger.undo("killed") is None


def test_a_plane_that_is_broken_keeps_no_lease_of_the_other_from_being_renewed(
    planes: Planes,
) -> None:
    router = both_on(planes)
    planes[0].broken = True
    with pytest.raises(HarnessError):
        router.renew(NAMES, 60_000)
    planes[0].broken = False
    planes[0]._time.sleep(5)
    assert ["killed", "locked"] == [state.id for state in router.faults()]
    assert ["closed"] == router.renew(NAMES, 60_000)


def test_what_is_being_renewed_on_a_resource_is_undone_after_that(
    planes: Planes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in several places; the other faults wait for nobody."""
    router = both_on(planes)
    done: list[str] = []

    def undo(name: str) -> None:
        done.append(name if router.undo(name) is not None else f"{name} was not on")

    undoing = [threading.Thread(target=undo, args=(name,)) for name in NAMES]
    renew = planes[2].renew

    def slowly(ids: list[str], lease_ms: int) -> list[str]:
        for thread in undoing:
            thread.start()
        for thread in undoing[:2]:
            thread.join(30)
        undoing[2].join(0.2)
        done.append("renewed")
        return renew(ids, lease_ms)

    monkeypatch.setattr(planes[2], "renew", slowly)
    assert [] == router.renew(["locked"], 60_000)
    undoing[2].join(30)
    assert [["closed", "killed"], ["renewed", "locked"]] == [sorted(done[:2]), done[2:]]


def test_a_canary_goes_over_an_edge_to_a_service_or_to_those_who_use_a_resource(planes: Planes) -> None:
    router = both_on(planes)
    planes[1].canary_says = lambda target: f"{target} is asked"
    planes[2].canary_says = lambda target: f"users of {target} are asked"
    assert ("refused", "b is asked") == (router.canary("a:b"), router.canary("b"))
    assert "users of b-db are asked" == router.canary("b-db")
