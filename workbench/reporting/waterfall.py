"""One journey as a waterfall: its requests, the spans below them, attempts with their outcome, and what faults hit.

The load sends no spans of its own, so the roots are made from its rows. Spans without a parent that is known hang
below the journey, and attempts that left no span are shown as the fault plane saw them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.model.history import History
from workbench.model.tables import DELIVERED
from workbench.reporting.chosen_traces import Chosen

_DEEPEST = 12
_BAD = frozenset({"failed", "error", "indeterminate"})
_FINE = frozenset({"ok", "client_error", ""})

_REQUESTS = """
SELECT trace_id, span_id, name, started, ended, status, outcome FROM requests
WHERE kind = 'request' AND list_contains(?, trace_id) ORDER BY started
"""

# DISTINCT: an exporter that tries again may send a span twice.
_SPANS = """
SELECT DISTINCT
    trace_id, span_id, parent_span_id, service, name, started, ended, status, edge, attempt, outcome, fallback
FROM spans WHERE list_contains(?, trace_id) ORDER BY started
"""

_ATTEMPTS = """
SELECT trace_id, parent_span_id, edge, accepted, ended, faults, coalesce(delay_ns, 0), status, end_reason
FROM attempts WHERE NOT canary AND list_contains(?, trace_id) ORDER BY accepted
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a waterfall. Times in ns since run zero; `left` and `width` in percent of the whole."""

    id: str
    parent: str | None
    service: str
    name: str
    start_ns: int
    end_ns: int
    bad: bool
    call: bool = False
    """A logical call, which has attempts below it."""
    attempt: int | None = None
    outcome: str = ""
    fallback: str = ""
    faults: str = ""
    delay_ns: int = 0
    depth: int = 0
    left: float = 0.0
    width: float = 0.0

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One journey with everything that belongs to its trace and began before it ended."""

    chosen: Chosen
    bars: tuple[Bar, ...]
    length_ns: int
    later: int
    """Spans that began after the journey had ended, such as work that was queued."""
    services: int
    attempts: int
    hits: int

    @property
    def duration_ns(self) -> int:
        return self.chosen.ended_ns - self.chosen.intended_ns


@dataclass(frozen=True, slots=True)
class _Request:
    span_id: str | None
    name: str
    started: int
    ended: int
    status: int | None
    outcome: str

    def bar(self) -> Bar:
        id_ = self.span_id or f"request {self.started}"
        said = self.outcome if self.status is None else f"{self.outcome} {self.status}"
        bad, said = self.outcome in _BAD, "" if self.outcome == "ok" else said
        return Bar(id_, None, "user", self.name, self.started, self.ended, bad, outcome=said)


@dataclass(frozen=True, slots=True)
class _Span:
    span_id: str
    parent: str | None
    service: str
    name: str
    started: int
    ended: int
    status: str
    edge: str | None
    attempt: int | None
    outcome: str | None
    fallback: str | None

    def bar(self) -> Bar:
        said, fallback = self.outcome or "", self.fallback or ""
        on_edge = self.edge is not None and not fallback
        return Bar(
            id=self.span_id,
            parent=self.parent,
            service=self.service,
            name=self.name,
            start_ns=self.started,
            end_ns=self.ended,
            bad=self.status == "error" or (on_edge and said not in _FINE),
            call=on_edge and self.attempt is None,
            attempt=self.attempt,
            outcome=said,
            fallback=fallback,
        )


@dataclass(frozen=True, slots=True)
class _Attempt:
    parent: str | None
    edge: str
    accepted: int
    ended: int
    faults: str
    delay_ns: int
    status: int | None
    end_reason: str

    def bar(self) -> Bar:
        """Return a line for an attempt of which the caller tells nothing."""
        whole = self.end_reason in DELIVERED
        return Bar(
            id=f"attempt {self.accepted} {self.edge}",
            parent=self.parent,
            service="fault plane",
            name=self.edge,
            start_ns=self.accepted,
            end_ns=self.ended,
            bad=not whole or (self.status is not None and self.status >= 500),
            outcome=str(self.status or "") if whole else self.end_reason,
            faults=self.faults,
            delay_ns=self.delay_ns,
        )


def most_telling(bars: Sequence[Bar], most: int) -> list[Bar]:
    """Return at most so many lines: what went wrong, was repeated or was hit, with all above it; then the longest.

    Where even those are too many the first ones stay.
    """
    if len(bars) <= most:
        return list(bars)
    by_id = {bar.id: bar for bar in bars}
    kept: dict[str, None] = {}
    telling = [bar for bar in bars if bar.bad or bar.faults or bar.fallback or (bar.attempt or 1) > 1]
    for bar in [bars[0], *telling, *sorted(bars, key=lambda bar: -bar.duration_ns)]:
        line = [bar.id]
        while (above := by_id[line[-1]].parent) in by_id and above not in line:
            line.append(str(above))
        missing = [id_ for id_ in line if id_ not in kept]
        if len(kept) + len(missing) <= most:
            kept.update(dict.fromkeys(missing))
    return [bar for bar in bars if bar.id in kept]


