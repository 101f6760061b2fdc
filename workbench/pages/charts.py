"""What charts consist of, and what a script draws them from. How values come about is nobody's business here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.pages.axis import nice_top


@dataclass(frozen=True, slots=True)
class Series:
    """One line, area or lane. None is a gap: nothing was measured there."""

    label: str
    colour: str
    values: tuple[float | None, ...]
    style: Literal["line", "dashed", "area"] = "line"


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart over the shared axis. `missing` says why there is nothing to draw."""

    id: str
    title: str
    unit: str
    series: tuple[Series, ...]
    stacked: bool = False
    missing: str = ""
    note: str = ""


def tops_of(chart: Chart) -> list[Sequence[float | None]]:
    """Return the upper edge of each series; of stacked ones that is their running sum."""
    values = [series.values for series in chart.series]
    return [*_stacked(values)] if chart.stacked else [*values]


def top_of(chart: Chart) -> float:
    """Return the value at the upper edge of a chart."""
    return nice_top(max((value for values in tops_of(chart) for value in values if value is not None), default=0))


def chart_data(chart: Chart) -> dict[str, Any]:
    """Return what the script draws a chart from, as plain data."""
    return {
        "id": chart.id,
        "unit": chart.unit,
        "stacked": chart.stacked,
        "top": top_of(chart),
        "series": [[s.label, s.colour, s.style, [_brief(value) for value in s.values]] for s in chart.series],
    }


def _stacked(parts: Sequence[Sequence[float | None]]) -> list[list[float | None]]:
    """Return running sums, from the bottom up."""
    sums: list[list[float | None]] = []
    below = [0.0] * (len(parts[0]) if parts else 0)
    for values in parts:
        below = [under + (value or 0) for under, value in zip(below, values, strict=True)]
        sums.append(list(below))
    return sums


def _brief(value: float | None) -> float | int | None:
    """Write whole numbers without a point."""
    return value if value is None or not float(value).is_integer() else int(value)
