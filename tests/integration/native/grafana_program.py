"""Stands in for the program `grafana`: it is set up by environment and files as Grafana is, and serves the stub.

https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/#override-configuration-with-environment-variables
and https://grafana.com/docs/grafana/latest/administration/provisioning/.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from threading import Event
from typing import Any

from ruamel.yaml import YAML

from tests.integration.tools.grafana_stub import GrafanaStub, served


def provisioned(kind: str) -> list[Any]:
    """Return what all files of a kind say; each has apiVersion 1 and a list."""
    found: list[Any] = []
    for file in sorted((Path(os.environ["GF_PATHS_PROVISIONING"]) / kind).glob("*.yaml")):
        content = YAML(typ="safe").load(file)
        assert content["apiVersion"] == 1, file
        found += content["datasources" if kind == "datasources" else "providers"]
    return found


def main() -> None:
    if "server" not in sys.argv:
        print("grafana version 13.2.0")  # noqa: T201
        return
    assert os.environ["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert os.environ["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    stub = GrafanaStub(os.environ.get("WRONG_PASSWORD") or os.environ["GF_SECURITY_ADMIN_PASSWORD"])
    stub.sources = {source["uid"]: "" for source in provisioned("datasources")}
    for provider in provisioned("dashboards"):
        assert provider["type"] == "file"
        for file in Path(provider["options"]["path"]).glob("*.json"):
            dashboard = json.loads(file.read_text("utf-8"))
            stub.dashboards[dashboard["uid"]] = dashboard["tags"]
    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with served(stub, int(os.environ["GF_SERVER_HTTP_PORT"])):
        ended.wait()
    if stub.breaches:
        sys.exit("\n".join(stub.breaches))


if __name__ == "__main__":
    main()
