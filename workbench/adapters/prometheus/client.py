"""Prometheus' HTTP API as far as a run needs it (https://prometheus.io/docs/prometheus/latest/querying/api/).

Raw samples are asked for as a range vector in an instant query: only that keeps their own timestamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from workbench.calls import NoAnswer, Refused, call, call_json
from workbench.errors import HarnessError

_DEADLINE_S = 10.0
_RELOADED_WITHIN_S = 5.0
_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class SeriesSamples:
    """One series: its labels, and its samples as (wall time in ns, value)."""

    labels: dict[str, str]
    samples: list[tuple[int, float]]


class PrometheusClient:
    """One server. Every call raises HarnessError where it fails."""

    def __init__(self, url: str) -> None:
        self._url = url

    def reload(self) -> None:
        """Have it read its configuration and rules again; when this returns they are in use."""
        try:
            call("POST", f"{self._url}/-/reload", deadline_s=_RELOADED_WITHIN_S)
        except Refused as refused:
            said = refused.content[:500].decode(errors="replace").strip()
            raise HarnessError(f"Prometheus does not take its rules: {said}", hint="promtool check rules") from refused
        except NoAnswer as error:
            raise self._away(error) from error

    def instant(self, query: str, at_ns: int | None = None) -> list[dict[str, Any]]:
        """Return the result of a query at one moment (wall time in ns; None: now)."""
        asked = {"query": query} | ({} if at_ns is None else {"time": f"{at_ns / 1e9:.3f}"})
        return self._ask(f"/api/v1/query?{urlencode(asked, quote_via=quote)}")

    def samples(self, selector: str, start_ns: int, end_ns: int) -> list[SeriesSamples]:
        """Return raw samples with their own timestamps, later than `start_ns` and up to `end_ns` (wall times)."""
        length_ms = max(1, -(-(end_ns - start_ns) // _MS))
        found = self.instant(f"{selector}[{length_ms}ms]", end_ns)
        return [SeriesSamples(series["metric"], _numbers(series["values"])) for series in found]

    def steps(self, query: str, start_ns: int, end_ns: int, step_s: int = 1) -> list[tuple[int, float]]:
        """Return the one series that a query gives, evaluated every `step_s` seconds; empty where it gives none."""
        asked = {"query": query, "start": f"{start_ns / 1e9:.3f}", "end": f"{end_ns / 1e9:.3f}", "step": str(step_s)}
        found = self._ask(f"/api/v1/query_range?{urlencode(asked, quote_via=quote)}")
        if len(found) > 1:
            raise HarnessError(f"{query} gives {len(found)} series; an SLI has to be one: sum them")
        return _numbers(found[0]["values"]) if found else []

    def _ask(self, path: str) -> list[dict[str, Any]]:
        try:
            answer = call_json("GET", self._url + path, deadline_s=_DEADLINE_S)
        except NoAnswer as error:
            raise self._away(error) from error
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def _away(self, error: NoAnswer) -> HarnessError:
        return HarnessError(
            f"Prometheus at {self._url} does not answer: {error}", hint="its log is logs/prometheus.log"
        )


def _numbers(values: list[tuple[float, str]]) -> list[tuple[int, float]]:
    return [(round(at_s * 1000) * _MS, float(value)) for at_s, value in values]
