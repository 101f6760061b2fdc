"""Everything the reports show, gathered once from a History and its Verdict. No markup and no file is known here."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.model.events import AnyEvent
from workbench.model.history import History
from workbench.model.units import NS_PER_S
from workbench.model.verdict import Verdict
from workbench.pages.axis import Axis
from workbench.pages.charts import Chart
from workbench.pages.sentences import Weight, sentence
from workbench.pages.topology import Map, drawn
from workbench.reporting import figures
from workbench.reporting.chosen_traces import chosen_traces
from workbench.reporting.circumstances import Command, PolicyRow, commands, facts, policies
from workbench.reporting.claims import Group, grouped
from workbench.reporting.edge_charts import Lane, breaker_lanes, edge_charts
from workbench.reporting.felt import JourneyFelt, what_users_felt
from workbench.reporting.headline import Banner, Reason, answer, banners, reasons, tally
from workbench.reporting.injected import Injected, what_was_done
from workbench.reporting.journey_charts import journey_charts
from workbench.reporting.objectives import SloSeen, objectives
from workbench.reporting.timeline import Band, FaultBand, axis, bands, fault_bands, starved
from workbench.reporting.waterfall import Waterfall, waterfalls

_POINTS, _TABLE_COLUMNS, _LANES, _STARVED = 200, 12, 8, 60


@dataclass(frozen=True, slots=True)
class Moment:
    """An event of the journal in words."""

    at: str
    text: str
    weight: Weight


@dataclass(frozen=True, slots=True)
class Timeline:
    """All charts over one axis."""

    axis: Axis
    bands: tuple[Band, ...]
    faults: tuple[FaultBand, ...]
    starved: tuple[tuple[float, float], ...]
    charts: tuple[Chart, ...]
    lanes: tuple[Lane, ...]
    calm: tuple[str, ...]
    """Edges whose breaker never left closed; they need no lane."""


@dataclass(frozen=True, slots=True)
class Report:
    """All there is to show."""

    verdict: Verdict
    history: History
    answer: str
    tally: str
    headline_facts: tuple[tuple[str, str], ...]
    reasons: tuple[Reason, ...]
    banners: tuple[Banner, ...]
    injected: tuple[Injected, ...]
    map: Map | None
    felt: tuple[JourneyFelt, ...]
    objectives: tuple[SloSeen, ...]
    groups: tuple[Group, ...]
    timeline: Timeline | None
    table: Timeline | None
    """The same charts with few slots, to be read as a table."""
    waterfalls: tuple[Waterfall, ...]
    journal: tuple[Moment, ...]
    facts: tuple[tuple[str, str], ...]
    policies: tuple[PolicyRow, ...]
    commands: tuple[Command, ...]


def _faulted(history: History, injected: list[Injected]) -> dict[str, str]:
    """Return the kind of the fault on each edge that felt one."""
    was_on = {fault.id: fault.kind for fault in injected if fault.was_on}
    return {
        edge: was_on[fault.id]
        for fault in history.run.scenario.faults
        if fault.id in was_on
        for edge in history.edges_of(fault)
    }


def gather(history: History, verdict: Verdict) -> Report:
    """Read from the history all that the reports show."""
    injected = what_was_done(history)
    return Report(
        verdict=verdict,
        history=history,
        answer=answer(verdict),
        tally=tally(verdict),
        headline_facts=tuple(_headline_facts(history)),
        reasons=tuple(reasons(verdict)),
        banners=tuple(banners(history, verdict)),
        injected=tuple(injected),
        map=drawn(history.run.system, _faulted(history, injected)),
        felt=tuple(what_users_felt(history)),
        objectives=tuple(objectives(history, verdict)),
        groups=tuple(grouped(verdict, history)),
        timeline=_timeline(history, _POINTS),
        table=_timeline(history, _TABLE_COLUMNS),
        waterfalls=tuple(waterfalls(history, chosen_traces(history))),
        journal=tuple(_moment(event) for event in history.journal),
        facts=tuple(facts(history)),
        policies=tuple(policies(history)),
        commands=tuple(commands(history)),
    )


def _headline_facts(history: History) -> list[tuple[str, str]]:
    run = history.run
    started = history.load_end_ns() - history.load_start_ns()
    (journeys,) = history.row("SELECT count(*) FROM requests WHERE kind = 'journey' AND arrival >= 0")
    return [
        ("started", figures.utc(run.zero.wall_ns)),
        ("lasted", figures.length(max(started, 0))),
        ("journeys", figures.thousands(journeys) if journeys else figures.NO_DATA),
        ("seed", str(run.plan.seed)),
    ]


def _timeline(history: History, most: int) -> Timeline | None:
    found = axis(history, most)
    if found is None:
        return None
    lanes = breaker_lanes(history, found)
    return Timeline(
        axis=found,
        bands=tuple(bands(history)),
        faults=tuple(fault_bands(history, found)),
        starved=tuple(starved(history, found))[:_STARVED],
        charts=(*journey_charts(history, found), *edge_charts(history, found)),
        lanes=tuple(lane for lane in lanes if not lane.calm)[:_LANES],
        calm=tuple(lane.edge for lane in lanes if lane.calm),
    )


def _moment(event: AnyEvent) -> Moment:
    text, weight = sentence(event)
    return Moment(f"{event.at_ns / NS_PER_S:.1f} s", text, weight)
