"""What a check is: a claim that can be judged, what it needs, and what a plan can say about it beforehand.

A check is four functions in a table, not a class: there is no state to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from workbench.checks.deciding import Decision
from workbench.checks.estimates import PowerEstimate
from workbench.checks.facts import Facts
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.verdict import (
    CheckClass,
    CheckResult,
    Evidence,
    Limit,
    Measurement,
    NoData,
    Outcome,
    Window,
)

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Check(Generic[S]):
    """One kind of claim. `S` is how it is written in a scenario."""

    id: str
    """As in docs/reference/checks.md, such as A6."""
    subject: Callable[[S], str]
    """What it is about, such as an edge: the second part of the ids of its results."""
    judge: Callable[[S, History], list[CheckResult]]
    """Say what a finished run shows; one result for each phase and part."""
    needs: Callable[[S, Facts], list[str]]
    """Say what the system or the scenario lacks for it, each with its remedy."""
    power: Callable[[S, Facts, Plan], list[PowerEstimate]]
    """Say how likely a plan is to decide it; nothing where that cannot be known."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed, and the frame of every result about it."""

    id: str
    check: str
    kind: str
    text: str
    check_class: CheckClass
    windows: tuple[Window, ...] = ()

    def result(
        self,
        outcome: Outcome,
        reason: str,
        *,
        observed: Measurement,
        limit: Limit | None = None,
        interval: tuple[float, float] | None = None,
        n: int | None = None,
        needed_n: int | None = None,
        evidence: Iterable[Evidence] = (),
    ) -> CheckResult:
        """Return what was found."""
        return CheckResult(
            id=self.id,
            check=self.check,
            kind=self.kind,
            claim=self.text,
            check_class=self.check_class,
            outcome=outcome,
            reason=reason,
            observed=observed,
            limit=limit,
            interval=interval,
            n=n,
            needed_n=needed_n,
            windows=list(self.windows),
            evidence=list(evidence),
        )

    def decided(
        self,
        decision: Decision,
        reason: str,
        *,
        observed: Measurement,
        limit: Limit | None = None,
        n: int | None = None,
        evidence: Iterable[Evidence] = (),
    ) -> CheckResult:
        """Return what a rule decided."""
        return self.result(
            decision.outcome,
            reason,
            observed=observed,
            limit=limit,
            interval=decision.interval,
            n=n,
            needed_n=decision.needed_n,
            evidence=evidence,
        )

    def undecided(
        self,
        reason: str,
        *,
        n: int | None = None,
        needed_n: int | None = None,
        evidence: Iterable[Evidence] = (),
    ) -> CheckResult:
        """Return that there was nothing to measure."""
        return self.result(
            Outcome.INCONCLUSIVE,
            reason,
            observed=NoData(reason=reason),
            n=n,
            needed_n=needed_n,
            evidence=evidence,
        )

    def not_applicable(self, reason: str) -> CheckResult:
        """Return that the claim has no meaning here."""
        return self.result(Outcome.NOT_APPLICABLE, reason, observed=NoData(reason=reason))


def result_id(check: str, subject: str, phase: str = "fault", part: str = "") -> str:
    """Return the id of a result: `A6:orders:payments`, `A6:orders:payments@outage`, `A6:orders:payments/probes`.

    The phase is left out where it has the usual name, so ids stay the same when phases are added.
    """
    return f"{check}:{subject}{'' if phase == 'fault' else f'@{phase}'}{f'/{part}' if part else ''}"


def traces(ids: Iterable[str | None], text: str = "") -> list[Evidence]:
    """Return trace ids as evidence; requests without a trace are left out."""
    return [Evidence(kind="trace", ref=trace_id, text=text) for trace_id in ids if trace_id]
