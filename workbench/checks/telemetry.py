"""V4: what checks read is complete. Missing is not zero: a gap here could hide anything, so it decides the run.

The questions: was the run kept whole, was every service scraped to the end, were spans dropped, are the traces of
attempts there, did the clocks agree, and do attempts and spans agree in time.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.checks import wording
from workbench.checks.caller_spans import TRACED, increases, sent, wrong_with_spans
from workbench.checks.keeping import CLOCK_SHIFT_NS, Finding, journal_whole, producers, rows_sound, rows_whole
from workbench.checks.validity import COVERED, covered, validity_claim
from workbench.model.events import Collected
from workbench.model.faults.base import ServiceFault
from workbench.model.history import History
from workbench.model.units import NS_PER_S
from workbench.model.verdict import CheckResult, Evidence, Limit, NoData, Outcome, Value

UNSENT_NS = 5 * NS_PER_S
"""Spans that old a process may still hold when it is killed, of calls that go on or that it has not sent yet."""

# Span ids are random 64 bits; their hashes take an eighth of the memory that two ids in hex would.
_TRACED = """
SELECT count(*), count(*) FILTER (hash(parent_span_id) IN (SELECT hash(span_id) FROM spans))
FROM attempts
WHERE NOT canary AND list_contains(?, edge) AND accepted BETWEEN ? AND ?
  AND NOT EXISTS (
    SELECT 1 FROM (SELECT unnest(?) AS service, unnest(?) AS from_ns, unnest(?) AS to_ns) ended
    WHERE ended.service = split_part(edge, ':', 1) AND accepted BETWEEN ended.from_ns AND ended.to_ns)
