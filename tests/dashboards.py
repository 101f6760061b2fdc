"""The committed dashboards as Grafana would use them: variables filled in, queries asked of a real Prometheus."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from workbench.adapters.grafana.provisioning import dashboards_folder
from workbench.calls import call_json

Series = tuple[dict[str, str], list[float]]
"""Labels, and finite values in the order of time."""


@dataclass(frozen=True)
class Panel:
    """A panel, and the dashboard it is on."""

    uid: str
    content: dict[str, Any]

    @property
    def title(self) -> str:
        return str(self.content["title"])

    @property
    def queries(self) -> list[dict[str, Any]]:
        return list(self.content["targets"])

    def __str__(self) -> str:
        return f"{self.uid.removeprefix('workbench-')}: {self.title}"


@dataclass(frozen=True)
class Shown:
    """What a user has chosen to look at: a stretch of time, and a value for every variable."""

    prometheus: str
    start_s: float
    end_s: float
    variables: Mapping[str, str]

    def filled(self, expr: str) -> str:
        """Return a query as Grafana sends it, at a resolution of a second.

        https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/: `$__rate_interval` is the
        longest of a step plus a scrape, and four scrapes.
        """
        built_in = {"__rate_interval": "4s", "__interval": "1s", "__range": f"{math.ceil(self.end_s - self.start_s)}s"}
        for name, value in sorted((built_in | dict(self.variables)).items(), key=lambda pair: -len(pair[0])):
            expr = expr.replace(f"${name}", value)
        assert "$" not in expr.replace('"$1"', ""), f"a variable is left in {expr}"
        return expr

    def answer(self, query: Mapping[str, Any]) -> list[Series]:
        """Return what Prometheus answers to one query of a panel; series without any number are left out."""
        expr = self.filled(query["expr"])
        if query["instant"]:
            found = self.ask("/api/v1/query", query=expr, time=str(self.end_s))["result"]
        else:
            stretch = {"start": str(self.start_s), "end": str(self.end_s), "step": "1"}
            found = self.ask("/api/v1/query_range", query=expr, **stretch)["result"]
        series = [(one["metric"], _finite(one.get("values") or [one["value"]])) for one in found]
        return [(labels, values) for labels, values in series if values]

    def trace_ids(self, query: Mapping[str, Any]) -> dict[str, set[str]]:
        """Return the trace ids of a query's exemplars, by service."""
        stretch = {"start": str(self.start_s), "end": str(self.end_s)}
        found: dict[str, set[str]] = {}
        for one in self.ask("/api/v1/query_exemplars", query=self.filled(query["expr"]), **stretch):
            ids = found.setdefault(one["seriesLabels"]["service"], set())
            ids |= {exemplar["labels"]["trace_id"] for exemplar in one["exemplars"]}
        return found

    def ask(self, path: str, **query: str) -> Any:
        """Return the data of an answer of Prometheus."""
        return call_json("GET", f"{self.prometheus}{path}?{urlencode(query)}", deadline_s=30.0)["data"]


def dashboards() -> dict[str, dict[str, Any]]:
    """Return all committed dashboards by the name of their file."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(dashboards_folder().glob("*.json"))}


def panels() -> Iterator[Panel]:
    """Yield every panel that asks for something."""
    for uid, dashboard in dashboards().items():
        for content in dashboard["panels"]:
            if content["type"] != "row":
                yield Panel(uid, content)


def schema() -> dict[str, Any]:
    """Return what Grafana's own packages say of a dashboard such as ours."""
    file = Path(__file__).parent.parent / "dashboards" / "schema" / "grafana.schema.json"
    return dict(json.loads(file.read_text("utf-8")))


def _finite(values: list[tuple[float, str]]) -> list[float]:
    return [value for value in (float(text) for _, text in values) if math.isfinite(value)]
