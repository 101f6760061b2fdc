"""A run directory as its producers write it, as far as a moment: for readers that do not wait until it is over."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from tests.history_builder import AttemptRow, HistoryBuilder, JourneyRow, ns


class WrittenRun:
    """One run's files. Times of rows are absolute, as in raw tables."""

    def __init__(self, reports: Path, run: HistoryBuilder) -> None:
        self.run = run
        self.folder = reports / run.record.run_id
        self.raw = self.folder / "raw"
        self.raw.mkdir(parents=True)
        self._until_ns = -ns(1_000)
        (self.folder / "run.json").write_text(run.record.model_dump_json(), encoding="utf-8")
        journeys = list(run.record.scenario.load.mix)
        schedule = "".join(f"{a.intended},{journeys.index(a.journey)}\n" for a in run.arrivals)
        (self.raw / "schedule.csv").write_text(schedule, encoding="ascii")

    def go_on(self, until_s: float) -> None:
        """Write everything that happened up to a moment."""
        since, until = self._until_ns, ns(until_s)
        self._until_ns = until
        zero = self.run.record.zero.monotonic_ns
        ended = [row for row in self.run.journeys if since < row.ended <= until]
        self.append("requests.csv", "".join(_line(row, zero, _REQUEST_TIMES) for row in ended))
        attempts = [row for row in self.run.attempts if since < row.ended <= until]
        self.append("attempts.csv", "".join(_line(row, zero, _ATTEMPT_TIMES) for row in attempts))
        events = sorted(self.run.journal, key=lambda event: event.at_ns)
        journal = "".join(event.model_dump_json() + "\n" for event in events if since < event.at_ns <= until)
        with (self.folder / "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write(journal)

    def append(self, name: str, content: str) -> None:
        """Append to a raw file."""
        with (self.raw / name).open("a", encoding="utf-8", newline="") as file:
            file.write(content)

    def spans(self) -> Iterable[tuple[Any, ...]]:
        """Return rows of `spans` as the collector makes them, with wall times."""
        wall = self.run.record.zero.wall_ns
        for span in self.run.spans:
            row = {field.name: getattr(span, field.name) for field in fields(span)}
            yield tuple((row | {"started": wall + span.started, "ended": wall + span.ended}).values())


_REQUEST_TIMES = ("intended", "dispatched", "started", "ended")
_ATTEMPT_TIMES = ("accepted", "first_byte", "ended")


def _line(row: JourneyRow | AttemptRow, zero_ns: int, times: tuple[str, ...]) -> str:
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    shifted = {name: values[name] + zero_ns for name in times if values[name] is not None}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow((values | shifted).values())
    return text.getvalue()
