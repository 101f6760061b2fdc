"""Draws a system as one SVG: services in columns by their distance from the users, edges as arrows with their protocol.

Drawn from `system.yaml` alone, so that the picture cannot show what is not there. Light and dark by the reader's theme.
"""

from __future__ import annotations

from html import escape

from workbench.model.system import Edge, System

_WIDTH, _HEIGHT = 132, 44
_COLUMN, _ROW = 214, 92
_MARGIN = 24
_USERS = "users of the shop"

_STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1c2733; text-anchor: middle; dominant-baseline: central }
  .over { font-size: 11px; fill: #5b6b7b }
  rect { fill: #f3f6f9; stroke: #8a9aab; rx: 6 }
  .outside rect { fill: none; stroke-dasharray: 4 3 }
  path { fill: none; stroke: #5b6b7b; stroke-width: 1.4; marker-end: url(#arrow) }
  marker path { fill: #5b6b7b; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4ebf2 } .over { fill: #9fb0c1 }
    rect { fill: #22303d; stroke: #6f8296 }
    path { stroke: #9fb0c1 } marker path { fill: #9fb0c1 }
  }"""

Point = tuple[float, float]


def picture(system: System, outside: frozenset[str] = frozenset()) -> str:
    """Return the SVG document. `outside`: services that stand for somebody else's; they get a dashed frame."""
    columns = _columns(system)
    tallest = max(len(column) for column in columns)
    centres: dict[str, Point] = {}
    for index, column in enumerate(columns):
        top = (tallest - len(column)) * _ROW / 2
        for row, name in enumerate(column):
            centres[name] = (_MARGIN + _WIDTH / 2 + index * _COLUMN, _MARGIN + _HEIGHT / 2 + top + row * _ROW)
    width = 2 * _MARGIN + (len(columns) - 1) * _COLUMN + _WIDTH
    height = 2 * _MARGIN + (tallest - 1) * _ROW + _HEIGHT
    spread = _spread(system, centres)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>{escape(system.title or system.name)}</title><style>{_STYLE}\n</style>",
        '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker>',
        _arrow(centres[_USERS], centres[system.entry], "http", 0.0),
    ]
    parts += [_arrow(centres[e.caller], centres[e.callee], _protocol(e), spread[e.name]) for e in system.edges]
    parts += [_box(name, centre, name in outside or name == _USERS) for name, centre in centres.items()]
    return "\n".join([*parts, "</svg>\n"])


def _columns(system: System) -> list[list[str]]:
    """Return the services by the longest way that leads to them, callers first; within a column near their callers."""
    depth = {_USERS: 0, system.entry: 1}
    for _ in system.services:  # no way is longer than that, so that also a circle comes to an end
        for edge in system.edges:
            if edge.caller in depth:
                depth[edge.callee] = min(max(depth.get(edge.callee, 0), depth[edge.caller] + 1), len(system.services))
    for name in system.services:
        depth.setdefault(name, 1)
    columns: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name in depth:
        columns[depth[name]].append(name)
    placed = {name: float(row) for row, name in enumerate(columns[0])}
    for column in columns[1:]:
        callers = {name: [placed.get(e.caller, 0.0) for e in system.edges if e.callee == name] for name in column}
        column.sort(key=lambda name: sum(callers[name]) / len(callers[name]) if callers[name] else 0.0)
        placed |= {name: row - (len(column) - 1) / 2 for row, name in enumerate(column)}
    return [column for column in columns if column]


def _spread(system: System, centres: dict[str, Point]) -> dict[str, float]:
    """Return how far from the middle of its callee's side each arrow ends, so that several do not meet in a point."""
    found: dict[str, float] = {}
    for name in system.services:
        arriving = sorted((e for e in system.edges if e.callee == name), key=lambda e: centres[e.caller][1])
        for index, edge in enumerate(arriving):
            found[edge.name] = (index - (len(arriving) - 1) / 2) * 12
    return found


def _protocol(edge: Edge) -> str:
    if edge.to is not None:
        return "gRPC" if edge.to == "grpc" else edge.to
    return edge.protocol


def _arrow(start: Point, end: Point, label: str, shift: float) -> str:
    x1, y1 = start[0] + _WIDTH / 2, start[1]
    x2, y2 = end[0] - _WIDTH / 2, end[1] + shift
    bend = (x2 - x1) / 2
    line = f'<path d="M{x1:g} {y1:g} C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"/>'
    if label == "http":
        return line
    return (
        line
        + f'<text class="over" x="{x1 + 0.25 * (x2 - x1):g}" y="{y1 + 0.2 * (y2 - y1) - 9:g}">{escape(label)}</text>'
    )


def _box(name: str, centre: Point, outside: bool) -> str:
    x, y = centre
    group = '<g class="outside">' if outside else "<g>"
    return (
        f'{group}<rect x="{x - _WIDTH / 2:g}" y="{y - _HEIGHT / 2:g}" width="{_WIDTH}" height="{_HEIGHT}"/>'
        f'<text x="{x:g}" y="{y:g}">{escape(name)}</text></g>'
    )
