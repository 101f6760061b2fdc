"""The attempts and the refused calls of one edge, put into small tables once for all checks that ask about it.

Finding out which call an attempt belongs to means reading all spans of the run. Two tables are made for each edge
that is asked about: `attempts_at_hand` (rows of `edge_attempts`) and `refused_at_hand` (calls that made no attempt).
"""

from __future__ import annotations

from workbench.model.history import History

_DDL = """
CREATE TABLE IF NOT EXISTS attempts_at_hand AS
SELECT edge, started, ended, caller_started, caller_ended, call, failed, trace_id FROM edge_attempts LIMIT 0;
CREATE TABLE IF NOT EXISTS refused_at_hand AS SELECT edge, started, ended FROM calls LIMIT 0;
"""

_ATTEMPTS = """
INSERT INTO attempts_at_hand
SELECT edge, started, ended, caller_started, caller_ended, call, failed, trace_id FROM edge_attempts
WHERE edge = ? ORDER BY started
"""

# What the caller says of a refused call only leaves out those that something else than a breaker refused.
_REFUSED = """
INSERT INTO refused_at_hand
SELECT c.edge, c.started, c.ended FROM calls c
WHERE c.edge = ?
  AND coalesce(c.outcome, '') NOT IN ('rejected_bulkhead', 'deadline', 'retry_budget', 'cancelled')
  AND NOT EXISTS (SELECT 1 FROM attempts_at_hand a WHERE a.edge = c.edge AND a.call = c.call)
"""


def put_at_hand(history: History, edge: str) -> None:
    """Fill both tables with what is known of an edge, unless they are filled already."""
    history.once(f"at hand: {edge}", lambda: _fill(history, edge))


def _fill(history: History, edge: str) -> None:
    history.connection.execute(_DDL)
    history.connection.execute(_ATTEMPTS, [edge])
    history.connection.execute(_REFUSED, [edge])
