"""Service: what is asked of one service, what it asks of others, and what it holds."""

from __future__ import annotations

from dashboards.dashboard import Page, Row, one_service, run
from dashboards.edge_panels import attempts, breakers, calls, ends, failing, fallbacks
from dashboards.panels import HALF, THIRD, curves, spread, states
from dashboards.queries import Query, during, quantile, rate
from dashboards.run_overview import ANSWERS

_IT = 'service="$service"'
_BUCKETS = f"http_server_request_duration_seconds_bucket{{{_IT}}}"
_FROM_IT, _TO_IT = 'edge=~"$service:.*"', 'edge=~".*:$service"'
_NOBODY = "it calls nobody"


def page() -> Page:
    """Return the dashboard."""
    return Page(
        uid="workbench-service",
        title="Service",
        question="What is asked of a service, how does it answer, what does it ask of others, and what does it hold?",
        variables=[run(), one_service()],
        rows=[_asked(), _asks(), _holds()],
    )


def _asked() -> Row:
    return Row(
        "What is asked of it, and how does it answer?",
        [
            curves(
                "Which requests come?",
                during(
                    f"{rate(f'http_server_requests_total{{{_IT}}}', 'method', 'route')} > 0", "{{method}} {{route}}"
                ),
                unit="reqps",
                stacked=True,
                width=THIRD,
                nothing="nothing is asked of it",
            ),
            curves(
                "How are they answered?",
                during(rate(f"http_server_requests_total{{{_IT}}}", "code"), "{{code}}"),
                unit="reqps",
                stacked=True,
                width=THIRD,
            ),
            ends(
                "Who asks it, and with what success?", attempts(_TO_IT), width=THIRD, nothing="no other service asks it"
            ),
            curves(
                "How long does it take? (points are traces)",
                *(
                    during(quantile(q, _BUCKETS), f"{q:.0%} at most", exemplars=q == 0.95)  # one is enough for points
                    for q in (0.5, 0.95, 0.99)
                ),
                unit="s",
                width=HALF,
            ),
            spread(
                "How do these times spread? (points are traces)",
                Query(f"sum by (le) (increase({_BUCKETS}[$__rate_interval]))", "{{le}}", exemplars=True),
            ),
        ],
    )


def _asks() -> Row:
    return Row(
        "What does it ask of others?",
        [
            ends("How do its calls end?", calls(_FROM_IT), nothing=_NOBODY),
            failing("Which share of attempts fails?", attempts(_FROM_IT), nothing=_NOBODY),
            breakers("Which breakers are open?", _IT, nothing=_NOBODY),
            fallbacks("How often does a fallback answer?", _IT, nothing="it has no fallback"),
        ],
    )


def _holds() -> Row:
    return Row(
        "What does it hold and use?",
        [
            states("Does it answer Prometheus?", Query(f"up{{{_IT}}}", "{{service}}"), words=ANSWERS),
            curves(
                "How many requests are in flight?",
                during(f"sum(http_server_active_requests{{{_IT}}})", "requests"),
            ),
            curves(
                "How many cores does it use?",
                during(rate('workbench_process_cpu_seconds_total{process="$service"}'), "cores"),
                nothing="known while a run goes on, of a native stack",
            ),
            curves(
                "How much memory does it hold?",
                during('sum(workbench_process_resident_bytes{process="$service"})', "resident"),
                unit="bytes",
                nothing="known while a run goes on, of a native stack",
            ),
            curves(
                "How old is the oldest message that it has not delivered?",
                during(f"max(workbench_outbox_lag_seconds{{{_IT}}})", "oldest"),
                unit="s",
                width=THIRD,
                nothing="it has no outbox",
            ),
            curves(
                "What comes of looking into its cache?",
                during(rate(f"cache_lookups_total{{{_IT}}}", "cache", "result"), "{{cache}}: {{result}}"),
                unit="ops",
                stacked=True,
                width=THIRD,
                nothing="it has no cache",
            ),
            curves(
                "How do messages end that it gets?",
                during(rate(f"workbench_consumer_messages_total{{{_IT}}}", "end"), "{{end}}"),
                unit="ops",
                stacked=True,
                width=THIRD,
                nothing="it gets no messages",
            ),
        ],
    )