def waterfalls(history: History, chosen: Sequence[Chosen]) -> list[Waterfall]:
    """Return the waterfalls of some journeys; three queries, however many they are."""
    ids = [one.trace_id for one in chosen]
    if not ids:
        return []
    bars: dict[str, list[Bar]] = {trace_id: [] for trace_id in ids}
    attempts: dict[str, list[_Attempt]] = {trace_id: [] for trace_id in ids}
    for trace_id, *row in history.rows(_REQUESTS, ids):
        bars[trace_id].append(_Request(*row).bar())
    for trace_id, *row in history.rows(_SPANS, ids):
        bars[trace_id].append(_Span(*row).bar())
    for trace_id, *row in history.rows(_ATTEMPTS, ids):
        attempts[trace_id].append(_Attempt(*row))
    return [_waterfall(one, _with_hits(bars[one.trace_id], attempts[one.trace_id])) for one in chosen]


def _with_hits(bars: Sequence[Bar], attempts: Sequence[_Attempt]) -> list[Bar]:
    """Mark the callers' attempts that a fault hit; attempts that left no span get a line of their own."""
    known = {bar.id for bar in bars if bar.attempt is not None}
    hits = {attempt.parent: attempt for attempt in attempts if attempt.faults}
    marked = [
        replace(bar, faults=hits[bar.id].faults, delay_ns=hits[bar.id].delay_ns) if bar.id in hits else bar
        for bar in bars
    ]
    return marked + [attempt.bar() for attempt in attempts if attempt.parent not in known]


def _waterfall(chosen: Chosen, bars: Sequence[Bar]) -> Waterfall:
    within = _without_quiet_calls([bar for bar in bars if bar.start_ns <= chosen.ended_ns])
    latest = 2 * chosen.ended_ns - chosen.intended_ns  # work that goes on without end must not squeeze the rest
    end = max([chosen.ended_ns, *(min(bar.end_ns, latest) for bar in within)])
    length = max(end - chosen.intended_ns, 1)
    bad = chosen.outcome in _BAD
    root = Bar("", None, "user", chosen.journey, chosen.intended_ns, chosen.ended_ns, bad, outcome=chosen.outcome)
    return Waterfall(
        chosen=chosen,
        bars=tuple(_placed(bar, chosen.intended_ns, length) for bar in _ordered(root, within)),
        length_ns=length,
        later=sum(bar.start_ns > chosen.ended_ns for bar in bars),
        services=len({bar.service for bar in within} - {"user", "fault plane"}),
        attempts=sum(bar.attempt is not None for bar in within),
        hits=sum(bool(bar.faults) for bar in within),
    )


def _without_quiet_calls(bars: Sequence[Bar]) -> list[Bar]:
    """Leave out calls whose only child is their one attempt, which ended well: one line says all."""
    children: dict[str | None, list[Bar]] = {}
    for bar in bars:
        children.setdefault(bar.parent, []).append(bar)
    quiet: dict[str, str | None] = {}
    for bar in bars:
        below = children.get(bar.id, [])
        if bar.call and not bar.bad and len(below) == 1 and below[0].attempt == 1 and not below[0].bad:
            quiet[bar.id] = bar.parent
    return [
        replace(bar, parent=quiet[bar.parent]) if bar.parent in quiet else bar for bar in bars if bar.id not in quiet
    ]


def _ordered(root: Bar, bars: Sequence[Bar]) -> Iterator[Bar]:
    """Yield the tree line by line, children by their start; what lies too deep stays at the deepest level."""
    known = {bar.id for bar in bars}
    children: dict[str, list[Bar]] = {}
    for bar in bars:
        parent = bar.parent if bar.parent in known and bar.parent != bar.id else root.id
        children.setdefault(str(parent), []).append(bar)
    seen: set[str] = set()
    waiting = [(root, 0)]
    while waiting:
        bar, depth = waiting.pop()
        if bar.id in seen:
            continue
        seen.add(bar.id)
        yield replace(bar, depth=min(depth, _DEEPEST))
        below = sorted(children.get(bar.id, []), key=lambda child: child.start_ns, reverse=True)
        waiting += [(child, depth + 1) for child in below]


def _placed(bar: Bar, start_ns: int, length_ns: int) -> Bar:
    left = min(max((bar.start_ns - start_ns) / length_ns, 0), 1)
    right = min(max((bar.end_ns - start_ns) / length_ns, left), 1)
    return replace(bar, left=round(100 * left, 1), width=round(100 * (right - left), 1))
