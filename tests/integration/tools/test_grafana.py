"""What Grafana is told and asked, held against what its documentation allows (grafana_stub.py)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fakes.world import World
from tests.integration.tools.grafana_stub import GrafanaStub, served
from tests.ports import free_ports
from tests.unit.engine.stage import record_of, short
from workbench.adapters.grafana.noting import GrafanaNotes
from workbench.adapters.grafana.server import GrafanaServer, tag
from workbench.errors import HarnessError
from workbench.model.events import FaultLost, FaultOff, FaultOn, LoadStarted, LoadStopped
from workbench.model.scenario import Scenario

pytestmark = pytest.mark.skipif(find_spec("grafana_client") is None, reason="needs the extra grafana: grafana-client")

PASSWORD = "p:ä/ss"


@pytest.fixture
def stub() -> Iterator[GrafanaStub]:
    with served(GrafanaStub(PASSWORD)) as serving:
        yield serving
    assert [] == serving.breaches


@pytest.fixture
def server(stub: GrafanaStub) -> GrafanaServer:
    return GrafanaServer(stub.url, PASSWORD)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_an_annotation_is_made_and_gets_its_end(stub: GrafanaStub, server: GrafanaServer) -> None:
    began, tags = now_ms(), ["run", tag("run", "20260101T000000Z-latency-spike-ab12cd")]
    number = server.note(began, tags, "Latency spike")
    assert {"id": number, "time": began, "text": "Latency spike", "tags": ["workbench", *tags]}.items() <= (
        stub.annotations[number].items()
    )
    assert "timeEnd" not in stub.annotations[number]
    server.end_note(number, began, began + 5000, tags, "Latency spike, over")
    ended = stub.annotations[number]
    assert (began, began + 5000, "Latency spike, over") == (ended["time"], ended["timeEnd"], ended["text"])
    assert ["workbench", *tags] == ended["tags"], "a patch without tags would have removed them"


def test_annotations_are_found_by_all_their_tags_and_by_time(server: GrafanaServer) -> None:
    began = now_ms()
    for name in ("a", "b"):
        server.note(began, ["fault", tag("target", f"orders:{name}")], name)
    found = server.notes(["fault", "target:orders:b"], began - 1000, began + 1000)
    assert ["b"] == [note["text"] for note in found]
    assert [] == server.notes(["fault"], began - 3000, began - 2000)


@pytest.mark.parametrize("name", ["a b", "a&tags=b", "50%", "ü", "a/b?c#d", "a+b", 'a"b'])
def test_what_would_have_to_be_encoded_never_comes_into_a_tag(name: str, server: GrafanaServer) -> None:
    """The client puts tags into addresses as they are; a stub that is asked for `a&tags=b` would look for two."""
    made = tag("fault", name)
    number = server.note(now_ms(), ["fault", made], name)
    assert [number] == [note["id"] for note in server.notes([made], 0, now_ms() + 1000)]
    with pytest.raises(AssertionError, match="would have to be encoded"):
        server.note(now_ms(), [name], "text")


def test_another_password_is_said_with_what_mends_it(stub: GrafanaStub) -> None:
    with pytest.raises(HarnessError, match="another password for 'admin'") as told:
        GrafanaServer(stub.url, "secret").dashboards()
    assert "delete its data" in (told.value.hint or "")


def test_a_grafana_that_is_away_or_not_ready_is_named(stub: GrafanaStub, server: GrafanaServer) -> None:
    assert "13.2.0" == server.version()
    stub.database = "failing"
    with pytest.raises(HarnessError, match="Grafana is not ready"):
        server.version()
    away = GrafanaServer(f"http://127.0.0.1:{free_ports(1)[0]}", PASSWORD)
    for ask in (away.version, away.dashboards, lambda: away.note(now_ms(), ["run"], "text")):
        with pytest.raises(HarnessError, match="Grafana"):
            ask()


def test_dashboards_and_data_sources_are_asked_for(stub: GrafanaStub, server: GrafanaServer) -> None:
    stub.dashboards = {"workbench-run": ["workbench"], "other": ["theirs"]}
    stub.sources = {"workbench-prometheus": "", "workbench-jaeger": "connection refused"}
    assert ["workbench-run"] == server.dashboards()
    assert server.source_trouble("workbench-prometheus") is None
    assert "connection refused" == server.source_trouble("workbench-jaeger")


def test_a_data_source_that_is_not_there_is_trouble(stub: GrafanaStub, server: GrafanaServer) -> None:
    assert "Data source not found" in (server.source_trouble("nobody") or "")
    assert 1 == len(stub.breaches)
    stub.breaches.clear()


_NOW = 1_800_000_000_000
_WRONG: dict[str, tuple[str, str, object]] = {
    "no text": ("POST", "/api/annotations", {"time": _NOW, "tags": ["a"]}),
    "seconds": ("POST", "/api/annotations", {"time": _NOW // 1000, "text": "t"}),
    "an end before its beginning": ("POST", "/api/annotations", {"time": _NOW, "timeEnd": _NOW - 1, "text": "t"}),
    "one tag as text": ("POST", "/api/annotations", {"text": "t", "tags": "a"}),
    "a tag that is a number": ("POST", "/api/annotations", {"text": "t", "tags": [1]}),
    "a key that is none": ("POST", "/api/annotations", {"text": "t", "isRegion": True}),
    "an annotation that is not there": ("PATCH", "/api/annotations/7", {"text": "t"}),
    "a method that is none": ("PUT", "/api/annotations", {"text": "t"}),
    "a tag with a blank": ("GET", "/api/annotations?tags=a b", None),
    "a tag in quotes": ("GET", '/api/annotations?tags="a"', None),
    "a parameter that is none": ("GET", "/api/annotations?tag=a", None),
    "a type that is none": ("GET", "/api/search?type=dashboard", None),
    "a path that is none": ("GET", "/api/annotation", None),
}


@pytest.mark.parametrize("wrong", _WRONG)
def test_the_stub_takes_nothing_that_is_not_allowed(wrong: str) -> None:
    """Without this, a client could send what it likes."""
    stub, (method, target, body) = GrafanaStub("p"), _WRONG[wrong]
    headers = {"Authorization": "Basic YWRtaW46cA==", "Content-Type": "application/json"}
    status, _ = stub.answer(method, target, headers, json.dumps(body).encode())
    assert status in (400, 404)
    assert 1 == len(stub.breaches)


# -- of a run ------------------------------------------------------------------------------------------


def noted(server: GrafanaServer) -> tuple[GrafanaNotes, Scenario, World, list[str]]:
    said: list[str] = []
    world, scenario = World(), record_of(short()).scenario
    return GrafanaNotes(world.sink, server, "r 1", scenario, said.append), scenario, world, said


def test_a_run_and_its_faults_are_regions(stub: GrafanaStub, server: GrafanaServer) -> None:
    notes, scenario, world, said = noted(server)
    fault, *_ = scenario.faults
    began = now_ms()
    notes.event(LoadStarted(at_ns=0))
    notes.event(FaultOn(at_ns=1, fault=fault.id, target=fault.target))
    notes.event(FaultOff(at_ns=2, fault=fault.id, target=fault.target, counts={"eligible": 9, "hit": 8}))
    notes.event(LoadStopped(at_ns=3, journeys=1, unfinished=0))
    notes.end()
    assert [] == said
    assert ["load_started", "fault_on", "fault_off", "load_stopped"] == [event.event for event in world.sink.events]
    run, on = stub.annotations.values()
    assert ["workbench", "run", "run:r_1", f"scenario:{scenario.name}"] == run["tags"]
    assert ["workbench", "fault", "run:r_1", f"fault:{fault.id}"] == on["tags"][:4]
    assert on["text"].endswith("(eligible 9, hit 8)")
    for region in (run, on):
        assert began <= region["time"] <= region["timeEnd"] <= now_ms()


def test_a_fault_that_was_lost_says_why(stub: GrafanaStub, server: GrafanaServer) -> None:
    notes, scenario, *_ = noted(server)
    fault, *_ = scenario.faults
    notes.event(FaultOn(at_ns=1, fault=fault.id, target=fault.target))
    notes.event(FaultLost(at_ns=2, fault=fault.id, target=fault.target, reason="the plane died"))
    notes.end()
    (region,) = stub.annotations.values()
    assert "(lost: the plane died)" in region["text"]
    assert "timeEnd" in region


def test_a_run_goes_on_without_grafana_and_says_once_what_is_missing() -> None:
    notes, _, world, said = noted(GrafanaServer(f"http://127.0.0.1:{free_ports(1)[0]}", PASSWORD))
    notes.event(LoadStarted(at_ns=0))
    notes.event(LoadStopped(at_ns=3, journeys=1, unfinished=0))
    notes.end()
    assert 2 == len(world.sink.events)
    (line,) = said
    assert line.startswith("annotations in Grafana are missing: ")


# -- beside the others ---------------------------------------------------------------------------------


_REPLACED = """
import urllib3, urllib3_future
assert urllib3.__version__ == urllib3_future.__version__, "it does not replace urllib3 any more"
print("both answer")
"""
"""Comes last: Locust has to be imported before anything imports ssl."""

_DOCKER = """
import docker, pathlib, threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingUnixStreamServer
from workbench.adapters.grafana.server import GrafanaServer

