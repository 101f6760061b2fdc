"""The schedule file as arrays: when each journey is due, and which one it is."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from workbench.model.units import NS_PER_S


@dataclass(frozen=True, slots=True)
class Schedule:
    """Intended starts in ns since run zero, ascending, and for each the number of its journey."""

    intended: array[int]
    journey: array[int]

    def __len__(self) -> int:
        return len(self.intended)

    def due(self, since_zero_ns: int) -> int:
        """Count the arrivals that are due by then."""
        return bisect_right(self.intended, since_zero_ns)

    def peak_per_s(self, journey: int) -> int:
        """Return the most arrivals of one journey that any whole second holds."""
        arrivals = zip(self.intended, self.journey, strict=True)
        seconds = Counter(start // NS_PER_S for start, number in arrivals if number == journey)
        return max(seconds.values(), default=0)


def read_schedule(path: Path, journeys: int) -> Schedule:
    """Read a schedule. Raises OSError, or ValueError where it is not one."""
    intended, journey = array("q"), array("h")
    with path.open(encoding="ascii") as lines:
        for line in lines:
            start, _, number = line.partition(",")
            intended.append(int(start))
            journey.append(int(number))
    if any(not 0 <= number < journeys for number in journey):
        raise ValueError(f"{path} names a journey beyond the {journeys} of the job")
    if any(intended[i] > intended[i + 1] for i in range(len(intended) - 1)):
        raise ValueError(f"{path} is not in order of time")
    return Schedule(intended, journey)
