"""The few kinds of panels that dashboards are made of, in one style. A title is a question, and its panel answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import heatmap, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.queries import Query
from workbench.adapters.grafana.provisioning import UIDS
from workbench.model.tools import Tool

SOURCE = common.DataSourceRef(type_val="prometheus", uid=UIDS[Tool.PROMETHEUS])

GREEN, YELLOW, RED, GREY = "green", "yellow", "red", "text"

QUARTER, THIRD, HALF, WHOLE = 6, 8, 12, 24
"""Widths, of a grid of 24 columns."""

_HEIGHT = 8

AnyPanel = timeseries.Panel | statetimeline.Panel | stat.Panel | table.Panel | heatmap.Panel
P = TypeVar("P", timeseries.Panel, statetimeline.Panel, stat.Panel, table.Panel, heatmap.Panel)


def curves(
    title: str,
    *queries: Query,
    unit: str = "short",
    width: int = QUARTER,
    stacked: bool = False,
    least: float | None = 0,
    most: float | None = None,
    nothing: str | None = None,
    limit: float | None = None,
) -> timeseries.Panel:
    """Return curves over time.

    `least`, `most`: ends of the axis; `limit`: a red line; `nothing`: said where there is no data.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .datasource(SOURCE)
        .span(width)
        .height(_HEIGHT)
        .unit(unit)
        .line_width(1)
        .fill_opacity(40 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .span_nulls(False)
        .legend(_legend())
        .tooltip(_tooltip())
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    )
    if stacked:
        panel = panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    if limit is not None:
        style = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(_thresholds([(None, GREY), (limit, RED)])).thresholds_style(style)
    if nothing is not None:
        panel = panel.no_value(nothing)
    return _with(panel, queries)


def states(
    title: str,
    *queries: Query,
    words: Mapping[int, tuple[str, str]],
    width: int = QUARTER,
    height: int = _HEIGHT,
    nothing: str | None = None,
) -> statetimeline.Panel:
    """Return a lane for each series. `words`: value to what it means and its colour."""
    panel = (
        statetimeline.Panel()
        .title(title)
        .datasource(SOURCE)
        .span(width)
        .height(height)
        .merge_values(True)
        .show_value(common.VisibilityMode.AUTO)
        .row_height(0.8)
        .line_width(0)
        .fill_opacity(75)
        .legend(common_builders.VizLegendOptions().show_legend(False))
        .tooltip(_tooltip())
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        .mappings([_mapping(words)])
    )
    if nothing is not None:
        panel = panel.no_value(nothing)
    return _with(panel, queries)


def figures(
    title: str, *queries: Query, unit: str = "short", width: int = QUARTER, red_from: float | None = None
) -> stat.Panel:
    """Return one figure per query, of the whole time that is shown. From `red_from` on it is red, else green."""
    steps = [(None, GREEN), *([(red_from, RED)] if red_from is not None else [])]
    panel = (
        stat.Panel()
        .title(title)
        .datasource(SOURCE)
        .span(width)
        .height(_HEIGHT)
        .unit(unit)
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        .thresholds(_thresholds(steps))
    )
    return _with(panel, queries, instant=True)


def spread(title: str, query: Query, *, unit: str = "s", width: int = HALF) -> heatmap.Panel:
    """Return how values spread over the buckets of a histogram; `query` gives them by `le`."""
    panel = (
        heatmap.Panel()
        .title(title)
        .datasource(SOURCE)
        .span(width)
        .height(_HEIGHT)
        .calculate(False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(32))
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(common.AxisPlacement.LEFT))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .cell_gap(1)
    )
    return _with(panel, (query,), query_format=PromQueryFormat.HEATMAP)


def sheet(title: str, by: str, columns: Mapping[str, tuple[str, str]], *, width: int = WHOLE) -> table.Panel:
    """Return a table with a row for each value of the label `by`. `columns`: heading to query and unit."""
    letters = {heading: chr(ord("A") + number) for number, heading in enumerate(columns)}
    renamed = {f"Value #{letter}": heading for heading, letter in letters.items()}
    panel = (
        table.Panel()
        .title(title)
        .datasource(SOURCE)
        .span(width)
        .height(_HEIGHT)
        .show_header(True)
        .cell_options(common.TableAutoCellOptions())
        .with_transformation(
            models.DataTransformerConfig(id_val="joinByField", options={"byField": by, "mode": "outer"})
        )
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {
                        f"Time{suffix}": True for suffix in ("", *(f" {n + 1}" for n in range(len(columns))))
                    },
                    "renameByName": renamed,
                },
            )
        )
    )
    for heading, (_, unit) in columns.items():
        panel = panel.override_by_name(heading, [models.DynamicConfigValue(id_val="unit", value=unit)])
    queries = [Query(expr, "") for expr, _ in columns.values()]
    return _with(panel, queries, instant=True, query_format=PromQueryFormat.TABLE)


def _with(
    panel: P,
    queries: Sequence[Query],
    *,
    instant: bool = False,
    query_format: PromQueryFormat = PromQueryFormat.TIME_SERIES,
) -> P:
    for number, query in enumerate(queries):
        target = (
            prometheus.Dataquery()
            .datasource(SOURCE)
            .ref_id(chr(ord("A") + number))
            .expr(query.expr)
            .format(query_format)
            .exemplar(query.exemplars)
        )
        if query.legend:
            target = target.legend_format(query.legend)
        panel = panel.with_target(target.instant() if instant else target.range())
    return panel


def _legend() -> common_builders.VizLegendOptions:
    return (
        common_builders.VizLegendOptions()
        .show_legend(True)
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
    )


def _tooltip() -> common_builders.VizTooltipOptions:
    return common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> builders.ThresholdsConfig:
    made = [models.Threshold(value=value, color=color) for value, color in steps]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def _mapping(words: Mapping[int, tuple[str, str]]) -> models.ValueMap:
    return models.ValueMap(
        options={
            str(value): models.ValueMappingResult(text=text, color=color, index=number)
            for number, (value, (text, color)) in enumerate(words.items())
        }
    )
