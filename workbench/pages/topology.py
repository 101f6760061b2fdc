"""The system as a small map: services in layers from the entry on, edges between them, faulted edges marked.

Only geometry; how it looks is the template's. A system too large to be legible gets no map.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from workbench.model.system import System
from workbench.pages.words import shortened

WIDTH, HEIGHT = 114, 30
"""Size of a service on the map."""

_COLUMN, _ROW, _MARGIN = 166, 50, 8
_MOST_ROWS, _MOST_COLUMNS, _MOST_LINKS, _LONGEST = 6, 5, 30, 14


@dataclass(frozen=True, slots=True)
class Node:
    """One service; x and y are the top left corner."""

    name: str
    label: str
    x: int
    y: int
    entry: bool


@dataclass(frozen=True, slots=True)
class Link:
    """One edge; `path` is what SVG draws, (x, y) its middle."""

    name: str
    path: str
    x: float
    y: float
    fault: str
    """What the fault on it is called, or nothing."""


@dataclass(frozen=True, slots=True)
class Map:
    """All of it, and how large it is."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    width: int
    height: int


def drawn(system: System, faults: Mapping[str, str]) -> Map | None:
    """Return the map of a system. `faults` gives the kind of the fault on each faulted edge."""
    if len(system.edges) > _MOST_LINKS:
        return None
    layers = _layers(system)
    if len(layers) > _MOST_COLUMNS or max(map(len, layers)) > _MOST_ROWS:
        return None
    tallest = max(map(len, layers))
    nodes: dict[str, Node] = {}
    for column, names in enumerate(layers):
        above = (tallest - len(names)) * _ROW // 2
        for row, name in enumerate(names):
            x, y = _MARGIN + column * _COLUMN, _MARGIN + above + row * _ROW
            nodes[name] = Node(name, shortened(name, _LONGEST), x, y, name == system.entry)
    links = [_link(nodes[e.caller], nodes[e.callee], faults.get(e.name, "")) for e in system.edges]
    links.sort(key=lambda link: bool(link.fault))  # faulted edges last, so that they are drawn on top
    width = 2 * _MARGIN + (len(layers) - 1) * _COLUMN + WIDTH
    return Map(tuple(nodes.values()), tuple(links), width, 2 * _MARGIN + (tallest - 1) * _ROW + HEIGHT)


def _layers(system: System) -> list[list[str]]:
    """Put every service one layer behind its last caller; a cycle ends where it would come back."""
    depth: dict[str, int] = {}

    def visit(name: str, level: int, above: frozenset[str]) -> None:
        if name in above or depth.get(name, -1) >= level:
            return
        depth[name] = level
        for edge in system.edges:
            if edge.caller == name:
                visit(edge.callee, level + 1, above | {name})

    visit(system.entry, 0, frozenset())
    for name in system.services:  # what the entry does not reach
        if name not in depth:
            visit(name, 0, frozenset())
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name in system.services:
        layers[depth[name]].append(name)
    return _untangled([layer for layer in layers if layer], system)


def _untangled(layers: list[list[str]], system: System) -> list[list[str]]:
    """Order each layer by where its callers are, so that fewer edges cross."""
    for previous, layer in pairwise(layers):
        place = {name: i for i, name in enumerate(previous)}

        def mean(name: str, place: Mapping[str, int] = place) -> float:
            return _mean(place[e.caller] for e in system.edges if e.callee == name and e.caller in place)

        layer.sort(key=mean)
    return layers


def _mean(values: Iterable[int]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def _link(caller: Node, callee: Node, fault: str) -> Link:
    name = f"{caller.name}:{callee.name}"
    start_y, end_y = caller.y + HEIGHT / 2, callee.y + HEIGHT / 2
    if callee.x > caller.x:
        start_x, end_x = caller.x + WIDTH, callee.x - 5
        middle = (start_x + end_x) / 2
        path = f"M{start_x} {start_y:g}C{middle:g} {start_y:g} {middle:g} {end_y:g} {end_x} {end_y:g}"
        return Link(name, path, middle, (start_y + end_y) / 2, fault)
    # Back, or within a layer: over the top.
    start_x, end_x = caller.x + WIDTH // 2, callee.x + WIDTH // 2
    top = min(caller.y, callee.y) - 14
    path = f"M{start_x} {caller.y}C{start_x} {top} {end_x} {top} {end_x} {callee.y - 5}"
    return Link(name, path, (start_x + end_x) / 2, top + 4, fault)
