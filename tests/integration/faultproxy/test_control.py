"""The control API: who may use it, what it refuses and in which words, and the process around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.faultproxy.process import TOKEN, PlaneProcess, plane_process, send

FAULT: dict[str, Any] = {"id": "late", "kind": "latency", "edge": "a:b", "delay": "1ms"}
ORDER: dict[str, Any] = {"fault": FAULT, "seed": 1, "lease_ms": 60_000}


@pytest.fixture(scope="module")
def shared() -> Iterator[PlaneProcess]:
    with plane_process() as plane:
        yield plane


@pytest.fixture
def plane(shared: PlaneProcess) -> Iterator[PlaneProcess]:
    """A plane with one edge, and nothing else once the test is over."""
    made = shared.send("POST", "/populate", [{"name": "a:b", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}])
    assert made.status == 201
    yield shared
    shared.send("DELETE", "/faults")
    shared.send("DELETE", "/recording")
    for name in shared.send("GET", "/proxies").json:
        shared.send("DELETE", f"/proxies/{name}")


EXTENSIONS = [
    ("GET", "/faults"),
    ("POST", "/faults"),
    ("DELETE", "/faults"),
    ("POST", "/faults/renew"),
    ("GET", "/faults/late"),
    ("DELETE", "/faults/late"),
    ("GET", "/recording"),
    ("PUT", "/recording"),
    ("DELETE", "/recording"),
]


@pytest.mark.parametrize(("method", "path"), EXTENSIONS)
@pytest.mark.parametrize("token", [None, "wrong", TOKEN + "x"])
def test_extensions_want_the_token(plane: PlaneProcess, method: str, path: str, token: str | None) -> None:
    answer = plane.send(method, path, ORDER, token=token)
    assert answer.status == 401
    assert answer.json["status"] == 401
    assert plane.send("GET", "/faults").json == {"faults": []}


@pytest.mark.parametrize("path", ["/health", "/metrics", "/version", "/proxies"])
def test_the_rest_does_not(plane: PlaneProcess, path: str) -> None:
    assert plane.send("GET", path, token=None).status == 200


def test_without_a_token_nobody_needs_one() -> None:
    with plane_process(token=None) as plane:
        assert plane.send("GET", "/faults", token=None).json == {"faults": []}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "10.0.0.1"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"User-Agent": "Mozilla/5.0"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/proxies"), ("DELETE", "/faults"), ("GET", "/nothing")])
def test_strangers_are_refused(plane: PlaneProcess, method: str, path: str, headers: dict[str, str]) -> None:
    """Pages in a browser, and names that merely resolve to this machine."""
    assert send(plane.port, method, path, None, {"Authorization": f"Bearer {TOKEN}", **headers}).status == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8474", "127.9.9.9", "[::1]:8474"])
def test_this_machine_may_be_called_by_its_names(plane: PlaneProcess, host: str) -> None:
    assert send(plane.port, "GET", "/proxies", None, {"Host": host}).status == 200


def test_it_listens_on_loopback_only(plane: PlaneProcess) -> None:
    for listen in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0"):
        answer = plane.send("POST", "/proxies", {"name": "wide", "listen": listen, "upstream": "a:1"})
        assert answer.status == 500, listen
        assert "not a loopback address" in answer.json["error"]


@pytest.mark.parametrize("name", ["a/b", "../etc", "a\nb", "x" * 200, "é", "a?b", " a", '"'])
def test_names_are_checked(plane: PlaneProcess, name: str) -> None:
    answer = plane.send("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": "a:1"})
    assert answer.status == 400
    assert "invalid proxy name" in answer.json["error"]


def test_bodies_have_a_limit(plane: PlaneProcess) -> None:
    assert plane.send("POST", "/proxies", "x" * (2 * 1024 * 1024)).status == 413
    assert plane.send("POST", "/faults", "x" * (2 * 1024 * 1024)).status == 413


# -- faults -----------------------------------------------------------------------------------------------------


def test_a_fault_from_birth_to_end(plane: PlaneProcess) -> None:
    born = plane.send("POST", "/faults", ORDER)
    assert born.status == 201
    assert set(born.json) == {"id", "edge", "active_since_ns", "expires_at_ns"}
    state = plane.send("GET", "/faults/late")
    assert state.status == 200
    assert state.json["on_ns"] > 0
    told = {**state.json, "on_ns": 0}
    assert told == {
        "id": "late",
        "edge": "a:b",
        "kind": "latency",
        "active_since_ns": born.json["active_since_ns"],
        "expires_at_ns": born.json["expires_at_ns"],
        "counts": {"eligible": 0, "hit": 0, "passed": 0},
        "first_hit_ns": None,
        "last_hit_ns": None,
        "on": True,
        "on_ns": 0,
        "bytes_in": 0,
        "bytes_out": 0,
        "delay_ns": 0,
    }
    assert [{**fault, "on_ns": 0} for fault in plane.send("GET", "/faults").json["faults"]] == [told]
    renewal = plane.send("POST", "/faults/renew", {"ids": ["late", "other"], "lease_ms": 120_000})
    assert renewal.json == {"renewed": ["late"], "unknown": ["other"]}
    assert plane.send("GET", "/faults/late").json["expires_at_ns"] > born.json["expires_at_ns"]
    assert plane.send("DELETE", "/faults/late").json["id"] == "late"
    assert plane.send("GET", "/faults").json == {"faults": []}


def test_what_is_not_there_is_404(plane: PlaneProcess) -> None:
    assert plane.send("GET", "/faults/late").status == 404
    assert plane.send("DELETE", "/faults/late").status == 404
    assert plane.send("POST", "/faults", {**ORDER, "fault": {**FAULT, "edge": "no:body"}}).status == 404


def test_the_same_id_twice_is_409(plane: PlaneProcess) -> None:
    assert plane.send("POST", "/faults", ORDER).status == 201
    answer = plane.send("POST", "/faults", {**ORDER, "fault": {**FAULT, "kind": "refuse"} | {"delay": None}})
    assert answer.status == 400, "another kind's fields are unknown"
    answer = plane.send("POST", "/faults", ORDER)
    assert (answer.status, answer.json["error"]) == (409, "fault late is already on")


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ("", ["body"]),
        ("{", ["body"]),
        ("[]", ["body"]),
        ({}, ["fault", "seed", "lease_ms"]),
        ({**ORDER, "lease_ms": 0, "more": 1}, ["lease_ms", "more"]),
        ({**ORDER, "lease_ms": 10**12}, ["lease_ms"]),
        ({**ORDER, "seed": "x"}, ["seed"]),
        ({**ORDER, "fault": {**FAULT, "kind": "what"}}, ["fault"]),
        (
            {**ORDER, "fault": {**FAULT, "delay": "5", "share": 2, "bogus": 1}},
            ["fault.latency.delay", "fault.latency.share", "fault.latency.bogus"],
        ),
        ({**ORDER, "fault": {**FAULT, "share": 0}}, ["fault.latency"]),
    ],
)
def test_all_problems_are_named(plane: PlaneProcess, body: Any, problems: list[str]) -> None:
    answer = plane.send("POST", "/faults", body)
    assert answer.status == 400
    assert sorted(problems) == sorted(problem.partition(": ")[0] for problem in answer.json["problems"])
    assert answer.json["status"] == 400


def test_a_fault_that_means_nothing_on_tcp_is_refused(plane: PlaneProcess) -> None:
    made = {"name": "c:d", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9", "protocol": "tcp"}
    assert plane.send("POST", "/proxies", made).json["protocol"] == "tcp"
    fault = {"id": "err", "kind": "http_status", "edge": "c:d", "status": 500}
    answer = plane.send("POST", "/faults", {**ORDER, "fault": fault})
    assert answer.status == 400
    assert "c:d is not an HTTP edge" in answer.json["problems"][0]


def test_deleting_a_proxy_takes_its_faults_along(plane: PlaneProcess) -> None:
    plane.send("POST", "/faults", ORDER)
    assert plane.send("DELETE", "/proxies/a:b").status == 204
    assert plane.send("GET", "/faults").json == {"faults": []}


def test_reset_takes_everything_off(plane: PlaneProcess) -> None:
    plane.send("POST", "/faults", ORDER)
    plane.send("POST", "/proxies/a:b/toxics", {"type": "latency", "attributes": {"latency": 5}})
    plane.send("PATCH", "/proxies/a:b", {"enabled": False})
    assert plane.send("POST", "/reset").status == 204
    assert plane.send("GET", "/faults").json == {"faults": []}
    proxy = plane.send("GET", "/proxies/a:b").json
    assert (proxy["enabled"], proxy["toxics"]) == (True, [])


# -- recording, health, metrics ---------------------------------------------------------------------------------


def test_a_recording_from_start_to_end(plane: PlaneProcess, tmp_path: Path) -> None:
    order = {"directory": str(tmp_path), "run_id": "r", "canary": "0123456789"}
    started = plane.send("PUT", "/recording", order)
    assert started.status == 200
    assert set(started.json["clock"]) == {"monotonic_ns", "wall_ns"}
    state = plane.send("GET", "/recording").json
    assert state == {"active": True, "rows": {"attempts": 0}, "dropped": {"attempts": 0}, "error": None}
    ended = plane.send("DELETE", "/recording").json
    assert ended["clock"]["monotonic_ns"] > started.json["clock"]["monotonic_ns"]
    assert (ended["rows"], ended["dropped"], ended["error"]) == ({"attempts": 0}, {"attempts": 0}, None)
    assert plane.send("GET", "/recording").json["active"] is False
    assert plane.send("DELETE", "/recording").status == 404


def test_a_folder_that_is_none_is_refused(plane: PlaneProcess, tmp_path: Path) -> None:
    for directory in (str(tmp_path / "missing"), "relative"):
        answer = plane.send("PUT", "/recording", {"directory": directory, "run_id": "r", "canary": "0123456789"})
        assert answer.status == 400
        assert answer.json["problems"][0].startswith("directory")
    assert plane.send("GET", "/recording").json["active"] is False


def test_health_has_the_clock(plane: PlaneProcess) -> None:
    first, second = (plane.send("GET", "/health").json for _ in range(2))
    assert first["ok"]
    assert first["monotonic_ns"] < second["monotonic_ns"]


def scraped(plane: PlaneProcess, name: str) -> dict[str, float]:
    """Return a metric of each fault."""
    text = plane.send("GET", "/metrics", token=None).body.decode()
    return {
        sample.labels["fault"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


COUNTERS = [
    f"workbench_fault_{name}_total" for name in ("eligible", "hit", "passed", "bytes_in", "bytes_out", "delay_seconds")
]


def test_counters_are_there_from_injection_to_the_next_recording(plane: PlaneProcess, tmp_path: Path) -> None:
    """So that a scrape after the fault has gone still sees what it did in the end."""
    plane.send("POST", "/faults", ORDER)
    assert [scraped(plane, name) for name in COUNTERS] == [{"late": 0.0}] * len(COUNTERS)
    assert scraped(plane, "workbench_fault_first_hit_timestamp_seconds") == {}
    plane.send("DELETE", "/faults/late")
    assert scraped(plane, "workbench_fault_active") == {"late": 0.0}
    assert [scraped(plane, name) for name in COUNTERS] == [{"late": 0.0}] * len(COUNTERS)
    plane.send("POST", "/faults", ORDER)
    assert scraped(plane, "workbench_fault_active") == {"late": 1.0}, "once, not beside what it was before"
    plane.send("DELETE", "/faults/late")
    plane.send("PUT", "/recording", {"directory": str(tmp_path), "run_id": "r", "canary": "0123456789"})
    assert [scraped(plane, name) for name in COUNTERS] == [{}] * len(COUNTERS)
    plane.send("DELETE", "/recording")


def test_an_edge_tells_what_passed_and_what_its_faults_did(plane: PlaneProcess) -> None:
    """Beside Toxiproxy's own paths, and as open as they are."""
    plane.send("POST", "/faults", ORDER)
    stats = plane.send("GET", "/proxies/a:b/stats", token=None)
    assert stats.status == 200
    (told,) = stats.json["faults"]
    assert {**stats.json, "faults": []} == {"name": "a:b", "attempts": 0, "connections": 0, "faults": []}
    assert {**told, "on_ns": 0} == {**plane.send("GET", "/faults/late").json, "on_ns": 0}
    assert plane.send("GET", "/proxies/no:body/stats").status == 404


def test_metrics_are_prometheus_text(plane: PlaneProcess) -> None:
    plane.send("POST", "/faults", ORDER)
    families = {
        family.name: family.samples
        for family in text_string_to_metric_families(plane.send("GET", "/metrics").body.decode())
    }
    labels = {"edge": "a:b", "fault": "late", "kind": "latency"}
    assert [(sample.labels, sample.value) for sample in families["workbench_fault_active"]] == [(labels, 1.0)]
    assert [sample.value for sample in families["workbench_fault_hit"]] == [0.0]
    assert [(s.labels, s.value) for s in families["workbench_plane_attempts"]] == [({"edge": "a:b"}, 0.0)]
