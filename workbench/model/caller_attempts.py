"""Attempts from the callers' spans, for runs whose fault plane keeps no record of them.

The view takes the place of the table `attempts` and has its columns, so that nobody who reads it has to know. What
only a plane can see is unknown in it: ordinals, decisions, first bytes, bytes, paths. Every attempt that began while
a fault was on is hit by it, because such a plane knows no share but the whole. Connections that were refused are not
in it, as they are not in a plane's own rows.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

_DDL = """
CREATE OR REPLACE TABLE hit_windows (edge VARCHAR, fault VARCHAR, from_ns BIGINT, to_ns BIGINT);
CREATE VIEW attempts AS
SELECT DISTINCT s.edge, CAST(NULL AS BIGINT) AS ordinal, '' AS decisions,
       coalesce((SELECT string_agg(w.fault, ' ' ORDER BY w.fault) FROM hit_windows w
                 WHERE w.edge = s.edge AND s.started >= w.from_ns AND s.started < w.to_ns), '') AS faults,
       s.started AS accepted, CAST(NULL AS BIGINT) AS first_byte, s.ended,
       s.attributes ->> '$."http.request.method"' AS method, CAST(NULL AS VARCHAR) AS path,
       TRY_CAST(s.attributes ->> '$."http.response.status_code"' AS INTEGER) AS status,
       CASE WHEN s.outcome IN ('ok', 'client_error', 'server_error', 'rate_limited', 'invalid', 'deadline')
                 THEN 'complete'
            WHEN s.outcome IN ('timeout', 'cancelled') THEN 'client_gone'
            WHEN s.outcome IS NULL AND s.status <> 'error' THEN 'complete'
            ELSE 'cut' END AS end_reason,
       CAST(NULL AS BIGINT) AS delay_ns, CAST(NULL AS BIGINT) AS bytes_in, CAST(NULL AS BIGINT) AS bytes_out,
       s.trace_id, s.span_id AS parent_span_id, FALSE AS canary
FROM spans s
WHERE s.edge IS NOT NULL AND s.attempt IS NOT NULL AND s.outcome IS DISTINCT FROM 'connect_refused'
"""


def attempts_from_spans(connection: duckdb.DuckDBPyConnection, windows: Iterable[tuple[str, str, int, int]]) -> None:
    """Put the view in the place of `attempts`; `windows` are (edge, fault id, on, until) of faults on requests."""
    (kind,) = connection.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_name = 'attempts'"
    ).fetchall()[0]
    connection.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} attempts")
    connection.execute(_DDL)
    rows = list(windows)
    if rows:
        connection.executemany("INSERT INTO hit_windows VALUES (?, ?, ?, ?)", rows)