"""

_MADE = "SELECT count(*) FROM spans WHERE attempt IS NOT NULL AND list_contains(?, edge) AND started BETWEEN ? AND ?"

# An attempt lies within its caller's span; a second is for a plane that had no core.
_APART = """
SELECT count(*), count(*) FILTER (started < caller_started - ? OR started > caller_ended + ?)
FROM edge_attempts WHERE source = 'plane' AND caller_started IS NOT NULL
"""

_SCRAPES = "SELECT time FROM metrics WHERE name = 'up' AND value = 1 AND service = ? ORDER BY time"


def judge_telemetry(history: History) -> list[CheckResult]:
    """V4: ask all questions and name everything that is missing."""
    claim = validity_claim("V4", "the telemetry that checks read is complete")
    if history.run.fault_plane.records_attempts:
        traced, attempts = _traced(history)
        found = [_times(history), _traces(traced, attempts, _in_spans(history))]
    else:
        traced, attempts = sent(history)
        found = [Finding(wrong_with_spans(history), f"callers counted {attempts} attempts, and {traced} have a span")]
    findings = [ask(history) for ask in _QUESTIONS] + found
    wrong = [*history.problems, *(text for finding in findings for text in finding.wrong)]
    evidence = [Evidence(kind="note", ref=f"V4.{i}", text=text) for i, text in enumerate(wrong, 1)]
    share = Value(number=traced / attempts, unit="ratio") if attempts else NoData(reason="no traced caller")
    return [
        claim.result(
            Outcome.INCONCLUSIVE if wrong else Outcome.PASS,
            "; ".join(wrong or [finding.seen for finding in findings]),
            observed=share,
            limit=Limit(comparison="at_least", number=TRACED, unit="ratio"),
            n=attempts,
            evidence=evidence,
        )
    ]


def _scrapes(history: History) -> Finding:
    """Every scraped service answered scrapes over 90 % of the load, and once after its end."""
    scraped = history.run.scraped
    if not scraped:
        return Finding([], "no service has metrics")
    start, end = history.load_start_ns(), history.load_end_ns()
    wrong, fewest = [], 1.0
    for name in scraped:
        times = [time for (time,) in history.rows(_SCRAPES, name)]
        if not times:
            wrong.append(f"service {name} was never scraped")
            continue
        part = covered(times, start, end, _disturbed(history, name))
        fewest = min(fewest, part)
        if part < COVERED:
            least = wording.share(COVERED)
            wrong.append(f"service {name} answered scrapes over {wording.share(part)} of the load, not over {least}")
        if times[-1] <= end:
            wrong.append(f"service {name} was not scraped after the load had ended")
    return Finding(wrong, f"scrapes answered over {wording.share(fewest)} of the load or more")


def _disturbed(history: History, service: str) -> list[tuple[int, int]]:
    """Return when a service could not be expected to answer: from asking for a fault on it to its verified end."""
    return [
        (window.requested_ns, history.load_end_ns() if window.off_ns is None else window.off_ns)
        for window in history.fault_windows()
        if isinstance(window.fault, ServiceFault)
        and window.fault.service == service
        and window.requested_ns is not None
    ]


def _spans(history: History) -> Finding:
    """No service dropped spans during the run. A counter of earlier runs does not count."""
    dropped = increases(history, "workbench_spans_dropped_total").items()
    return Finding(
        [f"service {name} dropped {wording.count(n, 'span')}" for name, n in dropped if n], "no span dropped"
    )


def _clocks(history: History) -> Finding:
    """Wall and monotonic clock of every process moved together, so that spans can be put beside the rest."""
    events = history.events(Collected)
    shifts = {name: ns for event in events for name, ns in event.clock_shift_ns.items()}
    wrong = [
        f"the clocks of {name} moved {wording.time(abs(ns))} apart, {wording.time(CLOCK_SHIFT_NS)} is tolerated"
        for name, ns in shifts.items()
        if abs(ns) > CLOCK_SHIFT_NS
    ]
    unknown = [name for name in producers(history) if name not in shifts] if events else []
    wrong += [f"nobody knows how the clocks of {name} moved" for name in unknown]
    largest = max((abs(ns) for ns in shifts.values()), default=0)
    return Finding(wrong, f"clocks within {wording.time(largest)}")


def _traced(history: History) -> tuple[int, int]:
    """Return how many attempts of traced callers have a span, of how many.

    What a caller held that a fault has ended went with it, so its attempts of that time are left out.
    """
    edges = [edge.name for edge in history.run.system.edges if edge.caller in history.run.traced]
    lost = [
        (name, from_ns - UNSENT_NS, to_ns)
        for name in history.run.traced
        for from_ns, to_ns in _disturbed(history, name)
    ]
    services, starts, ends = zip(*lost, strict=True) if lost else ((), (), ())
    unsent = (list(services), list(starts), list(ends))
    total, found = history.row(_TRACED, edges, history.load_start_ns(), history.load_end_ns(), *unsent)
    return found, total


def _in_spans(history: History) -> int:
    """Return how many attempts traced callers say they made."""
    edges = [edge.name for edge in history.run.system.edges if edge.caller in history.run.traced]
    return int(history.row(_MADE, edges, history.load_start_ns(), history.load_end_ns())[0])


def _times(history: History) -> Finding:
    """What the fault plane and the callers say of one attempt happened at the same time."""
    total, apart = history.row(_APART, NS_PER_S, NS_PER_S)
    if apart > (1 - TRACED) * total:
        return Finding([f"{apart} of {wording.count(total, 'attempt')} and their spans are not of the same time"], "")
    return Finding([], "attempts and spans agree in time")


def _traces(found: int, total: int, in_spans: int) -> Finding:
    if in_spans and not total:
        return Finding([f"callers made {wording.count(in_spans, 'attempt')}, the fault plane has counted none"], "")
    if total and found / total < TRACED:
        return Finding([f"only {found} of {total} attempts of traced callers have a span"], "")
    return Finding([], f"{found} of {total} attempts of traced callers have a span")


_QUESTIONS: tuple[Callable[[History], Finding], ...] = (
    journal_whole,
    rows_whole,
    rows_sound,
    _scrapes,
    _spans,
    _clocks,
)
