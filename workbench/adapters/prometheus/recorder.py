"""Prometheus as a recorder of a run: its rules are those of the run, and its raw samples are fetched at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from workbench.adapters.prometheus.client import PrometheusClient, SeriesSamples
from workbench.adapters.prometheus.rules import rules
from workbench.adapters.yaml_files import write_yaml
from workbench.engine.ports import RecordingState
from workbench.errors import HarnessError
from workbench.model.detection import SLO_GOOD, SLO_TOTAL
from workbench.model.slo import Slo
from workbench.model.tables import PROMETHEUS, PROMETHEUS_POINTS, PROMETHEUS_SERIES
from workbench.rows import RowWriter, one_line

_LAST_SCRAPE_S = 2.0
_POLL_S = 0.1
_OWN_LABELS = ("__name__", "service", "job", "instance")
_SERVICES = 'group by (service) ({__name__=~".+", service!=""})'
_SCRAPED = "min(timestamp(up))"


class PrometheusRecorder:
    """One run's samples: of every scraped service, of alerts and rules, and the answers to the PromQL of SLOs."""

    name = "prometheus"

    def __init__(self, client: PrometheusClient, rules_file: Path, slos: Sequence[Slo], run_s: float) -> None:
        self._client = client
        self._rules_file = rules_file
        self._slos = slos
        self._run_s = run_s
        self._folder = Path()
        self._start_ns = 0

    def start_recording(self, folder: Path, run_id: str) -> RecordingState:  # noqa: ARG002 - it records in any case
        """Put the rules of this run in place."""
        write_yaml(self._rules_file, rules(self._slos, self._run_s))
        self._client.reload()
        self._folder, self._start_ns = folder, time.time_ns()
        return RecordingState({}, {}, None, None)

    def recording(self) -> RecordingState:
        return RecordingState({}, {}, None, None)

    def stop_recording(self, *, hurry: bool = False) -> RecordingState:
        """Wait for one more scrape of everything, then fetch what there is since the start."""
        if hurry:
            return RecordingState({}, {}, None, None)
        self._await_scrape()
        end_ns = time.time_ns()
        series, points = RowWriter(self._folder, PROMETHEUS_SERIES), RowWriter(self._folder, PROMETHEUS_POINTS)
        number = 0
        try:
            for selector in self._selectors():
                for found in self._client.samples(selector, self._start_ns, end_ns):
                    self._keep(found, number, series, points)
                    number += 1
            for found in self._slo_counters(end_ns):
                self._keep(found, number, series, points)
                number += 1
        finally:
            for writer in (series, points):
                writer.close()
        return RecordingState(
            {PROMETHEUS.name: points.rows}, {PROMETHEUS.name: points.dropped}, series.error or points.error, None
        )

    def _selectors(self) -> list[str]:
        """Return a selector for each service, so that no answer is large, and one for rules and alerts."""
        services = sorted(series["metric"]["service"] for series in self._client.instant(_SERVICES))
        return [f'{{__name__=~".+", service={json.dumps(name)}}}' for name in services] + [
            '{__name__=~".+", service=""}'
        ]

    def _slo_counters(self, end_ns: int) -> list[SeriesSamples]:
        found = []
        for slo in self._slos:
            if slo.promql is not None:
                for name, query in ((SLO_GOOD, slo.promql.good), (SLO_TOTAL, slo.promql.total)):
                    labels = {"__name__": name, "slo": slo.name}
                    found.append(SeriesSamples(labels, self._client.steps(query, self._start_ns, end_ns)))
        return found

    @staticmethod
    def _keep(found: SeriesSamples, number: int, series: RowWriter, points: RowWriter) -> None:
        own = {key: value for key, value in found.labels.items() if key not in _OWN_LABELS}
        labels = one_line(json.dumps(own, sort_keys=True, ensure_ascii=False))
        series.append((number, found.labels.get("service", ""), found.labels.get("__name__", ""), labels))
        for at_ns, value in found.samples:
            points.append((at_ns, number, value))

    def _await_scrape(self) -> None:
        asked_s, until = time.time(), time.monotonic() + _LAST_SCRAPE_S
        while time.monotonic() < until:
            try:
                found = self._client.instant(_SCRAPED)
            except HarnessError:
                return  # the fetch that follows says it
            if found and float(found[0]["value"][1]) > asked_s:
                return
            time.sleep(_POLL_S)
