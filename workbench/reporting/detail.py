"""How much a page shows, so that it keeps its size whatever the run was; and what it leaves out, in words.

Every list and every text of a page is bounded here or where it is gathered. Numbers are never changed, and nothing is
left out without saying in which file of the run directory it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from workbench.checks import wording
from workbench.model.verdict import Outcome
from workbench.reporting.claims import Group
from workbench.reporting.report import Report, Timeline

T = TypeVar("T")

_OPEN = (Outcome.FAIL, Outcome.INCONCLUSIVE)
_HEAVY = dict.fromkeys("&<>'\"", 5)
"""Bytes of a character after escaping, where they are more than its own."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How many of each are shown."""

    bars: int
    """Lines of a waterfall; 0 leaves traces out."""
    evidence: int
    text: int
    """Characters of a text that comes from the run."""
    passed: int
    moments: int
    rows: int
    open: int
    """Checks that failed or are undecided."""
    charts: int = 12
    lanes: int = 8
    live: bool = True
    """Whether charts follow the pointer; drawings and tables are always there."""


DETAILS = (
    Detail(bars=22, evidence=5, text=700, passed=300, moments=120, rows=120, open=300),
    Detail(bars=16, evidence=4, text=500, passed=250, moments=100, rows=100, open=200),
    Detail(bars=12, evidence=3, text=400, passed=120, moments=80, rows=80, open=160),
    Detail(bars=8, evidence=2, text=300, passed=80, moments=50, rows=60, open=120),
    Detail(bars=6, evidence=1, text=240, passed=40, moments=30, rows=40, open=80),
    Detail(bars=0, evidence=1, text=200, passed=20, moments=20, rows=30, open=40, lanes=6),
    Detail(bars=0, evidence=1, text=160, passed=20, moments=20, rows=24, open=40, charts=8, lanes=3, live=False),
    Detail(bars=0, evidence=0, text=120, passed=4, moments=12, rows=12, open=16, charts=8, lanes=2, live=False),
)
"""From all there is to what is small enough for any run."""

_BANNERS, _REASONS, _FAULTS, _BANDS, _TRACKS = 12, 6, 12, 24, 8


def brief(text: str, limit: int) -> str:
    """Return text of at most so many characters, and of at most twice as many bytes once it is escaped."""
    size = 0
    for i, character in enumerate(text):
        size += _HEAVY.get(character) or len(character.encode("utf-8", "replace"))
        if size > 2 * limit or (i == limit - 1 and len(text) > limit):
            return f"{text[:i].rstrip()}…"
    return text


def trimmed(report: Report, detail: Detail) -> tuple[Report, Mapping[str, str]]:
    """Return the report with what fits, and for each part of the page what is missing there."""
    missing: dict[str, str] = {}

    def first(part: str, items: Sequence[T], most: int, noun: str, file: str) -> tuple[T, ...]:
        if len(items) > most:
            missing[part] = f"{wording.count(len(items) - most, f'more {noun}', f'more {noun}s')} in {file}"
        return tuple(items[:most])

    shown = replace(
        report,
        banners=first("banners", report.banners, _BANNERS, "notice", "journal.jsonl"),
        reasons=first("reasons", report.reasons, _REASONS, "reason", "verdict.json"),
        injected=first("faults", report.injected, _FAULTS, "fault", "run.json"),
        felt=tuple(
            replace(journey, phases=first("phases", journey.phases, detail.rows // 3, "phase", "report.md"))
            for journey in first("journeys", report.felt, detail.rows // 4, "journey", "report.md")
        ),
        objectives=tuple(
            replace(slo, rows=first("windows", slo.rows, detail.rows // 3, "phase", "report.md"))
            for slo in first("objectives", report.objectives, detail.rows // 4, "objective", "report.md")
        ),
        groups=tuple(_groups(report.groups, detail, missing)),
        timeline=_timeline(report.timeline, detail),
        table=_timeline(report.table, detail),
        waterfalls=report.waterfalls if detail.bars else (),
        journal=first("journal", report.journal, detail.moments, "event", "journal.jsonl"),
        policies=first("policies", report.policies, detail.rows, "edge", "policies.json"),
    )
    if report.waterfalls and not detail.bars:
        missing["traces"] = f"all {len(report.waterfalls)} traces are left out; spans.parquet has them"
    if report.timeline is not None and not detail.live:
        missing["cursor"] = (
            "these charts do not follow the pointer: the run is too large for that in a file of this size"
        )
    if report.timeline is not None:
        missing |= _off_the_axis(report.timeline, detail)
    return shown, missing


def _groups(groups: Sequence[Group], detail: Detail, missing: dict[str, str]) -> Iterator[Group]:
    """Yield the groups with as many results as may be shown: the failed first, then the undecided, then the others."""
    rank = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1}
    claims = [(group.name, claim) for group in groups for claim in group.claims]
    claims.sort(key=lambda found: rank.get(found[1].result.outcome, 2))
    unresolved = [found for found in claims if found[1].result.outcome in _OPEN]
    fine = claims[len(unresolved) :]
    kept = [*unresolved[: detail.open], *fine[: detail.passed]]
    left = [
        wording.count(count, noun, noun)
        for count, noun in (
            (len(unresolved) - detail.open, "that failed or are undecided"),
            (len(fine) - detail.passed, "that passed"),
        )
        if count > 0
    ]
    if left:
        missing["checks"] = f"left out here: {' and '.join(left)}; verdict.json has all"
    for group in groups:
        yield replace(group, claims=tuple(claim for name, claim in kept if name == group.name))


def _timeline(timeline: Timeline | None, detail: Detail) -> Timeline | None:
    if timeline is None:
        return None
    return replace(
        timeline,
        bands=timeline.bands[:_BANDS],
        faults=timeline.faults[:_TRACKS],
        charts=timeline.charts[: detail.charts],
        lanes=timeline.lanes[: detail.lanes],
    )


def _off_the_axis(timeline: Timeline, detail: Detail) -> dict[str, str]:
    parts: tuple[tuple[Sequence[Any], int, str], ...] = (
        (timeline.bands, _BANDS, "phase"),
        (timeline.faults, _TRACKS, "fault"),
        (timeline.charts, detail.charts, "chart"),
        (timeline.lanes, detail.lanes, "breaker"),
    )
    left = [
        wording.count(len(items) - most, f"more {noun}", f"more {noun}s")
        for items, most, noun in parts
        if len(items) > most
    ]
    return {"charts": f"not drawn: {wording.listed(left)}; the tables of the run directory have them"} if left else {}
