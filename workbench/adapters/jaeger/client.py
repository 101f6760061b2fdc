"""Jaeger's HTTP API v3 as far as a run needs it: whole traces as OTLP (https://www.jaegertracing.io/docs/latest/apis/).

No traces is an error there (404), and here an empty answer.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from workbench.calls import NoAnswer, Refused, call_json
from workbench.errors import HarnessError

_DEADLINE_S = 20.0
_IDS = ("traceId", "spanId", "parentSpanId")


class JaegerClient:
    """One server. Every call raises HarnessError where it fails."""

    def __init__(self, url: str) -> None:
        self._url = url

    def services(self) -> list[str]:
        """Return the services that have sent spans."""
        answer = self._ask("/api/v3/services", {})
        return sorted(answer.get("services") or []) if answer else []

    def traces(self, service: str, start_ns: int, end_ns: int, most: int) -> ExportTraceServiceRequest:
        """Return the traces in which a service began a span between two moments (wall times), `most` at the most."""
        asked = {
            "query.service_name": service,
            "query.start_time_min": _rfc3339(start_ns),
            "query.start_time_max": _rfc3339(end_ns),
            "query.num_traces": str(most),
        }
        return _spans(self._ask("/api/v3/traces", asked))

    def trace(self, trace_id: str) -> ExportTraceServiceRequest:
        """Return one trace; empty if it is not there."""
        return _spans(self._ask(f"/api/v3/traces/{trace_id}", {}))

    def _ask(self, path: str, query: dict[str, str]) -> Any:
        url = f"{self._url}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            return call_json("GET", url, deadline_s=_DEADLINE_S)
        except NoAnswer as error:
            if isinstance(error.__cause__, Refused) and error.__cause__.status == 404:
                return None
            raise HarnessError(
                f"Jaeger at {self._url} does not answer: {error}", hint="its log is logs/jaeger.log"
            ) from error


def _spans(answer: Any) -> ExportTraceServiceRequest:
    """Return OTLP's JSON as a request. Ids are hex there, and base64 where protobuf's own JSON is read."""
    request = ExportTraceServiceRequest()
    if answer is None:
        return request
    result = answer["result"]
    for resource in result.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                for holder in (span, *span.get("links", ())):
                    for key in _IDS:
                        if key in holder:
                            holder[key] = base64.b64encode(bytes.fromhex(holder[key])).decode()
    ParseDict(result, request, ignore_unknown_fields=True)
    return request


def _rfc3339(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
