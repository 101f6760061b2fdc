"""Charts of what the load saw: arrivals, latency by journey, and journeys that did not end in full.

Every value belongs to the slot in which the journey was meant to start, except achieved arrivals.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.model.history import History
from workbench.pages.axis import Axis
from workbench.pages.charts import Chart
from workbench.pages.chosen_charts import MOST_JOURNEYS, arrivals_chart, latency_chart, milliseconds, outcomes_chart

_PLANNED = """
SELECT (intended - ?) // ? AS slot, count(*) FROM arrivals WHERE intended >= ? AND intended < ? GROUP BY slot
"""

_ACHIEVED = """
SELECT (dispatched - ?) // ? AS slot, count(*) FROM requests
WHERE kind = 'journey' AND arrival >= 0 AND dispatched >= ? AND dispatched < ? GROUP BY slot
"""

_OUTCOMES = """
SELECT outcome, (intended - ?) // ? AS slot, count(*) FROM requests
WHERE kind = 'journey' AND arrival >= 0 AND intended >= ? AND intended < ? GROUP BY outcome, slot
"""

# In whole µs, because the database holds every value of a quantile in memory: 4 bytes instead of 8; what takes
# longer than half an hour counts as half an hour.
_LATENCY = """
SELECT journey, (intended - ?) // ? AS slot,
       quantile_disc(CAST(greatest(least((ended - {start}) // 1000, 2147483647), 0) AS INTEGER), {quantiles})
FROM requests
WHERE kind = 'journey' AND arrival >= 0 AND intended >= ? AND intended < ? GROUP BY journey, slot
"""


def journey_charts(history: History, axis: Axis) -> Iterator[Chart]:
    """Yield the charts, the first ones being those that are asked for first."""
    yield _arrivals(history, axis)
    yield from _latencies(history, axis)
    yield _not_in_full(history, axis)


def _params(axis: Axis) -> tuple[int, int, int, int]:
    return axis.start_ns, axis.slot_ns, axis.start_ns, axis.end_ns


def _arrivals(history: History, axis: Axis) -> Chart:
    planned: dict[int, int] = dict(history.rows(_PLANNED, *_params(axis)))
    achieved: dict[int, int] = dict(history.rows(_ACHIEVED, *_params(axis)))
    return arrivals_chart(axis, planned, achieved)


def _latencies(history: History, axis: Axis) -> Iterator[Chart]:
    both = _LATENCY.format(start="intended", quantiles="[0.5, 0.95]")
    response = {(j, slot): q for j, slot, q in history.rows(both, *_params(axis))}
    served = _LATENCY.format(start="started", quantiles="0.95")
    service = {(j, slot): q for j, slot, q in history.rows(served, *_params(axis))}
    for journey in list(history.run.scenario.load.mix)[:MOST_JOURNEYS]:
        points = [(response.get((journey, s)), service.get((journey, s))) for s in range(axis.slots)]
        yield latency_chart(
            journey,
            [
                (
                    None if r is None else milliseconds(r[0]),
                    None if r is None else milliseconds(r[1]),
                    None if s is None else milliseconds(s),
                )
                for r, s in points
            ],
        )


def _not_in_full(history: History, axis: Axis) -> Chart:
    counted: dict[str, dict[int, int]] = {}
    for outcome, slot, count in history.rows(_OUTCOMES, *_params(axis)):
        counted.setdefault(outcome, {})[slot] = count
    return outcomes_chart(axis, counted)
