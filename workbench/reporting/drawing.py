"""Charts as static SVG: what is seen without scripts and on paper. The same data, the same scale for the eye.

A drawing is 500 wide and 100 high and is stretched to its place; lines keep their width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Literal

from workbench.model.units import NS_PER_S
from workbench.reporting.figures import NO_DATA, thousands
from workbench.reporting.timeline import Axis, Chart

WIDTH, HEIGHT = 500, 100
_TICK_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_MOST_TICKS = 10


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
    tops = _tops(chart)
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


def top_of(chart: Chart) -> float:
    """Return the value at the upper edge of a chart."""
    return nice_top(max((value for values in _tops(chart) for value in values if value is not None), default=0))


def described(chart: Chart) -> str:
    """Say in words what a chart shows: each series from its smallest to its largest value."""
    said = []
    for series in chart.series:
        values = [value for value in series.values if value is not None]
        span = [thousands(end) for end in (min(values), max(values))] if values else [NO_DATA]
        said.append(f"{series.label} {' to '.join(dict.fromkeys(span))}")
    return f"{chart.title}{f' in {chart.unit}' if chart.unit else ''}: {', '.join(said)}"


def _tops(chart: Chart) -> list[Sequence[float | None]]:
    """Return the upper edge of each series; of stacked ones that is their running sum."""
    values = [series.values for series in chart.series]
    return [*_stacked(values)] if chart.stacked else [*values]


def ticks(axis: Axis) -> list[tuple[float, str]]:
    """Return the seconds at which the axis is labelled, and the labels."""
    start, end = axis.start_ns / NS_PER_S, axis.end_ns / NS_PER_S
    step = next((width for width in _TICK_WIDTHS_S if (end - start) / width <= _MOST_TICKS), _TICK_WIDTHS_S[-1])
    while (end - start) / step > _MOST_TICKS:
        step *= 2
    first = ceil(start / step) * step
    return [(moment, _clock(moment)) for moment in range(first, floor(end) + 1, step)]


def _clock(seconds: int) -> str:
    if seconds < 600:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 600 else f"{minutes // 60} h {minutes % 60:02d}"


def place(axis: Axis, second: float) -> float:
    """Return where a moment is on the axis, in percent."""
    share = (second * NS_PER_S - axis.start_ns) / (axis.end_ns - axis.start_ns)
    return round(100 * min(max(share, 0), 1), 2)


def nice_top(largest: float) -> float:
    """Return a round number a little above the largest value, so that labels are readable."""
    if largest <= 0:
        return 1.0
    unit = 10 ** floor(log10(largest))
    for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if largest <= factor * unit * 0.98:
            return float(f"{factor * unit:.3g}")
    return float(f"{12 * unit:.3g}")


def _stacked(parts: Sequence[Sequence[float | None]]) -> list[list[float | None]]:
    """Return running sums, from the bottom up."""
    sums: list[list[float | None]] = []
    below = [0.0] * (len(parts[0]) if parts else 0)
    for values in parts:
        below = [under + (value or 0) for under, value in zip(below, values, strict=True)]
        sums.append(list(below))
    return sums


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
