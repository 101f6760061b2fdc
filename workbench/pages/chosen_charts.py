"""Which charts there are of a run, with their titles and colours, from what was counted in each slot.

Every value belongs to the slot in which the journey was meant to start, except achieved arrivals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.pages.axis import Axis
from workbench.pages.charts import Chart, Series

MOST_JOURNEYS = 4

NOT_OK = (("degraded", "amber"), ("indeterminate", "violet"), ("failed", "red"))
"""Outcomes that are drawn, from the bottom up, and their colours."""

Latency = tuple[float | None, float | None, float | None]
"""Of one slot, in ms: p50 and p95 of response times, p95 of service times."""


def milliseconds(us: int) -> float:
    """Return milliseconds with three digits, which is more than a chart shows. Never falls where `us` grows."""
    return float(f"{us / 1000:.3g}") if us < 1_000_000 else round(us / 1000)


def arrivals_chart(
    axis: Axis, planned: Mapping[int, int], achieved: Mapping[int, int], known: int | None = None
) -> Chart:
    """Draw arrivals per second; what nobody recorded has no line, rather than one at zero."""
    series = []
    if achieved:
        series.append(Series("achieved", "blue", axis.rates(achieved, known)))
    if planned:
        series.append(Series("planned", "grey", axis.rates(planned), "dashed"))
    if not series:
        return Chart("arrivals", "Arrivals", "/s", (), missing="no arrivals were recorded")
    note = "" if len(series) == 2 else "no data on those that were " + ("planned" if achieved else "achieved")
    return Chart("arrivals", "Arrivals", "/s", tuple(series), note=note)


def latency_chart(journey: str, points: Sequence[Latency]) -> Chart:
    """Draw quantiles of one journey, a point for each slot."""
    lines = list(zip(*points, strict=True)) or [(), (), ()]
    series = (
        Series("p50", "sky", tuple(lines[0])),
        Series("p95", "blue", tuple(lines[1])),
        Series("service time p95", "orange", tuple(lines[2]), "dashed"),
    )
    missing = "" if any(value is not None for value in lines[0]) else f"no {journey} journey was recorded"
    title, note = f"Latency of {journey}", "from the intended start"
    return Chart(f"latency-{journey}", title, "ms", series if not missing else (), missing=missing, note=note)


def outcomes_chart(axis: Axis, counted: Mapping[str, Mapping[int, int]], known: int | None = None) -> Chart:
    """Draw what did not end in full, stacked. `counted` has every outcome that was seen, `ok` as well."""
    title = "Journeys not served in full"
    if not any(counted.values()):
        return Chart("outcomes", title, "/s", (), missing="no journeys were recorded")
    series = tuple(
        Series(name, colour, axis.rates(counted[name] if name in counted else {}, known), "area")
        for name, colour in NOT_OK
    )
    return Chart("outcomes", title, "/s", series, stacked=True, note="all journeys, stacked")


def attempts_chart(
    axis: Axis,
    edge: str,
    *,
    attempts: Mapping[int, int],
    hits: Mapping[int, int] | None,
    calls: Mapping[int, int],
    known: int | None = None,
) -> Chart:
    """Draw what went over an edge. `hits` is None where nobody counts them."""
    id_, title = f"attempts-{edge.replace(':', '-')}", f"Calls and attempts on {edge}"
    if not attempts and not calls:
        return Chart(id_, title, "/s", (), missing="nothing was seen on this edge")
    series = []  # what nobody recorded has no line, rather than one at zero
    if attempts:
        series.append(Series("attempts", "blue", axis.rates(attempts, known)))
        if hits is not None:
            series.append(Series("hit by a fault", "fault", axis.rates(hits, known)))
    if calls:
        series.append(Series("calls", "grey", axis.rates(calls, known), "dashed"))
    return Chart(id_, title, "/s", tuple(series))


def per_call_chart(axis: Axis, edge: str, attempts: Mapping[int, int], calls: Mapping[int, int]) -> Chart:
    """Draw attempts per logical call, in slots in which there was a call."""
    id_, title = f"per-call-{edge.replace(':', '-')}", f"Attempts per call on {edge}"
    if not calls or not attempts:
        missing = f"the caller sends no call spans for {edge}" if attempts else f"no attempt on {edge} was recorded"
        return Chart(id_, title, "", (), missing=missing)
    ratio = tuple(
        round(attempts.get(slot, 0) / calls[slot], 2) if calls.get(slot) else None for slot in range(axis.slots)
    )
    note = "above 1 are retries, below 1 calls that were not let through"
    return Chart(id_, title, "", (Series("attempts per call", "teal", ratio),), note=note)
