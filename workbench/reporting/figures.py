"""Numbers and moments as a reader of a report wants them. Words only: what they mean is decided elsewhere.

"no data" is written as such. Nothing here turns something missing into a zero.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite

from workbench.checks import wording
from workbench.model.units import NS_PER_S
from workbench.model.verdict import Limit, Measurement, NoData, ProbeError, Value

NO_DATA = "no data"

_SIGNS = {"at_least": "≥", "at_most": "≤"}


def measured(measurement: Measurement, limit: Limit | None) -> str:
    """Write what was observed, in the unit of its limit."""
    match measurement:
        case Value() if not isfinite(measurement.number):
            return "not a number"
        case Value():
            return number(measurement.number, measurement.unit, limit)
        case NoData():
            return NO_DATA
        case ProbeError():
            return "not measured"


def number(value: float, unit: str, limit: Limit | None = None) -> str:
    """Write one number. A ratio with a limit above 1 is a multiple, not a share."""
    match unit:
        case "ns":
            return wording.time(value)
        case "ratio" if limit is not None and limit.number > 1:
            return f"{value:.3g}×"
        case "ratio":
            return wording.share(value)
        case "per_call":
            return f"{value:.3g} per call"
        case _:
            return thousands(value)


def bound(limit: Limit) -> str:
    """Write a limit: ≥ 95 %."""
    return f"{_SIGNS[limit.comparison]} {number(limit.number, limit.unit, limit)}"


def interval(ends: tuple[float, float], unit: str, limit: Limit | None) -> str:
    """Write an interval: 97 % to 100 %."""
    low, high = (number(end, unit, limit) for end in ends)
    return low if low == high else f"{low} to {high}"


def thousands(value: float) -> str:
    """Write a count with thin spaces between thousands, digits after the point only where there are any."""
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3g}"
    return text.replace(",", "\u202f")


def moment(ns: int) -> str:
    """Write a time since run zero: 30.1 s."""
    return f"{ns / NS_PER_S:.1f} s"


def length(ns: int) -> str:
    """Write how long something was, for people: 85 s, 3 min 20 s, 1 h 5 min."""
    seconds = round(ns / NS_PER_S)
    if seconds < 120:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def utc(wall_ns: int) -> str:
    """Write a wall time: 2026-01-31 12:00:00 UTC. A clock that was never set gives "no data"."""
    found = wall_time(wall_ns)
    return NO_DATA if found is None else found.strftime("%Y-%m-%d %H:%M:%S UTC")


def wall_time(wall_ns: int) -> datetime | None:
    """Return a wall time; None if no calendar has it."""
    try:
        return datetime.fromtimestamp(wall_ns // NS_PER_S, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def size(byte_count: int) -> str:
    """Write a size of memory: 7.8 GiB."""
    return f"{byte_count / 2**30:.1f} GiB"
