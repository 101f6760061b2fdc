"""SLO and error budget: what was promised, what is left of the budget, how fast it burns, which alerts fire."""

from __future__ import annotations

from dashboards.dashboard import Page, Row, run, slo
from dashboards.panels import HALF, RED, THIRD, YELLOW, curves, sheet, states
from dashboards.queries import during, latest, rate, share
from workbench.model.detection import ALERT

_SLO = 'slo=~"$slo"'
_GOOD = f"workbench_sli_good_total{{{_SLO}}}"
_ALL = f"workbench_sli_events_total{{{_SLO}}}"
_OBJECTIVE = f"max by (slo) (workbench_slo_objective{{{_SLO}}})"
_SO_FAR = f"sum by (slo) ({_GOOD}) / (sum by (slo) ({_ALL}) > 0)"
"""The counters begin at 0 with each run."""
_LEFT = f"1 - (1 - {_SO_FAR}) / (1 - {_OBJECTIVE})"


def page() -> Page:
    """Return the dashboard."""
    return Page(
        uid="workbench-slo",
        title="SLO and error budget",
        question="Which objectives hold, what is left of their error budgets, how fast do they burn, who is alerted?",
        variables=[run(), slo()],
        rows=[
            Row(
                "Which objectives hold in this run?",
                [
                    sheet(
                        "How does each one stand?",
                        "slo",
                        {
                            "Objective": (latest(_OBJECTIVE), "percentunit"),
                            "Good so far": (latest(_SO_FAR), "percentunit"),
                            "Journeys": (latest(f"sum by (slo) ({_ALL})"), "short"),
                            "Budget left": (latest(_LEFT), "percentunit"),
                        },
                    ),
                ],
            ),
            Row(
                "What is left of the error budget?",
                [
                    curves(
                        "Which share of the budget is left? (below 0 it is overspent)",
                        during(_LEFT, "{{slo}}"),
                        unit="percentunit",
                        width=HALF,
                        least=None,
                    ),
                    curves(
                        "Which share is good at this moment?",
                        during(share(_GOOD, _ALL, "slo"), "{{slo}}"),
                        unit="percentunit",
                        most=1,
                        width=HALF,
                    ),
                ],
            ),
            Row(
                "How fast does it burn?",
                [
                    curves(
                        "What are the burn rates, by window? (an alert compares two)",
                        during(
                            f'label_replace({{__name__=~"slo:error_budget:burn_rate.+", {_SLO}}}, "window", "$1", '
                            '"__name__", "slo:error_budget:burn_rate(.*)")',
                            "{{slo}} over {{window}}",
                        ),
                        width=THIRD,
                        limit=1,
                        nothing="no rules: they come with the first run",
                    ),
                    states(
                        "Which alerts fire?",
                        during(_firing("ticket"), "{{slo}}: ticket, {{window}}"),
                        during(f"{_firing('page')} + 1", "{{slo}}: page, {{window}}"),
                        words={1: ("ticket", YELLOW), 2: ("page", RED)},
                        width=THIRD,
                        nothing="none",
                    ),
                    curves(
                        "How many journeys count, and how many are bad?",
                        during(rate(_ALL, "slo"), "{{slo}}"),
                        during(f"{rate(_ALL, 'slo')} - {rate(_GOOD, 'slo')}", "{{slo}}: bad"),
                        unit="reqps",
                        width=THIRD,
                    ),
                ],
            ),
        ],
    )


def _firing(severity: str) -> str:
    """Return 1 for each alert that fires."""
    which = f'alertname="{ALERT}", alertstate="firing", severity="{severity}", {_SLO}'
    return f"max by (slo, window) (ALERTS{{{which}}})"
