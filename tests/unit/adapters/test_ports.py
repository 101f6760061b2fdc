"""Ports of a stack: one free block, or a message that names who holds the ports that were asked for."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter

from workbench.adapters.native import ports
from workbench.adapters.native.ports import choose, claimed, holder
from workbench.errors import EnvironmentFailure
from workbench.model.system import System

_SERVICE = {"run": "shelf:main"}


def _system(further: dict[str, int] | None = None, **offsets: int | None) -> System:
    """Return a system whose first service calls all others; the last one has the further ports."""
    names = list(offsets)
    services: dict[str, object] = {
        name: _SERVICE | ({} if at is None else {"port": at}) for name, at in offsets.items()
    }
    if further:
        services[names[-1]] = _SERVICE | {"ports": further}
    return TypeAdapter(System).validate_python(
        {
            "version": 1,
            "name": "shelves",
            "entry": names[0],
            "services": services,
            "edges": [{"caller": names[0], "callee": name, "env": f"{name.upper()}_URL"} for name in names[1:]],
            "journeys": {"look": {"locustfile": "look.py", "user": "Look"}},
        }
    )


def test_further_ports_are_part_of_the_block_and_are_stepped_around() -> None:
    chosen = choose(_system({"grpc": 1, "admin": 5}, front=None, back=None, shelf=None), None)
    assert [0, 2, 3] == [port - chosen.base for port in chosen.services.values()]
    assert {("shelf", "grpc"): chosen.base + 1, ("shelf", "admin"): chosen.base + 5} == chosen.further
    assert "shelf grpc" == chosen.named()[chosen.base + 1]


@pytest.mark.parametrize(
    ("services", "edge", "problem"),
    [
        ({"back": {"port": 3, "ports": {"grpc": 3}}}, {}, "port offset 3 is that of back too"),
        ({"back": {"ports": {"a": 4, "b": 4}}}, {}, "port offset 4 is that of back a too"),
        ({"back": {"ports": {"grpc": 4}}}, {"to": "admin"}, "back has no port 'admin'; its `ports` are: grpc"),
        ({}, {"to": "grpc"}, "back has no port 'grpc'; its `ports` are: none"),
        ({"back": {"ports": {"grpc": 100}}}, {}, "less than or equal to 99"),
    ],
)
def test_ports_that_clash_or_do_not_exist_are_refused(
    services: dict[str, dict[str, object]], edge: dict[str, str], problem: str
) -> None:
    system = {
        "version": 1,
        "name": "shelves",
        "entry": "front",
        "services": {name: _SERVICE | services.get(name, {}) for name in ("front", "back")},
        "edges": [{"caller": "front", "callee": "back", "env": "BACK_URL", **edge}],
        "journeys": {"look": {"locustfile": "look.py", "user": "Look"}},
    }
    with pytest.raises(ValueError, match=re.escape(problem)):
        TypeAdapter(System).validate_python(system)


@pytest.fixture
def held() -> Iterator[socket.socket]:
    """A port that somebody, in this case this very process, listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_no_two_parts_of_a_stack_share_a_port_and_offsets_that_are_asked_for_are_kept() -> None:
    chosen = choose(_system(front=None, back=0, shelf=None, cellar=2), None)
    assert chosen.base == chosen.services["back"]
    assert chosen.base + 2 == chosen.services["cellar"]
    assert len(chosen.services) + len(chosen.edges) + 5 == len(chosen.named())
    assert all(chosen.base <= port < chosen.base + 200 for port in chosen.named())


def test_a_busy_block_is_stepped_over(monkeypatch: pytest.MonkeyPatch, held: socket.socket) -> None:
    monkeypatch.setattr(ports, "DEFAULT_BASE", held.getsockname()[1])
    monkeypatch.setattr(ports, "_BLOCK", -400)
    assert choose(_system(front=0, back=1), None).base < held.getsockname()[1]


def test_two_that_choose_at_the_same_time_get_different_blocks() -> None:
    """Neither has bound anything yet: a stack takes seconds to do so."""
    system = _system(front=0, back=1)
    with claimed(system, None) as first, claimed(system, None) as second:
        assert first.base != second.base
    with claimed(system, None) as again:
        assert first.base == again.base


def test_a_busy_port_that_was_asked_for_is_named_with_its_use_and_its_holder(held: socket.socket) -> None:
    port = held.getsockname()[1]
    with pytest.raises(EnvironmentFailure) as failure:
        choose(_system(front=0, back=1), port)
    assert f"{port} (front) is held by " in failure.value.message
    assert f"(pid {os.getpid()}: " in failure.value.message
    assert "--port-base" in str(failure.value.hint)


def test_when_every_block_is_busy_the_range_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_is_free", lambda _: False)
    with pytest.raises(EnvironmentFailure, match="no free block of ports between 18000 and 28000"):
        choose(_system(front=None), None)


def test_a_port_that_nobody_holds_any_more_is_said_to_be_so(held: socket.socket) -> None:
    port = held.getsockname()[1]
    held.close()
    assert "a process of another user, or one that ended a moment ago" == holder(port)
