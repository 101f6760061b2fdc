"""Sends batches of spans by OTLP/HTTP on one kept connection.

The SDK's own exporter goes through `requests`: several times the CPU per batch, and back-off of its own, where
this process rather counts a loss and goes on.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from target_services.chassis.span_encoding import encoded

_HEADERS = {"content-type": "application/x-protobuf"}


class OtlpExporter(SpanExporter):
    """For one thread at a time. `base_url` is http://host:port; an export never takes much longer than `timeout_s`."""

    def __init__(self, base_url: str, *, timeout_s: float) -> None:
        parts = urlsplit(base_url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.netloc, timeout=timeout_s)
        self._path = f"{parts.path.rstrip('/')}/v1/traces"

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans. A connection that the other side has closed in the meantime is opened again, once."""
        content = encoded(spans)
        try:
            accepted = self._post(content)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()
            accepted = self._post_or_fail(content)
        except (OSError, http.client.HTTPException):
            self._connection.close()
            accepted = False
        return SpanExportResult.SUCCESS if accepted else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _post(self, content: bytes) -> bool:
        self._connection.request("POST", self._path, content, _HEADERS)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status < 300

    def _post_or_fail(self, content: bytes) -> bool:
        try:
            return self._post(content)
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False
