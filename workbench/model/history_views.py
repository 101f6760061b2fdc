"""The views that History adds to the kept tables, as SQL. What they mean is told there."""

from __future__ import annotations

# Not TEMP: a cursor (`stream`) is a connection of its own and does not see what is temporary.
PHASES_DDL = """
CREATE OR REPLACE TABLE phases (name VARCHAR, role VARCHAR, start_ns BIGINT, end_ns BIGINT);
CREATE OR REPLACE TABLE transitions (from_ns BIGINT, to_ns BIGINT, undo BOOLEAN);
"""

DISTURBED_DDL = "CREATE OR REPLACE TABLE disturbed (service VARCHAR, from_ns BIGINT, to_ns BIGINT)"

# One round of measurements is made of readings a moment apart; the process that waited longest counts. One that a fault
# keeps from running waits for the fault. Who had the cores is told by all readings of that time, whole or in part.
STARVED = """
CREATE OR REPLACE TABLE starved AS
WITH used AS (
  SELECT process, time, lag(time) OVER reading AS from_ns,
         CAST((waited_s - lag(waited_s) OVER reading) * 1e9 AS BIGINT) AS waited_ns,
         (cpu_s - lag(cpu_s) OVER reading) * 1e9 / nullif(time - lag(time) OVER reading, 0) AS cores
  FROM processes WINDOW reading AS (PARTITION BY process, pid ORDER BY time)),
waiting AS (
  SELECT min(from_ns) AS from_ns, max(time) AS to_ns, max(waited_ns) AS waited_ns
  FROM used u
  WHERE waited_ns >= ?
    AND NOT EXISTS (SELECT 1 FROM disturbed d
                    WHERE d.service = u.process AND d.from_ns < u.time AND d.to_ns > u.from_ns)
  GROUP BY time // 1000000000)
SELECT from_ns, to_ns, waited_ns,
       (SELECT coalesce(sum(u.cores * (least(u.time, w.to_ns) - greatest(u.from_ns, w.from_ns))), 0)
        FROM used u WHERE u.from_ns < w.to_ns AND u.time > w.from_ns) < ? * (to_ns - from_ns) AS by_others
FROM waiting w
"""

# DISTINCT: an exporter that tries again may send a span twice, and that must not make two attempts of one.
VIEWS = """
CREATE OR REPLACE VIEW journeys AS
SELECT r.arrival, r.journey, r.intended, r.dispatched, r.started, r.ended, r.outcome, r.error, r.trace_id, r.ack,
       r.ended - r.intended AS response_ns,
       r.ended - r.dispatched AS undelayed_ns,
       r.ended - r.started AS service_ns,
       r.dispatched - r.intended AS lag_ns,
       p.name AS phase, p.role AS role,
       EXISTS (SELECT 1 FROM transitions t WHERE t.from_ns <= r.ended AND t.to_ns >= r.intended) AS crossing,
       (SELECT min(t.from_ns) FROM transitions t WHERE t.from_ns <= r.ended AND t.to_ns >= r.intended) - r.intended
           AS crossed_after_ns,
       coalesce((SELECT bool_and(t.undo) FROM transitions t
                 WHERE t.from_ns <= r.ended AND t.to_ns >= r.intended), FALSE) AS outlasted,
       least(coalesce((SELECT sum(least(s.waited_ns, r.ended - r.intended)) FROM starved s
                       WHERE s.from_ns < r.ended AND s.to_ns > r.intended), 0), r.ended - r.intended) AS starved_ns,
       EXISTS (SELECT 1 FROM starved s WHERE s.by_others AND s.from_ns < r.ended AND s.to_ns > r.intended) AS crowded
FROM requests r
LEFT JOIN phases p ON r.intended >= p.start_ns AND r.intended < p.end_ns
WHERE r.kind = 'journey' AND r.arrival >= 0;

CREATE OR REPLACE VIEW edge_attempts AS
SELECT DISTINCT a.edge, a.ordinal, a.accepted AS started, a.ended, coalesce(s.call_id, s.parent_span_id) AS call,
       a.status, a.end_reason, a.delay_ns, a.faults, coalesce(a.faults <> '', FALSE) AS hit,
       a.end_reason NOT IN ('complete', 'altered') OR coalesce(a.status >= 500 OR a.status = 429, FALSE)
           OR coalesce({failing}, FALSE) AS failed,
       a.trace_id, a.parent_span_id AS span_id, '{source}' AS source,
       CASE WHEN s.kind = 'client' OR s.attempt IS NOT NULL THEN s.started END AS caller_started,
       CASE WHEN s.kind = 'client' OR s.attempt IS NOT NULL THEN s.ended END AS caller_ended
FROM attempts a
LEFT JOIN spans s ON s.trace_id = a.trace_id AND s.span_id = a.parent_span_id
WHERE NOT a.canary
UNION ALL
SELECT DISTINCT s.edge, NULL, s.started, s.ended, coalesce(s.call_id, s.parent_span_id), NULL, 'refused', 0, '', TRUE,
       TRUE, s.trace_id, s.span_id, 'caller', s.started, s.ended
FROM spans s
WHERE s.edge IS NOT NULL AND s.attempt IS NOT NULL AND s.outcome = 'connect_refused';

CREATE OR REPLACE VIEW calls AS
SELECT DISTINCT s.edge, s.call_id AS call, s.started, s.ended, s.outcome, s.service, s.trace_id, s.span_id
FROM spans s
WHERE s.edge IS NOT NULL AND s.call_id IS NOT NULL AND s.attempt IS NULL AND s.fallback IS NULL;
"""
