"""Charts of what the load saw: arrivals, latency by journey, and journeys that did not end in full.

Every value belongs to the slot in which the journey was meant to start, except achieved arrivals.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.model.history import History
from workbench.reporting.timeline import Axis, Chart, Series

_MOST_JOURNEYS = 4

_NOT_OK = (("degraded", "amber"), ("indeterminate", "violet"), ("failed", "red"))
"""Outcomes that are drawn, from the bottom up, and their colours."""

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
    title = "Arrivals"
    planned: dict[int, int] = dict(history.rows(_PLANNED, *_params(axis)))
    achieved: dict[int, int] = dict(history.rows(_ACHIEVED, *_params(axis)))
    if not planned and not achieved:
        return Chart("arrivals", title, "/s", (), missing="no arrivals were recorded")
    series = []  # a table that is missing has no line, rather than one at zero
    if achieved:
        series.append(Series("achieved", "blue", axis.rates(achieved)))
    if planned:
        series.append(Series("planned", "grey", axis.rates(planned), "dashed"))
    note = "" if len(series) == 2 else "no data on those that were " + ("planned" if achieved else "achieved")
    return Chart("arrivals", title, "/s", tuple(series), note=note)


def _latencies(history: History, axis: Axis) -> Iterator[Chart]:
    both = _LATENCY.format(start="intended", quantiles="[0.5, 0.95]")
    response = {(j, slot): q for j, slot, q in history.rows(both, *_params(axis))}
    served = _LATENCY.format(start="started", quantiles="0.95")
    service = {(j, slot): q for j, slot, q in history.rows(served, *_params(axis))}
    for journey in list(history.run.scenario.load.mix)[:_MOST_JOURNEYS]:
        points = [(response.get((journey, s)), service.get((journey, s))) for s in range(axis.slots)]
        series = (
            Series("p50", "sky", tuple(None if r is None else _ms(r[0]) for r, _ in points)),
            Series("p95", "blue", tuple(None if r is None else _ms(r[1]) for r, _ in points)),
            Series("service time p95", "orange", tuple(None if s is None else _ms(s) for _, s in points), "dashed"),
        )
        missing = "" if any(r for r, _ in points) else f"no {journey} journey was recorded"
        title, note = f"Latency of {journey}", "from the intended start"
        yield Chart(f"latency-{journey}", title, "ms", series if not missing else (), missing=missing, note=note)


def _ms(us: int) -> float:
    """Return milliseconds with three digits, which is more than a chart shows."""
    return float(f"{us / 1000:.3g}") if us < 1_000_000 else round(us / 1000)


def _not_in_full(history: History, axis: Axis) -> Chart:
    counted: dict[str, dict[int, int]] = {name: {} for name, _ in _NOT_OK}
    rows = history.rows(_OUTCOMES, *_params(axis))
    for outcome, slot, count in rows:
        counted.setdefault(outcome, {})[slot] = count
    title = "Journeys not served in full"
    if not rows:
        return Chart("outcomes", title, "/s", (), missing="no journeys were recorded")
    series = tuple(Series(name, colour, axis.rates(counted[name]), "area") for name, colour in _NOT_OK)
    return Chart("outcomes", title, "/s", series, stacked=True, note="all journeys, stacked")
