"""Addresses of pages of real tools, at the time of a run: for `workbench open`, and for links of reports.

https://prometheus.io/docs/visualization/browser/, Jaeger's search page, and
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/create-dashboard-url-variables/; wall times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from workbench.model.run import RunRecord
from workbench.model.tools import OVERVIEW, Tool
from workbench.model.units import NS_PER_S

_EXPRESSION = "sum by (slo) (rate(workbench_sli_good_total[5s])) / sum by (slo) (rate(workbench_sli_events_total[5s]))"
_MARGIN_S = 5
_MOST_TRACES = 200


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when to when, in seconds since 1970."""

    start_s: int
    end_s: int

    @classmethod
    def of(cls, run: RunRecord) -> Stretch:
        """Return the time of a run as it was planned, and a moment around it."""
        zero_s = run.zero.wall_ns // NS_PER_S
        return cls(zero_s - _MARGIN_S, zero_s + run.plan.horizon_ns // NS_PER_S + _MARGIN_S)


def page(tool: Tool, base_url: str, stretch: Stretch | None, entry: str, run_id: str) -> str:
    """Return the address of what a tool has to show; of everything up to now, where no stretch is given."""
    if stretch is None:
        return f"{base_url}/d/{OVERVIEW}" if tool is Tool.GRAFANA else base_url
    match tool:
        case Tool.PROMETHEUS:
            end = datetime.fromtimestamp(stretch.end_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
            length = f"{stretch.end_s - stretch.start_s}s"
            query = {"g0.expr": _EXPRESSION, "g0.tab": "graph", "g0.range_input": length, "g0.end_input": end}
            return f"{base_url}/query?{urlencode(query)}"
        case Tool.JAEGER:
            query = {
                "service": entry,
                "start": str(stretch.start_s * 1_000_000),
                "end": str(stretch.end_s * 1_000_000),
                "lookback": "custom",
                "limit": str(_MOST_TRACES),
            }
            return f"{base_url}/search?{urlencode(query)}"
        case Tool.GRAFANA:
            query = {
                "from": str(stretch.start_s * 1000),
                "to": str(stretch.end_s * 1000),
                "var-run": run_id,
                "refresh": "",  # it is over
            }
            return f"{base_url}/d/{OVERVIEW}?{urlencode(query)}"
        case Tool.TOXIPROXY:
            return base_url


def trace_page(jaeger_url: str, trace_id: str) -> str:
    """Return the address of one trace in Jaeger."""
    return f"{jaeger_url}/trace/{trace_id}"
