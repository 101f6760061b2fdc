"""Decide what the faults of an edge do to one request (or to one connection that is not HTTP). Pure but for counting.

Faults are asked in the order in which they were declared. Delays, paces, truncations and alterations add up. The
first ending (an answer, a swallow, a close, a loss) ends the matter: later faults do not meet the request, so they
neither count nor number it; what earlier ones do still applies. A full queue is such an ending, too.
A canary is hit by every fault whose `match` it fits, and is neither counted nor numbered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.faultproxy.active_fault import Influence, RequestInfluence
from workbench.faultproxy.admission import Place
from workbench.faultproxy.heads import RequestHead, read_all_headers
from workbench.model.faults.actions import Admit, Alter, Delay, Ending, Lose, Pace, Side, Truncate
from workbench.model.faults.seeded import Draw

if TYPE_CHECKING:
    from workbench.faultproxy.connection import Connection

CANARY_ORDINAL = -1

HoldParts = dict[Influence, int]
"""Nanoseconds to hold, by who wants it."""


_NOTHING: dict[Any, Any] = {}
"""Stands for all that is not there: most requests are not hit, and four dictionaries each would be dear."""


class Decided:
    """What happens to one attempt: nothing, until a fault says otherwise. `decisions`, `faults`: columns of its row."""

    # Defaults of the class, because most attempts need none of them changed but the first.
    decisions = ""
    faults = ""
    hit_by: tuple[RequestInfluence, ...] = ()
    """Those that count it."""
    request_hold: HoldParts = _NOTHING
    response_hold: HoldParts = _NOTHING
    shapings: dict[Influence, Pace | Truncate | Alter] = _NOTHING
    """In the order in which the faults were declared."""
    places: dict[RequestInfluence, Place] = _NOTHING
    ending: Ending | None = None
    ended_by: RequestInfluence | None = None

    @property
    def answers_here(self) -> bool:
        """The callee does not hear of it."""
        return self.ending is not None and not isinstance(self.ending, Lose)

    def paces(self, side: Side) -> dict[Influence, Pace]:
        """Return the paces of one side."""
        return {by: shape for by, shape in self.shapings.items() if isinstance(shape, Pace) and shape.side == side}

    @property
    def shapes_answer(self) -> bool:
        """The beginning of the answer is to be waited for: it is held, or what follows has a pace."""
        return bool(self.response_hold or self.paces("response"))

    @property
    def truncated_at(self) -> int | None:
        """Bytes of the answer's body after which it ends; None: it is not truncated. The smallest counts."""
        return min((shape.after_bytes for shape in self.shapings.values() if isinstance(shape, Truncate)), default=None)

    @property
    def alterations(self) -> list[tuple[RequestInfluence, Alter]]:
        """Whose answer is changed, and how, one after the other."""
        return [(by, self.shapings[by]) for by in self.shapings if isinstance(self.shapings[by], Alter)]  # type: ignore[misc]  # seen

    def influences(self) -> tuple[Influence, ...]:
        """Return who has to be able to free the connection of this."""
        loses = (self.ended_by,) if self.ended_by is not None and isinstance(self.ending, Lose) else ()
        return (*self.request_hold, *self.response_hold, *self.shapings, *self.places, *loses)

    def note(self, fault: RequestInfluence, number: int | str, *, hit: bool) -> None:
        """Add one decision to the columns."""
        mark = f"{fault.id}={number}{'+' if hit else '-'}"
        self.decisions = f"{self.decisions} {mark}" if self.decisions else mark
        if hit:
            self.faults = f"{self.faults} {fault.id}" if self.faults else fault.id

    def forget(self, influence: Influence) -> None:
        """Drop what a fault that is off wanted for later."""
        self.request_hold.pop(influence, None)
        self.response_hold.pop(influence, None)
        self.shapings.pop(influence, None)
        if self.ended_by is influence and isinstance(self.ending, Lose):
            self.ending = self.ended_by = None

    def columns_only(self) -> Decided:
        """Return what was decided so far, without what has been carried out."""
        columns = Decided()
        columns.decisions, columns.faults, columns.hit_by = self.decisions, self.faults, self.hit_by
        return columns

    def give_places_back(self) -> None:
        """Let others have the places with the callee."""
        for place in self.places.values():
            place.give_back()


def decide(
    faults: Sequence[RequestInfluence],
    head: RequestHead | None,
    now: int,
    *,
    connection: Connection | None = None,
    canary: bool = False,
) -> Decided:
    """Ask each fault; `head` is None for a connection that is not HTTP."""
    decided = Decided()
    for fault in faults:
        if not fault.hits_at(now) or not ((fault.fits_everything and head is not None) or _is_eligible(fault, head)):
            continue
        chance = fault.chance
        if chance is not None and not canary and not chance.hits(ordinal := fault.numbers.requests):
            # What `ask` would do with what most requests are to most faults, in fewer steps.
            fault.numbers.requests = ordinal + 1
            mark = f"{fault.id}={ordinal}-"
            decided.decisions = f"{decided.decisions} {mark}" if decided.decisions else mark
            continue
        ask(fault, decided, now, head=head, connection=connection, canary=canary)
        if decided.ending is not None:
            break
    if decided.places and decided.answers_here:
        decided.give_places_back()
        decided.places = _NOTHING
    return decided


def ask(
    fault: RequestInfluence,
    decided: Decided,
    now: int,
    *,
    head: RequestHead | None = None,
    connection: Connection | None = None,
    canary: bool = False,
) -> bool:
    """Let one fault decide on an attempt that is eligible for it; return whether it hits."""
    if canary:
        ordinal, hit = CANARY_ORDINAL, True
        number: int | str = ordinal
    else:
        by, chance = fault.counts_by, fault.chance
        ordinal = fault.numbers.take(connection)
        nth = ordinal if by is None else fault.numbers.take_nth(by, head)
        number = ordinal if by is None else f"{ordinal}/{nth}"
        hit = fault.rule.hits(fault.seed, ordinal, nth) if chance is None else chance.hits(ordinal)
        if hit:
            fault.count_hit(now)
            decided.hit_by += (fault,)
    decided.note(fault, number, hit=hit)
    if hit:
        _apply(fault, decided, ordinal, now)
    return hit


def decide_again(fault: RequestInfluence, earlier: Decided, now: int) -> Decided | None:
    """Return what a fault that was off in between does to a connection on which it has decided; None: it has not.

    Of several decisions of its id, the last one is its own.
    """
    mark = re.search(rf"(?:.* |^){re.escape(fault.id)}=(\d+)\S*([+-])(?: |$)", earlier.decisions)
    if mark is None:
        return None
    decided = earlier.columns_only()
    if mark[2] == "+":
        _apply(fault, decided, int(mark[1]), now)
    return decided


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
    match action:
        case Delay():
            if action.side == "request":
                decided.request_hold = {**decided.request_hold, fault: action.ns}
            else:
                decided.response_hold = {**decided.response_hold, fault: action.ns}
        case Pace() | Truncate() | Alter():
            decided.shapings = {**decided.shapings, fault: action}
        case Admit():
            place = fault.gate.enter(action)
            if place is None:
                decided.ending, decided.ended_by = action.refusal, fault
            else:
                decided.places = {**decided.places, fault: place}
        case _:
            decided.ending, decided.ended_by = action, fault
