"""The time axis that all charts of a page share, and round numbers to label it with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, log10

from workbench.model.units import NS_PER_S

_SLOT_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400)
_SMALLEST_LAST_SLOT = 0.3
"""A last slot that is shorter than this part of the others says nothing about a rate."""

_TICK_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_MOST_TICKS = 10


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from `start_ns` on in slots of equal width; the last one may be shorter."""

    start_ns: int
    end_ns: int
    slot_ns: int

    @classmethod
    def cut(cls, start_ns: int, end_ns: int, most: int) -> Axis:
        """Return an axis of at most so many slots, of a width that people count in."""
        wanted = (end_ns - start_ns) / NS_PER_S / most
        width = next((width for width in _SLOT_WIDTHS_S if width >= wanted), _SLOT_WIDTHS_S[-1])
        while (end_ns - start_ns) / NS_PER_S / width > most:
            width *= 2
        return cls(start_ns, end_ns, width * NS_PER_S)

    @property
    def slots(self) -> int:
        whole, rest = divmod(self.end_ns - self.start_ns, self.slot_ns)
        return int(whole + (rest > _SMALLEST_LAST_SLOT * self.slot_ns))

    def width_s(self, slot: int) -> float:
        """Return how many seconds a slot covers."""
        begin = self.start_ns + slot * self.slot_ns
        return (min(begin + self.slot_ns, self.end_ns) - begin) / NS_PER_S

    def rates(self, counts: Mapping[int, int], known: int | None = None) -> tuple[float | None, ...]:
        """Turn counts per slot into counts per second. A slot that is not in `counts` had none.

        From slot `known` on nothing is known yet.
        """
        of = Counter(counts)
        until = self.slots if known is None else min(known, self.slots)
        rates: list[float | None] = [round(of[slot] / self.width_s(slot), 2) for slot in range(until)]
        return tuple(rates + [None] * (self.slots - until))

    def middles_s(self) -> list[float]:
        """Return the middle of each slot in seconds since run zero."""
        return [
            round((self.start_ns + slot * self.slot_ns) / NS_PER_S + self.width_s(slot) / 2, 3)
            for slot in range(self.slots)
        ]


def ticks(axis: Axis) -> list[tuple[float, str]]:
    """Return the seconds at which the axis is labelled, and the labels."""
    start, end = axis.start_ns / NS_PER_S, axis.end_ns / NS_PER_S
    step = next((width for width in _TICK_WIDTHS_S if (end - start) / width <= _MOST_TICKS), _TICK_WIDTHS_S[-1])
    while (end - start) / step > _MOST_TICKS:
        step *= 2
    first = ceil(start / step) * step
    return [(moment, _clock(moment)) for moment in range(first, floor(end) + 1, step)]


def _clock(seconds: int) -> str:
    if seconds < 600:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 600 else f"{minutes // 60} h {minutes % 60:02d}"


def nice_top(largest: float) -> float:
    """Return a round number a little above the largest value, so that labels are readable."""
    if largest <= 0:
        return 1.0
    unit = 10 ** floor(log10(largest))
    for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if largest <= factor * unit * 0.98:
            return float(f"{factor * unit:.3g}")
    return float(f"{12 * unit:.3g}")
