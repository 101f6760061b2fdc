"""Charts of what happened between services: calls and attempts on the faulted edges, and the states of breakers.

Attempts are what the fault plane saw (and, where it sees nothing, refused connections as the callers saw them).
Breaker states are what the services say of themselves: they illustrate and decide nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import ceil

from workbench.model.faults.base import CalleeFault, PacketFault
from workbench.model.history import History
from workbench.model.units import NS_PER_S
from workbench.pages.axis import Axis
from workbench.pages.charts import Chart
from workbench.pages.chosen_charts import attempts_chart, per_call_chart

_MOST_EDGES, _MOST_STRETCHES = 3, 60

_STATES = {0.0: "closed", 1.0: "half open", 2.0: "open"}
_FROM_WELL_TO_BAD = ("closed", "unknown", "half open", "open")

_BUSIEST = "SELECT edge FROM attempts WHERE NOT canary GROUP BY edge ORDER BY count(*) DESC, edge LIMIT 1"

_ATTEMPTS = """
SELECT (accepted - ?) // ? AS slot, count(*), count(*) FILTER (faults <> '') FROM attempts
WHERE edge = ? AND NOT canary AND accepted >= ? AND accepted < ? GROUP BY slot
"""

# One pass over the spans: the view `calls` reads more of them.
_SPANS = """
SELECT (started - ?) // ? AS slot,
       count(*) FILTER (attempt IS NULL AND fallback IS NULL AND call_id IS NOT NULL),
       count(*) FILTER (attempt IS NOT NULL AND outcome = 'connect_refused')
FROM spans WHERE edge = ? AND started >= ? AND started < ? GROUP BY slot
"""

_CHANGES = """
SELECT labels, time, value, changed FROM (
  SELECT labels, time, value,
         value IS DISTINCT FROM lag(value) OVER (PARTITION BY service, labels ORDER BY time) AS changed,
         lead(time) OVER (PARTITION BY service, labels ORDER BY time) IS NULL AS newest
  FROM metrics WHERE name = 'workbench_breaker_state')
WHERE changed OR newest
ORDER BY labels, time
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """How long a breaker was seen in one state, in seconds."""

    start_s: float
    end_s: float
    state: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One breaker over time."""

    edge: str
    stretches: tuple[Stretch, ...]

    @property
    def calm(self) -> bool:
        """Tell whether it was never seen in another state than closed."""
        return {stretch.state for stretch in self.stretches} == {_STATES[0.0]}


def edge_charts(history: History, axis: Axis) -> Iterator[Chart]:
    """Yield two charts for each faulted edge, or for the busiest edge where no fault is declared."""
    edges = _faulted(history)[:_MOST_EDGES]
    for edge in edges or [edge for (edge,) in history.rows(_BUSIEST)]:
        yield from _of_edge(history, axis, edge)


def _faulted(history: History) -> list[str]:
    return list(dict.fromkeys(edge for fault in history.run.scenario.faults for edge in history.edges_of(fault)))


def _of_edge(history: History, axis: Axis, edge: str) -> Iterator[Chart]:
    attempts, hits, calls = _counted(history, axis, edge)
    counted = hits if _is_counted(history, edge) else None
    yield attempts_chart(axis, edge, attempts=attempts, hits=counted, calls=calls)
    if attempts or calls:
        yield per_call_chart(axis, edge, attempts, calls)


def _is_counted(history: History, edge: str) -> bool:
    """Tell whether hits on an edge are counted: a fault on the callee itself, or on packets, hits no request."""
    felt = [fault for fault in history.run.scenario.faults if fault.touches(edge)]
    return not felt or not all(isinstance(fault, CalleeFault | PacketFault) for fault in felt)


def _counted(history: History, axis: Axis, edge: str) -> tuple[Counter[int], Counter[int], Counter[int]]:
    """Count attempts, hits and calls per slot. A refused connection is an attempt; a fault that refuses has hit it."""
    refusing = any(fault.touches(edge) and fault.level == "listener" for fault in history.run.scenario.faults)
    attempts, hits, calls = Counter[int](), Counter[int](), Counter[int]()
    where = (axis.start_ns, axis.slot_ns, edge, axis.start_ns, axis.end_ns)
    for slot, number, hit in history.rows(_ATTEMPTS, *where):
        attempts[slot] += number
        hits[slot] += hit
    for slot, called, refused in history.rows(_SPANS, *where):
        calls[slot] += called
        attempts[slot] += refused
        hits[slot] += refused if refusing else 0
    return +attempts, +hits, +calls  # without zeros


def breaker_lanes(history: History, axis: Axis) -> list[Lane]:
    """Return the breakers of all edges that have one by policy or that ever left closed; faulted edges first."""
    faulted = _faulted(history)
    seen: dict[str, list[tuple[int, float, bool]]] = {}
    for labels, time, value, changed in history.rows(_CHANGES):
        edge = _edge_of(labels)
        if edge is not None:
            seen.setdefault(edge, []).append((time, value, changed))
    lanes = []
    for edge, samples in seen.items():
        policy = history.policy(edge)
        if (policy is not None and policy.breaker is not None) or any(value for _, value, _ in samples):
            lanes.append(Lane(edge, tuple(_legible(list(_stretches(samples, axis)), axis))))
    return sorted(lanes, key=lambda lane: (lane.edge not in faulted, lane.calm, lane.edge))


def _stretches(samples: list[tuple[int, float, bool]], axis: Axis) -> Iterator[Stretch]:
    """Yield stretches of equal state, from scrape to scrape, as far as they lie on the axis."""
    changes = [(time, value) for time, value, changed in samples if changed]
    last = samples[-1][0]
    for (time, value), end in zip(changes, [*(time for time, _ in changes[1:]), last], strict=True):
        start_s, end_s = max(time, axis.start_ns) / NS_PER_S, min(end, axis.end_ns) / NS_PER_S
        if end_s > start_s:
            yield Stretch(round(start_s, 2), round(end_s, 2), _STATES.get(value, "unknown"))


def _legible(stretches: list[Stretch], axis: Axis) -> Iterator[Stretch]:
    """Yield the stretches; so many that nobody could tell them apart become a few, each in its worst state."""
    if len(stretches) <= _MOST_STRETCHES:
        yield from stretches
        return
    first_s, width_s = axis.start_ns / NS_PER_S, (axis.end_ns - axis.start_ns) / NS_PER_S / _MOST_STRETCHES
    worst: dict[int, str] = {}
    for stretch in stretches:
        begin, end = ((moment - first_s) / width_s for moment in (stretch.start_s, stretch.end_s))
        for piece in range(int(begin), min(ceil(end), _MOST_STRETCHES)):
            worst[piece] = max(worst.get(piece, stretch.state), stretch.state, key=_FROM_WELL_TO_BAD.index)
    for (state, _), alike in groupby(
        enumerate(sorted(worst)), key=lambda found: (worst[found[1]], found[1] - found[0])
    ):
        pieces = [piece for _, piece in alike]
        start_s, end_s = first_s + pieces[0] * width_s, first_s + (pieces[-1] + 1) * width_s
        yield Stretch(round(start_s, 2), round(end_s, 2), state)


def _edge_of(labels: str) -> str | None:
    """Return the edge that a sample is about; None where its labels cannot be read."""
    try:
        edge = json.loads(labels)["edge"]
    except (ValueError, KeyError, TypeError):
        return None
    return edge if isinstance(edge, str) else None
