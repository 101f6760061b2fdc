"""Faults on services in containers: what the engine says of them while they are on, and when they are off again."""

from __future__ import annotations

import time
from typing import Any

from tests.docker.conftest import CORE, Contained
from tests.docker.engine import inspected
from tests.integration.native.rig import events
from tests.integration.supervisor.marks import wait_until
from workbench.calls import call_json
from workbench.model.outcome import Exit

_LONG, _BRIEFLY = "60s", "3s"


def _state(pair: Contained) -> dict[str, Any]:
    state: dict[str, Any] = inspected(pair.container("back"))["State"]
    return state


def _limits(pair: Contained) -> dict[str, Any]:
    limits: dict[str, Any] = inspected(pair.container("back"))["HostConfig"]
    return limits


def _add(pair: Contained, kind: str, lasts: str, *options: str) -> None:
    added = pair.workbench("fault", "add", kind, "back", *options, "--for", lasts)
    assert 0 == added.code, added.err


def _remove(pair: Contained, kind: str) -> None:
    removed = pair.workbench("fault", "remove", f"{kind}-back")
    assert 0 == removed.code, removed.err


def test_each_is_on_until_it_is_removed(pair: Contained) -> None:
    pair.up()
    before = _limits(pair)

    _add(pair, "pause", _LONG)
    assert _state(pair)["Paused"]
    _remove(pair, "pause")
    wait_until("it runs on", lambda: not _state(pair)["Paused"])

    _add(pair, "cpu", _LONG, "--limit", "20%")
    assert 20_000 == _limits(pair)["CpuQuota"]
    _remove(pair, "cpu")
    wait_until("it has all the time again", lambda: _limits(pair)["CpuQuota"] in (0, -1))

    _add(pair, "memory", _LONG, "--headroom", "8MiB")
    assert 0 < _limits(pair)["Memory"] < before["Memory"]
    _remove(pair, "memory")
    wait_until("it has its old limit", lambda: _limits(pair)["Memory"] == before["Memory"])

    _add(pair, "kill", _LONG)
    assert not _state(pair)["Running"]
    _remove(pair, "kill")
    wait_until("it runs again", lambda: _state(pair)["Running"])
    assert [] == pair.status()["faults"]
    assert "word (bugs: )" == pair.ask()


def test_each_goes_by_itself(pair: Contained) -> None:
    """Whether it was on is not asked: it may be gone before anybody can look."""
    pair.up()
    before = _limits(pair)
    _add(pair, "pause", _BRIEFLY)
    wait_until("it runs on", lambda: not _state(pair)["Paused"])
    _add(pair, "cpu", _BRIEFLY, "--limit", "20%")
    wait_until("it has all the time again", lambda: _limits(pair)["CpuQuota"] in (0, -1))
    _add(pair, "memory", _BRIEFLY, "--headroom", "8MiB")
    wait_until("it has its old limit", lambda: _limits(pair)["Memory"] == before["Memory"])
    pid = _state(pair)["Pid"]
    _add(pair, "kill", _BRIEFLY)
    wait_until("it runs again", lambda: _state(pair)["Running"])
    assert pid != _state(pair)["Pid"]
    wait_until("no fault is on", lambda: pair.status()["faults"] == [])
    assert "word (bugs: )" == pair.ask()


def test_the_real_toxiproxy_serves_all_edges_where_it_is_asked_for(pair: Contained) -> None:
    pair.up("--fault-plane", "toxiproxy")
    assert "word (bugs: )" == pair.ask()
    assert "" == pair.container("faultproxy")
    toxic = {"name": "slow", "type": "latency", "attributes": {"latency": 300}}
    plane = pair.status()["stack"]["plane_url"]
    call_json("POST", f"{plane}/proxies/front:back/toxics", body=toxic, deadline_s=5)
    began = time.monotonic()
    assert "word (bugs: )" == pair.ask()
    assert time.monotonic() - began > 0.3
    healed = pair.workbench("heal")
    assert "undone: slow on front:back" in healed.out
    assert [] == call_json("GET", f"{plane}/proxies", deadline_s=5)["front:back"]["toxics"]


def test_an_edge_that_refuses_is_asked_from_inside(pair: Contained) -> None:
    """The engine accepts on every published port, whether or not anybody listens behind it."""
    short = ("--set", "phases.fault.duration=5s", "--allow-inconclusive")
    ran = pair.workbench("run", "back-refused", *CORE, *short)
    assert ran.code in (Exit.PASS, Exit.INCONCLUSIVE), ran.out + ran.err
    (run,) = pair.runs()
    (on,) = events(run, "fault_on")
    assert "refused" == on["evidence"]["canary"]
    (off,) = events(run, "fault_off")
    assert "answered" == off["evidence"]["canary"]


def test_what_is_paused_can_be_healed_and_taken_down(pair: Contained) -> None:
    pair.up()
    assert 0 == pair.workbench("fault", "add", "pause", "back").code
    assert 0 == pair.workbench("heal").code
    assert not _state(pair)["Paused"]
    assert 0 == pair.workbench("fault", "add", "pause", "back").code
    assert 0 == pair.workbench("down").code
