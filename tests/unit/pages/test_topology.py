"""The map of a system."""

from __future__ import annotations

from typing import Any

from workbench.model.system import System
from workbench.pages.topology import HEIGHT, WIDTH, Map, drawn


def system(entry: str, *edges: tuple[str, str], alone: tuple[str, ...] = ()) -> System:
    names = dict.fromkeys([entry, *(name for edge in edges for name in edge), *alone])
    data: dict[str, Any] = {
        "version": 1,
        "name": "small",
        "services": {name: {"command": ["serve"]} for name in names},
        "edges": [{"caller": a, "callee": b, "env": f"URL_{i}"} for i, (a, b) in enumerate(edges)],
        "entry": entry,
        "journeys": {"browse": {"locustfile": "users.py", "user": "Browse"}},
    }
    return System.model_validate(data)


def mapped(*args: Any, **kwargs: Any) -> Map:
    found = drawn(system(*args, **kwargs), {})
    assert found is not None
    return found


def columns(found: Map) -> dict[str, int]:
    places = sorted({node.x for node in found.nodes})
    return {node.name: places.index(node.x) for node in found.nodes}


def test_a_service_stands_behind_its_last_caller() -> None:
    """The longest way counts, so that every edge points to the right."""
    found = mapped("a", ("a", "c"), ("a", "b"), ("b", "c"))
    assert columns(found) == {"a": 0, "b": 1, "c": 2}


def test_services_do_not_lie_on_one_another() -> None:
    """Nor outside the picture."""
    found = mapped("a", ("a", "b"), ("a", "c"), ("a", "d"), ("c", "e"))
    assert len({(node.x, node.y) for node in found.nodes}) == 5
    assert all(0 <= node.x <= found.width - WIDTH and 0 <= node.y <= found.height - HEIGHT for node in found.nodes)


def test_a_cycle_and_a_service_that_nobody_calls_are_no_trouble() -> None:
    """Both occur in real systems."""
    found = mapped("a", ("a", "b"), ("b", "a"), alone=("worker",))
    assert {"a", "b", "worker"} == {node.name for node in found.nodes}
    assert {"a:b", "b:a"} == {link.name for link in found.links}


def test_faulted_edges_are_marked_and_drawn_last() -> None:
    """What is drawn last is on top."""
    found = drawn(system("a", ("a", "b"), ("a", "c")), {"a:b": "latency"})
    assert found is not None
    assert [(link.name, link.fault) for link in found.links] == [("a:c", ""), ("a:b", "latency")]


def test_a_system_that_would_not_be_legible_has_no_map() -> None:
    """Rather none than one that nobody can read."""
    chain = [(f"s{i}", f"s{i + 1}") for i in range(6)]
    assert drawn(system("s0", *chain), {}) is None
    fan = [("a", f"s{i}") for i in range(7)]
    assert drawn(system("a", *fan), {}) is None


def test_a_long_name_is_cut_on_the_map_only() -> None:
    """The whole name is still there to be shown on demand."""
    found = mapped("a", ("a", "a-service-with-a-long-name"))
    node = next(node for node in found.nodes if node.name != "a")
    assert (node.name, node.label) == ("a-service-with-a-long-name", "a-service-wit…")
