"""What Grafana is given by file: data sources by uid, and where its dashboards are.

https://grafana.com/docs/grafana/latest/administration/provisioning/. The same content serves a native Grafana and one
in a container; only addresses and folders differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.loading.locations import bundled
from workbench.model.tools import Tool

UIDS = {Tool.PROMETHEUS: "workbench-prometheus", Tool.JAEGER: "workbench-jaeger"}
"""Dashboards name data sources by these, never by name."""

TAG = "workbench"
"""Of all our dashboards, and of all annotations that we write."""


def dashboards_folder() -> Path:
    """Return where the dashboards are; each file is named as its dashboard's uid."""
    return bundled("dashboards") / "json"


def dashboard_uids() -> list[str]:
    """Return the uids of all dashboards."""
    return sorted(path.stem for path in dashboards_folder().glob("*.json"))


def dashboards(folder: str) -> dict[str, Any]:
    """Return the file that says where dashboards are. Nobody can change them there: they are made from code."""
    provider = {
        "name": "workbench",
        "folder": "Workbench",
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 30,
        "options": {"path": folder},
    }
    return {"apiVersion": 1, "providers": [provider]}


def data_sources(urls: Mapping[Tool, str]) -> dict[str, Any]:
    """Return the provisioning file, for the tools that are there. An exemplar leads to its trace in Jaeger."""
    sources: list[dict[str, Any]] = []
    if Tool.PROMETHEUS in urls:
        to_trace = {"name": "trace_id", "datasourceUid": UIDS[Tool.JAEGER]}
        options = {"timeInterval": "1s", "httpMethod": "POST"}
        exemplars = {"exemplarTraceIdDestinations": [to_trace]} if Tool.JAEGER in urls else {}
        sources.append(_source("Prometheus", Tool.PROMETHEUS, urls, options | exemplars) | {"isDefault": True})
    if Tool.JAEGER in urls:
        sources.append(_source("Jaeger", Tool.JAEGER, urls, {}))
    return {"apiVersion": 1, "datasources": sources}


def _source(name: str, tool: Tool, urls: Mapping[Tool, str], options: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "uid": UIDS[tool],
        "type": str(tool),
        "access": "proxy",
        "url": urls[tool],
        "editable": False,
        "jsonData": options,
    }
