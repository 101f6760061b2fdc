"""The HTML report: one file that fetches nothing, reads well without scripts, and stays below its size.

Values are escaped by the template engine; what is not a value is our own style, script and the chart library.
Scripts are allowed by their hash alone, so nothing in the data could ever run.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from workbench.checks import wording
from workbench.model.run import RunRecord
from workbench.model.tools import Tool
from workbench.model.units import NS_PER_S
from workbench.pages import inlined, topology, words
from workbench.pages.axis import ticks
from workbench.pages.charts import chart_data
from workbench.reporting import drawing, figures
from workbench.reporting.detail import DETAILS, Detail, brief, trimmed
from workbench.reporting.report import Report, Timeline
from workbench.reporting.tool_pages import Stretch, trace_page
from workbench.reporting.tool_pages import page as tool_page
from workbench.reporting.waterfall import most_telling

LIMIT_BYTES = 150_000
"""What a page never exceeds."""

_ROOMY_BYTES = 140_000
"""What a page is made to fit, so that a longer name somewhere does not matter."""

_PLAIN_ID = re.compile(r"[\w:@/#.-]{1,100}")
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:\d{1,5}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def html_page(report: Report) -> str:
    """Return the page, with as much detail as its size allows."""
    page = ""
    for detail in DETAILS:
        page = _rendered(report, detail)
        if len(page.encode()) <= _ROOMY_BYTES:
            break
    return page


def _rendered(whole: Report, detail: Detail) -> str:
    report, missing = trimmed(whole, detail)
    drawn = report.timeline is not None and any(not chart.missing for chart in report.timeline.charts)
    live = drawn and detail.live
    allowed = [inlined.script(), *([inlined.library()] if live else [])]
    data = _data(report.timeline) if report.timeline is not None and live else ""
    page = (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            verdict=report.verdict,
            detail=detail,
            missing=missing,
            data=Markup(data),  # noqa: S704 - escaped there
            style=Markup(inlined.style()),  # noqa: S704 - our own files
            script=Markup(inlined.script()),  # noqa: S704 - our own file
            library=inlined.packed_library(),
            licence=inlined.licence(),
            hashes=Markup(" ".join(map(inlined.allowed, allowed))),  # noqa: S704 - a hash
            trace_ids={fall.chosen.trace_id for fall in report.waterfalls},
            tool_pages=_tool_pages(report.history.run),
            in_jaeger=partial(_in_jaeger, report.history.run.tools.get(Tool.JAEGER)),
            check_ids={claim.result.id for group in report.groups for claim in group.claims},
        )
    )
    return "\n".join(line for line in map(str.strip, page.split("\n")) if line) + "\n"


def _anchor(name: str) -> str:
    """Return what a link may point to; a name that is no good for that becomes a digest."""
    return name if _PLAIN_ID.fullmatch(name) else hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]


def _in_jaeger(base_url: str | None, trace_id: str) -> str | None:
    """Return the address of a trace in the Jaeger that stood beside the run. Nothing else is ever linked to."""
    if base_url is None or not _LOOPBACK.fullmatch(base_url) or not _TRACE_ID.fullmatch(trace_id):
        return None
    return trace_page(base_url, trace_id)


def _tool_pages(run: RunRecord) -> list[tuple[str, str]]:
    """Return name and address of what stood beside the run, at its time."""
    beside = [(tool, url) for tool, url in run.tools.items() if _LOOPBACK.fullmatch(url)]
    return [
        (tool.capitalize(), tool_page(tool, url, Stretch.of(run), run.system.entry, run.run_id)) for tool, url in beside
    ]


def _visible(value: object) -> object:
    """Leave out of every text from the run what a reader could not see; our own markup is what it is."""
    return words.tame(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _sentence(text: str) -> str:
    """Begin with a capital letter, unless the first word is a name such as `orders:payments` or `p95`."""
    first = text.partition(" ")[0].rstrip(",;")
    return text[:1].upper() + text[1:] if first.isascii() and first.isalpha() else text


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("workbench.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": wording.count,
        "share": wording.share,
        "time": wording.time,
        "moment": figures.moment,
        "thousands": figures.thousands,
        "short": brief,
        "anchor": _anchor,
        "sentence": _sentence,
        "plain": lambda number: f"{number:g}",
    }
    environment.globals |= {
        "drawing": drawing,
        "figures": figures,
        "topology": topology,
        "most_telling": most_telling,
        "axis_ticks": ticks,
    }
    return environment


def _data(timeline: Timeline) -> str:
    """Return what the charts are drawn from, as JSON that may stand inside a script element."""
    axis = timeline.axis
    content: dict[str, Any] = {
        "start": axis.start_ns / NS_PER_S,
        "end": axis.end_ns / NS_PER_S,
        "slot": axis.slot_ns / NS_PER_S,
        "slots": axis.slots,
        "ticks": [second for second, _ in ticks(axis)],
        "phases": [[band.name, band.role, band.start_s, band.end_s] for band in timeline.bands],
        "faults": [[f.id, f.asked_s, f.on_s, f.undo_s, f.off_s] for f in timeline.faults],
        "charts": [chart_data(chart) for chart in timeline.charts if not chart.missing],
        "lanes": [[lane.edge, [[s.start_s, s.end_s, s.state] for s in lane.stretches]] for lane in timeline.lanes],
    }
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
