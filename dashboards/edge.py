"""Edge and resilience: what happens on an edge, from the caller's wish to the wire, and what each mechanism does."""

from __future__ import annotations

from dashboards.dashboard import Page, Row, edge, run
from dashboards.edge_panels import at_the_plane, attempts, attempts_per_call, breakers, calls, ends, failing, fallbacks
from dashboards.panels import RED, THIRD, curves, states
from dashboards.queries import COLLECTOR, Query, during, rate

_EDGE = 'edge=~"$edge"'


def page() -> Page:
    """Return the dashboard."""
    return Page(
        uid="workbench-edge",
        title="Edge and resilience",
        question="What do callers get on an edge, what goes over the wire, and what did each mechanism decide?",
        variables=[run(), edge()],
        rows=[_callers(), _wire(), _breaker(), _others()],
    )


def _callers() -> Row:
    return Row(
        "What do callers get?",
        [
            ends("How do calls end?", calls(_EDGE), width=THIRD, nothing="no calls"),
            failing("Which share of calls fails?", calls(_EDGE), width=THIRD),
            fallbacks(
                "How often does a fallback answer instead?", _EDGE, width=THIRD, nothing="no fallback on this edge"
            ),
        ],
    )


def _wire() -> Row:
    return Row(
        "What goes over the wire?",
        [
            ends("How do attempts end?", attempts(_EDGE), nothing="no attempts"),
            attempts_per_call(_EDGE),
            at_the_plane("How many attempts does the fault plane see?", _EDGE),
            states(
                "When was a fault on it?",
                during(f'max by (fault, target) (workbench_fault_active{{{COLLECTOR}, target=~"$edge"}})', "{{fault}}"),
                words={0: ("off", "transparent"), 1: ("on", RED)},
                nothing="no fault on this edge",
            ),
        ],
    )


def _breaker() -> Row:
    return Row(
        "What does the breaker do?",
        [
            breakers("In which state is it?", _EDGE, width=THIRD),
            curves(
                "How often does it change its state?",
                during(
                    rate(f"workbench_breaker_transitions_total{{{_EDGE}}}", "edge", "to") + " > 0", "{{edge}} to {{to}}"
                ),
                unit="ops",
                stacked=True,
                width=THIRD,
                nothing="never",
            ),
            curves(
                "How many calls does it refuse?",
                during(rate(f'workbench_edge_calls_total{{{_EDGE}, outcome="rejected_breaker"}}', "edge"), "{{edge}}"),
                unit="reqps",
                width=THIRD,
            ),
        ],
    )


def _others() -> Row:
    return Row(
        "What do the other mechanisms do?",
        [
            curves("Who runs into a timeout?", _decided("timeout.expired", "{{edge}}"), unit="ops"),
            curves("How many retries are made, and not made?", _decided("retry.*"), unit="ops"),
            curves("How many attempts find the bulkhead full?", _decided("bulkhead.rejected", "{{edge}}"), unit="ops"),
            curves("What do hedges and deadlines do?", _decided("(hedge|deadline).*"), unit="ops"),
        ],
    )


def _decided(pattern: str, legend: str = "{{edge}}: {{decision}}") -> Query:
    decisions = f'workbench_decisions_total{{{_EDGE}, decision=~"{pattern}"}}'
    return during(rate(decisions, "edge", "decision"), legend)
