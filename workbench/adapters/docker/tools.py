"""Real tools as containers of a stack: their configuration in the state folder, what is laid over their services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.adapters.docker.naming import PLANE, RELAY, container, published
from workbench.adapters.grafana import starting as grafana
from workbench.adapters.jaeger import configuration as jaeger
from workbench.adapters.native.ports import Ports
from workbench.adapters.native.tools import RULES_FILE, tool_urls
from workbench.adapters.prometheus import scraping
from workbench.adapters.yaml_files import write_yaml
from workbench.model.planes import PlaneName
from workbench.model.stack import RunningStack
from workbench.model.system import System
from workbench.model.tools import Tool
from workbench.relay import INSIDE_PORT
from workbench.supervisor.planes import TOXIPROXY
from workbench.supervisor.spec import ProcessSpec

TOXIPROXY_API = 8474
_PROMETHEUS, _JAEGER, _SPANS, _GRAFANA = 9090, 16686, 4318, 3000
_ANYWHERE = "0.0.0.0"
_LOG_IN = "grafana-password"
"""Name of the secret."""


def tool_processes(system: System, ports: Ports, state: Path) -> list[ProcessSpec]:
    """Return the tools that have ports, as containers that the supervisor waits for."""
    urls, ready = tool_urls(ports), []
    if Tool.PROMETHEUS in urls:
        targets = [name for name, service in system.services.items() if service.metrics is not None]
        query = scraping.ready_url(urls[Tool.PROMETHEUS])
        ready.append(container(Tool.PROMETHEUS, state, query, essential=True, ready_series=len(targets) + 2))
    if Tool.JAEGER in urls:
        ready.append(container(Tool.JAEGER, state, jaeger.ready_url(urls[Tool.JAEGER]), essential=True))
    if Tool.GRAFANA in urls:
        ready.append(container(Tool.GRAFANA, state, f"{urls[Tool.GRAFANA]}/api/health", essential=True))
    return ready


def overlays(system: System, ports: Ports, stack: RunningStack, state: Path) -> dict[str, dict[str, Any]]:
    """Write the configuration of the tools that have ports; return what is laid over their services.

    Raises OSError where a file cannot be written.
    """
    laid: dict[str, dict[str, Any]] = {}
    if Tool.PROMETHEUS in ports.tools:
        laid[Tool.PROMETHEUS] = _prometheus(system, ports, stack, state)
    if Tool.JAEGER in ports.tools:
        laid[Tool.JAEGER] = _jaeger(ports, state)
    if Tool.GRAFANA in ports.tools:
        laid[Tool.GRAFANA] = _grafana(ports)
    return laid


def _prometheus(system: System, ports: Ports, stack: RunningStack, state: Path) -> dict[str, Any]:
    folder, inside = _folder(state / "prometheus"), "/etc/prometheus"
    targets = {
        name: f"http://{name}:{ports.services[name]}{service.metrics}"
        for name, service in system.services.items()
        if service.metrics is not None
    }
    targets[scraping.COLLECTOR] = f"http://{RELAY}:{INSIDE_PORT}/metrics"
    plane = f"{PLANE}:{ports.plane}" if stack.fault_plane is PlaneName.BUILTIN else f"{TOXIPROXY}:{TOXIPROXY_API}"
    targets[scraping.PLANE] = f"http://{plane}/metrics"
    write_yaml(state / RULES_FILE, {"groups": []})
    rules = f"{inside}/{Path(RULES_FILE).name}"
    write_yaml(folder / "prometheus.yml", scraping.scrape_configuration(targets, rules))
    _readable(folder)
    command = scraping.arguments("prometheus", f"{inside}/prometheus.yml", "/prometheus", _PROMETHEUS, _ANYWHERE)
    return {
        "command": command[1:],
        "ports": published({ports.tools[Tool.PROMETHEUS]: _PROMETHEUS}),
        "volumes": [_mounted(folder, inside)],
    }


def _jaeger(ports: Ports, state: Path) -> dict[str, Any]:
    folder, inside = _folder(state / "jaeger"), "/etc/jaeger"
    write_yaml(folder / "jaeger.yaml", jaeger.configuration(_SPANS, _JAEGER, _ANYWHERE))
    _readable(folder)
    return {
        "command": ["--config", f"{inside}/jaeger.yaml"],
        "ports": published({ports.tools[Tool.JAEGER]: _JAEGER, ports.jaeger_spans: _SPANS}),
        "volumes": [_mounted(folder, inside)],
    }


def _grafana(ports: Ports) -> dict[str, Any]:
    """Its data sources and dashboards are mounted by the compose file, and its password as a secret.

    What is in a container's environment everybody sees who may ask the engine about it, and whoever reads its log.
    """
    url, inside = tool_urls(ports)[Tool.GRAFANA], Path("/etc/grafana")
    own = grafana.settings(url, inside, Path("/var/lib/grafana"))
    listens = {"GF_SERVER_HTTP_ADDR": _ANYWHERE, "GF_SERVER_HTTP_PORT": str(_GRAFANA), "GF_SERVER_ROOT_URL": url}
    secret = {"GF_SECURITY_ADMIN_PASSWORD__FILE": f"/run/secrets/{_LOG_IN}"}
    return {
        "environment": own | listens | secret,
        "ports": published({ports.tools[Tool.GRAFANA]: _GRAFANA}),
        "secrets": [_LOG_IN],
    }


def secrets(ports: Ports, state: Path) -> dict[str, dict[str, str]]:
    """Write the secrets of the tools that have ports; return where they are. Raises OSError."""
    if Tool.GRAFANA not in ports.tools:
        return {}
    return {_LOG_IN: {"file": str(grafana.readable_password(state / grafana.FOLDER))}}


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _readable(folder: Path) -> None:
    """Let another user of a container read; the folder above lets in nobody else of this machine."""
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)


def _mounted(folder: Path, inside: str) -> dict[str, Any]:
    return {"type": "bind", "source": str(folder), "target": inside, "read_only": True}
