"""Metrics of one edge. All label sets exist at 0 from the start, so that a first failure is a difference."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from target_services.chassis.resilience.breaker import TRANSITIONS, State
from target_services.chassis.resilience.decisions import Decision
from target_services.chassis.resilience.outcomes import ATTEMPT_OUTCOMES, CALL_OUTCOMES, Outcome

_STATE_VALUE = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class EdgeFamilies:
    """The metric families that all edges of a process share."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"workbench_{name}", text, ("edge", *labels), registry=registry)

        self.calls = counter("edge_calls", "Logical calls by how they ended", "outcome")
        self.attempts = counter("edge_attempts", "Attempts on the wire by how they ended", "outcome")
        self.decisions = counter("decisions", "What the mechanisms of an edge decided", "decision")
        self.transitions = counter("breaker_transitions", "Changes of a breaker's state", "to")
        self.fallbacks = counter("fallback", "Fallbacks that ran", "kind")
        self.bulkhead = counter("bulkhead_rejected", "Attempts refused by a full bulkhead")
        self.budget = counter("retry_budget_exhausted", "Retries not made for want of budget")
        self.state = Gauge("workbench_breaker_state", "0 closed, 1 half open, 2 open", ("edge",), registry=registry)


class EdgeMetrics:
    """The children of one edge, looked up once."""

    def __init__(self, families: EdgeFamilies, edge: str, fallback: str | None) -> None:
        self._calls = {o: families.calls.labels(edge, o.value) for o in CALL_OUTCOMES}
        self._attempts = {o: families.attempts.labels(edge, o.value) for o in ATTEMPT_OUTCOMES}
        self._decisions = {d: families.decisions.labels(edge, d.value) for d in Decision}
        self._transitions = {d: families.transitions.labels(edge, s.value) for d, s in TRANSITIONS.items()}
        self._fallback = families.fallbacks.labels(edge, fallback) if fallback is not None else None
        self._bulkhead = families.bulkhead.labels(edge)
        self._budget = families.budget.labels(edge)
        self._state = families.state.labels(edge)

    def call_ended(self, outcome: Outcome) -> None:
        """Count a logical call."""
        self._calls[outcome].inc()
        if outcome is Outcome.RETRY_BUDGET:
            self._budget.inc()

    def attempt_ended(self, outcome: Outcome) -> None:
        """Count an attempt on the wire."""
        self._attempts[outcome].inc()

    def decided(self, decision: Decision) -> None:
        """Count a decision, and show the state of the breaker that it leads to."""
        self._decisions[decision].inc()
        if decision is Decision.BULKHEAD_REJECTED:
            self._bulkhead.inc()
        elif decision is Decision.FALLBACK_SERVED and self._fallback is not None:
            self._fallback.inc()
        elif decision in TRANSITIONS:
            self._transitions[decision].inc()
            self._state.set(_STATE_VALUE[TRANSITIONS[decision]])
