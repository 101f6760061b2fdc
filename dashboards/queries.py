"""PromQL that several dashboards share, and the names that it needs.

The run is no label of what is measured. A query is joined with `workbench_run_info` instead, so that it has values
only while the chosen run went on; with all runs chosen, always.
"""

from __future__ import annotations

from dataclasses import dataclass

COLLECTOR = 'service="collector"'
"""Where the run itself is told; the fault plane has metrics of the same names that tell more of less."""

BAD_ENDS = 'outcome!~"ok|client_error"'
"""Ends of attempts that speak against the callee or the caller."""

_WINDOW = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel. `legend` names its series by their labels: `{{edge}}`."""

    expr: str
    legend: str
    exemplars: bool = False


def during(expr: str, legend: str, *, exemplars: bool = False) -> Query:
    """Return a query that is answered for the time of the chosen run only."""
    return Query(f'({expr}) and on() workbench_run_info{{run=~"$run"}}', legend, exemplars)


def rate(counter: str, *by: str) -> str:
    """Return events per second, added up over everything but the labels `by`."""
    return _summed(f"rate({counter}[{_WINDOW}])", by)


def share(part: str, whole: str, *by: str) -> str:
    """Return which part of a counter another one is. Where nothing happened there is no share."""
    return f"{rate(part, *by)} / ({rate(whole, *by)} > 0)"


def quantile(q: float, histogram: str, *by: str) -> str:
    """Return a quantile of a classic histogram, as exact as its buckets are."""
    return f"histogram_quantile({q:g}, {rate(histogram, 'le', *by)})"


def latest(expr: str) -> str:
    """Return the last value that an expression had in the chosen run, within the time that is shown."""
    return f'last_over_time((({expr}) and on() workbench_run_info{{run=~"$run"}})[$__range:1s])'


def lost(counter: str) -> str:
    """Return how much was added to a counter over the time that is shown."""
    return f"sum(increase({counter}[$__range]))"


def _summed(expr: str, by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})"
