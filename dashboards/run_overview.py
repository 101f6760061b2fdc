"""Run overview: what a run does to its users, edges, mechanisms and services, one row each."""

from __future__ import annotations

from dashboards.dashboard import Page, Row, edge, run, service
from dashboards.edge_panels import at_the_plane, attempts, attempts_per_call, breakers, calls, failing, fallbacks
from dashboards.panels import GREEN, RED, THIRD, WHOLE, curves, figures, states
from dashboards.queries import COLLECTOR, Query, during, lost, quantile, rate, share
from workbench.model.tools import OVERVIEW

ANSWERS = {1: ("answers", GREEN), 0: ("does not answer", RED)}

_EDGE = 'edge=~"$edge"'
_SERVICE = 'service=~"$service"'
_REQUESTS = f"http_server_requests_total{{{_SERVICE}}}"
_EVERYDAY = 'decision!~"breaker.(admitted|counted_success|left_out)"'
"""Decisions that each good call makes."""


def page() -> Page:
    """Return the dashboard."""
    return Page(
        uid=OVERVIEW,
        title="Run overview",
        question="What does a run do to users, edges, mechanisms and services, and can these figures be believed?",
        variables=[run(), service(), edge()],
        before=[
            states(
                "What goes on?",
                during(f"max by (phase) (workbench_phase_active{{{COLLECTOR}}}) == 1", "{{phase}}"),
                during(
                    f"max by (fault, target) (workbench_fault_active{{{COLLECTOR}}}) + 1 == 2",
                    "{{fault}} on {{target}}",
                ),
                words={1: ("phase", "blue"), 2: ("fault", RED)},
                width=WHOLE,
                height=6,
                nothing="no run goes on",
            )
        ],
        rows=[_users(), _edges(), _mechanisms(), _services(), _trust()],
    )


def _users() -> Row:
    return Row(
        "Users: what do they feel?",
        [
            curves(
                "Do users come as planned?",
                during(rate("workbench_arrivals_planned_total"), "planned"),
                during(rate("workbench_arrivals_dispatched_total"), "came"),
                unit="reqps",
            ),
            curves(
                "How do their journeys end?",
                during(rate("workbench_journeys_total", "journey", "outcome"), "{{journey}}: {{outcome}}"),
                unit="reqps",
                stacked=True,
            ),
            curves(
                "How long do they wait, from when they meant to start?",
                during("max(workbench_journey_p95_seconds)", "95 % at most"),
                unit="s",
            ),
            curves(
                "Which share is good, by objective?",
                during(share("workbench_sli_good_total", "workbench_sli_events_total", "slo"), "{{slo}}"),
                unit="percentunit",
                most=1,
            ),
        ],
    )


def _edges() -> Row:
    return Row(
        "Edges: what goes between services?",
        [
            curves("How many calls are made?", during(rate(calls(_EDGE), "edge"), "{{edge}}"), unit="reqps"),
            failing("Which share of attempts fails?", attempts(_EDGE)),
            at_the_plane("How many attempts reach the fault plane?", _EDGE),
            curves(
                "How many do faults hit?",
                during(rate(f"workbench_fault_hit_total{{{_EDGE}}}", "fault", "edge"), "{{fault}} on {{edge}}"),
                unit="reqps",
                nothing="no fault that counts hits",
            ),
        ],
    )


def _mechanisms() -> Row:
    return Row(
        "Resilience: what do the mechanisms do?",
        [
            breakers("Which breakers are open?", _EDGE, nothing="no edge has a breaker"),
            curves(
                "What do they decide?",
                during(f"{rate(f'workbench_decisions_total{{{_EDGE}, {_EVERYDAY}}}', 'decision')} > 0", "{{decision}}"),
                unit="ops",
                stacked=True,
                nothing="nothing but the everyday",
            ),
            fallbacks("How often does a fallback answer?", _EDGE),
            attempts_per_call(_EDGE),
        ],
    )


def _services() -> Row:
    return Row(
        "Services: how are they?",
        [
            curves("What is asked of them?", during(rate(_REQUESTS, "service"), "{{service}}"), unit="reqps"),
            curves(
                "Which share do they fail?",
                during(
                    share(f'http_server_requests_total{{{_SERVICE}, code="5xx"}}', _REQUESTS, "service"), "{{service}}"
                ),
                unit="percentunit",
                most=1,
            ),
            curves(
                "How long do they take? (points are traces)",
                during(
                    quantile(0.95, f"http_server_request_duration_seconds_bucket{{{_SERVICE}}}", "service"),
                    "{{service}}: 95 % at most",
                    exemplars=True,
                ),
                unit="s",
            ),
            curves(
                "How many cores do they use?",
                during(rate("workbench_process_cpu_seconds_total", "process"), "{{process}}"),
                stacked=True,
            ),
        ],
    )


def _trust() -> Row:
    return Row(
        "Telemetry: can these figures be believed?",
        [
            curves(
                "How late is the load itself?",
                during("max(workbench_load_lag_p99_seconds)", "99 % at most"),
                unit="s",
                width=THIRD,
            ),
            states(
                "Who answers Prometheus?",
                during("min by (service) (up)", "{{service}}"),
                words=ANSWERS,
                width=THIRD,
            ),
            figures(
                "What was lost in the time that is shown?",
                Query(lost("workbench_spans_dropped_total"), "spans, by services"),
                Query(lost("workbench_spans_rejected_total"), "spans without ids"),
                Query(lost("workbench_spans_not_forwarded_total"), "spans, not taken by Jaeger"),
                Query(lost("workbench_rows_dropped_total"), "rows of the run"),
                Query(lost('workbench_scrapes_total{end!="answered"}'), "scrapes of the collector"),
                width=THIRD,
                red_from=1,
            ),
        ],
    )
