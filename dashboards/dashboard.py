"""What all dashboards have: variables, faults and runs as annotations, links to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.panels import SOURCE, AnyPanel
from dashboards.queries import COLLECTOR, during
from workbench.adapters.grafana.provisioning import TAG

_SERVICES = 'label_values(up{service!~"collector|fault-plane"}, service)'
_OWN = common.DataSourceRef(type_val="grafana", uid="-- Grafana --")
"""Grafana's database: annotations that the workbench writes through its API."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: Sequence[AnyPanel]


@dataclass(frozen=True, slots=True)
class Page:
    """One dashboard. `before`: panels above the first row."""

    uid: str
    title: str
    question: str
    variables: Sequence[builders.QueryVariable]
    rows: Sequence[Row]
    before: Sequence[AnyPanel] = field(default_factory=tuple)

    def build(self) -> models.Dashboard:
        """Return the dashboard as Grafana stores it."""
        made = (
            builders.Dashboard(self.title)
            .uid(self.uid)
            .description(self.question)
            .tags([TAG])
            .readonly()
            .timezone("browser")
            .time("now-5m", "now")
            .refresh("5s")
            .timepicker(builders.TimePicker().refresh_intervals(["1s", "2s", "5s", "10s", "30s", "1m"]))
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .variables(list(self.variables))
            .annotations(
                [_faults(), _noted("Runs", "run", "blue", on=True), _noted("Faults as noted", "fault", "purple")]
            )
            .link(_links())
        )
        number = 0
        for panel in self.before:
            number += 1
            made = made.with_panel(panel.id(number))
        for row in self.rows:
            number += 1
            made = made.with_row(builders.Row(row.title).id(number))
            for panel in row.panels:
                number += 1
                made = made.with_panel(panel.id(number))
        return made.build()


def run() -> builders.QueryVariable:
    """Return the choice of a run; all of them by default, and then also the time between."""
    chosen = _choice("run", "Run", "label_values(workbench_run_info, run)", several=False)
    return chosen.sort(models.VariableSort.ALPHABETICAL_DESC)


def service() -> builders.QueryVariable:
    """Return the choice of services."""
    return _choice("service", "Service", _SERVICES)


def one_service() -> builders.QueryVariable:
    """Return the choice of one service."""
    return _choice_of_one("service", "Service", _SERVICES)


def edge() -> builders.QueryVariable:
    """Return the choice of edges."""
    return _choice("edge", "Edge", "label_values(workbench_edge_calls_total, edge)")


def slo() -> builders.QueryVariable:
    """Return the choice of objectives."""
    return _choice("slo", "Objective", "label_values(workbench_slo_objective, slo)")


def _choice(name: str, label: str, query: str, *, several: bool = True) -> builders.QueryVariable:
    """Return a choice of all, which is there at first, of one, or of `several`."""
    return (
        _choice_of_one(name, label, query)
        .include_all(True)
        .all_value(".*")
        .multi(several)
        .current(models.VariableOption(text="All", value="$__all"))
    )


def _choice_of_one(name: str, label: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def _faults() -> builders.AnnotationQuery:
    """Return fault windows as Prometheus has them: they show without Grafana's database.

    Grafana makes one window of values that are one step apart.
    """
    expr = f"max by (fault, target) (workbench_fault_active{{{COLLECTOR}}})"
    target = (
        prometheus.Dataquery()
        .datasource(SOURCE)
        .ref_id("Anno")
        .expr(during(expr, "").expr)
        .format(PromQueryFormat.TIME_SERIES)
        .interval("1s")
        .range()
    )
    return (
        builders.AnnotationQuery()
        .name("Faults")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("red")
        .target(target)
        .title_format("{{fault}}")
        .text_format("on {{target}}")
    )


def _noted(name: str, tag: str, color: str, *, on: bool = False) -> builders.AnnotationQuery:
    """Return what the workbench has written into Grafana through its API."""
    target = builders.AnnotationTarget().type("tags").tags([TAG, tag]).match_any(False).limit(100)
    query = builders.AnnotationQuery().name(name).datasource(_OWN).enable(on).icon_color(color)
    return query.target(cast("Builder[Dataquery]", target))  # the package has no better type for it


def _links() -> builders.DashboardLink:
    return (
        builders.DashboardLink("Workbench")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    )
