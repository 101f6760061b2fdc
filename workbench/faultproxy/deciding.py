"""Decide what the faults of an edge do to one request (or to one connection that is not HTTP). Pure but for counting.

Faults are asked in the order in which they were declared. Delays add up. The first answer or swallow ends it:
later faults do not meet the request, so they neither count nor number it; earlier delays still apply.
A canary is hit by every fault whose `match` it fits, and is neither counted nor numbered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.faultproxy.active_fault import Influence, RequestInfluence
from workbench.faultproxy.heads import RequestHead, read_all_headers
from workbench.model.faults.actions import Answer, Close, Delay, Pace, Side, Swallow, Truncate
from workbench.model.faults.seeded import Draw, is_hit

CANARY_ORDINAL = -1

HoldParts = dict[Influence, int]
"""Nanoseconds to hold, by who wants it."""


@dataclass(slots=True)
class Decided:
    """What happens to one attempt. `decisions` and `faults` are columns of its row."""

    decisions: str = ""
    faults: str = ""
    request_hold: HoldParts = field(default_factory=dict)
    response_hold: HoldParts = field(default_factory=dict)
    shapings: dict[Influence, Pace | Truncate] = field(default_factory=dict)
    """In the order in which the faults were declared."""
    ending: Answer | Swallow | Close | None = None
    ended_by: RequestInfluence | None = None

    def paces(self, side: Side) -> dict[Influence, Pace]:
        """Return the paces of one side."""
        return {by: shape for by, shape in self.shapings.items() if isinstance(shape, Pace) and shape.side == side}

    @property
    def truncated_at(self) -> int | None:
        """Bytes of the answer's body after which it ends; None: it is not truncated. The smallest counts."""
        return min((shape.after_bytes for shape in self.shapings.values() if isinstance(shape, Truncate)), default=None)

    def influences(self) -> tuple[Influence, ...]:
        """Return who has to be able to free the connection of this."""
        return (*self.request_hold, *self.response_hold, *self.shapings)

    def note(self, fault: RequestInfluence, ordinal: int, *, hit: bool) -> None:
        """Add one decision to the columns."""
        mark = f"{fault.id}={ordinal}{'+' if hit else '-'}"
        self.decisions = f"{self.decisions} {mark}" if self.decisions else mark
        if hit:
            self.faults = f"{self.faults} {fault.id}" if self.faults else fault.id

    def forget(self, influence: Influence) -> None:
        """Drop what a fault that is off wanted to hold."""
        self.request_hold.pop(influence, None)
        self.response_hold.pop(influence, None)
        self.shapings.pop(influence, None)

    def columns_only(self) -> Decided:
        """Return what was decided so far, without what has been carried out."""
        return Decided(self.decisions, self.faults)


def decide(faults: Sequence[RequestInfluence], head: RequestHead | None, now: int, *, canary: bool = False) -> Decided:
    """Ask each fault; `head` is None for a connection that is not HTTP."""
    decided = Decided()
    for fault in faults:
        if now < fault.expires_at_ns and _is_eligible(fault, head):
            ask(fault, decided, now, canary=canary)
            if decided.ending is not None:
                break
    return decided


def ask(fault: RequestInfluence, decided: Decided, now: int, *, canary: bool = False) -> bool:
    """Let one fault decide on an attempt that is eligible for it; return whether it hits."""
    if canary:
        ordinal, hit = CANARY_ORDINAL, True
    else:
        ordinal = fault.eligible
        fault.eligible += 1
        hit = is_hit(fault.seed, fault.id, ordinal, fault.share)
        if hit:
            fault.count_hit(now)
    decided.note(fault, ordinal, hit=hit)
    if hit:
        _apply(fault, decided, ordinal, now)
    return hit


def _is_eligible(fault: RequestInfluence, head: RequestHead | None) -> bool:
    if head is None:
        return fault.fits_bytes
    if fault.fits_everything:
        return True
    match = fault.rule.match
    headers = read_all_headers(head.raw) if match.needs_headers else {}
    return match.fits(head.method, head.path, headers)


def _apply(fault: RequestInfluence, decided: Decided, ordinal: int, now: int) -> None:
    action = fault.rule.action(Draw(fault.seed, fault.id, ordinal, now - fault.active_since_ns))
    if isinstance(action, Delay):
        hold = decided.request_hold if action.side == "request" else decided.response_hold
        hold[fault] = action.ns
    elif isinstance(action, Pace | Truncate):
        decided.shapings[fault] = action
    else:
        assert isinstance(action, Answer | Swallow | Close)
        decided.ending = action
        decided.ended_by = fault
