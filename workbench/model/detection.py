"""Names of what rules leave behind in Prometheus, for who writes the rules and who reads their samples."""

from __future__ import annotations

ALERT = "ErrorBudgetBurn"
"""Alert name of all burn-rate alerts; labels `slo`, `severity`, `window`."""

EVALUATED = "slo:rules:evaluated"
"""A sample, labelled `slo`, for every evaluation of the rules of an SLO: only where it is does silence count."""

SLO_GOOD, SLO_TOTAL = "workbench_slo_good", "workbench_slo_total"
"""Stored answers to the PromQL of SLOs that Prometheus counts: counters, labelled `slo`, one sample a second."""
