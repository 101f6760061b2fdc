"""Objectives over phases: good of total, share, interval, error budget, burn rate.

Where a check has judged an objective, its own window is counted, so the numbers here are the numbers of the verdict.
Other phases are shown because they are asked about, and say that nobody judged them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.checks.statistics import clopper_pearson
from workbench.model.expectations import Recovers
from workbench.model.history import History, PhaseWindow
from workbench.model.scenario import Role, Scenario
from workbench.model.slo import Slo
from workbench.model.verdict import CheckResult, Outcome, Verdict, Window
from workbench.reporting import figures

_KINDS = ("steady_state", "slo")

_COUNTS = """
count(*) FILTER (journey = ? AND intended >= ? AND intended < ?),
count(*) FILTER (journey = ? AND intended >= ? AND intended < ?
                 AND list_contains(?, outcome) AND (? IS NULL OR response_ns <= ?))
"""


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective over one window."""

    phase: str
    role: Role
    window: str
    target: float
    total: int
    good: int
    check: str | None
    """Id of the check that judged it."""
    outcome: Outcome | None

    @property
    def share(self) -> float | None:
        return self.good / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return clopper_pearson(self.good, self.total) if self.total else None

    @property
    def budget_spent(self) -> float | None:
        """Part of the window's error budget that is gone; over one window this is the burn rate too."""
        if not self.total or self.target >= 1:
            return None
        return (self.total - self.good) / self.total / (1 - self.target)


@dataclass(frozen=True, slots=True)
class SloSeen:
    """An SLO, and what came of it."""

    name: str
    says: str
    rows: tuple[Objective, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    slo: Slo
    phase: PhaseWindow
    start_ns: int
    end_ns: int
    target: float
    check: CheckResult | None


def objectives(history: History, verdict: Verdict) -> list[SloSeen]:
    """Return every SLO that the scenario names, in the order of its file, over every phase but warmup."""
    asked = list(_asked(history, verdict))
    counts = iter(_counted(history, asked))
    rows: dict[str, list[Objective]] = {}
    for one in asked:
        total, good = next(counts), next(counts)
        rows.setdefault(one.slo.name, []).append(_objective(one, total, good))
    slos = {one.slo.name: one.slo for one in asked}
    return [SloSeen(name, slos[name].describe(), tuple(found)) for name, found in rows.items()]


def _objective(one: _Asked, total: int, good: int) -> Objective:
    whole = (one.start_ns, one.end_ns) == (one.phase.start_ns, one.phase.end_ns)
    return Objective(
        phase=one.phase.name,
        role=one.phase.role,
        window="" if whole else f"from {figures.moment(one.start_ns)} on",
        target=one.target,
        total=total,
        good=good,
        check=None if one.check is None else one.check.id,
        outcome=None if one.check is None else one.check.outcome,
    )


def _counted(history: History, asked: list[_Asked]) -> tuple[int, ...]:
    """Count all windows in one pass over the journeys."""
    if not asked:
        return ()
    params: list[object] = []
    for one in asked:
        journey = (one.slo.journey, one.start_ns, one.end_ns)
        params += [*journey, *journey, list(one.slo.outcomes), one.slo.under, one.slo.under]
    return history.row(f"SELECT {', '.join([_COUNTS] * len(asked))} FROM journeys WHERE NOT crossing", *params)


def _asked(history: History, verdict: Verdict) -> Iterator[_Asked]:
    judged = {_subject(check): check for check in verdict.checks if check.kind in _KINDS}
    for name in _named(history.run.scenario):
        slo = history.run.slo(name)
        if slo is None:
            continue
        for phase in history.phases():
            if phase.role == "warmup":
                continue
            check = judged.get((name, phase.name))
            window = _window(check, phase)
            limit = None if check is None else check.limit
            target = _target(history.run.scenario, slo, phase) if limit is None else limit.number
            yield _Asked(slo, phase, window.start_ns, window.end_ns, target, check)


def _named(scenario: Scenario) -> list[str]:
    """Return the SLOs that a scenario names, each once."""
    names = [spec.slo for spec in scenario.steady_state]
    names += [spec.slo for spec in scenario.slos]
    names += [spec.slo for spec in scenario.expect if isinstance(spec, Recovers)]
    names += [spec.slo for spec in scenario.abort_when]
    return list(dict.fromkeys(names))


def _subject(check: CheckResult) -> tuple[str, str]:
    """Return what a result is about: `A1:checkout-complete@recovery` is (checkout-complete, recovery)."""
    about = check.id.partition(":")[2].partition("#")[0]
    slo, _, phase = about.partition("@")
    return slo, phase or "fault"


def _window(check: CheckResult | None, phase: PhaseWindow) -> Window:
    if check is not None and check.windows:
        return check.windows[0]
    return Window(phase=phase.name, start_ns=phase.start_ns, end_ns=phase.end_ns)


def _target(scenario: Scenario, slo: Slo, phase: PhaseWindow) -> float:
    """Return what the scenario wants of an SLO in a phase, also where nobody judged it."""
    for spec in scenario.slos:
        if spec.slo == slo.name and phase.name in spec.phases and spec.target is not None:
            return spec.target
    steady = phase.role in ("baseline", "recovery")
    for state in scenario.steady_state:
        if steady and state.slo == slo.name and state.target is not None:
            return state.target
    return slo.target
