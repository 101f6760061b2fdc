"""Which journeys are worth a look: the slowest and the failed ones under the fault, and one of baseline beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.model.history import History

_SLOWEST, _FAILED = 3, 3

_COLUMNS = "journey, phase, outcome, error, trace_id, intended, started, ended"

_BY_TIME = f"""
SELECT {_COLUMNS} FROM journeys WHERE role = 'fault' AND trace_id IS NOT NULL ORDER BY response_ns DESC, arrival LIMIT ?
"""

# One of each kind of failure before a second one of any kind.
_BY_FAILURE = f"""
SELECT {_COLUMNS} FROM journeys
WHERE role = 'fault' AND trace_id IS NOT NULL AND outcome NOT IN ('ok', 'degraded')
  AND NOT list_contains(?, trace_id)
ORDER BY row_number() OVER (PARTITION BY journey, outcome, error ORDER BY intended), intended LIMIT ?
"""

_ALIKE = """
role = ? AND outcome = ? AND (? IS NULL OR journey = ?) AND NOT crossing AND trace_id IS NOT NULL
AND NOT list_contains(?, trace_id)
"""

_MEDIAN = f"SELECT quantile_disc(response_ns, 0.5) FROM journeys WHERE {_ALIKE}"

_TYPICAL = f"""
SELECT {_COLUMNS} FROM journeys WHERE {_ALIKE} AND response_ns >= ? ORDER BY response_ns, arrival LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A journey whose trace is shown, and why."""

    why: str
    journey: str
    phase: str
    outcome: str
    error: str | None
    trace_id: str
    intended_ns: int
    started_ns: int
    ended_ns: int


def chosen_traces(history: History) -> list[Chosen]:
    """Return the journeys to show: up to 3 slowest, up to 3 failed, one degraded, one typical of baseline."""
    found: list[Chosen] = []
    for rank, row in enumerate(history.rows(_BY_TIME, _SLOWEST), 1):
        found.append(Chosen("slowest" if rank == 1 else f"slowest, no. {rank}", *row))
    found += [Chosen("failed", *row) for row in history.rows(_BY_FAILURE, _ids(found), _FAILED)]
    found += _typical(history, "fault", "degraded", None, _ids(found))
    subject = found[0].journey if found else None
    found += _typical(history, "baseline", "ok", subject, _ids(found))
    return found


def _typical(history: History, role: str, outcome: str, journey: str | None, known: list[str]) -> Iterator[Chosen]:
    """Yield the journey whose time is the median of its like, if there is any."""
    why = f"typical of {outcome}" if role == "fault" else f"typical of {role}"
    alike = (role, outcome, journey, journey, known)
    (median,) = history.row(_MEDIAN, *alike)
    for row in history.rows(_TYPICAL, *alike, median) if median is not None else ():
        yield Chosen(why, *row)


def _ids(chosen: list[Chosen]) -> list[str]:
    return [one.trace_id for one in chosen]
