"""Static drawings of charts."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from workbench.model.units import NS_PER_S
from workbench.pages.axis import Axis, nice_top, ticks
from workbench.pages.charts import Chart, Series
from workbench.reporting.drawing import drawing

AXIS = Axis(0, 10 * NS_PER_S, NS_PER_S)


def drawn(*series: tuple[float | None, ...], stacked: bool = False) -> list[str]:
    """Return the paths of a chart with these series."""
    style = "area" if stacked else "line"
    found = tuple(Series(str(i), "blue", values, style) for i, values in enumerate(series))  # type: ignore[arg-type]
    return [stroke.path for stroke in drawing(Chart("c", "c", "", found, stacked=stacked), AXIS).strokes]


def test_a_gap_interrupts_the_line() -> None:
    """Where nothing was measured nothing is drawn, not a line to zero or across."""
    (path,) = drawn((1, 2, 3, None, None, 3, 2, 1, 2, 3))
    assert path.count("M") == 2


def test_a_single_point_between_gaps_is_visible() -> None:
    """A path of one point would draw nothing."""
    (path,) = drawn((None, None, 3, None, None, None, None, None, None, None))
    assert re.fullmatch(r"M\d+ \d+h2", path)


def test_a_level_line_needs_two_points() -> None:
    """That is most of what keeps the file small."""
    (path,) = drawn((5,) * 10)
    assert re.fullmatch(r"M25 \d+h450", path)


def test_stacked_areas_stand_on_one_another() -> None:
    """The second begins where the first ends; one that is empty is not drawn."""
    first, second, empty = drawn((5,) * 10, (5,) * 10, (0,) * 10, stacked=True)
    assert empty == ""
    assert first.endswith("Z")
    top_of_first = re.match(r"M\d+ (\d+)", first)
    assert top_of_first is not None
    assert f"L475 {top_of_first[1]}" in second


@given(st.one_of(st.just(0.0), st.floats(1e-9, 1e15)))
def test_the_upper_edge_is_above_every_value_and_not_far_above(largest: float) -> None:
    """Otherwise a line would be cut, or flat."""
    top = nice_top(largest)
    assert top > 0
    assert top >= largest
    assert largest == 0 or top <= 1.4 * largest


@given(st.integers(1, 10**6), st.integers(0, 1000))
def test_the_axis_is_labelled_a_few_times(seconds: int, start: int) -> None:
    """Never so often that labels collide, and always within the axis."""
    axis = Axis(start * NS_PER_S, (start + seconds) * NS_PER_S, NS_PER_S)
    found = ticks(axis)
    assert 1 <= len(found) <= 12
    assert all(start <= second <= start + seconds for second, _ in found)
