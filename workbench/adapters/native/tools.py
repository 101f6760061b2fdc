"""Real tools as children of the supervisor: their configuration files in the state folder, their commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from workbench.adapters.components.finding import needed
from workbench.adapters.grafana import provisioning, starting
from workbench.adapters.jaeger import configuration as jaeger_configuration
from workbench.adapters.native.ports import Ports
from workbench.adapters.prometheus import scraping
from workbench.adapters.yaml_files import write_yaml
from workbench.model.tools import Tool
from workbench.supervisor.planes import TOXIPROXY
from workbench.supervisor.spec import ProcessSpec

RULES_FILE = "prometheus/rules.yml"
"""In the state folder: rules of the run that goes on, none before the first one."""


def tool_processes(ports: Ports, state: Path, metrics_urls: Mapping[str, str]) -> list[ProcessSpec]:
    """Write the configuration of the tools that have ports, and return how they are started.

    Raises EnvironmentFailure for one that is not on this machine, OSError where a file cannot be written.
    """
    processes = []
    if Tool.PROMETHEUS in ports.tools:
        processes.append(_prometheus(ports, state, metrics_urls))
    if Tool.JAEGER in ports.tools:
        processes.append(_jaeger(ports, state))
    if Tool.GRAFANA in ports.tools:
        processes.append(_grafana(ports, state))
    return processes


def tool_urls(ports: Ports) -> dict[Tool, str]:
    """Return where each tool can be asked, also by a browser."""
    return {tool: f"http://127.0.0.1:{port}" for tool, port in ports.tools.items()}


def spans_url(ports: Ports) -> str | None:
    """Return where spans are to be forwarded to, if anywhere."""
    return f"http://127.0.0.1:{ports.jaeger_spans}/v1/traces" if Tool.JAEGER in ports.tools else None


def toxiproxy(ports: Ports, state: Path) -> ProcessSpec:
    """Return how the real Toxiproxy is started, as the fault plane."""
    return ProcessSpec(
        name=TOXIPROXY,
        target=None,
        argv=[str(needed(Tool.TOXIPROXY)), "-host", "127.0.0.1", "-port", str(ports.plane), "-proxy-metrics"],
        environment={"LOG_LEVEL": "warn"},  # by default it logs every connection
        cwd=str(state),
        log=str(state / "logs" / f"{TOXIPROXY}.log"),
        ready_url=f"http://127.0.0.1:{ports.plane}/version",
        essential=True,
    )


def _prometheus(ports: Ports, state: Path, metrics_urls: Mapping[str, str]) -> ProcessSpec:
    program, folder = needed(Tool.PROMETHEUS), state / "prometheus"
    folder.mkdir(parents=True, exist_ok=True)
    port = ports.tools[Tool.PROMETHEUS]
    write_yaml(state / RULES_FILE, {"groups": []})
    own = {scraping.COLLECTOR: ports.collector, scraping.PLANE: ports.plane}
    targets = {**metrics_urls, **{name: f"http://127.0.0.1:{port}/metrics" for name, port in own.items()}}
    write_yaml(folder / "prometheus.yml", scraping.scrape_configuration(targets, str(state / RULES_FILE)))
    data = state / "data" / "prometheus"
    argv = scraping.arguments(str(program), str(folder / "prometheus.yml"), str(data), port)
    ready = scraping.ready_url(f"http://127.0.0.1:{port}")
    return _tool(Tool.PROMETHEUS, argv, state, ready, ready_series=len(targets))


def _jaeger(ports: Ports, state: Path) -> ProcessSpec:
    program, folder = needed(Tool.JAEGER), state / "jaeger"
    folder.mkdir(parents=True, exist_ok=True)
    port = ports.tools[Tool.JAEGER]
    file = folder / "jaeger.yaml"
    write_yaml(file, jaeger_configuration.configuration(ports.jaeger_spans, port))
    ready = jaeger_configuration.ready_url(f"http://127.0.0.1:{port}")
    return _tool(Tool.JAEGER, [str(program), "--config", str(file)], state, ready)


def _grafana(ports: Ports, state: Path) -> ProcessSpec:
    """Grafana with our dashboards, on the tools that are there; its password is in the state folder."""
    program, folder = needed(Tool.GRAFANA), state / starting.FOLDER
    urls = tool_urls(ports)
    for name, content in (
        ("datasources", provisioning.data_sources(urls)),
        ("dashboards", provisioning.dashboards(str(provisioning.dashboards_folder()))),
    ):
        kind = folder / "provisioning" / name
        kind.mkdir(parents=True, exist_ok=True)
        write_yaml(kind / "workbench.yaml", content)
    settings = starting.settings(urls[Tool.GRAFANA], folder, state / "data" / "grafana")
    settings["GF_SECURITY_ADMIN_PASSWORD"] = starting.password(folder)
    process = _tool(Tool.GRAFANA, starting.arguments(program), state, f"{urls[Tool.GRAFANA]}/api/health")
    return replace(process, environment=settings)


def _tool(tool: Tool, argv: list[str], state: Path, ready: str, ready_series: int | None = None) -> ProcessSpec:
    return ProcessSpec(
        name=tool,
        target=None,
        argv=argv,
        environment={},
        cwd=str(state),
        log=str(state / "logs" / f"{tool}.log"),
        ready_url=ready,
        essential=True,
        ready_series=ready_series,
    )
