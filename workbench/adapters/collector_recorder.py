"""The collector as a recorder of rows."""

from __future__ import annotations

from pathlib import Path

from workbench.adapters.collector_client import CollectorClient
from workbench.engine.ports import RecordingState
from workbench.errors import HarnessError


class CollectorRecorder:
    """Spans, metrics, processes."""

    name = "collector"

    def __init__(self, client: CollectorClient) -> None:
        self._client = client

    def start_recording(self, folder: Path, run_id: str) -> RecordingState:
        return RecordingState({}, {}, None, self._client.start_recording(folder, run_id))

    def recording(self) -> RecordingState:
        state = self._client.recording()
        if not state.active:
            raise HarnessError("the collector was started anew, and records nothing", hint="see logs/collector.log")
        return RecordingState(state.rows, state.dropped, state.error, None)

    def stop_recording(self, *, hurry: bool = False) -> RecordingState:  # noqa: ARG002 - it is quick
        end = self._client.stop_recording()
        return RecordingState(end.rows, end.dropped, end.error, end.clock)
