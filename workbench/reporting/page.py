"""The HTML report: one file that fetches nothing, reads well without scripts, and stays below its size.

Values are escaped by the template engine; what is not a value is our own style, script and the chart library.
Scripts are allowed by their hash alone, so nothing in the data could ever run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from workbench.checks import wording
from workbench.model.units import NS_PER_S
from workbench.reporting import drawing, figures, inlined, topology
from workbench.reporting.report import Report, Timeline
from workbench.reporting.waterfall import most_telling

LIMIT_BYTES = 150_000


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is shown. Less is taken where a page would be too large; the run directory has it all."""

    bars: int
    evidence: int
    moments: int
    results: int
    text: int


_DETAILS = (
    Detail(bars=22, evidence=5, moments=120, results=400, text=1_000),
    Detail(bars=18, evidence=4, moments=80, results=300, text=600),
    Detail(bars=14, evidence=3, moments=60, results=200, text=400),
    Detail(bars=10, evidence=2, moments=40, results=100, text=300),
    Detail(bars=6, evidence=1, moments=30, results=60, text=240),
    Detail(bars=0, evidence=0, moments=12, results=20, text=160),
)


def html_page(report: Report) -> str:
    """Return the page, with as much detail as its size allows."""
    page = ""
    for detail in _DETAILS:
        page = _rendered(report, detail)
        if len(page.encode()) <= LIMIT_BYTES:
            break
    return page


def _rendered(report: Report, detail: Detail) -> str:
    charts = report.timeline is not None
    scripts = inlined.scripts(charts=charts)
    page = (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            verdict=report.verdict,
            detail=detail,
            data=Markup(_data(report.timeline)) if report.timeline is not None else "",  # noqa: S704 - escaped there
            style=Markup(inlined.style()),  # noqa: S704 - our own files
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
            licence=inlined.licence(),
            hashes=Markup(" ".join(map(inlined.allowed, scripts))),  # noqa: S704 - a hash
            trace_ids={fall.chosen.trace_id for fall in report.waterfalls} if detail.bars else set(),
        )
    )
    return "\n".join(line for line in map(str.strip, page.split("\n")) if line) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("workbench.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": wording.count,
        "share": wording.share,
        "time": wording.time,
        "moment": figures.moment,
        "thousands": figures.thousands,
        "short": figures.shortened,
        "plain": lambda number: f"{number:g}",
    }
    environment.globals |= {"drawing": drawing, "figures": figures, "topology": topology, "most_telling": most_telling}
    return environment


def _data(timeline: Timeline) -> str:
    """Return what the charts are drawn from, as JSON that may stand inside a script element."""
    axis = timeline.axis
    content: dict[str, Any] = {
        "start": axis.start_ns / NS_PER_S,
        "end": axis.end_ns / NS_PER_S,
        "slot": axis.slot_ns / NS_PER_S,
        "slots": axis.slots,
        "ticks": [second for second, _ in drawing.ticks(axis)],
        "phases": [[band.name, band.role, band.start_s, band.end_s] for band in timeline.bands],
        "faults": [[f.id, f.asked_s, f.on_s, f.undo_s, f.off_s] for f in timeline.faults],
        "charts": [
            {
                "id": chart.id,
                "unit": chart.unit,
                "stacked": chart.stacked,
                "top": drawing.top_of(chart),
                "series": [[s.label, s.colour, s.style, [_brief(value) for value in s.values]] for s in chart.series],
            }
            for chart in timeline.charts
            if not chart.missing
        ],
        "lanes": [[lane.edge, [[s.start_s, s.end_s, s.state] for s in lane.stretches]] for lane in timeline.lanes],
    }
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _brief(value: float | None) -> float | int | None:
    """Write whole numbers without a point."""
    return value if value is None or not float(value).is_integer() else int(value)
