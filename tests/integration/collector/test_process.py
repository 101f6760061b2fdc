"""The collector as a process: who may ask it, what it measures of processes, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.integration.collector.rig import DEADLINE_S, TOKEN, Rig, start_rig
from workbench.adapters.collector_client import CollectorClient
from workbench.errors import HarnessError


def test_cpu_and_memory_of_known_processes_are_measured(rig: Rig) -> None:
    """Its own as well; one that has ended is left out from then on."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        rig.client.set_targets({}, processes={"service": child.pid})
        rig.client.add_processes({"load": os.getpid(), "ghost": 2**22 - 1})
        rig.client.start_recording(rig.raw, "run-1")
        rig.wait_rows("processes", 6)
        assert child.stdin is not None
        child.stdin.close()
    rig.wait_rows("processes", rig.client.recording().rows["processes"] + 4)
    rig.client.stop_recording()

    rows = rig.rows("processes")
    assert {("service", str(child.pid)), ("load", str(os.getpid())), ("collector", str(rig.process.pid))} == {
        (name, pid) for _, name, pid, *_ in rows
    }
    assert all(int(rss) > 1_000_000 for _, name, _, _, rss, _ in rows if name != "service")
    cpu = [float(cpu_s) for _, name, _, cpu_s, *_ in rows if name == "collector"]
    assert sorted(cpu) == cpu
    assert cpu[-1] > 0
    assert "service" not in {name for _, name, *_ in rows[-2:]}


def test_orders_need_the_token_and_spans_and_health_do_not(rig: Rig) -> None:
    """Exporters know no token; everything that changes or tells something needs it."""
    for method, path in (
        ("PUT", "/targets"),
        ("PUT", "/processes"),
        ("PUT", "/recording"),
        ("GET", "/recording"),
        ("DELETE", "/recording"),
        ("GET", "/samples"),
    ):
        assert 401 == rig.send(method, path)[0], (method, path)
        assert 401 == rig.send(method, path, Authorization="Bearer wrong")[0], (method, path)
    assert 200 == rig.send("GET", "/health")[0]
    assert 200 == rig.send_spans(b"")[0]
    assert 200 == rig.send("GET", "/samples", Authorization=f"Bearer {TOKEN}")[0]


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://example.org"}, {"Host": "example.org"}, {"Host": "127.0.0.1.example.org:80"}]
)
def test_web_pages_are_turned_away(rig: Rig, headers: dict[str, str]) -> None:
    """A page in a browser could otherwise reach the port."""
    assert 403 == rig.send("GET", "/health", **headers)[0]


def test_orders_that_do_not_hold_are_refused_with_all_problems(rig: Rig) -> None:
    """Unknown keys, bad patterns and impossible process ids, all at once."""
    body = {"services": {"a": {"metrics_url": "ftp://x"}}, "processes": {"b": -1}, "masks": ["("], "extra": 1}

    status, content = rig.send("PUT", "/targets", json.dumps(body).encode(), Authorization=f"Bearer {TOKEN}")

    problems = "\n".join(json.loads(content)["problems"])
    assert 400 == status
    for part in ("services.a.metrics_url", "processes.b", "masks.0", "extra"):
        assert part in problems


def test_a_recording_is_refused_where_it_cannot_be(rig: Rig, tmp_path: Path) -> None:
    """A folder that is not there, and a second one at the same time; ending none is an error as well."""
    with pytest.raises(HarnessError, match="404, no recording is on"):
        rig.client.stop_recording()
    assert not rig.client.recording().active
    with pytest.raises(HarnessError, match="No such file or directory"):
        rig.client.start_recording(tmp_path / "none", "run-1")
    rig.client.start_recording(rig.raw, "run-1")
    with pytest.raises(HarnessError, match="409"):
        rig.client.start_recording(rig.raw, "run-2")
    assert rig.client.recording().active


def test_clocks_are_those_of_the_host(rig: Rig) -> None:
    """The runner compares the pairs of all processes."""
    before = time.monotonic_ns(), time.time_ns()
    clock = rig.client.start_recording(rig.raw, "run-1")
    after = time.monotonic_ns(), time.time_ns()

    assert before[0] <= clock.monotonic_ns <= after[0]
    assert before[1] - 1_000_000 <= clock.wall_ns <= after[1] + 1_000_000


def test_sigterm_ends_it_with_all_rows_written(rig: Rig) -> None:
    """Whoever ends the stack loses nothing."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = bytes(16), bytes(8)
    one_span = request.SerializeToString()
    rig.client.start_recording(rig.raw, "run-1")
    for _ in range(5):
        assert 200 == rig.send_spans(one_span)[0]

    assert 0 == rig.end(signal.SIGTERM)
    assert 5 == len(rig.rows("spans"))


def test_a_port_that_is_taken_is_named(rig: Rig) -> None:
    """The exit code is that of the environment, the message says which port."""
    ended = subprocess.run(
        [sys.executable, "-m", "workbench.collector"],
        env={**os.environ, "WORKBENCH_CONTROL_PORT": str(rig.port)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert 4 == ended.returncode
    assert f"cannot listen on 127.0.0.1:{rig.port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_settings_that_do_not_hold_are_named() -> None:
    """It does not start on a guess."""
    ended = subprocess.run(
        [sys.executable, "-m", "workbench.collector"],
        env={**os.environ, "WORKBENCH_CONTROL_PORT": "none"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert 2 == ended.returncode
    assert "WORKBENCH_CONTROL_PORT is 'none', not a port" in ended.stderr


def test_without_a_token_the_api_is_open(tmp_path: Path) -> None:
    """For trying things out by hand."""
    rig = start_rig(tmp_path, WORKBENCH_TOKEN="")
    try:
        assert [] == CollectorClient(f"http://127.0.0.1:{rig.port}").live()
    finally:
        rig.end()


def test_a_collector_that_is_gone_or_hangs_is_an_error_with_its_address(rig: Rig) -> None:
    """The deadline counts, and the message says what was asked."""
    rig.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(HarnessError, match=rf"127.0.0.1:{rig.port} did not answer GET /samples: no answer within"):
            CollectorClient(f"http://127.0.0.1:{rig.port}", TOKEN, deadline_s=0.3).live()
    finally:
        rig.process.send_signal(signal.SIGCONT)
    rig.end()
    with pytest.raises(HarnessError, match=r"did not answer GET /health: .*refused"):
        rig.client.health()
