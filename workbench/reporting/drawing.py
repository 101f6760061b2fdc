"""Charts as static SVG: what is seen without scripts and on paper. The same data, the same scale for the eye.

A drawing is 500 wide and 100 high and is stretched to its place; lines keep their width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.model.units import NS_PER_S
from workbench.pages.axis import Axis
from workbench.pages.charts import Chart, top_of, tops_of
from workbench.reporting.figures import NO_DATA, thousands

WIDTH, HEIGHT = 500, 100


@dataclass(frozen=True, slots=True)
class Stroke:
    """One path of a drawing."""

    colour: str
    style: Literal["line", "dashed", "area"]
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart as paths; `top` is the value at the upper edge, the lower edge is 0."""

    strokes: tuple[Stroke, ...]
    top: float


def drawing(chart: Chart, axis: Axis) -> Drawing:
    """Draw a chart."""
    tops = tops_of(chart)
    top = top_of(chart)
    places = [_x(axis, second) for second in axis.middles_s()]
    strokes = []
    for i, series in enumerate(chart.series):
        if chart.stacked:
            path = _area(places, tops[i], tops[i - 1] if i else [0.0] * len(places), top)
        else:
            path = _line(places, tops[i], top)
        strokes.append(Stroke(series.colour, series.style, path))
    return Drawing(tuple(strokes), top)


def described(chart: Chart) -> str:
    """Say in words what a chart shows: each series from its smallest to its largest value."""
    said = []
    for series in chart.series:
        values = [value for value in series.values if value is not None]
        span = [thousands(end) for end in (min(values), max(values))] if values else [NO_DATA]
        said.append(f"{series.label} {' to '.join(dict.fromkeys(span))}")
    return f"{chart.title}{f' in {chart.unit}' if chart.unit else ''}: {', '.join(said)}"


def place(axis: Axis, second: float) -> float:
    """Return where a moment is on the axis, in percent."""
    share = (second * NS_PER_S - axis.start_ns) / (axis.end_ns - axis.start_ns)
    return round(100 * min(max(share, 0), 1), 2)


def _x(axis: Axis, second: float) -> int:
    return round(WIDTH / 100 * place(axis, second))


def _y(value: float, top: float) -> int:
    return round(HEIGHT * (1 - min(value / top, 1)))


def _line(places: Sequence[int], values: Sequence[float | None], top: float) -> str:
    """Draw a line with gaps where nothing was measured; a single point between gaps becomes a short dash."""
    return "".join(_polyline(run) for run in _runs(places, values, top))


def _runs(places: Sequence[int], values: Sequence[float | None], top: float) -> Iterator[list[tuple[int, int]]]:
    run: list[tuple[int, int]] = []
    for x, value in zip(places, values, strict=True):
        if value is None:
            if run:
                yield run
            run = []
        else:
            run.append((x, _y(value, top)))
    if run:
        yield run


def _polyline(points: list[tuple[int, int]]) -> str:
    (x, y), *rest = _straightened(points)
    path = [f"M{x} {y}"]
    for to_x, to_y in rest:
        path.append(f"h{to_x - x}" if to_y == y else f"l{to_x - x}{' ' if to_y > y else ''}{to_y - y}")
        x, y = to_x, to_y
    return "".join(path) if rest else f"{path[0]}h2"


def _straightened(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out points in the middle of a level stretch."""
    return [
        point
        for i, point in enumerate(points)
        if i in (0, len(points) - 1) or not points[i - 1][1] == point[1] == points[i + 1][1]
    ]


def _area(places: Sequence[int], upper: Sequence[float | None], lower: Sequence[float | None], top: float) -> str:
    """Draw the area between two lines; nothing where they are the same everywhere."""
    if list(upper) == list(lower):
        return ""
    above = [(x, _y(value or 0, top)) for x, value in zip(places, upper, strict=True)]
    below = [(x, _y(value or 0, top)) for x, value in zip(places, lower, strict=True)]
    (first_x, first_y), *back = _straightened(below)[::-1]
    outline = _polyline(above)
    outline += f"L{first_x} {first_y}" + "".join(f"L{x} {y}" for x, y in back)
    return f"{outline}Z"
