"""Prometheus text of one target, read each second: the format is parsed once per series, known lines by their text.

prometheus_client's parser takes some 14 ms for 1 000 lines; looking the text up takes less than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan

from prometheus_client.parser import text_string_to_metric_families

LIVE_PREFIX = "workbench_"
MOST_SERIES = 100_000
"""Of one target; more is a defect of the target, and would not fit into memory."""


class BadExposition(ValueError):
    """The answer is not Prometheus text."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of one target. `number` is that of the recording, -1 where nothing is recorded."""

    number: int
    name: str
    labels: dict[str, str]
    live: bool


class Exposition:
    """What one target exposes. `enrol` gives a new series its number and masks its labels."""

    def __init__(self, enrol: Callable[[str, dict[str, str]], Series]) -> None:
        self._enrol = enrol
        self._known: dict[str, Series] = {}

    def read(self, text: str) -> list[tuple[Series, float]]:
        """Return all samples of an answer. Raises BadExposition: a scrape counts wholly or not at all."""
        known = self._known
        samples = []
        try:
            for line in text.split("\n"):
                if not line or line[0] == "#":
                    continue
                key, _, value = line.rpartition(" ")
                series = known.get(key)
                samples.append((series, float(value)) if series is not None else self._learn(line, key, value))
        except BadExposition:
            raise
        except ValueError as error:
            raise BadExposition(f"not a number: {error}") from error
        return [sample for sample in samples if sample is not None]

    def _learn(self, line: str, key: str, value: str) -> tuple[Series, float] | None:
        """Parse a line in full, and remember its text unless it carries more than a value."""
        try:
            families = list(text_string_to_metric_families(line + "\n"))
        except Exception as error:
            raise BadExposition(f"line {line[:200]!r}: {error}") from error
        if not families:
            return None
        (sample,) = families[0].samples
        series = self._enrol(sample.name, dict(sample.labels))
        plain = sample.timestamp is None and key != "" and _same(float(value), sample.value)
        if plain:
            if len(self._known) >= MOST_SERIES:
                raise BadExposition(f"more than {MOST_SERIES} series")
            self._known[key] = series
        return series, float(sample.value)


def _same(one: float, other: float) -> bool:
    return one == other or (isnan(one) and isnan(other))
