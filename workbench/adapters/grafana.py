"""How the real Grafana is started: data sources by uid, settings by environment, a password of its own.

https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/. No Grafana could be run where this was
written; what is asked of it is what its documentation says.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.model.tools import Tool

UIDS = {Tool.PROMETHEUS: "workbench-prometheus", Tool.JAEGER: "workbench-jaeger"}
"""Dashboards name data sources by these, never by name."""

USER = "admin"


def arguments(program: Path) -> list[str]:
    """Return the command. An unpacked release has its home two folders up; a package says where it is by itself."""
    home = program.parent.parent
    return [str(program), "server", *(["--homepath", str(home)] if (home / "conf" / "defaults.ini").is_file() else [])]


def password(folder: Path) -> str:
    """Return the password of this folder, made the first time; only its owner can read it."""
    file = folder / "password"
    if not file.exists():
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as target:  # noqa: PTH123
            target.write(secrets.token_urlsafe(18))
    return file.read_text(encoding="ascii").strip()


def settings(url: str, folder: Path, data: Path, secret: str) -> dict[str, str]:
    """Return its environment: loopback only, nobody without the password beyond looking, nothing sent or fetched."""
    port = urlsplit(url).port
    return {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(data),
        "GF_PATHS_LOGS": str(data / "log"),
        "GF_PATHS_PLUGINS": str(data / "plugins"),
        "GF_PATHS_PROVISIONING": str(folder / "provisioning"),
        "GF_SECURITY_ADMIN_USER": USER,
        "GF_SECURITY_ADMIN_PASSWORD": secret,
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_DASHBOARDS_MIN_REFRESH_INTERVAL": "1s",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_LOG_MODE": "console",
        "GF_LOG_LEVEL": "warn",
    }


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
