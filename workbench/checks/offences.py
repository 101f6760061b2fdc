"""What a walk over the promises of a run has found, and the results that follow: shared by the checks of integrity."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.checks import wording
from workbench.checks.check import Claim
from workbench.checks.deciding import universal
from workbench.checks.promises import Promise
from workbench.checks.sli import EVIDENCE
from workbench.model.audit import AuditRecord
from workbench.model.events import Settled
from workbench.model.history import History
from workbench.model.verdict import CheckResult, Evidence, Limit, Outcome, Value


@dataclass(slots=True)
class Found:
    """What a walk over all promises has found."""

    checked: int = 0
    broken: int = 0
    unfinished: int = 0
    unreadable: int = 0
    examples: list[Evidence] = field(default_factory=list)

    def note(self, promise: Promise, text: str, record: AuditRecord | None = None) -> None:
        """Keep what was found as evidence: with the record's id and key, and the trace of the client's request.

        A client that was told nothing knows no id, and one that sent no trace has none: then the services' own account
        says it.
        """
        if sum(one.kind == "record" for one in self.examples) >= EVIDENCE:
            return
        id_, trace = promise.id, promise.trace_id
        if record is not None:
            id_, trace = id_ or record.id, trace or record.trace_id
        known = [f"key {promise.key}"] if promise.key not in text else []
        known += [f"trace {trace}"] if trace else []
        said = f"{text} ({', '.join(known)})" if known else text
        self.examples.append(Evidence(kind="record", ref=id_ or promise.key, text=said))
        if trace:
            self.examples.append(Evidence(kind="trace", ref=trace, text=f"of {id_ or promise.key}"))

    @property
    def first(self) -> str:
        """The first example, for a sentence."""
        if not self.examples:
            return ""
        ref, text = self.examples[0].ref, self.examples[0].text
        return f", such as: {text}" if ref in text else f", such as {ref}: {text}"


def judge_found(claim: Claim, found: Found, said: str, min_n: int) -> CheckResult:
    """Judge what has no exception: one that is broken is enough."""
    if found.unreadable and not found.broken:
        return claim.undecided(f"{wording.count(found.unreadable, 'acknowledgement')} cannot be read", n=found.checked)
    return claim.decided(
        universal(found.broken, found.checked, min_n),
        f"{found.broken} of {said}" + (found.first if found.broken else ""),
        observed=Value(number=found.broken, unit="count"),
        limit=Limit(comparison="at_most", number=0, unit="count"),
        n=found.checked,
        evidence=found.examples,
    )


@dataclass(frozen=True, slots=True)
class Settling:
    """How long was waited for work that was accepted, and whether the services said that all of it was done."""

    waited_ns: int
    all_done: bool

    @classmethod
    def of(cls, history: History) -> Settling:
        settled = history.events(Settled)
        waited = max((event.waited_ns for event in settled), default=0)
        return cls(waited, bool(settled) and settled[-1].pending == 0)

    def was_enough(self, allowed_ns: int) -> bool:
        """Tell whether what is not finished now had its time."""
        return self.all_done or self.waited_ns >= allowed_ns


def judge_unfinished(claim: Claim, settle_ns: int, found: Found, history: History, noun: str) -> CheckResult:
    """Unfinished work breaks the promise only if it had its time, or if the services say that nothing is left."""
    settling = Settling.of(history)
    waited = wording.time(settling.waited_ns)
    unfinished = f"{found.unfinished} of {wording.count(found.checked, noun)} not finished"
    if not settling.was_enough(settle_ns):
        reason = f"{unfinished}, and only {waited} of {wording.time(settle_ns)} were waited for them"
        return claim.undecided(reason, n=found.checked, evidence=found.examples)
    return claim.result(
        Outcome.FAIL,
        f"{unfinished} {waited} after the load had ended; {wording.time(settle_ns)} is allowed{found.first}",
        observed=Value(number=found.unfinished, unit="count"),
        limit=Limit(comparison="at_most", number=0, unit="count"),
        n=found.checked,
        evidence=found.examples,
    )