class Engine(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"ApiVersion": "1.44", "Version": "27"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "engine"

socket = str(pathlib.Path("docker.sock").absolute())
engine = ThreadingUnixStreamServer(socket, Engine)
threading.Thread(target=engine.serve_forever, daemon=True).start()
assert [] == GrafanaServer(URL, PASSWORD).dashboards()
assert "27" == docker.DockerClient(base_url="unix://" + socket).version()["Version"]
"""

_LOCUST = """
from locust import HttpUser
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment

for kind in (HttpUser, FastHttpUser):
    User = type("User", (kind,), {"host": URL})
    assert 200 == User(Environment(user_classes=[User])).client.get("/api/health").status_code
"""


@pytest.mark.parametrize("program", [_DOCKER, _LOCUST], ids=["docker, in one process", "Locust, in the load's process"])
def test_others_work_beside_it(program: str, tmp_path: Path) -> None:
    """Its package replaces urllib3 in the whole environment, which Docker's client and Locust build on."""
    with served(GrafanaStub(PASSWORD)) as stub:
        named = f"URL, PASSWORD = {stub.url!r}, {PASSWORD!r}\n"
        ended = subprocess.run(
            [sys.executable, "-c", named + program + _REPLACED],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=tmp_path,
        )
    assert "both answer" in ended.stdout, ended.stderr
