"""Sends batches of spans by OTLP/HTTP on one kept connection.

The SDK's own exporter goes through `requests`: several times the CPU per batch, and back-off of its own, where
this process rather counts a loss and goes on.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from target_services.chassis.span_encoding import request

_HEADERS = {"content-type": "application/x-protobuf"}


class OtlpExporter:
    """For one thread at a time, and the spans of one tracer of one service (their names).

    `base_url` is http://host:port; an export never takes much longer than `timeout_s`.
    """

    def __init__(self, base_url: str, *, service: str, tracer: str, timeout_s: float) -> None:
        self._service = service
        self._tracer = tracer
        parts = urlsplit(base_url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.netloc, timeout=timeout_s)
        self._path = f"{parts.path.rstrip('/')}/v1/traces"

    def export(self, spans: Sequence[Span]) -> bool:
        """Send spans and tell whether they were accepted.

        A connection that the other side has closed in the meantime is opened again, once.
        """
        content = request(spans, service=self._service, tracer=self._tracer)
        try:
            return self._post(content)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()
            return self._post_or_fail(content)
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False

    def close(self) -> None:
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
