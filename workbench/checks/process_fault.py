"""A2 for faults on a service, or on what it keeps its work in: those who called it while it was on felt it.

What callers felt of lost packets is told in the same way: see `packet_fault`.

The plane does not decide anything here, so every attempt on an edge to the service counts that began in that time, from
the moment on at which the fault was asked for: a service that is restarted may be back soon after. For the service that
users talk to, their requests count. Felt it has who failed, or took longer than twice the p95 of the
same edge in baseline, beyond what a starved machine explains (docs/adr/0008); and of either kind only if it was more
than baseline explains by chance, since some attempts are always slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.checks import wording
from workbench.checks.check import Claim, traces
from workbench.checks.facts import Facts, lacks_phase
from workbench.checks.statistics import binomial_at_least
from workbench.checks.stretches import undone
from workbench.model.faults.base import CalleeFault, PacketFault, ServiceFault
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.process_actions import End
from workbench.model.history import FaultWindow, History
from workbench.model.verdict import CheckResult, Outcome, Value

SLOW = 2.0
"""Times the p95 of baseline: what takes longer is slow."""

BY_CHANCE = 0.01
"""What is seen by chance more often than this is no evidence of a fault."""

_EXAMPLES = 3

_ON_EDGES = """
SELECT edge AS on_what, accepted AS began, ended, trace_id,
       end_reason NOT IN ('complete', 'altered') OR coalesce(status >= 500, FALSE) AS failed
FROM attempts WHERE NOT canary AND list_contains(?, edge)
"""

_OF_USERS = """
SELECT name AS on_what, started AS began, ended, trace_id, outcome = 'failed' AS failed
FROM requests WHERE kind = 'request' AND arrival >= 0 AND list_contains(?, 'users')
"""

_TALLY = """
WITH made AS ({made}),
base AS (SELECT m.* FROM made m JOIN phases p ON p.role = 'baseline' AND m.began >= p.start_ns AND m.began < p.end_ns),
usual AS (SELECT on_what, quantile_disc(ended - began, 0.95) AS p95 FROM base GROUP BY on_what),
lasting AS (
  SELECT *, ended - began - coalesce((SELECT sum(least(waited_ns, ended - began)) FROM starved
                                      WHERE from_ns < ended AND to_ns > began), 0) AS lasted
  FROM {which}),
told AS (
  SELECT began, trace_id, failed, coalesce(NOT failed AND lasted > {slow} * p95, FALSE) AS slow
  FROM lasting LEFT JOIN usual USING (on_what))
SELECT count(*), count(*) FILTER (failed), count(*) FILTER (slow),
       (list(trace_id ORDER BY began) FILTER (failed OR slow))[:?]
FROM told
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts, or requests of users, of one stretch of time."""

    made: int
    failed: int
    slow: int
    trace_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Callers:
    """What the callers of services saw while a fault on them was on, beside what they saw in baseline."""

    what: tuple[str, str]
    """What is counted, one and several."""
    seen: Tally
    usual: Tally

    @property
    def felt(self) -> int:
        """How many failed or were slow, of either only where it is more than in baseline."""
        seen, usual = self.seen, self.usual
        failed = seen.failed if _more(seen.failed, seen.made, usual.failed, usual.made) else 0
        slow = seen.slow if _more(seen.slow, seen.made, usual.slow, usual.made) else 0
        return failed + slow

    def text(self) -> str:
        """Say what was seen."""
        seen, usual = self.seen, self.usual
        made = wording.count(seen.made, *self.what)
        said = f"of {made} while it was on, {seen.failed} failed and {seen.slow} took longer than twice the usual"
        if not usual.made:
            return said
        shares = (wording.share(number / usual.made) for number in (usual.failed, usual.slow))
        return f"{said} (in baseline {' and '.join(shares)})"


def callers_of(fault: CalleeFault, history: History, from_ns: int, to_ns: int) -> Callers:
    """Count what callers saw between two moments, and in baseline."""
    if history.run.system.entry in fault.callees:
        return compared(history, _OF_USERS, ["users"], ("request of users", "requests of users"), (from_ns, to_ns))
    edges = history.edges_of(fault)
    on_edges = wording.listed(edges)
    return compared(history, _ON_EDGES, edges, (f"attempt on {on_edges}", f"attempts on {on_edges}"), (from_ns, to_ns))


def compared(
    history: History, made: str, edges: Sequence[str], what: tuple[str, str], between: tuple[int, int]
) -> Callers:
    """Count what began between two moments, and in baseline.

    `made` selects on_what, began, ended, trace_id and failed of all that was made on `edges`, its one parameter.
    """

    def tally(which: str, *window: int) -> Tally:
        sql = _TALLY.format(made=made, slow=SLOW, which=which)
        number, failed, slow, trace_ids = history.row(sql, edges, *window, _EXAMPLES)
        return Tally(number, failed, slow, tuple(filter(None, trace_ids or [])))

    seen = tally("(SELECT * FROM made WHERE began >= ? AND began < ?)", *between)
    return Callers(what, seen, tally("base"))


def judge_process_fault(claim: Claim, fault: CalleeFault, window: FaultWindow, history: History) -> CheckResult:
    """Judge one fault on services that was verified to be on."""
    assert window.requested_ns is not None
    callers = callers_of(fault, history, window.requested_ns, undone(history, window))
    felt, made = callers.felt, callers.seen.made
    if felt < fault.min_evidence:
        reason = f"callers felt it {wording.count(felt, 'time')}, at least {fault.min_evidence} are wanted: "
        by_chance = callers.seen.failed + callers.seen.slow > felt
        why = "; what as many in baseline would give by chance does not count" if by_chance else ""
        return claim.undecided(reason + callers.text() + why, n=felt, needed_n=fault.min_evidence)
    return claim.result(
        Outcome.PASS,
        callers.text(),
        observed=Value(number=felt / made, unit="ratio"),
        n=felt,
        evidence=traces(callers.seen.trace_ids, "called the service while the fault was on"),
    )


def process_fault_needs(facts: Facts) -> list[str]:
    """Say what keeps it from being judged: who is only made slower is seen beside baseline alone."""
    problems = []
    for fault in facts.scenario.faults:
        if isinstance(fault, ResourceFault):
            by_time = fault.is_felt
        else:
            by_time = isinstance(fault, PacketFault) or (
                isinstance(fault, ServiceFault) and not isinstance(fault.action(), End)
            )
        if by_time:
            problems += lacks_phase(facts, "baseline", f"fault {fault.id} ({fault.kind}), which makes callers wait,")
    return problems


def _more(k: int, n: int, usual_k: int, usual_n: int) -> bool:
    """Tell whether k of n are more than their share in baseline gives by chance, in all but one of a hundred cases.

    That share is estimated as (k + 1) / (n + 2) (Laplace's rule of succession), so that one that was never seen is not
    taken to be impossible. Without anything usual to compare with, what was seen stands for itself.
    """
    if not usual_n:
        return k > 0
    return k > 0 and binomial_at_least(k, n, (usual_k + 1) / (usual_n + 2)) <= BY_CHANCE
