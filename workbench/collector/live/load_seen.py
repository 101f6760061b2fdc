"""What the load has seen so far, from the schedule and its rows: the same numbers as in the report, slot by slot.

Quantiles of a slot are kept as counts of values with three digits, which is all that a chart shows, and as three
numbers once every arrival of the slot has ended: so memory does not grow with the run.
"""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import floor
from typing import NamedTuple

from workbench.model.units import NS_PER_S
from workbench.pages.axis import Axis
from workbench.pages.charts import Chart
from workbench.pages.chosen_charts import (
    MOST_JOURNEYS,
    NOT_OK,
    Latency,
    arrivals_chart,
    latency_chart,
    milliseconds,
    outcomes_chart,
)

WINDOW_NS = 5 * NS_PER_S
"""What "now" means: one second of random arrivals says little."""

_LONGEST_US = 2_147_483_647
_JOURNEY = b"journey,"
_MOST_RECENT = 50_000


class _Ended(NamedTuple):
    """A journey that ended a moment ago."""

    ended_ns: int
    journey: str
    outcome: str
    response_ms: float


class _Spread:
    """Response and service times of one journey in one slot."""

    __slots__ = ("_response", "_service")

    def __init__(self) -> None:
        self._response: Counter[float] = Counter()
        self._service: Counter[float] = Counter()

    def add(self, response_ns: int, service_ns: int) -> None:
        self._response[_ms(response_ns)] += 1
        self._service[_ms(service_ns)] += 1

    def quantiles(self) -> Latency:
        response = sorted(self._response.items())
        return quantile(response, 0.5), quantile(response, 0.95), quantile(sorted(self._service.items()), 0.95)


class LoadSeen:
    """One run's load. Times in rows are absolute monotonic ns, `zero_ns` is run zero."""

    def __init__(self, axis: Axis, journeys: Sequence[str], zero_ns: int) -> None:
        self._zero_ns = zero_ns
        self._slot_ns = axis.slot_ns
        self._journeys = list(journeys)
        self._planned: Counter[int] = Counter()
        self._ended: Counter[int] = Counter()
        self._achieved: Counter[int] = Counter()
        self._outcomes: dict[str, Counter[int]] = {}
        self._spread: dict[tuple[str, int], _Spread] = {}
        self._final: dict[tuple[str, int], Latency] = {}
        self._recent: deque[_Ended] = deque(maxlen=_MOST_RECENT)
        self.journeys = 0
        """All that have ended."""
        self.outcomes: Counter[str] = Counter()

    def schedule(self, lines: Iterable[bytes]) -> None:
        """Take lines of the schedule: intended start in ns since run zero, number of the journey."""
        for line in lines:
            with suppress(ValueError):  # a torn line
                self._planned[int(line.partition(b",")[0]) // self._slot_ns] += 1

    def rows(self, lines: Iterable[bytes]) -> None:
        """Take lines of the table `requests`."""
        journeys = [line.decode(errors="replace") for line in lines if line.startswith(_JOURNEY)]
        for row in csv.reader(journeys):
            try:
                arrival, *times = (int(row[place]) for place in (1, 4, 5, 6, 7))
                if arrival >= 0:
                    self._journey(row[2], row[9], times)
            except (ValueError, IndexError):
                continue  # a torn line; collecting says how many there were

    def _journey(self, journey: str, outcome: str, times: Sequence[int]) -> None:
        intended, dispatched, started, ended = times
        slot = (intended - self._zero_ns) // self._slot_ns
        self.journeys += 1
        self.outcomes[outcome] += 1
        self._ended[slot] += 1
        self._achieved[(dispatched - self._zero_ns) // self._slot_ns] += 1
        self._outcomes.setdefault(outcome, Counter())[slot] += 1
        self._recent.append(_Ended(ended - self._zero_ns, journey, outcome, _ms(ended - intended)))
        key = journey, slot
        if key not in self._final:
            self._spread.setdefault(key, _Spread()).add(ended - intended, ended - started)

    def settled_ns(self, now_ns: int) -> int:
        """Return up to when every arrival has ended: what is drawn beyond may still change."""
        for slot in range(now_ns // self._slot_ns):
            if self._ended[slot] < self._planned[slot]:
                return slot * self._slot_ns
        return now_ns

    def finish_slots(self, now_ns: int) -> None:
        """Make numbers of what cannot change any more."""
        for journey, slot in list(self._spread):
            whole = (slot + 1) * self._slot_ns <= now_ns and 0 < self._planned[slot] <= self._ended[slot]
            if whole:
                self._final[journey, slot] = self._spread.pop((journey, slot)).quantiles()

    def under_way(self, now_ns: int) -> int:
        """Return how many arrivals are due and have not ended, as far as slots tell."""
        due = sum(count for slot, count in self._planned.items() if (slot + 1) * self._slot_ns <= now_ns)
        ended = sum(count for slot, count in self._ended.items() if (slot + 1) * self._slot_ns <= now_ns)
        return max(due - ended, 0)

    def charts(self, axis: Axis, now_ns: int) -> list[Chart]:
        """Return the charts up to now; a slot that is not over has no value yet."""
        known = max(now_ns // self._slot_ns, 0)
        found = [arrivals_chart(axis, self._planned, self._achieved, known)]
        found += [
            latency_chart(journey, [self._latency(journey, slot, known) for slot in range(axis.slots)])
            for journey in self._journeys[:MOST_JOURNEYS]
        ]
        found.append(outcomes_chart(axis, self._outcomes, known))
        return found

    def _latency(self, journey: str, slot: int, known: int) -> Latency:
        key = journey, slot
        if slot >= known:
            return None, None, None
        if key in self._final:
            return self._final[key]
        return self._spread[key].quantiles() if key in self._spread else (None, None, None)

    def lately(self, now_ns: int) -> list[dict[str, str | float | int | None]]:
        """Return the last seconds in numbers, by journey: of those journeys that ended in them."""
        since = now_ns - WINDOW_NS
        while self._recent and self._recent[0].ended_ns < since:
            self._recent.popleft()
        length_s = min(WINDOW_NS, max(now_ns, 1)) / NS_PER_S
        found: list[dict[str, str | float | int | None]] = []
        for journey in self._journeys:
            recent = [one for one in self._recent if one.journey == journey and one.ended_ns >= since]
            values = sorted(Counter(one.response_ms for one in recent).items())
            outcomes = Counter(one.outcome for one in recent)
            row: dict[str, str | float | int | None] = {
                "journey": journey,
                "per_s": round(len(recent) / length_s, 1),
                "p50": quantile(values, 0.5),
                "p95": quantile(values, 0.95),
            }
            row |= {name: outcomes[name] for name in ("ok", *(outcome for outcome, _ in NOT_OK))}
            found.append(row)
        return found

    def planned_per_s(self, axis: Axis, now_ns: int) -> float | None:
        """Return how many arrivals a second the schedule has around now."""
        slot = now_ns // self._slot_ns
        return round(self._planned[slot] / axis.width_s(slot), 1) if 0 <= slot < axis.slots else None


def quantile(values: Sequence[tuple[float, int]], share: float) -> float | None:
    """Return the smallest value that at least `share` do not exceed, as the database has it; None without values.

    `values` are sorted, with how often each was seen.
    """
    total = sum(count for _, count in values)
    place = max(1, total - floor(total - share * total))
    for value, count in values:
        place -= count
        if place <= 0:
            return value
    return None


def _ms(ns: int) -> float:
    return milliseconds(max(min(ns // 1000, _LONGEST_US), 0))
