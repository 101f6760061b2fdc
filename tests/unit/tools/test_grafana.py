"""How Grafana would be started: loopback, a password that only its owner can read, data sources by uid."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tests.fakes.world import World
from tests.unit.engine.stage import record_of, short
from workbench.adapters.grafana import provisioning, starting
from workbench.adapters.grafana.noting import grafana_notes
from workbench.model.stack import RunningStack
from workbench.model.tools import Tool

URLS = {Tool.PROMETHEUS: "http://127.0.0.1:18193", Tool.JAEGER: "http://127.0.0.1:18194"}


def test_exemplars_lead_to_jaeger_where_there_is_one() -> None:
    both = provisioning.data_sources(URLS)["datasources"]
    assert ["workbench-prometheus", "workbench-jaeger"] == [source["uid"] for source in both]
    (to_trace,) = both[0]["jsonData"]["exemplarTraceIdDestinations"]
    assert {"name": "trace_id", "datasourceUid": "workbench-jaeger"} == to_trace
    assert "1s" == both[0]["jsonData"]["timeInterval"]
    (alone,) = provisioning.data_sources({Tool.PROMETHEUS: URLS[Tool.PROMETHEUS]})["datasources"]
    assert "exemplarTraceIdDestinations" not in alone["jsonData"]


def test_the_password_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = starting.password(tmp_path)
    assert first == starting.password(tmp_path)
    assert len(first) >= 20
    assert 0o600 == stat.S_IMODE((tmp_path / "password").stat().st_mode)


def test_strangers_may_look_and_no_more(tmp_path: Path) -> None:
    settings = starting.settings("http://127.0.0.1:18196", tmp_path, tmp_path / "data")
    assert ("127.0.0.1", "18196") == (settings["GF_SERVER_HTTP_ADDR"], settings["GF_SERVER_HTTP_PORT"])
    assert "Viewer" == settings["GF_AUTH_ANONYMOUS_ORG_ROLE"]
    assert not [name for name in settings if "PASSWORD" in name]


def test_the_user_of_a_container_can_read_the_password_and_write_it_nowhere(tmp_path: Path) -> None:
    """Made anew each time: a file that somebody has changed is not what Grafana is given."""
    for _ in range(2):
        file = starting.readable_password(tmp_path)
        assert starting.password(tmp_path) == file.read_text()
        assert 0o444 == stat.S_IMODE(file.stat().st_mode)


def test_a_release_is_told_its_home_and_a_package_is_not(tmp_path: Path) -> None:
    program = tmp_path / "grafana-13.2.0" / "bin" / "grafana"
    assert [str(program), "server"] == starting.arguments(program)
    (tmp_path / "grafana-13.2.0" / "conf").mkdir(parents=True)
    (tmp_path / "grafana-13.2.0" / "conf" / "defaults.ini").touch()
    assert [str(program), "server", "--homepath", str(tmp_path / "grafana-13.2.0")] == starting.arguments(program)


def test_without_its_client_a_run_goes_on_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "grafana_client.api", None)
    stack = RunningStack(
        stack_id="s",
        system="pair",
        system_file="system.yaml",
        port_base=18_000,
        services={},
        edges={},
        control_url="",
        plane_url="",
        collector_url="",
        tools={Tool.GRAFANA: "http://127.0.0.1:18196"},
        token="t",
        abilities=[],
        owned=True,
    )
    said, scenario = list[str](), record_of(short()).scenario
    sink = World().sink
    assert grafana_notes(sink, stack, state=tmp_path, run_id="r", scenario=scenario, say=said.append) is None
    (line,) = said
    assert "grafana-client is not installed" in line
    assert "pip install 'resilience-workbench[grafana]'" in line
