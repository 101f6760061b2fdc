"""Recording rules and alerts of SLOs, generated: one group per SLO, so that all its rules have the same timestamps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from workbench.model.burn_rates import BurnRate, burn_rates
from workbench.model.detection import ALERT, EVALUATED
from workbench.model.slo import Slo

_INTERVAL = "1s"
BAD = "slo:sli_bad:ratio_rate"
BURN = "slo:error_budget:burn_rate"


def rules(slos: Sequence[Slo], run_s: float) -> dict[str, Any]:
    """Return the content of a rules file for a run of `run_s` seconds."""
    return {"groups": [_group(slo, burn_rates(run_s, slo.target)) for slo in slos]}


def _group(slo: Slo, rates: list[BurnRate]) -> dict[str, Any]:
    windows = sorted({window for rate in rates for window in (rate.long_s, rate.short_s)})
    records: list[dict[str, Any]] = [
        {"record": f"{BAD}{window}s", "expr": bad_share(slo, window), "labels": {"slo": slo.name}} for window in windows
    ]
    records += [
        {
            "record": f"{BURN}{window}s",
            "expr": f"{BAD}{window}s{_of(slo)} / {1 - slo.target:.6g}",
            "labels": {"slo": slo.name},
        }
        for window in windows
    ]
    alerts = [_alert(slo, rate) for rate in rates]
    # the last one: where it has a sample, everything before it was evaluated
    evaluated = {"record": EVALUATED, "expr": "vector(1)", "labels": {"slo": slo.name}}
    return {"name": f"slo:{slo.name}", "interval": _INTERVAL, "rules": [*records, *alerts, evaluated]}


def bad_share(slo: Slo, window_s: int) -> str:
    """Return PromQL for the share of bad events of the last seconds; without events it is no number."""
    if slo.promql is None:
        good, total = (f"sum(rate({name}{_of(slo)}[{window_s}s]))" for name in _JOURNEYS)
    else:
        good, total = (f"rate(({query})[{window_s}s:1s])" for query in (slo.promql.good, slo.promql.total))
    return f"1 - ({good} / {total})"


_JOURNEYS = ("workbench_sli_good_total", "workbench_sli_events_total")
"""What users felt, as the collector tells scrapers."""


def _of(slo: Slo) -> str:
    return f"{{slo={json.dumps(slo.name)}}}"


def _alert(slo: Slo, rate: BurnRate) -> dict[str, Any]:
    limit = f"{rate.bad_share(slo.target):.6g}"
    windows = (rate.long_s, rate.short_s)
    both = " and ".join(f"{BAD}{window}s{_of(slo)} > {limit}" for window in dict.fromkeys(windows))
    spent = f"{rate.factor:g} times as fast as {slo.target:.6g} allows, over {rate.long_s} s and {rate.short_s} s"
    return {
        "alert": ALERT,
        "expr": both,
        "labels": {"slo": slo.name, "severity": rate.severity, "window": f"{rate.long_s}s"},
        "annotations": {"summary": f"{slo.title}: the error budget is spent {spent}"},
    }
