"""Jaeger as a recorder of a run: its spans are fetched at the end, once their number is the same twice."""

from __future__ import annotations

import time
from pathlib import Path

from workbench.adapters.jaeger.client import JaegerClient
from workbench.collector import otlp
from workbench.engine.ports import RecordingState
from workbench.masking import Masks
from workbench.model.tables import JAEGER
from workbench.rows import RowWriter

_SLICE_NS = 5_000_000_000
_MOST = 20_000
"""Traces of one service in one slice: some 4 000 a second."""

_STABLE_WITHIN_S = 3.0
_PAUSE_S = 0.3
_EARLY_NS = 1_000_000_000


class JaegerRecorder:
    """One run's spans."""

    name = "jaeger"

    def __init__(self, client: JaegerClient) -> None:
        self._client = client
        self._folder = Path()
        self._start_ns = 0

    def start_recording(self, folder: Path, run_id: str) -> RecordingState:  # noqa: ARG002 - it keeps all in any case
        self._folder, self._start_ns = folder, time.time_ns()
        return RecordingState({}, {}, None, None)

    def recording(self) -> RecordingState:
        return RecordingState({}, {}, None, None)

    def stop_recording(self) -> RecordingState:
        """Fetch every trace that a service began or took part in since the start, each once."""
        self._await_stable()
        writer, known = RowWriter(self._folder, JAEGER), set[tuple[str, str]]()
        nothing_more = Masks()  # the collector has masked what it passed on
        try:
            end_ns = time.time_ns()
            for service in self._client.services():
                for start_ns in range(self._start_ns - _EARLY_NS, end_ns, _SLICE_NS):
                    found = self._client.traces(service, start_ns, min(start_ns + _SLICE_NS, end_ns), _MOST)
                    for row in otlp.rows(found, nothing_more):
                        if row is not None and (row[0], row[1]) not in known:
                            known.add((row[0], row[1]))
                            writer.append(row)
                    writer.flush()
        finally:
            writer.close()
        return RecordingState({JAEGER.name: writer.rows}, {JAEGER.name: writer.dropped}, writer.error, None)

    def _await_stable(self) -> None:
        """Wait until the spans of the last seconds are the same number twice, or the deadline is over."""
        until, before = time.monotonic() + _STABLE_WITHIN_S, -1
        while time.monotonic() < until:
            count = self._latest()
            if count == before:
                return
            before = count
            time.sleep(_PAUSE_S)

    def _latest(self) -> int:
        end_ns = time.time_ns()
        return sum(
            len(scope.spans)
            for service in self._client.services()
            for resource in self._client.traces(service, end_ns - _SLICE_NS, end_ns, _MOST).resource_spans
            for scope in resource.scope_spans
        )
