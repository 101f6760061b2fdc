"""A stack with Grafana beside it: set up by files, told of runs, examined and opened. A stand-in plays Grafana."""

from __future__ import annotations

import stat
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.native.rig import Folder
from tests.integration.supervisor.marks import nothing_left
from workbench.adapters.components.finding import find
from workbench.adapters.grafana.server import GrafanaServer
from workbench.model.tools import OVERVIEW, Tool

pytestmark = pytest.mark.skipif(find_spec("grafana_client") is None, reason="needs the extra grafana: grafana-client")

WITH = ("--with", "prometheus,grafana")
_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def grafana(pair: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The pair, where a stand-in is found as `grafana`."""
    if find(Tool.PROMETHEUS) is None:
        pytest.skip("no prometheus on PATH, and WORKBENCH_PROMETHEUS does not name one")
    program = tmp_path / "grafana"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={_ROOT} exec {sys.executable} -m tests.integration.native.grafana_program "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("WORKBENCH_GRAFANA", str(program))
    pair.replace("system.yaml", "ready: /ready}", "ready: /ready, metrics: /metrics}")
    return pair


def server(folder: Folder) -> GrafanaServer:
    password = (folder.state / "grafana" / "password").read_text().strip()
    return GrafanaServer(folder.status()["stack"]["tools"]["grafana"], password)


def test_it_has_our_dashboards_and_sources_and_a_password_of_its_own(grafana: Folder) -> None:
    grafana.up(*WITH)
    asked = grafana.workbench("doctor", COLUMNS="300")
    assert "all 5 are there" in asked.out
    assert "13.2.0 at http://127.0.0.1:" in asked.out
    assert 0o600 == stat.S_IMODE((grafana.state / "grafana" / "password").stat().st_mode)
    assert server(grafana).source_trouble("workbench-prometheus") is None
    assert (grafana.state / "grafana" / "password").read_text().strip() not in asked.out + asked.err


def test_without_prometheus_there_is_nothing_to_show_and_doctor_says_so(grafana: Folder) -> None:
    grafana.up("--with", "grafana")
    asked = grafana.workbench("doctor", COLUMNS="300")
    assert "panels have nothing to show" in asked.out
    assert "workbench up --with prometheus,grafana" in asked.out


def test_another_password_is_said_by_doctor(grafana: Folder) -> None:
    up = grafana.workbench("up", "--system", "system.yaml", *WITH, WRONG_PASSWORD="of another day")
    assert 0 == up.code, up.err
    asked = grafana.workbench("doctor", COLUMNS="300")
    assert 0 != asked.code
    assert "has another password for 'admin'" in asked.out
    assert "delete its data" in asked.out


def test_a_run_is_an_annotation_and_is_opened_at_its_time(grafana: Folder) -> None:
    ran = grafana.workbench("run", "asked", *WITH, "--keep-up")
    assert 0 == ran.code, ran.err
    (run,) = grafana.runs()
    (note,) = server(grafana).notes(["run", f"run:{run.name}"], 0, 4_000_000_000_000)
    assert note["timeEnd"] > note["time"]
    assert run.name in note["text"]
    opened = grafana.workbench("open", "grafana")
    assert 0 == opened.code, opened.err
    address, shown = urlsplit(opened.out.strip()), parse_qs(urlsplit(opened.out.strip()).query)
    assert f"/d/{OVERVIEW}" == address.path
    assert [run.name] == shown["var-run"]
    assert int(shown["from"][0]) <= note["time"] <= note["timeEnd"] <= int(shown["to"][0])
    assert 0 == grafana.workbench("down").code
    log = (grafana.state / "logs" / "grafana.log").read_text()
    assert "" == log, "the stand-in says what was asked wrongly"
    nothing_left(grafana.mark)


def test_before_any_run_the_overview_is_opened(grafana: Folder) -> None:
    address = grafana.up(*WITH)["stack"]["tools"]["grafana"]
    assert f"{address}/d/{OVERVIEW}" == grafana.workbench("open", "grafana").out.strip()
