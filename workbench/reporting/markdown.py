"""The Markdown report: for pull requests and job summaries. Its first 60 lines are enough to know how it stands.

What is longer is folded. What comes from a run is escaped, so it can neither break a table nor become markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from workbench.checks import wording
from workbench.model.verdict import Outcome
from workbench.pages import words
from workbench.reporting import figures
from workbench.reporting.claims import Claim
from workbench.reporting.felt import Felt
from workbench.reporting.objectives import Objective
from workbench.reporting.report import Report

MARKS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.INCONCLUSIVE: "❔", Outcome.NOT_APPLICABLE: "➖"}

_MOST_BANNERS, _MOST_REASONS, _MOST_FELT, _MOST_OBJECTIVES, _MOST_OPEN, _MOST_EVENTS = 4, 6, 9, 8, 6, 200
"""What is more than this is folded, so that the first 60 lines hold something of everything."""

_LONGEST = 400

LIMIT_BYTES = 500_000
"""What a report never exceeds. A job summary of GitHub may have 1 MiB, and other steps write to it too."""

_SPECIAL = re.compile(r"([\\`*_\[\]#|~<>])")


def markdown_report(report: Report) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    first = [_headline(report), _banners(report), _why(report), _done(report), _felt(report), _objectives(report)]
    folded = [_open(report), _in_full(report), _all_checks(report), _journal(report), _circumstances(report)]
    text = "".join("\n".join([*lines, "", ""]) for lines in map(list, first) if lines)
    for lines in map(list, folded):
        more = "\n".join([*lines, "", ""]) if lines else ""
        too_long = len(text.encode()) + len(more.encode()) > LIMIT_BYTES
        text += "*A part is left out here, because it is too long; verdict.json has all.*\n\n" if too_long else more
    return text.removesuffix("\n")


def escaped(text: str) -> str:
    """Return text that is shown as it is, on one line, also inside a table."""
    return _SPECIAL.sub(r"\\\1", _one_line(text)).replace("&", "&amp;")


def code(text: str) -> str:
    """Return a name in code style, also inside a table."""
    harmless = _one_line(text).replace("`", "'").replace("|", "¦")
    return f"`{harmless}`"


def _one_line(text: str) -> str:
    return " ".join(words.tame(words.shortened(text, _LONGEST)).split())


def _headline(report: Report) -> Iterator[str]:
    verdict = report.verdict
    yield f"# {MARKS[verdict.outcome]} {verdict.outcome}: {escaped(verdict.title)}"
    yield ""
    yield f"**{escaped(report.answer)}** Exit code {verdict.exit_code}."
    yield ""
    facts = ", ".join(f"{name} {value}" for name, value in report.headline_facts)
    yield f"{code(verdict.scenario)}, {escaped(facts)}"


def _banners(report: Report) -> Iterator[str]:
    for banner in report.banners[:_MOST_BANNERS]:
        yield f"> - {escaped(banner.text)}"
    if len(report.banners) > _MOST_BANNERS:
        yield f"> - and {len(report.banners) - _MOST_BANNERS} more in report.html"


def _why(report: Report) -> Iterator[str]:
    if report.reasons:
        yield "**Why**"
        yield ""
    for reason in report.reasons[:_MOST_REASONS]:
        if reason.check is None:
            yield f"- {escaped(reason.text)}"
        else:
            claim = escaped(reason.check.claim)
            yield f"- {MARKS[reason.check.outcome]} {code(reason.check.id)} {claim}: {escaped(reason.text)}"


def _done(report: Report) -> Iterator[str]:
    yield "**What was done to it**"
    yield ""
    for fault in report.injected[:_MOST_REASONS]:
        yield f"- {escaped(fault.target)} {escaped(fault.does)}: {escaped(fault.when)}; {escaped(fault.hits)}"
    if len(report.injected) > _MOST_REASONS:
        yield f"- and {len(report.injected) - _MOST_REASONS} more in run.json"
    if not report.injected:
        yield "- nothing: the scenario has no fault"


def _felt(report: Report) -> Iterator[str]:
    yield "**What users felt**"
    yield ""
    yield from _FELT_HEAD
    yield from _felt_rows(report)[:_MOST_FELT]


def _felt_rows(report: Report) -> list[str]:
    return [
        _row(escaped(journey.journey), escaped(felt.phase), *_felt_cells(felt))
        for journey in report.felt
        for felt in journey.phases
    ]


def _felt_cells(felt: Felt) -> list[str]:
    if felt.availability is None or felt.degraded_share is None or felt.p50_ns is None or felt.p95_ns is None:
        return [figures.NO_DATA, "", "", "", ""]
    return [
        figures.thousands(felt.total),
        wording.share(felt.availability),
        wording.share(felt.degraded_share),
        wording.time(felt.p50_ns),
        wording.time(felt.p95_ns),
    ]


def _objectives(report: Report) -> Iterator[str]:
    """What was judged, the worst first; the rest is folded."""
    judged = [(slo.name, row) for slo in report.objectives for row in slo.rows if row.check is not None]
    if not judged:
        return
    yield "**Service level objectives**"
    yield ""
    yield from _OBJECTIVES_HEAD
    judged.sort(key=lambda found: found[1].outcome is Outcome.PASS)
    for name, row in judged[:_MOST_OBJECTIVES]:
        yield _objective_row(name, row)


def _objective_row(name: str, row: Objective) -> str:
    return _row(escaped(name), escaped(f"{row.phase} {row.window}".strip()), *_objective_cells(row))


def _in_full(report: Report) -> Iterator[str]:
    """The two tables again, where rows of them are missing above."""
    felt = _felt_rows(report)
    if len(felt) > _MOST_FELT:
        yield from _folded("What users felt, all journeys and phases", [*_FELT_HEAD, *felt])
    rows = [(slo.name, row) for slo in report.objectives for row in slo.rows]
    if rows:
        lines = [_objective_row(name, row) for name, row in rows]
        yield from _folded("All objectives in all phases, also those that nobody judged", [*_OBJECTIVES_HEAD, *lines])


def _objective_cells(row: Objective) -> list[str]:
    mark = "not asked" if row.outcome is None else MARKS[row.outcome]
    target = wording.share(row.target)
    if row.share is None or row.interval is None:
        return [figures.NO_DATA, "", target, "", mark]
    spent = "no budget" if row.budget_spent is None else f"{row.budget_spent * 100:.0f} %"
    counts = f"{figures.thousands(row.good)} / {figures.thousands(row.total)}"
    return [counts, f"{wording.share(row.share)} ({wording.shares(row.interval)})", target, spent, mark]


def _open(report: Report) -> Iterator[str]:
    """What else did not pass, the failed first; all of it, but only the first few unfolded."""
    told = {reason.check.id for reason in report.reasons if reason.check is not None}
    claims = [claim for group in report.groups for claim in group.claims if claim.result.id not in told]
    order = (Outcome.FAIL, Outcome.INCONCLUSIVE)
    found = [claim for outcome in order for claim in claims if claim.result.outcome is outcome]
    if not found:
        return
    yield f"**Also not passed** (in all: {report.tally})"
    yield ""
    for claim in found[:_MOST_OPEN]:
        yield _item(claim)
    if len(found) > _MOST_OPEN:
        yield ""
        yield from _folded(f"{len(found) - _MOST_OPEN} more", [_item(claim) for claim in found[_MOST_OPEN:]])


def _item(claim: Claim) -> str:
    result = claim.result
    return f"- {MARKS[result.outcome]} {code(result.id)} {escaped(result.claim)}: {escaped(result.reason)}"


def _all_checks(report: Report) -> Iterator[str]:
    rows = list(_head("", "check", "claim", "observed", "limit", "95 %", "n", text=3))
    for group in report.groups:
        for claim in group.claims:
            result = claim.result
            n = "" if result.n is None else figures.thousands(result.n)
            cells = (escaped(result.claim), claim.observed, escaped(claim.limit), claim.interval, n)
            rows.append(_row(MARKS[result.outcome], code(result.id), *cells))
    yield from _folded(f"All {len(rows) - 2} checks", rows)


def _journal(report: Report) -> Iterator[str]:
    events = [f"- {moment.at} {escaped(moment.text)}" for moment in report.journal[:_MOST_EVENTS]]
    if events:
        yield from _folded("What happened when", events)


def _circumstances(report: Report) -> Iterator[str]:
    lines = [f"- {escaped(name)}: {escaped(value)}" for name, value in report.facts]
    for command in report.commands:
        lines += [
            "",
            f"{escaped(command.purpose.capitalize())}:",
            "",
            f"    {words.tame(' '.join(command.line.split()))}",
        ]
    lines += ["", *_head("edge", "timeout", "attempts", "breaker", "bulkhead", "fallback", text=1)]
    for row in report.policies:
        lines.append(
            _row(*map(escaped, (row.edge, row.timeout, row.attempts, row.breaker, row.bulkhead, row.fallback)))
        )
    yield from _folded("Circumstances, policies, and how to repeat it", lines)


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"<details><summary>{escaped(title)}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"


def _head(*names: str, text: int) -> Iterator[str]:
    """Yield the head of a table; the first `text` columns are text, the others numbers."""
    yield _row(*names)
    yield _row(*("---" if i < text else "--:" for i in range(len(names))))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


_FELT_HEAD = tuple(_head("journey", "phase", "journeys", "available", "degraded", "p50", "p95", text=2))
_OBJECTIVES_HEAD = tuple(
    _head("objective", "phase", "good / total", "share (95 %)", "target", "budget spent", "judged", text=2)
)
