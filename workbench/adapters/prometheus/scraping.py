"""What Prometheus is told to scrape: every service that has metrics, and the collector, each second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

COLLECTOR = "collector"
"""`service` label of what the workbench itself says: SLIs as users felt them, and faults that are on."""

PLANE = "fault-plane"
"""`service` label of what injects faults on edges: ours, or Toxiproxy."""

_INTERVAL = "1s"
_TIMEOUT = "900ms"


def scrape_configuration(metrics_urls: Mapping[str, str], rules_file: str) -> dict[str, Any]:
    """Return the content of prometheus.yml. `metrics_urls` is by service; every series gets it as label `service`."""
    return {
        "global": {"scrape_interval": _INTERVAL, "scrape_timeout": _TIMEOUT, "evaluation_interval": _INTERVAL},
        "rule_files": [rules_file],
        "scrape_configs": [
            {
                "job_name": "workbench",
                "fallback_scrape_protocol": "PrometheusText0.0.4",  # of services that name no content type
                "static_configs": [_target(service, url) for service, url in metrics_urls.items()],
            }
        ],
    }


def _target(service: str, url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {"targets": [parts.netloc], "labels": {"service": service, "__metrics_path__": parts.path or "/"}}


def arguments(program: str, configuration: str, data: str, port: int, host: str = "127.0.0.1") -> list[str]:
    """Return the command. `host` is what it listens on: in a container, its neighbours come in.

    Exemplars are kept, so that a point of a panel leads to a trace.
    """
    return [
        program,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=1d",
        f"--web.listen-address={host}:{port}",
        "--web.enable-lifecycle",  # rules are those of the run that goes on
        "--enable-feature=exemplar-storage",
        "--scrape.discovery-reload-interval=500ms",  # hidden, 5s by default: nothing is scraped before the first one
        "--log.level=warn",
    ]


def ready_url(base_url: str) -> str:
    """Return the query whose answer has one series for every target that is up and was scraped twice."""
    return f"{base_url}/api/v1/query?query={quote('(count_over_time(up[1m]) >= 2) and (up == 1)')}"
