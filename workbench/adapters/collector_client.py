"""The collector from the runner's side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.adapters.process_client import DEADLINE_S, ProcessClient
from workbench.collector.wire import LiveSample, RunNow, Samples, Target, Targets
from workbench.model.events import Clock
from workbench.model.recording import Health, RecordingEnd, RecordingOrder, RecordingStarted, RecordingState


class CollectorClient:
    """One collector. Every call raises HarnessError where it fails."""

    def __init__(self, url: str, token: str | None = None, *, deadline_s: float = DEADLINE_S) -> None:
        self._collector = ProcessClient("collector", "collector", url, token, deadline_s)

    def set_targets(
        self,
        metrics_urls: Mapping[str, str],
        processes: Mapping[str, int] | None = None,
        masks: Sequence[str] = (),
    ) -> None:
        """Watch these services and processes, and no others."""
        services = {name: Target(metrics_url=url) for name, url in metrics_urls.items()}
        order = Targets(services=services, processes=dict(processes or {}), masks=list(masks))
        self._collector.send("PUT", "/targets", order.model_dump_json())

    def add_processes(self, pids: Mapping[str, int]) -> None:
        """Watch these processes as well."""
        self._collector.send("PUT", "/processes", json.dumps(dict(pids)))

    def start_recording(self, directory: Path, run_id: str) -> Clock:
        """Write rows into a folder from now on; return the collector's clocks."""
        order = RecordingOrder(directory=str(directory), run_id=run_id)
        return self._collector.ask("PUT", "/recording", RecordingStarted, order.model_dump_json()).clock

    def recording(self) -> RecordingState:
        """Ask what is in the files by now."""
        return self._collector.ask("GET", "/recording", RecordingState)

    def stop_recording(self) -> RecordingEnd:
        """End the recording; when this returns all rows are durable."""
        return self._collector.ask("DELETE", "/recording", RecordingEnd)

    def put_run(self, state: RunNow) -> None:
        """Say how the run that goes on stands, for scrapers of the collector."""
        self._collector.send("PUT", "/run", state.model_dump_json())

    def live(self) -> list[LiveSample]:
        """Return the latest values of the metrics that begin with `workbench_`."""
        return self._collector.ask("GET", "/samples", Samples).samples

    def health(self) -> Health:
        """Ask whether it answers, and for its monotonic clock."""
        return self._collector.ask("GET", "/health", Health)
