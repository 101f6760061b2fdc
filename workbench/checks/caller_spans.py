"""V4 where attempts are known by callers' spans only: nothing else would show that some are missing, so more is asked.

What callers counted has to be there as spans, and what users did has to be in the traces.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.model.history import History

TRACED = 0.99
"""Part of the attempts, and of the journeys, that has to be in the spans."""

_INCREASES = """
SELECT service, sum(CASE WHEN before IS NULL THEN 0 WHEN value < before THEN value ELSE value - before END)
FROM (SELECT service, value, lag(value) OVER (PARTITION BY service, labels ORDER BY time) AS before
      FROM metrics WHERE name = ?)
GROUP BY service ORDER BY service
"""

_SENT = """
SELECT count(*) FROM (
  SELECT DISTINCT trace_id, span_id FROM spans WHERE attempt IS NOT NULL AND list_contains(?, service))
"""

# Journeys that ended well went through the entry, which left a span in the trace that they had begun.
_JOURNEYS = """
SELECT count(*), count(*) FILTER (hash(trace_id) IN (SELECT hash(trace_id) FROM spans))
FROM requests WHERE kind = 'journey' AND arrival >= 0 AND trace_id IS NOT NULL AND outcome IN ('ok', 'degraded')
"""


def increases(history: History, counter: str) -> dict[str, int]:
    """Return by service what a counter grew by during the run. One that is smaller than before began again at 0."""
    return {service: int(grown) for service, grown in history.rows(_INCREASES, counter)}


def sent(history: History) -> tuple[int, int]:
    """Return how many attempts have a span, of how many that callers have counted."""
    counted = _counted(history)
    return int(history.row(_SENT, list(counted))[0]), sum(counted.values())


def wrong_with_spans(history: History) -> list[str]:
    """Say what shows that spans of attempts are missing, or may be."""
    callers = {edge.partition(":")[0] for w in history.fault_windows() for edge in history.edges_of(w.fault)}
    wrong = [
        f"{name} does not count in workbench_edge_attempts_total, so spans of its attempts may be missing"
        for name in sorted(callers - _counted(history).keys())
    ]
    found, counted = sent(history)
    if found < TRACED * counted:
        wrong.append(f"callers counted {wording.count(counted, 'attempt')}, and only {found} have a span")
    if history.run.system.entry in history.run.traced:
        journeys, known = history.row(_JOURNEYS)
        if known < TRACED * journeys:
            wrong.append(f"only {known} of {wording.count(journeys, 'journey')} that ended well are in the spans")
    return wrong


def _counted(history: History) -> dict[str, int]:
    made = increases(history, "workbench_edge_attempts_total")
    return {service: n for service, n in made.items() if service in history.run.traced}
