"""The tables of a run directory: names, columns, meaning. One list for producers, collecting, checks and docs.

Producers append CSV lines (RFC 4180, no header, no line breaks inside values) to `raw/<table>.csv`, so that
a torn last line can be recognised and dropped. Collecting turns them into Parquet.

Times in raw files are absolute: the host's monotonic clock, or wall time where the column says so. In Parquet
every time is int64 nanoseconds since run zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SqlType = Literal["BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "BOOLEAN"]
Clock = Literal["monotonic", "wall"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `clock` is set for times; `optional` columns may be empty, which means unknown, not zero."""

    name: str
    type: SqlType
    meaning: str
    clock: Clock | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the run directory."""

    name: str
    meaning: str
    columns: tuple[Column, ...]


def _time(name: str, meaning: str, *, clock: Clock = "monotonic", optional: bool = False) -> Column:
    return Column(name, "BIGINT", meaning, clock, optional)


ARRIVALS = Table(
    "arrivals",
    "The schedule: every planned arrival. Written before the run.",
    (
        Column("arrival", "BIGINT", "number of the arrival, from 0"),
        _time("intended", "intended start"),
        Column("journey", "VARCHAR", "journey"),
    ),
)

REQUESTS = Table(
    "requests",
    "What the load saw: one row per journey (`kind` journey) and one per request in it (`kind` request).",
    (
        Column("kind", "VARCHAR", "`journey` or `request`"),
        Column("arrival", "BIGINT", "number of the arrival; -1 for set-up of a user"),
        Column("journey", "VARCHAR", "journey"),
        Column("name", "VARCHAR", "name of the request; of a journey, its own"),
        _time("intended", "intended start of the journey"),
        _time("dispatched", "when the arrival was taken up, without waiting for a free user"),
        _time("started", "when a user began (journey), or the request was sent"),
        _time("ended", "end"),
        Column("status", "INTEGER", "HTTP status of a request", optional=True),
        Column("outcome", "VARCHAR", "journey: ok, degraded, failed or indeterminate; request: ok or failed"),
        Column("error", "VARCHAR", "what went wrong", optional=True),
        Column("trace_id", "VARCHAR", "trace of the journey, 32 hex digits", optional=True),
        Column("span_id", "VARCHAR", "span id sent with the request, 16 hex digits", optional=True),
        Column("ack", "VARCHAR", "journey: JSON of what the client was promised (id, key, state)", optional=True),
    ),
)

DELIVERED = ("complete", "altered")
"""Reasons with which an attempt ends whose answer arrived to its last byte; `altered`: with another body."""

ATTEMPTS = Table(
    "attempts",
    "What the fault plane saw: one row per request on an edge, on the callee's side of the caller's retries."
    " Empty where the plane keeps no record: with `--fault-plane toxiproxy` attempts are those of the spans.",
    (
        Column("edge", "VARCHAR", "caller:callee"),
        Column("ordinal", "BIGINT", "number of the request on this edge, from 0; canaries have -1"),
        Column(
            "decisions",
            "VARCHAR",
            "for each fault it was eligible for: id=ordinal+ (hit) or id=ordinal- (not); id=ordinal/nth+ where"
            " requests are counted by key; with a connection_share the ordinal is the connection's",
        ),
        Column("faults", "VARCHAR", "ids of the faults that hit it, separated by spaces"),
        _time("accepted", "first byte of the request"),
        _time("first_byte", "first byte of the answer sent to the caller", optional=True),
        _time("ended", "last byte of the answer, or the connection's end"),
        Column("method", "VARCHAR", "HTTP method", optional=True),
        Column("path", "VARCHAR", "path without query", optional=True),
        Column("status", "INTEGER", "status that the caller got", optional=True),
        Column(
            "end_reason",
            "VARCHAR",
            f"{', '.join(DELIVERED)}, client_gone, upstream_gone, upstream_refused, cut, or open",
        ),
        Column("delay_ns", "BIGINT", "delay added by faults"),
        Column("bytes_in", "BIGINT", "from the caller"),
        Column("bytes_out", "BIGINT", "to the caller"),
        Column("trace_id", "VARCHAR", "from traceparent", optional=True),
        Column("parent_span_id", "VARCHAR", "from traceparent: the caller's attempt span", optional=True),
        Column("canary", "BOOLEAN", "sent by the workbench to verify a fault; not counted"),
    ),
)

SPANS = Table(
    "spans",
    "Spans of the services. Empty attribute columns mean the attribute was not set.",
    (
        Column("trace_id", "VARCHAR", "32 hex digits"),
        Column("span_id", "VARCHAR", "16 hex digits"),
        Column("parent_span_id", "VARCHAR", "empty for a root", optional=True),
        Column("service", "VARCHAR", "resource attribute service.name"),
        Column("name", "VARCHAR", "name of the span"),
        Column("kind", "VARCHAR", "internal, server, client, producer, consumer"),
        _time("started", "start", clock="wall"),
        _time("ended", "end", clock="wall"),
        Column("status", "VARCHAR", "unset, ok or error"),
        Column("edge", "VARCHAR", "attribute workbench.edge", optional=True),
        Column("call_id", "VARCHAR", "attribute workbench.call_id", optional=True),
        Column(
            "attempt",
            "INTEGER",
            "attribute workbench.attempt, from 1; only attempt spans have it",
            optional=True,
        ),
        Column("outcome", "VARCHAR", "attribute workbench.outcome", optional=True),
        Column(
            "fallback",
            "VARCHAR",
            "attribute workbench.fallback: kind of fallback that ran in it",
            optional=True,
        ),
        Column("attributes", "VARCHAR", "all other attributes, JSON"),
        Column("events", "VARCHAR", "span events, JSON", optional=True),
    ),
)

SERIES = Table(
    "series",
    "Raw only: the series that `metrics` rows refer to.",
    (
        Column("series", "BIGINT", "number of the series, from 0"),
        Column("service", "VARCHAR", "service that was scraped"),
        Column("name", "VARCHAR", "metric name"),
        Column("labels", "VARCHAR", "labels, JSON with sorted keys"),
    ),
)

METRIC_POINTS = Table(
    "metric_points",
    "Raw only: samples; joined with `series` they become `metrics`.",
    (
        _time("time", "when the scrape was answered"),
        Column("series", "BIGINT", "number of the series"),
        Column("value", "DOUBLE", "value"),
    ),
)

METRICS = Table(
    "metrics",
    "Every sample of every scrape. `up` (0 or 1) and `scrape_duration_seconds` are added for each service.",
    (
        _time("time", "when the scrape was answered"),
        Column("service", "VARCHAR", "service that was scraped"),
        Column("name", "VARCHAR", "metric name"),
        Column("labels", "VARCHAR", "labels, JSON with sorted keys"),
        Column("value", "DOUBLE", "value"),
    ),
)

PROMETHEUS_SERIES = Table("prometheus_series", "Raw only: the series that `prometheus` rows refer to.", SERIES.columns)

PROMETHEUS_POINTS = Table(
    "prometheus_points",
    "Raw only: samples as Prometheus has them; joined with their series they become `prometheus`.",
    (
        _time("time", "when Prometheus scraped or evaluated it", clock="wall"),
        *METRIC_POINTS.columns[1:],
    ),
)

PROMETHEUS = Table(
    "prometheus",
    "With a real Prometheus: its own samples of the run, also of rules, of alerts (`ALERTS`) and of SLOs in PromQL.",
    (
        _time("time", "when Prometheus scraped or evaluated it", clock="wall"),
        Column("service", "VARCHAR", "service that was scraped; empty for rules and alerts"),
        *METRICS.columns[2:],
    ),
)

JAEGER = Table("jaeger", "With a real Jaeger: its own spans of the run; columns as in `spans`.", SPANS.columns)

PROCESSES = Table(
    "processes",
    "CPU, memory and starvation of every process of the run, each second.",
    (
        _time("time", "when it was read"),
        Column("process", "VARCHAR", "service name, or load, faultproxy, collector, supervisor, forkserver"),
        Column("pid", "BIGINT", "process id"),
        Column("cpu_s", "DOUBLE", "CPU seconds used so far, user and system"),
        Column("rss_bytes", "BIGINT", "resident set size"),
        Column("waited_s", "DOUBLE", "seconds it was ready to run and had no core, so far (Linux)", optional=True),
    ),
)

RAW_TABLES = (
    REQUESTS,
    ATTEMPTS,
    SPANS,
    SERIES,
    METRIC_POINTS,
    PROCESSES,
    PROMETHEUS_SERIES,
    PROMETHEUS_POINTS,
    JAEGER,
)
"""Written by producers while the run goes on."""

OF_TOOLS = (PROMETHEUS, JAEGER)
"""Empty without the tool; runs of before there were tools have no file of them."""

KEPT_TABLES = (ARRIVALS, REQUESTS, ATTEMPTS, METRICS, SPANS, PROCESSES, *OF_TOOLS)
"""Parquet files of a finished run directory."""
