"""Check results as a reader meets them: in groups, with a bar that sets what was observed against its limit.

Nothing is judged here; every outcome is the verdict's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from workbench.model.history import History
from workbench.model.verdict import CheckClass, CheckResult, Limit, Outcome, Value, Verdict
from workbench.reporting import figures

_GROUP_OF_KIND = {
    "steady_state": "steady state",
    "slo": "objectives",
    "abort_when": "objectives",
    "no_lost_orders": "integrity",
    "no_duplicate_effects": "integrity",
    "clean": "clean",
}

_GROUPS = {
    "validity": "Was it a fair experiment?",
    "steady state": "Was all well before, and again after?",
    "objectives": "Did users get what was promised?",
    "expectations": "Did the resilience mechanisms do their work?",
    "integrity": "Was anything lost, or done twice?",
    "clean": "Was everything put back?",
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """Where limit, interval and observed value are on a bar from 0 to 100."""

    limit: float
    observed: float
    low: float
    high: float
    at_least: bool
    """The good side is the one from the limit on, not the one up to it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One check result, ready to be shown."""

    result: CheckResult
    observed: str
    limit: str
    interval: str
    samples: str
    window: str
    gauge: Gauge | None


@dataclass(frozen=True, slots=True)
class Group:
    """Check results that belong together, under one question."""

    name: str
    question: str
    claims: tuple[Claim, ...]

    def count(self, outcome: Outcome) -> int:
        """Count the results of one outcome."""
        return sum(claim.result.outcome is outcome for claim in self.claims)


def grouped(verdict: Verdict, history: History) -> list[Group]:
    """Return all results in groups, in the order of the verdict; groups without results are left out."""
    groups: dict[str, list[Claim]] = {name: [] for name in _GROUPS}
    for check in verdict.checks:
        groups[group_of(check)].append(_claim(check, history))
    return [Group(name, _GROUPS[name], tuple(claims)) for name, claims in groups.items() if claims]


def group_of(check: CheckResult) -> str:
    """Return the group of a result. A kind that is not listed is an expectation."""
    if check.check_class is CheckClass.VALIDITY:
        return "validity"
    return _GROUP_OF_KIND[check.kind] if check.kind in _GROUP_OF_KIND else "expectations"


def _claim(check: CheckResult, history: History) -> Claim:
    limit = check.limit
    unit = limit.unit if limit is not None else check.observed.unit if isinstance(check.observed, Value) else "count"
    return Claim(
        result=check,
        observed=figures.measured(check.observed, limit),
        limit="" if limit is None else figures.bound(limit),
        interval="" if check.interval is None else figures.interval(check.interval, unit, limit),
        samples=_samples(check),
        window=_window(check, history),
        gauge=gauge(check),
    )


def _samples(check: CheckResult) -> str:
    if check.n is None:
        return ""
    undecided = check.outcome is Outcome.INCONCLUSIVE and check.needed_n is not None and check.needed_n > check.n
    decide = f", {figures.thousands(check.needed_n)} would decide" if undecided and check.needed_n is not None else ""
    return f"n {figures.thousands(check.n)}{decide}"


def _window(check: CheckResult, history: History) -> str:
    """Say which stretch was looked at; many phases at once are named by the first and the last."""
    if not check.windows:
        return ""
    first, last = check.windows[0], check.windows[-1]
    names = first.phase if first.phase == last.phase else f"{first.phase} to {last.phase}"
    known = history.phase(first.phase)
    if known is not None and first is last and (known.start_ns, known.end_ns) == (first.start_ns, first.end_ns):
        return names
    return f"{names}, {figures.moment(first.start_ns)} to {figures.moment(last.end_ns)}"


def gauge(check: CheckResult) -> Gauge | None:
    """Return the bar of a result; None where there is nothing to draw, or where the limit is that nothing happens."""
    limit, observed = check.limit, check.observed
    if limit is None or not isinstance(observed, Value) or limit.number == 0:
        return None
    low, high = check.interval if check.interval is not None else (observed.number, observed.number)
    if not all(map(isfinite, (limit.number, observed.number, low, high))):
        return None
    start, end = _scale(limit, [limit.number, observed.number, low, high])

    def place(value: float) -> float:
        return round(100 * min(max((value - start) / (end - start), 0), 1), 1)

    return Gauge(
        limit=place(limit.number),
        observed=place(observed.number),
        low=place(low),
        high=place(high),
        at_least=limit.comparison == "at_least",
    )


def _scale(limit: Limit, values: list[float]) -> tuple[float, float]:
    """Return where a bar begins and ends. Shares near 100 % get a bar that begins where it is interesting."""
    low, high = min(values), max(values)
    if limit.unit == "ratio" and limit.comparison == "at_least" and limit.number <= 1:
        return max(0.0, low - max(0.5 * (1 - low), 0.02)), 1.0
    return 0.0, high * 1.2
