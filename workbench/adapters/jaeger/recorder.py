"""Jaeger as a recorder of a run: its spans are fetched at the end, once their number is the same twice.

What the collector has kept and Jaeger has not is asked for again: on a busy machine it may still be on its way.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path

from workbench.adapters.jaeger.client import JaegerClient
from workbench.adapters.jaeger.spans import Row
from workbench.engine.ports import RecordingState
from workbench.model.tables import JAEGER, SPANS
from workbench.rows import RowWriter

_SLICE_NS = 5_000_000_000
_MOST = 20_000
"""Traces in one slice: some 4 000 a second."""

_LATEST_NS = 1_000_000_000
_STABLE_WITHIN_S = 3.0
_REST_WITHIN_S = 10.0
_PAUSE_S = 0.3


class JaegerRecorder:
    """One run's spans. `entry` is the service that users talk to, which is in nearly every trace."""

    name = "jaeger"

    def __init__(self, client: JaegerClient, entry: str) -> None:
        self._client = client
        self._entry = entry
        self._folder = Path()
        self._start_ns = 0

    def start_recording(self, folder: Path, run_id: str) -> RecordingState:  # noqa: ARG002 - it keeps all in any case
        self._folder, self._start_ns = folder, time.time_ns()
        return RecordingState({}, {}, None, None)

    def recording(self) -> RecordingState:
        return RecordingState({}, {}, None, None)

    def stop_recording(self, *, hurry: bool = False) -> RecordingState:
        """Fetch the traces that the entry took part in, then those of which the collector has told more."""
        if hurry:
            return RecordingState({}, {}, None, None)
        self._await_stable()
        writer, known = RowWriter(self._folder, JAEGER), set[tuple[str, str]]()
        try:
            end_ns = time.time_ns()
            for start_ns in range(self._start_ns, end_ns, _SLICE_NS):
                found = self._client.traces(self._entry, start_ns, min(start_ns + _SLICE_NS, end_ns), _MOST)
                _keep(found, writer, known)
            self._keep_the_rest(writer, known)
        finally:
            writer.close()
        return RecordingState({JAEGER.name: writer.rows}, {JAEGER.name: writer.dropped}, writer.error, None)

    def _keep_the_rest(self, writer: RowWriter, known: set[tuple[str, str]]) -> None:
        """Fetch what the collector has told and Jaeger has not, until nothing is missing or the deadline is over."""
        until = time.monotonic() + _REST_WITHIN_S
        missing = self._told() - known
        while missing:
            for trace_id in sorted({trace_id for trace_id, _ in missing}):
                _keep(self._client.trace(trace_id), writer, known)
            missing -= known
            if not missing or time.monotonic() > until:
                return
            time.sleep(_PAUSE_S)

    def _told(self) -> set[tuple[str, str]]:
        """Return the ids of the spans that the collector has kept, with those of their traces."""
        file = self._folder / f"{SPANS.name}.csv"
        if not file.exists():
            return set()
        with file.open(encoding="utf-8", errors="replace", newline="") as lines:
            return {(row[0], row[1]) for row in csv.reader(lines) if len(row) > 1 and len(row[0]) == 32}

    def _await_stable(self) -> None:
        """Wait until the spans of the last second are the same number twice, or the deadline is over."""
        until, before = time.monotonic() + _STABLE_WITHIN_S, -1
        from_ns = time.time_ns() - _LATEST_NS
        while time.monotonic() < until:
            count = len(self._client.traces(self._entry, from_ns, time.time_ns(), _MOST))
            if count == before:
                return
            before = count
            time.sleep(_PAUSE_S)


def _keep(found: list[Row], writer: RowWriter, known: set[tuple[str, str]]) -> None:
    for row in found:
        key = row[0], row[1]
        if key not in known:
            known.add(key)
            writer.append(row)
    writer.flush()
