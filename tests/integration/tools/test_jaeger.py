"""The real Jaeger: what is sent to it comes back as the rows that the collector makes, once it is complete."""

from __future__ import annotations

import csv
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.integration.supervisor.marks import wait_until
from tests.ports import free_ports
from workbench.adapters.components.finding import find
from workbench.adapters.jaeger.client import JaegerClient
from workbench.adapters.jaeger.configuration import configuration, ready_url
from workbench.adapters.jaeger.recorder import JaegerRecorder
from workbench.adapters.jaeger.spans import Row
from workbench.adapters.yaml_files import write_yaml
from workbench.calls import NoAnswer, call
from workbench.collector import otlp
from workbench.errors import HarnessError
from workbench.masking import Masks
from workbench.model.tables import JAEGER, SPANS
from workbench.model.tools import Tool
from workbench.rows import RowWriter


@dataclass(frozen=True)
class Server:
    url: str
    spans_url: str

    def send(self, request: ExportTraceServiceRequest) -> None:
        headers = {"Content-Type": "application/x-protobuf"}
        body = urllib.request.Request(self.spans_url, request.SerializeToString(), headers)  # noqa: S310
        urllib.request.urlopen(body, timeout=30).close()  # noqa: S310


@pytest.fixture
def jaeger(tmp_path: Path) -> Iterator[Server]:
    found = find(Tool.JAEGER)
    if found is None:
        pytest.skip("no jaeger on PATH, and WORKBENCH_JAEGER does not name one")
    spans, api = free_ports(2)
    write_yaml(tmp_path / "jaeger.yaml", configuration(spans, api))
    process = subprocess.Popen(
        [found.path, "--config", str(tmp_path / "jaeger.yaml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    server = Server(f"http://127.0.0.1:{api}", f"http://127.0.0.1:{spans}/v1/traces")
    try:
        wait_until("jaeger answers", lambda: answers(ready_url(server.url)))
        yield server
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        call("GET", url, deadline_s=1.0)
    except NoAnswer:
        return False
    return True


def trace(service: str, spans: int) -> ExportTraceServiceRequest:
    """A trace of one service: a root, and spans below it, of just now."""
    request, trace_id, root = ExportTraceServiceRequest(), os.urandom(16), os.urandom(8)
    resource = request.resource_spans.add()
    name = resource.resource.attributes.add()
    name.key, name.value.string_value = "service.name", service
    scope = resource.scope_spans.add()
    for number in range(spans):
        span = scope.spans.add()
        span.trace_id, span.span_id = trace_id, root if number == 0 else os.urandom(8)
        span.parent_span_id = b"" if number == 0 else root
        span.name, span.kind = f"step {number}", Span.SPAN_KIND_CLIENT
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 1000
        for key, value in (("workbench.edge", "front:back"), ("workbench.call_id", f"c{number}"), ("a", "b")):
            pair = span.attributes.add()
            pair.key, pair.value.string_value = key, value
        numbered = span.attributes.add()
        numbered.key = "workbench.attempt"
        numbered.value.int_value = number + 1
    return request


def recorded(folder: Path) -> list[tuple[str, ...]]:
    with (folder / f"{JAEGER.name}.csv").open(newline="") as lines:
        return sorted(tuple(row) for row in csv.reader(lines))


def as_text(requests: list[ExportTraceServiceRequest]) -> list[tuple[str, ...]]:
    rows = [row for request in requests for row in otlp.rows(request, Masks()) if row is not None]
    return sorted(tuple("" if value is None else str(value) for value in row) for row in rows)


def told(folder: Path, request: ExportTraceServiceRequest) -> None:
    """Write what the collector does that was sent this."""
    writer = RowWriter(folder, SPANS)
    for row in otlp.rows(request, Masks()):
        assert row is not None
        writer.append(row)
    writer.close()


def test_what_was_sent_is_recorded_span_for_span(jaeger: Server, tmp_path: Path) -> None:
    recorder = JaegerRecorder(JaegerClient(jaeger.url), "front")
    recorder.start_recording(tmp_path, "run")
    sent = [trace("front", 3) for _ in range(20)]
    for request in sent:
        jaeger.send(request)
    state = recorder.stop_recording()
    assert {JAEGER.name: 60} == state.rows
    assert as_text(sent) == recorded(tmp_path)


def test_traces_without_the_entry_are_found_by_what_the_collector_has_told(jaeger: Server, tmp_path: Path) -> None:
    recorder = JaegerRecorder(JaegerClient(jaeger.url), "front")
    recorder.start_recording(tmp_path, "run")
    relay = trace("relay", 2)
    jaeger.send(relay)
    told(tmp_path, relay)
    client = JaegerClient(jaeger.url)
    wait_until("jaeger has the trace", lambda: bool(client.services()))
    assert {JAEGER.name: 2} == recorder.stop_recording().rows


class LateJaeger(JaegerClient):
    """Is sent something just before it is asked for a trace."""

    def __init__(self, server: Server, late: ExportTraceServiceRequest) -> None:
        super().__init__(server.url)
        self._server, self._late = server, [late]

    def trace(self, trace_id: str) -> list[Row]:
        while self._late:
            self._server.send(self._late.pop())
        return super().trace(trace_id)


def test_what_comes_after_the_number_was_the_same_twice_is_recorded(jaeger: Server, tmp_path: Path) -> None:
    """The collector knows of it, and was late in passing it on."""
    first, late = ExportTraceServiceRequest(), ExportTraceServiceRequest()
    recorder = JaegerRecorder(LateJaeger(jaeger, late), "front")
    recorder.start_recording(tmp_path, "run")
    whole = trace("front", 3)
    for part, left_out in ((first, slice(1, None)), (late, slice(1))):
        part.CopyFrom(whole)
        del part.resource_spans[0].scope_spans[0].spans[left_out]
    jaeger.send(first)
    told(tmp_path, whole)
    wait_until("jaeger has the beginning", lambda: bool(JaegerClient(jaeger.url).services()))
    assert {JAEGER.name: 3} == recorder.stop_recording().rows
    assert as_text([whole]) == recorded(tmp_path)


def test_no_traces_are_no_error_and_no_jaeger_is_one(jaeger: Server, tmp_path: Path) -> None:
    client = JaegerClient(jaeger.url)
    assert [] == client.traces("front", 1, time.time_ns(), 10)
    assert [] == client.trace("ab" * 16)
    with pytest.raises(HarnessError, match="does not answer"):
        JaegerClient(f"http://127.0.0.1:{free_ports(1)[0]}").services()
