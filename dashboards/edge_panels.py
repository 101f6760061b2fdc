"""Panels about edges that several dashboards have: the same question of more edges, or of fewer.

`edges` says of which, as a PromQL selector. `nothing` is said where there is no data.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import statetimeline, timeseries

from dashboards.panels import GREEN, QUARTER, RED, YELLOW, curves, states
from dashboards.queries import BAD_ENDS, during, rate, share

_BREAKER = {0: ("closed", GREEN), 1: ("half open", YELLOW), 2: ("open", RED)}


def calls(edges: str) -> str:
    """Return the counter of what callers wished."""
    return f"workbench_edge_calls_total{{{edges}}}"


def attempts(edges: str) -> str:
    """Return the counter of what went over the wire for that."""
    return f"workbench_edge_attempts_total{{{edges}}}"


def ends(title: str, counter: str, *, width: int = QUARTER, nothing: str | None = None) -> timeseries.Panel:
    """Return how calls or attempts end."""
    query = during(rate(counter, "edge", "outcome") + " > 0", "{{edge}}: {{outcome}}")
    return curves(title, query, unit="reqps", stacked=True, width=width, nothing=nothing)


def failing(title: str, counter: str, *, width: int = QUARTER, nothing: str | None = None) -> timeseries.Panel:
    """Return which share of calls or attempts ends badly."""
    query = during(share(f"{counter.removesuffix('}')}, {BAD_ENDS}}}", counter, "edge"), "{{edge}}")
    return curves(title, query, unit="percentunit", most=1, width=width, nothing=nothing)


def attempts_per_call(edges: str) -> timeseries.Panel:
    """Return how many attempts a call takes."""
    per_call = f"{rate(attempts(edges), 'edge')} / ({rate(calls(edges), 'edge')} > 0)"
    return curves("How many attempts does a call make?", during(per_call, "{{edge}}"))


def at_the_plane(title: str, edges: str) -> timeseries.Panel:
    """Return how many attempts the fault plane sees."""
    query = during(rate(f"workbench_plane_attempts_total{{{edges}}}", "edge"), "{{edge}}")
    return curves(title, query, unit="reqps", nothing="Toxiproxy counts no attempts")


def breakers(title: str, which: str, *, width: int = QUARTER, nothing: str | None = None) -> statetimeline.Panel:
    """Return the states of breakers."""
    query = during(f"max by (edge) (workbench_breaker_state{{{which}}})", "{{edge}}")
    return states(title, query, words=_BREAKER, width=width, nothing=nothing)


def fallbacks(title: str, which: str, *, width: int = QUARTER, nothing: str | None = None) -> timeseries.Panel:
    """Return how often something else is answered."""
    query = during(rate(f"workbench_fallback_total{{{which}}}", "edge", "kind"), "{{kind}} for {{edge}}")
    return curves(title, query, unit="ops", stacked=True, width=width, nothing=nothing)
