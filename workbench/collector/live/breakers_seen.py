"""Breakers as the services say of themselves at each scrape: how they stand, and over the run that goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.model.units import NS_PER_S

METRIC = "workbench_breaker_state"
MOST_STRETCHES = 120
"""Of one breaker; beyond, the oldest two become one, in the worse of their states."""

_STATES = {0.0: "closed", 1.0: "half open", 2.0: "open"}
_FROM_WELL_TO_BAD = ("closed", "unknown", "half open", "open")


@dataclass(slots=True)
class _Stretch:
    """From one scrape to the last one with the same answer; absolute monotonic ns."""

    start_ns: int
    end_ns: int
    state: str


class BreakersSeen:
    """All breakers of a system."""

    def __init__(self) -> None:
        self._lanes: dict[str, list[_Stretch]] = {}
        self.states: dict[str, str] = {}
        """Of every edge with a breaker, as it was told last."""

    def forget(self) -> None:
        """Begin anew: another run counts."""
        self._lanes.clear()

    def told(self, at_ns: int, edge: str, value: float) -> None:
        """Take one sample of one scrape."""
        state = _STATES.get(value, "unknown")
        self.states[edge] = state
        lane = self._lanes.setdefault(edge, [])
        if lane:
            lane[-1].end_ns = at_ns
        if not lane or lane[-1].state != state:
            lane.append(_Stretch(at_ns, at_ns, state))
            if len(lane) > MOST_STRETCHES:
                first, second = lane[:2]
                worse = max(first.state, second.state, key=_FROM_WELL_TO_BAD.index)
                lane[:2] = [_Stretch(first.start_ns, second.end_ns, worse)]

    def lanes(
        self, zero_ns: int, end_ns: int, edges: Iterable[str], first: Iterable[str]
    ) -> tuple[list[tuple[str, list[tuple[float, float, str]]]], list[str]]:
        """Return lanes in s since run zero, and the edges that were closed all the time.

        A lane is for an edge that is among `edges` or was not always closed; `first` come first.
        """
        kept, leading = set(edges), set(first)
        lanes, calm = [], []
        for edge, stretches in self._lanes.items():
            times = ((max(s.start_ns - zero_ns, 0), min(s.end_ns - zero_ns, end_ns), s.state) for s in stretches)
            seen = [(_seconds(start), _seconds(end), state) for start, end, state in times if end > start]
            if {state for *_, state in seen} - {_STATES[0.0]} or edge in leading:
                lanes.append((edge, seen))
            elif edge in kept:
                calm.append(edge)
        return sorted(lanes, key=lambda lane: (lane[0] not in leading, lane[0])), sorted(calm)


def _seconds(ns: int) -> float:
    return round(ns / NS_PER_S, 2)
