"""Rows of the `requests` table: one per journey, one per request as Locust's request event tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic_ns
from typing import Any

from workbench.loadgen.journey import Journey, current_journey
from workbench.loadgen.outcomes import may_have_taken_effect, text_of
from workbench.loadgen.propagation import SENT, Sent
from workbench.masking import Masks
from workbench.model.tables import REQUESTS
from workbench.rows import RowWriter, one_line


class Recorder:
    """Writes rows; while `muted` (the probe) it only notes on the journey what its requests came to."""

    def __init__(self, rows_file: Path, masks: Masks) -> None:
        if rows_file.name != f"{REQUESTS.name}.csv":
            raise ValueError(f"rows_file has to be named {REQUESTS.name}.csv: {rows_file}")
        self.writer = RowWriter(rows_file.parent, REQUESTS)
        self.muted = True
        self._masks = masks

    def on_request(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float | None = None,
        exception: BaseException | str | None = None,
        context: dict[str, Any] | None = None,
        response: Any = None,
        **_: Any,
    ) -> None:
        """Take one request event, of Locust's own clients or of any that fires it."""
        journey = current_journey()
        if journey is None or journey.recorded:
            return
        sent: Sent | None = (context or {}).get(SENT)
        started, ended = _times(sent, response_time)
        status = getattr(response, "status_code", None) or None
        error = None
        if exception is not None:
            error = self._masks.text(text_of(exception, status))
            cause = getattr(response, "error", None) or exception  # before the journey put it in its own words
            self._note(journey, f"{request_type} {name}: {error}", request_type, cause)
        if self.muted:
            return
        self.writer.append(
            (
                "request",
                *_arrival(journey, self._masks.text(one_line(name))),
                started,
                ended,
                status,
                "ok" if exception is None else "failed",
                error,
                journey.trace_id,
                sent.span_id if sent is not None else None,
                None,
            )
        )

    @staticmethod
    def _note(journey: Journey, failure: str, method: str, exception: BaseException | str) -> None:
        if journey.failure is None:
            journey.failure = failure
        if isinstance(exception, BaseException) and may_have_taken_effect(method, exception):
            journey.unanswered = True

    def journey(self, journey: Journey, ended: int, outcome: str, error: str | None, ack: object) -> None:
        """Write the row of a journey; once, whatever happens to it later."""
        journey.recorded = True
        if self.muted:
            return
        promised = self._promised(ack) if isinstance(ack, dict) else None
        self.writer.append(
            (
                "journey",
                *_arrival(journey, journey.name),
                journey.started,
                ended,
                None,
                outcome,
                None if error is None else self._masks.text(error),
                journey.trace_id,
                None,
                promised,
            )
        )

    def _promised(self, ack: dict[str, object]) -> str:
        return self._masks.line(json.dumps(ack, separators=(",", ":"), default=str))


def _times(sent: Sent | None, response_time_ms: float | None) -> tuple[int, int]:
    """Return start and end of a request. An event that tells no length ends now, and began when it was sent."""
    now = monotonic_ns()
    if response_time_ms is None:
        return (now if sent is None else sent.started), now
    lasted = round(response_time_ms * 1_000_000)
    started = now - lasted if sent is None else sent.started
    return started, started + lasted


def _arrival(journey: Journey, name: str) -> tuple[int, str, str, int, int]:
    """Return the columns from `arrival` to `dispatched`."""
    arrival = journey.arrival
    return arrival.number, journey.name, name, arrival.intended, arrival.dispatched
